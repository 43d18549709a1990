"""Companies in a cycle (`cycle_ports.Entity`): what is read, what is decided, the plans, what is remembered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from leadbridge.cycle_ports import CycleRecords, DueRecord, Link
from leadbridge.domain.belonging import ACCOUNT as ACCOUNT_LINK
from leadbridge.domain.belonging import company_fields, company_of
from leadbridge.domain.company_words import worded
from leadbridge.domain.condition_values import stamped
from leadbridge.domain.crm_cycle import COMPANY_LINK, OWNER_LINK, Companies, CrmCycle, Flag, Gone
from leadbridge.domain.cycle_companies import (
    ACCOUNT,
    ACCOUNTS_UPDATED,
    COMPANIES_GONE,
    COMPANIES_WRITTEN,
    COMPANY,
    FROM_ACCOUNTS,
    USER,
    company_legs,
    company_pairs,
    company_queues,
    shown_by,
)
from leadbridge.domain.cycle_fields import BoundFields, bind_fields
from leadbridge.domain.cycle_legs import FOLLOW_UP, Leg, Queue
from leadbridge.domain.cycle_opportunities import OPPORTUNITY, opportunity_queues
from leadbridge.domain.cycle_people import CONTACT, FROM_CONTACTS, PERSON, STAMPS, people_queues
from leadbridge.domain.cycle_schema import Checked, Schema, as_opened, checked, kept_as
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.fates import News
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.partitioning import HELD, partition_of, partitions_for
from leadbridge.domain.planned import Planned
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.three_way import Merged, Side
from leadbridge.domain.values import text
from leadbridge.usecases.companies import CompanyDecisions, CompanyFields, CompanyWrite, DecideCompanies
from leadbridge.usecases.compared_rows import ComparedRows, changed
from leadbridge.usecases.cycle_guard import (
    CHANGES,
    DELETIONS,
    Damage,
    GuardedError,
    check_deletions,
    too_much,
    what,
)
from leadbridge.usecases.cycle_pieces import Decided, Keeping, KeepPorts, PieceFiles, PieceState
from leadbridge.usecases.decide_people import DUE, STRIDE
from leadbridge.usecases.owners import OwnedRecords
from leadbridge.usecases.people_files import Entry, Row
from leadbridge.usecases.plan_people import fields_left
from leadbridge.usecases.sync_files import page_key, read_page
from leadbridge.usecases.vanished import Vanished

#: rows are sorted by the Account that they are about
_BY_ACCOUNT = "by_account"
#: what is told late is asked for once more


class KeepCompanies:
    """Keeps companies in step."""

    name = "companies"

    def __init__(self, cycle: CrmCycle, companies: Companies, ports: KeepPorts) -> None:
        """`companies` are those of the cycle."""
        self.cycle = cycle
        self.companies = companies
        self.ports = ports
        self.keeping = Keeping(
            self.name, ports, object_name=ACCOUNT, queues=company_queues(cycle), legs=company_legs(cycle)
        )
        shared = [each for each in people_queues(cycle) if each.name in {FROM_CONTACTS, shown_by(cycle)}]
        shared += opportunity_queues(cycle)
        #: what is read for persons, and tells of companies, too
        self.sources = (*self.keeping.queues, *shared)

    def queues(self) -> Sequence[Queue]:
        """What is read before anything is decided; what is read of persons is looked at, too."""
        return self.keeping.queues

    def legs(self) -> Sequence[Leg]:
        """All that may be written."""
        return tuple(self.keeping.legs.values())

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Decide what was read and store it as plans; the run as it is then, or None if this is through.

        Raises:
            SyncError: A system cannot be asked now.
        """
        files = self.keeping.files(run)
        state = (files.pieces() if run.through else None) or self._begun(run)
        now = self.ports.clock.now()
        if run.through >= state.end:
            told = too_much(self.cycle.guard, run, self.name, self.keeping.legs, self.keeping.total)
            return guarded(run, what(self.name, CHANGES), told, now) if told else None
        state.back_to(run.through)
        until = self.keeping.until(remaining)
        work = _Work(self, run, files, state, until)
        try:
            while work.run.through < state.end:
                if not work.step() or self.ports.clock.now() > until:
                    break
        except GuardedError as error:
            files.keep_pieces(state)
            return guarded(work.run, what(self.name, DELETIONS), error.told, now)
        files.keep_pieces(state)
        return work.run

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """The runs of the legs of a group that have something to write, stored and ready to be started."""
        if group == FOLLOW_UP:
            self._follow_up(run)
        return self.keeping.prepare(run, group)

    def _follow_up(self, run: CycleRun) -> None:
        """Ask both systems once more about companies that are to be deleted: an Account may be back by now."""
        planned = self.keeping.planned(run, COMPANIES_GONE) if run.writes.get(COMPANIES_GONE) else {}
        keys = sorted({str(write.columns["Id"]) for writes in planned.values() for write in writes})
        if not keys or self.ports.news is None:
            return
        there = {company_of(row) for row in self.ports.records.keyed(COMPANY, keys)}
        told = self.ports.news.of_those(ACCOUNT, sorted(there))
        back = sorted(there - {*told.deleted.get(Side.SALESFORCE, ()), *told.merged.get(Side.SALESFORCE, ())})
        files, now = self.keeping.files(run), self.ports.clock.now()
        # a process that died here has left them out of the plan, perhaps
        files.keep_spared({**files.spared(), **dict.fromkeys(back, "account_back")})
        self.ports.due.add([DueRecord(side=Side.SALESFORCE, object=ACCOUNT, id=each, noted_at=now) for each in back])
        for number, writes in planned.items():
            kept = [write for write in writes if write.columns["Id"] not in back]
            if len(kept) < len(writes):
                self.keeping.plan_again(run, COMPANIES_GONE, number, kept)

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """Remember what both sides hold of companies whose writes succeeded; the others become due. As `decide`."""
        return self.keeping.remember(run, remaining)

    def _begun(self, run: CycleRun) -> PieceState:
        read = self.keeping.read(run, self.sources)
        size = sum(
            self.ports.objects.stored(page_key(each, number)).size
            for each in read.values()
            for number in range(1, each.pages + 1)
        )
        parts = partitions_for(sum(each.pulled for each in read.values()), 2 * size)
        return PieceState(pages={name: each.pages for name, each in read.items()}, parts=parts)

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """Which pairs of fields can be kept in step now, by object; `before` is what was known of both schemas."""
        known = before.get(kept_as(self.name, ACCOUNT))
        now = self.ports.clock.now()
        found = checked(self._bound(), self._described(), known, version=version, carried_to=carried_to, now=now)
        return {ACCOUNT: found}

    def _described(self) -> Mapping[Side, ObjectDescription]:
        return {Side.MARKETO: self.ports.describe(COMPANY), Side.SALESFORCE: self.ports.describe(ACCOUNT)}

    def _bound(self) -> BoundFields:
        zone = self.keeping.legs[COMPANIES_WRITTEN].sync.zone
        return bind_fields(company_pairs(self.cycle, self.companies), self._described(), zone)

    def fields(self, run: CycleRun) -> CompanyFields:
        """What of companies is kept in step, bound to what both systems describe."""
        bound = as_opened(self._bound(), run.schemas.get(kept_as(self.name, ACCOUNT)))
        shown = company_fields(self.ports.describe(COMPANY), self.ports.describe(PERSON))
        return CompanyFields(fields=bound.fields, shown=shown, aside=bound.aside)

    def vanished(self, run: CycleRun, until: datetime) -> News | None:
        """Accounts that Salesforce has no more; None if these are still looked for."""
        if not self._follows(run):
            return News()
        found = Vanished(ports=self.ports, object_name=ACCOUNT, queue=FROM_ACCOUNTS)
        return found(run, self.keeping.files(run), until)

    def _follows(self, run: CycleRun) -> bool:
        heard = self.ports.news is not None and FROM_ACCOUNTS in run.since
        return heard and self.companies.deleted_in_salesforce != "ignore"

    def gone(self, run: CycleRun, piece: int, missing: Iterable[str]) -> Decided:
        """What becomes of companies whose Accounts were deleted, or merged.

        People leave a company for another one only; Marketo deletes none that still has any, and it is tried again.

        Raises:
            GuardedError: More would be deleted than the cycle's guard lets through.
        """
        policy = self.companies.deleted_in_salesforce
        if not self._follows(run):
            return Decided(plans={}, entries=())
        links = self.ports.links.of({*missing})
        known = {each: link for each, link in sorted(links.items()) if link.marketo_id}
        if policy == "delete":
            check_deletions(self.cycle.guard, run, self.name, len(known))
        held = {company_of(row): row for row in self.ports.records.keyed(COMPANY, list(known))} if known else {}
        plans, entries = dict[str, list[Planned]](), list[Entry]()
        damage = Damage(self.ports.digest(""))
        for each, link in known.items():
            planned = dict(_removal(policy, link, held.get(each, {}), piece * STRIDE + len(entries)))
            for leg, write in planned.items():
                plans.setdefault(leg, []).append(write)
                damage.add(leg, write)
            entries.append(
                Entry(
                    object=ACCOUNT,
                    salesforce_id=each,
                    marketo_id=link.marketo_id,
                    memory={} if policy == "delete" else None,
                    writes={leg: write.position for leg, write in planned.items()},
                )
            )
        return Decided(plans=plans, entries=entries, tallies=damage.tallies)

    @property
    def removes(self) -> bool:
        """Whether sales persons of deactivated Users are deleted."""
        kept = self.cycle.sales_persons
        return kept is not None and kept.enabled and kept.deactivated == "delete"


