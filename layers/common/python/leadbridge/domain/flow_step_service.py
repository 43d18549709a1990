"""How Leadbridge presents itself to Marketo as a flow-step service: install document, definition, picklists, icon.

Source: the vendor's service provider interface (schema of the OpenAPI document and of the service definition).
Read from Action documents as they are stored, without the models: the receive path has the standard library only.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from leadbridge.domain.flow_step import ACTION_PARAMETER, FLOW_PARAMETERS, fitting

KEY_HEADER = "X-Leadbridge-Key"
#: version of the interface that the install document follows
SCHEMA_VERSION = "0.3.0"
#: choices of a picklist that Marketo takes
CHOICES = 1_000
#: attributes that every flow-step activity has by itself
RESERVED = ("success", "reason", "errorCode")
#: attributes that we add to them
ANSWERS = {"outcome": "Outcome", "executionId": "Execution Id", "salesforceId": "Salesforce Id"}
_PARAMETERS = {
    ACTION_PARAMETER: ("Action", "The Leadbridge Action that runs for the person."),
    "list": ("List", "A list kept in Leadbridge, for Actions that read the column token.flow.list."),
    "program": ("Program", "A program that an Action names, for Actions that read the column token.flow.program."),
}
_STRINGS = {
    "name": "Leadbridge",
    "triggerName": "Ran Leadbridge Action",
    "filterName": "Leadbridge Action was Run",
    "description": "Runs a Leadbridge Action for the person and brings the result back.",
}
#: groups of columns that are no lead fields
_GROUPS = ("campaign", "program", "token", "activity")
#: members whose value names a column, or several: those of Actions whose destination is Marketo have names of their own
_COLUMN = frozenset({"column", "lead_id", "winner"})
_COLUMNS = frozenset({"columns", "losers"})
#: kinds of tokens that are no My Tokens
_OTHER_TOKENS = frozenset({"trigger", "system", "member", "lead", "company", "flow"})
_TEMPLATE_COLUMN = re.compile(r"\{\{([^{}]+)\}\}")
#: types of standard lead fields that are no texts; a field that is not here is offered as a text, which any may be
_TYPES = {
    "email": "email",
    "website": "url",
    "leadScore": "score",
    "personScore": "score",
    "numberOfEmployees": "integer",
    "annualRevenue": "float",
    "dateOfBirth": "date",
    "createdAt": "datetime",
    "updatedAt": "datetime",
    "unsubscribed": "boolean",
    "emailInvalid": "boolean",
    "doNotCall": "boolean",
    "marketingSuspended": "boolean",
    "blackListed": "boolean",
}

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<rect width="32" height="32" rx="6" fill="#1b4b72"/>'
    '<path d="M4 21h24M8 21c0-9 16-9 16 0M16 14v7" fill="none" stroke="#fff" stroke-width="2.5"/></svg>'
)
INSTRUCTIONS = (
    "<p>Leadbridge asks for one key. An administrator prints it with "
    "<code>leadbridge keys show flow-step/CONNECTION</code>. Map the fields that your Actions read, and those that "
    "they write back; then choose the Action in the flow step.</p>"
)


class MappingMode(StrEnum):
    """Who says which fields travel."""

    FIELDS = "fields"  # the service offers those that the active Actions read and write
    FREE = "free"  # an administrator adds whatever is wanted


def key_subject(connection: str) -> str:
    """What the key of a connection's flow-step service is derived for; no Action can have this id."""
    return f"flow-step/{connection}"


def install_url(api_url: str, connection: str, mode: MappingMode = MappingMode.FIELDS) -> str:
    """The address that is pasted into Marketo to install the service."""
    return f"{api_url}/flow-step/{connection}/{mode.value}/openapi.json"


# -- what Actions need


