"""What an administrator built into the org that refuses a record: validation rules, triggers, flows, approvals.

Source: status codes of the SOAP API developer guide (core data types). A rule holds for an object and some verbs; its
condition is a set of values that the record would have. Its code follows from its kind, as at the vendor, and its
text is the administrator's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.control import ControlError, Record
from simulator.salesforce.exceptions import RowError
from simulator.salesforce.schema import SOBJECTS, SObject

_VERBS = ("create", "update", "delete")
_EVENTS = {"create": "BeforeInsert", "update": "BeforeUpdate", "delete": "BeforeDelete"}
_KINDS: Mapping[str, tuple[str, str]] = {
    # kind: code, and how the vendor wraps the administrator's text
    "validation_rule": ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "{text}"),
    "lookup_filter": ("FIELD_FILTER_VALIDATION_EXCEPTION", "{text}"),
    "trigger": ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "{name}: execution of {event}\n\ncaused by: {text}"),
    "apex": ("APEX_ERROR", "{name}: {text}"),
    "busy_apex": ("TOO_MANY_APEX_REQUESTS", "too many Apex requests are running; {text}"),
    "flow": ("CANNOT_EXECUTE_FLOW_TRIGGER", "the flow {name} failed, so the record was not saved: {text}"),
    "approval": ("ENTITY_IS_LOCKED", "the entity is locked for editing: {text}"),
    "owner_without_read": ("TRANSFER_REQUIRES_READ", "the new owner must have read permission: {text}"),
    "transaction_security": ("TXN_SECURITY_RUNTIME_EXCEPTION", "a transaction security policy refused this: {text}"),
}
_MEMBERS = {"object", "kind", "on", "when", "text", "name", "fields", "times"}


@dataclass(slots=True)
class Rule:
    """One thing that refuses records; `times` is how often it will, None for ever."""

    sobject: SObject
    kind: str
    on: tuple[str, ...]
    when: Record
    text: str
    name: str
    fields: list[str]
    times: int | None

    @classmethod
    def parse(cls, document: Any) -> "Rule":
        """Read a rule.

        Raises:
            ControlError: a member is missing, unknown or wrong.
        """
        if not isinstance(document, dict) or not document.keys() <= _MEMBERS:
            raise ControlError(f"a rule is an object of {', '.join(sorted(_MEMBERS))}")
        sobject, kind = SOBJECTS.get(str(document.get("object"))), str(document.get("kind"))
        if sobject is None or kind not in _KINDS:
            raise ControlError(f"a rule has an object of the org and a kind: {', '.join(_KINDS)}")
        on, when, times = document.get("on", _VERBS[:2]), document.get("when", {}), document.get("times")
        if not isinstance(on, list | tuple) or not set(on) <= set(_VERBS):
            raise ControlError(f"on is some of {', '.join(_VERBS)}")
        if not isinstance(when, dict) or not all(sobject.field(name) for name in when):
            raise ControlError(f"when is an object of fields of {sobject.name} and values")
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise ControlError("times is a whole number from 1")
        fields = document.get("fields", [])
        if not isinstance(fields, list):
            raise ControlError("fields is an array of names")
        text, name = str(document.get("text", "not allowed here")), str(document.get("name", f"{sobject.name}_{kind}"))
        return cls(sobject, kind, tuple(on), when, text, name, [str(each) for each in fields], times)

    def document(self) -> Record:
        """Return the rule as the control plane shows it."""
        shown = {name: getattr(self, name) for name in sorted(_MEMBERS - {"object", "on"})}
        return {"object": self.sobject.name, "on": list(self.on), **shown}


@dataclass(slots=True)
class Automation:
    """The rules of one org."""

    rules: list[Rule] = field(default_factory=list)

    def refuse(self, sobject: SObject, verb: str, record: Mapping[str, Any]) -> None:
        """Let the first rule that holds for a record refuse it; `record` has the values it would have.

        Raises:
            RowError: with the code of the rule's kind.
        """
        for rule in self.rules:
            if rule.sobject is not sobject or verb not in rule.on or rule.times == 0:
                continue
            if any(record.get(name) != value for name, value in rule.when.items()):
                continue
            if rule.times is not None:
                rule.times -= 1
            code, wording = _KINDS[rule.kind]
            message = wording.format(text=rule.text, name=rule.name, event=_EVENTS[verb])
            raise RowError(code, message, rule.fields)

    def replace(self, documents: Any) -> list[Record]:
        """Replace all rules.

        Raises:
            ControlError: not an array of rules; nothing changes then.
        """
        if not isinstance(documents, list):
            raise ControlError("automation is an array of rules")
        self.rules = [Rule.parse(each) for each in documents]
        return [each.document() for each in self.rules]
