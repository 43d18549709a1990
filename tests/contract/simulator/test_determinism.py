"""One seed and one clock decide everything: the same calls one after the other get the same bytes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.twins import running_twins

NOON = "2026-03-02T12:00:00Z"
LEADS, DATA = "/rest/v1/leads.json", "/services/data/v67.0"
MARCH = {"startAt": "2026-03-01T00:00:00Z", "endAt": "2026-03-31T00:00:00Z"}
ROOT = json.dumps({"id": 1, "type": "Folder"})
PEOPLE: list[dict[str, Any]] = [
    {"email": f"p{n}@example.com", "lastName": f"Ö{n}", "isCustomer": n % 2 == 0} for n in range(30)
]
CRM_PATHS = ["companies", "opportunities", "opportunities/roles", "salespersons"]


class Recorder:
    """Sends calls to one twin and keeps every byte of the answers but the lengths of the TCP segments."""

    def __init__(self, http: httpx.Client, trace: list[bytes]) -> None:
        self.http = http
        self.trace = trace

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        """Send one call and give its JSON, or nothing where there is none."""
        with self.http.stream(method, path, **options) as answer:
            body = b"".join(answer.iter_raw())
            head = b"\r\n".join(name + b": " + value for name, value in answer.headers.raw)
            self.trace.append(b"\r\n".join([f"{method} {path} {answer.status_code}".encode(), head, body]))
            if answer.headers.get("content-encoding") == "gzip":
                return None
            return json.loads(body) if "json" in answer.headers.get("content-type", "") else None


def advance(http: httpx.Client, seconds: int) -> None:
    """Move the clock, outside the trace: the answer tells how far it is from the machine's own."""
    http.post("/_sim/clock", json={"advance_seconds": seconds}).raise_for_status()


def log_in_to_marketo(send: Recorder, credentials: dict[str, str]) -> None:
    """Fetch a token and send it from now on."""
    names = ("client_id", "client_secret")
    query = {"grant_type": "client_credentials", **{name: credentials[name] for name in names}}
    send.http.headers["Authorization"] = f"Bearer {send('GET', '/identity/oauth/token', params=query)['access_token']}"


def prepare(send: Recorder) -> None:
    """Take away what costs real time, which is not compared, and load records whose ids come from the seed."""
    send("POST", "/_sim/limits", json={"latency_seconds": 0, "race_window_seconds": 0})
    deal = {"externalOpportunityId": "O", "name": "N"}
    send("POST", "/_sim/load", json={"companies": [{"externalCompanyId": "C"}], "opportunities": [deal]})


