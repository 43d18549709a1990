"""A call that is run while its caller waits: what it is answered, and what is left to the lane."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.records import Resolution
from leadbridge.errors import RateLimitedError, TransientError
from tests.builders.actions import MARKETO, SALESFORCE, an_action
from tests.builders.events import SECRET, a_payload
from tests.builders.members import a_member_action
from tests.builders.members import a_world as a_member_world
from tests.builders.world import World

INLINE: dict[str, Any] = {"inline": {}}


def a_world(**changes: Any) -> World:
    """A world whose one Action answers inline."""
    return World(an_action(**(INLINE | changes)))


def told_by_api(world: World) -> int:
    """How often values were written back by API."""
    return world.marketo.trouble.made("sync_leads")


def test_the_answer_carries_what_was_written_and_the_lane_only_logs_it() -> None:
    """The new Lead's id and the constant are in the answer; the activity is sent later, and nothing is written back."""
    world = a_world()

    answer = world.answer(7)

    (lead,) = world.leads()
    assert answer["status"] == "done"
    assert (answer["outcome"], answer["reason"]) == ("created", "")
    assert answer["values"] == {"salesforceId": lead["Id"], "leadbridgeStatus": "Synced"}
    assert world.salesforce.trouble.made("describe", "find", "create") == 3
    assert world.marketo.trouble.calls == []
    assert world.bell.rung == [SALESFORCE]
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("created", "")
    execution = world.execution(answer["execution_id"])
    assert execution["writeback"] == {"status": "answered"}
    assert execution["activity"] == {"status": "added"}
    assert told_by_api(world) == 0
    assert world.marketo.trouble.made("activities") == 0  # nobody doubts whether it was sent
    assert [one.attributes["executionId"] for one in world.marketo.logged()] == [answer["execution_id"]]


def test_what_is_skipped_is_answered_at_once_and_over() -> None:
    """A person whom a condition leaves out has an end with the answer, which carries no values."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = a_world(conditions={"match": "all", "clauses": [clause]})

    answer = world.answer(7, leadStatus="Disqualified")

    assert (answer["status"], answer["outcome"], answer["reason"]) == ("done", "skipped", "condition_not_met")
    assert answer["values"] == {}
    assert world.ended(answer["execution_id"]) == ("skipped", "condition_not_met")
    assert not world.inbox.waiting


def test_a_duplicate_is_answered_as_one() -> None:
    """The second call with an event id ends as a duplicate of the first, with the answer."""
    world = a_world()
    world.answer(7, event_id="order-1")
    world.run_out()

    answer = world.answer(7, event_id="order-1")

    assert (answer["status"], answer["outcome"]) == ("done", "duplicate")
    assert len(world.leads()) == 1


def test_a_refused_record_is_answered_with_the_vendors_code() -> None:
    """What the vendor refuses for good is an answer too; the failure is logged by the lane."""
    world = a_world()
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "STRING_TOO_LONG")

    answer = world.answer(7)

    assert (answer["status"], answer["outcome"]) == ("done", "failed")
    assert answer["reason"] == "salesforce_STRING_TOO_LONG"
    assert answer["values"] == {}
    world.run_out()
    assert world.execution(answer["execution_id"])["activity"] == {"status": "added"}
    assert told_by_api(world) == 0


def test_a_decision_is_answered_and_not_made_again() -> None:
    """What was found is told once: the lane logs the decision that was answered, whatever became of the record."""
    world = a_world(type="decide", mappings=[], writeback=[{"execution": "decision", "to": "leadbridgeStatus"}])

    answer = world.answer(7)

    assert (answer["outcome"], answer["values"]) == ("decided", {"leadbridgeStatus": "not found"})
    world.salesforce.load("Lead", Email="person7@example.com")
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("decided", "not_found")
    assert world.salesforce.trouble.made("find") == 1
    assert told_by_api(world) == 0


def test_a_value_to_be_cleared_is_answered_as_blank_text() -> None:
    """Marketo leaves a field alone for null, so a blank that clears is sent as blank text."""
    world = a_world(writeback=[{"field": "Title", "to": "title"}])

    answer = world.answer(7)

    assert answer["values"] == {"title": ""}


@pytest.mark.parametrize(
    "resolution", [Resolution.RETRY, Resolution.RATE], ids=["a locked record", "a vendor that asks for a pause"]
)
def test_what_is_to_be_tried_again_is_queued_with_its_reason(resolution: Resolution) -> None:
    """The answer says which vendor's code it was; the lane writes the record once and writes back by API once."""
    world = a_world()
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=resolution)

    answer = world.answer(7)

    assert answer == {
        "status": "queued",
        "execution_id": answer["execution_id"],
        "reason": "salesforce_UNABLE_TO_LOCK_ROW",
    }
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("created", "")
    assert world.execution(answer["execution_id"])["writeback"] == {"status": "written"}
    assert (len(world.leads()), told_by_api(world), len(world.marketo.logged())) == (1, 1, 1)


