"""Texts that are longer than their field takes: cut where a word ends."""

from collections.abc import Mapping
from typing import Any

#: characters that every text field takes: a record's id
ANYWHERE = 18


def on_a_word(text: str, length: int) -> str:
    """The beginning of a text, in at most `length` characters; a single word that is longer is cut all the same."""
    if len(text) <= length:
        return text
    kept = text[:length]
    if not text[length].isspace() and not kept[-1].isspace():
        kept = kept.rsplit(maxsplit=1)[0] if len(kept.split(maxsplit=1)) > 1 else kept
    return kept.rstrip()


def shortened(text: str, length: int) -> str:
    """A text in at most `length` characters; an ellipsis says that something is missing."""
    return text if len(text) <= length else on_a_word(text, length - 1) + "…"


def may_be_long(row: Mapping[str, Any]) -> bool:
    """Whether a row holds a text of which it must be known how long its field is."""
    return any(isinstance(value, str) and len(value) > ANYWHERE for value in row.values())


def fitted_row(row: Mapping[str, Any], lengths: Mapping[str, int]) -> dict[str, Any]:
    """A row whose texts fit their fields, as far as their lengths are known."""
    return {name: fitted(value, lengths.get(name)) for name, value in row.items()}


def fitted(value: Any, length: int | None) -> Any:
    """A value as a field of that length takes it; only texts have one."""
    return on_a_word(value, length) if isinstance(value, str) and length else value