def play_marketo(send: Recorder, credentials: dict[str, str]) -> None:
    """Write and read most kinds of records, with chance, lateness, a job of each kind and refusals."""
    send.http.headers["Accept-Encoding"] = "identity"
    log_in_to_marketo(send, credentials)
    prepare(send)
    ids = [each["id"] for each in send("POST", LEADS, json={"input": PEOPLE})["result"]]
    send("POST", "/_sim/load", json={"generate": {"object": "leads", "count": 50, "seed": 3}})
    lines = b'{"email": "x@example.com"}\n{"email": "y@example.com"}\n'
    send("POST", "/_sim/load?object=leads", content=lines, headers={"Content-Type": "application/x-ndjson"})
    send("GET", "/rest/v1/leads/describe2.json")
    send("GET", "/rest/v1/activities/types.json", headers={"Accept-Encoding": "gzip"})
    everybody = ",".join(each["email"] for each in PEOPLE)
    send("GET", LEADS, params={"filterType": "email", "filterValues": everybody, "batchSize": "7"})
    faults = [{"match": f"POST {LEADS}", "kind": "vendor_error", "code": "611", "probability": 0.5}]
    send("POST", "/_sim/faults", json=faults)
    for number in range(6):
        send("POST", LEADS, json={"input": [{"email": "p1@example.com", "leadScore": number}]})
    send("POST", "/_sim/faults", json=[])
    for base in CRM_PATHS:
        send("GET", f"/rest/v1/{base}/describe.json")
    send("POST", "/rest/v1/companies.json", json={"input": [{"externalCompanyId": "C-1", "company": "Käfer"}]})
    send("POST", "/rest/v1/opportunities.json", json={"input": [{"externalOpportunityId": "O-1", "name": "Deal"}]})
    role = {"externalOpportunityId": "O-1", "leadId": ids[0], "role": "Buyer"}
    send("POST", "/rest/v1/opportunities/roles.json", json={"input": [role]})
    tags = json.dumps([{"tagType": "Region", "tagValue": "EMEA"}])
    for name in "ABCDEFGH":
        form = {"name": name, "folder": ROOT, "type": "Event", "channel": "Online Event", "tags": tags}
        program = send("POST", "/rest/asset/v1/programs.json", data=form)["result"][0]["id"]
    send("GET", "/rest/asset/v1/program/byTag.json", params={"tagType": "Region", "tagValue": "EMEA"})
    path = f"/rest/v1/programs/{program}/members/status.json"
    send("POST", path, json={"statusName": "Invited", "input": [{"leadId": each} for each in ids]})
    guests = send("POST", "/rest/asset/v1/staticLists.json", data={"name": "Guests", "folder": ROOT})["result"][0]["id"]
    send("POST", f"/rest/v1/lists/{guests}/leads.json", json={"input": [{"id": each} for each in ids[:9]]})
    body = {"fields": ["id", "email", "lastName"], "filter": {"createdAt": MARCH}}
    job = send("POST", "/bulk/v1/leads/export/create.json", json=body)["result"][0]["exportId"]
    send("POST", f"/bulk/v1/leads/export/{job}/enqueue.json")
    file = {"file": ("a.csv", b"email,lastName\np1@example.com,New\nbad,One\n", "text/csv")}
    boundary = {"Content-Type": "multipart/form-data; boundary=lines"}
    batch = send("POST", "/bulk/v1/leads.json?format=csv", files=file, headers=boundary)["result"][0]["batchId"]
    advance(send.http, 120)
    send("GET", f"/bulk/v1/leads/export/{job}/status.json")
    send("GET", f"/bulk/v1/leads/export/{job}/file.json")
    send("GET", f"/bulk/v1/leads/batch/{batch}.json")
    send("GET", f"/bulk/v1/leads/batch/{batch}/warnings.json")
    send("POST", f"/rest/v1/leads/{ids[0]}/merge.json", params={"leadIds": f"{ids[1]},{ids[2]}"})
    send("POST", "/rest/v1/leads/delete.json", json={"input": [{"id": ids[3]}]})
    since = {"sinceDatetime": "2026-03-01T00:00:00Z"}
    token = send("GET", "/rest/v1/activities/pagingtoken.json", params=since)["nextPageToken"]
    send("GET", "/rest/v1/activities.json", params={"nextPageToken": token, "activityTypeIds": "12,13,24,32,34,104"})
    send("GET", "/rest/v1/unicorns.json")
    send("GET", LEADS, params={"filterType": "updatedAt", "filterValues": "1"})
    send("GET", "/rest/v1/stats/usage.json")
    for name in ("log", "calls", "limits", "records/leads", "records/activities"):
        send("GET", f"/_sim/{name}")


