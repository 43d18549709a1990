"""Order and doubt over long delays: each case was first shown by the simulation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Ending
from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    AuthenticationError,
    PermanentError,
    QuotaExhaustedError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.closing import Closing
from tests.builders.actions import an_action
from tests.builders.events import a_candidate, a_payload
from tests.builders.world import World
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Crash

REFUSED = AuthenticationError("refused", vendor="salesforce", operation="find", code="invalid_grant")


def test_an_event_that_waits_long_for_its_answer_keeps_its_order() -> None:
    """A create whose answer was lost waits for hours, until a quota is back; a later create waits behind it.

    Without its guards the later one's record would be taken for its own, and its own would never be made.
    """
    world = World(an_action(type="create"))
    world.salesforce.trouble.lose_answer("create", committed=False)
    first = world.receive(1)
    world.drain()
    resets_at = world.clock.now() + timedelta(hours=5)
    spent = QuotaExhaustedError("spent", vendor="salesforce", code="REQUEST_LIMIT_EXCEEDED", resets_at=resets_at)
    world.salesforce.trouble.fail("find", spent)
    world.clock.advance(61)
    world.drain()

    world.clock.advance(3000)
    second = world.receive(1)
    world.drain()
    assert world.execution(second)["state"] == "waiting"
    world.run_out()

    assert [world.ended(execution)[0] for execution in (first, second)] == ["created", "created"]
    assert len(world.leads()) == 2


def test_an_event_that_waits_for_a_guard_asks_less_and_less_often() -> None:
    """While another writer holds a person's keys for an hour, the lane's worker does not stay for it."""
    world = World()
    execution = world.receive(1)
    guards = a_candidate(payload=a_payload(1)).guards
    world.keys.guard({"another": guards}, world.clock.now() + timedelta(hours=1), world.clock.now())

    reports = []
    for _ in range(10):
        reports.append(world.drain())
        world.clock.advance(61)

    assert [report["events"] for report in reports[3:]] == [1] * 7
    world.keys.release("another", guards)
    world.run_out()
    assert world.ended(execution)[0] == "created"


def test_what_is_written_and_waits_to_be_told_keeps_nobody_waiting() -> None:
    """Marketo's quota is spent for hours: the next event of the person is written meanwhile, an older one is not."""
    world = World()
    world.salesforce.load("Lead", Email="person1@example.com")
    spent = QuotaExhaustedError("spent", vendor="marketo", code="607", resets_at=world.clock.now() + timedelta(hours=5))
    world.marketo.trouble.fail("sync_leads", spent, times=100)
    world.clock.advance(10)
    second = world.receive(1, firstName="Second")
    world.drain()
    delayed = world.receive(1, firstName="First", at=world.clock.now() - timedelta(seconds=10))
    third = world.receive(1, firstName="Third")
    world.drain()

    assert [lead["FirstName"] for lead in world.leads()] == ["Third"]
    world.marketo.trouble.heal()
    world.clock.advance(5 * 3600)
    world.run_out()
    assert [world.ended(one)[0] for one in (delayed, second, third)] == ["superseded", "updated", "updated"]
    assert world.marketo.leads[1]["salesforceId"] == world.leads()[0]["Id"]


@pytest.mark.parametrize("newer_before", [False, True])
def test_a_create_in_doubt_does_not_take_an_older_events_record_for_its_own(*, newer_before: bool) -> None:
    """While a create in doubt was parked an older one made its record: the doubt stays, and is said.

    So it is where a newer one of that Action had made its record before, so that the newest sequence stays.
    """
    world = World(an_action(type="create"))
    if newer_before:
        newer = world.receive(1, at=world.clock.now() + timedelta(seconds=30))
        world.drain()
        assert world.ended(newer) == ("created", "")
    world.salesforce.trouble.lose_answer("create", committed=False)
    doubtful = world.receive(1)
    world.drain()
    world.keys.release(doubtful, world.keys.held_by(doubtful))  # as if it had been away longer than its guards
    older = world.receive(1, at=world.clock.now() - timedelta(seconds=30))
    world.drain()
    assert world.ended(older) == ("created", "")
    world.run_out()

    assert world.ended(doubtful) == ("failed", "uncertain")


