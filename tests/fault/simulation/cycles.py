"""Schedules of CRM cycles: people and automations edit both sides, cycles are missed, processes die, answers are lost.

Decisions, plans, links and due records are the product's; what reads and writes is short and instant, since Syncs have
schedules of their own.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from leadbridge.cycle_ports import Entity
from leadbridge.domain.carried_changes import told_anew
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_legs import GROUPS, PEOPLE_DELETED
from leadbridge.domain.cycle_people import LEADS_CREATED, PEOPLE_CREATED
from leadbridge.domain.cycle_schema import Schema as Schemas
from leadbridge.domain.cycling import CycleRun, schemas_seen
from leadbridge.domain.evolving import replace
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.planned import checked, checked_deletion
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import CompiledSync, RowEnd, RowWrite, compile_sync, key_of
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.usecases.decide_people import PeoplePorts, Schema
from leadbridge.usecases.keep_people import KeepPeople
from leadbridge.usecases.people_files import PeopleFiles
from leadbridge.usecases.planned_rows import planned_writes
from leadbridge.usecases.sync_files import write_page, write_results
from tests.builders.whole_cycles import CONTACT_FIELDS, LEAD_FIELDS, a_cycle, described_tables, digest
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.cycle import InMemoryDueRecords, InMemoryLinks
from tests.fakes.steps import Crash
from tests.fakes.syncs import InMemorySyncRuns
from tests.fakes.systems import System, Table, nobody
from tests.fault.simulation.cycle_model import Field, Human, Model, Values, empty, same

#: so long nobody edits behind a cycle: what comes sooner may be an automation's answer
PAUSE = timedelta(minutes=16)
ROUNDS, EDITS, PEOPLE = 3, 4, 3
#: in so many schedules a system hides a field from us, and shows it again later
HIDES = 0.15
#: cycles after the last edit, with so many automations; nothing may be written by the last two
LAST = (3, 4, 5)
#: what befalls humans whom a cycle has linked; what is known of their values then is that both sides agree
FATES = ("merged in Salesforce", "merged in Marketo", "deleted in Salesforce", "deleted in Marketo", "converted")
FIRST_NAMES = ("Ada", "Ida", "Oda", "Eda", None)
_VALUES: Mapping[str, Sequence[Any]] = {
    "email": (),
    "firstName": FIRST_NAMES,
    "lastName": ("Byron", "Noel", "King"),
    "company": ("Acme", "Umbrella", "Initech"),
    "phone": ("1", "2", None, ""),
    "title": ("CEO", "CFO", None),
    "leadStatus": ("Open", "Working", "Closed"),
    "leadScore": (1, 2, 3),
    "unsubscribed": (True, False, None),
}
#: what a system may hide: nothing that tells who is who, that an automation writes, or whose policy hangs on the time
HIDDEN = ("firstName", "phone", "title", "leadStatus", "leadScore", "unsubscribed")
FAULTS = (
    "cycle missed",
    "crash",
    "crash in flight",
    "edit behind the read",
    "met by address",
    "made by Marketo",
    "made by Salesforce",
    "automation of Salesforce",
    "automations of both",
    "conflict",
    "drifted",
    "field hidden",
    "field shown again",
    "known from the log",
    *FATES,
)


class Stage:
    """Both systems and the product, made once, and set back for each schedule."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.crash_after: int | None = None
        self.taken = 0
        tables = described_tables(self.clock)
        self.people, self.leads, self.contacts = tables
        self.system = System({"leads": tables[0], "Lead": tables[1], "Contact": tables[2]}, step=self._step)
        self.cycle = self.built()
        self.runs = InMemorySyncRuns(step=self._step)
        self.objects = InMemoryObjects(step=self._step)
        self.links = InMemoryLinks()
        self.due = InMemoryDueRecords(step=self._step)
        self._whole = [table.described for table in self.system.tables.values()]
        self.keep = _kept(self.cycle, self)
        #: in the order in which they decide
        self.entities = self.kinds()
        legs = [leg for entity in self.entities for leg in entity.legs()]
        #: those in which anything is written, or followed
        self.groups = [each for each in GROUPS if each in {PEOPLE_DELETED, *(leg.group for leg in legs)}]
        self.compiled = {
            leg.sync.id: compile_sync(
                leg.sync,
                1,
                self.system.tables[leg.sync.destination.object].described,
                to_marketo=leg.side is Side.MARKETO,
            )
            for leg in legs
        }

    def built(self) -> CrmCycle:
        """The cycle, with all tables that it is about."""
        return a_cycle()

    def kinds(self) -> Sequence[Entity]:
        """The kinds of records that it keeps in step."""
        return [self.keep]

    def described_companies(self) -> ObjectDescription | None:
        """Marketo's companies; None where they are not kept in step."""
        return None

    def set_back(self) -> None:
        """As it was."""
        self.clock.set(NOON)
        self.crash_after, self.taken = None, 0
        for table, whole in zip(self.system.tables.values(), self._whole, strict=True):
            table.described = whole
            table.records.clear()
            table.written.clear()
            table.automation, table.made = nobody, 0
            table.bin.clear()
            table.merged.clear()
            table.log.clear()
        self.runs.__init__(step=self._step)  # type: ignore[misc]  # all that it holds is forgotten
        self.objects.contents.clear()
        self.links.links.clear()
        self.links.people.clear()
        self.due.records.clear()

    @property
    def described(self) -> tuple[ObjectDescription, ObjectDescription]:
        """People and Leads as they are where nothing is hidden."""
        return self._whole[0], self._whole[1]

    def _step(self, name: str) -> None:
        self.taken += 1
        if self.crash_after is not None and self.taken >= self.crash_after:
            self.crash_after = None
            raise Crash(name)


