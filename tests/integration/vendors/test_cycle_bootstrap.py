"""The first run of a cycle, which reads everything, against both vendor twins."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.usecases.sync_files import page_key
from tests.fakes.clock import NOON
from tests.integration.vendors.conftest import Clients
from tests.integration.vendors.cycles import WiredCycle
from tests.integration.vendors.test_company_cycles import PERSONS, USER, Build, build, load

__all__ = ["build"]

#: companies that people are in: a call of 300, and one
NAMED = 301
#: what Marketo is asked for, by the end of the path
STEPS = {
    "leads/export/create.json": "people",
    "rest/v1/companies.json": "companies",
    "rest/v1/salespersons.json": "sales persons",
    "activities/export/create.json": "log",
    "rest/v1/opportunities.json": "opportunities",
    "rest/v1/opportunities/roles.json": "roles",
    "rest/v1/customobjects/visit_c.json": "others",
    "activities/leadchanges.json": "new people",
}
DEALS = {"fields": [{"marketo": "name", "salesforce": "Name"}], "look_in_marketo": True}
#: what the document says of people, their id and moments, and the links that a cycle keeps by itself
OF_PEOPLE = {"id", "createdAt", "updatedAt", "salesforceId", "email", "lastName", "company"}


def reading(world: WiredCycle) -> Iterator[tuple[str, Sequence[str]]]:
    """What Marketo was asked for before anything was written, one entry a call, with the keys that it found."""
    for call in world.calls(world.marketo, "/"):
        kind = next((kind for end, kind in STEPS.items() if call["path"].endswith(end)), None)
        if kind:
            yield kind, call["record_keys"]


def owned(world: WiredCycle, count: int) -> tuple[str, list[str]]:
    """So many people of Marketo, each in a company of its own, all of one sales person, as Salesforce has them.

    Another company, and another sales person, are there in both systems, and nobody names them.
    """
    user = load(world, "User", **USER)
    stranger = load(world, "User", **{**USER, "Username": "other@example.com"})
    owner, kept = {"externalSalesPersonId": user}, {"lastName": USER["LastName"], "email": USER["Email"]}
    rows = [{"Name": f"Acme {number}", "OwnerId": user} for number in range(count + 1)]
    accounts: list[str] = world.salesforce.post("load", {"Account": rows})["Account"]
    companies = [{"externalCompanyId": each, "company": rows[at]["Name"], **owner} for at, each in enumerate(accounts)]
    sellers = [{**owner, **kept}, {**kept, "externalSalesPersonId": stranger}]
    world.marketo.post("load", {"salesPersons": sellers, "companies": companies})
    at = (NOON - timedelta(days=40)).isoformat()
    people = [
        {"email": f"{place}@example.com", "lastName": "L", "externalCompanyId": each, **owner, "createdAt": at}
        for place, each in enumerate(accounts[:count])
    ]
    people = [{"id": str(place), **person} for place, person in enumerate(people, start=1)]
    world.marketo.post("load", {"leads": people})
    return user, accounts


@pytest.mark.cap("M095", "M099")
def test_the_first_run_finds_out_what_marketo_holds_in_adobes_order(build: Build) -> None:
    """People by windows of 31 days, companies by the ids that people name, 300 a call, sales persons likewise.

    Nothing is written that is equal; whom nobody names is found by the look before it would be made once more.
    """
    world = build(low_watermark=None)
    owned(world, NAMED)
    world.ran(bootstrap=True)

    windows = [each["filter"]["createdAt"] for each in world.extracts]
    assert len(windows) == 2
    assert windows[0]["endAt"] == "2026-02-20T11:59:59Z"
    assert windows[1]["startAt"] == "2026-02-20T12:00:00Z"
    made = list(reading(world))
    assert [kind for kind, _ in made] == [*["people"] * 2, *["companies"] * 2, *["sales persons"] * 2, "companies"]
    # before anything is written, only who is named by a person is asked for
    assert [len(keys) for kind, keys in made if kind == "companies"] == [NAMED - 1, 1, 1]
    assert [len(keys) for kind, keys in made if kind == "sales persons"] == [1, 1]
    assert world.written() == []


@pytest.mark.cap("M083", "M090")
def test_kinds_of_records_that_are_off_cost_no_call_and_of_the_others_only_their_fields_are_read(build: Build) -> None:
    """Of Salesforce's records as of Marketo's; companies that are switched off are nowhere in the fields either."""
    off = {"enabled": False, "fields": [{"marketo": "industry", "salesforce": "Industry"}]}
    world = build(low_watermark=None, companies=off, sales_persons={"enabled": False})
    person = {"id": 1, "email": "ada@example.com", "title": "Countess", "industry": "Mills"}
    load(world, "Lead", LastName="Free", Email="free@example.com", Company="Mine", Title="Queen")
    world.marketo.post("load", {"leads": [person]})
    run = world.ran(bootstrap=True)

    assert {frozenset(each["fields"]) for each in world.extracts} == {frozenset(OF_PEOPLE)}
    pages = {name: world.syncs.get(f"main.{name}", run.slot) for name in ("from-leads", "from-contacts")}
    read = {name: found[0] for name, found in pages.items() if found}
    columns = world.objects.contents[page_key(read["from-leads"], 1)].splitlines()[0].decode().split(",")
    assert set(columns) == {
        *("Id", "Email", "LastName", "Company", "SystemModstamp", "CreatedDate", "LastModifiedDate"),
        *("IsConverted", "ConvertedDate", "ConvertedContactId", "ConvertedAccountId"),
    }
    others = ("companies", "salespersons", "opportunities", "customobjects", "programs", "activities", "lists")
    # what the day's extracts took is asked of all kinds
    paths = [path for path in _paths(world) if not path.endswith("/export.json")]
    assert not [path for path in paths if any(f"/v1/{each}" in path for each in others)]
    assert not [path for path in _paths(world, salesforce=True) if "Account" in path or "/User" in path]


@pytest.mark.cap("M084")
@pytest.mark.parametrize(("low", "jobs", "oldest"), [("2025-12-01", 3, 0), ("2026-01-15", 2, 1), ("2026-02-15", 0, 2)])
def test_a_later_low_watermark_means_fewer_jobs_and_nothing_older_is_fetched(
    build: Build, low: str, jobs: int, oldest: int
) -> None:
    """Of people by their making; of Salesforce's records by their change. A month and less is in the log."""
    persons: dict[str, Any] = {**PERSONS, "low_watermark": f"{low}T00:00"}
    world = build(low_watermark=None, companies=None, sales_persons=None, persons=persons)
    days = ("2025-12-20", "2026-01-20", "2026-02-20")
    people = [{"email": f"{each}@example.com", "lastName": "P", "createdAt": f"{each}T08:00:00Z"} for each in days]
    first = {"id": 1, "email": "old@example.com", "createdAt": "2024-01-01T00:00:00Z"}
    world.marketo.post("load", {"leads": [first, *people]})
    stamps = [f"{each}T08:00:00Z" for each in days]
    leads = [{"LastName": "S", "Company": "Acme", "Email": f"s{each}@example.com"} for each in days]
    ids = world.salesforce.post("load", {"Lead": leads})["Lead"]
    for record, at in zip(ids, stamps, strict=True):
        world.salesforce.post("set", {"object": "Lead", "ids": [record], "fields": {"SystemModstamp": at}})

    run = world.ran(bootstrap=True)

    assert len(world.extracts) == jobs
    # a loaded person leaves nothing in the log
    assert (run.rows["from-people"], run.rows["from-leads"]) == (3 - oldest if jobs else 0, 3 - oldest)


