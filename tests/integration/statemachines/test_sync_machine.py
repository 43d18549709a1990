"""A run of a Sync as real ASL: an interpreter executes the template's definition over the real adapters of tables.

Tasks call the use-case as a process of its own would, waits move the clock, both vendors are doubles.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.aws.jobs import DynamoBulkRuns
from leadbridge.aws.machines import Machine
from leadbridge.aws.objects import S3Objects
from leadbridge.aws.syncs import DynamoSyncRuns
from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.carried import Asked
from leadbridge.domain.jobs import Policy
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, Totals
from leadbridge.errors import QuotaExhaustedError, TransientError, UncertainWriteError
from leadbridge.usecases.run_bulk_step import RunBulkStep
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.bulk import FakeBulkVendor
from tests.fakes.clock import NOON
from tests.integration.aws.local_aws import client, create_table
from tests.integration.statemachines.machines import Execution, Machines, machines

BUCKET = "data"


class Bench(SyncWorld):
    """A world whose stores and state machine are AWS's."""

    def __init__(self, make: Any, world: SyncWorld) -> None:
        self.__dict__ |= world.__dict__
        self.machines: Machines = make()
        s3, dynamodb = client("s3"), client("dynamodb")
        s3.create_bucket(Bucket=BUCKET)
        for table in ("ExecutionsTable", "StateTable"):
            create_table(dynamodb, table)
        self.objects = S3Objects(s3, bucket=BUCKET)  # type: ignore[assignment]  # the real one instead of the double
        self.runs = DynamoSyncRuns(  # type: ignore[assignment]  # as above
            dynamodb, executions="ExecutionsTable", state="StateTable", retention=timedelta(days=30), now=self.clock.now
        )
        self.jobs = {
            "salesforce": FakeBulkVendor(self.clock, vendor="salesforce", step=self.steps),
            "marketo": FakeBulkVendor(self.clock, vendor="marketo", step=self.steps),
        }
        self.bulk_stored = DynamoBulkRuns(
            dynamodb, table="ExecutionsTable", retention=timedelta(days=30), now=self.clock.now
        )
        self.starter = Machine(client("stepfunctions"), self.machines.arn("SyncMachine"))  # type: ignore[assignment]  # as above

    def ended(self, slot: str = SLOT) -> Execution:
        """Start a run and wait for its execution's end."""
        assert self.start(slot).started
        return self.machines.ended(self.machines.execution("SyncMachine", self.run(slot).name))

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the functions do; a bulk order has a kind."""
        if "kind" in event:
            vendors = self.jobs[event["vendor"]]
            use_case = RunBulkStep(
                runs=self.bulk_stored,
                objects=self.objects,
                vendors=vendors,
                clock=self.clock,
                meter=self.meter,
                policy=Policy(),
            )
            return use_case(BulkOrder.parse(event), lambda: 600.0).as_dict()
        order = SyncOrder.parse(event)
        return self.step(order.slot, parts=order.parts, begin=order.begin, turns=order.turns, child=order.child)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The machine of the template over a Sync that reads what changed."""
    world, benches = SyncWorld(a_sync(dedupe="import_everything", extraction="incremental")), list[Bench]()

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        return benches[0].handle(event)

    with machines(monkeypatch, handle, world.clock.advance) as make:
        benches.append(Bench(make, world))
        yield benches[0]


def test_a_run_goes_through_its_steps_to_its_end(bench: Bench) -> None:
    """The machine plans, extracts, partitions, loads and commits; rows, counts and watermark are there."""
    for number in range(5):
        bench.row(number)
    ended = bench.ended()

    assert ended.status == "SUCCEEDED", ended.cause
    steps = [name for name in ended.states if name not in {"Begin", "Next", "Step"}]
    assert steps == ["Plan", "Extract", "Partition", "Load", "Loaded", "Commit", "Done"]
    assert bench.run().totals == Totals(created=5)
    assert bench.runs.standing(bench.sync.id).watermark == NOON
    assert len(bench.held()) == 5


