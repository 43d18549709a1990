"""What is kept back of a lane, as the condition of a query on its items."""

from itertools import batched
from typing import Any

from leadbridge.domain.holding import Held
from leadbridge.domain.outcome import State

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
