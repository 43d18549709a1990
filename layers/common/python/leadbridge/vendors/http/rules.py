"""Rows of a vendor's error table, and how a code found in an answer is looked up in it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from leadbridge.domain.records import Resolution

#: tries of one record where the vendor's documents name no number
ROW_TRIES = 5
# a code becomes part of reason codes and metrics, so it must be a word and never a sentence with values in it
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,80}")

# a row that failed was rolled back, so for a single row these words mean: this row may be sent again
_ROW_RESOLUTIONS = {
    **dict.fromkeys((Resolution.UNCERTAIN, Resolution.REAUTH, Resolution.ISOLATE), Resolution.RETRY),
    Resolution.SPLIT: Resolution.REJECT,  # one record cannot be sent in halves
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one vendor code means and asks for.

    `sentence` says to a marketer what happened, `remedy` what to do about it. `tries` is how often a call or a
    record is tried in all before its refusal is final; None means calls for ever and records `ROW_TRIES` times.
    `by_text` holds variants for codes whose meaning only the vendor's text tells: the first key found in the
    text (ignoring case) wins. `wait_grows` is false for fixed windows, where waiting longer gains nothing.
    """

    resolution: Resolution
    sentence: str
    remedy: str
    wait_seconds: float = 1.0
    wait_grows: bool = True
    tries: int | None = None
    documented: bool = True
    at_record: Resolution | None = None
    by_text: Mapping[str, "Rule"] = field(default_factory=dict)

    def read(self, text: str) -> "Rule":
        """The variant of this rule that the vendor's text asks for."""
        lowered = text.lower()
        for needle, variant in self.by_text.items():
            if needle.lower() in lowered:
                return variant
        return self

    def told(self, text: str = "") -> str:
        """Sentence, vendor's text (masked by the caller) and remedy, as people read them."""
        return f"{self.sentence}: {text}".rstrip(": .") + f". {self.remedy}"

    @property
    def row_tries(self) -> int:
        """How often one record is tried in all before its refusal is final."""
        return self.tries or ROW_TRIES

    @property
    def record_resolution(self) -> Resolution:
        """What the code asks for when it is said about one record of an executed call."""
        if self.at_record is not None:
            return self.at_record
        return _ROW_RESOLUTIONS.get(self.resolution, self.resolution)


def fatal(sentence: str, remedy: str) -> Rule:
    """A fault of configuration or code: no retry."""
    return Rule(resolution=Resolution.FATAL, sentence=sentence, remedy=remedy)


def reject(sentence: str, remedy: str) -> Rule:
    """This record only."""
    return Rule(resolution=Resolution.REJECT, sentence=sentence, remedy=remedy)


def fatal_unless_row(sentence: str, remedy: str) -> Rule:
    """A fault of configuration if the call is refused, of the record if only that is."""
    return Rule(resolution=Resolution.FATAL, sentence=sentence, remedy=remedy, at_record=Resolution.REJECT)


def split(sentence: str, remedy: str) -> Rule:
    """Too large: send less per call."""
    return Rule(resolution=Resolution.SPLIT, sentence=sentence, remedy=remedy)


def retry(sentence: str, wait_seconds: float = 1.0, *, remedy: str, tries: int | None = None) -> Rule:
    """Nothing was executed: try again after growing pauses."""
    return Rule(resolution=Resolution.RETRY, sentence=sentence, remedy=remedy, wait_seconds=wait_seconds, tries=tries)


def uncertain(sentence: str, *, remedy: str, tries: int | None = None) -> Rule:
    """Perhaps executed: look before repeating a write."""
    return Rule(resolution=Resolution.UNCERTAIN, sentence=sentence, remedy=remedy, wait_seconds=2.0, tries=tries)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """A vendor's codes, families of codes that share a beginning, and the one rule for all others.

    The sentence of `default` ends with the place for the unknown code, `{code}`.
    """

    codes: Mapping[str, Rule]
    default: Rule
    families: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, code: str, text: str = "") -> Rule:
        """The rule for a code as the vendor spells it; never fails."""
        found = self.codes.get(code) or next(
            (rule for start, rule in self.families.items() if code.startswith(start)), None
        )
        if found is None:
            return replace(self.default, sentence=self.default.sentence.format(code=code))
        return found.read(text)

    def knows(self, code: str) -> bool:
        """Whether the code is in the table by itself or by its family."""
        return code in self.codes or code.startswith(("http_5", *self.families))

    def unknown(self, codes: Iterable[str]) -> tuple[str, ...]:
        """The codes among these that the table does not hold; a server error by its status is held."""
        return tuple(code for code in codes if not self.knows(code))

    def http_rule(self, status: int) -> tuple[str, Rule]:
        """The code we give to an HTTP status without a readable body, and its rule."""
        code = f"http_{status}"
        if code in self.codes:
            return code, self.codes[code]
        if status >= 500:
            return code, self.codes["http_500"]
        # a redirect or the like comes again, however often the call is repeated
        return code, replace(self.rule(code), resolution=Resolution.FATAL)


def code_of(value: object) -> str:
    """A code as it stands in an answer; empty if there is none, `unreadable_code` if it is no word."""
    code = "" if value is None else str(value)
    return code if not code or _CODE.fullmatch(code) else "unreadable_code"
