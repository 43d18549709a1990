"""Parked, rejected and not-run calls come back, once."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.domain.webhook import parse
from leadbridge.errors import PermanentError, QuotaExhaustedError
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.chains import ChainWorld, a_chained_action, follow_up, membership
from tests.builders.events import a_payload, an_arrival, an_execution_id
from tests.builders.world import World
from tests.fakes.steps import nothing
from tests.unit.usecases.deaths import die_at_every_step


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


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        pytest.param(None, "body_too_large", "too large to be kept", id="not kept"),
        pytest.param(base64.b64encode(b"[5, 6]").decode(), "body_too_many", "an array of people", id="array"),
    ],
)
def test_what_is_no_call_of_one_person_is_to_be_sent_again(body: str | None, reason: str, words: str) -> None:
    """A body of which nothing was kept, and an array that was rejected as a whole, stay rejected; it is said why."""
    world = World()
    arrival = an_arrival(1, kind="rejected", body=body, reason=reason, message="It was refused.")
    world.store_events()([("m1", replace(arrival, payload=None))])

    answer = world.redrive(an_execution_id(1))

    assert not answer.done
    assert words in answer.note
    assert "have it sent again" in answer.note
    assert world.execution(an_execution_id(1))["state"] == "rejected"


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


def failed_chains(world: ChainWorld, *people: int, field: str = "Status") -> list[str]:
    """Calls whose membership Salesforce refuses, until the fake is told otherwise; their executions."""
    world.salesforce.trouble.refuse_rows("create", lambda row: field in row, "INVALID", times=len(people))
    executions = [world.receive(number) for number in people]
    world.run_out()
    assert {world.ended(each) for each in executions} == {("created", "chained_failed")}
    return executions


def test_only_the_chained_object_that_failed_is_written_when_it_is_brought_back() -> None:
    """The record and the task stay as they are and the membership is made; the person's result is told anew, and
    nothing is kept any more."""
    world = ChainWorld()
    (execution,) = failed_chains(world, 7)
    before = world.writes()

    answer = world.redrive(execution)
    world.run_out()

    assert (before, world.writes()[len(before) :]) == (["created 00Q", "created 00T"], ["created 00v"])
    assert (answer.done, world.ended(execution)) == (True, ("created", ""))
    assert world.links(execution) == {"follow_up": "created", "membership": "created"}
    told = [one.primary_attribute_value for one in world.marketo.logged(7)]
    assert told == ["Error", "Success"]
    assert not world.inbox.kept
    assert "has ended" in world.redrive(execution).note


def test_what_the_failed_one_had_stopped_is_written_with_it() -> None:
    """The task was refused, and so the membership was not run: both are made, in their order."""
    world = ChainWorld(a_chained_action(follow_up(on_failure="stop"), membership()))
    (execution,) = failed_chains(world, 7, field="WhoId")
    assert world.links(execution) == {"follow_up": "failed", "membership": "stopped"}

    world.redrive(execution)
    world.run_out()

    assert world.writes() == ["created 00Q", "created 00T", "created 00v"]
    assert world.ended(execution) == ("created", "")


@pytest.mark.parametrize("original", [False, True])
def test_a_corrected_chain_is_used_unless_its_record_would_be_elsewhere(original: bool) -> None:
    """The chained object as the Action has it now is written, or, if asked for, as it was."""
    world = ChainWorld()
    (execution,) = failed_chains(world, 7)
    world.configurations.put(a_chained_action(follow_up(), membership(mappings=[{"static": "Mended", "to": "Status"}])))

    world.redrive(execution, original=original)
    world.run_out()

    (member,) = world.salesforce.records("CampaignMember")
    assert (member["Status"] == "Mended") is not original
    assert world.execution(execution)["version"] == (1 if original else 2)
    assert world.writes().count("created 00Q") == 1


def test_an_action_that_writes_elsewhere_by_now_does_not_write_the_rest_there() -> None:
    """The Action creates Contacts since: what belongs to the Lead is written as the version says that made it."""
    world = ChainWorld()
    (execution,) = failed_chains(world, 7)
    contact = {"connection": SALESFORCE, "object": "Contact"}
    world.configurations.put(a_chained_action(follow_up(), membership(), destination=contact))

    world.redrive(execution)
    world.run_out()

    assert world.execution(execution)["version"] == 1
    assert world.ended(execution) == ("created", "")


def test_a_chain_that_fails_again_can_be_brought_back_again() -> None:
    """Refused twice, made the third time; an activity for each end that says something else is sent once."""
    world = ChainWorld()
    (execution,) = failed_chains(world, 7)
    world.salesforce.trouble.refuse_rows("create", lambda row: "Status" in row, "INVALID", times=1)
    for _ in range(2):
        assert world.redrive(execution).done
        world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.writes() == ["created 00Q", "created 00T", "created 00v"]
    assert [one.primary_attribute_value for one in world.marketo.logged(7)] == ["Error", "Error", "Success"]


def test_a_redone_chain_is_not_doubled_by_a_death_at_any_step() -> None:
    """For every step at which the worker that does the rest can die: one record, one task, one membership, and the
    success is told once, beside the failure that was told before."""

    def build() -> ChainWorld:
        world = ChainWorld()
        (execution,) = failed_chains(world, 7)
        assert world.redrive(execution).done
        return world

    def check(world: ChainWorld) -> None:
        assert dict(world.outcomes()) == {"created": 1}
        assert {item["reason"] for item in world.inbox.logged.values()} == {""}
        assert [len(world.salesforce.records(name)) for name in ("Lead", "Task", "CampaignMember")] == [1, 1, 1]
        assert [one.primary_attribute_value for one in world.marketo.logged(7)] == ["Error", "Success"]
        assert not world.inbox.kept

    die_at_every_step(build, check, least=15, most=300)


def test_what_is_in_doubt_is_looked_for_before_it_is_made_once_more() -> None:
    """Of two new tasks either could be the one that was not answered: brought back, the call says so again and makes no
    third; once somebody has taken both away, one is made."""
    world = ChainWorld(a_chained_action(follow_up()))
    lead = world.salesforce.load("Lead", Email="person7@example.com")

    def beside(step: str) -> None:
        if step == "salesforce.create" and not world.salesforce.records("Task"):
            world.salesforce.load("Task", WhoId=lead, Subject="another's")

    world.steps.on_step = beside
    world.salesforce.trouble.lose_answer("create")
    execution = world.receive(7)
    world.run_out()
    for _ in range(2):
        assert world.ended(execution) == ("updated", "chained_failed")
        assert len(world.salesforce.records("Task")) == 2
        assert world.redrive(execution).done
        world.run_out()
    world.steps.on_step = nothing
    for task in world.salesforce.records("Task"):
        world.salesforce.remove("Task", task["Id"])

    world.redrive(execution)
    world.clock.advance(61)
    world.run_out()

    assert world.ended(execution) == ("updated", "")
    assert [task["Subject"] for task in world.salesforce.records("Task")] == ["Ada"]


def test_a_failed_chain_of_a_call_that_was_kept_by_nobody_is_left_alone() -> None:
    """An execution that ended before payloads of failed chains were kept cannot come back, and the answer says so."""
    world = ChainWorld()
    (execution,) = failed_chains(world, 7)
    world.inbox.kept.clear()

    answer = world.redrive(execution)

    assert (answer.done, answer.note) == (False, "It has ended and its payload was removed.")
