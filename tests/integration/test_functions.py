"""Each function driven with the events AWS sends it, on an in-process AWS with the template's tables."""

import base64
import importlib
import io
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadbridge import answering, receiving, wiring
from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.items import dump, load
from leadbridge.aws.log import DynamoLog
from leadbridge.aws.services import SystemClock
from leadbridge.domain.action import Deduplicate, Inline, Mapping, WriteBack
from leadbridge.domain.clauses import Clause, Group
from leadbridge.domain.ids import canonical
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import CustomActivityType, FieldDescription, ObjectDescription
from leadbridge.domain.webhook import BODY_LIMIT_BYTES, webhook_key
from leadbridge.door import Answer
from leadbridge.errors import ConfigurationError
from leadbridge.receiving import STATE_AGE_SECONDS, Receiver
from tests.contract.ports.builders import LANE, an_action
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce, text_field
from tests.integration.aws.local_aws import (
    Invocations,
    SettableSeconds,
    Unsteady,
    client,
    refusal,
    scan,
)
from tests.unit.test_template import FUNCTIONS, TEMPLATE

EVENTS = Path(__file__).parents[2] / "events"
MASTER = "master-key-of-this-test"
ACTION = "person-to-lead"
TABLES = ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable")
PERSON = {
    "lead": {
        "id": 4711,
        "email": "zoe.odd@example.com",
        "firstName": "Zoë",
        "lastName": "O'Dd-Quirke",
        "company": "Quirke & Söhne",
        "phone": "",
        "title": "Head of\tumbrellas",
    },
    "campaign": {"id": "1042", "name": "Spring webinar"},
    "token": {"my.Gift": "a blue umbrella"},
}


def sample(name: str) -> dict[str, Any]:
    """An event file; a call in it carries the valid key instead of the placeholder."""
    event = json.loads((EVENTS / name).read_text("utf-8"))
    key = webhook_key(MASTER, ACTION, 1)
    for headers in (event.get("headers"), event.get("multiValueHeaders")):
        if headers and "X-Leadbridge-Key" in headers:
            given_ = headers["X-Leadbridge-Key"]
            headers["X-Leadbridge-Key"] = key if isinstance(given_, str) else [key] * len(given_)
    return dict(event)


def a_call(body: str | bytes, **headers: str) -> dict[str, Any]:
    """A call with another body, base64-encoded where it is not text."""
    event = sample("apigateway/accepted.json")
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    event["headers"] |= headers
    event["multiValueHeaders"] |= {name: [value] for name, value in headers.items()}
    return event


@dataclass
class Cloud:
    """What the functions work on, and what tests look at."""

    dynamodb: Any
    sqs: Any
    secretsmanager: Any
    queue_url: str
    webhook_secret: str
    environment: dict[str, str]
    seconds: SettableSeconds = field(default_factory=SettableSeconds)

    @property
    def configurations(self) -> DynamoConfigurations:
        """The config table."""
        return DynamoConfigurations(self.dynamodb, table="ConfigTable")

    @property
    def log(self) -> DynamoLog:
        """The executions as operators see them."""
        return DynamoLog(self.dynamodb, table="ExecutionsTable")

    def receiver(self, **parts: Any) -> Receiver:
        """A receiver with clients and a monotonic clock of the test's choice."""
        chosen = {
            "sqs": self.sqs,
            "dynamodb": self.dynamodb,
            "secretsmanager": self.secretsmanager,
            "monotonic": self.seconds,
        } | parts
        return Receiver(queue_url=self.queue_url, config_table="ConfigTable", secret_arn=self.webhook_secret, **chosen)

    def messages(self) -> list[dict[str, Any]]:
        """Take everything off the queue."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in batch]
        return found

    def items(self, table: str = "ExecutionsTable") -> list[dict[str, Any]]:
        """Every item of a table."""
        return [load(item) for item in scan(self.dynamodb, table)]

    def states(self) -> dict[str, tuple[str, str]]:
        """State and reason of every execution, by the last digits of its id."""
        return {
            item["execution_id"][-2:]: (item["state"], item.get("reason", ""))
            for item in self.items()
            if item["sk"] == "log"
        }

    def waiting(self) -> list[str]:
        """Last digits of the ids of the events in the lane, in order."""
        found = [item for item in self.items() if item["pk"] == f"lane#{LANE}"]
        return [item["execution_id"][-2:] for item in sorted(found, key=lambda item: str(item["sk"]))]

    def set_format(self, number: int) -> None:
        """Write the Action's document as another version of the code would have."""
        raw = self.dynamodb.get_item(TableName="ConfigTable", Key=dump({"pk": "action", "sk": ACTION}))["Item"]
        document = json.dumps({"format": number, "of": "another shape"})
        self.dynamodb.put_item(TableName="ConfigTable", Item=raw | dump({"format": number, "document": document}))


def forget_process() -> None:
    """Begin as a new process does: nothing is wired and no client exists."""
    for built in (
        wiring._client,
        wiring.meter,
        wiring.store_events,
        wiring.late_calls,
        wiring.recover_calls,
        wiring.drain_lane,
        wiring.answer_inline,
        wiring.sweep,
        wiring.start_sync,
        wiring.forget_person,
        wiring.run_sync_step,
        wiring.run_cycle_step,
        wiring.start_cycle,
        wiring._tally,
        wiring.send_alerts,
        receiving.from_environment,
        answering.from_environment,
    ):
        built.cache_clear()


