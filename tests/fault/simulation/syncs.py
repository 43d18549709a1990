"""Syncs under the faults of the simulation: the real use-cases on in-memory ports, machines that die, two vendors.

Records change while they are read; starts overlap, fires come twice, late or never; tasks are killed, given up while
they run, begun twice. After all of that the world is calm: failed rows are tried again, one clean run passes, and one
more that has nothing to do.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from unittest.mock import patch

from leadbridge.domain import partitioning, sync_plan
from leadbridge.domain.carried import Asked
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.rows import compile_sync
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError, SyncError
from leadbridge.usecases import failed_rows, load_partition, sync_files
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.run_sync_step import RunSyncStep
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.start_sync import StartSync, vendor_of
from leadbridge.usecases.sync_files import page_key
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.events import SECRET
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.keys import InMemoryKeys
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import DONE, Crash
from tests.fakes.syncs import InMemorySyncRuns
from tests.fault.simulation import engine as engines
from tests.fault.simulation.engine import Engine, Point, Process
from tests.fault.simulation.product import SkewedClock
from tests.fault.simulation.remembered import remembered
from tests.fault.simulation.schedule import SKEW_SECONDS
from tests.fault.simulation.sync_schedule import (
    CALM_AT,
    FIELDS,
    POINTS,
    SLOT_SECONDS,
    START_SECONDS,
    STORE_POINTS,
    VENDOR_WRITE_POINTS,
    Change,
    Deletion,
    SyncPlan,
    mail,
)
from tests.fault.simulation.sync_vendors import (
    SimulatedDestination,
    SimulatedSource,
    SimulatedVendors,
    Table,
    described,
)

#: whoever is not at rest by then never will be
LIMIT_SECONDS = 40_000.0
#: after the last change every window reaches beyond it
QUIET_SECONDS = 1800.0
LOOK_SECONDS = 60.0
TRIES, PART_TRIES, RETRY_SECONDS = 8, 3, 2.0

engines.POINTS.update(
    {
        operation + suffix: Point(
            name=operation + suffix,
            after=bool(suffix),
            store=operation in STORE_POINTS,
            leaving=not suffix and operation in VENDOR_WRITE_POINTS,
            slowness=0.04 if operation in STORE_POINTS else 0.6,
        )
        for operation in POINTS
        for suffix in ("", DONE)
    }
)


class WatchedRuns(InMemorySyncRuns):
    """Runs, and who moved the watermark when."""

    def __init__(self, world: "SyncSimulation") -> None:
        super().__init__(step=world.engine.step)
        self._world = world

    def _held(self, sync: str, slot: str, epoch: int, **members: Any) -> bool:
        done = super()._held(sync, slot, epoch, **members)
        if done and "watermark" in members:
            self._world.moved(slot, members["watermark"])
        if done and "gone_until" in members:
            self._world.gone_noted.append(members["gone_until"])
        return done

    def every(self) -> list[SyncRun]:
        """All runs, the first begun first."""
        return sorted((run for run, _ in self._runs.values()), key=_begun)

    def at_work(self) -> SyncRun | None:
        """The first run that has not ended."""
        return min((run for run, _ in self._runs.values() if not run.over), key=_begun, default=None)

    def every_part(self, run: SyncRun) -> list[Any]:
        """The partitions of a run."""
        return [part for _, part in sorted(self._parts.get((run.sync, run.slot), {}).items())]


def _begun(run: SyncRun) -> tuple[datetime, str]:
    return run.started_at, run.slot


class Machine:
    """An execution of the state machine, as `statemachines/sync.asl.json` goes."""

    def __init__(self, world: "SyncSimulation", slot: str, name: str) -> None:
        self._world = world
        self._slot = slot
        self.name = name
        self.alive = True
        if world.happens("machine dies"):
            world.engine.later(world.engine.rng.random() * 300, self._die)

    def begin(self) -> None:
        """Take the first state."""
        self._task(self._follow, begin=True)

    def _die(self) -> None:
        self.alive = False

    def _task(self, then: Callable[[dict[str, Any]], None], **members: Any) -> None:
        self._try(SyncOrder(sync=self._world.plan.sync.id, slot=self._slot, **members), then, TRIES, self._die)

    def _try(
        self,
        order: SyncOrder,
        then: Callable[[dict[str, Any]], None],
        tries: int,
        lost: Callable[[], None],
        wait: float = RETRY_SECONDS,
    ) -> None:
        """Invoke a task; what fails by itself is invoked again."""
        if not self.alive:
            return
        world = self._world
        told = False

        def hear(answer: dict[str, Any] | None) -> None:
            nonlocal told
            if told or not self.alive:
                return
            told = True
            if answer is not None:
                then(answer)
            elif tries:
                world.engine.later(wait, lambda: self._try(order, then, tries - 1, lost, min(2 * wait, 120.0)))
            else:
                lost()

        world.invoke(order, hear)
        if world.happens("task twice at once"):
            world.engine.later(world.engine.rng.random() * 5, lambda: world.invoke(order, hear))
        if world.happens("task given up while it runs"):
            world.engine.later(world.engine.rng.random() * 120, lambda: hear(None))

    def _follow(self, answer: dict[str, Any]) -> None:
        """The state `Next`."""
        if answer["step"] in {"done", "failed", "cancelled"}:
            self.alive = False
        elif answer["renew"]:
            self._world.start(self._slot, answer["renewal"])
            self.alive = False
        elif answer["wait_seconds"]:
            self._world.engine.count(f"waits: {answer['waiting']}")
            self._world.engine.later(answer["wait_seconds"], lambda: self._step(answer))
        else:
            self._step(answer)

    def _step(self, answer: dict[str, Any]) -> None:
        turns = answer["turns"]
        if answer["step"] == "load":
            self._load(answer["lanes"], turns)
        elif answer["step"] in {"extract_files", "load_files"}:
            self._world.job(answer["child"], lambda ended: self._task(self._follow, turns=turns, child=ended))
        else:
            self._task(self._follow, turns=turns)

    def _load(self, lanes: list[list[int]], turns: int) -> None:
        """All open partitions, dealt to workers side by side."""
        left = len(lanes)

        def through(*_: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                self._task(self._follow, turns=turns)

        if not lanes:
            through()
        for parts in lanes:
            order = SyncOrder(sync=self._world.plan.sync.id, slot=self._slot, parts=tuple(parts))
            self._try(order, through, PART_TRIES, through)


class Starter:
    """`sync_ports.SyncStarter`."""

    def __init__(self, world: "SyncSimulation") -> None:
        self._world = world

    def alive(self, name: str) -> bool:
        """Whether an execution goes on."""
        self._world.engine.step("starter.alive")
        machine = self._world.machines.get(name)
        self._world.engine.step("starter.alive.done")
        return machine is not None and machine.alive

    def start(self, sync: str, slot: str, name: str) -> None:
        """Start one, unless one of that name was."""
        del sync
        self._world.engine.step("starter.start")
        self._world.start(slot, name)
        self._world.engine.step("starter.start.done")


class SyncSimulation:
    """One schedule."""

    def __init__(self, plan: SyncPlan, *, tracing: bool = False) -> None:
        self.plan = plan
        self.engine = engine = Engine(Random(f"played {plan.seed}"), tracing=tracing)
        engine.at, engine.aimed = dict(plan.by_number), dict(plan.aimed)
        other = 60.0 * engine.rng.choice((0, -7, 7))
        self.tables = {
            plan.source: Table(plan.source, plan.source_skew),
            plan.destination: Table(plan.destination, other),
        }
        self.runs = WatchedRuns(self)
        self.objects = InMemoryObjects(step=engine.step)
        self.keys = InMemoryKeys(step=engine.step)
        self.documents = InMemoryConfigurations()
        for document in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm"), plan.sync):
            self.documents.put(document)
        self.documents.move("sync", plan.sync.id, Move.ACTIVATE)
        self._connections = FakeConnections(
            marketo={"marketing": FakeMarketo(described("marketo"))},
            salesforce={"crm": FakeSalesforce(described("salesforce"))},
        )
        self.machines: dict[str, Machine] = {}
        self._slots: dict[str, str] = {}
        self._jobs: dict[str, dict[str, Any] | list[Callable[[dict[str, Any]], None]]] = {}
        #: writes that the vendors have not carried out yet
        self.pending = 0
        self.wrong: list[str] = []
        self.never_rests = ""
        self.invocations = 0
        #: persons by their record at the source
        self._people: dict[int, str] = {}
        #: what each version of a record was: by record, the moment that it bears and what it held
        self.versions: list[dict[str, Any]] = []
        self.watermarks: list[dict[str, Any]] = []
        #: up to when deletions have been carried over, each time that it moved
        self.gone_noted: list[datetime] = []
        self._addresses: dict[int, str] = {}
        self._newest: dict[int, str] = {}
        self.confirmed: set[str] = set()
        self._phase = ""
        self._phase_slot = ""
        self.again: list[str] = []
        self._retried: set[str] = set()
        self._before: set[str] = set()
        #: somebody has cancelled a run, and wants the next one at once
        self._hasty = False

    # -- the world

    def run(self) -> None:
        """Let everything happen, then calm down and come to rest."""
        engine, plan = self.engine, self.plan
        with self._small():
            for change in plan.changes:
                if change.at < 0:
                    self._change(change)
            for person in plan.known:
                self._foreign(person)
            for change in plan.changes:
                if change.at >= 0:
                    engine.later(change.at, partial(self._change, change))
            for at, person in plan.foreigners:
                engine.later(at, partial(self._foreign, person))
            self._people_come()
            for number in range(int(CALM_AT // SLOT_SECONDS)):
                self._fire(number * SLOT_SECONDS)
            engine.later(120.0, self._look)
            if plan.hasty:
                engine.later(1.0, self._hasten)
            engine.later(CALM_AT, self._calm_down)
            try:
                engine.run(lambda: bool(self._phase == "rest" or self.never_rests))
            finally:
                engine.close()

    def _people_come(self) -> None:
        """What people ask for, and which records they delete."""
        for at, what in self.plan.people:
            self.engine.later(at, partial(self._wants, what))
        for deletion in self.plan.deletions:
            self.engine.later(deletion.at, partial(self._delete, deletion))

    @contextmanager
    def _small(self) -> Iterator[None]:
        """Sizes at which a dozen records are many."""
        plan = self.plan
        ids = {"marketo": plan.page_rows, "salesforce": plan.page_rows}
        with (
            patch.object(partitioning, "ROWS", plan.part_rows),
            patch.object(sync_files, "HELD", plan.held),
            patch.object(sync_plan, "THRESHOLD", plan.threshold),
            patch.object(failed_rows, "IDS", ids),
            # each process would make the same of the same document once more
            patch.object(load_partition, "compile_sync", remembered(compile_sync)),
        ):
            yield

    def happens(self, kind: str) -> bool:
        """Whether this trouble happens now."""
        if self.engine.calm or self.engine.rng.random() >= self.plan.chance[kind]:
            return False
        self.engine.count(kind)
        return True

    def _change(self, change: Change) -> None:
        """People make or change a record; in an open transaction it is not to be seen before its end."""
        table, time = self.tables[self.plan.source], self.engine.time
        names = FIELDS[self.plan.source]
        fields = {names[role]: value for role, value in change.values.items()}
        key = self._people.get(change.person)
        # before the story begins
        moment = time if change.at >= 0 else change.at
        at = table.clock(moment)
        late = change.late if self.plan.source == "salesforce" else 0.0
        name = key or f"new {change.person}"
        if name in table.open and table.open[name][1] > time:
            self.engine.later(table.open[name][1] - time + 0.001, partial(self._change, change))
            return
        if late:
            self.engine.count("commit after its moment")
            table.open[name] = (at, time + late)
            self.engine.later(late, partial(self._committed, change, fields, at, 0.0))
            return
        if change.late:
            self.engine.count("shown after its moment")
        self._committed(change, fields, at, change.late)

    def _committed(self, change: Change, fields: Mapping[str, Any], at: datetime, late: float) -> None:
        table, time = self.tables[self.plan.source], self.engine.time
        key, email = self._people.get(change.person), FIELDS[self.plan.source]["email"]
        address = self._addresses.setdefault(change.person, str(fields.get(email, "")))
        if key is None:
            # also of one that was deleted before, whose key it has again
            fields = {email: address, FIELDS[self.plan.source]["status"]: "keep", **fields}
            key = self._people[change.person] = self._newest[change.person] = table.make(
                time, "people", fields, at, time + late
            )
        else:
            table.change(time, "people", key, fields, at, time + late)
        marker = str(fields[FIELDS[self.plan.source]["name"]])
        self.versions.append({"record": key, "marker": marker, "at": at, "shown": time + late})
        self.engine.note(f"people write {key} {marker}")

    def _delete(self, deletion: Deletion) -> None:
        """People delete a record; in an open transaction it is there before its end."""
        table, time, key = self.tables[self.plan.source], self.engine.time, self._people.get(deletion.person)
        if key is None:
            return
        if key in table.open and table.open[key][1] > time:
            self.engine.later(table.open[key][1] - time + 0.001, partial(self._delete, deletion))
            return
        at = table.clock(time)
        if deletion.late and self.plan.source == "salesforce":
            self.engine.count("deletion after its moment")
            table.open[key] = (at, time + deletion.late)
            self.engine.later(deletion.late, partial(self._deleted, deletion, key, at, 0.0))
            return
        self._deleted(deletion, key, at, deletion.late)

    def _deleted(self, deletion: Deletion, key: str, at: datetime, late: float) -> None:
        table, time = self.tables[self.plan.source], self.engine.time
        table.delete(time, "people", key, at, time + late, binned=deletion.binned)
        del self._people[deletion.person]
        self.engine.count("deleted by people")
        self.engine.note(f"people delete {key}")
        if deletion.restored_after is not None:
            self.engine.later(deletion.restored_after, partial(self._restore, deletion.person, key))

    def _restore(self, person: int, key: str) -> None:
        """People take a record out of the Recycle Bin, unless another one of the person was made since."""
        if person not in self._people and self._newest[person] == key:
            self.tables[self.plan.source].restore(self.engine.time, "people", key)
            self._people[person] = key
            self.engine.count("restored by people")
            self.engine.note(f"people restore {key}")

    def _foreign(self, person: int) -> None:
        """Somebody else makes a person in the destination."""
        table, names = self.tables[self.plan.destination], FIELDS[self.plan.destination]
        if table.of_key(mail(person)):
            return
        self.engine.count("made by somebody else" if self.engine.time else "known before")
        fields = {names["email"]: mail(person), names["name"]: "somebody"}
        table.make(self.engine.time, "others", fields, table.clock(self.engine.time), self.engine.time)

    def _fire(self, at: float) -> None:
        moment = (NOON + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%M:%SZ")

        arrive = partial(self._arrive, moment, 2)

        def come() -> None:
            if self.happens("fire missed"):
                return
            self.engine.later(self.engine.rng.random() * (200 if self.happens("fire late") else 1), arrive)
            if self.happens("fire twice"):
                self.engine.later(self.engine.rng.choice((0.0, 1.0, 30.0, 500.0)) * self.engine.rng.random(), arrive)

        self.engine.later(at, come)

    def _arrive(self, moment: str, tries: int) -> None:
        """A run is started at its moment; the scheduler tries again what fails."""

        def again() -> None:
            if tries:
                self.engine.later(60.0, partial(self._arrive, moment, tries - 1))

        self._start_process("start", lambda: self._starting().fired(self.plan.sync.id, moment), again)

    # -- people

    def _current(self) -> SyncRun | None:
        return self.runs.at_work()

    def _wants(self, what: str) -> None:
        """A person starts, holds, cancels or repeats a run."""
        sync, run = self.plan.sync.id, self._current()
        if what == "run":
            self.engine.count("run by a person")
            self._start_process("person", lambda: self._starting().now(sync))
        elif what == "retry":
            failed = [each for each in self.runs.every() if each.over and each.totals.failed]
            if failed:
                self.engine.count("retried by a person")
                self._start_process("person", lambda: self._starting().retry(sync, failed[-1].slot))
        elif what == "plan":
            self.engine.count("planned by a person")
            self._start_process("person", lambda: self._starting().plan(sync, 0))
        elif what == "apply":
            plans = [each for each in self.runs.every() if each.planning and each.step is Step.DONE]
            if plans:
                self.engine.count("applied by a person")
                self._start_process("person", lambda: self._starting().apply(sync, plans[-1].slot))
        elif run is not None:
            self.engine.count(f"asked: {what}")
            self._start_process("person", lambda: self._starting().ask(sync, run.slot, Asked(what)))

    def _hasten(self) -> None:
        """Somebody cancels a run as soon as it waits for what it has sent, and starts the next one at once."""
        if self.engine.calm:
            return
        run = self._current()
        if run is not None and run.asked is Asked.NOTHING and run.waiting is Waiting.SETTLING:
            self.engine.count("cancelled in haste")
            self._wants("cancel")
            self._hasty = True
        elif run is None and self._hasty:
            self._wants("run")
            self._hasty = False
        self.engine.later(2.0, self._hasten)

    def _look(self) -> None:
        """Somebody looks now and then at what waits for a person."""
        run = self._current()
        self.engine.later(120.0, self._look)
        if run is None:
            return
        sync = self.plan.sync.id
        if run.waiting is Waiting.GUARD:
            wanted = Asked.CONFIRM if self.engine.calm or self.engine.rng.random() < 0.6 else Asked.CANCEL
            self.engine.count(f"guard: {wanted.value}")
            if wanted is Asked.CONFIRM:
                self.confirmed.add(run.slot)
            self._start_process("person", lambda: self._starting().ask(sync, run.slot, wanted))
        elif run.asked is Asked.PAUSE and (self.engine.calm or self.engine.rng.random() < 0.3):
            self.engine.count("asked: resume")
            self._start_process("person", lambda: self._starting().ask(sync, run.slot, Asked.NOTHING))

    # -- processes

    def _skew(self) -> timedelta:
        return timedelta(milliseconds=int(self.engine.rng.uniform(-SKEW_SECONDS, SKEW_SECONDS) * 1000))

    def slot_of(self, process: Process) -> str:
        """The run that a process works for."""
        return self._slots[process.name]

    def _starting(self) -> StartSync:
        return StartSync(
            documents=self.documents,
            runs=self.runs,
            vendor=partial(vendor_of, self.documents),
            starter=Starter(self),
            clock=SkewedClock(self.engine, self.engine.process.skew),
        )

    def _start_process(self, kind: str, act: Callable[[], object], failed: Callable[[], None] = lambda: None) -> None:
        self.invocations += 1

        def work() -> None:
            try:
                told = act()
                self.engine.note(f"{kind}: {told}")
            except Crash:
                failed()
                raise
            except ConfigurationError as error:
                self.engine.note(f"{kind} hears: {error}")
            except SyncError:
                failed()
                raise

        self.engine.start(f"{kind}-{self.invocations}", work, skew=self._skew(), limit=START_SECONDS)

    def start(self, slot: str, name: str) -> None:
        """Begin an execution of the state machine, unless one of that name was."""
        if name not in self.machines:
            self.engine.note(f"machine {name}")
            self.machines[name] = machine = Machine(self, slot, name)
            self.engine.later(self.engine.rng.random(), machine.begin)

    def invoke(self, order: SyncOrder, hear: Callable[[dict[str, Any] | None], None]) -> None:
        """Run one task; `hear` is told the answer, or None if it failed."""
        self.invocations += 1
        engine = self.engine
        name = f"{order.slot}{''.join(f'/{part}' for part in order.parts)}-{self.invocations}"
        self._slots[name] = order.slot
        limit = engine.rng.choice(self.plan.limits)

        def work() -> None:
            process = engine.process
            try:
                answer = self._use_case(process)(order, lambda: process.ends_at - engine.time)
            except (Crash, SyncError):
                engine.later(0.1, lambda: hear(None))
                raise
            engine.note(f"{name}: {json.dumps(answer, default=str)}")
            engine.later(0.01, lambda: hear(answer))

        engine.start(name, work, skew=self._skew(), limit=limit)

    def _use_case(self, process: Process) -> RunSyncStep:
        clock, vendors = SkewedClock(self.engine, process.skew), SimulatedVendors(self)
        facts = SourceFacts(connections=self._connections, documents=self.documents, clock=clock)
        load = LoadPartition(
            runs=self.runs,
            objects=self.objects,
            vendors=vendors,
            facts=facts,
            clock=clock,
            sleep=self.engine.pause,
            keys=self.keys,
            hash_key=lambda: SECRET,
        )
        return RunSyncStep(
            documents=self.documents,
            runs=self.runs,
            objects=self.objects,
            vendors=vendors,
            facts=facts,
            load=load,
            clock=clock,
            meter=RecordingMeter(),
            most_turns=self.plan.most_turns,
        )

    # -- bulk jobs, whose machines have simulations of their own

    def job(self, order: Mapping[str, Any], then: Callable[[dict[str, Any]], None]) -> None:
        """A bulk run: the same order twice is one."""
        known = self._jobs.get(order["run"])
        if isinstance(known, dict):
            self.engine.later(1.0, lambda: then(known))
        elif known is not None:
            known.append(then)
        else:
            self._jobs[order["run"]] = [then]
            self.engine.later(60 + 120 * self.engine.rng.random(), partial(self._job_ends, order))

    def _job_ends(self, order: Mapping[str, Any]) -> None:
        fails = self.happens("job fails")
        cause = json.dumps({"Error": "job_failed", "Cause": "the vendor's own words"})
        ended: dict[str, Any] = {"Error": "States.TaskFailed", "Cause": cause}
        if "source" in order:
            ended = self._imported(order, ended, fails=fails)
        elif not fails:
            self.engine.count("extract by file")
            content, rows = SimulatedSource(self, self.plan.source).extracted(order)
            self.objects.contents[f"{order['prefix']}/{order['run']}/extract.csv"] = content
            ended = {"run": order["run"], "counts": {"rows": rows}}
        waiting = self._jobs[order["run"]]
        self._jobs[order["run"]] = ended
        assert isinstance(waiting, list)
        for then in waiting:
            then(ended)

    def _imported(self, order: Mapping[str, Any], failed: dict[str, Any], *, fails: bool) -> dict[str, Any]:
        """An import: a failed one has carried out some of the rows."""
        self.engine.count("import by file")
        lines = list(csv.DictReader(io.StringIO(self.objects.contents[order["source"]].decode(), newline="")))
        slot = order["prefix"].split("/")[2]
        destination = SimulatedDestination(self, self.plan.destination, "destination", self.plan.sync)
        if fails:
            destination.imported(lines[: len(lines) // 2], order["request"], slot)
            return failed
        refused = {number for number in range(len(lines)) if self.happens("row of a file refused")}
        sent = [number for number in range(len(lines)) if number not in refused]
        taken = destination.imported([lines[number] for number in sent], order["request"], slot)
        refused |= {number for number, ok in zip(sent, taken, strict=True) if not ok}
        prefix = f"{order['prefix']}/{order['run']}/results/"
        ends = [(n + 1, "failed", "", "bad") if n in refused else (n + 1, "done", "", "") for n in range(len(lines))]
        for number, content in enumerate(([], ends)):
            into = io.StringIO(newline="")
            csv.writer(into).writerows([("row", "outcome", "id", "reason"), *content])
            self.objects.contents[f"{prefix}{number:05}.csv"] = into.getvalue().encode()
        return {"run": order["run"], "results": prefix, "parts": 1}

    # -- coming to rest

    def _calm_down(self) -> None:
        self.engine.calm = True
        self.engine.note("calm")
        self.engine.later(QUIET_SECONDS, self._conduct)

    def _conduct(self) -> None:
        """Retry what failed, let one clean run pass, and one that has nothing to do."""
        if self.engine.time > LIMIT_SECONDS:
            self.never_rests = f"never comes to rest: {self._current()}"
            return
        self.engine.later(LOOK_SECONDS, self._conduct)
        if self._current() is not None:
            # whose machine has died waits for the next start
            self._start_process("start", lambda: self._starting().fired(self.plan.sync.id, ""))
            return
        if self.pending or self.engine.alive() or not self._phase_over():
            return
        failed = next((run for run in self.runs.every() if run.totals.failed and run.slot not in self._retried), None)
        self._before = {run.slot for run in self.runs.every()}
        if failed is not None and not self._phase:
            self._retried.add(failed.slot)
            self._start_process("person", lambda: self._starting().retry(self.plan.sync.id, failed.slot))
            return
        last = self.tables[self.plan.source].journal[-1].at
        if not self._phase and self.engine.time - last < QUIET_SECONDS:
            return  # what a late run has told back must lie in the clean run's window, too
        self._phase = "again" if self._phase == "clean" else "clean"
        self._start_process("person", lambda: self._starting().now(self.plan.sync.id))

    def _phase_over(self) -> bool:
        """Whether the next phase may begin: the run of this one is over, and it was not the last."""
        if self._phase not in {"clean", "again"}:
            return True
        ended = [run for run in self.runs.every() if run.slot not in self._before]
        if ended:
            self.again.append(ended[-1].slot)
            self._phase = "rest" if self._phase == "again" else self._phase
        return bool(ended) and self._phase != "rest"

    def moved(self, slot: str, watermark: datetime) -> None:
        """The watermark has moved: note what it has passed, and what runs have read until now."""
        stamps = dict(self.tables[self.plan.source].stamps)
        # nobody can read any more what was deleted
        newest = {each["record"]: each["marker"] for each in self.versions if each["record"] in stamps}
        self.watermarks.append(
            {"slot": slot, "at": watermark, "newest": newest, "stamps": stamps, "read": self._read(slot)}
        )

    def _read(self, slot: str) -> set[str]:
        """The markers in the extracts of a run, and of all that have ended well up to now."""
        name = FIELDS[self.plan.source]["name"]
        # whoever has moved it before has read for good, even if somebody cancels the run at its last step
        done = {run.slot for run in self.runs.every() if run.step is Step.DONE}
        done |= {slot, *(moved["slot"] for moved in self.watermarks)}
        found = set()
        for run in self.runs.every():
            pages = range(1, run.pages + 1) if run.slot in done and not run.planning and not run.plan else ()
            for page in pages:
                found |= {line[name] for line in self._csv(page_key(run, page))}
        return found

    # -- what the checker is given

    def facts(self) -> dict[str, Any]:
        """What has become of everything, as plain values."""
        plan = self.plan
        return {
            "rule": plan.sync.import_rule.value,
            "dedupe": plan.sync.dedupe.value,
            "incremental": plan.sync.incremental,
            "conditions": plan.sync.conditions is not None,
            "guarded": plan.sync.guard.changed_percent == 0,
            "writeback": bool(plan.sync.writeback),
            "source_fields": FIELDS[plan.source],
            "destination_fields": FIELDS[plan.destination],
            "marketo_source": plan.source == "marketo",
            "source": {key: dict(row) for key, row in self.tables[plan.source].rows.items()},
            "destination": {key: dict(row) for key, row in self.tables[plan.destination].rows.items()},
            "writes": [vars_of(each) for each in self.tables[plan.destination].journal],
            "told_back": [vars_of(each) for each in self.tables[plan.source].journal if each.by != "people"],
            "versions": self.versions,
            "watermarks": self.watermarks,
            "confirmed": self.confirmed,
            "runs": [self._run_facts(run) for run in self.runs.every()],
            "deletes": "ignore"
            if plan.sync.deletes == "ignore"
            else "delete"
            if plan.sync.deletes == "delete"
            else "flag",
            "by_id": any(mapping.to == FIELDS[plan.destination]["origin"] for mapping in plan.sync.mappings),
            "gone": {key: vars_of(each) for key, each in self.tables[plan.source].gone.items()},
            "gone_noted": self.gone_noted,
            "again": self.again,
            "wrong": self.wrong,
            "holder": self.runs._standings[plan.sync.id].holder if self.runs._standings else "",
        }

    def _run_facts(self, run: SyncRun) -> dict[str, Any]:
        """A run: its counts, and what is stored of each row."""
        lines: list[dict[str, str]] = []
        for part in self.runs.every_part(run):
            for chunk in range(part.chunks):
                teller = f"-{part.tellers[chunk]}" if part.tellers[chunk] > 1 else ""
                lines += self._csv(f"{run.folder}/results/{part.number:05}-{chunk:05}{teller}.csv")
        replaced = self._csv(f"{run.folder}/results/import.csv") if run.unwritten else []
        return {
            "slot": run.slot,
            "step": run.step.value,
            "reason": run.reason,
            "retry": bool(run.retry_of),
            "kind": run.kind,
            "pulled": run.rows,
            "totals": {name: getattr(run.totals, name) for name in type(run.totals).__slots__},
            "rows": lines,
            "refused": replaced,
            "extract": run.extract.value,
            "load": run.load.value,
        }

    def _csv(self, key: str) -> list[dict[str, str]]:
        content = self.objects.contents.get(key)
        return [] if content is None else list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def vars_of(commit: Any) -> dict[str, Any]:
    """A commit as plain values."""
    return {name: getattr(commit, name) for name in type(commit).__slots__}
