"""Companies, opportunities, opportunity roles and sales persons, and how they touch leads and each other.

With native CRM sync on, these four are closed to writes through the API.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.marketo.exceptions import MarketoError, RowError
from simulator.marketo.models.objects import (
    GUID_FIELD,
    ObjectField,
    ObjectKind,
    ObjectTable,
    PlannedObject,
    Values,
    by_name,
    system_fields,
)
from simulator.marketo.schema import (
    ADD_TO_OPPORTUNITY,
    API_SOURCE,
    REMOVE_FROM_OPPORTUNITY,
    STANDARD_LEAD_FIELDS,
    UPDATE_OPPORTUNITY,
)

if TYPE_CHECKING:
    from simulator.marketo.models.instance import Instance

TEXT = 255


def _company() -> ObjectKind:
    own = [
        ObjectField("externalCompanyId", "External Company Id", "string", 100, updateable=False),
        ObjectField("externalSalesPersonId", "External Sales Person Id", "string", TEXT),
        ObjectField("sicCode", "SIC Code", "string", 40),
        ObjectField("companyNotes", "Company Notes", "text", custom=True),
    ]
    # every company field of a lead is a field of the company
    shared = [
        ObjectField(each.name, each.display_name, each.data_type, each.length)
        for each in STANDARD_LEAD_FIELDS.values()
        if each.company
    ]
    return ObjectKind(
        "company",
        "Company",
        "id",
        ["externalCompanyId"],
        [["externalCompanyId"], ["id"], ["company"]],
        by_name([*system_fields("id"), *own, *shared]),
        plural_name="Companies",
    )


def _opportunity() -> ObjectKind:
    rows = [
        ("externalOpportunityId", "External Opportunity Id", "string", 50),
        ("externalCompanyId", "External Company Id", "string", 100),
        ("externalSalesPersonId", "External Sales Person Id", "string", TEXT),
        ("externalCreatedDate", "External Created Date", "datetime", None),
        ("name", "Name", "string", TEXT),
        ("description", "Description", "text", None),
        ("type", "Type", "string", TEXT),
        ("stage", "Stage", "string", TEXT),
        ("amount", "Amount", "currency", None),
        ("expectedRevenue", "Expected Revenue", "currency", None),
        ("probability", "Probability", "integer", None),
        ("quantity", "Quantity", "float", None),
        ("closeDate", "Close Date", "date", None),
        ("lastActivityDate", "Last Activity Date", "date", None),
        ("leadSource", "Lead Source", "string", TEXT),
        ("nextStep", "Next Step", "string", TEXT),
        ("forecastCategory", "Forecast Category", "string", TEXT),
        ("forecastCategoryName", "Forecast Category Name", "string", TEXT),
        ("fiscal", "Fiscal", "string", 50),
        ("fiscalQuarter", "Fiscal Quarter", "integer", None),
        ("fiscalYear", "Fiscal Year", "integer", None),
        ("isClosed", "Is Closed", "boolean", None),
        ("isWon", "Is Won", "boolean", None),
        ("productFamily", "Product Family", "string", TEXT),
    ]
    return ObjectKind(
        "opportunity",
        "Opportunity",
        GUID_FIELD,
        ["externalOpportunityId"],
        [["externalOpportunityId"], [GUID_FIELD], ["productFamily"]],
        by_name(
            [
                *system_fields(GUID_FIELD),
                *(ObjectField(*row, custom=row[0] == "productFamily") for row in rows),
            ]
        ),
        plural_name="Opportunities",
    )


def _role() -> ObjectKind:
    key = ["externalOpportunityId", "leadId", "role"]
    fields = [
        ObjectField("externalOpportunityId", "External Opportunity Id", "string", 50, updateable=False),
        ObjectField("leadId", "Lead Id", "integer", updateable=False),
        ObjectField("role", "Role", "string", 50, updateable=False),
        ObjectField("isPrimary", "Is Primary", "boolean"),
        ObjectField("externalCreatedDate", "External Created Date", "datetime"),
    ]
    links = [("externalOpportunityId", "opportunity", "externalOpportunityId"), ("leadId", "lead", "id")]
    return ObjectKind(
        "opportunityRole",
        "Opportunity Role",
        GUID_FIELD,
        key,
        [key, [GUID_FIELD], ["leadId"], ["externalOpportunityId"]],
        by_name([*system_fields(GUID_FIELD), *fields]),
        [{"field": own, "type": "child", "relatedTo": {"name": name, "field": field}} for own, name, field in links],
    )


def _sales_person() -> ObjectKind:
    fields = [
        ObjectField("externalSalesPersonId", "External Sales Person Id", "string", TEXT, updateable=False),
        ObjectField("email", "Email Address", "email", TEXT),
        ObjectField("firstName", "First Name", "string", TEXT),
        ObjectField("lastName", "Last Name", "string", TEXT),
        ObjectField("title", "Job Title", "string", TEXT),
        ObjectField("phone", "Phone Number", "phone", TEXT),
        ObjectField("mobilePhone", "Mobile Phone Number", "phone", TEXT),
        ObjectField("fax", "Fax Number", "phone", TEXT),
    ]
    return ObjectKind(
        "salesPerson",
        "Sales Person",
        "id",
        ["externalSalesPersonId"],
        [["externalSalesPersonId"], ["id"], ["email"]],
        by_name([*system_fields("id"), *fields]),
        reads_all=True,
    )


class CrmObjects:
    """The four tables with their rules; `forget` empties them, ids go on."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        seed = instance.control.seed
        self.companies = ObjectTable(_company(), seed, 7001)
        self.opportunities = ObjectTable(_opportunity(), seed)
        self.roles = ObjectTable(_role(), seed)
        self.sales_persons = ObjectTable(_sales_person(), seed, 9001)
        # sales persons of companies that were deleted, by folded key
        self._deleted_with: set[str] = set()

    def forget(self) -> None:
        """Empty every table."""
        seed = self._instance.control.seed
        self._deleted_with = set()
        self.companies = ObjectTable(_company(), seed, self.companies.next_serial)
        self.opportunities = ObjectTable(self.opportunities.kind, seed, self.opportunities.next_serial)
        self.roles = ObjectTable(self.roles.kind, seed, self.roles.next_serial)
        self.sales_persons = ObjectTable(self.sales_persons.kind, seed, self.sales_persons.next_serial)

    def tables(self) -> dict[str, ObjectTable]:
        """Give every table by the name the control plane uses."""
        return {
            "companies": self.companies,
            "opportunities": self.opportunities,
            "opportunityRoles": self.roles,
            "salesPersons": self.sales_persons,
        }

    def check_open(self) -> None:
        """Refuse a write while native CRM sync is on.

        Raises:
            MarketoError: 1018.
        """
        if self._instance.control.switch("native_crm"):
            raise MarketoError("1018", "CRM Enabled")

    # rules of single records

    def check(self, table: ObjectTable, changes: Values, stored: Values | None) -> None:
        """Refuse a record that breaks a rule of its kind.

        Raises:
            MarketoError: 718 fails the whole call.
            RowError: the record is skipped.
        """
        if table is self.opportunities:
            self._check_opportunity(changes, stored)
        elif table is self.roles:
            self._check_role(changes)

    def _check_opportunity(self, changes: Values, stored: Values | None) -> None:
        if (stored is None or "name" in changes) and changes.get("name") is None:
            raise RowError("1003", "Field 'name' must not be null")
        person = changes.get("externalSalesPersonId")
        if person is not None and not self.sales_persons.find("externalSalesPersonId", person):
            raise MarketoError("718", f"ExternalSalesPersonID '{person}' not found")

    def _check_role(self, changes: Values) -> None:
        opportunity = changes.get("externalOpportunityId")
        if opportunity is not None and not self.opportunities.find("externalOpportunityId", opportunity):
            raise RowError("1013", f"Opportunity '{opportunity}' not found")
        lead_id = changes.get("leadId")
        if lead_id is not None and lead_id not in self._instance.leads:
            raise RowError("1004", "Lead not found")

    def check_delete(self, table: ObjectTable, row: Values) -> None:
        """Refuse to delete what something else refers to.

        Raises:
            RowError: 1022.
        """
        leads = self._instance.leads
        users: list[int] = []
        if table is self.companies:
            users = leads.find("externalCompanyId", row["externalCompanyId"])
        elif table is self.sales_persons:
            users = self._owned_by(row["externalSalesPersonId"])
        elif table is self.opportunities:
            users = self.roles.find("externalOpportunityId", row["externalOpportunityId"])
        if users:
            raise RowError("1022", f"{table.kind.display_name} is in use")

    def _owned_by(self, sales_person: str) -> list[int]:
        """Give what a sales person has: leads, companies, and companies that were deleted with the reference."""
        key = sales_person.strip().casefold()
        companies = [
            serial
            for serial in self.companies.serials()
            if self.companies.row(serial).get("externalSalesPersonId", "").strip().casefold() == key
        ]
        deleted = [0] if key in self._deleted_with else []
        return [*self._instance.leads.find("externalSalesPersonId", sales_person), *companies, *deleted]

    # what a write brings with it

    def apply(self, table: ObjectTable, row: PlannedObject, at: datetime, user: str) -> None:
        """Write one planned record with what it brings with it: values of leads, entries of the log."""
        former = table.row(row.serial) if row.status == "deleted" and row.serial in table.serials() else {}
        changed = table.apply(row, at)
        if row.reason is not None:
            return
        if table is self.companies and former:
            self._deleted_with |= {former.get("externalSalesPersonId", "").strip().casefold()} - {""}
        elif table is self.companies:
            self._spread_company(table.row(row.serial), list(changed), at, user)
        elif table is self.opportunities and row.status == "updated":
            self._note_update(table.row(row.serial), changed, at)
        elif table is self.roles and row.status == "created":
            self._note_role(ADD_TO_OPPORTUNITY, table.row(row.serial), at)
        elif table is self.roles and former:
            self._note_role(REMOVE_FROM_OPPORTUNITY, former, at)

    def company_values(self, external_id: Any) -> Values:
        """Give what a company shares with the leads linked to it; what it lacks they lack, too."""
        found = self.companies.find("externalCompanyId", external_id)
        return {name: self.companies.row(found[0]).get(name) for name in self._shared()} if found else {}

    def _shared(self) -> list[str]:
        """Give the company's fields that a lead mirrors."""
        mirrored = self._instance.leads.schema.all
        return [name for name in self.companies.kind.fields if name in mirrored and mirrored[name].company]

    def create_company_fields(self, rows: list[Any]) -> list[str]:
        """Give companies custom fields, which leads mirror, and give their names.

        Raises:
            MarketoError: a field is malformed or taken, or there are too many.
        """
        leads = self._instance.leads
        names = leads.create_fields(rows, company=True)
        made = [leads.schema.all[name] for name in names]
        own = [ObjectField(each.name, each.display_name, each.data_type, each.length, custom=True) for each in made]
        self.companies.change_kind(replace(self.companies.kind, fields=self.companies.kind.fields | by_name(own)))
        return names

    def hand_over(self, loser: int, winner: int | None, at: datetime) -> None:
        """Make one lead's roles another's; one that the other has too, or has no heir, ends."""
        for serial in self.roles.find("leadId", loser):
            row = self.roles.row(serial)
            if winner is None or self.roles.find_key(row | {"leadId": winner}) is not None:
                change = PlannedObject("deleted", serial, row[GUID_FIELD])
            else:
                change = PlannedObject("updated", serial, row[GUID_FIELD], {"leadId": winner})
            self.roles.apply(change, at)

    def _spread_company(self, company: Values, names: list[str], at: datetime, user: str) -> None:
        shared = {name: company.get(name) for name in names if name in self._shared()}
        for lead_id in self._instance.leads.find("externalCompanyId", company["externalCompanyId"]):
            self._instance.write_company(lead_id, shared, at, user)

    def _note_update(self, opportunity: Values, changed: Values, at: datetime) -> None:
        for serial in self.roles.find("externalOpportunityId", opportunity["externalOpportunityId"]):
            for name, old in changed.items():
                attributes = {
                    "Attribute Name": name,
                    "New Value": _text(opportunity.get(name)),
                    "Old Value": _text(old),
                    "Source": API_SOURCE,
                }
                lead_id = self.roles.row(serial)["leadId"]
                self._instance.note(UPDATE_OPPORTUNITY, lead_id, at, None, opportunity.get("name"), attributes)

    def _note_role(self, type_id: int, role: Values, at: datetime) -> None:
        found = self.opportunities.find("externalOpportunityId", role["externalOpportunityId"])
        shown = GUID_FIELD if self._instance.control.switch("opportunity_ids_logged") else "name"
        name = self.opportunities.row(found[0]).get(shown) if found else None
        attributes = {"Role": role["role"], "Is Primary": role.get("isPrimary", False), "Source": API_SOURCE}
        self._instance.note(type_id, role["leadId"], at, None, name, attributes)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
