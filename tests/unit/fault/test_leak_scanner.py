"""The leak scanner finds what was planted, in every form, and nothing where nothing is."""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fault.leaks.scanner import CREDENTIALS, Canary, Declared, Place, scan

NAME = 'Zoë "Quillon" O\'Vexley/Ünal'
SECRET = "kQ7+zT/9w_4mPz-XbV2s"

FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "lower case": str.lower,
    "capitals": str.upper,
    "case-folded": str.casefold,
    "JSON": json.dumps,
    "JSON with letters": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps({"message": json.dumps({"detail": value})}),
    "JSON in JSON in JSON": lambda value: json.dumps(json.dumps(json.dumps([value]))),
    "Python": repr,
    "Python bytes": lambda value: repr(value.encode()),
    "address": lambda value: quote(value, safe=""),
    "address in small letters": lambda value: quote(value, safe="").lower(),
    "path": quote,
    "form": quote_plus,
    "address twice": lambda value: quote(quote(value, safe=""), safe=""),
    "HTML": html.escape,
    "reversed": lambda value: value[::-1],
    "cut off": lambda value: value[:13] + "...",
    "hex": lambda value: value.encode().hex(),
    "hex in capitals": lambda value: value.encode().hex().upper(),
    "spaced hex": lambda value: value.encode().hex(" "),
    "md5": lambda value: hashlib.md5(value.encode(), usedforsecurity=False).hexdigest(),
    "sha1": lambda value: hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda value: hashlib.sha256(value.encode()).hexdigest(),
    "sha256 of small letters": lambda value: hashlib.sha256(value.lower().encode()).hexdigest(),
    "base64 of UTF-8": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 of capitals": lambda value: base64.b64encode(value.upper().encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [NAME, SECRET], ids=["name", "secret"])
def test_a_value_is_found_in_every_form(form: str, value: str) -> None:
    """Planted in the middle of a line, in one form after the other, the value is reported once with its place."""
    written = f"2026-01-01 INFO something={FORMS[form](value)}; more".encode()
    (leak,) = scan([Place("logs/x", written), Place("logs/y", b"nothing here")], [Canary("it", value)])
    assert (leak.place, leak.what) == ("logs/x", "it")


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url"])
@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("after", range(4))
def test_a_value_is_found_inside_base64_wherever_it_begins(
    alphabet: Callable[[bytes], bytes], before: int, after: int
) -> None:
    """All alignments, both alphabets, with any neighbours inside the encoded text."""
    encoded = alphabet(b"\xff" * before + NAME.encode() + b"\xfe" * after)
    assert scan([Place("queue", b"{" + encoded + b"}")], [Canary("it", NAME)])


@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F), min_size=8, max_size=40),
    st.sampled_from(sorted(FORMS)),
)
def test_any_value_is_found_in_any_form(value: str, form: str) -> None:
    """Letters of several alphabets, quotes, backslashes, percent signs: whatever a value consists of."""
    assert scan([Place("logs", f"a {FORMS[form](value)} b".encode())], [Canary("it", value)])


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("+49 170 555 0199", "as it was"),
        ("+49-170-555-0199", "other separators"),
        ('{"phone": 491705550199}', "as a number"),
    ],
)
def test_a_telephone_number_is_found_as_digits(written: str, what: str) -> None:
    """A number is no secret less for lacking its blanks."""
    del what
    digits = "".join(character for character in written if character.isdigit())
    assert scan([Place("x", digits.encode())], [Canary("phone", "+49 170 555 0199")])


def test_a_value_in_a_name_is_found() -> None:
    """Object keys, item keys and log streams are written too."""
    place = Place("s3/bucket/jo%40example.com.csv", b"")
    assert [leak.what for leak in scan([place], [Canary("email", "jo@example.com")])] == ["email"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("token 6a1f0c9e-3a55-4f4e-9a0b-1f6a1b2c3d4e:sj", "Marketo token"),
        ("00D5g000004XyZ1!AQ4AQFk0abcdefghijklmnop", "Salesforce session"),
        ("sid=00D!0123456789abcdef0123", "Salesforce session"),
        ("assertion=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjbGllbnQifQ.c2ln", "assertion"),  # pragma: allowlist secret
        ('{"Authorization": "Bearer abcdef"}', "bearer header"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "private key"),  # pragma: allowlist secret
    ],
)
def test_what_looks_like_a_credential_is_found_unplanted(text: str, what: str) -> None:
    """Tokens that nobody told the scanner about are recognised by their looks."""
    assert [leak.what for leak in scan([Place("logs", text.encode())], [])] == [what]
    assert what in CREDENTIALS


def test_only_what_a_place_is_declared_to_hold_is_allowed_there() -> None:
    """A declaration allows one kind of value in one kind of place, nothing else."""
    canaries = [Canary("email", "jo@example.com"), Canary("key", SECRET, "secret")]
    text = f"jo@example.com {SECRET}".encode()
    places = [Place("table/lane/payload", text), Place("table/log/message", text)]
    declared = [Declared("table/lane/*", "personal", "an open execution")]
    found = {(leak.place, leak.what) for leak in scan(places, canaries, declared)}
    assert found == {
        ("table/lane/payload", "key"),
        ("table/log/message", "email"),
        ("table/log/message", "key"),
    }


def test_text_without_canaries_is_clean() -> None:
    """Ordinary lines, binary data and near misses raise nothing."""
    places = [
        Place("logs", b'{"level":"INFO","message":"lane drained","lane":"salesforce-demo"}'),
        Place("s3/zip", gzip.compress(b"x" * 1000) + bytes(range(256))),
        Place("near", "Zoë Quillon".encode() + b" 00D5g000004XyZ1 Bearer eyJ kQ7+zT/9w_4mPz"),
    ]
    assert scan(places, [Canary("name", NAME), Canary("secret", "Z" + SECRET, "secret")]) == []


def test_a_canary_that_chance_would_find_is_refused() -> None:
    """A short value stands in many texts."""
    with pytest.raises(ValueError, match="by chance"):
        Canary("short", "Jo")
