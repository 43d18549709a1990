"""The objects of the simulated org: their fields, types, lengths and flags, and how Describe shows them.

Source: Object Reference (Lead, Contact, Account, Campaign, CampaignMember, Task, User, Opportunity,
OpportunityContactRole, CampaignMemberStatus, LeadStatus, OpportunityStage, TaskStatus, Group, QueueSobject,
Organization, RecordType) and the describe resource. The custom fields of Lead and the custom object
Event_Registration__c and Course__c are what an administrator of this org has added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from simulator.salesforce.ids import ORGANIZATION_PREFIX

TEXT_TYPES = frozenset({"string", "email", "phone", "url", "textarea", "picklist", "multipicklist", "combobox"})
_EVERY_RECORD_HAS = frozenset(
    {"Id", "Name", "OwnerId", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"}
    | {"SystemModstamp"}
)
NUMBER_TYPES = frozenset({"double", "currency", "percent", "int"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an object, with the flags of Describe that decide what a write may do."""

    name: str
    type: str = "string"
    length: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    default: Any = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    reference_to: tuple[str, ...] = ()
    precision: int = 0
    scale: int = 0
    calculated: bool = False

    @property
    def is_custom(self) -> bool:
        """Whether an administrator added the field."""
        return self.name.endswith("__c")

    @property
    def is_key(self) -> bool:
        """Whether an upsert may match by this field (`Id` is handled apart)."""
        return self.external_id or (self.id_lookup and self.name != "Id")

    @property
    def is_indexed(self) -> bool:
        """Whether equality on this field is answered without reading every record."""
        return self.is_key or self.unique or self.type == "reference" or self.name == "Name"

    @property
    def is_long_text(self) -> bool:
        """Whether the field can neither be filtered nor sorted."""
        return self.type == "textarea" and self.length > 255

    @property
    def matches_case(self) -> bool:
        """Whether an upsert tells `abc` from `ABC`: always, unless unique and declared otherwise."""
        return self.external_id and (self.case_sensitive or not self.unique)

    @property
    def relationship_name(self) -> str | None:
        """The name under which the parent record is reached, if the field is a reference."""
        if self.type != "reference":
            return None
        return self.name.removesuffix("__c") + "__r" if self.is_custom else self.name.removesuffix("Id")

    def describe(self) -> dict[str, Any]:
        """Return the field's entry in the describe answer."""
        nillable = not self.required and self.type not in ("boolean", "id") and self.default is None
        return {
            "name": self.name,
            "label": self.name.removesuffix("__c").replace("_", " "),
            "type": self.type,
            "length": self.length,
            "byteLength": self.length * 3,
            "precision": self.precision,
            "scale": self.scale,
            "digits": self.precision if self.type == "int" else 0,
            "nillable": nillable,
            "defaultedOnCreate": self.default is not None or self.type == "boolean",
            "defaultValue": self.default if isinstance(self.default, bool | int | float) else None,
            "createable": self.createable,
            "updateable": self.updateable,
            "calculated": self.calculated,
            "custom": self.is_custom,
            "unique": self.unique,
            "externalId": self.external_id,
            "idLookup": self.id_lookup or self.external_id,
            "caseSensitive": self.case_sensitive,
            "filterable": not self.is_long_text,
            "sortable": not self.is_long_text and self.type != "multipicklist",
            "groupable": not self.is_long_text,
            "restrictedPicklist": self.restricted,
            "picklistValues": [
                {
                    "value": value,
                    "label": value,
                    "active": True,
                    "defaultValue": value == self.default,
                    "validFor": None,
                }
                for value in self.values
            ],
            "referenceTo": list(self.reference_to),
            "relationshipName": self.relationship_name,
            "polymorphicForeignKey": len(self.reference_to) > 1,
            "nameField": self.name == "Name",
            # nobody can be kept from what every record has
            "permissionable": not self.required and self.name not in _EVERY_RECORD_HAS,
            "soapType": _SOAP_TYPES.get(self.type, "xsd:string"),
        }


