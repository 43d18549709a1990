"""Whole cycles with opportunities and their roles on in-memory ports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadbridge.cycle_ports import Entity
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_opportunities import GUID
from leadbridge.ports import Connections
from leadbridge.usecases.keep_opportunities import KeepOpportunities
from leadbridge.usecases.keep_roles import KeepRoles
from tests.builders.company_cycles import CompanyWorld, more, with_companies
from tests.builders.whole_cycles import described
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.systems import Record, Table

_TEXT, _DATE = "string", "datetime"
_TIMES = {"createdAt": _DATE, "updatedAt": _DATE}
_STAMPS = {"CreatedDate": _DATE, "LastModifiedDate": _DATE, "SystemModstamp": _DATE}
_KEYS = ("externalOpportunityId", "externalCompanyId", "externalSalesPersonId")
_FLAGS = dict.fromkeys(("isClosed", "isWon"), "boolean")
_DEALS = {**dict.fromkeys((*_KEYS, "name", "stage"), _TEXT), **_FLAGS, "amount": "currency"}
_ROLES = {"externalOpportunityId": _TEXT, "leadId": "integer", "role": _TEXT, "isPrimary": "boolean"}
_REFERENCES = dict.fromkeys(("AccountId", "OwnerId"), "reference")
_STAGE = {"StageName": _TEXT, "LastStageChangeDate": _DATE, "IsClosed": "boolean", "IsWon": "boolean"}
_OPPORTUNITY = {"Name": _TEXT, "Amount": "currency", **_STAGE}
_CONTACT_ROLE = {"OpportunityId": "reference", "ContactId": "reference", "Role": _TEXT, "IsPrimary": "boolean"}
FIELDS = [
    {"marketo": "name", "salesforce": "Name"},
    {"marketo": "amount", "salesforce": "Amount"},
    {"marketo": "stage", "salesforce": "StageName"},
]


def with_deals(**members: Any) -> CrmCycle:
    """A cycle of all five kinds; what is deleted in Salesforce is deleted in Marketo."""
    kept = {"opportunities": {"fields": FIELDS, "deleted_in_salesforce": "delete"}, "opportunity_roles": {}}
    return with_companies(**{**kept, **members})


class DealWorld(CompanyWorld):
    """Both systems with opportunities, and who has a part in them."""

    def __init__(self, cycle: CrmCycle | None = None) -> None:
        """The cycle is active."""
        super().__init__(cycle or with_deals())
        self.most_late = 30
        self.people.described = more(self.people.described, stage=_TEXT)
        self.deals = self._of_marketo("opportunities", {**_DEALS, "externalCreatedDate": _DATE})
        self.roles = self._of_marketo("opportunity_roles", {**_ROLES, "externalCreatedDate": _DATE})
        self.opportunities = self._of_salesforce("Opportunity", {**_OPPORTUNITY, **_REFERENCES}, "006")
        self.contact_roles = self._of_salesforce("OpportunityContactRole", _CONTACT_ROLE, "00K")

    def _of_marketo(self, name: str, fields: Mapping[str, str]) -> Table:
        found = replace(described(name, {GUID: _TEXT, **_TIMES, **fields}), id_field=GUID)
        return self._keep_table(Table(found, GUID, self.clock))

    def _of_salesforce(self, name: str, fields: Mapping[str, str], prefix: str) -> Table:
        return self._keep_table(Table(described(name, {"Id": "id", **_STAMPS, **fields}, prefix), "Id", self.clock))

    def _keep_table(self, table: Table) -> Table:
        self.system.tables[table.described.name] = table
        return table

    def entities(self, cycle: CrmCycle) -> Sequence[Entity]:
        """The kinds of records, in Adobe's order."""
        assert cycle.persons is not None
        assert cycle.opportunities is not None
        assert cycle.opportunity_roles is not None
        ports = self.keep_ports()
        deals = KeepOpportunities(cycle, cycle.opportunities, ports)
        roles = KeepRoles(cycle, cycle.opportunity_roles, cycle.persons, ports, most_late=self.most_late)
        return [*super().entities(cycle), deals, roles]

    def connections(self) -> Connections:
        """What describes both systems."""
        names = ("Lead", "Contact", "Account", "User", "Opportunity", "OpportunityContactRole")
        return FakeConnections(
            marketo={"marketing": FakeMarketo(self.people.described)},
            salesforce={"crm": FakeSalesforce(*(self.describe(name) for name in names))},
        )

    def disagreeing(self) -> list[str]:
        """What is not in step, or not there once; empty if all is well."""
        wrong = super().disagreeing()
        held = {each["externalOpportunityId"]: each for each in self.deals.records.values()}
        if len(held) != len(self.deals.records) or held.keys() != self.opportunities.records.keys():
            wrong.append(f"opportunities {sorted(held)} of {sorted(self.opportunities.records)}")
        pairs = {"name": "Name", "stage": "StageName", "isClosed": "IsClosed", "externalCompanyId": "AccountId"}
        for key, deal in self.opportunities.records.items():
            wrong += [
                f"{key}: {marketo}"
                for marketo, name in pairs.items()
                if held.get(key, {}).get(marketo) != deal.get(name)
            ]
        known = sorted((each["externalOpportunityId"], str(each["leadId"]), each["role"]) for each in self._roles)
        people = {person.get("crmId"): str(person["id"]) for person in self.people.records.values()}
        meant = sorted(
            {
                (each["OpportunityId"], people.get(each["ContactId"], ""), each["Role"])
                for each in self.contact_roles.records.values()
            }
        )
        return wrong if known == meant else [*wrong, f"roles {known} of {meant}"]

    @property
    def _roles(self) -> list[Record]:
        return list(self.roles.records.values())
