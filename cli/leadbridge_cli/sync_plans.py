"""Commands for plans of Syncs: make one, see what it would write, and write just that."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, TextIO

import click

from leadbridge.files.spreadsheets import table
from leadbridge.usecases.planned_rows import PlannedRow
from leadbridge_cli.common import as_json, fail, pass_target
from leadbridge_cli.stack import Target
from leadbridge_cli.sync_price import cost_in_words
from leadbridge_cli.sync_runs import show_started

#: rows of a sample, unless somebody says how many
SAMPLE = 100
#: outcomes of rows that nothing is done for
_QUIET = frozenset({"unchanged"})
_COLUMNS = ("row", "source_id", "outcome", "record_id", "field", "before", "after", "reason", "message")


@click.command("plan")
@click.argument("sync_id", metavar="ID")
@click.option("--rows", type=click.IntRange(1, 1_000_000), help=f"So many rows of the source; {SAMPLE} if not said.")
@click.option("--all", "everything", is_flag=True, help="All rows that a run would read.")
@click.option("--yes", is_flag=True, help="Do not ask whether the calls may be spent.")
@click.option("--wait", is_flag=True, help="Show how it goes on, until it has ended.")
@as_json
@pass_target
def plan_sync(
    target: Target, sync_id: str, *, rows: int | None, everything: bool, yes: bool, wait: bool, as_json: bool
) -> None:
    """Work out what a run would write, record by record, without writing it. Tells first what that costs.

    `leadbridge syncs planned` shows it, `leadbridge syncs apply` writes it.
    """
    if rows is not None and everything:
        fail(["Give --rows or --all, not both."])
    most = 0 if everything else rows or SAMPLE
    if not yes:
        costs = target.price_sync().plan(sync_id, most)
        words = ", ".join(f"{cost_in_words(cost)} at {vendor.capitalize()}" for vendor, cost in costs.items())
        click.echo(f"The plan of {f'at most {most}' if most else 'all'} rows takes about {words}.", err=as_json)
        if not click.confirm("Make it?", err=as_json):
            raise SystemExit(1)
    show_started(target, sync_id, target.start_sync().plan(sync_id, most), "plan", wait=wait, as_json=as_json)


@click.command("planned")
@click.argument("sync_id", metavar="ID")
@click.argument("slot")
@click.option("--unchanged", is_flag=True, help="Rows as well whose records are as they should be.")
@click.option("--first", type=click.IntRange(min=1), help="So many rows at most.")
@click.option("--csv", "file", type=click.File("w", encoding="utf-8", lazy=True), help="Write them into this file.")
@as_json
@pass_target
def show_plan(
    target: Target, sync_id: str, slot: str, *, unchanged: bool, first: int | None, file: TextIO | None, as_json: bool
) -> None:
    """Show what a plan would write: each field before and after, and why rows are left out.

    The answer holds people's values.
    """
    run = target.sync_results().run(sync_id, slot)
    stored = target.sync_results().planned(sync_id, slot)
    rows = islice((row for row in stored if unchanged or row.outcome not in _QUIET), first)
    for line in target.sync_results().unplanned(sync_id, slot):
        # beside what a program reads
        click.echo(line, err=as_json or file is not None)
    if file is not None:
        for line in table(_COLUMNS, _cells(rows)):
            file.write(line)
    elif as_json:
        click.echo(json.dumps([asdict(row) for row in rows]))
    else:
        for row in rows:
            click.echo(_line(row))
        if run.reason:
            click.echo(f"{run.reason}: {run.message}")
        if not run.over:
            click.echo("The plan is at work; these are its rows so far.")


@click.command("apply")
@click.argument("sync_id", metavar="ID")
@click.argument("slot")
@click.option("--wait", is_flag=True, help="Show how it goes on, until it has ended.")
@as_json
@pass_target
def apply_plan(target: Target, sync_id: str, slot: str, *, wait: bool, as_json: bool) -> None:
    """Write exactly what the plan SLOT lists; records that have changed since are left as they are, and named."""
    show_started(target, sync_id, target.start_sync().apply(sync_id, slot), "apply_plan", wait=wait, as_json=as_json)


def _line(row: PlannedRow) -> str:
    fields = ", ".join(f"{each.name}: {_told(each.before)} -> {_told(each.after)}" for each in row.fields)
    whose = f" ({row.source_id})" if row.source_id else ""
    record = f" {row.record_id}" if row.record_id else ""
    return f"row {row.row}{whose}: {row.outcome}{record} {row.message or fields}".rstrip()


def _told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _cells(rows: Iterable[PlannedRow]) -> Iterator[tuple[Any, ...]]:
    """A line for each field that changes; one for a row without any."""
    for row in rows:
        head, tail = (row.row, row.source_id, row.outcome, row.record_id), (row.reason, row.message)
        for each in row.fields:
            yield (*head, each.name, "" if each.before is None else each.before, each.after, *tail)
        if not row.fields:
            yield (*head, "", "", "", *tail)
