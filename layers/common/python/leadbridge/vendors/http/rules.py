"""Rows of a vendor's error table, and how a code found in an answer is looked up in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadbridge.domain.records import Resolution

# a row that failed was rolled back, so for a single row these words mean: this row may be sent again
_ROW_RESOLUTIONS = {Resolution.UNCERTAIN: Resolution.RETRY, Resolution.REAUTH: Resolution.RETRY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one vendor code means and asks for.

    `by_text` holds variants for codes whose meaning only the vendor's text tells: the first key found in the
    text (ignoring case) wins. `wait_grows` is false for fixed windows, where waiting longer gains nothing.
    """

    resolution: Resolution
    sentence: str
    wait_seconds: float = 1.0
    wait_grows: bool = True
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

    @property
    def record_resolution(self) -> Resolution:
        """What the code asks for when it is said about one record of an executed call."""
        if self.at_record is not None:
            return self.at_record
        return _ROW_RESOLUTIONS.get(self.resolution, self.resolution)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """A vendor's codes, families of codes that share a beginning, and the one rule for all others."""

    codes: Mapping[str, Rule]
    default: Rule
    families: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, code: str, text: str = "") -> Rule:
        """The rule for a code as the vendor spells it; never fails."""
        found = self.codes.get(code)
        if found is None:
            found = next((rule for start, rule in self.families.items() if code.startswith(start)), None)
            found = found or self.default
        return found.read(text)

    def knows(self, code: str) -> bool:
        """Whether the code is in the table by itself or by its family."""
        return code in self.codes or any(code.startswith(start) for start in self.families)

    def http_rule(self, status: int) -> tuple[str, Rule]:
        """The code we give to an HTTP status without a readable body, and its rule."""
        code = f"http_{status}"
        if code in self.codes or status < 500:
            return code, self.rule(code)
        return code, self.codes["http_500"]
