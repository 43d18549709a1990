"""Conditions in a run: the lists are those of now, today is the day on which the call arrived."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.clauses import ListDocument
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.e2e.conditions import CASES, FAMILIES, LIST

FREE_MAIL = {"kind": "list", "id": "free-mail", "name": "Free mail providers"}
NO_FREE_MAIL = {"clauses": [{"column": "email", "operator": "domain_not_in_list", "value": "free-mail"}]}


def a_list(*values: str) -> ListDocument:
    """The list of free mail providers."""
    return ListDocument.model_validate(FREE_MAIL | {"values": values})


def test_a_list_decides_and_is_read_again_when_it_changed() -> None:
    """A person of a listed domain is skipped with the list's name; a process that starts later knows a new member."""
    world = World(an_action(conditions=NO_FREE_MAIL))
    world.configurations.put(a_list("example.net"))

    first = [
        world.receive(number, email=f"ada@{domain}") for number, domain in enumerate(("example.net", "example.org"), 1)
    ]
    world.drain()
    world.configurations.put(a_list("example.net", "example.org"))
    again = world.receive(3, email="grace@example.org")
    world.drain()

    assert [world.ended(each) for each in (*first, again)] == [
        ("skipped", "condition_not_met"),
        ("created", ""),
        ("skipped", "condition_not_met"),
    ]
    assert world.execution(again)["message"] == ("Skipped by a condition: email has no domain of the list free-mail.")


def test_a_list_that_was_removed_parks_the_call_until_it_is_back() -> None:
    """Nobody is let through or skipped by a list that is not there: the call waits, and says what is missing."""
    world = World(an_action(conditions=NO_FREE_MAIL))

    execution = world.receive(7, email="ada@example.com")
    world.drain()

    assert world.execution(execution)["state"] == "parked"
    assert "there is no list free-mail" in world.execution(execution)["message"]
    world.configurations.put(a_list("example.net"))
    world.redrive(execution)
    world.run_out()
    assert world.ended(execution) == ("created", "")


@pytest.mark.parametrize(("zone", "outcome"), [("UTC", "created"), ("Pacific/Kiritimati", "skipped")])
def test_today_is_the_day_of_the_arrival_in_the_actions_zone(zone: str, outcome: str) -> None:
    """A call that waited a day is judged by the day on which it arrived, in the zone of its Action."""
    clauses: list[dict[str, Any]] = [{"column": "birthday", "operator": "on_day", "value": "today"}]
    world = World(an_action(time_zone=zone, conditions={"clauses": clauses}))
    arrived = world.clock.now().replace(hour=20)

    execution = world.receive(7, email="ada@example.com", birthday=arrived.date().isoformat(), at=arrived)
    world.clock.advance(timedelta(days=1).total_seconds())
    world.drain()

    assert world.ended(execution)[0] == outcome


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_the_questions_of_the_deployed_stack_have_their_answers_here(family: str, case: str) -> None:
    """What the tests on the deployed stack expect of each type of columns, on ports."""
    asked = FAMILIES[family]
    world = World(an_action(time_zone="Europe/Berlin", conditions=asked.tree()))
    world.configurations.put(ListDocument.model_validate(LIST))
    lead = {"id": 7, "email": "ada@example.com", "lastName": "Quirke", "company": "Example Ltd", **asked.values(case)}

    execution = world.receive_payload({"lead": lead, "token": {"case": case}})
    world.drain()

    if case in {"holds", "denied for a blank"}:
        assert world.ended(execution) == ("created", "")
    else:
        assert world.execution(execution)["message"] == asked.message(case)
