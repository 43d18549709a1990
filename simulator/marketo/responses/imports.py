"""Bulk import of leads, custom objects and program members."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from simulator.control import Call
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models.imports import DELIMITERS, ImportJob, Row, check_key, given
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.leads import PARTITIONS, PlannedRow
from simulator.marketo.models.memberships import Program
from simulator.marketo.responses.envelope import Payload, integers, parameter, path_id, request_id, required
from simulator.marketo.values import read_value
from simulator.uploads import MULTIPART, UnreadableUploadError, parts_of

FAILURE_TITLE, WARNING_TITLE = "Import Failure Reason", "Import Warning Reason"


class ImportResponses:
    """Handlers of bulk import below `/bulk/v1`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    # create

    async def leads(self, _request: Request, call: Call) -> Payload:
        """Queue a file of leads; `lookupField=id` updates only."""
        content, file_format = _read_upload(call)
        lookup_field = parameter(call, "lookupField") or "email"
        action = "updateOnly" if lookup_field == "id" else "createOrUpdate"
        partition = parameter(call, "partitionName")
        if partition is not None and partition not in PARTITIONS:
            raise MarketoError("1008", f"Partition '{partition}' does not exist or is not accessible")
        self._instance.leads.plan([], action, lookup_field)
        list_id = next(iter(integers(call, "listId", 1)), None)
        static_list = None if list_id is None else self._instance.memberships.list_of(list_id)

        def write(row: Row, at: datetime) -> str | None:
            lead_id, warning = self._write_lead(row, (action, lookup_field, partition), replace(call, at=at))
            if static_list is not None:
                self._instance.add_to_list(static_list, [lead_id], at)
            return warning

        job = self._instance.imports.create("leads", file_format, content, write, list_id)
        return _queued(call, job, {"numOfLeadsProcessed": 0})

    async def members(self, request: Request, call: Call) -> Payload:
        """Queue a file of program members, found or created by their e-mail address."""
        program = self._instance.memberships.program_of(path_id(request, "program_id"))
        status = required(call, "programMemberStatus")
        program.check_status(status)
        content, file_format = _read_upload(call)

        def write(row: Row, at: datetime) -> str | None:
            self._write_member(program, status, row, replace(call, at=at))
            return None

        job = self._instance.imports.create("program/members", file_format, content, write)
        return _queued(call, job)

    async def objects(self, request: Request, call: Call) -> Payload:
        """Queue a file of custom objects."""
        api_name = request.path_params["api_name"]
        objects = self._instance.custom_objects
        table = objects.table(api_name)
        content, file_format = _read_upload(call)

        def write(row: Row, at: datetime) -> str | None:
            check_key(row, table.kind.dedupe)
            [planned] = table.plan(
                [given(row)], "createOrUpdate", "dedupeFields", lambda changes, _stored: objects.check(table, changes)
            )
            if planned.reason is not None:
                raise RowError(*planned.reason)
            objects.apply(table, planned, at)
            return None

        job = self._instance.imports.create(f"customobjects/{api_name}", file_format, content, write)
        return _queued(call, job, {"operation": "import", "objectApiName": api_name})

    # rows

    def _write_lead(self, row: Row, rules: tuple[str, str, str | None], call: Call) -> tuple[int, str | None]:
        action, lookup_field, partition = rules
        check_key(row, [lookup_field])
        values = given(row)
        warning = None
        known = self._instance.leads.schema.rest
        for name in [name for name in values if name in known and known[name].data_type == "email"]:
            try:
                read_value(name, "email", values[name])
            except RowError:
                # unlike a sync, an import takes the row without the bad address
                warning = f"Invalid email address '{values.pop(name)}'"
        if lookup_field not in values:
            action = "createDuplicate"
        [planned] = self._instance.leads.plan([values], action, lookup_field, partition)
        return self._apply(planned, call), warning

    def _write_member(self, program: Program, status: str, row: Row, call: Call) -> None:
        check_key(row, ["email"])
        [planned] = self._instance.leads.plan([given(row)], "createOrUpdate", "email")
        lead_id = self._apply(planned, call)
        if not program.takes(lead_id, status):
            raise RowError("1037", "Lead already in or past this status")
        self._instance.set_program_status(program, status, [lead_id], call.at)

    def _apply(self, planned: PlannedRow, call: Call) -> int:
        if planned.reason is not None or planned.lead_id is None:
            raise RowError(*(planned.reason or ("1014", "Failed to create Object")))
        self._instance.sync_leads(call, [planned], request_id(call))
        return planned.lead_id

    # status and files

    async def lead_status(self, request: Request, call: Call) -> Payload:
        """Give the status of a lead import."""
        job = self._job(request, call)
        return _answer(call, job, {"numOfLeadsProcessed": job.processed, **_counts(job)})

    async def member_status(self, request: Request, call: Call) -> Payload:
        """Give the status of a program member import."""
        job = self._job(request, call)
        return _answer(call, job, {"numOfLeadsProcessed": job.processed, **_counts(job)})

    async def object_status(self, request: Request, call: Call) -> Payload:
        """Give the status of a custom object import."""
        job = self._job(request, call)
        own = {"operation": "import", "objectApiName": request.path_params["api_name"]}
        if job.finished is not None and job.started is not None:
            own["importTime"] = f"{int(job.finished - job.started)} second(s)"
        return _answer(call, job, {"numOfObjectsProcessed": job.processed, **_counts(job), **own})

    async def failures(self, request: Request, call: Call) -> Response:
        """Give the rows that failed; 404 where there are none."""
        job = self._job(request, call)
        return _file(job, job.failures, FAILURE_TITLE)

    async def warnings(self, request: Request, call: Call) -> Response:
        """Give the rows with warnings; 404 where there are none."""
        job = self._job(request, call)
        return _file(job, job.warnings, WARNING_TITLE)

    def _job(self, request: Request, call: Call) -> ImportJob:
        kind = "leads" if "/leads/" in call.path else "program/members"
        if api_name := request.path_params.get("api_name"):
            kind = f"customobjects/{api_name}"
        return self._instance.imports.get(kind, path_id(request, "batch_id"))


