"""Bulk runs from their order to their end, on in-memory ports."""

import csv
import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Counts, Policy, Step
from leadbridge.errors import AuthenticationError, ConfigurationError, QuotaExhaustedError, TransientError
from leadbridge.ports import Piece
from leadbridge.usecases import bulk_files
from tests.builders.bulk import SOURCE, BulkWorld, an_order, rows_of
from tests.fakes.clock import NOON

LINES = [b"%d,a%d@example.com\r\n" % (number, number) for number in range(300)]
FILE = b"id,email\r\n" + b"".join(LINES)


@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_an_extract_is_one_checked_file(vendor: str) -> None:
    """However many pieces it came in, the file is there once, as the vendor has it, with its rows and checksum."""
    world = BulkWorld(vendor, file=FILE, columns=("email", "id"), page_rows=70)
    run = world.drive(an_order(vendor=vendor))
    stored = world.objects.contents[run.output]

    assert list(world.objects.contents) == ["runs/sync-1/sync-1-slot-7/extract.csv"]
    assert stored.replace(b"\r\n", b"\n") == FILE.replace(b"\r\n", b"\n")
    assert (run.digest, run.size) == (hashlib.sha256(stored).hexdigest(), len(stored))
    assert run.counts == Counts(rows=300, done=300)


@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_each_row_of_an_import_has_its_end_beside_it(vendor: str) -> None:
    """Rows that failed carry the vendor's text, warned ones are done and warned; the counts add up."""
    names = [f"p{number}" for number in range(20)]
    names[3], names[11], names[17] = "bad1", "odd1", "bad2"
    world = BulkWorld(vendor, source=rows_of(*names))
    run = world.drive(an_order("import", vendor))
    lines = list(csv.DictReader(world.objects.contents[f"{run.folder}/results-00001.csv"].decode().splitlines()))
    ends = {int(line["row"]): line for line in lines if line["outcome"] != "warned"}

    assert sorted(ends) == list(range(1, 21))
    assert {row for row, line in ends.items() if line["outcome"] == "failed"} == {4, 18}
    assert all("refused" in ends[row]["reason"] for row in (4, 18))
    warned = 1 if vendor == "marketo" else 0
    assert run.counts == Counts(rows=20, done=18, failed=2, warned=warned)
    assert [line["row"] for line in lines if line["outcome"] == "warned"] == ["12"] * warned
    assert sorted(world.objects.contents) == [SOURCE, *(f"{run.folder}/results-0000{part}.csv" for part in (0, 1))]


def test_an_import_goes_in_parts_and_a_row_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is a job of its own, one after the other; results name rows by their place in the source."""
    small = replace(bulk_files.RULES["marketo"], max_bytes=100)
    monkeypatch.setattr(bulk_files, "RULES", {"marketo": small})
    source = rows_of("a", "bad1", "b", "x" * 90, "c", "bad2", "d")
    world = BulkWorld(source=source)
    run = world.drive(an_order("import"))

    assert run.parts == len(world.vendor.made) > 1
    assert all(len(job.sent or b"") <= 100 for job in world.vendor.made)
    assert run.counts == Counts(rows=7, done=4, failed=2, rejected=1)
    failed = [line for part in range(1, run.parts + 1) for line in world.results(run, part) if ",failed," in line]
    assert [line.split(",")[0] for line in failed] == ["2", "6"]
    (rejected,) = world.results(run, 0)
    assert rejected.startswith("4,rejected,,row_too_large")


@pytest.mark.parametrize(
    ("request_", "sent"),
    [({}, b"a,,x"), ({"blank": "clear"}, b"a,null,x"), ({"clear": "x"}, b"a,,null")],
    ids=["blank leaves", "blank clears", "a word clears"],
)
def test_blank_cells_mean_what_the_order_says(request_: dict[str, str], sent: bytes) -> None:
    """A blank cell leaves its field, or empties it; one word of the caller's choice empties it too."""
    world = BulkWorld(source=b"name,email,city\r\na,,x\r\n")
    world.drive(an_order("import", request=request_))
    assert (world.vendor.made[0].sent or b"").splitlines()[1] == sent


