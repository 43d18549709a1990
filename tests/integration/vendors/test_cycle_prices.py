"""What the first run of a cycle is said to cost, against what the vendors count when it runs."""

from typing import Any

import pytest

from leadbridge.domain.cycle_price import VENDORS, CyclePrice
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.price_cycle import PriceCycle
from leadbridge.usecases.source_facts import SourceFacts
from tests.integration.vendors.cycles import CYCLE, WiredCycle
from tests.integration.vendors.test_company_cycles import PERSONS, Build, build

__all__ = ["build"]

#: Leads that only Salesforce has, people that only Marketo has, and those whom an address makes one
LEADS, ALONE, BOTH = 500, 350, 250
MEMBERS, DEALS = 310, 310


def priced(world: WiredCycle, *, programs: bool = False) -> CyclePrice:
    """The price of the world's cycle."""
    return PriceCycle(
        documents=world.documents,
        connections=world.connections,
        vendors=world.vendors,
        facts=SourceFacts(connections=world.connections, documents=WithDerived(world.documents), clock=world.clock),
        instances=dict,
        clock=world.clock,
    )(CYCLE, programs=programs)


def counted(world: WiredCycle) -> dict[str, int]:
    """Calls that each vendor has counted."""
    return {"marketo": world.marketo.get("calls")["total"], "salesforce": world.salesforce.get("calls")["total"]}


def test_a_first_run_costs_what_was_said(build: Build) -> None:
    """Calls at either vendor, counted there: within a tenth of the price."""
    persons: dict[str, Any] = {**PERSONS, "create_in_salesforce": {}}
    groups = {"all": {"types": ["Fill Out Form", "Send Email"], "key": "External_Key__c"}}
    world = build(low_watermark=None, persons=persons, activities={"groups": groups})
    leads = [{"LastName": "L", "Company": "A", "Email": f"l{each}@example.com"} for each in range(LEADS)]
    both = [{"LastName": "B", "Company": "B", "Email": f"b{each}@example.com"} for each in range(BOTH)]
    world.salesforce.post("load", {"Lead": [*leads, *both]})
    world.salesforce.post("load", {"Account": [{"Name": f"Acme {each}"} for each in range(40)]})
    people = [{"lastName": "P", "company": "C", "email": f"p{each}@example.com"} for each in range(ALONE)]
    people += [{"lastName": "B", "company": "B", "email": f"b{each}@example.com"} for each in range(BOTH)]
    world.marketo.post("load", {"leads": [{"id": place, **each} for place, each in enumerate(people, start=1)]})
    world.clock.advance(3600)
    world.connections.marketo("marketing").sync_leads(
        [{"id": ALONE + BOTH, "lastName": "C"}], action="updateOnly", lookup_field="id"
    )
    shown = {"activityTypeId": 2, "activityDate": world.clock.now().isoformat(), "attributes": []}
    done = [{**shown, "leadId": place, "primaryAttributeValue": "x"} for place in range(1, ALONE + BOTH + 1)]
    world.marketo.post("load", {"activities": done})
    world.clock.advance(900)
    found = priced(world)
    before = counted(world)
    run = world.ran(bootstrap=True)
    after = counted(world)

    assert (run.writes["people-created"], run.writes["leads-created"]) == (LEADS, ALONE)
    rows = {each.name: (each.rows, each.exact) for kind in found.kinds for each in kind.readings}
    assert (rows["from-leads"], rows["from-people"]) == ((LEADS + BOTH, True), (ALONE + BOTH, False))
    assert {kind.kind for kind in found.kinds} == {each for each in world.cycle.entities if getattr(world.cycle, each)}
    assert [line.partition(",")[0] for line in found.warnings] == ["Send Email is read from the start"]
    for vendor, cost in found.total.items():
        made = after[vendor] - before[vendor]
        assert abs(cost.calls - made) <= 0.1 * made, (vendor, cost, made)


def test_a_look_at_marketos_opportunities_is_priced_by_what_it_asks_and_writes_nothing(build: Build) -> None:
    """Jobs of its own for the log; without it there are none."""
    deals = {"fields": [{"marketo": "name", "salesforce": "Name"}]}
    first = {"id": 1, "email": "ada@example.com", "createdAt": "2026-01-01T00:00:00Z"}
    plain = build(low_watermark="2026-01-01T00:00", companies=None, sales_persons=None, opportunities=deals)
    plain.marketo.post("load", {"leads": [first]})
    before = priced(plain)
    looking = {**deals, "look_in_marketo": True}
    after = priced(build(low_watermark="2026-01-01T00:00", companies=None, sales_persons=None, opportunities=looking))
    read = {each.name: each.windows for kind in after.kinds for each in kind.readings}
    assert read["from-added-opportunities"] == 2
    assert "from-added-opportunities" not in {each.name for kind in before.kinds for each in kind.readings}
    assert after.total["marketo"].calls > before.total["marketo"].calls
    assert after.total["salesforce"].calls == before.total["salesforce"].calls


