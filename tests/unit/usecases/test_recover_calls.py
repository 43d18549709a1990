"""Calls that never arrived are found in Marketo's log and run, each once, whatever dies or comes late."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.action import Action
from leadbridge.domain.event import Arrival
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.recovery import AGE, is_recovered
from leadbridge.errors import ConfigurationError, RateLimitedError, TransientError
from leadbridge.usecases.recover_calls import RecoverCalls
from tests.builders.actions import ACTION, an_action
from tests.builders.recovery import WEBHOOK, RecoveryWorld, a_recovering_action
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash

MANY = 400


def a_world_of_lost_calls() -> RecoveryWorld:
    """Three people: one called, one whose call was lost, one whose acknowledgement was; and an hour later."""
    world = RecoveryWorld()
    world.start()
    world.later()
    world.call(1)
    world.call(2, arrives=False)
    world.call(3, answered=False)
    world.run_out()
    world.later()
    return world


def test_what_was_dropped_is_run_and_what_was_only_not_acknowledged_is_not() -> None:
    """The lost call's person is written with the values that Marketo has; nobody is written twice."""
    world = a_world_of_lost_calls()
    world.marketo.leads[2]["firstName"] = "Newest"

    (report,) = world.recover_calls()()
    world.run_out()

    assert [found.call.lead_id for found in report.recovered] == [2]
    assert report.calls == 3
    (item,) = world.recovered()
    assert (item["state"], item["outcome"], item["lead_id"]) == ("ended", "created", "2")
    assert world.meter.of("RecoveredCalls") == 1
    assert dict(world.outcomes()) == {"created": 3}
    assert {lead["Email"]: lead["FirstName"] for lead in world.leads()}["person2@example.com"] == "Newest"


def test_running_again_recovers_nothing_again() -> None:
    """The next runs, and one by hand over all of it, find the recovered call and leave it at that."""
    world = a_world_of_lost_calls()
    world.recover_calls()()
    world.run_out()

    world.recover_calls()()
    by_hand = world.recover_calls().one(ACTION, since=NOON)
    world.later()
    world.recover_calls()()

    assert by_hand.found == ()
    assert len(world.recovered()) == 1
    assert set(world.inbox.ends.values()) == {1}


@pytest.mark.parametrize("offset", [-100.0, 0.0, 100.0])
def test_two_calls_a_minute_apart_stay_two(offset: float) -> None:
    """Of two calls of a person one was dropped: one is recovered, with clocks apart by less than the tolerance."""
    world = RecoveryWorld(a_recovering_action(type="create"))
    world.start()
    world.later()
    world.call(1, answered=False, offset=offset)
    world.clock.advance(60)
    world.call(1, arrives=False)
    world.later()

    (report,) = world.recover_calls()()
    world.recover_calls()()
    world.run_out()

    assert len(report.recovered) == 1
    assert dict(world.outcomes()) == {"created": 2}


def test_a_call_is_decided_on_only_when_it_is_old_enough() -> None:
    """A call of a moment ago is left to the next run, since it may be under way."""
    world = RecoveryWorld()
    world.start()
    world.later()
    world.call(1, arrives=False)
    world.clock.advance(60)

    (early,) = world.recover_calls()()
    world.clock.advance(AGE.total_seconds())
    (later,) = world.recover_calls()()

    assert (early.found, len(later.recovered)) == ((), 1)


def test_an_activity_that_shows_late_is_seen_by_the_next_run() -> None:
    """Runs overlap, so that what Marketo's log shows minutes after its time is not passed over."""
    world = RecoveryWorld()
    world.start()
    world.later()
    called = world.clock.now()
    world.call(1, arrives=False, logged=called + timedelta(minutes=20))
    world.clock.advance(AGE.total_seconds() + 60)
    (first,) = world.recover_calls()()
    world.clock.advance(600)
    (second,) = world.recover_calls()()

    assert (first.found, len(second.recovered)) == ((), 1)


def test_the_first_run_takes_its_start_and_looks_at_nothing_before() -> None:
    """What was called before recovery was switched on is not run, and the vendor is not asked."""
    world = RecoveryWorld()
    world.call(1, arrives=False)
    world.later()

    (report,) = world.recover_calls()()
    world.later()
    world.recover_calls()()

    assert not report.begun
    assert world.recovered() == []


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(an_action(), id="without recovery"),
        pytest.param(a_recovering_action(recovery={"webhook": "Another"}), id="of another webhook"),
    ],
)
def test_an_action_that_does_not_ask_for_it_recovers_nothing(action: Action) -> None:
    """Recovery is off unless the document names the webhook."""
    world = RecoveryWorld(action)
    world.start()
    world.later()
    world.call(1, arrives=False)
    world.later()

    world.recover_calls()()

    assert world.recovered() == []


def test_calls_while_the_action_was_not_active_are_not_recovered() -> None:
    """The start moves along with time, so that activating again does not run what was not to run."""
    world = RecoveryWorld()
    world.start()
    world.configurations.move("action", ACTION, Move.DEACTIVATE)
    world.later()
    world.call(1, arrives=False)
    world.later()
    world.recover_calls()()
    world.configurations.move("action", ACTION, Move.ACTIVATE)
    world.later()
    world.recover_calls()()

    assert world.recovered() == []


