"""Buffers: what waits beside a lane until there is enough of it, and what is counted of it on the lane."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from leadbridge.domain.batching import Buffer, Growth, Thresholds
from leadbridge.domain.event import Batch, Event
from leadbridge.ports import Lease
from tests.contract.ports.builders import LANE, START, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import LEASE, World, far, record_of

LIMITS = Thresholds(count=3, bytes=1000, seconds=60)


def buffered(number: int, *, person: str = "", **changes: object) -> Event:
    """An event that waits for others, 10 bytes of a body."""
    facts = {"persons": (person or f"person{number}",), "batch": Batch(bytes=10, version=1)}
    return an_event(number, **facts | changes)


def add(world: World, *events: Event) -> None:
    """Store new events."""
    for event in events:
        assert world.inbox.add(event, arrival_of(event))


def growth(number: int = 1, *, size: int = 10, after: float = 0, version: int = 1) -> Growth:
    """So many persons who came at once."""
    arrived = Buffer(count=number, bytes=size, since=START + timedelta(seconds=after), version=version)
    return Growth(arrived=arrived, limits=LIMITS)


def names(events: Sequence[Event]) -> list[str]:
    """The executions of events."""
    return [event.execution_id for event in events]


def held(world: World) -> Lease:
    """The lane's lease, as it stands now."""
    lease = world.lanes.take(LANE, world.clock.now())
    assert lease is not None
    return lease


def counted(world: World) -> Mapping[str, Buffer]:
    """What is counted once nobody holds the lane."""
    return world.lanes.idle(far(world))[LANE]


def test_what_waits_for_others_is_not_due(world: World) -> None:
    """It stands beside its lane whatever the time, is shown as waiting, and a second delivery changes nothing."""
    event = buffered(1)
    add(world, event)

    assert not world.inbox.add(event, arrival_of(event))
    assert list(world.inbox.due(LANE, far(world), 10)) == []
    assert world.inbox.first_due(LANE, far(world)) is None
    assert list(world.inbox.buffered(LANE)) == [event]
    assert world.inbox.first_buffered(LANE) == event
    record = record_of(world, event.execution_id)
    assert record is not None
    assert record.state == "waiting"


def test_a_buffer_is_read_in_the_order_of_arrival(world: World) -> None:
    """Whatever the persons are called; the buffer of another lane is not among it."""
    add(world, buffered(3, person="a"), buffered(1, person="c"), buffered(2, person="b"))
    add(world, buffered(4, lane="another"))

    assert names(world.inbox.buffered(LANE)) == ["execution-0001", "execution-0002", "execution-0003"]
    assert world.inbox.first_buffered("none") is None


def test_what_waits_of_some_people_is_read_apart(world: World) -> None:
    """Asked for two people it tells of theirs alone, in order, also where one name begins as another does."""
    add(world, buffered(1, person="p1"), buffered(2, person="p10"), buffered(3, person="p2"), buffered(4, person="p1"))

    assert names(world.inbox.buffered(LANE, ["p2", "p1"])) == ["execution-0001", "execution-0003", "execution-0004"]


def test_what_ripens_is_due_in_its_place(world: World) -> None:
    """It stands in its lane as it is now, between what came before and after it, and ends as every event does."""
    add(world, an_event(1), buffered(2), an_event(3))
    ripe = buffered(2, batch=Batch(bytes=10, version=1, trigger="count", size=1, cut="x"))

    assert list(world.inbox.ripen([ripe])) == [ripe]

    due = world.inbox.due(LANE, world.clock.now(), 10)
    assert names(due) == ["execution-0001", "execution-0002", "execution-0003"]
    assert due[1] == ripe
    assert list(world.inbox.buffered(LANE)) == []
    claimed = world.inbox.claim([ripe], 1)
    world.inbox.finish([an_ending(claimed[0])])
    record = record_of(world, ripe.execution_id)
    assert record is not None
    assert record.state == "ended"


def test_nothing_ripens_twice(world: World) -> None:
    """A worker that sleeps between its look and the move moves nothing that another has moved, nor what has ended."""
    add(world, buffered(1), buffered(2))
    ripe = [buffered(number, batch=Batch(trigger="age", size=2, cut="x")) for number in (1, 2)]
    assert names(world.inbox.ripen(ripe[:1])) == ["execution-0001"]
    claimed = world.inbox.claim(ripe[:1], 1)
    world.inbox.finish([an_ending(claimed[0])])

    assert names(world.inbox.ripen(ripe)) == ["execution-0002"]
    assert names(world.inbox.due(LANE, world.clock.now(), 10)) == ["execution-0002"]


