"""A first draft of a CRM cycle, out of what both vendor twins describe."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.cycle_proposal import Mode, Proposal, propose
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.three_way import Side
from tests.integration.vendors.conftest import Clients

type Line = dict[str, Any]
OBJECTS = ("Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole")


@pytest.fixture
def people(clients: Clients) -> ObjectDescription:
    """Marketo's people."""
    return clients.marketo().describe_leads()


def drafted(clients: Clients, people: ObjectDescription, mode: Mode = "replace_native") -> Proposal:
    """A draft of the twins as they are."""
    salesforce = clients.salesforce()
    return propose(
        marketo="marketing",
        salesforce="crm",
        mode=mode,
        people=people,
        companies=clients.marketo().describe("companies"),
        opportunities=clients.marketo().describe("opportunities"),
        objects={name: salesforce.describe(name) for name in OBJECTS},
    )


def lines(draft: Proposal, *path: str) -> dict[str, Line]:
    """The pairs of a member of the draft, by Salesforce's field."""
    found: Any = draft.document
    for each in path:
        found = found[each]
    return {line["salesforce"]: line for line in found["fields"]}


def test_a_draft_pairs_what_both_sides_have_and_every_pair_works(clients: Clients, people: ObjectDescription) -> None:
    """The document is one that can be applied, and no pair of it is put aside by what the vendors describe."""
    draft = drafted(clients, people)
    cycle = CrmCycle.model_validate(draft.document)

    assert cycle.persons is not None
    assert cycle.persons.id_field == "salesforceId"
    for name, kind in (("Lead", cycle.persons.leads), ("Contact", cycle.persons.contacts)):
        assert kind is not None
        described = {Side.MARKETO: people, Side.SALESFORCE: clients.salesforce().describe(name)}
        assert bind_fields(kind.pairs, described, UTC).aside == {}
    leads, contacts = lines(draft, "persons", "leads"), lines(draft, "persons", "contacts")
    for salesforce, marketo in (("Email", "email"), ("FirstName", "firstName"), ("LastName", "lastName")):
        assert leads[salesforce] == contacts[salesforce] == {"marketo": marketo, "salesforce": salesforce}
    assert leads["Company"]["marketo"] == "company"
    assert leads["Status"]["marketo"] == "leadStatus"
    assert contacts["MobilePhone"]["marketo"] == "mobilePhone"
    assert lines(draft, "companies")["AnnualRevenue"]["marketo"] == "annualRevenue"
    assert lines(draft, "companies")["Industry"]["marketo"] == "industry"
    # a custom field is paired by its name
    assert leads["External_Key__c"]["marketo"] == "externalKey"


def test_opportunities_are_drafted_one_way_with_their_roles(clients: Clients, people: ObjectDescription) -> None:
    """What the cycle keeps by itself is not listed, and no pair is put aside by what the vendors describe."""
    draft = drafted(clients, people)
    cycle = CrmCycle.model_validate(draft.document)
    assert (cycle.opportunities is not None, cycle.opportunity_roles is not None) == (True, True)
    found = lines(draft, "opportunities")
    wanted = {"Name": "name", "Amount": "amount", "ExpectedRevenue": "expectedRevenue", "CloseDate": "closeDate"}
    assert {name: found[name]["marketo"] for name in wanted} == wanted
    assert "IsClosed" not in found
    assert all(each.keys() == {"marketo", "salesforce"} for each in found.values())
    described = {
        Side.MARKETO: clients.marketo().describe("opportunities"),
        Side.SALESFORCE: clients.salesforce().describe("Opportunity"),
    }
    assert cycle.opportunities is not None
    assert bind_fields(cycle.opportunities.fields, described, UTC).aside == {}


def test_a_score_goes_to_salesforce_only(clients: Clients, people: ObjectDescription) -> None:
    """Marketing keeps scores."""
    assert lines(drafted(clients, people), "persons", "leads")["Lead_Score__c"] == {
        "marketo": "leadScore",
        "salesforce": "Lead_Score__c",
        "direction": "to_salesforce",
    }


def test_a_field_of_the_native_sync_is_not_written_and_the_draft_says_so(
    clients: Clients, people: ObjectDescription
) -> None:
    """The account's id has no place until there is a field for it; then the pair names that one (V25)."""
    without = drafted(clients, people)
    assert "AccountId" not in lines(without, "persons", "contacts")
    assert any("AccountId: its own sfdcAccountId is missing or belongs to the native sync" in n for n in without.notes)

    own = FieldDescription(name="crmAccountId", type="string")
    with_own = drafted(clients, replace(people, fields={**people.fields, own.name: own}))
    line = lines(with_own, "persons", "contacts")["AccountId"]
    assert line == {"marketo": "crmAccountId", "salesforce": "AccountId", "direction": "to_marketo"}
    assert any("goes to crmAccountId" in note for note in with_own.notes)


def test_beside_the_native_sync_neither_companies_nor_sales_persons_are_drafted(
    clients: Clients, people: ObjectDescription
) -> None:
    """They are read-only there."""
    draft = drafted(clients, people, "beside_native")
    assert draft.document.keys().isdisjoint({"companies", "sales_persons", "opportunities"})
    CrmCycle.model_validate(draft.document)


def test_fields_of_one_name_that_hold_other_kinds_of_values_are_told_not_paired(
    clients: Clients, people: ObjectDescription
) -> None:
    """A note says which, and what to do."""
    number = FieldDescription(name="externalKey", type="integer")
    draft = drafted(clients, replace(people, fields={**people.fields, number.name: number}))
    assert "External_Key__c" not in lines(draft, "persons", "leads")
    assert any(
        note.startswith("Lead.External_Key__c (string) and Marketo's externalKey (integer) hold different")
        for note in draft.notes
    )


def test_without_a_field_for_the_salesforce_id_the_draft_names_the_one_to_create(
    clients: Clients, people: ObjectDescription
) -> None:
    """And says how."""
    fields = {name: each for name, each in people.fields.items() if name != "salesforceId"}
    draft = drafted(clients, replace(people, fields=fields))
    assert draft.document["persons"]["id_field"] == "salesforceId"
    assert any("leadbridge setup marketo" in note for note in draft.notes)
