"""The destination of a Sync whose rows become calls of a connector Action.

A call goes onto the queue on which the webhook's door puts its calls, and from there it is the Action's: order, guards,
batches, outcome. Its id follows from the row, and the inbox takes an id once; so a process that does not know whether
its rows were handed over hands them over again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import VERSION
from leadbridge.domain.handing_over import CALL, HANDED_OVER, call_of, described, not_taken
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.outcome import message
from leadbridge.domain.records import ObjectDescription, Resolution, RowResult
from leadbridge.domain.several import messages_of
from leadbridge.domain.sync import Sync
from leadbridge.domain.webhook import UnusableBodyError
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Documents


class Queue(Protocol):
    """Where calls wait to be stored."""

    def send(self, messages: Iterable[str]) -> None:
        """Make messages durable, all of them.

        Raises:
            TransientError: Some may not be.
        """
        ...


def action_of(documents: Documents, sync: Sync) -> Stored | None:
    """The connector Action of a Sync as it stands; None if there is none."""
    stored = documents.get("action", sync.destination.action or "")
    return stored if stored is not None and isinstance(stored.document, ConnectorAction) else None


def why_not(documents: Documents, sync: Sync) -> str:
    """Why a run of the Sync is not begun, as far as its Action has a say; empty if nothing is in the way."""
    stored = action_of(documents, sync) if sync.destination.action else None
    return not_taken(sync, active=stored.active if stored else None)


class HandOver:
    """Gives the destinations of Syncs that hand rows over."""

    def __init__(self, *, documents: Documents, clock: Clock, queue: Callable[[], Queue]) -> None:
        """`queue` is asked for when rows are handed over; who previews has none."""
        self._documents = documents
        self._clock = clock
        self._queue = queue

    def __call__(self, sync: Sync) -> "ActionCalls":
        """The destination of a Sync.

        Raises:
            ConfigurationError: There is no such Action.
        """
        stored = action_of(self._documents, sync)
        if stored is None or not isinstance(stored.document, ConnectorAction):
            raise ConfigurationError([not_taken(sync, active=None)])
        return ActionCalls(stored.document, runs=stored.active, clock=self._clock, queue=self._queue)


def looked_at(documents: Documents, clock: Clock) -> HandOver:
    """For those who look and hand nothing over."""

    def no_queue() -> Queue:
        raise NotImplementedError("who looks has no queue")

    return HandOver(documents=documents, clock=clock, queue=no_queue)


class ActionCalls:
    """`sync_ports.SyncDestination`: each new record is a call."""

    rows = 250
    #: the vendor hears of it when the call runs
    calls = 0

    def __init__(self, action: ConnectorAction, *, runs: bool, clock: Clock, queue: Callable[[], Queue]) -> None:
        """`runs`: the Action takes calls; where it does not they are kept for a redrive, as those of a webhook are."""
        self._action = action
        self._runs = runs
        self._clock = clock
        self._queue = queue

    def describe(self) -> ObjectDescription:
        """The columns that the Action reads."""
        return described(self._action)

    def find(self, keys: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Nothing: a call is made for every row."""
        del keys, fields
        return []

    def create(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Hand rows over; one result per row, in order."""
        at = self._clock.now()
        calls: list[Mapping[str, Any]] = []
        results: list[RowResult] = []
        for row in rows:
            try:
                call = call_of(self._action.id, row, at, runs=self._runs)
            except UnusableBodyError as fault:
                said = message(fault.reason, **fault.facts)
                results.append(RowResult(ok=False, code=fault.reason, message=said, resolution=Resolution.REJECT))
                continue
            calls.append(call)
            results.append(RowResult(ok=True, status=HANDED_OVER, id=str(row[CALL])))
        if calls:
            self._queue().send(messages_of(VERSION, calls))
        return results

    def update(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[RowResult]:
        """Never asked for, as nothing is found.

        Raises:
            NotImplementedError: It was.
        """
        raise NotImplementedError(len(rows))
