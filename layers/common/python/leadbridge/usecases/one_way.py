"""Kinds of records that go to Marketo only: decided page by page, each record by what was last written of it.

Marketo's records are not read. A record that changed since is written; one that did not costs nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import Digest, Found, LinkedField, Pair, merge_pair
from leadbridge.domain.sync import Guard
from leadbridge.domain.three_way import Memory, Side
from leadbridge.usecases.cycle_guard import CHANGES, DELETIONS, GuardedError, too_much, what
from leadbridge.usecases.cycle_pieces import Decided, Keeping, KeepPorts, PieceState
from leadbridge.usecases.decide_people import DUE
from leadbridge.usecases.pair_people import Row
from leadbridge.usecases.sync_files import read_page

#: decides about records that are due, by id, and about those that are gone; None if that goes on behind a moment
type OfDue = Callable[[CycleRun, Mapping[str, DueRecord], datetime], Decided | None]
#: decides about a page of a queue; `piece` numbers what is decided at once
type OfPage = Callable[[CycleRun, int, Queue, Sequence[Row]], Decided]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What Marketo is to take over of a record, and what is remembered once it has."""

    #: a record that Marketo is not known to have
    new: bool
    #: everything that has a value is written
    whole: bool
    written: dict[str, Any]
    memory: Mapping[str, Memory]
    #: by Marketo's field the digest of what it was given last; of a new record nothing
    held: Mapping[str, str]
    #: by field why its value cannot be taken over
    failed: Mapping[str, str]


def change(
    fields: Sequence[LinkedField], row: Row, link: Link | None, now: datetime, digest: Digest, *, again: bool
) -> Change:
    """What changed of a record of Salesforce since it was last written; `again`: its last write failed.

    What was refused may have been refused because Marketo's record is gone, so all is written then.
    """
    found = {Side.SALESFORCE: Found(values=row)}
    known = link.memory if link is not None and link.marketo_id else None
    whole = {**found, Side.MARKETO: Found(values={})}
    names = {each.name: each.fields[Side.MARKETO].name for each in fields}
    held = {names[name]: each.marketo for name, each in (known or {}).items() if name in names}
    if known is None or any(each.name not in known for each in fields):
        made_of = Side.SALESFORCE if known is None else None
        merged = merge_pair(fields, whole, {}, now, digest, made_of=made_of)
        return Change(
            new=known is None,
            whole=True,
            written=_written(merged),
            memory=merged.memory,
            held=held,
            failed=merged.failed,
        )
    merged = merge_pair(fields, found, known, now, digest)
    written = _written(merged)
    if again:
        written = {**_written(merge_pair(fields, whole, {}, now, digest)), **written}
    return Change(new=False, whole=again, written=written, memory=merged.memory, held=held, failed=merged.failed)


def _written(merged: Pair) -> dict[str, Any]:
    return dict(merged.writes[Side.MARKETO])


class Paged:
    """Goes through what was read: first the records that are due or gone, then each page."""

    def __init__(self, keeping: Keeping, ports: KeepPorts, queues: Sequence[Queue], guard: Guard) -> None:
        """`queues` are those whose pages are looked at; the first one is the kind's own. `guard` is the cycle's."""
        self._guard = guard
        self._keeping = keeping
        self._ports = ports
        self._queues = queues

    def __call__(self, run: CycleRun, remaining: float, due: OfDue, page: OfPage) -> CycleRun | None:
        """Decide as `cycle_ports.Entity.decide`."""
        files = self._keeping.files(run)
        pages = self._pages(run)
        state = (files.pieces() if run.through else None) or PieceState(parts=len(pages))
        if run.through >= state.end:
            told = too_much(self._guard, run, self._keeping.name, self._keeping.legs, self._keeping.total)
            return guarded(run, what(self._keeping.name, CHANGES), told, self._ports.clock.now()) if told else None
        state.back_to(run.through)
        until = self._keeping.until(remaining)
        while run.through < state.end:
            piece = run.through
            if piece:
                queue, number = pages[piece - 1]
                rows = list(self._rows(run, queue, number))
                decided = page(run, piece, queue, rows)
                run = self._newest(run, queue, rows)
            else:
                noted = self._keeping.due_now(DUE)
                files.keep_due(noted)
                try:
                    found = due(run, {canonical(each.id): each for each in noted}, until)
                except GuardedError as error:
                    return guarded(run, what(self._keeping.name, DELETIONS), error.told, self._ports.clock.now())
                if found is None:
                    return run
                decided = found
            run = replace(self._keeping.keep(run, state, piece, decided), through=piece + 1)
            if self._ports.clock.now() > until:
                break
        files.keep_pieces(state)
        return run

    def _pages(self, run: CycleRun) -> list[tuple[Queue, int]]:
        read = self._keeping.read(run, self._queues)
        return [
            (queue, number)
            for queue in self._queues
            if queue.name in read
            for number in range(1, read[queue.name].pages + 1)
        ]

    def _rows(self, run: CycleRun, queue: Queue, number: int) -> Iterator[dict[str, str]]:
        read = self._keeping.read(run, [queue])[queue.name]
        return read_page(self._ports.objects, read, number, self._keeping.columns(queue))

    def _newest(self, run: CycleRun, queue: Queue, rows: Sequence[Row]) -> CycleRun:
        found = stamped(max((row.get("SystemModstamp", "") for row in rows), default=""))
        if found is None or queue is not self._queues[0]:
            return run
        return replace(run, newest={**run.newest, queue.name: max(found, run.newest.get(queue.name, found))})