def test_a_vendor_that_does_not_answer_keeps_the_place_for_the_next_run() -> None:
    """The report says what Marketo said; nothing is passed over."""
    world = a_world_of_lost_calls()
    reached = world.reached()
    world.marketo.trouble.fail("activities", RateLimitedError("606", vendor="marketo", code="606"))

    (failed,) = world.recover_calls()()
    assert failed.error
    assert world.reached() == reached
    (report,) = world.recover_calls()()

    assert len(report.recovered) == 1


def test_several_actions_of_an_instance_share_one_reading_of_its_log() -> None:
    """The log is read once; each call goes to the Action of its webhook."""
    world = RecoveryWorld(a_recovering_action(), a_recovering_action(id="other", recovery={"webhook": "Other"}))
    world.start()
    world.later()
    world.call(1, arrives=False)
    world.call(2, arrives=False, webhook="Other")
    world.later()
    world.steps.taken.clear()

    reports = world.recover_calls()()

    assert world.steps.taken.count("marketo.activities") == 1
    found = {report.action_id: [each.call.lead_id for each in report.recovered] for report in reports}
    assert found == {ACTION: [1], "other": [2]}


def test_a_person_who_is_gone_ends_as_such() -> None:
    """The call of a deleted person is skipped, and the execution says that there is no such lead."""
    world = a_world_of_lost_calls()
    del world.marketo.leads[2]

    world.recover_calls()()
    world.run_out()

    (item,) = world.recovered()
    assert (item["outcome"], item["reason"]) == ("skipped", "lead_unknown")


# -- deaths


def test_a_run_that_dies_anywhere_is_made_up_for_by_the_next() -> None:
    """At whatever step it dies: the next run recovers what is missing, nothing twice, and keeps nothing back."""
    for step in range(1, MANY):
        world = a_world_of_lost_calls()
        world.steps.arm(step)
        try:
            world.recover_calls()()
        except Crash:
            pass
        else:
            assert step > 10
            return
        world.later()
        world.recover_calls()()
        assert world.reached() == world.clock.now() - AGE
        world.run_out()
        assert dict(world.outcomes()) == {"created": 3}, f"died at {step}"
        assert len(world.recovered()) == 1
        assert set(world.inbox.ends.values()) == {1}
    raise AssertionError("the run has no end")


def test_two_runs_at_once_recover_a_call_once() -> None:
    """A second run that starts while the first has read, but not stored, ends with the same one execution."""
    world = a_world_of_lost_calls()
    plain = world.store_events()

    def store(arrivals: Any, remaining: Any) -> list[str]:
        world.recover_calls()()
        world.run_out()
        return plain(arrivals, remaining)

    first = world.recover_calls()
    first._store = store
    first()
    world.run_out()

    assert len(world.recovered()) == 1
    assert dict(world.outcomes()) == {"created": 3}
    assert set(world.inbox.ends.values()) == {1}


def test_what_cannot_be_stored_now_is_looked_at_again() -> None:
    """The place is kept at the oldest call that was not taken."""
    world = a_world_of_lost_calls()
    refusing = world.recover_calls()
    refusing._store = lambda arrivals, _: [name for name, _ in arrivals]

    (refused,) = refusing()
    called = refused.found[0].call.at
    assert (refused.recovered, world.reached()) == ((), called)
    world.later(hours=3)
    world.recover_calls()()

    assert len(world.recovered()) == 1


# -- late arrivals


def a_late_call(world: RecoveryWorld) -> Arrival:
    """A call that reached us and hung in the queue."""
    lost = world.call(1, arrives=False)
    world.later()
    return lost


@pytest.mark.parametrize("ran", [True, False])
def test_a_call_that_comes_after_its_recovery_ends_as_its_duplicate(ran: bool) -> None:
    """Whether the recovered one has run yet or not: one record, the late one says why, also if it comes again."""
    world = RecoveryWorld()
    world.start()
    world.later()
    lost = a_late_call(world)
    world.recover_calls()()
    if ran:
        world.run_out()

    assert world.store(lost) == []
    assert world.store(lost) == []
    world.run_out()
    world.later()
    world.recover_calls()()

    (recovered,) = world.recovered()
    late = world.execution(lost.execution_id)
    assert (late["outcome"], late["reason"]) == ("duplicate", "duplicate_recovered")
    assert recovered["execution_id"] in late["message"]
    assert dict(world.outcomes()) == {"created": 1, "duplicate": 1}
    assert set(world.inbox.ends.values()) == {1}


@pytest.mark.parametrize("step", ["recoveries.meet", "recoveries.meet.done", "inbox.close", "inbox.close.done"])
def test_a_late_call_whose_process_dies_ends_as_the_duplicate_when_it_comes_again(step: str) -> None:
    """Its message comes again, and the call is neither run nor lost."""
    world = RecoveryWorld()
    world.start()
    world.later()
    lost = a_late_call(world)
    world.recover_calls()()
    world.run_out()
    world.steps.die_of(step)

    with pytest.raises(Crash):
        world.store(lost)
    world.store(lost)
    world.run_out()

    assert dict(world.outcomes()) == {"created": 1, "duplicate": 1}
    assert set(world.inbox.ends.values()) == {1}


