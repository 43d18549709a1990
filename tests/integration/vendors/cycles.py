"""Whole cycles between the vendor twins: the real frame, Syncs, kinds of records and clients; stores are in memory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.evolving import replace
from leadbridge.domain.hashing import digests
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import SyncRun, asked_for
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.custom_objects import CompletedSyncs
from leadbridge.usecases.cycle_entities import CycleEntities, EntityStores, hands_nothing_over
from leadbridge.usecases.cycle_pieces import PieceFiles
from leadbridge.usecases.cycle_planned import CyclePlanned, PlannedChange
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.kept_descriptions import KeptDescriptions
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.looked_up_rows import LookingVendors
from leadbridge.usecases.people_files import PeopleFiles
from leadbridge.usecases.run_cycle_step import RunCycleStep
from leadbridge.usecases.run_sync_step import RunSyncStep
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.vendors.cycle_news import VendorChanges, VendorNews
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.sync_vendors import VendorSyncs
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.fakes.bulk import InMemoryBulkRuns, InMemoryObjects
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.cycle import InMemoryCycleRuns, InMemoryDueRecords, InMemoryLinks
from tests.fakes.keys import InMemoryKeys
from tests.fakes.limits import NoLimit
from tests.fakes.meter import RecordingMeter
from tests.fakes.syncs import InMemorySyncRuns
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.extracts import extracted
from tests.integration.vendors.wired import SharedClock, TwinConnections, WorldClients

#: no cycle of these tests needs so many steps
MOST_STEPS = 40
CYCLE = "main"
#: Marketo's log is read up to ten minutes ago, so an edit is older than that when a cycle looks
MINUTES = 30


def _hash_key() -> bytes:
    return b"key"


def _nobody(run: SyncRun) -> None:
    message = f"nobody expects that {run.sync} asks: {run.message}"
    raise AssertionError(message)


class WiredCycle:
    """A cycle between the twins; their clock is ours."""

    most_steps = MOST_STEPS
    #: what the subscription may extract in a day
    day_bytes = 500_000_000

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, cycle: CrmCycle) -> None:
        """The cycle is active."""
        self.marketo, self.salesforce, self.cycle = marketo, salesforce, cycle
        self.clock = SharedClock(marketo, NOON - NOON, NOON)
        own = WorldClients(
            announced=clients.announced,
            key=clients.key,
            http=clients.http,
            world_clock=self.clock,
            deadline=Deadline(),
            marketo_limiter=self.limiter(),
        )
        self.connections = TwinConnections(own)
        self.documents = InMemoryConfigurations()
        for document in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm"), cycle):
            self.documents.put(document)
        self.documents.move("crm_cycle", CYCLE, Move.ACTIVATE)
        self.bulk_runs = InMemoryBulkRuns()
        #: what its runs count
        self.meter = RecordingMeter()
        #: how many workers are at work side by side, who take their turns here
        self.lanes = 1
        #: what was asked of bulk machines
        self.extracts: list[dict[str, Any]] = []
        #: a reason for which their jobs may be refused
        self.refused = ""
        #: is told of a run of a Sync that waits for somebody, who says yes then
        self.asks: Callable[[SyncRun], None] = _nobody
        self.syncs, self.cycles, self.meter = InMemorySyncRuns(), InMemoryCycleRuns(), RecordingMeter()
        self.objects, self.links, self.keys = self.stores()
        self.due = InMemoryDueRecords()
        whose = partial(vendor_of, self.documents)
        self.kept = KeptDescriptions(self.objects, self.clock)
        self.vendors = VendorSyncs(self.connections, whose, hands_nothing_over)
        self.looking = LookingVendors(self.vendors, self.connections, whose)

        # a process lives on
        self.completed = CompletedSyncs(self.connections, self.clock, self.kept)

    def limiter(self) -> Limiter:
        """What Marketo's client asks before each call."""
        return NoLimit()

    def stores(self) -> tuple[InMemoryObjects, InMemoryLinks, InMemoryKeys]:
        """Where files, links and guards are kept."""
        return InMemoryObjects(), InMemoryLinks(), InMemoryKeys()

    def stepping(self, what: str) -> AbstractContextManager[None]:
        """Around what a process of its own would do."""
        del what
        return nullcontext()

    def _cycle_step(self) -> RunCycleStep:
        stores = EntityStores(
            runs=self.syncs,
            objects=self.objects,
            links=lambda _: self.links,
            due=lambda _: self.due,
            news=lambda _: VendorNews(self.connections.marketo("marketing"), self.connections.salesforce("crm")),
            changes=lambda _: VendorChanges(self.connections.marketo("marketing"), self.connections.salesforce("crm")),
            hash_key=_hash_key,
            clock=self.clock,
            described=self.kept,
        )
        return RunCycleStep(
            documents=self.documents,
            runs=self.cycles,
            syncs=self.syncs,
            entities=CycleEntities(self.connections, stores),
            vendors=self.vendors,
            clock=self.clock,
            meter=self.meter,
        )

    def _sync_step(self) -> RunSyncStep:
        documents = WithDerived(self.documents, self.completed)
        facts = SourceFacts(connections=self.connections, documents=documents, clock=self.clock, kept=self.kept)
        load = LoadPartition(
            runs=self.syncs,
            objects=self.objects,
            vendors=self.looking,
            facts=facts,
            clock=self.clock,
            sleep=self.clock.sleep,
            keys=self.keys,
            hash_key=_hash_key,
            digest=digests(_hash_key),
        )
        return RunSyncStep(
            documents=documents,
            runs=self.syncs,
            objects=self.objects,
            vendors=self.looking,
            facts=facts,
            load=load,
            clock=self.clock,
            meter=RecordingMeter(),
            links=lambda _: self.links,
        )

    def ran(self, *, bootstrap: bool = False, parked: Sequence[str] = (), demanded: Sequence[str] = ()) -> CycleRun:
        """A run half an hour later, which ends well but for kinds that are parked; `bootstrap`: it is the first one.

        `demanded` are kinds that it has because somebody asked for them.
        """
        run = self.carried(self.begun(bootstrap=bootstrap, demanded=demanded))
        assert (run.step, {*run.parked}) == (CycleStep.DONE, {*parked}), run
        # what comes sooner is taken for an automation's answer to our write
        self.clock.advance(MINUTES * 60)
        return run

    def planned(self) -> list[PlannedChange]:
        """What a run half an hour later would do, as its plan lists it."""
        run = self.carried(self.begun(planning=True))
        assert (run.step, {*run.parked}) == (CycleStep.DONE, set()), run
        self.cycles.release(CYCLE, run.slot, run.epoch, self.clock.now())
        stored = CyclePlanned(
            documents=self.documents, runs=self.cycles, syncs=self.syncs, objects=self.objects, clock=self.clock
        )
        return list(stored.rows(CYCLE, run.slot))

    def begun(self, *, bootstrap: bool = False, planning: bool = False, demanded: Sequence[str] = ()) -> str:
        """Begin a run half an hour later; its slot."""
        self.clock.advance(MINUTES * 60)
        now = self.clock.now()
        slot = now.strftime("%Y%m%dT%H%M%SZ")
        taken = self.cycles.take(CYCLE, slot, self.cycles.standing(CYCLE), now)
        assert taken is not None
        version = self.documents.current("crm_cycle", CYCLE).version
        begun = CycleRun(cycle=CYCLE, slot=slot, version=version, epoch=taken.epoch, started_at=now)
        self.cycles.begin(replace(begun, bootstrap=bootstrap, planning=planning, demanded=tuple(demanded)))
        return slot

    def carried(self, slot: str) -> CycleRun:
        """Carry a run that was begun to its end."""
        for turn in range(self.most_steps):
            with self.stepping("cycle"):
                answer = self._cycle_step()(CycleOrder(cycle=CYCLE, slot=slot, begin=not turn), lambda: 600.0)
            if answer["step"] in {"done", "failed", "cancelled"}:
                break
            self.clock.sleep(answer["wait_seconds"])
            for order in answer["orders"]:
                self._drive(SyncOrder(sync=order["sync"], slot=order["slot"], begin=True))
        found = self.cycles.get(CYCLE, slot)
        assert found is not None
        return found[0]

    def _drive(self, order: SyncOrder) -> None:
        for _ in range(self.most_steps):
            answer = self._sync_stepped(order)
            if answer["step"] in {"done", "failed", "cancelled"}:
                return
            if answer["waiting"] == Waiting.GUARD:
                self._confirmed(order)
            self.clock.sleep(answer["wait_seconds"])
            self.lanes = max(1, len(answer["lanes"]))
            for parts in answer["lanes"]:
                self._sync_stepped(SyncOrder(sync=order.sync, slot=order.slot, parts=tuple(parts)))
            self.lanes = 1
            child = self._extracted(answer["child"]) if answer["child"] else None
            self._sync_stepped(SyncOrder(sync=order.sync, slot=order.slot, child=child))

    def _sync_stepped(self, order: SyncOrder) -> dict[str, Any]:
        with self.stepping("load" if order.parts else "sync"):
            return self._sync_step()(order, lambda: 600.0)

    def _confirmed(self, order: SyncOrder) -> None:
        found = self.syncs.get(order.sync, order.slot)
        assert found is not None
        self.asks(found[0])
        self.syncs.save(asked_for(found[0], Asked.CONFIRM, self.clock.now()), found[1])

    def _extracted(self, order: dict[str, Any]) -> dict[str, Any]:
        self.extracts.append(order["request"])
        with self.stepping("extract"):
            return extracted(
                order,
                runs=self.bulk_runs,
                objects=self.objects,
                connections=self.connections,
                clock=self.clock,
                refused=self.refused,
                day_bytes=self.day_bytes,
            )

    # what came of it

    def outcomes(self, run: CycleRun, kind: str) -> list[dict[str, str]]:
        """What became of each record of a kind in a run."""
        files: PeopleFiles = (
            PieceFiles(self.objects, run, kind) if kind != "persons" else PeopleFiles(self.objects, run)
        )
        return [line for piece in range(60) for line in files.outcomes(piece)]

    def of(self, twin: Twin, name: str, key: str) -> dict[Any, dict[str, Any]]:
        """Records of a twin by a field, each of which is there once."""
        records: Sequence[dict[str, Any]] = twin.get(f"records/{name}")
        found = {record.get(key): record for record in records}
        assert len(found) == len(records)
        return found

    def written(self) -> list[str]:
        """Marketo's calls that write, each by the end of its path; a long question is none of them."""
        posts = (each for each in self.calls(self.marketo, "/rest/v1/") if each["method"] == "POST")
        return [each["path"].rpartition("/")[2] for each in posts if "_method" not in str(each.get("query", ""))]

    def calls(self, twin: Twin, path: str) -> list[dict[str, Any]]:
        """Calls of a twin to paths that begin so."""
        return [each for each in twin.get("log?since=0") if each["path"].startswith(path)]
