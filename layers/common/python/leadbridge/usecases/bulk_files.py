"""Files of bulk runs: pieces into a checked file, a file into parts, results beside the rows that were sent.

All of it streams, and all of it may be done again: the same input gives the same objects.

Objects of a run, below its folder: `piece-00001` … and `extract.csv` of an extract; `part-00001.csv` with what it
holds in `part-00001.json`, and `results-00001.csv`, of an import; `results-00000.csv` names rows that are in no part.
A line of results is the row's number in the source (from 1), what became of it, the vendor's id, and its reason;
a row that was done with a warning has two lines.
"""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from itertools import chain

from leadbridge.domain.jobs import OVER, Counts, Run, State, sends_again
from leadbridge.domain.jobs import Kind as Direction
from leadbridge.errors import ConfigurationError
from leadbridge.files.cells import LEAVE, MARKETO_IMPORT, SALESFORCE_INGEST, Cell, FileRules
from leadbridge.files.columns import picker
from leadbridge.files.errors import DamagedFileError, SchemaDriftError
from leadbridge.files.parts import Part, PartWriter, RefusedRow
from leadbridge.files.results import MARKETO_RESULTS, SALESFORCE_RESULTS, Kind, RowResult, Shape, Told, attach
from leadbridge.files.rows import Expected, Rows
from leadbridge.ports import ExtractJobs, Objects, PartFile, StoredFile, Writer

RULES: Mapping[str, FileRules] = {"marketo": MARKETO_IMPORT, "salesforce": SALESFORCE_INGEST}
SHAPES: Mapping[str, Shape] = {"marketo": MARKETO_RESULTS, "salesforce": SALESFORCE_RESULTS}
RESULT_COLUMNS = ("row", "outcome", "id", "reason")

_OUTCOMES: Mapping[Kind, str] = {
    Kind.SUCCEEDED: "done",
    Kind.FAILED: "failed",
    Kind.WARNED: "warned",
    Kind.UNPROCESSED: "unprocessed",
}
#: what a blank cell of the source means
_BLANKS: Mapping[str, Cell] = {"leave": LEAVE, "clear": None}


def results_prefix(run: Run) -> str:
    """What the keys of an import's results begin with; a number of five digits and `.csv` follow, one per part."""
    return f"{run.folder}/results-"


class Copy:
    """Passes bytes on and notes how many there were, and their SHA-256."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._sum = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """The SHA-256 in hexadecimal."""
        return self._sum.hexdigest()

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks, written on the way."""
        for chunk in chunks:
            self._sum.update(chunk)
            self.size += len(chunk)
            self._write(chunk)
            yield chunk


def piece_key(run: Run, number: int) -> str:
    """Where a piece of an extract's file is kept."""
    return f"{run.folder}/piece-{number:05}"


def between(run: Run) -> list[str]:
    """The keys of what a run that is done needs no more."""
    if run.kind is Direction.EXTRACT:
        return [piece_key(run, number) for number in range(1, run.pieces + 1)]
    return [key(run, number) for key in (_part_key, _note_key) for number in range(1, run.parts + 1)]


def copy_checked(objects: Objects, copy: Copy, run: Run, jobs: ExtractJobs) -> int:
    """Make one file of the pieces; returns its rows. It counts only if no error ends this.

    Raises:
        DamagedFileError: Not what the vendor said: checksum, size or number of rows.
        UnreadableFileError: No CSV.
        SchemaDriftError: A column that was asked for is missing, or pages have different ones.
    """
    pieces = (objects.stored(piece_key(run, number)) for number in range(1, run.pieces + 1))
    if jobs.paged:
        return _pages(pieces, copy, run, jobs.columns)
    expected = Expected(size=run.size, sha256=run.checksum or None, rows=run.records)
    rows = Rows(copy.through(chain.from_iterable(pieces)), expected=expected)
    _drain(rows)
    # only now: in a damaged file the header may be what is damaged
    _check_columns(rows, jobs.columns)
    return rows.count


