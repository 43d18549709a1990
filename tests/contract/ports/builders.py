"""Valid values for the port suites; a test states only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.action import Action, ActionType, Destination, Mapping, Results, Source, UniqueIdentifier
from leadbridge.domain.event import Arrival, Ending, Event, Part, Result
from leadbridge.domain.outcome import Outcome, Reason
from leadbridge.domain.pipeline import Claim

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LANE = "salesforce-demo"


def an_event(number: int = 1, **changes: Any) -> Event:
    """Event `number`, received so many seconds after the start."""
    received = START + timedelta(seconds=number)
    event = Event(
        execution_id=f"execution-{number:04d}",
        action_id="person-to-lead",
        lane=LANE,
        sequence=f"{int(received.timestamp() * 1000):014d}#execution-{number:04d}",
        received_at=received,
        payload={
            "lead": {"id": number, "email": f"person{number}@example.com"},
            "campaign": {"id": 7, "name": "Spring"},
        },
    )
    return event.evolve(**changes)


def arrival_of(event: Event, **changes: Any) -> Arrival:
    """The message from which `event` was made."""
    facts: dict[str, Any] = {
        "kind": "event",
        "execution_id": event.execution_id,
        "action_id": event.action_id,
        "sequence": event.sequence,
        "received_at": event.received_at,
        "payload": event.payload,
        "header_names": ("content-type", "x-leadbridge-key"),
    }
    return Arrival(**(facts | changes))


def an_ending(event: Event, outcome: Outcome = Outcome.CREATED, **changes: Any) -> Ending:
    """The end of an event whose record was created, written back and logged."""
    facts: dict[str, Any] = {
        "event": event,
        "result": Result(outcome=outcome, record_id="00Q000000000001AAA"),
        "writeback": Part(status="written"),
        "activity": Part(status="added"),
    }
    return Ending(**(facts | changes))


def a_claim(key: str = "claim#email", *, window_seconds: int = 300) -> Claim:
    """A dedupe claim of five minutes."""
    return Claim(key=key, reason=Reason.DUPLICATE_WINDOW, window_seconds=window_seconds, payload_hash="0" * 64)


def an_action(**changes: Any) -> Action:
    """A small Action document."""
    facts: dict[str, Any] = {
        "kind": "action",
        "id": "person-to-lead",
        "name": "Person to Lead",
        "source": Source(connection="marketo-demo"),
        "destination": Destination(connection=LANE, object="Lead"),
        "identifier": UniqueIdentifier(column="email", field="Email"),
        "type": ActionType.UPSERT,
        "mappings": [Mapping(to="Email", column="email")],
        "results": Results.model_validate(
            {
                "activity": "leadbridgeResult",
                "success": "Success",
                "errored": "Error",
                "mappings": [{"to": "message", "execution": "message"}],
            }
        ),
    }
    return Action(**(facts | changes))
