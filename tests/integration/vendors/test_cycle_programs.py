"""Programs and static lists in whole cycles: who is in them is in their Campaigns, whenever that is asked for."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.usecases.check_cycle import described_lines
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
PROGRAM, LIST = 1001, 1002
FIELDS = [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
WEBINAR: Mapping[str, Any] = {
    "program": "Spring",
    "statuses": {"Registered": "Signed up"},
    "fields": [{"to": "Type", "column": "channel"}, {"to": "Description", "column": "description"}],
}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of persons, and of programs that have these groups."""

    def made(groups: Mapping[str, Any], *, key: str | None = "External_Key__c") -> WiredCycle:
        programs = {"groups": groups} | ({"campaign_key": key} if key else {})
        document = {
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
            "programs": programs,
        }
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def in_step(world: WiredCycle) -> dict[str, dict[str, Any]]:
    """A Lead and a Contact whose people are known, and a program; people by their addresses."""
    program = {"id": PROGRAM, "name": "Spring", "type": "Event", "channel": "Webinar", "description": "For all"}
    world.marketo.post("load", {"programs": [program]})
    world.salesforce.post("load", {"Lead": [{"LastName": "A", "Email": "a@example.com", "Company": "Acme"}]})
    world.salesforce.post("load", {"Contact": [{"LastName": "B", "Email": "b@example.com"}]})
    world.ran()
    world.marketo.post("load", {"leads": [{"email": "nobody@example.com"}]})
    return {str(each["email"]): each for each in world.marketo.get("records/leads")}


def joined(world: WiredCycle, people: Mapping[str, Mapping[str, Any]], **statuses: str) -> None:
    """People of a name come into the program with a status, or take it."""
    rows = [
        {"programId": PROGRAM, "leadId": int(people[f"{name}@example.com"]["id"]), "statusName": status}
        for name, status in statuses.items()
    ]
    world.marketo.post("load", {"programMembers": rows})


def members(world: WiredCycle) -> dict[tuple[str, str], str]:
    """Who is in which Campaign, with which status."""
    return {
        (str(each["CampaignId"]), str(each["ContactId"] or each["LeadId"])): str(each["Status"])
        for each in world.salesforce.get("records/CampaignMember")
    }


@pytest.mark.cap("M066", "M103")
def test_a_program_is_a_campaign_and_its_members_are_the_campaigns_when_somebody_asks(
    build: Build, salesforce: Twin
) -> None:
    """A run by itself reads nothing of it; one that is asked for makes the Campaign, the channel's statuses, and
    members in theirs; the next one changes who went on, and nothing else. A list's people go into one that is there."""
    mailed = salesforce.post("load", {"Campaign": [{"Name": "Mailed"}]})["Campaign"][0]
    listed = {"static_list": "Spring mailing", "campaign": mailed, "status": "Sent"}
    world = build({"webinar": WEBINAR, "mailed": listed})
    people = in_step(world)
    member = {"listId": LIST, "leadId": int(people["a@example.com"]["id"])}
    world.marketo.post("load", {"staticLists": [{"id": LIST, "name": "Spring mailing"}], "listMembers": [member]})
    assert list(described_lines(world.cycle, world.connections)) == []
    joined(world, people, a="Registered", b="Attended", nobody="Registered")
    world.ran()
    assert ([each["Id"] for each in world.salesforce.get("records/Campaign")], world.extracts) == ([mailed], [])

    run = world.ran(demanded=["programs"])

    [campaign] = [each for each in world.salesforce.get("records/Campaign") if each["Id"] != mailed]
    told = {name: campaign[name] for name in ("Name", "Type", "Description", "External_Key__c")}
    assert told == {"Name": "Spring", "Type": "Webinar", "Description": "For all", "External_Key__c": str(PROGRAM)}
    lead, contact = (people[f"{name}@example.com"]["salesforceId"] for name in "ab")
    assert members(world) == {
        (campaign["Id"], lead): "Signed up",
        (campaign["Id"], contact): "Attended",
        (mailed, lead): "Sent",
    }
    statuses = {each["Label"]: each["HasResponded"] for each in world.salesforce.get("records/CampaignMemberStatus")}
    assert statuses["Attended"] is True
    assert statuses["Signed up"] is False
    outcomes = [(each["object"], each["outcome"], each["reason"]) for each in world.outcomes(run, "programs")]
    assert outcomes.count(("CampaignMember", "created", "")) == 3
    assert outcomes.count(("CampaignMember", "skipped", "nobodys_record")) == 1

    joined(world, people, a="Attended")
    second = world.ran(demanded=["programs"])
    assert members(world)[campaign["Id"], lead] == "Attended"
    assert {name: count for name, count in second.writes.items() if "member" in name} == {"lead-members-webinar": 1}
    assert not any(world.ran(demanded=["programs"]).writes.values())