@dataclass(frozen=True)
class SObject:
    """One object type with its fields in describe order."""

    name: str
    key_prefix: str
    fields: tuple[Field, ...]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    undeletable: bool = True
    replicateable: bool = True
    by_lower_name: dict[str, Field] = field(init=False, repr=False)
    by_relationship: dict[str, Field] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_lower_name", {each.name.lower(): each for each in self.fields})
        relations = {each.relationship_name.lower(): each for each in self.fields if each.relationship_name}
        object.__setattr__(self, "by_relationship", relations)

    def field(self, name: str) -> Field | None:
        """Return the field of this name, whatever its case."""
        return self.by_lower_name.get(name.lower())

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Every field with the value it has when nothing is given."""
        return {each.name: each.default for each in self.fields}

    @cached_property
    def required(self) -> tuple[Field, ...]:
        """The fields that a new record has to bring along."""
        return tuple(each for each in self.fields if each.required and each.default is None)

    def describe_global(self, base: str) -> dict[str, Any]:
        """Return the object's entry in the list of all objects."""
        label = self.name.removesuffix("__c").replace("_", " ")
        return {
            "name": self.name,
            "label": label,
            "labelPlural": label + "s",
            "keyPrefix": self.key_prefix,
            "custom": self.name.endswith("__c"),
            "createable": self.createable,
            "updateable": self.updateable,
            "deletable": self.deletable,
            "undeletable": self.deletable and self.undeletable,
            "mergeable": self.name in ("Lead", "Contact", "Account"),
            "replicateable": self.replicateable,
            "retrieveable": True,
            "queryable": True,
            "searchable": True,
            "layoutable": True,
            "triggerable": True,
            "urls": {
                "sobject": f"{base}/sobjects/{self.name}",
                "describe": f"{base}/sobjects/{self.name}/describe",
                "rowTemplate": f"{base}/sobjects/{self.name}/{{ID}}",
            },
        }

    def describe(self, base: str, record_types: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """Return the full describe answer; `record_types` are the object's own, beside the master."""
        return self.describe_global(base) | {
            "fields": [each.describe() for each in self.fields],
            "childRelationships": [],
            "recordTypeInfos": [_record_type(each, self.name, base) for each in (*record_types, _MASTER)],
        }


_MASTER: Mapping[str, Any] = {
    "Id": "012000000000000AAA",
    "Name": "Master",
    "DeveloperName": "Master",
    "IsActive": True,
}


def _record_type(record: Mapping[str, Any], sobject: str, base: str) -> dict[str, Any]:
    """Return what describe says of a record type; our user may use each one that is active."""
    master = record is _MASTER
    return {
        "active": record["IsActive"],
        "available": record["IsActive"],
        "defaultRecordTypeMapping": master,
        "developerName": record["DeveloperName"],
        "master": master,
        "name": record["Name"],
        "recordTypeId": record["Id"],
        "urls": {"layout": f"{base}/sobjects/{sobject}/describe/layouts/{record['Id']}"},
    }


_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}


def _text(name: str, length: int, **flags: Any) -> Field:
    return Field(name=name, length=length, **flags)


def _typed(name: str, type_: str, **flags: Any) -> Field:
    lengths = {"email": 80, "phone": 40, "url": 255, "picklist": 255, "reference": 18, "textarea": 255}
    return Field(name=name, type=type_, **({"length": lengths.get(type_, 0)} | flags))


def _pick(name: str, *values: str, **flags: Any) -> Field:
    return _typed(name, "picklist", values=values, **flags)


def _flag(name: str, *, default: bool = False) -> Field:
    return Field(name=name, type="boolean", default=default)


def _reference(name: str, *targets: str, **flags: Any) -> Field:
    return _typed(name, "reference", reference_to=targets, **flags)


def _number(name: str, type_: str, precision: int, scale: int, **flags: Any) -> Field:
    return Field(name=name, type=type_, precision=precision, scale=scale, **flags)


def _read_only(made: Field) -> Field:
    return replace(made, createable=False, updateable=False)


def _create_only(made: Field) -> Field:
    return replace(made, updateable=False)


