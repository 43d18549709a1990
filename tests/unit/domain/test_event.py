"""Events as values, and the form in which instants are stored."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from leadbridge.domain.event import VERSION, instant, iso, readable
from tests.builders.events import a_payload, an_event


@pytest.mark.parametrize(
    ("version", "expected"),
    [(VERSION, True), (VERSION - 1, True), (VERSION + 1, False), (VERSION - 2, False), (None, False), ("x", False)],
)
def test_this_version_and_the_one_before_are_readable(version: object, expected: bool) -> None:  # a table
    """Readers accept N and N-1 and nothing else."""
    assert readable(version) is expected


def test_instants_are_stored_in_utc_with_milliseconds() -> None:
    """Whatever the zone, an instant is stored in one form that sorts as time does, and read as the same instant."""
    at = datetime(2026, 3, 2, 13, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=1)))

    assert iso(at) == "2026-03-02T12:00:00.123Z"
    assert instant(iso(at)) == datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC)
    assert iso(at) < iso(at + timedelta(milliseconds=1))


def test_an_event_evolves_into_a_copy() -> None:
    """A changed event is a new value; the lead id is the payload's."""
    event = an_event(payload=a_payload(42))

    assert (event.evolve(attempts=3).attempts, event.attempts) == (3, 0)
    assert event.lead_id == 42
