"""Bulk API 2.0: what is sent, what is made of the answers, and which calls may be repeated."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import ContractError, PermanentError, TransientError, UncertainWriteError
from leadbridge.vendors.salesforce import bulk_rows
from leadbridge.vendors.salesforce.bulk import UPLOAD_BYTES
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.unit.vendors.doubles import ScriptedVendor, errors, salesforce_client

JOB = "7505e00000AbCdEAAV"
JOBS = "/services/data/v67.0/jobs"


def a_job(state: str = "Open", **more: Any) -> httpx.Response:
    document = {
        "id": JOB,
        "operation": "insert",
        "object": "Lead",
        "createdById": "005000000000001AAA",
        "createdDate": "2026-03-02T12:00:00.000+0000",
        "state": state,
        "apiVersion": 67.0,
        "lineEnding": "LF",
        "contentUrl": f"services/data/v67.0/jobs/ingest/{JOB}/batches",
    }
    return httpx.Response(200, json={**document, **more})


def file_of(text: str, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=text.encode(), headers={"Content-Type": "text/csv", **headers})


def test_a_job_says_everything_that_the_vendor_would_otherwise_assume() -> None:
    """Line ending, delimiter and key are declared; no assignment rule unless one is named."""
    vendor = ScriptedVendor(a_job(operation="upsert", externalIdFieldName="Key__c"))
    ingest = salesforce_client(vendor).bulk_ingest
    job = ingest.create("Lead", "upsert", external_id_field="Key__c", line_ending="CRLF")
    ingest.create("Lead", "insert", assignment_rule_id="01Q000000000001EAA")
    first, second = (json.loads(request.content) for request in vendor.requests)
    assert (vendor.requests[0].method, vendor.requests[0].url.path) == ("POST", f"{JOBS}/ingest")
    assert first == {
        "object": "Lead",
        "operation": "upsert",
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "CRLF",
        "externalIdFieldName": "Key__c",
    }
    assert second["assignmentRuleId"] == "01Q000000000001EAA"
    assert (job.id, job.state, job.is_over, job.external_id_field) == (JOB, "Open", False, "Key__c")
    assert (job.created_at, job.api_version) == (datetime(2026, 3, 2, 12, tzinfo=UTC), "67.0")


@pytest.mark.parametrize(
    "create",
    [
        lambda client: client.bulk_ingest.create("Lead", "insert"),
        lambda client: client.bulk_query.create("SELECT Id FROM Lead"),
    ],
    ids=["ingest", "query"],
)
def test_a_job_that_may_have_been_made_is_not_made_again(create: Callable[[SalesforceClient], object]) -> None:
    """No answer to its creation leaves doubt; the list of jobs tells."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"))
    with pytest.raises(UncertainWriteError):
        create(salesforce_client(vendor))
    assert len(vendor.requests) == 1


