"""Checks of a Sync against Describe of both sides: every finding at once, each naming the member and the remedy."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from leadbridge.domain.checks import FORBIDDEN
from leadbridge.domain.clauses import Family, family_of
from leadbridge.domain.condition_checks import check_conditions
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.gone import link_of
from leadbridge.domain.match_checks import unknown_field
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.schedule import problems
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.source_query import CHANGE_STAMPS, Facts, reads_leads_by_key
from leadbridge.domain.sync import FlagDeletes, ImportRule, Sync
from leadbridge.domain.sync_imports import why_never_by_file, why_not_by_file
from leadbridge.domain.sync_objects import (
    NEEDED_AT_DESTINATION,
    NEEDED_MEMBERS,
    readable,
    unwritable,
)
from leadbridge.domain.transforms import Kind, Place
from leadbridge.domain.values import TEXT_TYPES

#: Salesforce fields that are made of others, or are files: no column of a file holds them
_COMPOUND = frozenset({"address", "location", "base64", "anyType", "complexvalue"})
#: types by which `newest` and `oldest` can choose
_DATES = frozenset({"date", "datetime"})
_KINDS = {
    Family.NUMBER: Kind.NUMBER,
    Family.BOOLEAN: Kind.BOOLEAN,
    Family.DATE: Kind.DATE,
    Family.DATETIME: Kind.MOMENT,
    Family.EMAIL: Kind.WORD,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a Sync: its vendor, and the object as it is described to our user."""

    vendor: Vendor
    described: ObjectDescription

    @property
    def name(self) -> str:
        """How the object is called in a sentence."""
        if self.vendor == "salesforce":
            return self.described.name
        return "the Marketo lead" if self.described.name == "leads" else f"Marketo's {self.described.name}"


def check_shape(sync: Sync, source: Vendor, destination: Vendor, now: datetime) -> Iterator[str]:
    """Findings that need no Describe: what the objects are, how they are read and written, and when."""
    if source == destination:
        yield "destination.connection: is of the same vendor as the source; choose one of the other"
    if source == "marketo":
        yield from _check_marketo_source(sync)
    else:
        for name in NEEDED_MEMBERS:
            if getattr(sync.source, name) is not None:
                yield f"source.{name}: has no place with a Salesforce object; remove it"
    if destination == "marketo":
        yield from _check_marketo_destination(sync)
    else:
        for name in ("partition", *NEEDED_AT_DESTINATION.values()):
            if getattr(sync.destination, name) is not None:
                yield f"destination.{name}: is Marketo's; remove it"
    if sync.by.load == "bulk" and (why := why_never_by_file(sync, destination)):
        yield _by_rest(why)
    yield from (f"{member}: {said}" for member, said in problems(sync, now))


def _by_rest(why: str) -> str:
    return f"by.load: {why}; choose auto or rest"


def _check_marketo_destination(sync: Sync) -> Iterator[str]:
    needed = NEEDED_AT_DESTINATION.get(sync.destination.object)
    for name in NEEDED_AT_DESTINATION.values():
        given = getattr(sync.destination, name) is not None
        if name == needed and not given:
            yield f"destination.{name}: is missing, {sync.destination.object} needs it; name it, or give its id"
        elif given and name != needed:
            yield f"destination.{name}: has no place with {sync.destination.object}; remove it"
    if why := unwritable(sync.destination.object):
        yield f"destination.object: {why}"
    elif sync.destination.object != "leads" and sync.destination.partition is not None:
        yield "destination.partition: goes with leads only; remove it"
    for name in ("duplicate_rules", "idempotency_field"):
        if getattr(sync.destination, name) is not None:
            yield f"destination.{name}: is Salesforce's; remove it"


