"""Messages of this version and of the one before are read; what is none of ours is told apart."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadbridge.domain.event import VERSION
from leadbridge.domain.messages import read, read_batch

FIXTURES = Path(__file__).parent / "fixtures"


def kept(name: str) -> str:
    """A message as a version of ours wrote it."""
    return (FIXTURES / f"message-{name}.json").read_text("utf-8")


def changed(**changes: Any) -> str:
    """A message of this version with members changed, or left out if None."""
    members = json.loads(kept("v1-event")) | changes
    return json.dumps({name: value for name, value in members.items() if value is not None})


@pytest.mark.parametrize("name", ["v0-event", "v1-event"])
def test_events_of_this_version_and_the_one_before_are_read(name: str) -> None:
    """The kept message of each readable version gives the same event."""
    arrival = read(kept(name))

    assert arrival.kind == "event"
    assert arrival.execution_id == "0123456789abcdef0123456789abcdef"
    assert arrival.action_id == "person-to-lead"
    assert arrival.received_at == datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC)
    assert arrival.sequence.startswith("01772452800123#")
    assert arrival.payload == {"lead": {"id": 7, "email": "person7@example.com"}}
    assert arrival.version <= VERSION


def test_a_rejected_call_is_read_with_its_body() -> None:
    """A rejected call keeps body, reason and sentence."""
    arrival = read(kept("v1-rejected"))

    assert (arrival.kind, arrival.body, arrival.reason) == ("rejected", "ew==", "body_not_json")
    assert arrival.message.startswith("The body is not valid JSON")
    assert arrival.payload is None


def test_a_message_of_a_newer_version_is_read_to_be_parked() -> None:
    """A message of a newer version, of a kind we do not know, is handed on with its version and its payload."""
    arrival = read(kept("v2-event"))

    assert arrival.version == VERSION + 1
    assert arrival.payload == {"leads": [{"id": 7}, {"id": 8}]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("", id="empty"),
        pytest.param("hello", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="no members"),
        pytest.param(changed(v="one"), id="version not a number"),
        pytest.param(changed(v=None), id="no version"),
        pytest.param(changed(execution_id=None), id="no execution id"),
        pytest.param(changed(received_at="noon"), id="time not a time"),
        pytest.param(changed(kind="else"), id="a kind we never wrote"),
        pytest.param(changed(payload="text"), id="payload a text"),
        pytest.param(changed(payload=[1]), id="payload a list"),
    ],
)
def test_what_is_none_of_ours_harms_no_other(body: str) -> None:
    """A foreign message is named as unreadable, the messages beside it are read."""
    good = kept("v1-event")

    arrivals, unreadable = read_batch(
        [{"messageId": "a", "body": good}, {"messageId": "b", "body": body}, {"messageId": "c", "body": good}]
    )

    assert [message_id for message_id, _ in arrivals] == ["a", "c"]
    assert list(unreadable) == ["b"]
