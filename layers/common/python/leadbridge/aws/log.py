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

    # `newest` turns the order round; `after` leaves out everything up to that sequence in the order that is asked for

    def since(self, start: datetime, end: datetime, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions received in [start, end], in sequence order."""
        first, last = start.date(), end.date()
        if after:
            reached = datetime.fromtimestamp(int(after.partition("#")[0]) / 1000, UTC).date()
            first, last = (first, min(last, reached)) if newest else (max(first, reached), last)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        for day in reversed(days) if newest else days:
            for item in self._query("by_day", "day", day.isoformat(), after, newest=newest):
                if iso(start) <= item["received_at"] <= iso(end):
                    yield item

    def of_lead(self, lead_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one lead, in sequence order."""
        return self._query("by_lead", "lead_hash", lead_hash, after, newest=newest)

    def of_email(self, email_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one e-mail address, in sequence order."""
        return self._query("by_email", "email_hash", email_hash, after, newest=newest)

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

    def _query(self, index: str, name: str, value: str, after: str, *, newest: bool) -> Iterator[Item]:
        # the key of an index may not be compared with a blank; every sequence comes after the one, before the other
        bound = after or ("~" if newest else " ")
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=f"#name = :value AND #sequence {'<' if newest else '>'} :after",
            ExpressionAttributeNames={"#name": name, "#sequence": "sequence"},
            ExpressionAttributeValues={":value": {"S": value}, ":after": {"S": bound}},
            ScanIndexForward=not newest,
        )
        for page in pages:
            for raw in page["Items"]:
                yield load(raw)
