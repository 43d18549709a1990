"""The kinds of records of a CRM cycle (`cycle_ports.Entities`) over the configured connections."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from leadbridge.cycle_ports import CycleChanges, CycleNews, DueRecords, Entity, Links
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_checks import objects_of
from leadbridge.domain.cycle_companies import COMPANY, USER
from leadbridge.domain.cycle_opportunities import kept_opportunities, kept_roles
from leadbridge.domain.cycle_people import kinds
from leadbridge.domain.cycle_programs import groups_of
from leadbridge.domain.cycle_syncs import keyed_columns, looked_up_columns, members_columns
from leadbridge.domain.hashing import digests
from leadbridge.domain.linked import Digest
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Objects
from leadbridge.sync_ports import SyncDestination, SyncRuns
from leadbridge.usecases.custom_objects import described_objects
from leadbridge.usecases.cycle_pieces import KeepPorts
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.cycle_records import CycleConnections, Described, LookedUp
from leadbridge.usecases.decide_people import PeoplePorts, Schema
from leadbridge.usecases.keep_activities import KeepActivities
from leadbridge.usecases.keep_companies import KeepCompanies
from leadbridge.usecases.keep_custom_objects import KeepCustomObjects
from leadbridge.usecases.keep_opportunities import KeepOpportunities
from leadbridge.usecases.keep_people import KeepPeople
from leadbridge.usecases.keep_programs import KeepPrograms
from leadbridge.usecases.keep_roles import KeepRoles
from leadbridge.usecases.keep_sales_people import KeepSalesPeople
from leadbridge.usecases.kept_descriptions import KeptDescriptions


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
    #: what was described when a run was opened; without it each process asks for itself
    described: KeptDescriptions | None = None


class CycleEntities:
    """Builds them as the document says."""

    def __init__(self, connections: CycleConnections, stores: EntityStores) -> None:
        """Sends nothing."""
        self._connections = connections
        self._stores = stores

    def __call__(self, cycle: CrmCycle, version: int, *, opening: bool = False) -> Sequence[Entity]:
        """Those that are switched on, in Adobe's order."""
        del version
        return list(self._kinds(cycle, opening=opening))

    def _kinds(self, cycle: CrmCycle, *, opening: bool) -> Iterator[Entity]:
        describe, records = looked_up(self._connections, cycle, self._stores.described, opening=opening)
        digest = digests(self._stores.hash_key)
        if cycle.sales_persons is not None and cycle.sales_persons.enabled:
            yield KeepSalesPeople(cycle, cycle.sales_persons, self._ports(cycle, records, describe, digest))
        if cycle.companies is not None and cycle.companies.enabled:
            yield KeepCompanies(cycle, cycle.companies, self._ports(cycle, records, describe, digest))
        if cycle.persons is not None:
            yield KeepPeople(cycle, cycle.persons, self._people_ports(cycle, records, describe, digest))
        if cycle.activities is not None and cycle.activities.enabled:
            yield KeepActivities(cycle, self._plans())
        if opportunities := kept_opportunities(cycle):
            yield KeepOpportunities(cycle, opportunities, self._ports(cycle, records, describe, digest))
        if (roles := kept_roles(cycle)) and cycle.persons is not None:
            yield KeepRoles(cycle, roles, cycle.persons, self._ports(cycle, records, describe, digest))
        if cycle.custom_objects is not None and cycle.custom_objects.enabled:
            ports = self._ports(cycle, records, describe, digest)
            yield KeepCustomObjects(cycle, ports, lambda: described_objects(cycle, describe.of))
        if groups_of(cycle):
            ports = self._ports(cycle, records, describe, digest)
            yield KeepPrograms(cycle, ports, self._connections.marketo(cycle.marketo))

    def _plans(self) -> CyclePlans:
        return CyclePlans(runs=self._stores.runs, objects=self._stores.objects, clock=self._stores.clock)

    def _ports(self, cycle: CrmCycle, records: LookedUp, describe: Described, digest: Digest) -> KeepPorts:
        stores = self._stores
        return KeepPorts(
            runs=stores.runs,
            objects=stores.objects,
            records=records,
            links=stores.links(cycle.id),
            due=stores.due(cycle.id),
            describe=describe,
            digest=digest,
            clock=stores.clock,
            news=stores.news(cycle),
            added=self._connections.marketo(cycle.marketo).added_deals,
        )

    def _people_ports(self, cycle: CrmCycle, records: LookedUp, describe: Described, digest: Digest) -> PeoplePorts:
        stores = self._stores
        return PeoplePorts(
            runs=stores.runs,
            objects=stores.objects,
            records=records,
            news=stores.news(cycle),
            changes=stores.changes(cycle),
            links=stores.links(cycle.id),
            due=stores.due(cycle.id),
            schema=lambda: _schema(cycle, describe),
            digest=digest,
            clock=stores.clock,
        )


def looked_up(
    connections: CycleConnections, cycle: CrmCycle, kept: KeptDescriptions | None = None, *, opening: bool = False
) -> tuple[Described, LookedUp]:
    """What describes the objects of a cycle, and looks its records up; `opening`: as they are described now."""
    marketo, salesforce = connections.marketo(cycle.marketo), connections.salesforce(cycle.salesforce)
    anew = objects_of(cycle)[Side.SALESFORCE] if opening else None
    describe = Described(marketo, salesforce, cycle.id, kept, anew)
    records = LookedUp(
        marketo=marketo,
        salesforce=salesforce,
        describe=describe,
        people=members_columns(cycle),
        records=looked_up_columns(cycle),
        keyed=keyed_columns(cycle),
    )
    return describe, records


def _schema(cycle: CrmCycle, describe: Described) -> Schema:
    persons = cycle.persons
    return Schema(
        people=describe("leads"),
        records={name: describe(name) for name in (kinds(persons) if persons else ())},
        companies=describe(COMPANY) if cycle.companies and cycle.companies.enabled else None,
        users=describe(USER) if cycle.sales_persons and cycle.sales_persons.enabled else None,
    )


def hands_nothing_over(sync: Sync) -> SyncDestination:
    """A cycle's records become no calls of an Action.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError([f"{sync.id}: records of a cycle are not handed over"])
