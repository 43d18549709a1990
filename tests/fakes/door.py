"""The receive path with everything around it in memory: queue, config table, secret, clock."""

import base64
import json
from typing import Any, cast

from botocore.exceptions import ClientError

from leadbridge.domain.webhook import webhook_key
from leadbridge.receiving import Receiver
from tests.builders.events import a_payload

ACTION = "person-to-lead"
AT_MILLISECONDS = 1_772_452_800_123  # 2026-03-02T12:00:00.123Z
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetItem")


class Queue:
    """The queue's client; keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.broken = False

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803  # the client's spelling
        """Keep a message, or fail."""
        if self.broken:
            raise THROTTLED
        assert QueueUrl == "queue"
        self.sent.append(MessageBody)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803  # the client's spelling
        """Keep messages, or fail; as many at once as the service takes."""
        assert len(Entries) <= 10
        assert sum(len(each["MessageBody"]) for each in Entries) <= 262_144
        for each in Entries:
            self.send_message(QueueUrl=QueueUrl, MessageBody=each["MessageBody"])
        return {}


class Table:
    """The config table's client; holds the state of Actions."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {ACTION: {"active": {"BOOL": True}, "format": {"N": "1"}}}
        self.reads = 0
        self.broken = False

    def get_item(self, *, Key: dict[str, dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803  # the client's spelling
        """The state of one Action."""
        self.reads += 1
        if self.broken:
            raise THROTTLED
        item = self.items.get(Key["sk"]["S"])
        return {} if item is None else {"Item": item}


class Secrets:
    """The secret's client."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {"generation": 1, "key": "master"}
        self.reads = 0
        self.broken = False

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803  # the client's spelling
        """The secret as it is now."""
        self.reads += 1
        if self.broken:
            raise THROTTLED
        assert SecretId == "secret"
        return {"SecretString": json.dumps(self.value)}


class Door:
    """A receiver with its surroundings."""

    def __init__(self, **members: Any) -> None:
        self.queue, self.table, self.secrets = Queue(), Table(), Secrets()
        self.seconds = 1000.0
        self.receiver = Receiver(
            queue_url="queue",
            config_table="config",
            secret_arn="secret",
            sqs=cast("Any", self.queue),
            dynamodb=cast("Any", self.table),
            secretsmanager=cast("Any", self.secrets),
            monotonic=lambda: self.seconds,
            **members,
        )

    @staticmethod
    def key(action: str = ACTION) -> str:
        """The key of an Action."""
        return webhook_key("master", action, 1)

    def call(
        self,
        body: bytes | str | None = None,
        *,
        key: str | None = None,
        action: str = ACTION,
        content_type: str = "",
        **members: Any,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to one call."""
        text = json.dumps(a_payload(7)) if body is None else body
        headers = {"X-Leadbridge-Key": [key if key is not None else self.key(action)]}
        event: dict[str, Any] = {
            "pathParameters": {"action_id": action},
            "requestContext": {"requestTimeEpoch": AT_MILLISECONDS},
            "multiValueHeaders": headers | ({"Content-Type": [content_type]} if content_type else {}),
            "body": base64.b64encode(text).decode() if isinstance(text, bytes) else text,
            "isBase64Encoded": isinstance(text, bytes),
        }
        proxy = self.receiver(event | members).as_proxy()
        assert proxy["headers"]["Content-Type"] == "application/json"
        return proxy["statusCode"], json.loads(proxy["body"])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was made durable."""
        return [json.loads(body) for body in self.queue.sent]
