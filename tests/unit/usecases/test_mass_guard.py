"""The guard against mass damage: a run that would do too much writes nothing until a person confirms it."""

import csv
import re
from typing import Any

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.mass_guard import Tally, exceeded, may_exceed
from leadbridge.domain.sync import Guard
from leadbridge.domain.sync_progress import members
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError, QuotaExhaustedError
from leadbridge.usecases.sync_files import import_key, part_key
from leadbridge_cli.run_bar import sentence
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.bulk import FakeBulkVendor
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash

LATER = "20260302T130000Z"
MOST_POINTS = 300
CLEARING = [
    {"to": "email", "column": "Email"},
    {"to": "lastName", "column": "LastName", "blank": "clear"},
]


def a_world(rows: int = 6, *, differing: int = 3, last_name: str | None = None, **members: Any) -> SyncWorld:
    """So many rows, all of which the destination has, some with another name; the source may lack all names."""
    world = SyncWorld(a_sync(dedupe="import_everything", **members))
    for number in range(rows):
        world.row(number, **({} if last_name is None else {"LastName": last_name}))
        name = "Other" if number < differing else f"Name {number}"
        world.destination.records.append({"id": f"{900 + number}", "email": f"p{number}@example.com", "lastName": name})
    return world


def parked(world: SyncWorld, slot: str = SLOT) -> SyncRun:
    """A run is started, and parks at its guard."""
    world.start(slot)
    for _ in range(20):
        answer = world.step(slot, begin=True)
        if answer["waiting"] == Waiting.GUARD:
            assert (answer["parked"], answer["wait_seconds"]) == (True, 60)
            return world.run(slot)
        for number in answer["open"]:
            world.step(slot, parts=(number,))
        world.step(slot)
    pytest.fail(f"not parked: {world.run(slot)}")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"guard": {"changed_percent": 0}, "differing": 3},
            "the run would change 3 records (the limit is 0 % of 6 records)",
        ),
        (
            {"guard": {"blanked_percent": 0}, "mappings": CLEARING, "last_name": ""},
            "the run would empty 6 values (the limit is 0 % of 6 records)",
        ),
        (
            {"rows": 480, "differing": 121},
            "the run would change 121 records (the limit is 25 % of 480 records)",
        ),
        (
            {"rows": 101, "mappings": CLEARING, "last_name": "", "guard": {"changed_percent": 100}},
            "the run would empty 101 values (the limit is 1 % of 101 records)",
        ),
    ],
    ids=["changed, as written", "emptied, as written", "changed, by default", "emptied, by default"],
)
def test_a_run_that_would_do_too_much_parks_and_says_how_much(members: dict[str, Any], said: str) -> None:
    """Nothing is written, the run says what it would do and the limit, and its counts tell of no write."""
    world = a_world(**members)
    run = parked(world)

    assert (run.reason, run.message.partition(";")[0]) == ("guard", said)
    assert world.destination.written == []
    assert run.totals == Totals()
    assert world.start(LATER).because == f"running: {SLOT}"


def test_a_run_that_was_confirmed_goes_on_and_says_nothing_more_of_it() -> None:
    """What was counted is written, all of it; the reason is gone from the run."""
    world = a_world(guard={"changed_percent": 0})
    parked(world)
    world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
    run = world.drive()

    assert (run.step, run.totals, run.reason, run.message) == (Step.DONE, Totals(updated=3, unchanged=3), "", "")
    assert world.held()["p0@example.com"] == "Name 0"


def test_a_parked_run_can_be_cancelled_and_paused() -> None:
    """Paused and resumed it stands where it stood, unconfirmed; cancelled it ends without a write."""
    world = a_world(guard={"changed_percent": 0})
    parked(world)
    starting = world.starting()
    starting.ask(world.sync.id, SLOT, Asked.PAUSE)
    world.step()
    with pytest.raises(ConfigurationError, match="waits for no confirmation"):
        starting.ask(world.sync.id, SLOT, Asked.CONFIRM)
    starting.ask(world.sync.id, SLOT, Asked.NOTHING)
    assert world.step()["waiting"] == Waiting.GUARD
    starting.ask(world.sync.id, SLOT, Asked.CANCEL)
    run = world.drive()

    assert (run.step, run.totals, world.destination.written) == (Step.CANCELLED, Totals(), [])
    assert world.runs.standing(world.sync.id).holder == ""


