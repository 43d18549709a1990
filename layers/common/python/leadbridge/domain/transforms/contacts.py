"""Rules about how people are reached: telephone numbers and e-mail addresses."""

from collections.abc import Callable, Iterator
from typing import ClassVar, Literal

from leadbridge.domain.suggestions import did_you_mean
from leadbridge.domain.transforms.base import Kind, Place, TextRule
from leadbridge.domain.values import EMAIL

#: characters that a copied address brings along unseen
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


class Phone(TextRule):
    """Write a telephone number as E.164: +, country, number; one without a country is meant in `region`.

    A number of a possible length is enough, or with `check: valid` one that its country has given out. What stands
    behind as an extension has no place in E.164 and is left out.
    """

    takes: ClassVar[frozenset[Kind]] = frozenset({Kind.TEXT, Kind.WORD, Kind.NUMBER})
    gives: ClassVar[Kind] = Kind.WORD

    type: Literal["phone"]
    region: str | None = None
    check: Literal["possible", "valid"] = "possible"

    def findings(self, place: Place) -> Iterator[tuple[str, str]]:
        """Whether the region has telephone numbers."""
        import phonenumbers

        del place
        if self.region is not None and self.region not in phonenumbers.SUPPORTED_REGIONS:
            hint = did_you_mean(self.region, phonenumbers.SUPPORTED_REGIONS) or "give the two letters of a country"
            yield "region", f"no region is called {self.region}; {hint}"

    def change(self, place: Place) -> Callable[[str], str]:
        """The number in E.164."""
        import phonenumbers

        del place

        def fine(number: phonenumbers.PhoneNumber) -> bool:
            if self.check == "valid":
                return phonenumbers.is_valid_number(number)
            # one that can be dialled inside of its town only has no E.164
            reason = phonenumbers.is_possible_number_with_reason(number)
            return reason == phonenumbers.ValidationResult.IS_POSSIBLE

        def formatted(value: str) -> str:
            try:
                number = phonenumbers.parse(value, self.region)
            except phonenumbers.NumberParseException:
                raise self.failed("a telephone number", value) from None
            if not fine(number):
                raise self.failed("a telephone number", value)
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

        return formatted


class Email(TextRule):
    """Write an e-mail address in lower case, without what a copy brings along (`Ada <ADA@Example.com>`)."""

    gives: ClassVar[Kind] = Kind.WORD

    type: Literal["email"]

    def change(self, place: Place) -> Callable[[str], str]:
        """The address."""
        del place

        def address(value: str) -> str:
            found = value.translate(_UNSEEN).strip().lower()
            if found.endswith(">") and "<" in found:
                found = found[found.rindex("<") + 1 : -1].strip()
            found = found.removeprefix("mailto:").strip()
            if not EMAIL.fullmatch(found):
                raise self.failed("an e-mail address", value)
            return found

        return address
