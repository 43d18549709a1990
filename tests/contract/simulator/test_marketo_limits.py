"""Marketo's limits, met by a client that has no manners.

The documented answers: 606 above 100 calls in 20 seconds, 615 above 10 at once, 607 above the day's quota (reset at
midnight US Central), all inside HTTP 200; 413 above 1 MB and 414 above 8 KB as real HTTP statuses.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

import httpx
import pytest

LEADS = "/rest/v1/leads.json"
USAGE = "/rest/v1/stats/usage.json"


def code_of(answer: httpx.Response) -> str:
    """Give the HTTP status of a refusal by the gateway, the code of a failed envelope, or ok."""
    if answer.status_code != 200:
        return str(answer.status_code)
    envelope = answer.json()
    return "ok" if envelope["success"] else str(envelope["errors"][0]["code"])


def rush(client: httpx.Client, connections: int, calls: int) -> Counter[str]:
    """Send calls over parallel connections as fast as they go and count the codes."""

    async def run() -> Counter[str]:
        codes: Counter[str] = Counter()
        limits = httpx.Limits(max_connections=connections)
        async with httpx.AsyncClient(
            base_url=client.base_url, headers=client.headers, limits=limits, timeout=60
        ) as rude:

            async def worker() -> None:
                for _ in range(calls):
                    codes[code_of(await rude.get(USAGE))] += 1

            await asyncio.gather(*(worker() for _ in range(connections)))
        return codes

    return asyncio.run(run())


def violations(client: httpx.Client) -> dict[str, int]:
    """Give the violations the twin has noted."""
    found: dict[str, int] = client.get("/_sim/calls").json()["violations"]
    return found


def test_a_rude_client_meets_every_limit_and_each_refusal_is_noted(marketo: httpx.Client) -> None:
    """Without a limiter: 615 and 606 in a rush, 607 when the quota is spent, 413 for a long body, all counted."""
    marketo.post("/_sim/limits", json={"latency_seconds": 0.05})
    seen = rush(marketo, connections=20, calls=15)
    marketo.post("/_sim/limits", json={"daily_calls": 100})
    seen[code_of(marketo.get(USAGE))] += 1
    seen[code_of(marketo.post(LEADS, json={"input": [{"firstName": "x" * 1_000_000}]}))] += 1

    calls = marketo.get("/_sim/calls").json()

    assert seen["ok"] == 100
    assert min(seen["606"], seen["615"], seen["607"], seen["413"]) > 0
    assert calls["violations"] == {code: seen[code] for code in calls["violations"]}
    assert set(calls["violations"]) == {"606", "615", "607", "413"}
    assert calls["peak_concurrency"] > 10
    assert calls["max_calls_in_20s"] > 100


def test_a_polite_client_meets_none(marketo: httpx.Client) -> None:
    """100 calls within the window, one at a time, are all answered and no violation is noted."""
    seen = rush(marketo, connections=1, calls=100)

    assert seen == {"ok": 100}
    assert violations(marketo) == {}
    assert marketo.get("/_sim/calls").json()["max_calls_in_20s"] == 100


def test_the_rate_is_a_rolling_window(marketo: httpx.Client) -> None:
    """The 101st call in 20 seconds is 606; when the oldest calls leave the window, as many are allowed again."""
    rush(marketo, connections=1, calls=60)
    marketo.post("/_sim/clock", json={"advance_seconds": 15})
    rush(marketo, connections=1, calls=40)
    refused = marketo.get(USAGE)
    marketo.post("/_sim/clock", json={"advance_seconds": 5.5})
    after = rush(marketo, connections=1, calls=61)

    assert code_of(refused) == "606"
    assert refused.json()["errors"][0]["message"] == "Max rate limit '100' exceeded with in '20' secs"
    assert after == {"ok": 60, "606": 1}


def test_the_rate_is_the_instances_not_the_tokens(marketo: httpx.Client, simulator: dict[str, Any]) -> None:
    """Calls of another integration use up the same window."""
    credentials = simulator["marketo_credentials"]
    login = {
        "grant_type": "client_credentials",
        "client_id": credentials["other_client_id"],
        "client_secret": credentials["other_client_secret"],
    }
    token = marketo.get("/identity/oauth/token", params=login).json()["access_token"]
    with httpx.Client(base_url=marketo.base_url, verify=False, headers={"Authorization": f"Bearer {token}"}) as other:
        rush(other, connections=1, calls=100)

    ours = marketo.get(USAGE)

    assert code_of(ours) == "606"


def test_the_eleventh_call_at_once_is_615(marketo: httpx.Client) -> None:
    """Of twelve calls in flight together ten are answered and two refused, with the observed message."""
    marketo.post("/_sim/limits", json={"latency_seconds": 0.5})

    seen = rush(marketo, connections=12, calls=1)

    assert seen == {"ok": 10, "615": 2}
    marketo.post("/_sim/limits", json={"concurrent": 0})
    assert marketo.get(USAGE).json()["errors"][0]["message"] == "Concurrent access limit '0' reached"


@pytest.mark.parametrize(
    ("before_midnight", "after_midnight"),
    [
        # winter: midnight Central is 06:00 UTC; summer: 05:00 UTC
        ("2100-01-15T05:59:00+00:00", "2100-01-15T06:00:30+00:00"),
        ("2100-07-15T04:59:00+00:00", "2100-07-15T05:00:30+00:00"),
        # the day on which the clocks go forward begins in winter time and ends in summer time
        ("2100-03-14T05:59:00+00:00", "2100-03-14T06:00:30+00:00"),
        ("2100-03-15T04:59:00+00:00", "2100-03-15T05:00:30+00:00"),
        # the day on which they go back begins in summer time and ends in winter time
        ("2100-11-07T04:59:00+00:00", "2100-11-07T05:00:30+00:00"),
        ("2100-11-08T05:59:00+00:00", "2100-11-08T06:00:30+00:00"),
    ],
)
def test_the_quota_resets_at_midnight_us_central(
    marketo_anonymous: httpx.Client, simulator: dict[str, Any], before_midnight: str, after_midnight: str
) -> None:
    """607 until midnight in Chicago, whatever its offset, and answered again half a minute later."""
    client, credentials = marketo_anonymous, simulator["marketo_credentials"]
    login = {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    }
    offset = client.get("/_sim/clock").json()["offset_seconds"]
    client.post("/_sim/limits", json={"daily_calls": 2})
    try:
        client.post("/_sim/clock", json={"set": before_midnight}).raise_for_status()
        token = client.get("/identity/oauth/token", params=login).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        before = [code_of(client.get(USAGE)) for _ in range(3)]
        client.post("/_sim/clock", json={"set": after_midnight}).raise_for_status()
        after = client.get(USAGE)
    finally:
        # the clock is shared by all tests
        moved = client.get("/_sim/clock").json()["offset_seconds"] - offset
        client.post("/_sim/clock", json={"advance_seconds": -moved, "allow_backwards": True})

    assert before == ["ok", "ok", "607"]
    assert code_of(after) == "ok"
    assert datetime.fromisoformat(after.json()["result"][0]["date"]).date() == (
        datetime.fromisoformat(after_midnight).date()
    )


def test_usage_and_errors_are_fed_by_the_counters(marketo: httpx.Client) -> None:
    """The usage report counts accepted calls by user, the error report counts codes; both have a week's form."""
    rush(marketo, connections=1, calls=3)
    marketo.get(LEADS)

    usage = marketo.get(USAGE).json()["result"]
    week = marketo.get("/rest/v1/stats/usage/last7days.json").json()["result"]
    errors = marketo.get("/rest/v1/stats/errors.json").json()["result"]
    error_week = marketo.get("/rest/v1/stats/errors/last7days.json").json()["result"]

    assert usage[0]["total"] == 5
    assert usage[0]["users"] == [{"userId": "leadbridge-api@example.com", "count": 5}]
    assert week[-1]["total"] == 6
    assert errors[0]["errors"] == [{"errorCode": "1002", "count": 1}]
    assert error_week[-1]["total"] == 1


