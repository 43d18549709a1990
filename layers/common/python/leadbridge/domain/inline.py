"""What is answered to a call that waits for its result, and when it may not run at once. Performs no I/O."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.event import Event, Result
from leadbridge.domain.values import blank, normalised


class Queued(StrEnum):
    """Why a call goes on without its caller, unless a vendor's code says it."""

    #: another writer holds the person's keys
    BUSY = "busy"
    #: the Action, its connection or everything is paused
    PAUSED = "paused"
    #: an earlier call of the person waits in the lane, or the lane is too long to tell
    WAITING = "waiting"
    #: the budget is spent
    LATE = "late"
    #: the tables asked for a pause
    STORE = "store"


def stands_before(event: Event, action: Action, others: Iterable[Event] | None) -> bool:
    """Whether one of the events that came before may be of the same person: by lead id, or by a value to match.

    A call that leaves the identifiers out is compared by its lead id; None are more events than can be looked through.
    """
    if others is None:
        return True
    own = event.columns
    values = {normalised(own[each.column]) for each in action.identifiers if not blank(own.get(each.column))}
    return any(
        other.lead_id == event.lead_id
        or any(isinstance(value, str) and normalised(value) in values for value in other.columns.values())
        for other in others
    )


def seconds_left(action: Action, received_at: datetime, now: datetime) -> float:
    """What is left of an Action's budget: it runs from the moment in which the call reached the gateway."""
    budget = action.inline.budget_seconds if action.inline else 0.0
    return budget - min(budget, max(0.0, (now - received_at).total_seconds()))


def done(execution_id: str, result: Result, values: Mapping[str, Any]) -> dict[str, Any]:
    """The answer that carries what was written; blank text stands for a value to be cleared, as null would be left."""
    return {
        "status": "done",
        "execution_id": execution_id,
        "outcome": result.outcome.value,
        "reason": str(result.reason),
        "values": {name: "" if value is None else value for name, value in values.items()},
    }


def queued(execution_id: str, reason: str, *, parked: bool = False) -> dict[str, Any]:
    """The answer of a call that goes on by itself, or when a person says so."""
    return {"status": "parked" if parked else "queued", "execution_id": execution_id, "reason": reason}
