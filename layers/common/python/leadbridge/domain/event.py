"""An event on its way through the inbox, and how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from leadbridge.domain import webhook
from leadbridge.domain.evolving import evolved
from leadbridge.domain.flow_step import Chunk, PersonTold
from leadbridge.domain.outcome import Outcome, State

#: version of messages and stored items; readers accept this one and the one before
VERSION = 1
#: the epoch of an event that is in the hands of the call that brought it (`usecases.answer_inline`): older than any
#: lease of its lane, so that every later one fences it
INLINE = -1


def readable(version: object) -> bool:
    """Whether this code reads items and messages of `version`."""
    return version in (VERSION, VERSION - 1)


def iso(at: datetime) -> str:
    """`at` as ISO 8601 in UTC with milliseconds, the form in which instants are stored."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:-6] + "Z"


def instant(text: str) -> datetime:
    """The aware UTC instant that `iso` wrote."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was about to be written when the event became *writing*.

    `before` holds the ids that matched the identifier at that moment, so that a record which appeared
    since can be told from one that was there. `written` stands for what others had written under the event's
    guards by then: where that has changed, a record which appeared since may be theirs.
    """

    operation: str  # create | update | upsert
    at: datetime
    attempt: int
    record_id: str | None = None
    before: tuple[str, ...] = ()
    written: str = ""
    #: the object of the record, unless it is the one in which the Action creates records
    object: str = ""
    #: the file of an import that holds its row, and which one that is, from 1
    file: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of the event at the destination, before anything was told to the source."""

    outcome: Outcome
    reason: str = ""
    message: str = ""
    record_id: str | None = None
    #: as in `Intent`
    object: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How far a chained object has come: its intent, and then its result."""

    name: str
    intent: Intent | None = None
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """An event that is kept for a batch: what it adds to the body, and once it goes out, with how many and why.

    Without a `trigger` it waits in its buffer; `cut` is the sequence of the last that goes with it. With a `file` it
    stands beside its lane again, until that file is imported.
    """

    bytes: int = 0
    #: of the Action, when it arrived
    version: int = 0
    trigger: str = ""
    size: int = 0
    cut: str = ""
    file: str = ""


