"""Checks of configuration documents: every finding at once, each naming the field and the remedy."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from leadbridge.domain.action import KINDS, Action, Clause, Configuration, Group
from leadbridge.domain.records import CustomActivityType, FieldDescription, ObjectDescription
from leadbridge.domain.values import WrongTypeError, coerce

#: fields that the vendor or the org sets; a mapping to them is a mistake at best
FORBIDDEN = frozenset({"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "SystemModstamp"})
#: columns that a payload may carry beside the lead's fields
PAYLOAD_GROUPS = ("campaign.", "program.", "token.")


def parse_document(raw: Any) -> Configuration | list[str]:
    """A document from plain values, or the findings about its shape."""
    if not isinstance(raw, Mapping):
        return ["a document must be a mapping with `kind`, `id` and `name`"]
    label = f"{raw.get('kind', '?')} {raw.get('id', '?')}"
    model = KINDS.get(str(raw.get("kind")))
    if model is None:
        return [f"{label}: kind: must be one of {', '.join(KINDS)}"]
    try:
        return model.model_validate(dict(raw))
    except ValidationError as invalid:
        # the input itself is left out of the text: a document may hold what somebody pasted by mistake
        return [
            f"{label}: {'.'.join(str(part) for part in error['loc']) or 'document'}: {error['msg']}"
            for error in invalid.errors(include_input=False, include_url=False)
        ]


def check_action(
    action: Action,
    *,
    leads: ObjectDescription,
    destination: ObjectDescription,
    activity: CustomActivityType | None,
) -> list[str]:
    """Findings about an Action against Describe of both sides."""
    return [
        f"action {action.id}: {finding}"
        for finding in (
            *_check_destination(action, destination),
            *_check_columns(action, leads),
            *_check_writeback(action, leads, destination),
            *_check_results(action, activity),
        )
    ]


def _check_destination(action: Action, described: ObjectDescription) -> Iterator[str]:
    if not (described.createable or described.updateable):
        yield f"destination.object: {described.name} cannot be written; choose an object that can"
    identifier = described.fields.get(action.identifier.field)
    if identifier is None:
        yield _unknown("identifier.field", action.identifier.field, described.fields, described.name)
    for index, mapping in enumerate(action.mappings):
        where = f"mappings[{index}].to"
        target = described.fields.get(mapping.to)
        if target is None:
            yield _unknown(where, mapping.to, described.fields, described.name)
        elif mapping.to in FORBIDDEN or not (target.createable or target.updateable):
            yield f"{where}: {mapping.to} is set by Salesforce itself; remove the mapping"
        else:
            yield from _check_static(f"mappings[{index}]", mapping.static, mapping.default, target)
    marker = action.destination.idempotency_field
    if marker and marker not in described.fields:
        yield _unknown("destination.idempotency_field", marker, described.fields, described.name)
    elif marker and not described.fields[marker].unique:
        yield f"destination.idempotency_field: {marker} must be a unique External Id field"
    if action.type != "update":
        yield from _check_required(action, described)


def _check_required(action: Action, described: ObjectDescription) -> Iterator[str]:
    mapped = {mapping.to for mapping in action.mappings}
    missing = sorted(field.name for field in described.fields.values() if field.required_on_create)
    for name in missing:
        if name not in mapped:
            yield f"mappings: {described.name}.{name} is required to create a record; map it or give it a static value"


def _check_static(where: str, static: Any, default: Any, target: FieldDescription) -> Iterator[str]:
    for member, value in (("static", static), ("default", default)):
        if value is not None:
            try:
                coerce(value, target)
            except WrongTypeError as wrong:
                yield f"{where}.{member}: {target.name} takes {wrong.expected}, {wrong.found} given"


def _check_columns(action: Action, leads: ObjectDescription) -> Iterator[str]:
    named: list[tuple[str, str]] = [("identifier.column", action.identifier.column)]
    named += [(f"mappings[{index}].column", item.column) for index, item in enumerate(action.mappings) if item.column]
    named += [
        (f"results.mappings[{index}].column", item.column)
        for index, item in enumerate(action.results.mappings)
        if item.column
    ]
    if action.deduplicate:
        named += [(f"deduplicate.columns[{i}]", name) for i, name in enumerate(action.deduplicate.columns)]
    if action.conditions:
        named += [("conditions", clause.column) for clause in _clauses(action.conditions)]
    for where, column in named:
        known = column in leads.fields or column in {"id", "program"} or column.startswith(PAYLOAD_GROUPS)
        if not known:
            yield _unknown(where, column, leads.fields, "the Marketo lead")


def _check_writeback(action: Action, leads: ObjectDescription, destination: ObjectDescription) -> Iterator[str]:
    for index, back in enumerate(action.writeback):
        target = leads.fields.get(back.to)
        if target is None:
            yield _unknown(f"writeback[{index}].to", back.to, leads.fields, "the Marketo lead")
        elif not target.updateable:
            yield f"writeback[{index}].to: Marketo does not let {back.to} be updated by API; choose another field"
        if back.field and back.field not in destination.fields:
            yield _unknown(f"writeback[{index}].field", back.field, destination.fields, destination.name)


def _check_results(action: Action, activity: CustomActivityType | None) -> Iterator[str]:
    if activity is None:
        name = action.results.activity
        yield f"results.activity: Marketo has no approved custom activity type {name}; create and approve it first"
        return
    wanted = [(f"results.mappings[{index}].to", item.to) for index, item in enumerate(action.results.mappings)]
    for where, name in [("results.execution_attribute", action.results.execution_attribute), *wanted]:
        if name == activity.primary_attribute:
            yield f"{where}: {name} is the primary attribute; `success` and `errored` fill it"
        elif name not in activity.attributes:
            yield _unknown(where, name, activity.attributes, f"the activity {activity.api_name}")


def _clauses(group: Group) -> Iterator[Clause]:
    for item in group.clauses:
        if isinstance(item, Group):
            yield from _clauses(item)
        else:
            yield item


def _unknown(where: str, name: str, known: Mapping[str, object] | Sequence[str], owner: str) -> str:
    close = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {close[0]}?" if close else "correct the name or add the field"
    return f"{where}: {owner} has no field {name}; {hint}"
