"""What to do after a call failed: one pure function, so that every case is a line of a test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leadbridge.domain.records import Resolution
from leadbridge.errors import (
    AuthenticationError,
    ContractError,
    PermanentError,
    QuotaExhaustedError,
    RateLimitedError,
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
)

# what is sent again within the patience of one process
_REPEATED = frozenset({Resolution.RETRY, Resolution.RATE, Resolution.UNCERTAIN, Resolution.ISOLATE})
_DEFERRED: Mapping[Resolution, type[TransientError]] = {
    Resolution.RATE: RateLimitedError,
    Resolution.ISOLATE: SpoiledCallError,
}


class TooLargeError(PermanentError):
    """The call was refused for its size and not executed; clients of this package send it again in halves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """Who was asked what; a write must not be repeated unless it certainly was not executed."""

    vendor: str
    operation: str
    is_write: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A call that did not succeed, in the words of the vendor's error table; `message` is masked.

    `tries` is the number of tries after which the refusal is final, None if it never is.
    """

    resolution: Resolution
    code: str
    message: str
    request_id: str = ""
    wait_seconds: float = 1.0
    wait_grows: bool = True
    tries: int | None = None
    documented: bool = True
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the same call again after a pause."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Give up and raise."""

    error: SyncError


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryBudget:
    """How often, and how long in total, one call may be tried inside this process."""

    attempts: int = 3
    sleep_seconds: float = 20.0


def decide(
    attempt: int,
    fault: Fault,
    call: CallFacts,
    budget: RetryBudget,
    *,
    slept_seconds: float = 0.0,
    jitter: float = 0.0,
) -> Retry | Stop:
    """Say what to do after attempt number `attempt` (from 1) ended in `fault`.

    `jitter` is a number from 0 to 1. Dead tokens were already replayed once by the auth flow, so a fault that
    asks for a new one is final here. A wait that does not fit the budget is raised with its length, for the
    caller to defer the work.
    """
    resolution = fault.resolution
    if call.is_write and resolution is Resolution.UNCERTAIN:
        return Stop(_error(UncertainWriteError, fault, call))
    if call.is_write and resolution is Resolution.ISOLATE:
        # the use-case counts the tries: it is the one that can send less
        return Stop(_deferred(fault, call, _wait_seconds(attempt, fault, jitter)))
    if resolution in _REPEATED:
        wait = _wait_seconds(attempt, fault, jitter)
        final = fault.tries is not None and attempt >= fault.tries
        if not final and attempt < budget.attempts and slept_seconds + wait <= budget.sleep_seconds:
            return Retry(wait)
        return Stop(_error(_final_kind(fault), fault, call) if final else _deferred(fault, call, wait))
    if resolution is Resolution.QUOTA and fault.resets_at is not None:
        return Stop(
            QuotaExhaustedError(
                fault.message,
                resets_at=fault.resets_at,
                vendor=call.vendor,
                operation=call.operation,
                code=fault.code,
                request_id=fault.request_id,
            )
        )
    return Stop(_error(_final_kind(fault), fault, call))


def _final_kind(fault: Fault) -> type[SyncError]:
    if fault.resolution is Resolution.REAUTH:
        return AuthenticationError
    if fault.resolution is Resolution.SPLIT:
        return TooLargeError
    return PermanentError if fault.documented else ContractError


def _wait_seconds(attempt: int, fault: Fault, jitter: float) -> float:
    if not fault.wait_grows:
        return fault.wait_seconds
    return float(fault.wait_seconds * 2 ** (attempt - 1) * (1 + jitter))


def _deferred(fault: Fault, call: CallFacts, wait: float) -> SyncError:
    if not fault.documented:
        return _error(ContractError, fault, call)
    kind = _DEFERRED.get(fault.resolution, TransientError)
    return kind(
        fault.message,
        retry_after_seconds=wait,
        tries=fault.tries,
        vendor=call.vendor,
        operation=call.operation,
        code=fault.code,
        request_id=fault.request_id,
    )


def _error(kind: type[SyncError], fault: Fault, call: CallFacts) -> SyncError:
    return kind(
        fault.message,
        vendor=call.vendor,
        operation=call.operation,
        code=fault.code,
        request_id=fault.request_id,
    )
