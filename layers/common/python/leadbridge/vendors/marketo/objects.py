"""Companies, opportunities, roles, sales persons and custom objects: one pattern; and the types of custom objects.

While Marketo's own CRM sync is on, the first four are closed to writes (1018). A record is a row of fields.

Source: Marketo REST API, "Lead Database" (the general pattern), and the pages of the objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.records import Row, RowResult
from leadbridge.errors import ConfigurationError
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.api import Api, Parts, askable
from leadbridge.vendors.marketo.endpoints import Endpoint, ObjectEndpoints
from leadbridge.vendors.marketo.models import read

type ObjectAction = Literal["createOrUpdate", "createOnly", "updateOnly"]
type Key = Literal["dedupeFields", "idField"]


class Objects:
    """The records of one object of the general pattern; Describe is read once and says which fields are its keys."""

    def __init__(self, api: Api, calls: ObjectEndpoints, parts: Parts | None = None) -> None:
        self._api = api
        self._calls = calls
        self._parts = dict(parts or {})
        self._described: ObjectType | None = None

    def describe(self, *, fresh: bool = False) -> ObjectType:
        """Keys, filters, fields and links of the object; `fresh` asks again, for a schema that may have changed."""
        if self._described is None or fresh:
            endpoint = self._calls.describe
            found = results(self._api.get(endpoint, parts=self._parts), endpoint.operation)
            self._described = _object_type(found[0] if found else {}, endpoint)
        return self._described

    def kept(self, described: ObjectType) -> None:
        """Take a description that was read before for what Describe says."""
        self._described = described

    def by_filter(
        self, filter_type: str, values: Sequence[str], fields: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        """Records whose `filter_type` field has one of the values; blank ones and ones with a comma find nothing.

        Raises:
            ConfigurationError: The field is not searchable by itself; nothing was asked.
        """
        self._check_searchable(filter_type)
        own = {"fields": ",".join(fields)} if fields else {}
        return (
            row
            for chunk in chunks_of(askable(values), self._calls.query.rows)
            for row in self._api.rows(
                self._calls.query,
                parts=self._parts,
                params={"filterType": filter_type, "filterValues": ",".join(chunk), **own},
            )
        )

    def by_keys(self, keys: Sequence[Row], fields: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Records by their whole key, which may be of several fields.

        Raises:
            ConfigurationError: A field of the key is missing; nothing was asked.
        """
        described = self.describe()
        self._check_complete(keys)
        if len(described.dedupe_fields) == 1:
            [name] = described.dedupe_fields
            return self.by_filter(name, [str(key[name]) for key in keys], fields)
        # a compound query must name the fields it wants
        wanted = list(fields) or [described.id_field, *described.dedupe_fields]
        asked = [{name: key[name] for name in described.dedupe_fields} for key in keys]
        return (
            row
            for chunk in chunks_of(asked, self._calls.query.rows)
            for row in self._api.rows(
                self._calls.query,
                parts=self._parts,
                keys={"filterType": "dedupeFields", "fields": wanted, "input": list(chunk)},
            )
        )

    def sync(
        self, rows: Sequence[Row], *, action: ObjectAction = "createOrUpdate", by: Key = "dedupeFields"
    ) -> list[RowResult]:
        """Write records; one result per row, in order. Rows of the same key go in calls one after the other.

        Raises:
            ConfigurationError: A field of the key is missing or is to be changed, or the id is to create a record;
                nothing was sent.
            UncertainWriteError: No answer; some or all may have been written.
        """
        if by == "idField":
            self._check_by_id(rows, action)
        key = self._check_complete(rows, by)
        head = {"action": action, "dedupeBy": by}
        return self._api.write(self._calls.sync, rows, head=head, parts=self._parts, key=key)

    def delete(self, keys: Sequence[Row], *, by: Key = "dedupeFields") -> list[RowResult]:
        """Delete records; one result per key, in order. One that is gone already is no failure (1013).

        Raises:
            ConfigurationError: A field of the key is missing; nothing was sent.
        """
        key = self._check_complete(keys, by)
        return self._api.write(self._calls.delete, keys, head={"deleteBy": by}, parts=self._parts, key=key)

    def _check_searchable(self, name: str) -> None:
        described = self.describe()
        allowed = {group[0] for group in described.searchable_fields if len(group) == 1}
        # whatever the id is called
        if name not in {*allowed, "idField"}:
            raise ConfigurationError(
                [f"{described.name}: {name} is not searchable; Marketo allows {', '.join(sorted(allowed))}"]
            )

    def _check_by_id(self, rows: Sequence[Row], action: ObjectAction) -> None:
        described = self.describe()
        findings = [
            f"{described.name}: {name} identifies the record and cannot be changed"
            for name in described.dedupe_fields
            if any(name in row for row in rows)
        ]
        if action != "updateOnly":
            findings.append(
                f"{described.name}: {described.id_field} goes with updateOnly only, Marketo gives it itself"
            )
        if findings:
            raise ConfigurationError(findings)

    def _check_complete(self, rows: Sequence[Row], by: Key = "dedupeFields") -> tuple[str, ...]:
        """The fields of the key, which every row must have."""
        described = self.describe()
        needed = described.dedupe_fields if by == "dedupeFields" else (described.id_field,)
        missing = [name for name in needed if any(row.get(name) in (None, "") for row in rows)]
        if missing:
            raise ConfigurationError([f"{described.name}: {each} is part of the key, but blank" for each in missing])
        return needed


