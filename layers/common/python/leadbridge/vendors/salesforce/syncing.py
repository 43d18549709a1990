"""Salesforce as source and destination of Syncs (`leadbridge.sync_ports`)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.soql import identifier, literal
from leadbridge.domain.sync import Sync
from leadbridge.domain.watermarks import Window
from leadbridge.errors import PermanentError
from leadbridge.sync_ports import Asked, Page
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.row_writes import BATCH_ROWS

#: what changes whenever a record does, also where it is the platform that changes it
STAMP = "SystemModstamp"
#: an object whose changes are not listed
_NOT_LISTED = "INVALID_TYPE"
#: stands between the two halves of a cursor
_BETWEEN = " "


class SalesforceSource:
    """Any object that can be queried."""

    def __init__(self, client: SalesforceClient, sync: Sync) -> None:
        """Sends nothing."""
        self._client = client
        self._object = sync.source.object
        self._before = client.calls_made

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._client.calls_made - self._before

    def covered(self, now: datetime) -> datetime | None:
        """Until when all changes are shown: not beyond the begin of the oldest transaction that still runs.

        None for an object whose changes Salesforce does not list.
        """
        # whole minutes count, and the shortest window has one
        end = now.replace(second=0, microsecond=0)
        try:
            return self._client.changes.updated(self._object, end - timedelta(minutes=1), end).covered_to
        except PermanentError as error:
            if error.code != _NOT_LISTED:
                raise
            return None

    def pages(self, asked: Asked, cursor: str) -> Iterator[Page]:
        """What is asked for, page by page.

        Of a window the order is that of the changes, so that what changes while it is read is read no second time;
        of everything it is that of the ids.
        """
        is_bounded = asked.window.until is not None
        columns = tuple(dict.fromkeys([*asked.columns, "Id", *([STAMP] if is_bounded else [])]))
        for rows in self._client.queries.pages(first_query(asked, columns, cursor)):
            last = rows[-1] if rows else None
            if last is None:
                yield Page(rows=())
            elif is_bounded:
                yield Page(rows=rows, cursor=f"{last[STAMP]}{_BETWEEN}{last['Id']}")
            else:
                yield Page(rows=rows, cursor=str(last["Id"]))


def first_query(asked: Asked, columns: Sequence[str], cursor: str = "") -> str:
    """The query that is sent first, behind a cursor or from the start."""
    names = ", ".join(identifier(name) for name in columns)
    clauses = [*_bounds(asked.window), *([_behind(asked.window, cursor)] if cursor else [])]
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    order = f"{STAMP}, Id" if asked.window.until is not None else "Id"
    return f"SELECT {names} FROM {identifier(asked.sync.source.object)}{where} ORDER BY {order}"  # noqa: S608  # identifiers are checked, values quoted


def _bounds(window: Window) -> list[str]:
    found = []
    if window.since is not None:
        found.append(f"{STAMP} >= {literal(window.since)}")
    if window.until is not None:
        found.append(f"{STAMP} < {literal(window.until)}")
    return found


def _behind(window: Window, cursor: str) -> str:
    if window.until is None:
        return f"Id > {literal(cursor)}"
    stamp, _, record_id = cursor.partition(_BETWEEN)
    at = literal(datetime.fromisoformat(stamp))
    return f"({STAMP} > {at} OR ({STAMP} = {at} AND Id > {literal(record_id)}))"


class SalesforceRecords:
    """Any object that can be written."""

    rows = BATCH_ROWS

    def __init__(self, client: SalesforceClient, sync: Sync) -> None:
        """Sends nothing."""
        self._client = client
        self._object = sync.destination.object
        self._allow = sync.destination.duplicate_rules == "allow"
        self._before = client.calls_made

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._client.calls_made - self._before

    def describe(self) -> ObjectDescription:
        """Its fields."""
        return self._client.describe(self._object)

    def find(self, field: str, values: Sequence[Any], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records whose `field` equals one of the values."""
        return self._client.find(self._object, fields, field, values)

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; one result per row, in order."""
        return self._client.create(self._object, rows, allow_duplicates=self._allow)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update records by `Id`; one result per row, in order."""
        return self._client.update(self._object, rows, allow_duplicates=self._allow)
