"""The clock of the twins, and times as the control plane writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from simulator.faults import ControlError


class Clock:
    """The time of the twins of a process: the machine's plus an offset, or one that stands still.

    A standing clock moves only when it is told to, and by `step_seconds` with every call of a vendor's API; one seed,
    one standing clock and the same calls one after the other give the same bytes. It goes back only when told so.
    """

    def __init__(self, start: datetime | None = None, step_seconds: float = 0.0) -> None:
        self.step_seconds = step_seconds
        self._stands_at = start.timestamp() if start else None
        self._offset = 0.0
        self._latest = 0.0

    @property
    def stands(self) -> bool:
        """Say whether the clock stands still between calls."""
        return self._stands_at is not None

    @property
    def offset_seconds(self) -> float:
        """Give how far the clock is ahead of the machine's own, for a moment where it stands."""
        return self._offset if self._stands_at is None else self._stands_at - time.time()

    def timestamp(self) -> float:
        """Give the seconds since 1970 on this clock; a step back of the machine's own clock does not show."""
        if self._stands_at is not None:
            return self._stands_at
        self._latest = max(self._latest, time.time() + self._offset)
        return self._latest

    def now(self) -> datetime:
        """Give the time on this clock, aware and in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def tick(self) -> None:
        """Move a standing clock on by one step, for a call of a vendor's API."""
        if self._stands_at is not None:
            self._stands_at += self.step_seconds

    def stop(self) -> None:
        """Let the clock stand still from this moment on."""
        self._stands_at = self.timestamp()

    def run(self) -> None:
        """Let the clock run from the moment at which it stands."""
        if self._stands_at is not None:
            self._offset, self._latest, self._stands_at = self._stands_at - time.time(), self._stands_at, None

    def advance(self, seconds: float, *, allow_backwards: bool = False) -> None:
        """Move the clock on by a number of seconds.

        Raises:
            ControlError: the number is negative and going back was not allowed.
        """
        if seconds < 0:
            if not allow_backwards:
                raise ControlError("the clock would go backwards; say allow_backwards to mean it")
            self._latest = 0.0
        if self._stands_at is None:
            self._offset += seconds
        else:
            self._stands_at += seconds

    def set(self, moment: datetime, *, allow_backwards: bool = False) -> None:
        """Move the clock to a moment; it goes on from there, or stands there.

        Raises:
            ControlError: the moment has no offset, or lies in the past and going back was not allowed.
        """
        if moment.tzinfo is None:
            raise ControlError("the time to set needs an offset, for example 2026-03-08T05:59:00Z")
        self.advance(moment.timestamp() - self.timestamp(), allow_backwards=allow_backwards)
        if self._stands_at is not None:
            # no error of adding and subtracting floats
            self._stands_at = moment.timestamp()


def iso(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object) -> datetime:
    """Read an ISO 8601 time with an offset.

    Raises:
        ControlError: not such a time.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ControlError(f"{text!r} is not an ISO 8601 time") from error
    if moment.utcoffset() is None:
        raise ControlError(f"{text!r} needs an offset, for example Z")
    return moment