def _check_marketo_source(sync: Sync) -> Iterator[str]:
    name = sync.source.object
    found = readable(name)
    if isinstance(found, str):
        yield f"source.object: {found}"
        return
    for member in NEEDED_MEMBERS:
        given = getattr(sync.source, member)
        if member == found.needs and given is None:
            yield f"source.{member}: is missing, {name} needs it; name it, or give its id"
        elif member != found.needs and given is not None:
            yield f"source.{member}: has no place with {name}; remove it"
    if sync.by.extract != "auto" and sync.by.extract not in found.ways:
        yield f"by.extract: {name} cannot be read by `{sync.by.extract}`; choose auto or {found.ways[0]}"
    if sync.incremental and not found.incremental:
        yield f"extraction: Marketo does not tell what changed in {name}; set `extraction: full`"


def check_sync(sync: Sync, source: End, destination: End, *, lists: Collection[str] = ()) -> Iterator[str]:
    """Findings against Describe of both sides; `lists` are the ids of the lists that there are."""
    yield from _check_source_object(sync, source)
    yield from _check_columns(sync, source)
    yield from _check_destination(sync, destination)
    yield from _check_match(sync, destination)
    yield from _check_mappings(sync, source, destination)
    yield from _check_rule(sync, destination)
    yield from _check_writeback(sync, source, destination)
    yield from _check_deletes(sync, source, destination)
    if sync.conditions:
        yield from check_conditions(
            sync.conditions, fields=source.described.fields, lists=lists, payload=lambda _: False, owner=source.name
        )


def _check_source_object(sync: Sync, source: End) -> Iterator[str]:
    fields = source.described.fields
    if source.vendor == "salesforce":
        if not source.described.queryable:
            yield f"source.object: {source.name} cannot be queried; choose another object"
        if sync.incremental and not any(name in fields for name in CHANGE_STAMPS):
            yield f"extraction: {source.name} does not say when a record changed; set `extraction: full`"
    elif not source.described.queryable:
        yield (
            f"source.object: {source.name} cannot be read, Marketo exports only custom objects linked to leads; "
            "choose another object"
        )
    elif (sync.source.object, sync.by.extract, sync.incremental) == ("leads", "rest", False) and not reads_leads_by_key(
        sync, Facts(fields=fields)
    ):
        yield "by.extract: Marketo lists all leads in bulk extracts only; choose auto or bulk"


def _check_columns(sync: Sync, source: End) -> Iterator[str]:
    fields = source.described.fields
    named = [(f"match[{index}].column", pair.column) for index, pair in enumerate(sync.match)]
    for what, items in (("mappings", sync.mappings), ("writeback", sync.writeback)):
        for index, item in enumerate(items):
            named += [(f"{what}[{index}].{member}", name) for member, name in item.columns()]
    for where, column in named:
        if column not in fields:
            yield unknown_field(where, column, fields, source.name)
        elif source.vendor == "salesforce" and fields[column].type in _COMPOUND:
            yield f"{where}: {column} is made of other fields ({fields[column].type}); name one of those"


def _check_destination(sync: Sync, destination: End) -> Iterator[str]:
    described, rule = destination.described, sync.import_rule
    if rule is not ImportRule.UPDATE and not described.createable:
        yield f"destination.object: no {destination.name} can be created; choose another object, or `import: update`"
    if rule is not ImportRule.CREATE and not described.updateable:
        yield f"destination.object: no {destination.name} can be changed; choose another object, or `import: create`"
    marker = sync.destination.idempotency_field
    if marker and marker not in described.fields:
        yield unknown_field("destination.idempotency_field", marker, described.fields, destination.name)
    elif marker and not described.fields[marker].unique:
        yield f"destination.idempotency_field: {marker} must be a unique External Id field"
    elif marker and any(mapping.to == marker for mapping in sync.mappings):
        yield f"destination.idempotency_field: {marker} is mapped as well; remove the mapping, or choose another field"
    elif marker and marker in sync.key_fields:
        yield f"destination.idempotency_field: {marker} belongs to the key, which keeps records apart; remove it"
    if rule is not ImportRule.UPDATE:
        mapped = {mapping.to for mapping in sync.mappings}
        for name in sorted(field.name for field in described.fields.values() if field.required_on_create):
            if name not in mapped:
                yield (
                    f"mappings: {destination.name}.{name} is required to create a record; map it or give it a static "
                    "value"
                )


