"""DynamoDB that says "later" after the call was acknowledged: the real adapters on an in-process DynamoDB.

In-process, where many workers and seeds are cheap; test_throttled_tables.py refuses the deployed functions.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.keys import DynamoKeys
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.domain.event import Arrival
from leadbridge.errors import SyncError
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.drain_lane import DrainLane, DrainSettings
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.store_events import StoreEvents
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.builders.events import SECRET, a_payload, an_arrival
from tests.fakes.bell import RecordingBell
from tests.fakes.clock import SettableClock
from tests.fakes.connections import FakeConnections
from tests.fakes.heartbeat import AskingHeartbeat
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.integration.aws.local_aws import client, create_table, local_aws, refusal, scan

EVENTS = 12
LEASE = timedelta(seconds=60)
#: sweeps after which everything must have ended; at a third of calls throttled a few are enough
ROUNDS = 60


@dataclass
class Throttled:
    """A DynamoDB client of which a share of the calls is answered with a throttle, transactions in both spellings."""

    client: Any
    chance: random.Random
    share: float = 0.0
    refused: int = field(default=0)

    def __getattr__(self, method: str) -> Any:
        """The method, or attribute, of the client behind."""
        inner = getattr(self.client, method)
        if method in {"meta", "exceptions"}:
            return inner
        if method == "get_paginator":
            return lambda name: _Pages(self, inner(name))

        def call(**parameters: Any) -> Any:
            self.throttle(method, len(parameters.get("TransactItems", ())))
            return inner(**parameters)

        return call

    def throttle(self, method: str, operations: int = 0) -> None:
        """Raise in the chosen share of calls."""
        if self.chance.random() >= self.share:
            return
        self.refused += 1
        if operations and self.chance.random() < 0.5:
            reasons = [{"Code": "ThrottlingError"}] + [{"Code": "None"}] * (operations - 1)
            raise refusal("TransactionCanceledException", method, reasons=reasons)
        code = self.chance.choice(["ThrottlingException", "ProvisionedThroughputExceededException"])
        raise refusal(code, method)


@dataclass
class _Pages:
    client: Throttled
    inner: Any

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        """Pages, each of which may be refused."""
        for page in self.inner.paginate(**parameters):
            self.client.throttle("query")
            yield page


class Worlds:
    """Leadbridge on a throttled DynamoDB, with vendor doubles; each call of it is a new process."""

    def __init__(self, seed: int) -> None:
        self.clock = SettableClock()
        self.dynamodb = Throttled(client("dynamodb"), random.Random(seed))
        for table in ("ConfigTable", "StateTable", "KeysTable", "ExecutionsTable"):
            create_table(self.dynamodb.client, table)
        self.configurations = DynamoConfigurations(self.dynamodb, table="ConfigTable")  # type: ignore[arg-type]  # a double
        for document in (a_marketo_connection(), a_salesforce_connection(), an_action()):
            self.configurations.put(document)
        self.salesforce = FakeSalesforce(a_salesforce_lead(), clock=self.clock)
        self.marketo = FakeMarketo(marketo_leads(), a_result_activity(), clock=self.clock)
        self.bell = RecordingBell()
        self.lanes = DynamoLanes(self.dynamodb, table="StateTable", lease=LEASE)  # type: ignore[arg-type]  # a double
        self.inbox = DynamoInbox(
            self.dynamodb,  # type: ignore[arg-type]  # a double
            executions="ExecutionsTable",
            keys="KeysTable",
            hash_key=lambda: SECRET,
            retention=timedelta(days=90),
            now=self.clock.now,
        )

    def store(self, messages: dict[str, Arrival]) -> dict[str, Arrival]:
        """One batch of the queue; gives the messages that come again."""
        store = StoreEvents(
            configurations=self.configurations, inbox=self.inbox, lanes=self.lanes, bell=self.bell, clock=self.clock
        )
        try:
            failed = store(list(messages.items()))
        except (ClientError, SyncError):
            return messages  # a function that raises acknowledges nothing
        return {number: messages[number] for number in failed}

    def drain(self) -> None:
        """One worker, which may die of what it meets."""
        connections = FakeConnections(marketo={MARKETO: self.marketo}, salesforce={SALESFORCE: self.salesforce})
        run_events = RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=DynamoKeys(
                self.dynamodb,  # type: ignore[arg-type]  # a double
                table="KeysTable",
                executions="ExecutionsTable",
                retention=timedelta(days=30),
            ),
            connections=connections,
            clock=self.clock,
            meter=RecordingMeter(),
            hash_key=lambda: SECRET,
            settings=RunSettings(settle=timedelta(seconds=5)),
        )
        drain = DrainLane(
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=self.clock,
            heartbeat=AskingHeartbeat(self.lanes, self.clock),
            run_events=run_events,
            holds=Holds(self.configurations),
            sleep=self.clock.sleep,
            settings=DrainSettings(),
        )
        try:
            drain(SALESFORCE, lambda: 900.0)
        except (ClientError, SyncError):
            self.clock.advance(1)  # the invocation failed; the next sweep rings again

    def states(self) -> list[tuple[str, str, str]]:
        """State, outcome and reason of every execution."""
        items = [item for item in scan(self.dynamodb.client, "ExecutionsTable") if item["sk"]["S"] == "log"]
        names = ("state", "outcome", "reason")
        return [(*(item.get(name, {"S": ""})["S"] for name in names),) for item in items]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS inside the process."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr("leadbridge.aws.items.random.uniform", lambda *_: 0.0)  # no pauses between tries
    with local_aws():
        yield


@pytest.mark.fault("FA01")
@pytest.mark.parametrize(("share", "seed"), [(0.05, 1), (0.33, 2), (0.33, 3)])
def test_throttled_calls_lose_and_double_nothing(aws: None, share: float, seed: int) -> None:
    """I1, I2: with a share of DynamoDB calls refused every accepted call ends once; no event is called a crasher."""
    world = Worlds(seed)
    world.dynamodb.share = share
    messages = {f"message {number}": an_arrival(number, payload=a_payload(number)) for number in range(1, EVENTS + 1)}
    world.marketo.load(*range(1, EVENTS + 1))
    for _ in range(ROUNDS):
        messages = world.store(messages) if messages else {}
        world.drain()
        world.clock.advance(61)
        if not messages and {state for state, _, _ in world.states()} == {"ended"}:
            break
    assert world.dynamodb.refused > 0
    assert world.states() == [("ended", "created", "")] * EVENTS
    emails = [record["Email"] for record in world.salesforce.records("Lead")]
    assert len(emails) == len(set(emails)) == EVENTS
    told = [activity.attributes["executionId"] for activity in world.marketo.logged()]
    assert len(told) == len(set(told)) == EVENTS
    assert all(lead["salesforceId"] for lead in world.marketo.leads.values())


@pytest.mark.fault("FA01")
def test_a_store_that_refuses_everything_gets_every_message_again(aws: None) -> None:
    """I1: with every call refused no message is acknowledged; as soon as it is over, all are stored and end."""
    world = Worlds(seed=4)
    messages = {f"message {number}": an_arrival(number, payload=a_payload(number)) for number in range(1, 4)}
    world.marketo.load(1, 2, 3)
    world.dynamodb.share = 1.0
    assert world.store(messages) == messages
    world.drain()
    assert not world.states()
    world.dynamodb.share = 0.0
    assert not world.store(messages)
    world.clock.advance(61)
    world.drain()
    assert world.states() == [("ended", "created", "")] * 3
