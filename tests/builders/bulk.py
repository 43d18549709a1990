"""Bulk runs on in-memory ports, driven as a state machine drives them."""

from typing import Any

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Policy, Run, Step
from leadbridge.usecases.run_bulk_step import Answer, RunBulkStep
from tests.fakes.bulk import FakeBulkVendor, InMemoryBulkRuns, InMemoryObjects
from tests.fakes.clock import SettableClock
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Crash, Steps

#: no run of these tests needs so many steps
MOST_STEPS = 400
SOURCE = "in/rows.csv"


def an_order(kind: str = "extract", vendor: str = "marketo", **members: Any) -> BulkOrder:
    """A valid order, with other members where given."""
    order = {
        "run": "sync-1-slot-7",
        "kind": kind,
        "vendor": vendor,
        "connection": f"{vendor}-1",
        "object": "Lead" if vendor == "salesforce" else "leads",
        "prefix": "runs/sync-1",
        "source": SOURCE if kind == "import" else "",
    }
    return BulkOrder.parse(order | members)


def rows_of(*first_cells: str) -> bytes:
    """An import's file: these names, and addresses made of them."""
    return "".join(
        f"{cell}\r\n" for cell in ("name,email", *(f"{one},{one}@example.com" for one in first_cells))
    ).encode()


class BulkWorld:
    """A vendor, the stores and the use-case; `drive` waits by moving the clock, and starts again after a crash."""

    def __init__(
        self,
        vendor: str = "marketo",
        *,
        source: bytes | None = None,
        piece_bytes: int = 1_000,
        policy: Policy | None = None,
        **options: Any,
    ) -> None:
        self.clock = SettableClock()
        self.steps = Steps()
        self.runs = InMemoryBulkRuns(step=self.steps)
        self.objects = InMemoryObjects(step=self.steps)
        self.vendor = FakeBulkVendor(self.clock, vendor=vendor, step=self.steps, **options)
        self.meter = RecordingMeter()
        if source is not None:
            self.objects.contents[SOURCE] = source
        self.use_case = RunBulkStep(
            runs=self.runs,
            objects=self.objects,
            vendors=self.vendor,
            clock=self.clock,
            meter=self.meter,
            policy=policy or Policy(),
            piece_bytes=piece_bytes,
        )
        self.answers: list[Answer] = []

    def step(self, order: BulkOrder) -> Answer:
        """One invocation."""
        answer = self.use_case(order, lambda: 600.0)
        self.answers.append(answer)
        return answer

    def drive(self, order: BulkOrder) -> Run:
        """Invoke until the run is over; a process that dies is followed by another, as the state machine sees to."""
        for _ in range(MOST_STEPS):
            try:
                answer = self.step(order)
            except Crash:
                continue
            if answer.run.over:
                return answer.run
            self.clock.advance(answer.next.wait_seconds)
        message = f"not over after {MOST_STEPS} steps: {self.runs.run(order.run)}"
        raise AssertionError(message)

    def until(self, order: BulkOrder, step: Step) -> Answer:
        """Invoke until the run comes to a step."""
        for _ in range(MOST_STEPS):
            answer = self.step(order)
            if answer.next.step is step:
                return answer
            self.clock.advance(answer.next.wait_seconds)
        message = f"never at {step}"
        raise AssertionError(message)

    def results(self, run: Run, number: int) -> list[str]:
        """The lines of a part's results, without the header, by row."""
        text = self.objects.contents[f"{run.folder}/results-{number:05}.csv"].decode()
        return sorted(text.splitlines()[1:], key=lambda line: int(line.partition(",")[0]))
