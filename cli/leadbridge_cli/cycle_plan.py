"""`leadbridge cycle plan` and `planned`: what a run would write, without writing it."""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any, TextIO

import click

from leadbridge.domain.cycle_progress import members, sentence
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.files.spreadsheets import table
from leadbridge.usecases.cycle_planned import FieldChange, PlannedChange
from leadbridge_cli.common import as_json, fail, pass_target
from leadbridge_cli.render import local_time
from leadbridge_cli.stack import Target

_CYCLE = click.argument("cycle_id", metavar="ID")
_FIRST = click.option("--first", type=click.IntRange(min=1), help="So many records at most.")
_CSV = click.option("--csv", "file", type=click.File("w", encoding="utf-8", lazy=True), help="Write into this file.")
_COLUMNS = ("kind", "object", "salesforce_id", "marketo_id", "does", "system", "field", "before", "after", "message")
#: seconds between two looks at a plan that is waited for
LOOK_SECONDS = 1.0


@click.command("plan")
@_CYCLE
@click.option("--no-wait", is_flag=True, help="Only begin; `leadbridge cycle planned` shows what became of it.")
@click.option("--programs", is_flag=True, help="Programs and their members, too.")
@_FIRST
@_CSV
@as_json
@pass_target
def plan_cycle(
    target: Target,
    cycle_id: str,
    *,
    no_wait: bool,
    programs: bool,
    first: int | None,
    file: TextIO | None,
    as_json: bool,
) -> None:
    """Work out what a run would do now, and show each field in each system before and after. Nothing is written.

    It reads as a run does, so it spends the calls of one; the first one reads everything. It needs no active cycle,
    and while it is at work no run begins. The answer holds people's values.
    """
    told = target.start_cycle().plan(cycle_id, demanded=["programs"] if programs else [])
    if not told.started:
        fail([f"No plan of the cycle {cycle_id} was begun: {told.because}."])
    target.note("plan", "crm_cycle", cycle_id, told.slot)
    if no_wait:
        click.echo(f"Begun: {told.slot}. `leadbridge cycle planned {cycle_id} {told.slot}` shows it.")
        return
    planned = target.cycle_planned()
    while not (run := planned.run(cycle_id, told.slot)).over:
        time.sleep(LOOK_SECONDS)
    _show(run, islice(planned.rows(cycle_id, told.slot), first), file, as_json=as_json)
    if run.step is CycleStep.FAILED:
        raise SystemExit(1)


@click.command("planned")
@_CYCLE
@click.argument("slot")
@_FIRST
@_CSV
@as_json
@pass_target
def show_planned(
    target: Target, cycle_id: str, slot: str, *, first: int | None, file: TextIO | None, as_json: bool
) -> None:
    """Show a plan once more. The answer holds people's values."""
    planned = target.cycle_planned()
    _show(planned.run(cycle_id, slot), islice(planned.rows(cycle_id, slot), first), file, as_json=as_json)


def _show(run: CycleRun, rows: Iterable[PlannedChange], file: TextIO | None, *, as_json: bool) -> None:
    if file is not None:
        for line in table(_COLUMNS, _cells(rows)):
            file.write(line)
        return
    if as_json:
        click.echo(json.dumps({**members(run), "changes": [asdict(row) for row in rows]}))
        return
    for row in rows:
        click.echo(_line(row))
    for told in run.warnings:
        click.echo(f"warning: {told}")
    if run.reached:
        click.echo(f"Edits of companies would reach {run.reached} people.")
    click.echo(sentence(run, local_time))


def _line(row: PlannedChange) -> str:
    ids = " ".join(each for each in (row.salesforce_id, f"person {row.marketo_id}" if row.marketo_id else "") if each)
    fields = "".join(f"\n  {each.system} {each.name}: {_before(each)} -> {_told(each.after)}" for each in row.fields)
    return f"{row.kind}: {row.does} {row.object} {ids} {row.message}".rstrip() + fields


def _before(change: FieldChange) -> str:
    return _told(change.before) if change.known else "as it was at the last look"


def _told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _cells(rows: Iterable[PlannedChange]) -> Iterator[tuple[Any, ...]]:
    """A line for each field that changes; one for a record without any."""
    for row in rows:
        head = (row.kind, row.object, row.salesforce_id, row.marketo_id, row.does)
        for each in row.fields:
            yield (*head, each.system, each.name, "" if each.before is None else each.before, each.after, row.message)
        if not row.fields:
            yield (*head, "", "", "", "", row.message)
