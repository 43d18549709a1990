"""Dates, null, booleans and percents as Marketo writes them."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import WrongTypeError
from leadbridge.vendors.marketo.values import instant, read, timestamp, to_send

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-02T12:00:00Z", NOON),
        ("2026-03-02T12:00:00Z+0000", NOON),
        ("2026-03-02T12:00:00+0000", NOON),
        ("2026-03-02T06:00:00-06:00", NOON),
        ("2026-03-02T12:00:00.000Z", NOON),
        ("2026-03-02T12:00:00", NOON),
    ],
)
def test_every_way_in_which_marketo_writes_an_instant_is_read(text: str, at: datetime) -> None:
    """Lead database, assets with their stray offset, old samples, milliseconds, none: the same instant, aware."""
    assert instant(text) == at
    assert instant(text).tzinfo is not None


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_way_to_marketo_and_back_in_whole_seconds(at: datetime) -> None:
    """What is sent has no fraction and comes back as the same second."""
    assert "." not in timestamp(at)
    assert instant(timestamp(at)) == at.replace(microsecond=0)


def test_an_instant_is_sent_in_utc_and_one_without_a_zone_is_refused() -> None:
    """A local time means another moment on another machine."""
    assert timestamp(datetime(2026, 3, 2, 13, 0, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-02T12:00:00Z"
    with pytest.raises(ValueError, match="without a time zone"):
        timestamp(NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("data_type", "value", "sent"),
    [
        ("string", None, None),
        ("string", "", None),
        ("string", "  ", None),
        ("string", "null", "null"),
        ("boolean", None, False),
        ("boolean", "", False),
        ("boolean", "yes", True),
        ("boolean", False, False),
        ("percent", "12%", 12),
        ("percent", "12.5 %", 12.5),
        ("percent", 7, 7),
        ("integer", "3", 3),
        ("integer", 0, 0),
        ("float", "1e2", 100),
        ("date", date(2026, 3, 2), "2026-03-02"),
        ("date", "2026-03-02T12:00:00Z", "2026-03-02"),
        ("datetime", NOON.replace(microsecond=999_999), "2026-03-02T12:00:00Z"),
        ("datetime", "2026-03-02T12:00:00+01:00", "2026-03-02T11:00:00Z"),
    ],
)
def test_a_value_is_sent_as_its_field_takes_it(data_type: str, value: Any, sent: Any) -> None:
    """Blank clears, but a boolean becomes false; a percent is a bare number; instants have whole seconds."""
    found = to_send(value, FieldDescription(name="f", type=data_type))
    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize(
    ("data_type", "value"), [("percent", "much"), ("integer", "1.5"), ("boolean", "perhaps"), ("datetime", "soon")]
)
def test_a_value_that_the_field_cannot_hold_is_refused_without_naming_it(data_type: str, value: str) -> None:
    """The text tells types and lengths, never the value."""
    with pytest.raises(WrongTypeError) as refused:
        to_send(value, FieldDescription(name="f", type=data_type))
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("data_type", "value", "found"),
    [
        ("boolean", None, False),
        ("boolean", "", False),
        ("boolean", "true", True),
        ("boolean", "1", True),
        ("boolean", "false", False),
        ("boolean", True, True),
        ("string", None, None),
        ("string", "", None),
        ("string", "null", "null"),
        ("string", "2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z"),
        ("percent", "12.50", 12.5),
        ("percent", 12.5, 12.5),
        ("score", "-7", -7),
        ("integer", "12345678901234567890", 12_345_678_901_234_567_890),
        ("currency", "1e3", 1_000.0),
        ("date", "2026-03-02", date(2026, 3, 2)),
        ("datetime", "2026-03-02T12:00:00Z", NOON),
        ("datetime", "2026-03-02T12:00:00Z+0000", NOON),
        ("a type of tomorrow", "x", "x"),
    ],
)
def test_a_value_of_an_answer_or_a_file_is_read_in_its_type(data_type: str, value: Any, found: Any) -> None:
    """Null stays null except for booleans; numbers keep their digits, percents their decimals."""
    assert (read(value, data_type), type(read(value, data_type))) == (found, type(found))
