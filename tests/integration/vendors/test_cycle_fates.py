"""Conversions, merges and deletions in whole cycles: done in one simulator, time passes, and the other shows them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
#: Marketo's activity: a value was changed
CHANGED = 13
LEAD = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "leadStatus", "salesforce": "Status"},
]
CONTACT = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "department", "salesforce": "Department"},
]
PERSONS: Mapping[str, Any] = {
    "id_field": "salesforceId",
    "type_field": "leadbridgeStatus",
    "leads": {"fields": LEAD},
    "contacts": {"fields": CONTACT},
}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of sales persons, companies and persons; members of the latter are set."""

    def made(**persons: Any) -> WiredCycle:
        document = {
            "kind": "crm_cycle",
            "id": CYCLE,
            "name": "Main",
            "marketo": "marketing",
            "salesforce": "crm",
            "mode": "replace_native",
            "low_watermark": "2026-03-01T00:00",
            "sales_persons": {},
            "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}]},
            "persons": {**PERSONS, **persons},
        }
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def a_user(world: WiredCycle, name: str) -> str:
    """A sales person."""
    address = f"{name}@example.com"
    return load(world, "User", Username=address, LastName=name.title(), Email=address)


def a_lead(world: WiredCycle, name: str = "ada", **fields: Any) -> str:
    """A Lead that is in step."""
    lead = load(world, "Lead", LastName=name.title(), Email=f"{name}@example.com", Company="Acme", **fields)
    world.ran()
    return lead


def converted(world: WiredCycle, lead: str, **wanted: Any) -> Mapping[str, Any]:
    """What somebody converts a Lead into, in Salesforce's own screen."""
    [made] = world.salesforce.post("convert", {"leads": [{"leadId": lead, "doNotCreateOpportunity": True, **wanted}]})
    return dict(made)


def people(world: WiredCycle) -> dict[int, Mapping[str, Any]]:
    """The people of Marketo by their ids."""
    return {int(each["id"]): each for each in world.marketo.get("records/leads")}


def since(world: WiredCycle) -> Callable[[], list[str]]:
    """What is written to Marketo from now on."""
    before = len(world.written())
    return lambda: world.written()[before:]


@pytest.mark.cap("M141", "M142", "M143")
def test_a_conversion_with_a_new_company_moves_the_key_makes_the_company_and_links_the_person(build: Build) -> None:
    """In this order; it is the same person, and then nothing more is written."""
    world = build()
    lead = a_lead(world)
    [number] = people(world)
    wrote = since(world)

    made = converted(world, lead)
    world.ran()

    [(same, person)] = people(world).items()
    assert same == number
    assert (person["salesforceId"], person["leadbridgeStatus"]) == (made["contactId"], "Contact")
    assert person["externalCompanyId"] == made["accountId"]
    companies = world.of(world.marketo, "companies", "externalCompanyId")
    assert companies[made["accountId"]]["company"] == "Acme"
    assert wrote() == ["leads.json", "companies.json", "leads.json"]
    wrote = since(world)
    world.ran()
    world.ran()
    assert wrote() == []


@pytest.mark.cap("M144", "M145")
def test_a_conversion_gives_the_person_a_new_owner_and_what_only_the_contact_has(build: Build) -> None:
    """The owner is whoever has the Contact; its own fields are there in the same cycle."""
    world = build()
    first, second = a_user(world, "bea"), a_user(world, "cid")
    lead = a_lead(world, OwnerId=first)
    [person] = people(world).values()
    assert person["externalSalesPersonId"] == first
    made = converted(world, lead, ownerId=second)
    world.salesforce.post("set", {"object": "Contact", "ids": [made["contactId"]], "fields": {"Department": "R&D"}})
    world.ran()
    [person] = people(world).values()
    assert (person["externalSalesPersonId"], person["department"]) == (second, "R&D")


