"""Alerts from the inbox to people, on an in-process AWS: read at a local catcher and at a subscriber of the topic."""

import importlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge import wiring
from leadbridge.aws.alerts import (
    DynamoAlertStore,
    DynamoWatch,
    note_certificate,
)
from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.cycles import DynamoCycleRuns
from leadbridge.aws.due import DynamoDueRecords
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.items import dump
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.limits import DynamoLimits
from leadbridge.aws.notices import TopicChannel
from leadbridge.aws.syncs import DynamoSyncRuns
from leadbridge.aws.tally import DynamoTally, parked_item
from leadbridge.domain.counted import Certificate, ParkedWork
from leadbridge.domain.event import Ending, Part, Result
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.limits import State, millis
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.outcome import State as OutcomeState
from leadbridge.usecases.alerting import AlertSettings, SendAlerts
from leadbridge.usecases.counting import CountingInbox
from leadbridge.usecases.quotas import MarketoDay
from leadbridge.vendors.http.slack import SlackChannel
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.events import an_arrival, an_event
from tests.catcher import Catcher, catcher
from tests.fakes.meter import RecordingMeter
from tests.integration.aws.local_aws import SettableClock, client, scan

MIDNIGHT = datetime(2026, 3, 3, 6, tzinfo=UTC)
SPENT, BACK = "2026-03-02 09:39 UTC", "2026-03-03 06:00 UTC"
REASON = "salesforce_FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.fixture
def slack() -> Iterator[Catcher]:
    """Where the messages for Slack arrive."""
    with catcher() as found:
        yield found


@dataclass
class World:
    """A deployment that is looked at, and what reaches people."""

    dynamodb: Any
    clock: SettableClock
    slack: Catcher
    topic: str
    mailbox: str
    look: SendAlerts
    inbox: CountingInbox

    def mails(self) -> list[tuple[str, str]]:
        """Subject and text of each e-mail since the last time."""
        found = []
        sqs = client("sqs")
        while batch := sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=self.mailbox, ReceiptHandle=message["ReceiptHandle"])
                body = json.loads(message["Body"])
                found.append((body["Subject"], body["Message"]))
        return found

    def run(self, numbers: range, outcome: Outcome, reason: str = "") -> None:
        """Let calls arrive and end."""
        for number in numbers:
            self.inbox.add(an_event(number), an_arrival(number))
        events = self.inbox.claim([an_event(number) for number in numbers], 1)
        nothing = Part(status="not_configured")
        result = Result(outcome=outcome, reason=reason, message="Somebody <ada@example.com> & others")
        self.inbox.finish([Ending(event=event, result=result, writeback=nothing, activity=nothing) for event in events])

    def looks(self, minutes: int) -> None:
        """Looks five minutes apart, the first one now."""
        for _ in range(0, minutes, 5):
            self.look()
            self.clock.advance(minutes=5)


@pytest.fixture
def world(dynamodb: Any, clock: SettableClock, slack: Catcher) -> World:
    """Tables, a topic with a subscriber, a catcher, an active Action and its connections."""
    configurations = DynamoConfigurations(dynamodb, table="ConfigTable")
    for document in (an_action(), a_marketo_connection(), a_salesforce_connection()):
        configurations.put(document)
    configurations.move("action", ACTION, Move.ACTIVATE)
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    mailbox = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=mailbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    tally, meter = DynamoTally(dynamodb, table="ExecutionsTable", now=clock.now), RecordingMeter()
    inbox = DynamoInbox(
        dynamodb,
        executions="ExecutionsTable",
        keys="KeysTable",
        hash_key=lambda: b"index-key",
        retention=timedelta(days=30),
        now=clock.now,
    )
    look = SendAlerts(
        configurations=configurations,
        tally=tally,
        watch=DynamoWatch(dynamodb, executions="ExecutionsTable", state="StateTable"),
        runs=DynamoSyncRuns(
            dynamodb, executions="ExecutionsTable", state="StateTable", retention=timedelta(days=30), now=clock.now
        ),
        cycles=DynamoCycleRuns(
            dynamodb, executions="ExecutionsTable", state="StateTable", retention=timedelta(days=30), now=clock.now
        ),
        due=lambda cycle: DynamoDueRecords(dynamodb, table="StateTable", cycle=cycle),
        store=DynamoAlertStore(dynamodb, table="StateTable"),
        channels=lambda: [
            TopicChannel(sns, topic),
            SlackChannel(lambda: {"slack_url": slack.url}, hosts=(), allowed_hosts=[slack.host]),
        ],
        clock=clock,
        meter=meter,
        settings=AlertSettings(stack="prod", marketo_day=MarketoDay(calls=50_000, ends=lambda _: MIDNIGHT)),
    )
    return World(
        dynamodb=dynamodb,
        clock=clock,
        slack=slack,
        topic=topic,
        mailbox=mailbox,
        look=look,
        inbox=CountingInbox(inbox, tally=tally, meter=meter),
    )


