"""Persons in a cycle (`cycle_ports.Entity`): what is read and decided, each group's plans, what is remembered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.crm_cycle import CrmCycle, Persons
from leadbridge.domain.cycle_latency import measured
from leadbridge.domain.cycle_legs import FOLLOW_UP, PEOPLE, PEOPLE_DELETED, Leg, Queue
from leadbridge.domain.cycle_people import (
    CREATED,
    PEOPLE_CREATED,
    PEOPLE_REMOVED,
    PEOPLE_UPDATED,
    PERSON,
    QUEUES,
    people_legs,
    people_queues,
)
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycle_words import worded
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.evolving import replace
from leadbridge.domain.ids import canonical
from leadbridge.domain.outcome import WRITTEN, Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side
from leadbridge.domain.watermarks import LAG
from leadbridge.usecases.cycle_guard import CHANGES, DELETIONS, GuardedError, linked_people, too_much, what
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.decide_people import KIND, LEFT_SECONDS, STRIDE, DecidePeople, PeoplePorts
from leadbridge.usecases.fate_files import FateFiles
from leadbridge.usecases.follow_fates import FollowFates
from leadbridge.usecases.foreseen_links import ForeseenLinks
from leadbridge.usecases.pair_people import PERSON_MISSING
from leadbridge.usecases.people_files import Entry, PeopleFiles, State, written_edits
from leadbridge.usecases.plan_people import linking

#: how long a record waits that failed, which doubles each time
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(days=1)
#: a record that had changed is looked at again at once
_DRIFTED = "drifted"


class KeepPeople:
    """Keeps persons in step."""

    name = KIND

    def __init__(self, cycle: CrmCycle, persons: Persons, ports: PeoplePorts) -> None:
        """`persons` are those of the cycle."""
        self._cycle = cycle
        self._persons = persons
        self._ports = ports
        self._queues = tuple(people_queues(cycle))
        self._legs = {leg.name: leg for leg in people_legs(cycle)}
        self._plans = CyclePlans(runs=ports.runs, objects=ports.objects, clock=ports.clock)
        self._fates = FollowFates(
            links=ports.links,
            records=ports.records,
            news=ports.news,
            changes=ports.changes,
            due=ports.due,
            objects=ports.objects,
            described=self._described,
            digest=ports.digest,
            clock=ports.clock,
        )
        self._decide = DecidePeople(cycle, persons, ports, queues=self._queues, legs=self._legs)

    def _described(self, name: str) -> ObjectDescription:
        schema = self._ports.schema()
        return schema.people if name == PERSON else schema.records[name]

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided."""
        return self._queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by object; `before` is what was known of both schemas."""
        return self._decide.look(before, version, carried_to)

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through."""
        now = self._ports.clock.now()
        if PEOPLE_REMOVED in run.writes or run.bootstrap:
            decided = self._planner(run)(run, remaining) if run.planning else self._decide(run, remaining)
            told = "" if decided else too_much(self._cycle.guard, run, self.name, self._legs, self._linked)
            return guarded(run, what(self.name, CHANGES), told, now) if told else decided
        # who is who comes before what they hold
        since = {kind: run.since[queue] for kind, queue in QUEUES.items() if queue in run.since}
        try:
            removed = self._fates.begin(self._cycle, run, since, remaining)
        except GuardedError as error:
            return guarded(run, what(self.name, DELETIONS), error.told, now)
        return run if removed is None else replace(run, writes={**run.writes, PEOPLE_REMOVED: removed})

    def _planner(self, run: CycleRun) -> DecidePeople:
        """Decides as if merges and conversions had been followed, which a plan does not do."""
        plan = FateFiles(self._ports.objects, run).plan() or ()
        ports = replace(self._ports, links=ForeseenLinks(self._ports.links, plan))
        return DecidePeople(self._cycle, self._persons, ports, queues=self._queues, legs=self._legs)

    def _linked(self, leg: str, most: int | None) -> int:
        return linked_people(self._ports.links, leg, most)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        if group == FOLLOW_UP:
            self._fates.follow_up(self._cycle, run)
        if group == PEOPLE_DELETED:
            self._fates.finish(run)
        legs = [leg for leg in self._legs.values() if leg.group == group]
        links = group == PEOPLE and any(run.writes.get(name) for name in CREATED.values())
        files = PeopleFiles(self._ports.objects, run)
        state = files.state() if links or any(run.writes.get(leg.name) for leg in legs) else None
        if state is None:
            return []
        if group == PEOPLE:
            self._plan_links(run, files, state)
        orders = (self._plans.begin(run, leg, len(state.plans[leg.name])) for leg in legs if state.plans.get(leg.name))
        return [order for order in orders if order is not None]

    def _plan_links(self, run: CycleRun, files: PeopleFiles, state: State) -> None:
        """Plan that people take the ids of the records that were made of them."""
        state.back_to(state.end)
        for piece in sorted({piece for name in CREATED.values() for piece in state.plans.get(name, ())}):
            made = {name: self._ends(run, state, name, piece) for name in CREATED.values()}
            planned = list(self._links_of(files, piece, made))
            if planned:
                known = state.plans.setdefault(PEOPLE_UPDATED, [])
                known.append(_link_piece(state, piece))
                self._plans.store(run, self._legs[PEOPLE_UPDATED], len(known), planned)
        files.keep_state(state)

    def _links_of(self, files: PeopleFiles, piece: int, made: Mapping[str, Mapping[int, RowEnd]]) -> Iterator[Planned]:
        for entry in files.entries(piece):
            end = _made(entry, made)
            if end is not None and end.outcome in WRITTEN and end.record_id:
                kept = {self._persons.id_field: end.record_id}
                if self._persons.type_field and not entry.typed:
                    kept[self._persons.type_field] = entry.object
                yield linking(end.position + STRIDE // 2, entry.marketo_id, self._persons.id_field, kept)

    def _ends(self, run: CycleRun, state: State, leg: str, piece: int) -> Mapping[int, RowEnd]:
        pieces = state.plans.get(leg, [])
        if piece not in pieces:
            return {}
        return self._plans.ends(run, self._legs[leg], pieces.index(piece) + 1)

    # what became of it

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what both sides hold of records whose writes succeeded; the others become due. As `decide`."""
        files = PeopleFiles(self._ports.objects, run)
        state = files.state()
        first = state.sorted_at if state else 0
        if state is None or first + run.through > state.end:
            return None
        until = self._ports.clock.now() + timedelta(seconds=remaining - LEFT_SECONDS)
        due = files.due()
        tries = {(each.object, each.id): each.tries + 1 for each in due}
        through, latencies = run.through, run.latencies
        while first + through < state.end:
            edits = self._remember_piece(run, files, state, first + through, tries)
            if not run.bootstrap:
                latencies = measured(latencies, edits, self._ports.clock.now())
            through += 1
            if self._ports.clock.now() > until:
                return replace(run, through=through, latencies=latencies)
        # only those that were not noted again
        self._ports.due.done(due)
        return replace(run, through=through + 1, latencies=latencies)

    def _remember_piece(
        self, run: CycleRun, files: PeopleFiles, state: State, piece: int, tries: Mapping[tuple[str, str], int]
    ) -> Iterable[Mapping[str, str]]:
        """Remember a piece; gives when those records were edited that are written."""
        ends = {name: self._ends(run, state, name, piece) for name in self._legs}
        # new Leads are linked by a piece of its own
        ends[PEOPLE_UPDATED] = {
            **ends[PEOPLE_UPDATED],
            **self._ends(run, state, PEOPLE_UPDATED, _link_piece(state, piece)),
        }
        told = self._met([self._told(run, entry, ends) for entry in files.entries(piece)], ends[PEOPLE_UPDATED])
        kept = (entry for entry in told if entry.memory is not None)
        self._ports.links.keep(
            [
                Link(salesforce_id=each.salesforce_id, marketo_id=each.marketo_id, memory=each.memory or {})
                for each in kept
            ]
        )
        now = self._ports.clock.now()
        self._ports.due.add([due_again(entry, now, tries) for entry in told if entry.outcome == Outcome.FAILED])
        files.keep_outcomes(piece, told)
        return written_edits(told)

    def _met(self, told: Sequence[Entry], ends: Mapping[int, RowEnd]) -> list[Entry]:
        """The same; of people who had changed before they took the key it is asked whether they have it.

        A write whose answer was lost, and that an automation has answered, is found drifted, too.
        """
        records = [entry.salesforce_id for entry in told if _drifted(entry, ends)]
        named = dict[str, str]()
        for row in self._ports.records.people(self._persons.id_field, records) if records else ():
            named[str(row["id"])] = canonical(str(row[self._persons.id_field]))
        return [
            replace(entry, memory={})
            if named.get(entry.marketo_id) == entry.salesforce_id and _drifted(entry, ends)
            else entry
            for entry in told
        ]

    def _told(self, run: CycleRun, entry: Entry, ends: Mapping[str, Mapping[int, RowEnd]]) -> Entry:
        """A person with what became of the writes, and with the id that a new record has."""
        if not entry.writes:
            return entry
        found = {name: ends[name].get(position) for name, position in entry.writes.items()}
        if position := next((entry.writes[name] for name in CREATED.values() if name in entry.writes), 0):
            # without its own id in Marketo a new Lead is nobody's
            found["link"] = ends[PEOPLE_UPDATED].get(position + STRIDE // 2)
        made = {name: end.record_id for name, end in found.items() if end is not None and end.outcome in WRITTEN}
        entry = replace(
            entry,
            salesforce_id=entry.salesforce_id or next((made[name] for name in CREATED.values() if name in made), ""),
            marketo_id=entry.marketo_id or made.get(PEOPLE_CREATED, ""),
        )
        for name, end in found.items():
            if end is not None and end.outcome not in WRITTEN:
                return _failed(entry, made.keys(), end.reason, end.message)
            if end is None:
                why = self._plans.told(run, self._legs.get(name, self._legs[PEOPLE_UPDATED]))
                return _failed(entry, made.keys(), "not_tried", worded("not_tried", why=why))
        outcomes = {end.outcome for end in found.values() if end is not None}
        outcome = next(each for each in (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED) if each in outcomes)
        return replace(entry, outcome=outcome)


def _drifted(entry: Entry, ends: Mapping[int, RowEnd]) -> bool:
    """Whether a first meeting was not remembered since Marketo's person had changed behind the read."""
    end = ends.get(entry.writes.get(PEOPLE_UPDATED, 0)) if entry.met and entry.memory is None else None
    return end is not None and end.reason == _DRIFTED


def _made(entry: Entry, made: Mapping[str, Mapping[int, RowEnd]]) -> RowEnd | None:
    """What became of the record that was to be made of a person; None if none was, or it was never tried."""
    ends = (made[name].get(entry.writes[name]) for name in CREATED.values() if name in entry.writes)
    return next(ends, None)


def _failed(entry: Entry, made: AbstractSet[str], reason: str, message: str) -> Entry:
    """A person of whom not all was written: the two agree on nothing, but who they are may be known by now.

    `made` are the legs that wrote something. Were a pair forgotten whose person names the record already, whoever
    deletes the person before the next run would be made anew; and a record that was just made would be somebody new,
    if its person has not taken its id and one of the two addresses is changed before the next run.
    """
    named = entry.met and (PEOPLE_UPDATED in made or PEOPLE_UPDATED not in entry.writes)
    known = named or not made.isdisjoint(CREATED.values())
    return replace(entry, outcome=Outcome.FAILED, reason=reason, message=message, memory={} if known else None)


def _link_piece(state: State, piece: int) -> int:
    """The piece of the links of Leads that a piece has made."""
    return state.end + piece


def due_again(entry: Entry, now: datetime, tries: Mapping[tuple[str, str], int]) -> DueRecord:
    """The note of a record that failed, whose pause doubles with each try; `tries` are by object and id."""
    side, object_name, record_id = (
        (Side.SALESFORCE, entry.object, entry.salesforce_id)
        if entry.salesforce_id
        else (Side.MARKETO, PERSON, entry.marketo_id)
    )
    tried = tries.get((object_name, record_id), 0)
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(tried, 10))
    if entry.reason == PERSON_MISSING:
        # until then the log may be late
        pause = LAG["marketo"]
    at_once = entry.reason == _DRIFTED and not tried
    return DueRecord(
        side=side,
        object=object_name,
        id=record_id,
        reason=entry.reason,
        noted_at=now,
        not_before=None if at_once else now + pause,
        tries=tried,
    )
