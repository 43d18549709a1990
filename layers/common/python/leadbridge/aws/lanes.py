"""The state table's lane items: who drains a lane, and whether something arrived since.

One item per lane under `pk = lane`: `epoch` grows with every lease, `lease_until` ends it, `arrivals` counts
what was announced. Releasing is conditional on the count, so no event is left without an owner.
For each Action of which calls wait for a batch: `n#<action>` persons, `b#<action>` bytes, `s#<action>` since when,
`v#<action>` its version then. They may be too high after a crash, never too low.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from leadbridge.aws.items import Item, dump, later, load, update, write_groups
from leadbridge.domain.batching import Buffer, Growth
from leadbridge.domain.event import VERSION, instant, iso
from leadbridge.ports import Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOBODY = "0"  # sorts before every instant
#: a ring that led to no lease within this time is taken for lost
RING_AGAIN = timedelta(seconds=10)
#: buffers that one update corrects: an expression has at most 4 KB
CORRECTED = 10
EMPTY = Buffer()


class DynamoLanes:
    """`ports.Lanes` on DynamoDB."""

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        table: str,
        lease: timedelta,
    ) -> None:
        self._client = client
        self._table = table
        self._lease = lease

    def open(self, lane: str) -> None:
        """Make a lane known, so that whoever looks for due work looks there."""
        with later("UpdateItem"):
            self._client.update_item(
                TableName=self._table,
                Key=dump({"pk": "lane", "sk": lane}),
                UpdateExpression=(
                    "SET arrivals = if_not_exists(arrivals, :zero), epoch = if_not_exists(epoch, :zero), "
                    "lease_until = if_not_exists(lease_until, :nobody), v = :v"
                ),
                ExpressionAttributeValues=dump({":zero": 0, ":nobody": NOBODY, ":v": VERSION}),
            )

    def announce(
        self, lane: str, now: datetime, grown: Mapping[str, Growth] | None = None, *, due: bool = True
    ) -> bool:
        """Count an arrival; True if nobody holds a live lease and nobody else has just been told to ring."""
        grown = grown or {}
        places = _Places()
        kept = "".join(
            f", {places.name('s', action)} = if_not_exists({places.name('s', action)}, {places.value(_since(each))})"
            f", {places.name('v', action)} = if_not_exists({places.name('v', action)}, "
            f"{places.value(each.arrived.version)})"
            for action, each in grown.items()
        )
        added = ", ".join(
            f"{places.name(kind, action)} {places.value(number)}"
            for action, each in grown.items()
            for kind, number in (("n", each.arrived.count), ("b", each.arrived.bytes))
        )
        names: dict[str, Any] = {"ExpressionAttributeNames": places.names} if places.names else {}
        with later("UpdateItem"):
            answer = self._client.update_item(
                TableName=self._table,
                Key=dump({"pk": "lane", "sk": lane}),
                UpdateExpression=(
                    "SET arrivals = if_not_exists(arrivals, :zero) + :one, epoch = if_not_exists(epoch, :zero), "
                    f"lease_until = if_not_exists(lease_until, :nobody), v = :v{kept}"
                    f"{' ADD ' if added else ''}{added}"
                ),
                ExpressionAttributeValues=dump(
                    {":zero": 0, ":one": 1, ":nobody": NOBODY, ":v": VERSION, **places.values}
                ),
                ReturnValues="ALL_NEW",
                **names,
            )
        item = load(answer["Attributes"])
        buffers = _buffers(item)
        for action, each in grown.items():
            self._older(lane, action, each, buffers[action])
        if item["lease_until"] >= iso(now):
            return False
        if not due and not any(each.crossed(buffers[action]) for action, each in grown.items()):
            return False
        # a burst would ring once per batch and start as many workers, of which all but one find the lease taken
        rung = self._change(
            lane,
            "SET rung_until = :until, rung_by = :me",
            "attribute_not_exists(rung_until) OR rung_until < :now OR rung_by = :me",
            {":until": iso(now + RING_AGAIN), ":now": iso(now), ":me": uuid.uuid4().hex},
        )
        return rung is not None

    def _older(self, lane: str, action: str, growth: Growth, there: Buffer) -> None:
        """Have a buffer tell of its oldest event, where that came last."""
        since = growth.arrived.since
        if since is not None and there.since is not None and since < there.since:
            names = {"#since": f"s#{action}"}
            self._change(lane, "SET #since = :since", "#since > :since", {":since": iso(since)}, names=names)

    def settle(self, lease: Lease, left: Mapping[str, Buffer]) -> None:
        """Correct what is counted of the lane's buffers."""
        actions = [
            action
            for action in sorted(left.keys() | lease.buffers.keys())
            if left.get(action, EMPTY) != lease.buffers.get(action, EMPTY)
        ]
        for some in batched(actions, CORRECTED, strict=False):
            if not self._settle_exactly(lease, left, some):
                self._settle_by_difference(lease, left, some)

    def _settle_exactly(self, lease: Lease, left: Mapping[str, Buffer], actions: Sequence[str]) -> bool:
        """Set the counters, provided that nothing was counted meanwhile."""
        places = _Places()
        sets, removes, conditions = ["v = :v"], [], ["epoch = :epoch"]
        for action in actions:
            seen, now_there = lease.buffers.get(action), left.get(action, EMPTY)
            number, size = places.name("n", action), places.name("b", action)
            conditions.append(
                f"{number} = {places.value(seen.count)} AND {size} = {places.value(seen.bytes)}"
                if seen
                else f"attribute_not_exists({number})"
            )
            kept = {"n": now_there.count, "b": now_there.bytes, "v": now_there.version}
            if now_there.since is None:
                removes += [places.name(kind, action) for kind in ("n", "b", "s", "v")]
            else:
                sets += [
                    f"{places.name(kind, action)} = {places.value(value)}"
                    for kind, value in (kept | {"s": iso(now_there.since)}).items()
                ]
        expression = "SET " + ", ".join(sets) + (f" REMOVE {', '.join(removes)}" if removes else "")
        return self._once(lease, expression, " AND ".join(conditions), {":v": VERSION, **places.values}, places.names)

    def _settle_by_difference(self, lease: Lease, left: Mapping[str, Buffer], actions: Sequence[str]) -> None:
        """Take from the counters what has left; since when is put right by the next look, which this one provokes."""
        places = _Places()
        added = []
        for action in actions:
            seen, now_there = lease.buffers.get(action, EMPTY), left.get(action, EMPTY)
            added.append(f"{places.name('n', action)} {places.value(now_there.count - seen.count)}")
            added.append(f"{places.name('b', action)} {places.value(now_there.bytes - seen.bytes)}")
        self._once(lease, "ADD " + ", ".join(added), "epoch = :epoch", places.values, places.names)

    def _once(
        self,
        lease: Lease,
        expression: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str],
    ) -> bool:
        """Change the lane as its holder, one time, also if the answer is lost: a transaction has a token for that."""
        given = {name.removeprefix(":"): value for name, value in values.items()}
        key = {"pk": "lane", "sk": lease.lane}
        operation = update(self._table, key, expression, condition, names, epoch=lease.epoch, **given)
        return write_groups(self._client, [[operation]])[0] is None

    def take(self, lane: str, now: datetime) -> Lease | None:
        """Take the lease with the next epoch, or None while another holds it."""
        return self._change(
            lane,
            "SET epoch = if_not_exists(epoch, :zero) + :one, lease_until = :until, taken_by = :me, v = :v, "
            "arrivals = if_not_exists(arrivals, :zero)",
            # a write that the SDK repeats after its answer was lost finds itself, and not another holder
            "attribute_not_exists(lease_until) OR lease_until < :now OR taken_by = :me",
            {
                ":zero": 0,
                ":one": 1,
                ":until": iso(now + self._lease),
                ":now": iso(now),
                ":v": VERSION,
                ":me": uuid.uuid4().hex,
            },
            # whoever comes after this lease may ring at once
            remove="rung_until",
        )

    def renew(self, lease: Lease, now: datetime) -> Lease | None:
        """Prolong the lease and learn of arrivals; None if it was lost."""
        return self._change(
            lease.lane,
            "SET lease_until = :until",
            "epoch = :epoch AND lease_until <> :nobody",
            {":until": iso(now + self._lease), ":epoch": lease.epoch, ":nobody": NOBODY},
        )

    def lift(self, lease: Lease, epoch: int) -> Lease | None:
        """Raise the epoch of a lease that is held, so that it and its successors fence `epoch`; None if it was lost."""
        return self._change(
            lease.lane,
            "SET epoch = :lifted",
            "(epoch = :epoch OR epoch = :lifted) AND lease_until <> :nobody",
            {":lifted": epoch + 1, ":epoch": lease.epoch, ":nobody": NOBODY},
        )

    def release(self, lease: Lease, *, even_if_arrived: bool = False) -> bool:
        """Give the lease up; False if something arrived since `lease` was read and the lease is kept."""
        condition, values = "epoch = :epoch", {":nobody": NOBODY, ":epoch": lease.epoch}
        if not even_if_arrived:
            condition, values = (
                condition + " AND arrivals = :arrivals",
                values | {":arrivals": lease.arrivals},
            )
        # a ring that was answered while this lease lived must not silence the next one
        changed = self._change(lease.lane, "SET lease_until = :nobody", condition, values, remove="rung_until")
        return changed is not None

    def idle(self, now: datetime) -> Mapping[str, Mapping[str, Buffer]]:
        """Lanes without a live lease, and what is counted into their buffers."""
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :lane",
                ExpressionAttributeValues={":lane": {"S": "lane"}},
            )
        items = [load(raw) for raw in answer["Items"]]
        return {item["sk"]: _buffers(item) for item in items if item.get("lease_until", NOBODY) < iso(now)}

    def _change(
        self,
        lane: str,
        expression: str,
        condition: str,
        values: dict[str, Any],
        *,
        remove: str = "",
        names: Mapping[str, str] | None = None,
    ) -> Lease | None:
        named: dict[str, Any] = {"ExpressionAttributeNames": dict(names)} if names else {}
        try:
            with later("UpdateItem"):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=dump({"pk": "lane", "sk": lane}),
                    UpdateExpression=expression + (f" REMOVE {remove}" if remove else ""),
                    ConditionExpression=condition,
                    ExpressionAttributeValues=dump(values),
                    ReturnValues="ALL_NEW",
                    **named,
                )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        item = load(answer["Attributes"])
        return Lease(lane=lane, epoch=item["epoch"], arrivals=item.get("arrivals", 0), buffers=_buffers(item))


class _Places:
    """Names and values of an expression, each with its placeholder."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self._known: dict[str, str] = {}

    def name(self, kind: str, action: str) -> str:
        """The placeholder of an attribute."""
        name = f"{kind}#{action}"
        if name not in self._known:
            self._known[name] = f"#a{len(self._known)}"
            self.names[self._known[name]] = name
        return self._known[name]

    def value(self, value: Any) -> str:
        """The placeholder of a value."""
        place = f":x{len(self.values)}"
        self.values[place] = value
        return place


def _since(growth: Growth) -> str:
    return iso(growth.arrived.since) if growth.arrived.since else NOBODY


def _buffers(item: Item) -> dict[str, Buffer]:
    """What a lane's item tells of its buffers."""
    actions = [name.removeprefix("n#") for name in item if name.startswith("n#")]
    return {
        action: Buffer(
            count=item[f"n#{action}"],
            bytes=item.get(f"b#{action}", 0),
            since=instant(item[f"s#{action}"]) if item.get(f"s#{action}", NOBODY) != NOBODY else None,
            version=item.get(f"v#{action}", 0),
        )
        for action in actions
    }
