"""Schedules of cycles that keep companies in step beside persons: Accounts, their Contacts, and who moves between them.

People and Leads are edited as ever. Beside them there are Accounts with Contacts, whose companies show what they hold
in every person of theirs; a company is edited through Marketo only where somebody is in it, as nobody else shows it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from leadbridge.cycle_ports import Entity
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.records import ObjectDescription
from leadbridge.usecases.cycle_pieces import KeepPorts
from leadbridge.usecases.keep_companies import KeepCompanies
from tests.builders.company_cycles import more
from tests.builders.whole_cycles import CONTACT_FIELDS, a_cycle, described, digest
from tests.fakes.systems import Record, Table
from tests.fault.simulation.cycle_model import Field, Human, Model, Values, empty, same
from tests.fault.simulation.cycles import CycleSchedule, Stage

#: who wins, who wins, and who has a value; what is emptied empties the other side's
COMPANY_FIELDS: Sequence[Mapping[str, Any]] = (
    {"marketo": "company", "salesforce": "Name"},
    {"marketo": "industry", "salesforce": "Industry", "conflict": "marketo"},
    {"marketo": "mainPhone", "salesforce": "Phone", "conflict": "non_empty", "blank": "clear"},
)
#: what happens beside persons between two cycles, and Accounts that there are at first
BESIDE, ACCOUNTS = 3, 2
#: in so many disturbed cycles an Account is edited behind the read
LATE = 0.4
FAULTS = (
    "account made",
    "account edited",
    "account edited behind the read",
    "account drifted",
    "company edited",
    "accounts merged",
    "account deleted",
    "contact made",
    "contact moved",
    "contact edited",
    "person in a company edited",
)
_KEY = "externalCompanyId"
_SHOWN = tuple(pair["marketo"] for pair in COMPANY_FIELDS)
_VALUES: Mapping[str, Sequence[Any]] = {
    "company": ("Acme", "Umbrella", "Initech", "Hooli"),
    "industry": ("Tools", "Food", "Films"),
    "mainPhone": ("1", "2", None),
    "lastName": ("Byron", "Noel", "King"),
    "title": ("CEO", "CFO", None),
}
_TEXT, _WHEN = "string", "datetime"


class CompanyStage(Stage):
    """The same with Accounts and companies."""

    def built(self) -> CrmCycle:
        """A cycle of persons and companies, which deletes those whose Accounts are gone."""
        own = {_KEY: _TEXT, **dict.fromkeys(_SHOWN, _TEXT)}
        self.people.described = more(self.people.described, **own)
        self.contacts.described = more(self.contacts.described, AccountId="reference")
        companies = described("companies", {"id": "integer", **own, "createdAt": _WHEN, "updatedAt": _WHEN})
        names = dict.fromkeys((pair["salesforce"] for pair in COMPANY_FIELDS), _TEXT)
        accounts = described("Account", {"Id": "id", **names, "CreatedDate": _WHEN, "SystemModstamp": _WHEN}, "001")
        self.companies, self.accounts = Table(companies, "id", self.clock), Table(accounts, "Id", self.clock)
        self.system.tables |= {"companies": self.companies, "Account": self.accounts}
        kept = {"fields": list(COMPANY_FIELDS), "deleted_in_salesforce": "delete"}
        plain = a_cycle().model_dump(by_alias=True, exclude_none=True)
        return CrmCycle.model_validate({**plain, "companies": kept})

    def kinds(self) -> Sequence[Entity]:
        """Companies are decided about before persons."""
        assert self.cycle.companies is not None
        ports = KeepPorts(
            runs=self.runs,
            objects=self.objects,
            records=self.system,
            links=self.links,
            due=self.due,
            describe=lambda name: self.system.tables[name].described,
            digest=cache(digest),
            clock=self.clock,
            news=self.system,
        )
        return [KeepCompanies(self.cycle, self.cycle.companies, ports), self.keep]

    def described_companies(self) -> ObjectDescription:
        """Marketo's companies."""
        return self.companies.described

    def set_back(self) -> None:
        """As it was; whoever is written shows the company's values, and a company that is written spreads them."""
        super().set_back()
        self.people.automation, self.companies.automation = self.shown, self.spread

    def shown(self, person: Record) -> Mapping[str, Any]:
        """What a person is yet to show of its company."""
        for company in self.companies.found(_KEY, [person.get(_KEY) or "-"]):
            return {name: company.get(name) for name in _SHOWN if company.get(name) != person.get(name)}
        return {}

    def spread(self, company: Record) -> Mapping[str, Any]:
        """Everybody in a company shows what it has now."""
        for person in self.people.found(_KEY, [company[_KEY]]):
            if shown := self.shown(person):
                self.people.edit(str(person["id"]), **shown)
        return {}


@cache
def stage() -> CompanyStage:
    """The one of this process."""
    return CompanyStage()


