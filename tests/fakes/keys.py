"""Claims and guards in memory, with the conditions of the real ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leadbridge.domain.event import Event
from leadbridge.domain.pipeline import Claim
from leadbridge.domain.shifts import Shift, shift_of
from leadbridge.ports import GONE, Guarded, OvertakenError
from tests.fakes.clock import whole
from tests.fakes.steps import Step, nothing


@dataclass(slots=True)
class _Guard:
    owner: str | None = None
    expires_at: datetime | None = None
    last: dict[str, str] = field(default_factory=dict)
    writes: int = 0


@dataclass(slots=True)
class _Claimed:
    owner: str
    opened_at: datetime
    payload_hash: str


class InMemoryKeys:
    """`ports.Keys`."""

    def __init__(self, *, step: Step = nothing) -> None:
        self._step = step
        self._guards: dict[str, _Guard] = {}
        self._claims: dict[str, _Claimed] = {}
        #: by its partition, the epoch and the mark of the shift that lasts
        self._shifts: dict[str, tuple[int, str]] = {}
        #: whether a worker still has an event in hand; the inbox that shares these keys says so
        self.in_hand: Callable[[Event], bool] = lambda _: False

    def claim(self, wanted: Sequence[tuple[Event, Claim]]) -> Sequence[str | None]:
        """Claim each key for its event, unless another event holds it whose window is open."""
        _refuse_twice([claim.key for _, claim in wanted])
        claims: dict[str, list[tuple[Event, Claim]]] = {}
        for event, claim in wanted:
            claims.setdefault(event.execution_id, []).append((event, claim))
        answers: dict[tuple[str, str], str | None] = {}
        for execution_id, own in claims.items():
            self._step("keys.claim")
            found: list[str | None] = [GONE, *[None] * (len(own) - 1)]
            if self.in_hand(own[0][0]):
                found = [self._holder(event, claim) for event, claim in own]
            if not any(answer is not None for answer in found):
                for event, claim in own:
                    slot = claim.slots(event.received_at)[0]
                    self._claims[slot] = _Claimed(execution_id, whole(event.received_at), claim.payload_hash)
            answers |= {(execution_id, claim.key): answer for (_, claim), answer in zip(own, found, strict=True)}
            self._step("keys.claim.done")
        return [answers[event.execution_id, claim.key] for event, claim in wanted]

    def _holder(self, event: Event, claim: Claim) -> str | None:
        window = timedelta(seconds=claim.window_seconds)
        closed, opens = whole(event.received_at - window), whole(event.received_at + window)
        own, *beside = claim.slots(event.received_at)
        known = self._claims.get(own)
        if known is not None and known.owner != event.execution_id:
            return known.owner
        for slot in beside:
            other = self._claims.get(slot)
            if other is not None and closed < other.opened_at < opens:
                return other.owner
        return None

    def guard(
        self, wanted: Mapping[str, Sequence[str]], until: datetime, now: datetime
    ) -> Mapping[str, Mapping[str, Guarded]]:
        """Obtain all guard keys of each owner, all or none, until released or `until`."""
        _refuse_twice([guard for guards in wanted.values() for guard in guards])
        obtained: dict[str, dict[str, Guarded]] = {}
        for owner, guards in wanted.items():
            self._step("keys.guard")
            if not any(self._busy(guard, owner, now) for guard in guards):
                for guard in guards:
                    item = self._guards.setdefault(guard, _Guard())
                    item.owner, item.expires_at = owner, whole(until)
                known = [(guard, self._guards[guard]) for guard in guards]
                obtained[owner] = {guard: Guarded(last=dict(item.last), writes=item.writes) for guard, item in known}
            self._step("keys.guard.done")
        return obtained

    def release(self, owner: str, guards: Sequence[str], *, written: tuple[str, str] | None = None) -> None:
        """Let go of guards that `owner` holds; what another holds by now stays."""
        for guard in guards if written else ():
            self._step("keys.release")
            self.let_go(guard, "", written=written)
            self._step("keys.release.done")
        for guard in guards:
            self._step("keys.release")
            self.let_go(guard, owner)
            self._step("keys.release.done")

    def unclaim(self, event: Event, claims: Sequence[str]) -> None:
        """Give back the claims that an event holds, while it is in the caller's hands."""
        for claim in claims:
            self._step("keys.unclaim")
            known = self._claims.get(claim)
            if known is not None and known.owner == event.execution_id and self.in_hand(event):
                del self._claims[claim]
            self._step("keys.unclaim.done")

    def seen(self, guards: Sequence[str], now: datetime) -> Mapping[str, Guarded]:
        """What was written under guards, and whether somebody holds them."""
        self._step("keys.seen")
        known = {guard: self._guards[guard] for guard in guards if guard in self._guards}
        found = {
            guard: Guarded(last=dict(item.last), writes=item.writes, busy=self._busy(guard, "", now))
            for guard, item in known.items()
        }
        self._step("keys.seen.done")
        return found

    def hold(self, shift: Shift, guards: Sequence[str], until: datetime, now: datetime) -> Mapping[str, Guarded]:
        """Obtain guards for a shift, each on its own, until it ends or `until`."""
        _refuse_twice(guards)
        self._step("keys.hold")
        epoch, _ = self._shifts.get(shift.key, (0, ""))
        if epoch > shift.epoch:
            raise OvertakenError(shift.key)
        self._shifts[shift.key] = (shift.epoch, shift.mark)
        self._step("keys.hold.done")
        obtained: dict[str, Guarded] = {}
        for guard in guards:
            self._step("keys.hold")
            if not self._busy(guard, shift.owner, now):
                item = self._guards.setdefault(guard, _Guard())
                obtained[guard] = Guarded(last=dict(item.last), writes=item.writes)
                item.owner, item.expires_at, item.writes = shift.owner, whole(until), item.writes + 1
            self._step("keys.hold.done")
        return obtained

    def end(self, shift: Shift) -> None:
        """Let go of all guards of a shift."""
        self._step("keys.end")
        if self._shifts.get(shift.key) == (shift.epoch, shift.mark):
            self._shifts[shift.key] = (shift.epoch, "")
        self._step("keys.end.done")

    def let_go(self, guard: str, owner: str, *, written: tuple[str, str] | None = None) -> None:
        """Release one guard if `owner` holds it, and remember what was written under it, whoever holds it by now.

        `written` is the Action id and the sequence; of several the newest is remembered. Not a method of the port:
        the inbox calls it in the step that records an end.
        """
        item = self._guards.get(guard)
        if written is not None:
            item = self._guards.setdefault(guard, _Guard())
            item.last[written[0]] = max(written[1], item.last.get(written[0], ""))
            item.writes += 1
        if item is not None and item.owner == owner:
            item.owner = item.expires_at = None

    def held(self) -> dict[str, tuple[str, datetime]]:
        """Owner and expiry of every guard that is held; for tests."""
        held = ((guard, item.owner, item.expires_at) for guard, item in self._guards.items())
        return {guard: (owner, until) for guard, owner, until in held if owner and until and not self._ended(owner)}

    def claimed(self) -> dict[str, str]:
        """The owner of every claim; for tests."""
        return {claim: item.owner for claim, item in self._claims.items()}

    def held_by(self, owner: str) -> list[str]:
        """The guards that `owner` holds; for tests."""
        return sorted(guard for guard, item in self._guards.items() if item.owner == owner)

    def _busy(self, guard: str, owner: str, now: datetime) -> bool:
        item = self._guards.get(guard)
        if item is None or item.owner is None or item.owner == owner or self._ended(item.owner):
            return False
        return item.expires_at is not None and item.expires_at >= whole(now)

    def _ended(self, owner: str) -> bool:
        """Whether the owner of a guard is a shift that has ended."""
        shift = shift_of(owner)
        return shift is not None and self._shifts.get(shift[0], (0, ""))[1] != shift[1]


def _refuse_twice(keys: Sequence[str]) -> None:
    """A transaction may not name an item twice; the real table refuses such a call."""
    if len(set(keys)) != len(keys):
        raise ValueError("one call names a key twice")
