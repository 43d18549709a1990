"""Rows into files that a vendor takes: split below its limits, never inside a row, each row traceable.

The same rows give the same parts, byte for byte, so a writer that died is started again from the first row.
Lines are written with CRLF. Where a vendor wants the line ends inside values to be those of the file (Salesforce), a
row whose value holds a bare line feed goes to a part of its own kind with LF; one that holds both kinds is refused.

Source: RFC 4180; the vendors' limits are those of `cells`.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import batched, pairwise
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from leadbridge.files.cells import Cell, FileRules, UnsendableValueError

type LineEnding = Literal["CRLF", "LF"]

_CRLF = "\r\n"
# rows that are encoded and written together
_BATCH = 64
# a longer row is looked at more closely
_LONG_CHARACTERS = 16_384

#: why a row cannot go by file, by code
REFUSALS: Mapping[str, str] = {
    "row_too_large": "the row alone is larger than a file may be",
    "field_too_long": "a value is longer than the vendor takes in a file",
    "reserved_word": "the vendor reads this value as no value at all",
    "mixed_line_ends": "the row holds line ends of two kinds, a file only takes one",
    "not_unicode": "a value is no valid text",
}


class Sink(Protocol):
    """Where the bytes of one part go: a file, an upload in pieces."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""
        ...

    def close(self) -> object:
        """The part is complete, or given up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row that is in no part; `index` is its number in the input, `code` one of `REFUSALS`."""

    index: int
    code: str

    @property
    def message(self) -> str:
        """The reason as a sentence."""
        return REFUSALS[self.code]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file: its bytes and rows (without the header), and which rows of the input they are, as ranges."""

    number: int
    line_ending: LineEnding
    size: int
    rows: int
    sha256: str
    ranges: tuple[tuple[int, int], ...]

    def input_of(self, position: int) -> int:
        """The number in the input of the part's row at `position`; both count from 0.

        Raises:
            IndexError: The part has no such row.
        """
        if position >= 0:
            for start, stop in self.ranges:
                if position < stop - start:
                    return start + position
                position -= stop - start
        raise IndexError("the part has no such row")

    def to_json(self) -> dict[str, Any]:
        """Members that JSON can hold."""
        return asdict(self) | {"ranges": [list(each) for each in self.ranges]}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "Part":
        """The part of `to_json`."""
        return cls(**{**members, "ranges": tuple((start, stop) for start, stop in members["ranges"])})


@dataclass(slots=True)
class _OpenPart:
    """A part that is being written."""

    number: int
    sink: Sink
    size: int = 0
    rows: int = 0
    sum: Any = field(default_factory=hashlib.sha256)
    ranges: list[list[int]] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.sink.write(data)
        self.sum.update(data)
        self.size += len(data)

    def add(self, data: bytes, indices: Sequence[int]) -> None:
        self.write(data)
        self.rows += len(indices)
        if indices[-1] - indices[0] == len(indices) - 1:
            self._follow(indices[0], indices[-1] + 1)
        else:
            for index in indices:
                self._follow(index, index + 1)

    def _follow(self, start: int, stop: int) -> None:
        if self.ranges and self.ranges[-1][1] == start:
            self.ranges[-1][1] = stop
        else:
            self.ranges.append([start, stop])


class PartWriter:
    """Writes rows into parts; a context manager, so that no sink stays open.

    `open_part` gives the sink of the part with a number, counted from 0; `refused` hears of rows that are in no part.
    `parts` are those that are complete, in the order of their completion.

    Raises:
        ValueError: A header that no file of the vendor can have.
    """

    def __init__(
        self,
        header: Sequence[str],
        rules: FileRules,
        *,
        open_part: Callable[[int], Sink],
        refused: Callable[[RefusedRow], object],
    ) -> None:
        self.parts: list[Part] = []
        self._rules = rules
        self._open_part = open_part
        self._refused = refused
        self._width = len(header)
        self._open: dict[LineEnding, _OpenPart] = {}
        self._opened = 0
        self._last = -1
        # what the writer writes: one string for each row
        self._lines: list[str] = []
        self._writer = csv.writer(_Collector(self._lines), delimiter=rules.delimiter, lineterminator=_CRLF)
        self._header = self._header_line(header)

    def __enter__(self) -> Self:
        """The writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the parts; after an error only close what is open."""
        if kind is None:
            self.close()
        else:
            for part in self._open.values():
                part.sink.close()

    def write(self, numbered: Iterable[tuple[int, Sequence[Cell]]]) -> None:
        """Write rows with their numbers in the input, which rise.

        Raises:
            ValueError: A row without as many cells as the header has, or a number that does not rise.
        """
        for batch in batched(numbered, _BATCH, strict=False):
            indices, rows = zip(*batch, strict=True)
            if set(map(len, rows)) != {self._width}:
                raise ValueError("a row has as many cells as the header")
            # compared with one another only where they do not simply follow
            if indices != tuple(range(self._last + 1, self._last + 1 + len(indices))) and not self._rise(indices):
                raise ValueError("the numbers of rows rise")
            self._last = indices[-1]
            lines = self._encode(rows)
            if lines is None:
                for index, cells in batch:
                    self._write_one(index, cells)
            elif max(map(len, lines)) > _LONG_CHARACTERS:
                for (index, cells), line in zip(batch, tuple(lines), strict=True):
                    self._write_line(index, cells, line)
            else:
                self._add(indices, lines)

    def close(self) -> list[Part]:
        """Complete the open parts and give all of them, by number."""
        for ending in list(self._open):
            self._complete(ending)
        self.parts.sort(key=lambda part: part.number)
        return self.parts

    def _rise(self, indices: Sequence[int]) -> bool:
        return all(before < after for before, after in pairwise((self._last, *indices)))

    def _write_one(self, index: int, cells: Sequence[Cell]) -> None:
        lines = self._encode([cells])
        if lines is None:
            self._refuse(index, "reserved_word")
        else:
            self._write_line(index, cells, lines[0])

    def _write_line(self, index: int, cells: Sequence[Cell], line: str) -> None:
        if self._too_long(line, cells):
            self._refuse(index, "field_too_long")
        else:
            self._add([index], [line])

    def _encode(self, rows: Sequence[Sequence[Cell]]) -> list[str] | None:
        """Each row as its line; None if one of them holds a reserved word."""
        self._lines.clear()
        translate = self._rules.translation.get
        try:
            self._writer.writerows([map(translate, cells, cells) for cells in rows])
        except UnsendableValueError:
            return None
        return self._lines

    def _too_long(self, line: str, cells: Sequence[Cell]) -> bool:
        most_of_row, most_of_field = self._rules.max_row_characters, self._rules.max_field_characters
        if most_of_row is not None and len(line) - len(_CRLF) > most_of_row:
            return True
        return most_of_field is not None and any(isinstance(each, str) and len(each) > most_of_field for each in cells)

    def _add(self, indices: Sequence[int], lines: Sequence[str]) -> None:
        """Put lines into the part they belong to: mostly one and the same."""
        data = _bytes_of("".join(lines))
        if data is not None and (not self._rules.line_ends_agree or _ends_agree(data, len(lines))):
            self._put("CRLF", indices, lines, data)
            return
        chosen: dict[LineEnding, tuple[list[int], list[str]]] = {"CRLF": ([], []), "LF": ([], [])}
        for index, line in zip(indices, lines, strict=True):
            ending = self._ending_of(line)
            if _bytes_of(line) is None:
                self._refuse(index, "not_unicode")
            elif ending is None:
                self._refuse(index, "mixed_line_ends")
            else:
                chosen[ending][0].append(index)
                chosen[ending][1].append(line if ending == "CRLF" else line.removesuffix(_CRLF) + "\n")
        for ending, (its_indices, its_lines) in chosen.items():
            if its_lines:
                self._put(ending, its_indices, its_lines, "".join(its_lines).encode())

    def _put(self, ending: LineEnding, indices: Sequence[int], lines: Sequence[str], data: bytes) -> None:
        """Append to the open part as much as it takes, and open the next one for the rest."""
        part = self._open.get(ending)
        if part is not None and self._fits(part, len(data), len(lines)):
            part.add(data, indices)
        elif len(lines) > 1:
            half = len(lines) // 2
            for some in (slice(half), slice(half, None)):
                self._put(ending, indices[some], lines[some], "".join(lines[some]).encode())
        elif len(header := self._header_of(ending)) + len(data) > self._rules.max_bytes:
            self._refuse(indices[0], "row_too_large")
        else:
            if part is not None:
                self._complete(ending)
            part = self._open[ending] = _OpenPart(self._opened, self._open_part(self._opened))
            self._opened += 1
            part.write(header)
            part.add(data, indices)

    def _refuse(self, index: int, code: str) -> None:
        self._refused(RefusedRow(index=index, code=code))

    def _ending_of(self, line: str) -> LineEnding | None:
        """The line ending of the file that takes this row, None if none does."""
        body = line.removesuffix(_CRLF)
        if not self._rules.line_ends_agree or "\n" not in body.replace(_CRLF, ""):
            return "CRLF"
        return "LF" if _CRLF not in body else None

    def _header_of(self, ending: LineEnding) -> bytes:
        return (self._header + ("\r\n" if ending == "CRLF" else "\n")).encode()

    def _fits(self, part: _OpenPart, size: int, rows: int) -> bool:
        most = self._rules.max_rows
        return part.size + size <= self._rules.max_bytes and (most is None or part.rows + rows <= most)

    def _complete(self, ending: LineEnding) -> None:
        part = self._open.pop(ending)
        part.sink.close()
        self.parts.append(
            Part(
                number=part.number,
                line_ending=ending,
                size=part.size,
                rows=part.rows,
                sha256=part.sum.hexdigest(),
                ranges=tuple((start, stop) for start, stop in part.ranges),
            )
        )

    def _header_line(self, header: Sequence[str]) -> str:
        rules = self._rules
        self._writer.writerow(header)
        line = self._lines.pop()
        if not header or len(set(header)) != len(header) or "" in header:
            raise ValueError("a header has columns, each with a name of its own")
        if len(header) > (rules.max_columns or len(header)) or len(line) > (rules.max_header_characters or len(line)):
            raise ValueError("more columns than the vendor takes")
        return line.removesuffix(_CRLF)


class _Collector:
    """Collects what a csv writer writes: one string for each row."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _bytes_of(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _ends_agree(data: bytes, rows: int) -> bool:
    """Whether every line feed follows a carriage return."""
    feeds = data.count(b"\n")
    # as many as rows are the rows' own; only values with line ends cost a second look
    return feeds == rows or feeds == data.count(b"\r\n")
