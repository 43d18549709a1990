"""Once a minute: ring for every lane that has due work and no drainer."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from leadbridge.domain.batching import Buffer
from leadbridge.ports import Bell, Clock, Inbox, Lanes, Meter
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.ripening import Ripeness


class Sweep:
    """Find what lost its ring: killed drainers, retries that came due, parked work whose quota is back, old buffers."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        lanes: Lanes,
        bell: Bell,
        clock: Clock,
        meter: Meter,
        holds: Holds,
        ripeness: Ripeness | None = None,
    ) -> None:
        self._ripeness = ripeness
        self._inbox = inbox
        self._holds = holds
        self._lanes = lanes
        self._bell = bell
        self._clock = clock
        self._meter = meter

    def __call__(self) -> list[str]:
        """Ring where needed; returns the lanes rung for."""
        now = self._clock.now()
        rung = []
        oldest = 0.0
        for lane, buffers in self._lanes.idle(now).items():
            # what somebody paused is no reason to wake a worker, and does not wait too long
            first = self._holds.first_due(lane, partial(self._inbox.first_due, lane, now))
            if first is not None:
                self._bell.ring(lane)
                rung.append(lane)
                oldest = max(oldest, (now - first.received_at).total_seconds())
            elif self._ripe(lane, buffers, now):
                self._bell.ring(lane)
                rung.append(lane)
        self._meter.count("OldestWaitingSeconds", oldest)
        return rung

    def _ripe(self, lane: str, buffers: Mapping[str, Buffer], now: datetime) -> bool:
        """Whether calls of a lane have waited for others long enough."""
        if self._ripeness is None:
            return False
        if buffers:
            return self._ripeness(buffers, now)
        # stored by somebody who died before counting it, and never delivered again
        alone = self._inbox.first_buffered(lane)
        return alone is not None and self._ripeness.overdue(alone, now)
