"""The journal in the config table: one partition, by time. Storing a version notes it in the same transaction."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import dump, later, load
from leadbridge.domain.event import VERSION
from leadbridge.domain.journal import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARTITION = "journal"
_MEMBERS = ("who", "did", "kind", "id", "detail")


def journal_item(entry: Entry, mark: str = "") -> dict[str, Any]:
    """The item of an entry; `mark` tells it from others of its moment, without one a random one does."""
    at = entry.at.isoformat()
    members = {name: getattr(entry, name) for name in _MEMBERS}
    return {"pk": _PARTITION, "sk": f"{at}#{mark or uuid.uuid4().hex}", "v": VERSION, "at": at, **members}


class DynamoJournal:
    """`ports.Journal` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        """`table`: that of the documents."""
        self._client = client
        self._table = table

    def note(self, entry: Entry) -> None:
        """Keep an entry."""
        with later("PutItem"):
            self._client.put_item(TableName=self._table, Item=dump(journal_item(entry)))

    def page(self, before: str, limit: int) -> tuple[Sequence[Entry], str]:
        """So many entries, the newest first, and the mark before which others follow; it is empty if none do."""
        with later("Query"):
            found = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=limit,
                KeyConditionExpression="pk = :journal AND sk < :before",
                # no time begins with a colon, which comes behind all digits
                ExpressionAttributeValues=dump({":journal": _PARTITION, ":before": before or ":"}),
            )
        items = [load(each) for each in found["Items"]]
        entries = [
            Entry(at=datetime.fromisoformat(each["at"]), **{name: each[name] for name in _MEMBERS}) for each in items
        ]
        return entries, items[-1]["sk"] if items and "LastEvaluatedKey" in found else ""
