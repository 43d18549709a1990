"""Runs of CRM cycles: when they begin, in which order they read and write, what parks, and how far watermarks move."""

from datetime import timedelta

import pytest

from leadbridge.cycle_ports import DueRecord, Looked
from leadbridge.domain import cycling
from leadbridge.domain.carried import Asked
from leadbridge.domain.cycle_progress import members, standing_members
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.evolving import replace
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.schedule_entries import tick_of
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step
from leadbridge.domain.three_way import Side
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError, PermanentError, QuotaExhaustedError, TransientError
from leadbridge.usecases.cycle_plans import CyclePlans
from tests.builders.cycles import NAME, CycleWorld, a_cycle
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON

GAP = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
READING = [
    "companies-marketo",
    "companies-salesforce",
    "persons-marketo",
    "persons-salesforce",
    "sales_persons-marketo",
    "sales_persons-salesforce",
]


@pytest.fixture
def world() -> CycleWorld:
    """A cycle that has never run."""
    return CycleWorld()


def test_a_cycle_reads_decides_and_writes_in_the_order_of_the_groups(world: CycleWorld) -> None:
    """All queues are read before anything is written; Salesforce first, then sales persons before companies before
    people, and deletions the other way round."""
    run = world.ran()

    assert (run.step, run.reason) == (CycleStep.DONE, "")
    assert (
        world.carried
        == [
            READING,
            ["persons-salesforce"],
            ["sales_persons-sales_persons"],
            ["companies-companies"],
            ["persons-people"],
            ["persons-people_deleted"],
            ["companies-companies_deleted"],
            ["sales_persons-sales_persons_deleted"],
        ]
        or world.carried[0] == READING
    )
    assert run.rows == dict.fromkeys(READING, 3)
    assert world.meter.of("CycleRunsDone") == 1


def test_what_is_read_in_turn_is_read_before_its_kind_decides_and_behind_the_decisions_of_others(
    world: CycleWorld, subtests: pytest.Subtests
) -> None:
    """Whoever dies there reads on; a kind that cannot be read is parked alone, and its watermark stays."""
    own = ["sales_persons-marketo", "sales_persons-salesforce"]
    others = [name for name in READING if name not in own]
    world.entities["sales_persons"].in_turn = True
    told = world.now()
    world.step(told.slot, begin=True)
    while not world.run(told.slot).orders or world.run(told.slot).step is not CycleStep.DECIDE:
        answer = world.step(told.slot)
        if answer["orders"] and world.run(told.slot).step is CycleStep.READ:
            world.carry(answer["orders"])
    assert world.entities["companies"].told == ["decide"] * 3
    assert world.entities["sales_persons"].told == []

    run = world.drive(told.slot)
    assert (run.step, run.reason, run.rows) == (CycleStep.DONE, "", dict.fromkeys(READING, 3))
    assert world.carried[:2] == [others, own]
    assert set(world.runs.standing("main").watermarks) == set(READING)

    with subtests.test("one that cannot be read is parked, with what depends on it"):
        world.clock.advance(3600)
        world.source.rows.append(({"Id": "1"}, world.clock.now() - MINUTE, world.clock.now()))
        marks = world.runs.standing("main").watermarks
        world.failing["main.sales_persons-marketo"] = "no permission"
        run = world.ran()
        assert (run.step, set(run.parked)) == (CycleStep.FAILED, {"sales_persons", "companies", "persons"})
        assert world.runs.standing("main").watermarks == marks


def test_a_cycle_without_writes_remembers_what_is_in_step_and_writes_nothing(world: CycleWorld) -> None:
    """Nothing is prepared; the watermarks move."""
    for entity in world.entities.values():
        entity.writes = 0

    run = world.ran()

    assert run.step is CycleStep.DONE
    assert world.carried == [READING]
    assert world.entities["persons"].told == ["decide"] * 3 + ["remember"] * 3
    assert set(world.runs.standing("main").watermarks) == set(READING)


@pytest.mark.cap("M110")
def test_a_watermark_is_the_end_of_the_window_that_was_read(world: CycleWorld) -> None:
    """Whole seconds, what the vendor shows completely, never the clock; beside it the newest record. The next window
    begins a little before."""
    shown = NOON - timedelta(minutes=3, milliseconds=250)
    world.source.rows.append(({"Id": "1"}, shown, NOON + timedelta(hours=1)))
    world.ran()

    standing = world.runs.standing("main")
    until = shown.replace(microsecond=0)
    assert standing.watermarks == dict.fromkeys(READING, until)
    assert standing.newest == dict.fromkeys(READING, until)

    world.clock.advance(24 * 3600)
    run = world.ran()
    assert set(run.since.values()) == {until - MINUTE}
    assert (run.bootstrap, run.kind) == (False, "run")