def dealt(world: WiredCycle) -> tuple[list[str], list[str]]:
    """Opportunities with a role each, in Marketo; their ids and those of the roles.

    The first one and its role are Salesforce's, too; of the second Salesforce has no such role, and not the third.
    """
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    deal = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}
    first, second = (load(world, "Opportunity", Name=name, **deal) for name in ("One", "Two"))
    load(world, "OpportunityContactRole", OpportunityId=first, ContactId=contact, Role="Other")
    at = (NOON - timedelta(days=40)).isoformat()
    person = {"id": 1, "email": "king@example.com", "lastName": "King", "salesforceId": contact, "createdAt": at}
    world.marketo.post("load", {"leads": [person]})
    marketo = world.connections.marketo("marketing")
    keys = [first, second, "006Hs00000GoneAIAA"]
    deals = [{"externalOpportunityId": each, "name": "D", "isClosed": False, "isWon": False} for each in keys]
    made = marketo.opportunities.sync(deals)
    roles = [{"externalOpportunityId": each, "leadId": 1, "role": "Other"} for each in keys]
    taken = marketo.opportunity_roles.sync(roles)
    return [str(each.id) for each in made], [str(each.id) for each in taken]


def asked(world: WiredCycle) -> list[tuple[str, Sequence[str]]]:
    """What Marketo was asked for of opportunities, and what was found; a long question counts as one, too."""
    reads = [each for each in world.calls(world.marketo, "/rest/v1/opportunities") if each["method"] == "GET"]
    found = [each for each in reads if not each["path"].endswith("describe.json")]
    return [(each["path"].rpartition("/")[2], each["record_keys"]) for each in found]


