r"""Templates: text with `{{column}}` in it, read once and filled per event.

A backslash stands before `{`, `}` or `\` and takes their meaning away. A column without a value leaves nothing behind.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from leadbridge.domain.values import blank, text

#: an escaped character, a column between double braces, one brace alone, or anything that is none of these
_PIECE = re.compile(
    r"\\(?P<escaped>[{}\\])|\{\{(?P<column>[^{}]+)\}\}|(?P<wrong>\\|\{\{|\}\})|(?P<plain>[^\\{}]+|[{}])"
)


class TemplateError(ValueError):
    """The template cannot be read; the text says what to write instead."""


def parts(template: str) -> list[tuple[str, bool]]:
    """The pieces of a template in order: a literal text and False, or a column's name and True.

    Raises:
        TemplateError: It holds a lone backslash, or double braces without a column between them.
    """
    found: list[tuple[str, bool]] = []
    for match in _PIECE.finditer(template):
        if match["wrong"] == "\\":
            raise TemplateError("a backslash stands before {, } or another backslash only; write two for one")
        if match["wrong"] or (match["column"] and not match["column"].strip()):
            raise TemplateError("every {{ needs a column's name and }} behind it; write \\{\\{ for braces themselves")
        is_column = match["column"] is not None
        found.append((match["column"].strip() if is_column else match["escaped"] or match["plain"], is_column))
    return found


def columns_of(template: str) -> list[str]:
    """The columns that a template names; of one that cannot be read, none."""
    try:
        return [piece for piece, is_column in parts(template) if is_column]
    except TemplateError:
        return []


def renderer(template: str) -> Callable[[Mapping[str, Any]], str]:
    """The function that fills a template from columns.

    Raises:
        TemplateError: It cannot be read.
    """
    pieces = parts(template)

    def render(columns: Mapping[str, Any]) -> str:
        return "".join([_shown(columns.get(piece)) if is_column else piece for piece, is_column in pieces])

    return render


def _shown(value: Any) -> str:
    return "" if blank(value) else text(value)
