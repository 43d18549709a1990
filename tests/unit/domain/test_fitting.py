"""Texts that are too long for their field."""

from typing import Any

import pytest

from leadbridge.domain.fitting import fitted


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
