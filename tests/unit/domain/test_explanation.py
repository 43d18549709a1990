"""The record of an execution's decisions: it holds no value, and it stays small."""

import json
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain import explanation
from leadbridge.domain.event import Event
from leadbridge.domain.narration import tree
from leadbridge.domain.outcome import State
from leadbridge.domain.pipeline import Candidate, CompiledAction, Write, admit, decide_write
from leadbridge.domain.records import RowResult
from tests.builders.actions import a_compiled_action
from tests.builders.descriptions import a_field, a_salesforce_lead
from tests.builders.events import SECRET, a_payload, an_event
from tests.fakes.clock import NOON

CONDITIONS = {"clauses": [{"column": "company", "operator": "starts_with", "value": "Analytical"}]}
TRIMMED = {"column": "lastName", "to": "LastName", "transforms": [{"type": "trim"}]}
COMPANY = {"column": "company", "to": "Company"}


def explained(compiled: CompiledAction, *found: dict[str, Any], **lead: Any) -> Event:
    """An event with the record of a run in which `found` matched and the vendor took what was written."""
    begun = explanation.begun(an_event(payload=a_payload(7, **lead)), compiled)
    item = admit(begun, compiled, SECRET)
    assert isinstance(item, Candidate)
    item = item.with_event(explanation.claimed(item.event, item.claims))
    decision = decide_write(item, found, now=NOON, settle=timedelta(minutes=1))
    event = explanation.decided(item, found, decision).event
    if not isinstance(decision, Write):
        return event
    row = RowResult(ok=True, status="created", id="00Q000000000009AAA")
    return explanation.answered(event, row, "salesforce")


def size(record: Any) -> int:
    """Bytes of a record as JSON."""
    return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode())


def told(record: Any) -> str:
    """The tree of an execution with that record."""
    item = {
        "execution_id": "one",
        "action_id": "person-to-lead",
        "received_at": "2026-03-02T12:00:00.000Z",
        "state": "ended",
        "outcome": "created",
        "decision": record,
    }
    return "\n".join(tree(item, moment=str, remedies=lambda _: ()))


def test_the_record_holds_what_was_asked_found_and_done() -> None:
    """Each step has its section; a clause and a field are told by names, types and results."""
    compiled = a_compiled_action(
        conditions=CONDITIONS, mappings=[TRIMMED, COMPANY], deduplicate={"columns": ["email"], "window_seconds": 60}
    )

    record = explained(compiled).decision

    assert json.loads(json.dumps(record)) == {
        "v": 1,
        "action": {"name": "Person to Lead", "type": "upsert", "objects": ["Lead"], "connection": "salesforce-demo"},
        "conditions": {
            "clauses": [
                {
                    "path": "conditions.clauses[0]",
                    "column": "company",
                    "operator": "starts_with",
                    "type": "text",
                    "result": "holds",
                }
            ]
        },
        "duplicates": {"checks": [{"columns": ["email"], "seconds": 60}]},
        "match": {"looks": [{"object": "Lead", "field": "Email", "found": [], "count": 0}]},
        "fields": {
            "written": ["LastName", "Company"],
            "ruled": [
                {
                    "field": "LastName",
                    "source": "column",
                    "name": "lastName",
                    "before": "a text",
                    "after": "a text",
                    "result": "written",
                    "rules": [{"rule": "trim", "before": "a text", "after": "a text"}],
                }
            ],
        },
        "write": {"operation": "create", "attempt": 1},
        "answer": {"vendor": "salesforce", "status": "created", "id": "00Q000000000009AAA"},
    }


def test_a_record_holds_no_value() -> None:
    """Nothing that the call said of the person or that the match found stands in the record."""
    compiled = a_compiled_action(conditions=CONDITIONS, mappings=[TRIMMED, COMPANY])

    known = {"Id": "00Q000000000001AAA", "Email": "person7@example.com"}
    text = json.dumps(explained(compiled, known, lastName=" Quixote ", company="Analytical Zebras").decision)

    assert "00Q000000000001AAA" in text
    assert not [value for value in ("person7", "Quixote", "Zebras", "Analytical", "Ada") if value in text]


def test_only_a_call_that_begins_gets_a_new_record() -> None:
    """What was begun before keeps what was decided then; what begins anew forgets an earlier run."""
    compiled = a_compiled_action()
    before = {"v": 1, "write": {"operation": "create", "attempt": 1}}

    under_way = explanation.begun(an_event(state=State.WRITING, decision=before), compiled)
    anew = explanation.begun(an_event(decision=before), compiled)

    assert under_way.decision == before
    assert set(anew.decision) == {"v", "action"}


def test_many_matches_and_long_answers_are_cut() -> None:
    """Of fifty records the first ids stand there, with their number; of a long answer its beginning."""
    records = [{"Id": f"00Q{number:012d}AAA", "Email": "person7@example.com"} for number in range(50)]

    event = explained(a_compiled_action(), *records)
    answered = explanation.answered(event, RowResult(ok=False, code="X", message="x" * 9_000), "salesforce")

    (look,) = event.decision["match"]["looks"]
    assert (len(look["found"]), look["count"]) == (explanation.CANDIDATES, 50)
    assert "and 40 more, not kept" in told(event.decision)
    assert len(answered.decision["answer"]["message"]) == explanation.MESSAGE_CHARACTERS


@pytest.mark.parametrize("rules", [0, 20])
def test_a_record_stays_small_and_says_what_it_lost(rules: int) -> None:
    """Four hundred mappings, each with twenty rules or none, stay within the limit; the tree says what is missing."""
    names = [f"A_rather_long_name_of_a_field_{number}__c" for number in range(400)]
    described = a_salesforce_lead(**{name: a_field(name) for name in names})
    mappings = [
        {"column": "lastName", "to": name} | ({"transforms": [{"type": "trim"}] * rules} if rules else {})
        for name in names
    ]

    record = explained(a_compiled_action(described=described, mappings=mappings)).decision

    assert size(record) <= explanation.LIMIT_BYTES
    assert record["cut"] == {"fields.ruled": 400, "fields.written": 400} if rules else {"fields.written": 400}
    text = told(record)
    assert "more, not kept" in text
    assert "Looked for a Lead by Email: none found" in text


def test_what_cannot_be_shortened_is_left_out() -> None:
    """A record of few, huge entries loses whole sections rather than its limit."""
    huge = {"v": 1, "action": {"type": "create"}, "fields": {"ruled": [{"name": "x" * 5_000}] * 5}}

    record = explanation.bounded(huge)

    assert record == {"v": 1, "action": {"type": "create"}, "cut": {"fields": 0}}


def test_what_a_reader_does_not_know_is_passed_over() -> None:
    """A record of a later form is told as far as it is known, without a fault."""
    record = {
        "v": 2,
        "action": {"type": "teleport", "objects": ["Lead"], "connection": "here"},
        "conditions": {"clauses": [{"column": "x", "operator": "rhymes_with", "type": "text", "result": "perhaps"}]},
        "fields": {"ruled": [{"field": "A", "name": "a", "before": "a text", "after": "a text", "result": "beamed"}]},
        "match": {"looks": [], "rule": {"choose": "tallest", "order_by": "Height__c"}},
        "write": {"operation": "beam", "attempt": 2},
        "spells": {"cast": 3},
    }

    text = told(record)

    assert "works on a Lead in here" in text
    assert "x (text) rhymes with: perhaps" in text
    assert "tallest" in text
