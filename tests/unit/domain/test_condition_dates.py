"""Relative dates: zones, changes of the clock, ends of months, leap days, with a clock that stands."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.clauses import Group
from leadbridge.domain.conditions import compile_conditions


def holds(operator: str, wanted: Any, value: str, *, now: str, zone: str = "UTC", kind: str = "datetime") -> bool:
    """Whether one clause about a date or time holds at a moment."""
    group = Group.model_validate({"clauses": [{"column": "c", "operator": operator, "value": wanted}]})
    conditions = compile_conditions(group, types={"c": kind}, zone=ZoneInfo(zone))
    return conditions.decide({"c": value}, datetime.fromisoformat(now)).holds


@pytest.mark.parametrize(
    ("zone", "now", "today"),
    [
        ("UTC", "2026-03-09T23:59:59Z", "2026-03-09"),
        ("Europe/Berlin", "2026-03-09T22:59:59Z", "2026-03-09"),
        ("Europe/Berlin", "2026-03-09T23:00:00Z", "2026-03-10"),
        ("Asia/Kolkata", "2026-03-09T18:29:59Z", "2026-03-09"),
        ("Asia/Kolkata", "2026-03-09T18:30:00Z", "2026-03-10"),
        ("Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2027-01-01"),
        ("America/Los_Angeles", "2026-03-01T07:59:59Z", "2026-02-28"),
        # the clock goes forward at 10:00 UTC and back at 09:00 UTC
        ("America/Los_Angeles", "2026-03-08T07:59:59Z", "2026-03-07"),
        ("America/Los_Angeles", "2026-03-09T06:59:59Z", "2026-03-08"),
        ("America/Los_Angeles", "2026-03-09T07:00:00Z", "2026-03-09"),
        ("America/Los_Angeles", "2026-11-02T07:59:59Z", "2026-11-01"),
    ],
)
@pytest.mark.parametrize(("word", "distance"), [("yesterday", -1), ("today", 0), ("tomorrow", 1)])
def test_today_is_the_day_in_the_zone(zone: str, now: str, today: str, word: str, distance: int) -> None:
    """today, yesterday and tomorrow are days of the Action's zone at the moment of the decision."""
    day = datetime.fromisoformat(today).date() + timedelta(days=distance)
    around = [(day + timedelta(days=step)).isoformat() for step in (-1, 0, 1)]

    assert [holds("on_day", word, each, now=now, zone=zone, kind="date") for each in around] == [False, True, False]
    assert [holds("before", word, each, now=now, zone=zone, kind="date") for each in around] == [True, False, False]
    assert [holds("on_or_after", word, each, now=now, zone=zone, kind="date") for each in around] == [False, True, True]


def test_words_are_read_however_they_are_written() -> None:
    """` Today` in a document is today; in a payload it is no date."""
    assert holds("on_day", " Today", "2026-03-09", now="2026-03-09T12:00:00Z", kind="date")
    assert not holds("on_day", "today", "today", now="2026-03-09T12:00:00Z", kind="date")


@pytest.mark.parametrize(
    ("now", "span", "first", "before"),
    [
        ("2026-03-31T12:00:00Z", "1 month", "2026-02-28", "2026-02-27"),
        ("2028-03-31T12:00:00Z", "1 month", "2028-02-29", "2028-02-28"),
        ("2028-02-29T12:00:00Z", "12 months", "2027-02-28", "2027-02-27"),
        ("2028-02-29T12:00:00Z", "48 months", "2024-02-29", "2024-02-28"),
        ("2026-01-31T12:00:00Z", "2 months", "2025-11-30", "2025-11-29"),
        ("2026-01-15T12:00:00Z", "1 month", "2025-12-15", "2025-12-14"),
        ("2026-03-01T12:00:00Z", "1 day", "2026-02-28", "2026-02-27"),
        ("2028-03-01T12:00:00Z", "1 day", "2028-02-29", "2028-02-28"),
        ("2026-01-03T12:00:00Z", "1 week", "2025-12-27", "2025-12-26"),
        ("2026-01-03T12:00:00Z", "9999 weeks", "1834-05-17", "1834-05-16"),
    ],
)
def test_the_past_reaches_back_by_the_calendar(now: str, span: str, first: str, before: str) -> None:
    """Days, weeks and months are counted on the calendar; a month from the 31st ends on a shorter month's last day."""
    assert holds("in_last", span, first, now=now, kind="date")
    assert not holds("in_last", span, before, now=now, kind="date")
    assert holds("in_last", span, now[:10], now=now, kind="date")
    assert not holds("in_last", span, "2030-01-01", now=now, kind="date")
    # all of that day belongs to it
    assert holds("in_last", span, f"{first}T00:00:00Z", now=now)
    assert not holds("in_last", span, f"{before}T23:59:59Z", now=now)


