"""Many workers in one thread on one virtual time, a vendor that sees their calls, and a network between them all.

The vendor and its checks know nothing of the limiter: they see when calls arrive and when they are answered.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]  # ships no types

from leadbridge.domain.limits import Heard, Lane, Policy, Signal, State
from leadbridge.errors import RateLimitedError, TransientError
from leadbridge.vendors.http.limiter import SharedLimiter
from tests.fakes.limits import InMemoryLimits
from tests.fakes.meter import RecordingMeter

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WINDOW_SECONDS = 20.0


class Killed(BaseException):
    """The death of a worker; no code of the product may catch it."""


class VirtualTime:
    """Seconds that pass only when everybody sleeps."""

    def __init__(self) -> None:
        """Nobody is asleep."""
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._hub = getcurrent()
        self._killed: set[greenlet] = set()
        self._until = 0.0

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something then."""
        heapq.heappush(self._queue, (max(seconds, self.now), next(self._order), action))

    def spawn(self, run: Callable[[], None], *, at: float = 0.0) -> greenlet:
        """Start something that may sleep."""
        task = greenlet(run, parent=self._hub)
        self.at(at, task.switch)
        return task

    def sleep(self, seconds: float) -> None:
        """Let the others go on."""
        task = getcurrent()
        if task in self._killed:
            raise Killed  # the dead do nothing, whatever they meant to do at the end
        end = self.now + max(0.0, seconds)
        if end <= self._until and not (self._queue and self._queue[0][0] <= end):
            self.now = end  # nobody else would do anything before
            return
        woken = [False]

        def wake() -> None:
            if not woken[0] and not task.dead:
                woken[0] = True
                task.switch()

        self.at(end, wake)
        try:
            self._hub.switch()
        finally:
            woken[0] = True  # a killed sleeper is not woken

    def kill(self, task: greenlet) -> None:
        """End something that has begun, in the middle of whatever it does."""
        if task and not task.dead:
            self._killed.add(task)
            task.throw(Killed)

    def run(self, until: float) -> None:
        """Let the time pass."""
        self._until = until
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = until


@dataclass(kw_only=True)
class Vendor:
    """Notes calls as an instance sees them, and answers as it is told."""

    time: VirtualTime
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0
    #: calls at the same time, and the most of them, by the first word of the callers' names
    of_group: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    answer: Callable[[str], Heard] = lambda _: Heard(signal=Signal.FINE)

    @contextmanager
    def call(self, who: str) -> Iterator[Heard]:
        """One call from its arrival to its answer."""
        self.arrivals.append((self.time.now, who))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        group = who.split(maxsplit=1)[0]
        self.of_group[group] += 1
        self.peaks[group] = max(self.peaks[group], self.of_group[group])
        try:
            yield self.answer(who)
        finally:
            self.in_flight -= 1
            self.of_group[group] -= 1

    def fullest_window(self, group: str = "") -> int:
        """The most calls that arrived in any 20 seconds, of all callers or of those whose names begin with a word."""
        times = sorted(at for at, who in self.arrivals if not group or who.split()[0] == group)
        first, most = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - WINDOW_SECONDS:
                first += 1
            most = max(most, last - first + 1)
        return most

    def between(self, begin: float, end: float) -> Counter[str]:
        """Calls by caller that arrived in a stretch of time."""
        return Counter(who for at, who in self.arrivals if begin <= at < end)


class FarLimits:
    """`ports.Limits` behind a network: every answer takes a while, some are lost after the store has done its work."""

    def __init__(self, store: InMemoryLimits, time: VirtualTime, dice: random.Random, *, lost: float) -> None:
        self._store = store
        self._time = time
        self._dice = dice
        self._lost = lost

    def read(self, instance: str) -> tuple[State, int]:
        """As the store does, later."""
        self._travel()
        found = self._store.read(instance)
        self._travel()
        return found

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """As the store does, later."""
        self._travel()
        found = self._store.swap(instance, state, version)
        self._travel()
        if self._dice.random() < self._lost:
            raise TransientError("lost", vendor="aws", code="timeout")
        return found

    def _travel(self) -> None:
        self._time.sleep(self._dice.uniform(0.001, 0.010))


