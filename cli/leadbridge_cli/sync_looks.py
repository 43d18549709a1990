"""Commands that look at Syncs: list and show them, their query, and what a run would do. None of them writes."""

import json
from pathlib import Path
from typing import Any

import click

from leadbridge.domain.action import as_document
from leadbridge.domain.event import iso
from leadbridge.domain.findings import read_document
from leadbridge.domain.lifecycle import DocumentState
from leadbridge.domain.schedule import told
from leadbridge.domain.sync import Sync
from leadbridge.usecases.preview_sync import Preview, PreviewedRow
from leadbridge.usecases.view_sync import Viewed
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.pausing import in_words
from leadbridge_cli.render import counted
from leadbridge_cli.stack import Target
from leadbridge_cli.texts import canonical, given_in

SYNC = click.argument("sync_id", metavar="ID")
VERSION = click.option("--version", type=click.IntRange(min=1), help="An older version.")


@click.command("list")
@click.option("--state", type=click.Choice([each.value for each in DocumentState]), help="Only those in this state.")
@click.option("--name", default="", help="Only those whose name or id holds this text.")
@as_json
@pass_target
def list_syncs(target: Target, *, state: str | None, name: str, as_json: bool) -> None:
    """List the Syncs with their states, both ends and schedules."""
    rows = [
        {
            "id": sync.id,
            "name": sync.name,
            "version": each.version,
            "state": each.state.value,
            "source": f"{sync.source.connection}/{sync.source.object}",
            "destination": f"{sync.destination.connection}/{sync.destination.object}",
            "schedule": told(sync.schedule),
        }
        for each in target.configurations.list("sync")
        if isinstance(sync := each.document, Sync)
        and state in {None, each.state.value}
        and name.casefold() in f"{sync.name}\n{sync.id}".casefold()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        status = in_words(DocumentState(str(row["state"])))
        click.echo(f"{row['id']} (version {row['version']}, {status}): {row['name']}")
        click.echo(f"  {row['source']} to {row['destination']}, {row['schedule']}")
    if not rows:
        click.echo(
            "There is no such Sync." if state or name else "There is no Sync yet; `leadbridge apply` stores one."
        )


@click.command("show")
@SYNC
@VERSION
@as_json
@pass_target
def show_sync(target: Target, sync_id: str, *, version: int | None, as_json: bool) -> None:
    """Show a Sync as it is saved."""
    stored = target.configurations.get("sync", sync_id, version)
    if stored is None:
        fail([f"There is no Sync {named(sync_id)}{f' version {version}' if version else ''}."])
    document = as_document(stored.document)
    if as_json:
        click.echo(json.dumps({"version": stored.version, "state": stored.state.value, "document": document}))
        return
    click.echo(f"# {sync_id}, version {stored.version}, {in_words(stored.state)}")
    click.echo(stored.change.text or canonical(document), nl=False)


@click.command("query")
@SYNC
@VERSION
@as_json
@pass_target
def view_query(target: Target, sync_id: str, *, version: int | None, as_json: bool) -> None:
    """Show what a run would ask its source: the first request byte for byte, and where each condition is asked."""
    viewed = target.view_sync()(sync_id, version)
    if as_json:
        click.echo(json.dumps(_query(viewed)))
        return
    _show_query(viewed)


@click.command("preview")
@SYNC
@click.option(
    "--file",
    "edit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Preview this edit of the Sync, which is not stored.",
)
@as_json
@pass_target
def preview_sync(target: Target, sync_id: str, *, edit: Path | None, as_json: bool) -> None:
    """Count the rows of a run, and show what would become of the first ones. Nothing is written.

    The answer holds people's values.
    """
    found = target.preview_sync()(sync_id, document=_edit(target, edit, sync_id) if edit else None)
    if as_json:
        click.echo(json.dumps(_preview(found)))
        return
    _show_preview(found)


def _edit(target: Target, file: Path, sync_id: str) -> Sync:
    """The Sync of a file, if it is sound."""
    given = [each for each in given_in([file]) if isinstance(each.raw, dict) and each.raw.get("id") == sync_id]
    if len(given) != 1:
        fail([f"{file}: holds no Sync {named(sync_id)}, or several."])
    plan = target.apply().plan(given, thorough=True)
    if plan.findings:
        fail([finding.line() for finding in plan.findings])
    read = read_document(given[0].raw)
    if not isinstance(read, Sync):
        fail([f"{file}: {named(sync_id)} is no Sync."])
    return read


def _query(viewed: Viewed) -> dict[str, Any]:
    query = viewed.query
    return {
        "id": viewed.sync.id,
        "version": viewed.version,
        "way": viewed.choice.way,
        "why": viewed.choice.why,
        "request": viewed.request,
        "cursor": query.cursor,
        "soql": query.soql or None,
        "columns": list(query.columns),
        "clauses": [
            {"path": each.path, "words": each.words, "at_source": each.at_source, "why": each.why}
            for each in query.clauses
        ],
        "since": iso(viewed.window.since) if viewed.window.since else None,
        "until": iso(viewed.window.until) if viewed.window.until else None,
    }


def _show_query(viewed: Viewed) -> None:
    click.echo(f"{viewed.sync.id} (version {viewed.version}), {viewed.choice.way}: {viewed.choice.why}")
    if viewed.query.soql:
        click.echo(f"\n{viewed.query.soql}")
    click.echo(f"\nFirst request:\n{viewed.request}")
    click.echo(f"Then: {viewed.query.cursor}.")
    for each in viewed.query.clauses:
        click.echo(f"  asked {'there' if each.at_source else f'here, as {each.why}'}: {each.words}")


def _preview(found: Preview) -> dict[str, Any]:
    total, cost = found.total, found.total.exact_cost
    return {
        "total": {
            "rows": total.rows,
            "exact": total.exact,
            "basis": total.basis,
            "exact_cost": {"calls": cost.calls, "job_slots": cost.job_slots, "minutes": cost.minutes} if cost else None,
        },
        "rows": [
            {
                "position": row.position,
                "columns": dict(row.columns),
                "outcome": row.outcome,
                "record_id": row.record_id,
                "reason": row.reason,
                "message": row.message,
                "fields": [{"name": each.name, "before": each.before, "after": each.after} for each in row.fields],
            }
            for row in found.rows
        ],
        "mappings": as_document(found.viewed.sync)["mappings"],
        "query": _query(found.viewed),
        "calls": found.calls,
        "budget": found.budget,
    }


def _show_preview(found: Preview) -> None:
    total = found.total
    if total.exact:
        click.echo(f"{counted(total.rows or 0, 'row')}, counted.")
    else:
        number = "An unknown number of" if total.rows is None else f"About {total.rows}"
        cost = total.exact_cost
        takes = f"{counted(cost.job_slots, 'extract')} and {counted(cost.calls, 'call')}" if cost else ""
        exact = f" The exact number takes {takes}." if takes else ""
        click.echo(f"{number} rows: {total.basis}.{exact}")
    click.echo(f"Mapped: {', '.join(mapping.to for mapping in found.viewed.sync.mappings)}")
    for row in found.rows:
        click.echo(_line(row))
    click.echo(f"{found.calls} of at most {found.budget} calls; nothing was written.")


def _line(row: PreviewedRow) -> str:
    fields = ", ".join(f"{each.name}: {_told(each.before)} -> {_told(each.after)}" for each in row.fields)
    record = f" {row.record_id}" if row.record_id else ""
    return f"  row {row.position}: {row.outcome}{record} {row.message or fields}".rstrip()


def _told(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
