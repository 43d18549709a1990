"""Runs of Syncs, their vendors and their state machine in memory, with a point before and after each operation."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.domain.evolving import replace
from leadbridge.domain.gone import FATE, KNOWN
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.schedule_entries import Entry
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Part, Standing, SyncRun
from leadbridge.domain.watermarks import Window
from leadbridge.errors import SyncError
from leadbridge.ports import OvertakenError
from leadbridge.sync_ports import Covered, Gone, Page, Sample
from tests.fakes.clock import NOON
from tests.fakes.steps import Step, nothing

#: I/O of these doubles
OPERATIONS = (
    "syncs.standing",
    "syncs.take",
    "syncs.commit",
    "syncs.commit_gone",
    "syncs.forget",
    "syncs.release",
    "syncs.note_once",
    "syncs.begin",
    "syncs.get",
    "syncs.save",
    "syncs.runs",
    "syncs.take_part",
    "syncs.save_part",
    "syncs.parts",
    "source.covered",
    "source.count",
    "source.page",
    "source.gone",
    "destination.describe",
    "destination.find",
    "destination.create",
    "destination.update",
    "destination.delete",
    "starter.alive",
    "starter.start",
)


class InMemorySyncRuns:
    """`sync_ports.SyncRuns`."""

    def __init__(self, *, step: Step = nothing) -> None:
        """Nothing has run yet."""
        self._step = step
        self._standings: dict[str, Standing] = {}
        self._runs: dict[tuple[str, str], tuple[SyncRun, int]] = {}
        self._parts: dict[tuple[str, str], dict[int, Part]] = {}

    def standing(self, sync: str) -> Standing:
        """The lease of a Sync and its watermark; that of a new one if nothing is known."""
        self._step("syncs.standing")
        found = self._standings.get(sync, Standing())
        self._step("syncs.standing.done")
        return found

    def take(self, sync: str, slot: str, seen: Standing, now: datetime) -> Standing | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        self._step("syncs.take")
        held = self._standings.get(sync, Standing())
        if (held.epoch, held.holder) != (seen.epoch, seen.holder):
            return None
        taken = self._standings[sync] = replace(held, epoch=seen.epoch + 1, holder=slot, taken_at=now)
        self._step("syncs.take.done")
        return taken

    def commit(self, sync: str, slot: str, epoch: int, watermark: datetime, records: int, *, carried: str) -> bool:
        """Move the watermark, if the lease is still this run's; False if it is not."""
        self._step("syncs.commit")
        moved = self._held(sync, slot, epoch, watermark=watermark, records=records, carried=carried)
        self._step("syncs.commit.done")
        return moved

    def forget(self, sync: str) -> None:
        """Forget how far a Sync has come that is removed; its lease stays, with another epoch."""
        self._step("syncs.forget")
        if sync in self._standings:
            held = self._standings[sync]
            self._standings[sync] = Standing(
                epoch=held.epoch + 1, holder=held.holder, taken_at=held.taken_at, once=held.once
            )
        self._step("syncs.forget.done")

    def commit_gone(self, sync: str, slot: str, epoch: int, until: datetime) -> bool:
        """Note up to when deletions have been carried over, if the lease is still this run's; False if it is not."""
        self._step("syncs.commit_gone")
        moved = self._held(sync, slot, epoch, gone_until=until)
        self._step("syncs.commit_gone.done")
        return moved

    def release(self, sync: str, slot: str, epoch: int) -> None:
        """Give the lease back, if it is still this run's."""
        self._step("syncs.release")
        self._held(sync, slot, epoch, holder="")
        self._step("syncs.release.done")

    def note_once(self, sync: str, version: int) -> None:
        """Note that the only run of a version has begun, for ever, unless that of a newer one is noted."""
        self._step("syncs.note_once")
        if sync in self._standings:
            held = self._standings[sync]
            self._standings[sync] = replace(held, once=max(held.once, version))
        self._step("syncs.note_once.done")

    def expire(self) -> None:
        """Forget all runs, as the retention does; what is known between them stays; for tests."""
        self._runs.clear()
        self._parts.clear()

    def _held(self, sync: str, slot: str, epoch: int, **members: Any) -> bool:
        held = self._standings.get(sync, Standing())
        if (held.epoch, held.holder) != (epoch, slot):
            return False
        self._standings[sync] = replace(held, **members)
        return True

    def begin(self, run: SyncRun) -> tuple[SyncRun, int]:
        """Store a new run, unless one of its slot is there; returns what is stored, and its version."""
        self._step("syncs.begin")
        stored = self._runs.setdefault((run.sync, run.slot), (run, 1))
        self._step("syncs.begin.done")
        return stored

    def get(self, sync: str, slot: str) -> tuple[SyncRun, int] | None:
        """A run and its version; None if there is none."""
        self._step("syncs.get")
        found = self._runs.get((sync, slot))
        self._step("syncs.get.done")
        return found

    def save(self, run: SyncRun, version: int) -> int:
        """Replace a run; returns its new version."""
        self._step("syncs.save")
        if self._runs[run.sync, run.slot][1] != version:
            raise OvertakenError(run.name)
        self._runs[run.sync, run.slot] = (run, version + 1)
        self._step("syncs.save.done")
        return version + 1

    def runs(self, sync: str, limit: int) -> Sequence[SyncRun]:
        """The runs of a Sync, the newest first."""
        self._step("syncs.runs")
        found = [run for (name, _), (run, _) in self._runs.items() if name == sync]
        return sorted(found, key=lambda run: run.started_at, reverse=True)[:limit]

    def take_part(self, sync: str, slot: str, number: int) -> Part:
        """A partition, in this process's hands from now on."""
        self._step("syncs.take_part")
        parts = self._parts.setdefault((sync, slot), {})
        known = parts.get(number, Part(sync=sync, slot=slot, number=number))
        taken = parts[number] = replace(known, epoch=known.epoch + 1)
        self._step("syncs.take_part.done")
        return taken

    def save_part(self, part: Part) -> None:
        """Replace a partition."""
        self._step("syncs.save_part")
        parts = self._parts[part.sync, part.slot]
        if parts[part.number].epoch != part.epoch:
            raise OvertakenError(f"{part.sync}-{part.slot}-{part.number}")
        parts[part.number] = part
        self._step("syncs.save_part.done")

    def parts(self, sync: str, slot: str) -> Sequence[Part]:
        """The partitions that somebody has taken so far, by number."""
        self._step("syncs.parts")
        known = dict(self._parts.get((sync, slot), {}))
        self._step("syncs.parts.done")
        return [known[number] for number in sorted(known)]


