"""What a try tells: what would become of a call, why, and which values would be written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leadbridge.domain.conditions import Conditions
from leadbridge.domain.event import Event, Result
from leadbridge.domain.outcome import Outcome, State
from leadbridge.domain.values import blank, text
from leadbridge.usecases.try_chain import TriedLink

#: instead of the id of a record that is not there yet
NO_RECORD = "(the new record's Id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field as it is and as it would be; `before` is None where nothing is known of it."""

    field: str
    before: Any
    after: Any

    @property
    def changes(self) -> bool:
        """Whether the value would become another one."""
        if blank(self.before) or blank(self.after):
            return blank(self.before) != blank(self.after)
        return bool(self.before != self.after) and text(self.before) != text(self.after)

    def as_json(self) -> dict[str, Any]:
        """The change for scripts."""
        return {"field": self.field, "before": self.before, "after": self.after, "changes": self.changes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the decision tree: what was asked, what came of it, and the facts behind that."""

    step: str
    result: str
    facts: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The step for scripts."""
        return {"step": self.step, "result": self.result, **self.facts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What would become of a call, and why. It holds the person's values: for the eyes of who asked, never stored."""

    action: str
    version: int
    lead_id: int
    #: parked: it would not be run before somebody mends the Action
    state: State
    outcome: Outcome | None
    reason: str
    message: str
    #: create, update or upsert; empty where nothing would be written
    operation: str = ""
    object: str = ""
    record_id: str | None = None
    steps: Sequence[Step] = ()
    fields: Sequence[FieldChange] = ()
    #: how each mapping comes to its value, in the order of the document
    mappings: Sequence[Mapping[str, Any]] = ()
    writeback: Sequence[FieldChange] = ()
    #: fields of the write-back that hold what only the written record will tell
    assumed: Sequence[str] = ()
    #: the program membership: program, status and fields; None where nothing would be done about it
    membership: Mapping[str, Any] | None = None
    #: what would be chained to the record, in order
    chained: Sequence[TriedLink] = ()
    #: the result activity: its type, primary value and attributes; empty where none would be logged
    activity: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The trial for scripts."""
        return {
            "action": self.action,
            "version": self.version,
            "lead_id": self.lead_id,
            "state": self.state.value,
            "outcome": self.outcome.value if self.outcome else None,
            "reason": str(self.reason) or None,
            "message": self.message or None,
            "operation": self.operation or None,
            "object": self.object or None,
            "salesforce_id": self.record_id,
            "steps": [each.as_json() for each in self.steps],
            "fields": [each.as_json() for each in self.fields],
            "mappings": [dict(each) for each in self.mappings],
            "writeback": [each.as_json() for each in self.writeback],
            "assumed": list(self.assumed),
            "membership": dict(self.membership) if self.membership else None,
            "chained": [each.as_json() for each in self.chained],
            "activity": dict(self.activity) if self.activity else None,
        }


def with_result(told: Trial, result: Result) -> Trial:
    """The trial with how the call would end."""
    new = result.record_id == NO_RECORD
    return replace(
        told,
        outcome=result.outcome,
        reason=result.reason,
        message=result.message,
        record_id=None if new else result.record_id,
    )


def asked(conditions: Conditions | None, columns: Mapping[str, Any], event: Event) -> list[Step]:
    """What the conditions say of the call."""
    if conditions is None:
        return []
    decision = conditions.decide(columns, event.received_at)
    facts: dict[str, Any] = {"clauses": decision.record()}
    if decision.failing is not None:
        facts["failing"] = decision.failing
    return [Step(step="conditions", result="hold" if decision.failing is None else "do_not_hold", facts=facts)]