def _kept(cycle: CrmCycle, stage: Stage) -> KeepPeople:
    assert cycle.persons is not None

    known: list[Schema] = []

    def schema() -> Schema:
        people, records = stage.people.described, {"Lead": stage.leads.described, "Contact": stage.contacts.described}
        for each in known:
            if each.people is people and each.records["Lead"] is records["Lead"]:
                return each  # nothing was hidden or shown since: nothing is bound anew
        known[:] = [Schema(people=people, records=records, companies=stage.described_companies())]
        return known[0]

    ports = PeoplePorts(
        runs=stage.runs,
        objects=stage.objects,
        records=stage.system,
        links=stage.links,
        due=stage.due,
        schema=schema,
        news=stage.system,
        changes=stage.system,
        digest=cache(digest),
        clock=stage.clock,
    )
    return KeepPeople(cycle, cycle.persons, ports)


@cache
def stage() -> Stage:
    """The one of this process."""
    return Stage()


class CycleSchedule:
    """One schedule, from its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)  # a schedule, no secret
        self._stage = self.on()
        self._stage.set_back()
        self.tally: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.trace: list[str] = []
        self._model = Model([Field.of(pair) for pair in LEAD_FIELDS])
        self._models = {"Lead": self._model, "Contact": Model([Field.of(pair) for pair in CONTACT_FIELDS])}
        #: by the human's name the ids of both sides
        self._ids: dict[str, dict[str, str]] = {}
        self._marks: dict[str, datetime] = {}
        self._addresses = 0
        self._automations = 0
        #: whether a field is hidden at times, which is, and what the last cycle knew of both schemas
        self._hides = self._chance.random() < HIDES
        self._hidden: Field | None = None
        self._schemas: Mapping[str, Schemas] = {}
        #: to whom something happened, and the kind of record that Salesforce has of them, if any
        self._loose: dict[str, str] = {}
        #: what both sides are to hold of them
        self._fated: dict[str, tuple[Values, Values]] = {}
        #: parted for good: one side is gone, the other stays
        self._parted: set[str] = set()

    @staticmethod
    def on() -> Stage:
        """Where it is played."""
        return stage()

    def run(self) -> None:
        """Play it, and compare."""
        chance, at = self._chance, self._stage
        self._automate()
        for _ in range(PEOPLE):
            self._new()
        for _ in range(ROUNDS):
            at.clock.advance((PAUSE + timedelta(minutes=1)).total_seconds())
            self._round()
            if chance.random() < 0.2:
                self.tally["cycle missed"] += 1
                continue
            self._cycle(disturbed=True)
        if self._hidden is not None:
            self._hide_or_show()
        writes: list[int] = []
        # an automation that was woken by another field edits like a person, and the other side's may answer that
        for _ in range(max(LAST) if self._loose else LAST[self._automations]):
            at.clock.advance((PAUSE + timedelta(minutes=5)).total_seconds())
            before = self._written()
            self._cycle(disturbed=False)
            writes.append(self._written() - before)
        if any(writes[-2:]):
            self.wrong.append(f"writes go on: {writes}")
        self._compare()

    # what people do

    def _round(self) -> None:
        """What happens between two cycles."""
        chance, at = self._chance, self._stage
        for _ in range(EDITS):
            at.clock.advance(chance.randint(1, 40))
            if chance.random() < 0.12:
                self._new()
            else:
                self._edit()
        self._beside()
        if chance.random() < 0.25:
            self._befall()
        # a pair that never worked is not caught up with: its records meet when they change
        if self._hides and self._marks:
            self._hide_or_show()

    def _beside(self) -> None:
        """What happens beside it, if anything else is kept in step."""

    def _foresee(self, *, disturbed: bool) -> None:
        """Note what is to become of anything else, as it was read; behind that it may be edited."""

    def _see(self) -> None:
        """Let that have happened."""

    def _automate(self) -> None:
        at = self._stage
        if self._chance.random() < 0.15:
            self.tally["automation of Salesforce"] += 1
            at.leads.automation = _upper
            self._automations = 1
            if self._chance.random() < 0.3:
                self.tally["automations of both"] += 1
                at.people.automation = _lower
                self._automations = 2

    def _new(self) -> None:
        """Somebody whom one side gets to know, or both."""
        self._addresses += 1
        name = f"human{self._addresses}"
        human = self._model.humans[name] = Human()
        self._ids[name] = {}
        where = self._chance.choice(("marketo", "salesforce", "both"))
        self.tally[{"marketo": "made by Marketo", "salesforce": "made by Salesforce"}.get(where, "met by address")] += 1
        for side in ("salesforce", "marketo"):
            if where not in {side, "both"}:
                continue
            values = {pair: self._value(pair) for pair in self._model.fields if self._chance.random() < 0.7}
            fields = {getattr(pair, side): value for pair, value in values.items()}
            fields |= {"email" if side == "marketo" else "Email": f"{name}@example.com"}
            fields |= {"lastName" if side == "marketo" else "LastName": "Lovelace"}
            table = self._table(side)
            self._stage.clock.advance(1)
            self._ids[name][side] = table.make(**fields)
            setattr(human, side, dict(fields))
            setattr(human, f"{side}_at", self._stage.clock.now())
            self.trace.append(f"{self._stage.clock.now():%H:%M:%S} {name} new in {side}: {fields}")

    def _value(self, pair: Field) -> Any:
        if pair.marketo == "email":
            self._addresses += 1
            return f"address{self._addresses}@example.com"
        return self._chance.choice(_VALUES[pair.marketo])

    def _edit(self, *, linked: bool = False) -> tuple[str, str, str] | None:
        """Somebody edits a field; gives whose, on which side, and which."""
        names = [name for name in self._plain() if not linked or self._linked(name)]
        if not names:
            return None
        name = self._chance.choice(names)
        human = self._model.humans[name]
        side = self._chance.choice(sorted(self._ids[name]))
        # whom nobody has linked yet is met by the address
        fields = [pair for pair in self._model.fields if self._linked(name) or pair.marketo != "email"]
        pair = self._chance.choice(fields)
        field, value = getattr(pair, side), self._value(pair)
        self._table(side).edit(self._ids[name][side], **{field: value})
        held: Values = getattr(human, side)
        held[field] = value
        setattr(human, f"{side}_at", self._stage.clock.now())
        self.trace.append(f"{self._stage.clock.now():%H:%M:%S} {name} {side} {field} = {value!r}")
        return name, side, field

    def _linked(self, name: str) -> bool:
        """Whether both sides know who somebody is: an edit may have come between the first meeting and its write."""
        ids = self._ids[name]
        if self._model.humans[name].agreed is None or len(ids) < 2:
            return False
        return self._stage.people.records[ids["marketo"]].get("crmId") == ids["salesforce"]

    def _plain(self) -> dict[str, Human]:
        """Humans whose values the model foretells."""
        return {name: human for name, human in self._model.humans.items() if name not in self._loose}

    def _befall(self) -> None:
        """Somebody is merged, deleted or converted."""
        at, chance = self._stage, self._chance
        names = [name for name in self._plain() if self._linked(name)]
        fate = chance.choice(FATES)
        if len(names) < 1 + fate.startswith("merged"):
            return
        first, *others = chance.sample(names, 1 + fate.startswith("merged"))
        ids = [self._ids[name] for name in (first, *others)]
        at.clock.advance(1)
        match fate:
            case "merged in Salesforce":
                at.leads.merge(*(each["salesforce"] for each in ids))
            case "merged in Marketo":
                at.people.merge(*(each["marketo"] for each in ids))
            case "deleted in Salesforce":
                at.leads.delete(ids[0].pop("salesforce"))
            case "deleted in Marketo":
                at.people.delete(ids[0].pop("marketo"))
            case _:
                ids[0]["salesforce"] = at.system.convert(ids[0]["salesforce"])
        self._loose[first] = "Contact" if fate == "converted" else "Lead"
        self._fated[first] = self._fate(fate, *(self._model.humans[name] for name in (first, *others)))
        if fate.startswith("deleted"):
            self._parted.add(first)
        for other in others:
            del self._model.humans[other], self._ids[other]
        self.tally[fate] += 1
        self.trace.append(f"{at.clock.now():%H:%M:%S} {first} {fate} {' '.join(others)}")

    def _fate(self, fate: str, human: Human, *others: Human) -> tuple[Values, Values]:
        """What both sides are to hold of somebody in the end whom nobody edits any more."""
        at = self._stage.clock.now()
        if fate == "converted":
            return self._models["Contact"].converted(human)
        if fate.startswith("merged"):
            return self._model.merged(human, others[0], fate.rpartition(" ")[2].lower(), at)
        return dict(human.marketo or {}), dict(human.salesforce or {})

    def _hide_or_show(self) -> None:
        """A field is hidden from us by a system; what is hidden is shown again."""
        at = self._stage
        if self._hidden is not None:
            at.people.described, at.leads.described = at.described
            self.tally["field shown again"] += 1
            self._hidden = None
            return
        self._hidden = self._chance.choice([pair for pair in self._model.fields if pair.marketo in HIDDEN])
        side = self._chance.choice(("marketo", "salesforce"))
        table, name = self._table(side), getattr(self._hidden, side)
        shown = {each: field for each, field in table.described.fields.items() if each != name}
        table.described = replace(table.described, fields=shown)
        self.tally["field hidden"] += 1
        self.trace.append(f"{at.clock.now():%H:%M:%S} {side} hides {name}")

    def _table(self, side: str) -> Table:
        return self._stage.people if side == "marketo" else self._stage.leads

    # a cycle

    def _cycle(self, *, disturbed: bool) -> None:
        at, chance = self._stage, self._chance
        at.clock.advance(30)
        now = at.clock.now()
        run = CycleRun(
            cycle=at.cycle.id,
            slot=f"{now:%Y%m%dT%H%M%SZ}",
            version=1,
            epoch=1,
            started_at=now,
            since=dict(self._marks),
            bootstrap=not self._marks,
            ceilings=dict.fromkeys(("marketo", "salesforce"), now),
        )
        if self._hides:
            carried = min(self._marks.values(), default=now)
            for entity in at.entities:
                run = schemas_seen(run, entity.name, entity.look(self._schemas, 1, carried))
            self._schemas = run.schemas
        self._read(run)
        self._foresee(disturbed=disturbed)
        humans = self._plain()
        wanted = {name: self._model.wanted(each, self._hidden) for name, each in humans.items()}
        before = {name: (dict(each.marketo or {}), dict(each.salesforce or {})) for name, each in humans.items()}
        late = None
        at.clock.advance(1)
        if disturbed and chance.random() < 0.15:
            late = self._edit(linked=True)
            self.tally["edit behind the read"] += late is not None
        if disturbed and chance.random() < 0.4:
            at.crash_after = at.taken + chance.randint(1, 60)
            self.tally["crash"] += 1
        for entity in at.entities:
            run = self._pieces(replace(run, through=0), entity.decide)
        for group in at.groups:
            for order in self._orders(run, group):
                # a record that an automation has changed since is another one to whoever comes next, who asks
                # again in the next cycle; the model knows no such delay
                calm = not self._automations or not order.sync.endswith((LEADS_CREATED, PEOPLE_CREATED))
                self._apply(order, in_flight=disturbed and calm and chance.random() < 0.1)
        for entity in at.entities:
            self._pieces(replace(run, through=0), entity.remember)
        self.tally["conflict"] += self._conflicts(run)
        at.crash_after = None
        self._foretell(wanted, before, late)
        self._see()

    def _orders(self, run: CycleRun, group: str) -> list[SyncOrder]:
        return [order for each in self._stage.entities for order in self._alive(partial(each.prepare, run, group))]

    def _conflicts(self, run: CycleRun) -> int:
        files = PeopleFiles(self._stage.objects, run)
        state = files.state()
        told = [line["reason"] for piece in range(state.end if state else 0) for line in files.outcomes(piece)]
        return sum(reason in {"decided", "conflict_left"} for reason in told)

    def _read(self, run: CycleRun) -> None:
        """What was changed since the last cycle, as pages of runs that only read."""
        at = self._stage
        for queue in [queue for entity in at.entities for queue in entity.queues()]:
            table = at.system.tables[queue.sync.source.object]
            stamp = "updatedAt" if table.id_field == "id" else "SystemModstamp"
            since = self._marks.get(queue.name)
            if since is not None and run.again is not None:
                since = min(since, run.again)
            rows = [
                record
                for record in table.records.values()
                if since is None or datetime.fromisoformat(record[stamp]) >= since - timedelta(minutes=1)
            ]
            if queue.side is Side.MARKETO and since is not None:
                columns = {each.column or each.to for each in queue.sync.mappings}
                told = table.logged(since - timedelta(minutes=1), columns)
                anew = told_anew(told, at.links.of_people, table.described.fields, digest)
                self.tally["known from the log"] += len(rows) - len(anew)
                rows = [record for record in rows if int(record["id"]) in anew]
            read = SyncRun(
                sync=queue.sync.id,
                slot=run.slot,
                version=1,
                source=queue.side.value,
                destination=queue.side.other.value,
                epoch=1,
                started_at=run.started_at,
                step=Step.DONE,
                reads_only=True,
                pages=1 if rows else 0,
                pulled=len(rows),
            )
            if rows:
                shown = table.described.fields
                names = [each.to for each in queue.sync.mappings if each.to in shown or each.column in shown]
                write_page(at.objects, read, 1, names, rows)
            at.runs.begin(read)
            self._marks[queue.name] = run.started_at

    def _alive[T](self, act: Callable[[], T]) -> T:
        """What a process does; one that dies is followed by another."""
        while True:
            try:
                return act()
            except Crash:
                continue

    def _pieces(self, run: CycleRun, take: Callable[[CycleRun, float], CycleRun | None]) -> CycleRun:
        while True:
            done = self._alive(partial(take, run, 600.0))
            if done is None:
                return run
            run = done

    def _apply(self, order: SyncOrder, *, in_flight: bool) -> None:
        """Make the writes of a plan; `in_flight`: the process dies once, behind its writes."""
        at = self._stage
        found = self._alive(partial(at.runs.get, order.sync, order.slot))
        assert found is not None
        run, version = found
        compiled = at.compiled[order.sync]
        table = at.system.tables[compiled.sync.destination.object]
        plan = self._alive(partial(at.runs.get, order.sync, run.plan))
        assert plan is not None
        for number in range(1, plan[0].partitions + 1):
            ends = self._ends(run, compiled, table, number)
            if in_flight:
                self.tally["crash in flight"] += 1
                ends = self._ends(run, compiled, table, number)
            self.tally["drifted"] += sum(end.reason == "drifted" for end in ends)
            self.trace += [f"    {order.sync} {end.outcome} {end.record_id} {end.reason}" for end in ends]

            def store(number: int = number, ends: Sequence[RowEnd] = ends) -> None:
                part = at.runs.take_part(run.sync, run.slot, number)
                write_results(at.objects, run, part, 0, ends)
                at.runs.save_part(replace(part, chunks=1, tellers=(part.epoch,), finished=True))

            self._alive(store)
        at.runs._runs[order.sync, order.slot] = (replace(run, step=Step.DONE), version + 1)  # its end

    def _ends(self, run: SyncRun, compiled: CompiledSync, table: Table, number: int) -> list[RowEnd]:
        at, ends = self._stage, []
        field = compiled.key_fields[0].name
        for write in self._alive(lambda: planned_writes(at.objects, at.runs, run, number)):
            row = write.row(partial(key_of, compiled))
            (value,) = write.columns.values()
            check = checked_deletion if write.does == "delete" else partial(checked, digest=digest)
            decided = check(compiled, write, row, table.found(field, [value]))
            ends.append(self._made(table, decided) if isinstance(decided, RowWrite) else decided)
        return ends

    def _made(self, table: Table, write: RowWrite) -> RowEnd:
        """What becomes of a write."""
        position = write.row.position
        if write.does == "delete":
            self._vanishes(table, write.record_id)
            table.delete(write.record_id)
            return RowEnd(position=position, outcome=RowOutcome.DELETED, record_id=write.record_id)
        if write.record_id:
            table.write(write.record_id, write.fields)
            return RowEnd(position=position, outcome=Outcome.UPDATED, record_id=write.record_id)
        record_id = table.make()
        table.write(record_id, write.fields)
        return RowEnd(position=position, outcome=Outcome.CREATED, record_id=record_id)

    def _vanishes(self, table: Table, record_id: str) -> None:
        """A record is about to be deleted by us."""

    # what must have come of it

    def _foretell(
        self,
        wanted: Mapping[str, tuple[Values, Values]],
        before: Mapping[str, tuple[Values, Values]],
        late: tuple[str, str, str] | None,
    ) -> None:
        """Let the model do the same."""
        for name, human in self._plain().items():
            to_marketo, to_salesforce = wanted[name]
            failed = late is not None and late[0] == name and late[2] in {**to_marketo, **to_salesforce}
            if failed and late is not None:
                # who sets what is there already has changed nothing
                was = before[name][late[1] == "salesforce"].get(late[2])
                failed = not same(was, getattr(human, late[1]).get(late[2]))
            drifted = late[1] if failed and late is not None else ""
            first = human.agreed is None
            for side, values in (("salesforce", to_salesforce), ("marketo", to_marketo)):
                if drifted == side:
                    continue
                held, made = getattr(human, side), getattr(human, side) is None
                if made:
                    held = {}
                    setattr(human, side, held)
                    self._found(name, side)
                held |= {field: value for field, value in values.items() if not (made and empty(value))}
                # whoever is linked takes the id, too
                if (values or made or (first and side == "marketo")) and side in self._ids[name]:
                    held |= self._table(side).automation(held)
                    setattr(human, f"{side}_at", self._stamp(name, side))
            if not drifted:
                human.agreed = self._agreed(human, (before[name], wanted[name]))

    def _agreed(self, human: Human, held: Sequence[tuple[Values, Values]]) -> dict[Field, tuple[Any, Any]]:
        """What both sides agree on: what they held, with what was written; of what is hidden nothing new."""
        (marketo, salesforce), (to_marketo, to_salesforce) = held
        found = {
            pair: ({**marketo, **to_marketo}.get(pair.marketo), {**salesforce, **to_salesforce}.get(pair.salesforce))
            for pair in self._model.fields
            if pair is not self._hidden
        }
        return {pair: each for pair, each in (human.agreed or {}).items() if pair is self._hidden} | found

    def _stamp(self, name: str, side: str) -> datetime:
        record = self._table(side).records[self._ids[name][side]]
        return datetime.fromisoformat(record["updatedAt" if side == "marketo" else "SystemModstamp"])

    def _found(self, name: str, side: str) -> None:
        """The record that the product has made of a human."""
        other, other_id = next(iter(self._ids[name].items()))
        if side == "marketo":
            found = [each["id"] for each in self._stage.people.records.values() if each.get("crmId") == other_id]
        else:
            found = [str(self._stage.people.records[other_id].get("crmId") or "")]
        if len(found) != 1 or found[0] not in self._table(side).records:
            self.wrong.append(f"{name} of {other} was made {len(found)} times in {side}")
            return
        self._ids[name][side] = found[0]

    def _compare(self) -> None:
        at = self._stage
        kinds = Counter(self._loose.get(name, "Lead") for name, ids in self._ids.items() if "salesforce" in ids)
        more = self._members()
        people = more + sum("marketo" in ids for ids in self._ids.values())
        expected = (people, kinds["Lead"], kinds["Contact"] + more)
        leads = [each for each in at.leads.records.values() if not each.get("IsConverted")]
        counts = (len(at.people.records), len(leads), len(at.contacts.records))
        if counts != expected:
            self.wrong.append(f"{expected} people, Leads and Contacts are expected, there are {counts}")
            return
        if not self._loose and len(at.links.people) != counts[0]:
            self.wrong.append(f"{counts[0]} people have {len(at.links.people)} links")
        if at.due.records:
            self.wrong.append(f"still due: {sorted(at.due.records)}")
        # what two automations make of each other is not foretold; that it ends is
        for name, human in self._plain().items() if self._automations < len(LAST) - 1 else ():
            for side, ids in self._ids[name].items():
                record = self._table(side).records[ids]
                for pair in self._model.fields:
                    field = getattr(pair, side)
                    if not same(record.get(field), getattr(human, side).get(field)):
                        expected = getattr(human, side).get(field)
                        self.wrong.append(f"{name} {side} {field}: {record.get(field)!r}, expected {expected!r}")

        for name in sorted(self._loose) if not self._automations else ():
            self._exact(name)
        for name in sorted(self._loose.keys() - self._parted) if self._automations < len(LAST) - 1 else ():
            self._agree(name)

    def _exact(self, name: str) -> None:
        """Both sides of somebody hold what the model says, or the one that is left what it held."""
        at, ids = self._stage, self._ids[name]
        records = {
            "marketo": at.people.records,
            "salesforce": at.contacts.records if self._loose[name] == "Contact" else at.leads.records,
        }
        for side, expected in zip(("marketo", "salesforce"), self._fated[name], strict=True):
            record = records[side].get(ids.get(side, ""), {})
            for pair in self._models[self._loose[name]].fields if side in ids else ():
                field = getattr(pair, side)
                if not same(record.get(field), expected.get(field)):
                    told = f"{record.get(field)!r}, expected {expected.get(field)!r}"
                    self.wrong.append(f"{name} {side} {field}: {told}")

    def _agree(self, name: str) -> None:
        """Both sides of somebody hold the same, and name each other."""
        at, ids = self._stage, self._ids[name]
        records = at.contacts.records if self._loose[name] == "Contact" else at.leads.records
        person, record = at.people.records.get(ids["marketo"]), records.get(ids["salesforce"])
        if person is None or record is None or person.get("crmId") != record["Id"]:
            self.wrong.append(f"{name} is torn apart: {person} {record}")
            return
        pairs = CONTACT_FIELDS if self._loose[name] == "Contact" else LEAD_FIELDS
        for pair in map(Field.of, pairs):
            one, other = person.get(pair.marketo), record.get(pair.salesforce)
            # what one side emptied the other may keep
            agree = same(one, other) or empty(one) or empty(other)
            if pair.direction == "both" and pair.conflict != "never" and not agree:
                self.wrong.append(f"{name} {pair.marketo}: {one!r} and {other!r}")

    def _members(self) -> int:
        """How many Contacts there are beside those that Leads became, each of them a person."""
        return 0

    def _written(self) -> int:
        return sum(len(table.written) for table in self._stage.system.tables.values())


def _upper(record: Mapping[str, Any]) -> Mapping[str, Any]:
    name = record.get("LastName")
    return {"LastName": name.upper()} if name and name != name.upper() else {}


def _lower(record: Mapping[str, Any]) -> Mapping[str, Any]:
    name = record.get("lastName")
    return {"lastName": name.lower()} if name and name != name.lower() else {}
