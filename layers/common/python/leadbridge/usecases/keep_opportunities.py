"""Opportunities in a cycle (`cycle_ports.Entity`): what is read, what is decided, the plans, what is remembered."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.belonging import yes
from leadbridge.domain.company_words import worded
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.crm_cycle import OPPORTUNITY_LINK, CrmCycle, Flag, Opportunities
from leadbridge.domain.cycle_companies import USER
from leadbridge.domain.cycle_fields import BoundFields, bind_fields
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_opportunities import (
    CALLED,
    CLOSED,
    CONTACT_ROLE,
    DEAL,
    FROM_ADDED,
    FROM_OPPORTUNITIES,
    GUID,
    IN,
    IS_CLOSED,
    IS_WON,
    OPPORTUNITIES_GONE,
    OPPORTUNITIES_WRITTEN,
    OPPORTUNITY,
    PERSON_ID,
    STAGE,
    WHOSE,
    WON,
    added_queues,
    added_role,
    kept_roles,
    opportunity_legs,
    opportunity_pairs,
    opportunity_queues,
    role_queues,
)
from leadbridge.domain.cycle_schema import Checked, Schema, as_opened, checked, kept_as
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fates import News
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.linked import LinkedField
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import text
from leadbridge.errors import PermanentError
from leadbridge.usecases.compared_rows import ComparedRows
from leadbridge.usecases.cycle_guard import Damage, check_deletions
from leadbridge.usecases.cycle_pieces import Decided, Keeping, KeepPorts
from leadbridge.usecases.decide_people import STRIDE
from leadbridge.usecases.one_way import Change, Paged, change
from leadbridge.usecases.owners import OwnedRecords
from leadbridge.usecases.pair_people import Row
from leadbridge.usecases.people_files import Entry
from leadbridge.usecases.vanished import Vanished

_FLAGS = frozenset({IS_CLOSED.marketo, IS_WON.marketo})


class KeepOpportunities:
    """Keeps Marketo's opportunities as Salesforce's are."""

    name = "opportunities"

    def __init__(self, cycle: CrmCycle, opportunities: Opportunities, ports: KeepPorts) -> None:
        """`opportunities` are those of the cycle."""
        self.cycle = cycle
        self.opportunities = opportunities
        self.ports = ports
        self._keeping = Keeping(
            self.name,
            ports,
            object_name=OPPORTUNITY,
            queues=(*opportunity_queues(cycle), *added_queues(cycle)),
            legs=opportunity_legs(cycle),
        )
        # a role that changed may be in an opportunity that did not
        self._paged = Paged(self._keeping, ports, [*self._keeping.queues, *role_queues(cycle)], cycle.guard)

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided; what is read of roles is looked at, too."""
        return self._keeping.queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._keeping.legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by object; `before` is what was known of both schemas."""
        known = before.get(kept_as(self.name, OPPORTUNITY))
        now = self.ports.clock.now()
        found = checked(self._bound(), self._described(), known, version=version, carried_to=carried_to, now=now)
        return {OPPORTUNITY: found}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Raises:
            SyncError: A system cannot be asked now.
        """
        work = _Work(self, run)
        return self._paged(run, remaining, work.due, work.page)

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        return self._keeping.prepare(run, group)

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what was written of opportunities; those whose write failed become due. As `decide`."""
        return self._keeping.remember(run, remaining)

    def follows(self, run: CycleRun) -> bool:
        """Whether anything is done about opportunities that Salesforce has no more."""
        heard = self.ports.news is not None and FROM_OPPORTUNITIES in run.since
        return heard and self.opportunities.deleted_in_salesforce != "ignore"

    def vanished(self, run: CycleRun, until: datetime) -> News | None:
        """What Salesforce has no more; None if that is still looked for."""
        if not self.follows(run):
            return News()
        found = Vanished(ports=self.ports, object_name=OPPORTUNITY, queue=FROM_OPPORTUNITIES)
        return found(run, self._keeping.files(run), until)

    def fields(self, run: CycleRun) -> tuple[LinkedField, ...]:
        """The pairs that are kept in step, bound to what both systems describe."""
        return as_opened(self._bound(), run.schemas.get(kept_as(self.name, OPPORTUNITY))).fields

    def _bound(self) -> BoundFields:
        zone = self._keeping.legs[OPPORTUNITIES_WRITTEN].sync.zone
        return bind_fields(opportunity_pairs(self.cycle, self.opportunities), self._described(), zone)

    def _described(self) -> Mapping[Side, ObjectDescription]:
        theirs = self.ports.describe(OPPORTUNITY)
        if self.hidden and self.stages_shown:
            own = {name: FieldDescription(name=name, type="boolean") for name in self.hidden}
            theirs = replace(theirs, fields={**theirs.fields, **own})
        return {Side.MARKETO: self.ports.describe(DEAL), Side.SALESFORCE: theirs}

    @property
    def hidden(self) -> list[str]:
        """What of being closed and won Salesforce hides; the stage tells it as well."""
        return [name for name in (CLOSED, WON) if name not in self.ports.describe(OPPORTUNITY).fields]

    @cached_property
    def stages_shown(self) -> bool:
        """Whether our user sees what the stages mean."""
        try:
            return {"ApiName", CLOSED, WON} <= self.ports.describe(STAGE).fields.keys()
        except PermanentError:
            return False

    @property
    def removes_owners(self) -> bool:
        """Whether sales persons of deactivated Users are deleted."""
        return self.cycle.sales_persons is not None and self.cycle.sales_persons.deactivated == "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """An Opportunity with what its stage says of it, and why that is not known."""

    row: Row
    reason: str = ""


class _Work:
    """One invocation."""

    def __init__(self, owner: KeepOpportunities, run: CycleRun) -> None:
        self._owner = owner
        self._ports = owner.ports
        self._run = run

    # nothing is asked of a system where there is nothing to decide

    @cached_property
    def _fields(self) -> tuple[LinkedField, ...]:
        return self._owner.fields(self._run)

    @cached_property
    def _owned(self) -> OwnedRecords | None:
        kept = self._owner.cycle.sales_persons
        if kept is None or not kept.enabled:
            return None
        prefix = self._ports.describe(USER).key_prefix
        return OwnedRecords(self._ports.records, user_prefix=prefix, removes=self._owner.removes_owners)

    def due(self, run: CycleRun, due: Mapping[str, DueRecord], until: datetime) -> Decided | None:
        """Opportunities that are due, and those that are gone; None if these are still looked for."""
        told = self._owner.vanished(run, until)
        if told is None:
            return None
        rows = self._ports.records.salesforce(OPPORTUNITY, "Id", list(due)) if due else ()
        found = self._decided(0, rows, again=True)
        missing = due.keys() - {canonical(row["Id"]) for row in rows}
        gone = self._gone(run, {*told.deleted.get(Side.SALESFORCE, ()), *missing}, len(found.entries))
        plans = {name: [*found.plans.get(name, ()), *gone.plans.get(name, ())] for name in self._legs}
        nothing = Tally()
        tallies = {
            name: found.tallies.get(name, nothing) + gone.tallies.get(name, nothing)
            for name in {*found.tallies, *gone.tallies}
        }
        return Decided(plans=plans, entries=[*found.entries, *gone.entries], tallies=tallies)

    def page(self, run: CycleRun, piece: int, queue: Queue, rows: Sequence[Row]) -> Decided:
        """Opportunities that changed, and those of changed roles that Marketo does not know yet."""
        if queue.name == FROM_ADDED:
            return Decided(plans={}, entries=list(self._only_in_marketo(rows)))
        if queue.name != FROM_OPPORTUNITIES:
            rows = self._of_roles(run, rows)
        elif queue.name in run.compared:
            rows = list(ComparedRows(self._ports.links, self._fields, self._ports.digest)(run, queue, rows))
        return self._decided(piece, rows, again=False)

    @property
    def _legs(self) -> list[str]:
        return [leg.name for leg in self._owner.legs()]

    def _of_roles(self, run: CycleRun, roles: Sequence[Row]) -> Sequence[Row]:
        since = run.since.get(FROM_OPPORTUNITIES)
        if since is None:
            return ()  # all of them are read
        named = {canonical(row[IN]) for row in roles}
        links = self._ports.links.of(named)
        unknown = sorted(each for each in named if each not in links or not links[each].marketo_id)
        rows = self._ports.records.salesforce(OPPORTUNITY, "Id", unknown) if unknown else ()
        # those that changed since are read
        return [row for row in rows if (stamped(row["SystemModstamp"]) or since) < since]

    def _only_in_marketo(self, added: Sequence[Row]) -> Iterator[Entry]:
        """Opportunities and roles that Marketo's log names, and Salesforce does not have; they are left alone."""
        if self._ports.added is None or not added:
            return
        held = self._ports.added([added_role(row) for row in added])
        keys = {text(each[OPPORTUNITY_LINK]) for each in (*held.deals, *held.roles)}
        ids = sorted({canonical(each) for each in keys if is_id(each)})
        there = {canonical(row["Id"]) for row in self._ports.records.salesforce(OPPORTUNITY, "Id", ids)} if ids else ()
        for each in held.deals:
            if _opportunity(each) not in there:
                yield _left(OPPORTUNITY, each)
        kept, persons = kept_roles(self._owner.cycle), self._owner.cycle.persons
        if kept is None or persons is None or not held.roles:
            return
        people = sorted({str(each[PERSON_ID]) for each in held.roles})
        contacts = {str(row["id"]): text(row[persons.id_field]) for row in self._ports.records.people("id", people)}
        rows = self._ports.records.salesforce(CONTACT_ROLE, IN, sorted(there)) if there else ()
        known = {
            (canonical(row[IN]), canonical(row[WHOSE]), text(row.get(CALLED) or "").strip() or kept.without_name)
            for row in rows
        }
        for each in held.roles:
            deal, contact = _opportunity(each), contacts.get(str(each[PERSON_ID]), "")
            # of one who is linked to no record yet nobody can tell
            is_known = deal in there and (not is_id(contact) or (deal, canonical(contact), each["role"]) in known)
            if not is_known:
                yield _left(CONTACT_ROLE, each)

    def _decided(self, piece: int, rows: Sequence[Row], *, again: bool) -> Decided:
        links = self._ports.links.of([canonical(row["Id"]) for row in rows])
        plans, entries = list[Planned](), list[Entry]()
        damage = Damage(self._ports.digest(""))
        owned = self._owned.owned(rows) if rows and self._owned else rows
        for each in self._judged(owned):
            record = canonical(each.row["Id"])
            link, now = links.get(record), self._run.started_at
            found = change(self._fields, each.row, link, now, self._ports.digest, again=again)
            written = self._with_flags(found, each)
            position = piece * STRIDE + len(entries)
            if written or found.new:
                plans.append(_writing(record, written, position))
                if not found.new:
                    damage.add_unread(OPPORTUNITIES_WRITTEN, written, found.held)
            reason, message = self._told(record, each, found)
            entries.append(
                Entry(
                    object=OPPORTUNITY,
                    salesforce_id=record,
                    marketo_id=link.marketo_id if link else "",
                    memory=found.memory,
                    writes={OPPORTUNITIES_WRITTEN: position} if written or found.new else {},
                    outcome="" if written or found.new else Outcome.UNCHANGED,
                    reason=reason,
                    message=message,
                )
            )
        return Decided(plans={OPPORTUNITIES_WRITTEN: plans}, entries=entries, tallies=damage.tallies)

    def _with_flags(self, found: Change, judged: _Judged) -> dict[str, Any]:
        """What is written, with whether it is closed and won: both together, so that none is won and open between."""
        written, row = found.written, judged.row
        bound = {each.fields[Side.MARKETO].name for each in self._fields}
        flags = {pair.marketo: yes(row.get(pair.salesforce)) for pair in (IS_CLOSED, IS_WON) if pair.marketo in bound}
        if judged.reason or not (found.whole or written.keys() & _FLAGS):
            return {name: value for name, value in written.items() if not (judged.reason and name in _FLAGS)}
        return {**written, **flags}

    def _judged(self, rows: Sequence[Row]) -> list[_Judged]:
        """Opportunities, none of which is won without being closed; what Salesforce hides of that, the stage tells."""
        hidden = self._owner.hidden if rows else []
        if not hidden:
            return [_Judged(row={**row, WON: yes(row.get(CLOSED)) and yes(row.get(WON))}) for row in rows]
        names = sorted({str(row.get("StageName") or "") for row in rows} - {""})
        shown = self._ports.records.salesforce(STAGE, "ApiName", names) if names and self._owner.stages_shown else ()
        stages = {stage["ApiName"]: stage for stage in shown}
        return [self._by_stage(row, stages.get(str(row.get("StageName") or ""))) for row in rows]

    def _by_stage(self, row: Row, stage: Row | None) -> _Judged:
        if stage is None:
            # as it is known, so that nothing of it is written
            return _Judged(row={**row, CLOSED: None, WON: None}, reason="stage_unknown")
        closed = yes(stage[CLOSED])
        return _Judged(row={**row, CLOSED: closed, WON: closed and yes(stage[WON])})

    def _told(self, record: str, judged: _Judged, found: Change) -> tuple[str, str]:
        if found.failed:
            return "values_unusable", worded("values_unusable", why=" ".join(sorted(found.failed.values())))
        reason = judged.reason or (self._owned.told.get(record, "") if self._owned else "")
        return (reason, worded(reason)) if reason else ("", "")

    def _gone(self, run: CycleRun, missing: Collection[str], first: int) -> Decided:
        """What becomes of opportunities that Salesforce has no more.

        Raises:
            GuardedError: More would be deleted than the cycle's guard lets through.
        """
        policy = self._owner.opportunities.deleted_in_salesforce
        if not self._owner.follows(run):
            return Decided(plans={}, entries=())
        links = self._ports.links.of(missing)
        known = [link for _, link in sorted(links.items()) if link.marketo_id]
        if policy == "delete":
            check_deletions(self._owner.cycle.guard, run, self._owner.name, len(known))
        leg = OPPORTUNITIES_WRITTEN if isinstance(policy, Flag) else OPPORTUNITIES_GONE
        plans, entries = list[Planned](), list[Entry]()
        damage = Damage(self._ports.digest(""))
        for link in known:
            position = first + len(entries)
            if isinstance(policy, Flag):
                flagged = {policy.flag: True}
                plans.append(_writing(link.salesforce_id, flagged, position))
                damage.add_unread(leg, flagged, {})
            else:
                plans.append(deletion(link, position))
            entries.append(_removed(link, leg, position, gone=not isinstance(policy, Flag)))
        return Decided(plans={leg: plans}, entries=entries, tallies=damage.tallies)


