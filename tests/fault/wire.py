"""A wire from the functions to what they call: it can hold a request, hold its answer, or answer "later" itself.

A plain HTTP/1.1 forwarder on the loopback interface. Without a rule it passes on every byte of method, address,
headers and body, so signatures stay valid, and closes a connection where the other side closes it.
"""

import random
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self
from urllib.parse import parse_qs, unquote_plus, urlsplit

#: a test that waits this long has failed
PATIENCE = 90.0
#: headers that belong to one connection, or that are made anew for the body as it is sent
_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length"}
#: a connection that nobody has used for longer may have been closed over there (after 75 s), which would look like a
#: fault
KEPT_SECONDS = 20.0


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
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
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


class ClosedError(ConnectionError):
    """The other side has closed a connection, perhaps in the middle of something."""


@dataclass(frozen=True, slots=True)
class _Head:
    """First line and headers, as they came and as they are looked at; names in small letters."""

    raw: bytes
    line: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, stream: BufferedIOBase) -> Self | None:
        """The next one; None if nothing comes any more.

        Raises:
            ClosedError: It has no end.
        """
        lines = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            lines.append(line)
        if not line:
            if lines:
                raise ClosedError("closed in a head")
            return None
        raw = b"".join([*lines, line])
        first, *rest = (each.decode("latin-1").strip() for each in lines)
        parted = (each.partition(":") for each in rest)
        return cls(raw, first, tuple((name, value.strip()) for name, _, value in parted))

    def get(self, name: str) -> str:
        """The value of a header, in small letters the name; empty if there is none."""
        return next((value for each, value in self.headers if each.lower() == name), "")


def _exactly(stream: BufferedIOBase, length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise ClosedError("closed in a body")
    return found


def _in_chunks(stream: BufferedIOBase) -> bytes:
    parts = []
    while line := stream.readline():
        size = int(line.partition(b";")[0], 16)
        parts.append(_exactly(stream, size))
        # the end of the chunk, or of what follows the last one
        while stream.readline() not in (b"\r\n", b""):
            pass
        if not size:
            return b"".join(parts)
    raise ClosedError("closed between two chunks")


class _Upstream:
    """A connection to the other side, for one caller's requests."""

    def __init__(self, netloc: str) -> None:
        host, _, port = netloc.partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = self._socket.makefile("rb")
        self._used = time.monotonic()
        self._stays = True

    @property
    def good(self) -> bool:
        """Whether another request may be sent: something that could be read by now is the end."""
        fresh = time.monotonic() - self._used < KEPT_SECONDS
        return self._stays and fresh and not select.select([self._socket], [], [], 0)[0]

    def close(self) -> None:
        """Let go of it."""
        self._stream.close()
        self._socket.close()

    def ask(self, request: bytes, *, bodiless: bool) -> Answer:
        """Send a request and take the whole answer.

        Raises:
            OSError: There was none, or no end of it.
        """
        self._stays = False
        self._socket.sendall(request)
        head = _Head.read(self._stream)
        while head is not None and head.line.split()[1] == "100":
            head = _Head.read(self._stream)
        if head is None:
            raise ClosedError("closed without an answer")
        _, status, *reason = head.line.split(" ", 2)
        length, stays = head.get("content-length"), head.get("connection").lower() != "close"
        if bodiless or status in {"204", "304"}:
            body = b""
        elif head.get("transfer-encoding").lower() == "chunked":
            body = _in_chunks(self._stream)
        elif length:
            body = _exactly(self._stream, int(length))
        else:
            body, stays = self._stream.read(), False
        self._stays, self._used = stays, time.monotonic()
        # the answer to HEAD tells the length of a body that it does not bring
        own = _OWN_HEADERS - ({"content-length"} if bodiless else set())
        headers = tuple(each for each in head.headers if each[0].lower() not in own)
        return Answer(status=int(status), reason="".join(reason), headers=headers, body=body)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    # a connection that a function keeps open would hold up the end
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


class _Handler(StreamRequestHandler):
    # 40 ms a call otherwise
    disable_nagle_algorithm = True

    def send_on(self, passing: Passing, forward: Callable[[str], Answer]) -> Answer | None:
        raise NotImplementedError

    def setup(self) -> None:
        super().setup()
        self._upstream: _Upstream | None = None

    def finish(self) -> None:
        if self._upstream:
            self._upstream.close()
        # the caller may be killed at any moment
        with suppress(ConnectionError):
            super().finish()

    def handle(self) -> None:
        with suppress(ConnectionError):
            while head := _Head.read(self.rfile):
                if not self._answered(head) or head.get("connection").lower() == "close":
                    return

    def _answered(self, head: _Head) -> bool:
        """Answer one request; whether another one may follow."""
        method, path, _ = head.line.split(" ")
        if head.get("expect").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _exactly(self.rfile, int(head.get("content-length") or 0))
        bodiless = method == "HEAD"

        def forward(upstream: str) -> Answer:
            return self._connected(upstream).ask(head.raw + body, bodiless=bodiless)

        try:
            answer = self.send_on(_passing(head, method, path, body), forward)
        except OSError:  # closed over there, so closed here
            return False
        if answer is None:
            return False
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in answer.headers)]
        if answer.status not in {204, 304} and not bodiless:
            lines.append(f"Content-Length: {len(answer.body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)
        return True

    def _connected(self, upstream: str) -> _Upstream:
        """A connection to the other side that is not closed over there."""
        if self._upstream and not self._upstream.good:
            self._upstream.close()
            self._upstream = None
        self._upstream = self._upstream or _Upstream(upstream)
        return self._upstream


def _passing(head: _Head, method: str, target: str, body: bytes) -> Passing:
    path, _, query = target.partition("?")
    method = parse_qs(query).get("_method", [method])[0]
    line = head.get("x-amz-target") or f"{method} {path}"
    return Passing(line=line, text=f"{unquote_plus(target)} {body.decode('utf-8', 'replace')}")
