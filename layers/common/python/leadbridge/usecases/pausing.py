"""Pause and resume: single Actions, everything through a connection, or all Actions; wake the workers afterwards."""

from collections.abc import Iterable, Sequence

from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.errors import SyncError
from leadbridge.ports import Bell, Clock, Configurations, Lanes

CONNECTIONS = ("marketo_connection", "salesforce_connection")


class Pausing:
    """Takes documents a step on, and rings for the lanes in which calls may begin by it.

    A ring that is lost costs a minute: then the lanes are looked at anyway.
    """

    def __init__(self, *, configurations: Configurations, lanes: Lanes, bell: Bell, clock: Clock) -> None:
        self._configurations = configurations
        self._lanes = lanes
        self._bell = bell
        self._clock = clock

    def move(self, kind: str, identifier: str, move: Move) -> DocumentState:
        """Take an Action or a connection a step on; gives its state.

        Raises:
            ConfigurationError: It does not exist, or its state forbids it.
        """
        before = self._configurations.get(kind, identifier)
        state = self._configurations.move(kind, identifier, move)
        # an Action that is merely inactive keeps nothing in its lane
        kept = before is not None and (before.keeps or (kind in CONNECTIONS and not before.active))
        if kept and move in {Move.RESUME, Move.ACTIVATE}:
            self._wake(self._lanes_of(kind, identifier))
        return state

    def everything(self, *, paused: bool) -> Sequence[str]:
        """Pause all Actions together, or end that; gives those that stay paused by themselves."""
        self._configurations.pause(paused=paused)
        actions = self._configurations.list("action")
        if not paused:
            found = [each.document for each in actions]
            self._wake(each.destination.connection for each in found if isinstance(each, ACTIONS))
        return [each.document.id for each in actions if each.state is DocumentState.PAUSED]

    def _lanes_of(self, kind: str, identifier: str) -> list[str]:
        if kind == "salesforce_connection":
            return [identifier]
        actions = [each.document for each in self._configurations.list("action")]
        return [
            each.destination.connection
            for each in actions
            if isinstance(each, ACTIONS) and identifier == (each.id if kind == "action" else each.source.connection)
        ]

    def _wake(self, lanes: Iterable[str]) -> None:
        for lane in sorted(set(lanes)):
            try:
                if self._lanes.announce(lane, self._clock.now()):
                    self._bell.ring(lane)
            except SyncError:
                return  # the next look at the lanes finds what waits
