"""Programs and static lists in a cycle (`cycle_ports.Entity`): Campaigns, their statuses, and who is in them.

Part of a run only if somebody asks for it. Everybody who is in a program is read; who is a Lead or Contact becomes a
member of its Campaign with the status that the program's is called there. Nobody is taken out of a Campaign. What
belongs to a Campaign that the same run makes is planned once that is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.company_words import worded
from leadbridge.domain.crm_cycle import CrmCycle, MemberGroup
from leadbridge.domain.cycle_legs import CAMPAIGN_MEMBERS, CAMPAIGN_STATUSES, Leg, Queue
from leadbridge.domain.cycle_people import CONTACT, LEAD, PREFIXES
from leadbridge.domain.cycle_programs import (
    CAMPAIGN,
    IN,
    LABELLED,
    MEMBER,
    OF_LIST,
    OF_PROGRAM,
    PEOPLE,
    STATUS,
    STATUS_NAME,
    STATUSES_WRITTEN,
    WHO,
    WHOSE,
    campaign_leg,
    groups_of,
    member_leg,
    program_legs,
    program_queues,
    queue_name,
)
from leadbridge.domain.cycle_schema import Checked, Schema
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.rows import CompiledSync, Record, RowEnd, SourceRow, compile_sync, decide, mapped_values
from leadbridge.domain.sources import Inputs
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.cycle_guard import Damage
from leadbridge.usecases.cycle_pieces import LATE, Decided, Keeping, KeepPorts, PieceFiles, PieceState
from leadbridge.usecases.decide_people import STRIDE
from leadbridge.usecases.one_way import Paged
from leadbridge.usecases.pair_people import Row as Values
from leadbridge.usecases.people_files import Entry, Row
from leadbridge.usecases.program_facts import Described, Labelled, Programs, labelled, program_of

_UNMADE, _FOLLOWS, _NOBODY, _TWICE = "campaign_unmade", "campaign_follows", "nobodys_record", "member_twice"
#: marks the entry of what is planned once its Campaign is there
_UNKNOWN = {IN: LATE}
#: stands for the id of a Campaign that is still to be made, and is written nowhere
_TO_BE_MADE = canonical("701000000000000")
#: legs that are planned late, by their group
_LATE_GROUPS = frozenset({CAMPAIGN_STATUSES, CAMPAIGN_MEMBERS})


class KeepPrograms:
    """Makes Campaigns of programs and lists, and members of who is in them."""

    name = "programs"

    def __init__(self, cycle: CrmCycle, ports: KeepPorts, marketo: Programs) -> None:
        """Sends nothing."""
        self.ports = ports
        self.marketo = marketo
        self.groups = groups_of(cycle)
        self.id_field = cycle.persons.id_field if cycle.persons else ""
        #: Salesforce's field of the program's id
        self.key = (cycle.programs.campaign_key if cycle.programs else None) or ""
        self._keeping = _Keeping(
            self.name,
            ports,
            object_name=MEMBER,
            queues=program_queues(cycle),
            legs=program_legs(cycle),
            of_others={campaign_leg(name): (CAMPAIGN,) for name in self.groups},
        )
        self._paged = Paged(self._keeping, ports, self._keeping.queues, cycle.guard)

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided."""
        return self._keeping.queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self.legs_by_name.values())

    @property
    def legs_by_name(self) -> Mapping[str, Leg]:
        """The same by their names."""
        return self._keeping.legs

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """There are no pairs of fields that could be carried over later: everything is read each time."""
        del before, version, carried_to
        return {}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Raises:
            SyncError: A system cannot be asked now.
        """
        work = _Work(self, run)
        return self._paged(run, remaining, work.campaigns, work.page)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        if group in _LATE_GROUPS and any(run.writes.get(leg.name) for leg in self.legs() if leg.group == group):
            files = self._keeping.files(run)
            state = files.pieces()
            if state is not None and state.spills:
                self._plan_late(run, group, files, state)
        return self._keeping.prepare(run, group)

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Tell what became of each; nothing is remembered, as everything is read each time. As `decide`."""
        return self._keeping.remember(run, remaining)

    def _plan_late(self, run: CycleRun, group: str, files: PieceFiles, state: PieceState) -> None:
        """Plan what belongs to Campaigns that are there by now; done once more it is the same."""
        work, legs = _Work(self, run), [leg.name for leg in self.legs() if leg.group == group]
        for leg in legs:
            state.plans[leg] = [each for each in state.plans.get(leg, ()) if each < state.end]
        for piece in state.spills:
            planned = dict[str, list[Planned]]()
            for row in files.rows(LATE, 0, [piece]):
                campaign = work.campaign(row.values["group"]) if row.object in legs else ""
                if campaign:
                    write = Planned.parse(row.values["write"])
                    write = replace(
                        write,
                        columns={**write.columns, IN: campaign},
                        after={**write.after, "CampaignId": campaign},
                    )
                    planned.setdefault(row.object, []).append(write)
            for leg, writes in planned.items():
                self._keeping.plan(run, state, leg, state.end + piece, writes)
        files.keep_pieces(state)


