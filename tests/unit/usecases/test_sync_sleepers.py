"""Runs of Syncs whose processes fall asleep, are overtaken, or end while something that they sent is on its way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.syncing import Step, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.errors import RateLimitedError, UncertainWriteError
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

LATER = "20260302T130000Z"


def loading() -> SyncWorld:
    """A run that is about to load its one partition."""
    world = SyncWorld()
    for number in range(3):
        world.row(number)
    world.start()
    world.drive(until=Step.LOAD)
    return world


def overtaken(world: SyncWorld) -> None:
    """Another process takes the partition."""
    world.steps.on_step = lambda _: None
    world.runs.take_part(world.sync.id, SLOT, 1)


def test_an_overtaken_process_that_is_refused_ends_quietly() -> None:
    """Its refusal is not stored, since the partition is another process's by now."""
    world = loading()
    world.destination.errors = {"find": [(RateLimitedError("slower", vendor="marketo", code="606"), False)]}
    world.steps.on_step = lambda name: overtaken(world) if name == "destination.find" else None
    world.step(parts=(1,))

    part = world.runs.parts(world.sync.id, SLOT)[0]
    assert (part.epoch, part.waiting) == (2, Waiting.NOT)
    assert world.drive().totals == Totals(created=3)


@pytest.mark.parametrize(("asleep", "written"), [(10, 3), (20, 0)])
def test_a_process_that_fell_asleep_over_its_intent_stores_it_once_more(asleep: int, written: int) -> None:
    """A quarter of the time in which writes show themselves is left; behind it whoever was overtaken writes nothing."""
    world = loading()

    def sleep(name: str) -> None:
        if name == "syncs.save_part.done" and world.runs._parts[world.sync.id, SLOT][1].intent is not None:
            overtaken(world)
            world.clock.advance(asleep)

    world.steps.on_step = sleep
    world.step(parts=(1,))

    assert len(world.destination.records) == written


def test_a_cancelled_run_ends_when_nothing_that_it_sent_can_arrive_any_more() -> None:
    """Its lease is kept until then, so that the next run does not look too early; its processes are fenced."""
    world = loading()
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.destination.errors = {"create": [(lost, False)]}
    world.step(parts=(1,))
    world.starting().ask(world.sync.id, SLOT, Asked.CANCEL)
    answer = world.step()

    assert (answer["step"], answer["waiting"]) == ("load", Waiting.SETTLING)
    assert 0 < answer["wait_seconds"] <= 60
    assert world.start(LATER).because == f"running: {SLOT}"
    assert world.runs.parts(world.sync.id, SLOT)[0].epoch == 2
    assert world.drive().step is Step.CANCELLED
    assert world.destination.records == []
    assert world.start(LATER).started


def test_the_lease_of_a_run_that_is_just_being_begun_is_respected() -> None:
    """Whoever took it begins the run within five minutes, or has died; then the next start takes it."""
    world = SyncWorld()
    world.row(1)
    world.runs.take(world.sync.id, SLOT, world.runs.standing(world.sync.id), world.clock.now())
    assert world.start(LATER).because == f"running: {SLOT}"

    world.clock.advance(301)
    assert world.start(LATER).started
    assert world.drive(LATER).totals == Totals(created=1)


