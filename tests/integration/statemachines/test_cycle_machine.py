"""A run of a CRM cycle as real ASL: an interpreter executes both definitions over the real adapters of tables.

Tasks call the use-case as a process of its own would, waits move the clock; runs of Syncs end as they are told.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.aws.cycles import DynamoCycleRuns
from leadbridge.aws.machines import Machine
from leadbridge.domain.cycling import CycleStep
from leadbridge.errors import TransientError
from tests.builders.cycles import CycleWorld
from tests.integration.aws.local_aws import client, create_table
from tests.integration.statemachines.machines import Execution, Machines, machines


class Bench(CycleWorld):
    """A world whose store and state machines are AWS's."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self.machines: Machines = make()
        dynamodb = client("dynamodb")
        for table in ("ExecutionsTable", "StateTable"):
            create_table(dynamodb, table)
        self.runs = DynamoCycleRuns(  # type: ignore[assignment]  # the real one instead of the double
            dynamodb, executions="ExecutionsTable", state="StateTable", retention=timedelta(days=30), now=self.clock.now
        )
        self.machines.arn("SyncMachine")
        self.starter = Machine(  # type: ignore[assignment]  # as above
            client("stepfunctions"), self.machines.arn("CycleMachine"), owner="cycle"
        )

    def ended(self) -> Execution:
        """Start a run and wait for its execution's end."""
        told = self.now()
        assert told.started
        return self.machines.ended(self.machines.execution("CycleMachine", self.run(told.slot).name))

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        """What the functions do."""
        if "cycle" in event:
            return self.step(event["slot"], **{name: event[name] for name in ("begin", "turns") if name in event})
        self.carry([event])
        found = self.syncs.get(event["sync"], event["slot"])
        assert found is not None
        if not found[0].over:
            raise TransientError("its execution dies", vendor="aws", operation="Invoke")
        step = found[0].step.value
        return {"step": step, "renew": False, "reason": "why", "message": found[0].message, "turns": 0}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The machines of the template over a cycle of three kinds of records."""
    benches = list[Bench]()

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        return benches[0].handle(event)

    def wait(seconds: float) -> None:
        benches[0].clock.advance(seconds)

    with machines(monkeypatch, handle, wait) as make:
        benches.append(Bench(make))
        yield benches[0]


def test_a_cycle_goes_from_its_opening_to_its_commit(bench: Bench) -> None:
    """All queues are read by machines of their own, then each group of legs in its order; a leg that fails parks its
    kind of records, and the cycle goes on."""
    bench.failing["main.persons-people"] = "refused"
    execution = bench.ended()

    assert execution.status == "SUCCEEDED", execution
    assert execution.output["step"] == "done"
    run = bench.run(execution.output["slot"])
    assert (run.step, set(run.parked)) == (CycleStep.DONE, {"persons"})
    assert execution.states[:6] == ["Begin", "Next", "Step", "Open", "Next", "Step"]
    order = [each for (each,) in bench.carried[6:]]
    assert order == [
        "persons-salesforce",
        "sales_persons-sales_persons",
        "companies-companies",
        "persons-people",
        "companies-companies_deleted",
        "sales_persons-sales_persons_deleted",
    ]


def test_a_cycle_that_fails_says_why(bench: Bench) -> None:
    """The execution has the run's reason and message."""
    for entity in bench.entities.values():
        for queue in entity.queues():
            bench.failing[queue.sync.id] = "no permission"
    execution = bench.ended()

    assert (execution.status, execution.error) == ("FAILED", "all_parked")
    assert "persons" in execution.cause
