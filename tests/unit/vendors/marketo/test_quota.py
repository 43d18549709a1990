"""When Marketo's day begins."""

from datetime import UTC, datetime

import pytest

from leadbridge.vendors.marketo.quota import next_quota_reset


@pytest.mark.fault("FM07")
@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-01-15T12:00", "2026-01-16T06:00"),  # winter: midnight Central is 06:00 UTC
        ("2026-01-16T05:59", "2026-01-16T06:00"),
        ("2026-01-16T06:00", "2026-01-17T06:00"),
        ("2026-07-15T12:00", "2026-07-16T05:00"),  # summer: 05:00 UTC
        ("2026-07-16T05:30", "2026-07-16T06:00"),  # refused again after midnight: the other reading of the docs
        ("2026-07-16T06:00", "2026-07-17T05:00"),
        ("2026-03-08T05:00", "2026-03-08T06:00"),  # the day clocks go forward begins in winter time
        ("2026-03-08T12:00", "2026-03-09T05:00"),  # and ends in summer time, an hour early
        ("2026-11-01T04:00", "2026-11-01T05:00"),  # the day clocks go back begins in summer time
        ("2026-11-01T12:00", "2026-11-02T06:00"),  # and ends in winter time, an hour late
    ],
)
def test_the_quota_resets_at_the_next_midnight_us_central(now: str, reset: str) -> None:
    """The next possible refill after `now`, in UTC, also on the two days when clocks change."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert next_quota_reset(at) == datetime.fromisoformat(reset).replace(tzinfo=UTC)
