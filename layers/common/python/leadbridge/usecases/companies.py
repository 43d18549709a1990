"""Companies of a cycle: which Account is which company of Marketo, and what each is to take over from the other.

A company is the Account whose id is its key. Marketo lists no companies and does not tell which of them changed; but
each of its people shows its values, so a company is looked at when somebody shows another value than is remembered.
Only Salesforce makes companies: those of Accounts that changed, and those that changed Contacts come into.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import CycleRecords, Link, Links
from leadbridge.domain.belonging import company_of, yes
from leadbridge.domain.crm_cycle import COMPANY_LINK
from leadbridge.domain.cycle_companies import ACCOUNT, COMPANY, PERSON_ACCOUNT
from leadbridge.domain.cycle_latency import edited
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import Digest, Found, LinkedField, merge_pair
from leadbridge.domain.linked import canonical as canonical_value
from leadbridge.domain.three_way import Merged, Side
from leadbridge.domain.values import text
from leadbridge.usecases.merge_people import edited_at
from leadbridge.usecases.pair_people import LeftAside, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyFields:
    """What of companies is kept in step: the pairs of fields, and which of Marketo's its people show."""

    fields: Sequence[LinkedField]
    #: Marketo's names
    shown: Collection[str]
    #: the names of pairs that are aside for now, of which nothing is forgotten
    aside: Collection[str] = ()
    stamps: Mapping[Side, str] = field(
        default_factory=lambda: {Side.MARKETO: "updatedAt", Side.SALESFORCE: "SystemModstamp"}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyPair:
    """An Account and its company; without one it is to be made."""

    account_id: str
    account: Row | None
    company: Row | None
    link: Link | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyWrite:
    """What is to be written of one company, and remembered once it is; without `company_id` it is to be made."""

    account_id: str
    company_id: str
    to_salesforce: Mapping[str, Any]
    to_marketo: Mapping[str, Any]
    memory: Link
    #: what Marketo's company and the Account hold in the fields that are written; of one that was not read, digests
    before: Mapping[Side, Mapping[str, Any]]
    known: Mapping[str, str]
    told: Mapping[str, Merged] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    #: by the side that is written when the other side's record was changed
    edited: Mapping[str, str] = field(default_factory=dict)
    #: the two were in step before
    linked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyDecisions:
    """What becomes of a batch of companies."""

    writes: Sequence[CompanyWrite]
    in_step: Sequence[CompanyWrite]
    aside: Sequence[LeftAside]
    #: by Account how many people an edit of its company reaches, of those that reach more than they may
    reaches: Mapping[str, int] = field(default_factory=dict)
    #: how many people the edits that are written reach in all, as Salesforce counts its Contacts
    people: int = 0


class DecideCompanies:
    """Decides about companies, a batch at a time."""

    def __init__(
        self,
        companies: CompanyFields,
        *,
        links: Links,
        records: CycleRecords,
        digest: Digest,
        first: bool = False,
        reads_both: bool = False,
    ) -> None:
        """`digest` is keyed, so that what is remembered cannot be read; `reads_both`: also where one side is enough.

        `first`: everything is read, so only companies are looked up that some person is in. One that is there without
        anybody is found by the look before it would be made.
        """
        self._first = first
        self._reads_both = reads_both
        self._companies = companies
        self._links = links
        self._records = records
        self._digest = digest

    def __call__(
        self, accounts: Sequence[Row], people: Sequence[Row], contacts: Sequence[Row], now: datetime, fan_out: int
    ) -> CompanyDecisions:
        """Decide about Accounts that changed, companies that changed people show, and those that Contacts come into.

        Raises:
            SyncError: A system cannot be asked now.
        """
        pairs, aside = self.pairs(accounts, people, contacts)
        found = [self._merged(pair, now) for pair in pairs]
        writes = [each for each in found if each.to_marketo or each.to_salesforce or not each.company_id]
        reaches, reached = self._reach(writes, fan_out)
        late = [LeftAside(id=each, reason="fan_out") for each in sorted(reaches)]
        return CompanyDecisions(
            writes=[each for each in writes if each.account_id not in reaches],
            in_step=[each for each in found if each.company_id and not (each.to_marketo or each.to_salesforce)],
            aside=[*aside, *late],
            reaches=reaches,
            people=reached,
        )

    def pairs(
        self, accounts: Sequence[Row], people: Sequence[Row], contacts: Sequence[Row]
    ) -> tuple[list[CompanyPair], list[LeftAside]]:
        """Each company once, with the sides that have to be read."""
        changed = {canonical(row["Id"]): row for row in accounts}
        seen, aside = self._seen(people)
        wanted = {company_of(row) for row in contacts} - {""}
        links = dict(self._links.of({*changed, *seen, *wanted}))
        edited = {each for each, rows in seen.items() if self._edited(rows, links.get(each))}
        new = {each for each in wanted if not _made(links.get(each))}
        asked = sorted({*changed, *edited, *new})
        sought = [each for each in asked if each in seen or each in links] if self._first else asked
        held = {company_of(row): row for row in self._records.keyed(COMPANY, sought)} if sought else {}
        unread = [each for each in asked if each not in changed and not self._whole(links.get(each), held.get(each))]
        read = self._records.salesforce(ACCOUNT, "Id", unread) if unread else ()
        rows = changed | {canonical(row["Id"]): row for row in read}
        pairs = list[CompanyPair]()
        for each in asked:
            account, company, link = rows.get(each), held.get(each), links.get(each)
            if account is None and each in unread:
                aside.append(LeftAside(id=each, reason="account_unknown"))
            elif account is not None and yes(account.get(PERSON_ACCOUNT)):
                aside.append(LeftAside(id=each, reason="person_account"))
            else:
                # a company that was deleted and is made anew remembers nothing
                known = link if company is not None and link and link.marketo_id == str(company["id"]) else None
                pairs.append(CompanyPair(account_id=each, account=account, company=company, link=known))
        return pairs, aside

    def _seen(self, people: Sequence[Row]) -> tuple[dict[str, list[Row]], list[LeftAside]]:
        """People by the Account whose company they are in; companies of other makers are told of once."""
        seen, strange = dict[str, list[Row]](), set[str]()
        for row in people:
            named = text(row.get(COMPANY_LINK) or "").strip()
            account = company_of({COMPANY_LINK: named})
            if account:
                seen.setdefault(account, []).append(row)
            elif named:
                strange.add(named)
        return seen, [LeftAside(id=each, reason="company_unusable") for each in sorted(strange)]

    def _edited(self, people: Sequence[Row], link: Link | None) -> bool:
        """Whether somebody shows another value than the company held at the last look."""
        if link is None:
            return True
        fields = [each for each in self._companies.fields if each.fields[Side.MARKETO].name in self._companies.shown]
        return any(self._differs(row, each, link) for row in people for each in fields)

    def _differs(self, row: Row, each: LinkedField, link: Link) -> bool:
        described, memory = each.fields[Side.MARKETO], link.memory.get(each.name)
        return memory is None or self._digest(canonical_value(row.get(described.name), described)) != memory.marketo

    def _whole(self, link: Link | None, company: Row | None) -> bool:
        """Whether the Account need not be read: all that it held is remembered, of this very company."""
        return (
            not self._reads_both
            and company is not None
            and link is not None
            and link.marketo_id == str(company["id"])
            and all(each.name in link.memory for each in self._companies.fields)
        )

    def _merged(self, pair: CompanyPair, now: datetime) -> CompanyWrite:
        rows = {Side.MARKETO: pair.company, Side.SALESFORCE: pair.account}
        found = {side: self._found(side, row) for side, row in rows.items() if row is not None}
        if pair.company is None:
            found[Side.MARKETO] = Found(values={})
        memory = pair.link.memory if pair.link else {}
        made_of = None if pair.company else Side.SALESFORCE
        merged = merge_pair(self._companies.fields, found, memory, now, self._digest, made_of=made_of)
        merged = merged.keeping(memory, self._companies.aside)
        company_id = str(pair.company["id"]) if pair.company else ""
        # only Salesforce makes companies, so a new one has nothing for the Account
        to_salesforce = merged.writes[Side.SALESFORCE] if pair.company else {}
        return CompanyWrite(
            account_id=pair.account_id,
            company_id=company_id,
            to_salesforce=to_salesforce,
            to_marketo=merged.writes[Side.MARKETO],
            memory=Link(salesforce_id=pair.account_id, marketo_id=company_id, memory=merged.memory),
            before={
                Side.MARKETO: _held(pair.company, merged.writes[Side.MARKETO]),
                Side.SALESFORCE: _held(pair.account, to_salesforce),
            },
            known=self._known(pair, to_salesforce),
            told=merged.told,
            failed=merged.failed,
            edited=edited(rows, {Side.MARKETO: merged.writes[Side.MARKETO], Side.SALESFORCE: to_salesforce}),
            linked=pair.link is not None,
        )

    def _known(self, pair: CompanyPair, written: Mapping[str, Any]) -> dict[str, str]:
        """Digests of what an Account that was not read held in fields that are written."""
        if pair.account is not None or pair.link is None:
            return {}
        names = {each.fields[Side.SALESFORCE].name: each.name for each in self._companies.fields}
        return {name: pair.link.memory[names[name]].salesforce for name in written}

    def _found(self, side: Side, row: Row) -> Found:
        return Found(values=row, edited_at=edited_at(row.get(self._companies.stamps[side])))

    def _reach(self, writes: Sequence[CompanyWrite], fan_out: int) -> tuple[dict[str, int], int]:
        """The companies whose edit reaches more people than one may, with how many; and how many the others reach.

        Salesforce counts its Contacts, many companies in one call; only where these are too many they are told apart.
        """
        showing = [
            each.account_id
            for each in writes
            if each.company_id and each.to_marketo.keys() & set(self._companies.shown)
        ]
        too_far, reached, heaps = dict[str, int](), 0, [showing] if showing else []
        while heaps:
            heap = heaps.pop()
            count = self._records.count("Contact", "AccountId", heap)
            if count <= fan_out:
                reached += count
            elif len(heap) == 1:
                too_far[heap[0]] = count
            else:
                middle = len(heap) // 2
                heaps += [heap[:middle], heap[middle:]]
        return too_far, reached


def _made(link: Link | None) -> bool:
    return link is not None and bool(link.marketo_id)


def _held(row: Row | None, written: Mapping[str, Any]) -> dict[str, Any]:
    """What a record holds in fields; without it nothing, without the row nothing that is known."""
    return {name: row.get(name) for name in written} if row is not None else {}
