"""What to do with events when a vendor call as a whole did not succeed. Pure: the error in, the plan out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain import limits
from leadbridge.domain.event import iso
from leadbridge.domain.outcome import Reason, message
from leadbridge.domain.pipeline import backoff_seconds
from leadbridge.errors import (
    AuthenticationError,
    DisabledError,
    QuotaExhaustedError,
    SpoiledCallError,
    SyncError,
    TransientError,
    UncertainWriteError,
)

#: a broken login is tried again this often; each probe costs one call for all parked events together
LOGIN_PROBE = timedelta(minutes=15)
#: a spent quota is asked about this often, by one call of all workers
QUOTA_PROBE = timedelta(milliseconds=limits.QUOTA_PROBE)
#: work of a disabled connection looks this often whether it is enabled again
DISABLED_PROBE = timedelta(minutes=5)
#: tries of a call that one record may spoil; the last of them searches for that record, afterwards it is probed
SPOILED_TRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Since when a vendor has been asking for something to be tried again, and for how long that goes on."""

    since: datetime | None
    most: timedelta

    def over(self, now: datetime) -> bool:
        """Whether it has gone on for too long."""
        return self.since is not None and now - self.since >= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponement:
    """When to try again; `due_at` None means not before a person says so."""

    due_at: datetime | None
    parked: bool
    reason: str
    message: str


def vendor_reason(vendor: str, code: str) -> str:
    """The reason code of a vendor's refusal: `salesforce_STRING_TOO_LONG`, `marketo_1004`."""
    return f"{vendor.lower()}_{code or 'unknown'}".removeprefix("_")


def given_up(vendor: str, code: str, detail: str, patience: Patience) -> Postponement:
    """The plan for what was tried again for too long."""
    facts = {"vendor": vendor.capitalize(), "code": code, "detail": detail, "days": patience.most.days}
    text = message("vendor_given_up", **facts)
    return Postponement(due_at=None, parked=True, reason=vendor_reason(vendor, code), message=text)


def postpone(
    error: SyncError, *, attempts: int, now: datetime, first_seconds: float, patience: Patience
) -> Postponement:
    """The plan for events of a call that failed with `error`, tried `attempts` times before.

    Patience ends for whatever the vendor is the cause of; who disabled a connection may do so for as long as he likes.
    """
    if patience.over(now) and not isinstance(error, DisabledError):
        return given_up(error.vendor, error.code, error.detail, patience)
    reason = vendor_reason(error.vendor, error.code)
    facts = {"vendor": error.vendor.capitalize(), "code": error.code, "detail": error.detail}
    return (
        _parked_until(error, reason, facts, attempts=attempts, now=now)
        or _waiting(error, reason, facts, attempts=attempts, now=now, first_seconds=first_seconds)
        or Postponement(due_at=None, parked=True, reason=reason, message=message("vendor_parked", **facts))
    )


def _parked_until(
    error: SyncError, reason: str, facts: Mapping[str, str], *, attempts: int, now: datetime
) -> Postponement | None:
    """The plan for what keeps all work of its kind from going on, but will be tried again by itself."""
    if isinstance(error, QuotaExhaustedError):
        text = message("vendor_quota", until=iso(error.resets_at), **facts)
        # tried before the reset too: a quota may be raised, and the limiter lets only one of all calls ask
        due = min(error.resets_at, error.probe_at or now + QUOTA_PROBE)
        return Postponement(due_at=due, parked=True, reason=reason, message=text)
    if isinstance(error, AuthenticationError):
        due = now + LOGIN_PROBE
        text = message("vendor_login", until=iso(due), **facts)
        return Postponement(due_at=due, parked=True, reason=reason, message=text)
    if isinstance(error, DisabledError):
        text = message(Reason.CONNECTION_DISABLED, connection=error.detail)
        return Postponement(due_at=now + DISABLED_PROBE, parked=True, reason=Reason.CONNECTION_DISABLED, message=text)
    if isinstance(error, SpoiledCallError) and attempts >= SPOILED_TRIES:
        due = now + LOGIN_PROBE
        return Postponement(due_at=due, parked=True, reason=reason, message=message("vendor_waiting", **facts))
    return None


def _waiting(
    error: SyncError, reason: str, facts: Mapping[str, str], *, attempts: int, now: datetime, first_seconds: float
) -> Postponement | None:
    """The plan for what passes."""
    again = now + timedelta(seconds=backoff_seconds(attempts, first_seconds))
    final = isinstance(error, TransientError) and error.tries is not None and attempts + 1 >= error.tries
    if isinstance(error, TransientError) and not final:
        due = max(again, now + timedelta(seconds=error.retry_after_seconds))
        return Postponement(due_at=due, parked=False, reason=reason, message=message("vendor_waiting", **facts))
    if isinstance(error, UncertainWriteError):
        text = message("vendor_uncertain", vendor=facts["vendor"])
        return Postponement(due_at=again, parked=False, reason=reason, message=text)
    return None
