"""Say of executions what is in force and stands on none of them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from leadbridge.domain.narration import name_in
from leadbridge.domain.outcome import Reason, State, message
from leadbridge.errors import UnknownVersionError

if TYPE_CHECKING:
    from leadbridge.domain.batching import Buffer, Thresholds
    from leadbridge.domain.holding import Why
    from leadbridge.ports import Configurations

#: tells what is counted into the buffers of the lanes that nobody drains at the moment, by lane and Action
type Buffers = Callable[[], Mapping[str, Mapping[str, Buffer]]]


class AsItStands:
    """Says of executions what is in force and not written on them: their Action's name, and what they wait for.

    A call that was begun tells the name that its Action had then. The documents are asked for only once an execution
    waits or has no name: most of what people look at does not.
    """

    def __init__(self, configurations: "Callable[[], Configurations]", buffers: "Buffers | None" = None) -> None:
        """Without `buffers` nothing is said of batches."""
        self._configurations = configurations
        self._buffers = buffers
        self._counted: Mapping[str, Mapping[str, Buffer]] | None = None
        self._known: dict[str, tuple[str, Why | None]] = {}
        #: lane and thresholds of Actions whose calls wait for each other
        self._batched: dict[str, tuple[str, Thresholds]] = {}

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The execution with `action_name`, and with reason and sentence of a pause or a batch that it waits for."""
        shown = dict(item)
        name, waits = name_in(shown), shown.get("state") == State.WAITING
        if waits or not name:
            now, why = self._of(str(shown.get("action_id", "")))
            name = name or now
            if waits and why:
                shown |= {"reason": why.reason.value, "message": message(why.reason, **why.facts), "due_at": ""}
            elif waits and not shown.get("message"):
                shown |= self._batch(shown)
        return shown | {"action_name": name or None}

    def _of(self, action_id: str) -> "tuple[str, Why | None]":
        """The name of an Action, and why its calls may not begin."""
        from leadbridge.domain.connector import ACTIONS, ConnectorAction
        from leadbridge.usecases.holds import Holds
        from leadbridge.usecases.store_events import lane_of

        if action_id not in self._known:
            configurations = self._configurations()
            with suppress(UnknownVersionError):
                stored = configurations.get("action", action_id)
                if stored is not None and isinstance(stored.document, ACTIONS):
                    why = Holds(configurations).why(action_id, stored.document.destination.connection)
                    self._known[action_id] = (stored.document.name, why)
                    if isinstance(stored.document, ConnectorAction) and stored.document.thresholds:
                        lane = lane_of(stored.document.destination.connection)
                        self._batched[action_id] = (lane, stored.document.thresholds)
        return self._known.setdefault(action_id, ("", None))

    def _batch(self, item: Mapping[str, Any]) -> dict[str, str]:
        """What a call says that waits for others: so many there are, and when they go.

        The counters are never too low. Of what they hold nothing is older than they say: an older call has left.
        """
        from leadbridge.domain.batching import due_at
        from leadbridge.domain.event import iso

        lane, limits = self._batched.get(str(item.get("action_id", "")), ("", None))
        if limits is None or self._buffers is None:
            return {}
        if self._counted is None:
            self._counted = self._buffers()
        buffer = self._counted.get(lane, {}).get(str(item["action_id"]))
        if buffer is None or buffer.since is None or iso(buffer.since) > str(item["received_at"]):
            return {}
        latest = due_at(buffer, limits)
        facts = {"count": buffer.count, "most": limits.count, "missing": max(1, limits.count - buffer.count)}
        text = message(Reason.IN_BATCH, latest=iso(latest) if latest else "", **facts)
        return {"reason": Reason.IN_BATCH.value, "message": text}
