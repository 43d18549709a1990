"""Runs of CRM cycles as people and programs read them: how they stand, and what their queues and legs have done."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_latency import latency_members
from leadbridge.domain.cycle_times import due_at
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep, in_order
from leadbridge.domain.event import iso
from leadbridge.domain.retention import retention_lines
from leadbridge.domain.sync_progress import COUNTS, megabytes, stands, status
from leadbridge.domain.syncing import SyncRun, Way
from leadbridge.domain.waits import Waiting
from leadbridge.domain.watermarks import EARLIEST, tiles

#: the parts of a run that take time, and what each counts
_PARTS = {
    CycleStep.READ: "readings",
    CycleStep.DECIDE: "kinds of records",
    CycleStep.WRITE: "writes",
    CycleStep.REMEMBER: "kinds of records",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleProgress:
    """How far a run is: `done` of `total` in one part. `left`: what that part takes still; None: nobody knows."""

    part: int
    what: str
    unit: str
    done: int
    total: int
    #: a second
    rate: float | None = None
    left: timedelta | None = None

    @property
    def percent(self) -> int:
        """Of the whole run, whose parts count alike."""
        return int(100 * (self.part - 1 + (self.done / self.total if self.total else 0)) / len(_PARTS))


def progress_of(
    run: CycleRun, kinds: Sequence[str], queues: Iterable[SyncRun], legs: Iterable[SyncRun], now: datetime
) -> CycleProgress | None:
    """How a run stands, by what its queues and legs have done; None before it reads and when it is over."""
    if run.step not in _PARTS:
        return None
    names = in_order(kinds)
    match run.step:
        case CycleStep.READ:
            every = [(each, _windows(each, now)) for each in queues]
            done, total = sum(_read(each, windows) for each, windows in every), sum(windows for _, windows in every)
        case CycleStep.WRITE:
            total = sum(run.writes.values())
            done = min(total, sum(each.totals.rows for each in legs))
        case _:
            done, total = names.index(run.entity) if run.entity in names else 0, len(names)
    took = (now - run.step_at).total_seconds() if run.step_at else 0.0
    rate = done / took if done and took > 0 else None
    left = timedelta(seconds=round((total - done) / rate)) if rate else None
    part = list(_PARTS).index(run.step) + 1
    what, unit = run.step.value, _PARTS[run.step]
    return CycleProgress(part=part, what=what, unit=unit, done=done, total=total, rate=rate, left=left)


def _windows(run: SyncRun, now: datetime) -> int:
    """In how many pieces a queue is read: jobs of Marketo's extracts; everything else is one."""
    if run.extract is not Way.BULK or run.source != "marketo":
        return 1
    return max(1, run.pages, len(tiles(run.since or run.made_since or EARLIEST, run.until or now)))


def _read(run: SyncRun, windows: int) -> int:
    return windows if run.over else min(run.pages, windows) if windows > 1 else 0


def progress_said(run: CycleRun, progress: CycleProgress) -> str:
    """How far a run is, in words."""
    pace = f", {progress.rate:.1f} a second" if progress.rate is not None and progress.unit == "writes" else ""
    left = f", about {progress.left} left of this part" if progress.left is not None and not run.due_at else ""
    waits = f", waits until {iso(run.due_at)} and goes on by itself" if run.due_at else ""
    waits = ", waits for somebody" if run.waiting in {Waiting.PAUSED, Waiting.GUARD} else waits
    head = f"{progress.percent} %, part {progress.part} of {len(_PARTS)} ({progress.what})"
    count = f": {progress.done} of {progress.total} {progress.unit}" if progress.total else ""
    return f"{head}{count}{pace}{left}{waits}"


def progress_members(progress: CycleProgress | None) -> dict[str, Any]:
    """How far a run is, as JSON."""
    if progress is None:
        return {"progress": None}
    left = int(progress.left.total_seconds()) if progress.left is not None else None
    return {
        "progress": {
            "percent": progress.percent,
            "part": progress.part,
            "parts": len(_PARTS),
            "what": progress.what,
            "done": progress.done,
            "total": progress.total,
            "unit": progress.unit,
            "per_second": round(progress.rate, 2) if progress.rate is not None else None,
            "seconds_left": left,
        }
    }


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
        "guarded": run.guarded or None,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "waits_until": iso(run.due_at) if run.due_at and not run.over else None,
        "rows": sum(run.rows.values()),
        "writes": sum(run.writes.values()),
        "people_reached": run.reached,
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
        "status": status(run),
        "rows": run.rows,
        **{each: getattr(run.totals, each) for each in COUNTS},
        "calls": run.calls,
        "megabytes": megabytes(run),
        "reason": run.reason,
        "message": run.message,
    }


def standing_members(cycle: CrmCycle, standing: CycleStanding, now: datetime) -> dict[str, Any]:
    """What is known between runs, as JSON, and what Marketo will not have any more when the next one reads."""
    due = due_at(cycle, standing)
    return {
        "running": standing.holder or None,
        "last_ended_at": iso(standing.ended_at) if standing.ended_at else None,
        "not_before": iso(due) if due and standing.watermarks and not standing.holder else None,
        "idle_looks": standing.idle,
        "looked_at": iso(standing.looked_at) if standing.looked_at else None,
        "watermarks": {name: iso(at) for name, at in sorted(standing.watermarks.items())},
        "newest": {name: iso(at) for name, at in sorted(standing.newest.items())},
        "warnings": list(retention_lines(cycle, standing.watermarks, now)),
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


def sentence(run: CycleRun, moment: Callable[[str], str]) -> str:
    """A run in a line; `moment` tells an instant as its reader wants it."""
    end = f" to {moment(iso(run.ended_at))}" if run.ended_at else ""
    why = f" {run.reason}: {run.message}" if run.reason else ""
    parked = "" if run.over else "".join(f" {name} is parked: {said}." for name, said in run.parked.items())
    at = f", {run.step}{f' {run.group}' if run.group else ''}" if not run.over else ""
    return (
        f"{run.slot}: {stands(run, moment)}{at}, {run.kind}, {moment(iso(run.started_at))}{end}, "
        f"version {run.version}, {sum(run.rows.values())} rows read, {sum(run.writes.values())} writes{parked}{why}"
    )


def counted(run: SyncRun) -> str:
    """What a queue or leg has done, in words."""
    counts = ", ".join(_some(run))
    extracts = f", {megabytes(run)} MB of extracts" if run.extracted else ""
    why = f" {run.reason}: {run.message}" if run.reason else ""
    return f"{status(run)}, {run.rows} rows{f': {counts}' if counts else ''}, {run.calls} calls{extracts}{why}"


def _some(run: SyncRun) -> Iterable[str]:
    return (f"{getattr(run.totals, name)} {name.replace('_', ' ')}" for name in COUNTS if getattr(run.totals, name))
