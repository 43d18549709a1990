"""Member sync in a run: its order, its repetitions, and what is told of it."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.flow_step import parse_chunk
from leadbridge.domain.flow_step_queue import messages_of
from leadbridge.errors import PermanentError, QuotaExhaustedError, RateLimitedError, TransientError
from tests.builders.flow_steps import HOSTS, NOON, a_person, an_invocation, body_of
from tests.builders.members import FAIR, PROGRAM, a_member, a_member_action, a_world
from tests.builders.world import World
from tests.fakes.steps import Crash

STATUS, FIELDS = "set_member_status", "update_members"
#: more steps than any scenario below has
MANY = 400


def members(world: World) -> dict[int, dict[str, Any]]:
    """The memberships by lead."""
    return {lead_id: member for (_, lead_id), member in world.marketo.members.items()}


def said(world: World, execution: str) -> tuple[str, str]:
    """Status and reason of an execution's membership."""
    part = world.execution(execution)["member"]
    return part["status"], part.get("reason", "")


def one(world: World, lead_id: int = 1, **lead: Any) -> str:
    """One call, run at once."""
    execution = world.receive(lead_id, score="3", **lead)
    world.drain()
    return execution


def test_a_person_becomes_a_member_after_the_record_is_written_and_before_it_is_told() -> None:
    """Salesforce, the values back, the status, the fields, the activity: in this order, one call each for 200."""
    world = a_world(a_member_action())
    executions = [world.receive(number, score=str(number)) for number in range(1, 201)]
    world.drain()

    records = {lead["Email"]: lead["Id"] for lead in world.leads()}
    assert members(world) == {
        number: {
            "statusName": "Registered",
            "registrationCode": records[f"person{number}@example.com"],
            "seats": number,
        }
        for number in range(1, 201)
    }
    assert {said(world, each) for each in executions} == {("written", "")}
    writes = [operation for operation, rows in world.marketo.trouble.calls if rows]
    assert writes == ["sync_leads", STATUS, FIELDS, "add_custom_activities"]
    done = world.steps.taken
    assert done.index("salesforce.create.done") < done.index(f"marketo.{STATUS}")


def test_a_name_is_looked_up_once() -> None:
    """A program named by its name is asked for once in a process, an id never; the fields are described once."""
    world = a_world(a_member_action(a_member(program=FAIR.name)))
    run = world.drain_lane()
    for number in (1, 2, 3):
        world.receive(number, score="1")
        run("salesforce-demo", lambda: 900.0)

    assert [world.marketo.trouble.made(each) for each in ("program", "describe_members", STATUS)] == [1, 1, 3]


def test_an_action_without_a_program_makes_no_call_and_says_nothing() -> None:
    """Nothing is asked of Marketo's programs, and the execution has no word of a membership."""
    world = a_world()
    execution = one(world)

    assert world.marketo.trouble.made("program", "describe_members", STATUS, FIELDS) == 0
    assert "member" not in world.execution(execution)


def test_a_repeated_membership_still_gets_its_fields() -> None:
    """Who is in the status already, or past it, is no failure and has the new values all the same."""
    world = a_world(a_member_action())
    world.marketo.members[PROGRAM, 1] = {"statusName": "Attended", "seats": 99}
    execution = one(world)

    assert (members(world)[1]["statusName"], members(world)[1]["seats"]) == ("Attended", 3)
    assert said(world, execution) == ("written", "marketo_1037")


@pytest.mark.parametrize(
    "changes", [{"type": "update"}, {"conditions": {"clauses": [{"column": "title", "operator": "is_not_empty"}]}}]
)
def test_who_was_not_run_is_no_member(changes: dict[str, Any]) -> None:
    """Whoever is skipped has no membership, and the execution says that nothing was tried, and why."""
    world = a_world(a_member_action(**changes))
    execution = one(world)

    assert members(world) == {}
    assert said(world, execution) == ("not_attempted", world.ended(execution)[1])


