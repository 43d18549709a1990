"""The emulator's requests are read whole and answered in order, as HTTP says, on a connection that stays."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from devstack.answers import App, Connection, Receive, Send


class Line:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def get_extra_info(self, name: str) -> tuple[str, int]:
        """An address."""
        return {"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 4_566)}[name]

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.written.append(data)

    def close(self) -> None:
        """Nothing follows."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether nothing follows."""
        return self.closed


async def told(receive: Receive) -> bytes:
    """The body of a request."""
    message = await receive()
    assert not message["more_body"]
    return bytes(message["body"])


async def echo(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Answer what was asked."""
    body = b" ".join([scope["method"].encode(), scope["raw_path"], scope["query_string"], await told(receive)])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Date", b"now")]})
    await send({"type": "http.response.body", "body": body})


async def slow(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """As `echo`, after others had their turn."""
    await asyncio.sleep(0)
    await echo(scope, receive, send)


def heard(app: App, *parts: bytes) -> Line:
    """What was written to a caller that says these parts, one after the other."""
    line = Line()

    async def call() -> None:
        connection = Connection(app)
        connection.connection_made(line)  # type: ignore[arg-type]  # as much of one as is used
        for part in parts:
            connection.data_received(part)
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(call())
    return line


@pytest.mark.parametrize("app", [echo, slow])
def test_a_request_is_answered_at_once_and_the_connection_stays(app: App) -> None:
    """Head and body are one write, with the length that the application did not tell."""
    line = heard(app, b"POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
    assert line.written == [b"HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: 20\r\n\r\nPOST /a%20b c=d body"]
    assert not line.closed


@pytest.mark.parametrize("app", [echo, slow])
def test_requests_are_answered_one_after_the_other(app: App) -> None:
    """Two that come together, and one in pieces, have their answers in order."""
    two = b"GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\ncontent-length: 1\r\n\r\n2"
    line = heard(app, two, b"PUT /3 HT", b"TP/1.1\r\nContent-Length: 2\r\n\r", b"\n3", b"3")
    assert [each.rpartition(b"\r\n\r\n")[2] for each in line.written] == [b"GET /1  ", b"POST /2  2", b"PUT /3  33"]


def test_a_body_in_chunks_is_put_together() -> None:
    """Sizes, their extensions and what follows the last chunk are no part of it, however it is cut on its way."""
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = head + b"4;x=y\r\nfour\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
    for cut in range(1, len(whole)):
        line = heard(echo, whole[:cut], whole[cut:])
        assert line.written[0].endswith(b"\r\n\r\nPOST /  four0123456789"), cut


def test_who_waits_for_a_word_before_the_body_gets_it() -> None:
    """100 once, and only if the body did not come along."""
    head = b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    line = heard(echo, head, b"ab")
    assert line.written[0] == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert [each[:12] for each in line.written] == [b"HTTP/1.1 100", b"HTTP/1.1 200"]
    assert [each[:12] for each in heard(echo, head + b"ab").written] == [b"HTTP/1.1 200"]


def test_the_answer_to_a_head_request_has_a_length_and_no_body() -> None:
    """What the application says of the length is said, what it gives as body is not; 204 has neither."""

    async def sized(scope: Mapping[str, Any], _: Receive, send: Send) -> None:
        status = int(scope["path"][1:])
        headers = [(b"Content-Length", b"7")] if status == 200 else []
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"content" if status == 200 else b""})

    asked = b"HEAD /200 HTTP/1.1\r\n\r\n", b"GET /204 HTTP/1.1\r\n\r\n", b"GET /200 HTTP/1.1\r\n\r\n"
    assert heard(sized, *asked).written == [
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontent",
    ]


def test_an_answer_in_parts_of_unknown_length_goes_in_chunks() -> None:
    """Each part as it comes, then the end; the connection stays."""

    async def parts(_: Mapping[str, Any], __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for each in (b"one", b"two"):
            await send({"type": "http.response.body", "body": each, "more_body": True})
        await send({"type": "http.response.body"})

    line = heard(parts, b"GET / HTTP/1.1\r\n\r\n")
    assert line.written == [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        b"3\r\ntwo\r\n",
        b"0\r\n\r\n",
    ]
    assert not line.closed


async def failing(_: Mapping[str, Any], __: Receive, ___: Send) -> None:
    """Break down."""
    raise ValueError("no answer")


async def silent(_: Mapping[str, Any], __: Receive, ___: Send) -> None:
    """End without a word."""


@pytest.mark.parametrize("app", [failing, silent])
def test_an_application_that_breaks_down_is_an_answer_of_500(app: App) -> None:
    """The caller hears of it, and the connection ends."""
    line = heard(app, b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert [each[:12] for each in line.written] == [b"HTTP/1.1 500"]
    assert line.closed


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"x" * 300_000,
    ],
)
def test_a_connection_ends_where_the_caller_says_so_or_is_not_understood(said: bytes) -> None:
    """One answer, 400 to what is no request, and no more."""
    line = heard(echo, said)
    understood = said.startswith(b"GET") and b"no header" not in said
    assert [each[9:12] for each in line.written] == [b"200" if understood else b"400"]
    assert line.closed


def test_an_application_hears_when_its_caller_goes() -> None:
    """After the body it waits for nothing else."""
    seen: list[str] = []

    async def waiting(_: Mapping[str, Any], receive: Receive, send: Send) -> None:
        await told(receive)
        seen.append((await receive())["type"])

    async def call() -> None:
        connection = Connection(waiting)
        connection.connection_made(Line())  # type: ignore[arg-type]  # as above
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert not seen
        connection.connection_lost(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(call())
    assert seen == ["http.disconnect"]
