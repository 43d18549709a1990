"""A lane with buffers on in-memory ports: connector actions, and a vendor that only remembers who was sent together."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.batching import BatchSettings, Buffer, Thresholds
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import Arrival, Batch, Ending, Event, Part, Result
from leadbridge.domain.lifecycle import Move, Stored
from leadbridge.domain.outcome import Outcome
from leadbridge.usecases.drain_lane import Report
from leadbridge.usecases.store_events import StoreEvents
from tests.builders.actions import MARKETO, a_marketo_connection
from tests.builders.draining import a_drainer, a_sweep
from tests.builders.events import an_arrival
from tests.fakes.bell import RecordingBell
from tests.fakes.clock import SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.meter import RecordingMeter
from tests.fakes.steps import Steps

LEASE = timedelta(seconds=60)
#: bytes that a person adds to a body
SIZE = 10


def a_list_action(name: str, *, target: int = 1001, **changes: Any) -> ConnectorAction:
    """An Action that adds people to a static list, three at a time."""
    settings = BatchSettings(count=3, seconds=60, bytes=1000)
    facts: dict[str, Any] = {
        "kind": "action",
        "id": name,
        "name": name,
        "destination": {"connection": MARKETO, "operation": "add_to_list", "list": target},
        "person": {"lead_id": "id"},
        "batch": settings,
    }
    return ConnectorAction.model_validate({key: value for key, value in (facts | changes).items() if value is not None})


class Placed:
    """Every call is about the lead it names and adds the same bytes."""

    def __call__(self, stored: Stored, event: Event) -> tuple[Event, Thresholds | None]:
        """As `usecases.placing`."""
        document = stored.document
        limits = document.thresholds if isinstance(document, ConnectorAction) else None
        batch = Batch(bytes=SIZE, version=stored.version) if limits else None
        return event.evolve(persons=(f"lead{event.lead_id}",), batch=batch), limits


class Sender:
    """Sends what it is given at once, one call for each Action, and ends it."""

    def __init__(self, lane: "BufferedLane") -> None:
        self._lane = lane
        self.run: Counter[str] = Counter()

    def __call__(self, events: Sequence[Event], may_go_on: Callable[[], bool]) -> datetime | None:
        """As `RunEvents`."""
        assert may_go_on()
        calls: dict[str, list[Event]] = {}
        for event in events:
            calls.setdefault(event.action_id, []).append(event)
        for action, some in calls.items():
            self._lane.steps("vendor")
            self._lane.sent.append((action, [event.lead_id for event in some]))
            for event in some:
                self._lane.last[event.lead_id] = event.execution_id
                self._lane.triggers[event.execution_id] = event.batch.trigger if event.batch else ""
            self._lane.inbox.finish([_done(event) for event in some])
        return None

    def report_quota(self) -> None:
        """There is none."""


def _done(event: Event) -> Ending:
    untold = Part(status="not_configured")
    return Ending(event=event, result=Result(outcome=Outcome.UPDATED), writeback=untold, activity=untold)


class BufferedLane:
    """Everything that outlives a process; each use-case is a process of its own."""

    def __init__(self, *actions: ConnectorAction) -> None:
        self.clock = SettableClock()
        self.steps = Steps()
        self.bell = RecordingBell(step=self.steps)
        self.meter = RecordingMeter()
        self.configurations = InMemoryConfigurations()
        self.lanes = InMemoryLanes(lease=LEASE, step=self.steps)
        self.inbox = InMemoryInbox(now=self.clock.now, step=self.steps)
        #: calls as they were sent: the Action, and the leads in their order
        self.sent: list[tuple[str, list[int]]] = []
        #: by lead, the execution that was sent last; by execution, why it was
        self.last: dict[int, str] = {}
        self.triggers: dict[str, str] = {}
        self.serial = 0
        self.configurations.put(a_marketo_connection())
        for action in actions:
            self.apply(action)

    def apply(self, action: ConnectorAction) -> None:
        """A version of an Action."""
        self.configurations.put(action)
        self.configurations.move("action", action.id, Move.ACTIVATE)

    def arrival(self, lead_id: int, action: str) -> Arrival:
        """One accepted call, a millisecond after the one before."""
        self.serial += 1
        self.clock.advance(0.001)
        return an_arrival(self.serial, action_id=action, at=self.clock.now(), payload={"lead": {"id": lead_id}})

    def receive(self, action: str, *leads: int) -> list[Arrival]:
        """Accepted calls about people, stored together; a worker runs if somebody rang."""
        arrivals = [self.arrival(lead_id, action) for lead_id in leads]
        self.store(arrivals)
        self.work()
        return arrivals

    def store(self, arrivals: Sequence[Arrival]) -> None:
        """One process stores arrivals."""
        store = StoreEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            lanes=self.lanes,
            bell=self.bell,
            clock=self.clock,
            place=Placed(),
        )
        assert store([(str(number), arrival) for number, arrival in enumerate(arrivals)]) == []

    def work(self) -> None:
        """As many workers as somebody rang for."""
        while self.bell.rung:
            self.drain(self.bell.rung.pop())

    def drain(self, lane: str = MARKETO) -> Report:
        """One worker."""
        return a_drainer(self, Sender(self), sleep=self.clock.sleep)(lane, lambda: 900.0)

    def minute(self) -> list[str]:
        """A sweep, and whoever it rings for."""
        rung = a_sweep(self)()
        self.work()
        return rung

    def counted(self) -> dict[str, Buffer]:
        """What is counted of the buffers."""
        return dict(self.lanes.idle(self.clock.now() + timedelta(days=1)).get(MARKETO, {}))
