"""What alerts are counted from, in DynamoDB: written by every worker.

Items
- executions, `counts#<hour>` / `<action>#<minute>`: what was counted for an Action in the five minutes that begin then.
  One query reads an hour of all Actions. They expire after the weeks that silence is compared with.
- executions, `parked` / `<action>#<execution id>`: a call that waits for a person, and for which reason.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, dump, later, load
from leadbridge.domain.counted import WEEKS, Counted, bucket
from leadbridge.domain.event import VERSION, iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: counts are kept somewhat longer than they are compared with
KEPT = timedelta(weeks=WEEKS, days=2)
#: partition of the calls that wait for a person
PARKED = "parked"


class DynamoTally:
    """`ports.Tally` on the executions table; what is noted is kept in memory until `flush`."""

    def __init__(self, client: "DynamoDBClient", *, table: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._noted: dict[str, Counter[tuple[str, str]]] = {}

    def note(self, action: str, what: str, reason: str = "", number: int = 1) -> None:
        """Count in memory."""
        self._noted.setdefault(action, Counter())[what, reason] += number

    def flush(self) -> None:
        """Add what was noted to the present piece of time, one write for each Action."""
        noted, self._noted = self._noted, {}
        now = self._now()
        for action, numbers in noted.items():
            names = {f"#n{place}": f"n#{what}#{reason}" for place, (what, reason) in enumerate(numbers)}
            values = {f":n{place}": number for place, number in enumerate(numbers.values())}
            added = ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
            with later("UpdateItem"):
                self._client.update_item(
                    TableName=self._table,
                    Key=dump(_counts_key(action, now)),
                    UpdateExpression=f"SET #ttl = :ttl, v = :v ADD {added}",
                    ExpressionAttributeNames={"#ttl": "ttl", **names},
                    ExpressionAttributeValues=dump({":ttl": int((now + KEPT).timestamp()), ":v": VERSION, **values}),
                )

    def between(self, start: datetime, end: datetime) -> Sequence[Counted]:
        """What was counted in pieces that begin in [start, end)."""
        found: list[Counted] = []
        hour = start.replace(minute=0, second=0, microsecond=0)
        while hour < end:
            for item in query_all(self._client, self._table, f"counts#{iso(hour)}"):
                counted = _counted(item, hour)
                if start <= counted.at < end:
                    found.append(counted)
            hour += timedelta(hours=1)
        return found


def parked_key(action: str, execution_id: str) -> dict[str, str]:
    """The key of the item that says that a call waits for a person."""
    return {"pk": PARKED, "sk": f"{action}#{execution_id}"}


def parked_item(action: str, execution_id: str, reason: str, since: datetime) -> dict[str, Any]:
    """The item that says that a call waits for a person, for as long as it does."""
    return parked_key(action, execution_id) | {"v": VERSION, "reason": reason, "since": iso(since)}


def query_all(client: "DynamoDBClient", table: str, partition: str) -> list[Item]:
    """Every item of a partition; people read what comes of it, so eventual consistency is enough."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
    )
    with later("Query"):
        return [load(raw) for page in pages for raw in page["Items"]]


def _counts_key(action: str, now: datetime) -> dict[str, str]:
    at = bucket(now)
    hour = at.replace(minute=0)
    return {"pk": f"counts#{iso(hour)}", "sk": f"{action}#{at.minute:02d}"}


def _counted(item: Item, hour: datetime) -> Counted:
    action, _, minute = item["sk"].rpartition("#")
    numbers = {
        (name.split("#", 2)[1], name.split("#", 2)[2]): number for name, number in item.items() if name.startswith("n#")
    }
    return Counted(action=action, at=hour + timedelta(minutes=int(minute)), numbers=numbers)
