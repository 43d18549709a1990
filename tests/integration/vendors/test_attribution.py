"""Attribution of the opportunities of a whole cycle, between both vendor twins: what people are told, and its calls."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.usecases.lint_attribution import LintAttribution
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle
from tests.integration.vendors.test_opportunity_cycles import DEAL, FIELDS, PERSONS, edit, load

type Build = Callable[..., WiredCycle]
DAY = 86_400


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of people, opportunities and roles."""

    def made(**members: Any) -> WiredCycle:
        kept = {"persons": PERSONS, "opportunities": {"fields": FIELDS}, "opportunity_roles": {}, **members}
        head = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        document = {**head, "mode": "replace_native", "low_watermark": "2026-03-01T00:00", **kept}
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


@dataclass(frozen=True, kw_only=True)
class Desk(Target):
    """A deployment in this process."""

    world: WiredCycle

    def attribution(self) -> LintAttribution:
        """On the world's ports."""
        world = self.world
        rows = CycleRows(
            documents=world.documents,
            runs=world.cycles,
            syncs=world.syncs,
            objects=world.objects,
            links=lambda _: world.links,
            due=lambda _: world.due,
        )
        return LintAttribution(
            documents=world.documents, connections=world.connections, rows=rows, links=lambda _: world.links
        )

    def told(self, *arguments: str) -> str:
        """What the command says."""
        result = CliRunner().invoke(main, ["attribution", CYCLE, *arguments], obj=self, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output


def a_contact(world: WiredCycle, name: str) -> str:
    """A Contact who is a person already; its id."""
    return load(world, "Contact", LastName=name, Email=f"{name}@example.com")


def a_deal(world: WiredCycle, contact: str, **fields: Any) -> str:
    """An Opportunity in which a Contact has a role, made now."""
    deal = load(world, "Opportunity", **{**DEAL, **fields})
    load(world, "OpportunityContactRole", OpportunityId=deal, ContactId=contact, Role="User", IsPrimary=True)
    return deal


def join(world: WiredCycle, person: int, program: int, *, acquired: bool, success: bool) -> None:
    """A person joins a program now, and succeeds or not."""
    status = {"programId": program, "leadId": person, "statusName": "Attended" if success else "Invited"}
    world.marketo.post("load", {"programMembers": [{**status, "acquiredBy": acquired}]})


def person_of(world: WiredCycle, contact: str) -> int:
    """Marketo's person of a Contact."""
    return int(world.of(world.marketo, "leads", "salesforceId")[contact]["id"])


@pytest.mark.cap("M149", "M150", "M152")
def test_opportunities_of_a_cycle_are_told_with_the_programs_that_lose_credit(build: Build) -> None:
    """Nobody acquired, acquired too late, no amount; one of which all is there; one that Marketo's date belies."""
    world = build()
    webinar, fair = world.marketo.post("load", {"programs": [{"name": "Webinar"}, {"name": "Fair"}]})["programs"]
    whole, late, nobody = (a_contact(world, name) for name in ("whole", "late", "nobody"))
    world.ran()
    join(world, person_of(world, whole), webinar, acquired=True, success=True)
    world.clock.advance(DAY)
    good, behind = a_deal(world, whole), a_deal(world, late)
    poor, wrong = a_deal(world, nobody, Amount=None), a_deal(world, whole)
    world.clock.advance(DAY)
    join(world, person_of(world, late), fair, acquired=True, success=False)
    run = world.ran()
    assert {each["outcome"] for each in world.outcomes(run, "opportunities")} == {"created"}
    early = {"externalOpportunityId": wrong, "externalCreatedDate": "2020-01-01T00:00:00Z"}
    world.connections.marketo("marketing").opportunities.sync([early])

    told = {
        each["opportunity"]: each
        for each in json.loads(Desk(outputs={}, session=None, world=world).told("--json"))["opportunities"]
    }

    assert told[good]["findings"] == []
    credit = [{"id": webinar, "name": "Webinar"}]
    assert told[good]["credited"] == {"first_touch": credit, "pipeline": credit, "revenue": []}
    assert codes(told[behind]) == ["acquired_late", "acquired_without_success", "no_pipeline"]
    assert told[behind]["lost"]["first_touch"] == [{"id": fair, "name": "Fair"}]
    assert codes(told[poor]) == ["no_acquisition", "no_amount", "no_pipeline"]
    assert codes(told[wrong]) == ["created_differs", "no_pipeline"]
    assert told[wrong]["lost"] == {"first_touch": credit, "pipeline": credit, "revenue": []}
    said = Desk(outputs={}, session=None, world=world).told("--missing")
    assert good not in said
    late_one = f"Person {person_of(world, late)} was acquired by Fair ({fair}) when the opportunity was there already."
    assert f"  loses first touch: Fair ({fair})" in said
    assert late_one in said
    assert "@" not in said
    assert said.endswith("4 opportunities, of 3 something is missing.\n")


def codes(told: dict[str, Any]) -> list[str]:
    """What is missing."""
    return sorted(each["code"] for each in told["findings"])


def test_a_won_deal_has_its_revenue_and_one_that_marketo_holds_for_open_does_not(build: Build) -> None:
    """Success between both dates; then Marketo's flags are taken back by hand, and the program loses it."""
    world = build()
    [program] = world.marketo.post("load", {"programs": [{"name": "Webinar"}]})["programs"]
    contact = a_contact(world, "king")
    world.ran()
    deal = a_deal(world, contact)
    world.clock.advance(DAY)
    join(world, person_of(world, contact), program, acquired=False, success=True)
    edit(world, "Opportunity", deal, StageName="Closed Won")
    world.ran()
    desk = Desk(outputs={}, session=None, world=world)
    assert f"  multi-touch revenue: Webinar ({program})" in desk.told()

    open_again = {"externalOpportunityId": deal, "isClosed": False, "isWon": False}
    world.connections.marketo("marketing").opportunities.sync([open_again])

    [told] = json.loads(desk.told("--json"))["opportunities"]
    assert codes(told) == ["no_acquisition", "no_pipeline", "no_revenue", "not_won"]
    assert told["lost"]["revenue"] == [{"id": program, "name": "Webinar"}]


def test_a_cycle_asks_nothing_for_attribution_and_the_command_a_known_number_of_calls(build: Build) -> None:
    """The calls of a cycle with people in programs are those of one without; twelve opportunities are two pages."""
    world = build()
    [program] = world.marketo.post("load", {"programs": [{"name": "Webinar"}]})["programs"]
    contact = a_contact(world, "king")
    world.ran()
    a_deal(world, contact)
    # what is described once a process is described now
    world.ran()
    for _ in range(5):
        a_deal(world, contact)
    without = spent(world, world.ran)
    join(world, person_of(world, contact), program, acquired=True, success=True)
    for _ in range(6):
        a_deal(world, contact)
    assert spent(world, world.ran) == without
    desk = Desk(outputs={}, session=None, world=world)

    asked = spent(world, lambda: desk.told("--json"))

    # two pages: Describe, Opportunities, roles; opportunities, roles, memberships, dates of success, the program's name
    assert asked == (2 * 3, 2 * 5)
    assert len(json.loads(desk.told("--json"))["opportunities"]) == 12


def spent(world: WiredCycle, what: Callable[[], object]) -> tuple[int, int]:
    """The calls to Salesforce and Marketo."""
    before = len(world.calls(world.salesforce, "/services/data")), len(world.calls(world.marketo, "/rest/"))
    what()
    after = len(world.calls(world.salesforce, "/services/data")), len(world.calls(world.marketo, "/rest/"))
    return after[0] - before[0], after[1] - before[1]


def test_a_cycle_without_opportunities_has_nothing_to_tell(build: Build) -> None:
    """It is said, as is that there is no such cycle; before the first run there are no opportunities."""
    lint = Desk(outputs={}, session=None, world=build()).attribution()
    assert list(lint(CYCLE).verdicts) == []
    with pytest.raises(ConfigurationError, match="no cycle other"):
        lint("other")
    world = build(opportunities=None, opportunity_roles=None)
    with pytest.raises(ConfigurationError, match="keeps no opportunities"):
        Desk(outputs={}, session=None, world=world).attribution()(CYCLE)
