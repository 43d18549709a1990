"""Many calls in one: an array of persons, each an event of its own, and a few messages on the queue for all of them.

Part of the receive path: standard library only.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: what the queue's messages of several calls are called
KIND = "several"
#: persons of one call
MOST = 500
#: bytes of one call: that many persons of the usual size
LIMIT_BYTES = 2_000_000
#: calls of one message: as many as are stored well within a run of `store_events` that has ten such messages
CALLS = 25
#: bytes of one message, below SQS' 262,144
MESSAGE_BYTES = 250_000


def is_several(body: bytes) -> bool:
    """Whether a body is an array of persons."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def bytes_of(person: Any) -> int:
    """How large a person of an array is, as the body of a call alone would be."""
    return len(json.dumps(person, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


def numbered(base: str, place: int) -> str:
    """The id of an array's call: those of one array sort in its order. `base` are 28 hexadecimal digits."""
    return f"{base}{place:04x}"


def messages_of(version: int, calls: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The messages that make calls durable, each call as it would be alone."""
    kept: list[str] = []
    size = 0
    head = f'{{"v":{version},"kind":"{KIND}","calls":['
    for call in calls:
        text = json.dumps(call, separators=(",", ":"))
        if kept and (len(kept) == CALLS or len(head) + size + len(text) > MESSAGE_BYTES):
            yield f"{head}{','.join(kept)}]}}"
            kept, size = [], 0
        kept.append(text)
        size += len(text) + 1
    if kept:
        yield f"{head}{','.join(kept)}]}}"
