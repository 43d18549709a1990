"""Bulk API 2.0 through the client against the Salesforce twin, over HTTP."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import PermanentError, QuotaExhaustedError, UncertainWriteError
from leadbridge.vendors.salesforce import bulk_rows
from leadbridge.vendors.salesforce.bulk import BulkFile, BulkJob
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.integration.vendors.conftest import Clients, Twin

JOBS = "/services/data/v67.0/jobs/ingest"
DAY = 86_400


def csv_of(rows: list[dict[str, str]], *, ending: str = "\n") -> bytes:
    """The rows as a file with a header, every line ending the same way."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator=ending)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def read(opened: AbstractContextManager[BulkFile]) -> list[dict[str, str]]:
    """All rows of a file of results."""
    with opened as file:
        text = b"".join(file.chunks).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def people(count: int) -> list[dict[str, str]]:
    return [
        {"External_Key__c": f"K{n}", "LastName": f'O\'Brien "{n}" Šimić, 李', "Company": "Acme"} for n in range(count)
    ]


def loaded(client: SalesforceClient, rows: list[dict[str, str]], **options: Any) -> BulkJob:
    """A closed upsert job with these rows."""
    job = client.bulk_ingest.create("Lead", "upsert", external_id_field="External_Key__c", **options)
    assert client.bulk_ingest.upload(job.id, csv_of(rows))
    return client.bulk_ingest.close(job.id)


def after(salesforce: Twin, seconds: float) -> None:
    salesforce.post("clock", {"advance_seconds": seconds})


@pytest.fixture
def client(clients: Clients, salesforce: Twin) -> SalesforceClient:
    return clients.salesforce()


def test_a_file_is_written_and_every_row_is_told_by_its_own_key(client: SalesforceClient, salesforce: Twin) -> None:
    """Partial success: the rows of the three result files together are those sent, whatever their order."""
    salesforce.post("load", {"Lead": [{"LastName": "Old", "Company": "Acme", "External_Key__c": "K0"}]})
    rows = [{**row, "Email": ""} for row in people(40)]
    rows[7]["Email"] = "not-an-address"
    rows[9]["LastName"] = ""

    job = loaded(client, rows)
    assert (job.state, job.operation, job.object_name) == ("UploadComplete", "upsert", "Lead")
    after(salesforce, 10)
    job = client.bulk_ingest.status(job.id)
    assert (job.state, job.is_over, job.records_processed, job.records_failed) == ("JobComplete", True, 40, 2)

    ok = read(client.bulk_ingest.successful(job.id))
    bad = read(client.bulk_ingest.failed(job.id))
    assert read(client.bulk_ingest.unprocessed(job.id)) == []
    said = {row["External_Key__c"]: bulk_rows.written(row, done="updated") for row in ok}
    said |= {row["External_Key__c"]: bulk_rows.refused(row) for row in bad}
    assert set(said) == {row["External_Key__c"] for row in rows}
    assert (said["K0"].status, said["K1"].status) == ("updated", "created")
    address = said["K7"]
    assert (address.code, address.fields) == ("INVALID_EMAIL_ADDRESS", ("Email",))
    assert address.resolution is Resolution.REJECT
    assert "not-an-address" not in address.message
    assert said["K9"].code == "REQUIRED_FIELD_MISSING"
    held = {lead["External_Key__c"]: lead for lead in salesforce.get("records/Lead")}
    assert held["K1"]["LastName"] == rows[1]["LastName"]
    assert held["K1"]["Id"] == said["K1"].id
    assert "K7" not in held


def test_lines_that_end_in_another_way_than_declared_fail_the_job_with_the_vendor_s_reason(
    client: SalesforceClient, salesforce: Twin
) -> None:
    """The job fails before any row; declared as they are, the same bytes are written."""
    rows = people(2)
    for declared, ends in (("LF", "Failed"), ("CRLF", "JobComplete")):
        job = client.bulk_ingest.create("Lead", "insert", line_ending="LF" if declared == "LF" else "CRLF")
        client.bulk_ingest.upload(job.id, csv_of(rows, ending="\r\n"))
        client.bulk_ingest.close(job.id)
        after(salesforce, 10)
        job = client.bulk_ingest.status(job.id)
        assert job.state == ends
    assert "LineEnding is invalid" in client.bulk_ingest.status(next(iter(client.bulk_ingest.list())).id).error_message
    assert len(salesforce.get("records/Lead")) == 2


