"""Bulk import: uploads, their queue, and the files of failed and warned rows.

The documented answers: Queued, Importing, Complete, Failed; Complete includes rows that failed; 2 jobs are processed
and 10 are in the queue (1016); one list takes one import at a time (1019); a file stays below 10 MB (413).
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

LEADS = "/bulk/v1/leads"
MEMBERS = "/bulk/v1/program/members/import"
CARS = "/bulk/v1/customobjects/car/import"
KEY = {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True}
LINK = {"name": "who", "displayName": "Who", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}


def result(answer: httpx.Response) -> dict[str, Any]:
    """Give the only result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    [row] = envelope["result"]
    found: dict[str, Any] = row
    return found


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def upload(client: httpx.Client, path: str, content: str | bytes, **parameters: Any) -> httpx.Response:
    """Send a file."""
    files = {"file": ("records.csv", content, "text/csv")}
    return client.post(f"{path}.json", params={"format": "csv"} | parameters, files=files)


def run(client: httpx.Client, path: str, content: str | bytes, **parameters: Any) -> int:
    """Send a file, let the job end, and give its id."""
    job = result(upload(client, path, content, **parameters))
    client.post("/_sim/clock", json={"advance_seconds": 10})
    batch_id: int = job["batchId"]
    return batch_id


def lead_status(client: httpx.Client, batch_id: int) -> dict[str, Any]:
    """Read the status of a lead import."""
    return result(client.get(f"{LEADS}/batch/{batch_id}.json"))


def log_in(client: httpx.Client) -> None:
    """Fetch a token and send it from now on."""
    known = client.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"} | {name: known[name] for name in ("client_id", "client_secret")}
    token = client.get("/identity/oauth/token", params=query).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def load(client: httpx.Client, **document: Any) -> dict[str, list[Any]]:
    """Load records and give their ids by object."""
    ids: dict[str, list[Any]] = client.post("/_sim/load", json=document).raise_for_status().json()
    return ids


def leads(client: httpx.Client) -> list[dict[str, Any]]:
    """Give every lead of the twin."""
    found: list[dict[str, Any]] = client.get("/_sim/records/leads").json()
    return found


def test_a_file_is_queued_imported_and_complete(marketo: httpx.Client) -> None:
    """Leads are created and updated by e-mail; the status counts rows and gives the documented words."""
    load(marketo, leads=[{"email": "a@example.com", "city": "Bern"}])
    content = 'email,lastName,city\na@example.com,"Ünal, A",\nb@example.com,"two\nlines",Basel\n'
    queued = result(upload(marketo, LEADS, content))
    states = [lead_status(marketo, queued["batchId"])["status"]]
    marketo.post("/_sim/clock", json={"advance_seconds": 10})

    done = lead_status(marketo, queued["batchId"])

    named = {"batchId": queued["batchId"], "importId": str(queued["batchId"])}
    assert queued == {**named, "status": "Queued", "numOfLeadsProcessed": 0}
    assert states == ["Importing"]
    assert done == {
        "batchId": queued["batchId"],
        "importId": str(queued["batchId"]),
        "status": "Complete",
        "numOfLeadsProcessed": 2,
        "numOfRowsFailed": 0,
        "numOfRowsWithWarning": 0,
        "message": "Import succeeded, 2 records imported (2 members)",
    }
    assert [(each["lastName"], each["city"]) for each in leads(marketo)] == [("Ünal, A", None), ("two\nlines", "Basel")]
    assert marketo.get(f"{LEADS}/batch/{queued['batchId']}/failures.json").status_code == 404
    assert marketo.get(f"{LEADS}/batch/{queued['batchId']}/warnings.json").status_code == 404


def test_failed_and_warned_rows_come_back_in_files(marketo: httpx.Client) -> None:
    """Complete all the same; a bad value fails its row, a bad address is a warning and the row is imported."""
    content = "email,leadScore,lastName\na@example.com,many,A\nbad,1,B\nc@example.com,2,C\n"

    batch_id = run(marketo, LEADS, content)

    done = lead_status(marketo, batch_id)
    failures = marketo.get(f"{LEADS}/batch/{batch_id}/failures.json")
    warnings = marketo.get(f"{LEADS}/batch/{batch_id}/warnings.json")
    assert (done["status"], done["numOfLeadsProcessed"]) == ("Complete", 2)
    assert (done["numOfRowsFailed"], done["numOfRowsWithWarning"]) == (1, 1)
    assert done["message"] == "Import completed with errors, 2 records imported (2 members), 1 failed"
    assert failures.text.splitlines() == [
        "email,leadScore,lastName,Import Failure Reason",
        "a@example.com,many,A,Invalid value for field 'leadScore' and value 'many'",
    ]
    assert warnings.text.splitlines()[0] == "email,leadScore,lastName,Import Warning Reason"
    assert warnings.text.splitlines()[1].startswith("bad,1,B,")
    assert [(each["email"], each["lastName"]) for each in leads(marketo)] == [(None, "B"), ("c@example.com", "C")]