@pytest.mark.parametrize("pause", [False, True])
def test_a_run_waits_for_a_person_as_long_as_its_files_are_there(pause: bool) -> None:  # or at the guard
    """After thirteen days it fails and says so, writes nothing, and the next run may begin."""
    world = a_world(guard={"changed_percent": 0}, extraction="incremental")
    parked(world)
    if pause:
        world.starting().ask(world.sync.id, SLOT, Asked.PAUSE)
    world.clock.advance(13 * 86_400)
    world.step()
    assert not world.run().over
    world.clock.advance(120)
    world.step()

    assert (world.run().step, world.run().reason) == (Step.FAILED, "held_too_long")
    assert (world.destination.written, world.runs.standing(world.sync.id).holder) == ([], "")
    assert world.runs.standing(world.sync.id).watermark is None


def test_a_run_whose_rows_are_gone_is_not_done() -> None:
    """Files that were removed while it waited: it fails with both numbers, and its watermark stays."""
    world = a_world(guard={"changed_percent": 0}, extraction="incremental")
    parked(world)
    world.objects.delete([part_key(world.run(), 1, 1)])
    world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
    run = world.drive()

    assert (run.step, run.reason) == (Step.FAILED, "rows_missing")
    assert "6 rows were pulled, and 0 have an outcome" in run.message
    assert world.runs.standing(world.sync.id).watermark is None


def test_who_cancelled_is_heard_whoever_confirms_then() -> None:
    """A confirmation takes back neither a cancellation nor a pause that the run has not heard yet."""
    world = a_world(guard={"changed_percent": 0})
    parked(world)
    starting = world.starting()
    starting.ask(world.sync.id, SLOT, Asked.CANCEL)
    starting.ask(world.sync.id, SLOT, Asked.CONFIRM)
    run = world.drive()

    assert (run.step, world.destination.written) == (Step.CANCELLED, [])


def test_nothing_can_be_confirmed_before_it_is_counted() -> None:
    """A confirmation of a run that is at work is refused, and the run parks all the same."""
    world = a_world(guard={"changed_percent": 0})
    world.start()
    with pytest.raises(ConfigurationError, match="waits for no confirmation"):
        world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
    parked(world)


def test_a_process_may_die_at_any_point_before_the_guard() -> None:
    """Whatever dies while it is counted: nothing is written before the confirmation, and the numbers are the same."""
    for point in range(1, MOST_POINTS):
        world = a_world(guard={"changed_percent": 0})
        world.start()
        world.steps.arm(point)
        for _ in range(20):
            try:
                answer = world.step(begin=True)
                if answer["waiting"] == Waiting.GUARD:
                    break
                for parts in answer["lanes"]:
                    world.step(parts=tuple(parts))
                world.step()
            except Crash:
                continue
        died = world.steps.die_at is None
        world.steps.disarm()
        assert "change 3 records" in world.run().message, point
        assert world.destination.written == [], point
        if not died:
            assert point > 40
            return
    pytest.fail("there are more points than are looked at")


def test_counting_goes_on_after_a_spent_quota_where_it_was() -> None:
    """A chunk that was looked at is not looked at again, and what it would change is counted once."""
    world = a_world(guard={"changed_percent": 0})
    resets = NOON.replace(hour=18)
    world.start()
    world.drive(until=Step.LOAD)
    seen: list[str] = []
    spent = QuotaExhaustedError("spent", vendor="marketo", code="607", resets_at=resets)
    world.destination.rows = 2

    def refuse(name: str) -> None:
        seen.append(name)
        if name == "destination.find" and seen.count(name) == 2:
            world.destination.errors["find"] = [(spent, False)]

    world.steps.on_step = refuse
    world.step(parts=(1,))
    assert world.step()["waiting"] == Waiting.QUOTA
    world.clock.advance((resets - world.clock.now()).total_seconds())
    run = parked(world)

    assert "change 3 records" in run.message
    assert seen.count("destination.find") == 4  # three chunks, of which one was refused once


