"""Custom object types, from draft to approval, and the tables of the approved ones.

Limits: 10 types, 50 fields each, 20 more after the first approval, 1 to 3 dedupe fields; what a link points to must
be a lead, a company or an approved type that has no link itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models.objects import (
    GUID_FIELD,
    ObjectField,
    ObjectKind,
    ObjectTable,
    PlannedObject,
    Values,
    by_name,
    system_fields,
)
from simulator.marketo.schema import ATTRIBUTE_TYPES, STRING_LENGTH

if TYPE_CHECKING:
    from datetime import datetime

    from simulator.marketo.models.instance import Instance

MAX_TYPES = 10
MAX_FIELDS = 50
MAX_LATER_FIELDS = 20
MAX_DEDUPE = 3
#: ids of the types of activities that tell of new records, one for each approved type that is linked to leads
FIRST_ACTIVITY_ID = 200_001
_NAME = re.compile(r"\w{1,255}", re.ASCII)
_DISPLAY_NAME = re.compile(r"[A-Za-z0-9_ ]{1,255}")


@dataclass(frozen=True, slots=True)
class TypeField:
    """One field of a custom object type; `link` is the object and field that it points to."""

    name: str
    display_name: str
    data_type: str
    dedupe: bool = False
    link: tuple[str, str] | None = None
    linked_type: str = "string"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a type, draft or approved."""

    display_name: str
    plural_name: str
    description: str
    fields: tuple[TypeField, ...] = ()

    @property
    def dedupe(self) -> list[str]:
        """Give the names of the dedupe fields."""
        return [each.name for each in self.fields if each.dedupe]

    @property
    def links(self) -> list[TypeField]:
        """Give the link fields."""
        return [each for each in self.fields if each.link]


@dataclass(slots=True)
class CustomObjectType:
    """One type: its draft, its approved form, or both, and the records of the latter."""

    api_name: str
    created_at: str
    updated_at: str
    draft: Form | None = None
    approved: Form | None = None
    table: ObjectTable | None = None
    first_names: set[str] = field(default_factory=set)
    #: of the activity that a record was added to a lead; 0 before the first approval
    activity_id: int = 0

    @property
    def state(self) -> str:
        """Give the state as Describe names it."""
        if self.approved is None:
            return "draft"
        return "approved" if self.draft is None else "approvedWithDraft"

    def shown(self, *, draft: bool = False) -> Values:
        """Give the type as the schema endpoints show it: approved, unless the draft is asked for or all there is."""
        form = self.draft if self.draft and (draft or not self.approved) else self.approved
        kind = make_kind(self.api_name, form or Form("", "", ""))
        version = "draft" if form is self.draft else "approved"
        return kind.shown(self.created_at) | {
            "updatedAt": self.updated_at,
            "state": self.state,
            "status": self.state,
            "version": version,
        }


def make_kind(api_name: str, form: Form) -> ObjectKind:
    """Make the kind of object that a form describes."""
    fields: list[ObjectField] = []
    for each in form.fields:
        data_type = each.linked_type if each.link else each.data_type
        fields.append(
            ObjectField(each.name, each.display_name, data_type, STRING_LENGTH if data_type == "string" else None)
        )
    keys = [form.dedupe, [GUID_FIELD], *([each.name] for each in form.links)]
    return ObjectKind(
        api_name,
        form.display_name,
        GUID_FIELD,
        form.dedupe,
        [key for number, key in enumerate(keys) if key not in keys[:number]],
        by_name([*system_fields(GUID_FIELD), *fields]),
        [
            {"field": each.name, "type": "child", "relatedTo": {"name": each.link[0], "field": each.link[1]}}
            for each in form.links
            if each.link
        ],
        form.plural_name,
        form.description,
    )


