"""People in whole cycles against both vendor twins: each value where it belongs, and who is right about it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_progress import members
from leadbridge.domain.marketo import FieldMetadata
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, MINUTES, WiredCycle

type Build = Callable[..., WiredCycle]
LEAD = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
    {"marketo": "title", "salesforce": "Title"},
    {"marketo": "leadStatus", "salesforce": "Status"},
    {"marketo": "leadScore", "salesforce": "Lead_Score__c", "direction": "to_salesforce"},
    {"marketo": "website", "salesforce": "Website", "enabled": False},
]
CONTACT = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "title", "salesforce": "Title", "direction": "to_marketo"},
]
PERSONS: Mapping[str, Any] = {
    "id_field": "salesforceId",
    "type_field": "leadbridgeStatus",
    "create_in_salesforce": {},
    "leads": {"fields": LEAD},
    "contacts": {"fields": CONTACT},
}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of persons, and of what else is given."""

    def made(**kept: Any) -> WiredCycle:
        common = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        document = {**common, "mode": "replace_native", "low_watermark": "2026-03-01T00:00", "persons": PERSONS, **kept}
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def edit(world: WiredCycle, *records: Mapping[str, Any]) -> None:
    """Somebody edits people in Marketo."""
    answers = world.connections.marketo("marketing").sync_leads(records, action="updateOnly", lookup_field="id")
    assert all(each.ok for each in answers)


def people(world: WiredCycle) -> dict[Any, dict[str, Any]]:
    """Marketo's people by the id of their record."""
    return world.of(world.marketo, "leads", "salesforceId")


def held(world: WiredCycle) -> list[Any]:
    """All that both systems hold of persons, with the stamps of the last write."""
    return [world.salesforce.get("records/Lead"), world.salesforce.get("records/Contact"), people(world)]


def two_leads(world: WiredCycle) -> tuple[str, str]:
    """Two Leads, who are not in step yet; their ids."""
    ada = load(world, "Lead", Email="ada@example.com", FirstName="Éda", LastName="McB", Company="Acme")
    return ada, load(world, "Lead", Email="ida@example.com", FirstName="Ida", LastName="O’Hara", Company="Acme")


@pytest.mark.cap("U29", "U30", "M015")
def test_names_are_copied_and_another_address_makes_no_second_person(build: Build, clients: Clients) -> None:
    """Who comes from Salesforce is written by the field that holds the record's id, and found by it."""
    world = build()
    ada, ida = two_leads(world)
    sent = list[str]()
    clients.http.event_hooks["request"].append(
        lambda request: sent.append(request.read().decode()) if request.url.path == "/rest/v1/leads.json" else None
    )
    world.ran()
    found = people(world)
    names = [(found[each]["email"], found[each]["firstName"], found[each]["lastName"]) for each in (ada, ida)]
    assert names == [("ada@example.com", "Éda", "McB"), ("ida@example.com", "Ida", "O’Hara")]
    [created] = [each for each in sent if "ada@example.com" in each]
    assert '"lookupField":"salesforceId"' in created.replace(" ", "")

    changed = {"Id": ada, "Email": "countess@example.com", "FirstName": "Ada", "LastName": "Byron"}
    world.connections.salesforce("crm").update("Lead", [changed])
    world.ran()
    after = people(world)
    assert {key: each["id"] for key, each in after.items()} == {key: each["id"] for key, each in found.items()}
    kept = after[ada]
    assert (kept["email"], kept["firstName"], kept["lastName"]) == ("countess@example.com", "Ada", "Byron")


@pytest.mark.cap("M002", "U28")
def test_what_is_not_mapped_is_written_nowhere(build: Build) -> None:
    """No pair, one that is off or goes the other way only; other capitals of an address and outer blanks: no edit."""
    world = build()
    ada, ida = two_leads(world)
    world.ran()
    crm, found = world.connections.salesforce("crm"), people(world)
    assert [found[each]["email"] for each in (ada, ida)] == ["ada@example.com", "ida@example.com"]
    crm.update("Lead", [{"Id": ada, "Rating": "Hot", "Website": "example.com", "Lead_Score__c": 9}])
    crm.update("Lead", [{"Id": ida, "Email": "IDA@Example.com"}])
    edit(world, {"id": found[ida]["id"], "lastName": " O’Hara ", "middleName": "X", "website": "www.example.com"})
    before = [*held(world), world.written()]
    assert people(world)[ida]["lastName"] == " O’Hara "
    world.ran()
    assert [*held(world), world.written()] == before
    # neither did the run look away: what is mapped goes over
    crm.update("Lead", [{"Id": ada, "Rating": "Cold", "Title": "CEO", "Email": "Ada.McB@Example.com"}])
    edit(world, {"id": found[ida]["id"], "middleName": "Y", "leadScore": 3})
    world.ran()
    record, person = world.of(world.salesforce, "Lead", "Id")[ida], people(world)[ada]
    assert (person["title"], person.get("rating"), record["Lead_Score__c"]) == ("CEO", None, 3)
    # another address is copied as it stands
    assert person["email"] == world.of(world.salesforce, "Lead", "Id")[ada]["Email"] == "Ada.McB@Example.com"


