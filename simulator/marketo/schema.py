"""The schema of the simulated instance: lead fields, activity types and channel statuses, as data.

Custom fields and the custom activity type serve the demo; the typed custom fields exist so that every data
type can be exercised. Names and types of the standard ones are the vendor's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.marketo.exceptions import MarketoError

STRING_LENGTH = 255
TEXT_BYTES = 30_000


@dataclass(frozen=True, slots=True)
class LeadField:
    """One field of a lead; `rest` is false for a field that only the old SOAP names reach."""

    id: int
    name: str
    display_name: str
    data_type: str
    updateable: bool = True
    custom: bool = False
    crm_managed: bool = False
    company: bool = False
    rest: bool = True
    description: str = ""
    hidden: bool = False
    sensitive: bool = False
    html_encoded: bool = True
    by_api: bool = False

    @property
    def length(self) -> int | None:
        """Give the length that Describe shows, for types that have one."""
        return STRING_LENGTH if self.data_type in {"string", "email", "phone", "url"} else None

    @property
    def soap_name(self) -> str:
        """Give the name that Describe shows for SOAP, which webhook mappings still use."""
        return self.display_name.replace(" ", "_") if self.custom else self.name[:1].upper() + self.name[1:]

    def as_schema_field(self) -> dict[str, Any]:
        """Give the field as the schema endpoints show it."""
        shown: dict[str, Any] = {
            "displayName": self.display_name,
            "name": self.name,
            "description": self.description,
            "dataType": self.data_type,
        }
        if self.length:
            shown["length"] = self.length
        return shown | {
            "isHidden": self.hidden,
            "isHtmlEncodingInEmail": self.html_encoded,
            "isSensitive": self.sensitive,
            "isCustom": self.custom,
            "isApiCreated": self.by_api,
        }


def _standard() -> list[LeadField]:
    rows = [
        # name, display name, type
        ("company", "Company Name", "string"),
        ("site", "Site", "string"),
        ("billingStreet", "Billing Address", "text"),
        ("billingCity", "Billing City", "string"),
        ("billingCountry", "Billing Country", "string"),
        ("website", "Website", "url"),
        ("mainPhone", "Main Phone", "phone"),
        ("annualRevenue", "Annual Revenue", "currency"),
        ("numberOfEmployees", "Num Employees", "integer"),
        ("industry", "Industry", "string"),
        ("externalCompanyId", "External Company Id", "string"),
        ("email", "Email Address", "email"),
        ("firstName", "First Name", "string"),
        ("middleName", "Middle Name", "string"),
        ("lastName", "Last Name", "string"),
        ("salutation", "Salutation", "string"),
        ("title", "Job Title", "string"),
        ("department", "Department", "string"),
        ("phone", "Phone Number", "phone"),
        ("mobilePhone", "Mobile Phone Number", "phone"),
        ("fax", "Fax Number", "phone"),
        ("address", "Address", "text"),
        ("city", "City", "string"),
        ("state", "State", "string"),
        ("postalCode", "Postal Code", "string"),
        ("country", "Country", "string"),
        ("dateOfBirth", "Date of Birth", "date"),
        ("doNotCall", "Do Not Call", "boolean"),
        ("unsubscribed", "Unsubscribed", "boolean"),
        ("marketingSuspended", "Marketing Suspended", "boolean"),
        ("emailInvalid", "Email Invalid", "boolean"),
        ("leadSource", "Person Source", "string"),
        ("leadStatus", "Person Status", "string"),
        ("leadScore", "Person Score", "score"),
        ("priority", "Priority", "integer"),
        ("rating", "Person Rating", "string"),
        ("externalSalesPersonId", "External Sales Person Id", "string"),
        ("facebookId", "Facebook Id", "string"),
        ("linkedInId", "LinkedIn Id", "string"),
        ("twitterId", "Twitter Id", "string"),
    ]
    company = {"company", "site", "website", "mainPhone", "annualRevenue", "numberOfEmployees", "industry"}
    return [
        LeadField(
            number,
            name,
            display_name,
            data_type,
            company=name in company or name.startswith("billing"),
        )
        for number, (name, display_name, data_type) in enumerate(rows, start=2)
    ]


def _read_only() -> list[LeadField]:
    fields = [
        LeadField(51, "id", "Id", "integer", updateable=False),
        LeadField(52, "createdAt", "Created At", "datetime", updateable=False),
        LeadField(53, "updatedAt", "Updated At", "datetime", updateable=False),
        LeadField(54, "leadPartitionId", "Lead Partition Id", "integer", updateable=False),
        LeadField(55, "cookies", "Cookies", "string", updateable=False),
        LeadField(56, "inferredCompany", "Inferred Company", "string", updateable=False),
        LeadField(57, "relativeScore", "Relative Score", "integer", updateable=False, rest=False),
    ]
    # fields that belong to the native Salesforce sync; Describe says that they cannot be written
    native = ["sfdcLeadId", "sfdcContactId", "sfdcAccountId", "sfdcLeadOwnerId", "sfdcOpptyId", "sfdcType"]
    return fields + [
        LeadField(number, name, f"SFDC {name[4:]}", "string", updateable=False, crm_managed=True)
        for number, name in enumerate(native, start=60)
    ]


def _custom() -> list[LeadField]:
    rows = [
        ("salesforceId", "Salesforce Id", "string"),
        ("leadbridgeStatus", "Leadbridge Status", "string"),
        ("externalKey", "External Key", "string"),
        ("customerNumber", "Customer Number", "integer"),
        ("secondaryEmail", "Secondary Email", "email"),
        ("isCustomer", "Is Customer", "boolean"),
        ("contractValue", "Contract Value", "currency"),
        ("satisfaction", "Satisfaction", "float"),
        ("discount", "Discount", "percent"),
        ("renewalDate", "Renewal Date", "date"),
        ("lastContactAt", "Last Contact At", "datetime"),
        ("notes", "Notes", "text"),
        ("profileUrl", "Profile URL", "url"),
        ("lastInterestingMoment", "Last Interesting Moment", "string"),
    ]
    return [
        LeadField(number, name, display_name, data_type, custom=True)
        for number, (name, display_name, data_type) in enumerate(rows, start=101)
    ]


STANDARD_LEAD_FIELDS: Mapping[str, LeadField] = {
    each.name: each for each in sorted([*_standard(), *_read_only(), *_custom()], key=lambda each: each.id)
}
"""The fields of a fresh instance; an instance's own are in its `FieldSchema`."""


