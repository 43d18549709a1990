"""Objects of one's own in a cycle (`cycle_ports.Entity`): nothing is decided, a leg is a Sync that reads and writes.

Records that link to people are written behind all people, bridges behind what they stand between. Of an object that
goes to Salesforce Marketo's log tells what is new in each run; what was changed only an extract tells, which is made
once in a while, and reads the new ones, too. What names a Lead that was converted since goes over to its Contact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import (
    Bound,
    Described,
    bound,
    group_of,
    kept_objects,
    log_queue,
    lookups_of_people,
    object_legs,
    object_of,
    object_queues,
    relinked_from,
    relinking_legs,
    tells_new_ones,
)
from leadbridge.domain.cycle_late import held_back, late_window
from leadbridge.domain.cycle_legs import BRIDGES, CUSTOM_OBJECTS, SALESFORCE, Leg, Queue
from leadbridge.domain.cycle_people import FROM_LEADS, LEAD
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycle_words import OBJECTS_FORESEEN
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.ids import canonical
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.planned import Planned
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side
from leadbridge.domain.watermarks import LAG
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.cycle_guard import CHANGES, noted, too_much, what
from leadbridge.usecases.cycle_pieces import KeepPorts
from leadbridge.usecases.cycle_plans import CyclePlans

#: how far the mark of new records lies behind that of Leads if both are of the same run; marks are whole seconds
_BEHIND = LAG["marketo"] + timedelta(seconds=30)


class KeepCustomObjects:
    """Makes records of records, each object from the system that edits it."""

    name = "custom_objects"

    def __init__(self, cycle: CrmCycle, ports: KeepPorts, described: Callable[[], Described]) -> None:
        """Sends nothing; `described` asks both systems."""
        self._cycle = cycle
        self._ports = ports
        self._plans = CyclePlans(runs=ports.runs, objects=ports.objects, clock=ports.clock)
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
        """Note that something is read behind all writes, and plan that converted Leads are left.

        Raises:
            SyncError: Salesforce cannot be asked now.
        """
        del remaining
        if run.through:
            legs = [leg.name for leg in relinking_legs(self._cycle)]
            much = too_much(self._cycle.guard, run, self.name, legs, lambda leg, _: self._total(leg))
            return guarded(run, what(self.name, CHANGES), much, self._ports.clock.now()) if much else None
        is_due = any(self._is_due(run, queue) for queue in self._queues)
        writes = dict(self._relinked(run))
        # another record takes the place of each, so no value is emptied
        run = noted(run, {leg: Tally(changed=count) for leg, count in writes.items()})
        told = (OBJECTS_FORESEEN,) if run.planning and is_due else ()
        return replace(
            run,
            late=run.late or is_due,
            writes={**run.writes, **writes},
            warnings=(*run.warnings, *told),
            through=1,
        )

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to read, stored and ready to be started."""
        if group == SALESFORCE:
            planned = (leg for leg in relinking_legs(self._cycle) if run.writes.get(leg.name))
            return [order for leg in planned if (order := self._plans.begin(run, leg, 1)) is not None]
        if group not in {CUSTOM_OBJECTS, BRIDGES}:
            return []
        orders = (
            self._plans.begin_late(
                run,
                self._legs[queue.name],
                late_window(run, queue, self._waits(queue)),
                partial(self._total, queue.name),
            )
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
            since = run.since.get(queue.name)
            if tells_new_ones(queue.name) or self._is_due(run, queue):
                failed = any(self._plans.failed(run, leg) for leg in self._writing(queue))
                held |= {queue.name: held_back(run, queue)} if failed else {}
            elif since is not None:
                held[queue.name] = since
        return replace(run, held={**run.held, **held}, through=1)

    def _writing(self, queue: Queue) -> Iterator[Leg]:
        """The legs whose failures let a queue stay; conversions are heard from where that of new ones is."""
        yield self._legs[queue.name]
        if tells_new_ones(queue.name):
            yield from (leg for leg in relinking_legs(self._cycle) if relinked_from(leg.name) == queue.name)

    def _relinked(self, run: CycleRun) -> Iterator[tuple[str, int]]:
        """Plan that records name the Contacts of Leads that were converted since; by leg how many do."""
        marks = [run.since.get(relinked_from(leg.name)) for leg in relinking_legs(self._cycle)]
        known = [mark for mark in marks if mark is not None]
        if self._ports.news is None or not known:
            return  # what is read for the first time is written as a whole
        leads = run.since.get(FROM_LEADS)
        if FROM_LEADS in run.idle and leads is not None and min(known) >= leads - _BEHIND:
            return  # no Lead was changed, nor was one while these could not go on
        until = run.ceilings[Side.SALESFORCE.value]
        news = self._ports.news.of_records(LEAD, min(*known, until), until).news
        if not news.converted:
            return
        for leg in relinking_legs(self._cycle):
            planned = list(self._over_to_contacts(leg, {lead: each.contact for lead, each in news.converted.items()}))
            if planned:
                self._plans.store(run, leg, 1, planned)
                yield leg.name, len(planned)

    def _over_to_contacts(self, leg: Leg, contacts: Mapping[str, str]) -> Iterator[Planned]:
        of = object_of(self._cycle, leg.name)
        theirs = self._described.salesforce.get(of[1].salesforce) if of else None
        if of is None or theirs is None:
            return
        position = 0
        for leads, taking in lookups_of_people(self._bound[of[0]], theirs):
            for field in leads:
                for row in self._ports.records.salesforce(theirs.name, field, contacts):
                    position += 1
                    contact = contacts[canonical(row[field])]
                    yield Planned(
                        position=position,
                        does="update",
                        columns={"Id": row["Id"]},
                        record_id=row["Id"],
                        before={field: row[field]},
                        after={field: None, **dict.fromkeys(taking, contact)},
                    )

    @cached_property
    def _described(self) -> Described:
        return self._ask()

    @cached_property
    def _bound(self) -> Mapping[str, Bound]:
        described = self._described
        return {name: bound(self._cycle, kept, described) for name, kept in kept_objects(self._cycle).items()}

    def _found(self, queue: Queue) -> Bound:
        of = object_of(self._cycle, queue.name)
        return self._bound[of[0]] if of else Bound()

    def _total(self, name: str) -> int:
        """How many records of a queue's or leg's object Salesforce has, for the guard."""
        of = object_of(self._cycle, name)
        return self._ports.records.total(of[1].salesforce) if of else 0

    def _is_due(self, run: CycleRun, queue: Queue) -> bool:
        """Whether a queue is read in this run."""
        of = object_of(self._cycle, queue.name)
        hears = of is not None and of[1].deleted_in_salesforce != "ignore"
        # what was changed is told without what was deleted
        if queue.name in run.idle and not self._waits(queue) and not hears:
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
        pause = timedelta(minutes=of[1].extract_minutes if of else 0)
        return found.extracted and run.ceilings[queue.side.value] - since >= pause

    def _waits(self, queue: Queue) -> timedelta:
        of = object_of(self._cycle, queue.name)
        return timedelta(minutes=of[1].wait_minutes if of else 0)
