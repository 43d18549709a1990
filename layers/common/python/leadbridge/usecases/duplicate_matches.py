"""New records that a duplicate rule of the org refuses since it found another one: that one is updated instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.records import RowResult
from leadbridge.domain.rows import CompiledSync, RowEnd, RowWrite, decide
from leadbridge.sync_ports import SyncDestination
from leadbridge.usecases.batch import DUPLICATES_DETECTED, NAMING_TRIES


def named(
    destination: SyncDestination, rows: Sequence[Mapping[str, Any]], results: Sequence[RowResult]
) -> list[RowResult]:
    """The results of new records with the records that were found; a call names those of some refused rows only.

    A row that was refused is sent again until it is named: nothing of it was written.
    """
    found = list(results)
    for _ in range(NAMING_TRIES):
        unnamed = [place for place, said in enumerate(found) if said.code == DUPLICATES_DETECTED and not said.matches]
        if not unnamed:
            break
        again = destination.create([rows[place] for place in unnamed])
        for place, said in zip(unnamed, again, strict=True):
            found[place] = said
        if all(said.code == DUPLICATES_DETECTED and not said.matches for said in again):
            break
    return found


def matched(
    destination: SyncDestination,
    compiled: CompiledSync,
    writes: Sequence[RowWrite],
    values: Mapping[int, Mapping[str, Any]],
    said_of: Mapping[int, RowResult],
) -> list[RowWrite | RowEnd]:
    """What is done instead of creating, where the rule found one record, and it is of the Sync's object."""
    prefix, own = compiled.described.key_prefix, compiled.id_field
    ids = {
        write.row.position: said.matches[0]
        for write in writes
        if not write.record_id
        and (said := said_of[write.row.position]).code == DUPLICATES_DETECTED
        and len(said.matches) == 1
        and said.matches[0].startswith(prefix)
    }
    if not ids:
        return []
    asked = [{own: each} for each in dict.fromkeys(ids.values())]
    records = {str(record[own]): record for record in destination.find(asked, compiled.read_fields)}
    return [
        decide(compiled, write.row, values[write.row.position], [records[ids[write.row.position]]])
        for write in writes
        if ids.get(write.row.position) in records
    ]
