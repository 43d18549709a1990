"""Every message between the product's Marketo client and the Marketo twin against Adobe's description of the API."""

from collections import Counter
from collections.abc import Callable

import pytest

from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.endpoints import Endpoint
from tests.contract.openapi.description import Description, Operation
from tests.contract.openapi.known import unexplained
from tests.contract.openapi.marketo_codes import Instance
from tests.contract.openapi.sources import IDENTITY, is_simulated, operation_of, used
from tests.contract.openapi.traffic import Exchange

NO_FILE = 404


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
