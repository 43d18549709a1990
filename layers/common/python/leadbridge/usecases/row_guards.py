"""Rows of a Sync beside events of Actions: no record is created by both, and of two values the newer one stays.

New records of Salesforce are made under the guards that events take, for as long as their calls last. Whatever else is
written holds none: it is looked before and behind the calls whether an event wrote the same record, or is about to. Of
rows that were read before such an event came the source is asked once more, and they are decided about anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from leadbridge.domain.dedupe_rules import stamps_of
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.row_guards import event_won, row_guards
from leadbridge.domain.rows import CompiledSync, RowEnd, RowWrite, SourceRow, key_of
from leadbridge.domain.shifts import Shift
from leadbridge.domain.source_query import Facts, readable_by_id, source_query
from leadbridge.domain.sync_words import said
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.watermarks import EVERYTHING
from leadbridge.ports import Clock, Guarded, RowKeys
from leadbridge.sync_ports import SyncSource
from leadbridge.usecases.batch import chunks
from leadbridge.usecases.failed_rows import IDS
from leadbridge.usecases.preparing import Open, prepared
from leadbridge.usecases.sync_files import as_cell

#: guards of a process that died are free after this time, as those of events are
HOLD = timedelta(minutes=15)
_UNHEARD = Guarded(last={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Rows, by their positions, that are not to be written as they were decided."""

    #: an event that came later has written the record; an event is at work on it
    won: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()

    def __or__(self, other: "Beside") -> "Beside":
        return Beside(won=self.won | other.won, busy=self.busy | other.busy)

    @property
    def all(self) -> frozenset[int]:
        """All of them."""
        return self.won | self.busy


@dataclass(slots=True, kw_only=True)
class RowGuards:
    """The guards of a partition's rows while it is loaded."""

    keys: RowKeys
    secret: bytes
    clock: Clock
    run: SyncRun
    compiled: CompiledSync
    #: what holds the guards
    shift: Shift
    #: when rows were read, where that was not when the run began
    read_at: dict[int, datetime] = field(default_factory=dict)
    #: by row, the guard that is held for it
    held: dict[int, str] = field(default_factory=dict)

    def take(self, writes: Sequence[RowWrite]) -> tuple[Beside, list[RowWrite]]:
        """Take the guards of new records; those that may have been made since they were looked for are told as well."""
        if self.run.destination != "salesforce":
            return Beside(), []
        guards = {write.row.position: self._of(write) for write in writes if not write.record_id}
        wanted = {position: own[0] for position, own in guards.items() if own}
        if not wanted:
            return Beside(), []
        now = self.clock.now()
        found = self.keys.hold(self.shift, list(wanted.values()), now + HOLD, now)
        obtained = {position: found[guard] for position, guard in wanted.items() if guard in found}
        self.held |= {position: wanted[position] for position in obtained}
        doubtful: list[RowWrite] = []
        won: set[int] = set()
        for write in writes:
            state = obtained.get(write.row.position, _UNHEARD)
            if self._won(write.row, state):
                won.add(write.row.position)
            elif state.writes or state.last:
                doubtful.append(write)
        return Beside(won=frozenset(won), busy=frozenset(wanted.keys() - obtained.keys())), doubtful

    def look(self, writes: Iterable[RowWrite]) -> Beside:
        """Look whether an event has to do with the records of rows whose guards are not ours."""
        guards = {
            write.row.position: (write.row, self._of(write))
            for write in writes
            if write.row.position not in self.held and write.does == "write"
        }
        every = list(dict.fromkeys(each for _, own in guards.values() for each in own))
        if not every:
            return Beside()
        seen = self.keys.seen(every, self.clock.now())
        known = {
            position: (row, [seen[each] for each in own if each in seen]) for position, (row, own) in guards.items()
        }
        won = {position for position, (row, found) in known.items() if any(self._won(row, each) for each in found)}
        busy = {position for position, (_, found) in known.items() if any(each.busy for each in found)}
        return Beside(won=frozenset(won - busy), busy=frozenset(busy))

    def free_before(self) -> None:
        """Let go of what a process before this one has held, which is no more; what it created shows by now."""
        if self.run.destination == "salesforce":
            now = self.clock.now()
            self.keys.hold(self.shift, (), now + HOLD, now)

    def free(self, keep: Iterable[int] = ()) -> None:
        """Let go of all guards, but not yet if one of some rows is among them: what is sent again ends them."""
        if self.held.keys().isdisjoint(keep):
            if self.held:
                self.keys.end(self.shift)
            self.shift, self.held = replace(self.shift, number=self.shift.number + 1), {}

    def _of(self, write: RowWrite) -> tuple[str, ...]:
        return row_guards(self.secret, self.compiled, write, to_marketo=self.run.destination == "marketo")

    def _won(self, row: SourceRow, found: Guarded) -> bool:
        return event_won(found.last, self.read_at.get(row.position, self.run.started_at))

    # rows that are read again

    def read_again(
        self, rows: Sequence[SourceRow], source: SyncSource, facts: Facts
    ) -> tuple[list[Open], list[RowEnd]]:
        """Rows as the source has them now, as far as they are still there, and of the same key; the others have ended.

        Raises:
            SyncError: The source could not be asked.
        """
        run, sync, now = self.run, self.compiled.sync, self.clock.now()
        column = stamps_of(run.source, sync.source.object).id
        fresh: dict[str, Mapping[str, str]] = {}
        if readable_by_id(sync, run.source):
            for ids in chunks([row.columns[column] for row in rows], IDS[run.source]):
                query = source_query(sync, run.source, facts, EVERYTHING, way="rest", now=run.started_at, ids=ids)
                for page in source.pages(query, ""):
                    fresh |= {as_cell(row.get(column)): _cells(query.columns, row) for row in page.rows}
        found = [self._fresh(row, fresh.get(row.columns[column], {})) for row in rows]
        self.read_at |= {row.position: now for row in rows}
        there = [new for old, new in zip(rows, found, strict=True) if new.key == old.key]
        told = said("event_won")
        lost = [row.position for row, new in zip(rows, found, strict=True) if new.key != row.key]
        gone = [
            RowEnd(position=each, outcome=Outcome.SKIPPED, reason=told.reason, message=told.message) for each in lost
        ]
        ended, open_ = prepared(self.compiled, there, source=run.source, at=run.started_at)
        return open_, [*gone, *ended]

    def _fresh(self, row: SourceRow, columns: Mapping[str, str]) -> SourceRow:
        key = key_of(self.compiled, columns) if columns else None
        return SourceRow(position=row.position, columns=columns, key=key)


def _cells(names: Sequence[str], row: Mapping[str, object]) -> dict[str, str]:
    return {name: as_cell(row.get(name)) for name in names}
