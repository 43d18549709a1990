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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from leadbridge.domain.webhook import Encoding, UnusableBodyError, encoding_of, is_authentic, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: the sender hangs up after 30 s; two short tries leave it an answer in any case
CLIENT = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
#: how old the copy of an Action's state may be (issued promise: 30 s)
STATE_AGE_SECONDS = 30.0
#: a missing Action is asked for again this soon, so that a new one works at once
MISSING_AGE_SECONDS = 1.0
SECRET_AGE_SECONDS = 60.0
#: version of the message, see `domain.event.VERSION`; repeated here because this path imports nothing else
MESSAGE_VERSION = 1
DOCUMENT_FORMAT = 1

logger = logging.getLogger("leadbridge.receive")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status and a small JSON object."""

    status: int
    body: Mapping[str, Any]

    def as_proxy(self) -> dict[str, Any]:
        """The answer in API Gateway's proxy form."""
        return {
            "statusCode": self.status,
            "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
            "body": json.dumps(self.body),
        }


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
    ) -> None:
        self._queue_url = queue_url
        self._table = config_table
        self._secret_arn = secret_arn
        self._clock_offset = clock_offset
        self._sqs: SQSClient = sqs or _client("sqs")
        self._dynamodb = dynamodb
        self._secretsmanager = secretsmanager
        self._monotonic = monotonic
        self._secret: tuple[float, Mapping[str, Any]] | None = None
        self._states: dict[str, tuple[float, Mapping[str, Any] | None]] = {}

    def __call__(self, event: Mapping[str, Any]) -> Answer:
        """Answer one API Gateway proxy event, POST or GET of `/actions/{action_id}`; one log line tells the answer."""
        answer = self._answer(event)
        logger.info("call answered %s %s", answer.status, answer.body.get("execution_id", "-"))
        return answer

    def _answer(self, event: Mapping[str, Any]) -> Answer:
        action_id = str((event.get("pathParameters") or {}).get("action_id", ""))
        headers = _headers(event)
        if not self._authentic(headers.get("x-leadbridge-key", []), action_id):
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
        execution_id = secrets.token_hex(16)
        is_query = event.get("httpMethod") == "GET"
        body = _query(event) if is_query else _body(event)
        message = self._envelope(event, action_id, execution_id, headers)
        try:
            encoding = Encoding.FORM if is_query else encoding_of(headers.get("content-type", []), body)
            payload = parse(body, encoding)
        except UnusableBodyError as fault:
            return self._reject(message, body, fault)
        status, reason = _disposition(state)
        kind = {"accepted": "event", "parked": "event"}.get(status, "not_run")
        self._send(message | {"kind": kind, "payload": payload, "reason": reason})
        return Answer(200, {"status": status, "execution_id": execution_id} | ({"reason": reason} if reason else {}))

    def _reject(self, message: dict[str, Any], body: bytes, fault: UnusableBodyError) -> Answer:
        from leadbridge.domain.outcome import message as sentence  # rare branch

        text = sentence(fault.reason, **fault.facts)
        # what is far too large for a person's payload is not kept either, its size is told instead
        kept = base64.b64encode(body).decode() if fault.reason != "body_too_large" else None
        self._send(message | {"kind": "rejected", "body": kept, "reason": fault.reason, "message": text})
        status = {"body_too_large": 413, "content_type_unknown": 415}.get(fault.reason, 400)
        answer = {"status": "rejected", "execution_id": message["execution_id"], "reason": fault.reason}
        return Answer(status, answer | {"message": text})

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

    def _authentic(self, given: list[str], action_id: str) -> bool:
        if is_authentic(given, self._master(refresh=False), action_id):
            return True
        # a key of a generation newer than our copy of the secret: look once before refusing, at most each second
        if self._secret and self._monotonic() - self._secret[0] < MISSING_AGE_SECONDS:
            return False
        return is_authentic(given, self._master(refresh=True), action_id)

    def _master(self, *, refresh: bool) -> Mapping[str, Any]:
        now = self._monotonic()
        if self._secret is None or refresh or now - self._secret[0] > SECRET_AGE_SECONDS:
            try:
                if self._secretsmanager is None:
                    self._secretsmanager = _client("secretsmanager")
                text = self._secretsmanager.get_secret_value(SecretId=self._secret_arn)["SecretString"]
                self._secret = (now, json.loads(text))
            except (BotoCoreError, ClientError) as error:
                if self._secret is None:
                    raise
                logger.warning("webhook secret not refreshed, the copy stays in use: %s", type(error).__name__)
                self._secret = (now, self._secret[1])
        return self._secret[1]

    def _state(self, action_id: str) -> Mapping[str, Any] | None:
        now = self._monotonic()
        read_at, state = self._states.get(action_id, (float("-inf"), None))
        if now - read_at <= (STATE_AGE_SECONDS if state else MISSING_AGE_SECONDS):
            return state
        try:
            if self._dynamodb is None:
                self._dynamodb = _client("dynamodb")
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"pk": {"S": "action"}, "sk": {"S": action_id}},
                ProjectionExpression="active, #format",
                ExpressionAttributeNames={"#format": "format"},
            )
        except (BotoCoreError, ClientError) as error:
            # the key was right: accept on the old copy, or as active; the worker reads the Action again anyway
            logger.warning("Action state not read: %s", type(error).__name__)
            return state or {"active": True, "format": DOCUMENT_FORMAT}
        item = answer.get("Item")
        state = {"active": item["active"]["BOOL"], "format": int(item["format"]["N"])} if item else None
        self._states[action_id] = (now, state)
        return state


@cache
def _session() -> Session:
    return Session()


def _client(service: str) -> Any:
    """A client made by botocore alone: what boto3 adds, above all file transfers, would be a tenth of a cold start."""
    return _session().create_client(service, config=CLIENT)


def _disposition(state: Mapping[str, Any]) -> tuple[str, str]:
    if int(state["format"]) > DOCUMENT_FORMAT:
        return "parked", "unknown_version"
    return ("accepted", "") if state["active"] else ("not_active", "not_active")


def _headers(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """Header values by lower-case name; REST APIs give all values in `multiValueHeaders`."""
    multiple = event.get("multiValueHeaders") or {}
    single = event.get("headers") or {}
    found: dict[str, list[str]] = {}
    for name, values in multiple.items():
        found.setdefault(name.lower(), []).extend(values)
    for name, value in single.items():
        found.setdefault(name.lower(), [value])
    return found


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else str(text).encode("utf-8", "surrogatepass")


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
        clock_offset=_local_offset(os.environ.get("CLOCK_URL", "")),
    )


def _local_offset(url: str) -> Callable[[], timedelta]:
    """The simulators' clock offset in a local stack, nothing anywhere else."""
    if not url:
        return timedelta
    from leadbridge.aws.services import SystemClock

    clock = SystemClock(url)
    return lambda: clock.now() - datetime.now(UTC)
