"""Announced changes on AWS: which notifications have come, in the keys table, and the queue in which they wait.

`notified#<connection>#<notification>` of the keys table names the announcement that has brought a notification. It is
kept for longer than Salesforce sends one again; expiry is housekeeping, since the ids are never used twice.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.aws.items import Operation, put, write_groups
from leadbridge.domain.announced import KNOWN_FOR, Announcement, as_message
from leadbridge.domain.event import VERSION
from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient


class DynamoAnnouncements:
    """`usecases.hear_of_changes.Announcements` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now

    def claim(self, announcement: Announcement) -> Collection[str]:
        """The ids of its notifications that no other announcement has brought; they are its own from now on."""
        ids = list(dict.fromkeys(each.id for each in announcement.notifications))
        refused = write_groups(self._client, [[self._claiming(announcement, each)] for each in ids])
        return {each for each, refusal in zip(ids, refused, strict=True) if refusal is None}

    def _claiming(self, announcement: Announcement, notification: str) -> Operation:
        item = {
            "pk": f"notified#{announcement.connection}#{notification}",
            "brought_by": announcement.id,
            "ttl": int((self._now() + KNOWN_FOR).timestamp()),
            "v": VERSION,
        }
        return put(self._table, item, "attribute_not_exists(pk) OR brought_by = :me", me=announcement.id)


class AnnouncementQueue:
    """`usecases.hear_of_changes.Later` on SQS."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """`url` of the queue that `hear_of_changes` reads."""
        self._client = client
        self._url = url

    def again(self, announcement: Announcement, seconds: int) -> None:
        """Have it delivered once more, after so many seconds."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=as_message(announcement), DelaySeconds=seconds)
        except (BotoCoreError, ClientError) as error:
            raise TransientError(type(error).__name__, vendor="aws", operation="SendMessage") from error
