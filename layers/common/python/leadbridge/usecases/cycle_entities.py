"""The kinds of records of a CRM cycle (`cycle_ports.Entities`) over the configured connections."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leadbridge.cycle_ports import CycleChanges, CycleNews, DueRecords, Entity, Links
from leadbridge.domain.crm_cycle import CrmCycle, Persons
from leadbridge.domain.cycle_people import kinds, people_columns, record_columns
from leadbridge.domain.hashing import digests
from leadbridge.domain.sync import Sync
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Connections, Objects
from leadbridge.sync_ports import SyncDestination, SyncRuns
from leadbridge.usecases.cycle_records import LookedUp
from leadbridge.usecases.decide_people import PeoplePorts, Schema
from leadbridge.usecases.keep_people import KeepPeople


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityStores:
    """What kinds of records need beside the vendors; links and due records are those of one cycle."""

    runs: SyncRuns
    objects: Objects
    links: Callable[[str], Links]
    due: Callable[[str], DueRecords]
    #: both of the connections of a cycle
    news: Callable[[CrmCycle], CycleNews]
    changes: Callable[[CrmCycle], CycleChanges]
    hash_key: Callable[[], bytes]
    clock: Clock


class CycleEntities:
    """Builds them as the document says."""

    def __init__(self, connections: Connections, stores: EntityStores) -> None:
        """Sends nothing."""
        self._connections = connections
        self._stores = stores

    def __call__(self, cycle: CrmCycle, version: int) -> Sequence[Entity]:
        """Those that are switched on, in Adobe's order."""
        del version
        return [self._persons(cycle, cycle.persons)] if cycle.persons is not None else []

    def _persons(self, cycle: CrmCycle, persons: Persons) -> KeepPeople:
        marketo = self._connections.marketo(cycle.marketo)
        salesforce = self._connections.salesforce(cycle.salesforce)
        stores = self._stores
        ports = PeoplePorts(
            runs=stores.runs,
            objects=stores.objects,
            records=LookedUp(
                marketo=marketo,
                salesforce=salesforce,
                people=people_columns(cycle, persons),
                records={name: record_columns(cycle, persons, name) for name in kinds(persons)},
            ),
            news=stores.news(cycle),
            changes=stores.changes(cycle),
            links=stores.links(cycle.id),
            due=stores.due(cycle.id),
            schema=lambda: Schema(
                people=marketo.describe_leads(),
                records={name: salesforce.describe(name) for name in kinds(persons)},
            ),
            digest=digests(stores.hash_key),
            clock=stores.clock,
        )
        return KeepPeople(cycle, persons, ports)


def hands_nothing_over(sync: Sync) -> SyncDestination:
    """A cycle's records become no calls of an Action.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError([f"{sync.id}: records of a cycle are not handed over"])
