"""When a Sync runs: slots, zones whose clocks change, quiet hours, and what is no schedule."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.schedule import Slot, is_too_late, next_slot, problems, slot_of, slots
from tests.builders.syncs import a_sync

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(schedule: dict[str, Any], after: str, until: str, zone: str | None = None) -> list[str]:
    """The slots between two instants."""
    sync = a_sync(schedule=schedule, time_zone=zone)
    return [each.at.strftime("%m-%dT%H:%M") for each in slots(sync, at(after), at(until))]


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "until", "expected"),
    [
        (
            {"every": {"minutes": 15}},
            None,
            "2026-03-09T12:00",
            "2026-03-09T12:45",
            ["03-09T12:15", "03-09T12:30", "03-09T12:45"],
        ),
        (
            {"every": {"minutes": 20}, "start": "2026-03-09T12:05"},
            None,
            "2026-03-09T11:00",
            "2026-03-09T12:50",
            ["03-09T12:05", "03-09T12:25", "03-09T12:45"],
        ),
        (
            {"every": {"hours": 1}, "start": "2026-03-09T12:00", "end": "2026-03-09T14:00"},
            None,
            "2026-03-09T00:00",
            "2026-03-10T00:00",
            ["03-09T12:00", "03-09T13:00", "03-09T14:00"],
        ),
        # days are of the calendar: 08:00 on the wall before and after the clocks change
        (
            {"every": {"days": 1}, "start": "2026-03-28T08:00"},
            BERLIN,
            "2026-03-27T00:00",
            "2026-03-31T00:00",
            ["03-28T07:00", "03-29T06:00", "03-30T06:00"],
        ),
        # 02:30 is skipped on the 29th and becomes 03:30
        (
            {"every": {"days": 1}, "start": "2026-03-28T02:30"},
            BERLIN,
            "2026-03-27T00:00",
            "2026-03-31T00:00",
            ["03-28T01:30", "03-29T01:30", "03-30T00:30"],
        ),
        # 02:30 comes twice on the 25th of October, the first one is meant
        (
            {"every": {"days": 1}, "start": "2026-10-25T02:30"},
            BERLIN,
            "2026-10-24T00:00",
            "2026-10-27T00:00",
            ["10-25T00:30", "10-26T01:30"],
        ),
        # hours pass: the clocks' change moves the time on the wall
        (
            {"every": {"hours": 24}, "start": "2026-03-28T08:00"},
            BERLIN,
            "2026-03-27T00:00",
            "2026-03-31T00:00",
            ["03-28T07:00", "03-29T07:00", "03-30T07:00"],
        ),
        # quiet from 22:00 to 06:00 in Berlin, which is 21:00 to 05:00 in UTC
        (
            {"every": {"hours": 2}, "quiet": [{"from": "22:00", "to": "06:00"}]},
            BERLIN,
            "2026-03-09T18:00",
            "2026-03-10T08:00",
            ["03-09T20:00", "03-10T06:00", "03-10T08:00"],
        ),
        ({"once": "2026-03-09T14:00"}, BERLIN, "2026-03-09T00:00", "2026-03-10T00:00", ["03-09T13:00"]),
        ({"once": "2026-03-09T14:00-05:00"}, BERLIN, "2026-03-09T00:00", "2026-03-10T00:00", ["03-09T19:00"]),
        ({"once": "now"}, None, "2026-03-09T00:00", "2026-03-10T00:00", []),
    ],
)
def test_slots_are_where_the_document_says(
    schedule: dict[str, Any], zone: str | None, after: str, until: str, expected: list[str]
) -> None:
    """Frequency, start, end, zone with its clock changes, quiet hours: each slot of a stretch of time, in UTC."""
    assert starts(schedule, after, until, zone) == expected


@pytest.mark.parametrize(
    ("schedule", "fired", "name"),
    [
        ({"every": {"minutes": 15}}, "2026-03-09T12:15", "20260309T121500Z"),
        ({"every": {"minutes": 15}}, "2026-03-09T12:29", "20260309T121500Z"),
        ({"every": {"minutes": 15}, "start": "2026-03-09T13:00"}, "2026-03-09T12:59", None),
        ({"every": {"minutes": 15}, "end": "2026-03-09T12:00"}, "2026-03-09T12:15", None),
        ({"every": {"minutes": 15}, "quiet": [{"from": "12:00", "to": "13:00"}]}, "2026-03-09T12:15", None),
        ({"every": {"days": 1}, "start": "2026-03-01T09:00"}, "2026-03-09T08:59", "20260308T090000Z"),
        ({"once": "2026-03-09T12:00"}, "2026-03-09T12:01", "20260309T120000Z"),
        ({"once": "2026-03-09T12:00"}, "2026-03-09T11:59", None),
        ({"once": "now"}, "2026-03-09T12:01", "now-v3"),
        (None, "2026-03-09T12:01", None),
    ],
)
def test_a_fire_belongs_to_the_last_slot_that_is_not_later(
    schedule: dict[str, Any] | None, fired: str, name: str | None
) -> None:
    """A late fire and a double one are of the same slot; there is none before the start, after the end, in quiet."""
    found = slot_of(a_sync(schedule=schedule), 3, at(fired))

    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("schedule", "fired", "late"),
    [
        ({"every": {"minutes": 60}}, "2026-03-09T12:15", False),
        ({"every": {"minutes": 60}}, "2026-03-09T12:16", True),
        ({"every": {"hours": 48}}, "2026-03-09T12:00", True),
        # of 02:30, which comes twice on the 25th of October, the first is the slot and the second no other
        ({"every": {"days": 1}, "start": "2026-10-20T02:30"}, "2026-10-25T01:30", False),
        ({"every": {"days": 7}}, "2026-03-05T00:10", False),
        ({"every": {"days": 7}}, "2026-03-07T00:00", True),
        ({"once": "2026-03-09T12:00"}, "2026-04-09T12:00", False),
        ({"once": "now"}, "2026-04-09T12:00", False),
    ],
)
def test_a_fire_long_after_a_slot_is_not_of_it(schedule: dict[str, Any], fired: str, late: bool) -> None:
    """A quarter of an hour, of days an hour more; what runs once is never too late."""
    sync = a_sync(schedule=schedule, time_zone=BERLIN if "start" in schedule else None)
    slot = slot_of(sync, 1, at(fired))

    assert slot is not None
    assert is_too_late(sync, slot, at(fired)) is late


@pytest.mark.parametrize(
    ("schedule", "member", "remedy"),
    [
        ({"every": {"days": 1}, "start": "2026-03-08T06:30:30"}, "schedule.start", "2026-03-08T06:30"),
        ({"once": "2026-03-10T06:30:59.5+01:00"}, "schedule.once", "2026-03-10T06:30+01:00"),
    ],
)
def test_seconds_are_a_finding_and_those_of_old_documents_do_not_count(
    schedule: dict[str, Any], member: str, remedy: str
) -> None:
    """The scheduler fires at whole minutes, and a slot behind its fire would be nobody's."""
    sync = a_sync(schedule=schedule)

    assert list(problems(sync, NOW)) == [
        (member, f"has seconds, and runs begin at whole minutes; write {remedy}"),
    ]
    found = next_slot(sync, NOW)
    assert found is not None
    assert found.at.second == found.at.microsecond == 0
    assert slot_of(sync, 1, found.at) == found