def test_whoever_comes_too_late_to_park_leaves_the_guards_to_the_other_one() -> None:
    """A worker slept before it parked an event; its successor, which writes under the same guards, keeps them."""
    world = World()
    execution = world.receive(1)
    guards, now = a_candidate(payload=a_payload(1)).guards, world.clock.now()
    waiting = world.inbox.due("salesforce-demo", now, 9)
    (old,) = world.inbox.claim(waiting, 1)
    (new,) = world.inbox.claim(waiting, 2)
    world.keys.guard({execution: guards}, now + timedelta(minutes=15), now)
    meter = RecordingMeter()
    closing = Closing(inbox=world.inbox, keys=world.keys, clock=world.clock, meter=meter, settings=RunSettings())

    closing.park(old.evolve(guards=guards), "worker_crashed", "Parked.")
    assert (sorted(world.keys.held_by(execution)), meter.of("Parked")) == (sorted(guards), 0)

    closing.park(new.evolve(guards=guards), "worker_crashed", "Parked.")
    assert (world.keys.held_by(execution), world.execution(execution)["state"]) == ([], "parked")


def test_a_worker_that_slept_does_not_bring_an_old_copy_back() -> None:
    """A worker read an event before it slept; what its successor stored of it meanwhile is not overwritten."""
    world = World(an_action(type="create"))
    execution = world.receive(1)
    lane = "salesforce-demo"
    lease = world.lanes.take(lane, world.clock.now())
    assert lease is not None
    old = world.inbox.due(lane, world.clock.now(), 200)
    world.clock.advance(61)
    world.salesforce.trouble.lose_answer("create")
    world.salesforce.trouble.fail("find", REFUSED, nth=2)
    world.drain()  # the successor: the record is made, its answer lost, the event is in doubt

    assert list(world.inbox.claim(old, lease.epoch)) == []
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.leads()) == 1


def test_an_activity_sent_just_before_the_death_is_waited_for() -> None:
    """Long after an event began its worker dies with the activity sent; the successor waits until Marketo shows it."""
    world = World(activity_lag=timedelta(seconds=100))
    slow = TransientError("busy", vendor="marketo", code="608", retry_after_seconds=120)
    world.marketo.trouble.fail("sync_leads", slow)
    execution = world.receive(1)
    world.drain()
    world.clock.advance(121)
    world.steps.die_of("marketo.add_custom_activities.done")
    with pytest.raises(Crash):
        world.drain()
    world.clock.advance(62)  # its lease has ended, and Marketo does not show the activity yet
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.marketo.logged()) == 1


def test_who_is_hurried_does_not_send_what_may_still_show() -> None:
    """A call waits for a log-in at Marketo, and a person has it run at once; meanwhile it runs, and the answer to its
    activity is lost. It was begun long ago, but what was sent a moment ago may still show, and is not sent again."""
    world = World()
    refused = AuthenticationError("refused", vendor="marketo", operation="sync_leads", code="601")
    world.marketo.trouble.fail("sync_leads", refused)
    execution = world.receive(1)
    world.drain()
    world.clock.advance(3600)
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.marketo.trouble.fail("add_custom_activities", lost, late_seconds=30)
    world.drain()
    assert world.execution(execution)["state"] == "reporting"

    [waiting] = world.inbox.waiting.values()
    assert world.inbox.hurry({"pk": f"lane#{world.lane}", "sk": waiting.sequence})
    world.drain()
    world.run_out()
    world.clock.advance(60)  # whatever is late has landed

    assert world.ended(execution) == ("created", "")
    assert len(world.marketo.logged()) == 1


@pytest.mark.parametrize("reads_back", [True, False])
def test_a_late_write_back_does_not_undo_the_next_one(*, reads_back: bool) -> None:
    """The answer of a repeated write-back is lost and it lands later: what the next event wrote back stays."""
    backs: list[dict[str, str]] = [{"field": "Id", "to": "salesforceId"}]
    if reads_back:
        backs.append({"field": "FirstName", "to": "title"})
    world = World(an_action(writeback=backs))
    world.marketo.trouble.refuse_rows("add_custom_activities", lambda _: True, "x", resolution=Resolution.RETRY)
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.marketo.trouble.fail("sync_leads", lost, late_seconds=30, nth=2)
    first = world.receive(1, firstName="First")
    world.drain()  # written back, the activity refused for a moment, written back again without an answer
    assert world.marketo.trouble.made("sync_leads") == 2
    second = world.receive(1, firstName="Second")
    world.run_out()
    world.clock.advance(60)
    world.marketo.logged()  # whatever is late has landed

    assert [world.ended(one)[0] for one in (first, second)] == ["created", "updated"]
    lead = world.marketo.leads[1]
    assert lead["salesforceId"] == world.leads()[0]["Id"]
    assert lead.get("title") == ("Second" if reads_back else None)