def test_a_queue_in_which_nothing_changed_is_not_read(world: CycleWorld) -> None:
    """Its system says so when it is asked up to when it shows everything; its watermark moves as that of the others."""
    world.ran()
    world.carried.clear()
    world.clock.advance(3600)
    run = world.ran()

    assert (world.carried[0], run.rows) == (["persons-salesforce"], dict.fromkeys(READING, 0))
    assert set(run.idle) == set(READING)
    assert world.runs.standing("main").watermarks == dict.fromkeys(READING, run.started_at.replace(microsecond=0))
    for name in READING:
        read = world.syncs.get(f"main.{name}", run.slot)
        assert read is not None
        assert (read[0].step, read[0].pages, read[0].until) == (Step.DONE, 0, run.started_at.replace(microsecond=0))

    world.clock.advance(3600)
    world.source.rows.append(({"Id": "1"}, world.clock.now() - MINUTE, world.clock.now()))
    run = world.ran()
    assert (run.idle, run.rows) == ((), dict.fromkeys(READING, 3))


def test_a_queue_is_read_once_more_for_pairs_that_work_again(world: CycleWorld) -> None:
    """Nothing changed since its watermark, but before it: while the pairs were aside."""
    world.ran()
    world.carried.clear()
    world.clock.advance(3600)
    slot = world.now().slot
    world.step(slot, begin=True)
    world.step(slot)
    opened, version = world.runs.get("main", slot) or pytest.fail("it is not there")
    assert (opened.step, set(opened.idle)) == (CycleStep.READ, set(READING))
    world.runs.save(replace(opened, again=NOON - GAP), version)

    assert world.drive(slot).rows == dict.fromkeys(READING, 3)


@pytest.mark.cap("M108")
def test_a_stream_that_fails_moves_no_watermark_of_its_own_and_all_of_the_others(world: CycleWorld) -> None:
    """It parks itself and what depends on it, with its reason; the others go on, and the next run reads it again."""
    world.failing["main.companies-salesforce"] = "INVALID_FIELD: No such column"
    run = world.ran()

    assert (run.step, run.reason) == (CycleStep.DONE, "parked")
    assert run.parked == {
        "companies": "main.companies-salesforce: INVALID_FIELD: No such column",
        "persons": "waits for companies",
    }
    assert "companies: main.companies-salesforce: INVALID_FIELD" in run.message
    assert world.carried[1:] == [["sales_persons-sales_persons"], ["sales_persons-sales_persons_deleted"]]
    assert not world.entities["persons"].told
    first = world.runs.standing("main").watermarks
    assert set(first) == {"sales_persons-marketo", "sales_persons-salesforce"}

    world.failing.clear()
    world.clock.advance(24 * 3600)
    assert world.ran().step is CycleStep.DONE
    assert set(world.runs.standing("main").watermarks) == set(READING)


def test_a_pair_that_is_put_aside_is_told_by_one_run_and_stands_while_it_lasts(world: CycleWorld) -> None:
    """The run has the sentence, the meter counts it; later runs are silent."""
    world.entities["companies"].aside["title=Title"] = "it is hidden"
    run = world.ran()

    assert run.warnings == ("companies-object: it is hidden",)
    assert members(run)["warnings"] == ["companies-object: it is hidden"]
    assert world.meter.of("CycleFieldsAside") == 1
    world.clock.advance(3600)
    assert world.ran().warnings == ()
    assert world.meter.of("CycleFieldsAside") == 1
    standing = standing_members(world.cycle, world.runs.standing("main"), world.clock.now())
    assert standing["aside"] == [{"object": "Object", "pair": "title=Title", "why": "it is hidden", "since": None}]


def test_what_is_known_of_a_parked_kind_stays_as_it_was(world: CycleWorld) -> None:
    """Its window is read again, so it is told again, too; the others are known from then on."""
    world.entities["companies"].aside["title=Title"] = "it is hidden"
    world.failing["main.companies-salesforce"] = "no permission"
    world.ran()
    assert set(world.runs.standing("main").schemas) == {"sales_persons.Object"}

    world.failing.clear()
    world.clock.advance(3600)
    assert world.ran().warnings == ("companies-object: it is hidden",)
    assert set(world.runs.standing("main").schemas) == {f"{name}.Object" for name in world.entities}


