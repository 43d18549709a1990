"""Texts that are too long for their field."""

from typing import Any

import pytest

from leadbridge.domain.fitting import fitted, fitted_row, may_be_long, shortened


@pytest.mark.parametrize(
    ("value", "length", "kept"),
    [
        ("Analytical Engines", 18, "Analytical Engines"),
        ("Analytical Engines", 17, "Analytical"),
        ("Analytical Engines", 11, "Analytical"),
        ("Analytical Engines", 10, "Analytical"),
        ("Analytical Engines", 4, "Anal"),
        ("Zoë \n Ünï 🎈", 6, "Zoë"),
        ("Analytical Engines", None, "Analytical Engines"),
        (12345, 3, 12345),
        (None, 3, None),
    ],
)
def test_a_text_ends_where_a_word_ends(value: Any, length: int | None, kept: Any) -> None:
    """Whole words stay, one word that is longer than the field is cut; what is no text has no length."""
    assert fitted(value, length) == kept


def test_an_ellipsis_says_that_something_is_missing() -> None:
    """It counts as a character; a text that fits has none."""
    assert [shortened("Analytical Engines", length) for length in (18, 17, 11)] == [
        "Analytical Engines",
        "Analytical…",
        "Analytical…",
    ]


def test_a_row_is_cut_where_the_length_is_known() -> None:
    """Only texts of fields with a length are touched, and only a long text is worth asking for lengths."""
    row = {"id": 7, "title": "Analytical Engines", "company": "Analytical Engines"}

    assert fitted_row(row, {"title": 12, "id": 1}) == row | {"title": "Analytical"}
    assert [may_be_long(each) for each in (row, row | {"company": "Analytical Engines!"}, {"id": 10**40})] == [
        False,
        True,
        False,
    ]
