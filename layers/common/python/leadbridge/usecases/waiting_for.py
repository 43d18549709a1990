"""Say of executions that wait why they do."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from leadbridge.domain.outcome import State, message

if TYPE_CHECKING:
    from leadbridge.domain.holding import Why
    from leadbridge.ports import Configurations


class WaitingFor:
    """Says of executions that wait why they do, where that is a pause: it is in force, not written on each of them.

    The documents are asked for only once one of the executions waits: most of what people look at does not.
    """

    def __init__(self, configurations: "Callable[[], Configurations]") -> None:
        self._configurations = configurations
        self._known: dict[str, Why | None] = {}

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The execution, with the reason and the sentence of the pause if there is one."""
        shown = dict(item)
        if shown.get("state") != State.WAITING:
            return shown
        action_id = str(shown.get("action_id", ""))
        if action_id not in self._known:
            self._known[action_id] = self._why(action_id)
        why = self._known[action_id]
        if why:
            shown |= {"reason": why.reason.value, "message": message(why.reason, **why.facts), "due_at": ""}
        return shown

    def _why(self, action_id: str) -> "Why | None":
        from leadbridge.domain.action import Action
        from leadbridge.usecases.holds import Holds

        configurations = self._configurations()
        stored = configurations.get("action", action_id)
        if stored is None or not isinstance(stored.document, Action):
            return None
        return Holds(configurations).why(action_id, stored.document.destination.connection)
