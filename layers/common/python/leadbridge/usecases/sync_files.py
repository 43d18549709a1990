"""Files of a run of a Sync: pages of an extract, rows sorted into partitions, what became of each row.

Below the run's folder: `extract/00001.csv` … hold the rows as they came; `parts/00001/00001.csv` … those of a
partition, in the order of the source, each with its position; `results/00001-00001.csv` … what became of each row,
chunk by chunk; `plan/00001-00001.jsonl` … what a plan would write of it. Files of a chunk carry the epoch of whoever
stored them if it is not the first (`results/00001-00001-2.csv`).
The same input gives the same objects, so all of it may be done again.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from operator import itemgetter
from typing import Any

from leadbridge.domain.outcome import Outcome
from leadbridge.domain.partitioning import HELD, partition_of
from leadbridge.domain.planned import Planned
from leadbridge.domain.rows import Cells, CompiledSync, RowEnd, SourceRow, key_reader
from leadbridge.domain.syncing import Part, SyncRun, Totals, Way, epoch_of
from leadbridge.domain.values import blank, text
from leadbridge.errors import ConfigurationError
from leadbridge.files.cells import MARKETO_EXTRACT_NULL
from leadbridge.files.columns import picker
from leadbridge.files.rows import Rows
from leadbridge.ports import Objects

RESULT_COLUMNS = ("row", "outcome", "id", "reason", "message")
POSITION = "#"
#: rows that are handled at once
_BLOCK_ROWS = 1_000
#: kinds of values that csv writes as they are, and None as nothing
_PLAIN = frozenset({int, float, type(None)})
#: more of them, those that a dedupe rule leaves out, are written as they come
_RESULTS_AT_ONCE = 20_000


def extract_run(run: SyncRun, number: int) -> str:
    """What a bulk extract of the run is called."""
    return f"{run.mark}-x{number}"


def page_key(run: SyncRun, number: int) -> str:
    """Where a page of the extract is, or the file of a bulk extract."""
    read = run.reading
    if read.extract is Way.BULK:
        return f"{read.folder}/bulk/{extract_run(read, number)}/extract.csv"
    return f"{read.folder}/extract/{number:05}{_by(epoch_of(read.readers, number))}.csv"


def part_key(run: SyncRun, partition: int, spill: int) -> str:
    """Where rows of a partition are that were written together."""
    return f"{run.folder}/parts/{partition:05}/{spill:05}{_by(epoch_of(run.placers, spill))}.csv"


def result_key(run: SyncRun, partition: int, chunk: int, epoch: int = 1) -> str:
    """Where it is said what became of the rows of a chunk, by a process of that epoch."""
    return f"{run.folder}/results/{_of_chunk(partition, chunk, epoch)}.csv"


def _of_chunk(partition: int, chunk: int, epoch: int) -> str:
    """How a file of a chunk is called: a process that was overtaken, and does not know it yet, stores elsewhere."""
    return f"{partition:05}-{chunk:05}{_by(epoch)}"


def _by(epoch: int) -> str:
    return f"-{epoch}" if epoch > 1 else ""


def write_page(
    objects: Objects, run: SyncRun, number: int, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Store a page of records."""
    objects.put(
        page_key(run, number),
        _csv([columns, *([as_cell(row.get(name)) for name in columns] for row in rows)]),
    )


