"""A thread that waits for a login uses its token: seen step by step, without luck."""

import threading
from types import TracebackType

import httpx

from leadbridge.vendors.http.tokens import TokenCache
from leadbridge.vendors.marketo.auth import MarketoAuth
from tests.unit.vendors.doubles import MARKETO, FakeTime, credentials, marketo_token


class NotedLock:
    """A lock that tells when another thread than its maker asks for it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._maker = threading.get_ident()
        self.asked = threading.Event()

    def __enter__(self) -> None:
        if threading.get_ident() != self._maker:
            self.asked.set()
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def test_a_thread_that_waited_for_a_login_uses_its_token() -> None:
    """A call that comes while a login is under way sends no login of its own: its first request is the call."""
    tokens, lock, time = TokenCache(), NotedLock(), FakeTime()
    tokens.lock = lock  # type: ignore[assignment]  # a lock for the test: only `with` is used
    auth = MarketoAuth(base_url=MARKETO, credentials=credentials, clock=time.clock, sleep=time.sleep, tokens=tokens)
    login = auth.auth_flow(httpx.Request("GET", f"{MARKETO}/rest/v1/leads.json"))
    next(login)
    sent: list[httpx.Request] = []

    def call() -> None:
        sent.append(next(auth.auth_flow(httpx.Request("GET", f"{MARKETO}/rest/v1/leads.json"))))

    waiting = threading.Thread(target=call)
    waiting.start()
    assert lock.asked.wait(30)
    login.send(httpx.Response(200, json=marketo_token("t1")))
    waiting.join(30)

    assert [request.url.path for request in sent] == ["/rest/v1/leads.json"]
