"""The schema of fields: list, by name, create and change, for leads, program members, companies, opportunities."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.objects import ObjectKind
from simulator.marketo.responses.envelope import Handler, Payload, page_of, read_body, read_input
from simulator.marketo.schema import FieldSchema, LeadField

type Fields = Callable[[], Mapping[str, LeadField]]


class FieldResponses:
    """Handlers of `.../schema/fields.json` and `.../schema/fields/{name}.json`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def rows(self) -> list[tuple[str, str, Handler]]:
        """Give method, path and handler of every family; companies and opportunities are read only."""
        instance, crm = self._instance, self._instance.crm
        read: dict[str, Fields] = {
            "leads": lambda: instance.leads.schema.rest,
            "programs/members": lambda: instance.memberships.schema.rest,
            "companies": lambda: _fields_of(crm.companies.kind),
            "opportunities": lambda: _fields_of(crm.opportunities.kind),
        }
        table: list[tuple[str, str, Handler]] = []
        for base, fields in read.items():
            path = f"{base}/schema/fields"
            table += [("GET", f"{path}.json", _listing(fields)), ("GET", f"{path}/{{name}}.json", _single(fields))]
        return [
            *table,
            ("POST", "leads/schema/fields.json", _creation(lambda: instance.leads.create_fields)),
            (
                "POST",
                "programs/members/schema/fields.json",
                _creation(lambda: instance.memberships.schema.create),
            ),
            ("POST", "leads/schema/fields/{name}.json", _change(lambda: instance.leads.schema)),
            ("POST", "programs/members/schema/fields/{name}.json", _change(lambda: instance.memberships.schema)),
        ]


def _creation(create: Callable[[], Callable[[list[object]], list[str]]]) -> Handler:
    async def handle(_request: Request, call: Call) -> Payload:
        """Create fields, all or none."""
        names = create()(read_input(read_body(call)))
        return {"result": [{"name": name, "status": "created"} for name in names]}

    return handle


def _listing(fields: Fields) -> Handler:
    async def handle(_request: Request, call: Call) -> Payload:
        """List the fields, 300 a page."""
        found = list(fields().values())
        page, paging = page_of(call, list(range(len(found))), "fields")
        return {"result": [found[index].as_schema_field() for index in page]} | paging

    return handle


def _single(fields: Fields) -> Handler:
    async def handle(request: Request, _call: Call) -> Payload:
        """Read one field."""
        name = request.path_params["name"]
        if name not in fields():
            raise MarketoError("1006", f"Field '{name}' not found")
        return {"result": [fields()[name].as_schema_field()]}

    return handle


def _change(schema: Callable[[], FieldSchema]) -> Handler:
    async def handle(request: Request, call: Call) -> Payload:
        """Change what a field says of itself; name and type stay."""
        name = request.path_params["name"]
        [row, *more] = read_input(read_body(call))
        if more:
            raise MarketoError("1003", "One field at a time")
        schema().update(name, row)
        return {"result": [{"name": name, "status": "updated"}]}

    return handle


def _fields_of(kind: ObjectKind) -> Mapping[str, LeadField]:
    return {
        each.name: LeadField(
            number, each.name, each.display_name, each.data_type, updateable=each.updateable, custom=each.custom
        )
        for number, each in enumerate(kind.fields.values(), start=1)
    }
