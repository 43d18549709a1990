"""The receive side of Marketo's flow steps: install document, definition, picklists, status, and chunks of people.

A chunk is durable before it is answered: all of its messages are on the queue, or the answer is a 5xx. Imports
botocore and the standard library only, as `receiving` does.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.domain import flow_step_service as service
from leadbridge.domain.flow_step import Invocation, UnusableChunkError, callback_hosts, parse_chunk
from leadbridge.domain.flow_step_queue import batches_of, messages_of
from leadbridge.door import MISSING_AGE_SECONDS, Answer, Keyring, body_of, client, headers_of, local_offset, send_batch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: how old the copies of documents may be
DOCUMENT_AGE_SECONDS = 30.0
DOCUMENT_FORMAT = 1

logger = logging.getLogger("leadbridge.flow_step")

type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """An HTTP answer that is not JSON."""

    content_type: str
    text: str
    status: int = 200

    def as_proxy(self) -> dict[str, Any]:
        """The answer in API Gateway's proxy form."""
        headers = {"Content-Type": self.content_type, "Cache-Control": "public, max-age=86400"}
        return {"statusCode": self.status, "headers": headers, "body": self.text}


class FlowSteps:
    """Answers Marketo's flow-step calls; one per process."""

    def __init__(
        self,
        *,
        queue_url: str,
        config_table: str,
        secret_arn: str,
        callback_hosts: Sequence[str],
        local_hosts: frozenset[str] = frozenset(),
        is_local: bool = False,
        clock_offset: Callable[[], timedelta] = timedelta,
        sqs: "SQSClient | None" = None,
        dynamodb: "DynamoDBClient | None" = None,
        secretsmanager: "SecretsManagerClient | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue_url = queue_url
        self._table = config_table
        self._hosts = tuple(callback_hosts)
        self._local_hosts = local_hosts
        self._is_local = is_local
        self._clock_offset = clock_offset
        self._sqs = sqs
        self._dynamodb = dynamodb
        self._monotonic = monotonic
        self._keyring = Keyring(secret_arn, secretsmanager=secretsmanager, monotonic=monotonic)
        self._documents: dict[tuple[str, str], tuple[float, Document | None]] = {}

    def __call__(self, event: Mapping[str, Any]) -> Answer | File:
        """Answer a proxy event of `/flow-step/{connection}/{mapping}/{operation}`; one log line tells the answer."""
        answer = self._answer(event)
        operation = (event.get("pathParameters") or {}).get("operation")
        known = operation if operation in OPEN or operation in KEYED else "-"
        chunk = answer.body.get("chunk", "-") if isinstance(answer, Answer) else "-"
        logger.info("flow step %s answered %s %s", known, answer.status, chunk)
        return answer

    def _answer(self, event: Mapping[str, Any]) -> Answer | File:
        parameters = event.get("pathParameters") or {}
        operation, method = str(parameters.get("operation", "")), str(event.get("httpMethod", ""))
        mapping = str(parameters.get("mapping", ""))
        if mapping not in set(service.MappingMode) or method not in {OPEN.get(operation), KEYED.get(operation)}:
            return Answer(404, {"status": "not_found"})
        if operation in OPEN:
            return self._describe(event, operation)
        connection, headers = str(parameters.get("connection", "")), headers_of(event)
        if not self._keyring.opens(headers.get(service.KEY_HEADER.lower(), []), service.key_subject(connection)):
            return Answer(401, {"status": "unauthorized"})
        if method == "POST":
            is_picklist = operation == "getPicklist"
            return self._pick(event, connection) if is_picklist else self._accept(event, connection, sorted(headers))
        actions = self._active_actions(connection)
        if operation == "status":
            return Answer(200, service.status(actions))
        return Answer(200, service.definition(actions, service.MappingMode(mapping)))

    # what needs no key

    def _describe(self, event: Mapping[str, Any], operation: str) -> Answer | File:
        if operation == "openapi.json":
            return Answer(200, service.openapi(self._own_url(event)))
        if operation == "providerInstructions":
            return File("text/html; charset=utf-8", service.INSTRUCTIONS)
        return File("image/svg+xml", service.ICON)

    def _own_url(self, event: Mapping[str, Any]) -> str:
        """Where the document lies, without its name: the stage is part of the path, unless a domain hides it."""
        context = event.get("requestContext") or {}
        host, path = context.get("domainName"), str(context.get("path") or "")
        if self._is_local or not host:
            return "."
        return f"https://{host}{path.rpartition('/')[0]}"

    # what Marketo asks for

    def _pick(self, event: Mapping[str, Any], connection: str) -> Answer:
        try:
            asked = json.loads(body_of(event))
        except ValueError:
            asked = None
        name = asked.get("name") if isinstance(asked, dict) and asked.get("type") == "flow" else None
        lists = self._all("list") if name == "list" else []
        found = service.choices(str(name), actions=self._active_actions(connection), lists=lists)
        if found is None:
            return Answer(400, {"status": "rejected", "findings": ["There is no flow parameter of this name."]})
        return Answer(200, {"choices": found})

    # chunks

    def _accept(self, event: Mapping[str, Any], connection: str, header_names: Sequence[str]) -> Answer:
        try:
            invocation = parse_chunk(body_of(event), hosts=self._hosts, local_hosts=self._local_hosts)
        except UnusableChunkError as unusable:
            return Answer(400, {"status": "rejected", "findings": list(unusable.findings)})
        if self._is_foreign(invocation, connection):
            finding = "The chunk is of another Marketo instance than the connection in the address of the service."
            return Answer(403, {"status": "rejected", "findings": [finding]})
        actions = {each.action_id for each in invocation.people}
        messages = messages_of(
            invocation,
            received_at=self._received_at(event),
            header_names=header_names,
            obstacles={each: self._obstacle(each, connection) for each in actions},
        )
        for batch in batches_of(messages):
            self._send(batch)
        return Answer(201, {"status": "accepted", "chunk": invocation.chunk_id})

    def _is_foreign(self, invocation: Invocation, connection: str) -> bool:
        """Whether the people are of another instance: their ids would be those of other people here."""
        known = self._document("marketo_connection", connection)
        host = (urlsplit(str(known.get("base_url", ""))).hostname or "") if known else ""
        # the simulators of a local stack have no host of their own
        return host.endswith(".mktorest.com") and host != f"{invocation.munchkin_id.lower()}.mktorest.com"

    def _obstacle(self, action_id: str, connection: str) -> str:
        """Why the people of an Action are not run; empty if they are."""
        found = self._document("action", action_id) if action_id else None
        if found is None or _instance_of(found) != connection:
            return "action_missing"
        return "" if found["active"] else "not_active"

    def _received_at(self, event: Mapping[str, Any]) -> datetime:
        milliseconds = (event.get("requestContext") or {}).get("requestTimeEpoch") or int(time.time() * 1000)
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) + self._clock_offset()

    def _send(self, batch: Sequence[str]) -> None:
        """Make a part of a chunk durable; a failure here becomes a 5xx, the only honest answer left.

        What was sent before the failure is run all the same: Marketo hears nothing of it, as after a webhook whose
        answer was lost, and the chunk sent again with its token is the same chunk.
        """
        if self._sqs is None:
            self._sqs = client("sqs")
        send_batch(self._sqs, self._queue_url, batch)

    # documents

    def _active_actions(self, connection: str) -> list[Document]:
        return [each for each in self._all("action") if each["active"] and _instance_of(each) == connection]

    def _document(self, kind: str, identifier: str) -> Document | None:
        now = self._monotonic()
        read_at, found = self._documents.get((kind, identifier), (float("-inf"), None))
        if now - read_at <= (DOCUMENT_AGE_SECONDS if found else MISSING_AGE_SECONDS):
            return found
        try:
            answer = self._config.get_item(TableName=self._table, Key={"pk": {"S": kind}, "sk": {"S": identifier}})
        except (BotoCoreError, ClientError) as error:
            # an older copy will do, for the worker reads the Action again; without one nothing can be promised
            if found is None:
                raise
            logger.warning("document not read, the copy stays in use: %s", type(error).__name__)
            return found
        document = _stored(answer["Item"]) if "Item" in answer else None
        self._documents[kind, identifier] = (now, document)
        return document

    def _all(self, kind: str) -> list[Document]:
        pages = self._config.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        return [_stored(item) for page in pages for item in page["Items"]]

    @property
    def _config(self) -> "DynamoDBClient":
        if self._dynamodb is None:
            self._dynamodb = client("dynamodb")
        return self._dynamodb


