"""`leadbridge callbacks`: what Marketo did not take of a flow step's results, and once more."""

import json

import click

from leadbridge.domain.event import iso
from leadbridge.usecases.failed_callbacks import why
from leadbridge_cli.common import as_json, fail, pass_target
from leadbridge_cli.render import local_time
from leadbridge_cli.stack import Target


@click.group()
def callbacks() -> None:
    """Callbacks of flow steps that Marketo did not take."""


@callbacks.command("list")
@as_json
@pass_target
def callbacks_list(target: Target, *, as_json: bool) -> None:
    """List them, the newest first: how many people, since when, and why."""
    found = target.callbacks()()
    if as_json:
        rows = [
            {
                "id": each.chunk.id,
                "people": len(each.chunk.lead_ids),
                "received_at": iso(each.chunk.received_at),
                "failed_at": iso(each.failed_at),
                "attempts": each.chunk.attempts,
                "reason": each.chunk.reason,
                "message": why(each),
            }
            for each in found
        ]
        click.echo(json.dumps(rows))
        return
    for each in found:
        people = len(each.chunk.lead_ids)
        since = local_time(iso(each.failed_at))
        click.echo(f"{each.chunk.id}: {people} people, since {since}: {each.chunk.reason}. {why(each)}")
    click.echo("Send again: leadbridge callbacks send ID..., or --all" if found else "Marketo took every callback.")


@callbacks.command("send")
@click.argument("chunk_ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that `list` shows.")
@as_json
@pass_target
def callbacks_send(target: Target, *, chunk_ids: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Send callbacks again, once their cause is removed; whoever was told already is not told twice."""
    if bool(chunk_ids) == everything:
        fail(["Say which: ids of `leadbridge callbacks list`, or --all."])
    run = target.callbacks()
    results = run.send(chunk_ids or [each.chunk.id for each in run()])
    if sent := sum(each.done for each in results):
        target.note("callbacks", detail=str(sent))
    if as_json:
        click.echo(json.dumps([{"id": each.chunk_id, "done": each.done, "note": each.note} for each in results]))
        return
    for each in results:
        click.echo(f"{each.chunk_id}: {each.note}")
    click.echo(f"{sent} of {len(results)} are sent again.")