def test_codes_that_do_not_count_are_not_counted(marketo: httpx.Client) -> None:
    """A 608 uses no quota, a 1003 does."""
    for code in ("608", "1003"):
        marketo.post("/_sim/faults", json=[{"match": "* *", "kind": "vendor_error", "code": code}])
        marketo.get(USAGE)
    marketo.post("/_sim/faults", json=[])

    assert marketo.get(USAGE).json()["result"][0]["total"] == 2


def test_a_body_above_one_megabyte_is_413(marketo: httpx.Client) -> None:
    """Exactly 1,000,000 bytes pass the gateway, one more is a real HTTP 413 without envelope."""
    head = b'{"input":[{"email":"a@example.com"}],"note":"'
    body = head + b"x" * (1_000_000 - len(head) - 2) + b'"}'
    as_json = {"Content-Type": "application/json"}

    fits = marketo.post(LEADS, content=body, headers=as_json)
    too_long = marketo.post(LEADS, content=body + b" ", headers=as_json)

    assert code_of(fits) == "ok"
    assert too_long.status_code == 413
    assert violations(marketo) == {"413": 1}


def test_a_uri_above_eight_kilobytes_is_414(marketo: httpx.Client) -> None:
    """300 e-mail addresses in the query are a real HTTP 414; the same values as POST are answered."""
    values = ",".join(f"person.number.{number:04}@example.com" for number in range(300))
    query = {"filterType": "email", "filterValues": values}

    as_get = marketo.get(LEADS, params=query)
    as_post = marketo.post(f"{LEADS}?_method=GET", data=query)

    assert as_get.status_code == 414
    assert code_of(as_post) == "ok"
    assert violations(marketo) == {"414": 1}


def test_turning_the_clock_back_leaves_no_calls_in_the_future(marketo: httpx.Client) -> None:
    """Calls made before the clock went back no longer fill the window, and a new login gives a usual token life."""
    marketo.post("/_sim/clock", json={"advance_seconds": 500})
    rush(marketo, connections=1, calls=100)
    full = code_of(marketo.get(USAGE))

    marketo.post("/_sim/clock", json={"advance_seconds": -500, "allow_backwards": True})

    assert full == "606"
    assert code_of(marketo.get(USAGE)) == "ok"


def test_a_very_long_uri_is_414_too(marketo: httpx.Client) -> None:
    """Not only just above the limit: 60 KB of query are refused in the same way."""
    answer = marketo.get(LEADS, params={"filterType": "email", "filterValues": "x" * 60_000})

    assert answer.status_code == 414
