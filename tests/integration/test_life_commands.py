"""The commands that let Actions rest and go on, and what they print."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from leadbridge.domain.lifecycle import Move
from leadbridge.usecases.pausing import Pausing
from leadbridge.usecases.redrive import Redrive
from leadbridge_cli.main import main
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, an_action
from tests.builders.world import World
from tests.integration.reasons.shown import WorldTarget


class LocalTarget(WorldTarget):
    """A deployment in memory on which documents are moved and calls are redriven."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.__dict__.update(world=world, outputs={"ApiUrl": "https://api.example.com"})

    def pausing(self) -> Pausing:
        """The use-case behind `pause` and `resume`."""
        world: World = self.__dict__["world"]
        return Pausing(configurations=world.configurations, lanes=world.lanes, bell=world.bell, clock=world.clock)

    def redrive(self) -> Redrive:
        """The use-case behind `redrive`."""
        world: World = self.__dict__["world"]
        return Redrive(
            configurations=world.configurations,
            log=world.log,
            inbox=world.inbox,
            lanes=world.lanes,
            bell=world.bell,
            clock=world.clock,
        )


def said(world: World, *words: str, refused: bool = False) -> str:
    """What a command prints, or says where it is refused."""
    done = CliRunner().invoke(main, list(words), obj=LocalTarget(world))
    assert done.exit_code == refused, done.output
    return done.stderr if refused else done.stdout


def state_of(world: World, action: str = ACTION) -> str:
    """Where an Action stands, as scripts see it."""
    return next(str(row["state"]) for row in json.loads(said(world, "actions", "--json")) if row["id"] == action)


def test_an_action_goes_through_its_life_by_commands() -> None:
    """Each command says where the Action stands then; paused twice and resumed it is on trial as before."""
    world = World()
    world.configurations.put(an_action(trial={"leads": [1]}))

    lines = [said(world, *words.split()) for words in LIFE]

    assert [line.removeprefix(f"{ACTION} is ").rstrip() for line in lines] == list(LIFE.values())
    assert state_of(world) == "active"


#: commands, and where the Action stands after each
LIFE = {
    f"deactivate {ACTION}": "inactive.",
    f"trial {ACTION}": "on trial.",
    f"pause {ACTION}": "paused.",
    f"pause {ACTION} ": "paused.",
    f"resume {ACTION}": "on trial.",
    f"activate {ACTION}": "active. Webhooks notice within 30 seconds.",
}


def test_all_actions_are_paused_by_one_command_and_are_as_before_after_another() -> None:
    """What comes meanwhile is kept and says so; Actions that were paused by themselves are named and stay so."""
    world = World(an_action(), an_action(id="other", name="Other"))
    said(world, "pause", "other")
    said(world, "pause", "--all")
    call = world.receive(1)
    world.drain()

    assert state_of(world) == "active"
    assert "All Actions are paused: nothing begins before `leadbridge resume --all`." in said(world, "actions")
    assert "All Actions are paused: nothing begins" in said(world, "activate", ACTION)
    [shown] = json.loads(said(world, "executions", "--reason", "all_paused", "--json"))
    assert (shown["execution_id"], shown["state"]) == (call, "waiting")
    assert "Kept: all Actions are paused." in said(world, "person", "1")

    assert "Paused by themselves: other." in said(world, "resume", "--all")
    assert world.bell.rung[-1] == SALESFORCE
    world.drain()
    assert world.ended(call) == ("created", "")
    assert "All Actions are paused" not in said(world, "actions")


@pytest.mark.parametrize("name", [SALESFORCE, MARKETO])
def test_everything_through_a_connection_is_paused(name: str) -> None:
    """Neither end begins anything; a call says which connection it waits for."""
    world = World()
    assert said(world, "pause", "--connection", name) == f"{name} is paused.\n"
    call = world.receive(1)
    world.drain()
    assert f"Kept: the connection {name} is paused." in said(world, "show", call)

    assert said(world, "resume", "--connection", name) == f"{name} is enabled.\n"
    world.drain()
    assert world.ended(call) == ("created", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pause"], "Say which: Actions by id, --connection NAME, or --all."),
        (["resume", ACTION, "--all"], "Say which: Actions by id, --connection NAME, or --all."),
        (["pause", "nobody"], "There is no Action nobody. `leadbridge actions` lists them."),
        (
            ["pause", "--connection", "nobody"],
            "There is no connection nobody. `leadbridge connections list` lists them.",
        ),
        (
            ["trial", ACTION],
            f"action {ACTION} names nobody for its trial; give it `trial` with `leads` or a `static_list`",
        ),
        (["pause", "asleep"], "action asleep is not active, so nothing of it is to be paused; `leadbridge activate`"),
        (["resume", "asleep"], "action asleep is not paused; `leadbridge activate` lets it run"),
    ],
)
def test_what_cannot_be_paused_or_tried_says_why(words: list[str], sentence: str) -> None:
    """The sentence names the document and what to do, and nothing has changed."""
    world = World()
    world.configurations.put(an_action(id="asleep", name="Asleep"))

    assert f"error: {sentence}" in said(world, *words, refused=True)
    assert (state_of(world), state_of(world, "asleep")) == ("active", "validated")


def test_what_came_while_an_action_was_inactive_is_run_by_one_command_that_tells_number_and_cost_first() -> None:
    """Five calls were recorded; the command says how many and the fewest vendor calls, then runs them, oldest first."""
    world = World(an_action(), an_action(id="other", name="Other"))
    facts: dict[str, Any] = {"kind": "not_run", "reason": "not_active"}
    calls = [
        world.receive_payload({"lead": {"id": 1, **PERSON, "firstName": f"Call {number}"}}, **facts)
        for number in range(5)
    ]
    other = world.receive_payload({"lead": {"id": 2, **PERSON}}, action_id="other", **facts)
    world.drain()
    assert world.states() == {"not_run": 6}

    lines = said(world, "redrive", "--state", "not_run", "--action", ACTION).splitlines()

    assert lines[0] == f"To run: 5 of {ACTION}; at least 2 Salesforce and 2 Marketo calls."
    assert lines[-1] == "5 of 5 run again."
    world.run_out()
    assert [world.ended(each)[0] for each in calls] == ["created"] + ["updated"] * 4
    assert [lead["FirstName"] for lead in world.leads()] == ["Call 4"]
    assert world.execution(other)["state"] == "not_run"


PERSON = {"email": "ada@example.com", "lastName": "Lovelace", "company": "Engines"}


def test_a_redrive_into_a_pause_is_kept_until_the_resume() -> None:
    """It is back in its lane, says why it waits, and runs afterwards."""
    world = World()
    call = world.receive_payload({"lead": {"id": 1, **PERSON}}, kind="not_run", reason="not_active")
    world.configurations.move("action", ACTION, Move.PAUSE)
    said(world, "redrive", call)
    world.drain()
    assert "Kept: the Action person-to-lead is paused." in said(world, "show", call)

    said(world, "resume", ACTION)
    world.drain()
    assert world.ended(call) == ("created", "")