def _check_match(sync: Sync, destination: End) -> Iterator[str]:
    fields, vendor = destination.described.fields, destination.vendor
    if (
        sync.by.load == "bulk"
        and not why_never_by_file(sync, vendor)
        and (why := why_not_by_file(sync, vendor, destination.described))
    ):
        yield _by_rest(why)
    mapped = {mapping.to for mapping in sync.mappings}
    for index, pair in enumerate(sync.match):
        where, field = f"match[{index}].field", fields.get(pair.field)
        if field is None:
            yield unknown_field(where, pair.field, fields, destination.name)
            continue
        if destination.vendor == "salesforce" and not field.filterable:
            yield f"{where}: Salesforce cannot look for {pair.field}; choose a field that can be filtered"
        if destination.vendor == "marketo" and index == 0 and not _finds(sync, destination.described, field):
            yield f"{where}: Marketo does not find records by {pair.field}; {_searchable(destination.described)}"
        if sync.import_rule is not ImportRule.UPDATE:
            if not field.createable:
                yield f"{where}: {pair.field} is set by the vendor, so no new record has it; choose `import: update`"
            elif pair.field not in mapped:
                yield f"{where}: a new record would not be found again, as {pair.field} is not mapped; map it, too"


def _keyed(sync: Sync, described: ObjectDescription) -> bool:
    """Whether the match is the object's whole key."""
    return set(sync.key_fields) == set(described.key_fields)


def _finds(sync: Sync, described: ObjectDescription, field: FieldDescription) -> bool:
    """Whether Marketo finds records by the first field of the match, or by all of them as the object's whole key."""
    return field.id_lookup or field.name == "id" or _keyed(sync, described)


def _searchable(described: ObjectDescription) -> str:
    if not described.key_fields:
        return "put a searchable field first, such as email"
    searchable = sorted(each.name for each in described.fields.values() if each.id_lookup)
    own = f"match by its key ({', '.join(described.key_fields)})"
    return f"{own}, or put a searchable field first ({', '.join(searchable)})" if searchable else own


def _check_mappings(sync: Sync, source: End, destination: End) -> Iterator[str]:
    fields, keys = destination.described.fields, set(sync.key_fields)
    for index, mapping in enumerate(sync.mappings):
        where, target = f"mappings[{index}]", fields.get(mapping.to)
        if target is None:
            yield unknown_field(f"{where}.to", mapping.to, fields, destination.name)
            continue
        if refused := _why_unwritable(sync, mapping.to, target, destination, in_key=mapping.to in keys):
            yield f"{where}.to: {refused}"
            continue
        place = Place(zone=sync.zone, length=target.length if target.type in TEXT_TYPES else None)
        column = source.described.fields.get(mapping.column or "")
        yield from check_source(where, mapping, target, place, before=_kind(column))


def _why_unwritable(sync: Sync, name: str, target: FieldDescription, destination: End, *, in_key: bool) -> str:
    vendor = "Salesforce" if destination.vendor == "salesforce" else "Marketo"
    if (destination.vendor == "salesforce" and name in FORBIDDEN) or not (target.createable or target.updateable):
        return f"{name} is set by {vendor} itself; remove the mapping"
    if sync.import_rule is ImportRule.CREATE and not target.createable:
        return f"{name} cannot be given to a new record; remove the mapping"
    if sync.import_rule is ImportRule.UPDATE and not target.updateable and not in_key:
        return f"{name} cannot be changed; remove the mapping"
    return ""


def _kind(column: FieldDescription | None) -> Kind:
    """What is known of a column's values; a text may write anything."""
    return _KINDS.get(family_of(column.type), Kind.ANY) if column else Kind.ANY


