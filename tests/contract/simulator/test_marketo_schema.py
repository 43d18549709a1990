"""The twin's answers against a schema: Adobe's own OpenAPI where its folder is given, else a small one of ours.

`MARKETO_OPENAPI_DIR` names a folder with `swagger-mapi.json`. Where the specification and live answers are known to
differ, the specification is relaxed below, each point with its reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # the library ships no types
import pytest

FOLDER_VARIABLE = "MARKETO_OPENAPI_DIR"
RESULT_TYPE_ID = 100_001

# method, path of the specification, path to call, parameters, JSON body
ENDPOINTS: list[tuple[str, str, str, dict[str, Any], Any]] = [
    ("get", "/rest/v1/leads/describe.json", "", {}, None),
    ("get", "/rest/v1/leads/describe2.json", "", {}, None),
    ("get", "/rest/v1/lead/{leadId}.json", "/rest/v1/lead/{lead}.json", {}, None),
    ("get", "/rest/v1/leads.json", "", {"filterType": "id", "filterValues": "{lead}"}, None),
    ("post", "/rest/v1/leads.json", "", {}, {"input": [{"email": "b@example.com"}, {"email": "bad"}]}),
    ("get", "/rest/v1/activities/types.json", "", {}, None),
    ("get", "/rest/v1/activities/pagingtoken.json", "", {"sinceDatetime": "2020-01-01T00:00:00Z"}, None),
    ("get", "/rest/v1/activities.json", "", {"nextPageToken": "{token}", "activityTypeIds": "12,24"}, None),
    (
        "post",
        "/rest/v1/activities/external.json",
        "",
        {},
        {
            "input": [
                {
                    "leadId": 0,
                    "activityDate": "2026-01-02T03:04:05Z",
                    "activityTypeId": RESULT_TYPE_ID,
                    "primaryAttributeValue": "x",
                    "attributes": [],
                }
            ]
        },
    ),
    ("get", "/rest/v1/activities/external/types.json", "", {}, None),
    (
        "get",
        "/rest/v1/activities/external/type/{apiName}/describe.json",
        "/rest/v1/activities/external/type/leadbridgeResult/describe.json",
        {},
        None,
    ),
    (
        "post",
        "/rest/v1/activities/external/type.json",
        "",
        {},
        {
            "apiName": "visit",
            "name": "Visit",
            "triggerName": "Visits",
            "filterName": "Visited",
            "primaryAttribute": {"apiName": "place", "name": "Place"},
        },
    ),
    (
        "post",
        "/rest/v1/activities/external/type/{apiName}/attributes/create.json",
        "/rest/v1/activities/external/type/visit/attributes/create.json",
        {},
        {"attributes": [{"apiName": "stand", "name": "Stand"}]},
    ),
    (
        "post",
        "/rest/v1/activities/external/type/{apiName}/approve.json",
        "/rest/v1/activities/external/type/visit/approve.json",
        {},
        None,
    ),
    (
        "post",
        "/rest/v1/activities/external/type/{apiName}/attributes/create.json",
        "/rest/v1/activities/external/type/visit/attributes/create.json",
        {},
        {"attributes": [{"apiName": "hall", "name": "Hall"}]},
    ),
    (
        "post",
        "/rest/v1/activities/external/type/{apiName}/discardDraft.json",
        "/rest/v1/activities/external/type/visit/discardDraft.json",
        {},
        None,
    ),
    ("get", "/rest/v1/lists.json", "", {}, None),
    ("get", "/rest/v1/lists/{listId}.json", "/rest/v1/lists/{list}.json", {}, None),
    ("post", "/rest/v1/lists/{listId}/leads.json", "/rest/v1/lists/{list}/leads.json", {"id": "{lead}"}, None),
    ("get", "/rest/v1/lists/{listId}/leads.json", "/rest/v1/lists/{list}/leads.json", {}, None),
    (
        "get",
        "/rest/v1/lists/{listId}/leads/ismember.json",
        "/rest/v1/lists/{list}/leads/ismember.json",
        {"id": "{lead}"},
        None,
    ),
    ("delete", "/rest/v1/lists/{listId}/leads.json", "/rest/v1/lists/{list}/leads.json", {"id": "{lead}"}, None),
    (
        "post",
        "/rest/v1/programs/{programId}/members/status.json",
        "/rest/v1/programs/{program}/members/status.json",
        {},
        {"statusName": "Invited", "input": [{"leadId": 0}]},
    ),
    (
        "get",
        "/rest/v1/programs/{programId}/members.json",
        "/rest/v1/programs/{program}/members.json",
        {"filterType": "statusName", "filterValues": "Invited"},
        None,
    ),
    (
        "post",
        "/rest/v1/programs/{programId}/members/delete.json",
        "/rest/v1/programs/{program}/members/delete.json",
        {},
        {"input": [{"leadId": 0}]},
    ),
    ("get", "/rest/v1/stats/usage.json", "", {}, None),
    ("get", "/rest/v1/stats/usage/last7days.json", "", {}, None),
    ("get", "/rest/v1/stats/errors.json", "", {}, None),
    ("get", "/rest/v1/stats/errors/last7days.json", "", {}, None),
]

CODED = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
OWN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["requestId", "success"],
    "additionalProperties": False,
    "properties": {
        "requestId": {"type": "string", "pattern": "^[0-9a-f]+#[0-9a-f]+$"},
        "success": {"type": "boolean"},
        "nextPageToken": {"type": "string", "minLength": 1},
        "moreResult": {"type": "boolean"},
        "errors": {"type": "array", "minItems": 1, "items": CODED},
        "result": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "seq": {"type": "integer", "minimum": 0},
                    "leadId": {"type": "integer"},
                    "marketoGUID": {"type": "string"},
                    "status": {"type": "string"},
                    "reasons": {"type": "array", "minItems": 1, "items": CODED},
                    "errors": {"type": "array"},
                },
            },
        },
    },
}


def filled(value: Any, names: dict[str, Any]) -> Any:
    """Put ids into the placeholders of a path, of parameters or of a body (where 0 stands for the lead)."""
    if isinstance(value, str):
        for name, content in names.items():
            value = value.replace(f"{{{name}}}", str(content))
        return value
    if isinstance(value, dict):
        return {
            key: names["lead"] if key == "leadId" and content == 0 else filled(content, names)
            for key, content in value.items()
        }
    return [filled(each, names) for each in value] if isinstance(value, list) else value


def answers(client: httpx.Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Call every endpoint; gives the method, the specification's path and the envelope."""
    document = {"leads": [{"email": "a@example.com"}], "staticLists": [{"name": "L"}], "programs": [{"name": "P"}]}
    loaded = client.post("/_sim/load", json=document).json()
    token = client.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "2020-01-01T00:00:00Z"}).json()[
        "nextPageToken"
    ]
    names = {
        "lead": loaded["leads"][0],
        "list": loaded["staticLists"][0],
        "program": loaded["programs"][0],
        "token": token,
    }
    for method, specified, path, parameters, body in ENDPOINTS:
        answer = client.request(
            method.upper(),
            filled(path or specified, names),
            params=filled(parameters, names),
            json=filled(body, names) if body is not None else None,
        )
        assert answer.status_code == 200
        yield method, specified, answer.json()


