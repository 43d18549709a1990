"""What a cell of a vendor's file means, and what a file may measure: one table for both vendors.

Sources: Marketo bulk extract and bulk import (literal `null`, files of less than 10 MB), Salesforce Bulk API 2.0,
"Prepare CSV Files" and its limits (blank leaves a field alone, `#N/A` empties it, 150 MB once encoded as base64).
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final


class Leave(Enum):
    """The cell of a field that is to stay as it is."""

    LEAVE = "leave"


LEAVE: Final = Leave.LEAVE

type Cell = str | Leave | None
"""A value to be written: text, `LEAVE`, or None to empty the field. Empty text empties it too: JSON means the same."""


class UnsendableValueError(ValueError):
    """A cell would be read as "no value" by the vendor: its row cannot go by file."""


class _Unsendable:
    """Stands for such a value; refuses at the moment when a row is written, so that other rows cost no check."""

    def __str__(self) -> str:
        raise UnsendableValueError


def _any_case(word: str) -> frozenset[str]:
    return frozenset("".join(each) for each in itertools.product(*({one.lower(), one.upper()} for one in word)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """One kind of file that is written.

    `clear` and `leave` are the cells that empty a field and leave it alone. `reserved` is text that the vendor reads
    as `clear`, or may read so. Sizes in bytes or characters, None where there is no limit; a part stays at or below
    `max_bytes`. `line_ends_agree`: line ends inside a value must be those of the file.
    """

    clear: str
    leave: str = ""
    reserved: frozenset[str]
    max_bytes: int
    line_ends_agree: bool = False
    max_rows: int | None = None
    max_columns: int | None = None
    max_header_characters: int | None = None
    max_row_characters: int | None = None
    max_field_characters: int | None = None
    delimiter: str = ","
    translation: Mapping[object, object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unsendable = dict.fromkeys(self.reserved, _Unsendable())
        object.__setattr__(self, "translation", {**unsendable, None: self.clear, "": self.clear, LEAVE: self.leave})


#: what the form around an upload takes of Marketo's limit, and the byte by which both together stay below it
_ENVELOPE_BYTES = 170 + 1

#: the bulk pages say `null`, the product's page on imports `NULL`: in no letter case is the word sent as a value
MARKETO_IMPORT = FileRules(clear="null", reserved=_any_case("null"), max_bytes=10_000_000 - _ENVELOPE_BYTES)

#: rows are bounded so that the results of a part can be attached in memory
SALESFORCE_INGEST = FileRules(
    clear="#N/A",
    reserved=frozenset({"#N/A"}),
    max_bytes=100_000_000,
    line_ends_agree=True,
    max_rows=250_000,
    max_columns=5_000,
    max_header_characters=32_000,
    max_row_characters=400_000,
    max_field_characters=131_072,
)

#: the cell that means "no value" in files that are read; a longer or otherwise written word is text
MARKETO_EXTRACT_NULL = "null"
SALESFORCE_QUERY_NULL = ""


class WithoutNul:
    """The named transform that takes NUL out of a text; it counts the texts it changed."""

    def __init__(self) -> None:
        self.removed = 0

    def __call__(self, text: str) -> str:
        """The text without NUL."""
        if "\0" not in text:
            return text
        self.removed += 1
        return text.replace("\0", "")
