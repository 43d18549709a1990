"""The log side of the executions table, as operators read it, and what `redrive` needs of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from leadbridge.aws.items import Item, dump, load
from leadbridge.domain.event import Event, iso, readable
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoLog:
    """Reads executions through the indexes; people read, so eventual consistency is enough."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    # `after` leaves out everything up to that sequence

    def since(self, start: datetime, end: datetime, *, after: str = "") -> Iterator[Item]:
        """Executions received in [start, end], in sequence order."""
        if after:
            start = max(start, datetime.fromtimestamp(int(after.partition("#")[0]) / 1000, UTC))
        day = start.date()
        while day <= end.date():
            for item in self._query("by_day", "day", day.isoformat(), after):
                if iso(start) <= item["received_at"] <= iso(end):
                    yield item
            day += timedelta(days=1)

    def of_lead(self, lead_hash: str, *, after: str = "") -> Iterator[Item]:
        """Executions of one lead, in sequence order."""
        return self._query("by_lead", "lead_hash", lead_hash, after)

    def of_email(self, email_hash: str, *, after: str = "") -> Iterator[Item]:
        """Executions of one e-mail address, in sequence order."""
        return self._query("by_email", "email_hash", email_hash, after)

    def get(self, execution_id: str) -> Item | None:
        """One execution, read consistently."""
        return self._item(f"execution#{execution_id}", "log")

    def kept(self, execution_id: str) -> Item | None:
        """What was kept of a parked, rejected or not-run call: `payload`, `body` and perhaps `event`."""
        return self._item(f"execution#{execution_id}", "payload")

    def kept_event(self, item: Item) -> Event | None:
        """The event inside a kept item, as it was when it was parked.

        Raises:
            UnknownVersionError: A newer version wrote it.
        """
        if "event" not in item:
            return None
        from leadbridge.aws.inbox import event_of  # who only reads does without the store of events

        event = json.loads(item["event"])
        if not readable(event["v"]):
            raise UnknownVersionError("kept by a newer version", code=str(event["v"]))
        return event_of(event | {"payload": item["payload"]})

    def _item(self, partition: str, sort: str) -> Item | None:
        answer = self._client.get_item(
            TableName=self._table, Key=dump({"pk": partition, "sk": sort}), ConsistentRead=True
        )
        return load(answer["Item"]) if "Item" in answer else None

    def _query(self, index: str, name: str, value: str, after: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression="#name = :value AND #sequence > :after",
            ExpressionAttributeNames={"#name": name, "#sequence": "sequence"},
            # the key of an index may not be compared with a blank; every sequence comes after this
            ExpressionAttributeValues={":value": {"S": value}, ":after": {"S": after or " "}},
        )
        for page in pages:
            for raw in page["Items"]:
                yield load(raw)
