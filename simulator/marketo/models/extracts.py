"""What bulk extract jobs read: the filters each kind of object takes, and its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from simulator.control import ControlError, parse_time
from simulator.marketo.exceptions import MarketoError, missing_parameter
from simulator.marketo.models.activities import Activity
from simulator.marketo.models.exports import Rows
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.memberships import CADENCES, NOT_IN_PROGRAM, Member, Program, SmartList
from simulator.marketo.models.retention import Retention
from simulator.marketo.schema import DELETE_LEAD
from simulator.marketo.values import format_time

MAX_RANGE = timedelta(days=31)
MAX_PRIMARY = 50
MAX_PROGRAMS = 10
ACTIVITY_COLUMNS = [
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
    "attributes",
]
_LISTS = {"staticListId", "staticListName", "smartListId", "smartListName"}
# filters that some subscriptions do not have
_OPTIONAL = {"updatedAt", "smartListId", "smartListName"}

type Filter = dict[str, Any]
type Values = dict[str, Any]


class Extracts:
    """Reads the body of a Create Export call and gives the columns and rows of the job."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def plan(self, kind: str, body: dict[str, Any]) -> tuple[list[str], Rows]:
        """Give a job's columns and what will make its rows.

        Raises:
            MarketoError: a filter or field is missing, unknown, too wide or not available here.
        """
        wanted = body.get("filter")
        if not isinstance(wanted, dict) or not wanted:
            raise missing_parameter("filter")
        planners = {"leads": self._leads, "activities": self._activities, "program/members": self._members}
        return planners.get(kind, self._custom(kind))(wanted, body.get("fields"))

    # leads

    def _leads(self, wanted: Filter, fields: Any) -> tuple[list[str], Rows]:
        leads = self._instance.leads
        names = _fields(fields, leads.schema.rest)
        [name, value] = self._single(wanted, {"createdAt", "updatedAt"} | _LISTS)
        if name in {"createdAt", "updatedAt"}:
            start, end = _range(name, value)

            def rows() -> Iterator[list[Any]]:
                for changed_at, stored in leads.scan():
                    # the hidden time of any change, not the visible updatedAt
                    at = stored["createdAt"] if name == "createdAt" else changed_at
                    if start <= at <= end:
                        yield list(leads.shown(stored, names).values())

        else:
            members = self._list_members(name, value)

            def rows() -> Iterator[list[Any]]:
                for lead_id in sorted(members()):
                    yield list(leads.read(lead_id, names).values())

        return names, rows

    # activities

    def _activities(self, wanted: Filter, fields: Any) -> tuple[list[str], Rows]:
        names = _fields(fields, [*ACTIVITY_COLUMNS, "actionResult"]) if fields else ACTIVITY_COLUMNS
        known = {"createdAt", "activityTypeIds", "primaryAttributeValueIds", "primaryAttributeValues"}
        _check_names(wanted, known)
        if "createdAt" not in wanted:
            raise missing_parameter("createdAt")
        start, end = _range("createdAt", wanted["createdAt"])
        types = _list(wanted, "activityTypeIds")
        if DELETE_LEAD in types:
            raise MarketoError("1003", f"Activity type {DELETE_LEAD} cannot be exported")
        keeps = self._primary(wanted, types)
        instance = self._instance

        def rows() -> Iterator[list[Any]]:
            retention = Retention(instance.control.clock.now())
            prune = instance.control.switch("retention")
            for each in instance.log.all():
                inside = start <= each.date <= end and (each.type_id in types if types else True)
                if (
                    each.type_id == DELETE_LEAD
                    or not inside
                    or not keeps(each)
                    or (prune and not retention.keeps(each))
                ):
                    continue
                values = _activity_values(each)
                yield [values.get(name) for name in names]

        return names, rows

    @staticmethod
    def _primary(wanted: Filter, types: list[Any]) -> Callable[[Activity], bool]:
        ids, values = _list(wanted, "primaryAttributeValueIds"), _list(wanted, "primaryAttributeValues")
        if ids and values:
            raise MarketoError("1003", "primaryAttributeValueIds and primaryAttributeValues exclude each other")
        if (ids or values) and not types:
            raise MarketoError("1003", "A filter by primary attribute needs activityTypeIds")
        if len(ids or values) > MAX_PRIMARY:
            raise MarketoError("1003", f"No more than {MAX_PRIMARY} primary attribute values are allowed")
        if ids:
            return lambda activity: activity.primary_id in ids
        return lambda activity: not values or activity.primary in values

    # program members

    def _members(self, wanted: Filter, fields: Any) -> tuple[list[str], Rows]:
        names = _fields(fields, [*self._instance.memberships.schema.rest, *self._instance.leads.schema.rest])
        known = {"programId", "programIds", "statusNames", "updatedAt", "isExhausted", "nurtureCadence"}
        _check_names(wanted, known)
        programs = self._programs(wanted)
        if "programIds" in wanted:
            names = ["programId", *(name for name in names if name != "programId")]
        fits = self._member_test(wanted)

        def rows() -> Iterator[list[Any]]:
            for program in programs:
                for member in program.members.values():
                    if fits(member):
                        leads = self._instance.leads
                        values = leads.shown(leads.get(member.lead_id) or {}, names)
                        own = {"program": program.name, **member.values()}
                        yield [own.get(name, values[name]) for name in names]

        return names, rows

    def _member_test(self, wanted: Filter) -> Callable[[Member], bool]:
        """Give what a member has to be to stand in the file."""
        statuses = _list(wanted, "statusNames")
        if wanted.get("nurtureCadence", CADENCES[0]) not in CADENCES:
            raise MarketoError("1003", "Invalid value for 'nurtureCadence'")
        span = None
        if "updatedAt" in wanted:
            self._check_optional("updatedAt")
            span = _range("updatedAt", wanted["updatedAt"])

        def fits(member: Member) -> bool:
            if member.status == NOT_IN_PROGRAM or (statuses and member.status not in statuses):
                return False
            values = member.values()
            if any(values.get(name) != wanted[name] for name in ("isExhausted", "nurtureCadence") if name in wanted):
                return False
            return span is None or span[0] <= member.updated_at <= span[1]

        return fits

    def _programs(self, wanted: Filter) -> list[Program]:
        if ("programId" in wanted) == ("programIds" in wanted):
            raise MarketoError("1003", "Exactly one of programId and programIds is required")
        ids = _list(wanted, "programIds") if "programIds" in wanted else [wanted["programId"]]
        if len(ids) > MAX_PROGRAMS:
            raise MarketoError("1003", f"No more than {MAX_PROGRAMS} programs are allowed")
        if not all(isinstance(each, int) for each in ids):
            raise MarketoError("1003", "Invalid value for 'programId'")
        return [self._instance.memberships.program_of(each) for each in ids]

    # custom objects

    def _custom(self, kind: str) -> Callable[[Filter, Any], tuple[list[str], Rows]]:
        def plan(wanted: Filter, fields: Any) -> tuple[list[str], Rows]:
            table = self._instance.custom_objects.table(kind.partition("/")[2])
            names = _fields(fields, table.kind.fields)
            [name, value] = self._single(wanted, {"updatedAt"} | _LISTS)
            links = [each for each in table.kind.relationships if each["relatedTo"]["name"] == "lead"]
            if not links:
                raise MarketoError("1003", "Only custom objects that are linked to leads can be exported")
            field, linked = links[0]["field"], links[0]["relatedTo"]["field"]
            if name == "updatedAt":
                start, end = _range(name, value)

                def fitting() -> Iterable[Values]:
                    return (row for row in table.all() if start <= row["updatedAt"] <= end)

            else:
                members = self._list_members(name, value)
                find = self._instance.leads.find

                def fitting() -> Iterable[Values]:
                    inside = set(members())
                    return (row for row in table.all() if not inside.isdisjoint(find(linked, row.get(field))))

            def rows() -> Iterator[list[Any]]:
                for row in fitting():
                    yield [row.get(each) for each in names]

            return names, rows

        return plan

    # shared

    def _single(self, wanted: Filter, known: set[str]) -> tuple[str, Any]:
        _check_names(wanted, known)
        if len(wanted) != 1:
            raise MarketoError("1003", "Exactly one filter is allowed")
        [(name, value)] = wanted.items()
        self._check_optional(name)
        return name, value

    def _check_optional(self, name: str) -> None:
        if name in _OPTIONAL and not self._instance.control.switch("export_optional_filters"):
            raise MarketoError("1035", "Unsupported filter type for target subscription")

    def _list_members(self, name: str, value: Any) -> Callable[[], Iterable[int]]:
        """Find a list by id or name; who is in it is asked when the file is made."""
        key = "id" if name.endswith("Id") else "name"
        lists = self._instance.memberships
        for each in lists.lists.values() if name.startswith("static") else ():
            if getattr(each, key) == value:
                return partial(list, each.members)
        for smart in lists.smart_lists.values() if name.startswith("smart") else ():
            if getattr(smart, key) == value:
                return partial(self._found_by, smart)
        raise MarketoError("1013", f"List '{value}' not found")

    def _found_by(self, smart: SmartList) -> Iterator[int]:
        leads, names = self._instance.leads, list(smart.where)
        return (stored["id"] for _, stored in leads.scan() if smart.holds(leads.shown(stored, names)))


