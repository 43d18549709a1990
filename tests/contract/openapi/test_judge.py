"""The judge itself: a message that departs from a description is found out, one that does not passes."""

import json
from typing import Any

import httpx
import pytest

from tests.contract.openapi.description import Departure, Description, operations_of
from tests.contract.openapi.known import unexplained
from tests.contract.openapi.traffic import FORM, Exchange

JSON = "application/json"
DOCUMENT: dict[str, Any] = {
    "definitions": {
        "Lead": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "format": "int32"}}},
        "Answer": {
            "type": "object",
            "required": ["success"],
            "properties": {
                "success": {"type": "boolean"},
                "at": {"type": "string", "format": "date-time"},
                "result": {"type": "array", "items": {"$ref": "#/definitions/Lead"}},
            },
        },
        "Token": {
            "type": "object",
            "required": ["folder"],
            "properties": {
                "folder": {"$ref": "#/definitions/Lead"},
                "tags": {"type": "array"},
                "n": {"type": "integer"},
            },
        },
    },
    "paths": {
        "/leads/{leadId}.json": {
            "get": {
                "operationId": "read",
                "produces": [JSON],
                "parameters": [
                    {"in": "path", "name": "leadId", "type": "integer", "required": True},
                    {"in": "query", "name": "fields", "type": "array", "required": True, "items": {"enum": ["a", "b"]}},
                    {"in": "query", "name": "deep", "type": "boolean"},
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Answer"}}},
            },
            "post": {
                "operationId": "write",
                "consumes": [JSON],
                "produces": [JSON],
                "parameters": [
                    {"in": "path", "name": "leadId", "type": "integer", "required": True},
                    {"in": "body", "name": "b", "required": True, "schema": {"$ref": "#/definitions/Lead"}},
                ],
                "responses": {"200": {"schema": {"$ref": "#/definitions/Answer"}}},
            },
        },
        "/leads/describe.json": {"get": {"operationId": "describe", "responses": {"200": {}}}},
        "/tokens.json": {
            "post": {
                "operationId": "token",
                "consumes": [FORM],
                "parameters": [{"in": "body", "name": "b", "schema": {"$ref": "#/definitions/Token"}}],
                "responses": {"200": {}},
            }
        },
        "/upload.json": {
            "post": {
                "operationId": "upload",
                "consumes": ["multipart/form-data"],
                "parameters": [{"in": "formData", "name": "file", "type": "file", "required": True}],
                "responses": {"200": {}},
            }
        },
    },
}
SMALL = Description("a small one", tuple(operations_of("small.json", DOCUMENT)))
GOOD = {"success": True, "at": "2026-01-02T03:04:05Z", "result": [{"id": 1}]}
READ = ("GET", "/leads/7.json?fields=a,b&deep=true")


def exchange(
    method: str, address: str, *, body: bytes = b"", kind: str = JSON, answer: Any = GOOD, status: int = 200
) -> Exchange:
    """One exchange; the answer is JSON, or a file where it is bytes."""
    url = httpx.URL(address)
    is_file = isinstance(answer, bytes)
    return Exchange(
        method,
        url.path,
        url.params.multi_items(),
        httpx.Headers({"content-type": kind} if body else {}),
        body,
        status,
        httpx.Headers({"content-type": "text/csv" if is_file else JSON}),
        answer if is_file else json.dumps(answer).encode(),
    )


def found(one: Exchange) -> list[str]:
    """The departures of an exchange, in short."""
    return sorted(f"{each.direction} {each.place} {each.rule} {each.member}".strip() for each in SMALL.judge([one]))


@pytest.mark.parametrize(
    "one",
    [
        exchange(*READ),
        exchange("GET", "/leads/describe.json"),
        exchange("POST", "/leads/7.json", body=b'{"id": 1}'),
        exchange("POST", "/tokens.json", body=b"folder=%7B%22id%22%3A1%7D&tags=%5B1%5D&n=2", kind=FORM),
        exchange(
            "POST",
            "/upload.json",
            kind="multipart/form-data; boundary=x",
            body=b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na\r\n--x--\r\n',
        ),
    ],
)
def test_a_message_that_keeps_to_the_description_passes(one: Exchange) -> None:
    """Nothing is found in addresses, queries, JSON, forms and uploads as described."""
    assert found(one) == []