def test_a_system_that_cannot_be_asked_for_its_schema_is_waited_for(world: CycleWorld) -> None:
    """Nothing is read before; what will not pass by itself parks the kind it was for."""
    world.entities["persons"].errors["look"] = TransientError("away", vendor="salesforce")
    slot = world.now().slot
    waits = world.drive(slot, steps=1)
    assert (waits.step, waits.waiting) == (CycleStep.OPEN, Waiting.VENDOR)
    assert not world.carried

    world.entities["persons"].errors["look"] = PermanentError("hidden", vendor="marketo", code="1006")
    run = world.drive(slot)
    assert (run.step, run.parked) == (CycleStep.DONE, {"persons": "hidden"})
    assert world.carried[0] == [name for name in READING if not name.startswith("persons")]


@pytest.mark.parametrize("where", ["decide", "prepare people", "remember"])
def test_a_kind_that_cannot_go_on_is_parked_wherever_it_stops(world: CycleWorld, where: str) -> None:
    """Persons depend on nobody's good will: the others come to their end."""
    world.entities["persons"].errors[where] = PermanentError("hidden", vendor="marketo", code="1006")
    run = world.ran()

    assert (run.step, set(run.parked)) == (CycleStep.DONE, {"persons"})
    assert "remember" in world.entities["companies"].told
    assert "persons-marketo" not in world.runs.standing("main").watermarks


def test_a_cycle_of_which_nothing_goes_on_has_failed(world: CycleWorld) -> None:
    """The reasons stand in the run; the lease is free."""
    for name in READING:
        world.failing[f"main.{name}"] = "no permission"
    run = world.ran()

    assert (run.step, run.reason) == (CycleStep.FAILED, "all_parked")
    assert world.runs.standing("main").holder == ""
    assert world.meter.of("CycleRunsFailed") == 1


def test_an_execution_that_dies_again_and_again_parks_its_kind(world: CycleWorld) -> None:
    """It is ordered again a few times, alone."""
    world.dying.add("main.persons-people")
    run = world.ran()

    assert run.parked == {"persons": "main.persons-people: its run dies again and again"}
    assert world.carried.count(["persons-people"]) == 6


@pytest.mark.parametrize(
    ("error", "waiting"),
    [
        (QuotaExhaustedError("spent", vendor="marketo", resets_at=NOON + timedelta(hours=3)), Waiting.QUOTA),
        (TransientError("away", vendor="salesforce"), Waiting.VENDOR),
    ],
)
def test_what_passes_by_itself_is_waited_for(world: CycleWorld, error: Exception, waiting: Waiting) -> None:
    """Nothing is parked; the same piece is taken afterwards."""
    world.entities["persons"].errors["decide"] = error  # type: ignore[assignment]  # both are errors of vendors
    told = world.now()
    run = world.drive(told.slot, steps=14)

    assert (run.step, run.entity, run.waiting) == (CycleStep.DECIDE, "persons", waiting)
    assert run.due_at is not None
    world.entities["persons"].errors.clear()
    assert world.drive(told.slot).step is CycleStep.DONE
    assert not world.run(told.slot).parked


# when a cycle begins


@pytest.mark.cap("M085", "M107")
def test_the_next_cycle_begins_a_gap_after_the_last_one_ended(world: CycleWorld) -> None:
    """Start(n+1) = end(n) + gap, to the second, for as many runs as there are; not a moment before."""
    world.ran()
    world.looks = [Looked(why="a person was changed")]
    for _ in range(3):
        ended = world.clock.now()
        world.clock.set(ended + GAP - timedelta(seconds=1))
        assert world.tick().because == "gap"
        world.clock.set(ended + GAP)
        told = world.tick()
        assert told.started
        assert world.run(told.slot).started_at == ended + GAP
        world.clock.advance(777)
        assert world.drive(told.slot).step is CycleStep.DONE


