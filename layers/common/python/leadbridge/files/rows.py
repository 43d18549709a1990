"""Rows of a CSV file as its bytes arrive, checked against what the vendor said of it.

Bytes are cut after a line feed, which is no part of any other UTF-8 character, and decoded line by line for the
standard `csv`, strictly and without translating line ends. A lone carriage return, U+2028 and the like are no row
ends: inside quotes they are text, and a bare carriage return outside makes the file unreadable instead of tearing a
row in two.

Source: RFC 4180; Marketo bulk extract (fileChecksum, fileSize, numberOfRecords); Python's `csv`.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NoReturn

from leadbridge.files.errors import DamagedFileError, SchemaDriftError, UnreadableFileError

#: beyond it a field is no value of these vendors; without a limit an open quote would take in the rest of the file
FIELD_CHARACTERS = 1 << 20
#: bytes that may pass without a row being complete
ROW_BYTES = 16 << 20
_BOM = b"\xef\xbb\xbf"
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the vendor says of a file, None where nothing: bytes, SHA-256 in hexadecimal digits, rows but the header."""

    size: int | None = None
    sha256: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A place between two rows: bytes and rows before it, and the SHA-256 of those bytes (None: not all were read)."""

    offset: int
    rows: int
    sha256: str | None
    header: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Members that JSON can hold."""
        return asdict(self) | {"header": list(self.header)}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> "Checkpoint":
        """The checkpoint of `to_json`."""
        return cls(**{**members, "header": tuple(members["header"])})


def sha256_of(said: str | None) -> str | None:
    """The digits of Marketo's `sha256:…`.

    Raises:
        ValueError: A checksum of another kind.
    """
    if not said:
        return None
    kind, _, digits = said.partition(":")
    if kind.lower() != "sha256" or len(digits) != hashlib.sha256().digest_size * 2:
        raise ValueError("the checksum is no sha256")
    return digits.lower()


