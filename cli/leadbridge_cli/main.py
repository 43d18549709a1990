"""`leadbridge`: apply configuration, look at executions, redrive what waits, manage keys and connections."""

import json
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from leadbridge.domain.outcome import REDRIVABLE
from leadbridge.domain.pipeline import keyed_hash
from leadbridge.domain.values import normalised
from leadbridge.domain.webhook import webhook_key
from leadbridge.errors import SyncError
from leadbridge.usecases.apply_configuration import explain
from leadbridge_cli import render
from leadbridge_cli.common import as_json, documents_of, fail, named, pass_target, secret_of
from leadbridge_cli.connections import connections, setup
from leadbridge_cli.stack import Target, find_target

console = Console()


class Commands(click.Group):
    """A group whose commands end with a sentence where the deployment or a vendor refuses something."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            # click repeats what was typed, and what is one too many may be a secret or an address
            if "unexpected extra argument" not in error.message:
                raise
            raise click.UsageError("There is an argument too many; --help tells which there are.", error.ctx) from None
        except SyncError as error:
            fail(explain(error))
        except (BotoCoreError, ClientError) as error:
            fail([f"AWS refused or did not answer: {error}"])


@click.group(cls=Commands)
@click.option("--stack", help="CloudFormation stack; without it the local stack of `make run`.")
@click.option("--region", help="Its Region, where your AWS configuration does not say.")
@click.pass_context
def main(context: click.Context, stack: str | None, region: str | None) -> None:
    """Configure and watch a Leadbridge deployment."""
    if not context.resilient_parsing and "--help" not in sys.argv:
        context.obj = find_target(stack, region)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@pass_target
def apply(target: Target, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check documents against both vendors and store them. A new Action is inactive."""
    documents = [document for file in files for document in documents_of(file)]
    try:
        applied = target.apply()(documents)
    except SyncError as error:
        fail(explain(error))
    rows = [
        {
            "kind": each.stored.document.kind,
            "id": each.stored.document.id,
            "version": each.stored.version,
            "active": each.stored.active,
            "changed": each.changed,
        }
        for each in applied
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        what = f"version {row['version']} stored" if row["changed"] else f"unchanged, version {row['version']}"
        state = "" if row["kind"] != "action" else " (active)" if row["active"] else " (inactive)"
        click.echo(f"{row['kind']} {row['id']}: {what}{state}")


@main.command()
@click.argument("actions", metavar="ACTION...", nargs=-1, required=True)
@pass_target
def activate(target: Target, actions: tuple[str, ...]) -> None:
    """Let Actions run; webhooks notice within 30 seconds."""
    _set_active(target, actions, active=True)


@main.command()
@click.argument("actions", metavar="ACTION...", nargs=-1, required=True)
@pass_target
def deactivate(target: Target, actions: tuple[str, ...]) -> None:
    """Stop Actions; calls are recorded and answered `not_active`."""
    _set_active(target, actions, active=False)


@main.command()
@as_json
@pass_target
def actions(target: Target, *, as_json: bool) -> None:
    """List the Actions with their webhook addresses."""
    rows = [
        {
            "id": each.document.id,
            "name": each.document.name,
            "version": each.version,
            "active": each.active,
            "url": f"{target.outputs['ApiUrl']}/actions/{each.document.id}",
        }
        for each in target.configurations.list("action")
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = "active" if row["active"] else "inactive"
        click.echo(f"{row['id']} (version {row['version']}, {state}): {row['name']}\n  {row['url']}")


@main.command()
@click.option("--lead", help="Marketo lead id.")
@click.option("--email", help="E-mail address.")
@click.option("--reason", help="Reason code, e.g. identifier_missing or salesforce_STRING_TOO_LONG.")
@click.option("--state", help="State, e.g. parked.")
@click.option("--since", help="ISO 8601 time, or a number of m, h or d (90m, 12h, 7d); default 1d, for searches 90d.")
@as_json
@pass_target
def executions(target: Target, /, *, as_json: bool, **filters: str | None) -> None:
    """List executions: what became of each call, and why."""
    found = [render.execution(item) for item in _search(target, filters)]
    if as_json:
        click.echo(json.dumps(found))
        return
    console.print(render.table(found, f"{len(found)} executions"))


@main.command()
@click.argument("execution_id")
@as_json
@pass_target
def show(target: Target, execution_id: str, *, as_json: bool) -> None:
    """Show one execution."""
    item = target.log.get(execution_id)
    if item is None:
        fail(["There is no execution with this id. `leadbridge executions` lists them."])
    shown = render.execution(item) | {"header_names": item.get("header_names", [])}
    if as_json:
        click.echo(json.dumps(shown))
    else:
        console.print(render.details(shown))


@main.command()
@click.argument("execution_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Everything that is parked, was rejected or did not run.")
@click.option("--reason", help="Only with this reason code.")
@click.option("--state", help="Only in this state: parked, rejected or not_run.")
@click.option("--since", help="Only received since; as in `executions`.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
@pass_target
def redrive(
    target: Target,
    /,
    execution_ids: tuple[str, ...],
    *,
    everything: bool,
    dry_run: bool,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Run calls again that are parked, were rejected or did not run."""
    ids = list(execution_ids)
    if not ids:
        if not everything and not any(filters.values()):
            fail(["Say which: execution ids, --reason, --state, --since or --all."])
        filters["since"] = filters.get("since") or "90d"
        ids = [item["execution_id"] for item in _search(target, filters) if item["state"] in REDRIVABLE]
    run = target.redrive()
    results = [run(execution_id, dry_run=dry_run) for execution_id in ids]
    if as_json:
        click.echo(json.dumps([{"execution_id": r.execution_id, "done": r.done, "note": r.note} for r in results]))
        return
    for result in results:
        click.echo(f"{result.execution_id}: {result.note}")
    click.echo(f"{sum(result.done for result in results)} of {len(results)} run again.")


@main.group()
def keys() -> None:
    """Webhook keys."""


@keys.command("show")
@click.argument("action")
@pass_target
def keys_show(target: Target, action: str) -> None:
    """Print the key of an Action for the header X-Leadbridge-Key."""
    secret = secret_of(target.client("secretsmanager"), target.outputs["WebhookSecretArn"])
    click.echo(webhook_key(str(secret["key"]), action, int(secret["generation"])))


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
    click.echo(f"Generation {generation} is valid now. Put the new keys into Marketo before the next rotation.")


def _set_active(target: Target, actions: tuple[str, ...], *, active: bool) -> None:
    missing = [action for action in actions if target.configurations.get("action", action) is None]
    if missing:
        fail([f"There is no Action {named(action)}. `leadbridge actions` lists them." for action in missing])
    for action in actions:
        target.configurations.set_active("action", action, active=active)
        click.echo(f"{action} is {'active' if active else 'inactive'}.")


def _search(target: Target, filters: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    start = _since(target, filters)
    if filters.get("lead"):
        items = target.log.of_lead(keyed_hash(target.index_key, "lead", str(filters["lead"]).strip()))
    elif filters.get("email"):
        items = target.log.of_email(keyed_hash(target.index_key, "email", normalised(filters["email"])))
    else:
        items = target.log.since(start, target.clock.now() + timedelta(days=1))
    for item in items:
        wanted = all(not filters.get(name) or item.get(name) == filters[name] for name in ("reason", "state"))
        if wanted and datetime.fromisoformat(item["received_at"]) >= start:
            yield item


def _since(target: Target, filters: Mapping[str, str | None]) -> datetime:
    searching = any(filters.get(name) for name in ("lead", "email", "reason", "state"))
    text = filters.get("since") or ("90d" if searching else "1d")
    short = re.fullmatch(r"(\d+)([mhd])", text)
    if short:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[short[2]]
        return target.clock.now() - timedelta(**{unit: int(short[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(["--since: give an ISO 8601 time or a number of m, h or d, such as 12h."])
    return moment.astimezone(UTC)


main.add_command(connections)
main.add_command(setup)

if __name__ == "__main__":
    main()
