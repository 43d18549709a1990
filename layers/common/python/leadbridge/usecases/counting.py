"""Counts what passes through the inbox, for alerts: arrivals, ends, failures by reason, what is parked.

It stands before an inbox and changes nothing of what that does. Counts are stored after the step they count, so a
worker that dies in between counts too little; what became of a call is told by its execution alone.
"""

from collections.abc import Sequence
from datetime import datetime

from leadbridge.domain.batching import Ahead
from leadbridge.domain.counted import ARRIVED, ENDED, FAILED, PARKED, REJECTED
from leadbridge.domain.event import Arrival, Ending, Event
from leadbridge.domain.holding import NOTHING, Due, Held
from leadbridge.domain.outcome import State
from leadbridge.domain.pipeline import errored
from leadbridge.errors import TransientError
from leadbridge.ports import Inbox, Meter, Tally


def flush(tally: Tally, meter: Meter) -> None:
    """Store what was noted; a store that is away costs the counts and nothing else."""
    try:
        tally.flush()
    except TransientError:
        meter.count("CountsLost")


class CountingInbox:
    """`ports.Inbox` that counts for alerts what another one does."""

    def __init__(self, inbox: Inbox, *, tally: Tally, meter: Meter) -> None:
        self._inbox = inbox
        self._tally = tally
        self._meter = meter

    def add(self, event: Event, arrival: Arrival) -> bool:
        """Store a new event; counted at the end of its batch."""
        new = self._inbox.add(event, arrival)
        if new:
            self._tally.note(event.action_id, ARRIVED)
        return new

    def set_aside(self, arrival: Arrival, *, state: str, reason: str, message: str) -> bool:
        """Record a call that does not run now; counted at the end of its batch."""
        new = self._inbox.set_aside(arrival, state=state, reason=reason, message=message)
        if new:
            self._tally.note(arrival.action_id, ARRIVED)
            if state == State.REJECTED:
                self._tally.note(arrival.action_id, REJECTED, str(reason))
            if state == State.PARKED:
                self._tally.note(arrival.action_id, PARKED, str(reason))
        return new

    def due(self, lane: str, now: datetime, limit: int, kept: Held = NOTHING) -> Sequence[Event]:
        """Events of a lane whose due time has come."""
        return self._inbox.due(lane, now, limit, kept)

    def ahead(self, event: Event) -> Sequence[Event] | None:
        """Events of the lane that came before this one."""
        return self._inbox.ahead(event)

    def buffered(self, lane: str, persons: Sequence[str] = ()) -> Sequence[Event]:
        """Events that wait beside a lane for others to go with."""
        return self._inbox.buffered(lane, persons)

    def undue(self, lane: str, now: datetime, before: str) -> Sequence[Ahead]:
        """As the inbox inside."""
        return self._inbox.undue(lane, now, before)

    def first_buffered(self, lane: str) -> Event | None:
        """Any of them."""
        return self._inbox.first_buffered(lane)

    def ripen(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events that waited for others into their lane."""
        return self._inbox.ripen(events)

    def load(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events beside their lane, with their file."""
        return self._inbox.load(events)

    def loaded(self, lane: str, file: str, limit: int) -> Sequence[Event]:
        """Events that stand beside a lane with a file."""
        return self._inbox.loaded(lane, file, limit)

    def unload(self, moves: Sequence[tuple[Event, Event]]) -> None:
        """Move events that stand with a file back into their lane."""
        self._inbox.unload(moves)

    def first_due(self, lane: str, now: datetime, kept: Held = NOTHING) -> Due | None:
        """The first event of a lane whose due time has come."""
        return self._inbox.first_due(lane, now, kept)

    def claim(self, events: Sequence[Event], epoch: int) -> Sequence[Event]:
        """Mark events as begun."""
        return self._inbox.claim(events, epoch)

    def relinquish(self, events: Sequence[Event]) -> None:
        """Let go of claimed events."""
        self._inbox.relinquish(events)

    def save(self, events: Sequence[Event]) -> Sequence[Event]:
        """Store state, intent and result."""
        return self._inbox.save(events)

    def defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        """Give events back; what is shown as parked goes on by itself, so that nobody is alerted but by the lag."""
        self._inbox.defer(events, parked=parked)

    def park(self, event: Event, *, reason: str, message: str) -> bool:
        """Take an event out of its lane until a person redrives it, and count it."""
        if not self._inbox.park(event, reason=reason, message=message):
            return False
        self._tally.note(event.action_id, PARKED, str(reason))
        flush(self._tally, self._meter)
        return True

    def finish(self, endings: Sequence[Ending]) -> Sequence[Ending]:
        """Record outcomes, and count those that were recorded now: one write for each Action of the wave."""
        recorded = self._inbox.finish(endings)
        for ending in recorded:
            self._tally.note(ending.event.action_id, ENDED, str(ending.result.outcome or ""))
            if errored(ending.result):
                self._tally.note(ending.event.action_id, FAILED, str(ending.result.reason))
        if recorded:
            flush(self._tally, self._meter)
        return recorded
