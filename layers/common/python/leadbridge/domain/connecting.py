"""The decisions of a connector action, as functions over values: who is meant, what is sent, what became of it.

As `domain.pipeline` for Actions that write to Salesforce, whose claims, guards and mappings are used here, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain import explanation, ids, pipeline
from leadbridge.domain.conditions import Conditions, compile_conditions
from leadbridge.domain.connector import ConnectorAction, Merge, Person, group_of, lead_ids
from leadbridge.domain.event import Event, Intent, Result
from leadbridge.domain.guards import lead_guard, match_guards
from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.operations import (
    OPERATIONS,
    UNKNOWN_ID,
    Doubt,
    Group,
    Operation,
    Row,
    Strategy,
    doubt_of,
    unsendable,
)
from leadbridge.domain.outcome import Outcome, Reason, State, message
from leadbridge.domain.postponement import vendor_reason
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs, compile_source
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import EMAIL, TEXT_TYPES, blank, normalised, text

#: how far Marketo's clock and ours may lie apart, where a person is told to be new by the time of its making
CLOCKS_APART = timedelta(seconds=60)
#: the same for a request in the activity log, which may stand beside an earlier one of the person
REQUESTS_APART = timedelta(seconds=1)
#: the field that is looked by where a lookup's answer does not repeat its values
UNREPEATED = frozenset({"cookies"})
_RECORD_IDS = "sfdc"
#: what `show` calls a lead of Marketo's
PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledConnector:
    """A connector action's version made ready to run."""

    action: ConnectorAction
    version: int
    fields: tuple[CompiledSource, ...] = ()
    tokens: tuple[CompiledSource, ...] = ()
    conditions: Conditions | None = None

    @property
    def columns(self) -> frozenset[str]:
        """Fields of the lead that Marketo is asked for: none, a call brings what is to be done."""
        return frozenset()

    @property
    def operation(self) -> Operation:
        """What is asked of Marketo."""
        return self.action.operation

    @property
    def doubt(self) -> Doubt:
        """How a lost answer is told apart."""
        return doubt_of(self.operation, self.action.destination.strategy or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An event that passed its filter: who is meant, as far as the call says it, and what is sent."""

    event: Event
    compiled: CompiledConnector
    group: Group
    #: what the call carries of the person: fields, or its lead id
    row: Row
    #: the keys that must be the event's own while it runs, in the order in which they are taken
    guards: tuple[str, ...]
    claims: tuple[pipeline.Claim, ...] = ()
    #: the person, where the call or a lookup says it
    lead_id: int | None = None
    #: the value to look by, trimmed
    value: str = ""
    losers: tuple[int, ...] = ()
    #: the person was made for this event
    added: bool = False
    #: what had been written under its guards when they were taken (`pipeline.written_under`)
    written: str = ""

    @property
    def columns(self) -> Mapping[str, Any]:
        """What the call brought."""
        return self.event.columns

    @property
    def id(self) -> str:
        """The execution."""
        return self.event.execution_id

    def with_event(self, event: Event) -> "Task":
        """The same task after its event moved on."""
        return replace(self, event=event)


def needs_description(action: ConnectorAction) -> bool:
    """Whether the fields of a lead must be known to run it."""
    return bool(action.mappings)


def compile_connector(
    action: ConnectorAction,
    version: int,
    leads: ObjectDescription | None = None,
    *,
    lists: Mapping[str, frozenset[str]] | None = None,
) -> CompiledConnector:
    """Bind the mappings to the fields of a lead.

    Args:
        action: The document.
        version: Its version.
        leads: The fields of a lead, where `needs_description`.
        lists: The members of the lists that the conditions name.

    Raises:
        UnknownListError: `lists` lacks a list that the conditions name.
        KeyError: A field is not described (any more).
    """
    fields = []
    for mapping in action.mappings:
        field = (leads.fields if leads else {})[mapping.to]
        place = Place(zone=action.zone, length=field.length if field.type in TEXT_TYPES else None)
        fields.append(compile_source(mapping, place, lead_coercion(field, action.zone)))
    return CompiledConnector(
        action=action,
        version=version,
        fields=tuple(fields),
        tokens=tuple(compile_source(each, Place(zone=action.zone), text) for each in action.tokens or ()),
        conditions=compile_conditions(action.conditions, zone=action.zone, lists=lists) if action.conditions else None,
    )


def row_of(compiled: CompiledConnector, event: Event) -> Row | None:
    """What the call will carry of the event's person, None of one that will be left out.

    A person who is yet to be looked for counts with the longest id there is.
    """
    admitted = admit(event, compiled, b"")
    if isinstance(admitted, Result):
        return None
    return admitted.row or {"id": admitted.lead_id or UNKNOWN_ID}


def admit(event: Event, compiled: CompiledConnector, secret: bytes) -> Task | Result:
    """Filter: the condition, then who is meant and what is sent; a Result means the event ends here."""
    columns = event.columns
    if event.state is State.WAITING and compiled.conditions is not None:
        decision = compiled.conditions.decide(columns, event.received_at)
        if decision.failing is not None:
            return _skipped(Reason.CONDITION_NOT_MET, clause=decision.failing)
    inputs = Inputs(columns=columns, at=event.received_at)
    row = _filled(compiled.fields, inputs)
    tokens = _filled(compiled.tokens, inputs)
    if isinstance(row, Result):
        return row
    if compiled.operation is Operation.IMPORT_LEADS and (fault := unsendable(row)) is not None:
        field, needed, holds = fault
        text_ = message(Reason.VALUE_INVALID, column=field, field=field, type=needed, found=holds)
        return Result(outcome=Outcome.FAILED, reason=Reason.VALUE_INVALID, message=text_)
    if isinstance(tokens, Result):
        return tokens
    group = group_of(compiled.action, tuple(tokens.items()))
    task = Task(
        event=event,
        compiled=compiled,
        # Marketo does not say what a blank cell does to a field: the rows of a file have the same columns, and none
        group=replace(group, columns=tuple(name for name in group.columns if name in row)),
        row=row,
        guards=(),
        claims=pipeline.claims_of(event, compiled.action, columns, secret),
    )
    found = _meant(task)
    return found if isinstance(found, Result) else replace(found, guards=_guards(found, secret))


def begun(event: Event, compiled: CompiledConnector, *, asked: bool = True) -> Event:
    """The event with the record of its filter, if that is `asked`; one that was begun before keeps what it has."""
    if event.state is not State.WAITING:
        return event
    action = compiled.action
    end = action.destination
    facts = {"list": end.list, "campaign": end.campaign, "strategy": end.strategy, "lookup_field": action.lookup_field}
    does = OPERATIONS[action.operation].words.format(**facts)
    told: dict[str, Any] = {"type": action.operation.value, "objects": [PERSON], "connection": end.connection}
    found: dict[str, Mapping[str, Any]] = {"action": {**told, "does": does}}
    if event.batch is not None:
        found["batch"] = {"trigger": event.batch.trigger, "size": event.batch.size}
    if compiled.conditions is not None:
        decision = compiled.conditions.decide(event.columns, event.received_at)
        found["conditions"] = {"clauses": decision.record() if asked else []}
    return noted(event.evolve(decision={}), found)


def looked(task: Task, leads: Sequence[Mapping[str, Any]]) -> Task:
    """The task with the record of its lookup."""
    found = sorted({int(lead["id"]) for lead in leads})
    look = {"object": PERSON, "field": task.group.lookup_field, "count": len(found)}
    match: dict[str, Any] = {"looks": [{**look, "found": [str(each) for each in found[: explanation.CANDIDATES]]}]}
    if task.lead_id is not None:
        match["chosen"] = {"object": PERSON, "id": str(task.lead_id)}
    return task.with_event(noted(task.event, {"match": match}))


def sending(task: Task, intent: Intent) -> Event:
    """The event with its intent, and the record of what is asked."""
    sections: dict[str, Mapping[str, Any]] = {"write": {"operation": intent.operation, "attempt": intent.attempt}}
    if intent.file:
        sections["write"] = {**sections["write"], "file": intent.file, "row": intent.row}
    if task.compiled.fields:
        names = [source.to for source in task.compiled.fields]
        fates = {
            "written": [name for name in names if task.row.get(name) is not None],
            "cleared": [name for name in names if task.row.get(name, LEFT_ALONE) is None],
            "left": [name for name in names if name not in task.row],
        }
        sections["fields"] = {name: found for name, found in fates.items() if found}
    return noted(task.event.evolve(state=State.WRITING, intent=intent), sections)


def noted(event: Event, sections: Mapping[str, Mapping[str, Any]]) -> Event:
    """The event with sections of its record."""
    record = {**event.decision, "v": explanation.VERSION, **sections}
    return event.evolve(decision=explanation.bounded(record))


def early(intent: Intent, now: datetime, settle: timedelta) -> bool:
    """Whether a call whose answer was lost may still be executed, so that nothing can be told yet."""
    return now < intent.at + settle


def intent_of(task: Task, now: datetime, *, operation: str = "", before: Sequence[int] = ()) -> Intent:
    """What is about to be done; `before` are the persons that had the event's value by then."""
    previous = task.event.intent
    return Intent(
        operation=operation or task.compiled.operation.value,
        at=now,
        attempt=previous.attempt + 1 if previous else 1,
        before=tuple(map(str, before)),
        written=task.written,
    )


def overtaken(task: Task, last: Mapping[str, str]) -> bool:
    """Whether a newer event of the Action has written the person: its values are not to be undone.

    `last` maps Action id to the newest sequence written under the person's guard.
    """
    imported = task.compiled.operation is Operation.IMPORT_LEADS
    writes_over = imported or task.group.strategy in {Strategy.CREATE_OR_UPDATE, Strategy.UPDATE_ONLY}
    return writes_over and last.get(task.compiled.action.id, "") > task.event.sequence


def superseded() -> Result:
    """The result of an overtaken event."""
    return Result(outcome=Outcome.SUPERSEDED, reason=Reason.PERSON_OVERTAKEN, message=message(Reason.PERSON_OVERTAKEN))


# -- who a lookup found


def asked(field: str, value: str) -> tuple[str, ...]:
    """The values by which Marketo is asked for a person: an id of Salesforce in both spellings."""
    if field.startswith(_RECORD_IDS) and ids.is_id(value):
        return ids.canonical(value), ids.short(value)
    return (value,)


def same_value(field: str, held: Any, value: str) -> bool:
    """Whether a lead's field holds the value that was asked for."""
    if blank(held):
        return False
    if field.startswith(_RECORD_IDS):
        return text(held).strip()[:15] == value[:15]
    return normalised(held) == normalised(value)


def chosen(task: Task, leads: Sequence[Mapping[str, Any]]) -> int | Result | None:
    """The person that is meant among those that a lookup found; None if there is nobody."""
    found = sorted({int(lead["id"]) for lead in leads})
    if len(found) < 2:
        return found[0] if found else None
    rule = task.compiled.action.duplicate_record_rule
    valued = [lead for lead in leads if rule and not blank(lead.get(rule.order_by))]
    if rule and rule.choose in {"newest", "oldest"} and valued:
        ordered = sorted(valued, key=lambda lead: (text(lead[rule.order_by]), -int(lead["id"])))
        return int(ordered[-1 if rule.choose == "newest" else 0]["id"])
    if rule and rule.choose == "first":
        places = {value: place for place, value in enumerate(rule.order or ())}
        listed = [lead for lead in valued if text(lead[rule.order_by]) in places]
        if listed:
            return int(min(listed, key=lambda lead: (places[text(lead[rule.order_by])], int(lead["id"])))["id"])
    facts = {"field": task.group.lookup_field, "candidates": ", ".join(map(str, found))}
    return Result(
        outcome=Outcome.FAILED, reason=Reason.PERSONS_AMBIGUOUS, message=message(Reason.PERSONS_AMBIGUOUS, **facts)
    )


def not_found(task: Task) -> Result:
    """The result of somebody who is not there and is not to be made."""
    return _skipped(Reason.PERSON_UNKNOWN, field=task.group.lookup_field)


def lookup_fields(compiled: CompiledConnector) -> tuple[str, ...]:
    """The fields that a lookup reads of a person."""
    person, rule = compiled.action.person, compiled.action.duplicate_record_rule
    own = [person.lookup] if person and person.lookup and person.lookup not in UNREPEATED else []
    return tuple(dict.fromkeys(["id", *own, *([rule.order_by] if rule else [])]))


# -- what became of it


def result_of(task: Task, row: RowResult) -> Result:
    """The result of an event whose person was answered for good."""
    operation = task.compiled.operation
    if row.ok and not row.code:
        if operation is Operation.SEND_EMAIL:
            return requested()
        made = task.added or row.status == "created"
        return Result(outcome=Outcome.CREATED if made else Outcome.UPDATED)
    reason = vendor_reason("marketo", row.code)
    if row.ok:  # benign: what was wished for is so already
        outcome = Outcome.CREATED if task.added else Outcome.SKIPPED
        return Result(outcome=outcome, reason=reason, message=message("marketo_benign", detail=row.message))
    if operation is Operation.UPSERT_LEAD and row.code in _left_alone(task.group.strategy):
        return Result(outcome=Outcome.SKIPPED, reason=reason, message=message("marketo_left", detail=row.message))
    return failed(row.code, row.message)


def failed(code: str, detail: str) -> Result:
    """The result of a person whom Marketo refuses."""
    text_ = message("vendor_refused", vendor="Marketo", code=code, detail=detail)
    return Result(outcome=Outcome.FAILED, reason=vendor_reason("marketo", code), message=text_)


def requested() -> Result:
    """The result of a campaign that took the person."""
    return Result(outcome=Outcome.UPDATED, reason=Reason.REQUESTED, message=message(Reason.REQUESTED))


def uncertain() -> Result:
    """The result of a call of which nobody can tell whether it was executed; it is not repeated."""
    return Result(outcome=Outcome.FAILED, reason=Reason.REQUEST_UNCERTAIN, message=message(Reason.REQUEST_UNCERTAIN))


def merged(task: Task, there: Sequence[int]) -> Result:
    """The result of a merge after which of winner and losers `there` are left."""
    if task.lead_id in there or not there:
        return Result(outcome=Outcome.UPDATED)
    facts = {"winner": task.lead_id, "survivor": there[0]}
    return Result(
        outcome=Outcome.UPDATED, reason=Reason.WINNER_CHANGED, message=message(Reason.WINNER_CHANGED, **facts)
    )


def made_since(task: Task, leads: Sequence[Mapping[str, Any]]) -> Result | None:
    """What became of a create whose answer was lost, from the persons who have its value now; None if nothing yet."""
    intent = task.event.intent
    if intent is None:
        return None
    fresh = [lead for lead in leads if str(lead["id"]) not in intent.before and _made_after(lead, intent)]
    # while it was parked others may have made the person
    contested = intent.written not in {"", task.written}
    if len(fresh) == 1 and not contested:
        return Result(outcome=Outcome.CREATED)
    if fresh:
        return uncertain()
    if leads and task.group.strategy == Strategy.CREATE_ONLY:
        detail = "the person exists in Marketo already"
        return Result(
            outcome=Outcome.SKIPPED,
            reason=vendor_reason("marketo", "1005"),
            message=message("marketo_left", detail=detail),
        )
    return None


def _made_after(lead: Mapping[str, Any], intent: Intent) -> bool:
    made = lead.get("createdAt")
    return not blank(made) and datetime.fromisoformat(text(made)) >= intent.at - CLOCKS_APART


def _left_alone(strategy: str) -> frozenset[str]:
    return {Strategy.CREATE_ONLY: frozenset({"1005"}), Strategy.UPDATE_ONLY: frozenset({"1004"})}.get(
        Strategy(strategy), frozenset()
    )


def _filled(sources: Sequence[CompiledSource], inputs: Inputs) -> dict[str, Any] | Result:
    row: dict[str, Any] = {}
    for source in sources:
        try:
            value = source.value(inputs)
        except FAILURES as failure:
            return pipeline.unmapped(source, failure)
        if value is not LEFT_ALONE:
            row[source.to] = value
    return row


def _meant(task: Task) -> Task | Result:
    """The task with whom it is about."""
    action = task.compiled.action
    if action.merge is not None:
        return _to_merge(task, action.merge)
    if action.person is not None:
        return _person(task, action.person)
    field = task.group.lookup_field
    if task.group.strategy == Strategy.CREATE_DUPLICATE or not blank(task.row.get(field)):
        return task
    return _skipped(Reason.IDENTIFIER_MISSING, field=field)


def _to_merge(task: Task, merge: Merge) -> Task | Result:
    winner, losers = _one_id(task.columns, merge.winner), lead_ids(task.columns, merge.losers)
    if isinstance(winner, Result):
        return winner
    if losers is None:
        return _skipped(Reason.IDENTIFIER_INVALID, field=", ".join(merge.losers), type="Marketo lead id")
    others = tuple(each for each in losers if each != winner)
    if not others:
        return _skipped(Reason.IDENTIFIER_MISSING, field=", ".join(merge.losers))
    return replace(task, lead_id=winner, losers=others)


def _person(task: Task, person: Person) -> Task | Result:
    if person.lead_id is not None:
        found = _one_id(task.columns, person.lead_id)
        return found if isinstance(found, Result) else replace(task, lead_id=found, row={"id": found})
    column = str(person.column)
    given = task.columns.get(column)
    if blank(given):
        return _skipped(Reason.IDENTIFIER_MISSING, field=column)
    value, field = text(given).strip(), str(person.lookup)
    if not _askable(field, value):
        return _skipped(Reason.IDENTIFIER_INVALID, field=column, type=f"Marketo {field}")
    return replace(task, value=value)


def _askable(field: str, value: str) -> bool:
    """Whether Marketo can be asked for a value: it separates values by commas, without an escape."""
    if field == "id":
        return bool(lead_ids({field: value}, [field])) and "," not in value
    if field == "email":
        return EMAIL.fullmatch(value) is not None and "," not in value
    return ids.is_id(value) if field.startswith(_RECORD_IDS) else "," not in value


def _one_id(columns: Mapping[str, Any], column: str) -> int | Result:
    found = lead_ids(columns, [column])
    if found is None or len(found) > 1:
        return _skipped(Reason.IDENTIFIER_INVALID, field=column, type="Marketo lead id")
    return found[0] if found else _skipped(Reason.IDENTIFIER_MISSING, field=column)


def _guards(task: Task, secret: bytes) -> tuple[str, ...]:
    """The keys of the persons: by lead id as every Action has them, by value where the id is not known yet."""
    connection = task.group.connection

    def of_lead(lead_id: int) -> str:
        return lead_guard(secret, connection, str(lead_id))

    def of_value(field: str, value: Any) -> str:
        found = lead_ids({field: value}, [field]) if field == "id" else None
        if found:
            return of_lead(found[0])
        plain = text(value)[:15] if field.startswith(_RECORD_IDS) else normalised(value)
        return match_guards(secret, connection)("leads", field, plain)

    if task.lead_id is not None:
        return tuple(sorted({of_lead(each) for each in (task.lead_id, *task.losers)}))
    field = task.group.lookup_field
    value = task.value or task.row.get(field)
    return () if blank(value) else (of_value(field, value),)


def _skipped(reason: Reason, **facts: object) -> Result:
    return Result(outcome=Outcome.SKIPPED, reason=reason, message=message(reason, **facts))