def _activity_values(activity: Activity) -> Values:
    attributes = {each["name"]: each["value"] for each in activity.attributes if each["value"] is not None}
    return {
        "marketoGUID": str(activity.id),
        "leadId": activity.lead_id,
        "activityDate": activity.date,
        "activityTypeId": activity.type_id,
        "campaignId": activity.campaign_id,
        "primaryAttributeValueId": activity.primary_id,
        "primaryAttributeValue": activity.primary,
        "attributes": json.dumps(attributes, ensure_ascii=False),
    }


def _fields(given: Any, known: Iterable[str]) -> list[str]:
    if not isinstance(given, list) or not given:
        raise missing_parameter("fields")
    names = list(known)
    for name in given:
        if str(name) not in names:
            raise MarketoError("1006", f"Field '{name}' not found")
    return [str(name) for name in given]


def _check_names(wanted: Filter, known: set[str]) -> None:
    for name in wanted:
        if name not in known:
            raise MarketoError("1003", f"Unknown filter '{name}'")


def _list(wanted: Filter, name: str) -> list[Any]:
    given = wanted.get(name, [])
    if not isinstance(given, list):
        raise MarketoError("1001", f"Invalid value for '{name}'")
    return given


def _range(name: str, value: Any) -> tuple[str, str]:
    if not isinstance(value, dict) or not {"startAt", "endAt"} <= value.keys():
        raise missing_parameter(f"{name}.startAt")
    try:
        start, end = parse_time(value["startAt"]), parse_time(value["endAt"])
    except ControlError as error:
        raise MarketoError("704", str(error)) from error
    if start.microsecond or end.microsecond:
        raise MarketoError("704", f"Invalid date in '{name}': whole seconds only")
    if not timedelta(0) <= end - start <= MAX_RANGE:
        raise MarketoError("1003", f"The range of '{name}' may be at most 31 days")
    return format_time(start), format_time(end)
