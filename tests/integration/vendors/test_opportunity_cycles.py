"""Opportunities and their roles in whole cycles, against both vendor twins."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.three_way import Side
from leadbridge.vendors.cycle_look import VendorLook
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
VISIT = {
    "apiName": "visit_c",
    "displayName": "Visit",
    "fields": [
        {"name": "registration", "displayName": "Registration", "dataType": "string", "isDedupeField": True},
        {"name": "person", "displayName": "Person", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}},
    ],
}
VISITS = {
    "marketo": "visit_c",
    "salesforce": "Event_Registration__c",
    "direction": "to_marketo",
    "fields": [{"marketo": "registration", "salesforce": "Registration_Key__c"}],
    "links": {"person": ["Contact__c"]},
}
#: calls that say how something is called, or from where a log is read
ABOUT = {"activities/types", "activities/pagingtoken", "leads/describe2"}
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


@pytest.mark.cap("M037", "M038", "M043")
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


def calls(world: WiredCycle) -> list[dict[str, Any]]:
    """Marketo's calls about opportunities and roles."""
    return world.calls(world.marketo, "/rest/v1/opportunities")


def edit(world: WiredCycle, object_name: str, record: str, **fields: Any) -> None:
    """Somebody edits a record of the org."""
    world.connections.salesforce("crm").update(object_name, [{"Id": record, **fields}])


@pytest.mark.cap("M034", "M035", "M036")
def test_stage_and_amount_are_told_before_and_after_the_close(build: Build) -> None:
    """Open, won, open once more and lost: both flags go together; amount times probability is the expected revenue."""
    world = build(companies=None, sales_persons=None, opportunity_roles=None)
    deal = load(world, "Opportunity", **DEAL)
    stages = [
        ("Negotiation/Review", 2500, (False, False), (90, 2250.0)),
        ("Closed Won", 2400.5, (True, True), (100, 2400.5)),
        ("Closed Won", 2000, (True, True), (100, 2000.0)),
        ("Prospecting", 2000, (False, False), (10, 200.0)),
        ("Closed Lost", None, (True, False), (0, None)),
    ]
    for stage, amount, flags, (probability, expected) in stages:
        edit(world, "Opportunity", deal, StageName=stage, Amount=amount)
        world.ran()
        found = deals(world)[deal]
        assert (found["stage"], found.get("amount")) == (stage, amount)
        assert (found["isClosed"], found["isWon"]) == flags
        assert (found["probability"], found.get("expectedRevenue")) == (probability, expected)
    # whatever Salesforce may say: nothing is won that is not closed
    told = {"IsClosed": False, "IsWon": True, "StageName": "Odd"}
    world.salesforce.post("set", {"object": "Opportunity", "ids": [deal], "fields": told})
    world.ran()
    assert (deals(world)[deal]["isClosed"], deals(world)[deal]["isWon"]) == (False, False)


@pytest.mark.cap("M006", "M134", "M033")
def test_nothing_of_marketos_opportunities_is_read_and_its_edits_stay_there(build: Build) -> None:
    """Also where Salesforce's changed and are written; what did not change costs no call at all."""
    world = build(companies=None, sales_persons=None)
    _, _, deal, role = sold(world)
    world.ran()
    wired = world.connections.marketo("marketing")
    wired.opportunities.sync([{"externalOpportunityId": deal, "amount": 1, "nextStep": "Marketo's"}])
    before = (world.salesforce.get("records/Opportunity"), world.salesforce.get("records/OpportunityContactRole"))
    mark, written = len(calls(world)), len(world.written())

    world.ran()

    assert len(world.written()) == written
    assert before == (
        world.salesforce.get("records/Opportunity"),
        world.salesforce.get("records/OpportunityContactRole"),
    )
    edit(world, "Opportunity", deal, NextStep="Salesforce's", Amount=1200)
    edit(world, "OpportunityContactRole", role, IsPrimary=False)
    world.ran()
    found = deals(world)[deal]
    assert (found["externalOpportunityId"], found["amount"], found["nextStep"]) == (deal, 1200.0, "Marketo's")
    assert roles(world)[0]["isPrimary"] is False
    asked = {(each["method"], each["path"], "_method" in str(each.get("query", ""))) for each in calls(world)[mark:]}
    written_to = {"/rest/v1/opportunities.json", "/rest/v1/opportunities/roles.json"}
    assert {each for each in asked if not each[1].endswith("/describe.json")} == {
        ("POST", p, False) for p in written_to
    }


