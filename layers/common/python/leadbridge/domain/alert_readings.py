"""What is alerted about: from counts, waiting work, quotas and certificates to readings. Pure.

Everything here is made of ids, reason codes, numbers and times. Nothing of a call's content comes near it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from leadbridge.domain.alert_rules import (
    EASED,
    CertificateRule,
    FailedRule,
    LagRule,
    NewReasonRule,
    ParkedRule,
    QuotaRule,
    SilenceRule,
)
from leadbridge.domain.alerts import Kind, Level, Memory, Reading, Subject
from leadbridge.domain.counted import (
    ENDED,
    FAILED,
    PARKED,
    REJECTED,
    Certificate,
    Counted,
    ParkedWork,
    Waiting,
    bucket,
)

#: points below its level at which a quota alert ends
QUOTA_EASED = 5
#: the pace of a quota that has no day of its own is that of the looks of so long, if they reach back so far at least
PACE, LEAST_PACE = timedelta(hours=1), timedelta(minutes=10)
#: a reason that was new and has not come again for so long is over
QUIET = timedelta(hours=1)
#: reasons that are remembered, the newest; they share one stored item with everything else
MOST_REASONS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Calls of the day of one vendor instance; without `day_ends` the day is the last 24 hours.

    `before`: what was used at earlier looks, oldest first; of an instance without a day it tells the pace.
    """

    vendor: str
    instance: str
    used: int
    allowed: int
    day_ends: datetime | None = None
    connection: str = ""
    before: Sequence[tuple[datetime, int]] = ()

    def used_at(self, now: datetime) -> int:
        """What is used of the day that `now` belongs to: nobody has called yet after the end of the known one."""
        return 0 if self.day_ends is not None and now >= self.day_ends else self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts of one Action over some time."""

    numbers: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: when each was counted first
    first: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def of(self, what: str) -> int:
        """The number of one thing, for whatever reason."""
        return sum(number for (each, _), number in self.numbers.items() if each == what)

    def top(self, what: str) -> tuple[str, int]:
        """The most frequent reason of one thing, and its number; the first by name of several."""
        found = sorted((-number, reason) for (each, reason), number in self.numbers.items() if each == what)
        return (found[0][1], -found[0][0]) if found else ("", 0)

    def since(self, what: str) -> datetime | None:
        """When one thing was counted first."""
        return min((at for (each, _), at in self.first.items() if each == what), default=None)


def totals(counted: Sequence[Counted], start: datetime, end: datetime) -> dict[str, Totals]:
    """Counts by Action of the pieces from that of `start` to that before `end`."""
    found: dict[str, Totals] = {}
    for each in sorted(counted, key=lambda each: each.at):
        if bucket(start) <= each.at < end:
            of_action = found.setdefault(each.action, Totals())
            for what, number in each.numbers.items():
                of_action.numbers[what] += number
                of_action.first.setdefault(what, each.at)
    return found


def _level(value: float, threshold: float) -> Level:
    """Where a figure that is bad when it is high stands."""
    if value >= threshold:
        return Level.RAISED
    return Level.EASED if value >= threshold * EASED else Level.CLEAR


def _worst(*levels: Level) -> Level:
    order = list(Level)
    return min(levels, key=order.index)


def _hours(number: int) -> timedelta | None:
    return timedelta(hours=number) if number else None


# -- failures


def failing(subject: Subject, seen: Totals, rule: FailedRule, now: datetime, *, covered: bool = False) -> Reading:
    """Whether too many calls of an Action or a connection fail."""
    failed, ended = seen.of(FAILED), seen.of(ENDED)
    share = round(100 * failed / ended) if ended else 0
    by_share = Level.CLEAR
    if ended >= rule.least * EASED:
        by_share = _level(100 * failed / ended if ended else 0, rule.share_percent)
        if ended < rule.least and by_share is Level.RAISED:
            by_share = Level.EASED  # too few to begin with, enough not to end with
    reason, of_it = seen.top(FAILED)
    return Reading(
        subject=subject,
        level=_worst(_level(failed, rule.count), by_share),
        since=seen.since(FAILED) or now,
        facts={
            "failed": failed,
            "ended": max(ended, failed),
            "share": share,
            "minutes": rule.window_minutes,
            "reason": reason,
            "of_it": of_it,
        },
        repeat=_hours(rule.repeat_hours),
        covered=covered,
    )


def failures(
    counted: Sequence[Counted],
    *,
    connections: Mapping[str, str],
    action_rules: Mapping[str, FailedRule],
    connection_rules: Mapping[str, FailedRule],
    now: datetime,
) -> Iterator[Reading]:
    """Failures by Action and by connection: where several Actions of a connection fail, it alone is spoken of.

    `connections`: the destination of each Action.
    """
    covered: set[str] = set()
    for connection, rule in connection_rules.items():
        if not rule.enabled:
            continue
        mine = [action for action, target in connections.items() if target == connection]
        seen = totals(counted, now - timedelta(minutes=rule.window_minutes), now)
        together, failing_actions = Totals(), []
        for action in mine:
            if action not in seen:
                continue
            together.numbers.update(seen[action].numbers)
            for what, at in seen[action].first.items():
                together.first[what] = min(at, together.first.get(what, at))
            if seen[action].of(FAILED):
                failing_actions.append(action)
        several = len(failing_actions) > 1
        subject = Subject(kind=Kind.FAILED_CONNECTION, name=connection)
        reading = failing(subject, together, rule, now, covered=not several)
        yield Reading(
            subject=subject,
            level=reading.level,
            since=reading.since,
            facts={**reading.facts, "actions": len(failing_actions)},
            repeat=reading.repeat,
            covered=reading.covered,
        )
        if several and reading.level is Level.RAISED:
            covered.update(failing_actions)
    for action, rule in action_rules.items():
        if rule.enabled:
            seen = totals(counted, now - timedelta(minutes=rule.window_minutes), now)
            subject = Subject(kind=Kind.FAILED, name=action)
            yield failing(subject, seen.get(action, Totals()), rule, now, covered=action in covered)


# -- reasons


def new_reasons(
    counted: Sequence[Counted], rules: Mapping[str, NewReasonRule], memory: Memory, now: datetime
) -> tuple[list[Reading], dict[tuple[str, str], datetime]]:
    """Reasons that an Action never had, or not for long; and when each was seen last, to be remembered."""
    readings: list[Reading] = []
    longest = max((rule.forget_days for rule in rules.values()), default=NewReasonRule().forget_days)
    seen = {key: at for key, at in memory.reasons.items() if now - at < timedelta(days=longest)}
    recent = totals(counted, now - QUIET, now)
    for action, rule in rules.items():
        found = recent.get(action, Totals())
        for (what, reason), number in sorted(found.numbers.items()):
            if what not in {FAILED, PARKED, REJECTED} or not reason:
                continue
            subject = Subject(kind=Kind.NEW_REASON, name=action, detail=reason)
            before = memory.reasons.get((action, reason))
            new = before is None or now - before >= timedelta(days=rule.forget_days)
            if rule.enabled and (new or subject in memory.alerts):
                readings.append(
                    Reading(
                        subject=subject,
                        level=Level.RAISED if new else Level.EASED,
                        since=found.first[what, reason],
                        facts={"reason": reason, "number": number, "what": what},
                    )
                )
            seen[action, reason] = now
    newest = sorted(seen.items(), key=lambda each: each[1], reverse=True)[:MOST_REASONS]
    return readings, dict(newest)


# -- waiting work


def parked(work: Sequence[ParkedWork], rules: Mapping[str, ParkedRule]) -> Iterator[Reading]:
    """Work that waits for a person, by Action; an Action that is gone still has its work."""
    for action in sorted({each.action for each in work}):
        rule = rules.get(action, ParkedRule())
        mine = sorted((each for each in work if each.action == action), key=lambda each: (-each.number, each.reason))
        number = sum(each.number for each in mine)
        if rule.enabled:
            yield Reading(
                subject=Subject(kind=Kind.PARKED, name=action),
                level=_level(number, rule.count),
                since=min(each.since for each in mine),
                facts={"number": number, "reason": mine[0].reason, "of_it": mine[0].number},
                repeat=_hours(rule.repeat_hours),
            )


def lags(waiting: Sequence[Waiting], rules: Mapping[str, LagRule], now: datetime) -> Iterator[Reading]:
    """How long the oldest call of each connection waits."""
    for each in waiting:
        rule = rules.get(each.connection, LagRule())
        minutes = (now - each.since).total_seconds() / 60
        if rule.enabled:
            yield Reading(
                subject=Subject(kind=Kind.LAG, name=each.connection),
                level=_level(minutes, rule.oldest_minutes),
                since=each.since,
                facts={
                    "number": each.number,
                    "more": int(each.more),
                    "minutes": int(minutes),
                    "reason": each.reason,
                },
                repeat=_hours(rule.repeat_hours),
            )


# -- quota and certificate


def quotas(found: Sequence[Quota], rules: Mapping[str, QuotaRule], now: datetime) -> Iterator[Reading]:
    """How much of the day's calls is used, a reading for each level; of several that are passed the highest is told."""
    for each in found:
        rule = rules.get(each.connection, QuotaRule())
        if not (rule.enabled and each.allowed):
            continue
        used = each.used_at(now)
        percent = 100 * used / each.allowed
        passed = [level for level in rule.levels_percent if percent >= level]
        for level in rule.levels_percent:
            standing = Level.EASED if percent >= level - QUOTA_EASED else Level.CLEAR
            yield Reading(
                subject=Subject(kind=Kind.QUOTA, name=each.instance, detail=f"{level:03d}"),
                level=Level.RAISED if level in passed else standing,
                since=each.day_ends - timedelta(days=1) if each.day_ends else now - timedelta(days=1),
                facts={
                    "vendor": each.vendor,
                    "connection": each.connection,
                    "used": used,
                    "allowed": each.allowed,
                    "percent": int(percent),
                    **_forecast(each, now),
                },
                covered=bool(passed) and level < passed[-1],
            )


