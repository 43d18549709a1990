"""Bulk extract: jobs, their queue, their meter and their files.

The documented answers: Created, Queued, Processing, Completed; 2 jobs run and 10 hold the queue, over all kinds; 1029
has three meanings; a status changes once a minute; files carry a SHA-256 checksum, are read in ranges (206), are only
their maker's, and are a plain-text 404 where they are not there; an empty field is the word `null`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

LEADS = "/bulk/v1/leads/export"
ACTIVITIES = "/bulk/v1/activities/export"
MEMBERS = "/bulk/v1/program/members/export"
CARS = "/bulk/v1/customobjects/car/export"
KEY = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
LINK = {"name": "owner", "displayName": "Owner", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}
CAR = {"apiName": "car", "displayName": "Car", "fields": [KEY, LINK]}
MINUTE = 60
DAY = 86_400


def result(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    rows: list[dict[str, Any]] = envelope["result"]
    return rows


def failure(answer: httpx.Response) -> tuple[str, str]:
    """Give code and message of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    return envelope["errors"][0]["code"], envelope["errors"][0]["message"]


def window(client: httpx.Client, days: int = 1) -> dict[str, str]:
    """Give a range of days that ends a day from now, on the twin's clock."""
    now = datetime.fromisoformat(client.get("/_sim/clock").json()["now"]).replace(microsecond=0)
    end = now + timedelta(days=1)
    return {"startAt": (end - timedelta(days=days)).isoformat(), "endAt": end.isoformat()}


