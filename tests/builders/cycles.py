"""CRM cycles on in-memory ports: kinds of records that do as they are told, driven as the state machine drives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import Entity, Looked
from leadbridge.domain.action import Mapping as FieldMapping
from leadbridge.domain.action import UniqueIdentifier
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_fields import BoundFields
from leadbridge.domain.cycle_legs import Leg, Queue
from leadbridge.domain.cycle_order import CycleOrder
from leadbridge.domain.cycle_schema import Checked, Schema, checked, kept_as
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.evolving import replace
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync import DedupeRule, ImportRule, Sync, SyncDestination, SyncSource
from leadbridge.domain.sync_order import SyncOrder
from leadbridge.domain.syncing import Step, SyncRun, asked_for
from leadbridge.domain.three_way import Side
from leadbridge.errors import SyncError
from leadbridge.usecases.run_cycle_step import RunCycleStep
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge.usecases.start_sync import Started
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.sync_runs import LEADS
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.cycle import InMemoryCycleRuns, InMemoryDueRecords
from tests.fakes.meter import RecordingMeter
from tests.fakes.syncs import FakeDestination, FakeSource, FakeStarter, FakeSyncVendors, InMemorySyncRuns

NAME = {"marketo": "firstName", "salesforce": "FirstName"}
#: no run of these tests needs so many steps
MOST_STEPS = 200


def a_cycle(**members: Any) -> CrmCycle:
    """A cycle of all kinds of records that there are."""
    base = {
        "kind": "crm_cycle",
        "id": "main",
        "name": "Main",
        "marketo": "marketing",
        "salesforce": "crm",
        "mode": "replace_native",
        "sales_persons": {},
        "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}]},
        "persons": {"id_field": "crmId", "leads": {"fields": [NAME]}},
    }
    return CrmCycle.model_validate(base | members)


def a_derived_sync(name: str, source: str, destination: str) -> Sync:
    """A Sync of the cycle."""
    connections = {"marketo": "marketing", "salesforce": "crm"}
    objects = {"marketo": "leads", "salesforce": "Lead"}
    plain = Sync(
        kind="sync",
        id="plain",
        name=name,
        source=SyncSource(connection=connections[source], object=objects[source]),
        destination=SyncDestination(connection=connections[destination], object=objects[destination]),
        match=[UniqueIdentifier(column="id", field="Id")],
        **{"import": ImportRule.CREATE_AND_UPDATE},
        dedupe=DedupeRule.IMPORT_EVERYTHING,
        mappings=[FieldMapping(to="Id", column="id")],
        extraction="incremental",
    )
    return plain.model_copy(update={"id": f"main.{name}"})


@dataclass
class FakeEntity:
    """`cycle_ports.Entity`: one queue of each system, a leg in each of its groups, as many writes as it is told."""

    name: str
    runs: InMemorySyncRuns
    groups: Sequence[str]
    #: writes of each leg
    writes: int = 1
    #: what it raises, by the name of the call; for ever
    errors: dict[str, SyncError] = field(default_factory=dict)
    #: what was called
    told: list[str] = field(default_factory=list)
    #: pairs that are aside, and why
    aside: dict[str, str] = field(default_factory=dict)
    #: pieces of DECIDE and REMEMBER
    pieces: int = 2
    #: its queues are read when it is its turn to decide
    in_turn: bool = False

    def queues(self) -> Sequence[Queue]:
        """As the port says."""
        return [
            Queue(
                name=f"{self.name}-{side}",
                side=side,
                sync=a_derived_sync(f"{self.name}-{side}", side, side.other),
                in_turn=self.in_turn,
            )
            for side in Side
        ]

    def legs(self) -> Sequence[Leg]:
        """As the port says."""
        return [
            Leg(
                name=f"{self.name}-{group}",
                group=group,
                side=Side.MARKETO,
                sync=a_derived_sync(f"{self.name}-{group}", "salesforce", "marketo"),
            )
            for group in self.groups
        ]

    def look(self, before: Mapping[str, Schema], version: int, carried_to: datetime) -> Mapping[str, Checked]:
        """As the port says: of one object, without any pair."""
        if "look" in self.errors:
            raise self.errors["look"]
        nothing = BoundFields(fields=(), aside=self.aside)
        described = {side: ObjectDescription(name=f"{self.name}-object", fields={}) for side in Side}
        known = before.get(kept_as(self.name, "Object"))
        return {"Object": checked(nothing, described, known, version=version, carried_to=carried_to)}

    def decide(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """As the port says."""
        self._tell("decide")
        writes = {**run.writes, **{leg.name: self.writes for leg in self.legs()}}
        newest = {**run.newest, **{queue.name: run.ceilings[queue.side] for queue in self.queues()}}
        return (
            None if run.through == self.pieces else replace(run, through=run.through + 1, writes=writes, newest=newest)
        )

    def prepare(self, run: CycleRun, group: str) -> Sequence[SyncOrder]:
        """As the port says."""
        self._tell(f"prepare {group}")
        legs = [leg for leg in self.legs() if leg.group == group and self.writes]
        for leg in legs:
            self.runs.begin(
                SyncRun(
                    sync=leg.sync.id,
                    slot=run.slot,
                    version=run.version,
                    source="salesforce",
                    destination="marketo",
                    epoch=run.epoch,
                    started_at=run.started_at,
                    plan=run.slot,
                )
            )
        return [SyncOrder(sync=leg.sync.id, slot=run.slot) for leg in legs]

    def remember(self, run: CycleRun, remaining: float) -> CycleRun | None:
        """As the port says."""
        self._tell("remember")
        return None if run.through == self.pieces else replace(run, through=run.through + 1)

    def _tell(self, what: str) -> None:
        self.told.append(what)
        if what in self.errors:
            raise self.errors[what]


class CycleWorld:
    """A cycle, its stores and use-cases; `drive` carries runs of Syncs out, and waits by moving the clock."""

    def __init__(self, cycle: CrmCycle | None = None, *, most_turns: int = 100) -> None:
        """The cycle is active."""
        self.clock = SettableClock()
        self.documents = InMemoryConfigurations()
        self.cycle = cycle or a_cycle()
        for document in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm"), self.cycle):
            self.documents.put(document)
        self.documents.move("crm_cycle", self.cycle.id, Move.ACTIVATE)
        self.runs = InMemoryCycleRuns()
        self.syncs = InMemorySyncRuns()
        self.source = FakeSource(clock=self.clock.now)
        groups = {
            "sales_persons": ("sales_persons", "sales_persons_deleted"),
            "companies": ("companies", "companies_deleted"),
            "persons": ("salesforce", "people", "people_deleted"),
        }
        self.entities = {name: FakeEntity(name, self.syncs, each) for name, each in groups.items()}
        self.starter = FakeStarter()
        self.meter = RecordingMeter()
        self.due = InMemoryDueRecords()
        #: what each look finds, the last one again and again; an error is raised
        self.looks: list[Looked | SyncError] = [Looked(token="next")]
        self.looked: list[tuple[Mapping[Side, datetime], str]] = []
        #: Syncs whose runs fail, with their reason; those whose executions die
        self.failing: dict[str, str] = {}
        self.dying: set[str] = set()
        #: runs of Syncs as they were carried out, those of one group sorted
        self.carried: list[list[str]] = []
        self.most_turns = most_turns

    def starting(self) -> StartCycle:
        """The use-case of the tick."""
        return StartCycle(
            documents=self.documents,
            runs=self.runs,
            syncs=self.syncs,
            queues=lambda _: [queue for each in self.entities.values() for queue in each.queues()],
            due=lambda _: self.due,
            look=self._look,
            starter=self.starter,
            ask_sync=self._ask_sync,
            clock=self.clock,
        )

    def tick(self) -> Started:
        """A fire of the schedule."""
        return self.starting().tick(self.cycle.id)

    def now(self, *, from_now: bool = False) -> Started:
        """A person's order."""
        return self.starting().now(self.cycle.id, from_now=from_now)

    def step(self, slot: str, **members: Any) -> dict[str, Any]:
        """A call of the step function."""
        entities: list[Entity] = list(self.entities.values())

        def _entities(cycle: CrmCycle, version: int, *, opening: bool = False) -> Sequence[Entity]:
            del cycle, version, opening
            return entities

        use_case = RunCycleStep(
            documents=self.documents,
            runs=self.runs,
            syncs=self.syncs,
            entities=_entities,
            vendors=FakeSyncVendors(self.source, FakeDestination(LEADS, "id")),
            clock=self.clock,
            meter=self.meter,
            most_turns=self.most_turns,
        )
        return use_case(CycleOrder.parse({"cycle": self.cycle.id, "slot": slot, **members}), lambda: 600.0)

    def drive(self, slot: str, *, steps: int = MOST_STEPS) -> CycleRun:
        """Do as the state machine does, until the run has ended or so many steps were taken."""
        answer = self.step(slot, begin=True)
        for _ in range(steps):
            if answer["step"] in {"done", "failed", "cancelled"}:
                break
            if answer["renew"]:
                answer = self.step(slot, begin=True)
            elif answer["wait_seconds"]:
                self.clock.advance(answer["wait_seconds"])
            elif answer["at_work"]:
                self.carry(answer["orders"])
            answer = self.step(slot, turns=answer["turns"])
        return self.run(slot)

    def carry(self, orders: Sequence[Mapping[str, str]]) -> None:
        """Carry runs of Syncs out, side by side."""
        self.carried.append(sorted(each["sync"].removeprefix("main.") for each in orders))
        for each in orders:
            if each["sync"] in self.dying:
                continue
            found = self.syncs.get(each["sync"], each["slot"])
            assert found is not None
            run, version = found
            if run.over:
                continue
            why = self.failing.get(each["sync"], "")
            step = Step.CANCELLED if run.asked is Asked.CANCEL else Step.FAILED if why else Step.DONE
            self.syncs.save(replace(run, step=step, message=why, pulled=3, ended_at=self.clock.now()), version)

    def ran(self) -> CycleRun:
        """A run that somebody ordered, to its end."""
        told = self.now()
        assert told.started, told
        return self.drive(told.slot)

    def run(self, slot: str) -> CycleRun:
        """A run as it is stored."""
        found = self.runs.get(self.cycle.id, slot)
        assert found is not None
        return found[0]

    def _look(self, cycle: CrmCycle, since: Mapping[Side, datetime], token: str) -> Looked:
        assert cycle == self.cycle
        self.looked.append((since, token))
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, SyncError):
            raise found
        return found

    def _ask_sync(self, sync: str, slot: str, asked: Asked) -> SyncRun:
        found = self.syncs.get(sync, slot)
        assert found is not None
        wanted = asked_for(found[0], asked, self.clock.now())
        self.syncs.save(wanted, found[1])
        return wanted
