"""How a figure is told: a heading with seed and size, raw lines, and its bound where it has one."""

import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Figure:
    """One figure as it is printed; `missed` names the bounds that do not hold."""

    title: str
    size: str
    raw: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Add a raw line."""
        self.raw.append(line)

    def bound(self, name: str, value: float, *, most: float | None = None, least: float | None = None) -> None:
        """Add a value that a bound is set for."""
        holds = (most is None or value <= most) and (least is None or value >= least)
        limit = f"at most {most:g}" if most is not None else f"at least {least:g}"
        self.raw.append(f"{name}: {value:.4g} ({limit}: {'holds' if holds else 'MISSED'})")
        if not holds:
            self.missed.append(f"{self.title}: {name} is {value:.4g}, {limit} wanted")

    def lines(self) -> Iterator[str]:
        """The figure as text."""
        yield f"== {self.title}"
        yield f"   {self.size}; load {load()}"
        yield from (f"   {line}" for line in self.raw)


def load() -> str:
    """The machine's load of the last minute and its cores: what a time is worth hangs on it."""
    return f"{os.getloadavg()[0]:.2f} on {os.cpu_count()} cores"


def show(figure: Figure) -> None:
    """Print a figure at once, so that a long run tells what it has."""
    sys.stdout.write("\n".join(figure.lines()) + "\n\n")
    sys.stdout.flush()


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """Median, lowest and highest of some measurements."""
    return f"median {statistics.median(values):.1f} {unit} ({min(values):.1f} to {max(values):.1f}, n = {len(values)})"


def listed(counts: Mapping[str, int]) -> str:
    """Counts by name, the largest first."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
