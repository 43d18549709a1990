"""Vendors that refuse for a while: dead tokens, spent limits, long silence."""

import re
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter

import httpx
import pytest

from tests.fault.rig import ACTIVITY, CREATE, IDENTITY, LOGIN, QUERY, WRITE_BACK, Rig, wait_for

#: how much slower the answer to a webhook may be while Salesforce is stalled
GENEROUS = 3
STALL_SECONDS = 60


def foreign_calls(rig: Rig, number: int) -> list[str]:
    """Make Marketo calls as another integration with a service of its own; gives the error codes, "" for success."""
    who = rig.stack.simulators["marketo_credentials"]
    with httpx.Client(base_url=rig.marketo.url, timeout=30, trust_env=False) as client:
        token = client.get(
            "/identity/oauth/token",
            params={
                "grant_type": "client_credentials",
                "client_id": who["other_client_id"],
                "client_secret": who["other_client_secret"],
            },
        ).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        answers = [client.get("/rest/v1/activities/types.json").json() for _ in range(number)]
    return [answer["errors"][0]["code"] if answer.get("errors") else "" for answer in answers]


@pytest.mark.cap("U05")
def test_a_salesforce_session_revoked_in_mid_batch_costs_one_login_and_one_replay(rig: Rig) -> None:
    """I2: after a real INVALID_SESSION_ID a new assertion is made once and the refused call, only that, is repeated."""
    persons = rig.persons(5)
    rig.one_worker()
    held = rig.wires.salesforce.hold(QUERY, after=True)
    mark = rig.salesforce.mark()
    ids = rig.at_once(*persons)
    wait_for("the answer of the match query", lambda: held.arrived)
    assert rig.salesforce.post("revoke")["revoked"] >= 1
    held.let_go()
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = rig.whole(person, execution_id)
        assert (item["outcome"], item["attempts"]) == ("created", 0)
    assert [call["status"] for call in rig.salesforce.calls_since(mark, CREATE)] == [401, 200]
    assert [call["status"] for call in rig.salesforce.calls_since(mark, LOGIN)] == [200]
    assert len(rig.salesforce.calls_since(mark, QUERY)) == 1
    assert len(rig.workers()) == 1


@pytest.mark.fault("FM01")
@pytest.mark.cap("U07")
@pytest.mark.parametrize("code", ["601", "602"])
@pytest.mark.parametrize("match", [WRITE_BACK, ACTIVITY], ids=["write-back", "activity"])
def test_a_marketo_token_refused_in_mid_batch_costs_one_login_and_one_replay(rig: Rig, code: str, match: str) -> None:
    """I2: after 601 or 602 there is one new login and one replay of the refused call; no activity is doubled."""
    persons = rig.persons(3)
    rig.one_worker()
    rig.marketo.fault(match, "vendor_error", code=code, times=1)
    mark = rig.marketo.mark()
    ids = rig.at_once(*persons)
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = rig.whole(person, execution_id)
        assert (item["outcome"], item["attempts"]) == ("created", 0)
    assert len(rig.marketo.calls_since(mark, IDENTITY)) == 1
    calls = {other: len(rig.marketo.calls_since(mark, other)) for other in (WRITE_BACK, ACTIVITY)}
    assert calls == {WRITE_BACK: 1, ACTIVITY: 1} | {match: 2}
    assert len(rig.workers()) == 1


@pytest.mark.fault("FM06")
def test_a_rate_window_filled_by_others_delays_the_work_and_loses_nothing(rig: Rig) -> None:
    """I5: answered 606 because others took the window, the work waits for a free one and then ends; 0 of it failed."""
    persons = rig.persons(3)
    rig.ended(rig.send(rig.person()))
    rig.advance(21)
    rig.marketo.set_limit("calls_per_20s", 20)
    # a worker that has just ended may still read the day's usage, so not every one of the 20 is theirs
    assert foreign_calls(rig, 20).count("") >= 15
    before = rig.marketo.violations().get("606", 0)
    mark = rig.marketo.mark()
    ids = rig.at_once(*persons)
    wait_for("a real 606", lambda: rig.marketo.violations().get("606", 0) > before)
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"
    # one refusal, and after the wait each call once
    assert rig.marketo.violations()["606"] == before + 1
    assert len(rig.marketo.calls_since(mark, WRITE_BACK)) == 2
    assert len(rig.marketo.calls_since(mark, ACTIVITY)) == 1