@dataclass
class FakeSource:
    """A table of the source: rows change at a time of the vendor's, and may be shown later."""

    step: Step = nothing
    #: columns, the moment that the row bears, and when it is shown
    rows: list[tuple[Mapping[str, Any], datetime, datetime]] = field(default_factory=list)
    page_rows: int = 3
    clock: Callable[[], datetime] = field(default=lambda: NOON)
    #: what is raised instead of an answer, one call after the other
    errors: list[SyncError] = field(default_factory=list)
    calls: int = 0
    #: the windows that were asked for
    asked: list[Window] = field(default_factory=list)
    #: deleted rows, and when; from when on alone they are told; the windows that were asked for
    deleted: list[tuple[Mapping[str, Any], datetime]] = field(default_factory=list)
    told_from: datetime | None = None
    asked_gone: list[tuple[datetime, datetime]] = field(default_factory=list)

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Not beyond what is still to be shown, and whether nothing has changed up to there."""
        self.step("source.covered")
        self.calls += 1
        hidden = [at for _, at, shown in self.rows if shown > now]
        self.step("source.covered.done")
        until = min([now, *hidden])
        changed = [at for _, at, shown in self.rows if shown <= now and since is not None and since <= at < until]
        return Covered(until=until, idle=since is not None and not changed)

    def count(self, query: SourceQuery) -> int | None:
        """All rows that are shown."""
        self.step("source.count")
        self.calls += 1
        return len(self._found(_bounds(query.soql), ""))

    def made_since(self) -> datetime | None:
        """Nobody knows."""
        return None

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """What was deleted in the window, in order of ids."""
        self.step("source.gone")
        self.calls += 1
        self.asked_gone.append((since, until))
        inside = sorted(str(row["Id"]) for row, at in self.deleted if since <= at < until and str(row["Id"]) > cursor)
        rows = [row for row, _ in self.deleted if str(row["Id"]) in inside]
        rows = sorted(({FATE: KNOWN, **row} for row in rows), key=lambda row: str(row["Id"]))
        self.step("source.gone.done")
        return Gone(pages=self._gone_pages(rows), known_from=self.told_from)

    def _gone_pages(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Page]:
        for start in range(0, len(rows), self.page_rows):
            page = rows[start : start + self.page_rows]
            yield Page(rows=page, cursor=str(page[-1]["Id"]))

    def shown(self, query: SourceQuery) -> str:
        """The statement."""
        return f"GET {query.soql}"

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """The first page of what is shown by now, and the number of all."""
        del calls, now
        self.calls += 2
        found = self._found(_bounds(query.soql), "")
        return Sample(rows=found[: self.page_rows], total=len(found))

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Every column is there."""
        del columns
        return iter(rows)

    def _found(self, window: Window, cursor: str) -> list[Mapping[str, Any]]:
        now = self.clock()
        return [
            columns
            for columns, at, since in sorted(self.rows, key=lambda row: str(row[0]["Id"]))
            if since <= now
            and (window.since is None or at >= window.since)
            and (window.until is None or at < window.until)
            and str(columns["Id"]) > cursor
        ]

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is shown of the window, in order of ids: the query's own bounds are obeyed, as its vendor would."""
        window = _bounds(query.soql)
        self.asked.append(window)
        shown = self._found(window, cursor)
        if named := re.search(r"Id IN \((.*?)\)", query.soql):
            shown = [row for row in shown if f"'{row['Id']}'" in named[1].split(", ")]
        start = 0
        while True:
            self.step("source.page")
            if self.errors:
                raise self.errors.pop(0)
            self.calls += 1
            found = shown[start : start + self.page_rows]
            self.step("source.page.done")
            start += self.page_rows
            yield Page(rows=found, cursor=str(found[-1]["Id"]) if found else "")
            if start >= len(shown):
                return


