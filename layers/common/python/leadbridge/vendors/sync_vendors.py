"""Sources and destinations of Syncs by connection."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_objects import ACTION
from leadbridge.sync_ports import Covered, Schemas, SyncDestination, SyncSource
from leadbridge.vendors.bulk_jobs import Clients
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.member_syncing import ListMembers, ProgramMembers
from leadbridge.vendors.marketo.object_syncing import MarketoObjects
from leadbridge.vendors.marketo.syncing import LEADS, MarketoSource, marketo_leads
from leadbridge.vendors.salesforce.syncing import SalesforceRecords, SalesforceSource, covered_each

_MARKETO: Mapping[str, Callable[[MarketoClient, Sync], SyncDestination]] = {
    LEADS: marketo_leads,
    "list_members": ListMembers,
    "program_members": ProgramMembers,
}


class VendorSyncs:
    """`sync_ports.SyncVendors` over the configured connections."""

    def __init__(
        self,
        clients: Clients,
        vendor: Callable[[str], Vendor],
        calls: Callable[[Sync], SyncDestination],
        schemas: Schemas | None = None,
    ) -> None:
        """`vendor` tells whose a connection is, `calls` gives the destination that makes calls of rows.

        `schemas` keeps what need not be asked again; without it a vendor describes each object to each process.
        """
        self._clients = clients
        self._vendor = vendor
        self._calls = calls
        self._schemas = schemas

    def source(self, sync: Sync) -> SyncSource:
        """Where a Sync's rows come from."""
        connection = sync.source.connection
        if self._vendor(connection) == "marketo":
            return MarketoSource(self._clients.marketo(connection))
        return SalesforceSource(self._clients.salesforce(connection), sync)

    def covered(self, asked: Sequence[tuple[Sync, datetime | None]], now: datetime) -> Sequence[Covered]:
        """How far the source of each Sync shows everything (`SyncSource.covered`), Salesforce in one call."""
        theirs = [each for each in asked if self._vendor(each[0].source.connection) == "salesforce"]
        told = dict[str, Covered]()
        for connection in {sync.source.connection for sync, _ in theirs}:
            its = [each for each in theirs if each[0].source.connection == connection]
            objects = [(sync.source.object, since) for sync, since in its]
            found = covered_each(self._clients.salesforce(connection), objects, now)
            told |= {sync.id: each for (sync, _), each in zip(its, found, strict=True) if each}
        return [told.get(sync.id) or self.source(sync).covered(now, since) for sync, since in asked]

    def destination(self, sync: Sync) -> SyncDestination:
        """Where a Sync's records go."""
        connection = sync.destination.connection
        if sync.destination.object == ACTION:
            return self._calls(sync)
        if self._vendor(connection) == "marketo":
            client, made = self._clients.marketo(connection), _MARKETO.get(sync.destination.object)
            return made(client, sync) if made else MarketoObjects(client, sync, self._schemas)
        return SalesforceRecords(self._clients.salesforce(connection), sync)

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls."""
        self._clients.report_quota()