def test_what_an_overtaken_process_stores_takes_no_ones_place() -> None:
    """The outcomes that count are those of the process whose chunk is counted, whoever stores later."""
    world = loading()

    def other(name: str) -> None:
        if name == "objects.put":
            world.steps.on_step = lambda _: None
            # all of it happens while the first process sleeps over its first file
            world.step(parts=(1,))

    world.steps.on_step = other
    world.step(parts=(1,))
    run = world.drive()

    assert run.totals == Totals(created=3)
    assert {line["outcome"] for line in world.results().values()} == {"created"}
    part = world.runs.parts(world.sync.id, SLOT)[0]
    assert set(part.tellers) == {2}
    assert replace(part, tellers=()).teller(0) == 1


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("create_and_update", ["B", "C"], Totals(created=1, updated=1)),
        ("create_and_update", ["B", "B"], Totals(created=1, unchanged=1)),
        ("create", ["B", "C"], Totals(created=1, skipped=1)),
    ],
)
def test_rows_of_one_key_in_one_file_meet_what_the_earlier_ones_make(
    rule: str, values: list[str], expected: Totals
) -> None:
    """The first row makes the record, the second updates it, or is skipped, as if both had been written one by one."""
    sync = a_sync(dedupe="import_everything", import_rule=rule, by={"load": "bulk"})
    world = SyncWorld(sync)
    for number, value in enumerate(values):
        world.row(number, Email="same@example.com", LastName=value)
    world.start()
    world.drive(until=Step.LOAD)
    world.step(parts=(1,))

    assert world.runs.parts(sync.id, SLOT)[0].totals == expected


def test_a_row_that_equals_the_record_is_written_after_one_that_changes_it() -> None:
    """The record holds A; rows of one file say B, then A: both are written, so that the last one counts."""
    world = SyncWorld(a_sync(dedupe="import_everything", by={"load": "bulk"}))
    world.destination.records = [{"id": "1", "email": "same@example.com", "lastName": "A"}]
    for number, value in enumerate(["B", "A"]):
        world.row(number, Email="same@example.com", LastName=value)
    world.start()
    world.drive(until=Step.LOAD)
    world.step(parts=(1,))

    assert world.runs.parts(world.sync.id, SLOT)[0].totals == Totals(updated=2)
    assert world.clock.now() - NOON < timedelta(minutes=1)


def beside(world: SyncWorld, name: str, act: Callable[[], object]) -> None:
    """When the next process comes to an operation, others do something before it goes on."""

    def step(taken: str) -> None:
        if taken == name:
            world.steps.on_step = lambda _: None
            act()

    world.steps.on_step = step


def test_a_page_of_a_process_that_was_overtaken_takes_the_place_of_none() -> None:
    """A process reads a page and sleeps; another one reads all of them, of a source that has changed since."""
    world = SyncWorld()
    for number in range(6):
        world.row(number)
    world.start()
    world.step()

    def overtake() -> None:
        del world.source.rows[1]
        world.step()
        assert world.run().step is Step.PARTITION

    beside(world, "objects.put", overtake)
    world.step()
    run = world.drive()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=5)), run.message
    assert sorted(world.held()) == [f"p{number}@example.com" for number in (0, 2, 3, 4, 5)]


def test_partitions_of_a_process_that_was_overtaken_take_the_place_of_none() -> None:
    """A process partitions one page of two, as its time is up, and sleeps; another one partitions both."""
    world = SyncWorld()
    for number in range(6):
        world.row(number)
    world.start()
    world.step()
    world.step()
    beside(world, "objects.put", world.step)
    world.step(remaining=1.0)
    run = world.drive()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=6)), run.message


def test_deletions_of_a_process_that_was_overtaken_take_the_place_of_none() -> None:
    """A process lists deletions and sleeps; another one lists them, of which the first ones are told no more."""
    world = SyncWorld(a_sync(dedupe="import_everything", extraction="incremental", deletes="delete"))
    for number in range(6):
        world.row(number)
    world.ran()
    world.clock.advance(3600)
    at = world.clock.now() - timedelta(seconds=1800)
    for number in range(6):
        world.source.deleted.append((world.source.rows[number][0], at))
    world.source.rows.clear()
    slot = "20260302T130000Z"
    world.start(slot)
    while not world.run(slot).listing:
        world.step(slot)

    def overtake() -> None:
        del world.source.deleted[0]
        world.step(slot)

    beside(world, "objects.put", overtake)
    world.step(slot)
    run = world.drive(slot)

    assert (run.step, run.totals) == (Step.DONE, Totals(deleted=5)), run.message
    assert sorted(world.held()) == ["p0@example.com"]
