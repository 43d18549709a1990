"""Vendor calls as data: a new resource is one line that says its name, method, address and patience."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from leadbridge.vendors.http.calls import Call

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One method of one vendor resource.

    `path` names its variable parts in braces. `is_write` means that a lost answer leaves doubt: what may be
    sent twice without harm (a delete, a state that is set) is declared without it, and simply repeated.
    """

    operation: str
    method: str
    path: str
    is_write: bool = False
    read_seconds: float

    def call(
        self,
        *,
        root: str = "",
        parts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        sent: object = (),
    ) -> Call:
        """One call of it; `parts` fill the braces, percent-encoded with nothing left as it is.

        Raises:
            KeyError: A part is missing; a fault of the caller.
        """
        given = parts or {}
        return Call(
            operation=self.operation,
            method=self.method,
            path=root + _PLACE.sub(lambda found: quote(given[found[1]], safe=""), self.path),
            is_write=self.is_write,
            read_seconds=self.read_seconds,
            params=params,
            content=content,
            headers=dict(headers or {}),
            sent=sent,
        )
