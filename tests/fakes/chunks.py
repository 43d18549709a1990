"""Chunks of flow steps in memory, and a door for callbacks that answers as it is told."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.flow_step import Chunk, ChunkState, FailedCallback, PersonTold, refused_callback
from tests.fakes.steps import Step, nothing

HOLD = timedelta(minutes=6)


class InMemoryChunks:
    """`ports.Chunks`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self.chunks: dict[str, Chunk] = {}
        self._held: dict[str, datetime] = {}
        self._failed_at: dict[str, datetime] = {}
        self._told: dict[str, dict[int, PersonTold]] = {}
        self._now = datetime.min.replace(tzinfo=UTC)

    def open(self, chunk: Chunk) -> bool:
        """Store a chunk before its people."""
        self._step("chunks.open")
        fresh = chunk.id not in self.chunks
        if fresh:
            self.chunks[chunk.id] = chunk.evolve(version=1)
        self._step("chunks.open.done")
        return fresh

    def tell(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        """Note what is told of people."""
        self._step("chunks.tell")
        self.note(chunk_id, told)
        self._step("chunks.tell.done")

    def note(self, chunk_id: str, told: Sequence[PersonTold]) -> None:
        """Note what is told of people, as a part of somebody else's step."""
        self._told.setdefault(chunk_id, {}).update({each.lead_id: each for each in told})

    def complete(self, chunk_id: str) -> bool:
        """Whether every person of an open chunk is told of."""
        chunk = self.chunks.get(chunk_id)
        if chunk is None or chunk.state is not ChunkState.OPEN:
            return False
        return len(self._told.get(chunk_id, {})) >= len(chunk.lead_ids)

    def told(self, chunk_id: str) -> Mapping[int, PersonTold]:
        """What is to be told, by lead id."""
        return dict(self._told.get(chunk_id, {}))

    def take(self, chunk_id: str, now: datetime) -> Chunk | None:
        """An open chunk to see to."""
        self._step("chunks.take")
        chunk, held = self.chunks.get(chunk_id), self._held.get(chunk_id)
        if chunk is None or chunk.state is not ChunkState.OPEN or (held is not None and now < held):
            return None
        self._now = now
        kept = self.keep(chunk, held=True)
        self._step("chunks.take.done")
        return kept

    def keep(self, chunk: Chunk, *, held: bool = False) -> Chunk | None:
        """Store a taken chunk as it is now."""
        self._step("chunks.keep")
        known = self.chunks.get(chunk.id)
        if known is None or known.version != chunk.version:
            return None
        kept = chunk.evolve(version=chunk.version + 1)
        if kept.state is ChunkState.SENT:
            kept = kept.evolve(token="", callback_key="")
            self._told.pop(kept.id, None)
        if kept.state is ChunkState.FAILED:
            self._failed_at[kept.id] = self._now
        self.chunks[kept.id] = kept
        self._held.pop(kept.id, None)
        if held:
            self._held[kept.id] = self._now + HOLD
        self._step("chunks.keep.done")
        return kept

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Ids of open chunks whose due time has come."""
        found = [each for each in self.chunks.values() if each.state is ChunkState.OPEN and each.due_at <= now]
        return [each.id for each in sorted(found, key=lambda each: (each.due_at, each.id))][:limit]

    def get(self, chunk_id: str) -> Chunk | None:
        """A chunk."""
        return self.chunks.get(chunk_id)

    def failed(self, limit: int) -> Sequence[FailedCallback]:
        """Chunks whose callback failed for good, the newest first."""
        found = [
            FailedCallback(chunk=each, failed_at=self._failed_at[each.id])
            for each in self.chunks.values()
            if each.state is ChunkState.FAILED
        ]
        return sorted(found, key=lambda each: (each.failed_at, each.chunk.id), reverse=True)[:limit]

    def reopen(self, failed: FailedCallback, now: datetime) -> bool:
        """Make a chunk that failed due at once."""
        self._step("chunks.reopen")
        known = self.chunks.get(failed.chunk.id)
        possible = known is not None and known.version == failed.chunk.version
        if possible:
            self.chunks[failed.chunk.id] = failed.chunk.reopened(now).evolve(version=failed.chunk.version + 1)
        self._step("chunks.reopen.done")
        return possible


class FakeCallbackDoor:
    """`ports.CallbackDoor`: answers with the next of `answers`, at last with 200; one that is an error is raised.

    With `taking` it does as Marketo: a token is good once, and a lost answer (an error) is one to a taken callback.
    """

    def __init__(self, *, step: Step = nothing, hosts: Sequence[str] = ("*.mktorest.com",)) -> None:
        self._step = step
        self.hosts = tuple(hosts)
        self.answers: list[int | Exception] = []
        self.posted: list[tuple[str, Mapping[str, str], Mapping[str, Any]]] = []
        #: bodies that Marketo took, by token
        self.taken: dict[str, Mapping[str, Any]] = {}

    def refused(self, url: str) -> str:
        """Why an address is not called."""
        return refused_callback(url, self.hosts)

    def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
        """Take one callback, or answer as planned."""
        self._step("door.post")
        self.posted.append((url, dict(headers), body))
        planned = self.answers.pop(0) if self.answers else 200
        if isinstance(planned, int) and planned != 200:
            return planned
        token = headers["x-callback-token"]
        known = token in self.taken
        self.taken.setdefault(token, body)
        self._step("door.post.done")
        if isinstance(planned, Exception):
            raise planned
        return 404 if known else 200
