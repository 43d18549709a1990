"""Salesforce ids in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain import ids

# pairs as they stand in the vendor's documentation
DOCUMENTED = [
    ("001D000000IRFma", "001D000000IRFmaIAH"),
    ("001R0000005hDFY", "001R0000005hDFYIA2"),
]
SHORT = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", min_size=15, max_size=15)


@pytest.mark.parametrize(("short", "long"), DOCUMENTED)
def test_fifteen_characters_get_the_suffix_that_the_vendor_gives_them(short: str, long: str) -> None:
    """Both spellings are one id, and the 18 characters stay as they are."""
    assert ids.canonical(short) == ids.canonical(long) == long
    assert ids.short(long) == short
    assert ids.key_prefix(long) == short[:3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "001D000000IRFm",
        "001D000000IRFmaIA",
        "001D000000IRFmaIAA",
        "001D000000IRFmaIAH ",
        "001D000000IRFm-",
        "001d000000irfmaIAH",
        "001D000000IRFm\u0661",
    ],
    ids=repr,
)
def test_what_is_no_id_is_refused(text: str) -> None:
    """Wrong lengths, other characters, and a suffix that belongs to other capitals."""
    assert not ids.is_id(text)
    with pytest.raises(ValueError, match="not a Salesforce id"):
        ids.canonical(text)


@given(SHORT, SHORT)
def test_ids_that_differ_only_in_their_capitals_differ_without_them(one: str, other: str) -> None:
    """The suffix keeps apart what tools that ignore case would mix up; the 18 characters are a fixed point."""
    mixed = "".join(b if a.lower() == b.lower() else a for a, b in zip(one, one.swapcase(), strict=True))
    for left, right in ((one, other), (one, mixed)):
        same = ids.canonical(left).lower() == ids.canonical(right).lower()
        assert same == (left == right)
    assert ids.canonical(ids.canonical(one)) == ids.canonical(one)