@pytest.mark.parametrize("cut", ["failed", "aborted"])
def test_a_job_that_ended_half_way_gives_back_what_it_never_came_to(
    client: SalesforceClient, salesforce: Twin, cut: str
) -> None:
    """Written and unprocessed rows together are those sent; sent again, the rest is written once."""
    salesforce.post("limits", {"bulk_batch_records": 200, "bulk_batch_seconds": 60})
    if cut == "failed":
        salesforce.post("limits", {"bulk_fail_after_batches": 1})
    rows = people(500)
    job = loaded(client, rows)
    after(salesforce, 62)
    if cut == "aborted":
        client.bulk_ingest.abort(job.id)
        assert client.bulk_ingest.abort(job.id).state == "Aborted"
    job = client.bulk_ingest.status(job.id)
    assert job.state.lower() == cut
    assert bool(job.error_message) == (cut == "failed")

    written = [row["External_Key__c"] for row in read(client.bulk_ingest.successful(job.id))]
    left = read(client.bulk_ingest.unprocessed(job.id))
    assert len(written) == 200
    assert sorted(written + [row["External_Key__c"] for row in left]) == sorted(row["External_Key__c"] for row in rows)

    salesforce.post("limits", {"bulk_fail_after_batches": 0})
    again = loaded(client, left)
    after(salesforce, 600)
    assert client.bulk_ingest.status(again.id).records_failed == 0
    assert len(salesforce.get("records/Lead")) == 500


def test_a_row_that_stayed_locked_may_be_sent_again(client: SalesforceClient, salesforce: Twin) -> None:
    """Lock contention is told per row and not as the job's failure."""
    salesforce.post(
        "faults",
        [{"match": f"PATCH {JOBS}/*", "nth": 1, "times": 1, "kind": "row_error", "code": "UNABLE_TO_LOCK_ROW"}],
    )
    job = loaded(client, people(3))
    after(salesforce, 10)
    refused = [bulk_rows.refused(row) for row in read(client.bulk_ingest.failed(job.id))]
    assert {(row.code, row.resolution) for row in refused} == {("UNABLE_TO_LOCK_ROW", Resolution.RETRY)}


@pytest.mark.parametrize("lost", ["PUT", "PATCH"])
def test_a_lost_answer_to_upload_or_close_is_repeated_and_changes_nothing(
    client: SalesforceClient, salesforce: Twin, lost: str
) -> None:
    """The second try finds the data, or the job closed already, and goes on."""
    path = JOBS + ("/*/batches" if lost == "PUT" else "/*")
    salesforce.post("faults", [{"match": f"{lost} {path}", "nth": 1, "times": 1, "kind": "drop_answer"}])
    job = client.bulk_ingest.create("Lead", "insert")
    assert client.bulk_ingest.upload(job.id, csv_of(people(2))) is (lost != "PUT")
    assert client.bulk_ingest.close(job.id).state == "UploadComplete"
    after(salesforce, 10)
    assert len(salesforce.get("records/Lead")) == 2


def test_a_job_whose_creation_was_not_answered_is_found_in_the_list_and_closed(
    client: SalesforceClient, salesforce: Twin
) -> None:
    """The client does not claim to know; the list shows one open job, which can be aborted and removed."""
    salesforce.post("faults", [{"match": f"POST {JOBS}", "nth": 1, "times": 1, "kind": "drop_answer"}])
    with pytest.raises(UncertainWriteError):
        client.bulk_ingest.create("Lead", "insert")
    (orphan,) = client.bulk_ingest.list()
    assert (orphan.state, orphan.object_name, orphan.operation) == ("Open", "Lead", "insert")
    assert client.bulk_ingest.abort(orphan.id).state == "Aborted"
    client.bulk_ingest.delete(orphan.id)
    client.bulk_ingest.delete(orphan.id)
    assert list(client.bulk_ingest.list()) == []


def test_results_of_a_job_that_is_gone_are_refused_and_not_empty(clients: Clients, salesforce: Twin) -> None:
    """Deleted, or more than seven days over: there is no file, which is not a file without rows."""
    client = clients.salesforce()
    first, second = loaded(client, people(1)), loaded(client, people(2))
    after(salesforce, 10)
    client.bulk_ingest.delete(first.id)
    for job_id in (first.id, second.id):
        with pytest.raises(PermanentError) as caught:
            read(client.bulk_ingest.successful(job_id))
        assert caught.value.code == "NOT_FOUND"
        after(salesforce, 8 * DAY)
        clients.clock_offset += timedelta(days=8)


