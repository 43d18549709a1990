"""Conversions, merges and deletions in whole cycles: done in one simulator, time passes, and the other shows them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_plus

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.vendors.marketo.client import MarketoClient
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
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
#: a yes/no field that Leads of this org have
FLAG = "Opt_In__c"
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


def as_marketer(world: WiredCycle) -> MarketoClient:
    """Somebody who works in Marketo."""
    return world.connections.marketo("marketing")


def gone(world: WiredCycle, lead: str) -> bool:
    """Whether a Lead is deleted."""
    return lead not in world.of(world.salesforce, "Lead", "Id")


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
        change.new_value
        for each in marketing.activity_log.lead_changes(world.clock.now() - timedelta(days=1), ["leadStatus"])
        for change in each.fields
        if each.lead_id == number
    ]
    assert changes.count("SQL") == 1


def two_leads(world: WiredCycle) -> tuple[dict[str, str], dict[str, int]]:
    """Two Leads that are in step, and their people, by name."""
    leads = {name: load(world, "Lead", LastName=name, Email=f"{name}@example.com", Company="A") for name in ("a", "b")}
    world.ran()
    named = {each["salesforceId"]: number for number, each in people(world).items()}
    return leads, {name: named[lead] for name, lead in leads.items()}


@pytest.mark.cap("M118")
def test_a_merge_in_marketo_is_honoured_in_salesforce(build: Build) -> None:
    """The loser's Lead is deleted, the winner's takes what the winner got, and the deletion is not carried back.

    What the loser had is old: Marketo logs no change of what a merge fills.
    """
    world = build(deleted_in_salesforce="delete")
    leads, numbers = two_leads(world)
    as_marketer(world).sync_leads([{"id": numbers["b"], "firstName": "Bea"}], action="updateOnly", lookup_field="id")
    world.ran()
    world.clock.advance(3600)
    world.ran()
    as_marketer(world).merge_leads(numbers["a"], [numbers["b"]])
    world.ran()
    world.ran()
    assert (gone(world, leads["b"]), gone(world, leads["a"])) == (True, False)
    assert world.of(world.salesforce, "Lead", "Id")[leads["a"]]["FirstName"] == "Bea"
    wrote = since(world)
    world.ran()
    assert ([*people(world)], wrote()) == ([numbers["a"]], [])


@pytest.mark.cap("M119")
def test_a_merge_in_marketo_may_be_ignored_with_a_flag(build: Build) -> None:
    """The loser's Lead is kept, says that its person is gone, and no new person is made of it."""
    world = build(merges={"flag": FLAG})
    leads, numbers = two_leads(world)
    as_marketer(world).merge_leads(numbers["a"], [numbers["b"]])
    world.ran()
    world.ran()
    kept = world.of(world.salesforce, "Lead", "Id")
    assert {name: kept[lead][FLAG] for name, lead in leads.items()} == {"a": False, "b": True}
    assert [*people(world)] == [numbers["a"]]


@pytest.mark.cap("M120")
@pytest.mark.fault("FM22")
@pytest.mark.parametrize(
    ("policy", "deleted", "flagged"), [("delete", True, None), ({"flag": FLAG}, False, True), ("ignore", False, False)]
)
def test_a_deletion_in_marketo_is_carried_over_by_policy(
    build: Build, policy: Any, deleted: bool, flagged: bool | None
) -> None:
    """Deleted, flagged or left; an edit of a Lead that stays brings nobody back by e-mail."""
    world = build(deleted_in_marketo=policy)
    leads, numbers = two_leads(world)
    as_marketer(world).leads.delete([numbers["b"]])
    world.ran()
    assert gone(world, leads["b"]) is deleted
    if not deleted:
        assert world.of(world.salesforce, "Lead", "Id")[leads["b"]][FLAG] is flagged
        world.connections.salesforce("crm").update("Lead", [{"Id": leads["b"], "FirstName": "Bea"}])
    world.ran()
    assert [*people(world)] == [numbers["a"]]


@pytest.mark.pain("P18")
@pytest.mark.parametrize("purged", [False, True])
def test_a_deletion_in_salesforce_is_carried_over_also_out_of_the_bin(build: Build, purged: bool) -> None:
    """Whether the Recycle Bin holds the Lead still or not."""
    world = build(deleted_in_salesforce="delete")
    leads, numbers = two_leads(world)
    world.salesforce.post("delete", {"object": "Lead", "ids": [leads["b"]]})
    if purged:
        world.salesforce.post("purge", {"object": "Lead"})
    world.ran()
    assert [*people(world)] == [numbers["a"]]


@pytest.mark.fault("FS12")
def test_records_that_are_merged_deleted_or_back_are_followed(build: Build) -> None:
    """A merged one leads to its master, with one person left; a deleted one that is back is in step again."""
    world = build()
    leads, numbers = two_leads(world)
    crm = world.connections.salesforce("crm")
    world.salesforce.post("delete", {"object": "Lead", "ids": [leads["b"]]})
    world.ran()
    world.salesforce.post("undelete", {"object": "Lead", "ids": [leads["b"]]})
    crm.update("Lead", [{"Id": leads["b"], "FirstName": "Bea"}])
    world.ran()
    assert people(world)[numbers["b"]]["firstName"] == "Bea"
    world.salesforce.post("merge", {"object": "Lead", "master": leads["a"], "losers": [leads["b"]]})
    world.ran()
    world.ran()
    [(number, person)] = people(world).items()
    assert (number, person["salesforceId"], person["firstName"]) == (numbers["a"], leads["a"], "Bea")
    assert world.of(world.salesforce, "Lead", "Id")[leads["a"]]["FirstName"] == "Bea"
