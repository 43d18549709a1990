"""How long something waits, in whatever state machine. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Next[S, W]:
    """What a state machine does next: the step, after a wait in whole seconds, and why it waits."""

    step: S
    wait_seconds: int
    waiting: W


def seconds_until(due_at: datetime | None, now: datetime) -> int:
    """Whole seconds until a moment, none too few; 0 where there is none, or it has come."""
    return 0 if due_at is None or due_at <= now else -(-(due_at - now) // _SECOND)


def growing(between: tuple[float, float], refusals: int, asked: float) -> timedelta:
    """A wait that doubles with each refusal between two bounds, in seconds, and is as long at least as was asked."""
    first, most = between
    # the growth ends long before the power would
    return timedelta(seconds=max(asked, min(first * 2 ** min(refusals, 10), most)))
