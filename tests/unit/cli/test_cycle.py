"""`leadbridge cycle` in this process, on in-memory ports: what people see of cycles and their runs, and ask of them."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leadbridge.domain.lifecycle import Move
from leadbridge.usecases.cycle_results import CycleResults
from leadbridge.usecases.schedule_syncs import ScheduleSyncs
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.cycles import CycleWorld, a_cycle
from tests.builders.sync_runs import SyncWorld
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.syncs import InMemorySchedules

SLOT = "20260302T120000Z"


@dataclass(frozen=True, kw_only=True)
class Desk(Target):
    """A deployment in this process."""

    world: CycleWorld
    schedules: InMemorySchedules

    @cached_property
    def clock(self) -> SettableClock:  # type: ignore[override]  # a clock that tests move
        """That of the world."""
        return self.world.clock

    @cached_property
    def configurations(self) -> InMemoryConfigurations:  # type: ignore[override]  # as above
        """Those of the world."""
        return self.world.documents

    def start_cycle(self) -> StartCycle:
        """On the world's ports."""
        return self.world.starting()

    def cycle_results(self) -> CycleResults:
        """On the world's ports."""
        return CycleResults(documents=self.world.documents, runs=self.world.runs, syncs=self.world.syncs)

    def schedule_syncs(self) -> ScheduleSyncs:
        """On the world's ports."""
        return ScheduleSyncs(
            configurations=self.world.documents,
            schedules=self.schedules,
            start=SyncWorld().starting(),
            clock=self.world.clock,
        )

    def cli(self, *arguments: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, ["cycle", *arguments], obj=self)

    def told(self, *arguments: str) -> str:
        """What a command says that goes well."""
        result = self.cli(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def json(self, *arguments: str) -> Any:
        """The same as JSON."""
        return json.loads(self.told(*arguments, "--json"))


@pytest.fixture
def desk() -> Desk:
    """A cycle that is not active."""
    world = CycleWorld()
    world.documents.move("crm_cycle", "main", Move.DEACTIVATE)
    return Desk(outputs={}, session=None, world=world, schedules=InMemorySchedules())


def test_a_cycle_is_activated_with_an_entry_that_ticks_and_deactivated_without(desk: Desk) -> None:
    """People are told to begin the first run; only an active cycle can be run."""
    assert "has never run; `leadbridge cycle run` begins" in desk.told("list")
    refused = desk.cli("run", "main")
    assert (refused.exit_code, "`leadbridge cycle activate main` lets it run" in refused.output) == (1, True)

    told = desk.told("activate", "main")
    assert told.startswith("main is active.\nIt has never run: `leadbridge cycle run main` reads everything")
    assert {name: entry.expression for name, entry in desk.schedules.entries.items()} == {"_main": "rate(1 minute)"}
    desk.told("deactivate", "main")
    assert desk.schedules.entries == {}
    assert desk.cli("activate", "gone").exit_code == 1
    assert desk.cli("show", "gone").exit_code == 1


def test_a_run_is_begun_listed_and_shown_with_its_queues_and_legs(desk: Desk) -> None:
    """As lines and as JSON; beside it no other one begins."""
    desk.world.documents.put(
        a_cycle(persons={"id_field": "crmId", "leads": {"fields": [{"marketo": "a", "salesforce": "b"}]}})
    )
    desk.told("activate", "main")
    assert desk.told("executions", "main") == "It has not run yet.\n"
    assert desk.told("run", "main").startswith(f"Started: {SLOT}.")
    beside = desk.cli("run", "main")
    assert (beside.exit_code, f"running: {SLOT}" in beside.output) == (1, True)
    assert f"runs: {SLOT}" in desk.told("list")

    desk.world.drive(SLOT)
    [line, count] = desk.told("executions", "main").splitlines()
    assert line.startswith(f"{SLOT}: done, bootstrap, 2026-03-02T12:00:00.000Z to ")
    assert count == "1 run"
    shown = desk.json("executions", "main", SLOT)
    assert (shown["status"], shown["kind"], shown["rows"]) == ("done", "bootstrap", 18)
    assert set(shown) >= {"queues", "legs", "parked"}
    assert desk.cli("executions", "main", "never").exit_code == 1

    assert "0 idle looks since" in desk.told("list")
    [listed] = desk.json("list")
    assert (listed["id"], listed["running"], len(listed["watermarks"])) == ("main", None, 6)
    assert "# persons-marketo: carried over up to 2026-03-02T" in desk.told("show", "main")
    assert desk.json("show", "main")["standing"]["idle_looks"] == 0


def test_pairs_that_are_aside_are_told_with_the_run_and_with_the_cycle(desk: Desk) -> None:
    """The run that noticed it has the warning; the cycle names what is aside while it is."""
    desk.world.entities["persons"].aside["title=Title"] = "Salesforce hides Title"
    desk.told("activate", "main")
    desk.told("run", "main")
    desk.world.drive(SLOT)

    assert "  warning: persons-object: Salesforce hides Title\n" in desk.told("executions", "main", SLOT)
    assert desk.json("executions", "main", SLOT)["warnings"] == ["persons-object: Salesforce hides Title"]
    assert "# Object title=Title is put aside: Salesforce hides Title\n" in desk.told("show", "main")
    [aside] = desk.json("show", "main")["standing"]["aside"]
    assert (aside["pair"], aside["since"]) == ("title=Title", None)


def test_a_run_can_be_begun_from_now_paused_resumed_and_cancelled(desk: Desk) -> None:
    """What is asked is noted, and heard by the run."""
    desk.told("activate", "main")
    begun = desk.json("run", "main", "--from-now")
    assert (begun["kind"], begun["status"]) == ("from now", "running")

    assert "pause is noted" in desk.told("pause", "main", SLOT)
    desk.world.drive(SLOT, steps=2)
    assert desk.json("executions", "main", SLOT)["status"] == "waiting: paused"
    desk.told("resume", "main", SLOT)
    desk.told("cancel", "main", SLOT)
    desk.world.drive(SLOT)
    assert "somebody cancelled the run" in desk.told("executions", "main", SLOT)
    nothing = desk.cli("confirm", "main", SLOT)
    assert (nothing.exit_code, "waits for no confirmation" in nothing.output) == (1, True)
