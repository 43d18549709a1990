"""A few rows of a Marketo source, and how many there are: as far as a number of calls tells, and with its basis.

Marketo counts nothing. A number is exact where reading reaches the end; else it says on what it stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING, Any

from leadbridge.domain.marketo import SCORED
from leadbridge.domain.source_query import FILTER_VALUES, Request, SourceQuery
from leadbridge.domain.values import text
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
#: with so many calls a list that goes on behind its first pages is not read to a far end, but asked about
_CALLS_TO_ASK = 30
_PAGES_FIRST = 12
#: calls that ask of some of all people whether they are in a list, before it is known how far its end is
_FIRST_LOOKS = 6
#: no instance has counted so far; and the steps behind the last step at which somebody was found
_FARTHEST, _STEPS_BEHIND = 2**31, 4
#: spreads what is asked within its stretch, so that no habit of the ids (every second one) is taken for a share
_GOLDEN = 0.618034
#: so many deviations hold 19 of 20 cases
_SURE = 1.96
#: columns of a member by what an older call has for them in the membership; None: the person's id
_OF_MEMBERS: Mapping[str, str | None] = {
    "leadId": None,
    "statusName": "progressionStatus",
    "membershipDate": "membershipDate",
    "acquiredBy": "acquiredBy",
    "reachedSuccess": "reachedSuccess",
    "isExhausted": "isExhausted",
}
_AT_LEAST = "Marketo has at least as many, that is how far {calls} calls read"


def sample(client: "MarketoClient", query: SourceQuery, calls: int, now: datetime) -> Sample:
    """Some rows of a query, in at most so many calls."""
    first = query.first
    if first.operation in _PAGED:
        return _of_pages(client, query, calls)
    if query.object == "activities":
        return _of_activities(client, query, calls, now)
    if query.object == "program_members":
        return _of_program(client, query, calls)
    if query.object != "leads":
        return Sample(rows=[], basis=f"{query.object} are counted by a finished extract only")
    if first.operation == "paging_token":
        return _of_changes(client, query, calls)
    return _of_all(client, query, calls, now)


def _of_all(client: "MarketoClient", query: SourceQuery, calls: int, now: datetime) -> Sample:
    """All leads, who are in extracts only: how far their ids go tells how many there can be."""
    rows, _, _ = _changed(client, query, now - _OF_LATE, min(calls - 3, _LATE_CALLS))
    highest = _highest(client, max((int(row["id"]) for row in rows), default=0))
    if not highest:
        return Sample(rows=[], basis="nobody was found, by whom it could be told; a finished extract counts")
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


def _of_activities(client: "MarketoClient", query: SourceQuery, calls: int, now: datetime) -> Sample:
    """The first pages, also of what an extract would read; each may cost a second call, for the people.

    How many follow is told by the time that these took, as the log is in the order of its moments.
    """
    rows: list[Any] = []
    until = query.until or now
    if query.filters:
        began = query.filters[0]["createdAt"]["startAt"]
        query = replace(query, first=Request(operation="paging_token", params={"sinceDatetime": began}))
    for number, page in enumerate(activity_pages(client, query, ""), start=1):
        rows += page.rows
        if not page.cursor:
            return Sample(rows=rows, total=len(rows))
        if 2 * number + 1 >= calls:
            break
    moments = [instant(text(row["activityDate"])) for row in rows if row.get("activityDate")]
    if not moments or (took := max(moments) - min(moments)) <= timedelta(0):
        return Sample(rows=rows, estimate=len(rows), basis=_AT_LEAST.format(calls=calls))
    estimate = round(len(rows) * max(1.0, (until - min(moments)) / took))
    return Sample(rows=rows, estimate=estimate, basis=f"as many as in the {len(rows)} first ones' time all the while")


def _of_pages(client: "MarketoClient", query: SourceQuery, calls: int) -> Sample:
    first = query.first
    pages = client.api.pages(_PAGED[first.operation], parts=first.parts, params=first.params)
    asks = first.operation == endpoints.LEADS_OF_LIST.operation and calls >= _CALLS_TO_ASK
    rows, ended = _read(pages, _PAGES_FIRST if asks else calls)
    if ended:
        return Sample(rows=rows, total=len(rows))
    if asks:
        return _of_long_list(client, query, pages, rows, calls)
    return Sample(rows=rows, estimate=len(rows), basis=_AT_LEAST.format(calls=calls))


def _of_program(client: "MarketoClient", query: SourceQuery, calls: int) -> Sample:
    """Members are read by extracts, with columns of people and of their membership; the same by pages, 300 of each."""
    (wanted,) = query.filters
    described = client.describe_leads().fields
    fields = [name for name in query.columns if name in described and name not in _OF_MEMBERS]
    pages = client.api.pages(
        endpoints.LEADS_OF_PROGRAM, parts={"program": wanted["programId"]}, params={"fields": ",".join(["id", *fields])}
    )
    read, ended = _read(pages, calls - 1)
    # what has fields of its own is counted alone
    whole = all(name in _OF_MEMBERS or name in described for name in query.columns)
    rows = [_member(row, fields) for row in read] if whole else []
    if ended:
        return Sample(rows=rows, total=len(read))
    return Sample(rows=rows, estimate=len(read), basis=_AT_LEAST.format(calls=calls))


def _member(row: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    membership = row.get("membership") or {}
    own = {name: row["id"] if said is None else membership.get(said) for name, said in _OF_MEMBERS.items()}
    return own | {name: row.get(name) for name in fields}


def _read(pages: Iterator[list[dict[str, Any]]], most: int) -> tuple[list[dict[str, Any]], bool]:
    """The rows of so many pages at most, and whether those are all."""
    rows: list[dict[str, Any]] = []
    for number, page in enumerate(pages, start=1):
        rows += page
        if number == most:
            return rows, False
    return rows, True


def _of_long_list(
    client: "MarketoClient",
    query: SourceQuery,
    pages: Iterator[list[dict[str, Any]]],
    rows: list[dict[str, Any]],
    calls: int,
) -> Sample:
    """A list that goes on: read to its end where that is near, else told by how many of all people are in it.

    Some are asked for from the oldest to the newest.
    """
    before = client.calls_made
    highest = _highest(client, max(int(row["id"]) for row in rows))
    looks = _Looks(client, int(query.first.parts["list"]), highest)
    looks.take(_FIRST_LOOKS)
    left = calls - _PAGES_FIRST - (client.calls_made - before)
    if looks.between(len(rows))[1] <= len(rows) + left * FILTER_VALUES:
        more, ended = _read(pages, left)
        rows += more
        if ended:
            return Sample(rows=rows, total=len(rows))
    else:
        looks.take(left)
    return Sample(rows=rows, estimate=max(len(rows), looks.members), basis=looks.basis(len(rows)))


class _Looks:
    """How many people are in a list, told by some of them."""

    def __init__(self, client: "MarketoClient", list_id: int, highest: int) -> None:
        self._client = client
        self._list = list_id
        self._highest = highest
        self._asked = self._found = 0

    @property
    def members(self) -> int:
        """About so many."""
        return round(self._highest * self._found / self._asked)

    def take(self, calls: int) -> None:
        """Ask about some more people, one of each stretch of ids."""
        number = calls * FILTER_VALUES
        chosen = {
            1 + int((place + (place * _GOLDEN + self._asked) % 1.0) * self._highest / number) for place in range(number)
        }
        self._found += len(self._client.list_members(self._list, sorted(chosen)))
        self._asked += len(chosen)

    def between(self, least: int) -> tuple[int, int]:
        """How far the number may be off; so many members are known."""
        share = self._found / self._asked
        margin = _SURE * self._highest * sqrt(share * (1 - share) / self._asked)
        return max(least, round(self.members - margin)), max(least, round(self.members + margin))

    def basis(self, least: int) -> str:
        """On what the number stands."""
        low, high = self.between(least)
        return (
            f"Marketo gives ids in order up to {self._highest}, and of {self._asked} of them {self._found} are in the "
            f"list: between {low} and {high}, in 19 of 20 cases"
        )


def _highest(client: "MarketoClient", known: int) -> int:
    """About the id of the newest of all people; 0 if nobody is found. Somebody has the id `known`, if it is one.

    First with steps that grow up to where no instance has counted, then with even ones behind the last who was found.
    """
    grows = (_FARTHEST / max(known, 1)) ** (1 / FILTER_VALUES)
    found = _last_of(client, {round(max(known, 1) * grows**step) for step in range(1, FILTER_VALUES + 1)}) or known
    stretch = max(1.0, found * (grows**_STEPS_BEHIND - 1) / FILTER_VALUES)
    behind = {found + round(stretch * step) for step in range(1, FILTER_VALUES + 1)}
    return _last_of(client, behind) or found if found else 0


def _last_of(client: "MarketoClient", ids: AbstractSet[int]) -> int:
    """The highest of these ids that somebody has; 0 if nobody does."""
    people = client.leads_by_filter("id", [str(each) for each in sorted(ids)], ["id"])
    return max((int(each["id"]) for each in people), default=0)


def _changed(
    client: "MarketoClient", query: SourceQuery, since: datetime, calls: int
) -> tuple[list[dict[str, Any]], int, bool]:
    """The newest people who changed since a moment, how many changed, and whether those are all.

    Two of the calls go for the place in the log and for the people, the others for pages of the log.
    """
    ids, ended = _changed_ids(client, query, since, calls - 1)
    chosen = [str(each) for each in sorted(ids)[-FILTER_VALUES:]]
    rows = client.leads_by_filter("id", chosen, query.columns) if chosen else []
    return sorted(rows, key=lambda row: int(row["id"])), len(ids), ended


def _changed_ids(
    client: "MarketoClient", query: SourceQuery, since: datetime, calls: int
) -> tuple[AbstractSet[int], bool]:
    """The ids of people who changed since a moment, as far as so many calls tell, and whether those are all."""
    watched = ",".join(name for name in query.columns if name not in {"id", "createdAt", "updatedAt"})
    lists = [(endpoints.LEAD_CHANGES, {"fields": watched})]
    lists += [(endpoints.ACTIVITIES, {"activityTypeIds": str(SCORED)})] if query.scores else []
    first, ids, left = client.api.paging_token(since), set[int](), max(1, calls - 1)
    for endpoint, params in lists:
        token, ended = first, False
        while left and not ended:
            page = client.api.get(endpoint, params={**params, "nextPageToken": token}).payload
            ids |= {int(item["leadId"]) for item in page.get("result") or () if _reads(query, item)}
            token, ended, left = str(page.get("nextPageToken", "")), page.get("moreResult") is not True, left - 1
        if not ended:
            return ids, False
    return ids, True


def _reads(query: SourceQuery, item: Mapping[str, Any]) -> bool:
    """Whether an entry of the log is about a field that is read; of scores Marketo tells all."""
    told = item.get("activityTypeId") != SCORED
    return told or str(item.get("primaryAttributeValue", "")).casefold() in query.scores