@pytest.mark.cap("M164")
def test_the_price_warns_of_activities_that_marketo_has_not_kept(build: Build) -> None:
    """Type by type: of sent mails 90 days are left, of filled forms 25 months; a later begin warns of neither."""
    group = {"types": ["Send Email", "Fill Out Form"], "key": "External_Key__c"}
    activities = {"low_watermark": "2025-06-01T00:00", "groups": {"mail": group}}
    world = build(companies=None, sales_persons=None, activities=activities)
    first = {"id": 1, "email": "ada@example.com", "createdAt": "2025-01-01T00:00:00Z"}
    world.marketo.post("load", {"leads": [first]})
    found = priced(world)

    [told] = [each for each in found.warnings if "Marketo keeps it" in each]
    kept = "Send Email is read from 2025-06-01 on, but Marketo keeps it for 90 days"
    assert told == f"{kept}: what was done before 2025-12-02 is gone"
    [kind] = [each for each in found.kinds if each.kind == "activities"]
    assert [each.windows for each in kind.readings] == [9]
    later = build(companies=None, sales_persons=None, activities={**activities, "low_watermark": "2026-01-01T00:00"})
    assert not [each for each in priced(later).warnings if "Marketo keeps it" in each]


def test_opportunities_whose_stage_people_take_cost_what_was_said(build: Build) -> None:
    """Calls at either vendor within a tenth of the price: whose roles there are is asked of both of them."""
    deals = {"fields": [{"marketo": "name", "salesforce": "Name"}], "stage_field": "leadStatus"}
    kept = {"opportunities": deals, "opportunity_roles": {}}
    world = build(low_watermark="2026-01-01T00:00", companies=None, sales_persons=None, **kept)
    contacts = [{"LastName": "C", "Email": f"c{each}@example.com"} for each in range(DEALS)]
    ids = world.salesforce.post("load", {"Contact": contacts})["Contact"]
    deal = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-05-01"}
    made = world.salesforce.post("load", {"Opportunity": [deal] * DEALS})["Opportunity"]
    roles = [
        {"OpportunityId": each, "ContactId": contact, "Role": "Buyer", "IsPrimary": True}
        for each, contact in zip(made, ids, strict=True)
    ]
    world.salesforce.post("load", {"OpportunityContactRole": roles})
    world.clock.advance(900)
    found, before = priced(world), counted(world)
    run = world.ran(bootstrap=True)
    after = counted(world)

    assert (run.writes["opportunities-written"], run.writes["roles-written"]) == (DEALS, DEALS)
    for vendor, cost in found.total.items():
        spent = after[vendor] - before[vendor]
        assert abs(cost.calls - spent) <= 0.1 * spent, (vendor, cost, spent)


@pytest.mark.parametrize("mailing", ["Spring mailing", 1002], ids=["by name", "by id"])
def test_programs_are_priced_when_they_are_asked_for(build: Build, mailing: str | int) -> None:
    """Members of a program and of a list, once into Campaigns that are still to be made, and once more into those
    that are there: within a tenth of what the vendors count, and of what the same run takes without them."""
    groups = {
        "webinar": {"program": "Spring", "statuses": {"Registered": "Signed up"}},
        "mailed": {"static_list": mailing, "status": "Sent"},
    }
    programs = {"campaign_key": "External_Key__c", "groups": groups}
    world = build(low_watermark="2026-03-01T00:00", companies=None, sales_persons=None, programs=programs)
    world.marketo.post("load", {"programs": [{"id": 1001, "name": "Spring", "type": "Event", "channel": "Webinar"}]})
    world.marketo.post("load", {"staticLists": [{"id": 1002, "name": "Spring mailing"}]})
    leads = [{"LastName": "L", "Company": "A", "Email": f"l{each}@example.com"} for each in range(MEMBERS)]
    world.salesforce.post("load", {"Lead": leads})
    world.ran(bootstrap=True)
    people = [int(each["id"]) for each in world.marketo.get("records/leads")]
    joined = [{"programId": 1001, "leadId": each, "statusName": "Registered"} for each in people]
    world.marketo.post("load", {"programMembers": joined})
    world.marketo.post("load", {"listMembers": [{"listId": 1002, "leadId": each} for each in people[:100]]})
    [told] = [each for each in priced(world).warnings if each.startswith("programs")]
    assert "--programs" in told

    for _ in range(2):
        [kind] = [each for each in priced(world, programs=True).kinds if each.kind == "programs"]
        assert [(each.name, each.rows, each.exact) for each in kind.readings] == [
            ("members-webinar", MEMBERS, True),
            ("members-mailed", 100, True),
        ]
        before = [of_programs(world), counted(world)["salesforce"]]
        world.ran()
        between = [of_programs(world), counted(world)["salesforce"]]
        run = world.ran(demanded=["programs"])
        after = [of_programs(world), counted(world)["salesforce"]]
        for place, vendor in enumerate(VENDORS):
            made = after[place] - between[place] - (between[place] - before[place])
            # a session of Salesforce may be asked for meanwhile
            assert abs(kind.cost[vendor].calls - made) <= max(2, 0.1 * made), (vendor, kind.cost[vendor], made)
        assert kind.cost["marketo"].job_slots == 1
        assert 0 < kind.cost["marketo"].megabytes < 0.2
    # everybody is in them by then
    assert not any(run.writes.values())


def of_programs(world: WiredCycle) -> int:
    """Calls that are about programs, lists and their members; the jobs of all extracts are counted before each."""
    paths = [each["path"] for each in world.marketo.get("log?since=0")]
    return sum(1 for each in paths if any(part in each for part in ("program", "/lists", "channel", "/export.json")))
