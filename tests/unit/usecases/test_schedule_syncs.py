"""Schedules of Syncs: entries made, changed and removed with them, every slot a run, none beside them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.lifecycle import Move
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, Totals
from leadbridge.usecases.schedule_syncs import ScheduleSyncs
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash
from tests.fakes.syncs import InMemorySchedules


class Scheduled(SyncWorld):
    """A Sync with a schedule, and the scheduler's entries."""

    def __init__(self, schedule: dict[str, Any] | None, *, active: bool = True, **members: Any) -> None:
        super().__init__(a_sync(dedupe="import_everything", schedule=schedule, **members), active=active)
        self.schedules = InMemorySchedules()

    def keep(self) -> ScheduleSyncs:
        """The use-case."""
        return ScheduleSyncs(
            configurations=self.documents, schedules=self.schedules, start=self.starting(), clock=self.clock
        )

    def fire(self, at: datetime) -> bool:
        """A fire of the scheduler, which is followed by a whole run where it starts one."""
        told = self.starting().fired(self.sync.id, at.isoformat())
        if told.started:
            self.drive(told.slot)
        return told.started


@pytest.mark.cap("S33")
@pytest.mark.parametrize("late", [0, 60])
def test_runs_of_an_interval_start_every_so_often_however_late_a_fire_is(late: int) -> None:
    """On time each run starts at its slot; one that is called a minute late starts then, and delays none behind it.

    The scheduler calls within the minute that is meant, in words that name it.
    """
    world = Scheduled({"every": {"minutes": 15}})
    world.keep()()
    entry = world.schedules.entries[world.sync.id]
    assert entry.start is not None
    slots = [entry.start + timedelta(minutes=15 * each) for each in range(4)]

    for number, at in enumerate(slots):
        world.clock.set(at + timedelta(seconds=late if number == 1 else 0))
        assert world.fire(at)

    assert entry.expression == "rate(15 minutes)"
    assert [slot for _, slot, _ in world.starter.started] == [f"{at:%Y%m%dT%H%M%SZ}" for at in slots]
    begun = [run.started_at for run in reversed(world.results_of().runs(world.sync.id))]
    assert [at - slot for at, slot in zip(begun, slots, strict=True)] == [
        timedelta(seconds=late if number == 1 else 0) for number in range(4)
    ]


@pytest.mark.cap("S34", "S35")
def test_an_interval_is_an_entry_whose_fires_are_slots() -> None:
    """Every fifteen minutes from the next slot on, until the end; in quiet hours a fire starts nothing."""
    schedule = {
        "every": {"minutes": 15},
        "start": "2026-03-02T12:20",
        "end": "2026-03-02T14:00",
        "quiet": [{"from": "13:00", "to": "13:30"}],
    }
    world = Scheduled(schedule)
    world.keep()()
    entry = world.schedules.entries[world.sync.id]
    fires = [entry.start + timedelta(minutes=15 * each) for each in range(12)] if entry.start else []

    assert entry.expression == "rate(15 minutes)"
    assert entry.start == NOON + timedelta(minutes=20)
    started = []
    for at in fires:
        world.clock.set(at)
        if world.fire(at):
            started.append(f"{at:%H:%M}")
    assert started == ["12:20", "12:35", "12:50", "13:35", "13:50"]


