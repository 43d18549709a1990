"""`leadbridge cycle` in this process, on in-memory ports: what people see of cycles and their runs, and ask of them."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.cycling import CycleRun, guarded
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.planned import Planned
from leadbridge.domain.three_way import Side
from leadbridge.usecases.cycle_pieces import PieceFiles, PieceState
from leadbridge.usecases.cycle_planned import CyclePlanned
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.cycle_results import CycleResults
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.usecases.people_files import Entry, PeopleFiles, State
from leadbridge.usecases.schedule_syncs import ScheduleSyncs
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.cycles import CycleWorld, a_cycle
from tests.builders.sync_runs import SyncWorld
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.cycle import InMemoryLinks
from tests.fakes.journal import InMemoryJournal
from tests.fakes.syncs import InMemorySchedules

SLOT = "20260302T120000Z"
ACCOUNT = "0015g00000AAAAAAA2"


WHO = "arn:aws:iam::123456789012:role/Keeper"


@dataclass(frozen=True, kw_only=True)
class Desk(Target):
    """A deployment in this process."""

    world: CycleWorld
    schedules: InMemorySchedules
    objects: InMemoryObjects = field(default_factory=InMemoryObjects)
    links: InMemoryLinks = field(default_factory=InMemoryLinks)
    journal: InMemoryJournal = field(default_factory=InMemoryJournal)

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

    def cycle_planned(self) -> CyclePlanned:
        """On the world's ports."""
        world = self.world
        return CyclePlanned(
            documents=world.documents, runs=world.runs, syncs=world.syncs, objects=self.objects, clock=world.clock
        )

    def cycle_rows(self) -> CycleRows:
        """On the world's ports."""
        return CycleRows(
            documents=self.world.documents,
            runs=self.world.runs,
            syncs=self.world.syncs,
            objects=self.objects,
            links=lambda _: self.links,
            due=lambda _: self.world.due,
        )

    def schedule_syncs(self) -> ScheduleSyncs:
        """On the world's ports."""
        return ScheduleSyncs(
            configurations=self.world.documents,
            schedules=self.schedules,
            start=SyncWorld().starting(),
            clock=self.world.clock,
        )

    def author(self) -> str:
        """Who is at the desk."""
        return WHO

    def deeds(self) -> list[tuple[str, str, str, str]]:
        """What the activity log has of whoever is at the desk."""
        return [(each.did, each.kind, each.id, each.detail) for each in self.journal.entries if each.who == WHO]

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
    assert line.startswith(f"{SLOT}: done, bootstrap, 2026-03-02 12:00:00+00:00 to ")
    assert count == "1 run"
    shown = desk.json("executions", "main", SLOT)
    assert (shown["status"], shown["kind"], shown["rows"]) == ("done", "bootstrap", 18)
    assert set(shown) >= {"queues", "legs", "parked"}
    assert desk.cli("executions", "main", "never").exit_code == 1

    assert "0 idle looks since" in desk.told("list")
    [listed] = desk.json("list")
    assert (listed["id"], listed["running"], len(listed["watermarks"])) == ("main", None, 6)
    assert "# persons-marketo: carried over up to 2026-03-02 " in desk.told("show", "main")
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
    assert desk.deeds() == [
        (did, "crm_cycle", "main", SLOT) for did in ("run", "pause_run", "resume_run", "cancel_run")
    ]


def test_a_confirmation_is_of_the_guard_that_it_names(desk: Desk) -> None:
    """Another one is told, and stays; without a name what waits is confirmed, and told."""
    desk.told("activate", "main")
    desk.told("run", "main")
    for what in ("persons deletions", "persons changes"):
        run, version = desk.world.runs.get("main", SLOT) or pytest.fail("it is not there")
        desk.world.runs.save(guarded(run, what, "delete 2 records", desk.clock.now()), version)
        late = desk.cli("confirm", "main", SLOT, "--guard", "companies changes")
        assert (late.exit_code, f"nothing is confirmed: {what}: the run would delete" in late.output) == (1, True)
        assert desk.json("executions", "main", SLOT)["guarded"] == what
        named = ["--guard", what] if what == "persons deletions" else []
        assert f"{SLOT}: {what}: confirm is noted" in desk.told("confirm", "main", SLOT, *named)
    assert desk.deeds()[1:] == [("confirm_run", "crm_cycle", "main", SLOT)] * 2