def test_a_vendor_that_is_away_is_waited_for_by_the_lane() -> None:
    """A match query that fails as a whole is tried again by the lane when the vendor allows it."""
    world = a_world()
    error = RateLimitedError("pause", vendor="salesforce", code="http_429", retry_after_seconds=30)
    world.salesforce.trouble.fail("find", error)

    answer = world.answer(7)

    assert (answer["status"], answer["reason"]) == ("queued", "salesforce_http_429")
    world.drain()
    assert not world.leads()
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("created", "")


def test_a_lost_answer_is_looked_for_at_once_and_then_by_the_lane() -> None:
    """A create that was committed without an answer is found by the look that follows, and answered as created."""
    world = a_world()
    world.salesforce.trouble.lose_answer("create")

    answer = world.answer(7)

    assert (answer["status"], answer["outcome"]) == ("done", "created")
    world.run_out()
    assert (len(world.leads()), told_by_api(world)) == (1, 0)


def test_an_action_that_cannot_run_is_parked_and_the_answer_says_so() -> None:
    """A mapping to a field that the object lost parks the call, as it would in the lane."""
    world = a_world(mappings=[{"column": "email", "to": "Email"}, {"column": "company", "to": "Gone__c"}])

    answer = world.answer(7)

    assert (answer["status"], answer["reason"]) == ("parked", "mapping_broken")
    assert world.execution(answer["execution_id"])["state"] == "parked"


def test_a_busy_person_is_queued_at_once() -> None:
    """Where another writer holds the person's keys nothing is asked of a vendor but what the Action needs to know."""
    world = a_world()
    first = world.answer(7)
    now = world.clock.now()
    guards = [keyed_hash(SECRET, "guard", "lead", MARKETO, "7")]
    world.run_out()
    assert world.keys.guard({"another writer": guards}, now + timedelta(minutes=5), world.clock.now())

    answer = world.answer(7, firstName="Grace")

    assert (answer["status"], answer["reason"]) == ("queued", "busy")
    assert world.salesforce.trouble.made("find") == 1
    world.keys.release("another writer", guards)
    world.run_out()
    assert world.ended(first["execution_id"]) == ("created", "")
    assert world.ended(answer["execution_id"]) == ("updated", "")
    assert told_by_api(world) == 1


@pytest.mark.parametrize("same", [{"lead_id": 7}, {"lead_id": 8, "email": " Person7@Example.com"}], ids=str)
def test_a_call_does_not_overtake_an_earlier_one_of_its_person(same: dict[str, Any]) -> None:
    """While an earlier call of the lead, or of its address, waits in the lane, a later one is queued behind it."""
    world = a_world()
    world.receive(same.pop("lead_id"), firstName="Older", **same)
    world.clock.advance(1)

    answer = world.answer(7, firstName="Newer")

    assert (answer["status"], answer["reason"]) == ("queued", "waiting")
    assert world.salesforce.trouble.calls == []
    world.run_out()
    assert dict(world.outcomes()) == {"created": 1, "updated": 1}
    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]


def test_others_in_the_lane_keep_nobody_waiting() -> None:
    """Calls of other people, and one of the same person that was answered, do not stand before a call."""
    world = a_world()
    world.receive(8)
    world.answer(7)
    world.clock.advance(1)

    answer = world.answer(7, firstName="Newer")

    assert (answer["status"], answer["outcome"]) == ("done", "updated")


def test_a_lane_too_long_to_tell_is_queued_behind() -> None:
    """Where more waits than can be looked through, order goes before an answer."""
    world = a_world()
    world.inbox.crowded = True

    assert world.answer(7)["reason"] == "waiting"


