"""The published table of vendor codes is the one that the product works by, and says something in every cell."""

import re
from pathlib import Path

import pytest

from leadbridge.vendors.marketo.errors import TABLE as MARKETO
from leadbridge.vendors.salesforce.errors import TABLE as SALESFORCE
from tests.contract.error_page import page, rows

PAGE = Path(__file__).parents[2] / "docs/errors.md"


@pytest.mark.pain("P45")
def test_the_published_page_is_made_from_the_tables() -> None:
    """`docs/errors.md` says for every code whether it is worth a retry, word for word what the product does."""
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.contract.error_page > docs/errors.md"


@pytest.mark.parametrize("table", [MARKETO, SALESFORCE], ids=["marketo", "salesforce"])
def test_every_code_says_what_happened_and_what_to_do(table: object) -> None:
    """Sentence and remedy of every line are there, end where they should, and hold no placeholder and no address."""
    for code, call, _, sentence, remedy in rows(MARKETO if table is MARKETO else SALESFORCE):
        assert call, code
        assert len(sentence) > 10, code
        assert not sentence.endswith("."), code
        assert re.fullmatch(r"[A-Z].{8,}\.", remedy), code
        assert not re.search(r"[{}@|]", sentence + remedy), code


def test_a_refusal_reads_as_sentence_text_and_remedy() -> None:
    """With a vendor's text or without, what people read has no doubled stop and no dangling colon."""
    rule = MARKETO.rule("1004")
    assert rule.told("Lead not found.") == (
        "the person does not exist in Marketo (deleted or merged): Lead not found. "
        "Look for the person under another id; a deleted one needs nothing."
    )
    assert rule.told() == (
        "the person does not exist in Marketo (deleted or merged). "
        "Look for the person under another id; a deleted one needs nothing."
    )


@pytest.mark.parametrize("table", [MARKETO, SALESFORCE], ids=["marketo", "salesforce"])
def test_an_unknown_code_is_named(table: object) -> None:
    """The sentence of a code that stands in no table ends with that code."""
    rule = (MARKETO if table is MARKETO else SALESFORCE).rule("BRAND_NEW_4711")
    assert rule.sentence.endswith("answered with a code we do not know: BRAND_NEW_4711")
