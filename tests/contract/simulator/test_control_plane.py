"""The control plane: what every twin answers below `/_sim/`, and faults as a client meets them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

LEADS = "/rest/v1/leads.json"


def sync(client: httpx.Client, *emails: str, **values: Any) -> dict[str, Any]:
    """Upsert persons by e-mail and give the envelope."""
    answer = client.post(LEADS, json={"input": [{"email": email, **values} for email in emails]})
    envelope: dict[str, Any] = answer.json()
    return envelope


def emails_at(client: httpx.Client) -> list[str]:
    """Give the e-mail addresses of all leads, as the control plane sees them."""
    return [record["email"] for record in client.get("/_sim/records/leads").json()]


def set_fault(client: httpx.Client, **rule: Any) -> None:
    """Make this the only fault rule, matching the sync of leads unless it says otherwise."""
    client.post("/_sim/faults", json=[{"match": f"POST {LEADS}", **rule}]).raise_for_status()


def test_load_answers_ids_and_records_gives_the_objects_back(marketo: httpx.Client) -> None:
    """Loaded leads come back from `records` under the ids that `load` answered."""
    loaded = marketo.post("/_sim/load", json={"leads": [{"email": "a@example.com"}, {"lastName": "Ngai"}]})

    records = marketo.get("/_sim/records/leads").json()

    assert [record["id"] for record in records] == loaded.json()["leads"]
    assert [(record["email"], record["lastName"]) for record in records] == [
        ("a@example.com", None),
        (None, "Ngai"),
    ]


def test_records_are_asked_for_by_what_their_fields_read(marketo: httpx.Client) -> None:
    """Capitals do not matter, a number is its digits, several fields must all read so; an empty one reads like none."""
    told = {"leadScore": 7}
    people = [{"email": "A@example.com", **told}, {"email": "b@example.com", **told}, {"lastName": "Ngai"}]
    ids = marketo.post("/_sim/load", json={"leads": people}).json()["leads"]

    def found(**having: str | int) -> list[int]:
        return [record["id"] for record in marketo.get("/_sim/records/leads", params=having).json()]

    assert found(email="a@EXAMPLE.com") == ids[:1]
    assert found(id=ids[2]) == ids[2:]
    assert found(leadScore=7) == ids[:2]
    assert found(leadScore=7, email="b@example.com") == ids[1:2]
    assert found(email="none") == []


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"unicorns": [{}]}, "unknown"),
        ({"companies": [{}]}, "record 0: 1002"),
        ({"leads": [{"email": "a@example.com"}, {"leadScore": "many"}]}, "record 1: 1003"),
        ({"leads": [{"favouriteColour": "red"}]}, "record 0: 1006"),
        ({"leads": {}}, "array"),
        ({"generate": {"object": "activities", "count": 3, "seed": 1}}, "cannot be made up"),
        ({"generate": {"object": "leads", "count": "many", "seed": 1}}, "whole numbers"),
        ({"generate": {"object": "leads", "count": 3}}, "needs object"),
        ({"generate": {"object": "leads", "count": 1, "seed": 1, "values": []}}, "values"),
        ({"generate": {"object": "leads", "count": 1, "seed": 1, "values": {"leadScore": "x"}}}, "record 0: 1003"),
        ([], "load is"),
    ],
)
def test_load_refuses_what_the_vendor_would_refuse_and_loads_nothing(
    marketo: httpx.Client, document: Any, reason: str
) -> None:
    """A load with an unknown object, field or value is a 400 with its reason, and nothing is stored."""
    answer = marketo.post("/_sim/load", json=document)

    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert marketo.get("/_sim/records/leads").json() == []


def test_unknown_controls_and_objects_are_refused(marketo: httpx.Client) -> None:
    """An unknown path is 404, a wrong method 405, an unknown object 400, each with a JSON error."""
    answers = [
        marketo.get("/_sim/nothing"),
        marketo.get("/_sim/reset"),
        marketo.get("/_sim/records/unicorns"),
        marketo.post("/_sim/faults", content=b"{"),
        marketo.get("/_sim/log", params={"since": "yesterday"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 405, 400, 400, 400]
    assert all(answer.json()["error"] for answer in answers)


def test_reset_forgets_records_faults_limits_and_counters_but_never_reuses_an_id(marketo: httpx.Client) -> None:
    """After a reset everything is as at the start, except the credentials and the run of ids."""
    first = sync(marketo, "a@example.com")["result"][0]["id"]
    set_fault(marketo, kind="close")
    credentials = marketo.get("/_sim/credentials").json()
    marketo.post("/_sim/limits", json={"calls_per_20s": 3})

    marketo.post("/_sim/reset")

    assert marketo.get("/_sim/records/leads").json() == []
    assert marketo.get("/_sim/faults").json() == []
    assert marketo.get("/_sim/limits").json()["calls_per_20s"] == 100
    assert marketo.get("/_sim/calls").json()["total"] == 0
    assert marketo.get("/_sim/log").json() == []
    assert marketo.get("/_sim/credentials").json() == credentials
    [second] = marketo.post("/_sim/load", json={"leads": [{"email": "a@example.com"}]}).json()["leads"]
    assert second > first


def test_the_log_names_each_call_and_the_control_plane_is_not_in_it(marketo: httpx.Client) -> None:
    """Each vendor call is logged once, with size, status and touched records; `since` cuts the rest off."""
    made = sync(marketo, "a@example.com")["result"][0]["id"]
    marketo.get(LEADS, params={"filterType": "email", "filterValues": "a@example.com"})
    marketo.get("/_sim/calls")

    log = marketo.get("/_sim/log").json()
    newest = marketo.get("/_sim/log", params={"since": log[1]["n"]}).json()

    assert [(entry["method"], entry["path"]) for entry in log] == [
        ("GET", "/identity/oauth/token"),
        ("POST", LEADS),
        ("GET", LEADS),
    ]
    assert set(log[0]) == {"n", "at", "method", "path", "bytes", "status", "client", "record_keys"}
    assert log[1]["record_keys"] == [str(made), "a@example.com"]
    assert log[1]["bytes"] > 0
    assert log[1]["status"] == 200
    assert newest == log[2:]


def test_calls_counts_by_endpoint(marketo: httpx.Client) -> None:
    """The counters name endpoints with their placeholders, so that ids do not spread them."""
    made = sync(marketo, "a@example.com")["result"][0]["id"]
    marketo.get(f"/rest/v1/lead/{made}.json")

    calls = marketo.get("/_sim/calls").json()

    assert calls["total"] == 3
    assert calls["by_endpoint"] == {
        "GET /identity/oauth/token": 1,
        f"POST {LEADS}": 1,
        "GET /rest/v1/lead/{lead_id}.json": 1,
    }
    assert calls["peak_concurrency"] == 1
    assert calls["max_calls_in_20s"] == 2
    assert calls["violations"] == {}


def test_max_calls_in_20s_follows_the_clock(marketo: httpx.Client) -> None:
    """Calls more than 20 seconds apart on the twin's clock are never in one window."""
    sync(marketo, "a@example.com")
    sync(marketo, "b@example.com")
    marketo.post("/_sim/clock", json={"advance_seconds": 21})
    sync(marketo, "c@example.com")

    assert marketo.get("/_sim/calls").json()["max_calls_in_20s"] == 2


