"""What a CRM cycle remembers of linked records, in the state table, for ever.

`cycle#<id>#<Salesforce id>` / `link`: Marketo's id, and for each pair of fields two digests of 8 bytes each, one behind
the other, which keeps a person of thirty fields in about a kilobyte.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, dump, read_items, write_items
from leadbridge.cycle_ports import Link
from leadbridge.domain.event import VERSION
from leadbridge.domain.three_way import Memory, Side, Written
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


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

    def keep(self, links: Iterable[Link]) -> None:
        """Remember links, in place of what was remembered of the same Salesforce records."""
        requests = [{"PutRequest": {"Item": dump(self._item(link))}} for link in links]
        write_items(self._client, self._table, requests)

    def _key(self, salesforce_id: str) -> dict[str, str]:
        return {"pk": f"cycle#{self._cycle}#{salesforce_id}", "sk": "link"}

    def _item(self, link: Link) -> dict[str, Any]:
        fields = {name: bytes.fromhex(each.marketo + each.salesforce) for name, each in link.memory.items()}
        written = {name: _written(each.written) for name, each in link.memory.items() if each.written}
        return {
            **self._key(link.salesforce_id),
            "v": VERSION,
            "marketo_id": link.marketo_id,
            "fields": fields,
            "written": written or None,
        }


def _link(item: Item) -> Link:
    if item["v"] > VERSION:
        raise UnknownVersionError("a link of a newer version", code=str(item["v"]))
    written = item.get("written", {})
    return Link(
        salesforce_id=item["pk"].rpartition("#")[2],
        marketo_id=item["marketo_id"],
        memory={name: _memory(bytes(each), written.get(name)) for name, each in item["fields"].items()},
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
