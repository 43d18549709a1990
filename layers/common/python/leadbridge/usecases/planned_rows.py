"""The stored writes of plans: read to be made, to go on planning behind them, and to be shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from leadbridge.domain.linked import Digest
from leadbridge.domain.planned import Foreseen, Planned, checked, checked_deletion, checked_removal, unwritable
from leadbridge.domain.rows import CompiledSync, Decide, Record, RowEnd, RowWrite, SourceRow, key_of
from leadbridge.domain.syncing import Part, SyncRun
from leadbridge.ports import Objects
from leadbridge.sync_ports import Page, SyncRuns
from leadbridge.usecases.sync_files import read_plan, read_results

#: makes a row's key of its columns
type MakeKey = Callable[[Mapping[str, str]], tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """The writes of one partition of a plan, to be made."""

    compiled: CompiledSync
    writes: Mapping[int, Planned]
    #: the row of each, in the order of the plan, and the values that it takes
    rows: list[tuple[SourceRow, Mapping[str, Any]]]

    @classmethod
    def of(cls, compiled: CompiledSync, writes: Sequence[Planned], key: MakeKey) -> Self:
        """What is to be made of stored writes; `key` makes a row's key of its columns."""
        return cls(
            compiled=compiled,
            writes={write.position: write for write in writes},
            rows=[(write.row(key), write.after) for write in writes],
        )

    def writing(self, digest: Digest) -> Decide:
        """How the planned writes are decided about; `digest` is that by which fields are known that were not read."""

        def decided(row: SourceRow, values: Mapping[str, Any], records: Sequence[Record]) -> RowWrite | RowEnd:
            del values
            planned = self.writes[row.position]
            if planned.does == "delete":
                return checked_deletion(self.compiled, planned, row, records)
            hidden = unwritable(self.compiled, planned, row)
            return hidden or checked(self.compiled, planned, row, records, digest)

        return decided

    def removal(self, decide: Decide) -> Decide:
        """How the planned flags and deletions are decided about; `decide` says what would be done by now."""

        def decided(row: SourceRow, values: Mapping[str, Any], records: Sequence[Record]) -> RowWrite | RowEnd:
            return checked_removal(self.compiled, self.writes[row.position], row, decide(row, values, records))

        return decided


def planned_writes(objects: Objects, runs: SyncRuns, run: SyncRun, number: int) -> list[Planned]:
    """What the plan of a run lists for a partition."""
    plan = run.reading
    parts = (part for part in runs.parts(plan.sync, plan.slot) if part.number == number)
    return [
        write for part in parts for chunk in range(1, part.chunks) for write in read_plan(objects, run, part, chunk)
    ]


def foreseen(objects: Objects, run: SyncRun, part: Part, compiled: CompiledSync) -> Foreseen:
    """How rows of a plan are decided about, behind those of the partition that are planned already."""
    found = Foreseen(compiled)
    for chunk in range(1, part.chunks):
        for write in read_plan(objects, run, part, chunk):
            found.note(write.row(partial(key_of, compiled)).key or (), write.record_id, write.after)
    return found


def first_rows(pages: Iterator[Page], number: int) -> Iterator[Page]:
    """So many rows of the pages at most; no page is read in vain."""
    left = number
    while left > 0 and (page := next(pages, None)) is not None:
        yield replace(page, rows=page.rows[:left])
        left -= len(page.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPlanned:
    """One destination field: what it holds and what it would hold."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """What would become of a row; one that is written has its fields. `outcome` is a word of the closed list."""

    row: int
    source_id: str
    outcome: str
    record_id: str
    reason: str
    message: str
    fields: Sequence[FieldPlanned] = ()


def planned_pieces(objects: Objects, run: SyncRun, parts: Sequence[Part]) -> Iterator[list[PlannedRow]]:
    """The rows of a plan as they are stored, a piece for each chunk; whose they are is not told yet."""
    for part in parts:
        for chunk in range(part.chunks):
            yield planned_piece(objects, run, part, chunk)


def planned_piece(objects: Objects, run: SyncRun, part: Part, chunk: int) -> list[PlannedRow]:
    """The rows of one chunk of a plan as they are stored."""
    writes = {write.position: write for write in read_plan(objects, run, part, chunk)} if chunk else {}
    return [_row(line, writes) for line in read_results(objects, run, part, chunk)]


def _row(line: Mapping[str, str], writes: Mapping[int, Planned]) -> PlannedRow:
    row = int(line["row"])
    write = writes.get(row)
    names = sorted(write.after) if write else ()
    return PlannedRow(
        row=row,
        source_id="",
        outcome=line["outcome"],
        record_id=line["id"],
        reason=line["reason"],
        message=line["message"],
        fields=[FieldPlanned(name=name, before=write.before[name], after=write.after[name]) for name in names if write],
    )
