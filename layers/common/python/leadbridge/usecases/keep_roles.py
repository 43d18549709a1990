"""Roles of opportunities in a cycle (`cycle_ports.Entity`): who of Salesforce's Contacts has a part in which one.

Marketo knows a role by opportunity, person and name, so it needs the person of the Contact. One who is made in the same
run is looked for once that is done; of one who is nobody in Marketo the role waits. A role whose name or Contact
changed is another one to Marketo: it is made, and the one before is deleted, unless Marketo made them one by itself,
as it does with the roles of people who are merged. What is deleted is settled once all roles are written: one that
another Contact role is by then, as it took over its name or was added in its place, stays.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.belonging import yes
from leadbridge.domain.company_words import worded
from leadbridge.domain.crm_cycle import OPPORTUNITY_LINK, CrmCycle, OpportunityRoles, Persons
from leadbridge.domain.cycle_fields import BoundFields, bind_fields
from leadbridge.domain.cycle_legs import OPPORTUNITY_ROLES, ROLES_DELETED, Leg, Queue
from leadbridge.domain.cycle_link import person_of
from leadbridge.domain.cycle_opportunities import (
    CALLED,
    CONTACT_ROLE,
    FROM_OPPORTUNITIES,
    FROM_ROLES,
    IN,
    IS_PRIMARY,
    OPPORTUNITY,
    PERSON_ID,
    ROLE,
    ROLE_DESCRIBED,
    ROLE_FIELDS,
    ROLES_GONE,
    ROLES_WRITTEN,
    STAGES_WRITTEN,
    WHOSE,
    opportunity_queues,
    role_legs,
    role_queues,
    track_writes,
)
from leadbridge.domain.cycle_people import CONTACT
from leadbridge.domain.cycle_schema import Checked, Schema, as_opened, checked, kept_as
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fates import News
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Memory, Side
from leadbridge.domain.values import blank, text
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.compared_rows import changed
from leadbridge.usecases.cycle_guard import Damage, check_deletions
from leadbridge.usecases.cycle_pieces import DONE, LATE, Decided, Keeping, KeepPorts, PieceFiles, PieceState
from leadbridge.usecases.decide_people import STRIDE
from leadbridge.usecases.keep_opportunities import deletion
from leadbridge.usecases.one_way import Change, Paged, change
from leadbridge.usecases.opportunity_stages import PersonStage, StagesOfPeople
from leadbridge.usecases.pair_people import Row as Values
from leadbridge.usecases.people_files import Entry, Row
from leadbridge.usecases.vanished import Vanished

_WAITS, _FOLLOWS, _MOVED, _SHARED = "role_waits", "role_follows", "role_moved", "role_shared"
_STAGE_WAITS, _NO_PRIMARY, _TAKEN, _ON_TRACK = "stage_waits", "no_primary", "stage_taken", "on_track"
#: marks the entry of a role whose Contact was no person when it was decided about
_UNKNOWN = {PERSON_ID: LATE}
#: under which name it is remembered by what Marketo knows a role
_KEY = "key"
#: between the write of a role and the deletion of the one before, which is of the same entry
_HALF = STRIDE // 2


#: roles of people whom the same run makes; their people are looked up in one invocation, so of more, as a first run
#: has them, all are read once more by the next run, which knows the people
MOST_LATE = 30_000


class KeepRoles:
    """Keeps the roles of Marketo's opportunities as Salesforce's are."""

    name = "opportunity_roles"

    def __init__(
        self,
        cycle: CrmCycle,
        roles: OpportunityRoles,
        persons: Persons,
        ports: KeepPorts,
        *,
        most_late: int = MOST_LATE,
    ) -> None:
        """`roles` and `persons` are those of the cycle; in a run with more than `most_late` others roles wait."""
        self._most_late = most_late
        self._roles = roles
        self._id_field = persons.id_field
        self._guard = cycle.guard
        self._ports = ports
        self._keeping = _Keeping(
            self.name,
            ports,
            object_name=CONTACT_ROLE,
            queues=role_queues(cycle),
            legs=role_legs(cycle),
            of_others={STAGES_WRITTEN: (CONTACT,)},
        )
        self._stage_field = (cycle.opportunities.stage_field if cycle.opportunities else None) or ""
        self._tracks = tuple(track_writes(cycle.opportunities)) if cycle.opportunities else ()
        follows = self._stage_field or self._tracks
        self._stages = StagesOfPeople(ports.records, ports.links, self._stage_field) if follows else None
        self._vanished = Vanished(ports=ports, object_name=CONTACT_ROLE, queue=FROM_ROLES)
        # a stage is a person's, too, and changes with an Opportunity of which no role does
        others = opportunity_queues(cycle) if follows else ()
        self._paged = Paged(self._keeping, ports, [*self._keeping.queues, *others], cycle.guard)

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided."""
        return self._keeping.queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._keeping.legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by object; `before` is what was known of both schemas."""
        known = before.get(kept_as(self.name, CONTACT_ROLE))
        found = checked(self._bound(), self._described(), known, version=version, carried_to=carried_to)
        return {CONTACT_ROLE: found}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Raises:
            SyncError: A system cannot be asked now.
        """
        return self._paged(run, remaining, self._due, self._page)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        if not any(run.writes.get(leg.name) for leg in self.legs() if leg.group == group):
            return []
        files = self._keeping.files(run)
        wanted = {OPPORTUNITY_ROLES: ROLES_WRITTEN, ROLES_DELETED: ROLES_GONE}.get(group)
        state = files.pieces() if wanted else None
        if state is None or wanted is None:
            return self._keeping.prepare(run, group)
        # what is planned now stands behind what was planned before; done once more it is the same
        state.plans[wanted] = [each for each in state.plans.get(wanted, ()) if each < state.end]
        if group == OPPORTUNITY_ROLES:
            self._plan_late(run, files, state)
        else:
            self._settle_deletions(run, files, state)
        files.keep_pieces(state)
        return self._keeping.prepare(run, group)

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what was written of roles; those whose write failed become due. As `decide`."""
        return self._keeping.remember(run, remaining)

    def _bound(self) -> BoundFields:
        return bind_fields(ROLE_FIELDS, self._described(), self._keeping.legs[ROLES_WRITTEN].sync.zone)

    def _described(self) -> Mapping[Side, ObjectDescription]:
        return {Side.MARKETO: ROLE_DESCRIBED, Side.SALESFORCE: self._ports.describe(CONTACT_ROLE)}

    # decisions

    def _due(self, run: CycleRun, due: Mapping[str, DueRecord], until: datetime) -> Decided | None:
        news = self._vanished(run, self._keeping.files(run), until) if self._follows(run) else News()
        if news is None:
            return None
        rows = self._ports.records.salesforce(CONTACT_ROLE, "Id", list(due)) if due else ()
        told = self._decided(run, 0, rows, again=True)
        missing = due.keys() - {canonical(row["Id"]) for row in rows}
        self._gone(run, {*news.deleted.get(Side.SALESFORCE, ()), *missing}, told)
        self._add_stages(0, rows, told)
        return told.as_decided()

    def _page(self, run: CycleRun, piece: int, queue: Queue, rows: Sequence[Values]) -> Decided:
        if queue.name == FROM_OPPORTUNITIES:
            told = self._nothing()
            self._add_stages_of_deals(piece, list(changed(run, queue, rows)), told)
            return told.as_decided()
        told = self._decided(run, piece, rows, again=False)
        if told.late and run.writes.get(ROLES_WRITTEN, 0) + len(told.late) > self._most_late:
            raise ConfigurationError(["its people are made by this run; the next one reads the roles once more"])
        self._add_stages(piece, rows, told)
        return told.as_decided()

    # the stages of people

    def _add_stages(self, piece: int, roles: Sequence[Values], told: "_Told") -> None:
        if self._stages is not None and roles:
            contacts = {canonical(row[WHOSE]) for row in roles}
            self._plan_stages(piece, self._stages.of_contacts(contacts), told)

    def _add_stages_of_deals(self, piece: int, deals: Sequence[Values], told: "_Told") -> None:
        if self._stages is None or not deals:
            return
        found, nobodys = self._stages.of_opportunities(deals)
        self._plan_stages(piece, found, told)
        for deal in nobodys:
            left = Entry(object=OPPORTUNITY, salesforce_id=deal, marketo_id="", outcome=Outcome.SKIPPED)
            told.entries.append(replace(left, reason=_NO_PRIMARY, message=worded(_NO_PRIMARY)))

    def _plan_stages(self, piece: int, stages: Sequence[PersonStage], told: "_Told") -> None:
        for each in stages:
            position = piece * STRIDE + len(told.entries)
            entry = Entry(object=CONTACT_ROLE, salesforce_id=each.role, marketo_id=each.person)
            if not each.person:
                # the role is looked at again, and this with it
                waits = replace(entry, outcome=Outcome.FAILED, reason=_STAGE_WAITS, message=worded(_STAGE_WAITS))
                told.entries.append(waits)
                continue
            writes = {leg: _of_person(each.person, position, {}, after) for leg, after in self._track_of(each)}
            code = _ON_TRACK
            if self._stage_field and text(each.held or "").strip() != each.stage.strip():
                before, after = {self._stage_field: each.held}, {self._stage_field: each.stage}
                writes[STAGES_WRITTEN] = _of_person(each.person, position, before, after)
                code = _TAKEN
                if not blank(each.held):
                    told.damage.add(STAGES_WRITTEN, writes[STAGES_WRITTEN])
            if writes:
                for leg, planned in writes.items():
                    told.plans.setdefault(leg, []).append(planned)
                entry = replace(entry, writes=dict.fromkeys(writes, position))
                told.entries.append(replace(entry, reason=code, message=worded(code)))

    def _track_of(self, person: PersonStage) -> Iterator[tuple[str, Mapping[str, str | bool]]]:
        """What the track of a person's Opportunities writes; who is there already is left alone when it is."""
        return ((leg, membership.fields) for leg, track, membership in self._tracks if track == person.track)

    def _decided(self, run: CycleRun, piece: int, rows: Sequence[Values], *, again: bool) -> "_Told":
        told = self._nothing()
        if not rows:
            return told
        fields = as_opened(self._bound(), run.schemas.get(kept_as(self.name, CONTACT_ROLE))).fields
        meant = [_Role.of(row, self._roles.without_name) for row in rows]
        links = self._ports.links.of({*(each.id for each in meant), *(each.contact for each in meant)})
        for role in meant:
            link = links.get(role.id)
            key = self._ports.digest(role.key)
            moved = _is_moved(link, key)
            # one in another's place takes everything
            found = change(fields, role.row, link, run.started_at, self._ports.digest, again=again or moved)
            position = piece * STRIDE + len(told.entries)
            is_written = found.new or moved or bool(found.written)
            entry = Entry(
                object=CONTACT_ROLE,
                salesforce_id=role.id,
                marketo_id=link.marketo_id if link else "",
                memory={**found.memory, _KEY: Memory(key, key)},
                writes={ROLES_WRITTEN: position} if is_written else {},
                outcome="" if is_written else Outcome.UNCHANGED,
            )
            if moved:
                entry = replace(entry, reason=_MOVED, message=worded(_MOVED))
                told.moved += 1
            if is_written:
                if not found.new:
                    told.damage.add_unread(ROLES_WRITTEN, found.written, found.held)
                person = person_of(links.get(role.contact))
                after = self._after(role, found)
                if person:
                    told.plans[ROLES_WRITTEN].append(_writing(role, person, after, position))
                else:
                    late = {"position": position, "role": role.columns, "contact": role.contact, "after": after}
                    told.late.append(Row(object=CONTACT_ROLE, values=late))
                    entry = replace(entry, fields=_UNKNOWN)
                    entry = entry if moved else replace(entry, reason=_FOLLOWS, message=worded(_FOLLOWS))
            told.entries.append(entry)
        return told

    def _nothing(self) -> "_Told":
        return _Told(damage=Damage(self._ports.digest("")))

    def _after(self, role: "_Role", found: Change) -> dict[str, Any]:
        """What a role takes; a new one says of itself whether it is the primary one."""
        if not found.whole:
            return found.written
        everything = {IS_PRIMARY.marketo: yes(role.row.get(IS_PRIMARY.salesforce))}
        return {**everything, **found.written}

    def _gone(self, run: CycleRun, missing: Collection[str], told: "_Told") -> None:
        """What becomes of roles that Salesforce has no more.

        Raises:
            GuardedError: More would be deleted than the cycle's guard lets through.
        """
        if not self._follows(run):
            return
        links = self._ports.links.of(missing)
        known = [link for _, link in sorted(links.items()) if link.marketo_id]
        check_deletions(self._guard, run, self.name, len(known))
        shared = self._shared([link.marketo_id for link in known], {}) if known else frozenset()
        for link in known:
            position = len(told.entries)
            entry = Entry(object=CONTACT_ROLE, salesforce_id=link.salesforce_id, marketo_id=link.marketo_id, memory={})
            if link.marketo_id in shared:
                entry = _left_alone(entry)
            else:
                told.plans[ROLES_GONE].append(deletion(link, position))
                entry = replace(entry, writes={ROLES_GONE: position})
            told.entries.append(entry)

    def _follows(self, run: CycleRun) -> bool:
        heard = self._ports.news is not None and FROM_ROLES in run.since
        return heard and self._roles.deleted_in_salesforce != "ignore"

    def _shared(self, roles: Sequence[str], written: Mapping[str, str]) -> frozenset[str]:
        """Marketo's roles of the same opportunities that a Contact role of Salesforce says: it allows the same twice.

        `written`: by Contact role what it is in Marketo since this run wrote it; its link does not say so yet.
        """
        held = self._ports.records.keyed(ROLE, roles)
        deals = {text(row.get(OPPORTUNITY_LINK) or "").strip() for row in held}
        wanted = sorted(canonical(each) for each in deals if is_id(each))
        rows = self._ports.records.salesforce(CONTACT_ROLE, IN, wanted) if wanted else ()
        living = [canonical(row["Id"]) for row in rows]
        links = self._ports.links.of([each for each in living if each not in written])
        return frozenset({*written.values(), *(link.marketo_id for link in links.values())})

    # what can be planned only once others were written

    def _plan_late(self, run: CycleRun, files: PieceFiles, state: PieceState) -> None:
        """Plan the roles of Contacts who are people by now."""
        for piece in state.spills:
            late = [row.values for row in files.rows(LATE, 0, [piece])]
            contacts = sorted({each["contact"] for each in late})
            found = self._ports.records.people(self._id_field, contacts)
            people = {canonical(row[self._id_field]): str(row["id"]) for row in found if is_id(row[self._id_field])}
            planned = [
                _planned(each["role"], people[each["contact"]], each["after"], each["position"])
                for each in late
                if each["contact"] in people
            ]
            if planned:
                self._keeping.plan(run, state, ROLES_WRITTEN, state.end + piece, planned)

    def _settle_deletions(self, run: CycleRun, files: PieceFiles, state: PieceState) -> None:
        """Plan the deletion of roles in whose place others were made, and of all spare what a living role is by now."""
        written, gone, moved = dict[str, str](), list[str](), list[tuple[int, Entry]]()
        for piece in range(state.end):
            ends = self._keeping.ends_of(run, state, ROLES_WRITTEN, piece)
            for entry in files.entries(piece):
                gone += [entry.marketo_id] if ROLES_GONE in entry.writes else []
                end = ends.get(entry.writes.get(ROLES_WRITTEN, -1))
                if end is not None and end.outcome in DONE and end.record_id:
                    written[entry.salesforce_id] = end.record_id
                    moved += [(piece, entry)] if entry.reason == _MOVED and end.record_id != entry.marketo_id else []
        asked = sorted({*gone, *(entry.marketo_id for _, entry in moved)})
        shared = self._shared(asked, written) if asked else frozenset()
        if not shared.isdisjoint(gone):
            self._spare(run, files, shared)
        planned = dict[int, list[Planned]]()
        for piece, entry in moved:
            if entry.marketo_id not in shared:
                before = Link(salesforce_id=entry.salesforce_id, marketo_id=entry.marketo_id)
                position = entry.writes[ROLES_WRITTEN] + _HALF
                planned.setdefault(piece, []).append(deletion(before, position))
        for piece, each in planned.items():
            self._keeping.plan(run, state, ROLES_GONE, state.end + piece, each)

    def _spare(self, run: CycleRun, files: PieceFiles, shared: Collection[str]) -> None:
        """Take back deletions that are planned; a process that died between the two does both once more."""
        entries = list(files.entries(0))
        spared = [ROLES_GONE in entry.writes and entry.marketo_id in shared for entry in entries]
        files.keep_entries(
            0, [_left_alone(entry) if each else entry for entry, each in zip(entries, spared, strict=True)]
        )
        for number, writes in self._keeping.planned(run, ROLES_GONE).items():
            self._keeping.plan_again(run, ROLES_GONE, number, [each for each in writes if each.record_id not in shared])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """A role of Salesforce, by what Marketo knows it."""

    row: Values
    id: str
    opportunity: str
    contact: str
    name: str

    @classmethod
    def of(cls, row: Values, without_name: str) -> "_Role":
        """A row as it was read."""
        name = text(row.get(CALLED) or "").strip() or without_name
        deal, contact = canonical(row[IN]), canonical(row[WHOSE])
        return cls(row=row, id=canonical(row["Id"]), opportunity=deal, contact=contact, name=name)

    @property
    def key(self) -> str:
        """What makes it this role and no other."""
        return "\n".join((self.opportunity, self.contact, self.name))

    @property
    def columns(self) -> dict[str, str]:
        """The columns of Marketo's key that are known before the person is."""
        return {IN: self.opportunity, CALLED: self.name}


