"""Custom objects: records by the generic pattern, and the schema of their types."""

from __future__ import annotations

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.custom_objects import CustomObjects
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.objects import ObjectTable, PlannedObject
from simulator.marketo.responses.envelope import Payload, listed, parameter, read_body, read_input
from simulator.marketo.responses.objects import answer_planned, query
from simulator.marketo.schema import ATTRIBUTE_TYPES

_STATES = {"draft", "approved", "approvedWithDraft"}


class CustomObjectResponses:
    """Handlers below `/rest/v1/customobjects`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def _objects(self) -> CustomObjects:
        if not self._instance.control.switch("custom_objects"):
            raise MarketoError("1026", "Custom object not enabled")
        return self._instance.custom_objects

    def _table(self, request: Request) -> ObjectTable:
        return self._objects().table(request.path_params["api_name"])

    async def objects(self, _request: Request, call: Call) -> Payload:
        """List the approved custom objects, without their fields."""
        names = listed(call, "names")
        found = [each for each in self._objects().types.values() if each.approved]
        return {"result": [each.shown() for each in found if not names or each.api_name in names]}

    async def describe(self, request: Request, _call: Call) -> Payload:
        """Describe an approved custom object."""
        self._table(request)
        return {"result": [self._objects().get(request.path_params["api_name"]).shown()]}

    async def query(self, request: Request, call: Call) -> Payload:
        """Read records by filter or by compound keys."""
        return query(self._table(request), call)

    async def sync(self, request: Request, call: Call) -> Payload:
        """Create and update records."""
        table = self._table(request)
        body = read_body(call)
        rows = read_input(body)
        action, key = str(body.get("action") or "createOrUpdate"), str(body.get("dedupeBy") or "dedupeFields")
        objects = self._instance.custom_objects
        planned = table.plan(rows, action, key, lambda changes, _stored: objects.check(table, changes))
        return self._commit(table, call, planned)

    async def delete(self, request: Request, call: Call) -> Payload:
        """Delete records."""
        table = self._table(request)
        body = read_body(call)
        rows = read_input(body)
        planned = table.plan_delete(rows, str(body.get("deleteBy") or "dedupeFields"), lambda _row: None)
        return self._commit(table, call, planned)

    def _commit(self, table: ObjectTable, call: Call, planned: list[PlannedObject]) -> Payload:
        answer = answer_planned(call, table, planned)

        def change() -> None:
            for row in planned:
                self._instance.custom_objects.apply(table, row, call.at)

        self._instance.control.commit(call, change)
        return answer

    # the schema; its writes answer an empty result

    def _schema(self) -> CustomObjects:
        objects = self._objects()
        if not self._instance.control.switch("custom_object_schema"):
            raise MarketoError("616", "Invalid subscription type")
        return objects

    async def types(self, _request: Request, call: Call) -> Payload:
        """List the types, drafts included."""
        names, state = listed(call, "names"), _state(call)
        found = self._schema().types.values()
        shown = [each.shown(draft=state == "draft") for each in found if not names or each.api_name in names]
        return {"result": [each for each in shown if state is None or state in {each["state"], each["version"]}]}

    async def describe_type(self, request: Request, call: Call) -> Payload:
        """Describe one type, approved or as drafted."""
        found = self._schema().get(request.path_params["api_name"])
        return {"result": [found.shown(draft=_state(call) == "draft")]}

    async def sync_type(self, _request: Request, call: Call) -> Payload:
        """Make a type or change its words."""
        self._schema().sync_type(read_body(call), self._instance.now_text())
        return {"result": []}

    async def add_fields(self, request: Request, call: Call) -> Payload:
        """Add fields to a type's draft."""
        rows = read_input(read_body(call))
        self._schema().add_fields(request.path_params["api_name"], rows, self._instance.now_text())
        return {"result": []}

    async def delete_fields(self, request: Request, call: Call) -> Payload:
        """Take fields out of a type's draft."""
        rows = read_input(read_body(call))
        self._schema().delete_fields(request.path_params["api_name"], rows, self._instance.now_text())
        return {"result": []}

    async def update_field(self, request: Request, call: Call) -> Payload:
        """Change a field of a type's draft."""
        names = request.path_params
        now = self._instance.now_text()
        self._schema().update_field(names["api_name"], names["field_name"], read_body(call), now)
        return {"result": []}

    async def dependent_assets(self, request: Request, _call: Call) -> Payload:
        """List the assets that use a type: none, as no asset of the twin can."""
        self._schema().get(request.path_params["api_name"])
        return {"result": []}

    async def approve(self, request: Request, _call: Call) -> Payload:
        """Approve a type's draft."""
        self._schema().approve(request.path_params["api_name"], self._instance.now_text())
        return {"result": []}

    async def discard_draft(self, request: Request, _call: Call) -> Payload:
        """Discard a type's draft."""
        self._schema().discard_draft(request.path_params["api_name"])
        return {"result": []}

    async def delete_type(self, request: Request, _call: Call) -> Payload:
        """Delete a type with its records."""
        self._schema().delete_type(request.path_params["api_name"])
        return {"result": []}

    async def data_types(self, _request: Request, _call: Call) -> Payload:
        """List the data types of fields."""
        self._schema()
        return {"result": ATTRIBUTE_TYPES}

    async def linkable(self, _request: Request, _call: Call) -> Payload:
        """List what a link field may point to."""
        return {"result": self._schema().linkable()}


def _state(call: Call) -> str | None:
    state = parameter(call, "state")
    if state is not None and state not in _STATES:
        raise MarketoError("1003", f"Invalid value for state '{state}'")
    return state
