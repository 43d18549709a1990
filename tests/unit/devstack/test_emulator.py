"""The witness at the emulator writes down what roles did, and changes no decision; layers are unpacked once."""

import json
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from devstack.emulator import Archive, witness

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


def test_a_layer_is_unpacked_once_for_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with one layer read the same file; what a function brings itself is its own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for process in ("first", "second"):
        for folder in ("code", "layer_0"):
            (tmp_path / process / folder).mkdir(parents=True)
            zipped = tmp_path / process / f"{folder}.zip"
            with zipfile.ZipFile(zipped, "w") as archive:
                archive.writestr("python/library.py", "answer = 42\n")
            with Archive(str(zipped)) as unpacked:
                assert unpacked.namelist() == []
                unpacked.extractall(str(tmp_path / process / folder))

    def inodes(folder: str) -> set[int]:
        files = [tmp_path / process / folder / "python/library.py" for process in ("first", "second")]
        assert {file.read_text() for file in files} == {"answer = 42\n"}
        return {file.stat().st_ino for file in files}

    assert (len(inodes("layer_0")), len(inodes("code"))) == (1, 2)
    shutil.rmtree(tmp_path / "first")
    assert (tmp_path / "second/layer_0/python/library.py").exists()
