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
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from heapq import heappop, heappush
from itertools import count
from re import Pattern
from re import compile as compile_pattern
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

type Record = dict[str, Any]
type Limit = bool | int | float

WINDOW_SECONDS = 20.0
# one whole rule of the faults document, besides the members of its kind
_RULE_MEMBERS = {"match", "kind", "nth", "times", "probability", "hits"}
_KIND_MEMBERS: Mapping[str, tuple[set[str], set[str]]] = {
    # kind: (required members, optional members)
    "drop_answer": (set(), {"seconds"}),
    "close": (set(), set()),
    "delay": ({"seconds"}, set()),
    "http": ({"status"}, {"body", "after_commit"}),
    "vendor_error": ({"code"}, {"message", "after_commit"}),
    "row_error": ({"code"}, {"rows", "message"}),
    "late_commit": ({"seconds"}, set()),
}


class ControlError(ValueError):
    """A request to the control plane that cannot be carried out; answered with 400 and this text."""


class Clock:
    """Real time plus an offset; both twins of a process share one. It goes back only when told so."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0
        self._latest = 0.0

    def timestamp(self) -> float:
        """Give the seconds since 1970 on this clock; a step back of the machine's own clock does not show."""
        self._latest = max(self._latest, time.time() + self.offset_seconds)
        return self._latest

    def now(self) -> datetime:
        """Give the time on this clock, aware and in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def advance(self, seconds: float, *, allow_backwards: bool = False) -> None:
        """Move the clock on by a number of seconds.

        Raises:
            ControlError: the number is negative and going back was not allowed.
        """
        if seconds < 0:
            if not allow_backwards:
                raise ControlError("the clock would go backwards; say allow_backwards to mean it")
            self._latest = 0.0
        self.offset_seconds += seconds

    def set(self, moment: datetime, *, allow_backwards: bool = False) -> None:
        """Move the clock to a moment; it goes on from there.

        Raises:
            ControlError: the moment has no offset, or lies in the past and going back was not allowed.
        """
        if moment.tzinfo is None:
            raise ControlError("the time to set needs an offset, for example 2026-03-08T05:59:00Z")
        self.advance(moment.timestamp() - self.timestamp(), allow_backwards=allow_backwards)


@dataclass(slots=True)
class Fault:
    """One fault rule and how often it matched (`seen`) and fired (`hits`)."""

    document: Record
    kind: str
    pattern: Pattern[str]
    nth: int | None
    times: int | None
    probability: float | None
    seen: int = 0
    hits: int = 0

    @classmethod
    def parse(cls, document: object) -> Fault:
        """Read one rule of the faults document.

        `match` is `METHOD /path` with `*` for any text (also `* /path`). `nth` is the matching call that
        fires first, counted from 1; `times` how often it fires (default: once with `nth`, always without);
        `probability` (0 to 1, seeded) decides each time by chance.

        Raises:
            ControlError: a member is missing, unknown or of the wrong type.
        """
        if not isinstance(document, dict):
            raise ControlError("a fault rule is a JSON object")
        kind = str(document.get("kind"))
        if kind not in _KIND_MEMBERS:
            raise ControlError(f"unknown fault kind {kind!r}; one of {', '.join(_KIND_MEMBERS)}")
        required, optional = _KIND_MEMBERS[kind]
        if missing := sorted(required - document.keys()):
            raise ControlError(f"a {kind} fault needs {', '.join(missing)}")
        if unknown := sorted(document.keys() - required - optional - _RULE_MEMBERS):
            raise ControlError(f"a {kind} fault does not know {', '.join(unknown)}")
        match = document.get("match")
        if not isinstance(match, str) or len(match.split()) != 2:
            raise ControlError('match is "METHOD /path", with * for any text')
        if "seconds" in document and not _is_number(document["seconds"]):
            raise ControlError("seconds is a number, 0 or more")
        nth, times = _positive(document, "nth"), _positive(document, "times")
        probability = document.get("probability")
        if probability is not None and not (_is_number(probability) and probability <= 1):
            raise ControlError("probability is a number from 0 to 1")
        if times is None and nth is not None:
            times = 1
        return cls(
            document={key: value for key, value in document.items() if key != "hits"},
            kind=kind,
            pattern=compile_pattern(translate(" ".join(match.split()))),
            nth=nth,
            times=times,
            probability=probability,
        )

    def fires(self, target: str, chance: random.Random) -> bool:
        """Note one call (`METHOD /path`) and say whether the rule fires on it."""
        if not self.pattern.match(target):
            return False
        self.seen += 1
        if self.nth is not None and self.seen < self.nth:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.probability is not None and chance.random() >= self.probability:
            return False
        self.hits += 1
        return True

    @property
    def seconds(self) -> float:
        """Give the rule's seconds, 0 when it has none."""
        return float(self.document.get("seconds", 0))

    @property
    def code(self) -> str:
        """Give the vendor code of an error rule."""
        return str(self.document["code"])

    @property
    def message(self) -> str:
        """Give the message of an error rule."""
        return str(self.document.get("message") or "Injected by a fault rule")

    @property
    def after_commit(self) -> bool:
        """Say whether the call is carried out before its answer is replaced."""
        return bool(self.document.get("after_commit")) or self.kind == "drop_answer"


@dataclass(slots=True)
class Call:
    """One call of the vendor's API on its way through the twin.

    `method` and `query` are the effective ones: a read sent as POST appears as GET, in faults, counters and
    log.     `client` is the peer's address until the vendor knows better (the authenticated client).
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
            ControlError: unknown object or a record the vendor would refuse (naming its index).
        """

    def generate(self, object_name: str, count: int, seed: int) -> list[Any]:
        """Make up records from a seed, insert them and give their ids.

        Raises:
            ControlError: not possible for this object.
        """

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
    """

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.seed = seed
        self.limits: dict[str, Limit] = {}
        self.random = random.Random(seed)  # noqa: S311 - chance of a fault, has to be repeatable
        self.in_flight = 0
        self._defaults: Mapping[str, Limit] = {}
        self._rules: list[Fault] = []
        self._clear_counters()
        self._pending: list[tuple[float, int, Callable[[], None]]] = []
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
            elif not _is_number(value):
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

    def commit(self, call: Call, change: Callable[[], None]) -> None:
        """Make a change now, or when the clock has passed the call's `commit_delay`."""
        if call.commit_delay <= 0:
            change()
            return
        due = self.clock.timestamp() + call.commit_delay
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
        while self._window[0] <= now - WINDOW_SECONDS:
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


def iso(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: object) -> datetime:
    """Read an ISO 8601 time with an offset.

    Raises:
        ControlError: not such a time.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ControlError(f"{text!r} is not an ISO 8601 time") from error
    if moment.utcoffset() is None:
        raise ControlError(f"{text!r} needs an offset, for example Z")
    return moment


def whole_seconds(moment: datetime) -> datetime:
    """Cut a time to whole seconds."""
    return moment - timedelta(microseconds=moment.microsecond)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _positive(document: Record, name: str) -> int | None:
    value = document.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ControlError(f"{name} is a whole number from 1, or null")
    return value
