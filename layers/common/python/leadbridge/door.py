"""What the receive paths share: answers, the key of a call, headers and body, clients.

Imports botocore and the standard library only: it stands between senders that try once and a queue that keeps.
"""

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from leadbridge.domain.webhook import is_authentic

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: the sender hangs up after 30 s; two short tries leave it an answer in any case
CLIENT = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
SECRET_AGE_SECONDS = 60.0
#: what was missing is asked for again this soon, so that a new Action or key works at once
MISSING_AGE_SECONDS = 1.0

logger = logging.getLogger("leadbridge.receive")


class NotDurableError(Exception):
    """The queue did not take every message of a call: it may not be acknowledged."""


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


class Keyring:
    """The master key as it is now, with the one before it; tells whether a call carries the right key."""

    def __init__(
        self,
        secret_arn: str,
        *,
        secretsmanager: "SecretsManagerClient | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret_arn = secret_arn
        self._secretsmanager = secretsmanager
        self._monotonic = monotonic
        self._secret: tuple[float, Mapping[str, Any]] | None = None

    def opens(self, given: list[str], subject: str) -> bool:
        """Whether exactly one key was given and it is that of `subject`, an Action's id or another door's name."""
        if is_authentic(given, self._master(refresh=False), subject):
            return True
        # a key of a generation newer than our copy of the secret: look once before refusing, at most each second
        if self._secret and self._monotonic() - self._secret[0] < MISSING_AGE_SECONDS:
            return False
        return is_authentic(given, self._master(refresh=True), subject)

    def _master(self, *, refresh: bool) -> Mapping[str, Any]:
        now = self._monotonic()
        if self._secret is None or refresh or now - self._secret[0] > SECRET_AGE_SECONDS:
            try:
                if self._secretsmanager is None:
                    self._secretsmanager = client("secretsmanager")
                text = self._secretsmanager.get_secret_value(SecretId=self._secret_arn)["SecretString"]
                self._secret = (now, json.loads(text))
            except (BotoCoreError, ClientError) as error:
                if self._secret is None:
                    raise
                logger.warning("webhook secret not refreshed, the copy stays in use: %s", type(error).__name__)
                self._secret = (now, self._secret[1])
        return self._secret[1]


@cache
def _session() -> Session:
    return Session()


def client(service: str) -> Any:
    """A client made by botocore alone: what boto3 adds, above all file transfers, would be a tenth of a cold start."""
    return _session().create_client(service, config=CLIENT)


def send_batch(queue: "SQSClient", url: str, batch: Sequence[str]) -> None:
    """Make the messages of one SendMessageBatch call durable; those that are refused alone are sent again.

    What was sent before a failure runs all the same.

    Raises:
        NotDurableError: Some are still refused.
        ClientError: The call as a whole was refused; so with BotoCoreError, where nobody answered.
    """
    from leadbridge.domain.flow_step_queue import TRIES, entries_of  # most calls send one message

    entries: Sequence[Any] = entries_of(batch)
    for _ in range(TRIES):
        answer = queue.send_message_batch(QueueUrl=url, Entries=list(entries))
        refused = {each["Id"] for each in answer.get("Failed", ())}
        if not refused:
            return
        entries = [each for each in entries if each["Id"] in refused]
    raise NotDurableError(f"{len(entries)} messages were refused")


def headers_of(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """Header values by lower-case name; REST APIs give all values in `multiValueHeaders`."""
    multiple = event.get("multiValueHeaders") or {}
    single = event.get("headers") or {}
    found: dict[str, list[str]] = {}
    for name, values in multiple.items():
        found.setdefault(name.lower(), []).extend(values)
    for name, value in single.items():
        found.setdefault(name.lower(), [value])
    return found


def body_of(event: Mapping[str, Any]) -> bytes:
    """The body as it was sent."""
    text = event.get("body") or ""
    return base64.b64decode(text) if event.get("isBase64Encoded") else str(text).encode("utf-8", "surrogatepass")


def local_offset(url: str) -> Callable[[], timedelta]:
    """The simulators' clock offset in a local stack, nothing anywhere else."""
    if not url:
        return timedelta
    from leadbridge.aws.services import SystemClock

    clock = SystemClock(url)
    return lambda: clock.now() - datetime.now(UTC)