@pytest.fixture
def cloud(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A deployed stack, as far as the functions see one: tables, queue, secrets and an active Action."""
    sqs, vault = client("sqs"), client("secretsmanager")
    queue = sqs.create_queue(QueueName="EventsQueue")["QueueUrl"]
    webhook = vault.create_secret(Name="WebhookSecret", SecretString=json.dumps({"generation": 1, "key": MASTER}))
    index = vault.create_secret(Name="IndexKeySecret", SecretString='{"key": "index-key"}')
    vendor = vault.create_secret(Name="VendorSecret")
    known = {name: name for name in (*TABLES, *FUNCTIONS)} | {
        "EventsQueue": queue,
        "WebhookSecret": webhook["ARN"],
        "IndexKeySecret": index["ARN"],
        "VendorSecret": vendor["ARN"],
        "SigningKey": "signing-key",
        "DataBucket": "data-bucket",
        "BulkImportMachine": "import-machine",
        "AlarmTopic": "alarm-topic",
        "AlertsSecret": "alerts-secret",
        "SyncMachine": "sync-machine",
        "CycleMachine": "cycle-machine",
        "SyncScheduleGroup": "syncs",
        "SyncScheduleRole": "schedule-role",
        "InvocationsDeadLetterQueue": "dead-letters",
        "AnnouncementsQueue": "announcements",
        "AnnouncementsDeadLetterQueue": "announcements-dead",
        "EventsDeadLetterQueue": "events-dead",
    }
    environment = {"AWS_LAMBDA_FUNCTION_NAME": "RunActionsFunction"} | resolved(known)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget_process()
    cloud = Cloud(dynamodb, sqs, vault, queue, webhook["ARN"], environment)
    cloud.configurations.put(an_action())
    cloud.configurations.move("action", ACTION, Move.ACTIVATE)
    yield cloud
    forget_process()


def resolved(known: dict[str, str]) -> dict[str, str]:
    """The variables of all functions as the template gives them, with `known` resources."""
    parameters = {name: str(parameter.get("Default", "")) for name, parameter in TEMPLATE["Parameters"].items()}
    values = parameters | known | {"AWS::StackName": "stack-a"}
    found: dict[str, str] = {}
    for holder in (TEMPLATE["Globals"]["Function"], *FUNCTIONS.values()):
        for name, value in holder.get("Environment", {}).get("Variables", {}).items():
            if isinstance(value, str):
                found[name] = value
            elif "Fn::If" in value:
                found[name] = "https://people.example.com"
            else:
                found[name] = values[value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]]
    return found


@dataclass
class Lines:
    """What a worker's logger writes."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    @property
    def text(self) -> str:
        """All lines so far."""
        return self.stream.getvalue()


@pytest.fixture
def lines(cloud: Cloud) -> Iterator[Lines]:
    """The structured log of the workers, whatever test made their loggers first."""
    found = Lines()
    before = []
    for function in ("sweep", "run_actions"):
        importlib.import_module(f"functions.{function}.app")
        handlers = [each for each in logging.getLogger(function).handlers if isinstance(each, logging.StreamHandler)]
        before += [(handler, handler.setStream(found.stream)) for handler in handlers]
    yield found
    for handler, stream in before:
        if stream is not None:
            handler.setStream(stream)


@pytest.fixture
def invoke(cloud: Cloud) -> Callable[..., Any]:
    """Calls a function's handler as Lambda does."""

    def call(function: str, event: dict[str, Any]) -> Any:
        handler = importlib.import_module(f"functions.{function}.app").lambda_handler
        return handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000))

    return call


@pytest.fixture
def rings(cloud: Cloud) -> Invocations:
    """The calls of `run_actions` that the functions asked for."""
    return Invocations(wiring._client("lambda"))


def answer_of(proxy: Members[str, Any]) -> tuple[int, dict[str, Any]]:
    """Status and body of an answer in API Gateway's form."""
    assert proxy["headers"]["Content-Type"] == "application/json"
    return proxy["statusCode"], json.loads(proxy["body"])


# -- receive_action


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: sample("apigateway/accepted.json"), id="as Marketo sends it"),
        pytest.param(lambda: sample("apigateway/charset.json"), id="charset"),
        pytest.param(lambda: sample("apigateway/no-content-type.json"), id="no content type"),
        pytest.param(lambda: a_call(sample("apigateway/accepted.json")["body"].encode()), id="base64"),
    ],
)
def test_a_call_is_accepted_and_on_the_queue(
    cloud: Cloud, invoke: Callable[..., Any], make: Callable[[], dict[str, Any]]
) -> None:
    """However the body is labelled or encoded, the answer is 200 and one message holds the payload as sent."""
    status, body = answer_of(invoke("receive_action", make()))

    (message,) = cloud.messages()
    assert (status, body) == (200, {"status": "accepted", "execution_id": message["execution_id"]})
    assert message["payload"] == PERSON
    assert (message["v"], message["kind"], message["action_id"]) == (1, "event", ACTION)
    assert message["received_at"] == "2026-03-02T09:00:00.123Z"
    assert message["sequence"] == f"01772442000123#{message['execution_id']}"
    assert "x-leadbridge-key" in message["header_names"]
    assert webhook_key(MASTER, ACTION, 1) not in json.dumps(message)


def unknown_action(event: dict[str, Any]) -> dict[str, Any]:
    """A call of an Action that is not there, with the key that would be right for it."""
    event["pathParameters"]["action_id"] = "no-such-action"
    event["multiValueHeaders"]["X-Leadbridge-Key"] = [webhook_key(MASTER, "no-such-action", 1)]
    return event


