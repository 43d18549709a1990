"""A worker dies at every single step of a connector action: nothing is lost, and nothing is done twice."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.marketo import SmartCampaign
from tests.builders.connectors import (
    CAMPAIGN,
    CAMPAIGN_ID,
    LIST,
    LIST_ID,
    ToMarketo,
    a_connector,
    a_mail,
    a_merge,
    an_upsert,
    by_email,
)
from tests.fakes.steps import Crash

type Check = Callable[[ToMarketo], bool]


def _made(world: ToMarketo, mail: str) -> int:
    return sum(lead.get("email") == mail for lead in world.marketo.leads.values())


NEW = "new@example.com"
CASES: dict[str, tuple[ConnectorAction, dict[str, Any], Check]] = {
    "add to list": (a_connector(), {"id": 1}, lambda world: world.marketo.lists[LIST][1] == {1}),
    "add who is missing": (
        a_connector(person=by_email(add_if_missing=True)),
        {"email": NEW},
        lambda world: _made(world, NEW) == len(world.marketo.lists[LIST][1]) == 1,
    ),
    "create or update": (an_upsert(), {"email": NEW, "firstName": "Ada"}, lambda world: _made(world, NEW) == 1),
    "create duplicate": (
        an_upsert(strategy="createDuplicate"),
        {"email": NEW, "firstName": "Ada"},
        lambda world: _made(world, NEW) == 1,
    ),
    "create only": (
        an_upsert(strategy="createOnly"),
        {"email": NEW, "firstName": "Ada"},
        lambda world: _made(world, NEW) == 1,
    ),
    "merge": (a_merge(), {"winner": 1, "losers": "2,3"}, lambda world: set(world.marketo.leads) == {1}),
}


def a_world(action: ConnectorAction) -> ToMarketo:
    """A Marketo with three persons and an empty list."""
    world = ToMarketo(action)
    world.marketo.lists[LIST] = (LIST_ID, set())
    for number in (1, 2, 3):
        world.marketo.load(number, email=f"person{number}@example.com")
    return world


def steps_of(world: ToMarketo, lead: dict[str, Any]) -> int:
    """How many steps one call takes without any trouble."""
    world.call(**lead)
    world.steps.taken.clear()
    world.run_out()
    return len(world.steps.taken)


@pytest.mark.parametrize("name", CASES)
def test_wherever_a_worker_dies_it_is_done_once(name: str) -> None:
    """At each step of the run in turn the worker dies; the next ones bring the event to a written end, and Marketo
    holds what one run would have left."""
    action, lead, done = CASES[name]
    for step in range(1, steps_of(a_world(action), lead) + 1):
        world = a_world(action)
        execution = world.call(**lead)
        world.steps.arm(step)
        with pytest.raises(Crash):
            world.run_out()
        world.clock.advance(61)
        world.run_out()

        assert world.ended(execution)[0] in {"created", "updated"}, (name, step)
        assert done(world), (name, step)
        assert world.inbox.ends == {execution: 1}


def test_wherever_a_worker_dies_an_email_is_sent_at_most_once() -> None:
    """At each step in turn: one request and an event that says so, or none and one that says that nobody knows."""
    for step in range(1, steps_of(a_world(a_mail()), {"id": 1}) + 1):
        world = a_world(a_mail())
        execution = world.call(id=1)
        world.steps.arm(step)
        with pytest.raises(Crash):
            world.run_out()
        world.clock.advance(61)
        world.run_out()

        ended = world.ended(execution)
        assert (len(world.marketo.requests), ended) in [
            (1, ("updated", "requested")),
            (0, ("failed", "request_uncertain")),
        ], step


def test_an_email_campaign_is_named_by_its_name() -> None:
    """The campaign's id is asked for once, and its request goes there."""
    world = a_world(a_mail(campaign=CAMPAIGN))
    world.marketo.campaigns[CAMPAIGN_ID] = SmartCampaign(id=CAMPAIGN_ID, name=CAMPAIGN)
    execution = world.call(id=2)
    world.run_out()

    assert world.ended(execution) == ("updated", "requested")
    assert world.marketo.requests == [(CAMPAIGN_ID, 2, {})]
