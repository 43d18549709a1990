"""Changes that Salesforce announces by outbound message, as the queue holds them: which records, and nothing of them.

A notification is a hint to read the record. So its values are not kept, one that comes late can overwrite nothing, and
one that comes twice, or whose message does, costs nothing but the look.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.event import VERSION, readable
from leadbridge.domain.messages import ForeignMessageError

KIND = "announcement"
#: how far the clocks of an org and ours may lie apart
SKEW = timedelta(seconds=5)
#: after so long the record is left to the schedules: what keeps a run from reading it is told by the run
LEFT_AFTER = timedelta(minutes=15)
#: an org sends a message again for 24 hours; ids that were handled are known for longer
KNOWN_FOR = timedelta(days=3)
#: of pauses between looks; and what a queue can delay
DOUBLINGS, LONGEST_PAUSE_SECONDS = 4, 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """That one record changed; `id` is that of the notification, under which it may come again."""

    id: str
    object: str
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """The notifications of one message of an org."""

    #: of our own making: by it the message in the queue is known, however often the queue delivers it
    id: str
    connection: str
    received_at: datetime
    notifications: tuple[Notification, ...]
    #: how often it was looked at, and its records were not yet read
    looks: int = 0

    @property
    def readable_from(self) -> datetime:
        """From when on a run reads what was announced: vendors show changes up to a whole minute that has passed."""
        last = self.received_at + SKEW
        return last.replace(second=0, microsecond=0) + timedelta(minutes=1)

    def pause(self, now: datetime, look_seconds: int) -> int:
        """Seconds until it is looked at again: when a run can read it, then with growing pauses.

        So it is looked at a few times only: Lambda cuts a chain of calls that leads through a queue after sixteen.
        """
        if now < self.readable_from:
            return math.ceil((self.readable_from - now).total_seconds())
        return min(look_seconds << min(max(self.looks - 1, 0), DOUBLINGS), LONGEST_PAUSE_SECONDS)


def key_subject(connection: str) -> str:
    """What the secret in the address of a connection's endpoint is derived for; no Action can have this id."""
    return f"outbound-messages/{connection}"


def address(api_url: str, connection: str, key: str) -> str:
    """Where an org sends its outbound messages to."""
    return f"{api_url}/outbound-messages/{connection}/{key}"


def as_message(announcement: Announcement) -> str:
    """An announcement as a message of the queue."""
    return json.dumps(
        {
            "v": VERSION,
            "kind": KIND,
            "id": announcement.id,
            "connection": announcement.connection,
            "received_at": announcement.received_at.astimezone(UTC).isoformat(),
            "notifications": [[each.id, each.object, each.record] for each in announcement.notifications],
            "looks": announcement.looks,
        }
    )


def read_message(body: str) -> Announcement:
    """The announcement of a message.

    Raises:
        ForeignMessageError: It was not written by `receive_outbound_message`; the text holds no value of it.
    """
    try:
        message: Any = json.loads(body)
    except ValueError:
        raise ForeignMessageError("not JSON") from None
    if not isinstance(message, dict) or message.get("kind") != KIND or not readable(message.get("v")):
        raise ForeignMessageError("not an announcement")
    try:
        received_at = datetime.fromisoformat(message["received_at"])
        if received_at.tzinfo is None:
            raise ForeignMessageError("received_at has no zone")
        return Announcement(
            id=str(message["id"]),
            connection=str(message["connection"]),
            received_at=received_at,
            notifications=tuple(
                Notification(id=str(one), object=str(name), record=str(record))
                for one, name, record in message["notifications"]
            ),
            looks=int(message["looks"]),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        if isinstance(wrong, ForeignMessageError):
            raise
        raise ForeignMessageError(f"not an announcement: {type(wrong).__name__}") from None
