"""Rules about numbers and true/false. Numbers are decimal throughout: no digit is lost on the way."""

import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any, ClassVar, Literal

from pydantic import Field

from leadbridge.domain.transforms.base import Apply, Columns, Kind, Place, Rule, TextRule, Word, is_number
from leadbridge.domain.values import MAGNITUDE, WrongTypeError, decimal, normalised

DecimalPoint = Literal[".", ","]
Thousands = Literal["", ",", ".", " ", "'"]
#: other blanks and apostrophes that stand between groups of digits in what people and machines write
_SAME = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2019": "'"})


class NumberParse(Rule):
    """Read a number as it is written somewhere, with its decimal and thousands separators."""

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.NUMBER})
    gives: ClassVar[Kind] = Kind.NUMBER

    type: Literal["number_parse"]
    decimal: DecimalPoint = "."
    thousands: Thousands = ""

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """One character cannot be both."""
        del place
        if self.decimal == self.thousands:
            yield "thousands", "is the decimal separator too; choose another"

    def applied(self, place: Place) -> Apply:
        """The number."""
        del place
        whole = rf"\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+|\d+" if self.thousands else r"\d+"
        shape = re.compile(rf"([+-]?)({whole})(?:{re.escape(self.decimal)}(\d+))?", re.ASCII)

        def apply(value: Any, columns: Columns) -> Decimal:
            del columns
            if not isinstance(value, str):
                return _decimal(self, value)
            written = value.strip() if value.isascii() else value.translate(_SAME).strip()
            found = shape.fullmatch(written)
            if found is None:
                raise self.failed("a number", value)
            sign, digits, decimals = found.groups("")
            if self.thousands:
                digits = digits.replace(self.thousands, "")
            if max(len(digits), len(decimals)) > MAGNITUDE:
                raise self.failed("a number of fewer digits", value)
            return Decimal(f"{sign}{digits}.{decimals}")

        return apply


class NumberFormat(Rule):
    """Write a number with `places` decimals, rounded half up, and with separators."""

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.NUMBER})

    type: Literal["number_format"]
    places: int | None = Field(default=None, ge=0, le=10)
    decimal: DecimalPoint = "."
    thousands: Thousands = ""

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """One character cannot be both."""
        del place
        if self.decimal == self.thousands:
            yield "thousands", "is the decimal separator too; choose another"

    def applied(self, place: Place) -> Apply:
        """The text."""
        del place
        separators = str.maketrans({",": self.thousands, ".": self.decimal})

        def apply(value: Any, columns: Columns) -> str:
            del columns
            number = _decimal(self, value)
            with localcontext(prec=100):
                if self.places is not None:
                    # adding zero makes 0.00 of -0.00
                    number = number.quantize(Decimal(1).scaleb(-self.places), ROUND_HALF_UP) + 0
                return format(number, ",f").translate(separators)

        return apply


class Boolean(TextRule):
    """Make true or false of words; case and outer white space do not count."""

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN})
    gives: ClassVar[Kind] = Kind.BOOLEAN

    type: Literal["boolean"]
    true_words: list[Word] = Field(default=["true", "yes", "y", "on", "1"], min_length=1, max_length=100)
    false_words: list[Word] = Field(default=["false", "no", "n", "off", "0"], min_length=1, max_length=100)

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """No word can mean both."""
        del place
        both = {normalised(word) for word in self.true_words} & {normalised(word) for word in self.false_words}
        if both:
            yield "false_words", f"{', '.join(sorted(both))} stands among `true_words` too; keep it in one list"

    def change(self, place: Place) -> Callable[[str], bool]:
        """True or false."""
        del place
        known = {normalised(word): False for word in self.false_words}
        known |= {normalised(word): True for word in self.true_words}

        def meant(value: str) -> bool:
            try:
                return known[normalised(value)]
            except KeyError:
                raise self.failed("one of the words for true and false", value) from None

        return meant


def _decimal(rule: Rule, value: Any) -> Decimal:
    if not isinstance(value, str) and not is_number(value):
        raise rule.failed("a number", value)
    try:
        number = decimal(value, "a number")
    except WrongTypeError:
        raise rule.failed("a number", value) from None
    # `1e-999999999` would fill the memory with zeros
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAGNITUDE or number.adjusted() > MAGNITUDE:
        raise rule.failed("a number of fewer digits", value)
    return number
