"""What all commands share: the deployment they talk to, how they fail, secrets and documents."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
import yaml

from leadbridge_cli.stack import Target

pass_target = click.make_pass_decorator(Target)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def fail(findings: list[str]) -> NoReturn:
    """End the command with its findings, one a line, on standard error."""
    for finding in findings:
        click.echo(f"error: {finding}", err=True)
    raise SystemExit(1)


def secret_of(client: Any, arn: str) -> Mapping[str, Any]:
    """The members of a secret; one that holds no value yet has none."""
    try:
        text = client.get_secret_value(SecretId=arn)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        text = ""
    members: Mapping[str, Any] = json.loads(text or "{}")
    return members


def documents_of(file: Path) -> list[Any]:
    """The documents of a YAML file; `${NAME}` is filled from the environment."""
    missing: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            missing.add(match[1])
        return value or ""

    text = re.sub(r"\$\{([A-Z][A-Z0-9_]*)\}", fill, file.read_text(encoding="utf-8"))
    if missing:
        fail([f"{file}: set the environment variable {name}" for name in sorted(missing)])
    try:
        loaded = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fail([f"{file}: not valid YAML" + (f" at line {mark.line + 1}" if mark else "")])
    return [document for part in loaded for document in (part if isinstance(part, list) else [part])]


def named(identity: str) -> str:
    """An id as it was typed; what cannot be one is not repeated, because it may be a secret or an address."""
    return identity if re.fullmatch(r"[a-z0-9-]{1,63}", identity) else "of this name"
