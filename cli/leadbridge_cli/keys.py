"""`leadbridge keys`: the webhook keys of Actions."""

import json
import secrets

import click

from leadbridge_cli.common import current_key, pass_target, secret_of
from leadbridge_cli.stack import Target


@click.group()
def keys() -> None:
    """Webhook keys."""


@keys.command("show")
@click.argument("action")
@pass_target
def keys_show(target: Target, action: str) -> None:
    """Print the key of an Action for the header X-Leadbridge-Key."""
    click.echo(current_key(target, action))


@keys.command("rotate")
@pass_target
def keys_rotate(target: Target) -> None:
    """Begin a new generation of keys; the ones before it stay valid until the next rotation."""
    client = target.client("secretsmanager")
    arn = target.outputs["WebhookSecretArn"]
    secret = secret_of(client, arn)
    generation = int(secret["generation"]) + 1
    previous = {"generation": secret["generation"], "key": secret["key"]}
    fresh = {"generation": generation, "key": secrets.token_urlsafe(48), "previous": previous}
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(fresh))
    target.note("rotated", detail=str(generation))
    click.echo(f"Generation {generation} is valid now. Put the new keys into Marketo before the next rotation.")
