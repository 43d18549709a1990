"""What is kept back because somebody paused it: calls that have not begun, of an Action, through a connection, or all.

Nothing is written on an event for that. Whether it may begin is asked each time a worker looks into its lane, so a
pause holds at once for what came before it and after it, and a resume lets all of it go on, oldest first, without a
step that could be lost. What was begun ends.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.outcome import Reason, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What of a lane may not begin: everything, or the calls of some Actions."""

    everything: bool = False
    actions: frozenset[str] = frozenset()

    def keeps(self, action_id: str, state: State) -> bool:
        """Whether an event is kept back; one that may have written something never is."""
        return state is State.WAITING and (self.everything or action_id in self.actions)

    def __bool__(self) -> bool:
        """Whether anything is kept back."""
        return self.everything or bool(self.actions)


NOTHING = Held()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is told of the first event that may run: whose it is, and when it arrived."""

    action_id: str
    begun: bool
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why calls are kept back: the reason, and the name that its sentence needs."""

    reason: Reason
    facts: Mapping[str, str]


def why_connection(stored: Stored | None) -> Why | None:
    """Why nothing may begin through a connection; None if it may. One that is not there is told by who needs it."""
    if stored is None or (stored.active and not stored.keeps):
        return None
    reason = Reason.CONNECTION_PAUSED if stored.active else Reason.CONNECTION_DISABLED
    return Why(reason=reason, facts={"connection": stored.document.id})


def why_action(stored: Stored | None, source: Stored | None) -> Why | None:
    """Why no call of an Action may begin; None if they may. `source` is the connection to which it reports."""
    if stored is None:
        return None
    if stored.keeps:
        return Why(reason=Reason.ACTION_PAUSED, facts={"action": stored.document.id})
    return why_connection(source)


def kept_by_lane(*, everything: bool, actions: Iterable[Stored], connections: Iterable[Stored]) -> Mapping[str, Held]:
    """What is kept back of each lane (a destination connection), given all documents that are stored."""
    known = {(each.document.kind, each.document.id): each for each in connections}
    lanes: dict[str, set[str]] = {name: set() for kind, name in known if kind == "salesforce_connection"}
    for each in actions:
        if isinstance(each.document, ACTIONS):
            source = known.get(("marketo_connection", each.document.source.connection))
            held = lanes.setdefault(each.document.destination.connection, set())
            if why_action(each, source):
                held.add(each.document.id)
    return {
        name: Held(
            everything=everything or why_connection(known.get(("salesforce_connection", name))) is not None,
            actions=frozenset(held),
        )
        for name, held in lanes.items()
    }