class Rows:
    """The rows of one file, to be read once; all of them count only if the reading ends without an error.

    `header` is there from the start, `count` grows row by row. After `after`, a checkpoint of an earlier reading,
    reading goes on there: `chunks` begin with the file's first byte, which are compared by checksum and not parsed
    again. With `rest_only` they begin at the checkpoint (a range): then no checksum of the whole file can be compared,
    and `proven` lacks it.

    Raises:
        DamagedFileError, SchemaDriftError, UnreadableFileError: When the header is read or a row is.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        expected: Expected | None = None,
        delimiter: str = ",",
        after: Checkpoint | None = None,
        rest_only: bool = False,
    ) -> None:
        self.count = after.rows if after else 0
        #: what was compared with the vendor's word when the reading ended: size, sha256, rows
        self.proven: frozenset[str] = frozenset()
        self._expected = expected or Expected()
        self._after = after
        self._whole = not (after and rest_only)
        # before the current block: bytes, lines, and the checksum
        self._position = after.offset if after and rest_only else 0
        self._lines = 0
        self._sum = hashlib.sha256()
        self._block = b""
        self._sum_after = self._sum
        # whether bytes are being waited for, which may be in the middle of a row
        self._waiting = False
        self._draining = False
        self._source = self._skipped(_pieces(iter(chunks)))
        self._blocks = self._read()
        csv.field_size_limit(FIELD_CHARACTERS)
        # no generator of ours between the bytes and the parser: this is the path of every line
        lines = chain.from_iterable(map(bytes.decode, io.BytesIO(block)) for block in self._blocks)
        self._reader = csv.reader(lines, delimiter=delimiter, strict=True)
        self.header = after.header if after else self._read_header()

    def __iter__(self) -> Iterator[list[str]]:
        """Each row as its cells, as many as the header has; lines without anything are no rows."""
        width = len(self.header)
        try:
            for number, row in enumerate(filter(None, self._reader), self.count + 1):
                self.count = number
                if len(row) != width:
                    self._give_up(number, f"{len(row)} columns, the header has {width}")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            self._give_up(self.count + 1, _without_values(error))
        self._check_bytes()
        self._check("row_count_mismatch", "rows", self._expected.rows, self.count)

    def checkpoint(self) -> Checkpoint:
        """The place after the last row that was given; to be asked between rows.

        Raises:
            ValueError: The reading ended with an error: an earlier checkpoint is the one to go on from.
        """
        if self._waiting:
            raise ValueError("no place between two rows")
        end = 0
        for _ in range(self._reader.line_num - self._lines):
            end = self._block.find(b"\n", end) + 1 or len(self._block)
        before = self._sum.copy()
        before.update(self._block[:end])
        return Checkpoint(
            offset=self._position + end,
            rows=self.count,
            sha256=before.hexdigest() if self._whole else None,
            header=self.header,
        )

    def _read_header(self) -> tuple[str, ...]:
        try:
            header = next(self._reader, None)
        except (csv.Error, UnicodeDecodeError) as error:
            self._give_up(0, _without_values(error))
        if header is None and self._expected.rows != 0:
            self._check_bytes()
            raise SchemaDriftError(missing=["all of them (the file is empty)"])
        return tuple(header or ())

    def _read(self) -> Iterator[bytes]:
        """Blocks of whole lines; the state describes the one that is being parsed."""
        held: list[bytes] = []
        since, count = 0, self.count
        self._waiting = True
        for piece in self._source:
            held.append(piece)
            since = since + len(piece) if count == self.count else 0
            count = self.count
            if since > ROW_BYTES and not self._draining:
                self._enter(b"".join(held))
                raise csv.Error(f"no end of a row within {ROW_BYTES} bytes")
            cut = len(piece) if self._draining else piece.rfind(b"\n") + 1
            if cut:
                held[-1] = piece[:cut]
                self._waiting = False
                yield self._enter(b"".join(held))
                self._waiting = True
                held = [piece[cut:]]
        self._waiting = False
        if rest := b"".join(held):
            yield self._enter(rest)

    def _skipped(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """What comes after the checkpoint, if there is one; what comes before it must be the same as then."""
        left = self._after.offset - self._position if self._after else 0
        for piece in pieces:
            if not left:
                yield piece
                continue
            known, new = piece[:left], piece[left:]
            self._position += len(known)
            self._sum.update(known)
            left -= len(known)
            if not left:
                if self._after and self._after.sha256 not in (None, self._sum.hexdigest()):
                    raise DamagedFileError("file_changed", "the rows already read have changed")
                if new:
                    yield new
        if left:
            raise DamagedFileError("file_changed", "the file is shorter than what was read of it")

    def _enter(self, block: bytes) -> bytes:
        self._lines += self._block.count(b"\n")
        self._position += len(self._block)
        self._sum = self._sum_after
        self._sum_after = self._sum.copy()
        self._sum_after.update(block)
        if self._position == 0 and block.startswith(_BOM):
            self._sum, self._position = hashlib.sha256(_BOM), len(_BOM)
            block = block.removeprefix(_BOM)
        self._block = block
        return block

    def _check_bytes(self) -> None:
        self._draining = True
        for _ in self._blocks:
            pass
        # where the blocks ended with an error, the rest has not been seen
        for piece in self._source:
            self._enter(piece)
        self._check("size_mismatch", "size", self._expected.size, self._position + len(self._block))
        if self._whole:
            self._check("checksum_mismatch", "sha256", self._expected.sha256, self._sum_after.hexdigest())

    def _check(self, code: str, what: str, said: int | str | None, found: int | str) -> None:
        if said is None:
            return
        if said != found:
            raise DamagedFileError(code, f"{what} {found}, the vendor says {said}")
        self.proven |= {what}

    def _give_up(self, row: int, detail: str) -> NoReturn:
        """Fail; a file that is damaged is told as such, whatever its rows look like."""
        self._check_bytes()
        self._waiting = True
        raise UnreadableFileError(row, detail)


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Chunks of a bounded size, so that a whole file in one is not copied at once."""
    for chunk in chunks:
        if len(chunk) <= _PIECE_BYTES:
            yield chunk
        else:
            yield from (chunk[start : start + _PIECE_BYTES] for start in range(0, len(chunk), _PIECE_BYTES))


def _without_values(error: csv.Error | UnicodeDecodeError) -> str:
    """The text of csv's errors holds no value; that of a decoding error would."""
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