def _pages(pieces: Iterable[StoredFile], copy: Copy, run: Run, columns: Sequence[str]) -> int:
    header: Sequence[str] | None = None
    count = 0
    for piece in pieces:
        rows = Rows(piece if header is None else iter(piece))
        if header is not None and tuple(rows.header) != header:
            raise SchemaDriftError(missing=[name for name in header if name not in rows.header])
        _drain(rows)
        _check_columns(rows, columns)
        for _ in copy.through(piece if header is None else _without_header(piece)):
            pass
        header = tuple(rows.header)
        count += rows.count
    if run.records not in (None, count):
        raise DamagedFileError("row_count_mismatch", f"rows {count}, the vendor says {run.records}")
    return count


def _without_header(chunks: Iterable[bytes]) -> Iterator[bytes]:
    found = False
    for chunk in chunks:
        if found:
            yield chunk
        elif (end := chunk.find(b"\n")) >= 0:
            found = True
            yield chunk[end + 1 :]


def _drain(rows: Rows) -> None:
    for _ in rows:
        pass


def _check_columns(rows: Rows, columns: Sequence[str]) -> None:
    if rows.header:
        picker(rows.header, columns)


# an import, from its file to the end of each of its rows


def split(objects: Objects, run: Run, source: StoredFile) -> tuple[int, Counts]:
    """Cut an import's file into parts below the vendor's limits; returns their number and the rows counted.

    In the source a blank cell leaves its field alone, or empties it if the request says `"blank": "clear"`; a cell
    that is exactly the request's word `clear` empties it too.

    Raises:
        UnreadableFileError: The source is no CSV.
        ConfigurationError: A header that the vendor does not take, or a request that says something else of blanks.
    """
    blank = _blank(run)
    clear = run.request.get("clear")
    rows = Rows(source)
    refused = 0
    with objects.writing(f"{results_prefix(run)}{0:05}.csv") as into:
        lines = _Results(into)

        def note(row: RefusedRow) -> None:
            nonlocal refused
            refused += 1
            lines.write(row.index + 1, "rejected", "", f"{row.code}: {row.message}")

        parts: list[Part] = []
        try:
            with PartWriter(
                rows.header,
                RULES[run.vendor],
                open_part=lambda number: _Sink(objects.writing(_part_key(run, number + 1))),
                refused=note,
            ) as writer:
                writer.write(
                    (index, [blank if not cell else None if cell == clear else cell for cell in row])
                    for index, row in enumerate(rows)
                )
                parts = writer.close()
        except ValueError as error:
            raise ConfigurationError([f"source: {error}"]) from error
        lines.flush()
    for part in parts:
        _note_part(objects, run, part, part.number + 1)
    return len(parts), Counts(rows=rows.count, rejected=refused)


def part_file(objects: Objects, run: Run) -> PartFile:
    """The run's current part, to be sent."""
    return PartFile(
        file=objects.stored(_part_key(run, run.part)), line_ending=_part(objects, run, run.part).line_ending
    )


def attach_results(objects: Objects, run: Run, files: Mapping[str, Iterator[bytes]]) -> Counts:
    """Write what became of each row of the current part; rows never come to become one more part if that is sent.

    Raises:
        UnreconciledError: The results are not those of the rows that were sent.
    """
    part = _part(objects, run, run.part)
    sent = objects.stored(_part_key(run, run.part))
    shape, is_certain = SHAPES[run.vendor], run.state is State.COMPLETE
    if run.state not in OVER - {State.GONE}:
        # still at work perhaps, or forgotten, and without results: a row that no file names has no known end
        shape = replace(shape, silent_success=True)
    told = Told(failed=run.failed, warned=run.warned) if is_certain else None
    found = _filled(files)
    key = run.request.get("key", ())
    counted: Counter[str] = Counter()
    unprocessed: list[int] = []
    # a row that is sent again has its end elsewhere
    unwritten = Kind.UNPROCESSED if sends_again(run, 1) else None
    with objects.writing(f"{results_prefix(run)}{run.part:05}.csv") as into:
        lines = _Results(into)
        for result in attach(Rows(sent), found, shape, told=told, key=key):
            outcome = _outcome(result, is_certain=is_certain or not shape.silent_success)
            counted[outcome] += 1
            if result.kind is Kind.UNPROCESSED:
                unprocessed.append(result.position)
            if result.kind is not unwritten:
                lines.write(part.input_of(result.position) + 1, outcome, result.record_id, result.reason)
        lines.flush()
    counts = Counts(**{each.name: counted[each.name] for each in fields(Counts)})
    if unprocessed and unwritten:
        _again(objects, run, part, sent, sorted(unprocessed))
    return counts


