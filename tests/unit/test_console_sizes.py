"""How much a browser loads: of the built console, compressed as it is sent."""

from tests.console_sizes import FIRST, FURTHER, first_load, further_by_page, pages


def test_the_first_load_is_small() -> None:
    """The page, its style, what stands around every page, and Home."""
    assert first_load() <= FIRST


def test_each_page_brings_little_beside() -> None:
    """Every page is loaded when it is first looked at, so it is a file of its own."""
    further = further_by_page()
    assert set(further) == pages()
    assert {name: size for name, size in further.items() if size > FURTHER} == {}
