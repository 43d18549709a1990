"""`leadbridge cycle`: CRM cycles and their runs."""

import json
import time
from collections.abc import Sequence
from typing import TextIO

import click

from leadbridge.domain.action import as_document
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_latency import latency_words
from leadbridge.domain.cycle_progress import (
    counted,
    members,
    part_members,
    progress_members,
    progress_said,
    sentence,
    standing_members,
)
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.sync_progress import stands
from leadbridge.domain.syncing import SyncRun
from leadbridge.usecases.check_cycle import move_cycle
from leadbridge.usecases.cycle_rows import KINDS
from leadbridge.usecases.cycle_rows_told import counts_lines, counts_members
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.cycle_plan import plan_cycle, show_planned
from leadbridge_cli.cycle_price import price_cycle
from leadbridge_cli.cycle_proposal import propose_cycle
from leadbridge_cli.cycle_rows import show_due, show_record, show_rows
from leadbridge_cli.object_provisioning import provision
from leadbridge_cli.pausing import in_words
from leadbridge_cli.render import local_time
from leadbridge_cli.run_bar import CycleBar
from leadbridge_cli.stack import Target
from leadbridge_cli.texts import canonical

CYCLE = click.argument("cycle_id", metavar="ID")
SLOT = click.argument("slot")
#: seconds between two looks at a run that is waited for
LOOK_SECONDS = 1.0


@click.group()
def cycle() -> None:
    """CRM cycles, which keep Marketo and Salesforce in step: look at them, run them, see what became of their runs."""


