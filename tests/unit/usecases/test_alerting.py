"""A look every five minutes: what is found is told once, on every channel, and nothing is lost when one is away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.action import Configuration
from leadbridge.domain.alert_rules import AlertsDocument
from leadbridge.domain.counted import ARRIVED, ENDED, FAILED, Certificate, ParkedWork, Waiting
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.limits import State, millis
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.usecases.alerting import GIVE_UP, MOST_UNSENT, AlertSettings, Report, SendAlerts
from leadbridge.usecases.quotas import MarketoDay
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.syncs import a_sync
from tests.fakes.alerts import InMemoryAlertStore, InMemoryTally, RecordingChannel, SettableWatch
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.cycle import InMemoryCycleRuns, InMemoryDueRecords
from tests.fakes.meter import RecordingMeter
from tests.fakes.syncs import InMemorySyncRuns

MIDNIGHT = datetime(2026, 3, 3, 6, tzinfo=UTC)


class World:
    """A deployment with one Action, and two channels."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.tally = InMemoryTally(self.clock.now)
        self.watch = SettableWatch()
        self.runs = InMemorySyncRuns()
        self.cycles, self.due = InMemoryCycleRuns(), InMemoryDueRecords()
        self.store = InMemoryAlertStore()
        self.email, self.slack = RecordingChannel("email"), RecordingChannel("slack")
        self.channels = [self.email, self.slack]
        self.meter = RecordingMeter()
        self.configurations = InMemoryConfigurations()
        for document in (an_action(), a_marketo_connection(), a_salesforce_connection()):
            self.give(document)
        self.look = SendAlerts(
            configurations=self.configurations,
            tally=self.tally,
            watch=self.watch,
            runs=self.runs,
            cycles=self.cycles,
            due=lambda _: self.due,
            store=self.store,
            channels=lambda: self.channels,
            clock=self.clock,
            meter=self.meter,
            settings=AlertSettings(stack="prod", marketo_day=MarketoDay(calls=50_000, ends=lambda _: MIDNIGHT)),
        )

    def give(self, document: Configuration, state: DocumentState = DocumentState.ACTIVE) -> None:
        """Store a document in a state."""
        self.configurations.load(Stored(document=document, version=1, state=state))

    def rules(self, **members: Any) -> None:
        """Store the document of the alerts."""
        self.give(AlertsDocument.model_validate({"kind": "alerts", "id": "alerts"} | members))

    def count(self, number: int = 1, what: str = ENDED, reason: str = "", action: str = ACTION) -> None:
        """Count something now."""
        self.tally.note(action, what, reason, number)
        self.tally.flush()

    def fail(self, number: int, action: str = ACTION) -> None:
        """Let calls fail now."""
        self.count(number, action=action)
        self.count(number, FAILED, "salesforce_STRING_TOO_LONG", action)

    def looks(self, minutes: int) -> list[Report]:
        """Looks for so many minutes, five apart, the first one now."""
        reports = []
        for _ in range(0, minutes, 5):
            reports.append(self.look())
            self.clock.advance(300)
        return reports

    def heads(self, channel: RecordingChannel | None = None) -> list[str]:
        """The first lines of everything that a channel took."""
        texts = [text for _, text in (channel or self.email).taken]
        return [part.splitlines()[0] for text in texts for part in text.split("\n\n")]


def test_nothing_is_told_where_nothing_happens() -> None:
    """A quiet deployment sends nothing for a day and keeps nothing open."""
    world = World()

    reports = world.looks(24 * 60)

    assert {(report.told, report.open) for report in reports} == {(0, 0)}
    assert (world.email.taken, world.slack.taken) == ([], [])


def test_failures_are_told_once_on_every_channel_and_resolved() -> None:
    """Thirty calls fail: one message with everything, in the next hours only its end, the same on both channels."""
    world = World()
    world.rules(new_reason={"enabled": False})
    world.fail(30)

    world.looks(180)

    assert world.heads() == [f"ALERT Action {ACTION}: calls fail", f"RESOLVED Action {ACTION}: calls fail"]
    assert world.slack.taken == world.email.taken
    assert "30 of 30 calls failed in 15 minutes (100 %)" in world.email.taken[0][1]
    assert "leadbridge --stack prod executions --reason salesforce_STRING_TOO_LONG" in world.email.taken[0][1]


def test_several_alerts_of_one_look_are_one_message() -> None:
    """Failures, parked work, lag and a certificate come in one message of four parts."""
    world = World()
    world.fail(30)
    world.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON)]
    world.watch.lanes = [Waiting(connection=SALESFORCE, since=NOON - timedelta(hours=1), number=5)]
    world.watch.ends = [Certificate(connection=SALESFORCE, ends_at=NOON + timedelta(days=10))]

    world.clock.advance(60)
    report = world.look()

    assert world.heads() == [
        f"ALERT Action {ACTION}: calls fail",
        f"ALERT Connection {SALESFORCE}: calls wait too long",
        f"ALERT Action {ACTION}: parked calls wait for you",
        f"ALERT Action {ACTION}: salesforce_STRING_TOO_LONG for the first time",
        f"ALERT Connection {SALESFORCE}: its certificate ends soon",
    ]
    assert (len(world.email.taken), report.told, report.open) == (1, 5, 5)
    assert report.sent == {"email": 1, "slack": 1}


