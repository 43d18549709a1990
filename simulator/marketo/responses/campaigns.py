"""Campaigns of the lead database: list, request, schedule; and the fields of program members."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from simulator.control import Call, ControlError, parse_time
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models.campaigns import MAX_LEADS, MAX_TOKENS, Campaign
from simulator.marketo.models.instance import Instance
from simulator.marketo.responses.envelope import (
    Payload,
    check_row_fault,
    listed,
    page_of,
    parameter,
    path_id,
    read_body,
    read_input,
    skipped,
)
from simulator.marketo.schema import API_SOURCE, CHANGE_MEMBER_DATA, REQUEST_CAMPAIGN, FieldSchema
from simulator.marketo.values import read_value

_TOKEN = re.compile(r"\{\{my\.[^{}]+\}\}")


class CampaignResponses:
    """Handlers below `/rest/v1/campaigns` and `/rest/v1/programs/.../members.json`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def campaigns(self, _request: Request, call: Call) -> Payload:
        """List campaigns; `isTriggerable` those that can be requested."""
        names, ids, triggerable = listed(call, "name"), listed(call, "id"), parameter(call, "isTriggerable")
        campaigns = self._instance.campaigns.campaigns
        found = [
            each.id
            for each in campaigns.values()
            if (not names or each.name in names)
            and (not ids or str(each.id) in ids)
            and triggerable in {None, "0", "false", str(int(each.requestable)), str(each.requestable).lower()}
        ]
        page, paging = page_of(call, sorted(found), "campaigns")
        return {"result": [self._shown(campaigns[each]) for each in page]} | paging

    async def campaign(self, request: Request, _call: Call) -> Payload:
        """Read one campaign."""
        return {"result": [self._shown(self._campaign(request))]}

    async def trigger(self, request: Request, call: Call) -> Payload:
        """Ask a trigger campaign to take leads; the answer tells nothing about any of them."""
        campaign = self._campaign(request)
        asked = _input(call)
        self._instance.campaigns.check_trigger(campaign)
        leads = asked.get("leads")
        if not isinstance(leads, list) or not leads:
            raise missing_parameter("leads")
        if len(leads) > MAX_LEADS:
            raise MarketoError("1003", f"No more than {MAX_LEADS} leads are allowed")
        ids = [self._known_lead(row) for row in leads]
        tokens = _tokens(asked)

        def change() -> None:
            self._instance.campaigns.requests.append({"campaignId": campaign.id, "leads": ids, "tokens": tokens})
            for lead_id in ids:
                attributes = {"Source": API_SOURCE}
                self._instance.note(REQUEST_CAMPAIGN, lead_id, call.at, campaign.id, campaign.name, attributes)
            self._instance.campaign_requested(campaign, ids, tokens)

        self._instance.control.commit(call, change)
        call.record_keys += self._instance.lead_keys(ids)
        return {"result": [{"id": campaign.id}]}

    async def schedule(self, request: Request, call: Call) -> Payload:
        """Schedule a batch campaign, five minutes from now at the earliest."""
        campaign = self._campaign(request)
        asked = _input(call, needed=False)
        try:
            moment = parse_time(asked["runAt"]) if asked.get("runAt") else None
        except ControlError as error:
            raise MarketoError("704", str(error)) from error
        run_at = self._instance.campaigns.run_at(campaign, moment, call.at)
        made: Payload = {"campaignId": campaign.id, "runAt": run_at, "tokens": _tokens(asked)}
        if name := asked.get("cloneToProgramName"):
            self._instance.campaigns.check_clone(call.at)
            made["cloneToProgramName"] = name
        self._instance.control.commit(call, lambda: self._instance.campaigns.requests.append(made))
        return {"result": [{"id": campaign.id}]}

    def _known_lead(self, row: Any) -> int:
        lead_id = row.get("id") if isinstance(row, dict) else None
        if not isinstance(lead_id, int) or lead_id not in self._instance.leads:
            raise MarketoError("1004", f"Lead '{lead_id}' not found")
        return lead_id

    def _campaign(self, request: Request) -> Campaign:
        return self._instance.campaigns.get(path_id(request, "campaign_id"))

    def _shown(self, campaign: Campaign) -> Payload:
        shown: Payload = {"id": campaign.id, "name": campaign.name, "type": campaign.type, "active": campaign.active}
        if campaign.program_id is not None:
            program = self._instance.memberships.program_of(campaign.program_id)
            shown |= {"programId": program.id, "programName": program.name}
        return shown | {
            "workspaceName": "Default",
            "createdAt": campaign.created_at,
            "updatedAt": campaign.created_at,
        }

    # fields of program members

    async def update_members(self, request: Request, call: Call) -> Payload:
        """Write fields of existing memberships."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        results: list[Payload] = []
        accepted: dict[int, Payload] = {}
        for seq, row in enumerate(read_input(read_body(call))):
            try:
                check_row_fault(call, seq)
                lead_id, values = _member_values(row, self._instance.memberships.schema)
                if lead_id not in program.members:
                    raise RowError("1013", "Membership not found")  # noqa: TRY301 - one way out for every skipped row
            except RowError as error:
                results.append({"seq": seq} | skipped(error))
                continue
            accepted[lead_id] = values
            results.append({"seq": seq, "leadId": lead_id, "status": "updated"})

        def change() -> None:
            for lead_id, values in accepted.items():
                self._write_member(call, program.id, lead_id, values)

        self._instance.control.commit(call, change)
        call.record_keys += self._instance.lead_keys(accepted)
        return {"result": results}

    def _write_member(self, call: Call, program_id: int, lead_id: int, values: Payload) -> None:
        program = self._instance.memberships.program_of(program_id)
        member = program.members.get(lead_id)
        if member is None:
            return
        former = member.write(values, self._instance.now_text())
        for name, old in former.items():
            attributes = {"Attribute Name": name, "New Value": values[name], "Old Value": old, "Source": API_SOURCE}
            self._instance.note(CHANGE_MEMBER_DATA, lead_id, call.at, program.id, program.name, attributes)


def _input(call: Call, *, needed: bool = True) -> dict[str, Any]:
    if not call.body and not needed:
        return {}
    asked = read_body(call).get("input")
    if not isinstance(asked, dict):
        if needed:
            raise missing_parameter("input")
        return {}
    return asked


def _tokens(asked: dict[str, Any]) -> list[Any]:
    tokens = asked.get("tokens") or []
    if not isinstance(tokens, list) or len(tokens) > MAX_TOKENS:
        raise MarketoError("1003", f"No more than {MAX_TOKENS} tokens are allowed")
    for token in tokens:
        if not isinstance(token, dict) or not _TOKEN.fullmatch(str(token.get("name"))):
            raise MarketoError("1003", "A token is named {{my.name}}")
    return tokens


def _member_values(row: Any, known: FieldSchema) -> tuple[int, Payload]:
    lead_id = row.get("leadId") if isinstance(row, dict) else None
    if not isinstance(lead_id, int):
        raise RowError("1002", "Missing value for the required parameter 'leadId'")
    values: Payload = {}
    for name, value in row.items():
        if name == "leadId":
            continue
        if name not in known.rest:
            raise RowError("1006", f"Field '{name}' not found")
        if not known.rest[name].updateable:
            raise RowError("1003", f"Field '{name}' is not updateable")
        values[name] = read_value(name, known.rest[name].data_type, value)
    return lead_id, values
