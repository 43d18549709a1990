"""How far the chained objects of an event have come travels with it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.aws.inbox import event_of
from leadbridge.domain.event import Event, Intent, Link, Result
from leadbridge.domain.outcome import Outcome, State
from tests.contract.ports.builders import LANE, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import World, far, kept_of, retention_end

#: one link with its result, one whose answer is outstanding, one that ended without a call
CHAIN = (
    Link(
        name="follow_up",
        intent=Intent(
            operation="create",
            at=an_event().received_at,
            attempt=2,
            before=("00T1", "00T2"),
            written="0123456789abcdef",
        ),
        result=Result(outcome=Outcome.CREATED, record_id="00T3"),
    ),
    Link(
        name="membership",
        intent=Intent(operation="update", at=an_event().received_at, attempt=1, record_id="00v1"),
    ),
    Link(name="account", result=Result(outcome=Outcome.SKIPPED, reason="no_match", message="No match: ünï.")),
)


def saved(world: World, event: Event) -> Sequence[Event]:
    """As after a death."""
    world.inbox.save([event])
    return world.inbox.due(LANE, far(world), 9)


def deferred(world: World, event: Event) -> Sequence[Event]:
    """As after a pause."""
    world.inbox.defer([event.evolve(due_at=event.received_at + timedelta(minutes=1))])
    return world.inbox.due(LANE, far(world), 9)


def parked(world: World, event: Event) -> Sequence[Event]:
    """As after a redrive."""
    world.inbox.park(event, reason="worker_crashed", message="Parked.")
    kept = world.log.kept(event.execution_id)
    assert kept is not None
    found = world.log.kept_event(kept)
    assert found is not None
    return [found]


@pytest.mark.parametrize("leave", [saved, deferred, parked])
def test_a_chain_survives_the_store(world: World, leave: Callable[[World, Event], Sequence[Event]]) -> None:
    """However the event is let go of, its links come back with their intents and results, in their order."""
    event = an_event()
    world.inbox.add(event, arrival_of(event))
    (mine,) = world.inbox.claim([event], 1)
    result = Result(outcome=Outcome.UPDATED, record_id="00Q1")

    (again,) = leave(world, mine.evolve(state=State.WRITING, result=result, chain=CHAIN))

    assert again.chain == CHAIN
    assert (again.state, again.result) == (State.WRITING, result)


def test_what_is_kept_of_an_end_comes_back_once_and_vanishes_with_its_execution(world: World) -> None:
    """An end that can be done again in part keeps its event as long as the execution; it goes back into its lane once,
    where it is as it was kept, and an end that leaves nothing keeps nothing."""
    event = an_event()
    world.inbox.add(event, arrival_of(event))
    (mine,) = world.inbox.claim([event], 1)
    again = mine.evolve(state=State.WRITING, result=Result(outcome=Outcome.UPDATED), chain=CHAIN, redone=True, epoch=0)

    assert world.inbox.finish([an_ending(mine, kept=again)])

    kept = world.log.kept(event.execution_id)
    assert kept is not None
    there = kept_of(world, event.execution_id)
    assert there is not None
    assert there.ends_at == retention_end(world)
    found = world.log.kept_event(kept)
    assert found == again
    assert [world.inbox.readmit(again, was=State.ENDED, times=0) for _ in range(2)] == [True, False]
    assert list(world.inbox.due(LANE, far(world), 9)) == [again]
    assert kept_of(world, event.execution_id) is None
    (mine,) = world.inbox.claim(world.inbox.due(LANE, far(world), 9), 2)
    assert world.inbox.finish([an_ending(mine)])
    assert kept_of(world, event.execution_id) is None


def test_an_item_from_before_there_were_chains_has_none() -> None:
    """What was stored without the member is read as an event of which nothing chained was begun."""
    stored = {
        "pk": "lane#salesforce-demo",
        "sk": "1#e",
        "v": 1,
        "execution_id": "e",
        "action_id": "person-to-lead",
        "received_at": "2026-03-02T12:00:00.000Z",
        "payload": '{"lead": {"id": 7}}',
        "state": "reporting",
        "epoch": 1,
        "attempts": 0,
        "crashes": 0,
        "action_version": 3,
        "result": {"outcome": "created", "reason": "", "message": "", "record_id": "00Q1"},
        "activity_uncertain": True,
        "reason": "",
        "message": "",
    }

    event = event_of(stored)

    assert event.chain == ()
    assert event.result == Result(outcome=Outcome.CREATED, record_id="00Q1")


def test_a_link_takes_the_place_of_the_one_before_it() -> None:
    """An event holds each link once, in the order in which they were begun."""
    event = an_event().evolve(chain=CHAIN)
    done = replace(event.link("membership"), result=Result(outcome=Outcome.UPDATED, record_id="00v1"))

    assert event.with_link(done).chain == (CHAIN[0], done, CHAIN[2])
    assert event.with_link(Link(name="last")).chain == (*CHAIN, Link(name="last"))
    assert event.link("never") == Link(name="never")
