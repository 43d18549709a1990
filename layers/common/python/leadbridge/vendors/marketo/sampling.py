"""A few rows of a Marketo source, and how many there are: as far as a number of calls tells, and with its basis.

Marketo counts nothing. A number is exact where reading reaches the end; else it says on what it stands.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.domain.source_query import FILTER_VALUES, Request, SourceQuery
from leadbridge.sync_ports import Sample
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.activity_syncing import activity_pages
from leadbridge.vendors.marketo.values import instant

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient

_PAGED: Mapping[str, endpoints.Endpoint] = {
    call.operation: call for call in (endpoints.LEADS_OF_LIST, endpoints.LEADS_BY_FILTER)
}
#: who changed in this time shows how far Marketo has counted
_OF_LATE = timedelta(days=1)
#: calls that go for them at most: each more moves the number little, and is missing for the run that comes next
_LATE_CALLS = 12
_AT_LEAST = "Marketo has at least as many, that is how far {calls} calls read"


def sample(client: "MarketoClient", query: SourceQuery, calls: int, now: datetime) -> Sample:
    """Some rows of a query, in at most so many calls."""
    first = query.first
    if first.operation in _PAGED:
        return _of_pages(client, query, calls)
    if query.object == "activities":
        return _of_activities(client, query, calls)
    if query.object != "leads":
        return Sample(rows=[], basis=f"{query.object} are counted by a finished extract only")
    if first.operation == "paging_token":
        return _of_changes(client, query, calls)
    return _of_all(client, query, calls, now)


def _of_all(client: "MarketoClient", query: SourceQuery, calls: int, now: datetime) -> Sample:
    """All leads, who are in extracts only: who changed of late tells how many there can be."""
    rows, _, _ = _changed(client, query, now - _OF_LATE, min(calls - 1, _LATE_CALLS))
    highest = max((int(row["id"]) for row in rows), default=None)
    if highest is None:
        return Sample(rows=[], basis="nobody changed in a day, by whom it could be told; a finished extract counts")
    # people from the oldest to the newest, of whom those who changed of late are no picture
    ids = sorted({1 + place * highest // FILTER_VALUES for place in range(FILTER_VALUES)})
    found = client.leads_by_filter("id", [str(each) for each in ids], query.columns)
    basis = f"Marketo gives ids in order up to {highest}, and has {len(found)} of {len(ids)} of them"
    rows = sorted(found, key=lambda row: int(row["id"])) or rows
    return Sample(rows=rows, estimate=round(highest * len(found) / len(ids)) or len(rows), basis=basis)


def _of_changes(client: "MarketoClient", query: SourceQuery, calls: int) -> Sample:
    rows, found, ended = _changed(client, query, instant(query.first.params["sinceDatetime"]), calls)
    if not ended:
        return Sample(rows=rows, estimate=found, basis=_AT_LEAST.format(calls=calls))
    if found <= FILTER_VALUES:
        return Sample(rows=rows, total=len(rows))
    return Sample(rows=rows, estimate=found, basis="so many changed, and those deleted since are among them")


def _of_activities(client: "MarketoClient", query: SourceQuery, calls: int) -> Sample:
    """The first pages, also of what an extract would read; each may cost a second call, for the people."""
    rows: list[Any] = []
    if query.filters:
        began = query.filters[0]["createdAt"]["startAt"]
        query = replace(query, first=Request(operation="paging_token", params={"sinceDatetime": began}))
    for number, page in enumerate(activity_pages(client, query, ""), start=1):
        rows += page.rows
        if not page.cursor:
            return Sample(rows=rows, total=len(rows))
        if 2 * number + 1 >= calls:
            break
    return Sample(rows=rows, estimate=len(rows), basis=_AT_LEAST.format(calls=calls))


def _of_pages(client: "MarketoClient", query: SourceQuery, calls: int) -> Sample:
    rows: list[dict[str, Any]] = []
    endpoint, first = _PAGED[query.first.operation], query.first
    for number, page in enumerate(client.api.pages(endpoint, parts=first.parts, params=first.params), start=1):
        rows += page
        if number == calls:
            return Sample(rows=rows, estimate=len(rows), basis=_AT_LEAST.format(calls=calls))
    return Sample(rows=rows, total=len(rows))


def _changed(
    client: "MarketoClient", query: SourceQuery, since: datetime, calls: int
) -> tuple[list[dict[str, Any]], int, bool]:
    """The newest people who changed since a moment, how many changed, and whether those are all.

    Two of the calls go for the place in the log and for the people, the others for pages of the log.
    """
    watched = ",".join(name for name in query.columns if name not in {"id", "createdAt", "updatedAt"})
    token, ids, ended = client.api.paging_token(since), set[int](), False
    for _ in range(max(1, calls - 2)):
        page = client.api.get(endpoints.LEAD_CHANGES, params={"fields": watched, "nextPageToken": token}).payload
        ids |= {int(item["leadId"]) for item in page.get("result") or ()}
        token, ended = str(page.get("nextPageToken", "")), page.get("moreResult") is not True
        if ended:
            break
    chosen = [str(each) for each in sorted(ids)[-FILTER_VALUES:]]
    rows = client.leads_by_filter("id", chosen, query.columns) if chosen else []
    return sorted(rows, key=lambda row: int(row["id"])), len(ids), ended
