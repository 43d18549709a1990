"""What a run of a Sync takes of AWS, and what that costs: one table of prices with its date, and how much of each.

How much of each a run takes is counted by `make bench ARGS=syncs-aws`; what is stored afterwards is not in it.

Source: the price lists of AWS Lambda (arm64), Step Functions (standard), S3, DynamoDB (on demand) in us-east-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from leadbridge.domain.partitioning import HELD, partitions_for

#: dollars for one of each
PRICES: Mapping[str, float] = {
    "GB-seconds": 13.3334e-6,
    "invocations": 0.20e-6,
    "transitions": 25e-6,
    "objects written": 5e-6,
    "objects read": 0.4e-6,
    "write units": 0.625e-6,
    "read units": 0.125e-6,
}
#: when they were looked up
PRICED = "2026-03"
#: of the function that takes a run's steps, and partitions that are loaded side by side (`statemachines/sync.asl.json`)
FUNCTION_GB, WORKERS = 0.5, 2
#: seconds of a step beside its rows and calls, of a row in all steps, and of a call with the wait for its turn
STEP_SECONDS, ROW_SECONDS, CALL_SECONDS = 0.3, 0.08e-3, 0.4
#: steps of a run, and of a job of a bulk machine, of which two run at a time
STEPS, JOB_STEPS = 6, 2
#: states that lie between two steps, those of a partition, and those of a run whatever it does
STATES_A_STEP, STATES_A_PARTITION, STATES = 3, 2, 4
#: rows whose ends are stored as one object
CHUNK_ROWS = 6_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much of each a run takes."""

    gb_seconds: float
    invocations: float
    transitions: float
    written: float
    read: float
    write_units: float
    read_units: float

    @property
    def items(self) -> Mapping[str, float]:
        """By the names of the prices."""
        return dict(
            zip(
                PRICES,
                (
                    self.gb_seconds,
                    self.invocations,
                    self.transitions,
                    self.written,
                    self.read,
                    self.write_units,
                    self.read_units,
                ),
                strict=True,
            )
        )

    @property
    def dollars(self) -> float:
        """What all of it costs."""
        return sum(PRICES[name] * number for name, number in self.items.items())


def usage(rows: int, calls: int, *, jobs: int = 0, row_bytes: float = 250) -> Usage:
    """What a run takes that moves so many rows of so many bytes with so many vendor calls, by so many jobs."""
    partitions = partitions_for(rows) if rows else 0
    chunks = partitions + ceil(rows / CHUNK_ROWS)
    spills = ceil(rows * row_bytes / HELD)
    steps = STEPS + jobs * JOB_STEPS if rows else 2
    # workers wait for the vendor's rate together
    waited = calls * CALL_SECONDS * min(WORKERS, max(partitions, 1))
    return Usage(
        gb_seconds=FUNCTION_GB * (STEP_SECONDS * (steps + partitions) + ROW_SECONDS * rows + waited),
        invocations=steps + partitions,
        transitions=STATES + STATES_A_STEP * steps + STATES_A_PARTITION * partitions,
        written=partitions * spills + 2 * chunks + ceil(rows / 2_000),
        read=2 * (partitions * spills + chunks) + ceil(rows / 2_000),
        write_units=4 + 2 * steps + 12 * chunks,
        read_units=6 + 6 * steps + calls,
    )


def run_dollars(rows: int, calls: int, *, jobs: int = 0, row_bytes: float = 250) -> float:
    """What a run costs."""
    return usage(rows, calls, jobs=jobs, row_bytes=row_bytes).dollars
