"""Once a minute: ring for every lane that has due work and no drainer."""

from functools import partial

from leadbridge.ports import Bell, Clock, Inbox, Lanes, Meter
from leadbridge.usecases.holds import Holds


class Sweep:
    """Find what lost its ring: killed drainers, retries that came due, parked work whose quota is back."""

    def __init__(self, *, inbox: Inbox, lanes: Lanes, bell: Bell, clock: Clock, meter: Meter, holds: Holds) -> None:
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
        for lane in self._lanes.idle(now):
            # what somebody paused is no reason to wake a worker, and does not wait too long
            first = self._holds.first_due(lane, partial(self._inbox.first_due, lane, now))
            if first is not None:
                self._bell.ring(lane)
                rung.append(lane)
                oldest = max(oldest, (now - first.received_at).total_seconds())
        self._meter.count("OldestWaitingSeconds", oldest)
        return rung