def spent_at(quota: Quota, now: datetime) -> datetime | None:
    """When the calls are spent if they go on as they did; None if they come back before, are spent or are not known."""
    if quota.day_ends is None:
        return _spent_of_24_hours(quota, now)
    used = quota.used_at(now)
    if not 0 < used < quota.allowed:
        return None
    begun = quota.day_ends - timedelta(days=1)
    at = begun + max(now - begun, timedelta(minutes=1)) * (quota.allowed / used)
    return at if at < quota.day_ends else None


def _spent_of_24_hours(quota: Quota, now: datetime) -> datetime | None:
    """The same where calls come back 24 hours after they were made: those that came back are in the pace already."""
    since = _paced_since(quota, now)
    if since is None:
        return None
    left, before = quota.allowed - quota.used, recent(quota.before, now)[0][1]
    more = quota.used - before
    # what would last longer than a day comes back before it is spent
    if left > 0 and more > 0 and (ahead := (now - since) * (left / more)) <= timedelta(days=1):
        return now + ahead
    return None


def _paced_since(quota: Quota, now: datetime) -> datetime | None:
    """Since when the pace of an instance without a day is known, if that is long enough."""
    looks = recent(quota.before, now)
    return looks[0][0] if looks and now - looks[0][0] >= LEAST_PACE else None


