"""Bulk API 2.0 over raw HTTP: the states of a job, its file rules, its results and its limits."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import DATA, Org, error_of, lead, start_over


@pytest.fixture
def org(running: Org) -> Org:
    start_over(running)
    # the clock is moved by the tests alone
    running.control("limits", {"bulk_queue_seconds": 60, "bulk_batch_seconds": 60})
    return running


def create(org: Org, operation: str = "insert", **more: str) -> dict[str, Any]:
    """Create an ingest job."""
    document = {"object": "Lead", "operation": operation, "contentType": "CSV", "lineEnding": "LF", **more}
    answer = org.call("POST", "/jobs/ingest", json=document)
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def upload(org: Org, job: dict[str, Any], content: str | bytes) -> httpx.Response:
    """Put a file into a job."""
    return org.http.put("/" + job["contentUrl"], content=content, headers=org.headers | {"Content-Type": "text/csv"})


def set_state(org: Org, job: dict[str, Any], state: str) -> httpx.Response:
    """Close or abort a job."""
    return org.call("PATCH", f"/jobs/ingest/{job['id']}", json={"state": state})


def status(org: Org, job: dict[str, Any], kind: str = "ingest") -> dict[str, Any]:
    """Read a job."""
    answer = org.call("GET", f"/jobs/{kind}/{job['id']}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def submit(org: Org, content: str | bytes, operation: str = "insert", **more: str) -> dict[str, Any]:
    """Create, fill and close a job."""
    job = create(org, operation, **more)
    assert upload(org, job, content).status_code == 201
    assert set_state(org, job, "UploadComplete").status_code == 200
    return job


def finish(org: Org, content: str | bytes, operation: str = "insert", **more: str) -> dict[str, Any]:
    """Run a job to its end."""
    job = submit(org, content, operation, **more)
    org.control("clock", {"advance_seconds": 600})
    return status(org, job)


def rows(org: Org, job: dict[str, Any], name: str) -> list[dict[str, str]]:
    """Return the rows of one of the three results."""
    answer = org.call("GET", f"/jobs/ingest/{job['id']}/{name}/")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_a_job_goes_through_its_states_by_the_clock(org: Org) -> None:
    """Open, UploadComplete, InProgress, JobComplete; contentUrl has no leading slash; PUT is 201 and empty."""
    job = create(org)
    assert (job["state"], job["jobType"], job["apiVersion"]) == ("Open", "V2Ingest", 67.0)
    assert job["contentUrl"] == f"{DATA.lstrip('/')}/jobs/ingest/{job['id']}/batches"
    assert job["id"].startswith("750")
    answer = upload(org, job, "LastName,Company\nNg,Amber\n")
    assert (answer.status_code, answer.content) == (201, b"")
    org.control("clock", {"advance_seconds": 600})
    assert status(org, job)["state"] == "Open"
    assert set_state(org, job, "UploadComplete").json()["state"] == "UploadComplete"
    assert error_of(org.call("GET", f"/jobs/ingest/{job['id']}/successfulResults"))[1] == "INVALIDJOBSTATE"
    org.control("clock", {"advance_seconds": 60})
    assert status(org, job)["state"] == "InProgress"
    assert org.records("Lead") == []
    org.control("clock", {"advance_seconds": 60})
    (made,) = org.records("Lead")
    done = status(org, job)
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == ("JobComplete", 1, 0)
    assert made["CreatedDate"] == done["systemModstamp"]
    assert rows(org, job, "successfulResults") == [
        {"sf__Id": made["Id"], "sf__Created": "true", "LastName": "Ng", "Company": "Amber"}
    ]


def with_data(org: Org, document: object, content: str | bytes, *, name: str = "content") -> httpx.Response:
    """Create a job and send its data in the same request."""
    parts = {
        "job": (None, json.dumps(document), "application/json"),
        name: ("content", content, "text/csv"),
    }
    return org.call("POST", "/jobs/ingest", files=parts)


JOB = {"object": "Lead", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}


def test_a_job_may_come_with_its_data(org: Org) -> None:
    """One request with both parts: the job is UploadComplete at once, takes no more data, and runs as any other."""
    text = 'LastName,Company\n"Ng, \u2028 \U0001f98a",Amber\n'
    answer = with_data(org, JOB, text.encode())
    job = answer.json()
    assert (answer.status_code, job["state"]) == (200, "UploadComplete")
    assert error_of(upload(org, job, text))[1] == "INVALIDJOBSTATE"
    org.control("clock", {"advance_seconds": 600})
    assert status(org, job)["state"] == "JobComplete"
    assert [each["LastName"] for each in org.records("Lead")] == ["Ng, \u2028 \U0001f98a"]


@pytest.mark.parametrize(("over", "code"), [(0, None), (1, "INVALIDJOB")])
def test_data_that_comes_with_its_job_has_100000_characters_at_most(org: Org, over: int, code: str | None) -> None:
    """Characters, not bytes; one more is refused, and no job is left."""
    head = "LastName,Company,Description\nNg,Amber,"
    answer = with_data(org, JOB, (head + "é" * (100_000 + over - len(head) - 1) + "\n").encode())
    assert (error_of(answer)[1] if code else answer.json()["state"]) == (code or "UploadComplete")
    assert len(org.call("GET", "/jobs/ingest").json()["records"]) == (0 if code else 1)


@pytest.mark.parametrize(
    ("document", "content", "name"), [([], "a", "content"), (JOB, "a", "file"), (JOB, b"\xff", "content")]
)
def test_a_job_whose_parts_are_not_readable_is_refused(
    org: Org, document: object, content: str | bytes, name: str
) -> None:
    """No object, no part of that name, or no UTF-8."""
    assert error_of(with_data(org, document, content, name=name))[:2] == (400, "JSON_PARSER_ERROR")


def test_a_complete_job_may_hold_failed_rows(org: Org) -> None:
    """JobComplete with numberRecordsFailed; sf__Error is `CODE:message:fields --`, the row's own cells follow."""
    job = finish(org, "LastName,Company,Email\nNg,Amber,ng@example.com\n,Basalt,x\nLi,Cedar,not an address\n")
    assert (job["state"], job["numberRecordsFailed"]) == ("JobComplete", 2)
    failed = {row["Company"]: row for row in rows(org, job, "failedResults")}
    missing = "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    assert failed["Basalt"]["sf__Error"].startswith(("REQUIRED_FIELD_MISSING", "INVALID_EMAIL_ADDRESS"))
    assert failed["Cedar"]["sf__Error"].startswith("INVALID_EMAIL_ADDRESS:Email: invalid email address")
    assert list(failed["Cedar"])[:2] == ["sf__Id", "sf__Error"]
    other = finish(org, "LastName,Company\n,Basalt\n")
    assert rows(org, other, "failedResults")[0]["sf__Error"] == missing
    assert rows(org, job, "unprocessedrecords") == []
    assert len(org.records("Lead")) == 1