@pytest.mark.cap("S41")
def test_a_run_obeys_the_version_that_it_began_with_and_the_next_one_the_next() -> None:
    """Import rule, dedupe rule, mappings, filter and schedule are changed while a run is at work: it obeys, and
    stores, the version that it began with; the fires after it are those of the new one."""

    def version(name: str, minutes: int, left_out: str, **members: Any) -> Sync:
        mappings = [{"to": "email", "column": "Email"}, {"to": "lastName", "template": f"{name} {{{{ LastName }}}}"}]
        clause = {"column": "LastName", "operator": "not_equals", "value": left_out}
        filtered = {"mappings": mappings, "conditions": {"clauses": [clause]}, "extraction": "full"}
        return a_sync(schedule={"every": {"minutes": minutes}}, **filtered | members)

    first, second = (
        version("Old", 60, "Two", import_rule="create", dedupe="ignore_duplicates"),
        version("New", 20, "Three", import_rule="create_and_update", dedupe="oldest"),
    )
    world = Scheduled(None)
    world.documents.put(first)
    world.keep()()
    for number, name in enumerate(("One", "Two", "Three", "Twin", "Twin")):
        email = f"{name}@example.com".lower()
        world.row(number, Email=email, LastName=name, CreatedDate=f"2026-01-0{number + 1}T00:00:00Z")
    one, between = NOON + timedelta(hours=1), NOON + timedelta(minutes=100)

    world.clock.set(one)
    told = world.starting().fired(world.sync.id, one.isoformat())
    world.drive(told.slot, until=Step.LOAD)
    assert world.starting().fired(world.sync.id, between.isoformat()).slot == told.slot
    world.documents.put(second)
    world.keep()()
    old = world.drive(told.slot)
    assert (old.version, old.totals) == (2, Totals(created=2, skipped=1, duplicate=2))
    assert world.held() == {"one@example.com": "Old One", "three@example.com": "Old Three"}

    world.clock.set(between)
    assert world.fire(between)
    [new, _] = world.results_of().runs(world.sync.id)
    assert (new.slot, new.version) == (f"{between:%Y%m%dT%H%M%SZ}", 3)
    assert new.totals == Totals(created=2, updated=1, skipped=1, duplicate=1)
    assert world.held() == {
        "one@example.com": "New One",
        "two@example.com": "New Two",
        "three@example.com": "Old Three",
        "twin@example.com": "New Twin",
    }


@pytest.mark.fault("FA12")
def test_a_double_fire_and_a_late_one_are_of_one_slot() -> None:
    """The second fire of a slot starts nothing, also seconds later and after the run has ended."""
    world = Scheduled({"every": {"minutes": 15}})
    at = NOON + timedelta(minutes=15)
    world.clock.set(at)

    assert world.fire(at)
    assert not world.fire(at + timedelta(seconds=40))
    assert len(world.starter.started) == 1


def test_days_in_between_start_nothing() -> None:
    """Every seven days, activated on a Monday: its entry begins with the coming Thursday, and what fires on the days
    before and after starts nothing, neither an older slot nor one whose run is long gone."""
    world = Scheduled({"every": {"days": 7}})
    world.row(1)
    world.keep()()
    entry = world.schedules.entries[world.sync.id]
    first = datetime(2026, 3, 5, tzinfo=NOON.tzinfo)
    assert entry.expression == "cron(0 0 * * ? *)"
    assert entry.start == first - timedelta(minutes=1)

    started = []
    for day in range(-2, 16):
        at = first + timedelta(days=day)
        world.clock.set(at)
        if world.fire(at):
            started.append(day)
        world.runs.expire()
    assert started == [0, 7, 14]


def test_a_missed_fire_is_made_good_by_the_next_slot() -> None:
    """Nobody heard of a slot: what changed before it is carried over by the run after it."""
    world = Scheduled({"every": {"days": 1}})
    day = datetime(2026, 3, 3, tzinfo=NOON.tzinfo)
    world.row(1)
    world.clock.set(day)
    assert world.fire(day)
    world.changed(2, day + timedelta(hours=1))
    world.clock.set(day + timedelta(days=2, hours=-2))
    assert not world.fire(day + timedelta(days=1, hours=22))

    world.clock.set(day + timedelta(days=2))
    assert world.fire(day + timedelta(days=2))
    assert sorted(world.held()) == ["p1@example.com", "p2@example.com"]


