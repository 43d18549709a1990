"""Bulk runs with the product's clients against both vendor twins, over HTTP; runs and files are kept in memory."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Counts, Policy, Run, Step
from leadbridge.usecases.run_bulk_step import Answer, RunBulkStep
from leadbridge.vendors.bulk_jobs import VendorBulkJobs
from leadbridge.vendors.marketo.bulk import IMPORT_BYTES
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.fakes.bulk import InMemoryBulkRuns, InMemoryObjects
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Crash, Steps
from tests.integration.vendors.conftest import Clients, Twin

SOURCE = "in/rows.csv"
DAY_BYTES = 500_000_000
MOST_STEPS = 300
EXPORTS = "/bulk/v1/leads/export/"
INGEST = "/services/data/v67.0/jobs/ingest"
QUERY = "/services/data/v67.0/jobs/query"
#: begun at once, and for how long each job of Marketo is at work; how often runs are looked at, in seconds
EXTRACTS, RUNS_FOR, TICK = 14, 600, 20


class Product:
    """The use-case with real clients; its clock is the twins', which moves when a run waits."""

    def __init__(self, clients: Clients, marketo: Twin) -> None:
        self._marketo_twin = marketo
        self._clients = clients
        self._marketo = clients.marketo()
        self._salesforce = clients.salesforce()
        self.steps = Steps()
        self.runs = InMemoryBulkRuns(step=self.steps)
        self.objects = InMemoryObjects(step=self.steps)
        self.meter = RecordingMeter()
        self.answers: list[Answer] = []
        self.use_case = RunBulkStep(
            runs=self.runs,
            objects=self.objects,
            vendors=VendorBulkJobs(self, day_bytes=DAY_BYTES, now=self.now),
            clock=self,
            meter=self.meter,
            policy=Policy(stuck_after=timedelta(hours=3)),
            piece_bytes=20_000,
        )

    def marketo(self, connection: str) -> MarketoClient:
        """The one client."""
        return self._marketo

    def salesforce(self, connection: str) -> SalesforceClient:
        """The one client."""
        return self._salesforce

    def report_quota(self) -> None:
        """Nothing is metered."""

    def now(self) -> datetime:
        """The twins' time."""
        return datetime.now(UTC) + self._clients.clock_offset

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._clients.clock_offset += timedelta(seconds=seconds)
        self._marketo_twin.post("clock", {"advance_seconds": seconds})

    def drive(self, order: BulkOrder) -> Run:
        """Invoke until the run is over; a process that dies is followed by another."""
        for _ in range(MOST_STEPS):
            try:
                answer = self.use_case(order, lambda: 600.0)
            except Crash:
                continue
            self.answers.append(answer)
            if answer.run.over:
                return answer.run
            self.advance(answer.next.wait_seconds)
        message = f"not over: {self.runs.run(order.run)}"
        raise AssertionError(message)

    def lines(self, run: Run) -> list[dict[str, str]]:
        """All lines of an import's results."""
        keys = [key for key in sorted(self.objects.contents) if key.startswith(f"{run.folder}/results-")]
        return [line for key in keys for line in csv.DictReader(self.objects.contents[key].decode().splitlines())]


@pytest.fixture
def product(clients: Clients, marketo: Twin, salesforce: Twin) -> Product:
    """The product's bulk runs against fresh twins."""
    return Product(clients, marketo)


def marketo_extract(run: str = "extract-1", **request: Any) -> BulkOrder:
    """An order for the leads of the last days."""
    now = datetime.now(UTC)
    created = {
        "startAt": (now - timedelta(days=1)).isoformat(timespec="seconds"),
        "endAt": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
    }
    usual = {"filter": {"createdAt": created}, "fields": ["id", "email", "firstName", "lastName"]}
    return order("extract", "marketo", "leads", run, usual | request)


def order(kind: str, vendor: str, name: str, run: str, request: dict[str, Any]) -> BulkOrder:
    """An order."""
    members = {"run": run, "kind": kind, "vendor": vendor, "connection": vendor, "object": name, "prefix": "runs"}
    return BulkOrder.parse(members | {"request": request} | ({"source": SOURCE} if kind == "import" else {}))