def test_who_was_not_written_is_no_member() -> None:
    """Of a record that Salesforce refused nothing is told to the program, the result activity says Error."""
    world = a_world(a_member_action())
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "STRING_TOO_LONG")
    execution = one(world)

    assert members(world) == {}
    assert said(world, execution) == ("not_attempted", "salesforce_STRING_TOO_LONG")
    assert [each.primary_attribute_value for each in world.marketo.logged()] == ["Error"]


@pytest.mark.parametrize("found", [True, False])
def test_whoever_was_decided_is_a_member_with_the_decision(found: bool) -> None:
    """An Action that only looks tells the membership whether there is a record."""
    mapping = {"execution": "decision", "to": "statusReason"}
    world = a_world(a_member_action(a_member(mappings=[mapping]), type="decide", mappings=[], writeback=None))
    if found:
        world.salesforce.load("Lead", Email="person1@example.com")
    one(world)

    assert members(world)[1] == {"statusName": "Registered", "statusReason": "found" if found else "not found"}


@pytest.mark.parametrize("operation", [STATUS, FIELDS])
def test_a_refused_row_fails_alone(operation: str) -> None:
    """One of three persons is refused with a code: that one is told so, the others are members, all have activities."""
    world = a_world(a_member_action())
    world.marketo.trouble.refuse_rows(operation, lambda row: row["leadId"] == 2, "1003", message="no")
    executions = [world.receive(number, score="3") for number in (1, 2, 3)]
    world.drain()

    assert [said(world, each) for each in executions] == [("written", ""), ("failed", "marketo_1003"), ("written", "")]
    assert {number for number, member in members(world).items() if "seats" in member} == {1, 3}
    assert [world.ended(each)[0] for each in executions] == ["created"] * 3
    assert len(world.marketo.logged()) == 3


@pytest.mark.parametrize("operation", [STATUS, FIELDS])
@pytest.mark.parametrize(
    "error",
    [
        TransientError("away", vendor="marketo", code="608"),
        RateLimitedError("slower", vendor="marketo", code="606", retry_after_seconds=20),
    ],
)
def test_a_marketo_that_is_away_is_tried_again_and_nothing_is_told_twice(operation: str, error: TransientError) -> None:
    """The execution waits with its result; later runs write the membership, then the one activity."""
    world = a_world(a_member_action())
    world.marketo.trouble.fail(operation, error, times=3)
    execution = one(world)
    assert world.execution(execution)["state"] == "reporting"
    assert world.marketo.logged() == []
    world.run_out()

    assert said(world, execution)[0] == "written"
    assert members(world)[1]["seats"] == 3
    assert len(world.leads()) == len(world.marketo.logged()) == 1


@pytest.mark.parametrize("operation", [STATUS, FIELDS])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_is_repeated(operation: str, committed: bool) -> None:
    """Whether Marketo had it or not, the call goes again and the membership is right; one activity."""
    world = a_world(a_member_action())
    world.marketo.trouble.lose_answer(operation, committed=committed)
    execution = one(world)
    world.clock.advance(61)
    world.run_out()

    assert said(world, execution)[0] == "written"
    assert members(world)[1]["seats"] == 3
    assert len(world.marketo.logged()) == 1


@pytest.mark.parametrize("named", [PROGRAM, FAIR.name])
def test_a_program_that_is_gone_fails_the_membership_alone(named: str | int) -> None:
    """By name or by id: the record stays, the person hears of it, and the execution names the program."""
    world = a_world(a_member_action(a_member(program=named)))
    world.marketo.programs.clear()
    execution = one(world)

    assert said(world, execution) == ("failed", "marketo_1013")
    assert str(named) in world.execution(execution)["member"]["message"]
    assert len(world.marketo.logged()) == 1