@dataclass(kw_only=True)
class Workers:
    """Workers of one vendor instance; everything follows from the seed."""

    policy: Policy
    seed: int = 0
    #: clocks differ from true time by up to so much
    skew_seconds: float = 0.0
    #: longest way of a call to the vendor; it is answered `service` seconds after its arrival
    travel_seconds: float = 0.3
    service: Callable[[random.Random], float] = lambda dice: dice.uniform(0.05, 0.3)
    lost: float = 0.0
    #: that of others, where they work beside each other
    time: VirtualTime = field(default_factory=VirtualTime)

    def __post_init__(self) -> None:
        """Nobody works yet."""
        self.vendor = Vendor(time=self.time)
        self.store = InMemoryLimits()
        self.meter = RecordingMeter()
        self.dice = random.Random(self.seed)
        self.refused: Counter[str] = Counter()
        self.tasks: dict[str, greenlet] = {}

    def limiter(self, lane: Lane = Lane.ON_DEMAND, *, skew: float | None = None, **members: Any) -> SharedLimiter:
        """The limiter of one worker, with a clock of its own."""
        skew = self.dice.uniform(-self.skew_seconds, self.skew_seconds) if skew is None else skew

        def clock() -> datetime:
            return START + timedelta(seconds=self.time.now + skew)

        return SharedLimiter(
            limits=FarLimits(self.store, self.time, self.dice, lost=self.lost),
            policy=members.pop("policy", self.policy),
            clock=clock,
            sleep=self.time.sleep,
            meter=self.meter,
            lane=lane,
            jitter=self.dice.random,
            beat=self._beat,
            **members,
        )

    def work(
        self,
        name: str,
        *,
        lane: Lane = Lane.ON_DEMAND,
        begin: float = 0.0,
        end: float = float("inf"),
        calls: int | None = None,
        pause: float = 0.0,
        service: float | None = None,
        skew: float | None = None,
        tells: bool = True,
    ) -> None:
        """A worker that calls again and again, as one with a backlog does; without `tells` it dies after its calls."""
        limiter = self.limiter(lane, skew=skew)

        def run() -> None:
            made = 0
            while self.time.now < end and (calls is None or made < calls):
                try:
                    with limiter.slot("call", "instance") as place:
                        made += 1
                        place.hear(self._call(name, service))
                except RateLimitedError as error:
                    self.refused[error.code] += 1
                    self.time.sleep(error.retry_after_seconds)
                except TransientError as error:
                    self.refused[error.code] += 1
                    self.time.sleep(0.5)
                if pause:
                    self.time.sleep(pause)
            if tells:
                limiter.give_back()

        def mortal() -> None:
            with suppress(Killed):
                run()

        self.tasks[name] = self.time.spawn(mortal, at=begin)

    def kill(self, name: str, *, at: float) -> None:
        """End a worker in the middle of whatever it does."""
        self.time.at(at, lambda: self.time.kill(self.tasks[name]))

    def share(self, begin: float, end: float) -> float:
        """Calls that arrived in a stretch of time, as part of what the policy allows there."""
        allowed = (self.policy.calls or 0) * (end - begin) / WINDOW_SECONDS
        return self.vendor.between(begin, end).total() / allowed

    def _call(self, name: str, service: float | None) -> Heard:
        self.time.sleep(self.dice.uniform(0.0, self.travel_seconds))
        with self.vendor.call(name) as heard:
            self.time.sleep(service if service is not None else self.service(self.dice))
        return heard

    @contextmanager
    def _beat(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        over, busy = [False], [False]

        def run() -> None:
            while not over[0]:
                self.time.sleep(seconds)
                if not over[0]:
                    busy[0] = True
                    action()
                    busy[0] = False

        self.time.spawn(run, at=self.time.now)
        try:
            yield
        finally:
            over[0] = True
            while busy[0]:
                self.time.sleep(0.001)