@pytest.mark.parametrize("phase", [0, 1, 30, 59])
def test_a_cycle_begins_at_most_a_minute_late(world: CycleWorld, phase: int) -> None:
    """The scheduler's entry fires once a minute, wherever in the minute the last run ended."""
    assert tick_of("main").expression == "rate(1 minute)"
    world.ran()
    world.looks = [Looked(why="a person was changed")]
    due = world.clock.now() + GAP
    world.clock.advance(phase)
    told = world.tick()
    while not told.started:
        world.clock.advance(60)
        told = world.tick()

    assert timedelta(0) <= world.run(told.slot).started_at - due < MINUTE


def test_ticks_while_a_run_is_at_work_start_nothing(world: CycleWorld) -> None:
    """A person's order neither: overlapping starts collapse."""
    world.ran()
    world.clock.advance(24 * 3600)
    told = world.tick()
    assert told.started

    assert world.tick().because == f"running: {told.slot}"
    assert world.now().because == f"running: {told.slot}"
    assert len(world.starter.started) == 2


@pytest.mark.cap("M089")
def test_nothing_runs_by_itself_before_the_first_run_and_nothing_beside_it(world: CycleWorld) -> None:
    """The first run reads everything, and holds the lease: ticks start nothing before it and while it runs."""
    assert world.tick().because == "not_bootstrapped"
    told = world.now()
    run = world.drive(told.slot, steps=1)
    assert (run.kind, run.since) == ("bootstrap", {})

    world.clock.advance(86_400)
    assert world.tick().because == f"running: {told.slot}"
    assert world.drive(told.slot).step is CycleStep.DONE
    world.clock.advance(24 * 3600)
    assert world.tick().started


@pytest.mark.cap("M089")
def test_the_first_run_can_be_left_out(world: CycleWorld) -> None:
    """From now on: the watermarks are set, nothing is read or written, and the continuous cycle begins."""
    told = world.now(from_now=True)
    run = world.drive(told.slot)

    assert (run.step, run.kind) == (CycleStep.DONE, "from now")
    assert world.carried == []
    assert not any(entity.told for entity in world.entities.values())
    assert set(world.runs.standing("main").watermarks) == set(READING)
    world.clock.advance(24 * 3600)
    assert world.tick().started


def test_the_first_run_reads_nothing_before_the_low_watermark() -> None:
    """It is of the cycle's own clocks."""
    world = CycleWorld(a_cycle(low_watermark="2026-02-10T00:00:00", time_zone="Europe/Berlin"))
    told = world.now()
    run = world.drive(told.slot, steps=1)

    assert {at.isoformat() for at in run.since.values()} == {"2026-02-09T23:00:00+00:00"}
    assert run.made_since == {}


def test_each_kind_of_records_may_begin_somewhere_else() -> None:
    """What Marketo's log tells is a month of it; of more, what was made since is in extracts. Others read all."""
    long_ago = "1999-12-31T00:00:00"
    companies = {"fields": [{"marketo": "company", "salesforce": "Name"}], "low_watermark": long_ago}
    persons = {"id_field": "crmId", "leads": {"fields": [NAME]}, "low_watermark": "2026-02-20T00:00:00"}
    world = CycleWorld(a_cycle(companies=companies, persons=persons))
    told = world.now()
    run = world.drive(told.slot, steps=2)

    begins = {"persons-marketo": "2026-02-20", "persons-salesforce": "2026-02-20", "companies-salesforce": "2007-01-01"}
    assert {name: f"{at:%Y-%m-%d}" for name, at in run.since.items()} == begins
    assert {name: f"{at:%Y-%m-%d}" for name, at in run.made_since.items()} == {"companies-marketo": "2007-01-01"}
    read = {order.removeprefix("main."): world.syncs.get(order, told.slot) for order in run.orders}
    moments = {name: found[0].made_since or found[0].since for name, found in read.items() if found}
    assert {name: f"{at:%Y-%m-%d}" for name, at in moments.items() if at} == begins | {
        "companies-marketo": "2007-01-01"
    }


def test_a_look_that_finds_nothing_starts_nothing_and_is_counted(world: CycleWorld) -> None:
    """From the watermarks of each system on; it goes on where the last one ended, a gap later."""
    world.ran()
    at = world.runs.standing("main").watermarks["persons-marketo"]
    since = {Side.MARKETO: at, Side.SALESFORCE: at}
    for number in (1, 2):
        world.clock.advance(300)
        assert world.tick().because == "idle"
        assert world.tick().because == "gap"
        assert world.runs.standing("main").idle == number
    assert world.looked == [(since, ""), (since, "next")]

    world.looks = [Looked(why="a Lead was changed", token="other")]
    world.clock.advance(300)
    told = world.tick()
    assert told.started
    world.drive(told.slot)
    assert (world.runs.standing("main").idle, world.runs.standing("main").token) == (0, "other")


