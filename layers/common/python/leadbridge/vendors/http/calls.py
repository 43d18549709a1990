"""Values that describe one call to a vendor, its answer and its line in the call log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request in vendor terms. `path` begins with a slash; `sent` holds the values we send."""

    operation: str
    method: str
    path: str
    is_write: bool
    read_seconds: float
    params: Mapping[str, str] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: object = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success; `payload` is the parsed body, or None if the vendor sends none."""

    payload: Any
    status: int
    headers: httpx.Headers
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success, before the table's row is applied to our kind of call."""

    code: str
    rule: Rule
    text: str
    request_id: str = ""
    retry_after_seconds: float | None = None
