"""Let what waits for others into its lane: when a buffer drains, and whatever of the same people came before."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from leadbridge.domain import batching
from leadbridge.domain.batching import Buffer, Plan, Rules
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import Event
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import Configurations, Inbox, Lanes, Lease, Meter


class Ripeness:
    """Tells from what is counted whether a look into the buffers of a lane is worth its while."""

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations

    def __call__(self, buffers: Mapping[str, Buffer], now: datetime) -> bool:
        """Whether one of a lane's buffers, by Action, seems to drain now."""
        return any(
            batching.trigger(each, rules.limits, now, rules.version) is not None
            for each, rules in ((each, self.rules(action)) for action, each in buffers.items())
        )

    def rules(self, action_id: str) -> Rules:
        """The thresholds of an Action as it is now; one of a newer version is told of by who runs its calls."""
        with suppress(UnknownVersionError):
            stored = self._configurations.get("action", action_id)
            if stored is not None and isinstance(stored.document, ConnectorAction):
                return Rules(limits=stored.document.thresholds, version=stored.version)
        return Rules(limits=None)

    def overdue(self, event: Event, now: datetime) -> bool:
        """Whether an event that nobody may have counted has waited long enough."""
        alone = batching.buffer_of([event])
        rules = self.rules(event.action_id)
        return batching.trigger(alone, rules.limits, now, rules.version) is not None


class Ripen:
    """Moves events out of the buffers of a lane whose lease the caller holds.

    First they are moved, then the counters are corrected. Whoever finds a move that was interrupted sees counters that
    still ask for a look, and by the marks on what was moved how far the batch reached.
    """

    def __init__(self, *, inbox: Inbox, lanes: Lanes, ripeness: Ripeness, meter: Meter) -> None:
        self._inbox = inbox
        self._lanes = lanes
        self._ripeness = ripeness
        self._meter = meter

    def __call__(self, lease: Lease, due: Sequence[Event], now: datetime) -> bool:
        """Move what goes out now or must go before what is due; whether anything was moved."""
        asked = batching.asked_of(due)
        if self._look(lease, due, now) or len(asked) > batching.MOST_ASKED:
            waiting = self._inbox.buffered(lease.lane)
            rules = {action: self._ripeness.rules(action) for action in {event.action_id for event in waiting}}
            plan = batching.plan(waiting, rules, now, cuts=batching.cuts_of(due), before=asked)
            moved = self._move(plan)
            self._lanes.settle(lease, plan.left)
            return moved
        if not asked:
            return False
        # counted they stay: a count that is too high costs a look
        return self._move(
            batching.plan(self._inbox.buffered(lease.lane, sorted(asked)), {}, now, before=asked, drains=False)
        )

    def _look(self, lease: Lease, due: Sequence[Event], now: datetime) -> bool:
        if lease.buffers:
            return self._ripeness(lease.buffers, now)
        # called for nothing that shows: a call may have been stored by somebody who died before counting it
        return not due and self._inbox.first_buffered(lease.lane) is not None

    def _move(self, plan: Plan) -> bool:
        moved = self._inbox.ripen(plan.events)
        if moved:
            for trigger in plan.batches:
                self._meter.count("Batches", trigger=trigger.value)
        return bool(moved)
