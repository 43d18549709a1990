"""The receive side of flow steps with everything around it in memory: queue, config table, secret."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from leadbridge.domain.action import Configuration, as_document
from leadbridge.domain.flow_step_service import key_subject
from leadbridge.domain.webhook import webhook_key
from leadbridge.flow_steps import FlowSteps
from tests.builders.actions import MARKETO, an_action, an_action_document
from tests.builders.flow_steps import HOSTS, an_invocation, body_of
from tests.fakes.door import THROTTLED, Secrets

AT_MILLISECONDS = 1_772_452_800_123  # 2026-03-02T12:00:00.123Z


class BatchQueue:
    """The queue's client; keeps what was sent, and refuses as it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.batches: list[int] = []
        self.broken = False
        #: how many entries of the next calls are refused
        self.refuses: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803  # the client's spelling
        """Keep messages, or fail."""
        if self.broken:
            raise THROTTLED
        assert QueueUrl == "queue"
        size = sum(len(each["MessageBody"].encode()) for each in Entries)
        assert len(Entries) <= 10
        assert size <= 262_144
        self.batches.append(size)
        refused = self.refuses.pop(0) if self.refuses else 0
        self.sent += [each["MessageBody"] for each in Entries[refused:]]
        return {"Failed": [{"Id": each["Id"]} for each in Entries[:refused]]}

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was made durable."""
        return [json.loads(body) for body in self.sent]


class Documents:
    """The config table's client; holds documents."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.reads = 0
        self.broken = False

    def keep(self, document: Configuration, *, active: bool = True, format_: int = 1) -> None:
        """Store a document as the adapter does."""
        self.items[document.kind, document.id] = {
            "document": {"S": json.dumps(as_document(document))},
            "active": {"BOOL": active},
            "format": {"N": str(format_)},
        }

    def get_item(self, *, Key: dict[str, dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803  # the client's spelling
        """One document."""
        self.reads += 1
        if self.broken:
            raise THROTTLED
        item = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {} if item is None else {"Item": item}

    def get_paginator(self, operation: str) -> "Documents":
        """The pages of a query."""
        assert operation == "query"
        return self

    def paginate(self, *, ExpressionAttributeValues: dict[str, dict[str, str]], **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803  # the client's spelling
        """All documents of a kind, each on a page of its own."""
        kind = ExpressionAttributeValues[":kind"]["S"]
        for (found, _name), item in sorted(self.items.items()):
            if found == kind:
                yield {"Items": [item]}


class FlowStepDoor:
    """The receiver with one active Action."""

    def __init__(self, **members: Any) -> None:
        self.queue, self.documents, self.secrets = BatchQueue(), Documents(), Secrets()
        self.seconds = 1000.0
        self.documents.keep(an_action())
        options: dict[str, Any] = {
            "queue_url": "queue",
            "config_table": "config",
            "secret_arn": "secret",
            "callback_hosts": HOSTS,
            "sqs": cast("Any", self.queue),
            "dynamodb": cast("Any", self.documents),
            "secretsmanager": cast("Any", self.secrets),
            "monotonic": lambda: self.seconds,
        }
        self.receiver = FlowSteps(**options | members)

    @staticmethod
    def key(connection: str = MARKETO, generation: int = 1, master: str = "master") -> str:
        """The key of a connection's service."""
        return webhook_key(master, key_subject(connection), generation)

    def ask(
        self,
        operation: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        connection: str = MARKETO,
        mapping: str = "fields",
        **members: Any,
    ) -> tuple[int, Any]:
        """Status and content of the answer to one call: an object, or the text of what is not JSON."""
        event: dict[str, Any] = {
            "httpMethod": "GET" if body is None else "POST",
            "pathParameters": {"connection": connection, "mapping": mapping, "operation": operation},
            "requestContext": {"requestTimeEpoch": AT_MILLISECONDS},
            "multiValueHeaders": {"X-Leadbridge-Key": [self.key(connection) if key is None else key]},
            "body": None if body is None else body.decode("utf-8", "surrogateescape"),
            "isBase64Encoded": False,
        }
        proxy = self.receiver(event | members).as_proxy()
        is_json = proxy["headers"]["Content-Type"] == "application/json"
        return proxy["statusCode"], json.loads(proxy["body"]) if is_json else proxy["body"]

    def submit(self, people: int = 2, **changes: Any) -> tuple[int, Any]:
        """The answer to a chunk."""
        return self.ask("submitAsyncAction", body_of(an_invocation(people, **changes)))


def another_action(identifier: str, **changes: Any) -> Any:
    """An Action with another id."""
    return an_action(**an_action_document(id=identifier, name=identifier.title(), **changes))
