"""A deployed stack of the figures' own, and what they ask it: calls of the vendors, state of the executions."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from devstack import demo
from devstack.stack import Stack, up

LANE = "salesforce-demo"
FINAL_STATES = frozenset({"ended", "rejected", "not_run"})
DRAIN_SECONDS = 300.0
#: longer for large inputs
SECONDS_EACH = 0.2
POLL_SECONDS = 0.5
# sorts behind every instant, so nobody finds the lease expired
_NEVER, _NOW = "9999", "0"


@dataclass(frozen=True, slots=True)
class Bench:
    """The stack, what scripts know about it, and a client for the simulators' control planes."""

    stack: Stack
    facts: Mapping[str, Any]
    http: httpx.Client

    def calls(self, vendor: str) -> Counter[str]:
        """Calls of a vendor's API so far, by endpoint."""
        return Counter(self._sim(vendor, "calls")["by_endpoint"])

    def last_call(self, vendor: str) -> int:
        """The number of a vendor's newest call, for `log`."""
        return int(self._sim(vendor, "calls")["total"])

    def log(self, vendor: str, since: int) -> list[dict[str, Any]]:
        """Every finished call of a vendor after a number."""
        found: list[dict[str, Any]] = self._sim(vendor, f"log?since={since}")
        return found

    def violations(self, vendor: str) -> int:
        """How often a limit of a vendor was broken so far."""
        return sum(self._sim(vendor, "calls")["violations"].values())

    def faults(self, vendor: str) -> list[dict[str, Any]]:
        """The fault rules of a vendor with their hits."""
        found: list[dict[str, Any]] = self._sim(vendor, "faults")
        return found

    def set_faults(self, vendor: str, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the fault rules of a vendor."""
        self.http.post(f"{self.facts[f'{vendor}_url']}/_sim/faults", json=list(rules)).raise_for_status()

    def limits(self, vendor: str, **changes: float) -> dict[str, float]:
        """Set limits of a vendor; gives what those were before."""
        before = self._sim(vendor, "limits")
        self.http.post(f"{self.facts[f'{vendor}_url']}/_sim/limits", json=changes).raise_for_status()
        return {name: before[name] for name in changes}

    def records(self, vendor: str, name: str) -> list[dict[str, Any]]:
        """Every record of an object at a simulator."""
        found: list[dict[str, Any]] = self._sim(vendor, f"records/{name}")
        return found

    def _sim(self, vendor: str, path: str) -> Any:
        return self.http.get(f"{self.facts[f'{vendor}_url']}/_sim/{path}").raise_for_status().json()

    @contextmanager
    def lane_held(self) -> Iterator[None]:
        """Take the lane's lease away for the length of the block, then give it back and ring, as a worker would."""
        self._set_lease(_NEVER)
        yield
        self._set_lease(_NOW)
        self.stack.client("lambda").invoke(
            FunctionName=self.stack.outputs["RunActionsFunctionName"],
            InvocationType="Event",
            Payload=json.dumps({"v": 1, "lane": LANE}),
        )

    def _set_lease(self, until: str) -> None:
        self.stack.client("dynamodb").update_item(
            TableName=self.stack.outputs["StateTableName"],
            Key={"pk": {"S": "lane"}, "sk": {"S": LANE}},
            UpdateExpression=(
                "SET lease_until = :until, epoch = if_not_exists(epoch, :zero), "
                "arrivals = if_not_exists(arrivals, :zero), v = :one"
            ),
            ExpressionAttributeValues={":until": {"S": until}, ":zero": {"N": "0"}, ":one": {"N": "1"}},
        )

    def wait_stored(self, ids: Sequence[str]) -> None:
        """Wait until every execution is in the inbox or beyond."""
        self._wait(lambda: not set(ids) - self.executions().keys(), "stored", DRAIN_SECONDS)

    def _inbox_holds_any(self) -> bool:
        answer = self.stack.client("dynamodb").query(
            TableName=self.stack.outputs["ExecutionsTableName"],
            KeyConditionExpression="pk = :lane",
            ExpressionAttributeValues={":lane": {"S": f"lane#{LANE}"}},
            ConsistentRead=True,
            Limit=1,
        )
        return bool(answer["Items"])

    def wait_ended(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Wait until every execution has its end; gives state and outcome of each."""

        def ended() -> bool:
            if self._inbox_holds_any():  # reading everything at each look would slow what is measured
                return False
            found = self.executions()
            return all(found.get(one, {}).get("state") in FINAL_STATES for one in ids)

        self._wait(ended, "ended", DRAIN_SECONDS + len(ids) * SECONDS_EACH)
        found = self.executions()
        return {one: found[one] for one in ids}

    def executions(self) -> dict[str, dict[str, str]]:
        """State and outcome of every recorded execution, by its id."""
        pages = (
            self.stack.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.stack.outputs["ExecutionsTableName"],
                FilterExpression="sk = :log",
                ExpressionAttributeValues={":log": {"S": "log"}},
            )
        )
        return {
            item["pk"]["S"].removeprefix("execution#"): {
                name: item[name]["S"] for name in ("state", "outcome", "reason") if "S" in item.get(name, {})
            }
            for page in pages
            for item in page["Items"]
        }

    @staticmethod
    def _wait(done: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not everything was {what} after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)


@contextmanager
def bench(say: Callable[[str], None] = lambda _: None) -> Iterator[Bench]:
    """Start a stack with the demo Action; the checkout's own stack file stays as it is."""
    with (
        tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as folder,
        up(say=say) as stack,
        demo.prepared(stack, say, file=Path(folder) / "stack.json") as facts,
        httpx.Client(timeout=60, trust_env=False) as http,
    ):
        yield Bench(stack, facts, http)
