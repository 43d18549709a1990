"""Files in pieces: ranges, what breaks off and where, what is logged and held meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.limits import Heard, Signal
from leadbridge.errors import ContractError, PermanentError
from leadbridge.vendors.http.calls import CallRecord
from leadbridge.vendors.http.decisions import CallFacts
from leadbridge.vendors.http.downloads import TRIES, BrokenDownloadError, whole
from leadbridge.vendors.http.limiter import Place
from leadbridge.vendors.marketo.client import MarketoClient
from tests.fakes.limits import NoLimit
from tests.unit.vendors.doubles import (
    MARKETO,
    FakeTime,
    ScriptedVendor,
    credentials,
    failure,
    marketo_client,
    settings,
)

FILE = bytes(range(256)) * 4
CSV = {"content-type": "text/csv;charset=UTF-8"}


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces and may break off before its end."""

    def __init__(self, content: bytes, *, breaks: Exception | None = None, size: int = 100) -> None:
        self.content = content
        self.breaks = breaks
        self.size = size
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self.content), self.size):
            yield self.content[start : start + self.size]
        if self.breaks is not None:
            raise self.breaks

    def close(self) -> None:
        self.closed = True


class FileServer:
    """Serves `FILE` by range; the first answers break off after so many bytes each."""

    def __init__(self, *breaks: int, error: Exception | None = None) -> None:
        self.breaks = list(breaks)
        self.error = error
        self.ranges: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return ScriptedVendor(failure("0"))(request)
        asked = request.headers.get("range")
        self.ranges.append(asked)
        first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        start, end = int(first), int(last) if last else len(FILE) - 1
        part = FILE[start : end + 1]
        headers = CSV | {"content-length": str(len(part))}
        if asked:
            headers["content-range"] = f"bytes {start}-{start + len(part) - 1}/{len(FILE)}"
        body = Pieces(part[: self.breaks.pop(0)], breaks=self.error) if self.breaks else Pieces(part)
        return httpx.Response(206 if asked else 200, headers=headers, stream=body)


