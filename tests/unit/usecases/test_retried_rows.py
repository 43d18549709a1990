"""The failed rows of a run: whose they are, and tried once more without any other row."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.errors import ConfigurationError
from leadbridge.usecases import failed_rows, sync_results
from leadbridge.usecases.failed_rows import Failed, failed_lines
from leadbridge.usecases.sync_results import SyncResults
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

REFUSED = RowResult(ok=False, code="1003", message="no such value", resolution=Resolution.REJECT)


def a_world(*refused: int, rows: int = 9, sync: Sync | None = None) -> SyncWorld:
    """A run has ended in which the destination refused some rows, once."""
    world = SyncWorld(sync)
    for number in range(1, rows + 1):
        world.row(number)
    for number in refused:
        world.destination.refusals[f"p{number}@example.com"] = [REFUSED]
    world.ran()
    world.destination.written.clear()
    world.clock.advance(3600)
    return world


def failed(world: SyncWorld, slot: str = SLOT) -> list[Failed]:
    """The failed rows of a run as people see them."""
    results = SyncResults(documents=world.documents, runs=world.runs, objects=world.objects)
    return list(results.failed(world.sync.id, slot))


def retried(world: SyncWorld, slot: str = SLOT) -> SyncRun:
    """A retry of a run, at its end."""
    told = world.starting().retry(world.sync.id, slot)
    assert told.started
    return world.drive(told.slot)


def test_a_failed_row_says_whose_it_is() -> None:
    """Number in the extract, id of the source's record, reason and message, wherever in the extract it lies."""
    world = a_world(2, 8)

    assert [(each.row, each.source_id, each.reason) for each in sorted(failed(world), key=lambda each: each.row)] == [
        (2, "002", "marketo_1003"),
        (8, "008", "marketo_1003"),
    ]
    assert all("no such value" in each.message for each in failed(world))


def test_a_retry_reads_and_writes_the_failed_rows_only() -> None:
    """Two rows of nine failed: the retry pulls two, with what the source holds by now, and leaves the watermark."""
    world = a_world(2, 8, sync=a_sync(dedupe="import_everything", extraction="incremental"))
    before = world.runs.standing(world.sync.id).watermark
    columns, at, shown = world.source.rows[1]
    world.source.rows[1] = (dict(columns) | {"LastName": "Mended"}, at, shown)
    world.row(10)
    run = retried(world)

    assert (run.step, run.retry_of, run.pulled, run.totals) == (Step.DONE, SLOT, 2, Totals(created=2))
    assert world.held()["p2@example.com"] == "Mended"
    assert len(world.held()) == 9
    assert sum(world.destination.written) == 2
    assert before is not None
    assert world.runs.standing(world.sync.id).watermark == before
    assert world.runs.standing(world.sync.id).holder == ""


def test_what_fails_again_can_be_tried_again() -> None:
    """A retry is a run like any other: its own failed rows have their ids, and another retry reads those."""
    world = a_world(2, 8)
    world.destination.refusals["p8@example.com"] = [REFUSED]
    first = retried(world)
    world.clock.advance(60)

    assert first.totals == Totals(created=1, failed=1)
    assert [each.source_id for each in failed(world, first.slot)] == ["008"]
    second = retried(world, first.slot)
    assert (second.pulled, second.totals) == (1, Totals(created=1))


def test_rows_that_are_gone_from_the_source_are_told() -> None:
    """Of two rows one is there still: it is written, and the message says how many are not."""
    world = a_world(2, 8)
    del world.source.rows[1]
    run = retried(world)

    assert (run.step, run.totals, run.reason) == (Step.DONE, Totals(created=1), "rows_gone")
    assert run.message == "1 of the 2 rows that were to be tried again are no longer in the source."


