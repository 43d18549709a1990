"""Syncs into Marketo's companies, opportunities, roles, sales persons and custom objects, against both vendor twins."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.syncing import Step, Totals, Way
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs

type Build = Callable[..., WiredSyncs]
ONE_MORE = 301
IMPORT = "/bulk/v1/customobjects/car/import.json"


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync from a Salesforce object into one of Marketo's."""

    def made(source: str, into: str, pairs: dict[str, str], key: list[str], **members: Any) -> WiredSyncs:
        columns = {field: column for column, field in pairs.items()}
        document = {
            "source": {"connection": "crm", "object": source},
            "destination": {"connection": "marketing", "object": into},
            "match": [{"column": columns[field], "field": field} for field in key],
            "mappings": [{"to": field, "column": column} for column, field in pairs.items()],
            "dedupe": "import_everything",
        }
        return WiredSyncs(clients, marketo, salesforce, a_sync(**document | members))

    return made


def findings(world: WiredSyncs) -> list[tuple[str, str]]:
    """What is wrong with the world's Sync, by the vendors' own descriptions."""
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    plan = apply.plan([Given(raw=as_document(world.sync))], thorough=True)
    return [(each.pointer, each.what) for each in plan.findings]


def test_accounts_become_companies_three_hundred_a_call(build: Build) -> None:
    """Each Account is one company with its values; a second run writes nothing, one that changed is changed by id."""
    pairs = {"External_Key__c": "externalCompanyId", "Name": "company", "Industry": "industry", "Website": "website"}
    world = build("Account", "companies", pairs, ["externalCompanyId"])
    accounts = [
        {
            "External_Key__c": f"Key-{number}",
            "Name": f'Łódź "{number}", Ltd',
            "Website": f"https://{number}.example.com",
        }
        for number in range(ONE_MORE)
    ]
    world.salesforce.post("load", {"Account": accounts})
    world.clock.advance(3600)
    assert findings(world) == []
    # saving tries a write of nothing
    looked = len(world.marketo.calls_of("POST", "/rest/v1/companies.json"))
    assert looked == 1

    first = world.ran()

    assert (first.step, first.totals) == (Step.DONE, Totals(created=ONE_MORE)), first.message
    held = {each["externalCompanyId"]: each for each in world.marketo.get("records/companies")}
    assert {key: (each["company"], each["website"]) for key, each in held.items()} == {
        each["External_Key__c"]: (each["Name"], each["Website"]) for each in accounts
    }
    assert len(world.marketo.calls_of("POST", "/rest/v1/companies.json")) == looked + 2
    record = next(each for each in world.salesforce.get("records/Account") if each["External_Key__c"] == "Key-7")
    # a key in other capitals means the same company, whose own key stays
    world.wired.salesforce("crm").update(
        "Account", [{"Id": record["Id"], "Name": "Renamed", "External_Key__c": "KEY-7"}]
    )
    second = world.again()

    assert second.totals == Totals(unchanged=ONE_MORE - 1, updated=1)
    now = {each["externalCompanyId"]: each for each in world.marketo.get("records/companies")}
    assert (now["Key-7"]["company"], now["Key-7"]["id"]) == ("Renamed", held["Key-7"]["id"])
    assert len(world.marketo.calls_of("POST", "/rest/v1/companies.json")) == looked + 3