def test_a_look_that_cannot_be_made_is_made_again_at_the_next_tick(world: CycleWorld) -> None:
    """Nothing is counted as idle that nobody has seen."""
    world.ran()
    world.looks = [TransientError("away", vendor="marketo"), Looked()]
    world.clock.advance(300)

    assert world.tick().because.startswith("not_known: ")
    assert world.runs.standing("main").idle == 0
    assert world.tick().because == "idle"


def test_what_is_announced_waits_for_no_look(world: CycleWorld) -> None:
    """A minute behind a look that found nothing a record that is due begins a run, and nothing else does; behind a run
    it waits for the gap."""
    world.ran()
    ended = world.clock.now()
    world.due.add([DueRecord(side=Side.SALESFORCE, object="Lead", id="0", noted_at=ended)])
    assert world.tick().because == "gap"
    world.due.done(world.due.listed(1))
    world.clock.set(ended + GAP)
    assert world.tick().because == "idle"
    world.clock.advance(60)
    assert world.tick().because == "gap"
    now = world.clock.now()
    later = DueRecord(side=Side.SALESFORCE, object="Lead", id="1", noted_at=now, not_before=now + MINUTE)
    world.due.add([later])
    assert world.tick().because == "gap"

    world.due.add([DueRecord(side=Side.SALESFORCE, object="Lead", id="2", noted_at=now)])
    told = world.tick()
    assert told.started
    assert world.looked[1:] == []
    assert world.drive(told.slot).step is CycleStep.DONE


def test_a_run_is_made_without_a_look_after_a_day_and_for_what_is_due(world: CycleWorld) -> None:
    """Watermarks move at least once a day; a record whose pause is not over is not due."""
    world.ran()
    world.clock.advance(300)
    later = world.clock.now() + timedelta(minutes=10)
    record = DueRecord(side=Side.SALESFORCE, object="Lead", id="1", noted_at=NOON, not_before=later)
    world.due.add([record])
    assert world.tick().because == "idle"
    world.clock.set(later)
    told = world.tick()
    assert told.started
    world.drive(told.slot)
    world.due.done([record])

    looks = len(world.looked)
    world.clock.advance(24 * 3600)
    assert world.tick().started
    assert len(world.looked) == looks


def test_quiet_hours_and_a_cycle_that_is_not_active_start_nothing() -> None:
    """The hours are those of the cycle's own clocks; at their end it begins."""
    world = CycleWorld(a_cycle(quiet=[{"from": "13:30", "to": "14:30"}], time_zone="Europe/Berlin"))
    world.ran()
    world.clock.set(NOON + timedelta(hours=1, minutes=29))
    assert world.tick().because == "quiet"
    world.looks = [Looked(why="a Lead was changed")]
    world.clock.set(NOON + timedelta(hours=1, minutes=30))
    assert world.tick().started

    world.documents.move("crm_cycle", "main", Move.DEACTIVATE)
    assert world.tick().because == "not_active"
    with pytest.raises(ConfigurationError, match="lets it run"):
        world.now()
    assert world.starting().tick("gone").because == "gone"


def test_a_run_that_lost_its_state_machine_is_given_a_new_one(world: CycleWorld) -> None:
    """By the tick that finds it, once; it goes on where it was."""
    told = world.now()
    world.drive(told.slot, steps=3)
    world.starter.dead.add(world.run(told.slot).name)
    assert world.tick().because == f"running: {told.slot}"
    assert len(world.starter.started) == 1

    world.clock.advance(301)
    assert world.tick().because == f"running: {told.slot}"
    assert world.run(told.slot).execution in [name for _, _, name in world.starter.started]
    assert world.drive(told.slot).step is CycleStep.DONE


def test_a_run_whose_lease_somebody_took_moves_nothing(world: CycleWorld) -> None:
    """What it has read the other one reads."""
    told = world.now()
    world.drive(told.slot, steps=4)
    taken = world.runs.take("main", "other", world.runs.standing("main"), NOON)
    assert taken is not None

    run = world.drive(told.slot)
    assert (run.step, run.reason) == (CycleStep.FAILED, "lease_lost")
    assert world.runs.standing("main") == taken


# what people ask


