"""Rules about text: trimming, case, replacing, cutting, joining, shortening, hashing."""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from leadbridge.domain.documents import Scalar
from leadbridge.domain.fitting import on_a_word
from leadbridge.domain.templates import renderer
from leadbridge.domain.transforms.base import LONGEST, TEXT_LIMIT, Apply, Kind, Place, Rule, TextRule
from leadbridge.domain.values import blank, text

Piece = Annotated[str, StringConstraints(max_length=TEXT_LIMIT)]
Needle = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LIMIT)]
#: what a title's word begins after; an apostrophe or a hyphen inside of a name is looked at by `_titled`
_WORD = re.compile(r"[^\W\d_]+")


class Trim(TextRule):
    """Take the white space at both ends away."""

    type: Literal["trim"]

    def change(self, place: Place) -> Callable[[str], str]:
        """Text without its outer white space."""
        del place
        return str.strip


class CollapseSpaces(TextRule):
    """Make one space of every stretch of white space, and trim."""

    type: Literal["collapse_spaces"]

    def change(self, place: Place) -> Callable[[str], str]:
        """Text with single spaces."""
        del place
        return lambda value: " ".join(value.split())


class Case(TextRule):
    """Write in upper, lower or title case."""

    type: Literal["case"]
    to: Literal["upper", "lower", "title"]

    def change(self, place: Place) -> Callable[[str], str]:
        """Text in the case."""
        del place
        return {"upper": str.upper, "lower": str.lower, "title": _titled}[self.to]


class Replace(TextRule):
    """Put another text in the place of every occurrence of one."""

    type: Literal["replace"]
    find: Needle
    by: Piece = ""

    def change(self, place: Place) -> Callable[[str], str]:
        """Text with the occurrences exchanged."""
        del place
        return lambda value: self.grown(value.replace(self.find, self.by))


