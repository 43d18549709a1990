"""Leads: records, their indexes, and the rules of Sync Leads.

A sync runs in two steps, because the vendor's does: `plan` resolves every row's key against the database as
it is, `apply` writes later. Two calls planned at the same moment for one new key therefore create two leads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.marketo.exceptions import MarketoError, RowError, invalid_value
from simulator.marketo.schema import LEAD_FIELDS, REST_FIELDS, SEARCHABLE_FIELDS
from simulator.marketo.values import format_time, read_value

ACTIONS = ["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]
DEFAULT_PARTITION = "Default"
PARTITIONS = {DEFAULT_PARTITION: 1, "Partners": 2}
_PARTITION_FIELD = "leadPartitionId"
_NATIVE_FIELDS = [name for name, each in REST_FIELDS.items() if each.crm_managed]
_BOOLEAN_FIELDS = [name for name, each in REST_FIELDS.items() if each.data_type == "boolean"]
# the two links are no filters of the API, but what refers to them is looked up
_INDEXED = [*(name for name in SEARCHABLE_FIELDS if name != "id"), "externalCompanyId", "externalSalesPersonId"]
# nine in ten fresh leads read back equal times; the others show updatedAt one second before createdAt
_SKEWED_ID_REMAINDER = 7

type Values = dict[str, Any]


@dataclass(slots=True)
class PlannedRow:
    """What a sync will do with one record: create or update `lead_id`, or skip it with a reason."""

    status: str
    lead_id: int | None = None
    changes: Values = field(default_factory=dict)
    reason: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that a write changed."""

    lead_id: int
    name: str
    old: Any
    new: Any


