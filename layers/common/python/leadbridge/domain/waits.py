"""How long something waits, in whatever state machine, and for what. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leadbridge.domain.evolving import replace
from leadbridge.errors import DisabledError, QuotaExhaustedError, SyncError, TransientError, UncertainWriteError

_SECOND = timedelta(seconds=1)
#: a vendor that cannot be reached for so long ends a run; its watermark stays, so the next one reads the same again
PATIENCE = timedelta(hours=24)
_REFUSED_SECONDS = (5.0, 300.0)
_DISABLED_SECONDS = 300.0


class Waiting(StrEnum):
    """Why a run of a Sync or a cycle waits, or a part of it."""

    NOT = ""
    QUOTA = "quota"
    DISABLED = "disabled"
    VENDOR = "vendor"
    SETTLING = "settling"
    PAUSED = "paused"
    #: it would do too much, and somebody is to confirm it
    GUARD = "guard"


#: waits of which people should know
PARKED = frozenset({Waiting.QUOTA, Waiting.DISABLED, Waiting.PAUSED, Waiting.GUARD})


# no slots: see `evolving`
@dataclass(frozen=True, kw_only=True)
class MayWait:
    """Something that may have to wait."""

    waiting: Waiting = Waiting.NOT
    due_at: datetime | None = None
    #: the first of a row of refusals; None as soon as it went on
    refused_at: datetime | None = None
    refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How long something waits, and for what."""

    waiting: Waiting
    due_at: datetime


def held_by(error: SyncError, waits: MayWait, now: datetime) -> Held | None:
    """How long an error keeps something from going on; None if it will not pass by itself."""
    match error:
        case QuotaExhaustedError():
            return Held(waiting=Waiting.QUOTA, due_at=error.resets_at)
        case DisabledError():
            return Held(waiting=Waiting.DISABLED, due_at=now + timedelta(seconds=_DISABLED_SECONDS))
        case TransientError() | UncertainWriteError():
            if now - (waits.refused_at or now) > PATIENCE:
                return None
            asked = error.retry_after_seconds if isinstance(error, TransientError) else 0.0
            return Held(waiting=Waiting.VENDOR, due_at=now + growing(_REFUSED_SECONDS, waits.refusals, asked))
        case _:
            return None


def put_off[W: MayWait](waits: W, held: Held, now: datetime) -> W:
    """It was refused once more."""
    return replace(
        waits,
        waiting=held.waiting,
        due_at=held.due_at,
        refusals=waits.refusals + 1,
        refused_at=waits.refused_at or now,
    )


def going_on[W: MayWait](waits: W) -> W:
    """It waits no longer."""
    return replace(waits, waiting=Waiting.NOT, due_at=None, refused_at=None, refusals=0)


def reason_of(error: SyncError) -> str:
    """The code of an error, as a reason."""
    return "_".join(part for part in (error.vendor, error.code) if part) or type(error).__name__


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
