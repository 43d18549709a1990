"""Programs and static lists in a cycle: what the document may say, what is written, and that all is there once."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.domain.crm_cycle import MemberGroup
from leadbridge.domain.cycling import CycleStep
from leadbridge.domain.marketo import Cost, Folder, Tag
from leadbridge.domain.sync import Guard
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.cycle_pieces import PieceFiles
from leadbridge.usecases.program_facts import Labelled, program_of
from tests.builders.program_cycles import LIST, ProgramWorld, with_programs

ASKED = ["programs"]
CAMPAIGN = "701000000000001"


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({}, "give `program` or `static_list`"),
        ({"program": 1, "static_list": 2}, "one of them"),
        ({"program": 1, "status": "Sent"}, "`status` is for a static list"),
        ({"static_list": 1, "statuses": {"a": "b"}}, "`statuses` are those of a program"),
        ({"program": 1, "campaign": "Webinar"}, "Webinar is no id of Salesforce"),
        ({"program": 1, "campaign": CAMPAIGN, "fields": [{"to": "Name", "column": "name"}]}, "that the cycle makes"),
        ({"program": 1, "member_fields": [{"to": "Status", "column": "statusName"}]}, "maps Status, which the cycle"),
        ({"program": 1, "fields": [{"to": "Program__c", "column": "id"}]}, "maps Program__c, which is the key"),
    ],
)
def test_a_group_that_cannot_work_is_told_what_to_change(group: dict[str, Any], said: str) -> None:
    """In words that a person can act on."""
    with pytest.raises(ValidationError, match=said):
        with_programs(group=group)


def in_step() -> ProgramWorld:
    """Two Contacts and a Lead whose people are in a list."""
    world = ProgramWorld()
    for name in ("c", "d"):
        world.contacts.make(Email=f"{name}@example.com", LastName=name)
    world.leads.make(Email="l@example.com", LastName="l", Company="Acme")
    world.done()
    world.done(minutes=30)
    return world


def held(world: ProgramWorld) -> list[tuple[str, str, str]]:
    """Who is in which Campaign, by its key, and with which status."""
    keys = {number: campaign["Program__c"] for number, campaign in world.campaigns.records.items()}
    return sorted(
        (str(each.get("ContactId") or each.get("LeadId")), keys[each["CampaignId"]], each["Status"])
        for each in world.members.records.values()
    )


def test_who_is_in_a_list_is_in_its_campaign_whatever_dies() -> None:
    """The Campaign is made by the same run, and everything once, at whatever I/O a process dies."""
    world = in_step()
    expected = sorted((each, f"list-{LIST}", "Mailed") for each in (*world.contacts.records, *world.leads.records))
    begin = world.copy()
    world.done(demanded=ASKED)
    assert held(world) == expected
    assert [each["Label"] for each in world.statuses.records.values()] == ["Mailed"]
    points = [at for begun, ended in world.own_steps for at in range(begun, ended)]
    for at in points[::29]:
        again = begin.copy()
        again.steps.arm(at - len(begin.steps.taken) + 1)
        again.done(demanded=ASKED)
        assert (again.deaths, held(again), len(again.statuses.records)) == (1, expected, 1), at
    # nothing is written that is so already, and nobody who is not asked reads anything
    written = world.written()
    world.done(minutes=30, demanded=ASKED)
    world.done(minutes=30)
    assert world.written() == written


def test_a_member_that_was_refused_is_tried_by_the_next_run_that_is_asked_for() -> None:
    """No run by itself comes for its sake; it is told why."""
    world = in_step()
    [contact, other] = world.contacts.records
    world.done(demanded=ASKED)
    [mine] = [key for key, each in world.members.records.items() if each.get("ContactId") == contact]
    world.members.edit(mine, Status="Sent")
    world.members.refused["Mailed"] = "INVALID_STATUS"
    run = world.done(minutes=30, demanded=ASKED)
    told = [line for piece in range(9) for line in PieceFiles(world.objects, run, "programs").outcomes(piece)]
    assert {line["salesforce_id"]: line["outcome"] for line in told if line["object"] == "CampaignMember"} == {
        contact: "failed",
        other: "unchanged",
        **dict.fromkeys(world.leads.records, "unchanged"),
    }
    assert world.due.records == {}
    world.members.refused.clear()
    world.done(minutes=30, demanded=ASKED)
    assert {status for *_, status in held(world)} == {"Mailed"}


@pytest.mark.parametrize(
    ("guard", "held_before", "told"),
    [
        ({"changed_percent": 0}, {"Status": "Sent"}, "change 1 records (the limit is 0 % of 3 records)"),
        ({"blanked_percent": 0}, {"Note__c": "Kept by hand"}, "empty 1 values (the limit is 0 % of 3 records)"),
    ],
)
def test_too_many_changed_members_are_asked_about(
    guard: dict[str, int], held_before: dict[str, str], told: str
) -> None:
    """What a Campaign's members hold is read, so it is known what is changed and emptied; new members are no damage."""
    note = {"to": "Note__c", "column": "firstName", "blank": "clear"}
    group = {"static_list": LIST, "status": "Mailed", "member_fields": [note]}
    world = in_step()
    document = with_programs(sent=group)
    world.documents.put(document.model_copy(update={"guard": Guard.model_validate(guard)}))
    world.done(demanded=ASKED)
    [mine, *_] = world.members.records
    world.members.edit(mine, **held_before)
    run = world.cycle(minutes=30, demanded=ASKED)
    assert (run.waiting, run.guarded) == (Waiting.GUARD, "programs changes")
    assert told in run.message
    assert {name: world.members.records[mine][name] for name in held_before} == held_before
    assert world.confirm(run.slot).step is CycleStep.DONE
    assert (world.members.records[mine]["Status"], world.members.records[mine].get("Note__c")) == ("Mailed", None)


