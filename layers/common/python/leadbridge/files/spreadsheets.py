"""CSV that people open in a spreadsheet, where a cell may be taken for a formula and carried out.

Source: OWASP, "CSV Injection".
"""

import csv
import io
from collections.abc import Iterable, Sequence

#: what a formula begins with; tab and carriage return are passed over by some programs
_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe in front makes it text."""
    return f"'{cell}" if cell.startswith(_BEGINS) else cell


def line(cells: Sequence[object]) -> str:
    """A line of such a file."""
    into = io.StringIO(newline="")
    csv.writer(into).writerow([as_text(str(cell)) for cell in cells])
    return into.getvalue()


def table(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> Iterable[str]:
    """The lines of such a file, the header first."""
    yield line(columns)
    yield from map(line, lines)