class PatternReplace(TextRule):
    r"""Put a text in the place of whatever fits a pattern; `\1` in it is the pattern's first group.

    Patterns are RE2's, whose time grows with the length of the text alone, whatever pattern and value are.
    """

    type: Literal["pattern_replace"]
    pattern: Needle
    by: Piece = ""

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Whether pattern and text can be read."""
        del place
        try:
            groups = _pattern(self.pattern).groups
        except ValueError as wrong:
            yield "pattern", f"cannot be read: {wrong}; look-around and back-references are not offered"
            return
        for digit in re.findall(r"\\(\d)", self.by.replace("\\\\", "")):
            if int(digit) > groups:
                yield (
                    "by",
                    f"\\{digit} stands for a group, the pattern has {groups}; put parentheses around what it is",
                )
        if re.search(r"\\(?![\d\\])", self.by.replace("\\\\", "")):
            yield "by", "a backslash stands before a group's number or another backslash only; write two for one"

    def change(self, place: Place) -> Callable[[str], str]:
        """Text with what fits exchanged."""
        del place
        pattern = _pattern(self.pattern)
        pieces = [
            int(piece[1]) if piece[0] == "\\" and piece[1:].isdigit() else piece.replace("\\\\", "\\")
            for piece in re.findall(r"\\\d|\\\\|[^\\]+", self.by)
        ]

        def filled(found: Any) -> str:
            return "".join(piece if isinstance(piece, str) else found.group(piece) or "" for piece in pieces)

        return lambda value: self.grown(pattern.sub(filled, value))


class Substring(TextRule):
    """Keep `length` characters, or all, from character `start` on (the first is 1, the last is -1)."""

    type: Literal["substring"]
    start: int = Field(default=1, ge=-100_000, le=100_000)
    length: int | None = Field(default=None, ge=1, le=100_000)

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """There is no character 0."""
        del place
        if self.start == 0:
            yield "start", "there is no character 0; the first is 1, the last is -1"

    def change(self, place: Place) -> Callable[[str], str]:
        """The part."""
        del place

        def cut(value: str) -> str:
            first = self.start - 1 if self.start > 0 else max(0, len(value) + self.start)
            return value[first:] if self.length is None else value[first : first + self.length]

        return cut


class Split(TextRule):
    """Cut at every `by` and keep one piece, trimmed: the first is 1, the last is -1, one that is not there is blank."""

    type: Literal["split"]
    by: Needle
    pick: int = Field(default=1, ge=-1000, le=1000)

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """There is no piece 0."""
        del place
        if self.pick == 0:
            yield "pick", "there is no piece 0; the first is 1, the last is -1"

    def change(self, place: Place) -> Callable[[str], str]:
        """The piece."""
        del place
        index = self.pick - 1 if self.pick > 0 else self.pick

        def picked(value: str) -> str:
            pieces = value.split(self.by)
            return pieces[index].strip() if -len(pieces) <= index < len(pieces) else ""

        return picked


class Concat(TextRule):
    """Put text before and after; both are templates, and a blank stays blank."""

    type: Literal["concat"]
    before: Piece = ""
    after: Piece = ""

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """A rule that adds nothing is a mistake."""
        del place
        if not self.before and not self.after:
            yield "after", "the rule adds nothing; give `before`, `after` or both"

    def templates(self) -> Iterator[tuple[str, str]]:
        """Both texts."""
        yield "before", self.before
        yield "after", self.after

    def change(self, place: Place) -> Callable[[str], str]:
        """The text between those that hold no column."""
        apply = self.applied(place)
        return lambda value: str(apply(value, {}))

    def applied(self, place: Place) -> Apply:
        """The value between the filled texts."""
        del place
        before, after = renderer(self.before), renderer(self.after)
        return lambda value, columns: self.grown(before(columns) + self.written(value) + after(columns))


class Default(Rule):
    """What to take where there is no value: a fixed one, or a template."""

    takes: ClassVar[frozenset[Kind]] = frozenset(Kind)
    takes_blanks: ClassVar[bool] = True

    type: Literal["default"]
    value: Scalar | None = None
    template: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LIMIT)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.value is None) == (self.template is None):
            raise ValueError("give exactly one of `value` and `template`")
        return self

    def templates(self) -> Iterator[tuple[str, str]]:
        """The template, if it is one."""
        if self.template is not None:
            yield "template", self.template

    def constants(self) -> Iterator[tuple[str, Any]]:
        """The value, if it is one."""
        if self.value is not None:
            yield "value", self.value

    def result_kind(self, before: Kind) -> Kind:
        """Any, because either comes out."""
        return before if before is Kind.TEXT and self.template else Kind.ANY

    def applied(self, place: Place) -> Apply:
        """The value, or what is taken for it."""
        del place
        if self.template is None:
            return lambda value, _: self.value if blank(value) else value
        render = renderer(self.template)
        return lambda value, columns: self.grown(render(columns)) if blank(value) else value


class Truncate(TextRule):
    """Cut to `length` characters, or to the length of the field; `on: word` cuts where a word ends, if one does."""

    type: Literal["truncate"]
    length: int | None = Field(default=None, ge=1, le=LONGEST)
    on: Literal["character", "word"] = "character"

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Without a length of its own it needs the field's."""
        if self.length is None and place.length is None:
            yield "length", "the length of the field is not known; give one"
        elif self.length and place.length and self.length > place.length:
            yield "length", f"the field takes {place.length} characters; give no more, or leave `length` out"

    def change(self, place: Place) -> Callable[[str], str]:
        """The beginning."""
        length = self.length or place.length or LONGEST

        def cut(value: str) -> str:
            if len(value) <= length:
                return value
            return on_a_word(value, length) if self.on == "word" else value[:length].rstrip()

        return cut


class Hash(TextRule):
    """SHA-256 of the text in UTF-8, as 64 lower-case hexadecimal digits."""

    gives: ClassVar[Kind] = Kind.WORD

    type: Literal["hash"]

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """The digits need their room."""
        if place.length is not None and place.length < 64:
            yield "type", f"a hash has 64 characters, the field takes {place.length}; choose a longer field"

    def change(self, place: Place) -> Callable[[str], str]:
        """The digits."""
        del place
        return lambda value: hashlib.sha256(value.encode()).hexdigest()


def _titled(value: str) -> str:
    # of "O'NEILL" both parts begin a name, of "Tony's" only the first does
    return re.sub(
        _WORD,
        lambda found: (
            found[0].lower()
            if value[found.start() - 1 : found.start()] in {"'", "’"} and len(found[0]) == 1
            else found[0][0].upper() + found[0][1:].lower()
        ),
        value,
    )


def _pattern(pattern: str) -> Any:
    """A pattern of RE2.

    Raises:
        ValueError: Says what is wrong with it.
    """
    import re2  # type: ignore[import-untyped]  # has no stubs

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as wrong:
        said = wrong.args[0]
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else text(said)) from None
