"""What all commands share: the deployment they talk to, how they fail, and secrets."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import click

from leadbridge.domain.webhook import webhook_key
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


def current_key(target: Target, subject: str) -> str:
    """The key of an Action, or of another door's name, in the generation that is valid now."""
    secret = secret_of(target.client("secretsmanager"), target.outputs["WebhookSecretArn"])
    return webhook_key(str(secret["key"]), subject, int(secret["generation"]))


def named(identity: str) -> str:
    """An id as it was typed; what cannot be one is not repeated, because it may be a secret or an address."""
    return identity if re.fullmatch(r"[a-z0-9-]{1,63}", identity) else "of this name"


def moment(option: str, text: str, now: datetime) -> datetime:
    """The instant that an option gives: ISO 8601, or as a number of minutes, hours or days before now."""
    short = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if short:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[short[2]]
        return now - timedelta(**{unit: int(short[1])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        fail([f"{option}: give an ISO 8601 time or a number of m, h or d, such as 12h."])
