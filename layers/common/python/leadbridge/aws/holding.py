"""What is kept back of a lane, as the condition of a query on its items, and since when the others wait."""

from collections.abc import Mapping
from datetime import datetime
from itertools import batched
from typing import Any

from leadbridge.domain.event import instant
from leadbridge.domain.holding import Held
from leadbridge.domain.outcome import Reason, State

#: operands of one IN (AWS)
OPERANDS = 100


def not_kept(kept: Held) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Expression, names and values of a filter that leaves out what is kept back; empty if nothing is."""
    if not kept:
        return "", {}, {}
    names, values = {"#state": "state"}, {":waiting": {"S": State.WAITING.value}}
    begun = "#state <> :waiting"
    if kept.everything:
        return begun, names, values
    held = {f":kept{number}": {"S": action} for number, action in enumerate(sorted(kept.actions))}
    among = " OR ".join(f"action_id IN ({', '.join(some)})" for some in batched(held, OPERANDS, strict=False))
    return f"({begun} OR NOT ({among}))", names, values | held


def waiting_since(item: Mapping[str, Any]) -> datetime:
    """Since when an event waits for us; one that waits for the import of its file does so from its next look on."""
    asks = item.get("reason") == Reason.IMPORTING and item.get("due_at")
    return instant(item["due_at"] if asks else item["received_at"])