def test_failures_reach_people_once_with_the_whole_story_and_an_end(world: World) -> None:
    """Twelve of thirty calls fail: one message in Slack and by e-mail, word by word; in the hours that follow
    only that each of the two alerts is over. No value of a person, and no text of an execution, is in any of it."""
    world.run(range(18), Outcome.CREATED)
    world.run(range(18, 30), Outcome.FAILED, REASON)
    world.clock.advance(minutes=1)

    world.looks(25)
    world.clock.advance(minutes=35)
    world.looks(30)

    raised, *over = world.slack.texts
    assert raised == (
        f"ALERT Action {ACTION}: calls fail\n"
        f"12 of 30 calls failed in 15 minutes (40 %), 12 of them with {REASON}. Since 2026-03-02 09:00 UTC.\n"
        "What to do: Look at one of them, mend what its message says, then let Marketo send those persons again.\n"
        f"Command: leadbridge --stack prod executions --reason {REASON} --since 15m\n\n"
        f"ALERT Action {ACTION}: {REASON} for the first time\n"
        "12 calls failed with this reason, which this Action did not have before. Since 2026-03-02 09:00 UTC.\n"
        "What to do: Look at one of them; its message says what to do.\n"
        f"Command: leadbridge --stack prod executions --reason {REASON} --since 2h"
    )
    assert over == [
        (
            f"RESOLVED Action {ACTION}: calls fail\n"
            "Calls do not fail any more, or hardly. It lasted from 2026-03-02 09:00 UTC to 2026-03-02 09:21 UTC."
        ),
        (
            f"RESOLVED Action {ACTION}: {REASON} for the first time\n"
            "The reason has not come again for an hour; from now on it counts as known. "
            "It lasted from 2026-03-02 09:00 UTC to 2026-03-02 10:06 UTC."
        ),
    ]
    assert world.mails() == [
        ("Leadbridge prod: 2 new", raised),
        ("Leadbridge prod: 1 resolved", over[0]),
        ("Leadbridge prod: 1 resolved", over[1]),
    ]
    assert "ada" not in "".join(world.slack.texts)


def test_waiting_parked_quota_and_certificate_are_read_from_the_tables(world: World) -> None:
    """What stands in the tables is told in one message: the oldest of three waiting calls, two parked ones, a Marketo
    day that is used up to 82 %, a certificate that ends in ten days."""
    DynamoLanes(world.dynamodb, table="StateTable", lease=timedelta(seconds=60)).announce(SALESFORCE, world.clock.now())
    for number in range(3):
        at = world.clock.now() - timedelta(minutes=40 - number)
        due_at = world.clock.now() + timedelta(minutes=number)
        world.inbox.add(an_event(number, at=at, due_at=due_at), an_arrival(number, at=at))
    for number in range(2):
        item = parked_item(ACTION, f"{number:032x}", "mapping_broken", world.clock.now() - timedelta(hours=number))
        world.dynamodb.put_item(TableName="ExecutionsTable", Item=dump(item))
    limits = DynamoLimits(world.dynamodb, table="StateTable")
    limits.swap("marketo#123-abc-456.mktorest.com", State(used=41_000, day_ends=millis(MIDNIGHT)), 0)
    note_certificate(world.dynamodb, "StateTable", SALESFORCE, world.clock.now() + timedelta(days=10))

    world.look()

    (waiting,) = DynamoWatch(world.dynamodb, executions="ExecutionsTable", state="StateTable").waiting()
    assert (waiting.number, waiting.due_at) == (3, world.clock.now())

    (text,) = world.slack.texts
    assert [part.splitlines()[:2] for part in text.split("\n\n")] == [
        [
            f"ALERT Connection {SALESFORCE}: calls wait too long",
            "3 calls wait, the oldest for 40 minutes. Since 2026-03-02 08:20 UTC.",
        ],
        [
            f"ALERT Action {ACTION}: parked calls wait for you",
            "2 calls are parked, 2 of them with mapping_broken. Since 2026-03-02 08:00 UTC.",
        ],
        [
            "ALERT Marketo 123-abc-456.mktorest.com: 80 % of the calls of the day are used",
            f"41000 of 50000 calls are used (82 %); at this pace they are spent at {SPENT}, and come back at {BACK}.",
        ],
        [
            f"ALERT Connection {SALESFORCE}: its certificate ends soon",
            "The certificate ends on 2026-03-12 09:00 UTC, in 10 days; Salesforce refuses the login from then on.",
        ],
    ]