class _Work:
    """One invocation."""

    def __init__(
        self, owner: KeepCompanies, run: CycleRun, files: PieceFiles, state: PieceState, until: datetime
    ) -> None:
        self.run = run
        self._until = until
        self._owner = owner
        self._ports = owner.ports
        self._files = files
        self._state = state
        self._read = owner.keeping.read(run, owner.sources)

    # nothing is asked of a system where there is nothing to decide

    @cached_property
    def _fields(self) -> CompanyFields:
        return self._owner.fields(self.run)

    @cached_property
    def _decide(self) -> DecideCompanies:
        ports = self._ports
        return DecideCompanies(
            self._fields,
            links=ports.links,
            records=self._records,
            digest=ports.digest,
            first=self.run.bootstrap and not self.run.planning,
            # a plan shows what both hold
            reads_both=self.run.planning,
        )

    @cached_property
    def _owned(self) -> OwnedRecords | None:
        if not self._owner.cycle.keeps("sales_persons"):
            return None
        prefix = self._ports.describe(USER).key_prefix
        return OwnedRecords(self._ports.records, user_prefix=prefix, removes=self._owner.removes)

    @property
    def _records(self) -> CycleRecords:
        return self._owned or self._ports.records

    def step(self) -> bool:
        """Take the next piece, or as many pages as are held at once; whether it is through with that."""
        piece, pages = self.run.through, self._state.first - 1
        if piece < pages:
            self._sort(piece, pages)
        elif piece == pages:
            self._take_due(piece)
        else:
            self._decide_part(piece)
        return self.run.through > piece

    # rows find their partitions

    def _sort(self, piece: int, pages: int) -> None:
        held, size, newest, at = dict[int, list[Row]](), 0, dict(self.run.newest), piece
        while at < pages and size < HELD:
            queue, number = self._page(at)
            read, columns = self._read[queue.name], self._owner.keeping.columns(queue)
            stamp = ""
            seen = set[tuple[str, ...]]()
            for values in self._counting(queue, read_page(self._ports.objects, read, number, columns)):
                stamp = max(stamp, values.get(STAMPS[queue.side], ""))
                for key, row in self._meant(queue, values, seen):
                    held.setdefault(partition_of((key,), 0, self._state.parts), []).append(row)
            size += self._ports.objects.stored(page_key(read, number)).size
            found = stamped(stamp)
            if found is not None and queue in self._owner.keeping.queues:
                newest[queue.name] = max(found, newest.get(queue.name, found))
            at += 1
        self._spill(held, piece)
        self.run = replace(self.run, through=at, newest=newest)

    def _counting(self, queue: Queue, rows: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        if queue.name in self.run.compared and queue.sync.source.object == ACCOUNT:
            return ComparedRows(self._ports.links, self._fields.fields, self._ports.digest)(self.run, queue, rows)
        return changed(self.run, queue, rows)

    def _page(self, piece: int) -> tuple[Queue, int]:
        every = [
            (queue, number)
            for queue in self._owner.sources
            for number in range(1, self._state.pages.get(queue.name, 0) + 1)
        ]
        return every[piece]

    def _meant(self, queue: Queue, values: Mapping[str, Any], seen: set[tuple[str, ...]]) -> Iterator[tuple[str, Row]]:
        """What a row tells of companies, by the Account's id; people of one company who show the same tell it once."""
        object_name = queue.sync.source.object
        if object_name == ACCOUNT:
            yield text(values["Id"]), Row(object=ACCOUNT, values=values)
            return
        wanted = (
            [ACCOUNT_LINK] if object_name in {CONTACT, OPPORTUNITY} else [COMPANY_LINK, *sorted(self._fields.shown)]
        )
        told = {name: values[name] for name in wanted if name in values}
        known = tuple(told.values())
        if told.get(wanted[0]) and known not in seen:
            seen.add(known)
            yield company_of(told) or text(told[wanted[0]]), Row(object=object_name, values=told)

    def _spill(self, held: Mapping[int, Sequence[Row]], piece: int) -> None:
        for part, rows in sorted(held.items()):
            self._files.spill(_BY_ACCOUNT, part, piece, rows)
        if held:
            self._state.spills.append(piece)

    def _take_due(self, piece: int) -> None:
        """Read the Accounts that are due, beside those that were read as changed, once it is known which are gone."""
        told = self._owner.vanished(self.run, self._until)
        if told is None:
            return
        due = self._owner.keeping.due_now(DUE)
        self._files.keep_due(due)
        held = dict[int, list[Row]]()
        missing = dict.fromkeys(each.id for each in due)
        rows = self._ports.records.salesforce(ACCOUNT, "Id", list(missing)) if due else ()
        for values in rows:
            missing.pop(text(values["Id"]), None)
            part = partition_of((text(values["Id"]),), 0, self._state.parts)
            held.setdefault(part, []).append(Row(object=ACCOUNT, values=values))
        self._spill(held, piece)
        gone = {*told.deleted.get(Side.SALESFORCE, ()), *told.merged.get(Side.SALESFORCE, ()), *missing}
        decided = self._owner.gone(self.run, piece, gone)
        run = self._owner.keeping.keep(self.run, self._state, piece, decided)
        self.run = replace(run, through=piece + 1)

    # decisions

    def _decide_part(self, piece: int) -> None:
        rows = dict[str, list[Mapping[str, Any]]]()
        for row in self._files.rows(_BY_ACCOUNT, piece - self._state.first + 1, self._state.spills):
            rows.setdefault(row.object, []).append(row.values)
        if not rows:
            run = self._owner.keeping.keep(self.run, self._state, piece, Decided(plans={}, entries=()))
            self.run = replace(run, through=piece + 1)
            return
        accounts = rows.get(ACCOUNT, [])
        decisions = self._decide(
            self._owned.owned(accounts) if self._owned else accounts,
            rows.get(PERSON, []),
            [*rows.get(CONTACT, []), *rows.get(OPPORTUNITY, [])],
            self.run.started_at,
            self._owner.companies.fan_out,
        )
        decided = self._planned(piece, decisions)
        run = self._owner.keeping.keep(self.run, self._state, piece, decided)
        self.run = replace(run, through=piece + 1, reached=run.reached + decisions.people)

    def _planned(self, piece: int, decisions: CompanyDecisions) -> Decided:
        plans = dict[str, list[Planned]]()
        entries = list[Entry]()
        damage = Damage(self._ports.digest(""))
        for write in (*decisions.writes, *decisions.in_step):
            position = piece * STRIDE + len(entries)
            planned = dict(_writes(write, position))
            for leg, each in planned.items():
                plans.setdefault(leg, []).append(each)
                if write.linked:
                    damage.add(leg, each)
            reason, message = self._told(write)
            entries.append(
                Entry(
                    object=ACCOUNT,
                    salesforce_id=write.account_id,
                    marketo_id=write.company_id,
                    memory=write.memory.memory,
                    writes=dict.fromkeys(planned, position),
                    outcome="" if planned else Outcome.UNCHANGED,
                    reason=reason,
                    message=message,
                    fields=fields_left(write.told, write.failed),
                    edited=write.edited,
                )
            )
        for left in decisions.aside:
            facts = {"people": decisions.reaches.get(left.id), "most": self._owner.companies.fan_out}
            # what is too much is looked at again, since somebody may allow it
            outcome = Outcome.FAILED if left.reason == "fan_out" else Outcome.SKIPPED
            entries.append(
                Entry(
                    object=ACCOUNT,
                    salesforce_id=left.id,
                    marketo_id="",
                    outcome=outcome,
                    reason=left.reason,
                    message=worded(left.reason, **facts),
                )
            )
        return Decided(plans=plans, entries=entries, tallies=damage.tallies)

    def _told(self, write: CompanyWrite) -> tuple[str, str]:
        """Reason and sentence of what was decided otherwise than by taking over an edit, or of the owner."""
        for word in (Merged.CONTESTED, Merged.LEFT, Merged.DECIDED):
            fields = sorted(name for name, told in write.told.items() if told is word)
            if fields:
                return word.value, worded(word.value, fields=", ".join(fields))
        if write.failed:
            return "values_unusable", worded("values_unusable", why=" ".join(sorted(write.failed.values())))
        owner = self._owned.told.get(write.account_id, "") if self._owned else ""
        return (owner, worded(owner)) if owner else ("", "")


def _writes(write: CompanyWrite, position: int) -> Iterator[tuple[str, Planned]]:
    if write.to_salesforce:
        yield (
            ACCOUNTS_UPDATED,
            Planned(
                position=position,
                does="update",
                columns={COMPANY_LINK: write.account_id},
                record_id=write.account_id,
                before=write.before[Side.SALESFORCE],
                after=write.to_salesforce,
                known=write.known,
            ),
        )
    new = not write.company_id
    if new or write.to_marketo:
        yield (
            COMPANIES_WRITTEN,
            Planned(
                position=position,
                does="create" if new else "update",
                columns={"Id": write.account_id},
                record_id=write.company_id,
                before={} if new else write.before[Side.MARKETO],
                after={COMPANY_LINK: write.account_id, **write.to_marketo} if new else write.to_marketo,
            ),
        )


def _removal(policy: Gone, link: Link, company: Mapping[str, Any], position: int) -> Iterator[tuple[str, Planned]]:
    """The writes by which a company whose Account is gone is marked, or deleted.

    Marketo keeps a sales person for good whom a deleted company names, so a company is taken from its owner before.
    """
    key = {"Id": link.salesforce_id}
    owner = company.get(OWNER_LINK)
    flag = {policy.flag: True} if isinstance(policy, Flag) else {}
    if flag or owner:
        yield (
            COMPANIES_WRITTEN,
            Planned(
                position=position,
                does="update",
                columns=key,
                record_id=link.marketo_id,
                before={} if flag else {OWNER_LINK: owner},
                after=flag or {OWNER_LINK: None},
            ),
        )
    if not flag:
        yield (
            COMPANIES_GONE,
            Planned(position=position, does="delete", columns=key, record_id=link.marketo_id, before={}, after={}),
        )
