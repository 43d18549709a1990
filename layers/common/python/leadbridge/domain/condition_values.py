"""Reading values for conditions: what a payload's text, or a document's, is as a number, a day, a time, a domain."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import EMAIL, WrongTypeError, coerce, decimal, normalised

#: words that stand for a day in the Action's zone, as days from today
DAY_WORDS: Mapping[str, int] = {"yesterday": -1, "today": 0, "tomorrow": 1}
#: those whose days can be moved into any zone
_YEARS = range(2, 9999)
_SPAN = re.compile(r"([1-9]\d{0,3}) (hour|day|week|month)s?")
#: how Marketo's asset API writes an instant: an offset behind the "Z"
_STRAY = re.compile(r"(.+Z)\+0000")
_BOOLEAN = FieldDescription(name="", type="boolean")

type Moment = date | datetime  # a datetime is aware and is a moment, a date is a whole day
type Span = tuple[int, str]


class UnreadableError(ValueError):
    """A value cannot be read as its type; carries no value."""


def number(value: Any) -> Decimal:
    """A number, or the text of one.

    Raises:
        UnreadableError: It is none.
    """
    try:
        return decimal(value, "a number")
    except WrongTypeError:
        raise UnreadableError from None


def boolean(value: Any) -> bool:
    """true, false, or a word for them: yes, no, 1, 0.

    Raises:
        UnreadableError: It is none of them.
    """
    try:
        return bool(coerce(value, _BOOLEAN))
    except WrongTypeError:
        raise UnreadableError from None


def domain(value: Any) -> str:
    """The domain of an e-mail address, as it is compared.

    Raises:
        UnreadableError: It is no e-mail address.
    """
    address = normalised(value)
    if not EMAIL.fullmatch(address):
        raise UnreadableError
    return address.rpartition("@")[2]


def moment(value: Any) -> Moment:
    """A day, or a time as Marketo writes it; one without an offset is UTC.

    Raises:
        UnreadableError: It is neither.
    """
    return _moment(value, UTC)


def stamped(value: str) -> datetime | None:
    """The time that a column says; None if it says none."""
    try:
        found = moment(value) if value else None
    except UnreadableError:
        return None
    return found if isinstance(found, datetime) else None


def day(value: Any) -> date:
    """A day; of a time its day as it is written, for a date has no zone.

    Raises:
        UnreadableError: It is neither.
    """
    found = _moment(value, UTC)
    return found.date() if isinstance(found, datetime) else found


def wanted_moment(value: Any, *, zone: tzinfo, words: bool = True) -> Moment | int:
    """What a document names: a day, a time (in the Action's zone where it has no offset), or a word for a day.

    Raises:
        UnreadableError: It is none of them.
    """
    word = day_word(value) if words else None
    return _moment(value, zone) if word is None else word


def day_word(value: Any) -> int | None:
    """How many days from today a word for a day means; None if it is no such word."""
    return DAY_WORDS.get(normalised(value))


def span(value: Any) -> Span:
    """A stretch of time such as `7 days`, as a number and a unit in the singular.

    Raises:
        UnreadableError: It is none.
    """
    found = _SPAN.fullmatch(value.strip().casefold()) if isinstance(value, str) else None
    if found is None:
        raise UnreadableError
    return int(found[1]), found[2]


def _moment(value: Any, zone: tzinfo) -> Moment:
    if not isinstance(value, str):
        raise UnreadableError
    written = value.strip()
    stray = _STRAY.fullmatch(written)
    try:
        if len(written) <= 10:
            found: Moment = date.fromisoformat(written)
        else:
            read = datetime.fromisoformat(stray[1] if stray else written)
            found = read if read.tzinfo else read.replace(tzinfo=zone)
    except ValueError:
        raise UnreadableError from None
    if found.year not in _YEARS:
        raise UnreadableError
    return found