def _outcome(result: RowResult, *, is_certain: bool) -> str:
    # Marketo only names rows that failed; of a job that is not complete the others may be written or not
    if result.kind is Kind.SUCCEEDED and not is_certain:
        return "uncertain"
    return _OUTCOMES[result.kind]


def _filled(files: Mapping[str, Iterator[bytes]]) -> list[tuple[Kind, Rows]]:
    """The files that hold anything."""
    found = []
    for kind, chunks in files.items():
        first = next(chunks, b"")
        if first:
            found.append((Kind(kind), Rows(chain([first], chunks))))
    return found


def _again(objects: Objects, run: Run, part: Part, sent: StoredFile, positions: Sequence[int]) -> None:
    """Write rows of a part once more, as the part behind the last."""
    number = run.parts + 1
    wanted = iter(positions)
    following = next(wanted, None)
    ending = "\r\n" if part.line_ending == "CRLF" else "\n"
    rows = Rows(sent)
    with objects.writing(_part_key(run, number)) as into:
        copy = Copy(into.write)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator=ending)
        writer.writerow(rows.header)
        for position, row in enumerate(rows):
            if position == following:
                writer.writerow(row)
                following = next(wanted, None)
                _pour(text, copy)
        _pour(text, copy, at_least=1)
    inputs = [part.input_of(position) for position in positions]
    resent = replace(
        part,
        number=number - 1,
        size=copy.size,
        rows=len(positions),
        sha256=copy.digest,
        ranges=tuple((each, each + 1) for each in inputs),
    )
    _note_part(objects, run, resent, number)


def _pour(text: io.StringIO, copy: Copy, at_least: int = 1 << 20) -> None:
    if text.tell() >= at_least:
        for _ in copy.through([text.getvalue().encode()]):
            pass
        text.seek(0)
        text.truncate()


def _blank(run: Run) -> Cell:
    said = run.request.get("blank", "leave")
    if said not in _BLANKS:
        raise ConfigurationError([f"request.blank: one of {', '.join(_BLANKS)}"])
    return _BLANKS[said]


def _part_key(run: Run, number: int) -> str:
    return f"{run.folder}/part-{number:05}.csv"


def _note_key(run: Run, number: int) -> str:
    return f"{run.folder}/part-{number:05}.json"


def _note_part(objects: Objects, run: Run, part: Part, number: int) -> None:
    objects.put(_note_key(run, number), json.dumps(part.to_json()).encode())


def _part(objects: Objects, run: Run, number: int) -> Part:
    return Part.from_json(json.loads(b"".join(objects.stored(_note_key(run, number)))))


class _Sink:
    """An object that is complete when it is closed."""

    def __init__(self, context: AbstractContextManager[Writer]) -> None:
        self._context = context
        self.write = context.__enter__().write

    def close(self) -> None:
        """The object is complete."""
        self._context.__exit__(None, None, None)


class _Results:
    """Lines of results, written in blocks."""

    def __init__(self, into: Writer) -> None:
        self._into = into
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._writer.writerow(RESULT_COLUMNS)

    def write(self, row: int, outcome: str, record_id: str, reason: str) -> None:
        """Add a line."""
        self._writer.writerow((row, outcome, record_id, reason))
        if self._text.tell() > 1 << 20:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        self._into.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()