@dataclass(slots=True)
class _Told:
    """What was decided about some roles."""

    #: what is done to roles that Marketo has, and to stages that people have
    damage: Damage
    plans: dict[str, list[Planned]] = field(default_factory=lambda: {ROLES_WRITTEN: [], ROLES_GONE: []})
    entries: list[Entry] = field(default_factory=list)
    late: list[Row] = field(default_factory=list)
    moved: int = 0

    def as_decided(self) -> Decided:
        """The same as the plans of a piece."""
        later = {ROLES_WRITTEN: len(self.late), ROLES_GONE: self.moved}
        return Decided(plans=self.plans, entries=self.entries, later=later, late=self.late, tallies=self.damage.tallies)


class _Keeping(Keeping):
    """Plans of roles, some of which are made behind all pieces."""

    def ends_of(self, run: CycleRun, state: PieceState, leg: str, piece: int) -> Mapping[int, RowEnd]:
        """What became of the writes of a piece, those that were planned later among them."""
        return self._ends(run, state, leg, piece)

    def _told(self, run: CycleRun, entry: Entry, ends: Mapping[str, Mapping[int, RowEnd]]) -> Entry:
        position = entry.writes.get(ROLES_WRITTEN)
        if position is None:
            return super()._told(run, entry, ends)
        late, entry = entry.fields == _UNKNOWN, replace(entry, fields={})
        entry = replace(entry, reason="", message="") if entry.reason == _FOLLOWS else entry
        if late and position not in ends[ROLES_WRITTEN]:
            return replace(entry, outcome=Outcome.FAILED, reason=_WAITS, message=worded(_WAITS))
        told = super()._told(run, entry, ends)
        removed = ends[ROLES_GONE].get(position + _HALF)
        if told.outcome != Outcome.FAILED and removed is not None and removed.outcome not in DONE:
            return replace(told, outcome=Outcome.FAILED, reason=removed.reason, message=removed.message)
        return told


def _is_moved(link: Link | None, key: str) -> bool:
    """Whether Marketo knows a role by another key than `key`, the digest of today's."""
    return (
        link is not None and bool(link.marketo_id) and (_KEY not in link.memory or link.memory[_KEY].salesforce != key)
    )


def _left_alone(entry: Entry) -> Entry:
    return replace(entry, writes={}, outcome=Outcome.SKIPPED, reason=_SHARED, message=worded(_SHARED))


def _of_person(person: str, position: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Planned:
    columns = {"id": person}
    return Planned(position=position, does="update", columns=columns, record_id=person, before=before, after=after)


def _writing(role: _Role, person: str, after: Mapping[str, Any], position: int) -> Planned:
    return _planned(role.columns, person, after, position)


def _planned(columns: Mapping[str, str], person: str, after: Mapping[str, Any], position: int) -> Planned:
    key = {OPPORTUNITY_LINK: columns[IN], PERSON_ID: int(person), "role": columns[CALLED]}
    # nobody looks whether it is there: Marketo makes or changes it by its key
    return Planned(
        position=position,
        does="create",
        columns={**columns, PERSON_ID: person},
        record_id="",
        before={},
        after={**key, **after},
    )
