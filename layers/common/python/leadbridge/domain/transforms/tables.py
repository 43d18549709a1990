"""Rules that look a value up: in a table of the document, or in those of countries and states."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from leadbridge.domain.documents import Scalar
from leadbridge.domain.places import comparable, countries, countries_with_states, states
from leadbridge.domain.suggestions import did_you_mean
from leadbridge.domain.transforms.base import Kind, Place, TextRule, Word, kind_of
from leadbridge.domain.values import normalised


class Lookup(TextRule):
    """Take the value that stands beside the given one in a table; case and outer white space do not count.

    `otherwise` says what becomes of a value that is not in the table.
    """

    type: Literal["lookup"]
    table: dict[Word, Scalar | None] = Field(min_length=1, max_length=2000)
    match_case: bool = False

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Two lines for one value contradict each other."""
        del place
        seen: dict[str, str] = {}
        for key in self.table:
            first = seen.setdefault(self._key(key), key)
            if first != key:
                yield "table", f"{key!r} and {first!r} are the same value here; keep one, or set `match_case`"
            if not key.strip():
                yield "table", "a blank is never looked up; use the rule `default` for it"

    def constants(self) -> Iterator[tuple[str, Any]]:
        """The values of the table."""
        yield from super().constants()
        yield from (("table", value) for value in self.table.values() if value is not None)

    def result_kind(self, before: Kind) -> Kind:
        """That of the table's values, if it is one."""
        del before
        kinds = {kind_of(value) for value in self.table.values() if value is not None}
        return kinds.pop() if len(kinds) == 1 else Kind.ANY

    def change(self, place: Place) -> Callable[[str], Any]:
        """The value beside it."""
        del place
        table = {self._key(key): value for key, value in self.table.items()}

        def found(value: str) -> Any:
            try:
                return table[self._key(value)]
            except KeyError:
                raise self.failed("a value of the table", value) from None

        return found

    def _key(self, value: str) -> str:
        return value.strip() if self.match_case else normalised(value)


class Country(TextRule):
    """Make the ISO 3166-1 code, or the English name, of a country from its code or one of its names."""

    gives: ClassVar[Kind] = Kind.WORD

    type: Literal["country"]
    to: Literal["code", "code3", "name"] = "code"

    def change(self, place: Place) -> Callable[[str], str]:
        """Code or name."""
        del place
        known = countries()

        def found(value: str) -> str:
            try:
                return str(getattr(known[comparable(value)], self.to))
            except KeyError:
                raise self.failed("the name or code of a country", value) from None

        return found


class State(TextRule):
    """Make the ISO 3166-2 code (without the country), or the English name, of a state or province."""

    gives: ClassVar[Kind] = Kind.WORD

    type: Literal["state"]
    to: Literal["code", "name"] = "code"
    country: str = "US"

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Whether we have the states of the country."""
        del place
        known = countries_with_states()
        if self.country not in known:
            hint = did_you_mean(self.country, known) or "use the rule `lookup` with a table of your own"
            yield "country", f"the states of {self.country} are not known, only those of {', '.join(known)}; {hint}"

    def change(self, place: Place) -> Callable[[str], str]:
        """Code or name."""
        del place
        known = states(self.country)

        def found(value: str) -> str:
            try:
                return str(getattr(known[comparable(value)], self.to))
            except KeyError:
                raise self.failed(f"the name or code of a state of {self.country}", value) from None

        return found
