"""Syncs in both directions on the deployed stack: every record of the fixture, field by field, and what people see."""

import json
import time
import uuid
from datetime import UTC, timedelta

import pytest

from tests.e2e.actions import as_yaml
from tests.e2e.lab import Lab, Record, accepted, wait_for
from tests.e2e.syncs import a_sync, of_contacts

MINUTES = 240.0
PEOPLE = 350
#: two full calls of Marketo and a rest
LOADED = 620
CONTACT_FIELDS = ("Email", "LastName", "FirstName", "Title", "Department")
LEAD_FIELDS = ("email", "lastName", "firstName", "title", "department")
FIELDS = tuple(zip(CONTACT_FIELDS, LEAD_FIELDS, strict=True))


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
    return {lead: contact[own] for own, lead in FIELDS}


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
    there, back = mark, f"{mark}-back"
    document = of_contacts(mark, FIELDS)
    lab.cli("apply", lab.file("there.yaml", as_yaml([document])))
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
    document = a_sync(
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
    lab.cli("apply", lab.file("back.yaml", as_yaml([document])))
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


def test_the_entry_of_an_active_sync_starts_it_and_goes_with_it(lab: Lab) -> None:
    """An active Sync has an entry whose fire starts a run in a slot of the document; what somebody changed in it is
    mended with the next activation, and deactivation leaves none.

    The scheduler goes by the machine's clock and the product by the simulators': so the test makes the entry due.
    """
    mark = f"sync{uuid.uuid4().hex[:8]}"
    lab.salesforce.load("Contact", a_contact(mark, 0))
    now = lab.marketo.now().astimezone(UTC)
    document = of_contacts(
        mark,
        extraction="full",
        # a fire that comes long behind its slot starts nothing
        schedule={"every": {"hours": 1}, "start": f"{now:%Y-%m-%dT%H:%M}"},
    )
    scheduler, group = lab.stack.client("scheduler"), json.loads(lab.stack.outputs["SyncSchedules"])["group"]

    def entries() -> dict[str, str]:
        found = scheduler.list_schedules(GroupName=group)["Schedules"]
        return {
            each["Name"]: scheduler.get_schedule(Name=each["Name"], GroupName=group)["ScheduleExpression"]
            for each in found
            if each["Name"] == mark
        }

    lab.cli("apply", lab.file("hourly.yaml", as_yaml([document])))
    assert entries() == {}
    lab.cli("syncs", "activate", mark)
    assert entries() == {mark: "rate(60 minutes)"}
    stored = scheduler.get_schedule(Name=mark, GroupName=group)
    kept = {name: stored[name] for name in ("Name", "GroupName", "FlexibleTimeWindow", "Target", "State")}
    scheduler.update_schedule(**kept, Description="by hand", ScheduleExpression="at(2026-01-01T00:00:00)")

    listed = wait_for("the run", lambda: json.loads(lab.cli("syncs", "executions", mark, "--json")), MINUTES)
    assert [each["slot"] for each in listed] == [f"{now:%Y%m%dT%H%M}00Z"]
    wait_for("its end", lambda: json.loads(lab.cli("syncs", "executions", mark, "--json"))[0]["ended_at"], MINUTES)
    assert mark in {str(lead["email"]).partition("-")[0] for lead in lab.marketo.records("leads")}
    lab.cli("syncs", "activate", mark)
    assert entries() == {mark: "rate(60 minutes)"}
    lab.cli("syncs", "deactivate", mark)
    assert entries() == {}


def test_a_plan_is_applied_and_a_deletion_is_carried_over(lab: Lab) -> None:
    """A plan tells each field and writes nothing; applied, its records are made, but for the one that is there by now.
    A Contact that is deleted takes its person along with the run that hears of it."""
    mark = f"sync{uuid.uuid4().hex[:8]}"
    contacts = [a_contact(mark, number) for number in range(3)]
    ids = lab.salesforce.load("Contact", *contacts)
    document = of_contacts(
        mark,
        FIELDS,
        extraction="full",
        deletes="delete",
    )

    def people() -> list[str]:
        return sorted(str(each["email"]) for each in lab.marketo.records("leads") if mark in str(each["email"]))

    lab.cli("apply", lab.file("planned.yaml", as_yaml([document])))
    lab.cli("syncs", "activate", mark)
    plan = json.loads(lab.cli("syncs", "plan", mark, "--all", "--yes", "--wait", "--json"))
    listed = json.loads(lab.cli("syncs", "planned", mark, plan["slot"], "--json"))

    assert (plan["status"], plan["kind"], people()) == ("done", "plan", []), plan
    assert [(row["source_id"], row["outcome"]) for row in listed] == [(each, "created") for each in sorted(ids)]
    told = {row["source_id"]: {each["name"]: each["after"] for each in row["fields"]} for row in listed}
    assert told[ids[0]] == {name: value for name, value in as_lead(contacts[0]).items() if value is not None}

    lab.marketo.load("leads", {"email": contacts[1]["Email"], "lastName": "Drifted"})
    applied = json.loads(lab.cli("syncs", "apply", mark, plan["slot"], "--wait", "--json"))
    [failed] = json.loads(lab.cli("syncs", "executions", mark, applied["slot"], "--failed", "--json"))
    whole = ran(lab, mark)

    assert (applied["kind"], applied["created"], applied["failed"]) == ("apply", 2, 1), applied
    assert (failed["source_id"], failed["reason"]) == (ids[1], "drifted")
    assert (whole["unchanged"], whole["updated"]) == (2, 1), whole

    lab.salesforce.post("delete", {"object": "Contact", "ids": [ids[2]]})
    lab.advance_to(lab.salesforce.now() + timedelta(hours=1))
    removed = ran(lab, mark)
    assert (removed["status"], removed["deleted"], removed["unchanged"]) == ("done", 1, 2), removed
    assert people() == [each["Email"] for each in contacts[:2]]


@pytest.mark.cap("M156")
def test_calls_of_a_campaign_are_at_salesforce_while_a_sync_loads(lab: Lab) -> None:
    """Two calls a second overtake a Sync whose writes Marketo takes its time for: each person is a Lead while the Sync
    is still at it, which then ends with every row. How long that takes at most is told on virtual time."""
    mark = f"sync{uuid.uuid4().hex[:8]}"
    lab.salesforce.load("Contact", *(a_contact(mark, number) for number in range(LOADED)))
    document = of_contacts(mark)
    lab.cli("apply", lab.file("beside.yaml", as_yaml([document])))
    lab.cli("syncs", "activate", mark)
    people = lab.persons(6)
    lab.marketo.post("faults", [{"match": "POST /rest/v1/leads.json", "kind": "delay", "seconds": 20.0, "nth": 1}])
    try:
        lab.cli("syncs", "run", mark)
        wait_for("the load", lambda: lab.marketo.get("faults")[0]["hits"], MINUTES)
        for person in people:
            accepted(lab.call("upsert", person.body()))
            time.sleep(0.5)
        wait_for("the Leads", lambda: all(lab.leads(each.email) for each in people))
        [running] = lab.json("syncs", "executions", mark)
        assert not running["ended_at"], running
    finally:
        lab.marketo.post("faults", [])

    def ended() -> Record | None:
        [run] = lab.json("syncs", "executions", mark)
        return run if run["ended_at"] else None

    run = wait_for("its end", ended, MINUTES)
    assert (run["pulled"], run["created"], run["failed"]) == (LOADED, LOADED, 0)
    lab.cli("syncs", "deactivate", mark)
