"""Values for Marketo's lead fields that other systems send: their dates in the forms that event streams use.

Marketo takes ISO 8601 alone. What is read here besides it can be read in one way only; a form that depends on the
country (03/04/2026) needs a rule that states its format.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import WrongTypeError, coercion, kind, text

#: seconds since 1970 have ten digits from 2001 to 2286, milliseconds thirteen
_SECONDS, _MILLISECONDS = re.compile(r"-?\d{9,10}(\.\d+)?"), re.compile(r"-?\d{12,13}")
#: a day's name or number, a month's name: RFC 2822
_MAIL_DATE = re.compile(r"([A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d\d:\d\d(:\d\d)?\s+([+-]\d{4}|[A-Z]{1,3})")
_DAY_LENGTH = len("2026-01-31")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lead_coercion(field: FieldDescription, zone: tzinfo) -> Callable[[Any], Any]:
    """How a value becomes what a field of a lead takes; `zone` is that of days."""
    coerce = coercion(field, zone)
    if field.type not in {"date", "datetime"}:
        return coerce

    def dated(value: Any) -> Any:
        if isinstance(value, str):  # what most are
            if field.type == "date":
                if _is_day(value):
                    return value
            elif found := _in_utc(value):
                return found
        read = _instant(value)
        if read is None:
            return coerce(value)
        return coerce(read.astimezone(zone).date() if field.type == "date" else read)

    return dated


def _instant(value: Any) -> datetime | None:
    """The moment that a value names in another form than a plain date; None if it is none that is known here.

    Raises:
        WrongTypeError: It is of a known form, and no moment.
    """
    if isinstance(value, bool | date):
        return None
    written = text(value).strip()
    # year, month, day, as most are: none of the other forms
    if written[4:5] == "-" == written[7:8]:
        return _iso(written)
    try:
        if _SECONDS.fullmatch(written):
            return _EPOCH + timedelta(seconds=float(written))
        if _MILLISECONDS.fullmatch(written):
            return _EPOCH + timedelta(milliseconds=int(written))
        if _MAIL_DATE.fullmatch(written):
            return parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        raise WrongTypeError("a date and time (ISO 8601)", kind(value)) from None
    return _iso(written)


def _is_day(written: str) -> bool:
    """Whether a text is a day as it is sent."""
    if not (len(written) == _DAY_LENGTH and written[4] == "-" == written[7]):
        return False
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True


def _in_utc(written: str) -> str:
    """A moment in UTC as it is sent, if a text names one in the way that most do."""
    if written[10:11] != "T" or not written[4] == "-" == written[7] or not written[13:14] == ":" == written[16:17]:
        return ""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return ""
    return f"{written[:19]}Z" if moment.tzinfo is UTC else ""


def _iso(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written) if len(written) > _DAY_LENGTH else None
    except ValueError:
        raise WrongTypeError("a date and time (ISO 8601)", kind(written)) from None
    # one without an offset is read as everywhere: in UTC, as Marketo means it
    return moment if moment and moment.tzinfo else None
