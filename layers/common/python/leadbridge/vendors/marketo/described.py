"""Descriptions of Marketo's objects under the names that Syncs give them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_query import ACTIVITY_COLUMNS

if TYPE_CHECKING:
    from leadbridge.vendors.marketo.client import MarketoClient

#: the columns of every activity, with their types
_OF_ACTIVITIES: Mapping[str, str] = dict.fromkeys(ACTIVITY_COLUMNS, "string") | {
    "leadId": "integer",
    "activityDate": "datetime",
    "activityTypeId": "integer",
    "campaignId": "integer",
    "primaryAttributeValueId": "integer",
}
#: columns that a membership has whatever its program
_OF_MEMBERS: Mapping[str, str] = {"leadId": "integer", "programId": "integer"}


def described(client: "MarketoClient", object_name: str) -> ObjectDescription:
    """The fields of an object by REST name.

    Raises:
        PermanentError: There is no custom object of that name.
    """
    if object_name in {"leads", "list_members"}:
        return client.describe_leads()
    if object_name in _OTHERS:
        return _OTHERS[object_name](client)
    return _object(object_name, client.custom_objects(object_name).describe())


def _members(client: "MarketoClient") -> ObjectDescription:
    own = {name: _only_read(name, kind) for name, kind in _OF_MEMBERS.items()}
    fields = {**own, **client.describe_members().fields}
    return ObjectDescription(name="program members", fields=fields, createable=False)


def _activities(client: "MarketoClient") -> ObjectDescription:
    """Every activity's columns, and the attributes of all types as `activity.<name>`."""
    attributes = {
        f"activity.{attribute.name}": attribute.data_type
        for kind in client.activity_types()
        for attribute in kind.attributes
    }
    fields = {name: _only_read(name, kind) for name, kind in {**_OF_ACTIVITIES, **attributes}.items()}
    return ObjectDescription(name="activities", fields=fields, createable=False, updateable=False, deletable=False)


def _object(name: str, found: ObjectType) -> ObjectDescription:
    """An object of the general pattern: whoever creates a record gives its whole key."""
    keys = frozenset(found.dedupe_fields)
    searchable = {group[0] for group in found.searchable_fields if len(group) == 1}
    fields = {
        each.name: FieldDescription(
            name=each.name,
            type=each.data_type,
            createable=each.updateable or each.name in keys,
            updateable=each.updateable,
            required_on_create=each.name in keys,
            id_lookup=each.name in searchable,
            length=each.length,
            label=each.display_name,
        )
        for each in found.fields
    }
    # of the objects that are no standard ones only those are exported that are linked to leads
    linked = any(each.related_to.name.casefold() == "lead" for each in found.relationships)
    return ObjectDescription(name=name, fields=fields, queryable=linked)


def _only_read(name: str, kind: str) -> FieldDescription:
    return FieldDescription(name=name, type=kind, createable=False, updateable=False)


_OTHERS: Mapping[str, Callable[["MarketoClient"], ObjectDescription]] = {
    "program_members": _members,
    "activities": _activities,
    "companies": lambda client: _object("companies", client.companies.describe()),
    "opportunities": lambda client: _object("opportunities", client.opportunities.describe()),
    "opportunity_roles": lambda client: _object("opportunity roles", client.opportunity_roles.describe()),
    "sales_persons": lambda client: _object("sales persons", client.sales_persons.describe()),
}