def leads_body(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    """Make the definition of a lead extract."""
    return {"fields": ["id", "email"], "filter": {"createdAt": window(client, 2)}} | changes


def create(client: httpx.Client, path: str, body: dict[str, Any]) -> str:
    """Make a job and give its id."""
    [job] = result(client.post(f"{path}/create.json", json=body))
    assert job["status"] == "Created"
    export_id: str = job["exportId"]
    return export_id


def status(client: httpx.Client, path: str, export_id: str) -> dict[str, Any]:
    """Read a job's status."""
    return result(client.get(f"{path}/{export_id}/status.json"))[0]


def advance(client: httpx.Client, seconds: float) -> None:
    """Move the clock and log in again."""
    client.post("/_sim/clock", json={"advance_seconds": seconds})
    login(client, "")


def login(client: httpx.Client, prefix: str) -> None:
    """Take a token of the product's service, or of the `other_` one."""
    credentials = client.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"}
    query |= {name: credentials[f"{prefix}{name}"] for name in ("client_id", "client_secret")}
    token = client.get("/identity/oauth/token", params=query).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def complete(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Run a job to its end and give its status."""
    return run_to_end(client, path, create(client, path, body))


def run_to_end(client: httpx.Client, path: str, export_id: str) -> dict[str, Any]:
    """Run a job that was made to its end and give its status."""
    result(client.post(f"{path}/{export_id}/enqueue.json"))
    advance(client, MINUTE)
    return status(client, path, export_id)


def rows(client: httpx.Client, path: str, body: dict[str, Any]) -> list[list[str]]:
    """Run a job and read its file."""
    return rows_of(client, path, complete(client, path, body))


def rows_of(client: httpx.Client, path: str, job: dict[str, Any]) -> list[list[str]]:
    """Read the file of a job that is complete."""
    answer = client.get(f"{path}/{job['exportId']}/file.json")
    assert answer.status_code == 200, answer.text
    delimiter = {"TSV": "\t", "SSV": ";"}.get(job["format"], ",")
    return list(csv.reader(io.StringIO(answer.content.decode(), newline=""), delimiter=delimiter))


def load(client: httpx.Client, **document: Any) -> dict[str, list[Any]]:
    """Load records and give their ids by object."""
    ids: dict[str, list[Any]] = client.post("/_sim/load", json=document).raise_for_status().json()
    return ids


def test_a_job_goes_from_created_to_completed_and_its_file_is_checked(marketo: httpx.Client) -> None:
    """Nothing happens until it is enqueued; the status has times, count, size and checksum of the file."""
    [lead_id] = load(marketo, leads=[{"email": "a@example.com"}])["leads"]
    export_id = create(marketo, LEADS, leads_body(marketo))
    advance(marketo, MINUTE)
    idle = status(marketo, LEADS, export_id)
    [queued] = result(marketo.post(f"{LEADS}/{export_id}/enqueue.json"))
    early = marketo.get(f"{LEADS}/{export_id}/file.json")
    advance(marketo, MINUTE)

    done = status(marketo, LEADS, export_id)
    file = marketo.get(f"{LEADS}/{export_id}/file.json", headers={"Accept-Encoding": "gzip"})

    assert [idle["status"], queued["status"], done["status"]] == ["Created", "Queued", "Completed"]
    assert "startedAt" not in queued
    assert (early.status_code, early.headers["content-type"].partition(";")[0]) == (404, "text/plain")
    assert {"createdAt", "queuedAt", "startedAt", "finishedAt", "format"} <= done.keys()
    assert file.content == f"id,email\n{lead_id},a@example.com\n".encode()
    assert "content-encoding" not in file.headers
    assert (done["numberOfRecords"], done["fileSize"]) == (1, len(file.content))
    assert done["fileChecksum"] == f"sha256:{hashlib.sha256(file.content).hexdigest()}"


def test_a_status_is_refreshed_once_a_minute(marketo: httpx.Client) -> None:
    """A job that is done after 30 seconds is Queued for 60, however often it is asked."""
    export_id = create(marketo, LEADS, leads_body(marketo))
    marketo.post(f"{LEADS}/{export_id}/enqueue.json")
    seen = []
    for _ in range(3):
        advance(marketo, 15)
        seen.append(status(marketo, LEADS, export_id)["status"])
    advance(marketo, 16)

    assert seen == ["Queued", "Queued", "Queued"]
    assert status(marketo, LEADS, export_id)["status"] == "Completed"


def test_a_file_is_read_in_ranges(marketo: httpx.Client) -> None:
    """206 with Content-Range; the parts make the whole; beyond the end is 416."""
    load(marketo, leads=[{"email": f"p{number}@example.com"} for number in range(50)])
    done = complete(marketo, LEADS, leads_body(marketo))
    path, size = f"{LEADS}/{done['exportId']}/file.json", done["fileSize"]

    first = marketo.get(path, headers={"Range": "bytes=0-99"})
    rest = marketo.get(path, headers={"Range": "bytes=100-"})
    beyond = [marketo.get(path, headers={"Range": text}) for text in (f"bytes={size}-", "bytes=9-3", "lines=1-2")]

    assert [first.status_code, rest.status_code] == [206, 206]
    assert first.headers["content-range"] == f"bytes 0-99/{size}"
    assert first.headers["accept-ranges"] == "bytes"
    assert first.headers["content-length"] == "100"
    assert first.content + rest.content == marketo.get(path).content
    assert [answer.status_code for answer in beyond] == [416, 416, 416]


def test_empty_fields_are_the_word_null_and_quoting_is_standard(marketo: httpx.Client) -> None:
    """A person called Null cannot be told from one without a name; booleans are words; line feeds stay inside."""
    load(marketo, leads=[{"lastName": "null", "city": 'a "b",\nc'}, {"unsubscribed": True, "lastName": "Ünal"}])
    body = leads_body(marketo, fields=["lastName", "firstName", "city", "unsubscribed"])

    table = rows(marketo, LEADS, body)

    assert table == [
        ["lastName", "firstName", "city", "unsubscribed"],
        ["null", "null", 'a "b",\nc', "false"],
        ["Ünal", "null", "null", "true"],
    ]


@pytest.mark.parametrize(
    ("file_format", "line"), [("CSV", b"Number,email\n"), ("TSV", b"Number\temail\n"), ("SSV", b"Number;email\n")]
)
def test_formats_and_header_names_can_be_chosen(marketo: httpx.Client, file_format: str, line: bytes) -> None:
    """Comma, tab or semicolon; a column gets another title."""
    body = leads_body(marketo, format=file_format, columnHeaderNames={"id": "Number"})
    done = complete(marketo, LEADS, body)

    assert done["format"] == file_format
    assert marketo.get(f"{LEADS}/{done['exportId']}/file.json").content == line


def test_the_update_filter_sees_changes_that_the_visible_time_does_not(marketo: httpx.Client) -> None:
    """A custom field changed today: the extract by updatedAt has the lead, its updatedAt is old."""
    [lead_id, _] = load(
        marketo,
        leads=[
            {"email": "a@example.com", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"},
            {"email": "b@example.com", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"},
        ],
    )["leads"]
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "externalKey": "k"}]})
    body = leads_body(marketo, fields=["id", "updatedAt"], filter={"updatedAt": window(marketo, 2)})

    assert rows(marketo, LEADS, body)[1:] == [[str(lead_id), "2026-01-01T00:00:00Z"]]


def test_leads_of_a_static_list_are_exported(marketo: httpx.Client) -> None:
    """By id and by name; an unknown list is 1013."""
    ids = load(marketo, leads=[{}, {}], staticLists=[{"name": "Few"}])
    load(marketo, listMembers=[{"listId": ids["staticLists"][0], "leadId": ids["leads"][1]}])
    filters: list[dict[str, Any]] = [{"staticListId": ids["staticLists"][0]}, {"staticListName": "Few"}]

    tables = [rows(marketo, LEADS, {"fields": ["id"], "filter": each}) for each in filters]

    assert tables == [[["id"], [str(ids["leads"][1])]]] * 2
    unknown = {"fields": ["id"], "filter": {"staticListId": 4711}}
    assert failure(marketo.post(f"{LEADS}/create.json", json=unknown))[0] == "1013"


def test_leads_of_a_smart_list_are_those_that_fit_when_the_file_is_made(marketo: httpx.Client) -> None:
    """By id and by name, texts in any case, every condition counts; a list that is not there is 1013."""
    people = [{"country": "France", "title": "CEO"}, {"country": "FRANCE", "title": "CTO"}, {"country": "Italy"}, {}]
    ids = load(marketo, leads=people, staticLists=[{"name": "Few"}])
    where = {"country": ["France", "Spain"], "title": ["ceo", "cto"]}
    [smart, everybody] = load(marketo, smartLists=[{"name": "Chiefs", "where": where}, {"name": "All", "where": {}}])[
        "smartLists"
    ]
    job = create(marketo, LEADS, {"fields": ["id"], "filter": {"smartListName": "Chiefs"}})
    late = load(marketo, leads=[{"country": "Spain", "title": "CEO"}])["leads"]
    chiefs = [[str(each)] for each in [*ids["leads"][:2], *late]]

    tables = [
        rows(marketo, LEADS, {"fields": ["id"], "filter": each})[1:]
        for each in ({"smartListId": smart}, {"smartListName": "Chiefs"}, {"smartListId": everybody})
    ]

    assert tables == [chiefs, chiefs, [[str(each)] for each in [*ids["leads"], *late]]]
    assert rows_of(marketo, LEADS, run_to_end(marketo, LEADS, job))[1:] == chiefs
    for unknown in ({"smartListName": "Few"}, {"smartListId": ids["staticLists"][0]}, {"staticListName": "Chiefs"}):
        body = {"fields": ["id"], "filter": unknown}
        assert failure(marketo.post(f"{LEADS}/create.json", json=body))[0] == "1013"


@pytest.mark.parametrize("wrong", [{"where": {"shoeSize": ["44"]}}, {"where": "country is France"}, {}])
def test_a_smart_list_asks_for_fields_that_exist(marketo: httpx.Client, wrong: dict[str, Any]) -> None:
    """A definition of another form, or about an unknown field, is not loaded."""
    answer = marketo.post("/_sim/load", json={"smartLists": [{"name": "Wrong"} | wrong]})
    assert answer.status_code == 400
    assert marketo.get("/_sim/records/smartLists").json() == []


def test_custom_objects_are_exported_by_the_lists_that_their_leads_are_in(marketo: httpx.Client) -> None:
    """A static list and a smart list of the same leads give the same records."""
    ids = load(marketo, leads=[{"country": "France"}, {"country": "Italy"}], staticLists=[{"name": "Few"}])
    load(marketo, listMembers=[{"listId": ids["staticLists"][0], "leadId": ids["leads"][0]}])
    load(marketo, smartLists=[{"name": "French", "where": {"country": ["france"]}}], customObjectTypes=[CAR])
    load(marketo, car=[{"vin": f"V{each}", "owner": each} for each in ids["leads"]])

    tables = [
        rows(marketo, CARS, {"fields": ["vin"], "filter": each})
        for each in ({"staticListName": "Few"}, {"smartListName": "French"})
    ]

    assert tables == [[["vin"], [f"V{ids['leads'][0]}"]]] * 2


def test_members_of_an_engagement_program_are_told_apart_by_cadence_and_exhaustion(marketo: httpx.Client) -> None:
    """Each filter keeps the members that have it; a program of another type knows neither, nor does it take them."""
    ids = load(marketo, leads=[{}, {}, {}], programs=[{"name": "Nurture", "type": "Engagement"}, {"name": "Fair"}])
    nurture, fair = ids["programs"]
    states: list[dict[str, Any]] = [
        {"nurtureCadence": "norm", "trackName": "Cold"},
        {"nurtureCadence": "pause", "trackName": "Cold"},
        {"nurtureCadence": "norm", "trackName": "Warm", "isExhausted": True},
    ]
    load(
        marketo,
        programMembers=[
            {"programId": nurture, "leadId": lead, "statusName": "Invited"} | state
            for lead, state in zip(ids["leads"], states, strict=True)
        ],
    )
    columns = ["leadId", "trackName", "nurtureCadence", "isExhausted"]

    def found(**filters: Any) -> list[list[str]]:
        return rows(marketo, MEMBERS, {"fields": columns, "filter": {"programId": nurture} | filters})[1:]

    first, second, third = (str(each) for each in ids["leads"])
    assert found() == [
        [first, "Cold", "norm", "false"],
        [second, "Cold", "pause", "false"],
        [third, "Warm", "norm", "true"],
    ]
    assert [row[0] for row in found(nurtureCadence="pause")] == [second]
    assert [row[0] for row in found(isExhausted=True)] == [third]
    assert [row[0] for row in found(isExhausted=False, nurtureCadence="norm")] == [first]
    body = {"fields": columns, "filter": {"programId": nurture, "nurtureCadence": "sometimes"}}
    assert failure(marketo.post(f"{MEMBERS}/create.json", json=body))[0] == "1003"
    other = {"programId": fair, "leadId": ids["leads"][0], "statusName": "Invited", "nurtureCadence": "norm"}
    assert marketo.post("/_sim/load", json={"programMembers": [other]}).status_code == 400


def test_activities_are_exported_with_attributes_as_json(marketo: httpx.Client) -> None:
    """The documented columns; attributes are an object; deletions are never there."""
    made = result(marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "city": "Bern"}]}))
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "city": "Basel"}]})
    marketo.post("/rest/v1/leads/delete.json", json={"input": [{"id": made[0]["id"]}]})
    everything = {"filter": {"createdAt": window(marketo, 2)}}
    narrow = {"filter": {"createdAt": window(marketo, 2), "activityTypeIds": [13], "primaryAttributeValues": ["City"]}}

    table, filtered = rows(marketo, ACTIVITIES, everything), rows(marketo, ACTIVITIES, narrow)

    assert table[0] == [
        "marketoGUID",
        "leadId",
        "activityDate",
        "activityTypeId",
        "campaignId",
        "primaryAttributeValueId",
        "primaryAttributeValue",
        "attributes",
    ]
    assert [row[3] for row in table[1:]] == ["12", "13"]
    assert table[1][4:7] == ["null", "null", "null"]
    assert json.loads(filtered[1][7])["New Value"] == "Basel"
    assert len(filtered) == 2


def test_program_members_are_exported(marketo: httpx.Client) -> None:
    """By status, with fields of the lead; with programIds a programId column leads."""
    ids = load(marketo, leads=[{"email": "a@example.com"}, {}], programs=[{"name": "P"}, {"name": "Q"}])
    [first, second] = ids["programs"]
    load(
        marketo,
        programMembers=[
            {"programId": first, "leadId": ids["leads"][0], "statusName": "Invited"},
            {"programId": first, "leadId": ids["leads"][1], "statusName": "Attended"},
            {"programId": second, "leadId": ids["leads"][0], "statusName": "Invited"},
        ],
    )
    one = {"fields": ["leadId", "email", "statusName"], "filter": {"programId": first, "statusNames": ["Invited"]}}
    many = {"fields": ["leadId"], "filter": {"programIds": [first, second]}}

    assert rows(marketo, MEMBERS, one)[1:] == [[str(ids["leads"][0]), "a@example.com", "Invited"]]
    assert [row[0] for row in rows(marketo, MEMBERS, many)] == ["programId", str(first), str(first), str(second)]


def test_custom_objects_are_exported(marketo: httpx.Client) -> None:
    """By updatedAt, for types that are linked to leads; an unlinked one is refused."""
    key = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
    link = {"name": "who", "displayName": "Who", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}
    [lead_id] = load(marketo, leads=[{}])["leads"]
    load(
        marketo,
        customObjectTypes=[
            {"apiName": "car", "displayName": "Car", "fields": [key, link]},
            {"apiName": "house", "displayName": "House", "fields": [key]},
        ],
    )
    load(marketo, car=[{"vin": "A", "who": lead_id}, {"vin": "B"}])
    body = {"fields": ["vin", "who"], "filter": {"updatedAt": window(marketo, 2)}}

    assert rows(marketo, CARS, body)[1:] == [["A", str(lead_id)], ["B", "null"]]
    unlinked = body | {"fields": ["vin"]}
    assert failure(marketo.post("/bulk/v1/customobjects/house/export/create.json", json=unlinked))[0] == "1003"
    assert failure(marketo.post("/bulk/v1/customobjects/boat/export/create.json", json=body))[0] == "1013"


# queue and meter


def test_two_jobs_run_ten_hold_the_queue_and_1029_has_three_meanings(marketo: httpx.Client) -> None:
    """The eleventh is refused although it is of another kind; twice the same is refused; over the meter, too."""
    marketo.post("/_sim/clock", json={"set": "2030-07-01T20:00:00Z", "allow_backwards": True})
    login(marketo, "")
    marketo.post("/_sim/limits", json={"export_run_seconds": 90})
    jobs = [create(marketo, LEADS, leads_body(marketo)) for _ in range(10)]
    other = create(marketo, ACTIVITIES, {"filter": {"createdAt": window(marketo)}})
    for job in jobs:
        result(marketo.post(f"{LEADS}/{job}/enqueue.json"))
    full = failure(marketo.post(f"{ACTIVITIES}/{other}/enqueue.json"))
    twice = failure(marketo.post(f"{LEADS}/{jobs[0]}/enqueue.json"))
    advance(marketo, MINUTE + 1)
    states = [status(marketo, LEADS, job)["status"] for job in jobs]
    advance(marketo, MINUTE)
    later = [status(marketo, LEADS, job)["status"] for job in jobs]
    accepted = marketo.post(f"{ACTIVITIES}/{other}/enqueue.json").json()
    marketo.post("/_sim/limits", json={"export_bytes_per_day": 1})
    over = failure(marketo.post(f"{LEADS}/create.json", json=leads_body(marketo)))

    assert full == ("1029", "Too many jobs (10) in queue")
    assert twice == ("1029", "Job already queued")
    assert states == ["Processing"] * 2 + ["Queued"] * 8
    assert later == ["Completed"] * 2 + ["Processing"] * 2 + ["Queued"] * 6
    assert accepted["success"] is True
    assert over[0] == "1029"
    assert "quota" in over[1]
    assert marketo.get("/_sim/calls").json()["violations"]["1029"] == 2


def test_the_meter_counts_unread_files_and_resets_at_midnight_us_central(marketo: httpx.Client) -> None:
    """A finished file nobody fetched fills the day for every kind; create and enqueue are refused until midnight."""
    marketo.post("/_sim/clock", json={"set": "2030-07-01T20:00:00Z", "allow_backwards": True})
    login(marketo, "")
    load(marketo, leads=[{"email": "a@example.com"}])
    marketo.post("/_sim/limits", json={"export_bytes_per_day": 20})
    waiting = create(marketo, LEADS, leads_body(marketo))
    complete(marketo, LEADS, leads_body(marketo))
    body = {"filter": {"createdAt": window(marketo)}}

    refused = [
        failure(marketo.post(f"{ACTIVITIES}/create.json", json=body)),
        failure(marketo.post(f"{LEADS}/{waiting}/enqueue.json")),
    ]
    marketo.post("/_sim/clock", json={"set": "2030-07-02T05:00:01Z"})
    login(marketo, "")

    assert [code for code, _ in refused] == ["1029", "1029"]
    assert result(marketo.post(f"{LEADS}/{waiting}/enqueue.json"))[0]["status"] == "Queued"


def test_only_the_maker_sees_a_job(marketo: httpx.Client) -> None:
    """For another API user it does not exist: status, file, enqueue, cancel and list."""
    export_id = complete(marketo, LEADS, leads_body(marketo))["exportId"]
    login(marketo, "other_")

    answers = [
        marketo.get(f"{LEADS}/{export_id}/status.json"),
        marketo.post(f"{LEADS}/{export_id}/enqueue.json"),
        marketo.post(f"{LEADS}/{export_id}/cancel.json"),
    ]

    assert [failure(answer)[0] for answer in answers] == ["1013", "1013", "1013"]
    assert marketo.get(f"{LEADS}/{export_id}/file.json").status_code == 404
    assert result(marketo.get(f"{LEADS}.json")) == []


def test_files_last_7_days_and_status_30(marketo: httpx.Client) -> None:
    """The file is gone first, then the job is no longer listed, then its status is gone."""
    export_id = complete(marketo, LEADS, leads_body(marketo))["exportId"]
    path = f"{LEADS}/{export_id}"
    advance(marketo, 6 * DAY)
    early = [marketo.get(f"{path}/file.json").status_code, len(result(marketo.get(f"{LEADS}.json")))]
    advance(marketo, 2 * DAY)
    late = [marketo.get(f"{path}/file.json").status_code, len(result(marketo.get(f"{LEADS}.json")))]
    still = status(marketo, LEADS, export_id)["status"]
    advance(marketo, 23 * DAY)

    assert (early, late, still) == ([200, 1], [404, 0], "Completed")
    assert failure(marketo.get(f"{path}/status.json"))[0] == "1013"


def test_jobs_are_listed_by_status_and_paged(marketo: httpx.Client) -> None:
    """A status filter in either spelling, pages by token, an unknown status refused."""
    jobs = [create(marketo, LEADS, leads_body(marketo)) for _ in range(3)]
    marketo.post(f"{LEADS}/{jobs[0]}/cancel.json")

    cancelled = result(marketo.get(f"{LEADS}.json", params={"status": "Cancelled"}))
    page = marketo.get(f"{LEADS}.json", params={"status": "Created", "batchSize": 1}).json()
    query = {"status": "Created", "batchSize": 1, "nextPageToken": page["nextPageToken"]}
    second = result(marketo.get(f"{LEADS}.json", params=query))

    assert [job["exportId"] for job in cancelled] == jobs[:1]
    assert [job["exportId"] for job in page["result"] + second] == jobs[1:]
    assert failure(marketo.get(f"{LEADS}.json", params={"status": "Lost"}))[0] == "1003"


# what goes wrong


@pytest.mark.parametrize(("two_l", "spelling"), [(True, "Cancelled"), (False, "Canceled")])
def test_a_job_is_cancelled_in_either_spelling(marketo: httpx.Client, two_l: bool, spelling: str) -> None:
    """By its maker at once, and by somebody else behind a switch; it cannot be enqueued or cancelled again."""
    marketo.post("/_sim/limits", json={"jobs_cancelled_with_two_l": two_l})
    own = create(marketo, LEADS, leads_body(marketo))
    [cancelled] = result(marketo.post(f"{LEADS}/{own}/cancel.json"))
    again = [marketo.post(f"{LEADS}/{own}/{verb}.json") for verb in ("cancel", "enqueue")]
    marketo.post("/_sim/limits", json={"jobs_cancelled": True})
    foreign = complete(marketo, LEADS, leads_body(marketo))

    assert [cancelled["status"], foreign["status"]] == [spelling, spelling]
    assert [failure(answer)[0] for answer in again] == ["1003", "1003"]


def test_jobs_can_be_stuck_fail_or_lose_their_file(marketo: httpx.Client) -> None:
    """Behind switches: Processing for hours, Failed with a reason, Completed without a file."""
    marketo.post("/_sim/limits", json={"jobs_stuck": True})
    stuck = create(marketo, LEADS, leads_body(marketo))
    marketo.post(f"{LEADS}/{stuck}/enqueue.json")
    advance(marketo, 5 * 3600)
    states = [status(marketo, LEADS, stuck)["status"]]
    marketo.post("/_sim/limits", json={"jobs_stuck": False, "jobs_fail": True})
    failed = complete(marketo, LEADS, leads_body(marketo))
    marketo.post("/_sim/limits", json={"jobs_fail": False, "export_file_lost": True})
    lost = complete(marketo, LEADS, leads_body(marketo))
    gone = marketo.get(f"{LEADS}/{lost['exportId']}/file.json")

    assert states == ["Processing"]
    assert failed["status"] == "Failed"
    assert failed["errorMsg"]
    assert (lost["status"], gone.status_code) == ("Completed", 404)


def test_filters_that_a_subscription_does_not_have_are_1035(marketo: httpx.Client) -> None:
    """updatedAt and smart lists, behind a switch; createdAt works everywhere."""
    marketo.post("/_sim/limits", json={"export_optional_filters": False})
    bodies = [
        leads_body(marketo, filter={"updatedAt": window(marketo)}),
        leads_body(marketo, filter={"smartListId": 1}),
        leads_body(marketo, filter={"smartListName": "Hot"}),
    ]

    answers = [failure(marketo.post(f"{LEADS}/create.json", json=body)) for body in bodies]

    assert answers == [("1035", "Unsupported filter type for target subscription")] * 3
    assert create(marketo, LEADS, leads_body(marketo))


@pytest.mark.parametrize(
    ("path", "changes", "code"),
    [
        (LEADS, {"fields": None}, "1002"),
        (LEADS, {"fields": ["nonsense"]}, "1006"),
        (LEADS, {"filter": None}, "1002"),
        (LEADS, {"filter": {"everything": True}}, "1003"),
        (LEADS, {"filter": {"createdAt": 32, "staticListId": 1}}, "1003"),
        (LEADS, {"filter": {"createdAt": 32}}, "1003"),
        (LEADS, {"filter": {"createdAt": {"startAt": "2026-01-01T00:00:00Z"}}}, "1002"),
        (LEADS, {"filter": {"createdAt": {"startAt": "soon", "endAt": "later"}}}, "704"),
        (
            LEADS,
            {"filter": {"createdAt": {"startAt": "2026-01-01T00:00:00.5Z", "endAt": "2026-01-02T00:00:00Z"}}},
            "704",
        ),
        (LEADS, {"format": "XLS"}, "1003"),
        (LEADS, {"columnHeaderNames": ["id"]}, "1001"),
        (ACTIVITIES, {"fields": None, "filter": {"activityTypeIds": [1]}}, "1002"),
        (ACTIVITIES, {"fields": None, "filter": {"createdAt": 2, "activityTypeIds": [37]}}, "1003"),
        (ACTIVITIES, {"fields": None, "filter": {"createdAt": 2, "activityTypeIds": 1}}, "1001"),
        (ACTIVITIES, {"fields": None, "filter": {"createdAt": 2, "primaryAttributeValues": ["x"]}}, "1003"),
        (MEMBERS, {"fields": ["leadId"], "filter": {"statusNames": ["x"]}}, "1003"),
        (MEMBERS, {"fields": ["leadId"], "filter": {"programIds": list(range(11))}}, "1003"),
        (MEMBERS, {"fields": ["leadId"], "filter": {"programId": 4711}}, "1013"),
        (MEMBERS, {"fields": ["leadId"], "filter": {"programId": "x"}}, "1003"),
    ],
)
def test_a_wrong_job_is_refused(marketo: httpx.Client, path: str, changes: dict[str, Any], code: str) -> None:
    """Missing and unknown fields and filters, two filters, ranges above 31 days, milliseconds, types 37 and so on."""
    filters = changes.get("filter")
    if isinstance(filters, dict) and isinstance(filters.get("createdAt"), int):
        changes = changes | {"filter": filters | {"createdAt": window(marketo, filters["createdAt"])}}

    answer = marketo.post(f"{path}/create.json", json=leads_body(marketo) | changes)

    assert failure(answer)[0] == code


def test_unknown_jobs_are_refused(marketo: httpx.Client) -> None:
    """1013 for status, enqueue and cancel, plain 404 for the file; a job of another kind is unknown, too."""
    export_id = create(marketo, LEADS, leads_body(marketo))
    answers = [
        marketo.get(f"{LEADS}/nothing/status.json"),
        marketo.post(f"{LEADS}/nothing/enqueue.json"),
        marketo.post(f"{LEADS}/nothing/cancel.json"),
        marketo.get(f"{ACTIVITIES}/{export_id}/status.json"),
    ]

    assert [failure(answer)[0] for answer in answers] == ["1013"] * 4
    assert marketo.get(f"{MEMBERS}/nothing/file.json").status_code == 404
