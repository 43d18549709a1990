"""Files of a vendor, read in pieces and never held in memory: ranges, and noticing that one broke off.

Source: RFC 9110, "Range Requests". Files travel uncompressed, so that offsets count the file's own bytes.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import httpx

from leadbridge.errors import ContractError, TransientError
from leadbridge.vendors.http.decisions import CallFacts

# tries from one and the same byte before a file that breaks off there is given up for now
TRIES = 3
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class BrokenDownloadError(TransientError):
    """A file broke off; all bytes before `offset` have been given out, reading may go on from there."""

    def __init__(self, offset: int, call: CallFacts, *, code: str) -> None:
        self.offset = offset
        super().__init__(
            f"the file broke off at byte {offset}", vendor=call.vendor, operation=call.operation, code=code
        )


class Download:
    """An open file: the answer's headers, and its bytes as they arrive, to be read once."""

    def __init__(self, response: httpx.Response, call: CallFacts, *, start: int = 0, stop: int | None = None) -> None:
        """From byte `start` up to but not including byte `stop`; the vendor may send all although a part was asked."""
        self.headers = response.headers
        self.status = response.status_code
        self._response = response
        self._call = call
        self._start = start
        self._skip, length = _extent(response, start)
        self._sends_more = stop is not None and (length is None or length > stop - start)
        ends = [each for each in (length, None if stop is None else stop - start) if each is not None]
        self._length = min(ends, default=None)
        #: why the file cannot be read, or broke off; empty if all is well
        self.broken = "wrong_part" if self._skip < 0 else ""

    def __iter__(self) -> Iterator[bytes]:
        """The bytes.

        Raises:
            BrokenDownloadError: The connection broke, or fewer bytes came than were announced.
            ContractError: Another part of the file than was asked for.
        """
        if self.broken:
            raise ContractError(
                f"another part of the file than that from byte {self._start}",
                vendor=self._call.vendor,
                operation=self._call.operation,
                code=self.broken,
            )
        skip, given = self._skip, 0
        try:
            for piece in self._response.iter_bytes():
                wanted = piece[skip:]
                skip -= len(piece) - len(wanted)
                if self._length is not None:
                    wanted = wanted[: self._length - given]
                given += len(wanted)
                if wanted:
                    yield wanted
                if self._sends_more and not skip and given == self._length:
                    return  # what follows was not asked for, and may be most of the file
        except httpx.TimeoutException as error:
            raise self._break(given, "timeout") from error
        except httpx.HTTPError as error:
            raise self._break(given, "connection_lost") from error
        # a file that ends before the byte asked for is cut as well: it is not read to its end
        if skip or (self._length is not None and given < self._length):
            raise self._break(given, "short_body")

    def _break(self, given: int, code: str) -> BrokenDownloadError:
        self.broken = code
        return BrokenDownloadError(self._start + given, self._call, code=code)


def range_header(start: int, stop: int | None) -> Mapping[str, str]:
    """The headers that ask for the bytes from `start` up to but not including `stop`, unchanged by compression."""
    headers = {"Accept-Encoding": "identity"}
    if start or stop is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
    return headers


def is_file(response: httpx.Response) -> bool:
    """Whether an answer is a file or a part of one; refusals are JSON or have another status."""
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        return True
    return response.status_code == httpx.codes.OK and "json" not in response.headers.get("content-type", "").lower()


def _extent(response: httpx.Response, start: int) -> tuple[int, int | None]:
    """How many bytes come before byte `start` of the file, -1 if it does not come; and how many after, if known."""
    announced = response.headers.get("content-length", "")
    length = int(announced) if announced.isdigit() and "content-encoding" not in response.headers else None
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return start, None if length is None else max(0, length - start)
    part = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if part is None or int(part[1]) != start:
        return -1, None
    return 0, int(part[2]) - start + 1


def whole(read_from: Callable[[int], Iterator[bytes]], *, start: int = 0) -> Iterator[bytes]:
    """A file from byte `start` to its end, read on where it breaks off; `read_from` opens it at a byte.

    Raises:
        BrokenDownloadError: It broke off `TRIES` times at the same byte.
    """
    position, tries = start, 0
    while True:
        try:
            for piece in read_from(position):
                position += len(piece)
                tries = 0
                yield piece
        except BrokenDownloadError:
            tries += 1
            if tries == TRIES:
                raise
        else:
            return
