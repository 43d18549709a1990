"""The connections as an administrator sees them: which an Action may name, and what names them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.connector import ACTIONS
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.documents import Document
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
    #: Syncs and CRM cycles that read or write through it
    syncs: list[str]
    cycles: list[str]

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
        known, users = frozenset(self._secrets()), users_of_connections(self._configurations)
        found = [
            _summary(each, known, {kind: named.get(each.document.id, []) for kind, named in users.items()})
            for kind in KINDS
            for each in self._configurations.list(kind)
        ]
        return [each for each in found if each.usable or not usable]


def users_of_connections(configurations: Configurations) -> dict[str, dict[str, list[str]]]:
    """By `actions`, `syncs` and `cycles` the ids of the documents that name each connection."""
    found = dict[str, dict[str, list[str]]]()
    for kind, name in (("action", "actions"), ("sync", "syncs"), ("crm_cycle", "cycles")):
        users = found.setdefault(name, {})
        for each in configurations.list(kind):
            for connection in _named(each.document):
                users.setdefault(connection, []).append(each.document.id)
    return found


def _named(document: Document) -> set[str]:
    if isinstance(document, CrmCycle):
        return {document.marketo, document.salesforce}
    if isinstance(document, (*ACTIONS, Sync)):
        return {document.source.connection, document.destination.connection}
    return set()


def _summary(stored: Stored, known: Collection[str], users: Mapping[str, list[str]]) -> ConnectionSummary:
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
        actions=users["actions"],
        syncs=users["syncs"],
        cycles=users["cycles"],
    )