def test_a_spent_budget_is_queued_before_the_intent() -> None:
    """A call whose match took the budget has written nothing; the lane goes on at once, without any doubt."""
    world = a_world(inline={"budget_seconds": 4})
    world.steps.on_step = lambda name: world.clock.advance(3.5) if name == "salesforce.find.done" else None

    answer = world.answer(7)

    assert (answer["status"], answer["reason"]) == ("queued", "late")
    assert world.salesforce.trouble.made("create") == 0
    world.steps.on_step = lambda _: None
    world.drain()
    assert world.ended(answer["execution_id"]) == ("created", "")
    assert (told_by_api(world), len(world.marketo.logged())) == (1, 1)


def test_the_budget_begins_at_the_gateway() -> None:
    """Time that passed before the function began is spent: what came 7.5 s ago is queued without a vendor call."""
    world = a_world()

    answer = world.answer_payload(a_payload(7), at=world.clock.now() - timedelta(seconds=7.5))

    assert (answer["status"], answer["reason"]) == ("queued", "late")
    assert world.salesforce.trouble.calls == []


def test_a_store_that_asks_for_a_pause_leaves_the_call_to_the_lane() -> None:
    """A table that is throttled in the middle of a run costs the answer its values, and nothing else."""
    world = a_world()

    def throttle(name: str) -> None:
        if name == "keys.guard":
            raise TransientError("pause", vendor="aws", code="ThrottlingException")

    world.steps.on_step = throttle

    answer = world.answer(7)

    assert (answer["status"], answer["reason"]) == ("queued", "store")
    world.steps.on_step = lambda _: None
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("created", "")
    assert told_by_api(world) == 1


def test_an_action_without_inline_is_left_to_the_queue() -> None:
    """A call to an Action that does not answer inline is not touched."""
    world = World()
    world.serial = 1

    assert world.answer_inline()(world.arrival(a_payload(7))) is None
    assert not world.inbox.logged


def test_several_calls_of_one_process_do_not_see_each_other() -> None:
    """Results and reasons of one call are not answered to the next."""
    world = a_world()
    use_case = world.answer_inline()
    first = use_case(world.arrival(a_payload(7)))
    world.inbox.crowded = True

    second = use_case(world.arrival(a_payload(8)))

    assert first is not None
    assert second is not None
    assert first["status"] == "done"
    assert (second["status"], second["reason"]) == ("queued", "waiting")
    assert second["execution_id"] != first["execution_id"]


def test_the_membership_is_left_to_the_lane() -> None:
    """A person of an Action with a program is answered before the membership is written; the lane writes that, logs
    the result, and does not write the values a second time."""
    world = a_member_world(a_member_action(inline={}))

    answer = world.answer(7)

    assert (answer["status"], answer["values"]["leadbridgeStatus"]) == ("done", "Synced")
    assert world.marketo.trouble.calls == []
    world.run_out()
    execution = world.execution(answer["execution_id"])
    assert [execution[part]["status"] for part in ("writeback", "member", "activity")] == [
        "answered",
        "written",
        "added",
    ]
    assert told_by_api(world) == 0


def test_what_is_paused_is_queued_at_once_and_runs_after_it() -> None:
    """While everything is paused no vendor is asked; the lane goes on afterwards, with the write-back by API."""
    world = a_world()
    world.configurations.pause(paused=True)

    answer = world.answer(7)
    world.drain()

    assert (answer["status"], answer["reason"]) == ("queued", "paused")
    assert (world.leads(), world.marketo.trouble.calls, world.salesforce.trouble.calls) == ([], [], [])
    world.configurations.pause(paused=False)
    world.clock.advance(61)
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("created", "")
    assert told_by_api(world) == 1


def test_what_is_not_processed_is_answered_and_logged_where_there_is_a_word_for_it() -> None:
    """The call is told that the person was skipped; the activity with the third value is left to the lane."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    results = an_action().model_dump(exclude_none=True)["results"] | {"not_processed": "Not processed"}
    world = a_world(conditions={"match": "all", "clauses": [clause]}, results=results)

    answer = world.answer(7, leadStatus="Disqualified")

    assert (answer["status"], answer["outcome"], answer["reason"]) == ("done", "skipped", "condition_not_met")
    assert world.marketo.trouble.calls == []
    world.run_out()
    assert world.ended(answer["execution_id"]) == ("skipped", "condition_not_met")
    assert [one.primary_attribute_value for one in world.marketo.logged()] == ["Not processed"]
