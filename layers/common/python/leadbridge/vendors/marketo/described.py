"""Descriptions of Marketo's objects under the names that Syncs give them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_query import ACTIVITY_COLUMNS, ATTRIBUTES, LEAD_PREFIX, TYPE_NAME
from leadbridge.domain.sync_objects import AS_DESTINATION

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient
    from leadbridge.vendors.marketo.objects import Objects

#: the columns of every activity, with their types
_OF_ACTIVITIES: Mapping[str, str] = dict.fromkeys((*ACTIVITY_COLUMNS, TYPE_NAME, ATTRIBUTES), "string") | {
    "leadId": "integer",
    "activityDate": "datetime",
    "activityTypeId": "integer",
    "campaignId": "integer",
    "primaryAttributeValueId": "integer",
}
#: nobody can change which fields these have
FIXED = frozenset({"opportunity_roles", "sales_persons"})
#: whether a person is in a list, and the status of one in a program
MEMBER, STATUS = "member", "statusName"
#: columns that a membership has whatever its program
_OF_MEMBERS: Mapping[str, str] = {"leadId": "integer", "programId": "integer"}


def described(client: "MarketoClient", object_name: str) -> ObjectDescription:
    """The fields of an object by REST name, as they are today: a process lives on while people add fields.

    Raises:
        PermanentError: There is no custom object of that name.
    """
    if object_name in {"leads", "list_members"}:
        return client.describe_leads()
    if object_name in _OTHERS:
        return _OTHERS[object_name](client)
    return described_object(object_name, objects_named(client, object_name).describe(fresh=object_name not in FIXED))


def objects_named(client: "MarketoClient", object_name: str) -> "Objects":
    """The verbs of an object of the general pattern, as a Sync calls it."""
    return _GENERAL[object_name](client) if object_name in _GENERAL else client.custom_objects(object_name)


def _members(client: "MarketoClient") -> ObjectDescription:
    """A membership's own columns and its person's: an extract has both, under the same names where they agree."""
    own = {name: _only_read(name, kind) for name, kind in _OF_MEMBERS.items()}
    fields = {**_people(client), **own, **client.describe_members().fields}
    return ObjectDescription(name="program members", fields=fields, createable=False)


def _activities(client: "MarketoClient") -> ObjectDescription:
    """Every activity's columns, the attributes of all types as `activity.<name>`, and its person's as `lead.<name>`."""
    attributes = {
        f"activity.{attribute.name}": attribute.data_type
        for kind in client.activity_types()
        for attribute in kind.attributes
    }
    people = {f"{LEAD_PREFIX}{each.name}": each.type for each in client.describe_leads().fields.values()}
    every = {**_OF_ACTIVITIES, **attributes, **people}
    fields = {name: _only_read(name, kind) for name, kind in every.items()}
    return ObjectDescription(name="activities", fields=fields, createable=False, updateable=False, deletable=False)


def described_object(object_name: str, found: ObjectType) -> ObjectDescription:
    """An object of the general pattern: whoever creates a record gives its whole key."""
    keys = frozenset(found.dedupe_fields)
    searchable = {group[0] for group in found.searchable_fields if len(group) == 1}
    fields = {
        each.name: FieldDescription(
            name=each.name,
            type=each.data_type,
            createable=each.updateable or each.name in keys,
            # some keys are described as if they could be changed
            updateable=each.updateable and each.name not in keys,
            required_on_create=each.name in keys,
            id_lookup=each.name in searchable,
            length=each.length,
            label=each.display_name,
        )
        for each in found.fields
    }
    # of the objects that are no standard ones only those are exported that are linked to leads
    linked = any(each.related_to.name.casefold() == "lead" for each in found.relationships)
    return ObjectDescription(
        name=_said(object_name),
        fields=fields,
        queryable=linked,
        id_field=found.id_field,
        key_fields=found.dedupe_fields,
        links={each.field: (each.related_to.name, each.related_to.field) for each in found.relationships},
        label=found.display_name,
    )


def _said(object_name: str) -> str:
    return object_name.replace("_", " ") if object_name in _GENERAL else object_name


def _only_read(name: str, kind: str) -> FieldDescription:
    return FieldDescription(name=name, type=kind, createable=False, updateable=False)


def _list_membership(client: "MarketoClient") -> ObjectDescription:
    """A person, and whether it is in a list."""
    own = {MEMBER: FieldDescription(name=MEMBER, type="boolean", createable=False)}
    return ObjectDescription(name="members of a list", fields=_people(client) | own, createable=False, deletable=False)


def _program_membership(client: "MarketoClient") -> ObjectDescription:
    """A person, and what of its membership in a program can be changed; the status is set by a call of its own."""
    own = {name: each for name, each in client.describe_members().fields.items() if each.updateable}
    own[STATUS] = FieldDescription(name=STATUS, type="string", createable=False)
    own[MEMBER] = FieldDescription(name=MEMBER, type="boolean", createable=False)
    return ObjectDescription(
        name="members of a program", fields=_people(client) | own, createable=False, deletable=False
    )


def _people(client: "MarketoClient") -> dict[str, FieldDescription]:
    return {
        name: replace(each, createable=False, updateable=False, required_on_create=False)
        for name, each in client.describe_leads().fields.items()
    }


_OTHERS: Mapping[str, Callable[["MarketoClient"], ObjectDescription]] = {
    AS_DESTINATION["list_members"]: _list_membership,
    AS_DESTINATION["program_members"]: _program_membership,
    "program_members": _members,
    "activities": _activities,
}
_GENERAL: Mapping[str, Callable[["MarketoClient"], "Objects"]] = {
    "companies": lambda client: client.companies,
    "opportunities": lambda client: client.opportunities,
    "opportunity_roles": lambda client: client.opportunity_roles,
    "sales_persons": lambda client: client.sales_persons,
}