def play_salesforce(send: Recorder, credentials: dict[str, str]) -> None:
    """Write, read and describe records, in one go and in bulk, with refusals."""
    send.http.headers["Accept-Encoding"] = "identity"
    names = ("client_id", "client_secret")
    form = {"grant_type": "client_credentials", **{name: credentials[name] for name in names}}
    token = send("POST", "/services/oauth2/token", data=form)["access_token"]
    send.http.headers["Authorization"] = f"Bearer {token}"
    send("POST", "/_sim/load", json={"generate": {"object": "Lead", "count": 40, "seed": 3}})
    lines = b'{"LastName": "Aalto"}\n\n{"LastName": "Ng"}\n'
    send("POST", "/_sim/load?object=Contact", content=lines, headers={"Content-Type": "application/x-ndjson"})
    send("GET", f"{DATA}/sobjects")
    for name in ("Lead", "Contact"):
        send("GET", f"{DATA}/sobjects/{name}/describe")
    rows = [{"attributes": {"type": "Lead"}, "LastName": f"L{n}", "Company": "Amber"} for n in range(5)]
    send("POST", f"{DATA}/composite/sobjects", json={"allOrNone": False, "records": [*rows, {"LastName": "x"}]})
    send("POST", f"{DATA}/sobjects/Lead", json={"LastName": "Only", "Company": "Amber"})
    send("POST", f"{DATA}/sobjects/Lead", json={"LastName": "Only"})
    send("GET", f"{DATA}/query", params={"q": "SELECT Id, LastName, CreatedDate FROM Lead ORDER BY Id"})
    send("GET", f"{DATA}/query", params={"q": "SELECT Nothing FROM Lead"})
    job = send("POST", f"{DATA}/jobs/ingest", json={"object": "Lead", "operation": "insert", "lineEnding": "LF"})["id"]
    csv = {"Content-Type": "text/csv"}
    send("PUT", f"{DATA}/jobs/ingest/{job}/batches", content=b"LastName,Company\nBulk,Amber\nBad,\n", headers=csv)
    send("PATCH", f"{DATA}/jobs/ingest/{job}", json={"state": "UploadComplete"})
    advance(send.http, 60)
    send("GET", f"{DATA}/jobs/ingest/{job}")
    send("GET", f"{DATA}/jobs/ingest/{job}/successfulResults")
    send("GET", f"{DATA}/jobs/ingest/{job}/failedResults")
    send("GET", f"{DATA}/limits")
    send("GET", f"{DATA}/nothing")
    for name in ("log", "calls", "records/Lead"):
        send("GET", f"/_sim/{name}")


def play(ports: tuple[int, int]) -> Iterator[bytes]:
    """Give the trace of the whole session with twins of a process of their own."""
    marketo, salesforce = ports
    where = ["--marketo-port", str(marketo), "--salesforce-port", str(salesforce)]
    when = ["--seed", "11", "--clock", NOON, "--step", "0.25"]
    trace: list[bytes] = []
    with running_twins(*where, *when) as (_, ready):
        yield json.dumps(ready).encode()
        for name, session in (("marketo", play_marketo), ("salesforce", play_salesforce)):
            with httpx.Client(base_url=ready[f"{name}_url"], timeout=30, verify=False) as http:
                session(Recorder(http, trace), ready[f"{name}_credentials"])
    yield from trace


def free_ports() -> tuple[int, int]:
    """Give two ports that nobody listens on, as addresses are part of some answers."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        return first.getsockname()[1], second.getsockname()[1]


def test_one_seed_and_one_clock_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with other hash seeds answer a session of both twins alike: heads, bodies, files, logs."""
    ports = free_ports()

    monkeypatch.setenv("PYTHONHASHSEED", "1")
    first = list(play(ports))
    monkeypatch.setenv("PYTHONHASHSEED", "2")
    second = list(play(ports))

    assert len(first) > 70
    assert b"601" not in first[2]
    for one, other in zip(first, second, strict=True):
        assert one == other
    assert all(b"date: Mon, 02 Mar 2026" in each for each in first[1:])


def test_a_standing_clock_moves_only_when_told(simulator: dict[str, Any], marketo: httpx.Client) -> None:
    """It stands from the moment of the word, moves by steps with calls of the API, and runs on when let go."""
    clock = "/_sim/clock"
    try:
        stopped = marketo.post(clock, json={"stand": True, "step_seconds": 2}).json()
        unmoved = marketo.get(clock).json()
        marketo.get("/rest/v1/leads/describe.json")
        stepped = marketo.get(clock).json()["now"]
        set_to = marketo.post(clock, json={"set": "2035-01-01T00:00:00Z"}).json()["now"]
    finally:
        going = marketo.post(clock, json={"stand": False, "step_seconds": 0}).json()

    assert (stopped["stands"], stopped["now"]) == (True, unmoved["now"])
    assert stepped != unmoved["now"]
    assert set_to == "2035-01-01T00:00:00.000Z"
    assert going["stands"] is False
    for wrong in ({}, {"stand": "yes"}, {"step_seconds": -1}, {"advance_seconds": True}):
        assert marketo.post(clock, json=wrong).status_code == 400
    assert simulator["marketo_url"]
