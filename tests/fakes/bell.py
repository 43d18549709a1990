"""A bell that remembers who was rung for."""


class RecordingBell:
    """`ports.Bell`."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, lane: str) -> None:
        """Remember the ring."""
        self.rung.append(lane)
