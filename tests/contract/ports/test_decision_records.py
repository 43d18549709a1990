"""The record of decisions travels with an event and stays with its execution."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Event
from tests.contract.ports.builders import LANE, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import World, far

DECISION: dict[str, Any] = {
    "v": 1,
    "conditions": {"clauses": [{"column": "ünï", "operator": "equals", "type": "text", "result": "holds"}]},
    "match": {"looks": [{"object": "Lead", "field": "Email", "found": [], "count": 0}]},
    "write": {"operation": "create", "attempt": 2},
    "answer": {"vendor": "salesforce", "message": ""},
}


def deferred(world: World, event: Event) -> None:
    """Give it back for a minute."""
    world.inbox.defer([event.evolve(due_at=event.received_at + timedelta(minutes=1))])


def parked(world: World, event: Event) -> None:
    """Leave it to a person."""
    world.inbox.park(event, reason="mapping_broken", message="Parked.")


def finished(world: World, event: Event) -> None:
    """End it."""
    world.inbox.finish([an_ending(event)])


def begun(world: World) -> Event:
    """An event in our hands."""
    event = an_event()
    world.inbox.add(event, arrival_of(event))
    (mine,) = world.inbox.claim([event], 1)
    return mine


@pytest.mark.parametrize("leave", [deferred, parked, finished])
def test_however_an_event_is_let_go_of_its_record_is_shown(world: World, leave: Callable[[World, Event], None]) -> None:
    """Whether the event waits again, is parked or ends: the execution holds the record as it was given."""
    event = begun(world)

    leave(world, event.evolve(decision=DECISION))

    item = world.log.get(event.execution_id)
    assert item is not None
    assert item["decision"] == DECISION


@pytest.mark.parametrize("leave", [deferred, parked, finished])
def test_an_event_without_a_record_shows_none(world: World, leave: Callable[[World, Event], None]) -> None:
    """Nothing is stored of a record that is not there."""
    event = begun(world)

    leave(world, event)

    item = world.log.get(event.execution_id)
    assert item is not None
    assert "decision" not in item


def test_a_record_survives_the_store(world: World) -> None:
    """After a death and after a pause the event has the record that was saved with it."""
    event = begun(world).evolve(decision=DECISION)

    world.inbox.save([event])
    saved = list(world.inbox.due(LANE, far(world), 9))
    world.inbox.defer([event])
    again = list(world.inbox.due(LANE, far(world), 9))

    assert [each.decision for each in (*saved, *again)] == [DECISION, DECISION]
