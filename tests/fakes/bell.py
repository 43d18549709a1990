"""A bell that remembers who was rung for."""

from tests.fakes.steps import Step, nothing


class RecordingBell:
    """`ports.Bell`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self.rung: list[str] = []

    def ring(self, lane: str) -> None:
        """Remember the ring."""
        self._step("bell.ring")
        self.rung.append(lane)
        self._step("bell.ring.done")
