"""Opportunities and their roles in whole cycles, against both vendor twins."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
PERSONS: dict[str, Any] = {
    "id_field": "salesforceId",
    "contacts": {
        "fields": [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
    },
}
FIELDS = [
    {"marketo": "name", "salesforce": "Name"},
    {"marketo": "amount", "salesforce": "Amount"},
    {"marketo": "probability", "salesforce": "Probability"},
    {"marketo": "expectedRevenue", "salesforce": "ExpectedRevenue"},
    {"marketo": "stage", "salesforce": "StageName"},
    {"marketo": "closeDate", "salesforce": "CloseDate"},
]
DEAL = {"Name": "Deal", "StageName": "Prospecting", "Amount": 1000, "CloseDate": "2026-12-31"}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of all kinds of records, as far as they are not switched off."""

    def made(**members: Any) -> WiredCycle:
        common = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        kept = {
            "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}]},
            "sales_persons": {},
            "persons": PERSONS,
            "opportunities": {"fields": FIELDS, "deleted_in_salesforce": "delete"},
            "opportunity_roles": {},
        }
        document = {**common, "mode": "replace_native", "low_watermark": "2026-03-01T00:00", **kept, **members}
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def sold(world: WiredCycle) -> tuple[str, str, str, str]:
    """An Account with a Contact who has a role in its Opportunity; their ids."""
    account = load(world, "Account", Name="Acme")
    contact = load(world, "Contact", LastName="King", Email="king@example.com", AccountId=account)
    deal = load(world, "Opportunity", **DEAL, AccountId=account)
    role = load(
        world, "OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role="Decision Maker", IsPrimary=True
    )
    return account, contact, deal, role


def deals(world: WiredCycle) -> dict[str, dict[str, Any]]:
    """Marketo's opportunities by their key."""
    return world.of(world.marketo, "opportunities", "externalOpportunityId")


def roles(world: WiredCycle) -> list[dict[str, Any]]:
    """Marketo's roles."""
    return list(world.marketo.get("records/opportunityRoles"))


@pytest.mark.cap("M033", "M037", "M038")
@pytest.mark.cap("M043", "M135")
def test_an_opportunity_arrives_with_its_role_behind_the_people_of_the_same_cycle(build: Build) -> None:
    """By the ids of 18 characters, with both dates of Salesforce; company and person are there, and both are linked."""
    world = build()
    account, contact, deal, role = sold(world)
    stamps = {"CreatedDate": "2020-05-06T07:08:09.000+0000"}
    world.salesforce.post("set", {"object": "Opportunity", "ids": [deal], "fields": stamps})
    joined = {"CreatedDate": "2021-05-06T07:08:09.000+0000"}
    world.salesforce.post("set", {"object": "OpportunityContactRole", "ids": [role], "fields": joined})

    world.ran()

    [person] = world.marketo.get("records/leads")
    found = deals(world)[deal]
    assert (len(deal), found["name"], found["amount"], found["closeDate"]) == (18, "Deal", 1000.0, "2026-12-31")
    assert (found["externalCompanyId"], found["externalCreatedDate"]) == (account, "2020-05-06T07:08:09Z")
    assert account in world.of(world.marketo, "companies", "externalCompanyId")
    [held] = roles(world)
    assert (person["salesforceId"], held["leadId"], held["externalOpportunityId"]) == (contact, person["id"], deal)
    assert (held["role"], held["isPrimary"]) == ("Decision Maker", True)
    assert held["externalCreatedDate"] == "2021-05-06T07:08:09Z"
    assert world.written()[1:] == ["companies.json", "leads.json", "opportunities.json", "roles.json"]
