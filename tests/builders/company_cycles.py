"""Whole cycles of companies, sales persons and persons on in-memory ports."""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.cycle_ports import Entity
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.records import ObjectDescription
from leadbridge.ports import Connections
from leadbridge.usecases.cycle_pieces import KeepPorts
from leadbridge.usecases.decide_people import PeoplePorts, Schema
from leadbridge.usecases.keep_companies import KeepCompanies
from leadbridge.usecases.keep_people import KeepPeople
from leadbridge.usecases.keep_sales_people import KeepSalesPeople
from tests.builders.whole_cycles import CycleWorld, a_cycle, described
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.systems import Record, Table

_TIMES = {"createdAt": "datetime", "updatedAt": "datetime"}
_STAMPS = {"CreatedDate": "datetime", "LastModifiedDate": "datetime", "SystemModstamp": "datetime"}
_TEXT = "string"
#: by object what beside ids and times it has
FIELDS: Mapping[str, Mapping[str, str]] = {
    "companies": dict.fromkeys(("externalCompanyId", "externalSalesPersonId", "company", "industry"), _TEXT),
    "sales_persons": dict.fromkeys(("externalSalesPersonId", "email", "lastName"), _TEXT),
    "Account": {**dict.fromkeys(("Name", "Industry"), _TEXT), "OwnerId": "reference"},
    "User": {**dict.fromkeys(("Email", "LastName", "UserType"), _TEXT), "IsActive": "boolean"},
}
COMPANY_FIELDS = [{"marketo": "company", "salesforce": "Name"}, {"marketo": "industry", "salesforce": "Industry"}]


def with_companies(**members: Any) -> CrmCycle:
    """A cycle of all three kinds; sales persons of deactivated Users are deleted."""
    kept = {"companies": {"fields": COMPANY_FIELDS}, "sales_persons": {"deactivated": "delete"}, **members}
    return CrmCycle.model_validate({**a_cycle().model_dump(by_alias=True, exclude_none=True), **kept})


class CompanyWorld(CycleWorld):
    """Both systems with companies, Accounts and their owners; a person shows what its company has."""

    def __init__(self, cycle: CrmCycle | None = None) -> None:
        """The cycle is active."""
        super().__init__(cycle or with_companies())
        self.people.described = more(self.people.described, externalCompanyId=_TEXT, externalSalesPersonId=_TEXT)
        self.people.described = more(self.people.described, industry=_TEXT)
        self.leads.described = more(self.leads.described, OwnerId="reference")
        self.contacts.described = more(self.contacts.described, OwnerId="reference", AccountId="reference")
        self.companies = self._table("companies", "id", _TIMES)
        self.sales_persons = self._table("sales_persons", "id", _TIMES)
        self.accounts = self._table("Account", "Id", _STAMPS, "001")
        self.users = self._table("User", "Id", _STAMPS, "005")
        self.people.automation = self.shown
        self.companies.automation = self.spread

    def _table(self, name: str, id_field: str, times: Mapping[str, str], prefix: str = "") -> Table:
        kind = "integer" if id_field == "id" else "id"
        made = Table(described(name, {id_field: kind, **times, **FIELDS[name]}, prefix), id_field, self.clock)
        self.system.tables[name] = made
        return made

    def shown(self, person: Record) -> Mapping[str, Any]:
        """What a person shows of its company."""
        for company in self.companies.found("externalCompanyId", [person.get("externalCompanyId") or "-"]):
            shown = {name: company.get(name) for name in ("company", "industry")}
            return {name: value for name, value in shown.items() if person.get(name) != value}
        return {}

    def spread(self, company: Record) -> Mapping[str, Any]:
        """Everybody in a company shows what it has now."""
        for person in self.people.found("externalCompanyId", [company["externalCompanyId"]]):
            if shown := self.shown(person):
                self.people.edit(str(person["id"]), **shown)
        return {}

    def describe(self, name: str) -> ObjectDescription:
        """An object of either system."""
        return self.system.tables[name].described

    def keep_ports(self) -> KeepPorts:
        """What all kinds of records but persons need."""
        return KeepPorts(
            runs=self.runs,
            objects=self.objects,
            records=self.system,
            links=self.links,
            due=self.due,
            describe=self.describe,
            digest=self.digest,
            clock=self.clock,
            news=self.system,
        )

    def entities(self, cycle: CrmCycle) -> Sequence[Entity]:
        """The kinds of records, in Adobe's order."""
        assert cycle.persons is not None
        assert cycle.companies is not None
        assert cycle.sales_persons is not None
        ports = self.keep_ports()
        people = PeoplePorts(
            runs=self.runs,
            objects=self.objects,
            records=self.system,
            news=self.system,
            changes=self.system,
            links=self.links,
            due=self.due,
            schema=lambda: Schema(
                people=self.people.described,
                records={"Lead": self.leads.described, "Contact": self.contacts.described},
                companies=self.companies.described,
                users=self.users.described,
            ),
            digest=self.digest,
            clock=self.clock,
        )
        return [
            KeepSalesPeople(cycle, cycle.sales_persons, ports),
            KeepCompanies(cycle, cycle.companies, ports),
            KeepPeople(cycle, cycle.persons, people),
        ]

    def connections(self) -> Connections:
        """What describes both systems."""
        records = (self.leads, self.contacts, self.accounts, self.users)
        return FakeConnections(
            marketo={"marketing": FakeMarketo(self.people.described)},
            salesforce={"crm": FakeSalesforce(*(each.described for each in records))},
        )

    def disagreeing(self) -> list[str]:
        """What is not in step, or not there once; empty if all is well."""
        wrong = []
        companies = {each["externalCompanyId"]: each for each in self.companies.records.values()}
        if len(companies) != len(self.companies.records) or companies.keys() != self.accounts.records.keys():
            wrong.append(f"companies {sorted(companies)} of Accounts {sorted(self.accounts.records)}")
        for key, account in self.accounts.records.items():
            pairs = {"company": "Name", "industry": "Industry"}
            wrong += [
                f"{key}: {marketo}"
                for marketo, name in pairs.items()
                if (companies.get(key, {}).get(marketo) or None) != (account.get(name) or None)
            ]
        active = {key for key, user in self.users.records.items() if user["IsActive"]}
        known = [each["externalSalesPersonId"] for each in self.sales_persons.records.values()]
        if sorted(known) != sorted(active):
            wrong.append(f"sales persons {sorted(known)} of {sorted(active)}")
        for person in self.people.records.values():
            record = {**self.contacts.records, **self.leads.records}.get(person.get("crmId") or "", {})
            owner = record.get("OwnerId") if record.get("OwnerId") in active else None
            if (person.get("externalSalesPersonId") or None) != owner:
                wrong.append(f"owner of {person['id']}: {person.get('externalSalesPersonId')}, not {owner}")
            if (person.get("externalCompanyId") or None) != (record.get("AccountId") or None):
                wrong.append(f"company of {person['id']}")
        return wrong


def more(known: ObjectDescription, **types: str) -> ObjectDescription:
    """An object with more fields."""
    fields = {each.name: each.type for each in known.fields.values()}
    return described(known.name, {**fields, **types}, known.key_prefix)
