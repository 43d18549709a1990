"""How fast a run of a Sync goes, and when it may end; of what it has counted, so an estimate while it is at work."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.event import iso
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.waits import Waiting

COUNTS = ("created", "updated", "unchanged", "skipped", "duplicate", "failed", "deleted", "flagged", "handed_over")
#: steps in which the number of rows is known
_LOADING = frozenset({Step.PARTITION, Step.LOAD, Step.JOIN, Step.LOAD_FILES, Step.COMMIT})

#: waits that end at a moment which is known; the others end when somebody has acted, and are looked at now and then
_ENDING = frozenset({Waiting.QUOTA, Waiting.VENDOR, Waiting.SETTLING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`rate` is rows a second, `left` what it takes until the end at that pace; None where nobody can say."""

    rows: int
    #: of how many; None while they are being read
    total: int | None
    rate: float | None
    left: timedelta | None


def progress_of(run: SyncRun, now: datetime) -> Progress:
    """How a run stands. While it reads, rows that are read count; afterwards those that have their outcome."""
    loading = run.over or run.step in _LOADING
    rows = run.totals.rows if loading else run.pulled
    took = ((run.ended_at or now) - run.started_at).total_seconds()
    rate = rows / took if rows and took > 0 else None
    left = None
    if loading and rate is not None and not run.over:
        left = timedelta(seconds=round(max(0, run.rows - rows) / rate))
    return Progress(rows=rows, total=run.rows if loading else None, rate=rate, left=left)


def megabytes(run: SyncRun) -> float:
    """How much the bulk extracts of a run have fetched, as a vendor's allocation counts it."""
    return round(run.extracted / 1_000_000, 1)


def status(run: SyncRun | CycleRun) -> str:
    """A word for how a run stands."""
    if run.over:
        return run.step.value
    return "running" if run.waiting is Waiting.NOT else f"waiting: {run.waiting}"


def stands(run: SyncRun | CycleRun, moment: Callable[[str], str]) -> str:
    """How a run stands, and until when it waits, if that is known; `moment` tells an instant as its reader wants it."""
    if run.over or run.due_at is None or run.waiting not in _ENDING:
        return status(run)
    return f"{status(run)} until {moment(iso(run.due_at))}"


def members(run: SyncRun, now: datetime) -> dict[str, Any]:
    """A run as people and programs read it, as JSON."""
    progress = progress_of(run, now)
    return {
        "sync": run.sync,
        "slot": run.slot,
        "kind": run.kind,
        "plan": run.plan or None,
        "version": run.version,
        "status": status(run),
        "step": run.step.value,
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at) if run.ended_at else None,
        "waits_until": iso(run.due_at) if run.due_at and not run.over else None,
        "retry_of": run.retry_of or None,
        "pulled": run.rows,
        **{name: getattr(run.totals, name) for name in COUNTS},
        "rows_per_second": round(progress.rate, 1) if progress.rate is not None else None,
        "seconds_left": int(progress.left.total_seconds()) if progress.left is not None else None,
        "calls": run.calls,
        "megabytes": megabytes(run),
        "reason": run.reason,
        "message": run.message,
    }
