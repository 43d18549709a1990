"""Processes as greenlets on one virtual time: at every I/O point somebody else may go on, stall or die.

All chance comes from one seeded generator, so a seed tells the whole story again, byte for byte.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # ships no types

from leadbridge.errors import SyncError, TransientError
from tests.fakes.clock import NOON
from tests.fakes.steps import CONNECTOR_WRITES, DONE, HANDOVER, OPERATIONS, STORES, VENDOR_WRITES, Crash

#: a call that left a worker reaches the vendor within this time: then its lease still lives (docs: tolerances)
FLIGHT_SECONDS = 8.0
#: leases are as long as in the template
LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Point:
    """One I/O point: before an operation's effect, or after it."""

    name: str
    after: bool
    store: bool
    #: whoever passes it is about to make a vendor write
    leaving: bool
    slowness: float


POINTS: dict[str, Point] = {
    operation + suffix: Point(
        name=operation + suffix,
        after=bool(suffix),
        store=operation in STORES or operation.startswith("chunks."),
        leaving=not suffix and (operation in VENDOR_WRITES or operation in CONNECTOR_WRITES),
        slowness=0.04 if operation in STORES or operation.startswith(("chunks.", "bell.")) else 0.6,
    )
    for operation in (*OPERATIONS, *HANDOVER)
    for suffix in ("", DONE)
}


@dataclass(slots=True)
class Blow:
    """A fault that waits for its point: the process there dies, stalls or loses its store call."""

    kind: str  # crash | stall | store
    seconds: float = 0.0


def _done() -> None:
    """In place of work that has ended, which holds its process, which holds its threads."""


@dataclass(slots=True, eq=False)
class Thread:
    """Work that waits in between, on a greenlet of its engine while it is under way."""

    work: Callable[[], None]
    runner: greenlet | None = None
    ended: bool = False


@dataclass(slots=True, eq=False)
class Process:
    """One invocation: its clock, its time limit, its threads."""

    name: str
    skew: timedelta
    ends_at: float
    dead: bool = False
    frozen_until: float = 0.0
    #: dies in the vendor write that it is about to make, which reaches the vendor all the same
    doomed: bool = False
    #: those that have slept, each perhaps just before a call that it makes all the same
    woken: list[Thread] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    #: how many of them are about to make a vendor write: see FLIGHT_SECONDS
    leaving: int = 0
    #: the people whose records are in a write that has not been answered
    in_flight: tuple[str, ...] = ()


#: greenlets whose work has ended: making one takes longer than going on with one
_FREE: list[greenlet] = []


def _runs(thread: Thread) -> None:
    """What a greenlet does: one piece of work after the other."""
    own = getcurrent()
    while True:
        thread.work()
        thread.ended, thread.runner, thread.work = True, None, _done
        _FREE.append(own)
        thread = own.parent.switch()