_SEARCHABLE_STANDARD = {
    "id",
    "email",
    "cookies",
    "leadPartitionId",
    "sfdcLeadId",
    "sfdcContactId",
    "sfdcAccountId",
    "sfdcLeadOwnerId",
    "sfdcOpptyId",
    "facebookId",
    "linkedInId",
    "twitterId",
}
CREATED_TYPES = [
    "boolean",
    "currency",
    "date",
    "datetime",
    "email",
    "float",
    "integer",
    "percent",
    "phone",
    "score",
    "string",
    "url",
]
"""Data types of the fields that the API creates."""

MAX_CREATED_LEAD_FIELDS = 100
MAX_CREATED_MEMBER_FIELDS = 20
FIRST_CREATED_FIELD_ID = 1001
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")
_CHANGEABLE = {
    # member of a request: attribute of a field
    "displayName": "display_name",
    "description": "description",
    "isHidden": "hidden",
    "isSensitive": "sensitive",
    "isHtmlEncodingInEmail": "html_encoded",
}


class FieldSchema:
    """The fields of the instance's leads or of its program members, to which the API adds."""

    def __init__(self, fields: Mapping[str, LeadField], most_created: int) -> None:
        self._most_created = most_created
        self._set(dict(fields))

    def _set(self, fields: dict[str, LeadField]) -> None:
        self.all: Mapping[str, LeadField] = fields
        self.rest: Mapping[str, LeadField] = {name: each for name, each in fields.items() if each.rest}
        self.searchable = [
            each.name
            for each in self.rest.values()
            if each.name in _SEARCHABLE_STANDARD or (each.custom and each.data_type in {"string", "email", "integer"})
        ]
        """Fields that Get Leads by Filter and the lookup of Sync Leads accept."""

    def get(self, name: str) -> LeadField:
        """Give a field that REST reaches.

        Raises:
            MarketoError: 1006.
        """
        if name not in self.rest:
            raise MarketoError("1006", f"Field '{name}' not found")
        return self.rest[name]

    def create(self, rows: list[Any], *, company: bool = False) -> list[str]:
        """Add fields, all or none, and give their names; of a `company` they are mirrored.

        Raises:
            MarketoError: a field is malformed or taken, or there are too many.
        """
        fields = dict(self.all)
        for row in rows:
            made = _read_field(row, FIRST_CREATED_FIELD_ID + sum(each.by_api for each in fields.values()))
            made = replace(made, company=company)
            if any(made.name.lower() == name.lower() for name in fields):
                raise MarketoError("1017", f"Field '{made.name}' already exists")
            if any(made.display_name == each.display_name for each in fields.values()):
                raise MarketoError("1017", f"A field with the display name '{made.display_name}' already exists")
            fields[made.name] = made
        if sum(each.by_api for each in fields.values()) > self._most_created:
            raise MarketoError("1003", f"No more than {self._most_created} fields can be created")
        made_names = [name for name in fields if name not in self.all]
        self._set(fields)
        return made_names

    def update(self, name: str, row: Any) -> None:
        """Change what a field says of itself; its name and type stay.

        Raises:
            MarketoError: 1006 unknown, 1003 not changeable, or not a custom field.
        """
        field_of_name = self.get(name)
        if not isinstance(row, dict) or not row or not row.keys() <= _CHANGEABLE.keys():
            raise MarketoError("1003", f"Only {', '.join(_CHANGEABLE)} can be changed")
        if not field_of_name.custom and row.keys() - {"isSensitive", "isHtmlEncodingInEmail"}:
            raise MarketoError("1003", f"Field '{name}' is a standard field")
        changes = {_CHANGEABLE[key]: value for key, value in row.items()}
        self._set(dict(self.all) | {name: replace(field_of_name, **changes)})


