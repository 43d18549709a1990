"""Ask what may begin: which calls of a lane are kept back, because somebody paused them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.event import Event
from leadbridge.domain.holding import NOTHING, Due, Held, Why, kept_by_lane, why_action, why_connection
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.outcome import Reason, State
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import Configurations

CONNECTIONS = ("marketo_connection", "salesforce_connection")


class Holds:
    """Looks into lanes past what is kept back.

    Only Actions that are met are asked for, and those that were kept back at the last look: a lane costs a read for
    each of them, whatever the number of documents.
    """

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations
        self._before: dict[str, frozenset[str]] = {}
        #: where calls come from, as asked for since the last look
        self._sources: dict[str, Stored | None] = {}

    def due(self, lane: str, look: Callable[[Held], Sequence[Event]]) -> Sequence[Event]:
        """What `look` finds in a lane, given what is kept back of it."""
        return self._look(lane, look, lambda found: [each.action_id for each in found if each.state is State.WAITING])

    def first_due(self, lane: str, look: Callable[[Held], Due | None]) -> Due | None:
        """The first that `look` finds in a lane, given what is kept back of it."""
        return self._look(lane, look, lambda found: [found.action_id] if found and not found.begun else [])

    def why(self, action_id: str, lane: str) -> Why | None:
        """Why a call of an Action may not begin now; None if it may."""
        self._sources.clear()
        return self._why_lane(lane) or self._why(action_id)

    def _look[T](self, lane: str, look: Callable[[Held], T], actions: Callable[[T], Iterable[str]]) -> T:
        # a guess, which saves a look where it is right
        held = self._before.get(lane, frozenset())
        while True:
            found = look(Held(actions=held) if held else NOTHING)
            waiting = frozenset(actions(found))
            # asked after each look, never before: what was found may have arrived into a pause that began meanwhile.
            # A lane in which nothing waits costs nothing
            if waiting and self._why_lane(lane):
                return look(Held(everything=True))
            self._sources.clear()
            now = frozenset(each for each in sorted(waiting | held) if self._why(each))
            if now == held:
                self._before[lane] = held
                return found
            held = now

    def _why_lane(self, lane: str) -> Why | None:
        """Why nothing of a lane may begin; a lane is its destination connection's."""
        if self._configurations.paused():
            return Why(reason=Reason.ALL_PAUSED, facts={})
        return why_connection(self._get("salesforce_connection", lane))

    def _why(self, action_id: str) -> Why | None:
        stored = self._get("action", action_id)
        if stored is None or not isinstance(stored.document, ACTIONS):
            return None
        source = stored.document.source.connection
        if source not in self._sources:
            self._sources[source] = self._get("marketo_connection", source)
        return why_action(stored, self._sources[source])

    def _get(self, kind: str, identifier: str) -> Stored | None:
        """A document; one of a newer version is told of by who runs its calls, not here."""
        with suppress(UnknownVersionError):
            return self._configurations.get(kind, identifier)
        return None


def kept_now(configurations: Configurations) -> Mapping[str, Held]:
    """What is kept back of each lane at this moment; reads all documents."""
    return kept_by_lane(
        everything=configurations.paused(),
        actions=configurations.list("action"),
        connections=[each for kind in CONNECTIONS for each in configurations.list(kind)],
    )
