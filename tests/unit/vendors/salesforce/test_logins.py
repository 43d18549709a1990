"""The flows with stored secrets: what is posted, and what becomes of a replaced refresh token."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from leadbridge.errors import AuthenticationError, TransientError
from leadbridge.vendors.salesforce.client import SalesforceClient
from leadbridge.vendors.salesforce.logins import ClientCredentialsLogin, JwtLogin, RefreshTokenLogin, login_of
from tests.fakes.limits import NoLimit
from tests.unit.vendors.doubles import LOGIN, ORG, FakeTime, ScriptedVendor, session, settings

OLD, NEW = "refresh-old-5Aep861", "refresh-new-5Aep862"
EXPIRED = httpx.Response(400, json={"error": "invalid_grant", "error_description": "expired access/refresh token"})


class Vault:
    """Stored members of one connection and what was kept."""

    def __init__(self, **members: str) -> None:
        self.members = members
        self.kept: list[Mapping[str, str]] = []
        self.reads: list[bool] = []

    def __call__(self, *, fresh: bool = False) -> Mapping[str, str]:
        self.reads.append(fresh)
        return self.members

    def keep(self, members: Mapping[str, str]) -> None:
        self.kept.append(members)
        self.members = {**self.members, **members}


class TokenEndpoint:
    """Takes one refresh token and, where it rotates, gives the next one; the old one is dead then."""

    def __init__(self, token: str, *, rotates: bool) -> None:
        self.valid, self.rotates, self.forms = token, rotates, list[dict[str, str]]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        self.forms.append(form)
        if form["refresh_token"] != self.valid:
            return EXPIRED
        answer = session(f"session-{len(self.forms)}")
        if self.rotates:
            self.valid = answer["refresh_token"] = f"refresh-{len(self.forms)}-5Aep"
        return httpx.Response(200, json=answer)


def a_client(
    kind: type[ClientCredentialsLogin] | type[RefreshTokenLogin], vault: Vault, token: Any, time: FakeTime
) -> tuple[SalesforceClient, ScriptedVendor]:
    vendor = ScriptedVendor(httpx.Response(200, json={"done": True, "records": []}), token=token)
    login = kind(client_id="consumer-key", token_host=ORG)
    return SalesforceClient(settings(vendor, time), login=login, secrets=vault, limiter=NoLimit()), vendor


def test_client_credentials_are_posted_to_the_org_s_own_host() -> None:
    """As a form, with nothing else in it; no assertion and no user name."""
    vault = Vault(client_secret="s-3cret", refresh_token="of another flow")
    client, vendor = a_client(ClientCredentialsLogin, vault, lambda _: httpx.Response(200, json=session()), FakeTime())
    client.query("SELECT Id FROM Lead")
    (request,) = vendor.token_requests
    assert str(request.url) == f"{ORG}/services/oauth2/token"
    assert dict(parse_qsl(request.content.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "consumer-key",
        "client_secret": "s-3cret",
    }
    assert vault.kept == []


@pytest.mark.parametrize("secret", ["s-3cret", ""])
def test_a_refresh_token_is_posted_with_the_secret_that_the_app_may_have(secret: str) -> None:
    """An app that needs no secret gets none."""
    endpoint = TokenEndpoint(OLD, rotates=False)
    client, _ = a_client(RefreshTokenLogin, Vault(client_secret=secret, refresh_token=OLD), endpoint, FakeTime())
    client.query("SELECT Id FROM Lead")
    expected = {"grant_type": "refresh_token", "client_id": "consumer-key", "refresh_token": OLD}
    assert endpoint.forms == [expected | ({"client_secret": secret} if secret else {})]


def test_a_replaced_refresh_token_is_stored_before_the_session_is_used_and_shown_next_time() -> None:
    """Three sessions in a row, each bought with the token that the one before brought."""
    time, vault, endpoint = FakeTime(), Vault(refresh_token=OLD), TokenEndpoint(OLD, rotates=True)
    client, vendor = a_client(RefreshTokenLogin, vault, endpoint, time)
    for used in (1, 2, 3):
        client.query("SELECT Id FROM Lead")
        assert vault.members["refresh_token"] == endpoint.valid
        assert len(vendor.requests) == used
        time.advance(7_201)
    assert [form["refresh_token"] for form in endpoint.forms] == [OLD, "refresh-1-5Aep", "refresh-2-5Aep"]


def test_the_same_refresh_token_in_an_answer_is_not_stored_again() -> None:
    """Some answers repeat it without replacing it."""
    vault = Vault(refresh_token=OLD)
    answer = {**session(), "refresh_token": OLD}
    client, _ = a_client(RefreshTokenLogin, vault, lambda _: httpx.Response(200, json=answer), FakeTime())
    client.query("SELECT Id FROM Lead")
    assert vault.kept == []


def test_a_token_that_another_process_had_replaced_is_read_again_and_used() -> None:
    """The refused one is not shown twice; the fresh one buys the session."""
    endpoint = TokenEndpoint(NEW, rotates=False)

    class OldCopy(Vault):
        def __call__(self, *, fresh: bool = False) -> Mapping[str, str]:
            super().__call__(fresh=fresh)
            return {"refresh_token": NEW if fresh else OLD}

    vault = OldCopy()
    client, _ = a_client(RefreshTokenLogin, vault, endpoint, FakeTime())
    client.query("SELECT Id FROM Lead")
    assert [form["refresh_token"] for form in endpoint.forms] == [OLD, NEW]
    assert vault.reads == [False, True]


def test_a_refresh_token_that_is_dead_for_good_is_shown_once_a_minute_at_most() -> None:
    """The error says to consent again and holds neither token nor secret."""
    time, vault = FakeTime(), Vault(refresh_token=OLD, client_secret="s-3cret")
    endpoint = TokenEndpoint(NEW, rotates=False)
    client, _ = a_client(RefreshTokenLogin, vault, endpoint, time)
    for _ in range(3):
        with pytest.raises(AuthenticationError, match="consent again") as caught:
            client.query("SELECT Id FROM Lead")
    assert len(endpoint.forms) == 1
    assert not any(each in str(vars(caught.value)) for each in (OLD, "s-3cret"))


def test_a_token_endpoint_that_fails_is_no_reason_to_read_secrets_again() -> None:
    """Nothing was said about them."""
    vault = Vault(refresh_token=OLD)
    client, _ = a_client(RefreshTokenLogin, vault, lambda _: httpx.Response(503, text="<html>"), FakeTime())
    with pytest.raises(TransientError):
        client.query("SELECT Id FROM Lead")
    assert not any(vault.reads)


def test_a_flow_without_what_it_needs_is_a_fault_of_ours() -> None:
    """It is found when the client is made, and not at the first call."""
    with pytest.raises(ValueError, match="signature"):
        login_of(LOGIN, None, None)
    with pytest.raises(ValueError, match="secrets"):
        login_of(RefreshTokenLogin(client_id="k", token_host=ORG), None, None)
    assert isinstance(LOGIN, JwtLogin)