def _file(job: ImportJob, rows: list[list[str]], title: str) -> Response:
    if not job.ended or not rows:
        return PlainTextResponse("There is no such file", status_code=404)
    return Response(job.file(rows, title), media_type=f"text/{job.format};charset=UTF-8")


def _queued(call: Call, job: ImportJob, own: Payload | None = None) -> Payload:
    call.record_keys.append(str(job.id))
    return {"result": [{"batchId": job.id, "importId": str(job.id), "status": job.status} | (own or {})]}


def _answer(call: Call, job: ImportJob, own: Payload) -> Payload:
    call.record_keys.append(str(job.id))
    return {"result": [{"batchId": job.id, "importId": str(job.id), "status": job.status} | own]}


def _counts(job: ImportJob) -> Payload:
    return {
        "numOfRowsFailed": len(job.failures),
        "numOfRowsWithWarning": len(job.warnings),
        "message": job.message,
    }


def _read_upload(call: Call) -> tuple[bytes, str]:
    """Give the file of a multipart request and its format, from the query or from a part.

    Raises:
        MarketoError: 612 not multipart, 613 not well-formed, 1002 no file or format, 1003 an unknown format.
    """
    content_type = call.headers.get("content-type", "")
    if not content_type.lower().startswith(MULTIPART):
        raise MarketoError("612", "Invalid Content Type")
    try:
        parts = parts_of(content_type, call.body)
    except UnreadableUploadError:
        raise MarketoError("613", "Invalid Multipart Request") from None
    file_format = (parameter(call, "format") or parts.get("format", b"").decode("latin-1")).lower()
    if not file_format:
        raise missing_parameter("format")
    if file_format not in DELIMITERS:
        raise MarketoError("1003", f"Invalid value for format '{file_format}'")
    if "file" not in parts:
        raise missing_parameter("file")
    return parts["file"], file_format
