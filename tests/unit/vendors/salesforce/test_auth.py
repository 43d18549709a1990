"""Salesforce's login, driven by hand: what is sent next after each answer."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from leadbridge.errors import AuthenticationError, ContractError, TransientError
from leadbridge.vendors.salesforce.auth import SalesforceAuth
from leadbridge.vendors.salesforce.logins import login_of
from tests.unit.vendors.doubles import LOGIN, NOON, ORG, FakeTime, errors, session

SIGNED: list[bytes] = []


def sign(data: bytes) -> bytes:
    SIGNED.append(data)
    return b"\xfb\xff\xfe"


def an_auth(time: FakeTime, **changes: Any) -> SalesforceAuth:
    return SalesforceAuth(login=login_of(replace(LOGIN, **changes), sign, None), clock=time.clock)


def a_call(path: str = "/services/data/v67.0/query?q=SELECT+Id%20FROM+Lead") -> httpx.Request:
    return httpx.Request("GET", f"https://org.invalid{path}")


def granted(value: str = "s1", instance_url: str = ORG) -> httpx.Response:
    return httpx.Response(200, json=session(value, instance_url))


def refused(error: str, description: str, **more: Any) -> httpx.Response:
    return httpx.Response(400, json={"error": error, "error_description": description}, **more)


def dead() -> httpx.Response:
    return errors(401, "INVALID_SESSION_ID", "Session expired or invalid")


def logged_in(auth: SalesforceAuth) -> None:
    flow = auth.auth_flow(a_call())
    next(flow)
    flow.send(granted())
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(200, json={}))


def claims_of(request: httpx.Request) -> dict[str, Any]:
    form = parse_qs(request.content.decode())
    part = form["assertion"][0].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_the_assertion_names_who_logs_in_where_and_lives_three_minutes() -> None:
    """Audience and token host are settings of their own; the signature covers header and claims."""
    SIGNED.clear()
    auth = an_auth(FakeTime(), token_host=ORG, audience="https://test.salesforce.com")
    request = next(auth.auth_flow(a_call()))

    form = parse_qs(request.content.decode())
    header, claims, signature = form["assertion"][0].split(".")
    assert str(request.url) == f"{ORG}/services/oauth2/token"
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert json.loads(base64.urlsafe_b64decode(header + "=")) == {"alg": "RS256"}
    assert claims_of(request) == {
        "iss": "consumer-key",
        "sub": "integration@example.com",
        "aud": "https://test.salesforce.com",
        "exp": int(NOON.timestamp()) + 180,
    }
    assert [f"{header}.{claims}".encode()] == SIGNED
    assert signature == "-__-"


def test_a_call_goes_to_the_host_that_the_session_belongs_to() -> None:
    """Path and query arrive as they were built, at the org and not at the login host."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    call = flow.send(granted("s1", "https://acme--dev.sandbox.my.salesforce.com"))
    assert str(call.url) == (
        "https://acme--dev.sandbox.my.salesforce.com/services/data/v67.0/query?q=SELECT+Id%20FROM+Lead"
    )
    assert call.headers["host"] == "acme--dev.sandbox.my.salesforce.com"
    assert call.headers["authorization"] == "Bearer s1"


@pytest.mark.parametrize(
    "instance_url",
    ["https://evil.example.com", "http://acme.my.salesforce.com", "https://acme.my.salesforce.com@evil.example.com"],
)
def test_a_session_for_another_host_is_not_used(instance_url: str) -> None:
    """The token would be given to whoever answers there."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    with pytest.raises(ContractError, match="instance_url"):
        flow.send(granted("s1", instance_url))


def test_a_session_that_is_used_lives_on_and_one_that_is_not_ends() -> None:
    """The org counts two hours from the last call in a session's second half: a call each 50 minutes needs no login."""
    time = FakeTime()
    auth = an_auth(time)
    logged_in(auth)
    for _ in range(30):
        time.advance(50 * 60)
        flow = auth.auth_flow(a_call())
        assert next(flow).headers["authorization"] == "Bearer s1"
        with pytest.raises(StopIteration):
            flow.send(httpx.Response(200, json={}))

    time.advance(2 * 3600)
    assert next(auth.auth_flow(a_call())).url.path == "/services/oauth2/token"


@pytest.mark.fault("FS01")
def test_a_session_that_dies_after_it_was_prolonged_is_replaced_like_any_other() -> None:
    """The new one lives by its own time."""
    time = FakeTime()
    auth = an_auth(time)
    logged_in(auth)
    time.advance(90 * 60)
    flow = auth.auth_flow(a_call())
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(200, json={}))
    time.advance(90 * 60)
    flow = auth.auth_flow(a_call())
    assert next(flow).headers["authorization"] == "Bearer s1"
    assert flow.send(dead()).url.path == "/services/oauth2/token"
    assert flow.send(granted("s2")).headers["authorization"] == "Bearer s2"
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(200, json={}))
    assert next(auth.auth_flow(a_call())).headers["authorization"] == "Bearer s2"


