"""What is alerted about of CRM cycles: runs that fail or wait, kinds left out, fields aside, records due. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain.alert_rules import EASED, CycleRules
from leadbridge.domain.alerts import Kind, Level, Reading, Subject
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep
from leadbridge.domain.waits import PARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedCycle:
    """An active cycle: its newest runs, what is known between them, and how often records that are due were tried."""

    id: str
    runs: Sequence[CycleRun]
    standing: CycleStanding
    tries: Sequence[int] = ()


def cycle_readings(found: Sequence[WatchedCycle], rules: Mapping[str, CycleRules], now: datetime) -> Iterator[Reading]:
    """How every active cycle stands."""
    for each in found:
        own = rules[each.id]
        # a plan says nothing of the cycle
        runs = [run for run in each.runs if not run.planning]
        if own.failed.enabled:
            yield from _failed(each.id, runs, own)
        if own.waits.enabled:
            yield from _waits(each.id, runs, own, now)
        if own.parked.enabled:
            yield from _parked(each.id, runs, own)
        if own.aside.enabled:
            yield from _aside(each, own, now)
        if own.due.enabled:
            yield from _due(each, own, now)


def _failed(cycle: str, runs: Sequence[CycleRun], rules: CycleRules) -> Iterator[Reading]:
    """The newest run that has ended; one that somebody cancelled says nothing."""
    ended = [run for run in runs if run.step in {CycleStep.DONE, CycleStep.FAILED}]
    if not ended:
        return
    number = next((place for place, run in enumerate(ended) if run.step is CycleStep.DONE), len(ended))
    first = ended[max(number - 1, 0)]
    yield Reading(
        subject=Subject(kind=Kind.CYCLE_FAILED, name=cycle),
        level=Level.RAISED if number else Level.CLEAR,
        since=first.ended_at or first.started_at,
        facts={"slot": ended[0].slot, "reason": ended[0].reason, "number": number},
        repeat=_hours(rules.failed.repeat_hours),
    )


def _waits(cycle: str, runs: Sequence[CycleRun], rules: CycleRules, now: datetime) -> Iterator[Reading]:
    """A run that waits for a quota, a connection or a person: what a guard has counted needs a yes."""
    run = next((run for run in runs if not run.over and run.waiting in PARKED), None)
    if run is None:
        return
    yield Reading(
        subject=Subject(kind=Kind.CYCLE_WAITS, name=cycle),
        level=Level.RAISED,
        since=run.refused_at or run.seen_at or now,
        facts={"slot": run.slot, "waiting": run.waiting.value},
        repeat=_hours(rules.waits.repeat_hours),
    )


def _parked(cycle: str, runs: Sequence[CycleRun], rules: CycleRules) -> Iterator[Reading]:
    """Kinds of records that the newest run that ended could not go on with; the others went on."""
    ended = [run for run in runs if run.step is CycleStep.DONE]
    if not ended:
        return
    number = next((place for place, run in enumerate(ended) if not run.parked), len(ended))
    first = ended[max(number - 1, 0)]
    yield Reading(
        subject=Subject(kind=Kind.CYCLE_PARKED, name=cycle),
        level=Level.RAISED if number else Level.CLEAR,
        since=first.ended_at or first.started_at,
        facts={
            "slot": ended[0].slot,
            "number": len(ended[0].parked),
            **{f"kind{place}": name for place, name in enumerate(sorted(ended[0].parked))},
        },
        repeat=_hours(rules.parked.repeat_hours),
    )


def _aside(each: WatchedCycle, rules: CycleRules, now: datetime) -> Iterator[Reading]:
    """Pairs of fields that cannot be kept in step."""
    aside = [pair for schema in each.standing.schemas.values() for pair in schema.aside.values()]
    yield Reading(
        subject=Subject(kind=Kind.CYCLE_ASIDE, name=each.id),
        level=Level.RAISED if aside else Level.CLEAR,
        since=min((pair.since for pair in aside if pair.since), default=now),
        facts={"number": len(aside)},
        repeat=_hours(rules.aside.repeat_hours),
    )


def _due(each: WatchedCycle, rules: CycleRules, now: datetime) -> Iterator[Reading]:
    """Records whose write has failed again and again."""
    rule = rules.due
    late = sum(tries >= rule.tries for tries in each.tries)
    part = late / rule.count
    yield Reading(
        subject=Subject(kind=Kind.CYCLE_DUE, name=each.id),
        level=Level.RAISED if part >= 1 else Level.EASED if part >= EASED else Level.CLEAR,
        since=now,
        facts={"number": late, "tries": rule.tries},
        repeat=_hours(rule.repeat_hours),
    )


def _hours(number: int) -> timedelta | None:
    return timedelta(hours=number) if number else None
