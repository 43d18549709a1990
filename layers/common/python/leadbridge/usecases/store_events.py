"""Move accepted calls from the queue into the inbox, and ring for their lanes."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache

from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.event import Arrival, Event, readable
from leadbridge.domain.flow_step import Chunk, PersonTold, left_out
from leadbridge.domain.outcome import Reason, State, message
from leadbridge.errors import SyncError, UnknownVersionError
from leadbridge.ports import Bell, Clock, Configurations, Inbox, Lanes
from leadbridge.usecases.send_callbacks import ChunkEnds

#: store nothing more with less time than this left: what is stored must still be announced and reported
LAST_STORE_SECONDS = 10.0


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
    ) -> None:
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
        touched: set[str] = set()
        aside: dict[str, list[PersonTold]] = {}
        open_chunk = cache(self._open)
        lane_by_action = cache(self._lane)  # one look per batch, not per event
        for message_id, arrival in arrivals:
            if remaining_seconds() < LAST_STORE_SECONDS:
                failed.append(message_id)
                continue
            try:
                if arrival.chunk:
                    open_chunk(arrival.chunk)
                lane = self._store(arrival, lane_by_action, aside)
            except SyncError:
                failed.append(message_id)  # the others of the batch are not harmed by it
                continue
            if lane:
                touched.add(lane)
        for lane in sorted(touched):
            # announced after storing: the holder of the lease cannot release over the head of a stored event
            if self._lanes.announce(lane, self._clock.now()):
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
        self, arrival: Arrival, lane_by_action: Callable[[str], str | None], aside: dict[str, list[PersonTold]]
    ) -> str | None:
        """Returns the lane to ring for, also for a redelivered arrival: its first ring may have been lost."""
        if not readable(arrival.version) or arrival.reason == Reason.UNKNOWN_VERSION:
            self._park(arrival, aside, Reason.UNKNOWN_VERSION, version=arrival.version)
            return None
        if arrival.kind != "event":
            state = State.REJECTED if arrival.kind == "rejected" else State.NOT_RUN
            text = arrival.message or message(arrival.reason)
            self._set_aside(arrival, aside, state, arrival.reason, text)
            return None
        try:
            lane = lane_by_action(arrival.action_id)
        except UnknownVersionError as newer:
            self._park(arrival, aside, Reason.UNKNOWN_VERSION, version=newer.code)
            return None
        if lane is None or arrival.payload is None:
            self._park(arrival, aside, Reason.ACTION_MISSING, action=arrival.action_id)
            return None
        event = Event(
            execution_id=arrival.execution_id,
            action_id=arrival.action_id,
            lane=lane,
            sequence=arrival.sequence,
            received_at=arrival.received_at,
            payload=arrival.payload,
            chunk=arrival.chunk.id if arrival.chunk else "",
        )
        self._inbox.add(event, arrival)
        return lane

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

    def _lane(self, action_id: str) -> str | None:
        stored = self._configurations.get("action", action_id)
        if stored is None or not isinstance(stored.document, ACTIONS):
            return None
        return lane_of(stored.document.destination.connection)


def lane_of(connection: str) -> str:
    """The lane of a destination connection; one for now, priorities get lanes of their own."""
    return connection
