"""The state table's lane items: who drains a lane, and whether something arrived since.

One item per lane under `pk = lane`: `epoch` grows with every lease, `lease_until` ends it, `arrivals` counts
what was announced. Releasing is conditional on the count, so no event is left without an owner.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from leadbridge.aws.items import dump, later, load
from leadbridge.domain.event import VERSION, iso
from leadbridge.ports import Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOBODY = "0"  # sorts before every instant
#: a ring that led to no lease within this time is taken for lost
RING_AGAIN = timedelta(seconds=10)


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

    def announce(self, lane: str, now: datetime) -> bool:
        """Count an arrival; True if nobody holds a live lease and nobody else has just been told to ring."""
        with later("UpdateItem"):
            answer = self._client.update_item(
                TableName=self._table,
                Key=dump({"pk": "lane", "sk": lane}),
                UpdateExpression=(
                    "SET arrivals = if_not_exists(arrivals, :zero) + :one, epoch = if_not_exists(epoch, :zero), "
                    "lease_until = if_not_exists(lease_until, :nobody), v = :v"
                ),
                ExpressionAttributeValues=dump({":zero": 0, ":one": 1, ":nobody": NOBODY, ":v": VERSION}),
                ReturnValues="ALL_NEW",
            )
        if load(answer["Attributes"])["lease_until"] >= iso(now):
            return False
        # a burst would ring once per batch and start as many workers, of which all but one find the lease taken
        rung = self._change(
            lane,
            "SET rung_until = :until, rung_by = :me",
            "attribute_not_exists(rung_until) OR rung_until < :now OR rung_by = :me",
            {":until": iso(now + RING_AGAIN), ":now": iso(now), ":me": uuid.uuid4().hex},
        )
        return rung is not None

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

    def idle(self, now: datetime) -> Sequence[str]:
        """Lanes without a live lease."""
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :lane",
                ExpressionAttributeValues={":lane": {"S": "lane"}},
            )
        items = [load(raw) for raw in answer["Items"]]
        return [item["sk"] for item in items if item.get("lease_until", NOBODY) < iso(now)]

    def _change(
        self, lane: str, expression: str, condition: str, values: dict[str, Any], *, remove: str = ""
    ) -> Lease | None:
        try:
            with later("UpdateItem"):
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=dump({"pk": "lane", "sk": lane}),
                    UpdateExpression=expression + (f" REMOVE {remove}" if remove else ""),
                    ConditionExpression=condition,
                    ExpressionAttributeValues=dump(values),
                    ReturnValues="ALL_NEW",
                )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        item = load(answer["Attributes"])
        return Lease(lane=lane, epoch=item["epoch"], arrivals=item.get("arrivals", 0))