def test_result_rows_are_not_in_the_order_of_the_file(org: Org) -> None:
    """The order is another one, and the same at each look: rows are told apart by a column of the sender."""
    names = [f"n{number:03}" for number in range(50)]
    job = finish(org, "LastName,Company\n" + "".join(f"{name},x\n" for name in names))
    given = [row["LastName"] for row in rows(org, job, "successfulResults")]
    assert given != names
    assert sorted(given) == names
    assert [row["LastName"] for row in rows(org, job, "successfulResults")] == given


def test_blank_leaves_alone_and_na_clears(org: Org) -> None:
    """An empty cell changes nothing, `#N/A` is null, truth values and numbers are text in the file."""
    (made,) = org.load("Lead", lead(Title="VP", Phone="1", Lead_Score__c=1))
    content = f"Id,Title,Phone,Lead_Score__c,Opt_In__c\n{made},,#N/A,7.5,TRUE\n"
    job = finish(org, content, "update")
    assert (job["state"], job["numberRecordsFailed"]) == ("JobComplete", 0)
    (row,) = org.records("Lead")
    assert (row["Title"], row["Phone"], row["Lead_Score__c"], row["Opt_In__c"]) == ("VP", None, 7.5, True)
    wrong = finish(org, f"Id,Opt_In__c\n{made},perhaps\n", "update")
    assert rows(org, wrong, "failedResults")[0]["sf__Error"].startswith("INVALID_TYPE_ON_FIELD_IN_RECORD:")


