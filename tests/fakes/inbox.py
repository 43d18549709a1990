"""The inbox in memory: the conditions of the real one, and its atomic steps."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.batching import Ahead
from leadbridge.domain.event import VERSION, Arrival, Ending, Event, Part, Result, begun_by, iso
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.holding import NOTHING, Due, Held
from leadbridge.domain.outcome import Reason, State
from leadbridge.domain.values import blank, normalised
from tests.fakes.chunks import InMemoryChunks
from tests.fakes.clock import NOON, whole
from tests.fakes.keys import InMemoryKeys
from tests.fakes.steps import Step, nothing

type Item = dict[str, Any]


class InMemoryInbox:
    """`ports.Inbox`, with `readmit` and `hurry` for `redrive`.

    `waiting` holds the events of all lanes, `logged` the executions as people see them, `kept` what a
    redrive needs; tests read them, `InMemoryLog` too.
    """

    def __init__(
        self,
        *,
        keys: InMemoryKeys | None = None,
        hash_key: Callable[[], bytes] = lambda: b"index key",
        retention: timedelta = timedelta(days=30),
        now: Callable[[], datetime] = lambda: NOON,
        step: Step = nothing,
        chunks: InMemoryChunks | None = None,
    ) -> None:
        self._chunks = chunks
        self._keys = keys if keys is not None else InMemoryKeys()
        self._keys.in_hand = self._holds
        self._hash_key = hash_key
        self._retention = retention
        self._now = now
        self._step = step
        self.waiting: dict[tuple[str, str], Event] = {}
        self.logged: dict[str, Item] = {}
        self.kept: dict[str, Item] = {}
        #: how often each execution was ended; more than once is a fault that no table would show
        self.ends: dict[str, int] = {}
        #: more waits in a lane than can be told at once
        self.crowded = False
        #: told of every event that is taken out of its lane
        self.on_park: Callable[[str, str], object] = lambda *_: None
        #: executions that had ended with chained objects that failed, and were brought back for them
        self.redone: set[str] = set()

    def add(self, event: Event, arrival: Arrival) -> bool:
        """Store a new event and its log item; False if the execution id is known already."""
        self._step("inbox.add")
        new = arrival.execution_id not in self.logged
        if new:
            self.logged[arrival.execution_id] = self._log_item(arrival, state=State.WAITING, payload=event.payload)
            self.waiting[_key(event)] = _as_stored(event)
        self._step("inbox.add.done")
        return new

    def set_aside(self, arrival: Arrival, *, state: str, reason: str, message: str) -> bool:
        """Record a call that does not run now, keeping its body or payload."""
        self._step("inbox.set_aside")
        new = arrival.execution_id not in self.logged
        if new:
            self._set_aside(arrival, State(state), reason, message)
        self._step("inbox.set_aside.done")
        return new

    def _set_aside(self, arrival: Arrival, state: State, reason: str, message: str) -> None:
        log = self._log_item(arrival, state=state, payload=arrival.payload)
        kept: Item = {"pk": f"execution#{arrival.execution_id}", "sk": "payload", "v": VERSION}
        kept["version"] = arrival.version
        if arrival.payload is not None:
            kept["payload"] = json.dumps(arrival.payload)
        if arrival.body is not None:
            kept["body"] = arrival.body
        if state != State.PARKED:
            log["ttl"] = kept["ttl"] = self._ttl()
        self.logged[arrival.execution_id] = log | {"reason": reason, "message": message}
        self.kept[arrival.execution_id] = kept

    def close(self, arrival: Arrival, result: Result) -> bool:
        """Record a call that ends without a run; False if its execution id is known already."""
        self._step("inbox.close")
        new = arrival.execution_id not in self.logged
        if new:
            item = self._log_item(arrival, state=State.ENDED, payload=arrival.payload)
            told = {"outcome": result.outcome.value, "reason": str(result.reason), "message": result.message}
            parts: Item = {name: {"status": "not_attempted"} for name in ("writeback", "activity")}
            told |= {"ended_at": iso(self._now())}
            self.logged[arrival.execution_id] = item | told | parts | {"attempts": 0, "ttl": self._ttl()}
            self.ends[arrival.execution_id] = self.ends.get(arrival.execution_id, 0) + 1
        self._step("inbox.close.done")
        return new

    def due(self, lane: str, now: datetime, limit: int, kept: Held = NOTHING) -> Sequence[Event]:
        """Events of a lane whose due time has come, in sequence order."""
        self._step("inbox.due")
        found = self._due(lane, now, kept)[:limit]
        self._step("inbox.due.done")
        return found

    def ahead(self, event: Event) -> Sequence[Event] | None:
        """Events of the lane that came before and are not through, but for those whose values were answered."""
        self._step("inbox.ahead")
        before = [other for key, other in sorted(self.waiting.items()) if key[0] == event.lane and key < _key(event)]
        found = [other for other in before if not other.answered]
        self._step("inbox.ahead.done")
        return None if self.crowded else found

    def buffered(self, lane: str, persons: Sequence[str] = ()) -> Sequence[Event]:
        """Events that wait beside a lane for others to go with, in sequence order."""
        self._step("inbox.buffered")
        there = [event for (place, _), event in sorted(self.waiting.items()) if place == f"buffer of {lane}"]
        found = [event for event in there if not persons or event.person in persons]
        self._step("inbox.buffered.done")
        return found

    def undue(self, lane: str, now: datetime, before: str) -> Sequence[Ahead]:
        """What of a lane goes on later and came before a sequence."""
        self._step("inbox.undue")
        there = [
            event for (place, sequence), event in sorted(self.waiting.items()) if place == lane and sequence < before
        ]
        found = [
            Ahead(persons=event.persons, sequence=event.sequence, due_at=event.due_at)
            for event in there
            if event.persons and event.due_at is not None and event.due_at > whole(now)
        ]
        self._step("inbox.undue.done")
        return found

    def first_buffered(self, lane: str) -> Event | None:
        """Any event that waits beside a lane."""
        self._step("inbox.first_buffered")
        found = next((event for (place, _), event in self.waiting.items() if place == f"buffer of {lane}"), None)
        self._step("inbox.first_buffered.done")
        return found

    def ripen(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events that waited for others into their lane."""
        moved = []
        for event in events:
            self._step("inbox.ripen")
            if self.waiting.pop((f"buffer of {event.lane}", event.sequence), None) is not None:
                self.waiting[_key(event)] = _as_stored(event)
                moved.append(event)
            self._step("inbox.ripen.done")
        return moved

    def load(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events out of their lane, beside it, with the file that their batch names; no epoch holds them."""
        moved = []
        for event in events:
            self._step("inbox.load")
            there, stands = self.waiting.get((event.lane, event.sequence)), event.evolve(epoch=0)
            if there is not None and there.epoch == event.epoch:
                self.waiting[_key(stands)] = _as_stored(stands, self.waiting.pop((event.lane, event.sequence)))
                self._tell(stands)
                moved.append(stands)
            self._step("inbox.load.done")
        return moved

    def loaded(self, lane: str, file: str, limit: int) -> Sequence[Event]:
        """Events that stand beside a lane with a file, in sequence order."""
        self._step("inbox.loaded")
        found = [event for key, event in sorted(self.waiting.items()) if key[0] == _beside(lane, file)][:limit]
        self._step("inbox.loaded.done")
        return found

    def unload(self, moves: Sequence[tuple[Event, Event]]) -> None:
        """Move events that stand with a file back into their lane, each as the other of its pair."""
        for event, back in moves:
            self._step("inbox.unload")
            if self.waiting.pop(_key(event), None) is not None:
                self.waiting[_key(back)] = _as_stored(back)
                self._tell(back)
            self._step("inbox.unload.done")

    def _tell(self, event: Event) -> None:
        told = {"state": event.state.value, "reason": str(event.reason), "message": event.message, "due_at": ""}
        self.logged[event.execution_id] |= told | _decision(event)

    def first_due(self, lane: str, now: datetime, kept: Held = NOTHING) -> Due | None:
        """The first due event of a lane."""
        self._step("inbox.first_due")
        found = self._due(lane, now, kept)
        self._step("inbox.first_due.done")
        if not found:
            return None
        first = found[0]
        asks = first.reason == Reason.IMPORTING and first.due_at is not None
        since = first.due_at if asks and first.due_at else first.received_at
        return Due(action_id=first.action_id, begun=first.state is not State.WAITING, received_at=since)

    def claim(self, events: Sequence[Event], epoch: int) -> Sequence[Event]:
        """Mark events as begun by `epoch`; one that an older epoch still held has survived a crash."""
        claimed = []
        for event in events:
            self._step("inbox.claim")
            begun = begun_by(event, epoch)
            stored = self.waiting.get(_key(event))
            if stored is not None and max(stored.epoch, stored.fence) <= epoch and _same(stored, event):
                self.waiting[_key(event)] = stored.evolve(epoch=epoch, fence=epoch, crashes=begun.crashes)
                claimed.append(begun)
            self._step("inbox.claim.done")
        return claimed

    def relinquish(self, events: Sequence[Event]) -> None:
        """Let go of claimed events; those that a newer epoch holds, or nobody any more, stay as they are."""
        for event in events:
            self._step("inbox.relinquish")
            if self._holds(event):
                self.waiting[_key(event)] = self.waiting[_key(event)].evolve(epoch=0, executed_at=None, due_at=None)
            self._step("inbox.relinquish.done")

    def save(self, events: Sequence[Event]) -> Sequence[Event]:
        """Store events as they are now, provided that their epoch still holds them."""
        saved = []
        for event in events:
            self._step("inbox.save")
            if self._holds(event):
                self.waiting[_key(event)] = _as_stored(event, self.waiting[_key(event)])
                saved.append(event)
            self._step("inbox.save.done")
        return saved

    def defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        """Give events back: due time, state, intent and result stay; no epoch holds them."""
        for event in events:
            self._step("inbox.defer")
            if self._holds(event):
                self.waiting[_key(event)] = _as_stored(event.evolve(epoch=0), self.waiting[_key(event)])
                self.logged[event.execution_id] |= {
                    "state": (State.PARKED if parked else event.state).value,
                    "reason": str(event.reason),
                    "message": event.message,
                    "due_at": iso(event.due_at) if event.due_at else "",
                    **_decision(event),
                }
            self._step("inbox.defer.done")

    def park(self, event: Event, *, reason: str, message: str) -> bool:
        """Take an event out of its lane; its payload is kept aside until somebody redrives it."""
        self._step("inbox.park")
        held = self._holds(event)
        if held:
            del self.waiting[_key(event)]
            self.on_park(event.execution_id, str(reason))
            self.kept[event.execution_id] = _kept(event)
            stands = {"state": "parked", "reason": str(reason), "message": message, "due_at": ""}
            self.logged[event.execution_id] |= stands | _decision(event)
        self._step("inbox.park.done")
        return held

    def finish(self, endings: Sequence[Ending]) -> Sequence[Ending]:
        """Record outcomes; in the same step the payload goes and the guards are let go."""
        recorded = []
        for ending in endings:
            self._step("inbox.finish")
            if self._finish(ending):
                recorded.append(ending)
                if ending.told and self._chunks:
                    self._chunks.note(ending.event.chunk, [ending.told])  # in the same step
            self._step("inbox.finish.done")
        return recorded

    def readmit(self, event: Event, *, was: State, times: int) -> bool:
        """Bring a call back into its lane that was parked, rejected or not run; False if it is not `was` any more.

        Or if it was brought back more often than so many `times` before: then `event` is of an earlier end.
        """
        self._step("inbox.readmit")
        log = self.logged.get(event.execution_id)
        seen = (was.value, times)
        possible = (
            log is not None and (log["state"], log.get("redriven", 0)) == seen and _key(event) not in self.waiting
        )
        if log is not None and possible:
            self._readmit(event, log)
        self._step("inbox.readmit.done")
        return possible

    def _readmit(self, event: Event, log: Item) -> None:
        if log["state"] == State.ENDED:
            self.redone.add(event.execution_id)
        self.waiting[_key(event)] = _as_stored(event)
        self.kept.pop(event.execution_id, None)
        log.pop("ttl", None)
        log |= {"state": event.state.value, "reason": "", "message": "", "due_at": ""} | self._person(event.payload)
        log["redriven"] = log.get("redriven", 0) + 1

    def hurry(self, event_key: Mapping[str, str]) -> bool:
        """Make a waiting event due at once; False if it is not in its lane (any more)."""
        self._step("inbox.hurry")
        key = (event_key["pk"].removeprefix("lane#"), event_key["sk"])
        there = key in self.waiting
        if there:
            self.waiting[key] = self.waiting[key].evolve(due_at=whole(self._now()))
        self._step("inbox.hurry.done")
        return there

    def _due(self, lane: str, now: datetime, kept: Held) -> list[Event]:
        moment = whole(now)
        there = (self.waiting[key] for key in sorted(self.waiting) if key[0] == lane)
        due = (event for event in there if event.due_at is None or event.due_at <= moment)
        return [event for event in due if not kept.keeps(event.action_id, event.state)]

    def _holds(self, event: Event) -> bool:
        stored = self.waiting.get(_key(event))
        return stored is not None and stored.epoch == event.epoch

    def _finish(self, ending: Ending) -> bool:
        event, result = ending.event, ending.result
        if not self._holds(event):
            return False
        del self.waiting[_key(event)]
        self.ends[event.execution_id] = self.ends.get(event.execution_id, 0) + 1
        self.logged[event.execution_id] |= {
            "state": State.ENDED.value,
            "outcome": result.outcome.value,
            "reason": str(result.reason),
            "message": result.message,
            "salesforce_id": result.record_id or "",
            "executed_at": iso(event.executed_at or self._now()),
            "ended_at": iso(self._now()),
            "version": event.version,
            "writeback": _part(ending.writeback),
            "activity": _part(ending.activity),
            **({"member": _part(ending.member)} if ending.member else {}),
            "attempts": event.attempts,
            **_decision(event),
            "due_at": "",
            "ttl": self._ttl(),
        } | self._address(event)
        if ending.kept:
            self.kept[event.execution_id] = _kept(ending.kept) | {"ttl": self._ttl()}
        for guard in ending.guards:
            written = (event.action_id, event.sequence) if ending.written else None
            self._keys.let_go(guard, event.execution_id, written=written)
        return True

    def _log_item(self, arrival: Arrival, *, state: State, payload: Mapping[str, Any] | None) -> Item:
        return {
            "pk": f"execution#{arrival.execution_id}",
            "sk": "log",
            "v": VERSION,
            "execution_id": arrival.execution_id,
            "action_id": arrival.action_id,
            "sequence": arrival.sequence,
            "day": iso(arrival.received_at)[:10],
            "received_at": iso(arrival.received_at),
            "state": state.value,
            "header_names": list(arrival.header_names),
        } | self._person(payload or {})

    def _person(self, payload: Mapping[str, Any]) -> Item:
        lead, campaign = _plain(payload.get("lead")), _plain(payload.get("campaign"))
        key = self._hash_key()
        found: Item = {}
        if lead.get("id"):
            found |= {"lead_id": str(lead["id"]), "lead_hash": keyed_hash(key, "lead", str(lead["id"]))}
        if not blank(lead.get("email")):
            found["email_hash"] = keyed_hash(key, "email", normalised(lead["email"]))
        for name in ("id", "name"):
            if not blank(campaign.get(name)):
                found[f"campaign_{name}"] = str(campaign[name])
        return found

    def _address(self, event: Event) -> Item:
        """The address of a person whose call did not bring it: executions are found by it."""
        email = (event.read or {}).get("email")
        return {} if blank(email) else {"email_hash": keyed_hash(self._hash_key(), "email", normalised(email))}

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())


def _key(event: Event) -> tuple[str, str]:
    if event.batch is None:
        return event.lane, event.sequence
    if event.file:
        return _beside(event.lane, event.file), event.sequence
    return (f"buffer of {event.lane}" if event.buffered else event.lane, event.sequence)


def _beside(lane: str, file: str) -> str:
    return f"{file} of {lane}"


def _same(stored: Event, read: Event) -> bool:
    """Whether what is stored is what was read, whoever has it."""
    return stored.evolve(epoch=0, fence=0, crashes=0) == read.evolve(epoch=0, fence=0, crashes=0)


def _as_stored(event: Event, known: Event | None = None) -> Event:
    """The event as a table gives it back: payload through JSON, instants to the millisecond.

    What did not change since it was read (`known` is what the table holds) is not copied again.
    """
    intent = event.intent
    changes: dict[str, Any] = {}
    if known is None or known.payload is not event.payload:
        changes["payload"] = json.loads(json.dumps(event.payload))
    for name in ("received_at", "due_at", "executed_at", "doubted_at"):
        at = getattr(event, name)
        if at is not None and whole(at) is not at:
            changes[name] = whole(at)
    if intent is not None and whole(intent.at) is not intent.at:
        changes["intent"] = replace(intent, at=whole(intent.at))
    if event.read is not None and (known is None or known.read is not event.read):
        changes["read"] = json.loads(json.dumps(event.read))
    if type(event.reason) is not str:
        changes["reason"] = str(event.reason)
    return event.evolve(**changes) if changes else event


def _kept(event: Event) -> Item:
    return {
        "pk": f"execution#{event.execution_id}",
        "sk": "payload",
        "v": VERSION,
        "payload": json.dumps(event.payload),
        "event": _as_stored(event),
    }


def _decision(event: Event) -> Item:
    return {"decision": event.decision} if event.decision else {}


def _plain(value: Any) -> dict[str, Any]:
    members = value.items() if isinstance(value, Mapping) else ()
    return {name: item for name, item in members if isinstance(item, str | int | float)}


def _part(part: Part) -> dict[str, str]:
    return {name: str(getattr(part, name)) for name in ("status", "reason", "message") if getattr(part, name)}