def test_a_paused_run_waits_until_it_is_to_go_on(world: CycleWorld) -> None:
    """And so do the runs of Syncs that it has started."""
    told = world.now()
    world.drive(told.slot, steps=2)
    run = world.starting().ask("main", told.slot, Asked.PAUSE)
    assert run.orders
    assert {found[0].asked for each in run.orders if (found := world.syncs.get(each, told.slot))} == {Asked.PAUSE}
    world.drive(told.slot, steps=3)
    assert world.run(told.slot).waiting is Waiting.PAUSED

    world.starting().ask("main", told.slot, Asked.NOTHING)
    assert world.drive(told.slot).step is CycleStep.DONE


def test_a_cancelled_run_ends_as_soon_as_what_it_started_has_ended(world: CycleWorld) -> None:
    """No watermark moves, and the lease is free only then."""
    told = world.now()
    world.drive(told.slot, steps=2)
    assert world.run(told.slot).orders
    world.starting().ask("main", told.slot, Asked.CANCEL)
    assert world.runs.standing("main").holder == told.slot

    run = world.drive(told.slot)
    assert (run.step, run.reason) == (CycleStep.CANCELLED, "cancelled")
    assert world.runs.standing("main").holder == ""
    assert not world.runs.standing("main").watermarks


@pytest.mark.parametrize("asked", [Asked.NOTHING, Asked.PAUSE])
def test_a_cancelled_run_ends_whoever_resumes_or_pauses_it_then(world: CycleWorld, asked: Asked) -> None:
    """Neither it nor the runs of Syncs that it has started take the cancellation back."""
    told = world.now()
    world.drive(told.slot, steps=2)
    world.starting().ask("main", told.slot, Asked.CANCEL)
    run = world.starting().ask("main", told.slot, asked)

    assert run.asked is Asked.CANCEL
    assert {found[0].asked for each in run.orders if (found := world.syncs.get(each, told.slot))} == {Asked.CANCEL}
    assert world.drive(told.slot).step is CycleStep.CANCELLED


def test_a_run_that_a_guard_holds_goes_on_once_it_is_confirmed(world: CycleWorld) -> None:
    """It is looked at each minute until then; what was confirmed is kept with the run."""
    told = world.now()
    world.drive(told.slot, steps=2)
    found = world.runs.get("main", told.slot)
    assert found is not None
    world.runs.save(cycling.guarded(found[0], "persons changes", "empty 5 values", world.clock.now()), found[1])
    assert world.step(told.slot)["parked"]
    world.clock.advance(61)
    assert (world.step(told.slot)["waiting"], world.run(told.slot).waiting) == ("guard", Waiting.GUARD)

    run = world.starting().ask("main", told.slot, Asked.CONFIRM)
    assert (run.confirmed, run.message, run.waiting) == (("persons changes",), "", Waiting.NOT)
    assert world.drive(told.slot).step is CycleStep.DONE


def asking(world: CycleWorld, slot: str, what: str) -> None:
    """A run that waits at a guard of its own."""
    run, version = world.runs.get("main", slot) or pytest.fail("it is not there")
    world.runs.save(cycling.guarded(run, what, "delete 2 records", world.clock.now()), version)


def test_nobody_confirms_a_guard_that_they_have_not_seen(world: CycleWorld) -> None:
    """Two saw that the run asks about deletions; the later one comes when it asks about changes, and is told so."""
    slot, seen = world.now().slot, ["persons deletions"]
    world.drive(slot, steps=2)
    asking(world, slot, "persons deletions")
    assert world.starting().guards("main", slot) == seen
    world.starting().ask("main", slot, Asked.CONFIRM, seen)
    asking(world, slot, "persons changes")

    with pytest.raises(ConfigurationError, match=r"for something else .* nothing is confirmed: persons changes:"):
        world.starting().ask("main", slot, Asked.CONFIRM, seen)

    assert (world.run(slot).guarded, world.run(slot).confirmed) == ("persons changes", ("persons deletions",))
    world.starting().ask("main", slot, Asked.CONFIRM, ["persons changes"])
    assert world.run(slot).confirmed == ("persons deletions", "persons changes")


