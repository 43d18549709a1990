"""What a Sync writes back: destination values, such as the id, that the source record takes once its row is done.

Written is only what the row does not hold already, by the source record's own id: whoever does it again, after a death
or in the next run, writes the same or nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadbridge.domain.dedupe_rules import Vendor, stamps_of
from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.pipeline import unmapped
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.rows import SourceRow, same
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs, compile_source
from leadbridge.domain.sync import Sync, SyncDestination
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import TEXT_TYPES, coercion

#: rows whose record is as it should be
TOLD_BACK = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledBack:
    """The write-back of a Sync made ready."""

    sources: tuple[CompiledSource, ...]
    #: of the source, by name
    fields: Mapping[str, FieldDescription]
    #: the column that holds the source record's id
    id_column: str
    #: destination fields whose values are wanted
    read: frozenset[str]


def origin_of(sync: Sync) -> Sync:
    """The Sync whose destination is the source of this one."""
    back = SyncDestination(connection=sync.source.connection, object=sync.source.object)
    return sync.model_copy(update={"destination": back})


def compile_back(sync: Sync, vendor: Vendor, fields: Mapping[str, FieldDescription]) -> CompiledBack:
    """Bind the write-back to the fields of the source, which is of a vendor.

    Raises:
        KeyError: The source lacks a field (checked when the Sync was saved; the source changed since).
    """
    sources = []
    for item in sync.writeback:
        target = fields[item.to]
        place = Place(zone=sync.zone, length=target.length if target.type in TEXT_TYPES else None)
        coerce = lead_coercion(target, sync.zone) if vendor == "marketo" else coercion(target, sync.zone)
        sources.append(compile_source(item, place, coerce))
    return CompiledBack(
        sources=tuple(sources),
        fields={item.to: fields[item.to] for item in sync.writeback},
        id_column=stamps_of(vendor, sync.source.object).id,
        read=frozenset(item.field for item in sync.writeback if item.field),
    )


def back_values(back: CompiledBack, row: SourceRow, record: Mapping[str, Any], at: datetime) -> dict[str, Any] | str:
    """What the source record of a row lacks of `record`; a sentence where a value cannot be made."""
    inputs = Inputs(columns=row.columns, at=at, record=record)
    values: dict[str, Any] = {}
    for source in back.sources:
        try:
            value = source.value(inputs)
        except FAILURES as failure:
            return unmapped(source, failure).message
        if value is not LEFT_ALONE and not same(row.columns.get(source.to), value, back.fields[source.to]):
            values[source.to] = value
    return values
