"""Calls that are stored long after they arrived: one that was recovered meanwhile ends as a duplicate of that."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from leadbridge.domain.action import Action
from leadbridge.domain.event import Arrival, Result
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.outcome import Outcome, Reason, message
from leadbridge.domain.recovery import LATE, Meetings, arrive, is_recovered
from leadbridge.errors import SyncError, TransientError, UnknownVersionError
from leadbridge.ports import Clock, Configurations

type Store = Callable[[Sequence[tuple[str, Arrival]], Callable[[], float]], list[str]]

#: times that somebody else may be faster with the same person before this gives up for now
TRIES = 8


class Recoveries(Protocol):
    """How far recovery has come, and what it knows of single persons."""

    def reached(self, action_id: str) -> datetime | None:
        """Up to when an Action's calls were decided on; None if never."""
        ...

    def reach(self, action_id: str, at: datetime) -> None:
        """Note up to when an Action's calls were decided on."""
        ...

    def meetings(self, key: str) -> tuple[Meetings, int]:
        """What is known under a key, read consistently, and its version; nothing and 0 if nothing is."""
        ...

    def meet(self, key: str, known: Meetings, version: int) -> bool:
        """Replace what is known if `version` is still the current one; False if somebody else was faster."""
        ...


class Executions(Protocol):
    """Reads executions."""

    def get(self, execution_id: str) -> dict[str, Any] | None:
        """The execution's log item."""
        ...


class Endings(Protocol):
    """Records calls that end without a run."""

    def close(self, arrival: Arrival, result: Result) -> bool:
        """Record a call with its end; False if the execution id is known already."""
        ...


def person_key(secret: bytes, action_id: str, lead_id: int) -> str:
    """The key under which the calls of one person to one Action meet."""
    return keyed_hash(secret, "meetings", action_id, str(lead_id))


def tolerance_of(action: Action) -> timedelta:
    """How far a call and its execution may lie apart; nothing without recovery."""
    return timedelta(seconds=action.recovery.tolerance_seconds if action.recovery else 0)


class LateCalls:
    """Stands before `StoreEvents`: takes out what was recovered already and hands on all else."""

    def __init__(
        self,
        *,
        store: Store,
        configurations: Configurations,
        log: Executions,
        inbox: Endings,
        recoveries: Recoveries,
        clock: Clock,
        hash_key: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._configurations = configurations
        self._log = log
        self._inbox = inbox
        self._recoveries = recoveries
        self._clock = clock
        self._hash_key = hash_key

    def __call__(
        self, arrivals: Sequence[tuple[str, Arrival]], remaining_seconds: Callable[[], float] = lambda: float("inf")
    ) -> list[str]:
        """Store arrivals, given with their message ids; returns the ids that must come again."""
        failed: list[str] = []
        others: list[tuple[str, Arrival]] = []
        for message_id, arrival in arrivals:
            try:
                ended = self._is_late(arrival) and self._ended(arrival)
            except SyncError:
                failed.append(message_id)
                continue
            if not ended:
                others.append((message_id, arrival))
        return failed + self._store(others, remaining_seconds)

    def _is_late(self, arrival: Arrival) -> bool:
        late = self._clock.now() - arrival.received_at > LATE
        return late and arrival.payload is not None and not is_recovered(arrival.execution_id)

    def _ended(self, arrival: Arrival) -> bool:
        """Whether a late call was recovered already and is recorded as a duplicate of that."""
        action = self._action(arrival.action_id)
        if action is None or action.recovery is None or arrival.payload is None:
            return False
        if self._log.get(arrival.execution_id) is not None:
            return False  # stored before; only its message came again
        key = person_key(self._hash_key(), action.id, int(arrival.payload["lead"]["id"]))
        owner = self._met(key, arrival, tolerance_of(action))
        if not owner:
            return False
        reason = Reason.DUPLICATE_RECOVERED
        self._inbox.close(
            arrival, Result(outcome=Outcome.DUPLICATE, reason=reason, message=message(reason, owner=owner))
        )
        return True

    def _met(self, key: str, arrival: Arrival, tolerance: timedelta) -> str:
        for _ in range(TRIES):
            known, version = self._recoveries.meetings(key)
            after, owner = arrive(known, arrival.execution_id, arrival.received_at, tolerance=tolerance)
            if after == known or self._recoveries.meet(key, after, version):
                return owner
        raise TransientError("others are faster all the time", vendor="aws", operation="meet")

    def _action(self, action_id: str) -> Action | None:
        try:
            stored = self._configurations.get("action", action_id)
        except UnknownVersionError:
            return None  # it is parked by whoever stores it
        return stored.document if stored is not None and isinstance(stored.document, Action) else None
