"""Which description the messages are judged by: Adobe's files where their folder is named, else a small one of ours.

Adobe's files are public, but not ours to pass on. `MARKETO_OPENAPI_DIR` names a folder with those of `FILES`.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from leadbridge.vendors.marketo import endpoints
from tests.contract.openapi.description import OPEN, Description, Operation, operations_of

FOLDER_VARIABLE = "MARKETO_OPENAPI_DIR"
FILES = ("swagger-mapi.json", "swagger-asset.json", "swagger-identity.json")
OWN = "our own schema"
NO_SUCH_CALL = {"605", "610"}
FLOW_STEP_FILE = "flow-step-service.yaml"

_TEXT = {"type": "string"}
_CODED = {"type": "object", "required": ["code", "message"], "properties": {"code": _TEXT, "message": _TEXT}}
#: what every answer in JSON looks like, whoever describes it
ENVELOPE = {
    "type": "object",
    "required": ["requestId", "success"],
    "additionalProperties": False,
    "properties": {
        "requestId": {"type": "string", "pattern": "^[0-9a-f]+#[0-9a-f]+$"},
        "success": {"type": "boolean"},
        "nextPageToken": {"type": "string", "minLength": 1},
        "moreResult": {"type": "boolean"},
        "errors": {"type": "array", "items": _CODED},
        "warnings": {"type": "array", "items": _TEXT},
        "result": {"type": "array", "items": {"type": ["object", "string"]}},
    },
}
_TOKEN = {"type": "object", "required": ["access_token", "expires_in", "scope", "token_type"]}
_BODY = {"in": "body", "name": "body", "required": True, "schema": {"type": "object"}}
IDENTITY = "/identity/oauth/token"


def adobes_folder() -> Path | None:
    """The folder of Adobe's files, if one is named."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


@cache
def documents() -> Mapping[str, Mapping[str, Any]]:
    """The documents of this run by file name, in Swagger 2.0.

    Raises:
        FileNotFoundError: A folder is named that does not hold the files.
    """
    folder = adobes_folder()
    if folder is None:
        return {OWN: _ours(endpoints.every())}
    return {name: json.loads((folder / name).read_text("utf-8")) for name in FILES}


@cache
def chosen() -> Description:
    """What the messages of this run are judged by."""
    folder = adobes_folder()
    source = f"Adobe's OpenAPI files in {folder}" if folder else f"our own schema only: {FOLDER_VARIABLE} is not set"
    return Description(source, tuple(each for file, text in documents().items() for each in operations_of(file, text)))


def operation_of(endpoint: endpoints.Endpoint) -> Operation | None:
    """What the description calls an endpoint of the client."""
    return chosen().find(endpoint.method, re.sub(r"\{\w+\}", "7", endpoint.path))


@cache
def used() -> frozenset[Operation]:
    """The operations that the client uses, logins included."""
    declared = {operation for each in endpoints.every() if (operation := operation_of(each))}
    return frozenset(declared | {each for each in chosen().operations if each.path == IDENTITY})


def is_simulated(http: httpx.Client, operation: Operation) -> bool:
    """Whether the twin knows the address and its method: otherwise it says 610 or 605."""
    answer = http.request(operation.method, re.sub(r"\{\w+\}", "7", operation.path))
    if "json" not in answer.headers["content-type"]:
        return True
    return not NO_SUCH_CALL & {str(each["code"]) for each in answer.json().get("errors", ())}


def _ours(calls: Iterable[endpoints.Endpoint]) -> Mapping[str, Any]:
    """What the client calls, with the envelope that every answer has; what a request holds is left open."""
    paths: dict[str, dict[str, Any]] = {}
    for each in calls:
        if each.path.endswith(("/file.json", "/failures.json", "/warnings.json")):
            answers: dict[str, Any] = {status: {} for status in ("200", "206", "404")}
        else:
            answers = {"200": {"schema": ENVELOPE}}
        body = [_BODY] if each.method == "POST" and not each.is_form else []
        operation = {"operationId": each.operation, "parameters": body, "responses": answers, OPEN: True}
        paths.setdefault(each.path, {})[each.method.lower()] = operation
    login = {"operationId": "token", "responses": {"200": {"schema": _TOKEN}, "401": {}}, OPEN: True}
    paths[IDENTITY] = {"get": login, "post": login}
    return {
        "swagger": "2.0",
        "info": {"title": "Marketo", "version": "1"},
        "consumes": ["application/json"],
        "paths": paths,
    }
