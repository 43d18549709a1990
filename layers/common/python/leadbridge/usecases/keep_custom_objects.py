"""Objects of one's own in a cycle (`cycle_ports.Entity`): nothing is decided, a leg is a Sync that reads and writes.

Records that link to people are written behind all people, bridges behind what they stand between. Of an object that
goes to Salesforce Marketo's log tells what is new in each run; what was changed only an extract tells, which is made
once in a while, and reads the new ones, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import (
    Bound,
    Described,
    bound,
    group_of,
    kept_objects,
    log_queue,
    object_legs,
    object_of,
    object_queues,
    tells_new_ones,
)
from leadbridge.domain.cycle_legs import BRIDGES, CUSTOM_OBJECTS, Leg, Queue
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycle_words import OBJECTS_UNPLANNED
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.watermarks import Window
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.cycle_plans import CyclePlans

#: so long a row that was refused is tried again by each run
TRIED_FOR = timedelta(hours=1)


class KeepCustomObjects:
    """Makes records of records, each object from the system that edits it."""

    name = "custom_objects"

    def __init__(self, cycle: CrmCycle, plans: CyclePlans, described: Callable[[], Described]) -> None:
        """Sends nothing; `described` asks both systems."""
        self._cycle = cycle
        self._plans = plans
        self._ask = described
        self._queues = tuple(object_queues(cycle))
        self._legs = {leg.name: leg for leg in object_legs(cycle)}

    def queues(self) -> Sequence[Queue]:
        """What is read, when it is written."""
        return self._queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Whether both systems have what the objects need.

        Raises:
            ConfigurationError: They lack something.
        """
        del before, version, carried_to
        wrong = [f"{name}.{said}" for name, found in self._bound.items() for said in found.wrong]
        if wrong:
            raise ConfigurationError(wrong)
        return {}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Note that something is read behind all writes; nothing else is to be decided."""
        del remaining
        if run.planning:
            told = (*run.warnings, OBJECTS_UNPLANNED)
            return None if run.through else replace(run, through=1, warnings=told)
        if run.through:
            return None
        is_due = any(self._is_due(run, queue) for queue in self._queues)
        return replace(run, late=run.late or is_due, through=1)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to read, stored and ready to be started."""
        if group not in {CUSTOM_OBJECTS, BRIDGES}:
            return []
        orders = (
            self._plans.begin_late(run, self._legs[queue.name], self._window(run, queue))
            for queue in self._queues
            if self._is_due(run, queue) and group_of(self._found(queue)) == group
        )
        return [order for order in orders if order is not None]

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Let watermarks stay where nothing was read, and a while where rows failed, so that these are tried again."""
        del remaining
        if run.through:
            return None
        held = dict[str, datetime]()
        for queue in self._queues:
            since, until = run.since.get(queue.name), run.ceilings[queue.side.value]
            if tells_new_ones(queue.name) or self._is_due(run, queue):
                failed = self._plans.failed(run, self._legs[queue.name])
                held |= {queue.name: until - TRIED_FOR} if failed else {}
            elif since is not None:
                held[queue.name] = since
        return replace(run, held={**run.held, **held}, through=1)

    @cached_property
    def _bound(self) -> Mapping[str, Bound]:
        described = self._ask()
        return {name: bound(self._cycle, kept, described) for name, kept in kept_objects(self._cycle).items()}

    def _found(self, queue: Queue) -> Bound:
        of = object_of(self._cycle, queue.name)
        return self._bound[of[0]] if of else Bound()

    def _is_due(self, run: CycleRun, queue: Queue) -> bool:
        """Whether a queue is read in this run."""
        if queue.name in run.idle and not self._waits(queue):
            return False
        if queue.side.value == "salesforce":
            return True
        if tells_new_ones(queue.name):
            whole = next(each for each in self._queues if log_queue(each.name) == queue.name)
            # an extract of all that was changed has the new ones, too
            return not self._is_due(run, whole)
        found, since = self._found(queue), run.since.get(queue.name)
        if since is None:
            return True
        of = object_of(self._cycle, queue.name)
        pause = timedelta(minutes=of[1].extract_minutes if of else 0)
        return found.extracted and run.ceilings[queue.side.value] - since >= pause

    def _waits(self, queue: Queue) -> timedelta:
        of = object_of(self._cycle, queue.name)
        return timedelta(minutes=of[1].wait_minutes if of else 0)

    def _window(self, run: CycleRun, queue: Queue) -> Window:
        since, until = run.since.get(queue.name), run.ceilings[queue.side.value]
        if since is None:
            return Window(until=until)
        return Window(since=since - self._waits(queue), until=max(since, until))
