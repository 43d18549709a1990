"""Schedules of Syncs against both vendor twins: when runs begin, of which version they are, and that none is beside."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, Totals
from leadbridge.usecases.schedule_syncs import ScheduleSyncs
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.syncs import InMemorySchedules
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs

type Build = Callable[..., "Scheduled"]


class Scheduled(WiredSyncs):
    """A Sync with a schedule, whose scheduler is played by `fire`."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, sync: Sync) -> None:
        super().__init__(clients, marketo, salesforce, sync)
        self.schedules = InMemorySchedules()
        for number, name in enumerate(("One", "Two", "Three")):
            self.contacts_of(number, name)
        self.wait_until(NOON + timedelta(minutes=5))

    def contacts_of(self, number: int, name: str) -> None:
        """A Contact of that name, as young as its number."""
        self.salesforce.post("load", {"Contact": [{"Email": f"person{number}@example.com", "LastName": name}]})

    def wait_until(self, at: datetime) -> None:
        """Both clocks tell that time."""
        self.clock.advance((at - self.clock.now()).total_seconds())

    def keep(self) -> None:
        """What activation and the hourly look do."""
        ScheduleSyncs(
            configurations=self.documents, schedules=self.schedules, start=self.starting(), clock=self.clock
        )()

    def fire(self, at: datetime) -> bool:
        """The scheduler's call of a moment, which is followed by a whole run where it starts one."""
        told = self.starting().fired(self.sync.id, at.isoformat())
        if told.started:
            assert self.drive(told.slot).step is Step.DONE
        return told.started

    def begun(self) -> list[datetime]:
        """When the runs that are stored began, the first one first."""
        return [run.started_at for run in reversed(self.results_of().runs(self.sync.id))]

    def writes(self) -> int:
        """Calls that have written people so far."""
        return len(self.marketo.calls_of("POST", "/rest/v1/leads.json"))

    def names(self) -> dict[str, str]:
        """The people's last names by address."""
        return {email: lead["lastName"] for email, lead in self.leads().items()}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync that has a schedule."""

    def made(schedule: dict[str, Any], **members: Any) -> Scheduled:
        sync = a_sync(schedule=schedule, **{"dedupe": "import_everything", "extraction": "full"} | members)
        return Scheduled(clients, marketo, salesforce, sync)

    return made


@pytest.mark.cap("S31")
def test_run_once_now_writes_the_people_at_once_and_never_again(build: Build) -> None:
    """The run begins in the second of the activation and its people are at Marketo; neither looks after the schedules
    nor a stray fire in the next day start another, though there is a new Contact, and no entry is left behind."""
    world = build({"once": "now"})
    activated = world.clock.now()
    world.keep()
    [(_, slot, _)] = world.starter.started
    world.drive(slot)
    world.contacts_of(9, "Later")
    for _ in range(4):
        world.clock.advance(6 * 3600)
        world.keep()
        assert not world.fire(world.clock.now())

    assert world.begun() == [activated]
    assert world.schedules.entries == {}
    assert (len(world.starter.started), world.writes(), len(world.names())) == (1, 1, 3)


@pytest.mark.cap("S32")
def test_run_once_at_a_time_writes_the_people_then_in_the_zone_of_the_sync(build: Build) -> None:
    """14:00 in Berlin is 13:00 UTC in winter: a fire before it starts nothing, the one at it starts the one run, and
    another one, or the next day, starts none; the entry is gone when the time is over."""
    world = build({"once": "2026-03-02T14:00"}, time_zone="Europe/Berlin")
    world.keep()
    [entry] = world.schedules.entries.values()
    assert not world.fire(world.clock.now())
    at = NOON + timedelta(hours=1)
    world.wait_until(at - timedelta(seconds=1))
    assert not world.fire(world.clock.now())
    assert (world.writes(), world.leads()) == (0, {})
    world.wait_until(at)

    fired = [world.fire(at), world.fire(at)]
    world.clock.advance(86_400)
    world.keep()
    fired += [world.fire(at), world.fire(world.clock.now())]

    assert (entry.expression, entry.zone) == ("at(2026-03-02T13:00:00)", "UTC")
    assert fired == [True, False, False, False]
    assert world.begun() == [at]
    assert (world.schedules.entries, world.writes(), len(world.names())) == ({}, 1, 3)


@pytest.mark.cap("S33", "S37")
def test_runs_of_an_interval_begin_every_so_often_and_never_beside_each_other(build: Build) -> None:
    """Every 15 minutes to the second; one whose fire comes a minute late begins then, and delays none behind it.

    A fire while a run is at work starts none and tells which one is, so that Marketo gets each Contact once; what came
    meanwhile is carried over by the next slot, which is on time.
    """
    world = build({"every": {"minutes": 15}})
    world.keep()
    entry = world.schedules.entries[world.sync.id]
    assert (entry.expression, entry.start is not None) == ("rate(15 minutes)", True)
    assert entry.start
    slots = [entry.start + timedelta(minutes=15 * each) for each in range(5)]
    late = timedelta(seconds=60)
    for at, delay in zip(slots[:2], (timedelta(0), late), strict=True):
        world.wait_until(at + delay)
        assert world.fire(at)

    world.contacts_of(9, "New")
    world.wait_until(slots[2])
    long = world.starting().fired(world.sync.id, slots[2].isoformat())
    world.drive(long.slot, until=Step.LOAD)
    world.wait_until(slots[3])
    beside = world.starting().fired(world.sync.id, slots[3].isoformat())
    started = len(world.starter.started)
    world.contacts_of(10, "Newer")
    world.drive(long.slot)
    names = world.names()
    world.wait_until(slots[4])
    assert world.fire(slots[4])

    assert (beside.started, beside.because, started) == (False, f"running: {long.slot}", 3)
    assert world.begun() == [slots[0], slots[1] + late, slots[2], slots[4]]
    assert sorted(names.values()) == ["New", "One", "Three", "Two"]
    assert sorted(world.names().values()) == ["New", "Newer", "One", "Three", "Two"]
    runs = [*reversed(world.results_of().runs(world.sync.id))]
    assert [run.totals.created for run in runs] == [3, 0, 1, 1]
    assert all(one.ended_at <= other.started_at for one, other in pairwise(runs) if one.ended_at)
    assert world.writes() == 3


@pytest.mark.cap("S41")
def test_a_run_writes_what_its_own_version_says_and_the_next_one_what_the_new_says(build: Build) -> None:
    """Rules, mappings, filter and schedule change between a run's reading and its writing: what it writes at Marketo,
    and the version that it stores, are those it began with; the next run begins when the new schedule says."""

    def version(prefix: str, minutes: int, left_out: str, **members: Any) -> dict[str, Any]:
        last = {"to": "lastName", "template": f"{prefix} {{{{ LastName }}}}"}
        clause = {"column": "LastName", "operator": "not_equals", "value": left_out}
        mappings = [{"to": "email", "column": "Email"}, last]
        return {"schedule": {"every": {"minutes": minutes}}, "mappings": mappings} | {
            "conditions": {"clauses": [clause]},
            "extraction": "full",
            **members,
        }

    world = build(**version("Old", 60, "Two", import_rule="create", dedupe="ignore_duplicates"))
    for _ in range(2):
        world.contacts_of(7, "Twin")
        world.clock.advance(60)
    one, between = NOON + timedelta(hours=1), NOON + timedelta(minutes=100)
    world.keep()
    world.wait_until(one)
    told = world.starting().fired(world.sync.id, one.isoformat())
    world.drive(told.slot, until=Step.LOAD)
    new = a_sync(**version("New", 20, "Three", import_rule="create_and_update", dedupe="oldest"))
    world.documents.put(new)
    world.keep()
    old = world.drive(told.slot)
    first = world.names()
    world.wait_until(between)
    assert world.fire(between)
    [later, _] = world.results_of().runs(world.sync.id)

    assert (old.version, old.totals) == (1, Totals(created=2, duplicate=2))
    assert first == {"person0@example.com": "Old One", "person2@example.com": "Old Three"}
    assert world.schedules.entries[new.id].expression == "rate(20 minutes)"
    assert (later.version, later.started_at, later.totals) == (2, between, Totals(created=2, updated=1, duplicate=1))
    assert world.names() == {
        "person0@example.com": "New One",
        "person1@example.com": "New Two",
        "person2@example.com": "Old Three",
        "person7@example.com": "New Twin",
    }
