"""No value we sent, no address and no token survives in a vendor's text."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.vendors.http.redaction import MASK, leaf_values, mask


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("Invalid value 'Zoë Ünal'", ["Zoë Ünal"], "Invalid value '***'"),
        ("value 'ACME gmbh' refused", ["Acme GmbH"], "value '***' refused"),
        ("Cannot save: Ann", ["Ann"], "Cannot save: ***"),
        ("a no is a no", ["no"], "a no is a no"),
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


def test_the_values_of_a_body_are_found_at_every_depth_and_names_are_not_values() -> None:
    """Strings and numbers count; member names, booleans and null do not."""
    body = {"input": [{"email": "a@example.com", "score": 12, "ok": True, "x": None, "tags": ["blue"]}]}
    assert leaf_values(body) == {"a@example.com", "12", "blue"}


@given(st.text(min_size=7, max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_no_sent_value_of_some_length_is_left_in_any_text(value: str, before: str, after: str) -> None:
    """Whatever surrounds a value of seven characters or more, it is gone afterwards."""
    plain = " ".join(value.split())
    masked = mask(f"{before} {value} {after}", [value])
    if len(plain) >= 7 and plain not in MASK:
        assert plain not in masked.replace(MASK, "\0")
        assert html.escape(plain) not in masked.replace(MASK, "\0")