# no slots: see `evolving`
@dataclass(frozen=True, kw_only=True)
class Event:
    """One webhook call in the inbox. `payload` is personal data and leaves with the event."""

    execution_id: str
    action_id: str
    lane: str
    sequence: str
    received_at: datetime
    payload: Mapping[str, Any]
    state: State = State.WAITING
    #: the lease that holds the event now, and the newest that ever did: what an older one read of it is out of date
    epoch: int = 0
    fence: int = 0
    #: tells one state of what is stored from another, where that is known; empty as it came
    revision: str = field(default="", compare=False)
    attempts: int = 0
    #: when a vendor first asked for it to be tried again; None where none has, since it came or was redriven
    failing_since: datetime | None = None
    crashes: int = 0
    due_at: datetime | None = None
    executed_at: datetime | None = None
    version: int = 0  # of the Action, once begun
    guards: tuple[str, ...] = ()  # the keys that were its own when it was written, until it ends or is parked
    intent: Intent | None = None
    result: Result | None = None
    #: the chained objects that were begun, in their order
    chain: tuple[Link, ...] = ()
    #: what the call left out and Marketo was asked for, by column; personal data, as the payload
    read: Mapping[str, Any] | None = None
    #: of whom a flow step sent with others: their results are called back together; empty for a webhook
    chunk: str = ""
    #: the values to write back went out with the answer to the call
    answered: bool = False
    #: it has ended before, with chained objects that failed, and was brought back for them
    redone: bool = False
    #: an activity may have reached Marketo: look before sending it (again)
    activity_uncertain: bool = True
    #: when the answer to one was lost: whoever has the event hurried does not make what was sent show any sooner
    doubted_at: datetime | None = None
    reason: str = ""
    message: str = ""
    #: what was decided so far and why, without values: see `explanation`
    decision: Mapping[str, Any] = field(default_factory=dict)
    #: whose order is kept across buffers, as keyed hashes; none where no buffer can hold an event of the person
    persons: tuple[str, ...] = ()
    batch: Batch | None = None

    def evolve(self, **changes: Any) -> "Event":
        """A copy with `changes`."""
        return evolved(self, changes)

    def link(self, name: str) -> Link:
        """How far the chained object of that name has come."""
        return next((link for link in self.chain if link.name == name), Link(name=name))

    def with_link(self, link: Link) -> "Event":
        """The event with that link in place of the one of its name."""
        if any(each.name == link.name for each in self.chain):
            return self.evolve(chain=tuple(link if each.name == link.name else each for each in self.chain))
        return self.evolve(chain=(*self.chain, link))

    @property
    def person(self) -> str:
        """The one that the event is about; what is kept for a batch is about one person."""
        return self.persons[0] if self.persons else ""

    @property
    def buffered(self) -> bool:
        """Whether it waits for others, outside of its lane."""
        return self.batch is not None and not self.batch.trigger and not self.batch.file

    @property
    def file(self) -> str:
        """The file of an import with which it stands beside its lane; empty if with none."""
        return self.batch.file if self.batch else ""

    @property
    def begun(self) -> bool:
        """Whether a worker has had it in hand."""
        return bool(self.fence) or self.state is not State.WAITING

    @property
    def columns(self) -> dict[str, Any]:
        """What the Action reads of the person and the call, by column; what the call says goes before what was read."""
        return {**(self.read or {}), **webhook.columns(self.payload)}

    @property
    def lead_id(self) -> int:
        """The Marketo lead the event is about; 0 if the call does not say it."""
        return int(self.payload["lead"].get("id") or 0)


def survived(event: Event, epoch: int) -> bool:
    """Whether somebody older than the lease `epoch` still holds the event: it has survived a crash."""
    return event.epoch != 0 and event.epoch < epoch


def suspected(event: Event, epoch: int) -> bool:
    """Whether an event may be what its workers died of, as the lease `epoch` sees it.

    Of those that go together one death says little: they go together once more.
    """
    deaths = event.crashes + survived(event, epoch)
    return deaths > (1 if event.batch else 0)


def begun_by(event: Event, epoch: int) -> Event:
    """The event in the hands of a lease; one that an older lease still held has survived a crash.

    Such an event begins anew: whatever its victim sent last may have been sent just before the lease ended.
    """
    if survived(event, epoch):
        return event.evolve(epoch=epoch, fence=epoch, crashes=event.crashes + 1, executed_at=None)
    return event.evolve(epoch=epoch, fence=epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What became of write-back, membership or custom activity: status and, where it has one, the reason."""

    status: str  # written | added | callback | answered | skipped | not_configured | not_attempted | failed
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The one recorded end of an event, with the guards that are let go in the same step."""

    event: Event
    result: Result
    writeback: Part
    activity: Part
    #: of an Action without a program there is nothing to be said
    member: Part | None = None
    #: what the callback of its chunk says of it, stored in the same step
    told: PersonTold | None = None
    #: the event as a redrive takes it up, where that can do again what failed
    kept: Event | None = None
    #: guard keys to release; `written` marks them with this event's sequence
    guards: tuple[str, ...] = ()
    written: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as `receive_action` put it on the queue and `store_events` reads it."""

    kind: str  # event | rejected | not_run
    execution_id: str
    action_id: str
    sequence: str
    received_at: datetime
    payload: Mapping[str, Any] | None = None
    body: str | None = None  # base64 of a body that could not be used
    reason: str = ""
    message: str = ""
    header_names: tuple[str, ...] = ()
    #: the people that it came with, if a flow step sent it
    chunk: Chunk | None = None
    version: int = VERSION
    facts: Mapping[str, Any] = field(default_factory=dict)