def _address(prefix: str) -> tuple[Field, ...]:
    return (
        _typed(f"{prefix}Street", "textarea"),
        _text(f"{prefix}City", 40),
        _text(f"{prefix}State", 80),
        _text(f"{prefix}PostalCode", 20),
        _text(f"{prefix}Country", 80),
    )


_ID = _read_only(Field(name="Id", type="id", length=18, id_lookup=True))
_AUDIT: tuple[Field, ...] = (
    _read_only(_flag("IsDeleted")),
    _read_only(_typed("CreatedDate", "datetime")),
    _read_only(_reference("CreatedById", "User")),
    _read_only(_typed("LastModifiedDate", "datetime")),
    _read_only(_reference("LastModifiedById", "User")),
    _read_only(_typed("SystemModstamp", "datetime")),
)
_INDUSTRIES = ("Agriculture", "Banking", "Consulting", "Education", "Manufacturing", "Technology", "Other")
_SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_RATINGS = ("Hot", "Warm", "Cold")

# stage name: closed, won, probability, forecast category
OPPORTUNITY_STAGES: dict[str, tuple[bool, bool, float, str]] = {
    "Prospecting": (False, False, 10.0, "Pipeline"),
    "Qualification": (False, False, 10.0, "Pipeline"),
    "Needs Analysis": (False, False, 20.0, "Pipeline"),
    "Proposal/Price Quote": (False, False, 75.0, "Best Case"),
    "Negotiation/Review": (False, False, 90.0, "Commit"),
    "Closed Won": (True, True, 100.0, "Closed"),
    "Closed Lost": (True, False, 0.0, "Omitted"),
}
TASK_CLOSED_STATUSES = frozenset({"Completed"})
DEFAULT_MEMBER_STATUS = "Sent"
RESPONDED_MEMBER_STATUSES = frozenset({"Responded"})

