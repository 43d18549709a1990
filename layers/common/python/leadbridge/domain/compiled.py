"""An Action version made ready to run: what can be done without an event is done here, once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain import action as documents
from leadbridge.domain.columns import lead_columns
from leadbridge.domain.conditions import Conditions, compile_conditions
from leadbridge.domain.links import CompiledLink, compile_link
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import LEFT_ALONE, CompiledSource, compile_source
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import TEXT_TYPES, WrongTypeError, coercion

#: where a converted Lead says what became of it
CONVERTED = "ConvertedContactId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One object of the destination: how records are found in it, and what is written to them."""

    name: str
    #: how ids of its records begin
    key_prefix: str = ""
    #: by place among the Action's identifiers; one whose field the object lacks is left out
    identifiers: Mapping[int, FieldDescription]
    #: every mapping, in the order of the document
    mapped: tuple[CompiledSource, ...] = ()
    #: what every written record carries regardless of the person, and the mappings that depend on the event
    statics: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[CompiledSource, ...] = ()
    #: fields that the match query must return
    matched_fields: tuple[str, ...] = ()
    #: values of the duplicate record rule's field, the one that is chosen before all others first
    order: tuple[str, ...] = ()
    #: fields that a write-back or a result takes from the record, beside its id
    read_back_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledAction:
    """An Action version made ready to run against one description of the destination."""

    action: documents.Action
    version: int
    #: the object in which records are created, and all in which they are looked for
    target: Target
    targets: Mapping[str, Target]
    #: fields of the Marketo lead that a run reads
    columns: frozenset[str] = frozenset()
    writeback: tuple[CompiledSource, ...] = ()
    conditions: Conditions | None = None
    #: what is written after the record, in this order
    chain: tuple[CompiledLink, ...] = ()

    @property
    def identifier(self) -> FieldDescription:
        """The field of the first identifier, as the object has it in which records are created."""
        return self.target.identifiers[0]

    @property
    def mapped(self) -> tuple[CompiledSource, ...]:
        """Every mapping of a new record, in the order of the document."""
        return self.target.mapped

    @property
    def statics(self) -> Mapping[str, Any]:
        """What every new record carries regardless of the person."""
        return self.target.statics

    @property
    def matched_fields(self) -> tuple[str, ...]:
        """Fields that the match query must return of the object in which records are created."""
        return self.target.matched_fields

    @property
    def read_back_fields(self) -> tuple[str, ...]:
        """Destination fields that are told and that the write's own answer does not hold."""
        return tuple(sorted(_told_fields(self.action)))

    @property
    def tells_the_same(self) -> bool:
        """Whether each run writes the same values back to a lead, or an id that no lead held before."""
        one_record = len(self.targets) == 1 and self.action.type is not documents.ActionType.DECIDE
        return all(
            each.kind == "static" or (one_record and each.field == "Id" and each.of is None and not each.transforms)
            for each in self.action.writeback
        )

    @property
    def upserts_by_field(self) -> bool:
        """Whether the vendor's own upsert by external id is used for new records."""
        return (
            self.action.type is documents.ActionType.UPSERT and self.identifier.external_id and self.identifier.unique
        )

    def target_of(self, object_name: str) -> Target:
        """The object of that name; without a name, or with one that is not known any more, that of new records."""
        return self.targets.get(object_name, self.target)

    def target_by_id(self, record_id: str) -> Target | None:
        """The object that a record is of, if it is one of the Action's."""
        return next(
            (each for each in self.targets.values() if each.key_prefix and record_id.startswith(each.key_prefix)), None
        )


def compile_action(
    action: documents.Action,
    version: int,
    described: ObjectDescription,
    *others: ObjectDescription,
    types: Mapping[str, str] | None = None,
    lists: Mapping[str, frozenset[str]] | None = None,
    chained: Mapping[str, ObjectDescription] | None = None,
) -> CompiledAction:
    """Bind the mappings to the destination's fields; static values are typed here, once.

    `described` is the object in which records are created, `others` those in which they are looked for beside it.
    `types` are the source's type words of the columns that the conditions ask about, `lists` the members of those
    that they name, `chained` the objects of what is chained, by name.

    Raises:
        UnknownListError: `lists` lacks a list that the conditions name.
        KeyError: A field is not described (checked when the Action was saved; the org changed since).
    """
    every = (described, *others)
    for name in [*(mapping.to for mapping in action.mappings), *(each.field for each in action.identifiers)]:
        if not any(name in each.fields for each in every):
            raise KeyError(name)
    if action.identifier.field not in described.fields:
        raise KeyError(action.identifier.field)
    targets = {each.name: _target(action, each) for each in every}
    zone = action.zone
    return CompiledAction(
        action=action,
        version=version,
        target=targets[described.name],
        targets=targets,
        columns=lead_columns(action),
        conditions=(
            compile_conditions(action.conditions, types=types, zone=zone, lists=lists) if action.conditions else None
        ),
        writeback=tuple(compile_source(back, Place(zone=zone)) for back in action.writeback),
        chain=tuple(compile_link(link, (chained or {})[link.object], zone, targets) for link in action.chained or ()),
    )


def _target(action: documents.Action, described: ObjectDescription) -> Target:
    """The object with the mappings whose fields it has."""
    zone = action.zone
    statics: dict[str, Any] = {}
    mapped: list[CompiledSource] = []
    fields: list[CompiledSource] = []
    for mapping in action.mappings:
        target = described.fields.get(mapping.to)
        if target is None:
            continue
        coerce_to = coercion(target, zone)
        place = Place(zone=zone, length=target.length if target.type in TEXT_TYPES else None)
        source = compile_source(mapping, place, coerce_to)
        mapped.append(source)
        try:
            constant = mapping.static is not None and not mapping.rules
            value = coerce_to(mapping.static) if constant else LEFT_ALONE
        except WrongTypeError:
            value = LEFT_ALONE  # the field's type has changed in the org since; each record says so
        if value is LEFT_ALONE:
            fields.append(source)
        else:
            statics[mapping.to] = value
    return Target(
        name=described.name,
        key_prefix=described.key_prefix,
        identifiers={
            place: described.fields[each.field]
            for place, each in enumerate(action.identifiers)
            if each.field in described.fields
        },
        mapped=tuple(mapped),
        statics=statics,
        fields=tuple(fields),
        matched_fields=_matched_fields(action, described),
        order=_order(action, described),
        read_back_fields=tuple(sorted(_told_fields(action) & described.fields.keys())),
    )


def _matched_fields(action: documents.Action, described: ObjectDescription) -> tuple[str, ...]:
    wanted = {"Id"} | ({each.field for each in action.identifiers} & described.fields.keys())
    rule = action.duplicate_record_rule
    if rule and rule.choose != "refuse":
        wanted.add(rule.order_by)
    if action.destination.idempotency_field and described.name == action.destination.object:
        wanted.add(action.destination.idempotency_field)
    if described.name == "Lead" and "Contact" in action.objects and CONVERTED in described.fields:
        wanted.add(CONVERTED)
    return tuple(sorted(wanted))


def _order(action: documents.Action, described: ObjectDescription) -> tuple[str, ...]:
    rule = action.duplicate_record_rule
    if rule is None or rule.choose != "first":
        return ()
    own = described.fields.get(rule.order_by)
    return tuple(rule.order or (own.picklist if own else ()))


def _told_fields(action: documents.Action) -> set[str]:
    told = [*(back.field for back in action.writeback), *(each.field for each in action.results.mappings)]
    told += [each.field for each in action.member_mappings]
    return {name for name in told if name and name != "Id"}
