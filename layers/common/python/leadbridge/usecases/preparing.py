"""What becomes of rows before anything is asked of the destination: filter, dedupe, map.

Rows are read block by block. In memory stay one row of each key, or all of those that are imported one after the other,
and of those that have ended a number and their shared reason: however many rows a key has, a process can hold it.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import Any, overload

from leadbridge.domain.column_values import ColumnValues
from leadbridge.domain.dedupe_rules import Chooser, Vendor, stamps_of
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.rows import CompiledSync, RowEnd, SourceRow, unusable
from leadbridge.domain.sync import DedupeRule
from leadbridge.domain.sync_words import said

#: rows of one key that are imported at most where all are: each takes calls of its own, after the one before it
MOST_ALIKE = 1_000
_BLOCK_ROWS = 1_000

#: a row with its values
type Open = tuple[SourceRow, Mapping[str, Any]]
type _Why = tuple[Outcome | RowOutcome, str, str]


class Ended(Sequence[RowEnd]):
    """Rows that have ended, by their numbers; what is said of many is held once."""

    def __init__(self) -> None:
        self._positions = array("Q")
        self._reasons = array("L")
        self._whys: dict[_Why, int] = {}

    def add(self, position: int, why: _Why) -> None:
        """One more row."""
        self._positions.append(position)
        self._reasons.append(self._whys.setdefault(why, len(self._whys)))

    def sort(self) -> None:
        """Bring them into the order of the source."""
        order = sorted(range(len(self._positions)), key=self._positions.__getitem__)
        self._positions = array("Q", map(self._positions.__getitem__, order))
        self._reasons = array("L", map(self._reasons.__getitem__, order))

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, place: int) -> RowEnd: ...

    @overload
    def __getitem__(self, place: slice) -> list[RowEnd]: ...

    def __getitem__(self, place: int | slice) -> RowEnd | list[RowEnd]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        outcome, reason, message = list(self._whys)[self._reasons[place]]
        return RowEnd(position=self._positions[place], outcome=outcome, reason=reason, message=message)

    def __iter__(self) -> Iterator[RowEnd]:
        whys = list(self._whys)
        for position, why in zip(self._positions, self._reasons, strict=True):
            outcome, reason, message = whys[why]
            yield RowEnd(position=position, outcome=outcome, reason=reason, message=message)


def prepared(
    compiled: CompiledSync, rows: Iterable[SourceRow], *, source: Vendor, at: datetime
) -> tuple[Ended, list[Open]]:
    """The ends of rows that the destination need not be asked about, and all others with their values, in order.

    `at` is when the run began.
    """
    ended = Ended()
    kept = _deduped(compiled, _usable(compiled, rows, ended, at), ended, source)
    values = ColumnValues(compiled, at)
    open_: list[Open] = []
    for block in batched(sorted(kept, key=lambda row: row.position), _BLOCK_ROWS, strict=False):
        for row, found in zip(block, values(block), strict=True):
            if isinstance(found, RowEnd):
                ended.add(row.position, (found.outcome, found.reason, found.message))
            else:
                open_.append((row, found))
    ended.sort()
    return ended, open_


def _usable(compiled: CompiledSync, rows: Iterable[SourceRow], ended: Ended, at: datetime) -> Iterator[SourceRow]:
    """Rows that fulfil the conditions and have a key; the others have ended."""
    conditions = compiled.conditions
    for row in rows:
        failing = conditions.failing(row.columns, at) if conditions else None
        if failing is not None:
            told = said("condition_not_met", clause=failing)
            ended.add(row.position, (Outcome.SKIPPED, told.reason, told.message))
        elif end := unusable(compiled, row):
            ended.add(row.position, (end.outcome, end.reason, end.message))
        else:
            yield row


def _deduped(compiled: CompiledSync, rows: Iterable[SourceRow], ended: Ended, source: Vendor) -> list[SourceRow]:
    """Rows that the Sync's rule lets go on; the others have ended."""
    sync = compiled.sync
    column = ", ".join(sync.key_columns)
    told = said("duplicate_row", column=column, rule=sync.dedupe.value)
    duplicate = (Outcome.DUPLICATE, told.reason, told.message)
    told = said("key_too_often", column=column, most=MOST_ALIKE)
    too_often = (Outcome.FAILED, told.reason, told.message)
    chooser: Chooser[SourceRow, tuple[str, ...] | None] = Chooser(sync.dedupe, stamps_of(source, sync.source.object))
    times: dict[tuple[str, ...] | None, int] = {}
    for row in rows:
        if sync.dedupe is DedupeRule.IMPORT_EVERYTHING:
            times[row.key] = times.get(row.key, 0) + 1
            if times[row.key] > MOST_ALIKE:
                ended.add(row.position, too_often)
                continue
        for left_out in chooser.offer(row.key, row, row.columns):
            ended.add(left_out.position, duplicate)
    return chooser.kept()
