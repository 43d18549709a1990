"""Commands for runs of Syncs: start one, watch it, see what became of it, pause or cancel it."""

import json
import time
from collections.abc import Mapping
from typing import Any

import click

from leadbridge.domain.event import iso
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.syncing import Asked, Step, SyncRun, Waiting
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.stack import Target

#: seconds between two looks at a run that is waited for
LOOK_SECONDS = 1.0
COUNTS = ("created", "updated", "unchanged", "skipped", "duplicate", "failed")


@click.command("run")
@click.argument("sync_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Show how it goes on, until it has ended or asks.")
@as_json
@pass_target
def run_sync(target: Target, sync_id: str, *, wait: bool, as_json: bool) -> None:
    """Run a Sync now; one that is at work already goes on alone."""
    slot = target.clock.now().strftime("%Y%m%dT%H%M%SZ")
    told = target.start_sync()(sync_id, slot, scheduled=False)
    if not told.started:
        fail([f"The Sync {sync_id} was not started: {told.because}. `leadbridge syncs executions {sync_id}` shows it."])
    run = _followed(target, sync_id, slot, quiet=as_json) if wait else target.sync_results().run(sync_id, slot)
    if as_json:
        click.echo(json.dumps(members(run)))
    elif wait:
        click.echo(sentence(run))
    else:
        click.echo(f"Started: {slot}. `leadbridge syncs executions {sync_id}` shows how it goes.")
    if run.step is Step.FAILED:
        raise SystemExit(1)


@click.command("activate")
@click.argument("sync_id", metavar="ID")
@pass_target
def activate_sync(target: Target, sync_id: str) -> None:
    """Let a Sync run by its schedule, or by hand."""
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
@as_json
@pass_target
def sync_executions(target: Target, sync_id: str, slot: str | None, *, failed: bool, as_json: bool) -> None:
    """List the runs of a Sync, or show one: when, how many rows, what became of them."""
    results = target.sync_results()
    if failed:
        if slot is None:
            fail(["Say which run: leadbridge syncs executions ID SLOT --failed."])
        _rows(list(results.failed(sync_id, slot)), as_json=as_json)
        return
    found = [results.run(sync_id, slot)] if slot else results.runs(sync_id)
    if as_json:
        click.echo(json.dumps([members(run) for run in found]))
        return
    for run in found:
        click.echo(sentence(run))
    click.echo(f"{len(found)} runs" if found else "It has not run yet.")


@click.command("ask")
@click.argument("what", type=click.Choice(["pause", "resume", "cancel", "confirm"]))
@click.argument("sync_id", metavar="ID")
@click.argument("slot")
@pass_target
def ask_run(target: Target, what: str, sync_id: str, slot: str) -> None:
    """Pause, resume or cancel a run; what it has written stays. Or confirm one that its guard has parked."""
    wanted = Asked.NOTHING if what == "resume" else Asked(what)
    run = target.start_sync().ask(sync_id, slot, wanted)
    click.echo(sentence(run) if run.over else f"{slot}: {what} is noted; it is heard within a minute.")


def members(run: SyncRun) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "sync": run.sync,
        "slot": run.slot,
        "version": run.version,
        "status": status(run),
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "waits_until": iso(run.due_at) if run.due_at and not run.over else None,
        "pulled": run.pulled,
        **{name: getattr(run.totals, name) for name in COUNTS},
        "calls": run.calls,
        "reason": run.reason,
        "message": run.message,
    }


def status(run: SyncRun) -> str:
    """A word for how a run stands."""
    if run.over:
        return run.step.value
    return "running" if run.waiting is Waiting.NOT else f"waiting: {run.waiting}"


def sentence(run: SyncRun) -> str:
    """A line about a run."""
    counts = ", ".join(f"{getattr(run.totals, name)} {name}" for name in COUNTS if getattr(run.totals, name))
    end = f" to {iso(run.ended_at)}" if run.ended_at else ""
    why = f"; {run.reason}: {run.message}" if run.reason else ""
    return (
        f"{run.slot}: {status(run)}, {iso(run.started_at)}{end}, version {run.version}, {run.pulled} rows"
        f"{': ' + counts if counts else ''}{why}"
    )


def _followed(target: Target, sync_id: str, slot: str, *, quiet: bool) -> SyncRun:
    results, shown = target.sync_results(), ""
    while True:
        run = results.run(sync_id, slot)
        if run.over or run.waiting is Waiting.GUARD:
            return run
        line = f"{status(run)}, {run.step.value}: {run.totals.rows} of {run.pulled} rows"
        if line != shown and not quiet:
            click.echo(line)
        shown = line
        time.sleep(LOOK_SECONDS)


def _rows(found: list[Mapping[str, str]], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    for line in found:
        click.echo(f"row {line['row']}: {line['reason']}. {line['message']}")
    click.echo(f"{len(found)} rows failed")
