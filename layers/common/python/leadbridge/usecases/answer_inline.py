"""Run one call while its caller waits, and answer with what was written; what is not done in time goes on in its lane.

The event is stored first, in the hands of this call (`event.INLINE`) and due only when this process must be dead.
From then on it is an event like any other: its state, its intent and its guards are stored before each step, and
whoever finds it after a crash goes on where the call stopped. The values to write back go either with the answer or
by API, which the event knows before the answer leaves.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any, Protocol

from leadbridge.domain.action import Action
from leadbridge.domain.event import INLINE, Arrival, Event
from leadbridge.domain.inline import Queued, done, queued, seconds_left, stands_before
from leadbridge.errors import SyncError, TransientError
from leadbridge.ports import Bell, Clock, Configurations, Inbox, Lanes, Meter
from leadbridge.usecases.batch import StoppedError
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.store_events import lane_of
from leadbridge.usecases.watching import Watch

#: longer than the function may live (its time-out in the template): then nobody is at work on the event any more
HOLD = timedelta(seconds=40)
#: begin no vendor write with less time than this left: a write in doubt keeps its person waiting for a minute
LAST_WRITE_SECONDS = 1.0


class Deadline(Protocol):
    """The moment by which the caller must have an answer."""

    def left(self) -> float:
        """Seconds until then."""
        ...

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Set it for the time of a block."""
        ...


class AnswerInline:
    """One call at a time. `watch` is that of `run_events`, `deadline` that of its vendor clients."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        inbox: Inbox,
        lanes: Lanes,
        bell: Bell,
        clock: Clock,
        meter: Meter,
        holds: Holds,
        run_events: RunEvents,
        watch: Watch,
        deadline: Deadline,
        give_back: Callable[[], object],
    ) -> None:
        """`give_back` lets go of what the vendor clients keep for a next call: this process goes to sleep."""
        self._configurations = configurations
        self._inbox = inbox
        self._lanes = lanes
        self._bell = bell
        self._clock = clock
        self._meter = meter
        self._holds = holds
        self._run_events = run_events
        self._watch = watch
        self._deadline = deadline
        self._give_back = give_back
        self._open: set[str] = set()

    def __call__(self, arrival: Arrival) -> dict[str, Any] | None:
        """Run a call as far as its budget allows; None if its Action does not answer inline.

        Raises:
            SyncError: The call may not be stored. Storing it once more, by the queue, changes nothing if it is.
        """
        action = self._action(arrival)
        if action is None or action.inline is None:
            return None
        with self._deadline.within(seconds_left(action, arrival.received_at, self._clock.now())):
            answer = self._answer(self._stored(arrival, action), action)
        self._meter.count("InlineAnswers", status=answer["status"])
        return answer

    def _action(self, arrival: Arrival) -> Action | None:
        stored = self._configurations.get("action", arrival.action_id)
        return stored.document if stored is not None and isinstance(stored.document, Action) else None

    def _stored(self, arrival: Arrival, action: Action) -> Event:
        lane = lane_of(action.destination.connection)
        if lane not in self._open:  # a call that dies must be found, even if it is the first of its lane
            self._lanes.open(lane)
            self._open.add(lane)
        event = Event(
            execution_id=arrival.execution_id,
            action_id=arrival.action_id,
            lane=lane,
            sequence=arrival.sequence,
            received_at=arrival.received_at,
            payload=arrival.payload or {},
            epoch=INLINE,
            fence=INLINE,
            due_at=self._clock.now() + HOLD,
            activity_uncertain=False,  # a call sends none: that is left to the lane
        )
        self._inbox.add(event, arrival)
        return event

    def _answer(self, event: Event, action: Action) -> dict[str, Any]:
        self._watch.begin()
        why = self._run(event, action)
        self._ring(event.lane)
        self._give_back()
        watch = self._watch
        if watch.result is not None:
            return done(event.execution_id, watch.result, watch.values)
        if not why and not watch.parked and not self._may_write():
            why = Queued.LATE
        return queued(event.execution_id, why or watch.later or Queued.BUSY, parked=watch.parked)

    def _run(self, event: Event, action: Action) -> str:
        """Run the event unless it must go on without its caller; why it must, where no vendor said it."""
        try:
            if self._holds.why(event.action_id, event.lane):
                why: str = Queued.PAUSED
            elif stands_before(event, action, self._inbox.ahead(event)):
                why = Queued.WAITING
            elif not self._may_write():
                why = Queued.LATE
            else:
                self._run_events([event], self._may_write)
                return ""
        except StoppedError:
            why = Queued.LATE
        except TransientError:  # of the tables: what a vendor asks for is seen to by the run
            why = Queued.STORE
        with suppress(SyncError):  # then it is due when nobody can be at work on it
            self._inbox.relinquish([event])
        return why

    def _may_write(self) -> bool:
        return self._deadline.left() >= LAST_WRITE_SECONDS

    def _ring(self, lane: str) -> None:
        """Have the rest done; a lost ring is made good by `sweep` within a minute."""
        with suppress(SyncError):
            if self._lanes.announce(lane, self._clock.now()):
                self._bell.ring(lane)
