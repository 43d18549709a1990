"""Runs of Syncs in the executions table, and what is known between runs in the state table.

`sync#<id>` / `run#<slot>` is a run under its version, `sync#part#<id>#<slot>` / `<number>` a partition under its epoch;
both expire with the retention. `sync#<id>` / `standing` of the state table is a Sync's lease, for ever, and its
watermark, until it is removed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from leadbridge.aws.items import Item, dump, later, load, put, update
from leadbridge.aws.leased_runs import LeasedRuns
from leadbridge.domain.carried import Asked
from leadbridge.domain.event import VERSION
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.syncing import Intent, Part, Standing, Step, SyncRun, Totals, Way
from leadbridge.domain.waits import Waiting
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import OvertakenError

_ENUMS: Mapping[str, type[StrEnum]] = {"step": Step, "waiting": Waiting, "asked": Asked, "extract": Way, "load": Way}
_INSTANTS = frozenset(
    {
        *("started_at", "due_at", "refused_at", "seen_at", "ended_at", "since", "until", "made_since", "at"),
        *("gone_since", "gone_until", "gone_from", "newest", "waits_since", "waited_at", "renewed_from", "decided_at"),
    }
)
_VALUES: Mapping[str, type[Any]] = {"totals": Totals, "intent": Intent, "tally": Tally}
_LISTS = frozenset({"failed_in", "creates", "updates", "removals", "tellers", "readers", "listers", "placers"})


class DynamoSyncRuns(LeasedRuns[SyncRun]):
    """`sync_ports.SyncRuns` on DynamoDB."""

    kind = "sync"

    def _text(self, run: SyncRun) -> str:
        return _text(run)

    def _parsed(self, text: str) -> SyncRun:
        return SyncRun(**_members(json.loads(text)))

    # what is known between runs

    def standing(self, sync: str) -> Standing:
        """The lease of a Sync and its watermark; that of a new one if nothing is known."""
        item = self._stood(sync)
        return _standing(item) if item else Standing()

    def take(self, sync: str, slot: str, seen: Standing, now: datetime) -> Standing | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        if not self._taken(sync, slot, seen.epoch, seen.holder, now):
            return None
        return replace(seen, epoch=seen.epoch + 1, holder=slot, taken_at=now)

    def commit(self, sync: str, slot: str, epoch: int, watermark: datetime, records: int, *, carried: str) -> bool:
        """Move the watermark, if the lease is still this run's; False if it is not.

        `records` is the Sync's size, `carried` the fingerprint of what it carries (`domain.reading`).
        """
        expression = "SET watermark = :at, records = :records, carried = :carried"
        values: dict[str, Any] = {"at": watermark.isoformat(), "records": records, "carried": carried}
        return self._held(sync, slot, epoch, expression, **values)

    def forget(self, sync: str) -> None:
        """Forget how far a Sync has come that is removed; a run that is still at work moves nothing any more.

        Its lease stays its holder's until that has ended, and which version has run once stays known.
        """
        # another epoch, so that what such a run stores from now on is refused
        expression = "SET epoch = epoch + :one REMOVE watermark, carried, records, gone_until"
        self._write([update(self._state, self._standing_key(sync), expression, "attribute_exists(epoch)", one=1)])

    def commit_gone(self, sync: str, slot: str, epoch: int, until: datetime) -> bool:
        """Note up to when deletions have been carried over, if the lease is still this run's; False if it is not."""
        return self._held(sync, slot, epoch, "SET gone_until = :at", at=until.isoformat())

    def release(self, sync: str, slot: str, epoch: int) -> None:
        """Give the lease back, if it is still this run's."""
        self._held(sync, slot, epoch, "SET holder = :nobody", nobody="")

    def note_once(self, sync: str, version: int) -> None:
        """Note that the only run of a version has begun, for ever, unless that of a newer one is noted."""
        # whoever has begun a run has taken the lease, so there is an item; one from before this was noted has no member
        condition = "attribute_exists(epoch) AND (attribute_not_exists(once) OR once < :version)"
        self._write([update(self._state, self._standing_key(sync), "SET once = :version", condition, version=version)])

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


def _part_key(sync: str, slot: str, number: int) -> dict[str, Any]:
    return {"pk": f"sync#part#{sync}#{slot}", "sk": f"{number:06}"}


def _standing(item: Item) -> Standing:
    at, gone, taken_at = item.get("watermark"), item.get("gone_until"), item.get("taken_at")
    return Standing(
        epoch=item["epoch"],
        holder=item["holder"],
        taken_at=datetime.fromisoformat(taken_at) if taken_at else None,
        watermark=datetime.fromisoformat(at) if at else None,
        carried=item.get("carried", ""),
        records=int(item.get("records", 0)),
        gone_until=datetime.fromisoformat(gone) if gone else None,
        once=int(item.get("once", 0)),
    )


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
