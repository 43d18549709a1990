"""The limits that are counted: calls of the last 24 hours, and requests that have run for long.

Source: API request limits and allocations; both breaches are 403 REQUEST_LIMIT_EXCEEDED, told apart by text.
"""

from collections import defaultdict, deque

from simulator.control import Call, ControlPlane
from simulator.salesforce.exceptions import ApiError

_DAY_SECONDS = 86_400
_BUCKET_SECONDS = 60


class Usage:
    """Counts what the org's clients use up."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._buckets: deque[tuple[int, int]] = deque()
        self._used = 0
        self._running: dict[int, tuple[Call, float]] = {}
        self._spent: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    @property
    def used(self) -> int:
        """The calls of the last 24 hours, counted by the minute."""
        oldest = (self._control.clock.timestamp() - _DAY_SECONDS) // _BUCKET_SECONDS
        while self._buckets and self._buckets[0][0] <= oldest:
            self._used -= self._buckets.popleft()[1]
        return self._used

    @property
    def allowed(self) -> int:
        """The calls that 24 hours may have."""
        return int(self._control.limit("daily_calls"))

    def admit(self, call: Call) -> None:
        """Count a call that is about to run.

        Raises:
            ApiError: API_DISABLED_FOR_ORG, REQUEST_LIMIT_EXCEEDED; the call is not counted.
        """
        if not self._control.switch("api_enabled"):
            raise ApiError(403, "API_DISABLED_FOR_ORG", "The API is not enabled for this organization or partner")
        if self.used >= self.allowed:
            raise self._exceeded("TotalRequests Limit exceeded.")
        now = self._control.clock.timestamp()
        self._forget_ended()
        long_ago = now - self._control.limit("long_running_seconds")
        if sum(start <= long_ago for _, start in self._running.values()) >= self._control.limit("concurrent"):
            raise self._exceeded("ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
        self._running[call.n] = (call, now)
        self.count(1)

    def count(self, calls: int) -> None:
        """Count calls as made now."""
        bucket = int(self._control.clock.timestamp() // _BUCKET_SECONDS)
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, 0))
        self._buckets[-1] = (bucket, self._buckets[-1][1] + calls)
        self._used += calls

    def spent(self, what: str) -> int:
        """Return how much of a daily allocation was spent in the last 24 hours."""
        now = self._control.clock.timestamp()
        return sum(count for at, count in self._spent[what] if at > now - _DAY_SECONDS)

    def spend(self, what: str, count: int = 1) -> None:
        """Note that some of a daily allocation is spent."""
        now = self._control.clock.timestamp()
        spent = self._spent[what]
        while spent and spent[0][0] <= now - _DAY_SECONDS:
            spent.popleft()
        spent.append((now, count))

    def ended(self, call: Call) -> None:
        """Note that a call is over."""
        self._running.pop(call.n, None)

    def _forget_ended(self) -> None:
        """Drop the calls that a fault ended before they reached the vendor's code."""
        over = [
            number
            for number, (call, _) in self._running.items()
            if call.status or (call.fault and call.fault.kind == "close")
        ]
        for number in over:
            del self._running[number]

    def _exceeded(self, message: str) -> ApiError:
        self._control.violation("REQUEST_LIMIT_EXCEEDED")
        return ApiError(403, "REQUEST_LIMIT_EXCEEDED", message)
