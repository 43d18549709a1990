"""Bulk API 2.0: ingest and query jobs, from their creation to their results.

Only creating a job is a write whose lost answer leaves doubt: the list of jobs then shows whether it is there. All
other calls may be repeated. A job lives with one version of the API; those of another are asked with `api_version`.

Source: Bulk API 2.0 guide, ingest and query (jobs, states, uploads, results), and its limits.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from leadbridge.domain.soql import literals_of
from leadbridge.errors import ContractError, PermanentError
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.http.redaction import mask
from leadbridge.vendors.salesforce import endpoints
from leadbridge.vendors.salesforce.answers import without_query
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR

type Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]
type LineEnding = Literal["LF", "CRLF"]
type Family = Literal["ingest", "query"]

# 150 MB are counted after encoding as base64
UPLOAD_BYTES = 100_000_000

#: the data of a job is there already: it takes one upload
_DATA_IS_THERE = "CLIENTINPUTERROR"
_WRONG_STATE = "INVALIDJOBSTATE"
_GONE = frozenset({"NOT_FOUND", "http_404"})


class JobState(StrEnum):
    """The documented states; a job may also report one that is not among them."""

    OPEN = "Open"
    UPLOAD_COMPLETE = "UploadComplete"
    IN_PROGRESS = "InProgress"
    JOB_COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


#: nothing happens to the job any more; a complete one may hold failed rows, a failed one written ones
OVER = frozenset({JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """A job as the vendor last told it; `state` is the vendor's own word, its text is masked."""

    id: str
    state: str
    operation: str
    object_name: str
    created_at: datetime
    api_version: str
    line_ending: str = "LF"
    external_id_field: str = ""
    #: 18-character id of the user that made it
    created_by: str = ""
    records_processed: int = 0
    records_failed: int = 0
    error_message: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the job has reached one of its three ends."""
        return self.state in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkFile:
    """A file of results while it is read; its pieces raise `TransientError` where it breaks off: read it anew.

    `locator` names the next page, empty after the last one; `records` is None where the vendor does not count.
    """

    chunks: Iterator[bytes]
    locator: str = ""
    records: int | None = None


class _Jobs:
    """What both families of jobs have in common."""

    def __init__(self, api: Api, family: Family) -> None:
        self._api = api
        self._family = family
        self._job_type = {"ingest": "V2Ingest", "query": "V2Query"}[family]

    def status(self, job_id: str, *, api_version: str = "") -> BulkJob:
        """What became of a job so far.

        Raises:
            PermanentError: The job is gone (code NOT_FOUND): seven days after its end, or deleted.
        """
        return self._job(endpoints.JOB_STATUS, job_id, api_version)

    def list(self) -> Iterator[BulkJob]:
        """All jobs of this family in the org, other users' too; in no promised order, without row counts."""
        for page in self._api.pages(endpoints.LIST_JOBS, parts=self._parts(), params={"jobType": self._job_type}):
            found = page.get("records")
            if not isinstance(found, list):
                raise ContractError("a page without jobs", vendor=VENDOR, operation=endpoints.LIST_JOBS.operation)
            yield from (_job(item, endpoints.LIST_JOBS) for item in found)

    def abort(self, job_id: str, *, api_version: str = "") -> BulkJob:
        """Give a job up; one that is over stays as it is."""
        return self._set_state(job_id, JobState.ABORTED, api_version)

    def delete(self, job_id: str, *, api_version: str = "") -> None:
        """Remove a job that is over, with its data and results; one that is gone already stays gone."""
        try:
            self._api.send(endpoints.DELETE_JOB, parts=self._parts(job_id), version=api_version)
        except PermanentError as error:
            if error.code not in _GONE:
                raise

    def _parts(self, job_id: str = "") -> dict[str, str]:
        return {"family": self._family, "job": job_id}

    def _create(self, document: Mapping[str, Any], sent: object = ()) -> BulkJob:
        said = self._api.read(endpoints.CREATE_JOB, parts=self._parts(), body=dict(document), sent=sent)
        return _job(said, endpoints.CREATE_JOB)

    def _set_state(self, job_id: str, state: JobState, api_version: str) -> BulkJob:
        try:
            return self._job(endpoints.CHANGE_JOB, job_id, api_version, body={"state": state.value})
        except PermanentError as error:
            if error.code != _WRONG_STATE:
                raise
            job = self.status(job_id, api_version=api_version)
            # an earlier try was carried out, or the job went on without us
            if job.state == JobState.OPEN:
                raise
            return job

    def _job(self, endpoint: Endpoint, job_id: str, api_version: str, **options: Any) -> BulkJob:
        return _job(self._api.read(endpoint, parts=self._parts(job_id), version=api_version, **options), endpoint)

    @contextmanager
    def _file(self, endpoint: Endpoint, job_id: str, api_version: str, params: Mapping[str, str]) -> Iterator[BulkFile]:
        with self._api.download(
            endpoint, parts=self._parts(job_id), params=params or None, version=api_version
        ) as file:
            count = file.headers.get("sforce-numberofrecords", "")
            locator = file.headers.get("sforce-locator", "null")
            yield BulkFile(
                chunks=iter(file),
                # after the last page stands the word null
                locator="" if locator == "null" else locator,
                records=int(count) if count.isdecimal() else None,
            )