@pytest.mark.parametrize("other", [None, {"writeback": [{"static": "Other", "to": "leadbridgeStatus"}]}])
def test_a_late_write_back_does_not_undo_another_actions(other: dict[str, Any] | None) -> None:
    """A person has an Action's value from before; it is written again without an answer, lands late, and another
    Action's value comes in between: that stays. Where no Action writes another value one look ends the call at once."""
    back = [{"static": "Synced", "to": "leadbridgeStatus"}]
    actions = [an_action(writeback=back), *([an_action(id="other", **other)] if other else [])]
    world = World(*actions)
    world.receive(1)
    world.run_out()
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.marketo.trouble.fail("sync_leads", lost, late_seconds=30)
    repeated = world.receive(1)
    world.drain()
    ended_at_once = world.execution(repeated)["state"] == "ended"
    executions = [repeated]
    if other:
        arrival = replace(world.arrival(a_payload(1)), action_id="other")
        world.store_events()([("other", arrival)])
        executions.append(arrival.execution_id)
    world.run_out()
    world.clock.advance(60)
    world.marketo.logged()  # whatever is late has landed

    assert ended_at_once is (other is None)
    assert [world.ended(each)[0] for each in executions] == ["updated"] * len(executions)
    assert world.marketo.leads[1]["leadbridgeStatus"] == ("Other" if other else "Synced")


def test_what_was_written_is_told_before_anything_older_is_looked_at() -> None:
    """Its worker died after the write and nobody came for longer than its guards last: the older one is superseded."""
    world = World()
    world.salesforce.load("Lead", Email="person1@example.com")
    older_at = world.clock.now()
    world.clock.advance(10)
    newer = world.receive(1, firstName="Newer")
    world.steps.die_of("marketo.sync_leads")
    with pytest.raises(Crash):
        world.drain()
    older = world.receive(1, firstName="Older", at=older_at)
    world.clock.advance(3600)
    world.run_out()

    assert [world.ended(one)[0] for one in (older, newer)] == ["superseded", "updated"]
    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]


def test_an_activity_sent_before_the_store_failed_is_waited_for() -> None:
    """The end of an event cannot be stored after its activity was sent: the next run waits until Marketo shows it."""
    world = World(activity_lag=timedelta(seconds=50))
    slow = TransientError("busy", vendor="marketo", code="608", retry_after_seconds=120)
    world.marketo.trouble.fail("sync_leads", slow)
    execution = world.receive(1)
    world.drain()
    world.clock.advance(121)
    finish = world.inbox.finish

    def throttled(_: object) -> list[Ending]:
        world.inbox.finish = finish  # type: ignore[method-assign]  # once
        raise TransientError("throttled", vendor="aws")

    world.inbox.finish = throttled  # type: ignore[method-assign, assignment]  # the seam is the port itself
    world.drain()
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.marketo.logged()) == 1


def test_of_two_calls_parked_in_doubt_neither_takes_the_record_of_the_other() -> None:
    """One of two creates that were parked in doubt makes its record and is parked again without a trace; the other
    finds a record that was not there before, which may be anybody's, and says so."""
    world = World(an_action(type="create"))
    gone = PermanentError("no access", vendor="salesforce", operation="find", code="FORBIDDEN")
    parked = []
    for _ in range(2):
        world.salesforce.trouble.lose_answer("create", committed=False)
        parked.append(world.receive(1))
        park_in_doubt(world, gone)

    world.salesforce.trouble.lose_answer("create")
    away = TransientError("away", vendor="salesforce", operation="find", code="http_503")
    world.salesforce.trouble.fail("find", away, nth=2)  # the look at once
    assert world.redrive(parked[0]).done
    park_in_doubt(world, gone)
    (made,) = world.leads()
    assert world.redrive(parked[1]).done
    world.run_out()

    assert world.ended(parked[1]) == ("failed", "uncertain")
    assert made["Id"] in world.execution(parked[1])["message"]


def park_in_doubt(world: World, error: PermanentError) -> None:
    """A create whose answer was lost cannot be looked for when its time has come."""
    world.drain()
    world.clock.advance(66)
    world.salesforce.trouble.fail("find", error)
    world.drain()
    assert set(world.states()) == {"parked"}
