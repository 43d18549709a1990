"""Counts, memory, the state of things and channels of alerts, in memory."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from leadbridge.domain.alerts import Memory, Unsent
from leadbridge.domain.counted import Certificate, Counted, ParkedWork, Waiting, bucket
from leadbridge.domain.holding import NOTHING, Held
from leadbridge.domain.limits import State
from leadbridge.errors import TransientError
from tests.fakes.clock import NOON


class InMemoryTally:
    """`ports.Tally`; `away` makes the next flushes fail."""

    def __init__(self, now: Callable[[], datetime] = lambda: NOON) -> None:
        self._now = now
        self._noted: dict[str, Counter[tuple[str, str]]] = {}
        self._stored: dict[tuple[datetime, str], Counter[tuple[str, str]]] = {}
        self.away = 0

    def note(self, action: str, what: str, reason: str = "", number: int = 1) -> None:
        """Count in memory."""
        self._noted.setdefault(action, Counter())[what, reason] += number

    def flush(self) -> None:
        """Store what was noted."""
        noted, self._noted = self._noted, {}
        if self.away and noted:
            self.away -= 1
            raise TransientError("planted by a test", vendor="aws", operation="UpdateItem")
        for action, numbers in noted.items():
            self._stored.setdefault((bucket(self._now()), action), Counter()).update(numbers)

    def between(self, start: datetime, end: datetime) -> Sequence[Counted]:
        """What was counted in pieces that begin in [start, end)."""
        return [
            Counted(action=action, at=at, numbers=dict(numbers))
            for (at, action), numbers in sorted(self._stored.items(), key=lambda each: each[0])
            if start <= at < end
        ]


class InMemoryAlertStore:
    """`ports.AlertStore`."""

    def __init__(self) -> None:
        self._state: tuple[Memory, tuple[Unsent, ...]] = (Memory(), ())
        self._version = 0

    def load(self) -> tuple[Memory, Sequence[Unsent], int]:
        """The memory, what was not sent yet, and their version."""
        return (*self._state, self._version)

    def save(self, memory: Memory, unsent: Sequence[Unsent], version: int) -> int | None:
        """Replace both if `version` is the current one."""
        if version != self._version:
            return None
        self._state = (memory, tuple(unsent))
        self._version += 1
        return self._version


class SettableWatch:
    """`ports.Watch` that shows what a test put into it."""

    def __init__(self) -> None:
        self.lanes: list[Waiting] = []
        self.work: list[ParkedWork] = []
        self.states: dict[str, State] = {}
        self.ends: list[Certificate] = []

    def waiting(self, kept: Callable[[str], Held] = lambda _: NOTHING) -> Sequence[Waiting]:
        """The lanes that were set, but those of which everything is kept back."""
        return [each for each in self.lanes if not kept(each.connection).everything]

    def parked(self) -> Sequence[ParkedWork]:
        """The work that was set."""
        return self.work

    def instances(self) -> Mapping[str, State]:
        """The states that were set."""
        return self.states

    def certificates(self) -> Sequence[Certificate]:
        """The certificates that were set."""
        return self.ends


class RecordingChannel:
    """`ports.Channel` that keeps what it took; `refusal` is what it says instead of taking more."""

    def __init__(self, name: str = "email") -> None:
        self.name = name
        self.taken: list[tuple[str, str]] = []
        self.refusal = ""

    def send(self, subject: str, text: str) -> str:
        """Take a message, or refuse it."""
        if not self.refusal:
            self.taken.append((subject, text))
        return self.refusal
