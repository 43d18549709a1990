"""Bring calls back that are parked, were rejected or did not run, or of which chained objects failed."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from leadbridge.domain import webhook
from leadbridge.domain.action import Action
from leadbridge.domain.connector import ACTIONS, ConnectorAction
from leadbridge.domain.event import VERSION, Event, instant, readable
from leadbridge.domain.outcome import Reason, State, message, redrivable
from leadbridge.domain.several import is_several
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import Bell, Clock, Configurations, Lanes
from leadbridge.usecases.store_events import lane_of

type Item = dict[str, Any]


class Kept(Protocol):
    """Reads executions and what was kept of them."""

    def get(self, execution_id: str) -> Item | None:
        """The execution's log item."""
        ...

    def kept(self, execution_id: str) -> Item | None:
        """What was kept for a redrive."""
        ...

    def kept_event(self, item: Item) -> Event | None:
        """The parked event inside a kept item."""
        ...


class Readmission(Protocol):
    """Puts events back into their lane."""

    def readmit(self, event: Event, *, was: State, times: int) -> bool:
        """Bring a call back into its lane; False if it is not `was` any more, or came back more often than that."""
        ...

    def hurry(self, event_key: dict[str, str]) -> bool:
        """Make a waiting event due at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    """What became of one request to redrive."""

    execution_id: str
    done: bool
    note: str
    #: it runs again, or would
    runs: bool = False


class Redrive:
    """Redrive single executions; asking twice does nothing twice."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        log: Kept,
        inbox: Readmission,
        lanes: Lanes,
        bell: Bell,
        clock: Clock,
    ) -> None:
        self._configurations = configurations
        self._log = log
        self._inbox = inbox
        self._lanes = lanes
        self._bell = bell
        self._clock = clock

    def __call__(self, execution_id: str, *, dry_run: bool = False, original: bool = False) -> Redriven:
        """Bring one execution back into its lane, or say why that cannot be.

        It runs on the current version of its Action; with `original` on the one it began with, or, where it never
        began, on the one that was current when it arrived.
        """
        try:
            return self._redrive(execution_id, dry_run=dry_run, original=original)
        except UnknownVersionError as newer:
            note = message(Reason.UNKNOWN_VERSION, version=newer.code)
            return Redriven(execution_id=execution_id, done=False, note=note)

    def _redrive(self, execution_id: str, *, dry_run: bool, original: bool) -> Redriven:
        item = self._log.get(execution_id)
        if item is None:
            return Redriven(execution_id=execution_id, done=False, note="There is no such execution.")
        state = State(item["state"])
        kept = self._log.kept(execution_id) if redrivable(item) else None
        if not redrivable(item) or (state is State.ENDED and kept is None):
            note = "It has ended and its payload was removed." if state is State.ENDED else "It is under way."
            return Redriven(execution_id=execution_id, done=False, note=note)
        stored = self._configurations.get("action", item["action_id"])
        if stored is None or not isinstance(stored.document, ACTIONS):
            note = f"Its Action {item['action_id']} does not exist. Apply it first."
            return Redriven(execution_id=execution_id, done=False, note=note)
        lane = lane_of(stored.document.destination.connection)
        if kept is None:
            return self._ring(item, lane, lambda: self._hurry(item, lane), dry_run=dry_run)
        optional = isinstance(stored.document, ConnectorAction)
        event = self._event(item, kept, lane, original=original, lead_optional=optional)
        if not isinstance(event, str) and original and not event.version:
            event = self._at_its_time(event)
        if isinstance(event, str):
            return Redriven(execution_id=execution_id, done=False, note=event)
        # whoever was slower than another one holds an event from before that one's run
        times = item.get("redriven", 0)
        return self._ring(item, lane, lambda: self._inbox.readmit(event, was=state, times=times), dry_run=dry_run)

    def _at_its_time(self, event: Event) -> Event | str:
        """A call that never began, with the version of its Action that was current then, or why there is none."""
        versions = self._configurations.versions("action", event.action_id)
        earlier = [each.version for each in versions if each.change.at and each.change.at <= event.received_at]
        version = max(earlier, default=0)
        if not version:
            return "It is not known which version of its Action was current then. Redrive it with the current one."
        return event.evolve(version=version)

    def _goes_to_the_same(self, event: Event) -> bool:
        """Whether the Action still writes where it did when the record was made, so that its chain can be corrected."""
        ends = [
            (stored.document.destination.connection, stored.document.destination.object, stored.document.objects)
            for version in (None, event.version)
            if (stored := self._configurations.get("action", event.action_id, version))
            and isinstance(stored.document, Action)
        ]
        return len(ends) == 2 and ends[0] == ends[1]

    def _hurry(self, item: Item, lane: str) -> bool:
        return self._inbox.hurry({"pk": f"lane#{lane}", "sk": item["sequence"]})

    def _ring(self, item: Item, lane: str, bring_back: Callable[[], bool], *, dry_run: bool) -> Redriven:
        if dry_run:
            return Redriven(execution_id=item["execution_id"], done=False, note="Would be run again.", runs=True)
        if not bring_back():
            return Redriven(execution_id=item["execution_id"], done=False, note="Somebody else brought it back.")
        if self._lanes.announce(lane, self._clock.now()):
            self._bell.ring(lane)
        return Redriven(execution_id=item["execution_id"], done=True, note="Runs again.", runs=True)

    def _event(self, item: Item, kept: Item, lane: str, *, original: bool, lead_optional: bool) -> Event | str:
        """The event to run, or the sentence that says why there is none."""
        parked = self._log.kept_event(kept)
        if parked is not None:
            # its chunk was called back without it: what comes now is told as after a webhook
            fresh = parked.evolve(
                epoch=0,
                attempts=0,
                crashes=0,
                failing_since=None,
                due_at=None,
                reason="",
                message="",
                chunk="",
                batch=None,
            )
            if parked.redone and not original:
                return fresh.evolve(version=0 if self._goes_to_the_same(parked) else parked.version)
            # what may have been written is seen through by its own version; all else runs on the corrected Action
            return fresh if original or parked.intent or parked.result else fresh.evolve(version=0)
        if not readable(kept.get("version", VERSION)):
            raise UnknownVersionError("sent by a newer version", code=str(kept["version"]))
        if kept.get("payload") is None and (why := _no_body(base64.b64decode(kept.get("body") or ""))):
            return why
        try:
            payload = _payload(kept, lead_optional=lead_optional)
        except webhook.UnusableBodyError as fault:
            return "Its body is still unusable: " + message(fault.reason, **fault.facts)
        return Event(
            execution_id=item["execution_id"],
            action_id=item["action_id"],
            lane=lane,
            sequence=item["sequence"],
            received_at=instant(item["received_at"]),
            payload=payload,
        )


def _no_body(body: bytes) -> str:
    """Why what was kept of a rejected call is no call, empty if it may be one."""
    if not body:
        return "Its body was empty, or too large to be kept: have it sent again."
    return "It was an array of people that was rejected as a whole: have it sent again." if is_several(body) else ""


def _payload(kept: Item, *, lead_optional: bool) -> dict[str, Any]:
    """The kept payload, which was readable when it arrived, or what can be read in the kept body by now."""
    if kept.get("payload") is not None:
        payload: dict[str, Any] = json.loads(kept["payload"])
        return payload
    return webhook.parse(base64.b64decode(kept.get("body") or ""), lead_optional=lead_optional)