#: operations and their method; those of the second table need the key
OPEN = {"openapi.json": "GET", "brandIcon": "GET", "serviceIcon": "GET", "providerInstructions": "GET"}
KEYED = {
    "getServiceDefinition": "GET",
    "status": "GET",
    "getPicklist": "POST",
    "submitAsyncAction": "POST",
    # the vendor's guide and its schema name the same call differently
    "async": "POST",
}


def _stored(item: Mapping[str, Any]) -> Document:
    """A document of the config table; one of a newer format is taken as it is, and the worker parks its people."""
    document: dict[str, Any] = json.loads(item["document"]["S"])
    return document | {"active": bool(item["active"]["BOOL"]) or int(item["format"]["N"]) > DOCUMENT_FORMAT}


def _instance_of(action: Document) -> str:
    """The connection of the Marketo instance whose people an Action takes: its source, or all it has."""
    ends = [action.get(name, {}) for name in ("source", "destination")]
    return str(ends[1 if "operation" in ends[1] else 0].get("connection", ""))


@cache
def from_environment() -> FlowSteps:
    """The receiver of this process, from the function's environment (read here to keep imports few)."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    is_local = os.environ["STAGE"] == "local"
    hosts = os.environ.get("VENDOR_HOSTS", "").split(",") if is_local else []
    return FlowSteps(
        queue_url=os.environ["EVENTS_QUEUE_URL"],
        config_table=os.environ["CONFIG_TABLE"],
        secret_arn=os.environ["WEBHOOK_SECRET_ARN"],
        callback_hosts=callback_hosts(os.environ["CALLBACK_HOSTS"]),
        local_hosts=frozenset(host.strip() for host in hosts if host.strip()),
        is_local=is_local,
        clock_offset=local_offset(os.environ.get("CLOCK_URL", "")),
    )
