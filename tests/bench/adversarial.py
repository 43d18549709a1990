"""The adversarial file: rows whose values hold what tears careless readers apart, made from a seed.

A quarter of the rows hold one odd value: line ends of every kind inside a field, quotes, NUL, separators that Unicode
or old terminals count as line ends, a mark as at the start of a file, characters of four bytes, words for "nothing".
"""

import csv
import hashlib
import io
import random
from collections.abc import Iterator, Sequence

HEADER = ("email", "firstName", "lastName", "company", "notes")
ROWS = 20_000
SEED = 35
#: of the file that `content` gives for `ROWS` and `SEED`
DIGEST = "2513e6402b6e2c05bd02908a8102c17d1886dc0a227ff0298f658e09fa94f7a1"  # pragma: allowlist secret - a checksum

ODD = {
    "CRLF": "first\r\nsecond",
    "LF": "first\nsecond",
    "both line ends": "first\r\nsecond\nthird",
    "lone CR": "first\rsecond",
    "CR at the end": "last\r",
    "quotes": 'she said "yes"',
    "only a quote": '"',
    "quote and line end": 'a "quoted\r\nline", then',
    "delimiter": "one, two,, three",
    "NUL": "be\0fore",
    "U+2028": "line\u2028separator",
    "U+2029": "paragraph\u2029separator",
    "NEL": "next\u0085line",
    "VT": "vertical\vtab",
    "FF": "form\ffeed",
    "FS": "file\x1cseparator",
    "mark": "\ufeffmarked",
    "four bytes": "\U0001f680\U00020000",
    "accents": "Zoë Ångström",
    "combining": "e\u0301",
    "blanks around": "  padded  ",
    "a formula": "=1+1",
    "null in another case": "Null",
    "almost a word": "null ",
    "almost another": "#N/A!",
    "backslash": "a\\,b\\",
    "semicolon and tab": "a;b\tc",
}


def rows(size: int = ROWS, seed: int = SEED) -> Iterator[list[str]]:
    """The rows without the header; the address is unlike in each and holds nothing odd."""
    chance = random.Random(seed)
    odd = list(ODD.values())
    for number in range(size):
        row = [
            f"person{number}@example.com",
            "ä" * chance.randrange(4) + "x" * chance.randrange(1, 12),
            "y" * chance.randrange(1, 20),
            "漢" * chance.randrange(3) + "z" * chance.randrange(1, 30),
            "lorem ipsum " * chance.randrange(1, 6),
        ]
        if number % 4 == 0:
            value = odd[number // 4 % len(odd)]
            # alone, or in the middle of something
            row[chance.randrange(1, len(row))] = value if chance.random() < 0.5 else f"a{value}z"
        yield row


def content(given: Sequence[Sequence[str]], header: Sequence[str] = HEADER, *, line_end: str = "\n") -> bytes:
    """The file as Marketo writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(given)
    return text.getvalue().encode()


def digest(of: bytes) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(of).hexdigest()
