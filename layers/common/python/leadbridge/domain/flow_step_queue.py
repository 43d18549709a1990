"""A chunk on the queue: a few messages that hold some of its people each, and the chunk's own facts in every one.

Members: v, kind (chunk), received_at, header_names, chunk (id, munchkin_id, token, callback_key, callback_url,
lead_ids), people (execution_id, action_id, sequence, kind event | not_run, payload, reason). Whichever message comes
first tells of the whole chunk, and each may come twice.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.event import VERSION, Arrival, instant, iso
from leadbridge.domain.flow_step import Chunk, Invocation, execution_id_of

KIND = "chunk"
#: people of one message: as many as are stored well within a run of `store_events` that has ten such messages
PEOPLE = 25
#: bytes of one message, and of one SendMessageBatch call, below SQS' 262,144
MESSAGE_BYTES = 250_000
#: messages of one SendMessageBatch call (SQS)
BATCH = 10
#: tries of one such call: SQS may refuse single messages
TRIES = 3
#: first look at a chunk that nobody rang for
LOOK = timedelta(minutes=2)
_WORD = re.compile(r"[A-Za-z0-9#._:-]{1,200}")


def messages_of(
    invocation: Invocation,
    *,
    received_at: datetime,
    header_names: Sequence[str],
    obstacles: Mapping[str, str],
) -> Iterator[str]:
    """The messages that make a chunk durable.

    Args:
        invocation: What came.
        received_at: When it came.
        header_names: Of the call.
        obstacles: By Action id, why its people are not run: the code of a reason, empty where they are.
    """
    head = {
        "v": VERSION,
        "kind": KIND,
        "received_at": iso(received_at),
        "header_names": list(header_names),
        "chunk": {
            "id": invocation.chunk_id,
            "munchkin_id": invocation.munchkin_id,
            "token": invocation.token,
            "callback_key": invocation.callback_key,
            "callback_url": invocation.callback_url,
            "lead_ids": [each.lead_id for each in invocation.people],
        },
    }
    start = json.dumps(head, separators=(",", ":"))[:-1] + ',"people":['
    milliseconds = int(received_at.timestamp() * 1000)
    kept: list[str] = []
    size = 0
    for person in invocation.people:
        execution_id = execution_id_of(invocation.chunk_id, person.lead_id)
        reason = obstacles.get(person.action_id, "")
        members = {
            "execution_id": execution_id,
            # becomes part of keys; what is no id of an Action is told by its reason
            "action_id": person.action_id if _WORD.fullmatch(person.action_id) else "none",
            "sequence": f"{milliseconds:014d}#{execution_id}",
            "kind": "not_run" if reason else "event",
            "payload": person.payload,
            "reason": reason,
        }
        text = json.dumps(members, separators=(",", ":"))
        if kept and (len(kept) == PEOPLE or len(start) + size + len(text) > MESSAGE_BYTES):
            yield start + ",".join(kept) + "]}"
            kept, size = [], 0
        kept.append(text)
        size += len(text) + 1
    yield start + ",".join(kept) + "]}"


def batches_of(messages: Iterator[str]) -> Iterator[list[str]]:
    """Messages as SendMessageBatch takes them: ten at most, and together no larger than one may be."""
    batch: list[str] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == BATCH or size + len(message) > MESSAGE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    if batch:
        yield batch


def read_chunk(message: Mapping[str, Any]) -> tuple[Chunk, list[Arrival]]:
    """A message of a chunk: the chunk, and those of its people that the message holds.

    Raises:
        KeyError: It lacks a member.
        TypeError: A member is of another kind.
        ValueError: A member is of another form.
    """
    received_at = instant(message["received_at"])
    if received_at.tzinfo is None:
        raise ValueError("received_at has no zone")
    facts = message["chunk"]
    chunk = Chunk(
        id=_word(facts["id"]),
        munchkin_id=str(facts["munchkin_id"]),
        token=str(facts["token"]),
        callback_key=str(facts["callback_key"]),
        callback_url=str(facts["callback_url"]),
        lead_ids=tuple(int(each) for each in facts["lead_ids"]),
        received_at=received_at,
        due_at=received_at + LOOK,
    )
    names = tuple(str(each) for each in message["header_names"])
    return chunk, [_arrival(person, message["v"], chunk, names) for person in message["people"]]


def _arrival(person: Mapping[str, Any], version: int, chunk: Chunk, names: tuple[str, ...]) -> Arrival:
    payload = person["payload"]
    if not isinstance(payload["lead"]["id"], int):
        raise TypeError("no lead id in the payload")
    return Arrival(
        version=version,
        kind=str(person["kind"]),
        execution_id=_word(person["execution_id"]),
        action_id=_word(person["action_id"]),
        sequence=_word(person["sequence"]),
        received_at=chunk.received_at,
        payload=payload,
        reason=str(person["reason"]),
        header_names=names,
        chunk=chunk,
    )


def _word(value: object) -> str:
    """A member that becomes part of a key."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("not a word")
    return value


def entries_of(batch: Sequence[str]) -> list[dict[str, str]]:
    """The entries of a SendMessageBatch call."""
    return [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