@pytest.mark.cap("M096", "M097", "M098")
@pytest.mark.parametrize("by_id", [True, False])
def test_the_first_run_finds_opportunities_and_roles_of_marketo_in_its_log(
    build: Build, clients: Clients, *, by_id: bool
) -> None:
    """Jobs of 31 days for this type alone, then those that entries name, each once: by the id, roles by their keys.

    Where entries have names only the person's roles tell. What Salesforce does not have is told, and stays; one of
    which the log says nothing is not asked for.
    """
    world = build(low_watermark="2026-01-01T00:00", opportunities=DEALS, opportunity_roles={}, companies=None)
    world.marketo.post("limits", {"opportunity_ids_logged": by_id})
    quiet = {"externalOpportunityId": "006Hs00000QuietIAA", "name": "Nobody has a role in it"}
    world.marketo.post("load", {"opportunities": [quiet]})
    deals, roles = dealt(world)
    mark, sent = len(asked(world)), list[str]()
    clients.http.event_hooks["request"].append(lambda request: sent.append(f"{request.url} {request.read()!r}"))

    run = world.ran(bootstrap=True)

    jobs = [each for each in world.extracts if "activityTypeIds" in each["filter"]]
    assert [each["filter"]["activityTypeIds"] for each in jobs] == [[34]] * len(jobs)
    windows = [each["filter"]["createdAt"] for each in jobs]
    assert [each["startAt"] for each in windows] == ["2026-01-20T12:00:00Z", "2026-02-20T12:00:00Z"]
    assert [each["endAt"] for each in windows] == ["2026-02-20T11:59:59Z", "2026-03-02T12:19:59Z"]
    read = asked(world)[mark:]
    found = {"opportunities.json": sorted(deals), "roles.json": sorted(roles)}
    assert [(path, sorted(keys)) for path, keys in read] == sorted(found.items(), reverse=not by_id)
    questions = [each for each in sent if "/opportunities" in each and "filterType" in each]
    filters = ["idField", "dedupeFields"] if by_id else ["leadId", "externalOpportunityId"]
    assert [name for each, name in zip(questions, filters, strict=True) if name in each] == filters
    if by_id:
        triple = '"externalOpportunityId":"006Hs00000GoneAIAA","leadId":1,"role":"Other"'
        assert triple in questions[1].replace(" ", "")
    told = world.outcomes(run, "opportunities")
    left = {each["marketo_id"]: each["object"] for each in told if each["reason"] == "only_in_marketo"}
    assert left == {deals[2]: "Opportunity", roles[1]: "OpportunityContactRole", roles[2]: "OpportunityContactRole"}
    assert len(world.of(world.marketo, "opportunities", "marketoGUID")) == 4


