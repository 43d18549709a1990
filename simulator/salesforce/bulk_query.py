"""Query jobs of Bulk API 2.0: a statement goes in, pages of CSV come out.

Source: Bulk API 2.0 guide (create a query job, get results, get parallel results, understanding queries): nulls
are empty text, the locator after the last page is the text `null`, and locators stay valid with their job.
"""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.control import ControlPlane, Record, call_of
from simulator.salesforce import ids, query, soql
from simulator.salesforce.bulk_ingest import csv_text
from simulator.salesforce.bulk_jobs import DELIMITERS, LINE_ENDINGS, Job, Jobs, choice, state_error
from simulator.salesforce.exceptions import ApiError
from simulator.salesforce.models import Org
from simulator.salesforce.reading import json_object
from simulator.salesforce.usage import Usage

_PAGES_AT_ONCE = 5

type Endpoint = tuple[str, str, Callable[[Request], Any]]


class BulkQuery(Jobs):
    """The query jobs of one org."""

    kind = "query"

    def __init__(self, control: ControlPlane, org: Org, usage: Usage) -> None:
        super().__init__(control, org, usage)
        self._results: dict[str, query.Result] = {}
        self._statements: dict[str, soql.Query] = {}

    def endpoints(self) -> list[Endpoint]:
        """Return method, path below the version, and endpoint."""
        one = "/jobs/query/{job_id}"
        table: list[Endpoint] = [
            ("POST", "/jobs/query", self.create),
            ("GET", "/jobs/query", self.listed),
            ("GET", one + "/results", self.results),
            ("GET", one + "/resultPages", self.result_pages),
            ("PATCH", one, self.change),
            ("GET", one, self.read),
            ("DELETE", one, self.delete),
        ]
        return [(method, path + slash, endpoint) for method, path, endpoint in table for slash in ("", "/")]

    async def create(self, request: Request) -> Response:
        """POST /jobs/query."""
        document = await json_object(request)
        operation = choice(document, "operation", ("query", "queryAll"))
        line_ending = choice(document, "lineEnding", LINE_ENDINGS, "LF")
        delimiter = choice(document, "columnDelimiter", DELIMITERS, "COMMA")
        choice(document, "contentType", ("CSV",), "CSV")
        text = document.get("query")
        if not isinstance(text, str):
            raise ApiError(400, "JSON_PARSER_ERROR", "query is a SOQL statement")
        statement = soql.parse(text)
        call_of(request).record_keys.extend(soql.string_literals(statement.where))
        if statement.counts or statement.offset:
            raise ApiError(400, "INVALIDJOB", "InvalidJob : aggregates, GROUP BY and OFFSET are not supported")
        # names are checked at once, as at the query resource
        query.run(self._org, statement, self._now())
        if self._usage.spent("query jobs") >= self._control.limit("bulk_daily_query_jobs"):
            self._control.violation("EXCEEDEDQUOTA")
            raise ApiError(400, "EXCEEDEDQUOTA", "ExceededQuota : the query jobs of 24 hours are used up")
        self._usage.spend("query jobs")
        now = self._control.clock.now()
        job = Job(
            id=self._org.ids.make(ids.JOB_PREFIX),
            version=str(request.path_params["version"]),
            operation=operation,
            object_name=statement.sobject,
            line_ending=line_ending,
            delimiter=delimiter,
            created_at=now,
            user_id=self._org.user_id,
            state="UploadComplete",
            changed_at=now,
            more={"jobType": "V2Query"},
        )
        self._jobs[job.id] = job
        self._statements[job.id] = statement
        begins = now.timestamp() + self._control.limit("bulk_queue_seconds")
        self._control.schedule(begins, partial(self._begin, job, begins))
        return JSONResponse(job.head())

    def _begin(self, job: Job, at: float) -> None:
        if job.state != "UploadComplete":
            return
        job.enter("InProgress", at)
        ends = at + self._control.limit("bulk_batch_seconds")
        self._control.schedule(ends, partial(self._finish, job, ends))

    def _finish(self, job: Job, at: float) -> None:
        if job.state != "InProgress":
            return
        try:
            result = self._run(job, at)
        except ApiError as error:
            if error.code != "QUERY_TIMEOUT":
                raise
            job.error_message = "Timeout : the query took longer than its retries allow"
            job.enter("Failed", at)
            return
        self._results[job.id] = result
        job.processed = result.total
        job.enter("JobComplete", at)

    def _run(self, job: Job, at: float) -> query.Result:
        """Run a job's statement; one whose result may be read in pieces by key takes any number of rows."""
        if self._control.limit("bulk_fail_after_batches"):
            raise ApiError(400, "QUERY_TIMEOUT", "told to fail")
        most_read = 0 if self._is_chunked(job) else int(self._control.limit("query_read_records"))
        everything = job.operation == "queryAll"
        return query.run(self._org, self._statements[job.id], at, include_deleted=everything, most_read=most_read)

    def _is_chunked(self, job: Job) -> bool:
        statement = self._statements[job.id]
        return not statement.order and statement.limit is None

    def _document(self, job: Job) -> Record:
        return job.document() | {"isPkChunkingSupported": self._is_chunked(job)}

    async def results(self, request: Request) -> Response:
        """GET /jobs/query/{id}/results."""
        job = self._complete(request)
        result = self._results[job.id]
        start = _offset(request.query_params.get("locator"))
        stop = start + self._page_size(request)
        if start and start >= result.total:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        names = [column.name for column in self._statements[job.id].columns]
        records = query.render(self._org, result, result.rows[start:stop], "")
        with_z = self._control.switch("bulk_times_with_z")
        lines = [[_cell(record, path, with_z=with_z) for path in result.paths] for record in records]
        headers = {
            "Sforce-NumberOfRecords": str(len(lines)),
            "Sforce-Locator": _locator(stop) if stop < result.total else "null",
        }
        return Response(csv_text(job, [names, *lines]), media_type="text/csv", headers=headers)

    async def result_pages(self, request: Request) -> Response:
        """GET /jobs/query/{id}/resultPages: up to five addresses of pages, to be read side by side."""
        job = self._complete(request)
        size, total = self._page_size(request), self._results[job.id].total
        start = _offset(request.query_params.get("locator"))
        base = f"/services/data/{job.version}/jobs/query/{job.id}"
        starts = list(range(start, max(total, 1), size))
        tail = f"&maxRecords={size}"
        pages = [{"resultUrl": f"{base}/results?locator={_locator(each)}{tail}"} for each in starts[:_PAGES_AT_ONCE]]
        answer: Record = {"resultPages": pages, "done": len(starts) <= _PAGES_AT_ONCE}
        if not answer["done"]:
            answer["nextRecordsUrl"] = f"{base}/resultPages?locator={_locator(starts[_PAGES_AT_ONCE])}{tail}"
        return JSONResponse(answer)

    def _complete(self, request: Request) -> Job:
        job = self._found(request)
        if job.state != "JobComplete":
            raise state_error(f"The results of a job in the state {job.state} are not there")
        return job

    def _page_size(self, request: Request) -> int:
        text = request.query_params.get("maxRecords")
        most = int(self._control.limit("bulk_page_records"))
        if text is None:
            return most
        if not text.isdecimal() or int(text) < 1:
            raise ApiError(400, "INVALIDJOB", "InvalidJob : maxRecords is a whole number from 1")
        return min(int(text), most)


def _locator(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode().rstrip("=")


def _offset(locator: str | None) -> int:
    if locator is None:
        return 0
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True))
    except (ValueError, binascii.Error):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None


def _cell(record: Record, path: query.Path, *, with_z: bool) -> str:
    """Return a selected value as text: nothing for null, lower-case truth values, moments with Z or as in REST."""
    at: Any = record
    for reference in path.relationships:
        at = at.get(reference.relationship_name) if at else None
    value = at.get(path.field.name) if at else None
    if isinstance(value, bool):
        return str(value).lower()
    text = "" if value is None else str(value)
    return text.replace("+0000", "Z") if with_z and path.field.type == "datetime" else text
