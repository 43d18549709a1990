"""Syncs as people write them: what a document means, what is refused, and how it is told."""

import copy
from datetime import UTC, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.differences import changes
from leadbridge.domain.findings import read_document
from leadbridge.domain.lifecycle import UNSIGNED, DocumentState, Stored, next_version
from leadbridge.domain.sync import Quiet, Sync
from tests.builders.syncs import a_sync, a_sync_document


def findings(document: Any) -> list[str]:
    """What is wrong with a document's shape, without the document's name."""
    read = read_document(document)
    return [finding.line().partition(": ")[2] for finding in read] if isinstance(read, list) else []


def with_member(path: str, value: Any) -> dict[str, Any]:
    """The valid document with one member set; a path like `source.object`."""
    document = copy.deepcopy(a_sync_document())
    *parents, last = path.split(".")
    place: Any = document
    for step in parents:
        place = place.setdefault(step, {})
    place[last] = value
    return document


@pytest.mark.parametrize("to_salesforce", [False, True])
def test_a_document_of_either_direction_is_read_and_written_as_it_was(to_salesforce: bool) -> None:  # pytest gives it
    """What is stored is read again as the same Sync, `import` and `from` under their own names."""
    quiet = {"every": {"minutes": 15}, "quiet": [{"from": "22:00", "to": "06:00"}]}
    document = a_sync_document(to_salesforce=to_salesforce, schedule=quiet)

    sync = Sync.model_validate(document)
    stored = as_document(sync)

    assert findings(document) == []
    assert Sync.model_validate(stored) == sync
    assert stored["import"] == "create_and_update"
    assert stored["schedule"] == quiet
    assert "import_rule" not in stored


def test_what_is_not_said_is_as_documented() -> None:
    """Full extraction without an interval, deletes ignored, the guard's limits, both ways chosen by us, UTC."""
    sync = a_sync()

    assert (sync.incremental, sync.deletes, sync.by.extract, sync.by.load) == (False, "ignore", "auto", "auto")
    assert (sync.guard.deletes, sync.guard.blanked_percent, sync.guard.changed_percent) == (100, 1, 25)
    assert (sync.zone, sync.description) == (UTC, "")
    assert a_sync(time_zone="Europe/Berlin").zone == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("members", "incremental"),
    [
        ({"schedule": {"every": {"hours": 1}}}, True),
        ({"schedule": {"once": "now"}}, False),
        ({"schedule": {"every": {"hours": 1}}, "extraction": "full"}, False),
        ({"extraction": "incremental"}, True),
    ],
)
def test_an_interval_is_incremental_unless_the_document_says_otherwise(
    members: dict[str, Any],
    incremental: bool,  # pytest gives it
) -> None:
    """Recurring Syncs read what changed, others everything; `extraction` decides where it is there."""
    assert a_sync(**members).incremental is incremental


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("name", "  ", "/name: is blank; give it a text"),
        ("match", [], "/match: must hold 1 or more; add what is missing"),
        ("mappings", [], "/mappings: must hold 1 or more; add what is missing"),
        (
            "import",
            "replace",
            "/import: is not one of what it may be; choose 'create', 'update' or 'create_and_update'",
        ),
        (
            "mappings",
            [{"to": "email", "column": "Email"}, {"to": "email", "column": "Other"}],
            "/mappings: email is mapped twice; keep one line for each field",
        ),
        (
            "match",
            [{"column": "Email", "field": "email"}, {"column": "Other", "field": "email"}],
            "/match: email stands there twice; keep one line for each field",
        ),
        ("schedule", {}, "/schedule: needs one kind; give exactly one of `once` and `every`"),
        (
            "schedule",
            {"once": "now", "end": "2026-12-01T08:00"},
            "/schedule: `end` goes with `every`; remove it, or give `every`",
        ),
        ("schedule", {"every": {"minutes": 0}}, "/schedule/every/minutes: is too small; give 1 or more"),
        ("schedule", {"every": {"minutes": -5}}, "/schedule/every/minutes: is too small; give 1 or more"),
        (
            "schedule",
            {"every": {"minutes": 5, "hours": 1}},
            "/schedule/every: needs one unit; give exactly one of `minutes`, `hours` and `days`",
        ),
        (
            "schedule",
            {"once": "2026-12-01"},
            "/schedule/once: is no day and time; write it as 2026-12-01T08:00, which is meant in the Sync's time zone",
        ),
        (
            "schedule",
            {"every": {"days": 1}, "quiet": [{"from": 1320, "to": "06:00"}]},
            "/schedule/quiet/0/from: YAML reads 22:00 as a number; put the time in quotation marks",
        ),
        (
            "schedule",
            {"every": {"days": 1}, "quiet": [{"from": "25:00", "to": "06:00"}]},
            '/schedule/quiet/0/from: is no time of the day; write it as "22:00", from "00:00" to "23:59"',
        ),
        (
            "schedule",
            {"every": {"days": 1}, "quiet": [{"from": "06:00", "to": "06:00"}]},
            "/schedule/quiet/0: `from` and `to` are the same time; make them differ, or remove them",
        ),
    ],
)
def test_what_is_wrong_names_the_member_and_the_remedy(path: str, value: Any, said: str) -> None:
    """A finding each, with the member's JSON pointer."""
    assert findings(with_member(path, value)) == [said]


def test_a_difference_names_members_as_they_are_written() -> None:
    """Two versions differ in `/import`, not in what the model calls it."""
    [found] = changes(a_sync(), a_sync(import_rule="create"))

    assert found.pointer == "/import"


def test_a_new_sync_is_not_active() -> None:
    """Only activation lets it run: stored it is validated, or a draft where it has findings."""
    first = next_version(None, a_sync(), UNSIGNED, sound=True, follows=None, versions=lambda: 0)
    draft = next_version(None, a_sync(), UNSIGNED, sound=False, follows=None, versions=lambda: 0)

    assert (first.state, first.active) == (DocumentState.VALIDATED, False)
    assert draft.state is DocumentState.DRAFT
    assert isinstance(first, Stored)


@pytest.mark.parametrize(
    ("start", "end", "clock", "quiet"),
    [
        ("22:00", "06:00", "22:00", True),
        ("22:00", "06:00", "05:59", True),
        ("22:00", "06:00", "06:00", False),
        ("22:00", "06:00", "12:00", False),
        ("08:00", "09:00", "08:59", True),
        ("08:00", "09:00", "09:00", False),
        ("08:00", "09:00", "07:59", False),
    ],
)
def test_quiet_hours_may_lead_over_midnight(start: str, end: str, clock: str, quiet: bool) -> None:  # pytest gives it
    """The first minute is quiet, the last is not."""
    assert Quiet.model_validate({"from": start, "to": end}).holds(time.fromisoformat(clock)) is quiet
