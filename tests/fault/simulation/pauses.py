"""A person pauses an Action, a connection or everything at some moment, and resumes it at a later one."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leadbridge.domain.lifecycle import Move
from leadbridge.domain.outcome import State
from tests.builders.actions import MARKETO, SALESFORCE

if TYPE_CHECKING:
    from tests.fault.simulation.product import Simulation

CONNECTIONS = {"salesforce": ("salesforce_connection", SALESFORCE), "marketo": ("marketo_connection", MARKETO)}


class Pauses:
    """The pauses of a schedule; `broken` are the calls that began although they arrived into a pause."""

    def __init__(self, world: "Simulation") -> None:
        self._world = world
        self._open: Counter[str] = Counter()
        self.broken: set[str] = set()

    def plan(self, pauses: Sequence[tuple[float, float, str]]) -> None:
        """Let them happen."""
        for at, seconds, what in pauses:
            self._world.engine.later(at, lambda what=what: self._pause(what))  # type: ignore[misc]  # bound now
            self._world.engine.later(at + seconds, lambda at=at, what=what: self._resume(at, what))  # type: ignore[misc]  # bound now

    def _pause(self, what: str) -> None:
        self._world.engine.count("paused")
        self._open[what] += 1
        self._move(what, Move.PAUSE)

    def _resume(self, since: float, what: str) -> None:
        self._look(since, what)
        self._open[what] -= 1
        if not self._open[what]:  # of two that overlap the last one ends it
            self._world.engine.note(f"resumed: {what}")
            self._move(what, Move.RESUME)

    def _move(self, what: str, move: Move) -> None:
        configurations = self._world.configurations
        if what == "all":
            configurations.pause(paused=move is Move.PAUSE)
            return
        configurations.move(*CONNECTIONS.get(what, ("action", what)), move)

    def _look(self, since: float, what: str) -> None:
        """What arrived into the pause is where it was put: nothing looked at it before the pause began."""
        world = self._world
        wrote = {str(row.get("FirstName")) for _, _, row in world.salesforce.journal}
        for call in world.plan.calls:
            if call.received <= since or (what not in {"all", *CONNECTIONS} and call.action != what):
                continue
            item = world.inbox.logged.get(call.execution_id, {})
            if call.marker in wrote or item.get("state") == State.ENDED:
                self.broken.add(call.marker)
            if item.get("state") == State.WAITING:
                world.engine.count("kept by a pause")
