"""What changed and what went in a window of time: the resources `updated` and `deleted` of an object.

Source: sObject Get Updated, sObject Get Deleted and the SOAP pages of the same calls: seconds are ignored, a
window begins at most 30 (15 for deletions) days ago, at most 600,000 ids are given, and `latestDateCovered` is
pulled back to the start of a transaction that is still running.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.control import ControlPlane
from simulator.salesforce import values
from simulator.salesforce.exceptions import ApiError
from simulator.salesforce.models import Org
from simulator.salesforce.reading import sobject_of
from simulator.salesforce.schema import SObject

_UPDATED_DAYS = 30
_DELETED_DAYS = 15

type Endpoint = tuple[str, str, Callable[[Request], Any]]


class Replication:
    """The replication resources of one org."""

    def __init__(self, control: ControlPlane, org: Org) -> None:
        self._control = control
        self._org = org

    def endpoints(self) -> list[Endpoint]:
        """Return method, path below the version, and endpoint."""
        return [
            ("GET", f"/sobjects/{{sobject}}/{name}{slash}", endpoint)
            for name, endpoint in (("updated", self.updated), ("deleted", self.deleted))
            for slash in ("", "/")
        ]

    async def updated(self, request: Request) -> Response:
        """GET /sobjects/{T}/updated/?start=…&end=…."""
        sobject = _replicated(request)
        start, end = self._window(request, _UPDATED_DAYS)
        covered = self._covered(end)
        now = self._control.clock.timestamp()
        seen = (row.seen_at(now) for row in self._org.tables[sobject.name].rows.values())
        ids = [
            record["Id"]
            for record in seen
            if record is not None and not record["IsDeleted"] and start <= record["SystemModstamp"] < end
        ]
        self._refuse_many(ids)
        return JSONResponse({"ids": ids, "latestDateCovered": covered})

    async def deleted(self, request: Request) -> Response:
        """GET /sobjects/{T}/deleted/?start=…&end=…."""
        sobject = _replicated(request)
        start, end = self._window(request, _DELETED_DAYS)
        log_from = self._org.deletions_logged_from
        if start < log_from:
            message = f"The log of deletions was purged up to {log_from}; synchronize everything"
            raise ApiError(400, "INVALID_REPLICATION_DATE", message)
        now = self._control.clock.timestamp()
        seen = (row.seen_at(now) for row in self._org.tables[sobject.name].rows.values())
        gone = [(record["SystemModstamp"], record["Id"]) for record in seen if record and record["IsDeleted"]]
        gone += [(at, record_id) for name, record_id, at in self._org.purged if name == sobject.name]
        inside = sorted((at, record_id) for at, record_id in gone if start <= at < end)
        self._refuse_many(inside)
        oldest = values.stamp(self._control.clock.now() - timedelta(days=_DELETED_DAYS))
        return JSONResponse(
            {
                "deletedRecords": [{"id": record_id, "deletedDate": at} for at, record_id in inside],
                "earliestDateAvailable": max(oldest, log_from),
                "latestDateCovered": self._covered(end),
            }
        )

    def _window(self, request: Request, days: int) -> tuple[str, str]:
        """Return start and end in whole minutes, in the stored form of times."""
        start, end = (_moment(request, name) for name in ("start", "end"))
        if start >= end:
            raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
        if start < self._control.clock.now() - timedelta(days=days):
            raise ApiError(400, "INVALID_REPLICATION_DATE", f"startDate is more than {days} days ago")
        return values.stamp(start), values.stamp(end)

    def _covered(self, end: str) -> str:
        """Return until when everything is known: not beyond now, nor the start of a running transaction."""
        now = self._control.clock.now()
        running: list[str] = [
            row.values["SystemModstamp"]
            for table in self._org.tables.values()
            for record_id in table.late
            if (row := table.rows[record_id]).hidden_until > now.timestamp()
        ]
        return min([end, values.stamp(now), *running])

    def _refuse_many(self, found: list[Any]) -> None:
        if len(found) > self._control.limit("replicated_ids"):
            self._control.violation("EXCEEDED_ID_LIMIT")
            raise ApiError(400, "EXCEEDED_ID_LIMIT", "the window holds too many ids; ask for a smaller one")


def _replicated(request: Request) -> SObject:
    sobject = sobject_of(request)
    if not sobject.replicateable:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{sobject.name}' is not replicateable")
    return sobject


def _moment(request: Request, name: str) -> datetime:
    text = request.query_params.get(name)
    if text is None:
        raise ApiError(400, "MISSING_ARGUMENT", f"{name} has to be given")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"{name} is not a dateTime: {text}") from None
    if moment.tzinfo is None:
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"{name} needs an offset: {text}")
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
