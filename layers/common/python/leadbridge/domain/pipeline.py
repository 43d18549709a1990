"""The decisions of an Action run, as functions over values: filter, dedupe, match, map, write, report.

An Action is compiled once per version (`domain.compiled`); everything below runs per event and looks names up in
dictionaries only. Nothing here performs I/O.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leadbridge.domain import action as documents
from leadbridge.domain import matching, webhook
from leadbridge.domain.compiled import CompiledAction, compile_action
from leadbridge.domain.event import Event, Intent, Result
from leadbridge.domain.evolving import evolved
from leadbridge.domain.guards import lead_guard, match_guards
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.links import link_guards
from leadbridge.domain.matching import Look, Match, match_key
from leadbridge.domain.outcome import NOT_PROCESSED, Outcome, Reason, State, message
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs, NoValueError
from leadbridge.domain.standing import ids_of_links, summary
from leadbridge.domain.transforms import RuleFailedError
from leadbridge.domain.values import WrongTypeError, blank, coerce, normalised, text

if TYPE_CHECKING:
    from leadbridge.domain.connector import AnyAction

__all__ = [
    "Candidate",
    "Claim",
    "CompiledAction",
    "Wait",
    "Write",
    "activity_attributes",
    "admit",
    "backoff_seconds",
    "claims_of",
    "compile_action",
    "contested",
    "decide_write",
    "decides_anew",
    "errored",
    "holds",
    "instead",
    "left_alone",
    "map_fields",
    "match_key",
    "overtaken",
    "reports",
    "success",
    "superseded",
    "told_as",
    "told_row",
    "unmapped",
    "writeback_row",
    "written_under",
]

#: how long an event id is remembered: longer than SQS keeps a message and than anybody replays by hand
EVENT_ID_SECONDS = 14 * 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: instead of what was written under an event's guards: unlike anything that `written_under` gives
_ANYTHING = "anything"


# no slots: see `evolving`
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An event that passed its filter, with the keys that must be its own while it runs.

    What is remembered of it does not hang on its event, which moves on.
    """

    event: Event
    compiled: CompiledAction
    columns: Mapping[str, Any]
    lead_guard: str
    #: how its record is looked for, in order
    looks: tuple[Look, ...]
    claims: tuple["Claim", ...]
    #: the keys of chained records that several persons may have in common, by the names of their links
    link_guards: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def own_looks(self) -> tuple[Look, ...]:
        """How it is looked for in the object in which a record would be created."""
        own = self.compiled.target.name
        return tuple(look for look in self.looks if look.object == own)

    @property
    def identifier(self) -> str:
        """The value, trimmed, by which it is looked for first where it would be created."""
        return self.own_looks[0].value

    @property
    def match_key(self) -> str:
        """The same value, normalised."""
        return self.own_looks[0].key

    @cached_property
    def match_guards(self) -> tuple[str, ...]:
        """The keys that stand for the values by which its record is found."""
        return tuple(look.guard for look in self.looks)

    @cached_property
    def own_guards(self) -> frozenset[str]:
        """The keys that stand for the person and the person's own record."""
        return frozenset({self.lead_guard, *self.match_guards})

    @cached_property
    def guards(self) -> tuple[str, ...]:
        """The keys that must be this event's own while it runs, in the order in which they are taken."""
        return tuple(sorted({*self.own_guards, *self.link_guards.values()} - {""}))

    @property
    def thorough(self) -> bool:
        """Whether every look must be taken: a record that was or will be created is told from those before it."""
        return self.event.intent is not None or self.compiled.action.type is documents.ActionType.CREATE

    def with_event(self, event: Event) -> "Candidate":
        """The same candidate after its event moved on."""
        return evolved(self, {"event": event})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A dedupe claim: of events that arrived within `window_seconds` of each other, one holds `key`."""

    key: str
    reason: Reason
    window_seconds: int
    payload_hash: str
    fields: tuple[str, ...] = ()

    def slots(self, received_at: datetime) -> tuple[str, str, str]:
        """The stretch of time, one window long, that an arrival lies in, and the two beside it, each as a key.

        Two arrivals in one slot are duplicates; two that lie a window or more apart are not, and whatever is nearer
        lies in one of the three. So every claim of the past has its own place, in whatever order events come to us.
        """
        slot = (received_at - _EPOCH) // timedelta(seconds=self.window_seconds)
        return f"{self.key}#{slot}", f"{self.key}#{slot - 1}", f"{self.key}#{slot + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One record to be written: the fields, and the intent that is stored before the call."""

    candidate: Candidate
    intent: Intent
    fields: Mapping[str, Any]
    #: the first attempt of this create may have been committed, so "updated" still means "created"
    repeated: bool = False

    def with_event(self, event: Event) -> "Write":
        """The same write after its event moved on."""
        return replace(self, candidate=self.candidate.with_event(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The vendor cannot tell yet whether the record was written; look again at `until`."""

    until: datetime


def admit(event: Event, compiled: CompiledAction, secret: bytes) -> Candidate | Result:
    """Filter: the condition, then the identifier; a Result means the event ends here.

    An event that was begun before is not filtered again: what it wrote must be seen through.
    """
    action = compiled.action
    columns = event.columns
    if event.state is State.WAITING and compiled.conditions is not None:
        decision = compiled.conditions.decide(columns, event.received_at)
        if decision.failing is not None:
            return _skipped(Reason.CONDITION_NOT_MET, clause=decision.failing)

    guard = match_guards(secret, action.destination.connection)
    looks = matching.looks_of(compiled, columns, guard)
    if isinstance(looks, Result):
        return looks
    return Candidate(
        event=event,
        compiled=compiled,
        columns=columns,
        lead_guard=lead_guard(secret, action.source.connection, str(event.lead_id)),
        looks=looks,
        claims=claims_of(event, action, columns, secret),
        link_guards=link_guards(compiled.chain, Inputs(columns=columns, at=event.received_at), guard),
    )


def map_fields(candidate: Candidate, object_name: str = "") -> dict[str, Any] | Result:
    """Map: the destination record's fields by name, or the failure that names field and types.

    Without a name the record is one of the object in which records are created.
    """
    target = candidate.compiled.target_of(object_name)
    record = dict(target.statics)
    inputs = Inputs(columns=candidate.columns, at=candidate.event.received_at)
    for source in target.fields:
        try:
            value = source.value(inputs)
        except FAILURES as failure:
            return unmapped(source, failure)
        if value is not LEFT_ALONE:
            record[source.to] = value
    return record


def overtaken(candidate: Candidate, guard: str, last: Mapping[str, str]) -> bool:
    """Whether a newer event of the same Action was already written under one of the guards.

    `last` maps Action id to the newest sequence written under `guard`. A create is never overtaken: it makes its own
    record. A write in doubt is overtaken only where the newer one wrote the same record: another record of the
    person tells nothing about ours.
    """
    action, intent = candidate.compiled.action, candidate.event.intent
    if action.type is documents.ActionType.CREATE:
        return False
    if intent is not None and intent.operation != "update" and guard not in candidate.match_guards:
        return False
    return last.get(action.id, "") > candidate.event.sequence


def written_under(writes: Mapping[str, int]) -> str:
    """A short form of how often something was written under each guard."""
    found = "\x1f".join(f"{guard} {count}" for guard, count in sorted(writes.items()))
    return hashlib.sha256(found.encode()).hexdigest()[:16]


def left_alone(event: Event) -> Event:
    """The event as it is parked: what happens under its guards from now on, it cannot know."""
    chain = tuple(replace(link, intent=_away(link.intent)) for link in event.chain)
    return event.evolve(intent=_away(event.intent), chain=chain)


def _away(intent: Intent | None) -> Intent | None:
    return replace(intent, written=_ANYTHING) if intent else None


def contested(candidate: Candidate, written: str) -> bool:
    """Whether others may have written under the candidate's guards since its intent: it was away without them.

    Another event that was parked in doubt, too, may have written without a trace.
    """
    intent = candidate.event.intent
    return intent is not None and intent.written not in {"", written}


def decides_anew(event: Event) -> bool:
    """Whether a result is made again before it is told: what was found may have changed meanwhile."""
    return event.result is not None and event.result.outcome is Outcome.DECIDED and not event.answered


def superseded(candidate: Candidate, matches: Sequence[Match], *, by_another_lead: bool) -> Result:
    """The result of an overtaken event; another lead of the same record still learns the record's id."""
    look, found = matching.deciding(candidate.looks, matches)
    chosen = matching.choose(candidate.compiled, look, found) if found and by_another_lead else None
    return Result(
        outcome=Outcome.SUPERSEDED,
        reason=Reason.OVERTAKEN,
        message=message(Reason.OVERTAKEN),
        record_id=chosen.id if chosen else None,
        object=_other(candidate, chosen.object) if chosen else "",
    )


def decide_write(
    candidate: Candidate,
    matches: Sequence[Match],
    *,
    now: datetime,
    settle: timedelta,
    contested: bool = False,
) -> Write | Result | Wait:
    """Match and plan: what is to be written, given the records whose identifier equals the event's.

    `contested` says that others were written to records of the same person or identifier while the event was away.
    """
    interrupted = candidate.event.intent
    if interrupted is not None:
        resumed = _resume(candidate, interrupted, matches, now=now, settle=settle, contested=contested)
        if resumed is not None:
            return resumed
    compiled, kind = candidate.compiled, candidate.compiled.action.type
    look, found = matching.deciding(candidate.looks, matches)
    chosen = matching.choose(compiled, look, found) if found else None
    if kind is documents.ActionType.DECIDE:
        return _decided(candidate, look, found, chosen)
    exists = bool(found) and kind is not documents.ActionType.CREATE
    record = map_fields(candidate, (chosen.object if chosen else look.object) if exists else "")
    if isinstance(record, Result):
        return record
    if exists and chosen is None:
        return matching.ambiguous(compiled, look, found)
    if not exists and kind is documents.ActionType.UPDATE:
        return _skipped(Reason.NO_MATCH, **_nowhere(candidate))
    first = candidate.own_looks[0].field == compiled.identifier
    operation = "update" if exists else "upsert" if compiled.upserts_by_field and first else "create"
    return _write(candidate, record, operation, now=now, before=_ids(matches), chosen=chosen if exists else None)


def instead(write: Write, found: Sequence[str], *, now: datetime) -> Write | Result | None:
    """What is done where a duplicate rule of the org refused a new record and named others: the one is updated.

    None if that cannot be told to be one of the Action's records.
    """
    candidate, compiled = write.candidate, write.candidate.compiled
    targets = {record_id: compiled.target_by_id(record_id) for record_id in found}
    if len(targets) != 1 or None in targets.values():
        return None
    ((record_id, target),) = targets.items()
    chosen = matching.Chosen(object=target.name if target else "", id=record_id)
    record = map_fields(candidate, chosen.object)
    if isinstance(record, Result):
        return record
    kept = _write(candidate, record, "update", now=now, before=write.intent.before, chosen=chosen)
    return replace(kept, intent=replace(kept.intent, written=write.intent.written))


def success(write: Write, record_id: str, *, created: bool) -> Result:
    """The result of a write that the vendor confirmed."""
    made = created or (write.repeated and not write.intent.before)
    outcome = Outcome.CREATED if made else Outcome.UPDATED
    return Result(outcome=outcome, record_id=record_id, object=write.intent.object)


def writeback_row(candidate: Candidate, result: Result, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Marketo row that carries destination values back, or None if nothing is to be written back.

    A person that a decision did not find has no values; fields that the record's object does not have are left alone.
    """
    compiled = candidate.compiled
    if not compiled.writeback:
        return None
    row = told_row(candidate, result, record, compiled.action.writeback, compiled.writeback)
    return row if row is not None and len(row) > 1 else None


def told_row(
    candidate: Candidate,
    result: Result,
    record: Mapping[str, Any],
    written: Sequence[documents.WriteBack],
    sources: Sequence[CompiledSource],
) -> dict[str, Any] | None:
    """The person's id with what `sources` tell of the execution and its record; None of an event without a record.

    `written` are the same sources as they are written; see `writeback_row`.
    """
    if result.record_id is None and result.outcome is not Outcome.DECIDED:
        return None
    compiled = candidate.compiled
    several = len(compiled.targets) > 1 and result.record_id is not None
    has = {"Id", *compiled.target_of(result.object).read_back_fields} if several else None
    backs = [
        source
        for source, back in zip(sources, written, strict=True)
        if has is None or back.field is None or back.field in has
    ]
    inputs = Inputs(
        columns=candidate.columns,
        at=candidate.event.received_at,
        facts=_facts(candidate.columns, compiled.action, candidate.event, result),
        record={**record, "Id": result.record_id},
        links=ids_of_links(candidate.event),
    )
    return {"id": candidate.event.lead_id} | _told(backs, inputs)


def holds(record: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a vendor's record shows every value of a row; a value that only looks different counts as absent."""
    return all(
        blank(record.get(name)) if blank(value) else not blank(record.get(name)) and text(record[name]) == text(value)
        for name, value in row.items()
    )


def activity_attributes(
    candidate_columns: Mapping[str, Any],
    action: documents.Action,
    event: Event,
    result: Result,
    record: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """The secondary attributes of the result activity; the execution id is always among them."""
    inputs = Inputs(
        columns=candidate_columns,
        at=event.received_at,
        facts=_facts(candidate_columns, action, event, result),
        record={**(record or {}), "Id": result.record_id},
        links=ids_of_links(event),
    )
    attributes = {name: text(value) for name, value in _told(action.attributes, inputs).items() if not blank(value)}
    attributes[action.results.execution_attribute] = event.execution_id
    return attributes


def _facts(columns: Mapping[str, Any], action: documents.Action, event: Event, result: Result) -> dict[str, str]:
    """What an execution can tell about itself."""
    return {
        "execution_id": event.execution_id,
        "action_name": action.name,
        "action_id": action.id,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "message": result.message,
        "salesforce_id": result.record_id or "",
        "decision": result.reason.replace("_", " ") if result.outcome is Outcome.DECIDED else "",
        "campaign_name": text(columns.get("campaign.name") or ""),
        "chained": summary(action, event),
    }


def reports(action: documents.Action, result: Result) -> bool:
    """Whether the marketer is told by a custom activity.

    Successes and failures are; what was not processed only where the Action has a word for it, and the person is there.
    """
    if result.outcome in NOT_PROCESSED:
        return action.results.not_processed is not None and result.reason != Reason.LEAD_UNKNOWN
    return True


def told_as(action: documents.Action, result: Result) -> str:
    """The primary attribute of the result activity."""
    if errored(result):
        return action.results.errored
    if result.outcome in NOT_PROCESSED and action.results.not_processed:
        return action.results.not_processed
    return action.results.success


def errored(result: Result) -> bool:
    """Whether the marketer is told of an error: the record was not written, or not all that is chained to it."""
    return result.outcome is Outcome.FAILED or result.reason == Reason.CHAINED_FAILED


def backoff_seconds(attempts: int, first: float, ceiling: float = 900.0) -> float:
    """Seconds before try number `attempts` + 1: doubling from `first`, at most `ceiling`."""
    return float(min(ceiling, first * 2 ** min(attempts, 20)))


def claims_of(event: Event, action: "AnyAction", columns: Mapping[str, Any], secret: bytes) -> tuple[Claim, ...]:
    """The dedupe claims of an event: by its event id, and by the columns that its Action names."""

    def claim(reason: Reason, window_seconds: int, *values: str, fields: Sequence[str] = ()) -> Claim:
        return Claim(
            key=keyed_hash(secret, reason, action.id, *values),
            reason=reason,
            window_seconds=window_seconds,
            payload_hash=keyed_hash(secret, "payload", webhook.payload_hash(event.payload)),
            fields=tuple(fields),
        )

    claims = []
    event_id = event.payload.get("event_id")
    if not blank(event_id):
        claims.append(claim(Reason.DUPLICATE_EVENT_ID, EVENT_ID_SECONDS, text(event_id)))
    if action.deduplicate:
        found = [columns.get(name) for name in action.deduplicate.columns]
        values = ["" if blank(value) else normalised(value) for value in found]  # zero and false are values
        if any(values):
            window = action.deduplicate.window_seconds
            claims.append(claim(Reason.DUPLICATE_WINDOW, window, *values, fields=action.deduplicate.columns))
    return tuple(claims)


def _resume(
    candidate: Candidate,
    intent: Intent,
    matches: Sequence[Match],
    *,
    now: datetime,
    settle: timedelta,
    contested: bool,
) -> Write | Result | Wait | None:
    """What to do with a write that may or may not have been committed; None: as if it had not been begun."""
    record = map_fields(candidate, intent.object)
    if isinstance(record, Result):  # cannot happen with an unchanged Action; a changed one may refuse
        record = {}
    early = now < intent.at + settle
    if intent.operation == "update":
        # an update that is repeated too soon could be followed by its first attempt, and that undo what came next
        same = matching.Chosen(object=intent.object or candidate.compiled.target.name, id=str(intent.record_id))
        again = _write(candidate, record, "update", now=now, before=intent.before, chosen=same)
        return Wait(until=intent.at + settle) if early else again
    fresh = [match for match in matches if _is_ours(match, intent, candidate)]
    marked = candidate.compiled.action.destination.idempotency_field
    if contested and fresh and not marked and candidate.compiled.action.type is documents.ActionType.UPSERT:
        return None  # whoever made the record, our fields are to be in it
    if len(fresh) == 1 and (marked or not contested):
        ours = matching.followed(fresh[0], candidate.compiled.target.name, candidate.compiled)
        return Result(outcome=Outcome.CREATED, record_id=ours.id, object=_other(candidate, ours.object))
    if fresh:
        ids = ", ".join(str(match["Id"]) for match in fresh)
        return Result(
            outcome=Outcome.FAILED, reason=Reason.UNCERTAIN, message=message(Reason.UNCERTAIN, candidates=ids)
        )
    if early:
        return Wait(until=intent.at + settle)
    return replace(_write(candidate, record, intent.operation, now=now, before=intent.before), repeated=True)


def _is_ours(match: Match, intent: Intent, candidate: Candidate) -> bool:
    own = candidate.compiled.target.name
    if matching.type_of(match, own) != own:
        return False
    marker = candidate.compiled.action.destination.idempotency_field
    if marker:
        return bool(match.get(marker) == candidate.event.execution_id)
    # ids, not times, tell new from old: the vendor's clock and ours may differ by minutes
    return str(match["Id"]) not in intent.before


def _write(
    candidate: Candidate,
    record: Mapping[str, Any],
    operation: str,
    *,
    now: datetime,
    before: tuple[str, ...],
    chosen: matching.Chosen | None = None,
) -> Write:
    fields = dict(record)
    action = candidate.compiled.action
    if operation != "update" and action.destination.idempotency_field:
        fields[action.destination.idempotency_field] = candidate.event.execution_id
        operation = "create"
    if operation == "upsert" or (operation == "create" and action.type is documents.ActionType.UPSERT):
        # a new record must be found by its identifiers next time, whether or not a mapping names them
        for look in candidate.own_looks:
            fields.setdefault(look.field.name, coerce(look.value, look.field))
    previous = candidate.event.intent
    intent = Intent(
        operation=operation,
        at=now,
        attempt=previous.attempt + 1 if previous else 1,
        record_id=chosen.id if chosen else None,
        before=before,
        object=_other(candidate, chosen.object) if chosen else "",
    )
    return Write(candidate=candidate, intent=intent, fields=fields)


def _decided(candidate: Candidate, look: Look, found: Sequence[Match], chosen: matching.Chosen | None) -> Result:
    """What an Action that only looks says."""
    if found and chosen is None:
        return matching.ambiguous(candidate.compiled, look, found)
    reason = Reason.FOUND if chosen else Reason.NOT_FOUND
    facts = {"object": chosen.object} if chosen else _nowhere(candidate)
    return Result(
        outcome=Outcome.DECIDED,
        reason=reason,
        message=message(reason, **facts),
        record_id=chosen.id if chosen else None,
        object=_other(candidate, chosen.object) if chosen else "",
    )


def _nowhere(candidate: Candidate) -> dict[str, str]:
    """The objects and fields in which a person was not found, for a sentence."""
    objects = dict.fromkeys(look.object for look in candidate.looks)
    fields = dict.fromkeys(look.field.name for look in candidate.looks)
    return {"object": " or ".join(objects), "field": " or ".join(fields)}


def _ids(matches: Sequence[Match]) -> tuple[str, ...]:
    return tuple(str(match["Id"]) for match in matches)


def _other(candidate: Candidate, object_name: str) -> str:
    """An object as it is kept: nothing for the one in which records are created, as documents always meant it."""
    return "" if object_name == candidate.compiled.target.name else object_name


def _told(sources: Sequence[CompiledSource], inputs: Inputs) -> dict[str, Any]:
    """Values by field for what is told after the write; one that cannot be made is left out, the record is written."""
    values: dict[str, Any] = {}
    for source in sources:
        with suppress(*FAILURES):
            values[source.to] = source.value(inputs)
    return {name: value for name, value in values.items() if value is not LEFT_ALONE}


def unmapped(source: CompiledSource, failure: Exception) -> Result:
    """The failure of a record of which one field cannot be given its value."""
    facts = {"column": source.name, "field": source.to}
    if isinstance(failure, NoValueError):
        reason = Reason.VALUE_MISSING
    elif isinstance(failure, RuleFailedError):
        reason = Reason.RULE_FAILED
        facts |= {"rule": failure.rule, "type": failure.expected, "found": failure.found}
    elif isinstance(failure, WrongTypeError):
        reason = Reason.VALUE_INVALID
        facts |= {"type": failure.expected, "found": failure.found}
    else:
        raise failure
    return Result(outcome=Outcome.FAILED, reason=reason, message=message(reason, **facts))


def _skipped(reason: Reason, **facts: object) -> Result:
    return Result(outcome=Outcome.SKIPPED, reason=reason, message=message(reason, **facts))
