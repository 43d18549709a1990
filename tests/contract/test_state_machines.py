"""What the state machines say and what the code says are the same: steps, waits, errors, inputs."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from leadbridge import errors
from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import ENDS, STEPS, Kind, Step
from tests.builders.bulk import BulkWorld, an_order, rows_of
from tests.unit.test_template import MACHINES, ROOT

DEFINITIONS: dict[Kind, dict[str, Any]] = {
    kind: json.loads((ROOT / f"statemachines/bulk_{kind}.asl.json").read_text("utf-8")) for kind in Kind
}
# Lambda and Step Functions have these names themselves
THEIR_OWN = ("Lambda.", "States.", "Sandbox.")
TASK_MINIMUM = {"kind", "run", "vendor", "connection", "object", "request", "prefix"}


def states(kind: Kind) -> dict[str, dict[str, Any]]:
    """The states of a machine."""
    found: dict[str, dict[str, Any]] = DEFINITIONS[kind]["States"]
    return found


def tasks(kind: Kind) -> dict[str, dict[str, Any]]:
    """The states that call the function."""
    return {name: state for name, state in states(kind).items() if "RunBulkStep" in str(state.get("Resource"))}


@pytest.mark.parametrize("kind", Kind)
def test_each_step_of_the_domain_is_a_task_of_its_machine(kind: Kind) -> None:
    """The machine has one task for each step of its kind, reaches it by the step's name, and knows both ends."""
    routed = {choice["StringEquals"]: choice["Next"] for choice in states(kind)["Step"]["Choices"]}
    ends = {choice.get("StringEquals") for choice in states(kind)["Next"]["Choices"]}

    assert routed == {step.value: step.value.capitalize() for step in STEPS[kind]}
    assert set(tasks(kind)) == {"Begin", *routed.values()}
    assert {step.value for step in ENDS} <= ends
    assert states(kind)["Step"]["Default"] == "UnknownStep"


@pytest.mark.parametrize("kind", Kind)
def test_every_state_is_reached_and_leads_somewhere(kind: Kind) -> None:
    """No state is left over, and every next state is there."""
    named = {DEFINITIONS[kind]["StartAt"]}
    for state in states(kind).values():
        named |= {state[key] for key in ("Next", "Default") if key in state}
        named |= {each["Next"] for key in ("Choices", "Catch") for each in state.get(key, [])}

    assert named == set(states(kind))


@pytest.mark.parametrize("kind", Kind)
def test_every_error_that_is_tried_again_is_one_that_passes(kind: Kind) -> None:
    """Step Functions compares class names as text: each name is a class of ours that means "later", or one of AWS's."""
    for name, task in tasks(kind).items():
        (retry,) = task["Retry"]
        ours = [error for error in retry["ErrorEquals"] if not error.startswith(THEIR_OWN)]
        assert ours == ["TransientError"], name
        assert all(issubclass(getattr(errors, error), errors.TransientError) for error in ours)
        assert "Catch" not in task


@pytest.mark.parametrize("kind", Kind)
def test_a_task_sends_an_order_and_reads_the_answers_members(kind: Kind) -> None:
    """What a task sends is an order; each path that a machine reads is a member that every answer has."""
    world = BulkWorld(source=rows_of("a"))
    answer = world.step(an_order(kind.value)).as_dict()
    for task in tasks(kind).values():
        sent = {name.removesuffix(".$") for name in task["Parameters"]}
        assert TASK_MINIMUM | ({"source"} if kind is Kind.IMPORT else set()) < sent
        assert sent - {"object"} <= set(BulkOrder.model_fields)
        assert task["Parameters"]["kind"] == kind.value
    read = {text.split(".")[2] for text in _texts(DEFINITIONS[kind]) if text.startswith("$.at.")}
    assert read <= set(answer)
    assert read == {"step", "renew", "parked", "wait_seconds", "turns", "reason", "message"}


@pytest.mark.parametrize("kind", Kind)
def test_a_history_stays_below_its_limit(kind: Kind) -> None:
    """The most turns that may be set, each tried again as often as may be, give fewer than 25,000 events."""
    (retry,) = tasks(kind)["Poll"]["Retry"]
    template = (ROOT / "template.yaml").read_text("utf-8")
    most = int(template.split("  BulkTurns:")[1].split("MaxValue: ")[1].split()[0])
    # a task: entered, scheduled, started, ended, left; three more for each try; two each for two choices and a wait
    events = 5 + 3 * retry["MaxAttempts"] + 2 + 2 + 2

    assert most * events < 25_000


def test_the_template_substitutes_what_the_machines_leave_open() -> None:
    """Each placeholder of a definition has its substitution, and there is no other."""
    for machine in MACHINES.values():
        text = (ROOT / machine["DefinitionUri"]).read_text("utf-8")
        for placeholder in machine["DefinitionSubstitutions"]:
            assert f"${{{placeholder}}}" in text
            text = text.replace(f"${{{placeholder}}}", "")
        assert "${" not in text


def test_every_step_has_its_method() -> None:
    """The use-case takes every step that is no end."""
    source = ast.parse((Path(ROOT) / "layers/common/python/leadbridge/usecases/run_bulk_step.py").read_text("utf-8"))
    keys = {
        key.attr
        for node in ast.walk(source)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Attribute) and isinstance(key.value, ast.Name) and key.value.id == "Step"
    }
    assert keys == {step.name for step in Step if step not in ENDS}


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
