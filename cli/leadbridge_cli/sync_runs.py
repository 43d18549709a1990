"""Commands for runs of Syncs: start one, watch it, see what became of it, pause or cancel it."""

import json
import time
from dataclasses import asdict
from typing import TextIO

import click

from leadbridge.domain.carried import Asked
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.sync_progress import members
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.waits import Waiting
from leadbridge.errors import SyncError
from leadbridge.usecases.failed_rows import LISTED, Failed, Listed, failed_lines, listed_lines
from leadbridge.usecases.start_sync import Started
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.render import counted
from leadbridge_cli.run_bar import RunBar, sentence, show_runs
from leadbridge_cli.stack import Target
from leadbridge_cli.sync_price import show_price

#: seconds between two looks at a run that is waited for
LOOK_SECONDS = 1.0


@click.command("run")
@click.argument("sync_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Show how it goes on, until it has ended or asks.")
@as_json
@pass_target
def run_sync(target: Target, sync_id: str, *, wait: bool, as_json: bool) -> None:
    """Run a Sync now; one that is at work already goes on alone."""
    show_started(target, sync_id, target.start_sync().now(sync_id), "run", wait=wait, as_json=as_json)


@click.command("retry")
@click.argument("sync_id", metavar="ID")
@click.argument("slot")
@click.option("--wait", is_flag=True, help="Show how it goes on, until it has ended or asks.")
@as_json
@pass_target
def retry_rows(target: Target, sync_id: str, slot: str, *, wait: bool, as_json: bool) -> None:
    """Try the rows of a run once more that failed, and no others: they are read again from the source by their ids."""
    show_started(target, sync_id, target.start_sync().retry(sync_id, slot), "retry", wait=wait, as_json=as_json)


def show_started(target: Target, sync_id: str, told: Started, did: str, *, wait: bool, as_json: bool) -> None:
    """What became of a call for a run, which the activity log has as `did`; with `wait` how it goes on."""
    if not told.started:
        fail([f"The Sync {sync_id} was not started: {told.because}. `leadbridge syncs executions {sync_id}` shows it."])
    target.note(did, "sync", sync_id, told.slot)
    run = (
        _followed(target, sync_id, told.slot, quiet=as_json) if wait else target.sync_results().run(sync_id, told.slot)
    )
    if as_json:
        click.echo(json.dumps(members(run, target.clock.now())))
    elif wait:
        click.echo(sentence(run, target.clock.now()))
    else:
        click.echo(f"Started: {told.slot}. `leadbridge syncs executions {sync_id}` shows how it goes.")
    if run.step is Step.FAILED:
        raise SystemExit(1)


@click.command("activate")
@click.argument("sync_id", metavar="ID")
@pass_target
def activate_sync(target: Target, sync_id: str) -> None:
    """Let a Sync run by its schedule, or by hand; tells what that costs."""
    if target.configurations.get("sync", sync_id) is not None:
        try:
            show_price(target.price_sync()(sync_id))
        except SyncError as error:
            # a vendor that does not answer now is no reason not to activate
            click.echo(f"What it costs is not known: {error.detail or error}.")
    _move(target, sync_id, Move.ACTIVATE)


@click.command("deactivate")
@click.argument("sync_id", metavar="ID")
@pass_target
def deactivate_sync(target: Target, sync_id: str) -> None:
    """Start no more runs of a Sync; one that is at work goes on to its end."""
    _move(target, sync_id, Move.DEACTIVATE)


def _move(target: Target, sync_id: str, move: Move) -> None:
    if target.configurations.get("sync", sync_id) is None:
        fail([f"There is no Sync {named(sync_id)}."])
    state = target.configurations.move("sync", sync_id, move)
    target.schedule_syncs().one(sync_id)
    click.echo(f"{sync_id} is {'active' if state is DocumentState.ACTIVE else 'inactive'}.")


@click.command("executions")
@click.argument("sync_id", metavar="ID")
@click.argument("slot", required=False)
@click.option("--failed", is_flag=True, help="The rows of the run SLOT that failed, with their reasons.")
@click.option("--rows", "outcome", type=click.Choice(LISTED), help="The rows of the run SLOT with this outcome.")
@click.option("--csv", "file", type=click.File("w", encoding="utf-8", lazy=True), help="Write them into this file.")
@as_json
@pass_target
def sync_executions(
    target: Target,
    sync_id: str,
    slot: str | None,
    *,
    failed: bool,
    outcome: str | None,
    file: TextIO | None,
    as_json: bool,
) -> None:
    """List the runs of a Sync, or show one: when, how many rows, what became of them."""
    results = target.sync_results()
    if outcome is not None:
        if slot is None:
            fail([f"Say which run: leadbridge syncs executions ID SLOT --rows {outcome}."])
        found_rows = results.rows(sync_id, slot, outcome)
        if file is None:
            _listed(list(found_rows), outcome, as_json=as_json)
        else:
            file.writelines(listed_lines(found_rows))
        return
    if failed or file is not None:
        if slot is None:
            fail(["Say which run: leadbridge syncs executions ID SLOT --failed."])
        rows = results.failed(sync_id, slot)
        if file is None:
            _rows(list(rows), as_json=as_json)
        else:
            for line in failed_lines(rows):
                # the lines end as CSV says, on every system
                file.write(line)
        return
    found = [results.run(sync_id, slot)] if slot else results.runs(sync_id)
    now = target.clock.now()
    if as_json:
        click.echo(json.dumps([members(run, now) for run in found]))
        return
    show_runs(found, now)
    click.echo(counted(len(found), "run") if found else "It has not run yet.")


@click.command("ask")
@click.argument("what", type=click.Choice(["pause", "resume", "cancel", "confirm"]))
@click.argument("sync_id", metavar="ID")
@click.argument("slot")
@pass_target
def ask_run(target: Target, what: str, sync_id: str, slot: str) -> None:
    """Pause, resume or cancel a run; what it has written stays. Or confirm one that its guard has parked."""
    wanted = Asked.NOTHING if what == "resume" else Asked(what)
    run = target.start_sync().ask(sync_id, slot, wanted)
    if run.over:
        fail([f"The run is over, so there is nothing to {what}: {sentence(run, target.clock.now())}"])
    target.note(f"{what}_run", "sync", sync_id, slot)
    click.echo(f"{slot}: {what} is noted; it is heard within a minute.")


def _followed(target: Target, sync_id: str, slot: str, *, quiet: bool) -> SyncRun:
    results = target.sync_results()
    with RunBar(target.clock.now, quiet=quiet) as bar:
        while True:
            run = results.run(sync_id, slot)
            bar.show(run)
            if run.over or run.waiting is Waiting.GUARD:
                return run
            time.sleep(LOOK_SECONDS)


def _rows(found: list[Failed], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found]))
        return
    for row in found:
        whose = f" ({row.source_id})" if row.source_id else ""
        click.echo(f"row {row.row}{whose}: {row.reason}. {row.message}")
    click.echo(f"{counted(len(found), 'row')} failed")


def _listed(found: list[Listed], outcome: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found]))
        return
    for row in found:
        said = f"{row.reason}. {row.message}" if row.reason else row.id
        click.echo(f"row {row.row} ({row.source_id}): {said}")
    told = "; `leadbridge show EXECUTION` tells what became of one" if outcome == "handed_over" else ""
    click.echo(f"{counted(len(found), 'row')} {outcome.replace('_', ' ')}{told}")