def lead_file(count: int, bad: frozenset[int] = frozenset()) -> bytes:
    """Leads by e-mail; the score of the bad ones, counted from 1, is no number."""
    rows = [
        f"p{number}@example.com,Ünal {number},{'many' if number in bad else number}" for number in range(1, count + 1)
    ]
    return "\r\n".join(["email,lastName,leadScore", *rows, ""]).encode()


def salesforce_file(count: int, bad: frozenset[int] = frozenset()) -> bytes:
    """Leads by external id; the bad ones lack a required name."""
    rows = [f"K{number},{'' if number in bad else f'Name {number}'},Acme" for number in range(1, count + 1)]
    return "\r\n".join(["External_Key__c,LastName,Company", *rows, ""]).encode()


def salesforce_import(run: str = "import-1") -> BulkOrder:
    """An upsert of leads by external id."""
    request = {"operation": "upsert", "external_id_field": "External_Key__c", "key": ["External_Key__c"]}
    return order("import", "salesforce", "Lead", run, request)


def jobs_made(twin: Twin, path: str) -> int:
    """How many jobs the twin was asked to make and made."""
    return sum(each["status"] == 200 for each in twin.calls_of("POST", path))


def test_leads_are_extracted_into_one_checked_file(product: Product, marketo: Twin) -> None:
    """3,000 leads arrive in several ranges; the stored file has the checksum that Marketo told and every lead once."""
    ids = marketo.post("load", {"generate": {"object": "leads", "count": 3000, "seed": 5}})
    known = {str(lead["id"]) for lead in marketo.get("records/leads")}
    now = datetime.now(UTC)
    created = {
        # invented leads were created within 30 days before they were loaded, which was a moment ago
        "startAt": (now - timedelta(days=30, hours=1)).isoformat(timespec="seconds"),
        "endAt": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
    }
    run = product.drive(marketo_extract(filter={"createdAt": created}))
    content = product.objects.contents[run.output]

    assert ids
    assert run.step is Step.DONE, run
    assert run.pieces > 3
    assert hashlib.sha256(content).hexdigest() == run.checksum == run.digest
    rows = list(csv.DictReader(content.decode().splitlines()))
    assert {row["id"] for row in rows} == known
    assert run.counts == Counts(rows=3000, done=3000)


@pytest.mark.fault("FB09")
def test_each_bad_row_of_an_import_is_named(product: Product, marketo: Twin) -> None:
    """1,000 leads, 7 of them with a bad score: Complete at Marketo, and each bad row carries Marketo's own text."""
    bad = frozenset({3, 90, 91, 512, 700, 999, 1000})
    product.objects.contents[SOURCE] = lead_file(1000, bad)
    run = product.drive(order("import", "marketo", "leads", "import-1", {"lookup_field": "email"}))
    failed = {int(line["row"]): line["reason"] for line in product.lines(run) if line["outcome"] == "failed"}

    assert run.step is Step.DONE, run
    assert set(failed) == bad
    assert all(failed.values())
    assert run.counts == Counts(rows=1000, done=993, failed=7)
    assert len(marketo.get("records/leads")) == 993


@pytest.mark.cap("U51")
@pytest.mark.fault("FB10")
def test_a_large_import_goes_in_parts_below_ten_million_bytes(product: Product, marketo: Twin) -> None:
    """Each upload is smaller than Marketo's limit, no 413 is seen, and the parts hold all rows between them."""
    # few long rows: the twin reads each of them
    rows = [f"p{number}@example.com,{'x' * 14_000}{number}" for number in range(800)]
    product.objects.contents[SOURCE] = "\r\n".join(["email,address", *rows, ""]).encode()
    run = product.drive(order("import", "marketo", "leads", "import-1", {}))
    uploads = marketo.calls_of("POST", "/bulk/v1/leads.json")

    assert run.step is Step.DONE, run
    assert len(uploads) == run.parts == 2
    assert all(each["bytes"] < IMPORT_BYTES for each in uploads)
    assert marketo.get("calls")["violations"] == {}
    assert run.counts == Counts(rows=800, done=800)


