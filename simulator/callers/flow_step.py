"""Self-service flow steps: chunks of people go to a service, and one callback for each brings the results.

Source: the vendor's service provider interface. A service answers 201 and works on its own time; nothing of its
first answer is used. The callback carries the key and the one-time token of its chunk; lead fields are written as
mapped, and one activity for each person tells the flow parameters and what the service said.

Where the vendor is silent: a callback for an unknown or used token is answered 404, one that breaks the schema 405
(its token stays good), a wrong key 403, anything else 200; an invocation that is not answered 201 is logged and not
tried again; blank fields go out as null; `myTokenContext` goes with each person.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import Any
from urllib.parse import urljoin

import httpx
import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.callers import effects, tokens
from simulator.callers.addresses import is_loopback
from simulator.callers.service import (
    DEFINITION_PATH,
    PICKLIST_PATH,
    RESERVED,
    STATUS_PATH,
    Access,
    Definition,
    Description,
    Service,
    mapped,
)
from simulator.control import ControlError, ControlPlane, Record, call_of
from simulator.marketo.exceptions import MarketoError, RowError
from simulator.marketo.models.campaigns import Campaign
from simulator.marketo.models.instance import Instance
from simulator.marketo.schema import LeadField
from simulator.marketo.values import read_value

CALLBACK_PATH = "/selfservice/v1/flowComplete"
MAX_CHOICES = 1_000
_RELATIVE = re.compile(r"[+-]\d+")
_INSTALL_MEMBERS = {"openapi_url", "key", "globals", "headers", "mappings", "name", "callback_base"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """People that went to a service together, and what their flow step says."""

    service: Service
    campaign: Campaign
    step: int
    leads: Mapping[int, Record]
    """The flow parameters of each person, tokens replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One flow step of one run: whom it concerns and how a person's tokens are found."""

    run: str
    campaign: Campaign
    step: int
    lead_ids: list[int]
    parameters: Mapping[str, str]
    trigger: Mapping[str, str]
    values_of: Callable[[int, set[str]], tokens.Values]