def file_of(client: MarketoClient, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    return client.bulk.lead_exports.file("e-1", start=start, stop=stop)


@given(start=st.integers(0, len(FILE) - 1), length=st.integers(1, len(FILE)))
def test_a_part_is_those_bytes_of_the_file(start: int, length: int) -> None:
    """Any part, however the pieces fall."""
    client = marketo_client(FileServer())
    assert b"".join(file_of(client, start=start, stop=start + length)) == FILE[start : start + length]


@pytest.mark.parametrize(("start", "stop"), [(0, None), (250, None), (250, 260), (0, 99), (1_020, 5_000)])
def test_a_vendor_that_knows_no_ranges_gives_the_same_bytes(start: int, stop: int | None) -> None:
    """The whole file comes with 200; what was not asked for is thrown away."""

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return ScriptedVendor(failure("0"))(request)
        return httpx.Response(200, headers=CSV | {"content-length": str(len(FILE))}, stream=Pieces(FILE))

    assert b"".join(file_of(marketo_client(serve), start=start, stop=stop)) == FILE[start:stop]


class WholeFileServer:
    """Answers every question for a part with 200 and the whole file, in pieces of which it counts those it sent."""

    def __init__(self, content: bytes = FILE, *, announces: bool = True) -> None:
        self.content = content
        self.announces = announces
        self.sent = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return ScriptedVendor(failure("0"))(request)
        headers = CSV | ({"content-length": str(len(self.content))} if self.announces else {})
        return httpx.Response(200, headers=headers, stream=Counted(self))


class Counted(Pieces):
    """Pieces that tell their server of each one that is sent."""

    def __init__(self, server: WholeFileServer) -> None:
        super().__init__(server.content)
        self.server = server

    def __iter__(self) -> Iterator[bytes]:
        for piece in super().__iter__():
            self.server.sent += len(piece)
            yield piece


@pytest.mark.parametrize("announces", [True, False])
def test_a_part_of_a_whole_file_is_read_no_further_than_it_reaches(announces: bool) -> None:
    """Bytes 250 to 260 of a file that comes whole: three of its pieces are taken, the rest stays with the vendor."""
    server = WholeFileServer(announces=announces)
    assert b"".join(file_of(marketo_client(server), start=250, stop=260)) == FILE[250:260]
    assert server.sent == 300


@pytest.mark.parametrize("announces", [True, False])
@pytest.mark.parametrize(("size", "is_whole"), [(299, False), (300, True)])
def test_a_whole_file_that_ends_before_the_byte_asked_for_is_no_end(announces: bool, size: int, is_whole: bool) -> None:
    """300 bytes were read already: a file of 299 has broken off, one of 300 has nothing more to give."""
    reading = file_of(marketo_client(WholeFileServer(FILE[:size], announces=announces)), start=300)
    if is_whole:
        assert list(reading) == []
        return
    with pytest.raises(BrokenDownloadError) as broken:
        list(reading)
    assert (broken.value.offset, broken.value.code) == (300, "short_body")


def test_a_file_that_breaks_where_ranges_are_ignored_is_put_together_without_doubles() -> None:
    """Each time it comes whole from its first byte: what was read before is thrown away, not given out again."""
    breaks = [250, 700]

    def serve(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return ScriptedVendor(failure("0"))(request)
        body = Pieces(FILE[: breaks.pop(0)]) if breaks else Pieces(FILE)
        return httpx.Response(200, headers=CSV | {"content-length": str(len(FILE))}, stream=body)

    assert b"".join(marketo_client(serve).bulk.lead_exports.whole_file("e-1")) == FILE
    assert breaks == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, "short_body"),
        (httpx.ReadTimeout("late"), "timeout"),
        (httpx.ReadError("reset"), "connection_lost"),
        (httpx.RemoteProtocolError("closed"), "connection_lost"),
    ],
    ids=["short", "late", "reset", "closed"],
)
@pytest.mark.parametrize("start", [0, 300])
def test_a_file_that_breaks_off_says_at_which_byte(error: Exception | None, code: str, start: int) -> None:
    """All bytes before that one were given out; the line of the log carries the reason."""
    calls: list[CallRecord] = []
    client = marketo_client(FileServer(250, error=error), calls=calls)
    found: list[bytes] = []

    with pytest.raises(BrokenDownloadError) as broken:
        found.extend(file_of(client, start=start))

    assert b"".join(found) == FILE[start : start + 250]
    assert (broken.value.offset, broken.value.code) == (start + 250, code)
    assert f"byte {start + 250}" in str(broken.value)
    assert [(call.operation, call.code) for call in calls] == [("token", ""), ("file_of_leads_export", code)]


def test_a_broken_file_is_read_on_from_where_it_broke() -> None:
    """Two breaks, three calls, each from the byte after the last one given; the bytes are those of the file."""
    server = FileServer(250, 100)
    content = b"".join(marketo_client(server).bulk.lead_exports.whole_file("e-1"))
    assert content == FILE
    assert server.ranges == [None, "bytes=250-", "bytes=350-"]


def test_a_file_that_always_breaks_at_the_same_byte_is_given_up() -> None:
    """After so many tries without a byte in between; earlier progress starts the count anew."""
    opened: list[int] = []

    def read_from(position: int) -> Iterator[bytes]:
        opened.append(position)
        yield from [b"x"] * (3 if position == 0 else 0)
        raise broken_at(position + (3 if position == 0 else 0))

    with pytest.raises(BrokenDownloadError):
        list(whole(read_from))
    assert opened == [0] + [3] * (TRIES - 1)


def broken_at(offset: int) -> BrokenDownloadError:
    return BrokenDownloadError(offset, CallFacts(vendor="marketo", operation="file", is_write=False), code="x")


