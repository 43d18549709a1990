"""What belongs to a person in whole cycles: each record finds its own person, whatever names it there."""

from collections.abc import Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

PROGRAM, CLICK = 1001, 11
FIELDS = [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
VISIT: Mapping[str, Any] = {
    "apiName": "visit_c",
    "displayName": "Visit",
    "fields": [
        {"name": "registration", "displayName": "Registration", "dataType": "string", "isDedupeField": True},
        {
            "name": "person",
            "displayName": "Person",
            "dataType": "link",
            "relatedTo": {"name": "lead", "field": "id"},
        },
    ],
}
DOCUMENT: Mapping[str, Any] = {
    "kind": "crm_cycle",
    "id": CYCLE,
    "name": "Main",
    "marketo": "marketing",
    "salesforce": "crm",
    "mode": "replace_native",
    "low_watermark": "2026-03-01T00:00",
    "persons": {
        "id_field": "salesforceId",
        "leads": {"fields": [*FIELDS, {"marketo": "company", "salesforce": "Company"}]},
        "contacts": {"fields": FIELDS},
    },
    "opportunities": {
        "fields": [
            {"marketo": "name", "salesforce": "Name"},
            {"marketo": "amount", "salesforce": "Amount"},
            {"marketo": "stage", "salesforce": "StageName"},
            {"marketo": "closeDate", "salesforce": "CloseDate"},
        ]
    },
    "opportunity_roles": {},
    "activities": {"groups": {"clicks": {"types": [CLICK], "key": "External_Key__c"}}},
    "programs": {"campaign_key": "External_Key__c", "groups": {"webinar": {"program": "Spring"}}},
    "custom_objects": {
        "objects": {
            "visits": {
                "marketo": "visit_c",
                "salesforce": "Event_Registration__c",
                "direction": "to_marketo",
                "fields": [{"marketo": "registration", "salesforce": "Registration_Key__c"}],
            }
        }
    },
}
DEAL: Mapping[str, Any] = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}


@pytest.mark.cap("M020")
def test_roles_objects_activities_and_members_are_their_own_persons(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """People meet in the run in which all but members arrives: roles and objects by the person's number in Marketo,
    Tasks and members of Campaigns by the record's id. Nobody has the same of each kind as somebody else."""
    marketo.post("load", {"customObjectTypes": [VISIT]})
    world = WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(DOCUMENT))
    program = {"id": PROGRAM, "name": "Spring", "type": "Event", "channel": "Webinar"}
    marketo.post("load", {"programs": [program]})
    mails = {name: f"{name}@example.com" for name in ("ada", "bea", "cleo")}
    # the numbers of one side are not in the order of the other
    numbers = dict(
        zip(
            reversed(mails),
            marketo.post("load", {"leads": [{"email": mails[each]} for each in reversed(mails)]})["leads"],
            strict=True,
        )
    )
    [ada] = salesforce.post("load", {"Lead": [{"LastName": "A", "Email": mails["ada"], "Company": "Acme"}]})["Lead"]
    contacts = [{"LastName": name.title(), "Email": mails[name]} for name in ("bea", "cleo")]
    records = {
        "ada": ada,
        **dict(zip(("bea", "cleo"), salesforce.post("load", {"Contact": contacts})["Contact"], strict=True)),
    }
    deals = salesforce.post("load", {"Opportunity": [{**DEAL, "Name": name} for name in ("First", "Second")]})
    first, second = deals["Opportunity"]
    roles = {("bea", "Decision Maker"): first, ("cleo", "Evaluator"): first, ("cleo", "Decision Maker"): second}
    held = [{"ContactId": records[who], "OpportunityId": deal, "Role": role} for (who, role), deal in roles.items()]
    visits = {"R-1": ("Lead__c", "ada"), "R-2": ("Contact__c", "cleo")}
    registered = [
        {"Name": key, "Registration_Key__c": key, field: records[who]} for key, (field, who) in visits.items()
    ]
    salesforce.post("load", {"OpportunityContactRole": held, "Event_Registration__c": registered})
    clicks = {"Spring": "ada", "Summer": "bea", "Autumn": "bea"}
    done = [
        {
            "leadId": int(numbers[who]),
            "activityTypeId": CLICK,
            "activityDate": world.clock.now().isoformat(),
            "primaryAttributeValue": link,
            "attributes": [],
        }
        for link, who in clicks.items()
    ]
    members = {"ada": "Registered", "cleo": "Attended"}
    joined = [
        {"programId": PROGRAM, "leadId": int(numbers[who]), "statusName": status} for who, status in members.items()
    ]
    marketo.post("load", {"activities": done, "programMembers": joined})

    world.ran()
    # who is in a program is asked before anybody is met, so a run later
    world.ran(demanded=["programs"])

    people = {each["email"]: (each["id"], each["salesforceId"]) for each in marketo.get("records/leads")}
    assert people == {mails[who]: (int(numbers[who]), records[who]) for who in mails}
    assert {
        (each["leadId"], each["role"], each["externalOpportunityId"])
        for each in marketo.get("records/opportunityRoles")
    } == {(int(numbers[who]), role, deal) for (who, role), deal in roles.items()}
    assert {each["registration"]: each["person"] for each in marketo.get("records/visit_c")} == {
        key: int(numbers[who]) for key, (_, who) in visits.items()
    }
    assert {each["Subject"].rpartition(" ")[2]: each["WhoId"] for each in salesforce.get("records/Task")} == {
        link: records[who] for link, who in clicks.items()
    }
    assert {
        each["ContactId"] or each["LeadId"]: each["Status"] for each in salesforce.get("records/CampaignMember")
    } == {records[who]: status for who, status in members.items()}
