"""Single records. What the vendor refuses about a record is its result; what it refuses about the call is raised.

Source: REST API, sObject Basic Information, sObject Rows, sObject Rows by External ID.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from leadbridge.domain.ids import canonical
from leadbridge.domain.records import Resolution, Row, RowResult
from leadbridge.errors import PermanentError
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce.answers import row_result, without_attributes
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import (
    CREATE_RECORD,
    DELETE_RECORD,
    GET_RECORD,
    GET_RECORD_BY_KEY,
    UPDATE_RECORD,
    UPSERT_RECORD,
)
from leadbridge.vendors.salesforce.errors import TABLE

#: the record is not there, or not visible
GONE = frozenset({"NOT_FOUND", "ENTITY_IS_DELETED", "http_404"})


class Records:
    """Reading and writing of one record at a time."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, object_name: str, record_id: str, fields: Sequence[str]) -> dict[str, Any] | None:
        """The named fields of a record, None if it is gone or not visible.

        Raises:
            PermanentError: No id (MALFORMED_ID), or a field that is not there (INVALID_FIELD).
        """
        return self._read(
            GET_RECORD, {"object": api_name(object_name), "id": _checked_id(record_id, GET_RECORD)}, fields
        )

    def get_by_key(self, object_name: str, key: str, value: str, fields: Sequence[str]) -> dict[str, Any] | None:
        """The record whose external id field `key` has the value, None if there is none.

        Raises:
            PermanentError: Several records have it (http_300), or the value has no address.
        """
        return self._read(GET_RECORD_BY_KEY, _key_parts(object_name, key, value, GET_RECORD_BY_KEY), fields)

    def create(self, object_name: str, row: Row) -> RowResult:
        """Create a record. Sending it again makes a double.

        Raises:
            UncertainWriteError: No usable answer.
        """
        return self._write(CREATE_RECORD, {"object": api_name(object_name)}, row, done="created")

    def update(self, object_name: str, record_id: str, row: Row) -> RowResult:
        """Set fields of a record; None clears one, what is not named stays.

        Raises:
            UncertainWriteError: No usable answer.
        """
        parts = {"object": api_name(object_name), "id": _checked_id(record_id, UPDATE_RECORD)}
        return self._write(UPDATE_RECORD, parts, row, done="updated", known_id=parts["id"])

    def upsert(self, object_name: str, key: str, value: str, row: Row, *, update_only: bool = False) -> RowResult:
        """Create or update the record whose external id field `key` has the value; `row` is sent without it.

        Salesforce's edge answers "not found" for values that end like a file or an internet domain: e-mail
        addresses are no keys for this call, for `RowWrites.upsert` they are.

        Raises:
            UncertainWriteError: No usable answer.
        """
        parts = _key_parts(object_name, key, value, UPSERT_RECORD)
        body = {name: row[name] for name in row if name != key}
        params = {"updateOnly": "true"} if update_only else None
        return self._write(UPSERT_RECORD, parts, body, done="updated", params=params)

    def delete(self, object_name: str, record_id: str) -> RowResult:
        """Move a record to the Recycle Bin; one that is gone already is no failure and keeps its code."""
        parts = {"object": api_name(object_name), "id": _checked_id(record_id, DELETE_RECORD)}
        try:
            self._api.send(DELETE_RECORD, parts=parts, headers=self._api.options.headers())
        except PermanentError as error:
            if error.code not in GONE:
                return _refused(error, parts["id"])
            return RowResult(ok=False, status="gone", id=parts["id"], code=error.code, message=error.detail)
        return RowResult(ok=True, status="deleted", id=parts["id"])

    def _read(self, endpoint: Endpoint, parts: Mapping[str, str], fields: Sequence[str]) -> dict[str, Any] | None:
        params = {"fields": ",".join(api_name(name) for name in fields)}
        try:
            record: dict[str, Any] = without_attributes(
                self._api.read(endpoint, parts=parts, params=params, sent=list(parts.values()))
            )
        except PermanentError as error:
            if error.code in GONE:
                return None
            raise
        return record

    def _write(
        self,
        endpoint: Endpoint,
        parts: Mapping[str, str],
        row: Row,
        *,
        done: str,
        known_id: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> RowResult:
        sent = [list(row.values()), parts.get("value", "")]
        try:
            answer = self._api.send(
                endpoint, parts=parts, params=params, body=dict(row), headers=self._api.options.headers(), sent=sent
            )
        except PermanentError as error:
            return _refused(error, known_id)
        return _done(answer, sent, known_id, done)


def _done(answer: Answer, sent: object, known_id: str | None, done: str) -> RowResult:
    if answer.status == httpx.codes.NO_CONTENT:
        return RowResult(ok=True, status=done, id=known_id)
    return row_result(answer.payload if isinstance(answer.payload, dict) else {}, sent, done=done)


def _refused(error: PermanentError, known_id: str | None) -> RowResult:
    """A refusal as the record's result, by the same table as a row of a collection."""
    rule = TABLE.rule(error.code)
    final = rule.record_resolution in (Resolution.REJECT, Resolution.FATAL)
    return RowResult(
        ok=False,
        status="failed",
        id=known_id,
        code=error.code,
        message=error.detail,
        resolution=rule.record_resolution if final else Resolution.REJECT,
        tries=rule.row_tries,
    )


def _checked_id(text: str, endpoint: Endpoint) -> str:
    try:
        return canonical(text)
    except ValueError as error:
        raise PermanentError(
            "the value is no Salesforce id", vendor=VENDOR, operation=endpoint.operation, code="MALFORMED_ID"
        ) from error


def _key_parts(object_name: str, key: str, value: str, endpoint: Endpoint) -> dict[str, str]:
    # an empty value or dots would address the object itself
    if not value.strip("."):
        raise PermanentError("the key has no address", vendor=VENDOR, operation=endpoint.operation, code="MALFORMED_ID")
    return {"object": api_name(object_name), "key": api_name(key), "value": value}
