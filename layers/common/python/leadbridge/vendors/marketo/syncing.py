"""Marketo as source and destination of Syncs (`leadbridge.sync_ports`).

Leads cannot be listed. Those that changed are known from the log of changes, and read by their ids; all of them are
read by bulk extract, or by a static list.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.gone import BARE, FATE, MERGED
from leadbridge.domain.gone import PAGE as GONE_ROWS
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.source_query import FILTER_VALUES, Request, SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.sync_ports import ALREADY_THERE, Covered, Gone, Page, Sample, first_of
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.activity_syncing import activities_of_file, activity_pages
from leadbridge.vendors.marketo.added_objects import added_pages
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.leads import SEVERAL_MATCH, LeadAction
from leadbridge.vendors.marketo.values import instant

LEADS = "leads"
#: where the ids of an instance begin, older ones and newer ones; so many are looked at for the first lead
_FIRST_IDS = (1, 301, 601, 901, 1_000_001)
#: first requests by the name of their endpoint
_CALLS: Mapping[str, endpoints.Endpoint] = {
    call.operation: call
    for call in (
        endpoints.LEADS_OF_LIST,
        endpoints.LEADS_BY_FILTER,
        endpoints.PAGING_TOKEN,
        endpoints.MEMBERS,
        endpoints.LEAD_EXPORT.create,
        endpoints.ACTIVITY_EXPORT.create,
        endpoints.MEMBER_EXPORT.create,
        endpoints.OBJECT_EXPORT.create,
    )
}
#: columns whose changes are not logged
_NOT_LOGGED = frozenset({"id", "createdAt", "updatedAt"})


class Counted:
    """Calls of a client since it came into somebody's hands."""

    def __init__(self, client: MarketoClient) -> None:
        self._client = client
        self._before = client.calls_made

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._client.calls_made - self._before


