"""Every message between the product's Marketo client and the Marketo twin against Adobe's description of the API."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]  # the library ships no types

from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.endpoints import Endpoint
from tests.contract.openapi.description import Description, Operation
from tests.contract.openapi.known import unexplained
from tests.contract.openapi.marketo_codes import Instance
from tests.contract.openapi.sources import ENVELOPE, IDENTITY, is_simulated, operation_of, used
from tests.contract.openapi.traffic import Exchange

NO_FILE = 404
DENIED = {"code": "603", "message": "Access denied"}


def is_without_file(exchange: Exchange) -> bool:
    """Whether it asked for rows that failed or have warnings, and there are none."""
    return exchange.status == NO_FILE and exchange.path.endswith(("/failures.json", "/warnings.json"))


def of_operation(traffic: list[Exchange], operation: Operation, description: Description) -> list[Exchange]:
    """The exchanges that used an operation."""
    return [each for each in traffic if description.operation_of(each) == operation]


@pytest.mark.parametrize("endpoint", [pytest.param(each, id=each.operation) for each in endpoints.every()])
def test_a_call_of_the_client_and_its_answers_are_as_described(
    endpoint: Endpoint, traffic: list[Exchange], description: Description
) -> None:
    """The session makes each call that the client declares, with success, and no message departs unexplained."""
    operation = operation_of(endpoint)
    assert operation is not None, "the description has no such operation"
    made = of_operation(traffic, operation, description)
    assert any(each.succeeded or is_without_file(each) for each in made), (
        "the session does not make this call with success"
    )
    assert unexplained(description.judge(made)) == []


def test_the_session_sends_nothing_else(traffic: list[Exchange], description: Description) -> None:
    """Besides the declared calls only tokens are asked for, as described."""
    declared = {operation_of(each) for each in endpoints.every()}
    others = [each for each in traffic if description.operation_of(each) not in declared]
    assert {each.path for each in others} == {IDENTITY}
    assert {each.status for each in others} == {200, 401}
    assert unexplained(description.judge(others)) == []


def test_every_answer_in_json_comes_in_the_vendors_envelope(traffic: list[Exchange]) -> None:
    """A request id with its moment in hexadecimal digits, no member that the vendor has not, no empty token."""
    envelopes = [each.document for each in traffic if each.path != IDENTITY and isinstance(each.document, dict)]
    judge = Draft7Validator(ENVELOPE)
    assert len(envelopes) > len(endpoints.every())
    assert [error.message for each in envelopes for error in judge.iter_errors(each)] == []
    assert all(each.get("errors") for each in envelopes if not each["success"])


def test_no_operation_answers_a_call_without_a_token(instance: Instance, description: Description) -> None:
    """603 before anything else that may be wrong with it, whatever it is made for; a login needs no token."""
    answers = {
        f"{each.method} {each.path}": refused(instance.http, each)
        for each in description.operations
        if each.path != IDENTITY and is_simulated(instance.http, each)
    }
    others = {name: envelope for name, envelope in answers.items() if envelope["errors"] != [DENIED]}
    assert len(answers) >= len({operation_of(each) for each in endpoints.every()})
    assert others == {}


def refused(http: httpx.Client, operation: Operation) -> dict[str, Any]:
    """The envelope of a call without a token."""
    path = re.sub(r"\{\w+\}", "7", operation.path)
    envelope: dict[str, Any] = http.request(operation.method, path, headers={"Authorization": ""}).json()
    return envelope


def test_every_operation_that_the_client_uses_is_simulated(
    instance: Instance,
    traffic: list[Exchange],
    description: Description,
    record_property: Callable[[str, object], None],
) -> None:
    """For each file: its operations, those the client uses, those the twin has, and the messages that were judged."""
    instance.switch(calls_per_20s=100_000)
    simulated = {each for each in description.operations if is_simulated(instance.http, each)}
    messages = Counter(operation.file for each in traffic if (operation := description.operation_of(each)))
    record_property("tell", f"Marketo messages judged by {description.source}")
    for file in dict.fromkeys(each.file for each in description.operations):
        counts = [
            sum(each.file == file for each in group) for group in (description.operations, used(), used() & simulated)
        ]
        record_property(
            "tell",
            f"{file:30} {counts[0]} operations, {counts[1]} used by the client, {counts[2]} of these simulated,"
            f" {messages[file]} requests and as many answers judged",
        )
    assert {f"{each.method} {each.path}" for each in used() - simulated} == set()
