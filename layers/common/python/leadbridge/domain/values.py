"""Typing of values: Marketo sends every token as text, the destination field's Describe says what it must be."""

import re
from datetime import UTC, date, datetime
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
#: one @, something on both sides, a dot in the domain, no blanks; stricter checks are the vendor's
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


class WrongTypeError(ValueError):
    """A value cannot become the field's type; carries type words only, never the value."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"{expected} expected, {found} given")
        self.expected = expected
        self.found = found


def blank(value: Any) -> bool:
    """Whether `value` means "no value": null, or text of nothing but white space (how Marketo renders blanks)."""
    return value is None or (isinstance(value, str) and not value.strip())


def kind(value: Any) -> str:
    """A word for what `value` is, fit for a message: it tells type and length, not content."""
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "a number"
    return f"a text of {len(str(value))} characters"


def coerce(value: Any, described: FieldDescription) -> Any:
    """`value` as the JSON value that `described` takes.

    Raises:
        WrongTypeError: The text is not a number, date or true/false as the field needs.
    """
    if described.type == "boolean":
        return _boolean(value)
    if described.type in INTEGER_TYPES:
        return _integer(value)
    if described.type in NUMBER_TYPES:
        return _number(value)
    if described.type == "date":
        return _date(value)
    if described.type == "datetime":
        return _datetime(value)
    return _record_id(value) if described.type in ID_TYPES else text(value)


def text(value: Any) -> str:
    """`value` as text: booleans and numbers as JSON writes them, text untouched."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


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
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    try:
        return known[text(value).strip().casefold()]
    except KeyError:
        raise WrongTypeError("true or false", kind(value)) from None


def _decimal(value: Any, expected: str) -> Decimal:
    if isinstance(value, bool):
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
    number = _decimal(value, "a whole number")
    if number != number.to_integral_value():
        raise WrongTypeError("a whole number", kind(value))
    return int(number)


def _number(value: Any) -> int | float:
    number = _decimal(value, "a number")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(value: Any) -> str:
    written = text(value).strip()
    try:
        return (
            date.fromisoformat(written) if len(written) <= 10 else datetime.fromisoformat(written).date()
        ).isoformat()
    except ValueError:
        raise WrongTypeError("a date (yyyy-mm-dd)", kind(value)) from None


def _datetime(value: Any) -> str:
    try:
        moment = datetime.fromisoformat(text(value).strip())
    except ValueError:
        raise WrongTypeError("a date and time (ISO 8601)", kind(value)) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
