"""How an event leaves a batch: it ends, it is given back with a due time, or it is parked."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import pipeline
from leadbridge.domain.event import Ending, Event, Result
from leadbridge.domain.flow_step import left_out
from leadbridge.domain.outcome import WRITTEN, State, message
from leadbridge.domain.pipeline import Candidate
from leadbridge.domain.postponement import LOGIN_PROBE, Patience, Postponement, given_up, postpone, vendor_reason
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import SyncError, UncertainWriteError
from leadbridge.ports import Clock, Inbox, Keys, Meter
from leadbridge.usecases.batch import RunSettings, tries
from leadbridge.usecases.send_callbacks import ChunkEnds
from leadbridge.usecases.watching import Watch


class Closing:
    """The only place where a batch lets go of events; remembers the earliest due time it gave."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        keys: Keys,
        clock: Clock,
        meter: Meter,
        settings: RunSettings,
        chunks: ChunkEnds | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._inbox = inbox
        self._keys = keys
        self._clock = clock
        self._meter = meter
        self._settings = settings
        self._chunks = chunks
        self._watch = watch
        self.earliest: datetime | None = None

    def finish(self, endings: Sequence[Ending]) -> None:
        """Record ends."""
        if not endings:
            return
        recorded = self._inbox.finish(endings)
        for ending in recorded:
            self._meter.count("Outcomes", outcome=ending.result.outcome.value)
        if self._chunks:
            self._chunks.ended(ending.event.chunk for ending in recorded)
        if self._watch:
            self._watch.ended(recorded)

    def answer(self, event: Event, result: Result, values: Mapping[str, Any], *, over: bool) -> None:
        """Have values go with the answer to the call; unless it is `over`, the event is given back for the rest."""
        if self._watch:
            self._watch.told(result, values)
        if not over:
            written = event.evolve(state=State.REPORTING, result=result)
            # it has no more to write: the next call of the person need not wait for its activity
            self.let_go(written)
            self.defer([written.evolve(answered=True, activity_uncertain=False, due_at=self._clock.now())])

    def park(self, event: Event, reason: str, text: str) -> None:
        """Take an event out of its lane until a person redrives it; others need not wait for that."""
        if not self._inbox.park(pipeline.left_alone(event), reason=reason, message=text):
            return  # whoever has it by now holds its guards, and tells of it
        self._meter.count("Parked", reason=reason)
        if not (event.intent and event.intent.file):
            self.let_go(event)  # whose row is in a file may still be imported: nobody is to come before that
        if self._watch:
            self._watch.set_aside(reason)
        if self._chunks and event.chunk:
            # nobody knows when it goes on: Marketo is told how it stands, and at the latest at the deadline
            told = left_out(event.lead_id, event.execution_id, code=reason, reason=text, outcome="parked")
            with suppress(SyncError):
                self._chunks.left_out(event.chunk, [told])

    def defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        """Give events back with the due time they carry; their guards stay held until then, so that order is kept."""
        if not events:
            return
        self._see_to_guards(events)
        self._inbox.defer(events, parked=parked)
        if self._watch:
            self._watch.given_back(events)
        due = [event.due_at for event in events if event.due_at]
        self.earliest = min([*due, *([self.earliest] if self.earliest else [])])

    def hold(self, events: Sequence[Event], error: SyncError) -> None:
        """Give events back, or park them, as the error of a call asks for.

        After a lost answer nothing is done until the vendor must show what it has committed: a write that arrives
        late could overwrite what comes next.
        """
        self._meter.count("VendorErrors", vendor=error.vendor, code=error.code or "unknown")
        deferred: list[Event] = []
        shown_parked = False
        for event in events:
            plan = self._plan(event, error)
            if plan.due_at is None:
                self._meter.count("FatalVendorErrors", vendor=error.vendor)
                self.park(event, plan.reason, plan.message)
                continue
            shown_parked = plan.parked
            lost = isinstance(error, UncertainWriteError)
            due_at = max(plan.due_at, self._clock.now() + self._settings.settle) if lost else plan.due_at
            deferred.append(
                event.evolve(
                    attempts=tries(event, error.code, vendor=error.vendor) + 1,
                    failing_since=event.failing_since or self._clock.now(),
                    due_at=due_at,
                    reason=plan.reason,
                    message=plan.message,
                )
            )
        self.defer(deferred, parked=shown_parked)

    def postpone(self, candidates: Sequence[Candidate], error: SyncError) -> None:
        """Give events back after a call failed as a whole."""
        self.hold([candidate.event for candidate in candidates], error)

    def _see_to_guards(self, events: Sequence[Event]) -> None:
        """Prolong guards that would expire before their events go on: nothing older may be written meanwhile.

        An event that was written, with all that is chained to it, and only waits to be told does not keep others
        waiting.
        """
        now = self._clock.now()
        calls: list[dict[str, tuple[str, ...]]] = []
        for event in events:
            if not event.guards or event.due_at is None or event.due_at - now <= self._settings.guard / 2:
                continue
            if event.result and event.state is State.REPORTING:
                self.let_go(event)
                continue
            # of two events that name one key, one has lost it: a call must not name it twice
            fitting = (call for call in calls if all(set(event.guards).isdisjoint(held) for held in call.values()))
            call = next(fitting, None)
            if call is None:
                call = {}
                calls.append(call)
            call[event.execution_id] = event.guards
        until = max((event.due_at for event in events if event.due_at), default=now) + self._settings.guard
        for call in calls:
            self._keys.guard(call, until, now)

    def let_go(self, event: Event) -> None:
        """Release the guards that an event holds; what was written under them is remembered."""
        if event.guards:
            done = event.result is not None and event.result.outcome in WRITTEN
            written = (event.action_id, event.sequence) if done else None
            self._keys.release(event.execution_id, event.guards, written=written)

    def again(
        self, event: Event, row: RowResult, *, vendor: str, at_once: bool = False, look_later: bool = False
    ) -> None:
        """Give one event back because the vendor asked for its record to be sent again."""
        made = tries(event, row.code, vendor=vendor)
        patience = self._patience(event)
        if patience.over(self._clock.now()):
            plan = given_up(vendor, row.code, row.message, patience)
            self.park(event, plan.reason, plan.message)
            return
        parked = row.resolution in {Resolution.QUOTA, Resolution.REAUTH}
        if parked:
            wait = LOGIN_PROBE
        else:
            wait = timedelta(seconds=pipeline.backoff_seconds(made, self._settings.retry_seconds))
        wait = max(wait, self._settings.settle) if look_later else wait
        text = message("vendor_waiting", vendor=vendor.capitalize(), code=row.code, detail=row.message)
        due_at = self._clock.now() + (timedelta(0) if at_once else wait)
        self.defer(
            [
                event.evolve(
                    attempts=made + 1,
                    failing_since=event.failing_since or self._clock.now(),
                    due_at=due_at,
                    reason=vendor_reason(vendor, row.code),
                    message=text,
                )
            ],
            parked=parked,
        )

    def refused(self, row: RowResult, *, vendor: str) -> None:
        """Raise the alarm if a record was refused for a fault of the set-up, which only a person can remove."""
        if row.resolution is Resolution.FATAL:
            self._meter.count("FatalVendorErrors", vendor=vendor)

    def _plan(self, event: Event, error: SyncError) -> Postponement:
        made = tries(event, error.code, vendor=error.vendor)
        return postpone(
            error,
            attempts=made,
            now=self._clock.now(),
            first_seconds=self._settings.retry_seconds,
            patience=self._patience(event),
        )

    def _patience(self, event: Event) -> Patience:
        return Patience(since=event.failing_since, most=self._settings.patience)


def repeatable(row: RowResult, made: int) -> bool:
    """Whether the record is to be sent again when `made` refusals came before; locks not for ever."""
    if row.resolution in {Resolution.UNCERTAIN, Resolution.RATE, Resolution.QUOTA, Resolution.REAUTH}:
        return True
    return row.resolution is Resolution.RETRY and made + 1 < row.tries
