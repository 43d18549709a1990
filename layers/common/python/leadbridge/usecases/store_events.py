"""Move accepted calls from the queue into the inbox, and ring for their lanes."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from leadbridge.domain.batching import Buffer, Growth, Thresholds, buffer_of
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.event import Arrival, Event, readable
from leadbridge.domain.flow_step import Chunk, PersonTold, left_out
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.outcome import Reason, State, message
from leadbridge.errors import SyncError, UnknownVersionError
from leadbridge.ports import Bell, Clock, Configurations, Inbox, Lanes
from leadbridge.usecases.send_callbacks import ChunkEnds

#: store nothing more with less time than this left: what is stored must still be announced and reported
LAST_STORE_SECONDS = 10.0


@dataclass(slots=True)
class Arrived:
    """What came into a lane at once: whether something that is due, and what waits for others, by Action."""

    due: bool = False
    grown: dict[str, Growth] = field(default_factory=dict)

    def note(self, event: Event, limits: Thresholds | None) -> None:
        """Count an event."""
        if limits is None:
            self.due = True
            return
        before = self.grown[event.action_id].arrived if event.action_id in self.grown else Buffer()
        own = buffer_of([event])
        since = min(each.since for each in (before, own) if each.since)
        # one person who comes twice is counted twice: who looks into the buffer corrects it
        arrived = Buffer(
            count=before.count + own.count, bytes=before.bytes + own.bytes, since=since, version=own.version
        )
        self.grown[event.action_id] = Growth(arrived=arrived, limits=limits)


class Places(Protocol):
    """Tells of an event whose order it must keep, and whether it waits for others (`usecases.placing`)."""

    def __call__(self, stored: Stored, event: Event) -> tuple[Event, Thresholds | None]:
        """The event with its persons and its batch, and the thresholds of that if there is one."""
        ...


class StoreEvents:
    """Store arrivals; storing one twice changes nothing."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        inbox: Inbox,
        lanes: Lanes,
        bell: Bell,
        clock: Clock,
        chunks: ChunkEnds | None = None,
        place: Places | None = None,
    ) -> None:
        """`place` tells which calls wait for others; without it none does."""
        self._place = place
        self._configurations = configurations
        self._inbox = inbox
        self._lanes = lanes
        self._bell = bell
        self._clock = clock
        self._chunks = chunks

    def __call__(
        self, arrivals: Sequence[tuple[str, Arrival]], remaining_seconds: Callable[[], float] = lambda: float("inf")
    ) -> list[str]:
        """Store arrivals, given with their message ids, and announce lanes; returns the ids that must come again."""
        failed: list[str] = []
        touched: dict[str, Arrived] = {}
        aside: dict[str, list[PersonTold]] = {}
        open_chunk = cache(self._open)
        action_of = cache(self._action)  # one look per batch, not per event
        for message_id, arrival in arrivals:
            if remaining_seconds() < LAST_STORE_SECONDS:
                failed.append(message_id)
                continue
            try:
                if arrival.chunk:
                    open_chunk(arrival.chunk)
                self._store(arrival, action_of, aside, touched)
            except SyncError:
                failed.append(message_id)  # the others of the batch are not harmed by it
        for lane, arrived in sorted(touched.items()):
            # announced after storing: the holder of the lease cannot release over the head of a stored event
            if self._lanes.announce(lane, self._clock.now(), arrived.grown, due=arrived.due):
                self._bell.ring(lane)
        for chunk_id, told in aside.items():
            with suppress(SyncError):  # their executions say the same, and are looked up at the deadline
                self._tell(chunk_id, told)
        return failed

    def _open(self, chunk: Chunk) -> None:
        if self._chunks:
            self._chunks.open(chunk)

    def _tell(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        if self._chunks:
            self._chunks.left_out(chunk_id, told)

    def _store(
        self,
        arrival: Arrival,
        action_of: Callable[[str], Stored | None],
        aside: dict[str, list[PersonTold]],
        touched: dict[str, Arrived],
    ) -> None:
        """Store one arrival.

        A redelivered one is noted in `touched`, too: its first ring may have been lost, or it was never counted.
        """
        if not readable(arrival.version) or arrival.reason == Reason.UNKNOWN_VERSION:
            self._park(arrival, aside, Reason.UNKNOWN_VERSION, version=arrival.version)
            return
        if arrival.kind != "event":
            state = State.REJECTED if arrival.kind == "rejected" else State.NOT_RUN
            text = arrival.message or message(arrival.reason)
            self._set_aside(arrival, aside, state, arrival.reason, text)
            return
        try:
            stored = action_of(arrival.action_id)
        except UnknownVersionError as newer:
            self._park(arrival, aside, Reason.UNKNOWN_VERSION, version=newer.code)
            return
        if stored is None or not isinstance(stored.document, ACTIONS) or arrival.payload is None:
            self._park(arrival, aside, Reason.ACTION_MISSING, action=arrival.action_id)
            return
        event = Event(
            execution_id=arrival.execution_id,
            action_id=arrival.action_id,
            lane=lane_of(stored.document.destination.connection),
            sequence=arrival.sequence,
            received_at=arrival.received_at,
            payload=arrival.payload,
            chunk=arrival.chunk.id if arrival.chunk else "",
        )
        limits = None
        if self._place:
            event, limits = self._place(stored, event)
        self._inbox.add(event, arrival)
        touched.setdefault(event.lane, Arrived()).note(event, limits)

    def _park(self, arrival: Arrival, aside: dict[str, list[PersonTold]], reason: Reason, **facts: object) -> None:
        self._set_aside(arrival, aside, State.PARKED, reason, message(reason, **facts))

    def _set_aside(
        self, arrival: Arrival, aside: dict[str, list[PersonTold]], state: State, reason: str, text: str
    ) -> None:
        self._inbox.set_aside(arrival, state=state, reason=reason, message=text)
        if arrival.chunk and arrival.payload:
            lead_id = int(arrival.payload["lead"]["id"])
            told = left_out(lead_id, arrival.execution_id, code=str(reason), reason=text, outcome=state.value)
            aside.setdefault(arrival.chunk.id, []).append(told)

    def _action(self, action_id: str) -> Stored | None:
        return self._configurations.get("action", action_id)


def lane_of(connection: str) -> str:
    """The lane of a destination connection; one for now, priorities get lanes of their own."""
    return connection
