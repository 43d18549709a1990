"""Faults between the webhook and the inbox: poison, redeliveries, time-outs, dead letters, versions, rotated keys."""

import importlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leadbridge import wiring
from leadbridge.aws.items import dump
from leadbridge.domain.event import VERSION
from leadbridge.domain.messages import LIMIT_CHARACTERS
from leadbridge.domain.outcome import State
from leadbridge.domain.webhook import BODY_LIMIT_BYTES, webhook_key
from leadbridge.errors import UnknownVersionError
from leadbridge.usecases.redrive import Redrive
from tests.contract.ports.builders import LANE, START, a_claim, an_event
from tests.contract.ports.worlds import DynamoWorld, claim, far
from tests.fakes.bell import RecordingBell
from tests.integration import test_functions as functions
from tests.integration.aws.local_aws import Invocations, Unsteady, local_aws
from tests.integration.test_functions import ACTION, MASTER, PERSON, Cloud, a_call, as_records, sample, with_key
from tests.unit.test_template import FUNCTIONS, PARAMETERS, RESOURCES

cloud, invoke, rings = functions.cloud, functions.invoke, functions.rings
STORED = Path(__file__).parent / "fixtures" / "stored-v1.json"
SECRET_WORD = "pvzq"

type Invoke = Callable[..., Any]


@pytest.fixture
def log(cloud: Cloud) -> Iterator[io.StringIO]:
    """The structured log of `store_events`."""
    importlib.import_module("functions.store_events.app")
    found = io.StringIO()
    handlers = [each for each in logging.getLogger("store_events").handlers if isinstance(each, logging.StreamHandler)]
    before = [(handler, handler.setStream(found)) for handler in handlers]
    yield found
    for handler, stream in before:
        if stream is not None:
            handler.setStream(stream)


def a_message(number: int, **changes: Any) -> dict[str, Any]:
    """A message of the queue as `receive_action` writes it; members given as None are left out."""
    identifier = f"{number:032x}"
    message = {
        "v": 1,
        "kind": "event",
        "execution_id": identifier,
        "action_id": ACTION,
        "received_at": f"2026-03-02T09:00:{number % 60:02d}.000Z",
        "sequence": f"{1_772_442_000_000 + 1000 * number:014d}#{identifier}",
        "header_names": [],
        "reason": "",
        "payload": {"lead": {"id": number, "email": f"person{number}@example.com"}},
    }
    return {name: value for name, value in (message | changes).items() if value is not None}


def records(*bodies: str) -> dict[str, Any]:
    """Bodies as the queue hands them to `store_events`, as messages 0, 1, 2 …"""
    event = as_records(*({} for _ in bodies))
    for record, body in zip(event["Records"], bodies, strict=True):
        record["body"] = body
    return event


def reported(answer: Any) -> list[str]:
    """The messages that come again."""
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


# -- poison

