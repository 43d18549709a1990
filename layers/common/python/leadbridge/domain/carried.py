"""Runs that a state machine carries on step by step: what those of Syncs and of cycles have in common. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from leadbridge.domain.evolving import replace
from leadbridge.domain.waits import MayWait, Next, Waiting, going_on, seconds_until

#: a run waits no longer for a person: what it has stored is removed after 15 days or more (`RetentionDays`)
HELD_FOR = timedelta(days=13)
#: how soon a paused run notices that it is to go on
PAUSED_SECONDS = 60.0
#: rounds over what is at work side by side in which none of it came any further
FRUITLESS = 5
_FAILED = "failed"
#: steps of every kind of run that are its end
ENDS = frozenset({"done", _FAILED, "cancelled"})


class Asked(StrEnum):
    """What somebody wants of a run."""

    NOTHING = ""
    PAUSE = "pause"
    CANCEL = "cancel"
    #: what the guard has counted is meant
    CONFIRM = "confirm"


def run_name(owner: str, slot: str) -> str:
    """What the first execution of a run is called, in at most 60 characters, by what it is a run of."""
    return f"{owner[:30]}-{hashlib.sha256(owner.encode()).hexdigest()[:8]}-{slot}"


# no slots: see `evolving`
@dataclass(frozen=True, kw_only=True)
class CarriedRun(MayWait):
    """A run. `slot` is the time that it was meant for, or the name that somebody gave it."""

    slot: str
    #: of the document; a run obeys the one it began with
    version: int
    #: of the lease
    epoch: int
    started_at: datetime
    step: StrEnum
    asked: Asked = Asked.NOTHING
    #: the execution of the state machine that goes on with it; empty for the first one, which is called as it is
    execution: str = ""
    #: when a process last went on with it
    seen_at: datetime | None = None
    ended_at: datetime | None = None
    #: rounds over what is at work side by side without any progress
    fruitless: int = 0
    reason: str = ""
    message: str = ""

    @property
    def owner(self) -> str:
        """The document that it is a run of."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """What its state machine's execution is called, in at most 60 characters; no other run is called the same."""
        return run_name(self.owner, self.slot)

    @property
    def carrier(self) -> str:
        """The name of the execution that goes on with it."""
        return self.execution or self.name

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.step in ENDS


def ended[R: CarriedRun](run: R, step: StrEnum, now: datetime, reason: str = "", message: str = "") -> R:
    """Nothing more happens."""
    return replace(going_on(run), step=step, ended_at=now, reason=reason, message=message)


def cancelled[R: CarriedRun](run: R, now: datetime) -> R:
    """Somebody wanted it to end."""
    return ended(run, type(run.step)("cancelled"), now, "cancelled", "somebody cancelled the run")


def kept_waiting[R: CarriedRun](run: R, waiting: Waiting, now: datetime) -> R:
    """It waits for a person, as long as what it has stored is there."""
    if now - run.started_at > HELD_FOR:
        message = f"the run waited {HELD_FOR.days} days for somebody ({waiting}); the next one reads the same again"
        return ended(run, type(run.step)(_FAILED), now, "held_too_long", message)
    return replace(run, waiting=waiting, due_at=now + timedelta(seconds=PAUSED_SECONDS))


def wanted[R: CarriedRun](run: R, asked: Asked, now: datetime) -> R:
    """Somebody wants something of a run; one that waits looks at it at once. What is cancelled stays cancelled."""
    if run.over or asked is Asked.CONFIRM:
        return run
    # whoever asks for something else has perhaps not seen it, and who cancelled was told that it is heard
    heard = run.asked if run.asked is Asked.CANCEL else asked
    return replace(run, asked=heard, due_at=now if run.due_at else None)


def next_of(run: CarriedRun, now: datetime) -> Next[StrEnum, Waiting]:
    """What follows, seen from now."""
    wait = 0 if run.over else seconds_until(run.due_at, now)
    return Next(step=run.step, wait_seconds=wait, waiting=run.waiting if wait else Waiting.NOT)
