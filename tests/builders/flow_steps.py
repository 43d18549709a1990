"""Chunks of people as Marketo's flow steps send them."""

import json
from datetime import UTC, datetime
from typing import Any

from leadbridge.domain.flow_step import Chunk, PersonTold, parse_chunk
from leadbridge.domain.flow_step_queue import LOOK, messages_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOSTS = ("*.mktorest.com", "*.adobe.io")
CALLBACK_URL = "https://123-abc-456.mktorest.com/selfservice/v1/flowComplete"


def a_chunk(people: int, **changes: Any) -> Chunk:
    """An open chunk with the leads 1 to `people`."""
    name = str(changes.get("id", "c1"))
    members: dict[str, Any] = {
        "id": name,
        "munchkin_id": "123-ABC-456",
        "token": f"token-of-{name}",
        "callback_key": "callback-key",
        "callback_url": CALLBACK_URL,
        "lead_ids": tuple(range(1, people + 1)),
        "received_at": NOON,
        "due_at": NOON + LOOK,
    }
    return Chunk(**members | changes)


def told_of(lead_id: int, **changes: Any) -> PersonTold:
    """What is told of a lead that was created."""
    members: dict[str, Any] = {
        "lead_id": lead_id,
        "execution_id": f"execution-{lead_id}",
        "success": True,
        "outcome": "created",
        "record_id": "00Q000000000001AAA",
        "values": {"leadbridgeStatus": "Synced"},
    }
    return PersonTold(**members | changes)


def an_invocation(people: int = 2, *, action: str = "person-to-lead", **changes: Any) -> dict[str, Any]:
    """What Marketo sends; members given as None are left out."""
    document: dict[str, Any] = {
        "token": "one-time-token",
        "batchid": "run-1",
        "apiCallBackKey": "callback-key",
        "campaignId": 60,
        "callbackUrl": CALLBACK_URL,
        "context": {
            "subscription": {"munchkinId": "123-ABC-456", "prefix": "demo", "crmSyncStatus": "none"},
            "admin": {},
            "campaign": {"id": 60, "name": "Nightly", "type": "batch", "status": "active"},
            "program": {"id": 80, "name": "Fair", "channelName": "Event"},
        },
        "objectData": [a_person(number, action=action) for number in range(1, people + 1)],
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def a_person(lead_id: int, *, action: str = "person-to-lead", **changes: Any) -> dict[str, Any]:
    """One person of an invocation."""
    return {
        "objectType": "lead",
        "objectContext": {
            "id": lead_id,
            "email": f"p{lead_id}@example.com",
            "firstName": f"P{lead_id}",
            "lastName": "Example",
            "company": "Example",
            "phone": None,
        },
        "flowStepContext": {"action": action, "list": "vip", "program": None},
        "triggeringContext": {"name": "Form 1", "triggerName": "Fills Out Form"},
        "programMemberContext": {"status": "Registered", "reachedSuccess": False, "pmcf": {"seat": "A1"}},
        "myTokenContext": {"Event Date": "2026-05-01"},
    } | changes


def body_of(document: dict[str, Any]) -> bytes:
    """An invocation as bytes."""
    return json.dumps(document).encode()


def chunk_messages(people: int = 2) -> list[str]:
    """The messages that the receive path makes of a chunk."""
    invocation = parse_chunk(body_of(an_invocation(people)), hosts=HOSTS)
    return list(messages_of(invocation, received_at=NOON, header_names=[], obstacles={}))
