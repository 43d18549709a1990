"""No value we sent, no address and no token survives in a vendor's text."""

import html
import json
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from leadbridge.vendors.http.redaction import MASK, leaf_values, mask


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("Invalid value 'Zoë Ünal'", ["Zoë Ünal"], "Invalid value '***'"),
        ("value 'ACME gmbh' refused", ["Acme GmbH"], "value '***' refused"),
        ("Cannot save: Ann", ["Ann"], "Cannot save: ***"),
        ("a no is no No", ["no"], "a *** is *** No"),
        ("Is it A or a?", ["A"], "Is it *** or a?"),
        ("5 of 15, 5.", ["5"], "*** of 15, ***."),
        ("key ann_smith, Annabel", ["Ann"], "key ***_smith, Annabel"),
        ("(a+b)* is [a+b]", ["(a+b)*", "[a+b]"], "*** is ***"),
        (r"path \\d+ $1 ^.*", [r"\d+ $1 ^.*"], "path ***"),
        ("STRASSE and straße", ["Straße"], "*** and ***"),
        ("from Zoe Unal", ["Zoë Ünal"], "from ***"),
        ("from Zoe\u0308 U\u0308nal", ["Zoë Ünal"], "from ***"),
        ("q=Zo%C3%AB+%C3%9Cnal&x=1", ["Zoë Ünal"], "q=***&x=1"),
        ("q=Zo%c3%ab%20%c3%9cnal", ["Zoë Ünal"], "q=***"),
        (r'"Zo\u00eb \u00dcnal"', ["Zoë Ünal"], '"***"'),
        ("Zo&euml; &#220;nal, Zo&#xEB; Ünal", ["Zoë Ünal"], "***, ***"),
        ("O&amp;#39;Brien-Meyer &amp;amp; Co", ["O'Brien-Meyer & Co"], "***"),
        (r"R\ud83d\ude80cket Ltd", ["R🚀cket Ltd"], "***"),
        ("100%2525 organic", ["100%25 organic"], "***"),
        ("for jo%40example.org.", [], "for ***"),
        ("on 5/17/1980", ["1980-05-17"], "on ***"),
        ("on Sat May 17 00:00:00 GMT 1980", ["1980-05-17"], "on Sat ***"),
        ("on 17.05.80; 17 May 1980; May 17, 1980", ["1980-05-17T10:00:00Z"], "on ***; ***; ***"),
        ("from 17 May 1980", ["1980-05-17T10:00:00+02:00"], "from ***"),
        ("on 19800517 or 1981-05-17", ["1980-05-17"], "on *** or 1981-05-17"),
        ("number 4,711,000.00 or 4.711E6", ["4711000"], "number *** or ***"),
        ("number 1234.50 or 1.234,5", ["1234.5"], "number *** or ***"),
        ("12, 12.0, 1200, 12a", ["12"], "***, ***, 1200, 12a"),
        ("call (415) 555-0134 or 14155550134", ["+1 415-555-0134"], "call *** or ***"),
        ("Smithson and Smith", ["Smith", "Smithson"], "*** and ***"),
        ("name O&#x27;Brien-Meyer", ["O'Brien-Meyer"], "name ***"),
        ("name O\\'Brien-Meyer", ["O'Brien-Meyer"], "name ***"),
        ("first line second line", ["first line\nsecond line"], "***"),
        ("bad value for e-mail jo.doe+x@example.com, sorry", [], "bad value for e-mail ***, sorry"),
        ("Authorization: Bearer 3b5c7d1f-aaaa", [], "Authorization: Bearer ***"),
        ("token 3b5c7d1f-0000-4000-8000-123456789abc:sj is dead", [], "token *** is dead"),
        ("session 00D000000000001!AQ4AQFk.abcdef", [], "session ***"),
        ("number 4711000 is too large", ["4711000"], "number *** is too large"),
    ],
)
def test_values_addresses_and_tokens_are_masked(text: str, values: list[str], expected: str) -> None:
    """Whole values disappear whatever their spelling; ordinary words around them stay readable."""
    assert mask(text, values) == expected


def test_a_long_value_is_masked_even_if_the_vendor_cuts_it_off() -> None:
    """The first characters of a long value are enough to recognise it, and nothing of it stays."""
    secret = "The quick brown fox jumps over the lazy dog at noon"
    assert mask(f"data value too large: {secret[:40]}... (max length=40)", [secret]) == (
        "data value too large: ***... (max length=40)"
    )


@pytest.mark.parametrize("kept", range(12, 40))
def test_wherever_a_long_value_is_cut_off_nothing_of_it_stays(kept: int) -> None:
    """Twelve characters of a value are enough to recognise it."""
    secret = "The quick brown fox jumps over the lazy dog at noon"
    assert mask(f"too large: {secret[:kept]}...", [secret]) == "too large: ***..."


def test_a_text_is_masked_before_it_is_cut() -> None:
    """A value that stands where the text is cut leaves no half of itself."""
    for length in range(1_980, 2_001):
        assert "Quill" not in mask("x" * length + " Quillon is here", ["Quillon"])


def test_the_values_of_a_body_are_found_at_every_depth_and_names_are_not_values() -> None:
    """Strings and numbers count; member names, booleans and null do not."""
    body = {"input": [{"email": "a@example.com", "score": 12, "ok": True, "x": None, "tags": ["blue"]}]}
    assert leaf_values(body) == {"a@example.com", "12", "blue"}


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as sent": str,
    "upper case": str.upper,
    "case-folded": str.casefold,
    "HTML": html.escape,
    "HTML twice": lambda value: html.escape(html.escape(value)),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON with letters": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "address": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "decomposed": lambda value: unicodedata.normalize("NFKD", value),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(
    value=st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), max_codepoint=0x17F), min_size=7, max_size=60),
    around=st.text("abc xyz.,;", max_size=10),
)
def test_no_sent_value_of_some_length_is_left_in_any_text(spelling: str, value: str, around: str) -> None:
    """Whatever the vendor does to a value of seven characters or more, it is gone afterwards."""
    assume(len(value.split()) == 1 and not set(value) & set("\\%&+"))
    echoed = SPELLINGS[spelling](value)
    masked = mask(f"{around} {echoed} {around}", [value])
    assert echoed not in masked.replace(MASK, "\0")
    assert MASK in masked


@given(st.text(min_size=7, max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_no_sent_value_is_left_as_it_was_sent(value: str, before: str, after: str) -> None:
    """Whatever a value of seven characters or more consists of, and whatever surrounds it, it is gone afterwards."""
    plain = " ".join(value.split())
    assume(sum(character.isalnum() for character in plain) >= 7)
    assert plain not in mask(f"{before} {value} {after}", [value]).replace(MASK, "\0")


@given(st.text(max_size=200), st.lists(st.text(max_size=30), max_size=5))
def test_masking_twice_changes_nothing_and_nothing_is_refused(text: str, values: list[str]) -> None:
    """Any text and any values can be masked; what is masked has no value left to mask."""
    once = mask(text, values)
    assert mask(once, []) == once
