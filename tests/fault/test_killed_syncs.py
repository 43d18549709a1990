"""Processes of a run of a Sync die before or after any of their I/O operations; nothing is lost or there twice."""

from datetime import timedelta

import pytest

from leadbridge.domain.syncing import Step, Totals
from leadbridge.errors import UncertainWriteError
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash

MOST_POINTS = 400
LATER = "20260302T130000Z"


def a_world() -> SyncWorld:
    """Seven rows: one is there as it is, one has changed, two are of one key; the others are new."""
    world = SyncWorld(a_sync(dedupe="import_everything", extraction="incremental"))
    for number in range(6):
        world.row(number)
    world.row(6, Email="p5@example.com")
    world.destination.records += [
        {"id": "901", "email": "p0@example.com", "lastName": "Name 0"},
        {"id": "902", "email": "p1@example.com", "lastName": "Old"},
    ]
    return world


def complete(world: SyncWorld) -> None:
    """Every row has its outcome once, every key its record once, and the watermark is where the run began."""
    run = world.run()
    assert (run.step, run.pulled, run.totals.rows) == (Step.DONE, 7, 7), run
    assert sorted(world.results()) == [1, 2, 3, 4, 5, 6, 7]
    held = world.held()
    assert held == {f"p{number}@example.com": f"Name {number}" for number in range(5)} | {"p5@example.com": "Name 6"}
    assert world.runs.standing(world.sync.id).watermark == NOON


@pytest.mark.fault("FA05")
@pytest.mark.parametrize("calls", [1, 3])
def test_a_process_may_die_at_any_point_of_a_run(calls: int) -> None:
    """For every operation in turn: the process dies there, another goes on, and the end is the one of a quiet run.

    Rows are told as created that a process has created and did not live to tell. A chunk is one call of each kind, or
    three of them.
    """
    for point in range(1, MOST_POINTS):
        world = a_world()
        world.chunk_calls, world.destination.rows = calls, 4 if calls == 1 else 2
        world.steps.arm(point)
        try:
            world.start()
        except Crash:
            world.start()
        world.drive()
        armed, world.steps.die_at = world.steps.die_at, None
        complete(world)
        # the second row of a key is written in a chunk of its own, after the first
        assert world.run().totals == Totals(created=4, updated=2, unchanged=1), point
        if armed is not None:
            assert point > 60
            return
    pytest.fail("the run has more points than are looked at")


@pytest.mark.fault("FA15")
def test_two_processes_load_one_partition_and_the_older_one_stores_nothing_more() -> None:
    """A process sleeps in the midst of a chunk while another takes its partition: each row is written once."""
    world = a_world()
    world.start()
    world.drive(until=Step.LOAD)
    slept: list[str] = []

    def overtake(name: str) -> None:
        if name == "destination.find.done" and not slept:
            slept.append(name)
            world.step(parts=(1,))

    world.steps.on_step = overtake
    world.step(parts=(1,))
    world.drive()

    complete(world)


@pytest.mark.fault("FA14")
def test_a_run_whose_lease_went_to_another_moves_no_watermark() -> None:
    """What a run of an older epoch has read is written, but its watermark does not overwrite the newer one's."""
    world = a_world()
    world.start()
    world.drive(until=Step.COMMIT)
    standing = world.runs.standing(world.sync.id)
    world.runs.take(world.sync.id, LATER, standing, world.clock.now())
    run = world.drive()

    assert (run.step, run.reason) == (Step.FAILED, "lease_lost")
    assert world.runs.standing(world.sync.id).watermark is None
    assert world.runs.standing(world.sync.id).holder == LATER


@pytest.mark.fault("FS16")
def test_a_lost_answer_and_a_death_together_double_nothing() -> None:
    """The creation was carried out, its answer lost, and the process that hears of it dies at any point."""
    for point in range(1, 40):
        world = a_world()
        lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
        world.destination.errors = {"create": [(lost, True)]}
        world.start()
        world.drive(until=Step.LOAD)
        world.steps.arm(point)
        world.drive()
        world.steps.disarm()
        complete(world)


def test_a_slow_process_waits_before_it_looks_for_what_another_began() -> None:
    """An intent of a moment ago may not show yet: nothing is looked for before the vendor shows it."""
    world = a_world()
    world.start()
    world.drive(until=Step.LOAD)
    world.steps.die_of("destination.create.done")
    begun = world.clock.now()
    with pytest.raises(Crash):
        world.step(parts=(1,))
    found_at: list[timedelta] = []
    world.steps.on_step = lambda name: (
        found_at.append(world.clock.now() - begun) if name == "destination.find" else None
    )
    world.step(parts=(1,))

    assert found_at[0] >= timedelta(seconds=60)
    assert world.run(SLOT).totals.rows == 7
