"""Runs of CRM cycles as people and programs read them: how they stand, and what their queues and legs have done."""

from collections.abc import Iterable
from typing import Any

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_latency import latency_members
from leadbridge.domain.cycle_times import due_at
from leadbridge.domain.cycling import CycleRun, CycleStanding
from leadbridge.domain.event import iso
from leadbridge.domain.sync_progress import COUNTS
from leadbridge.domain.sync_progress import status as sync_status
from leadbridge.domain.syncing import SyncRun, Waiting


def status(run: CycleRun) -> str:
    """A word for how a run stands."""
    if run.over:
        return run.step.value
    return "running" if run.waiting is Waiting.NOT else f"waiting: {run.waiting}"


def members(run: CycleRun) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "cycle": run.cycle,
        "slot": run.slot,
        "kind": run.kind,
        "version": run.version,
        "status": status(run),
        "step": run.step.value,
        "group": run.group or None,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "waits_until": iso(run.due_at) if run.due_at and not run.over else None,
        "rows": sum(run.rows.values()),
        "writes": sum(run.writes.values()),
        "parked": dict(run.parked),
        "warnings": list(run.warnings),
        "latency": latency_members(run.latencies),
        "reason": run.reason,
        "message": run.message,
    }


def part_members(name: str, run: SyncRun) -> dict[str, Any]:
    """A queue or leg of a run as JSON."""
    return {
        "name": name,
        "status": sync_status(run),
        "rows": run.rows,
        **{each: getattr(run.totals, each) for each in COUNTS},
        "calls": run.calls,
        "reason": run.reason,
        "message": run.message,
    }


def standing_members(cycle: CrmCycle, standing: CycleStanding) -> dict[str, Any]:
    """What is known between runs, as JSON."""
    due = due_at(cycle, standing)
    return {
        "running": standing.holder or None,
        "last_ended_at": iso(standing.ended_at) if standing.ended_at else None,
        "not_before": iso(due) if due and standing.watermarks and not standing.holder else None,
        "idle_looks": standing.idle,
        "looked_at": iso(standing.looked_at) if standing.looked_at else None,
        "watermarks": {name: iso(at) for name, at in sorted(standing.watermarks.items())},
        "newest": {name: iso(at) for name, at in sorted(standing.newest.items())},
        "aside": [
            {
                "object": name.split(".")[1],
                "pair": pair,
                "why": each.why,
                "since": iso(each.since) if each.since else None,
            }
            for name, schema in sorted(standing.schemas.items())
            for pair, each in sorted(schema.aside.items())
        ],
    }


def sentence(run: CycleRun) -> str:
    """A run in a line."""
    end = f" to {iso(run.ended_at)}" if run.ended_at else ""
    why = f" {run.reason}: {run.message}" if run.reason else ""
    parked = "" if run.over else "".join(f" {name} is parked: {said}." for name, said in run.parked.items())
    at = f", {run.step}{f' {run.group}' if run.group else ''}" if not run.over else ""
    return (
        f"{run.slot}: {status(run)}{at}, {run.kind}, {iso(run.started_at)}{end}, version {run.version}, "
        f"{sum(run.rows.values())} rows read, {sum(run.writes.values())} writes{parked}{why}"
    )


def counted(run: SyncRun) -> str:
    """What a queue or leg has done, in words."""
    counts = ", ".join(_some(run))
    why = f" {run.reason}: {run.message}" if run.reason else ""
    return f"{sync_status(run)}, {run.rows} rows{f': {counts}' if counts else ''}, {run.calls} calls{why}"


def _some(run: SyncRun) -> Iterable[str]:
    return (f"{getattr(run.totals, name)} {name.replace('_', ' ')}" for name in COUNTS if getattr(run.totals, name))
