"""A first draft of a CRM cycle of two connections, out of what both systems describe now. Nothing is stored."""

from collections.abc import Callable, Iterable
from typing import Protocol

from leadbridge.domain.cycle_proposal import Mode, Proposal, propose
from leadbridge.domain.records import ObjectDescription
from leadbridge.errors import PermanentError

#: what the draft is made of; what our users may not see is left out, and the draft says so
SALESFORCE = ("Lead", "Contact", "Account", "Opportunity", "OpportunityContactRole")
#: Marketo's, which are read-only beside its own CRM sync
MARKETO = ("companies", "opportunities")


class Instance(Protocol):
    """A Marketo instance that tells its fields."""

    def describe_leads(self) -> ObjectDescription:
        """Fields of the lead object by REST name."""
        ...

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...


class Org(Protocol):
    """A Salesforce org that tells its fields."""

    def describe(self, object_name: str) -> ObjectDescription:
        """Fields of an object."""
        ...


class Described(Protocol):
    """Clients by connection."""

    def marketo(self, connection: str) -> Instance:
        """The client of a Marketo connection."""
        ...

    def salesforce(self, connection: str) -> Org:
        """The client of a Salesforce connection."""
        ...


class ProposeCycle:
    """The use-case of `cycle propose`."""

    def __init__(self, *, connections: Described) -> None:
        """`connections` are asked with each draft."""
        self._connections = connections

    def __call__(self, marketo: str, salesforce: str, mode: Mode) -> Proposal:
        """Draft a cycle; at most eight calls that write nothing.

        Raises:
            SyncError: A system cannot be asked now, or Marketo shows our user no people.
        """
        instance, org = self._connections.marketo(marketo), self._connections.salesforce(salesforce)
        ours = _seen(instance.describe, MARKETO if mode == "replace_native" else ())
        return propose(
            marketo=marketo,
            salesforce=salesforce,
            mode=mode,
            people=instance.describe_leads(),
            companies=ours.get("companies"),
            opportunities=ours.get("opportunities"),
            objects=_seen(org.describe, SALESFORCE),
        )


def _seen(describe: Callable[[str], ObjectDescription], names: Iterable[str]) -> dict[str, ObjectDescription]:
    found: dict[str, ObjectDescription] = {}
    for name in names:
        try:
            found[name] = describe(name)
        except PermanentError:
            continue  # the draft tells that our user cannot see it
    return found