def relaxed(specification: dict[str, Any]) -> dict[str, Any]:
    """Take back what the specification demands and live answers are known not to keep."""
    definitions = deepcopy(specification["definitions"])
    for name, definition in definitions.items():
        if name.startswith("ResponseOf"):
            # live answers leave empty errors and warnings out (observed)
            definition["required"] = [each for each in definition["required"] if each not in {"errors", "warnings"}]
    # one definition serves request and answer; an answer carries id, marketoGUID and status only
    definitions["CustomActivity"]["required"] = []
    # an attribute's value is declared an object; every sample shows a plain value
    definitions["Attribute"]["properties"]["value"] = {}
    # New Lead has no primary attribute
    definitions["ActivityType"]["required"].remove("primaryAttribute")
    # a first status is answered as created
    definitions["ProgramMemberStatusResponse"]["properties"]["status"]["enum"].append("created")
    return dict(definitions)


def test_every_answer_conforms_to_the_schema(marketo: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    """Each endpoint's answer validates: against Adobe's response schemas, or against ours, and says which."""
    folder = os.environ.get(FOLDER_VARIABLE)
    specification = json.loads((Path(folder) / "swagger-mapi.json").read_text()) if folder else None
    definitions = relaxed(specification) if specification else {}
    own = jsonschema.Draft7Validator(OWN_SCHEMA)
    checked = 0

    for method, path, envelope in answers(marketo):
        assert envelope["success"] is True, (method, path, envelope)
        own.validate(envelope)
        if specification:
            schema = specification["paths"][path][method]["responses"]["200"]["schema"]
            # Swagger 2.0 describes schemas in the words of draft 4
            jsonschema.Draft4Validator({**schema, "definitions": definitions}).validate(envelope)
        checked += 1

    assert checked == len(ENDPOINTS)
    against = f"the OpenAPI in {folder}" if folder else f"our own schema ({FOLDER_VARIABLE} is not set)"
    with capsys.disabled():
        print(f"\nMarketo twin: {checked} answers checked against {against}")


@pytest.mark.parametrize(("method", "path"), sorted({(row[0], row[2] or row[1]) for row in ENDPOINTS}))
def test_every_endpoint_refuses_a_call_without_token(marketo_anonymous: httpx.Client, method: str, path: str) -> None:
    """603 before anything else."""
    names = {"lead": 1, "list": 1, "program": 1}

    envelope = marketo_anonymous.request(method.upper(), filled(path, names)).json()

    assert envelope["errors"] == [{"code": "603", "message": "Access denied"}]
    jsonschema.Draft7Validator(OWN_SCHEMA).validate(envelope)