@pytest.mark.cap("M112", "M114", "M115")
def test_an_opportunity_goes_with_its_roles_its_company_and_its_sales_person_in_one_cycle(build: Build) -> None:
    """Roles before opportunities before companies before sales persons: nothing is in use when it is deleted (1022).

    All fourteen steps are in Adobe's order. Behind the writes of people Marketo is asked once more, before anything is
    deleted: for companies and people that are to be, for merges and deletions, then for activities.
    """
    world = build(
        activities={"groups": {"clicks": {"types": ["Click Email"], "key": "External_Key__c"}}},
        custom_objects={"objects": {"visits": VISITS}},
        companies={"fields": [{"marketo": "company", "salesforce": "Name"}], "deleted_in_salesforce": "delete"},
        sales_persons={"deactivated": "delete"},
        persons={**PERSONS, "deleted_in_salesforce": "delete"},
    )
    world.marketo.post("load", {"customObjectTypes": [VISIT]})
    user = load(world, "User", **person("ada"))
    account, contact, deal, _ = sold(world)
    leaver = load(world, "Contact", LastName="Leaver", Email="leaver@example.com")
    empty = load(world, "Account", Name="Nobody", OwnerId=user)
    other = load(world, "Opportunity", **DEAL, AccountId=empty, OwnerId=user)
    for name in ("Influencer", "Evaluator", None):
        load(world, "OpportunityContactRole", OpportunityId=other, ContactId=contact, Role=name)
    world.ran()
    assert {each["role"] for each in roles(world)} == {"Decision Maker", "Influencer", "Evaluator", "Unspecified"}

    mark = len(world.calls(world.marketo, "/rest/v1/"))
    for name, gone in (("Opportunity", other), ("Account", empty), ("Contact", leaver)):
        world.salesforce.post("delete", {"object": name, "ids": [gone]})
    world.salesforce.post("set", {"object": "User", "ids": [user], "fields": {"IsActive": False}})
    new = load(world, "User", **person("ida"))
    came = load(world, "Account", Name="New", OwnerId=new)
    heir = load(world, "Contact", LastName="Heir", Email="heir@example.com", AccountId=came, OwnerId=new)
    fresh = load(world, "Opportunity", **DEAL, AccountId=came, OwnerId=new)
    load(world, "OpportunityContactRole", OpportunityId=fresh, ContactId=heir, Role="Other")
    load(world, "Event_Registration__c", Registration_Key__c="R-1", Contact__c=heir)
    run = world.ran()

    assert deals(world).keys() == {deal, fresh}
    assert sorted(each["role"] for each in roles(world)) == ["Decision Maker", "Other"]
    assert world.of(world.marketo, "companies", "externalCompanyId").keys() == {account, came}
    sales_persons = world.of(world.marketo, "salesPersons", "externalSalesPersonId")
    assert (user in sales_persons, new in sales_persons) == (False, True)
    called = [
        (each["method"] == "POST" and "_method" not in str(each), each["path"][9:].removesuffix(".json"))
        for each in world.calls(world.marketo, "/rest/v1/")[mark:]
    ]
    last = max(at for at, call in enumerate(called) if call == (True, "leads"))
    follow_up = [name for _, name in called[last + 1 : called.index((True, "leads/delete"))]]
    assert [name for name in follow_up if name not in ABOUT] == [
        "companies",
        "leads",
        "activities",
        "activities/deletedleads",
        "activities",
    ]
    writes = [name for is_write, name in called if is_write]
    assert [name for name, before in zip(writes, ["", *writes], strict=False) if name != before] == [
        "salespersons",
        "companies",
        "leads",
        "leads/delete",
        "opportunities",
        "opportunities/roles",
        "opportunities/roles/delete",
        "opportunities/delete",
        "companies/delete",
        "salespersons/delete",
        "customobjects/visit_c",
    ]
    told = [each["outcome"] for each in world.outcomes(run, "opportunity_roles")]
    assert sorted(told) == ["created", "deleted", "deleted", "deleted"]


