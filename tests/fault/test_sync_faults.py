"""Faults of time, order and processes in runs of Syncs: nothing is missed and nothing is there twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.syncing import Step, Totals
from leadbridge.errors import PermanentError, TransientError
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash

LATER, LAST = "20260302T130000Z", "20260302T140000Z"
MANY = 10_000


def incremental(**members: Any) -> SyncWorld:
    """A Sync that reads what changed since its last run."""
    return SyncWorld(a_sync(dedupe="import_everything", extraction="incremental", **members))


@pytest.mark.fault("FA12")
@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=3), timedelta(minutes=10)])
def test_a_schedule_that_fires_twice_makes_the_calls_of_one_run(apart: timedelta) -> None:
    """0 ms to 10 minutes apart, before or after the end of the run: one execution, and the calls of a single fire."""
    worlds = [incremental(), incremental()]
    for world in worlds:
        world.row(1)
        world.start()
    quiet, doubled = worlds
    doubled.clock.advance(apart.total_seconds())
    doubled.start()
    assert (quiet.drive().totals, doubled.drive().totals) == (Totals(created=1), Totals(created=1))
    doubled.clock.advance(apart.total_seconds())
    doubled.start()

    assert len(doubled.starter.started) == 1
    assert doubled.run().calls == quiet.run().calls
    assert doubled.destination.written == quiet.destination.written == [1]


@pytest.mark.fault("FA13")
def test_fires_that_were_missed_are_made_good_by_the_next_run() -> None:
    """Three slots pass without a fire: the run after reads from the watermark on, all of it and no row twice."""
    world = incremental()
    world.row(0)
    world.ran()
    for number in range(1, 7):
        world.clock.advance(1800)
        world.changed(number, world.clock.now() - timedelta(seconds=900))
    run = world.ran("20260302T150000Z")

    assert (run.pulled, run.totals) == (6, Totals(created=6))
    assert [(each.since, each.until) for each in world.source.asked][-1] == (
        NOON - timedelta(seconds=60),
        NOON + timedelta(hours=3),
    )
    assert len(world.held()) == 7


def died(world: SyncWorld) -> None:
    """The process that loads dies after its results are stored, before its record says so."""
    world.steps.die_of("syncs.save_part")


def refused(world: SyncWorld) -> None:
    """The vendor is away for one call."""
    world.destination.errors = {"find": [(TransientError("away", vendor="marketo", code="http_502"), False)]}


@pytest.mark.fault("FA17")
@pytest.mark.parametrize("fault", [died, refused])
def test_the_watermark_moves_only_when_every_row_has_its_outcome(fault: Callable[[SyncWorld], None]) -> None:
    """A partition fails, or succeeds and does not live to say so: it is loaded again, and until then nothing moves."""
    world = incremental()
    for number in range(9):
        world.row(number)
    world.start()
    world.drive(until=Step.LOAD)
    fault(world)
    try:
        world.step(parts=(1,))
    except Crash:
        world.steps.disarm()
    world.step()

    assert world.run().step is Step.LOAD
    assert world.runs.standing(world.sync.id).watermark is None

    run = world.drive()
    assert (run.step, run.pulled, run.totals) == (Step.DONE, 9, Totals(created=9))
    assert sorted(world.results()) == list(range(1, 10))
    assert len(world.held()) == 9
    assert world.runs.standing(world.sync.id).watermark == NOON


@pytest.mark.fault("FA17")
def test_a_partition_that_lost_rows_ends_the_run_and_leaves_the_watermark() -> None:
    """The partitions' outcomes are fewer than the rows read: the run says so, and the next one reads all again."""
    world = incremental()
    for number in range(5):
        world.row(number)
    world.start()
    world.drive(until=Step.COMMIT)
    (part,) = world.runs.parts(world.sync.id, SLOT)
    world.runs.save_part(replace(part, totals=Totals(created=4)))
    run = world.drive()

    assert (run.step, run.reason) == (Step.FAILED, "rows_missing")
    assert world.runs.standing(world.sync.id).watermark is None
    world.clock.advance(3600)
    assert world.ran(LATER).totals == Totals(unchanged=5)


@pytest.mark.fault("FT02")
@pytest.mark.pain("P14")
def test_ten_thousand_rows_of_one_moment_at_the_watermark_are_read_once_and_missed_never() -> None:
    """All bear the second at which one run ends and the next begins: each is one record, the overlap writes none."""
    world = incremental(by={"extract": "rest", "load": "rest"})
    world.source.page_rows, world.destination.rows = 2_000, 200
    for number in range(MANY):
        world.changed(number, NOON, Id=f"{number:05}")
    first = world.ran()
    world.clock.advance(3600)
    second = world.ran(LATER)
    world.destination.written.clear()
    world.clock.advance(3600)
    third = world.ran(LAST)

    assert (first.pulled, second.totals) == (0, Totals(created=MANY))
    assert len(world.held()) == MANY
    assert (third.pulled, world.destination.written) == (0, [])


@pytest.mark.fault("FT03")
@pytest.mark.pain("P13")
def test_a_row_that_is_committed_late_with_an_older_moment_is_not_missed() -> None:
    """A transaction began before the run and ends five minutes after it: the run stays behind it, the next reads it."""
    world = incremental()
    world.row(1)
    columns = {"Id": "002", "Email": "p2@example.com", "LastName": "Late"}
    began = NOON - timedelta(minutes=1)
    world.source.rows.append((columns, began, NOON + timedelta(minutes=4)))
    first = world.ran()
    assert (first.totals, world.runs.standing(world.sync.id).watermark) == (Totals(created=1), began)

    world.clock.advance(3600)
    assert world.ran(LATER).totals.created == 1
    assert world.held() == {"p1@example.com": "Name 1", "p2@example.com": "Late"}


@pytest.mark.fault("FT09")
def test_a_sync_that_is_deleted_in_mid_run_ends_on_the_version_it_began_with() -> None:
    """The run writes what its version says, and no fire after it starts another."""
    world = incremental()
    world.row(1)
    world.start()
    world.drive(until=Step.LOAD)
    world.documents.remove("sync", world.sync.id)
    run = world.drive()
    world.clock.advance(3600)

    assert (run.step, run.version, run.totals) == (Step.DONE, 1, Totals(created=1))
    fired = world.starting().fired(world.sync.id, world.clock.now().isoformat())
    assert (fired.started, len(world.starter.started)) == (False, 1)


@pytest.mark.fault("FS18")
def test_a_field_of_the_source_that_is_gone_ends_its_run_and_leaves_the_watermark() -> None:
    """The vendor refuses the second page's query by the field's name: the run fails with it, another one goes on."""
    world = incremental()
    for number in range(7):
        world.row(number)
    gone = PermanentError(
        "No such column 'Title' on sobject of type Contact", vendor="salesforce", code="INVALID_FIELD"
    )
    world.source.errors = [gone]
    run = world.ran()

    assert (run.step, run.reason) == (Step.FAILED, "salesforce_INVALID_FIELD")
    assert "Title" in run.message
    assert world.runs.standing(world.sync.id).watermark is None
    world.clock.advance(3600)
    assert world.ran(LATER).totals == Totals(created=7)
