"""The other two ways to log in, against the Salesforce twin's token endpoint."""

from collections.abc import Mapping
from typing import Any

import pytest

from leadbridge.errors import AuthenticationError
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.logins import ClientCredentialsLogin, LoginSettings, RefreshTokenLogin
from tests.fakes.limits import NoLimit
from tests.integration.vendors.conftest import Clients, Twin

TOKEN = "/services/oauth2/token"


class Vault:
    """The secret of one connection, and a copy of it as an older process still holds it."""

    def __init__(self, **members: str) -> None:
        self.stored = dict(members)
        self.copy = dict(members)

    def __call__(self, *, fresh: bool = False) -> Mapping[str, str]:
        if fresh:
            self.copy = dict(self.stored)
        return self.copy

    def keep(self, members: Mapping[str, str]) -> None:
        self.stored.update(members)
        self.copy = dict(self.stored)


def a_client(clients: Clients, kind: type[ClientCredentialsLogin] | type[RefreshTokenLogin], vault: Vault) -> Any:
    known = clients.announced["salesforce_credentials"]
    login: LoginSettings = kind(client_id=known["client_id"], token_host=clients.announced["salesforce_url"])
    return SalesforceClient(clients.settings(), login=login, secrets=vault, limiter=NoLimit())


def a_vault(clients: Clients) -> Vault:
    known = clients.announced["salesforce_credentials"]
    return Vault(client_secret=known["client_secret"], refresh_token=known["refresh_token"])


@pytest.mark.parametrize("kind", [ClientCredentialsLogin, RefreshTokenLogin])
def test_a_session_is_bought_with_a_stored_secret_and_renewed_once_when_it_ends(
    clients: Clients, salesforce: Twin, kind: Any
) -> None:
    """The write that was refused for the dead session is made once, after one more token request."""
    client = a_client(clients, kind, a_vault(clients))
    assert client.query("SELECT Id FROM Lead") == []
    salesforce.post("revoke")
    (result,) = client.create("Lead", [{"LastName": "Doe", "Company": "Acme"}])
    assert result.ok
    assert len(salesforce.get("records/Lead")) == 1
    assert len(salesforce.calls_of("POST", TOKEN)) == 2


@pytest.mark.parametrize(
    ("kind", "member"), [(ClientCredentialsLogin, "client_secret"), (RefreshTokenLogin, "refresh_token")]
)
def test_a_secret_that_was_replaced_since_it_was_read_is_read_again(
    clients: Clients, salesforce: Twin, kind: Any, member: str
) -> None:
    """A process with an old copy is refused once, and logs in with what is stored now."""
    vault = a_vault(clients)
    vault.copy = {**vault.stored, member: "an old one"}
    assert a_client(clients, kind, vault).query("SELECT Id FROM Lead") == []
    assert len(salesforce.calls_of("POST", TOKEN)) == 2


@pytest.mark.parametrize(
    ("kind", "limits", "remedy"),
    [
        (ClientCredentialsLogin, {"client_credentials_user": False}, "run-as user"),
        (ClientCredentialsLogin, {"on_my_domain": False}, "My Domain"),
        (RefreshTokenLogin, {"refresh_token_valid": False}, "consent again"),
        (RefreshTokenLogin, {"app_installed": False}, "install the external client app"),
    ],
    ids=["no run-as user", "other host", "consent revoked", "not installed"],
)
def test_a_login_that_is_refused_is_tried_once_and_says_what_to_do(
    clients: Clients, salesforce: Twin, kind: Any, limits: dict[str, bool], remedy: str
) -> None:
    """The stored secret has not changed, so it is not shown again; nothing secret stands in the error."""
    salesforce.post("limits", limits)
    vault = a_vault(clients)
    try:
        with pytest.raises(AuthenticationError, match=remedy) as caught:
            a_client(clients, kind, vault).query("SELECT Id FROM Lead")
    finally:
        salesforce.post("limits", dict.fromkeys(limits, True))
    assert len(salesforce.calls_of("POST", TOKEN)) == 1
    assert not any(secret in str(vars(caught.value)) for secret in vault.stored.values())


@pytest.mark.cap("U06")
def test_a_connection_by_refresh_token_lives_on_where_each_use_replaces_the_token(
    clients: Clients, salesforce: Twin
) -> None:
    """Session after session the token that Salesforce put in place of the last one is stored and shown; a process that
    holds the dead one reads the stored one and goes on; records are written all the while."""
    salesforce.post("limits", {"rotate_refresh_tokens": True})
    vault = a_vault(clients)
    shown = [vault.stored["refresh_token"]]
    for number in range(3):
        client = a_client(clients, RefreshTokenLogin, vault)
        (result,) = client.create("Lead", [{"LastName": f"Doe {number}", "Company": "Acme"}])
        assert result.ok
        shown.append(vault.stored["refresh_token"])

    assert len(set(shown)) == 4
    vault.copy = {**vault.stored, "refresh_token": shown[0]}  # as a process holds it that slept meanwhile
    assert len(a_client(clients, RefreshTokenLogin, vault).query("SELECT Id FROM Lead")) == 3
