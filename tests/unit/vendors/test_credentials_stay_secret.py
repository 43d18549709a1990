"""A vendor that repeats credentials in its refusals does not bring them into any error of ours."""

import json
from collections.abc import Generator, Iterable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from leadbridge.errors import SyncError
from leadbridge.vendors.marketo.auth import Credentials, MarketoAuth
from leadbridge.vendors.salesforce.auth import SalesforceAuth
from leadbridge.vendors.salesforce.logins import login_of
from tests.unit.vendors.doubles import LOGIN, MARKETO, ORG, FakeTime, marketo_token, session

SECRET, TOKEN = "client-secret-7Kq9Zx", "a-token-that-nobody-may-see"
SIGNATURE = b"a signature that nobody may use"


def all_of(request: httpx.Request) -> list[str]:
    """Everything secret in a request: query, form and header values."""
    form = parse_qs(request.content.decode())
    values = [*request.url.params.values(), *(value for each in form.values() for value in each)]
    return [value for value in (*values, request.headers.get("Authorization", "")) if len(value) > 12]


def a_marketo_login() -> MarketoAuth:
    def credentials(*, fresh: bool = False) -> Credentials:
        del fresh
        return Credentials("client-id-of-someone", SECRET)

    time = FakeTime()
    return MarketoAuth(base_url=MARKETO, credentials=credentials, clock=time.clock, sleep=time.sleep)


def a_salesforce_login() -> SalesforceAuth:
    return SalesforceAuth(login=login_of(LOGIN, lambda data: SIGNATURE, None), clock=FakeTime().clock)


def answer(flow: Generator[httpx.Request, httpx.Response], answers: Iterable[httpx.Response]) -> None:
    """Answer request after request."""
    for each in answers:
        flow.send(each)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500, 503])
@pytest.mark.parametrize("login", [a_marketo_login, a_salesforce_login])
def test_a_login_refused_with_an_echo_of_the_request_says_nothing_of_it(login: Any, status: int) -> None:
    """Secret, assertion and client id stand in the vendor's `error`, `error_description` and anywhere else of its
    answer; the error that is raised repeats none."""
    flow = login().auth_flow(httpx.Request("GET", f"{MARKETO}/x"))
    request = next(flow)
    echo = f"{request.url} {request.content.decode()} " + " ".join(all_of(request))
    body = {"error": echo, "error_description": echo, "message": echo}
    with pytest.raises(SyncError) as caught:
        answer(flow, [httpx.Response(status, json=body)] * 5)
    said = json.dumps([str(caught.value), vars(caught.value)], default=str)
    assert not [value for value in all_of(request) if value in said]
    assert SECRET not in said


@pytest.mark.parametrize(
    ("login", "granted", "dead"),
    [
        (
            a_marketo_login,
            marketo_token(TOKEN, 3599),
            {"success": False, "errors": [{"code": "601", "message": f"Access token {TOKEN} is invalid"}]},
        ),
        (
            a_salesforce_login,
            session(TOKEN, ORG),
            [{"errorCode": "INVALID_SESSION_ID", "message": f"Session {TOKEN} expired or invalid"}],
        ),
    ],
)
def test_a_token_refused_twice_is_not_repeated(login: Any, granted: Any, dead: Any) -> None:
    """The refusal of the second token names what to check, and no token."""
    flow = login().auth_flow(httpx.Request("GET", f"{MARKETO}/x"))
    next(flow)
    with pytest.raises(SyncError) as caught:
        answer(flow, [httpx.Response(200, json=granted), httpx.Response(401, json=dead)] * 3)
    said = json.dumps([str(caught.value), vars(caught.value)], default=str)
    assert TOKEN not in said
    assert "check" in said
