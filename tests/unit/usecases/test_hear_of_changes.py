"""Announced changes: the Syncs that read the object run early and read the record, once; cycles note it as due."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.cycle_ports import DueRecord, DueRecords
from leadbridge.domain.announced import LEFT_AFTER, Announcement, Notification
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.usecases.hear_of_changes import HearOfChanges
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.announced import InMemoryAnnouncements, InMemoryLater
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.cycle import InMemoryDueRecords
from tests.fakes.meter import RecordingMeter

EVERY_HOUR = {"every": {"hours": 1}}
SECOND = timedelta(seconds=1)


def announced(
    *numbers: int, at: datetime, name: str = "Contact", identifier: str = "one", connection: str = "crm"
) -> Announcement:
    """A message about records of these numbers."""
    return Announcement(
        id=identifier,
        connection=connection,
        received_at=at,
        notifications=tuple(Notification(id=f"04l{each}", object=name, record=f"{each:03}") for each in numbers),
    )


class Announcing(SyncWorld):
    """A Sync that has run at noon, and who hears of changes."""

    def __init__(self, *, ran: bool = True, **members: Any) -> None:
        super().__init__(a_sync(**{"dedupe": "import_everything", "schedule": EVERY_HOUR, **members}))
        self.announcements, self.later = InMemoryAnnouncements(), InMemoryLater()
        self.ticked: list[str] = []
        self.due: dict[str, InMemoryDueRecords] = {}
        self.row(1)
        if ran:
            self.start()
            self.drive()
            # the runs before are of no interest any more
            self.starter.started.clear()

    def hear(self, announcement: Announcement) -> bool:
        """In a process of its own."""
        return HearOfChanges(
            configurations=self.documents,
            announcements=self.announcements,
            later=self.later,
            due=lambda cycle: self.due.setdefault(cycle, InMemoryDueRecords()),
            tick=self.ticked.append,
            runs=self.runs,
            start=self.starting(),
            clock=self.clock,
            meter=self.meter,
            look_seconds=15,
        )(announcement)

    def hear_again(self) -> bool:
        """The queue delivers what waits."""
        (waits,) = self.later.waiting
        self.later.waiting.clear()
        return self.hear(waits)

    def begun(self) -> list[SyncRun]:
        """The runs that were started, each driven to its end."""
        slots = sorted({each.slot for each in self.runs.runs(self.sync.id, 100)} - {SLOT})
        return [self.drive(slot) for slot in slots]

    def names(self) -> list[str]:
        """What the destination holds."""
        return [str(each["lastName"]) for each in self.destination.records]


@pytest.mark.cap("U12")
def test_a_change_is_carried_over_long_before_the_schedule_would() -> None:
    """A record that changed twenty seconds past is read by the first run that can see it, and its message is done with.

    It waits for the whole minute up to which the vendor shows changes, then for the run; the run of the schedule finds
    nothing left to write.
    """
    world = Announcing()
    at = world.clock.now().replace(second=20) + timedelta(minutes=3)
    world.changed(2, at)
    world.clock.set(at + 5 * SECOND)

    assert world.hear(announced(2, at=world.clock.now()))
    assert world.begun() == []
    world.clock.set(at.replace(second=0) + timedelta(minutes=1))
    assert world.hear_again()
    (run,) = world.begun()
    assert (run.pulled, run.totals.created) == (1, 1)
    assert not world.hear_again()
    assert world.names() == ["Name 1", "Name 2"]
    assert world.meter.of("RunsAnnounced") == 1

    written = list(world.destination.written)
    world.clock.set(NOON + timedelta(hours=1))
    assert world.starting().fired(world.sync.id, world.clock.now().isoformat()).started
    assert world.drive("20260302T130000Z").totals.created == 0
    assert world.destination.written == written


@pytest.mark.fault("FA12")
def test_a_run_at_work_that_began_before_the_change_is_followed_by_another() -> None:
    """Runs never overlap; what is announced meanwhile waits for the end, and then for a run of its own."""
    world = Announcing()
    at = NOON + timedelta(hours=1)
    world.clock.set(at)
    world.starting().fired(world.sync.id, at.isoformat())
    slot = at.strftime("%Y%m%dT%H%M%SZ")
    world.changed(2, at + 10 * SECOND)
    assert world.hear(announced(2, at=at + 12 * SECOND))
    world.clock.set(at + timedelta(minutes=2))
    assert world.hear_again()
    assert {each.slot for each in world.runs.runs(world.sync.id, 10)} == {SLOT, slot}

    world.clock.set(at + 5 * SECOND)  # the run reads up to its own begin
    world.drive(slot)
    assert world.names() == ["Name 1"]
    world.clock.set(at + timedelta(minutes=3))
    assert world.hear_again()
    assert world.begun()[-1].totals.created == 1
    assert not world.hear_again()
    assert world.names() == ["Name 1", "Name 2"]


@pytest.mark.cap("U45")
def test_what_comes_again_or_late_is_ignored() -> None:
    """A message that was sent twice, part of it in another one, and an older change that comes after a newer one: each
    notification is taken once, and the record is read as it is by then."""
    world = Announcing()
    at = NOON + timedelta(minutes=5)
    world.clock.set(at)
    world.changed(2, at, LastName="Old")
    first = announced(2, 3, at=at)
    assert world.hear(first)
    waits = world.later.waiting.pop()
    for again in (replace(first, id="two"), announced(3, at=at + SECOND, identifier="three")):
        assert not world.hear(again)
    assert world.later.waiting == []
    assert (world.meter.of("NotificationsTaken"), world.meter.of("NotificationsRepeated")) == (2, 3)

    # the change that was made later is announced first, and the record holds it by then
    world.source.rows.pop()
    world.changed(2, at + 30 * SECOND, LastName="New")
    world.clock.set(at + timedelta(minutes=2))
    assert world.hear(waits)
    world.begun()
    assert world.names() == ["Name 1", "New"]
    # an older notification of the same record, hours late: a look, and no write
    written = list(world.destination.written)
    assert not world.hear_again()
    late = at + timedelta(minutes=40)
    world.clock.set(late)
    assert world.hear(replace(announced(2, at=late, identifier="late"), notifications=(_other("04lold"),)))
    world.clock.set(late + timedelta(minutes=2))
    assert world.hear_again()
    world.begun()
    assert world.names() == ["Name 1", "New"]
    assert world.destination.written == written


def _other(identifier: str) -> Notification:
    return Notification(id=identifier, object="Contact", record="002")


def test_the_queue_may_deliver_a_message_twice() -> None:
    """A worker that died behind the claim is followed by one that does the same; two of them start one run."""
    world = Announcing()
    at = NOON + timedelta(minutes=5)
    world.clock.set(at)
    message = announced(2, at=at)
    assert world.hear(message)
    assert world.hear(message)
    assert len(world.later.waiting) == 2
    world.clock.set(at + timedelta(minutes=2))
    assert [world.hear(waits) for waits in list(world.later.waiting)] == [True, True]
    assert len(world.starter.started) == 1


@pytest.mark.parametrize(
    ("members", "announcement"),
    [
        ({"extraction": "full"}, {}),
        ({}, {"name": "Account"}),
        ({"schedule": {"every": {"hours": 1}, "quiet": [{"from": "12:30", "to": "13:30"}]}}, {}),
        ({"schedule": {"every": {"hours": 1}, "end": "2026-03-02T12:10"}}, {}),
        ({"schedule": {"every": {"hours": 1}, "start": "2026-03-02T12:50"}}, {}),
        ({"ran": False}, {}),
        ({}, {"connection": "another"}),
    ],
    ids=["full", "another object", "quiet hours", "over", "not begun", "never ran", "another org"],
)
def test_syncs_that_an_announcement_is_not_for_are_left_alone(
    members: dict[str, Any], announcement: dict[str, Any]
) -> None:
    """Of another object or source, reading everything, outside their times, or without a first run: nothing starts."""
    world = Announcing(**members)
    at = NOON + timedelta(minutes=45)
    world.clock.set(at + timedelta(minutes=2))
    runs = len(world.runs.runs(world.sync.id, 10))
    assert not world.hear(announced(2, at=at, **announcement))
    assert len(world.runs.runs(world.sync.id, 10)) == runs
    assert world.later.waiting == []


def test_a_sync_that_is_not_active_is_left_alone() -> None:
    """Whoever activates it finds the change by the watermark."""
    world = Announcing()
    world.documents.move("sync", world.sync.id, Move.DEACTIVATE)
    world.clock.set(NOON + timedelta(minutes=9))
    assert not world.hear(announced(2, at=NOON + timedelta(minutes=5)))
    assert world.starter.started == []


def test_a_sync_by_hand_that_reads_changes_runs_when_they_are_announced() -> None:
    """Announcements alone drive it, once it has run as a whole; the object's name may be spelled in any case."""
    world = Announcing(schedule=None, extraction="incremental")
    at = NOON + timedelta(minutes=5)
    world.changed(2, at)
    world.clock.set(at + timedelta(minutes=2))
    assert world.hear(announced(2, at=at, name="contact"))
    world.begun()
    assert world.names() == ["Name 1", "Name 2"]