def test_opportunities_and_their_roles_are_written_by_their_keys(build: Build) -> None:
    """An opportunity has one field as its key, a role three; both are found again by it and left alone."""
    world = build(
        "Opportunity",
        "opportunities",
        {"External_Key__c": "externalOpportunityId", "Name": "name", "Amount": "amount", "CloseDate": "closeDate"},
        ["externalOpportunityId"],
    )
    deal = {"StageName": "Prospecting", "CloseDate": "2026-06-30", "Name": "Deal", "Amount": 12.5}
    world.salesforce.post("load", {"Opportunity": [deal | {"External_Key__c": f"O-{each}"} for each in range(3)]})
    world.clock.advance(3600)
    assert findings(world) == []

    assert world.ran().totals == Totals(created=3)
    held = world.marketo.get("records/opportunities")
    assert {(each["externalOpportunityId"], each["name"], each["amount"], each["closeDate"]) for each in held} == {
        (f"O-{each}", "Deal", 12.5, "2026-06-30") for each in range(3)
    }
    assert world.again().totals == Totals(unchanged=3)

    world.people(2)
    ids = [int(lead["id"]) for lead in world.leads().values()]
    roles = build(
        "Event_Registration__c",
        "opportunity_roles",
        {
            "Registration_Key__c": "externalOpportunityId",
            "Seats__c": "leadId",
            "Name": "role",
            "Registered_On__c": "externalCreatedDate",
        },
        ["externalOpportunityId", "leadId", "role"],
        id="roles",
    )
    rows = [
        {"Registration_Key__c": f"O-{number}", "Seats__c": lead, "Name": "Buyer"}
        for number, lead in enumerate([*ids, 9_999])
    ]
    roles.salesforce.post("load", {"Event_Registration__c": rows})
    roles.clock.advance(3600)
    assert findings(roles) == []

    first = roles.ran()

    # a role of nobody is refused by Marketo and told, the others are written
    assert (first.step, first.totals) == (Step.DONE, Totals(created=2, failed=1)), first.message
    assert {line["reason"] for line in roles.results().values() if line["outcome"] == "failed"} == {"marketo_1004"}
    found = {
        (each["externalOpportunityId"], each["leadId"], each["role"])
        for each in roles.marketo.get("records/opportunityRoles")
    }
    assert found == {(f"O-{number}", lead, "Buyer") for number, lead in enumerate(ids)}
    registered = next(
        each for each in roles.salesforce.get("records/Event_Registration__c") if each["Seats__c"] == ids[0]
    )
    roles.wired.salesforce("crm").update(
        "Event_Registration__c", [{"Id": registered["Id"], "Registered_On__c": "2026-02-03"}]
    )
    assert roles.again().totals == Totals(unchanged=1, updated=1, failed=1)


def test_sales_persons_may_be_matched_by_a_searchable_field(build: Build) -> None:
    """Matched by e-mail, which is no key: known ones are updated, and nobody's record of the same key is taken."""
    pairs = {"Email": "email", "LastName": "lastName", "Department": "externalSalesPersonId"}
    world = build("Contact", "sales_persons", pairs, ["email"])
    world.marketo.post(
        "load",
        {
            "salesPersons": [
                {"externalSalesPersonId": "S-1", "email": "known@example.com", "lastName": "Before"},
                {"externalSalesPersonId": "S-2", "email": "other@example.com", "lastName": "Other"},
            ]
        },
    )
    people = [
        ("known@example.com", "After", "S-1"),
        ("taken@example.com", "Taken", "S-2"),
        ("new@example.com", "New", "S-3"),
        ("keyless@example.com", "Keyless", None),
    ]
    rows = [{"Email": email, "LastName": name, "Department": key} for email, name, key in people]
    world.salesforce.post("load", {"Contact": rows})
    world.clock.advance(3600)
    assert findings(world) == []

    run = world.ran()

    assert run.totals == Totals(created=1, updated=1, failed=2)
    held = {each["externalSalesPersonId"]: each["lastName"] for each in world.marketo.get("records/salesPersons")}
    assert held == {"S-1": "After", "S-2": "Other", "S-3": "New"}
    told = {line["reason"] for line in world.results().values() if line["outcome"] == "failed"}
    assert told == {"marketo_1017", "marketo_key"}


