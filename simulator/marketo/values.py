"""What a value has to look like for a field of each data type, and how it is stored.

Source: marketo.md section 5; where the vendor's documentation is silent the stricter reading is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from simulator.marketo.exceptions import invalid_value
from simulator.marketo.schema import STRING_LENGTH, TEXT_BYTES

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_INTEGER = re.compile(r"[+-]?\d+")
_FLOAT = re.compile(r"[+-]?\d+(\.\d+)?")
_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def read_value(name: str, data_type: str, value: Any) -> Any:
    """Give the value as it is stored; blank and null store null, except that a boolean is never null.

    Raises:
        RowError: 1003, the value does not fit the type.
    """
    if value is None or value == "":
        return False if data_type == "boolean" else None
    if isinstance(value, dict | list):
        raise invalid_value(name, value)
    try:
        reader: Callable[[Any], Any] = _READERS.get(data_type, _read_string)
        return reader(value)
    except ValueError as error:
        raise invalid_value(name, value) from error


def format_time(moment: datetime) -> str:
    """Write a time as the lead database does: whole seconds, UTC, `Z`."""
    return f"{moment.astimezone(UTC).isoformat(timespec='seconds')[:19]}Z"


def _read_string(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > STRING_LENGTH:
        raise ValueError
    return text


def _read_text(value: Any) -> str:
    text = str(value)
    if len(text.encode()) > TEXT_BYTES:
        raise ValueError
    return text


def _read_email(value: Any) -> str:
    if not isinstance(value, str) or len(value) > STRING_LENGTH or not _EMAIL.fullmatch(value):
        raise ValueError
    return value


def _read_integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError
    number = int(value)
    if not -(2**31) <= number < 2**31:
        raise ValueError
    return number


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or (isinstance(value, str) and not _FLOAT.fullmatch(value)):
        raise ValueError
    return float(value)


def _read_boolean(value: Any) -> bool:
    text = str(value).lower()
    if text not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text]


def _read_date(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - every misfit is one kind of refusal
    return date.fromisoformat(value).isoformat()


def _read_datetime(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - every misfit is one kind of refusal
    moment = datetime.fromisoformat(value)
    if moment.utcoffset() is None:
        raise ValueError
    return format_time(moment)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "text": _read_text,
    "email": _read_email,
    "integer": _read_integer,
    "score": _read_integer,
    "float": _read_float,
    "currency": _read_float,
    "percent": _read_float,
    "boolean": _read_boolean,
    "date": _read_date,
    "datetime": _read_datetime,
}
