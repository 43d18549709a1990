"""Schedules of CRM cycles: played, added up, and printed as a table in which no fault may be missing."""

import gc
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from tests.fault.simulation import cycle_companies
from tests.fault.simulation.cycles import FAULTS, CycleSchedule
from tests.fault.simulation.playing import in_processes

#: one schedule of so many keeps companies in step, too, which is dearer
COMPANIES = 10


@dataclass(slots=True)
class CycleReport:
    """What happened in many schedules."""

    schedules: int = 0
    seconds: float = 0.0
    tally: Counter[str] = field(default_factory=Counter)
    #: sentences by seed
    failures: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Self) -> None:
        """Add up two reports."""
        self.schedules += other.schedules
        self.seconds += other.seconds
        self.tally += other.tally
        self.failures |= other.failures

    def missing(self) -> list[str]:
        """Faults that never occurred."""
        return [kind for kind in (*FAULTS, *cycle_companies.FAULTS) if not self.tally[kind]]

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield from (f"{kind:<48}{count:>10}" for kind, count in sorted(self.tally.items()))
        yield f"schedules {self.schedules}, {self.schedules / max(self.seconds, 1e-9):.0f} per second and core"
        yield f"schedules with a violation: {len(self.failures)}"
        yield from (f"  seed {seed}: {'; '.join(wrong[:3])}" for seed, wrong in sorted(self.failures.items())[:20])
        yield from (f"NEVER HAPPENED: {kind}" for kind in self.missing())


def play(seed: int, *, tracing: bool = False) -> CycleSchedule:
    """Play the schedule of a seed, whose steps are always kept."""
    del tracing
    schedule = (cycle_companies.CompanySchedule if seed % COMPANIES == 0 else CycleSchedule)(seed)
    schedule.run()
    return schedule


def play_all(seeds: Iterable[int], *, until_found: bool = False) -> CycleReport:
    """Play schedules in this process; with `until_found` the first violation ends it."""
    report, began = CycleReport(), time.process_time()
    gc.collect()
    # what a schedule leaves behind is little: collecting it now and then is cheaper than meanwhile
    gc.freeze()
    gc.disable()
    try:
        for seed in seeds:
            played = play(seed)
            report.schedules += 1
            report.tally += played.tally
            if played.wrong:
                report.failures[seed] = played.wrong
                if until_found:
                    break
            if report.schedules % 250 == 0:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    report.seconds = time.process_time() - began
    return report


def in_parallel(first: int, schedules: int, jobs: int) -> Iterator[CycleReport]:
    """Play schedules in several processes; gives a report for each piece of the work, in order."""
    return in_processes(play_all, first, schedules, jobs, piece=250)


def transcript(played: CycleSchedule) -> Iterator[str]:
    """A schedule as text: what people did, what was written, what is wrong."""
    yield from played.trace
    yield from (f"WRONG: {text}" for text in played.wrong)
