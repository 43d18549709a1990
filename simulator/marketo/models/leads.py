"""Leads: records, their indexes, and the rules of Sync Leads.

A sync runs in two steps, because the vendor's does: `plan` resolves every row's key against the database as
it is, `apply` writes later. Two calls planned at the same moment for one new key therefore create two leads.

A stored lead is one packed value (about a third of the memory of a dict), so that a million of them fit.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.marketo.exceptions import MarketoError, RowError, invalid_value
from simulator.marketo.schema import MAX_CREATED_LEAD_FIELDS, STANDARD_LEAD_FIELDS, FieldSchema
from simulator.marketo.values import format_time, read_value

ACTIONS = ["createOrUpdate", "createOnly", "updateOnly", "createDuplicate"]
DEFAULT_PARTITION = "Default"
PARTITIONS = {DEFAULT_PARTITION: 1, "Partners": 2}
_PARTITION_FIELD = "leadPartitionId"
# no filters of the API, but what refers to them is looked up
_LINKS = ["externalCompanyId", "externalSalesPersonId"]
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

    def __init__(self, first_id: int, needs_partition: Callable[[], bool] = lambda: False) -> None:
        self._needs_partition = needs_partition
        self.schema = FieldSchema(STANDARD_LEAD_FIELDS, MAX_CREATED_LEAD_FIELDS)
        self._leads: dict[int, bytes] = {}
        # the id of the only lead with a value, or the ids of several
        self._index: dict[str, dict[str, int | dict[int, None]]] = {}
        self.next_id = first_id
        self._learn_fields()

    def _learn_fields(self) -> None:
        self._booleans = {name for name, each in self.schema.all.items() if each.data_type == "boolean"}
        for name in [*self.schema.searchable, *_LINKS]:
            if name != "id":
                self._index.setdefault(name, {})

    def create_fields(self, rows: list[Any], *, company: bool = False) -> list[str]:
        """Add fields to the schema and give their names; of a `company` they are mirrored.

        Raises:
            MarketoError: a field is malformed or taken, or there are too many.
        """
        made = self.schema.create(rows, company=company)
        self._learn_fields()
        return made

    def __len__(self) -> int:
        return len(self._leads)

    def __contains__(self, lead_id: int) -> bool:
        return lead_id in self._leads

    def get(self, lead_id: int) -> Values | None:
        """Give a copy of a lead's stored values; fields without a value are absent."""
        packed = self._leads.get(lead_id)
        return None if packed is None else _unpack(packed)[1]

    def scan(self) -> Iterator[tuple[str, Values]]:
        """Give every lead in order of id, each with the time of its last change of any field."""
        for lead_id in sorted(self._leads):
            # a lead that vanishes while a file is read is left out
            if (packed := self._leads.get(lead_id)) is not None:
                yield _unpack(packed)

    def find(self, name: str, value: Any) -> list[int]:
        """Give the ids of the leads with this value in a searchable field; texts match in any case."""
        if name == "id":
            lead_id = _as_id(value)
            return [lead_id] if lead_id in self._leads else []
        found = self._index[name].get(_index_key(value), ())
        return [found] if isinstance(found, int) else list(found)

    def read(self, lead_id: int, names: list[str]) -> Values:
        """Give the named fields of a lead, null where there is no value."""
        return self.shown(_unpack(self._leads[lead_id])[1], names)

    def shown(self, stored: Values, names: list[str]) -> Values:
        """Give the named fields of stored values, null where there is no value; a boolean is never null."""
        return {name: stored.get(name, False if name in self._booleans else None) for name in names}

    # writing

    def plan(self, rows: list[Any], action: str, lookup_field: str, partition: str | None = None) -> list[PlannedRow]:
        """Decide what each record of a sync will become, without writing.

        Raises:
            MarketoError: the action or lookup field fails the whole call.
        """
        self._check_call(action, lookup_field)
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
        if partition is None and row.status == "created" and self._needs_partition():
            raise RowError("1009", "Lead partition is required")
        if partition is None or row.lead_id is None:
            return
        if row.status == "created":
            row.changes[_PARTITION_FIELD] = PARTITIONS[partition]
        elif self._stored(row.lead_id)[_PARTITION_FIELD] != PARTITIONS[partition]:
            raise RowError("1010", "Lead partition cannot be changed by a sync")

    def _plan_row(self, row: Any, action: str, lookup_field: str, seen: set[Any]) -> PlannedRow:
        if not isinstance(row, dict):
            raise RowError("1003", "A record has to be an object")
        changes = self._read_changes(row, lookup_field)
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
        self._check_company(self._stored(found[0]), changes)
        return PlannedRow("updated", found[0], changes)

    def _planned_create(self, changes: Values) -> PlannedRow:
        self._check_company({}, changes)
        lead_id = self.next_id
        self.next_id += 1
        return PlannedRow("created", lead_id, changes)

    def _check_company(self, stored: Values, changes: Values) -> None:
        """Keep what belongs to the company of a linked lead, or one that this row links, and keep leads linked."""
        former = stored.get("externalCompanyId")
        if former and not changes.get("externalCompanyId", former):
            raise RowError("1003", "A lead cannot be taken out of a company, only be added to another one")
        if not (former or changes.get("externalCompanyId")):
            return
        if any(self.schema.all[name].company for name in changes):
            raise RowError("1021", "Company update not allowed in lead sync")

    def apply(self, row: PlannedRow, at: datetime) -> list[FieldChange]:
        """Write one planned row as of a time and give the fields it changed."""
        lead_id = row.lead_id
        if lead_id is None:
            return []
        if row.status == "created":
            self.insert(lead_id, row.changes, at)
            return []
        return self.write(lead_id, row.changes, at)

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
        self._pack(lead_id, max(stored["createdAt"], stored["updatedAt"]), stored)
        self.next_id = max(self.next_id, lead_id + 1)
        for name in self._index:
            if name in stored:
                self._enter(name, lead_id, stored[name])

    def _stored(self, lead_id: int) -> Values:
        return _unpack(self._leads[lead_id])[1]

    def _pack(self, lead_id: int, changed_at: str, stored: Values) -> None:
        self._leads[lead_id] = marshal.dumps((changed_at, stored))

    def _update(self, lead_id: int, changes: Values, at: datetime | None) -> list[FieldChange]:
        changed: list[FieldChange] = []
        changed_at, stored = _unpack(self._leads[lead_id])
        for name, new in changes.items():
            old = stored.get(name, False if name in self._booleans else None)
            if old == new:
                continue
            changed.append(FieldChange(lead_id, name, old, new))
            if name in self._index:
                self._leave(name, lead_id, old)
                self._enter(name, lead_id, new)
            if new is None:
                del stored[name]
            else:
                stored[name] = new
        if at is not None and changed:
            changed_at = format_time(at)
        # the visible time moves for standard fields only
        if at is not None and any(not self.schema.all[change.name].custom for change in changed):
            stored["updatedAt"] = format_time(at)
        self._pack(lead_id, changed_at, stored)
        return changed

    def move(self, lead_id: int, partition: str) -> None:
        """Put a lead into another partition."""
        self._update(lead_id, {_PARTITION_FIELD: PARTITIONS[partition]}, None)

    def write(self, lead_id: int, values: Values, at: datetime) -> list[FieldChange]:
        """Give a lead values that were read already, and tell what changed."""
        return self._update(lead_id, values, at) if lead_id in self._leads else []

    def tie_cookie(self, lead_id: int, cookie: str) -> None:
        """Give a lead a browser's cookie."""
        if lead_id in self._leads:
            self._update(lead_id, {"cookies": cookie}, None)

    def fill(self, lead_id: int, values: Values, at: datetime) -> None:
        """Give a lead the values that it does not have yet; the vendor-managed ones of a record stay its own."""
        stored, known = self._stored(lead_id), self.schema.rest
        missing = {
            name: value
            for name, value in values.items()
            if name not in stored
            and (known[name].updateable or known[name].crm_managed)
            # what a linked lead shows of its company is the company's
            and not (known[name].company and stored.get("externalCompanyId"))
        }
        self._update(lead_id, missing, at)

    def remove(self, lead_id: int) -> None:
        """Delete a lead; its id is never used again."""
        stored = _unpack(self._leads.pop(lead_id))[1]
        for name in self._index:
            self._leave(name, lead_id, stored.get(name))

    def _enter(self, name: str, lead_id: int, value: Any) -> None:
        if value is None:
            return
        index, key = self._index[name], _index_key(value)
        present = index.get(key)
        if present is None:
            index[key] = lead_id
        elif isinstance(present, int):
            index[key] = {present: None, lead_id: None}
        else:
            present[lead_id] = None

    def _leave(self, name: str, lead_id: int, value: Any) -> None:
        if value is None:
            return
        index, key = self._index[name], _index_key(value)
        present = index[key]
        if isinstance(present, dict) and len(present) > 1:
            del present[lead_id]
        else:
            del index[key]

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
        for name in [name for name in given if name in self.schema.rest and self.schema.rest[name].crm_managed]:
            own[name] = read_value(name, "string", given.pop(name))
        return own | self._read_changes(given, "email")

    def _check_call(self, action: str, lookup_field: str) -> None:
        if action not in ACTIONS:
            raise MarketoError("1003", f"Invalid value for action '{action}'")
        if lookup_field not in self.schema.rest:
            raise MarketoError("1006", f"Lookup field '{lookup_field}' not found")
        if lookup_field not in self.schema.searchable:
            raise MarketoError("1011", f"Lookup field '{lookup_field}' is not supported")
        if lookup_field == "id" and action != "updateOnly":
            raise MarketoError("1003", "Lookup field 'id' is allowed with the action updateOnly only")

    def _read_changes(self, row: Values, lookup_field: str) -> Values:
        changes: Values = {}
        known = self.schema.rest
        for name, value in row.items():
            if name == "id":
                if lookup_field != "id":
                    raise RowError("1003", "Field 'id' is not allowed with this action and lookup field")
                continue
            definition = known.get(name)
            if definition is None:
                raise RowError("1006", f"Field '{name}' not found")
            if not definition.updateable:
                # a lookup by one of the vendor-managed ids carries the id; it is not written
                if name == lookup_field:
                    continue
                raise RowError("1003", f"Field '{name}' is not updateable")
            changes[name] = read_value(name, definition.data_type, value)
        return changes


def _unpack(packed: bytes) -> tuple[str, Values]:
    """Give the time of a lead's last change of any field, which the visible one does not tell, and its values."""
    # only what this module packed itself comes here
    changed_at, stored = marshal.loads(packed)  # noqa: S302 - as above
    return changed_at, stored


def _as_id(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() else -1


def _index_key(value: Any) -> str:
    return str(value).strip().casefold()