class Pieces:
    """A file that begins again at each reading."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)


def test_a_file_is_sent_piece_by_piece_with_its_length() -> None:
    """Nothing collects it first, and the vendor gets no chunked upload."""
    vendor, file = ScriptedVendor(httpx.Response(201)), Pieces(b"Id\n", b"1\n")
    assert salesforce_client(vendor).bulk_ingest.upload(JOB, file, size=5)
    (request,) = vendor.requests
    assert (request.method, request.url.path) == ("PUT", f"{JOBS}/ingest/{JOB}/batches")
    assert request.content == b"Id\n1\n"
    assert request.headers["content-length"] == "5"
    assert request.headers["content-type"].startswith("text/csv")
    assert "transfer-encoding" not in request.headers


def test_a_file_is_sent_anew_from_its_beginning_after_a_new_login_or_a_lost_answer() -> None:
    """Each try reads the whole file; data that is there already by the first try is no failure."""
    expired = errors(401, "INVALID_SESSION_ID", "Session expired or invalid")
    there = errors(400, "CLIENTINPUTERROR", "ClientInputError : Found multiple contents for job")
    vendor, file = ScriptedVendor(expired, httpx.ReadTimeout("late"), there), Pieces(b"Id\n", b"1\n")
    assert salesforce_client(vendor).bulk_ingest.upload(JOB, file, size=5) is False
    assert [request.content for request in vendor.requests] == [b"Id\n1\n"] * 3


@pytest.mark.parametrize(("content", "size"), [(b"x" * 11, None), (Pieces(), None), (Pieces(), UPLOAD_BYTES + 1)])
def test_a_file_without_a_size_or_above_the_limit_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, content: Any, size: int | None
) -> None:
    """The vendor counts 150 MB after encoding, so 100 MB are the most."""
    monkeypatch.setattr("leadbridge.vendors.salesforce.bulk.UPLOAD_BYTES", 10 if size is None else UPLOAD_BYTES)
    vendor = ScriptedVendor(httpx.Response(201))
    with pytest.raises(ValueError, match="at most"):
        salesforce_client(vendor).bulk_ingest.upload(JOB, content, size=size)
    assert vendor.requests == []


def test_a_job_that_was_given_up_takes_no_file() -> None:
    """It would look like one whose data is there."""
    vendor = ScriptedVendor(errors(400, "INVALIDJOBSTATE"), a_job("Aborted"))
    with pytest.raises(PermanentError):
        salesforce_client(vendor).bulk_ingest.upload(JOB, b"Id\n1\n")


@pytest.mark.parametrize("state", ["UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"])
@pytest.mark.parametrize("verb", ["close", "abort"])
def test_a_state_that_was_reached_already_is_no_failure(verb: str, state: str) -> None:
    """An earlier try was carried out, or the job went on without us: what it is now is the answer."""
    vendor = ScriptedVendor(errors(400, "INVALIDJOBSTATE"), a_job(state))
    ingest = salesforce_client(vendor).bulk_ingest
    job = ingest.close(JOB) if verb == "close" else ingest.abort(JOB)
    assert job.state == state
    assert [request.method for request in vendor.requests] == ["PATCH", "GET"]


def test_an_open_job_that_cannot_be_closed_is_a_failure() -> None:
    """It has no data, and would never run."""
    vendor = ScriptedVendor(errors(400, "INVALIDJOBSTATE"), a_job("Open"))
    with pytest.raises(PermanentError) as caught:
        salesforce_client(vendor).bulk_ingest.close(JOB)
    assert caught.value.code == "INVALIDJOBSTATE"


@pytest.mark.parametrize("answer", [errors(404, "NOT_FOUND"), httpx.Response(404, text="<html>")])
def test_removing_a_job_that_is_gone_is_done(answer: httpx.Response) -> None:
    """An earlier try removed it."""
    salesforce_client(ScriptedVendor(answer)).bulk_query.delete(JOB)


def test_all_pages_of_the_list_are_read_and_other_kinds_left_out() -> None:
    """The follow-up address is taken as it is."""
    first = {"done": False, "records": [a_job().json()], "nextRecordsUrl": f"{JOBS}/ingest?queryLocator=1"}
    second = {"done": True, "records": [a_job("Failed").json()], "nextRecordsUrl": None}
    vendor = ScriptedVendor(httpx.Response(200, json=first), httpx.Response(200, json=second))
    found = list(salesforce_client(vendor).bulk_ingest.list())
    assert [job.state for job in found] == ["Open", "Failed"]
    assert [str(request.url.query, "ascii") for request in vendor.requests] == ["jobType=V2Ingest", "queryLocator=1"]


@pytest.mark.parametrize("document", [{}, {"id": JOB}, {"records": 1}, {"createdDate": "yesterday"}])
def test_a_job_that_is_not_described_is_outside_the_contract(document: dict[str, Any]) -> None:
    """A job without its state or time must not be taken for one."""
    answer = a_job().json() | document if "createdDate" in document else document
    with pytest.raises(ContractError):
        salesforce_client(ScriptedVendor(httpx.Response(200, json=answer))).bulk_ingest.status(JOB)


def test_the_state_is_the_vendor_s_word_and_its_text_is_masked() -> None:
    """An unknown state is kept for the caller to see, an address in the reason is not."""
    vendor = ScriptedVendor(a_job("Paused", errorMessage="InvalidBatch : ann@example.com", numberRecordsFailed=3))
    job = salesforce_client(vendor).bulk_ingest.status(JOB)
    assert (job.state, job.is_over, job.records_failed) == ("Paused", False, 3)
    assert job.error_message == "InvalidBatch : ***"


@pytest.mark.parametrize(("locator", "following"), [("MTAwMA", "MTAwMA"), ("null", ""), (None, "")])
def test_the_locator_after_the_last_page_is_a_word(locator: str | None, following: str) -> None:
    """Four letters that are no position."""
    headers = {"Sforce-NumberOfRecords": "1"} | ({"Sforce-Locator": locator} if locator else {})
    vendor = ScriptedVendor(file_of("Id\n1\n", **headers))
    with salesforce_client(vendor).bulk_query.results(JOB, locator="MTA", max_records=10) as file:
        assert b"".join(file.chunks) == b"Id\n1\n"
        assert (file.locator, file.records) == (following, 1)
    (request,) = vendor.requests
    assert dict(request.url.params) == {"locator": "MTA", "maxRecords": "10"}
    assert request.headers["accept"] == "text/csv"


class CutOff(httpx.SyncByteStream):
    """A body whose connection breaks after its first piece."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"Id\n1\n"
        raise httpx.ReadError("broken")


