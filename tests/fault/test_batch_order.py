"""People who are added to a list and then removed, among many others, with three batchers and a hostile vendor."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from leadbridge.domain.event import Arrival
from leadbridge.errors import RateLimitedError, UncertainWriteError
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.placing import Placing
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.store_events import StoreEvents
from tests import sizes
from tests.builders.actions import MARKETO, a_marketo_connection
from tests.builders.connectors import LIST, LIST_ID, a_connector
from tests.builders.descriptions import marketo_leads
from tests.builders.draining import a_drainer, a_sweep
from tests.builders.events import SECRET, an_arrival
from tests.fakes.bell import RecordingBell
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.keys import InMemoryKeys
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.trouble import CallFault, Row, Trouble
from tests.fault.simulation.engine import Blow, Engine

BATCHERS = 3
#: seconds within which all calls arrive
WINDOW = 240.0
#: of each call at Marketo: how often it is refused for the rate, and how often its answer is lost
REFUSED, LOST = 0.1, 0.15


class VirtualClock:
    """`ports.Clock` on the engine's time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> datetime:
        """The virtual time."""
        return self._engine.now(timedelta(0))


class Hostile(Trouble):
    """Refuses calls for the rate, and loses answers before or after the vendor has done what was asked."""

    def __init__(self, engine: Engine) -> None:
        super().__init__("marketo")
        self._engine = engine
        self.lost = self.limited = 0

    def begin(self, operation: str, rows: Sequence[Row] = ()) -> CallFault | None:
        """Perhaps one or the other."""
        chance = self._engine.rng.random()
        if self._engine.calm or not rows or chance > REFUSED + LOST:
            return None
        if chance < REFUSED:
            self.limited += 1
            raise RateLimitedError("slower", vendor="marketo", operation=operation, code="606", retry_after_seconds=5)
        self.lost += 1
        return CallFault(
            operation=operation,
            error=UncertainWriteError("no answer", vendor="marketo", operation=operation, code="timeout"),
            after_commit=True,
            late_seconds=self._engine.rng.choice((None, 20.0, 1e8)),
            wait=lambda: self._engine.pause(self._engine.rng.random() * 10),
        )


class Bell(RecordingBell):
    """Starts three workers at once."""

    def __init__(self, world: "Batchers") -> None:
        super().__init__(step=world.engine.step)
        self._world = world

    def ring(self, lane: str) -> None:
        """Start them, not all at the same moment."""
        super().ring(lane)
        for _ in range(BATCHERS):
            self._world.engine.later(self._world.engine.rng.random() * 2, self._world.work)


