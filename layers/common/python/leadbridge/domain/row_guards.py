"""Rows of Syncs beside events of Actions: whose keys they share, and which of them is the newer one. Pure."""

from collections.abc import Mapping
from datetime import datetime

from leadbridge.domain.guards import lead_guard, match_guards
from leadbridge.domain.rows import CompiledSync, RowWrite


def row_guards(secret: bytes, compiled: CompiledSync, write: RowWrite, *, to_marketo: bool) -> tuple[str, ...]:
    """The keys that events take who write the record of a row: that of its match value, at Marketo that of its person.

    By several fields at once no Action looks for a record.
    """
    place, key = compiled.sync.destination, write.row.key or ()
    guards: tuple[str, ...] = ()
    if len(key) == 1:
        guards = (match_guards(secret, place.connection)(place.object, compiled.key_fields[0].name, key[0]),)
    if to_marketo and place.object == "leads" and write.record_id:
        guards += (lead_guard(secret, place.connection, write.record_id),)
    return guards


def event_won(last: Mapping[str, str], read_at: datetime) -> bool:
    """Whether an event wrote that was received after a row was read; `last` maps Actions to the newest sequences."""
    return max(last.values(), default="") >= f"{int(read_at.timestamp() * 1000):014d}"
