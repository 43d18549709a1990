"""Relative date literals of SOQL: which days `TODAY` or `LAST_N_DAYS:30` stand for.

Source: SOQL reference, date formats and date literals; `LAST_N_DAYS:n` includes the present day, the literals
of whole weeks, months, quarters and years leave the present one out. A week begins on Sunday.
"""

import re
from datetime import date, timedelta

from simulator.salesforce.exceptions import ApiError

EXPRESSION = re.compile(
    r"(?:(?:LAST|NEXT)_N_(?:DAY|WEEK|MONTH|QUARTER|YEAR)S:\d+|N_(?:DAY|WEEK|MONTH|QUARTER|YEAR)S_AGO:\d+"
    r"|TODAY|YESTERDAY|TOMORROW|(?:LAST|NEXT)_90_DAYS|(?:LAST|THIS|NEXT)_(?:WEEK|MONTH|QUARTER|YEAR))(?!\w)",
    re.IGNORECASE,
)
_DAY = timedelta(days=1)
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_MAX_COUNT = 9_999


def span(text: str, today: date) -> tuple[date, date]:
    """Return the first day of a literal and the day after its last.

    Raises:
        ApiError: MALFORMED_QUERY, the literal reaches beyond the calendar.
    """
    name, _, number = text.upper().partition(":")
    count = int(number) if number else 1
    if count > _MAX_COUNT:
        raise ApiError(400, "MALFORMED_QUERY", f"Invalid date literal: {text}")
    try:
        return _span(name, count, today)
    except (ValueError, OverflowError):
        raise ApiError(400, "MALFORMED_QUERY", f"Invalid date literal: {text}") from None


def _span(name: str, count: int, today: date) -> tuple[date, date]:
    days = {
        "TODAY": (0, 1),
        "YESTERDAY": (-1, 0),
        "TOMORROW": (1, 2),
        "LAST_90_DAYS": (-90, 1),
        "NEXT_90_DAYS": (1, 91),
        "LAST_N_DAYS": (-count, 1),
        "NEXT_N_DAYS": (1, count + 1),
        "N_DAYS_AGO": (-count, 1 - count),
    }
    if name in days:
        first, after = days[name]
        return today + first * _DAY, today + after * _DAY
    words = name.split("_")
    sides = {"LAST": (-count, 0), "THIS": (0, 1), "NEXT": (1, 1 + count), "N": (-count, 1 - count)}
    first, after = sides[words[0]]
    return _units(words[1] if words[0] == "N" else words[-1], today, first, after)


def _units(unit: str, today: date, first: int, after: int) -> tuple[date, date]:
    """Return the span between two whole weeks, months, quarters or years, counted from the present one."""
    unit = unit.removesuffix("S")
    if unit == "WEEK":
        sunday = today - _DAY * (today.isoweekday() % 7)
        return sunday + 7 * first * _DAY, sunday + 7 * after * _DAY
    months = _MONTHS[unit]
    start = today.year * 12 + (today.month - 1) // months * months
    return _month(start + first * months), _month(start + after * months)


def _month(index: int) -> date:
    year, month = divmod(index, 12)
    return date(year, month + 1, 1)