@pytest.mark.parametrize(
    ("now", "span", "last", "after"),
    [
        ("2026-01-31T12:00:00Z", "1 month", "2026-02-28", "2026-03-01"),
        ("2028-01-31T12:00:00Z", "1 month", "2028-02-29", "2028-03-01"),
        ("2026-12-31T12:00:00Z", "2 months", "2027-02-28", "2027-03-01"),
        ("2026-11-30T12:00:00Z", "13 months", "2027-12-30", "2027-12-31"),
        ("2026-12-25T12:00:00Z", "1 week", "2027-01-01", "2027-01-02"),
        ("2028-02-28T12:00:00Z", "1 day", "2028-02-29", "2028-03-01"),
    ],
)
def test_the_future_reaches_on_by_the_calendar(now: str, span: str, last: str, after: str) -> None:
    """What comes is counted as what was, and today belongs to it."""
    assert holds("in_next", span, last, now=now, kind="date")
    assert not holds("in_next", span, after, now=now, kind="date")
    assert holds("in_next", span, now[:10], now=now, kind="date")
    assert not holds("in_next", span, "2020-01-01", now=now, kind="date")
    assert holds("in_next", span, f"{last}T23:59:59Z", now=now)
    assert not holds("in_next", span, f"{after}T00:00:00Z", now=now)


@pytest.mark.parametrize("span", ["1 hour", "2 hours", "1 day", "3 weeks", "1 month"])
def test_now_lies_in_both_and_what_is_beyond_it_in_one(span: str) -> None:
    """The moment itself is in the last and in the next; a second later it is only in the next."""
    now = "2026-03-09T12:00:00Z"

    assert holds("in_last", span, now, now=now)
    assert holds("in_next", span, now, now=now)
    assert not holds("in_last", span, "2026-03-09T12:00:01Z", now=now)
    assert not holds("in_next", span, "2026-03-09T11:59:59Z", now=now)


@pytest.mark.parametrize(
    ("now", "edge", "beyond"),
    [
        # from 01:30 to 03:30 by the clock is one hour when it goes forward, three hours when it goes back
        ("2026-03-29T01:30:00Z", "2026-03-28T23:30:00Z", "2026-03-28T23:29:59Z"),
        ("2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:29:59Z"),
    ],
)
def test_hours_are_counted_exactly_over_a_change_of_the_clock(now: str, edge: str, beyond: str) -> None:
    """Two hours are two hours that pass, whatever the clock on the wall does."""
    assert holds("in_last", "2 hours", edge, now=now, zone="Europe/Berlin")
    assert not holds("in_last", "2 hours", beyond, now=now, zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "first", "before"),
    [
        # 23 hours: the day before the change begins at 23:00 UTC, the day of the change as well
        ("2026-03-29T21:59:00Z", "2026-03-27T23:00:00Z", "2026-03-27T22:59:59Z"),
        ("2026-03-30T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-28T22:59:59Z"),
        # 25 hours: the day of the change begins at 22:00 UTC
        ("2026-10-26T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-24T21:59:59Z"),
        ("2026-10-25T22:59:00Z", "2026-10-23T22:00:00Z", "2026-10-23T21:59:59Z"),
    ],
)
def test_days_begin_at_midnight_in_the_zone_whatever_their_length(now: str, first: str, before: str) -> None:
    """In the last day: from the beginning of yesterday in Berlin, though days there have 23 or 25 hours."""
    assert holds("in_last", "1 day", first, now=now, zone="Europe/Berlin")
    assert not holds("in_last", "1 day", before, now=now, zone="Europe/Berlin")


def test_an_hour_that_comes_twice_is_told_apart() -> None:
    """When the clock goes back, 02:30 comes twice; before and after go by what passed, not by the hands."""
    first, second = "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"
    asked = {"now": "2026-10-25T12:00:00Z", "zone": "Europe/Berlin"}

    # a document without an offset means the first of the two
    assert holds("on_or_before", "2026-10-25T02:30", first, **asked)
    assert not holds("on_or_before", "2026-10-25T02:30", second, **asked)
    assert holds("after", first, "2026-10-25T02:30:00+01:00", **asked)


def test_a_day_is_compared_with_a_time_by_its_beginning() -> None:
    """Where only a day is known of a datetime, and a time is asked for, it counts from its first moment."""
    asked = {"now": "2026-03-09T12:00:00Z", "zone": "Europe/Berlin"}

    assert holds("before", "2026-03-09T00:01", "2026-03-09", **asked)
    assert not holds("before", "2026-03-09T00:00", "2026-03-09", **asked)
    assert holds("in_last", "13 hours", "2026-03-09", **asked)
    assert not holds("in_last", "12 hours", "2026-03-09", **asked)


def test_a_date_keeps_its_day_in_every_zone() -> None:
    """A date that comes with a time is the day that is written; no zone makes another of it."""
    asked = {"now": "2026-03-09T12:00:00Z", "zone": "America/Los_Angeles"}

    assert holds("on_day", "2026-03-09", "2026-03-09T00:00:00Z", kind="date", **asked)
    assert not holds("on_day", "2026-03-09", "2026-03-09T00:00:00Z", kind="datetime", **asked)
