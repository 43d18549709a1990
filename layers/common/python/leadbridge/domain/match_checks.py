"""Checks of how an Action finds its record: identifiers, objects, duplicate record rule."""

from collections.abc import Iterator, Mapping, Sequence

from leadbridge.domain.action import Action, ActionType, UniqueIdentifier
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.suggestions import did_you_mean

#: types of fields by which `newest` and `oldest` can choose
_DATES = frozenset({"date", "datetime"})


def check_match(action: Action, every: Mapping[str, ObjectDescription]) -> Iterator[str]:
    """Findings; `every` are the objects by name, the one in which records are created first."""
    own = next(iter(every.values()))
    identifiers = list(identifiers_of(action))
    for where, each in identifiers:
        if each.field not in own.fields:
            yield unknown_field(f"{where}.field", each.field, own.fields, own.name)
    if action.destination.match_in and action.type is ActionType.CREATE:
        yield "destination.match_in: an Action of type create looks for no record; remove it, or choose upsert"
    for index, name in enumerate(action.destination.match_in or ()):
        described = every.get(name)
        if described is not None and not any(each.field in described.fields for _, each in identifiers):
            fields = ", ".join(each.field for _, each in identifiers)
            yield f"destination.match_in[{index}]: {name} has none of the identifiers {fields}; remove it"
    yield from _check_rule(action, every)


def identifiers_of(action: Action) -> Iterator[tuple[str, UniqueIdentifier]]:
    """The identifiers of an Action, each with the place where it stands."""
    yield "identifier", action.identifier
    for index, each in enumerate(action.further_identifiers or ()):
        yield f"further_identifiers[{index}]", each


def unknown_field(where: str, name: str, known: Mapping[str, object] | Sequence[str], owner: str) -> str:
    """The finding about a field that is not there."""
    hint = did_you_mean(name, known) or "correct the name or add the field"
    return f"{where}: {owner} has no field {name}; {hint}"


def _check_rule(action: Action, every: Mapping[str, ObjectDescription]) -> Iterator[str]:
    rule, where = action.duplicate_record_rule, "duplicate_record_rule"
    if rule is None or rule.choose == "refuse":
        return
    for name in action.objects:
        field = every[name].fields.get(rule.order_by) if name in every else None
        if name in every and field is None:
            yield unknown_field(f"{where}.order_by", rule.order_by, every[name].fields, name)
        elif field is not None and rule.choose != "first" and field.type not in _DATES:
            yield f"{where}.order_by: `{rule.choose}` goes by a date, and {name}.{field.name} is none; choose a date"
        elif field is not None and rule.choose == "first":
            if rule.order is None and not field.picklist:
                yield f"{where}.order: {name}.{field.name} has no picklist; list its values in their order"
            for index, value in enumerate(rule.order or ()):
                if field.restricted_picklist and value not in field.picklist:
                    yield f"{where}.order[{index}]: {name}.{field.name} cannot have this value; correct or remove it"
