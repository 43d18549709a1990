"""The log side of the inbox double, as operators and `redrive` read it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from leadbridge.domain.event import Event, iso
from tests.fakes.inbox import InMemoryInbox

type Item = dict[str, Any]


class InMemoryLog:
    """Reads what an `InMemoryInbox` holds; the reading side of `leadbridge.aws.log`."""

    def __init__(self, inbox: InMemoryInbox) -> None:
        self._inbox = inbox

    def since(self, start: datetime, end: datetime, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions received in [start, end], in sequence order."""
        return (item for item in self._ordered(after, newest=newest) if iso(start) <= item["received_at"] <= iso(end))

    def of_lead(self, lead_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one lead, in sequence order."""
        return (item for item in self._ordered(after, newest=newest) if item.get("lead_hash") == lead_hash)

    def of_email(self, email_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one e-mail address, in sequence order."""
        return (item for item in self._ordered(after, newest=newest) if item.get("email_hash") == email_hash)

    def get(self, execution_id: str) -> Item | None:
        """One execution."""
        item = self._inbox.logged.get(execution_id)
        return None if item is None else dict(item)

    def kept(self, execution_id: str) -> Item | None:
        """What was kept of a parked, rejected or not-run call."""
        item = self._inbox.kept.get(execution_id)
        return None if item is None else dict(item)

    def kept_event(self, item: Item) -> Event | None:
        """The event inside a kept item, as it was when it was parked."""
        event = item.get("event")
        return event if isinstance(event, Event) else None

    def _ordered(self, after: str, *, newest: bool) -> list[Item]:
        ordered = sorted(self._inbox.logged.values(), key=lambda item: str(item["sequence"]), reverse=newest)
        places = ((str(item["sequence"]), item) for item in ordered)
        return [dict(item) for at, item in places if not after or (at < after if newest else at > after)]