def test_an_upsert_goes_by_the_named_key(org: Org) -> None:
    """sf__Created tells made from changed; the same key twice in 200 rows fails both; a blank key fails."""
    org.load("Lead", lead(External_Key__c="a"))
    content = "External_Key__c,LastName,Company\na,One,x\nb,Two,x\nc,Three,x\nc,Four,x\n,Five,x\n"
    job = finish(org, content, "upsert", externalIdFieldName="External_Key__c")
    assert job["externalIdFieldName"] == "External_Key__c"
    created = {row["External_Key__c"]: row["sf__Created"] for row in rows(org, job, "successfulResults")}
    assert created == {"a": "false", "b": "true"}
    codes = sorted(row["sf__Error"].partition(":")[0] for row in rows(org, job, "failedResults"))
    assert codes == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "MISSING_ARGUMENT"]


def test_a_parent_may_be_named_by_its_key(org: Org) -> None:
    """`Account.External_Key__c` for one type, `Lead:Who.Email` where there are several."""
    (account,) = org.load("Account", {"Name": "Amber", "External_Key__c": "A-1"})
    (person,) = org.load("Lead", lead(Email="ng@example.com"))
    job = finish(org, "LastName,Account.External_Key__c\nNg,A-1\nLi,A-2\n", object="Contact")
    assert job["numberRecordsFailed"] == 1
    assert [each["AccountId"] for each in org.records("Contact")] == [account]
    finish(org, "Subject,Lead:Who.Email\nCall,ng@example.com\n", object="Task")
    assert [each["WhoId"] for each in org.records("Task")] == [person]
    untyped = finish(org, "Subject,Who.Email\nCall,ng@example.com\n", object="Task")
    assert (untyped["state"], untyped["errorMessage"]) == ("Failed", "InvalidBatch : Field name not found : Who.Email")


def test_deletes_take_ids_and_nothing_else(org: Org) -> None:
    """A delete file has the column Id; hardDelete needs a permission that the user does not have."""
    first, second = org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    job = finish(org, f"Id\n{first}\n{first[:-3]}\n00QHs0000000000AAA\n", "delete")
    assert job["numberRecordsFailed"] >= 1
    finish(org, f"Id\n{second}\n", "delete")
    assert second not in [each["Id"] for each in org.records("Lead")]
    assert finish(org, f"Id,LastName\n{first},a\n", "delete")["state"] == "Failed"
    answer = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "hardDelete"})
    assert error_of(answer)[:2] == (400, "FEATURENOTENABLED")


@pytest.mark.parametrize(
    ("ending", "content"),
    [
        ("LF", "LastName,Company\r\nNg,x\r\n"),
        ("CRLF", "LastName,Company\nNg,x\n"),
        ("LF", 'LastName,Company,Description\nNg,x,"a\r\nb"\n'),
    ],
)
def test_the_line_ending_has_to_be_the_jobs(org: Org, ending: str, content: str) -> None:
    """Another ending, quoted ones included, fails the job with the vendor's sentence; all rows are unprocessed."""
    job = finish(org, content, lineEnding=ending)
    message = f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {ending}"
    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert org.call("GET", f"/jobs/ingest/{job['id']}/unprocessedrecords").content == content.encode()
    assert org.records("Lead") == []


