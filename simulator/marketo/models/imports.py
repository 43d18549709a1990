"""Bulk import jobs: one queue for all kinds; rows are written one after the other when the job ends.

A job is `Complete` although rows failed; those and the rows with warnings are told by files of their own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.control import ControlPlane
from simulator.marketo.exceptions import MarketoError, RowError

DELIMITERS = {"csv": ",", "tsv": "\t", "ssv": ";"}
KEPT_SECONDS = 7 * 86_400

type Row = dict[str, str]
type Importer = Callable[[Row, datetime], str | None]
"""Writes one row as of a time and gives a warning, if there is one; raises RowError for a row that fails."""


@dataclass(slots=True)
class ImportJob:
    """One job; times are seconds since 1970."""

    id: int
    kind: str
    format: str
    table: list[list[str]]
    importer: Importer
    queued: float
    list_id: int | None = None
    started: float | None = None
    finished: float | None = None
    status: str = "Queued"
    processed: int = 0
    failures: list[list[str]] = field(default_factory=list)
    warnings: list[list[str]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Say whether the job is over."""
        return self.status in {"Complete", "Failed"}

    @property
    def message(self) -> str:
        """Give the words of the status."""
        if self.status != "Complete":
            return "Import failed because of an internal error" if self.status == "Failed" else "Import in progress"
        done = f"{self.processed} records imported ({self.processed} members)"
        if not self.failures:
            return f"Import succeeded, {done}"
        return f"Import completed with errors, {done}, {len(self.failures)} failed"

    def file(self, rows: list[list[str]], title: str) -> bytes:
        """Write failed or warned rows in the job's own format, with the reason as a last column."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=DELIMITERS[self.format], lineterminator="\n")
        writer.writerow([*self.table[0], title])
        writer.writerows(rows)
        return text.getvalue().encode()


class ImportJobs:
    """Every import job of the instance, in order of creation."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._jobs: dict[int, ImportJob] = {}
        self._next_id = 1001
        self._freed = 0.0

    def forget(self) -> None:
        """Forget every job; ids are not used again."""
        self._jobs = {}
        self._freed = 0.0

    def create(
        self, kind: str, file_format: str, content: bytes, importer: Importer, list_id: int | None = None
    ) -> ImportJob:
        """Queue a file.

        Raises:
            MarketoError: 1016 the queue is full, 1019 the list is being imported to, 1003 nothing in the file.
        """
        self.settle()
        table = read_table(content, file_format)
        active = [job for job in self._jobs.values() if not job.ended]
        most = int(self._control.limit("import_queue"))
        if len(active) >= most:
            self._control.violation("1016")
            raise MarketoError("1016", f"There are {most} imports currently being processed. Please try again later")
        if list_id is not None and any(job.list_id == list_id for job in active):
            raise MarketoError("1019", "Import in progress")
        job = ImportJob(self._next_id, kind, file_format, table, importer, self._now(), list_id)
        self._next_id += 1
        self._jobs[job.id] = job
        return job

    def fills(self, list_id: int) -> bool:
        """Say whether a job that has not ended imports into a list."""
        self.settle()
        return any(job.list_id == list_id for job in self._jobs.values() if not job.ended)

    def get(self, kind: str, job_id: int) -> ImportJob:
        """Give a job of the last seven days.

        Raises:
            MarketoError: 1013.
        """
        self.settle()
        job = self._jobs.get(job_id)
        if job is None or job.kind != kind or self._now() - job.queued > KEPT_SECONDS:
            raise MarketoError("1013", f"Import job '{job_id}' not found")
        return job

    def settle(self) -> None:
        """Let jobs start and end whose time has come, in order of those times."""
        while self._step():
            pass

    def _step(self) -> bool:
        jobs, limit = self._jobs.values(), self._control.limit
        running = [job for job in jobs if job.status == "Importing"]
        ends = [((job.started or 0.0) + limit("import_run_seconds"), job) for job in running]
        if self._control.switch("jobs_stuck"):
            ends = []
        waiting = next((job for job in jobs if job.status == "Queued"), None)
        if waiting is not None and len(running) < limit("import_running"):
            start = max(waiting.queued + limit("import_wait_seconds"), min(self._freed, self._now()))
            if start <= min([self._now(), *(end for end, _ in ends)]):
                waiting.started, waiting.status = start, "Importing"
                return True
        end, job = min(ends, key=lambda each: each[0], default=(float("inf"), None))
        if job is None or end > self._now():
            return False
        job.finished = self._freed = end
        self._run(job, end)
        return True

    def _run(self, job: ImportJob, at: float) -> None:
        if self._control.switch("jobs_fail"):
            job.status = "Failed"
            return
        header, *rows = job.table
        moment = datetime.fromtimestamp(at, self._control.clock.now().tzinfo)
        for row in rows:
            try:
                if len(row) != len(header):
                    raise RowError("1003", "The row does not have as many columns as the header")  # noqa: TRY301 - one way out for every failed row
                warning = job.importer(dict(zip(header, row, strict=True)), moment)
            except RowError as error:
                job.failures.append([*row, error.message])
                continue
            job.processed += 1
            if warning:
                job.warnings.append([*row, warning])
        job.status = "Complete"

    def _now(self) -> float:
        return self._control.clock.timestamp()


def read_table(content: bytes, file_format: str) -> list[list[str]]:
    """Read a file's rows, the header first.

    Raises:
        MarketoError: 1003, not UTF-8 or empty.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MarketoError("1003", "The file is not UTF-8") from error
    table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[file_format]) if row]
    if len(table) < 2:
        raise MarketoError("1003", "Empty file")
    return table


def check_key(row: Row, names: list[str]) -> None:
    """Refuse a row without its key: every row of a file whose header misses it.

    Raises:
        RowError: 1002.
    """
    if any(name not in row for name in names):
        raise RowError("1002", "missing.dedupe.fields")


def given(row: Row) -> dict[str, Any]:
    """Give a row's values as a write takes them; an empty cell and the word null empty a field."""
    return {name: None if value in {"", "null"} else value for name, value in row.items()}
