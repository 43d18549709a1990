"""Imports by file on in-memory ports: the machine is the real use-case, its vendor and its waits are doubles."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.jobs import Policy
from leadbridge.errors import SyncError
from leadbridge.ports import BulkVendors
from leadbridge.usecases.import_files import ImportPorts
from leadbridge.usecases.run_bulk_step import RunBulkStep
from leadbridge.vendors.http.redaction import leaf_values, mask
from tests.builders.connectors import ToMarketo, a_connector
from tests.fakes.bulk import FakeBulkVendor, InMemoryBulkRuns, InMemoryObjects
from tests.fakes.steps import Step, nothing

#: no import of these tests needs so many turns without a wait
MOST_TURNS = 50


def an_import(action_id: str = "connector", **changes: Any) -> ConnectorAction:
    """An Action that imports leads by e-mail address, two at a time or after a minute."""
    mappings = [{"column": name, "to": name} for name in ("email", "firstName", "lastName")]
    members: dict[str, Any] = {"operation": "import_leads", "list": None, "person": None, "mappings": mappings}
    members |= {"lookup_field": "email", "batch": {"count": 2, "seconds": 60}}
    return a_connector(action_id, **(members | changes))


class Machine:
    """`ports.ImportMachine`: executions that take steps when they are told to, as far as they need not wait."""

    def __init__(self, use_case: RunBulkStep, *, step: Step = nothing) -> None:
        self._use_case = use_case
        self._step = step
        #: by run and number, the order; those that are at work
        self.orders: dict[tuple[str, int], Mapping[str, Any]] = {}
        self.running: dict[tuple[str, int], Mapping[str, Any]] = {}
        #: called when an execution was started
        self.on_start: Callable[[], object] = lambda: None
        #: errors that ended executions
        self.failed: list[SyncError] = []

    def start(self, order: Mapping[str, Any], number: int) -> None:
        """Start an execution; one of that number that was started before stays as it is."""
        self._step("machine.start")
        key = (str(order["run"]), number)
        if key not in self.orders:
            self.orders[key] = self.running[key] = dict(order)
            self.on_start()
        self._step("machine.start.done")

    def standing(self, run: str, number: int) -> Literal["absent", "running", "over"]:
        """How an execution of a run is."""
        self._step("machine.standing")
        found: Literal["absent", "running", "over"] = "over" if (run, number) in self.orders else "absent"
        self._step("machine.standing.done")
        return "running" if (run, number) in self.running else found

    def work(self) -> None:
        """Let every execution take the steps that need no wait."""
        for key, order in list(self.running.items()):
            try:
                over = self._turns(BulkOrder.parse({**order, "kind": "import"}))
            except SyncError as error:
                self.failed.append(error)
                over = True
            if over:
                del self.running[key]

    def _turns(self, order: BulkOrder) -> bool:
        for _ in range(MOST_TURNS):
            answer = self._use_case(order, lambda: 600.0)
            if answer.run.over or answer.next.wait_seconds:
                return answer.run.over
        raise AssertionError("the machine never waits")


class Imports(ToMarketo):
    """A world whose imports go to a vendor double, in the world's time. Its machine never dies: its steps are not
    counted, as those of `run_bulk_step` have tests of their own."""

    def __init__(self, *given: Any, **members: Any) -> None:
        super().__init__(*(given or (an_import(),)), **members)
        self._quiet = False
        self.objects = InMemoryObjects(step=self._take)
        self.runs = InMemoryBulkRuns(step=self._take)
        self.bulk = FakeBulkVendor(self.clock)
        self.machine = Machine(self._bulk_step(self.bulk_vendors()), step=self._take)
        self.imports = ImportPorts(
            objects=self.objects,
            runs=self.runs,
            machine=self.machine,
            mask=lambda text, sent: mask(text, leaf_values(sent)),
        )

    def bulk_vendors(self) -> BulkVendors:
        """Who takes the files."""
        return self.bulk

    def work(self) -> None:
        """The machine goes on, as far as it need not wait."""
        self._quiet = True
        try:
            self.machine.work()
        finally:
            self._quiet = False

    def minute(self) -> None:
        """A worker, the machine, and a minute."""
        self.drain()
        self.work()
        self.clock.advance(61)

    def run_out(self, *, batch: int = 200, limit: int = 60) -> None:
        """Minute after minute until nothing waits or only a person could go on."""
        for _ in range(limit):
            self.minute()
            if not self.inbox.waiting:
                return
        raise AssertionError(f"still waiting: {[event.state.value for event in self.inbox.waiting.values()]}")

    @property
    def files(self) -> list[list[str]]:
        """The lines of each file as it was sent, in order, without the header."""
        return [(job.sent or b"").decode().splitlines()[1:] for job in self.bulk.made]

    def _bulk_step(self, vendors: BulkVendors) -> RunBulkStep:
        return RunBulkStep(
            runs=self.runs, objects=self.objects, vendors=vendors, clock=self.clock, meter=self.meter, policy=Policy()
        )

    def _take(self, name: str) -> None:
        if not self._quiet:
            self.steps(name)
