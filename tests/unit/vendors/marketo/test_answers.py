"""Which result belongs to which record, whatever shape Marketo gives it."""

import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import paired
from leadbridge.vendors.marketo.endpoints import Endpoint


def answer(*result: Any) -> Answer:
    return Answer(payload={"success": True, "result": list(result)}, status=200, headers=httpx.Headers())


def statuses(
    result: list[dict[str, Any]], sent: list[dict[str, Any]], endpoint: Endpoint = endpoints.SYNC_LEADS
) -> list[str] | None:
    rows = paired(answer(*result), sent, endpoint)
    return None if rows is None else [row.code or row.status for row in rows]


@given(count=st.integers(1, 40), seed=st.integers(), drop=st.integers(0, 3))
def test_results_with_seq_find_their_records_in_any_order(count: int, seed: int, drop: int) -> None:
    """A record that no result names is uncertain; the others keep theirs."""
    said = [{"seq": place, "status": "updated", "marketoGUID": f"g-{place}"} for place in range(count)]
    random.Random(seed).shuffle(said)
    kept = said[drop:]
    rows = paired(answer(*kept), [{"key": n} for n in range(count)], endpoints.COMPANIES.sync)
    if not kept:
        assert rows is None
        return
    assert rows is not None
    named = {each["seq"] for each in kept}
    assert [row.id for row in rows] == [f"g-{place}" if place in named else None for place in range(count)]
    assert {row.resolution for place, row in enumerate(rows) if place not in named} <= {Resolution.UNCERTAIN}


def test_results_without_seq_are_told_by_their_position() -> None:
    """Leads and custom activities have nothing else; a skipped one has no id either."""
    skipped = {"status": "skipped", "reasons": [{"code": "1007", "message": "m"}]}
    added = {"id": 50, "marketoGUID": "50", "status": "added"}
    refused = {"status": "skipped", "errors": [{"code": "1004", "message": "m"}]}
    assert statuses([{"id": 7, "status": "created"}, skipped], [{}, {}]) == ["created", "1007"]
    assert statuses([refused, added], [{}, {}], endpoints.ADD_CUSTOM_ACTIVITIES) == ["1004", "added"]


def test_results_that_repeat_the_id_are_told_by_it() -> None:
    """Deletes and list memberships name the lead: another order, or one missing, confuses nobody."""
    sent = [{"id": 1}, {"id": 2}, {"id": 3}]
    said = [{"id": 3, "status": "deleted"}, {"id": 1, "status": "skipped", "reasons": [{"code": "1004"}]}]
    rows = paired(answer(*said), sent, endpoints.DELETE_LEADS)
    assert rows is not None
    assert [(row.ok, row.code or row.status) for row in rows] == [
        (True, "1004"),
        (False, "unknown_status"),
        (True, "deleted"),
    ]
    assert rows[1].resolution is Resolution.UNCERTAIN


@pytest.mark.parametrize(
    ("result", "count"),
    [
        ([], 1),
        ([{"status": "created"}], 2),
        ([{"status": "created"}] * 3, 2),
        ([{"seq": 0, "status": "created"}, {"seq": 0, "status": "created"}], 2),
        ([{"seq": 2, "status": "created"}], 2),
        ([{"seq": -1, "status": "created"}], 2),
        ([{"seq": True, "status": "created"}], 2),
    ],
    ids=["none", "too few", "too many", "twice", "beyond", "negative", "no number"],
)
def test_results_that_cannot_be_told_apart_are_nobody_s(result: list[dict[str, Any]], count: int) -> None:
    """Then all records are in doubt, rather than one result given to another's record."""
    assert statuses(result, [{}] * count) is None


def test_a_benign_code_is_so_for_the_call_that_wishes_for_it_only() -> None:
    """A record that is not there: fine for a delete, a refusal for a write."""
    said = {"seq": 0, "status": "skipped", "reasons": [{"code": "1013", "message": "Record not found"}]}
    for endpoint, ok in ((endpoints.COMPANIES.delete, True), (endpoints.COMPANIES.sync, False)):
        rows = paired(answer(said), [{}], endpoint)
        assert rows is not None
        assert (rows[0].ok, rows[0].code) == (ok, "1013")
