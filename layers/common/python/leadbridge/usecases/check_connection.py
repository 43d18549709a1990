"""Look through a connection before anything depends on it: one finding a line, each with its remedy."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from leadbridge.domain.action import Action, MarketoConnection, MarketoLimits, SalesforceConnection, SalesforceLimits
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.limits import Policy
from leadbridge.domain.preflight import Finding, Level
from leadbridge.domain.salesforce_needs import Need, needs, syncs_of
from leadbridge.domain.sync import Sync
from leadbridge.ports import Configurations


class Instance(Protocol):
    """A Marketo instance that can be looked through."""

    def preflight(self, *, daily_calls: int) -> Iterator[Finding]:
        """What a person should know; writes nothing."""
        ...


class Org(Protocol):
    """A Salesforce org that can be looked through."""

    def preflight(self, needs: Mapping[str, Need], *, organization: str | None) -> Iterator[Finding]:
        """What a person should know of what is needed; writes nothing."""
        ...


class Clients(Protocol):
    """Clients of connections, of disabled ones, too."""

    def marketo(self, connection: str) -> Instance:
        """The instance of a connection."""
        ...

    def salesforce(self, connection: str) -> Org:
        """The org of a connection."""
        ...


class Shares(Protocol):
    """What of the vendors' limits is ours."""

    def marketo(self, own: MarketoLimits | None = None) -> Policy:
        """Our share of an instance."""
        ...

    def salesforce(self, own: SalesforceLimits | None = None) -> Policy:
        """Our share of an org."""
        ...


def share_of(stored: Stored, shares: Shares) -> Policy:
    """Our part of the limits of a connection's instance or org."""
    document = stored.document
    if isinstance(document, SalesforceConnection):
        return shares.salesforce(document.limits)
    return shares.marketo(document.limits if isinstance(document, MarketoConnection) else None)


class CheckConnection:
    """Looks through connections; nothing is written at either vendor."""

    def __init__(self, *, configurations: Configurations, clients: Clients, shares: Shares) -> None:
        self._configurations = configurations
        self._clients = clients
        self._shares = shares

    def __call__(self, stored: Stored) -> Iterator[Finding]:
        """What there is to say of a connection, as it is found out.

        Raises:
            ConfigurationError: It lacks its secret, or its address is not one of the vendor's.
        """
        document = stored.document
        if isinstance(document, SalesforceConnection):
            client = self._clients.salesforce(document.id)
            yield from client.preflight(self._needs(document.id), organization=document.organization_id)
        elif isinstance(document, MarketoConnection):
            daily = self._shares.marketo(document.limits).day_calls or 0
            yield from self._clients.marketo(document.id).preflight(daily_calls=daily)
        yield Finding(level=Level.FINE, what=f"of its limits these are ours: {', '.join(self.policy(stored).told())}")

    def policy(self, stored: Stored) -> Policy:
        """Our part of the limits of a connection's instance or org."""
        return share_of(stored, self._shares)

    def _needs(self, connection: str) -> Mapping[str, Need]:
        """What is configured by now that wants something of an org."""
        actions = [each.document for each in self._configurations.list("action")]
        cycles = [
            each.document
            for each in self._configurations.list("crm_cycle")
            if isinstance(each.document, CrmCycle) and each.document.salesforce == connection
        ]
        syncs = [each.document for each in self._configurations.list("sync") if isinstance(each.document, Sync)]
        syncs += [each for cycle in cycles for each in syncs_of(cycle)]
        return needs(
            connection,
            [each for each in actions if isinstance(each, Action) and each.destination.connection == connection],
            [each for each in syncs if connection in {each.source.connection, each.destination.connection}],
            cycles,
        )
