"""Ingest jobs of Bulk API 2.0: a CSV file goes in, three files of results come out.

Source: Bulk API 2.0 guide (create a job, upload job data, upload complete, prepare CSV files, relationship
fields in a header row, the three record results, delete a job) and its limits. Blank is "leave as it is" and
`#N/A` is null; rows come back in an order of their own; a complete job may have failed rows and a failed one
written ones.
"""

import csv
import io
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.control import ControlPlane, Record, call_of
from simulator.salesforce import ids
from simulator.salesforce.bulk_jobs import DELIMITERS, LINE_ENDINGS, Job, Jobs, choice, state_error
from simulator.salesforce.exceptions import ApiError, RowError
from simulator.salesforce.models import Org, Stamp
from simulator.salesforce.reading import body_of, json_object
from simulator.salesforce.schema import NUMBER_TYPES, SOBJECTS, SOBJECTS_BY_LOWER_NAME, Field, SObject
from simulator.salesforce.usage import Usage
from simulator.salesforce.writing import Load, Options, Row, Writer
from simulator.uploads import MULTIPART, UnreadableUploadError, parts_of

_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
_CHUNK = 200
_MAX_HEADER = 32_000
# of data that comes in the same request as its job
_MAX_WITH_JOB = 100_000
_MAX_FIELD = 131_072
_MAX_RECORD = 400_000
_NULL = "#N/A"
_FAILED_IDS_SINCE = 53
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}

