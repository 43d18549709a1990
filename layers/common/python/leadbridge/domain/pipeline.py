"""The decisions of an Action run, as functions over values: filter, dedupe, match, map, write, report.

`compile_action` is done once per Action version; everything below it runs per event and looks names up in
dictionaries only. Nothing here performs I/O.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain import action as documents
from leadbridge.domain import webhook
from leadbridge.domain.conditions import Conditions, compile_conditions
from leadbridge.domain.event import Event, Intent, Result
from leadbridge.domain.outcome import WRITTEN, Outcome, Reason, State, message
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import (
    FAILURES,
    LEFT_ALONE,
    CompiledSource,
    Inputs,
    NoValueError,
    compile_source,
)
from leadbridge.domain.transforms import Place, RuleFailedError
from leadbridge.domain.values import (
    TEXT_TYPES,
    WrongTypeError,
    blank,
    coerce,
    coercion,
    normalised,
    text,
    valid_identifier,
)

#: how long an event id is remembered: longer than SQS keeps a message and than anybody replays by hand
EVENT_ID_SECONDS = 14 * 86_400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: instead of what was written under an event's guards: unlike anything that `written_under` gives
_ANYTHING = "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledAction:
    """An Action version made ready to run against one description of the destination object."""

    action: documents.Action
    version: int
    identifier: FieldDescription
    #: every mapping, in the order of the document
    mapped: tuple[CompiledSource, ...]
    #: what every written record carries regardless of the person, and the mappings that depend on the event
    statics: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[CompiledSource, ...] = ()
    writeback: tuple[CompiledSource, ...] = ()
    conditions: Conditions | None = None

    @property
    def matched_fields(self) -> tuple[str, ...]:
        """Destination fields that the match query must return."""
        wanted = {"Id", self.identifier.name}
        if self.action.duplicate_record_rule:
            wanted.add(self.action.duplicate_record_rule.order_by)
        if self.action.destination.idempotency_field:
            wanted.add(self.action.destination.idempotency_field)
        return tuple(sorted(wanted))

    @property
    def read_back_fields(self) -> tuple[str, ...]:
        """Destination fields that the write-back needs and the write's own answer does not hold."""
        return tuple(sorted({back.field for back in self.action.writeback if back.field and back.field != "Id"}))

    @property
    def upserts_by_field(self) -> bool:
        """Whether the vendor's own upsert by external id is used for new records."""
        return (
            self.action.type is documents.ActionType.UPSERT and self.identifier.external_id and self.identifier.unique
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An event that passed its filter, with the keys that must be its own while it runs."""

    event: Event
    compiled: CompiledAction
    columns: Mapping[str, Any]
    identifier: str  # trimmed value
    match_key: str  # normalised value
    lead_guard: str
    match_guard: str
    claims: tuple["Claim", ...]

    @property
    def guards(self) -> tuple[str, ...]:
        """The keys that must be this event's own while it runs, in the order in which they are taken."""
        return tuple(sorted((self.lead_guard, self.match_guard)))

    def with_event(self, event: Event) -> "Candidate":
        """The same candidate after its event moved on."""
        return replace(self, event=event)


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


def compile_action(
    action: documents.Action,
    version: int,
    described: ObjectDescription,
    *,
    types: Mapping[str, str] | None = None,
    lists: Mapping[str, frozenset[str]] | None = None,
) -> CompiledAction:
    """Bind the mappings to the destination's fields; static values are typed here, once.

    `types` are the source's type words of the columns that the conditions ask about, `lists` the members of those
    that they name.

    Raises:
        UnknownListError: `lists` lacks a list that the conditions name.
        KeyError: A field is not described (checked when the Action was saved; the org changed since).
    """
    zone = action.zone
    statics: dict[str, Any] = {}
    mapped: list[CompiledSource] = []
    fields: list[CompiledSource] = []
    for mapping in action.mappings:
        target = described.fields[mapping.to]
        coerce_to = coercion(target, zone)
        place = Place(zone=zone, length=target.length if target.type in TEXT_TYPES else None)
        source = compile_source(mapping, place, coerce_to)
        mapped.append(source)
        try:
            constant = mapping.static is not None and not mapping.rules
            value = coerce_to(mapping.static) if constant else LEFT_ALONE
        except WrongTypeError:
            value = LEFT_ALONE  # the field's type has changed in the org since; each record says so
        if value is LEFT_ALONE:
            fields.append(source)
        else:
            statics[mapping.to] = value
    return CompiledAction(
        action=action,
        version=version,
        identifier=described.fields[action.identifier.field],
        conditions=(
            compile_conditions(action.conditions, types=types, zone=zone, lists=lists) if action.conditions else None
        ),
        mapped=tuple(mapped),
        statics=statics,
        fields=tuple(fields),
        writeback=tuple(compile_source(back, Place(zone=zone)) for back in action.writeback),
    )


def keyed_hash(secret: bytes, *parts: str) -> str:
    """A keyed hash under which a person can be found again, but not read."""
    return hmac.new(secret, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()[:40]


def admit(event: Event, compiled: CompiledAction, secret: bytes) -> Candidate | Result:
    """Filter: the condition, then the identifier; a Result means the event ends here.

    An event that was begun before is not filtered again: what it wrote must be seen through.
    """
    action = compiled.action
    columns = webhook.columns(event.payload)
    if event.state is State.WAITING and compiled.conditions is not None:
        decision = compiled.conditions.decide(columns, event.received_at)
        if decision.failing is not None:
            return _skipped(Reason.CONDITION_NOT_MET, clause=decision.failing)
    value = columns.get(action.identifier.column)
    if blank(value):
        return _skipped(Reason.IDENTIFIER_MISSING, field=action.identifier.column)
    if not valid_identifier(value, compiled.identifier):
        return _skipped(Reason.IDENTIFIER_INVALID, field=action.identifier.column, type=compiled.identifier.type)
    key = match_key(value, compiled.identifier)
    destination = action.destination
    return Candidate(
        event=event,
        compiled=compiled,
        columns=columns,
        identifier=text(value).strip(),
        match_key=key,
        lead_guard=keyed_hash(secret, "guard", "lead", action.source.connection, str(event.lead_id)),
        match_guard=keyed_hash(
            secret, "guard", "match", destination.connection, destination.object, action.identifier.field, key
        ),
        claims=_claims(event, action, columns, secret),
    )


def match_key(value: Any, described: FieldDescription) -> str:
    """The form in which an identifier is compared with what the vendor returns: 007 and 7.0 are one number."""
    return normalised(coerce(value, described))


def map_fields(candidate: Candidate) -> dict[str, Any] | Result:
    """Map: the destination record's fields by name, or the failure that names field and types."""
    record = dict(candidate.compiled.statics)
    inputs = Inputs(columns=candidate.columns, at=candidate.event.received_at)
    for source in candidate.compiled.fields:
        try:
            value = source.value(inputs)
        except FAILURES as failure:
            return _unmapped(source, failure)
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
    if intent is not None and intent.operation != "update" and guard != candidate.match_guard:
        return False
    return last.get(action.id, "") > candidate.event.sequence


def written_under(writes: Mapping[str, int]) -> str:
    """A short form of how often something was written under each guard."""
    found = "\x1f".join(f"{guard} {count}" for guard, count in sorted(writes.items()))
    return hashlib.sha256(found.encode()).hexdigest()[:16]


def left_alone(event: Event) -> Event:
    """The event as it is parked: what happens under its guards from now on, it cannot know."""
    return event.evolve(intent=replace(event.intent, written=_ANYTHING)) if event.intent else event


def contested(candidate: Candidate, written: str) -> bool:
    """Whether others may have written under the candidate's guards since its intent: it was away without them.

    Another event that was parked in doubt, too, may have written without a trace.
    """
    intent = candidate.event.intent
    return intent is not None and intent.written not in {"", written}


def superseded(candidate: Candidate, matches: Sequence[Mapping[str, Any]], *, by_another_lead: bool) -> Result:
    """The result of an overtaken event; another lead of the same record still learns the record's id."""
    chosen = _choose(candidate.compiled.action.duplicate_record_rule, matches) if matches and by_another_lead else None
    return Result(
        outcome=Outcome.SUPERSEDED,
        reason=Reason.OVERTAKEN,
        message=message(Reason.OVERTAKEN),
        record_id=chosen,
    )


def decide_write(
    candidate: Candidate,
    matches: Sequence[Mapping[str, Any]],
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
    record = map_fields(candidate)
    if isinstance(record, Result):
        return record
    before = tuple(str(match["Id"]) for match in matches)
    kind = candidate.compiled.action.type
    if matches and kind is not documents.ActionType.CREATE:
        chosen = _choose(candidate.compiled.action.duplicate_record_rule, matches)
        if chosen is None:
            return _ambiguous(candidate, before)
        return _write(candidate, record, "update", now=now, before=before, record_id=chosen)
    if kind is documents.ActionType.UPDATE:
        object_name = candidate.compiled.action.destination.object
        return _skipped(Reason.NO_MATCH, object=object_name, field=candidate.compiled.identifier.name)
    operation = "upsert" if candidate.compiled.upserts_by_field else "create"
    return _write(candidate, record, operation, now=now, before=before)


def success(write: Write, record_id: str, *, created: bool) -> Result:
    """The result of a write that the vendor confirmed."""
    made = created or (write.repeated and not write.intent.before)
    return Result(outcome=Outcome.CREATED if made else Outcome.UPDATED, record_id=record_id)


def writeback_row(candidate: Candidate, result: Result, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Marketo row that carries destination values back, or None if nothing is to be written back."""
    backs = candidate.compiled.writeback
    if not backs or result.record_id is None:
        return None
    row: dict[str, Any] = {"id": candidate.event.lead_id}
    inputs = Inputs(
        columns=candidate.columns, at=candidate.event.received_at, record={**record, "Id": result.record_id}
    )
    row |= _told(backs, inputs)
    return row if len(row) > 1 else None


def holds(record: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a vendor's record shows every value of a row; a value that only looks different counts as absent."""
    return all(
        blank(record.get(name)) if blank(value) else not blank(record.get(name)) and text(record[name]) == text(value)
        for name, value in row.items()
    )


def activity_attributes(
    candidate_columns: Mapping[str, Any], action: documents.Action, event: Event, result: Result
) -> dict[str, str]:
    """The secondary attributes of the result activity; the execution id is always among them."""
    facts = {
        "execution_id": event.execution_id,
        "action_name": action.name,
        "action_id": action.id,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "message": result.message,
        "salesforce_id": result.record_id or "",
        "campaign_name": text(candidate_columns.get("campaign.name") or ""),
    }
    inputs = Inputs(columns=candidate_columns, at=event.received_at, facts=facts)
    attributes = {name: text(value) for name, value in _told(action.attributes, inputs).items() if not blank(value)}
    attributes[action.results.execution_attribute] = event.execution_id
    return attributes


def reports(result: Result) -> bool:
    """Whether the marketer is told by a custom activity: successes and failures are, what was not run is not."""
    return result.outcome in WRITTEN or result.outcome is Outcome.FAILED


def backoff_seconds(attempts: int, first: float, ceiling: float = 900.0) -> float:
    """Seconds before try number `attempts` + 1: doubling from `first`, at most `ceiling`."""
    return float(min(ceiling, first * 2 ** min(attempts, 20)))


def _claims(event: Event, action: documents.Action, columns: Mapping[str, Any], secret: bytes) -> tuple[Claim, ...]:
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
    matches: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    settle: timedelta,
    contested: bool,
) -> Write | Result | Wait | None:
    """What to do with a write that may or may not have been committed; None: as if it had not been begun."""
    record = map_fields(candidate)
    if isinstance(record, Result):  # cannot happen with an unchanged Action; a changed one may refuse
        record = {}
    early = now < intent.at + settle
    if intent.operation == "update":
        # an update that is repeated too soon could be followed by its first attempt, and that undo what came next
        again = _write(candidate, record, "update", now=now, before=intent.before, record_id=intent.record_id)
        return Wait(until=intent.at + settle) if early else again
    fresh = [match for match in matches if _is_ours(match, intent, candidate)]
    marked = candidate.compiled.action.destination.idempotency_field
    if contested and fresh and not marked and candidate.compiled.action.type is documents.ActionType.UPSERT:
        return None  # whoever made the record, our fields are to be in it
    if len(fresh) == 1 and (marked or not contested):
        return Result(outcome=Outcome.CREATED, record_id=str(fresh[0]["Id"]))
    if fresh:
        ids = ", ".join(str(match["Id"]) for match in fresh)
        return Result(
            outcome=Outcome.FAILED, reason=Reason.UNCERTAIN, message=message(Reason.UNCERTAIN, candidates=ids)
        )
    if early:
        return Wait(until=intent.at + settle)
    return replace(_write(candidate, record, intent.operation, now=now, before=intent.before), repeated=True)


def _is_ours(match: Mapping[str, Any], intent: Intent, candidate: Candidate) -> bool:
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
    record_id: str | None = None,
) -> Write:
    fields = dict(record)
    action = candidate.compiled.action
    if operation != "update" and action.destination.idempotency_field:
        fields[action.destination.idempotency_field] = candidate.event.execution_id
        operation = "create"
    if operation == "upsert" or (operation == "create" and action.type is documents.ActionType.UPSERT):
        # a new record must be found by its identifier next time, whether or not a mapping names it
        fields.setdefault(
            candidate.compiled.identifier.name, coerce(candidate.identifier, candidate.compiled.identifier)
        )
    previous = candidate.event.intent
    intent = Intent(
        operation=operation,
        at=now,
        attempt=previous.attempt + 1 if previous else 1,
        record_id=record_id,
        before=before,
    )
    return Write(candidate=candidate, intent=intent, fields=fields)


def _choose(rule: documents.DuplicateRecordRule | None, matches: Sequence[Mapping[str, Any]]) -> str | None:
    if len(matches) == 1:
        return str(matches[0]["Id"])
    if rule is None:
        return None
    by_id = sorted(matches, key=lambda match: str(match["Id"]))
    ordered = sorted(
        by_id,
        key=lambda match: datetime.fromisoformat(str(match[rule.order_by])),
        reverse=rule.choose == "newest",
    )
    return str(ordered[0]["Id"])


def _told(sources: Sequence[CompiledSource], inputs: Inputs) -> dict[str, Any]:
    """Values by field for what is told after the write; one that cannot be made is left out, the record is written."""
    values: dict[str, Any] = {}
    for source in sources:
        with suppress(*FAILURES):
            values[source.to] = source.value(inputs)
    return {name: value for name, value in values.items() if value is not LEFT_ALONE}


def _unmapped(source: CompiledSource, failure: Exception) -> Result:
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


def _ambiguous(candidate: Candidate, ids: Sequence[str]) -> Result:
    return Result(
        outcome=Outcome.FAILED,
        reason=Reason.AMBIGUOUS_MATCH,
        message=message(
            Reason.AMBIGUOUS_MATCH,
            object=candidate.compiled.action.destination.object,
            field=candidate.compiled.identifier.name,
            candidates=", ".join(sorted(ids)),
        ),
    )


def match_group(item: Candidate) -> tuple[str, ...]:
    """Candidates with the same group are matched, and read back, by one query."""
    destination = item.compiled.action.destination
    return (destination.connection, destination.object, item.compiled.identifier.name, *item.compiled.matched_fields)
