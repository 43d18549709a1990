"""Salesforce's bulk jobs as a bulk run wants them (`ports.BulkJobs`).

A run's `object` is an object's API name. The `request` of an extract holds `soql` and may hold `columns` (that the
file must have), `include_deleted` and `page_rows`; that of an import holds `operation` and may hold
`external_id_field` and `assignment_rule_id`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from leadbridge.domain.jobs import OVER, Run, State, Told, state_of
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.ports import PartFile, Piece
from leadbridge.vendors.salesforce.bulk import BulkFile, BulkIngest, BulkJob, BulkQuery
from leadbridge.vendors.salesforce.client import SalesforceClient

GONE = frozenset({"NOT_FOUND", "http_404"})
#: rows of a page, which is held in memory
PAGE_ROWS = 25_000
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")


class _Jobs:
    """What both families have in common. A list shows all users' jobs: only those count that are like ours."""

    def __init__(self, client: SalesforceClient, run: Run, jobs: BulkIngest | BulkQuery, operation: str) -> None:
        self._client = client
        self._jobs = jobs
        self._object = run.object
        self._operation = operation

    def look(self, job_id: str) -> Told:
        """What Salesforce says of a job."""
        try:
            return _told(self._jobs.status(job_id))
        except PermanentError as error:
            if error.code not in GONE:
                raise
            return Told(id=job_id, state=State.GONE, word="not found")

    def cancel(self, job_id: str) -> bool:
        """Give a job up; one that is over stays as it is."""
        try:
            self._jobs.abort(job_id)
        except PermanentError as error:
            if error.code not in GONE:
                raise
        return True

    def listed(self, since: datetime) -> Sequence[Told]:
        """Jobs of our user for the same object and operation since a moment."""
        return [
            _told(job)
            for job in self._jobs.list()
            if job.created_at >= since
            and job.created_by == self._client.user_id
            and (job.object_name, job.operation) == (self._object, self._operation)
        ]


class SalesforceExtractJobs(_Jobs):
    """Query jobs, which run as soon as they are made."""

    #: each page of rows has its own header
    paged = True

    def __init__(self, client: SalesforceClient, run: Run) -> None:
        """Sends nothing.

        Raises:
            ConfigurationError: The request holds no statement.
        """
        self._query = client.bulk_query
        self._soql = run.request.get("soql", "")
        self._include_deleted = bool(run.request.get("include_deleted"))
        self._page_rows = int(run.request.get("page_rows", PAGE_ROWS))
        self.columns: Sequence[str] = tuple(run.request.get("columns", ()))
        if not isinstance(self._soql, str) or not self._soql:
            raise ConfigurationError(["request.soql: an extract needs a statement"])
        super().__init__(client, run, self._query, "queryAll" if self._include_deleted else "query")

    def create(self, part: PartFile | None) -> Told:
        """Start a query."""
        del part
        return _told(self._query.create(self._soql, include_deleted=self._include_deleted))

    def start(self, job_id: str, part: PartFile | None) -> None:
        """It runs already."""

    def fetch(self, job_id: str, cursor: str, size: int, *, total: int | None) -> Piece | None:
        """A page of rows, whose size is told in rows."""
        del size, total
        try:
            with self._query.results(job_id, locator=cursor, max_records=self._page_rows) as file:
                content = b"".join(file.chunks)
                return Piece(content=content, cursor=file.locator or None, records=file.records)
        except PermanentError as error:
            if error.code not in GONE:
                raise
            return None


class SalesforceImportJobs(_Jobs):
    """Ingest jobs: opened, given their file, and set going."""

    def __init__(self, client: SalesforceClient, run: Run) -> None:
        """Sends nothing.

        Raises:
            ConfigurationError: The request holds no operation of Salesforce's.
        """
        self._ingest = client.bulk_ingest
        self._request = run.request
        operation = run.request.get("operation")
        if operation not in OPERATIONS:
            raise ConfigurationError([f"request.operation: one of {', '.join(OPERATIONS)}"])
        super().__init__(client, run, self._ingest, operation)

    def create(self, part: PartFile | None) -> Told:
        """Open a job."""
        return _told(
            self._ingest.create(
                self._object,
                self._request["operation"],
                external_id_field=self._request.get("external_id_field", ""),
                line_ending=_given(part).line_ending,
                assignment_rule_id=self._request.get("assignment_rule_id", ""),
            )
        )

    def start(self, job_id: str, part: PartFile | None) -> None:
        """Send the file, unless it is there already, and say that it is complete."""
        file = _given(part).file
        self._ingest.upload(job_id, file, size=file.size)
        self._ingest.close(job_id)

    def results(self, job_id: str, state: State) -> Mapping[str, Iterator[bytes]]:
        """The three files of a job that is over; a complete one has come to all rows."""
        if state not in OVER or state is State.GONE:
            return {}
        files = {"succeeded": self._ingest.successful(job_id), "failed": self._ingest.failed(job_id)}
        if state is not State.COMPLETE:
            files["unprocessed"] = self._ingest.unprocessed(job_id)
        return {kind: _chunks(file) for kind, file in files.items()}


def _given(part: PartFile | None) -> PartFile:
    if part is None:
        raise ConfigurationError(["source: an import needs a file"])
    return part


def _chunks(opened: AbstractContextManager[BulkFile]) -> Iterator[bytes]:
    with opened as file:
        yield from file.chunks


def _told(job: BulkJob) -> Told:
    return Told(id=job.id, state=state_of(job.state), word=job.state, text=job.error_message, created_at=job.created_at)
