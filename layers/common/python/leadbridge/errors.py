"""Errors named by what the catcher should do; vendor codes are attributes, never classes.

    SyncError                    vendor, operation, code, request_id, detail (masked)
    ├─ TransientError            nothing was executed: try again after retry_after_seconds
    │  ├─ RateLimitedError       nothing was executed: the vendor asks for a pause
    │  └─ SpoiledCallError       nothing was executed, perhaps because of one of the records
    ├─ UncertainWriteError       the vendor may have executed the call: look before repeating
    ├─ QuotaExhaustedError       nothing was executed: park until resets_at
    ├─ AuthenticationError       one refresh did not help: park, alarm, a human is needed
    ├─ DisabledError             somebody disabled the connection: park until it is enabled
    ├─ PermanentError            the call can never succeed as it is: do not retry
    ├─ ContractError             the vendor answered outside its documentation
    ├─ UnknownVersionError       stored by a newer version of Leadbridge: park until that is deployed
    └─ ConfigurationError        a setting, mapping or permission is wrong; carries every finding

Row failures are values (`domain.records.RowResult`), never exceptions.
"""

from collections.abc import Sequence
from datetime import datetime


class SyncError(Exception):
    """Base of every error this product raises on purpose."""

    def __init__(
        self,
        detail: str = "",
        *,
        vendor: str = "",
        operation: str = "",
        code: str = "",
        request_id: str = "",
    ) -> None:
        self.vendor = vendor
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.detail = detail
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        where = " ".join(part for part in (self.vendor, self.operation) if part)
        code = f" [{self.code}]" if self.code else ""
        return f"{where}{code}: {self.detail}".strip(": ") or type(self).__name__


class TransientError(SyncError):
    """Nothing was executed; the same call may succeed after `retry_after_seconds`, tried `tries` times at most."""

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after_seconds: float = 1.0,
        tries: int | None = None,
        vendor: str = "",
        operation: str = "",
        code: str = "",
        request_id: str = "",
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        self.tries = tries
        super().__init__(detail, vendor=vendor, operation=operation, code=code, request_id=request_id)


class RateLimitedError(TransientError):
    """The vendor refused the call because too many were made; wait `retry_after_seconds`."""


class SpoiledCallError(TransientError):
    """Nothing was executed, perhaps because of one record: where trying again does not help, find it by halving."""


class UncertainWriteError(SyncError):
    """The answer was lost or is ambiguous: the write may have been committed. Look before repeating it."""


class QuotaExhaustedError(SyncError):
    """A daily allocation is spent; nothing was executed. Park the work until `resets_at` (UTC).

    Before that, at `probe_at`, one call may ask whether it was raised.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        resets_at: datetime,
        probe_at: datetime | None = None,
        vendor: str = "",
        operation: str = "",
        code: str = "",
        request_id: str = "",
    ) -> None:
        self.resets_at = resets_at
        self.probe_at = probe_at
        super().__init__(detail, vendor=vendor, operation=operation, code=code, request_id=request_id)


class AuthenticationError(SyncError):
    """The vendor refuses our credentials even after one refresh."""


class DisabledError(SyncError):
    """The connection named in `detail` is disabled; nothing was executed. Park the work until it is enabled."""


class PermanentError(SyncError):
    """The call can never succeed as it is (permission, unknown field, malformed request)."""


class ContractError(SyncError):
    """The vendor answered outside its documentation (unparsable body, unknown code, short result)."""


class UnknownVersionError(SyncError):
    """A stored document was written by a newer version of Leadbridge; `code` is its format."""


class ConfigurationError(SyncError):
    """Settings are wrong; `findings` lists every one, each naming the field and the remedy."""

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(self.findings), code="configuration")
