"""Texts that are longer than their field takes: cut where a word ends."""

from typing import Any


def on_a_word(text: str, length: int) -> str:
    """The beginning of a text, in at most `length` characters; a single word that is longer is cut all the same."""
    if len(text) <= length:
        return text
    kept = text[:length]
    if not text[length].isspace() and not kept[-1].isspace():
        kept = kept.rsplit(maxsplit=1)[0] if len(kept.split(maxsplit=1)) > 1 else kept
    return kept.rstrip()


def fitted(value: Any, length: int | None) -> Any:
    """A value as a field of that length takes it; only texts have one."""
    return on_a_word(value, length) if isinstance(value, str) and length else value
