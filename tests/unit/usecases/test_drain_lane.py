"""One drainer per lane: it takes what is due, waits for what comes soon, and leaves nothing behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Event
from leadbridge.domain.holding import NOTHING, Held
from leadbridge.domain.records import Resolution
from leadbridge.errors import TransientError
from leadbridge.usecases.drain_lane import isolated
from tests.builders.actions import SALESFORCE
from tests.builders.events import an_event
from tests.builders.world import LEASE, World

#: name and id of the world's Action, as a log line has them
NAMED = "Person to Lead (person-to-lead)"


def test_an_empty_lane_is_left_at_once() -> None:
    """A drainer that finds nothing releases the lease and says so."""
    world = World()

    assert world.drain() == {"lane": SALESFORCE, "end": "empty", "events": 0}
    assert world.lanes.take(SALESFORCE, world.clock.now()) is not None, "the lease was not released"


def test_a_lane_held_by_another_is_left_alone() -> None:
    """A second drainer leaves while the lease of the first lives."""
    world = World()
    world.receive(1)
    world.lanes.take(SALESFORCE, world.clock.now())

    assert world.drain() == {"lane": SALESFORCE, "end": "held by another", "events": 0}
    assert world.salesforce.trouble.calls == []


def test_a_lane_is_drained_in_batches_until_it_is_empty() -> None:
    """Seven events in batches of three take three rounds of one drainer, which says of which Action they were."""
    world = World()
    for lead_id in range(1, 8):
        world.receive(lead_id)

    report = world.drain(batch=3)

    assert report == {"lane": SALESFORCE, "end": "empty", "events": 7, "actions": {NAMED: 7}}
    assert world.salesforce.trouble.made("create") == 3
    assert world.connections.quota_reports == 1


def test_a_drainer_hands_over_before_its_time_is_up() -> None:
    """With too little time left for a batch the lease is given up and the lane rung for; nothing is begun."""
    world = World()
    world.receive(1)
    world.bell.rung.clear()

    report = world.drain(remaining=lambda: 149.0)

    assert report == {"lane": SALESFORCE, "end": "handed over", "events": 0}
    assert world.bell.rung == [SALESFORCE]
    assert world.salesforce.trouble.calls == []
    assert world.drain()["events"] == 1


def test_time_is_looked_at_between_batches() -> None:
    """A drainer whose time runs out after its first batch leaves the second one to its successor."""
    world = World()
    for lead_id in range(1, 5):
        world.receive(lead_id)

    def remaining() -> float:
        return 900.0 if world.salesforce.trouble.made("create") == 0 else 149.0

    report = world.drain(batch=2, remaining=remaining)

    assert (report["end"], report["events"]) == ("handed over", 2)
    assert len(world.inbox.waiting) == 2


def test_arrivals_during_the_drain_are_not_left_behind() -> None:
    """An event stored while the drainer looked at an empty lane keeps it from leaving."""
    world = World()
    world.receive(1)
    due = world.inbox.due
    arrived: list[str] = []

    def one_more(lane: str, now: datetime, limit: int, kept: Held = NOTHING) -> Sequence[Event]:
        found = due(lane, world.clock.now(), limit, kept)
        if not found and not arrived:
            arrived.append(world.receive(2))
        return found

    world.inbox.due = one_more  # type: ignore[method-assign]  # the moment between look and release

    report = world.drain()

    assert report == {"lane": SALESFORCE, "end": "empty", "events": 2, "actions": {NAMED: 2}}
    assert world.outcomes() == {"created": 2}
    assert world.bell.rung == [SALESFORCE], "only the first arrival rang"


def test_events_that_come_due_soon_are_waited_for() -> None:
    """A row lock that asks for a retry in five seconds is seen through by the same drainer."""
    world = World()
    execution = world.receive(1)
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)

    report = world.drain()

    assert report["end"] == "empty"
    assert world.ended(execution) == ("created", "")
    assert sum(world.clock.slept) == pytest.approx(5, abs=1)
    assert max(world.clock.slept) <= 0.5, "arrivals must be seen in between"


def test_events_that_come_due_late_are_left_to_the_sweep() -> None:
    """An event due in a minute is not waited for; the sweep rings for it."""
    world = World()
    world.receive(1)
    world.salesforce.trouble.lose_answer("create", committed=False, times=1)
    world.drain()
    world.clock.advance(6)
    world.drain()  # looks, finds nothing, waits for the end of the settling time

    assert [event.state.value for event in world.inbox.waiting.values()] == ["writing"]
    world.bell.rung.clear()
    world.clock.advance(61)
    assert world.sweep()() == [SALESFORCE]


def test_a_drainer_without_time_does_not_wait() -> None:
    """A drainer that would be out of time after waiting leaves instead."""
    world = World()
    world.receive(1)
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)

    report = world.drain(remaining=lambda: 152.0)

    assert report["end"] == "empty"
    assert world.clock.slept == []
    assert len(world.inbox.waiting) == 1


def test_a_lost_lease_ends_the_drain() -> None:
    """A drainer whose lease ended while a vendor answered writes nothing more and does not release the successor's."""
    world = World()
    for lead_id in (1, 2):
        world.receive(lead_id)
    find = world.salesforce.find

    def slow(*args: Any, **kwargs: Any) -> Any:
        found = find(*args, **kwargs)
        world.clock.advance(LEASE.total_seconds() + 1)
        assert world.lanes.take(SALESFORCE, world.clock.now()) is not None
        return found

    world.salesforce.find = slow  # type: ignore[method-assign]  # a vendor that answers too late

    report = world.drain()

    assert report["end"] == "lease lost"
    assert world.leads() == []
    assert world.lanes.take(SALESFORCE, world.clock.now()) is None, "the successor's lease must live"


