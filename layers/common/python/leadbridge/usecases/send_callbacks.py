"""Call Marketo back for chunks of people: one callback for each, when all of them are told of or the time is up."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from leadbridge.domain.flow_step import (
    Chunk,
    ChunkState,
    PersonTold,
    as_it_stands,
    callback_body,
    callback_headers,
    execution_id_of,
    judged,
    put_off,
)
from leadbridge.domain.flow_step_queue import LOOK
from leadbridge.errors import SyncError, TransientError, UncertainWriteError
from leadbridge.ports import Bell, CallbackDoor, Chunks, Clock, Meter, Standings

#: chunks of one run; those that are left are due in the next minute
CHUNKS_LIMIT = 200
#: begin no callback with less time than this left
LAST_CALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run did with chunks: how many were sent, put off, given up, and left as they are."""

    sent: int = 0
    put_off: int = 0
    failed: int = 0
    left: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts for a log line."""
        return {"sent": self.sent, "put_off": self.put_off, "failed": self.failed, "left": self.left}


class SendCallbacks:
    """Sends the callbacks of chunks.

    The try is stored before the call and judged after it. Whoever dies in between leaves a doubt, and the next one
    sends again: the token of a chunk is good once, so Marketo itself refuses what it has taken.
    """

    def __init__(self, *, chunks: Chunks, standings: Standings, door: CallbackDoor, clock: Clock, meter: Meter) -> None:
        self._chunks = chunks
        self._standings = standings
        self._door = door
        self._clock = clock
        self._meter = meter

    def __call__(self, chunk_id: str = "", remaining: Callable[[], float] = lambda: float("inf")) -> Report:
        """See to one chunk, or to all that are due."""
        ids = [chunk_id] if chunk_id else self._chunks.due(self._clock.now(), CHUNKS_LIMIT)
        found: list[str] = []
        for each in ids:
            if remaining() < LAST_CALL_SECONDS:
                break
            found.append(self._see_to(each))
        return Report(**{name: found.count(name) for name in ("sent", "put_off", "failed", "left")})

    def _see_to(self, chunk_id: str) -> str:
        """What became of a chunk: sent, put_off, failed, or left to others and to a later time."""
        now = self._clock.now()
        chunk = self._chunks.take(chunk_id, now)
        if chunk is None:
            return "left"
        if chunk.attempts and now < chunk.due_at:  # a second ring, while the first try waits for its next
            self._chunks.keep(chunk)
            return "left"
        told = self._chunks.told(chunk.id)
        if now < chunk.deadline and not told.keys() >= set(chunk.lead_ids):
            self._chunks.keep(chunk.evolve(due_at=min(now + LOOK, chunk.deadline)))
            return "left"
        people = [told.get(lead_id) or self._untold(chunk, lead_id) for lead_id in chunk.lead_ids]
        return self._call(chunk, people)

    def _untold(self, chunk: Chunk, lead_id: int) -> PersonTold:
        execution_id = execution_id_of(chunk.id, lead_id)
        return as_it_stands(lead_id, execution_id, self._standings.get(execution_id))

    def _call(self, chunk: Chunk, people: Iterable[PersonTold]) -> str:
        if self._door.refused(chunk.callback_url):
            return self._settle(chunk.evolve(state=ChunkState.FAILED, reason="host_refused"))
        doubt_before = chunk.doubt
        begun = self._chunks.keep(chunk.evolve(attempts=chunk.attempts + 1, doubt=True), held=True)
        if begun is None:
            return "left"
        try:
            status = self._door.post(
                begun.callback_url, callback_headers(begun), callback_body(begun.munchkin_id, people)
            )
        except UncertainWriteError:
            return self._settle(judged(begun, None, doubt_before=doubt_before, now=self._clock.now()))
        except TransientError:
            unsent = begun.evolve(doubt=doubt_before, reason="no_connection")
            return self._settle(put_off(unsent, self._clock.now()))
        return self._settle(judged(begun, status, doubt_before=doubt_before, now=self._clock.now()))

    def _settle(self, chunk: Chunk) -> str:
        if self._chunks.keep(chunk) is None:
            return "left"
        if chunk.state is ChunkState.FAILED:
            self._meter.count("CallbacksFailed", reason=chunk.reason)
            return "failed"
        if chunk.state is ChunkState.SENT:
            self._meter.count("CallbacksSent")
            return "sent"
        return "put_off"


class ChunkEnds:
    """Rings for the callback of a chunk when the last of its people is told of.

    A ring that is lost costs some time: every open chunk is looked at again.
    """

    def __init__(self, *, chunks: Chunks, bell: Bell) -> None:
        self._chunks = chunks
        self._bell = bell

    def open(self, chunk: Chunk) -> None:
        """Store a chunk before its people."""
        self._chunks.open(chunk)

    def ended(self, chunk_ids: Iterable[str]) -> None:
        """People of these chunks have just ended, and their ends are recorded; empty ids are of other doors."""
        for chunk_id in sorted({each for each in chunk_ids if each}):
            with suppress(SyncError):  # the others must hear of theirs
                if self._chunks.complete(chunk_id):
                    self._bell.ring(chunk_id)

    def left_out(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        """People of a chunk are not run, or are parked: they are told of as such, and not waited for.

        Raises:
            TransientError: The store is throttled or away.
        """
        self._chunks.tell(chunk_id, told)
        self.ended([chunk_id])
