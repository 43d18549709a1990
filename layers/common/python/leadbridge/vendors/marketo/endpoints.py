"""Every Marketo call we can make, one line each: name, method, address, and what is special about it.

A new call is a line here and a verb in its group. Source: Marketo REST API, endpoint reference, "Error codes" and the
server-side time-outs of each object's page; the role permissions stand in Adobe's OpenAPI files.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from leadbridge.vendors.http import endpoints

# "Maximum batch size" and "filterValues" of the lead database
BATCH_ROWS = 300
FILTER_VALUES = 300
# "Get Lead Activities": 30 lead ids, 10 activity types
ACTIVITY_LEAD_IDS = 30
ACTIVITY_TYPES = 10
# since March 2026 (1080 above it)
MERGE_IDS = 25
CAMPAIGN_LEADS = 100
CAMPAIGN_TOKENS = 100

# Marketo's own server-side time-outs plus ten seconds: giving up earlier turns slow successes into doubts
_READ = 60.0  # most reads: 30
_ASSET = 310.0  # 300
_FILE = 120.0  # the pause between two pieces of a file


class Paging(Enum):
    """How a call tells that more follows, and how it is asked for."""

    NONE = "none"
    POSITION = "position"  # a token is there while more follows
    DATE = "date"  # a token is always there, `moreResult` tells
    OFFSET = "offset"  # by number; the first empty page is the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(endpoints.Endpoint):
    """A call of Marketo's.

    `rows` is the most that one call takes of what it is made for: records of a write, values of a filter.
    `keyed_by` names the member by which a result repeats its record, where it has neither order nor `seq`
    documented. `benign` are record-level codes by which the wish of this call is fulfilled. `is_form` sends the
    body as a form, as assets want it.
    """

    permission: str
    paging: Paging = Paging.NONE
    rows: int = BATCH_ROWS
    keyed_by: str = ""
    benign: frozenset[str] = frozenset()
    is_form: bool = False


def _get(
    operation: str,
    path: str,
    permission: str,
    *,
    seconds: float = _READ,
    paging: Paging = Paging.NONE,
    rows: int = FILTER_VALUES,
) -> Endpoint:
    return Endpoint(
        operation=operation,
        method="GET",
        path=path,
        read_seconds=seconds,
        permission=permission,
        paging=paging,
        rows=rows,
    )


def _post(
    operation: str,
    path: str,
    permission: str,
    *,
    seconds: float,
    rows: int = BATCH_ROWS,
    benign: frozenset[str] = frozenset(),
    keyed_by: str = "",
    method: str = "POST",
    repeatable: bool = False,
) -> Endpoint:
    return Endpoint(
        operation=operation,
        method=method,
        path=path,
        # what a repetition would not do twice needs no doubt
        is_write=not repeatable,
        read_seconds=seconds,
        permission=permission,
        rows=rows,
        benign=benign,
        keyed_by=keyed_by,
    )


def _form(operation: str, path: str, *, repeatable: bool = False) -> Endpoint:
    return Endpoint(
        operation=operation,
        method="POST",
        path=f"/rest/asset/v1/{path}",
        is_write=not repeatable,
        read_seconds=_ASSET,
        permission="Read-Write Assets",
        is_form=True,
    )


def _asset(operation: str, path: str, *, paging: Paging = Paging.NONE) -> Endpoint:
    return _get(operation, f"/rest/asset/v1/{path}", "Read-Only Assets", seconds=_ASSET, paging=paging)


_GONE: Final = frozenset({"1004"})  # the lead is not there (any more)
_ABSENT: Final = frozenset({"1013"})  # nor is the record

# leads
DESCRIBE_LEADS = _get("describe_leads", "/rest/v1/leads/describe2.json", "Read-Only Lead")
DESCRIBE_LEAD_IDS = _get("describe_lead_ids", "/rest/v1/leads/describe.json", "Read-Only Lead")
LEAD_BY_ID = _get("lead_by_id", "/rest/v1/lead/{lead}.json", "Read-Only Lead")
LEADS_BY_FILTER = _get("leads_by_filter", "/rest/v1/leads.json", "Read-Only Lead", seconds=70.0, paging=Paging.POSITION)
LEADS_OF_LIST = _get(
    "leads_of_list", "/rest/v1/lists/{list}/leads.json", "Read-Only Lead", seconds=70.0, paging=Paging.POSITION
)
LEADS_OF_PROGRAM = _get(
    "leads_of_program", "/rest/v1/leads/programs/{program}.json", "Read-Only Lead", paging=Paging.POSITION
)
SYNC_LEADS = _post("sync_leads", "/rest/v1/leads.json", "Read-Write Lead", seconds=100.0)
PUSH_LEADS = _post("push_leads", "/rest/v1/leads/push.json", "Read-Write Lead", seconds=100.0)
MERGE_LEADS = _post("merge_leads", "/rest/v1/leads/{lead}/merge.json", "Read-Write Lead", seconds=190.0, rows=MERGE_IDS)
DELETE_LEADS = _post(
    "delete_leads",
    "/rest/v1/leads/delete.json",
    "Read-Write Lead",
    seconds=70.0,
    benign=_GONE,
    keyed_by="id",
    repeatable=True,
)
PARTITIONS = _get("partitions", "/rest/v1/leads/partitions.json", "Read-Only Lead")
MOVE_LEADS = _post(
    "move_leads", "/rest/v1/leads/partitions.json", "Read-Write Lead", seconds=70.0, keyed_by="id", repeatable=True
)
ASSOCIATE_LEAD = _post(
    "associate_lead", "/rest/v1/leads/{lead}/associate.json", "Read-Write Lead", seconds=70.0, repeatable=True
)
LISTS_OF_LEAD = _get(
    "lists_of_lead", "/rest/v1/leads/{lead}/listMembership.json", "Read-Only Assets", paging=Paging.POSITION
)
PROGRAMS_OF_LEAD = _get(
    "programs_of_lead", "/rest/v1/leads/{lead}/programMembership.json", "Read-Only Assets", paging=Paging.POSITION
)

# activities
ACTIVITY_TYPES_OF_INSTANCE = _get("activity_types", "/rest/v1/activities/types.json", "Read-Only Activity")
PAGING_TOKEN = _get("paging_token", "/rest/v1/activities/pagingtoken.json", "Read-Only Activity", seconds=310.0)
ACTIVITIES = _get("activities", "/rest/v1/activities.json", "Read-Only Activity", paging=Paging.DATE)
LEAD_CHANGES = _get("lead_changes", "/rest/v1/activities/leadchanges.json", "Read-Only Activity", paging=Paging.DATE)
DELETED_LEADS = _get("deleted_leads", "/rest/v1/activities/deletedleads.json", "Read-Only Activity", paging=Paging.DATE)

# custom activities
_TYPE, _METADATA = "/rest/v1/activities/external/type/{type}", "Read-Write Activity Metadata"
CUSTOM_TYPES = _get("custom_activity_types", "/rest/v1/activities/external/types.json", "Read-Only Activity Metadata")
CUSTOM_TYPE = _get("custom_activity_type", f"{_TYPE}/describe.json", "Read-Only Activity Metadata")
CREATE_CUSTOM_TYPE = _post(
    "create_custom_activity_type", "/rest/v1/activities/external/type.json", _METADATA, seconds=_READ
)
CREATE_CUSTOM_ATTRIBUTES = _post(
    "create_custom_activity_attributes", f"{_TYPE}/attributes/create.json", _METADATA, seconds=_READ
)
APPROVE_CUSTOM_TYPE = _post("approve_custom_activity_type", f"{_TYPE}/approve.json", _METADATA, seconds=_READ)
DISCARD_CUSTOM_TYPE = _post("discard_custom_activity_draft", f"{_TYPE}/discardDraft.json", _METADATA, seconds=_READ)
ADD_CUSTOM_ACTIVITIES = _post(
    "add_custom_activities", "/rest/v1/activities/external.json", "Read-Write Activity", seconds=100.0
)

# static lists
LISTS = _get("lists", "/rest/v1/lists.json", "Read-Only Lead", paging=Paging.POSITION)
ADD_TO_LIST = _post(
    "add_to_list",
    "/rest/v1/lists/{list}/leads.json",
    "Read-Write Lead",
    seconds=70.0,
    keyed_by="id",
    # twice is as once, but an addition that comes late would undo a removal that was asked for after it
)
REMOVE_FROM_LIST = _post(
    "remove_from_list",
    "/rest/v1/lists/{list}/leads.json",
    "Read-Write Lead",
    seconds=70.0,
    benign=_GONE,
    keyed_by="id",
    method="DELETE",
)
IS_MEMBER = _get("is_member_of_list", "/rest/v1/lists/{list}/leads/ismember.json", "Read-Write Lead")
BROWSE_LISTS = _asset("browse_lists", "staticLists.json", paging=Paging.OFFSET)
LIST_BY_NAME = _asset("list_by_name", "staticList/byName.json")
CREATE_LIST = _form("create_list", "staticLists.json")
UPDATE_LIST = _form("update_list", "staticList/{list}.json", repeatable=True)
DELETE_LIST = _form("delete_list", "staticList/{list}/delete.json")

# programs, channels, tags, tokens
PROGRAMS = _asset("programs", "programs.json", paging=Paging.OFFSET)
PROGRAM = _asset("program", "program/{program}.json")
PROGRAM_BY_NAME = _asset("program_by_name", "program/byName.json")
PROGRAMS_BY_TAG = _asset("programs_by_tag", "program/byTag.json", paging=Paging.OFFSET)
CREATE_PROGRAM = _form("create_program", "programs.json")
UPDATE_PROGRAM = _form("update_program", "program/{program}.json", repeatable=True)
CLONE_PROGRAM = _form("clone_program", "program/{program}/clone.json")
DELETE_PROGRAM = _form("delete_program", "program/{program}/delete.json")
CHANNELS = _asset("channels", "channels.json", paging=Paging.OFFSET)
CHANNEL_BY_NAME = _asset("channel_by_name", "channel/byName.json")
TAG_TYPES = _asset("tag_types", "tagTypes.json", paging=Paging.OFFSET)
TAG_TYPE_BY_NAME = _asset("tag_type_by_name", "tagType/byName.json")
TOKENS = _asset("tokens", "folder/{folder}/tokens.json")
SET_TOKEN = _form("set_token", "folder/{folder}/tokens.json", repeatable=True)
DELETE_TOKEN = _form("delete_token", "folder/{folder}/tokens/delete.json")

# program members
_MEMBERS = "/rest/v1/programs/{program}/members"
DESCRIBE_MEMBERS = _get("describe_members", "/rest/v1/programs/members/describe.json", "Read-Only Lead")
MEMBERS = _get("members", f"{_MEMBERS}.json", "Read-Only Lead", seconds=70.0, paging=Paging.POSITION)
SET_MEMBER_STATUS = _post(
    "set_member_status", f"{_MEMBERS}/status.json", "Read-Write Lead", seconds=100.0, repeatable=True
)
UPDATE_MEMBERS = _post("update_members", f"{_MEMBERS}.json", "Read-Write Lead", seconds=100.0, repeatable=True)
DELETE_MEMBERS = _post(
    "delete_members",
    f"{_MEMBERS}/delete.json",
    "Read-Write Lead",
    seconds=70.0,
    benign=_GONE | _ABSENT,
    repeatable=True,
)

# smart campaigns
CAMPAIGNS = _asset("campaigns", "smartCampaigns.json", paging=Paging.OFFSET)
CAMPAIGN = _asset("campaign", "smartCampaign/{campaign}.json")
CAMPAIGN_BY_NAME = _asset("campaign_by_name", "smartCampaign/byName.json")
ACTIVATE_CAMPAIGN = _form("activate_campaign", "smartCampaign/{campaign}/activate.json", repeatable=True)
DEACTIVATE_CAMPAIGN = _form("deactivate_campaign", "smartCampaign/{campaign}/deactivate.json", repeatable=True)
REQUEST_CAMPAIGN = _post(
    "request_campaign",
    "/rest/v1/campaigns/{campaign}/trigger.json",
    "Execute Campaign",
    seconds=_READ,
    rows=CAMPAIGN_LEADS,
)
SCHEDULE_CAMPAIGN = _post(
    "schedule_campaign", "/rest/v1/campaigns/{campaign}/schedule.json", "Execute Campaign", seconds=_READ
)

# usage
USAGE = _get("usage", "/rest/v1/stats/usage.json", "")
USAGE_OF_LAST_DAYS = _get("usage_of_last_days", "/rest/v1/stats/usage/last7days.json", "")
ERRORS = _get("errors", "/rest/v1/stats/errors.json", "")
ERRORS_OF_LAST_DAYS = _get("errors_of_last_days", "/rest/v1/stats/errors/last7days.json", "")


class ObjectEndpoints(NamedTuple):
    """The four calls of an object that follows the general pattern."""

    describe: Endpoint
    query: Endpoint
    sync: Endpoint
    delete: Endpoint


def _object(name: str, base: str, permission: str, *, sync_seconds: float = 70.0) -> ObjectEndpoints:
    reading, writing = f"Read-Only {permission}", f"Read-Write {permission}"
    return ObjectEndpoints(
        describe=_get(f"describe_{name}", f"/rest/v1/{base}/describe.json", reading),
        query=_get(name, f"/rest/v1/{base}.json", reading, paging=Paging.POSITION),
        sync=_post(f"sync_{name}", f"/rest/v1/{base}.json", writing, seconds=sync_seconds),
        delete=_post(
            f"delete_{name}",
            f"/rest/v1/{base}/delete.json",
            writing,
            seconds=70.0,
            benign=_ABSENT,
            repeatable=True,
        ),
    )


COMPANIES = _object("companies", "companies", "Company")
OPPORTUNITIES = _object("opportunities", "opportunities", "Opportunity")
OPPORTUNITY_ROLES = _object("opportunity_roles", "opportunities/roles", "Opportunity")
SALES_PERSONS = _object("sales_persons", "salespersons", "Sales Person")
CUSTOM_OBJECTS = _object("custom_objects", "customobjects/{object}", "Custom Object", sync_seconds=130.0)

# custom object types
_SCHEMA, _OBJECT_TYPE = "/rest/v1/customobjects/schema", "Read-Write Custom Object Type"
CUSTOM_OBJECT_LIST = _get("custom_object_list", "/rest/v1/customobjects.json", "Read-Only Custom Object")
OBJECT_TYPES = _get("custom_object_types", f"{_SCHEMA}.json", "Read-Only Custom Object Type")
OBJECT_TYPE = _get("custom_object_type", f"{_SCHEMA}/{{object}}/describe.json", "Read-Only Custom Object Type")
SYNC_OBJECT_TYPE = _post("sync_custom_object_type", f"{_SCHEMA}.json", _OBJECT_TYPE, seconds=_READ)
ADD_OBJECT_FIELDS = _post(
    "add_custom_object_fields", f"{_SCHEMA}/{{object}}/addField.json", _OBJECT_TYPE, seconds=_READ
)
DELETE_OBJECT_FIELDS = _post(
    "delete_custom_object_fields", f"{_SCHEMA}/{{object}}/deleteField.json", _OBJECT_TYPE, seconds=_READ
)
APPROVE_OBJECT_TYPE = _post(
    "approve_custom_object_type", f"{_SCHEMA}/{{object}}/approve.json", _OBJECT_TYPE, seconds=_READ
)
DISCARD_OBJECT_TYPE = _post(
    "discard_custom_object_draft", f"{_SCHEMA}/{{object}}/discardDraft.json", _OBJECT_TYPE, seconds=_READ
)
DELETE_OBJECT_TYPE = _post(
    "delete_custom_object_type", f"{_SCHEMA}/{{object}}/delete.json", _OBJECT_TYPE, seconds=_READ
)


class FieldEndpoints(NamedTuple):
    """The calls about the fields of an object; not all of them can be created or changed."""

    list: Endpoint
    one: Endpoint
    create: Endpoint | None = None
    update: Endpoint | None = None


def _fields(name: str, base: str, *, writable: bool) -> FieldEndpoints:
    fields, permission = f"/rest/v1/{base}/schema/fields", "Read-Write Schema Custom Field"
    return FieldEndpoints(
        list=_get(f"fields_of_{name}", f"{fields}.json", permission, paging=Paging.POSITION),
        one=_get(f"field_of_{name}", f"{fields}/{{field}}.json", permission),
        create=_post(f"create_fields_of_{name}", f"{fields}.json", permission, seconds=_READ, keyed_by="name")
        if writable
        else None,
        update=_post(f"update_field_of_{name}", f"{fields}/{{field}}.json", permission, seconds=_READ, repeatable=True)
        if writable
        else None,
    )


LEAD_FIELDS = _fields("leads", "leads", writable=True)
COMPANY_FIELDS = _fields("companies", "companies", writable=False)
OPPORTUNITY_FIELDS = _fields("opportunities", "opportunities", writable=False)
MEMBER_FIELDS = _fields("members", "programs/members", writable=True)


class ExportEndpoints(NamedTuple):
    """The calls of a bulk extract; all but `create` may be repeated."""

    create: Endpoint
    enqueue: Endpoint
    status: Endpoint
    cancel: Endpoint
    file: Endpoint
    list: Endpoint


def _export(name: str, base: str, permission: str) -> ExportEndpoints:
    one = f"/bulk/v1/{base}/export/{{job}}"
    return ExportEndpoints(
        create=_post(f"create_{name}_export", f"/bulk/v1/{base}/export/create.json", permission, seconds=_READ),
        # queued already is what was wished for (1029)
        enqueue=_post(f"enqueue_{name}_export", f"{one}/enqueue.json", permission, seconds=_READ, repeatable=True),
        status=_get(f"status_of_{name}_export", f"{one}/status.json", permission),
        cancel=_post(f"cancel_{name}_export", f"{one}/cancel.json", permission, seconds=_READ, repeatable=True),
        file=_get(f"file_of_{name}_export", f"{one}/file.json", permission, seconds=_FILE),
        list=_get(f"{name}_exports", f"/bulk/v1/{base}/export.json", permission, paging=Paging.POSITION),
    )


LEAD_EXPORT = _export("leads", "leads", "Read-Only Lead")
ACTIVITY_EXPORT = _export("activities", "activities", "Read-Only Activity")
MEMBER_EXPORT = _export("members", "program/members", "Read-Only Lead")
OBJECT_EXPORT = _export("custom_objects", "customobjects/{object}", "Read-Only Custom Object")


class ImportEndpoints(NamedTuple):
    """The calls of a bulk import."""

    create: Endpoint
    status: Endpoint
    failures: Endpoint
    warnings: Endpoint


def _import(name: str, create: str, status: str, files: str, permission: str) -> ImportEndpoints:
    return ImportEndpoints(
        create=_post(f"import_{name}", f"/bulk/v1/{create}.json", permission, seconds=300.0),
        status=_get(f"status_of_{name}_import", f"/bulk/v1/{status}.json", permission),
        failures=_get(f"failures_of_{name}_import", f"/bulk/v1/{files}/failures.json", permission, seconds=_FILE),
        warnings=_get(f"warnings_of_{name}_import", f"/bulk/v1/{files}/warnings.json", permission, seconds=_FILE),
    )


LEAD_IMPORT = _import("leads", "leads", "leads/batch/{job}", "leads/batch/{job}", "Read-Write Lead")
MEMBER_IMPORT = _import(
    "members",
    "program/{program}/members/import",
    "program/members/import/{job}/status",
    "program/members/import/{job}",
    "Read-Write Lead",
)
OBJECT_IMPORT = _import(
    "custom_objects",
    "customobjects/{object}/import",
    "customobjects/{object}/import/{job}/status",
    "customobjects/{object}/import/{job}",
    "Read-Write Custom Object",
)


def every() -> tuple[Endpoint, ...]:
    """All calls of this module, in its order."""
    found: list[Endpoint] = []
    for value in globals().values():
        if isinstance(value, Endpoint):
            found.append(value)
        elif isinstance(value, ObjectEndpoints | FieldEndpoints | ExportEndpoints | ImportEndpoints):
            found += [member for member in value if member is not None]
    return tuple(found)
