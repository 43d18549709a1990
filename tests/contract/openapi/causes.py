"""What a vendor's list of error codes says, and how a twin comes to answer each code: the shape of both tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import httpx

#: the least share of the documented codes that a state or a request must cause
LEAST = 0.8


@dataclass(frozen=True, slots=True)
class Cause[World]:
    """A code, what causes it at the vendor, and the calls that cause it at the twin."""

    code: str
    because: str
    provoke: Callable[[World], httpx.Response]


@dataclass(frozen=True, slots=True)
class Codes[World]:
    """All documented codes of a vendor: caused, given by a fault switch only (with the reason), or not at all."""

    vendor: str
    documented: tuple[str, ...]
    causes: tuple[Cause[World], ...]
    switch_only: Mapping[str, str]
    absent: Mapping[str, str]

    @property
    def share(self) -> float:
        """The part of the documented codes that some cause gives."""
        return len({cause.code for cause in self.causes}) / len(self.documented)

    def table(self) -> list[str]:
        """One line for each code, the cause beside it, and the sum."""
        caused = sorted({cause.code for cause in self.causes}, key=self.documented.index)
        lines = [f"{cause.code:40} {cause.because}" for cause in sorted(self.causes, key=lambda each: each.code)]
        lines += [f"{code:40} fault switch only: {why}" for code, why in self.switch_only.items()]
        lines += [f"{code:40} not simulated: {why}" for code, why in self.absent.items()]
        total = (
            f"{self.vendor}: {len(caused)} of {len(self.documented)} documented codes caused ({self.share:.0%}),"
            f" {len(self.switch_only)} by a fault switch only, {len(self.absent)} not simulated"
        )
        return [*lines, total]


def codes_of(answer: httpx.Response) -> set[str]:
    """Every vendor code in an answer, of the call and of its records, and the HTTP status where it is no success."""
    found = {f"http_{answer.status_code}"} if answer.status_code >= 300 else set()
    if "json" not in answer.headers.get("content-type", ""):
        # the failed rows of a bulk job name their code at the start of a column
        return found | {
            word for word in answer.text.replace(",", " ").replace(":", " ").replace('"', " ").split() if word.isupper()
        }
    return found | set(_codes_in(answer.json()))


def _codes_in(document: Any) -> list[str]:
    if isinstance(document, dict):
        own = [str(document[name]) for name in ("code", "errorCode", "statusCode") if name in document]
        return own + list(chain.from_iterable(map(_codes_in, document.values())))
    return list(chain.from_iterable(map(_codes_in, document))) if isinstance(document, list) else []
