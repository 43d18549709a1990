"""Marketo's limits in its own words, and when its day ends."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from leadbridge.domain.limits import Signal
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.http.transport import LimitWords
from leadbridge.vendors.marketo.answers import results

#: answers that speak of the instance's limits; 1020 and 1029 are quotas of single features
SIGNALS: Mapping[str, Signal] = {
    "606": Signal.RATE,
    "http_429": Signal.RATE,
    "615": Signal.PLACES,
    "607": Signal.QUOTA,
    "608": Signal.OUTAGE,
    "614": Signal.OUTAGE,
    "http_502": Signal.OUTAGE,
    "http_503": Signal.OUTAGE,
    "http_504": Signal.OUTAGE,
    "connect_failed": Signal.OUTAGE,
}


def next_midnight(now: datetime) -> datetime:
    """The end of Marketo's day: the first midnight US Central after `now`, in UTC."""
    import zoneinfo  # reads the zone data base, which no other call needs

    central = zoneinfo.ZoneInfo("America/Chicago")
    tomorrow = now.astimezone(central).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), tzinfo=central).astimezone(UTC)


def next_quota_reset(now: datetime) -> datetime:
    """The first instant after `now` at which a spent quota may have been refilled.

    Marketo's documents say midnight "CST" in one place and "Central Time" in another. In summer these are
    05:00 and 06:00 UTC: the earlier one comes first, and a call refused after it waits for the later one.
    """
    standard = now.astimezone(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    if standard <= now:
        standard += timedelta(days=1)
    return min(next_midnight(now), standard)


def same_day(one: datetime, other: datetime) -> bool:
    """Whether two moments are of one day of Marketo's."""
    return next_midnight(one) == next_midnight(other)


def calls_today(answer: Answer) -> int:
    """Calls of all API users of the instance today, as Marketo counts them."""
    return sum(int(day.get("total", 0)) for day in results(answer, "usage")[:1])


def calls_by_user(answer: Answer) -> dict[str, int]:
    """The same by API user; each integration should have its own."""
    today = (user for day in results(answer, "usage")[:1] for user in day.get("users") or ())
    return {str(user.get("userId", "?")): int(user.get("count", 0)) for user in today}


def _usage(operation: str, answer: Answer) -> tuple[int, None] | None:
    return (calls_today(answer), None) if operation == "usage" else None


WORDS = LimitWords(signals=SIGNALS, usage=_usage, quota_returns=next_quota_reset)
