"""Salesforce record ids in one spelling: 18 characters, whose last three tell which of the others are capitals.

Source: Object Reference, field types (ID). Fifteen characters are case-sensitive; the same id with its suffix
survives tools that ignore case, so that is what we store and compare.
"""

import re
from string import ascii_letters, digits

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
#: of each group of five characters only which of them are capitals; the first stands for the lowest bit
_CAPITALS = {ord(each): "1" if each.isupper() else "0" for each in ascii_letters + digits}
_LETTERS = {f"{number:05b}"[::-1]: letter for number, letter in enumerate(_SUFFIX)}
_SHORT, _LONG = re.compile(r"[A-Za-z0-9]{15}"), re.compile(r"[A-Za-z0-9]{18}")
_PREFIX = 3


def canonical(text: str) -> str:
    """The 18-character spelling of an id of 15 or 18 characters.

    Raises:
        ValueError: It is no id, or its suffix does not belong to its other characters.
    """
    if _SHORT.fullmatch(text):
        return text + _suffix(text)
    if _LONG.fullmatch(text) and text[15:] == _suffix(text[:15]):
        return text
    raise ValueError("not a Salesforce id")


def is_id(text: str) -> bool:
    """Whether the text is an id in either spelling."""
    try:
        canonical(text)
    except ValueError:
        return False
    return True


def short(text: str) -> str:
    """The 15 characters that both spellings share.

    Raises:
        ValueError: It is no id.
    """
    return canonical(text)[:15]


def key_prefix(text: str) -> str:
    """The three characters that tell the object; Describe says which (`key_prefix`).

    Raises:
        ValueError: It is no id.
    """
    return canonical(text)[:_PREFIX]


def _suffix(fifteen: str) -> str:
    """One letter for each five characters: bit n is set where the n-th of them is a capital."""
    capitals = fifteen.translate(_CAPITALS)
    return _LETTERS[capitals[:5]] + _LETTERS[capitals[5:10]] + _LETTERS[capitals[10:]]