@cycle.command("list")
@as_json
@pass_target
def list_cycles(target: Target, *, as_json: bool) -> None:
    """List the cycles with their states, both systems, and how they stand."""
    results = target.cycle_results()
    rows = [
        {
            "id": each.document.id,
            "name": each.document.name,
            "version": each.version,
            "state": each.state.value,
            "marketo": each.document.marketo,
            "salesforce": each.document.salesforce,
            "mode": each.document.mode,
            "gap_minutes": each.document.gap_minutes,
            **standing_members(each.document, results.standing(each.document.id), target.clock.now()),
        }
        for each in target.configurations.list("crm_cycle")
        if isinstance(each.document, CrmCycle)
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        status = in_words(DocumentState(str(row["state"])))
        click.echo(f"{row['id']} (version {row['version']}, {status}): {row['name']}")
        click.echo(f"  {row['marketo']} and {row['salesforce']}, {row['mode']}, a gap of {row['gap_minutes']} minutes")
        if row["running"]:
            click.echo(f"  runs: {row['running']}")
        elif row["last_ended_at"]:
            click.echo(
                f"  last run ended {local_time(str(row['last_ended_at']))}, {row['idle_looks']} idle looks since"
            )
        else:
            click.echo("  has never run; `leadbridge cycle run` begins")
    if not rows:
        click.echo("There is no cycle yet; `leadbridge apply` stores one.")


@cycle.command("show")
@CYCLE
@as_json
@pass_target
def show_cycle(target: Target, cycle_id: str, *, as_json: bool) -> None:
    """Show a cycle as it is saved, and how far each of its queues has come."""
    stored = target.configurations.get("crm_cycle", cycle_id)
    if stored is None or not isinstance(stored.document, CrmCycle):
        fail([f"There is no cycle {named(cycle_id)}."])
    document = as_document(stored.document)
    standing = standing_members(stored.document, target.cycle_results().standing(cycle_id), target.clock.now())
    if as_json:
        head = {"version": stored.version, "state": stored.state.value}
        click.echo(json.dumps({**head, "document": document, "standing": standing}))
        return
    click.echo(f"# {cycle_id}, version {stored.version}, {in_words(stored.state)}")
    click.echo(stored.change.text or canonical(document), nl=False)
    for name, at in standing["watermarks"].items():
        newest = standing["newest"].get(name)
        behind = f", the newest record is of {local_time(newest)}" if newest else ""
        click.echo(f"# {name}: carried over up to {local_time(at)}{behind}")
    for line in standing["warnings"]:
        click.echo(f"# warning: {line}")
    for each in standing["aside"]:
        waits = f", edits since {local_time(each['since'])} wait" if each["since"] else ""
        click.echo(f"# {each['object']} {each['pair']} is put aside: {each['why']}{waits}")
    if standing["running"]:
        parts = target.cycle_results().parts(cycle_id, standing["running"])
        progress = parts.progress(target.clock.now())
        how = progress_said(parts.run, progress) if progress is not None else stands(parts.run, local_time)
        click.echo(f"# {parts.run.slot} is at work, {parts.run.kind}: {how}")
    click.echo(f"# {standing['idle_looks']} idle looks since the last run")


@cycle.command("activate")
@CYCLE
@pass_target
def activate_cycle(target: Target, cycle_id: str) -> None:
    """Let a cycle run: at first by hand, then by itself."""
    _move(target, cycle_id, Move.ACTIVATE)
    if not target.cycle_results().standing(cycle_id).watermarks:
        click.echo(
            f"It has never run: `leadbridge cycle run {cycle_id}` reads everything, with --from-now it begins with "
            "what changes from now on. After that it runs by itself."
        )


@cycle.command("deactivate")
@CYCLE
@pass_target
def deactivate_cycle(target: Target, cycle_id: str) -> None:
    """Start no more runs of a cycle; one that is at work goes on to its end."""
    _move(target, cycle_id, Move.DEACTIVATE)


def _move(target: Target, cycle_id: str, move: Move) -> None:
    if target.configurations.get("crm_cycle", cycle_id) is None:
        fail([f"There is no cycle {named(cycle_id)}."])
    state = move_cycle(target.configurations, cycle_id, move)
    target.schedule_syncs().one(cycle_id, "crm_cycle")
    click.echo(f"{cycle_id} is {'active' if state is DocumentState.ACTIVE else 'inactive'}.")


@cycle.command("run")
@CYCLE
@click.option("--from-now", is_flag=True, help="Read nothing: only what changes from now on is carried over.")
@click.option("--programs", is_flag=True, help="Programs and their members, too, which no other run carries over.")
@click.option("--wait", is_flag=True, help="Wait for its end.")
@as_json
@pass_target
def run_cycle(target: Target, cycle_id: str, *, from_now: bool, programs: bool, wait: bool, as_json: bool) -> None:
    """Run a cycle now; the first run reads everything. One that is at work already goes on alone."""
    demanded = ["programs"] if programs else []
    started = target.start_cycle().now(cycle_id, from_now=from_now, demanded=demanded)
    if not started.started:
        fail([f"The cycle {cycle_id} was not started: {started.because}."])
    target.note("run", "crm_cycle", cycle_id, started.slot)
    results = target.cycle_results()
    parts = results.parts(cycle_id, started.slot)
    with CycleBar(target.clock.now, quiet=as_json or not wait) as bar:
        while wait and not parts.run.over:
            bar.show(parts)
            time.sleep(LOOK_SECONDS)
            parts = results.parts(cycle_id, started.slot)
    run = parts.run
    if as_json:
        click.echo(json.dumps(members(run)))
    elif wait:
        click.echo(sentence(run, local_time))
    else:
        click.echo(f"Started: {started.slot}. `leadbridge cycle executions {cycle_id}` shows how it goes.")
    if run.step is CycleStep.FAILED:
        raise SystemExit(1)


@cycle.command("executions")
@CYCLE
@click.argument("slot", required=False)
@click.option("--rows", is_flag=True, help="What became of each record in the run SLOT, and why.")
@click.option("--outcome", default="", help="Of these only those with this outcome, failed for example.")
@click.option("--kind", default="", type=click.Choice(["", *KINDS]), help="Of these only those of this kind.")
@click.option("--csv", "file", type=click.File("w", encoding="utf-8", lazy=True), help="Write them into this file.")
@as_json
@pass_target
def cycle_executions(
    target: Target,
    cycle_id: str,
    slot: str | None,
    *,
    rows: bool,
    outcome: str,
    kind: str,
    file: TextIO | None,
    as_json: bool,
) -> None:
    """List the runs of a cycle, or show one with the counts of each queue and leg, and its rows by outcome."""
    results = target.cycle_results()
    if rows or outcome or kind or file is not None:
        if slot is None:
            fail(["Say which run: leadbridge cycle executions ID SLOT --rows."])
        show_rows(target.cycle_rows().rows(cycle_id, slot, outcome, kind), file, as_json=as_json)
        return
    if slot is None:
        found = results.runs(cycle_id)
        if as_json:
            click.echo(json.dumps([members(run) for run in found]))
            return
        for run in found:
            click.echo(sentence(run, local_time))
        click.echo(f"{len(found)} run{'' if len(found) == 1 else 's'}" if found else "It has not run yet.")
        return
    parts = results.parts(cycle_id, slot)
    counts = target.cycle_rows().counts(cycle_id, slot)
    progress = parts.progress(target.clock.now())
    if as_json:
        inner = {
            what: [part_members(name, run) for name, run in those]
            for what, those in (("queues", parts.queues), ("legs", parts.legs))
        }
        far = progress_members(progress)
        click.echo(json.dumps({**members(parts.run), **far, **inner, **counts_members(counts)}))
        return
    click.echo(sentence(parts.run, local_time))
    if progress is not None:
        click.echo(f"  {progress_said(parts.run, progress)}")
    _show_told(parts.run)
    _show("read", parts.queues)
    _show("written", parts.legs)
    for line in counts_lines(counts):
        click.echo(line)


def _show_told(run: CycleRun) -> None:
    for told in run.warnings:
        click.echo(f"  warning: {told}")
    for told in latency_words(run.latencies):
        click.echo(f"  latency {told}")


def _show(what: str, parts: Sequence[tuple[str, SyncRun]]) -> None:
    for name, run in parts:
        click.echo(f"  {what}: {name}: {counted(run)}")


def _ask(what: str, asked: Asked, doc: str) -> None:
    """Add a command that asks something of a run."""

    @cycle.command(what, help=doc)
    @CYCLE
    @SLOT
    @pass_target
    def ask(target: Target, cycle_id: str, slot: str) -> None:
        run = target.start_cycle().ask(cycle_id, slot, asked)
        if not run.over:
            target.note(f"{what}_run", "crm_cycle", cycle_id, slot)
        click.echo(sentence(run, local_time) if run.over else f"{slot}: {what} is noted; it is heard within a minute.")


@cycle.command("confirm")
@CYCLE
@SLOT
@click.option("--guard", "seen", multiple=True, help="The guard that you have seen; at any other one the run stays.")
@pass_target
def confirm(target: Target, cycle_id: str, slot: str, *, seen: Sequence[str]) -> None:
    """Let a run go on that its guard has parked, since what it would do is meant."""
    starting = target.start_cycle()
    seen = seen or starting.guards(cycle_id, slot)
    starting.ask(cycle_id, slot, Asked.CONFIRM, seen)
    target.note("confirm_run", "crm_cycle", cycle_id, slot)
    click.echo(f"{slot}: {', '.join(seen)}: confirm is noted; it is heard within a minute.")


_ask("pause", Asked.PAUSE, "Let a run wait, and what it has started; what is written stays.")
_ask("resume", Asked.NOTHING, "Let a run go on that was paused.")
_ask("cancel", Asked.CANCEL, "End a run; what is written stays, and the next one reads the same again.")
cycle.add_command(price_cycle)
cycle.add_command(propose_cycle)
cycle.add_command(provision)
cycle.add_command(plan_cycle)
cycle.add_command(show_planned)
cycle.add_command(show_record)
cycle.add_command(show_due)
