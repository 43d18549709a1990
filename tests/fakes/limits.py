"""What workers know together of vendors' limits, in memory; and a limiter for tests of other things."""

from collections.abc import Iterator
from contextlib import contextmanager

from leadbridge.domain.limits import Heard, State
from leadbridge.vendors.http.limiter import Place
from tests.fakes.steps import Step, nothing


class InMemoryLimits:
    """`ports.Limits`; counts what a table would charge for."""

    def __init__(self, *, step: Step = nothing) -> None:
        """Nobody has called any vendor yet."""
        self._step = step
        self._known: dict[str, tuple[State, int]] = {}
        self.reads = 0
        #: tries to write, those that came too late included
        self.writes = 0

    def read(self, instance: str) -> tuple[State, int]:
        """The state of an instance and its version; the empty state and 0 if nobody has called it yet."""
        self._step("limits.read")
        self.reads += 1
        known = self._known.get(instance, (State(), 0))
        self._step("limits.read.done")
        return known

    def swap(self, instance: str, state: State, version: int) -> tuple[State, int] | None:
        """Replace the state if `version` is still the current one; otherwise returns what stands there instead."""
        self._step("limits.swap")
        self.writes += 1
        known = self._known.get(instance, (State(), 0))
        if known[1] == version:
            self._known[instance] = (state, version + 1)
        self._step("limits.swap.done")
        return None if known[1] == version else known


class NoLimit:
    """`Limiter` that always says yes, and remembers what it was told."""

    def __init__(self) -> None:
        """Nothing was heard yet."""
        self.heard: list[Heard] = []

    @contextmanager
    def slot(self, operation: str, instance: str) -> Iterator[Place]:
        """Hold nothing."""
        yield self

    def hear(self, heard: Heard) -> None:
        """Remember."""
        self.heard.append(heard)
