"""The machines over the real adapters of tables and files, and a vendor double."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.aws.jobs import DynamoBulkRuns
from leadbridge.aws.objects import S3Objects
from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Policy
from leadbridge.usecases.run_bulk_step import MOST_TURNS, RunBulkStep
from tests.fakes.bulk import FakeBulkVendor
from tests.fakes.clock import SettableClock
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Steps
from tests.integration.aws.local_aws import client, create_table
from tests.integration.statemachines.machines import Machines, machines

BUCKET = "data"


class Bench:
    """What a test of a machine touches: the vendors behind it, its files, and how its processes die."""

    def __init__(self, made: Machines, clock: SettableClock) -> None:
        self.machines = made
        self.clock = clock
        self.steps = Steps()
        self.most_turns = MOST_TURNS
        #: executions that have begun
        self.begun = 0
        self.vendors = {name: FakeBulkVendor(clock, vendor=name, step=self.steps) for name in ("marketo", "salesforce")}
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        dynamodb = client("dynamodb")
        create_table(dynamodb, "ExecutionsTable")
        self.runs = DynamoBulkRuns(dynamodb, table="ExecutionsTable", retention=timedelta(days=30), now=clock.now)

    def put(self, key: str, content: bytes) -> None:
        """Store an object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def get(self, key: str) -> bytes:
        """Read an object."""
        found: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return found

    def keys(self) -> list[str]:
        """Every object there is."""
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def step(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the function does, in a process of its own."""
        self.begun += bool(event.get("begin"))
        use_case = RunBulkStep(
            runs=self.runs,
            objects=S3Objects(self.s3, bucket=BUCKET),
            vendors=self.vendors.get(event["vendor"], self.vendors["marketo"]),
            clock=self.clock,
            meter=RecordingMeter(),
            policy=Policy(),
            most_turns=self.most_turns,
        )
        return use_case(BulkOrder.parse(event), lambda: 600.0).as_dict()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Both machines of the template."""
    clock, benches = SettableClock(), list[Bench]()

    def handler(event: dict[str, Any]) -> dict[str, Any]:
        return benches[0].step(event)

    with machines(monkeypatch, handler, clock.advance) as make:
        benches.append(Bench(make(), clock))
        yield benches[0]
