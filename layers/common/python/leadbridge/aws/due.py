"""The records that are due in a CRM cycle, in the state table, until a run has looked at them.

Two items of one note, written together: `cycle#<id>` / `due#record#<side>#<object>#<record>` is the note, and
`cycle#<id>` / `due#order#<when>#<token>` its place in the order, which only points to it. The token is new with each
note, so a place whose note has been replaced points to nothing; whoever comes by it takes it away.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, delete, dump, later, load, put, read_items, write_groups, write_items
from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.event import VERSION
from leadbridge.domain.three_way import Side
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: places read at once, at least: of those that point to nothing there may be some in front
LEAST_READ = 10


class DynamoDueRecords:
    """`cycle_ports.DueRecords` on DynamoDB, of one cycle."""

    def __init__(self, client: "DynamoDBClient", *, table: str, cycle: str) -> None:
        self._client = client
        self._table = table
        self._pk = f"cycle#{cycle}"

    def add(self, records: Iterable[DueRecord]) -> None:
        """Note records, in place of what was noted of the same ones before."""
        last: dict[str, DueRecord] = {}
        for each in records:
            key = _key(each)
            if key not in last or last[key].noted_at <= each.noted_at:
                last[key] = each
        # refused is what was noted later already: a late hand does not take a newer announcement's place
        write_groups(self._client, [self._noted(key, each) for key, each in last.items()])

    def listed(self, limit: int) -> Sequence[DueRecord]:
        """So many of them at most, those first that are due first."""
        found: list[DueRecord] = []
        for places in self._places(limit):
            notes = self._notes(each["record"] for each in places)
            stale: list[dict[str, Any]] = []
            for place in places:
                note = notes.get(place["record"])
                if note is None or note["token"] != _token(place):
                    stale.append({"DeleteRequest": {"Key": dump({"pk": place["pk"], "sk": place["sk"]})}})
                else:
                    found.append(_due(note))
            write_items(self._client, self._table, stale)
            if len(found) >= limit:
                break
        return found[:limit]

    def done(self, records: Iterable[DueRecord]) -> None:
        """Forget records, unless they have been noted again since."""
        given = {_key(each): each for each in records}
        groups = []
        for key, note in self._notes(given).items():
            if _due(note) == given[key]:
                condition = "#token = :token"
                gone = delete(self._table, {"pk": self._pk, "sk": key}, condition, token=note["token"])
                gone["Delete"]["ExpressionAttributeNames"] = {"#token": "token"}
                place = {"pk": self._pk, "sk": _place(given[key], note["token"])}
                groups.append([gone, delete(self._table, place)])
        # refused is what was noted again between the look and the deletion
        write_groups(self._client, groups)

    def _noted(self, key: str, record: DueRecord) -> list[dict[str, Any]]:
        token = uuid.uuid4().hex[:16]
        noted_at = _instant(record.noted_at)
        note = {
            "pk": self._pk,
            "sk": key,
            "v": VERSION,
            "token": token,
            "reason": record.reason or None,
            "noted_at": noted_at,
            "not_before": _instant(record.not_before) if record.not_before else None,
            "tries": record.tries,
        }
        place = {"pk": self._pk, "sk": _place(record, token), "record": key}
        condition = "attribute_not_exists(noted_at) OR noted_at <= :noted_at"
        return [put(self._table, note, condition, noted_at=noted_at), put(self._table, place)]

    def _notes(self, keys: Iterable[str]) -> Mapping[str, Item]:
        wanted = [{"pk": self._pk, "sk": key} for key in dict.fromkeys(keys)]
        return {note["sk"]: note for note in read_items(self._client, self._table, wanted)}

    def _places(self, limit: int) -> Iterator[Sequence[Item]]:
        """The places from the front, as many at a time as may be asked for."""
        more: dict[str, Any] = {}
        while True:
            with later("Query"):
                answer = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                    ExpressionAttributeValues=dump({":pk": self._pk, ":prefix": "due#order#"}),
                    ConsistentRead=True,
                    Limit=max(limit, LEAST_READ),
                    **more,
                )
            yield [load(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _key(record: DueRecord) -> str:
    return f"due#record#{record.side}#{record.object}#{record.id}"


def _place(record: DueRecord, token: str) -> str:
    return f"due#order#{_instant(record.not_before or record.noted_at)}#{token}"


def _token(place: Item) -> str:
    return str(place["sk"].rpartition("#")[2])


def _instant(moment: datetime) -> str:
    """A moment as a text that sorts as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _due(note: Item) -> DueRecord:
    if note["v"] > VERSION:
        raise UnknownVersionError("a due record of a newer version", code=str(note["v"]))
    _, _, side, object_name, record_id = note["sk"].split("#", 4)
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
