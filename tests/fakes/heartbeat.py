"""A heartbeat without a thread: the lease is asked for whenever somebody wants to know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leadbridge.ports import Clock, Lanes, Lease


class AskingHeartbeat:
    """`ports.Heartbeat` that renews at each question."""

    def __init__(self, lanes: Lanes, clock: Clock) -> None:
        self._lanes = lanes
        self._clock = clock

    @contextmanager
    def __call__(self, lease: Lease) -> Iterator[Callable[[], bool]]:
        """The value tells whether the lease is held, and prolongs it if so."""
        yield lambda: self._lanes.renew(lease, self._clock.now()) is not None
