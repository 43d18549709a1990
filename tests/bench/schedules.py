"""How many hostile schedules one core plays in a second."""

from tests.bench.report import Figure, listed
from tests.fault.simulation.report import play_all


def figure(*, size: int, seed: int) -> Figure:
    """So many schedules after one another, on one core; anything wrong is a miss."""
    report = play_all(range(seed, seed + size))
    figure = Figure(title="simulated schedules", size=f"seeds from {seed}, {size} schedules, one core")
    figure.add(f"{size / report.seconds:.0f} schedules and {report.steps / report.seconds:,.0f} I/O points a second")
    figure.add(f"in all: {listed(report.totals)}")
    figure.bound("schedules with a violation", len(report.failures), most=0)
    return figure