class CompanySchedule(CycleSchedule):
    """One schedule, from its seed."""

    _stage: CompanyStage

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        #: by the Account's id; and Contacts by theirs, each with the Account that it is in
        self._companies = Model([Field.of(pair) for pair in COMPANY_FIELDS])
        self._contacts = Model([Field.of(pair) for pair in CONTACT_FIELDS])
        self._in: dict[str, str | None] = {}
        #: what both sides held as they were read, and what is to be written to either
        self._read_as: dict[str, tuple[Values, Values]] = {}
        self._wanted: dict[str, tuple[Values, Values]] = {}
        #: the Account that was edited behind the read, if any
        self._late = ""

    @staticmethod
    def on() -> CompanyStage:
        """Where it is played."""
        return stage()

    # what people do

    def _automate(self) -> None:
        """Marketo's own automation is that people show their companies; some are there already."""
        for _ in range(ACCOUNTS):
            self._make_account()
            self._make_contact()

    def _beside(self) -> None:
        acts = (
            self._make_account,
            self._edit_account,
            self._edit_company,
            self._merge_accounts,
            self._make_contact,
            self._move_contact,
            self._edit_contact,
            self._edit_person,
            self._delete_account,
        )
        for act in self._chance.choices(acts, weights=(1, 3, 3, 1, 2, 2, 2, 1, 1), k=BESIDE):
            self._stage.clock.advance(self._chance.randint(1, 40))
            act()

    def _make_account(self) -> None:
        values = {pair.salesforce: self._chance.choice(_VALUES[pair.marketo]) for pair in self._companies.fields}
        made = self._stage.accounts.make(**values)
        self._companies.humans[made] = Human(salesforce=values)
        self._happened("account made", f"{made} {values}")

    def _edit_account(self) -> None:
        account, pair = self._chance.choice([*self._companies.humans]), self._chance.choice(self._companies.fields)
        self._change(self._companies.humans[account], self._stage.accounts, account, pair)
        self._happened("account edited", f"{account} {pair.salesforce}")

    def _edit_company(self) -> None:
        """Somebody edits a company in Marketo, which all of its people show."""
        at = self._stage
        inhabited = {each.get(_KEY) for each in at.people.records.values()}
        known = [each for each, human in self._companies.humans.items() if human.agreed and each in inhabited]
        if not known:
            return
        account, pair = self._chance.choice(known), self._chance.choice(self._companies.fields)
        (company,) = at.companies.found(_KEY, [account])
        self._change(self._companies.humans[account], at.companies, str(company["id"]), pair)
        at.spread(at.companies.records[str(company["id"])])
        self._happened("company edited", f"{account} {pair.marketo}")

    def _merge_accounts(self) -> None:
        """Salesforce makes one Account of two; the second one's Contacts are the master's then."""
        at = self._stage
        if len(self._companies.humans) < 2:
            return
        master, loser = self._chance.sample([*self._companies.humans], 2)
        at.accounts.merge(master, loser)
        kept, lost = self._companies.humans[master].salesforce or {}, self._companies.humans.pop(loser).salesforce or {}
        self._companies.humans[master].salesforce = {
            **kept,
            **{name: each for name, each in lost.items() if empty(kept.get(name))},
        }
        for contact in [each for each, account in self._in.items() if account == loser]:
            at.contacts.edit(contact, AccountId=master)
            self._in[contact] = master
        self._happened("accounts merged", f"{loser} into {master}")

    def _delete_account(self) -> None:
        """Somebody deletes an Account, and takes its Contacts into another one before."""
        at = self._stage
        if len(self._companies.humans) < 2:
            return
        gone, other = self._chance.sample([*self._companies.humans], 2)
        for contact in [each for each, account in self._in.items() if account == gone]:
            at.contacts.edit(contact, AccountId=other)
            self._in[contact] = other
        at.accounts.delete(gone)
        del self._companies.humans[gone]
        self._happened("account deleted", f"{gone}, its Contacts are in {other}")

    def _make_contact(self) -> None:
        self._addresses += 1
        account = self._chance.choice([*self._companies.humans, None])
        values = {"Email": f"member{self._addresses}@example.com", "LastName": "Lovelace", "Title": "CEO"}
        made = self._stage.contacts.make(**values, AccountId=account)
        self._contacts.humans[made] = Human(salesforce=values)
        self._in[made] = account
        self._happened("contact made", f"{made} in {account}")

    def _move_contact(self) -> None:
        contact, account = self._chance.choice([*self._in]), self._chance.choice([*self._companies.humans])
        self._stage.contacts.edit(contact, AccountId=account)
        self._in[contact] = account
        self._happened("contact moved", f"{contact} to {account}")

    def _edit_contact(self) -> None:
        contact, pair = self._chance.choice([*self._in]), self._chance.choice(self._contacts.fields)
        self._change(self._contacts.humans[contact], self._stage.contacts, contact, pair)
        self._happened("contact edited", f"{contact} {pair.salesforce}")

    def _edit_person(self) -> None:
        known = [each for each, human in self._contacts.humans.items() if human.agreed]
        if not known:
            return
        contact, pair = self._chance.choice(known), self._chance.choice(self._contacts.fields)
        (person,) = self._stage.people.found("crmId", [contact])
        self._change(self._contacts.humans[contact], self._stage.people, str(person["id"]), pair)
        self._happened("person in a company edited", f"{contact} {pair.marketo}")

    def _change(self, human: Human, table: Table, record: str, pair: Field) -> None:
        side = "marketo" if table.id_field == "id" else "salesforce"
        value = self._value(pair) if pair.marketo == "email" else self._chance.choice(_VALUES[pair.marketo])
        table.edit(record, **{getattr(pair, side): value})
        getattr(human, side)[getattr(pair, side)] = value

    def _happened(self, what: str, told: str) -> None:
        self.tally[what] += 1
        self.trace.append(f"{self._stage.clock.now():%H:%M:%S} {what}: {told}")

    # what must have come of it

    def _kept_models(self) -> Sequence[tuple[Model, Table, Table, str]]:
        """Each model, with the tables of both sides, and what Marketo's calls the other's id."""
        at = self._stage
        return ((self._companies, at.companies, at.accounts, _KEY), (self._contacts, at.people, at.contacts, "crmId"))

    def _foresee(self, *, disturbed: bool) -> None:
        humans = [(model, *each) for model, *_ in self._kept_models() for each in model.humans.items()]
        self._wanted = {name: model.wanted(human) for model, name, human in humans}
        self._read_as = {name: (dict(human.marketo or {}), dict(human.salesforce or {})) for _, name, human in humans}
        # whoever is due is read only now
        known = [each for each, human in self._companies.humans.items() if human.agreed]
        self._late = ""
        if disturbed and known and not self._stage.due.records and self._chance.random() < LATE:
            self._stage.clock.advance(1)
            # rather one that is to be written
            known = [each for each in known if self._wanted[each][1]] or known
            self._late, pair = self._chance.choice(known), self._chance.choice(self._companies.fields)
            self._change(self._companies.humans[self._late], self._stage.accounts, self._late, pair)
            self._happened("account edited behind the read", f"{self._late} {pair.salesforce}")

    def _see(self) -> None:
        for model, *_ in self._kept_models():
            for name, human in model.humans.items():
                (marketo, salesforce), (to_marketo, to_salesforce) = self._read_as[name], self._wanted[name]
                drifted = name == self._late and self._drifts(human, salesforce, to_salesforce)
                made = human.marketo is None
                human.marketo = {**(human.marketo or {}), **to_marketo}
                if made:
                    human.marketo = {field: value for field, value in to_marketo.items() if not empty(value)}
                if drifted:
                    self.tally["account drifted"] += 1
                    continue
                human.salesforce = {**(human.salesforce or {}), **to_salesforce}
                held = Human({**marketo, **to_marketo}, {**salesforce, **to_salesforce})
                model.settle(held)
                human.agreed = held.agreed

    @staticmethod
    def _drifts(human: Human, read: Values, written: Values) -> bool:
        """Whether what is to be written is neither as it was read nor as it is to be."""
        held = human.salesforce or {}
        differs = any(not same(held.get(field), read.get(field)) for field in written)
        return differs and any(not same(held.get(field), value) for field, value in written.items())

    def _vanishes(self, table: Table, record_id: str) -> None:
        left = self._stage.people.found(_KEY, [table.records[record_id][_KEY]])
        if table is self._stage.companies and left:
            self.wrong.append(f"company {record_id} is deleted with {len(left)} people in it")

    def _members(self) -> int:
        return len(self._contacts.humans)

    def _compare(self) -> None:
        super()._compare()
        for model, marketo, salesforce, key in self._kept_models():
            for name, human in model.humans.items():
                found = marketo.found(key, [name])
                if len(found) != 1:
                    self.wrong.append(f"{name} is there {len(found)} times in Marketo")
                    continue
                self._hold(name, model, human, {"marketo": found[0], "salesforce": salesforce.records[name]})
        if len(self._stage.companies.records) != len(self._companies.humans):
            self.wrong.append(f"{len(self._companies.humans)} Accounts, {len(self._stage.companies.records)} companies")
        for contact, account in self._in.items():
            for person in self._stage.people.found("crmId", [contact]):
                if (person.get(_KEY) or None) != account:
                    self.wrong.append(f"{contact} is in {person.get(_KEY)}, expected {account}")

    def _hold(self, name: str, model: Model, human: Human, records: Mapping[str, Record]) -> None:
        for pair in model.fields:
            for side, record in records.items():
                field, expected = getattr(pair, side), getattr(human, side)
                if not same(record.get(field), expected.get(field)):
                    told = f"{record.get(field)!r}, expected {expected.get(field)!r}"
                    self.wrong.append(f"{name} {side} {field}: {told}")