def test_what_no_run_reads_is_left_to_the_schedule() -> None:
    """A Sync whose runs fail is started once a minute and not for ever; then it is told, and the message is gone."""
    world = Announcing()
    at = NOON + timedelta(minutes=5)
    world.clock.set(at + timedelta(minutes=2))
    assert world.hear(announced(2, at=at))
    assert world.hear_again()
    assert len(world.starter.started) == 1
    world.clock.set(at + LEFT_AFTER + timedelta(minutes=1))
    assert not world.hear_again()
    assert world.later.waiting == []
    assert world.meter.of("AnnouncementsLeft") == 1


@pytest.mark.parametrize(("second", "first"), [(0, 60), (20, 40), (54, 6), (55, 65), (59, 61)])
def test_an_announcement_is_looked_at_a_few_times_only(second: int, first: int) -> None:
    """First at the whole minute from which a run reads it, then with growing pauses: Lambda cuts a chain of calls that
    leads through a queue after sixteen."""
    now = NOON + second * SECOND
    announcement, pauses = announced(1, at=now), []
    while now - announcement.received_at <= LEFT_AFTER:
        pauses.append(announcement.pause(now, 15))
        now += pauses[-1] * SECOND
        announcement = replace(announcement, looks=announcement.looks + 1)
    assert pauses[:7] == [first, 15, 30, 60, 120, 240, 240]
    assert len(pauses) < 10
    assert replace(announcement, looks=3).pause(now, 900) == 900