def test_a_run_that_cannot_do_too_much_looks_once() -> None:
    """Up to a hundred rows with mappings that empty nothing: one look at each chunk, as without a guard."""
    world = a_world(rows=8, differing=8)
    seen: list[str] = []
    world.steps.on_step = seen.append
    run = world.ran()

    assert run.totals == Totals(updated=8)
    assert seen.count("destination.find") == 2


def test_percent_are_of_the_sync_where_only_changes_are_read() -> None:
    """What was read as everything is the measure of later runs: a hundred and five changed rows of 480 pass."""
    world = a_world(rows=480, differing=0, extraction="incremental")
    assert world.ran().totals == Totals(unchanged=480)
    world.clock.advance(3600)
    for number in range(105):
        world.changed(number, NOON.replace(minute=30), LastName="Changed")
    world.source.rows = world.source.rows[105:]
    run = world.ran(LATER)

    assert (run.pulled, run.size, run.totals) == (105, 480, Totals(updated=105))


@pytest.mark.parametrize(
    ("tally", "records", "said"),
    [
        (Tally(deletes=100, changed=100, blanked=100), 1, ""),
        (Tally(deletes=101), 10_000_000, "delete 101 records (the limit is 100)"),
        (Tally(changed=2500, blanked=100), 10_000, ""),
        (Tally(changed=2501), 10_000, "change 2501 records (the limit is 25 % of 10000 records)"),
        (Tally(blanked=1001), 100_000, "empty 1001 values (the limit is 1 % of 100000 records)"),
        (
            Tally(deletes=101, changed=2501, blanked=101),
            10_000,
            (
                "delete 101 records (the limit is 100) and empty 101 values (the limit is 1 % of 10000 records)"
                " and change 2501 records (the limit is 25 % of 10000 records)"
            ),
        ),
    ],
)
def test_the_limits_hold_to_the_record(tally: Tally, records: int, said: str) -> None:
    """What is just allowed passes, one more does not; small numbers are not measured by percent."""
    assert exceeded(Guard(), tally, records) == said


@pytest.mark.parametrize(
    ("members", "rows", "records", "expected"),
    [
        ({}, 100, 100, False),
        ({}, 101, 101, True),
        ({}, 101, 404, False),
        ({"import_rule": "create"}, 101, 101, False),
        ({"mappings": CLEARING}, 101, 10_000, True),
        ({"mappings": CLEARING}, 100, 10_000, False),
        ({"guard": {"changed_percent": 0}}, 1, 1, True),
    ],
)
def test_only_runs_that_could_do_too_much_are_counted(
    members: dict[str, Any], rows: int, records: int, expected: bool
) -> None:
    """At worst every row changes its record and empties what can be emptied; new records are no damage."""
    assert may_exceed(a_sync(**members), rows, records) is expected


def test_an_import_is_counted_before_its_file_is_made() -> None:
    """By file: what is decided is counted, and told as nothing done, also of a run that is cancelled then."""
    asking: dict[str, Any] = {"guard": {"changed_percent": 0}, "by": {"load": "bulk"}}
    world = a_world(**asking)
    run = parked(world)
    assert (run.message.partition(" (")[0], run.totals) == ("the run would change 3 records", Totals(unchanged=3))
    world.starting().ask(world.sync.id, SLOT, Asked.CANCEL)
    assert (world.drive().step, world.run().totals) == (Step.CANCELLED, Totals(unchanged=3))

    confirmed = a_world(**asking)
    parked(confirmed)
    confirmed.starting().ask(confirmed.sync.id, SLOT, Asked.CONFIRM)
    assert confirmed.drive(until=Step.JOIN).reason == ""