@pytest.mark.cap("U44")
def test_salesforce_rows_are_extracted_page_by_page(product: Product, salesforce: Twin) -> None:
    """Pages with a header each become one file with one header; the rows are those of the org."""
    salesforce.post("load", {"Lead": [{"LastName": f"Ü {number}", "Company": "Acme"} for number in range(25)]})
    request = {"soql": "SELECT Id, LastName FROM Lead", "columns": ["Id", "LastName"], "page_rows": 10}
    run = product.drive(order("extract", "salesforce", "Lead", "extract-1", request))
    rows = list(csv.DictReader(product.objects.contents[run.output].decode().splitlines()))

    assert run.step is Step.DONE, run
    assert run.pieces == 3
    assert sorted(row["LastName"] for row in rows) == sorted(f"Ü {number}" for number in range(25))


@pytest.mark.fault("FS15")
def test_a_job_declares_the_line_ends_that_its_file_has(product: Product, clients: Clients, salesforce: Twin) -> None:
    """Line ends of either kind inside values: two jobs, each declares that of its file, and values arrive as sent."""
    declared: list[str] = []
    clients.http.event_hooks["request"].append(
        lambda request: (
            declared.append(json.loads(request.read())["lineEnding"])
            if (request.method, request.url.path) == ("POST", INGEST)
            else None
        )
    )
    streets = ["1 Main St\r\nFloor 2", "2 Main St\nFloor 3", "3 Main St"] * 3
    into = io.StringIO(newline="")
    csv.writer(into).writerows(
        [["External_Key__c", "LastName", "Company", "Street"]]
        + [[f"K-{number}", "Doe", "Acme", street] for number, street in enumerate(streets)]
    )
    product.objects.contents[SOURCE] = into.getvalue().encode()
    run = product.drive(salesforce_import())

    assert run.counts == Counts(rows=9, done=9), run
    assert sorted(declared) == ["CRLF", "LF"]
    assert {lead["External_Key__c"]: lead["Street"] for lead in salesforce.get("records/Lead")} == {
        f"K-{number}": street for number, street in enumerate(streets)
    }


def test_each_bad_row_of_a_salesforce_import_is_named(product: Product, salesforce: Twin) -> None:
    """Results come in an order of their own and are found by the external id; written rows carry Salesforce's id."""
    bad = frozenset({2, 40})
    product.objects.contents[SOURCE] = salesforce_file(60, bad)
    run = product.drive(salesforce_import())
    lines = {int(line["row"]): line for line in product.lines(run)}

    assert run.step is Step.DONE, run
    assert {row for row, line in lines.items() if line["outcome"] == "failed"} == bad
    assert all("REQUIRED_FIELD_MISSING" in lines[row]["reason"] for row in bad)
    ids = {lead["External_Key__c"]: lead["Id"] for lead in salesforce.get("records/Lead")}
    assert all(lines[row]["id"] == ids[f"K{row}"] for row in lines if row not in bad)
    assert run.counts == Counts(rows=60, done=58, failed=2)


@pytest.mark.fault("FS13")
def test_rows_that_a_failed_salesforce_job_never_came_to_are_sent_again(product: Product, salesforce: Twin) -> None:
    """A job that fails after its first batch has written rows; the others go into a second job, each row once."""
    salesforce.post("limits", {"bulk_batch_records": 20, "bulk_fail_after_batches": 1})
    product.objects.contents[SOURCE] = salesforce_file(50)
    run = product.drive(salesforce_import())

    assert (run.step, run.counts) == (Step.DONE, Counts(rows=50, done=50)), run
    assert sorted(int(line["row"]) for line in product.lines(run)) == list(range(1, 51))
    assert len(salesforce.get("records/Lead")) == 50
    # 20, 20 and 10 rows
    assert jobs_made(salesforce, INGEST) == 3


