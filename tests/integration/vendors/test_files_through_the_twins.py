"""Files of ours against both twins' own parsers, by raw HTTP: nothing of a value is lost on the way."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from leadbridge.files.cells import MARKETO_EXTRACT_NULL, MARKETO_IMPORT, SALESFORCE_INGEST, Cell, FileRules
from leadbridge.files.columns import picker
from leadbridge.files.parts import Part, PartWriter, RefusedRow
from leadbridge.files.results import MARKETO_RESULTS, SALESFORCE_RESULTS, Kind, RowResult, Told, attach
from leadbridge.files.rows import Expected, Rows, sha256_of
from tests.bench import adversarial
from tests.integration.vendors.conftest import Twin
from tests.sizes import chosen

MARKETO_FIELDS = ["email", "firstName", "lastName", "company", "address"]
SALESFORCE_FIELDS = ["External_Key__c", "FirstName", "LastName", "Company", "Description"]
INGEST = "/services/data/v67.0/jobs/ingest"
POLLS = 5
#: what the platform takes off both ends of a text
STRIPPED = " \t\r\n\f\v"


class Kept(io.BytesIO):
    """A part in memory, which lives on when it is closed."""

    def close(self) -> None:
        """Stay open for reading."""


@dataclass
class Written:
    """Rows as parts of a vendor's files, and those that cannot go by file."""

    header: Sequence[str]
    rules: FileRules
    sinks: list[Kept] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)

    def __call__(self, rows: Iterator[Sequence[Cell]]) -> list[tuple[Part, bytes]]:
        with PartWriter(self.header, self.rules, open_part=self._open, refused=self.refused.append) as writer:
            writer.write(enumerate(rows))
        return [(part, self.sinks[part.number].getvalue()) for part in writer.parts]

    def _open(self, number: int) -> Kept:
        self.sinks.append(Kept())
        return self.sinks[number]


def ok(answer: httpx.Response) -> Any:
    """The answer's document, if it is a success."""
    assert answer.is_success, answer.text
    document = answer.json() if answer.content else None
    assert not isinstance(document, dict) or document.get("success", True), document
    return document


@pytest.fixture
def instance(marketo: Twin) -> Twin:
    """The Marketo twin with a session."""
    log_in(marketo)
    return marketo


def log_in(instance: Twin) -> None:
    """Open a session at the Marketo twin, which forgets it when it is reset."""
    known = instance.get("credentials")
    query = {"grant_type": "client_credentials"} | {name: known[name] for name in ("client_id", "client_secret")}
    token = ok(instance.http.get("/identity/oauth/token", params=query))["access_token"]
    instance.http.headers["Authorization"] = f"Bearer {token}"


@pytest.fixture
def org(salesforce: Twin, announced: dict[str, Any]) -> Twin:
    """The Salesforce twin with a session."""
    form = {"grant_type": "client_credentials"} | {
        name: announced["salesforce_credentials"][name] for name in ("client_id", "client_secret")
    }
    token = ok(salesforce.http.post("/services/oauth2/token", data=form))["access_token"]
    salesforce.http.headers["Authorization"] = f"Bearer {token}"
    return salesforce


def extracted(instance: Twin, chunk_size: int = 5_000) -> Rows:
    """All leads of the instance by a bulk extract: rows as they arrive, checked against the job's status."""
    now = datetime.fromisoformat(instance.get("clock")["now"]).replace(microsecond=0)
    window = {"startAt": (now - timedelta(days=1)).isoformat(), "endAt": (now + timedelta(days=1)).isoformat()}
    body = {"fields": MARKETO_FIELDS, "filter": {"createdAt": window}}
    job = ok(instance.http.post("/bulk/v1/leads/export/create.json", json=body))["result"][0]["exportId"]
    ok(instance.http.post(f"/bulk/v1/leads/export/{job}/enqueue.json"))
    instance.post("clock", {"advance_seconds": 120})
    [status] = ok(instance.http.get(f"/bulk/v1/leads/export/{job}/status.json"))["result"]
    content = instance.http.get(f"/bulk/v1/leads/export/{job}/file.json").content
    expected = Expected(
        size=status["fileSize"], sha256=sha256_of(status["fileChecksum"]), rows=status["numberOfRecords"]
    )
    chunks = (content[start : start + chunk_size] for start in range(0, len(content), chunk_size))
    return Rows(chunks, expected=expected)


def as_cells(rows: Rows) -> Iterator[list[Cell]]:
    """The mapped columns of an extract, with its word for nothing read as nothing."""
    pick = picker(rows.header, MARKETO_FIELDS)
    for row in rows:
        yield [None if cell == MARKETO_EXTRACT_NULL else cell for cell in pick(row)]


