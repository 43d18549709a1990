"""Parked, rejected and not-run calls come back, once."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.domain.webhook import parse
from leadbridge.errors import PermanentError, QuotaExhaustedError
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.events import a_payload, an_arrival, an_execution_id
from tests.builders.world import World


def test_an_unknown_execution_is_said_to_be_unknown() -> None:
    """Asked for an execution that is not there, redrive says so."""
    assert World().redrive("nothing").note == "There is no such execution."


def test_an_ended_execution_is_left_alone() -> None:
    """An execution that has ended cannot come back; its payload is gone."""
    world = World()
    execution = world.receive(1)
    world.drain()

    answer = world.redrive(execution)

    assert not answer.done
    assert "has ended" in answer.note
    assert not world.inbox.waiting


def test_an_execution_under_way_is_left_alone() -> None:
    """An execution that waits or runs is not started a second time."""
    world = World()

    answer = world.redrive(world.receive(1))

    assert (answer.done, answer.note) == (False, "It is under way.")
    assert len(world.inbox.waiting) == 1


def test_a_rejected_body_runs_after_its_repair() -> None:
    """A call that was rejected by a stricter version runs from its kept body once that can be read."""
    world = World()
    body = base64.b64encode(json.dumps(a_payload(7)).encode()).decode()
    arrival = an_arrival(1, kind="rejected", body=body, reason="field_invalid", message="It was refused.")
    world.store_events()([("m1", replace(arrival, payload=None))])
    world.marketo.load(7)

    answer = world.redrive(an_execution_id(1))
    world.run_out()

    assert answer.done
    assert world.ended(an_execution_id(1)) == ("created", "")
    assert not world.inbox.kept


def test_a_body_that_is_still_unusable_stays_rejected() -> None:
    """A body that cannot be read now either stays kept, and the answer names what is wrong."""
    world = World()
    body = base64.b64encode(b"{").decode()
    arrival = an_arrival(1, kind="rejected", body=body, reason="body_not_json", message="It is no JSON.")
    world.store_events()([("m1", replace(arrival, payload=None))])

    answer = world.redrive(an_execution_id(1))

    assert not answer.done
    assert "not valid JSON" in answer.note
    assert world.execution(an_execution_id(1))["state"] == "rejected"
    assert an_execution_id(1) in world.inbox.kept


@pytest.mark.parametrize(
    "name",
    ["Ada", "Ж" * 15_000, "\U0001f600" * 7_000, "\n" * 20_000],
    ids=["short", "Cyrillic", "emoji", "line breaks"],
)
def test_a_call_that_did_not_run_runs_after_activation(name: str) -> None:
    """A call to an inactive Action runs when it is redriven, however large the text that was accepted."""
    world = World(an_action(mappings=[{"column": "lastName", "to": "LastName"}, {"static": "C", "to": "Company"}]))
    body = json.dumps(a_payload(7, firstName=name), ensure_ascii=False).encode()
    arrival = an_arrival(1, kind="not_run", payload=parse(body), reason="not_active")
    world.store_events()([("m1", arrival)])
    world.marketo.load(7)

    answer = world.redrive(an_execution_id(1))
    world.run_out()

    assert answer.done, answer.note
    assert world.ended(an_execution_id(1)) == ("created", "")


def test_a_parked_quota_can_be_hurried() -> None:
    """An event that waits for a quota is tried at once when somebody asks for it."""
    world = World()
    spent = QuotaExhaustedError("x", resets_at=world.clock.now() + timedelta(hours=9), vendor="marketo", code="607")
    world.marketo.trouble.fail("sync_leads", spent)
    execution = world.receive(1)
    world.drain()

    assert world.redrive(execution).done
    world.drain()

    assert world.ended(execution) == ("created", "")


def test_redriving_twice_runs_once() -> None:
    """Asked twice, redrive brings an event back once, and it is run once."""
    world = World()
    world.salesforce.trouble.fail("create", PermanentError("refused", vendor="salesforce", code="X"))
    execution = world.receive(1)
    world.drain()

    first, second = world.redrive(execution), world.redrive(execution)
    world.run_out()

    assert (first.done, second.done) == (True, False)
    assert world.inbox.ends == {execution: 1}


def test_a_redrive_rings() -> None:
    """A lane that nobody drains is rung for when an event comes back to it."""
    world = World()
    world.salesforce.trouble.fail("create", PermanentError("refused", vendor="salesforce", code="X"))
    execution = world.receive(1)
    world.drain()
    world.bell.rung.clear()

    world.redrive(execution)

    assert world.bell.rung == [SALESFORCE]


def test_a_call_whose_action_is_still_missing_stays_parked() -> None:
    """A parked call whose Action is not back stays parked, and the answer says what to do."""
    world = World()
    world.store_events()([("m1", an_arrival(1, action_id="gone"))])

    answer = world.redrive(an_execution_id(1))

    assert not answer.done
    assert "Apply it first" in answer.note


def test_a_redriven_event_runs_on_the_corrected_action() -> None:
    """An event that was parked before anything was written runs on the Action as it was corrected since."""
    world = World()
    refused = PermanentError("no such column", vendor="salesforce", operation="create", code="INVALID_FIELD")
    world.salesforce.trouble.poison("create", lambda row: "LeadSource" in row, refused)
    execution = world.receive(1)
    world.drain()
    assert world.execution(execution)["state"] == "parked"
    corrected = [mapping for mapping in an_action().model_dump()["mappings"] if mapping["to"] != "LeadSource"]
    world.configurations.put(an_action(mappings=corrected))

    assert world.redrive(execution).done
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.execution(execution)["version"] == 2
