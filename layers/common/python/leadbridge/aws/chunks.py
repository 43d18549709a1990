"""Chunks of flow steps in the executions table.

`chunk#<id>/state` is a chunk, `chunk#<id>/told#<lead id>` what is to be told of one of its people; the latter is put
in the transaction that ends the person's event, so it is there exactly when the end is. `chunks#open/<due>#<id>`
leads to chunks that are due, `chunks#failed/<when>#<id>` to those that were given up. Everything expires.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, Operation, delete, dump, later, load, put, write_groups, write_items
from leadbridge.domain.event import VERSION, instant, iso
from leadbridge.domain.flow_step import VALUES_STAY, Chunk, ChunkState, FailedCallback, PersonTold
from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: for how long a chunk is in the hands of who took it; longer than a run of the sender
HOLD = timedelta(minutes=6)
#: before every instant
NEVER = "0"
OPEN, FAILED = "chunks#open", "chunks#failed"


class DynamoChunks:
    """`ports.Chunks` on DynamoDB."""

    def __init__(
        self, client: "DynamoDBClient", *, table: str, retention: timedelta, now: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention
        self._now = now

    def open(self, chunk: Chunk) -> bool:
        """Store a chunk before its people; False if it is known already, in whatever state."""
        fresh = chunk.evolve(version=1)
        group = [self._put(fresh, NEVER, "attribute_not_exists(pk)"), self._entry(OPEN, fresh.due_at, fresh.id)]
        return self._write(group)

    def tell(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        """Note what is told of people that do not end: those that are not run, or parked. The last word counts."""
        last = {each.lead_id: each for each in told}
        write_groups(self._client, [[put_told(self._table, chunk_id, each, self._now())] for each in last.values()])

    def complete(self, chunk_id: str) -> bool:
        """Whether every person of a chunk that is still open is told of."""
        chunk = self.get(chunk_id)
        if chunk is None or chunk.state is not ChunkState.OPEN:
            return False
        number = 0
        for page in self._pages(chunk_id, Select="COUNT"):
            number += page["Count"]
        return number >= len(chunk.lead_ids)

    def told(self, chunk_id: str) -> Mapping[int, PersonTold]:
        """What is to be told, by lead id."""
        found = [_told(load(raw)) for page in self._pages(chunk_id) for raw in page["Items"]]
        return {each.lead_id: each for each in found}

    def take(self, chunk_id: str, now: datetime) -> Chunk | None:
        """An open chunk to see to, for as long as a run lasts; None while another does, or if it is not open."""
        item = self._item(chunk_id)
        if item is None or item["held_until"] > iso(now):
            return None
        chunk = _chunk(item)
        if chunk.state is not ChunkState.OPEN:
            return None
        return self.keep(chunk, held=True)

    def keep(self, chunk: Chunk, *, held: bool = False) -> Chunk | None:
        """Store a taken chunk as it is now, and let go of it unless `held`; None if somebody else went on with it."""
        item = self._item(chunk.id)
        if item is None or item["version"] != chunk.version:
            return None
        was, now = _chunk(item), self._now()
        kept = chunk.evolve(version=chunk.version + 1)
        if kept.state is ChunkState.SENT:
            kept = kept.evolve(token="", callback_key="")
        held_until = iso(now + HOLD) if held else NEVER
        group = [self._put(kept, held_until, "version = :old", old=chunk.version)]
        moves = iso(kept.due_at) != iso(was.due_at)
        if kept.state is not ChunkState.OPEN or moves:
            group.append(delete(self._table, _entry_key(OPEN, was.due_at, was.id)))
        if kept.state is ChunkState.OPEN and moves:
            group.append(self._entry(OPEN, kept.due_at, kept.id))
        if kept.state is ChunkState.FAILED:
            group.append(self._entry(FAILED, now, kept.id))
        if not self._write(group):
            return None
        if kept.state is ChunkState.SENT:
            with suppress(TransientError):  # what is left expires
                self._forget(kept)
        return kept

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Ids of open chunks whose due time has come, the longest waiting first."""
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                Limit=limit,
                KeyConditionExpression="pk = :open AND sk < :end",
                # `$` follows `#`, so what is due at this very moment is among them
                ExpressionAttributeValues=dump({":open": OPEN, ":end": f"{iso(now)}$"}),
            )
        return [load(raw)["sk"].partition("#")[2] for raw in answer["Items"]]

    def get(self, chunk_id: str) -> Chunk | None:
        """A chunk; of one that is sent the token and the key are gone."""
        item = self._item(chunk_id)
        return None if item is None else _chunk(item)

    def failed(self, limit: int) -> Sequence[FailedCallback]:
        """Chunks whose callback failed for good, the newest first."""
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                Limit=limit,
                ScanIndexForward=False,
                KeyConditionExpression="pk = :failed",
                ExpressionAttributeValues=dump({":failed": FAILED}),
            )
        entries = [load(raw)["sk"].partition("#") for raw in answer["Items"]]
        found = [(instant(at), self.get(chunk_id)) for at, _, chunk_id in entries]
        return [
            FailedCallback(chunk=chunk, failed_at=at)
            for at, chunk in found
            if chunk is not None and chunk.state is ChunkState.FAILED
        ]

    def reopen(self, failed: FailedCallback, now: datetime) -> bool:
        """Make a chunk that failed due at once; False if somebody else changed it since."""
        known = failed.chunk
        again = known.reopened(now).evolve(version=known.version + 1)
        group = [
            self._put(again, NEVER, "version = :old", old=known.version),
            delete(self._table, _entry_key(FAILED, failed.failed_at, known.id)),
            self._entry(OPEN, again.due_at, again.id),
        ]
        return self._write(group)

    def _item(self, chunk_id: str) -> Item | None:
        with later("GetItem"):
            answer = self._client.get_item(
                TableName=self._table, Key=dump({"pk": f"chunk#{chunk_id}", "sk": "state"}), ConsistentRead=True
            )
        return load(answer["Item"]) if "Item" in answer else None

    def _pages(self, chunk_id: str, **how: Any) -> Any:
        with later("Query"):
            yield from self._client.get_paginator("query").paginate(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :chunk AND begins_with(sk, :told)",
                ExpressionAttributeValues=dump({":chunk": f"chunk#{chunk_id}", ":told": "told#"}),
                **how,
            )

    def _write(self, group: Sequence[Operation]) -> bool:
        return write_groups(self._client, [group])[0] is None

    def _put(self, chunk: Chunk, held_until: str, condition: str, **values: Any) -> Operation:
        item = {
            "pk": f"chunk#{chunk.id}",
            "sk": "state",
            "v": VERSION,
            "version": chunk.version,
            "munchkin_id": chunk.munchkin_id,
            "token": chunk.token,
            "callback_key": chunk.callback_key,
            "callback_url": chunk.callback_url,
            "lead_ids": list(chunk.lead_ids),
            "received_at": iso(chunk.received_at),
            "due_at": iso(chunk.due_at),
            "held_until": held_until,
            "chunk_state": chunk.state.value,
            "attempts": chunk.attempts,
            "doubt": chunk.doubt,
            "reason": chunk.reason,
            "ttl": self._ttl(),
        }
        return put(self._table, item, condition, **values)

    def _entry(self, partition: str, at: datetime, chunk_id: str) -> Operation:
        return put(self._table, {**_entry_key(partition, at, chunk_id), "v": VERSION, "ttl": self._ttl()})

    def _forget(self, chunk: Chunk) -> None:
        """Remove what was told of its people."""
        requests = [{"DeleteRequest": {"Key": dump(_told_key(chunk.id, lead_id))}} for lead_id in chunk.lead_ids]
        write_items(self._client, self._table, requests)

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())