_LEAD = SObject(
    "Lead",
    "00Q",
    (
        _ID,
        _read_only(_reference("MasterRecordId", "Lead")),
        _text("LastName", 80, required=True),
        _text("FirstName", 40),
        _pick("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", length=40),
        _read_only(_text("Name", 121)),
        _text("Title", 128),
        _text("Company", 255, required=True),
        *_address(""),
        _typed("Phone", "phone"),
        _typed("MobilePhone", "phone"),
        _typed("Fax", "phone"),
        _typed("Email", "email", id_lookup=True),
        _typed("Website", "url"),
        _typed("Description", "textarea", length=32_000),
        _pick("LeadSource", *_SOURCES),
        _pick(
            "Status",
            "Open - Not Contacted",
            "Working - Contacted",
            "Closed - Converted",
            "Closed - Not Converted",
            default="Open - Not Contacted",
            restricted=True,
        ),
        _pick("Industry", *_INDUSTRIES),
        _pick("Rating", *_RATINGS),
        _number("AnnualRevenue", "currency", 18, 0),
        _number("NumberOfEmployees", "int", 8, 0),
        _reference("OwnerId", "User", "Group"),
        _flag("HasOptedOutOfEmail"),
        _flag("DoNotCall"),
        _read_only(_flag("IsConverted")),
        _read_only(_typed("ConvertedDate", "date")),
        _read_only(_reference("ConvertedAccountId", "Account")),
        _read_only(_reference("ConvertedContactId", "Contact")),
        _read_only(_reference("ConvertedOpportunityId", "Opportunity")),
        _flag("IsUnreadByOwner", default=True),
        _read_only(_typed("LastActivityDate", "date")),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _text("Loose_Key__c", 80, external_id=True),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _number("Lead_Score__c", "double", 18, 2),
        _text("Last_Interesting_Moment__c", 255),
        _flag("Opt_In__c"),
        _typed("Score_Date__c", "date"),
        _typed("Last_Touch__c", "datetime"),
        _typed("Interests__c", "multipicklist", values=("Events", "Product", "Training"), length=4_099),
        # answers of a long form
        *(_text(f"Answer_{number:02}__c", 80) for number in range(1, 25)),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_CONTACT = SObject(
    "Contact",
    "003",
    (
        _ID,
        _read_only(_reference("MasterRecordId", "Contact")),
        _reference("AccountId", "Account"),
        _text("LastName", 80, required=True),
        _text("FirstName", 40),
        _pick("Salutation", "Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", length=40),
        _read_only(_text("Name", 121)),
        *_address("Mailing"),
        _typed("Phone", "phone"),
        _typed("MobilePhone", "phone"),
        _typed("Fax", "phone"),
        _typed("Email", "email", id_lookup=True),
        _text("Title", 128),
        _text("Department", 80),
        _pick("LeadSource", *_SOURCES),
        _reference("ReportsToId", "Contact"),
        _typed("Birthdate", "date"),
        _typed("Description", "textarea", length=32_000),
        _reference("OwnerId", "User"),
        _flag("HasOptedOutOfEmail"),
        _flag("DoNotCall"),
        _read_only(_flag("IsEmailBounced")),
        _read_only(_typed("LastActivityDate", "date")),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_ACCOUNT = SObject(
    "Account",
    "001",
    (
        _ID,
        _read_only(_reference("MasterRecordId", "Account")),
        _text("Name", 255, required=True),
        _pick("Type", "Prospect", "Customer - Direct", "Customer - Channel", "Other"),
        _reference("ParentId", "Account"),
        *_address("Billing"),
        _typed("Phone", "phone"),
        _typed("Website", "url"),
        _pick("Industry", *_INDUSTRIES),
        _number("AnnualRevenue", "currency", 18, 0),
        _number("NumberOfEmployees", "int", 8, 0),
        _typed("Description", "textarea", length=32_000),
        _pick("Rating", *_RATINGS),
        _pick("AccountSource", *_SOURCES),
        _reference("OwnerId", "User"),
        _read_only(_flag("IsPersonAccount")),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_CAMPAIGN = SObject(
    "Campaign",
    "701",
    (
        _ID,
        _text("Name", 80, required=True, id_lookup=True),
        _reference("ParentId", "Campaign"),
        _pick("Type", "Webinar", "Conference", "Email", "Advertisement", "Other"),
        _pick("Status", "Planned", "In Progress", "Completed", "Aborted", default="Planned"),
        _typed("StartDate", "date"),
        _typed("EndDate", "date"),
        _number("BudgetedCost", "currency", 18, 0),
        _number("ActualCost", "currency", 18, 0),
        _flag("IsActive"),
        _typed("Description", "textarea", length=32_000),
        _read_only(_number("NumberOfLeads", "int", 8, 0)),
        _read_only(_number("NumberOfContacts", "int", 8, 0)),
        _reference("OwnerId", "User"),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_CAMPAIGN_MEMBER = SObject(
    "CampaignMember",
    "00v",
    (
        _ID,
        _create_only(_reference("CampaignId", "Campaign", required=True)),
        _create_only(_reference("LeadId", "Lead")),
        _create_only(_reference("ContactId", "Contact")),
        _pick("Status", "Sent", "Responded", default=DEFAULT_MEMBER_STATUS),
        _read_only(_flag("HasResponded")),
        _read_only(_typed("FirstRespondedDate", "date")),
        *_AUDIT,
    ),
    undeletable=False,
)

_TASK = SObject(
    "Task",
    "00T",
    (
        _ID,
        _reference("WhoId", "Lead", "Contact"),
        _reference("WhatId", "Account", "Opportunity", "Campaign"),
        _typed("Subject", "combobox", length=255),
        _typed("ActivityDate", "date"),
        _pick(
            "Status",
            "Not Started",
            "In Progress",
            "Completed",
            "Waiting on someone else",
            "Deferred",
            default="Not Started",
        ),
        _pick("Priority", "High", "Normal", "Low", default="Normal"),
        _typed("Description", "textarea", length=32_000),
        _pick("Type", "Call", "Email", "Meeting", "Other"),
        _create_only(
            _pick(
                "TaskSubtype",
                "Task",
                "Email",
                "Call",
                "LinkedIn",
                "ListEmail",
                restricted=True,
                default="Task",
            )
        ),
        _reference("OwnerId", "User", "Group"),
        _read_only(_reference("AccountId", "Account")),
        _read_only(_flag("IsClosed")),
        _read_only(_flag("IsHighPriority")),
        _read_only(_flag("IsArchived")),
        _read_only(_typed("CompletedDateTime", "datetime")),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_USER = SObject(
    "User",
    "005",
    (
        _ID,
        Field(name="Username", type="string", length=80, required=True, unique=True, id_lookup=True),
        _text("LastName", 80, required=True),
        _text("FirstName", 40),
        _read_only(_text("Name", 121)),
        _typed("Email", "email", length=128, required=True, id_lookup=True),
        _text("Title", 80),
        _text("Department", 80),
        _text("EmployeeNumber", 20),
        _typed("Phone", "phone"),
        _typed("MobilePhone", "phone"),
        _typed("Fax", "phone"),
        _flag("IsActive", default=True),
        _reference("ManagerId", "User"),
        _pick("UserType", "Standard", "PowerPartner", "Guest", default="Standard", restricted=True),
        *_AUDIT,
    ),
    # people are added and disabled by an administrator; our profile may read them
    createable=False,
    updateable=False,
    deletable=False,
)

_OPPORTUNITY = SObject(
    "Opportunity",
    "006",
    (
        _ID,
        _reference("AccountId", "Account"),
        _text("Name", 120, required=True, id_lookup=True),
        _typed("Description", "textarea", length=32_000),
        _pick("StageName", *OPPORTUNITY_STAGES, required=True),
        _number("Amount", "currency", 18, 2),
        _number("Probability", "percent", 3, 0),
        _read_only(_number("ExpectedRevenue", "currency", 18, 2)),
        _typed("CloseDate", "date", required=True),
        _pick("Type", "Existing Business", "New Business"),
        _text("NextStep", 255),
        _pick("LeadSource", *_SOURCES),
        _read_only(_flag("IsClosed")),
        _read_only(_flag("IsWon")),
        _read_only(_typed("LastStageChangeDate", "datetime")),
        _read_only(_pick("ForecastCategory", "Pipeline", "Best Case", "Commit", "Closed", "Omitted")),
        _pick("ForecastCategoryName", "Pipeline", "Best Case", "Commit", "Closed", "Omitted"),
        _reference("CampaignId", "Campaign"),
        _create_only(_reference("ContactId", "Contact")),
        _read_only(_flag("HasOpportunityLineItem")),
        _reference("OwnerId", "User"),
        _text("External_Key__c", 80, external_id=True, unique=True),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _reference("RecordTypeId", "RecordType"),
        *_AUDIT,
    ),
)

_OPPORTUNITY_CONTACT_ROLE = SObject(
    "OpportunityContactRole",
    "00K",
    (
        _ID,
        _create_only(_reference("OpportunityId", "Opportunity", required=True)),
        _reference("ContactId", "Contact", required=True),
        _pick("Role", "Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Influencer", "Other"),
        _flag("IsPrimary"),
        *_AUDIT,
    ),
    undeletable=False,
)

_CAMPAIGN_MEMBER_STATUS = SObject(
    "CampaignMemberStatus",
    "01Y",
    (
        _ID,
        _create_only(_reference("CampaignId", "Campaign", required=True)),
        _text("Label", 765, required=True),
        _number("SortOrder", "int", 9, 0),
        _flag("IsDefault"),
        _flag("HasResponded"),
        *_AUDIT,
    ),
    undeletable=False,
)

# a custom object: its type's key prefix begins with a lower-case a, its name may be given or not
_COURSE = SObject(
    "Course__c",
    "a01",
    (
        _ID,
        _text("Name", 80),
        _text("Course_Key__c", 80, external_id=True, unique=True),
        _typed("Starts_On__c", "date"),
        _reference("OwnerId", "User", "Group"),
        *_AUDIT,
    ),
)
_EVENT_REGISTRATION = SObject(
    "Event_Registration__c",
    "a00",
    (
        _ID,
        _text("Name", 80),
        _text("Registration_Key__c", 80, external_id=True, unique=True),
        _typed("Email__c", "email"),
        _reference("Lead__c", "Lead"),
        _reference("Contact__c", "Contact"),
        _reference("Course__c", "Course__c"),
        _pick("Status__c", "Registered", "Attended", "No Show", default="Registered", restricted=True),
        _number("Seats__c", "double", 4, 0),
        _typed("Registered_On__c", "date"),
        _text("Leadbridge_Execution__c", 64, external_id=True, unique=True),
        _reference("OwnerId", "User", "Group"),
        *_AUDIT,
    ),
)


def _set_up(name: str, key_prefix: str, *fields: Field, replicateable: bool = False) -> SObject:
    """Return an object of the org's set-up: an administrator writes it, our profile reads it."""
    return SObject(
        name,
        key_prefix,
        (_ID, *fields, *_AUDIT),
        createable=False,
        updateable=False,
        deletable=False,
        replicateable=replicateable,
    )


_SET_UP_OBJECTS = (
    _set_up(
        "Group",
        "00G",
        _text("Name", 40, required=True),
        _text("DeveloperName", 80),
        _pick("Type", "Regular", "Queue", "Organization", default="Regular", restricted=True),
        _typed("Email", "email"),
        replicateable=True,
    ),
    _set_up(
        "QueueSobject",
        "03g",
        _reference("QueueId", "Group", required=True),
        _pick("SobjectType", "Lead", "Task", "Case", required=True),
    ),
    _set_up(
        "Organization",
        ORGANIZATION_PREFIX,
        _text("Name", 80, required=True),
        _pick("OrganizationType", "Developer Edition", "Enterprise Edition", default="Developer Edition"),
        _text("InstanceName", 5),
        _flag("IsSandbox"),
        _pick("TimeZoneSidKey", "GMT", "America/Los_Angeles", default="GMT"),
        _text("NamespacePrefix", 15),
    ),
    _set_up(
        "RecordType",
        "012",
        _text("Name", 80, required=True),
        _text("DeveloperName", 80, required=True),
        _pick("SobjectType", "Lead", "Contact", "Account", "Campaign", "Task", "Opportunity", required=True),
        _flag("IsActive", default=True),
        _text("Description", 255),
        replicateable=True,
    ),
    _set_up(
        "LeadStatus",
        "01J",
        _text("MasterLabel", 765, required=True),
        _text("ApiName", 765, required=True),
        _number("SortOrder", "int", 9, 0),
        _flag("IsDefault"),
        _flag("IsConverted"),
    ),
    _set_up(
        "OpportunityStage",
        "01J",
        _text("MasterLabel", 765, required=True),
        _text("ApiName", 765, required=True),
        _number("SortOrder", "int", 9, 0),
        _flag("IsActive", default=True),
        _flag("IsClosed"),
        _flag("IsWon"),
        _number("DefaultProbability", "percent", 3, 0),
        _text("ForecastCategoryName", 255),
    ),
    _set_up(
        "TaskStatus",
        "01J",
        _text("MasterLabel", 765, required=True),
        _text("ApiName", 765, required=True),
        _number("SortOrder", "int", 9, 0),
        _flag("IsDefault"),
        _flag("IsClosed"),
    ),
)

# what a query sees of a parent that may be of several types
NAME_ENTITY = SObject(
    "Name",
    "",
    (
        _ID,
        _text("Name", 255),
        _text("FirstName", 40),
        _text("LastName", 80),
        _typed("Email", "email"),
        _typed("Phone", "phone"),
        _text("Title", 128),
        _text("Username", 80),
        _text("Type", 40),
        _flag("IsActive"),
    ),
)

CONVERTED_LEAD_STATUS = "Closed - Converted"

SOBJECTS: dict[str, SObject] = {
    each.name: each
    for each in (
        _LEAD,
        _CONTACT,
        _ACCOUNT,
        _CAMPAIGN,
        _CAMPAIGN_MEMBER,
        _TASK,
        _USER,
        _OPPORTUNITY,
        _OPPORTUNITY_CONTACT_ROLE,
        _CAMPAIGN_MEMBER_STATUS,
        _COURSE,
        _EVENT_REGISTRATION,
        *_SET_UP_OBJECTS,
    )
}
SOBJECTS_BY_LOWER_NAME: dict[str, SObject] = {name.lower(): each for name, each in SOBJECTS.items()}
