"""Actions with chained objects, and the objects: a follow-up task, and a membership that is looked for."""

from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.records import FieldDescription, ObjectDescription
from tests.builders.actions import an_action
from tests.builders.descriptions import a_field
from tests.builders.world import World

type Members = dict[str, Any]

CAMPAIGN = "701000000000001AAA"


def a_reference(name: str, *objects: str, **members: Any) -> FieldDescription:
    """A field that holds the id of a record of one of the objects."""
    return a_field(name, "reference", length=18, reference_to=objects, **members)


def a_task(**extra: FieldDescription) -> ObjectDescription:
    """The org's tasks; `External__c` can take a key."""
    fields = {
        "Id": a_field("Id", "id", createable=False, updateable=False),
        "WhoId": a_reference("WhoId", "Contact", "Lead"),
        "Subject": a_field("Subject", length=255, required_on_create=True),
        "Description": a_field("Description", "textarea", length=32_000, filterable=False),
        "External__c": a_field("External__c", length=80, unique=True, external_id=True),
    }
    return ObjectDescription(name="Task", fields=fields | extra, key_prefix="00T")


def a_membership(**extra: FieldDescription) -> ObjectDescription:
    """The org's campaign members; whom they are about cannot be changed."""
    fields = {
        "Id": a_field("Id", "id", createable=False, updateable=False),
        "LeadId": a_reference("LeadId", "Lead", updateable=False),
        "ContactId": a_reference("ContactId", "Contact", updateable=False),
        "CampaignId": a_reference("CampaignId", "Campaign", updateable=False, required_on_create=True),
        "Status": a_field("Status", "picklist", length=40),
        "Note__c": a_field("Note__c", length=255),
    }
    return ObjectDescription(name="CampaignMember", fields=fields | extra, key_prefix="00v")


def an_account(**extra: FieldDescription) -> ObjectDescription:
    """The org's accounts, which several persons have in common."""
    fields = {
        "Id": a_field("Id", "id", createable=False, updateable=False),
        "Name": a_field("Name", length=255, required_on_create=True),
        "Site": a_field("Site", length=80),
    }
    return ObjectDescription(name="Account", fields=fields | extra, key_prefix="001")


def follow_up(**changes: Any) -> Members:
    """A task about the person."""
    document: Members = {
        "name": "follow_up",
        "object": "Task",
        "type": "create",
        "mappings": [{"field": "Id", "to": "WhoId"}, {"column": "firstName", "to": "Subject"}],
    }
    return document | changes


def membership(**changes: Any) -> Members:
    """The person's membership in a campaign, with the id of the task in a note."""
    document: Members = {
        "name": "membership",
        "object": "CampaignMember",
        "type": "upsert",
        "match": [{"field": "Id", "to": "LeadId"}, {"static": CAMPAIGN, "to": "CampaignId"}],
        "mappings": [
            {"column": "firstName", "to": "Status"},
            {"field": "Id", "of": "follow_up", "to": "Note__c"},
        ],
    }
    return document | changes


def account(**changes: Any) -> Members:
    """The account of the person's company."""
    document: Members = {
        "name": "account",
        "object": "Account",
        "type": "upsert",
        "match": [{"column": "company", "to": "Name"}],
        "mappings": [{"column": "firstName", "to": "Site"}],
    }
    return document | changes


def a_chained_action(*links: Members, **changes: Any) -> Action:
    """An Action with these chained objects, by default a task and a membership."""
    return an_action(chained=list(links or (follow_up(), membership())), **changes)


class ChainWorld(World):
    """A world whose org has tasks, campaign members and accounts."""

    def __init__(self, *actions: Action, **members: Any) -> None:
        super().__init__(*(actions or (a_chained_action(),)), **members)
        for described in (a_task(), a_membership(), an_account()):
            self.salesforce.describe_as(described)

    def links(self, execution_id: str) -> dict[str, str]:
        """How each chained object of an execution stands, by name."""
        links = self.execution(execution_id)["decision"].get("chained", {}).get("links", [])
        return {link["name"]: link["state"] for link in links}

    def writes(self) -> list[str]:
        """The writes that the org was asked for, in order."""
        return [f"{what} {record[:3]}" for what, record, _ in self.salesforce.journal]