def test_rows_that_a_failed_job_never_came_to_are_sent_again() -> None:
    """Salesforce tells what it did not process: those rows alone go into a second job; each row has one end."""
    world = BulkWorld("salesforce", source=rows_of("a", "bad1", "b", "c", "d", "e"))
    world.vendor.faults.ends = ["Failed"]
    run = world.drive(an_order("import", "salesforce"))
    lines = [line.split(",")[:2] for part in (1, 2) for line in world.results(run, part)]

    assert run.step is Step.DONE
    assert run.counts == Counts(rows=6, done=5, failed=1)
    assert sorted(int(row) for row, _ in lines) == [1, 2, 3, 4, 5, 6]
    assert world.vendor.written == ["a", "b", "c", "d", "e"]


def test_an_import_that_failed_tells_of_each_row_what_is_known() -> None:
    """Marketo names rows that failed; whether the others of a failed job were written, nobody knows: uncertain."""
    world = BulkWorld(source=rows_of("bad1", "a", "b", "c"))
    world.vendor.faults.ends = ["Failed"]
    run = world.drive(an_order("import"))

    assert (run.step, run.reason, run.message) == (Step.FAILED, "job_failed", "the vendor's own words")
    assert run.counts == Counts(rows=4, failed=1, uncertain=3)
    assert [line.split(",")[1] for line in world.results(run, 1)] == ["failed", "uncertain", "uncertain", "uncertain"]


@pytest.mark.fault("FB01")
@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_an_export_that_is_stuck_is_cancelled(vendor: str) -> None:
    """A job that runs on and on is given up at the vendor after the bound, and the run says so; nothing is stored."""
    world = BulkWorld(vendor, file=FILE, run_seconds=10**6, policy=Policy(stuck_after=timedelta(hours=2)))
    run = world.drive(an_order(vendor=vendor))

    assert (run.step, run.reason) == (Step.FAILED, "job_stuck")
    assert [job.word for job in world.vendor.made] == ["Cancelled"]
    assert world.clock.now() - NOON < timedelta(hours=2, minutes=10)
    assert world.objects.contents == {}
    assert world.meter.of("BulkJobsStuck", vendor=vendor) == 1


@pytest.mark.fault("FB02")
@pytest.mark.parametrize(
    ("words", "ends", "reason", "message"),
    [
        ([], ["Failed"], "job_failed", "the vendor's own words"),
        ([], ["Canceled"], "job_cancelled", "state Canceled"),
        ([], ["Cancelled"], "job_cancelled", "state Cancelled"),
        (["Paused"] * 3, [], "unknown_state", "state Paused"),
    ],
)
def test_a_job_that_ends_badly_ends_the_run_with_the_vendors_reason(
    words: list[str], ends: list[str], reason: str, message: str
) -> None:
    """Failed and cancelled, in both spellings, are final at once; an unknown word at its third look."""
    world = BulkWorld(file=FILE)
    world.vendor.faults.words, world.vendor.faults.ends = words, ends
    run = world.drive(an_order())

    assert (run.step, run.reason, run.message) == (Step.FAILED, reason, message)


@pytest.mark.fault("FB04")
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_file_that_does_not_fit_its_checksum_is_fetched_again(times: int) -> None:
    """Up to twice the file is fetched anew; the third time the run fails. No file is stored that was not checked."""
    world = BulkWorld(file=FILE)
    world.vendor.faults.files = [FILE.replace(b"a7@", b"z7@")] * times
    run = world.drive(an_order())

    assert (run.step, run.reason) == ((Step.FAILED, "checksum_mismatch") if times == 3 else (Step.DONE, ""))
    assert (f"{run.folder}/extract.csv" in world.objects.contents) == (times < 3)