def test_a_malformed_header_fails_every_row_but_the_job_is_complete(marketo: httpx.Client) -> None:
    """A space before the key field: no row has a key; a row of another length fails, too."""
    batch_id = run(marketo, LEADS, "lastName, email\nA,a@example.com\nB\n")

    done = lead_status(marketo, batch_id)
    lines = marketo.get(f"{LEADS}/batch/{batch_id}/failures.json").text.splitlines()

    assert (done["status"], done["numOfRowsFailed"], done["numOfLeadsProcessed"]) == ("Complete", 2, 0)
    assert "missing.dedupe.fields" in lines[1]
    assert leads(marketo) == []


def test_a_row_later_in_the_file_updates_an_earlier_one(marketo: httpx.Client) -> None:
    """The same key twice is one lead: rows are written one after the other."""
    run(marketo, LEADS, "email,city\na@example.com,Bern\nA@example.com,Basel\n")

    assert [each["city"] for each in leads(marketo)] == ["Basel"]


def test_lookup_by_id_only_updates(marketo: httpx.Client) -> None:
    """A known id is updated, an unknown one fails; other keys work, unknown and unsupported ones are refused."""
    [lead_id] = load(marketo, leads=[{"externalKey": "K"}])["leads"]

    by_id = run(marketo, LEADS, f"id,city\n{lead_id},Bern\n999999,Basel\n", lookupField="id")
    run(marketo, LEADS, "externalKey,country\nk,CH\n", lookupField="externalKey")

    assert lead_status(marketo, by_id)["numOfRowsFailed"] == 1
    assert [(each["id"], each["city"], each["country"]) for each in leads(marketo)] == [(lead_id, "Bern", "CH")]
    assert failure(upload(marketo, LEADS, "a\nb\n", lookupField="nonsense")) == "1006"
    assert failure(upload(marketo, LEADS, "a\nb\n", lookupField="firstName")) == "1011"


def test_formats_are_comma_tab_and_semicolon(marketo: httpx.Client) -> None:
    """The failure file has the format of the upload."""
    run(marketo, LEADS, "email\tcity\nt@example.com\tBern\n", format="tsv")
    batch_id = run(marketo, LEADS, "email;leadScore\ns@example.com;many\n", format="ssv")

    assert [each["email"] for each in leads(marketo)] == ["t@example.com"]
    assert marketo.get(f"{LEADS}/batch/{batch_id}/failures.json").text.startswith("email;leadScore;Import")


def test_the_format_may_be_a_part_of_the_form(marketo: httpx.Client) -> None:
    """As the vendor's own curl sample sends it."""
    files = {"file": ("leads.csv", "email\na@example.com\n", "text/csv")}

    assert result(marketo.post(f"{LEADS}.json", data={"format": "csv"}, files=files))["status"] == "Queued"


def test_leads_go_into_a_list_and_one_list_takes_one_import(marketo: httpx.Client) -> None:
    """1019 while the list is being imported to; another list is free; the leads are members afterwards."""
    first, second = load(marketo, staticLists=[{"name": "L"}, {"name": "M"}])["staticLists"]
    content = "email\na@example.com\n"

    accepted = upload(marketo, LEADS, content, listId=first)
    busy = upload(marketo, LEADS, content, listId=first)
    other = upload(marketo, LEADS, content, listId=second)
    marketo.post("/_sim/clock", json={"advance_seconds": 10})
    free = upload(marketo, LEADS, content, listId=first)

    assert result(accepted)["status"] == result(other)["status"] == result(free)["status"] == "Queued"
    assert failure(busy) == "1019"
    assert {each["listId"] for each in marketo.get("/_sim/records/listMembers").json()} == {first, second}
    assert failure(upload(marketo, LEADS, content, listId=4711)) == "1013"


