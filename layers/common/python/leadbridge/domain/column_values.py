"""What mappings make of many rows at once: column by column, each distinct cell once.

A mapping whose value hangs on one cell alone need not be asked again for a cell that it has seen, and texts that go as
they are need not be asked at all. What the rows get is what `domain.rows.mapped_values` would give, one by one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.rows import Cells, CompiledSync, RowEnd, SourceRow, unmapped_row
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs
from leadbridge.domain.values import blank, text

type Values = Mapping[str, Any]
#: the values of one mapping, row by row
type _Column = Callable[[Sequence[SourceRow], Sequence[str | None]], Sequence[Any]]


class _FailedValue:
    """Instead of a value: why there is none."""

    __slots__ = ("failure",)

    def __init__(self, failure: Exception) -> None:
        self.failure = failure


class ColumnValues:
    """The mappings of a Sync, made ready for the rows of one run."""

    def __init__(self, compiled: CompiledSync, at: datetime) -> None:
        """`at` is when the run began, whose day some values are."""
        self._compiled = compiled
        self._names = tuple(source.to for source in compiled.mapped)
        self._columns = tuple((source.alone, _column(source, at)) for source in compiled.mapped)

    def __call__(self, rows: Sequence[SourceRow]) -> list[Values | RowEnd]:
        """What the mappings make of each row; its end where one of them cannot be filled."""
        cells = _by_column(rows)
        made = [column(rows, cells(name) if name else ()) for name, column in self._columns]
        # an exception stands in a column or it does not; most have none
        kinds = [set(map(type, values)) for values in made]
        failing = {place for place, each in enumerate(kinds) if _FailedValue in each}
        names, found = self._names, list[Values | RowEnd]()
        if any(type(LEFT_ALONE) in each for each in kinds):
            for values in zip(*made, strict=True):
                pairs = zip(names, values, strict=True)
                found.append({name: value for name, value in pairs if value is not LEFT_ALONE})
        else:
            found.extend(dict(zip(names, values, strict=True)) for values in zip(*made, strict=True))
        for number, row in enumerate(rows) if failing else ():
            place = next((each for each in sorted(failing) if type(made[each][number]) is _FailedValue), None)
            if place is not None:
                found[number] = unmapped_row(row, self._compiled.mapped[place], made[place][number].failure)
        return found


def _by_column(rows: Sequence[SourceRow]) -> Callable[[str], Sequence[str | None]]:
    """The cells of rows by the name of their column."""
    first = rows[0].columns if rows else None
    if isinstance(first, Cells) and all(type(row.columns) is Cells for row in rows):
        places = first.places
        columns = list(zip(*(row.columns.cells for row in rows), strict=True))  # type: ignore[attr-defined]  # all are Cells
        none = [None] * len(rows)
        return lambda name: columns[places[name]] if name in places else none
    return lambda name: [row.columns.get(name) for row in rows]


def _column(source: CompiledSource, at: datetime) -> _Column:
    if not source.alone:
        return lambda rows, _: [_tried(source, Inputs(columns=row.columns, at=at)) for row in rows]
    value_of, empty = _value_of(source), _tried(source, Inputs(columns={}, at=at))
    if not source.rules and source.coerce is text:
        return lambda _, cells: [cell if cell and not cell.isspace() else empty for cell in cells]

    def tried(cell: str | None) -> Any:
        try:
            return empty if not cell or cell.isspace() else value_of(cell)
        except FAILURES as failure:
            return _FailedValue(failure)

    def values(_: Sequence[SourceRow], cells: Sequence[str | None]) -> Sequence[Any]:
        distinct = set(cells)
        if 2 * len(distinct) < len(cells):
            return list(map({cell: tried(cell) for cell in distinct}.__getitem__, cells))
        try:
            return [empty if not cell or cell.isspace() else value_of(cell) for cell in cells]
        except FAILURES:
            return list(map(tried, cells))

    return values


def _value_of(source: CompiledSource) -> Callable[[str], Any]:
    """What the rules and the field make of a cell that is no blank; the rules read no other."""
    coerce, finish, rules = source.coerce, source.finish, source.rules
    if not rules:
        return coerce
    (_, first, _), *others = rules
    as_text = coerce is text

    def ruled(cell: str) -> Any:
        value = first(cell, _NOTHING)
        for _, apply, takes_blanks in others:
            if takes_blanks or not blank(value):
                value = apply(value, _NOTHING)
        if as_text and value.__class__ is str and value and not value.isspace():
            return value
        return finish(value)

    return ruled


def _tried(source: CompiledSource, inputs: Inputs) -> Any:
    try:
        return source.value(inputs)
    except FAILURES as failure:
        return _FailedValue(failure)


#: the other columns, which no value of one column alone hangs on
_NOTHING: Mapping[str, Any] = {}
