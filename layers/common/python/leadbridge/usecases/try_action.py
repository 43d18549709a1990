"""What an Action would do with a person: decided by the functions that run it, written nowhere.

Everything that knows how a run decides is asked for here, in one module. What a run learns only by claiming something
is not tried: whether the call is a duplicate of one before it, and whether somebody else holds the person's keys.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from leadbridge.domain import activity_columns, chain, members, pipeline
from leadbridge.domain.action import Action
from leadbridge.domain.clauses import ListDocument, named_lists
from leadbridge.domain.columns import absent
from leadbridge.domain.conditions import UnknownListError
from leadbridge.domain.connector import ACTIONS, AnyAction, ConnectorAction
from leadbridge.domain.event import Event, Result
from leadbridge.domain.fitting import fitted_row, may_be_long
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.links import object_of
from leadbridge.domain.outcome import Outcome, Reason, State, message
from leadbridge.domain.pipeline import Candidate, CompiledAction, Write
from leadbridge.domain.sources import Inputs, trace
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Connections, Documents
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.match_records import MatchRecords
from leadbridge.usecases.read_activities import NewestActivities
from leadbridge.usecases.read_missing import UNKNOWN
from leadbridge.usecases.tried import NO_RECORD, FieldChange, Step, Trial, asked, with_result
from leadbridge.usecases.try_chain import try_chain
from leadbridge.usecases.try_connector import TryConnector

type Row = Mapping[str, Any]
#: fields of records whose values only the write will tell: the chained object, None for the person's own, and the field
type Unsure = Collection[tuple[str | None, str | None]]

#: instead of an execution id
NO_EXECUTION = "try"


class TryAction:
    """Try one Action on one person; reads from both vendors, writes to nobody."""

    def __init__(
        self, *, documents: Documents, connections: Connections, clock: Clock, hash_key: Callable[[], bytes]
    ) -> None:
        self._documents = documents
        self._connections = connections
        self._clock = clock
        self._hash_key = hash_key
        self._match = MatchRecords(connections)
        self._names = MarketoNames(connections=connections, clock=clock, age=timedelta(0))
        self._activities = NewestActivities(connections=connections, names=self._names)
        self._connector = TryConnector(connections=connections, names=self._names, hash_key=hash_key)

    def with_payload(self, action_id: str, payload: Row, version: int | None = None) -> Trial:
        """What a webhook call with this payload, as `webhook.parse` gives it, would do.

        As in a run, what it does not bring of the lead is read from Marketo.

        Raises:
            ConfigurationError: There is no such Action or version, or a connection cannot be used.
        """
        return self._try(self._stored(action_id, version), payload)

    def with_lead(self, action_id: str, lead_id: int, version: int | None = None) -> Trial:
        """What a call that names nothing but the lead would do; raises as `with_payload`.

        What only a call carries (campaign, program, my tokens) is missing.
        """
        return self.with_payload(action_id, {"lead": {"id": lead_id}}, version)

    def _stored(self, action_id: str, version: int | None) -> Stored:
        stored = self._documents.get("action", action_id, version)
        if stored is None:
            raise ConfigurationError([f"there is no action {action_id}{f' version {version}' if version else ''}"])
        return stored

    def _lead(self, action: Action, lead_id: int, names: Sequence[str]) -> Row | None:
        client = self._connections.marketo(action.source.connection)
        found = client.leads_by_filter("id", [str(lead_id)], names)
        return next((lead for lead in found if str(lead.get("id")) == str(lead_id)), None)

    def _try(self, stored: Stored, payload: Row) -> Trial:
        action = stored.document
        if not isinstance(action, ACTIONS):
            raise TypeError("not an Action")
        event = Event(
            execution_id=NO_EXECUTION,
            action_id=action.id,
            lane=action.destination.connection,
            sequence="",
            received_at=self._clock.now(),
            payload=payload,
            version=stored.version,
        )
        told = Trial(
            action=action.id,
            version=stored.version,
            lead_id=event.lead_id,
            state=State.ENDED,
            outcome=None,
            reason="",
            message="",
        )
        if isinstance(action, ConnectorAction):
            return self._connector(told, event, action, self._lists(action))
        told = replace(told, object=action.destination.object)
        compiled = self._compiled(action, stored.version)
        if not isinstance(compiled, CompiledAction):
            return replace(told, state=State.PARKED, reason=Reason.MAPPING_BROKEN, message=compiled)
        return self._decided(told, event, compiled)

    def _compiled(self, action: Action, version: int) -> CompiledAction | str:
        """The Action made ready, or the sentence with which its calls would be parked."""
        client = self._connections.salesforce(action.destination.connection)
        own = action.destination.object
        described = [client.describe(name) for name in action.described_objects]
        chained = {name: client.describe(name) for name in action.chained_objects}
        try:
            return pipeline.compile_action(action, version, *described, lists=self._lists(action), chained=chained)
        except KeyError as missing:
            what = (
                "there is no list"
                if isinstance(missing, UnknownListError)
                else f"{object_of(missing, own)} has no field"
            )
            return message(Reason.MAPPING_BROKEN, detail=f"{what} {missing.args[0]}")

    def _lists(self, action: AnyAction) -> dict[str, frozenset[str]]:
        stored = [self._documents.get("list", name) for name in sorted(named_lists(action.conditions))]
        return {
            each.document.id: each.document.members
            for each in stored
            if each is not None and isinstance(each.document, ListDocument)
        }

    def _decided(self, told: Trial, event: Event, compiled: CompiledAction) -> Trial:
        lacking = sorted(absent(event, compiled.columns))
        if lacking:
            told = replace(told, steps=[Step(step="read", result="from_marketo", facts={"columns": lacking})])
            lead = self._lead(compiled.action, event.lead_id, ["id", *lacking])
            if lead is None:
                told = with_result(told, UNKNOWN)
                return _with_activity(told, compiled, event, event.columns, result=UNKNOWN, record={})
            event = event.evolve(read={name: lead.get(name) for name in lacking})
        source = compiled.action.activity
        if source is not None:
            found = self._activities(compiled.action, source, [event])
            if found is None:
                text = message(Reason.ACTIVITY_TYPE_MISSING, type=source.type)
                return replace(told, state=State.PARKED, reason=Reason.ACTIVITY_TYPE_MISSING, message=text)
            event = event.evolve(read={**(event.read or {}), **activity_columns.kept(compiled.action, found[0])})
            facts = dict(activity_columns.told(event, compiled.action) or {})
            step = Step(step="activity", result="taken" if "id" in facts else "none", facts=facts)
            told = replace(told, steps=[*told.steps, step])
        columns = event.columns
        told = replace(told, steps=[*told.steps, *asked(compiled.conditions, columns, event)])
        admitted = pipeline.admit(event, compiled, self._hash_key())
        if isinstance(admitted, Result):
            told = with_result(replace(told, steps=[*told.steps, *_refused(compiled, admitted)]), admitted)
            return _with_activity(told, compiled, event, columns, result=admitted, record={})
        matches = self._matches(admitted)
        decided = pipeline.decide_write(admitted, matches, now=event.received_at, settle=timedelta(0))
        told = replace(told, steps=[*told.steps, *_found(admitted), *_matched(compiled, matches, decided)])
        target = compiled.target_of(decided.intent.object if isinstance(decided, Write) else "")
        inputs = Inputs(columns=admitted.columns, at=event.received_at)
        told = replace(told, object=target.name, mappings=[each.shown() for each in trace(target.mapped, inputs)])
        if isinstance(decided, Result):
            return self._told(told, admitted, decided, self._record_of(compiled, decided))
        if not isinstance(decided, Write):
            # an event without an intent is never asked to wait
            raise TypeError("a new event cannot have to wait for an earlier attempt")
        return self._written(told, decided)

    def _matches(self, candidate: Candidate) -> Sequence[Row]:
        found, failed = self._match([candidate])
        for _, error in failed:
            raise error
        return found[candidate.event.execution_id]

    def _written(self, told: Trial, write: Write) -> Trial:
        compiled, intent = write.candidate.compiled, write.intent
        created = intent.operation != "update"
        target = compiled.target_of(intent.object)
        names = {*write.fields, *target.read_back_fields}
        before = {} if created else self._read(compiled, target.name, str(intent.record_id), names)
        result = pipeline.success(write, intent.record_id or NO_RECORD, created=created)
        told = replace(
            told,
            operation=intent.operation,
            fields=[
                FieldChange(field=name, before=before.get(name), after=value) for name, value in write.fields.items()
            ],
        )
        # what the record's own triggers and formulas make of a field is seen once it is written
        unsure: set[tuple[str | None, str | None]] = {(None, name) for name in target.read_back_fields}
        unsure |= {(None, "Id")} if created else set()
        record = {**before, **write.fields}
        candidate, links = try_chain(write.candidate, result, record, self._connections)
        unsure |= {(link.name, "Id") for link in links if link.state == Outcome.CREATED}
        told = replace(told, chained=links)
        return self._told(told, candidate, chain.concluded(candidate), record, unsure)

    def _read(self, compiled: CompiledAction, object_name: str, record_id: str, fields: Iterable[str]) -> Row:
        """Fields of a record as they are."""
        client = self._connections.salesforce(compiled.action.destination.connection)
        return next(iter(client.find(object_name, sorted({"Id", *fields}), "Id", [record_id])), {})

    def _record_of(self, compiled: CompiledAction, result: Result) -> Row:
        """What is told of a record that was found and is not written."""
        target = compiled.target_of(result.object)
        if not result.record_id or not target.read_back_fields:
            return {}
        return self._read(compiled, target.name, result.record_id, target.read_back_fields)

    def _told(
        self, told: Trial, candidate: Candidate, result: Result, record: Row, unsure: Unsure = frozenset()
    ) -> Trial:
        """The trial with what Marketo would be told; `unsure` are fields of the records that are only assumed."""
        action = candidate.compiled.action
        told = with_result(told, result)
        row = pipeline.writeback_row(candidate, result, record) or {}
        backs = {name: value for name, value in row.items() if name != "id"}
        if may_be_long(backs):
            backs = fitted_row(backs, self._names.lead_lengths(action.source.connection))
        if backs:
            lead = self._lead(action, candidate.event.lead_id, ["id", *backs]) or {}
            told = replace(
                told,
                writeback=[FieldChange(field=name, before=lead.get(name), after=backs[name]) for name in backs],
                assumed=[back.to for back in action.writeback if back.to in backs and (back.of, back.field) in unsure],
            )
        told = replace(told, membership=self._membership(candidate, result, record, unsure))
        return _with_activity(
            told, candidate.compiled, candidate.event, candidate.columns, result=result, record=record, unsure=unsure
        )

    def _membership(
        self, candidate: Candidate, result: Result, record: Row, unsure: Unsure
    ) -> Mapping[str, Any] | None:
        """What would become of the person's membership."""
        action = candidate.compiled.action
        if action.program_member is None:
            return None
        described = self._names.member_fields(action.source.connection) if action.member_mappings else None
        fields = members.fields_of(candidate, result, record, members.compile_members(action, described))
        if fields is None:
            return None
        return {
            "program": action.program_member.program,
            "status": action.program_member.status,
            "fields": fields,
            "assumed": [
                each.to for each in action.member_mappings if each.to in fields and (each.of, each.field) in unsure
            ],
        }


