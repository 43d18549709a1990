"""What a command loads before it answers: a person waits for it."""

import subprocess
import sys

import pytest

#: runs a command against a deployment in which nothing is stored, and tells what is loaded at its end
PROGRAM = """
import sys
from collections import defaultdict
from unittest.mock import MagicMock
from leadbridge_cli.main import main
import boto3
from leadbridge_cli.stack import Target

client = MagicMock()
client.get_paginator().paginate.return_value = [{"Items": []}]
client.get_item.return_value = {}
client.get_secret_value.return_value = {"SecretString": '{"key": "x", "generation": 1}'}
account = boto3.Session("test", "test", region_name="eu-central-1")
account.client = lambda *_, **__: client
try:
    main(sys.argv[1:], obj=Target(outputs=defaultdict(str), session=account))
finally:
    print("loaded:", *sys.modules)
"""
#: what each of these brings along is hundreds of modules
MODELS, HTTP, TABLES, YAML, KEYS = "pydantic", "httpx", "rich", "yaml", "cryptography"
SLOW = frozenset({MODELS, HTTP, TABLES, YAML, KEYS, "aws_lambda_powertools", "leadbridge.wiring"})


@pytest.mark.parametrize(
    ("words", "needed", "status"),
    [
        pytest.param("executions", {TABLES}, 0, id="executions"),
        pytest.param("executions --json", set(), 0, id="executions as JSON"),
        pytest.param("person ada@example.com", set(), 0, id="person"),
        pytest.param("show one", set(), 1, id="show"),
        pytest.param("keys show one", set(), 0, id="keys"),
        pytest.param("actions", {MODELS, YAML}, 0, id="actions"),
        pytest.param("alerts list", {MODELS}, 0, id="alerts"),
        pytest.param("connections list", {MODELS, YAML}, 0, id="connections"),
        pytest.param("--help", {MODELS, YAML}, 0, id="help"),
    ],
)
def test_a_command_loads_only_what_it_needs(words: str, needed: set[str], status: int) -> None:
    """Of what is slow to load each command loads its share: who only reads executions loads no model of a document."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words.split()], capture_output=True, text=True, timeout=60, check=False
    )

    _, _, loaded = done.stdout.rpartition("loaded:")
    assert done.returncode == status, done.stderr
    assert set(loaded.split()) & SLOW == needed