@dataclass(slots=True)
class _Told:
    """What was decided about a piece."""

    piece: int
    #: what is done to members and Campaigns that are there; what they hold was just read
    damage: Damage = field(default_factory=lambda: Damage(""))
    plans: dict[str, list[Planned]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    late: list[Row] = field(default_factory=list)

    @property
    def position(self) -> int:
        """Of the next write."""
        return self.piece * STRIDE + len(self.entries)

    def plan(self, leg: str, write: Planned) -> None:
        """A write that is made as it is."""
        self.plans.setdefault(leg, []).append(write)
        self.damage.add(leg, write)

    def add(self, leg: str, group: str, campaign: str, entry: Entry, write: Planned) -> None:
        """A write, now or once its Campaign is there."""
        entry = replace(entry, writes={leg: write.position})
        if campaign:
            self.plan(leg, write)
        else:
            self.late.append(Row(object=leg, values={"group": group, "write": write.as_line()}))
            entry = replace(entry, fields=_UNKNOWN, reason=_FOLLOWS, message=worded(_FOLLOWS))
        self.entries.append(entry)

    def as_decided(self) -> Decided:
        """The same as the plans of a piece."""
        later = dict[str, int]()
        for row in self.late:
            later[row.object] = later.get(row.object, 0) + 1
        return Decided(plans=self.plans, entries=self.entries, later=later, late=self.late, tallies=self.damage.tallies)


class _Work:
    """One invocation."""

    def __init__(self, owner: KeepPrograms, run: CycleRun) -> None:
        self._owner = owner
        self._ports = owner.ports
        self._run = run
        self._groups: Mapping[str, MemberGroup] = owner.groups
        self._described: dict[str, Described] = {}
        self._compiled: dict[str, CompiledSync] = {}

    # Campaigns and their statuses

    def campaigns(self, run: CycleRun, due: Mapping[str, DueRecord], until: datetime) -> Decided:
        """What is made of programs and lists themselves."""
        del run, due, until
        told = _Told(piece=0)
        for name, group in self._groups.items():
            program = self._program(name)
            if group.campaign is None:
                self._campaign_of(name, program, told)
            self._statuses_of(name, program.statuses, told)
        return told.as_decided()

    def _campaign_of(self, name: str, program: Described, told: _Told) -> None:
        number, leg = program.columns["id"], campaign_leg(name)
        held = self._held.get(name)
        known = canonical(held["Id"]) if held else ""
        entry = Entry(object=CAMPAIGN, salesforce_id=known, marketo_id=number)
        write = self._decided(leg, told.position, program.columns, held)
        if isinstance(write, RowEnd):
            told.entries.append(_ended(entry, write))
        else:
            told.plan(leg, write)
            told.entries.append(replace(entry, writes={leg: write.position}))

    def _statuses_of(self, name: str, wanted: Sequence[Labelled], told: _Told) -> None:
        """Statuses that the Campaign does not have; those that nobody is in stay."""
        campaign, shown = self.campaign(name), self._ports.describe(STATUS).fields
        rows = self._ports.records.salesforce(STATUS, "CampaignId", [campaign]) if campaign else ()
        known = {text(row.get("Label")).casefold() for row in rows}
        for each in wanted:
            if each.label.casefold() in known:
                continue
            # one that Salesforce gives a new Campaign by itself is the same, whatever it says of responses
            own = {"HasResponded": each.success} if "HasResponded" in shown and (campaign or each.success) else {}
            write = Planned(
                position=told.position,
                does="create",
                columns={IN: campaign, LABELLED: each.label},
                record_id="",
                before={},
                after={"CampaignId": campaign, "Label": each.label, **own},
            )
            entry = Entry(object=STATUS, salesforce_id=campaign, marketo_id="")
            told.add(STATUSES_WRITTEN, name, campaign, entry, write)

    # members

    def page(self, run: CycleRun, piece: int, queue: Queue, rows: Sequence[Values]) -> Decided:
        """Who was read of a program or list."""
        del run
        name = next(each for each in self._groups if queue_name(each) == queue.name)
        told, group, campaign = _Told(piece=piece), self._groups[name], self.campaign(name)
        people = {canonical(value) for row in rows if is_id(value := text(row.get(self._owner.id_field)))}
        held, met = self._members(campaign, people), set[str]()
        for row in rows:
            value = text(row.get(self._owner.id_field))
            record = canonical(value) if is_id(value) else ""
            entry = Entry(
                object=MEMBER,
                salesforce_id=record,
                marketo_id=text(row.get(PEOPLE[OF_PROGRAM if group.program is not None else OF_LIST])),
            )
            kind = _kind(record)
            if not kind or record in met:
                code = _TWICE if kind else _NOBODY
                told.entries.append(replace(entry, outcome=Outcome.SKIPPED, reason=code, message=worded(code)))
                continue
            met.add(record)
            columns = {
                **row,
                IN: campaign or _TO_BE_MADE,
                WHOSE: record,
                LABELLED: labelled(group, text(row.get(STATUS_NAME))),
            }
            leg = member_leg(name, kind)
            write = self._decided(leg, told.position, columns, held.get(record))
            if isinstance(write, RowEnd):
                told.entries.append(_ended(entry, write))
            else:
                told.add(leg, name, campaign, entry, write)
        return told.as_decided()

    def _members(self, campaign: str, records: set[str]) -> dict[str, Record]:
        """The members that a Campaign has, by the ids of their records."""
        found = dict[str, Record]()
        for kind, who in WHO.items():
            wanted = sorted(each for each in records if _kind(each) == kind)
            rows = self._ports.records.salesforce(MEMBER, who, wanted) if campaign and wanted else ()
            found |= {canonical(row[who]): row for row in rows if canonical(row["CampaignId"]) == campaign}
        return found

    # both

    def campaign(self, name: str) -> str:
        """The id of a group's Campaign; empty if it is still to be made."""
        given = self._groups[name].campaign
        if given is not None:
            if canonical(given) not in self._given:
                raise ConfigurationError([f"groups.{name}.campaign: Salesforce has no Campaign {given}; correct it"])
            return canonical(given)
        held = self._held.get(name)
        return canonical(held["Id"]) if held else ""

    @cached_property
    def _given(self) -> frozenset[str]:
        """Campaigns that the document names and Salesforce has."""
        ids = sorted({canonical(each.campaign) for each in self._groups.values() if each.campaign is not None})
        return frozenset(canonical(row["Id"]) for row in self._ports.records.salesforce(CAMPAIGN, "Id", ids))

    @cached_property
    def _held(self) -> Mapping[str, Record]:
        """The Campaigns that were made of programs, by group."""
        keys = {name: self._program(name).columns["id"] for name, each in self._groups.items() if not each.campaign}
        rows = self._ports.records.salesforce(CAMPAIGN, self._owner.key, sorted({*keys.values()})) if keys else ()
        known = {text(row[self._owner.key]): row for row in rows}
        return {name: known[key] for name, key in keys.items() if key in known}

    def _program(self, name: str) -> Described:
        if name not in self._described:
            self._described[name] = program_of(self._owner.marketo, self._groups[name])
        return self._described[name]

    def _decided(self, leg: str, position: int, columns: Mapping[str, str], held: Record | None) -> Planned | RowEnd:
        """What a row's mappings make of it, beside what is there."""
        compiled = self._leg(leg)
        row = SourceRow(position=position, columns=columns)
        values = mapped_values(compiled, row, Inputs(columns=columns, at=self._run.started_at))
        if isinstance(values, RowEnd):
            return values
        found = decide(compiled, row, values, [held] if held is not None else [])
        return found if isinstance(found, RowEnd) else Planned.of(compiled, found, "")

    def _leg(self, name: str) -> CompiledSync:
        """A leg, bound to what Salesforce describes; what our user does not see is left out."""
        if name not in self._compiled:
            sync = self._owner.legs_by_name[name].sync
            described = self._ports.describe(sync.destination.object)
            shown = [each for each in sync.mappings if each.to in described.fields]
            try:
                self._compiled[name] = compile_sync(
                    sync.model_copy(update={"mappings": shown}), self._run.version, described, to_marketo=False
                )
            except KeyError as error:
                object_name = sync.destination.object
                raise ConfigurationError([f"Salesforce shows no field {error.args[0]} of {object_name}"]) from error
        return self._compiled[name]


class _Keeping(Keeping):
    """Plans of programs: what failed is tried by the next run that somebody asks for."""

    def _fails(self, entry: Entry) -> bool:
        del entry
        return False

    def _told(self, run: CycleRun, entry: Entry, ends: Mapping[str, Mapping[int, RowEnd]]) -> Entry:
        late = entry.fields == _UNKNOWN
        entry = replace(entry, fields={}, reason="", message="") if late else entry
        if late and not any(position in ends[leg] for leg, position in entry.writes.items()):
            return replace(entry, outcome=Outcome.FAILED, reason=_UNMADE, message=worded(_UNMADE))
        return super()._told(run, entry, ends)


def _ended(entry: Entry, end: RowEnd) -> Entry:
    return replace(entry, outcome=end.outcome, reason=end.reason, message=end.message)


def _kind(record: str) -> str:
    """Lead or Contact; empty for an id of anything else."""
    return next((kind for kind in (LEAD, CONTACT) if record.startswith(PREFIXES[kind])), "")
