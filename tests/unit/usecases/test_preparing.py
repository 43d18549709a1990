"""What becomes of a partition's rows before the destination is asked."""

from collections.abc import Sequence
from typing import Any

import pytest

from leadbridge.domain.column_values import ColumnValues
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.rows import Cells, CompiledSync, RowEnd, SourceRow, compile_sync, mapped_values
from leadbridge.domain.sources import Inputs
from leadbridge.usecases import preparing
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

_TYPES = {
    "email": "email",
    "plain": "string",
    "cleared": "string",
    "number": "float",
    "whole": "integer",
    "truth": "boolean",
    "day": "date",
    "moment": "datetime",
    "ruled": "string",
    "filled": "string",
    "fixed": "string",
    "today": "date",
    "needed": "string",
    "preset": "integer",
}
_MAPPINGS: list[dict[str, Any]] = [
    {"to": "email", "column": "Email"},
    {"to": "plain", "column": "Name"},
    {"to": "cleared", "column": "Title", "blank": "clear"},
    {"to": "number", "column": "Value"},
    {"to": "whole", "column": "Id", "transforms": [{"type": "number_parse", "decimal": ".", "otherwise": "blank"}]},
    {"to": "truth", "column": "Flag"},
    {"to": "day", "column": "Day"},
    {"to": "moment", "column": "Day"},
    {"to": "ruled", "column": "Name", "transforms": [{"type": "trim"}, {"type": "case", "to": "upper"}]},
    {"to": "filled", "template": "{{Name}} - {{Title}}"},
    {"to": "fixed", "static": "Webinar"},
    {"to": "today", "day": "today"},
    {"to": "needed", "column": "Needed", "blank": "fail"},
    {"to": "preset", "column": "Title", "blank": "default", "default": "7"},
]
_NAMES = ("Id", "Email", "Name", "Title", "Value", "Flag", "Day", "Needed")
_ROWS = [
    ("1", "a@example.com", "Zoë", "3", "1.50", "true", "2026-03-01", "x"),
    ("2", "b@example.com", " ", "", "12", "No", "2026-03-01T12:00:00+02:00", "x"),
    ("3", "c@example.com", "李  ", " \t", "many", "1", "2026-03-01", "x"),
    ("4", "d@example.com", "Ann", "9", "1e3", "yes", "1772366400", "x"),
    ("5", "e@example.com", "Ann", "9", "0.10", "", "", "x"),
    ("6", "f@example.com", "Ann", "9", "1_0", "true", "2026-02-30", "x"),
    ("7", "g@example.com", "Ann", "9", "5", "true", "2026-02-28", ""),
    ("8", "h@example.com", "Ann", "9", "999999999999999", "true", "Mon, 2 Mar 2026 12:00:00 GMT", "x"),
]


def a_compiled(**members: Any) -> CompiledSync:
    """A Sync with a mapping of every source."""
    fields = {name: FieldDescription(name=name, type=kind) for name, kind in _TYPES.items()}
    sync = a_sync(match=[{"column": "Email", "field": "email"}], mappings=_MAPPINGS, **members)
    return compile_sync(sync, 1, ObjectDescription(name="leads", fields=fields), to_marketo=True)


def rows_like(*cells: tuple[str, ...]) -> list[SourceRow]:
    """Rows of one file."""
    places = {name: place for place, name in enumerate(_NAMES)}
    return [
        SourceRow(position=number, columns=Cells(places, each), key=(each[1],)) for number, each in enumerate(cells, 1)
    ]


@pytest.mark.parametrize("times", [1, 7])
def test_many_rows_get_the_values_that_each_would_get_alone(times: int) -> None:
    """Every source, rule and blank: the same values, and the same ends; also where most cells stand there often."""
    compiled = a_compiled()
    rows = rows_like(*_ROWS * times)
    alone = [mapped_values(compiled, row, Inputs(columns=row.columns, at=NOON)) for row in rows]

    assert ColumnValues(compiled, NOON)(rows) == alone
    assert [row.position for row, found in zip(rows, alone, strict=True) if isinstance(found, RowEnd)][:3] == [3, 6, 7]


def _prepared(rule: str, rows: Sequence[SourceRow]) -> tuple[preparing.Ended, list[preparing.Open]]:
    return preparing.prepared(a_compiled(dedupe=rule), rows, source="salesforce", at=NOON)


def test_rows_of_one_key_are_imported_one_after_the_other_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three rows of one key two go on; the third fails with the way out of it, whichever rows came between."""
    monkeypatch.setattr(preparing, "MOST_ALIKE", 2)
    first, other = _ROWS[0], _ROWS[3]
    ended, open_ = _prepared("import_everything", rows_like(first, other, first, first))

    assert [row.position for row, _ in open_] == [1, 2, 3]
    [end] = ended
    assert (end.position, end.outcome, end.reason) == (4, Outcome.FAILED, "key_too_often")
    assert "Choose another dedupe rule" in end.message


def test_of_many_rows_of_one_key_one_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 rows of one key are 19,999 duplicates in the order of the source, and one row that goes on."""
    monkeypatch.setattr(preparing, "MOST_ALIKE", 2)
    rows = rows_like(*[_ROWS[0]] * 20_000)
    ended, open_ = _prepared("oldest", rows)

    assert [row.position for row, _ in open_] == [1]
    assert [end.position for end in ended] == list(range(2, 20_001))
    assert {end.outcome for end in ended} == {Outcome.DUPLICATE}
    assert len(ended[5:8]) == 3
