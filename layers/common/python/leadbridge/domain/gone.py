"""What becomes of the destination record of a source record that was deleted.

A deleted record is known by its id, at Salesforce by its fields as well, as long as it is in the Recycle Bin. Its
destination record is found by the field that a mapping fills with the id, where there is one that can be searched;
else by the Sync's match, as far as its columns are known. Whoever lives on in the source is spared: a record whose key
another row of the source has, one that was restored, and one that was merged into another.

Whoever lives takes the record over as it is moved, with its own id. If that was to come only after what the run has
read, the deletion waits for the next run: the one who lives may be deleted as well before it was ever read, and by its
id nobody would find the record any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.dedupe_rules import Vendor, stamps_of
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.rows import CompiledSync, Record, RowEnd, RowWrite, SourceRow, comparable, meant, same
from leadbridge.domain.sync import FlagDeletes, Sync
from leadbridge.domain.sync_words import said
from leadbridge.domain.values import blank, coerce, valid_identifier

#: the column that says what is known of a deleted record
FATE = "#fate"
#: all columns are known, or the id alone; or it lives on in another record
KNOWN, BARE, MERGED = "known", "bare", "merged"
#: why a deleted row is looked at once more
_WAITS = "gone_waits"
#: deleted records of one page, which is loaded like a partition
PAGE = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How the destination record of a deleted source record is found: by these fields, each from its column."""

    columns: tuple[str, ...]
    fields: tuple[FieldDescription, ...]
    #: whether the source record's id is enough
    by_id: bool

    def key(self, row: Mapping[str, str]) -> tuple[str, ...] | None:
        """What a row is found by, in the form in which it is compared; None where it is not known."""
        pairs = list(zip(self.columns, self.fields, strict=True))
        if any(blank(row.get(column)) or not valid_identifier(row[column], field) for column, field in pairs):
            return None
        return tuple(comparable(row[column], field) for column, field in pairs)

    def of_record(self, record: Record) -> tuple[str, ...]:
        """The same of a destination record."""
        return tuple(comparable(record.get(each.name), each) for each in self.fields)

    def asked(self, row: SourceRow) -> dict[str, Any]:
        """What is asked for, by destination field."""
        pairs = zip(self.columns, self.fields, strict=True)
        return {field.name: coerce(row.columns[column], field) for column, field in pairs}


def link_of(sync: Sync, source: Vendor, destination: Vendor, described: ObjectDescription) -> Link | None:
    """How destination records of deleted rows are found; None if what is known of those is not enough.

    Raises:
        KeyError: A field of the match is not described.
    """
    id_column = stamps_of(source, sync.source.object).id
    plain = (mapping for mapping in sync.mappings if mapping.column == id_column and not mapping.rules)
    for mapping in plain:
        field = described.fields.get(mapping.to)
        if field is not None and (field.filterable if destination == "salesforce" else field.id_lookup):
            return Link(columns=(id_column,), fields=(field,), by_id=True)
    by_id = set(sync.key_columns) == {id_column}
    if source == "marketo" and not by_id:
        return None
    return Link(
        columns=tuple(sync.key_columns), fields=tuple(described.fields[name] for name in sync.key_fields), by_id=by_id
    )


def unfindable(link: Link, row: SourceRow) -> RowEnd | None:
    """The end of a deleted row whose destination record is not looked for."""
    if row.columns[FATE] == MERGED:
        return _left(row, "gone_merged")
    if link.key(row.columns) is None:
        return _left(row, "gone_unknown")
    return None


def waits(end: RowEnd) -> bool:
    """Whether the next run has to look at a deleted row once more."""
    return end.reason == _WAITS


def removed(
    compiled: CompiledSync, row: SourceRow, records: Sequence[Record], *, lives: bool, unread: bool
) -> RowWrite | RowEnd:
    """What is done to the destination record of a deleted row.

    `lives`: the source has another row of its key; `unread`: this run has not read what that one has become.
    """
    sync = compiled.sync
    if not records:
        return _left(row, "gone_too")
    record = meant(compiled, records)
    if record is None:
        ids = ", ".join(sorted(str(each[compiled.id_field]) for each in records))
        told = said("ambiguous_match", object=sync.destination.object, field="the deleted row's", candidates=ids)
        return RowEnd(position=row.position, outcome=Outcome.FAILED, reason=told.reason, message=told.message)
    record_id = str(record[compiled.id_field])
    if lives:
        return _left(row, _WAITS if unread else "gone_lives_on", record_id)
    if not isinstance(sync.deletes, FlagDeletes):
        return RowWrite(row=row, fields={}, record_id=record_id, held=record, does="delete")
    flag = sync.deletes.flag
    if same(record.get(flag), True, compiled.described.fields[flag]):  # noqa: FBT003  # the value that it takes
        return RowEnd(position=row.position, outcome=Outcome.UNCHANGED, record_id=record_id)
    return RowWrite(row=row, fields={flag: True}, record_id=record_id, held=record, does="flag")


def _left(row: SourceRow, reason: str, record_id: str = "") -> RowEnd:
    told = said(reason)
    return RowEnd(
        position=row.position, outcome=Outcome.SKIPPED, record_id=record_id, reason=told.reason, message=told.message
    )
