"""Extracts of made-up leads, as large as wanted, and a server that gives one as Marketo would.

`python -m tests.bench.extracts MEGABYTES SEED` serves one extract and announces it in its first line.
"""

import csv
import hashlib
import io
import itertools
import json
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COLUMNS = [
    "id", "email", "firstName", "lastName", "city", "country", "leadScore", "doNotCall", "createdAt", "title", "phone",
    "website", "unwanted", "industry", "company", "address", "state", "postalCode", "department", "leadSource", "notes",
    "updatedAt",
]  # fmt: skip
#: of a file that leaves, column by column of `csv_baseline.mapped`
TARGETS = [
    "Email", "FirstName", "LastName", "City", "Country", "Score__c", "DoNotCall", "Since__c", "Title", "Phone",
    "Website", "Industry", "Company", "Street", "State", "PostalCode", "Department",
]  # fmt: skip
_BLOCK_ROWS = 20_000
_WORDS = ["Zürich", "Zagreb", "O'Brien", "Nguyễn", "Šimić", "plain"]
# one cell in fifty
_ODD = ["李", 'the "best"', "one, two", "first\r\nsecond", "🚀"]


@dataclass(frozen=True, slots=True)
class Extract:
    """A file as one block of rows that repeats: `rows` counts them without the header."""

    header: bytes
    block: bytes
    blocks: int

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.header) + self.blocks * len(self.block)

    @property
    def rows(self) -> int:
        """Rows without the header."""
        return self.blocks * _BLOCK_ROWS

    @property
    def sha256(self) -> str:
        """The checksum in hexadecimal digits."""
        total = hashlib.sha256(self.header)
        for _ in range(self.blocks):
            total.update(self.block)
        return total.hexdigest()

    def chunks(self, start: int = 0, size: int = 65_536) -> Iterator[bytes]:
        """The bytes from `start` on."""
        skip = start
        for whole in itertools.chain([self.header], itertools.repeat(self.block, self.blocks)):
            yield from (whole[at : at + size] for at in range(min(skip, len(whole)), len(whole), size))
            skip = max(0, skip - len(whole))


def made_up(*, seed: int, megabytes: float = 0, rows: int = 0) -> Extract:
    """An extract of at least so many bytes, or rows."""
    chance = random.Random(seed)
    block = _lines(_row(chance, number) for number in range(_BLOCK_ROWS))
    least = max(-(-rows // _BLOCK_ROWS), -(-int(megabytes * 1_000_000) // len(block)), 1)
    return Extract(_lines([COLUMNS]), block, least)


def _row(chance: random.Random, number: int) -> list[str]:
    row = [
        chance.choice(_ODD if chance.random() < 0.02 else _WORDS) + " " + "abc" * chance.randrange(5) for _ in COLUMNS
    ]
    for place in range(9, len(row)):
        if chance.random() < 0.3:
            row[place] = "null"
    row[0:2] = [str(number), f" Person{number}@Example.com"]
    row[5:9] = [
        chance.choice(["DE", "FR", "XX", "null"]),
        str(chance.randrange(-20, 150)),
        "true",
        "2026-01-02T03:04:05Z",
    ]
    return row


def _lines(rows: Iterator[list[str]] | list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extract: Extract

    def do_GET(self) -> None:
        """A token, or the file from the byte asked for on."""
        if self.path.startswith("/identity/"):
            self._answer(200, "application/json", [json.dumps({"access_token": "t", "expires_in": 3600}).encode()])
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(asked[1]) if asked else 0
        size = self.extract.size
        own = {"Content-Range": f"bytes {start}-{size - 1}/{size}"} if asked else {}
        own["Content-Length"] = str(size - start)
        self._answer(206 if asked else 200, "text/csv;charset=UTF-8", self.extract.chunks(start), own)

    do_POST = do_GET  # noqa: N815 - the name is the server's

    def _answer(
        self, status: int, kind: str, body: Iterator[bytes] | list[bytes], own: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = own or {"Content-Length": str(sum(map(len, body)))}
        for name, value in ({"Content-Type": kind} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        for chunk in body:
            self.wfile.write(chunk)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the server's
        """Nothing: the bench prints figures only."""


def main() -> None:
    """Serve until the input ends."""
    _Handler.extract = extract = made_up(megabytes=float(sys.argv[1]), seed=int(sys.argv[2]))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        announced = {
            "url": f"http://127.0.0.1:{server.server_port}",
            "size": extract.size,
            "sha256": extract.sha256,
            "rows": extract.rows,
        }
        print(json.dumps(announced), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
