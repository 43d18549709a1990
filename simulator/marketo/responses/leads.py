"""Leads: describe, read by id and by filter, sync."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.leads import PlannedRow
from simulator.marketo.responses.envelope import (
    Payload,
    listed,
    page_of,
    parameter,
    path_id,
    read_body,
    read_input,
    request_id,
    required,
)
from simulator.marketo.schema import DEFAULT_READ_FIELDS, FieldSchema

MAX_FILTER_VALUES = 300
MAX_MATCHES = 1000


class LeadResponses:
    """Handlers below `/rest/v1/leads` and `/rest/v1/lead`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def describe(self, _request: Request, _call: Call) -> Payload:
        """Describe every field, also those that REST does not reach (they have no `rest`)."""
        result: list[Payload] = []
        for each in self._instance.leads.schema.all.values():
            item: Payload = {"id": each.id, "displayName": each.display_name, "dataType": each.data_type}
            if each.length:
                item["length"] = each.length
            if each.rest:
                item["rest"] = {"name": each.name, "readOnly": not each.updateable}
            item["soap"] = {"name": each.soap_name, "readOnly": not each.updateable}
            result.append(item)
        return {"result": result}

    async def describe2(self, _request: Request, _call: Call) -> Payload:
        """Describe the fields that REST reaches and which of them can be searched."""
        fields: list[Payload] = []
        for each in self._instance.leads.schema.rest.values():
            item: Payload = {"name": each.name, "displayName": each.display_name, "dataType": each.data_type}
            if each.length:
                item["length"] = each.length
            item |= {"updateable": each.updateable, "crmManaged": each.crm_managed}
            fields.append(item)
        searchable = [[name] for name in self._instance.leads.schema.searchable]
        return {"result": [{"name": "API Lead", "searchableFields": searchable, "fields": fields}]}

    async def by_id(self, request: Request, call: Call) -> Payload:
        """Read one lead; a missing one is refused with 1004 (the vendor does not document its answer)."""
        lead_id = path_id(request, "lead_id")
        names = read_fields(call, self._instance.leads.schema)
        if lead_id not in self._instance.leads:
            raise MarketoError("1004", f"Lead '{lead_id}' not found")
        call.record_keys += self._instance.lead_keys([lead_id])
        return {"result": [self._instance.leads.read(lead_id, names)]}

    async def by_filter(self, _request: Request, call: Call) -> Payload:
        """Read the leads whose searchable field has one of the values."""
        filter_type = required(call, "filterType")
        required(call, "filterValues")
        values = listed(call, "filterValues")
        names = read_fields(call, self._instance.leads.schema)
        leads = self._instance.leads
        leads.schema.get(filter_type)
        if filter_type not in leads.schema.searchable:
            raise MarketoError("1011", f"Filter type '{filter_type}' is not supported")
        if len(values) > MAX_FILTER_VALUES:
            raise MarketoError("1003", f"Too many filterValues, the maximum is {MAX_FILTER_VALUES}")
        found = sorted({lead_id for value in values for lead_id in leads.find(filter_type, value)})
        if len(found) > MAX_MATCHES:
            raise MarketoError("1003", "Too many results match the filter")
        page, paging = page_of(call, found, "leads")
        call.record_keys += self._instance.lead_keys(page)
        return {"result": [leads.read(lead_id, names) for lead_id in page]} | paging

    async def sync(self, _request: Request, call: Call) -> Payload:
        """Create and update leads; each record's result stands at its place in the input."""
        body = read_body(call)
        rows = read_input(body)
        action = str(body.get("action") or "createOrUpdate")
        lookup_field = str(body.get("lookupField") or "email")
        planned = self._instance.leads.plan(rows, action, lookup_field, body.get("partitionName"))
        for index in range(len(planned)):
            if fault := call.row_fault(index):
                planned[index] = PlannedRow("skipped", reason=fault)
        # between lookup and commit lies a moment in which other calls look up, too: the duplicate race
        await asyncio.sleep(self._instance.control.limit("race_window_seconds"))
        self._instance.control.commit(call, lambda: self._instance.sync_leads(call, planned, request_id(call)))
        for row in planned:
            if row.lead_id is not None:
                call.record_keys.append(str(row.lead_id))
                email = row.changes.get("email") or (self._instance.leads.get(row.lead_id) or {}).get("email")
                call.record_keys += [email] if email else []
        return {"result": [shown_row(row) for row in planned]}


def read_fields(call: Call, known: FieldSchema) -> list[str]:
    """Give the fields a read asks for; `id` always comes first.

    Raises:
        MarketoError: 1006, a field is unknown.
    """
    if parameter(call, "fields") is None:
        return DEFAULT_READ_FIELDS
    names = list(dict.fromkeys(["id", *listed(call, "fields")]))
    return [known.get(name).name for name in names]


def shown_row(row: PlannedRow) -> Payload:
    """Give the result of one record of a sync."""
    if row.reason is None:
        return {"id": row.lead_id, "status": row.status}
    code, message = row.reason
    return {"status": "skipped", "reasons": [{"code": code, "message": message}]}