def test_a_channel_that_is_away_gets_its_messages_later_and_the_other_ones_not_twice() -> None:
    """Slack refuses for a while: e-mail has each message once, Slack gets all of them in order when it is back."""
    world = World()
    world.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON)]
    world.slack.refusal = "answered HTTP 500"

    report = world.look()
    assert (report.sent, report.unsent) == ({"email": 1}, {"slack": "answered HTTP 500"})
    assert world.meter.of("AlertsUnsent", channel="slack") == 1

    world.looks(30)
    world.watch.lanes = [Waiting(connection=SALESFORCE, since=NOON - timedelta(hours=1), number=5)]
    world.looks(10)
    world.slack.refusal = ""
    world.looks(10)

    assert len(world.email.taken) == 2
    assert world.slack.taken == world.email.taken


def test_a_message_that_nobody_takes_is_given_up_after_a_day() -> None:
    """What is older than a day is not sent any more, and that is counted."""
    world = World()
    world.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON)]
    world.slack.refusal = "answered HTTP 500"
    world.look()

    world.watch.work = []
    world.clock.advance(GIVE_UP.total_seconds())
    world.slack.refusal = ""
    world.look()

    assert world.slack.taken == []
    assert world.meter.of("AlertsGivenUp") == 1


def test_a_channel_that_is_away_for_long_keeps_a_bounded_number() -> None:
    """What waits is bounded, so that the stored item stays small; the newest are kept."""
    world = World()
    world.slack.refusal = "answered HTTP 500"
    for number in range(MOST_UNSENT + 10):
        world.watch.work = [ParkedWork(action=f"action-{number}", reason="mapping_broken", number=1, since=NOON)]
        world.looks(5)

    assert len(world.store.load()[1]) <= MOST_UNSENT + 1


def test_of_two_looks_at_once_one_tells() -> None:
    """While a look decides another one stores its own: the first sends nothing and says so."""
    world, other = World(), World()
    world.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON)]

    class Overtaken(SettableWatch):
        def parked(self) -> list[ParkedWork]:
            other.store.save(*other.store.load())
            return world.watch.work

    other.look._watch = Overtaken()

    assert other.look().overtaken is True
    assert (other.email.taken, other.slack.taken) == ([], [])


def test_a_look_that_dies_after_storing_sends_at_the_next_one() -> None:
    """The message is stored before it is sent, so a crash in between delays it."""

    class DyingChannel(RecordingChannel):
        def send(self, subject: str, text: str) -> str:
            raise RuntimeError("killed")

    world = World()
    world.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON)]
    world.channels = [DyingChannel("email")]
    with pytest.raises(RuntimeError, match="killed"):
        world.look()

    world.channels = [world.email]
    world.clock.advance(300)
    report = world.look()

    assert world.heads() == [f"ALERT Action {ACTION}: parked calls wait for you"]
    assert (report.told, report.sent) == (0, {"email": 1})


def test_silence_is_told_against_the_same_hours_of_the_weeks_before() -> None:
    """48 calls an hour on four Mondays and none on the fifth: told at once, and over when they come again."""
    world = World()
    for week in range(4, 0, -1):
        world.clock.set(NOON - timedelta(weeks=week, minutes=60))
        for _ in range(36):
            world.count(4, ARRIVED)
            world.clock.advance(300)
    world.clock.set(NOON)

    world.looks(60)
    assert world.heads() == [f"ALERT Action {ACTION}: hardly any calls arrive"]
    assert "0 calls arrived in 60 minutes, 48 are usual" in world.email.taken[0][1]

    world.count(40, ARRIVED)
    world.looks(30)
    assert world.heads()[1:] == [f"RESOLVED Action {ACTION}: hardly any calls arrive"]


def test_silence_of_an_inactive_action_is_nobodys_business() -> None:
    """What is not active is not missed."""
    world = World()
    for week in range(4, 0, -1):
        world.clock.set(NOON - timedelta(weeks=week, minutes=30))
        world.count(100, ARRIVED)
    world.clock.set(NOON)
    world.give(an_action(), DocumentState.INACTIVE)

    world.looks(60)

    assert world.heads() == []


