"""Requests that schemathesis makes up from the description: whatever they hold, the twin keeps its form.

A fixed seed makes the same requests in every run. The twin holds records of every kind, and most requests are
addressed to one of them, so that they get past the gateway.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation

from tests.contract.openapi.description import Description
from tests.contract.openapi.known import unexplained
from tests.contract.openapi.marketo_codes import Instance
from tests.contract.openapi.sources import OWN, documents, is_simulated, used
from tests.contract.openapi.traffic import FORM, Exchange, exchange_of

type AnyOperation = APIOperation[Any, Any, Any, Any]
type AnyCase = Case[Any]

some_examples = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: HTTP statuses that the vendor documents besides success: no login (or none of that kind), no file, too large
UNDESCRIBED = {400, 401, 404, 413, 414}
STATUSES = {200, 206} | UNDESCRIBED
CAR = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}


def operations(*, of_client: bool = True) -> list[Any]:
    """Every operation that the client uses, logins included, as schemathesis sees it; or all the others."""
    wanted = {(each.method, each.path) for each in used()}
    found = []
    for document in documents().values():
        schema = schemathesis.openapi.from_dict(dict(document), config=SchemathesisConfig())
        found += [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    kept = [each for each in found if ((each.method.upper(), each.path) in wanted) is of_client]
    assert not of_client or len(kept) == len(wanted)
    return [pytest.param(each, id=f"{each.method.upper()} {each.path}") for each in kept]


@pytest.fixture
def known(instance: Instance) -> Mapping[str, Any]:
    """Ids of a record of each kind in the twin, by the word of the path before them, or by the parameter's name."""
    instance.switch(calls_per_20s=100_000, concurrent=100)
    ids = instance.control(
        "load",
        {
            "leads": [{"email": "a@example.com"}],
            "staticLists": [{"name": "L"}],
            "programs": [{"name": "Fair"}],
            "smartCampaigns": [{"name": "C", "type": "trigger", "programName": "Fair"}],
            "customObjectTypes": [{"apiName": "car", "displayName": "Car", "fields": [CAR]}],
        },
    )
    [lead], [listed], [program], [campaign] = (
        ids[name] for name in ("leads", "staticLists", "programs", "smartCampaigns")
    )
    export = instance.export().json()["result"][0]["exportId"]
    batch = instance.upload("email\na@example.com\n").json()["result"][0]["batchId"]
    return {
        "leads": lead,
        "lead": lead,
        "lists": listed,
        "list": listed,
        "staticList": listed,
        "programs": program,
        "program": program,
        "folder": program,
        "campaigns": campaign,
        "smartCampaign": campaign,
        "customobjects": "car",
        "schema": "car",
        "type": "leadbridgeResult",
        "export": export,
        "batch": batch,
        "import": batch,
        "fields": "email",
    }


def addressed(operation: AnyOperation, known: Mapping[str, Any]) -> dict[str, Any]:
    """The path parameters that lead to a record."""
    places = re.findall(r"(\w+)/\{(\w+)\}", operation.path)
    return {name: known[before] for before, name in places if before in known}


def is_breakable(operation: AnyOperation) -> bool:
    """Whether it has a body that can be of a wrong form; a form of texts cannot."""
    return bool(operation.body) and FORM not in operation.definition.raw.get("consumes", ())


def sent(case: AnyCase, instance: Instance) -> Exchange:
    """Send a request that was made up, and give it with its answer."""
    headers = {"Authorization": instance.http.headers["Authorization"]}
    answer = case.call(base_url=str(instance.http.base_url), headers=headers)
    request = httpx.Request(case.method, str(answer.request.url))
    kind = {"content-type": answer.headers["content-type"][0]}
    return exchange_of(request, httpx.Response(answer.status_code, headers=kind, content=answer.content))


@pytest.mark.parametrize("operation", operations())
def test_a_valid_request_is_answered_as_described(
    operation: AnyOperation,
    instance: Instance,
    known: Mapping[str, Any],
    description: Description,
) -> None:
    """Whatever the values are, the status is a documented one, and a JSON answer is as described."""

    @some_examples
    @given(operation.as_strategy(path_parameters=addressed(operation, known) or None))
    def run(case: AnyCase) -> None:
        exchange = sent(case, instance)
        assert exchange.status in STATUSES, exchange.answer[:200]
        if exchange.status not in UNDESCRIBED:
            assert unexplained(description.judge([exchange], answers_only=True)) == []

    run()


@pytest.mark.parametrize("operation", [each for each in operations() if is_breakable(each.values[0])])
def test_a_broken_body_gets_a_documented_status(
    operation: AnyOperation, instance: Instance, known: Mapping[str, Any]
) -> None:
    """Missing members, wrong types and things that are not there at all are refused in the vendor's form."""
    path = addressed(operation, known) or None

    @some_examples
    @given(operation.as_strategy(path_parameters=path, generation_mode=GenerationMode.NEGATIVE))
    def run(case: AnyCase) -> None:
        exchange = sent(case, instance)
        assert exchange.status in STATUSES, exchange.answer[:200]

    run()


def test_what_the_twin_offers_beyond_the_client_keeps_its_form_too(
    instance: Instance,
    known: Mapping[str, Any],
    description: Description,
    record_property: Callable[[str, object], None],
) -> None:
    """Calls that only other people's clients make get a documented status for whatever they hold."""
    driven = 0
    for operation in (each.values[0] for each in operations(of_client=False)):
        described = description.find(operation.method.upper(), re.sub(r"\{\w+\}", "7", operation.path))
        if described is None or not is_simulated(instance.http, described):
            continue
        driven += 1

        @some_examples
        @given(operation.as_strategy(path_parameters=addressed(operation, known) or None))
        def run(case: AnyCase) -> None:
            exchange = sent(case, instance)
            assert exchange.status in STATUSES, f"{exchange.method} {exchange.path}: {exchange.answer[:200]!r}"

        run()
    record_property("tell", f"schemathesis drives {len(operations())} operations of the client and {driven} others")
    # our own description knows the client's calls only
    assert driven or OWN in documents()
