"""People whose last name is the word null: a bulk extract of Marketo does not tell them from people without one.

Source: Marketo, bulk lead extract: a field without a value is written as `null`, like the word. Rows of a partition
that it concerns are read once more by REST, 300 a call. What was found is stored, so that the partition holds the same
rows whenever it is worked out again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from leadbridge.domain.rows import SourceRow
from leadbridge.domain.source_query import FILTER_VALUES, Facts, source_query
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import SyncRun, Way
from leadbridge.domain.values import text
from leadbridge.domain.watermarks import EVERYTHING
from leadbridge.files.cells import MARKETO_EXTRACT_NULL
from leadbridge.ports import Objects
from leadbridge.sync_ports import SyncSource
from leadbridge.usecases.batch import chunks
from leadbridge.usecases.sync_files import read_names, write_names

#: the field in which the word is a value that people have
NAME, ID = "lastName", "id"


def restored(
    objects: Objects,
    run: SyncRun,
    sync: Sync,
    number: int,
    rows: Callable[[], Iterable[SourceRow]],
    *,
    source: Callable[[], SyncSource],
    facts: Callable[[], Facts],
) -> tuple[Iterable[SourceRow], int]:
    """The rows of a partition with the last names that are the word, and how many vendor calls that took.

    `rows` reads them from the begin.

    Raises:
        SyncError: Marketo could not be asked.
    """
    if run.source != "marketo" or run.extract is not Way.BULK or sync.source.object != "leads":
        return rows(), 0
    nameless = {row.columns[ID]: row.position for row in rows() if row.columns.get(NAME) == ""}
    if not nameless:
        return rows(), 0
    called, calls = read_names(objects, run, number), 0
    if called is None:
        asked, known = source(), facts()
        called = {
            nameless[each]: name
            for ids in chunks(list(nameless), FILTER_VALUES)
            for each, name in _named(asked, run, sync, known, ids)
        }
        write_names(objects, run, number, called)
        calls = asked.calls
    return (_called(row, called[row.position]) if row.position in called else row for row in rows()), calls


def _named(source: SyncSource, run: SyncRun, sync: Sync, facts: Facts, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Those of the people whose last name is the word, in whatever case."""
    query = source_query(sync, run.source, facts, EVERYTHING, way="rest", now=run.started_at, ids=ids)
    found = [(text(row[ID]), text(row.get(NAME) or "")) for page in source.pages(query, "") for row in page.rows]
    return [(each, name) for each, name in found if name.casefold() == MARKETO_EXTRACT_NULL]


def _called(row: SourceRow, name: str) -> SourceRow:
    return replace(row, columns={**row.columns, NAME: name})