def test_a_call_that_comes_while_its_recovery_is_decided_is_not_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stored after the log was read: recovery keeps its hands off, and the next run sees the execution."""
    world = RecoveryWorld()
    world.start()
    world.later()
    lost = a_late_call(world)
    recovering = world.recover_calls()
    decide = recovering._hand_on

    def hand_on(*arguments: Any) -> list[str]:
        world.store(lost)
        return decide(*arguments)

    monkeypatch.setattr(recovering, "_hand_on", hand_on)
    (report,) = recovering()
    world.later()
    world.recover_calls()()
    world.run_out()

    assert report.recovered == ()
    assert world.recovered() == []
    assert dict(world.outcomes()) == {"created": 1}


def test_late_calls_that_were_not_recovered_run() -> None:
    """A backlog of the queue: two calls of a person a minute apart are stored hours later, and both run."""
    world = RecoveryWorld(a_recovering_action(type="create"))
    world.start()
    calls = [world.call(1, arrives=False)]
    world.clock.advance(60)
    calls.append(world.call(1, arrives=False))
    world.later()

    assert world.store(*calls) == []
    world.run_out()
    world.recover_calls()()
    world.run_out()

    assert world.recovered() == []
    assert dict(world.outcomes()) == {"created": 2}


def test_a_message_that_comes_again_is_not_taken_for_a_late_call() -> None:
    """A call that was stored in time stays what it is, though another call of the person was recovered."""
    world = RecoveryWorld(a_recovering_action(type="create"))
    world.start()
    world.later()
    stored = world.call(1, answered=False)
    world.clock.advance(60)
    lost = world.call(1, arrives=False)
    world.run_out()
    world.later()
    world.recover_calls()()
    world.run_out()

    world.store(stored)
    world.store(lost)
    world.run_out()

    assert dict(world.outcomes()) == {"created": 2, "duplicate": 1}
    assert world.ended(lost.execution_id)[0] == "duplicate"


def test_a_store_that_is_away_brings_a_late_call_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decided without the log: the message is given back."""
    world = RecoveryWorld()
    world.start()
    world.later()
    lost = a_late_call(world)
    late = world.late_calls()

    def away(_: str) -> Any:
        raise TransientError("away", vendor="aws", operation="GetItem")

    monkeypatch.setattr(world.recoveries, "meetings", away)
    assert late([("message", lost)]) == ["message"]
    assert lost.execution_id not in world.inbox.logged


# -- by hand


def test_a_dry_run_shows_what_would_run_and_changes_nothing() -> None:
    """It names the calls; no execution, no mark, and the schedule keeps its place."""
    world = a_world_of_lost_calls()
    world.steps.taken.clear()

    report = world.recover_calls().one(ACTION, dry_run=True)

    assert [found.call.lead_id for found in report.recovered] == [2]
    assert all(is_recovered(found.execution_id) for found in report.recovered)
    assert world.recovered() == []
    assert not {"recoveries.meet", "recoveries.reach", "inbox.add"} & set(world.steps.taken)


def test_by_hand_one_can_go_back_but_not_beyond_what_the_log_still_knows() -> None:
    """Calls older than the retention would all look lost, so nobody looks at them; nor at those before the Action."""
    world = RecoveryWorld()
    world.later(hours=30 * 24)
    world.call(1, arrives=False)
    world.later()
    start = world.clock.now()

    report = world.recover_calls().one(ACTION, since=NOON)

    assert report.since == start - timedelta(days=29)
    assert [found.call.lead_id for found in report.recovered] == [1]
    assert world.reached() is None, "the schedule keeps its place"


@pytest.mark.parametrize(
    ("action", "asked", "finding"),
    [
        pytest.param(an_action(), ACTION, "has no `recovery`", id="off"),
        pytest.param(a_recovering_action(), "unknown", "there is no action", id="unknown"),
    ],
)
def test_by_hand_an_action_without_recovery_is_refused(action: Action, asked: str, finding: str) -> None:
    """The sentence says what to add."""
    recover: RecoverCalls = RecoveryWorld(action).recover_calls()

    with pytest.raises(ConfigurationError, match=finding):
        recover.one(asked)


def test_by_hand_an_action_that_is_not_active_is_refused() -> None:
    """What is not to run is not recovered either."""
    world = RecoveryWorld()
    world.configurations.move("action", ACTION, Move.DEACTIVATE)

    with pytest.raises(ConfigurationError, match="activate it first"):
        world.recover_calls().one(ACTION)


def test_the_webhook_is_the_documents() -> None:
    """The name stands in `recovery.webhook`."""
    recovery = a_recovering_action().recovery

    assert recovery is not None
    assert (recovery.webhook, recovery.tolerance_seconds) == (WEBHOOK, 120)
