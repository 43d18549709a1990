"""The lease's heartbeat: it keeps a lease alive, and knows when the lease must be taken for lost."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.aws.heartbeat import LeaseHeartbeat
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.ports import Lease
from tests.fakes.lanes import InMemoryLanes
from tests.integration.aws.local_aws import SettableClock, Unsteady, refusal

#: far longer than any test needs; nothing waits for it
PATIENCE = 20.0
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Watched(InMemoryLanes):
    """Lanes that tell of each renewal, and do first what a test asks for."""

    beats: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    instead: list[Callable[[], Lease | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """An ordinary double otherwise."""
        super().__init__(lease=timedelta(seconds=60))

    def renew(self, lease: Lease, now: datetime) -> Lease | None:
        """Renew as the double does, or as the test says."""
        try:
            return self.instead.pop(0)() if self.instead else super().renew(lease, now)
        finally:
            self.beats.release()


def taken(lanes: InMemoryLanes | DynamoLanes, now: datetime) -> Lease:
    """The lease of a free lane."""
    lease = lanes.take("salesforce-demo", now)
    assert lease is not None
    return lease


def test_a_heartbeat_prolongs_the_lease_while_its_holder_works() -> None:
    """The lease's end moves with the clock although the holder itself does nothing."""
    lanes, clock = Watched(), SettableClock(NOON)
    lease = taken(lanes, clock.now())

    with LeaseHeartbeat(lanes, clock, 0.04)(lease):
        clock.advance(seconds=59)
        # the one under way may have read the clock before it was moved
        assert lanes.beats.acquire(timeout=PATIENCE)
        assert lanes.beats.acquire(timeout=PATIENCE)

    assert lanes.take("salesforce-demo", clock.advance(seconds=59)) is None


def test_a_fresh_lease_is_held() -> None:
    """Right after it was taken the holder may write, with the first beat far off."""
    lanes, clock = Watched(), SettableClock(NOON)

    with LeaseHeartbeat(lanes, clock, 600)(taken(lanes, clock.now())) as held:
        assert held() is True
        assert not lanes.beats.acquire(blocking=False)


def test_beating_ends_with_the_work() -> None:
    """After the context no thread of the heartbeat is left, whether the work ended well or raised."""
    lanes, clock = Watched(), SettableClock(NOON)
    heartbeat = LeaseHeartbeat(lanes, clock, 600)
    before = threading.active_count()

    with heartbeat(taken(lanes, clock.now())):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before

    with pytest.raises(ValueError, match="work failed"), heartbeat(Lease(lane="other", epoch=1, arrivals=0)):
        raise ValueError("work failed")
    assert threading.active_count() == before


@pytest.mark.fault("FA14")
def test_a_lease_that_another_took_is_not_held() -> None:
    """Once a beat finds the lease gone the holder is told, however short the time since the last good beat."""
    lanes, clock = Watched(), SettableClock(NOON)
    lease = taken(lanes, clock.now())
    taken(lanes, clock.advance(seconds=61))

    with LeaseHeartbeat(lanes, clock, 2)(lease) as held:
        assert held() is True  # it cannot know before its first beat
        assert lanes.beats.acquire(timeout=PATIENCE)
        wait_until(lambda: not held())


@pytest.mark.fault("FA14")
def test_a_process_that_was_frozen_does_not_write() -> None:
    """With no beat for most of the lease's time the holder must not write, though nobody told it of a loss."""
    lanes, clock = Watched(), SettableClock(NOON)
    lease = taken(lanes, clock.now())
    thaw = threading.Event()

    def frozen() -> Lease:
        thaw.wait(PATIENCE)
        return lease

    lanes.instead = [frozen]
    with LeaseHeartbeat(lanes, clock, 0.2)(lease) as held:
        wait_until(lambda: not held())
        thaw.set()
        assert lanes.beats.acquire(timeout=PATIENCE)


@pytest.mark.fault("FA01")
def test_a_beat_that_fails_is_made_good_by_the_next(dynamodb: Any) -> None:
    """The table refuses one renewal; the heartbeat goes on, and the lease is prolonged by the beat after it."""
    unsteady: Any = Unsteady(dynamodb)
    clock = SettableClock(NOON)
    lanes = DynamoLanes(unsteady, table="StateTable", lease=timedelta(seconds=60))
    lease = taken(lanes, clock.now())
    unsteady.before["update_item"] = [refusal("InternalServerError", "UpdateItem", status=500)]
    clock.advance(seconds=59)

    with LeaseHeartbeat(lanes, clock, 0.2)(lease):
        wait_until(lambda: len(unsteady.called("update_item")) >= 3)

    assert lanes.take("salesforce-demo", clock.advance(seconds=59)) is None


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as a condition holds that another thread or the passing of milliseconds brings about."""
    tick = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        tick.wait(0.005)
    raise AssertionError("it did not happen")
