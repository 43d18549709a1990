"""The times that extracts cover."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.vendors.marketo.bulk import EARLIEST, LONGEST_WINDOW, window, windows

SECOND = timedelta(seconds=1)
DAYS = timedelta(days=3)
DAY = datetime(2026, 3, 2, tzinfo=UTC)


@given(
    since=st.datetimes(min_value=DAY.replace(tzinfo=None, year=2007), timezones=st.just(UTC)), days=st.integers(0, 400)
)
def test_windows_hold_every_second_once(since: datetime, days: int) -> None:
    """Both ends are inclusive, so each begins a second after the last one's end; none is longer than allowed."""
    until = min(since, datetime(9990, 1, 1, tzinfo=UTC)) + timedelta(days=days, seconds=days)
    since = min(since, until)
    made = list(windows(since, until))
    if until.replace(microsecond=0) <= since.replace(microsecond=0):
        assert made == []
        return
    assert made[0][0] == since.replace(microsecond=0)
    assert made[-1][1] == until.replace(microsecond=0) - SECOND
    assert all(later[0] - earlier[1] == SECOND for earlier, later in itertools.pairwise(made))
    assert all(timedelta(0) <= end - start < LONGEST_WINDOW for start, end in made)


@pytest.mark.parametrize("since", [datetime(1, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), EARLIEST])
def test_nothing_is_asked_for_before_there_was_marketo(since: datetime) -> None:
    """Windows begin in 2007 at the earliest; a time that ends before has none."""
    assert list(windows(since, EARLIEST)) == []
    assert list(windows(since, EARLIEST + DAYS)) == [(EARLIEST, EARLIEST + DAYS - SECOND)]


def test_a_window_is_written_in_whole_seconds_of_utc() -> None:
    """Fractions are dropped, zones converted."""
    start = datetime(2026, 3, 2, 1, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert window("createdAt", start, start + timedelta(hours=1)) == {
        "createdAt": {"startAt": "2026-03-02T00:00:00Z", "endAt": "2026-03-02T01:00:00Z"}
    }


@pytest.mark.parametrize("length", [timedelta(days=31, seconds=1), timedelta(seconds=-1)])
def test_a_window_that_marketo_would_refuse_is_not_made(length: timedelta) -> None:
    """Longer than 31 days, or ending before it begins."""
    with pytest.raises(ValueError, match="from 0 to 31 days"):
        window("createdAt", DAY, DAY + length)
