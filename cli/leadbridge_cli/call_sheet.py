"""How another system calls a connector action: address, headers and a body with the columns that the Action reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.batching import Thresholds
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.several import LIMIT_BYTES, MOST

#: in the place of a value
VALUE = "…"
#: columns with one of these groups stand in the group, all others are fields of the lead
GROUPS = ("campaign", "program", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSheet:
    """A call of an Action as another system makes it."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    thresholds: Thresholds | None

    def document(self) -> dict[str, Any]:
        """The call as plain values."""
        return {"method": "POST", "url": self.url, "headers": dict(self.headers), "body": dict(self.body)}

    def lines(self) -> Iterator[str]:
        """The call as a person reads it."""
        yield "Another system calls it for a person:"
        yield ""
        yield f"  POST {self.url}"
        yield from (f"  {name}: {value}" for name, value in self.headers.items())
        yield ""
        yield from json.dumps(self.body, indent=2, ensure_ascii=False).splitlines()
        yield ""
        yield (
            f"Several people go in one call as an array of such objects, up to {MOST} of them and "
            f"{LIMIT_BYTES:,} bytes. `event_id` may be left out; a call with one that was used is not run again."
        )
        if self.thresholds:
            yield ""
            yield (
                f"Calls wait for each other: until there are {self.thresholds.count:,} people, or "
                f"{self.thresholds.bytes:,} bytes, or the oldest has waited for {self.thresholds.seconds:,} seconds."
            )


def call_sheet(action: ConnectorAction, columns: list[str], *, api_url: str, key_header: str, key: str) -> CallSheet:
    """How an Action is called.

    Args:
        action: What is to be called.
        columns: Those that its conditions, mappings and tokens read.
        api_url: Where calls are taken.
        key_header: The header that holds the key.
        key: The key, or how to get it.
    """
    body: dict[str, Any] = {}
    for column in dict.fromkeys([*action.columns, *columns]):
        group, dot, name = column.partition(".")
        if dot and group in GROUPS:
            body.setdefault(group, {})[name] = VALUE
        else:
            body.setdefault("lead", {})[column] = VALUE
    return CallSheet(
        url=f"{api_url}/actions/{action.id}",
        headers={"Content-Type": "application/json", key_header: key},
        body={"lead": body.pop("lead", {}), **body, "event_id": VALUE},
        thresholds=action.thresholds,
    )
