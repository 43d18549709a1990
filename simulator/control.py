"""The vendor-neutral core of a twin: its clock, its control plane and what a vendor has to provide.

A vendor twin is three things: one `ControlPlane` (clock, fault rules, limits, counters, log), one object
that fulfils the `Vendor` protocol (routes, state, rules, error envelope), and the server in
`simulator.serving` that joins the two and serves `/_sim/*` beside the vendor's own API.

How one call passes through (`simulator.serving.build_app`):

1. the body is read; a `Call` is made; `vendor.arrived(call)` may rewrite its method and query
   (a read sent as POST) or take it out of the counting (`call.counted = False`);
2. the call is counted (`in_flight`, rolling 20 s window, by endpoint) and commits that fell due are made;
3. `vendor.before(call)` enforces authentication and limits: a response ends the call there, and the vendor
   notes the code with `control.violation(code)`;
4. `limits["latency_seconds"]`, if the vendor has it, passes in real time, so that calls overlap;
5. the first fault rule that fires is stored as `call.fault`. `close`, `delay`, `http`, `vendor_error` and
   `drop_answer` are carried out by the server. `row_error` and `late_commit` belong to the write:
   the vendor's code asks `call.row_fault(index)` for each row, and makes its changes through
   `control.commit(call, change)`, which runs `change` now, or later when the fault says so;
6. the route's endpoint answers; it adds what it touched to `call.record_keys` (`call_of(request)` gives
   the call);
7. `vendor.after(call, response)` runs, then the call is logged and answered.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.clock import Clock, iso, parse_time
from simulator.faults import ControlError, Fault, Record, RecordError, is_number

__all__ = [
    "Call",
    "Clock",
    "ControlError",
    "ControlPlane",
    "Fault",
    "Limit",
    "Record",
    "RecordError",
    "Vendor",
    "call_of",
    "is_number",
    "iso",
    "parse_time",
]

type Limit = bool | int | float

WINDOW_SECONDS = 20.0


@dataclass(slots=True)
class Call:
    """One call of the vendor's API on its way through the twin.

    `method` and `query` are the effective ones: a read sent as POST appears as GET, in faults, counters and
    log. `client` is the peer's address until the vendor knows better (the authenticated client).
    """

    n: int
    at: datetime
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    client: str
    target_bytes: int
    counted: bool = True
    endpoint: str = ""
    status: int = 0
    fault: Fault | None = None
    record_keys: list[str] = field(default_factory=list)

    def row_fault(self, index: int) -> tuple[str, str] | None:
        """Give the code and message that a `row_error` fault puts on the row with this index (from 0).

        `rows` of the rule is a list of indexes, or a number (so many first rows); without it, every row.
        """
        if self.fault is None or self.fault.kind != "row_error":
            return None
        rows = self.fault.document.get("rows")
        hit = rows is None or (index in rows if isinstance(rows, list) else index < rows)
        return (self.fault.code, self.fault.message) if hit else None

    @property
    def commit_delay(self) -> float:
        """Give the seconds between the call and its becoming visible (`late_commit`; also `drop_answer`)."""
        if self.fault is None or self.fault.kind not in {"late_commit", "drop_answer"}:
            return 0.0
        return self.fault.seconds


class Vendor(Protocol):
    """What a vendor twin provides; built by `MarketoVendor(control)` and `SalesforceVendor(control)`."""

    @property
    def name(self) -> str:
        """Give the lower-case name: the prefix of the keys in the line printed at start."""

    @property
    def default_limits(self) -> Mapping[str, Limit]:
        """Give every limit and switch of the vendor; `control.limits` holds the present values."""

    @property
    def routes(self) -> Sequence[Route]:
        """Give the vendor's API; endpoints are `async def(request: Request) -> Response`."""

    @property
    def control_routes(self) -> Sequence[Route]:
        """Give further control-plane paths of this vendor, below `/_sim/`."""

    def credentials(self) -> Record:
        """Give what a client needs to log in; the same after a reset."""

    def reset(self) -> None:
        """Forget every record, token and counter; demo schema and credentials stay."""

    def load(self, object_name: str, records: list[Record]) -> list[Any]:
        """Insert records under the vendor's field and type rules, all or none, and give their ids.

        Raises:
            RecordError: a record the vendor would refuse.
            ControlError: unknown object.
        """

    def invent(self, object_name: str, count: int, seed: int) -> Iterator[Record]:
        """Make up so many records from a seed, one after the other, as `load` takes them.

        Raises:
            ControlError: not possible for this object.
        """

    def counts(self) -> Mapping[str, int]:
        """Give the number of records of every object, without making a list of them."""

    def records(self, object_name: str) -> list[Record]:
        """Give every record of an object by REST field name.

        Raises:
            ControlError: unknown object.
        """

    def vendor_error(self, call: Call, code: str, message: str) -> Response:
        """Give a response-level error in the vendor's own envelope."""

    def unrouted(self, call: Call, status: int) -> Response:
        """Answer a call that no route takes: 404 for the path, 405 for the method."""

    def arrived(self, call: Call) -> None:
        """Look at a call before it is counted; may change method, query, client and counted."""

    def before(self, call: Call) -> Response | None:
        """Check authentication and limits; a response refuses the call."""

    def after(self, call: Call, response: Response) -> None:
        """Note what became of a call that was routed, before its answer leaves (headers may be added)."""


