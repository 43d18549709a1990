"""Companies, sales persons and ownership in whole cycles, against both vendor twins."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
COMPANY_FIELDS = [
    {"marketo": "company", "salesforce": "Name"},
    {"marketo": "industry", "salesforce": "Industry"},
    {"marketo": "annualRevenue", "salesforce": "AnnualRevenue"},
    {"marketo": "companyNotes", "salesforce": "Description"},
]
PERSONS = {
    "id_field": "salesforceId",
    "leads": {
        "fields": [
            {"marketo": "email", "salesforce": "Email"},
            {"marketo": "lastName", "salesforce": "LastName"},
            {"marketo": "company", "salesforce": "Company"},
        ]
    },
    "contacts": {
        "fields": [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
    },
}
USER = {"Username": "ada@example.com", "LastName": "Lovelace", "Email": "ada@example.com"}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of companies, sales persons and persons, as far as they are not switched off."""

    def made(**members: Any) -> WiredCycle:
        common = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        kept = {"companies": {"fields": COMPANY_FIELDS}, "sales_persons": {}, "persons": PERSONS}
        document = {**common, "mode": "replace_native", "low_watermark": "2026-03-01T00:00", **kept, **members}
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def employed(world: WiredCycle, **account: Any) -> tuple[str, str, str]:
    """A User, an Account and its Contact; their ids."""
    user = load(world, "User", **USER)
    of = load(world, "Account", Name="Acme", Industry="Technology", AnnualRevenue=12.5, OwnerId=user, **account)
    return user, of, load(world, "Contact", LastName="King", Email="king@example.com", AccountId=of, OwnerId=user)


@pytest.mark.cap("M113", "M030", "M019")
def test_a_new_owner_a_new_account_and_a_new_contact_arrive_in_one_cycle_in_order(build: Build) -> None:
    """Sales person before company before person; both links hold ids of 18 characters that lead to the records."""
    world = build()
    user, account, contact = employed(world)

    world.ran()

    [person] = world.marketo.get("records/leads")
    company = world.of(world.marketo, "companies", "externalCompanyId")[person["externalCompanyId"]]
    sales_person = world.of(world.marketo, "salesPersons", "externalSalesPersonId")[person["externalSalesPersonId"]]
    assert (person["salesforceId"], person["externalCompanyId"], person["externalSalesPersonId"]) == (
        contact,
        account,
        user,
    )
    assert len(account) == len(user) == 18
    assert (company["company"], company["externalSalesPersonId"]) == ("Acme", user)
    assert (sales_person["lastName"], sales_person["email"]) == ("Lovelace", "ada@example.com")
    # the person shows what its company has
    assert (person["company"], person["industry"]) == ("Acme", "Technology")
    assert world.written() == ["salespersons.json", "companies.json", "leads.json"]
