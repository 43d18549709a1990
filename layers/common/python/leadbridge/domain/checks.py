"""Checks of configuration documents: every finding at once, each naming the field and the remedy."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfoNotFoundError

from leadbridge.domain.action import Action
from leadbridge.domain.condition_checks import check_conditions
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.sources import ValueSource
from leadbridge.domain.suggestions import did_you_mean
from leadbridge.domain.transforms import Place, zone_finding
from leadbridge.domain.values import TEXT_TYPES

#: fields that the vendor or the org sets; a mapping to them is a mistake at best
FORBIDDEN = frozenset({"Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "SystemModstamp"})
#: columns that a payload may carry beside the lead's fields
PAYLOAD_GROUPS = ("campaign.", "program.", "token.")


def check_action(
    action: Action,
    *,
    leads: ObjectDescription,
    destination: ObjectDescription,
    activity: CustomActivityType | None,
    lists: Collection[str] = (),
) -> list[str]:
    """Findings about an Action against Describe of both sides; `lists` are the ids of the lists that there are."""
    conditions = action.conditions
    return [
        f"action {action.id}: {finding}"
        for finding in (
            *_check_zone(action),
            *_check_destination(action, destination),
            *_check_columns(action, leads),
            *_check_writeback(action, leads, destination),
            *_check_results(action, activity),
            *(
                check_conditions(conditions, fields=leads.fields, lists=lists, payload=_in_payload)
                if conditions
                else ()
            ),
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
            place = Place(zone=_zone(action), length=target.length if target.type in TEXT_TYPES else None)
            yield from check_source(f"mappings[{index}]", mapping, target, place)
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


def _check_columns(action: Action, leads: ObjectDescription) -> Iterator[str]:
    named: list[tuple[str, str]] = [("identifier.column", action.identifier.column)]
    sources: tuple[tuple[str, Sequence[ValueSource]], ...] = (
        ("mappings", action.mappings),
        ("writeback", action.writeback),
        ("results.mappings", action.results.mappings),
    )
    for where, group in sources:
        named += [
            (f"{where}[{index}].{member}", name) for index, item in enumerate(group) for member, name in item.columns()
        ]
    if action.deduplicate:
        named += [(f"deduplicate.columns[{i}]", name) for i, name in enumerate(action.deduplicate.columns)]
    for where, column in named:
        if column not in leads.fields and not _in_payload(column):
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
        yield from check_source(f"writeback[{index}]", back, None, Place(zone=_zone(action)))


def _check_results(action: Action, activity: CustomActivityType | None) -> Iterator[str]:
    for index, item in enumerate(action.results.mappings):
        yield from check_source(f"results.mappings[{index}]", item, None, Place(zone=_zone(action)))
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


def _check_zone(action: Action) -> Iterator[str]:
    if action.time_zone is not None and (said := zone_finding(action.time_zone)):
        yield f"time_zone: {said}"


def _zone(action: Action) -> tzinfo:
    """The Action's zone; of one that is not known, of which a finding tells, UTC."""
    try:
        return action.zone
    except (ValueError, ZoneInfoNotFoundError):
        return UTC


def _in_payload(column: str) -> bool:
    """Whether a column that is no field of a lead can come with a call."""
    return column in {"id", "program"} or column.startswith(PAYLOAD_GROUPS)


def _unknown(where: str, name: str, known: Mapping[str, object] | Sequence[str], owner: str) -> str:
    hint = did_you_mean(name, known) or "correct the name or add the field"
    return f"{where}: {owner} has no field {name}; {hint}"