def imported(instance: Twin, content: bytes) -> tuple[dict[str, Any], list[tuple[Kind, Rows]]]:
    """The status of an import, and its files of results."""
    files = {"file": ("leads.csv", content, "text/csv")}
    [status] = ok(instance.http.post("/bulk/v1/leads.json", params={"format": "csv"}, files=files))["result"]
    path = f"/bulk/v1/leads/batch/{status['batchId']}"
    for _ in range(POLLS):
        if status["status"] == "Complete":
            break
        instance.post("clock", {"advance_seconds": 30})
        [status] = ok(instance.http.get(f"{path}.json"))["result"]
    results = []
    for kind, name in ((Kind.FAILED, "failures"), (Kind.WARNED, "warnings")):
        answer = instance.http.get(f"{path}/{name}.json")
        if answer.status_code == 200:
            results.append((kind, Rows([answer.content])))
    return status, results


def ingested(org: Twin, part: Part, content: bytes) -> tuple[dict[str, Any], list[tuple[Kind, Rows]]]:
    """The status of an upsert job of one part, and its three files of results."""
    document = {
        "object": "Lead",
        "operation": "upsert",
        "externalIdFieldName": "External_Key__c",
        "lineEnding": part.line_ending,
    }
    job = f"{INGEST}/{ok(org.http.post(INGEST, json=document))['id']}"
    ok(org.http.put(f"{job}/batches", content=content, headers={"Content-Type": "text/csv"}))
    ok(org.http.patch(job, json={"state": "UploadComplete"}))
    org.post("clock", {"advance_seconds": 600})
    names = {
        Kind.SUCCEEDED: "successfulResults",
        Kind.FAILED: "failedResults",
        Kind.UNPROCESSED: "unprocessedrecords",
    }
    results = [(kind, Rows([org.http.get(f"{job}/{name}/").content])) for kind, name in names.items()]
    return ok(org.http.get(job)), results


def attached(part: Part, content: bytes, results: list[tuple[Kind, Rows]], told: Told) -> list[tuple[int, RowResult]]:
    """Results with the number of their row in the input."""
    shape = SALESFORCE_RESULTS if len(results) == 3 else MARKETO_RESULTS
    sent = Rows([content], expected=Expected(size=part.size, sha256=part.sha256, rows=part.rows))
    return sorted(
        ((part.input_of(each.position), each) for each in attach(sent, results, shape, told=told)),
        key=lambda pair: (pair[0], pair[1].kind),
    )


def load_adversarial(instance: Twin) -> list[list[str]]:
    """The rows of the adversarial file, as the instance's leads; each odd value stands there many times."""
    table = list(adversarial.rows(chosen([4_000, adversarial.ROWS], ["some", "all"], {"all"})[-1]))
    for start in range(0, len(table), 1_000):
        leads = [dict(zip(MARKETO_FIELDS, row, strict=True)) for row in table[start : start + 1_000]]
        instance.post("load", {"leads": leads})
    return table


@pytest.mark.pain("P25")
@pytest.mark.fault("FB13")
def test_leads_go_out_of_marketo_and_in_again_byte_for_byte(instance: Twin) -> None:
    """Extract, map, split and import: every field of every lead is as before; only people called Null go by REST."""
    table = load_adversarial(instance)
    written = Written(MARKETO_FIELDS, MARKETO_IMPORT)
    parts = written(as_cells(extracted(instance)))
    instance.post("reset")
    log_in(instance)

    for part, content in parts:
        status, results = imported(instance, content)
        assert (status["status"], status["numOfLeadsProcessed"], results) == ("Complete", part.rows, [])
    assert {row.code for row in written.refused} == {"reserved_word"}
    alone = [dict(zip(MARKETO_FIELDS, table[row.index], strict=True)) for row in written.refused]
    assert all("Null" in lead.values() for lead in alone)
    assert 0 < len(alone) <= 300
    ok(instance.http.post("/rest/v1/leads.json", json={"lookupField": "email", "input": alone}))

    found = {lead["email"]: [lead[name] for name in MARKETO_FIELDS] for lead in instance.get("records/leads")}
    assert found == {row[0]: row for row in table}
    assert instance.get("calls")["violations"] == {}