@pytest.mark.parametrize(
    "content",
    [
        "LastName,Nope__c\nNg,x\n",
        'LastName,Company\n"Ng" ,x\n',
        "LastName,Company\nNg\n",
        "",
        b"LastName,Company\n\xff,x\n",
        "x" * 32_001 + "\n",
    ],
)
def test_a_file_that_cannot_be_read_fails_the_job(org: Org, content: str | bytes) -> None:
    """Unknown column, space outside quotes, missing cell, no header, not UTF-8, header above 32,000 characters."""
    job = finish(org, content)
    assert job["state"] == "Failed"
    assert job["errorMessage"]


def test_an_unknown_column_may_also_be_left_out(org: Org) -> None:
    """With the switch off the column is dropped, in the results as well."""
    org.control("limits", {"bulk_unknown_column_fails": False})
    job = finish(org, "LastName,Nope__c,Company\nNg,x,Amber\n")
    (row,) = rows(org, job, "successfulResults")
    assert list(row) == ["sf__Id", "sf__Created", "LastName", "Company"]


@pytest.mark.parametrize(("name", "mark"), [("TAB", "\t"), ("PIPE", "|"), ("SEMICOLON", ";"), ("CARET", "^")])
def test_a_job_has_its_own_delimiter(org: Org, name: str, mark: str) -> None:
    """The file is cut by it, quotes double, and the results use it too; CRLF is kept."""
    content = f'LastName{mark}Company\r\n"a{mark}""b"""{mark}Käufer, GmbH\r\n'
    job = finish(org, content, columnDelimiter=name, lineEnding="CRLF")
    assert [each["LastName"] for each in org.records("Lead")] == [f'a{mark}"b"']
    answer = org.call("GET", f"/jobs/ingest/{job['id']}/successfulResults")
    assert mark in answer.text.splitlines()[0]
    assert answer.text.endswith("\r\n")


def test_a_job_takes_one_file(org: Org) -> None:
    """A second PUT, one of another content type, one after closing: refused; closing needs a file."""
    job = create(org)
    assert error_of(set_state(org, job, "UploadComplete"))[1] == "INVALIDJOBSTATE"
    wrong = org.call("PUT", f"/jobs/ingest/{job['id']}/batches", json={})
    assert wrong.status_code == 415
    assert upload(org, job, "LastName,Company\nNg,x\n").status_code == 201
    status_code, code, message = error_of(upload(org, job, "LastName,Company\nLi,x\n"))
    assert (status_code, code) == (400, "CLIENTINPUTERROR")
    assert "only do 'PUT' once" in message
    set_state(org, job, "UploadComplete")
    assert error_of(upload(org, job, "x"))[1] == "INVALIDJOBSTATE"
    assert error_of(set_state(org, job, "UploadComplete"))[1] == "INVALIDJOBSTATE"
    assert error_of(set_state(org, job, "Nonsense"))[1] == "INVALIDJOBSTATE"


def test_a_file_is_at_most_150_mb_as_base64(org: Org) -> None:
    """The limit counts the encoded size: 120 raw bytes are 160 encoded ones."""
    org.control("limits", {"bulk_bytes": 150})
    assert upload(org, create(org), "x" * 120).status_code == 413
    assert upload(org, create(org), "x" * 111).status_code == 201
    assert org.control("calls")["violations"] == {"413": 1}