@pytest.mark.parametrize("seen", [["persons deletions"], None])
def test_an_order_that_was_overtaken_confirms_no_other_guard(
    world: CycleWorld, monkeypatch: pytest.MonkeyPatch, seen: list[str] | None
) -> None:
    """The run goes on between its being read and the order's being stored; whoever says nothing has seen the first."""
    slot = world.now().slot
    world.drive(slot, steps=2)
    asking(world, slot, "persons deletions")
    starting, save = world.starting(), world.runs.save

    def overtaken(run: CycleRun, version: int) -> int:
        monkeypatch.setattr(world.runs, "save", save)
        asking(world, slot, "persons changes")
        return save(run, version)

    monkeypatch.setattr(world.runs, "save", overtaken)
    with pytest.raises(ConfigurationError, match="nothing is confirmed: persons changes: the run would delete 2"):
        starting.ask("main", slot, Asked.CONFIRM, seen)

    assert (world.run(slot).guarded, world.run(slot).confirmed) == ("persons changes", ())


def test_a_part_is_confirmed_by_who_has_seen_that_it_waits(world: CycleWorld) -> None:
    """One that waits since is told, and none goes on until it was seen, too."""
    slot = world.now().slot
    for _ in range(2):
        world.step(slot)
    first, second = world.run(slot).orders[:2]

    def waits(sync: str) -> None:
        run, version = world.syncs.get(sync, slot) or pytest.fail("it is not there")
        world.syncs.save(replace(run, waiting=Waiting.GUARD, message=f"{sync} would do much"), version)

    def confirmed() -> list[bool]:
        return [found[0].confirmed for each in (first, second) if (found := world.syncs.get(each, slot))]

    waits(first)
    seen = world.starting().guards("main", slot)
    assert seen == [first.removeprefix("main.")]
    waits(second)
    for other in (seen, ["persons deletions"]):
        with pytest.raises(ConfigurationError, match=f"nothing is confirmed: .*{second} would do much"):
            world.starting().ask("main", slot, Asked.CONFIRM, other)
    assert confirmed() == [False, False]

    world.starting().ask("main", slot, Asked.CONFIRM, world.starting().guards("main", slot))
    assert confirmed() == [True, True]


def test_nothing_is_asked_of_a_run_that_is_not_there_or_waits_for_nobody(world: CycleWorld) -> None:
    """Each says so."""
    with pytest.raises(ConfigurationError, match="has no run"):
        world.starting().ask("main", "never", Asked.PAUSE)
    told = world.now()
    with pytest.raises(ConfigurationError, match="waits for no confirmation"):
        world.starting().ask("main", told.slot, Asked.CONFIRM)


def test_a_leg_that_a_cancelled_run_stored_and_never_ordered_is_in_no_later_runs_way(world: CycleWorld) -> None:
    """It gets its end; one that somebody has begun is waited for, and a run that comes late ends no later one."""
    plans = CyclePlans(runs=world.syncs, objects=InMemoryObjects(), clock=world.clock)
    leg = world.entities["persons"].legs()[0]
    first, second, third = (
        CycleRun(cycle="main", slot=f"20260302T12000{number}Z", version=1, epoch=number, started_at=world.clock.now())
        for number in range(3)
    )
    assert plans.begin(first, leg, 0)

    assert plans.begin(second, leg, 0) == SyncOrder(sync=leg.sync.id, slot=second.slot)
    left = world.syncs.get(leg.sync.id, first.slot)
    assert left is not None
    assert (left[0].step, left[0].reason) == (Step.CANCELLED, "cancelled")
    assert world.syncs.standing(leg.sync.id).holder == second.slot

    late = replace(first, slot="20260302T115959Z")
    with pytest.raises(TransientError, match=f"{second.slot} of {leg.sync.id} is still at work"):
        plans.begin(late, leg, 0)
    begun, version = world.syncs.get(leg.sync.id, second.slot) or pytest.fail("it is not there")
    world.syncs.save(replace(begun, seen_at=world.clock.now()), version)
    with pytest.raises(TransientError, match=f"{second.slot} of {leg.sync.id} is still at work"):
        plans.begin(third, leg, 0)


def test_a_long_run_goes_on_in_a_new_execution() -> None:
    """Under a name that no other one has."""
    world = CycleWorld(most_turns=4)
    told = world.now()
    answer = world.step(told.slot, begin=True)
    for _ in range(4):
        if answer["at_work"]:
            world.carry(answer["orders"])
        answer = world.step(told.slot, turns=answer["turns"])

    assert answer["renew"]
    assert answer["renewal"] == world.run(told.slot).carrier != world.run(told.slot).name
    assert world.drive(told.slot).step is CycleStep.DONE
