"""What all documents that people write have in common: their base and the shapes of names and plain values."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

#: becomes part of a URL and of item keys
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.]{0,254}$")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Scalar = str | bool | int | float


class Document(BaseModel):
    """Base of everything a person writes: unknown members are refused, so that a typo is never ignored."""

    # built when first used: a function's start does not pay for the kinds that it never reads
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False, defer_build=True)


def refuse_truth(value: Any) -> None:
    """Refuse true and false where a word is wanted.

    Raises:
        ValueError: YAML has made true or false of the word.
    """
    if isinstance(value, bool):
        # pydantic makes a finding of a ValueError only
        raise ValueError("YAML reads yes, no, on, off and NO as true or false; put the value in quotation marks")  # noqa: TRY004