def test_an_aborted_job_keeps_what_its_batches_have_done(org: Org) -> None:
    """Internal batches run one after the other; the rows of the rest are unprocessed."""
    org.control("limits", {"bulk_batch_records": 2})
    job = submit(org, "LastName,Company\n" + "".join(f"n{n},x\n" for n in range(5)))
    org.control("clock", {"advance_seconds": 121})
    part = status(org, job)
    assert (part["state"], part["numberRecordsProcessed"]) == ("InProgress", 2)
    assert error_of(org.call("DELETE", f"/jobs/ingest/{job['id']}"))[1] == "INVALIDJOBSTATE"
    assert set_state(org, job, "Aborted").json()["state"] == "Aborted"
    org.control("clock", {"advance_seconds": 600})
    assert len(org.records("Lead")) == 2
    assert [row["LastName"] for row in rows(org, job, "unprocessedrecords")] == ["n2", "n3", "n4"]
    assert error_of(set_state(org, job, "Aborted"))[1] == "INVALIDJOBSTATE"


def test_a_failed_job_may_have_written_rows(org: Org) -> None:
    """Failed after the first batch: its rows stay, the others are unprocessed, and the job says why."""
    org.control("limits", {"bulk_batch_records": 2, "bulk_fail_after_batches": 1})
    job = finish(org, "LastName,Company\nn0,x\nn1,x\nn2,x\n")
    assert job["state"] == "Failed"
    assert job["errorMessage"].startswith("TooManyLockFailure : ")
    assert len(rows(org, job, "successfulResults")) == 2
    assert [row["LastName"] for row in rows(org, job, "unprocessedrecords")] == ["n2"]


def test_a_row_fault_hits_rows_of_the_file(org: Org) -> None:
    """A lock on one row: it is in failedResults with its code, the others are written."""
    rule = {"match": "PATCH */jobs/ingest/*", "kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "rows": [1]}
    org.control("faults", [rule])
    job = finish(org, "LastName,Company\nn0,x\nn1,x\nn2,x\n")
    (row,) = rows(org, job, "failedResults")
    assert row["LastName"] == "n1"
    assert row["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")


def test_a_job_belongs_to_its_version_and_vanishes(org: Org) -> None:
    """Another version is 409; a deleted job, one unknown and one ended 7 days ago are 404."""
    job = finish(org, "LastName,Company\nn0,x\n")
    other = org.http.get(f"/services/data/v66.0/jobs/ingest/{job['id']}", headers=org.headers)
    assert other.status_code == 409
    org.control("clock", {"advance_seconds": 7 * 86_400 - 1_000})
    org.log_in()
    assert status(org, job)["state"] == "JobComplete"
    org.control("clock", {"advance_seconds": 1_001})
    assert error_of(org.call("GET", f"/jobs/ingest/{job['id']}")) == (
        404,
        "NOT_FOUND",
        "The requested resource does not exist",
    )
    gone = finish(org, "LastName,Company\nn0,x\n")
    answer = org.call("DELETE", f"/jobs/ingest/{gone['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert org.call("GET", f"/jobs/ingest/{gone['id']}").status_code == 404


def test_an_open_job_is_given_up_after_a_day(org: Org) -> None:
    """24 hours after its creation it takes no data any more."""
    job = create(org)
    org.control("clock", {"advance_seconds": 86_400})
    org.log_in()
    assert error_of(upload(org, job, "x"))[1] == "INVALIDJOBSTATE"
    assert status(org, job)["state"] == "Aborted"


def test_jobs_are_listed(org: Org) -> None:
    """done, records and nextRecordsUrl; filtered by type; a mistyped locator is refused."""
    job = create(org)
    answer = org.call("GET", "/jobs/ingest").json()
    assert (answer["done"], [each["id"] for each in answer["records"]]) == (True, [job["id"]])
    assert org.call("GET", "/jobs/ingest?jobType=Classic").json()["records"] == []
    assert error_of(org.call("GET", "/jobs/ingest?queryLocator=x"))[1] == "INVALID_QUERY_LOCATOR"
    for _ in range(1_000):
        create(org)
    first = org.call("GET", "/jobs/ingest").json()
    assert (first["done"], len(first["records"])) == (False, 1_000)
    assert len(org.http.get(first["nextRecordsUrl"], headers=org.headers).json()["records"]) == 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"object": "Lead", "operation": "nonsense"}, "JSON_PARSER_ERROR"),
        ({"object": "Lead", "operation": "insert", "lineEnding": "CR"}, "JSON_PARSER_ERROR"),
        ({"object": "Lead", "operation": "insert", "columnDelimiter": ","}, "JSON_PARSER_ERROR"),
        ({"object": "Lead", "operation": "insert", "contentType": "JSON"}, "JSON_PARSER_ERROR"),
        ({"object": "Nope", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Lead", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Lead", "operation": "upsert", "externalIdFieldName": "Title"}, "INVALIDJOB"),
    ],
)
def test_a_wrong_job_is_refused(org: Org, document: dict[str, str], code: str) -> None:
    """Unknown operation, ending, delimiter, type or object, and an upsert without an external id field."""
    assert error_of(org.call("POST", "/jobs/ingest", json=document))[:2] == (400, code)


