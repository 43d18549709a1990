"""Marketo's login, driven by hand: what is sent next after each answer."""

import threading
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from leadbridge.errors import AuthenticationError, TransientError
from leadbridge.vendors.marketo.auth import Credentials, MarketoAuth
from tests.unit.vendors.doubles import (
    MARKETO,
    NOON,
    FakeTime,
    ScriptedVendor,
    credentials,
    failure,
    marketo_client,
    marketo_token,
    success,
)


def an_auth(time: FakeTime, source: Callable[..., Credentials] = credentials) -> MarketoAuth:
    return MarketoAuth(base_url=MARKETO, credentials=source, clock=time.clock, sleep=time.sleep)


def a_call() -> httpx.Request:
    return httpx.Request("GET", f"{MARKETO}/rest/v1/leads.json")


def granted(value: str, expires_in: int = 3599) -> httpx.Response:
    return httpx.Response(200, json=marketo_token(value, expires_in))


def logged_in(auth: MarketoAuth, token: httpx.Response) -> None:
    flow = auth.auth_flow(a_call())
    next(flow)
    flow.send(token)
    with pytest.raises(StopIteration):
        flow.send(success())


def bearer(request: httpx.Request) -> str:
    return request.headers["authorization"]


def test_the_first_call_logs_in_and_carries_the_token_in_the_header_only() -> None:
    """The token request comes first; the call has no access_token in its address."""
    flow = an_auth(FakeTime()).auth_flow(a_call())

    login = next(flow)
    call = flow.send(granted("t1"))

    assert login.url.path == "/identity/oauth/token"
    assert login.url.params["grant_type"] == "client_credentials"
    assert bearer(call) == "Bearer t1"
    assert "access_token" not in str(call.url)
    with pytest.raises(StopIteration):
        flow.send(success())


@pytest.mark.fault("FM01")
@pytest.mark.parametrize("code", ["601", "602"])
def test_a_dead_token_inside_a_200_costs_one_login_and_one_replay(code: str) -> None:
    """The same call goes out again with the new token, and its answer is final."""
    auth = an_auth(FakeTime())
    logged_in(auth, granted("t1"))

    flow = auth.auth_flow(a_call())
    assert bearer(next(flow)) == "Bearer t1"
    assert flow.send(failure(code)).url.path == "/identity/oauth/token"
    assert bearer(flow.send(granted("t2"))) == "Bearer t2"
    with pytest.raises(StopIteration):
        flow.send(success())


@pytest.mark.fault("FM03")
def test_a_new_token_that_is_refused_too_ends_it() -> None:
    """There is no second login for one call."""
    auth = an_auth(FakeTime())
    logged_in(auth, granted("t1"))
    flow = auth.auth_flow(a_call())
    next(flow)
    flow.send(failure("601"))
    flow.send(granted("t1"))
    with pytest.raises(AuthenticationError) as caught:
        flow.send(failure("601"))
    assert caught.value.code == "601"


def test_a_token_that_another_thread_renewed_is_used_without_a_login() -> None:
    """Two calls found the same token dead; the second finds the first one's new token."""
    auth = an_auth(FakeTime())
    logged_in(auth, granted("t1"))
    first, second = auth.auth_flow(a_call()), auth.auth_flow(a_call())
    next(first)
    next(second)
    first.send(failure("602"))
    first.send(granted("t2"))
    assert bearer(second.send(failure("602"))) == "Bearer t2"


def test_a_token_is_used_to_its_end_and_then_renewed_before_a_call_fails() -> None:
    """Marketo hands out the same token until it ends, so it is not asked for earlier."""
    time = FakeTime()
    auth = an_auth(time)
    logged_in(auth, granted("t1", 3600))

    time.now = NOON + timedelta(seconds=3590)
    assert bearer(next(auth.auth_flow(a_call()))) == "Bearer t1"

    time.now = NOON + timedelta(seconds=3598)
    flow = auth.auth_flow(a_call())
    assert next(flow).url.path == "/identity/oauth/token"
    # the last seconds were waited out: before, the same token would have come back
    assert time.slept == [3.0]
    assert bearer(flow.send(granted("t2"))) == "Bearer t2"


@pytest.mark.fault("FM02")
def test_an_expired_token_that_is_handed_out_again_is_waited_out_not_asked_for_in_a_circle() -> None:
    """The answer "expires in 1" is followed by one wait and one more login."""
    time = FakeTime()
    auth = an_auth(time)
    logged_in(auth, granted("t1", 3600))
    flow = auth.auth_flow(a_call())
    next(flow)
    assert flow.send(failure("602")).url.path == "/identity/oauth/token"
    assert flow.send(granted("t1", 1)).url.path == "/identity/oauth/token"
    assert time.slept == [2.0]
    assert bearer(flow.send(granted("t2"))) == "Bearer t2"


