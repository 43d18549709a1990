"""Objects of one's own as both systems describe them: what their Syncs and their kind of records are complete with."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import Described, completed, kept_objects, object_of
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.ports import Clock, Connections
from leadbridge.usecases.kept_descriptions import KeptDescriptions

#: keys and links of Marketo's objects never change, and Salesforce's lookups rarely do
AGE = timedelta(minutes=15)


#: describes an object of a system
type Describe = Callable[[Side, str], ObjectDescription]


def described_objects(cycle: CrmCycle, describe: Describe) -> Described:
    """What both systems say of the objects that a cycle keeps; what one does not have is left out.

    Raises:
        SyncError: A system cannot be asked now.
    """
    kept = kept_objects(cycle).values()
    return Described(
        marketo=dict(_described(partial(describe, Side.MARKETO), [each.marketo for each in kept])),
        salesforce=dict(_described(partial(describe, Side.SALESFORCE), [each.salesforce for each in kept])),
    )


def _described(
    describe: Callable[[str], ObjectDescription], names: Iterable[str]
) -> Iterator[tuple[str, ObjectDescription]]:
    for name in names:
        try:
            yield name, describe(name)
        except PermanentError:
            # whoever asks says what it lacks
            continue


def asking(connections: Connections, cycle: CrmCycle) -> Describe:
    """What asks the connections of a cycle."""
    marketo, salesforce = connections.marketo(cycle.marketo), connections.salesforce(cycle.salesforce)
    return lambda side, name: (marketo if side is Side.MARKETO else salesforce).describe(name)


class CompletedSyncs:
    """Syncs of objects of one's own with their keys and links; systems are asked once in a while."""

    def __init__(self, connections: Connections, clock: Clock, kept: KeptDescriptions | None = None) -> None:
        """Sends nothing. `kept` are the descriptions of cycles; without it each process asks for itself."""
        self._connections = connections
        self._kept = kept
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
            known = self._known[cycle.id] = (now, version, described_objects(cycle, self._asked(cycle)))
        try:
            return completed(cycle, queue, sync, known[2])
        except ValueError as error:
            raise ConfigurationError([f"custom_objects: {error}"]) from error

    def _asked(self, cycle: CrmCycle) -> Describe:
        ask, kept = asking(self._connections, cycle), self._kept
        if kept is None:
            return ask
        return lambda side, name: kept.of(cycle.id, name, partial(ask, side, name))
