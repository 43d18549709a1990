"""Masking of vendor texts: no value we sent, no e-mail address and no token leaves this package."""

import html
import re
from collections.abc import Iterable, Mapping

MASK = "***"
# shorter values occur inside ordinary words and would shred the text
_SHORTEST = 3
# up to this length a value must stand alone ("Ann" must not eat into "Cannot")
_LONGEST_WORD = 6
# vendors cut long values off: their first characters are enough to recognise one
_PREFIX = 24
_LONGEST_TEXT = 2_000

_EMAIL = re.compile(r"[^\s@<>\"'(),:;=\[\]]{1,64}@[^\s@<>\"'(),:;=\[\]]{1,255}")
_BEARER = re.compile(r"(?i)\b(bearer|oauth)\s+[A-Za-z0-9\-._~+/!:]{8,}=*")
# Salesforce session ids (00D…!…), Marketo tokens (uuid:pod) and three-part JWTs
_TOKEN = re.compile(
    r"\b00D[A-Za-z0-9]{0,15}![A-Za-z0-9._]{8,}"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:[a-z0-9]{2,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)


def leaf_values(sent: object) -> set[str]:
    """Every scalar value inside a request body or parameter set, as text; member names are not values."""
    found: set[str] = set()
    pending = [sent]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            found.add(item)
        elif isinstance(item, Mapping):
            pending.extend(item.values())
        elif isinstance(item, Iterable) and not isinstance(item, bytes):
            pending.extend(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            found.add(str(item))
    return found


def mask(text: str, values: Iterable[str] = ()) -> str:
    """A vendor's text, cut to a readable length, without the values we sent.

    Values are found whatever their case, white space or HTML escaping, the longest first; e-mail addresses
    and tokens are masked even if we did not send them.
    """
    cleaned = " ".join(text[:_LONGEST_TEXT].split())
    for value in sorted(_spellings(values), key=len, reverse=True):
        cleaned = _without(cleaned, value)
    cleaned = _BEARER.sub(rf"\1 {MASK}", cleaned)
    cleaned = _TOKEN.sub(MASK, cleaned)
    return _EMAIL.sub(MASK, cleaned)


def _spellings(values: Iterable[str]) -> set[str]:
    spellings: set[str] = set()
    for value in values:
        plain = " ".join(value.split())
        if len(plain) >= _SHORTEST:
            escaped = plain.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
            spellings.update((plain, html.escape(plain), escaped))
    return spellings


def _without(text: str, value: str) -> str:
    if len(value) <= _PREFIX:
        return _pattern(value).sub(MASK, text)
    parts, rest = [], text
    beginning = _pattern(value[:_PREFIX])
    while (hit := beginning.search(rest)) is not None:
        parts.append(rest[: hit.start()] + MASK)
        rest = rest[hit.start() + _shared_length(rest[hit.start() :], value) :]
    return "".join(parts) + rest


def _pattern(value: str) -> re.Pattern[str]:
    literal = re.escape(value)
    if len(value) <= _LONGEST_WORD:
        literal = rf"(?<!\w){literal}(?!\w)"
    return re.compile(literal, re.IGNORECASE)


def _shared_length(text: str, value: str) -> int:
    length = _PREFIX
    while length < min(len(text), len(value)) and text[length].lower() == value[length].lower():
        length += 1
    return length