_INTERVALS = st.one_of(
    st.fixed_dictionaries({"minutes": st.integers(1, 3000)}),
    st.fixed_dictionaries({"hours": st.integers(1, 200)}),
    st.fixed_dictionaries({"days": st.integers(1, 40)}),
)
_MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
_CLOCKS = st.times().map(lambda found: found.strftime("%H:%M"))


@given(
    every=_INTERVALS,
    start=st.none() | _MOMENTS,
    quiet=st.none() | st.tuples(_CLOCKS, _CLOCKS).filter(lambda pair: pair[0] != pair[1]),
    zone=st.sampled_from(["UTC", BERLIN, "America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    moment=_MOMENTS,
)
def test_a_slot_is_its_own_whoever_asks(
    every: dict[str, int], start: datetime | None, quiet: tuple[str, str] | None, zone: str, moment: datetime
) -> None:
    """The next slot is later, outside quiet hours, not before the start, and a fire within the interval finds it."""
    schedule: dict[str, Any] = {"every": every}
    if start is not None:
        schedule["start"] = start.replace(second=0, microsecond=0).isoformat()
    if quiet is not None:
        schedule["quiet"] = [{"from": quiet[0], "to": quiet[1]}]
    sync = a_sync(schedule=schedule, time_zone=zone)

    found = next_slot(sync, moment)

    if found is None:
        assert quiet is not None
        return
    assert found.at > moment
    assert start is None or found.at >= start.replace(second=0, microsecond=0)
    assert slot_of(sync, 1, found.at) == found
    assert slot_of(sync, 1, found.at + timedelta(seconds=59)) == found
    assert next_slot(sync, found.at - timedelta(seconds=1)) == found
    if quiet is not None:
        local = found.at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
        low, high = quiet
        assert not (low <= local < high if low < high else local >= low or local < high)


@pytest.mark.parametrize("number", [1, 7, 60])
def test_slots_of_minutes_are_exactly_so_far_apart(number: int) -> None:
    """Each begins one frequency after the one before it."""
    found = list(slots(a_sync(schedule={"every": {"minutes": number}}), NOW, NOW + timedelta(days=1)))

    assert {later.at - earlier.at for earlier, later in pairwise(found)} == {timedelta(minutes=number)}
    assert all(isinstance(each, Slot) for each in found)


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        (None, None, []),
        ({"once": "now"}, None, []),
        ({"once": "2026-03-09T12:01"}, None, []),
        ({"every": {"minutes": 15}, "start": "2026-01-01T00:00", "end": "2026-12-01T00:00"}, None, []),
        (
            {"once": "2026-03-09T12:30"},
            BERLIN,
            [("schedule.once", "is past, so the Sync would never run; give a time that is to come, or `now`")],
        ),
        (
            {"every": {"minutes": 15}, "start": "2026-05-01T00:00", "end": "2026-04-01T00:00"},
            None,
            [("schedule.end", "is not after the start; give a later one")],
        ),
        (
            {"every": {"minutes": 15}, "end": "2026-03-01T00:00"},
            None,
            [("schedule.end", "is past, so the Sync would never run; give one that is to come, or remove it")],
        ),
        (
            {"every": {"days": 7}, "start": "2026-03-08T00:00", "end": "2026-03-10T00:00"},
            None,
            [("schedule.end", "comes before the next run; give a later one")],
        ),
        (
            {"every": {"days": 1}, "start": "2026-03-08T23:00", "quiet": [{"from": "22:00", "to": "06:00"}]},
            None,
            [("schedule.quiet", "leaves no time at which a run could begin; make the quiet hours shorter")],
        ),
    ],
)
def test_a_schedule_that_never_runs_is_told(
    schedule: dict[str, Any] | None, zone: str | None, expected: list[tuple[str, str]]
) -> None:
    """Past times, an end before the start, and quiet hours that leave nothing: the member, and what to do."""
    assert list(problems(a_sync(schedule=schedule, time_zone=zone), NOW)) == expected
