"""Sales persons in a cycle (`cycle_ports.Entity`): what is read, what is decided, the plans, what is remembered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadbridge.domain.belonging import OWNER
from leadbridge.domain.company_words import worded
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.crm_cycle import OWNER_LINK, CrmCycle, SalesPersons
from leadbridge.domain.cycle_companies import (
    ACCOUNT,
    COMPANIES_LET_GO,
    COMPANY,
    FROM_USERS,
    PEOPLE_LET_GO,
    SALES_PERSON,
    SALES_PERSON_FIELDS,
    SALES_PERSONS_GONE,
    SALES_PERSONS_WRITTEN,
    USER,
    company_queues,
    sales_person_legs,
    sales_person_queues,
)
from leadbridge.domain.cycle_fields import BoundFields, bind_fields
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_opportunities import opportunity_queues
from leadbridge.domain.cycle_people import CONTACT, LEAD, people_queues
from leadbridge.domain.cycle_schema import Checked, Schema, as_opened, checked, kept_as
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.ids import canonical
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Side
from leadbridge.usecases.compared_rows import changed
from leadbridge.usecases.cycle_guard import (
    CHANGES,
    DELETIONS,
    Damage,
    GuardedError,
    check_deletions,
    too_much,
    what,
)
from leadbridge.usecases.cycle_pieces import Decided, Keeping, KeepPorts, PieceState
from leadbridge.usecases.decide_people import DUE, STRIDE
from leadbridge.usecases.people_files import Entry
from leadbridge.usecases.sales_people import DecideSalesPeople, Orphan, SalesPersonDecisions, user_of
from leadbridge.usecases.sync_files import read_page

#: Users are few, so all of them are decided at once: the first piece behind the records that are due
_PIECE = 1
_LET_GO = {COMPANY: COMPANIES_LET_GO}
#: whose records those are that let go
_OTHERS = {PEOPLE_LET_GO: (LEAD, CONTACT), COMPANIES_LET_GO: (ACCOUNT,)}


class KeepSalesPeople:
    """Keeps sales persons as Salesforce's Users are."""

    name = "sales_persons"

    def __init__(self, cycle: CrmCycle, sales_persons: SalesPersons, ports: KeepPorts) -> None:
        """`sales_persons` are those of the cycle."""
        self._removes = sales_persons.deactivated == "delete"
        self._guard = cycle.guard
        self._ports = ports
        self._keeping = Keeping(
            self.name,
            ports,
            object_name=USER,
            queues=sales_person_queues(cycle),
            legs=sales_person_legs(cycle),
            of_others=_OTHERS,
        )
        #: what is read of other records, whose owners may be new
        self._owned = [
            queue
            for queue in (*company_queues(cycle), *people_queues(cycle), *opportunity_queues(cycle))
            if queue.side is Side.SALESFORCE
        ]
        self._people = [queue for queue in people_queues(cycle) if queue.side is Side.MARKETO]

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided; what is read of other records is looked at, too."""
        return self._keeping.queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self._keeping.legs.values())

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by object; `before` is what was known of both schemas."""
        known = before.get(kept_as(self.name, USER))
        return {USER: checked(self._bound(), self._described(), known, version=version, carried_to=carried_to)}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Raises:
            SyncError: A system cannot be asked now.
        """
        del remaining
        now = self._ports.clock.now()
        if run.through:
            told = too_much(self._guard, run, self.name, self._keeping.legs, self._keeping.total)
            return guarded(run, what(self.name, CHANGES), told, now) if told else None
        files, state = self._keeping.files(run), PieceState()
        users, newest = self._users(run)
        due = self._keeping.due_now(DUE)
        files.keep_due(due)
        ids = [each.id for each in due]
        again = self._ports.records.salesforce(USER, "Id", ids) if ids else ()
        owners = self._owners(run)
        if users or again or self._unknown(owners):
            decisions = self._decider(run)([*users, *again], owners, run.started_at, self._named(run))
            try:
                check_deletions(self._guard, run, self.name, len(decisions.deletes))
            except GuardedError as error:
                return guarded(run, what(self.name, DELETIONS), error.told, now)
            run = self._keeping.keep(run, state, _PIECE, _planned(decisions, self._ports.digest("")))
        files.keep_pieces(state)
        return replace(run, through=state.end, newest={**run.newest, **newest})

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        return self._keeping.prepare(run, group)

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember sales persons whose writes succeeded; the others become due. As `decide`."""
        return self._keeping.remember(run, remaining)

    def _described(self) -> Mapping[Side, ObjectDescription]:
        return {Side.MARKETO: self._ports.describe(SALES_PERSON), Side.SALESFORCE: self._ports.describe(USER)}

    def _bound(self) -> BoundFields:
        zone = self._keeping.legs[SALES_PERSONS_WRITTEN].sync.zone
        return bind_fields(SALES_PERSON_FIELDS, self._described(), zone)

    def _decider(self, run: CycleRun) -> DecideSalesPeople:
        user = self._ports.describe(USER)
        # a pair of which nothing is remembered takes what Salesforce has
        return DecideSalesPeople(
            as_opened(self._bound(), run.schemas.get(kept_as(self.name, USER))).fields,
            links=self._ports.links,
            records=self._ports.records,
            digest=self._ports.digest,
            user_prefix=user.key_prefix,
            removes=self._removes,
        )

    def _users(self, run: CycleRun) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, datetime]]:
        """Users that changed, and when the newest of them was."""
        rows = [row for queue in self._keeping.queues for row in self._rows(run, queue)]
        stamp = max((row.get("SystemModstamp", "") for row in rows), default="")
        found = stamped(stamp)
        return rows, {FROM_USERS: found} if found else {}

    def _unknown(self, owned: Sequence[Mapping[str, Any]]) -> bool:
        """Whether Marketo may not know one of the owners yet."""
        owners = {canonical(row[OWNER]) for row in owned}
        links = self._ports.links.of(owners)
        return any(each not in links or not links[each].marketo_id for each in owners)

    def _owners(self, run: CycleRun) -> list[Mapping[str, Any]]:
        """Each owner of records that changed, once."""
        owners = {row.get(OWNER, "") for queue in self._owned for row in changed(run, queue, self._rows(run, queue))}
        return [{OWNER: owner} for owner in sorted(owners) if owner]

    def _named(self, run: CycleRun) -> frozenset[str] | None:
        """The Users whom Marketo's people name, where all people were read; a plan looks every User up."""
        if not run.bootstrap or run.planning or not self._people:
            return None
        return frozenset(user_of(row) for queue in self._people for row in self._rows(run, queue))

    def _rows(self, run: CycleRun, queue: Queue) -> Iterator[dict[str, str]]:
        read = self._keeping.read(run, [queue]).get(queue.name)
        if read is None or not read.pages:
            return
        columns = self._keeping.columns(queue)
        for number in range(1, read.pages + 1):
            yield from read_page(self._ports.objects, read, number, columns)


