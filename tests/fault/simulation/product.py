"""The product on in-memory ports, as processes of the engine, with the queue, the bell and the vendors around it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from leadbridge.domain.event import Arrival
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.outcome import State, redrivable
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import (
    AuthenticationError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.ports import Lease
from leadbridge.usecases.answer_inline import AnswerInline
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.drain_lane import DrainLane, DrainSettings
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.redrive import Redrive
from leadbridge.usecases.ripening import Ripen, Ripeness
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.send_callbacks import ChunkEnds
from leadbridge.usecases.store_events import Places, StoreEvents
from leadbridge.usecases.sweep import Sweep
from leadbridge.usecases.watching import Watch
from leadbridge.vendors.http.deadline import Deadline
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.chains import a_membership, a_task, account, an_account, follow_up, membership
from tests.builders.descriptions import a_result_activity, a_salesforce_contact, a_salesforce_lead, marketo_leads
from tests.builders.events import SECRET
from tests.builders.members import CHANNEL, FAIR, FORM, a_form, a_member
from tests.fakes.bell import RecordingBell
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.keys import InMemoryKeys
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.log import InMemoryLog
from tests.fakes.marketo import FakeMarketo
from tests.fakes.meter import RecordingMeter
from tests.fakes.salesforce import FakeSalesforce
from tests.fakes.steps import Crash
from tests.fakes.trouble import CallFault, Row, Trouble, refusal
from tests.fault.simulation.engine import LEASE_SECONDS, Engine, Process
from tests.fault.simulation.pauses import Pauses
from tests.fault.simulation.remembered import compiled_once
from tests.fault.simulation.schedule import (
    ACTIONS,
    CALM_AT,
    CONTACTS,
    JOINS,
    READS_BACK,
    READS_FORMS,
    SEVERAL,
    SKEW_SECONDS,
    VENDOR_TROUBLE,
    WORDY,
    Call,
    Plan,
    person_fields,
)

LEASE = timedelta(seconds=LEASE_SECONDS)
SETTLE = timedelta(seconds=60)
VISIBILITY_SECONDS = 180.0
#: longest time between a call and its execution by the vendor, its caller having given up or died (docs: tolerances)
LATE_SECONDS = 30.0
#: a schedule that has not come to rest by then never will
LIMIT_SECONDS = 6 * 3600.0
#: time-out of the function that answers calls (template)
INLINE_SECONDS = 28.0
#: longest patience of the vendor clients
PATIENCE_SECONDS = 100.0


def _actions() -> dict[str, list[Stored]]:
    """Both versions of every Action; made once, because documents are validated."""
    found: dict[str, list[Stored]] = {}
    for name, kind in ACTIONS.items():
        changes = _action(name, kind)
        found[name] = []
        for version in (1, 2):
            mappings = [*changes["mappings"], {"static": f"version {version}", "to": "LeadSource"}]
            document = an_action(**changes | {"mappings": [] if kind == "decide" else mappings})
            found[name].append(Stored(document=document, version=version, state=DocumentState.ACTIVE))
    return found


def _action(name: str, kind: str) -> dict[str, Any]:
    fields = [{"column": "email", "to": "Email"}, {"column": "externalId", "to": "External__c"}]
    fields += [{"column": name, "to": name[0].upper() + name[1:]} for name in ("lastName", "company")]
    fields += [{"column": "token.mark", "to": "FirstName"}]
    if kind == "create":
        fields = [field for field in fields if field["to"] != "External__c"]
    changes: dict[str, Any] = {"id": name, "name": name, "type": kind, "mappings": fields}
    if name in CHAINS:
        changes["chained"] = CHAINS[name]
    if name in {"by-key", "shared", *SEVERAL}:
        changes["identifier"] = {"column": "externalId", "field": "External__c"}
    if name in CONTACTS:
        changes["destination"] = {"connection": SALESFORCE, "object": "Lead", "match_in": ["Contact", "Lead"]}
    if name in SEVERAL:
        changes["further_identifiers"] = [{"column": "email", "field": "Email"}]
    if name == "create-keyed":
        changes["destination"] = {"connection": SALESFORCE, "object": "Lead", "idempotency_field": "Leadbridge__c"}
    if name == "windowed":
        changes["deduplicate"] = {"columns": ["email"]}
    if name in {"by-mail", "windowed"}:
        clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
        changes["conditions"] = {"match": "all", "clauses": [clause]}
    changes["inline"] = {"budget_seconds": 8}
    changes["writeback"] = [{"field": "Id", "to": "salesforceId"}, {"static": name, "to": "leadbridgeStatus"}]
    if name in READS_BACK:
        changes["writeback"].append({"field": "FirstName", "to": "title"})
    return changes | _of_marketo(name, fields)


def _of_marketo(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """What an Action asks of Marketo beside the write-back; the fields that it maps get one more."""
    changes: dict[str, Any] = {}
    if name in WORDY:
        changes["results"] = an_action().model_dump(exclude_none=True)["results"] | {"not_processed": "Not processed"}
    if name in JOINS:
        joined = [{"column": "token.mark", "to": "registrationCode"}]
        changes["program_member"] = a_member(program=FAIR.name, mappings=joined)
    if name in READS_FORMS:
        changes["activity"] = {"type": FORM.name}
        fields.append({"column": "activity.Form Fields", "to": "Phone"})
    return changes


def _marked(link: dict[str, Any]) -> dict[str, Any]:
    """A link that writes the marker of the call where others write the first name."""
    marked = [{**each, "column": "token.mark"} if "column" in each else each for each in link["mappings"]]
    return link | {"mappings": marked}


#: a membership that names the task before it, and an account that all persons have in common; each row that is written
#: carries the marker of its call
CHAINS: dict[str, list[dict[str, Any]]] = {
    "chained": [_marked(follow_up()), _marked(membership())],
    "shared": [
        _marked(account()),
        _marked(follow_up(idempotency_field="External__c", on_failure="stop")),
        _marked(membership(after="updated")),
    ],
}
DOCUMENTS = _actions()
ENDS = [
    Stored(document=document, version=1, state=DocumentState.ACTIVE)
    for document in (a_marketo_connection(), a_salesforce_connection())
]
LEADS, CONTACTS_DESCRIBED = a_salesforce_lead(), a_salesforce_contact()
LINKED = (a_task(), a_membership(), an_account())
ACTIVITY, MARKETO_LEADS = a_result_activity(), marketo_leads()


#: fields of chained records that say by whose call they were written
CARRIES_MARKER = ("Subject", "Status", "Site")


class SkewedClock:
    """`ports.Clock` of one process."""

    def __init__(self, engine: Engine, skew: timedelta) -> None:
        self._engine = engine
        self.skew = skew
        self._read_at = -1.0
        self._now = NOON

    def now(self) -> datetime:
        """The virtual time, as wrong as this clock is."""
        if self._engine.time != self._read_at:
            self._read_at = self._engine.time
            self._now = self._engine.now(self.skew)
        return self._now


class Heartbeat:
    """`ports.Heartbeat` as a second thread of the process; the rules are those of `aws.heartbeat`."""

    def __init__(self, engine: Engine, lanes: InMemoryLanes, clock: SkewedClock) -> None:
        self._engine = engine
        self._lanes = lanes
        self._clock = clock

    @contextmanager
    def __call__(self, lease: Lease) -> Iterator[Callable[[], bool]]:
        """Beat while the context is open."""
        engine = self._engine
        state = {"renewed": engine.time, "lost": False, "stop": False, "busy": False}

        def beat() -> None:
            while True:
                engine.pause(LEASE_SECONDS / 4)
                if state["stop"]:
                    return
                began = engine.time
                state["busy"] = True
                try:
                    renewed = self._lanes.renew(lease, self._clock.now())
                except TransientError:
                    continue
                finally:
                    state["busy"] = False
                if renewed is None:
                    state["lost"] = True
                    return
                state["renewed"] = began

        engine.thread(beat)
        try:
            yield lambda: not state["lost"] and engine.time - state["renewed"] < LEASE_SECONDS * 3 / 4
        finally:
            state["stop"] = True
            while state["busy"]:
                engine.pause(0.01)


class Mischief(Trouble):
    """The troubles of one vendor, drawn for each call."""

    def __init__(self, vendor: str, world: "Simulation") -> None:
        super().__init__(vendor)
        self._world = world
        self._engine = world.engine
        self._kinds = [
            (kind, chance) for kind, chance in world.plan.chance.items() if chance and kind in VENDOR_TROUBLE
        ]

    def begin(self, operation: str, rows: Sequence[Row] = ()) -> CallFault | None:
        """Perhaps refuse the call, or lose its answer."""
        process = self._engine.process
        markers = tuple(self._world.marker_of(row) for row in rows)
        process.in_flight = markers
        if process.doomed:
            self._engine.count(f"crash in flight of {self._vendor}.{operation}")
            return self._abandoned(operation, process)
        kind = self._draw()
        if kind is None or (not rows and not kind.endswith(("available", "limit", "spent", "refused"))):
            return None
        if kind.startswith("row"):
            return None
        if kind.startswith(("lost", "late")):
            self._engine.count(f"{self._vendor}: {kind}")
            self._world.doubted.update(markers)
            return self._lost(kind, operation)
        process.in_flight = ()
        self._engine.count(f"{self._vendor}: {kind}")
        raise self._refusal(kind, operation)

    def answered(self, operation: str) -> None:
        """Nothing is in flight any more."""
        self._engine.process.in_flight = ()

    def refused(self, operation: str, rows: Sequence[Row]) -> dict[int, RowResult]:
        """Perhaps refuse single rows."""
        kind = self._draw()
        if kind is None or not kind.startswith("row"):
            return {}
        place = int(self._engine.rng.random() * len(rows))
        code, resolution = {
            "row to repeat": ("LOCKED", Resolution.RETRY),
            "row in doubt": ("UNKNOWN", Resolution.UNCERTAIN),
            "row refused": ("INVALID", Resolution.REJECT),
        }[kind]
        self._engine.count(f"{self._vendor}: {kind}")
        marker = self._world.marker_of(rows[place])
        self._world.refused.add((marker, f"{self._vendor}_{code}"))
        if resolution is Resolution.UNCERTAIN:
            self._world.doubted.add(marker)
        return {place: refusal(code, resolution=resolution)}

    def _draw(self) -> str | None:
        if self._engine.calm or not self._kinds:
            return None
        chance = self._engine.rng.random()
        for kind, share in self._kinds:
            chance -= share
            if chance < 0:
                return kind
        return None

    def _lost(self, kind: str, operation: str) -> CallFault:
        engine, rng = self._engine, self._engine.rng
        error = UncertainWriteError("no answer", vendor=self._vendor, operation=operation, code="timeout")
        engine.raised.append(error)
        patience = rng.choice((0.0, 1.0, PATIENCE_SECONDS * rng.random()))
        late: float | None = None
        if kind == "late commit":
            late = rng.random() * LATE_SECONDS
            patience = min(patience, late * rng.random())
        elif kind == "lost before the commit":
            late = 1e8
        return CallFault(
            operation=operation,
            error=error,
            after_commit=True,
            late_seconds=late,
            wait=lambda: engine.pause(patience),
        )

    def _abandoned(self, operation: str, process: Process) -> CallFault:
        """The caller dies while the vendor works on; the write is executed at once, late or never."""
        rng = self._engine.rng
        late = rng.choice((0.0, rng.random() * LATE_SECONDS, 1e8))
        return CallFault(
            operation=operation,
            error=Crash(operation),
            late_seconds=late,
            wait=lambda: self._engine.die(process),
        )

    def _refusal(self, kind: str, operation: str) -> SyncError:
        seconds = self._engine.rng.random()
        error: SyncError
        if kind == "quota spent":
            resets_at = self._engine.now(timedelta(0)) + timedelta(seconds=300 + 1500 * seconds)
            error = QuotaExhaustedError("spent", resets_at=resets_at, code="607")
        elif kind == "rate limit":
            error = RateLimitedError("slower", retry_after_seconds=20 * seconds, code="606")
        elif kind == "login refused":
            error = AuthenticationError("no", code="601")
        elif kind == "refused as a whole":
            error = PermanentError("no", code="FORBIDDEN")
        else:
            error = TransientError("down", retry_after_seconds=5 * seconds, code="502")
        error.vendor, error.operation = self._vendor, operation
        self._engine.raised.append(error)
        return error


class SimulatedBell(RecordingBell):
    """Starts workers: late, twice or never."""

    def __init__(self, world: "Simulation") -> None:
        super().__init__(step=world.engine.step)
        self._world = world

    def ring(self, lane: str) -> None:
        """Ask for a worker."""
        engine, world = self._world.engine, self._world
        if world.happens("ring refused"):
            raise TransientError("too many invocations", vendor="aws", code="TooManyRequestsException")
        super().ring(lane)
        times = 0 if world.happens("ring lost") else 2 if world.happens("ring twice") else 1
        for _ in range(times):
            engine.later(engine.rng.random() * 2, world.work)


@dataclass(slots=True)
class Message:
    """A message of the queue."""

    number: int
    arrival: Arrival
    visible_at: float
    gone: bool = False
    deliveries: int = 0


@dataclass(slots=True, eq=False)
class Container:
    """A warm process environment: what it remembers dies with it."""

    clock: SkewedClock
    run_events: RunEvents
    holds: Holds


class Simulation:
    """One schedule, from its first call to its rest."""

    #: the lane of its calls, and both versions of its Actions
    lane = SALESFORCE
    documents = DOCUMENTS

    def __init__(self, plan: Plan, *, tracing: bool = False) -> None:
        self.plan = plan
        self.engine = engine = Engine(Random(plan.seed ^ 0x5EED), tracing=tracing)
        engine.at, engine.aimed = dict(plan.by_number), dict(plan.aimed)
        engine.on_doubt = self._doubt
        self.doubted: set[str] = set()
        self.refused: set[tuple[str, str]] = set()
        self.workers = 0
        #: what waiting callers were answered, by execution
        self.answers: dict[str, dict[str, Any]] = {}
        self.parked: set[tuple[str, str]] = set()
        step = engine.step
        self.configurations = InMemoryConfigurations(step=step)
        self.keys = InMemoryKeys(step=step)
        self.lanes = InMemoryLanes(lease=LEASE, step=step)
        self.inbox = InMemoryInbox(keys=self.keys, hash_key=lambda: SECRET, now=engine.local_now, step=step)
        vendor_clock = SkewedClock(engine, timedelta(seconds=plan.vendor_skew))
        self.inbox.on_park = lambda *parked: self.parked.add(parked)
        self.salesforce = FakeSalesforce(LEADS, CONTACTS_DESCRIBED, *LINKED, clock=vendor_clock, step=step)
        self.marketo = FakeMarketo(
            MARKETO_LEADS,
            ACTIVITY,
            clock=vendor_clock,
            step=step,
            activity_lag=timedelta(seconds=plan.activity_lag),
        )
        self.marketo.programs[FAIR.id], self.marketo.channels[CHANNEL.name] = FAIR, CHANNEL
        self.marketo.activity_kinds.append(FORM)
        self.salesforce.trouble = Mischief("salesforce", self)
        self.marketo.trouble = Mischief("marketo", self)
        self.connections = FakeConnections(marketo={MARKETO: self.marketo}, salesforce={SALESFORCE: self.salesforce})
        self.bell = SimulatedBell(self)
        self.meter = RecordingMeter()
        self.pauses = Pauses(self)
        self._containers: list[Container] = []
        self._messages: list[Message] = []
        self.chunk_ends: ChunkEnds | None = None
        self._redriven = False
        #: set when the schedule did not come to rest: what waits
        self.never_rests = ""
        for stored in (*(versions[0] for versions in self.documents.values()), *ENDS):
            self.configurations.load(stored)
        self._load()

    def _load(self) -> None:
        """Whom and what the vendors have beforehand."""
        for person, records in self.plan.records.items():
            self.marketo.load(person, **person_fields(person))
            self.marketo.log(a_form(person, NOON - timedelta(hours=1), f"form of {person}"))
            for number in range(records):
                is_contact = person in self.plan.contacts
                own = {"External__c": f"X-{person}"} if number == 0 and not is_contact else {}
                object_name = "Contact" if is_contact else "Lead"
                self.salesforce.load(object_name, Email=f"person{person}@example.com", FirstName="before", **own)

    # -- running

    def run(self) -> None:
        """Let everything happen, then calm down and come to rest."""
        engine, plan = self.engine, self.plan
        for call in plan.calls:
            engine.later(call.received + call.delay, lambda call=call: self._send(call))  # type: ignore[misc]  # bound now
        for at in plan.redrives_at:
            engine.later(at, self._person)
        for at, person, seconds in plan.foreigners:
            engine.later(at, lambda person=person, seconds=seconds: self._foreigner(person, seconds))  # type: ignore[misc]  # bound now
        self.pauses.plan(plan.pauses)
        if plan.new_version_at is not None:
            engine.later(plan.new_version_at, self._new_version)
        engine.later(60.0 * engine.rng.random(), self._minute)
        engine.later(CALM_AT, self._calm_down)
        try:
            with compiled_once():
                engine.run(self._at_rest)
        finally:
            engine.close()

    def _at_rest(self) -> bool:
        if not self.engine.calm:
            return False
        if self.engine.time > LIMIT_SECONDS:
            waiting = [(event.payload["token"]["mark"], event.state.value) for event in self.inbox.waiting.values()]
            self.never_rests = f"never comes to rest: {waiting}, {len(self._messages)} messages"
            return True
        if self._messages or self.inbox.waiting or self.engine.alive():
            return False
        if self.plan.redrive_all and not self._redriven:
            self._redriven = True
            self._person()
            return False
        return not self.lanes.held(self.engine.now(timedelta(seconds=2 * SKEW_SECONDS)))

    def _calm_down(self) -> None:
        self.engine.calm = True
        self.engine.note("calm")

    def happens(self, kind: str) -> bool:
        """Whether this trouble of the deliveries happens now."""
        if self.engine.calm or self.engine.rng.random() >= self.plan.chance[kind]:
            return False
        self.engine.count(kind)
        return True

    def _start(self, name: str, work: Callable[[], object], limit: float, skew: timedelta | None = None) -> Process:
        return self.engine.start(name, work, skew=self._skew() if skew is None else skew, limit=limit)

    def _skew(self) -> timedelta:
        return timedelta(milliseconds=int(self.engine.rng.uniform(-SKEW_SECONDS, SKEW_SECONDS) * 1000))

    def _doubt(self, process: Process) -> None:
        # a write in flight may still be executed: nobody can say; and so with whatever was about to be written
        self.doubted.update(process.in_flight)
        self.doubted.update(
            event.payload["token"]["mark"] for event in self.inbox.waiting.values() if event.state is State.WRITING
        )

    # -- the queue

    def _send(self, call: Call) -> None:
        facts: dict[str, Any] = {"kind": call.kind, "payload": call.payload}
        if call.kind == "newer":
            facts |= {"kind": "event", "version": 2}
        if call.kind == "rejected":
            facts |= {"payload": None, "body": "e30=", "reason": "lead_missing", "message": "The body has no lead."}
        if call.kind == "not_run":
            facts |= {"reason": "not_active"}
        arrival = Arrival(
            execution_id=call.execution_id,
            action_id=call.action,
            sequence=call.sequence,
            received_at=NOON + timedelta(milliseconds=int(call.received * 1000)),
            **facts,
        )
        if call.inline:
            self._start(f"inline {call.number}", lambda: self._answer(call, arrival), INLINE_SECONDS)
            return
        self._queue(call, arrival)

    def _answer(self, call: Call, arrival: Arrival) -> None:
        """A call that is run while its caller waits; what cannot be stored at once is queued."""
        engine = self.engine
        clock = SkewedClock(engine, engine.process.skew)
        watch = Watch()
        use_case = AnswerInline(
            configurations=self.configurations,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=clock,
            meter=self.meter,
            holds=Holds(self.configurations),
            run_events=self._run_events(clock, watch),
            watch=watch,
            deadline=Deadline(lambda: engine.time),
            give_back=lambda: None,
        )
        try:
            answer = use_case(arrival)
        except SyncError:
            self._queue(call, arrival)
            answer = {"status": "accepted"}
        self.answers[call.execution_id] = answer or {}
        engine.count(f"answered: {self.answers[call.execution_id]['status']}")

    def _queue(self, call: Call, arrival: Arrival) -> None:
        self._messages.append(Message(call.number, arrival, self.engine.time))
        self.engine.later(self.engine.rng.random(), self._deliver)

    def _deliver(self) -> None:
        engine = self.engine
        self._messages = [message for message in self._messages if not message.gone]
        visible = [message for message in self._messages if message.visible_at <= engine.time]
        if not visible:
            return
        engine.rng.shuffle(visible)
        batch = visible[: engine.rng.randint(1, 10)]
        for message in batch:
            message.deliveries += 1
            if message.deliveries > 1:
                engine.count("message redelivered")
            message.visible_at = engine.time + VISIBILITY_SECONDS
            engine.later(VISIBILITY_SECONDS + 0.001, self._deliver)
        self._start("store", lambda: self._store(batch), 30.0)
        if self.happens("message twice at once"):
            for message in batch:
                message.deliveries += 1
                engine.count("message redelivered")
            self._start("store", lambda: self._store(batch), 30.0)
        if len(batch) < len(visible):
            engine.later(engine.rng.random(), self._deliver)

    def _store(self, batch: Sequence[Message]) -> None:
        engine = self.engine
        store_events = StoreEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=SkewedClock(engine, engine.process.skew),
            chunks=self.chunk_ends,
            place=self.place(),
        )
        failed = set(store_events([(str(message.number), message.arrival) for message in batch]))
        if failed:
            engine.count("batch failed in part")
        for message in batch:
            if str(message.number) not in failed and not self.happens("delete lost"):
                message.gone = True

    # -- workers

    def work(self) -> None:
        """Start one worker for the lane."""
        engine = self.engine
        self.workers += 1
        if self._containers and engine.rng.random() < 0.7:
            container = self._containers.pop(0)
        else:
            clock = SkewedClock(engine, self._skew())
            container = Container(clock, self._run_events(clock), Holds(self.configurations))
        limit = engine.rng.choice(self.plan.limits) if not engine.calm else 900.0
        ends_at = engine.time + limit

        def drain() -> None:
            drain_lane = DrainLane(
                inbox=self.inbox,
                lanes=self.lanes,
                bell=self.bell,
                clock=container.clock,
                heartbeat=Heartbeat(engine, self.lanes, container.clock),
                run_events=container.run_events,
                holds=container.holds,
                sleep=lambda seconds: engine.pause(max(seconds, 0.001)),
                settings=DrainSettings(batch=self.plan.batch, patience=timedelta(seconds=self.plan.patience)),
                ripen=self.ripen(),
            )
            report = drain_lane(self.lane, lambda: ends_at - engine.time)
            engine.note(f"drained: {report}")
            self._containers.append(container)

        self._start(f"worker {self.workers}", drain, limit, container.clock.skew)

    def _run_events(self, clock: SkewedClock, watch: Watch | None = None) -> RunEvents:
        return RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=self.keys,
            connections=self.connections,
            clock=clock,
            meter=self.meter,
            hash_key=lambda: SECRET,
            settings=RunSettings(
                retry_seconds=0.0 if watch else 5.0, settle=SETTLE, busy=timedelta(seconds=0 if watch else 10)
            ),
            chunks=self.chunk_ends,
            watch=watch,
        )

    # -- the rest of the world

    def _minute(self) -> None:
        engine = self.engine
        times = 0 if self.happens("sweep missed") else 2 if self.happens("sweep twice") else 1
        for _ in range(times):
            self._start("sweep", self._sweep, 50.0)
        wait = 60.0
        if engine.calm and self.inbox.waiting and not self._messages and not engine.alive():
            # nothing can happen before the first event is due: sweeps up to then would only read
            due = [event.due_at for event in self.inbox.waiting.values()]
            if all(due):
                ahead = (min(at for at in due if at) - engine.now(timedelta(0))).total_seconds()
                wait *= max(1, int(ahead // 60))
        engine.later(wait, self._minute)

    def _sweep(self) -> None:
        clock = SkewedClock(self.engine, self.engine.process.skew)
        holds = Holds(self.configurations)
        Sweep(
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=clock,
            meter=self.meter,
            holds=holds,
            ripeness=self.ripeness(),
        )()

    # what only calls pass that wait for others

    def place(self) -> Places | None:
        """What tells of a call whether it waits."""
        return None

    def ripen(self) -> Ripen | None:
        """What lets calls out of buffers."""
        return None

    def ripeness(self) -> Ripeness | None:
        """What tells that a look into buffers is worth its while."""
        return None

    @property
    def lost_answers(self) -> int:
        """How many answers of vendor writes never reached their caller."""
        words = (": lost", ": late", "crash in flight")
        return sum(times for kind, times in self.engine.tally.items() if any(word in kind for word in words))

    def _person(self) -> None:
        self._start("person", self._redrive, 600.0)

    def _redrive(self) -> None:
        engine = self.engine
        redrive = Redrive(
            configurations=self.configurations,
            log=InMemoryLog(self.inbox),
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=SkewedClock(engine, engine.process.skew),
        )
        for execution, item in list(self.inbox.logged.items()):
            if item["state"] in {"parked", "not_run"} or redrivable(item):
                answer = redrive(execution)
                engine.count("redriven by a person" if answer.done else "redrive refused")

    def _new_version(self) -> None:
        self.engine.count("configuration changed")
        for name, stored in self.documents.items():
            now = self.configurations.current("action", name)
            self.configurations.load(replace(stored[1], state=now.state, resumes=now.resumes))

    def _foreigner(self, person: int, seconds: float) -> None:
        """Another writer, an inline answer say, holds a person's guards for a while, or dies with them."""
        engine = self.engine
        guards = sorted(self.guards_of(person))

        def hold() -> None:
            now = engine.local_now()
            if not self.keys.guard({"foreigner": guards}, now + timedelta(minutes=5), now):
                return
            if seconds > CALM_AT:
                engine.count("guard abandoned by another writer")
                raise Crash("foreigner")
            engine.count("guard held by another writer")
            engine.pause(seconds)
            self.keys.release("foreigner", guards)

        self._start("foreigner", hold, 900.0)

    def guards_of(self, person: int) -> tuple[str, ...]:
        """The keys that stand for a person."""
        return (
            keyed_hash(SECRET, "guard", "lead", MARKETO, str(person)),
            keyed_hash(SECRET, "guard", "match", SALESFORCE, "Lead", "Email", f"person{person}@example.com"),
        )

    # -- what can be seen

    def marker_of(self, row: Mapping[str, Any]) -> str:
        """The call that a row of a vendor write belongs to: its first name, or the lead of a Marketo row."""
        for name in ("FirstName", *CARRIES_MARKER):
            if name in row:
                return str(row[name])
        if "activity" in row:
            execution = str(row["activity"].attributes["executionId"])
            return f"e{int(execution[16:], 16)}"
        return f"lead {row.get('id', row.get('leadId', ''))}"

    def never_came(self, call: Call) -> bool:
        """A call whose process died before anything was stored: its caller has no answer, and knows."""
        return call.inline and call.execution_id not in self.answers and call.execution_id not in self.inbox.logged

    def facts(self) -> dict[str, Any]:
        """Everything the checker looks at, as plain values."""
        # first: whatever is late has come by then
        records = [*self.salesforce.records("Lead"), *self.salesforce.records("Contact")]
        # whoever died or slept with a guard has lost it by then: it lasts 15 minutes, or as much beyond a quota's end
        final = self.engine.now(timedelta(minutes=46))
        return {
            "calls": [
                {
                    "marker": call.marker,
                    "execution": call.execution_id,
                    "kind": call.kind,
                    "action": call.action,
                    "type": ACTIONS[call.action],
                    "person": call.person,
                    "reads_back": call.action in READS_BACK,
                    "joins": call.action in JOINS,
                    "wordy": call.action in WORDY,
                    "received": call.received,
                    "sequence": call.sequence,
                    "event_id": call.payload.get("event_id"),
                    "lead": dict(call.lead),
                    "values": {version: dict(values) for version, values in call.values.items()},
                    "answer": self.answers.get(call.execution_id, {}),
                }
                for call in self.plan.calls
                if not self.never_came(call)
            ],
            "had_records": dict(self.plan.records),
            "executions": {name: dict(item) for name, item in self.inbox.logged.items()},
            "ends": dict(self.inbox.ends),
            "waiting": [event.execution_id for event in self.inbox.waiting.values()],
            "kept": sorted(self.inbox.kept),
            "guards": {guard: (owner, until > final) for guard, (owner, until) in self.keys.held().items()},
            "claims": self.keys.claimed(),
            "journal": [(what, record, dict(row)) for what, record, row in self.salesforce.journal],
            "records": records,
            "leads": {number: dict(lead) for number, lead in self.marketo.leads.items()},
            "members": {lead: dict(member) for (_, lead), member in self.marketo.members.items()},
            "activities": [
                {"lead": one.lead_id, "result": one.primary_attribute_value, **one.attributes}
                for one in self.marketo.logged()
                if one.activity_type_id == ACTIVITY.id
            ],
            "parked": sorted(self.parked),
            "redone": sorted(self.inbox.redone),
            "paused": sorted(self.pauses.broken),
            "stalled": any(name.startswith("stall") for name in self.engine.tally),
            "doubted": sorted(self.doubted),
            "refused": sorted(self.refused),
        }