def test_marketos_quota_is_told_at_each_level_with_a_forecast() -> None:
    """At 55 and 96 % of the day, with when it is spent; at Marketo's midnight all of it is over."""
    world = World()
    instance = "marketo#123-ABC-456.mktorest.com"

    world.watch.states[instance] = State(used=27_500, day_ends=millis(MIDNIGHT))
    world.looks(60)
    world.watch.states[instance] = State(used=48_000, day_ends=millis(MIDNIGHT))
    world.looks(60)
    world.clock.set(MIDNIGHT)
    world.looks(30)

    assert world.heads() == [
        "ALERT Marketo 123-ABC-456.mktorest.com: 50 % of the calls of the day are used",
        "ALERT Marketo 123-ABC-456.mktorest.com: 95 % of the calls of the day are used",
        "RESOLVED Marketo 123-ABC-456.mktorest.com: 50 % of the calls of the day are used",
        "RESOLVED Marketo 123-ABC-456.mktorest.com: 95 % of the calls of the day are used",
    ]
    assert (
        "at this pace they are spent at 2026-03-02 16:54 UTC, and come back at 2026-03-03 06:00 UTC"
        in (world.email.taken[0][1])
    )
    assert f"connections test {MARKETO}" in world.email.taken[0][1]


def test_salesforces_quota_is_told_at_each_level_with_a_forecast() -> None:
    """10 calls a minute of 10,000: at 50, 80 and 95 %, each with when they are spent at the pace of the last hour."""
    world = World()

    for used in range(4_700, 9_800, 50):
        world.watch.states["salesforce#example.my.salesforce.com"] = State(used=used, allowed=10_000)
        world.looks(5)

    assert world.heads()[:3] == [
        f"ALERT Salesforce example.my.salesforce.com: {level} % of the calls of the last 24 hours are used"
        for level in (50, 80, 95)
    ]
    spent = "at the pace of the last hour they are spent at 2026-03-02 20:50 UTC, and each comes back 24 hours after"
    assert [text.splitlines()[1] for _, text in world.email.taken[:3]] == [
        f"{used} of 10000 calls are used ({level} %); {spent} it was made."
        for used, level in ((5000, 50), (8000, 80), (9500, 95))
    ]


def test_the_allocation_is_that_of_the_connection_where_it_says_one() -> None:
    """A connection with 1,000 calls a day is warned at 500, whatever the deployment's parameter says."""
    world = World()
    world.give(a_marketo_connection(limits={"daily_calls": 1_000}))
    world.watch.states["marketo#123-abc-456.mktorest.com"] = State(used=500, day_ends=millis(MIDNIGHT))
    world.watch.states["salesforce#example.my.salesforce.com"] = State(used=810, allowed=1_000)
    world.watch.states["salesforce#login.salesforce.com"] = State(used=3)

    world.look()

    assert world.heads() == [
        "ALERT Marketo 123-abc-456.mktorest.com: 50 % of the calls of the day are used",
        "ALERT Salesforce example.my.salesforce.com: 80 % of the calls of the last 24 hours are used",
    ]


def test_rules_of_an_action_stand_for_all_of_that_rule() -> None:
    """Five failures are enough for one Action, and nothing is for one that is switched off."""
    world = World()
    world.give(an_action(id="quiet"))
    world.rules(
        new_reason={"enabled": False},
        actions={ACTION: {"failed": {"count": 5}}, "quiet": {"failed": {"enabled": False}}},
        connections={SALESFORCE: {"failed": {"enabled": False}}},
    )
    world.count(1_000)
    world.count(1_000, action="quiet")
    world.fail(5)
    world.fail(500, action="quiet")

    world.clock.advance(60)
    world.look()

    assert world.heads() == [f"ALERT Action {ACTION}: calls fail"]


def test_a_certificate_of_another_login_is_not_spoken_of() -> None:
    """A connection that does not log in with a certificate any more needs none."""
    world = World()
    world.give(a_salesforce_connection(login="client_credentials", username=None))
    world.watch.ends = [Certificate(connection=SALESFORCE, ends_at=NOON)]

    world.look()

    assert world.heads() == []


def test_a_failed_run_of_a_sync_is_told_until_one_goes_well() -> None:
    """An active Sync's runs are looked at: its failure is told with slot and reason, its end once."""
    world = World()
    world.give(a_sync(source={"connection": SALESFORCE, "object": "Contact"}))
    world.give(a_sync(id="asleep"), DocumentState.DRAFT)
    begun = SyncRun(
        sync="contacts-to-people",
        slot="20260302T110000Z",
        version=1,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=NOON - timedelta(hours=1),
    )
    failed = replace(begun, step=Step.FAILED, ended_at=NOON, reason="salesforce_INVALID_FIELD", message="no such field")
    world.runs.begin(failed)
    world.runs.begin(replace(failed, sync="asleep"))
    world.looks(60)
    done = replace(begun, slot="20260302T130000Z", step=Step.DONE, started_at=world.clock.now())
    world.runs.begin(done)
    world.looks(60)

    title = "Sync contacts-to-people: a run failed"
    assert world.heads() == [f"ALERT {title}", f"RESOLVED {title}"]
    assert "(20260302T110000Z), because of salesforce_INVALID_FIELD." in world.email.taken[0][1]