def columns_of(document: Any) -> Iterator[str]:
    """Every column that a stored Action reads, as often as it does."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name in _COLUMN and isinstance(value, str):
                yield value
            elif name in _COLUMNS and isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
            elif name == "template" and isinstance(value, str):
                yield from (each.strip() for each in _TEMPLATE_COLUMN.findall(value))
            else:
                yield from columns_of(value)
    elif isinstance(document, list):
        for each in document:
            yield from columns_of(each)


def _targets(document: Mapping[str, Any], *path: str) -> Iterator[str]:
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    for each in found if isinstance(found, list) else ():
        if isinstance(each, Mapping) and isinstance(each.get("to"), str):
            yield each["to"]


def _programs(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name == "program" and isinstance(value, str):
                yield value
            else:
                yield from _programs(value)
    elif isinstance(document, list):
        for each in document:
            yield from _programs(each)


def _lead_field(column: str) -> bool:
    group, dot, _ = column.partition(".")
    return column != "id" and not (group in _GROUPS and (dot or group == "program"))


def _my_token(column: str) -> str:
    """The name of the My Token behind a column, empty if it is none."""
    group, _, name = column.partition(".")
    kind, dot, rest = name.partition(".")
    if group != "token" or not name or kind in _OTHER_TOKENS:
        return ""
    return rest if kind == "my" and dot else name


# -- the definition


def definition(actions: Sequence[Mapping[str, Any]], mode: MappingMode) -> dict[str, Any]:
    """The service definition for the active Actions of a connection.

    A flow step keeps what was read when it was installed: a field that a later Action reads is there after the service
    was refreshed in Marketo, or at once in free mode, where an administrator adds it.
    """
    free = mode is MappingMode.FREE
    read = sorted({column for each in actions for column in columns_of(each)})
    written = sorted({name for each in actions for name in _targets(each, "writeback")})
    return {
        "apiName": "leadbridge",
        "i18n": {"en_US": dict(_STRINGS)},
        "primaryAttribute": ACTION_PARAMETER,
        "invocationPayloadDef": {
            "globalAttributes": [],
            "flowAttributes": [
                _attribute(name, *_PARAMETERS[name], hasPicklist=True, enforcePicklistSelect=name == ACTION_PARAMETER)
                for name in (ACTION_PARAMETER, *FLOW_PARAMETERS)
            ],
            "headers": [],
            "fields": [] if free else [_field(name, "is read") for name in read if _lead_field(name)],
            "userDrivenMapping": free,
            "programContext": True,
            "campaignContext": True,
            "triggerContext": True,
            "programMemberContext": True,
            "subscriptionContext": True,
            "myTokenContext": sorted({token for column in read if (token := _my_token(column))}),
        },
        "callbackPayloadDef": {
            "attributes": [_attribute(name, label) for name, label in answer_attributes(actions).items()],
            "fields": [] if free else [_field(name, "is written") for name in written if name != "id"],
            "userDrivenMapping": free,
        },
    }


def answer_attributes(actions: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """API name and label of what the activity holds: ours, and those that the Actions map for their result activity.

    A name that is taken by a flow parameter, or by Marketo, cannot be an attribute too and is left out.
    """
    taken = {*RESERVED, ACTION_PARAMETER, *FLOW_PARAMETERS}
    mapped = sorted({name for each in actions for name in _targets(each, "results", "mappings")} - taken)
    return ANSWERS | {name: name for name in mapped if name not in ANSWERS}


def _attribute(name: str, label: str, description: str = "", **more: Any) -> dict[str, Any]:
    strings = {"name": label} | ({"description": description, "uiTooltip": description} if description else {})
    return {"apiName": name, "i18n": {"en_US": strings}, "dataType": "string", **more}


def _field(name: str, what: str) -> dict[str, Any]:
    return {
        "serviceAttribute": name,
        "suggestedMarketoAttribute": name,
        "description": {"en_US": f"The lead field {name}, which {what} by Leadbridge Actions."},
        "dataType": _TYPES.get(name, "string"),
    }


# -- picklists and status


def choices(
    name: str, *, actions: Sequence[Mapping[str, Any]], lists: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """The choices of a flow parameter, by name; None if there is no such parameter.

    Args:
        name: Of the parameter.
        actions: The active Actions of the connection, as stored.
        lists: The list documents, as stored.
    """
    if name == ACTION_PARAMETER:
        found = [(str(each["name"]), str(each["id"])) for each in actions]
    elif name == "list":
        found = [(str(each["name"]), str(each["id"])) for each in lists]
    elif name == "program":
        found = [(each, each) for each in {program for document in actions for program in _programs(document)}]
    else:
        return None
    return [
        {"displayValue": {"en_US": fitting(label)}, "submittedValue": value} for label, value in sorted(found)[:CHOICES]
    ]


def status(actions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What Marketo's service log is told every night, given the active Actions of the connection."""
    warnings = [] if actions else ["No Action of this connection is active: every person is answered as not run."]
    return {"info": [f"{len(actions)} Actions are active."], "warnings": warnings, "errors": []}


# -- the install document