@pytest.mark.cap("M147")
def test_a_conversion_into_an_existing_company_makes_none(build: Build) -> None:
    """The other steps are the same, in their order."""
    world = build()
    first, second = a_user(world, "bea"), a_user(world, "cid")
    account = load(world, "Account", Name="Birch", OwnerId=first)
    lead = a_lead(world, OwnerId=first)
    [number] = people(world)
    before = world.marketo.get("records/companies")
    assert [each["externalCompanyId"] for each in before] == [account]
    wrote = since(world)

    made = converted(world, lead, accountId=account, ownerId=second)
    world.salesforce.post("set", {"object": "Contact", "ids": [made["contactId"]], "fields": {"Department": "R&D"}})
    world.ran()

    [(same, person)] = people(world).items()
    assert (same, person["salesforceId"], person["externalCompanyId"]) == (number, made["contactId"], account)
    assert (person["externalSalesPersonId"], person["department"]) == (second, "R&D")
    assert [each["externalCompanyId"] for each in world.marketo.get("records/companies")] == [account]
    # the key first, then the rest
    assert [each for each in wrote() if each == "leads.json"] == ["leads.json", "leads.json"]


@pytest.mark.cap("M148")
def test_a_conversion_into_an_existing_contact_merges_the_two_people(build: Build) -> None:
    """One person remains, the Contact's, and lacks nothing that the Lead's person had."""
    world = build()
    account = load(world, "Account", Name="Birch")
    contact = load(world, "Contact", LastName="King", Email="king@example.com", AccountId=account)
    lead = a_lead(world, FirstName="Ada")
    numbers = {each["email"]: number for number, each in people(world).items()}

    converted(world, lead, accountId=account, contactId=contact)
    world.ran()
    world.ran()

    [(same, person)] = people(world).items()
    assert same == numbers["king@example.com"]
    assert (person["salesforceId"], person["firstName"]) == (contact, "Ada")
    merged = [each["path"] for each in world.calls(world.marketo, "/rest/v1/leads/") if "merge" in each["path"]]
    assert merged == [f"/rest/v1/leads/{same}/merge.json"]


@pytest.mark.pain("P34")
def test_an_edit_in_marketo_of_a_converted_lead_reaches_the_contact(build: Build) -> None:
    """The key is moved, so nothing is ever written to the Lead that would be refused."""
    world = build()
    lead = a_lead(world)
    [number] = people(world)
    made = converted(world, lead)
    marketing = world.connections.marketo("marketing")
    marketing.sync_leads([{"id": number, "lastName": "Lovelace"}], action="updateOnly", lookup_field="id")
    world.ran()
    world.ran()
    contacts = world.of(world.salesforce, "Contact", "Id")
    assert contacts[made["contactId"]]["LastName"] == "Lovelace"
    assert world.of(world.salesforce, "Lead", "Id")[lead]["LastName"] == "Ada"
    assert world.due.records == {}


@pytest.mark.cap("U14", "U15", "U16")
def test_a_lead_that_becomes_a_contact_moves_on_in_marketo_once(build: Build, clients: Clients) -> None:
    """The new Contact is read by its id; the same person takes that id and the stage that ends nurturing, once."""
    world = build(on_conversion={"leadStatus": "SQL"})
    lead = a_lead(world, Status="Working - Contacted")
    [(number, person)] = people(world).items()
    assert person["leadStatus"] == "Working - Contacted"

    contact = converted(world, lead)["contactId"]
    asked: list[str] = []
    clients.http.event_hooks["request"].append(lambda request: asked.append(unquote_plus(str(request.url))))
    world.ran()
    world.ran()
    world.ran()

    [(same, person)] = people(world).items()
    assert (same, person["salesforceId"], person["leadStatus"]) == (number, contact, "SQL")
    assert any("FROM Contact WHERE Id IN" in each and contact in each for each in asked)
    marketing = world.connections.marketo("marketing")
    changes = [
        each.attributes.get("New Value")
        for each in marketing.activity_log.since(world.clock.now() - timedelta(days=1), [CHANGED], [number])
        if each.primary_attribute_value in {"Lead Status", "leadStatus"}
    ]
    assert changes.count("SQL") == 1
