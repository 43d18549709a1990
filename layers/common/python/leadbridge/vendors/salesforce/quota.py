"""Salesforce's limits in its own words."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from leadbridge.domain.limits import Signal
from leadbridge.vendors.http.calls import Answer
from leadbridge.vendors.http.transport import LimitWords
from leadbridge.vendors.salesforce.answers import usage_of

#: answers that speak of the org's limits; the first means calls at the same time, or by its text the day's calls
SIGNALS: Mapping[str, Signal] = {
    "REQUEST_LIMIT_EXCEEDED": Signal.QUOTA,
    "http_429": Signal.RATE,
    "SERVER_UNAVAILABLE": Signal.OUTAGE,
    "API_CURRENTLY_DISABLED": Signal.OUTAGE,
    "http_420": Signal.OUTAGE,
    "http_502": Signal.OUTAGE,
    "http_503": Signal.OUTAGE,
    "http_504": Signal.OUTAGE,
    "connect_failed": Signal.OUTAGE,
}
#: the allocation is one of rolling 24 hours: an hour later some of it is free
SOME_ARE_FREE = timedelta(hours=1)


def quota_returns(now: datetime) -> datetime:
    """When a spent allocation has calls again."""
    return now + SOME_ARE_FREE


def _usage(_: str, answer: Answer) -> tuple[int, int | None] | None:
    found = usage_of(answer.headers)
    return (found.used, found.allowed) if found else None


WORDS = LimitWords(signals=SIGNALS, usage=_usage, quota_returns=quota_returns)
