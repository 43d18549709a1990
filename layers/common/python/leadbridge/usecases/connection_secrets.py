"""The credentials of connections: typed once, stored, and never shown."""

from collections.abc import Mapping
from typing import Protocol

from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.findings import Finding, label
from leadbridge.domain.lifecycle import Stored
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Configurations

#: what a connection logs in with, by its kind or the login of its document
MARKETO = ("client_id", "client_secret")
OF_LOGIN: Mapping[str, tuple[str, ...]] = {
    "jwt": (),
    "client_credentials": ("client_secret",),
    "refresh_token": ("client_secret", "refresh_token"),
}


class Vault(Protocol):
    """The secret in which every connection has an object of its own."""

    def keep(self, name: str, members: Mapping[str, str], /) -> None:
        """Replace members of one object, leaving the others as they are."""
        ...

    def drop(self, name: str, /) -> None:
        """Take one object away, if it is there."""
        ...


def wanted(stored: Stored) -> tuple[str, ...]:
    """The members of a connection's credentials; none where it logs in with a certificate."""
    document = stored.document
    if isinstance(document, SalesforceConnection):
        return OF_LOGIN[document.login or "jwt"]
    return MARKETO if isinstance(document, MarketoConnection) else ()


class ConnectionSecrets:
    """Stores credentials, and takes connections away with theirs."""

    def __init__(self, *, configurations: Configurations, vault: Vault) -> None:
        self._configurations = configurations
        self._vault = vault

    def store(self, stored: Stored, given: Mapping[str, str]) -> list[Finding]:
        """Store what was typed; with findings nothing is stored, and none repeats a value."""
        name, members = label(stored.document.kind, stored.document.id), wanted(stored)
        # what is copied brings a line's end along
        clean = {member: value.strip() for member, value in given.items()}
        found = [
            Finding(
                document=name, pointer=f"/{member}", what="is blank", remedy="copy it from where the vendor shows it"
            )
            for member in members
            if not clean.get(member)
        ]
        found += [
            Finding(document=name, pointer=f"/{member}", what="is no part of its log-in", remedy="leave it out")
            for member in clean
            if member not in members
        ]
        if not found and members:
            self._vault.keep(stored.document.id, clean)
        return found

    def remove(self, stored: Stored, users: list[str]) -> None:
        """Remove a connection that nothing uses, with its credentials; its history stays.

        Raises:
            ConfigurationError: It is used.
        """
        document = stored.document
        if users:
            raise ConfigurationError(
                [f"{document.id} is used by {', '.join(users)}; point them elsewhere first, or disable the connection"]
            )
        # the credentials first: a connection that is still listed can be removed again, a secret without one is unseen
        self._vault.drop(document.id)
        self._configurations.remove(document.kind, document.id)