@pytest.mark.fault("FS01")
def test_a_dead_session_costs_one_login_and_one_replay_at_the_new_host() -> None:
    """There is no refresh token: a new assertion buys the next session, which may live elsewhere."""
    auth = an_auth(FakeTime())
    logged_in(auth)
    flow = auth.auth_flow(a_call())
    assert next(flow).headers["authorization"] == "Bearer s1"
    assert flow.send(dead()).url.path == "/services/oauth2/token"
    replay = flow.send(granted("s2", "https://moved.my.salesforce.com"))
    assert (replay.url.host, replay.headers["authorization"]) == ("moved.my.salesforce.com", "Bearer s2")
    with pytest.raises(AuthenticationError) as caught:
        flow.send(dead())
    assert caught.value.code == "INVALID_SESSION_ID"


@pytest.mark.parametrize(
    "answer",
    [
        errors(401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"),
        errors(401, "INVALID_SESSION_ID", "Connected app is not attached to Agent"),
        errors(401, "INVALID_AUTH_HEADER", "x"),
        httpx.Response(401, text="<html>"),
        errors(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    ],
)
def test_other_refusals_do_not_cost_a_login(answer: httpx.Response) -> None:
    """A login would bring the same refusal, again and again."""
    auth = an_auth(FakeTime())
    logged_in(auth)
    flow = auth.auth_flow(a_call())
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(answer)


def test_a_session_is_used_for_two_hours_at_most() -> None:
    """The answer names no end, so an old session is replaced before it fails."""
    time = FakeTime()
    auth = an_auth(time)
    logged_in(auth)
    time.now = NOON + timedelta(minutes=119, seconds=59)
    assert next(auth.auth_flow(a_call())).headers["authorization"] == "Bearer s1"
    time.now = NOON + timedelta(minutes=120)
    assert next(auth.auth_flow(a_call())).url.path == "/services/oauth2/token"


def test_an_assertion_refused_for_our_wrong_clock_is_repeated_once_with_the_server_s_time() -> None:
    """The Date header of the refusal corrects this and all later assertions."""
    server_time = NOON + timedelta(minutes=10)
    date = {"Date": format_datetime(server_time, usegmt=True)}
    auth = an_auth(FakeTime())
    flow = auth.auth_flow(a_call())
    next(flow)

    again = flow.send(refused("invalid_grant", "expired authorization code or assertion", headers=date))

    assert claims_of(again)["exp"] == int(server_time.timestamp()) + 180
    with pytest.raises(AuthenticationError):
        flow.send(refused("invalid_grant", "invalid assertion", headers=date))


@pytest.mark.parametrize("headers", [{}, {"Date": format_datetime(NOON, usegmt=True)}, {"Date": "nonsense"}])
def test_a_refused_assertion_is_not_repeated_if_the_clocks_agree(headers: dict[str, str]) -> None:
    """Then the signature or the user is wrong, and repeating could lock the user."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    with pytest.raises(AuthenticationError, match="certificate"):
        flow.send(refused("invalid_grant", "invalid assertion", headers=headers))


@pytest.mark.parametrize(
    ("error", "description", "remedy"),
    [
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorize"),
        ("invalid_app_access", "user is not admin approved to access this app", "permission set"),
        ("invalid_grant", "audience is invalid", "test.salesforce.com for a sandbox"),
        ("invalid_grant", "Audience validation failed", "test.salesforce.com for a sandbox"),
        ("invalid_grant", "invalid assertion", "certificate"),
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "authentication failure", "locked or inactive"),
        ("invalid_client_id", "client identifier invalid", "consumer key"),
        ("unsupported_grant_type", "grant type not supported", "token host"),
        ("invalid_grant", "External client app is not installed in this org", "install"),
        ("brand_new", "something else", "check the app"),
    ],
)
def test_a_refused_login_says_what_to_do(error: str, description: str, remedy: str) -> None:
    """The remedy is ours, so nothing of the vendor's text or our claims can leak into it."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    with pytest.raises(AuthenticationError, match=remedy) as caught:
        flow.send(refused(error, description))
    assert caught.value.code == error


def test_a_refused_login_is_not_repeated_for_a_minute() -> None:
    """Repeated failed logins can lock the integration user."""
    time = FakeTime()
    auth = an_auth(time)
    flow = auth.auth_flow(a_call())
    next(flow)
    with pytest.raises(AuthenticationError):
        flow.send(refused("invalid_grant", "user hasn't approved this consumer"))
    with pytest.raises(AuthenticationError, match="pre-authorize"):
        next(auth.auth_flow(a_call()))
    time.advance(61)
    assert next(auth.auth_flow(a_call())).url.path == "/services/oauth2/token"


@pytest.mark.parametrize(
    "answer", [httpx.Response(503, text="<html>maintenance"), httpx.Response(420), httpx.Response(404, text="x")]
)
def test_a_failing_token_endpoint_is_transient(answer: httpx.Response) -> None:
    """Its failure says nothing about our login."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    with pytest.raises(TransientError):
        flow.send(answer)
