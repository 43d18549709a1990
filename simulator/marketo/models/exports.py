"""Bulk extract jobs: one queue for all kinds, a daily meter of bytes, and files that vanish.

What happens to a job is a function of the clock: `settle` replays starts and ends in the order of their times. A
status shows the state at the last refresh, counted from the moment the job was queued.
"""

from __future__ import annotations

import csv
import hashlib
import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simulator.control import ControlPlane
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.usage import CENTRAL
from simulator.marketo.values import format_time

DELIMITERS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
DAY_SECONDS = 86_400
STATUS_DAYS = 30
LIST_DAYS = 7
FILE_DAYS = 7

type Rows = Callable[[], Iterable[list[Any]]]


@dataclass(slots=True)
class ExportJob:
    """One job; times are seconds since 1970, `ended` is Completed, Failed or Canceled."""

    id: str
    kind: str
    owner: str
    format: str
    header: list[str]
    rows: Rows
    created: float
    queued: float | None = None
    started: float | None = None
    finished: float | None = None
    ended: str | None = None
    error: str | None = None
    records: int = 0
    size: int = 0
    checksum: str = ""
    file: Path | None = None

    @property
    def waiting(self) -> bool:
        """Say whether the job holds a place in the queue without running."""
        return self.queued is not None and self.started is None and self.ended is None

    @property
    def running(self) -> bool:
        """Say whether the job is being processed."""
        return self.started is not None and self.ended is None


@dataclass(slots=True)
class _Queue:
    jobs: dict[str, ExportJob] = field(default_factory=dict)
    freed: float = 0.0
    made: int = 0


