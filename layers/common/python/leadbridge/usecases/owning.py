"""What an event must own before it runs: its dedupe claims, so that it runs once, and the keys of its persons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, Self

from leadbridge.domain import explanation
from leadbridge.domain.event import Event, Result
from leadbridge.domain.outcome import Outcome, State, message
from leadbridge.domain.pipeline import Claim
from leadbridge.ports import GONE, Clock, Guarded, Keys
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.closing import Closing

#: longest wait of an event between two looks whether another writer has let go of its keys
BUSY_CEILING = timedelta(minutes=1)


class Owner(Protocol):
    """An event with the keys that must be its own."""

    @property
    def event(self) -> Event:
        """The event as it stands."""
        ...

    @property
    def guards(self) -> tuple[str, ...]:
        """The keys of its persons."""
        ...

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Its dedupe claims."""
        ...

    def with_event(self, event: Event) -> Self:
        """The same after its event moved on."""
        ...


@dataclass(frozen=True, slots=True)
class Claimed[T]:
    """What became of the claims of a wave."""

    mine: list[T]
    #: whose claim is another's: what is told of the event, and how it ends
    doubles: list[tuple[T, Event, Result]]


class Owning:
    """Takes and gives back what events own."""

    def __init__(self, *, keys: Keys, clock: Clock, closing: Closing, settings: RunSettings) -> None:
        self._keys = keys
        self._clock = clock
        self._closing = closing
        self._settings = settings

    def claim[T: Owner](self, wave: Sequence[T]) -> Claimed[T]:
        """Take the dedupe claims of events that have not begun."""
        wanted = [(item.event, claim) for item in wave if item.event.state is State.WAITING for claim in item.claims]
        owners = self._keys.claim(wanted) if wanted else []
        found = [(event, claim, owner) for (event, claim), owner in zip(wanted, owners, strict=True)]
        gone = {event.execution_id for event, _, owner in found if owner == GONE}
        taken = {event.execution_id: (claim, owner) for event, claim, owner in found if owner}
        doubles: list[tuple[T, Event, Result]] = []
        for item in wave:
            if item.event.execution_id in taken:
                claim, owner = taken[item.event.execution_id]
                text = message(claim.reason, owner=owner, fields=", ".join(claim.fields), seconds=claim.window_seconds)
                result = Result(outcome=Outcome.DUPLICATE, reason=claim.reason, message=text)
                self.unclaim(item)
                doubles.append((item, explanation.claimed(item.event, item.claims, owner, claim), result))
        mine = [item for item in wave if item.event.execution_id not in gone | taken.keys()]
        return Claimed([item.with_event(explanation.claimed(item.event, item.claims)) for item in mine], doubles)

    def unclaim(self, item: Owner) -> None:
        """Give dedupe claims back: a failed event must not suppress the next one."""
        if item.claims:
            held = [claim.slots(item.event.received_at)[0] for claim in item.claims]
            self._keys.unclaim(item.event, held)

    def guard[T: Owner](self, wave: Sequence[T]) -> tuple[list[T], dict[str, Mapping[str, Guarded]]]:
        """Take the keys of persons; events that find one busy are given back."""
        if not wave:
            return [], {}
        now = self._clock.now()
        wanted = {item.event.execution_id: item.guards for item in wave if item.guards}
        obtained: dict[str, Mapping[str, Guarded]] = {item.event.execution_id: {} for item in wave if not item.guards}
        obtained |= self._keys.guard(wanted, now + self._settings.guard, now) if wanted else {}
        busy = [item.event for item in wave if item.event.execution_id not in obtained]
        self.turn_away(busy)
        mine = [item for item in wave if item.event.execution_id in obtained]
        return [item.with_event(item.event.evolve(guards=item.guards)) for item in mine], obtained

    def turn_away(self, events: Sequence[Event]) -> None:
        """Give events back whose persons are in other hands."""
        now = self._clock.now()
        if events:
            self._closing.defer([event.evolve(due_at=now + self._patience(event, now)) for event in events])

    def _patience(self, event: Event, now: datetime) -> timedelta:
        """How long an event waits for a guard: the longer it has waited, the longer, for its holder may be parked."""
        return max(self._settings.busy, min(BUSY_CEILING, (now - event.received_at) / 8))
