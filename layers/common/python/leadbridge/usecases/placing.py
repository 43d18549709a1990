"""Tell of a call that arrives whose order it must keep, and whether it waits for others."""

from collections.abc import Callable

from leadbridge.domain import connecting
from leadbridge.domain.batching import Thresholds
from leadbridge.domain.clauses import ListDocument, named_lists
from leadbridge.domain.connecting import CompiledConnector, Task
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import Batch, Event
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.operations import UNKNOWN_ID, body_bytes
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.ports import Configurations


class Placing:
    """Reads what a connector action says of a call. Asks no vendor: a call is stored before anybody is."""

    def __init__(self, *, configurations: Configurations, hash_key: Callable[[], bytes]) -> None:
        self._configurations = configurations
        self._hash_key = hash_key
        self._compiled: dict[tuple[str, int], CompiledConnector] = {}

    def __call__(self, stored: Stored, event: Event) -> tuple[Event, Thresholds | None]:
        """The event with its persons and, where it waits for others, its batch and the thresholds of that.

        What will be left out, for its condition or because it names nobody, waits for nobody.
        """
        action = stored.document
        if not isinstance(action, ConnectorAction):
            return event, None
        task = connecting.admit(event, self._ready(action, stored.version), self._hash_key())
        if not isinstance(task, Task):
            return event, None
        limits = action.thresholds
        if limits is None:
            return event.evolve(persons=task.guards), None
        row = task.row or {"id": task.lead_id or UNKNOWN_ID}
        added = body_bytes(task.group, [row, row]) - body_bytes(task.group, [row])
        # who has no key is nobody else
        persons = task.guards[:1] or (event.execution_id,)
        return event.evolve(persons=persons, batch=Batch(bytes=added, version=stored.version)), limits

    def _ready(self, action: ConnectorAction, version: int) -> CompiledConnector:
        """The Action with its mapped fields as texts, in which form a value has the most bytes."""
        key = (action.id, version)
        if key not in self._compiled:
            fields = {each.to: FieldDescription(name=each.to, type="string") for each in action.mappings}
            stored = [self._configurations.get("list", name) for name in sorted(named_lists(action.conditions))]
            members = {
                each.document.id: each.document.members
                for each in stored
                if each is not None and isinstance(each.document, ListDocument)
            }
            leads = ObjectDescription(name="lead", fields=fields)
            self._compiled[key] = connecting.compile_connector(action, version, leads, lists=members)
        return self._compiled[key]
