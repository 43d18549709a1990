"""Assets: programs, channels, tokens and smart campaigns, in the asset envelope with its own paging and dates."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.control import Call, call_of
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.campaigns import TOKEN_NAME_LENGTH, TOKEN_TYPES, Campaign
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.memberships import Program
from simulator.marketo.responses.envelope import (
    Answer,
    Payload,
    failure,
    integers,
    parameter,
    path_id,
    request_id,
    required,
)

DEFAULT_RETURN = 20
MAX_RETURN = 200
NOTHING_FOUND = "No assets found for the given search criteria."

type AssetHandler = Callable[[Request, Call], Awaitable[list[Payload]]]


def asset_endpoint(handler: AssetHandler) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a handler that gives assets; none is a warning without a result."""

    async def answer(request: Request) -> Response:
        call = call_of(request)
        try:
            found = await handler(request, call)
        except MarketoError as error:
            return failure(call, error.code, error.message)
        envelope: Payload = {"success": True, "errors": [], "requestId": request_id(call)}
        rest: Payload = {"warnings": [], "result": found} if found else {"warnings": [NOTHING_FOUND]}
        made = Answer(envelope | rest)
        made.compress_for(call)
        return made

    return answer


class AssetResponses:
    """Handlers below `/rest/asset/v1`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def programs(self, _request: Request, call: Call) -> list[Payload]:
        """Browse programs by offset, optionally by the time of their last change."""
        earliest, latest = parameter(call, "earliestUpdatedAt") or "", parameter(call, "latestUpdatedAt") or "~"
        found = [each for each in self._instance.memberships.programs.values() if earliest <= each.updated_at <= latest]
        return [_program(each) for each in _page(call, found)]

    async def program(self, request: Request, _call: Call) -> list[Payload]:
        """Read one program."""
        program = self._instance.memberships.programs.get(path_id(request, "asset_id"))
        return [_program(_found(program))]

    async def program_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a program by its name; one with a comma is never found."""
        name = required(call, "name")
        programs = self._instance.memberships.programs.values()
        return [_program(each) for each in programs if each.name == name and "," not in name]

    async def channels(self, _request: Request, call: Call) -> list[Payload]:
        """Browse channels."""
        return _page(call, self._channels())

    async def channel_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a channel by its name."""
        name = parameter(call, "name") or required(call, "Name")
        return [each for each in self._channels() if each["name"] == name]

    def _channels(self) -> list[Payload]:
        found: dict[str, Payload] = {}
        for program in self._instance.memberships.programs.values():
            found.setdefault(
                program.channel,
                {
                    "id": len(found) + 1,
                    "name": program.channel,
                    "applicableProgramType": program.type.lower(),
                    "progressionStatuses": [{**each, "hidden": False} for each in program.statuses],
                    "createdAt": _asset_time(program.created_at),
                    "updatedAt": _asset_time(program.updated_at),
                },
            )
        return list(found.values())

    # tokens

    async def tokens(self, request: Request, call: Call) -> list[Payload]:
        """Read the My Tokens of a program."""
        program_id = self._token_program(request, call)
        return self._shown_tokens(program_id)

    async def set_token(self, request: Request, call: Call) -> list[Payload]:
        """Make or change a token; the parameters come as a form."""
        program_id = self._token_program(request, call)
        name, kind, value = (required(call, each) for each in ("name", "type", "value"))
        if len(name) > TOKEN_NAME_LENGTH or kind not in TOKEN_TYPES:
            raise MarketoError("1003", f"Invalid token '{name}' of type '{kind}'")
        tokens = self._instance.campaigns.tokens.setdefault(program_id, {})
        tokens[name] = {"name": name, "type": kind, "value": value}
        return self._shown_tokens(program_id)

    async def delete_token(self, request: Request, call: Call) -> list[Payload]:
        """Delete a token."""
        program_id = self._token_program(request, call)
        tokens = self._instance.campaigns.tokens.get(program_id, {})
        name = required(call, "name")
        if name not in tokens:
            raise MarketoError("702", f"Token '{name}' not found")
        del tokens[name]
        return [{"id": program_id}]

    def _token_program(self, request: Request, call: Call) -> int:
        if (parameter(call, "folderType") or "Program") != "Program":
            raise MarketoError("711", "Incompatible Folder Type")
        program_id = path_id(request, "asset_id")
        if program_id not in self._instance.memberships.programs:
            raise MarketoError("710", "Parent Folder Not Found")
        return program_id

    def _shown_tokens(self, program_id: int) -> list[Payload]:
        tokens = list(self._instance.campaigns.tokens.get(program_id, {}).values())
        folder = json.dumps({"type": "Program", "value": program_id})
        return [{"folder": folder, "tokens": tokens}] if tokens else []

    # smart campaigns

    async def campaigns(self, _request: Request, call: Call) -> list[Payload]:
        """Browse smart campaigns, optionally the active ones."""
        wanted = parameter(call, "isActive")
        found = [
            each for each in self._instance.campaigns.campaigns.values() if wanted in {None, str(each.active).lower()}
        ]
        return [_campaign(each) for each in _page(call, found)]

    async def campaign(self, request: Request, _call: Call) -> list[Payload]:
        """Read one smart campaign."""
        return [_campaign(self._campaign(request))]

    async def campaign_by_name(self, _request: Request, call: Call) -> list[Payload]:
        """Find a smart campaign by its name."""
        name = required(call, "name")
        return [_campaign(each) for each in self._instance.campaigns.campaigns.values() if each.name == name]

    async def activate(self, request: Request, _call: Call) -> list[Payload]:
        """Activate a trigger campaign."""
        return self._switch(request, active=True)

    async def deactivate(self, request: Request, _call: Call) -> list[Payload]:
        """Deactivate a trigger campaign."""
        return self._switch(request, active=False)

    def _switch(self, request: Request, *, active: bool) -> list[Payload]:
        campaign = self._campaign(request)
        if campaign.type != "trigger" or campaign.active == active:
            raise MarketoError("709", f"Campaign '{campaign.id}' cannot be {'' if active else 'de'}activated")
        campaign.active = active
        return [{"id": campaign.id}]

    def _campaign(self, request: Request) -> Campaign:
        return _found(self._instance.campaigns.campaigns.get(path_id(request, "asset_id")))


def _found[T](asset: T | None) -> T:
    if asset is None:
        raise MarketoError("702", "No data found for the given id")
    return asset


def _page[T](call: Call, found: list[T]) -> list[T]:
    [size] = integers(call, "maxReturn", 1) or [DEFAULT_RETURN]
    [offset] = integers(call, "offset", 1) or [0]
    if not 1 <= size <= MAX_RETURN:
        raise MarketoError("1003", f"maxReturn has to be from 1 to {MAX_RETURN}")
    return found[offset : offset + size]


def _program(program: Program) -> Payload:
    shown: Payload = program.shown() | {"description": "", "status": "", "url": ""}
    shown |= {"folder": {"type": "Folder", "value": 1, "folderName": "Marketing Activities"}}
    return shown | {name: _asset_time(str(shown[name])) for name in ("createdAt", "updatedAt")}


def _campaign(campaign: Campaign) -> dict[str, Any]:
    idle = "Inactive" if campaign.type == "trigger" else "Never Run"
    return {
        "id": campaign.id,
        "name": campaign.name,
        "description": "",
        "type": campaign.type,
        "status": "Active" if campaign.active else idle,
        "isSystem": False,
        "isActive": campaign.active,
        "isRequestable": campaign.requestable,
        "isCommunicationLimitEnabled": False,
        "recurrence": {"weekdayOnly": False},
        "qualificationRuleType": "any",
        "workspace": "Default",
        "smartListId": campaign.id,
        "flowId": campaign.id,
        "parentProgramId": campaign.program_id,
        "folder": {"id": campaign.program_id or 1, "type": "Program" if campaign.program_id else "Folder"},
        "createdAt": _asset_time(campaign.created_at),
        "updatedAt": _asset_time(campaign.created_at),
    }


def _asset_time(text: str) -> str:
    """Write a time as the asset API does: an offset behind the Z."""
    return f"{text}+0000"
