"""Runs of Syncs on in-memory ports, driven as the state machine drives them."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from leadbridge.domain.bulk_order import BulkOrder
from leadbridge.domain.jobs import Policy
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step as RunStep
from leadbridge.domain.syncing import SyncRun, summed
from leadbridge.ports import BulkVendors, Connections
from leadbridge.sync_ports import SyncVendors
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.run_bulk_step import RunBulkStep
from leadbridge.usecases.run_sync_step import RunSyncStep
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.start_sync import Started, StartSync, vendor_of
from leadbridge.usecases.sync_files import read_results
from leadbridge.usecases.sync_results import SyncResults
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.events import SECRET
from tests.builders.syncs import a_sync
from tests.builders.world import World
from tests.fakes.bulk import InMemoryBulkRuns, InMemoryObjects
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.keys import InMemoryKeys
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Crash, Steps
from tests.fakes.syncs import FakeDestination, FakeSource, FakeStarter, FakeSyncVendors, InMemorySyncRuns

#: no run of these tests needs so many steps
MOST_STEPS = 400
SLOT = "20260302T120000Z"
LEADS = ObjectDescription(
    name="leads",
    fields={
        name: FieldDescription(name=name, type=kind, id_lookup=name == "email")
        for name, kind in {
            "id": "integer",
            "email": "email",
            "lastName": "string",
            "score": "integer",
            "vip": "boolean",
        }.items()
    },
)


CONTACT = ObjectDescription(
    name="Contact",
    fields={
        name: FieldDescription(name=name, type=kind)
        for name, kind in {
            "Id": "id",
            "Email": "email",
            "LastName": "string",
            "Score": "string",
            "CreatedDate": "datetime",
            "LastModifiedDate": "datetime",
            "SystemModstamp": "datetime",
        }.items()
    },
)


class SyncWorld:
    """A source, a destination, the stores and the use-cases; `drive` waits by moving the clock, and survives deaths."""

    def __init__(
        self, sync: Sync | None = None, *, active: bool = True, most_turns: int = 1000, beside: World | None = None
    ) -> None:
        """Sync the document, which is active unless it is not to be; `beside` are Actions with the same keys."""
        self.clock = beside.clock if beside else SettableClock()
        self.steps = beside.steps if beside else Steps()
        self.sync = sync or a_sync(dedupe="import_everything")
        self.runs = InMemorySyncRuns(step=self.steps)
        self.objects = InMemoryObjects(step=self.steps)
        self.source = FakeSource(step=self.steps, clock=self.clock.now)
        self.destination = FakeDestination(LEADS, "id", step=self.steps)
        self.origin = FakeDestination(CONTACT, "Id", step=self.steps)
        self.keys = beside.keys if beside else InMemoryKeys(step=self.steps)
        self.meter = RecordingMeter()
        self.starter = FakeStarter(step=self.steps)
        self.documents = InMemoryConfigurations()
        for document in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm"), self.sync):
            self.documents.put(document)
        if active:
            self.documents.move("sync", self.sync.id, Move.ACTIVATE)
        self.most_turns = most_turns
        #: calls of a kind in a chunk
        self.chunk_calls = 1
        #: seconds that a process has left
        self.left = 600.0
        self.connections: Connections = FakeConnections(
            marketo={"marketing": FakeMarketo(LEADS)}, salesforce={"crm": FakeSalesforce(CONTACT)}
        )
        self.bulk_runs = InMemoryBulkRuns(step=self.steps)
        self.bulk_vendors: BulkVendors | None = None
        #: other vendors than the doubles
        self.others: SyncVendors | None = None

    def row(self, number: int, **members: str) -> None:
        """A row of the source that is there since yesterday."""
        self.changed(number, NOON - timedelta(days=1), **members)

    def changed(self, number: int, at: datetime, **members: str) -> None:
        """A row of the source that bears a moment, and is shown from then on."""
        columns = {"Id": f"{number:03}", "Email": f"p{number}@example.com", "LastName": f"Name {number}"}
        self.source.rows.append((columns | members, at, at))

    def start(self, slot: str = SLOT, *, scheduled: bool = True) -> Started:
        """A call of the poll function."""
        return self.starting()(self.sync.id, slot, scheduled=scheduled)

    def starting(self) -> StartSync:
        """The use-case of the poll function, in a process of its own."""
        return StartSync(
            documents=self.documents,
            runs=self.runs,
            vendor=partial(vendor_of, self.documents),
            starter=self.starter,
            clock=self.clock,
        )

    def vendors(self) -> SyncVendors:
        """The one source and the one destination."""
        return self.others or FakeSyncVendors(self.source, self.destination, self.origin)

    def facts(self) -> SourceFacts:
        """What is known of the source."""
        return SourceFacts(connections=self.connections, documents=self.documents, clock=self.clock)

    def loads(self) -> LoadPartition:
        """What loads partitions in a new process."""
        return LoadPartition(
            runs=self.runs,
            objects=self.objects,
            vendors=self.vendors(),
            facts=self.facts(),
            clock=self.clock,
            sleep=self.clock.sleep,
            keys=self.keys,
            hash_key=lambda: SECRET,
            calls=self.chunk_calls,
        )

    def step(self, slot: str = SLOT, *, remaining: float | None = None, **members: Any) -> dict[str, Any]:
        """One invocation, in a process of its own that has so many seconds left."""
        use_case = RunSyncStep(
            documents=self.documents,
            runs=self.runs,
            objects=self.objects,
            vendors=self.vendors(),
            facts=self.facts(),
            load=self.loads(),
            clock=self.clock,
            meter=self.meter,
            most_turns=self.most_turns,
        )
        order = SyncOrder(sync=self.sync.id, slot=slot, **members)
        return use_case(order, lambda: self.left if remaining is None else remaining)

    def drive(self, slot: str = SLOT, *, until: RunStep | None = None) -> SyncRun:
        """Invoke until the run is over, or comes to a step; a process that dies is followed by another."""
        for _ in range(MOST_STEPS):
            try:
                answer = self.step(slot, begin=True)
                if answer["step"] in {"done", "failed", "cancelled"} or answer["step"] == until:
                    return self.run(slot)
                self.clock.advance(answer["wait_seconds"])
                for parts in answer["lanes"]:
                    self.step(slot, parts=tuple(parts))
                self.step(slot, child=self.bulk(answer["child"]) if answer["child"] else None)
            except Crash:
                continue
        message = f"not over after {MOST_STEPS} steps: {self.run(slot)}"
        raise AssertionError(message)

    def bulk(self, order: dict[str, Any]) -> dict[str, Any]:
        """What the bulk machine does, to its end: its output, or its error as another machine hears of it."""
        assert self.bulk_vendors is not None, "no bulk run is expected"
        use_case = RunBulkStep(
            runs=self.bulk_runs,
            objects=self.objects,
            vendors=self.bulk_vendors,
            clock=self.clock,
            meter=self.meter,
            policy=Policy(),
        )
        kind = "import" if "source" in order else "extract"
        for _ in range(MOST_STEPS):
            answer = use_case(BulkOrder.parse(order | {"kind": kind}), lambda: 600.0)
            if answer.run.over:
                said = answer.as_dict()
                cause = json.dumps({"Error": said["reason"], "Cause": said["message"]})
                return said if said["step"] == "done" else {"Error": "States.TaskFailed", "Cause": cause}
            self.clock.advance(answer.next.wait_seconds)
        message = f"not over after {MOST_STEPS} steps: {order['run']}"
        raise AssertionError(message)

    def ran(self, slot: str = SLOT) -> SyncRun:
        """Start a run and drive it to its end."""
        assert self.start(slot).started
        return self.drive(slot)

    def run(self, slot: str = SLOT) -> SyncRun:
        """A run as people see it."""
        found = self.runs.get(self.sync.id, slot)
        assert found is not None
        return summed(found[0], self.runs.parts(self.sync.id, slot))

    def results_of(self) -> SyncResults:
        """What people ask of runs that are over."""
        return SyncResults(documents=self.documents, runs=self.runs, objects=self.objects)

    def results(self, slot: str = SLOT) -> dict[int, Mapping[str, str]]:
        """What became of each row, by its position; no row has two ends."""
        run = self.run(slot)
        found: dict[int, Mapping[str, str]] = {}
        for part in self.runs.parts(self.sync.id, slot):
            for chunk in range(part.chunks):
                for line in read_results(self.objects, run, part, chunk):
                    assert int(line["row"]) not in found, line
                    found[int(line["row"])] = line
        return found

    def held(self) -> dict[str, str]:
        """The destination's last names by e-mail address, each of which is there once."""
        emails = [record["email"] for record in self.destination.records]
        assert len(emails) == len(set(emails)), sorted(emails)
        return {record["email"]: record["lastName"] for record in self.destination.records}
