"""What the tests with foreign client libraries share: a running twin, its clock, and adversarial text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

#: what records hold in these tests: quotes of both kinds, separators, line ends and letters beyond ASCII
TEXTS = (
    "O'Brien",
    'Ann "Bo" Clark',
    "Žofie Dvořáková",
    "李 小龍",
    "fox 🦊 & co.",
    "a,b;c\td|e",
    "back\\slash / 100 % + 1 = #1?",
    "two\nlines",
    "line\u2028separator",
    "null",
)


@dataclass
class Twin:
    """One vendor twin: its URL, what a client logs in with, and its control plane."""

    url: str
    credentials: dict[str, str]
    http: httpx.Client

    def post(self, what: str, document: object) -> Any:
        """Tell the control plane something."""
        answer = self.http.post(f"/_sim/{what}", json=document)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, what: str) -> Any:
        """Ask the control plane something."""
        answer = self.http.get(f"/_sim/{what}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def load(self, name: str, *records: dict[str, Any]) -> list[Any]:
        """Put records into the twin and give their ids."""
        ids: list[Any] = self.post("load", {name: list(records)})[name]
        return ids

    def records(self, name: str) -> list[dict[str, Any]]:
        """Give every record of an object, as the twin holds it."""
        found: list[dict[str, Any]] = self.get(f"records/{name}")
        return found

    def calls(self, method: str, path: str) -> list[dict[str, Any]]:
        """Give the logged calls of this method whose path begins so."""
        log = self.get("log?since=0")
        return [each for each in log if each["method"] == method and each["path"].startswith(path)]

    def now(self) -> datetime:
        """Give the time on the twin's clock, in whole seconds."""
        return datetime.fromisoformat(self.get("clock")["now"]).replace(microsecond=0)


@dataclass
class TwinTime:
    """Stands in for a library's `time` module: its time is the twin's, and a wait moves that on instead of passing."""

    twin: Twin
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        """Give the seconds since 1970 on the twin's clock."""
        return datetime.fromisoformat(self.twin.get("clock")["now"]).timestamp()

    def sleep(self, seconds: float) -> None:
        """Let the twin's clock pass."""
        self.slept.append(seconds)
        self.twin.post("clock", {"advance_seconds": seconds})


def text(index: int) -> str:
    """Give the adversarial text with this number; they repeat, each time with the number."""
    return f"{TEXTS[index % len(TEXTS)]} {index}"
