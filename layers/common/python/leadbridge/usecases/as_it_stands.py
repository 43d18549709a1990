"""Say of executions what is in force and stands on none of them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from leadbridge.domain.narration import name_in
from leadbridge.domain.outcome import State, message
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from leadbridge.domain.holding import Why
    from leadbridge.ports import Configurations


class AsItStands:
    """Says of executions what is in force and not written on them: their Action's name, and a pause that they wait for.

    A call that was begun tells the name that its Action had then. The documents are asked for only once an execution
    waits or has no name: most of what people look at does not.
    """

    def __init__(self, configurations: "Callable[[], Configurations]") -> None:
        self._configurations = configurations
        self._known: dict[str, tuple[str, Why | None]] = {}

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The execution with `action_name`, and with the reason and the sentence of the pause if there is one."""
        shown = dict(item)
        name, waits = name_in(shown), shown.get("state") == State.WAITING
        if waits or not name:
            now, why = self._of(str(shown.get("action_id", "")))
            name = name or now
            if waits and why:
                shown |= {"reason": why.reason.value, "message": message(why.reason, **why.facts), "due_at": ""}
        return shown | {"action_name": name or None}

    def _of(self, action_id: str) -> "tuple[str, Why | None]":
        """The name of an Action, and why its calls may not begin."""
        from leadbridge.domain.connector import ACTIONS
        from leadbridge.usecases.holds import Holds

        if action_id not in self._known:
            configurations = self._configurations()
            with suppress(UnknownVersionError):
                stored = configurations.get("action", action_id)
                if stored is not None and isinstance(stored.document, ACTIONS):
                    why = Holds(configurations).why(action_id, stored.document.destination.connection)
                    self._known[action_id] = (stored.document.name, why)
        return self._known.setdefault(action_id, ("", None))
