"""Whole cycles on in-memory ports: the real frame, the real Syncs, the real persons, and two systems to be edited."""

import copy
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Self

from leadbridge.cycle_ports import CycleVendors, Entity
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.domain.cycle_people import kinds
from leadbridge.domain.cycling import CycleRun, CycleStep, asked_for
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.linked import Digest
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.waits import Waiting
from leadbridge.ports import Clock, Connections
from leadbridge.usecases.cycle_planned import CyclePlanned, PlannedChange
from leadbridge.usecases.decide_people import PeoplePorts, Schema
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.keep_people import KeepPeople
from leadbridge.usecases.load_partition import LoadPartition
from leadbridge.usecases.people_files import PeopleFiles
from leadbridge.usecases.run_cycle_step import RunCycleStep
from leadbridge.usecases.run_sync_step import RunSyncStep
from leadbridge.usecases.source_facts import SourceFacts
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.events import SECRET
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.cycle import InMemoryCycleRuns, InMemoryDueRecords, InMemoryLinks
from tests.fakes.keys import InMemoryKeys
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Crash, Steps
from tests.fakes.syncs import InMemorySyncRuns
from tests.fakes.systems import System, Table

#: no cycle of these tests needs so many steps
MOST_STEPS = 400
CYCLE = "main"
_TEXTS = ("FirstName", "LastName", "Company", "Status", "Phone", "Title", "ConvertedContactId", "ConvertedAccountId")
_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(_TEXTS, "string"),
    "Id": "id",
    "Email": "email",
    "Score__c": "double",
    "Marketo_Id__c": "string",
    "HasOptedOutOfEmail": "boolean",
    "Deleted_in_Marketo__c": "boolean",
    "IsConverted": "boolean",
    "ConvertedDate": "date",
    "CreatedDate": "datetime",
    "LastModifiedDate": "datetime",
    "SystemModstamp": "datetime",
}
_PEOPLE: Mapping[str, str] = {
    **dict.fromkeys(("firstName", "lastName", "company", "leadStatus", "phone", "title", "crmId", "crmType"), "string"),
    "id": "integer",
    "email": "email",
    "leadScore": "integer",
    "unsubscribed": "boolean",
    "goneFromCrm": "boolean",
    "createdAt": "datetime",
    "updatedAt": "datetime",
}
#: Adobe's usual pairs (U28 to U39), with policies of every kind
LEAD_FIELDS: Sequence[Mapping[str, Any]] = (
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company", "conflict": "newest"},
    {"marketo": "phone", "salesforce": "Phone", "conflict": "never", "blank": "clear"},
    {"marketo": "title", "salesforce": "Title", "conflict": "marketo"},
    {"marketo": "leadStatus", "salesforce": "Status"},
    {"marketo": "leadScore", "salesforce": "Score__c", "direction": "to_salesforce"},
    {"marketo": "unsubscribed", "salesforce": "HasOptedOutOfEmail"},
)
CONTACT_FIELDS: Sequence[Mapping[str, Any]] = (
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "title", "salesforce": "Title", "direction": "to_marketo"},
)


def described(name: str, fields: Mapping[str, str], prefix: str = "") -> ObjectDescription:
    """An object with these fields."""
    return ObjectDescription(
        name=name,
        key_prefix=prefix,
        fields={each: FieldDescription(name=each, type=kind) for each, kind in fields.items()},
    )


def a_cycle(**persons: Any) -> CrmCycle:
    """A cycle of persons both ways; members of `persons` are set."""
    return CrmCycle.model_validate(
        {
            "format": 1,
            "kind": "crm_cycle",
            "id": CYCLE,
            "name": "Main",
            "marketo": "marketing",
            "salesforce": "crm",
            "mode": "replace_native",
            "low_watermark": "2026-02-10T00:00",
            "persons": {
                "id_field": "crmId",
                "type_field": "crmType",
                "leads": {"fields": list(LEAD_FIELDS)},
                "contacts": {"fields": list(CONTACT_FIELDS)},
                "create_in_salesforce": {},
                **persons,
            },
        }
    )


def digest(text: str) -> str:
    """As short as those that are kept."""
    return sha256(text.encode()).hexdigest()[:16]


