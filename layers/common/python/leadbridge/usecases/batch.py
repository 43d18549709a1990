"""What the steps of one batch share: its settings, its entries, and the stop."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import pipeline
from leadbridge.domain.event import Event, Part, Result
from leadbridge.domain.flow_step import PersonTold
from leadbridge.domain.pipeline import Candidate
from leadbridge.domain.postponement import vendor_reason
from leadbridge.errors import SyncError

#: what Salesforce says where a duplicate rule refuses a record; of a call it names the records found for ten rows only,
#: so that with many of them it takes some calls until each has heard which
DUPLICATES_DETECTED, NAMING_TRIES = "DUPLICATES_DETECTED", 20
#: what Salesforce says of a record that was deleted, merged or converted after it was found; whoever stands for the
#: person by then is found by looking once more
ENTITY_IS_DELETED = "ENTITY_IS_DELETED"
GONE_SINCE = frozenset({ENTITY_IS_DELETED, "CANNOT_UPDATE_CONVERTED_LEAD"})


#: an intent is fresh for this part of the time in which writes show themselves; the rest is for the call. Where that
#: time was shortened, as on a local stack, storing alone may take longer than a part of it
FRESH, FRESH_AT_LEAST = 4, timedelta(seconds=5)


class StoppedError(Exception):
    """The lease was lost or the time is up: nothing more may be written, whatever is in hand is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Durations of a run; a local stack shortens them."""

    retry_seconds: float = 5.0
    settle: timedelta = timedelta(seconds=60)
    #: what a vendor has not taken for so long is parked until a person redrives it
    patience: timedelta = timedelta(days=14)
    #: a written event whose worker died keeps its order if somebody comes for it within this time
    guard: timedelta = timedelta(minutes=15)
    busy: timedelta = timedelta(seconds=2)
    describe_age: timedelta = timedelta(minutes=15)
    #: how often it is looked how the import of a file is; by itself a worker comes once a minute
    look: timedelta = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True)
class Entry:
    """A candidate whose destination has answered, on its way to its end."""

    candidate: Candidate
    result: Result
    resumed: bool = False
    #: since it was written a newer event of the Action has seen to the person
    overtaken: bool = False
    writeback: Part | None = None
    member: Part | None = None
    activity: Part | None = None
    #: for a callback: lead fields, and what the Action maps to its result activity
    values: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: what is told of the record beyond its id
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def event(self) -> Event:
        """The event as it stands."""
        return self.candidate.event

    @property
    def doubtful(self) -> bool:
        """Whether its activity may have been sent by a run before this one."""
        return self.resumed and self.event.activity_uncertain


def require(may_go_on: Callable[[], bool]) -> None:
    """Go on only while it is allowed.

    Raises:
        StoppedError: It is not.
    """
    if not may_go_on():
        raise StoppedError


def stale(intended: datetime, now: datetime, settle: timedelta) -> bool:
    """Whether a call may not leave for an intent: who finds it would look before what the call writes is shown.

    `settle` is the time from the intent on in which writes show themselves; what the call itself takes is in it.
    """
    return now - intended > max(settle / FRESH, FRESH_AT_LEAST)


def tries(event: Event, code: str, *, vendor: str) -> int:
    """How often the event was refused for this reason in a row; an outage before it uses none of its tries."""
    return event.attempts if event.reason == vendor_reason(vendor, code) else 0


def most_tries(events: Iterable[Event], error: SyncError) -> int:
    """The largest number of times that one of the events was given back for the same reason in a row."""
    return max((tries(event, error.code, vendor=error.vendor) for event in events), default=0)


def grouped[T, K](items: Iterable[T], key: Callable[[T], K]) -> list[list[T]]:
    """Items with the same key together, in order of first sight."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def chunks[T](items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Items in pieces of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def once_each[T](items: Sequence[T], key: Callable[[T], str]) -> list[list[T]]:
    """Items in rounds, none with a key twice: Salesforce takes no record twice in a call, and order would be lost."""
    rounds: list[list[T]] = []
    times: dict[str, int] = {}
    for item in items:
        number = times.get(key(item), 0)
        times[key(item)] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(item)
    return rounds


def told_of(event: Event, result: Result, values: Mapping[str, Any], attributes: Mapping[str, str]) -> PersonTold:
    """What the callback of a chunk says of an event."""
    failed = pipeline.errored(result)
    return PersonTold(
        lead_id=event.lead_id,
        execution_id=event.execution_id,
        success=not failed,
        outcome=result.outcome.value,
        code=str(result.reason) if failed else "",
        reason=result.message,
        record_id=result.record_id or "",
        values=values,
        attributes=attributes,
    )
