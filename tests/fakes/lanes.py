"""Lanes in memory, with the conditions of the real ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from leadbridge.domain.batching import Buffer, Growth
from leadbridge.ports import Lease
from tests.fakes.clock import whole
from tests.fakes.steps import Step, nothing

NOBODY = datetime.min.replace(tzinfo=UTC)
RING_AGAIN = timedelta(seconds=10)
EMPTY = Buffer()


@dataclass(slots=True)
class _Lane:
    epoch: int = 0
    arrivals: int = 0
    lease_until: datetime | None = None  # None: no lease was ever taken or announced
    rung_until: datetime | None = None
    buffers: dict[str, Buffer] = field(default_factory=dict)


class InMemoryLanes:
    """`ports.Lanes`."""

    def __init__(self, *, lease: timedelta = timedelta(seconds=60), step: Step = nothing) -> None:
        self._lease = lease
        self._step = step
        self._lanes: dict[str, _Lane] = {}

    def open(self, lane: str) -> None:
        """Make a lane known."""
        self._step("lanes.open")
        item = self._lanes.setdefault(lane, _Lane())
        item.lease_until = item.lease_until or NOBODY
        self._step("lanes.open.done")

    def announce(
        self, lane: str, now: datetime, grown: Mapping[str, Growth] | None = None, *, due: bool = True
    ) -> bool:
        """Count an arrival; True if nobody holds a live lease and nobody else has just been told to ring."""
        self._step("lanes.announce")
        item = self._lanes.setdefault(lane, _Lane())
        item.arrivals += 1
        item.lease_until = item.lease_until or NOBODY
        held = item.lease_until >= whole(now)
        crossed = [_count(item, action, growth) for action, growth in (grown or {}).items()]
        self._step("lanes.announce.done")
        return not held and (due or any(crossed)) and self._note_ring(item, now)

    def settle(self, lease: Lease, left: Mapping[str, Buffer]) -> None:
        """Correct what is counted of the lane's buffers."""
        self._step("lanes.settle")
        item = self._lanes.get(lease.lane)
        if item is not None and item.epoch == lease.epoch:
            for action in left.keys() | lease.buffers.keys():
                _settle(item, action, lease.buffers.get(action, EMPTY), left.get(action, EMPTY))
        self._step("lanes.settle.done")

    def _note_ring(self, item: _Lane, now: datetime) -> bool:
        """A second write of the real store: of a burst only the first caller is told to ring."""
        self._step("lanes.note_ring")
        noted = item.rung_until is None or item.rung_until < whole(now)
        if noted:
            item.rung_until = whole(now + RING_AGAIN)
        self._step("lanes.note_ring.done")
        return noted

    def take(self, lane: str, now: datetime) -> Lease | None:
        """Take the lease with the next epoch, or None while another holds it."""
        self._step("lanes.take")
        item = self._lanes.setdefault(lane, _Lane())
        lease = None
        if item.lease_until is None or item.lease_until < whole(now):
            item.epoch += 1
            item.rung_until = None
            item.lease_until = whole(now + self._lease)
            lease = _lease(lane, item)
        self._step("lanes.take.done")
        return lease

    def renew(self, lease: Lease, now: datetime) -> Lease | None:
        """Prolong the lease and learn of arrivals; None if it was lost."""
        self._step("lanes.renew")
        item = self._lanes.get(lease.lane)
        renewed = None
        if item is not None and item.epoch == lease.epoch and item.lease_until not in {None, NOBODY}:
            item.lease_until = whole(now + self._lease)
            renewed = _lease(lease.lane, item)
        self._step("lanes.renew.done")
        return renewed

    def lift(self, lease: Lease, epoch: int) -> Lease | None:
        """Raise the epoch of a lease that is held; None if it was lost. No step: only a lost table leads here."""
        item = self._lanes.get(lease.lane)
        if item is None or item.epoch != lease.epoch or item.lease_until in {None, NOBODY}:
            return None
        item.epoch = epoch + 1
        return _lease(lease.lane, item)

    def release(self, lease: Lease, *, even_if_arrived: bool = False) -> bool:
        """Give the lease up; False if something arrived since `lease` was read and the lease is kept."""
        self._step("lanes.release")
        item = self._lanes.get(lease.lane)
        released = False
        if item is not None and item.epoch == lease.epoch and (even_if_arrived or item.arrivals == lease.arrivals):
            released = True
            item.lease_until, item.rung_until = NOBODY, None
        self._step("lanes.release.done")
        return released

    def idle(self, now: datetime) -> Mapping[str, Mapping[str, Buffer]]:
        """Lanes without a live lease, and what is counted into their buffers."""
        self._step("lanes.idle")
        moment = whole(now)
        free = [(name, item) for name, item in sorted(self._lanes.items()) if (item.lease_until or NOBODY) < moment]
        found = {name: dict(item.buffers) for name, item in free}
        self._step("lanes.idle.done")
        return found

    def counted(self) -> dict[str, dict[str, Buffer]]:
        """What is counted into the buffers of each lane; for tests."""
        return {name: dict(item.buffers) for name, item in self._lanes.items()}

    def held(self, now: datetime) -> list[str]:
        """Lanes with a live lease; for tests."""
        return [name for name, item in self._lanes.items() if (item.lease_until or NOBODY) >= whole(now)]


def _lease(lane: str, item: _Lane) -> Lease:
    return Lease(lane=lane, epoch=item.epoch, arrivals=item.arrivals, buffers=dict(item.buffers))


def _count(item: _Lane, action: str, growth: Growth) -> bool:
    """Count what came into a buffer; whether it has enough for a batch."""
    there, arrived = item.buffers.get(action, EMPTY), growth.arrived
    times = [whole(since) for since in (there.since, arrived.since) if since]
    item.buffers[action] = Buffer(
        count=there.count + arrived.count,
        bytes=there.bytes + arrived.bytes,
        since=min(times, default=None),
        version=there.version or arrived.version,
    )
    return growth.crossed(item.buffers[action])


def _settle(item: _Lane, action: str, seen: Buffer, left: Buffer) -> None:
    """As the real one: what was counted since is kept, and with it since when."""
    there = item.buffers.get(action, EMPTY)
    if there != seen:
        count, size = there.count + left.count - seen.count, there.bytes + left.bytes - seen.bytes
        item.buffers[action] = Buffer(count=count, bytes=size, since=there.since, version=there.version)
    elif left.since is None:
        item.buffers.pop(action, None)
    else:
        item.buffers[action] = left