def test_a_run_waits_where_a_vendor_is_away_or_a_quota_spent_and_goes_on(bench: Bench) -> None:
    """A refusal makes the machine wait, a spent quota makes it park, both lead back to the same step."""
    bench.row(1)
    reset = NOON + timedelta(hours=6)
    bench.source.errors = [TransientError("away", vendor="salesforce", code="http_503")]
    bench.destination.errors = {
        "find": [(QuotaExhaustedError("spent", resets_at=reset, vendor="marketo", code="607"), False)],
        "create": [(UncertainWriteError("no answer", vendor="marketo", code="timeout"), True)],
    }
    ended = bench.ended()

    assert ended.status == "SUCCEEDED", ended.cause
    assert [name for name in ended.states if name in {"Wait", "Park", "Extract", "Load"}] == [
        *("Extract", "Wait", "Extract", "Load", "Park", "Load", "Wait", "Load"),
    ]
    assert bench.run().totals == Totals(created=1)
    assert len(bench.held()) == 1


def test_a_run_that_fails_or_is_cancelled_says_so_in_its_execution(bench: Bench) -> None:
    """The execution's error is the run's reason; a cancelled one ends without an error."""
    bench.row(1)
    described = bench.destination.described
    bench.destination.described = type(described)(name="leads", fields={})
    failed = bench.ended()
    assert (failed.status, failed.error) == ("FAILED", "configuration")

    bench.destination.described = described
    later = "20260302T130000Z"
    bench.steps.on_step = lambda name: (
        bench.starting().ask(bench.sync.id, later, Asked.CANCEL) if name == "source.page.done" else None
    )
    ended = bench.ended(later)
    assert (ended.status, ended.output["step"]) == ("SUCCEEDED", "cancelled")
    assert bench.run(later).step is Step.CANCELLED


@pytest.mark.fault("FA16")
def test_a_run_goes_on_in_new_executions(bench: Bench) -> None:
    """Each execution takes a few turns and starts the next one; the run ends once, with every row."""
    bench.most_turns = 2
    bench.row(1)
    first = bench.ended()
    assert first.states[-1] == "Renew"

    bench.machines.all_ended("SyncMachine")
    assert bench.run().step is Step.DONE
    assert bench.run().totals == Totals(created=1)


def test_a_process_that_is_killed_is_followed_by_another(bench: Bench) -> None:
    """The process dies after its creations and before their outcomes are stored: every row is there once."""
    for number in range(6):
        bench.row(number)
    bench.steps.die_of("destination.create.done")
    ended = bench.ended()

    assert ended.status == "SUCCEEDED", ended.cause
    assert bench.run().totals == Totals(created=6)
    assert len(bench.held()) == 6


def test_files_go_through_the_bulk_machines(bench: Bench) -> None:
    """One machine extracts, another imports; each row has its end."""
    for machine in ("BulkExtractMachine", "BulkImportMachine"):
        bench.machines.arn(machine)
    bench.documents.put(a_sync(dedupe="import_everything", by={"extract": "bulk", "load": "bulk"}))
    columns = ["Id", "SystemModstamp", "CreatedDate", "LastModifiedDate", "Email", "LastName"]
    rows = [[f"{number:03}", "", "", "", f"{name}@example.com", name] for number, name in enumerate(["a", "bad1", "b"])]
    bench.jobs["salesforce"]._file = "\r\n".join(",".join(row) for row in [columns, *rows, []]).encode()
    ended = bench.ended()

    assert ended.status == "SUCCEEDED", ended.cause
    steps = [name for name in ended.states if name not in {"Begin", "Next", "Step"}]
    assert steps == [
        *("Plan", "ExtractFile", "Extracted", "Partition", "Load", "Loaded"),
        *("Join", "LoadFile", "Imported", "Commit", "Done"),
    ]
    assert bench.run().totals == Totals(created=2, failed=1)
    assert sorted(bench.jobs["marketo"].written) == ["a@example.com", "b@example.com"]


def test_a_bulk_job_that_fails_fails_the_run_with_its_word(bench: Bench) -> None:
    """The execution's error is the bulk run's reason, its cause the vendor's own words; no watermark moves."""
    bench.documents.put(a_sync(dedupe="import_everything", extraction="incremental", by={"extract": "bulk"}))
    bench.machines.arn("BulkExtractMachine")
    bench.jobs["salesforce"].faults.ends = ["Failed"]
    failed = bench.ended()

    assert bench.runs.standing(bench.sync.id).watermark is None
    assert (failed.status, failed.error, failed.cause) == ("FAILED", "job_failed", "the vendor's own words")
