"""The records that are due in a CRM cycle, in the state table, until a run has looked at them.

Two items of one note, always written together under `cycle#<id>`: `due#order#<when>#<side>#<object>#<record>` is the
note, in the order in which records are due, and `due#record#<side>#<object>#<record>` says where it stands. So whether
anything is due is one small query, however much waits for later.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, Operation, delete, dump, later, load, put, read_items, write_groups
from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.event import VERSION
from leadbridge.domain.three_way import Side
from leadbridge.errors import TransientError, UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: how often notes are written against others who note the same records at the same time
TRIES = 5


class DynamoDueRecords:
    """`cycle_ports.DueRecords` on DynamoDB, of one cycle."""

    def __init__(self, client: "DynamoDBClient", *, table: str, cycle: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"cycle#{cycle}"

    def add(self, records: Iterable[DueRecord]) -> None:
        """Note records, in place of what was noted of the same ones before.

        Raises:
            TransientError: DynamoDB asks for a pause; some may be noted.
        """
        wanted: dict[str, DueRecord] = {}
        for each in records:
            key = _key(each)
            if key not in wanted or wanted[key].noted_at <= each.noted_at:
                wanted[key] = each
        for _ in range(TRIES):
            known = {item["sk"]: item for item in read_items(self._client, self._table, map(self._item_key, wanted))}
            # a late hand does not take a newer announcement's place
            wanted = {
                key: each
                for key, each in wanted.items()
                if key not in known or known[key]["noted_at"] <= _instant(each.noted_at)
            }
            groups = [self._noting(key, each, known.get(key)) for key, each in wanted.items()]
            refused = write_groups(self._client, groups)
            wanted = {key: wanted[key] for key, refusal in zip(wanted, refused, strict=True) if refusal is not None}
            if not wanted:
                return
        raise TransientError(f"no progress in {TRIES} tries", vendor="aws", operation="TransactWriteItems")

    def listed(self, limit: int) -> Sequence[DueRecord]:
        """So many of them at most, those first that are due first."""
        found: list[DueRecord] = []
        more: dict[str, Any] = {}
        while len(found) < limit:
            with later("Query"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                    ExpressionAttributeValues=dump({":pk": self._pk, ":prefix": "due#order#"}),
                    ConsistentRead=True,
                    Limit=limit - len(found),
                    **more,
                )
            found += [_due(load(item)) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    def done(self, records: Iterable[DueRecord]) -> None:
        """Forget records, unless they have been noted again since."""
        groups = []
        for each in {_key(each): each for each in records}.values():
            where, noted_at = _place(each), _instant(each.noted_at)
            condition = "place = :place AND noted_at = :noted_at"
            pointer = delete(self._table, self._item_key(_key(each)), condition, place=where, noted_at=noted_at)
            groups.append([pointer, delete(self._table, self._item_key(where))])
        write_groups(self._client, groups)

    def _noting(self, key: str, record: DueRecord, known: Item | None) -> list[Operation]:
        """Write the note and where it stands, provided that nobody else has noted the record meanwhile."""
        where, noted_at = _place(record), _instant(record.noted_at)
        pointer = {**self._item_key(key), "v": VERSION, "place": where, "noted_at": noted_at}
        note = {
            **self._item_key(where),
            "v": VERSION,
            "reason": record.reason or None,
            "noted_at": noted_at,
            "not_before": _instant(record.not_before) if record.not_before else None,
            "tries": record.tries,
        }
        if known is None:
            return [put(self._table, pointer, "attribute_not_exists(pk)"), put(self._table, note)]
        condition = "place = :place AND noted_at = :noted_at"
        # the SDK may repeat a write whose answer was lost, and finds its own then: the next try writes the same
        operations = [put(self._table, pointer, condition, place=known["place"], noted_at=known["noted_at"])]
        if known["place"] != where:
            operations.append(delete(self._table, self._item_key(known["place"])))
        return [*operations, put(self._table, note)]

    def _item_key(self, sk: str) -> dict[str, str]:
        return {"pk": self._pk, "sk": sk}


def _key(record: DueRecord) -> str:
    return f"due#record#{record.side}#{record.object}#{record.id}"


def _place(record: DueRecord) -> str:
    return f"due#order#{_instant(record.not_before or record.noted_at)}#{record.side}#{record.object}#{record.id}"


def _instant(moment: datetime) -> str:
    """A moment as a text that sorts as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _due(note: Item) -> DueRecord:
    if note["v"] > VERSION:
        raise UnknownVersionError("a due record of a newer version", code=str(note["v"]))
    _, _, _, side, object_name, record_id = note["sk"].split("#", 5)
    not_before = note.get("not_before")
    return DueRecord(
        side=Side(side),
        object=object_name,
        id=record_id,
        reason=note.get("reason", ""),
        noted_at=datetime.fromisoformat(note["noted_at"]),
        not_before=datetime.fromisoformat(not_before) if not_before else None,
        tries=note["tries"],
    )
