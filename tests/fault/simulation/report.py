"""Plays schedules, adds up what happened in them, and prints it as a table in which no fault may be missing."""

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched

from tests.fakes.steps import CONNECTOR_WRITES, DONE, VENDOR_WRITES
from tests.fault.simulation.checker import violations
from tests.fault.simulation.connector_checker import connector_violations
from tests.fault.simulation.connectors import CONNECTOR_SEEDS, ConnectorSimulation, connector_schedule
from tests.fault.simulation.product import Simulation
from tests.fault.simulation.schedule import DELIVERY_TROUBLE, REACHED, VENDOR_TROUBLE, Plan, schedule

#: what must have happened at least once in any run that claims to have shown something, beside the crashes
FAULTS = (
    "stall",
    "stall beyond the lease",
    "killed at its time limit",
    "store throttled",
    "store answer lost",
    *(f"{vendor}: {kind}" for vendor in ("salesforce", "marketo") for kind in VENDOR_TROUBLE),
    *(f"crash in flight of {operation}" for operation in (*VENDOR_WRITES, *CONNECTOR_WRITES)),
    *DELIVERY_TROUBLE,
    "message redelivered",
    "batch failed in part",
    "guard held by another writer",
    "guard abandoned by another writer",
    "redriven by a person",
    "configuration changed",
    "paused",
    "kept by a pause",
)
#: schedules that one task of a pool plays
CHUNK = 200


class BrokenScheduleError(Exception):
    """The product raised what nobody is prepared for; the message names the seed."""


@dataclass(slots=True)
class Played:
    """One schedule and what was wrong with it."""

    simulation: Simulation
    wrong: list[str]


@dataclass(slots=True)
class Report:
    """What happened in many schedules."""

    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    totals: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    #: sentences by seed
    failures: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "Report") -> None:
        """Add up two reports."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.seconds += other.seconds
        self.totals += other.totals
        self.ends += other.ends
        self.tally += other.tally
        self.failures |= other.failures

    def take_in(self, played: Played) -> None:
        """Add one schedule."""
        simulation = played.simulation
        tally = simulation.engine.tally
        self.schedules += 1
        self.steps += simulation.engine.steps
        self.tally += tally
        self.totals["events"] += len(simulation.plan.calls)
        self.totals["workers"] += simulation.workers
        self.totals["crashes"] += tally["crash"]
        self.totals["lost answers"] += simulation.lost_answers
        self.totals["redeliveries"] += tally["message redelivered"]
        for item in simulation.inbox.logged.values():
            self.ends[item.get("outcome") or item["state"]] += 1
        if played.wrong:
            self.failures[simulation.plan.seed] = played.wrong

    def missing(self) -> list[str]:
        """Faults and crash points that never occurred."""
        points = [f"crash at {operation}{suffix}" for operation in REACHED for suffix in ("", DONE)]
        return [kind for kind in (*points, *FAULTS) if not self.tally[kind]]

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"{'I/O point':<34}{'crashes before':>15}{'after':>9}"
        for operation in REACHED:
            before, after = (self.tally[f"crash at {operation}{suffix}"] for suffix in ("", DONE))
            yield f"{operation:<34}{before:>15}{after:>9}"
        yield ""
        yield from (f"{kind:<48}{self.tally[kind]:>10}" for kind in FAULTS)
        yield ""
        yield f"schedules {self.schedules}, I/O points {self.steps}"
        each = max(1, self.schedules)
        yield from (f"{name}: {count} ({count / each:.2f} a schedule)" for name, count in self.totals.items())
        yield "ends: " + ", ".join(f"{count} {name}" for name, count in sorted(self.ends.items()))
        yield f"{self.schedules / max(self.seconds, 1e-9):.0f} schedules per second and core"
        yield f"schedules with a violation: {len(self.failures)}"
        for seed, wrong in sorted(self.failures.items())[:20]:
            yield f"  seed {seed}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
        yield from (f"NEVER HAPPENED: {kind}" for kind in self.missing())


def play(plan: Plan | int, *, tracing: bool = False) -> Played:
    """Play one schedule, given as such or by its seed.

    Raises:
        BrokenScheduleError: The product raised.
    """
    plan = plan_of(plan) if isinstance(plan, int) else plan
    simulation = (ConnectorSimulation if plan.connectors else Simulation)(plan, tracing=tracing)
    try:
        simulation.run()
    except Exception as error:
        seed = simulation.plan.seed
        raise BrokenScheduleError(f"seed {seed}: {type(error).__name__}: {error}") from error
    if simulation.never_rests:
        return Played(simulation, [simulation.never_rests])
    return Played(simulation, (connector_violations if plan.connectors else violations)(simulation.facts()))


def plan_of(seed: int) -> Plan:
    """The schedule of a seed."""
    return connector_schedule(seed) if seed % 16 in CONNECTOR_SEEDS else schedule(seed)


def play_all(seeds: Iterable[int], *, until_found: bool = False) -> Report:
    """Play schedules in this process; with `until_found` the first violation ends it."""
    report = Report()
    began = time.process_time()
    gc.collect()
    gc.freeze()  # the product's modules stay, so nobody looks through them again
    gc.disable()  # schedules are short and small; collecting between them is cheaper
    try:
        for number, seed in enumerate(seeds):
            report.take_in(play(seed))
            if until_found and report.failures:
                break
            if number % 50 == 49:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    report.seconds = time.process_time() - began
    return report


def in_parallel(first: int, schedules: int, jobs: int) -> Iterator[Report]:
    """Play schedules in several processes; gives a report for each piece of the work, in order."""
    pieces = [tuple(piece) for piece in batched(range(first, first + schedules), CHUNK, strict=False)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play_all, pieces)


def transcript(played: Played) -> Iterator[str]:
    """A schedule as text: each step, the ends of its calls, what both vendors hold, what is wrong."""
    simulation = played.simulation
    yield from simulation.engine.trace or ()
    facts = simulation.facts()
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"], {})
        end = " ".join(str(item.get(name, "")) for name in ("state", "outcome", "reason", "salesforce_id", "message"))
        yield f"{call['marker']} {call['action']} of person {call['person']}, received {call['received']:.3f}: {end}"
    yield from (f"{what} {record} {sorted(row.items())}" for what, record, row in facts["journal"])
    yield from (f"lead {number} {sorted(lead.items())}" for number, lead in facts["leads"].items())
    yield from (f"activity {sorted(activity.items())}" for activity in facts["activities"])
    yield from (f"WRONG: {text}" for text in played.wrong)
