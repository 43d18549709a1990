"""Answers the emulator's callers: HTTP/1.1 between processes of one machine, and nothing more than they speak.

The emulator brings a server for the open internet, which takes longer for a request than the emulator for its answer;
a test run makes some hundred thousand of them. This one reads a request whole, hands it over, and writes the answer at
once. It knows no encryption, no other protocol and no patience with broken requests.

Runs with the emulator's own interpreter and imports nothing of ours.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

#: bytes of a request line and its headers
HEAD_BYTES: Final = 1 << 18
#: connections that may wait to be taken
BACKLOG: Final = 1000
#: answers that have no body whatever is said of its length (RFC 9110, 6.4.1)
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_REASONS: Final = {each.value: each.phrase for each in HTTPStatus}
_VERSIONS: Final = {"asgi": {"version": "3.0", "spec_version": "2.1"}}

type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]
type Headers = list[tuple[bytes, bytes]]

_log = logging.getLogger(__name__)


class BrokenRequestError(ValueError):
    """Somebody speaks something else."""


async def serve(app: App, config: Any) -> None:
    """Start the application and answer for it at the first address of `config.bind`, for as long as the process lives.

    Raises:
        OSError: The address is taken.
    """
    host, _, port = str(config.bind[0]).rpartition(":")
    begun = asyncio.Event()
    orders: asyncio.Queue[Message] = asyncio.Queue()
    orders.put_nowait({"type": "lifespan.startup"})

    async def told(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            raise RuntimeError(message.get("message", ""))
        begun.set()

    life = asyncio.ensure_future(app({"type": "lifespan", "state": {}, **_VERSIONS}, orders.get, told))
    first = asyncio.ensure_future(begun.wait())
    await asyncio.wait({life, first}, return_when=asyncio.FIRST_COMPLETED)
    if not begun.is_set():
        first.cancel()
        await life
        raise RuntimeError("the application ended before it began")
    server = await asyncio.get_running_loop().create_server(lambda: Connection(app), host, int(port), backlog=BACKLOG)
    async with server:
        await server.serve_forever()


class Connection(asyncio.Protocol):
    """One caller: its requests are answered one after the other."""

    def __init__(self, app: App) -> None:
        """Nothing has been said."""
        self._app = app
        self._buffer = bytearray()
        self._request: Request | None = None
        self._answering: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has called."""
        self._transport: Any = transport
        self._ends = {"client": transport.get_extra_info("peername"), "server": transport.get_extra_info("sockname")}

    def connection_lost(self, _: Exception | None) -> None:
        """The caller hears nothing any more."""
        self._gone.set()

    def data_received(self, data: bytes) -> None:
        """Take in what was said, and answer once it is a whole request."""
        self._buffer += data
        if self._answering is None:
            self._next()

    def _next(self) -> None:
        """Begin to answer, if a request is whole."""
        try:
            if self._request is None and (head := _head(self._buffer)) is not None:
                self._request = head
                if head.waits and not self._buffer:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if self._request is None or not self._request.take(self._buffer):
                return
        except (BrokenRequestError, ValueError) as error:
            _log.warning("refused: %s", error)
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()
            return
        request, self._request = self._request, None
        # it runs at once, and only if it has to wait for something the loop comes back to it
        self._answer = Answer(self._transport, request)
        task = asyncio.Task(self._answered(request, self._answer), loop=self._loop, eager_start=True)
        if task.done():
            self._over(task)
        else:
            self._answering = task
            task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        """What was said in the meantime comes next."""
        self._answering = None
        if error := task.exception():
            _log.error("the application failed", exc_info=error)
        if error or not self._answer.complete:
            self._answer.failed()
        if self._answer.last:
            self._transport.close()
        elif self._buffer:
            # not at once: answers that follow each other would pile up on the stack
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        if self._answering is None and not self._transport.is_closing():
            self._next()

    async def _answered(self, request: "Request", answer: "Answer") -> None:
        left = [request.body]

        async def receive() -> Message:
            if left:
                return {"type": "http.request", "body": left.pop(), "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        await self._app({**request.scope(), **self._ends}, receive, answer.send)


class Request:
    """A request as it comes in: its head first, then its body."""

    def __init__(self, method: str, target: bytes, headers: Headers, *, keeps: bool) -> None:
        """The head is known."""
        self.method, self.target, self.headers, self.keeps = method, target, headers, keeps
        named = dict(headers)
        self.body = b""
        self.waits = named.get(b"expect", b"").lower() == b"100-continue"
        if named.get(b"connection", b"").lower() == b"close":
            self.keeps = False
        self._in_chunks = named.get(b"transfer-encoding", b"").lower() == b"chunked"
        self._length = int(named.get(b"content-length", b"0"))
        self._chunks: list[bytes] = []

    def take(self, buffer: bytearray) -> bool:
        """Take the body out of what has come; whether it is whole."""
        if self._in_chunks:
            return self._take_chunks(buffer)
        if len(buffer) < self._length:
            return False
        self.body = bytes(buffer[: self._length])
        del buffer[: self._length]
        return True

    def _take_chunks(self, buffer: bytearray) -> bool:
        while (end := buffer.find(b"\r\n")) >= 0:
            size = int(buffer[:end].partition(b";")[0], 16)
            if not size:
                # what may follow the last chunk ends with an empty line
                last = buffer.find(b"\r\n\r\n", end)
                if last < 0:
                    return False
                del buffer[: last + 4]
                self.body = b"".join(self._chunks)
                return True
            first, after = end + 2, end + 2 + size
            if len(buffer) < after + 2:
                return False
            self._chunks.append(bytes(buffer[first:after]))
            del buffer[: after + 2]
        return False

    def scope(self) -> dict[str, Any]:
        """The request as applications take it."""
        path, _, query = self.target.partition(b"?")
        return {
            "type": "http",
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": self.headers,
            "state": {},
            "extensions": {},
            **_VERSIONS,
        }


def _head(buffer: bytearray) -> Request | None:
    """Take a request's head out of what has come; None until all of it is there.

    Raises:
        BrokenRequestError: It is none.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        if len(buffer) > HEAD_BYTES:
            raise BrokenRequestError("the head of a request has no end")
        return None
    line, *lines = bytes(buffer[:end]).split(b"\r\n")
    del buffer[: end + 4]
    words = line.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        raise BrokenRequestError(f"{line[:100]!r} is no request")
    headers = []
    for each in lines:
        name, colon, value = each.partition(b":")
        if not colon:
            raise BrokenRequestError(f"{each[:100]!r} is no header")
        headers.append((name.lower(), value.strip()))
    return Request(words[0].decode("ascii").upper(), words[1], headers, keeps=words[2] != b"HTTP/1.0")


class Answer:
    """What an application says to a request, written as HTTP."""

    def __init__(self, transport: Any, request: Request) -> None:
        """Nothing has been said."""
        self._transport, self._request = transport, request
        self._head: list[bytes] = []
        self._begun = False
        self._in_chunks = False
        self._bodiless = request.method == "HEAD"
        self._tells_length = False
        self.complete = False
        #: nothing follows it on this connection
        self.last = not request.keeps

    async def send(self, message: Message) -> None:
        """Take the next part of the answer; its head goes with the first part of its body."""
        if message["type"] == "http.response.start":
            self._start(int(message["status"]), message.get("headers", ()))
        elif message["type"] == "http.response.body" and not self.complete:
            self._body(bytes(message.get("body", b"")), more=bool(message.get("more_body", False)))

    def failed(self) -> None:
        """Say that there is no answer, or no end of it."""
        if not self._begun:
            self._head = []
            self._start(500, [(b"content-length", b"0"), (b"connection", b"close")])
            self._body(b"", more=False)
        self.complete = self.last = True

    def _start(self, status: int, headers: Any) -> None:
        self._bodiless = self._bodiless or status in BODILESS
        self._head = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n".encode()]
        for name, value in headers:
            low = name.lower()
            if low == b"content-length":
                self._tells_length = True
            elif low == b"connection" and value.lower() == b"close":
                self.last = True
            elif low == b"transfer-encoding":
                # how it is sent is for us to say
                continue
            self._head += (name, b": ", value, b"\r\n")

    def _body(self, body: bytes, *, more: bool) -> None:
        parts: list[bytes] = []
        if not self._begun:
            self._begun = True
            parts = self._head
            if not (self._tells_length or self._bodiless):
                self._in_chunks = more
                parts.append(b"transfer-encoding: chunked\r\n" if more else b"content-length: %d\r\n" % len(body))
            parts.append(b"\r\n")
        if not self._bodiless and body:
            parts += (b"%x\r\n" % len(body), body, b"\r\n") if self._in_chunks else (body,)
        if not more:
            self.complete = True
            if self._in_chunks and not self._bodiless:
                parts.append(b"0\r\n\r\n")
        if parts:
            self._transport.write(b"".join(parts))