def _bounds(soql: str) -> Window:
    since, until = (re.search(rf"SystemModstamp {sign} (\S+)", soql) for sign in (">=", "<"))
    return Window(
        since=datetime.fromisoformat(since[1]) if since else None,
        until=datetime.fromisoformat(until[1]) if until else None,
    )


@dataclass
class FakeDestination:
    """A table of the destination, whose ids count up; a creation whose answer is lost is there all the same."""

    described: ObjectDescription
    id_field: str
    step: Step = nothing
    rows: int = 4
    records: list[dict[str, Any]] = field(default_factory=list)
    #: what is raised by an operation, once each; with True the call was carried out
    errors: dict[str, list[tuple[SyncError, bool]]] = field(default_factory=dict)
    #: results of rows by the value of their first field, once each
    refusals: dict[str, list[RowResult]] = field(default_factory=dict)
    calls: int = 0
    #: rows of each call that wrote
    written: list[int] = field(default_factory=list)

    def describe(self) -> ObjectDescription:
        """Its fields."""
        self.step("destination.describe")
        return self.described

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records that agree with a key in its first field, in any case."""
        self.step("destination.find")
        self._fail("find", done=False)
        self.calls += 1
        field = next(iter(keys[0]), "") if keys else ""
        wanted = {str(key[field]).casefold() for key in keys}
        found = [
            {name: record.get(name) for name in fields}
            for record in self.records
            if str(record.get(field)).casefold() in wanted
        ]
        self.step("destination.find.done")
        return found

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create every row."""
        return self._call("create", rows, self._create)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update by id."""
        return self._call("update", rows, self._update)

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete by id; one that is gone is deleted."""
        return self._call("delete", [{self.id_field: each} for each in ids], self._delete)

    def _delete(self, row: Mapping[str, Any]) -> RowResult:
        record_id = str(row[self.id_field])
        self.records[:] = [each for each in self.records if str(each[self.id_field]) != record_id]
        return RowResult(ok=True, status="deleted", id=record_id)

    def _call(
        self, name: str, rows: Sequence[Mapping[str, Any]], write: Callable[[Mapping[str, Any]], RowResult]
    ) -> Sequence[RowResult]:
        self.step(f"destination.{name}")
        self._fail(name, done=False)
        self.calls += 1
        self.written.append(len(rows))
        results = [self._refused(row) or write(row) for row in rows]
        self.step(f"destination.{name}.done")
        self._fail(name, done=True)
        return results

    def _create(self, row: Mapping[str, Any]) -> RowResult:
        record_id = f"{len(self.records) + 1:03}"
        self.records.append({**row, self.id_field: record_id})
        return RowResult(ok=True, status="created", id=record_id)

    def _update(self, row: Mapping[str, Any]) -> RowResult:
        record = next(each for each in self.records if each[self.id_field] == row[self.id_field])
        record.update(row)
        return RowResult(ok=True, status="updated", id=str(row[self.id_field]))

    def _refused(self, row: Mapping[str, Any]) -> RowResult | None:
        planned = next((self.refusals[str(value)] for value in row.values() if str(value) in self.refusals), [])
        return planned.pop(0) if planned else None

    def _fail(self, name: str, *, done: bool) -> None:
        planned = self.errors.get(name, [])
        if planned and planned[0][1] is done:
            raise planned.pop(0)[0]


