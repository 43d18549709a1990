"""A CRM cycle on the deployed stack: an edit on either side shows on the other, through the real state machines.

What happens in Salesforce is announced by outbound message, what happens in Marketo is found by a poll.
"""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
import yaml

from tests.e2e.lab import Lab, Record, wait_for

MINUTES = 240.0
#: how far behind the present a cycle reads, and a bit; and between two polls
BEHIND, GAP = timedelta(minutes=11), timedelta(minutes=5)
FIELDS = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
]


def a_document(identifier: str, salesforce: str = "salesforce-demo") -> str:
    """A cycle of Leads as YAML; people are made of those of this test alone."""
    ours = {"clauses": [{"column": "Company", "operator": "equals", "value": identifier}]}
    return yaml.safe_dump(
        {
            "format": 1,
            "kind": "crm_cycle",
            "id": identifier,
            "name": identifier,
            "marketo": "marketo-demo",
            "salesforce": salesforce,
            "mode": "replace_native",
            "persons": {
                "id_field": "salesforceId",
                "leads": {"fields": FIELDS},
                "create_in_marketo": {"conditions": ours},
            },
        }
    )


def a_connection(lab: Lab, identifier: str) -> str:
    """An org that may announce its changes, as YAML."""
    [org] = lab.salesforce.records("Organization")
    return yaml.safe_dump(
        {
            "format": 1,
            "kind": "salesforce_connection",
            "id": identifier,
            "name": identifier,
            "token_host": lab.facts["salesforce_url"],
            "audience": lab.facts["salesforce_audience"],
            "client_id": lab.facts["salesforce_client_id"],
            "username": lab.facts["salesforce_username"],
            "organization_id": org["Id"],
        }
    )


def tick(lab: Lab, identifier: str) -> Record:
    """Call what the scheduler's entry of a cycle calls, with what it gives."""
    scheduler, group = lab.stack.client("scheduler"), json.loads(lab.stack.outputs["SyncSchedules"])["group"]
    entry = scheduler.get_schedule(Name=f"_{identifier}", GroupName=group)
    assert entry["ScheduleExpression"] == "rate(1 minute)"
    answer = lab.stack.client("lambda").invoke(FunctionName=entry["Target"]["Arn"], Payload=entry["Target"]["Input"])
    told: Record = json.loads(answer["Payload"].read())
    return told


def begun(lab: Lab, identifier: str, known: set[str]) -> str:
    """The run that the next tick has started, ours or one of the scheduler, which ticks by itself, too."""
    told = tick(lab, identifier)
    found = slots_of(lab, identifier) - known
    assert len(found) == 1, (told, found)
    assert told["slot"] in {*found, ""}, (told, found)
    return found.pop()


def announced(lab: Lab, identifier: str, *leads: Record) -> list[Any]:
    """Leads that somebody makes, each announced twice, with every message acknowledged; their ids."""
    key = lab.cli("keys", "show", f"outbound-messages/{identifier}").strip()
    address = f"{lab.stack.outputs['ApiUrl']}/outbound-messages/{identifier}/{key}"
    rule = {"object": "Lead", "fields": [], "endpoint": address, "duplicates": True, "skip_integration_user": False}
    lab.salesforce.post("outbound", rule)
    try:
        made = lab.salesforce.load("Lead", *leads)
        sent = lab.salesforce.post("outbound/send", {})
    finally:
        lab.salesforce.post("outbound", [])
    assert [each["acknowledged"] for each in sent] == [True, True], sent
    return made


def slots_of(lab: Lab, identifier: str) -> set[str]:
    """The runs of a cycle."""
    return {each["slot"] for each in json.loads(lab.cli("cycle", "executions", identifier, "--json"))}


def run_of(lab: Lab, identifier: str, slot: str) -> Record:
    """A run with its queues and legs, once it has ended."""

    def ended() -> Record | None:
        told: Record = json.loads(lab.cli("cycle", "executions", identifier, slot, "--json"))
        seen.append(f"{told['step']} {told['group'] or ''} {told['status']} {told['rows']} {told['writes']}")
        return told if told["ended_at"] else None

    seen = list[str]()
    try:
        return wait_for("the end of the cycle's run", ended, MINUTES)
    except AssertionError:
        raise AssertionError(f"the run does not end: {list(dict.fromkeys(seen))}") from None


def person_of(lab: Lab, email: str) -> Record | None:
    """A person of Marketo by address."""
    return next(iter(lab.marketo.records("leads", email=email)), None)


@pytest.mark.cap("M001", "M004", "U12")
def test_an_edit_on_either_side_shows_on_the_other(lab: Lab) -> None:
    """From now on: a new Lead that is announced becomes a person before the next poll; the person's edit reaches the
    Lead within a cycle that a tick of the schedule has started."""
    mark = f"cycle{uuid.uuid4().hex[:8]}"
    # what other tests have done is behind the watermarks
    lab.advance_to(lab.marketo.now() + BEHIND)
    lab.cli("apply", lab.file("cycle.yaml", f"{a_connection(lab, mark)}---\n{a_document(mark, mark)}"))
    lab.cli("cycle", "activate", mark)
    assert tick(lab, mark)["because"] == "not_bootstrapped"
    first = json.loads(lab.cli("cycle", "run", mark, "--from-now", "--wait", "--json"))
    assert (first["status"], first["kind"], first["rows"]) == ("done", "from now", 0), first
    assert tick(lab, mark)["because"] == "gap"

    # a poll that finds nothing, by our tick or the scheduler's: the next is a gap away, which is longer than we wait
    lab.advance_to(lab.marketo.now() + GAP + timedelta(minutes=1))
    assert tick(lab, mark)["because"] in {"idle", "gap"}
    known = slots_of(lab, mark)
    email = f"{mark}@example.com"
    person_to_be = {"Email": email, "FirstName": "Ada", "LastName": "Vex", "Company": mark}
    [lead] = announced(lab, mark, person_to_be)
    [slot] = wait_for("a run", lambda: slots_of(lab, mark) - known, MINUTES)
    run = run_of(lab, mark, slot)
    assert run["status"] == "done", run
    person = person_of(lab, email)
    assert person is not None, run
    assert (person["firstName"], person["company"], person["salesforceId"]) == ("Ada", mark, lead)

    lab.edit_person(person["id"], firstName="Grace")
    known = slots_of(lab, mark)
    lab.advance_to(lab.marketo.now() + BEHIND)
    run = run_of(lab, mark, begun(lab, mark, known))
    assert run["status"] == "done", run
    [record] = [each for each in lab.salesforce.records("Lead") if each["Email"] == email]
    assert (record["FirstName"], record["LastName"]) == ("Grace", "Vex"), run

    lab.cli("cycle", "deactivate", mark)
