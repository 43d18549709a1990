"""What is paused, in both implementations: what of a lane is looked past, and how documents remember their states."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from leadbridge.aws.items import TRIES, read_item
from leadbridge.domain.event import Event
from leadbridge.domain.holding import NOTHING, Due, Held
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.outcome import State
from leadbridge.errors import ConfigurationError, TransientError
from tests.contract.ports.builders import LANE, an_action, an_event, arrival_of
from tests.contract.ports.worlds import DynamoWorld, World, far


def added(world: World, *events: Event) -> None:
    """Put events into their lane."""
    for event in events:
        assert world.inbox.add(event, arrival_of(event))


def seen(world: World, kept: Held, limit: int = 200) -> list[int]:
    """The leads of the events that are due in spite of what is kept back."""
    return [event.lead_id for event in world.inbox.due(LANE, far(world), limit, kept)]


def test_events_of_kept_actions_are_looked_past(world: World) -> None:
    """Those of other Actions come in their order and up to the limit, whatever stands before them."""
    added(world, *(an_event(number, action_id="kept") for number in (1, 2, 3)))
    added(world, *(an_event(number, action_id=f"other-{number}") for number in (4, 5, 6)))

    assert seen(world, NOTHING) == [1, 2, 3, 4, 5, 6]
    assert seen(world, Held(actions=frozenset({"kept"})), 2) == [4, 5]
    assert seen(world, Held(actions=frozenset({"kept", "other-5"}))) == [4, 6]
    assert seen(world, Held(everything=True)) == []


def test_any_number_of_actions_can_be_kept(world: World) -> None:
    """Two hundred and fifty of them are looked past at once; one that is not among them is found."""
    added(world, an_event(1, action_id="action-249"), an_event(2, action_id="action-250"))

    assert seen(world, Held(actions=frozenset(f"action-{number}" for number in range(250)))) == [2]


@pytest.mark.parametrize("kept", [Held(everything=True), Held(actions=frozenset({"person-to-lead"}))])
def test_what_was_begun_is_never_kept_back(world: World, kept: Held) -> None:
    """An event that is being written or told is due, one that was given back unwritten waits."""
    writing, reporting, waiting = (an_event(number) for number in (1, 2, 3))
    added(world, writing, reporting, waiting)
    claimed = world.inbox.claim(world.inbox.due(LANE, far(world), 200), 1)
    states = (State.WRITING, State.REPORTING, State.WAITING)
    world.inbox.save([event.evolve(state=state) for event, state in zip(claimed, states, strict=True)])

    assert seen(world, kept) == [1, 2]
    first = world.inbox.first_due(LANE, far(world), kept)
    assert first == Due(action_id="person-to-lead", begun=True, received_at=writing.received_at)


def test_the_first_due_event_is_the_first_that_is_not_kept(world: World) -> None:
    """With everything kept there is none."""
    kept, other = an_event(1, action_id="kept"), an_event(2, action_id="other")
    added(world, kept, other)

    found = world.inbox.first_due(LANE, far(world), Held(actions=frozenset({"kept"})))

    assert found == Due(action_id="other", begun=False, received_at=other.received_at)
    assert world.inbox.first_due(LANE, far(world), Held(everything=True)) is None


def test_all_actions_are_paused_by_one_write_and_resumed_by_another(world: World) -> None:
    """Doing either twice changes nothing, and no Action's own state does."""
    world.configurations.put(an_action())
    world.configurations.move("action", "person-to-lead", Move.ACTIVATE)
    assert world.configurations.paused() is False

    for paused, _ in product((True, False), range(2)):
        world.configurations.pause(paused=paused)
        assert world.configurations.paused() is paused
        stored = world.configurations.get("action", "person-to-lead")
        assert stored is not None
        assert stored.state is DocumentState.ACTIVE
    assert [each.document.id for each in world.configurations.list("action")] == ["person-to-lead"]


