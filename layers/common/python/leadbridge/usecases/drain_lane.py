"""Drain one lane: take its lease, run what is due in batches, hand over before the time is up."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from leadbridge.domain.batching import MOST_DUE, blocked, together
from leadbridge.domain.event import INLINE, Event, suspected
from leadbridge.errors import TransientError
from leadbridge.ports import Bell, Clock, Heartbeat, Inbox, Lanes, Lease
from leadbridge.usecases.batch import StoppedError
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.ripening import Ripen
from leadbridge.usecases.run_events import RunEvents

#: into how many pieces the suspects of a batch are cut at most, to be run piece by piece: a call's are so many
SUSPECTS = 300
#: how often a drainer that waits for a due time looks for new arrivals
LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainSettings:
    """How much a drainer takes at once and when it gives way."""

    batch: int = 200
    #: begin no batch with less time than this left: vendor calls may take minutes (their own time-outs)
    handover_seconds: float = 150.0
    #: begin no vendor write with less time than this left inside a batch
    last_write_seconds: float = 60.0
    #: stay for events that come due so soon, rather than leave them to the next sweep
    patience: timedelta = timedelta(seconds=15)


#: what a worker did, as it stands in its log line
type Report = dict[str, int | str | dict[str, int]]


class DrainLane:
    """The only writer of a lane while its lease lives."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        lanes: Lanes,
        bell: Bell,
        clock: Clock,
        heartbeat: Heartbeat,
        run_events: RunEvents,
        holds: Holds,
        sleep: Callable[[float], None],
        settings: DrainSettings,
        ripen: Ripen | None = None,
    ) -> None:
        """`ripen` sees to what waits beside the lane for a batch; without it nothing does."""
        self._ripen = ripen
        self._inbox = inbox
        self._lanes = lanes
        self._bell = bell
        self._clock = clock
        self._heartbeat = heartbeat
        self._run_events = run_events
        self._holds = holds
        self._sleep = sleep
        self._settings = settings

    def __call__(self, lane: str, remaining_seconds: Callable[[], float]) -> Report:
        """Drain until the lane is empty, the lease is lost or the time is nearly up."""
        lease = self._lanes.take(lane, self._clock.now())
        if lease is None:
            return {"lane": lane, "end": "held by another", "events": 0}
        run: Counter[str] = Counter()
        with self._heartbeat(lease) as held:
            report = self._drain(lease, held, remaining_seconds, run)
        if report["events"]:
            self._run_events.report_quota()
        return report | ({"actions": dict(run)} if run else {})

    def _drain(
        self, lease: Lease, held: Callable[[], bool], remaining_seconds: Callable[[], float], run: Counter[str]
    ) -> Report:
        total = 0
        earliest: datetime | None = None
        while True:
            current = self._lanes.renew(lease, self._clock.now())
            if current is None:
                return {"lane": lease.lane, "end": "lease lost", "events": total}
            if remaining_seconds() < self._settings.handover_seconds:
                return self._hand_over(current, total)
            looked_at, due = self._due(current)
            if not due:
                if earliest is not None and self._wait_for(earliest, remaining_seconds):
                    earliest = earliest if self._clock.now() < earliest else None
                    continue
                if self._lanes.release(current):
                    return {"lane": lease.lane, "end": "empty", "events": total}
                continue
            newest = max(max(event.epoch, event.fence) for event in due)
            if newest > lease.epoch:  # the lane's item was lost or restored: its counter begins below its own events
                return self._hand_over(self._lanes.lift(lease, newest) or lease, total)
            chosen = isolated(together(due, self._settings.batch), lease.epoch)
            try:
                batch = self._in_order(lease.lane, self._inbox.claim(chosen, lease.epoch), looked_at)
                total += len(batch)
                given_back = self._run_events(
                    batch, lambda: held() and remaining_seconds() > self._settings.last_write_seconds
                )
                run.update(self._run_events.run)
            except (StoppedError, TransientError) as stop:
                # not the events' fault: they must not look as if they had killed the worker
                self._inbox.relinquish([event.evolve(epoch=lease.epoch) for event in chosen])
                if isinstance(stop, TransientError):
                    self._lanes.release(current, even_if_arrived=True)
                    return {"lane": lease.lane, "end": "store not available", "events": total}
                return self._hand_over(current, total)
            earliest = min((moment for moment in (earliest, given_back) if moment), default=None)

    def _in_order(self, lane: str, claimed: Sequence[Event], looked_at: datetime) -> Sequence[Event]:
        """Those that overtake nobody: what came before of the same persons, and goes on later, goes first.

        Whoever was turned away, by another writer or by the vendor, holds no keys by which others could tell. Later is
        what was not due when it was looked what is: what came due since then is in nobody's hands.
        """
        known = [event for event in claimed if event.persons]
        if not known:
            return claimed
        ahead = self._inbox.undue(lane, looked_at, max(event.sequence for event in known))
        waiting = {event.execution_id: due for event in known if (due := blocked(event, ahead))}
        self._inbox.defer([e.evolve(due_at=waiting[e.execution_id]) for e in claimed if e.execution_id in waiting])
        return [event for event in claimed if event.execution_id not in waiting]

    def _due(self, lease: Lease) -> tuple[datetime, Sequence[Event]]:
        """What is due at which moment, with what drains out of buffers now; of what goes together all."""
        current: Lease | None = lease
        while current is not None:
            looked_at = self._clock.now()
            found = self._whole(lease.lane, looked_at)
            if self._ripen is None or not self._ripen(current, found, self._clock.now()):
                return looked_at, found
            # what came meanwhile was not asked for yet; the counters were corrected, too
            current = self._lanes.renew(lease, self._clock.now())
        return looked_at, []

    def _whole(self, lane: str, now: datetime) -> Sequence[Event]:
        found = self._look(lane, now, self._settings.batch)
        full = len(found) >= self._settings.batch
        sizes = [event.batch.size for event in found if event.batch]
        return self._look(lane, now, max(MOST_DUE, *sizes)) if full and sizes else found

    def _look(self, lane: str, now: datetime, limit: int) -> Sequence[Event]:
        return self._holds.due(lane, partial(self._inbox.due, lane, now, limit))

    def _hand_over(self, lease: Lease, total: int) -> Report:
        """Let a fresh invocation go on; a lease that is another's already stays as it is."""
        if not self._lanes.release(lease, even_if_arrived=True):
            return {"lane": lease.lane, "end": "lease lost", "events": total}
        self._bell.ring(lease.lane)
        return {"lane": lease.lane, "end": "handed over", "events": total}

    def _wait_for(self, moment: datetime, remaining_seconds: Callable[[], float]) -> bool:
        """Sleep a moment if events come due shortly; False if that is too far off. New arrivals are seen in between."""
        wait = (moment - self._clock.now()).total_seconds()
        if (
            wait > self._settings.patience.total_seconds()
            or remaining_seconds() - wait < self._settings.handover_seconds
        ):
            return False
        self._sleep(min(max(0.0, wait), LOOK_AGAIN_SECONDS))
        return True


def isolated(events: Sequence[Event], epoch: int) -> Sequence[Event]:
    """The events to run together: one that was in hand when a worker died runs alone and takes no others along.

    Of several the first that was written comes first: older ones must find that out. A call that died with its event
    was in nobody's order yet, so what came before it goes before it.
    """
    suspects = [event for event in events if suspected(event, epoch)]
    written = [event for event in suspects if event.result]
    if suspects and not written and suspects[0].epoch == INLINE:
        before = [event for event in events if event.sequence < suspects[0].sequence]
        return before or suspects[:1]
    if suspects and not written:
        # of a batch one death makes no suspects: they go before what came later of the same people
        first = suspects[0]
        before = [event for event in events if event.sequence < first.sequence and {*event.persons} & {*first.persons}]
        # those of a file would take days one by one
        number = 1 if first.batch is None else max(1, -(-first.batch.size // SUSPECTS))
        return before or suspects[:number]
    return (written or suspects)[:1] or events
