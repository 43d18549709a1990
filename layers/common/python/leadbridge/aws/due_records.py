"""Records that a CRM cycle looks at next, in the state table: `cycle#<id>#due` / `<system>#<object>#<id>`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, delete, dump, later, load, write_groups, write_items
from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.event import VERSION
from leadbridge.domain.three_way import Side
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: so many are sorted by when they are due; of more, others come first once these are done
MOST = 5_000


class DynamoDueRecords:
    """`cycle_ports.DueRecords` on DynamoDB, of one cycle."""

    def __init__(self, client: "DynamoDBClient", *, table: str, cycle: str) -> None:
        self._client = client
        self._table = table
        self._cycle = cycle

    def add(self, records: Iterable[DueRecord]) -> None:
        """Note records, in place of what is noted of the same ones."""
        newest = {(each.side, each.object, each.id): each for each in records}
        requests = [{"PutRequest": {"Item": dump(self._item(each))}} for each in newest.values()]
        write_items(self._client, self._table, requests)

    def listed(self, limit: int) -> Sequence[DueRecord]:
        """So many of them at most, those first that are due first."""
        found = [_record(item) for item in islice(self._items(), MOST)]
        return sorted(found, key=lambda each: (each.not_before or each.noted_at, each.id))[:limit]

    def done(self, records: Iterable[DueRecord]) -> None:
        """Forget records, unless they have been noted again since."""
        groups = [
            [delete(self._table, self._key(each), "noted_at = :noted", noted=each.noted_at.isoformat())]
            for each in records
        ]
        if groups:
            write_groups(self._client, groups)

    def _items(self) -> Iterable[Item]:
        request: dict[str, Any] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": dump({":pk": self._partition}),
        }
        while True:
            with later("Query"):
                answer = self._client.query(**request)
            yield from (load(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    @property
    def _partition(self) -> str:
        return f"cycle#{self._cycle}#due"

    def _key(self, record: DueRecord) -> dict[str, str]:
        return {"pk": self._partition, "sk": f"{record.side}#{record.object}#{record.id}"}

    def _item(self, record: DueRecord) -> dict[str, Any]:
        return {
            **self._key(record),
            "v": VERSION,
            "reason": record.reason,
            "noted_at": record.noted_at.isoformat(),
            "not_before": record.not_before.isoformat() if record.not_before else "",
            "tries": record.tries,
        }


def _record(item: Item) -> DueRecord:
    if item["v"] > VERSION:
        raise UnknownVersionError("a due record of a newer version", code=str(item["v"]))
    side, object_name, record_id = item["sk"].split("#", 2)
    return DueRecord(
        side=Side(side),
        object=object_name,
        id=record_id,
        reason=item["reason"],
        noted_at=datetime.fromisoformat(item["noted_at"]),
        not_before=datetime.fromisoformat(item["not_before"]) if item["not_before"] else None,
        tries=int(item["tries"]),
    )