class Batchers:
    """One schedule."""

    def __init__(self, seed: int, changing: int, others: int) -> None:
        self.engine = engine = Engine(Random(seed), tracing=False)
        #: workers die, wherever they are by then
        engine.at = {engine.rng.randint(2 * (changing + others), 8 * (changing + others)): Blow("crash") for _ in "123"}
        self.clock = VirtualClock(engine)
        step = engine.step
        batch = {"count": 50, "seconds": 60}
        actions = (
            a_connector("add", batch=batch),
            a_connector("remove", operation="remove_from_list", batch=batch),
            a_connector("remove-now", operation="remove_from_list"),
        )
        self.configurations = InMemoryConfigurations()
        for document in (a_marketo_connection(), *actions):
            self.configurations.put(document)
        self.lanes = InMemoryLanes(lease=timedelta(seconds=60), step=step)
        self.keys = InMemoryKeys(step=step)
        self.inbox = InMemoryInbox(keys=self.keys, hash_key=lambda: SECRET, now=self.clock.now, step=step)
        self.marketo = FakeMarketo(marketo_leads(), clock=self.clock, step=step)
        self.marketo.load(*range(1, changing + others + 1))
        self.marketo.lists[LIST] = (LIST_ID, set())
        self.marketo.trouble = self.trouble = Hostile(engine)
        self.bell = Bell(self)
        self.meter = RecordingMeter()
        self.stored: set[str] = set()
        self.calls: dict[int, list[Arrival]] = defaultdict(list)
        self._plan(changing, others)

    def _plan(self, changing: int, others: int) -> None:
        """Everybody is added at some moment; some are removed a moment later."""
        rng, calls = self.engine.rng, []
        for lead in range(1, changing + others + 1):
            at = rng.random() * WINDOW
            calls.append((at, lead, "add"))
            if lead <= changing:
                calls.append((at + rng.choice((0.01, 5, 50)), lead, rng.choice(("remove", "remove-now"))))
        for number, (at, lead, action) in enumerate(sorted(calls), start=1):
            arrived = NOON + timedelta(seconds=at)
            arrival = an_arrival(number, at=arrived, action_id=action, payload={"lead": {"id": lead}})
            self.calls[lead].append(arrival)
            self.engine.later(at, lambda arrival=arrival: self._deliver(arrival))  # type: ignore[misc]  # bound now

    def _deliver(self, arrival: Arrival) -> None:
        """A call is stored, until somebody has lived to say so; a person's calls one after the other."""
        if arrival.execution_id in self.stored:
            return
        self.engine.later(10, lambda: self._deliver(arrival))
        before = [each for each in self.calls[_lead(arrival)] if each.sequence < arrival.sequence]
        if any(each.execution_id not in self.stored for each in before):
            return

        def store() -> None:
            use_case = StoreEvents(
                configurations=self.configurations,
                inbox=self.inbox,
                lanes=self.lanes,
                bell=self.bell,
                clock=self.clock,
                place=Placing(configurations=self.configurations, hash_key=lambda: SECRET),
            )
            if not use_case([("message", arrival)]):
                self.stored.add(arrival.execution_id)

        self._start("store", store)

    def work(self) -> None:
        """One worker."""

        def drain() -> None:
            run_events = RunEvents(
                configurations=self.configurations,
                inbox=self.inbox,
                keys=self.keys,
                connections=FakeConnections(marketo={MARKETO: self.marketo}, salesforce={}),
                clock=self.clock,
                meter=self.meter,
                hash_key=lambda: SECRET,
                settings=RunSettings(retry_seconds=5.0, settle=timedelta(seconds=60)),
            )
            a_drainer(self, run_events, sleep=self.engine.pause)(MARKETO, lambda: 900.0)

        self._start("worker", drain)

    def minute(self) -> None:
        """A sweep a minute."""
        self._start("sweep", a_sweep(self))
        self.engine.later(60, self.minute)

    def run(self) -> None:
        """To the end: nothing waits, or it never will."""
        self.engine.later(30, self.minute)
        self.engine.later(600, self._calm)
        self.engine.run(lambda: self.engine.time > 7200 or (self.engine.time > 600 and not self.inbox.waiting))
        self.engine.close()

    def _calm(self) -> None:
        self.engine.calm = True

    def _start(self, name: str, work: Any) -> None:
        self.engine.start(name, work, skew=timedelta(0), limit=900.0)


def _lead(arrival: Arrival) -> int:
    return int((arrival.payload or {})["lead"]["id"])


def schedules() -> list[tuple[int, int, int]]:
    """Seed, people who are added and removed, and others; in `make test` fewer people."""
    small = [(seed, 20, 100) for seed in range(20)]
    large = [(seed, 200, 10_000) for seed in range(20)]
    everything = [*small, *large]
    return sizes.chosen(
        everything,
        [f"{seed} of {others}" for seed, _, others in everything],
        [f"{seed} of 10000" for seed in range(20)],
    )


@pytest.mark.pain("P42")
@pytest.mark.parametrize(("seed", "changing", "others"), schedules())
def test_who_was_removed_after_being_added_is_no_member(seed: int, changing: int, others: int) -> None:
    """With three batchers, rate refusals, lost answers and dying workers the list holds the others and nobody else.

    Every call has one end, and nothing waits.
    """
    world = Batchers(seed, changing, others)

    world.run()

    assert len(world.stored) == 2 * changing + others
    assert not world.inbox.waiting
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.inbox.ends) == 2 * changing + others
    assert world.marketo.lists[LIST][1] == set(range(changing + 1, changing + others + 1))
    assert world.trouble.lost + world.trouble.limited > 0
