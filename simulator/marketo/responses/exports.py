"""Bulk extract: create, enqueue, status, file, cancel and list, the same for every kind of object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError
from simulator.marketo.models.exports import DELIMITERS, ExportJob
from simulator.marketo.models.extracts import Extracts
from simulator.marketo.models.instance import Instance
from simulator.marketo.responses.envelope import Payload, listed, page_of, read_body

STATUSES = {"created", "queued", "processing", "cancelled", "canceled", "completed", "failed"}
CHUNK_BYTES = 65_536
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class ExportResponses:
    """Handlers of one kind: `leads`, `activities`, `program/members` or `customobjects`."""

    def __init__(self, instance: Instance, kind: str) -> None:
        self._instance = instance
        self._kind_name = kind
        self._extracts = Extracts(instance)

    def _kind(self, request: Request) -> str:
        api_name = request.path_params.get("api_name")
        if api_name is None:
            return self._kind_name
        self._instance.custom_objects.table(api_name)
        return f"{self._kind_name}/{api_name}"

    def _job(self, request: Request, call: Call) -> ExportJob:
        return self._instance.exports.get(self._kind(request), request.path_params["export_id"], call.client)

    async def create(self, request: Request, call: Call) -> Payload:
        """Define a job; nothing happens until it is enqueued."""
        if not self._instance.control.switch("bulk_extract"):
            raise MarketoError("703", "The feature is not enabled for the user")
        kind, body = self._kind(request), read_body(call)
        file_format = str(body.get("format") or "CSV").upper()
        if file_format not in DELIMITERS:
            raise MarketoError("1003", f"Invalid value for format '{file_format}'")
        names, rows = self._extracts.plan(kind, body)
        titles = body.get("columnHeaderNames") or {}
        if not isinstance(titles, dict):
            raise MarketoError("1001", "Invalid value for 'columnHeaderNames'")
        header = [str(titles.get(name, name)) for name in names]
        job = self._instance.exports.create(kind, call.client, file_format, header, rows)
        return self._answer(call, job)

    async def enqueue(self, request: Request, call: Call) -> Payload:
        """Put a job into the queue that all kinds share."""
        job = self._job(request, call)
        self._instance.exports.enqueue(job)
        return self._answer(call, job)

    async def cancel(self, request: Request, call: Call) -> Payload:
        """Cancel a job that has not ended."""
        job = self._job(request, call)
        self._instance.exports.cancel(job)
        return self._answer(call, job)

    async def status(self, request: Request, call: Call) -> Payload:
        """Give a job's status, as of the last refresh."""
        return self._answer(call, self._job(request, call))

    async def jobs(self, request: Request, call: Call) -> Payload:
        """List the user's jobs of the last seven days."""
        wanted = {status.lower() for status in listed(call, "status")}
        if not wanted <= STATUSES:
            raise MarketoError("1003", "Invalid value for 'status'")
        exports = self._instance.exports
        shown = [exports.shown(job) for job in exports.listed(self._kind(request), call.client)]
        found = [each for each in shown if not wanted or str(each["status"]).lower() in wanted]
        page, paging = page_of(call, list(range(len(found))), "exports")
        return {"result": [found[index] for index in page]} | paging

    async def file(self, request: Request, call: Call) -> Response:
        """Give a completed job's file, whole or the range asked for; 404 in plain text where there is none."""
        job = self._job(request, call)
        path = self._instance.exports.path(job)
        if path is None:
            return PlainTextResponse("The export file is not available", status_code=404)
        call.record_keys.append(job.id)
        return _ranged(path, job.size, call.headers.get("range"))

    def _answer(self, call: Call, job: ExportJob) -> Payload:
        call.record_keys.append(job.id)
        return {"result": [self._instance.exports.shown(job)]}


def _ranged(path: Path, size: int, asked: str | None) -> Response:
    headers = {"accept-ranges": "bytes"}
    if asked is None:
        return _stream(path, 0, size, 200, headers)
    match = _RANGE.fullmatch(asked.strip())
    first = int(match[1]) if match else size
    last = min(int(match[2]) if match and match[2] else size - 1, size - 1)
    if not match or first > last:
        return PlainTextResponse("Range Not Satisfiable", 416, {"content-range": f"bytes */{size}"})
    return _stream(path, first, last - first + 1, 206, headers | {"content-range": f"bytes {first}-{last}/{size}"})


def _stream(path: Path, start: int, length: int, status: int, headers: dict[str, str]) -> Response:
    def chunks() -> Iterator[bytes]:
        left = length
        with path.open("rb") as file:
            file.seek(start)
            while left and (chunk := file.read(min(CHUNK_BYTES, left))):
                left -= len(chunk)
                yield chunk

    headers = headers | {"content-length": str(length)}
    return StreamingResponse(chunks(), status, headers, media_type="text/csv;charset=UTF-8")
