"""What mappings make of many rows at once: column by column, each distinct cell once.

A mapping whose value hangs on one cell alone need not be asked again for a cell that it has seen, and texts that go as
they are need not be asked at all. What the rows get is what `domain.rows.mapped_values` would give, one by one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.rows import CompiledSync, RowEnd, SourceRow, unmapped_row
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs

type Values = Mapping[str, Any]
#: the values of one mapping, row by row
type _Column = Callable[[Sequence[SourceRow]], Sequence[Any]]


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
        self._columns = tuple(_column(source, at) for source in compiled.mapped)

    def __call__(self, rows: Sequence[SourceRow]) -> list[Values | RowEnd]:
        """What the mappings make of each row; its end where one of them cannot be filled."""
        names = self._names
        found: list[Values | RowEnd] = []
        for row, values in zip(rows, zip(*(column(rows) for column in self._columns), strict=True), strict=True):
            made = {name: value for name, value in zip(names, values, strict=True) if value is not LEFT_ALONE}
            found.append(made)
            if _FailedValue in map(type, values):
                place = next(place for place, value in enumerate(values) if type(value) is _FailedValue)
                found[-1] = unmapped_row(row, self._compiled.mapped[place], values[place].failure)
        return found


def _column(source: CompiledSource, at: datetime) -> _Column:
    name = source.alone
    if not name:
        return lambda rows: [_tried(source, Inputs(columns=row.columns, at=at)) for row in rows]
    empty = _tried(source, Inputs(columns={}, at=at))
    if source.as_it_is:
        return lambda rows: [cell if (cell := row.columns.get(name)) and not cell.isspace() else empty for row in rows]
    known = _Known(source, at)
    return lambda rows: [known[row.columns.get(name)] for row in rows]


class _Known(dict[str | None, Any]):
    """What becomes of the cells of one column, as far as they have been seen; of not too many."""

    MOST = 20_000

    def __init__(self, source: CompiledSource, at: datetime) -> None:
        super().__init__()
        self._source = source
        self._at = at

    def __missing__(self, cell: str | None) -> Any:
        if len(self) >= self.MOST:
            self.clear()
        self[cell] = value = _tried(self._source, Inputs(columns={self._source.alone: cell}, at=self._at))
        return value


def _tried(source: CompiledSource, inputs: Inputs) -> Any:
    try:
        return source.value(inputs)
    except FAILURES as failure:
        return _FailedValue(failure)