@pytest.mark.parametrize("content_range", ["bytes 0-1023/1024", "nonsense", ""])
def test_another_part_than_the_one_asked_for_is_refused(content_range: str) -> None:
    """Bytes of another place would spoil the file without anybody noticing."""
    headers = CSV | ({"content-range": content_range} if content_range else {})
    vendor = ScriptedVendor(httpx.Response(206, headers=headers, content=FILE))
    calls: list[CallRecord] = []
    with pytest.raises(ContractError, match="from byte 300"):
        list(file_of(marketo_client(vendor, calls=calls), start=300))
    assert calls[-1].code == "wrong_part"


def test_a_file_is_asked_for_uncompressed() -> None:
    """Offsets and checksums count the file's own bytes."""
    vendor = ScriptedVendor(httpx.Response(200, headers=CSV, content=FILE))
    list(file_of(marketo_client(vendor)))
    asked = vendor.requests[0].headers
    assert (asked["accept-encoding"], "text/csv" in asked["accept"]) == ("identity", True)


def test_a_refusal_in_place_of_a_file_is_read_as_one() -> None:
    """602 in a JSON body: a login and the file; 404 in plain text: there is none, after one call."""
    vendor = ScriptedVendor(failure("602"), httpx.Response(200, headers=CSV, content=FILE))
    assert b"".join(file_of(marketo_client(vendor))) == FILE
    assert len(vendor.token_requests) == 2

    vendor = ScriptedVendor(httpx.Response(404, headers={"content-type": "text/plain"}, text="not there"))
    with pytest.raises(PermanentError) as missing:
        list(file_of(marketo_client(vendor)))
    assert missing.value.code == "http_404"
    assert len(vendor.requests) == 1


def test_opening_a_file_is_tried_again_like_any_read() -> None:
    """Two lost answers before the first byte cost two waits, then the file comes whole."""
    time = FakeTime()
    lost = httpx.ReadTimeout("late")
    vendor = ScriptedVendor(lost, lost, httpx.Response(200, headers=CSV, content=FILE))
    assert b"".join(file_of(marketo_client(vendor, time))) == FILE
    assert time.slept == [1.0, 2.0]


class CountingLimiter:
    """Knows how many places are held, and what was heard."""

    def __init__(self) -> None:
        self.held = 0
        self.heard: list[Heard] = []

    @contextmanager
    def slot(self, operation: str, instance: str) -> Iterator[Place]:
        self.held += 1
        try:
            yield self
        finally:
            self.held -= 1

    def hear(self, heard: Heard) -> None:
        self.heard.append(heard)


def test_the_place_is_held_until_the_file_is_read_or_left() -> None:
    """One place while pieces come, none afterwards, also where the reader stops half-way; the body is closed then."""
    limiter = CountingLimiter()
    body = Pieces(FILE)
    vendor = ScriptedVendor(httpx.Response(200, headers=CSV, stream=body))
    client = marketo_client(vendor, limiter=limiter)

    reading = file_of(client)
    next(reading)
    assert (limiter.held, body.closed) == (1, False)
    reading.close()  # type: ignore[attr-defined] # it is a generator
    assert (limiter.held, body.closed) == (0, True)
    assert [heard.signal for heard in limiter.heard] == [Signal.FINE]


def test_a_broken_file_tells_the_limiter_nothing_good() -> None:
    """What broke off says nothing about limits, and the place is free again."""
    limiter = CountingLimiter()
    with pytest.raises(BrokenDownloadError):
        list(file_of(marketo_client(FileServer(10), limiter=limiter)))
    assert limiter.held == 0
    assert [heard.signal for heard in limiter.heard] == [Signal.UNKNOWN]


def test_a_file_may_be_larger_than_any_answer() -> None:
    """The cap of a body in memory does not hold for files, which are never in memory."""
    vendor = ScriptedVendor(httpx.Response(200, headers=CSV, stream=Pieces(FILE)))
    client = MarketoClient(
        settings(vendor, FakeTime(), max_body_bytes=300), base_url=MARKETO, credentials=credentials, limiter=NoLimit()
    )
    assert sum(map(len, file_of(client))) == len(FILE)