# the clock


def test_the_clock_moves_on_for_both_twins(marketo: httpx.Client, simulator: dict[str, Any]) -> None:
    """An advance at one twin is seen at the other: one process, one clock."""
    before = httpx.get(f"{simulator['salesforce_url']}/_sim/clock").json()

    moved = marketo.post("/_sim/clock", json={"advance_seconds": 3600}).json()

    after = httpx.get(f"{simulator['salesforce_url']}/_sim/clock").json()
    assert after["offset_seconds"] == moved["offset_seconds"] == before["offset_seconds"] + 3600
    elapsed = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert timedelta(seconds=3600) <= elapsed < timedelta(seconds=3660)


def test_the_clock_is_set_to_a_moment_and_goes_on_from_there(marketo: httpx.Client) -> None:
    """`set` moves to a moment in the future; the answer shows it, in UTC with `Z`."""
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])
    target = now + timedelta(days=2)

    shown = marketo.post("/_sim/clock", json={"set": target.isoformat()}).json()["now"]

    assert shown.endswith("Z")
    assert target <= datetime.fromisoformat(shown) < target + timedelta(seconds=30)


@pytest.mark.parametrize(
    "document",
    [
        {"advance_seconds": -5},
        {"set": "2001-01-01T00:00:00Z"},
        {"set": "2999-01-01T00:00:00"},
        {"set": "soon"},
        {"advance_seconds": "5"},
        {},
        [],
    ],
)
def test_the_clock_never_goes_back_silently(marketo: httpx.Client, document: Any) -> None:
    """A step back, a time without offset and an unreadable order are refused, and the offset stays."""
    before = marketo.get("/_sim/clock").json()["offset_seconds"]

    answer = marketo.post("/_sim/clock", json=document)

    assert answer.status_code == 400
    assert marketo.get("/_sim/clock").json()["offset_seconds"] == before


