"""The witness at the emulator writes down what roles did, and changes no decision."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from devstack.emulator import witness

ROLE = "arn:aws:sts::000000000000:assumed-role/stack-SweepRole-1A2B/session"
ROOT = "arn:aws:iam::000000000000:root"


@pytest.fixture
def evaluator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module shaped like the emulator's: `enforce` asks the identity's policies, then the resource's."""
    module = ModuleType("ministack.core.iam_evaluator")

    def evaluate(context: Any, *policies: Any) -> bool:
        return context.action in policies

    def enforce(caller: str, action: str, resource: str, *policies: str) -> str | None:
        if caller == ROOT:
            return None
        context = SimpleNamespace(principal_arn=caller, action=action, resource_arn=resource)
        allowed = vars(module)["evaluate"](context, *policies)
        vars(module)["evaluate"](SimpleNamespace(principal_arn="someone", action="x", resource_arn="y"))
        return None if allowed else "denied"

    vars(module).update(enforce=enforce, evaluate=evaluate)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_each_new_use_is_one_line_and_decisions_stay(evaluator: ModuleType, tmp_path: Path) -> None:
    """Allowed and denied uses of a role are noted once each with the final decision; the root's are not."""
    file = tmp_path / "uses.jsonl"
    witness(file)
    decisions = [
        evaluator.enforce(ROLE, "dynamodb:Query", "arn:table", "dynamodb:Query"),
        evaluator.enforce(ROLE, "dynamodb:Query", "arn:table", "dynamodb:Query"),
        evaluator.enforce(ROLE, "sqs:SendMessage", "arn:queue"),
        evaluator.enforce(ROOT, "s3:PutObject", "arn:bucket"),
    ]
    assert decisions == [None, None, "denied", None]
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"role": "stack-SweepRole-1A2B", "action": "dynamodb:Query", "resource": "arn:table", "decision": "allow"},
        {"role": "stack-SweepRole-1A2B", "action": "sqs:SendMessage", "resource": "arn:queue", "decision": "deny"},
    ]