def test_a_token_that_never_changes_is_given_up_as_transient_after_two_waits() -> None:
    """Three logins at most, then the caller decides when to come back."""
    auth = an_auth(FakeTime())
    logged_in(auth, granted("t1", 3600))
    flow = auth.auth_flow(a_call())
    next(flow)
    flow.send(failure("602"))
    flow.send(granted("t1", 0))
    flow.send(granted("t1", 0))
    with pytest.raises(TransientError):
        flow.send(granted("t1", 0))


def test_a_token_with_half_a_minute_left_is_used() -> None:
    """A fresh process is handed a token near its end; it is good until then."""
    auth = an_auth(FakeTime())
    flow = auth.auth_flow(a_call())
    next(flow)
    assert bearer(flow.send(granted("t1", 30))) == "Bearer t1"


def test_refused_credentials_are_read_again_past_the_cache_and_tried_once() -> None:
    """A secret that was just rotated works without a restart."""
    asked = []

    def rotated(*, fresh: bool = False) -> Credentials:
        asked.append(fresh)
        return Credentials("client-id", "new" if fresh else "old")

    flow = an_auth(FakeTime(), rotated).auth_flow(a_call())
    assert next(flow).url.params["client_secret"] == "old"
    refused = httpx.Response(401, json={"error": "unauthorized", "error_description": "Bad credentials"})
    assert flow.send(refused).url.params["client_secret"] == "new"
    assert bearer(flow.send(granted("t1"))) == "Bearer t1"
    assert asked == [False, True]


def test_refused_credentials_name_the_remedy_and_are_not_tried_again_at_once() -> None:
    """Repeated failed logins could lock the service; a minute later it is tried again."""
    time = FakeTime()
    auth = an_auth(time)
    flow = auth.auth_flow(a_call())
    next(flow)
    with pytest.raises(AuthenticationError, match="LaunchPoint") as caught:
        flow.send(httpx.Response(401, json={"error": "unauthorized", "error_description": "No client"}))
    assert caught.value.code == "unauthorized"
    assert "client-secret" not in str(caught.value)

    with pytest.raises(AuthenticationError):
        next(auth.auth_flow(a_call()))
    time.advance(61)
    assert next(auth.auth_flow(a_call())).url.path == "/identity/oauth/token"


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(503, text="<html>"), httpx.Response(500, json={"error": "x"}), httpx.Response(200, text="{")],
    ids=["html", "500", "broken"],
)
def test_a_failing_identity_service_is_transient(answer: httpx.Response) -> None:
    """Its failure says nothing about our credentials."""
    flow = an_auth(FakeTime()).auth_flow(a_call())
    next(flow)
    with pytest.raises(TransientError):
        flow.send(answer)


def test_an_abandoned_login_leaves_the_lock_free() -> None:
    """A connection that broke during the login does not stop the next call."""
    auth = an_auth(FakeTime())
    flow = auth.auth_flow(a_call())
    next(flow)
    flow.close()
    taken = []

    def log_in() -> None:
        taken.append(next(auth.auth_flow(a_call())).url.path)

    other = threading.Thread(target=log_in)
    other.start()
    other.join(10)
    assert taken == ["/identity/oauth/token"]


def test_many_threads_cost_one_login() -> None:
    """A hundred calls that start together wait for one token."""
    vendor = ScriptedVendor(success([{"id": 7}]))
    client = marketo_client(vendor)
    start = threading.Barrier(100)
    found = []

    def read() -> None:
        start.wait(30)
        found.append(client.leads_by_filter("id", ["7"], ["id"]))

    threads = [threading.Thread(target=read) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 100
    assert len(vendor.token_requests) == 1


def test_the_flow_also_serves_a_plain_httpx_client() -> None:
    """It is an ordinary httpx.Auth: the replay works without our transport."""
    vendor = ScriptedVendor(failure("601"), success([{"id": 7}]))
    with httpx.Client(transport=httpx.MockTransport(vendor), auth=an_auth(FakeTime())) as client:
        assert client.get(f"{MARKETO}/rest/v1/leads.json").json()["success"] is True
    assert len(vendor.token_requests) == 2


def test_credentials_do_not_show_in_a_representation() -> None:
    """A log line or an assertion cannot print the secret by accident."""
    assert "secret" not in repr(Credentials("client-id", "client-secret"))