def with_key(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A call with other keys."""
    event["multiValueHeaders"]["X-Leadbridge-Key"] = list(keys)
    return event


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: sample("apigateway/no-key.json"), id="no key"),
        pytest.param(lambda: sample("apigateway/doubled-key.json"), id="doubled key"),
        pytest.param(lambda: with_key(sample("apigateway/accepted.json"), "v1.wrong"), id="wrong key"),
        pytest.param(lambda: with_key(sample("apigateway/accepted.json"), ""), id="empty key"),
        pytest.param(lambda: with_key(sample("apigateway/accepted.json"), "v1.\xff\u2028"), id="odd characters"),
        pytest.param(
            lambda: with_key(sample("apigateway/accepted.json"), webhook_key(MASTER, "other", 1)),
            id="another Action's key",
        ),
        pytest.param(
            lambda: with_key(sample("apigateway/accepted.json"), webhook_key(MASTER, ACTION, 2)),
            id="generation not issued",
        ),
        pytest.param(lambda: unknown_action(sample("apigateway/accepted.json")), id="unknown Action"),
    ],
)
def test_callers_without_the_key_learn_nothing(
    cloud: Cloud, invoke: Callable[..., Any], make: Callable[[], dict[str, Any]]
) -> None:
    """A wrong, missing or doubled key and an unknown Action are answered alike, and nothing is queued."""
    proxy = invoke("receive_action", make())

    assert answer_of(proxy) == (401, {"status": "unauthorized"})
    assert cloud.messages() == []


def test_a_rotated_key_is_accepted_at_once_beside_the_one_before(cloud: Cloud) -> None:
    """After a rotation, the new generation and the previous one are valid and any older is not."""
    receiver = cloud.receiver()
    assert receiver(sample("apigateway/accepted.json")).status == 200
    rotated = {"generation": 2, "key": "second-master", "previous": {"generation": 1, "key": MASTER}}
    cloud.secretsmanager.put_secret_value(SecretId=cloud.webhook_secret, SecretString=json.dumps(rotated))
    cloud.seconds.at += 2

    keys = (webhook_key("second-master", ACTION, 2), webhook_key(MASTER, ACTION, 1), webhook_key(MASTER, ACTION, 0))
    answers = [receiver(with_key(sample("apigateway/accepted.json"), key)).status for key in keys]

    assert answers == [200, 200, 401]


def test_guessing_does_not_make_the_secret_be_read_each_time(cloud: Cloud) -> None:
    """Many wrong keys within a second cost at most one look at the secret beside the first."""
    vault: Any = Unsteady(cloud.secretsmanager)
    receiver = cloud.receiver(secretsmanager=vault)
    receiver(sample("apigateway/accepted.json"))
    cloud.seconds.at += 2

    for _ in range(20):
        assert receiver(with_key(sample("apigateway/accepted.json"), "v1.guess")).status == 401

    assert len(vault.called("get_secret_value")) == 2


def test_a_call_of_an_action_that_is_not_active_is_answered_and_noted(cloud: Cloud, invoke: Callable[..., Any]) -> None:
    """The answer is 200 with its status and reason; the message keeps the payload for a redrive."""
    cloud.configurations.move("action", ACTION, Move.DEACTIVATE)

    status, body = answer_of(invoke("receive_action", sample("apigateway/accepted.json")))

    (message,) = cloud.messages()
    expected = {"status": "not_active", "execution_id": message["execution_id"], "reason": "not_active"}
    assert (status, body) == (200, expected)
    assert (message["kind"], message["reason"], message["payload"]) == ("not_run", "not_active", PERSON)


@pytest.mark.fault("FA18")
def test_a_call_of_an_action_of_a_newer_format_is_parked(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """The caller is told, the call is stored as parked with its payload, and no worker is rung for."""
    cloud.set_format(2)

    status, body = answer_of(invoke("receive_action", sample("apigateway/accepted.json")))
    (message,) = cloud.messages()
    assert invoke("store_events", as_records(message)) == {"batchItemFailures": []}

    assert (status, body["status"], body["reason"]) == (200, "parked", "unknown_version")
    item, kept = cloud.log.get(body["execution_id"]), cloud.log.kept(body["execution_id"])
    assert item is not None
    assert kept is not None
    assert (item["state"], item["reason"]) == ("parked", "unknown_version")
    assert json.loads(kept["payload"]) == PERSON
    assert rings.payloads == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param('{"lead": {"id": 1, "company": "The "Odd" one"}}', "body_not_json", id="unescaped quote"),
        pytest.param("", "body_not_json", id="empty"),
        pytest.param('{"lead": {"id": NaN}}', "body_not_json", id="not a number"),
        pytest.param('{"lead": {"id": 1}, "lead": {"id": 2}}', "body_not_json", id="member twice"),
        pytest.param('"a text"', "lead_missing", id="a text"),
        pytest.param("[]", "lead_missing", id="nobody"),
        pytest.param('{"person": {"id": 1}}', "lead_missing", id="no lead"),
        pytest.param('{"lead": {"email": "a@example.com"}}', "lead_id_invalid", id="no id"),
        pytest.param('{"lead": {"id": "{{lead.Id}}"}}', "lead_id_invalid", id="token not rendered"),
        pytest.param('{"lead": {"id": 1, "email": {"a": 1}}}', "field_invalid", id="object as value"),
        pytest.param(b"\xff\xfe{}", "body_not_text", id="not UTF-8"),
        pytest.param("[" * 40_000, "body_too_deep", id="deep nesting"),
    ],
)
def test_an_unusable_body_is_refused_and_kept(
    cloud: Cloud, invoke: Callable[..., Any], body: str | bytes, reason: str
) -> None:
    """The answer is 400 and names what is wrong; the call is recorded as rejected and its body can be redriven."""
    status, answer = answer_of(invoke("receive_action", a_call(body)))
    (message,) = cloud.messages()
    assert invoke("store_events", as_records(message)) == {"batchItemFailures": []}

    assert (status, answer["status"], answer["reason"]) == (400, "rejected", reason)
    item, kept = cloud.log.get(answer["execution_id"]), cloud.log.kept(answer["execution_id"])
    assert item is not None
    assert kept is not None
    assert (item["state"], item["reason"], item["message"]) == ("rejected", reason, answer["message"])
    assert base64.b64decode(kept["body"]) == (body if isinstance(body, bytes) else body.encode())
    assert kept["ttl"] == item["ttl"]


def test_a_call_without_a_body_is_refused(invoke: Callable[..., Any]) -> None:
    """API Gateway hands over null where nothing was sent; that is a 400, not a failure."""
    status, answer = answer_of(invoke("receive_action", sample("apigateway/empty-body.json")))

    assert (status, answer["reason"]) == (400, "body_not_json")


def test_marketos_malformed_template_is_refused_with_its_place(invoke: Callable[..., Any]) -> None:
    """A value with a quote breaks the rendered template; the answer tells line and column, not the value."""
    status, answer = answer_of(invoke("receive_action", sample("apigateway/malformed.json")))

    assert status == 400
    assert "line 7 column" in answer["message"]
    assert "Odd" not in answer["message"]


@pytest.mark.parametrize(
    ("size", "status"),
    [pytest.param(BODY_LIMIT_BYTES, 200, id="64 KB"), pytest.param(BODY_LIMIT_BYTES + 1, 413, id="one byte more")],
)
def test_a_body_beyond_the_limit_is_too_large(cloud: Cloud, invoke: Callable[..., Any], size: int, status: int) -> None:
    """The limit counts bytes of the body as sent; what exceeds it is recorded without being kept."""
    start, end = '{"lead": {"id": 1, "note": "é', '"}}'
    body = start + "x" * (size - len((start + end).encode())) + end

    answered, answer = answer_of(invoke("receive_action", a_call(body)))

    (message,) = cloud.messages()
    assert answered == status
    if status == 413:
        assert answer["reason"] == "body_too_large"
        assert (message["kind"], message["body"]) == ("rejected", None)


def test_the_copy_of_an_actions_state_is_at_most_thirty_seconds_old(cloud: Cloud) -> None:
    """A deactivation is seen thirty seconds later at the latest, and until then the table is asked once."""
    dynamodb: Any = Unsteady(cloud.dynamodb)
    receiver = cloud.receiver(dynamodb=dynamodb)
    call = sample("apigateway/accepted.json")
    assert status_of(receiver(call)) == "accepted"
    cloud.configurations.move("action", ACTION, Move.DEACTIVATE)

    cloud.seconds.at += STATE_AGE_SECONDS
    assert (status_of(receiver(call)), len(dynamodb.called("get_item"))) == ("accepted", 1)

    cloud.seconds.at += 0.001
    assert (status_of(receiver(call)), len(dynamodb.called("get_item"))) == ("not_active", 2)
    assert STATE_AGE_SECONDS <= 30


def test_a_new_action_can_be_called_within_a_second(cloud: Cloud) -> None:
    """A call that came too early does not make the Action unknown for longer than a second."""
    receiver = cloud.receiver()
    early = unknown_action(sample("apigateway/accepted.json"))
    assert receiver(early).status == 401
    cloud.configurations.put(an_action(id="no-such-action"))

    cloud.seconds.at += 1.001

    assert status_of(receiver(early)) == "not_active"


def status_of(answer: Answer) -> str:
    """The status member of an answer."""
    return str(answer.body["status"])


@pytest.mark.fault("FA01")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(refusal("ThrottlingException", "GetItem"), id="throttled"),
        pytest.param(refusal("InternalServerError", "GetItem", status=500), id="failing"),
        pytest.param(EndpointConnectionError(endpoint_url="https://dynamodb.example.com"), id="unreachable"),
    ],
)
def test_calls_are_accepted_while_the_database_is_down(cloud: Cloud, fault: Exception) -> None:
    """Without a copy of the state, and with an outdated one, the call is accepted and on the queue."""
    dynamodb: Any = Unsteady(cloud.dynamodb)
    receiver = cloud.receiver(dynamodb=dynamodb)
    call = sample("apigateway/accepted.json")

    dynamodb.before["get_item"] = [fault]
    assert (receiver(call).status, status_of(receiver(call))) == (200, "accepted")
    cloud.seconds.at += STATE_AGE_SECONDS + 1
    dynamodb.before["get_item"] = [fault]
    assert status_of(receiver(call)) == "accepted"

    assert [message["payload"] for message in cloud.messages()] == [PERSON] * 3


def test_what_is_known_of_an_action_holds_while_the_database_is_down(cloud: Cloud) -> None:
    """An Action that was seen inactive stays so as long as nothing newer can be read."""
    cloud.configurations.move("action", ACTION, Move.DEACTIVATE)
    dynamodb: Any = Unsteady(cloud.dynamodb)
    receiver = cloud.receiver(dynamodb=dynamodb)
    call = sample("apigateway/accepted.json")
    receiver(call)
    cloud.seconds.at += STATE_AGE_SECONDS + 1
    dynamodb.before["get_item"] = [refusal("ThrottlingException", "GetItem")]

    assert status_of(receiver(call)) == "not_active"


def test_a_secret_that_cannot_be_read_again_stays_in_use(cloud: Cloud) -> None:
    """When its copy is old and Secrets Manager fails, the right key still opens and a wrong one does not."""
    vault: Any = Unsteady(cloud.secretsmanager)
    receiver = cloud.receiver(secretsmanager=vault)
    receiver(sample("apigateway/accepted.json"))
    cloud.seconds.at += 3600
    vault.before["get_secret_value"] = [refusal("InternalServiceError", "GetSecretValue", status=500)] * 2

    assert receiver(sample("apigateway/accepted.json")).status == 200
    assert receiver(with_key(sample("apigateway/accepted.json"), "v1.wrong")).status == 401


@pytest.mark.fault("FA01")
def test_a_call_that_cannot_be_made_durable_is_not_acknowledged(cloud: Cloud) -> None:
    """With the queue down the function fails, so that API Gateway answers 5xx and nobody believes it arrived."""
    sqs: Any = Unsteady(cloud.sqs)
    receiver = cloud.receiver(sqs=sqs)
    sqs.before["send_message"] = [EndpointConnectionError(endpoint_url="https://sqs.example.com")]

    with pytest.raises(EndpointConnectionError):
        receiver(sample("apigateway/accepted.json"))

    assert cloud.messages() == []


# -- store_events


def as_records(*messages: Members[str, Any]) -> dict[str, Any]:
    """Messages as the queue hands them to `store_events`."""
    template = sample("sqs/batch.json")["Records"][0]
    return {
        "Records": [
            template | {"messageId": f"message-{number}", "body": json.dumps(message)}
            for number, message in enumerate(messages)
        ]
    }


def failures(answer: Members[str, Any]) -> list[int]:
    """Positions (from 1) of the messages that are to come again."""
    return [int(failure["itemIdentifier"][-12:]) for failure in answer["batchItemFailures"]]


def test_a_batch_is_stored_and_its_lane_rung_for_once(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """Events wait in their lane, the rejected and the not-run call are recorded, one worker is called."""
    answer = invoke("store_events", sample("sqs/batch.json"))

    assert failures(answer) == []
    assert cloud.waiting() == ["01", "02"]
    assert cloud.states() == {
        "01": ("waiting", ""),
        "02": ("waiting", ""),
        "03": ("rejected", "body_not_json"),
        "04": ("not_run", "not_active"),
    }
    assert [json.loads(payload) for payload in rings.payloads] == [{"v": 1, "lane": LANE}]
    assert "RunActionsFunction" in rings.targets[0]


@pytest.mark.fault("FA07")
def test_a_redelivered_batch_changes_nothing(cloud: Cloud, invoke: Callable[..., Any], rings: Invocations) -> None:
    """The second delivery is deleted like the first and leaves every item of the table as it was."""
    invoke("store_events", sample("sqs/batch.json"))
    before = sorted(cloud.items(), key=str)

    assert failures(invoke("store_events", sample("sqs/batch.json"))) == []

    assert sorted(cloud.items(), key=str) == before


@pytest.mark.fault("FA11")
def test_poison_messages_are_reported_and_the_others_stored(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """Of ten messages eight are none of ours in one way or another; they come again until they end in the DLQ."""
    answer = invoke("store_events", sample("sqs/poison.json"))

    assert failures(answer) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert cloud.waiting() == ["01", "0a"]
    assert len(rings.payloads) == 1


@pytest.mark.fault("FA18")
def test_messages_of_a_newer_version_are_parked(cloud: Cloud, invoke: Callable[..., Any], rings: Invocations) -> None:
    """Whatever they hold they are kept and shown with their reason; the version before ours runs."""
    answer = invoke("store_events", sample("sqs/newer-version.json"))

    assert failures(answer) == []
    assert cloud.waiting() == ["01", "04"]
    assert cloud.states()["02"] == cloud.states()["03"] == ("parked", "unknown_version")
    kept = cloud.log.kept(f"{2:032x}")
    assert kept is not None
    assert json.loads(kept["payload"])["person"]["email"] == "person2@example.com"


@pytest.mark.fault("FA18")
def test_events_of_an_action_of_a_newer_format_are_parked(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """The receive path could not read the Action and accepted; what stores it parks it, and harms no other."""
    cloud.configurations.put(an_action(id="other"))
    message = json.loads(sample("sqs/batch.json")["Records"][0]["body"])
    cloud.set_format(2)

    answer = invoke("store_events", as_records(message, message | {"execution_id": "ff", "action_id": "other"}))

    assert answer == {"batchItemFailures": []}
    assert cloud.states() == {"01": ("parked", "unknown_version"), "ff": ("waiting", "")}


def test_events_of_an_action_that_is_gone_are_parked(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """An Action deleted after the call was accepted leaves a parked execution that names it."""
    cloud.dynamodb.delete_item(TableName="ConfigTable", Key=dump({"pk": "action", "sk": ACTION}))

    assert failures(invoke("store_events", sample("sqs/batch.json"))) == []

    assert cloud.states()["01"] == cloud.states()["02"] == ("parked", "action_missing")
    assert rings.payloads == []


@pytest.mark.fault("FA01")
def test_only_what_could_not_be_stored_comes_again(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations
) -> None:
    """The table does not answer for one message: that one is reported, the others are stored and rung for."""
    use_case = wiring.store_events()
    unsteady: Any = Unsteady(wiring._client("dynamodb"))
    use_case._inbox = DynamoInbox(
        unsteady,
        executions="ExecutionsTable",
        hash_key=lambda: b"index-key",
        retention=timedelta(days=30),
        now=SystemClock().now,
    )
    gone = EndpointConnectionError(endpoint_url="https://dynamodb.example.com")
    unsteady.meanwhile["transact_write_items"] = [
        lambda: None,
        lambda: unsteady.before["transact_write_items"].append(gone),
    ]

    answer = invoke("store_events", sample("sqs/batch.json"))

    assert failures(answer) == [2]
    assert cloud.waiting() == ["01"]
    assert len(rings.payloads) == 1
    assert failures(invoke("store_events", sample("sqs/batch.json"))) == []
    assert cloud.waiting() == ["01", "02"]


# -- sweep and run_actions


def test_the_sweep_rings_for_due_work_without_a_drainer(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lane whose ring was lost is rung for, its oldest event's age becomes a metric, one line says so."""
    invoke("store_events", sample("sqs/batch.json"))
    rings.payloads.clear()
    capsys.readouterr()

    assert invoke("sweep", sample("scheduler/sweep.json")) == {"lanes": [LANE]}

    assert [json.loads(payload)["lane"] for payload in rings.payloads] == [LANE]
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(metric) for metric in metrics] == [{"_aws", "stack", "OldestWaitingSeconds"}]
    assert metrics[0]["stack"] == "stack-a"
    (line,) = lines.text.splitlines()
    assert json.loads(line)["lanes"] == [LANE]


