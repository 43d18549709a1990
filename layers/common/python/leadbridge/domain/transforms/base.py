"""What every transformation rule has: the types it takes and gives, and the failure that never tells a value."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, model_validator

from leadbridge.domain.documents import Document, Scalar, refuse_truth
from leadbridge.domain.values import kind, text

#: how long a text of a rule may be: far more than anybody writes, far less than an item of the store
TEXT_LIMIT = 500
#: characters of the longest text field of either vendor (Salesforce: long text area); rules let no text grow beyond
LONGEST = 131_072

type Columns = Mapping[str, Any]
#: one rule at work: the value that comes in, the event's columns, and the value that goes out
type Apply = Callable[[Any, Columns], Any]


class Kind(StrEnum):
    """What is known about a value before any event has come."""

    ANY = "a value"
    TEXT = "a text"
    WORD = "a word"  # a text that never writes a number, a date or true/false: an address, a code, a hash
    NUMBER = "a number"
    BOOLEAN = "true/false"
    DATE = "a date"
    MOMENT = "a date and time"


#: what a rule about text takes: whatever has one way only of being written
WRITTEN = frozenset({Kind.TEXT, Kind.WORD, Kind.NUMBER, Kind.BOOLEAN})
DATES = frozenset({Kind.DATE, Kind.MOMENT})


class RuleFailedError(ValueError):
    """A rule cannot be applied; names the rule and the types, never the value."""

    def __init__(self, rule: str, expected: str, found: str) -> None:
        super().__init__(f"{rule}: {expected} expected, {found} given")
        self.rule = rule
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a rule stands: the Action's zone, and how long a text its field takes (None: as long as it likes)."""

    zone: tzinfo = UTC
    length: int | None = None


class Rule(Document):
    """One rule. A blank passes by every rule that does not say otherwise."""

    takes: ClassVar[frozenset[Kind]] = WRITTEN
    gives: ClassVar[Kind] = Kind.TEXT
    takes_blanks: ClassVar[bool] = False

    type: str
    #: what becomes of a value that the rule cannot be applied to: the record fails, or it stays, or it is blank, or …
    otherwise: Literal["fail", "keep", "blank", "default"] | None = None
    default: Scalar | None = None

    @model_validator(mode="after")
    def _default_where_it_is_used(self) -> Self:
        if (self.otherwise == "default") != (self.default is not None):
            raise ValueError("`default` goes with `otherwise: default`, and the other way round")
        return self

    @abstractmethod
    def applied(self, place: Place) -> Apply:
        """The rule made ready, once for an Action; what it gives raises nothing but `RuleFailedError`."""

    def compiled(self, place: Place) -> Apply:
        """The rule made ready, with what it does otherwise."""
        apply = self.applied(place)
        if self.otherwise in {None, "fail"}:
            return apply

        def tried(value: Any, columns: Columns) -> Any:
            try:
                return apply(value, columns)
            except RuleFailedError:
                return value if self.otherwise == "keep" else self.default

        return tried

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """What is wrong with the rule itself: the member, and a sentence with the remedy."""
        del place
        yield from ()

    def templates(self) -> Iterator[tuple[str, str]]:
        """Members that are templates, with their texts."""
        yield from ()

    def constants(self) -> Iterator[tuple[str, Any]]:
        """Members that may become the result as they stand, with their values."""
        if self.default is not None:
            yield "default", self.default

    def kind_after(self, before: Kind) -> Kind:
        """The kind of what comes out, given that of what goes in."""
        after = self.result_kind(before)
        return after if self.otherwise in {None, "fail", "blank"} else Kind.ANY

    def result_kind(self, before: Kind) -> Kind:
        """The kind of what the rule makes."""
        del before
        return self.gives

    def grown(self, value: str) -> str:
        """A text that may have become longer than it came, as long as a field could hold it.

        Raises:
            RuleFailedError: No field could; the next rule might make a thousand times as much of it.
        """
        if len(value) > LONGEST:
            raise self.failed(f"at most {LONGEST} characters", value)
        return value

    def failed(self, expected: str, value: Any) -> RuleFailedError:
        """The failure over `value`, of which only the type is kept."""
        return RuleFailedError(self.type, expected, kind(value))


class TextRule(Rule):
    """A rule from text to text; numbers and true/false come to it as they are written."""

    @abstractmethod
    def change(self, place: Place) -> Callable[[str], Any]:
        """The function from text to the result."""

    def applied(self, place: Place) -> Apply:
        """The function over anything that can be written."""
        change = self.change(place)

        def apply(value: Any, columns: Columns) -> Any:
            del columns
            if isinstance(value, str):
                return change(value)
            try:
                return change(self.written(value))
            except RuleFailedError as failed:
                # the type that is told is that of what came in, not of how it is written
                raise self.failed(failed.expected, value) from None

        return apply

    def written(self, value: Any) -> str:
        """A value that need not be text, as text.

        Raises:
            RuleFailedError: It is of a type that the rule does not take, a date for one, which has many spellings.
        """
        if isinstance(value, str):
            return value
        if kind_of(value) not in self.takes:
            raise self.failed("a text", value)
        return text(value)


def quoted(value: Any) -> Any:
    """A word of a document as text: a number as it is written; true and false are refused, they were other words.

    Raises:
        ValueError: YAML has made true or false of it.
    """
    refuse_truth(value)
    return str(value) if isinstance(value, int) else value


#: a text that may stand in a document as a number
Word = Annotated[str, BeforeValidator(quoted)]


def is_number(value: Any) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def kind_of(value: Any) -> Kind:
    """The kind of a value that stands in a document."""
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if is_number(value):
        return Kind.NUMBER
    return Kind.MOMENT if isinstance(value, datetime) else Kind.DATE if isinstance(value, date) else Kind.TEXT