class ControlPlane:
    """Fault rules, limits, counters and log of one vendor twin.

    Attributes:
        limits: every limit of the vendor by name; read it on each use, tests change it.
        in_flight: counted calls being handled now, including the one that asks.
        neighbours: URLs of the twins of this process by vendor.
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.seed = seed
        self.limits: dict[str, Limit] = {}
        self.random = random.Random(seed)  # noqa: S311 - chance of a fault, has to be repeatable
        self.in_flight = 0
        self.neighbours: Mapping[str, str] = {}
        self._defaults: Mapping[str, Limit] = {}
        self._rules: list[Fault] = []
        self._clear_counters()
        self._pending: list[tuple[float, int, Callable[[], object]]] = []
        self._tie = count()

    def _clear_counters(self) -> None:
        self.total = 0
        self.by_endpoint: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self.peak_concurrency = 0
        self.max_calls_in_20s = 0
        self.log: list[Record] = []
        self._window: deque[float] = deque()
        self._numbers = count(1)

    def declare_limits(self, defaults: Mapping[str, Limit]) -> None:
        """Take a vendor's limits with their defaults."""
        self._defaults = dict(defaults)
        self.limits = dict(defaults)

    def reset(self) -> None:
        """Go back to the start: default limits, no faults, counters at 0, the same seed. The clock stays.

        The clock belongs to both twins and to the functions that follow it, so a reset does not turn it back.
        """
        self.random = random.Random(self.seed)  # noqa: S311 - as above
        self.limits = dict(self._defaults)
        self._rules = []
        self._pending = []
        self._clear_counters()

    # faults

    def replace(self, documents: object) -> None:
        """Replace all fault rules; nothing changes if one of them is wrong.

        Raises:
            ControlError: the document is not an array of rules.
        """
        if not isinstance(documents, list):
            raise ControlError("faults are a JSON array of rules")
        self._rules = [Fault.parse(document) for document in documents]

    def rules(self) -> list[Record]:
        """Give the rules as they came, each with its `hits`."""
        return [{**rule.document, "hits": rule.hits} for rule in self._rules]

    def pick(self, method: str, path: str) -> Fault | None:
        """Give the first rule that fires on this call; every matching rule counts the call."""
        if not self._rules:
            return None
        target = f"{method} {path}"
        picked: Fault | None = None
        for rule in self._rules:
            if picked is None:
                if rule.fires(target, self.random):
                    picked = rule
            elif rule.pattern.match(target):
                rule.seen += 1
        return picked

    # limits

    def set_limits(self, changes: object) -> None:
        """Set some limits; the others stay.

        Raises:
            ControlError: an unknown name, or a value that is not a number (a boolean for a switch).
        """
        if not isinstance(changes, dict):
            raise ControlError("limits are a JSON object")
        for name, value in changes.items():
            if name not in self._defaults:
                raise ControlError(f"unknown limit {name!r}; one of {', '.join(sorted(self._defaults))}")
            if isinstance(self._defaults[name], bool):
                if not isinstance(value, bool):
                    raise ControlError(f"{name} is true or false")
            elif not is_number(value):
                raise ControlError(f"{name} is a number, 0 or more")
        self.limits.update(changes)

    def limit(self, name: str) -> float:
        """Give a numeric limit."""
        return self.limits[name]

    def switch(self, name: str) -> bool:
        """Give a switch."""
        return bool(self.limits[name])

    def violation(self, code: str) -> None:
        """Note that a client broke a vendor limit and got this code."""
        self.violations[code] += 1

    # commits

    def commit(self, call: Call, change: Callable[[], object]) -> None:
        """Make a change now, or when the clock has passed the call's `commit_delay`."""
        if call.commit_delay <= 0:
            change()
            return
        self.schedule(self.clock.timestamp() + call.commit_delay, change)

    def schedule(self, due: float, change: Callable[[], object]) -> None:
        """Make a change when the clock has passed a time (seconds since 1970), seen by whoever calls then."""
        heappush(self._pending, (due, next(self._tie), change))

    def settle(self) -> None:
        """Make the delayed changes that are due."""
        while self._pending and self._pending[0][0] <= self.clock.timestamp():
            heappop(self._pending)[2]()

    # counting

    def next_number(self) -> int:
        """Give the number of the next call, from 1."""
        return next(self._numbers)

    def begin(self, call: Call) -> None:
        """Count an arriving call."""
        self.total += 1
        if not call.counted:
            return
        self.in_flight += 1
        self.peak_concurrency = max(self.peak_concurrency, self.in_flight)
        now = call.at.timestamp()
        self._window.append(now)
        # entries later than now were made before the clock was turned back
        while not now - WINDOW_SECONDS < self._window[0] <= now:
            self._window.popleft()
        self.max_calls_in_20s = max(self.max_calls_in_20s, len(self._window))

    def end(self, call: Call) -> None:
        """Log a call that was answered or dropped (status 0)."""
        if call.counted:
            self.in_flight -= 1
        self.by_endpoint[f"{call.method} {call.endpoint or call.path}"] += 1
        self.log.append(
            {
                "n": call.n,
                "at": iso(call.at),
                "method": call.method,
                "path": call.path,
                "bytes": len(call.body),
                "status": call.status,
                "client": call.client,
                "record_keys": call.record_keys,
            }
        )

    def calls(self) -> Record:
        """Give the counters as the control plane shows them."""
        return {
            "total": self.total,
            "by_endpoint": dict(self.by_endpoint),
            "peak_concurrency": self.peak_concurrency,
            "max_calls_in_20s": self.max_calls_in_20s,
            "violations": dict(self.violations),
        }

    def log_since(self, number: int) -> list[Record]:
        """Give the log entries of the calls after the one with this number, in order of their numbers."""
        return sorted((entry for entry in self.log if entry["n"] > number), key=lambda entry: entry["n"])


def call_of(request: Request) -> Call:
    """Give the call that an endpoint is answering."""
    call: Call = request.scope["state"]["call"]
    return call
