"""Runs of Syncs on a screen."""

import io
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from rich.console import Console

from leadbridge.domain.sync_progress import members, progress_of
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from leadbridge_cli.run_bar import RunBar, sentence, show_runs, told
from tests.fakes.clock import NOON

LATER = NOON + timedelta(seconds=50)


def a_run(**changes: object) -> SyncRun:
    """A run that has loaded 100 of 400 rows in 50 seconds."""
    run = SyncRun(
        sync="contacts-to-people",
        slot="20260302T120000Z",
        version=3,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=NOON,
        step=Step.LOAD,
        pulled=400,
        totals=Totals(created=60, updated=30, unchanged=4, skipped=3, duplicate=2, failed=1),
        calls=9,
    )
    for name, value in changes.items():
        object.__setattr__(run, name, value)
    return run


def a_screen(*, width: int, terminal: bool = False) -> Console:
    """A console that keeps what is printed."""
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def printed(screen: Console) -> str:
    """What was printed on it."""
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_rate_and_time_left_follow_from_what_is_counted() -> None:
    """Two rows a second leave 150 seconds for 300 rows; while rows are read nobody knows."""
    loading, reading = progress_of(a_run(), LATER), progress_of(a_run(step=Step.EXTRACT, totals=Totals()), LATER)
    ended = progress_of(a_run(step=Step.DONE, ended_at=LATER), LATER + timedelta(days=1))
    new = progress_of(a_run(step=Step.BEGIN, pulled=0, totals=Totals()), NOON)

    assert (loading.rows, loading.total, loading.rate, loading.left) == (100, 400, 2.0, timedelta(seconds=150))
    assert (reading.rows, reading.total, reading.rate, reading.left) == (400, None, 8.0, None)
    assert (ended.rate, ended.left) == (2.0, None)
    assert (new.rate, new.left) == (None, None)
    assert told(a_run(), LATER) == "100 of 400 rows, 2.0 a second, about 0:02:30 left"
    assert told(a_run(step=Step.EXTRACT), LATER) == "400 rows read, 8.0 a second"


@pytest.fixture(autouse=True)
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A reader in New York."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def test_the_table_has_all_counts_and_the_vendors_words_as_they_are() -> None:
    """Start, end, status, version, pulled, every outcome, rate, calls and message; brackets are no markup."""
    screen = a_screen(width=240)
    show_runs([a_run(step=Step.FAILED, ended_at=LATER, message="no [bold] field")], LATER, screen)
    head, row = (
        [cell.strip() for cell in line.replace("┃", "│").strip("│").split("│")]
        for line in printed(screen).splitlines()
        if "Pulled" in line or "failed" in line
    )

    counts = "Pulled Created Updated Unchanged Skipped Duplicate Failed Rows/s Calls"
    assert head == ["Run", "Start", "End", "Status", "Version", *counts.split(), "Message"]
    assert row[3:] == ["failed", "3", "400", "60", "30", "4", "3", "2", "1", "2.0", "9", "no [bold] field"]
    assert row[1:3] == ["2026-03-02 07:00:00-05:00", "2026-03-02 07:00:50-05:00"]


def test_a_narrow_screen_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """The same facts in a sentence for each run; a retry names the run that it tries again."""
    run = a_run(retry_of="20260301T120000Z", waiting=Waiting.QUOTA)
    show_runs([run], LATER, a_screen(width=80))

    assert capsys.readouterr().out.strip() == sentence(run, LATER)
    assert "waiting: quota, 2026-03-02 07:00:00-05:00, version 3" in sentence(run, LATER)
    assert "the failed rows of 20260301T120000Z again" in sentence(run, LATER)
    assert "9 calls, 2.0 rows a second" in sentence(run, LATER)
    assert members(run, LATER)["seconds_left"] == 150


def test_a_run_that_waits_says_until_when_unless_a_person_ends_it() -> None:
    """A quota comes back at a moment; a pause is looked at now and then, which is nobody's moment."""
    until = NOON + timedelta(hours=18)

    assert "waiting: quota until 2026-03-03 01:00:00-05:00," in sentence(
        a_run(waiting=Waiting.QUOTA, due_at=until), LATER
    )
    assert "waiting: paused, " in sentence(a_run(waiting=Waiting.PAUSED, due_at=until), LATER)
    assert "done, " in sentence(a_run(step=Step.DONE, waiting=Waiting.QUOTA, due_at=until, ended_at=LATER), LATER)


def test_a_plan_says_what_would_become_of_its_rows() -> None:
    """Nothing is written, so nothing is said to have been; one row and one call are told as one."""
    run = a_run(planning=True, pulled=1, calls=1, totals=Totals(created=1))

    said = sentence(run, LATER)

    assert "a plan: nothing is written, 1 row, which would be 1 created, 1 call" in said


def test_a_terminal_shows_a_bar_and_a_pipe_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar says step, rows, rate and time left; elsewhere what has not changed is not said again."""
    screen = a_screen(width=120, terminal=True)
    with RunBar(lambda: LATER, quiet=False, console=screen) as bar:
        bar.show(a_run())
    with RunBar(lambda: LATER, quiet=False, console=a_screen(width=120)) as lines:
        lines.show(a_run())
        lines.show(a_run())
    with RunBar(lambda: LATER, quiet=True, console=screen) as silent:
        silent.show(a_run())

    assert "running, load" in printed(screen)
    assert "100 of 400 rows, 2.0 a second, about 0:02:30 left" in printed(screen)
    assert capsys.readouterr().out == "running, load: 100 of 400 rows, 2.0 a second, about 0:02:30 left\n"
