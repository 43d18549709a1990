"""Connector actions that go as files: what a file is called and holds, and what its run says of each of its rows. Pure.

An event that goes into a file carries the file's name and its row in its intent, which is stored before the file is.
So a file that is there is whole, all of its events are known, and a machine that was started has its file. Of a file
that is not there nothing was started, and its events may go into another one.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from leadbridge.domain.connecting import Task
from leadbridge.domain.event import Batch, Event, Result, iso
from leadbridge.domain.jobs import Run, Step
from leadbridge.domain.operations import CLEAR, Group, Operation
from leadbridge.domain.outcome import Outcome, Reason, message
from leadbridge.domain.records import RowResult

#: below this the data bucket holds files, and what became of their rows
PREFIX = "imports"
#: after how long a machine that stops, which a person must see to, is started again; each time after twice as long
_RESTART, _DOUBLINGS = timedelta(minutes=5), 5
#: as long as Marketo knows a job; nobody else writes the persons of a file meanwhile
HOLD = timedelta(days=7)
#: why a run ends before its rows reached Marketo, and may do so later by itself
_LATER = frozenset({"queue_full", "vendor_away"})


def file_name(executions: Iterable[str], at: datetime) -> str:
    """The name of a file, and of the run that imports it: these events, begun at this moment."""
    digest = hashlib.sha256("\n".join([iso(at), *executions]).encode()).hexdigest()
    return f"import-{digest[:24]}"


def source_key(file: str) -> str:
    """Where a file is in the data bucket."""
    return f"{PREFIX}/{file}.csv"


def order_key(file: str) -> str:
    """Where the input of a file's machine is; once that is there the file is not made anew."""
    return f"{PREFIX}/{file}.json"


def keys(file: str, parts: int) -> list[str]:
    """All that a file may have left in the data bucket."""
    numbers = range(1, parts + 1)
    made = [f"{PREFIX}/{file}/part-{number:05}.{kind}" for number in numbers for kind in ("csv", "json")]
    return [source_key(file), order_key(file), *results_keys(file, parts), *made]


def results_keys(file: str, parts: int) -> list[str]:
    """Where the run puts what became of rows: those that are in no part, then part by part."""
    return [f"{PREFIX}/{file}/results-{number:05}.csv" for number in range(parts + 1)]


def order(file: str, group: Group, list_id: int | None) -> dict[str, Any]:
    """The input of the machine; it names no value of a person."""
    request: dict[str, Any] = {"lookup_field": group.lookup_field, "key": [group.lookup_field], "clear": CLEAR}
    if list_id is not None:
        request["list_id"] = list_id
    if group.partition:
        request["partition"] = group.partition
    return {
        "run": file,
        "vendor": "marketo",
        "connection": group.connection,
        "object": "leads",
        "request": request,
        "prefix": PREFIX,
        "source": source_key(file),
    }


def pause(number: int) -> timedelta:
    """How long is waited before the execution of a number is started, from the second that follows one that stopped."""
    return _RESTART * (1 << min(max(number - 2, 0), _DOUBLINGS))


def file_of(event: Event) -> str:
    """The file into which an event's intent put it; empty if none did."""
    return event.intent.file if event.intent else ""


def is_first(event: Event) -> bool:
    """Whether an event is the one of its file that stays in the lane, and comes due to look how the file is."""
    return event.intent is not None and event.intent.row == 1


def repeated(tasks: Sequence[Task]) -> tuple[list[Task], list[Task]]:
    """Tasks without the imports of a person who is imported before them, and these: a file has one row of a person."""
    first: list[Task] = []
    later: list[Task] = []
    seen: set[tuple[str, str]] = set()
    for task in sorted(tasks, key=lambda each: each.event.sequence):
        persons = {(task.group.connection, guard) for guard in task.guards}
        if task.compiled.operation is not Operation.IMPORT_LEADS:
            first.append(task)
        elif persons & seen:
            later.append(task)
        else:
            first.append(task)
            seen |= persons
    return first, later


# beside the lane


def with_file(event: Event, file: str) -> Event:
    """The event as it stands beside its lane with a file."""
    text = message(Reason.IMPORTING, file=file)
    return event.evolve(
        batch=replace(event.batch or Batch(), file=file), due_at=None, reason=Reason.IMPORTING, message=text
    )


def without_file(event: Event) -> Event:
    """The event as it is due in its lane again."""
    kept = event.batch if event.batch and event.batch.trigger else None
    return event.evolve(batch=replace(kept, file="") if kept else None, reason="", message="")


# what became of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowEnd:
    """What a run tells of a row: done, failed, rejected or uncertain; its reason, and a warning beside."""

    outcome: str = ""
    reason: str = ""
    warning: str = ""


def read_ends(content: bytes) -> Mapping[int, RowEnd]:
    """The ends in one object of a run's results, by row from 1."""
    found: dict[int, RowEnd] = {}
    for line in csv.DictReader(io.StringIO(content.decode(), newline="")):
        row = int(line["row"])
        before = found.get(row, RowEnd())
        if line["outcome"] == "warned":
            found[row] = replace(before, warning=line["reason"])
        else:
            found[row] = replace(before, outcome=line["outcome"], reason=line["reason"])
    return found


#: what is done with an event whose row never reached Marketo: it goes into another file, or waits for a person
type Unsent = Literal["again", "park"]


def verdict(run: Run, end: RowEnd | None, told: Callable[[str], str]) -> Result | Unsent:
    """What becomes of an event, given the run of its file, which is over, and what that says of its row.

    Args:
        run: The run.
        end: What it says of the row; None if nothing.
        told: Gives a text of the vendor's without the values of the row.
    """
    outcome = end.outcome if end else ""
    if end is not None and outcome == "done":
        return _written(end, told)
    if end is not None and outcome in {"failed", "rejected"}:
        text = message(Reason.IMPORT_REFUSED, detail=told(end.reason))
        return Result(outcome=Outcome.FAILED, reason=Reason.IMPORT_REFUSED, message=text)
    if outcome or run.job or run.step is Step.DONE:
        return uncertain()
    return "again" if run.reason in _LATER else "park"


def uncertain() -> Result:
    """The result of a row of which nobody can tell whether it was written; it is not sent again."""
    return Result(outcome=Outcome.FAILED, reason=Reason.REQUEST_UNCERTAIN, message=message(Reason.REQUEST_UNCERTAIN))


def answer_of(end: RowEnd | None, told: Callable[[str], str]) -> RowResult | None:
    """The vendor's answer about a row, for the record of the execution; None if there is none."""
    if end is None or end.outcome not in {"done", "failed"}:
        return None
    said = end.reason if end.outcome == "failed" else end.warning
    status = "imported" if end.outcome == "done" else "failed"
    return RowResult(ok=end.outcome == "done", status=status, message=told(said) if said else "")


def _written(end: RowEnd, told: Callable[[str], str]) -> Result:
    if end.warning:
        text = message(Reason.IMPORT_WARNED, detail=told(end.warning))
        return Result(outcome=Outcome.UPDATED, reason=Reason.IMPORT_WARNED, message=text)
    return Result(outcome=Outcome.UPDATED, reason=Reason.IMPORTED, message=message(Reason.IMPORTED))