def test_batches_and_query_jobs_of_a_day_are_counted(org: Org) -> None:
    """/limits shows what is left; beyond it creating a job is refused with ExceededQuota."""
    org.control("limits", {"bulk_batch_records": 2, "bulk_daily_batches": 2, "bulk_daily_query_jobs": 1})
    finish(org, "LastName,Company\nn0,x\nn1,x\nn2,x\n")
    document = {"operation": "query", "query": "SELECT Id FROM Lead"}
    assert org.call("POST", "/jobs/query", json=document).status_code == 200
    limits = org.call("GET", "/limits").json()
    assert limits["DailyBulkApiBatches"] == {"Max": 2, "Remaining": 0}
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 1, "Remaining": 0}
    refused = org.call("POST", "/jobs/ingest", json={"object": "Lead", "operation": "insert"})
    assert error_of(refused)[:2] == (400, "EXCEEDEDQUOTA")
    assert error_of(org.call("POST", "/jobs/query", json=document))[1] == "EXCEEDEDQUOTA"
    assert org.control("calls")["violations"] == {"EXCEEDEDQUOTA": 2}


def ask(org: Org, soql: str, operation: str = "query", **more: str) -> dict[str, Any]:
    """Create a query job."""
    answer = org.call("POST", "/jobs/query", json={"operation": operation, "query": soql, **more})
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()
    return job


def test_a_query_job_gives_pages_until_the_locator_null(org: Org) -> None:
    """UploadComplete at once, then by the clock; the last locator is the text null, each page can be read again."""
    org.load("Lead", *(lead(LastName=f"n{n}", Opt_In__c=n % 2 == 0) for n in range(5)))
    job = ask(org, "SELECT LastName, Id, Email, Opt_In__c, Owner.Name FROM Lead")
    assert (job["state"], job["jobType"]) == ("UploadComplete", "V2Query")
    assert error_of(org.call("GET", f"/jobs/query/{job['id']}/results"))[1] == "INVALIDJOBSTATE"
    org.control("clock", {"advance_seconds": 60})
    assert status(org, job, "query")["state"] == "InProgress"
    org.control("clock", {"advance_seconds": 60})
    done = status(org, job, "query")
    assert (done["state"], done["numberRecordsProcessed"], done["isPkChunkingSupported"]) == ("JobComplete", 5, True)
    seen: list[str] = []
    locator, pages = "", 0
    while locator != "null":
        parameters = {"maxRecords": "2"} | ({"locator": locator} if locator else {})
        answer = org.call("GET", f"/jobs/query/{job['id']}/results", params=parameters)
        again = org.call("GET", f"/jobs/query/{job['id']}/results", params=parameters)
        assert answer.content == again.content
        table = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert answer.headers["Sforce-NumberOfRecords"] == str(len(table))
        assert list(table[0]) == ["LastName", "Id", "Email", "Opt_In__c", "Owner.Name"]
        seen += [row["LastName"] for row in table]
        locator, pages = answer.headers["Sforce-Locator"], pages + 1
    assert (pages, seen) == (3, [f"n{n}" for n in range(5)])
    assert (table[0]["Email"], table[0]["Opt_In__c"], table[0]["Owner.Name"]) == ("", "true", "Leadbridge Integration")


