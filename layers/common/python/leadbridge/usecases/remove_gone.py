"""Deleted records of a source: listed page by page, and their destination records found, flagged or deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain.condition_values import stamped
from leadbridge.domain.gone import FATE, KNOWN, Link, link_of, removed, unfindable
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.rows import CompiledSync, Record, RowEnd, RowWrite, SourceRow, key_of, record_key
from leadbridge.domain.source_query import changed_in
from leadbridge.domain.sync_words import said
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.files.rows import Rows
from leadbridge.ports import Objects
from leadbridge.sync_ports import SyncDestination
from leadbridge.usecases.batch import chunks
from leadbridge.usecases.sync_files import gone_key

#: what deleted people of Marketo are known by
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class GonePart:
    """The deleted records of one page."""

    compiled: CompiledSync
    run: SyncRun
    destination: SyncDestination
    #: the source, where it is asked who lives
    origin: SyncDestination
    link: Link = field(init=False)
    #: keys that living rows of the source have, as far as it was asked
    _living: set[tuple[str, ...]] = field(default_factory=set)
    #: those of rows that changed after what this run has read
    _unread: set[tuple[str, ...]] = field(default_factory=set)
    #: the column that says when a row of the source was changed
    _changed: str = ""

    def __post_init__(self) -> None:
        """Work out how records are found.

        Raises:
            ConfigurationError: They cannot be (the Sync was saved before that was asked for).
        """
        found = link_of(self.compiled.sync, self.run.source, self.run.destination, self.compiled.described)
        if found is None:
            raise ConfigurationError(["deletes: nothing is known of deleted rows by which records are found"])
        self.link = found

    def rows(self, objects: Objects, number: int) -> tuple[list[RowEnd], list[tuple[SourceRow, Mapping[str, Any]]]]:
        """The rows of a page: those that have ended, and those whose records are looked for."""
        ended: list[RowEnd] = []
        open_: list[tuple[SourceRow, Mapping[str, Any]]] = []
        rows = Rows(objects.stored(gone_key(self.run, number)))
        self._changed = changed_in(self.compiled.sync, self.run.source, rows.header)
        conditions, at = self.compiled.conditions, self.run.started_at
        for cells in rows:
            columns = dict(zip(rows.header[1:], cells[1:], strict=True))
            row = SourceRow(position=int(cells[0]), columns=columns, key=self.link.key(columns))
            # of whom the id alone is known nothing can be asked
            asked = conditions is not None and columns[FATE] == KNOWN
            failing = conditions.decide(columns, at).failing if conditions is not None and asked else None
            if failing is not None:
                told = said("condition_not_met", clause=failing)
                end = RowEnd(position=row.position, outcome=Outcome.SKIPPED, reason=told.reason, message=told.message)
                ended.append(end)
            elif (left := unfindable(self.link, row)) is not None:
                ended.append(left)
            else:
                open_.append((row, _NOTHING))
        return ended, open_

    def found(self, rows: Sequence[SourceRow]) -> Mapping[tuple[str, ...], list[Record]]:
        """Records of the destination by the keys of rows; asks as well which of them have a living source record."""
        asked = {row.key: self.link.asked(row) for row in rows}
        names = sorted({*self.compiled.read_fields, *(each.name for each in self.link.fields)})
        by_key: dict[tuple[str, ...], list[Record]] = {}
        for piece in chunks(list(asked.values()), self.destination.rows):
            for record in self.destination.find(piece, names):
                by_key.setdefault(self.link.of_record(record), []).append(record)
        self._look_for_living([record for key in asked if key for record in by_key.get(key, [])])
        return by_key

    def decide(self, row: SourceRow, values: Mapping[str, Any], records: Sequence[Record]) -> RowWrite | RowEnd:
        """What is done about a deleted row."""
        del values
        keys = {record_key(self.compiled, record) for record in records}
        lives, unread = not keys.isdisjoint(self._living), not keys.isdisjoint(self._unread)
        return removed(self.compiled, row, records, lives=lives, unread=unread)

    def _look_for_living(self, records: Sequence[Record]) -> None:
        """Ask the source for rows of the keys of destination records."""
        pairs = self.compiled.sync.match
        keys = [
            {pair.column: record[pair.field] for pair in pairs}
            for record in records
            if all(record.get(pair.field) not in {None, ""} for pair in pairs)
        ]
        # a record that is found by its key is found as well by the deletion of whoever lives now
        changed = (self._changed,) if self._changed and self.link.by_id else ()
        columns = [*(pair.column for pair in pairs), *changed]
        for piece in chunks(keys, self.origin.rows):
            for row in self.origin.find(piece, columns):
                if (key := key_of(self.compiled, row)) is not None:
                    self._living.add(key)
                    if any(self._later(row.get(column)) for column in changed):
                        self._unread.add(key)

    def _later(self, changed: Any) -> bool:
        """Whether a change comes after what the run has read."""
        at, until = stamped(text(changed or "")), self.run.until or self.run.gone_until
        return at is not None and until is not None and at >= until