type Endpoint = tuple[str, str, Callable[[Request], Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A header: a field of the object, or a key of a parent."""

    header: str
    field: Field | None = None
    relationship: str = ""
    parent: SObject | None = None


class _InvalidFileError(Exception):
    """A file that fails its whole job."""


@dataclass
class Work:
    """An ingest job's input and what became of its rows (by the row's index in the file)."""

    job: Job
    sobject: SObject
    key: Field | None
    content: bytes | None = None
    load: Load | None = None
    headers: list[str] = field(default_factory=list)
    columns: list[Column | None] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    written: dict[int, Row] = field(default_factory=dict)
    refused: dict[int, Row] = field(default_factory=dict)


class Ingest(Jobs):
    """The ingest jobs of one org."""

    kind = "ingest"

    def __init__(self, control: ControlPlane, org: Org, usage: Usage, writer: Writer) -> None:
        super().__init__(control, org, usage)
        self._writer = writer
        self._work: dict[str, Work] = {}

    def endpoints(self) -> list[Endpoint]:
        """Return method, path below the version, and endpoint."""
        one = "/jobs/ingest/{job_id}"
        table: list[Endpoint] = [
            ("POST", "/jobs/ingest", self.create),
            ("GET", "/jobs/ingest", self.listed),
            ("PUT", one + "/batches", self.upload),
            ("GET", one + "/successfulResults", self.successful),
            ("GET", one + "/failedResults", self.failed),
            ("GET", one + "/unprocessedrecords", self.unprocessed),
            # clients write the last one like the others, and are understood
            ("GET", one + "/unprocessedRecords", self.unprocessed),
            ("PATCH", one, self.change),
            ("GET", one, self.read),
            ("DELETE", one, self.delete),
        ]
        return [(method, path + slash, endpoint) for method, path, endpoint in table for slash in ("", "/")]

    async def create(self, request: Request) -> Response:
        """POST /jobs/ingest: a job to be filled, or with its data beside it one that is complete at once."""
        if not request.headers.get("content-type", "").lower().startswith(MULTIPART):
            return JSONResponse(self._made(request, await json_object(request)).head())
        document, content = await _with_data(request)
        job = self._made(request, document)
        self._work[job.id].content = content
        self._close(request, job, "UploadComplete")
        return JSONResponse(job.head())

    def _made(self, request: Request, document: Record) -> Job:
        operation = choice(document, "operation", _OPERATIONS)
        line_ending = choice(document, "lineEnding", LINE_ENDINGS, "LF")
        delimiter = choice(document, "columnDelimiter", DELIMITERS, "COMMA")
        choice(document, "contentType", ("CSV",), "CSV")
        sobject = SOBJECTS_BY_LOWER_NAME.get(str(document.get("object")).lower())
        if sobject is None:
            message = f"InvalidEntity : Entity '{document.get('object')}' is not supported by the Bulk API."
            raise ApiError(400, "INVALIDENTITY", message)
        if operation == "hardDelete":
            message = "FeatureNotEnabled : hardDelete operation requires special user profile permission"
            raise ApiError(400, "FEATURENOTENABLED", message)
        key = self._key(operation, sobject, document.get("externalIdFieldName"))
        if self._usage.spent("batches") >= self._control.limit("bulk_daily_batches"):
            self._control.violation("EXCEEDEDQUOTA")
            raise ApiError(400, "EXCEEDEDQUOTA", "ExceededQuota : the batches of 24 hours are used up")
        version = str(request.path_params["version"])
        now = self._control.clock.now()
        job = Job(
            id=self._org.ids.make(ids.JOB_PREFIX),
            version=version,
            operation=operation,
            object_name=sobject.name,
            line_ending=line_ending,
            delimiter=delimiter,
            created_at=now,
            user_id=self._org.user_id,
            state="Open",
            changed_at=now,
        )
        # a path without its leading slash, as documented
        content_url = f"services/data/{version}/jobs/ingest/{job.id}/batches"
        job.more = {"jobType": "V2Ingest", "contentUrl": content_url}
        if operation == "upsert":
            job.more["externalIdFieldName"] = document["externalIdFieldName"]
        if document.get("assignmentRuleId"):
            job.more["assignmentRuleId"] = document["assignmentRuleId"]
        self._jobs[job.id] = job
        self._work[job.id] = Work(job, sobject, key)
        return job

    def _key(self, operation: str, sobject: SObject, name: object) -> Field | None:
        if operation != "upsert":
            return None
        if not name:
            message = (
                f"InvalidJob : External ID was blank for {sobject.name}. An External ID must be specified for upsert."
            )
            raise ApiError(400, "INVALIDJOB", message)
        known = self._org.visible(sobject, str(name))
        if known is None or not (known.is_key or known.name == "Id"):
            message = f"InvalidJob : Field name provided, {name}, does not match an External ID for {sobject.name}"
            raise ApiError(400, "INVALIDJOB", message)
        return known if known.is_key else None

    async def upload(self, request: Request) -> Response:
        """PUT /jobs/ingest/{id}/batches: once, while the job is open."""
        job = self._found(request)
        work = self._work[job.id]
        if job.state != "Open":
            raise state_error(f"A job in the state {job.state} takes no data")
        if work.content is not None:
            message = (
                f"ClientInputError : Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' "
                "the current Job then create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise ApiError(400, "CLIENTINPUTERROR", message)
        if not request.headers.get("content-type", "").lower().startswith("text/csv"):
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", "the data of a job is text/csv")
        content = await body_of(request)
        if -(-len(content) // 3) * 4 > self._control.limit("bulk_bytes"):
            self._control.violation("413")
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", "the data exceeds 150 MB once encoded as base64")
        work.content = content
        return Response(status_code=201)

    def _close(self, request: Request, job: Job, state: object) -> None:
        if state != "UploadComplete":
            super()._close(request, job, state)
        if job.state != "Open":
            raise state_error(f"A job in the state {job.state} cannot be closed")
        work = self._work[job.id]
        if work.content is None:
            raise state_error("No data was uploaded")
        call = call_of(request)
        options = Options(allow_save=False, auto_assign="assignmentRuleId" in job.more, in_one_piece=True)
        operation = "upsert" if job.operation == "upsert" else job.operation
        work.load = Load(call, work.sobject, operation, work.key, options)
        now = self._now()
        job.enter("UploadComplete", now)
        begins = now + self._control.limit("bulk_queue_seconds")
        self._control.schedule(begins, partial(self._begin, work, begins))

    def _begin(self, work: Work, at: float) -> None:
        """Read the file when the job's turn has come; one that cannot be read fails the job."""
        job = work.job
        if job.state != "UploadComplete":
            return
        try:
            self._read_file(work)
        except _InvalidFileError as error:
            job.error_message = str(error)
            job.enter("Failed", at)
            return
        job.enter("InProgress", at)
        self._control.schedule(at + self._control.limit("bulk_batch_seconds"), partial(self._batch, work, 0, at))

    def _batch(self, work: Work, number: int, began: float) -> None:
        """Carry out one batch, in transactions of 200 rows, and put down the next."""
        job = work.job
        if job.state != "InProgress" or work.load is None:
            return
        seconds = self._control.limit("bulk_batch_seconds")
        at = began + (number + 1) * seconds
        size = int(self._control.limit("bulk_batch_records"))
        start, stop = number * size, min((number + 1) * size, len(work.rows))
        stamp = Stamp(datetime.fromtimestamp(at, UTC), self._org.user_id, work.load.call.commit_delay)
        if start < stop:
            self._usage.spend("batches")
        for first in range(start, stop, _CHUNK):
            bodies = [_body(work, row) for row in work.rows[first : min(first + _CHUNK, stop)]]
            for row in self._writer.write_chunk(work.load, bodies, first, stamp):
                (work.refused if row.error else work.written)[row.index] = row
        job.processed = stop
        job.failed = len(work.refused)
        fails_at = int(self._control.limit("bulk_fail_after_batches"))
        if stop >= len(work.rows):
            job.enter("JobComplete", at)
        elif number + 1 == fails_at:
            job.error_message = "TooManyLockFailure : Too many lock failures while processing the current batch"
            job.enter("Failed", at)
        else:
            self._control.schedule(at + seconds, partial(self._batch, work, number + 1, began))

    def _read_file(self, work: Work) -> None:
        text = _decoded(work.content or b"")
        ending = work.job.line_ending
        bare = text.replace("\r\n", "")
        if ("\r\n" in text) if ending == "LF" else ("\n" in bare):
            message = "ClientInputError : LineEnding is invalid on user data. "
            raise _InvalidFileError(message + f"Current LineEnding setting is {ending}")
        if len(text.partition("\n")[0]) > _MAX_HEADER:
            raise _InvalidFileError("InvalidBatch : the header row is longer than 32,000 characters")
        delimiter = DELIMITERS[work.job.delimiter]
        csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except csv.Error as error:
            raise _InvalidFileError(f"InvalidBatch : the file is not readable CSV: {error}") from None
        if not rows:
            raise _InvalidFileError("InvalidBatch : the file has no header row")
        work.headers, work.rows = rows[0], [row for row in rows[1:] if row]
        if any(len(row) != len(work.headers) for row in work.rows):
            raise _InvalidFileError("InvalidBatch : a row has more or fewer columns than the header")
        unknown_fails = self._control.switch("bulk_unknown_column_fails")
        work.columns = [
            _column(self._org, work.sobject, header, unknown_fails=unknown_fails) for header in work.headers
        ]
        named = {header.lower() for header in work.headers}
        if work.job.operation == "delete" and named != {"id"}:
            raise _InvalidFileError("InvalidBatch : a delete file has the column Id and no other")

    # results

    async def successful(self, request: Request) -> Response:
        """GET /jobs/ingest/{id}/successfulResults."""
        work = self._over(request)

        def cells(index: int, row: Row) -> list[str]:
            return [str(row.record_id), str(row.created).lower(), *_kept(work, index)]

        lines = [cells(index, work.written[index]) for index in self._shuffled(work, work.written)]
        return self._csv(work, ["sf__Id", "sf__Created"], lines)

    async def failed(self, request: Request) -> Response:
        """GET /jobs/ingest/{id}/failedResults."""
        work = self._over(request)

        def cells(index: int, row: Row) -> list[str]:
            error = row.error or RowError("UNKNOWN_EXCEPTION", "")
            told = f"{error.code}:{error.message}:{','.join(error.fields)}{' ' if error.fields else ''}--"
            # older versions do not name the record
            own = [row.target or "", told] if with_id else [told]
            return [*own, *_kept(work, index)]

        with_id = float(work.job.version.removeprefix("v")) >= _FAILED_IDS_SINCE
        lines = [cells(index, work.refused[index]) for index in self._shuffled(work, work.refused)]
        return self._csv(work, ["sf__Id", "sf__Error"] if with_id else ["sf__Error"], lines)

    async def unprocessed(self, request: Request) -> Response:
        """GET /jobs/ingest/{id}/unprocessedrecords: the rows that an aborted or failed job never came to."""
        work = self._over(request)
        if not work.headers and work.content:
            # the file was never read as the job's: give it back as it came
            return Response(work.content, media_type="text/csv")
        left = [index for index in range(len(work.rows)) if index not in work.written and index not in work.refused]
        return self._csv(work, [], [_kept(work, index) for index in left])

    def _over(self, request: Request) -> Work:
        job = self._found(request)
        if not job.is_over:
            raise state_error(f"The results of a job in the state {job.state} are not there yet")
        return self._work[job.id]

    def _shuffled(self, work: Work, indexes: Iterable[int]) -> list[int]:
        """Return indexes in an order that is not the input's, but the same at each look."""
        order = sorted(indexes)
        random.Random(f"{self._control.seed} {work.job.id}").shuffle(order)  # noqa: S311 - repeatable, no secret
        return order

    def _csv(self, work: Work, own: list[str], lines: Sequence[list[str]]) -> Response:
        kept = [header for header, column in zip(work.headers, work.columns, strict=False) if column]
        return Response(csv_text(work.job, [own + kept, *lines]), media_type="text/csv")

    def _document(self, job: Job) -> Record:
        return job.document() | {"numberRecordsFailed": job.failed}


async def _with_data(request: Request) -> tuple[Record, bytes]:
    """Return the two parts of a request that brings a job and its data.

    Raises:
        ApiError: They are not there, or not readable; or the data is too long for this way.
    """
    try:
        parts = parts_of(request.headers["content-type"], await body_of(request))
        document, content = json.loads(parts["job"]), parts["content"]
        length = len(content.decode("utf-8-sig"))
    except (UnreadableUploadError, KeyError, ValueError):
        message = "the parts `job`, in JSON, and `content`, in CSV, are needed"
        raise ApiError(400, "JSON_PARSER_ERROR", message) from None
    if not isinstance(document, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "Unexpected token: an object is needed at [line:1, column:1]")
    if length > _MAX_WITH_JOB:
        message = f"InvalidJob : data of more than {_MAX_WITH_JOB:,} characters is uploaded by a request of its own"
        raise ApiError(400, "INVALIDJOB", message)
    return document, content


def csv_text(job: Job, lines: Iterable[list[str]]) -> str:
    """Return rows as a file of the job, every cell quoted."""
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=DELIMITERS[job.delimiter], lineterminator=LINE_ENDINGS[job.line_ending], quoting=csv.QUOTE_ALL
    )
    writer.writerows(lines)
    return out.getvalue()


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _InvalidFileError("ClientInputError : the data is not UTF-8") from None