@pytest.mark.parametrize(
    ("schedule", "expression", "zone"),
    [
        ({"every": {"hours": 2}}, "rate(120 minutes)", "UTC"),
        ({"every": {"minutes": 1}}, "rate(1 minute)", "UTC"),
        ({"every": {"days": 1}, "start": "2026-01-01T06:30"}, "cron(30 6 * * ? *)", "Europe/Berlin"),
        ({"once": "2026-12-01T08:00"}, "at(2026-12-01T07:00:00)", "UTC"),
    ],
)
def test_schedules_in_the_schedulers_words(schedule: dict[str, Any], expression: str, zone: str) -> None:
    """Minutes and hours pass, days are of the Sync's zone, a moment is in UTC."""
    world = Scheduled(schedule, time_zone="Europe/Berlin")
    world.keep()()
    entry = world.schedules.entries[world.sync.id]

    assert (entry.expression, entry.zone) == (expression, zone)


@pytest.mark.cap("S32")
def test_a_run_once_starts_at_its_time_and_never_again() -> None:
    """Nothing before the time of the Sync's zone, one run at it, no entry afterwards."""
    world = Scheduled({"once": "2026-03-02T14:00"}, time_zone="Europe/Berlin")
    world.row(1)
    world.keep()()
    assert not world.fire(NOON)
    at = NOON + timedelta(hours=1)
    world.clock.set(at)
    assert world.fire(at)
    assert not world.fire(at)
    world.clock.advance(1)
    world.keep()()

    assert world.schedules.entries == {}
    assert len(world.starter.started) == 1


def test_a_run_once_whose_fire_is_lost_is_begun_all_the_same() -> None:
    """The scheduler delivers nothing: whoever looks after all schedules begins it, once, and takes the entry away."""
    world = Scheduled({"once": "2026-03-02T14:00"})
    world.row(1)
    world.keep()()
    world.clock.set(NOON + timedelta(hours=2, minutes=3))

    world.keep()()
    assert [slot for _, slot, _ in world.starter.started] == ["20260302T140000Z"]
    assert world.schedules.entries == {}
    world.keep()()
    assert world.drive("20260302T140000Z").totals.created == 1
    world.runs.expire()
    world.keep()()
    assert len(world.starter.started) == 1


def test_a_run_once_that_finds_another_at_work_begins_behind_it() -> None:
    """Its fire starts nothing beside the run that somebody has started; once that has ended, it begins."""
    world = Scheduled({"once": "2026-03-02T14:00"})
    world.row(1)
    world.keep()()
    at = NOON + timedelta(hours=2)
    world.clock.set(at - timedelta(minutes=1))
    by_hand = world.starting().now(world.sync.id).slot
    world.drive(by_hand, until=Step.LOAD)
    world.clock.set(at)
    assert not world.fire(at)
    world.clock.advance(240)
    world.keep()()
    assert [slot for _, slot, _ in world.starter.started] == [by_hand]
    assert list(world.schedules.entries) == [world.sync.id]

    world.drive(by_hand)
    world.clock.advance(240)
    world.keep()()
    assert [slot for _, slot, _ in world.starter.started] == [by_hand, "20260302T140000Z"]
    assert world.schedules.entries == {}


def test_a_run_once_that_was_activated_behind_its_time_is_none() -> None:
    """Nobody expects a run at once of a Sync whose time is long past when it is activated."""
    world = Scheduled({"once": "2026-03-02T14:00"}, active=False)
    world.clock.set(NOON + timedelta(hours=3))
    world.documents.move("sync", world.sync.id, Move.ACTIVATE)

    world.keep().one(world.sync.id)
    world.keep()()
    assert world.starter.started == []