def test_programs_are_asked_for_by_name(desk: Desk) -> None:
    """Of a cycle without any that is told, and nothing is begun."""
    desk.told("activate", "main")
    for command in ("run", "plan"):
        nothing = desk.cli(command, "main", "--programs")
        assert (nothing.exit_code, "keeps no programs" in nothing.output) == (1, True), nothing.output
    assert desk.world.runs.runs("main", 1) == []


LEAD = "00Q000000000001EAA"


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A run that failed to write one person and made another; the first is due."""
    run = CycleRun(cycle="main", slot=SLOT, version=1, epoch=1, started_at=NOON)
    desk.world.runs.begin(run)
    files = PeopleFiles(desk.objects, run)
    files.keep_state(State(pages={}, parts=1))
    failed = Entry(
        object="Lead", salesforce_id=LEAD, marketo_id="7", outcome="failed", reason="STRING_TOO_LONG", message="=long"
    )
    made = Entry(object="Lead", salesforce_id="00Q000000000002EAA", marketo_id="8", outcome="created")
    files.keep_outcomes(1, [failed, made])
    desk.links.keep([Link(salesforce_id=LEAD, marketo_id="7")])
    later = NOON + timedelta(minutes=5)
    due = DueRecord(
        side=Side.SALESFORCE, object="Lead", id=LEAD, reason="STRING_TOO_LONG", noted_at=NOON, not_before=later, tries=1
    )
    desk.world.due.add([due])
    return desk


def test_the_rows_of_a_run_are_counted_listed_and_written_into_a_file(told: Desk, tmp_path: Path) -> None:
    """By outcome; no cell of the file is a formula."""
    assert "  outcomes: persons: 1 created, 1 failed\n" in told.told("executions", "main", SLOT)
    shown = told.json("executions", "main", SLOT)
    assert (shown["outcomes"], shown["outcomes_whole"]) == ({"persons": {"failed": 1, "created": 1}}, True)

    [failed, made, count] = told.told("executions", "main", SLOT, "--rows").splitlines()
    assert failed == f"persons: Marketo 7, Lead {LEAD}: failed, STRING_TOO_LONG. =long"
    assert made == "persons: Marketo 8, Lead 00Q000000000002EAA: created"
    assert count == "2 rows"
    [row] = told.json("executions", "main", SLOT, "--rows", "--outcome", "failed")
    assert (row["kind"], row["marketo_id"], row["salesforce_id"], row["reason"]) == (
        "persons",
        "7",
        LEAD,
        "STRING_TOO_LONG",
    )
    file = tmp_path / "rows.csv"
    told.told("executions", "main", SLOT, "--rows", "--outcome", "failed", "--csv", str(file))
    assert "persons,Lead,7,00Q000000000001EAA,failed,STRING_TOO_LONG,'=long," in file.read_text()
    assert told.cli("executions", "main", "--rows").exit_code == 1
    assert told.cli("executions", "main", "never", "--rows").exit_code == 1


def test_a_record_says_its_link_what_is_due_and_what_runs_have_done(told: Desk) -> None:
    """As lines and as JSON, by either system's id."""
    lines = told.told("record", "main", "7").splitlines()
    assert lines[0] == f"Linked: {LEAD} in Salesforce and 7 in Marketo."
    assert lines[1].startswith(f"due: Lead {LEAD}: not before 2026-03-02 12:05:00+00:00, STRING_TOO_LONG. ")
    assert lines[2:] == [f"{SLOT}: persons: Marketo 7, Lead {LEAD}: failed, STRING_TOO_LONG. =long"]
    story = told.json("record", "main", LEAD)
    assert [each["slot"] for each in story["runs"]] == [SLOT]
    assert (story["due"][0]["tries"], story["looked_through"], story["whole"]) == (1, 1, True)
    assert told.cli("record", "main", "ada").exit_code == 1