def described_tables(clock: Clock) -> tuple[Table, Table, Table]:
    """Marketo's people, Salesforce's Leads and Contacts."""
    return (
        Table(described("leads", _PEOPLE), "id", clock),
        Table(described("Lead", _FIELDS, "00Q"), "Id", clock),
        Table(described("Contact", _FIELDS, "003"), "Id", clock),
    )


class CycleWorld:
    """Two systems and a cycle between them; `cycle` plays a whole run and survives deaths."""

    def __init__(self, cycle: CrmCycle | None = None) -> None:
        """The cycle is active."""
        self.clock = SettableClock()
        self.steps = Steps()
        self.meter = RecordingMeter()
        self.people, self.leads, self.contacts = described_tables(self.clock)
        self.system = System({"leads": self.people, "Lead": self.leads, "Contact": self.contacts}, step=self.steps)
        self.runs = InMemorySyncRuns(step=self.steps)
        self.keys = InMemoryKeys()
        self.cycles = InMemoryCycleRuns()
        self.objects = InMemoryObjects(step=self.steps)
        self.links = InMemoryLinks(step=self.steps)
        self.due = InMemoryDueRecords(step=self.steps)
        self.documents = InMemoryConfigurations()
        for document in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm"), cycle or a_cycle()):
            self.documents.put(document)
        self.documents.move("crm_cycle", CYCLE, Move.ACTIVATE)
        self.deaths = 0
        self.digest: Digest = digest
        #: how many steps had been taken when a step of the cycle began, and ended
        self.own_steps: list[tuple[int, int]] = []
        self._derived = WithDerived(self.documents)
        self._kept: dict[int, Sequence[Entity]] = {}

    def copy(self) -> Self:
        """The same once more, from here on by itself; what nobody changes both share."""
        self._kept.clear()
        self.own_steps.clear()
        same = [*self.documents.everything(), *(table.described for table in self.system.tables.values())]
        return copy.deepcopy(self, {id(each): each for each in same})

    # one process after the other

    def _entities(self, cycle: CrmCycle, version: int, *, opening: bool = False) -> Sequence[Entity]:
        del opening
        if version not in self._kept:
            self._kept[version] = self.entities(cycle)
        return self._kept[version]

    def entities(self, cycle: CrmCycle) -> Sequence[Entity]:
        """The kinds of records."""
        persons = cycle.persons
        assert persons is not None
        known: list[Schema] = []

        def schema() -> Schema:
            people = self.people.described
            records = {name: self.system.tables[name].described for name in kinds(persons)}
            if known and known[0].people is people and all(each is known[0].records[n] for n, each in records.items()):
                return known[0]  # nothing has changed since: nothing is bound anew
            known[:] = [Schema(people=people, records=records)]
            return known[0]

        ports = PeoplePorts(
            runs=self.runs,
            objects=self.objects,
            records=self.system,
            news=self.system,
            changes=self.system,
            links=self.links,
            due=self.due,
            schema=schema,
            digest=self.digest,
            clock=self.clock,
        )
        return [KeepPeople(cycle, persons, ports)]

    def vendors(self) -> CycleVendors:
        """Both systems, read and written."""
        return self.system

    def connections(self) -> Connections:
        """What describes both systems."""
        return FakeConnections(
            marketo={"marketing": FakeMarketo(self.people.described)},
            salesforce={"crm": FakeSalesforce(self.leads.described, self.contacts.described)},
        )

    def bulk(self, order: dict[str, Any]) -> dict[str, Any]:
        """What a bulk machine does with an order."""
        message = f"no bulk run is expected: {order}"
        raise AssertionError(message)

    def _cycle_step(self) -> RunCycleStep:
        return RunCycleStep(
            documents=self.documents,
            runs=self.cycles,
            syncs=self.runs,
            entities=self._entities,
            vendors=self.vendors(),
            clock=self.clock,
            meter=self.meter,
        )

    def _sync_step(self) -> RunSyncStep:
        documents = self._derived
        facts = SourceFacts(connections=self.connections(), documents=documents, clock=self.clock)
        return RunSyncStep(
            documents=documents,
            runs=self.runs,
            objects=self.objects,
            vendors=self.vendors(),
            facts=facts,
            load=LoadPartition(
                runs=self.runs,
                objects=self.objects,
                vendors=self.vendors(),
                facts=facts,
                clock=self.clock,
                sleep=self.clock.sleep,
                keys=self.keys,
                hash_key=lambda: SECRET,
                digest=self.digest,
            ),
            clock=self.clock,
            meter=RecordingMeter(),
            links=lambda _: self.links,
        )

    # the state machines

    def cycle(self, minutes: float = 5, *, planning: bool = False, demanded: Sequence[str] = ()) -> CycleRun:
        """Wait for the gap, begin a run and drive it to its end."""
        self.clock.advance(minutes * 60)
        now, seen = self.clock.now(), self.cycles.standing(CYCLE)
        slot = now.strftime("%Y%m%dT%H%M%SZ")
        taken = self.cycles.take(CYCLE, slot, seen, now)
        assert taken is not None
        version = self.documents.current("crm_cycle", CYCLE).version
        run = CycleRun(
            cycle=CYCLE,
            slot=slot,
            version=version,
            epoch=taken.epoch,
            started_at=now,
            planning=planning,
            demanded=tuple(demanded),
        )
        self.cycles.begin(run)
        return self.drive(slot)

    def planned(self, run: CycleRun) -> list[PlannedChange]:
        """What a plan lists."""
        stored = CyclePlanned(
            documents=self.documents, runs=self.cycles, syncs=self.runs, objects=self.objects, clock=self.clock
        )
        return list(stored.rows(CYCLE, run.slot))

    def drive(self, slot: str) -> CycleRun:
        """Invoke until the run is over, or asks a person; a process that dies is followed by another."""
        for turn in range(MOST_STEPS):
            begun = len(self.steps.taken)
            try:
                answer = self._cycle_step()(CycleOrder(cycle=CYCLE, slot=slot, begin=not turn), lambda: 600.0)
                self.own_steps.append((begun, len(self.steps.taken)))
                if answer["step"] in {"done", "failed", "cancelled"} or answer["waiting"] == Waiting.GUARD:
                    return self.run(slot)
                self.clock.advance(answer["wait_seconds"])
                for order in answer["orders"]:
                    self.drive_sync(order["sync"], order["slot"])
            except Crash:
                self.deaths += 1
                self.clock.advance(1)
        message = f"not over after {MOST_STEPS} steps: {self.run(slot)}"
        raise AssertionError(message)

    def confirm(self, slot: str) -> CycleRun:
        """Somebody says yes to what a guard has counted; the run as far as it goes then."""
        found = self.cycles.get(CYCLE, slot)
        assert found is not None
        self.cycles.save(asked_for(found[0], Asked.CONFIRM, self.clock.now()), found[1])
        return self.drive(slot)

    def drive_sync(self, sync: str, slot: str) -> None:
        """Invoke a run of a Sync until it is over."""
        for _ in range(MOST_STEPS):
            try:
                answer = self._sync_step()(SyncOrder(sync=sync, slot=slot, begin=True), lambda: 600.0)
                if answer["step"] in {"done", "failed", "cancelled"}:
                    return
                self.clock.advance(answer["wait_seconds"])
                for parts in answer["lanes"]:
                    self._sync_step()(SyncOrder(sync=sync, slot=slot, parts=tuple(parts)), lambda: 600.0)
                child = self.bulk(answer["child"]) if answer["child"] else None
                self._sync_step()(SyncOrder(sync=sync, slot=slot, child=child), lambda: 600.0)
            except Crash:
                self.deaths += 1
        message = f"not over after {MOST_STEPS} steps: {sync} {slot}"
        raise AssertionError(message)

    def run(self, slot: str) -> CycleRun:
        """A run as it is stored."""
        found = self.cycles.get(CYCLE, slot)
        assert found is not None
        return found[0]

    def done(self, minutes: float = 5, *, demanded: Sequence[str] = ()) -> CycleRun:
        """A cycle that ends well."""
        run = self.cycle(minutes, demanded=demanded)
        assert run.step is CycleStep.DONE, run
        assert not run.parked, run
        return run

    # what came of it

    def outcomes(self, run: CycleRun) -> list[dict[str, str]]:
        """What became of each person of a run."""
        files = PeopleFiles(self.objects, run)
        state = files.state()
        assert state is not None
        return [line for piece in range(state.end) for line in files.outcomes(piece)]

    def written(self) -> int:
        """Records that were written by API so far, each as often as it was."""
        return sum(len(table.written) for table in self.system.tables.values())

    def later(self, **units: float) -> None:
        """Time passes."""
        self.clock.advance(timedelta(**units).total_seconds())