def _check_rule(sync: Sync, destination: End) -> Iterator[str]:
    rule, fields = sync.duplicate_record_rule, destination.described.fields
    if rule is None or rule.choose == "refuse":
        return
    field = fields.get(rule.order_by)
    if field is None:
        yield unknown_field("duplicate_record_rule.order_by", rule.order_by, fields, destination.name)
    elif rule.choose != "first" and field.type not in _DATES:
        yield (
            f"duplicate_record_rule.order_by: `{rule.choose}` goes by a date, and {destination.name}.{field.name} is "
            "none; choose a date"
        )
    elif rule.choose == "first" and rule.order is None and not field.picklist:
        yield (
            f"duplicate_record_rule.order: {destination.name}.{field.name} has no picklist; list its values in their "
            "order"
        )


def _check_writeback(sync: Sync, source: End, destination: End) -> Iterator[str]:
    if sync.writeback and source.vendor == "marketo" and sync.source.object != "leads":
        yield f"writeback: {source.name} cannot be written back to; remove it, or read leads"
        return
    for index, back in enumerate(sync.writeback):
        where, target = f"writeback[{index}]", source.described.fields.get(back.to)
        if target is None:
            yield unknown_field(f"{where}.to", back.to, source.described.fields, source.name)
        elif not target.updateable or back.to in FORBIDDEN:
            yield f"{where}.to: {back.to} cannot be changed; choose another field"
        if back.field and back.field not in destination.described.fields:
            yield unknown_field(f"{where}.field", back.field, destination.described.fields, destination.name)
        yield from check_source(where, back, None, Place(zone=sync.zone))


def _check_gone(sync: Sync, source: End, destination: End) -> Iterator[str]:
    """Whether records of deleted rows are found, and whether it can be asked who lives on."""
    if sync.destination.object in NEEDED_AT_DESTINATION:
        yield f"deletes: nothing is flagged or deleted where rows become {sync.destination.object}; set it to `ignore`"
        return
    if any(pair.field not in destination.described.fields for pair in sync.match):
        return  # said elsewhere
    if link_of(sync, source.vendor, destination.vendor, destination.described) is None:
        yield (
            "deletes: of deleted people Marketo tells the id alone; map `id` to a field that can be searched, or match "
            "by it"
        )
    first = source.described.fields.get(sync.key_columns[0])
    asked = first is None or (first.filterable if source.vendor == "salesforce" else first.id_lookup)
    if not asked and sync.key_columns[0] != "id":
        yield (
            f"deletes: {source.name} cannot be asked which records have the same {sync.key_columns[0]}, so a living "
            "one could be deleted; put a searchable column first in `match`"
        )


def _check_deletes(sync: Sync, source: End, destination: End) -> Iterator[str]:
    if sync.deletes == "ignore":
        return
    if source.vendor == "salesforce" and not source.described.replicateable:
        yield f"deletes: Salesforce does not tell which {source.name} records were deleted; set `deletes: ignore`"
    if source.vendor == "marketo" and sync.source.object != "leads":
        yield f"deletes: Marketo does not tell what was deleted of {sync.source.object}; set `deletes: ignore`"
    yield from _check_gone(sync, source, destination)
    if not isinstance(sync.deletes, FlagDeletes):
        if not destination.described.deletable:
            yield f"deletes: no {destination.name} can be deleted; name a field with `flag`, or set `deletes: ignore`"
        return
    flag = destination.described.fields.get(sync.deletes.flag)
    if flag is None:
        yield unknown_field("deletes.flag", sync.deletes.flag, destination.described.fields, destination.name)
    elif flag.type != "boolean" or not flag.updateable:
        yield f"deletes.flag: {flag.name} is no yes/no field that can be changed; choose another one"
    elif any(mapping.to == flag.name for mapping in sync.mappings):
        yield f"deletes.flag: {flag.name} is mapped as well; remove the mapping, or choose another field"