@pytest.mark.fault("FB01")
def test_an_export_stuck_for_hours_is_cancelled(product: Product, marketo: Twin) -> None:
    """Marketo's job is cancelled at Marketo after the bound; the run ends with the reason and the last state."""
    marketo.post("limits", {"jobs_stuck": True})
    run = product.drive(marketo_extract())

    assert (run.step, run.reason) == (Step.FAILED, "job_stuck")
    assert "Processing" in run.message
    assert len(marketo.calls_of("POST", f"{EXPORTS}{run.job}/cancel.json")) == 1


@pytest.mark.fault("FB02")
@pytest.mark.parametrize(
    ("switches", "reason"),
    [
        ({"jobs_fail": True}, "job_failed"),
        ({"jobs_cancelled": True}, "job_cancelled"),
        ({"jobs_cancelled": True, "jobs_cancelled_with_two_l": True}, "job_cancelled"),
    ],
    ids=["failed", "canceled", "cancelled"],
)
def test_a_job_that_ended_badly_at_marketo_is_told_as_such(
    product: Product, marketo: Twin, switches: dict[str, bool], reason: str
) -> None:
    """Failed and both spellings of cancelled end the run at the first look that shows them, with Marketo's reason."""
    marketo.post("limits", switches)
    run = product.drive(marketo_extract())

    assert (run.step, run.reason) == (Step.FAILED, reason)
    assert run.message


@pytest.mark.fault("FB03", "FS14")
@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_an_orphan_at_the_vendor_is_adopted(product: Product, marketo: Twin, salesforce: Twin, vendor: str) -> None:
    """The process dies between the job's making and the storing of its id: the job is found in the vendor's list and
    used; no second one is made and none is left behind."""
    product.objects.contents[SOURCE] = salesforce_file(5)
    wanted = marketo_extract() if vendor == "marketo" else salesforce_import()
    path, twin = (f"{EXPORTS}create.json", marketo) if vendor == "marketo" else (INGEST, salesforce)
    saves = 1 if vendor == "marketo" else 2
    dies_at(product, "runs.save", saves)
    run = product.drive(wanted)

    assert run.step is Step.DONE, run
    assert jobs_made(twin, path) == 1
    assert product.meter.of("BulkJobsAdopted") == 1


@pytest.mark.fault("FB11")
def test_a_lost_answer_to_making_an_export_makes_no_second(product: Product, marketo: Twin) -> None:
    """Marketo made the job and its answer was lost: the list shows it."""
    marketo.post("faults", [{"match": f"POST {EXPORTS}create.json", "nth": 1, "kind": "drop_answer"}])
    run = product.drive(marketo_extract())

    assert run.step is Step.DONE, run
    assert len(marketo.calls_of("POST", f"{EXPORTS}create.json")) == 1


@pytest.mark.fault("FB11")
def test_a_lost_answer_to_an_import_doubles_no_lead(product: Product, marketo: Twin) -> None:
    """Marketo lists no imports: the file is sent again after ten settling times, when the first is done; leads are
    found by e-mail, so there is one of each."""
    marketo.post("faults", [{"match": "POST /bulk/v1/leads.json", "nth": 1, "kind": "drop_answer"}])
    product.objects.contents[SOURCE] = lead_file(30)
    run = product.drive(order("import", "marketo", "leads", "import-1", {}))

    assert (run.step, run.counts) == (Step.DONE, Counts(rows=30, done=30))
    assert len(marketo.calls_of("POST", "/bulk/v1/leads.json")) == 2
    assert len(marketo.get("records/leads")) == 30


@pytest.mark.pain("P28")
@pytest.mark.fault("FB07")
def test_a_completed_export_without_its_file_is_made_again_once(product: Product, marketo: Twin) -> None:
    """404 in plain text after Completed: a second job is made; when its file is gone too, the run says so."""
    marketo.post("limits", {"export_file_lost": True})
    run = product.drive(marketo_extract())

    assert (run.step, run.reason) == (Step.FAILED, "file_gone")
    assert jobs_made(marketo, f"{EXPORTS}create.json") == 2


