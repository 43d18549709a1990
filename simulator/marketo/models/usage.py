"""The instance's rate window, daily quota and usage statistics.

The quota's day runs from midnight to midnight US Central, daylight saving included.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

CENTRAL = ZoneInfo("America/Chicago")
RATE_WINDOW_SECONDS = 20


@dataclass(slots=True)
class Day:
    """What happened on one day of the quota."""

    users: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Give the number of calls that count."""
        return self.users.total()


class Usage:
    """Calls per rolling window and per day, of all services together."""

    def __init__(self) -> None:
        self._window: deque[float] = deque()
        self._days: dict[date, Day] = {}

    def day(self, now: datetime) -> Day:
        """Give the quota day of a moment."""
        return self._days.setdefault(now.astimezone(CENTRAL).date(), Day())

    def days(self) -> list[tuple[date, Day]]:
        """Give the days with calls, oldest first."""
        return sorted(self._days.items())

    def calls_in_window(self, now: datetime) -> int:
        """Give the number of accepted calls in the last 20 seconds."""
        seconds = now.timestamp()
        # entries later than now were made before the clock was turned back
        while self._window and not seconds - RATE_WINDOW_SECONDS < self._window[0] <= seconds:
            self._window.popleft()
        return len(self._window)

    def accept(self, now: datetime, user: str) -> None:
        """Count a call that passed the limits."""
        self._window.append(now.timestamp())
        self.day(now).users[user] += 1

    def take_back(self, now: datetime, user: str) -> None:
        """Uncount a call that failed with a code that does not count against the quota."""
        self.day(now).users[user] -= 1
