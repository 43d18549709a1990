"""Of a call that brings a lead's id alone everything is read from Marketo: once for a batch, and stored."""

from typing import Any

import pytest

from leadbridge.domain.outcome import State
from leadbridge.errors import TransientError
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.fakes.steps import Crash

PERSON = {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "company": "Engines"}


def a_thin_payload(lead_id: int = 7, **lead: Any) -> dict[str, Any]:
    """A call that brings the lead id and nothing else, or what is said."""
    return {"lead": {"id": lead_id} | lead}


def a_world(*lead_ids: int, **changes: Any) -> World:
    """Marketo knows these persons."""
    world = World(an_action(**changes))
    for lead_id in lead_ids or (7,):
        world.marketo.load(lead_id, **PERSON | {"email": f"person{lead_id}@example.com"})
    return world


def test_the_lead_id_alone_is_a_call() -> None:
    """All that the Action maps is read from Marketo; one call for 200 persons, none for those who brought it all."""
    world = a_world(*range(1, 201))

    executions = [world.receive_payload(a_thin_payload(lead_id)) for lead_id in range(1, 201)]
    full = world.receive(201)
    world.drain()

    assert {world.ended(each) for each in [*executions, full]} == {("created", "")}
    assert {(one["Email"], one["Company"]) for one in world.leads()} >= {
        (f"person{number}@example.com", "Engines") for number in range(1, 201)
    }
    assert world.marketo.trouble.made("leads_by_filter") == 1


def test_a_full_call_costs_no_look_at_marketo() -> None:
    """Where the call brings values, be they blank, nothing is read."""
    world = a_world()
    world.marketo.load(7, company="of Marketo", **{name: PERSON[name] for name in ("email", "firstName", "lastName")})

    world.receive(7, company="of the call", firstName="")
    world.drain()

    assert [(one["Company"], one.get("FirstName")) for one in world.leads()] == [("of the call", None)]
    assert world.marketo.trouble.made("leads_by_filter") == 0


def test_what_a_call_with_values_does_not_bring_is_blank() -> None:
    """One value beside the id, be it blank, and Marketo is not asked, although it has the identifier."""
    world = a_world()

    brought = [world.receive_payload(a_thin_payload(7, company=company)) for company in ("of the call", "", None)]
    world.drain()

    assert [world.ended(each) for each in brought] == [("skipped", "identifier_missing")] * 3
    assert world.marketo.trouble.made("leads_by_filter") == 0


def test_conditions_and_dedupe_see_what_was_read() -> None:
    """A condition and a dedupe rule hang on columns that the calls do not bring."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = a_world(
        1, 2, conditions={"match": "all", "clauses": [clause]}, deduplicate={"columns": ["email"], "window_seconds": 60}
    )
    world.marketo.load(3, **PERSON, leadStatus="Disqualified")

    ended = [world.receive_payload(a_thin_payload(number)) for number in (1, 1, 2, 3)]
    world.drain()

    assert [world.ended(each) for each in ended] == [
        ("created", ""),
        ("duplicate", "duplicate_window"),
        ("created", ""),
        ("skipped", "condition_not_met"),
    ]


def test_a_person_whom_marketo_does_not_have_is_skipped_with_the_reason() -> None:
    """Nothing is written anywhere for a lead id that Marketo does not know; the others of the batch go on."""
    world = a_world()
    gone, there = world.receive_payload(a_thin_payload(8)), world.receive_payload(a_thin_payload(7))
    del world.marketo.leads[8]

    world.drain()

    assert world.ended(gone) == ("skipped", "lead_unknown")
    assert world.execution(gone)["message"].startswith("Unknown person: Marketo has no person with the lead id")
    assert world.execution(gone)["activity"]["status"] == "not_attempted"
    assert world.ended(there) == ("created", "")


def test_what_was_read_is_kept_for_the_next_run_and_leaves_with_the_event() -> None:
    """The worker dies after the create; meanwhile the address changes in Marketo: the record is found all the same."""
    world = a_world()
    execution = world.receive_payload(a_thin_payload(7))
    world.steps.die_of("salesforce.create.done")
    with pytest.raises(Crash):
        world.drain()
    assert [event.state for event in world.inbox.waiting.values()] == [State.WRITING]
    world.marketo.leads[7]["email"] = "changed@example.com"
    world.clock.advance(61)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert [one["Email"] for one in world.leads()] == ["person7@example.com"]
    assert world.marketo.trouble.made("leads_by_filter") == 1
    assert not any(value in str(world.execution(execution)) for value in ("person7@", "Lovelace", "Engines"))
    assert "email_hash" in world.execution(execution)


@pytest.mark.parametrize(
    "point", ["marketo.leads_by_filter", "marketo.leads_by_filter.done", "inbox.save", "inbox.save.done"]
)
def test_a_worker_that_dies_while_it_reads_loses_nothing(point: str) -> None:
    """Whichever side of the read or its storing the worker dies on, the person becomes one record."""
    world = a_world()
    execution = world.receive_payload(a_thin_payload(7))
    world.steps.die_of(point)
    with pytest.raises(Crash):
        world.drain()
    world.clock.advance(61)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.leads()) == 1
    assert len(world.marketo.logged(7)) == 1


def test_while_marketo_does_not_answer_the_call_waits() -> None:
    """A read that fails gives the event back; nothing was written, and it runs when Marketo is back."""
    world = a_world()
    down = TransientError("down", vendor="marketo", operation="leads_by_filter", code="502")
    world.marketo.trouble.fail("leads_by_filter", down, times=2)
    execution = world.receive_payload(a_thin_payload(7))

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.marketo.trouble.made("leads_by_filter") == 3
    assert len(world.leads()) == 1
