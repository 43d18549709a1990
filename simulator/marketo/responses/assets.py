"""The asset envelope with its own paging, parents and dates; tokens and smart campaigns."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Container
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.control import Call, ControlError, call_of, parse_time
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.assets import Place
from simulator.marketo.models.campaigns import TOKEN_NAME_LENGTH, TOKEN_TYPES, Campaign
from simulator.marketo.models.instance import Instance
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
from simulator.marketo.values import format_time

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

    # tokens

    async def tokens(self, request: Request, call: Call) -> list[Payload]:
        """Read the My Tokens of a program or folder."""
        place = self._token_place(request, call)
        return self._shown_tokens(place)

    async def set_token(self, request: Request, call: Call) -> list[Payload]:
        """Make or change a token; the parameters come as a form."""
        place = self._token_place(request, call)
        name, kind, value = (text(call, each) for each in ("name", "type", "value"))
        if len(name) > TOKEN_NAME_LENGTH or kind not in TOKEN_TYPES:
            raise MarketoError("1003", f"Invalid token '{name}' of type '{kind}'")
        tokens = self._instance.campaigns.tokens.setdefault(place, {})
        tokens[name] = {"name": name, "type": kind, "value": value}
        return self._shown_tokens(place)

    async def delete_token(self, request: Request, call: Call) -> list[Payload]:
        """Delete a token."""
        place = self._token_place(request, call)
        tokens = self._instance.campaigns.tokens.get(place, {})
        name = required(call, "name")
        if name not in tokens:
            raise MarketoError("702", f"Token '{name}' not found")
        del tokens[name]
        return [{"id": place[0]}]

    def _token_place(self, request: Request, call: Call) -> Place:
        return check_place(self._instance, path_id(request, "asset_id"), parameter(call, "folderType") or "Program")

    def _shown_tokens(self, place: Place) -> list[Payload]:
        tokens = list(self._instance.campaigns.tokens.get(place, {}).values())
        folder = json.dumps({"type": place[1], "value": place[0]})
        return [{"folder": folder, "tokens": tokens}] if tokens else []

    # smart campaigns

    async def campaigns(self, _request: Request, call: Call) -> list[Payload]:
        """Browse smart campaigns, optionally the active ones."""
        wanted = parameter(call, "isActive")
        found = [
            each for each in self._instance.campaigns.campaigns.values() if wanted in {None, str(each.active).lower()}
        ]
        return [_campaign(each) for each in page(call, found)]

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
        return found_asset(self._instance.campaigns.campaigns.get(path_id(request, "asset_id")))


def check_place(instance: Instance, place_id: object, kind: object) -> Place:
    """Give a parent that exists.

    Raises:
        MarketoError: 711 neither folder nor program, or one given as the other; 710 there is none.
    """
    homes: dict[str, Container[object]] = {
        "Folder": instance.assets.folders,
        "Program": instance.memberships.programs,
    }
    if kind not in homes or not isinstance(place_id, int):
        raise MarketoError("711", "Incompatible Folder Type")
    if place_id not in homes[str(kind)]:
        elsewhere = any(place_id in home for home in homes.values())
        raise MarketoError(*(("711", "Incompatible Folder Type") if elsewhere else ("710", "Parent Folder Not Found")))
    return place_id, str(kind)


def parent(call: Call, instance: Instance, name: str = "folder") -> Place:
    """Read the JSON of a parent from a form.

    Raises:
        MarketoError: 1002 none, 1001 not such JSON, 710 or 711 about the parent.
    """
    try:
        given = json.loads(required(call, name))
    except ValueError as error:
        raise MarketoError("1001", f"Invalid value for '{name}'") from error
    if not isinstance(given, dict):
        raise MarketoError("1001", f"Invalid value for '{name}'")
    return check_place(instance, given.get("id"), given.get("type"))


def text(call: Call, name: str) -> str:
    """Give a text that a form needs.

    Raises:
        MarketoError: 1002 absent, 701 blank.
    """
    if any(key == name and not value.strip() for key, value in call.query):
        raise MarketoError("701", f"{name} cannot be blank")
    return required(call, name)


def changed_in(call: Call) -> tuple[str, str]:
    """Give the span of times that a browse is limited to.

    Raises:
        MarketoError: 704, not a time.
    """
    return tuple(  # type: ignore[return-value] # two names give two times
        _time(given) if (given := parameter(call, name)) else extreme
        for name, extreme in (("earliestUpdatedAt", ""), ("latestUpdatedAt", "~"))
    )


def _time(given: str) -> str:
    try:
        return format_time(parse_time(given))
    except ControlError as error:
        raise MarketoError("704", f"Invalid date '{given}'") from error


def found_asset[T](asset: T | None) -> T:
    """Give an asset.

    Raises:
        MarketoError: 702, there is none.
    """
    if asset is None:
        raise MarketoError("702", "No data found for the given id")
    return asset


def page[T](call: Call, found: list[T]) -> list[T]:
    """Cut one page by `offset` and `maxReturn`.

    Raises:
        MarketoError: 1003.
    """
    [size] = integers(call, "maxReturn", 1) or [DEFAULT_RETURN]
    [offset] = integers(call, "offset", 1) or [0]
    if not 1 <= size <= MAX_RETURN:
        raise MarketoError("1003", f"maxReturn has to be from 1 to {MAX_RETURN}")
    return found[offset : offset + size]


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
        "folder": {"id": campaign.program_id or 1, "type": "Program" if campaign.program_id else "Folder"},
        "createdAt": asset_time(campaign.created_at),
        "updatedAt": asset_time(campaign.created_at),
    } | ({"parentProgramId": campaign.program_id} if campaign.program_id else {})


def asset_time(text: str) -> str:
    """Write a time as the asset API does: an offset behind the Z."""
    return f"{text}+0000"
