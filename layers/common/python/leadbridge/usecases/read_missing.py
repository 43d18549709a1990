"""Read from Marketo what calls left out: the columns that their Actions need, one call for a batch."""

from collections.abc import Mapping, Sequence

from leadbridge.domain.columns import absent
from leadbridge.domain.compiled import CompiledAction
from leadbridge.domain.event import Event, Result
from leadbridge.domain.outcome import Outcome, Reason, message
from leadbridge.errors import SyncError
from leadbridge.ports import Connections, Inbox
from leadbridge.usecases.batch import grouped
from leadbridge.usecases.closing import Closing

#: an event, its Action, and how it ends where it cannot go on
type Begun = tuple[Event, CompiledAction, Result | None]

UNKNOWN = Result(outcome=Outcome.SKIPPED, reason=Reason.LEAD_UNKNOWN, message=message(Reason.LEAD_UNKNOWN))


class ReadMissing:
    """Completes events; what was read is stored before anything depends on it, so that a repeated run sees the same."""

    def __init__(self, *, connections: Connections, inbox: Inbox, closing: Closing) -> None:
        self._connections = connections
        self._inbox = inbox
        self._closing = closing

    def __call__(self, begun: Sequence[tuple[Event, CompiledAction]]) -> list[Begun]:
        """The events that go on, in their order; one whose lead Marketo does not have carries its end."""
        lacking = {event.execution_id: absent(event, compiled.columns) for event, compiled in begun}
        thin = [(event, compiled) for event, compiled in begun if lacking[event.execution_id]]
        ready: dict[str, Begun] = {
            event.execution_id: (event, compiled, None) for event, compiled in begun if not lacking[event.execution_id]
        }
        for same in grouped(thin, lambda each: each[1].action.source.connection):
            names = sorted(frozenset().union(*(lacking[event.execution_id] for event, _ in same)))
            ready |= self._read(same, names, lacking)
        return [ready[event.execution_id] for event, _ in begun if event.execution_id in ready]

    def _read(
        self, begun: Sequence[tuple[Event, CompiledAction]], names: Sequence[str], lacking: Mapping[str, frozenset[str]]
    ) -> dict[str, Begun]:
        client = self._connections.marketo(begun[0][1].action.source.connection)
        try:
            ids = dict.fromkeys(str(event.lead_id) for event, _ in begun)
            leads = {str(lead["id"]): lead for lead in client.leads_by_filter("id", list(ids), ["id", *names])}
        except SyncError as error:
            self._closing.hold([event for event, _ in begun], error)
            return {}
        found: list[Event] = []
        answers: dict[str, Begun] = {}
        for event, compiled in begun:
            lead = leads.get(str(event.lead_id))
            if lead is None:
                answers[event.execution_id] = (event, compiled, UNKNOWN)
                continue
            own = {name: lead.get(name) for name in sorted(lacking[event.execution_id])}
            found.append(event.evolve(read={**(event.read or {}), **own}))
        actions = {event.execution_id: compiled for event, compiled in begun}
        for event in self._inbox.save(found) if found else ():
            answers[event.execution_id] = (event, actions[event.execution_id], None)
        return answers