def person(name: str) -> dict[str, Any]:
    """Fields of a User."""
    return {"Username": f"{name}@example.com", "LastName": name, "Email": f"{name}@example.com"}


@pytest.mark.cap("M135", "M136")
def test_opportunities_come_before_their_roles_and_go_behind_them(build: Build) -> None:
    """New, changed and deleted ones of both kinds in one cycle: what is new and what is changed is one call.

    One that goes has three roles, and is not asked to before they are gone.
    """
    world = build(companies=None, sales_persons=None)
    _, contact, deal, role = sold(world)
    lost = load(world, "Opportunity", **DEAL)
    for name in ("Other", "Influencer", None):
        load(world, "OpportunityContactRole", OpportunityId=lost, ContactId=contact, Role=name)
    world.ran()
    assert (set(deals(world)), len(roles(world))) == ({deal, lost}, 4)
    mark = len(calls(world))

    world.salesforce.post("delete", {"object": "Opportunity", "ids": [lost]})
    fresh = load(world, "Opportunity", **DEAL)
    load(world, "OpportunityContactRole", OpportunityId=fresh, ContactId=contact, Role="Evaluator")
    edit(world, "Opportunity", deal, Amount=1200)
    edit(world, "OpportunityContactRole", role, IsPrimary=False)
    world.ran()

    assert {key: each["amount"] for key, each in deals(world).items()} == {deal: 1200.0, fresh: 1000.0}
    kept = {each["role"]: each["isPrimary"] for each in roles(world)}
    assert kept == {"Decision Maker": False, "Evaluator": False}
    writes = [
        each["path"].removeprefix("/rest/v1/").removesuffix(".json")
        for each in calls(world)[mark:]
        if each["method"] == "POST" and "_method" not in str(each.get("query", ""))
    ]
    assert writes == ["opportunities", "opportunities/roles", "opportunities/roles/delete", "opportunities/delete"]


