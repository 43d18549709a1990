"""Bulk extract and bulk import: jobs, from their creation to their files.

Only creating a job is a write whose lost answer leaves doubt; `jobs` then shows whether an extract is there (imports
have no list). Everything else may be repeated. Full queues (1029, 1016) are a `TransientError`, the spent megabytes
of the day (1029) a `QuotaExhaustedError`, a filter that the subscription does not offer (1035), an unknown job (1013)
and a missing file (`http_404`) a `PermanentError` with that code.

Source: Marketo REST API, "Bulk Extract", "Bulk Import" and the pages of their objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.marketo import ExportJob, ImportJob
from leadbridge.domain.operations import FORM_BYTES
from leadbridge.domain.operations import IMPORT_BYTES as MOST_BYTES
from leadbridge.errors import PermanentError
from leadbridge.vendors.http.bodies import multipart
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.api import Api, Parts
from leadbridge.vendors.marketo.endpoints import Endpoint, ExportEndpoints, ImportEndpoints
from leadbridge.vendors.marketo.values import timestamp

#: a file must be smaller: ten megabytes, counted decimally to be safe, with the form around it
IMPORT_BYTES = MOST_BYTES - FORM_BYTES + 1
#: the longest time that one extract may cover
LONGEST_WINDOW = timedelta(days=31)
_SECOND = timedelta(seconds=1)
#: no record of any instance is older
EARLIEST = datetime(2007, 1, 1, tzinfo=UTC)


class Exports:
    """Bulk extracts of one kind of record. A job is seen by the API user only that made it."""

    def __init__(self, api: Api, calls: ExportEndpoints, parts: Parts | None = None) -> None:
        self._api = api
        self._calls = calls
        self._parts = dict(parts or {})

    def create(
        self,
        filters: Mapping[str, Any],
        *,
        fields: Sequence[str] = (),
        column_names: Mapping[str, str] | None = None,
    ) -> ExportJob:
        """Define a job; it does nothing until it is enqueued.

        `filters` is Marketo's own document (see `window`); activities need no `fields`, all others do.
        `column_names` replaces names in the header.

        Raises:
            UncertainWriteError: No answer; `jobs` shows whether the job is there.
            QuotaExhaustedError: The megabytes of the day are used up.
        """
        body: dict[str, Any] = {"format": "CSV", "filter": dict(filters)}
        if fields:
            body["fields"] = list(fields)
        if column_names:
            body["columnHeaderNames"] = dict(column_names)
        return self._job(self._calls.create, body=body)

    def enqueue(self, export_id: str) -> ExportJob:
        """Put a job into the queue; one that is there already stays there.

        Raises:
            TransientError: The queue is full (1029).
            QuotaExhaustedError: The megabytes of the day are used up.
        """
        answer = self._api.send(self._calls.enqueue, parts=self._named(export_id))
        if not answer.payload.get("result"):
            return self.status(export_id)
        return self._api.one(ExportJob, self._calls.enqueue, answer)

    def status(self, export_id: str) -> ExportJob:
        """The job as Marketo shows it; it is refreshed once a minute at most."""
        return self._api.one(
            ExportJob, self._calls.status, self._api.get(self._calls.status, parts=self._named(export_id))
        )

    def cancel(self, export_id: str) -> ExportJob:
        """Give a job up that has not ended."""
        return self._job(self._calls.cancel, export_id)

    def jobs(self, statuses: Sequence[str] = ()) -> Iterator[ExportJob]:
        """Our jobs of the last seven days, of these states or of all; `created`, `queued`, `processing` and so on."""
        params = {"status": ",".join(statuses)} if statuses else None
        return self._api.records(ExportJob, self._calls.list, parts=self._parts, params=params)

    def file(self, export_id: str, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """A complete job's file from byte `start` up to but not including byte `stop`, in pieces as they arrive.

        Raises:
            BrokenDownloadError: It broke off; `offset` says from which byte to go on.
            PermanentError: There is no file (`http_404`): not complete, older than seven days, or lost.
        """
        return self._api.file(self._calls.file, self._named(export_id), start=start, stop=stop)

    def whole_file(self, export_id: str, *, start: int = 0) -> Iterator[bytes]:
        """A complete job's file from byte `start` to its end, read on where it breaks off."""
        return self._api.whole_file(self._calls.file, self._named(export_id), start=start)

    def _job(self, endpoint: Endpoint, export_id: str = "", body: Mapping[str, Any] | None = None) -> ExportJob:
        return self._api.one(ExportJob, endpoint, self._api.send(endpoint, parts=self._named(export_id), body=body))

    def _named(self, export_id: str) -> Parts:
        return {**self._parts, "job": export_id}


