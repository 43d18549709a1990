"""What `make run` shows while it plays and when it is done."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from devstack.compare import Report, Row, unfinished
from devstack.play import Sent

_NOTHING = "–"
# enough to see what is wrong; a fault that hits everybody would fill pages otherwise
_SHOWN_DIFFERENCES = 40


@contextmanager
def sending(total: int, console: Console) -> Iterator[Callable[[Sent], None]]:
    """Show how many calls were answered; the callable takes each one."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[faults]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("webhooks", total=total, faults="")
        faults = 0

        def note(sent: Sent) -> None:
            nonlocal faults
            faults += sent.fault is not None or sent.status not in {200, 400}
            progress.update(task, advance=1, faults=f"{faults} not answered as expected" if faults else "")

        yield note


def waiting(executions: Sequence[Mapping[str, Any]], *, queued: int = 0) -> str:
    """Say in one line what is still under way, or give an empty text when nothing is.

    `queued` is the number of messages in the queue, visible or being read.
    """
    states = Counter({"in the queue": queued}) + unfinished(executions)
    parts = [f"{count} {state}" for state, count in sorted(states.items())]
    return f"still under way: {', '.join(parts)}" if parts else ""


def show(report: Report, console: Console) -> None:
    """Print the final table, then what does not add up, in sentences."""
    table = Table(title="What came of it", title_justify="left")
    table.add_column("")
    for name in ("expected", "product", "simulators"):
        table.add_column(name, justify="right")
    for row in report.rows:
        table.add_row(*_cells(row), style=None if row.adds_up else "bold red")
    took = report.acknowledgement
    table.add_section()
    table.add_row("acknowledged within, half of the calls", "", f"{took.p50:.0f} ms", "")
    table.add_row("acknowledged within, 99 of 100 calls", "", f"{took.p99:.0f} ms", "")
    console.print(table)
    if not report.differences:
        console.print("Everything adds up: every count and every field value is as the model expects.")
        return
    console.print(f"{len(report.differences)} things do not add up:", style="bold red")
    for sentence in report.differences[:_SHOWN_DIFFERENCES]:
        console.print(f"  - {escape(sentence)}", highlight=False)
    if (more := len(report.differences) - _SHOWN_DIFFERENCES) > 0:
        console.print(f"  and {more} more")


def _cells(row: Row) -> list[str]:
    numbers = (row.expected, row.product, row.simulators)
    return [escape(row.name), *(_NOTHING if number is None else f"{number:,}" for number in numbers)]