def _read_field(row: Any, number: int) -> LeadField:
    if not isinstance(row, dict):
        raise MarketoError("1003", "A field has to be an object")
    for name in ("displayName", "name", "dataType"):
        if not row.get(name):
            raise MarketoError("1002", f"Missing value for the required parameter '{name}'")
    named = isinstance(row["name"], str) and isinstance(row["displayName"], str)
    if not named or not _FIELD_NAME.fullmatch(row["name"]) or row["dataType"] not in CREATED_TYPES:
        raise MarketoError("1003", f"Invalid value for field '{row['name']}'")
    given = {_CHANGEABLE[key]: value for key, value in row.items() if key in _CHANGEABLE and key != "displayName"}
    return LeadField(number, row["name"], row["displayName"], row["dataType"], custom=True, by_api=True, **given)


DEFAULT_READ_FIELDS = ["id", "email", "firstName", "lastName", "createdAt", "updatedAt"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an activity type."""

    name: str
    data_type: str
    api_name: str | None = None
    description: str | None = None

    def as_type_attribute(self) -> dict[str, str]:
        """Give the attribute as Get Activity Types shows it."""
        shown = {"name": self.name, "dataType": self.data_type}
        return {"apiName": self.api_name, **shown} if self.api_name else shown


@dataclass(frozen=True, slots=True)
class ActivityType:
    """One standard activity type."""

    id: int
    name: str
    description: str
    primary: Attribute | None = None
    attributes: list[Attribute] = field(default_factory=list)


NEW_LEAD, CHANGE_DATA_VALUE, ADD_TO_LIST, REMOVE_FROM_LIST, CHANGE_PROGRAM_STATUS = 12, 13, 24, 25, 104
CHANGE_SCORE = 22
MERGE_LEADS, DELETE_LEAD, CHANGE_PARTITION, PUSH_LEAD = 32, 37, 100, 145
ADD_TO_OPPORTUNITY, REMOVE_FROM_OPPORTUNITY, UPDATE_OPPORTUNITY = 34, 35, 36
REQUEST_CAMPAIGN, CALL_WEBHOOK, CHANGE_MEMBER_DATA = 47, 110, 123
API_SOURCE = "Web service API"


def _member_fields() -> list[LeadField]:
    rows: list[tuple[str, str, str]] = [
        ("acquiredBy", "Acquired By", "boolean"),
        ("leadId", "Lead Id", "integer"),
        ("membershipDate", "Membership Date", "datetime"),
        ("programId", "Program Id", "integer"),
        ("reachedSuccess", "Reached Success", "boolean"),
        ("statusName", "Status Name", "string"),
        ("updatedAt", "Updated At", "datetime"),
        ("program", "Program", "string"),
        ("nurtureCadence", "Nurture Cadence", "string"),
        ("trackName", "Track Name", "string"),
        ("isExhausted", "Is Exhausted", "boolean"),
        ("reachedSuccessDate", "Reached Success Date", "datetime"),
        ("statusReason", "Status Reason", "string"),
        ("registrationCode", "Registration Code", "string"),
        ("seats", "Seats", "integer"),
    ]
    written, custom = {"acquiredBy", "statusReason"}, {"registrationCode", "seats"}
    return [
        LeadField(number, *row, updateable=row[0] in written | custom, custom=row[0] in custom)
        for number, row in enumerate(rows, start=1)
    ]


STANDARD_MEMBER_FIELDS: Mapping[str, LeadField] = {each.name: each for each in _member_fields()}
"""Fields of a program member in a fresh instance; the API writes those that are updateable."""


def _texts(*names: str) -> list[Attribute]:
    return [Attribute(name, "string") for name in names]


ACTIVITY_TYPES = [
    ActivityType(1, "Visit Webpage", "User visits a web page", Attribute("Webpage ID", "integer")),
    ActivityType(2, "Fill Out Form", "User fills out a form", Attribute("Webform ID", "integer")),
    ActivityType(3, "Click Link", "User clicks a link on a page", Attribute("Link ID", "integer")),
    ActivityType(6, "Send Email", "An e-mail is sent to the person", Attribute("Mailing ID", "integer")),
    ActivityType(7, "Email Delivered", "An e-mail is delivered", Attribute("Mailing ID", "integer")),
    ActivityType(8, "Email Bounced", "An e-mail bounces", Attribute("Mailing ID", "integer")),
    ActivityType(9, "Unsubscribe Email", "A person unsubscribes", Attribute("Mailing ID", "integer")),
    ActivityType(10, "Open Email", "A person opens an e-mail", Attribute("Mailing ID", "integer")),
    ActivityType(11, "Click Email", "A person clicks in an e-mail", Attribute("Mailing ID", "integer")),
    ActivityType(
        NEW_LEAD,
        "New Lead",
        "A person enters the database",
        None,
        _texts("Source Type", "Created Date", "Form Name"),
    ),
    ActivityType(
        CHANGE_DATA_VALUE,
        "Change Data Value",
        "A field of a person changes",
        Attribute("Attribute Name", "string"),
        _texts("New Value", "Old Value", "Reason", "Source", "API Method Name", "Modifying User", "Request Id"),
    ),
    ActivityType(
        CHANGE_SCORE,
        "Change Score",
        "A score changes",
        Attribute("Score Name", "string"),
        _texts("New Value", "Old Value", "Change Value", "Reason"),
    ),
    ActivityType(
        ADD_TO_LIST,
        "Add to List",
        "A person joins a static list",
        Attribute("List ID", "integer"),
        _texts("Source"),
    ),
    ActivityType(
        REMOVE_FROM_LIST,
        "Remove from List",
        "A person leaves a static list",
        Attribute("List ID", "integer"),
        _texts("Source"),
    ),
    ActivityType(
        MERGE_LEADS,
        "Merge Leads",
        "Persons become one",
        Attribute("Lead ID", "integer"),
        _texts("Merge IDs", "Merged in Sales", "Merge Source", "Master Updated"),
    ),
    ActivityType(
        ADD_TO_OPPORTUNITY,
        "Add to Opportunity",
        "A person gets a role in an opportunity",
        Attribute("Oppty ID", "integer"),
        _texts("Role", "Is Primary", "Source"),
    ),
    ActivityType(
        REMOVE_FROM_OPPORTUNITY,
        "Remove from Opportunity",
        "A person loses a role in an opportunity",
        Attribute("Oppty ID", "integer"),
        _texts("Role", "Is Primary", "Source"),
    ),
    ActivityType(
        UPDATE_OPPORTUNITY,
        "Update Opportunity",
        "A field of a person's opportunity changes",
        Attribute("Oppty ID", "integer"),
        _texts("Attribute Name", "New Value", "Old Value", "Source"),
    ),
    ActivityType(DELETE_LEAD, "Delete Lead", "A person is deleted", Attribute("Lead ID", "integer")),
    ActivityType(
        CHANGE_PROGRAM_STATUS,
        "Change Status in Progression",
        "A program member's status changes",
        Attribute("Program ID", "integer"),
        [*_texts("Acquired By", "Old Status", "New Status", "Reason"), Attribute("Success", "boolean")],
    ),
    ActivityType(
        CHANGE_PARTITION,
        "Change Lead Partition",
        "A person moves to another partition",
        Attribute("New Partition ID", "integer"),
        _texts("Old Partition ID", "Reason"),
    ),
    ActivityType(
        46,
        "Interesting Moment",
        "Something that sales should know of",
        Attribute("Milestone", "string"),
        _texts("Description", "Source"),
    ),
    ActivityType(
        REQUEST_CAMPAIGN,
        "Request Campaign",
        "A campaign is requested",
        Attribute("Campaign ID", "integer"),
        _texts("Source"),
    ),
    ActivityType(
        CHANGE_MEMBER_DATA,
        "Change Program Member Data",
        "A field of a program member changes",
        Attribute("Program ID", "integer"),
        _texts("Attribute Name", "New Value", "Old Value", "Source"),
    ),
    ActivityType(
        CALL_WEBHOOK,
        "Call Webhook",
        "A campaign calls a webhook",
        Attribute("Webhook", "integer"),
        _texts("Error Type", "Response"),
    ),
    ActivityType(
        PUSH_LEAD,
        "Push Lead to Marketo",
        "A person is pushed into the database",
        Attribute("Program ID", "integer"),
        _texts("Reason", "Source", "API Method Name", "Modifying User", "Request Id"),
    ),
]

RESULT_TYPE = {
    "id": 100_001,
    "apiName": "leadbridgeResult",
    "name": "Leadbridge Result",
    "triggerName": "Leadbridge Result is Logged",
    "filterName": "Leadbridge Result was Logged",
    "description": "What a Leadbridge Action did for the person",
    "primaryAttribute": {"apiName": "result", "name": "Result", "dataType": "string"},
    "attributes": [
        {"apiName": "executionId", "name": "Execution Id", "dataType": "string"},
        {"apiName": "salesforceId", "name": "Salesforce Id", "dataType": "string"},
        {"apiName": "message", "name": "Message", "dataType": "string"},
        {"apiName": "action", "name": "Action", "dataType": "string"},
    ],
}
"""The custom activity type that is there, approved, from the start."""

ATTRIBUTE_TYPES = [
    "string",
    "boolean",
    "integer",
    "float",
    "link",
    "email",
    "currency",
    "date",
    "datetime",
    "phone",
    "text",
]

DEFAULT_STATUSES = [
    {"name": "Not in Program", "step": 0, "success": False},
    {"name": "Invited", "step": 10, "success": False},
    {"name": "Registered", "step": 20, "success": False},
    {"name": "No Show", "step": 30, "success": False},
    {"name": "Attended", "step": 40, "success": True},
]
"""Progression statuses of a program whose channel brings none of its own."""