def _forecast(quota: Quota, now: datetime) -> dict[str, str]:
    """When the day's calls are spent if they go on as they did since its beginning, or in the last hour."""
    facts: dict[str, str] = {}
    if quota.day_ends is not None and quota.used_at(now):
        facts["day_ends"] = told_time(quota.day_ends)
    if quota.day_ends is None and (since := _paced_since(quota, now)) is not None:
        facts["paced_since"] = told_time(since)
    if (at := spent_at(quota, now)) is not None:
        facts["spent_at"] = told_time(at)
    return facts


def recent(looks: Sequence[tuple[datetime, int]], now: datetime) -> tuple[tuple[datetime, int], ...]:
    """Looks that tell the pace: of the last hour, and not from a time that is still to come."""
    return tuple((at, used) for at, used in looks if timedelta(0) < now - at <= PACE)


def quotas_seen(found: Sequence[Quota], now: datetime) -> dict[str, tuple[tuple[datetime, int], ...]]:
    """What is to be remembered of instances that have no day, with this look."""
    return {each.instance: (*recent(each.before, now), (now, each.used)) for each in found if each.day_ends is None}


def certificates(
    found: Sequence[Certificate], rules: Mapping[str, CertificateRule], now: datetime
) -> Iterator[Reading]:
    """Certificates that end soon, of connections that there are."""
    for each in found:
        rule = rules.get(each.connection)
        if rule is None or not rule.enabled:
            continue
        soon = each.ends_at - now <= timedelta(days=rule.days)
        yield Reading(
            subject=Subject(kind=Kind.CERTIFICATE, name=each.connection),
            level=Level.RAISED if soon else Level.CLEAR,
            since=each.ends_at - timedelta(days=rule.days),
            facts={"ends_at": told_time(each.ends_at), "days": max(0, (each.ends_at - now).days)},
            repeat=_hours(rule.repeat_hours),
        )


# -- silence


def same_hours(start: datetime, zone: tzinfo, week: int) -> datetime:
    """The instant that had the same weekday and clock time, in the Action's zone, so many weeks before."""
    local = start.astimezone(zone).replace(tzinfo=None) - timedelta(weeks=week)
    return local.replace(tzinfo=zone).astimezone(UTC)


def silence(action: str, *, arrived: int, before: Sequence[int], rule: SilenceRule, now: datetime) -> Reading:
    """Whether far fewer calls arrive than is usual; `before`: those of the same hours in the weeks before."""
    # the lower median: of an even number of weeks more than half must support it
    usual = sorted(before)[(len(before) - 1) // 2] if before else 0
    percent = 100 * arrived / usual if usual else 100.0
    if usual < rule.least:
        # the quiet hours say nothing: who was silent before is not heard again by that
        level = Level.CLEAR if arrived else Level.EASED
    elif percent < rule.share_percent:
        level = Level.RAISED
    else:
        level = Level.EASED if percent < rule.share_percent / EASED else Level.CLEAR
    return Reading(
        subject=Subject(kind=Kind.SILENCE, name=action),
        level=level,
        since=now - timedelta(minutes=rule.window_minutes),
        facts={"arrived": arrived, "usual": usual, "minutes": rule.window_minutes},
        repeat=_hours(rule.repeat_hours),
    )


def told_time(at: datetime) -> str:
    """An instant as people are told it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
