"""While an Action is on trial: which of its calls run for real, and which are skipped.

The people are those whose lead ids the Action names and the members of a static list. Membership is asked of Marketo
for all people of a batch in one call, and what it said is used for a minute.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadbridge.domain.action import Trial
from leadbridge.domain.compiled import CompiledAction
from leadbridge.domain.connecting import CompiledConnector
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.event import Event, Result
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.outcome import Outcome, Reason, State, message
from leadbridge.errors import SyncError
from leadbridge.ports import Clock, Configurations, Connections
from leadbridge.usecases.batch import grouped
from leadbridge.usecases.closing import Closing

#: an event with its Action
type Ready[C: CompiledAction | CompiledConnector] = tuple[Event, C]

#: how long what Marketo said of a list is used
MEMBER_AGE = timedelta(minutes=1)
LEFT_OUT = Result(outcome=Outcome.SKIPPED, reason=Reason.TRIAL, message=message(Reason.TRIAL))


@dataclass(slots=True)
class _List:
    """A list as Marketo showed it; no id if there is none of that name, or more than one."""

    id: int | None
    read_at: datetime
    members: dict[int, bool] = field(default_factory=dict)


class Trials:
    """Parts the calls of Actions that are on trial; one per process."""

    def __init__(
        self, *, configurations: Configurations, connections: Connections, clock: Clock, closing: Closing
    ) -> None:
        self._configurations = configurations
        self._connections = connections
        self._clock = clock
        self._closing = closing
        self._lists: dict[tuple[str, str], _List] = {}

    def __call__[C: CompiledAction | CompiledConnector](
        self, ready: Sequence[Ready[C]], current: Mapping[str, Stored]
    ) -> tuple[list[Ready[C]], list[Ready[C]]]:
        """The calls that run, and those that end with `LEFT_OUT`, each in their order; `current` is what was just read.

        What was begun before is seen through. Of whom Marketo cannot be asked, or whose list is not there, the call is
        given back or parked.
        """
        tried = {
            each: self._trial(each, current.get(each))
            for each in {event.action_id for event, _ in ready if _is_new(event)}
        }
        out: set[str] = set()
        asked: list[tuple[Event, tuple[str, str]]] = []
        for event, compiled in ready:
            trial = tried.get(event.action_id) if _is_new(event) else None
            if trial is None or event.lead_id in (trial.leads or ()):
                continue
            if trial.static_list is None:
                out.add(event.execution_id)
            else:
                asked.append((event, (compiled.action.source.connection, trial.static_list)))
        away: set[str] = set()
        for same in grouped(asked, lambda each: each[1]):
            events = [event for event, _ in same]
            members = self._members(events, *same[0][1])
            if members is None:
                away |= {event.execution_id for event in events}
            else:
                out |= {event.execution_id for event in events if event.lead_id not in members}
        here = [each for each in ready if each[0].execution_id not in away]
        return (
            [each for each in here if each[0].execution_id not in out],
            [each for each in here if each[0].execution_id in out],
        )

    def _trial(self, action_id: str, current: Stored | None) -> Trial | None:
        """With whom an Action is tried now, whatever version its calls began with; None if it is not on trial."""
        stored = current or self._configurations.get("action", action_id)
        if stored is None or not isinstance(stored.document, ACTIONS) or stored.state is not DocumentState.TRIAL:
            return None
        # nobody, if a version without the member came in between
        return stored.document.trial or Trial.model_construct(leads=None, static_list=None)

    def _members(self, events: Sequence[Event], connection: str, name: str) -> set[int] | None:
        """Those of the people who are in the list; None if their calls were given back or parked."""
        try:
            found = self._found(connection, name)
            if found.id is not None:
                self._ask(connection, found, (event.lead_id for event in events))
        except SyncError as error:
            self._closing.hold(events, error)
            return None
        if found.id is None:
            for event in events:
                text = message(Reason.TRIAL_LIST_MISSING, list=name)
                self._closing.park(event, Reason.TRIAL_LIST_MISSING, text)
            return None
        return {lead for lead, is_member in found.members.items() if is_member}

    def _found(self, connection: str, name: str) -> _List:
        known = self._lists.get((connection, name))
        now = self._clock.now()
        if known is None or now - known.read_at > MEMBER_AGE:
            list_id = self._connections.marketo(connection).static_list(name)
            known = self._lists[connection, name] = _List(list_id, now)
        return known

    def _ask(self, connection: str, found: _List, lead_ids: Iterable[int]) -> None:
        """Ask about those of whom nothing is known."""
        unknown = [each for each in dict.fromkeys(lead_ids) if each not in found.members]
        if unknown and found.id is not None:
            members = self._connections.marketo(connection).list_members(found.id, unknown)
            found.members |= {each: each in members for each in unknown}


def _is_new(event: Event) -> bool:
    return event.state is State.WAITING
