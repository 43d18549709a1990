"""Rows that load by the deployed state machines, into both vendors, while something else is measured."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from tests.bench.local import Bench

MACHINE = "BulkImportMachineArn"
BEGIN_SECONDS, END_SECONDS = 120.0, 1800.0
POLL_SECONDS = 1.0
#: what is asked of the import at each vendor
ORDERS: Mapping[str, Mapping[str, Any]] = {
    "salesforce": {
        "connection": "salesforce-demo",
        "object": "Lead",
        "request": {"operation": "upsert", "external_id_field": "External_Key__c"},
    },
    "marketo": {"connection": "marketo-demo", "object": "leads", "request": {}},
}
#: how the vendors work on an import meanwhile: for the time of a figure instead of in one go
PACE: Mapping[str, Mapping[str, float]] = {
    "salesforce": {"bulk_batch_records": 2_000, "bulk_batch_seconds": 2},
    "marketo": {"import_run_seconds": 100},
}
#: the first calls by which an import shows at the vendor
SHOWN = {"salesforce": "/jobs/ingest", "marketo": "/bulk/v1/leads"}


@dataclass(slots=True)
class Load:
    """One import: its vendor, its execution, and when it was seen to begin and to end."""

    vendor: str
    arn: str
    began: float
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> float:
        """When it ended; it has not yet, where this is infinite."""
        stopped: datetime | None = self.said.get("stopDate")
        return stopped.timestamp() if stopped and self.said["status"] != "RUNNING" else float("inf")

    @property
    def rows(self) -> int:
        """Rows that are there."""
        output = json.loads(self.said.get("output") or "{}")
        return int(output.get("counts", {}).get("rows", 0)) - int(output.get("counts", {}).get("failed", 0))


@contextmanager
def loading(on: Bench, *, rows: int, seed: int) -> Iterator[list[Load]]:
    """Load so many rows into each vendor; they have begun when the block does, and have ended after it."""
    vendors = tuple(ORDERS) if rows else ()
    before = {vendor: on.limits(vendor, **PACE[vendor]) for vendor in vendors}
    loads = [_begin(on, vendor, rows, seed) for vendor in vendors]
    yield loads
    for load in loads:
        _wait(on, load)
    for vendor, limits in before.items():
        on.limits(vendor, **limits)


def _begin(on: Bench, vendor: str, rows: int, seed: int) -> Load:
    mark, run = on.last_call(vendor), f"load-{vendor}-{uuid.uuid4().hex[:8]}"
    key, bucket = f"in/{run}.csv", on.stack.outputs["DataBucketName"]
    on.stack.client("s3").put_object(Bucket=bucket, Key=key, Body=_file(vendor, rows, seed, run).encode())
    order = {"run": run, "prefix": "bulk", "vendor": vendor, "source": key, **ORDERS[vendor]}
    started = on.stack.client("stepfunctions").start_execution(
        stateMachineArn=on.stack.outputs[MACHINE], name=run, input=json.dumps(order)
    )
    load = Load(vendor=vendor, arn=str(started["executionArn"]), began=time.time())
    deadline = time.monotonic() + BEGIN_SECONDS
    while not any(SHOWN[vendor] in call["path"] for call in on.log(vendor, mark)):
        if time.monotonic() > deadline or _look(on, load) != "RUNNING":
            raise RuntimeError(f"the load of {vendor} did not begin: {load.said}")
        time.sleep(POLL_SECONDS)
    return load


def _wait(on: Bench, load: Load) -> None:
    deadline = time.monotonic() + END_SECONDS
    while _look(on, load) == "RUNNING":
        if time.monotonic() > deadline:
            raise TimeoutError(f"the load of {load.vendor} did not end in {END_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    if load.said["status"] != "SUCCEEDED":
        raise RuntimeError(f"the load of {load.vendor} failed: {load.said.get('error')} {load.said.get('cause')}")


def _look(on: Bench, load: Load) -> str:
    load.said = on.stack.client("stepfunctions").describe_execution(executionArn=load.arn)
    return str(load.said["status"])


def _file(vendor: str, rows: int, seed: int, mark: str) -> str:
    dice = Random(seed)
    names = ["Zürich", "Zagreb", "O'Brien", "Nguyễn", "Šimić", "plain", "李"]
    # Salesforce wants a key to upsert by, Marketo finds by the address
    lines = ["External_Key__c,LastName,Company,Email" if vendor == "salesforce" else "lastName,company,email"]
    for number in range(rows):
        key = f"{mark}-{number}"
        person = f"{dice.choice(names)} {number},Load,{key}@example.com"
        lines.append(f"{key},{person}" if vendor == "salesforce" else person)
    return "\r\n".join([*lines, ""])
