"""What became of runs: how they stand, and the rows that failed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import SyncRun, summed
from leadbridge.domain.unplanned import unplanned
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.failed_rows import (
    Failed,
    Listed,
    listed,
    listed_pieces,
    pieces,
    rows_with,
    source_ids,
    with_ids,
)
from leadbridge.usecases.planned_rows import PlannedRow, planned_pieces

#: runs that a list shows
LISTED = 50
#: failed rows of a page at least, if there are so many
PAGE = 500
#: files that are looked through for a page of rows, of which each may hold none
MOST_PIECES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPage:
    """Some of the rows that failed, and where the next ones begin; 0 if there are none."""

    rows: Sequence[Failed]
    following: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPage:
    """Some of the rows with an outcome, and where the next ones begin; 0 if there are none."""

    rows: Sequence[Listed]
    following: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPage:
    """Some rows of a plan, and where the next ones begin; 0 if there are none."""

    rows: Sequence[PlannedRow]
    following: int = 0


class SyncResults:
    """Reads what runs have stored."""

    def __init__(self, *, documents: Documents, runs: SyncRuns, objects: Objects) -> None:
        self._documents = documents
        self._runs = runs
        self._objects = objects

    def runs(self, sync: str, limit: int = LISTED) -> Sequence[SyncRun]:
        """The runs of a Sync, the newest first; of those at work the counts as they are now."""
        return [self._counted(run) for run in self._runs.runs(sync, limit)]

    def run(self, sync: str, slot: str) -> SyncRun:
        """One run.

        Raises:
            ConfigurationError: There is none of that slot.
        """
        found = self.known(sync, slot)
        if found is None:
            raise ConfigurationError(
                [f"the Sync {sync} has no run {slot}; `leadbridge syncs executions {sync}` lists them"]
            )
        return found

    def known(self, sync: str, slot: str) -> SyncRun | None:
        """The same; None if there is none."""
        found = self._runs.get(sync, slot)
        return self._counted(found[0]) if found else None

    def unplanned(self, sync: str, slot: str) -> list[str]:
        """What a plan does not show of what a run would do, in sentences.

        Raises:
            ConfigurationError: There is no such run.
        """
        run = self.run(sync, slot)
        return list(unplanned(run, self._sync(run)))

    def failed(self, sync: str, slot: str) -> Iterator[Failed]:
        """The rows of a run that failed.

        Raises:
            ConfigurationError: There is no such run, or its files have expired.
        """
        run = self.run(sync, slot)
        return with_ids(self._objects, run, self._sync(run), pieces(self._objects, run, self._runs.parts(sync, slot)))

    def rows(self, sync: str, slot: str, outcome: str) -> Iterator[Listed]:
        """The rows of a run that were skipped, are duplicates, or were handed over.

        Raises:
            ConfigurationError: As above.
        """
        run = self.run(sync, slot)
        return rows_with(self._objects, run, self._sync(run), self._runs.parts(sync, slot), outcome)

    def rows_page(self, sync: str, slot: str, outcome: str, begin: int = 0) -> ListedPage:
        """Some of them, from a place on that the page before told; a place counts what was stored together.

        Raises:
            ConfigurationError: As above.
        """
        run = self.run(sync, slot)
        stored = islice(listed_pieces(self._objects, run, self._runs.parts(sync, slot), outcome), begin, None)
        lines, taken = list[Mapping[str, str]](), 0
        for piece in stored:
            lines += piece
            taken += 1
            if len(lines) >= PAGE or taken == MOST_PIECES:
                break
        following = begin + taken if next(stored, None) is not None else 0
        return ListedPage(rows=list(listed(self._objects, run, self._sync(run), lines)), following=following)

    def failed_page(self, sync: str, slot: str, begin: int = 0) -> FailedPage:
        """Some of them, from a place on that the page before told; a place counts what was stored together.

        Raises:
            ConfigurationError: As above.
        """
        run = self.run(sync, slot)
        stored = islice(pieces(self._objects, run, self._runs.parts(sync, slot)), begin, None)
        taken, count = [], 0
        for piece in stored:
            taken.append(piece)
            count += len(piece)
            if count >= PAGE:
                break
        following = begin + len(taken) if next(stored, None) is not None else 0
        return FailedPage(rows=list(with_ids(self._objects, run, self._sync(run), taken)), following=following)

    def planned(self, sync: str, slot: str) -> Iterator[PlannedRow]:
        """The rows of a plan, and what would be written of each.

        Raises:
            ConfigurationError: There is no such plan, or its files have expired.
        """
        run = self._plan(sync, slot)
        for piece in planned_pieces(self._objects, run, self._runs.parts(sync, slot)):
            yield from self._named(run, piece)

    def planned_page(self, sync: str, slot: str, begin: int = 0) -> PlannedPage:
        """Some of them, from a place on that the page before told; a place counts what was stored together.

        Raises:
            ConfigurationError: As above.
        """
        run = self._plan(sync, slot)
        stored = islice(planned_pieces(self._objects, run, self._runs.parts(sync, slot)), begin, None)
        rows, taken = list[PlannedRow](), 0
        for piece in stored:
            rows += piece
            taken += 1
            if len(rows) >= PAGE:
                break
        more = next(stored, None) is not None
        return PlannedPage(rows=self._named(run, rows), following=begin + taken if more else 0)

    def _plan(self, sync: str, slot: str) -> SyncRun:
        run = self.run(sync, slot)
        if not run.planning:
            raise ConfigurationError([f"the run {slot} of the Sync {sync} is no plan"])
        return run

    def _named(self, run: SyncRun, rows: Sequence[PlannedRow]) -> list[PlannedRow]:
        """The rows with the ids of their source records, in the order of the source."""
        if not rows:
            return []
        ids = source_ids(self._objects, run, self._sync(run), {row.row for row in rows})
        named = (replace(row, source_id=ids.get(row.row, "")) for row in rows)
        return sorted(named, key=lambda row: row.row)

    def _sync(self, run: SyncRun) -> Sync:
        stored = self._documents.get("sync", run.sync, run.version)
        if stored is None or not isinstance(stored.document, Sync):
            raise ConfigurationError([f"there is no version {run.version} of the Sync {run.sync}"])
        return stored.document

    def _counted(self, run: SyncRun) -> SyncRun:
        return run if run.over else summed(run, self._runs.parts(run.sync, run.slot))