MEBIBYTE = 2**20
POISON = [
    pytest.param("not json", "not JSON", id="not JSON"),
    pytest.param("", "not JSON", id="empty"),
    pytest.param('{"v": 1, "kind": "ev\x00ent"}', "not JSON", id="raw NUL"),
    pytest.param("[" * 200_000, "not JSON", id="nested for ever"),
    pytest.param("null", "not an object", id="null"),
    pytest.param(json.dumps({"pad": SECRET_WORD * (MEBIBYTE // 4)}), "larger than any message of ours", id="1 MiB"),
    pytest.param(
        json.dumps(a_message(7, payload={"lead": {"id": 7, "note": "x" * LIMIT_CHARACTERS}})),
        "larger than any message of ours",
        id="1 MiB of our shape",
    ),
    pytest.param(json.dumps({"v": 1}), "no member kind", id="members missing"),
    pytest.param(json.dumps(a_message(7, v=SECRET_WORD)), "the version is not a number", id="version a word"),
    pytest.param(json.dumps(a_message(7, kind=SECRET_WORD)), "no such kind of message", id="unknown kind"),
    pytest.param(json.dumps(a_message(7, payload=[SECRET_WORD])), "the payload is not an object", id="payload a list"),
    pytest.param(json.dumps(a_message(7, payload={"lead": SECRET_WORD})), "no lead id in the payload", id="no lead"),
    pytest.param(json.dumps(a_message(7, received_at=SECRET_WORD)), "received_at is not a time", id="time a word"),
    pytest.param(json.dumps(a_message(7, received_at="2026-03-02T09:00:00")), "received_at has no zone", id="no zone"),
    pytest.param(json.dumps(a_message(7, execution_id="")), "execution_id is not a word", id="empty id"),
    pytest.param(json.dumps(a_message(7, execution_id="\ud800")), "execution_id is not a word", id="half a character"),
    pytest.param(json.dumps(a_message(7, action_id="a\x00b")), "action_id is not a word", id="NUL in the Action"),
    pytest.param(json.dumps(a_message(7, sequence=7)), "sequence is not a word", id="sequence a number"),
]


@pytest.mark.fault("FA11")
@pytest.mark.parametrize(("body", "reason"), POISON)
def test_a_poison_message_harms_nobody_and_its_reason_is_found_by_its_id(
    invoke: Invoke, cloud: Cloud, rings: Invocations, log: io.StringIO, body: str, reason: str
) -> None:
    """It alone is reported (and so ends in the dead letter queue under its id); the log tells why, without a value."""
    before, after = a_message(1), a_message(2)

    answer = invoke("store_events", records(json.dumps(before), body, json.dumps(after)))

    assert reported(answer) == ["message-1"]
    assert cloud.states() == {"01": ("waiting", ""), "02": ("waiting", "")}
    (line,) = [json.loads(text) for text in log.getvalue().splitlines()]
    assert (line["message"], line["message_id"], line["level"]) == (f"rejected: {reason}", "message-1", "WARNING")
    assert SECRET_WORD not in log.getvalue()


@pytest.mark.fault("FA11")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"v": VERSION + 1, "kind": "flow"}, "unknown_version", id="newer version"),
        pytest.param({"v": VERSION - 2}, "unknown_version", id="version before all"),
        pytest.param({"action_id": "no-such-action"}, "action_missing", id="unknown Action"),
    ],
)
def test_a_message_that_cannot_run_here_is_parked_with_its_reason(
    invoke: Invoke, cloud: Cloud, rings: Invocations, changes: dict[str, Any], reason: str
) -> None:
    """It is not reported: it waits as parked with its payload, and the others of its batch run."""
    answer = invoke("store_events", as_records(a_message(1), a_message(2, **changes), a_message(3)))

    assert reported(answer) == []
    assert cloud.states() == {"01": ("waiting", ""), "02": ("parked", reason), "03": ("waiting", "")}
    kept = cloud.log.kept(f"{2:032x}")
    assert kept is not None
    assert json.loads(kept["payload"])["lead"]["id"] == 2


@pytest.mark.fault("FA11")
def test_the_largest_body_that_is_accepted_is_stored_however_it_is_escaped(
    invoke: Invoke, cloud: Cloud, rings: Invocations
) -> None:
    """64 KB of characters that take six each on the queue fit into the inbox, and so does a NUL."""
    start, end = '{"lead": {"id": 5, "note": "', '"}}'
    body = start + "\x01" * (BODY_LIMIT_BYTES - len(start) - len(end)) + end
    nul = json.dumps({"lead": {"id": 6, "note": "a\x00b"}})
    for call in (body, nul):
        assert invoke("receive_action", a_call(call))["statusCode"] == 200
    messages = cloud.messages()
    assert len(messages) == 2

    assert reported(invoke("store_events", as_records(*messages))) == []

    notes = [json.loads(item["payload"])["lead"]["note"] for item in cloud.items() if item["pk"] == f"lane#{LANE}"]
    assert sorted(map(len, notes)) == [3, BODY_LIMIT_BYTES - len(start) - len(end)]
    assert "a\x00b" in notes


