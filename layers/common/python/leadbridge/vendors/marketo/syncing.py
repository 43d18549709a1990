"""Marketo as source and destination of Syncs (`leadbridge.sync_ports`).

Leads cannot be listed. Those that changed are known from the log of changes, and read by their ids; all of them are
read by bulk extract, or by a static list.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.sync_ports import Asked, Page, SyncSource
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.client import MarketoClient

LEADS, LIST_MEMBERS = "leads", "list_members"


def marketo_source(client: MarketoClient, sync: Sync) -> SyncSource:
    """The source of a Sync.

    Raises:
        ConfigurationError: An object that is not read.
    """
    if sync.source.object == LEADS:
        return ChangedLeads(client)
    if sync.source.object == LIST_MEMBERS:
        return ListedLeads(client, sync)
    raise ConfigurationError([f"source.object: {sync.source.object} is not read by this version"])


class _Counted:
    """Calls of a client since it came into somebody's hands."""

    def __init__(self, client: MarketoClient) -> None:
        self._client = client
        self._before = client.calls_made

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._client.calls_made - self._before

    def covered(self, now: datetime) -> datetime | None:
        """Marketo does not tell until when its log is complete."""
        del now
        return None


class ChangedLeads(_Counted):
    """Leads that are new or changed in a field that the Sync reads, by the log of changes."""

    def pages(self, asked: Asked, cursor: str) -> Iterator[Page]:
        """The leads by id, 300 a page."""
        since = asked.window.since
        if since is None:
            raise ConfigurationError(["by.extract: all leads are read by bulk extract; write `auto` or `bulk`"])
        changed = {change.lead_id for change in self._client.activity_log.lead_changes(since, asked.columns)}
        ids = sorted(each for each in changed if not cursor or each > int(cursor))
        for chunk in chunks_of(ids, endpoints.LEADS_BY_FILTER.rows):
            rows = self._client.leads_by_filter("id", [str(each) for each in chunk], asked.columns)
            yield Page(rows=sorted(rows, key=lambda row: int(row["id"])), cursor=str(chunk[-1]))


class ListedLeads(_Counted):
    """The members of a static list."""

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client)
        self._list = sync.source.static_list

    def pages(self, asked: Asked, cursor: str) -> Iterator[Page]:
        """The members, 300 a page, always from the start: Marketo's place in a list is forgotten soon."""
        del cursor
        named = self._list
        if named is None:
            raise ConfigurationError(["source.static_list: name the list"])
        found = named if isinstance(named, int) else self._client.static_list(named)
        if found is None:
            raise ConfigurationError([f"source.static_list: Marketo has no static list {named}, or several"])
        params = {"fields": ",".join(asked.columns)}
        pages = self._client.api.pages(endpoints.LEADS_OF_LIST, parts={"list": found}, params=params)
        return (Page(rows=rows) for rows in pages)


class MarketoLeads(_Counted):
    """Leads, to be written."""

    rows = endpoints.SYNC_LEADS.rows

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing.

        Raises:
            ConfigurationError: Another object than leads.
        """
        super().__init__(client)
        if sync.destination.object != LEADS:
            raise ConfigurationError([f"destination.object: {sync.destination.object} is not written by this version"])
        # of a key of several fields Marketo knows only one, and would take another person's record for this one
        self._lookup = sync.match[0].field if len(sync.match) == 1 else None
        self._partition = sync.destination.partition

    def describe(self) -> ObjectDescription:
        """The fields of a lead."""
        return self._client.describe_leads()

    def find(self, field: str, values: Sequence[Any], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Leads whose `field` equals one of the values."""
        return self._client.leads_by_filter(field, [text(value) for value in values], fields)

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create leads; one result per row, in order. A lead of the same key that came meanwhile is updated."""
        if self._lookup is None:
            return self._client.sync_leads(rows, action="createDuplicate", lookup_field=None, partition=self._partition)
        return self._client.sync_leads(
            rows, action="createOrUpdate", lookup_field=self._lookup, partition=self._partition
        )

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update leads by `id`; one result per row, in order."""
        return self._client.sync_leads(rows, action="updateOnly", lookup_field="id")
