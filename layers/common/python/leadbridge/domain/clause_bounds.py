"""Clauses about days and times as a stretch of time: from, and up to but not with.

A source filters by instants that are known when a run begins. Where the exact meaning of a clause has no such form (a
fraction of a second, say), the stretch is a little longer, never shorter: every clause is asked again afterwards.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from leadbridge.domain.clauses import Clause
from leadbridge.domain.condition_values import Span, UnreadableError, span, wanted_moment
from leadbridge.domain.conditions import edge_of, today

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """From `first` up to but not with `end`; None is without a bound. Both are instants (UTC), or both are days."""

    first: date | datetime | None = None
    end: date | datetime | None = None


def bounds_of(clause: Clause, zone: tzinfo, now: datetime, *, days: bool) -> Bounds | None:
    """The stretch outside which a clause never holds; None if it is no stretch, or its value is none.

    `days`: the column holds days, not times; its bounds are days then.
    """
    try:
        found = _within(span(clause.value), clause.operator, zone, now, days=days) if _spans(clause) else None
        found = found or _compared(clause, zone, now, days=days)
    except (UnreadableError, OverflowError, ValueError):
        return None
    return found


def _spans(clause: Clause) -> bool:
    return clause.operator in {"in_last", "in_next"}


def _within(length: Span, operator: str, zone: tzinfo, now: datetime, *, days: bool) -> Bounds | None:
    back = operator == "in_last"
    here = today(now, zone)
    if length[1] == "hour":
        if days:
            return None
        far = now + timedelta(hours=length[0]) * (-1 if back else 1)
        first, last = (far, now) if back else (now, far)
        return Bounds(_floor(first), _floor(last) + _SECOND)
    edge = edge_of(length, here, sign=-1 if back else 1)
    if days:
        return Bounds(min(edge, here), max(edge, here) + _DAY)
    if back:
        return Bounds(_start(edge, zone), _floor(now) + _SECOND)
    return Bounds(_floor(now), _start(edge + _DAY, zone))


def _compared(clause: Clause, zone: tzinfo, now: datetime, *, days: bool) -> Bounds | None:
    words = clause.operator not in {"equals", "not_equals"}
    wanted = [wanted_moment(value, zone=zone, words=words) for value in clause.values]
    stretches = [found for each in wanted if (found := _stretch(each, zone, now, days=days)) is not None]
    if not stretches or len(stretches) < len(wanted):
        return None
    (first, after), end = stretches[0], stretches[-1][1]
    # of a time, the second in which it lies is in doubt
    whole = not isinstance(wanted[0], datetime)
    stretch: dict[str, Bounds] = {
        "equals": Bounds(first, after),
        "on_day": Bounds(first, after),
        "before": Bounds(None, first if whole else after),
        "after": Bounds(after if whole else first, None),
        "on_or_before": Bounds(None, after),
        "on_or_after": Bounds(first, None),
        "between": Bounds(first, end),
    }
    return stretch.get(clause.operator)


def _stretch(
    wanted: date | datetime | int, zone: tzinfo, now: datetime, *, days: bool
) -> tuple[date | datetime, date | datetime] | None:
    """The day, or the second, that a document names: from, and up to but not with."""
    if isinstance(wanted, int):
        wanted = today(now, zone) + timedelta(days=wanted)
    if isinstance(wanted, datetime):
        return None if days else (_floor(wanted), _floor(wanted) + _SECOND)
    if days:
        return wanted, wanted + _DAY
    return _start(wanted, zone), _start(wanted + _DAY, zone)


def _start(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _floor(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