class LeadTable:
    """All leads by id, with an index on every searchable field."""

    def __init__(self, first_id: int) -> None:
        self._leads: dict[int, Values] = {}
        self._index: dict[str, defaultdict[Any, dict[int, None]]] = {name: defaultdict(dict) for name in _INDEXED}
        self._changed: dict[int, str] = {}
        self.next_id = first_id

    def __len__(self) -> int:
        return len(self._leads)

    def changed_at(self, lead_id: int) -> str:
        """Give the time of a lead's last change of any field, which the visible updatedAt does not tell."""
        return self._changed[lead_id]

    def __contains__(self, lead_id: int) -> bool:
        return lead_id in self._leads

    def get(self, lead_id: int) -> Values | None:
        """Give a lead's stored values; fields without a value are absent."""
        return self._leads.get(lead_id)

    def all(self) -> list[Values]:
        """Give every lead in order of id."""
        return [self._leads[lead_id] for lead_id in sorted(self._leads)]

    def find(self, name: str, value: Any) -> list[int]:
        """Give the ids of the leads with this value in a searchable field; texts match in any case."""
        if name == "id":
            lead_id = _as_id(value)
            return [lead_id] if lead_id in self._leads else []
        return list(self._index[name].get(_index_key(value), ()))

    def read(self, lead_id: int, names: list[str]) -> Values:
        """Give the named fields of a lead, null where there is no value."""
        stored = self._leads[lead_id]
        return {name: stored.get(name, False if REST_FIELDS[name].data_type == "boolean" else None) for name in names}

    # writing

    def plan(self, rows: list[Any], action: str, lookup_field: str, partition: str | None = None) -> list[PlannedRow]:
        """Decide what each record of a sync will become, without writing.

        Raises:
            MarketoError: the action or lookup field fails the whole call.
        """
        _check_call(action, lookup_field)
        seen: set[Any] = set()
        planned: list[PlannedRow] = []
        if partition is not None and str(partition) not in PARTITIONS:
            reason = ("1008", f"Partition '{partition}' does not exist or is not accessible")
            return [PlannedRow("skipped", reason=reason) for _ in rows]
        for row in rows:
            try:
                made = self._plan_row(row, action, lookup_field, seen)
                self._choose_partition(made, partition)
                planned.append(made)
            except RowError as error:
                planned.append(PlannedRow("skipped", reason=(error.code, error.message)))
        return planned

    def _choose_partition(self, row: PlannedRow, partition: str | None) -> None:
        if partition is None or row.lead_id is None:
            return
        if row.status == "created":
            row.changes[_PARTITION_FIELD] = PARTITIONS[partition]
        elif self._leads[row.lead_id][_PARTITION_FIELD] != PARTITIONS[partition]:
            raise RowError("1010", "Lead partition cannot be changed by a sync")

    def _plan_row(self, row: Any, action: str, lookup_field: str, seen: set[Any]) -> PlannedRow:
        if not isinstance(row, dict):
            raise RowError("1003", "A record has to be an object")
        changes = _read_changes(row, lookup_field)
        if action == "createDuplicate":
            return self._planned_create(changes)
        key = row.get(lookup_field)
        if key is None or key == "":
            raise RowError("1003", f"Empty value for lookup field '{lookup_field}'")
        if _index_key(key) in seen:
            raise RowError("1036", "Duplicate object found in input")
        seen.add(_index_key(key))
        found = self.find(lookup_field, key)
        if len(found) > 1:
            raise RowError("1007", "Multiple lead match lookup criteria")
        if not found:
            if action == "updateOnly":
                raise RowError("1004", "Lead not found")
            return self._planned_create(changes)
        if action == "createOnly":
            raise RowError("1005", "Lead already exists")
        self._check_company(found[0], changes)
        return PlannedRow("updated", found[0], changes)

    def _planned_create(self, changes: Values) -> PlannedRow:
        lead_id = self.next_id
        self.next_id += 1
        return PlannedRow("created", lead_id, changes)

    def _check_company(self, lead_id: int, changes: Values) -> None:
        if not self._leads[lead_id].get("externalCompanyId"):
            return
        if any(LEAD_FIELDS[name].company and name != "externalCompanyId" for name in changes):
            raise RowError("1021", "Company update not allowed in lead sync")

    def apply(self, row: PlannedRow, at: datetime) -> list[FieldChange]:
        """Write one planned row as of a time and give the fields it changed."""
        lead_id = row.lead_id
        if lead_id is None:
            return []
        if row.status == "created":
            self.insert(lead_id, row.changes, at)
            return []
        stored = self._leads.get(lead_id)
        return [] if stored is None else self._update(lead_id, stored, row.changes, at)

    def insert(self, lead_id: int, changes: Values, at: datetime) -> None:
        """Add a lead under an id that is free."""
        skew = timedelta(seconds=1 if lead_id % 10 == _SKEWED_ID_REMAINDER else 0)
        stored: Values = {
            "id": lead_id,
            "createdAt": format_time(at),
            "updatedAt": format_time(at - skew),
            "leadPartitionId": 1,
        }
        stored.update({name: value for name, value in changes.items() if value is not None})
        self._leads[lead_id] = stored
        self._changed[lead_id] = max(stored["createdAt"], stored["updatedAt"])
        self.next_id = max(self.next_id, lead_id + 1)
        for name in _INDEXED:
            if name in stored:
                self._index[name][_index_key(stored[name])][lead_id] = None

    def _update(self, lead_id: int, stored: Values, changes: Values, at: datetime | None) -> list[FieldChange]:
        changed: list[FieldChange] = []
        for name, new in changes.items():
            old = stored.get(name, False if name in _BOOLEAN_FIELDS else None)
            if old == new:
                continue
            changed.append(FieldChange(lead_id, name, old, new))
            if name in self._index:
                self._reindex(name, lead_id, old, new)
            if new is None:
                del stored[name]
            else:
                stored[name] = new
        if at is not None and changed:
            self._changed[lead_id] = format_time(at)
        # the visible time moves for standard fields only
        if at is not None and any(not LEAD_FIELDS[change.name].custom for change in changed):
            stored["updatedAt"] = format_time(at)
        return changed

    def move(self, lead_id: int, partition: str) -> None:
        """Put a lead into another partition."""
        self._update(lead_id, self._leads[lead_id], {_PARTITION_FIELD: PARTITIONS[partition]}, None)

    def write(self, lead_id: int, values: Values, at: datetime) -> list[FieldChange]:
        """Give a lead values that were read already, and tell what changed."""
        stored = self._leads.get(lead_id)
        return [] if stored is None else self._update(lead_id, stored, values, at)

    def tie_cookie(self, lead_id: int, cookie: str) -> None:
        """Give a lead a browser's cookie."""
        if lead_id in self._leads:
            self._update(lead_id, self._leads[lead_id], {"cookies": cookie}, None)

    def fill(self, lead_id: int, values: Values, at: datetime) -> None:
        """Give a lead the values that it does not have yet; the vendor-managed ones of a record stay its own."""
        stored = self._leads[lead_id]
        missing = {
            name: value
            for name, value in values.items()
            if name not in stored and (REST_FIELDS[name].updateable or REST_FIELDS[name].crm_managed)
        }
        self._update(lead_id, stored, missing, at)

    def remove(self, lead_id: int) -> None:
        """Delete a lead; its id is never used again."""
        stored = self._leads.pop(lead_id)
        del self._changed[lead_id]
        for name in self._index:
            if name in stored:
                self._reindex(name, lead_id, stored[name], None)

    def _reindex(self, name: str, lead_id: int, old: Any, new: Any) -> None:
        if old is not None:
            bucket = self._index[name][_index_key(old)]
            bucket.pop(lead_id, None)
            if not bucket:
                del self._index[name][_index_key(old)]
        if new is not None:
            self._index[name][_index_key(new)][lead_id] = None

    def load_values(self, record: Values) -> Values:
        """Read a record of the control plane: the vendor's rules, plus `id`, both times and the native ids.

        Raises:
            RowError: a field is unknown, read-only or has a wrong value.
        """
        given = dict(record)
        own: Values = {}
        if "id" in given:
            own["id"] = _as_id(given.pop("id"))
            if own["id"] < 1 or own["id"] in self._leads:
                raise invalid_value("id", record["id"])
        for name in ("createdAt", "updatedAt"):
            if name in given:
                own[name] = read_value(name, "datetime", given.pop(name))
        # what belongs to the native sync cannot be written through the API, but a test has to have it
        for name in _NATIVE_FIELDS:
            if name in given:
                own[name] = read_value(name, "string", given.pop(name))
        return own | _read_changes(given, "email")


