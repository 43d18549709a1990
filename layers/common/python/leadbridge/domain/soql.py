"""SOQL text: every value goes through `literal`, every name through `identifier`.

Source: SOQL and SOSL reference, "Quoted string escape sequences", "Date formats"; REST API limit of 16,384
bytes for address and headers.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from urllib.parse import quote

# the limit of 16,384 bytes counts the headers too, and a JWT-style token takes 1,200 of them
URI_BYTES = 15_000
LITERAL_CHARACTERS = 4_000

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\b": "\\b",
        "\f": "\\f",
    }
)
_LIKE_ESCAPES = str.maketrans({"%": "\\%", "_": "\\_"})
_NAME = r"[A-Za-z][A-Za-z0-9_]*"
_IDENTIFIER = re.compile(rf"(?=.{{1,255}}\Z){_NAME}(?:\.{_NAME}){{0,5}}")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: an escaped quotation mark does not end a text
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)

type Value = str | bool | int | float | date | datetime | None


def literal(value: Value) -> str:
    """A value as SOQL spells it; text is quoted and escaped.

    Raises:
        ValueError: A time without zone, a number that is none, or text that SOQL cannot hold.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs a zone")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return f"'{_escaped(value)}'"


def like(value: str) -> str:
    """Text as the right side of LIKE, its own percent signs and underscores taken literally."""
    return f"'{_escaped(value).translate(_LIKE_ESCAPES)}'"


def identifier(name: str) -> str:
    """An object, field or relationship path, unchanged, if it is well formed.

    Names come from Describe and configuration, never from a person's data.

    Raises:
        ValueError: It is no API name.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError("not a Salesforce API name")
    return name


def in_list_chunks(field: str, values: Iterable[Value], prefix: str, suffix: str = "") -> Iterator[str]:
    """Queries `{prefix} {field} IN (…) {suffix}` that together cover all values, each short enough to send.

    `prefix` ends with WHERE or AND. Doubled values are asked for once. Text that no query can hold
    (too long, not valid Unicode) cannot be in an identifying field either, and is left out.
    """
    head, tail = f"{prefix} {identifier(field)} IN (", f") {suffix}".rstrip()
    room = URI_BYTES - encoded_length(head + tail)
    items: list[str] = []
    used = 0
    for value in dict.fromkeys(values):
        if isinstance(value, str) and not _holds(value):
            continue
        item = literal(value)
        length = encoded_length(item) + encoded_length(",")
        if length > room:
            continue
        if items and used + length > room:
            yield head + ",".join(items) + tail
            items, used = [], 0
        items.append(item)
        used += length
    if items:
        yield head + ",".join(items) + tail


def literals_of(soql: str) -> list[str]:
    """The quoted texts of a query, so that each can be masked in an answer."""
    return _QUOTED.findall(soql)


def encoded_length(text: str) -> int:
    """Bytes the text takes in an address."""
    return len(quote(text, safe=""))


def _holds(value: str) -> bool:
    return len(value) <= LITERAL_CHARACTERS and not _SURROGATE.search(value)


def _escaped(value: str) -> str:
    if not _holds(value):
        raise ValueError("SOQL cannot hold this text")
    return value.translate(_ESCAPES)


def _number(value: float) -> str:
    text = repr(value)
    if text in ("nan", "inf", "-inf"):
        raise ValueError("not a number")
    return text
