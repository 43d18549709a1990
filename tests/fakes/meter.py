"""A meter that can be read."""


class RecordingMeter:
    """`ports.Meter`; `of(name, **labels)` is what was counted under these labels, whatever others."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        #: the lowest level noted, by name
        self.gauges: dict[str, float] = {}

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        key = (name, tuple(sorted(labels.items())))
        self._values[key] = self._values.get(key, 0.0) + value

    def gauge(self, name: str, value: float) -> None:
        """Note a level; of several the lowest counts."""
        self.gauges[name] = min(value, self.gauges.get(name, value))

    def of(self, name: str, **labels: str) -> float:
        """What was counted."""
        wanted = set(labels.items())
        return sum(value for (known, given), value in self._values.items() if known == name and wanted <= set(given))