def _check_call(action: str, lookup_field: str) -> None:
    if action not in ACTIONS:
        raise MarketoError("1003", f"Invalid value for action '{action}'")
    if lookup_field not in REST_FIELDS:
        raise MarketoError("1006", f"Lookup field '{lookup_field}' not found")
    if lookup_field not in SEARCHABLE_FIELDS:
        raise MarketoError("1011", f"Lookup field '{lookup_field}' is not supported")
    if lookup_field == "id" and action != "updateOnly":
        raise MarketoError("1003", "Lookup field 'id' is allowed with the action updateOnly only")


def _read_changes(row: Values, lookup_field: str) -> Values:
    changes: Values = {}
    for name, value in row.items():
        if name == "id":
            if lookup_field != "id":
                raise RowError("1003", "Field 'id' is not allowed with this action and lookup field")
            continue
        definition = REST_FIELDS.get(name)
        if definition is None:
            raise RowError("1006", f"Field '{name}' not found")
        if not definition.updateable:
            # a lookup by one of the vendor-managed ids carries the id; it is not written
            if name == lookup_field:
                continue
            raise RowError("1003", f"Field '{name}' is not updateable")
        changes[name] = read_value(name, definition.data_type, value)
    return changes


def _as_id(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else -1


def _index_key(value: Any) -> str:
    return str(value).strip().casefold()