def test_a_query_job_shows_what_there_was_when_it_ran(org: Org) -> None:
    """Rows written afterwards are not in the pages; queryAll has the deleted ones as well."""
    first, _ = org.load("Lead", lead(LastName="a"), lead(LastName="b"))
    org.call("DELETE", f"/sobjects/Lead/{first}")
    live, every = ask(org, "SELECT LastName FROM Lead"), ask(org, "SELECT LastName FROM Lead", "queryAll")
    org.control("clock", {"advance_seconds": 600})
    org.load("Lead", lead(LastName="late"))
    texts = [org.call("GET", f"/jobs/query/{job['id']}/results").text for job in (live, every)]
    assert texts == ['"LastName"\n"b"\n', '"LastName"\n"a"\n"b"\n']


def test_result_pages_may_be_read_side_by_side(org: Org) -> None:
    """Up to five addresses at once, a nextRecordsUrl while there are more; together they hold every row."""
    org.load("Lead", *(lead(LastName=f"n{n}") for n in range(6)))
    job = ask(org, "SELECT LastName FROM Lead")
    org.control("clock", {"advance_seconds": 600})
    first = org.call("GET", f"/jobs/query/{job['id']}/resultPages?maxRecords=1").json()
    assert (len(first["resultPages"]), first["done"]) == (5, False)
    rest = org.http.get(first["nextRecordsUrl"], headers=org.headers).json()
    assert (len(rest["resultPages"]), rest["done"]) == (1, True)
    urls = [each["resultUrl"] for each in first["resultPages"] + rest["resultPages"]]
    texts = [org.http.get(url, headers=org.headers).text for url in urls]
    assert texts == [f'"LastName"\n"n{n}"\n' for n in range(6)]


def test_ordering_turns_pk_chunking_off(org: Org) -> None:
    """ORDER BY or LIMIT: isPkChunkingSupported is false; an empty result is its header and the locator null."""
    for tail in ("ORDER BY LastName", "LIMIT 5"):
        job = ask(org, f"SELECT LastName FROM Lead {tail}")
        org.control("clock", {"advance_seconds": 600})
        assert not status(org, job, "query")["isPkChunkingSupported"]
    answer = org.call("GET", f"/jobs/query/{job['id']}/results")
    assert (answer.text, answer.headers["Sforce-Locator"]) == ('"LastName"\n', "null")
    assert answer.headers["Sforce-NumberOfRecords"] == "0"


def test_a_query_job_that_cannot_be_read_in_pieces_times_out(org: Org) -> None:
    """The same rows: in no order they are read in pieces by key, whatever their number; in an order at once."""
    org.control("load", {"generate": {"object": "Lead", "count": 30, "seed": 5}})
    org.control("limits", {"query_read_records": 20})
    chunked, ordered = ask(org, "SELECT Id FROM Lead"), ask(org, "SELECT Id FROM Lead ORDER BY Id")
    org.control("clock", {"advance_seconds": 600})
    done, failed = status(org, chunked, "query"), status(org, ordered, "query")
    assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 30)
    assert (failed["state"], failed["isPkChunkingSupported"]) == ("Failed", False)
    assert failed["errorMessage"].startswith("Timeout : ")


