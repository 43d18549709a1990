"""Runs of Syncs on a screen: a table of them, and a bar for one that is at work."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from leadbridge.domain.cycle_progress import progress_said
from leadbridge.domain.event import iso
from leadbridge.domain.sync_progress import COUNTS, megabytes, progress_of, stands, status
from leadbridge.domain.syncing import SyncRun
from leadbridge.usecases.cycle_results import CycleParts
from leadbridge_cli.render import TABLE_COLUMNS, counted, local_time

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

#: counts that have a column only where there is something to be told
_RARE = frozenset({"deleted", "flagged", "handed_over"})


def show_runs(runs: Sequence[SyncRun], now: datetime, console: "Console | None" = None) -> None:
    """Print runs: as a table, or in lines where that is too wide."""
    from rich.console import Console  # only a table needs it
    from rich.table import Table

    console = console or Console()
    if console.width < TABLE_COLUMNS:
        for run in runs:
            click.echo(sentence(run, now))
        return
    table = Table(header_style="bold")
    for name in ("Run", "Start", "End", "Status", "Version"):
        table.add_column(name, overflow="fold")
    # most Syncs remove nothing, and hand nothing over
    shown = [name for name in COUNTS if name not in _RARE or any(getattr(run.totals, name) for run in runs)]
    for name in ("pulled", *shown, "rows/s", "calls"):
        table.add_column(name.capitalize(), justify="right")
    table.add_column("Message", overflow="fold")
    for run in runs:
        counts = [str(run.rows), *(str(getattr(run.totals, name)) for name in shown)]
        end = local_time(iso(run.ended_at)) if run.ended_at else ""
        rate = progress_of(run, now).rate
        facts = [
            run.slot,
            local_time(iso(run.started_at)),
            end,
            stands(run, local_time),
            str(run.version),
            *counts,
            _rate(rate),
        ]
        # the vendor's words may look like markup
        table.add_row(*(_plain(each) for each in (*facts, str(run.calls), run.message)))
    console.print(table)


def sentence(run: SyncRun, now: datetime) -> str:
    """A line about a run."""
    counts = ", ".join(
        f"{getattr(run.totals, name)} {name.replace('_', ' ')}" for name in COUNTS if getattr(run.totals, name)
    )
    end = f" to {local_time(iso(run.ended_at))}" if run.ended_at else ""
    why = f"; {run.reason}: {run.message}" if run.reason else ""
    again = f", the failed rows of {run.retry_of} again" if run.retry_of else ""
    again += f", makes the writes of {run.plan}" if run.plan else ", a plan: nothing is written" if run.planning else ""
    rate = progress_of(run, now).rate
    pace = f", {_rate(rate)} rows a second" if rate is not None else ""
    extracts = f", {megabytes(run)} MB of extracts" if run.extracted else ""
    ends = f"{', which would be ' if run.planning else ': '}{counts}" if counts else ""
    return (
        f"{run.slot}: {stands(run, local_time)}, {local_time(iso(run.started_at))}{end}, version {run.version}{again}, "
        f"{counted(run.rows, 'row')}{ends}, {counted(run.calls, 'call')}{extracts}{pace}{why}"
    )


class Bar:
    """How a run goes on: a bar with rate and time left on a terminal, a line for each change elsewhere."""

    def __init__(self, *, quiet: bool, console: "Console | None" = None) -> None:
        """Nothing is shown yet; `quiet`: nothing ever is."""
        self._quiet = quiet
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._shown = ""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = self._console or Console()
        if console.is_terminal and not self._quiet:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), console=console
            )
            self._task = self._bar.add_task("", total=None, told="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def draw(self, description: str, line: str, completed: int, total: int | None) -> None:
        """What is done by now, of how much; None: nobody knows yet."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, description=description, completed=completed, total=total, told=line)
        elif not self._quiet and (line := f"{description}: {line}") != self._shown:
            click.echo(line)
            self._shown = line


class RunBar(Bar):
    """A run of a Sync."""

    def __init__(self, now: Callable[[], datetime], *, quiet: bool, console: "Console | None" = None) -> None:
        """Nothing is shown yet; `quiet`: nothing ever is."""
        super().__init__(quiet=quiet, console=console)
        self._now = now

    def show(self, run: SyncRun) -> None:
        """The run as it is now."""
        known = progress_of(run, self._now())
        self.draw(f"{status(run)}, {run.step.value}", told(run, self._now()), known.rows, known.total)


class CycleBar(Bar):
    """A run of a CRM cycle."""

    def __init__(self, now: Callable[[], datetime], *, quiet: bool, console: "Console | None" = None) -> None:
        """Nothing is shown yet; `quiet`: nothing ever is."""
        super().__init__(quiet=quiet, console=console)
        self._now = now

    def show(self, parts: CycleParts) -> None:
        """The run as it is now; nothing before it reads."""
        known = parts.progress(self._now())
        if known is not None:
            self.draw(status(parts.run), progress_said(parts.run, known), known.percent, 100)


def told(run: SyncRun, now: datetime) -> str:
    """Rows, rate and time left in words."""
    known = progress_of(run, now)
    rows = f"{known.rows} of {known.total} rows" if known.total is not None else f"{known.rows} rows read"
    pace = f", {_rate(known.rate)} a second" if known.rate is not None else ""
    return rows + pace + (f", about {known.left} left" if known.left is not None else "")


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
