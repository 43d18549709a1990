"""Static lists, program members and their writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from simulator.control import Call, ControlError, parse_time
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.memberships import NOT_IN_PROGRAM, Member, Program
from simulator.marketo.responses.envelope import (
    MAX_ROWS,
    Payload,
    check_row_fault,
    integers,
    listed,
    page_of,
    path_id,
    read_body,
    read_input,
    required,
    skipped,
)
from simulator.marketo.responses.leads import read_fields
from simulator.marketo.values import format_time

MAX_MEMBERS = 100_000
MAX_UPDATED_WINDOW = timedelta(days=7)
MEMBER_FILTERS = ["leadId", "statusName", "reachedSuccess", "updatedAt"]
MEMBER_DEFAULT_FIELDS = ["acquiredBy", "leadId", "membershipDate", "programId", "reachedSuccess"]
_DUPLICATE = RowError("1036", "Duplicate object found in input")


class MembershipResponses:
    """Handlers below `/rest/v1/lists` and `/rest/v1/programs`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    # static lists

    async def lists(self, _request: Request, call: Call) -> Payload:
        """Find static lists by id, name or program."""
        wanted = {name: set(listed(call, name)) for name in ("id", "name", "programName", "workspaceName")}
        if wanted["id"] and not all(value.isdecimal() for value in wanted["id"]):
            raise MarketoError("1003", "Invalid value for 'id'")
        lists = self._instance.memberships.lists
        found = [
            list_id
            for list_id in sorted(lists)
            if all(not values or str(lists[list_id].shown().get(name)) in values for name, values in wanted.items())
        ]
        page, paging = page_of(call, found, "lists")
        return {"result": [lists[list_id].shown() for list_id in page]} | paging

    async def list_by_id(self, request: Request, _call: Call) -> Payload:
        """Read one static list."""
        found = self._instance.memberships.list_of(path_id(request, "list_id"))
        return {"result": [found.shown()]}

    async def list_members(self, request: Request, call: Call) -> Payload:
        """Read the leads of a static list."""
        found = self._instance.memberships.list_of(path_id(request, "list_id"))
        names = read_fields(call, self._instance.leads.schema)
        page, paging = page_of(call, sorted(found.members), "members")
        call.record_keys += self._instance.lead_keys(page)
        return {"result": [self._instance.leads.read(lead_id, names) for lead_id in page]} | paging

    async def add_to_list(self, request: Request, call: Call) -> Payload:
        """Make leads members of a static list; one that is a member already is `added` again."""
        found = self._instance.memberships.list_of(path_id(request, "list_id"))
        results, accepted = self._each_lead(call, lambda _lead_id: "added")
        self._instance.control.commit(call, lambda: self._instance.add_to_list(found, accepted, call.at))
        return {"result": results}

    async def remove_from_list(self, request: Request, call: Call) -> Payload:
        """End memberships in a static list."""
        found = self._instance.memberships.list_of(path_id(request, "list_id"))

        def decide(lead_id: int) -> str:
            if lead_id not in found.members:
                raise RowError("1015", "Lead not in list")
            return "removed"

        results, accepted = self._each_lead(call, decide)
        self._instance.control.commit(call, lambda: self._instance.remove_from_list(found, accepted, call.at))
        return {"result": results}

    async def is_member(self, request: Request, call: Call) -> Payload:
        """Say which leads are members of a static list."""
        found = self._instance.memberships.list_of(path_id(request, "list_id"))
        results, _ = self._each_lead(call, lambda lead_id: "memberof" if lead_id in found.members else "notmemberof")
        return {"result": results}

    def _each_lead(self, call: Call, decide: Callable[[int], str]) -> tuple[list[Payload], list[int]]:
        """Decide on every lead that the call names; give the results and the ids that were not skipped."""

        def decide_known(lead_id: Any) -> str:
            if lead_id not in self._instance.leads:
                raise RowError("1004", "Lead not found")
            return decide(lead_id)

        results, accepted = _decide_each(call, _lead_ids(call), decide_known)
        call.record_keys += self._instance.lead_keys(accepted)
        return [{"id": lead_id} | result for lead_id, result in results], accepted

    # programs

    async def set_status(self, request: Request, call: Call) -> Payload:
        """Move leads to a status of a program, forward only."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        body = read_body(call)
        rows = read_input(body)
        status_name = body.get("statusName")
        if not isinstance(status_name, str) or not status_name:
            raise missing_parameter("statusName")
        results, accepted = _decide_each(
            call,
            _member_ids(rows),
            lambda lead_id: self._instance.plan_program_status(program, lead_id, status_name),
            unique=True,
        )
        self._instance.control.commit(
            call, lambda: self._instance.set_program_status(program, status_name, accepted, call.at)
        )
        call.record_keys += self._instance.lead_keys(accepted)
        return {"result": _with_seq(results)}

    async def change_status(self, request: Request, call: Call) -> Payload:
        """Move leads to a status by the superseded call, whose results carry `id` and the status reached."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        body = read_body(call)
        ids = [row.get("id") if isinstance(row, dict) else None for row in read_input(body)]
        status_name = body.get("status")
        if not isinstance(status_name, str) or not status_name:
            raise missing_parameter("status")
        results, accepted = _decide_each(
            call,
            ids,
            lambda lead_id: self._instance.plan_program_status(program, lead_id, status_name) and status_name,
            unique=True,
        )
        self._instance.control.commit(
            call, lambda: self._instance.set_program_status(program, status_name, accepted, call.at)
        )
        call.record_keys += self._instance.lead_keys(accepted)
        return {"result": [{"id": lead_id} | result for lead_id, result in results]}

    async def program_members(self, request: Request, call: Call) -> Payload:
        """Read memberships of a program by one filter."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        filter_type = required(call, "filterType")
        if filter_type not in MEMBER_FILTERS:
            raise MarketoError("1011", f"Filter type '{filter_type}' is not supported")
        names = self._member_fields(call)
        if filter_type != "leadId" and len(program.members) > MAX_MEMBERS:
            raise MarketoError("1003", f"The program has more than {MAX_MEMBERS} members")
        found = self._find_members(program, filter_type, call)
        by_lead = {member.lead_id: member for member in found}
        page, paging = page_of(call, sorted(by_lead), "programMembers")
        call.record_keys += self._instance.lead_keys(page)
        return {
            "result": [
                {"seq": seq} | {name: by_lead[lead_id].values().get(name) for name in names}
                for seq, lead_id in enumerate(page)
            ]
        } | paging

    async def describe_members(self, _request: Request, _call: Call) -> Payload:
        """Describe the fields of program members."""
        fields = [
            {
                "name": each.name,
                "displayName": each.display_name,
                "dataType": each.data_type,
                "updateable": each.updateable,
                "crmManaged": False,
            }
            | ({"length": each.length} if each.length else {})
            for each in self._instance.memberships.schema.rest.values()
            if not each.hidden
        ]
        now = self._instance.now_text()
        described = {"name": "API Program Membership", "description": "", "createdAt": now, "updatedAt": now}
        keys = {"dedupeFields": ["leadId", "programId"], "searchableFields": [[name] for name in MEMBER_FILTERS[:3]]}
        return {"result": [described | keys | {"fields": fields}]}

    async def describe_members_briefly(self, request: Request, call: Call) -> Payload:
        """Describe the fields of program members by the superseded call: nothing but the fields."""
        [described] = (await self.describe_members(request, call))["result"]
        return {"result": [{"name": described["name"], "fields": described["fields"]}]}

    async def delete_members(self, request: Request, call: Call) -> Payload:
        """Remove leads from a program."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))

        def decide(lead_id: Any) -> str:
            if lead_id not in program.members:
                raise RowError("1037", "Lead not in program")
            return "deleted"

        results, accepted = _decide_each(call, _member_ids(read_input(read_body(call))), decide, unique=True)

        def change() -> None:
            for lead_id in accepted:
                program.members.pop(lead_id, None)

        self._instance.control.commit(call, change)
        call.record_keys += self._instance.lead_keys(accepted)
        return {"result": _with_seq(results)}

    def _member_fields(self, call: Call) -> list[str]:
        known = self._instance.memberships.schema
        names = [known.get(name).name for name in listed(call, "fields")]
        # the documented default fields come always
        return list(dict.fromkeys([*MEMBER_DEFAULT_FIELDS, *names]))

    def _find_members(self, program: Program, filter_type: str, call: Call) -> list[Member]:
        members = [member for member in program.members.values() if member.status != NOT_IN_PROGRAM]
        if filter_type == "updatedAt":
            start, end = _time_window(call)
            return [member for member in members if start <= member.updated_at <= end]
        required(call, "filterValues")
        values = {value.lower() for value in listed(call, "filterValues")}
        if len(values) > MAX_ROWS:
            raise MarketoError("1003", f"Too many filterValues, the maximum is {MAX_ROWS}")
        return [member for member in members if str(member.values()[filter_type]).lower() in values]


