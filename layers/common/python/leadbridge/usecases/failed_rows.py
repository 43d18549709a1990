"""The rows of a run that failed: by chunk, with the ids of their source records, and read once more for a retry.

Beside them those that were left out, and those that became calls of an Action.

What became of a row is stored under its number in the extract. Whose row it was is found by counting through the
extract, for many rows at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from leadbridge.domain.dedupe_rules import Vendor, stamps_of
from leadbridge.domain.source_query import Facts, SourceQuery, source_query
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Part, SyncRun
from leadbridge.domain.watermarks import EVERYTHING
from leadbridge.files.columns import picker
from leadbridge.files.rows import Rows
from leadbridge.files.spreadsheets import table
from leadbridge.ports import Objects
from leadbridge.sync_ports import Page, SyncSource
from leadbridge.usecases.sync_files import POSITION, gone_key, page_key, read_ids, read_refused, read_results, write_ids

#: rows whose ids are looked for in one go through the extract
AT_ONCE = 20_000
#: ids of one request: Salesforce takes them in its address
IDS: Mapping[Vendor, int] = {"marketo": 300, "salesforce": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A row that failed: its number in the extract, the id of its source record, and why."""

    row: int
    source_id: str
    reason: str
    message: str


def pieces(objects: Objects, run: SyncRun, parts: Sequence[Part]) -> Iterator[list[Mapping[str, str]]]:
    """Failed rows as they are stored, a piece for each chunk with some; those that an import refused come last."""
    for part in parts:
        for chunk in part.failed_in:
            lines = read_results(objects, run, part, chunk)
            yield [line for line in lines if line["outcome"] == "failed"]
    if run.unwritten:
        piece: list[Mapping[str, str]] = []
        for line in read_refused(objects, run):
            piece.append(line)
            if len(piece) == AT_ONCE:
                yield piece
                piece = []
        yield piece


def with_ids(
    objects: Objects, run: SyncRun, sync: Sync, found: Iterable[Sequence[Mapping[str, str]]]
) -> Iterator[Failed]:
    """The same with the ids of their source records."""
    held: list[Mapping[str, str]] = []
    for piece in found:
        held += piece
        if len(held) >= AT_ONCE:
            yield from _identified(objects, run, sync, held)
            held = []
    if held:
        yield from _identified(objects, run, sync, held)


def _identified(objects: Objects, run: SyncRun, sync: Sync, lines: Sequence[Mapping[str, str]]) -> Iterator[Failed]:
    ids = source_ids(objects, run, sync, {int(line["row"]) for line in lines})
    for line in lines:
        row = int(line["row"])
        yield Failed(row=row, source_id=ids.get(row, ""), reason=line["reason"], message=line["message"])


def source_ids(objects: Objects, run: SyncRun, sync: Sync, wanted: set[int]) -> dict[int, str]:
    """The ids of rows by their numbers: the extract is read as far as the last of them, and the deletions behind it."""
    column, last = stamps_of(run.source, sync.source.object).id, max(wanted)
    found: dict[int, str] = {}
    position = 0
    rows_read = any(each <= run.pulled for each in wanted) or run.plan
    for page in range(1, run.pages + 1) if rows_read else ():
        rows = Rows(objects.stored(page_key(run, page)))
        pick = picker(rows.header, (column,)) if rows.header else None
        for cells in rows:
            position += 1
            if pick is not None and position in wanted:
                found[position] = pick(cells)[0]
            if position >= last:
                return found
    if last > position and wanted - found.keys():
        found |= _deleted_ids(objects, run, column, wanted)
    return found


def _deleted_ids(objects: Objects, run: SyncRun, column: str, wanted: set[int]) -> dict[int, str]:
    """The ids of deleted source records by their numbers."""
    found: dict[int, str] = {}
    for page in range(1, run.gone_pages + 1):
        rows = Rows(objects.stored(gone_key(run.reading, page)))
        pick = picker(rows.header, (POSITION, column)) if rows.header else None
        if pick is not None:
            found |= {int(number): own for number, own in map(pick, rows) if int(number) in wanted}
    return found


def failed_lines(rows: Iterable[Failed]) -> Iterable[str]:
    """The rows as the lines of a CSV file for a spreadsheet."""
    return table(
        ("row", "source_id", "reason", "message"), ((row.row, row.source_id, row.reason, row.message) for row in rows)
    )


#: outcomes of which the results of chunks say everything: what an import refuses later was to be written
LISTED = ("skipped", "duplicate", "handed_over")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Failed):
    """A row that was not written, and why; of one that became a call `id` is the call's execution."""

    id: str = ""


def rows_with(objects: Objects, run: SyncRun, sync: Sync, parts: Sequence[Part], outcome: str) -> Iterator[Listed]:
    """The rows with an outcome of `LISTED`, chunk by chunk."""
    held: list[Mapping[str, str]] = []
    for piece in listed_pieces(objects, run, parts, outcome):
        held += piece
        if len(held) >= AT_ONCE:
            yield from listed(objects, run, sync, held)
            held = []
    yield from listed(objects, run, sync, held)


def listed_pieces(
    objects: Objects, run: SyncRun, parts: Sequence[Part], outcome: str
) -> Iterator[list[Mapping[str, str]]]:
    """The same as they are stored, a piece for each chunk, which may be empty."""
    for part in parts:
        for chunk in range(part.chunks):
            yield [line for line in read_results(objects, run, part, chunk) if line["outcome"] == outcome]


def listed(objects: Objects, run: SyncRun, sync: Sync, lines: Sequence[Mapping[str, str]]) -> Iterator[Listed]:
    """Stored rows with the ids of their source records."""
    found = _identified(objects, run, sync, lines) if lines else iter(())
    for row, line in zip(found, lines, strict=True):
        yield Listed(row=row.row, source_id=row.source_id, reason=row.reason, message=row.message, id=line["id"])


def listed_lines(rows: Iterable[Listed]) -> Iterable[str]:
    """The rows as the lines of a CSV file for a spreadsheet."""
    return table(
        ("row", "source_id", "id", "reason", "message"),
        ((row.row, row.source_id, row.id, row.reason, row.message) for row in rows),
    )


# a retry


def keep_ids(objects: Objects, run: SyncRun, failed: Iterable[Failed]) -> int:
    """Note for a retry which records it reads, each once; returns how many."""
    ids = sorted({each.source_id for each in failed if each.source_id})
    write_ids(objects, run, ids)
    return len(ids)


def queries(objects: Objects, run: SyncRun, sync: Sync, facts: Facts) -> list[SourceQuery]:
    """What a retry asks its source, in an order that is always the same."""
    ids, size = read_ids(objects, run), IDS[run.source]
    return [
        source_query(sync, run.source, facts, EVERYTHING, way="rest", now=run.started_at, ids=ids[start : start + size])
        for start in range(0, len(ids), size)
    ]


def pages(source: SyncSource, asked: Sequence[SourceQuery], cursor: str) -> Iterator[Page]:
    """The rows of each request as a page of its own; the cursor counts requests."""
    for number, query in enumerate(asked[int(cursor or 0) :], start=int(cursor or 0) + 1):
        rows = [row for page in source.pages(query, "") for row in page.rows]
        yield Page(rows=rows, cursor=str(number))
