"""Find executions: by person, Action, outcome or time, page by page."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadbridge.domain.event import instant
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.outcome import redrivable
from leadbridge.domain.values import normalised
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Configurations, Lanes
from leadbridge.usecases.as_it_stands import AsItStands

type Item = Mapping[str, Any]

#: items looked at for one page: a rare reason must not keep a caller waiting
EXAMINED = 2_000
#: how far back is looked where nobody says; a person or a reason is looked for in all that is kept
RECENT = timedelta(days=1)
KEPT = timedelta(days=365)
#: clocks differ
AHEAD = timedelta(days=1)
#: what an item holds under the same name, and so is compared with it
COMPARED = ("action_id", "reason", "state", "outcome", "salesforce_id")
SEQUENCE = re.compile(r"\d{14}#[\w-]{1,64}")


class Log(Protocol):
    """The log of executions, in sequence order, or with `newest` in the opposite one.

    `after` leaves out everything up to that sequence in the order that is asked for.
    """

    def since(self, start: datetime, end: datetime, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions received in [start, end]."""
        ...

    def of_lead(self, lead_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one lead."""
        ...

    def of_email(self, email_hash: str, *, after: str = "", newest: bool = False) -> Iterator[Item]:
        """Executions of one e-mail address."""
        ...

    def get(self, execution_id: str) -> Item | None:
        """One execution."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which executions; what is None does not matter. All members together must hold."""

    lead_id: int | None = None
    email: str | None = None
    salesforce_id: str | None = None
    action_id: str | None = None
    reason: str | None = None
    state: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    #: only what `redrive` can bring back
    redrivable: bool = False

    @property
    def names_something(self) -> bool:
        """Whether anything but a stretch of time is asked for."""
        return any(getattr(self, name) is not None for name in ("lead_id", "email", *COMPARED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some executions in the order that was asked for; `token` gets the next page, None after the last."""

    items: Sequence[Item]
    token: str | None


class SearchExecutions:
    """Searches the log."""

    def __init__(
        self, *, log: Log, clock: Clock, hash_key: Callable[[], bytes], configurations: Configurations, lanes: Lanes
    ) -> None:
        """`configurations` tell what is paused and `lanes` what fills up, which is why a call may wait."""
        self._configurations = configurations
        self._lanes = lanes
        self._log = log
        self._clock = clock
        self._hash_key = hash_key

    def __call__(self, wanted: Wanted, *, limit: int, token: str | None = None, newest: bool = False) -> Page:
        """A page of at most `limit` executions; it may hold fewer, and there may be more as long as it has a token.

        Oldest first, or with `newest` the newest.

        Raises:
            ConfigurationError: The token is not one of ours, or belongs to the other order.
        """
        now = self._clock.now()
        start = max(wanted.since or now - (KEPT if wanted.names_something else RECENT), now - KEPT)
        end = min(wanted.until or now + AHEAD, now + AHEAD)
        after = _after(token, newest=newest) if token else ""
        found: list[Item] = []
        last = ""
        explained = self._explained()
        for examined, stored in enumerate(self._items(wanted, start, end, after, newest=newest), start=1):
            item = explained(stored)
            last = str(item["sequence"])
            if _fits(item, wanted, start, end):
                found.append(item)
            if len(found) == limit or examined == EXAMINED:
                return Page(items=found, token=_token(last, newest=newest))
        return Page(items=found, token=None)

    def get(self, execution_id: str) -> Item | None:
        """One execution."""
        item = self._log.get(execution_id)
        return item and self._explained()(item)

    def _explained(self) -> AsItStands:
        return AsItStands(lambda: self._configurations, lambda: self._lanes.idle(self._clock.now()))

    def _items(self, wanted: Wanted, start: datetime, end: datetime, after: str, *, newest: bool) -> Iterator[Item]:
        if wanted.lead_id is not None:
            lead = keyed_hash(self._hash_key(), "lead", str(wanted.lead_id))
            return self._log.of_lead(lead, after=after, newest=newest)
        if wanted.email is not None:
            email = keyed_hash(self._hash_key(), "email", normalised(wanted.email))
            return self._log.of_email(email, after=after, newest=newest)
        return self._log.since(start, end, after=after, newest=newest)


def _fits(item: Item, wanted: Wanted, start: datetime, end: datetime) -> bool:
    same = all(getattr(wanted, name) in (None, item.get(name)) for name in COMPARED)
    same = same and (not wanted.redrivable or redrivable(item))
    return same and start <= instant(item["received_at"]) <= end


def _member(*, newest: bool) -> str:
    """What a token calls its sequence: one of the other order would leave out what it should begin with."""
    return "before" if newest else "after"


def _token(sequence: str, *, newest: bool) -> str:
    return base64.urlsafe_b64encode(json.dumps({_member(newest=newest): sequence}).encode()).decode().rstrip("=")


def _after(token: str, *, newest: bool) -> str:
    """The sequence that a token stands for."""
    try:
        members = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        members = None
    after = members.get(_member(newest=newest)) if isinstance(members, dict) else None
    if not isinstance(after, str) or not SEQUENCE.fullmatch(after):
        raise ConfigurationError(["/token: is not one that this API gave; leave it out to begin at the first page"])
    return after