def test_a_field_that_is_gone_parks_and_a_redrive_goes_on() -> None:
    """A call that can never succeed waits for a person; once the field is back, nothing is written twice."""
    world = a_world(a_member_action())
    world.marketo.trouble.fail(FIELDS, PermanentError("no field", vendor="marketo", operation=FIELDS, code="1006"))
    execution = one(world)
    assert (world.execution(execution)["state"], world.execution(execution)["reason"]) == ("parked", "marketo_1006")

    assert world.redrive(execution).done
    world.run_out()

    assert world.ended(execution)[0] == "created"
    assert members(world)[1]["seats"] == 3
    assert len(world.leads()) == len(world.marketo.logged()) == 1


def test_an_event_that_waited_to_be_told_does_not_undo_a_newer_one() -> None:
    """Marketo's quota is spent for hours while the older event is to be told; the newer one's values stay."""
    world = a_world(a_member_action())
    resets_at = world.clock.now() + timedelta(hours=5)
    spent = QuotaExhaustedError("spent", vendor="marketo", code="607", resets_at=resets_at)
    world.marketo.trouble.fail(STATUS, spent)
    older = one(world, firstName="Older")
    world.clock.advance(60)
    newer = world.receive(1, score="8", firstName="Newer")
    world.drain()
    assert members(world)[1]["seats"] == 8
    world.clock.advance(5 * 3600)
    world.run_out()

    assert [world.ended(each)[0] for each in (older, newer)] == ["created", "updated"]
    assert members(world)[1]["seats"] == 8
    assert said(world, older) == ("skipped", "overtaken")
    assert "newer call" in world.execution(older)["member"]["message"]


def test_two_leads_of_one_record_are_both_members() -> None:
    """The older call of another lead is overtaken at Salesforce; its person is a member all the same."""
    world = a_world(a_member_action())
    noon = world.clock.now()
    world.clock.advance(60)
    one(world, 2, email="shared@example.com")
    older = world.receive(1, email="shared@example.com", score="1", at=noon)
    world.drain()

    assert world.ended(older)[0] == "superseded"
    assert {number: member["statusName"] for number, member in members(world).items()} == {
        1: "Registered",
        2: "Registered",
    }


def test_people_of_a_flow_step_become_members_by_the_api() -> None:
    """A callback has no place for memberships: for 60 people two calls go, and no other."""
    world = a_world(a_member_action(a_member(mappings=[{"execution": "outcome", "to": "registrationCode"}])))
    rows = [a_person(number, action="person-to-lead") for number in range(1, 61)]
    world.marketo.load(*range(1, 61))
    invocation = parse_chunk(body_of(an_invocation(objectData=rows)), hosts=HOSTS)
    world.receive_chunk(*messages_of(invocation, received_at=NOON, header_names=[], obstacles={}))
    world.run_out()
    world.call_back()

    assert {member["registrationCode"] for member in members(world).values()} == {"created"}
    assert len(members(world)) == 60
    assert [operation for operation, rows in world.marketo.trouble.calls if rows] == [STATUS, FIELDS]
    (body,) = world.door.taken.values()
    assert all(row["activityData"]["success"] for row in body["objectData"])


def test_a_death_at_any_step_loses_no_membership() -> None:
    """Wherever a worker dies, its successors make both persons members with their values; one record and activity."""
    for step in range(1, MANY):
        world = a_world(a_member_action(a_member(program=FAIR.name)))
        executions = [world.receive(number, score=str(number)) for number in (1, 2)]
        world.steps.arm(step)
        try:
            world.run_out()
        except Crash:
            died = True
            world.clock.advance(61)
            world.run_out()
        else:
            died = False
        assert {number: member["seats"] for number, member in members(world).items()} == {1: 1, 2: 2}
        assert {said(world, each)[0] for each in executions} == {"written"}
        assert len(world.leads()) == len(world.marketo.logged()) == 2
        assert set(world.inbox.ends.values()) == {1}
        if not died:
            assert step > 30
            return
    pytest.fail(f"more than {MANY} steps")
