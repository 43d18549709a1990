"""Marketo's objects of the general pattern as destinations of Syncs: companies, opportunities, roles and the like.

A record is found by its whole key, or by one searchable field; it is created by its key, and changed by Marketo's own
id, which leaves the key as it is.

Source: Marketo REST API, "Lead Database" (the general pattern), and the pages of the objects.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from leadbridge.domain.cycle_syncs import is_derived
from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.records import ObjectDescription, Resolution, Row, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.values import blank, text
from leadbridge.sync_ports import Schemas, first_of, trimmed
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.described import FIXED, described_object, objects_named
from leadbridge.vendors.marketo.endpoints import CUSTOM_OBJECTS
from leadbridge.vendors.marketo.models import read, text_of
from leadbridge.vendors.marketo.objects import Objects
from leadbridge.vendors.marketo.syncing import Counted

#: what a cycle alone writes: a key is made or changed, whichever it is, without a look
UNREAD = frozenset({"opportunities", "opportunity_roles"})


class MarketoObjects(Counted):
    """Records of one object, to be written."""

    rows = CUSTOM_OBJECTS.sync.rows

    def __init__(self, client: MarketoClient, sync: Sync, schemas: Schemas | None = None) -> None:
        """Sends nothing. `schemas` keeps what Describe says of an object whose schema is fixed."""
        super().__init__(client)
        self._sync = sync
        self._name = sync.destination.object
        self._match = frozenset(pair.field for pair in sync.match)
        self._schemas = schemas if self._name in FIXED else None
        self._unread = self._name in UNREAD and is_derived(sync.id)

    @cached_property
    def _objects(self) -> Objects:
        """The object's verbs; a fixed schema is asked for once, and again for a field that is not in it."""
        objects = objects_named(self._client, self._name)
        if self._schemas is not None:
            connection = self._sync.destination.connection
            text = self._schemas.known(connection, self._name)
            found = read(ObjectType, json.loads(text), "kept_schema") if text else None
            if found is not None and all(found.field_named(mapping.to) for mapping in self._sync.mappings):
                objects.kept(found)
            else:
                self._schemas.keep(connection, self._name, text_of(objects.describe(fresh=True)))
        return objects

    def describe(self) -> ObjectDescription:
        """Its fields as they are today: a process lives on while people add fields."""
        return described_object(self._name, self._objects.describe(fresh=self._name not in FIXED))

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records of the keys where these are the object's own, else those that agree in the first field.

        What a cycle alone writes is not looked for by its key: it is made or changed, whichever it is.
        """
        if not keys:
            return []
        if keys[0].keys() == frozenset(self._objects.describe().dedupe_fields):
            if self._unread:
                return []
            asked = [{name: trimmed(value) for name, value in key.items()} for key in keys]
            return list(self._objects.by_keys(asked, fields))
        field, values = first_of(keys)
        return list(self._objects.by_filter(field, [text(each) for each in values], fields))

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; one result per row, in order. A record of the same key that came meanwhile is updated.

        Where rows are matched by something else a record of that key is another one, and is left alone.
        """
        return self._sent(
            rows,
            lambda row: any(blank(row.get(name)) for name in self._objects.describe().dedupe_fields),
            "a field of the object's key is blank",
            partial(self._objects.sync, action="createOrUpdate" if self._by_key else "createOnly"),
        )

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update records by their own id; one result per row, in order. Nothing changes a key."""
        return self._sent(
            rows,
            lambda row: any(name in row for name in self._objects.describe().dedupe_fields),
            "a field of the object's key would change, which Marketo does not do",
            partial(self._objects.sync, action="updateOnly", by="idField"),
        )

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete records by their own id; one result per id, in order."""
        return self._objects.delete([{self._objects.describe().id_field: each} for each in ids], by="idField")

    @property
    def _by_key(self) -> bool:
        return self._match == frozenset(self._objects.describe().dedupe_fields)

    @staticmethod
    def _sent(
        rows: Sequence[Row], wrong: Callable[[Row], bool], why: str, call: Callable[[Sequence[Row]], list[RowResult]]
    ) -> list[RowResult]:
        """The results of rows, of which those that Marketo would not take as they are do not spoil the call."""
        refused = RowResult(ok=False, code="key", message=why, resolution=Resolution.REJECT)
        sound = [row for row in rows if not wrong(row)]
        answers = iter(call(sound) if sound else [])
        return [refused if wrong(row) else next(answers) for row in rows]
