"""A clock that moves only when told."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def whole(at: datetime) -> datetime:
    """The instant as a table gives it back: in UTC, to the millisecond."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    beyond = at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - beyond) if beyond else at


class SettableClock:
    """`ports.Clock`, and a `sleep` that moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The instant that was set."""
        return self._now

    def set(self, at: datetime) -> None:
        """Jump to an instant."""
        self._now = at

    def advance(self, seconds: float) -> datetime:
        """Move on by seconds."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def sleep(self, seconds: float) -> None:
        """Sleep without waiting; a sleep of nothing still takes a millisecond, so that no loop stands still."""
        self.slept.append(seconds)
        self.advance(max(seconds, 0.001))