@pytest.mark.cap("M138")
def test_later_runs_fetch_what_the_log_says_was_added_since_and_nothing_else(build: Build) -> None:
    """A role in an opportunity of somebody else's; our own are looked at once, and told of nothing."""
    world = build(opportunities=DEALS, opportunity_roles={}, companies=None, sales_persons=None)
    world.marketo.post("limits", {"opportunity_ids_logged": True})
    world.ran(bootstrap=True)
    deals, roles = dealt(world)
    mark = len(asked(world))
    run = world.ran()
    assert [sorted(found) for _, found in asked(world)[mark:]] == [sorted(deals), sorted(roles)]
    told = [each["marketo_id"] for each in world.outcomes(run, "opportunities") if each["reason"] == "only_in_marketo"]
    assert sorted(told) == sorted([deals[2], *roles[1:]])
    mark = len(asked(world))
    world.ran()
    world.ran()
    assert len(asked(world)) == mark


@pytest.mark.cap("M106")
@pytest.mark.parametrize("bulk", [True, False])
def test_the_first_run_reads_marketo_in_adobes_order(build: Build, *, bulk: bool) -> None:
    """People, companies, what the log says of roles, opportunities, roles, sales persons, and then all others.

    Where the subscription has no extracts people are those whom the log calls new, read by their ids.
    """
    visit = {"marketo": "visit_c", "salesforce": "Event_Registration__c", "direction": "to_salesforce"}
    pairs = [{"marketo": "registration", "salesforce": "Registration_Key__c"}]
    key = {"name": "registration", "displayName": "Registration", "dataType": "string", "isDedupeField": True}
    person = {"name": "person", "displayName": "Person", "dataType": "link"}
    fields = [key, {**person, "relatedTo": {"name": "lead", "field": "id"}}]
    visits = {"visits": {**visit, "fields": pairs}}
    world = build(
        low_watermark="2026-01-01T00:00",
        opportunities=DEALS,
        opportunity_roles={},
        custom_objects={"objects": visits},
    )
    types = [{"apiName": "visit_c", "displayName": "Visit", "fields": fields}]
    world.marketo.post("load", {"customObjectTypes": types})
    user, accounts = owned(world, 3)
    limits = {"opportunity_ids_logged": True, "bulk_extract": bulk, "export_optional_filters": False}
    world.marketo.post("limits", limits)
    world.refused = "marketo_1035" if bulk else "marketo_703"
    marketo = world.connections.marketo("marketing")
    new = {"email": "new@example.com", "externalCompanyId": accounts[0], "externalSalesPersonId": user}
    [made] = marketo.sync_leads([new], action="createOnly", lookup_field="email")
    marketo.opportunities.sync([{"externalOpportunityId": "006X", "name": "Old"}])
    marketo.opportunity_roles.sync([{"externalOpportunityId": "006X", "leadId": int(made.id or 0), "role": "Other"}])
    marketo.custom_objects("visit_c").sync([{"registration": "R", "person": int(made.id or 0)}])
    before = len([*reading(world)])

    run = world.ran(bootstrap=True)

    adobes = ["companies", "log", "opportunities", "roles", "sales persons", "others"]
    kinds = [*dict.fromkeys(kind for kind, _ in [*reading(world)][before:])]
    if bulk:
        assert kinds == ["people", *adobes]
    else:
        # that of people is asked for as well, and refused; so is that of roles
        assert kinds == ["people", "new people", *adobes]
        calls = [each["path"].rpartition("/")[2] for each in world.calls(world.marketo, "/rest/v1/")]
        told = calls.index("leadchanges.json")
        assert "leads.json" in calls[told : calls.index("companies.json", told)]
    assert run.rows["from-people"] == (4 if bulk else 1)
    assert len(run.rows) > len(adobes)


def _paths(world: WiredCycle, *, salesforce: bool = False) -> list[str]:
    twin = world.salesforce if salesforce else world.marketo
    return [call["path"] for call in world.calls(twin, "/")]