@pytest.mark.fault("FB06")
def test_a_file_cut_at_the_end_of_a_row_is_noticed_by_its_count() -> None:
    """A page that lacks a row parses, but the vendor counted one more: nothing of the file counts."""
    world = BulkWorld("salesforce", file=FILE, page_rows=400)
    whole = world.vendor._page

    def cut(content: bytes, start: int) -> Piece:
        piece = whole(content, start)
        return replace(piece, content=piece.content[: piece.content.rindex(b"\n", 0, -1) + 1])

    world.vendor._page = cut  # type: ignore[method-assign]  # the wire loses the last row
    run = world.drive(an_order(vendor="salesforce"))

    assert (run.step, run.reason) == (Step.FAILED, "row_count_mismatch")
    assert f"{run.folder}/extract.csv" not in world.objects.contents


@pytest.mark.fault("FB07")
@pytest.mark.parametrize(("times", "made", "reason"), [(1, 2, ""), (2, 2, "file_gone")])
def test_a_file_that_is_gone_is_made_again_once(times: int, made: int, reason: str) -> None:
    """The first time a second job is made; if its file is gone too, the run tells so."""
    world = BulkWorld(file=FILE)
    world.vendor.faults.files_gone = times
    run = world.drive(an_order())

    assert (len(world.vendor.made), run.reason) == (made, reason)
    assert run.step is (Step.FAILED if reason else Step.DONE)


@pytest.mark.fault("FB08")
@pytest.mark.parametrize("operation", ["create", "start"])
def test_a_spent_quota_parks_the_run_until_it_resets(operation: str) -> None:
    """The run is parked with the reason, asks nothing until the reset, and then goes on where it was."""
    world = BulkWorld(file=FILE)
    reset = NOON + timedelta(hours=17)
    world.vendor.faults.add(operation, QuotaExhaustedError("500 MB", resets_at=reset, vendor="marketo", code="1029"))
    order = an_order()
    answer = world.step(order)
    if operation == "start":
        answer = world.step(order)
    told = answer.as_dict()

    assert (told["parked"], told["waiting"], told["wait_seconds"]) == (True, "quota", 17 * 3600)
    # whoever is parked keeps nobody else from making a job
    assert world.runs.turns == {}
    calls = list(world.vendor.calls)
    world.clock.advance(3600)
    assert world.step(order).as_dict()["wait_seconds"] == 16 * 3600
    assert world.vendor.calls == calls
    assert world.drive(order).step is Step.DONE
    assert len(world.vendor.made) == 1


def test_a_full_queue_parks_the_run_and_is_tried_again() -> None:
    """1029 and 1016 are no failures: the run is parked for a minute or more and asks again; one job in the end."""
    for kind, operation, code in (("extract", "start", "1029"), ("import", "create", "1016")):
        world = BulkWorld(file=FILE, source=rows_of("a"))
        for _ in range(3):
            world.vendor.faults.add(operation, TransientError("full", vendor="marketo", code=code))
        run = world.drive(an_order(kind))
        parked = [answer.as_dict() for answer in world.answers if answer.as_dict()["waiting"] == "queue_full"]

        assert (run.step, len(world.vendor.made)) == (Step.DONE, 1)
        assert [each["wait_seconds"] for each in parked] == [60, 120, 240]
        assert all(each["parked"] for each in parked)


@pytest.mark.fault("FB14")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"email,id", ""),
        (b"extra,email,id", ""),
        (b"id,mail", "schema_drift"),
    ],
    ids=["moved", "one more", "one missing"],
)
def test_columns_are_found_by_name(header: bytes, reason: str) -> None:
    """Columns may move and come on top; one that was asked for and is missing ends the run, and the file is kept."""
    cells = b",".join(b"x" for _ in header.split(b","))
    world = BulkWorld(file=header + b"\r\n" + cells + b"\r\n", columns=("id", "email"))
    run = world.drive(an_order())

    assert run.reason == reason
    assert (f"{run.folder}/piece-00001" in world.objects.contents) == bool(reason)
    if reason:
        assert "email" in run.message


