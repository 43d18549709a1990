"""Another system sends many people at once to Marketo: a bulk import on the deployed stack."""

from collections import Counter

import pytest

from tests.e2e.lab import Lab
from tests.e2e.test_bulk import soon

ACTION, LIST, LIST_ID = "nightly", "Nightly", 1_778
NIGHTLY = f"""\
format: 1
kind: action
id: {ACTION}
name: Nightly people
destination: {{connection: marketo-demo, operation: import_leads, lookup_field: email, list: {LIST}}}
mappings:
  - {{column: email, to: email}}
  - {{column: lastName, to: lastName}}
  - {{column: leadScore, to: leadScore}}
batch: {{count: 20, seconds: 3}}
"""


@pytest.mark.cap("T66")
@pytest.mark.pain("P44")
def test_thirty_people_go_as_files_and_each_call_ends_as_its_row_did(lab: Lab) -> None:
    """Twenty go when the twentieth has come, ten others when the oldest has waited for three seconds. 28 are leads and
    members of the list then; the two whose value Marketo refuses fail with its reason, without the value."""
    lab.marketo.load("staticLists", {"id": LIST_ID, "name": LIST})
    lab.cli("apply", lab.file("nightly.yaml", NIGHTLY))
    lab.cli("activate", ACTION)
    names = [f"quillon.nightly{number}@example.com" for number in range(30)]
    lab.told |= {*names, "Vexley-Nightly"}
    bad = {3, 27}

    people = [
        {"lead": {"email": name, "lastName": "Vexley-Nightly", "leadScore": "9" * 30 if number in bad else "7"}}
        for number, name in enumerate(names)
    ]
    with soon(lab.marketo):
        # one after the other: a list takes one import at a time, and who meets another waits for a minute
        calls = lab.call(ACTION, people[:20]).json()["calls"]
        ended = lab.ended([each["execution_id"] for each in calls], swept=True)
        others = lab.call(ACTION, people[20:]).json()["calls"]
        ended += lab.ended([each["execution_id"] for each in others], swept=True)

    assert {number for number, each in enumerate(ended) if each["outcome"] == "failed"} == bad
    assert Counter(each["reason"] for each in ended) == {"imported": 28, "import_refused": 2}
    found = {lead["email"]: lead["id"] for lead in lab.marketo.records("leads") if lead.get("email") in names}
    assert found.keys() == {name for number, name in enumerate(names) if number not in bad}
    members = {each["leadId"] for each in lab.marketo.records("listMembers") if each["listId"] == LIST_ID}
    assert members == set(found.values())
    files = Counter((each["decision"]["write"]["file"], each["decision"]["batch"]["trigger"]) for each in ended)
    assert {trigger: rows for (_, trigger), rows in files.items()} == {"count": 20, "age": 10}
    shown = lab.cli("show", calls[3]["execution_id"])
    assert "did not import the person's row" in shown
    assert "9" * 30 not in shown
