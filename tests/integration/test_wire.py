"""The fault tests' wire passes requests and answers on as they are, and holds, cuts and refuses what it is told."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fault.wire import Answer, Wire


class Side(ThreadingHTTPServer):
    """The other side: it notes what it hears, by connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Ear)
        self.heard: list[tuple[Any, str, str, bytes]] = []


class Ear(BaseHTTPRequestHandler):
    """Answers what the address says."""

    protocol_version = "HTTP/1.1"
    server: Side

    def do_POST(self) -> None:
        """Note it, and answer in one of many ways."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append((self.client_address, self.command, self.headers.get("X-Told", ""), body))
        if self.path == "/silent":
            self.close_connection = True
            return
        self.send_response(204 if self.path == "/nothing" else 200)
        self.send_header("X-Side", "other")
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\none\r\n4;x=y\r\n two\r\n0\r\nX-Sum: 1\r\n\r\n")
            return
        if self.path == "/to-the-end":
            self.close_connection = True
            self.end_headers()
            self.wfile.write(b"until it closes")
            return
        if self.path == "/half":
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return
        if self.path != "/nothing":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and self.path != "/nothing":
            self.wfile.write(body)
        self.close_connection = self.path == "/last"

    do_GET = do_HEAD = do_POST  # noqa: N815  # names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def side() -> Iterator[Side]:
    """The other side."""
    with Side() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def wire(side: Side) -> Iterator[Wire]:
    """The wire to it."""
    with Wire() as opened:
        opened.connect(f"http://127.0.0.1:{side.server_address[1]}")
        yield opened


@pytest.fixture
def caller(wire: Wire) -> Iterator[http.client.HTTPConnection]:
    """Somebody on one connection."""
    with closing(http.client.HTTPConnection(urlsplit(wire.url).netloc, timeout=10)) as connection:
        yield connection


def asked(
    caller: http.client.HTTPConnection, path: str, body: bytes = b"", method: str = "POST"
) -> tuple[int, str, bytes]:
    """Ask; the status, the other side's header and the body."""
    caller.request(method, path, body, {"X-Told": "ümläut".encode("latin-1").decode("latin-1")})
    with caller.getresponse() as answer:
        return answer.status, answer.headers.get("X-Side", ""), answer.read()


def test_requests_and_answers_pass_as_they_are_on_connections_that_stay(
    caller: http.client.HTTPConnection, side: Side
) -> None:
    """Of every length, in chunks, without a body and to the end of the connection; a closed one is made anew."""
    large = bytes(range(256)) * 4_000
    assert asked(caller, "/x", large) == (200, "other", large)
    assert asked(caller, "/chunks") == (200, "other", b"one two")
    assert asked(caller, "/nothing") == (204, "other", b"")
    assert asked(caller, "/x", b"1234", "HEAD") == (200, "other", b"")
    assert asked(caller, "/last", b"5") == (200, "other", b"5")
    assert asked(caller, "/to-the-end") == (200, "other", b"until it closes")
    assert asked(caller, "/x", b"6") == (200, "other", b"6")
    assert {told for _, _, told, _ in side.heard} == {"ümläut"}
    assert [method for _, method, _, _ in side.heard] == ["POST"] * 3 + ["HEAD"] + ["POST"] * 3
    connections = [address for address, *_ in side.heard]
    assert len(set(connections[:5])) == 1
    assert len(set(connections)) == 3


@pytest.mark.parametrize("path", ["/silent", "/half"])
def test_what_is_closed_over_there_is_closed_here(caller: http.client.HTTPConnection, path: str) -> None:
    """No answer, or the half of one, is none; the next request is answered."""
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        asked(caller, path)
    caller.close()
    assert asked(caller, "/x", b"1") == (200, "other", b"1")


@pytest.mark.parametrize("after", [False, True])
def test_a_request_is_held_and_goes_on_or_ends_there(
    caller: http.client.HTTPConnection, wire: Wire, side: Side, after: bool
) -> None:
    """Before the other side has heard of it, or after; let go it is answered, cut it is not."""
    with ThreadPoolExecutor(1) as pool:
        held = wire.hold("POST /x", containing="one", after=after)
        answered = pool.submit(asked, caller, "/x", b"one")
        assert held._arrived.wait(10)
        assert len(side.heard) == int(after)
        held.let_go()
        assert answered.result(10) == (200, "other", b"one")
        held = wire.hold("POST /*", after=after)
        answered = pool.submit(asked, caller, "/x", b"two")
        assert held._arrived.wait(10)
        held.cut()
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            answered.result(10)
    assert [body for *_, body in side.heard] == ([b"one", b"two"] if after else [b"one"])


def test_a_refused_request_goes_no_further(caller: http.client.HTTPConnection, wire: Wire, side: Side) -> None:
    """It is answered here until `calm`; the connection stays."""
    answer = Answer(status=400, reason="Later", headers=(("X-Side", "wire"),), body=b"later")
    refusal = wire.refuse("POST /x", answer)
    assert asked(caller, "/x", b"1") == (400, "wire", b"later")
    assert (side.heard, refusal.refused, wire.refuses) == ([], 1, True)
    wire.calm()
    assert asked(caller, "/x", b"2") == (200, "other", b"2")