def test_roles_that_are_added_again_or_take_over_a_name_are_there_once(build: Build) -> None:
    """One is removed and added again, one takes over the name of another, and two that say the same are removed."""
    world = build(companies=None, sales_persons=None)
    _, contact, deal, role = sold(world)

    def made(name: str) -> str:
        return load(world, "OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role=name, IsPrimary=False)

    other, twins = made("Other"), [made("Influencer"), made("Influencer")]
    world.ran()
    assert sorted(each["role"] for each in roles(world)) == ["Decision Maker", "Influencer", "Other"]
    held = {each["role"]: each["marketoGUID"] for each in roles(world)}

    world.salesforce.post("delete", {"object": "OpportunityContactRole", "ids": [role, *twins]})
    made("Decision Maker")
    edit(world, "OpportunityContactRole", other, Role="Evaluator")
    taking = made("Other")
    world.ran()
    assert sorted(each["role"] for each in roles(world)) == ["Decision Maker", "Evaluator", "Other"]
    kept = {each["role"]: each["marketoGUID"] for each in roles(world)}
    assert [kept[name] for name in ("Decision Maker", "Other")] == [held[name] for name in ("Decision Maker", "Other")]

    edit(world, "OpportunityContactRole", other, Role="Other")
    edit(world, "OpportunityContactRole", taking, Role="Evaluator")
    world.ran()
    assert {each["role"]: each["marketoGUID"] for each in roles(world)} == kept


@pytest.mark.cap("U20", "U35")
def test_a_stage_goes_to_the_person_of_the_primary_role_and_of_several_the_open_one_decides(build: Build) -> None:
    """Of several roles only the primary one counts, none is told; of several open ones whose stage was changed last."""
    world = build(companies=None, sales_persons=None, opportunities={"fields": FIELDS, "stage_field": "externalKey"})
    _, king, first, _ = sold(world)
    other = load(world, "Contact", LastName="Other", Email="other@example.com")
    load(world, "OpportunityContactRole", OpportunityId=first, ContactId=other, Role="Influencer", IsPrimary=False)
    second = load(world, "Opportunity", **{**DEAL, "Name": "Second", "StageName": "Qualification"})
    load(world, "OpportunityContactRole", OpportunityId=second, ContactId=king, Role="Other", IsPrimary=True)

    def staged(deal: str, stage: str) -> dict[str, Any]:
        edit(world, "Opportunity", deal, StageName=stage)
        world.ran()
        people = world.of(world.marketo, "leads", "salesforceId")
        return {"king": people[king].get("externalKey"), "other": people[other].get("externalKey")}

    # people come first, so a stage goes to those whom a run before has linked
    world.ran()
    assert staged(first, "Negotiation/Review") == {"king": "Negotiation/Review", "other": None}
    assert staged(second, "Proposal/Price Quote") == {"king": "Proposal/Price Quote", "other": None}
    assert staged(first, "Closed Won")["king"] == "Proposal/Price Quote"
    assert staged(second, "Closed Lost") == {"king": "Closed Lost", "other": None}
    nobodys = load(world, "Opportunity", **DEAL)
    told = {each["salesforce_id"]: each["reason"] for each in world.outcomes(world.ran(), "opportunity_roles")}
    assert told == {nobodys: "no_primary"}


def test_what_salesforce_hides_of_an_opportunity_its_stage_tells(build: Build) -> None:
    """Whether it is closed and won; of an unknown stage nothing is told, and what is shown again is caught up."""
    world = build(companies=None, sales_persons=None, opportunity_roles=None)
    hidden = ["Opportunity.IsClosed", "Opportunity.IsWon"]
    world.salesforce.post("permissions", {"hidden": hidden})
    won = load(world, "Opportunity", **{**DEAL, "StageName": "Closed Won"})
    odd = load(world, "Opportunity", **DEAL)
    world.salesforce.post("set", {"object": "Opportunity", "ids": [odd], "fields": {"StageName": "Odd"}})

    run = world.ran()

    assert (deals(world)[won]["isClosed"], deals(world)[won]["isWon"]) == (True, True)
    assert (deals(world)[odd]["stage"], "isClosed" in deals(world)[odd]) == ("Odd", False)
    told = {each["salesforce_id"]: (each["outcome"], each["reason"]) for each in world.outcomes(run, "opportunities")}
    assert told == {won: ("created", ""), odd: ("created", "stage_unknown")}
    world.salesforce.post("permissions", {"hidden": [*hidden, "Opportunity.Amount"]})
    edit(world, "Opportunity", won, NextStep="Renew")
    world.salesforce.post("set", {"object": "Opportunity", "ids": [won], "fields": {"Amount": 7}})
    run = world.ran()
    assert any("Amount of Opportunity" in each for each in run.warnings)
    assert deals(world)[won]["amount"] == 1000.0
    world.salesforce.post("permissions", {"hidden": hidden})
    world.ran()
    assert deals(world)[won]["amount"] == 7.0


def test_an_idle_look_is_one_call_of_five_queries_and_sees_roles_that_come_change_and_go(build: Build) -> None:
    """Six kinds of records: of Users and of roles every other look asks, of roles that were taken away each one."""
    leads = {"fields": [{"marketo": "lastName", "salesforce": "LastName"}]}
    world = build(persons={**PERSONS, "leads": leads})
    _, _, deal, role = sold(world)
    world.ran()
    look, token = VendorLook(world.connections, world.clock), ""
    users = [each["Id"] for each in world.salesforce.get("records/User")]
    world.salesforce.post("set", {"object": "User", "ids": users, "fields": {"SystemModstamp": "2026-03-01T00:00:00Z"}})

    def why(past: int = 20) -> str:
        nonlocal token
        found = look(world.cycle, {Side.SALESFORCE: world.clock.now() - timedelta(minutes=past)}, token)
        token = found.token
        return found.why

    assert why() == ""
    composites = world.calls(world.salesforce, "/services/data/")
    assert why() == ""
    assert len(world.calls(world.salesforce, "/services/data/")) == len(composites) + 1
    world.clock.advance(1800)
    edit(world, "OpportunityContactRole", role, Role="Other")
    assert sorted([why(), why()]) == ["", "a OpportunityContactRole was changed in Salesforce"]
    world.clock.advance(1800)
    edit(world, "Opportunity", deal, Amount=7)
    assert why() == "a Opportunity was changed in Salesforce"
    world.clock.advance(1800)
    assert why() == ""
    world.salesforce.post("delete", {"object": "OpportunityContactRole", "ids": [role]})
    world.clock.advance(120)
    assert why() == "a OpportunityContactRole was changed in Salesforce"
