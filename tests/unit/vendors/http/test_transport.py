"""One call: what is retried, what is raised, what is logged, what never leaves."""

import json
import logging
from contextlib import suppress

import httpx
import pytest

from leadbridge.domain.limits import Policy, Signal, State
from leadbridge.errors import (
    ContractError,
    QuotaExhaustedError,
    RateLimitedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.ports import Limits
from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.limiter import SharedLimiter
from leadbridge.vendors.http.transport import build_http_client
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.quota import next_quota_reset
from tests.fakes.limits import InMemoryLimits, NoLimit
from tests.fakes.meter import RecordingMeter
from tests.unit.vendors.doubles import (
    FakeTime,
    ScriptedVendor,
    failure,
    marketo_client,
    success,
)

REQUEST = httpx.Request("GET", "https://123-ABC-456.mktorest.com/")
LOST = [
    httpx.ReadTimeout("late", request=REQUEST),
    httpx.WriteTimeout("late", request=REQUEST),
    httpx.ReadError("reset", request=REQUEST),
    httpx.RemoteProtocolError("closed", request=REQUEST),
]


def read(client: MarketoClient) -> object:
    return client.leads_by_filter("id", ["7"], ["id"])


def write(client: MarketoClient) -> object:
    return client.sync_leads(
        [{"email": "jo@example.com", "firstName": "Josephine"}], action="createOrUpdate", lookup_field="email"
    )


@pytest.mark.parametrize("lost", LOST, ids=lambda error: type(error).__name__)
def test_a_read_is_repeated_after_its_answer_was_lost(lost: Exception) -> None:
    """Two lost answers cost two waits, then the read succeeds."""
    time, vendor = FakeTime(), ScriptedVendor(lost, lost, success([{"id": 7}]))
    assert read(marketo_client(vendor, time)) == [{"id": 7}]
    assert time.slept == [1.0, 2.0]


@pytest.mark.parametrize("lost", LOST, ids=lambda error: type(error).__name__)
def test_a_write_without_an_answer_is_uncertain_and_sent_once(lost: Exception) -> None:
    """Nobody knows whether it was executed, so it is not repeated and nothing is waited for."""
    time, vendor = FakeTime(), ScriptedVendor(lost)
    with pytest.raises(UncertainWriteError):
        write(marketo_client(vendor, time))
    assert len(vendor.requests) == 1
    assert time.slept == []


def test_a_write_that_found_no_connection_is_repeated() -> None:
    """Nothing was sent, so nothing can happen twice."""
    vendor = ScriptedVendor(httpx.ConnectError("refused", request=REQUEST), success([{"id": 7, "status": "created"}]))
    write(marketo_client(vendor))
    assert len(vendor.requests) == 2


def test_a_write_whose_login_was_lost_is_not_uncertain() -> None:
    """The token endpoint failed before the write was sent."""

    def no_token(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    vendor = ScriptedVendor(success(), token=no_token)
    with pytest.raises(TransientError) as caught:
        write(marketo_client(vendor))
    assert type(caught.value) is TransientError
    assert vendor.requests == []


@pytest.mark.fault("FM20")
@pytest.mark.parametrize(
    "body",
    [b"", b'{"requestId":"1#2","success":tr', b"[]", b'{"success":"true"}', b'{"success":false}', b"[" * 200_000],
    ids=["empty", "truncated", "a list", "text", "no code", "deep"],
)
def test_a_200_without_an_envelope_is_no_success(body: bytes) -> None:
    """A write is then uncertain, a read outside the contract."""
    with pytest.raises(UncertainWriteError):
        write(marketo_client(ScriptedVendor(httpx.Response(200, content=body))))
    with pytest.raises(ContractError):
        read(marketo_client(ScriptedVendor(httpx.Response(200, content=body))))


def test_an_answer_beyond_the_cap_is_given_up_while_it_streams() -> None:
    """The rest of the body is never read: the source is asked for no more chunks."""
    sent = 0

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> object:  # type: ignore[override]  # a generator is an iterator of bytes
            nonlocal sent
            while True:
                sent += 100_000
                yield b" " * 100_000

    with pytest.raises(ContractError) as caught:
        read(marketo_client(ScriptedVendor(*(httpx.Response(200, stream=Endless()) for _ in range(3)))))
    assert caught.value.code == "body_too_large"
    assert sent <= 3 * 1_200_000


@pytest.mark.fault("FM06")
def test_a_606_is_waited_for_a_whole_window_once() -> None:
    """The second call goes out 20 s later; a second 606 is left to the caller to wait for."""
    time, vendor = FakeTime(), ScriptedVendor(failure("606"), success([{"id": 7}]))
    assert read(marketo_client(vendor, time)) == [{"id": 7}]
    assert time.slept == [20.0]

    time, vendor = FakeTime(), ScriptedVendor(failure("606"))
    with pytest.raises(RateLimitedError) as caught:
        read(marketo_client(vendor, time))
    assert caught.value.retry_after_seconds == 20.0
    assert len(vendor.requests) == 2


def a_limiter(time: FakeTime, limits: Limits) -> SharedLimiter:
    """The limiter of a worker that waits five seconds at most."""
    policy = Policy(vendor="marketo", calls=50, places=5, quota_returns=next_quota_reset)
    return SharedLimiter(
        limits=limits, policy=policy, clock=time.clock, sleep=time.sleep, meter=RecordingMeter(), budget_seconds=5.0
    )


@pytest.mark.fault("FM06")
def test_a_606_of_one_worker_holds_the_others() -> None:
    """No other worker's call begins in the window that the vendor called full; the refused call waits it out."""
    time, limits = FakeTime(), InMemoryLimits()
    vendor = ScriptedVendor(failure("606"))
    with pytest.raises(RateLimitedError):
        read(marketo_client(vendor, time, limiter=a_limiter(time, limits)))
    assert time.slept == [20.0]
    asked = len(vendor.requests)
    with pytest.raises(RateLimitedError) as caught:
        read(marketo_client(vendor, time, limiter=a_limiter(time, limits)))
    assert (caught.value.code, len(vendor.requests)) == ("606", asked)


@pytest.mark.fault("FM07")
def test_a_607_of_one_worker_keeps_the_others_from_asking() -> None:
    """The others are refused without a call, with Marketo's code, the reset and the instant of the next probe."""
    time, limits = FakeTime(), InMemoryLimits()
    vendor = ScriptedVendor(failure("607", "Daily quota reached"), success([{"id": 7}]))
    for _ in range(3):
        with pytest.raises(QuotaExhaustedError) as caught:
            read(marketo_client(vendor, time, limiter=a_limiter(time, limits)))
    assert len(vendor.requests) == 1
    assert caught.value.code == "607"
    assert caught.value.resets_at.isoformat() == "2026-03-03T06:00:00+00:00"
    assert caught.value.probe_at is not None
    assert caught.value.probe_at.isoformat() == "2026-03-02T13:00:00+00:00"
    time.advance(3_600)
    assert read(marketo_client(vendor, time, limiter=a_limiter(time, limits))) == [{"id": 7}]


@pytest.mark.parametrize(
    ("reply", "signal"),
    [
        (failure("606"), Signal.RATE),
        (failure("615"), Signal.PLACES),
        (failure("607"), Signal.QUOTA),
        (failure("608"), Signal.OUTAGE),
        (httpx.Response(503), Signal.OUTAGE),
        (httpx.ConnectError("refused", request=REQUEST), Signal.OUTAGE),
        (httpx.ReadTimeout("late", request=REQUEST), Signal.UNKNOWN),
        (failure("1020"), Signal.FINE),
        (failure("1003"), Signal.FINE),
        (success([{"id": 7}]), Signal.FINE),
    ],
    ids=[
        "606",
        "615",
        "607",
        "608",
        "503",
        "no connection",
        "no answer",
        "a quota of one feature",
        "refused",
        "success",
    ],
)
def test_what_marketo_says_of_its_limits_is_heard(reply: httpx.Response | Exception, signal: Signal) -> None:
    """Every answer tells the limiter what it means for the instance's other calls."""
    heard = NoLimit()
    with suppress(SyncError):
        read(marketo_client(ScriptedVendor(reply), limiter=heard))
    assert heard.heard[0].signal is signal


def test_no_call_is_made_or_retried_while_our_own_store_is_away() -> None:
    """The limiter's trouble is raised as it is: nothing was sent, nothing is slept for."""

    class Away(InMemoryLimits):
        def read(self, instance: str) -> tuple[State, int]:
            raise TransientError("throttled", vendor="aws", operation="GetItem", code="ThrottlingException")

    time, vendor = FakeTime(), ScriptedVendor(success())
    with pytest.raises(TransientError) as caught:
        write(marketo_client(vendor, time, limiter=a_limiter(time, Away())))
    assert (caught.value.vendor, caught.value.code) == ("aws", "ThrottlingException")
    assert (vendor.requests, time.slept) == ([], [])


def test_a_607_is_never_repeated() -> None:
    """One call finds the quota spent; the error says when it is refilled."""
    time, vendor = FakeTime(), ScriptedVendor(failure("607", "Daily quota reached"))
    with pytest.raises(QuotaExhaustedError) as caught:
        read(marketo_client(vendor, time))
    assert len(vendor.requests) == 1
    assert caught.value.resets_at.isoformat() == "2026-03-03T06:00:00+00:00"


def test_the_call_log_has_a_line_per_exchange_without_any_value() -> None:
    """Token, refused and repeated calls are all there, with Marketo's request id and without our values."""
    lines: list[CallRecord] = []
    vendor = ScriptedVendor(failure("713", "try jo@example.com"), success([{"id": 7, "status": "created"}]))
    client = marketo_client(vendor, calls=lines)

    write(client)

    assert [(line.operation, line.status, line.code, line.attempt, line.request_id) for line in lines] == [
        ("token", 200, "", 1, ""),
        ("sync_leads", 200, "713", 1, "9c3#19aa0f3b2e3"),
        ("sync_leads", 200, "", 2, "9c1#19aa0f3b2e1"),
    ]
    assert client.calls_made == 2
    assert not any(word in repr(lines) for word in ("jo@example.com", "Josephine", "client-secret", "token-1"))


def test_errors_hold_the_vendor_s_text_with_what_we_sent_masked() -> None:
    """The sentence of the table and Marketo's text come through, the person does not."""
    vendor = ScriptedVendor(failure("1001", "Invalid value 'Josephine' for jo@example.com"))
    with pytest.raises(Exception, match="Invalid value") as caught:
        write(marketo_client(vendor))
    assert "Josephine" not in str(caught.value)
    assert "jo@example.com" not in str(caught.value)


def test_httpx_writes_no_address_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A filter holds e-mail addresses, and httpx would log the whole address."""
    with caplog.at_level(logging.INFO):
        marketo_client(ScriptedVendor(success())).leads_by_filter("email", ["jo@example.com"], ["id"])
    assert "example.com" not in caplog.text


def test_redirects_cookies_and_proxies_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect is an undocumented answer; a cookie of one answer is not sent with the next call."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    away = httpx.Response(302, headers={"Location": "https://evil.example.com/", "Set-Cookie": "a=b"})
    vendor = ScriptedVendor(away, success())
    client = marketo_client(vendor)
    with pytest.raises(ContractError):
        read(client)
    read(client)
    assert {request.url.host for request in vendor.requests} == {"123-abc-456.mktorest.com"}
    assert all("cookie" not in request.headers for request in vendor.requests)
    with build_http_client() as plain:
        assert plain.trust_env is False


def test_every_call_has_a_timeout_above_marketo_s_own() -> None:
    """Giving up before the server does would turn a slow success into a doubt."""
    vendor = ScriptedVendor(success([{"id": 7, "status": "created"}]))
    client = marketo_client(vendor)
    write(client)
    read(client)
    seconds = [request.extensions["timeout"]["read"] for request in vendor.requests]
    assert seconds == [100.0, 70.0]


def test_text_that_is_no_valid_unicode_does_not_fail_its_whole_batch() -> None:
    """A lone surrogate travels escaped; the other record is written as ever."""
    vendor = ScriptedVendor(success([{"id": 1, "status": "updated"}, {"id": 2, "status": "updated"}]))
    rows = [{"id": 1, "firstName": "\ud800"}, {"id": 2, "firstName": "Zoë"}]
    marketo_client(vendor).sync_leads(rows, action="updateOnly", lookup_field="id")
    assert json.loads(vendor.requests[0].content)["input"] == rows