def test_time_that_runs_out_inside_a_batch_stops_before_the_next_write() -> None:
    """A drainer with too little time for a vendor write stops in its batch; its successor ends the batch, once."""
    world = World()
    for lead_id in (1, 2):
        world.receive(lead_id)
    world.bell.rung.clear()

    def remaining() -> float:
        return 900.0 if world.salesforce.trouble.made("create") == 0 else 60.0

    report = world.drain(remaining=remaining)

    assert (report["end"], world.bell.rung) == ("handed over", [SALESFORCE])
    assert world.marketo.trouble.made("sync_leads") == 0
    world.run_out()
    assert world.outcomes() == {"created": 2}
    assert len(world.leads()) == 2
    assert all(event["attempts"] == 0 for event in world.inbox.logged.values()), "stopping is nobody's fault"


def test_a_store_that_is_not_available_blames_no_event() -> None:
    """However often the tables are throttled in mid-batch, no event is taken for a crash suspect or parked."""
    world = World()
    for lead_id in (1, 2):
        world.receive(lead_id)
    save = world.inbox.save

    def throttled(events: Sequence[Event]) -> Sequence[Event]:
        raise TransientError("no progress", vendor="aws", operation="TransactWriteItems")

    world.inbox.save = throttled  # type: ignore[method-assign]  # the seam is the port itself
    for _ in range(3):
        assert world.drain()["end"] == "store not available"
    world.inbox.save = save  # type: ignore[method-assign]  # the table is back

    world.run_out()

    assert world.outcomes() == {"created": 2}
    assert world.salesforce.trouble.made("create") == 1, "no crash suspects, so they still run together"


def test_a_drainer_that_lost_its_lease_cannot_take_events_back() -> None:
    """Events that a newer lease has begun are not run by the older one."""
    world = World()
    world.receive(1)
    event = next(iter(world.inbox.waiting.values()))
    world.inbox.claim([event], epoch=9)

    assert world.inbox.claim([event], epoch=8) == []


@pytest.mark.parametrize(
    ("events", "together"),
    [
        pytest.param([(0, 0), (0, 0)], [1, 2], id="new ones run together"),
        pytest.param([(0, 0), (3, 0), (3, 0)], [2], id="one that a dead worker held runs alone"),
        pytest.param([(0, 1), (0, 0)], [1], id="one that has seen a crash runs alone for good"),
        pytest.param([(5, 0), (5, 0)], [1, 2], id="ones of the same lease run together"),
        pytest.param([(0, 0), (-1, 0), (0, 0)], [1], id="what came before a call that died goes first"),
        pytest.param([(-1, 0), (0, 0)], [1], id="a call that died runs alone"),
    ],
)
def test_crash_suspects_are_isolated(events: list[tuple[int, int]], together: list[int]) -> None:
    """An event that was in hand when a worker died takes no others along when it runs again (lease epoch 5)."""
    found = [an_event(number, epoch=epoch, crashes=crashes) for number, (epoch, crashes) in enumerate(events, 1)]

    assert [int(event.execution_id, 16) for event in isolated(found, 5)] == together


def test_the_lease_is_prolonged_while_batches_run() -> None:
    """Three batches of 40 s each, with a lease of 60 s, are run by one drainer."""
    world = World()
    for lead_id in range(1, 4):
        world.receive(lead_id)
    find = world.salesforce.find

    def slow(*args: Any, **kwargs: Any) -> Any:
        world.clock.advance(40)
        return find(*args, **kwargs)

    world.salesforce.find = slow  # type: ignore[method-assign]  # a vendor that takes its time

    assert world.drain(batch=1) == {"lane": SALESFORCE, "end": "empty", "events": 3, "actions": {NAMED: 3}}


def test_waiting_does_not_outlast_the_patience() -> None:
    """An event that is given back again and again is not waited for longer than the settings allow each time."""
    world = World()
    world.receive(1)
    world.salesforce.trouble.refuse_rows(
        "create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY, times=3
    )

    world.drain()

    # waits of 5 s and 10 s are within the patience of 15 s, the next of 20 s is not
    waiting = next(iter(world.inbox.waiting.values()))
    assert waiting.attempts == 3
    assert waiting.due_at is not None
    assert waiting.due_at - world.clock.now() > timedelta(seconds=15)
