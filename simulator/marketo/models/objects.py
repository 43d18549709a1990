"""Records of companies, opportunities, roles, sales persons and custom objects: one pattern for all of them.

A write runs in two steps, as with leads: `plan` resolves keys against the table as it is, `apply` writes later.
"""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.marketo.exceptions import MarketoError, RowError, invalid_value, missing_parameter
from simulator.marketo.values import format_time, read_value

ACTIONS = ["createOrUpdate", "createOnly", "updateOnly"]
KEYS = ["dedupeFields", "idField"]
GUID_FIELD = "marketoGUID"
GUID_LENGTH = 36

type Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ObjectField:
    """One field of an object; `length` is in characters."""

    name: str
    display_name: str
    data_type: str
    length: int | None = None
    updateable: bool = True
    custom: bool = False

    def shown(self) -> Values:
        """Give the field as Describe shows it."""
        shown: Values = {"name": self.name, "displayName": self.display_name, "dataType": self.data_type}
        if self.length:
            shown["length"] = self.length
        return shown | {"updateable": self.updateable, "crmManaged": False}


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """What there is to know about one kind of object."""

    name: str
    display_name: str
    id_field: str
    dedupe: list[str]
    searchable: list[list[str]]
    fields: dict[str, ObjectField]
    relationships: list[Values] = field(default_factory=list)
    plural_name: str = ""
    description: str = ""
    # sales persons answer every field that has a value, the others a few
    reads_all: bool = False

    def shown(self, made_at: str) -> Values:
        """Give the kind as Describe shows it."""
        return {
            "name": self.name,
            "apiName": self.name,
            "displayName": self.display_name,
            "pluralName": self.plural_name or f"{self.display_name}s",
            "description": self.description or self.display_name,
            "createdAt": made_at,
            "updatedAt": made_at,
            "state": "approved",
            "status": "approved",
            "version": "approved",
            "idField": self.id_field,
            "dedupeFields": self.dedupe,
            "searchableFields": self.searchable,
            "relationships": self.relationships,
            "fields": [each.shown() for each in self.fields.values()],
        }


@dataclass(slots=True)
class PlannedObject:
    """What a write will do with one record: created, updated or deleted, or skipped with a reason."""

    status: str
    serial: int = 0
    id: Any = None
    changes: Values = field(default_factory=dict)
    reason: tuple[str, str] | None = None

    def shown(self, seq: int, id_field: str) -> Values:
        """Give the record's result."""
        shown: Values = {"seq": seq, "status": self.status}
        if self.id is not None:
            shown[id_field] = self.id
        if self.reason is not None:
            shown["reasons"] = [{"code": self.reason[0], "message": self.reason[1]}]
        return shown


type RowCheck = Callable[[Values, Values | None], None]