@pytest.mark.parametrize("schedule", [{"once": "now"}, {"once": "2026-03-02T12:01"}, None])
def test_a_run_whose_execution_has_died_goes_on_in_another(schedule: dict[str, Any] | None) -> None:
    """Nothing else would ever start a Sync that runs once or by hand: who looks after schedules sees to it."""
    world = Scheduled(schedule)
    world.row(1)
    world.keep()()
    world.clock.set(NOON + timedelta(minutes=1))
    world.keep()()
    if schedule is None:
        world.starting().now(world.sync.id)
    [(_, slot, name)] = world.starter.started
    world.drive(slot, until=Step.LOAD)
    world.clock.advance(400)
    world.keep()()
    assert len(world.starter.started) == 1

    world.starter.dead.add(name)
    world.keep()()
    world.keep()()
    [_, (_, again, other)] = world.starter.started
    assert again == slot
    assert other != name
    assert world.drive(slot).totals.created == 1
    world.clock.advance(400)
    world.starter.dead.add(other)
    world.keep()()
    assert len(world.starter.started) == 2


@pytest.mark.cap("S31")
def test_a_run_once_now_starts_with_the_activation_and_never_again() -> None:
    """One run at once, no entry; looking after all schedules later starts none, a new version starts its own."""
    world = Scheduled({"once": "now"})
    world.row(1)
    keep = world.keep()
    keep.one(world.sync.id)
    keep()
    assert [slot for _, slot, _ in world.starter.started] == ["now-v1"]
    world.drive("now-v1")
    world.clock.advance(3600)
    keep()

    assert world.schedules.entries == {}
    assert len(world.starter.started) == 1


@pytest.mark.parametrize("once", ["now", "2026-03-02T12:00"])
def test_a_run_once_is_not_begun_again_when_it_is_gone(once: str) -> None:
    """A month later the run has expired: a fire starts nothing, neither by the same process nor late; a new version
    that says so does."""
    world = Scheduled({"once": once})
    assert world.fire(NOON)
    world.runs.expire()
    world.clock.advance(30 * 24 * 3600)

    world.keep()()
    assert not world.fire(NOON)
    assert len(world.starter.started) == 1

    world.documents.put(a_sync(name="Another", dedupe="import_everything", schedule={"once": "now"}))
    world.keep()()
    world.keep()()
    assert [slot for _, slot, _ in world.starter.started[1:]] == ["now-v2"]


def test_a_run_once_that_was_not_begun_or_not_noted_is() -> None:
    """Its process died before the run was stored: the next look begins it. One that has ended unnoted, as before this
    was noted, is not begun again."""
    world = Scheduled({"once": "now"})

    for point in ("syncs.begin", "syncs.note_once"):
        world.steps.die_of(point)
        with pytest.raises(Crash):
            world.keep()()
    assert [slot for _, slot, _ in world.starter.started] == ["now-v1"]
    assert world.drive("now-v1").step is Step.DONE
    assert world.runs.standing(world.sync.id).once == 0

    world.keep()()
    world.runs.expire()
    world.keep()()
    assert len(world.starter.started) == 1


def test_entries_are_changed_and_removed_with_their_syncs_and_mended() -> None:
    """A new interval replaces the entry, deactivation and deletion remove it, what was lost is there again."""
    world = Scheduled({"every": {"minutes": 15}})
    keep = world.keep()
    assert keep() == 1
    assert keep() == 0

    world.documents.put(a_sync(dedupe="import_everything", schedule={"every": {"minutes": 20}}))
    assert keep.one(world.sync.id)
    assert world.schedules.entries[world.sync.id].expression == "rate(20 minutes)"

    world.schedules.entries.clear()
    assert keep() == 1

    world.documents.move("sync", world.sync.id, Move.DEACTIVATE)
    assert keep.one(world.sync.id)
    assert world.schedules.entries == {}

    world.documents.move("sync", world.sync.id, Move.ACTIVATE)
    keep()
    world.documents.remove("sync", world.sync.id)
    keep()
    assert world.schedules.entries == {}


def test_a_fire_of_what_is_gone_starts_nothing() -> None:
    """An entry that outlives its Sync for a moment does no harm."""
    world = Scheduled({"every": {"minutes": 15}})
    world.documents.move("sync", world.sync.id, Move.DEACTIVATE)
    assert not world.fire(NOON)
    world.documents.remove("sync", world.sync.id)
    assert not world.fire(NOON)
