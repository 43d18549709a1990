"""Checks of chained objects against Describe: every finding as `chained[0].match[2].to: what is wrong; what to do`."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo

from leadbridge.domain.action import Action, ActionType
from leadbridge.domain.chained import Chained, LinkMapping, LinkMatch
from leadbridge.domain.links import refers_to_primary
from leadbridge.domain.match_checks import unknown_field
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import ID_TYPES, TEXT_TYPES

#: characters of an execution id, as `idempotency_field` holds it before the name of the chained object
EXECUTION_ID = 32

type Objects = Mapping[str, ObjectDescription]
type Source = LinkMapping | LinkMatch


def check_chained(action: Action, primaries: Objects, chained: Objects, zone: tzinfo) -> Iterator[str]:
    """Findings; `primaries` are the objects of which the person's own record may be, `chained` those of what follows.

    Of an object that could not be described another finding tells.
    """
    earlier: dict[str, ObjectDescription] = {}
    for index, link in enumerate(action.chained or ()):
        described = chained.get(link.object)
        if described is None:
            continue
        where = f"chained[{index}]"
        yield from _check_run(where, link, action)
        yield from _check_object(where, link, described)
        for member, place, source in link.sources:
            here = f"{where}.{member}[{place}]"
            yield from _check_reference(here, source, described.fields.get(source.to), primaries, earlier)
            yield from _check_target(here, member, source, link, described)
            field = described.fields.get(source.to)
            length = field.length if field and field.type in TEXT_TYPES else None
            yield from check_source(here, source, field, Place(zone=zone, length=length))
        yield from _check_required(where, link, described)
        yield from _check_recognised(where, link, described, primaries)
        earlier[link.name] = described


def _check_run(where: str, link: Chained, action: Action) -> Iterator[str]:
    never = {ActionType.CREATE: "updated", ActionType.UPDATE: "created"}.get(action.type)
    if link.after == never:
        yield f"{where}.after: an Action of type {action.type} is never {link.after}; choose `both`, or another type"


def _check_object(where: str, link: Chained, described: ObjectDescription) -> Iterator[str]:
    if link.type != "update" and not described.createable:
        yield f"{where}.object: {described.name} records cannot be created; choose another object, or `type: update`"
    if link.type != "create" and not described.updateable:
        yield f"{where}.object: {described.name} records cannot be updated; choose another object, or `type: create`"


def _check_target(here: str, member: str, source: Source, link: Chained, described: ObjectDescription) -> Iterator[str]:
    field = described.fields.get(source.to)
    if field is None:
        yield unknown_field(f"{here}.to", source.to, described.fields, described.name)
    elif member == "match":
        if not field.filterable:
            yield f"{here}.to: {described.name} records cannot be looked for by {field.name}; choose another field"
        if link.type == "upsert" and source.field and source.field != "Id":
            yield f"{here}.field: an upsert finds its record by values that are known before, or by an Id; choose Id"
    elif link.type == "create" and not field.createable:
        yield f"{here}.to: {field.name} cannot be set in a new {described.name}; remove the mapping"
    elif link.type == "update" and not field.updateable:
        yield f"{here}.to: {field.name} of a {described.name} cannot be updated; remove the mapping"
    elif not (field.createable or field.updateable):
        yield f"{here}.to: {field.name} is set by Salesforce itself; remove the mapping"


def _check_reference(
    here: str, source: Source, target: FieldDescription | None, primaries: Objects, earlier: Objects
) -> Iterator[str]:
    """Whether what a value is taken from will be there, and may stand in a lookup."""
    if source.field is None:
        return
    if source.of is not None and source.of not in earlier:
        known = f"choose one of {', '.join(earlier)}" if earlier else "remove `of`, so that the person's own is meant"
        yield f"{here}.of: no chained object before this one is called {source.of}; {known}"
        return
    records = primaries if source.of is None else {earlier[source.of].name: earlier[source.of]}
    if not any(source.field in each.fields for each in records.values()):
        names = list(dict.fromkeys(name for each in records.values() for name in each.fields))
        yield unknown_field(f"{here}.field", source.field, names, " or ".join(records))
    refers = target is not None and target.type == "reference" and target.reference_to and source.field == "Id"
    if target and refers and not source.rules and not set(target.reference_to) & records.keys():
        wanted = " or ".join(target.reference_to)
        yield f"{here}.to: {target.name} refers to a {wanted}, not to a {' or '.join(records)}; choose another field"


def _check_required(where: str, link: Chained, described: ObjectDescription) -> Iterator[str]:
    if link.type == "update":
        return
    given = {source.to for _, _, source in link.sources}
    for name in sorted(field.name for field in described.fields.values() if field.required_on_create):
        if name not in given:
            yield f"{where}.mappings: {described.name}.{name} is required to create a record; map it"


def _check_recognised(where: str, link: Chained, described: ObjectDescription, primaries: Objects) -> Iterator[str]:
    """Whether a record whose creation was not answered can be found again."""
    if link.idempotency_field:
        here, marker = f"{where}.idempotency_field", described.fields.get(link.idempotency_field)
        if marker is None:
            yield unknown_field(here, link.idempotency_field, described.fields, described.name)
        elif not marker.unique:
            yield f"{here}: {marker.name} must be a unique External Id field; choose one"
        elif marker.length is not None and marker.length < (needed := EXECUTION_ID + 1 + len(link.name)):
            yield f"{here}: {marker.name} must hold {needed} characters; make it longer, or shorten the name"
        return
    if link.type != "create":
        return
    lookups = [
        described.fields[each.to] for each in link.mappings if refers_to_primary(each) and each.to in described.fields
    ]
    able = [each for each in lookups if each.type in ID_TYPES and each.filterable]
    for name in primaries:
        if not any(not each.reference_to or name in each.reference_to for each in able):
            yield (
                f"{where}.mappings: a {described.name} whose creation is not answered could not be told from others; "
                f"map the Id of the {name} to a lookup, or give `idempotency_field`"
            )
