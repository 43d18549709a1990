"""Attributes of a person's newest activity as sources of mappings: the product's clients against both twins."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from tests.builders.actions import an_action_document
from tests.builders.members import FORM, a_reading_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import Build, WiredWorld

ACTIVITIES = "GET /rest/v1/activities.json"
TOKEN = "GET /rest/v1/activities/pagingtoken.json"
TYPES = "GET /rest/v1/activities/types.json"


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def people(world: WiredWorld, number: int) -> None:
    """Persons 1 to `number` in the instance."""
    known = [{"id": each, "email": f"person{each}@example.com"} for each in range(1, number + 1)]
    world.marketo_twin.post("load", {"leads": known})
    world.marketo.load(*range(1, number + 1))


def fill_out(world: WiredWorld, lead_id: int, value: str, *, hours: float, kind: int = FORM.id) -> None:
    """A person filled out a form so many hours ago."""
    at = (world.clock.now() - timedelta(hours=hours)).isoformat()
    form = {"leadId": lead_id, "activityTypeId": kind, "activityDate": at, "primaryAttributeValue": "Contact us"}
    form |= {"primaryAttributeValueId": 9, "attributes": [{"name": "Form Fields", "value": value}]}
    world.marketo_twin.post("load", {"activities": [form]})


def written(world: WiredWorld) -> dict[str, tuple[Any, Any]]:
    """What the mappings of the activity wrote, by the record's address."""
    return {lead["Email"]: (lead["Title"], lead["LeadSource"]) for lead in world.leads()}


@pytest.mark.cap("A37")
def test_attributes_of_the_newest_activity_reach_the_record(build: Build) -> None:
    """The newest form of the last day is taken, not an older one, one of another type, or another person's; who has
    none of the last day is written without, and both executions say so."""
    world = build(a_reading_action())
    people(world, 3)
    fill_out(world, 1, "older", hours=20)
    fill_out(world, 1, "newest", hours=2)
    fill_out(world, 1, "another type", hours=1, kind=1)
    fill_out(world, 2, "of the day before", hours=25)
    fill_out(world, 3, "of another person", hours=1)

    executions = [world.receive(lead_id) for lead_id in (1, 2)]
    world.run_out()

    assert written(world) == {
        "person1@example.com": ("newest", "Form Contact us"),
        "person2@example.com": (None, "Form"),
    }
    assert [world.ended(each) for each in executions] == [("created", "")] * 2
    taken = [world.execution(each)["decision"]["activity"] for each in executions]
    assert [sorted(each) for each in taken] == [["days", "id", "type"], ["days", "type"]]
    assert {(each["type"], each["days"]) for each in taken} == {(FORM.name, 1)}


def test_thirty_persons_are_read_with_one_call(build: Build) -> None:
    """61 persons are three calls for activities, one for the place in the log and one for the types; each gets the
    value of their own form, be it ten days old."""
    world = build(a_reading_action(days=14))
    people(world, 61)
    for lead_id in range(1, 62):
        fill_out(world, lead_id, f"Person {lead_id}", hours=240)

    for lead_id in range(1, 62):
        world.receive(lead_id)
    world.run_out()

    assert written(world) == {
        f"person{lead_id}@example.com": (f"Person {lead_id}", "Form Contact us") for lead_id in range(1, 62)
    }
    assert [world.calls(each) for each in (ACTIVITIES, TOKEN, TYPES)] == [3, 1, 1]


def test_type_and_attributes_are_checked_when_the_action_is_saved(build: Build) -> None:
    """Nothing is found of what is right; a type or an attribute that is not there is named, with what is near."""
    world = build()
    apply = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)

    def said(kind: str | None, column: str) -> list[str]:
        mappings = [*an_action_document()["mappings"], {"column": column, "to": "Title"}]
        changes = {"mappings": mappings} | ({} if kind is None else {"activity": {"type": kind}})
        return [each.line() for each in apply.plan([Given(raw=an_action_document(**changes))]).findings]

    assert said("Call Webhook", "activity.Response") == said("Call Webhook", "activity.activityDate") == []
    (kind,) = said("Call Webhok", "activity.Response")
    assert "/activity/type: Marketo has no activity type Call Webhok; did you mean Call Webhook?" in kind
    (attribute,) = said("Call Webhook", "activity.Responses")
    assert (
        "/mappings/5/column: the activity Call Webhook has no attribute Responses; did you mean Response?" in attribute
    )
    (nothing,) = said(None, "activity.Response")
    assert "add `activity` with its type" in nothing