class BulkIngest(_Jobs):
    """Jobs that write: one CSV file in, three files of results out."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, "ingest")

    def create(
        self,
        object_name: str,
        operation: Operation,
        *,
        external_id_field: str = "",
        line_ending: LineEnding = "LF",
        assignment_rule_id: str = "",
    ) -> BulkJob:
        """Open a job for one comma-separated file whose lines end as declared.

        No assignment rule runs unless one is named. Whether duplicate rules can be passed is not documented.

        Raises:
            UncertainWriteError: No answer; `list` shows whether the job is there.
            QuotaExhaustedError: The batches of 24 hours are used up.
        """
        document: dict[str, Any] = {
            "object": api_name(object_name),
            "operation": operation,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": line_ending,
        }
        if external_id_field:
            document["externalIdFieldName"] = api_name(external_id_field)
        if assignment_rule_id:
            document["assignmentRuleId"] = assignment_rule_id
        return self._create(document)

    def upload(
        self, job_id: str, content: bytes | Iterable[bytes], *, size: int | None = None, api_version: str = ""
    ) -> bool:
        """Send the job's file; False if the job has its data already, by an earlier try whose answer was lost.

        `content` is the whole file, or an iterable that begins again at each try; then `size` says its bytes.

        Raises:
            ValueError: More than `UPLOAD_BYTES`, or an iterable without its size.
        """
        length = len(content) if isinstance(content, bytes) else size
        if length is None or length > UPLOAD_BYTES:
            raise ValueError(f"a file of at most {UPLOAD_BYTES} bytes, and its size")
        try:
            self._api.send(
                endpoints.UPLOAD,
                parts=self._parts(job_id),
                content=content,
                headers={"Content-Type": "text/csv; charset=utf-8", "Content-Length": str(length)},
                version=api_version,
            )
        except PermanentError as error:
            if error.code not in (_DATA_IS_THERE, _WRONG_STATE):
                raise
            if error.code == _WRONG_STATE and self.status(job_id, api_version=api_version).state == JobState.ABORTED:
                raise
            return False
        return True

    def close(self, job_id: str, *, api_version: str = "") -> BulkJob:
        """Say that the data is complete; without it a job never runs. One that is closed already stays so."""
        return self._set_state(job_id, JobState.UPLOAD_COMPLETE, api_version)

    @contextmanager
    def successful(self, job_id: str, *, api_version: str = "") -> Iterator[BulkFile]:
        """Rows that were written: `sf__Id`, `sf__Created` and the columns sent, in an order of their own."""
        with self._file(endpoints.SUCCESSFUL_ROWS, job_id, api_version, {}) as file:
            yield file

    @contextmanager
    def failed(self, job_id: str, *, api_version: str = "") -> Iterator[BulkFile]:
        """Rows that were refused: `sf__Id`, `sf__Error` and the columns sent."""
        with self._file(endpoints.FAILED_ROWS, job_id, api_version, {}) as file:
            yield file

    @contextmanager
    def unprocessed(self, job_id: str, *, api_version: str = "") -> Iterator[BulkFile]:
        """Rows that a failed or aborted job never came to: the columns sent."""
        with self._file(endpoints.UNPROCESSED_ROWS, job_id, api_version, {}) as file:
            yield file


class BulkQuery(_Jobs):
    """Jobs that read: one statement in, pages of CSV out."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, "query")

    def create(self, soql: str, *, include_deleted: bool = False, line_ending: LineEnding = "LF") -> BulkJob:
        """Start a query. No aggregates, GROUP BY or OFFSET; ORDER BY and LIMIT make it slow.

        Raises:
            UncertainWriteError: No answer; `list` shows whether the job is there.
            QuotaExhaustedError: The query jobs of 24 hours are used up.
        """
        document = {
            "operation": "queryAll" if include_deleted else "query",
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": line_ending,
        }
        return self._create(document, sent=literals_of(soql))

    @contextmanager
    def results(
        self, job_id: str, *, locator: str = "", max_records: int | None = None, api_version: str = ""
    ) -> Iterator[BulkFile]:
        """One page of a complete job's rows, each page with its header; locators stay valid with the job.

        Null comes as empty text.

        Raises:
            PermanentError: The job is gone or not complete, or the locator is none (INVALID_QUERY_LOCATOR).
        """
        params = {"locator": locator} if locator else {}
        if max_records is not None:
            params["maxRecords"] = str(max_records)
        with self._file(endpoints.QUERY_ROWS, job_id, api_version, params) as file:
            yield file


def _job(document: Any, endpoint: Endpoint) -> BulkJob:
    try:
        return BulkJob(
            id=str(document["id"]),
            state=str(document["state"]),
            operation=str(document["operation"]),
            object_name=str(document.get("object", "")),
            created_at=datetime.fromisoformat(document["createdDate"]),
            api_version=str(document["apiVersion"]),
            line_ending=str(document.get("lineEnding", "LF")),
            external_id_field=str(document.get("externalIdFieldName") or ""),
            created_by=str(document.get("createdById") or ""),
            records_processed=int(document.get("numberRecordsProcessed") or 0),
            records_failed=int(document.get("numberRecordsFailed") or 0),
            error_message=mask(without_query(str(document.get("errorMessage") or ""))),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ContractError("the job is not described", vendor=VENDOR, operation=endpoint.operation) from error
