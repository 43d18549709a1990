"""How many calls an estimate of people takes, and how far it is off."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched, islice
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.source_query import Request, SourceQuery
from leadbridge.vendors.marketo.sampling import sample
from tests.fakes.clock import NOON


class Busy:
    """An instance in which somebody changes all the time: each page of the log announces another."""

    def __init__(self) -> None:
        self.pages = 0
        self.api = SimpleNamespace(paging_token=lambda since: f"{since}", get=self.get)

    def get(self, *_: object, **__: object) -> SimpleNamespace:
        """A page of the log of changes."""
        self.pages += 1
        changes = [{"leadId": 100 * self.pages + number} for number in range(100)]
        payload = {"result": changes, "nextPageToken": f"{self.pages}", "moreResult": True}
        return SimpleNamespace(payload=payload)

    def leads_by_filter(self, field: str, values: list[str], fields: object) -> list[dict[str, Any]]:
        """Everybody is there who has changed so far."""
        del field, fields
        return [{"id": each} for each in values if int(each) < 100 * (self.pages + 1)]


def test_an_estimate_of_all_people_reads_a_few_pages_however_many_calls_it_may_make() -> None:
    """A price may make 50 calls, but the run that comes next waits for them: where much changes ten pages will do."""
    busy = Busy()
    query = SourceQuery(
        vendor="marketo",
        way="bulk",
        cursor="",
        object="leads",
        columns=("id", "email"),
        first=Request(operation="export_leads"),
        filters=({"createdAt": {"startAt": (NOON - timedelta(days=30)).isoformat()}},),
    )
    found = sample(busy, query, 48, NOON)  # type: ignore[arg-type]  # of a client it uses these

    assert busy.pages == 10
    assert found.estimate == 1099


def test_people_whose_score_changed_are_counted_among_those_who_changed() -> None:
    """The log tells all scores at once: those of fields that are read count, and people of both lists count once."""
    pages: list[tuple[str, object]] = []
    changed = [{"leadId": 1, "activityTypeId": 13}, {"leadId": 2, "activityTypeId": 12}]
    scored = [
        {"leadId": number, "activityTypeId": 22, "primaryAttributeValue": name}
        for number, name in ((2, "Person Score"), (3, "Person Score"), (4, "Web Score"))
    ]

    def get(endpoint: Any, params: Mapping[str, str]) -> SimpleNamespace:
        pages.append((endpoint.operation, params["nextPageToken"]))
        found = changed if endpoint.operation == "lead_changes" else scored
        return SimpleNamespace(payload={"result": found, "nextPageToken": "end", "moreResult": False})

    client = SimpleNamespace(
        api=SimpleNamespace(paging_token=lambda since: f"{since}"[:10], get=get),
        leads_by_filter=lambda _field, values, _columns: [{"id": each} for each in values],
    )
    query = SourceQuery(
        vendor="marketo",
        way="rest",
        cursor="",
        object="leads",
        columns=("id", "leadScore"),
        first=Request(operation="paging_token", params={"sinceDatetime": "2026-03-08T00:00:00Z"}),
        scores={"leadscore": "leadScore", "person score": "leadScore"},
    )
    found = sample(client, query, 6, NOON)  # type: ignore[arg-type]  # of a client it uses these

    assert found.total == 3
    assert pages == [("lead_changes", "2026-03-08"), ("activities", "2026-03-08")]


class Listing:
    """An instance in which nobody changes; some ids belong to nobody any more, and some people are in the list."""

    def __init__(self, highest: int, there: int, listed: int) -> None:
        """Of a hundred ids so many are there, and so many of a hundred people in the list."""
        self.highest, self._there, self._listed = highest, there, listed
        self.calls_made = 0
        self.api = SimpleNamespace(pages=self.pages)

    def members(self) -> Iterator[int]:
        """Who is in the list, oldest first."""
        return (each for each in range(1, self.highest + 1) if self._is_member(each))

    def pages(self, *_: object, **__: object) -> Iterator[list[dict[str, Any]]]:
        """The list, page by page."""
        for page in batched(self.members(), 300, strict=False):
            self.calls_made += 1
            yield [{"id": each} for each in page]

    def leads_by_filter(self, field: str, values: list[str], fields: object) -> list[dict[str, Any]]:
        """Who is there of some people."""
        del field, fields
        self.calls_made += 1
        return [{"id": each} for each in map(int, values) if self._is_there(each)]

    def list_members(self, number: int, ids: Sequence[int]) -> frozenset[int]:
        """Who of some people is in the list."""
        del number
        self.calls_made += -(-len(ids) // 300)
        return frozenset(each for each in ids if each <= self.highest and self._is_member(each))

    def _is_there(self, number: int) -> bool:
        return number <= self.highest and number * 2_654_435_761 % 2**32 % 100 < self._there

    def _is_member(self, number: int) -> bool:
        return self._is_there(number) and number * 2_246_822_519 % 2**32 % 100 < self._listed


@given(highest=st.integers(15_000, 60_000), there=st.integers(60, 100), listed=st.integers(50, 100))
@settings(max_examples=15, deadline=None)
def test_a_long_list_in_which_nobody_changed_is_told_to_a_tenth(highest: int, there: int, listed: int) -> None:
    """Within the calls of a price: exactly where its end is near, else by how many of all people are in it, up to the
    newest one, whoever that is."""
    instance = Listing(highest, there, listed)
    query = SourceQuery(
        vendor="marketo",
        way="rest",
        cursor="",
        object="list_members",
        columns=("id", "email"),
        first=Request(operation="leads_of_list", parts={"list": "1001"}),
    )
    found = sample(instance, query, 46, NOON)  # type: ignore[arg-type]  # of a client it uses these
    members = sum(1 for _ in instance.members())

    assert instance.calls_made <= 46
    assert found.total in {None, members}
    assert abs((found.total or found.estimate or 0) - members) <= 0.1 * members, found.basis
    # what a page of the list holds is shown
    assert list(islice((each["id"] for each in found.rows), 300)) == list(islice(instance.members(), 300))


class Log:
    """A client of an instance in which something is done every so many seconds of a year."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self.api = self

    def paging_token(self, since: datetime) -> str:
        """Where the log begins."""
        return since.isoformat()

    def get(self, _: object, params: Mapping[str, str]) -> Any:
        """A page of the log."""
        token = datetime.fromisoformat(params["nextPageToken"])
        moments = [token + timedelta(seconds=self._seconds * number) for number in range(300)]
        told = [each for each in moments if each < NOON]
        rows = [
            {"id": 1, "marketoGUID": str(each), "leadId": 1, "activityTypeId": 2, "activityDate": each.isoformat()}
            for each in told
        ]
        following = (moments[-1] + timedelta(seconds=self._seconds)).isoformat()
        more = len(told) == len(moments)
        payload = {"success": True, "result": rows, "nextPageToken": following, "moreResult": more}
        return SimpleNamespace(payload=payload, request_id="1")


@pytest.mark.parametrize("seconds", [7, 3_600, 100_000])
def test_activities_are_told_by_the_time_that_the_first_ones_took(seconds: int) -> None:
    """Of a year of them to a tenth, from some pages; exactly where these are all."""
    since = NOON - timedelta(days=365)
    query = SourceQuery(
        vendor="marketo",
        way="rest",
        cursor="",
        object="activities",
        columns=("id",),
        first=Request(operation="paging_token", params={"sinceDatetime": since.isoformat()}),
        activity_types=(2,),
        until=NOON,
    )
    found = sample(Log(seconds), query, 12, NOON)  # type: ignore[arg-type]  # of a client it uses these
    number = -(-365 * 86_400 // seconds)

    assert (found.total is not None) is (number < 1_200)
    assert abs((found.total or found.estimate or 0) - number) <= 0.1 * number, found.basis
