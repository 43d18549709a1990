"""Executions as tables a person likes to read and as JSON objects with stable names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from leadbridge.domain.narration import Burst, called, name_in, said_of, word
from leadbridge.domain.outcome import Outcome
from leadbridge.vendors.remedies import remedies

#: columns of a screen below which a table would break ids and sentences into pieces
TABLE_COLUMNS = 140
COLOURS = {"created": "green", "updated": "green", "failed": "red", "parked": "red", "rejected": "red"}


def counted(number: int, what: str) -> str:
    """A number of things, of which one is told as one."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def execution(item: Mapping[str, Any]) -> dict[str, Any]:
    """One execution with the members that scripts rely on."""
    outcome = item.get("outcome")
    return {
        "execution_id": item["execution_id"],
        "action_id": item["action_id"],
        "action_name": name_in(item) or None,
        "version": item.get("version"),
        "received_at": item["received_at"],
        "executed_at": item.get("executed_at"),
        "lead_id": int(item["lead_id"]) if item.get("lead_id") else None,
        "salesforce_id": item.get("salesforce_id") or None,
        "state": item["state"],
        "outcome": outcome,
        "reason": item.get("reason") or None,
        "message": item.get("message") or None,
        "campaign_name": item.get("campaign_name"),
        "counts": counts(outcome),
        "writeback": item.get("writeback") or {"status": "not_attempted"},
        "member": item.get("member"),
        "activity": item.get("activity") or {"status": "not_attempted"},
        "due_at": item.get("due_at") or None,
    }


def counts(outcome: str | None) -> dict[str, int]:
    """The Action Details counters of one execution: one record, counted under its outcome once it has one."""
    return {"total": int(outcome is not None)} | {each.value: int(each.value == outcome) for each in Outcome}


def show_table(executions: Sequence[Mapping[str, Any]], title: str, *, utc: bool = False) -> None:
    """Print the list of executions, times in the reader's zone: as a table, or in lines where that is too wide."""
    from rich.console import Console  # only a table needs it
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if console.width < TABLE_COLUMNS:
        console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
        for each in executions:
            console.print(*_lines(each, utc=utc), sep="\n", soft_wrap=True)
        return
    shown = Table(title=title, title_justify="left", header_style="bold")
    for name in ("Received", "Execution", "Action", "Lead", "Outcome", "Salesforce Id", "Why"):
        shown.add_column(name, overflow="fold")
    for each in executions:
        shown.add_row(
            local_time(each["received_at"], utc=utc),
            each["execution_id"],
            escape(called(each)),
            str(each["lead_id"] or ""),
            _coloured(word(each)),
            each["salesforce_id"] or "",
            escape(each["message"] or ""),
        )
    console.print(shown)


def _lines(each: Mapping[str, Any], *, utc: bool) -> Iterable[str]:
    """One execution as a few lines, which the terminal may wrap."""
    from rich.markup import escape

    yield f"{local_time(each['received_at'], utc=utc)} {_coloured(word(each))} {escape(called(each))}"
    lead = f", Marketo lead {each['lead_id']}" if each["lead_id"] else ""
    record = f", Salesforce {each['salesforce_id']}" if each["salesforce_id"] else ""
    yield f"  {each['execution_id']}{lead}{record}"
    if each["message"]:
        yield f"  {escape(each['message'])}"


def burst(alike: Burst, *, utc: bool = False) -> str:
    """Many executions that stand alike, as one line: how many, since when, why, what to do, how to see each."""
    one = alike.items[0]
    since = local_time(min(each["received_at"] for each in alike.items), utc=utc)
    said, remedy = said_of(one, partial(local_time, utc=utc), remedies)
    what = f"{called(one)}, {word(one).replace('_', ' ')}: {said}"
    todo = f" What to do: {remedy}" if remedy else ""
    return f"× {len(alike.items)} since {since}: {what}{todo} (leadbridge executions --reason {one['reason']})"


def _coloured(said: str) -> str:
    return f"[{COLOURS.get(said, 'yellow')}]{said}[/]"


def local_time(instant: str, *, utc: bool = False) -> str:
    """An instant in the reader's zone, or in UTC, with its offset."""
    return datetime.fromisoformat(instant).astimezone(UTC if utc else None).isoformat(sep=" ", timespec="seconds")