class ExportJobs:
    """Every extract job of the instance."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._folder = TemporaryDirectory(prefix="simulator-exports-")
        self._queue = _Queue()

    def forget(self) -> None:
        """Forget every job and its file; ids are not used again."""
        for job in self._queue.jobs.values():
            if job.file:
                job.file.unlink(missing_ok=True)
        self._queue = _Queue(made=self._queue.made)

    def create(self, kind: str, owner: str, file_format: str, header: list[str], rows: Rows) -> ExportJob:
        """Make a job that does nothing until it is enqueued.

        Raises:
            MarketoError: 1029, the day's bytes are used up.
        """
        self._check_meter()
        self._queue.made += 1
        seed = f"{self._control.seed} export {self._queue.made}"
        bits = random.Random(seed).getrandbits(128)  # noqa: S311 - has to be repeatable, guards nothing
        job = ExportJob(str(uuid.UUID(int=bits, version=4)), kind, owner, file_format, header, rows, self._now())
        self._queue.jobs[job.id] = job
        return job

    def get(self, kind: str, job_id: str, owner: str) -> ExportJob:
        """Give a job of its owner; status is kept for 30 days.

        Raises:
            MarketoError: 1013, unknown, another user's or too old.
        """
        self.settle()
        job = self._queue.jobs.get(job_id)
        if job is None or (job.kind, job.owner) != (kind, owner) or self._older(job, STATUS_DAYS):
            raise MarketoError("1013", f"Export job '{job_id}' not found")
        return job

    def listed(self, kind: str, owner: str) -> list[ExportJob]:
        """Give a user's jobs of the last seven days, in order of creation."""
        self.settle()
        since = self._now() - LIST_DAYS * DAY_SECONDS
        jobs = self._queue.jobs.values()
        return [job for job in jobs if (job.kind, job.owner) == (kind, owner) and job.created >= since]

    def enqueue(self, job: ExportJob) -> None:
        """Put a job into the queue.

        Raises:
            MarketoError: 1029 in one of its three meanings, 1003 for a job that ended.
        """
        if job.ended not in {None, "Completed"}:
            raise MarketoError("1003", f"Export job '{job.id}' has ended; create a new one")
        if job.queued is not None:
            raise MarketoError("1029", "Job already queued")
        self._check_meter()
        most = int(self._control.limit("export_queue"))
        if sum(each.waiting or each.running for each in self._queue.jobs.values()) >= most:
            self._control.violation("1029")
            raise MarketoError("1029", f"Too many jobs ({most}) in queue")
        job.queued = self._now()

    def cancel(self, job: ExportJob) -> None:
        """End a job that has not ended.

        Raises:
            MarketoError: 1003.
        """
        if job.ended is not None:
            raise MarketoError("1003", f"Export job '{job.id}' has ended")
        job.ended, job.finished = "Canceled", self._now()
        self._queue.freed = self._now()

    def path(self, job: ExportJob) -> Path | None:
        """Give a job's file, or nothing where it is not there (yet, or any more)."""
        lost = self._control.switch("export_file_lost")
        return None if job.ended != "Completed" or lost or self._older(job, FILE_DAYS) else job.file

    def bytes_today(self) -> int:
        """Give the bytes of every file finished on this day of US Central time, read or not."""
        today = _central_day(self._now())
        jobs = self._queue.jobs.values()
        return sum(job.size for job in jobs if job.finished is not None and _central_day(job.finished) == today)

    def shown(self, job: ExportJob) -> dict[str, Any]:
        """Give a job as its owner sees it at this moment."""
        status, seen = self._seen(job)
        shown: dict[str, Any] = {"exportId": job.id, "format": job.format, "status": status}
        times = {"createdAt": job.created, "queuedAt": job.queued, "startedAt": job.started, "finishedAt": job.finished}
        shown |= {name: _text(each) for name, each in times.items() if each is not None and each <= seen}
        if status == "Completed":
            shown |= {"numberOfRecords": job.records, "fileSize": job.size, "fileChecksum": f"sha256:{job.checksum}"}
        if status == "Failed":
            shown["errorMsg"] = job.error
        return shown

    def _seen(self, job: ExportJob) -> tuple[str, float]:
        """Give the status and the time of the last refresh."""
        now = self._now()
        if job.ended == "Canceled":
            return ("Cancelled" if self._control.switch("jobs_cancelled_with_two_l") else "Canceled"), now
        if job.queued is None:
            return "Created", now
        refresh = self._control.limit("job_refresh_seconds")
        seen = job.queued + (now - job.queued) // refresh * refresh if refresh else now
        if job.finished is not None and job.ended is not None and job.finished <= seen:
            return job.ended, seen
        return ("Processing" if job.started is not None and job.started < seen else "Queued"), seen

    # what happens by itself

    def settle(self) -> None:
        """Let jobs start and end whose time has come, in order of those times."""
        while self._step():
            pass

    def _step(self) -> bool:
        jobs, limit = self._queue.jobs.values(), self._control.limit
        running = [job for job in jobs if job.running]
        ends = [(_at(job.started) + limit("export_run_seconds"), job) for job in running]
        if self._control.switch("jobs_stuck"):
            ends = []
        waiting = [job for job in jobs if job.waiting]
        if waiting and len(running) < limit("export_running"):
            first = min(waiting, key=lambda job: _at(job.queued))
            start = max(_at(first.queued) + limit("export_wait_seconds"), min(self._queue.freed, self._now()))
            if start <= min([self._now(), *(end for end, _ in ends)]):
                first.started = start
                return True
        end, job = min(ends, key=lambda each: each[0], default=(float("inf"), None))
        if job is None or end > self._now():
            return False
        self._finish(job, end)
        return True

    def _finish(self, job: ExportJob, at: float) -> None:
        job.finished = self._queue.freed = at
        if self._control.switch("jobs_fail"):
            job.ended, job.error = "Failed", "The export failed because of an internal error"
        elif self._control.switch("jobs_cancelled"):
            job.ended = "Canceled"
        else:
            self._write(job)
            job.ended = "Completed"

    def _write(self, job: ExportJob) -> None:
        job.file = Path(self._folder.name) / job.id
        with job.file.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=DELIMITERS[job.format], lineterminator="\n")
            writer.writerow(job.header)
            for row in job.rows():
                writer.writerow([bulk_text(value) for value in row])
                job.records += 1
        job.size = job.file.stat().st_size
        with job.file.open("rb") as written:
            job.checksum = hashlib.file_digest(written, "sha256").hexdigest()

    def _check_meter(self) -> None:
        self.settle()
        most = int(self._control.limit("export_bytes_per_day"))
        if self.bytes_today() >= most:
            self._control.violation("1029")
            raise MarketoError("1029", f"Export daily quota {most // 1_000_000}MB exceeded.")

    def _older(self, job: ExportJob, days: int) -> bool:
        return job.finished is not None and self._now() - job.finished > days * DAY_SECONDS

    def _now(self) -> float:
        return self._control.clock.timestamp()


def bulk_text(value: Any) -> str:
    """Write a value as bulk files do: the word `null` for an empty one."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _at(seconds: float | None) -> float:
    return seconds or 0.0


def _text(seconds: float) -> str:
    return format_time(datetime.fromtimestamp(seconds, UTC))


def _central_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, CENTRAL).date().isoformat()