def test_many_ids_are_asked_for_in_several_requests_and_a_death_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two ids a request and a death at each point in turn, each row is written once."""
    monkeypatch.setattr(failed_rows, "IDS", {"salesforce": 2, "marketo": 2})
    monkeypatch.setattr(failed_rows, "AT_ONCE", 3)
    for point in range(1, 60, 4):
        world = a_world(*range(1, 8))
        told = world.starting().retry(world.sync.id, SLOT)
        world.steps.arm(point)
        run = world.drive(told.slot)

        assert (run.step, run.pulled, run.totals.rows, run.totals.failed) == (Step.DONE, 7, 7, 0)
        assert len(world.held()) == 9


def test_without_failed_rows_run_or_activation_nothing_is_retried() -> None:
    """A sentence says why, and nothing is started."""
    world = a_world()
    with pytest.raises(ConfigurationError, match="no row of the run"):
        world.starting().retry(world.sync.id, SLOT)
    with pytest.raises(ConfigurationError, match="has no run nowhen"):
        world.starting().retry(world.sync.id, "nowhen")
    world = a_world(2)
    world.documents.move("sync", world.sync.id, Move.DEACTIVATE)
    with pytest.raises(ConfigurationError, match="activate"):
        world.starting().retry(world.sync.id, SLOT)
    assert len(world.starter.started) == 1


def test_a_run_at_work_another_source_or_one_without_single_rows_is_not_retried() -> None:
    """The run has to be over, of the source that the Sync has by now, and the vendor has to give single rows."""
    world = a_world(2)
    world.start("20260302T140000Z")
    with pytest.raises(ConfigurationError, match="is at work; wait for its end"):
        world.starting().retry(world.sync.id, "20260302T140000Z")
    world.drive("20260302T140000Z")
    world.documents.put(a_sync(source={"connection": "crm", "object": "Lead"}))
    with pytest.raises(ConfigurationError, match="another source by now"):
        world.starting().retry(world.sync.id, SLOT)

    members = {"connection": "marketing", "object": "list_members", "static_list": "Some"}
    world = SyncWorld(a_sync(to_salesforce=True, source=members))
    world.start()
    stored, version = world.runs.get(world.sync.id, SLOT) or pytest.fail("no run")
    world.runs.save(ended_with_failures(stored), version)
    with pytest.raises(ConfigurationError, match="does not give single list_members; run the Sync"):
        world.starting().retry(world.sync.id, SLOT)


def ended_with_failures(run: SyncRun) -> SyncRun:
    """A run that is over, of whose rows one failed."""
    return replace(run, step=Step.DONE, ended_at=NOON + timedelta(minutes=1), totals=Totals(failed=1))


def test_failed_rows_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored together comes together; all pages hold each failed row once."""
    monkeypatch.setattr(sync_results, "PAGE", 2)
    world = a_world(*range(1, 8))
    results = SyncResults(documents=world.documents, runs=world.runs, objects=world.objects)
    found: list[Failed] = []
    begin = 0
    while True:
        page = results.failed_page(world.sync.id, SLOT, begin)
        found += page.rows
        if not page.following:
            break
        begin = page.following

    assert begin > 0
    assert sorted(each.row for each in found) == list(range(1, 8))
    assert sorted(found, key=lambda each: each.row) == sorted(failed(world), key=lambda each: each.row)


def test_failed_rows_as_csv_hold_no_formula() -> None:
    """A cell that a spreadsheet would carry out becomes text; every other cell stays as it is."""
    rows = [
        Failed(row=number, source_id="003", reason="marketo_1003", message=message)
        for number, message in enumerate(["=1+1", "+1", "-1", "@a", "\tx", "\r=1", '"=1"', "a=1, b"], start=1)
    ]
    found = list(csv.reader(io.StringIO("".join(failed_lines(rows)), newline="")))

    assert found[0] == ["row", "source_id", "reason", "message"]
    assert [line[3] for line in found[1:]] == ["'=1+1", "'+1", "'-1", "'@a", "'\tx", "'\r=1", '"=1"', "a=1, b"]
    assert [line[0] for line in found[1:]] == [str(number) for number in range(1, 9)]


def test_rows_that_were_left_out_are_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Duplicates and skipped rows are told apart, each with its number and the id of its source record; so in a CSV."""
    monkeypatch.setattr(failed_rows, "AT_ONCE", 2)
    world = SyncWorld(a_sync(dedupe="ignore_duplicates"))
    for number in range(1, 4):
        world.row(number, Email="same@example.com")
    world.row(4)
    world.row(5, Email="")
    run = world.ran()
    results = sync_results.SyncResults(documents=world.documents, runs=world.runs, objects=world.objects)
    listed = {outcome: list(results.rows(run.sync, run.slot, outcome)) for outcome in failed_rows.LISTED}

    assert {
        name: sorted((each.row, each.source_id, each.reason) for each in found) for name, found in listed.items()
    } == {
        "skipped": [(5, "005", "identifier_missing")],
        "duplicate": [(number, f"{number:03}", "duplicate_row") for number in range(1, 4)],
        "handed_over": [],
    }
    assert list(failed_rows.listed_lines(listed["skipped"])) == [
        "row,source_id,id,reason,message\r\n",
        '5,005,,identifier_missing,"Skipped: the row has no value in Email, so no record can be matched."\r\n',
    ]
