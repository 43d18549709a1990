"""Leads: delete, merge, push, partitions, and where a lead is a member."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models import lifecycle
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.leads import PARTITIONS, PlannedRow
from simulator.marketo.models.memberships import NOT_IN_PROGRAM, Program
from simulator.marketo.responses.envelope import (
    MAX_ROWS,
    Payload,
    check_row_fault,
    integers,
    page_of,
    parameter,
    path_id,
    read_body,
    read_input,
    request_id,
    required,
    skipped,
)
from simulator.marketo.responses.leads import read_fields, shown_row
from simulator.marketo.schema import API_SOURCE, PUSH_LEAD

_COOKIE = re.compile(r"id:\d{3}-[A-Z]{3}-\d{3}&token:_mch-\S+")


class LifecycleResponses:
    """Further handlers below `/rest/v1/leads`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def delete(self, _request: Request, call: Call) -> Payload:
        """Delete leads named in the body or in the query."""
        if call.body and call.headers.get("content-type", "").startswith("application/json"):
            rows = [row.get("id") if isinstance(row, dict) else None for row in read_input(read_body(call))]
        elif not (rows := list[Any](integers(call, "id", MAX_ROWS))):
            raise missing_parameter("input")
        results, accepted = self._each(call, rows, lambda row: lifecycle.known(self._instance, row), "deleted")
        call.record_keys += self._instance.lead_keys(accepted)

        def change() -> None:
            for lead_id in accepted:
                lifecycle.delete(self._instance, lead_id, call.at)

        self._instance.control.commit(call, change)
        return {"result": results}

    async def merge(self, request: Request, call: Call) -> Payload:
        """Merge up to 25 leads into the one in the path; the answer has no result."""
        asked = path_id(request, "lead_id")
        losers = list(dict.fromkeys(integers(call, "leadId", 1) + integers(call, "leadIds", MAX_ROWS)))
        if not losers:
            raise missing_parameter("leadIds")
        winner, losing = lifecycle.plan_merge(
            self._instance, asked, losers, in_crm=parameter(call, "mergeInCRM") == "true"
        )
        call.record_keys += self._instance.lead_keys([winner, *losing])

        def change() -> None:
            lifecycle.merge(self._instance, winner, losing, call.at)

        self._instance.control.commit(call, change)
        return {}

    async def push(self, _request: Request, call: Call) -> Payload:
        """Upsert leads into a program; each of them gets an activity of its own kind."""
        body = read_body(call)
        rows = read_input(body)
        program = self._program(body)
        lookup_field = str(body.get("lookupField") or "email")
        planned = self._instance.leads.plan(rows, "createOrUpdate", lookup_field, body.get("partitionName"))
        for index in range(len(planned)):
            if fault := call.row_fault(index):
                planned[index] = PlannedRow("skipped", reason=fault)
        status = body.get("programStatus")
        if status is not None:
            program.check_status(str(status))

        def change() -> None:
            self._instance.sync_leads(call, planned, request_id(call))
            pushed = [row.lead_id for row in planned if row.lead_id is not None]
            self._log_push(call, program, body, pushed)
            if status is not None:
                moving = [each for each in pushed if program.takes(each, str(status))]
                self._instance.set_program_status(program, str(status), moving, call.at)

        self._instance.control.commit(call, change)
        call.record_keys += self._instance.lead_keys(row.lead_id for row in planned if row.lead_id is not None)
        return {"result": [shown_row(row) for row in planned]}

    def _program(self, body: Payload) -> Program:
        name = body.get("programName")
        if not isinstance(name, str) or not name:
            raise missing_parameter("programName")
        for program in self._instance.memberships.programs.values():
            if program.name == name:
                return program
        raise MarketoError("1013", f"Program '{name}' not found")

    def _log_push(self, call: Call, program: Program, body: Payload, lead_ids: list[int]) -> None:
        attributes = {
            "Reason": body.get("reason"),
            "Source": body.get("source") or API_SOURCE,
            "API Method Name": "pushLeadToMarketo",
            "Modifying User": call.client,
            "Request Id": request_id(call),
        }
        for lead_id in lead_ids:
            self._instance.note(PUSH_LEAD, lead_id, call.at, program.id, program.name, attributes)

    async def partitions(self, _request: Request, _call: Call) -> Payload:
        """Give the lead partitions."""
        return {"result": [{"id": number, "name": name} for name, number in PARTITIONS.items()]}

    async def move(self, _request: Request, call: Call) -> Payload:
        """Move leads to other partitions."""
        rows = [row if isinstance(row, dict) else {} for row in read_input(read_body(call))]
        targets: dict[int, str] = {}

        def plan(row: Any) -> int:
            lead_id = lifecycle.plan_move(self._instance, row.get("id"), row.get("partitionName"))
            targets[lead_id] = row["partitionName"]
            return lead_id

        results, accepted = self._each(call, rows, plan, "updated")

        def change() -> None:
            for lead_id in accepted:
                lifecycle.move(self._instance, lead_id, targets[lead_id], call.at)

        self._instance.control.commit(call, change)
        call.record_keys += self._instance.lead_keys(accepted)
        return {"result": results}

    async def associate(self, request: Request, call: Call) -> Payload:
        """Tie a browser's cookie to a lead."""
        lead_id = self._lead_of(request)
        cookie = required(call, "cookie")
        if not _COOKIE.fullmatch(cookie):
            raise MarketoError("1012", f"Invalid cookie value '{cookie}'")
        self._instance.control.commit(call, lambda: self._instance.leads.tie_cookie(lead_id, cookie))
        return {}

    # where a lead is a member

    async def by_program(self, request: Request, call: Call) -> Payload:
        """Read the members of a program as leads, each with its membership."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        names = read_fields(call, self._instance.leads.schema)
        members = [each.lead_id for each in program.members.values() if each.status != NOT_IN_PROGRAM]
        page, paging = page_of(call, sorted(members), "leadPrograms")
        call.record_keys += self._instance.lead_keys(page)
        return {
            "result": [
                self._instance.leads.read(lead_id, names) | {"membership": program.members[lead_id].shown_to_lead()}
                for lead_id in page
            ]
        } | paging

    async def list_membership(self, request: Request, call: Call) -> Payload:
        """Give the static lists that a lead is in."""
        lead_id = self._lead_of(request)
        lists = self._instance.memberships.lists
        found = sorted(each for each in lists if lead_id in lists[each].members)
        page, paging = _memberships_page(call, found, "listsOfLead")
        times = [(list_id, lists[list_id].created_at, lists[list_id].updated_at) for list_id in page]
        return {
            "result": [dict(zip(("listId", "createdAt", "updatedAt"), each, strict=True)) for each in times]
        } | paging

    async def program_membership(self, request: Request, call: Call) -> Payload:
        """Give the programs that a lead is in."""
        lead_id = self._lead_of(request)
        programs = self._instance.memberships.programs
        found = sorted(each for each in programs if lead_id in programs[each].members)
        page, paging = _memberships_page(call, found, "programsOfLead")
        members = [programs[each].members[lead_id] for each in page]
        return {
            "result": [
                {"id": member.program_id, **member.shown_to_lead(), "updatedAt": member.updated_at}
                for member in members
            ]
        } | paging

    async def campaign_membership(self, request: Request, call: Call) -> Payload:
        """Give the smart campaigns that took a lead because of a request."""
        lead_id = self._lead_of(request)
        campaigns = self._instance.campaigns
        asked = {each["campaignId"] for each in campaigns.requests if lead_id in each.get("leads", ())}
        page, paging = _memberships_page(call, sorted(asked & campaigns.campaigns.keys()), "campaignsOfLead")
        times = [(each, campaigns.campaigns[each].created_at) for each in page]
        return {"result": [{"smartCampaignId": each, "createdAt": at, "updatedAt": at} for each, at in times]} | paging

    def _lead_of(self, request: Request) -> int:
        lead_id = path_id(request, "lead_id")
        if lead_id not in self._instance.leads:
            raise MarketoError("1004", f"Lead '{lead_id}' not found")
        return lead_id

    def _each(
        self, call: Call, rows: list[Any], plan: Callable[[Any], int], status: str
    ) -> tuple[list[Payload], list[int]]:
        results: list[Payload] = []
        accepted: list[int] = []
        for index, row in enumerate(rows):
            try:
                check_row_fault(call, index)
                lead_id = lifecycle.unique(plan(row), accepted)
            except RowError as error:
                given = row.get("id") if isinstance(row, dict) else row
                results.append(({"id": given} if isinstance(given, int) else {}) | skipped(error))
                continue
            results.append({"id": lead_id, "status": status})
            accepted.append(lead_id)
        return results, accepted


def _memberships_page(call: Call, ids: list[int], kind: str) -> tuple[list[int], Payload]:
    """Cut one page; unlike other lists, the memberships of a lead always say whether there is more."""
    page, paging = page_of(call, ids, kind)
    return page, paging | {"moreResult": bool(paging)}