def test_what_slack_does_not_take_comes_later(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An error and a redirect: the message is sent again at the next look, the redirect is not followed, and no log
    line holds the address."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # as the functions set it
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    item = parked_item(ACTION, "0" * 32, "mapping_broken", world.clock.now())
    world.dynamodb.put_item(TableName="ExecutionsTable", Item=dump(item))
    world.slack.statuses = [500, 302]

    reports = []
    for _ in range(3):
        reports.append(world.look())
        world.clock.advance(minutes=5)

    assert [dict(report.unsent) for report in reports] == [
        {"slack": "answered HTTP 500"},
        {"slack": "answered HTTP 302"},
        {},
    ]
    assert [path for path, _ in world.slack.calls] == ["/services/T000/B000/secretpart"] * 3
    assert len(set(world.slack.texts)) == 1
    assert len(world.mails()) == 1
    assert "secretpart" not in caplog.text


def test_a_lane_is_counted_up_to_a_bound(world: World) -> None:
    """Of many waiting calls it is said that there are at least so many."""
    DynamoLanes(world.dynamodb, table="StateTable", lease=timedelta(seconds=60)).announce(SALESFORCE, world.clock.now())
    for number in range(3):
        world.inbox.add(an_event(number, at=world.clock.now()), an_arrival(number, at=world.clock.now()))
    watch = DynamoWatch(world.dynamodb, executions="ExecutionsTable", state="StateTable", most_waiting=2)

    (waiting,) = watch.waiting()

    assert (waiting.connection, waiting.number, waiting.more) == (SALESFORCE, 2, True)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("action", ACTION), ("salesforce_connection", SALESFORCE), ("marketo_connection", MARKETO), ("all", "")],
)
def test_what_somebody_paused_does_not_wait_too_long(world: World, kind: str, name: str) -> None:
    """Calls that are kept for a day raise no lag alert, and do not hide that of another Action; resumed, their age
    counts again."""
    configurations = DynamoConfigurations(world.dynamodb, table="ConfigTable")
    configurations.put(an_action(id="other", name="Other"))
    configurations.move("action", "other", Move.ACTIVATE)

    def step(move: Move) -> None:
        if kind == "all":
            configurations.pause(paused=move is Move.PAUSE)
        else:
            configurations.move(kind, name, move)

    DynamoLanes(world.dynamodb, table="StateTable", lease=timedelta(seconds=60)).announce(SALESFORCE, world.clock.now())
    step(Move.PAUSE)
    for number in range(3):
        at = world.clock.now()
        world.inbox.add(an_event(number, at=at), an_arrival(number, at=at))
    world.clock.advance(days=1)
    assert world.look().open == 0

    at = world.clock.now()
    world.inbox.add(an_event(9, at=at, action_id="other"), an_arrival(9, at=at, action_id="other"))
    world.clock.advance(minutes=20)
    world.look()
    told = [text for _, text in world.mails()]
    assert len(told) == (kind == "action")
    assert all("1 call waits, the oldest for 20 minutes" in text for text in told)

    step(Move.RESUME)
    world.clock.advance(minutes=5)
    assert world.look().open == 1