def _planned(decisions: SalesPersonDecisions, nothing: str) -> Decided:
    """The plans of what was decided; `nothing` is the digest of a blank."""
    plans, damage = dict[str, list[Planned]](), Damage(nothing)
    entries = list[Entry]()
    for write in (*decisions.writes, *decisions.in_step):
        position = _PIECE * STRIDE + len(entries)
        new = not write.marketo_id
        is_written = new or bool(write.to_marketo)
        if is_written:
            planned = Planned(
                position=position,
                does="create" if new else "update",
                columns={"Id": write.user_id},
                record_id=write.marketo_id,
                before={} if new else write.before,
                after={OWNER_LINK: write.user_id, **write.to_marketo} if new else write.to_marketo,
            )
            plans.setdefault(SALES_PERSONS_WRITTEN, []).append(planned)
            if write.given is not None:
                damage.add_unread(SALES_PERSONS_WRITTEN, write.to_marketo, write.given)
        entries.append(
            Entry(
                object=USER,
                salesforce_id=write.user_id,
                marketo_id=write.marketo_id,
                memory=write.memory.memory,
                writes={SALES_PERSONS_WRITTEN: position} if is_written else {},
                outcome="" if is_written else Outcome.UNCHANGED,
            )
        )
    for link in decisions.deletes:
        position = _PIECE * STRIDE + len(entries)
        planned = Planned(
            position=position,
            does="delete",
            columns={"Id": link.salesforce_id},
            record_id=link.marketo_id,
            before={},
            after={},
        )
        plans.setdefault(SALES_PERSONS_GONE, []).append(planned)
        entries.append(
            Entry(
                object=USER,
                salesforce_id=link.salesforce_id,
                marketo_id=link.marketo_id,
                memory={},
                writes={SALES_PERSONS_GONE: position},
            )
        )
    for orphan in decisions.orphans:
        position = _PIECE * STRIDE + len(entries)
        leg = _LET_GO.get(orphan.object, PEOPLE_LET_GO)
        letting_go = _letting_go(orphan, position)
        plans.setdefault(leg, []).append(letting_go)
        damage.add(leg, letting_go)
        entries.append(
            Entry(
                object=orphan.object,
                salesforce_id=orphan.salesforce_id,
                marketo_id=orphan.marketo_id,
                writes={leg: position},
            )
        )
    for left in decisions.aside:
        entries.append(
            Entry(
                object=USER,
                salesforce_id=left.id,
                marketo_id="",
                outcome=Outcome.SKIPPED,
                reason=left.reason,
                message=worded(left.reason),
            )
        )
    return Decided(plans=plans, entries=entries, tallies=damage.tallies)


def _letting_go(orphan: Orphan, position: int) -> Planned:
    """The write by which a person or company names its sales person no more."""
    return Planned(
        position=position,
        does="update",
        columns={"Id": orphan.salesforce_id} if orphan.object == COMPANY else {"id": orphan.marketo_id},
        record_id=orphan.marketo_id,
        before={OWNER_LINK: orphan.sales_person},
        after={OWNER_LINK: None},
    )
