"""Bulk jobs by connection: which vendor's, and which way."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from leadbridge.domain.jobs import Run
from leadbridge.ports import ExtractJobs, ImportJobs
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.jobs import MarketoExtractJobs, MarketoImportJobs
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.jobs import SalesforceExtractJobs, SalesforceImportJobs


class Clients(Protocol):
    """Vendor clients by connection id."""

    def marketo(self, connection: str) -> MarketoClient:
        """The client of a Marketo connection."""
        ...

    def salesforce(self, connection: str) -> SalesforceClient:
        """The client of a Salesforce connection."""
        ...

    def report_quota(self) -> None:
        """Tell the meter how much is left, and give places for calls back."""
        ...


class VendorBulkJobs:
    """`ports.BulkVendors` over the configured connections."""

    def __init__(self, clients: Clients, *, day_bytes: int, now: Callable[[], datetime]) -> None:
        """`day_bytes`: what a Marketo subscription may extract in a day."""
        self._clients = clients
        self._day_bytes = day_bytes
        self._now = now

    def extracts(self, run: Run) -> ExtractJobs:
        """The jobs that a run makes whose kind is extract."""
        if run.vendor == "marketo":
            bulk = self._clients.marketo(run.connection).bulk
            return MarketoExtractJobs(bulk, run, day_bytes=self._day_bytes, now=self._now)
        return SalesforceExtractJobs(self._clients.salesforce(run.connection), run)

    def imports(self, run: Run) -> ImportJobs:
        """The jobs that a run makes whose kind is import."""
        if run.vendor == "marketo":
            return MarketoImportJobs(self._clients.marketo(run.connection).bulk, run)
        return SalesforceImportJobs(self._clients.salesforce(run.connection), run)

    def calls_made(self, run: Run) -> int:
        """Vendor calls of this process so far by the connection of a run."""
        marketo = run.vendor == "marketo"
        client = self._clients.marketo(run.connection) if marketo else self._clients.salesforce(run.connection)
        return client.calls_made

    def report_quota(self) -> None:
        """Tell the meter how much of the vendors' daily calls is left, and give back the places for calls."""
        self._clients.report_quota()