def put_told(table: str, chunk_id: str, told: PersonTold, now: datetime) -> Operation:
    """The operation that notes what is told of a person; part of the transaction in which an event ends."""
    item = {
        **_told_key(chunk_id, told.lead_id),
        "v": VERSION,
        "told": json.dumps(asdict(told), default=_plain),
        "ttl": int((now + VALUES_STAY).timestamp()),
    }
    return put(table, item)


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def _told_key(chunk_id: str, lead_id: int) -> dict[str, str]:
    return {"pk": f"chunk#{chunk_id}", "sk": f"told#{lead_id}"}


def _entry_key(partition: str, at: datetime, chunk_id: str) -> dict[str, str]:
    return {"pk": partition, "sk": f"{iso(at)}#{chunk_id}"}


def _told(item: Item) -> PersonTold:
    return PersonTold(**json.loads(item["told"]))


def _chunk(item: Item) -> Chunk:
    return Chunk(
        id=item["pk"].removeprefix("chunk#"),
        munchkin_id=item["munchkin_id"],
        token=item["token"],
        callback_key=item["callback_key"],
        callback_url=item["callback_url"],
        lead_ids=tuple(int(each) for each in item["lead_ids"]),
        received_at=instant(item["received_at"]),
        due_at=instant(item["due_at"]),
        state=ChunkState(item["chunk_state"]),
        attempts=item["attempts"],
        doubt=item["doubt"],
        reason=item["reason"],
        version=item["version"],
    )