class Engine:
    """Runs processes until nothing is planned any more."""

    def __init__(self, rng: Random, *, tracing: bool) -> None:
        self.rng = rng
        self._random = rng.random
        self.time = 0.0
        self.trace: list[str] | None = [] if tracing else None
        self.tally: Counter[str] = Counter()
        self.calm = False
        self.steps = 0
        #: blows by the number of the step, and by the n-th passing of a point
        self.at: dict[int, Blow] = {}
        self.aimed: dict[str, tuple[int, Blow]] = {}
        #: told of every death and failure, while the process can still be looked at
        self.on_doubt: Callable[[Process], None] = lambda _: None
        #: errors of vendors, which the product may keep, and they the frames that they passed, and these the product
        self.raised: list[SyncError] = []
        self._heap: list[tuple[float, int, Process | None, Any]] = []
        self._serial = 0
        self._current: Process | None = None
        self._thread: Thread | None = None
        self._hub = getcurrent()
        self._processes: list[Process] = []
        #: the moment that was told last
        self._told_at, self._told = 0.0, NOON

    # -- the hub

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Plan something that no process does: a delivery, a timer."""
        self._push(self.time + seconds, None, act)

    def start(self, name: str, work: Callable[[], object], *, skew: timedelta, limit: float) -> Process:
        """Begin a process now; what it raises ends it."""
        process = Process(name=name, skew=skew, ends_at=self.time + limit)
        self._processes.append(process)
        self._begin(process, work)
        return process

    def thread(self, work: Callable[[], object]) -> None:
        """Begin another thread of the process that runs."""
        self._begin(self.process, work)

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until nothing is planned, or `until` says so."""
        heap = self._heap
        while heap and not until():
            when, _, process, what = heapq.heappop(heap)
            self.time = max(when, self.time)
            if process is None:
                what()
            elif process.frozen_until > when:
                self._push(process.frozen_until, process, what)
            elif not process.dead:
                self._switch(process, what)

    def alive(self) -> bool:
        """Whether some process has not ended."""
        self._processes = [one for one in self._processes if not one.dead and any(not t.ended for t in one.threads)]
        return bool(self._processes)

    def close(self) -> None:
        """End whatever still waits, so that nothing of it runs later."""
        for process in self._processes:
            process.dead = True
            self._bury(process)
        for error in self.raised:
            error.__traceback__ = None

    def note(self, text: str) -> None:
        """A line of the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.time:10.3f} {text}")

    def count(self, kind: str) -> None:
        """Count a fault or event, and trace it."""
        self.tally[kind] += 1
        if self.trace is not None:
            self.note(f"! {kind}")

    # -- inside of processes

    @property
    def process(self) -> Process:
        """The process that runs.

        Raises:
            AssertionError: Only the hub runs.
        """
        if self._current is None:
            raise AssertionError("no process is running")
        return self._current

    def now(self, skew: timedelta) -> datetime:
        """The virtual time as a clock with that skew tells it, to the millisecond."""
        if self.time != self._told_at:
            self._told_at, self._told = self.time, NOON + timedelta(0, 0, int(self.time * 1000) * 1000)
        return self._told + skew if skew else self._told

    def local_now(self) -> datetime:
        """The time as the running process sees it."""
        return self.now(self.process.skew)

    def pause(self, seconds: float) -> None:
        """Let the running process wait; it dies if its time limit comes first."""
        process = self.process
        if process.dead:
            raise Crash("dead")
        wake = self.time + seconds
        if wake >= process.ends_at:
            if process.ends_at > self.time:
                self._wait(process, process.ends_at)
            self.count("killed at its time limit")
            self.die(process)
        self._wait(process, wake)
        if process.dead:
            raise Crash("dead")

    def step(self, name: str) -> None:
        """Pass an I/O point: time goes by, others may run, a blow may fall.

        Raises:
            Crash: The process dies here, or is dead.
            TransientError: The store did not take the call, or did not answer.
        """
        point = POINTS[name]
        process = self._current
        if process is None:
            raise AssertionError(f"{name} outside of a process")
        if process.dead:
            raise Crash(name)
        self.steps += 1
        if self.trace is not None:
            self.note(f"{process.name} {name}")
        if process.woken and self._thread in process.woken:
            process.woken = [thread for thread in process.woken if thread is not self._thread]
            self.on_doubt(process)  # what it stored after its sleep may be an intent that its successor finds
        if not self.calm and (self.steps in self.at or name in self.aimed):
            blow = self._blow(name)
            if blow is not None:
                self._strike(process, point, blow)
        chance = self._random()
        wake = self.time + point.slowness * chance * chance
        if wake >= process.ends_at or (self._heap and self._heap[0][0] <= wake):
            process.leaving += point.leaving
            self.pause(wake - self.time)
            process.leaving -= point.leaving
        else:
            self.time = wake

    def die(self, process: Process) -> None:
        """End the running process at once.

        Raises:
            Crash: Always.
        """
        self.note(f"{process.name} dies")
        self.on_doubt(process)
        process.dead = True
        raise Crash(process.name)

    # -- blows

    def _blow(self, name: str) -> Blow | None:
        blow = self.at.pop(self.steps, None)
        aimed = self.aimed.get(name)
        if aimed is None:
            return blow
        left, waiting = aimed
        if left > 1:
            self.aimed[name] = (left - 1, waiting)
            return blow
        del self.aimed[name]
        if blow is not None:
            self.at[self.steps + 1] = blow
        return waiting

    def _strike(self, process: Process, point: Point, blow: Blow) -> None:
        if blow.kind == "crash":
            self.tally["crash"] += 1
            if point.leaving and self.rng.random() < 0.5:
                process.doomed = True
                return
            self.count(f"crash at {point.name}")
            self.die(process)
        if blow.kind == "store":
            if not point.store:
                self.at[self.steps + 1] = blow
                return
            self.count("store answer lost" if point.after else "store throttled")
            self.on_doubt(process)  # the answer of a write may be lost with what was to be stored
            raise TransientError("the store asks for a pause", vendor="aws", code="Throttling")
        if (point.leaving or process.leaving) and blow.seconds > FLIGHT_SECONDS:
            self.at[self.steps + 1] = blow  # a stall holds up every thread, also one whose call has been begun
            return
        self.count("stall beyond the lease" if blow.seconds > LEASE_SECONDS else "stall")
        self.on_doubt(process)  # so may one that comes when its successor is at work
        process.frozen_until = self.time + blow.seconds
        process.woken = [*process.threads]
        self.pause(blow.seconds)

    # -- greenlets

    def _begin(self, process: Process, work: Callable[[], object]) -> None:
        def body() -> None:
            try:
                work()
            except Crash:
                pass
            except SyncError as error:
                self.note(f"{process.name} fails: {type(error).__name__}")
                self.on_doubt(process)
                process.dead = True

        thread = Thread(body)
        process.threads.append(thread)
        self._push(self.time, process, thread)

    def _push(self, when: float, process: Process | None, what: Thread | Callable[[], None] | None) -> None:
        """Plan the next step of a thread, or something that no process does."""
        self._serial += 1
        heapq.heappush(self._heap, (when, self._serial, process, what))

    def _switch(self, process: Process, thread: Thread) -> None:
        self._current, self._thread = process, thread
        if thread.runner is None:
            thread.runner = _FREE.pop() if _FREE and _FREE[-1].parent is self._hub else greenlet(_runs, self._hub)
            thread.runner.switch(thread)
        else:
            thread.runner.switch()
        if process.dead:
            self._bury(process)
        self._current = None

    def _bury(self, process: Process) -> None:
        """Unwind the other threads of a dead process; whatever they try on their way out is refused."""
        self._current = process
        for thread in process.threads:
            if thread.runner:  # one that broke down has none that could be told
                thread.runner.throw(Crash(process.name))
        self._current = None

    def _wait(self, process: Process, until: float) -> None:
        if process.frozen_until <= until and not (self._heap and self._heap[0][0] <= until):
            self.time = until
        else:
            self._push(until, process, self._thread)
            self._hub.switch()
