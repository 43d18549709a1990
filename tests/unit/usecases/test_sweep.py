"""Once a minute, lanes with due work and no drainer are rung for."""

from datetime import timedelta

from tests.builders.actions import SALESFORCE
from tests.builders.world import LEASE, World


def test_a_lane_whose_ring_was_lost_is_rung_for() -> None:
    """Due work that nobody drains is rung for, and its age is counted."""
    world = World()
    world.receive(1)
    world.bell.rung.clear()
    world.clock.advance(90)

    assert world.sweep()() == [SALESFORCE]

    assert world.bell.rung == [SALESFORCE]
    assert world.meter.of("OldestWaitingSeconds") == 90


def test_an_empty_lane_is_left_alone() -> None:
    """A lane without due work is not rung for."""
    world = World()
    world.receive(1)
    world.drain()
    world.bell.rung.clear()

    assert world.sweep()() == []
    assert world.bell.rung == []
    assert world.meter.of("OldestWaitingSeconds") == 0


def test_a_lane_with_a_live_lease_is_left_alone() -> None:
    """A lane that somebody drains is not rung for until the lease has ended."""
    world = World()
    world.receive(1)
    world.bell.rung.clear()
    world.lanes.take(SALESFORCE, world.clock.now())

    assert world.sweep()() == []

    world.clock.advance(LEASE.total_seconds() + 1)
    assert world.sweep()() == [SALESFORCE]


def test_work_that_is_not_due_is_left_alone() -> None:
    """An event with a due time is rung for when that time has come, not before."""
    world = World()
    world.receive(1)
    event = next(iter(world.inbox.waiting.values()))
    world.inbox.defer([event.evolve(due_at=world.clock.now() + timedelta(minutes=10))])
    world.bell.rung.clear()

    assert world.sweep()() == []

    world.clock.advance(601)
    assert world.sweep()() == [SALESFORCE]
