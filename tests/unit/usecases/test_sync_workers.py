"""How the partitions of a run are dealt to workers, and how far each of those goes."""

from collections.abc import Callable

import pytest

from leadbridge.domain import partitioning
from leadbridge.domain.carried import Asked
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, Totals
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.fakes.steps import Crash

ROWS = 40


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> SyncWorld:
    """A run of many small partitions, which are about to be loaded."""
    monkeypatch.setattr(partitioning, "ROWS", 5)
    made = SyncWorld()
    for number in range(ROWS):
        made.row(number)
    made.start()
    made.drive(until=Step.LOAD)
    return made


def finished(world: SyncWorld) -> set[int]:
    """The partitions that are through."""
    return {part.number for part in world.runs.parts(world.sync.id, SLOT) if part.finished}


def test_each_open_partition_goes_to_one_worker(world: SyncWorld) -> None:
    """Two workers wait for the rate of Marketo: they share eight partitions; the next round has those that are left."""
    first, second = world.step(begin=True)["lanes"]
    assert (first, second) == ([1, 3, 5, 7], [2, 4, 6, 8])

    world.step(parts=tuple(first))
    assert finished(world) == set(first)
    assert world.step()["lanes"] == [[2, 6], [4, 8]]

    world.step(parts=tuple(second))
    assert world.drive().totals == Totals(created=ROWS)


def test_a_partition_that_kills_its_process_keeps_no_other_waiting(world: SyncWorld) -> None:
    """What somebody has begun comes last in the next round, whether he died of it or not."""
    world.steps.die_of("destination.create")
    with pytest.raises(Crash):
        world.step(parts=(1, 3, 5, 7))

    assert world.step()["lanes"] == [[2, 4, 6, 8], [3, 5, 7, 1]]
    assert world.drive().totals == Totals(created=ROWS)


def hurry(world: SyncWorld) -> None:
    """The first partition takes all the time that there is."""
    world.left = 80.0


def stop(world: SyncWorld) -> None:
    """Somebody cancels the run."""
    world.starting().ask(world.sync.id, SLOT, Asked.CANCEL)


@pytest.mark.parametrize("meanwhile", [hurry, stop])
def test_a_worker_begins_no_further_partition_without_time_or_leave(
    world: SyncWorld, meanwhile: Callable[[SyncWorld], None]
) -> None:
    """What is in its first partition is stored; the others are left as they are."""
    world.steps.on_step = lambda name: meanwhile(world) if name == "destination.create" else None
    answer = world.step(parts=(1, 2, 3))

    assert answer == {"parts": 1}
    assert [part.number for part in world.runs.parts(world.sync.id, SLOT)] == [1]
    assert {line["outcome"] for line in world.results().values()} == {Outcome.CREATED}


@pytest.mark.fault("FA18")
@pytest.mark.parametrize(("told", "parts"), [({}, ()), ({"part": 3}, (3,)), ({"part": [3, 5]}, (3, 5))])
def test_an_execution_of_before_may_ask_for_one_partition(told: dict[str, object], parts: tuple[int, ...]) -> None:
    """A definition that is under way names a number; it finds the partitions one by one in each answer."""
    assert SyncOrder.parse({"sync": "s", "slot": SLOT} | told).parts == parts


@pytest.mark.fault("FA18")
def test_an_execution_of_before_finds_each_open_partition(world: SyncWorld) -> None:
    """The member that its map reads is there as long as such executions may be."""
    assert world.step(begin=True)["open"] == list(range(1, 9))
