"""The control plane's view of the instance: loading records into it and reading them back."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from simulator.control import ControlError, Record, RecordError, parse_time
from simulator.marketo.exceptions import MarketoError, RowError, missing_parameter
from simulator.marketo.models.activities import Activity, standard_types
from simulator.marketo.models.assets import ROOT_ID, Folder, TagType
from simulator.marketo.models.campaigns import Campaign
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.lifecycle import CRM_STATES
from simulator.marketo.models.memberships import CADENCES, ENGAGEMENT, Program, SmartList, StaticList
from simulator.marketo.models.objects import ObjectTable, PlannedObject, RowCheck, Values
from simulator.marketo.responses.assets import check_place
from simulator.marketo.schema import DEFAULT_STATUSES
from simulator.marketo.values import read_value

# what a loaded membership is made of; its other members are fields of it
_OF_MEMBERSHIP = frozenset({"leadId", "programId", "statusName"})
# what only members of engagement programs have
_NURTURED = ("trackName", "nurtureCadence", "isExhausted")


class Loader:
    """Loads and lists the objects of the instance; a wrong record changes nothing."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._loaders: Mapping[str, Callable[[list[Record]], list[Any]]] = {
            "leads": self._load_leads,
            "activities": self._load_activities,
            "programs": self._load_programs,
            "programMembers": self._load_program_members,
            "staticLists": self._load_lists,
            "listMembers": self._load_list_members,
            "smartLists": self._load_smart_lists,
            "smartCampaigns": self._load_campaigns,
            "customObjectTypes": self._load_types,
            "companyFields": self._load_company_fields,
            "crmStates": self._load_crm_states,
            "folders": self._load_folders,
            "tagTypes": self._load_tag_types,
            **{name: partial(self._load_crm, name) for name in instance.crm.tables()},
        }
        self._listers: Mapping[str, Callable[[], list[Record]]] = {
            "leads": self._list_leads,
            "activities": lambda: [each.shown() for each in instance.log.all()],
            "programs": lambda: [each.shown() for each in instance.memberships.programs.values()],
            "programMembers": self._list_program_members,
            "staticLists": lambda: [each.shown() for each in instance.memberships.lists.values()],
            "listMembers": self._list_list_members,
            "smartLists": lambda: [asdict(each) for each in instance.memberships.smart_lists.values()],
            "smartCampaigns": lambda: [asdict(each) for each in instance.campaigns.campaigns.values()],
            "folders": lambda: [asdict(each) for each in instance.assets.folders.values()],
            "tagTypes": lambda: [asdict(each) for each in instance.assets.tag_types.values()],
            "channels": lambda: [asdict(each) for each in instance.assets.channels.values()],
            "crmStates": lambda: [{"leadId": each, "state": said} for each, said in instance.crm_states.items()],
            "campaignRequests": lambda: list(instance.campaigns.requests),
            "customObjectTypes": lambda: [each.shown() for each in instance.custom_objects.types.values()],
            **{name: partial(self._list_crm, name) for name in instance.crm.tables()},
        }

    def load(self, object_name: str, records: list[Record]) -> list[Any]:
        """Insert records and give their ids (of a membership: the lead's).

        Raises:
            ControlError: an object that is not simulated, or a record that the rules refuse.
        """
        self._check(object_name)
        if object_name in self._loaders:
            return self._loaders[object_name](records)
        if object_name in self._listers:
            raise ControlError(f"{object_name} can be read, not loaded")
        return self._load_custom(object_name, records)

    def records(self, object_name: str) -> list[Record]:
        """Give every record of an object.

        Raises:
            ControlError: an object that is not simulated.
        """
        self._check(object_name)
        if object_name in self._listers:
            return self._listers[object_name]()
        return self._instance.custom_objects.table(object_name).all()

    def counts(self) -> dict[str, int]:
        """Give the number of records of every object."""
        instance = self._instance
        memberships, campaigns = instance.memberships, instance.campaigns
        counted = {
            "leads": len(instance.leads),
            "activities": len(instance.log),
            "programs": len(memberships.programs),
            "programMembers": sum(len(each.members) for each in memberships.programs.values()),
            "staticLists": len(memberships.lists),
            "listMembers": sum(len(each.members) for each in memberships.lists.values()),
            **{name: table.size for name, table in instance.crm.tables().items()},
            "smartCampaigns": len(campaigns.campaigns),
            "campaignRequests": len(campaigns.requests),
            "customObjectTypes": len(instance.custom_objects.types),
        }
        tables = {each.api_name: each.table for each in instance.custom_objects.types.values()}
        return counted | {name: table.size for name, table in tables.items() if table is not None}

    def _check(self, object_name: str) -> None:
        types = self._instance.custom_objects.types
        known_here = self._loaders.keys() | self._listers.keys()
        if object_name not in known_here and not (object_name in types and types[object_name].table):
            known = ", ".join(self._loaders)
            raise ControlError(f"the object {object_name!r} is unknown; this twin has {known}")

    # leads

    def _load_leads(self, records: list[Record]) -> list[Any]:
        leads = self._instance.leads
        values = _each(records, leads.load_values)
        given = [each["id"] for each in values if "id" in each]
        if len(set(given)) < len(given):
            raise ControlError("two records have the same id")
        leads.next_id = max([leads.next_id, *(lead_id + 1 for lead_id in given)])
        now = self._instance.control.clock.now()
        ids: list[int] = []
        for each in values:
            lead_id = each.pop("id", None)
            if lead_id is None:
                lead_id = leads.next_id
            leads.insert(lead_id, each, parse_time(each["createdAt"]) if "createdAt" in each else now)
            ids.append(lead_id)
        return ids

    def _list_leads(self) -> list[Record]:
        leads = self._instance.leads
        names = list(leads.schema.rest)
        return [leads.shown(stored, names) for _, stored in leads.scan()]

    # activities

    def _load_activities(self, records: list[Record]) -> list[Any]:
        known = {each["id"] for each in standard_types()}
        known |= {each.id for each in self._instance.custom_types.all() if each.approved}

        def read(record: Record) -> Activity:
            lead_id = self._known_lead(record)
            if record.get("activityTypeId") not in known:
                raise RowError("1003", f"unknown activityTypeId {record.get('activityTypeId')}")
            date = read_value("activityDate", "datetime", record.get("activityDate"))
            return Activity(
                self._instance.log.take_id(),
                lead_id,
                date or self._instance.now_text(),
                record["activityTypeId"],
                record.get("primaryAttributeValueId"),
                record.get("primaryAttributeValue"),
                record.get("attributes", []),
            )

        loaded = _each(records, read)
        for activity in loaded:
            self._instance.log.add(activity)
        return [activity.id for activity in loaded]

    # lists and programs

    def _load_lists(self, records: list[Record]) -> list[Any]:
        now, memberships = self._instance.now_text(), self._instance.memberships

        def read(record: Record) -> StaticList:
            name, description = _name(record), record.get("description")
            made = StaticList(self._new_id(record), name, now, now, description, record.get("programName"))
            program = next((each for each in memberships.programs.values() if each.name == made.program_name), None)
            if program is not None:
                made.folder = (program.id, "Program")
            return made

        loaded = _each(records, read)
        memberships.lists |= {each.id: each for each in loaded}
        return [each.id for each in loaded]

    def _load_list_members(self, records: list[Record]) -> list[Any]:
        def read(record: Record) -> tuple[StaticList, int]:
            lead_id = self._known_lead(record)
            return self._instance.memberships.list_of(record.get("listId", 0)), lead_id

        loaded = _each(records, read)
        for static_list, lead_id in loaded:
            static_list.members[lead_id] = None
        return [lead_id for _, lead_id in loaded]

    def _list_list_members(self) -> list[Record]:
        return [
            {"listId": each.id, "leadId": lead_id}
            for each in self._instance.memberships.lists.values()
            for lead_id in each.members
        ]

    def _load_smart_lists(self, records: list[Record]) -> list[Any]:
        def read(record: Record) -> SmartList:
            where = record.get("where")
            if not isinstance(where, dict) or not all(isinstance(each, list) for each in where.values()):
                raise RowError("1003", "a smart list has `where`: a list of values for each field")
            for name in where.keys() - self._instance.leads.schema.rest.keys():
                raise RowError("1006", f"Field '{name}' not found")
            return SmartList(self._new_id(record), _name(record), where)

        loaded = _each(records, read)
        self._instance.memberships.smart_lists |= {each.id: each for each in loaded}
        return [each.id for each in loaded]

    def _load_programs(self, records: list[Record]) -> list[Any]:
        now, memberships = self._instance.now_text(), self._instance.memberships

        def read(record: Record) -> Program:
            statuses = record.get("progressionStatuses") or DEFAULT_STATUSES
            if not all(isinstance(each, dict) and {"name", "step", "success"} <= each.keys() for each in statuses):
                raise RowError("1003", "a progression status has name, step and success")
            kind, channel = record.get("type", "Default"), record.get("channel", "Online Event")
            instance = self._instance
            made = Program(self._new_id(record), _name(record), kind, channel, now, now, statuses)
            made.description, made.tags = record.get("description", ""), record.get("tags", {})
            instance.assets.check_tags(made.tags)
            if folder := record.get("folderId"):
                made.folder = check_place(instance, folder, "Folder")
            instance.assets.learn_channel(channel, kind, now, statuses)
            return made

        loaded = _each(records, read)
        memberships.programs |= {each.id: each for each in loaded}
        return [each.id for each in loaded]

    def _load_program_members(self, records: list[Record]) -> list[Any]:
        schema = self._instance.memberships.schema.rest
        writable = {*_NURTURED, *(name for name, each in schema.items() if each.updateable)}

        def read(record: Record) -> tuple[Program, int, str, Values]:
            lead_id = self._known_lead(record)
            program = self._instance.memberships.program_of(record.get("programId", 0))
            status_name = str(record.get("statusName"))
            program.plan_status(lead_id, status_name)
            given = {name: value for name, value in record.items() if name not in _OF_MEMBERSHIP}
            if given.keys() & _NURTURED and program.type != ENGAGEMENT:
                raise RowError("1003", f"only members of engagement programs have {', '.join(_NURTURED)}")
            if given.get("nurtureCadence", CADENCES[0]) not in CADENCES:
                raise RowError("1003", f"a nurtureCadence is one of {', '.join(CADENCES)}")
            for name in given.keys() - writable:
                raise RowError("1006", f"Field '{name}' not found, or not to be loaded")
            own = {name: read_value(name, schema[name].data_type, value) for name, value in given.items()}
            return program, lead_id, status_name, own

        loaded = _each(records, read)
        now = self._instance.now_text()
        for program, lead_id, status_name, own in loaded:
            program.set_status(lead_id, status_name, now)
            program.members[lead_id].write(own, now)
        return [lead_id for _, lead_id, *_ in loaded]

    def _list_program_members(self) -> list[Record]:
        return [
            member.values()
            for program in self._instance.memberships.programs.values()
            for member in program.members.values()
        ]

    def _load_folders(self, records: list[Record]) -> list[Any]:
        now, folders = self._instance.now_text(), self._instance.assets.folders

        def read(record: Record) -> Folder:
            home = check_place(self._instance, record.get("parentId", ROOT_ID), "Folder")
            return Folder(self._new_id(record), _name(record), home, now, now, record.get("description", ""))

        loaded = _each(records, read)
        folders |= {each.id: each for each in loaded}
        return [each.id for each in loaded]

    def _load_tag_types(self, records: list[Record]) -> list[Any]:
        def read(record: Record) -> TagType:
            values = record.get("values")
            if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
                raise RowError("1003", "a tag type has a list of texts as values")
            return TagType(_name(record), values, record.get("required") is True)

        loaded = _each(records, read)
        self._instance.assets.tag_types |= {each.name: each for each in loaded}
        return [each.name for each in loaded]

    def _load_crm_states(self, records: list[Record]) -> list[Any]:
        def read(record: Record) -> tuple[int, str]:
            if record.get("state") not in CRM_STATES:
                raise RowError("1003", f"a state is one of {', '.join(CRM_STATES)}")
            return self._known_lead(record), record["state"]

        loaded = dict(_each(records, read))
        self._instance.crm_states |= loaded
        return list(loaded)

    # companies, opportunities, roles, sales persons

    def _load_crm(self, name: str, records: list[Record]) -> list[Any]:
        crm, now = self._instance.crm, self._instance.control.clock.now()
        table = crm.tables()[name]

        def check(changes: Values, stored: Values | None) -> None:
            crm.check(table, changes, stored)

        return load_planned(table, records, check, lambda row: crm.apply(table, row, now, "loader"))

    def _list_crm(self, name: str) -> list[Record]:
        return self._instance.crm.tables()[name].all()

    def _load_campaigns(self, records: list[Record]) -> list[Any]:
        def read(record: Record) -> Campaign:
            kind, program_id = record.get("type", "trigger"), record.get("programId")
            if kind not in {"trigger", "batch"}:
                raise RowError("1003", "a campaign's type is trigger or batch")
            if program_id is not None:
                self._instance.memberships.program_of(program_id)
            trigger = kind == "trigger"
            active, requestable = record.get("isActive", trigger), record.get("isRequestable", trigger)
            now = self._instance.now_text()
            return Campaign(self._new_id(record), _name(record), kind, active, requestable, program_id, now)

        loaded = _each(records, read)
        self._instance.campaigns.campaigns |= {each.id: each for each in loaded}
        return [each.id for each in loaded]

    # custom objects: first the types, then records under the name of their type

    def _load_types(self, records: list[Record]) -> list[Any]:
        objects, now = self._instance.custom_objects, self._instance.now_text()
        for index, record in enumerate(records):
            try:
                objects.sync_type({**record, "action": "createOnly"}, now)
                objects.add_fields(str(record["apiName"]), record.get("fields", []), now)
                objects.approve(str(record["apiName"]), now)
            except MarketoError as error:
                raise RecordError(index, f"{error.code} {error.message}") from error
        return [record["apiName"] for record in records]

    def _load_company_fields(self, records: list[Record]) -> list[Any]:
        try:
            return list(self._instance.crm.create_company_fields(list(records)))
        except MarketoError as error:
            raise ControlError(f"{error.code} {error.message}") from error

    def _load_custom(self, name: str, records: list[Record]) -> list[Any]:
        objects, now = self._instance.custom_objects, self._instance.control.clock.now()
        table = objects.table(name)

        def check(changes: Values, _stored: Values | None) -> None:
            objects.check(table, changes)

        return load_planned(table, records, check, lambda row: objects.apply(table, row, now))

    def _known_lead(self, record: Record) -> int:
        lead_id = record.get("leadId")
        if not isinstance(lead_id, int) or lead_id not in self._instance.leads:
            raise RowError("1004", f"no lead {lead_id}")
        return lead_id

    def _new_id(self, record: Record) -> int:
        given = record.get("id")
        if given is None:
            return self._instance.memberships.take_id()
        memberships = self._instance.memberships
        taken: list[Container[int]] = [
            memberships.lists,
            memberships.smart_lists,
            memberships.programs,
            self._instance.assets.folders,
        ]
        if not isinstance(given, int) or any(given in each for each in taken):
            raise RowError("1003", f"the id {given} cannot be used")
        memberships.next_id = max(memberships.next_id, given + 1)
        return given


def load_planned(
    table: ObjectTable, records: list[Record], check: RowCheck, apply: Callable[[PlannedObject], object]
) -> list[Any]:
    """Write records of one table, all or none, and give their ids.

    Raises:
        ControlError: a record that the rules refuse.
    """
    try:
        planned = table.plan(records, "createOrUpdate", "dedupeFields", check)
    except MarketoError as error:
        raise ControlError(f"{error.code} {error.message}") from error
    for index, row in enumerate(planned):
        if row.reason is not None:
            raise RecordError(index, f"{row.reason[0]} {row.reason[1]}")
    for row in planned:
        apply(row)
    return [row.id for row in planned]


def _each[T](records: list[Record], read: Callable[[Record], T]) -> list[T]:
    values: list[T] = []
    for index, record in enumerate(records):
        try:
            values.append(read(record))
        except MarketoError as error:
            raise RecordError(index, f"{error.code} {error.message}") from error
    return values


def _name(record: Record) -> str:
    name = record.get("name")
    if not isinstance(name, str) or not name:
        raise missing_parameter("name")
    return name