def test_a_query_job_is_aborted_failed_or_deleted(org: Org) -> None:
    """An aborted one gives no results, a failed one its errorMessage; states and versions are minded."""
    aborted = ask(org, "SELECT Id FROM Lead")
    assert org.call("PATCH", f"/jobs/query/{aborted['id']}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    wrong = org.call("PATCH", f"/jobs/query/{aborted['id']}", json={"state": "UploadComplete"})
    assert error_of(wrong)[1] == "INVALIDJOBSTATE"
    org.control("limits", {"bulk_fail_after_batches": 1})
    failed = ask(org, "SELECT Id FROM Lead")
    org.control("clock", {"advance_seconds": 600})
    assert status(org, failed, "query")["errorMessage"].startswith("Timeout : ")
    assert status(org, aborted, "query")["state"] == "Aborted"
    assert error_of(org.call("GET", f"/jobs/query/{failed['id']}/results"))[1] == "INVALIDJOBSTATE"
    other = org.http.get(f"/services/data/v66.0/jobs/query/{failed['id']}/results", headers=org.headers)
    assert other.status_code == 409
    assert org.call("DELETE", f"/jobs/query/{failed['id']}").status_code == 204
    assert org.call("GET", f"/jobs/query/{failed['id']}").status_code == 404
    assert [each["id"] for each in org.call("GET", "/jobs/query").json()["records"]] == [aborted["id"]]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT COUNT() FROM Lead",
        "SELECT Id FROM Lead OFFSET 5",
        "SELECT Company FROM Lead GROUP BY Company",
        "SELECT Nope__c FROM Lead",
        "SELECT Id, (SELECT Id FROM Tasks) FROM Lead",
    ],
)
def test_a_statement_that_bulk_cannot_run_is_refused(org: Org, soql: str) -> None:
    """Aggregates, OFFSET, GROUP BY, unknown columns and child subqueries are 400 when the job is created."""
    assert org.call("POST", "/jobs/query", json={"operation": "query", "query": soql}).status_code == 400


def test_wrong_page_parameters_are_refused(org: Org) -> None:
    """A locator of one's own making, or beyond the rows, and a maxRecords that is no number."""
    org.load("Lead", lead())
    job = ask(org, "SELECT Id FROM Lead")
    org.control("clock", {"advance_seconds": 600})
    for tail in ("locator=mine", "locator=MTAw", "maxRecords=0", "maxRecords=all"):
        assert org.call("GET", f"/jobs/query/{job['id']}/results?{tail}").status_code == 400, tail


def test_moments_of_a_query_job_end_in_z_or_as_in_rest(org: Org) -> None:
    """The result file writes .000Z where REST writes .000+0000; a switch makes them alike."""
    org.load("Lead", lead())
    (rest,) = org.rows("SELECT CreatedDate FROM Lead")
    document = {"operation": "query", "query": "SELECT CreatedDate FROM Lead"}
    job = org.call("POST", "/jobs/query", json=document).json()
    org.control("clock", {"advance_seconds": 600})
    results = f"/jobs/query/{job['id']}/results"
    in_z = org.call("GET", results).text.splitlines()[1].strip('"')
    assert in_z == rest["CreatedDate"].replace("+0000", "Z")
    org.control("limits", {"bulk_times_with_z": False})
    assert org.call("GET", results).text.splitlines()[1].strip('"') == rest["CreatedDate"]


def test_old_versions_do_not_name_the_failed_record(org: Org) -> None:
    """failedResults have sf__Id from version 53 on."""
    for version, columns in (("v52.0", ["sf__Error"]), ("v53.0", ["sf__Id", "sf__Error"])):
        base = f"/services/data/{version}/jobs/ingest"
        document = {"object": "Lead", "operation": "insert"}
        job = org.http.post(base, json=document, headers=org.headers).json()
        assert upload(org, job, "LastName,Company\na,\n").status_code == 201
        org.http.patch(f"{base}/{job['id']}", json={"state": "UploadComplete"}, headers=org.headers)
        org.control("clock", {"advance_seconds": 600})
        failed = org.http.get(f"{base}/{job['id']}/failedResults", headers=org.headers).text
        assert next(csv.reader([failed.splitlines()[0]])) == [*columns, "LastName", "Company"]
