"""Commands for executions: what became of each call, and running again what waits."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console

from leadbridge.domain.outcome import REDRIVABLE
from leadbridge.domain.pipeline import keyed_hash
from leadbridge.domain.values import normalised
from leadbridge_cli import render
from leadbridge_cli.common import as_json, fail, pass_target
from leadbridge_cli.stack import Target

console = Console()


@click.command()
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


@click.command()
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


@click.command()
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
