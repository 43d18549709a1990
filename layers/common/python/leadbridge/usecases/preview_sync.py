"""Preview a Sync: how many rows a run would pull, and what would become of some of them. Nothing is written.

The rows go the way that those of a run go: conditions, key, dedupe rule, mappings, match, import rule. Rows of a key
that are not among them are not known: a duplicate stays one, what goes on here may be left out for one of those. At
most `BUDGET` calls are made, of both vendors together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.outcome import RowOutcome
from leadbridge.domain.planned import Foreseen
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import (
    CompiledSync,
    Decide,
    RowEnd,
    RowWrite,
    SourceRow,
    compile_sync,
    decide,
    key_of,
    key_values,
    record_key,
)
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Choice, Cost, choose_load, extract_cost
from leadbridge.domain.syncing import Step
from leadbridge.domain.values import blank, text
from leadbridge.errors import ConfigurationError
from leadbridge.sync_ports import Sample, SyncDestination, SyncRuns, SyncVendors
from leadbridge.usecases.preparing import prepared
from leadbridge.usecases.view_sync import Opened, Viewed, ViewSync

#: vendor calls of one preview, of both vendors together
BUDGET = 15
#: calls that are kept for describing the destination and looking for the rows' records
_KEPT = 4
#: rows that are shown
SHOWN = 20
#: newest runs among which one over all rows is looked for
_LOOKED_AT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many rows a run would pull: exactly, or an estimate with its basis and what the exact number costs."""

    rows: int | None
    exact: bool
    basis: str = ""
    exact_cost: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One destination field: what it holds and what it would hold."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedRow:
    """A row of the source, and what would become of it; `outcome` is a word of the closed list."""

    position: int
    columns: Mapping[str, str]
    outcome: str
    record_id: str = ""
    reason: str = ""
    message: str = ""
    fields: Sequence[FieldChange] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run that began now would do, as far as the budget tells."""

    viewed: Viewed
    total: Total
    rows: Sequence[PreviewedRow]
    #: of all rows that were looked for with those that are shown
    outcomes: Sequence[str]
    #: of a row of the source, on average; None where there was none
    row_bytes: float | None
    load: Choice
    calls: int
    budget: int = BUDGET


class PreviewSync:
    """The use-case of Preview."""

    def __init__(self, *, view: ViewSync, runs: SyncRuns, vendors: SyncVendors) -> None:
        """`view` opens the source."""
        self._view = view
        self._runs = runs
        self._vendors = vendors

    def __call__(
        self, sync_id: str, version: int | None = None, document: Sync | None = None, *, budget: int = BUDGET
    ) -> Preview:
        """What a version would do, or an edit of it that is not stored, in at most so many vendor calls.

        Raises:
            ConfigurationError: There is no such Sync, or it does not fit what the vendors describe (any more).
        """
        opened = self._view.opened(sync_id, version, document)
        destination = self._vendors.destination(opened.sync)
        viewed = self._view.viewed(opened)
        left = max(3, budget - opened.source.calls - _KEPT)
        sample = opened.source.sample(viewed.query, left, opened.at)
        # as many as one call looks for: what they become is also the basis of a price
        rows = self._previewed(opened, destination, sample.rows[: destination.rows])
        total = self._total(opened, viewed, sample)
        to: Vendor = "salesforce" if opened.vendor == "marketo" else "marketo"
        return Preview(
            viewed=viewed,
            total=total,
            rows=rows[:SHOWN],
            outcomes=[row.outcome for row in rows],
            row_bytes=_row_bytes(rows),
            load=choose_load(opened.sync, to, total.rows, destination.describe),
            calls=opened.source.calls + destination.calls,
            budget=budget,
        )

    def _total(self, opened: Opened, viewed: Viewed, sample: Sample) -> Total:
        if sample.total is not None:
            return Total(rows=sample.total, exact=True)
        windows = max(1, len(viewed.query.filters))
        cost = extract_cost(opened.vendor, "bulk", sample.estimate or 0, windows=windows)
        runs = self._runs.runs(opened.sync.id, _LOOKED_AT)
        last = next((run for run in runs if run.kind == "run"), None)
        if last and last.step is Step.DONE and last.version == opened.version and not opened.sync.incremental:
            return Total(rows=last.pulled, exact=False, basis=f"the run {last.slot} pulled so many", exact_cost=cost)
        return Total(rows=sample.estimate, exact=False, basis=sample.basis, exact_cost=cost)

    def _previewed(
        self, opened: Opened, destination: SyncDestination, rows: Sequence[Mapping[str, Any]]
    ) -> list[PreviewedRow]:
        if not rows:
            return []
        compiled = _compiled(opened, destination.describe())
        placed = [_row(compiled, number, row) for number, row in enumerate(rows, start=1)]
        ended, open_ = prepared(compiled, placed, source=opened.vendor, at=opened.at)
        ends: dict[int, RowWrite | RowEnd] = {end.position: end for end in ended}
        held = _held(compiled, destination, [row for row, _ in open_])
        # an Action is called for each row, others write one record after the other
        judge: Decide = partial(decide, compiled) if compiled.sync.destination.action else Foreseen(compiled)
        for row, values in open_:
            ends[row.position] = judge(row, values, [each for each in held if record_key(compiled, each) == row.key])
        return [_previewed(compiled, row, ends[row.position]) for row in placed]


def _row_bytes(rows: Sequence[PreviewedRow]) -> float | None:
    """Bytes of a row as a file holds it: its cells, and what stands between them."""
    sizes = [sum(len(cell.encode()) + 1 for cell in row.columns.values()) for row in rows]
    return sum(sizes) / len(sizes) if sizes else None


def _compiled(opened: Opened, described: ObjectDescription) -> CompiledSync:
    types = {name: field.type for name, field in opened.facts.fields.items()}
    try:
        return compile_sync(
            opened.sync,
            opened.version,
            described,
            to_marketo=opened.vendor == "salesforce",
            types=types,
            lists=opened.facts.lists,
        )
    except KeyError as error:
        name = opened.sync.destination.object
        raise ConfigurationError([f"{name} has no field {error.args[0]}; correct the Sync"]) from error


def _row(compiled: CompiledSync, position: int, row: Mapping[str, Any]) -> SourceRow:
    # as the files of a run hold them
    columns = {name: "" if blank(value) else text(value) for name, value in row.items() if not isinstance(value, dict)}
    return SourceRow(position=position, columns=columns, key=key_of(compiled, columns))


def _held(
    compiled: CompiledSync, destination: SyncDestination, rows: Sequence[SourceRow]
) -> Sequence[Mapping[str, Any]]:
    """The destination's records that the rows may mean."""
    keys = {row.key: key_values(compiled, row) for row in rows}
    return destination.find(list(keys.values()), compiled.read_fields) if keys else []


def _previewed(compiled: CompiledSync, row: SourceRow, decided: RowWrite | RowEnd) -> PreviewedRow:
    if isinstance(decided, RowEnd):
        return _ended(row, decided)
    changes = [
        FieldChange(name=name, before=decided.held.get(name), after=value)
        for name, value in sorted(decided.fields.items())
    ]
    outcome = RowOutcome.HANDED_OVER if compiled.sync.destination.action else decided.outcome
    end = PreviewedRow(position=row.position, columns=row.columns, outcome=outcome.value, record_id=decided.record_id)
    return replace(end, fields=changes)


def _ended(row: SourceRow, end: RowEnd) -> PreviewedRow:
    return PreviewedRow(
        position=row.position,
        columns=row.columns,
        outcome=end.outcome.value,
        record_id=end.record_id,
        reason=end.reason,
        message=end.message,
    )