# -- time-outs and deliveries


@pytest.mark.fault("FA06")
def test_a_batch_that_runs_out_of_time_reports_the_rest_and_keeps_what_is_done(
    cloud: Cloud, invoke: Invoke, rings: Invocations
) -> None:
    """With less than 10 s left three of ten are given back; they are stored at the next delivery, all ten once."""
    messages = [a_message(number) for number in range(1, 11)]
    left = iter([30_000 - 3_000 * number for number in range(20)])
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(left))
    handler = importlib.import_module("functions.store_events.app").lambda_handler

    answer = handler(as_records(*messages), context)

    done = len(cloud.waiting())
    assert done == 7
    assert reported(answer) == [f"message-{number}" for number in range(done, 10)]
    assert len(rings.payloads) == 1, "what is stored is announced"
    assert reported(invoke("store_events", as_records(*messages[done:]))) == []
    assert cloud.waiting() == [f"{number:02x}" for number in range(1, 11)]


@pytest.mark.fault("FA07", "FA08")
def test_one_batch_in_two_hands_is_stored_once_and_acknowledged_by_both(
    cloud: Cloud, invoke: Invoke, rings: Invocations
) -> None:
    """While one function stores the fourth of ten messages another stores all: both delete them, ten events wait."""
    batch = as_records(*(a_message(number) for number in range(1, 11)))
    answers: list[Any] = []
    use_case: Any = wiring.store_events()
    inbox = use_case._inbox._inbox  # behind the one that counts
    unsteady = inbox._client = Unsteady(inbox._client)
    unsteady.meanwhile["transact_write_items"] = [
        *[lambda: None] * 3,
        lambda: answers.append(invoke("store_events", deepcopy(batch))),
    ]

    answers.append(invoke("store_events", batch))

    assert [reported(answer) for answer in answers] == [[], []]
    assert cloud.waiting() == [f"{number:02x}" for number in range(1, 11)]
    assert len(cloud.states()) == 10


@pytest.mark.fault("FA10")
def test_receives_are_bounded_by_the_mapping_and_not_by_the_functions_concurrency() -> None:
    """A throttled receive would count towards the dead letter queue: only the mapping may bound the workers."""
    function = FUNCTIONS["StoreEventsFunction"]
    mapping = function["Events"]["Arrivals"]["Properties"]

    assert "ReservedConcurrentExecutions" not in function
    assert "MaximumConcurrency" in mapping["ScalingConfig"]
    assert PARAMETERS["VisibilitySeconds"]["Default"] >= 6 * function["Timeout"]
    alarms = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    watched = [alarm for alarm in alarms if "EventsDeadLetterQueue" in json.dumps(alarm, default=str)]
    assert [alarm["MetricName"] for alarm in watched] == ["ApproximateNumberOfMessagesVisible"]


@pytest.mark.fault("FA09", "FA10")
@pytest.mark.pain("P41")
def test_what_ended_in_the_dead_letter_queue_is_restored_whole(
    cloud: Cloud, invoke: Invoke, rings: Invocations
) -> None:
    """30 healthy messages were received too often; a redrive brings all back, each waits once, also if sent twice."""
    redrive = RESOURCES["EventsQueue"]["Properties"]["RedrivePolicy"]
    dead = cloud.sqs.create_queue(QueueName="DeadLetters")["QueueUrl"]
    arn = cloud.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": redrive["maxReceiveCount"]})
    cloud.sqs.set_queue_attributes(
        QueueUrl=cloud.queue_url, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    )
    for number in range(1, 31):
        cloud.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody=json.dumps(a_message(number)))
    while cloud.sqs.receive_message(QueueUrl=cloud.queue_url, MaxNumberOfMessages=10).get("Messages"):
        pass  # received and not deleted, as by throttled functions

    restored: list[dict[str, Any]] = []
    while batch := cloud.sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10).get("Messages"):
        restored += [json.loads(message["Body"]) for message in batch]
        for message in batch:
            cloud.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    assert len(restored) == 30
    for _ in range(2):
        for start in range(0, 30, 10):
            assert reported(invoke("store_events", as_records(*restored[start : start + 10]))) == []

    assert cloud.waiting() == [f"{number:02x}" for number in range(1, 31)]
    assert set(cloud.states().values()) == {("waiting", "")}