@pytest.mark.fault("FB13")
def test_leads_go_from_marketo_to_salesforce_byte_for_byte(instance: Twin, org: Twin) -> None:
    """Extract, map, split and ingest: each cell comes back with the results as it was sent, and is stored.

    The platform itself takes blanks off both ends of a text. Rows with both kinds of line end go by REST.
    """
    table = load_adversarial(instance)
    written = Written(SALESFORCE_FIELDS, SALESFORCE_INGEST)
    parts = written(as_cells(extracted(instance)))

    ids: dict[int, str] = {}
    for part, content in parts:
        job, results = ingested(org, part, content)
        assert (job["state"], job.get("errorMessage")) == ("JobComplete", None)
        # a row whose cells had changed would not be found again
        for index, result in attached(part, content, results, Told(succeeded=part.rows, failed=0)):
            ids[index] = result.record_id
    assert {part.line_ending for part, _ in parts} == {"CRLF", "LF"}
    assert {row.code for row in written.refused} == {"mixed_line_ends"}
    for row in written.refused:
        record = dict(zip(SALESFORCE_FIELDS, table[row.index], strict=True))
        ids[row.index] = ok(org.http.post("/services/data/v67.0/sobjects/Lead", json=record))["id"]

    stored = {lead["Id"]: [lead[name] for name in SALESFORCE_FIELDS] for lead in org.get("records/Lead")}
    assert {index: stored[record_id] for index, record_id in ids.items()} == {
        index: [cell.strip(STRIPPED) for cell in row] for index, row in enumerate(table)
    }


@pytest.mark.fault("FB09")
def test_rows_that_marketo_refused_or_minded_are_found_among_those_sent(instance: Twin) -> None:
    """Equal rows, a value of the wrong type and a bad second address: each input has its own result."""
    rows: list[list[Cell]] = [
        ["a@example.com", "1", "x"],
        ["b@example.com", "many", "x"],
        ["c@example.com", "3", 'odd, "row"\r\nof two lines'],
        ["b@example.com", "many", "x"],
        ["not an address", "5", "x"],
        ["d@example.com", None, "x"],
    ]
    written = Written(["email", "numberOfEmployees", "lastName"], MARKETO_IMPORT)
    [(part, content)] = written(iter(rows))

    status, results = imported(instance, content)
    found = attached(
        part,
        content,
        results,
        Told(
            failed=status["numOfRowsFailed"],
            warned=status["numOfRowsWithWarning"],
            succeeded=status["numOfLeadsProcessed"],
        ),
    )

    assert [(index, result.kind) for index, result in found] == [
        (0, Kind.SUCCEEDED),
        (1, Kind.FAILED),
        (2, Kind.SUCCEEDED),
        (3, Kind.FAILED),
        (4, Kind.SUCCEEDED),
        (4, Kind.WARNED),
        (5, Kind.SUCCEEDED),
    ]
    assert all(result.reason for _, result in found if result.kind is not Kind.SUCCEEDED)


def test_a_job_that_failed_half_way_leaves_no_row_without_a_result(org: Twin) -> None:
    """Written, refused and never reached rows of a Failed job, in an order of the vendor's, add up to those sent."""
    org.post("limits", {"bulk_batch_records": 20, "bulk_fail_after_batches": 2})
    rows = [[f"K-{number}", "" if number % 7 == 3 else f"Name {number}", "Acme"] for number in range(60)]
    [(part, content)] = Written(["External_Key__c", "LastName", "Company"], SALESFORCE_INGEST)(iter(rows))

    job, results = ingested(org, part, content)
    found = attached(part, content, results, Told(failed=job["numberRecordsFailed"]))

    assert job["state"] == "Failed"
    kinds = [Kind.FAILED if number % 7 == 3 else Kind.SUCCEEDED for number in range(40)] + [Kind.UNPROCESSED] * 20
    assert [(index, result.kind) for index, result in found] == list(enumerate(kinds))
    keys = {lead["Id"]: lead["External_Key__c"] for lead in org.get("records/Lead")}
    assert {result.record_id: f"K-{index}" for index, result in found if result.kind is Kind.SUCCEEDED} == keys


@pytest.mark.cap("U51")
@pytest.mark.fault("FB10")
def test_every_part_of_a_large_load_is_small_enough_for_marketo(instance: Twin) -> None:
    """20 MB of leads go up as three files; the twin, which refuses 10 MB, has nothing to refuse and holds all rows."""
    # short rows where the first file ends, so that it is as full as it may be
    rows = [[f"p{number}@example.com", "x" * (1 if 343 <= number < 3_000 else 29_000)] for number in range(3_400)]
    parts = Written(["email", "address"], MARKETO_IMPORT)(iter(rows))

    for _, content in parts:
        imported(instance, content)
    refused = instance.http.post(
        "/bulk/v1/leads.json", params={"format": "csv"}, files={"file": ("a.csv", b"x" * 10**7, "text/csv")}
    )

    assert len(parts) == 3, [part.size for part, _ in parts]
    assert all(9_000_000 < len(content) < 10**7 for _, content in parts[:2])
    found = {lead["email"]: lead["address"] for lead in instance.get("records/leads")}
    assert found == dict(rows)
    # the one call over the limit shows that the twin would have minded
    assert (refused.status_code, instance.get("calls")["violations"]) == (413, {"413": 1})
