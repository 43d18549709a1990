"""Read from Marketo's log the activities that Actions take values from: the newest of each person, 30 a call."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from leadbridge.domain import activity_columns
from leadbridge.domain.action import Action, ActivitySource
from leadbridge.domain.compiled import CompiledAction
from leadbridge.domain.event import Event
from leadbridge.domain.outcome import Reason, message
from leadbridge.errors import SyncError
from leadbridge.ports import Connections, Inbox
from leadbridge.usecases.batch import grouped
from leadbridge.usecases.closing import Closing
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.read_missing import Begun


class NewestActivities:
    """The columns that the newest activities of persons are."""

    def __init__(self, *, connections: Connections, names: MarketoNames) -> None:
        self._connections = connections
        self._names = names

    def __call__(self, action: Action, source: ActivitySource, events: Sequence[Event]) -> list[dict[str, Any]] | None:
        """The columns of each event's person, in order; None if the instance has no such type.

        Raises:
            SyncError: Marketo did not answer.
        """
        connection = action.source.connection
        kind = self._names.activity_type(connection, source.type)
        if kind is None:
            return None
        since = min(event.received_at for event in events) - timedelta(days=source.days)
        leads = list(dict.fromkeys(event.lead_id for event in events))
        found = list(self._connections.marketo(connection).activities(since, [kind.id], leads))
        return [activity_columns.columns(kind, activity_columns.newest(event, action, found)) for event in events]


class ReadActivities:
    """Completes events; what was read is stored before anything depends on it, so that a repeated run sees the same."""

    def __init__(self, *, activities: NewestActivities, inbox: Inbox, closing: Closing) -> None:
        self._activities = activities
        self._inbox = inbox
        self._closing = closing

    def __call__(self, begun: Sequence[Begun]) -> list[Begun]:
        """The events that go on, in their order; what ends already is let through."""
        wanted = [
            (event, compiled)
            for event, compiled, result in begun
            if result is None and activity_columns.wanted(event, compiled.action)
        ]
        ready = {event.execution_id: event for event, _, _ in begun}
        for event, _ in wanted:
            del ready[event.execution_id]
        for same in grouped(wanted, lambda each: (each[1].action.source.connection, each[1].action.activity)):
            ready |= self._read(same)
        return [
            (ready[event.execution_id], compiled, result)
            for event, compiled, result in begun
            if event.execution_id in ready
        ]

    def _read(self, same: Sequence[tuple[Event, CompiledAction]]) -> Mapping[str, Event]:
        """The events of one instance and type with what was read; those that were given back are left out."""
        events, action = [event for event, _ in same], same[0][1].action
        source = action.activity
        if source is None:
            raise TypeError("an Action without an activity")
        try:
            found = self._activities(action, source, events)
        except SyncError as error:
            self._closing.hold(events, error)
            return {}
        if found is None:
            for event in events:
                text = message(Reason.ACTIVITY_TYPE_MISSING, type=source.type)
                self._closing.park(event, Reason.ACTIVITY_TYPE_MISSING, text)
            return {}
        read = [
            event.evolve(read={**(event.read or {}), **activity_columns.kept(compiled.action, columns)})
            for (event, compiled), columns in zip(same, found, strict=True)
        ]
        return {event.execution_id: event for event in self._inbox.save(read)}