def _with_activity(
    told: Trial,
    compiled: CompiledAction,
    event: Event,
    columns: Row,
    *,
    result: Result,
    record: Row,
    unsure: Unsure = frozenset(),
) -> Trial:
    if not pipeline.reports(compiled.action, result):
        return told
    results = compiled.action.results
    return replace(
        told,
        activity={
            "type": results.activity,
            "primary": pipeline.told_as(compiled.action, result),
            "attributes": pipeline.activity_attributes(columns, compiled.action, event, result, record),
            "assumed": [each.to for each in results.mappings if (each.of, each.field) in unsure],
        },
    )


def _refused(compiled: CompiledAction, result: Result) -> list[Step]:
    """The identifier's step, where it is what ends the call."""
    if result.reason not in {Reason.IDENTIFIER_MISSING, Reason.IDENTIFIER_INVALID}:
        return []
    columns = [each.column for each in compiled.action.identifiers]
    word = "missing" if result.reason == Reason.IDENTIFIER_MISSING else "invalid"
    return [Step(step="identifier", result=word, facts={"columns": columns})]


def _found(candidate: Candidate) -> list[Step]:
    looks = [{"object": look.object, "field": look.field.name} for look in candidate.looks]
    steps = [Step(step="identifier", result="given", facts={"looks": looks})]
    for claim in candidate.claims:
        kept: dict[str, Any] = {"reason": str(claim.reason), "window_seconds": claim.window_seconds}
        kept |= {"columns": list(claim.fields)} if claim.fields else {}
        steps.append(Step(step="deduplicate", result="not_tried", facts=kept))
    return steps


def _matched(compiled: CompiledAction, matches: Sequence[Row], decided: object) -> list[Step]:
    action = compiled.action
    facts: dict[str, Any] = {"candidates": sorted(str(each["Id"]) for each in matches)}
    if len(matches) > 1:
        rule = action.duplicate_record_rule
        facts["rule"] = f"{rule.choose} {rule.order_by}" if rule else None
    if isinstance(decided, Write) and decided.intent.record_id:
        facts["chosen"] = decided.intent.record_id
    word = "none" if not matches else "one" if len(matches) == 1 else "several"
    steps = [Step(step="match", result=word, facts=facts)]
    if isinstance(decided, Write):
        steps.append(Step(step="write", result=decided.intent.operation, facts={"type": action.type.value}))
    return steps
