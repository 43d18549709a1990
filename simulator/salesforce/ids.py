"""Record ids: key prefixes, the case-safe suffix, and the normalisation of 15 to 18 characters."""

import re

_SUFFIX_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_PATTERN = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
# three characters of prefix, then the pod and reserved part that every record of one org shares
_ORG_PART = "Hs00"

ORGANIZATION_PREFIX = "00D"
LOCATOR_PREFIX = "01g"
JOB_PREFIX = "750"


def with_suffix(short: str) -> str:
    """Return the 18-character form of a 15-character id.

    The suffix tells which of the characters of each group of five are capitals.
    """
    suffix = ""
    for start in (0, 5, 10):
        group = short[start : start + 5]
        bits = sum(1 << position for position, letter in enumerate(group) if "A" <= letter <= "Z")
        suffix += _SUFFIX_ALPHABET[bits]
    return short + suffix


def normalise(value: str) -> str | None:
    """Return the 18-character form of an id as received, or None when it is not an id.

    Fifteen characters are case-sensitive and accepted; eighteen must end in the right suffix.
    """
    if not _ID_PATTERN.fullmatch(value):
        return None
    full = with_suffix(value[:15])
    return full if len(value) == 15 or full == value else None


class IdSequence:
    """Deterministic ids, one series for each key prefix."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def restart(self, prefix: str) -> None:
        """Begin the series of one key prefix anew."""
        self._next.pop(prefix, None)

    def make(self, prefix: str) -> str:
        """Return the next 18-character id with this key prefix."""
        number = self._next.get(prefix, 0) + 1
        self._next[prefix] = number
        # a stride makes neighbours differ in letters of both cases, as real ids do
        return with_suffix(prefix + _ORG_PART + _base62(number * 1009 + 917_132_831, 8))


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
