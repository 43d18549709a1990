"""Runs of Syncs in the executions table, and what is known between runs in the state table.

`sync#<id>` / `run#<slot>` is a run under its version, `sync#part#<id>#<slot>` / `<number>` a partition under its epoch;
both expire with the retention. `sync#<id>` / `standing` of the state table is a Sync's lease and watermark, for ever.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from leadbridge.aws.items import Item, Operation, dump, later, load, put, read_item, update, write_groups
from leadbridge.domain.event import VERSION
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.syncing import Asked, Intent, Part, Standing, Step, SyncRun, Totals, Waiting, Way
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import OvertakenError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ENUMS: Mapping[str, type[StrEnum]] = {"step": Step, "waiting": Waiting, "asked": Asked, "extract": Way, "load": Way}
_INSTANTS = frozenset(
    {
        *("started_at", "due_at", "refused_at", "seen_at", "ended_at", "since", "until", "made_since", "at"),
        *("gone_since", "gone_until", "gone_from"),
    }
)
_VALUES: Mapping[str, type[Any]] = {"totals": Totals, "intent": Intent, "tally": Tally}
_LISTS = frozenset({"failed_in", "creates", "updates", "removals", "tellers"})


class DynamoSyncRuns:
    """`sync_ports.SyncRuns` on DynamoDB."""

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        executions: str,
        state: str,
        retention: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._executions = executions
        self._state = state
        self._retention = retention
        self._now = now

    # what is known between runs

    def standing(self, sync: str) -> Standing:
        """The lease of a Sync and its watermark; that of a new one if nothing is known."""
        item = read_item(self._client, self._state, _standing_key(sync))
        return _standing(item) if item else Standing()

    def take(self, sync: str, slot: str, seen: Standing, now: datetime) -> Standing | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        condition = "epoch = :seen AND holder = :held" if seen.epoch else "attribute_not_exists(pk)"
        values: dict[str, Any] = {"seen": seen.epoch, "held": seen.holder} if seen.epoch else {}
        taken = update(
            self._state,
            _standing_key(sync),
            "SET epoch = :next, holder = :slot, taken_at = :now, v = :v",
            condition,
            **values,
            next=seen.epoch + 1,
            slot=slot,
            now=now.isoformat(),
            v=VERSION,
        )
        if self._write([taken]) is not None:
            return None
        return replace(seen, epoch=seen.epoch + 1, holder=slot, taken_at=now)

    def commit(self, sync: str, slot: str, epoch: int, watermark: datetime, records: int) -> bool:
        """Move the watermark, if the lease is still this run's; False if it is not. `records` is the Sync's size."""
        expression = "SET watermark = :at, records = :records"
        return self._held(sync, slot, epoch, expression, at=watermark.isoformat(), records=records)

    def commit_gone(self, sync: str, slot: str, epoch: int, until: datetime) -> bool:
        """Note up to when deletions have been carried over, if the lease is still this run's; False if it is not."""
        return self._held(sync, slot, epoch, "SET gone_until = :at", at=until.isoformat())

    def release(self, sync: str, slot: str, epoch: int) -> None:
        """Give the lease back, if it is still this run's."""
        self._held(sync, slot, epoch, "SET holder = :nobody", nobody="")

    def _held(self, sync: str, slot: str, epoch: int, expression: str, **values: Any) -> bool:
        condition = "epoch = :epoch AND holder = :slot"
        moved = update(self._state, _standing_key(sync), expression, condition, epoch=epoch, slot=slot, **values)
        return self._write([moved]) is None

    # runs

    def begin(self, run: SyncRun) -> tuple[SyncRun, int]:
        """Store a new run, unless one of its slot is there; returns what is stored, and its version."""
        refused = self._write([self._put_run(run, 1, "attribute_not_exists(pk)")])
        if refused is None:
            return run, 1
        found = self.get(run.sync, run.slot)
        return found or (run, 1)

    def get(self, sync: str, slot: str) -> tuple[SyncRun, int] | None:
        """A run and its version; None if there is none."""
        item = read_item(self._client, self._executions, _run_key(sync, slot))
        return (_run(item), item["version"]) if item else None

    def save(self, run: SyncRun, version: int) -> int:
        """Replace a run; returns its new version."""
        if self._write([self._put_run(run, version + 1, "version = :old", old=version)]) is not None:
            raise OvertakenError(run.name)
        return version + 1

    def runs(self, sync: str, limit: int) -> Sequence[SyncRun]:
        """The runs of a Sync, the newest first."""
        found = self._query(f"sync#{sync}", limit=limit, ScanIndexForward=False)
        return sorted((_run(item) for item in found), key=lambda run: run.started_at, reverse=True)

    # partitions

    def take_part(self, sync: str, slot: str, number: int) -> Part:
        """A partition, in this process's hands from now on."""
        key = _part_key(sync, slot, number)
        with later("UpdateItem"):
            answer = self._client.update_item(
                TableName=self._executions,
                Key=dump(key),
                UpdateExpression="ADD epoch :one SET v = :v, #ttl = :ttl",
                ExpressionAttributeNames={"#ttl": "ttl"},
                ExpressionAttributeValues=dump({":one": 1, ":v": VERSION, ":ttl": self._ttl()}),
                ReturnValues="ALL_NEW",
            )
        return _part(sync, slot, load(answer["Attributes"]))

    def save_part(self, part: Part) -> None:
        """Replace a partition."""
        key = _part_key(part.sync, part.slot, part.number)
        item = {**key, "epoch": part.epoch, "part": _text(part), "v": VERSION, "ttl": self._ttl()}
        if self._write([put(self._executions, item, "epoch = :epoch", epoch=part.epoch)]) is not None:
            raise OvertakenError(f"{part.sync}-{part.slot}-{part.number}")

    def parts(self, sync: str, slot: str) -> Sequence[Part]:
        """The partitions that somebody has taken so far, by number."""
        return [_part(sync, slot, item) for item in self._query(f"sync#part#{sync}#{slot}")]

    def _query(self, partition: str, limit: int = 0, **options: Any) -> list[Item]:
        found: list[Item] = []
        request: dict[str, Any] = {
            "TableName": self._executions,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": dump({":pk": partition}),
            **({"Limit": limit} if limit else {}),
            **options,
        }
        while True:
            with later("Query"):
                answer = self._client.query(**request)
            found += [load(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (limit and len(found) >= limit):
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _put_run(self, run: SyncRun, version: int, condition: str, **values: Any) -> Operation:
        item = {**_run_key(run.sync, run.slot), "version": version, "run": _text(run), "v": VERSION, "ttl": self._ttl()}
        return put(self._executions, item, condition, **values)

    def _write(self, operations: Sequence[Operation]) -> list[Item | None] | None:
        """Write all or nothing; None if written, else what stood in the way."""
        refused = write_groups(self._client, [operations])[0]
        return None if refused is None else [item for _, item in refused]

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())


def _standing_key(sync: str) -> dict[str, Any]:
    return {"pk": f"sync#{sync}", "sk": "standing"}


def _run_key(sync: str, slot: str) -> dict[str, Any]:
    return {"pk": f"sync#{sync}", "sk": f"run#{slot}"}


def _part_key(sync: str, slot: str, number: int) -> dict[str, Any]:
    return {"pk": f"sync#part#{sync}#{slot}", "sk": f"{number:06}"}


def _standing(item: Item) -> Standing:
    at, gone, taken_at = item.get("watermark"), item.get("gone_until"), item.get("taken_at")
    return Standing(
        epoch=item["epoch"],
        holder=item["holder"],
        taken_at=datetime.fromisoformat(taken_at) if taken_at else None,
        watermark=datetime.fromisoformat(at) if at else None,
        records=int(item.get("records", 0)),
        gone_until=datetime.fromisoformat(gone) if gone else None,
    )


def _run(item: Item) -> SyncRun:
    if item["v"] > VERSION:
        raise UnknownVersionError("a run of a newer version", code=str(item["v"]))
    return SyncRun(**_members(json.loads(item["run"])))


def _part(sync: str, slot: str, item: Item) -> Part:
    if item["v"] > VERSION:
        raise UnknownVersionError("a partition of a newer version", code=str(item["v"]))
    members = _members(json.loads(item["part"])) if "part" in item else {}
    return Part(**{**members, "sync": sync, "slot": slot, "number": int(item["sk"]), "epoch": item["epoch"]})


def _text(value: Any) -> str:
    """A value as JSON without what is empty."""
    return json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> dict[str, Any]:
    members = {each.name: getattr(value, each.name) for each in fields(value)}
    found: dict[str, Any] = {}
    for name, member in members.items():
        if isinstance(member, datetime):
            found[name] = member.isoformat()
        elif is_dataclass(member):
            found[name] = _plain(member)
        elif member not in (None, "", (), 0, False):
            found[name] = member
    return found


def _members(found: dict[str, Any]) -> dict[str, Any]:
    for name, member in found.items():
        if name in _INSTANTS:
            found[name] = datetime.fromisoformat(member)
        elif name in _ENUMS:
            found[name] = _ENUMS[name](member)
        elif name in _VALUES:
            found[name] = _VALUES[name](**_members(member))
        elif name in _LISTS:
            found[name] = tuple(member)
    return found