def test_places_taken_by_others_delay_the_work_and_lose_nothing(rig: Rig) -> None:
    """I5: answered 615 while others hold every place, the work backs off and ends when places are free again."""
    persons = rig.persons(3)
    rig.marketo.set_limit("concurrent", 2)
    rig.marketo.fault("GET /rest/v1/activities/types.json", "delay", seconds=8)
    with ThreadPoolExecutor(2) as pool:
        with rig.lane_closed():
            ids = rig.send(*persons)
            rig.stored(ids)
            others = [pool.submit(foreign_calls, rig, 1) for _ in range(2)]
            wait_for("others hold every place", lambda: rig.marketo.hits() == 2)
        rig.sweep()
        wait_for("a real 615", lambda: rig.marketo.violations().get("615", 0) > 0)
        for person, execution_id in zip(persons, ids, strict=True):
            (item,) = rig.whole(person, execution_id)
            assert item["outcome"] == "created"
        assert [other.result() for other in others] == [[""], [""]]


@pytest.mark.fault("FM07")
def test_a_spent_daily_quota_parks_the_work_until_it_is_reset(rig: Rig) -> None:
    """I5: after 607 work is parked with its due time and nothing failed; past midnight US Central it ends by itself."""
    persons = rig.persons(3)
    rig.ended(rig.send(rig.person()))
    rig.marketo.set_limit("daily_calls", 0)
    ids = rig.at_once(*persons)
    for item in rig.reached(ids, "parked"):
        assert item["reason"] == "marketo_607"
        assert item["due_at"] > item["received_at"]
        assert re.match(r"Parked until \S+T0[56]:00:00", item["message"])
        assert "outcome" not in item
    mark = rig.marketo.mark()
    assert rig.sweep() == []  # parked until then means: not even tried
    later = rig.person()
    (waiting,) = rig.reached(rig.send(later), "parked")
    assert waiting["reason"] == "marketo_607"
    assert len(rig.marketo.calls_since(mark, "POST /rest/*")) <= 1
    rig.marketo.calm()
    rig.advance(86_400)
    for person, execution_id in zip([*persons, later], [*ids, waiting["execution_id"]], strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"


@pytest.mark.fault("FS02")
def test_a_spent_salesforce_quota_parks_the_work_and_calls_are_still_accepted(rig: Rig) -> None:
    """I5: after REQUEST_LIMIT_EXCEEDED for the day work is parked, webhooks are accepted, and it ends afterwards."""
    rig.ended(rig.send(rig.person()))
    rig.salesforce.set_limit("daily_calls", 0)
    person, later = rig.persons(2)
    ids = rig.send(person)
    (item,) = rig.reached(ids, "parked")
    assert item["reason"] == "salesforce_REQUEST_LIMIT_EXCEEDED"
    assert "outcome" not in item
    ids += rig.send(later)
    rig.reached(ids, "parked")
    rig.salesforce.calm()
    rig.advance(86_400)
    rig.whole(person, ids[0])
    rig.whole(later, ids[1])


@pytest.mark.pain("P02", "P04")
def test_the_webhook_answers_as_fast_while_salesforce_is_stalled(rig: Rig) -> None:
    """P02: Salesforce says nothing for 60 s, the webhook answers as without the stall, and the record lands once."""
    rig.ended(rig.send(*rig.persons(3)))
    quick = _seconds_to_answer(rig, 15)
    person = rig.person()
    rig.salesforce.fault(CREATE, "delay", seconds=STALL_SECONDS, times=1)
    mark = rig.salesforce.mark()
    began = perf_counter()
    ids = rig.send(person)
    rig.held_up(rig.salesforce)
    stalled = _seconds_to_answer(rig, 15)
    assert not rig.salesforce.calls_since(mark, CREATE), "the stall ended before the measurement did"
    assert median(stalled) <= GENEROUS * median(quick)
    (item,) = rig.whole(person, *ids)
    assert perf_counter() - began >= STALL_SECONDS
    assert (item["outcome"], item["attempts"]) == ("created", 0)


def _seconds_to_answer(rig: Rig, number: int) -> list[float]:
    times = []
    for person in rig.persons(number):
        began = perf_counter()
        rig.send(person)
        times.append(perf_counter() - began)
    return times
