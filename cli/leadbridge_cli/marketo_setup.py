"""What a Marketo instance needs before Leadbridge can use it: what a person clicks, and what the API can make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from leadbridge.domain.action import Action
from leadbridge.domain.crm_cycle import CrmCycle, Flag
from leadbridge.domain.marketo import ActivityAttribute, FieldMetadata
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from leadbridge.domain.setup_sheets import STANDARD_FIELDS
from leadbridge.domain.sync import FlagDeletes, Sync
from leadbridge.errors import ConfigurationError
from leadbridge.vendors.marketo.custom_activities import CustomActivities
from leadbridge.vendors.marketo.fields import Fields
from leadbridge.vendors.marketo.syncing import LEADS

#: what is made where no Action says otherwise
RESULT_TYPE = "leadbridgeResult"
RESULT_ATTRIBUTES = ("executionId", "outcome", "reason", "message", "salesforceId")
PRIMARY_ATTRIBUTE = "result"
#: Marketo's word for a type that is approved and is being changed
WITH_DRAFT = "approved with draft"

#: Marketo's word for the type of a Salesforce field; everything else is text
_TYPES = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "int": "integer",
    "double": "float",
    "currency": "currency",
    "percent": "float",
    "email": "email",
    "phone": "phone",
    "url": "url",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewType:
    """A custom activity type to be made, or one that lacks attributes or its approval.

    `exists` if it is there already, `drafted` if it is approved and has a draft of what it will be besides.
    """

    api_name: str
    attributes: tuple[str, ...]
    exists: bool = False
    drafted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the API is to make."""

    fields: tuple[FieldMetadata, ...] = ()
    types: tuple[NewType, ...] = field(default=())

    def lines(self) -> Iterator[str]:
        """The plan, a line for each thing."""
        for each in self.fields:
            yield f"create the lead field {each.name} ({each.data_type}); it can be hidden later, never deleted"
        for kind in self.types:
            if not kind.attributes:
                yield f"approve the {'draft of the ' if kind.drafted else ''}custom activity type {kind.api_name}"
                continue
            verb = "add to the activity type" if kind.exists else "create and approve the custom activity type"
            aside = " (what else its draft holds is approved with it)" if kind.drafted else ""
            yield f"{verb} {kind.api_name}: {', '.join(kind.attributes)}{aside}"


def plan(
    actions: Sequence[Action],
    *,
    leads: ObjectDescription,
    types: Mapping[str, CustomActivityType | None],
    drafts: Mapping[str, CustomActivityType],
    destinations: Mapping[str, ObjectDescription],
    cycles: Iterable[CrmCycle] = (),
    flags: Iterable[str] = (),
) -> Plan:
    """What is missing for these Actions and cycles; without any, for a first Action.

    `flags` are the yes/no fields of `flag_fields`. `types` holds the activity types that `wanted_types` names, None
    where there is none, `drafts` those drafts of them that wait beside an approved form; `destinations` the Salesforce
    objects that could be described, from which the types of write-back fields are taken.
    """
    backs = {
        back.to: _type_of(destinations.get(action.destination.object), back.field)
        for action in actions
        for back in action.writeback
    }
    wanted = backs | dict.fromkeys(link_fields(cycles), "string") | dict.fromkeys(flags, "boolean")
    wanted = wanted or dict.fromkeys(STANDARD_FIELDS, "string")
    fields = [
        FieldMetadata(name=name, data_type=kind, display_name=_title(name))
        for name, kind in sorted(wanted.items())
        if name not in leads.fields
    ]
    missing = []
    for name, attributes in sorted(wanted_types(actions).items()):
        known, draft = types.get(name), drafts.get(name)
        if known is not None and known.status.startswith("approved") and known.attributes.keys() >= set(attributes):
            continue
        # what an earlier try left in a draft is not added twice; nothing takes records before the approval
        there = draft or known
        absent = tuple(each for each in attributes if there is None or each not in there.attributes)
        missing.append(NewType(api_name=name, attributes=absent, exists=known is not None, drafted=draft is not None))
    return Plan(fields=tuple(fields), types=tuple(missing))


def link_fields(cycles: Iterable[CrmCycle]) -> list[str]:
    """Marketo's fields in which cycles keep whose counterpart a person is; administrators make them for that."""
    people = [cycle.persons for cycle in cycles if cycle.persons is not None]
    return sorted({name for each in people for name in (each.id_field, each.type_field) if name})


def flag_fields(connection: str, syncs: Iterable[Sync], cycles: Iterable[CrmCycle]) -> list[str]:
    """Marketo's yes/no fields that mark people whose record was deleted or merged, of Syncs and cycles."""
    marks = [
        each.deletes for each in syncs if each.destination.connection == connection and each.destination.object == LEADS
    ]
    people = [each.persons for each in cycles if each.persons is not None and each.marketo == connection]
    ends = [end for each in people for end in (each.deleted_in_salesforce, each.merged_in_salesforce)]
    return sorted({each.flag for each in (*marks, *ends) if isinstance(each, (FlagDeletes, Flag))})


def wanted_types(actions: Iterable[Action]) -> dict[str, tuple[str, ...]]:
    """The custom activity types that the Actions report by, with the attributes they fill."""
    found: dict[str, dict[str, None]] = {}
    for action in actions:
        names = found.setdefault(action.results.activity, {})
        names |= dict.fromkeys([action.results.execution_attribute, *(item.to for item in action.results.mappings)])
    return {name: tuple(attributes) for name, attributes in found.items()} or {RESULT_TYPE: RESULT_ATTRIBUTES}


def carry_out(todo: Plan, *, fields: Fields, activities: CustomActivities) -> Iterator[str]:
    """Make what the plan says, and tell of each thing what became of it. Run again, it goes on where it stopped.

    Raises:
        ConfigurationError: Marketo refused fields, each with its reason; everything else was made.
    """
    results = fields.create(todo.fields) if todo.fields else []
    refused = []
    for each, said in zip(todo.fields, results, strict=True):
        if said.ok:
            yield f"field {each.name}: created"
        else:
            refused.append(f"field {each.name}: {said.message}")
    for kind in todo.types:
        if not kind.exists:
            title = _title(kind.api_name)
            activities.create_type(
                kind.api_name,
                name=title,
                trigger_name=f"{title} is logged",
                filter_name=f"Was {title}",
                primary=_attribute(PRIMARY_ATTRIBUTE),
            )
        if kind.attributes:
            activities.create_attributes(kind.api_name, [_attribute(name) for name in kind.attributes])
        activities.approve_type(kind.api_name)
        yield f"activity type {kind.api_name}: {'extended' if kind.exists else 'created'} and approved"
    if refused:
        raise ConfigurationError(refused)


def _attribute(name: str) -> ActivityAttribute:
    return ActivityAttribute(api_name=name, name=_title(name))


def _type_of(described: ObjectDescription | None, name: str | None) -> str:
    known = described.fields.get(name) if described and name else None
    return _TYPES.get(known.type, "string") if known else "string"


def _title(name: str) -> str:
    """A field's name as words: leadbridgeStatus becomes Leadbridge Status."""
    words = "".join(f" {letter}" if letter.isupper() else letter for letter in name)
    return " ".join(word[:1].upper() + word[1:] for word in words.split())
