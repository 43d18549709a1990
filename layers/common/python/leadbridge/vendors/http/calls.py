"""Values that describe one call to a vendor, its answer and its line in the call log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from leadbridge.ports import Meter
from leadbridge.vendors.http.rules import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One exchange as the call log sees it: no address, no body, no value."""

    vendor: str
    operation: str
    status: int  # 0 when no answer came
    code: str  # the vendor's error code, empty on success
    request_id: str
    seconds: float
    attempt: int
    unknown_codes: tuple[str, ...] = ()  # of the call or of single records: codes that stand in no table


def count(meter: Meter, record: CallRecord) -> None:
    """Tell the meter about one exchange; a code that stands in no table raises an alarm."""
    meter.count("VendorCalls", vendor=record.vendor)
    if record.unknown_codes:
        meter.count("UnknownVendorCodes", len(record.unknown_codes), vendor=record.vendor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request in vendor terms. `path` begins with a slash; `sent` holds the values we send.

    `content` that is no bytes is read anew for every try, so it must be an iterable that can begin again.
    """

    operation: str
    method: str
    path: str
    is_write: bool
    read_seconds: float
    params: Mapping[str, str] | None = None
    content: bytes | Iterable[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: object = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success; `payload` is the parsed body, or None if the vendor sends none.

    `unknown_codes` are those of single records that the vendor's table does not hold.
    """

    payload: Any
    status: int
    headers: httpx.Headers
    request_id: str = ""
    unknown_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success, before the table's row is applied to our kind of call."""

    code: str
    rule: Rule
    text: str
    request_id: str = ""
    retry_after_seconds: float | None = None
    unknown_codes: tuple[str, ...] = ()
