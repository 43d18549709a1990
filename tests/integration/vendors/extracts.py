"""What the bulk machine does with an order, against the twins: one job from its making to its file."""

import json
from typing import Any

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Policy
from leadbridge.ports import Objects
from leadbridge.usecases.run_bulk_step import RunBulkStep
from leadbridge.vendors.bulk_jobs import VendorBulkJobs
from tests.fakes.bulk import InMemoryBulkRuns
from tests.fakes.clock import SettableClock
from tests.fakes.meter import RecordingMeter
from tests.integration.vendors.wired import TwinConnections

#: no job of these tests needs so many steps
MOST_STEPS = 100


def extracted(
    order: dict[str, Any],
    *,
    runs: InMemoryBulkRuns,
    objects: Objects,
    connections: TwinConnections,
    clock: SettableClock,
    refused: str = "",
    day_bytes: int = 500_000_000,
) -> dict[str, Any]:
    """The answer of an extract that ended well, or was `refused` with that reason; its waits move the clock."""
    step = RunBulkStep(
        runs=runs,
        objects=objects,
        vendors=VendorBulkJobs(connections, day_bytes=day_bytes, now=clock.now),
        clock=clock,
        meter=RecordingMeter(),
        policy=Policy(),
    )
    for _ in range(MOST_STEPS):
        answer = step(BulkOrder.parse(order | {"kind": "extract"}), lambda: 600.0)
        if answer.run.over:
            told = answer.as_dict()
            if refused and told["reason"] == refused:
                # as the state machine of a Sync hears it
                return {"Error": "States.TaskFailed", "Cause": json.dumps({"Error": refused, "Cause": told["message"]})}
            assert told["step"] == "done", json.dumps(told)
            return told
        clock.advance(answer.next.wait_seconds)
    raise AssertionError(order)