def test_two_are_processed_ten_are_in_the_queue_and_the_eleventh_is_1016(marketo: httpx.Client) -> None:
    """All kinds share the queue; a place is free when a job ends."""
    load(marketo, customObjectTypes=[{"apiName": "car", "displayName": "Car", "fields": [KEY]}])
    jobs = [result(upload(marketo, LEADS, f"email\np{n}@example.com\n"))["batchId"] for n in range(10)]
    states = [lead_status(marketo, job)["status"] for job in jobs]

    refused = upload(marketo, CARS, "vin\nA\n")
    marketo.post("/_sim/clock", json={"advance_seconds": 10})
    accepted = upload(marketo, CARS, "vin\nA\n")

    assert states == ["Importing"] * 2 + ["Queued"] * 8
    assert failure(refused) == "1016"
    assert "There are 10 imports currently being processed" in refused.json()["errors"][0]["message"]
    assert result(accepted)["status"] == "Queued"
    assert marketo.get("/_sim/calls").json()["violations"] == {"1016": 1}


def test_a_file_of_ten_megabytes_is_413(marketo: httpx.Client) -> None:
    """More than a normal body is fine for a file, 10 MB are not."""
    large = "email,notes\n" + "".join(f"p{number}@example.com,{'x' * 1000}\n" for number in range(1500))

    fits = upload(marketo, LEADS, large)
    too_large = upload(marketo, LEADS, "email\n" + "x" * 10_000_000)

    assert result(fits)["status"] == "Queued"
    assert too_large.status_code == 413
    assert marketo.get("/_sim/calls").json()["violations"] == {"413": 1}


@pytest.mark.parametrize(
    ("content", "parameters", "code"),
    [
        ("", {}, "1003"),
        ("email\n", {}, "1003"),
        (b"email\n\xff\xfe\n", {}, "1003"),
        ("email\na@example.com\n", {"format": "xls"}, "1003"),
        ("email\na@example.com\n", {"format": ""}, "1002"),
        ("email\na@example.com\n", {"listId": "x"}, "1003"),
        ("email\na@example.com\n", {"partitionName": "Nowhere"}, "1008"),
    ],
)
def test_a_wrong_upload_is_refused(
    marketo: httpx.Client, content: str | bytes, parameters: dict[str, str], code: str
) -> None:
    """Nothing in the file, not UTF-8, an unknown format, list or partition."""
    assert failure(upload(marketo, LEADS, content, **parameters)) == code


def test_a_request_that_is_no_upload_is_refused(marketo: httpx.Client) -> None:
    """Another content type is 612, a broken multipart 613, one without a file 1002."""
    path, query = f"{LEADS}.json", {"format": "csv"}
    broken = {"Content-Type": "multipart/form-data; boundary=x"}

    answers = [
        marketo.post(path, params=query, content="email\na@example.com\n", headers={"Content-Type": "text/csv"}),
        marketo.post(path, params=query, content="no parts at all", headers=broken),
        marketo.post(path, params=query, files={"other": ("a.csv", "email\na\n", "text/csv")}),
    ]

    assert [failure(answer) for answer in answers] == ["612", "613", "1002"]


def test_program_members_are_imported_by_email(marketo: httpx.Client) -> None:
    """Known people are found, others created; who is past the status fails; an unknown status fails the call."""
    ids = load(marketo, leads=[{"email": "a@example.com"}, {"email": "b@example.com"}], programs=[{"name": "P"}])
    [program_id] = ids["programs"]
    load(marketo, programMembers=[{"programId": program_id, "leadId": ids["leads"][1], "statusName": "Attended"}])
    path = f"/bulk/v1/program/{program_id}/members/import"
    content = "email,firstName\na@example.com,Ann\nb@example.com,Ben\nc@example.com,Cem\n"

    batch_id = run(marketo, path, content, programMemberStatus="Registered")

    done = result(marketo.get(f"{MEMBERS}/{batch_id}/status.json"))
    members = marketo.get("/_sim/records/programMembers").json()
    assert (done["status"], done["numOfLeadsProcessed"], done["numOfRowsFailed"]) == ("Complete", 2, 1)
    assert [each["statusName"] for each in members] == ["Attended", "Registered", "Registered"]
    assert "b@example.com" in marketo.get(f"{MEMBERS}/{batch_id}/failures.json").text
    assert failure(upload(marketo, path, content)) == "1002"
    assert failure(upload(marketo, path, content, programMemberStatus="Applauded")) == "1025"
    elsewhere = "/bulk/v1/program/4711/members/import"
    assert failure(upload(marketo, elsewhere, content, programMemberStatus="Registered")) == "1013"


