"""Marketo's bulk jobs as a bulk run wants them (`ports.BulkJobs`).

A run's `object` is leads, activities, program_members or the API name of a custom object. The `request` of an extract
holds Marketo's `filter`, and `fields` (activities need none); that of an import of leads may hold `lookup_field`,
`list_id` and `partition`, that of program members holds `program_id` and `status`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.jobs import Run, State, Told, state_of
from leadbridge.domain.marketo import ExportJob, ImportJob
from leadbridge.errors import ConfigurationError, ContractError, PermanentError, QuotaExhaustedError
from leadbridge.ports import PartFile, Piece
from leadbridge.vendors.http.downloads import whole
from leadbridge.vendors.marketo.auth import VENDOR
from leadbridge.vendors.marketo.bulk import Bulk, Exports, Imports
from leadbridge.vendors.marketo.quota import next_quota_reset, same_day

UNKNOWN_JOB = "1013"
JOB_HAS_ENDED = "1003"
NO_FILE = "http_404"
#: our word for an extract that is not begun, since the day's megabytes would not suffice
OWN_ALLOWANCE = "extract_allowance"
#: a file whose last byte was read already has no further range
NO_SUCH_RANGE = "http_416"


class MarketoExtractJobs:
    """Extract jobs of one kind of record."""

    #: a file is one, its pieces are ranges of bytes
    paged = False

    def __init__(self, bulk: Bulk, run: Run, *, day_bytes: int, now: Callable[[], datetime]) -> None:
        """Sends nothing. `day_bytes`: what the subscription may extract in a day, all kinds and users together.

        Raises:
            ConfigurationError: The request has no filter, or no fields where they are needed.
        """
        self._bulk = bulk
        self._day_bytes = day_bytes
        self._now = now
        self._object = run.object
        self._exports = _exports(bulk, run.object)
        self._filter = run.request.get("filter")
        self._fields = run.request.get("fields", ())
        if not isinstance(self._filter, dict) or not self._filter:
            raise ConfigurationError(["request.filter: an extract needs one"])
        if not self._fields and run.object != "activities":
            raise ConfigurationError(["request.fields: name the fields to extract"])

    @property
    def columns(self) -> Sequence[str]:
        """The fields that were asked for."""
        return tuple(self._fields)

    def create(self, part: PartFile | None) -> Told:
        """Define a job, which does nothing yet.

        Raises:
            QuotaExhaustedError: The day's megabytes are used up, or would be with a file like the last one of its kind.
        """
        del part
        self._check_allowance()
        return _export(self._exports.create(self._filter or {}, fields=self._fields))

    def _check_allowance(self) -> None:
        """Stop before the allowance is spent, as far as our user's own extracts tell; Marketo refuses those after it.

        Files count by their size on the day on which they were finished, read or not. What other users extract, or of
        other custom objects, is in no list that we see.
        """
        now = self._now()
        kinds = dict.fromkeys(("leads", "activities", "program_members", self._object))
        files = {kind: _finished(_exports(self._bulk, kind)) for kind in kinds}
        today = [size for each in files.values() for at, size in each if same_day(at, now)]
        taken, newest = sum(today), max(files[self._object], default=None)
        # the first one of a day is let through however large: it would be too large on any other day, too
        if taken and taken + (newest[1] if newest else 0) > self._day_bytes:
            raise QuotaExhaustedError(
                f"today's extracts took {taken / 1_000_000:.1f} of {self._day_bytes / 1_000_000:.1f} MB, and the next "
                "one may not fit",
                resets_at=next_quota_reset(now),
                vendor=VENDOR,
                operation="create_export",
                code=OWN_ALLOWANCE,
            )

    def listed(self, since: datetime) -> Sequence[Told]:
        """Jobs of this kind that our API user made since a moment."""
        return [_export(job) for job in self._exports.jobs() if job.created_at is None or job.created_at >= since]

    def start(self, job_id: str, part: PartFile | None) -> None:
        """Put a job into the queue."""
        del part
        self._exports.enqueue(job_id)

    def look(self, job_id: str) -> Told:
        """What Marketo says of a job."""
        return _unless_gone(job_id, lambda: _export(self._exports.status(job_id)))

    def cancel(self, job_id: str) -> bool:
        """Give a job up; one that has ended, or is gone, is none any more."""
        try:
            self._exports.cancel(job_id)
        except PermanentError as error:
            if error.code not in {JOB_HAS_ENDED, UNKNOWN_JOB}:
                raise
        return True

    def fetch(self, job_id: str, cursor: str, size: int, *, total: int | None) -> Piece | None:
        """A range of the file."""
        start = int(cursor or 0)
        stop = start + size if total is None else min(start + size, total)
        content = bytearray()
        try:
            for chunk in whole(lambda at: self._exports.file(job_id, start=at, stop=stop), start=start):
                content += chunk
                if len(content) >= stop - start:
                    break
        except PermanentError as error:
            if error.code == NO_FILE:
                return None
            if error.code != NO_SUCH_RANGE or not start:
                raise
        # a server that ignores ranges sends more than was asked for
        del content[stop - start :]
        ended = len(content) < stop - start or stop == total
        return Piece(content=bytes(content), cursor=None if ended else str(stop))


class MarketoImportJobs:
    """Import jobs of one kind of record. They are at work as soon as they are made, and stand in no list."""

    def __init__(self, bulk: Bulk, run: Run) -> None:
        """Sends nothing.

        Raises:
            ConfigurationError: The request lacks what the kind of record needs.
        """
        self._imports: Imports
        self._create: Callable[[bytes], ImportJob]
        request = run.request
        if run.object == "leads":
            leads = self._imports = bulk.lead_imports
            options = {name: request[name] for name in ("lookup_field", "list_id", "partition") if name in request}
            self._create = lambda content: leads.create_leads(content, **options)
        elif run.object == "program_members":
            missing = [f"request.{name}: is needed" for name in ("program_id", "status") if not request.get(name)]
            if missing:
                raise ConfigurationError(missing)
            members = self._imports = bulk.member_imports(int(request["program_id"]))
            self._create = lambda content: members.create_members(content, status=str(request["status"]))
        elif run.object == "activities":
            raise ConfigurationError(["object: activities cannot be imported by file"])
        else:
            self._imports = bulk.object_imports(run.object)
            self._create = self._imports.create

    def create(self, part: PartFile | None) -> Told:
        """Send a file, whose import is queued with it."""
        if part is None:
            raise ConfigurationError(["source: an import needs a file"])
        return _import(self._create(b"".join(part.file)))

    def listed(self, since: datetime) -> None:
        """There is no list of imports."""

    def start(self, job_id: str, part: PartFile | None) -> None:
        """It is started with its file."""

    def look(self, job_id: str) -> Told:
        """What Marketo says of a job."""
        return _unless_gone(job_id, lambda: _import(self._imports.status(int(job_id))))

    def cancel(self, job_id: str) -> bool:
        """An import cannot be cancelled."""
        del job_id
        return False

    def results(self, job_id: str, state: State) -> Mapping[str, Iterator[bytes]]:
        """Rows that failed or were warned of; others were written if the job is complete."""
        if state not in {State.COMPLETE, State.FAILED}:
            return {}
        batch = int(job_id)
        return {"failed": self._imports.failures(batch), "warned": self._imports.warnings(batch)}


def _exports(bulk: Bulk, name: str) -> Exports:
    known = {
        "leads": bulk.lead_exports,
        "activities": bulk.activity_exports,
        "program_members": bulk.member_exports,
    }
    return known.get(name) or bulk.object_exports(name)


def _finished(exports: Exports) -> list[tuple[datetime, int]]:
    """When our user's extracts of a kind got their files in the last seven days, and how large these are.

    Of what it may not extract there are none.
    """
    try:
        return [(job.finished_at, job.file_size) for job in exports.jobs() if job.finished_at and job.file_size]
    except PermanentError:
        return []


def _unless_gone(job_id: str, look: Callable[[], Told]) -> Told:
    try:
        return look()
    except PermanentError as error:
        if error.code != UNKNOWN_JOB:
            raise
        return Told(id=job_id, state=State.GONE, word="not found")


def _export(job: ExportJob) -> Told:
    return Told(
        id=job.export_id,
        state=state_of(job.status),
        word=job.status,
        text=job.error_msg or "",
        records=job.number_of_records,
        size=job.file_size,
        checksum=_digits(job.file_checksum),
        created_at=job.created_at,
    )


def _import(job: ImportJob) -> Told:
    numbers: dict[str, Any] = {"failed": job.num_of_rows_failed, "warned": job.num_of_rows_with_warning}
    state = state_of(job.status)
    return Told(
        id=str(job.batch_id),
        state=state,
        word=job.status,
        text=job.message,
        **(numbers if state is State.COMPLETE else {}),
    )


def _digits(checksum: str | None) -> str:
    kind, _, digits = (checksum or "").partition(":")
    if kind.lower() not in {"", "sha256"}:
        raise ContractError("a checksum that is no sha256", vendor=VENDOR, operation="export_status")
    return digits.lower()
