"""What a CRM cycle remembers of linked records, in the state table, for ever.

`cycle#<id>#<Salesforce id>` / `link`: Marketo's id, and for each pair of fields two digests of 8 bytes each, one behind
the other, which keeps a person of thirty fields in about a kilobyte.

`cycle#<id>#people#<00..63>` / `<Marketo id>`: the Salesforce id. Of a deleted person Marketo tells nothing but the id,
and a comparison of both systems goes through these, 64 queries at least.

`cycle#<id>#<how ids begin>#<00..63>` / `<Salesforce id>`: that a record is linked whose counterpart is no person, for
such a comparison as well.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32

from leadbridge.aws.items import Item, dump, later, load, read_items, write_items
from leadbridge.cycle_ports import Link, is_of_person
from leadbridge.domain.event import VERSION
from leadbridge.domain.three_way import Memory, Side, Written
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: people are spread over so many partition keys
_BUCKETS = 64
#: links of one call of `listed`
_LISTED = 500


class DynamoLinks:
    """`cycle_ports.Links` on DynamoDB, of one cycle."""

    def __init__(self, client: "DynamoDBClient", *, table: str, cycle: str) -> None:
        self._client = client
        self._table = table
        self._cycle = cycle

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Salesforce records, by id; those that have none are missing."""
        keys = [self._key(each) for each in dict.fromkeys(salesforce_ids)]
        found = (_link(item) for item in read_items(self._client, self._table, keys))
        return {link.salesforce_id: link for link in found}

    def of_people(self, marketo_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Marketo's people, by id, each the last that was kept; those that have none are missing."""
        keys = [self._person(each) for each in dict.fromkeys(marketo_ids)]
        return self._of_pairs(read_items(self._client, self._table, keys))

    def keep(self, links: Iterable[Link]) -> None:
        """Remember links, in place of what was remembered of the same Salesforce records."""
        # each item once in a call: of the links of a person the last one counts
        items: dict[tuple[str, str], Item] = {}
        for link in links:
            person = {**self._person(link.marketo_id), "v": VERSION, "salesforce_id": link.salesforce_id}
            other = {**self._other(link.salesforce_id), "v": VERSION}
            mark = [person] if is_of_person(link) else [] if link.moved_to else [other]
            for item in (self._item(link), *mark):
                items[item["pk"], item["sk"]] = item
        write_items(self._client, self._table, [{"PutRequest": {"Item": dump(item)}} for item in items.values()])

    def forget(self, links: Iterable[Link]) -> None:
        """Remember links no more."""
        known = list(links)
        persons = [self._person(each) for each in dict.fromkeys(link.marketo_id for link in known)]
        people = list(read_items(self._client, self._table, persons))
        gone = {link.salesforce_id for link in known}
        keys = [self._key(each) for each in dict.fromkeys(link.salesforce_id for link in known)]
        # a person who was linked anew since keeps that
        keys += [{"pk": item["pk"], "sk": item["sk"]} for item in people if item["salesforce_id"] in gone]
        keys += [self._other(link.salesforce_id) for link in known if not (is_of_person(link) or link.moved_to)]
        write_items(self._client, self._table, [{"DeleteRequest": {"Key": dump(key)}} for key in keys])

    def listed(self, after: str, prefix: str = "") -> tuple[Sequence[Link], str]:
        """Some of all people's links, or those of other records, behind a mark; and the mark behind them."""
        bucket, _, last = after.partition("#")
        number = int(bucket or 0)
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                Limit=_LISTED,
                KeyConditionExpression="pk = :pk AND sk > :after",
                # every id follows `!`
                ExpressionAttributeValues=dump({":pk": self._bucket(number, prefix), ":after": last or "!"}),
            )
        found = [load(item) for item in answer["Items"]]
        following = f"{number + 1}#" if number + 1 < _BUCKETS else ""
        mark = f"{number}#{found[-1]['sk']}" if answer.get("LastEvaluatedKey") else following
        links = self.of([item["sk"] for item in found]) if prefix else self._of_pairs(found)
        return list(links.values()), mark

    def _of_pairs(self, people: Iterable[Item]) -> Mapping[str, Link]:
        """The links that people's items name, as far as those still say the same."""
        named = {item["sk"]: item["salesforce_id"] for item in people}
        links = self.of(named.values())
        return {
            person: links[record]
            for person, record in named.items()
            if record in links and links[record].marketo_id == person
        }

    def _key(self, salesforce_id: str) -> dict[str, str]:
        return {"pk": f"cycle#{self._cycle}#{salesforce_id}", "sk": "link"}

    def _bucket(self, number: int, prefix: str = "") -> str:
        return f"cycle#{self._cycle}#{prefix or 'people'}#{number:02}"

    def _other(self, salesforce_id: str) -> dict[str, str]:
        number = crc32(salesforce_id.encode()) % _BUCKETS
        return {"pk": self._bucket(number, salesforce_id[:3]), "sk": salesforce_id}

    def _person(self, marketo_id: str) -> dict[str, str]:
        return {"pk": self._bucket(crc32(marketo_id.encode()) % _BUCKETS), "sk": marketo_id}

    def _item(self, link: Link) -> dict[str, Any]:
        fields = {name: bytes.fromhex(each.marketo + each.salesforce) for name, each in link.memory.items()}
        written = {name: _written(each.written) for name, each in link.memory.items() if each.written}
        return {
            **self._key(link.salesforce_id),
            "v": VERSION,
            "marketo_id": link.marketo_id,
            "fields": fields,
            "written": written or None,
            "moved_to": link.moved_to or None,
            "parted": link.parted or None,
        }


def _link(item: Item) -> Link:
    if item["v"] > VERSION:
        raise UnknownVersionError("a link of a newer version", code=str(item["v"]))
    written = item.get("written", {})
    return Link(
        salesforce_id=item["pk"].rpartition("#")[2],
        marketo_id=item["marketo_id"],
        memory={name: _memory(bytes(each), written.get(name)) for name, each in item["fields"].items()},
        moved_to=item.get("moved_to", ""),
        parted=item.get("parted", ""),
    )


def _memory(digests: bytes, written: list[Any] | None) -> Memory:
    middle = len(digests) // 2
    told = None
    if written:
        side, at, before, answers, shown = written
        told = Written(Side(side), datetime.fromisoformat(at), before, answers, shown)
    return Memory(digests[:middle].hex(), digests[middle:].hex(), told)


def _written(written: Written) -> list[Any]:
    return [written.side.value, written.at.isoformat(), written.before, written.answers, written.shown]
