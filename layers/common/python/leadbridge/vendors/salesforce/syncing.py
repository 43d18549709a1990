"""Salesforce as source and destination of Syncs (`leadbridge.sync_ports`)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import soql
from leadbridge.domain.gone import BARE, FATE, KNOWN, MERGED
from leadbridge.domain.gone import PAGE as GONE_ROWS
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import RoutedDestination, Sync
from leadbridge.errors import PermanentError
from leadbridge.sync_ports import Covered, Gone, Page, Sample, first_of
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.salesforce import endpoints
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.records import GONE
from leadbridge.vendors.salesforce.row_writes import BATCH_ROWS

#: the smallest page that Salesforce gives
_SAMPLE_ROWS = 200
#: first requests by the name of their endpoint
_CALLS: Mapping[str, Endpoint] = {"query": endpoints.QUERY, "bulk_create": endpoints.CREATE_JOB}
#: an object whose changes are not listed
_NOT_LISTED = "INVALID_TYPE"
#: a window that its list of deletions does not reach back to
TOO_OLD = "INVALID_REPLICATION_DATE"
#: a window in which so few records change that their ids may come in one answer; at most 30 days would be listed
_LISTED = timedelta(days=2)


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

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Until when all changes are shown: not beyond the begin of the oldest transaction that still runs.

        Nothing is told of an object whose changes Salesforce does not list. It lists them by SystemModstamp, or else
        by LastModifiedDate, as they are read; of a window that is not too long it is asked for all of them at once.
        """
        start, end, whole = _listed(now, since)
        try:
            found = self._client.changes.updated(self._object, start, end)
        except PermanentError as error:
            if error.code != _NOT_LISTED:
                raise
            return Covered()
        return Covered(until=found.covered_to, idle=whole and not found.ids)

    def count(self, query: SourceQuery) -> int | None:
        """How many records the query finds."""
        return self._client.queries.count(query.count)

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Every column of a file is there already."""
        del columns
        return iter(rows)

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """Deleted records with their columns as far as they are in the Recycle Bin; those that are back are left out.

        Salesforce lists ids for 15 days, and drops its list early where it is long: then nothing of the window is told.
        """
        whole = (at.replace(second=0, microsecond=0) for at in (since, until))
        try:
            told = self._client.changes.deleted(self._object, *whole)
        except PermanentError as error:
            if error.code != TOO_OLD:
                raise
            return Gone(pages=iter(()), known_from=until)
        ids = sorted(each for each in told.at if each > cursor)
        pages = (self._gone_page(query.read, chunk) for chunk in chunks_of(ids, GONE_ROWS))
        return Gone(pages=pages, known_from=told.known_from, covered_to=told.covered_to)

    def _gone_page(self, columns: Sequence[str], ids: Sequence[str]) -> Page:
        merged = ["MasterRecordId"] if "MasterRecordId" in self._client.describe(self._object).fields else []
        names = list(dict.fromkeys([*columns, "Id", "IsDeleted", *merged]))
        select = f"SELECT {', '.join(map(soql.identifier, names))} FROM {soql.identifier(self._object)} WHERE"  # noqa: S608  # names are checked, values quoted
        known = {
            str(record["Id"]): record
            for statement in soql.in_list_chunks("Id", ids, select)
            for record in self._client.queries.all(statement, include_deleted=True)
        }
        rows: list[Mapping[str, Any]] = []
        for each in ids:
            record = known.get(each)
            if record is None:
                rows.append({"Id": each, FATE: BARE})
            elif record.get("IsDeleted") is True:
                rows.append({**record, FATE: MERGED if record.get("MasterRecordId") else KNOWN})
        return Page(rows=rows, cursor=ids[-1])

    def made_since(self) -> datetime | None:
        """One job takes all there is."""
        return None

    def shown(self, query: SourceQuery) -> str:
        """The first request as Salesforce receives it."""
        first = query.first
        return self._client.api.shown(_CALLS[first.operation], parts=first.parts, params=first.params, body=first.body)

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """The first page, and the number that the same query counts: two calls."""
        del calls, now
        total = self._client.queries.count(query.count)
        # as a run by REST reads them, whatever way a run would take
        ordered = query.soql if query.way == "rest" else f"{query.soql} ORDER BY Id"
        return Sample(rows=next(iter(self._client.queries.pages(ordered, batch_size=_SAMPLE_ROWS)), []), total=total)

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is asked for, page by page, in the order of ids."""
        del cursor
        for rows in self._client.queries.pages(query.soql):
            yield Page(rows=rows, cursor=str(rows[-1]["Id"]) if rows else "")


def covered_each(
    client: SalesforceClient, asked: Sequence[tuple[str, datetime | None]], now: datetime
) -> list[Covered | None]:
    """What `SalesforceSource.covered` tells, of several objects in a call; None where one has to be asked for alone."""
    windows = [_listed(now, since) for _, since in asked]
    found = client.changes.updated_each([(name, *each[:2]) for (name, _), each in zip(asked, windows, strict=True)])
    return [
        Covered(until=each.covered_to, idle=whole and not each.ids) if each else None
        for each, (*_, whole) in zip(found, windows, strict=True)
    ]


def _listed(now: datetime, since: datetime | None) -> tuple[datetime, datetime, bool]:
    """The window whose changes are listed, and whether it is all that is asked about."""
    # whole minutes count, and the shortest window has one
    end = now.replace(second=0, microsecond=0)
    start = end - timedelta(minutes=1)
    if since is None or end - since > _LISTED:
        return start, end, False
    return min(since, start), end, True


class SalesforceRecords:
    """Any object that can be written."""

    rows = BATCH_ROWS

    def __init__(self, client: SalesforceClient, sync: Sync) -> None:
        """Sends nothing."""
        self._client = client
        self._object = sync.destination.object
        self._allow = sync.destination.duplicate_rules == "allow"
        rule = sync.destination.rule if isinstance(sync.destination, RoutedDestination) else ""
        self._rule = "TRUE" if rule is True else rule
        self._before = client.calls_made

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._client.calls_made - self._before

    def describe(self) -> ObjectDescription:
        """Its fields."""
        return self._client.describe(self._object)

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Records that agree with one of the keys in its first field."""
        return self._client.find(self._object, fields, *first_of(keys)) if keys else []

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create records; one result per row, in order."""
        return self._client.rows.create(self._object, rows, allow_duplicates=self._allow, auto_assign=self._rule)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update records by `Id`; one result per row, in order."""
        return self._client.update(self._object, rows, allow_duplicates=self._allow)

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Move records to the Recycle Bin; one result per id, in order."""
        return [
            RowResult(ok=True, status="deleted", id=each) if said.code in GONE else said
            for each, said in zip(ids, self._client.rows.delete(ids), strict=True)
        ]
