"""Describe, query, sync and delete of every object that follows the generic pattern."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.objects import ObjectKind, ObjectTable, PlannedObject, Values, default_fields
from simulator.marketo.responses.envelope import (
    MAX_ROWS,
    Handler,
    Payload,
    listed,
    page_of,
    read_body,
    read_input,
    required,
)

type Change = Callable[[PlannedObject], None]


def describe(table: ObjectTable, made_at: str) -> Payload:
    """Describe one kind of object."""
    return {"result": [table.kind.shown(made_at)]}


def query(table: ObjectTable, call: Call) -> Payload:
    """Read records by one filter; with a JSON body, by compound keys.

    A field without a value is left out of the answer.
    """
    rows = _compound_input(call)
    filter_type = required(call, "filterType")
    names = _read_names(table.kind, call)
    serials = _by_keys(table, filter_type, rows) if rows is not None else _by_filter(table, filter_type, call)
    page, paging = page_of(call, serials, table.kind.name)
    result = [{name: table.row(serial)[name] for name in names if name in table.row(serial)} for serial in page]
    call.record_keys += [str(each[table.kind.id_field]) for each in result]
    return {"result": [{"seq": seq} | each for seq, each in enumerate(result)]} | paging


def answer_planned(call: Call, table: ObjectTable, planned: list[PlannedObject]) -> Payload:
    """Give the results of a write, with the faults that are injected into its rows."""
    for index in range(len(planned)):
        if fault := call.row_fault(index):
            planned[index] = PlannedObject("skipped", reason=fault)
    call.record_keys += [str(row.id) for row in planned if row.id is not None]
    return {"result": [row.shown(seq, table.kind.id_field) for seq, row in enumerate(planned)]}


class CrmResponses:
    """Handlers of companies, opportunities, opportunity roles and sales persons."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._made_at = instance.now_text()

    def handlers(self, name: str) -> dict[str, Handler]:
        """Give `describe`, `query`, `sync` and `delete` of one object."""
        return {
            "describe": self._handler(name, self._describe),
            "query": self._handler(name, query),
            "sync": self._handler(name, self._sync),
            "delete": self._handler(name, self._delete),
        }

    def _handler(self, name: str, answer: Callable[[ObjectTable, Call], Payload]) -> Handler:
        async def handle(_request: Request, call: Call) -> Payload:
            return answer(self._instance.crm.tables()[name], call)

        return handle

    def _describe(self, table: ObjectTable, _call: Call) -> Payload:
        return describe(table, self._made_at)

    def _sync(self, table: ObjectTable, call: Call) -> Payload:
        crm = self._instance.crm
        crm.check_open()
        body = read_body(call)
        rows = read_input(body)
        action, key = str(body.get("action") or "createOrUpdate"), str(body.get("dedupeBy") or "dedupeFields")

        def check(changes: Values, stored: Values | None) -> None:
            crm.check(table, changes, stored)

        planned = table.plan(rows, action, key, check)
        return self._commit(table, call, planned)

    def _delete(self, table: ObjectTable, call: Call) -> Payload:
        crm = self._instance.crm
        crm.check_open()
        body = read_body(call)
        rows = read_input(body)
        key = str(body.get("deleteBy") or "dedupeFields")
        planned = table.plan_delete(rows, key, lambda row: crm.check_delete(table, row))
        return self._commit(table, call, planned)

    def _commit(self, table: ObjectTable, call: Call, planned: list[PlannedObject]) -> Payload:
        answer = answer_planned(call, table, planned)

        def change() -> None:
            for row in planned:
                self._instance.crm.apply(table, row, call.at, call.client)

        self._instance.control.commit(call, change)
        return answer


def _compound_input(call: Call) -> list[Any] | None:
    """Give the keys of a query in a JSON body, and make its other members parameters of the call."""
    if not call.headers.get("content-type", "").startswith("application/json") or not call.body:
        return None
    body = read_body(call)
    rows = read_input(body)
    for name in ("filterType", "batchSize", "nextPageToken"):
        if body.get(name):
            call.query.append((name, str(body[name])))
    if isinstance(body.get("fields"), list):
        call.query.append(("fields", ",".join(map(str, body["fields"]))))
    call.query.append(("input", json.dumps(rows)))
    return rows


def _read_names(kind: ObjectKind, call: Call) -> list[str]:
    names = listed(call, "fields")
    for name in names:
        if name not in kind.fields:
            raise MarketoError("1006", f"Field '{name}' not found")
    return list(dict.fromkeys([kind.id_field, *names])) if names else default_fields(kind)


def _by_keys(table: ObjectTable, filter_type: str, rows: list[Any]) -> list[int]:
    kind = table.kind
    if filter_type != "dedupeFields":
        raise MarketoError("1003", "A query with input needs the filterType dedupeFields")
    found: set[int] = set()
    for row in rows:
        missing = [name for name in kind.dedupe if not isinstance(row, dict) or row.get(name) in (None, "")]
        if missing:
            raise MarketoError("1002", f"Missing value for the required parameter '{missing[0]}'")
        serial = table.find_key(row)
        found |= set() if serial is None else {serial}
    return sorted(found)


def _by_filter(table: ObjectTable, filter_type: str, call: Call) -> list[int]:
    kind = table.kind
    required(call, "filterValues")
    values = listed(call, "filterValues")
    if len(values) > MAX_ROWS:
        raise MarketoError("1003", f"Too many filterValues, the maximum is {MAX_ROWS}")
    name = {"idField": kind.id_field, "dedupeFields": kind.dedupe[0]}.get(filter_type, filter_type)
    if filter_type == "dedupeFields" and len(kind.dedupe) > 1:
        raise MarketoError("1003", "A compound key is queried by POST with _method=GET and a JSON body")
    if name not in kind.fields:
        raise MarketoError("1006", f"Field '{name}' not found")
    if [name] not in kind.searchable:
        raise MarketoError("1011", f"Field '{name}' is not supported as filterType")
    return sorted({serial for value in values for serial in table.find(name, value)})
