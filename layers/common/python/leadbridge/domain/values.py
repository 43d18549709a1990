"""Typing of values: Marketo sends every token as text, the destination field's Describe says what it must be."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import FieldDescription

NUMBER_TYPES = frozenset({"double", "currency", "percent", "float", "score"})
INTEGER_TYPES = frozenset({"int", "integer", "long"})
TEXT_TYPES = frozenset(
    {"string", "email", "phone", "url", "textarea", "picklist", "combobox", "id", "reference", "text"}
)
#: hold a Salesforce id, of which two spellings mean the same record
ID_TYPES = frozenset({"id", "reference"})
#: decimal places before the point beyond which no vendor field holds a number
MAGNITUDE = 30
#: characters of a number without sign and exponent that a float holds as it is written
_EXACT = 15
#: texts that mean true or false to every field
BOOLEAN_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
#: one @, something on both sides, a dot in the domain, no blanks; stricter checks are the vendor's
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class WrongTypeError(ValueError):
    """A value cannot become the field's type; carries type words only, never the value."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"{expected} expected, {found} given")
        self.expected = expected
        self.found = found


def family(described: FieldDescription) -> str:
    """What kind of values a field holds: fields of one kind can be copied to each other as they are."""
    if described.type in NUMBER_TYPES | INTEGER_TYPES:
        return "number"
    return "text" if described.type in TEXT_TYPES else described.type


def blank(value: Any) -> bool:
    """Whether `value` means "no value": null, or text of nothing but white space (how Marketo renders blanks)."""
    return not value.strip() if isinstance(value, str) else value is None


def kind(value: Any) -> str:
    """A word for what `value` is, fit for a message: it tells type and length, not content."""
    word = type_word(value)
    return f"a text of {len(str(value))} characters" if word == "a text" else word


def type_word(value: Any) -> str:
    """A word for the type of `value` alone, fit for a trace that is kept."""
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float | Decimal):
        return "a number"
    if isinstance(value, datetime):
        return "a date and time"
    return "a date" if isinstance(value, date) else "a text"


def coerce(value: Any, described: FieldDescription) -> Any:
    """`value` as the JSON value that `described` takes.

    Raises:
        WrongTypeError: The text is not a number, date or true/false as the field needs.
    """
    return coercion(described)(value)


def coercion(described: FieldDescription, zone: tzinfo = UTC) -> Callable[[Any], Any]:
    """`coerce` for one field, chosen once; `zone` is that in which a day begins where the field takes a time."""
    if described.type == "boolean":
        return _boolean
    if described.type in INTEGER_TYPES:
        return _integer
    if described.type in NUMBER_TYPES:
        return _number
    if described.type == "date":
        return _date
    if described.type == "datetime":
        return lambda value: _datetime(value, zone)
    return _record_id if described.type in ID_TYPES else text


def text(value: Any) -> str:
    """`value` as text: booleans and numbers as JSON writes them, dates as ISO 8601, text untouched."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    # never with an exponent, which no vendor's text field is read with
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def plain(value: Any) -> Any:
    """`value` as a JSON value, where no description says which."""
    if isinstance(value, Decimal):
        return _number(value)
    return text(value) if isinstance(value, date) else value


def normalised(value: Any) -> str:
    """The form in which identifiers are compared: trimmed and case-folded, as both vendors compare text."""
    return text(value).strip().casefold()


def valid_identifier(value: Any, described: FieldDescription) -> bool:
    """Whether `value` can identify a record in the described field."""
    if described.type == "email":
        return EMAIL.fullmatch(text(value).strip()) is not None
    if described.type in ID_TYPES:
        # the vendor refuses a whole query for one text that is no id
        return is_id(text(value).strip())
    try:
        coerce(value, described)
    except WrongTypeError:
        return False
    return True


def _record_id(value: Any) -> str:
    """An id in the spelling that the vendor answers; what is none stays, for the vendor to name it."""
    found = text(value).strip()
    return canonical(found) if is_id(found) else text(value)


def _boolean(value: Any) -> bool:
    # most come as they stand in the table
    if isinstance(value, str) and value in BOOLEAN_WORDS:
        return BOOLEAN_WORDS[value]
    if isinstance(value, bool):
        return value
    try:
        return BOOLEAN_WORDS[text(value).strip().casefold()]
    except KeyError:
        raise WrongTypeError("true or false", kind(value)) from None


def decimal(value: Any, expected: str) -> Decimal:
    """The number that `value` is, or that its text writes in the way of JSON.

    Raises:
        WrongTypeError: It is none, or larger than any field holds.
    """
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) and isinstance(value, bool | date):
        raise WrongTypeError(expected, kind(value))
    written = text(value).strip()
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise WrongTypeError(expected, kind(value)) from None
    # `1e999999999` would fill the memory with digits, and Python alone reads `1_000` as a number
    if not number.is_finite() or number.adjusted() > MAGNITUDE or "_" in written:
        raise WrongTypeError(expected, kind(value))
    return number


def _integer(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal() and len(value) <= MAGNITUDE:
        return int(value)  # what most are, in a tenth of the time
    number = decimal(value, "a whole number")
    if number != number.to_integral_value():
        raise WrongTypeError("a whole number", kind(value))
    return int(number)


def _number(value: Any) -> int | float:
    if isinstance(value, str) and len(value) <= _EXACT and value.isascii() and value.replace(".", "", 1).isdigit():
        found = float(value)  # what most are, in a third of the time
        return int(found) if found.is_integer() else found
    number = decimal(value, "a number")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(value: Any) -> str:
    if not isinstance(value, str) and isinstance(value, date):
        return (value.date() if isinstance(value, datetime) else value).isoformat()
    written = text(value).strip()
    try:
        return (
            date.fromisoformat(written) if len(written) <= 10 else datetime.fromisoformat(written).date()
        ).isoformat()
    except ValueError:
        raise WrongTypeError("a date (yyyy-mm-dd)", kind(value)) from None


def _datetime(value: Any, zone: tzinfo) -> str:
    try:
        if not isinstance(value, date):
            return _instant(datetime.fromisoformat(text(value).strip()))
        return _instant(value if isinstance(value, datetime) else datetime.combine(value, time(), zone))
    except (ValueError, OverflowError):  # the latter where a zone leads out of the years 1 to 9999
        raise WrongTypeError("a date and time (ISO 8601)", kind(value)) from None


def _instant(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
