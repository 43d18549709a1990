"""Rows, links and due records of a CRM cycle as people and programs read them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from leadbridge.cycle_ports import Link
from leadbridge.domain.cycle_words import link_said
from leadbridge.domain.event import iso
from leadbridge.files.spreadsheets import table
from leadbridge.usecases.cycle_rows import CycleRow, DueWhy, RecordStory, RowCounts

COLUMNS = ("kind", "object", "marketo_id", "salesforce_id", "outcome", "reason", "message", "fields")


def row_members(row: CycleRow) -> dict[str, Any]:
    """A row as JSON."""
    return {**asdict(row), "fields": dict(row.fields)}


def link_members(link: Link) -> dict[str, Any]:
    """A link as JSON, without the digests of values."""
    return {
        "salesforce_id": link.salesforce_id,
        "marketo_id": link.marketo_id,
        "moved_to": link.moved_to or None,
        "parted": link.parted or None,
        "message": link_said(link),
    }


def due_members(due: DueWhy) -> dict[str, Any]:
    """A record that is due as JSON."""
    record = due.record
    return {
        "side": record.side.value,
        "object": record.object,
        "id": record.id,
        "reason": record.reason,
        "message": due.message,
        "noted_at": iso(record.noted_at),
        "not_before": iso(record.not_before) if record.not_before else None,
        "tries": record.tries,
    }


def story_members(story: RecordStory) -> dict[str, Any]:
    """What is known of a record as JSON."""
    return {
        "id": story.id,
        "links": [link_members(each) for each in story.links],
        "due": [due_members(each) for each in story.due],
        "runs": [
            {"slot": each.slot, "started_at": iso(each.started_at), "rows": [row_members(row) for row in each.rows]}
            for each in story.runs
        ],
        "looked_through": story.looked,
        "whole": story.whole,
    }


def counts_members(found: RowCounts) -> dict[str, Any]:
    """Rows by kind and outcome as JSON."""
    return {"outcomes": {kind: dict(counts) for kind, counts in found.counts.items()}, "outcomes_whole": found.whole}


# in words


def row_sentence(row: CycleRow) -> str:
    """A row in a line."""
    ids = (("Marketo", row.marketo_id), (row.object or "Salesforce", row.salesforce_id))
    whose = ", ".join(f"{system} {number}" for system, number in ids if number)
    why = f", {row.reason}" if row.reason else ""
    # a sentence names the fields of one reason; of more than one all are listed
    left = f" ({fields_said(row.fields)})" if len({*row.fields.values()}) > 1 else ""
    said = f". {row.message}" if row.message else ""
    return f"{row.kind}: {whose or 'all'}: {row.outcome}{why}{said}{left}"


def due_sentence(due: DueWhy, moment: Callable[[str], str]) -> str:
    """A record that is due in a line; `moment` tells an instant as its reader wants it."""
    record = due.record
    when = f"not before {moment(iso(record.not_before))}" if record.not_before else "in the next run"
    return f"{record.object} {record.id}: {when}{f', {record.reason}' if record.reason else ''}. {due.message}"


def story_lines(cycle: str, story: RecordStory, moment: Callable[[str], str]) -> Iterator[str]:
    """What is known of a record, line by line; `moment` as above."""
    yield from map(link_said, story.links)
    if not story.links:
        yield f"{story.id} is not linked."
    for due in story.due:
        yield f"due: {due_sentence(due, moment)}"
    for run in story.runs:
        yield from (f"{run.slot}: {row_sentence(row)}" for row in run.rows)
    runs = f"the newest {story.looked} runs" if story.looked != 1 else "the newest run"
    if not story.runs:
        yield f"In {runs} nothing was done about it."
    if not story.whole:
        yield f"Of {runs} not all files were read; `leadbridge cycle executions {cycle} SLOT --rows` reads all of one."


def counts_lines(found: RowCounts) -> Iterator[str]:
    """Rows by kind and outcome, a line for each kind."""
    for kind, counts in found.counts.items():
        told = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in sorted(counts.items()))
        yield f"  outcomes: {kind}: {told}{'' if found.whole else ', and more'}"


def row_lines(rows: Iterable[CycleRow]) -> Iterable[str]:
    """The rows as the lines of a CSV file for a spreadsheet."""
    lines = ([*(getattr(row, name) for name in COLUMNS[:-1]), fields_said(row.fields)] for row in rows)
    return table(COLUMNS, lines)


def fields_said(fields: Mapping[str, str]) -> str:
    """Fields with the codes why they were left."""
    return "; ".join(f"{name}: {why}" for name, why in sorted(fields.items()))
