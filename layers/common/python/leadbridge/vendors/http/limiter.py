"""What keeps our calls inside a vendor's rate and concurrency limits: the interface and an in-process one."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from leadbridge.errors import RateLimitedError

# how often a call that waits for another one to finish looks again
_LOOK_SECONDS = 0.05


class Limiter(Protocol):
    """Leave to make one call."""

    def slot(self, operation: str) -> AbstractContextManager[None]:
        """Hold one place for one call; waits a bounded time.

        Raises:
            RateLimitedError: The wait would be longer than the limiter's budget.
        """
        ...

    def hold(self, seconds: float) -> None:
        """Let no call begin for `seconds`: the vendor has just said that its window is full."""
        ...


class WindowLimiter:
    """At most `calls` begun in any `window_seconds`, at most `concurrent` in flight, in this process.

    Once half of a window is used the rest is spread evenly over it, so that steady work waits a little often instead
    of long once, and meanwhile gathers into fuller batches. `calls=None` means no rate limit. A call that would
    have to wait longer than `budget_seconds` is refused.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        calls: int | None,
        concurrent: int,
        window_seconds: float = 20.0,
        budget_seconds: float = 20.0,
        vendor: str = "",
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._calls = calls
        self._concurrent = concurrent
        self._window = timedelta(seconds=window_seconds)
        self._budget_seconds = budget_seconds
        self._vendor = vendor
        self._lock = threading.Lock()
        self._begun: deque[datetime] = deque()
        self._in_flight = 0
        self._held_until: datetime | None = None

    @contextmanager
    def slot(self, operation: str) -> Iterator[None]:
        """Hold one place for one call."""
        waited = 0.0
        while (wait := self._take()) > 0:
            if waited + wait > self._budget_seconds:
                raise RateLimitedError(
                    "our own limit for this vendor is reached",
                    retry_after_seconds=wait,
                    vendor=self._vendor,
                    operation=operation,
                    code="own_limit",
                )
            self._sleep(wait)
            waited += wait
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def hold(self, seconds: float) -> None:
        """Let no call begin for `seconds`."""
        until = self._clock() + timedelta(seconds=seconds)
        with self._lock:
            self._held_until = max(until, self._held_until or until)

    def _take(self) -> float:
        """Take a place and return 0, or return how long to wait before asking again."""
        with self._lock:
            now = self._clock()
            # a clock set back (local stack) must not lock us out for the length of the jump
            while self._begun and not now - self._window < self._begun[0] <= now:
                self._begun.popleft()
            if self._held_until is not None and self._held_until > now:
                return (self._held_until - now).total_seconds()
            if self._in_flight >= self._concurrent:
                return _LOOK_SECONDS
            if self._calls is not None and (wait := self._wait(self._calls, now)) > 0:
                return max(_LOOK_SECONDS, wait)
            self._begun.append(now)
            self._in_flight += 1
            return 0.0

    def _wait(self, calls: int, now: datetime) -> float:
        """Seconds until the window has room for the next call at its pace."""
        if len(self._begun) >= calls:
            return (self._begun[0] + self._window - now).total_seconds()
        if 2 * len(self._begun) >= calls > 1:
            return (self._begun[-1] + self._window / calls - now).total_seconds()
        return 0.0


class NoLimit:
    """A limiter that always says yes, for reads of a local stack and for tests."""

    @contextmanager
    def slot(self, operation: str) -> Iterator[None]:  # noqa: ARG002 - the protocol's name
        """Hold nothing."""
        yield

    def hold(self, seconds: float) -> None:
        """Ignore the vendor's wish."""
