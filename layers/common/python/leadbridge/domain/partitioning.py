"""Into how many partitions the rows of an extract go, and into which each: rows of one key always into the same."""

import zlib
from collections.abc import Sequence

#: about so many rows a partition, and bytes of them; they are all in memory while it is loaded
ROWS, BYTES = 10_000, 8_000_000
#: an answer to the state machine names every open partition, and may have 262,144 bytes
MOST = 4_000
#: bytes that are held before they are written
HELD = 48_000_000
#: stands between the parts of a key, and in none of them
SEPARATOR = "\x1f"


def partitions_for(rows: int, size: int = 0) -> int:
    """How many partitions an extract of so many rows, and bytes if they are known, is cut into."""
    return max(1, min(MOST, max(-(-rows // ROWS), -(-size // BYTES))))


def partition_of(key: Sequence[str] | None, position: int, partitions: int) -> int:
    """The number of a row's partition, from 1; one without a key is nobody's duplicate and goes anywhere."""
    text = str(position) if key is None else SEPARATOR.join(key)
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % partitions + 1
