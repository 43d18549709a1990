"""Plays schedules of Syncs, adds up what happened in them, and prints a table in which no fault may be missing."""

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched

from tests.fakes.steps import DONE
from tests.fault.simulation.report import BrokenScheduleError
from tests.fault.simulation.sync_checker import sync_violations
from tests.fault.simulation.sync_schedule import (
    MACHINE_TROUBLE,
    POINTS,
    READ_TROUBLE,
    VENDOR_TROUBLE,
    VENDOR_WRITE_POINTS,
    sync_schedule,
)
from tests.fault.simulation.syncs import SyncSimulation

#: what must have happened at least once in any run that claims to have shown something, beside the crashes
FAULTS = (
    "stall",
    "stall beyond the lease",
    "killed at its time limit",
    "store throttled",
    "store answer lost",
    *(f"{vendor}: {kind}" for vendor in ("salesforce", "marketo") for kind in VENDOR_TROUBLE),
    *(f"crash in flight of {operation}" for operation in VENDOR_WRITE_POINTS),
    *MACHINE_TROUBLE,
    "commit after its moment",
    "shown after its moment",
    "made by somebody else",
    "extract by file",
    "import by file",
    "run by a person",
    "retried by a person",
    "asked: pause",
    "asked: resume",
    "asked: cancel",
    "cancelled in haste",
    "guard: confirm",
    "guard: cancel",
    *(f"waits: {reason}" for reason in ("quota", "vendor", "settling", "paused", "guard")),
)
assert set(VENDOR_TROUBLE) >= READ_TROUBLE
#: schedules that one task of a pool plays
CHUNK = 100


@dataclass(slots=True)
class Played:
    """One schedule and what was wrong with it."""

    simulation: SyncSimulation
    wrong: list[str]


@dataclass(slots=True)
class SyncReport:
    """What happened in many schedules."""

    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    totals: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    tally: Counter[str] = field(default_factory=Counter)
    #: sentences by seed
    failures: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: "SyncReport") -> None:
        """Add up two reports."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.seconds += other.seconds
        self.totals += other.totals
        self.ends += other.ends
        self.outcomes += other.outcomes
        self.tally += other.tally
        self.failures |= other.failures

    def take_in(self, played: Played) -> None:
        """Add one schedule."""
        simulation = played.simulation
        self.schedules += 1
        self.steps += simulation.engine.steps
        self.tally += simulation.engine.tally
        self.totals["processes"] += simulation.invocations
        self.totals["crashes"] += simulation.engine.tally["crash"]
        for run in simulation.runs.every():
            self.totals["runs"] += 1
            self.totals["rows"] += run.pulled
            self.ends[f"{run.step.value} {run.reason}".strip()] += 1
            for name in type(run.totals).__slots__:
                self.outcomes[name] += getattr(run.totals, name)
        if played.wrong:
            self.failures[simulation.plan.seed] = played.wrong

    def missing(self) -> list[str]:
        """Faults and crash points that never occurred."""
        points = [f"crash at {operation}{suffix}" for operation in POINTS for suffix in ("", DONE)]
        return [kind for kind in (*points, *FAULTS) if not self.tally[kind]]

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"{'I/O point of Syncs':<34}{'crashes before':>15}{'after':>9}"
        for operation in POINTS:
            before, after = (self.tally[f"crash at {operation}{suffix}"] for suffix in ("", DONE))
            yield f"{operation:<34}{before:>15}{after:>9}"
        yield ""
        yield from (f"{kind:<48}{self.tally[kind]:>10}" for kind in FAULTS)
        yield ""
        yield f"schedules {self.schedules}, I/O points {self.steps}"
        each = max(1, self.schedules)
        yield from (f"{name}: {count} ({count / each:.2f} a schedule)" for name, count in self.totals.items())
        yield "runs: " + ", ".join(f"{count} {name}" for name, count in sorted(self.ends.items()))
        yield "rows: " + ", ".join(f"{count} {name}" for name, count in self.outcomes.items())
        yield f"{self.schedules / max(self.seconds, 1e-9):.0f} schedules per second and core"
        yield f"schedules with a violation: {len(self.failures)}"
        for seed, wrong in sorted(self.failures.items())[:20]:
            yield f"  seed {seed}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
        yield from (f"NEVER HAPPENED: {kind}" for kind in self.missing())


def play(seed: int, *, tracing: bool = False) -> Played:
    """Play the schedule of a seed.

    Raises:
        BrokenScheduleError: The product raised.
    """
    simulation = SyncSimulation(sync_schedule(seed), tracing=tracing)
    try:
        simulation.run()
    except Exception as error:
        raise BrokenScheduleError(f"seed {seed}: {type(error).__name__}: {error}") from error
    if simulation.never_rests:
        return Played(simulation, [simulation.never_rests])
    return Played(simulation, sync_violations(simulation.facts()))


def play_all(seeds: Iterable[int], *, until_found: bool = False) -> SyncReport:
    """Play schedules in this process; with `until_found` the first violation ends it."""
    report = SyncReport()
    began = time.process_time()
    gc.collect()
    gc.freeze()  # the product's modules stay, so nobody looks through them again
    gc.disable()
    try:
        for number, seed in enumerate(seeds):
            report.take_in(play(seed))
            if until_found and report.failures:
                break
            if number % 25 == 24:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    report.seconds = time.process_time() - began
    return report


def in_parallel(first: int, schedules: int, jobs: int) -> Iterator[SyncReport]:
    """Play schedules in several processes; gives a report for each piece of the work, in order."""
    pieces = [tuple(piece) for piece in batched(range(first, first + schedules), CHUNK, strict=False)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play_all, pieces)


def transcript(played: Played) -> Iterator[str]:
    """A schedule as text: its document, each step, its runs, what both vendors hold, what is wrong."""
    simulation = played.simulation
    yield str(simulation.plan.sync.model_dump(mode="json", exclude_defaults=True))
    yield from simulation.engine.trace or ()
    facts = simulation.facts()
    for run in facts["runs"]:
        yield " ".join(
            f"{name}={run[name]}" for name in ("slot", "step", "reason", "pulled", "totals", "extract", "load")
        )
    yield from (
        f"{write['at']:10.3f} {write['by']} {write['kind']} {write['record']} {write['fields']}"
        for write in facts["writes"]
    )
    yield from (f"source {key} {record}" for key, record in facts["source"].items())
    yield from (f"destination {key} {record}" for key, record in facts["destination"].items())
    yield from (f"WRONG: {text}" for text in played.wrong)
