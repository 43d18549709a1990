"""The queue's messages: how `receive_action` writes them is how `store_events` reads them.

Version 1 members: v, kind (event | rejected | not_run), execution_id, action_id, received_at, sequence,
header_names, and by kind payload, body (base64), reason, message.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.event import VERSION, Arrival, instant

KINDS = frozenset({"event", "rejected", "not_run"})


def read_batch(records: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, Arrival]], list[str]]:
    """Arrivals with their message ids, and the ids of messages that are none of ours (they end in the DLQ)."""
    arrivals: list[tuple[str, Arrival]] = []
    unreadable: list[str] = []
    for record in records:
        try:
            arrivals.append((str(record["messageId"]), read(record["body"])))
        except (ValueError, KeyError, TypeError):
            unreadable.append(str(record["messageId"]))
    return arrivals, unreadable


def read(body: str) -> Arrival:
    """One message.

    Raises:
        ValueError, KeyError, TypeError: It was not written by `receive_action`.
    """
    message = json.loads(body)
    # what a newer version wrote is parked as it is, so only our own messages must have our shape
    if int(message["v"]) <= VERSION and message["kind"] not in KINDS:
        raise ValueError(f"no such kind of message: {message['kind']}")
    if not isinstance(message.get("payload"), dict | None):
        raise TypeError("the payload is not an object")
    return Arrival(
        version=int(message["v"]),
        kind=str(message["kind"]),
        execution_id=str(message["execution_id"]),
        action_id=str(message["action_id"]),
        sequence=str(message["sequence"]),
        received_at=instant(message["received_at"]),
        payload=message.get("payload"),
        body=message.get("body"),
        reason=message.get("reason") or "",
        message=message.get("message") or "",
        header_names=tuple(message.get("header_names") or ()),
    )
