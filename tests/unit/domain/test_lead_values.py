"""Moments of other systems as a lead's field takes them."""

from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import WrongTypeError

MOMENT = lead_coercion(FieldDescription(name="moment", type="datetime"), ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("2026-01-31T12:34:56Z", "2026-01-31T12:34:56Z"),
        ("2026-01-31T12:34:56.999+0000", "2026-01-31T12:34:56Z"),
        ("2026-01-31T12:34:56-00:00", "2026-01-31T12:34:56Z"),
        ("2026-01-31T12:34:56+02:00", "2026-01-31T10:34:56Z"),
        ("2026-01-31T00:34:56+01:00", "2026-01-30T23:34:56Z"),
        ("2026-01-31 12:34:56Z", "2026-01-31T12:34:56Z"),
        (" 2026-01-31T12:34:56Z ", "2026-01-31T12:34:56Z"),
        ("2026-01-31T12:34Z", "2026-01-31T12:34:00Z"),
        ("2026-01-31T12:34:56", "2026-01-31T12:34:56Z"),
    ],
)
def test_a_moment_is_sent_in_utc_whole_seconds_however_it_is_written(written: str, sent: str) -> None:
    """The form that most have is told at a glance, and every other one by its parts."""
    assert MOMENT(written) == sent


@pytest.mark.parametrize("written", ["2026-02-30T12:34:56Z", "2026-01-31T24:00:00Z", "2026-01-31T12:34:60Z"])
def test_what_looks_like_a_moment_and_is_none_is_refused(written: str) -> None:
    """No day, hour or second of that number exists."""
    with pytest.raises(WrongTypeError):
        MOMENT(written)
