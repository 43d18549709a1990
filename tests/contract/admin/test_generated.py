"""Requests that schemathesis makes up from the published document: whatever they hold, the answer is a described one.

The API stands behind a small server that does what the gateway does, over a filled store. A fixed seed makes the same
requests in every run.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no type hints
from openapi_spec_validator import validate
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok

from tests.builders.actions import ACTION, MARKETO, SALESFORCE, an_action
from tests.builders.admin import PRINCIPAL, Admin
from tests.builders.syncs import a_sync
from tests.builders.world import World
from tests.contract.admin.documents import (
    ACTIONS,
    CONNECTORS,
    CYCLES,
    PUBLISHED,
    SYNCS,
    action_schema,
    as_text,
    connector_schema,
    cycle_schema,
    document,
    sync_schema,
)
from tests.gateway import serving

type AnyCase = Case[Any]

DOCUMENT = document()


def examples(number: int) -> settings:
    """So many examples, the same in every run."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


#: values by which requests reach what the store holds
KNOWN = {"action_id": ACTION, "kind": "action", "document_id": ACTION, "object_name": "Lead"}
KNOWN |= {"sync_id": "contacts-to-people"}
SIGNED = {"identity": {"userArn": PRINCIPAL}}
UNSIGNED: Mapping[str, Any] = {"identity": {"userArn": None}}


def operations() -> list[Any]:
    """Every operation, as schemathesis sees it."""
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig())
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(found) == sum(len(path) for path in DOCUMENT["paths"].values())
    return [pytest.param(each, id=f"{each.method.upper()} {each.path}") for each in found]


def filled() -> World:
    """A world with Actions in several states, versions, executions that ended, and some that are parked."""
    world = World(an_action(), an_action(id="second", type="update"))
    for lead in range(1, 6):
        world.receive(lead, email="" if lead == 3 else f"person{lead}@example.com")
    world.run_out()
    world.configurations.put(an_action(mappings=[{"column": "email", "to": "Gone__c"}]))
    world.receive(9)
    world.drain()
    world.configurations.put(an_action(name="Third"))
    records, people = {"connection": SALESFORCE, "object": "Lead"}, {"connection": MARKETO, "object": "leads"}
    world.configurations.put(a_sync(source=records, destination=people))
    return world


@dataclass
class Front:
    """The API behind its gateway."""

    admin: Admin
    context: Mapping[str, Any]
    url: str = ""

    def event_of(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
        """The proxy event of a request."""
        url = urlsplit(target)
        several: dict[str, list[str]] = {}
        for name, value in headers:
            several.setdefault(name, []).append(value)
        query = parse_qs(url.query, keep_blank_values=True)
        return {
            "httpMethod": method,
            "path": unquote(url.path),
            "headers": {name: values[-1] for name, values in several.items()},
            "multiValueHeaders": several,
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "requestContext": {"stage": "prod", **self.context},
            "body": body.decode("utf-8", "replace") or None,
            "isBase64Encoded": False,
        }

    def answer(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the API answers, its headers with one value each."""
        answered = self.admin.api(event, SimpleNamespace(aws_request_id="1"))
        headers = {name: values[0] for name, values in answered["multiValueHeaders"].items()}
        return {**answered, "headers": headers}

    def send(self, case: AnyCase) -> int:
        """Send a request that was made up, and judge its answer."""
        answer = case.call(base_url=self.url)
        described = DOCUMENT["paths"][case.operation.path][case.method.lower()]["responses"][str(answer.status_code)]
        if "$ref" in described:
            described = DOCUMENT["components"]["responses"][described["$ref"].rpartition("/")[2]]
        schema = described["content"]["application/json"]["schema"]
        Draft202012Validator(schema | {"components": DOCUMENT["components"]}).validate(answer.json())
        return answer.status_code


@pytest.fixture
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """A filled deployment, served with the context of the test's choice."""
    front = Front(Admin(filled()), request.param)
    with serving(front.answer, front.event_of) as url:
        front.url = url
        yield front


def test_the_document_is_a_valid_openapi_document_and_stands_in_docs() -> None:
    """It validates as OpenAPI 3.1; every operation says what it does, wants a signature, and describes its problems."""
    validate(DOCUMENT)
    assert PUBLISHED.read_text("utf-8") == as_text()


def test_the_published_schema_of_actions_is_that_of_the_code() -> None:
    """The console is built from it: source kinds, rules, operators, and the page of each member."""
    assert ACTIONS.read_text("utf-8") == action_schema()
    assert DOCUMENT["security"] == [{"sigv4": []}]
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"sigv4"}
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert "security" not in operation
            assert {"200", "403", "404", "422", "502", "503"} <= set(operation["responses"])


def test_the_published_schema_of_connector_actions_is_that_of_the_code() -> None:
    """The console is built from it: operations, what each of them takes, and the page of each member."""
    assert CONNECTORS.read_text("utf-8") == connector_schema()


def test_the_published_schema_of_syncs_is_that_of_the_code() -> None:
    """The console is built from it: the members, and what each of them may be."""
    assert SYNCS.read_text("utf-8") == sync_schema()


def test_the_published_schema_of_cycles_is_that_of_the_code() -> None:
    """The console is built from it: the members, and what each of them may be."""
    assert CYCLES.read_text("utf-8") == cycle_schema()


@pytest.mark.parametrize("front", [SIGNED], indirect=True, ids=["signed"])
@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations())
def test_whatever_is_asked_gets_a_described_answer(operation: Any, mode: GenerationMode, front: Front) -> None:
    """Good and broken requests over a filled store: each answer is one that the document describes, in its schema;
    none is a failure of ours."""
    statuses: Counter[int] = Counter()
    connection = SALESFORCE if "objects" in operation.path else MARKETO
    known = KNOWN | {"connection_id": connection, "execution_id": next(iter(front.admin.world.inbox.logged))}
    path = {name: known[name] for name in known if f"{{{name}}}" in operation.path}

    @examples(10)
    @given(
        operation.as_strategy(path_parameters=path, generation_mode=mode)
        if path
        else operation.as_strategy(generation_mode=mode)
    )
    def run(case: AnyCase) -> None:
        statuses[front.send(case)] += 1

    if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
        front_status = front.admin.ask(operation.method, operation.path)
        assert front_status.status == 200
        return
    run()

    assert statuses
    assert not [status for status in statuses if status >= 500]


def takes_anything(operation: Any) -> bool:
    """Whether a request of this operation can be broken at all."""
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    return bool(described.get("parameters") or described.get("requestBody"))


@pytest.mark.parametrize("front", [UNSIGNED], indirect=True, ids=["unsigned"])
@pytest.mark.parametrize("operation", operations())
def test_whatever_is_asked_without_a_principal_is_refused(operation: Any, front: Front) -> None:
    """Every route refuses every request, good or broken, with the same problem; nothing is stored."""
    stored = json.dumps([str(each) for each in front.admin.world.configurations.list("action")])
    answers: Counter[int] = Counter()

    @examples(3)
    @given(operation.as_strategy())
    def run(case: AnyCase) -> None:
        answers[front.send(case)] += 1

    run()

    assert set(answers) == {403}
    assert json.dumps([str(each) for each in front.admin.world.configurations.list("action")]) == stored