class Imports:
    """Bulk imports of one kind of record: CSV with REST names in its header, in; rows that failed, out."""

    def __init__(self, api: Api, calls: ImportEndpoints, parts: Parts | None = None) -> None:
        self._api = api
        self._calls = calls
        self._parts = dict(parts or {})

    def create(self, content: bytes, params: Mapping[str, str] | None = None) -> ImportJob:
        """Send a file and queue its job.

        Raises:
            UncertainWriteError: No answer; the file may be imported or not, and no list of imports tells.
            TransientError: The queue is full (1016) or the list is busy (1019).
            ValueError: The file has `IMPORT_BYTES` or more.
        """
        if len(content) >= IMPORT_BYTES:
            raise ValueError(f"a file of less than {IMPORT_BYTES} bytes")
        encoded, headers = multipart("file", "import.csv", "text/csv", content)
        answer = self._api.send(
            self._calls.create,
            parts=self._parts,
            params={"format": "csv", **(params or {})},
            content=encoded,
            headers=headers,
        )
        return self._api.one(ImportJob, self._calls.create, answer)

    def status(self, batch_id: int) -> ImportJob:
        """The job as it is; it is known for seven days."""
        return self._api.one(
            ImportJob, self._calls.status, self._api.get(self._calls.status, parts=self._named(batch_id))
        )

    def failures(self, batch_id: int) -> Iterator[bytes]:
        """The file of rows that failed, as sent and with "Import Failure Reason"; nothing where there is none."""
        return self._file(self._calls.failures, batch_id)

    def warnings(self, batch_id: int) -> Iterator[bytes]:
        """The file of rows with a warning, as sent and with "Import Warning Reason"; nothing where there is none."""
        return self._file(self._calls.warnings, batch_id)

    def _file(self, endpoint: Endpoint, batch_id: int) -> Iterator[bytes]:
        try:
            yield from self._api.whole_file(endpoint, self._named(batch_id))
        except PermanentError as error:
            if error.code != "http_404":
                raise

    def _named(self, batch_id: int) -> Parts:
        return {**self._parts, "job": batch_id}


class LeadImports(Imports):
    """Imports of leads."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, endpoints.LEAD_IMPORT)

    def create_leads(
        self, content: bytes, *, lookup_field: str = "email", list_id: int | None = None, partition: str | None = None
    ) -> ImportJob:
        """Create or update leads found by `lookup_field` (with `id`: only update), perhaps adding them to a list."""
        params = {"lookupField": lookup_field}
        if list_id is not None:
            params["listId"] = str(list_id)
        if partition is not None:
            params["partitionName"] = partition
        return self.create(content, params)


class MemberImports(Imports):
    """Imports of members of one program, found or created by their e-mail address."""

    def __init__(self, api: Api, program_id: int) -> None:
        super().__init__(api, endpoints.MEMBER_IMPORT, {"program": program_id})

    def create_members(self, content: bytes, *, status: str) -> ImportJob:
        """Make leads members with this status."""
        return self.create(content, {"programMemberStatus": status})


class Bulk:
    """All bulk jobs of an instance, by kind of record."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.lead_exports = Exports(api, endpoints.LEAD_EXPORT)
        self.activity_exports = Exports(api, endpoints.ACTIVITY_EXPORT)
        self.member_exports = Exports(api, endpoints.MEMBER_EXPORT)
        self.lead_imports = LeadImports(api)

    def object_exports(self, api_name: str) -> Exports:
        """Extracts of the custom objects of a type."""
        return Exports(self._api, endpoints.OBJECT_EXPORT, {"object": api_name})

    def object_imports(self, api_name: str) -> Imports:
        """Imports of the custom objects of a type."""
        return Imports(self._api, endpoints.OBJECT_IMPORT, {"object": api_name})

    def member_imports(self, program_id: int) -> MemberImports:
        """Imports of the members of a program."""
        return MemberImports(self._api, program_id)


def window(field: str, start: datetime, end: datetime) -> dict[str, Any]:
    """The filter for what `field` (createdAt, updatedAt) dates from `start` to `end`, both inclusive, whole seconds.

    Raises:
        ValueError: Longer than `LONGEST_WINDOW`, or the end comes first.
    """
    if not timedelta(0) <= end - start <= LONGEST_WINDOW:
        raise ValueError(f"from 0 to {LONGEST_WINDOW.days} days, not {end - start}")
    return {field: {"startAt": timestamp(start), "endAt": timestamp(end)}}


def windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Windows that hold every whole second from `since` up to but not including `until`, each second once.

    What lies before `EARLIEST` is left out: there is nothing, and each month of it would cost an extract.
    """
    start, last = max(since, EARLIEST).replace(microsecond=0), until.replace(microsecond=0)
    while start < last:
        following = min(start + LONGEST_WINDOW, last)
        yield start, following - _SECOND
        start = following