@pytest.mark.parametrize(("step", "state"), [(Move.ACTIVATE, DocumentState.ACTIVE), (Move.TRY, DocumentState.TRIAL)])
def test_a_pause_remembers_the_state_before_it(world: World, step: Move, state: DocumentState) -> None:
    """A paused Action takes calls; stored anew it stays paused, and resumed it is what it was."""
    world.configurations.put(an_action(trial={"leads": [1]}))
    world.configurations.move("action", "person-to-lead", step)

    assert world.configurations.move("action", "person-to-lead", Move.PAUSE) is DocumentState.PAUSED
    changed, _ = world.configurations.put(an_action(trial={"leads": [1, 2]}))
    paused = world.configurations.get("action", "person-to-lead")
    assert paused == changed
    assert (paused.state, paused.resumes, paused.active, paused.keeps) == (DocumentState.PAUSED, state, True, True)

    assert world.configurations.move("action", "person-to-lead", Move.RESUME) is state
    resumed = world.configurations.get("action", "person-to-lead")
    assert resumed is not None
    assert (resumed.state, resumed.keeps, resumed.version) == (state, False, 2)


def test_a_step_that_the_state_forbids_changes_nothing(world: World) -> None:
    """An Action that was never active is not paused, and one without people is not tried."""
    world.configurations.put(an_action())

    for step, said in ((Move.PAUSE, "is not active"), (Move.RESUME, "is not paused"), (Move.TRY, "names nobody")):
        with pytest.raises(ConfigurationError, match=said):
            world.configurations.move("action", "person-to-lead", step)

    stored = world.configurations.get("action", "person-to-lead")
    assert stored is not None
    assert stored.state is DocumentState.VALIDATED


@pytest.mark.parametrize(
    ("before", "meanwhile", "state", "resumes"),
    [
        ([Move.ACTIVATE], [Move.PAUSE], DocumentState.PAUSED, DocumentState.ACTIVE),
        ([Move.ACTIVATE], [Move.TRY], DocumentState.TRIAL, None),
        ([Move.ACTIVATE, Move.PAUSE], [Move.RESUME], DocumentState.ACTIVE, None),
        (
            [Move.ACTIVATE, Move.DEACTIVATE],
            [Move.ACTIVATE, Move.PAUSE, Move.DEACTIVATE],
            DocumentState.INACTIVE,
            DocumentState.ACTIVE,
        ),
    ],
)
def test_who_moves_an_action_while_a_version_is_stored_finds_it_so(
    dynamo_world: DynamoWorld,
    before: list[Move],
    meanwhile: list[Move],
    state: DocumentState,
    resumes: DocumentState | None,
) -> None:
    """A step between the reading and the writing of a new version is not undone by it, nor what it keeps forgotten."""
    world = dynamo_world
    world.configurations.put(an_action(trial={"leads": [1]}))

    def go(moves: list[Move]) -> None:
        for move in moves:
            world.configurations.move("action", "person-to-lead", move)

    go(before)
    world.unsteady.meanwhile["transact_write_items"] = [lambda: go(meanwhile)]

    stored, _ = world.configurations.put(an_action(trial={"leads": [2]}))

    assert (stored.version, stored.state, stored.resumes) == (2, state, resumes)
    assert world.configurations.get("action", "person-to-lead") == stored


@pytest.mark.parametrize(("refusals", "found"), [(0, True), (TRIES - 1, True), (TRIES, False)])
def test_a_document_is_read_as_patiently_as_it_is_written(refusals: int, found: bool) -> None:
    """While DynamoDB asks for a pause the read comes again, with growing pauses; at last the caller hears of it."""
    busy = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "GetItem")
    answers: list[Any] = [busy] * refusals + [{"Item": {"pk": {"S": "pause"}}}]
    pauses: list[float] = []

    def get_item(**_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def read() -> Any:
        client: Any = SimpleNamespace(get_item=get_item)
        return read_item(client, "ConfigTable", {"pk": "pause"}, pauses.append)

    if found:
        assert read() == {"pk": "pause"}
    else:
        with pytest.raises(TransientError, match="asks for a pause"):
            read()
    assert len(pauses) == min(refusals, TRIES - 1)
