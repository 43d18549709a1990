"""Syncs in both directions on the deployed stack: every record of the fixture, field by field, and what people see."""

import json
import uuid
from typing import Any

import pytest
import yaml

from tests.e2e.lab import Lab, Record, wait_for

MINUTES = 240.0
PEOPLE = 350
CONTACT_FIELDS = ("Email", "LastName", "FirstName", "Title", "Department")
LEAD_FIELDS = ("email", "lastName", "firstName", "title", "department")


def a_contact(mark: str, number: int) -> Record:
    """A Contact of the fixture, with texts of many kinds and a blank here and there."""
    return {
        "Email": f"{mark}-{number}@example.com",
        "LastName": f'Łukasz, "{number}" O\'Hara',
        "FirstName": "Zoë" if number % 2 else None,
        "Title": f"Head of ✓ {number}",
        "Department": mark,
    }


def as_lead(contact: Record) -> Record:
    """The same as a lead."""
    return {lead: contact[own] for own, lead in zip(CONTACT_FIELDS, LEAD_FIELDS, strict=True)}


def a_document(identifier: str, **members: Any) -> str:
    """A Sync as YAML."""
    return yaml.safe_dump(
        {"format": 1, "kind": "sync", "id": identifier, "name": identifier, "dedupe": "youngest"}
        | {"import": "create_and_update"}
        | members
    )


def ran(lab: Lab, identifier: str) -> Record:
    """Run a Sync to its end, as a person does; gives what people are told of it."""
    told: Record = json.loads(lab.cli("syncs", "run", identifier, "--wait", "--json"))
    return told


@pytest.mark.cap("S01", "S02", "S39")
def test_records_go_both_ways_with_every_value_and_are_counted(lab: Lab) -> None:
    """350 Contacts become people and come back as other Contacts; counts and values equal the fixture each time.

    A second run writes nothing. The list of runs, a run's failed rows and the state machine's executions say the same.
    """
    mark = f"sync{uuid.uuid4().hex[:8]}"
    contacts = [a_contact(mark, number) for number in range(PEOPLE)]
    lab.salesforce.load("Contact", *contacts)
    there, back = f"{mark}-there", f"{mark}-back"
    document = a_document(
        there,
        source={"connection": "salesforce-demo", "object": "Contact"},
        destination={"connection": "marketo-demo", "object": "leads"},
        match=[{"column": "Email", "field": "email"}],
        mappings=[{"to": to, "column": column} for column, to in zip(CONTACT_FIELDS, LEAD_FIELDS, strict=True)],
        conditions={"clauses": [{"column": "Department", "operator": "equals", "value": mark}]},
    )
    lab.cli("apply", lab.file("there.yaml", document))
    assert json.loads(lab.cli("syncs", "executions", there, "--json")) == []
    lab.cli("syncs", "activate", there)
    first, second = ran(lab, there), ran(lab, there)

    assert (first["status"], first["pulled"], first["created"]) == ("done", PEOPLE, PEOPLE), first
    assert (second["unchanged"], second["created"], second["updated"]) == (PEOPLE, 0, 0)
    leads = {lead["email"]: lead for lead in lab.marketo.records("leads") if str(lead["email"]).startswith(mark)}
    assert len(leads) == PEOPLE
    for contact in contacts:
        wanted = as_lead(contact)
        assert {name: leads[contact["Email"]].get(name) for name in wanted} == wanted

    [list_id] = lab.marketo.load("staticLists", {"name": mark})
    lab.marketo.load("listMembers", *({"listId": list_id, "leadId": lead["id"]} for lead in leads.values()))
    document = a_document(
        back,
        source={"connection": "marketo-demo", "object": "list_members", "static_list": mark},
        destination={"connection": "salesforce-demo", "object": "Lead"},
        match=[{"column": "email", "field": "Email"}],
        mappings=[
            {"to": "Email", "column": "email"},
            {"to": "LastName", "column": "lastName"},
            {"to": "FirstName", "column": "firstName"},
            {"to": "Title", "column": "title"},
            {"to": "Company", "static": mark},
        ],
    )
    lab.cli("apply", lab.file("back.yaml", document))
    lab.cli("syncs", "activate", back)
    returned = ran(lab, back)

    assert (returned["status"], returned["pulled"], returned["created"]) == ("done", PEOPLE, PEOPLE), returned
    records = {each["Email"]: each for each in lab.salesforce.records("Lead") if each.get("Company") == mark}
    assert len(records) == PEOPLE
    for contact in contacts:
        held = records[contact["Email"]]
        assert [held.get(name) for name in CONTACT_FIELDS[:4]] == [contact[name] for name in CONTACT_FIELDS[:4]]

    listed = json.loads(lab.cli("syncs", "executions", there, "--json"))
    assert listed == [second, first]
    assert {"started_at", "ended_at", "status", "pulled", "created", "updated", "skipped", "failed", "message"} <= set(
        first
    )
    assert first["started_at"] < first["ended_at"] <= second["started_at"] < second["ended_at"]
    assert json.loads(lab.cli("syncs", "executions", there, first["slot"], "--failed", "--json")) == []
    machine = lab.stack.client("stepfunctions")
    found = wait_for(
        "the executions",
        lambda: machine.list_executions(stateMachineArn=lab.stack.outputs["SyncMachineArn"], statusFilter="SUCCEEDED")[
            "executions"
        ],
        MINUTES,
    )
    assert sum(mark in each["name"] for each in found) >= 3
