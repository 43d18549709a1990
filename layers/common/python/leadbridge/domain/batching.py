"""When calls that are kept for a batch go out, and how many of them together. Pure.

A buffer is where the events of one Action wait for each other. It drains at the first of three thresholds: so many
persons, so many bytes of the body that they make, or the age of the oldest; and when a new version of its Action is
applied. Whatever it says of a buffer is made from the events that wait in it: the counters that are kept beside them
(`ports.Buffer`) only say when it is worth a look, and may be too high after a crash, never too low.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from leadbridge.domain.documents import Document
from leadbridge.domain.event import Batch, Event
from leadbridge.domain.outcome import State

#: events that a drainer reads at once where some of them go together
MOST_DUE = 5_000
#: persons that are asked for one by one; of more the whole buffer is read
MOST_ASKED = 20


class Trigger(StrEnum):
    """Why a batch went out."""

    COUNT = "count"
    BYTES = "bytes"
    AGE = "age"
    PUBLISH = "publish"
    #: a later call of the same person goes out
    ORDER = "order"


class BatchSettings(Document):
    """Until when the calls of an Action wait for each other; whichever comes first. An absent one is the vendor's."""

    count: int | None = Field(default=None, ge=1, description="persons")
    seconds: int | None = Field(default=None, ge=1, le=86_400, description="since the oldest came")
    bytes: int | None = Field(default=None, ge=100, description="of the body that is sent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """At which of three a buffer drains; `envelope` is what a body has in bytes beside what each person adds to it."""

    count: int = 300
    bytes: int = 1_000_000
    seconds: int = 1800
    #: whether a new version of the Action drains it, too
    publish: bool = True
    envelope: int = 0


def thresholds(settings: BatchSettings | None, most: Thresholds) -> Thresholds:
    """The thresholds of an Action; `most` are those that its operation allows, and has where nothing is said."""
    if settings is None:
        return most
    return Thresholds(
        count=settings.count or most.count,
        bytes=settings.bytes or most.bytes,
        seconds=settings.seconds or most.seconds,
        publish=most.publish,
        envelope=most.envelope,
    )


def misfits(settings: BatchSettings, most: Thresholds) -> Iterable[str]:
    """What is set above what Marketo takes in one call: the member and what to do."""
    for name, value, limit in (("count", settings.count, most.count), ("bytes", settings.bytes, most.bytes)):
        if value is not None and value > limit:
            yield f"batch.{name}: is above the {limit} that Marketo takes at once; set {limit} or less, or remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What waits for an Action: persons, bytes, when the oldest came, and the version that was current then."""

    count: int = 0
    bytes: int = 0
    since: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What came into a buffer at once, and how large the buffer may be before somebody must look."""

    arrived: Buffer
    limits: Thresholds

    def crossed(self, now_there: Buffer) -> bool:
        """Whether what is there now is enough for a batch."""
        return trigger(now_there, self.limits) in {Trigger.COUNT, Trigger.BYTES}


def trigger(buffer: Buffer, limits: Thresholds | None, now: datetime | None = None, version: int = 0) -> Trigger | None:
    """Why a buffer drains now, None if it does not.

    Args:
        buffer: What waits.
        limits: Those of its Action; None where it keeps calls for batches no more.
        now: The time; without it, age does not count.
        version: The Action's current version; 0 does not count.
    """
    if not buffer.count and not buffer.bytes:
        return None
    if limits is None:
        return Trigger.PUBLISH
    latest = due_at(buffer, limits)
    reached = {
        Trigger.COUNT: buffer.count >= limits.count,
        Trigger.BYTES: buffer.bytes + limits.envelope >= limits.bytes,
        Trigger.AGE: now is not None and latest is not None and now >= latest,
        Trigger.PUBLISH: limits.publish and 0 < buffer.version != version > 0,
    }
    return next((name for name, is_so in reached.items() if is_so), None)


def due_at(buffer: Buffer, limits: Thresholds) -> datetime | None:
    """When a buffer drains at the latest."""
    return buffer.since + timedelta(seconds=limits.seconds) if buffer.since else None


def buffer_of(events: Iterable[Event]) -> Buffer:
    """What waiting events amount to: a person counts once, with the bytes of the first call."""
    first: dict[str, Event] = {}
    oldest: Event | None = None
    for event in events:
        first.setdefault(event.person, event)
        if oldest is None or event.received_at < oldest.received_at:
            oldest = event
    return Buffer(
        count=len(first),
        bytes=sum(_bytes(event) for event in first.values()),
        since=oldest.received_at if oldest else None,
        version=min((_version(event) for event in first.values()), default=0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """An event of a lane that goes on later: its persons, its place, and when."""

    persons: tuple[str, ...]
    sequence: str
    due_at: datetime


def blocked(event: Event, ahead: Iterable[Ahead]) -> datetime | None:
    """When an event goes on that would overtake others of its persons; None if it would not, or has begun."""
    if event.state is not State.WAITING or event.guards:
        return None
    mine = {*event.persons}
    return max(
        (each.due_at for each in ahead if each.sequence < event.sequence and mine & {*each.persons}), default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What goes out now, marked with its batch, and what then waits of each Action."""

    events: Sequence[Event]
    left: Mapping[str, Buffer]
    #: of each batch, why it goes
    batches: Sequence[Trigger] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Of an Action: its thresholds, None where it keeps nothing for batches, and its current version."""

    limits: Thresholds | None
    version: int = 0


@dataclass(slots=True)
class _Draft:
    """A plan in the making."""

    out: dict[str, Event] = field(default_factory=dict)
    batches: list[Trigger] = field(default_factory=list)

    def take(self, events: Sequence[Event], why: Trigger) -> None:
        size, cut = len(events), events[-1].sequence
        for event in events:
            mark = Batch(bytes=_bytes(event), version=_version(event), trigger=why.value, size=size, cut=cut)
            self.out[event.execution_id] = event.evolve(batch=mark)
        self.batches.append(why)


def plan(
    waiting: Sequence[Event],
    rules: Mapping[str, Rules],
    now: datetime,
    *,
    cuts: Mapping[str, str] | None = None,
    before: Mapping[str, str] | None = None,
    drains: bool = True,
) -> Plan:
    """What goes out of the buffers of a lane now.

    Nobody is overtaken: whatever waits of a person goes out before what came later of the same person does.

    Args:
        waiting: All that waits in them.
        rules: By Action.
        now: The time.
        cuts: By Action, how far a batch reached whose move into the lane was interrupted; the rest of it follows.
        before: By person, the sequence of an event that goes out beside the batches.
        drains: Whether `waiting` is all there is, so that thresholds can be told.
    """
    draft = _Draft()
    by_action: dict[str, list[Event]] = {}
    for event in sorted(waiting, key=_sequence):
        by_action.setdefault(event.action_id, []).append(event)
    for action, events in by_action.items():
        cut = (cuts or {}).get(action, "")
        interrupted = [event for event in events if event.sequence <= cut]
        if interrupted:
            draft.take(interrupted, Trigger.COUNT)
        if drains:
            rest = [event for event in events if event.sequence > cut]
            _drain(rest, rules.get(action, Rules(limits=None)), now, draft)
    _keep_order(waiting, draft, before or {})
    left = {
        action: buffer_of(event for event in events if event.execution_id not in draft.out)
        for action, events in by_action.items()
    }
    return Plan(events=sorted(draft.out.values(), key=_sequence), left=left, batches=draft.batches)


def _drain(events: Sequence[Event], rules: Rules, now: datetime, draft: _Draft) -> None:
    """Cut batches off the front until no threshold is crossed by what is left."""
    left = list(events)
    while left:
        why = trigger(buffer_of(left), rules.limits, now, rules.version)
        if why is None:
            return
        number = first_call(left, rules.limits) if rules.limits else len(left)
        draft.take(left[:number], why)
        del left[:number]


def first_call(events: Sequence[Event], limits: Thresholds) -> int:
    """How many events, from the first on, go together: as many persons as fit, and what comes again of them."""
    persons: set[str] = set()
    size = limits.envelope
    for number, event in enumerate(events):
        if event.person in persons:
            continue
        size += _bytes(event)
        if number and (len(persons) >= limits.count or size > limits.bytes):
            return number
        persons.add(event.person)
    return len(events)


def _keep_order(waiting: Sequence[Event], draft: _Draft, before: Mapping[str, str]) -> None:
    """Have those go out, too, that came before what goes out of the same person."""
    last = dict(before)
    for event in draft.out.values():
        _note(last, event)
    earlier = [
        event
        for event in waiting
        if event.execution_id not in draft.out and event.sequence < last.get(event.person, "")
    ]
    by_action: dict[str, list[Event]] = {}
    for event in sorted(earlier, key=_sequence):
        by_action.setdefault(event.action_id, []).append(event)
    for events in by_action.values():
        draft.take(events, Trigger.ORDER)


def cuts_of(due: Iterable[Event]) -> dict[str, str]:
    """By Action, how far the batches reach that are in the lane already."""
    cuts: dict[str, str] = {}
    for event in due:
        if event.batch and event.batch.cut and event.batch.trigger != Trigger.ORDER:
            cuts[event.action_id] = max(cuts.get(event.action_id, ""), event.batch.cut)
    return cuts


def asked_of(due: Iterable[Event]) -> dict[str, str]:
    """By person, the last of the events that go out as they come and were not begun: nobody asked what waits before."""
    last: dict[str, str] = {}
    for event in due:
        if event.batch is None and not event.begun:
            _note(last, event)
    return last


def together(due: Sequence[Event], limit: int) -> Sequence[Event]:
    """Which of a lane's due events run now: the batch of the first of them whole, or the first that are of no batch.

    With them goes whatever came earlier of the same persons. In their order.
    """
    if not due or not any(event.batch for event in due):
        return due[:limit]
    first = _mark(due[0])
    chosen = [event for event in due if _mark(event) == first]
    chosen = chosen if first else chosen[:limit]
    last: dict[str, str] = {}
    for event in chosen:
        _note(last, event)
    mine = {event.execution_id for event in chosen}
    return [
        event
        for event in due
        if event.execution_id in mine or any(event.sequence < last.get(person, "") for person in event.persons)
    ]


def _note(last: dict[str, str], event: Event) -> None:
    """Note how late an event is, under each of its persons."""
    for person in event.persons:
        last[person] = max(last.get(person, ""), event.sequence)


def _mark(event: Event) -> tuple[str, str] | None:
    return (event.action_id, event.batch.cut) if event.batch else None


def _sequence(event: Event) -> str:
    return event.sequence


def _bytes(event: Event) -> int:
    return event.batch.bytes if event.batch else 0


def _version(event: Event) -> int:
    return event.batch.version if event.batch else 0
