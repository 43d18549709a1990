"""Loading many records: lines that stream in, and records made up from a seed; in both twins by the same words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

LINES = {"Content-Type": "application/x-ndjson"}
LOAD = "/_sim/load"


def load_lines(client: httpx.Client, object_name: str, content: bytes | Iterator[bytes]) -> httpx.Response:
    """Load lines of one object."""
    return client.post(LOAD, params={"object": object_name}, content=content, headers=LINES)


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    """Cut a body into pieces that end anywhere, also within a character."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_lines_are_records_however_the_body_is_cut(marketo: httpx.Client, size: int) -> None:
    """Line ends in values, blank lines, CRLF, unicode and a last line without an end: all records, in order."""
    people = [{"email": f"p{n}@example.com", "lastName": "Çelik\u2028\n李"} for n in range(20)]
    content = b"\r\n\r\n".join(json.dumps(each, ensure_ascii=False).encode() for each in people)

    answer = load_lines(marketo, "leads", in_pieces(content, size))

    records = marketo.get("/_sim/records/leads").json()
    assert answer.json()["leads"] == [each["id"] for each in records]
    assert [{name: each[name] for name in ("email", "lastName")} for each in records] == people


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"email": ', "line 5002 is not JSON"),
        (b"[1]", "line 5002 is not a JSON object"),
        (b'{"leadScore": "many"}', "line 5002: 1003"),
        (b"\xff\xfe", "line 5002 is not JSON"),
        (b'{"email": "' + b"x" * 1_100_000, "line 5002 is longer than"),
    ],
)
def test_a_bad_line_is_named_and_ends_the_load(marketo: httpx.Client, line: bytes, reason: str) -> None:
    """The answer names the line and how many records before it are there; nothing after it is."""
    good = b'{"lastName": "Ng"}\n'
    content = good * 5_000 + b"\n" + line + b"\n" + good * 3_000

    answer = load_lines(marketo, "leads", content)

    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    stays = len(marketo.get("/_sim/records/leads").json())
    assert f"{stays} records before it are loaded" in answer.json()["error"]
    assert stays <= 5_000


def test_lines_need_an_object_that_the_twin_has(marketo: httpx.Client) -> None:
    """Without the object's name, or with an unknown one, the load is refused."""
    bare = marketo.post(LOAD, content=b"{}", headers=LINES)
    unknown = load_lines(marketo, "unicorns", b"{}\n")

    assert [bare.status_code, unknown.status_code] == [400, 400]
    assert "?object=" in bare.json()["error"]
    assert "unknown" in unknown.json()["error"]


def test_the_salesforce_twin_takes_lines_and_makes_up_records_too(salesforce_anonymous: httpx.Client) -> None:
    """The same two ways; a bad line is named there, too."""
    loaded = load_lines(salesforce_anonymous, "Contact", b'{"LastName": "Aalto"}\n{"LastName": "Ng"}')
    bad = load_lines(salesforce_anonymous, "Contact", b'{"LastName": "Aalto"}\n{"FirstName": "Ada"}\n')
    request = {"generate": {"object": "Lead", "count": 30, "seed": 4, "values": {"City": "Bern"}}}
    made = salesforce_anonymous.post(LOAD, json=request).json()["Lead"]
    leads = salesforce_anonymous.get("/_sim/records/Lead").json()

    assert len(loaded.json()["Contact"]) == 2
    assert "line 2: REQUIRED_FIELD_MISSING" in bad.json()["error"]
    assert sorted(made) == sorted(each["Id"] for each in leads)
    assert {each["City"] for each in leads} == {"Bern"}


# made-up records


@pytest.mark.parametrize("object_name", ["leads", "companies", "salesPersons", "opportunities"])
def test_one_seed_makes_one_set_of_records(marketo: httpx.Client, object_name: str) -> None:
    """Twice the same from one seed, others from another, and no two records of a set are alike."""

    def made(seed: int) -> list[dict[str, Any]]:
        marketo.post("/_sim/reset")
        request = {"generate": {"object": object_name, "count": 400, "seed": seed}}
        assert len(marketo.post(LOAD, json=request).json()[object_name]) == 400
        own = {"id", "marketoGUID", "createdAt", "updatedAt"}
        records = marketo.get(f"/_sim/records/{object_name}").json()
        return [{name: value for name, value in each.items() if name not in own} for each in records]

    first, again, other = made(1), made(1), made(2)

    assert first == again
    assert len({json.dumps(each) for each in first}) == 400
    keys = {json.dumps(each) for each in first} & {json.dumps(each) for each in other}
    assert keys == set()


def test_made_up_leads_vary_and_spread_over_thirty_days(marketo: httpx.Client) -> None:
    """Blanks, unicode, quotes and line ends are among the values; creation times fill one window of an extract."""
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])
    marketo.post(LOAD, json={"generate": {"object": "leads", "count": 1_000, "seed": 1, "values": {"city": "Bern"}}})
    leads = marketo.get("/_sim/records/leads").json()

    made = [datetime.fromisoformat(each["createdAt"]) for each in leads]
    texts = "".join(str(each[name]) for each in leads for name in ("lastName", "company", "notes"))
    assert all(mark in texts for mark in ("李", '"', "\n", "'"))
    assert any(each["title"] is None for each in leads)
    assert {each["city"] for each in leads} == {"Bern"}
    assert timedelta(days=29) < max(made) - min(made) <= timedelta(days=30)
    assert max(made) <= now + timedelta(seconds=60)


def test_an_extract_gives_back_what_was_made_up(marketo: httpx.Client) -> None:
    """20,000 leads: every row of the file is the record that the control plane shows."""
    marketo.post(LOAD, json={"generate": {"object": "leads", "count": 20_000, "seed": 1}}, timeout=60)
    now = datetime.fromisoformat(marketo.get("/_sim/clock").json()["now"])
    span = {"startAt": (now - timedelta(days=30, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    span["endAt"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    names = ["id", "email", "lastName", "notes", "leadScore"]
    body = {"fields": names, "filter": {"createdAt": span}}

    job = marketo.post("/bulk/v1/leads/export/create.json", json=body).json()["result"][0]["exportId"]
    marketo.post(f"/bulk/v1/leads/export/{job}/enqueue.json")
    marketo.post("/_sim/clock", json={"advance_seconds": 120})
    status = marketo.get(f"/bulk/v1/leads/export/{job}/status.json").json()["result"][0]
    file = marketo.get(f"/bulk/v1/leads/export/{job}/file.json").text

    rows = list(csv.reader(io.StringIO(file, newline="")))
    records = marketo.get("/_sim/records/leads", timeout=60).json()
    expected = [["null" if each[name] is None else str(each[name]) for name in names] for each in records]
    assert status["numberOfRecords"] == 20_000
    assert rows[0] == names
    assert rows[1:] == expected
