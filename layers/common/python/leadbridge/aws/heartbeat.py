"""Keeps a lane's lease alive from a thread of its own, so that a slow vendor call does not lose it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.errors import TransientError
from leadbridge.ports import Clock, Lanes, Lease


class LeaseHeartbeat:
    """`ports.Heartbeat`: renews four times per lease, and knows when the lease must be taken for lost."""

    def __init__(self, lanes: Lanes, clock: Clock, lease_seconds: float) -> None:
        self._lanes = lanes
        self._clock = clock
        self._seconds = lease_seconds

    @contextmanager
    def __call__(self, lease: Lease) -> Iterator[Callable[[], bool]]:
        """Beat while the context is open; the value tells whether the lease is certainly still held.

        A process that was frozen past the lease's end finds the answer False before its first write.
        """
        stop = threading.Event()
        state = {"renewed_at": time.monotonic(), "lost": False}

        def beat() -> None:
            while not stop.wait(self._seconds / 4):
                began = time.monotonic()
                try:
                    renewed = self._lanes.renew(lease, self._clock.now())
                except (BotoCoreError, ClientError, TransientError):
                    continue  # the next beat may be answered; without one the lease counts as lost in time
                if renewed is None:
                    state["lost"] = True
                    return
                state["renewed_at"] = began

        def held() -> bool:
            return not state["lost"] and time.monotonic() - state["renewed_at"] < self._seconds * 3 / 4

        thread = threading.Thread(target=beat, name=f"lease-{lease.lane}", daemon=True)
        thread.start()
        try:
            yield held
        finally:
            stop.set()
            thread.join()