def read_page(objects: Objects, run: SyncRun, number: int, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a page, with these columns."""
    null = MARKETO_EXTRACT_NULL if run.extract is Way.BULK and run.source == "marketo" else ""
    rows = Rows(objects.stored(page_key(run, number)))
    return (dict(zip(columns, cells, strict=True)) for cells in _picked(rows, columns, null, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """How far an extract has been partitioned."""

    pages: int
    positions: int
    spills: int
    #: what the column says that was asked for, of the rows that were just placed the highest
    highest: str = ""


type Expand = Callable[[Sequence[str], Iterable[Mapping[str, str]]], Iterator[Mapping[str, Any]]]


def place(
    objects: Objects,
    run: SyncRun,
    compiled: CompiledSync,
    columns: Sequence[str],
    go_on: Callable[[], bool],
    *,
    expand: Expand | None = None,
    highest_of: str = "",
) -> Placed:
    """Sort pages of an extract into the run's partitions, until all are, or it is time to stop between two pages.

    `expand` makes rows with the columns wanted of those of a file that has others. `highest_of` is a column whose
    highest text is told.
    """
    null = MARKETO_EXTRACT_NULL if run.extract is Way.BULK and run.source == "marketo" else ""
    key = key_reader(compiled, columns)
    header = _csv([[POSITION, *columns]])
    # pieces, since buffers that grow leave holes in memory
    held: dict[int, list[bytes]] = {}
    size, spills, position, page = 0, run.spills, run.positions, run.placed
    compared = itemgetter(columns.index(highest_of)) if highest_of in columns else _nothing
    highest = ""

    def spill() -> None:
        nonlocal size, spills
        if held:
            spills += 1
        for number, lines in sorted(held.items()):
            objects.put(part_key(run, number, spills), b"".join(lines))
        held.clear()
        size = 0

    while page < run.pages:
        page += 1
        rows = Rows(objects.stored(page_key(run, page)))
        for block in batched(_picked(rows, columns, null, expand), _BLOCK_ROWS, strict=False):
            placed: dict[int, list[Sequence[Any]]] = {}
            highest = max(highest, *map(compared, block))
            for picked in block:
                position += 1
                placed.setdefault(partition_of(key(picked), position, run.row_parts), []).append((position, *picked))
            for number, lines in placed.items():
                written = _csv(lines)
                held.setdefault(number, [header]).append(written)
                size += len(written)
            if size >= HELD:
                spill()
        if not go_on():
            break
    spill()
    return Placed(pages=page, positions=position, spills=spills, highest=highest)


def _nothing(picked: Sequence[str]) -> str:
    """What stands in a column that is not there."""
    del picked
    return ""


def _picked(rows: Rows, columns: Sequence[str], null: str, expand: Expand | None) -> Iterator[Sequence[str]]:
    """The columns wanted of the rows of a page, cell by cell."""
    if expand is not None:
        whole = (
            dict(zip(rows.header, ("" if cell == null else cell for cell in cells), strict=True)) for cells in rows
        )
        for row in expand(columns, whole):
            yield tuple(as_cell(row.get(name)) for name in columns)
        return
    # a bulk extract without rows may have no header either
    pick = picker(rows.header, columns) if rows.header else tuple
    if not null:
        yield from map(pick, rows)
        return
    for cells in rows:
        yield tuple("" if cell == null else cell for cell in pick(cells))


def rows_of_part(objects: Objects, run: SyncRun, compiled: CompiledSync, number: int) -> Iterator[SourceRow]:
    """The rows of a partition as they are read, in the order of the source."""
    for spill in range(1, run.spills + 1):
        try:
            stored = objects.stored(part_key(run, number, spill))
        except ConfigurationError:
            continue  # no row of this partition was held then
        rows = Rows(stored)
        # the number of the row is none of its columns
        places = {name: place for place, name in enumerate(rows.header) if place}
        key = key_reader(compiled, rows.header)
        for cells in rows:
            yield SourceRow(position=int(cells[0]), columns=Cells(places, cells), key=key(cells))


def _names_key(run: SyncRun, number: int) -> str:
    return f"{run.folder}/names/{number:05}.csv"


def write_names(objects: Objects, run: SyncRun, number: int, names: Mapping[int, str]) -> None:
    """Store names of a partition's rows, by their positions, that its extract does not tell."""
    objects.put(_names_key(run, number), _csv(list(names.items())))


def read_names(objects: Objects, run: SyncRun, number: int) -> dict[int, str] | None:
    """Names of a partition's rows by their positions; None if nobody has asked for them."""
    try:
        stored = objects.stored(_names_key(run, number))
    except ConfigurationError:
        return None
    return {int(position): name for position, name in _lines(stored)}


def import_run(run: SyncRun) -> str:
    """What the bulk import of the run is called."""
    return f"{run.mark}-l"


def import_key(run: SyncRun) -> str:
    """The file of the bulk import."""
    return f"{run.folder}/import.csv"


def _imported_key(run: SyncRun) -> str:
    return f"{run.folder}/import-rows.csv"


def _refused_key(run: SyncRun) -> str:
    return f"{run.folder}/results/import.csv"


def _chunk_key(run: SyncRun, partition: int, chunk: int, epoch: int) -> str:
    return f"{run.folder}/import/{_of_chunk(partition, chunk, epoch)}.csv"


def write_import(objects: Objects, run: SyncRun, part: Part, chunk: int, lines: Sequence[Sequence[Any]]) -> None:
    """Store rows of a chunk that are to be imported: position, what is expected of it, and its cells.

    A blank cell empties its field.
    """
    # csv writes what most cells are as `as_cell` would
    cells = [
        [
            cell if (kind := cell.__class__) in _PLAIN or (kind is str and not cell.isspace()) else as_cell(cell)
            for cell in line
        ]
        for line in lines
    ]
    objects.put(_chunk_key(run, part.number, chunk, part.epoch), _csv(cells))


def join_import(objects: Objects, run: SyncRun, columns: Sequence[str], parts: Sequence[Part]) -> int:
    """Make one file of all rows to be imported, and beside it which row is which; returns how many there are."""
    count = 0
    with objects.writing(import_key(run)) as rows, objects.writing(_imported_key(run)) as whose:
        rows.write(_csv([columns]))
        for part in parts:
            for chunk in range(1, part.chunks):
                lines = list(_lines(objects.stored(_chunk_key(run, part.number, chunk, part.teller(chunk)))))
                rows.write(_csv([line[2:] for line in lines]))
                whose.write(_csv([line[:2] for line in lines]))
                count += len(lines)
    return count


def attach_import(objects: Objects, run: SyncRun, results: str, parts: int, say: Callable[[str, str], str]) -> Totals:
    """Note the rows that an import did not write, with what `say` makes of outcome and reason; counts what they were.

    `results` is what the keys of the import's results begin with; without `parts` nothing is known of any row.
    """
    bad: dict[int, tuple[str, str]] = {}
    for number in range(parts + 1 if parts else 0):
        rows = Rows(objects.stored(f"{results}{number:05}.csv"))
        for cells in rows:
            line = dict(zip(rows.header, cells, strict=True))
            if line["outcome"] not in {"done", "warned"}:
                bad[int(line["row"])] = (line["outcome"], line["reason"])
    counts = dict.fromkeys(Totals.__slots__, 0)
    with objects.writing(_refused_key(run)) as into:
        into.write(_csv([RESULT_COLUMNS]))
        for number, (position, outcome) in enumerate(_lines(objects.stored(_imported_key(run))), 1):
            if parts and number not in bad:
                continue
            counts[outcome] += 1
            word, reason = bad.get(number, ("uncertain", ""))
            into.write(_csv([(position, Outcome.FAILED.value, "", f"{run.destination}_{word}", say(word, reason))]))
    return Totals(**counts)


def read_refused(objects: Objects, run: SyncRun) -> Iterator[dict[str, str]]:
    """The rows that a bulk import did not write."""
    rows = Rows(objects.stored(_refused_key(run)))
    return (dict(zip(rows.header, cells, strict=True)) for cells in rows)


def _ids_key(run: SyncRun) -> str:
    return f"{run.folder}/retried.csv"


def write_ids(objects: Objects, run: SyncRun, ids: Sequence[str]) -> None:
    """Store the ids of the source's records that a retry reads."""
    objects.put(_ids_key(run), _csv([[each] for each in ids]))


def read_ids(objects: Objects, run: SyncRun) -> list[str]:
    """The ids of the records that a retry reads."""
    return [line[0] for line in _lines(objects.stored(_ids_key(run)))]


def _lines(chunks: Iterable[bytes]) -> Iterator[list[str]]:
    """Lines of a file of ours, which has no header."""
    return csv.reader(io.StringIO(b"".join(chunks).decode(), newline=""))


def write_results(objects: Objects, run: SyncRun, part: Part, chunk: int, ends: Sequence[RowEnd]) -> None:
    """Store what became of the rows of a chunk."""
    key = result_key(run, part.number, chunk, part.epoch)
    if len(ends) <= _RESULTS_AT_ONCE:
        objects.put(key, _results([RESULT_COLUMNS], ends))
        return
    with objects.writing(key) as into:
        into.write(_results([RESULT_COLUMNS], ()))
        for piece in batched(ends, _BLOCK_ROWS, strict=False):
            into.write(_results((), piece))


def _results(header: Sequence[Sequence[str]], ends: Iterable[RowEnd]) -> bytes:
    lines = ((end.position, end.outcome.value, end.record_id, end.reason, end.message) for end in ends)
    return _csv([*header, *lines])


def read_results(objects: Objects, run: SyncRun, part: Part, chunk: int) -> Iterator[dict[str, str]]:
    """What became of the rows of a chunk."""
    rows = Rows(objects.stored(result_key(run, part.number, chunk, part.teller(chunk))))
    return (dict(zip(rows.header, cells, strict=True)) for cells in rows)


def _plan_key(run: SyncRun, partition: int, chunk: int, epoch: int) -> str:
    return f"{run.reading.folder}/plan/{_of_chunk(partition, chunk, epoch)}.jsonl"


def write_plan(objects: Objects, run: SyncRun, part: Part, chunk: int, writes: Sequence[Planned]) -> None:
    """Store what would be written of a chunk."""
    lines = (json.dumps(write.as_line(), separators=(",", ":"), ensure_ascii=False) for write in writes)
    objects.put(_plan_key(run, part.number, chunk, part.epoch), "".join(f"{line}\n" for line in lines).encode())


def read_plan(objects: Objects, run: SyncRun, part: Part, chunk: int) -> list[Planned]:
    """What was planned of a chunk; a plan has them from 1 on."""
    stored = b"".join(objects.stored(_plan_key(run, part.number, chunk, part.teller(chunk))))
    return [Planned.parse(json.loads(line)) for line in stored.split(b"\n") if line]


def gone_key(run: SyncRun, number: int) -> str:
    """Where a page of deleted records of the source is."""
    return f"{run.folder}/gone/{number:05}{_by(epoch_of(run.listers, number))}.csv"


def write_gone(objects: Objects, run: SyncRun, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the next page of deleted records; they are counted on behind the rows."""
    lines = [
        [number, *(as_cell(row.get(name)) for name in columns)] for number, row in enumerate(rows, start=run.rows + 1)
    ]
    objects.put(gone_key(run, run.gone_pages + 1), _csv([[POSITION, *columns], *lines]))


def as_cell(value: Any) -> str:
    """A value as it stands in a file."""
    return "" if blank(value) else text(value)


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    into = io.StringIO(newline="")
    csv.writer(into).writerows(lines)
    return into.getvalue().encode()
