"""What is counted and kept for alerts: every worker counts, so there is nothing here but the shapes.

Everything here is made of ids, reason codes, numbers and times. Nothing of a call's content comes near it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

#: what arrived and what became of it is counted in pieces of this length
BUCKET_MINUTES = 5
#: calls that came in, whatever became of them
ARRIVED = "arrived"
#: accepted calls that have their outcome, counted by it
ENDED = "ended"
#: what is counted by reason: failed ends, parked work, bodies that could not be used
FAILED, PARKED, REJECTED = "failed", "parked", "rejected"
#: weeks before this one whose same hours tell what is usual; a median that three of four must support
WEEKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted for an Action in one piece of time: number by what, and by what and reason."""

    action: str
    at: datetime
    numbers: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedWork:
    """Calls of an Action that wait for a person, all for one reason."""

    action: str
    reason: str
    number: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a connection's lane holds: since when its oldest call waits, and why; `more`: more than `number` do."""

    connection: str
    since: datetime
    number: int
    more: bool = False
    reason: str = ""
    #: when the first of them may go on, as far as it is known
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate with which a connection logs in."""

    connection: str
    ends_at: datetime


def bucket(at: datetime) -> datetime:
    """The beginning of the piece of time in which an instant is counted."""
    return at.replace(minute=at.minute - at.minute % BUCKET_MINUTES, second=0, microsecond=0)
