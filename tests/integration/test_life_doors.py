"""Both front doors and each state of an Action, on the config table as the product writes it."""

from typing import Any

import pytest

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.domain.flow_step_queue import read_chunk
from leadbridge.domain.lifecycle import DocumentState, Move
from tests.builders.actions import a_marketo_connection, an_action
from tests.fakes.door import Door
from tests.fakes.flow_step_door import FlowStepDoor
from tests.integration.aws.local_aws import client, create_table

#: how an Action gets into each state, and whether its calls are taken there
STATES: dict[DocumentState, tuple[list[Move], bool]] = {
    DocumentState.DRAFT: ([], False),
    DocumentState.VALIDATED: ([], False),
    DocumentState.TRIAL: ([Move.TRY], True),
    DocumentState.ACTIVE: ([Move.ACTIVATE], True),
    DocumentState.PAUSED: ([Move.ACTIVATE, Move.PAUSE], True),
    DocumentState.INACTIVE: ([Move.ACTIVATE, Move.PAUSE, Move.DEACTIVATE], False),
}


@pytest.fixture
def dynamodb(aws: None) -> Any:
    """An in-process DynamoDB with a config table."""
    found = client("dynamodb")
    create_table(found, "ConfigTable")
    return found


def brought(dynamodb: Any, state: DocumentState) -> None:
    """Put an Action into a state."""
    configurations = DynamoConfigurations(dynamodb, table="ConfigTable")
    configurations.put(a_marketo_connection())
    configurations.put(an_action(trial={"leads": [1]}), sound=state is not DocumentState.DRAFT)
    for move in STATES[state][0]:
        configurations.move("action", "person-to-lead", move)
    stored = configurations.get("action", "person-to-lead")
    assert stored is not None
    assert stored.state is state


@pytest.mark.parametrize("state", DocumentState)
@pytest.mark.parametrize("all_paused", [False, True], ids=["", "all paused"])
def test_the_webhook_takes_calls_of_actions_that_are_used_and_records_all_others(
    dynamodb: Any, state: DocumentState, all_paused: bool
) -> None:
    """On trial, active or paused, by itself or with all others, a call is accepted and goes to its lane; otherwise it
    is answered 200 `not_active` and kept as not run. In each case it is durable."""
    brought(dynamodb, state)
    DynamoConfigurations(dynamodb, table="ConfigTable").pause(paused=all_paused)
    door = Door()
    # the real table in place of the double
    door.receiver._dynamodb, door.receiver._table = dynamodb, "ConfigTable"

    status, answer = door.call()

    (message,) = door.messages
    taken = STATES[state][1]
    assert (status, answer["status"]) == (200, "accepted" if taken else "not_active")
    assert (message["kind"], message["reason"]) == (("event", "") if taken else ("not_run", "not_active"))
    assert message["payload"]["lead"]["id"] == 7


@pytest.mark.parametrize("state", DocumentState)
def test_the_flow_step_takes_people_of_actions_that_are_used_and_records_all_others(
    dynamodb: Any, state: DocumentState
) -> None:
    """A chunk is answered 201 in every state; its people go to their lane or are kept as not run, as with a webhook."""
    brought(dynamodb, state)
    door = FlowStepDoor(dynamodb=dynamodb, config_table="ConfigTable")

    status, _ = door.submit(2)

    people = [person for message in door.queue.messages for person in read_chunk(message)[1]]
    taken = STATES[state][1]
    assert status == 201
    assert {(each.kind, each.reason) for each in people} == {("event", "") if taken else ("not_run", "not_active")}
    assert len(people) == 2
