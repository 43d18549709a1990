"""Executions as tables a person likes to read and as JSON objects with stable names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from leadbridge.domain.outcome import Outcome

COLOURS = {"created": "green", "updated": "green", "failed": "red", "parked": "red", "rejected": "red"}


def execution(item: Mapping[str, Any]) -> dict[str, Any]:
    """One execution with the members that scripts rely on."""
    outcome = item.get("outcome")
    return {
        "execution_id": item["execution_id"],
        "action_id": item["action_id"],
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
        "activity": item.get("activity") or {"status": "not_attempted"},
        "due_at": item.get("due_at") or None,
    }


def counts(outcome: str | None) -> dict[str, int]:
    """The Action Details counters of one execution: one record, counted under its outcome once it has one."""
    return {"total": int(outcome is not None)} | {each.value: int(each.value == outcome) for each in Outcome}


def table(executions: Sequence[Mapping[str, Any]], title: str) -> Table:
    """The list of executions, times in the reader's zone."""
    shown = Table(title=title, title_justify="left", header_style="bold")
    for name in ("Received", "Execution", "Action", "Lead", "Outcome", "Salesforce Id", "Why"):
        shown.add_column(name, overflow="fold")
    for each in executions:
        word = each["outcome"] or each["state"]
        shown.add_row(
            local_time(each["received_at"]),
            each["execution_id"],
            each["action_id"],
            str(each["lead_id"] or ""),
            f"[{COLOURS.get(word, 'yellow')}]{word}[/]",
            each["salesforce_id"] or "",
            each["message"] or "",
        )
    return shown


def details(each: Mapping[str, Any]) -> Table:
    """One execution, a line per fact."""
    shown = Table(show_header=False, title=f"Execution {each['execution_id']}", title_justify="left")
    for name, value in each.items():
        if name == "counts":
            value = ", ".join(f"{word} {number}" for word, number in value.items() if number)  # noqa: PLW2901  # same fact in words
        elif isinstance(value, Mapping):
            value = " - ".join(str(part) for part in value.values())  # noqa: PLW2901  # same fact in words
        elif name.endswith("_at") and value:
            value = local_time(value)  # noqa: PLW2901  # same fact in the reader's zone
        shown.add_row(name.replace("_", " "), "" if value is None else str(value))
    return shown


def local_time(instant: str) -> str:
    """An instant in the reader's zone with its offset."""
    return datetime.fromisoformat(instant).astimezone().isoformat(sep=" ", timespec="seconds")


def lines(console: Console, words: Iterable[str]) -> None:
    """Plain lines without markup."""
    for word in words:
        console.print(word, markup=False, highlight=False)