def test_the_clock_goes_back_when_told_so(marketo: httpx.Client) -> None:
    """`allow_backwards` takes the clock back to an earlier moment."""
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])
    target = (now - timedelta(hours=1)).astimezone(UTC)

    shown = marketo.post("/_sim/clock", json={"set": target.isoformat(), "allow_backwards": True}).json()["now"]

    assert datetime.fromisoformat(shown) < now - timedelta(minutes=59)


# faults


def test_drop_answer_commits_and_then_closes_the_connection(marketo: httpx.Client) -> None:
    """The client gets no answer at all, and the record is there."""
    set_fault(marketo, kind="drop_answer", times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        sync(marketo, "a@example.com")

    assert emails_at(marketo) == ["a@example.com"]
    assert marketo.get("/_sim/log").json()[-1]["status"] == 0


def test_close_closes_the_connection_before_the_commit(marketo: httpx.Client) -> None:
    """The client gets no answer at all, and nothing was written."""
    set_fault(marketo, kind="close", times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        sync(marketo, "a@example.com")

    assert emails_at(marketo) == []


def test_delay_holds_a_call_back(marketo: httpx.Client) -> None:
    """A client whose timeout is shorter than the delay gives up; the call is carried out all the same."""
    set_fault(marketo, kind="delay", seconds=0.3)

    with pytest.raises(httpx.ReadTimeout):
        marketo.post(LEADS, json={"input": [{"email": "a@example.com"}]}, timeout=0.1)
    answered = sync(marketo, "b@example.com")

    assert answered["success"] is True
    assert sorted(emails_at(marketo)) == ["a@example.com", "b@example.com"]


def test_http_answers_with_a_status_and_body_of_its_own(marketo: httpx.Client) -> None:
    """A text body is served as HTML, as a gateway would; an object as JSON; neither executes the call."""
    set_fault(marketo, kind="http", status=503, body="<html>busy</html>")
    html = marketo.post(LEADS, json={"input": [{"email": "a@example.com"}]})
    set_fault(marketo, kind="http", status=502, body={"fault": "gateway"})
    document = marketo.post(LEADS, json={"input": [{"email": "a@example.com"}]})

    assert (html.status_code, html.text) == (503, "<html>busy</html>")
    assert html.headers["content-type"].startswith("text/html")
    assert (document.status_code, document.json()) == (502, {"fault": "gateway"})
    assert emails_at(marketo) == []


def test_vendor_error_comes_in_the_vendors_envelope(marketo: httpx.Client) -> None:
    """An injected 608 is HTTP 200 with `success` false and one error, and nothing was executed."""
    set_fault(marketo, kind="vendor_error", code="608", message="API Temporarily Unavailable")

    answer = marketo.post(LEADS, json={"input": [{"email": "a@example.com"}]})

    assert answer.status_code == 200
    assert answer.json().keys() == {"requestId", "success", "errors"}
    assert answer.json()["errors"] == [{"code": "608", "message": "API Temporarily Unavailable"}]
    assert emails_at(marketo) == []


def test_vendor_error_after_commit_leaves_the_write_in_place(marketo: httpx.Client) -> None:
    """A 604 can come although the write was made: the answer does not tell."""
    set_fault(marketo, kind="vendor_error", code="604", after_commit=True)

    envelope = sync(marketo, "a@example.com")

    assert envelope["errors"][0]["code"] == "604"
    assert emails_at(marketo) == ["a@example.com"]


def test_row_error_skips_the_named_rows_only(marketo: httpx.Client) -> None:
    """The row with index 1 is skipped with the rule's code; its neighbours are written."""
    set_fault(marketo, kind="row_error", rows=[1], code="1003", message="Value not allowed")

    envelope = sync(marketo, "a@example.com", "b@example.com", "c@example.com")

    assert [row["status"] for row in envelope["result"]] == ["created", "skipped", "created"]
    assert envelope["result"][1]["reasons"] == [{"code": "1003", "message": "Value not allowed"}]
    assert emails_at(marketo) == ["a@example.com", "c@example.com"]


def test_late_commit_shows_a_write_later_with_the_time_of_its_call(marketo: httpx.Client) -> None:
    """The answer says created, the record appears after the seconds have passed, dated before that."""
    set_fault(marketo, kind="late_commit", seconds=60)
    envelope = sync(marketo, "a@example.com")
    called_at = datetime.fromisoformat(marketo.get("/_sim/log").json()[-1]["at"])
    at_once = emails_at(marketo)

    marketo.post("/_sim/clock", json={"advance_seconds": 61})

    [record] = marketo.get("/_sim/records/leads").json()
    assert at_once == []
    assert envelope["result"] == [{"id": record["id"], "status": "created"}]
    assert datetime.fromisoformat(record["createdAt"]) <= called_at


def test_drop_answer_with_seconds_loses_the_answer_and_commits_late(marketo: httpx.Client) -> None:
    """Right after the lost answer the vendor cannot tell yet whether the write happened."""
    set_fault(marketo, kind="drop_answer", seconds=60, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        sync(marketo, "a@example.com")
    at_once = emails_at(marketo)

    marketo.post("/_sim/clock", json={"advance_seconds": 61})

    assert at_once == []
    assert emails_at(marketo) == ["a@example.com"]


def test_nth_and_times_choose_the_calls_and_hits_counts_them(marketo: httpx.Client) -> None:
    """With nth 2 and times 2 the second and third matching calls fail, and `hits` says 2."""
    set_fault(marketo, kind="vendor_error", code="611", nth=2, times=2)

    outcomes = [sync(marketo, f"p{number}@example.com")["success"] for number in range(4)]

    assert outcomes == [True, False, False, True]
    assert marketo.get("/_sim/faults").json()[0]["hits"] == 2


def test_nth_alone_fires_once(marketo: httpx.Client) -> None:
    """Without `times`, a rule with `nth` fires on that call only."""
    set_fault(marketo, kind="vendor_error", code="611", nth=2)

    outcomes = [sync(marketo, f"p{number}@example.com")["success"] for number in range(4)]

    assert outcomes == [True, False, True, True]


def test_match_is_method_and_path_with_wildcards(marketo: httpx.Client) -> None:
    """`* /rest/v1/lead*` matches reads and writes of leads, and no other path."""
    set_fault(marketo, match="* /rest/v1/lead*", kind="vendor_error", code="611")

    read = marketo.get("/rest/v1/lead/1.json").json()
    written = sync(marketo, "a@example.com")
    other = marketo.get("/rest/v1/stats/usage.json").json()

    assert (read["success"], written["success"], other["success"]) == (False, False, True)


def test_a_read_sent_as_post_matches_as_get(marketo: httpx.Client) -> None:
    """A rule for the sync (POST) leaves a long GET sent with `_method=GET` alone; the log calls it GET, too."""
    set_fault(marketo, kind="vendor_error", code="611")

    answer = marketo.post(f"{LEADS}?_method=GET", data={"filterType": "id", "filterValues": "1"})

    assert answer.json()["success"] is True
    assert marketo.get("/_sim/log").json()[-1]["method"] == "GET"


def test_probability_is_seeded(marketo: httpx.Client) -> None:
    """The same seed gives the same pattern of faults after a reset, neither none nor all."""
    patterns: list[list[int]] = []
    for _ in range(2):
        marketo.post("/_sim/reset")
        marketo.post("/_sim/limits", json={"latency_seconds": 0})
        set_fault(marketo, match="GET /identity/*", kind="http", status=503, probability=0.5)
        patterns.append([marketo.get("/identity/oauth/token").status_code for _ in range(20)])

    assert patterns[0] == patterns[1]
    assert set(patterns[0]) == {503, 400}


@pytest.mark.parametrize(
    "rules",
    [
        {"match": "GET /x", "kind": "close"},
        ["close"],
        [{"match": "GET /x", "kind": "explode"}],
        [{"match": "/x", "kind": "close"}],
        [{"match": "GET /x", "kind": "delay"}],
        [{"match": "GET /x", "kind": "delay", "seconds": -1}],
        [{"match": "GET /x", "kind": "close", "second": 1}],
        [{"match": "GET /x", "kind": "close", "nth": 0}],
        [{"match": "GET /x", "kind": "close", "probability": 2}],
    ],
)
def test_a_wrong_fault_document_is_refused_and_changes_nothing(marketo: httpx.Client, rules: Any) -> None:
    """A rule with a missing, unknown or impossible member is a 400, and the former rules stay."""
    set_fault(marketo, kind="close")

    answer = marketo.post("/_sim/faults", json=rules)

    assert answer.status_code == 400
    assert [rule["match"] for rule in marketo.get("/_sim/faults").json()] == [f"POST {LEADS}"]


# limits and the process


@pytest.mark.parametrize(
    "document", [{"unknown_limit": 1}, {"daily_calls": "many"}, {"daily_calls": -1}, {"activity_ids": 1}, []]
)
def test_a_wrong_limit_is_refused(marketo: httpx.Client, document: Any) -> None:
    """Unknown names and values that are no numbers are a 400, and nothing changes."""
    before = marketo.get("/_sim/limits").json()

    answer = marketo.post("/_sim/limits", json=document)

    assert answer.status_code == 400
    assert marketo.get("/_sim/limits").json() == before


def test_the_process_takes_ports_and_seed_and_ends_cleanly(
    start_simulator: Callable[..., Any], simulator: dict[str, Any]
) -> None:
    """A second simulator runs beside the first; the seed decides its credentials; SIGTERM ends it with 0."""
    first, announced = start_simulator("--marketo-port", "0", "--salesforce-port", "0", "--seed", "3")
    second, again = start_simulator("--seed", "3")

    for process in (first, second):
        process.send_signal(signal.SIGTERM)

    assert [process.wait(10) for process in (first, second)] == [0, 0]
    for vendor in ("marketo", "salesforce"):
        assert announced[f"{vendor}_credentials"] == again[f"{vendor}_credentials"]
        assert announced[f"{vendor}_credentials"] != simulator[f"{vendor}_credentials"]
    assert announced["marketo_url"] != announced["salesforce_url"]


def test_the_process_ends_at_once_although_a_call_is_held_up(start_simulator: Callable[..., Any]) -> None:
    """A stalled call does not keep the process alive."""
    process, announced = start_simulator("--only", "marketo")
    with httpx.Client(base_url=announced["marketo_url"], verify=False) as client:
        set_fault(client, match="* *", kind="delay", seconds=600)
        with pytest.raises(httpx.ReadTimeout):
            client.get("/identity/oauth/token", timeout=0.2)

        process.send_signal(signal.SIGINT)

        assert process.wait(10) == 0