@pytest.mark.parametrize(("before", "rings"), [pytest.param(1, False, id="299"), pytest.param(2, True, id="300")])
def test_the_arrival_that_crosses_a_threshold_rings(world: World, before: int, rings: bool) -> None:
    """Of three persons the third rings, not the second: the count is that which this arrival made."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(before)}, due=False)

    assert world.lanes.announce(LANE, world.clock.now(), {"a": growth()}, due=False) is rings


def test_bytes_ring_as_persons_do(world: World) -> None:
    """One person short of the count, the bytes of both together are enough."""
    assert not world.lanes.announce(LANE, world.clock.now(), {"a": growth(size=600)}, due=False)
    assert world.lanes.announce(LANE, world.clock.now(), {"a": growth(size=400)}, due=False)


def test_buffers_are_counted_apart(world: World) -> None:
    """Two persons of one Action and two of another are not enough of either; something due rings anyway."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(2), "b": growth(1)}, due=False)

    assert not world.lanes.announce(LANE, world.clock.now(), {"b": growth(1)}, due=False)
    assert world.lanes.announce(LANE, world.clock.now(), {"b": growth(0, size=0)})
    assert {action: each.count for action, each in counted(world).items()} == {"a": 2, "b": 2}


def test_a_buffer_tells_of_its_oldest(world: World) -> None:
    """An event that comes late counts from its own time; the version is that of the first."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(after=5)})
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(after=2, version=2)})
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(after=9, version=2)})

    assert counted(world) == {"a": Buffer(count=3, bytes=30, since=START + timedelta(seconds=2), version=1)}


def test_the_holder_of_a_lane_hears_what_is_counted(world: World) -> None:
    """Its lease tells it, and after a renewal tells what came since; nobody rings beside it."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(2)}, due=False)
    lease = held(world)
    assert lease.buffers["a"].count == 2

    assert not world.lanes.announce(LANE, world.clock.now(), {"a": growth()}, due=False)
    renewed = world.lanes.renew(lease, world.clock.now())

    assert renewed is not None
    assert renewed.buffers["a"].count == 3
    assert not world.lanes.release(lease)


def test_counters_are_put_right(world: World) -> None:
    """What a look found stands there afterwards; a buffer in which nothing waits is gone."""
    left = Buffer(count=1, bytes=7, since=START + timedelta(seconds=8), version=2)
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(5), "b": growth(4)})

    world.lanes.settle(held(world), {"a": left})

    assert counted(world) == {"a": left}


def test_what_is_counted_meanwhile_is_kept(world: World) -> None:
    """Two arrive between the look and its correction: they are counted on top of what was left, and none is lost."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(3), "b": growth(1)})
    lease = held(world)
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(2, size=20, after=9)})

    world.lanes.settle(lease, {"a": Buffer(count=1, bytes=10, since=START, version=1), "b": lease.buffers["b"]})

    found = counted(world)
    assert (found["a"].count, found["a"].bytes) == (3, 30)
    # too early is a look in vain, too late would be a batch in vain
    assert found["a"].since == START
    assert found["b"] == lease.buffers["b"]


def test_a_count_of_what_nobody_counted_is_added(world: World) -> None:
    """A look that finds what a dead process stored has it counted."""
    lease = held(world)
    left = Buffer(count=1, bytes=10, since=START, version=1)

    world.lanes.settle(lease, {"a": left})

    assert counted(world) == {"a": left}


def test_many_buffers_are_put_right_together(world: World) -> None:
    """Thirty Actions of one lane: each has its own count afterwards."""
    for number in range(30):
        world.lanes.announce(LANE, world.clock.now(), {f"action-{number}": growth(9)})
    left = {
        f"action-{number}": Buffer(count=number + 1, bytes=number, since=START, version=1) for number in range(0, 30, 2)
    }

    world.lanes.settle(held(world), left)

    assert counted(world) == left


def test_who_lost_the_lane_corrects_nothing(world: World) -> None:
    """A sleeper's look is of yesterday: what its successor knows stays."""
    world.lanes.announce(LANE, world.clock.now(), {"a": growth(3)})
    sleeper = held(world)
    world.clock.advance(seconds=LEASE.total_seconds() + 1)
    held(world)

    world.lanes.settle(sleeper, {})

    assert counted(world)["a"].count == 3
