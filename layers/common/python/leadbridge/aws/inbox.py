"""The executions table: the inbox (events that wait, with their payload) and the log (what became of them).

Items
- `lane#<lane>` / `<sequence>`: an event that waits, is being written or reported. Holds the payload.
- `buffer#<lane>` / `<person>#<sequence>`: an event that waits for others to go with, under a keyed hash of its person.
- `import#<lane>#<file>` / `<sequence>`: an event whose row is in the file of an import, or waits for its end.
- `execution#<id>` / `log`: the execution as people see it. Ids, names and keyed hashes, no personal value.
- `execution#<id>` / `payload`: what `redrive` needs of a parked, rejected or not-run call, or of one with chained
  objects that failed.
- `parked` / `<action>#<id>`: that a call waits for a person, for as long as it does; alerts read them.

The lane is read with consistent reads on the table itself, never through an index.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Any

from leadbridge.aws.chunks import put_told
from leadbridge.aws.holding import not_kept, waiting_since
from leadbridge.aws.items import Item, Operation, delete, later, load, put, update, write_groups
from leadbridge.aws.tally import parked_item, parked_key
from leadbridge.domain.batching import Ahead
from leadbridge.domain.event import (
    VERSION,
    Arrival,
    Batch,
    Ending,
    Event,
    Intent,
    Link,
    Result,
    begun_by,
    instant,
    iso,
    readable,
)
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.holding import NOTHING, Due, Held
from leadbridge.domain.outcome import Outcome, Reason, State, message
from leadbridge.domain.values import blank, normalised
from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: how long a guard remembers the newest written sequence, so that an overtaken event is recognised
REMEMBER = timedelta(days=1)
#: events whose operations are made together: 17 MB of them
AT_ONCE = 1_000
#: rounds in which the guards of an end may have changed hands since the one before
GUARD_TRIES = 4


class DynamoInbox:
    """`ports.Inbox` on DynamoDB."""

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        executions: str,
        keys: str = "",
        hash_key: Callable[[], bytes],
        retention: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._table = executions
        self._keys = keys
        self._hash_key = hash_key
        self._retention = retention
        self._now = now

    def add(self, event: Event, arrival: Arrival) -> bool:
        """Store a new event and its log item; False if the execution id is known already."""
        log = self._log_item(arrival, state=State.WAITING, payload=event.payload)
        group = [
            put(self._table, log, "attribute_not_exists(pk)"),
            put(self._table, _new_item(event)),
        ]
        return write_groups(self._client, [group])[0] is None

    def set_aside(self, arrival: Arrival, *, state: str, reason: str, message: str) -> bool:
        """Record a call that does not run now, keeping its body or payload until its retention ends."""
        log = self._log_item(arrival, state=State(state), payload=arrival.payload)
        log |= {"reason": reason, "message": message}
        kept = {
            "pk": f"execution#{arrival.execution_id}",
            "sk": "payload",
            "v": VERSION,
            "version": arrival.version,
            "payload": json.dumps(arrival.payload) if arrival.payload is not None else None,
            "body": arrival.body,
        }
        if state != State.PARKED:
            log["ttl"] = kept["ttl"] = self._ttl()
        group = [put(self._table, log, "attribute_not_exists(pk)"), put(self._table, kept)]
        if state == State.PARKED:
            group.append(self._parked(arrival.action_id, arrival.execution_id, reason))
        return write_groups(self._client, [group])[0] is None

    def close(self, arrival: Arrival, result: Result) -> bool:
        """Record a call that ends without a run; nothing of its payload is kept. False if its id is known already."""
        log = self._log_item(arrival, state=State.ENDED, payload=arrival.payload)
        log |= {
            "outcome": result.outcome.value,
            "reason": str(result.reason),
            "message": result.message,
            "ended_at": iso(self._now()),
            "writeback": {"status": "not_attempted"},
            "activity": {"status": "not_attempted"},
            "attempts": 0,
            "ttl": self._ttl(),
        }
        return write_groups(self._client, [[put(self._table, log, "attribute_not_exists(pk)")]])[0] is None

    def due(self, lane: str, now: datetime, limit: int, kept: Held = NOTHING) -> Sequence[Event]:
        """Events of a lane whose due time has come, in sequence order; unreadable versions are parked."""
        return self._first(self._due(lane, now, kept), limit)

    def _first(self, query: Mapping[str, Any], limit: int) -> Sequence[Event]:
        """The first events that a query finds; unreadable versions are parked."""
        events: list[Event] = []
        pages = self._client.get_paginator("query").paginate(**query)
        with later("Query"):
            for page in pages:
                for raw in page["Items"]:
                    item = load(raw)
                    if readable(item["v"]):
                        events.append(_event(item))
                    else:
                        self._park_unreadable(item)
                if len(events) >= limit:
                    break
        return events[:limit]

    def ahead(self, event: Event) -> Sequence[Event] | None:
        """Events of the lane that came before and are not through, but for those whose values went out already."""
        with later("Query"):
            # one page: whoever asks wants an answer in milliseconds
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :lane AND sk < :own",
                FilterExpression="attribute_not_exists(answered)",
                ExpressionAttributeValues={":lane": {"S": f"lane#{event.lane}"}, ":own": {"S": event.sequence}},
            )
        items = [load(raw) for raw in answer["Items"]]
        if "LastEvaluatedKey" in answer or not all(readable(item["v"]) for item in items):
            return None
        return [_event(item) for item in items]

    def buffered(self, lane: str, persons: Sequence[str] = ()) -> Sequence[Event]:
        """Events that wait beside a lane for others to go with, in sequence order; unreadable versions are parked."""
        events: list[Event] = []
        for prefix in persons or [""]:
            query: dict[str, Any] = {
                "TableName": self._table,
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :buffer",
                "ExpressionAttributeValues": {":buffer": {"S": f"buffer#{lane}"}},
            }
            if prefix:
                query["KeyConditionExpression"] += " AND begins_with(sk, :person)"
                query["ExpressionAttributeValues"] |= {":person": {"S": f"{prefix}#"}}
            with later("Query"):
                for page in self._client.get_paginator("query").paginate(**query):
                    for raw in page["Items"]:
                        item = load(raw)
                        if readable(item["v"]):
                            events.append(_event(item))
                        else:
                            self._park_unreadable(item)
        return sorted(events, key=lambda event: event.sequence)

    def undue(self, lane: str, now: datetime, before: str) -> Sequence[Ahead]:
        """What of a lane goes on later and came before a sequence; the payloads stay where they are."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :lane AND sk < :before",
            FilterExpression="due_at > :now AND attribute_exists(persons)",
            ProjectionExpression="sk, due_at, persons",
            ExpressionAttributeValues={
                ":lane": {"S": f"lane#{lane}"},
                ":before": {"S": before},
                ":now": {"S": iso(now)},
            },
        )
        with later("Query"):
            items = [load(raw) for page in pages for raw in page["Items"]]
        return [
            Ahead(persons=tuple(item["persons"]), sequence=item["sk"], due_at=instant(item["due_at"])) for item in items
        ]

    def first_buffered(self, lane: str) -> Event | None:
        """Any event that waits beside a lane; None if there is none that can be read."""
        with later("Query"):
            answer = self._client.query(
                TableName=self._table,
                ConsistentRead=True,
                KeyConditionExpression="pk = :buffer",
                ExpressionAttributeValues={":buffer": {"S": f"buffer#{lane}"}},
                Limit=1,
            )
        items = [load(raw) for raw in answer["Items"]]
        return _event(items[0]) if items and readable(items[0]["v"]) else None

    def ripen(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events that waited for others into their lane, where they are due."""
        return self._kept(
            events,
            lambda event: [
                delete(self._table, _buffer_key(event), "attribute_exists(pk)"),
                put(self._table, _new_item(event)),
            ],
        )

    def load(self, events: Sequence[Event]) -> Sequence[Event]:
        """Move events out of their lane, beside it, with the file that their batch names; no epoch holds them."""
        moved = self._kept(
            events,
            lambda event: [
                delete(self._table, _lane_key(event), "epoch = :epoch", epoch=event.epoch),
                put(self._table, _event_item(event.evolve(epoch=0))),
                self._log_update(
                    event.execution_id,
                    state=event.state,
                    reason=event.reason,
                    message=event.message,
                    due_at="",
                    decision=event.decision or None,
                ),
            ],
        )
        return [event.evolve(epoch=0) for event in moved]

    def loaded(self, lane: str, file: str, limit: int) -> Sequence[Event]:
        """Events that stand beside a lane with a file, in sequence order; unreadable versions are parked."""
        query = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :file",
            "ExpressionAttributeValues": {":file": {"S": f"import#{lane}#{file}"}},
        }
        return self._first(query, limit)

    def unload(self, moves: Sequence[tuple[Event, Event]]) -> None:
        """Move events that stand with a file back into their lane, each as the other of its pair."""
        groups = [
            [
                delete(self._table, event_key(event), "attribute_exists(pk)"),
                put(self._table, _event_item(back)),
                self._log_update(
                    back.execution_id, state=back.state, reason=back.reason, message=back.message, due_at=""
                ),
            ]
            for event, back in moves
        ]
        write_groups(self._client, groups, touched=[_kept_bytes(event) for event, _ in moves])

    def first_due(self, lane: str, now: datetime, kept: Held = NOTHING) -> Due | None:
        """The first due event of a lane; reads only."""
        query = self._due(lane, now, kept)
        query["ExpressionAttributeNames"] = {"#state": "state"}
        projected = "received_at, action_id, #state, reason, due_at"
        pages = self._client.get_paginator("query").paginate(**query, ProjectionExpression=projected)
        with later("Query"):
            for page in pages:
                for raw in page["Items"]:
                    item = load(raw)
                    return Due(
                        action_id=item["action_id"],
                        begun=item["state"] != State.WAITING,
                        received_at=waiting_since(item),
                    )
        return None

    def _due(self, lane: str, now: datetime, kept: Held) -> dict[str, Any]:
        """The query for what is due in a lane and not kept back."""
        condition, names, values = not_kept(kept)
        due = "(attribute_not_exists(due_at) OR due_at <= :now)"
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :lane",
            "FilterExpression": f"{due} AND {condition}" if condition else due,
            "ExpressionAttributeValues": {":lane": {"S": f"lane#{lane}"}, ":now": {"S": iso(now)}, **values},
            **({"ExpressionAttributeNames": names} if names else {}),
        }

    def claim(self, events: Sequence[Event], epoch: int) -> Sequence[Event]:
        """Mark events as begun by `epoch`; one that an older epoch still held has survived a crash."""
        return self._kept(
            [begun_by(event, epoch) for event in events],
            lambda event: [
                update(
                    self._table,
                    event_key(event),
                    "SET epoch = :epoch, fence = :epoch, crashes = :crashes",
                    "attribute_exists(pk) AND epoch <= :epoch AND (attribute_not_exists(fence) OR fence <= :epoch)"
                    # whoever had it may have stored what it was about to do since it was read
                    + (" AND revision = :revision" if event.revision else " AND attribute_not_exists(revision)"),
                    None,
                    epoch=epoch,
                    crashes=event.crashes,
                    **({"revision": event.revision} if event.revision else {}),
                )
            ],
        )

    def relinquish(self, events: Sequence[Event]) -> None:
        """Let go of claimed events: their epoch becomes 0, so that they do not look like victims of a crash.

        They are due and begin anew: what was sent for them last may have been sent just now.
        """
        groups = [
            [
                update(
                    self._table,
                    event_key(event),
                    "SET epoch = :none, revision = :revision REMOVE executed_at, due_at",
                    "epoch = :epoch",
                    none=0,
                    epoch=event.epoch,
                    revision=_revision(),
                )
            ]
            for event in events
        ]
        write_groups(self._client, groups, touched=[_kept_bytes(event) for event in events])

    def save(self, events: Sequence[Event]) -> Sequence[Event]:
        """Store events as they are now, provided that their epoch still holds them."""
        return self._kept(
            events, lambda event: [put(self._table, _event_item(event), "epoch = :epoch", epoch=event.epoch)]
        )

    def defer(self, events: Sequence[Event], *, parked: bool = False) -> None:
        """Give events back: due time, state, intent and result stay; no epoch holds them."""
        groups = [
            [
                put(self._table, _event_item(event.evolve(epoch=0)), "epoch = :epoch", epoch=event.epoch),
                self._log_update(
                    event.execution_id,
                    state=State.PARKED if parked else event.state,
                    reason=event.reason,
                    message=event.message,
                    due_at=iso(event.due_at) if event.due_at else "",
                    decision=event.decision or None,
                ),
            ]
            for event in events
        ]
        write_groups(self._client, groups, touched=[_kept_bytes(event) for event in events])

    def park(self, event: Event, *, reason: str, message: str) -> bool:
        """Take an event out of its lane; its payload is kept aside until somebody redrives it."""
        group = [
            delete(self._table, event_key(event), "epoch = :epoch", epoch=event.epoch),
            put(self._table, _kept_item(event)),
            self._log_update(
                event.execution_id,
                state=State.PARKED,
                reason=reason,
                message=message,
                due_at="",
                decision=event.decision or None,
            ),
            self._parked(event.action_id, event.execution_id, reason),
        ]
        return write_groups(self._client, [group])[0] is None

    def finish(self, endings: Sequence[Ending]) -> Sequence[Ending]:
        """Record outcomes; in the same transaction the payload goes, or what is kept of it, and the guards are let go.

        A guard that expired and is another's by now is not taken from that one, but it learns what was written.
        """
        recorded: dict[int, Ending] = {}
        pending: dict[int, dict[int, Item]] = {place: {} for place in range(len(endings))}
        for _ in range(GUARD_TRIES):
            answers = write_groups(
                self._client,
                [self._ending_group(endings[place], found) for place, found in pending.items()],
                touched=[_kept_bytes(endings[place].event) for place in pending],
            )
            again: dict[int, dict[int, Item]] = {}
            for (place, found), answer in zip(pending.items(), answers, strict=True):
                if answer is None:
                    recorded[place] = endings[place]
                elif 0 not in dict(answer):  # without its event the rest is refused for good
                    again[place] = found | {number: item or {} for number, item in answer}
            pending = again
            if not pending:
                return [recorded[place] for place in sorted(recorded)]
        raise TransientError("guards change hands all the time", vendor="aws", operation="TransactWriteItems")

    def readmit(self, event: Event, *, was: State, times: int) -> bool:
        """Bring a call back into its lane that was parked, rejected or not run; False if it is not `was` any more.

        Or if it was brought back more often than so many `times` before: then `event` is of an earlier end.
        """
        group = [
            put(self._table, _event_item(event), "attribute_not_exists(pk)"),
            delete(self._table, {"pk": f"execution#{event.execution_id}", "sk": "payload"}),
            delete(self._table, parked_key(event.action_id, event.execution_id)),
            self._log_update(
                event.execution_id,
                was=(was, times),
                forget="ttl",  # of a call that was set aside; what waits again must not vanish
                redriven=times + 1,
                state=event.state,
                reason="",
                message="",
                due_at="",
                **self._person(event.payload),
            ),
        ]
        return write_groups(self._client, [group])[0] is None

    def hurry(self, event_key: Mapping[str, str]) -> bool:
        """Make a waiting event due at once; False if it is not in its lane (any more).

        Due from now on, and not since ever: a worker that has looked what is due before finds it with what is not.
        """
        expression = "SET due_at = :now, revision = :revision"
        exists, now = "attribute_exists(pk)", iso(self._now())
        operation = update(self._table, event_key, expression, exists, now=now, revision=_revision())
        return write_groups(self._client, [[operation]])[0] is None

    def _ending_group(self, ending: Ending, found: Mapping[int, Item]) -> list[Operation]:
        """The writes of an end; `found` holds the guards that stood in its way before, by place in the group."""
        event, result = ending.event, ending.result
        facts: dict[str, Any] = {
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
            "member": _part(ending.member) if ending.member else None,
            "attempts": event.attempts,
            "decision": event.decision or None,
            "due_at": "",
            "ttl": self._ttl(),
            **self._address(event),
        }
        operations = [
            delete(self._table, event_key(event), "epoch = :epoch", epoch=event.epoch),
            self._log_update(event.execution_id, **facts),
        ]
        guards = [
            self._let_go(guard, event, found.get(place), written=ending.written)
            for place, guard in enumerate(ending.guards, start=len(operations))
        ]
        # last, because refused operations are told from each other by their place
        told = [put_told(self._table, event.chunk, ending.told, self._now())] if ending.told else []
        kept = [put(self._table, _kept_item(ending.kept) | {"ttl": self._ttl()})] if ending.kept else []
        return operations + guards + told + kept

    def _let_go(self, guard: str, event: Event, found: Item | None, *, written: bool) -> Operation:
        """Release a guard and remember what was written under it, as far as `found` (its item, if refused) allows."""
        # the newest sequence of each Action; the attribute name carries the Action id
        last = f"last#{event.action_id}"
        expressions, conditions = [], []
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        if written and (found is None or str(found.get(last, "")) < event.sequence):
            expressions.append("SET #last = :sequence, #ttl = :ttl, v = :v")
            conditions.append("(attribute_not_exists(#last) OR #last < :sequence)")
            names |= {"#last": last, "#ttl": "ttl"}
            values |= {"sequence": event.sequence, "ttl": int((self._now() + REMEMBER).timestamp()), "v": VERSION}
        if found is None or found.get("owner") == event.execution_id:
            expressions.append("REMOVE #o, expires_at")
            conditions.append("#o = :owner")
            names |= {"#o": "owner"}
            values |= {"owner": event.execution_id}
        if written:
            expressions.append("ADD writes :one")
            values |= {"one": 1}
        if not expressions:  # another's by now, and nothing was written
            return update(self._keys, {"pk": guard}, "SET v = :v", v=VERSION)
        return update(self._keys, {"pk": guard}, " ".join(expressions), " AND ".join(conditions), names=names, **values)

    def _parked(self, action_id: str, execution_id: str, reason: str) -> Operation:
        return put(self._table, parked_item(action_id, execution_id, str(reason), self._now()))

    def _kept(self, events: Sequence[Event], group_of: Callable[[Event], Sequence[Operation]]) -> list[Event]:
        """The events whose group of operations was written; a whole file of them would not fit into memory at once."""
        kept: list[Event] = []
        for some in batched(events, AT_ONCE, strict=False):
            answers = write_groups(
                self._client, [group_of(event) for event in some], touched=[_kept_bytes(event) for event in some]
            )
            kept += [event for event, answer in zip(some, answers, strict=True) if answer is None]
        return kept

    def _park_unreadable(self, item: Item) -> None:
        reason = Reason.UNKNOWN_VERSION
        kept = {
            "pk": f"execution#{item['execution_id']}",
            "sk": "payload",
            "v": VERSION,
            "payload": item["payload"],
            "event": json.dumps({name: value for name, value in item.items() if name != "payload"}),
        }
        group = [
            delete(self._table, {"pk": item["pk"], "sk": item["sk"]}, "v = :v", v=item["v"]),
            put(self._table, kept),
            self._log_update(
                item["execution_id"],
                state=State.PARKED,
                reason=reason,
                message=message(reason, version=item["v"]),
            ),
            self._parked(item.get("action_id", ""), item["execution_id"], reason),
        ]
        write_groups(self._client, [group])

    def _log_item(self, arrival: Arrival, *, state: State, payload: Mapping[str, Any] | None) -> dict[str, Any]:
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

    def _person(self, payload: Mapping[str, Any]) -> dict[str, str | None]:
        """Under what a person's executions are found: the lead id, and keyed hashes of it and of the address."""
        lead, campaign = _plain(payload.get("lead")), _plain(payload.get("campaign"))
        email = lead.get("email")
        key = self._hash_key()
        return {
            "lead_id": str(lead["id"]) if lead.get("id") else None,
            "lead_hash": keyed_hash(key, "lead", str(lead["id"])) if lead.get("id") else None,
            "email_hash": None if blank(email) else keyed_hash(key, "email", normalised(email)),
            "campaign_id": None if blank(campaign.get("id")) else str(campaign["id"]),
            "campaign_name": None if blank(campaign.get("name")) else str(campaign["name"]),
        }

    def _address(self, event: Event) -> dict[str, str]:
        """The address of a person whose call did not bring it: executions are found by it."""
        email = (event.read or {}).get("email")
        return {} if blank(email) else {"email_hash": keyed_hash(self._hash_key(), "email", normalised(email))}

    def _log_update(
        self, execution_id: str, *, was: tuple[State, int] | None = None, forget: str = "", **facts: Any
    ) -> Operation:
        """An update of the log item; with `was` it is refused unless that is its state, and it came back so often."""
        present = {name: value for name, value in facts.items() if value is not None}
        names = {f"#f{index}": name for index, name in enumerate(present)}
        expression = "SET " + ", ".join(f"#f{index} = :f{index}" for index in range(len(present)))
        values = {f"f{index}": _stored(value) for index, value in enumerate(present.values())}
        if forget:
            expression, names = f"{expression} REMOVE #forget", names | {"#forget": forget}
        key = {"pk": f"execution#{execution_id}", "sk": "log"}
        if was is None:
            return update(self._table, key, expression, names=names, **values)
        state, times = was
        names |= {"#state": "state", "#redriven": "redriven"}
        known = "#redriven = :times" if times else "attribute_not_exists(#redriven)"
        values |= {"was": state.value} | ({"times": times} if times else {})
        return update(self._table, key, expression, f"#state = :was AND {known}", names=names, **values)

    def _ttl(self) -> int:
        return int((self._now() + self._retention).timestamp())


def _stored(value: Any) -> Any:
    return value.value if isinstance(value, State | Outcome | Reason) else value


def _plain(value: Any) -> dict[str, Any]:
    """The plain members of an object; what a template nests inside is a person's data, not an id or a name."""
    members = value.items() if isinstance(value, Mapping) else ()
    return {name: item for name, item in members if isinstance(item, str | int | float)}


def _part(part: Any) -> dict[str, str]:
    return {name: str(getattr(part, name)) for name in ("status", "reason", "message") if getattr(part, name)}


def event_key(event: Event) -> dict[str, str]:
    """The key of an event's item in the executions table."""
    if event.file:
        return {"pk": f"import#{event.lane}#{event.file}", "sk": event.sequence}
    return _buffer_key(event) if event.buffered else _lane_key(event)


def _lane_key(event: Event) -> dict[str, str]:
    return {"pk": f"lane#{event.lane}", "sk": event.sequence}


def _buffer_key(event: Event) -> dict[str, str]:
    """The key of an event that waits for others; all that waits of a person stands together."""
    return {"pk": f"buffer#{event.lane}", "sk": f"{event.person}#{event.sequence}"}


def _kept_bytes(event: Event) -> int:
    """How large an event's item is, as far as what the call brought makes it so."""
    return len(json.dumps(event.payload))


def _revision() -> str:
    return uuid.uuid4().hex[:12]


def _event_item(event: Event) -> dict[str, Any]:
    return event_key(event) | {
        "v": VERSION,
        "revision": _revision(),
        "execution_id": event.execution_id,
        "action_id": event.action_id,
        "received_at": iso(event.received_at),
        "payload": json.dumps(event.payload),
        "state": event.state.value,
        "epoch": event.epoch,
        "fence": event.fence,
        "attempts": event.attempts,
        "crashes": event.crashes,
        "failing_since": iso(event.failing_since) if event.failing_since else None,
        "due_at": iso(event.due_at) if event.due_at else None,
        "executed_at": iso(event.executed_at) if event.executed_at else None,
        "action_version": event.version,
        "guards": list(event.guards),
        "intent": _intent_item(event.intent),
        "result": _result_item(event.result),
        "chain": [
            {"name": link.name, "intent": _intent_item(link.intent), "result": _result_item(link.result)}
            for link in event.chain
        ]
        or None,
        "read": None if event.read is None else json.dumps(event.read),
        "chunk": event.chunk or None,
        "answered": event.answered or None,
        "redone": event.redone or None,
        "activity_uncertain": event.activity_uncertain,
        "doubted_at": iso(event.doubted_at) if event.doubted_at else None,
        "reason": event.reason,
        "message": event.message,
        "decision": dict(event.decision) or None,
        "persons": list(event.persons) or None,
        "batch": _batch_item(event.batch),
    }


def _new_item(event: Event) -> dict[str, Any]:
    """Of an event that nobody can have read in its place."""
    return _event_item(event) | {"revision": event.revision or None}


def _batch_item(batch: Batch | None) -> dict[str, Any] | None:
    # a name that is younger than the others is left out where it says nothing, for readers that do not know it
    return {name: value for name, value in asdict(batch).items() if name != "file" or value} if batch else None


def _kept_item(event: Event) -> dict[str, Any]:
    """What is kept of an event that leaves its lane and may come back."""
    return {
        "pk": f"execution#{event.execution_id}",
        "sk": "payload",
        "v": VERSION,
        "payload": json.dumps(event.payload),
        "event": json.dumps({name: value for name, value in _event_item(event).items() if name != "payload"}),
    }


def _intent_item(intent: Intent | None) -> dict[str, Any] | None:
    if intent is None:
        return None
    return {
        "operation": intent.operation,
        "at": iso(intent.at),
        "attempt": intent.attempt,
        "record_id": intent.record_id or "",
        "before": list(intent.before),
        "written": intent.written,
        "object": intent.object,
    } | ({"file": intent.file, "row": intent.row} if intent.file else {})


def _result_item(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "outcome": result.outcome.value,
        "reason": str(result.reason),
        "message": result.message,
        "record_id": result.record_id or "",
        "object": result.object,
    }


def event_of(item: Mapping[str, Any]) -> Event:
    """The event that an inbox item (or the kept form of a parked one) holds."""
    return _event(item)


def _event(item: Mapping[str, Any]) -> Event:
    return Event(
        execution_id=item["execution_id"],
        action_id=item["action_id"],
        lane=item["pk"].split("#")[1],
        sequence=item["sk"].partition("#")[2] if item["pk"].startswith("buffer#") else item["sk"],
        received_at=instant(item["received_at"]),
        payload=json.loads(item["payload"]),
        state=State(item["state"]),
        epoch=item["epoch"],
        fence=item.get("fence", item["epoch"]),
        revision=item.get("revision") or "",
        attempts=item["attempts"],
        crashes=item["crashes"],
        failing_since=instant(item["failing_since"]) if item.get("failing_since") else None,
        due_at=instant(item["due_at"]) if item.get("due_at") else None,
        executed_at=instant(item["executed_at"]) if item.get("executed_at") else None,
        version=item["action_version"],
        guards=tuple(item.get("guards", ())),
        intent=_intent(item.get("intent")),
        result=_result(item.get("result")),
        chain=tuple(
            Link(name=link["name"], intent=_intent(link.get("intent")), result=_result(link.get("result")))
            for link in item.get("chain") or ()
        ),
        read=json.loads(item["read"]) if item.get("read") else None,
        chunk=item.get("chunk") or "",
        answered=bool(item.get("answered")),
        redone=bool(item.get("redone")),
        activity_uncertain=item["activity_uncertain"],
        doubted_at=instant(item["doubted_at"]) if item.get("doubted_at") else None,
        reason=item["reason"],
        message=item["message"],
        decision=item.get("decision") or {},
        persons=tuple(item.get("persons") or ()),
        batch=Batch(**item["batch"]) if item.get("batch") else None,
    )


def _intent(item: Mapping[str, Any] | None) -> Intent | None:
    if not item:
        return None
    return Intent(
        operation=item["operation"],
        at=instant(item["at"]),
        attempt=item["attempt"],
        record_id=item["record_id"] or None,
        before=tuple(item["before"]),
        written=item.get("written", ""),
        object=item.get("object", ""),
        file=item.get("file", ""),
        row=item.get("row", 0),
    )


def _result(item: Mapping[str, Any] | None) -> Result | None:
    if not item:
        return None
    return Result(
        outcome=Outcome(item["outcome"]),
        reason=item["reason"],
        message=item["message"],
        record_id=item["record_id"] or None,
        object=item.get("object", ""),
    )
