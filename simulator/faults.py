"""Fault rules: which calls of a twin go wrong, and how."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from re import Pattern
from re import compile as compile_pattern
from typing import Any

type Record = dict[str, Any]

# one whole rule of the faults document, besides the members of its kind
_RULE_MEMBERS = {"match", "kind", "nth", "times", "probability", "hits"}
_KIND_MEMBERS: Mapping[str, tuple[set[str], set[str]]] = {
    # kind: (required members, optional members)
    "drop_answer": (set(), {"seconds"}),
    "close": (set(), set()),
    "delay": ({"seconds"}, set()),
    "http": ({"status"}, {"body", "after_commit"}),
    "vendor_error": ({"code"}, {"message", "after_commit"}),
    "row_error": ({"code"}, {"rows", "message"}),
    "late_commit": ({"seconds"}, set()),
}


class ControlError(ValueError):
    """A request to the control plane that cannot be carried out; answered with 400 and this text."""


class RecordError(ControlError):
    """A record that the vendor would refuse; `index` counts from 0 within its load."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"record {index}: {reason}")
        self.index = index
        self.reason = reason


@dataclass(slots=True)
class Fault:
    """One fault rule and how often it matched (`seen`) and fired (`hits`)."""

    document: Record
    kind: str
    pattern: Pattern[str]
    nth: int | None
    times: int | None
    probability: float | None
    seen: int = 0
    hits: int = 0

    @classmethod
    def parse(cls, document: object) -> Fault:
        """Read one rule of the faults document.

        `match` is `METHOD /path` with `*` for any text (also `* /path`). `nth` is the matching call that
        fires first, counted from 1; `times` how often it fires (default: once with `nth`, always without);
        `probability` (0 to 1, seeded) decides each time by chance.

        Raises:
            ControlError: a member is missing, unknown or of the wrong type.
        """
        if not isinstance(document, dict):
            raise ControlError("a fault rule is a JSON object")
        kind = str(document.get("kind"))
        if kind not in _KIND_MEMBERS:
            raise ControlError(f"unknown fault kind {kind!r}; one of {', '.join(_KIND_MEMBERS)}")
        required, optional = _KIND_MEMBERS[kind]
        if missing := sorted(required - document.keys()):
            raise ControlError(f"a {kind} fault needs {', '.join(missing)}")
        if unknown := sorted(document.keys() - required - optional - _RULE_MEMBERS):
            raise ControlError(f"a {kind} fault does not know {', '.join(unknown)}")
        match = document.get("match")
        if not isinstance(match, str) or len(match.split()) != 2:
            raise ControlError('match is "METHOD /path", with * for any text')
        if "seconds" in document and not is_number(document["seconds"]):
            raise ControlError("seconds is a number, 0 or more")
        nth, times = _positive(document, "nth"), _positive(document, "times")
        probability = document.get("probability")
        if probability is not None and not (is_number(probability) and probability <= 1):
            raise ControlError("probability is a number from 0 to 1")
        if times is None and nth is not None:
            times = 1
        return cls(
            document={key: value for key, value in document.items() if key != "hits"},
            kind=kind,
            pattern=compile_pattern(translate(" ".join(match.split()))),
            nth=nth,
            times=times,
            probability=probability,
        )

    def fires(self, target: str, chance: random.Random) -> bool:
        """Note one call (`METHOD /path`) and say whether the rule fires on it."""
        if not self.pattern.match(target):
            return False
        self.seen += 1
        if self.nth is not None and self.seen < self.nth:
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.probability is not None and chance.random() >= self.probability:
            return False
        self.hits += 1
        return True

    @property
    def seconds(self) -> float:
        """Give the rule's seconds, 0 when it has none."""
        return float(self.document.get("seconds", 0))

    @property
    def code(self) -> str:
        """Give the vendor code of an error rule."""
        return str(self.document["code"])

    @property
    def message(self) -> str:
        """Give the message of an error rule."""
        return str(self.document.get("message") or "Injected by a fault rule")

    @property
    def after_commit(self) -> bool:
        """Say whether the call is carried out before its answer is replaced."""
        return bool(self.document.get("after_commit")) or self.kind == "drop_answer"


def is_number(value: object) -> bool:
    """Say whether a JSON value is a number, 0 or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _positive(document: Record, name: str) -> int | None:
    value = document.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ControlError(f"{name} is a whole number from 1, or null")
    return value
