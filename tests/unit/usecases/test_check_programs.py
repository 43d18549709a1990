"""What is told of programs before a cycle runs: what Marketo lacks, and fields that cannot be read or written."""

from dataclasses import replace
from typing import Any

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.records import FieldDescription
from leadbridge.usecases.check_programs import program_lines
from tests.builders.deal_cycles import FIELDS, DealWorld, with_deals
from tests.builders.program_cycles import LIST, ProgramWorld, with_programs
from tests.builders.whole_cycles import described
from tests.fakes.connections import FakeConnections
from tests.fakes.salesforce import FakeSalesforce


def lines(world: ProgramWorld, cycle: CrmCycle, *hidden: str) -> list[str]:
    """The findings, where Salesforce hides fields of Opportunities."""
    campaign = world.campaigns.described
    key = FieldDescription(name="Program__c", type="string", unique=True)
    fixed = FieldDescription(name="Fixed__c", type="string", createable=False, updateable=False)
    deal = DealWorld().opportunities.described
    deal = replace(deal, fields={name: each for name, each in deal.fields.items() if name not in hidden})
    fields = {**campaign.fields, "Program__c": key, "Fixed__c": fixed}
    org = FakeSalesforce(replace(campaign, fields=fields), world.members.described, deal)
    world.marketing.objects["program_members"] = described("program_members", {"leadId": "integer", "note": "string"})
    connections = FakeConnections(marketo={"marketing": world.marketing}, salesforce={"crm": org})
    return list(program_lines(cycle, connections))


def told(found: list[str]) -> dict[str, str]:
    """By the place what is said."""
    return {where: said for where, _, said in (line.partition(": ") for line in found)}


def test_programs_lists_statuses_and_fields_are_looked_for() -> None:
    """What is right is no finding; what is wrong is told where it stands, with what is near."""
    world = ProgramWorld()
    world.program(1, "Spring", "Invited", "Came")
    right: dict[str, Any] = {"program": 1, "statuses": {"Came": "Attended"}}
    named = {
        "fields": [{"to": "Description", "column": "tag.Region"}],
        "member_fields": [{"to": "Note__c", "column": "note"}],
    }
    assert lines(world, with_programs(a={**right, **named}, b={"static_list": "Mailed"})) == []

    fields = [{"to": "Descripton", "column": "name"}, {"to": "Fixed__c", "column": "nam"}]
    cycle = with_programs(
        a={"program": "Autumn"},
        b={"static_list": "Nobody"},
        c={"program": 1, "statuses": {"Cam": "Attended"}, "fields": fields},
    )
    cycle = cycle.model_copy(
        update={"programs": cycle.programs and cycle.programs.model_copy(update={"campaign_key": "Name"})}
    )
    found = told(lines(world, cycle))
    group = "programs.groups"
    assert found.keys() == {
        f"{group}.a.program",
        f"{group}.b.static_list",
        f"{group}.c.statuses.Cam",
        "programs.campaign_key",
        f"{group}.c.fields[0].to",
        f"{group}.c.fields[1].to",
        f"{group}.c.fields[1].column",
    }, found
    assert "did you mean Came?" in found[f"{group}.c.statuses.Cam"]
    assert "did you mean Description?" in found[f"{group}.c.fields[0].to"]


def test_a_list_has_fewer_columns_than_a_program() -> None:
    """A static list has neither a channel nor tags; what it has instead is told."""
    columns = ("name", "id", "channel", "tag.Region")
    fields = [{"to": "Description", "column": each} for each in columns]
    found = told(lines(ProgramWorld(), with_programs(a={"static_list": LIST, "fields": fields})))
    where = "programs.groups.a.fields"
    assert found == {
        f"{where}[{index}].column": f"there is no column {columns[index]}; "
        "a static list has id and name only; name one of them, or give a static value"
        for index in (2, 3)
    }


def test_tracks_need_their_programs_and_to_see_what_is_closed() -> None:
    """A status that the program's channel has not, a program that is gone, and a field that is hidden."""
    world = ProgramWorld()
    world.program(1, "Spring", "Invited", "Came")
    track = {"leave": ["Autumn"], "join": {"program": "Spring", "status": "Gone"}}
    cycle = with_deals(opportunities={"fields": FIELDS, "won": track, "lost": {"leave": [1]}})
    found = told(lines(world, cycle, "IsWon"))
    assert found.keys() == {"opportunities.won.leave[0]", "opportunities.won.join.status", "opportunities"}, found
    assert "it has Not in Program, Invited, Came" in found["opportunities.won.join.status"]
    assert "IsWon is hidden" in found["opportunities"]
