"""Persons of an Action become members of its Marketo program: the product's clients against both twins."""

from functools import partial
from typing import Any

import pytest

from leadbridge.domain.findings import Finding
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from tests.builders.actions import an_action, an_action_document
from tests.builders.members import a_member
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import ACTIVITY, CREATE, UPSERT, Build, WiredWorld

DESCRIBE = "GET /rest/v1/leads/describe2.json"
FAIR = "Fair, spring"
STATUSES = [
    {"name": name, "step": 10 * place, "success": name == "Attended"}
    for place, name in enumerate(("Invited", "Registered", "Attended"), start=1)
]


@pytest.fixture
def program(marketo: Twin) -> int:
    """Two programs of one channel; gives the id of the first, whose name is Fair."""
    entry = {"type": "Event", "channel": "Tradeshow", "progressionStatuses": STATUSES}
    programs = [entry | {"name": "Fair"}, entry | {"name": FAIR}]
    found: list[int] = marketo.post("load", {"programs": programs})["programs"]
    return found[0]


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def members(world: WiredWorld) -> dict[int, dict[str, Any]]:
    """The instance's memberships by lead; there is one program that has any."""
    found = world.marketo_twin.get("records/programMembers")
    assert len({each["programId"] for each in found}) <= 1
    return {each["leadId"]: each for each in found}


def status(program: int) -> str:
    """The call that makes members."""
    return f"POST /rest/v1/programs/{program}/members/status.json"


def fields(program: int) -> str:
    """The call that writes their fields."""
    return f"POST /rest/v1/programs/{program}/members.json"


def order(world: WiredWorld, *endpoints: str) -> list[str]:
    """These writes in the order in which they reached the wire."""
    return [endpoint for endpoint, _ in world.bodies if endpoint in endpoints]


@pytest.mark.cap("A35")
def test_executing_the_action_makes_the_person_a_member_or_moves_the_membership(build: Build, program: int) -> None:
    """The program is named by its name: a newcomer becomes a member, an invited person moves on, who has attended
    stays as is; each execution says what became of it, and the calls go after Salesforce's and before the activity."""
    world = build(an_action(program_member={"program": "Fair", "status": "Registered"}))
    for lead_id in (2, 3):
        world.marketo_twin.post("load", {"leads": [{"id": lead_id, "email": f"person{lead_id}@example.com"}]})
        world.marketo.load(lead_id)
    former = [{"programId": program, "leadId": 2, "statusName": "Invited"}]
    former += [{"programId": program, "leadId": 3, "statusName": "Attended"}]
    world.marketo_twin.post("load", {"programMembers": former})

    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]
    world.run_out()

    assert {lead_id: each["statusName"] for lead_id, each in members(world).items()} == {
        1: "Registered",
        2: "Registered",
        3: "Attended",
    }
    assert {each["programId"] for each in members(world).values()} == {program}
    said = [world.execution(each)["member"] for each in executions]
    assert [each["status"] for each in said] == ["written", "written", "skipped"]
    assert said[2]["reason"] == "marketo_1037"
    assert (world.calls(status(program)), world.calls(fields(program))) == (1, 0)
    assert order(world, CREATE, UPSERT, status(program), ACTIVITY) == [CREATE, status(program), ACTIVITY]
    world.everybody_once(1, 2, 3)


@pytest.mark.cap("A36")
def test_mapped_fields_of_the_membership_carry_the_values(build: Build, program: int) -> None:
    """Fields of the instance's own and Marketo's take a column as a number, a template, and what only the execution
    tells: the record's id and the outcome. A text that is too long is cut where a word ends."""
    long = "Analytical " * 40
    mappings = [
        {"execution": "salesforce_id", "to": "registrationCode"},
        {"column": "score", "to": "seats"},
        {"template": "{{firstName}}: {{title}}", "to": "statusReason"},
        {"static": True, "to": "acquiredBy"},
    ]
    world = build(an_action(program_member=a_member(program=program, mappings=mappings)))

    execution = world.receive(1, score="12", firstName="Ada", title=long)
    world.run_out()

    (lead,) = world.leads()
    member = members(world)[1]
    assert (member["registrationCode"], member["seats"], member["acquiredBy"]) == (lead["Id"], 12, True)
    assert member["statusReason"].startswith("Ada: Analytical")
    assert member["statusReason"].endswith("Analytical")
    assert len(member["statusReason"]) <= 255
    assert world.execution(execution)["member"] == {"status": "written"}


