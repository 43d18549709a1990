"""`leadbridge cycle record` and `due`, and the rows of a run: what became of a cycle's records, and why."""

import json
from collections.abc import Iterator
from typing import TextIO

import click

from leadbridge.usecases.cycle_rows import DUE, CycleRow
from leadbridge.usecases.cycle_rows_told import (
    due_members,
    due_sentence,
    row_lines,
    row_members,
    row_sentence,
    story_lines,
    story_members,
)
from leadbridge_cli.common import as_json, pass_target
from leadbridge_cli.render import local_time
from leadbridge_cli.stack import Target

_CYCLE = click.argument("cycle_id", metavar="ID")


def show_rows(rows: Iterator[CycleRow], file: TextIO | None, *, as_json: bool) -> None:
    """Rows of a run: into a file, as JSON, or as lines."""
    if file is not None:
        # the lines end as CSV says, on every system
        file.writelines(row_lines(rows))
    elif as_json:
        click.echo(json.dumps([row_members(row) for row in rows]))
    else:
        count = 0
        for row in rows:
            click.echo(row_sentence(row))
            count += 1
        click.echo(f"{count} row{'' if count == 1 else 's'}")


@click.command("record")
@_CYCLE
@click.argument("record_id")
@as_json
@pass_target
def show_record(target: Target, cycle_id: str, record_id: str, *, as_json: bool) -> None:
    """What became of a record, by its Salesforce id or a person's id in Marketo: links, what is due, newest runs."""
    story = target.cycle_rows().record(cycle_id, record_id)
    if as_json:
        click.echo(json.dumps(story_members(story)))
        return
    for line in story_lines(cycle_id, story, local_time):
        click.echo(line)


@click.command("due")
@_CYCLE
@as_json
@pass_target
def show_due(target: Target, cycle_id: str, *, as_json: bool) -> None:
    """The records that are looked at again: why, when, and how often they were tried."""
    found = target.cycle_rows().due(cycle_id)
    if as_json:
        click.echo(json.dumps([due_members(each) for each in found]))
        return
    for each in found:
        click.echo(due_sentence(each, local_time))
    more = " or more" if len(found) == DUE else ""
    click.echo(f"{len(found)} record{'' if len(found) == 1 else 's'}{more}" if found else "Nothing is due.")
