"""The receive path: authenticate, parse, make durable, answer. Imports botocore and the standard library only.

It runs between a sender that tries once and a queue that keeps, so it does as little as can be done; the
clients of rare reads are created when first needed.
"""

import base64
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.domain import several
from leadbridge.domain.webhook import (
    BODY_LIMIT_BYTES,
    Encoding,
    UnusableBodyError,
    checked,
    encoding_of,
    parse,
    parse_several,
)
from leadbridge.door import MISSING_AGE_SECONDS, Answer, Keyring, body_of, client, headers_of, local_offset, send_batch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: how old the copy of an Action's state may be (issued promise: 30 s)
STATE_AGE_SECONDS = 30.0
#: version of the message, see `domain.event.VERSION`; repeated here because this path imports nothing else
MESSAGE_VERSION = 1
DOCUMENT_FORMAT = 1

logger = logging.getLogger("leadbridge.receive")


class Receiver:
    """Receives webhook calls; one per process."""

    def __init__(
        self,
        *,
        queue_url: str,
        config_table: str,
        secret_arn: str,
        clock_offset: Callable[[], timedelta] = timedelta,
        sqs: "SQSClient | None" = None,
        dynamodb: "DynamoDBClient | None" = None,
        secretsmanager: "SecretsManagerClient | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
        inline: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None,
    ) -> None:
        """`inline` runs an accepted call and gives the answer, or None for one that the queue must take."""
        self._queue_url = queue_url
        self._table = config_table
        self._clock_offset = clock_offset
        self._sqs: SQSClient = sqs or client("sqs")
        self._dynamodb = dynamodb
        self._monotonic = monotonic
        self._inline = inline
        self._keyring = Keyring(secret_arn, secretsmanager=secretsmanager, monotonic=monotonic)
        self._states: dict[str, tuple[float, Mapping[str, Any] | None]] = {}

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        """Answer one API Gateway proxy event, POST or GET of `/actions/{action_id}`; one log line tells the answer."""
        answer = self._answer(event)
        logger.info("call answered %s %s", answer.status, answer.body.get("execution_id", "-"))
        return answer

    def _answer(self, event: Mapping[str, Any]) -> Answer:
        action_id = str((event.get("pathParameters") or {}).get("action_id", ""))
        headers = headers_of(event)
        if not self._keyring.opens(headers.get("x-leadbridge-key", []), action_id):
            return _unauthorized()
        state = self._state(action_id)
        if state is None:
            return _unauthorized()
        return self._accept(event, action_id, headers, state)

    def _accept(
        self,
        event: Mapping[str, Any],
        action_id: str,
        headers: Mapping[str, list[str]],
        state: Mapping[str, Any],
    ) -> Answer:
        is_query = event.get("httpMethod") == "GET"
        body = _query(event) if is_query else body_of(event)
        if not is_query and several.is_several(body):
            return self._accept_several(body, lambda id_: self._envelope(event, action_id, id_, headers), state)
        message = self._envelope(event, action_id, secrets.token_hex(16), headers)
        try:
            encoding = Encoding.FORM if is_query else encoding_of(headers.get("content-type", []), body)
            payload = parse(body, encoding, lead_optional=bool(state.get("lead_optional")))
        except UnusableBodyError as fault:
            return self._reject(message, body, fault)
        status, reason = _disposition(state)
        kind = {"accepted": "event", "parked": "event"}.get(status, "not_run")
        message |= {"kind": kind, "payload": payload, "reason": reason}
        if self._inline and status == "accepted":
            told = self._inline(message)
            if told is not None:
                return Answer(200, told)
        self._send(message)
        return Answer(200, _told(message, status))

    def _accept_several(
        self, body: bytes, envelope: Callable[[str], dict[str, Any]], state: Mapping[str, Any]
    ) -> Answer:
        """Take an array: each person is a call of its own, also one that is rejected; the array only if it is none."""
        from leadbridge.domain.flow_step_queue import batches_of  # rare branch

        base = secrets.token_hex(14)
        try:
            persons = parse_several(body, most=several.MOST, limit=several.LIMIT_BYTES)
        except UnusableBodyError as fault:
            return self._reject(envelope(several.numbered(base, 0)), body, fault)
        status, reason = _disposition(state)
        kind = {"accepted": "event", "parked": "event"}.get(status, "not_run")
        messages, told = [], []
        for place, person in enumerate(persons):
            message = envelope(several.numbered(base, place))
            written = json.dumps(person).encode()
            try:
                if len(written) > BODY_LIMIT_BYTES and several.bytes_of(person) > BODY_LIMIT_BYTES:
                    raise UnusableBodyError("body_too_large", limit=BODY_LIMIT_BYTES)  # noqa: TRY301  # as of one person
                payload = checked(person, lead_optional=bool(state.get("lead_optional")))
            except UnusableBodyError as fault:
                message |= _rejected(written, fault)
                told.append(_told(message, "rejected"))
            else:
                message |= {"kind": kind, "payload": payload, "reason": reason}
                told.append(_told(message, status))
            messages.append(message)
        for batch in batches_of(several.messages_of(MESSAGE_VERSION, messages)):
            send_batch(self._sqs, self._queue_url, batch)
        return Answer(200, {"status": status, "calls": told})

    def _reject(self, message: dict[str, Any], body: bytes, fault: UnusableBodyError) -> Answer:
        message |= _rejected(body, fault)
        self._send(message)
        status = {"body_too_large": 413, "content_type_unknown": 415}.get(fault.reason, 400)
        return Answer(status, _told(message, "rejected"))

    def _envelope(
        self, event: Mapping[str, Any], action_id: str, execution_id: str, headers: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        milliseconds = (event.get("requestContext") or {}).get("requestTimeEpoch") or int(time.time() * 1000)
        received = datetime.fromtimestamp(int(milliseconds) / 1000, UTC) + self._clock_offset()
        return {
            "v": MESSAGE_VERSION,
            "execution_id": execution_id,
            "action_id": action_id,
            "received_at": received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "sequence": f"{int(received.timestamp() * 1000):014d}#{execution_id}",
            "header_names": sorted(headers),
        }

    def _send(self, message: Mapping[str, Any]) -> None:
        """Make the call durable; a failure here becomes a 5xx, the only honest answer left."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))

    def _state(self, action_id: str) -> Mapping[str, Any] | None:
        now = self._monotonic()
        read_at, state = self._states.get(action_id, (float("-inf"), None))
        if now - read_at <= (STATE_AGE_SECONDS if state else MISSING_AGE_SECONDS):
            return state
        try:
            if self._dynamodb is None:
                self._dynamodb = client("dynamodb")
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"pk": {"S": "action"}, "sk": {"S": action_id}},
                ProjectionExpression="active, #format, lead_optional",
                ExpressionAttributeNames={"#format": "format"},
            )
        except (BotoCoreError, ClientError) as error:
            # the key was right: accept on the old copy, or as active; the worker reads the Action again anyway
            logger.warning("Action state not read: %s", type(error).__name__)
            return state or {"active": True, "format": DOCUMENT_FORMAT}
        item = answer.get("Item")
        state = None
        if item:
            state = {"active": item["active"]["BOOL"], "format": int(item["format"]["N"])}
            state["lead_optional"] = "lead_optional" in item
        self._states[action_id] = (now, state)
        return state


def _told(message: Mapping[str, Any], status: str) -> dict[str, Any]:
    """What is answered of a call."""
    told = {"status": status, "execution_id": message["execution_id"]}
    return told | {name: message[name] for name in ("reason", "message") if message.get(name)}


def _rejected(body: bytes, fault: UnusableBodyError) -> dict[str, Any]:
    """The members of a message whose body could not be used."""
    from leadbridge.domain.outcome import message as sentence  # rare branch

    # what is far too large for a person's payload is not kept either, its size is told instead
    kept = (
        base64.b64encode(body).decode() if fault.reason != "body_too_large" and len(body) <= BODY_LIMIT_BYTES else None
    )
    text = sentence(fault.reason, **fault.facts)
    return {"kind": "rejected", "body": kept, "reason": fault.reason, "message": text}


def _disposition(state: Mapping[str, Any]) -> tuple[str, str]:
    if int(state["format"]) > DOCUMENT_FORMAT:
        return "parked", "unknown_version"
    return ("accepted", "") if state["active"] else ("not_active", "not_active")


def _query(event: Mapping[str, Any]) -> bytes:
    """The query string as the body of a form; the gateway gives it decoded, each name with all its values."""
    from leadbridge.domain.webhook_form import query_body

    several = event.get("multiValueQueryStringParameters")
    if several is None:
        return query_body((event.get("queryStringParameters") or {}).items())
    return query_body((name, value) for name, values in several.items() for value in values)


def _unauthorized() -> Answer:
    return Answer(401, {"status": "unauthorized"})


@cache
def from_environment() -> Receiver:
    """The receiver of this process, from the function's environment (read here to keep imports few)."""
    # on AWS the runtime has set up logging (as JSON, see the template) and this does nothing
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    return Receiver(
        queue_url=os.environ["EVENTS_QUEUE_URL"],
        config_table=os.environ["CONFIG_TABLE"],
        secret_arn=os.environ["WEBHOOK_SECRET_ARN"],
        clock_offset=local_offset(os.environ.get("CLOCK_URL", "")),
    )