def _decide_each(
    call: Call, ids: list[Any], decide: Callable[[Any], str], *, unique: bool = False
) -> tuple[list[tuple[Any, Payload]], list[int]]:
    """Decide on each id: its status, or skipped with the reason; give also the ids that were not skipped."""
    results: list[tuple[Any, Payload]] = []
    accepted: list[int] = []
    for index, lead_id in enumerate(ids):
        try:
            check_row_fault(call, index)
            if unique and lead_id in accepted:
                raise _DUPLICATE
            status = decide(lead_id)
        except RowError as error:
            results.append((lead_id, skipped(error)))
            continue
        results.append((lead_id, {"status": status}))
        accepted.append(lead_id)
    return results, accepted


def _with_seq(results: list[tuple[Any, Payload]]) -> list[Payload]:
    """Give the results with their places in the input; a skipped one does not tell its lead."""
    return [
        {"seq": seq} | ({} if result["status"] == "skipped" else {"leadId": lead_id}) | result
        for seq, (lead_id, result) in enumerate(results)
    ]


def _member_ids(rows: list[Any]) -> list[Any]:
    """Give the lead ids of member records; what is no number becomes None."""
    ids: list[Any] = []
    for row in rows:
        lead_id = row.get("leadId") if isinstance(row, dict) else None
        ids.append(lead_id if isinstance(lead_id, int) else None)
    return ids


def _lead_ids(call: Call) -> list[int]:
    if call.body and call.headers.get("content-type", "").startswith("application/json"):
        rows = read_input(read_body(call))
        ids = [row.get("id") if isinstance(row, dict) else None for row in rows]
        if not all(isinstance(lead_id, int) and not isinstance(lead_id, bool) for lead_id in ids):
            raise MarketoError("1003", "Invalid value for 'id'")
        return [int(str(lead_id)) for lead_id in ids]
    if found := integers(call, "id", MAX_ROWS):
        return found
    raise missing_parameter("id")


def _time_window(call: Call) -> tuple[str, str]:
    try:
        start, end = parse_time(required(call, "startAt")), parse_time(required(call, "endAt"))
    except ControlError as error:
        raise MarketoError("704", str(error)) from error
    if not timedelta(0) <= end - start <= MAX_UPDATED_WINDOW:
        raise MarketoError("1003", "startAt and endAt may be at most 7 days apart")
    return format_time(start), format_time(end)