@pytest.mark.fault("FB08", "FM16")
def test_a_spent_export_quota_parks_until_marketos_day_ends(product: Product, marketo: Twin) -> None:
    """The megabytes of the day are gone: parked until midnight US Central, without a call, then done."""
    marketo.post("load", {"leads": [{"email": f"p{number}@example.com"} for number in range(20)]})
    assert product.drive(marketo_extract("first")).step is Step.DONE
    marketo.post("limits", {"export_bytes_per_day": 100})
    second = marketo_extract("second")
    answer = product.use_case(second, lambda: 600.0)
    told, before = answer.as_dict(), marketo.get("calls")["total"]

    assert (told["parked"], told["waiting"]) == (True, "quota")
    assert 0 < told["wait_seconds"] <= 86_400
    product.use_case(second, lambda: 600.0)
    assert marketo.get("calls")["total"] == before
    assert product.drive(second).step is Step.DONE


@pytest.mark.fault("FM16", "FM17")
@pytest.mark.parametrize("kind", ["extract", "import"])
def test_a_full_queue_parks_until_there_is_room(product: Product, marketo: Twin, kind: str) -> None:
    """1029 respectively 1016: the run is parked and asks again after a minute; when a place is free it is done."""
    limit = "export_queue" if kind == "extract" else "import_queue"
    marketo.post("limits", {limit: 0})
    product.objects.contents[SOURCE] = lead_file(3)
    wanted = marketo_extract() if kind == "extract" else order("import", "marketo", "leads", "import-1", {})
    parked = until_parked(product, wanted)

    assert parked.as_dict()["waiting"] == "queue_full"
    assert parked.as_dict()["wait_seconds"] >= 60
    marketo.post("limits", {limit: 10})
    assert product.drive(wanted).step is Step.DONE
    path = f"{EXPORTS}create.json" if kind == "extract" else "/bulk/v1/leads.json"
    assert jobs_made(marketo, path) <= 2


@pytest.mark.cap("M126")
def test_an_import_behind_a_full_queue_waits_and_tells_how_far_it_is_behind(product: Product, marketo: Twin) -> None:
    """Others fill Marketo's ten places: refused with 1016, the import is parked and asks again; the metric of the lag
    grows until there is room, and then each person is there."""
    product.objects.contents[SOURCE] = lead_file(3)
    others = [product._marketo.bulk.lead_imports.create_leads(lead_file(1)) for _ in range(10)]
    wanted = order("import", "marketo", "leads", "import-1", {})
    parked = until_parked(product, wanted)
    [errors] = product._marketo.stats.errors()
    lags = [product.meter.of("BulkLagSeconds", vendor="marketo")]
    product.advance(parked.next.wait_seconds)
    marketo.post("limits", {"import_queue": 0})
    again = product.use_case(wanted, lambda: 600.0)
    lags.append(product.meter.of("BulkLagSeconds", vendor="marketo"))
    marketo.post("limits", {"import_queue": 10})

    assert len(others) == 10
    assert [(each.error_code, each.count) for each in errors.errors] == [("1016", 1)]
    assert [each.as_dict()["waiting"] for each in (parked, again)] == ["queue_full", "queue_full"]
    assert lags[1] - lags[0] >= parked.next.wait_seconds >= 60
    run = product.drive(wanted)
    assert (run.step, run.counts) == (Step.DONE, Counts(rows=3, done=3)), run
    behind = product.meter.of("BulkLagSeconds", vendor="marketo")
    assert product.use_case(wanted, lambda: 600.0).run.over
    assert product.meter.of("BulkLagSeconds", vendor="marketo") == behind


@pytest.mark.fault("FB05")
def test_a_download_that_is_cut_goes_on_where_it_was(product: Product, marketo: Twin) -> None:
    """The connection is closed at the third range: what was stored before is not fetched again, and the file fits."""
    marketo.post("load", {"leads": [{"email": f"p{n}@example.com", "lastName": "x" * 90} for n in range(800)]})
    marketo.post("faults", [{"match": f"GET {EXPORTS}*/file.json", "nth": 3, "kind": "close"}])
    run = product.drive(marketo_extract())
    sent = [each["bytes"] for each in marketo.calls_of("GET", f"{EXPORTS}{run.job}/file.json")]

    assert run.step is Step.DONE, run
    assert run.digest == run.checksum
    assert run.pieces > 3
    assert len(sent) == run.pieces + 1


