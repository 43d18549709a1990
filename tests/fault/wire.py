"""A wire from the functions to what they call: it can hold a request, hold its answer, or answer "later" itself.

A plain HTTP/1.1 forwarder on the loopback interface. Without a rule it passes on every byte of method, address,
headers and body, so signatures stay valid, and closes a connection where the other side closes it.
"""

import random
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote_plus, urlsplit

#: a test that waits this long has failed
PATIENCE = 90.0
#: headers that belong to one connection, or that are made anew for the body as it is sent
_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class NothingCameError(AssertionError):
    """No request came by that a test waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """A request on its way.

    `line` is `METHOD /path` of the effective method (a read sent as POST is a GET), for AWS's JSON protocols the
    operation (`DynamoDB_20120810.UpdateItem`); `text` its decoded address and body.
    """

    line: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What comes back."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(slots=True, kw_only=True)
class Held:
    """The first matching request, stopped on its way there, or with `after` its answer on the way back."""

    match: str
    containing: str
    after: bool
    _taken: bool = False
    _goes_on: bool = False
    _arrived: threading.Event = field(default_factory=threading.Event)
    _decided: threading.Event = field(default_factory=threading.Event)
    _answered: threading.Event = field(default_factory=threading.Event)

    @property
    def arrived(self) -> bool:
        """Whether it is held by now; with `after` the other side has done its part then."""
        return self._arrived.is_set()

    def let_go(self) -> None:
        """Let it go on, whoever may still wait for it."""
        self._goes_on = True
        self._decided.set()

    def cut(self) -> None:
        """Let it end here, without an answer."""
        self._decided.set()

    def answered(self) -> None:
        """Wait until the other side has done its part."""
        if not self._answered.wait(PATIENCE):
            raise NothingCameError(f"no answer to {self.match}")

    def takes(self, passing: Passing) -> bool:
        """Whether this request is the one; call it under the wire's lock."""
        if self._taken or not fnmatchcase(passing.line, self.match) or self.containing not in passing.text:
            return False
        self._taken = True
        return True

    def pass_through(self, forward: Callable[[], Answer]) -> Answer | None:
        """Forward, and stand still before or after; None if it was cut."""
        if not self.after and not self._stand():
            return None
        answer = forward()
        self._answered.set()
        return answer if not self.after or self._stand() else None

    def _stand(self) -> bool:
        self._arrived.set()
        self._decided.wait()
        return self._goes_on


@dataclass(slots=True, kw_only=True)
class Refusal:
    """A share of the matching requests is answered here and goes no further."""

    match: str
    containing: str
    share: float
    answer: Answer
    chance: random.Random
    #: how many were refused, and how many passed
    refused: int = 0
    passed: int = 0

    def takes(self, passing: Passing) -> bool:
        """Whether this request is refused; call it under the wire's lock."""
        if not fnmatchcase(passing.line, self.match) or self.containing not in passing.text:
            return False
        if self.chance.random() >= self.share:
            self.passed += 1
            return False
        self.refused += 1
        return True


class Wire:
    """One address that the functions call instead of the other side's own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holds: list[Held] = []
        self._refusals: list[Refusal] = []
        self._upstream = ""
        self._connected = threading.Event()
        wire = self

        class Handler(_Handler):
            def send_on(self, passing: Passing, forward: Callable[[str], Answer]) -> Answer | None:
                return wire._send_on(passing, forward)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"wire {self.url}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.calm()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def connect(self, upstream: str) -> None:
        """Name the other side (`http://host:port`); requests wait until it is named."""
        self._upstream = urlsplit(upstream).netloc
        self._connected.set()

    def hold(self, match: str, *, containing: str = "", after: bool = False) -> Held:
        """Hold the next request whose line fits `match` (`*` for any text) and whose text has `containing` in it."""
        held = Held(match=match, containing=containing, after=after)
        with self._lock:
            self._holds.append(held)
        return held

    def refuse(self, match: str, answer: Answer, *, share: float = 1.0, containing: str = "", seed: int = 0) -> Refusal:
        """Answer a share (0 to 1) of the requests that fit, as `hold` has it, until `calm`."""
        refusal = Refusal(match=match, containing=containing, share=share, answer=answer, chance=random.Random(seed))
        with self._lock:
            self._refusals.append(refusal)
        return refusal

    @property
    def refuses(self) -> bool:
        """Whether some requests are answered here at present."""
        return bool(self._refusals)

    def calm(self) -> None:
        """Forget all rules and cut what is held."""
        with self._lock:
            held, self._holds, self._refusals = self._holds, [], []
        for each in held:
            each.cut()

    def _send_on(self, passing: Passing, forward: Callable[[str], Answer]) -> Answer | None:
        self._connected.wait()
        with self._lock:
            refusal = next((rule for rule in self._refusals if rule.takes(passing)), None)
            held = None if refusal else next((rule for rule in self._holds if rule.takes(passing)), None)
        if refusal:
            return refusal.answer
        if held:
            return held.pass_through(lambda: forward(self._upstream))
        return forward(self._upstream)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # a connection that a function keeps open would hold up the end
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # 40 ms a call otherwise
    disable_nagle_algorithm = True

    def send_on(self, passing: Passing, forward: Callable[[str], Answer]) -> Answer | None:
        raise NotImplementedError

    def handle(self) -> None:
        # the caller may be killed at any moment
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.send_on(self._passing(body), lambda upstream: self._forward(upstream, body))
        except (OSError, HTTPException):  # closed over there, so closed here
            answer = None
        if answer is None:
            self.close_connection = True
            return
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.headers)]
        if answer.status not in {204, 304} and self.command != "HEAD":
            lines.append(f"Content-Length: {len(answer.body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)

    # the names are those of http.server
    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass

    def _passing(self, body: bytes) -> Passing:
        path, _, query = self.path.partition("?")
        method = parse_qs(query).get("_method", [self.command])[0]
        line = self.headers.get("X-Amz-Target") or f"{method} {path}"
        return Passing(line=line, text=f"{unquote_plus(self.path)} {body.decode('utf-8', 'replace')}")

    def _forward(self, upstream: str, body: bytes) -> Answer:
        # one connection for each request: a kept one may have been closed over there, which would look like a fault
        with closing(HTTPConnection(upstream)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            # the answer to HEAD tells the length of a body that it does not bring
            own = _OWN_HEADERS - ({"content-length"} if self.command == "HEAD" else set())
            with connection.getresponse() as response:
                return Answer(
                    status=response.status,
                    reason=response.reason,
                    headers=tuple((n, v) for n, v in response.getheaders() if n.lower() not in own),
                    body=response.read(),
                )
