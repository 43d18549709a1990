"""A CRM cycle on the deployed stack: an edit on either side shows on the other, through the real state machines."""

import json
import uuid
from datetime import timedelta

import pytest
import yaml

from tests.e2e.lab import Lab, Record, wait_for

MINUTES = 240.0
#: how far behind the present a cycle reads, and a bit
BEHIND = timedelta(minutes=11)
FIELDS = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
]


def a_document(identifier: str) -> str:
    """A cycle of Leads as YAML; people are made of those of this test alone."""
    ours = {"clauses": [{"column": "Company", "operator": "equals", "value": identifier}]}
    return yaml.safe_dump(
        {
            "format": 1,
            "kind": "crm_cycle",
            "id": identifier,
            "name": identifier,
            "marketo": "marketo-demo",
            "salesforce": "salesforce-demo",
            "mode": "replace_native",
            "persons": {
                "id_field": "salesforceId",
                "leads": {"fields": FIELDS},
                "create_in_marketo": {"conditions": ours},
            },
        }
    )


def edit_person(lab: Lab, number: int, **values: str) -> None:
    """Edit a person in Marketo as somebody else does."""
    known = lab.stack.simulators["marketo_credentials"]
    login = {
        "grant_type": "client_credentials",
        "client_id": known["other_client_id"],
        "client_secret": known["other_client_secret"],
    }
    token = lab.web.post(f"{lab.marketo.url}/identity/oauth/token", params=login).json()["access_token"]
    document = {"action": "updateOnly", "lookupField": "id", "input": [{"id": number, **values}]}
    bearer = {"Authorization": f"Bearer {token}"}
    answer = lab.web.post(f"{lab.marketo.url}/rest/v1/leads.json", json=document, headers=bearer)
    assert answer.json()["result"][0]["status"] == "updated", answer.text


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


@pytest.mark.cap("M001", "M004")
def test_an_edit_on_either_side_shows_on_the_other(lab: Lab) -> None:
    """From now on: a new Lead becomes a person, the person's edit reaches the Lead; each within a cycle that a tick of
    the schedule has started."""
    mark = f"cycle{uuid.uuid4().hex[:8]}"
    # what other tests have done is behind the watermarks
    lab.advance_to(lab.marketo.now() + BEHIND)
    lab.cli("apply", lab.file("cycle.yaml", a_document(mark)))
    lab.cli("cycle", "activate", mark)
    assert tick(lab, mark)["because"] == "not_bootstrapped"
    first = json.loads(lab.cli("cycle", "run", mark, "--from-now", "--wait", "--json"))
    assert (first["status"], first["kind"], first["rows"]) == ("done", "from now", 0), first
    assert tick(lab, mark)["because"] == "gap"

    email = f"{mark}@example.com"
    [lead] = lab.salesforce.load("Lead", {"Email": email, "FirstName": "Ada", "LastName": "Vex", "Company": mark})
    known = slots_of(lab, mark)
    lab.advance_to(lab.marketo.now() + BEHIND)
    run = run_of(lab, mark, begun(lab, mark, known))
    assert run["status"] == "done", run
    person = person_of(lab, email)
    assert person is not None, run
    assert (person["firstName"], person["company"], person["salesforceId"]) == ("Ada", mark, lead)

    edit_person(lab, person["id"], firstName="Grace")
    known = slots_of(lab, mark)
    lab.advance_to(lab.marketo.now() + BEHIND)
    run = run_of(lab, mark, begun(lab, mark, known))
    assert run["status"] == "done", run
    [record] = [each for each in lab.salesforce.records("Lead") if each["Email"] == email]
    assert (record["FirstName"], record["LastName"]) == ("Grace", "Vex"), run

    lab.cli("cycle", "deactivate", mark)
