"""How Marketo writes dates, null, booleans and percents: the one place that knows.

Source: Marketo REST API, "Field Types", "Bulk Lead Extract", and answers recorded by other integrations.

- Instants: whole seconds, stored and compared; we send UTC with "Z". Assets read back with a stray "+0000".
- Null: `null` and an empty text both clear a field; a field left out stays as it is. What says so in a cell of a
  file is known to `leadbridge.files.cells`, which gives None for it.
- Booleans have no null: cleared or never set reads as false.
- Percents are bare numbers, with decimals where exports show them; "12%" is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from leadbridge.domain import values
from leadbridge.domain.records import FieldDescription

_STRAY = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+Z)\+0000")
_TRUE = frozenset({"true", "1", "yes"})


def timestamp(at: datetime) -> str:
    """An instant as filters and bodies take it.

    Raises:
        ValueError: The instant has no time zone: it would mean another moment on another machine.
    """
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def instant(text: str) -> datetime:
    """A Marketo time as an aware instant; one without an offset is UTC."""
    read = datetime.fromisoformat(unstray(text))
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def unstray(text: str) -> str:
    """A time as assets write it, without the superfluous offset behind its "Z"."""
    found = _STRAY.fullmatch(text)
    return found[1] if found else text


def to_send(value: Any, described: FieldDescription) -> Any:
    """A value as the JSON of a write wants it; None clears the field.

    Raises:
        WrongTypeError: The value cannot become the field's type.
    """
    if values.blank(value):
        return False if described.type == "boolean" else None
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if described.type == "percent" and isinstance(value, str):
        value = value.strip().removesuffix("%").strip()
    return values.coerce(value, described)


def read(value: Any, data_type: str) -> Any:
    """A value of an answer or of a file's cell in its own type: numbers, aware instants and days; no null booleans.

    Raises:
        ValueError: A text that is no number, day or time as the type needs.
    """
    if data_type == "boolean":
        return value if isinstance(value, bool) else str(value).strip().lower() in _TRUE
    if value in (None, ""):
        return None
    return _READERS.get(data_type, str)(value) if isinstance(value, str) else value


def _number(text: str) -> int | float:
    # digits beyond a float's precision stay as they are
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


_READERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(values.INTEGER_TYPES | values.NUMBER_TYPES, _number),
    "datetime": instant,
    "date": _day,
}
