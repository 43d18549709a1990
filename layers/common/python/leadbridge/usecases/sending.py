"""Send one row for each entry to Marketo: what is taken, refused, spoiled or lost is seen to in one way."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leadbridge.domain.event import Event, Part
from leadbridge.domain.postponement import SPOILED_TRIES, vendor_reason
from leadbridge.domain.records import RowResult
from leadbridge.errors import SpoiledCallError, SyncError
from leadbridge.usecases.batch import Entry, most_tries, tries
from leadbridge.usecases.closing import Closing, repeatable
from leadbridge.usecases.isolation import isolate

type Sent = tuple[Entry, Mapping[str, Any]]

#: codes after which a write may have happened and is repeated in smaller pieces
TIMED_OUT = frozenset({"604"})


def send_rows(
    pending: Sequence[Sent],
    call: Callable[[Sequence[Sent]], Sequence[RowResult]],
    *,
    closing: Closing,
    told: Callable[[Entry, Part], None],
    unanswered: Callable[[Sequence[Sent], SyncError], Sequence[Entry]],
) -> set[str]:
    """Send rows in few calls; gives the ids of the executions that were given back, to be told by a later run.

    Args:
        pending: Entries and their rows.
        call: Sends rows, answers in their order or raises.
        closing: Where entries are given back.
        told: Takes what became of an entry.
        unanswered: Which entries of a call that failed as a whole are to go again; it tells what became of the others.
    """
    found = isolate(
        pieces(pending, lambda item: item[0].event),
        call,
        lambda piece, error: spoiled([entry.event for entry, _ in piece], error),
    )
    given_back: set[str] = set()
    for piece, reason in found.refused:
        again = unanswered(piece, reason)
        postpone(again, reason, closing)
        given_back |= {entry.event.execution_id for entry in again}
    for (entry, _), reason in found.culprits:
        told(entry, refused(reason))
    for (entry, _), answer in found.answered:
        if not answer.ok and repeatable(answer, tries(entry.event, answer.code, vendor="marketo")):
            closing.again(as_before(entry), answer, vendor="marketo")
            given_back.add(entry.event.execution_id)
            continue
        closing.refused(answer, vendor="marketo")
        told(entry, part(answer, "written"))
    return given_back


def postpone(entries: Sequence[Entry], error: SyncError, closing: Closing) -> None:
    """Give back entries of which no activity was sent in this run."""
    if entries:
        closing.postpone([entry.candidate.with_event(as_before(entry)) for entry in entries], error)


def as_before(entry: Entry) -> Event:
    """The event with the doubt about its activity that this run found; a first run has not sent any."""
    return entry.event.evolve(activity_uncertain=entry.doubtful)


def pieces[T](items: Sequence[T], event_of: Callable[[T], Event]) -> list[Sequence[T]]:
    """All in one call, or in two once a call of this size has run into the vendor's time-out."""
    timed_out = {vendor_reason("marketo", code) for code in TIMED_OUT}
    if any(event_of(item).reason in timed_out for item in items):
        half = (len(items) + 1) // 2
        return [items[:half], items[half:]]
    return [items]


def spoiled(events: Sequence[Event], error: SyncError) -> bool:
    """Whether to look for one record that spoils the call: trying again has not helped."""
    return isinstance(error, SpoiledCallError) and most_tries(events, error) >= SPOILED_TRIES


def refused(error: SyncError) -> Part:
    """What is said of a record that spoiled its call."""
    return Part(status="failed", reason=vendor_reason("marketo", error.code), message=error.detail)


def part(row: RowResult, done: str) -> Part:
    """What is said of a record that was answered."""
    if row.ok and not row.code:
        return Part(status=done)
    # a benign refusal is fine, and says why nothing was done
    status = "skipped" if row.ok else "failed"
    return Part(status=status, reason=vendor_reason("marketo", row.code), message=row.message)