@pytest.mark.fault("FB04", "FB06")
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content.replace(b"p1@", b"q1@"), "checksum_mismatch"),
        (lambda content: content[: content.rindex(b"\n", 0, -1) + 1], "size_mismatch"),
    ],
    ids=["a changed byte", "cut at the end of a row"],
)
def test_a_file_that_is_not_the_vendors_is_not_stored(
    product: Product, marketo: Twin, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    """The bytes change on their way: the file is fetched three times, and no file is left."""
    marketo.post("load", {"leads": [{"email": f"p{number}@example.com"} for number in range(5)]})
    put = product.objects.put

    def put_spoilt(key: str, content: bytes) -> None:
        put(key, spoil(content))

    product.objects.put = put_spoilt  # type: ignore[method-assign]  # the wire is not ours to change
    run = product.drive(marketo_extract())

    assert (run.step, run.reason) == (Step.FAILED, reason)
    assert f"{run.folder}/extract.csv" not in product.objects.contents
    assert len(marketo.calls_of("GET", f"{EXPORTS}{run.job}/file.json")) == 3


def test_a_request_that_the_subscription_does_not_offer_ends_the_run(product: Product, marketo: Twin) -> None:
    """1035 at the making of the job: the run fails with Marketo's code, and keeps nobody else waiting."""
    marketo.post("limits", {"export_optional_filters": False})
    wanted = marketo_extract(filter={"updatedAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-02T00:00:00Z"}})
    run = product.drive(wanted)

    assert (run.step, run.reason) == (Step.FAILED, "marketo_1035")
    assert product.runs.turns == {}


def dies_at(product: Product, name: str, after: int) -> None:
    """Die at a step of this name, after it was passed so many times."""
    passed = 0
    inner = product.steps

    def step(point: str) -> None:
        nonlocal passed
        inner(point)
        if point == name:
            passed += 1
            if passed == after:
                raise Crash(point)

    product.runs._step = step


def until_parked(product: Product, wanted: BulkOrder) -> Answer:
    """Invoke until the run is parked."""
    for _ in range(MOST_STEPS):
        answer = product.use_case(wanted, lambda: 600.0)
        if answer.as_dict()["parked"]:
            return answer
        product.advance(answer.next.wait_seconds)
    message = "never parked"
    raise AssertionError(message)


@pytest.mark.pain("P29")
def test_more_extracts_than_places_share_two_slots_and_all_end_as_soon_as_they_can(
    product: Product, marketo: Twin
) -> None:
    """As many objects begin at once as would fill Marketo's places one and a half times: no run fails, no job is made
    twice, each file is complete, and all take at most a fifth longer than the two slots need for them."""
    marketo.post("load", {"leads": [{"email": f"p{number}@example.com"} for number in range(20)]})
    marketo.post("limits", {"export_run_seconds": RUNS_FOR})
    waiting = {f"extract-{number}": marketo_extract(f"extract-{number}") for number in range(EXTRACTS)}
    begun, ended = product.now(), list[Run]()
    due = dict.fromkeys(waiting, begun)
    words = set[str]()
    for _ in range(EXTRACTS * RUNS_FOR // TICK):
        for name in [each for each in waiting if due[each] <= product.now()]:
            answer = product.use_case(waiting[name], lambda: 600.0)
            due[name] = product.now() + timedelta(seconds=answer.next.wait_seconds)
            words.add(answer.next.waiting.value)
            if answer.run.over:
                ended.append(answer.run)
                del waiting[name]
        if not waiting:
            break
        product.advance(TICK)
    took = (product.now() - begun).total_seconds()

    assert (len(ended), {run.step for run in ended}, {run.counts.rows for run in ended}) == (
        EXTRACTS,
        {Step.DONE},
        {20},
    )
    assert "queue_full" in words
    assert jobs_made(marketo, f"{EXPORTS}create.json") == EXTRACTS
    assert took <= 1.2 * EXTRACTS / 2 * RUNS_FOR
