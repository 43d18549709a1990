"""The connections as an administrator sees them: which an Action may name, and which Actions do."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.sync import Sync
from leadbridge.ports import Configurations

KINDS = ("marketo_connection", "salesforce_connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSummary:
    """One connection; `secret` is stored, missing or not needed."""

    kind: str
    id: str
    name: str
    url: str
    enabled: bool
    #: nothing begins through it, and what waits is kept
    paused: bool
    version: int
    secret: str
    actions: list[str]
    #: Syncs that read or write through it
    syncs: list[str]

    @property
    def usable(self) -> bool:
        """Whether an Action may name it."""
        return self.enabled and self.secret != "missing"  # noqa: S105  # a word for a state


class ListConnections:
    """Lists connections."""

    def __init__(self, *, configurations: Configurations, secrets: Callable[[], Collection[str]]) -> None:
        """`secrets` tells the ids of the connections whose secret is stored, never a secret."""
        self._configurations = configurations
        self._secrets = secrets

    def __call__(self, *, usable: bool = False) -> list[ConnectionSummary]:
        """All connections by kind and id, or only those that an Action may name."""
        known = frozenset(self._secrets())
        actions, syncs = self._users("action"), self._users("sync")
        found = [
            _summary(each, known, actions.get(each.document.id, []), syncs.get(each.document.id, []))
            for kind in KINDS
            for each in self._configurations.list(kind)
        ]
        return [each for each in found if each.usable or not usable]

    def _users(self, kind: str) -> dict[str, list[str]]:
        """The documents of a kind that name each connection."""
        users: dict[str, list[str]] = {}
        for each in self._configurations.list(kind):
            if isinstance(each.document, (*ACTIONS, Sync)):
                for connection in {each.document.source.connection, each.document.destination.connection}:
                    users.setdefault(connection, []).append(each.document.id)
        return users


def _summary(stored: Stored, known: Collection[str], actions: list[str], syncs: list[str]) -> ConnectionSummary:
    document = stored.document
    certified = isinstance(document, SalesforceConnection) and (document.login or "jwt") == "jwt"
    return ConnectionSummary(
        kind=document.kind.removesuffix("_connection"),
        id=document.id,
        name=document.name,
        url=document.base_url
        if isinstance(document, MarketoConnection)
        else document.token_host
        if isinstance(document, SalesforceConnection)
        else "",
        enabled=stored.active,
        paused=stored.keeps,
        version=stored.version,
        secret="not needed" if certified else "stored" if document.id in known else "missing",
        actions=actions,
        syncs=syncs,
    )