def _column(org: Org, sobject: SObject, header: str, *, unknown_fails: bool) -> Column | None:
    """Return what a header means: `Field`, `Parent.Key` or `Type:Parent.Key`."""
    known = org.visible(sobject, header)
    if known is not None:
        return Column(header, known)
    typed, _, path = header.rpartition(":")
    relationship, _, key_name = path.partition(".")
    reference = sobject.by_relationship.get(relationship.lower())
    if reference is not None and key_name and (typed or len(reference.reference_to) == 1):
        parent = SOBJECTS.get(typed or reference.reference_to[0])
        key = parent.field(key_name) if parent else None
        if parent is not None and parent.name in reference.reference_to and key is not None and key.is_key:
            return Column(header, key, relationship, parent)
    if unknown_fails:
        raise _InvalidFileError(f"InvalidBatch : Field name not found : {header}")
    return None


def _body(work: Work, cells: list[str]) -> Record | RowError:
    """Return a row as the JSON record that means the same."""
    if sum(map(len, cells)) > _MAX_RECORD or any(len(cell) > _MAX_FIELD for cell in cells):
        return RowError("LIMIT_EXCEEDED", "a record has at most 400,000 characters and a field 131,072")
    body: Record = {}
    for column, cell in zip(work.columns, cells, strict=True):
        if column is None or column.field is None or cell == "":
            continue
        if column.parent is not None:
            parent = {"attributes": {"type": column.parent.name}, column.field.name: cell}
            body[column.relationship] = None if cell == _NULL else parent
        elif cell == _NULL:
            body[column.field.name] = None
        else:
            value = _typed_value(column.field, cell)
            if isinstance(value, RowError):
                return value
            body[column.field.name] = value
    return body


def _typed_value(known: Field, cell: str) -> Any:
    try:
        if known.type == "boolean":
            return _TRUTHS[cell.lower()]
        if known.type in NUMBER_TYPES:
            return float(cell)
    except (KeyError, ValueError):
        message = f"{known.name}: value not of required type: {cell}"
        return RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [known.name])
    return cell


def _kept(work: Work, index: int) -> list[str]:
    """Return a row's cells without the columns that the object does not have."""
    return [cell for cell, column in zip(work.rows[index], work.columns, strict=True) if column]
