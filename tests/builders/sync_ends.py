"""Both ends of a Sync as their vendors describe them: an org's Contact, an instance's leads."""

from dataclasses import replace

from leadbridge.domain.records import FieldDescription, ObjectDescription

_STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
_CONTACT = {
    "Email": "email",
    "FirstName": "string",
    "LastName": "string",
    "Title": "string",
    "AnnualRevenue__c": "double",
    "Birthdate": "date",
    "OptOut__c": "boolean",
    "Deleted__c": "boolean",
    "MailingAddress": "address",
}
_LEADS = {
    "email": "email",
    "firstName": "string",
    "lastName": "string",
    "title": "string",
    "revenue": "currency",
    "birthday": "date",
    "unsubscribed": "boolean",
    "salesforceId": "string",
}
_SEARCHABLE = frozenset({"email", "salesforceId"})


def a_contact(**extra: FieldDescription) -> ObjectDescription:
    """The org's Contact, whose last name is required; `extra` adds or replaces fields."""
    fields = {name: FieldDescription(name=name, type=kind) for name, kind in _CONTACT.items()}
    fields["LastName"] = replace(fields["LastName"], required_on_create=True, nillable=False)
    fields["Id"] = FieldDescription(name="Id", type="id", createable=False, updateable=False)
    fields |= {
        name: FieldDescription(name=name, type="datetime", createable=False, updateable=False) for name in _STAMPS
    }
    return ObjectDescription(name="Contact", fields=fields | extra, key_prefix="003", replicateable=True)


def leads(**extra: FieldDescription) -> ObjectDescription:
    """The instance's leads, found by e-mail and by the Salesforce id; `extra` adds or replaces fields."""
    fields = {
        name: FieldDescription(name=name, type=kind, id_lookup=name in _SEARCHABLE) for name, kind in _LEADS.items()
    }
    fields["id"] = FieldDescription(name="id", type="integer", createable=False, updateable=False, id_lookup=True)
    fields |= {
        name: FieldDescription(name=name, type="datetime", createable=False, updateable=False)
        for name in ("createdAt", "updatedAt")
    }
    return ObjectDescription(name="leads", fields=fields | extra)
