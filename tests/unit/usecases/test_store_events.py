"""Arrivals become waiting events, each once, and lanes are rung for."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.event import VERSION
from leadbridge.errors import TransientError
from tests.builders.actions import ACTION, SALESFORCE
from tests.builders.events import a_payload, an_arrival, an_execution_id
from tests.builders.world import World
from tests.fakes.steps import Crash


def test_a_new_arrival_waits_in_its_lane_and_is_rung_for() -> None:
    """A stored event waits in the lane of its Action's destination, and that lane is rung for once."""
    world = World()

    failed = world.store_events()([("m1", an_arrival(1))])

    assert failed == []
    assert [event.lane for event in world.inbox.waiting.values()] == [SALESFORCE]
    assert world.execution(an_execution_id(1))["state"] == "waiting"
    assert world.bell.rung == [SALESFORCE]


def test_a_redelivered_arrival_changes_nothing_and_rings_again() -> None:
    """A message that comes twice leaves one event; it is announced again, since its first ring may be lost."""
    world = World()
    world.store_events()([("m1", an_arrival(1))])
    world.clock.advance(11)

    world.store_events()([("m1", an_arrival(1))])

    assert len(world.inbox.waiting) == 1
    assert world.bell.rung == [SALESFORCE, SALESFORCE]


def test_an_arrival_redelivered_after_its_end_is_not_run_again() -> None:
    """A message that comes again after its event has ended does not bring the event back."""
    world = World()
    world.receive(1)
    world.drain()
    arrival = an_arrival(1, payload=a_payload(1))

    world.store_events()([("m1", arrival)])

    assert not world.inbox.waiting
    assert world.outcomes() == {"created": 1}


def test_a_burst_rings_once() -> None:
    """Ten arrivals of one lane in ten calls within ten seconds ring once: one drainer takes them all."""
    world = World()

    for number in range(1, 11):
        world.store_events()([(f"m{number}", an_arrival(number))])

    assert world.bell.rung == [SALESFORCE]


def test_nobody_rings_while_a_lease_lives() -> None:
    """An arrival during a drain is announced but not rung for: the holder of the lease will see it."""
    world = World()
    lease = world.lanes.take(SALESFORCE, world.clock.now())
    assert lease is not None

    world.receive(1)

    assert world.bell.rung == []
    assert not world.lanes.release(lease), "the holder must look again before it leaves"


def test_an_event_of_a_missing_action_is_parked_with_its_payload() -> None:
    """A call for an Action that is gone is parked, says so, and keeps what a redrive needs."""
    world = World()

    world.store_events()([("m1", an_arrival(1, action_id="long-gone"))])

    item = world.execution(an_execution_id(1))
    assert (item["state"], item["reason"]) == ("parked", "action_missing")
    assert "long-gone" in item["message"]
    assert "payload" in world.inbox.kept[an_execution_id(1)]
    assert world.bell.rung == []


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"version": VERSION + 1}, id="message written by a newer version"),
        pytest.param({"reason": "unknown_version"}, id="document in a newer format"),
    ],
)
def test_an_unknown_version_is_parked(members: dict[str, Any]) -> None:
    """What a newer version wrote is parked rather than guessed at."""
    world = World()

    world.store_events()([("m1", an_arrival(1, **members))])

    item = world.execution(an_execution_id(1))
    assert (item["state"], item["reason"]) == ("parked", "unknown_version")
    assert not world.inbox.waiting


def test_an_arrival_for_an_action_of_a_newer_version_is_parked() -> None:
    """A call for an Action that a newer version wrote is parked, and the others of its batch are stored."""
    world = World()
    world.configurations.outdate_us("action", "newer")

    failed = world.store_events()([("m1", an_arrival(1, action_id="newer")), ("m2", an_arrival(2))])

    item = world.execution(an_execution_id(1))
    assert (item["state"], item["reason"]) == ("parked", "unknown_version")
    assert failed == []
    assert len(world.inbox.waiting) == 1


def test_a_message_of_the_version_before_is_run() -> None:
    """A message that the version before wrote waits like any other."""
    world = World()

    world.store_events()([("m1", an_arrival(1, version=VERSION - 1))])

    assert len(world.inbox.waiting) == 1


@pytest.mark.parametrize(
    ("kind", "reason", "state"),
    [
        pytest.param("rejected", "body_not_json", "rejected", id="unusable body"),
        pytest.param("not_run", "not_active", "not_run", id="Action not active"),
    ],
)
def test_a_call_that_does_not_run_is_recorded(kind: str, reason: str, state: str) -> None:
    """Rejected and not-run calls are recorded beside the outcomes, with a sentence, and wait in no lane."""
    world = World()
    text = "The body is not valid JSON." if kind == "rejected" else ""

    world.store_events()([("m1", an_arrival(1, kind=kind, reason=reason, message=text, body="e30="))])

    item = world.execution(an_execution_id(1))
    assert (item["state"], item["reason"]) == (state, reason)
    assert item["message"].endswith(".")
    assert not world.inbox.waiting


def test_one_failing_arrival_does_not_harm_the_others() -> None:
    """Where storing one of three arrivals fails, that one's message id is returned and two are stored."""
    world = World()
    store = world.inbox.add
    world.inbox.add = _failing(store, an_execution_id(2))  # type: ignore[method-assign]  # the seam is the port itself

    failed = world.store_events()([(f"m{number}", an_arrival(number)) for number in (1, 2, 3)])

    assert failed == ["m2"]
    assert set(world.inbox.logged) == {an_execution_id(1), an_execution_id(3)}
    assert world.bell.rung == [SALESFORCE]


def test_a_configuration_that_cannot_be_read_returns_the_message() -> None:
    """Where the Action cannot be read, the message comes again instead of being parked."""
    world = World()

    def unreadable(*_: object, **__: object) -> None:
        raise TransientError("throttled", vendor="aws")

    world.configurations.get = unreadable  # type: ignore[method-assign]  # the seam is the port itself

    assert world.store_events()([("m1", an_arrival(1))]) == ["m1"]
    assert world.inbox.logged == {}


def test_a_death_at_any_step_of_storing_loses_and_doubles_nothing() -> None:
    """Whatever step of storing a worker dies at, the redelivered message leaves one event that is rung for."""
    step = 0
    while True:
        step += 1
        world = World()
        world.steps.arm(step)
        try:
            world.store_events()([("m1", an_arrival(1))])
        except Crash:
            world.clock.advance(61)
            world.store_events()([("m1", an_arrival(1))])
        else:
            break
        world.sweep()()
        assert len(world.inbox.waiting) == 1, world.steps.taken
        assert world.bell.rung, world.steps.taken
    assert step > 4


def _failing[**P](add: Callable[P, bool], execution_id: str) -> Callable[P, bool]:
    def tried(*args: P.args, **kwargs: P.kwargs) -> bool:
        event = args[0]
        if getattr(event, "execution_id", "") == execution_id:
            raise TransientError("throttled", vendor="aws", operation="TransactWriteItems")
        return add(*args, **kwargs)

    return tried


def test_the_action_of_a_batch_is_looked_up_once() -> None:
    """Ten arrivals of one Action cost one look at the configuration."""
    world = World()

    world.store_events()([(f"m{number}", an_arrival(number, action_id=ACTION)) for number in range(1, 11)])

    assert world.configurations.reads == 1
