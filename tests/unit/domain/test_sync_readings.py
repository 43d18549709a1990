"""What is alerted about of Syncs: rows, runs, waits and watermarks."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from leadbridge.domain.alert_rules import AlertsDocument, SyncRules
from leadbridge.domain.alerts import Kind, Level, Reading
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_readings import Watched, sync_readings
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

EVERY = a_sync(schedule={"every": {"minutes": 15}})
SYNC = EVERY.id
RAISED, EASED, CLEAR = Level.RAISED, Level.EASED, Level.CLEAR


def a_run(hours_ago: int = 1, step: Step = Step.DONE, **totals: int) -> SyncRun:
    """A run that ended a minute after its begin, or is at work."""
    at = NOON - timedelta(hours=hours_ago)
    run = SyncRun(
        sync=SYNC,
        slot=f"slot-{hours_ago}",
        version=1,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=at,
    )
    run = replace(run, step=step, totals=Totals(**totals), pulled=sum(totals.values()))
    return replace(run, ended_at=at + timedelta(minutes=1)) if run.over else run


def read(
    *runs: SyncRun,
    sync: Sync = EVERY,
    watermark: datetime | None = None,
    rules: SyncRules | None = None,
    now: datetime = NOON,
) -> dict[Kind, Reading]:
    """The readings of a Sync by their kind."""
    watched = Watched(sync=sync, runs=runs, watermark=watermark)
    found = list(sync_readings([watched], {sync.id: rules or SyncRules()}, now))
    assert len({each.subject.kind for each in found}) == len(found)
    return {each.subject.kind: each for each in found}


@pytest.mark.parametrize(
    ("created", "failed", "level"),
    [(80, 20, RAISED), (81, 19, EASED), (91, 9, CLEAR), (7, 2, CLEAR), (8, 2, RAISED), (9900, 100, RAISED)],
)
def test_rows_are_told_of_by_share_or_by_number(created: int, failed: int, level: Level) -> None:
    """From a fifth on, of ten rows at least, or from a hundred; the run is named by its slot."""
    reading = read(a_run(created=created, failed=failed))[Kind.SYNC_ROWS]

    assert reading.level is level
    assert (reading.facts["slot"], reading.facts["failed"]) == ("slot-1", failed)


def test_rows_of_a_run_at_work_count_as_soon_as_there_are_enough() -> None:
    """With fewer than ten outcomes it is the run before that stands."""
    before = a_run(2, failed=50)

    assert read(a_run(step=Step.LOAD, created=5), before)[Kind.SYNC_ROWS].facts["slot"] == "slot-2"
    assert read(a_run(step=Step.LOAD, created=50), before)[Kind.SYNC_ROWS].level is CLEAR
    assert Kind.SYNC_ROWS not in read()


def test_failed_runs_in_a_row_are_counted_until_one_goes_well() -> None:
    """The newest that ended says whether; since when and how many, those before it; a cancelled one says nothing."""
    failed = [a_run(hours, Step.FAILED) for hours in (1, 2)]
    reading = read(a_run(0, Step.CANCELLED), *failed, a_run(3))[Kind.SYNC_FAILED]

    assert (reading.level, reading.facts["number"], reading.facts["slot"]) == (RAISED, 2, "slot-1")
    assert reading.since == failed[1].ended_at
    assert read(a_run(0), *failed)[Kind.SYNC_FAILED].level is CLEAR
    assert read(replace(a_run(0), retry_of="slot-2"), *failed)[Kind.SYNC_FAILED].level is RAISED
    assert Kind.SYNC_FAILED not in read(a_run(0, Step.LOAD))


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        (Waiting.QUOTA, True),
        (Waiting.DISABLED, True),
        (Waiting.PAUSED, True),
        (Waiting.VENDOR, False),
        (Waiting.SETTLING, False),
        (Waiting.NOT, False),
    ],
)
def test_a_run_that_waits_for_long_is_told_of(waiting: Waiting, *, told: bool) -> None:
    """For a quota, a disabled connection or a person; what passes in minutes is not."""
    run = replace(a_run(step=Step.LOAD, created=5), waiting=waiting, refused_at=NOON - timedelta(minutes=3))
    found = read(run)

    assert (Kind.SYNC_PARKED in found) is told
    if told:
        assert (found[Kind.SYNC_PARKED].level, found[Kind.SYNC_PARKED].since) == (RAISED, NOON - timedelta(minutes=3))
    assert Kind.SYNC_PARKED not in read(replace(run, step=Step.FAILED))


@pytest.mark.parametrize(("minutes", "level"), [(20, CLEAR), (70, EASED), (95, RAISED)])
def test_a_watermark_that_stays_behind_is_told_of(minutes: int, level: Level) -> None:
    """An hour after the slot whose run should have moved it."""
    assert read(watermark=NOON - timedelta(minutes=minutes))[Kind.SYNC_LAG].level is level


def test_hours_in_which_nothing_is_due_are_no_lag() -> None:
    """After a quiet night, and of what runs by hand, in full, or has never run, nothing is told."""
    night = a_sync(schedule={"every": {"minutes": 15}, "quiet": [{"from": "00:00", "to": "11:45"}]})

    assert read(sync=night, watermark=NOON - timedelta(hours=12, minutes=10))[Kind.SYNC_LAG].level is CLEAR
    assert Kind.SYNC_LAG not in read(watermark=None)
    assert Kind.SYNC_LAG not in read(sync=a_sync(extraction="incremental"), watermark=NOON - timedelta(days=9))
    assert Kind.SYNC_LAG not in read(
        sync=a_sync(extraction="full", schedule={"every": {"days": 1}}), watermark=NOON - timedelta(days=9)
    )


def test_the_rules_of_a_sync_stand_for_themselves() -> None:
    """What its own leave out is as for all; a rule that is switched off says nothing."""
    document = AlertsDocument.model_validate(
        {
            "kind": "alerts",
            "id": "alerts",
            "sync": {"rows": {"share_percent": 50}, "failed": {"enabled": False}},
            "syncs": {SYNC: {"lag": {"oldest_minutes": 600}}},
        }
    )
    rules = document.for_sync(SYNC)

    assert (rules.rows.share_percent, rules.lag.oldest_minutes) == (50, 600)
    assert document.for_sync("other").lag.oldest_minutes == 60
    found = read(a_run(step=Step.FAILED, created=6, failed=4), watermark=NOON - timedelta(hours=3), rules=rules)
    assert {kind: each.level for kind, each in found.items()} == {Kind.SYNC_ROWS: EASED, Kind.SYNC_LAG: CLEAR}
