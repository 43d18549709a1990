"""What the first run of a cycle is said to cost, against what the vendors count when it runs."""

from typing import Any

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_price import CyclePrice
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.price_cycle import PriceCycle
from leadbridge.usecases.source_facts import SourceFacts
from tests.bench.idle_day import OPPORTUNITIES
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
    others = {"opportunities": OPPORTUNITIES, "opportunity_roles": {}, "activities": {"groups": groups}}
    world = build(low_watermark=None, persons=persons, **others)
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
    assert {kind.kind for kind in found.kinds} == set(CrmCycle.entities)
    assert [line.partition(",")[0] for line in found.warnings] == ["Send Email is read from the start"]
    for vendor, cost in found.total.items():
        made = after[vendor] - before[vendor]
        assert abs(cost.calls - made) <= 0.1 * made, (vendor, cost, made)
