"""Decide about the persons that a cycle has read: who is who, and what each system is to write, stored as plans.

Rows are sorted by what links them first, and what nothing links by e-mail, so that a hundred thousand changes of each
side are decided a few thousand at a time: a record and the person that names it always meet in one partition.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from leadbridge.cycle_ports import CycleChanges, CycleNews, CycleRecords, DueRecords, Links
from leadbridge.domain import company_words, cycle_schema
from leadbridge.domain.belonging import company_fields, links_of
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.conditions import compile_conditions
from leadbridge.domain.crm_cycle import COMPANY_LINK, Creation, CrmCycle, Flag, Persons
from leadbridge.domain.cycle_fields import BoundFields, bind_fields
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_people import (
    CONTACT,
    CONTACTS_UPDATED,
    CREATED,
    EMAILS,
    IDS,
    LEAD,
    LEADS_CREATED,
    LEADS_UPDATED,
    MADE_AT,
    PEOPLE_UPDATED,
    PERSON,
    STAMPS,
    kinds,
)
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.evolving import replace as evolved
from leadbridge.domain.fates import Consequence, moved, touched
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.linked import Digest
from leadbridge.domain.partitioning import HELD, partition_of, partitions_for
from leadbridge.domain.person_types import PersonTypes
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import EMAIL, normalised, text
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Objects
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.compared_rows import ComparedRows, kept_people
from leadbridge.usecases.cycle_guard import noted
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.fate_files import FateFiles
from leadbridge.usecases.merge_people import Chosen, MergePeople, People, everybody, nobody, those
from leadbridge.usecases.owners import OwnedRecords
from leadbridge.usecases.pair_people import PERSON_MISSING, Changed, Paired, PairPeople
from leadbridge.usecases.people_files import BY_EMAIL, BY_LINK, Entry, PeopleFiles, Row, State
from leadbridge.usecases.plan_people import PlanPeople, aside
from leadbridge.usecases.sync_files import page_key, read_page

#: nothing new is begun in the last seconds of an invocation
LEFT_SECONDS = 60.0
#: due records of all kinds that a run looks at
DUE = 1_000
#: rows that nothing links which are held at once
MOST_LEFT = 30_000
#: positions of one piece; a write's position tells its piece, so that none is given twice
STRIDE = 1_000_000
#: what the document calls these records
KIND = "persons"
_UPDATED = {LEAD: LEADS_UPDATED, CONTACT: CONTACTS_UPDATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What both systems describe today: Marketo's people, and Salesforce's objects by name."""

    people: ObjectDescription
    records: Mapping[str, ObjectDescription]
    #: of a cycle of companies, and of one of sales persons
    companies: ObjectDescription | None = None
    users: ObjectDescription | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePorts:
    """What persons need from the outside."""

    runs: SyncRuns
    objects: Objects
    records: CycleRecords
    news: CycleNews
    changes: CycleChanges
    links: Links
    due: DueRecords
    #: asked for once in each process that decides
    schema: Callable[[], Schema]
    digest: Digest
    clock: Clock


