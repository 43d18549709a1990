"""What a look through a connection found, for a person: one line each, with what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    FINE = "ok"
    WARNING = "warning"  # something that only part of the product needs
    ERROR = "error"  # nothing works before this is repaired


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: `what` is a sentence without a stop, `remedy` one with it, or empty."""

    level: Level
    what: str
    remedy: str = ""

    def line(self) -> str:
        """The finding as one line."""
        return f"{self.level:<8}{self.what}{'. ' + self.remedy if self.remedy else ''}"
