"""What the vendors describe: an org's Lead, an instance's lead fields, the result activity."""

from functools import cache
from typing import Any

from leadbridge.domain.records import CustomActivityType, FieldDescription, ObjectDescription

TEXTS = {
    "FirstName": 40,
    "LastName": 80,
    "Company": 255,
    "Phone": 40,
    "Title": 128,
    "LeadSource": 255,
    "External__c": 50,
    "Leadbridge__c": 50,
}
REQUIRED = frozenset({"LastName", "Company"})
UNIQUE = frozenset({"External__c", "Number__c", "Leadbridge__c"})
TYPES = {
    "Email": "email",
    "Status": "picklist",
    "AnnualRevenue": "currency",
    "NumberOfEmployees": "int",
    "Number__c": "double",
    "HasOptedOutOfEmail": "boolean",
    "Birthday__c": "date",
    "LastSeen__c": "datetime",
}
READ_ONLY = {"Id": "id", "CreatedDate": "datetime", "LastModifiedDate": "datetime"}
MARKETO_FIELDS = (
    "email",
    "firstName",
    "lastName",
    "company",
    "phone",
    "title",
    "leadStatus",
    "score",
    "birthday",
    "salesforceId",
    "leadbridgeStatus",
    "externalId",
)


def a_field(name: str, kind: str = "string", **members: Any) -> FieldDescription:
    """A field as Describe reports it."""
    return FieldDescription(name=name, type=kind, **members)


def a_salesforce_lead(**extra: FieldDescription) -> ObjectDescription:
    """The org's Lead object; `extra` adds or replaces fields."""
    fields = {name: _salesforce_field(name) for name in (*TEXTS, *TYPES)}
    fields |= {name: a_field(name, kind, createable=False, updateable=False) for name, kind in READ_ONLY.items()}
    return ObjectDescription(name="Lead", fields=fields | extra, key_prefix="00Q")


def a_salesforce_contact(**extra: FieldDescription) -> ObjectDescription:
    """The org's Contact object: it has no company, no status and no key of ours."""
    lacking = {"Company", "Status", "LeadSource", "External__c", "Number__c", "Leadbridge__c"}
    fields = {name: field for name, field in a_salesforce_lead().fields.items() if name not in lacking}
    return ObjectDescription(name="Contact", fields=fields | extra, key_prefix="003")


def marketo_leads() -> ObjectDescription:
    """The instance's lead fields; `id` cannot be written."""
    fields = {name: a_field(name, id_lookup=name == "email") for name in MARKETO_FIELDS}
    fields["id"] = a_field("id", "integer", createable=False, updateable=False)
    return ObjectDescription(name="leads", fields=fields)


@cache
def member_fields() -> ObjectDescription:
    """The instance's fields of a program membership; the same for all, so nobody changes it."""
    kinds = {"registrationCode": "string", "seats": "integer", "statusReason": "string", "acquiredBy": "boolean"}
    fields = {name: a_field(name, kind) for name, kind in kinds.items()}
    read_only = {"leadId": "integer", "programId": "integer", "statusName": "string", "membershipDate": "datetime"}
    fields |= {name: a_field(name, kind, updateable=False) for name, kind in read_only.items()}
    return ObjectDescription(name="program member", fields=fields)


def a_result_activity(**changes: Any) -> CustomActivityType:
    """The approved custom activity type that takes results."""
    members: dict[str, Any] = {
        "id": 100_001,
        "api_name": "leadbridgeResult",
        "primary_attribute": "result",
        "attributes": dict.fromkeys(("executionId", "salesforceId", "message", "action", "outcome"), "string"),
    }
    return CustomActivityType(**members | changes)


def _salesforce_field(name: str) -> FieldDescription:
    return a_field(
        name,
        TYPES.get(name, "string"),
        length=80 if name == "Email" else TEXTS.get(name),
        required_on_create=name in REQUIRED,
        unique=name in UNIQUE,
        external_id=name in UNIQUE,
        id_lookup=name in UNIQUE or name == "Email",
    )
