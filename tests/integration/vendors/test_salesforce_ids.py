"""Persons whose Salesforce id came in 15 or 18 characters, from the webhook to the record, on the twins."""

from functools import partial

import pytest

from leadbridge.domain.action import Action
from tests.builders.actions import an_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import UPDATE, Build, WiredWorld


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def by_id(**changes: object) -> Action:
    """An Action that finds its record by Salesforce's own id."""
    mappings = [{"column": "title", "to": "Title"}, {"column": "owner", "to": "OwnerId"}]
    return an_action(type="update", identifier={"column": "sfdcId", "field": "Id"}, mappings=mappings, **changes)


@pytest.mark.parametrize("characters", [15, 18])
def test_a_record_is_found_by_either_spelling_of_its_id(build: Build, salesforce: Twin, characters: int) -> None:
    """The lead named by the event is updated, also with an owner named by the other spelling."""
    world = build(by_id())
    first, second = salesforce.post("load", {"Lead": [{"LastName": n, "Company": "Acme"} for n in ("A", "B")]})["Lead"]
    owner = salesforce.get("records/User")[-1]["Id"]
    executions = [
        world.receive(number, sfdcId=lead[:characters], title=f"Title {number}", owner=owner[: 33 - characters])
        for number, lead in ((1, first), (2, second))
    ]
    world.run_out()
    assert [world.ended(each) for each in executions] == [("updated", "")] * 2
    held = {lead["Id"]: (lead["Title"], lead["OwnerId"]) for lead in salesforce.get("records/Lead")}
    assert held == {first: ("Title 1", owner), second: ("Title 2", owner)}


def test_a_text_that_is_no_id_harms_nobody_else(build: Build, salesforce: Twin) -> None:
    """Its person is skipped for an invalid identifier before anything is asked; the other is updated."""
    world = build(by_id())
    (lead,) = salesforce.post("load", {"Lead": [{"LastName": "A", "Company": "Acme"}]})["Lead"]
    wrong = world.receive(1, sfdcId="not an id", title="x", owner="")
    right = world.receive(2, sfdcId=lead[:15], title="CTO", owner="")
    world.run_out()
    assert world.ended(wrong)[0] == "skipped"
    assert world.ended(right) == ("updated", "")
    assert len(world.sent(UPDATE)) == 1