@pytest.mark.parametrize(
    ("load", "wrong"),
    [("rest", ["/match/0/field"]), ("bulk", ["/by/load", "/match/0/field"])],
)
def test_a_custom_object_with_a_key_of_two_fields_is_written(build: Build, load: str, wrong: list[str]) -> None:
    """No field of the key is searchable by itself: records are found by both; another match is a finding.

    By import it is the same: a key in another spelling means the same record, and who holds all costs no second file.
    """
    pairs = {"LastName": "make", "Department": "model", "Title": "owner"}
    world = build("Contact", "car", pairs, ["make", "model"], by={"load": load})
    fields = [
        {"name": "make", "displayName": "Make", "dataType": "string", "isDedupeField": True},
        {"name": "model", "displayName": "Model", "dataType": "string", "isDedupeField": True},
        {"name": "owner", "displayName": "Owner", "dataType": "string"},
    ]
    world.marketo.post(
        "load",
        {
            "customObjectTypes": [{"apiName": "car", "displayName": "Car", "fields": fields}],
            "car": [{"make": "A", "model": "1", "owner": "Before"}, {"make": "B", "model": "1", "owner": "Other"}],
        },
    )
    rows = [{"LastName": make, "Department": model, "Title": "After"} for make, model in (("a ", "1"), ("A", "2"))]
    rows.append({"LastName": "B", "Department": "1", "Title": "Other"})
    world.salesforce.post("load", {"Contact": rows})
    world.clock.advance(3600)
    assert findings(world) == []
    assert [each for each, _ in findings(build("Contact", "car", pairs, ["make"], by={"load": load}))] == wrong

    run = world.ran()

    assert (run.step, run.load, run.totals) == (Step.DONE, Way(load), Totals(created=1, updated=1, unchanged=1))
    held = {(each["make"], each["model"]): each["owner"] for each in world.marketo.get("records/car")}
    assert held == {("A", "1"): "After", ("A", "2"): "After", ("B", "1"): "Other"}
    calls = [len(world.marketo.calls_of("POST", path)) for path in ("/rest/v1/customobjects/car.json", IMPORT)]
    assert calls == ([2, 0] if load == "rest" else [0, 1])
    assert world.again().totals == Totals(unchanged=3)
    assert len(world.marketo.calls_of("POST", IMPORT)) == calls[1]


@pytest.mark.cap("M140")
@pytest.mark.parametrize(("rows", "way"), [(5_000, Way.REST), (5_001, Way.BULK)])
def test_more_than_five_thousand_custom_objects_go_by_import(build: Build, rows: int, way: Way) -> None:
    """5,000 are to be written by call; one more, and an import by file makes each of them, without such a call."""
    world = build("Contact", "car", {"Email": "make"}, ["make"], by={"extract": "rest"})
    fields = [{"name": "make", "displayName": "Make", "dataType": "string", "isDedupeField": True}]
    world.marketo.post("load", {"customObjectTypes": [{"apiName": "car", "displayName": "Car", "fields": fields}]})
    world.salesforce.post("load", {"generate": {"object": "Contact", "count": rows, "seed": 5}})
    world.clock.advance(3600)
    world.start()

    run = world.drive(until=Step.LOAD if way is Way.REST else None)

    assert (run.load, run.pulled) == (way, rows), (run.reason, run.message)
    if way is Way.BULK:
        emails = {each["Email"] for each in world.salesforce.get("records/Contact")}
        assert (run.step, run.totals.created) == (Step.DONE, len(emails))
        assert {each["make"] for each in world.marketo.get("records/car")} == emails
        assert len(world.marketo.calls_of("POST", IMPORT)) == 1
        assert world.marketo.calls_of("POST", "/rest/v1/customobjects/car.json") == []


def test_a_write_that_marketos_own_crm_sync_owns_ends_the_run_with_the_reason(build: Build) -> None:
    """Beside Marketo's own CRM sync companies are closed: saving says so, a run writes nothing and says why."""
    world = build(
        "Account", "companies", {"External_Key__c": "externalCompanyId", "Name": "company"}, ["externalCompanyId"]
    )
    world.salesforce.post("load", {"Account": [{"External_Key__c": "Key", "Name": "Example"}]})
    world.clock.advance(3600)
    assert findings(world) == []
    world.marketo.post("limits", {"native_crm": True})
    [(pointer, what)] = findings(world)
    assert (pointer, what.partition(",")[0]) == ("/destination/object", "Marketo's own CRM sync is on")

    run = world.ran()

    assert (run.step, run.reason) == (Step.FAILED, "marketo_1018")
    assert "CRM" in run.message
    assert world.marketo.get("records/companies") == []
