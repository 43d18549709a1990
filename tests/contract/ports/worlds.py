"""The two implementations of every port behind one face, with what a suite may look at besides the ports."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.items import load
from leadbridge.aws.keys import DynamoKeys
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.log import DynamoLog
from leadbridge.domain.event import Event
from leadbridge.domain.outcome import State
from leadbridge.ports import Configurations, Inbox, Keys, Lanes
from tests.integration.aws.local_aws import SettableClock, Unsteady, client, create_table, scan

LEASE = timedelta(seconds=60)
RETENTION = timedelta(days=30)


class RedrivableInbox(Inbox, Protocol):
    """The inbox with what `redrive` asks of it."""

    def readmit(self, event: Event, *, was: State) -> bool:
        """Bring a call back into its lane; False if it is not in the state `was` any more."""
        ...

    def hurry(self, event_key: Mapping[str, str]) -> bool:
        """Make a waiting event due at once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Record:
    """An execution as people see it."""

    state: str
    outcome: str = ""
    reason: str = ""
    message: str = ""
    salesforce_id: str = ""
    writeback: str = ""
    activity: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was kept of a call for a redrive."""

    payload: Any
    body: str | None
    expires: bool


class World(Protocol):
    """All ports of one implementation."""

    clock: SettableClock

    @property
    def inbox(self) -> RedrivableInbox:
        """Its inbox."""
        ...

    @property
    def lanes(self) -> Lanes:
        """Its lanes."""
        ...

    @property
    def keys(self) -> Keys:
        """Its keys."""
        ...

    @property
    def configurations(self) -> Configurations:
        """Its configurations."""
        ...

    def record(self, execution_id: str) -> Record | None:
        """The execution as people see it."""
        ...

    def kept(self, execution_id: str) -> Kept | None:
        """What was kept for a redrive."""
        ...


class DynamoWorld:
    """The adapters, on an in-process DynamoDB with the template's tables."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.raw = client("dynamodb")
        for table in ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable"):
            create_table(self.raw, table)
        self.dynamodb: Any = Unsteady(self.raw)
        self.inbox = DynamoInbox(
            self.dynamodb,
            executions="ExecutionsTable",
            keys="KeysTable",
            hash_key=lambda: b"index-key",
            retention=RETENTION,
            now=self.clock.now,
        )
        self.lanes = DynamoLanes(self.dynamodb, table="StateTable", lease=LEASE)
        self.keys = DynamoKeys(self.dynamodb, table="KeysTable")
        self.configurations = DynamoConfigurations(self.dynamodb, table="ConfigTable")
        self.log = DynamoLog(self.raw, table="ExecutionsTable")

    def record(self, execution_id: str) -> Record | None:
        """The log item."""
        item = self.log.get(execution_id)
        if item is None:
            return None
        return Record(
            state=item["state"],
            outcome=item.get("outcome", ""),
            reason=item.get("reason", ""),
            message=item.get("message", ""),
            salesforce_id=item.get("salesforce_id", ""),
            writeback=item.get("writeback", {}).get("status", ""),
            activity=item.get("activity", {}).get("status", ""),
        )

    def kept(self, execution_id: str) -> Kept | None:
        """The kept item."""
        item = self.log.kept(execution_id)
        if item is None:
            return None
        expected = int((self.clock.now() + RETENTION).timestamp())
        return Kept(payload=item.get("payload"), body=item.get("body"), expires=item.get("ttl") == expected)

    def items(self, table: str = "ExecutionsTable") -> list[dict[str, Any]]:
        """Every item of a table."""
        return [load(item) for item in scan(self.raw, table)]


def far(world: World) -> datetime:
    """A moment at which everything is due."""
    return world.clock.now() + timedelta(days=400)
