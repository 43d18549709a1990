"""Objects of one's own as both systems describe them: what their Syncs and their kind of records are complete with."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import Described, completed, kept_objects, object_of
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync import Sync
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.ports import Clock

#: keys and links of Marketo's objects never change, and Salesforce's lookups rarely do
AGE = timedelta(minutes=15)


class DescribesObjects(Protocol):
    """A system that describes its objects."""

    def describe(self, object_name: str) -> ObjectDescription:
        """An object by its API name.

        Raises:
            SyncError: It cannot be asked now, or has no such object.
        """
        ...


class DescribedConnections(Protocol):
    """Both systems by connection."""

    def marketo(self, connection: str) -> DescribesObjects:
        """The instance of a connection."""
        ...

    def salesforce(self, connection: str) -> DescribesObjects:
        """The org of a connection."""
        ...


def described_objects(cycle: CrmCycle, connections: DescribedConnections) -> Described:
    """What both systems say of the objects that a cycle keeps.

    Raises:
        SyncError: A system cannot be asked now.
    """
    kept = kept_objects(cycle).values()
    marketo, salesforce = connections.marketo(cycle.marketo), connections.salesforce(cycle.salesforce)
    return Described(
        marketo=dict(_described(marketo.describe, (each.marketo for each in kept))),
        salesforce=dict(_described(salesforce.describe, (each.salesforce for each in kept))),
    )


def _described(
    describe: Callable[[str], ObjectDescription], names: Iterator[str]
) -> Iterator[tuple[str, ObjectDescription]]:
    for name in names:
        try:
            yield name, describe(name)
        except PermanentError:
            # whoever asks says what it lacks
            continue


class CompletedSyncs:
    """Syncs of objects of one's own with their keys and links; systems are asked once in a while."""

    def __init__(self, connections: DescribedConnections, clock: Clock) -> None:
        """Sends nothing."""
        self._connections = connections
        self._clock = clock
        self._known: dict[str, tuple[datetime, int, Described]] = {}

    def __call__(self, cycle: CrmCycle, version: int, sync: Sync) -> Sync:
        """A Sync of a cycle, as it is run.

        Raises:
            ConfigurationError: The systems lack something that it cannot do without.
        """
        queue = sync.id.removeprefix(f"{cycle.id}.")
        if object_of(cycle, queue) is None:
            return sync
        now, known = self._clock.now(), self._known.get(cycle.id)
        if known is None or known[1] != version or now - known[0] > AGE:
            known = self._known[cycle.id] = (now, version, described_objects(cycle, self._connections))
        try:
            return completed(cycle, queue, sync, known[2])
        except ValueError as error:
            raise ConfigurationError([f"custom_objects: {error}"]) from error