def test_results_that_break_off_are_told_from_whole_ones() -> None:
    """The pieces end with an error, never quietly."""
    broken = httpx.Response(200, stream=CutOff(), headers={"Content-Type": "text/csv"})
    vendor = ScriptedVendor(broken)
    with salesforce_client(vendor).bulk_ingest.successful(JOB) as file, pytest.raises(TransientError):
        list(file.chunks)


def test_no_results_because_of_a_refusal_are_an_error_and_no_empty_file() -> None:
    """Also with the session renewed in between."""
    expired = errors(401, "INVALID_SESSION_ID", "Session expired or invalid")
    vendor = ScriptedVendor(expired, errors(404, "NOT_FOUND"))
    with (
        pytest.raises(PermanentError) as caught,
        salesforce_client(vendor).bulk_ingest.failed(JOB),
    ):
        pass
    assert caught.value.code == "NOT_FOUND"
    assert len(vendor.token_requests) == 2


def test_a_job_of_an_older_version_is_asked_with_that_version() -> None:
    """Its whole life goes by the version that made it."""
    vendor = ScriptedVendor(a_job())
    calls: list[Callable[[SalesforceClient], object]] = [
        lambda client: client.bulk_ingest.status(JOB, api_version="66.0"),
        lambda client: client.bulk_ingest.close(JOB, api_version="66.0"),
        lambda client: client.bulk_ingest.abort(JOB, api_version="66.0"),
    ]
    for call in calls:
        call(salesforce_client(vendor))
    assert {request.url.path.split("/")[3] for request in vendor.requests} == {"v66.0"}


@pytest.mark.parametrize(
    ("text", "code", "fields", "resolution"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
            "REQUIRED_FIELD_MISSING",
            ("LastName",),
            Resolution.REJECT,
        ),
        ("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--", "UNABLE_TO_LOCK_ROW", (), "retry"),
        ("DUPLICATE_VALUE:duplicate value found: X:--", "DUPLICATE_VALUE", (), "retry"),
        ("INVALID_FIELD:a: b: c:Name, Email --", "INVALID_FIELD", ("Name", "Email"), "fatal"),
        ("TooManyLockFailure", "unreadable_code", (), "retry"),
        ("", "unreadable_code", (), "retry"),
    ],
)
def test_the_text_of_a_failed_row_is_read_by_the_same_table_as_all_others(
    text: str, code: str, fields: tuple[str, ...], resolution: str
) -> None:
    """The code before the first colon, the fields after the last."""
    result = bulk_rows.refused({"sf__Id": "", "sf__Error": text, "LastName": ""})
    assert (result.ok, result.code, result.fields, result.resolution) == (False, code, fields, resolution)
    assert result.id is None


def test_the_text_of_a_failed_row_is_masked_by_its_own_cells() -> None:
    """Whatever column the value came from."""
    text = "FIELD_CUSTOM_VALIDATION_EXCEPTION:Josephine needs a phone:Phone --"
    result = bulk_rows.refused({"sf__Id": "", "sf__Error": text, "FirstName": "Josephine"})
    assert "*** needs a phone" in result.message


@pytest.mark.parametrize(("created", "status"), [("true", "created"), ("false", "updated"), ("", "updated")])
def test_a_written_row_says_whether_it_was_created(created: str, status: str) -> None:
    """And names its record."""
    cells = {"sf__Id": "00Q000000000001EAA", "sf__Created": created, "Key__c": "K1"}
    result = bulk_rows.written(cells, done="updated")
    assert (result.ok, result.status, result.id) == (True, status, "00Q000000000001EAA")
