"""Finds planted values in whatever text they may hide in, in every form that a program might give them.

The scanner knows nothing of the product and nothing of how it masks. A *canary* is a value that nobody else uses;
a *place* is one piece of what a deployment wrote, with a name that says where. A finding is a leak unless the place
is declared to hold that kind of value.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from urllib.parse import quote, quote_plus

#: shorter ones would be found by chance
SHORTEST = 8
#: of a longer value this much of its beginning is a leak too, because texts are cut off
BEGINNING = 12
#: characters on each side of a finding that are shown
AROUND = 30

#: what looks like a credential, whoever planted it
CREDENTIALS: dict[str, re.Pattern[bytes]] = {
    "assertion": re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ?[A-Za-z0-9_-]{10,}\.?"),
    "Salesforce session": re.compile(rb"\b00D[A-Za-z0-9]{0,15}(?:!|%21)[A-Za-z0-9._]{16,}"),
    "Marketo token": re.compile(rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::|%3[aA])[a-z]{2}\b"),
    "bearer header": re.compile(rb"(?i)authorization[\"']?\s*[:=]\s*[\"']?bearer\s+[a-z0-9]"),
    "private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One piece of what was written; `name` reads like a path."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Canary:
    """A value that must not be found; `kind` is `secret` or `personal`."""

    name: str
    value: str
    kind: str = "personal"

    def __post_init__(self) -> None:
        if len(self.value) < SHORTEST:
            raise ValueError(f"{self.name}: a canary of {len(self.value)} characters would be found by chance")

    @cached_property
    def needles(self) -> tuple[tuple[str, bytes, bool], ...]:
        """Form, what to look for, and whether case counts; the same needle only once."""
        found: dict[tuple[bytes, bool], str] = {}
        for form, needle, exact in (*_readable(self.value), *_encoded(self.value)):
            found.setdefault((needle if exact else needle.lower(), exact), form)
        return tuple((form, needle, exact) for (needle, exact), form in found.items() if len(needle) >= SHORTEST)


@dataclass(frozen=True, slots=True)
class Declared:
    """A place that may hold a kind of value, and why; `place` and `canary` are patterns with `*`."""

    place: str
    kind: str
    reason: str
    canary: str = "*"

    def names(self, place: str) -> bool:
        """Whether it speaks of a place."""
        return fnmatchcase(place, self.place)

    def allows(self, place: str, canary: Canary) -> bool:
        """Whether the finding is no leak."""
        return self.names(place) and self.kind in {canary.kind, "*"} and fnmatchcase(canary.name, self.canary)


@dataclass(frozen=True, slots=True)
class Leak:
    """One finding."""

    place: str
    what: str
    form: str
    around: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.form}) in {self.around!r}"


def scan(places: Iterable[Place], canaries: Sequence[Canary], declared: Sequence[Declared] = ()) -> list[Leak]:
    """Every leak: one for each place and canary, whatever number of forms it was found in."""
    looked = []
    for place in places:
        # a name is written too: object keys, log streams, item keys
        content = place.name.encode() + b"\n" + place.content
        looked.append((place.name, content, _folded(content)))
    # most forms stand nowhere at all: looking for those in each of thousands of places takes ten times as long
    as_written, folded = b"\n".join(each[1] for each in looked), b"\n".join(each[2] for each in looked)
    somewhere = [
        (canary, [each for each in canary.needles if each[1] in (as_written if each[2] else folded)])
        for canary in canaries
    ]
    return [leak for each in looked for leak in _leaks(*each, somewhere, declared)]


def _leaks(
    place: str,
    content: bytes,
    folded: bytes,
    canaries: Sequence[tuple[Canary, Sequence[tuple[str, bytes, bool]]]],
    declared: Sequence[Declared],
) -> Iterator[Leak]:
    for canary, needles in canaries:
        for form, needle, exact in needles:
            haystack = content if exact else folded
            at = haystack.find(needle)
            if at >= 0:
                if not any(each.allows(place, canary) for each in declared):
                    yield Leak(place, canary.name, form, _around(haystack, at, at + len(needle)))
                break
    for what, pattern in CREDENTIALS.items():
        hit = pattern.search(content)
        if hit and not any(each.kind in {"secret", "*"} and each.names(place) for each in declared):
            yield Leak(place, what, "by its looks", _around(content, *hit.span()))


def _readable(value: str) -> Iterator[tuple[str, bytes, bool]]:
    """Forms in which a person could still read the value; case does not count."""
    spelt = {
        "raw": value,
        "JSON": json.dumps(value)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(value)[1:-1])[1:-1],
        "JSON in JSON in JSON": json.dumps(json.dumps(json.dumps(value)[1:-1])[1:-1])[1:-1],
        "JSON with letters": json.dumps(value, ensure_ascii=False)[1:-1],
        "Python": repr(value)[1:-1],
        "Python bytes": repr(value.encode())[2:-1],
        "URL": quote(value, safe=""),
        "path": quote(value),
        "form": quote_plus(value),
        "URL twice": quote(quote(value, safe=""), safe=""),
        "HTML": html.escape(value),
        "decimal HTML": "".join(c if c.isalnum() and c.isascii() else f"&#{ord(c)};" for c in value),
        "reversed": value[::-1],
        "capitals": value.upper(),
        "case-folded": value.casefold(),
    }
    if len(value) > BEGINNING:
        spelt["beginning"] = value[:BEGINNING]
    digits = re.sub(r"\D", "", value)
    if len(digits) >= SHORTEST and not re.search(r"[^\W\d]", value):
        spelt["digits"] = digits
    for form, text in spelt.items():
        yield form, _folded(text.encode()), False


def _encoded(value: str) -> Iterator[tuple[str, bytes, bool]]:
    """Forms that a program can turn back."""
    for spelling in dict.fromkeys((value, value.lower(), value.upper())):
        data = spelling.encode()
        for offset in range(3):
            plain = _aligned_base64(data, offset)
            yield f"base64 at {offset}", plain, True
            yield f"base64url at {offset}", plain.translate(bytes.maketrans(b"+/", b"-_")), True
        yield "hex", data.hex().encode(), False
        yield "spaced hex", data.hex(" ").encode(), False
        # an unkeyed hash of a guessable value is the value
        for name in ("md5", "sha1", "sha256"):
            yield name, hashlib.new(name, data, usedforsecurity=False).hexdigest().encode(), False
        yield "sha256 base64", base64.b64encode(hashlib.sha256(data).digest()).rstrip(b"="), True
        yield "UTF-16", data.decode().encode("utf-16-le"), True


def _aligned_base64(data: bytes, offset: int) -> bytes:
    """The part of the encoding that the value alone decides, `offset` bytes after a multiple of three."""
    encoded = base64.b64encode(b"\0" * offset + data)
    return encoded[(8 * offset + 5) // 6 : 8 * (offset + len(data)) // 6]


def _folded(content: bytes) -> bytes:
    return content.decode("utf-8", "replace").casefold().encode() if not content.isascii() else content.lower()


def _around(content: bytes, start: int, end: int) -> str:
    return content[max(0, start - AROUND) : end + AROUND].decode("utf-8", "replace")