# -- versions


@pytest.fixture
def stored() -> Iterator[DynamoWorld]:
    """The tables as version 1 left them in the middle of its work."""
    with local_aws():
        world = DynamoWorld()
        for table, items in json.loads(STORED.read_text("utf-8")).items():
            for item in items:
                world.raw.put_item(TableName=table, Item=dump(item))
        yield world


def bump(world: DynamoWorld, by: int) -> None:
    """Make every item one of another version."""
    for table in ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable"):
        for item in world.items(table):
            item["v"] += by
            if "event" in item:
                item["event"] = json.dumps(json.loads(item["event"]) | {"v": VERSION + by})
            if item.get("sk") == "payload":
                item["version"] = VERSION + by
            world.raw.put_item(TableName=table, Item=dump(item))


def redrive_of(world: DynamoWorld) -> Redrive:
    """The use-case on these tables."""
    return Redrive(
        configurations=world.configurations,
        log=world.log,
        inbox=world.inbox,
        lanes=world.lanes,
        bell=RecordingBell(),
        clock=world.clock,
    )


@pytest.mark.fault("FA18")
@pytest.mark.parametrize("by", [0, -1], ids=["this version", "the version before"])
def test_what_an_earlier_version_stored_is_gone_on_with(stored: DynamoWorld, by: int) -> None:
    """Waiting, writing, reporting, parked, rejected, claims, guards, lane and document: all are read and obeyed."""
    bump(stored, by)

    lease = stored.lanes.take(LANE, START)
    assert lease is None, "the lease of the version before still lives"
    lease = stored.lanes.take(LANE, START.replace(hour=10))
    assert lease is not None
    assert lease.epoch == 2
    due = stored.inbox.due(LANE, far(stored), 99)
    assert [(event.execution_id[-1], event.state.value) for event in due] == [
        ("1", "waiting"),
        ("2", "writing"),
        ("3", "reporting"),
    ]
    assert due[1].intent is not None
    assert due[1].intent.before == ("00Q1",)
    assert due[2].result is not None
    assert due[2].result.record_id == "00Q2"
    assert [event.crashes for event in stored.inbox.claim(due, lease.epoch)] == [0, 1, 1]
    assert list(claim(stored, [(an_event(9), a_claim())])) == ["execution-0002"]
    assert dict(stored.keys.guard({"other": ["guard#lead"]}, START, START)) == {}
    action = stored.configurations.get("action", ACTION)
    assert action is not None
    assert (action.version, action.active) == (1, True)
    assert redrive_of(stored)("execution-0004").done
    assert [each.execution_id[-1] for each in stored.inbox.due(LANE, far(stored), 99)] == ["1", "2", "3", "4", "9"]


@pytest.mark.fault("FA18")
def test_what_a_newer_version_stored_waits_for_it(stored: DynamoWorld) -> None:
    """After a deploy was taken back: events are parked whole, a redrive says what to do, and nothing is half-read."""
    bump(stored, 1)

    assert list(stored.inbox.due(LANE, far(stored), 99)) == []

    records_ = [stored.log.get(f"execution-000{number}") for number in (1, 2, 3)]
    assert [(item or {}).get("state") for item in records_] == ["parked"] * 3
    assert [(item or {}).get("reason") for item in records_] == ["unknown_version"] * 3
    with pytest.raises(UnknownVersionError):
        stored.configurations.get("action", ACTION)
    for item in stored.items("ConfigTable"):
        stored.raw.put_item(TableName="ConfigTable", Item=dump(item | {"v": VERSION}))
    for number in (2, 4, 6):
        answer = redrive_of(stored)(f"execution-000{number}")
        assert not answer.done
        assert "newer version" in answer.note
        assert stored.log.kept(f"execution-000{number}") is not None
    assert list(stored.inbox.due(LANE, far(stored), 99)) == []