def test_what_a_person_must_mend_stops_the_execution_and_not_the_run() -> None:
    """A refused login is an error of the execution; when it is mended, a new one goes on with the same job."""
    world = BulkWorld(file=FILE)
    order = an_order()
    world.until(order, Step.POLL)
    world.clock.advance(60)
    world.vendor.faults.add("look", AuthenticationError("refused", vendor="marketo"))
    with pytest.raises(AuthenticationError):
        world.step(order)

    assert world.drive(order).step is Step.DONE
    assert len(world.vendor.made) == 1


def test_a_disabled_connection_parks_the_run() -> None:
    """Nothing is asked while the connection is disabled; within five minutes of its enabling the run goes on."""
    world = BulkWorld(file=FILE)
    order = an_order()
    world.until(order, Step.POLL)
    world.clock.advance(60)
    world.vendor.disabled = True
    calls = list(world.vendor.calls)
    told = world.step(order).as_dict()

    assert (told["parked"], told["waiting"], told["wait_seconds"]) == (True, "connection_disabled", 300)
    assert world.vendor.calls == calls
    world.vendor.disabled = False
    assert world.drive(order).step is Step.DONE


def test_a_name_stands_for_one_order() -> None:
    """The same run with another request is refused; the same order gives the run that is there."""
    world = BulkWorld(file=FILE)
    run = world.drive(an_order())

    assert world.drive(an_order()) == run
    with pytest.raises(ConfigurationError, match="name of its own"):
        world.step(an_order(request={"filter": {}}))


def test_the_first_question_of_an_execution_changes_nothing() -> None:
    """An execution begins by asking where the run is, wherever another one left it."""
    world = BulkWorld(file=FILE)
    begun = world.step(an_order(begin=True))
    assert (begun.next.step, begun.turns, world.vendor.calls) == (Step.CREATE, 0, [])

    world.until(an_order(), Step.FETCH)
    assert world.step(an_order(begin=True)).next.step is Step.FETCH


def test_a_long_run_asks_for_a_new_execution() -> None:
    """After so many turns, and only if the run is not over, the machine is told to go on in a new execution."""
    world = BulkWorld(file=FILE)
    assert not world.step(an_order(turns=498)).renew
    assert world.step(an_order(turns=499)).renew
    world.drive(an_order())
    assert not world.step(an_order(turns=499)).renew


def test_fetching_stops_before_its_time_is_up_and_goes_on_where_it_was() -> None:
    """With little time left one piece is fetched and stored; the next process fetches the rest, no piece twice."""
    world = BulkWorld(file=FILE)
    order = an_order()
    world.until(order, Step.FETCH)
    hurried = world.use_case(order, lambda: 10.0)
    assert (hurried.next.step, hurried.run.pieces) == (Step.FETCH, 1)

    run = world.drive(order)
    assert run.step is Step.DONE
    assert world.vendor.calls.count("fetch") == run.pieces == -(-len(FILE) // 1000)


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        ({"run": "with space"}, "run"),
        ({"run": "x" * 61}, "run"),
        ({"vendor": "hubspot"}, "vendor"),
        ({"object": "../leads"}, "object"),
        ({"prefix": ""}, "prefix"),
        ({"source": "a.csv"}, "source"),
        ({"kind": "import", "source": ""}, "source"),
        ({"kind": "delete"}, "kind"),
    ],
)
def test_an_order_that_is_none_is_refused_by_name(members: dict[str, str], finding: str) -> None:
    """Nothing is stored for an order with a wrong member; the finding names the member."""
    order = {"run": "r", "kind": "extract", "vendor": "marketo", "connection": "c", "object": "leads", "prefix": "p"}
    with pytest.raises(ConfigurationError) as refused:
        BulkOrder.parse(order | members)
    assert any(each.startswith(finding) for each in refused.value.findings)


def test_an_answer_stays_small() -> None:
    """What a state machine carries names files and counts rows; it is far below the 256 KB of a state."""
    world = BulkWorld(source=rows_of(*(f"bad{number}" for number in range(2000))))
    world.vendor.faults.ends = ["Failed"]
    world.drive(an_order("import", prefix="p" * 500))
    assert max(len(json.dumps(answer.as_dict())) for answer in world.answers) < 3_000