def test_custom_objects_are_imported(marketo: httpx.Client) -> None:
    """Created and updated by key; a row whose lead is missing fails; the status names object and operation."""
    [lead_id] = load(marketo, leads=[{}])["leads"]
    load(marketo, customObjectTypes=[{"apiName": "car", "displayName": "Car", "fields": [KEY, LINK]}])

    batch_id = run(marketo, CARS, f"vin,who\nA,{lead_id}\nB,999999\nA,null\n")

    done = result(marketo.get(f"{CARS}/{batch_id}/status.json"))
    assert (done["status"], done["numOfObjectsProcessed"], done["numOfRowsFailed"]) == ("Complete", 2, 1)
    assert (done["operation"], done["objectApiName"]) == ("import", "car")
    assert "Lead not found" in marketo.get(f"{CARS}/{batch_id}/failures.json").text
    assert [each["vin"] for each in marketo.get("/_sim/records/car").json()] == ["A"]
    assert failure(upload(marketo, "/bulk/v1/customobjects/boat/import", "vin\nA\n")) == "1013"


def test_jobs_can_be_stuck_or_fail_and_are_kept_for_7_days(marketo: httpx.Client) -> None:
    """Behind switches: Importing for hours, Failed with a message and nothing written; then the id is unknown."""
    marketo.post("/_sim/limits", json={"jobs_stuck": True})
    batch_id = run(marketo, LEADS, "email\na@example.com\n")
    stuck = lead_status(marketo, batch_id)["status"]
    marketo.post("/_sim/limits", json={"jobs_stuck": False, "jobs_fail": True})
    failed = lead_status(marketo, batch_id)
    marketo.post("/_sim/limits", json={"token_seconds": 8 * 86_400})
    marketo.post("/_sim/clock", json={"advance_seconds": 7 * 86_400})
    credentials = marketo.get("/_sim/credentials").json()
    query = {"grant_type": "client_credentials"} | {name: credentials[name] for name in ("client_id", "client_secret")}
    token = marketo.get("/identity/oauth/token", params=query).json()["access_token"]
    marketo.headers["Authorization"] = f"Bearer {token}"

    assert stuck == "Importing"
    assert failed["status"] == "Failed"
    assert failed["message"]
    assert leads(marketo) == []
    assert failure(marketo.get(f"{LEADS}/batch/{batch_id}.json")) == "1013"


def test_unknown_jobs_are_refused(marketo: httpx.Client) -> None:
    """1013 for a status, also for a job of another kind, and 404 for the files."""
    batch_id = run(marketo, LEADS, "email\na@example.com\n")

    answers = [
        marketo.get(f"{LEADS}/batch/4711.json"),
        marketo.get(f"{MEMBERS}/{batch_id}/status.json"),
        marketo.get(f"{CARS}/{batch_id}/status.json"),
    ]

    assert [failure(answer) for answer in answers] == ["1013"] * 3
    assert failure(marketo.get(f"{LEADS}/batch/x.json")) == "610"
    paths = [
        f"{base}/4711/{name}.json" for base in (f"{LEADS}/batch", MEMBERS, CARS) for name in ("failures", "warnings")
    ]
    assert {marketo.get(path).status_code for path in paths} == {404}


def test_a_reset_empties_the_queue_whatever_the_time_was(marketo: httpx.Client) -> None:
    """After a reset and a clock that was turned back, a job runs in its usual time."""
    content = "email,lastName\na@example.com,Ng\n"
    marketo.post("/_sim/clock", json={"set": "2041-01-01T00:00:00Z", "allow_backwards": True})
    log_in(marketo)
    result(upload(marketo, LEADS, content))
    marketo.post("/_sim/clock", json={"advance_seconds": 60})
    marketo.get("/_sim/records/leads")
    marketo.post("/_sim/reset")
    marketo.post("/_sim/clock", json={"set": "2031-01-01T00:00:00Z", "allow_backwards": True})
    log_in(marketo)

    queued = result(upload(marketo, LEADS, content))
    marketo.post("/_sim/clock", json={"advance_seconds": 60})

    assert lead_status(marketo, queued["batchId"])["status"] == "Complete"