class FakeSyncVendors:
    """`sync_ports.SyncVendors`: one source, one destination."""

    def __init__(self, source: FakeSource, destination: FakeDestination, origin: FakeDestination | None = None) -> None:
        """All serve every Sync; `origin` takes what is written back."""
        self._origin = origin
        self._source = source
        self._destination = destination

    def source(self, sync: Sync) -> FakeSource:
        """The one source; a client of its own counts its own calls."""
        self._source.calls = 0
        return self._source

    def covered(self, asked: Sequence[tuple[Sync, datetime | None]], now: datetime) -> Sequence[Covered]:
        """What the one source says of each Sync."""
        return [self.source(sync).covered(now, since) for sync, since in asked]

    def destination(self, sync: Sync) -> FakeDestination:
        """The one destination."""
        back = self._origin if sync.destination.connection == sync.source.connection else None
        return replace_calls(back or self._destination)

    def report_quota(self) -> None:
        """Nobody asks."""


def replace_calls(destination: FakeDestination) -> FakeDestination:
    """A client of its own: the same records, its own count of calls."""
    return replace(destination, calls=0)


class FakeStarter:
    """`sync_ports.SyncStarter`: names of executions, each once."""

    def __init__(self, *, step: Step = nothing) -> None:
        """Nothing was started."""
        self._step = step
        self.started: list[tuple[str, str, str]] = []
        #: executions that have died
        self.dead: set[str] = set()

    def alive(self, name: str) -> bool:
        """Whether an execution was started and has not died."""
        self._step("starter.alive")
        return any(known == name for _, _, known in self.started) and name not in self.dead

    def start(self, sync: str, slot: str, name: str) -> None:
        """Note an execution, unless one of that name is there."""
        self._step("starter.start")
        if name not in [known for _, _, known in self.started]:
            self.started.append((sync, slot, name))
        self._step("starter.start.done")


class InMemorySchedules:
    """`sync_ports.SyncSchedules`."""

    def __init__(self, *, step: Step = nothing) -> None:
        """There is no entry."""
        self._step = step
        self.entries: dict[str, Entry] = {}
        #: entries that were written or removed
        self.changes = 0

    def known(self) -> Sequence[str]:
        """The Syncs that have an entry."""
        self._step("schedules.known")
        return list(self.entries)

    def means(self, sync: str) -> str | None:
        """What the entry of a Sync was stored for."""
        self._step("schedules.means")
        return self.entries[sync].means if sync in self.entries else None

    def put(self, entry: Entry) -> None:
        """Store an entry."""
        self._step("schedules.put")
        self.entries[entry.sync] = entry
        self.changes += 1

    def remove(self, sync: str) -> None:
        """Take an entry away."""
        self._step("schedules.remove")
        self.changes += 1
        self.entries.pop(sync, None)
