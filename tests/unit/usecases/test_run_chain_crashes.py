"""A worker that dies at any step of a chain, of any port, loses no link and doubles none."""

from collections.abc import Callable

import pytest

from leadbridge.domain.records import Resolution
from tests.builders.chains import ChainWorld, a_chained_action, account, follow_up, membership
from tests.unit.usecases.deaths import die_at, die_at_every_step

#: more steps than any scenario below has; a run that has not ended by then is a fault of the test
MANY = 500


def two_persons() -> ChainWorld:
    """Two new people, each with a task and a membership."""
    world = ChainWorld()
    world.receive(1)
    world.receive(2)
    return world


def by_key() -> ChainWorld:
    """A known person whose task carries a key, and who is a member already."""
    world = ChainWorld(a_chained_action(follow_up(idempotency_field="External__c"), membership()))
    lead = world.salesforce.load("Lead", Email="person1@example.com")
    world.salesforce.load("CampaignMember", LeadId=lead, CampaignId="701000000000001AAA", Status="Sent")
    world.receive(1)
    return world


def one_person_twice() -> ChainWorld:
    """Two calls for one new person, in two waves."""
    world = ChainWorld()
    world.receive(1, firstName="Older")
    world.receive(1, firstName="Newer")
    return world


def a_company() -> ChainWorld:
    """Two persons of one new company, whose account both write."""
    world = ChainWorld(a_chained_action(account(), follow_up()))
    world.receive(1, company="Engines", firstName="Older")
    world.receive(2, company="Engines", firstName="Newer")
    return world


def a_locked_task() -> ChainWorld:
    """A task that must be sent again."""
    world = ChainWorld()
    world.salesforce.trouble.refuse_rows(
        "create", lambda row: "WhoId" in row, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY
    )
    world.receive(1)
    return world


def a_refused_task() -> ChainWorld:
    """A task that is refused for good, after which the membership is not made."""
    world = ChainWorld(a_chained_action(follow_up(on_failure="stop"), membership()))
    world.salesforce.trouble.refuse_rows("create", lambda row: "WhoId" in row, "INVALID", times=MANY)
    world.receive(1)
    return world


#: how the executions end, and how many records of each chained object there are
SCENARIOS: dict[str, tuple[Callable[[], ChainWorld], dict[str, int], dict[str, int]]] = {
    "two persons": (two_persons, {"created": 2}, {"Lead": 2, "Task": 2, "CampaignMember": 2}),
    "by key": (by_key, {"updated": 1}, {"Lead": 1, "Task": 1, "CampaignMember": 1}),
    "one person twice": (
        one_person_twice,
        {"created": 1, "updated": 1},
        {"Lead": 1, "Task": 2, "CampaignMember": 1},
    ),
    "a company": (a_company, {"created": 2}, {"Lead": 2, "Account": 1, "Task": 2}),
    "a locked task": (a_locked_task, {"created": 1}, {"Lead": 1, "Task": 1, "CampaignMember": 1}),
    "a refused task": (a_refused_task, {"created": 1}, {"Lead": 1, "Task": 0, "CampaignMember": 0}),
}


def as_if_nothing_had_been(world: ChainWorld, outcomes: dict[str, int], records: dict[str, int]) -> None:
    """Outcomes, records, references and activities are those of a run in which nobody died."""
    assert dict(world.outcomes()) == outcomes
    assert set(world.inbox.ends.values()) == {1}
    assert not world.inbox.waiting
    assert world.inbox.kept.keys() == {one for one in world.inbox.logged if world.ended(one)[1] == "chained_failed"}
    assert {name: len(world.salesforce.records(name)) for name in records} == records
    people = {lead["Id"] for lead in world.leads()}
    assert all(task["WhoId"] in people for task in world.salesforce.records("Task"))
    tasks = {task["Id"] for task in world.salesforce.records("Task")}
    assert all(member["Note__c"] in tasks for member in world.salesforce.records("CampaignMember"))
    for execution in world.inbox.logged:
        assert "outstanding" not in world.links(execution).values()
        assert not world.keys.held_by(execution)
    assert len(world.marketo.logged()) == sum(outcomes.values())
    last = [
        one.get("Status", one.get("Site"))
        for name in ("CampaignMember", "Account")
        for one in world.salesforce.records(name)
    ]
    assert "Older" not in last, "the newer event has the last word"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_step_of_a_chain_changes_nothing(name: str) -> None:
    """For every step at which a worker can die, its successors end every chain as if nobody had died."""
    build, outcomes, records = SCENARIOS[name]
    die_at_every_step(build, lambda world: as_if_nothing_had_been(world, outcomes, records), least=30, most=MANY)


@pytest.mark.parametrize("name", ["two persons", "by key", "a company"])
def test_two_deaths_in_a_chain_change_nothing(name: str) -> None:
    """Two workers that die one after the other, at any pair of steps of a grid, double nothing and lose nothing.

    What was in doubt when it was parked for its two deaths may end as uncertain: it is shown, and not repeated.
    """
    build, outcomes, records = SCENARIOS[name]
    crashes = 0
    for first in range(3, 100, 8):
        for second in range(5, 70, 9):
            world = build()
            crashes += die_at(world, (first, second))
            reasons = {item["reason"] for item in world.inbox.logged.values()}
            assert reasons <= {"", "chained_failed", "overtaken"}, reasons
            # who was parked in doubt updates the record that he had made
            ended = dict(world.outcomes())
            assert (sum(ended.values()), ended.keys() - {"created", "updated"}) == (sum(outcomes.values()), set())
            if "chained_failed" not in reasons:
                as_if_nothing_had_been(world, ended, records)
                continue
            states = [state for execution in world.inbox.logged for state in world.links(execution).values()]
            assert "outstanding" not in states
            told = [item["message"] for item in world.inbox.logged.values() if item["reason"] == "chained_failed"]
            assert all("several new records could be this one" in text for text in told), told
            assert {one: len(world.salesforce.records(one)) for one in records} == records
    assert crashes > 50
