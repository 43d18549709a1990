"""Payloads, arrivals and events."""

from datetime import datetime
from typing import Any

from leadbridge.domain.event import Arrival, Event
from leadbridge.domain.pipeline import Candidate, CompiledAction, admit
from tests.builders.actions import ACTION, SALESFORCE, a_compiled_action
from tests.fakes.clock import NOON

SECRET = b"index key"


def a_payload(lead_id: int = 7, **lead: Any) -> dict[str, Any]:
    """A webhook's payload; members of `lead` given as None are left out."""
    person = {
        "email": f"person{lead_id}@example.com",
        "firstName": "Ada",
        "lastName": "Lovelace",
        "company": "Analytical Engines",
    } | lead
    return {
        "lead": {"id": lead_id} | {name: value for name, value in person.items() if value is not None},
        "campaign": {"id": 1001, "name": "Welcome"},
    }


def an_execution_id(number: int) -> str:
    """An execution id that tells its number."""
    return f"{number:032x}"


def a_sequence(number: int, at: datetime = NOON) -> str:
    """The place of an event in its lane."""
    return f"{int(at.timestamp() * 1000):014d}#{an_execution_id(number)}"


def an_arrival(number: int = 1, *, at: datetime = NOON, payload: Any = None, **members: Any) -> Arrival:
    """A message of the queue."""
    found: dict[str, Any] = {
        "kind": "event",
        "execution_id": an_execution_id(number),
        "action_id": ACTION,
        "sequence": a_sequence(number, at),
        "received_at": at,
        "payload": a_payload() if payload is None else payload,
    }
    return Arrival(**found | members)


def an_event(number: int = 1, *, at: datetime = NOON, payload: Any = None, **members: Any) -> Event:
    """An event of the inbox."""
    found: dict[str, Any] = {
        "execution_id": an_execution_id(number),
        "action_id": ACTION,
        "lane": SALESFORCE,
        "sequence": a_sequence(number, at),
        "received_at": at,
        "payload": a_payload() if payload is None else payload,
    }
    return Event(**found | members)


def a_candidate(
    number: int = 1, *, compiled: CompiledAction | None = None, payload: Any = None, **members: Any
) -> Candidate:
    """An event that passed its filter."""
    admitted = admit(an_event(number, payload=payload, **members), compiled or a_compiled_action(), SECRET)
    assert isinstance(admitted, Candidate), f"not admitted: {admitted}"
    return admitted