def test_the_sweep_leaves_a_lane_alone_that_has_a_drainer_or_nothing_due(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """No ring without due work, none while a lease lives; the metric then says zero, so that the alarm can end."""
    assert invoke("sweep", sample("scheduler/sweep.json")) == {"lanes": []}

    invoke("store_events", sample("sqs/batch.json"))
    rings.payloads.clear()
    lanes = wiring.store_events()._lanes
    assert lanes.take(LANE, SystemClock().now()) is not None
    capsys.readouterr()

    assert invoke("sweep", sample("scheduler/sweep.json")) == {"lanes": []}
    assert rings.payloads == []
    (metric,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert metric["OldestWaitingSeconds"] == [0.0]


@pytest.mark.usefixtures("cloud")
def test_a_fire_of_a_sync_that_is_gone_starts_nothing_and_a_step_of_no_run_is_refused(
    invoke: Callable[..., Any],
) -> None:
    """Both functions start with their settings, look into the tables, and say what is missing."""
    assert invoke("start_sync", {"sync": "gone"})["because"] == "gone"
    with pytest.raises(ConfigurationError, match="has no run"):
        invoke("run_sync_step", {"sync": "gone", "slot": "20260302T120000Z"})


def test_a_tick_of_a_cycle_that_is_gone_starts_nothing_and_a_step_of_no_run_is_refused(
    invoke: Callable[..., Any],
) -> None:
    """As with Syncs."""
    assert invoke("start_sync", {"cycle": "gone"})["because"] == "gone"
    with pytest.raises(ConfigurationError, match="has no run"):
        invoke("run_cycle_step", {"cycle": "gone", "slot": "20260302T120000Z"})


def test_a_worker_without_work_gives_the_lane_up(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines
) -> None:
    """On an empty lane the drainer ends at once and leaves the lease free."""
    report = invoke("run_actions", {"v": 1, "lane": LANE})

    assert (report["end"], report["events"]) == ("empty", 0)
    assert wiring.store_events()._lanes.take(LANE, SystemClock().now()) is not None


def test_a_second_worker_leaves_the_lane_to_the_first(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines
) -> None:
    """A drainer that finds the lease taken touches no event."""
    invoke("store_events", sample("sqs/batch.json"))
    assert wiring.store_events()._lanes.take(LANE, SystemClock().now()) is not None

    report = invoke("run_actions", {"v": 1, "lane": LANE})

    assert (report["end"], report["events"]) == ("held by another", 0)
    assert cloud.waiting() == ["01", "02"]


def test_a_worker_parks_events_whose_action_is_gone(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """An Action deleted while its events wait: each is parked with its payload, and the count is a metric."""
    invoke("store_events", sample("sqs/batch.json"))
    cloud.dynamodb.delete_item(TableName="ConfigTable", Key=dump({"pk": "action", "sk": ACTION}))
    capsys.readouterr()

    report = invoke("run_actions", {"v": 1, "lane": LANE})

    assert report["end"] == "empty"
    assert cloud.states()["01"] == cloud.states()["02"] == ("parked", "action_missing")
    assert cloud.waiting() == []
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [metric["Parked"] for metric in metrics if set(metric) == {"_aws", "stack", "Parked"}] == [[2.0]]


@pytest.mark.fault("FA18")
def test_a_worker_parks_events_whose_action_has_a_newer_format(
    cloud: Cloud, invoke: Callable[..., Any], rings: Invocations, lines: Lines
) -> None:
    """A document of the next version arrives while events wait: they are parked, and the lane is not stuck."""
    invoke("store_events", sample("sqs/batch.json"))
    cloud.set_format(2)

    report = invoke("run_actions", {"v": 1, "lane": LANE})

    assert report["end"] == "empty"
    assert cloud.states()["01"] == cloud.states()["02"] == ("parked", "unknown_version")


# -- no personal value outside of queue, lane and kept payload

#: stands in every value below, and nowhere else
MARK = "pvzq"
VALUES = st.one_of(
    st.text(max_size=40).map(lambda text: f"{MARK}{text}{MARK}"),
    st.sampled_from(
        [
            f"{MARK}@example.com",
            f" {MARK.upper()}@EXAMPLE.COM ",
            f'{MARK} "quoted"',
            f"{MARK}\n{MARK}\t\x00",
            f"{{{{lead.{MARK}}}}}",
            f"%s %d {MARK} {{0}} {{execution}}",
            f"<script>{MARK}</script>",
            f"{MARK}\u2028ünï🎈",
            f"${{jndi:{MARK}}}",
            MARK * 200,
        ]
    ),
)
LEADS = st.fixed_dictionaries(
    {"id": st.one_of(st.integers(1, 10**9), st.integers(1, 10**9).map(str), VALUES)},
    optional=dict.fromkeys(("email", "firstName", "lastName", "company", "phone", "title", "note"), VALUES),
)
PAYLOADS = st.fixed_dictionaries(
    {"lead": LEADS},
    optional={
        "token": st.dictionaries(st.sampled_from(["my.Gift", "my.Date"]), VALUES, max_size=2),
        "program": st.fixed_dictionaries({"note": VALUES}),
        "campaign": st.fixed_dictionaries(
            {}, optional={"id": st.fixed_dictionaries({"of": VALUES}), "name": st.lists(VALUES, max_size=2)}
        ),
        "event_id": st.one_of(VALUES, st.lists(VALUES, max_size=1)),
        "extra": VALUES,
    },
)


def in_vendors_shape(cloud: Cloud) -> FakeConnections:
    """Vendor doubles behind `run_actions`, and an Action with a condition, a dedupe rule and a typed field."""
    cloud.configurations.put(
        an_action(
            mappings=[
                Mapping(to="Email", column="email"),
                Mapping(to="LastName", column="lastName"),
                Mapping(to="NumberOfEmployees", column="company"),
            ],
            deduplicate=Deduplicate(columns=["email"]),
            conditions=Group(clauses=[Clause(column="title", operator="is_empty")]),
            writeback=[WriteBack(to="salesforceId", field="Id")],
        )
    )
    fields = (
        text_field("Id"),
        text_field("Email", type="email"),
        text_field("LastName"),
        FieldDescription(name="NumberOfEmployees", type="int"),
    )
    marketo = FakeMarketo(
        ObjectDescription(name="leads", fields={"salesforceId": text_field("salesforceId")}),
        CustomActivityType(
            id=100001,
            api_name="leadbridgeResult",
            status="approved",
            primary_attribute="result",
            attributes={"executionId": "string", "message": "string"},
        ),
    )
    lead = ObjectDescription(name="Lead", fields={each.name: each for each in fields})
    return FakeConnections(marketo={"marketo-demo": marketo}, salesforce={LANE: FakeSalesforce(lead)})


def rendered(payload: Members[str, Any]) -> str:
    """The payload as JSON."""
    return json.dumps(payload)


def rendered_as_marketo_does(payload: Members[str, Any]) -> str:
    """The payload with its values put into the template as they are, quotes and all."""
    members = ", ".join(f'"{name}": "{value}"' for name, value in payload["lead"].items())
    return f'{{"lead": {{{members}}}}}'


def test_no_personal_value_is_in_a_log_line_a_metric_or_a_stored_execution(
    cloud: Cloud,
    invoke: Callable[..., Any],
    rings: Invocations,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Odd payloads go through receiving, storing and a run; only queue, lane items and kept payloads hold values."""
    caplog.set_level(logging.DEBUG, logger="leadbridge")
    seen = 0

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(PAYLOADS, st.sampled_from([rendered, rendered_as_marketo_does])), min_size=1, max_size=8))
    def check(batch: list[tuple[dict[str, Any], Callable[[Members[str, Any]], str]]]) -> None:
        nonlocal seen
        for payload, render in batch:
            proxy = invoke("receive_action", a_call(render(payload)))
            assert MARK not in json.dumps(proxy, ensure_ascii=False).casefold()
        messages = cloud.messages()
        seen += len(messages)
        assert invoke("store_events", as_records(*messages)) == {"batchItemFailures": []}

    check()
    cloud.dynamodb.delete_item(TableName="ConfigTable", Key=dump({"pk": "action", "sk": ACTION}))
    invoke("run_actions", {"v": 1, "lane": LANE})
    invoke("sweep", sample("scheduler/sweep.json"))

    written = capsys.readouterr()
    records = [item for item in cloud.items() if item["sk"] == "log"]
    assert len(records) == seen > 15
    assert {item["state"] for item in records} == {"parked", "rejected"}
    assert MARK not in json.dumps(records, default=str, ensure_ascii=False).casefold()
    for table in ("StateTable", "KeysTable", "ConfigTable"):
        assert MARK not in json.dumps(cloud.items(table), default=str).casefold()
    for text in (written.out, written.err, lines.text, caplog.text):
        assert MARK not in text.casefold()
    assert "call answered" in caplog.text
    assert "Parked" in written.out
    assert "lane drained" in lines.text
    assert all(MARK.encode() not in payload for payload in rings.payloads)


def test_no_personal_value_is_left_of_calls_that_have_ended(
    cloud: Cloud,
    invoke: Callable[..., Any],
    rings: Invocations,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Odd calls are created, updated, skipped, found duplicate and failed; no table keeps a value of any of them."""
    caplog.set_level(logging.DEBUG, logger="leadbridge")
    vendors = in_vendors_shape(cloud)
    run_events = wiring.drain_lane()._run_events
    parts: list[Any] = [run_events, run_events._report, run_events._match, run_events._read_missing]
    for part in parts:
        part._connections = vendors
    odd = [f"{MARK} two\nlines", f'"{MARK}"', f"{MARK}\u2028{{0}} %s", "", "12", f"{MARK}é🎈"]
    for number in range(1, 25):
        lead = {
            "id": number,
            "email": {1: f"{MARK} no address", 2: ""}.get(number % 8, f" {MARK.upper()}{number // 2}@Example.com"),
            "lastName": odd[number % 6],
            "company": odd[number // 2 % 6],
            "title": MARK if number % 5 == 4 else "",
        }
        vendors.marketo("marketo-demo").load(number)
        assert invoke("receive_action", a_call(json.dumps({"lead": lead, "token": {"t": MARK}})))["statusCode"] == 200
    assert invoke("store_events", as_records(*cloud.messages())) == {"batchItemFailures": []}

    report = invoke("run_actions", {"v": 1, "lane": LANE})

    assert (report["end"], report["events"]) == ("empty", 24)
    outcomes = Counter(item["outcome"] for item in cloud.items() if item["sk"] == "log")
    assert set(outcomes) >= {"created", "skipped", "duplicate", "failed"}
    assert sum(outcomes.values()) == 24
    assert any(MARK in str(record) for record in vendors.salesforce(LANE).records("Lead"))
    for table in TABLES:
        assert MARK not in json.dumps(cloud.items(table), default=str, ensure_ascii=False).casefold()
    written = capsys.readouterr()
    for text in (written.out, written.err, lines.text, caplog.text):
        assert MARK not in text.casefold()


# -- answer_inline


def waiting_call(lead: Members[str, Any], **members: Any) -> dict[str, Any]:
    """A call that has just come to the gateway."""
    event = a_call(json.dumps({"lead": lead} | members))
    event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
    return event


def with_inline(cloud: Cloud) -> FakeConnections:
    """Vendor doubles behind `answer_inline`, and an Action that answers inline."""
    vendors = in_vendors_shape(cloud)
    stored = cloud.configurations.get("action", ACTION)
    assert stored is not None
    cloud.configurations.put(stored.document.model_copy(update={"inline": Inline()}))
    run_events = wiring.answer_inline()._run_events
    parts: list[Any] = [run_events, run_events._report, run_events._match, run_events._read_missing]
    for part in parts:
        part._connections = vendors
    return vendors


def test_a_call_is_answered_with_what_was_written(
    cloud: Cloud,
    invoke: Callable[..., Any],
    rings: Invocations,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On the template's tables: the record's id is in the answer, the event is back in its lane with a ring for it,
    nothing is on the queue, and no value of the person is in a log line, a metric or a stored execution."""
    caplog.set_level(logging.DEBUG, logger="leadbridge")
    vendors = with_inline(cloud)
    person = {"id": 7, "email": f"{MARK}@example.com", "lastName": MARK, "company": "12"}
    vendors.marketo("marketo-demo").load(7)

    status, answer = answer_of(invoke("answer_inline", waiting_call(person, event_id="order-1")))
    again = answer_of(invoke("answer_inline", waiting_call(person, event_id="order-1")))[1]
    skipped = answer_of(invoke("answer_inline", waiting_call(person | {"id": 8, "title": MARK})))[1]

    (record,) = vendors.salesforce(LANE).records("Lead")
    assert (status, answer["status"], answer["outcome"]) == (200, "done", "created")
    assert answer["values"] == {"salesforceId": record["Id"]}
    assert (again["status"], again["outcome"]) == ("done", "duplicate")
    assert (skipped["status"], skipped["outcome"]) == ("done", "skipped")
    assert cloud.messages() == []
    assert [json.loads(payload) for payload in rings.payloads] == [{"v": 1, "lane": LANE}]
    (waits,) = [item for item in cloud.items() if item["pk"] == f"lane#{LANE}"]
    assert (waits["execution_id"], waits["epoch"], waits["answered"]) == (answer["execution_id"], 0, True)
    assert not any("owner" in item and item["pk"].startswith("guard") for item in cloud.items("KeysTable"))
    records = [item for item in cloud.items() if item["sk"] == "log"]
    assert len(records) == 3
    written = capsys.readouterr()
    for text in (json.dumps(records, default=str), written.out, written.err, caplog.text):
        assert MARK not in text.casefold()
    assert "InlineAnswers" in written.out


@pytest.mark.parametrize("why", ["not inline", "tables away"])
def test_a_call_that_cannot_be_run_inline_is_queued(
    cloud: Cloud, invoke: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Through the same door, an Action that does not answer inline, and tables that do not answer: accepted, queued."""
    if why == "tables away":
        with_inline(cloud)

        def away(*_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example.com")

        monkeypatch.setattr(wiring.answer_inline()._inbox, "add", away)

    status, answer = answer_of(invoke("answer_inline", waiting_call({"id": 7, "email": "ada@example.com"})))

    (message,) = cloud.messages()
    assert (status, answer) == (200, {"status": "accepted", "execution_id": message["execution_id"]})
    assert cloud.items() == []


def test_strangers_are_answered_alike_by_both_doors(cloud: Cloud, invoke: Callable[..., Any]) -> None:
    """Without the key nothing is run, stored or told."""
    with_inline(cloud)

    assert answer_of(invoke("answer_inline", sample("apigateway/no-key.json"))) == (401, {"status": "unauthorized"})
    assert (cloud.messages(), cloud.items()) == ([], [])


def test_an_object_without_a_name_is_asked_for_by_nobody(cloud: Cloud) -> None:
    """The SDK looks once more at what is asked of S3, unlike at what is asked of tables: no key means the bucket."""
    del cloud
    with pytest.raises(ParamValidationError):
        wiring._client("s3").delete_object(Bucket="bucket", Key="")


# -- forget_person


def test_a_person_is_forgotten_by_an_order(cloud: Cloud, invoke: Callable[..., Any]) -> None:
    """The receipt tells what was found in tables and files; it is gone, and an order of nobody is refused."""
    for name in ("announcements", "announcements-dead", "events-dead", "dead-letters"):
        cloud.sqs.create_queue(QueueName=name)
    s3 = client("s3")
    s3.create_bucket(Bucket="data-bucket")
    s3.put_object(Bucket="data-bucket", Key="bulk/a/extract.csv", Body=b"id,email\r\n4711,ada@example.com\r\n")
    key = {"pk": "cycle#main#people#07", "sk": "4711"}
    record = canonical("0035g00000ADA01")
    cloud.dynamodb.put_item(TableName="StateTable", Item=dump({**key, "salesforce_id": record}))
    order = {"email": "ada@example.com", "ids": [], "remove": True, "by": "somebody"}

    receipt = invoke("forget_person", order)

    assert [each["place"] for each in receipt["found"]] == ["links", "files"]
    assert receipt["ids"] == {"marketo": ["4711"], "salesforce": [record]}
    assert [each["pk"] for each in cloud.items("StateTable")] == ["erasures"]
    assert "Contents" not in s3.list_objects_v2(Bucket="data-bucket")
    assert "--email" in invoke("forget_person", order | {"email": "nobody"})["refused"][0]
