"""Values from activities in a run: read before anything depends on them, once, and kept."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.outcome import State
from leadbridge.errors import TransientError
from tests.builders.events import a_payload
from tests.builders.members import FORM, a_form, a_reading_action, a_world, hours_ago
from tests.builders.world import World
from tests.fakes.steps import Crash


def a_reading_world(*lead_ids: int, **changes: Any) -> World:
    """These persons filled out a form an hour ago."""
    world = a_world(a_reading_action(**changes))
    for lead_id in lead_ids or (1,):
        world.marketo.load(lead_id)
        world.marketo.log(a_form(lead_id, hours_ago(world, 1), f"form of {lead_id}"))
    return world


def test_thirty_persons_a_call_and_everybody_gets_their_own() -> None:
    """61 persons are three calls; the types are asked for once."""
    world = a_reading_world(*range(1, 62))
    for lead_id in range(1, 62):
        world.receive(lead_id)
    world.drain()

    assert {(lead["Email"], lead["Title"]) for lead in world.leads()} == {
        (f"person{number}@example.com", f"form of {number}") for number in range(1, 62)
    }
    assert [world.marketo.trouble.made(each) for each in ("activities", "activity_types")] == [3, 1]


def test_actions_of_one_type_are_read_together() -> None:
    """Two Actions that map different attributes of the same type cost one call, and each keeps and writes its own."""
    mapped = [{"column": "activity.Form Fields", "to": "Phone"}, {"static": "C", "to": "Company"}]
    other = a_reading_action(id="other", mappings=[*mapped, {"column": "lastName", "to": "LastName"}])
    world = a_world(a_reading_action(), other)
    for lead_id in (1, 2):
        world.marketo.load(lead_id)
        world.marketo.log(a_form(lead_id, hours_ago(world, 1), f"form of {lead_id}"))
    world.receive(1)
    world.receive_payload(a_payload(2), action_id="other")
    world.drain()

    written = {lead["Email"]: (lead.get("Title"), lead.get("Phone")) for lead in world.leads()}
    assert written == {"person1@example.com": ("form of 1", None), "person2@example.com": (None, "form of 2")}
    assert world.marketo.trouble.made("activities") == 1


def test_what_was_read_stays_though_the_run_is_repeated() -> None:
    """Salesforce is away when the form was read; a newer form comes, the later run writes what the first one read."""
    world = a_reading_world()
    world.salesforce.trouble.fail("find", TransientError("away", vendor="salesforce", code="http_503"))
    execution = world.receive(1)
    world.drain()
    world.marketo.log(a_form(1, world.clock.now(), "newer"))
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert [lead["Title"] for lead in world.leads()] == ["form of 1"]
    assert world.marketo.trouble.made("activities") == 1


def test_an_activity_of_long_ago_counts_from_the_arrival_of_the_call() -> None:
    """A call that waited for two days still takes what was new when it came."""
    world = a_reading_world()
    execution = world.receive(1)
    world.clock.advance(2 * 86_400)
    world.drain()

    assert world.execution(execution)["decision"]["activity"]["id"] == "form-1-form of 1"


def test_conditions_and_identifiers_see_the_activity() -> None:
    """Who has no form of the last day is skipped by a condition on an attribute."""
    clause = {"column": "activity.Form Fields", "operator": "is_not_empty"}
    world = a_reading_world(1, conditions={"clauses": [clause]})
    executions = [world.receive(number) for number in (1, 2)]
    world.drain()

    assert [world.ended(each)[0] for each in executions] == ["created", "skipped"]


def test_a_marketo_that_is_away_keeps_the_call_waiting() -> None:
    """Nothing is written without the values that are asked for; the call goes on by itself."""
    world = a_reading_world()
    world.marketo.trouble.fail("activities", TransientError("away", vendor="marketo", code="608"), times=2)
    execution = world.receive(1)
    world.drain(remaining=lambda: 152.0)
    assert (world.execution(execution)["state"], world.leads()) == (State.WAITING.value, [])
    world.run_out()

    assert [lead["Title"] for lead in world.leads()] == ["form of 1"]


def test_a_type_that_is_gone_parks_and_a_redrive_goes_on() -> None:
    """The custom activity type was deleted: the call waits for a person, and runs once it is there again."""
    world = a_reading_world()
    world.marketo.activity_kinds.clear()
    execution = world.receive(1)
    world.drain()
    assert world.execution(execution)["reason"] == "activity_type_missing"
    world.marketo.activity_kinds.append(FORM)
    assert world.redrive(execution).done
    world.run_out()

    assert world.ended(execution) == ("created", "")


@pytest.mark.parametrize("hours", [23, 25])
def test_only_the_last_day_counts(hours: int) -> None:
    """By default an activity may be a day old; without one the record is written, and the execution says so."""
    world = a_world(a_reading_action())
    world.marketo.load(1)
    world.marketo.log(a_form(1, world.clock.now() - timedelta(hours=hours), "old"))
    execution = world.receive(1)
    world.drain()

    (lead,) = world.leads()
    assert (lead.get("Title") == "old") is (hours < 24)
    assert ("id" in world.execution(execution)["decision"]["activity"]) is (hours < 24)


def test_a_death_at_any_step_writes_the_values_once() -> None:
    """Wherever a worker dies, its successors write the form's values into one record."""
    for step in range(1, 400):
        world = a_reading_world()
        world.receive(1)
        world.steps.arm(step)
        try:
            world.run_out()
        except Crash:
            world.clock.advance(61)
            world.run_out()
        else:
            assert step > 20
            return
        assert [lead["Title"] for lead in world.leads()] == ["form of 1"]
        assert set(world.inbox.ends.values()) == {1}
    pytest.fail("more than 400 steps")
