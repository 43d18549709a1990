"""What is changed in Marketo and stands in no list of changed values, or in no pair of fields: cycles carry it over."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.three_way import Side
from leadbridge.vendors.cycle_look import VendorLook
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
FIELDS = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
]
SCORE = {"marketo": "leadScore", "salesforce": "Lead_Score__c", "direction": "to_salesforce"}
#: Marketo's log of activities
LOG = "/rest/v1/activities.json"


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of Leads; its first run is over."""

    def made(*more: Mapping[str, Any], **persons: Any) -> WiredCycle:
        document = {
            "kind": "crm_cycle",
            "id": CYCLE,
            "name": "Main",
            "marketo": "marketing",
            "salesforce": "crm",
            "mode": "replace_native",
            "low_watermark": "2026-03-01T00:00",
            "persons": {
                "id_field": "salesforceId",
                "create_in_salesforce": {},
                "leads": {"fields": [*FIELDS, *more]},
                **persons,
            },
        }
        world = WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))
        world.ran()
        return world

    return made


def person(world: WiredCycle, **fields: Any) -> int:
    """A new person of Marketo."""
    row = {"email": "ada@example.com", "lastName": "Vex", "company": "Acme", **fields}
    [made] = world.connections.marketo("marketing").sync_leads([row], action="createOnly", lookup_field="email")
    return int(str(made.id))


def scored(world: WiredCycle, lead: int, change: int) -> None:
    """A smart campaign has a step Change Score."""
    world.marketo.post("load", {"smartCampaigns": [{"id": 50, "name": "Visited"}]})
    world.marketo.post("campaigns/flow", {"campaign": 50, "steps": [{"score": "leadScore", "change": change}]})
    world.marketo.post("campaigns/run", {"campaign": 50, "leads": [lead]})


def looked(world: WiredCycle, look: VendorLook, token: str = "") -> tuple[str, str]:
    """Why a run would begin for what was changed in Marketo in the last minutes, and what the look leaves."""
    found = look(world.cycle, {Side.MARKETO: world.clock.now() - timedelta(minutes=5)}, token)
    return found.why, found.token


def score_of(world: WiredCycle) -> float:
    """What the Lead shows."""
    [lead] = world.salesforce.get("records/Lead")
    return float(lead["Lead_Score__c"])


@pytest.mark.cap("U13", "U39")
def test_a_score_that_change_score_lifts_begins_a_run_and_comes_to_the_lead(build: Build) -> None:
    """It stands in the log as an activity of its own type and in no list of changed values; what the cycle has
    carried over is not read again."""
    world = build(SCORE)
    lead = person(world, leadScore=60)
    world.ran()
    assert score_of(world) == 60
    look = VendorLook(world.connections, world.clock)
    why, token = looked(world, look)
    assert why == ""
    scored(world, lead, 10)
    [entry] = [each for each in world.marketo.get("records/activities") if each["activityTypeId"] == 22]
    assert entry["primaryAttributeValue"] == "Person Score"
    assert {each["name"]: each["value"] for each in entry["attributes"]} == {
        "New Value": "70",
        "Old Value": "60",
        "Change Value": "+10",
        "Reason": "Visited",
    }

    assert looked(world, look, token)[0] == "a person was changed in Marketo"
    assert world.ran().rows["from-people"] == 1
    assert score_of(world) == 70
    assert world.ran().rows["from-people"] == 0


@pytest.mark.parametrize(("mapped", "calls"), [((SCORE,), 2), ((), 1)], ids=["mapped", "not mapped"])
def test_changed_scores_are_one_call_of_a_run_that_reads_any(
    build: Build, mapped: tuple[Mapping[str, Any], ...], calls: int
) -> None:
    """The other call to the log asks for merges. A score that is not kept begins no run, and nobody is read."""
    world = build(*mapped)
    lead = person(world)
    # the second one reads the new person's entry and the first one's own writes once more
    world.ran()
    world.ran()
    look = VendorLook(world.connections, world.clock)
    _, token = looked(world, look)
    scored(world, lead, 10)
    assert bool(looked(world, look, token)[0]) == bool(mapped)
    before = len(world.calls(world.marketo, LOG))
    assert world.ran().rows["from-people"] == len(mapped)
    assert len(world.calls(world.marketo, LOG)) - before == calls


def test_a_field_that_only_a_condition_names_begins_a_run(build: Build) -> None:
    """Whoever comes to fulfil what new Leads are made by is made one, though no pair has that field."""
    ready = {"conditions": {"clauses": [{"column": "leadStatus", "operator": "equals", "value": "Ready"}]}}
    world = build(create_in_salesforce=ready)
    lead = person(world)
    world.ran()
    assert world.salesforce.get("records/Lead") == []
    look = VendorLook(world.connections, world.clock)
    _, token = looked(world, look)
    row = {"id": lead, "leadStatus": "Ready"}
    world.connections.marketo("marketing").sync_leads([row], action="updateOnly", lookup_field="id")

    assert looked(world, look, token)[0] == "a person was changed in Marketo"
    world.ran()
    assert len(world.salesforce.get("records/Lead")) == 1
