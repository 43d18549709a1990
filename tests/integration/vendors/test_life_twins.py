"""Trials, pauses and what is not processed, with the product's own clients against both vendor twins."""

from functools import partial

import pytest

from leadbridge.domain.lifecycle import Move
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, an_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, LEADS, Build, WiredWorld

PILOTS = "Pilot group"
FIND_LIST = "GET /rest/v1/lists.json"


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def a_pilot_group(world: WiredWorld, *members: int) -> int:
    """A static list in Marketo, and one whose name only looks alike."""
    for lead_id in set(members) - world.marketo.leads.keys():
        world.marketo_twin.post("load", {"leads": [{"id": lead_id, "email": f"person{lead_id}@example.com"}]})
        world.marketo.load(lead_id)
    loaded = world.marketo_twin.post("load", {"staticLists": [{"name": PILOTS}, {"name": f"{PILOTS} 2"}]})
    list_id = int(loaded["staticLists"][0])
    world.marketo_twin.post("load", {"listMembers": [{"listId": list_id, "leadId": each} for each in members]})
    return list_id


def primary_values(world: WiredWorld, lead_id: int) -> list[str]:
    """The primary values of a person's result activities."""
    return [
        str(each["primaryAttributeValue"])
        for each in world.marketo_twin.get("records/activities")
        if each["activityTypeId"] > 100_000 and each["leadId"] == lead_id
    ]


def test_a_trial_runs_for_the_members_of_a_static_list_and_for_the_named_leads(build: Build) -> None:
    """Three of 40 people are written, one find of the list and one question about its members; the others are skipped
    as trial and nothing of them reaches Salesforce."""
    world = build(an_action(trial={"leads": [40], "static_list": PILOTS}))
    list_id = a_pilot_group(world, 1, 2)
    world.configurations.move("action", ACTION, Move.TRY)
    calls = {lead_id: world.receive(lead_id) for lead_id in range(1, 41)}

    world.run_out()

    runs = {lead_id for lead_id, execution in calls.items() if world.ended(execution) == ("created", "")}
    assert runs == {1, 2, 40}
    assert {world.ended(calls[lead_id]) for lead_id in range(3, 40)} == {("skipped", "trial")}
    assert {lead["Email"] for lead in world.leads()} == {f"person{lead_id}@example.com" for lead_id in runs}
    assert sorted(world.told()) == sorted(calls[lead_id] for lead_id in runs)
    assert world.calls(FIND_LIST) == 1
    assert world.calls(f"GET /rest/v1/lists/{list_id}/leads/ismember.json") == 1


def test_calls_for_a_list_whose_name_marketo_does_not_know_are_parked(build: Build) -> None:
    """Nobody is skipped and nobody is written; once the list is there a redrive runs the call."""
    world = build(an_action(trial={"static_list": PILOTS}))
    world.configurations.move("action", ACTION, Move.TRY)
    call = world.receive(1)
    world.drain()
    assert (world.execution(call)["state"], world.execution(call)["reason"]) == ("parked", "trial_list_missing")
    assert world.leads() == []

    a_pilot_group(world, 1)
    world.clock.advance(61)
    assert world.redrive(call).done
    world.run_out()

    assert world.ended(call) == ("created", "")


@pytest.mark.parametrize("what", ["action", "salesforce", "marketo", "all"])
def test_what_is_paused_reaches_no_vendor_and_runs_in_order_when_it_is_resumed(build: Build, what: str) -> None:
    """Ten calls of five people are kept for two days without one vendor call; resumed they cost as many as any batch,
    each person has one record with the last call's values, and each call is told once."""
    world = build()
    kinds = {"action": ("action", ACTION), "salesforce": ("salesforce_connection", SALESFORCE)}
    kinds["marketo"] = ("marketo_connection", MARKETO)

    def step(move: Move) -> None:
        if what == "all":
            world.configurations.pause(paused=move is Move.PAUSE)
        else:
            world.configurations.move(*kinds[what], move)

    step(Move.PAUSE)
    calls = [world.receive(lead_id, firstName=name) for name in ("Older", "Newer") for lead_id in range(1, 6)]
    for _ in range(2):
        world.clock.advance(86_400)
        world.drain()
    assert world.states() == {"waiting": 10}
    assert (world.calls(CREATE), world.calls(LEADS)) == (0, 0)

    step(Move.RESUME)
    world.run_out()

    assert [world.ended(each)[0] for each in calls] == ["created"] * 5 + ["updated"] * 5
    assert {lead["FirstName"] for lead in world.leads()} == {"Newer"}
    world.everybody_once(1, 2, 3, 4, 5)
    assert world.calls(CREATE) == 1


def test_what_is_not_processed_is_logged_with_the_person_in_marketo(build: Build) -> None:
    """A person whom the condition leaves out and a duplicate have the third value in Marketo, each once, with the
    message of their execution; the one that ran has the success value."""
    document = an_action().model_dump(exclude_none=True)
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = build(
        an_action(
            results=document["results"] | {"not_processed": "Not processed"},
            conditions={"clauses": [clause]},
            deduplicate={"columns": ["email"]},
        )
    )
    skipped, first, second = world.receive(1, leadStatus="Disqualified"), world.receive(2), world.receive(2)

    world.run_out()

    assert [world.ended(each)[0] for each in (skipped, first, second)] == ["skipped", "created", "duplicate"]
    assert primary_values(world, 1) == ["Not processed"]
    assert sorted(primary_values(world, 2)) == ["Not processed", "Success"]
    assert sorted(world.told()) == sorted([skipped, first, second])
    assert {world.execution(each)["activity"]["status"] for each in (skipped, first, second)} == {"added"}
    assert len(world.leads()) == 1
