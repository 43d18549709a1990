"""The commands that tell of several executions: bursts as one line, and everything that happened to a person."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner

from leadbridge.domain.narration import BURST
from leadbridge.errors import QuotaExhaustedError
from leadbridge_cli.main import main
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.integration.reasons.happenings import created
from tests.integration.reasons.shown import WorldTarget, cli

ADDRESS = "ada@example.com"


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console on which no cell is folded."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader in New York."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def a_burst(world: World, count: int) -> None:
    """So many persons without an address, a second after each other, and one who is fine."""
    for number in range(count):
        world.receive(100 + number, email=" ")
        world.clock.advance(1)
    world.receive(7, email=ADDRESS)
    world.drain()


def rows(text: str) -> list[list[str]]:
    """The cells of a printed table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.mark.usefixtures("wide")
def test_a_burst_of_one_reason_is_one_line_with_its_remedy() -> None:
    """Two hundred persons without an address are one line: how many, since when, why, what to do, how to see each."""
    world = World()
    a_burst(world, 214)

    text = cli(world, "executions", "--utc")

    burst, *rest = text.splitlines()
    assert burst == (
        "× 214 since 2026-03-02 12:00:00+00:00: Person to Lead (person-to-lead), skipped: Missing identifier: email. "
        "The person has no value in it, so no record can be matched. What to do: Fill the field in Marketo, then send "
        "the person again; if the field is filled, look whether the webhook's payload template sends it. "
        "(leadbridge executions --reason identifier_missing)"
    )
    assert rest[0].strip() == "1 of 215 executions"
    assert [row[4] for row in rows(text)] == ["created"]


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize(
    ("count", "words"),
    [
        pytest.param(BURST - 1, [], id="few"),
        pytest.param(BURST, ["--each"], id="each asked for"),
        pytest.param(BURST, ["--reason", "identifier_missing"], id="one reason asked for"),
    ],
)
def test_what_is_no_burst_or_is_asked_for_is_listed_singly(count: int, words: list[str]) -> None:
    """Two alike are two lines; more are, too, where somebody asks for each or for their reason."""
    world = World()
    a_burst(world, count)

    lines = [row for row in rows(cli(world, "executions", *words)) if row[4] == "skipped"]

    assert len(lines) == count
    assert len({row[1] for row in lines}) == count


def test_several_reasons_are_several_bursts() -> None:
    """Persons without an address and persons with a bad one are two lines, in the order of their first."""
    world = World()
    for number in range(BURST):
        world.receive(200 + number, email="nobody")
        world.receive(100 + number, email=" ")
        world.clock.advance(1)
    world.drain()

    lines = [line for line in cli(world, "executions").splitlines() if line.startswith("×")]

    assert [line.split(" since ")[0] for line in lines] == [f"× {BURST}"] * 2
    assert ["Invalid identifier" in line for line in lines] == [True, False]


def test_scripts_get_every_execution_of_a_burst() -> None:
    """As JSON nothing is put together."""
    world = World()
    a_burst(world, BURST)

    assert len(json.loads(cli(world, "executions", "--json"))) == BURST + 1


@pytest.mark.usefixtures("wide")
def test_the_name_of_the_action_stands_in_every_row() -> None:
    """What was run has the name of its time, what only waits the present one, what has no Action any more its id; in
    the table, for scripts and in `show` alike."""
    world = World()
    ran = world.receive(1)
    world.drain()
    world.configurations.put(an_action(name="Renamed"))
    waits = world.receive(2)
    world.inbox.logged[gone := world.receive(3)]["action_id"] = "gone"

    table = rows(cli(world, "executions"))
    listed = {row["execution_id"]: row["action_name"] for row in json.loads(cli(world, "executions", "--json"))}

    called = {ran: "Person to Lead (person-to-lead)", waits: "Renamed (person-to-lead)", gone: "gone"}
    assert {row[1]: row[2] for row in table} == called
    assert listed == {ran: "Person to Lead", waits: "Renamed", gone: None}
    assert all(f"Action {called[one]}" in cli(world, "show", one) for one in called)