def a_cycle(identifier: str, *, salesforce: str = "crm") -> CrmCycle:
    """A cycle of Leads and companies; Contacts are switched off."""
    fields = [{"marketo": "firstName", "salesforce": "FirstName"}]
    members = {"fields": [{"marketo": "company", "salesforce": "Name"}]}
    return CrmCycle.model_validate(
        {
            "kind": "crm_cycle",
            "id": identifier,
            "name": identifier,
            "marketo": "marketing",
            "salesforce": salesforce,
            "mode": "replace_native",
            "companies": members,
            "persons": {
                "id_field": "crmId",
                "leads": {"fields": fields},
                "contacts": {"fields": fields, "enabled": False},
            },
        }
    )


def test_records_are_due_in_the_active_cycles_of_the_org_that_keep_their_object() -> None:
    """Once for each notification: what is delivered again is no news, and what nobody keeps is none."""
    cycles = InMemoryConfigurations()
    for cycle in (a_cycle("main"), a_cycle("asleep"), a_cycle("elsewhere", salesforce="other")):
        cycles.put(cycle)
    for name in ("main", "elsewhere"):
        cycles.move("crm_cycle", name, Move.ACTIVATE)
    world = Announcing()
    due: dict[str, DueRecords] = {}
    hearing = HearOfChanges(
        configurations=cycles,
        announcements=InMemoryAnnouncements(),
        later=InMemoryLater(),
        due=lambda cycle: due.setdefault(cycle, InMemoryDueRecords()),
        tick=world.ticked.append,
        runs=world.runs,
        start=world.starting(),
        clock=world.clock,
        meter=RecordingMeter(),
        look_seconds=15,
    )
    lead, account = announced(1, 2, at=NOON, name="Lead"), announced(3, at=NOON, name="Account", identifier="two")
    for announcement in (lead, account, announced(4, at=NOON, name="Contact", identifier="three")):
        assert not hearing(announcement)
    assert set(due) == {"main"}
    assert world.ticked == ["main", "main"]
    wanted = [
        DueRecord(side=Side.SALESFORCE, object=name, id=record, noted_at=NOON)
        for name, record in (("Lead", "001"), ("Lead", "002"), ("Account", "003"))
    ]
    assert due["main"].listed(10) == wanted
    due["main"].done(wanted)
    assert not hearing(replace(lead, id="again"))
    assert due["main"].listed(10) == []
