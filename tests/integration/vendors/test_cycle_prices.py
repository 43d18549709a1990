"""What the first run of a cycle is said to cost, against what the vendors count when it runs."""

from typing import Any

import pytest

from leadbridge.domain.cycle_price import CyclePrice
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.price_cycle import PriceCycle
from leadbridge.usecases.source_facts import SourceFacts
from tests.integration.vendors.cycles import CYCLE, WiredCycle
from tests.integration.vendors.test_company_cycles import PERSONS, Build, build

__all__ = ["build"]

#: Leads that only Salesforce has, people that only Marketo has, and those whom an address makes one
LEADS, ALONE, BOTH = 500, 350, 250


def priced(world: WiredCycle) -> CyclePrice:
    """The price of the world's cycle."""
    return PriceCycle(
        documents=world.documents,
        connections=world.connections,
        vendors=world.vendors,
        facts=SourceFacts(connections=world.connections, documents=WithDerived(world.documents), clock=world.clock),
        instances=dict,
        clock=world.clock,
    )(CYCLE)


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
