"""One value at a time: what JSON type a field takes, what it stores, and what it refuses.

Reading (`read`) fails like a JSON parser does; checking (`check`) fails like the record it belongs to.
"""

import math
import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from simulator.salesforce.exceptions import ParseError, RowError
from simulator.salesforce.schema import NUMBER_TYPES, TEXT_TYPES, Field

_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)")
# beyond every field's range, and beyond what arithmetic with floats takes
_HUGE = 10**30
# the platform strips these, but not a no-break space
_STRIPPED = " \t\r\n\f\v"


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """Return a dateTime as the platform shows it: UTC, whole seconds, an offset without a colon."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read(field: Field, value: Any) -> Any:
    """Turn a JSON value into what the field holds.

    Text loses its outer white space, and empty text is null.

    Raises:
        ParseError: The JSON type does not fit the field.
    """
    if value is None:
        if field.type == "boolean":
            raise _unreadable(field, value)
        return None
    if field.type == "boolean":
        if isinstance(value, bool):
            return value
    elif field.type in NUMBER_TYPES:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(field, value)
    elif isinstance(value, str):
        return _read_text(field, value)
    raise _unreadable(field, value)


def check(field: Field, value: Any) -> None:
    """Refuse a value that has the right type but breaks a rule of the field.

    Raises:
        RowError: Too long, not an e-mail address, out of range, or not of the restricted picklist.
    """
    if value is None:
        if field.restricted and field.default is not None:
            message = f"{field.name}: bad value for restricted picklist field: null"
            raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])
        return
    if field.type in NUMBER_TYPES:
        if abs(value) >= 10 ** (field.precision - field.scale):
            message = f"{field.name}: value outside of valid range on numeric field: {value}"
            raise RowError("NUMBER_OUTSIDE_VALID_RANGE", message, [field.name])
        return
    if field.type not in TEXT_TYPES:
        return
    if len(value) > field.length:
        message = f"{field.name}: data value too large: {value} (max length={field.length})"
        raise RowError("STRING_TOO_LONG", message, [field.name])
    if field.type == "email" and not is_email(value):
        message = f"{field.name}: invalid email address: {value}"
        raise RowError("INVALID_EMAIL_ADDRESS", message, [field.name])
    if field.restricted and value not in field.values:
        message = f"{field.name}: bad value for restricted picklist field: {value}"
        raise RowError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [field.name])


def is_email(text: str) -> bool:
    """Say whether an e-mail field takes this address."""
    local = text.partition("@")[0]
    return bool(_EMAIL.fullmatch(text)) and not (local.startswith(".") or local.endswith(".") or ".." in local)


def _number(field: Field, value: float) -> float:
    """Cut the decimals that the field does not have."""
    if abs(value) >= _HUGE:
        return value
    if math.isnan(value):
        raise _unreadable(field, value)
    if field.type == "int":
        if value != int(value):
            raise _unreadable(field, value)
        return int(value)
    factor = 10**field.scale
    cut = math.trunc(round(value * factor, 6)) / factor
    return float(cut)


def _read_text(field: Field, value: str) -> str | None:
    text = value.strip(_STRIPPED)
    if field.type == "date":
        if not text:
            return None
        try:
            # a dateTime for a date field keeps its day
            return date.fromisoformat(text[:10] if _DATE_TIME.fullmatch(text) else _whole(_DATE, text)).isoformat()
        except ValueError:
            raise _unreadable(field, value) from None
    if field.type == "datetime":
        if not text:
            return None
        try:
            return stamp(datetime.fromisoformat(_whole(_DATE_TIME, text)))
        except ValueError:
            raise _unreadable(field, value) from None
    return text or None


def _whole(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text


def _unreadable(field: Field, value: Any) -> ParseError:
    tokens = {
        str: "VALUE_STRING",
        int: "VALUE_NUMBER_INT",
        float: "VALUE_NUMBER_FLOAT",
        type(None): "VALUE_NULL",
    }
    token = tokens.get(type(value))
    if isinstance(value, bool):
        token = "VALUE_TRUE" if value else "VALUE_FALSE"
    elif token is None:
        token = "START_ARRAY" if isinstance(value, list) else "START_OBJECT"
    shown = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if token.startswith("START"):
        shown = "[" if token.endswith("ARRAY") else "{"
    message = (
        f"Cannot deserialize instance of {field.type} from {token} value {shown} "
        "or request may be missing a required field at [line:1, column:1]"
    )
    return ParseError("JSON_PARSER_ERROR", message)
