"""Rows of a Sync that are imported by file: whether they can be, and what the file and its job say of each.

An import finds records by one field of its own kind and holds no guard, so it may only make records which that field
keeps apart.

Source: Marketo REST API, "Bulk Lead Import", "Bulk Custom Object Import"; Salesforce Bulk API 2.0, "Create a Job".
"""

from collections.abc import Mapping
from typing import Any

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import CompiledSync, RowWrite, key_values
from leadbridge.domain.sync import DedupeRule, ImportRule, RoutedDestination, Sync
from leadbridge.domain.sync_objects import importable
from leadbridge.domain.values import blank, text

#: the cell that empties a field, where a blank one leaves it alone; it stands in no text
CLEAR = "\ue000"
#: what a job of Salesforce's does, by the import rule
_OPERATIONS: Mapping[ImportRule, str] = {
    ImportRule.CREATE: "insert",
    ImportRule.UPDATE: "update",
    ImportRule.CREATE_AND_UPDATE: "upsert",
}


def why_never_by_file(sync: Sync, vendor: Vendor) -> str:
    """Why the rows of a Sync go by REST however many they are, as far as the document tells; empty if they need not."""
    destination = sync.destination
    if sync.writeback:
        return "an import does not tell ids, so nothing could be written back"
    if vendor == "marketo":
        if not importable(destination.object):
            return f"{destination.object} are written by `rest` only"
        return "an import finds people by one field" if destination.object == "leads" and len(sync.match) > 1 else ""
    if sync.dedupe is DedupeRule.IMPORT_EVERYTHING:
        return "a job writes rows side by side, so those of one key would have no order"
    if destination.duplicate_rules or destination.idempotency_field or isinstance(destination, RoutedDestination):
        return "a job takes no duplicate rules, idempotency field or assignment rule"
    return ""


def why_not_by_file(sync: Sync, vendor: Vendor, described: ObjectDescription) -> str:
    """The same by what the destination describes."""
    if vendor == "marketo":
        whole = set(sync.key_fields) == set(described.key_fields)
        keys = ", ".join(described.key_fields)
        return "" if whole or sync.destination.object == "leads" else f"an import finds records by {keys} only"
    if sync.import_rule is ImportRule.UPDATE:
        return ""  # by their ids, which are known then
    fields = [described.fields.get(name) for name in sync.key_fields]
    if len(fields) == 1 and all(each and each.external_id and each.unique for each in fields):
        return ""
    return "a job keeps new records apart by one unique External Id field only"


def import_columns(compiled: CompiledSync, vendor: Vendor) -> tuple[str, ...]:
    """The columns of a file that is imported."""
    sync = compiled.sync
    by_id = vendor == "salesforce" and sync.import_rule is ImportRule.UPDATE
    keys = (compiled.id_field,) if by_id else sync.key_fields
    flag = [compiled.flag] if compiled.flag else []
    return tuple(dict.fromkeys([*keys, *(source.to for source in compiled.mapped), *flag]))


def import_cells(compiled: CompiledSync, vendor: Vendor, write: RowWrite) -> Mapping[str, Any]:
    """What a row says of its columns, those that are left out being blank."""
    if vendor == "marketo":
        # a blank cell would empty its field, so what stays as it is goes along
        return {**write.held, **_key_of_file(compiled, write), **write.fields}
    own = {compiled.id_field: write.record_id} if write.record_id else {}
    fields = {name: CLEAR if blank(value) else text(value) for name, value in write.fields.items()}
    return {**own, **{name: text(value) for name, value in key_values(compiled, write.row).items()}, **fields}


def import_request(compiled: CompiledSync, vendor: Vendor) -> Mapping[str, Any]:
    """What the job of the file is asked for."""
    sync = compiled.sync
    [key, *_] = import_columns(compiled, vendor)
    if vendor == "marketo":
        partition = sync.destination.partition
        return {"lookup_field": key, "blank": "clear"} | ({"partition": partition} if partition else {})
    operation = _OPERATIONS[sync.import_rule]
    told = {"operation": operation, "blank": "leave", "clear": CLEAR, "key": [key]}
    return told | ({"external_id_field": key} if operation == "upsert" else {})


def _key_of_file(compiled: CompiledSync, write: RowWrite) -> Mapping[str, Any]:
    """The key in a file: one that the vendor fixes as the record has it, or another record would be made of it."""
    fixed = {each.name for each in compiled.key_fields if not each.updateable and each.name in write.held}
    return {name: value for name, value in key_values(compiled, write.row).items() if name not in fixed}