@pytest.mark.cap("U32", "U39", "U54")
def test_a_status_and_a_score_arrive_and_a_run_tells_how_long_they_took(build: Build) -> None:
    """A status that Salesforce refuses fails its record alone; both directions are measured and published."""
    world = build()
    ada, ida = two_leads(world)
    world.ran()
    found = people(world)
    world.connections.salesforce("crm").update("Lead", [{"Id": ada, "Status": "Working - Contacted"}])
    edit(world, {"id": found[ida]["id"], "leadScore": 42})
    run = world.ran()
    assert people(world)[ada]["leadStatus"] == "Working - Contacted"
    assert world.of(world.salesforce, "Lead", "Id")[ida]["Lead_Score__c"] == 42
    told = members(run)["latency"]
    # edits were made when the half hour began
    least = MINUTES * 60
    for direction in ("to_marketo", "to_salesforce"):
        assert told[direction]["writes"] == 1
        assert least <= told[direction]["p50_seconds"] == told[direction]["p95_seconds"] <= 1.2 * least
    gauges = {f"Cycle{way}P{share}Seconds" for way in ("ToMarketo", "ToSalesforce") for share in (50, 95)}
    assert gauges <= world.meter.gauges.keys()

    edit(world, {"id": found[ada]["id"], "leadStatus": "Nonsense"})
    edit(world, {"id": found[ida]["id"], "leadStatus": "Closed - Not Converted"})
    run = world.ran()
    leads = world.of(world.salesforce, "Lead", "Id")
    assert (leads[ada]["Status"], leads[ida]["Status"]) == ("Working - Contacted", "Closed - Not Converted")
    failed = [line for line in world.outcomes(run, "persons") if line["outcome"] == "failed"]
    assert [(line["salesforce_id"], line["reason"]) for line in failed] == [
        (ada, "salesforce_INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    ]


@pytest.mark.cap("M017", "M018")
def test_leads_and_contacts_have_fields_of_their_own_and_a_person_may_ask_to_be_a_contact(build: Build) -> None:
    """A title goes both ways with Leads, to Marketo only with Contacts, and a first name with Leads alone.

    What a person's type says, an object's name or a record type of either, decides what becomes of the person.
    """
    world = build()
    lead = load(world, "Lead", Email="l@example.com", FirstName="L", LastName="One", Company="Acme", Title="CEO")
    contact = load(world, "Contact", Email="c@example.com", FirstName="C", LastName="Two", Title="CFO")
    types = {"partner": "Contact", "reseller": "Lead"}
    loaded = [{"Name": name, "DeveloperName": name, "SobjectType": of} for name, of in types.items()]
    partner, reseller = world.salesforce.post("load", {"RecordType": loaded})["RecordType"]
    asked = {"n": "Contact", "p": partner, "r": reseller, "d": "Partner", "l": "Lead", "x": "Friend"}
    new = [
        {"email": f"{who}@example.com", "lastName": who, "company": "Acme", "leadbridgeStatus": said}
        for who, said in asked.items()
    ]
    world.connections.marketo("marketing").sync_leads(new, action="createOnly", lookup_field="email")
    world.ran()
    found = people(world)
    assert [(found[each].get("firstName"), found[each]["title"]) for each in (lead, contact)] == [
        ("L", "CEO"),
        (None, "CFO"),
    ]
    made = {name: world.of(world.salesforce, name, "Email") for name in ("Contact", "Lead")}
    became = {
        who: (name, records[f"{who}@example.com"]["RecordTypeId"])
        for who in asked
        for name, records in made.items()
        if f"{who}@example.com" in records
    }
    assert became == {
        "n": ("Contact", None),
        "p": ("Contact", partner),
        "r": ("Lead", reseller),
        "d": ("Contact", partner),
        "l": ("Lead", None),
        "x": ("Lead", None),
    }
    assert found[made["Contact"]["n@example.com"]["Id"]]["email"] == "n@example.com"
    edit(world, *({"id": found[each]["id"], "title": "COO", "lastName": "Both"} for each in (lead, contact)))
    world.ran()
    one, two = world.of(world.salesforce, "Lead", "Id")[lead], world.of(world.salesforce, "Contact", "Id")[contact]
    assert [(each["Title"], each["LastName"]) for each in (one, two)] == [("COO", "Both"), ("CFO", "Both")]


@pytest.mark.cap("U01", "U02")
def test_salesforce_is_right_about_sales_and_marketo_about_scores_and_nurture(build: Build) -> None:
    """Both edit the same fields between two runs, and no pair says who is right."""
    nurture = {"marketo": "nurtureTrack", "salesforce": "Last_Interesting_Moment__c"}
    leads = [*LEAD[:4], {"marketo": "leadScore", "salesforce": "Lead_Score__c"}, nurture]
    pairs = [("name", "Name"), ("stage", "StageName"), ("amount", "Amount"), ("probability", "Probability")]
    world = build(
        persons={**PERSONS, "leads": {"fields": leads}, "contacts": {"fields": CONTACT[:2]}},
        companies={"fields": [{"marketo": "company", "salesforce": "Name"}]},
        opportunities={"fields": [{"marketo": here, "salesforce": there} for here, there in pairs]},
    )
    crm, marketing = world.connections.salesforce("crm"), world.connections.marketo("marketing")
    marketing.lead_fields.create([FieldMetadata(name="nurtureTrack", data_type="string", display_name="Nurture")])
    account = load(world, "Account", Name="Acme")
    contact = load(world, "Contact", LastName="King", Email="king@example.com", AccountId=account)
    lead = load(world, "Lead", LastName="Free", Email="free@example.com", Company="Mine", Lead_Score__c=1)
    deal = {"Name": "Deal", "StageName": "Prospecting", "Amount": 10, "CloseDate": "2026-12-31", "AccountId": account}
    opportunity = load(world, "Opportunity", **deal)
    world.ran()
    found = people(world)

    crm.update("Account", [{"Id": account, "Name": "Sales's"}])
    crm.update("Contact", [{"Id": contact, "LastName": "Sales's"}])
    crm.update("Opportunity", [{"Id": opportunity, "StageName": "Negotiation/Review", "Amount": 20}])
    crm.update("Lead", [{"Id": lead, "Lead_Score__c": 5, "Last_Interesting_Moment__c": "Sales's"}])
    marketing.companies.sync([{"externalCompanyId": account, "company": "Marketing's"}])
    marketing.opportunities.sync([{"externalOpportunityId": opportunity, "stage": "Qualification", "amount": 30}])
    edit(world, {"id": found[contact]["id"], "lastName": "Marketing's"})
    edit(world, {"id": found[lead]["id"], "leadScore": 7, "nurtureTrack": "Marketing's"})
    run = world.ran()
    told = {line["salesforce_id"]: line["reason"] for line in world.outcomes(run, "persons")}
    assert (told[contact], told[lead]) == ("decided", "decided")

    found = people(world)
    assert world.of(world.salesforce, "Account", "Id")[account]["Name"] == "Sales's"
    assert world.of(world.marketo, "companies", "externalCompanyId")[account]["company"] == "Sales's"
    assert world.of(world.salesforce, "Contact", "Id")[contact]["LastName"] == found[contact]["lastName"] == "Sales's"
    for twin, name, key, fields in (
        (world.salesforce, "Opportunity", "Id", ("StageName", "Amount", "Probability")),
        (world.marketo, "opportunities", "externalOpportunityId", ("stage", "amount", "probability")),
    ):
        record = world.of(twin, name, key)[opportunity]
        assert [record[field] for field in fields] == ["Negotiation/Review", 20, 90]
    record = world.of(world.salesforce, "Lead", "Id")[lead]
    assert (record["Lead_Score__c"], record["Last_Interesting_Moment__c"]) == (7, "Marketing's")
    assert (found[lead]["leadScore"], found[lead]["nurtureTrack"]) == (7, "Marketing's")