def test_what_is_parked_is_grouped_and_an_empty_deployment_has_nothing(world: World) -> None:
    """By Action and reason with the oldest time; nothing anywhere at first."""
    watch = DynamoWatch(world.dynamodb, executions="ExecutionsTable", state="StateTable")
    assert (watch.waiting(), watch.parked(), watch.instances(), watch.certificates()) == ([], [], {}, [])

    now = world.clock.now()
    for number, (action, reason) in enumerate([("a", "x"), ("a", "x"), ("a", "y"), ("b-c", "x")]):
        item = parked_item(action, f"{number:032x}", reason, now + timedelta(minutes=number))
        world.dynamodb.put_item(TableName="ExecutionsTable", Item=dump(item))
    note_certificate(world.dynamodb, "StateTable", "sf", now)
    note_certificate(world.dynamodb, "StateTable", "sf", now + timedelta(days=1))

    assert watch.parked() == [
        ParkedWork(action="a", reason="x", number=2, since=now),
        ParkedWork(action="a", reason="y", number=1, since=now + timedelta(minutes=2)),
        ParkedWork(action="b-c", reason="x", number=1, since=now + timedelta(minutes=3)),
    ]
    assert watch.certificates() == [Certificate(connection="sf", ends_at=now + timedelta(days=1))]


def test_a_call_is_parked_for_as_long_as_it_is(world: World) -> None:
    """One that was parked while it ran and one that never ran are listed with their reasons, until they are readmitted;
    a worker that lost its lease parks nothing."""
    watch = DynamoWatch(world.dynamodb, executions="ExecutionsTable", state="StateTable")
    inbox = world.inbox._inbox
    assert isinstance(inbox, DynamoInbox)
    for number in (1, 2):
        world.inbox.add(an_event(number), an_arrival(number))
    first, second = world.inbox.claim([an_event(1), an_event(2)], 3)
    world.inbox.park(first, reason="worker_crashed", message="")
    world.inbox.park(second.evolve(epoch=2), reason="worker_crashed", message="")
    world.inbox.set_aside(an_arrival(4), state="parked", reason="action_missing", message="")
    world.inbox.set_aside(an_arrival(5), state="rejected", reason="body_not_json", message="")

    now = world.clock.now()
    assert watch.parked() == [
        ParkedWork(action=ACTION, reason="action_missing", number=1, since=now),
        ParkedWork(action=ACTION, reason="worker_crashed", number=1, since=now),
    ]
    for number in (1, 4):
        inbox.readmit(an_event(number), was=OutcomeState.PARKED, times=0)
    assert watch.parked() == []


def test_the_function_looks_and_sends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`send_alerts` with the variables of the template: it finds the address in the secret, allows the local host in
    stage local alone, and reports numbers."""
    item = parked_item(ACTION, "0" * 32, "mapping_broken", datetime(2026, 3, 2, tzinfo=UTC))
    world.dynamodb.put_item(TableName="ExecutionsTable", Item=dump(item))
    secret = client("secretsmanager").create_secret(
        Name="alerts", SecretString=json.dumps({"slack_url": world.slack.url})
    )
    for name, value in {
        "STAGE": "local",
        "STACK_NAME": "stack-a",
        "CONFIG_TABLE": "ConfigTable",
        "STATE_TABLE": "StateTable",
        "EXECUTIONS_TABLE": "ExecutionsTable",
        "ALARM_TOPIC": world.topic,
        "ALERTS_SECRET_ARN": secret["ARN"],
        "VENDOR_HOSTS": world.slack.host,
    }.items():
        monkeypatch.setenv(name, value)
    caches = (wiring.send_alerts, wiring._client, wiring._session, wiring.meter)
    for cache in caches:
        cache.cache_clear()
    try:
        report = importlib.import_module("functions.send_alerts.app").lambda_handler({}, None)
    finally:
        for cache in caches:
            cache.cache_clear()

    assert report == {"told": 1, "open": 1, "sent": {"email": 1, "slack": 1}, "unsent": {}, "overtaken": False}
    assert [text.splitlines()[0] for text in world.slack.texts] == [f"ALERT Action {ACTION}: parked calls wait for you"]
    assert "--stack" not in world.slack.texts[0]
    stored = [item for item in scan(world.dynamodb, "StateTable") if item["pk"]["S"] == "alerts"]
    assert "secretpart" not in json.dumps(stored)
