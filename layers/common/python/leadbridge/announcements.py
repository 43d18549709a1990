"""The receive side of Salesforce's outbound messages: who sends is checked, what changed is durable, then acknowledged.

Anything but an acknowledgement makes Salesforce send the message again, for 24 hours. So whatever is not durable is not
acknowledged, whoever is to blame: a wrong key or org and an unreadable message stay in the org's list of messages that
wait, where an administrator sees them, and arrive once the cause is mended. Of a message only ids are kept; its session
id is not even read.
"""

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.domain.announced import Announcement, Notification, as_message, key_subject
from leadbridge.domain.ids import canonical
from leadbridge.door import MISSING_AGE_SECONDS, Answer, Keyring, body_of, client
from leadbridge.errors import ContractError
from leadbridge.vendors.salesforce.outbound import CONTENT_TYPE, OutboundMessage, acknowledgement, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

#: bytes of a message: a hundred notifications of forty kilobytes; ours are told to hold the id alone
BODY_LIMIT_BYTES = 4_000_000
#: how old the copy of a connection's document may be
DOCUMENT_AGE_SECONDS = 30.0

logger = logging.getLogger("leadbridge.announcements")


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to one message; without a reason against it, it is acknowledged."""

    status: int = 200
    reason: str = ""
    finding: str = ""

    def as_proxy(self) -> dict[str, Any]:
        """The answer in API Gateway's proxy form."""
        if self.reason:
            told = {"status": "rejected", "reason": self.reason} | (
                {"findings": [self.finding]} if self.finding else {}
            )
            return Answer(self.status, told).as_proxy()
        headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
        return {"statusCode": self.status, "headers": headers, "body": acknowledgement().decode()}


class _RefusedError(Exception):
    """The message is not taken; the answer holds nothing of it."""

    def __init__(self, status: int, reason: str, finding: str = "") -> None:
        super().__init__(reason)
        self.told = Told(status, reason, finding)


class OutboundMessages:
    """Receives outbound messages; one per process."""

    def __init__(
        self,
        *,
        queue_url: str,
        config_table: str,
        secret_arn: str,
        now: Callable[[], datetime],
        sqs: "SQSClient | None" = None,
        dynamodb: "DynamoDBClient | None" = None,
        secretsmanager: "SecretsManagerClient | None" = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue_url = queue_url
        self._table = config_table
        self._now = now
        self._sqs: SQSClient = sqs or client("sqs")
        self._dynamodb = dynamodb
        self._monotonic = monotonic
        self._keyring = Keyring(secret_arn, secretsmanager=secretsmanager, monotonic=monotonic)
        self._orgs: dict[str, tuple[float, str | None]] = {}

    def __call__(self, event: Mapping[str, Any]) -> Told:
        """Answer one proxy event, POST of `/outbound-messages/{connection}/{key}`."""
        try:
            connection, org = self._opened(event)
            message = self._read(event, org)
        except _RefusedError as refused:
            return refused.told
        self._keep(connection, message)
        return Told()

    def _opened(self, event: Mapping[str, Any]) -> tuple[str, str]:
        """The connection whose key stands in the address, and its org, empty if it names none."""
        parameters = event.get("pathParameters") or {}
        connection, key = str(parameters.get("connection", "")), str(parameters.get("key", ""))
        # a key is derived for any name, so a connection that there is not is told from no wrong key
        org = self._org(connection) if self._keyring.opens([key], key_subject(connection)) else None
        if org is None:
            raise _RefusedError(401, "unauthorized")
        return connection, org

    def _read(self, event: Mapping[str, Any], org: str) -> OutboundMessage:
        body = body_of(event)
        if len(body) > BODY_LIMIT_BYTES:
            raise _RefusedError(413, "too_large", "The message is too large; have it hold the field Id alone.")
        try:
            message = parse(body)
        except ContractError as wrong:
            raise _RefusedError(400, wrong.code, "The body is no outbound message of Salesforce.") from wrong
        if not org:
            finding = "The connection names no organization_id; without it no message is taken."
            raise _RefusedError(403, "organization_missing", finding)
        if message.organization_id != org:
            finding = "The message is of another org than the connection in the address."
            raise _RefusedError(403, "organization_foreign", finding)
        return message

    def _keep(self, connection: str, message: OutboundMessage) -> None:
        """Make it durable that records changed; a failure here becomes a 5xx, and the message comes again."""
        announcement = Announcement(
            id=secrets.token_hex(16),
            connection=connection,
            received_at=self._now(),
            notifications=tuple(
                Notification(id=each.id, object=each.object_name, record=each.record_id)
                for each in message.notifications
            ),
        )
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=as_message(announcement))

    def _org(self, connection: str) -> str | None:
        """The org of a connection, in 18 characters; empty if its document names none, None if there is no document."""
        now = self._monotonic()
        read_at, org = self._orgs.get(connection, (float("-inf"), None))
        if now - read_at <= (DOCUMENT_AGE_SECONDS if org else MISSING_AGE_SECONDS):
            return org
        if self._dynamodb is None:
            self._dynamodb = client("dynamodb")
        try:
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={"pk": {"S": "salesforce_connection"}, "sk": {"S": connection}}
            )
        except (BotoCoreError, ClientError) as error:
            # the org of a connection does not change; without a copy nothing can be said
            if not org:
                raise
            logger.warning("connection not read, the copy stays in use: %s", type(error).__name__)
            return org
        item = answer.get("Item")
        named = json.loads(item["document"]["S"]).get("organization_id") if item else None
        org = canonical(named) if named else ("" if item else None)
        self._orgs[connection] = (now, org)
        return org