def test_a_plan_lists_campaigns_and_members_and_writes_nothing() -> None:
    """What belongs to a Campaign that is still to be made is told without its values; once it is there, with them."""
    world = in_step()
    before = world.written()
    run = world.cycle(minutes=30, planning=True, demanded=ASKED)
    assert [(each.object, each.does, each.reason) for each in world.planned(run)] == [
        ("Campaign", "create", ""),
        ("CampaignMemberStatus", "nothing", "campaign_follows"),
        *[("CampaignMember", "nothing", "campaign_follows")] * 3,
    ]
    assert (world.written(), world.campaigns.records) == (before, {})
    world.done(demanded=ASKED)
    [mine, *_] = world.members.records
    world.members.edit(mine, Status="Sent")
    run = world.cycle(minutes=30, planning=True, demanded=ASKED)
    [change] = world.planned(run)
    assert (change.does, [(each.name, each.before, each.after) for each in change.fields]) == (
        "update",
        [("Status", "Sent", "Mailed")],
    )


def test_a_campaign_that_is_named_takes_the_members_and_is_not_changed() -> None:
    """One that Salesforce does not have parks the kind, with what to correct."""
    world = in_step()
    campaign = world.campaigns.make(Name="Theirs", Program__c="x")
    group = {"static_list": LIST, "status": "Mailed", "campaign": campaign}
    world.documents.put(with_programs(sent={**group, "member_fields": [{"to": "Note__c", "column": "lastName"}]}))
    world.done(demanded=ASKED)
    assert {key for _, key, _ in held(world)} == {"x"}
    assert {each["Note__c"] for each in world.members.records.values()} == {"c", "d", "l"}
    assert world.campaigns.records[campaign]["Name"] == "Theirs"
    world.documents.put(with_programs(sent={**group, "campaign": CAMPAIGN}))
    parked = world.cycle(minutes=30, demanded=ASKED).parked
    assert f"Salesforce has no Campaign {CAMPAIGN}" in parked["programs"]


def test_a_program_has_the_statuses_of_its_channel_and_columns_for_all_that_it_is() -> None:
    """Two statuses may be one in Salesforce, and a response if one of them is a success; nobody is `Not in Program`."""
    world = ProgramWorld()
    tags = (Tag(tag_type="Region", tag_value="EMEA"),)
    costs = tuple(Cost(start_date=date(2026, 3, number), cost=number) for number in (1, 2))
    folder = Folder(id=3, folder_name="Events")
    world.program(1001, "Spring", "Invited", "Came", "Spoke", tags=tags, costs=costs, folder=folder)
    group = MemberGroup(program="Spring", statuses={"Spoke": "came"})
    found = program_of(world.marketing, group)
    assert list(found.statuses) == [Labelled(label="Invited", success=False), Labelled(label="Came", success=True)]
    told = {name: found.columns[name] for name in ("id", "name", "channel", "folder", "cost", "tag.Region", "url")}
    assert told == {
        "id": "1001",
        "name": "Spring",
        "channel": "Spring",
        "folder": "Events",
        "cost": "3",
        "tag.Region": "EMEA",
        "url": "",
    }
    lists = [program_of(world.marketing, MemberGroup(static_list=each)).columns for each in (LIST, "Mailed")]
    assert lists == [{"id": f"list-{LIST}", "name": "Mailed"}] * 2
    missing_ones = {"program": "Autumn"}, {"static_list": "Nobody"}, {"static_list": LIST + 1}
    for missing in map(MemberGroup.model_validate, missing_ones):
        with pytest.raises(ConfigurationError, match="Marketo has no"):
            program_of(world.marketing, missing)
