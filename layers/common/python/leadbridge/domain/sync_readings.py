"""What is alerted about of Syncs: rows that fail, runs that fail or wait, watermarks that stay behind. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain.alert_rules import EASED, SyncRules
from leadbridge.domain.alerts import Kind, Level, Reading, Subject
from leadbridge.domain.schedule import next_slot
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.waits import PARKED

#: a run leaves its watermark so far behind the slot that it is of, since vendors show changes late
BEHIND = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An active Sync: its newest runs, those of one at work with its counts as they are, and its watermark."""

    sync: Sync
    runs: Sequence[SyncRun]
    watermark: datetime | None = None


def sync_readings(found: Sequence[Watched], rules: Mapping[str, SyncRules], now: datetime) -> Iterator[Reading]:
    """How every active Sync stands."""
    for each in found:
        own = rules[each.sync.id]
        if own.rows.enabled:
            yield from _rows(each, own)
        if own.failed.enabled:
            yield from _failed(each, own)
        if own.parked.enabled:
            yield from _parked(each, own, now)
        if own.lag.enabled:
            yield from _lag(each, own, now)


def _rows(each: Watched, rules: SyncRules) -> Iterator[Reading]:
    """The newest run of which enough rows have their outcome."""
    rule = rules.rows
    run = next((run for run in each.runs if not run.planning and (run.over or run.totals.rows >= rule.least)), None)
    if run is None:
        return
    failed, rows = run.totals.failed, run.totals.rows
    share = 100 * failed / rows if rows else 0.0
    by_share = share / rule.share_percent if rows >= rule.least else 0.0
    yield Reading(
        subject=Subject(kind=Kind.SYNC_ROWS, name=each.sync.id),
        level=_level(max(failed / rule.count, by_share)),
        since=run.started_at,
        facts={"failed": failed, "ended": rows, "share": round(share), "slot": run.slot},
        repeat=_hours(rule.repeat_hours),
    )


def _failed(each: Watched, rules: SyncRules) -> Iterator[Reading]:
    """The newest run that has ended; one that somebody cancelled says nothing, nor one over a few rows only."""
    ended = [run for run in each.runs if run.step in {Step.DONE, Step.FAILED} and run.kind == "run"]
    if not ended:
        return
    run = ended[0]
    number = next((place for place, one in enumerate(ended) if one.step is Step.DONE), len(ended))
    first = ended[max(number - 1, 0)]
    yield Reading(
        subject=Subject(kind=Kind.SYNC_FAILED, name=each.sync.id),
        level=Level.RAISED if run.step is Step.FAILED else Level.CLEAR,
        since=first.ended_at or first.started_at,
        facts={"slot": run.slot, "reason": run.reason, "number": number},
        repeat=_hours(rules.failed.repeat_hours),
    )


def _parked(each: Watched, rules: SyncRules, now: datetime) -> Iterator[Reading]:
    """A run that waits for a quota, a connection or a person."""
    run = next((run for run in each.runs if not run.over and run.waiting in PARKED), None)
    if run is None:
        return
    waits = run.refused_at or run.seen_at or now
    yield Reading(
        subject=Subject(kind=Kind.SYNC_PARKED, name=each.sync.id),
        level=Level.RAISED,
        since=waits,
        facts={"slot": run.slot, "waiting": run.waiting.value, "rows": run.totals.rows, "pulled": run.pulled},
        repeat=_hours(rules.parked.repeat_hours),
    )


def _lag(each: Watched, rules: SyncRules, now: datetime) -> Iterator[Reading]:
    """How long ago the first slot was that should have moved the watermark; hours without slots do not count."""
    if each.watermark is None or not each.sync.incremental:
        return
    slot = next_slot(each.sync, each.watermark + BEHIND)
    if slot is None:
        return
    late = max(timedelta(), now - slot.at)
    minutes = late // timedelta(minutes=1)
    yield Reading(
        subject=Subject(kind=Kind.SYNC_LAG, name=each.sync.id),
        level=_level(minutes / rules.lag.oldest_minutes),
        since=slot.at,
        facts={"minutes": minutes, "behind": (now - each.watermark) // timedelta(minutes=1)},
        repeat=_hours(rules.lag.repeat_hours),
    )


def _level(part: float) -> Level:
    """Where a figure stands that is raised at 1."""
    if part >= 1:
        return Level.RAISED
    return Level.EASED if part >= EASED else Level.CLEAR


def _hours(number: int) -> timedelta | None:
    return timedelta(hours=number) if number else None
