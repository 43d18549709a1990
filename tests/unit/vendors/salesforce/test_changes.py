"""Replication windows: what is asked, what is made of the answer, and halving."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from leadbridge.errors import ContractError, PermanentError
from tests.unit.vendors.doubles import NOON, errors, salesforce_client, session

LEAD = "00Q000000000001EAA"
HOUR = timedelta(hours=1)


class Replication:
    """Lists one id per minute; refuses windows with more than `most`, and covers up to `covered` only."""

    def __init__(self, most: int, covered: datetime | None = None) -> None:
        self.most, self.covered = most, covered
        self.windows: list[tuple[datetime, datetime]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/services/oauth2/token":
            return httpx.Response(200, json=session())
        start, end = (datetime.fromisoformat(request.url.params[name]) for name in ("start", "end"))
        minutes = int((end - start).total_seconds() // 60)
        if minutes > self.most:
            return errors(400, "EXCEEDED_ID_LIMIT")
        self.windows.append((start, end))
        first = int((start - NOON).total_seconds() // 60)
        ids = [f"00Q{n:012}" for n in range(first, first + minutes)]
        covered = min(end, self.covered or end).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        if request.url.path.endswith("/updated/"):
            return httpx.Response(200, json={"ids": ids, "latestDateCovered": covered})
        deleted = [{"id": each, "deletedDate": "2026-03-02T12:00:00.000+0000"} for each in ids]
        earliest = (NOON - HOUR).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        answer = {"deletedRecords": deleted, "earliestDateAvailable": earliest, "latestDateCovered": covered}
        return httpx.Response(200, json=answer)


def test_a_window_is_halved_until_every_id_is_listed_once() -> None:
    """The halves meet at whole minutes, without a gap and without an overlap."""
    vendor = Replication(most=10)
    found = salesforce_client(vendor).changes.updated("Lead", NOON, NOON + HOUR)
    assert len(found.ids) == len(set(found.ids)) == 60
    assert all(len(each) == 18 for each in found.ids)
    assert found.covered_to == NOON + HOUR
    assert vendor.windows[0][0] == NOON
    assert vendor.windows[-1][1] == NOON + HOUR
    assert all(one[1] == other[0] for one, other in zip(vendor.windows, vendor.windows[1:], strict=False))
    assert len(salesforce_client(vendor).changes.deleted("Lead", NOON, NOON + HOUR).at) == 60


def test_what_the_first_half_does_not_cover_the_second_must_not_claim() -> None:
    """Otherwise a record committed late in the first half would never be read."""
    vendor = Replication(most=30, covered=NOON + timedelta(minutes=12))
    found = salesforce_client(vendor).changes.updated("Lead", NOON, NOON + HOUR)
    assert found.covered_to == NOON + timedelta(minutes=12)
    assert len(vendor.windows) == 1


def test_a_minute_with_too_many_ids_is_refused() -> None:
    """A window cannot be shorter."""
    with pytest.raises(PermanentError) as caught:
        salesforce_client(Replication(most=0)).changes.updated("Lead", NOON, NOON + timedelta(minutes=1))
    assert caught.value.code == "EXCEEDED_ID_LIMIT"


def test_deletions_say_from_when_on_the_vendor_still_knows_them() -> None:
    """A window that begins earlier has lost some."""
    found = salesforce_client(Replication(most=60)).changes.deleted("Lead", NOON, NOON + HOUR)
    assert found.known_from == NOON - HOUR
    assert found.at[LEAD] == NOON


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": [LEAD]}, {"ids": ["x"], "latestDateCovered": "2026-03-02T12:00:00.000+0000"}, {"ids": 1}],
    ids=["nothing", "no date", "no id", "no list"],
)
def test_an_answer_that_does_not_say_what_it_covers_is_not_believed(body: dict[str, Any]) -> None:
    """A watermark would be made of it."""

    def vendor(request: httpx.Request) -> httpx.Response:
        token = request.url.path == "/services/oauth2/token"
        return httpx.Response(200, json=session() if token else body)

    changes = salesforce_client(vendor).changes
    reads: list[Callable[..., object]] = [changes.updated, changes.deleted]
    for read in reads:
        with pytest.raises(ContractError):
            read("Lead", NOON, NOON + HOUR)
