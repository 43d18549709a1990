"""What a connector action would do with a person: decided by the functions that run it, asked of Marketo, not done.

Marketo is asked for what a run would learn by its answer: whether the person is there, and is in the list.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from leadbridge.domain import connecting
from leadbridge.domain.conditions import UnknownListError
from leadbridge.domain.connecting import CompiledConnector, Task
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.event import Event, Result
from leadbridge.domain.operations import Operation, Strategy
from leadbridge.domain.outcome import Outcome, Reason, State, message
from leadbridge.domain.records import RowResult
from leadbridge.errors import PermanentError
from leadbridge.ports import Connections
from leadbridge.usecases.marketo_names import MarketoNames
from leadbridge.usecases.run_connector import BAD_VALUE
from leadbridge.usecases.tried import FieldChange, Step, Trial, asked, with_result

type Lead = Mapping[str, Any]

#: answers of Marketo, as a run would get them
DONE = RowResult(ok=True)
CREATED, UPDATED = RowResult(ok=True, status="created"), RowResult(ok=True, status="updated")
NO_MEMBER = RowResult(ok=True, code="1015", message="the person is not in the list")
NOBODY = "Lead not found"
#: how a row of a file ends that Marketo takes
IMPORTED = Result(outcome=Outcome.UPDATED, reason=Reason.IMPORTED, message=message(Reason.IMPORTED))
SEVERAL = RowResult(ok=False, code="1007", message="several people match the lookup field")


class TryConnector:
    """Tries one connector action on one call."""

    def __init__(self, *, connections: Connections, names: MarketoNames, hash_key: Callable[[], bytes]) -> None:
        self._connections = connections
        self._names = names
        self._hash_key = hash_key

    def __call__(
        self, told: Trial, event: Event, action: ConnectorAction, lists: Mapping[str, frozenset[str]]
    ) -> Trial:
        """The trial with what would become of the call; `lists` are those of the conditions."""
        told = replace(told, object=connecting.PERSON)
        compiled = self._compiled(action, told.version, lists)
        if isinstance(compiled, str):
            return replace(told, state=State.PARKED, reason=Reason.MAPPING_BROKEN, message=compiled)
        told = replace(told, steps=asked(compiled.conditions, event.columns, event))
        admitted = connecting.admit(event, compiled, self._hash_key())
        if isinstance(admitted, Result):
            return with_result(told, admitted)
        kept = [
            Step(
                step="deduplicate",
                result="not_tried",
                facts={"reason": str(claim.reason), "window_seconds": claim.window_seconds},
            )
            for claim in admitted.claims
        ]
        told = replace(told, steps=[*told.steps, *kept, *_batch(action)], lead_id=admitted.lead_id or told.lead_id)
        parked = self._missing(action)
        if parked is not None:
            return replace(told, state=State.PARKED, reason=parked, message=message(parked, **_named(action)))
        if admitted.value:
            return self._looked_for(told, admitted)
        return self._done(told, admitted)

    def _compiled(
        self, action: ConnectorAction, version: int, lists: Mapping[str, frozenset[str]]
    ) -> CompiledConnector | str:
        """The Action made ready, or the sentence with which its calls would be parked."""
        client = self._connections.marketo(action.destination.connection)
        leads = client.describe_leads() if connecting.needs_description(action) else None
        try:
            return connecting.compile_connector(action, version, leads, lists=lists)
        except KeyError as missing:
            what = "there is no list" if isinstance(missing, UnknownListError) else "the Marketo lead has no field"
            return message(Reason.MAPPING_BROKEN, detail=f"{what} {missing.args[0]}")

    def _missing(self, action: ConnectorAction) -> Reason | None:
        """Why the call would be parked: what the Action names is not there."""
        end = action.destination
        if end.list is not None and self._names.static_list(end.connection, end.list) is None:
            return Reason.LIST_MISSING
        if end.campaign is not None and self._names.campaign(end.connection, end.campaign) is None:
            return Reason.CAMPAIGN_MISSING
        return None

    def _looked_for(self, told: Trial, task: Task) -> Trial:
        """Who is meant, and what would be done then."""
        try:
            found = self._with(task, task.group.lookup_field, task.value, connecting.lookup_fields(task.compiled))
        except PermanentError as error:
            if error.code not in BAD_VALUE:
                raise
            return with_result(told, connecting.failed(error.code, error.detail))
        person = connecting.chosen(task, found)
        told = replace(told, steps=[*told.steps, _looked(task, found, person)])
        if isinstance(person, Result):
            return with_result(told, person)
        if person is not None:
            return self._done(replace(told, lead_id=person), replace(task, lead_id=person, row={"id": person}))
        if not task.group.adds:
            return with_result(told, connecting.not_found(task))
        step = Step(step="add_person", result="would_be_made", facts={"field": task.group.lookup_field})
        return self._done(replace(told, steps=[*told.steps, step]), replace(task, added=True))

    def _with(self, task: Task, field: str, value: str, fields: tuple[str, ...]) -> list[Lead]:
        """The persons with a value."""
        client = self._connections.marketo(task.group.connection)
        leads = client.leads_by_filter(field, list(connecting.asked(field, value)), list(fields))
        alone = field in connecting.UNREPEATED
        return [lead for lead in leads if alone or connecting.same_value(field, lead.get(field), value)]

    def _done(self, told: Trial, task: Task) -> Trial:
        """What would be asked of Marketo, and what it would say."""
        told = replace(told, operation=task.compiled.operation.value)
        if task.compiled.operation in {Operation.UPSERT_LEAD, Operation.IMPORT_LEADS}:
            return self._written(told, task)
        result = connecting.merged(task, [task.lead_id or 0]) if task.losers else None
        answer = self._answer(task)
        if result is None or not answer.ok:
            result = connecting.result_of(task, answer)
        tokens = [FieldChange(field=name, before=None, after=value) for name, value in task.group.tokens]
        return with_result(replace(told, fields=tokens), result)

    def _answer(self, task: Task) -> RowResult:
        """What Marketo would answer for the person, as far as it can be known."""
        removes = task.compiled.operation is Operation.REMOVE_FROM_LIST
        if task.added:
            return NO_MEMBER if removes else DONE
        wanted = {task.lead_id or 0, *task.losers}
        client = self._connections.marketo(task.group.connection)
        there = {int(lead["id"]) for lead in client.leads_by_filter("id", [str(each) for each in wanted], ["id"])}
        if wanted - there:
            return RowResult(ok=removes, code="1004", message=NOBODY)
        if removes:
            number = self._names.static_list(task.group.connection, task.compiled.action.destination.list or "")
            if not client.list_members(number or 0, [task.lead_id or 0]):
                return NO_MEMBER
        return DONE

    def _written(self, told: Trial, task: Task) -> Trial:
        """What would be written to a person, field by field."""
        field, strategy = task.group.lookup_field, task.group.strategy
        value = task.row.get(field)
        found: list[Lead] = []
        if strategy != Strategy.CREATE_DUPLICATE:
            found = self._with(task, field, str(value), tuple(dict.fromkeys(["id", field, *task.row])))
            step = Step(step="look_up", result=_word(found), facts={"field": field, "candidates": _ids(found)})
            told = replace(told, steps=[*told.steps, step])
        imports = task.compiled.operation is Operation.IMPORT_LEADS
        if len(found) > 1 and not imports:
            return with_result(told, connecting.result_of(task, SEVERAL))
        before = found[0] if found else {}
        told = replace(
            told,
            lead_id=int(before["id"]) if found else told.lead_id,
            fields=[FieldChange(field=name, before=before.get(name), after=each) for name, each in task.row.items()],
        )
        if imports:
            return with_result(told, IMPORTED)
        if found and strategy == Strategy.CREATE_ONLY:
            return with_result(told, connecting.result_of(task, _refused("1005", "Lead already exists")))
        if not found and strategy == Strategy.UPDATE_ONLY:
            return with_result(told, connecting.result_of(task, _refused("1004", NOBODY)))
        return with_result(told, connecting.result_of(task, UPDATED if found else CREATED))


def _refused(code: str, text: str) -> RowResult:
    return RowResult(ok=False, code=code, message=text)


def _batch(action: ConnectorAction) -> list[Step]:
    """Until when the call would wait for others."""
    limits = action.thresholds
    if limits is None:
        return []
    facts = {"people": limits.count, "bytes": limits.bytes, "seconds": limits.seconds}
    return [Step(step="batch", result="waits_for_others", facts=facts)]


def _named(action: ConnectorAction) -> dict[str, object]:
    return {"list": action.destination.list, "campaign": action.destination.campaign}


def _looked(task: Task, found: list[Lead], person: int | Result | None) -> Step:
    facts: dict[str, Any] = {"field": task.group.lookup_field, "candidates": _ids(found)}
    if isinstance(person, int):
        facts["chosen"] = person
    return Step(step="look_up", result=_word(found), facts=facts)


def _word(found: list[Lead]) -> str:
    return "none" if not found else "one" if len(found) == 1 else "several"


def _ids(found: list[Lead]) -> list[str]:
    return sorted(str(lead["id"]) for lead in found)