class CustomObjects:
    """Every custom object type of the instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self.types: dict[str, CustomObjectType] = {}
        self._serial = 1

    def forget(self) -> None:
        """Forget every type with its records; GUIDs are not used again."""
        tables = [each.table.next_serial for each in self.types.values() if each.table]
        self._serial = max([self._serial, *tables])
        self.types = {}

    def get(self, api_name: str) -> CustomObjectType:
        """Give a type.

        Raises:
            MarketoError: 1013.
        """
        if api_name not in self.types:
            raise MarketoError("1013", f"Custom object type '{api_name}' not found")
        return self.types[api_name]

    def table(self, api_name: str) -> ObjectTable:
        """Give the records of an approved type.

        Raises:
            MarketoError: 1013.
        """
        table = self.get(api_name).table
        if table is None:
            raise MarketoError("1013", f"Custom object '{api_name}' is not approved")
        return table

    def check(self, table: ObjectTable, changes: Values) -> None:
        """Refuse a record whose link leads nowhere.

        Raises:
            RowError: 1004 no such lead, 1013 no other such object.
        """
        form = self.types[table.kind.name].approved
        for each in form.links if form else []:
            value = changes.get(each.name)
            if value is None or each.link is None:
                continue
            name, linked = each.link
            if name == "lead":
                if not self._instance.leads.find(linked, value):
                    raise RowError("1004", "Lead not found")
            elif not self._parent(name).find(linked, value):
                raise RowError("1013", f"{name} '{value}' not found")

    def _parent(self, name: str) -> ObjectTable:
        return self._instance.crm.companies if name == "company" else self.table(name)

    # what a write brings with it

    def apply(self, table: ObjectTable, row: PlannedObject, at: datetime) -> None:
        """Write one planned record; the log of each lead that a new one is linked to tells of it."""
        table.apply(row, at)
        changed = self.types[table.kind.name]
        form = changed.approved
        if row.reason is not None or row.status != "created" or form is None:
            return
        keys = {each.display_name: table.row(row.serial).get(each.name) for each in form.fields if each.dedupe}
        attributes = {name: None if value is None else str(value) for name, value in keys.items()}
        for each in form.links:
            if each.link and each.link[0] == "lead":
                for lead in self._instance.leads.find(each.link[1], table.row(row.serial).get(each.name)):
                    self._instance.note(changed.activity_id, lead, at, None, None, attributes)

    def activity_types(self) -> list[Values]:
        """Give the types of activities that tell of new records, as Get Activity Types shows them."""
        return [
            {
                "id": each.activity_id,
                "name": f"Add to {each.approved.display_name}",
                "description": f"Add to {each.approved.display_name}",
                "attributes": [
                    {"name": key.display_name, "dataType": "string"} for key in each.approved.fields if key.dedupe
                ],
            }
            for each in self.types.values()
            if each.approved and any(key.link and key.link[0] == "lead" for key in each.approved.fields)
        ]

    # the schema

    def sync_type(self, request: Values, now: str) -> None:
        """Make a type, or a draft of one, with other words.

        Raises:
            MarketoError: a name is missing, malformed or taken, or there are ten types.
        """
        action, api_name = str(request.get("action") or "createOrUpdate"), str(request.get("apiName") or "")
        if not api_name:
            raise missing_parameter("apiName")
        present = self.types.get(api_name)
        if action not in {"createOrUpdate", "createOnly", "updateOnly"}:
            raise MarketoError("1003", f"Invalid value for action '{action}'")
        if present and action == "createOnly":
            raise MarketoError("1017", f"Custom object type '{api_name}' already exists")
        if not present and action == "updateOnly":
            raise MarketoError("1013", f"Custom object type '{api_name}' not found")
        if present:
            self._update_type(present, request, now)
        else:
            self._create_type(api_name, request, now)

    def _create_type(self, api_name: str, request: Values, now: str) -> None:
        display_name = str(request.get("displayName") or "")
        if not display_name:
            raise missing_parameter("displayName")
        if not _NAME.fullmatch(api_name) or not _DISPLAY_NAME.fullmatch(display_name):
            raise MarketoError("1003", "Names may contain letters, digits and underscores")
        self._check_display_name(display_name)
        if len(self.types) >= MAX_TYPES:
            raise MarketoError("1003", f"No more than {MAX_TYPES} custom object types are allowed")
        form = Form(display_name, str(request.get("pluralName") or ""), str(request.get("description") or ""))
        self.types[api_name] = CustomObjectType(api_name, now, now, draft=form)

    def _update_type(self, changed: CustomObjectType, request: Values, now: str) -> None:
        draft = _draft_of(changed)
        display_name = str(request.get("displayName") or draft.display_name)
        if display_name != draft.display_name:
            if changed.approved:
                raise MarketoError("1003", "The display name of an approved type cannot be changed")
            self._check_display_name(display_name)
        changed.draft = replace(
            draft,
            display_name=display_name,
            plural_name=str(request.get("pluralName") or draft.plural_name),
            description=str(request.get("description") or draft.description),
        )
        changed.updated_at = now

    def _check_display_name(self, name: str) -> None:
        if any(name == form.display_name for each in self.types.values() if (form := each.draft or each.approved)):
            raise MarketoError("1017", f"A custom object type with the display name '{name}' already exists")

    def add_fields(self, api_name: str, rows: list[Any], now: str) -> None:
        """Add fields to a type's draft.

        Raises:
            MarketoError: a field is malformed or taken, there are too many, or it comes too late.
        """
        changed = self.get(api_name)
        draft = _draft_of(changed)
        added = [self._read_field(row) for row in rows]
        fields = (*draft.fields, *added)
        if len({each.name for each in fields}) < len(fields):
            raise MarketoError("1017", "A field with this name already exists")
        if len(fields) > MAX_FIELDS:
            raise MarketoError("1003", f"No more than {MAX_FIELDS} fields are allowed")
        if changed.approved:
            if any(each.dedupe or each.link for each in added):
                raise MarketoError("1003", "An approved type takes no further dedupe or link fields")
            if len([each for each in fields if each.name not in changed.first_names]) > MAX_LATER_FIELDS:
                raise MarketoError("1003", f"No more than {MAX_LATER_FIELDS} fields can be added after approval")
        if sum(each.dedupe for each in fields) > MAX_DEDUPE:
            raise MarketoError("1003", f"No more than {MAX_DEDUPE} dedupe fields are allowed")
        changed.draft, changed.updated_at = replace(draft, fields=fields), now

    def delete_fields(self, api_name: str, rows: list[Any], now: str) -> None:
        """Take fields out of a type's draft.

        Raises:
            MarketoError: 1006 no such field, 1003 a dedupe or link field of an approved type.
        """
        changed = self.get(api_name)
        draft = _draft_of(changed)
        names = [row.get("name") if isinstance(row, dict) else None for row in rows]
        known = {each.name: each for each in draft.fields}
        for name in names:
            if str(name) not in known:
                raise MarketoError("1006", f"Field '{name}' not found")
            if changed.approved and (known[str(name)].dedupe or known[str(name)].link):
                raise MarketoError("1003", "Dedupe and link fields of an approved type cannot be deleted")
        changed.draft = replace(draft, fields=tuple(each for each in draft.fields if each.name not in names))
        changed.updated_at = now

    def update_field(self, api_name: str, name: str, request: Values, now: str) -> None:
        """Change a field of a type's draft.

        Raises:
            MarketoError: 1006 no such field, 1017 the new name is taken, 1003 what an approved type keeps.
        """
        changed = self.get(api_name)
        draft = _draft_of(changed)
        former = next((each for each in draft.fields if each.name == name), None)
        if former is None:
            raise MarketoError("1006", f"Field '{name}' not found")
        said: Values = {
            "name": former.name,
            "displayName": former.display_name,
            "dataType": former.data_type,
            "isDedupeField": former.dedupe,
        }
        if former.link:
            said["relatedTo"] = {"name": former.link[0], "field": former.link[1]}
        made = self._read_field(said | request)
        fixed = (made.name, made.data_type, made.dedupe, made.link)
        if changed.approved and fixed != (former.name, former.data_type, former.dedupe, former.link):
            raise MarketoError("1003", "Only the display name of a field of an approved type can be changed")
        if made.name != name and any(each.name == made.name for each in draft.fields):
            raise MarketoError("1017", "A field with this name already exists")
        if sum(each.dedupe for each in draft.fields if each is not former) + made.dedupe > MAX_DEDUPE:
            raise MarketoError("1003", f"No more than {MAX_DEDUPE} dedupe fields are allowed")
        fields = tuple(made if each is former else each for each in draft.fields)
        changed.draft, changed.updated_at = replace(draft, fields=fields), now

    def approve(self, api_name: str, now: str) -> None:
        """Make the draft the approved form.

        Raises:
            MarketoError: there is no draft, or it has no dedupe field.
        """
        changed = self.get(api_name)
        if changed.draft is None:
            raise MarketoError("1003", f"Custom object type '{api_name}' has no draft")
        if not changed.draft.dedupe:
            raise MarketoError("1003", "At least one dedupe field is required")
        kind = make_kind(api_name, changed.draft)
        if changed.table is None:
            changed.table = ObjectTable(kind, self._instance.control.seed, self._serial)
            changed.first_names = {each.name for each in changed.draft.fields}
            changed.activity_id = max([FIRST_ACTIVITY_ID - 1, *(each.activity_id for each in self.types.values())]) + 1
        else:
            changed.table.change_kind(kind)
        changed.approved, changed.draft, changed.updated_at = changed.draft, None, now

    def discard_draft(self, api_name: str) -> None:
        """Drop a draft; a type that was never approved goes with it.

        Raises:
            MarketoError: 1048, there is no draft.
        """
        changed = self.get(api_name)
        if changed.draft is None:
            raise MarketoError("1048", f"The draft of '{api_name}' could not be discarded")
        changed.draft = None
        if changed.approved is None:
            del self.types[api_name]

    def delete_type(self, api_name: str) -> None:
        """Delete a type with its records.

        Raises:
            MarketoError: 1022, another type links to it.
        """
        changed = self.get(api_name)
        for other in self.types.values():
            links = [each.link for form in (other.draft, other.approved) if form for each in form.links]
            if any(link and link[0] == api_name for link in links):
                raise MarketoError("1022", f"Custom object type '{api_name}' is in use by '{other.api_name}'")
        if changed.table:
            self._serial = max(self._serial, changed.table.next_serial)
        del self.types[api_name]

    def linkable(self) -> list[Values]:
        """Give the objects that a link may point to, with their fields."""
        known = self._instance.leads.schema
        leads = [
            {"name": name, "displayName": known.rest[name].display_name, "dataType": known.rest[name].data_type}
            for name in known.searchable
        ]
        found: list[Values] = [{"name": "lead", "displayName": "Lead", "fields": leads}]
        tables = [("company", self._instance.crm.companies)]
        tables += [(each.api_name, each.table) for each in self.types.values() if each.table and not _links(each)]
        for name, table in tables:
            fields = [
                {"name": each.name, "displayName": each.display_name, "dataType": each.data_type}
                for each in table.kind.fields.values()
                if each.name in {*table.kind.dedupe, table.kind.id_field}
            ]
            found.append({"name": name, "displayName": table.kind.display_name, "fields": fields})
        return found

    def _read_field(self, row: Any) -> TypeField:
        if not isinstance(row, dict):
            raise MarketoError("1003", "A field has to be an object")
        for name in ("name", "displayName", "dataType"):
            if not row.get(name):
                raise missing_parameter(name)
        name, data_type = str(row["name"]), str(row["dataType"])
        if not _NAME.fullmatch(name) or data_type not in ATTRIBUTE_TYPES:
            raise MarketoError("1003", f"Invalid value for field '{name}'")
        link = self._read_link(row.get("relatedTo")) if data_type == "link" else None
        linked_type = "string"
        if link and link[0] == "lead":
            linked_type = self._instance.leads.schema.rest[link[1]].data_type
        return TypeField(name, str(row["displayName"]), data_type, row.get("isDedupeField") is True, link, linked_type)

    def _read_link(self, given: Any) -> tuple[str, str]:
        if not isinstance(given, dict) or not given.get("name") or not given.get("field"):
            raise missing_parameter("relatedTo")
        name, linked = str(given["name"]).lower(), str(given["field"])
        objects = {each["name"].lower(): each for each in self.linkable()}
        if name not in objects or linked not in {each["name"] for each in objects[name]["fields"]}:
            raise MarketoError("1003", f"A link to '{name}' by '{linked}' is not possible")
        return str(objects[name]["name"]), linked


def _draft_of(changed: CustomObjectType) -> Form:
    return changed.draft or changed.approved or Form("", "", "")


def _links(each: CustomObjectType) -> bool:
    return bool(each.approved and each.approved.links)
