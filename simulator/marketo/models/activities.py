"""The activity log and the custom activity types.

The log is ordered by activity date, then id. A date token is a position in that order, so an activity
committed late with an older date lies before a token taken meanwhile and is not seen from it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.schema import ACTIVITY_TYPES, ATTRIBUTE_TYPES, RESULT_TYPE
from simulator.marketo.values import read_value

MAX_CUSTOM_TYPES = 10
MAX_ATTRIBUTES = 20
ATTRIBUTES_BYTES = 65_536
FIRST_CUSTOM_ID = 100_001
_API_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_]{1,255}")
_DISPLAY_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_ ]{1,255}")
_ROW_MEMBERS = ["leadId", "activityDate", "activityTypeId", "primaryAttributeValue", "attributes"]

type Position = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the log; `date` is whole seconds with `Z`, so that texts sort as times."""

    id: int
    lead_id: int
    date: str
    type_id: int
    primary_id: int | None = None
    primary: str | None = None
    attributes: list[dict[str, Any]] = field(default_factory=list)
    campaign_id: int | None = None

    def shown(self, *, with_id: bool = True) -> dict[str, Any]:
        """Give the activity as the API shows it; newer instances leave the integer id out."""
        item: dict[str, Any] = {"id": self.id} if with_id else {}
        item |= {
            "marketoGUID": str(self.id),
            "leadId": self.lead_id,
            "activityDate": self.date,
            "activityTypeId": self.type_id,
        }
        if self.campaign_id is not None:
            item["campaignId"] = self.campaign_id
        if self.primary_id is not None:
            item["primaryAttributeValueId"] = self.primary_id
        if self.primary is not None:
            item["primaryAttributeValue"] = self.primary
        # attributes without a value are not shown
        return item | {"attributes": [each for each in self.attributes if each["value"] is not None]}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the log: its activities, the position after it, and whether more follow."""

    activities: list[Activity]
    position: Position
    more: bool


class ActivityLog:
    """Every activity of the instance."""

    def __init__(self, first_id: int) -> None:
        self._by_position: dict[Position, Activity] = {}
        self._order: list[Position] = []
        self.next_id = first_id

    def take_id(self) -> int:
        """Give the next activity id."""
        self.next_id += 1
        return self.next_id - 1

    def add(self, activity: Activity) -> None:
        """Put an activity into the log."""
        position = (activity.date, activity.id)
        self._by_position[position] = activity
        insort(self._order, position)

    def __len__(self) -> int:
        return len(self._order)

    def all(self) -> list[Activity]:
        """Give every activity in order."""
        return [self._by_position[position] for position in self._order]

    def hand_over(self, from_lead: int, to_lead: int) -> None:
        """Make the activities of one lead those of another."""
        for position, activity in self._by_position.items():
            if activity.lead_id == from_lead:
                self._by_position[position] = replace(activity, lead_id=to_lead)

    def page(self, after: Position, size: int, scan: int, wanted: Callable[[Activity], bool]) -> Page:
        """Read on from a position until the page is full or `scan` entries (0: any number) were seen."""
        found: list[Activity] = []
        start = bisect_right(self._order, after)
        end = len(self._order) if scan <= 0 else min(len(self._order), start + scan)
        index = start
        while index < end and len(found) < size:
            activity = self._by_position[self._order[index]]
            if wanted(activity):
                found.append(activity)
            index += 1
        position = self._order[index - 1] if index > start else after
        return Page(found, position, index < len(self._order))


@dataclass(slots=True)
class CustomType:
    """One custom activity type: its approved form, its draft, or both."""

    id: int
    api_name: str
    created_at: str
    updated_at: str
    draft: dict[str, Any] | None = None
    approved: dict[str, Any] | None = None

    @property
    def status(self) -> str:
        """Give the state as Describe names it."""
        if self.approved is None:
            return "draft"
        return "approved" if self.draft is None else "approved with draft"

    def shown(self, *, draft: bool = False) -> dict[str, Any]:
        """Give the type as Describe shows it: approved, unless the draft is asked for or all there is."""
        content = self.draft if self.draft is not None and (draft or not self.approved) else self.approved
        return {
            "id": self.id,
            "apiName": self.api_name,
            **(content or {}),
            "status": self.status,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }


class CustomTypes:
    """Custom activity types, from draft to approval."""

    def __init__(self, now: str) -> None:
        content = {key: value for key, value in RESULT_TYPE.items() if key not in {"id", "apiName"}}
        built_in = CustomType(FIRST_CUSTOM_ID, str(RESULT_TYPE["apiName"]), now, now, approved=content)
        self._types = {built_in.api_name: built_in}
        self._next_id = FIRST_CUSTOM_ID + 1

    def all(self) -> list[CustomType]:
        """Give every type in order of id."""
        return list(self._types.values())

    def get(self, api_name: str) -> CustomType:
        """Give a type by name.

        Raises:
            MarketoError: 1013, there is none.
        """
        if api_name not in self._types:
            raise MarketoError("1013", f"Custom activity type '{api_name}' not found")
        return self._types[api_name]

    def create(self, request: dict[str, Any], now: str) -> CustomType:
        """Make a draft.

        Raises:
            MarketoError: a name is missing, malformed or taken, or there are ten types.
        """
        for name in ("apiName", "name", "triggerName", "filterName", "primaryAttribute"):
            if not request.get(name):
                raise missing_parameter(name)
        api_name = str(request["apiName"])
        if not _API_NAME.fullmatch(api_name):
            raise MarketoError("1003", f"Invalid value for field 'apiName' and value '{api_name}'")
        for name in ("name", "triggerName", "filterName"):
            self._check_name(name, str(request[name]))
        if api_name in self._types:
            raise MarketoError("1017", f"Custom activity type '{api_name}' already exists")
        if len(self._types) >= MAX_CUSTOM_TYPES:
            raise MarketoError("1027", f"No more than {MAX_CUSTOM_TYPES} custom activity types are allowed")
        draft = {name: request[name] for name in ("name", "triggerName", "filterName")}
        if request.get("description"):
            draft["description"] = request["description"]
        draft["primaryAttribute"] = _read_attribute(request["primaryAttribute"])
        draft["attributes"] = []
        made = CustomType(self._next_id, api_name, now, now, draft=draft)
        self._next_id += 1
        self._types[api_name] = made
        return made

    def install(self, api_name: str, content: dict[str, Any], now: str) -> int:
        """Add the type of a flow-step service, approved as it comes, and give its id."""
        made = CustomType(self._next_id, api_name, now, now, approved=content)
        self._next_id += 1
        self._types[api_name] = made
        return made.id

    def add_attributes(self, api_name: str, attributes: Any, now: str) -> CustomType:
        """Add secondary attributes to the draft, which is made from the approved form where there is none.

        Raises:
            MarketoError: an attribute is malformed or taken, or there would be more than twenty.
        """
        changed = self.get(api_name)
        if not isinstance(attributes, list) or not attributes:
            raise missing_parameter("attributes")
        draft = self._draft_of(changed)
        added = [_read_attribute(each) for each in attributes]
        names = [each["apiName"] for each in [*draft["attributes"], draft["primaryAttribute"], *added]]
        if len(set(names)) < len(names):
            raise MarketoError("1017", "An attribute with this name already exists")
        if len(draft["attributes"]) + len(added) > MAX_ATTRIBUTES:
            raise MarketoError("1028", f"No more than {MAX_ATTRIBUTES} attributes are allowed")
        draft["attributes"] = [*draft["attributes"], *added]
        changed.draft, changed.updated_at = draft, now
        return changed

    def update(self, api_name: str, request: dict[str, Any], now: str) -> CustomType:
        """Change the words and the primary attribute of a type's draft.

        Raises:
            MarketoError: 1003 a name is malformed, 1017 it is taken, or the primary attribute of an approved type.
        """
        changed = self.get(api_name)
        draft = self._draft_of(changed)
        for name in ("name", "triggerName", "filterName"):
            if request.get(name) and request[name] != draft[name]:
                self._check_name(name, str(request[name]))
                draft[name] = request[name]
        if request.get("description"):
            draft["description"] = request["description"]
        if request.get("primaryAttribute"):
            primary = _read_attribute(request["primaryAttribute"])
            if changed.approved is not None and primary["apiName"] != draft["primaryAttribute"]["apiName"]:
                raise MarketoError("1003", "The primary attribute of an approved type cannot be changed")
            draft["primaryAttribute"] = primary
        changed.draft, changed.updated_at = draft, now
        return changed

    def change_attributes(self, api_name: str, attributes: Any, now: str, *, delete: bool) -> CustomType:
        """Change or delete secondary attributes of the draft, found by their names.

        Raises:
            MarketoError: 1002 none, 1006 unknown.
        """
        changed = self.get(api_name)
        if not isinstance(attributes, list) or not attributes:
            raise missing_parameter("attributes")
        draft = self._draft_of(changed)
        known = {each["apiName"]: each for each in draft["attributes"]}
        for each in attributes:
            name = each.get("apiName") if isinstance(each, dict) else None
            if name not in known:
                raise MarketoError("1006", f"Attribute '{name}' not found")
            if delete:
                del known[name]
            else:
                known[name] = _read_attribute(known[name] | each)
        draft["attributes"] = list(known.values())
        changed.draft, changed.updated_at = draft, now
        return changed

    def delete(self, api_name: str, now: str) -> CustomType:
        """Delete a type; its activities stay in the log.

        Raises:
            MarketoError: 1013.
        """
        deleted = self.get(api_name)
        del self._types[api_name]
        return replace(deleted, updated_at=now)

    @staticmethod
    def _draft_of(changed: CustomType) -> dict[str, Any]:
        draft: dict[str, Any] = json.loads(json.dumps(changed.draft or changed.approved))
        return draft

    def approve(self, api_name: str, now: str) -> CustomType:
        """Make the draft the approved form.

        Raises:
            MarketoError: there is no draft.
        """
        changed = self.get(api_name)
        if changed.draft is None:
            raise MarketoError("1003", f"Custom activity type '{api_name}' has no draft")
        changed.approved, changed.draft, changed.updated_at = changed.draft, None, now
        return changed

    def discard_draft(self, api_name: str, now: str) -> CustomType:
        """Drop the draft of an approved type.

        Raises:
            MarketoError: 1048, there is no draft beside an approved form.
        """
        changed = self.get(api_name)
        if changed.draft is None or changed.approved is None:
            raise MarketoError("1048", f"The draft of '{api_name}' could not be discarded")
        changed.draft, changed.updated_at = None, now
        return changed

    def read_record(self, row: Any) -> tuple[CustomType, str, list[dict[str, Any]]]:
        """Check one record of Add Custom Activities; give its type, primary value and attributes.

        Raises:
            RowError: the record is skipped with this code.
        """
        if not isinstance(row, dict):
            raise RowError("1003", "A record has to be an object")
        for name in _ROW_MEMBERS:
            if row.get(name) is None:
                raise RowError("1002", f"Missing value for the required parameter '{name}'")
        type_id = row["activityTypeId"]
        found = next((each for each in self._types.values() if each.id == type_id), None)
        if found is None or found.approved is None:
            raise RowError("1003", f"Activity type '{type_id}' is not an approved custom activity type")
        if not isinstance(row["attributes"], list):
            raise RowError("1001", "Invalid value for 'attributes'")
        if len(json.dumps(row["attributes"], ensure_ascii=False).encode()) > ATTRIBUTES_BYTES:
            raise RowError("1049", f"The attributes are larger than {ATTRIBUTES_BYTES} bytes")
        primary = found.approved["primaryAttribute"]
        value = read_value(primary["apiName"], primary["dataType"], row["primaryAttributeValue"])
        if value is None:
            raise RowError("1002", "Missing value for the required parameter 'primaryAttributeValue'")
        attributes = [_read_secondary(found.approved, each) for each in row["attributes"]]
        return found, str(value), attributes

    def _check_name(self, name: str, value: str) -> None:
        if not _DISPLAY_NAME.fullmatch(value):
            raise MarketoError("1003", f"Invalid value for field '{name}' and value '{value}'")
        taken = {str((each.draft or each.approved or {})[name]) for each in self._types.values()}
        if value in taken:
            raise MarketoError("1017", f"A custom activity type with the {name} '{value}' already exists")


def standard_types() -> list[dict[str, Any]]:
    """Give the standard types as Get Activity Types shows them."""
    return [
        {"id": each.id, "name": each.name, "description": each.description}
        | ({"primaryAttribute": each.primary.as_type_attribute()} if each.primary else {})
        | {"attributes": [attribute.as_type_attribute() for attribute in each.attributes]}
        for each in ACTIVITY_TYPES
    ]


def _read_attribute(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or not given.get("apiName") or not given.get("name"):
        raise missing_parameter("apiName")
    data_type = given.get("dataType", "string")
    if data_type not in ATTRIBUTE_TYPES or not _API_NAME.fullmatch(str(given["apiName"])):
        raise MarketoError("1003", f"Invalid value for attribute '{given['apiName']}'")
    return {"apiName": given["apiName"], "name": given["name"], "dataType": data_type}


def _read_secondary(content: dict[str, Any], given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise RowError("1001", "Invalid value for 'attributes'")
    for known in content["attributes"]:
        if given.get("apiName") == known["apiName"] or given.get("name") == known["name"]:
            value = read_value(known["apiName"], known["dataType"], given.get("value"))
            return {"name": known["name"], "apiName": known["apiName"], "value": value}
    raise RowError("1006", f"Attribute '{given.get('apiName') or given.get('name')}' not found")
