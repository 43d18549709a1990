"""Calls that schemathesis makes up from the published document: whatever they hold, the answer is a described one.

The receive path stands behind a small server that does what the gateway does. A fixed seed makes the same calls in
every run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no type hints
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok

from leadbridge.domain.webhook_contract import openapi
from tests.fakes.door import ACTION, Door
from tests.gateway import serving

type AnyCase = Case[Any]

DOCUMENT = openapi()
PATH = "/actions/{action_id}"
EXAMPLES = 25


def examples(number: int) -> settings:
    """How many calls are made up. Which ones depends on the modules that are loaded, hence on the tests before."""
    return settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


some_examples = examples(EXAMPLES)


def operations() -> list[Any]:
    """POST and GET, as schemathesis sees them."""
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig())
    all_found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    # the path that waits for its result has the same door; what it answers beyond is judged with its own tests
    found = [each for each in all_found if each.path == PATH]
    assert {each.method for each in found} == {"get", "post"}
    return [pytest.param(each, id=each.method.upper()) for each in found]


@dataclass
class Front:
    """A receiver behind its gateway."""

    door: Door
    url: str

    def send(self, case: AnyCase, **headers: str) -> tuple[int, bool]:
        """Send a call that was made up, judge its answer; gives the status and whether the call had the key."""
        answer = case.call(base_url=self.url, headers=headers)
        described = DOCUMENT["paths"][PATH][case.method.lower()]["responses"].get(str(answer.status_code))
        assert described is not None, f"{answer.status_code} is not described"
        while "$ref" in described:
            described = DOCUMENT["components"]["responses"][described["$ref"].rpartition("/")[2]]
        schema = described["content"]["application/json"]["schema"] | {"components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(answer.json())
        return answer.status_code, answer.request.headers.get("X-Leadbridge-Key") == Door.key()


@pytest.fixture
def front() -> Iterator[Front]:
    """A receiver with one active Action, served."""
    door = Door()
    with serving(lambda event: door.receiver(event).as_proxy()) as url:
        yield Front(door, url)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations())
def test_whatever_is_sent_with_the_key_gets_a_described_answer(
    operation: Any, mode: GenerationMode, front: Front
) -> None:
    """Good and broken calls of an Action: 200, 400, 413 or 415, never a 5xx; each answered call is on the queue."""
    statuses: list[int] = []

    # of broken calls most may be those whose key was taken away
    @examples(EXAMPLES if mode is GenerationMode.POSITIVE else 5 * EXAMPLES)
    @given(operation.as_strategy(path_parameters={"action_id": ACTION}, generation_mode=mode))
    def run(case: AnyCase) -> None:
        status, has_key = front.send(case, **{"X-Leadbridge-Key": Door.key()})
        # a broken call may be one whose headers were taken away
        assert has_key or status == 401
        statuses.extend([status] * has_key)

    run()

    assert set(statuses) <= ({200} if mode is GenerationMode.POSITIVE else {200, 400, 413, 415})
    assert len(front.door.messages) == len(statuses) >= EXAMPLES // 2
    # an array is a message of several calls, some of which may be rejected
    kinds = {"event" if message["kind"] == "several" else message["kind"] for message in front.door.messages}
    assert kinds == {"event" if status == 200 else "rejected" for status in statuses}


@pytest.mark.parametrize("operation", operations())
def test_whatever_is_sent_without_the_key_is_refused(operation: Any, front: Front) -> None:
    """Without the key, good and broken calls of any Action are answered 401, and nothing is recorded."""

    @some_examples
    @given(operation.as_strategy())
    def run(case: AnyCase) -> None:
        case.headers.pop("X-Leadbridge-Key", None)
        assert front.send(case) in {(401, False), (404, False)}

    run()

    assert front.door.messages == []
