"""Runs in the executions table, and the lease of what they are runs of in the state table.

`<kind>#<id>` / `run#<slot>` is a run under its version, which expires with the retention. `<kind>#<id>` / `standing` of
the state table is the lease and what is known between runs, for ever.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from leadbridge.aws.items import Item, Operation, dump, later, load, put, read_item, update, write_groups
from leadbridge.domain.carried import CarriedRun
from leadbridge.domain.event import VERSION
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import OvertakenError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class LeasedRuns[R: CarriedRun](ABC):
    """What the stores of runs have in common; `owner` is what they are runs of."""

    kind: ClassVar[str]

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

    @abstractmethod
    def _text(self, run: R) -> str:
        """A run as JSON."""

    @abstractmethod
    def _parsed(self, text: str) -> R:
        """The run in its JSON."""

    # the lease

    def _stood(self, owner: str) -> Item | None:
        return read_item(self._client, self._state, self._standing_key(owner))

    def _taken(self, owner: str, slot: str, epoch: int, holder: str, now: datetime) -> bool:
        """Take the lease for a run with the next epoch, if it still stands as it was seen."""
        condition = "epoch = :seen AND holder = :held" if epoch else "attribute_not_exists(pk)"
        values: dict[str, Any] = {"seen": epoch, "held": holder} if epoch else {}
        taken = update(
            self._state,
            self._standing_key(owner),
            "SET epoch = :next, holder = :slot, taken_at = :now, v = :v",
            condition,
            **values,
            next=epoch + 1,
            slot=slot,
            now=now.isoformat(),
            v=VERSION,
        )
        return self._write([taken]) is None

    def _held(self, owner: str, slot: str, epoch: int, expression: str, **values: Any) -> bool:
        """Change what is known, if the lease is still a run's; False if it is not."""
        condition = "epoch = :epoch AND holder = :slot"
        moved = update(self._state, self._standing_key(owner), expression, condition, epoch=epoch, slot=slot, **values)
        return self._write([moved]) is None

    # runs

    def begin(self, run: R) -> tuple[R, int]:
        """Store a new run, unless one of its slot is there; returns what is stored, and its version."""
        refused = self._write([self._put_run(run, 1, "attribute_not_exists(pk)")])
        if refused is None:
            return run, 1
        found = self.get(run.owner, run.slot)
        return found or (run, 1)

    def get(self, owner: str, slot: str) -> tuple[R, int] | None:
        """A run and its version; None if there is none."""
        item = read_item(self._client, self._executions, self._run_key(owner, slot))
        return (self._run(item), item["version"]) if item else None

    def save(self, run: R, version: int) -> int:
        """Replace a run; returns its new version."""
        if self._write([self._put_run(run, version + 1, "version = :old", old=version)]) is not None:
            raise OvertakenError(run.name)
        return version + 1

    def runs(self, owner: str, limit: int) -> Sequence[R]:
        """The runs of an owner, the newest first."""
        found = self._query(f"{self.kind}#{owner}", limit=limit, counts=_is_of_a_time, ScanIndexForward=False)
        return sorted((self._run(item) for item in found), key=lambda run: run.started_at, reverse=True)[:limit]

    def _query(
        self, partition: str, limit: int = 0, counts: Callable[[Item], bool] = lambda _: True, **options: Any
    ) -> list[Item]:
        """The items of a partition; with a limit not many more than so many of those that count."""
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
            if "LastEvaluatedKey" not in answer or (limit and sum(map(counts, found)) >= limit):
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _run(self, item: Mapping[str, Any]) -> R:
        if item["v"] > VERSION:
            raise UnknownVersionError("a run of a newer version", code=str(item["v"]))
        return self._parsed(item["run"])

    def _put_run(self, run: R, version: int, condition: str, **values: Any) -> Operation:
        key = self._run_key(run.owner, run.slot)
        item = {**key, "version": version, "run": self._text(run), "v": VERSION, "ttl": self._ttl()}
        return put(self._executions, item, condition, **values)

    def _write(self, operations: Sequence[Operation]) -> list[Item | None] | None:
        """Write all or nothing; None if written, else what stood in the way."""
        refused = write_groups(self._client, [operations])[0]
        return None if refused is None else [item for _, item in refused]

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())

    def _standing_key(self, owner: str) -> dict[str, Any]:
        return {"pk": f"{self.kind}#{owner}", "sk": "standing"}

    def _run_key(self, owner: str, slot: str) -> dict[str, Any]:
        return {"pk": f"{self.kind}#{owner}", "sk": f"run#{slot}"}


def _is_of_a_time(item: Item) -> bool:
    """Whether a run's slot begins with its time, so that runs are stored in its order.

    Those that run once, now, are named by versions and stand behind all others, whenever they ran; there are few.
    """
    return str(item["sk"]).removeprefix("run#")[:1].isdigit()