def test_three_hundred_persons_are_one_call_for_the_status_and_one_for_the_fields(build: Build, program: int) -> None:
    """301 persons of one batch: two calls each, none with more than 300 persons, and every person is a member."""
    mappings = [{"execution": "outcome", "to": "registrationCode"}]
    world = build(an_action(program_member=a_member(program=program, mappings=mappings), writeback=None))
    people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 302)]
    world.marketo_twin.post("load", {"leads": people})
    world.marketo.load(*range(1, 302))

    for number in range(1, 302):
        world.receive(number)
    world.run_out(batch=301)

    assert {each["registrationCode"] for each in members(world).values()} == {"created"}
    assert len(members(world)) == 301
    assert sorted(len(rows) for rows in world.sent(status(program))) == [1, 300]
    assert sorted(len(rows) for rows in world.sent(fields(program))) == [1, 300]


@pytest.mark.parametrize("which", ["status", "fields"])
@pytest.mark.parametrize("kind", ["drop_answer", "close"])
def test_a_lost_answer_ends_in_one_membership(build: Build, program: int, which: str, kind: str) -> None:
    """The answer of a call is lost after its commit, or before it: the call goes again, and the person has the one
    membership with its values, one record and one activity."""
    world = build(an_action(program_member=a_member(program=program)))
    world.fault(f"POST /rest/v1/programs/{program}/members{'/status' * (which == 'status')}.json", kind, times=1)

    execution = world.receive(1, score="3")
    world.run_out()

    assert (members(world)[1]["statusName"], members(world)[1]["seats"]) == ("Registered", 3)
    assert world.execution(execution)["member"]["status"] in {"written", "skipped"}
    world.everybody_once(1)


def test_a_refused_membership_fails_alone(build: Build, program: int) -> None:
    """A status that the channel lost meanwhile is told with Marketo's code; record, write-back and activity stand."""
    world = build(an_action(program_member={"program": program, "status": "On waiting list"}))

    execution = world.receive(1)
    world.run_out()

    assert members(world) == {}
    assert (world.execution(execution)["member"]["status"], world.execution(execution)["member"]["reason"]) == (
        "failed",
        "marketo_1025",
    )
    assert world.ended(execution) == ("created", "")
    world.everybody_once(1)


def findings(world: WiredWorld, **changes: Any) -> list[Finding]:
    """What is found when the Action is saved."""
    apply = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)
    return list(apply.plan([Given(raw=an_action_document(**changes))]).findings)


def test_program_status_and_fields_are_checked_when_the_action_is_saved(build: Build, program: int) -> None:
    """Nothing is found of what is right; else the member is named, with what may stand there."""
    world = build()
    wrong = [{"static": "x", "to": "registrationCod"}, {"static": "x", "to": "membershipDate"}]
    wrong += [{"static": "many", "to": "seats"}, {"field": "Nowhere__c", "to": "registrationCode"}]

    def said(**member: Any) -> list[tuple[str, str]]:
        return [
            (each.pointer, each.line())
            for each in findings(world, program_member=a_member(**{"mappings": []} | member))
        ]

    assert said(program=program) == said(program="Fair") == []
    (unknown,) = said(program=program, status="Registred")
    assert unknown[0] == "/program_member/status"
    assert "Invited, Registered, Attended" in unknown[1]
    (missing,) = said(program="Faire")
    assert missing[0] == "/program_member/program"
    (comma,) = said(program=FAIR)
    assert "give the program's id" in comma[1]
    assert [pointer for pointer, _ in said(program=program, mappings=wrong)] == [
        "/program_member/mappings/0/to",
        "/program_member/mappings/1/to",
        "/program_member/mappings/2/static",
        "/program_member/mappings/3/field",
    ]


def test_a_text_for_marketo_is_cut_to_its_field_where_a_word_ends(build: Build) -> None:
    """A write-back of 400 characters is 255 at most on the person, the attribute of the result activity, too; the
    fields are described once, and not at all where every text is short."""
    long = "Analytical Engines " * 20
    backs = [{"template": "{{title}}", "to": "leadStatus"}, {"field": "Id", "to": "salesforceId"}]
    results = an_action_document()["results"]
    results = results | {"mappings": [{"template": "{{title}}", "to": "message"}]}
    world = build(an_action(writeback=backs, results=results))

    world.receive(1, title="short")
    world.run_out()
    asked = world.calls(DESCRIBE)
    world.receive(2, title=long)
    world.receive(3, title=long)
    world.run_out()

    persons = world.persons()
    assert (asked, persons[1]["leadStatus"]) == (0, "short")
    assert world.calls(DESCRIBE) == 1
    assert persons[2]["leadStatus"] == persons[3]["leadStatus"] == long[:255].rpartition(" ")[0]
    attributes = [each["attributes"] for each in world.marketo_twin.get("records/activities") if each["leadId"] == 2]
    texts = [each["value"] for each in attributes[-1] if each.get("apiName") == "message"]
    assert texts == [long[:254].rpartition(" ")[0] + "…"]
