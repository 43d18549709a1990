"""Checks of configuration documents: every finding at once, each naming the field and the remedy."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfoNotFoundError

from leadbridge.domain.action import Action, ActionType
from leadbridge.domain.chain_checks import check_chained
from leadbridge.domain.columns import OF_ACTIVITY
from leadbridge.domain.condition_checks import check_conditions
from leadbridge.domain.match_checks import check_match, identifiers_of, unknown_field
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from leadbridge.domain.recovery import check_recovery
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.sources import ValueSource
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
    others: Sequence[ObjectDescription] = (),
    chained: Sequence[ObjectDescription] = (),
    activity: CustomActivityType | None,
    lists: Collection[str] = (),
) -> list[str]:
    """Findings about an Action against Describe of both sides.

    `destination` is the object in which records are created, `others` those in which they are looked for beside it,
    `chained` those of what is chained; `lists` are the ids of the lists that there are.
    """
    conditions = action.conditions
    every = {each.name: each for each in (destination, *others)}
    return [
        f"action {action.id}: {finding}"
        for finding in (
            *_check_zone(action),
            *_check_destination(action, destination),
            *check_match(action, every),
            *_check_mappings(action, every),
            *check_chained(action, every, {each.name: each for each in chained}, _zone(action)),
            *_check_columns(action, leads),
            *_check_writeback(action, leads, every),
            *_check_results(action, activity, every),
            *check_recovery(action),
            *(
                check_conditions(conditions, fields=leads.fields, lists=lists, payload=_undescribed)
                if conditions
                else ()
            ),
        )
    ]


def _check_destination(action: Action, described: ObjectDescription) -> Iterator[str]:
    if not (described.createable or described.updateable) and action.type is not ActionType.DECIDE:
        yield f"destination.object: {described.name} cannot be written; choose an object that can"
    marker = action.destination.idempotency_field
    if marker and marker not in described.fields:
        yield unknown_field("destination.idempotency_field", marker, described.fields, described.name)
    elif marker and not described.fields[marker].unique:
        yield f"destination.idempotency_field: {marker} must be a unique External Id field"
    if action.type in {ActionType.CREATE, ActionType.UPSERT}:
        yield from _check_required(action, described)


def _check_mappings(action: Action, every: Mapping[str, ObjectDescription]) -> Iterator[str]:
    for index, mapping in enumerate(action.mappings):
        where = f"mappings[{index}].to"
        targets = {name: each.fields[mapping.to] for name, each in every.items() if mapping.to in each.fields}
        if not targets:
            yield unknown_field(where, mapping.to, _names(every), " or ".join(every))
        said: dict[str, None] = {}
        for target in targets.values():
            if mapping.to in FORBIDDEN or not (target.createable or target.updateable):
                said[f"{where}: {mapping.to} is set by Salesforce itself; remove the mapping"] = None
                continue
            place = Place(zone=_zone(action), length=target.length if target.type in TEXT_TYPES else None)
            said |= dict.fromkeys(check_source(f"mappings[{index}]", mapping, target, place))
        yield from said


def _check_required(action: Action, described: ObjectDescription) -> Iterator[str]:
    mapped = {mapping.to for mapping in action.mappings}
    missing = sorted(field.name for field in described.fields.values() if field.required_on_create)
    for name in missing:
        if name not in mapped:
            yield f"mappings: {described.name}.{name} is required to create a record; map it or give it a static value"


def named_columns(action: Action) -> list[tuple[str, str]]:
    """Every column that an Action names outside its conditions, with where it does."""
    named: list[tuple[str, str]] = [(f"{where}.column", each.column) for where, each in identifiers_of(action)]
    sources: tuple[tuple[str, Sequence[ValueSource]], ...] = (
        ("mappings", action.mappings),
        ("writeback", action.writeback),
        ("results.mappings", action.results.mappings),
        ("program_member.mappings", action.member_mappings),
    )
    for where, group in sources:
        named += [
            (f"{where}[{index}].{member}", name) for index, item in enumerate(group) for member, name in item.columns()
        ]
    for index, link in enumerate(action.chained or ()):
        for what, place, source in link.sources:
            named += [(f"chained[{index}].{what}[{place}].{member}", name) for member, name in source.columns()]
    if action.deduplicate:
        named += [(f"deduplicate.columns[{i}]", name) for i, name in enumerate(action.deduplicate.columns)]
    return named


def _check_columns(action: Action, leads: ObjectDescription) -> Iterator[str]:
    for where, column in named_columns(action):
        # those of an activity have a check of their own, which knows its attributes
        if column not in leads.fields and not _undescribed(column):
            yield unknown_field(where, column, leads.fields, "the Marketo lead")


def _check_writeback(action: Action, leads: ObjectDescription, every: Mapping[str, ObjectDescription]) -> Iterator[str]:
    fields = _names(every)
    for index, back in enumerate(action.writeback):
        target = leads.fields.get(back.to)
        if target is None:
            yield unknown_field(f"writeback[{index}].to", back.to, leads.fields, "the Marketo lead")
        elif not target.updateable:
            yield f"writeback[{index}].to: Marketo does not let {back.to} be updated by API; choose another field"
        if back.field and back.field not in fields:
            yield unknown_field(f"writeback[{index}].field", back.field, fields, " or ".join(every))
        yield from check_source(f"writeback[{index}]", back, None, Place(zone=_zone(action)))


def _check_results(
    action: Action, activity: CustomActivityType | None, every: Mapping[str, ObjectDescription]
) -> Iterator[str]:
    fields = _names(every)
    for index, item in enumerate(action.results.mappings):
        if item.field and item.field not in fields:
            yield unknown_field(f"results.mappings[{index}].field", item.field, fields, " or ".join(every))
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
            yield unknown_field(where, name, activity.attributes, f"the activity {activity.api_name}")


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


def _undescribed(column: str) -> bool:
    """Whether a condition may ask about a column that is no field of a lead."""
    return _in_payload(column) or column.startswith(OF_ACTIVITY)


def _names(every: Mapping[str, ObjectDescription]) -> list[str]:
    """The fields of all objects."""
    return list(dict.fromkeys(name for each in every.values() for name in each.fields))