def test_on_a_narrow_screen_no_id_and_no_sentence_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the width of the table an execution is a few lines; the sentence is one, for the terminal to wrap."""
    monkeypatch.setenv("COLUMNS", "80")
    world = World()
    execution = world.receive(7, email=" ")
    world.drain()

    text = cli(world, "executions", "--utc")

    assert text.splitlines() == [
        "1 execution",
        "2026-03-02 12:00:00+00:00 skipped Person to Lead (person-to-lead)",
        f"  {execution}, Marketo lead 7",
        "  Missing identifier: email. The person has no value in it, so no record can be matched.",
    ]


def a_history() -> tuple[World, list[str]]:
    """A person who was created, came again, took another address, and now waits for a quota."""
    world = World(an_action(deduplicate={"columns": ["email"], "window_seconds": 60}))
    ids = [world.receive(7, email=ADDRESS), world.receive(7, email=ADDRESS), world.receive(8, email="eve@example.com")]
    world.drain()
    world.clock.advance(3600)
    spent = QuotaExhaustedError(
        "no calls left", resets_at=world.clock.now() + timedelta(hours=9), vendor="salesforce", code="reserve"
    )
    world.salesforce.trouble.fail("find", spent, times=9)
    ids.append(world.receive(7, email="countess@example.com"))
    world.drain(remaining=lambda: 152.0)
    return world, ids


@pytest.mark.pain("P39")
@pytest.mark.parametrize("who", [ADDRESS, " ADA@example.com", "countess@example.com", "7", "00Q000000000001"])
def test_what_happened_to_a_person_is_answered_by_any_name(who: str) -> None:
    """By either address, lead id or the short form of the record's id: the same story, and nobody else's."""
    world, (first, second, other, last) = a_history()
    record = world.execution(first)["salesforce_id"]
    world.inbox.logged[first]["salesforce_id"] = "00Q000000000001EAA"  # the double's ids have no true suffix

    lines = cli(world, "person", "--utc", who).splitlines()

    assert record.startswith("00Q000000000001")
    assert lines[0] == "Not over yet: 1"
    assert lines[1] == f"└─ 2026-03-02 13:00:00+00:00 Person to Lead (person-to-lead): parked (execution {last})"
    assert "   ├─ Parked until 2026-03-02 22:00:00+00:00: Salesforce has no calls left: reserve no calls left." in lines
    assert f"   └─ Run it at once: leadbridge redrive {last}" in lines
    past = lines[lines.index("What happened, newest first: 3") :]
    assert [line.split("(execution ")[1].rstrip(")") for line in past if "(execution " in line] == [last, second, first]
    assert not [line for line in lines if other in line or "@" in line]


def test_the_story_of_a_person_is_there_for_scripts() -> None:
    """As JSON: the executions with the members of `executions`, newest first."""
    world, (first, second, _, last) = a_history()

    found = json.loads(cli(world, "person", "7", "--json"))

    assert [each["execution_id"] for each in found] == [last, second, first]
    assert [each["outcome"] or each["state"] for each in found] == ["parked", "duplicate", "created"]


def test_a_person_of_whom_nothing_is_known_is_told_so() -> None:
    """An address that never came, and a search that does not look back far enough, end with a sentence."""
    world, _ = a_history()
    later = World(clock=world.clock)

    unknown = cli(world, "person", "nobody@example.com")
    world.clock.advance(86_400)
    too_short = cli(world, "person", "7", "--since", "1h")

    assert unknown == too_short
    assert unknown.startswith("Nothing is known of this person.")
    assert cli(later, "person", "7") == unknown


def test_what_is_no_name_of_a_person_is_not_repeated() -> None:
    """What was typed is refused without its words."""
    done = CliRunner().invoke(main, ["person", "Ada Lovelace"], obj=WorldTarget(World()))

    assert done.exit_code == 1
    assert "Give an e-mail address" in done.stderr
    assert "Ada" not in done.output


@pytest.mark.usefixtures("new_york")
def test_times_are_the_readers_with_the_offset() -> None:
    """Without `--utc` a time is that of the reader's clock, and says so."""
    world, execution = created()

    text = cli(world, "show", execution)

    assert "Received 2026-03-02 07:00:00-05:00 for" in text
    assert "+00:00" not in text


def test_an_execution_from_before_there_was_a_record_is_told_without_it() -> None:
    """An old item is told as far as it goes, as a tree and as JSON."""
    world, execution = created()
    world.inbox.logged[execution].pop("decision", None)

    text = cli(world, "show", "--utc", execution)

    assert text.endswith("   ├─ Salesforce record 00Q000000000001AAA\n   └─ Records: total 1, created 1\n")
    assert "Looked for" not in text
    assert json.loads(cli(world, "show", execution, "--json"))["decision"] is None