@pytest.mark.cap("U44")
def test_a_query_job_is_read_page_by_page_to_its_last_row(client: SalesforceClient, salesforce: Twin) -> None:
    """Page boundary + 1: 2,001 rows in pages of 1,000 are all read, none twice, each page with its header."""
    salesforce.post("load", {"Lead": people(2_001)})
    job = client.bulk_query.create("SELECT Id, External_Key__c, LastName, Title FROM Lead")
    assert job.state == "UploadComplete"
    after(salesforce, 10)
    assert client.bulk_query.status(job.id).state == "JobComplete"

    def pages() -> Iterator[tuple[BulkFile, list[dict[str, str]]]]:
        locator = ""
        while True:
            with client.bulk_query.results(job.id, locator=locator, max_records=1_000) as file:
                text = b"".join(file.chunks).decode()
            yield file, list(csv.DictReader(io.StringIO(text, newline="")))
            locator = file.locator
            if not locator:
                return

    found = list(pages())
    rows = [row for _, page in found for row in page]
    assert [file.records for file, _ in found] == [1_000, 1_000, 1]
    assert len({row["Id"] for row in rows}) == len(rows) == 2_001
    held = {lead["Id"]: lead for lead in salesforce.get("records/Lead")}
    assert all(row["LastName"] == held[row["Id"]]["LastName"] for row in rows)
    assert {row["Title"] for row in rows} == {""}


def test_deleted_records_are_read_by_a_query_job_that_asks_for_them(client: SalesforceClient, salesforce: Twin) -> None:
    """queryAll shows what query hides."""
    (lead_id,) = [row.id for row in client.create("Lead", [{"LastName": "Doe", "Company": "Acme"}])]
    assert lead_id is not None
    client.rows.delete([lead_id])
    for include_deleted, expected in ((False, []), (True, [{"Id": lead_id, "IsDeleted": "true"}])):
        job = client.bulk_query.create("SELECT Id, IsDeleted FROM Lead", include_deleted=include_deleted)
        after(salesforce, 10)
        assert read(client.bulk_query.results(job.id)) == expected


def test_a_query_job_can_be_aborted_listed_and_removed(client: SalesforceClient, salesforce: Twin) -> None:
    """Its results are refused, and after its removal it is nowhere."""
    job = client.bulk_query.create("SELECT Id FROM Lead")
    assert client.bulk_query.abort(job.id).state == "Aborted"
    with pytest.raises(PermanentError) as caught:
        read(client.bulk_query.results(job.id))
    assert caught.value.code == "INVALIDJOBSTATE"
    assert [each.id for each in client.bulk_query.list()] == [job.id]
    client.bulk_query.delete(job.id)
    assert list(client.bulk_query.list()) == []


def test_spent_job_quotas_wait_and_are_no_failure(client: SalesforceClient, salesforce: Twin) -> None:
    """Both daily allocations of Bulk API 2.0 park their work; calls of the REST API go on."""
    salesforce.post("limits", {"bulk_daily_batches": 0, "bulk_daily_query_jobs": 0})
    starts: list[Callable[[], BulkJob]] = [
        lambda: client.bulk_ingest.create("Lead", "insert"),
        lambda: client.bulk_query.create("SELECT Id FROM Lead"),
    ]
    for start in starts:
        with pytest.raises(QuotaExhaustedError):
            start()
    assert client.query("SELECT Id FROM Lead") == []


def test_jobs_of_another_version_are_asked_with_it(clients: Clients, salesforce: Twin) -> None:
    """After an upgrade a running job is still reached; without its version the vendor refuses."""
    client = clients.salesforce()
    job = client.bulk_ingest.create("Lead", "insert")
    assert job.api_version == "67.0"
    upgraded = clients.salesforce(api_version="68.0")
    assert upgraded.bulk_ingest.status(job.id, api_version=job.api_version).state == "Open"
    with pytest.raises(PermanentError) as caught:
        upgraded.bulk_ingest.status(job.id)
    assert caught.value.code == "INVALIDVERSION"
