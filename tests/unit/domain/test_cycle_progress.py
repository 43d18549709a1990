"""How far a run of a cycle is, and when a part of it may end."""

from datetime import datetime, timedelta

import pytest

from leadbridge.domain.cycle_progress import progress_members, progress_of, progress_said
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.evolving import replace
from leadbridge.domain.syncing import Step, SyncRun, Totals, Way
from leadbridge.domain.waits import Waiting
from tests.fakes.clock import NOON

LATER = NOON + timedelta(seconds=100)
RUN = CycleRun(cycle="main", slot="S", version=1, epoch=1, started_at=NOON, step_at=NOON)
KINDS = ("sales_persons", "companies", "persons")


def a_part(**members: object) -> SyncRun:
    """A queue or a leg."""
    run = SyncRun(
        sync="main.x", slot="S", version=1, source="marketo", destination="salesforce", epoch=1, started_at=NOON
    )
    return replace(run, **members)


def test_extracts_count_by_their_windows_and_other_readings_as_one() -> None:
    """Three windows of 31 days, of which one is stored, and a query of Salesforce that is through."""
    run = replace(RUN, step=CycleStep.READ)
    people = a_part(extract=Way.BULK, pages=1, made_since=NOON - timedelta(days=70), until=NOON)
    leads = a_part(source="salesforce", step=Step.DONE, pages=7)
    found = progress_of(run, KINDS, [people, leads], [], LATER)

    assert found is not None
    assert (found.done, found.total, found.percent, found.left) == (2, 4, 12, timedelta(seconds=100))
    assert progress_said(run, found) == "12 %, part 1 of 4 (read): 2 of 4 readings, about 0:01:40 left of this part"


def test_writes_have_a_rate_and_a_time_left() -> None:
    """Of those that were planned; what is written late beside them makes it no more than all."""
    run = replace(RUN, step=CycleStep.WRITE, writes={"people-created": 300, "leads-created": 100})
    found = progress_of(run, KINDS, [], [a_part(totals=Totals(created=90, failed=10))], LATER)
    assert found is not None
    assert (found.done, found.total, found.rate, found.left) == (100, 400, 1.0, timedelta(seconds=300))
    assert progress_members(found)["progress"] == {
        "percent": 56,
        "part": 3,
        "parts": 4,
        "what": "write",
        "done": 100,
        "total": 400,
        "unit": "writes",
        "per_second": 1.0,
        "seconds_left": 300,
    }
    beside = progress_of(run, KINDS, [], [a_part(totals=Totals(created=900))], LATER)
    assert beside is not None
    assert (beside.done, beside.percent) == (400, 75)


def test_one_that_waits_says_until_when_and_gives_no_time_left() -> None:
    """A spent quota: the moment at which it goes on by itself."""
    due = NOON + timedelta(hours=5)
    run = replace(RUN, step=CycleStep.DECIDE, entity="persons", waiting=Waiting.QUOTA, due_at=due)
    found = progress_of(run, KINDS, [], [], LATER)
    assert found is not None
    assert progress_said(run, found) == (
        "41 %, part 2 of 4 (decide): 2 of 3 kinds of records, "
        "waits until 2026-03-02T17:00:00.000Z and goes on by itself"
    )


@pytest.mark.parametrize("step", [CycleStep.OPEN, CycleStep.COMMIT, CycleStep.DONE, CycleStep.FAILED])
def test_what_takes_no_time_has_no_progress(step: CycleStep) -> None:
    """Nor has what is over."""
    assert progress_of(replace(RUN, step=step), KINDS, [], [], LATER) is None
    assert progress_members(None) == {"progress": None}


@pytest.mark.parametrize("begun", [None, LATER])
def test_without_a_begin_nobody_knows_the_end(begun: datetime | None) -> None:
    """A run of an earlier version, and one that came to its step this moment."""
    run = replace(RUN, step=CycleStep.WRITE, step_at=begun, writes={"people-created": 2})
    found = progress_of(run, KINDS, [], [a_part(totals=Totals(created=1))], LATER)
    assert found is not None
    assert (found.rate, found.left) == (None, None)