class CustomObjects:
    """Custom objects by type. Types are API names, as the list shows them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._opened: dict[str, Objects] = {}

    def __call__(self, api_name: str) -> Objects:
        """The records of one type."""
        if api_name not in self._opened:
            self._opened[api_name] = Objects(self._api, endpoints.CUSTOM_OBJECTS, {"object": api_name})
        return self._opened[api_name]

    def list(self, names: Sequence[str] = ()) -> Iterator[ObjectType]:
        """The approved types, of these names or all, without their fields."""
        params = {"names": ",".join(names)} if names else None
        endpoint = endpoints.CUSTOM_OBJECT_LIST
        return (_object_type(row, endpoint) for row in self._api.rows(endpoint, params=params))


class CustomObjectTypes:
    """The schema of custom objects; the subscription must include it (616, 703)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self, names: Sequence[str] = (), state: str = "") -> Iterator[ObjectType]:
        """The types with their drafts, of these names, in this state (`draft`, `approved`), or all."""
        params = {"names": ",".join(names)} if names else {}
        if state:
            params["state"] = state
        endpoint = endpoints.OBJECT_TYPES
        return (_object_type(row, endpoint) for row in self._api.rows(endpoint, params=params))

    def describe(self, api_name: str, state: str = "") -> ObjectType:
        """One type with its fields, its draft or its approved version."""
        endpoint = endpoints.OBJECT_TYPE
        params = {"state": state} if state else None
        found = results(self._api.get(endpoint, parts={"object": api_name}, params=params), endpoint.operation)
        return _object_type(found[0] if found else {}, endpoint)

    def sync(self, document: Mapping[str, Any]) -> None:
        """Create or update a type's draft: `apiName`, `displayName` and so on, with `action`."""
        self._api.send(endpoints.SYNC_OBJECT_TYPE, body=document)

    def add_fields(self, api_name: str, fields: Sequence[Mapping[str, Any]]) -> None:
        """Add fields to a draft: `name`, `displayName`, `dataType`, perhaps `isDedupeField` and `relatedTo`."""
        self._change(endpoints.ADD_OBJECT_FIELDS, api_name, {"input": list(fields)})

    def delete_fields(self, api_name: str, names: Sequence[str]) -> None:
        """Take fields out of a draft."""
        self._change(endpoints.DELETE_OBJECT_FIELDS, api_name, {"input": [{"name": name} for name in names]})

    def approve(self, api_name: str) -> None:
        """Make the draft the type; from now on it takes records, and its keys and links are fixed."""
        self._change(endpoints.APPROVE_OBJECT_TYPE, api_name)

    def discard_draft(self, api_name: str) -> None:
        """Throw the draft away."""
        self._change(endpoints.DISCARD_OBJECT_TYPE, api_name)

    def delete(self, api_name: str) -> None:
        """Delete the type with all its records."""
        self._change(endpoints.DELETE_OBJECT_TYPE, api_name)

    def _change(self, endpoint: Endpoint, api_name: str, body: Mapping[str, Any] | None = None) -> None:
        self._api.send(endpoint, parts={"object": api_name}, body=body)


def _object_type(item: Mapping[str, Any], endpoint: Endpoint) -> ObjectType:
    """An object as described: the schema calls a type's name otherwise than Describe does."""
    own = {"name": item["apiName"], **item} if "apiName" in item else item
    return read(ObjectType, own, endpoint.operation)
