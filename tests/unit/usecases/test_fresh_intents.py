"""Intents of events are fresh when their call leaves: whoever finds one waits from it until the vendor must show it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Event, Intent
from leadbridge.usecases.batch import FRESH, RunSettings
from tests.builders.chains import ChainWorld, a_chained_action, follow_up
from tests.builders.connectors import ToMarketo, an_upsert
from tests.builders.world import World

#: longer than an intent is fresh, shorter than a lease
NAP = 20.0


def received(world: World) -> None:
    """A call about a person."""
    world.receive(1)


def called(world: ToMarketo) -> None:
    """A call of a connector Action."""
    world.marketo.load(7)
    world.call(email="person7@example.com", firstName="Ada")


def intents(event: Event) -> Iterator[tuple[str, Intent]]:
    """Those of an event that have no end yet, by what they are about."""
    if event.intent and not event.result:
        yield "", event.intent
    yield from ((link.name, link.intent) for link in event.chain if link.intent and not link.result)


@pytest.mark.fault("FA02")
@pytest.mark.parametrize(
    ("world", "begin", "call", "writes"),
    [
        pytest.param(World(), lambda world: world.receive(1), "salesforce.create", 1, id="record"),
        pytest.param(
            ChainWorld(a_chained_action(follow_up())),
            lambda world: world.receive(1),
            "salesforce.create",
            2,
            id="chain",
        ),
        pytest.param(
            ToMarketo(an_upsert()),
            called,
            "marketo.sync_leads",
            1,
            id="connector",
        ),
    ],
)
def test_a_worker_that_slept_over_its_intent_stores_it_once_more_before_it_calls(
    world: Any, begin: Callable[[Any], object], call: str, writes: int
) -> None:
    """It falls asleep behind the first save of each; what is stored when a call leaves is younger than a quarter of the
    time in which writes show themselves, so that a successor that looks from then on looks late enough."""
    begin(world)
    slept: set[str] = set()
    oldest: list[timedelta] = []

    def step(name: str) -> None:
        found = [each for event in world.inbox.waiting.values() for each in intents(event)]
        if name == "inbox.save.done" and (new := {what for what, _ in found} - slept):
            slept.update(new)
            world.clock.advance(NAP)
        elif name == call:
            oldest.extend(world.clock.now() - intent.at for _, intent in found)

    world.steps.on_step = step
    world.drain()
    assert len(slept) == len(oldest) == writes
    assert max(oldest) <= RunSettings().settle / FRESH