class DecidePeople:
    """Decides about persons, piece by piece."""

    def __init__(  # what a cycle consists of
        self,
        cycle: CrmCycle,
        persons: Persons,
        ports: PeoplePorts,
        *,
        queues: Sequence[Queue],
        legs: Mapping[str, Leg],
    ) -> None:
        """`queues` are what was read, `legs` what may be written, by name."""
        self.cycle = cycle
        self.persons = persons
        self.ports = ports
        self.queues = queues
        self.legs = legs
        self.plans = CyclePlans(runs=ports.runs, objects=ports.objects, clock=ports.clock)
        self._bound: tuple[Schema, Mapping[str, BoundFields]] | None = None

    def __call__(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide as much as the time allows; the run as it is then, or None if all was decided before.

        Raises:
            ConfigurationError: Marketo has no field for the link, or hides it.
            SyncError: A system cannot be asked now.
        """
        files = PeopleFiles(self.ports.objects, run)
        state = self._state(run, files)
        if run.through >= state.end:
            return None
        state.back_to(run.through)
        until = self.ports.clock.now() + timedelta(seconds=remaining - LEFT_SECONDS)
        work = _Work(self, run, files, state)
        while work.run.through < state.end:
            work.step()
            if self.ports.clock.now() > until:
                break
        work.spill_left()
        files.keep_state(state)
        return work.run

    def _state(self, run: CycleRun, files: PeopleFiles) -> State:
        known = files.state() if run.through else None
        if known is not None:
            return known
        read = self.read(run)
        rows = sum(each.pulled for each in read.values())
        stored = self.ports.objects.stored
        size = sum(stored(page_key(each, number)).size for each in read.values() for number in range(1, each.pages + 1))
        return State(
            pages={name: each.pages for name, each in read.items()},
            # a row as JSON has the names of its columns, too
            parts=partitions_for(rows, 2 * size),
        )

    def read(self, run: CycleRun) -> Mapping[str, SyncRun]:
        """The runs that have read the queues, by their names."""
        found = {queue.name: self.ports.runs.get(queue.sync.id, run.slot) for queue in self.queues}
        return {name: each[0] for name, each in found.items() if each is not None}

    def bound(self, schema: Schema) -> Mapping[str, BoundFields]:
        """The pairs of fields of each kind of record, bound to what is described; once for the same description.

        Raises:
            ConfigurationError: As above.
        """
        if self._bound is None or self._bound[0] is not schema:
            self._bound = schema, self._bind(schema)
        return self._bound[1]

    def _bind(self, schema: Schema) -> Mapping[str, BoundFields]:
        name = self.persons.id_field
        if name not in schema.people.fields:
            raise ConfigurationError([f"persons.id_field: Marketo has no field {name}, or hides it; show it again"])
        return {
            object_name: bind_fields(
                [*fields.pairs, *links_of(object_name, self.cycle)],
                {Side.MARKETO: schema.people, Side.SALESFORCE: schema.records[object_name]},
                self.legs[PEOPLE_UPDATED].sync.zone,
            )
            for object_name, fields in kinds(self.persons).items()
        }

    def look(
        self, before: Mapping[str, cycle_schema.Schema], version: int, carried_to: datetime
    ) -> Mapping[str, cycle_schema.Checked]:
        """Which pairs of fields can be kept in step now, by object.

        Raises:
            ConfigurationError: As above.
        """
        schema = self.ports.schema()
        return {
            name: cycle_schema.checked(
                bound,
                {Side.MARKETO: schema.people, Side.SALESFORCE: schema.records[name]},
                before.get(cycle_schema.kept_as(KIND, name)),
                version=version,
                carried_to=carried_to,
                now=self.ports.clock.now(),
            )
            for name, bound in self.bound(schema).items()
        }

    def people(self, schema: Schema, run: CycleRun) -> People:
        """How persons are kept in step."""
        bound = {
            name: cycle_schema.as_opened(each, run.schemas.get(cycle_schema.kept_as(KIND, name)))
            for name, each in self.bound(schema).items()
        }
        type_field, deleted = self.persons.type_field, self.persons.deleted_in_salesforce
        return People(
            fields={name: each.fields for name, each in bound.items()},
            aside={name: frozenset(each.aside) for name, each in bound.items()},
            id_field=self.persons.id_field,
            type_field=type_field if type_field in schema.people.fields else None,
            types=PersonTypes(type_field, schema.records),
            revived={deleted.flag: False} if isinstance(deleted, Flag) else {},
            of_companies=company_fields(schema.companies, schema.people) if schema.companies else frozenset(),
            make_people=_chosen(self.persons.create_in_marketo, list(schema.records.values())),
            make_leads=_chosen(self.persons.create_in_salesforce, [schema.people])
            if self.legs.keys() & set(CREATED.values())
            else nobody,
        )


class _Work:
    """One invocation."""

    def __init__(self, owner: DecidePeople, run: CycleRun, files: PeopleFiles, state: State) -> None:
        self.run = run
        self._owner = owner
        self._ports = owner.ports
        self._persons = owner.persons
        self._files = files
        self._state = state
        self._read = owner.read(run)
        #: rows that nothing links, and the first piece that they came from
        self._left, self._left_since = _Held(state.parts), 0

    # nothing is asked of a system where there is nothing to decide

    @cached_property
    def _schema(self) -> Schema:
        return self._ports.schema()

    @cached_property
    def _people(self) -> People:
        return self._owner.people(self._schema, self.run)

    @cached_property
    def _pair(self) -> PairPeople:
        people = self._people
        own = [COMPANY_LINK] if people.of_companies else []
        return PairPeople(
            links=self._ports.links,
            records=self._owned or self._ports.records,
            id_field=people.id_field,
            remembered={name: [*own, *(each.name for each in fields)] for name, fields in people.fields.items()},
            prefixes={name: each.key_prefix for name, each in self._schema.records.items()},
            number_field=self._persons.marketo_id_field if LEADS_CREATED in self._owner.legs else None,
            types=people.types,
            # a plan shows what both hold
            reads_both=self.run.planning,
            makes=lambda row: people.make_people(row, self.run.started_at),
        )

    @cached_property
    def _owned(self) -> OwnedRecords | None:
        """Records with owners as Marketo is to know them, where it is to know owners."""
        kept = self._owner.cycle.sales_persons
        users = self._schema.users if kept is not None else None
        if kept is None or users is None:
            return None
        removes = kept.deactivated == "delete"
        return OwnedRecords(self._ports.records, user_prefix=users.key_prefix, removes=removes)

    @cached_property
    def _merge(self) -> MergePeople:
        return MergePeople(self._people, self._ports.digest)

    @cached_property
    def _moved(self) -> Mapping[str, str]:
        """Records that live on in others since this run, whose people were read as they named them before."""
        return moved(self._followed)

    @cached_property
    def _touched(self) -> frozenset[str]:
        """People whom this run itself has changed before anything was decided."""
        return touched(self._followed)

    @cached_property
    def _followed(self) -> Sequence[Consequence]:
        return FateFiles(self._ports.objects, self.run).plan() or ()

    @cached_property
    def _waited(self) -> frozenset[str]:
        """Records that are due as Marketo must have told by now what became of their person, if anything did."""
        return frozenset(canonical(each.id) for each in self._files.due() if each.reason == PERSON_MISSING)

    @cached_property
    def _plan(self) -> PlanPeople:
        return PlanPeople(self._people, self._persons.marketo_id_field, self._ports.digest(""))

    def step(self) -> None:
        """Take the next piece, or as many pages as are held at once."""
        state, piece = self._state, self.run.through
        if piece == state.mailed_at:
            self.spill_left()
        if piece < state.sorted_at:
            self._sort(piece)
        elif piece < state.linked_at:
            self._take_due(piece)
        elif piece < state.mailed_at:
            self._decide_linked(piece)
        else:
            self._decide_by_email(piece)

    def _go_on(self, through: int, **members: Any) -> None:
        self.run = evolved(self.run, through=through, **members)

    # rows find their partitions

    def _sort(self, piece: int) -> None:
        """Spill the rows of pages, as many as may be held."""
        held, size, newest = _Held(self._state.parts), 0, dict(self.run.newest)
        at = piece
        while at < self._state.sorted_at and size < HELD:
            queue, number = self._page(at)
            read = self._read[queue.name]
            stamp = ""
            compared = queue.side is Side.MARKETO and queue.name in self.run.compared
            columns = [*self._columns(queue), *([MADE_AT] if compared else [])]
            rows = read_page(self._ports.objects, read, number, columns)
            for values in self._counting(queue, rows):
                stamp = max(stamp, values.get(STAMPS[queue.side], ""))
                held.add(self._sorted(Row(object=queue.sync.source.object, values=values)))
            size += self._ports.objects.stored(page_key(read, number)).size
            found = stamped(stamp)
            if found is not None:
                newest[queue.name] = max(found, newest.get(queue.name, found))
            at += 1
        self._spill(held, piece)
        self._go_on(at, newest=newest)

    def _counting(self, queue: Queue, rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        if queue.name not in self.run.compared:
            return rows
        if queue.side is Side.MARKETO:
            return kept_people(self._ports.links, self.run, queue, rows)
        fields = self._people.fields[queue.sync.source.object]
        return ComparedRows(self._ports.links, fields, self._ports.digest)(self.run, queue, rows)

    def _page(self, piece: int) -> tuple[Queue, int]:
        left = piece
        for queue in self._owner.queues:
            pages = self._state.pages.get(queue.name, 0)
            if left < pages:
                return queue, left + 1
            left -= pages
        raise ConfigurationError([f"there is no page {piece}"])

    def _columns(self, queue: Queue) -> list[str]:
        source = queue.sync.source.object
        described = self._schema.people if queue.side is Side.MARKETO else self._schema.records[source]
        return [each.column for each in queue.sync.mappings if each.column and each.column in described.fields]

    def _sorted(self, row: Row) -> tuple[str, str, Row]:
        """The kind of partition of a row, the key that it goes by, and itself."""
        if row.object != PERSON:
            return BY_LINK, _id_of(row), row
        named = text(row.values.get(self._people.id_field) or "").strip()
        if named:
            record_id = canonical(named) if is_id(named) else named
            return BY_LINK, self._moved.get(record_id, record_id), row
        return BY_EMAIL, _mailed(row), row

    def _spill(self, held: "_Held", piece: int) -> None:
        for (kind, part), rows in sorted(held.rows.items()):
            self._files.spill(kind, part, piece, rows)
        for kind in sorted({kind for kind, _ in held.rows}):
            self._state.spills[kind].append(piece)

    def _take_due(self, piece: int) -> None:
        """Read the records that are due, beside those that were read as changed."""
        now = self._ports.clock.now()
        objects = {PERSON, *kinds(self._persons)}
        due = [
            each
            for each in self._ports.due.listed(DUE)
            if each.object in objects and (each.not_before is None or each.not_before <= now)
        ]
        self._files.keep_due(due)
        held, gone = _Held(self._state.parts), list[Entry]()
        for object_name in sorted({each.object for each in due}):
            ids = dict.fromkeys(each.id for each in due if each.object == object_name)
            for values in self._due_rows(object_name, list(ids)):
                row = Row(object=object_name, values=values, doubtful=True)
                held.add(self._sorted(row))
                ids.pop(_id_of(row), None)
            gone += [aside(object_name, record_id, "gone") for record_id in ids]
        self._spill(held, piece)
        self._files.keep_entries(piece, gone)
        self._go_on(piece + 1)

    def _due_rows(self, object_name: str, ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        if object_name == PERSON:
            return self._ports.records.people(IDS[Side.MARKETO], ids)
        return self._ports.records.salesforce(object_name, IDS[Side.SALESFORCE], ids)

    # decisions

    def _decide_linked(self, piece: int) -> None:
        part = piece - self._state.linked_at + 1
        changed, doubtful = self._changed(BY_LINK, part)
        if not changed.marketo and not changed.salesforce:
            self._nobody(piece)
            return
        paired, left = self._pair.by_link(changed, doubtful, self._waited)
        if not self._left.rows:
            self._left_since = piece
        for object_name, rows in ((PERSON, left.marketo), *left.salesforce.items()):
            for values in rows:
                row = Row(object=object_name, values=values)
                self._left.add((BY_EMAIL, _mailed(row), row))
        if self._left.count > MOST_LEFT:
            self.spill_left()
        self._decided(piece, paired)

    def spill_left(self) -> None:
        """Spill the rows that nothing links, of several pieces at once: each partition is a file for each spill."""
        self._spill(self._left, self._left_since)
        self._left = _Held(self._state.parts)

    def _decide_by_email(self, piece: int) -> None:
        changed, _ = self._changed(BY_EMAIL, piece - self._state.mailed_at + 1)
        if not changed.marketo and not changed.salesforce:
            self._nobody(piece)
            return
        self._decided(piece, self._pair.by_email(changed))

    def _nobody(self, piece: int) -> None:
        self._files.keep_entries(piece, ())
        self._go_on(piece + 1)

    def _changed(self, kind: str, part: int) -> tuple[Changed, frozenset[str]]:
        marketo: list[Mapping[str, Any]] = []
        salesforce: dict[str, list[Mapping[str, Any]]] = {}
        doubtful: set[str] = set()
        stamps: dict[str, str] = {}
        for row in self._files.rows(kind, part, self._state.spills[kind]):
            if row.object == PERSON:
                marketo.append(self._as_edited(row, stamps))
            else:
                salesforce.setdefault(row.object, []).append(self._as_edited(row, stamps))
            if row.doubtful and kind == BY_LINK:
                doubtful.add(self._sorted(row)[1])
        if self._owned is not None:
            salesforce = {name: self._owned.owned(rows) for name, rows in salesforce.items()}
        return Changed(marketo=marketo, salesforce=salesforce), frozenset(doubtful)

    def _as_edited(self, row: Row, stamps: dict[str, str]) -> Mapping[str, Any]:
        """A row's values, with the moment of the last edit that is not our own merge, link or opt-out.

        `stamps` are those of rows as they were read as changed; what was not has not been edited lately.
        """
        number, stamp = _id_of(row), STAMPS[Side.MARKETO if row.object == PERSON else Side.SALESFORCE]
        if not row.doubtful:
            stamps[number] = text(row.values.get(stamp) or "")
            return row.values
        return {**row.values, stamp: stamps.get(number, "")} if number in self._touched else row.values

    def _decided(self, piece: int, paired: Paired) -> None:
        """Store what becomes of the pairs of a piece."""
        decisions = self._merge(paired, self.run.started_at)
        plan = self._plan(decisions, paired, piece * STRIDE)
        counts = dict(self.run.writes)
        for name, planned in plan.writes.items():
            pieces = self._state.plans.setdefault(name, [])
            pieces.append(piece)
            self._owner.plans.store(self.run, self._owner.legs[name], len(pieces), planned)
            counts[name] = counts.get(name, 0) + len(planned)
        self._files.keep_entries(piece, map(self._with_owner, plan.entries))
        self.run = noted(self.run, plan.tallies)
        self._go_on(piece + 1, writes=counts)

    def _with_owner(self, entry: Entry) -> Entry:
        """A person with what is to be told of the owner, if nothing else is."""
        reason = self._owned.told.get(entry.salesforce_id, "") if self._owned else ""
        return (
            replace(entry, reason=reason, message=company_words.worded(reason))
            if reason and not entry.reason
            else entry
        )


class _Held:
    """Rows by their partitions."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self.count = 0
        self.rows: dict[tuple[str, int], list[Row]] = {}

    def add(self, placed: tuple[str, str, Row]) -> None:
        """Hold a row."""
        kind, key, row = placed
        self.count += 1
        self.rows.setdefault((kind, partition_of((key,), 0, self._parts)), []).append(row)


def _id_of(row: Row) -> str:
    """A row's own id."""
    if row.object == PERSON:
        return str(row.values[IDS[Side.MARKETO]])
    return canonical(str(row.values[IDS[Side.SALESFORCE]]))


def _mailed(row: Row) -> str:
    """What a row goes by that nothing links: its address, or its own id where it has none."""
    side = Side.MARKETO if row.object == PERSON else Side.SALESFORCE
    address = normalised(row.values.get(EMAILS[side]) or "")
    return address if EMAIL.fullmatch(address) else f"#{_id_of(row)}"


def _chosen(creation: Creation | str, described: Sequence[ObjectDescription]) -> Chosen:
    """Which new records are made on the other side."""
    if not isinstance(creation, Creation):
        return nobody
    if creation.conditions is None:
        return everybody
    types = {field.name: field.type for each in described for field in each.fields.values()}
    return those(compile_conditions(creation.conditions, types=types))
