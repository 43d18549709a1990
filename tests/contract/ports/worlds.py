"""The two implementations of every port behind one face, with what a suite may look at besides the ports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.items import load
from leadbridge.aws.keys import DynamoKeys
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.log import DynamoLog
from leadbridge.domain.event import Event
from leadbridge.domain.outcome import State
from leadbridge.domain.pipeline import Claim
from leadbridge.ports import Configurations, Inbox, Keys, Lanes, RowKeys
from tests.contract.ports.builders import arrival_of
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.keys import InMemoryKeys
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.log import InMemoryLog
from tests.integration.aws.local_aws import SettableClock, Unsteady, client, create_table, scan

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLES = ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable")
LEASE = timedelta(seconds=60)
RETENTION = timedelta(days=30)


class RedrivableInbox(Inbox, Protocol):
    """The inbox with what `redrive` asks of it."""

    def readmit(self, event: Event, *, was: State, times: int) -> bool:
        """Bring a call back into its lane; False if it is not `was` any more, or came back more often than that."""
        ...

    def hurry(self, event_key: Mapping[str, str]) -> bool:
        """Make a waiting event due at once."""
        ...


class Log(Protocol):
    """What the inbox shows of an execution."""

    def get(self, execution_id: str) -> dict[str, Any] | None:
        """The execution."""
        ...

    def kept(self, execution_id: str) -> dict[str, Any] | None:
        """What was kept for a redrive."""
        ...

    def kept_event(self, item: dict[str, Any]) -> Event | None:
        """The event inside a kept item."""
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
    member: str = ""
    activity: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was kept of a call for a redrive."""

    payload: Any
    body: str | None
    ends_at: int | None


class EveryKey(RowKeys, Keys, Protocol):
    """Keys as events and rows of Syncs use them."""


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
    def keys(self) -> EveryKey:
        """Its keys."""
        ...

    @property
    def configurations(self) -> Configurations:
        """Its configurations."""
        ...

    @property
    def log(self) -> Log:
        """What its inbox shows."""
        ...


class MemoryWorld:
    """The doubles."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.keys = InMemoryKeys()
        self.inbox = InMemoryInbox(keys=self.keys, retention=RETENTION, now=self.clock.now)
        self.lanes = InMemoryLanes(lease=LEASE)
        self.configurations = InMemoryConfigurations()
        self.log = InMemoryLog(self.inbox)


class DynamoWorld:
    """The adapters on a DynamoDB with the template's tables, in-process or at another client's address."""

    def __init__(self, raw: "DynamoDBClient | None" = None) -> None:
        self.clock = SettableClock()
        self.raw = raw or client("dynamodb")
        for table in TABLES:
            create_table(self.raw, table)
        self.unsteady = Unsteady(self.raw)
        self.dynamodb = cast("DynamoDBClient", self.unsteady)
        self.inbox = DynamoInbox(
            self.dynamodb,
            executions="ExecutionsTable",
            keys="KeysTable",
            hash_key=lambda: b"index-key",
            retention=RETENTION,
            now=self.clock.now,
        )
        self.lanes = DynamoLanes(self.dynamodb, table="StateTable", lease=LEASE)
        self.keys = DynamoKeys(self.dynamodb, table="KeysTable", executions="ExecutionsTable", retention=RETENTION)
        self.configurations = DynamoConfigurations(self.dynamodb, table="ConfigTable")
        self.log = DynamoLog(self.raw, table="ExecutionsTable")

    def items(self, table: str = "ExecutionsTable") -> list[dict[str, Any]]:
        """Every item of a table."""
        return [load(item) for item in scan(self.raw, table)]


def claim(world: World, wanted: Sequence[tuple[Event, Claim]]) -> Sequence[str | None]:
    """Claim as a worker does, who has the events in hand."""
    events = list({event.execution_id: event for event, _ in wanted}.values())
    for event in events:
        world.inbox.add(event, arrival_of(event))
    held = {event.execution_id: event for event in world.inbox.claim(events, 1)}
    return world.keys.claim([(held[event.execution_id], each) for event, each in wanted])


def record_of(world: World, execution_id: str) -> Record | None:
    """The execution as people see it; None if there is none."""
    item = world.log.get(execution_id)
    if item is None:
        return None
    texts = {name: item.get(name, "") for name in ("outcome", "reason", "message", "salesforce_id")}
    parts = {name: item.get(name, {}).get("status", "") for name in ("writeback", "member", "activity")}
    return Record(state=item["state"], **texts, **parts)


def kept_of(world: World, execution_id: str) -> Kept | None:
    """What was kept of a call; None if there is nothing."""
    item = world.log.kept(execution_id)
    if item is None:
        return None
    return Kept(payload=item.get("payload"), body=item.get("body"), ends_at=item.get("ttl"))


def retention_end(world: World) -> int:
    """When something ends that is kept for the retention from now on."""
    return int((world.clock.now() + RETENTION).timestamp())


def far(world: World) -> datetime:
    """A moment at which everything is due."""
    return world.clock.now() + timedelta(days=400)
