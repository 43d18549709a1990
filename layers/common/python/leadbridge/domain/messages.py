"""The queue's messages: how `receive_action` writes them is how `store_events` reads them.

Version 1 members: v, kind (event | rejected | not_run), execution_id, action_id, received_at, sequence,
header_names, and by kind payload, body (base64), reason, message.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain import flow_step_queue, several
from leadbridge.domain.event import Arrival, instant, readable

KINDS = frozenset({"event", "rejected", "not_run"})
#: an item of DynamoDB takes 400 KB; the largest body we accept stays below it, however it is escaped
LIMIT_CHARACTERS = 396_000
#: 32 hexadecimal digits or an Action's id; what a newer version writes is as plain
_WORD = re.compile(r"[A-Za-z0-9#._:-]{1,200}")


class ForeignMessageError(ValueError):
    """The message was not written by `receive_action`; the text says why and holds no value of it."""


def read_batch(records: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, Arrival]], dict[str, str]]:
    """Arrivals with their message ids; by id, why other messages are none of ours (they end in the DLQ)."""
    arrivals: list[tuple[str, Arrival]] = []
    unreadable: dict[str, str] = {}
    for record in records:
        try:
            arrivals.extend((str(record["messageId"]), each) for each in read_all(record["body"]))
        except ForeignMessageError as foreign:
            unreadable[str(record["messageId"])] = str(foreign)
    return arrivals, unreadable


def read_all(body: str) -> list[Arrival]:
    """The calls of one message: one of a webhook, several of an array, or some of the people of a chunk.

    Raises:
        ForeignMessageError: It was not written by `receive_action` or `flow_step`.
    """
    message = _object(body)
    if message.get("kind") == several.KIND and readable(message.get("v")):
        calls = message.get("calls")
        if not isinstance(calls, list) or not all(isinstance(each, dict) for each in calls):
            raise ForeignMessageError("not several calls")
        return [_of_webhook(each) for each in calls]
    if message.get("kind") != flow_step_queue.KIND or not readable(message.get("v")):
        return [_of_webhook(message)]
    try:
        return flow_step_queue.read_chunk(message)[1]
    except (KeyError, TypeError, ValueError) as wrong:
        raise ForeignMessageError(f"not a chunk: {type(wrong).__name__}") from None


def read(body: str) -> Arrival:
    """One message of a webhook.

    Raises:
        ForeignMessageError: It was not written by `receive_action`.
    """
    return _of_webhook(_object(body))


def _object(body: str) -> Mapping[str, Any]:
    if len(body) > LIMIT_CHARACTERS:
        raise ForeignMessageError("larger than any message of ours")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise ForeignMessageError("not JSON") from None
    if not isinstance(message, dict):
        raise ForeignMessageError("not an object")
    return message


def _of_webhook(message: Mapping[str, Any]) -> Arrival:
    try:
        return _arrival(message)
    except KeyError as missing:
        raise ForeignMessageError(f"no member {missing.args[0]}") from None


def _arrival(message: Mapping[str, Any]) -> Arrival:
    version, payload = message["v"], message.get("payload")
    if not isinstance(version, int):
        raise ForeignMessageError("the version is not a number")
    if not isinstance(payload, dict | None):
        raise ForeignMessageError("the payload is not an object")
    # what another version wrote is parked as it is, so only our own messages must have our shape
    if readable(version) and message["kind"] not in KINDS:
        raise ForeignMessageError("no such kind of message")
    if readable(version) and message["kind"] == "event" and not _names_a_lead(payload):
        raise ForeignMessageError("no lead id in the payload")
    try:
        received_at = instant(message["received_at"])
    except (ValueError, TypeError):
        raise ForeignMessageError("received_at is not a time") from None
    if received_at.tzinfo is None:
        raise ForeignMessageError("received_at has no zone")
    return Arrival(
        version=version,
        kind=str(message["kind"]),
        execution_id=_word(message, "execution_id"),
        action_id=_word(message, "action_id"),
        sequence=_word(message, "sequence"),
        received_at=received_at,
        payload=message.get("payload"),
        body=message.get("body"),
        reason=message.get("reason") or "",
        message=message.get("message") or "",
        header_names=tuple(message.get("header_names") or ()),
    )


def _word(message: Mapping[str, Any], name: str) -> str:
    """A member that becomes part of a key."""
    value = message[name]
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ForeignMessageError(f"{name} is not a word")
    return value


def _names_a_lead(payload: Mapping[str, Any] | None) -> bool:
    """Whether there is a lead with an id, or one that other values tell, as connector actions take them."""
    lead = (payload or {}).get("lead")
    return isinstance(lead, dict) and (
        "id" not in lead or re.fullmatch(r"\d{1,18}", str(lead["id"]), re.ASCII) is not None
    )