def openapi(server_url: str) -> dict[str, Any]:
    """The OpenAPI document from which Marketo installs the service.

    Args:
        server_url: Where the paths below begin; may be relative to the document.
    """
    return {
        "openapi": "3.0.1",
        "info": {
            "title": "Leadbridge",
            "description": "Runs Leadbridge Actions as a flow step of smart campaigns.",
            "version": "1",
            "x-providerName": "Leadbridge",
            "x-schemaVersion": SCHEMA_VERSION,
            # the schema takes a text where its description shows an object
            "x-supportContact": f"{server_url}/providerInstructions",
        },
        "servers": [{"url": server_url}],
        "security": [{"apiKey": []}],
        "paths": {
            "/submitAsyncAction": {"post": _submission()},
            "/getServiceDefinition": {"get": _answer("The service definition.", "serviceDefinition")},
            "/status": {"get": _answer("The status of the service.", "serviceStatus")},
            "/getPicklist": {
                "post": {"requestBody": _body("getPicklistRequest"), **_answer("Choices.", "picklistObject")}
            },
            "/brandIcon": {"get": _content("An image.", "image/*")},
            "/serviceIcon": {"get": _content("An image.", "image/*")},
            "/providerInstructions": {"get": _content("How to set the service up.", "text/html")},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": KEY_HEADER}},
        },
    }


def _submission() -> dict[str, Any]:
    token, key = (
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}}
        for name in ("x-callback-token", "x-api-key")
    )
    back = {
        "parameters": [key, token],
        "requestBody": _body("flowCallBack"),
        "responses": {"404": {"description": "Unknown token."}, "405": {"description": "Invalid body."}},
    }
    answers = {
        "201": "Taken and stored; one callback follows.",
        "400": "The chunk cannot be read; the answer says why.",
        "401": "The key is missing or wrong.",
        "403": "The chunk is of another Marketo instance.",
        "429": "Too many calls.",
        "500": "Nothing was stored.",
    }
    return {
        "operationId": "submitAsyncAction",
        "requestBody": _body("async"),
        "callbacks": {"selfServiceFlowComplete": {"{$request.body#/flowComplete}": {"post": back}}},
        "responses": {code: {"description": text} for code, text in answers.items()},
    }


def _body(schema: str) -> dict[str, Any]:
    return {"required": True, "content": _json(schema)}


def _answer(text: str, schema: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": text, "content": _json(schema)}}}


def _json(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _content(text: str, kind: str) -> dict[str, Any]:
    return {"responses": {"200": {"description": text, "content": {kind: {"schema": {"type": "string"}}}}}}


def _schemas() -> dict[str, Any]:
    text, flag = {"type": "string"}, {"type": "boolean"}
    anything: dict[str, Any] = {"type": "object", "additionalProperties": True}
    lead = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "format": "int64"}}}
    person = {
        "type": "object",
        "required": ["objectType", "objectContext"],
        "properties": {
            "objectType": {"type": "string", "enum": ["lead"]},
            "objectContext": lead,
            "flowStepContext": anything,
            "programMemberContext": anything,
            "triggeringContext": anything,
            "myTokenContext": anything,
        },
    }
    told = {
        "type": "object",
        "required": ["leadData"],
        "properties": {
            "leadData": lead,
            "activityData": {"type": "object", "properties": {"success": flag, "reason": text, "errorCode": text}},
        },
    }
    strings = {"type": "object", "required": ["en_US"], "properties": {"en_US": text}}
    choice = {
        "type": "object",
        "required": ["displayValue", "submittedValue"],
        "properties": {"displayValue": strings, "submittedValue": text},
    }
    return {
        "async": {
            "type": "object",
            "required": ["token", "apiCallBackKey", "callbackUrl", "campaignId", "context", "objectData"],
            "properties": {
                "token": text,
                "batchid": text,
                "apiCallBackKey": text,
                "callbackUrl": {"type": "string", "format": "uri"},
                "campaignId": {"type": "integer", "format": "int32"},
                "context": anything,
                "objectData": {"type": "array", "items": person},
            },
        },
        "flowCallBack": {
            "type": "object",
            "required": ["munchkinId"],
            "properties": {"munchkinId": text, "objectData": {"type": "array", "items": told}},
        },
        "serviceDefinition": {
            "type": "object",
            "required": ["apiName", "i18n", "primaryAttribute", "invocationPayloadDef", "callbackPayloadDef"],
            "properties": {
                "apiName": text,
                "i18n": anything,
                "primaryAttribute": text,
                "invocationPayloadDef": anything,
                "callbackPayloadDef": anything,
            },
        },
        "serviceStatus": {
            "type": "object",
            "properties": {name: {"type": "array", "items": text} for name in ("info", "warnings", "errors")},
        },
        "picklistObject": {
            "type": "object",
            "required": ["choices"],
            "properties": {"choices": {"type": "array", "items": choice}},
        },
        "getPicklistRequest": {
            "type": "object",
            "required": ["name", "type"],
            "properties": {
                "name": text,
                "type": {"type": "string", "enum": ["flow", "global", "header"]},
                "fieldMappingContext": anything,
            },
        },
    }
