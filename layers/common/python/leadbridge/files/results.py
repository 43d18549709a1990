"""A vendor's files of results, row by row to the rows that were sent.

The vendors repeat a row's cells beside what became of it, in an order of their own and perhaps without columns that
they do not know. So rows are found by their cells in the columns that all files share, or by key columns where the
sender has some; rows that are equal there are told apart by counting. Memory holds one number and one checksum for
each row of the part that was sent, never its cells.

Sources: Marketo bulk import (failures and warnings files), Salesforce Bulk API 2.0 (the three record results).
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from leadbridge.files.columns import picker
from leadbridge.files.errors import UnreconciledError
from leadbridge.files.rows import Rows


class Kind(StrEnum):
    """What a file of results, or a row of it, says."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WARNED = "warned"
    UNPROCESSED = "unprocessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A vendor's own columns beside those that were sent.

    `silent_success`: rows that no file names were written; otherwise every row must be named by one.
    """

    reasons: Mapping[Kind, str]
    id_column: str = ""
    created_column: str = ""
    silent_success: bool

    @property
    def own(self) -> frozenset[str]:
        """All of the vendor's columns."""
        return frozenset({*self.reasons.values(), self.id_column, self.created_column})


MARKETO_RESULTS = Shape(
    reasons={Kind.FAILED: "Import Failure Reason", Kind.WARNED: "Import Warning Reason"}, silent_success=True
)
SALESFORCE_RESULTS = Shape(
    reasons={Kind.FAILED: "sf__Error"}, id_column="sf__Id", created_column="sf__Created", silent_success=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of the row at `position` of the part that was sent (from 0).

    `kind` WARNED is no end of its own: it adds a warning to a row that has another result. `created` is None where the
    vendor does not tell. `reason` is the vendor's text as it came; it may repeat values of the row.
    """

    position: int
    kind: Kind
    reason: str = ""
    record_id: str = ""
    created: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How many rows the job's status speaks of; None where it does not."""

    failed: int | None = None
    warned: int | None = None
    succeeded: int | None = None


@dataclass(slots=True)
class _Sent:
    """The rows that have no result yet, by checksum, in the order they were sent."""

    waiting: dict[bytes, int | deque[int]] = field(default_factory=dict)
    ended: dict[bytes, deque[int]] = field(default_factory=dict)

    def add(self, checksum: bytes, position: int) -> None:
        known = self.waiting.get(checksum)
        if known is None:
            self.waiting[checksum] = position
        elif isinstance(known, deque):
            known.append(position)
        else:
            self.waiting[checksum] = deque((known, position))

    def take(self, checksum: bytes) -> int | None:
        known = self.waiting.get(checksum)
        if not isinstance(known, deque):
            self.waiting.pop(checksum, None)
            return known
        position = known.popleft()
        if not known:
            del self.waiting[checksum]
        return position

    def left(self) -> list[int]:
        positions: list[int] = []
        for known in self.waiting.values():
            positions.extend(known if isinstance(known, deque) else (known,))
        return sorted(positions)


def attach(
    sent: Rows,
    files: Iterable[tuple[Kind, Rows]],
    shape: Shape,
    *,
    told: Told | None = None,
    key: Sequence[str] = (),
) -> Iterator[RowResult]:
    """One result for each row that was sent, warnings beside; `sent` are the rows of the part as it was uploaded.

    They count only if the iteration ends without an error: then every row has exactly one result, and the numbers are
    those of `told`. `key` are columns whose cells the vendor gives back unchanged, if not all are.

    Raises:
        UnreconciledError: A result of a row that was not sent, a row without a result, or other numbers than told.
        SchemaDriftError: A file of results lacks the key or the vendor's own column.
    """
    # warnings last: a row that failed takes its place before an equal one is looked for
    ordered = sorted(files, key=lambda each: each[0] is Kind.WARNED)
    shared = list(key) or _shared(sent, [rows for _, rows in ordered], shape)
    rows_sent, counts = _Sent(), Counter[Kind]()
    checksum = _checksum_of(sent.header, shared)
    for position, row in enumerate(sent):
        rows_sent.add(checksum(row), position)
    keeps_ended = any(kind is Kind.WARNED for kind, _ in ordered)
    for kind, rows in ordered:
        results = _warnings if kind is Kind.WARNED else _results
        for result, found in results(kind, rows, shape, shared, rows_sent):
            counts[result.kind] += 1
            if keeps_ended and result.kind is Kind.FAILED:
                rows_sent.ended.setdefault(found, deque()).append(result.position)
            yield result
    left = rows_sent.left()
    if left and not shape.silent_success:
        raise UnreconciledError(f"{len(left)} of {sent.count} rows sent have no result, the first is row {left[0]}")
    for position in left:
        counts[Kind.SUCCEEDED] += 1
        yield RowResult(position=position, kind=Kind.SUCCEEDED)
    _compare(counts, told or Told())


def _results(
    kind: Kind, rows: Rows, shape: Shape, shared: Sequence[str], rows_sent: _Sent
) -> Iterator[tuple[RowResult, bytes]]:
    checksum = _checksum_of(rows.header, shared)
    reason = _cell_of(rows, shape.reasons.get(kind, ""))
    record_id = _cell_of(rows, shape.id_column if kind is not Kind.UNPROCESSED else "")
    created = _cell_of(rows, shape.created_column if kind is Kind.SUCCEEDED else "")
    for row in rows:
        found = checksum(row)
        position = rows_sent.take(found)
        if position is None:
            raise _unknown(kind, rows)
        was_created = created(row)
        result = RowResult(
            position=position,
            kind=kind,
            reason=reason(row),
            record_id=record_id(row),
            created=was_created.lower() == "true" if was_created else None,
        )
        yield result, found


def _warnings(
    kind: Kind, rows: Rows, shape: Shape, shared: Sequence[str], rows_sent: _Sent
) -> Iterator[tuple[RowResult, bytes]]:
    """Rows that were written although the vendor minds something; now and then one that failed is warned of too."""
    checksum = _checksum_of(rows.header, shared)
    reason = _cell_of(rows, shape.reasons[kind])
    for row in rows:
        found = checksum(row)
        position = rows_sent.take(found)
        if position is not None:
            yield RowResult(position=position, kind=Kind.SUCCEEDED), found
        elif failed := rows_sent.ended.get(found):
            position = failed.popleft()
        else:
            raise _unknown(kind, rows)
        yield RowResult(position=position, kind=kind, reason=reason(row)), found


def _shared(sent: Rows, files: Sequence[Rows], shape: Shape) -> list[str]:
    """The columns sent that all files have."""
    others = [frozenset(rows.header) for rows in files]
    shared = [name for name in sent.header if name not in shape.own and all(name in other for other in others)]
    if not shared:
        raise UnreconciledError("the results hold no column that was sent")
    return shared


def _checksum_of(header: Sequence[str], shared: Sequence[str]) -> Callable[[Sequence[str]], bytes]:
    pick = picker(header, shared)
    # JSON keeps cells apart whatever they hold
    return lambda row: blake2b(json.dumps(pick(row)).encode(), digest_size=16).digest()


def _cell_of(rows: Rows, column: str) -> Callable[[Sequence[str]], str]:
    if not column:
        return lambda _row: ""
    pick = picker(rows.header, [column])
    return lambda row: pick(row)[0]


def _unknown(kind: Kind, rows: Rows) -> UnreconciledError:
    return UnreconciledError(f"row {rows.count} of the {kind} rows is none that was sent, or one too many of it")


def _compare(counts: Mapping[Kind, int], told: Told) -> None:
    wanted = {Kind.FAILED: told.failed, Kind.WARNED: told.warned, Kind.SUCCEEDED: told.succeeded}
    wrong = [
        f"{counts[kind]} rows {kind}, the job says {said}"
        for kind, said in wanted.items()
        if said not in (None, counts[kind])
    ]
    if wrong:
        raise UnreconciledError("; ".join(wrong))