class ObjectTable:
    """The records of one kind, in order of creation."""

    def __init__(self, kind: ObjectKind, seed: int, first: int = 1) -> None:
        self.kind = kind
        self._seed = seed
        self._rows: dict[int, Values] = {}
        self._by_id: dict[str, int] = {}
        self._index: dict[str, defaultdict[str, dict[int, None]]] = {}
        self.next_serial = first
        self.change_kind(kind)

    def change_kind(self, kind: ObjectKind) -> None:
        """Take a kind with other fields; the records stay."""
        self.kind = kind
        names = {name for key in kind.searchable for name in key} | set(kind.dedupe)
        self._index = {name: defaultdict(dict) for name in names - {kind.id_field}}
        for serial, row in self._rows.items():
            self._enter(serial, row)

    @property
    def size(self) -> int:
        """Give the number of records."""
        return len(self._rows)

    def all(self) -> list[Values]:
        """Give every record, fields without a value left out."""
        return [dict(row) for row in self._rows.values()]

    def serials(self) -> list[int]:
        """Give every record's place in the order of creation."""
        return list(self._rows)

    def row(self, serial: int) -> Values:
        """Give a record by its place."""
        return self._rows[serial]

    def find(self, name: str, value: Any) -> list[int]:
        """Give the places of the records with this value in a searchable field; texts match in any case."""
        if name == self.kind.id_field:
            serial = self._by_id.get(_key(value))
            return [] if serial is None else [serial]
        return sorted(self._index[name].get(_key(value), ()))

    def find_key(self, values: Values) -> int | None:
        """Give the place of the record with these dedupe fields."""
        found: set[int] | None = None
        for name in self.kind.dedupe:
            here = set(self._index[name].get(_key(values.get(name)), ()))
            found = here if found is None else found & here
        return min(found) if found else None

    # writing

    def plan(self, rows: list[Any], action: str, dedupe_by: str, check: RowCheck) -> list[PlannedObject]:
        """Decide what each record of a sync will become, without writing.

        Raises:
            MarketoError: the action or the key fails the whole call.
        """
        if action not in ACTIONS:
            raise MarketoError("1003", f"Invalid value for action '{action}'")
        _check_key(dedupe_by)
        if dedupe_by == "idField" and action != "updateOnly":
            raise MarketoError("1003", "dedupeBy idField is allowed with the action updateOnly only")
        seen: set[Any] = set()

        def plan(row: Any) -> PlannedObject:
            given = _as_object(row)
            changes = self._read_changes(given, dedupe_by)
            return self._decide(self._locate(given, dedupe_by, seen), changes, action, check)

        return [_tried(plan, row) for row in rows]

    def plan_delete(self, rows: list[Any], delete_by: str, check: Callable[[Values], None]) -> list[PlannedObject]:
        """Decide which records a delete takes.

        Raises:
            MarketoError: the key fails the whole call.
        """
        _check_key(delete_by)
        seen: set[Any] = set()

        def plan(row: Any) -> PlannedObject:
            serial = self._locate(_as_object(row), delete_by, seen)
            if serial is None:
                raise RowError("1013", f"{self.kind.display_name} not found")
            check(self._rows[serial])
            return PlannedObject("deleted", serial, self._rows[serial][self.kind.id_field])

        return [_tried(plan, row) for row in rows]

    def _decide(self, serial: int | None, changes: Values, action: str, check: RowCheck) -> PlannedObject:
        if serial is None:
            if action == "updateOnly":
                raise RowError("1013", f"{self.kind.display_name} not found")
            check(changes, None)
            made = self.next_serial
            self.next_serial += 1
            return PlannedObject("created", made, self.id_of(made), changes)
        if action == "createOnly":
            raise RowError("1017", f"{self.kind.display_name} already exists")
        check(changes, self._rows[serial])
        return PlannedObject("updated", serial, self._rows[serial][self.kind.id_field], changes)

    def _locate(self, row: Values, key: str, seen: set[Any]) -> int | None:
        names = [self.kind.id_field] if key == "idField" else self.kind.dedupe
        for name in names:
            if row.get(name) in (None, ""):
                raise RowError("1002", f"Missing value for the required parameter '{name}'")
        mark = tuple(_key(row[name]) for name in names)
        if mark in seen:
            raise RowError("1036", "Duplicate object found in input")
        seen.add(mark)
        if key == "idField":
            return self._by_id.get(mark[0])
        return self.find_key(row)

    def _read_changes(self, row: Values, dedupe_by: str) -> Values:
        changes: Values = {}
        for name, value in row.items():
            if name == self.kind.id_field:
                if dedupe_by != "idField":
                    raise RowError("1003", f"Field '{name}' is not allowed with dedupeBy dedupeFields")
                continue
            changes[name] = self.read_field(name, value)
        return changes

    def read_field(self, name: str, value: Any) -> Any:
        """Give a field's value as it is stored.

        Raises:
            RowError: 1006 unknown, 1003 not updateable or a wrong value.
        """
        definition = self.kind.fields.get(name)
        if definition is None:
            raise RowError("1006", f"Field '{name}' not found")
        if not definition.updateable and name not in self.kind.dedupe:
            raise RowError("1003", f"Field '{name}' is not updateable")
        read = read_value(name, definition.data_type, value)
        if definition.length and isinstance(read, str) and len(read) > definition.length:
            raise invalid_value(name, value)
        return read

    def id_of(self, serial: int) -> Any:
        """Give the id of a place: a number, or a GUID made of the seed."""
        if self.kind.id_field != GUID_FIELD:
            return serial
        seed = f"{self._seed} {self.kind.name} {serial}"
        bits = random.Random(seed).getrandbits(128)  # noqa: S311 - has to be repeatable, guards nothing
        return str(uuid.UUID(int=bits, version=4))

    def apply(self, row: PlannedObject, at: datetime) -> Values:
        """Write one planned record and give the fields it changed, with their former values."""
        if row.reason is not None:
            return {}
        if row.status == "created":
            stored: Values = {self.kind.id_field: row.id, "createdAt": format_time(at), "updatedAt": format_time(at)}
            self._rows[row.serial] = stored | {name: each for name, each in row.changes.items() if each is not None}
            self._by_id[_key(row.id)] = row.serial
            self._enter(row.serial, self._rows[row.serial])
            return dict.fromkeys(row.changes)
        if row.serial not in self._rows:
            return {}
        present = self._rows[row.serial]
        self._leave(row.serial, present)
        if row.status == "deleted":
            del self._rows[row.serial]
            del self._by_id[_key(row.id)]
            return {}
        changed = {name: present.get(name) for name, each in row.changes.items() if present.get(name) != each}
        updated = present | row.changes | ({"updatedAt": format_time(at)} if changed else {})
        self._rows[row.serial] = {name: each for name, each in updated.items() if each is not None}
        self._enter(row.serial, self._rows[row.serial])
        return changed

    def _enter(self, serial: int, row: Values) -> None:
        for name, index in self._index.items():
            if name in row:
                index[_key(row[name])][serial] = None

    def _leave(self, serial: int, row: Values) -> None:
        for name, index in self._index.items():
            if name in row:
                index[_key(row[name])].pop(serial, None)