@pytest.mark.fault("FA18")
def test_a_message_of_a_newer_version_is_not_redriven_by_the_older_code(
    cloud: Cloud, invoke: Invoke, rings: Invocations
) -> None:
    """Its payload has a shape of its own, so it stays parked until the version that knows it is deployed."""
    newer = a_message(1, v=VERSION + 1, kind="flow", payload={"leads": [{"id": 7}, {"id": 8}]})
    invoke("store_events", as_records(newer))
    world = SimpleNamespace(configurations=cloud.configurations, log=cloud.log)
    redrive = Redrive(
        configurations=world.configurations,
        log=world.log,
        inbox=SimpleNamespace(),  # must not be asked
        lanes=SimpleNamespace(),  # must not be asked
        bell=RecordingBell(),
        clock=SimpleNamespace(),  # must not be asked
    )

    answer = redrive(f"{1:032x}")

    assert not answer.done
    assert f"({VERSION + 1})" in answer.note
    item = cloud.log.get(f"{1:032x}")
    assert item is not None
    assert item["state"] == State.PARKED


# -- rotated webhook keys


def rotate(cloud: Cloud, **secret: Any) -> None:
    """Write another secret, as `leadbridge keys rotate` does."""
    cloud.secretsmanager.put_secret_value(SecretId=cloud.webhook_secret, SecretString=json.dumps(secret))


@pytest.mark.fault("FT10")
def test_a_webhook_key_is_rotated_without_a_call_being_refused(cloud: Cloud) -> None:
    """New key: accepted at once, although our copy is seconds old. Old key: accepted until it is taken away."""
    vault: Any = Unsteady(cloud.secretsmanager)
    receiver = cloud.receiver(secretsmanager=vault)
    old, new = webhook_key(MASTER, ACTION, 1), webhook_key("second", ACTION, 2)

    def call(key: str) -> int:
        return receiver(with_key(sample("apigateway/accepted.json"), key)).status

    assert call(old) == 200
    rotate(cloud, generation=2, key="second", previous={"generation": 1, "key": MASTER})
    cloud.seconds.at += 1.5
    assert [call(new), call(old), call(new)] == [200, 200, 200]
    assert len(vault.called("get_secret_value")) == 2, "read again at the first refusal, and not for every call"
    rotate(cloud, generation=2, key="second")
    cloud.seconds.at += 61
    assert [call(old), call(new)] == [401, 200]
    assert [message["payload"] for message in cloud.messages()] == [PERSON] * 5


@pytest.mark.fault("FT10")
def test_keys_of_neither_secret_open_nothing_and_cost_one_look_a_second(cloud: Cloud) -> None:
    """Both live generations are wrong for the caller: 401, nothing queued, and the secret is read once a second."""
    vault: Any = Unsteady(cloud.secretsmanager)
    receiver = cloud.receiver(secretsmanager=vault)
    rotate(cloud, generation=3, key="third", previous={"generation": 2, "key": "second"})
    keys = [webhook_key(MASTER, ACTION, 1), webhook_key(MASTER, ACTION, 2), webhook_key(MASTER, ACTION, 3)]

    for _ in range(5):
        cloud.seconds.at += 1.5
        for key in keys:
            assert receiver(with_key(sample("apigateway/accepted.json"), key)).status == 401

    assert len(vault.called("get_secret_value")) <= 6
    assert cloud.messages() == []