def test_what_is_due_is_listed_with_the_reason(told: Desk, desk: Desk) -> None:
    """As lines and as JSON."""
    [line, count] = told.told("due", "main").splitlines()
    assert line.endswith(
        "Its write was refused with STRING_TOO_LONG; `leadbridge cycle record` shows the vendor's "
        "words. Tried 1 time again since."
    )
    assert count == "1 record"
    [due] = told.json("due", "main")
    assert (due["id"], due["side"], due["tries"]) == (LEAD, "salesforce", 1)
    desk.world.due.records.clear()
    assert told.told("due", "main") == "Nothing is due.\n"


def test_a_run_at_work_tells_how_far_it_is_and_until_when_it_waits(desk: Desk) -> None:
    """Part by part; nothing is told of one that is over, or has not begun to read."""
    desk.told("activate", "main")
    desk.told("run", "main")
    assert f"# {SLOT} is at work, bootstrap: running" in desk.told("show", "main")

    desk.world.drive(SLOT, steps=0)
    desk.world.step(SLOT)
    assert "\n  0 %, part 1 of 4 (read)\n" in desk.told("executions", "main", SLOT)
    told = desk.json("executions", "main", SLOT)["progress"]
    assert (told["percent"], told["part"], told["total"], told["per_second"]) == (0, 1, 0, None)
    desk.world.drive(SLOT)
    assert desk.json("executions", "main", SLOT)["progress"] is None
    assert "is at work" not in desk.told("show", "main")


def test_a_run_that_is_waited_for_shows_each_change(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal a line for each; the last one is the end."""
    desk.told("activate", "main")

    def goes_on(seconds: float) -> None:
        assert seconds > 0
        run = desk.world.run(SLOT)
        answer = desk.world.step(SLOT)
        if answer["at_work"]:
            desk.world.carry(answer["orders"])
        desk.world.clock.advance(0 if run.over else 1)

    monkeypatch.setattr("leadbridge_cli.cycle.time.sleep", goes_on)
    *lines, last = desk.told("run", "main", "--wait").splitlines()
    parts = [line.partition("part ")[2][:6] for line in lines]
    assert list(dict.fromkeys(parts)) == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]
    assert last.startswith(f"{SLOT}: done, bootstrap")


def test_a_plan_is_begun_without_an_active_cycle_and_shown(desk: Desk) -> None:
    """Each field before and after, as lines, JSON and CSV; beside it nothing runs, and what is no plan shows none."""
    told = desk.told("plan", "main", "--no-wait")
    assert told == f"Begun: {SLOT}. `leadbridge cycle planned main {SLOT}` shows it.\n"
    beside = desk.cli("plan", "main", "--no-wait")
    assert (beside.exit_code, f"running: {SLOT}" in beside.output) == (1, True)
    run = desk.world.run(SLOT)
    assert (run.planning, run.kind) == (True, "plan")
    [leg] = [leg for leg in derived_syncs(a_cycle())[1] if leg.name == "companies-written"]
    write = Planned(
        position=1,
        does="update",
        columns={"Id": ACCOUNT},
        record_id="7",
        before={"company": "Acme"},
        after={"company": "Apex"},
    )
    CyclePlans(runs=desk.world.syncs, objects=desk.objects, clock=desk.clock).store(run, leg, 1, [write])
    files = PieceFiles(desk.objects, run, "companies")
    files.keep_pieces(PieceState(plans={leg.name: [1]}))
    kept = Entry(object="Account", salesforce_id=ACCOUNT, marketo_id="7", outcome="unchanged")
    files.keep_entries(1, [replace(kept, outcome="", writes={leg.name: 1}), kept])

    lines = desk.told("planned", "main", SLOT).splitlines()
    assert lines[:2] == [f"companies: update Account {ACCOUNT} person 7", '  marketo company: "Acme" -> "Apex"']
    [change] = desk.json("planned", "main", SLOT)["changes"]
    field = {"system": "marketo", "name": "company", "before": "Acme", "after": "Apex", "known": True}
    assert (change["does"], change["fields"]) == ("update", [field])
    gone = desk.cli("planned", "main", "never")
    assert (gone.exit_code, "`leadbridge cycle plan main` makes one" in gone.output) == (1, True)
