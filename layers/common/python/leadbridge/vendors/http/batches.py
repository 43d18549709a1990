"""Writes of many rows as several calls, without losing what earlier calls said when a later one fails."""

from collections.abc import Callable, Iterator, Sequence

from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import (
    AuthenticationError,
    QuotaExhaustedError,
    RateLimitedError,
    SyncError,
    TransientError,
    UncertainWriteError,
)
from leadbridge.vendors.http.decisions import TooLargeError

# subclasses before their bases
_AS_ROW: tuple[tuple[type[SyncError], Resolution], ...] = (
    (UncertainWriteError, Resolution.UNCERTAIN),
    (RateLimitedError, Resolution.RATE),
    (TransientError, Resolution.RETRY),
    (QuotaExhaustedError, Resolution.QUOTA),
    (AuthenticationError, Resolution.REAUTH),
)
NOT_SENT = "not_sent"


def send_in_chunks[T](chunks: Sequence[Sequence[T]], send: Callable[[Sequence[T]], list[RowResult]]) -> list[RowResult]:
    """Send chunk after chunk and return one result per row, in input order.

    The first call's error is raised, since nothing is known about any row then. Once a call has succeeded,
    a later error becomes the result of its own rows, and rows of the calls after it are "not_sent": raising
    would forget rows that were written. A chunk the vendor finds too large is sent again in halves.
    """
    results: list[RowResult] = []
    pending = [list(chunk) for chunk in chunks if chunk]
    while pending:
        chunk = pending.pop(0)
        try:
            results.extend(send(chunk))
        except TooLargeError as error:
            if len(chunk) > 1:
                half = len(chunk) // 2
                pending[:0] = [chunk[:half], chunk[half:]]
            else:
                results.append(too_large_row(error.code, error.detail))
        except SyncError as error:
            if not results:
                raise
            results.extend(failed_row(error) for _ in chunk)
            results.extend(_unsent() for rest in pending for _ in rest)
            return results
    return results


def chunks_of[T](rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The rows in pieces of at most `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def too_large_row(code: str, message: str) -> RowResult:
    """The result of one row that alone exceeds what the vendor takes."""
    return RowResult(ok=False, status="skipped", code=code, message=message, resolution=Resolution.REJECT)


def failed_row(error: SyncError) -> RowResult:
    """The result of a row whose call ended with this error."""
    resolution = next((word for kind, word in _AS_ROW if isinstance(error, kind)), Resolution.FATAL)
    return RowResult(ok=False, status="failed", code=error.code, message=error.detail, resolution=resolution)


def _unsent() -> RowResult:
    return RowResult(
        ok=False,
        status=NOT_SENT,
        code=NOT_SENT,
        message="an earlier call of the same write failed, this row was not sent",
        resolution=Resolution.RETRY,
    )