SCORED: dict[str, Any] = {
    "mappings": [
        *CLEARING[:1],
        {"to": "lastName", "column": "LastName", "blank": "skip"},
        {"to": "score", "column": "Score"},
    ],
    "guard": {"changed_percent": 0},
    "by": {"load": "bulk"},
}


@pytest.mark.parametrize(("days", "sent"), [(3, "Lovelace"), (0, "Name 5")])
def test_rows_of_an_import_are_decided_anew_when_somebody_confirms_it_days_later(days: int, sent: str) -> None:
    """A blank that leaves its field alone sends what the record holds then: not what it held before the wait.

    A run that is confirmed at once is not decided twice.
    """
    world = a_world(**SCORED)
    world.source.rows = [({**row, "Score": "7", "LastName": ""}, at, shown) for row, at, shown in world.source.rows]
    parked(world)
    world.destination.records[5]["lastName"] = "Lovelace"
    world.clock.advance(86_400 * days)
    world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
    run = world.drive(until=Step.LOAD_FILES)

    assert (run.step, run.pulled) == (Step.LOAD_FILES, 6)
    names = {
        row["email"]: row["lastName"]
        for row in csv.DictReader(world.objects.contents[import_key(run)].decode().splitlines())
    }
    assert names["p5@example.com"] == sent
    assert len(names) == 6
    assert run.totals == Totals()


def test_a_process_may_die_at_any_point_while_rows_are_decided_anew() -> None:
    """Whoever follows makes the same file: each row once, with what its record holds by then."""
    for number in range(1, MOST_POINTS):
        world = a_world(**SCORED)
        world.source.rows = [({**row, "Score": "7", "LastName": ""}, at, shown) for row, at, shown in world.source.rows]
        parked(world)
        world.destination.records[5]["lastName"] = "Lovelace"
        world.clock.advance(86_400 * 3)
        world.starting().ask(world.sync.id, SLOT, Asked.CONFIRM)
        world.steps.arm(number)
        run = world.drive(until=Step.LOAD_FILES)
        died = world.steps.die_at is None
        world.steps.disarm()
        lines = list(csv.DictReader(world.objects.contents[import_key(run)].decode().splitlines()))
        assert sorted(line["email"] for line in lines) == [f"p{each}@example.com" for each in range(6)]
        assert {line["lastName"] for line in lines if line["email"] == "p5@example.com"} == {"Lovelace"}
        if not died:
            return
    pytest.fail("there is always another point")


def test_what_an_import_has_written_is_told_also_where_somebody_cancels_meanwhile() -> None:
    """Its refused rows are listed and counted as failed; the run ends as cancelled behind it."""
    world = a_world(by={"load": "bulk"})
    world.bulk_vendors = vendor = FakeBulkVendor(world.clock)
    world.start(SLOT)
    run = world.drive(until=Step.LOAD_FILES)
    assert run.totals == Totals(unchanged=3)
    order = world.step(SLOT, begin=True)["child"]
    world.starting().ask(world.sync.id, SLOT, Asked.CANCEL)
    world.step(SLOT, child=world.bulk(order))
    ended = world.drive()

    assert vendor.made
    assert (ended.step, ended.totals) == (Step.CANCELLED, Totals(unchanged=3, updated=3))


def test_the_command_line_says_why_a_run_waits_without_any_value() -> None:
    """Its line and its JSON have the status, the reason and the numbers."""
    world = a_world(guard={"changed_percent": 0})
    run, now = parked(world), world.clock.now()

    assert "waiting: guard" in sentence(run, now)
    assert "guard: the run would change 3 records (the limit is 0 % of 6 records)" in sentence(run, now)
    assert f"`leadbridge syncs ask confirm {run.sync} {SLOT}` lets it go on" in sentence(run, now)
    assert (members(run, now)["status"], members(run, now)["reason"]) == ("waiting: guard", "guard")
    assert re.search("example|Name|Other", sentence(run, now)) is None
