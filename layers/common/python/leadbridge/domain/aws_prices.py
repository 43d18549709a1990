"""What a run of a Sync takes of AWS, and what that costs: one table of prices with its date, and how much of each.

How much of each a run takes is counted by `make bench ARGS=syncs-aws`; what is stored afterwards is not in it.

Source: the price lists of AWS Lambda (arm64), Step Functions (standard), S3, DynamoDB (on demand) in us-east-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from leadbridge.domain.partitioning import HELD, partitions_for
from leadbridge.domain.syncing import WORKERS as WORKERS_TO

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
#: of the function that takes a run's steps; workers that wait for a vendor's rate, and seconds that one of them has
FUNCTION_GB, WORKERS, WORKER_SECONDS = 0.5, WORKERS_TO["marketo"], 810.0
#: seconds of a step beside its rows and calls, of a row in all steps, and of a call with the wait for its turn
STEP_SECONDS, ROW_SECONDS, CALL_SECONDS = 0.3, 0.08e-3, 0.4
#: steps of a run, and of a job of a bulk machine, of which two run at a time
STEPS, JOB_STEPS = 6, 2
#: states that lie between two steps, those of a worker, and those of a run whatever it does
STATES_A_STEP, STATES_A_WORKER, STATES = 3, 2, 4
#: rows whose ends are stored as one object, units of storing the numbers of so many, and rows of a page of the source
CHUNK_ROWS, INTENT_UNITS, PAGE_ROWS = 6_000, 100, 2_000


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
    workers = min(WORKERS, max(partitions, 1))
    # they wait for the vendor's rate together
    waited = calls * CALL_SECONDS * workers
    # whose time is up is followed by another, after a step that sees how far it came
    rounds = ceil((waited + ROW_SECONDS * rows) / workers / WORKER_SECONDS) if rows else 0
    steps = STEPS + jobs * JOB_STEPS + max(0, rounds - 1) if rows else 2
    return Usage(
        gb_seconds=FUNCTION_GB * (STEP_SECONDS * (steps + partitions) + ROW_SECONDS * rows + waited),
        invocations=steps + rounds * workers,
        transitions=STATES + STATES_A_STEP * steps + STATES_A_WORKER * rounds * workers,
        # rows in their partitions, ends, lines of an import or else pages of the source
        written=partitions * spills + chunks + (chunks - partitions if jobs else ceil(rows / PAGE_ROWS)),
        read=2 * (partitions * spills + (chunks - partitions if jobs else ceil(rows / PAGE_ROWS))),
        # what is about to be written of a chunk by calls is stored with the number of each row
        write_units=4 * (steps + partitions) + (0 if jobs else INTENT_UNITS * (chunks - partitions)),
        read_units=6 * steps + 2 * partitions + calls,
    )


def run_dollars(rows: int, calls: int, *, jobs: int = 0, row_bytes: float = 250) -> float:
    """What a run costs."""
    return usage(rows, calls, jobs=jobs, row_bytes=row_bytes).dollars
