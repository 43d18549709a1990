"""Schedules of Syncs: played, added up, and printed as a table in which no fault may be missing."""

from collections.abc import Iterable, Iterator

from tests.fault.simulation.playing import Played, Tally, in_processes, played, played_into
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
    "deleted by people",
    "deletion after its moment",
    "restored by people",
    "extract by file",
    "import by file",
    "run by a person",
    "retried by a person",
    "planned by a person",
    "applied by a person",
    "asked: pause",
    "asked: resume",
    "asked: cancel",
    "cancelled in haste",
    "guard: confirm",
    "guard: cancel",
    *(f"waits: {reason}" for reason in ("quota", "vendor", "settling", "paused", "guard")),
)
assert set(VENDOR_TROUBLE) >= READ_TROUBLE


class SyncReport(Tally[SyncSimulation]):
    """What happened in many schedules."""

    title = "I/O point of Syncs"
    points = POINTS
    faults = FAULTS

    def count(self, simulation: SyncSimulation) -> None:
        """Runs and their rows, and how they ended."""
        self.totals["processes"] += simulation.invocations
        self.totals["crashes"] += simulation.engine.tally["crash"]
        for run in simulation.runs.every():
            self.totals["runs"] += 1
            self.totals["rows"] += run.pulled
            self.end("runs", {f"{run.step.value} {run.reason}".strip(): 1})
            self.end("rows", {name: getattr(run.totals, name) for name in type(run.totals).__slots__})


def play(seed: int, *, tracing: bool = False) -> Played[SyncSimulation]:
    """Play the schedule of a seed.

    Raises:
        BrokenScheduleError: The product raised.
    """
    return played(seed, SyncSimulation(sync_schedule(seed), tracing=tracing), sync_violations)


def play_all(seeds: Iterable[int], *, until_found: bool = False) -> SyncReport:
    """Play schedules in this process; with `until_found` the first violation ends it."""
    return played_into(SyncReport(), play, seeds, until_found=until_found, rest=50)


def in_parallel(first: int, schedules: int, jobs: int) -> Iterator[SyncReport]:
    """Play schedules in several processes; gives a report for each piece of the work, in order."""
    return in_processes(play_all, first, schedules, jobs, piece=100)


def transcript(played: Played[SyncSimulation]) -> Iterator[str]:
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
