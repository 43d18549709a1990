"""What all kinds of schedules share: they are played, added up, and told as a table that lacks no fault."""

import gc
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, ClassVar, Protocol, Self

from tests.fakes.steps import DONE
from tests.fault.simulation.engine import Engine


class BrokenScheduleError(Exception):
    """The product raised what nobody is prepared for; the message names the seed."""


class Simulated(Protocol):
    """A world in which a schedule is played."""

    engine: Engine
    never_rests: str

    def run(self) -> None:
        """Play the schedule to its rest."""
        ...

    def facts(self) -> dict[str, Any]:
        """What is left behind, as plain values."""
        ...


@dataclass(slots=True)
class Played[S: Simulated]:
    """One schedule and what was wrong with it."""

    seed: int
    simulation: S
    wrong: list[str]


def played[S: Simulated](seed: int, simulation: S, check: Callable[[dict[str, Any]], list[str]]) -> Played[S]:
    """Play one schedule, and check what it left behind.

    Raises:
        BrokenScheduleError: The product raised.
    """
    try:
        simulation.run()
    except Exception as error:
        raise BrokenScheduleError(f"seed {seed}: {type(error).__name__}: {error}") from error
    wrong = [simulation.never_rests] if simulation.never_rests else check(simulation.facts())
    return Played(seed, simulation, wrong)


@dataclass(slots=True)
class Tally[S: Simulated](ABC):
    """What happened in many schedules of one kind."""

    #: how its I/O points are called in the table, and which they are
    title: ClassVar[str]
    points: ClassVar[Sequence[str]]
    #: what must have happened at least once in any run that claims to have shown something, beside the crashes
    faults: ClassVar[Sequence[str]]

    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    totals: Counter[str] = field(default_factory=Counter)
    #: how what was played ended, by what is told
    ends: dict[str, Counter[str]] = field(default_factory=dict)
    tally: Counter[str] = field(default_factory=Counter)
    #: sentences by seed
    failures: dict[int, list[str]] = field(default_factory=dict)

    @abstractmethod
    def count(self, simulation: S) -> None:
        """Add to `totals` and `ends` what a schedule was about."""

    def end(self, what: str, how: Mapping[str, int]) -> None:
        """Add to how something ended."""
        self.ends.setdefault(what, Counter()).update(how)

    def add(self, other: Self) -> None:
        """Add up two reports."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.seconds += other.seconds
        self.totals += other.totals
        for what, how in other.ends.items():
            self.end(what, how)
        self.tally += other.tally
        self.failures |= other.failures

    def take_in(self, one: Played[S]) -> None:
        """Add one schedule."""
        engine = one.simulation.engine
        self.schedules += 1
        self.steps += engine.steps
        self.tally += engine.tally
        self.count(one.simulation)
        if one.wrong:
            self.failures[one.seed] = one.wrong

    def missing(self) -> list[str]:
        """Faults and crash points that never occurred."""
        points = [f"crash at {operation}{suffix}" for operation in self.points for suffix in ("", DONE)]
        return [kind for kind in (*points, *self.faults) if not self.tally[kind]]

    def lines(self) -> Iterator[str]:
        """The report as text."""
        yield f"{self.title:<34}{'crashes before':>15}{'after':>9}"
        for operation in self.points:
            before, after = (self.tally[f"crash at {operation}{suffix}"] for suffix in ("", DONE))
            yield f"{operation:<34}{before:>15}{after:>9}"
        yield ""
        yield from (f"{kind:<48}{self.tally[kind]:>10}" for kind in self.faults)
        yield ""
        yield f"schedules {self.schedules}, I/O points {self.steps}"
        each = max(1, self.schedules)
        yield from (f"{name}: {count} ({count / each:.2f} a schedule)" for name, count in self.totals.items())
        for what, how in self.ends.items():
            yield f"{what}: " + ", ".join(f"{count} {name}" for name, count in sorted(how.items()) if count)
        yield f"{self.schedules / max(self.seconds, 1e-9):.0f} schedules per second and core"
        yield f"schedules with a violation: {len(self.failures)}"
        for seed, wrong in sorted(self.failures.items())[:20]:
            yield f"  seed {seed}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")
        yield from (f"NEVER HAPPENED: {kind}" for kind in self.missing())


def played_into[S: Simulated, T: Tally[Any]](
    report: T, play: Callable[[int], Played[S]], seeds: Iterable[int], *, until_found: bool, rest: int
) -> T:
    """Play schedules in this process; with `until_found` the first violation ends it.

    They are short and small: most of each goes once it is forgotten, and what little is left (errors that are kept with
    where they were raised, say) is looked for after each `rest` of them.
    """
    began = time.process_time()
    gc.collect()
    gc.freeze()  # the product's modules stay, so nobody looks through them again
    gc.disable()
    try:
        for number, seed in enumerate(seeds):
            one = play(seed)
            report.take_in(one)
            _forget(one.simulation)
            if until_found and report.failures:
                break
            if number % rest == rest - 1:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    report.seconds = time.process_time() - began
    return report


def _forget(simulation: Simulated) -> None:
    """Part what holds each other in circles, so that it goes at once and no collection of garbage has to find it."""
    for part in (simulation, *list(vars(simulation).values())):
        if type(part).__module__.startswith("tests.") and hasattr(part, "__dict__"):
            vars(part).clear()


def in_processes[T](
    play_all: Callable[[tuple[int, ...]], T], first: int, schedules: int, jobs: int, *, piece: int
) -> Iterator[T]:
    """Play schedules in several processes; gives a report for each piece of so many, in order."""
    pieces = [tuple(seeds) for seeds in batched(range(first, first + schedules), piece, strict=False)]
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play_all, pieces)


def told_twice(module: str, first: int, last: int) -> list[bytes]:
    """Schedules as the module of a kind prints them, by two processes with different hash seeds."""
    code = (
        f"from {module} import play, transcript\n"
        f"for seed in range({first}, {last}): print(*transcript(play(seed, tracing=True)), sep='\\n')\n"
    )
    return [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    ]
