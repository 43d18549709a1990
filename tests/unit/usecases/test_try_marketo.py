"""What a try tells of a program membership and of an activity, against what the run then does."""

from leadbridge.usecases.tried import NO_RECORD
from leadbridge.usecases.try_action import TryAction
from leadbridge_cli.trying import lines
from tests.builders.actions import ACTION, an_action_document
from tests.builders.events import SECRET, a_payload
from tests.builders.members import a_form, a_member, a_member_action, a_world, hours_ago
from tests.builders.world import World

MAPPINGS = [*an_action_document()["mappings"], {"column": "activity.Form Fields", "to": "Title"}]


def a_full_world() -> World:
    """An Action that takes a title from a form and makes members of persons."""
    fields = [{"field": "Id", "to": "registrationCode"}, {"field": "Title", "to": "statusReason"}]
    fields += [{"column": "score", "to": "seats"}]
    member = a_member(mappings=fields)
    world = a_world(a_member_action(member, activity={"type": "Fill Out Form"}, mappings=MAPPINGS))
    world.marketo.load(7)
    world.marketo.log(a_form(7, hours_ago(world, 2)))
    return world


def trying(world: World) -> TryAction:
    """The use-case on a world's ports."""
    return TryAction(
        documents=world.configurations, connections=world.connections, clock=world.clock, hash_key=lambda: SECRET
    )


def test_a_try_tells_the_membership_and_the_activity_that_the_run_writes() -> None:
    """Program, status, fields and the value of the form are those of the run; nothing is written by the try."""
    world = a_full_world()

    trial = trying(world).with_payload(ACTION, a_payload(7, score="4"))
    assert world.marketo.members == {}
    execution = world.receive(7, score="4")
    world.drain()

    assert trial.membership is not None
    (held,) = world.marketo.members.values()
    (lead,) = world.leads()
    fields = {name: lead["Id"] if value == NO_RECORD else value for name, value in trial.membership["fields"].items()}
    assert fields | {"statusName": trial.membership["status"]} == held
    assert trial.membership["assumed"] == ["registrationCode", "statusReason"]
    (step,) = [each for each in trial.steps if each.step == "activity"]
    assert (step.result, step.facts) == ("taken", world.execution(execution)["decision"]["activity"])
    assert {change.field: change.after for change in trial.fields}["Title"] == lead["Title"] == "Countess"
    printed = "\n".join(lines(trial))
    assert '  program 1042: status "Registered"' in printed
    assert "    seats: 4" in printed


def test_a_try_without_the_type_or_without_a_membership_says_so() -> None:
    """A type that is gone would park the call; who would be skipped would be no member."""
    world = a_full_world()
    world.marketo.activity_kinds.clear()
    assert trying(world).with_lead(ACTION, 7).reason == "activity_type_missing"

    skipping = a_world(a_member_action(type="update"))
    skipping.marketo.load(7, email="ada@example.com")
    assert trying(skipping).with_lead(ACTION, 7).membership is None
