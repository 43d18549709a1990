"""The moment by which somebody waits for an answer: no vendor call may be under way beyond it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """Seconds that are left; without anybody waiting there is no end. One process serves one call at a time."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._ends_at = float("inf")

    def left(self) -> float:
        """Seconds until the deadline, negative after it."""
        return self._ends_at - self._timer()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let everything inside be over within so many seconds."""
        self._ends_at = self._timer() + seconds
        try:
            yield
        finally:
            self._ends_at = float("inf")
