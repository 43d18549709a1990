"""The clock of the twins, and times as the control plane writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from simulator.faults import ControlError


class Clock:
    """Real time plus an offset; both twins of a process share one. It goes back only when told so."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0
        self._latest = 0.0

    def timestamp(self) -> float:
        """Give the seconds since 1970 on this clock; a step back of the machine's own clock does not show."""
        self._latest = max(self._latest, time.time() + self.offset_seconds)
        return self._latest

    def now(self) -> datetime:
        """Give the time on this clock, aware and in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float, *, allow_backwards: bool = False) -> None:
        """Move the clock on by a number of seconds.

        Raises:
            ControlError: the number is negative and going back was not allowed.
        """
        if seconds < 0:
            if not allow_backwards:
                raise ControlError("the clock would go backwards; say allow_backwards to mean it")
            self._latest = 0.0
        self.offset_seconds += seconds

    def set(self, moment: datetime, *, allow_backwards: bool = False) -> None:
        """Move the clock to a moment; it goes on from there.

        Raises:
            ControlError: the moment has no offset, or lies in the past and going back was not allowed.
        """
        if moment.tzinfo is None:
            raise ControlError("the time to set needs an offset, for example 2026-03-08T05:59:00Z")
        self.advance(moment.timestamp() - self.timestamp(), allow_backwards=allow_backwards)


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
