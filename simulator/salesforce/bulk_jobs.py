"""What ingest and query jobs of Bulk API 2.0 have in common: the job's document, its states and its list.

Source: Bulk API 2.0 guide, job states, get information about a job, get information about all jobs, errors. A
job moves by the clock: it waits, then one batch after the other is done. Codes of refusals that the guide does
not spell out follow its error names in capitals (`INVALIDJOBSTATE`).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.control import ControlPlane, Record
from simulator.salesforce import values
from simulator.salesforce.exceptions import ApiError, not_found
from simulator.salesforce.models import Org
from simulator.salesforce.reading import json_object
from simulator.salesforce.usage import Usage

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})
_JOBS_PER_PAGE = 1_000


@dataclass
class Job:
    """One job."""

    id: str
    version: str
    operation: str
    object_name: str
    line_ending: str
    delimiter: str
    created_at: datetime
    user_id: str
    state: str
    changed_at: datetime
    started_at: float = 0.0
    processed: int = 0
    failed: int = 0
    error_message: str = ""
    more: Record = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing happens to the job any more."""
        return self.state in TERMINAL

    def enter(self, state: str, at: float) -> None:
        """Take a new state at a time in seconds since 1970."""
        self.state = state
        self.changed_at = datetime.fromtimestamp(at, UTC)

    def head(self) -> Record:
        """Return what the answer to creating a job, and the list, say."""
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object_name,
            "createdById": self.user_id,
            "createdDate": values.stamp(self.created_at),
            "systemModstamp": values.stamp(self.changed_at),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version.removeprefix("v")),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        } | self.more

    def document(self) -> Record:
        """Return all that is known of the job."""
        took = int((self.changed_at - self.created_at).total_seconds() * 1000) if self.is_over else 0
        told = self.head() | {
            "retries": 0,
            "totalProcessingTime": took,
            "apiActiveProcessingTime": took,
            "apexProcessingTime": 0,
            "numberRecordsProcessed": self.processed,
        }
        return told | ({"errorMessage": self.error_message} if self.error_message else {})


class Jobs:
    """The jobs of one kind: creating, finding, listing, aborting and deleting them."""

    kind = ""

    def __init__(self, control: ControlPlane, org: Org, usage: Usage) -> None:
        self._control = control
        self._org = org
        self._usage = usage
        self._jobs: dict[str, Job] = {}

    async def read(self, request: Request) -> Response:
        """GET /jobs/{kind}/{id}."""
        return JSONResponse(self._document(self._found(request)))

    def _document(self, job: Job) -> Record:
        return job.document()

    async def listed(self, request: Request) -> Response:
        """GET /jobs/{kind}: 1,000 jobs at a time."""
        text = request.query_params.get("queryLocator", "0")
        if not text.isdecimal():
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        start = int(text)
        wanted = request.query_params.get("jobType")
        jobs = [self._present(each) for each in list(self._jobs.values())]
        heads = [job.head() for job in jobs if job is not None and wanted in (None, job.more.get("jobType"))]
        stop = start + _JOBS_PER_PAGE
        base = f"/services/data/{request.path_params['version']}/jobs/{self.kind}"
        following = f"{base}?queryLocator={stop}" if stop < len(heads) else None
        answer = {"done": following is None, "records": heads[start:stop], "nextRecordsUrl": following}
        return JSONResponse(answer)

    async def delete(self, request: Request) -> Response:
        """DELETE /jobs/{kind}/{id}: 204, only where nothing is being uploaded or processed."""
        job = self._found(request)
        if job.state not in TERMINAL | {"UploadComplete"}:
            raise state_error(f"A job in the state {job.state} cannot be deleted")
        job.enter("Aborted", self._now())
        del self._jobs[job.id]
        return Response(status_code=204)

    async def change(self, request: Request) -> Response:
        """PATCH /jobs/{kind}/{id}: close or abort a job."""
        job = self._found(request)
        state = (await json_object(request)).get("state")
        if state == "Aborted":
            if job.is_over:
                raise state_error(f"A job in the state {job.state} cannot be aborted")
            job.enter("Aborted", self._now())
        else:
            self._close(request, job, state)
        return JSONResponse(job.head())

    def _close(self, request: Request, job: Job, state: object) -> None:
        del request, job
        raise ApiError(400, "INVALIDJOBSTATE", f"InvalidJobState : {state} is not a state to set")

    def _found(self, request: Request) -> Job:
        """Return the job of the path.

        Raises:
            ApiError: NOT_FOUND, or 409 where the job was made with another version of the API.
        """
        job = self._jobs.get(str(request.path_params["job_id"]))
        present = self._present(job) if job else None
        if present is None:
            raise not_found()
        if present.version != request.path_params["version"]:
            raise ApiError(409, "INVALIDVERSION", f"The job was created with {present.version}; use the same version")
        return present

    def _present(self, job: Job) -> Job | None:
        """Return the job as time has left it: an open one is given up, an ended one forgotten."""
        now = self._now()
        if job.state == "Open":
            given_up = job.created_at.timestamp() + self._control.limit("bulk_open_seconds")
            if now >= given_up:
                job.enter("Aborted", given_up)
        if job.is_over and now >= job.changed_at.timestamp() + self._control.limit("bulk_result_seconds"):
            del self._jobs[job.id]
            return None
        return job

    def _now(self) -> float:
        return self._control.clock.timestamp()


def choice(document: Record, name: str, allowed: object, default: str | None = None) -> str:
    """Return a member of a job's document that has to be one of a few words.

    Raises:
        ApiError: JSON_PARSER_ERROR.
    """
    value = document.get(name, default)
    words = list(allowed) if isinstance(allowed, dict | tuple) else []
    if value not in words:
        raise ApiError(400, "JSON_PARSER_ERROR", f"{name}: {value!r} is not one of {', '.join(words)}")
    return str(value)


def state_error(message: str) -> ApiError:
    """Return the refusal of what a job's state does not allow."""
    return ApiError(400, "INVALIDJOBSTATE", f"InvalidJobState : {message}")