class FlowSteps:
    """The installed services of one instance and the chunks that wait for their callback."""

    def __init__(self, control: ControlPlane, instance: Instance) -> None:
        self._control = control
        self._instance = instance
        self._random = random.Random(f"flow steps {control.seed}")  # noqa: S311 - has to be repeatable, guards nothing
        self._key = self._secret()
        self.forget()

    def forget(self) -> None:
        """Drop every service and chunk, as a reset does."""
        self.services: dict[str, Service] = {}
        self._chunks: dict[str, Chunk] = {}

    def _secret(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    # installation

    async def install(self, document: Any, own_url: str) -> Service:
        """Install a service from the address of its OpenAPI document.

        Raises:
            ControlError: the service cannot be reached, or does not keep the interface.
        """
        if not isinstance(document, dict) or not isinstance(document.get("openapi_url"), str):
            raise ControlError("a service has openapi_url and key")
        if unknown := sorted(document.keys() - _INSTALL_MEMBERS):
            raise ControlError(f"a service does not know {', '.join(unknown)}")
        address = document["openapi_url"]
        if not is_loopback(address):
            raise ControlError("openapi_url is an http address of the loopback interface")
        described = await self._fetch(httpx.Request("GET", address))
        description = Description.read(_parsed(described), address)
        access = Access(description.access_kind, description.access_name, str(document.get("key", "")))
        wanted = httpx.Request("GET", description.base + DEFINITION_PATH)
        access.apply(wanted)
        definition = Definition.read(_parsed(await self._fetch(wanted)))
        definition.api_name = str(document.get("name") or definition.api_name)
        if definition.api_name in self.services:
            raise ControlError(f"a service {definition.api_name} is installed already; give another name")
        schema, chosen = self._instance.leads.schema, document.get("mappings") or {}
        made = Service(
            definition=definition,
            description=description,
            access=access,
            callback_base=str(document.get("callback_base") or own_url).rstrip("/"),
            type_id=self._instance.custom_types.install(
                definition.api_name, definition.type_content(), self._instance.now_text()
            ),
            # headers that the administrator fills in arrive in the payload, with the global parameters
            admin={**(document.get("globals") or {}), **(document.get("headers") or {})},
            outgoing=mapped(definition.invocation_fields, chosen.get("invocation"), schema, writable=False),
            incoming=mapped(definition.callback_fields, chosen.get("callback"), schema, writable=True),
        )
        self.services[made.name] = made
        await self.poll(made)
        return made

    async def poll(self, service: Service) -> None:
        """Do what the vendor does every night: read the status and the choices of the picklists."""
        service.status = _object(await self._try(service, service.request("GET", STATUS_PATH)))
        for name, level in (("info", "INFO"), ("warnings", "WARN"), ("errors", "ERROR")):
            for message in service.status.get(name) or []:
                service.note(level, "status", str(message))
        if not service.description.has_picklists:
            return
        context = {
            kind: [{"marketoAttribute": each.name, "serviceAttribute": name} for name, each in fields.items()]
            for kind, fields in (("invocation", service.outgoing), ("callback", service.incoming))
        }
        for kind, name in service.definition.picklists():
            body = {"name": name, "type": kind, "fieldMappingContext": context}
            answer = _object(await self._try(service, service.request("POST", PICKLIST_PATH, body)))
            choices = answer.get("choices")
            if not isinstance(choices, list) or len(choices) > MAX_CHOICES or not all(map(_is_choice, choices)):
                service.note("ERROR", "picklist", f"{name} needs up to {MAX_CHOICES} choices with en_US and a value")
                continue
            service.choices[name] = choices

    async def _try(self, service: Service, request: httpx.Request) -> bytes:
        try:
            return await self._fetch(request)
        except ControlError as error:
            service.note("ERROR", "unreachable", str(error))
            return b""

    async def _fetch(self, request: httpx.Request) -> bytes:
        try:
            async with self._client() as client, asyncio.timeout(self._control.limit("flow_step_seconds")):
                answer = await client.send(request)
        except (TimeoutError, httpx.HTTPError) as error:
            raise ControlError(f"{request.url.path} gave no answer: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise ControlError(f"{request.url.path} answered {answer.status_code}")
        return answer.content

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=self._control.limit("flow_step_seconds"), trust_env=False)

    def check_parameters(self, service: Service, parameters: Any) -> None:
        """Check what a campaign's flow step fills in.

        Raises:
            ControlError: a parameter that the service does not have, or a value that is none of its choices.
        """
        known = {str(each["apiName"]): each for each in service.definition.flow}
        if not isinstance(parameters, dict) or not parameters.keys() <= known.keys():
            raise ControlError(f"parameters are an object of {', '.join(known)}")
        for name, value in parameters.items():
            offered = [each["submittedValue"] for each in service.choices.get(name, [])]
            if known[name].get("hasPicklist") and known[name].get("enforcePicklistSelect") and value not in offered:
                raise ControlError(f"{name} has to be one of its choices")

    # invocation

    async def invoke(self, service: Service, invocation: Invocation) -> list[Record]:
        """Send people to a service in chunks, one after the other; gives one entry for each chunk."""
        sent: list[Record] = []
        async with self._client() as client:
            for lead_ids in batched(invocation.lead_ids, int(self._control.limit("flow_step_chunk")), strict=False):
                token = self._secret()
                parameters = {each: self._parameters(invocation, each) for each in lead_ids}
                chunk = Chunk(service, invocation.campaign, invocation.step, parameters)
                self._chunks[token] = chunk
                body = self._body(chunk, invocation, token)
                status, error = await self._submit(client, service, body)
                if error:
                    # nobody will call back for what was not taken
                    self._chunks.pop(token, None)
                    service.note("ERROR", error, f"the invocation of {len(lead_ids)} people failed")
                sent.append({"service": service.name, "people": len(lead_ids), "status": status, "error": error})
        return sent

    async def _submit(self, client: httpx.AsyncClient, service: Service, body: Record) -> tuple[int | None, str]:
        fault = self._control.pick("CALL", f"/services/{service.name}")
        if fault and fault.kind == "close":
            return None, "CONNECTION_FAILED"
        try:
            async with asyncio.timeout(self._control.limit("flow_step_seconds")):
                answer = await client.send(service.request("POST", service.description.submit_path, body))
        except (TimeoutError, httpx.TimeoutException):
            return None, "TIMEOUT"
        except httpx.HTTPError:
            return None, "CONNECTION_FAILED"
        if fault and fault.kind == "drop_answer":
            return None, "TIMEOUT"
        return answer.status_code, "" if answer.status_code == 201 else str(answer.status_code)

    def _parameters(self, invocation: Invocation, lead_id: int) -> Record:
        fields = self._instance.leads.schema.rest.values()
        names = {name for each in invocation.parameters.values() for name in tokens.names_in(str(each), fields)}
        values = invocation.values_of(lead_id, names)
        return {
            name: tokens.render(each, values, tokens.as_text) if isinstance(each, str) else each
            for name, each in invocation.parameters.items()
        }

    def _body(self, chunk: Chunk, invocation: Invocation, token: str) -> Record:
        service, campaign = chunk.service, chunk.campaign
        subscription: Record = {"munchkinId": self._instance.munchkin_id}
        if service.definition.asks("subscriptionContext"):
            native = "active" if self._control.switch("native_crm") else "none"
            subscription |= {"prefix": "simulator", "crmSyncStatus": native}
        context: Record = {"subscription": subscription, "admin": service.admin}
        if service.definition.asks("campaignContext"):
            context["campaign"] = _campaign(campaign)
        if service.definition.asks("programContext") and campaign.program_id is not None:
            program = self._instance.memberships.program_of(campaign.program_id)
            shown = program.shown()
            context["program"] = {"channelName": program.channel} | {
                name: shown[name] for name in ("id", "name", "type", "createdAt", "updatedAt")
            }
        return {
            "token": token,
            "batchid": invocation.run,
            "apiCallBackKey": self._key,
            "campaignId": campaign.id,
            "callbackUrl": urljoin(service.callback_base + "/", CALLBACK_PATH),
            "context": context,
            "objectData": [self._person(chunk, invocation, each) for each in chunk.leads],
        }

    def _person(self, chunk: Chunk, invocation: Invocation, lead_id: int) -> Record:
        service, definition = chunk.service, chunk.service.definition
        fields = self._instance.leads.read(lead_id, [each.name for each in service.outgoing.values()])
        person: Record = {
            "objectType": "lead",
            "objectContext": {"id": lead_id} | {name: fields[each.name] for name, each in service.outgoing.items()},
            "flowStepContext": chunk.leads[lead_id],
        }
        if definition.asks("triggerContext"):
            person["triggeringContext"] = {
                "name": invocation.trigger.get("Name", ""),
                "triggerName": invocation.trigger.get("Trigger Name", ""),
            }
        if definition.asks("programMemberContext"):
            person["programMemberContext"] = self._membership(chunk.campaign, lead_id)
        if definition.my_tokens:
            values = invocation.values_of(lead_id, {f"my.{name.lower()}" for name in definition.my_tokens})
            person["myTokenContext"] = {name: values.get(f"my.{name.lower()}") for name in definition.my_tokens}
        return person

    def _membership(self, campaign: Campaign, lead_id: int) -> Record:
        if campaign.program_id is None:
            return {}
        member = self._instance.memberships.program_of(campaign.program_id).members.get(lead_id)
        if member is None:
            return {}
        return {
            "id": lead_id,
            "status": member.status,
            "membershipDate": member.membership_date,
            "reachedSuccess": member.reached_success,
            "pmcf": member.data,
        }

    # callback

    async def callback(self, request: Request) -> Response:
        """Take the results of one chunk, once."""
        call = call_of(request)
        if request.headers.get("x-api-key") != self._key:
            return JSONResponse({"error": "the key is not that of this instance"}, status_code=403)
        token = request.headers.get("x-callback-token", "")
        chunk = self._chunks.get(token)
        if chunk is None:
            return JSONResponse({"error": "the token is unknown or was used"}, status_code=404)
        try:
            body = json.loads(call.body)
            findings = list(_callback_findings(body, self._instance.munchkin_id))
        except (ValueError, RecursionError):
            findings = ["not JSON"]
        if findings:
            return JSONResponse({"error": "; ".join(findings)}, status_code=405)
        del self._chunks[token]
        self._control.commit(call, lambda: self._take(chunk, body))
        call.record_keys += [str(lead_id) for lead_id in chunk.leads]
        return JSONResponse({})

    def _take(self, chunk: Chunk, body: Record) -> None:
        service = chunk.service
        if body.get("errorCode"):
            service.note("ERROR", str(body["errorCode"]), str(body.get("errorMessage") or ""))
            return
        defaults = body.get("defaultValues") or {}
        lead_defaults, activity_defaults = (defaults.get(name) or {} for name in ("leadDefaults", "activityDefaults"))
        told: set[int] = set()
        for row in body.get("objectData") or []:
            lead_id = row["leadData"]["id"]
            if lead_id not in chunk.leads or lead_id in told or lead_id not in self._instance.leads:
                service.note("ERROR", "UNKNOWN_PERSON", f"{lead_id} was not asked about")
                continue
            told.add(lead_id)
            self._write_lead(chunk, lead_id, lead_defaults | row["leadData"])
            self._log(chunk, lead_id, activity_defaults | (row.get("activityData") or {}))
        if missing := len(chunk.leads.keys() - told):
            service.note("ERROR", "NO_RESULT", f"{missing} people were not told about")

    def _write_lead(self, chunk: Chunk, lead_id: int, given: Record) -> None:
        service, stored = chunk.service, self._instance.leads.get(lead_id) or {}
        values: Record = {}
        for name, value in given.items():
            target = service.incoming.get(name)
            if name == "id":
                continue
            if target is None:
                service.note("WARN", "NOT_MAPPED", f"{name} is not a mapped field")
                continue
            try:
                values |= _taken(target, value, stored.get(target.name))
            except RowError as error:
                service.note("ERROR", "INVALID_VALUE", error.message)
        source = f"{service.name} ({service.type_id})"
        reason = f"Smart Campaign: {chunk.campaign.id}, Step Seq ID: {chunk.step}"
        effects.write_lead(self._instance, lead_id, values, source=source, reason=reason, campaign_id=chunk.campaign.id)

    def _log(self, chunk: Chunk, lead_id: int, given: Record) -> None:
        service, definition = chunk.service, chunk.service.definition
        content = definition.type_content()
        known = {str(each["apiName"]) for each in definition.answers} | set(RESERVED)
        for name in sorted(given.keys() - known):
            service.note("WARN", "NOT_DECLARED", f"{name} is not an attribute of the callback")
        if given.get("success") is False:
            service.note("ERROR", str(given.get("errorCode") or "UNSPECIFIED"), str(given.get("reason") or ""))
        said = chunk.leads[lead_id] | {name: value for name, value in given.items() if name in known}
        attributes = [
            {"name": each["name"], "apiName": each["apiName"], "value": said.get(each["apiName"])}
            for each in content["attributes"]
        ]
        primary = (None, tokens.as_text(said.get(definition.primary)))
        effects.log(self._instance, service.type_id, lead_id, primary, attributes, campaign_id=chunk.campaign.id)

    def document(self) -> Record:
        """Give the services and how many people of how many chunks still wait."""
        waiting = [{"service": each.service.name, "people": list(each.leads)} for each in self._chunks.values()]
        return {"services": [each.document() for each in self.services.values()], "waiting": waiting}


def _parsed(content: bytes) -> Any:
    try:
        # JSON is YAML, too
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ControlError("the answer of the service is neither JSON nor YAML") from error


def _object(content: bytes) -> Record:
    try:
        document = json.loads(content or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _is_choice(choice: Any) -> bool:
    if not isinstance(choice, dict) or "submittedValue" not in choice:
        return False
    return isinstance(choice.get("displayValue"), dict) and "en_US" in choice["displayValue"]


def _campaign(campaign: Campaign) -> Record:
    shown: Record = {
        "id": campaign.id,
        "name": campaign.name,
        "type": campaign.type,
        "status": "active" if campaign.active else "inactive",
        "flowId": campaign.id,
        "smartListId": campaign.id,
        "workspaceName": "Default",
    }
    return shown | ({} if campaign.program_id is None else {"parentProgramId": campaign.program_id})


def _callback_findings(body: Any, munchkin_id: str) -> Iterator[str]:
    """Give what a callback's body does wrong, before any of it is taken."""
    if not isinstance(body, dict):
        yield "not an object"
        return
    if body.get("munchkinId") != munchkin_id:
        yield "munchkinId is missing or another instance's"
    for name in ("errorCode", "errorMessage"):
        if not isinstance(body.get(name, ""), str):
            yield f"{name} is not a text"
    defaults = body.get("defaultValues", {})
    if not isinstance(defaults, dict) or not all(isinstance(each, dict) for each in defaults.values()):
        yield "defaultValues are objects of names and values"
    rows = body.get("objectData", [])
    if not isinstance(rows, list):
        yield "objectData is not an array"
        return
    for index, row in enumerate(rows):
        yield from (f"objectData {index}: {finding}" for finding in _row_findings(row))


def _row_findings(row: Any) -> Iterator[str]:
    lead = row.get("leadData") if isinstance(row, dict) else None
    if not isinstance(lead, dict) or not isinstance(lead.get("id"), int) or isinstance(lead["id"], bool):
        yield "leadData with the id of a person is missing"
        return
    activity = row.get("activityData", {})
    if not isinstance(activity, dict):
        yield "activityData is not an object"
    elif not isinstance(activity.get("success", True), bool):
        yield "success is not true or false"


def _taken(target: LeadField, value: Any, present: Any) -> Record:
    """Give what a value of a callback writes: null leaves a field alone (a boolean becomes false), "null" empties it.

    Raises:
        RowError: the value does not fit the field.
    """
    if value is None:
        return {target.name: False} if target.data_type == "boolean" else {}
    if value == "null":
        return {target.name: read_value(target.name, target.data_type, None)}
    if target.data_type == "score" and isinstance(value, str) and _RELATIVE.fullmatch(value):
        value = (present or 0) + int(value)
    if isinstance(value, str) and target.length:
        value = value[: target.length]
    try:
        return {target.name: read_value(target.name, target.data_type, value)}
    except MarketoError as error:
        raise RowError(error.code, error.message) from error