def default_fields(kind: ObjectKind) -> list[str]:
    """Give the fields that a read answers when it names none."""
    if kind.reads_all:
        return list(kind.fields)
    return list(dict.fromkeys([kind.id_field, *kind.dedupe, "createdAt", "updatedAt"]))


def system_fields(id_field: str) -> list[ObjectField]:
    """Give the fields that every kind has."""
    if id_field == GUID_FIELD:
        own = ObjectField(GUID_FIELD, "Marketo GUID", "string", GUID_LENGTH, updateable=False)
    else:
        own = ObjectField(id_field, "Id", "integer", updateable=False)
    return [
        own,
        ObjectField("createdAt", "Created At", "datetime", updateable=False),
        ObjectField("updatedAt", "Updated At", "datetime", updateable=False),
    ]


def by_name(fields: Iterable[ObjectField]) -> dict[str, ObjectField]:
    """Give fields by their REST names."""
    return {each.name: each for each in fields}


def _tried(plan: Callable[[Any], PlannedObject], row: Any) -> PlannedObject:
    try:
        return plan(row)
    except RowError as error:
        return PlannedObject("skipped", reason=(error.code, error.message))


def _as_object(row: Any) -> Values:
    if not isinstance(row, dict):
        raise RowError("1003", "A record has to be an object")
    return row


def _check_key(key: str) -> None:
    if not key:
        raise missing_parameter("dedupeBy")
    if key not in KEYS:
        raise MarketoError("1003", f"Invalid value '{key}'; one of {', '.join(KEYS)}")


def _key(value: Any) -> str:
    return str(value).strip().casefold()
