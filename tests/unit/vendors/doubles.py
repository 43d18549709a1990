"""A settable time, a scripted vendor and clients on both, for tests of the vendor clients."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.decisions import RetryBudget
from leadbridge.vendors.http.limiter import Limiter
from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient, WriteOptions
from leadbridge.vendors.salesforce.logins import JwtLogin
from tests.fakes.limits import NoLimit

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MARKETO = "https://123-ABC-456.mktorest.com"
ORG = "https://acme.my.salesforce.com"
LOGIN = JwtLogin(
    client_id="consumer-key",
    username="integration@example.com",
    token_host="https://login.salesforce.com",
    audience="https://login.salesforce.com",
)

type Reply = httpx.Response | Exception
type Handler = Callable[[httpx.Request], Reply]


class FakeTime:
    """A clock that moves only when somebody sleeps or sets it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def timer(self) -> float:
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class ScriptedVendor:
    """Answers token requests by itself and all others with the replies of a list, the last one for ever."""

    def __init__(self, *replies: Reply, token: Handler | None = None) -> None:
        self._replies = list(replies)
        self._token = token
        self.requests: list[httpx.Request] = []
        self.token_requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path in ("/identity/oauth/token", "/services/oauth2/token"):
            self.token_requests.append(request)
            if self._token is not None:
                return answered(self._token(request))
            number = len(self.token_requests)
            if request.url.path.startswith("/identity"):
                return httpx.Response(200, json=marketo_token(f"token-{number}"))
            return httpx.Response(200, json=session(f"session-{number}"))
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        return answered(reply)


def answered(reply: Reply) -> httpx.Response:
    if isinstance(reply, Exception):
        raise reply
    return reply


def marketo_token(value: str = "token-1", expires_in: int = 3599) -> dict[str, Any]:
    return {"access_token": value, "token_type": "bearer", "expires_in": expires_in, "scope": "api@example.com"}


def session(value: str = "session-1", instance_url: str = ORG) -> dict[str, Any]:
    return {
        "access_token": value,
        "scope": "api",
        "instance_url": instance_url,
        "id": "https://login.salesforce.com/id/00D000000000001EAA/005000000000001AAA",
        "token_type": "Bearer",
    }


def success(result: Iterable[Any] = (), **more: Any) -> httpx.Response:
    """A Marketo envelope that says success."""
    return httpx.Response(200, json={"requestId": "9c1#19aa0f3b2e1", "success": True, "result": list(result), **more})


def failure(code: str, message: str = "vendor text") -> httpx.Response:
    """A Marketo envelope that refuses the whole call, with HTTP 200 as Marketo does."""
    errors = [{"code": code, "message": message}]
    return httpx.Response(200, json={"requestId": "9c3#19aa0f3b2e3", "success": False, "errors": errors})


def errors(status: int, code: str, message: str = "vendor text") -> httpx.Response:
    """A Salesforce error array."""
    return httpx.Response(status, json=[{"message": message, "errorCode": code}])


def settings(
    vendor: Callable[[httpx.Request], httpx.Response],
    time: FakeTime,
    *,
    calls: list[CallRecord] | None = None,
    max_body_bytes: int = 1_000_000,
    budget: RetryBudget | None = None,
    allowed_hosts: frozenset[str] = frozenset(),
) -> HttpSettings:
    return HttpSettings(
        client=build_http_client(httpx.MockTransport(vendor)),
        clock=time.clock,
        sleep=time.sleep,
        on_call=calls.append if calls is not None else None,
        max_body_bytes=max_body_bytes,
        budget=budget or RetryBudget(),
        jitter=lambda: 0.0,
        timer=time.timer,
        allowed_hosts=allowed_hosts,
    )


def credentials(*, fresh: bool = False) -> Credentials:
    return Credentials("client-id", "client-secret")


def marketo_client(
    vendor: Callable[[httpx.Request], httpx.Response],
    time: FakeTime | None = None,
    *,
    limiter: Limiter | None = None,
    calls: list[CallRecord] | None = None,
) -> MarketoClient:
    return MarketoClient(
        settings(vendor, time or FakeTime(), calls=calls),
        base_url=MARKETO,
        credentials=credentials,
        limiter=limiter or NoLimit(),
    )


def salesforce_client(
    vendor: Callable[[httpx.Request], httpx.Response],
    time: FakeTime | None = None,
    *,
    calls: list[CallRecord] | None = None,
    options: WriteOptions | None = None,
) -> SalesforceClient:
    return SalesforceClient(
        settings(vendor, time or FakeTime(), calls=calls),
        login=LOGIN,
        sign=lambda data: b"signature",
        limiter=NoLimit(),
        options=options,
    )
