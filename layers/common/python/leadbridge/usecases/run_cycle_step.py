"""One step of a run of a CRM cycle: gathers what the step needs, lets the domain decide, stores what became of it.

A step may be repeated at any time, also one that died half-way. What is read and written are runs of Syncs: the step
stores them, the state machine starts them and waits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.cycle_ports import CycleRuns, CycleVendors, Entities, Entity
from leadbridge.domain import cycling
from leadbridge.domain.carried import FRUITLESS, ended, run_name
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_latency import latency_members
from leadbridge.domain.cycle_legs import Queue
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.domain.cycle_schema import of_kinds
from leadbridge.domain.cycle_words import CHANGES_LOST
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep
from leadbridge.domain.event import iso
from leadbridge.domain.evolving import replace
from leadbridge.domain.outages import values_lost
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, SyncRun, Way, begun, read_through, summed
from leadbridge.domain.three_way import Side
from leadbridge.domain.waits import Waiting, held_by
from leadbridge.domain.watermarks import ceiling, first_window, window
from leadbridge.errors import ConfigurationError, SyncError
from leadbridge.ports import Clock, Documents, Meter
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.at_work import GONE_AFTER
from leadbridge.usecases.one_step import answer, one_step

#: no new piece is begun in the last seconds of an invocation
LEFT_SECONDS = 60.0
#: a turn adds a few dozen events to an execution's history, which holds 25,000
MOST_TURNS = 300
#: how soon a run of a Sync is looked at again that goes on in an execution which nobody waits for
_RENEWED = timedelta(seconds=60)


class RunCycleStep:
    """The use-case of `run_cycle_step`."""

    def __init__(
        self,
        *,
        documents: Documents,
        runs: CycleRuns,
        syncs: SyncRuns,
        entities: Entities,
        vendors: CycleVendors,
        clock: Clock,
        meter: Meter,
        first_reading: Callable[[bool], None] = lambda _: None,
        most_turns: int = MOST_TURNS,
    ) -> None:
        """`first_reading` is told of each run, before it calls a vendor, whether it is the cycle's first.

        `most_turns`: after so many steps a run goes on in a new execution.
        """
        self._documents = documents
        self._runs = runs
        self._syncs = syncs
        self._entities = entities
        self._vendors = vendors
        self._clock = clock
        self._meter = meter
        self._first_reading = first_reading
        self._most_turns = most_turns
        self._steps: Mapping[CycleStep, Callable[[_Work], None]] = {
            CycleStep.OPEN: self._open,
            CycleStep.READ: self._read,
            CycleStep.DECIDE: self._decide,
            CycleStep.WRITE: self._write,
            CycleStep.REMEMBER: self._remember,
            CycleStep.COMMIT: self._commit,
        }

    def __call__(self, order: CycleOrder, remaining: Callable[[], float]) -> dict[str, Any]:
        """Take the run's next step; tells the state machine where to go on.

        Raises:
            ConfigurationError: There is no such run.
            TransientError: A store is away; the state machine tries again.
        """

        def take(run: CycleRun, version: int) -> tuple[CycleRun, int]:
            work = _Work(run, version, remaining)
            self._first_reading(run.bootstrap)
            try:
                self._take(work)
            finally:
                self._vendors.report_quota()
            return work.run, work.version

        run, version, turns = one_step(
            order, lambda: self._known(order), take, self._runs.save, clock=self._clock, most_turns=self._most_turns
        )
        # an execution of its own for each time that a run of a Sync is carried on
        orders = [
            {"sync": each, "slot": run.slot, "name": f"{run_name(each, run.slot)}-{version}"} for each in run.orders
        ]
        told = answer(run, self._clock.now(), turns, self._most_turns)
        return {"cycle": run.cycle, **told, "orders": orders, "at_work": bool(orders)}

    def _take(self, work: "_Work") -> None:
        heard = cycling.obeyed(work.run, self._clock.now())
        if heard is None:
            self._go(work)
        else:
            self._save(work, heard)
        if work.run.over:
            at = work.run.ended_at or self._clock.now()
            self._runs.release(work.run.cycle, work.run.slot, work.run.epoch, at)
            self._meter.count("CycleRunsFailed" if work.run.step is CycleStep.FAILED else "CycleRunsDone")
            for direction, told in latency_members(work.run.latencies).items():
                name = "ToMarketo" if direction == "to_marketo" else "ToSalesforce"
                self._meter.gauge(f"Cycle{name}P50Seconds", told["p50_seconds"])
                self._meter.gauge(f"Cycle{name}P95Seconds", told["p95_seconds"])
            if work.run.warnings and not work.run.planning:
                self._meter.count("CycleFieldsAside", len(work.run.warnings))

    def _go(self, work: "_Work") -> None:
        try:
            work.cycle = self._document(work.run)
            opening = work.run.step is CycleStep.OPEN
            every = self._entities(work.cycle, work.run.version, opening=opening)
            work.entities = [each for each in every if work.run.takes(each.name)]
            self._steps[work.run.step](work)
        except SyncError as error:
            if error.vendor == "aws":
                raise  # a store is away: nothing can be stored of it either
            self._save(work, cycling.refused(work.run, error, self._clock.now(), work.names))

    def _document(self, run: CycleRun) -> CrmCycle:
        stored = self._documents.get("crm_cycle", run.cycle, run.version)
        if stored is None or not isinstance(stored.document, CrmCycle):
            raise ConfigurationError([f"there is no version {run.version} of the cycle {run.cycle}"])
        return stored.document

    def _save(self, work: "_Work", run: CycleRun) -> None:
        if work.entities:
            # what depends on a parked kind waits for it, if the cycle has it
            run = replace(run, parked={name: why for name, why in run.parked.items() if name in work.names})
        now = self._clock.now()
        run = replace(run, seen_at=now, step_at=run.step_at if run.step is work.run.step else now)
        work.version = self._runs.save(run, work.version)
        work.run = run

    # the steps

    def _open(self, work: "_Work") -> None:
        run, now = work.run, self._clock.now()
        ceilings, since, made_since = dict[str, datetime](), dict[str, datetime](), dict[str, datetime]()
        standing, idle = self._runs.standing(run.cycle), list[str]()
        watermarks, asked = standing.watermarks, list[tuple[Sync, datetime | None]]()
        for queue in work.queues:
            known = watermarks.get(queue.name)
            is_known = known is not None and not values_lost(queue, known, now)
            asked.append((queue.sync, window(queue.side.value, known, now).since if is_known else None))
        for queue, covered in zip(work.queues, self._vendors.covered(asked, now), strict=True):
            side = queue.side.value
            until = ceiling(side, now, covered.until)
            ceilings[side] = min(until, ceilings.get(side, until))
            idle += [queue.name] if covered.idle else []
        found, told = self._looked(work, standing), list[str]()
        for kind, queue in work.reading:
            if queue.on_demand:
                continue
            known, until = watermarks.get(queue.name), ceilings[queue.side.value]
            read, made = window(queue.side.value, known, until), None
            if known is None:
                read, made = first_window(queue.side.value, work.cycle.begins_at(kind), until)
            elif values_lost(queue, min(known, found.again or known), now):
                # everything is read, and what the cycle keeps in step already is compared
                found = replace(found, compared=(*found.compared, queue.name))
                told += [CHANGES_LOST.format(kind=kind, since=iso(known))] if values_lost(queue, known, now) else []
            if read.since is not None:
                since[queue.name] = read.since
            if made is not None:
                made_since[queue.name] = made
        found = replace(found, warnings=(*found.warnings, *told))
        self._save(work, cycling.opened(found, ceilings, since, made_since, idle))

    def _looked(self, work: "_Work", standing: CycleStanding) -> CycleRun:
        """The run with what both systems describe today, and what was edited while it could not be carried over."""
        run = work.run
        known = [standing.watermarks[each.name] for each in work.queues if each.name in standing.watermarks]
        for entity in work.entities:
            try:
                found = entity.look(standing.schemas, run.version, min(known, default=run.started_at))
            except SyncError as error:
                run = self._without(work, run, entity.name, error)
            else:
                queues = {
                    each.name: each.sync.source.object for each in entity.queues() if each.side is Side.SALESFORCE
                }
                run = cycling.schemas_seen(run, entity.name, found, queues)
        return run

    def _without(self, work: "_Work", run: CycleRun, kind: str, error: SyncError) -> CycleRun:
        """The run without a kind of records that cannot go on; what passes by itself is waited for."""
        if error.vendor == "aws" or held_by(error, run, self._clock.now()):
            raise error
        return cycling.parked(run, kind, error.detail or str(error), work.names)

    def _read(self, work: "_Work") -> None:
        if work.run.orders:
            self._returned(work)
            return
        run, orders, rows = work.run, [], dict(work.run.rows)
        for queue in work.queues:
            if queue.late or queue.in_turn or self._whose(work, queue.sync.id) in run.parked:
                continue
            if self._begins(run, queue):
                orders.append(queue.sync.id)
            else:
                rows[queue.name] = 0
        self._save(work, cycling.ordered(replace(run, rows=rows), orders, work.names))

    def _begins(self, run: CycleRun, queue: Queue) -> bool:
        """Store the run that reads a queue; whether there is something to be read."""
        reading = self._reading(run, queue)
        # for pairs of fields that work again, or change without notice, more is read than was asked about
        if queue.name in run.idle and reading.since == run.since.get(queue.name):
            self._syncs.begin(read_through(begun(reading, reading.window, Way.REST, None), self._clock.now()))
            return False
        self._syncs.begin(reading)
        return True

    def _in_turn(self, work: "_Work") -> Iterator[str]:
        """What is still to be read before the kind of records decides whose turn it is."""
        for queue in work.entity(work.run.entity).queues():
            if queue.in_turn:
                known = self._syncs.get(queue.sync.id, work.run.slot)
                if not (known and known[0].over) and self._begins(work.run, queue):
                    yield queue.sync.id

    def _reading(self, run: CycleRun, queue: Queue) -> SyncRun:
        """The run that reads a queue."""
        since, until = _since(run, queue), run.ceilings[queue.side.value]
        return SyncRun(
            sync=queue.sync.id,
            slot=run.slot,
            version=run.version,
            source=queue.side.value,
            destination=queue.side.other.value,
            epoch=run.epoch,
            started_at=run.started_at,
            incremental=True,
            reads_only=True,
            since=since,
            # a system may cover less than it did before
            until=max(since, until) if since else until,
            made_since=run.made_since.get(queue.name),
        )

    def _returned(self, work: "_Work") -> None:
        """The state machine has carried out runs of Syncs, as far as they went."""
        run, now = work.run, self._clock.now()
        left, done, due = list[str](), 0, list[datetime]()
        rows, newest = {**run.rows}, {**run.newest}
        for order in run.orders:
            found = self._syncs.get(order, run.slot)
            if found is None:
                raise ConfigurationError([f"the Sync {order} has no run {run.slot}"])
            sync = found[0]
            queue = next((each.name for each in work.queues if each.sync.id == order), None)
            if queue is not None:
                rows[queue] = sync.pulled
                # of what is only read whoever decides about it says so
                newest |= {queue: sync.newest} if sync.newest else {}
            if sync.over and sync.step is not Step.DONE:
                run = cycling.parked(
                    run, self._whose(work, order), f"{order}: {sync.message or sync.reason}", work.names
                )
            elif not sync.over:
                left.append(order)
                done += _progress(sync, self._syncs)
                # a run that went on in an execution of its own is not waited for by anybody
                seen = max(sync.seen_at or sync.started_at, sync.due_at or sync.started_at)
                if sync.execution and now - seen < GONE_AFTER:
                    due.append(now + _RENEWED)
        run = replace(run, rows=rows, newest=newest)
        if left and run.fruitless >= FRUITLESS:
            for order in left:
                run = cycling.parked(
                    run, self._whose(work, order), f"{order}: its run dies again and again", work.names
                )
            left = []
        if left:
            self._save(work, cycling.still_out(run, left, done, min(due, default=None)))
        else:
            self._save(work, cycling.returned(run, work.names))

    def _decide(self, work: "_Work") -> None:
        if work.run.orders:
            self._returned(work)
            return
        self._pieces(work, lambda entity, run: entity.decide(run, work.remaining()))

    def _remember(self, work: "_Work") -> None:
        self._pieces(work, lambda entity, run: entity.remember(run, work.remaining()))

    def _pieces(self, work: "_Work", take: Callable[[Entity, CycleRun], CycleRun | None]) -> None:
        """Let each kind of records do a step piece by piece."""
        step = work.run.step
        while work.run.step is step and work.run.entity:
            entity = work.entity(work.run.entity)
            reads = step is CycleStep.DECIDE and not work.run.through
            if reads and (orders := [*self._in_turn(work)]):
                self._save(work, cycling.ordered(work.run, orders, work.names))
                return
            done = take(entity, work.run)
            self._save(work, cycling.through(work.run, work.names) if done is None else done)
            if work.run.waiting is Waiting.GUARD or work.remaining() < LEFT_SECONDS:
                return

    def _write(self, work: "_Work") -> None:
        if work.run.orders:
            self._returned(work)
            return
        run, orders = work.run, list[str]()
        for entity in work.entities:
            if entity.name in run.parked:
                continue
            try:
                orders += [each.sync for each in entity.prepare(run, run.group)]
            except SyncError as error:
                run = self._without(work, run, entity.name, error)
        kept = [each for each in orders if self._whose(work, each) not in run.parked]
        self._save(work, cycling.ordered(run, kept, work.names))

    def _commit(self, work: "_Work") -> None:
        run, now = work.run, self._clock.now()
        if run.planning:
            # nothing has changed that anybody would have to know
            self._save(work, cycling.committed(run, work.names, now))
            return
        standing = self._runs.standing(run.cycle)
        known = standing.watermarks
        marks = dict[str, datetime]()
        for queue in work.queues:
            if not queue.on_demand and self._whose(work, queue.sync.id) not in run.parked:
                until = run.held.get(queue.name, run.ceilings[queue.side.value])
                marks[queue.name] = max(until, known.get(queue.name, until))
        newest = {name: at for name, at in run.newest.items() if name in marks}
        # of what was not carried over the schemas are compared once more, as the same is read again
        going = [each for each in work.names if each not in run.parked]
        schemas = of_kinds(standing.schemas, run.parked) | of_kinds(run.schemas, going)
        if not self._runs.commit(run.cycle, run.slot, run.epoch, marks, newest, schemas=schemas):
            message = "another run took the lease"
            self._save(work, ended(run, CycleStep.FAILED, now, "lease_lost", message))
            return
        self._save(work, cycling.committed(run, work.names, now))

    def _whose(self, work: "_Work", sync: str) -> str:
        """The kind of records whose queue or leg a Sync is."""
        for entity in work.entities:
            syncs = [*(queue.sync for queue in entity.queues()), *(leg.sync for leg in entity.legs())]
            if any(each.id == sync for each in syncs):
                return entity.name
        raise ConfigurationError([f"the Sync {sync} is none of the cycle {work.run.cycle} any more"])

    # what the state machine hears

    def _known(self, order: CycleOrder) -> tuple[CycleRun, int]:
        found = self._runs.get(order.cycle, order.slot)
        if found is None:
            raise ConfigurationError([f"the cycle {order.cycle} has no run {order.slot}"])
        return found


class _Work:
    """A run while its step is taken."""

    def __init__(self, run: CycleRun, version: int, remaining: Callable[[], float]) -> None:
        self.run = run
        self.version = version
        self.remaining = remaining
        self.cycle: CrmCycle
        self.entities: Sequence[Entity] = ()

    @property
    def names(self) -> list[str]:
        """The kinds of records, in the order in which they are decided."""
        return cycling.in_order([each.name for each in self.entities])

    @property
    def queues(self) -> list[Queue]:
        """All that is read."""
        return [queue for _, queue in self.reading]

    @property
    def reading(self) -> list[tuple[str, Queue]]:
        """All that is read, and for which kind of records."""
        return [(entity.name, queue) for entity in self.entities for queue in entity.queues()]

    def entity(self, name: str) -> Entity:
        """One kind of records."""
        return next(each for each in self.entities if each.name == name)


def _since(run: CycleRun, queue: Queue) -> datetime | None:
    """Since when a queue is read: earlier than usual if pairs of fields work again, all if they change unnoticed."""
    since = run.since.get(queue.name)
    if queue.name in run.compared:
        return None
    if since is None or run.again is None or run.again >= since:
        return since
    return window(queue.side.value, run.again, since).since


def _progress(run: SyncRun, syncs: SyncRuns) -> int:
    """How much a run of a Sync has done; more if it came any further."""
    return run.pages + run.placed + summed(run, syncs.parts(run.sync, run.slot)).totals.rows
