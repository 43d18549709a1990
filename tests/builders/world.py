"""A whole Leadbridge on in-memory ports, with one Marketo instance and one Salesforce org."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.action import Configuration
from leadbridge.domain.connector import ACTIONS, AnyAction
from leadbridge.domain.event import Arrival
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.messages import read_batch
from leadbridge.domain.outcome import State
from leadbridge.domain.records import ObjectDescription
from leadbridge.usecases.answer_inline import AnswerInline
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.drain_lane import DrainLane
from leadbridge.usecases.drain_lane import Report as Drained
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.import_files import ImportPorts
from leadbridge.usecases.placing import Placing
from leadbridge.usecases.redrive import Redrive, Redriven
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.send_callbacks import ChunkEnds, Report, SendCallbacks
from leadbridge.usecases.store_events import StoreEvents
from leadbridge.usecases.sweep import Sweep
from leadbridge.usecases.watching import Watch
from leadbridge.vendors.http.deadline import Deadline
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.descriptions import a_result_activity, a_salesforce_contact, a_salesforce_lead, marketo_leads
from tests.builders.draining import a_drainer, a_sweep
from tests.builders.events import SECRET, a_payload, an_arrival
from tests.fakes.bell import RecordingBell
from tests.fakes.chunks import FakeCallbackDoor, InMemoryChunks
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.keys import InMemoryKeys
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.log import InMemoryLog
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Steps

LEASE = timedelta(seconds=60)
SETTLE = timedelta(seconds=60)
WORKER = RunSettings(retry_seconds=5.0, settle=SETTLE)


class World:
    """Everything that outlives a process; each drain is a new process with empty caches."""

    #: the lane that is drained
    lane = SALESFORCE
    #: whether its Actions may keep calls for batches
    buffers = False
    #: what imports need; nothing goes as a file without it
    imports: ImportPorts | None = None

    def __init__(
        self,
        *actions: AnyAction,
        described: ObjectDescription | None = None,
        activity_lag: timedelta = timedelta(0),
        clock: SettableClock | None = None,
    ) -> None:
        self.clock = clock or SettableClock()
        self.steps = Steps()
        self.deadline = Deadline(lambda: self.clock.now().timestamp())
        self.bell = RecordingBell()
        self.meter = RecordingMeter()
        self.configurations = InMemoryConfigurations(step=self.steps)
        self.keys = InMemoryKeys(step=self.steps)
        self.lanes = InMemoryLanes(lease=LEASE, step=self.steps)
        self.chunks = InMemoryChunks(step=self.steps)
        self.chunk_bell = RecordingBell()
        self.door = FakeCallbackDoor(step=self.steps)
        self.inbox = InMemoryInbox(
            keys=self.keys, hash_key=lambda: SECRET, now=self.clock.now, step=self.steps, chunks=self.chunks
        )
        self.log = InMemoryLog(self.inbox)
        self.salesforce = FakeSalesforce(
            described or a_salesforce_lead(), a_salesforce_contact(), clock=self.clock, step=self.steps
        )
        self.marketo = FakeMarketo(
            marketo_leads(), a_result_activity(), clock=self.clock, step=self.steps, activity_lag=activity_lag
        )
        self.connections = FakeConnections(marketo={MARKETO: self.marketo}, salesforce={SALESFORCE: self.salesforce})
        self.serial = 0
        documents: list[Configuration] = [a_marketo_connection(), a_salesforce_connection()]
        for document in [*documents, *(actions or (an_action(),))]:
            self.configurations.put(document)
            if isinstance(document, ACTIONS):
                self.configurations.move("action", document.id, Move.ACTIVATE)

    # -- things that happen

    def receive(self, lead_id: int = 7, *, event_id: str | None = None, at: datetime | None = None, **lead: Any) -> str:
        """One accepted call about a person, stored; returns its execution id."""
        payload = a_payload(lead_id, **lead) | ({} if event_id is None else {"event_id": event_id})
        return self.receive_payload(payload, at=at)

    def receive_payload(self, payload: dict[str, Any], *, at: datetime | None = None, **members: Any) -> str:
        """One accepted call with any payload, stored; returns its execution id."""
        arrival = self.arrival(payload, at=at, **members)
        self.store_events()([(f"message {self.serial}", arrival)])
        return arrival.execution_id

    def answer(self, lead_id: int = 7, *, event_id: str | None = None, **lead: Any) -> dict[str, Any]:
        """One accepted call about a person, run while its caller waits, by a process of its own; gives the answer."""
        payload = a_payload(lead_id, **lead) | ({} if event_id is None else {"event_id": event_id})
        return self.answer_payload(payload)

    def answer_payload(self, payload: dict[str, Any], *, at: datetime | None = None) -> dict[str, Any]:
        """The same with any payload; the call came to the gateway `at`, by default just now."""
        arrival = self.arrival(payload, at=at)
        answer = self.answer_inline()(arrival)
        assert answer is not None, "the Action does not answer inline"
        assert answer["execution_id"] == arrival.execution_id
        return answer

    def arrival(self, payload: dict[str, Any], *, at: datetime | None = None, **members: Any) -> Arrival:
        """One accepted call about a person whom Marketo has."""
        self.serial += 1
        lead_id = int(payload["lead"]["id"])
        if lead_id not in self.marketo.leads:
            self.marketo.load(lead_id)
        return an_arrival(self.serial, at=at or self.clock.now(), payload=payload, **members)

    def receive_chunk(self, *messages: str) -> None:
        """The messages of a chunk, stored."""
        records = [{"messageId": f"chunk {number}", "body": body} for number, body in enumerate(messages)]
        arrivals, unreadable = read_batch(records)
        assert not unreadable
        assert self.store_events()(arrivals) == []

    def call_back(self) -> Report:
        """One process sees to the chunks that are rung for, and to those that are due."""
        sender = SendCallbacks(
            chunks=self.chunks, standings=self.log, door=self.door, clock=self.clock, meter=self.meter
        )
        for chunk_id in self.chunk_bell.rung:
            sender(chunk_id)
        self.chunk_bell.rung.clear()
        return sender()

    def drain(self, *, batch: int = 200, remaining: Callable[[], float] = lambda: 900.0) -> Drained:
        """One process drains the lane."""
        return self.drain_lane(batch=batch)(self.lane, remaining)

    def run_out(self, *, batch: int = 200, limit: int = 60) -> None:
        """Sweep minute after minute until nothing waits or only a person could go on.

        Raises:
            AssertionError: Something still waits after `limit` rounds.
        """
        for _ in range(limit):
            self.drain(batch=batch)
            if not self.inbox.waiting:
                return
            self.clock.advance(61)
        raise AssertionError(f"still waiting: {[event.state.value for event in self.inbox.waiting.values()]}")

    def redrive(self, execution_id: str, *, original: bool = False) -> Redriven:
        """Bring one execution back."""
        return Redrive(
            configurations=self.configurations,
            log=self.log,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=self.clock,
        )(execution_id, original=original)

    # -- use-cases

    def store_events(self) -> StoreEvents:
        """The use-case that stores arrivals."""
        return StoreEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=self.clock,
            chunks=ChunkEnds(chunks=self.chunks, bell=self.chunk_bell),
            place=Placing(configurations=self.configurations, hash_key=lambda: SECRET) if self.buffers else None,
        )

    def sweep(self) -> Sweep:
        """The use-case that runs once a minute."""
        return a_sweep(self, holds=self.holds(), buffers=self.buffers)

    def holds(self) -> Holds:
        """What is kept back; a process has one."""
        return Holds(self.configurations)

    def answer_inline(self) -> AnswerInline:
        """The use-case that runs a call while its caller waits."""
        watch = Watch()
        return AnswerInline(
            configurations=self.configurations,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=self.clock,
            meter=self.meter,
            holds=self.holds(),
            run_events=self.run_events(RunSettings(retry_seconds=0, busy=timedelta(0), settle=SETTLE), watch),
            watch=watch,
            deadline=self.deadline,
            give_back=lambda: None,
        )

    def run_events(self, settings: RunSettings = WORKER, watch: Watch | None = None) -> RunEvents:
        """The use-case that runs a batch, without a lane around it."""
        imports = self.imports
        return RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=self.keys,
            connections=self.connections,
            clock=self.clock,
            meter=self.meter,
            hash_key=lambda: SECRET,
            settings=settings,
            chunks=ChunkEnds(chunks=self.chunks, bell=self.chunk_bell),
            watch=watch,
            imports=(lambda: imports) if imports else None,
        )

    def drain_lane(self, *, batch: int = 200) -> DrainLane:
        """The use-case that drains the lane."""
        return a_drainer(
            self, self.run_events(), sleep=self.clock.sleep, holds=self.holds(), batch=batch, buffers=self.buffers
        )

    # -- what can be seen

    def execution(self, execution_id: str) -> dict[str, Any]:
        """An execution as people see it."""
        return self.inbox.logged[execution_id]

    def ended(self, execution_id: str) -> tuple[str, str]:
        """Outcome and reason of an ended execution."""
        item = self.execution(execution_id)
        if item["state"] != State.ENDED.value:
            raise AssertionError(f"not ended but {item['state']}: {item.get('reason')} {item.get('message')}")
        return item["outcome"], item["reason"]

    def outcomes(self) -> Counter[str]:
        """How many executions ended how."""
        return Counter(item["outcome"] for item in self.inbox.logged.values() if item["state"] == "ended")

    def states(self) -> Counter[str]:
        """How many executions stand where."""
        return Counter(item["state"] for item in self.inbox.logged.values())

    def leads(self) -> list[dict[str, Any]]:
        """The org's Leads."""
        return self.salesforce.records("Lead")