class MarketoSource(Counted):
    """Leads: those of a static list, those with certain keys, those that changed."""

    def covered(self, now: datetime, since: datetime | None = None) -> Covered:
        """Marketo does not tell until when its log is complete."""
        del now, since
        return Covered()

    def count(self, query: SourceQuery) -> int | None:
        """Marketo counts nothing by itself."""
        del query
        return None

    def gone(self, query: SourceQuery, since: datetime, until: datetime, cursor: str) -> Gone:
        """Deleted people, of whom Marketo tells nothing but the id; those that were merged live on in another.

        Whether its list of deletions names merged people is not documented, so the log of merges is asked as well.
        """
        del query
        told = {each.lead_id for each in self._client.activity_log.deleted_leads(since) if each.activity_date < until}
        ids = sorted(each for each in told if not cursor or each > int(cursor))
        merges = self._client.activity_log.merges(since) if ids else ()
        merged = {loser for merge in merges for loser in merge.losers}
        pages = (
            Page(rows=[{"id": each, FATE: MERGED if each in merged else BARE} for each in chunk], cursor=str(chunk[-1]))
            for chunk in chunks_of(ids, GONE_ROWS)
        )
        return Gone(pages=pages)

    def made_since(self) -> datetime | None:
        """The day before the first lead was made, as ids count up; None if the first few hundred are gone.

        Each month that is left out saves a job, and the minutes that Marketo takes for one.
        """
        for first in _FIRST_IDS:
            ids = [str(each) for each in range(first, first + FILTER_VALUES)]
            found = self._client.leads_by_filter("id", ids, ["id", "createdAt"])
            if found:
                return min(instant(str(lead["createdAt"])) for lead in found) - timedelta(days=1)
        return None

    def shown(self, query: SourceQuery) -> str:
        """The first request as Marketo receives it."""
        first = query.first
        return self._client.api.shown(_CALLS[first.operation], parts=first.parts, params=first.params, body=first.body)

    def sample(self, query: SourceQuery, calls: int, now: datetime) -> Sample:
        """Some rows, and how many there are as far as so many calls tell."""
        from leadbridge.vendors.marketo.sampling import sample  # a person's question, no worker's

        return sample(self._client, query, calls, now)

    def pages(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """What is asked for, page by page.

        Raises:
            ConfigurationError: An object that is not read this way.
        """
        first = query.first
        if first.operation == "leads_of_list":
            return self._all(endpoints.LEADS_OF_LIST, first)
        if first.operation == "leads_by_filter":
            return self._all(endpoints.LEADS_BY_FILTER, first)
        if first.operation == "paging_token" and query.object == LEADS:
            return self._changed(query, cursor)
        if first.operation == "paging_token" and query.object == "activities":
            return activity_pages(self._client, query, cursor)
        if first.operation == "paging_token" and query.logged is not None:
            return added_pages(self._client, query, query.logged, cursor)
        raise ConfigurationError([f"source.object: {query.object} is not read this way by this version"])

    def expanded(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """Activities of a file with the columns of a Sync."""
        return activities_of_file(self._client, columns, rows)

    def _all(self, endpoint: endpoints.Endpoint, first: Request) -> Iterator[Page]:
        """Every page from the start: Marketo forgets a place in a list soon, so there is no cursor."""
        return (Page(rows=rows) for rows in self._client.api.pages(endpoint, parts=first.parts, params=first.params))

    def _changed(self, query: SourceQuery, cursor: str) -> Iterator[Page]:
        """Leads that are new, or changed in a field that is read, by id, 300 a page.

        What Change Score did stands in the log alone, which is one call more where a score is read.
        """
        since = instant(query.first.params["sinceDatetime"])
        watched = [name for name in query.columns if name not in _NOT_LOGGED]
        log = self._client.activity_log
        first = log.token(since) if query.scores else ""
        changes = list(log.lead_changes(since, watched, first=first))
        changes += log.score_changes(since, query.scores, first=first) if query.scores else ()
        changed = query.anew(changes) if query.anew else {change.lead_id for change in changes}
        ids = sorted(each for each in changed if not cursor or each > int(cursor))
        for chunk in chunks_of(ids, FILTER_VALUES):
            rows = self._client.leads_by_filter("id", [str(each) for each in chunk], query.columns)
            yield Page(rows=sorted(rows, key=lambda row: int(row["id"])), cursor=str(chunk[-1]))


class MarketoLeads(Counted):
    """Leads, to be written."""

    rows = endpoints.SYNC_LEADS.rows

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client)
        self._partition = sync.destination.partition

    def describe(self) -> ObjectDescription:
        """The fields of a lead."""
        return self._client.describe_leads()

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Leads that agree with one of the keys in its first field, by which Marketo finds them."""
        field, values = first_of(keys)
        return self._client.leads_by_filter(field, [text(value) for value in values], fields) if keys else []

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create leads; one result per row, in order."""
        return self._made(rows, "createDuplicate", None)

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Update leads by `id`; one result per row, in order."""
        return self._client.sync_leads(rows, action="updateOnly", lookup_field="id")

    def delete(self, ids: Sequence[str]) -> Sequence[RowResult]:
        """Delete leads for good; one result per id, in order."""
        return self._client.leads.delete([int(each) for each in ids])

    def _made(self, rows: Sequence[Mapping[str, Any]], action: LeadAction, field: str | None) -> Sequence[RowResult]:
        return self._client.sync_leads(rows, action=action, lookup_field=field, partition=self._partition)


class KeyedLeads(MarketoLeads):
    """Leads whose key is one field, by which Marketo itself looks for them as it writes."""

    def __init__(self, client: MarketoClient, sync: Sync) -> None:
        """Sends nothing."""
        super().__init__(client, sync)
        self._key = sync.match[0].field

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Create leads; one result per row, in order. A lead of the same key that came meanwhile is updated."""
        return self._made(rows, "createOrUpdate", self._key)

    def create_only(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """The same, but leads of the same key that came meanwhile, be they one or several, are left alone."""
        said = self._made(rows, "createOnly", self._key)
        return [replace(each, code=ALREADY_THERE) if each.code == SEVERAL_MATCH else each for each in said]


def marketo_leads(client: MarketoClient, sync: Sync) -> MarketoLeads:
    """The leads that a Sync writes.

    Of a key of several fields Marketo knows only one, and would take another person's record for this one.
    """
    return KeyedLeads(client, sync) if len(sync.match) == 1 else MarketoLeads(client, sync)
