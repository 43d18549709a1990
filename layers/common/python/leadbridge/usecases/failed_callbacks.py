"""Callbacks of flow steps that will not be tried again by themselves: which there are, and once more on demand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from leadbridge.domain.flow_step import FAILURES, VALUES_STAY, FailedCallback
from leadbridge.ports import Chunks, Clock

#: callbacks that are listed, or sent again at a time
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """What became of one request to send a callback again."""

    chunk_id: str
    done: bool
    note: str


class FailedCallbacks:
    """Lists what Marketo did not take, and has it sent again: `call_back` takes it up within a minute."""

    def __init__(self, *, chunks: Chunks, clock: Clock) -> None:
        self._chunks = chunks
        self._clock = clock

    def __call__(self) -> Sequence[FailedCallback]:
        """Callbacks that failed, the newest first."""
        return self._chunks.failed(MOST)

    def send(self, chunk_ids: Collection[str]) -> list[SentAgain]:
        """Have callbacks sent again; asking twice sends nothing twice."""
        known = {each.chunk.id: each for each in self()}
        return [self._send(chunk_id, known.get(chunk_id)) for chunk_id in dict.fromkeys(chunk_ids)]

    def _send(self, chunk_id: str, failed: FailedCallback | None) -> SentAgain:
        now = self._clock.now()
        if failed is None:
            note = "No callback of this chunk failed, or it has been sent since."
        elif now > failed.chunk.received_at + VALUES_STAY - timedelta(hours=1):
            note = "What was to be told is not kept any more. Run the campaign again for these people."
        elif not self._chunks.reopen(failed, now):
            note = "Somebody else was faster."
        else:
            return SentAgain(chunk_id=chunk_id, done=True, note="Is sent again within a minute.")
        return SentAgain(chunk_id=chunk_id, done=False, note=note)


def why(failed: FailedCallback) -> str:
    """The sentence of the reason for which a callback failed."""
    return FAILURES.get(failed.chunk.reason, failed.chunk.reason)