@pytest.mark.parametrize(
    ("one", "departures"),
    [
        (exchange("GET", "/nowhere.json"), ["request path undeclared /nowhere.json"]),
        (exchange("PUT", "/leads/7.json"), ["request path undeclared /leads/7.json"]),
        (exchange("GET", "/leads/seven.json?fields=a"), ["request path type leadId"]),
        (exchange("GET", "/leads/7.json"), ["request query required fields"]),
        (exchange("GET", "/leads/7.json?fields=a,c"), ["request query enum fields"]),
        (exchange("GET", "/leads/7.json?fields=a&deep=yes"), ["request query type deep"]),
        (exchange("GET", "/leads/7.json?fields=a&deep=true&deep=true"), ["request query repeated deep"]),
        (exchange("GET", "/leads/7.json?fields=a&other=1"), ["request query undeclared other"]),
        (exchange(*READ, body=b"{}"), ["request body undeclared application/json"]),
        (
            exchange("POST", "/leads/7.json?_method=GET", body=b"fields=a", kind=FORM),
            ["request query undeclared _method"],
        ),
        (exchange("POST", "/leads/7.json"), ["request body required b"]),
        (exchange("POST", "/leads/7.json", body=b"{"), ["request body type JSON"]),
        (exchange("POST", "/leads/7.json", body=b"{}"), ["request Lead required id"]),
        (exchange("POST", "/leads/7.json", body=b'{"id": "1"}'), ["request Lead.id type"]),
        (exchange("POST", "/leads/7.json", body=b'{"id": 2147483648}'), ["request Lead.id format"]),
        (exchange("POST", "/leads/7.json", body=b'{"id": 1, "x": 1}'), ["request Lead undeclared x"]),
        (
            exchange("POST", "/leads/7.json", body=b"id=1", kind=FORM),
            [f"request media type consumes {FORM}"],
        ),
        (exchange("POST", "/tokens.json", body=b"folder=%7B%7D", kind=FORM), ["request Lead required id"]),
        (
            exchange(
                "POST",
                "/upload.json",
                kind="multipart/form-data; boundary=x",
                body=b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\na\r\n--x--\r\n',
            ),
            ["request form required file", "request form undeclared data"],
        ),
        (exchange(*READ, status=404), ["answer status undeclared 404"]),
        (exchange(*READ, answer=b"id\n1\n"), ["answer media type produces text/csv"]),
        (exchange(*READ, answer={}), ["answer Answer required success"]),
        (exchange(*READ, answer=GOOD | {"success": "yes"}), ["answer Answer.success type"]),
        (exchange(*READ, answer=GOOD | {"at": "2026-01-02"}), ["answer Answer.at format"]),
        (exchange(*READ, answer=GOOD | {"at": "2026-01-02T03:04:05Z+0000"}), ["answer Answer.at format"]),
        (exchange(*READ, answer=GOOD | {"more": 1}), ["answer Answer undeclared more"]),
        (
            exchange(*READ, answer=GOOD | {"result": [{"id": 1}, {"ID": 1}]}),
            ["answer Lead required id", "answer Lead undeclared ID"],
        ),
    ],
)
def test_a_message_that_departs_from_the_description_is_found_out(one: Exchange, departures: list[str]) -> None:
    """Each departure is named by its direction, place, rule and member."""
    assert found(one) == departures


def test_what_nobody_has_explained_stays_unexplained() -> None:
    """The list of known exceptions picks what it names and nothing beside it."""
    strange = Departure("syncLeadUsingPOST", "request", "SyncLeadRequest", "undeclared", "lookupfield")
    usual = Departure("syncLeadUsingPOST", "answer", "ResponseOfLead", "required", "errors")
    assert unexplained([strange, usual]) == [strange]