def _opportunity(held: Row) -> str:
    """The Salesforce id that a record of Marketo names; empty if what it names is none."""
    named = text(held[OPPORTUNITY_LINK])
    return canonical(named) if is_id(named) else ""


def _left(object_name: str, held: Row) -> Entry:
    told = worded("only_in_marketo")
    return Entry(
        object=object_name,
        salesforce_id="",
        marketo_id=str(held[GUID]),
        outcome=Outcome.SKIPPED,
        reason="only_in_marketo",
        message=told,
    )


def deletion(link: Link, position: int) -> Planned:
    """The deletion of a record of Marketo, which is looked for by Marketo's own id."""
    key = {GUID: link.marketo_id}
    return Planned(position=position, does="delete", columns=key, record_id=link.marketo_id, before={}, after={})


def _writing(record: str, written: Mapping[str, Any], position: int) -> Planned:
    after = {OPPORTUNITY_LINK: record, **written}
    # nobody looks whether it is there: Marketo makes or changes it by its key
    return Planned(position=position, does="create", columns={"Id": record}, record_id="", before={}, after=after)


def _removed(link: Link, leg: str, position: int, *, gone: bool) -> Entry:
    return Entry(
        object=OPPORTUNITY,
        salesforce_id=link.salesforce_id,
        marketo_id=link.marketo_id,
        memory={} if gone else None,
        writes={leg: position},
    )
