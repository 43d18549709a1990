"""A worker that dies at any step, of any port, loses nothing and doubles nothing."""

from collections.abc import Callable

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import RateLimitedError
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.fakes.steps import Crash
from tests.unit.usecases.deaths import die_at, die_at_every_step

#: more steps than any scenario below has; a run that has not ended by then is a fault of the test
MANY = 400


def new_people() -> World:
    """Two new people."""
    world = World()
    world.receive(1)
    world.receive(2)
    return world


def known_people() -> World:
    """A known person and one whom the condition filters out."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = World(an_action(conditions={"match": "all", "clauses": [clause]}))
    world.salesforce.load("Lead", Email="person1@example.com")
    world.receive(1)
    world.receive(2, leadStatus="Disqualified")
    return world


def one_person_twice() -> World:
    """Two calls for one new person, in two waves."""
    world = World()
    world.receive(1, firstName="Older")
    world.receive(1, firstName="Newer")
    return world


def duplicates_and_failures() -> World:
    """An event that fails, and two with one event id."""
    world = World()
    world.receive(1, lastName=None)
    world.receive(2, event_id="order-1")
    world.receive(2, event_id="order-1")
    return world


def creates() -> World:
    """Two calls of an Action that creates, for one person."""
    world = World(an_action(type="create"))
    world.receive(1)
    world.receive(1)
    return world


def external_ids() -> World:
    """A new person by external id."""
    world = World(an_action(identifier={"column": "externalId", "field": "External__c"}))
    world.receive(1, externalId="X-1")
    return world


def a_locked_record_and_a_slow_vendor() -> World:
    """A person whose record is locked, and a write-back that is told to wait."""
    world = World()
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)
    world.marketo.trouble.fail("sync_leads", RateLimitedError("606", vendor="marketo", code="606"))
    world.receive(1)
    return world


def a_lost_answer() -> World:
    """A person whose create was committed, but not answered."""
    world = World()
    world.salesforce.trouble.lose_answer("create")
    world.receive(1)
    return world


SCENARIOS: dict[str, tuple[Callable[[], World], dict[str, int], int]] = {
    "new people": (new_people, {"created": 2}, 2),
    "known people": (known_people, {"updated": 1, "skipped": 1}, 1),
    "one person twice": (one_person_twice, {"created": 1, "updated": 1}, 1),
    "duplicates and failures": (duplicates_and_failures, {"failed": 1, "created": 1, "duplicate": 1}, 1),
    "creates": (creates, {"created": 2}, 2),
    "external ids": (external_ids, {"created": 1}, 1),
    "a locked record and a slow vendor": (a_locked_record_and_a_slow_vendor, {"created": 1}, 1),
    "a lost answer": (a_lost_answer, {"created": 1}, 1),
}


def as_if_nothing_had_been(world: World, outcomes: dict[str, int], records: int) -> None:
    """Outcomes, records and activities are those of a run in which nobody died."""
    assert dict(world.outcomes()) == outcomes
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.leads()) == records
    assert not world.inbox.waiting
    assert not world.inbox.kept
    told = [execution for execution, item in world.inbox.logged.items() if item["activity"]["status"] == "added"]
    assert sorted(str(one.attributes["executionId"]) for one in world.marketo.logged()) == sorted(told)
    assert len(told) == outcomes.get("created", 0) + outcomes.get("updated", 0) + outcomes.get("failed", 0)
    assert not any(world.keys.held_by(execution) for execution in world.inbox.logged)
    names = {lead.get("FirstName") for lead in world.leads()}
    assert "Older" not in names, "the newer event has the last word"


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_step_changes_nothing(name: str) -> None:
    """For every step at which a worker can die, its successors end every event as if nobody had died."""
    build, outcomes, records = SCENARIOS[name]
    die_at_every_step(build, lambda world: as_if_nothing_had_been(world, outcomes, records), least=20, most=MANY)


@pytest.mark.parametrize("name", ["new people", "one person twice", "creates", "a locked record and a slow vendor"])
def test_two_deaths_change_nothing(name: str) -> None:
    """Two workers that die one after the other, at any pair of steps of a grid, leave what one that lives leaves."""
    build, outcomes, records = SCENARIOS[name]
    crashes = 0
    for first in range(1, 90, 7):
        for second in range(1, 90, 11):
            world = build()
            parked: list[str] = []
            world.inbox.on_park = lambda execution, _, parked=parked: parked.append(execution)  # type: ignore[misc]  # bound now
            crashes += die_at(world, (first, second))
            # an older event that was parked for its two deaths comes back after the newer one was written
            late = {"created": 1, "superseded": 1} if world.outcomes()["superseded"] else outcomes
            if name == "creates" and world.outcomes()["failed"]:
                # parked before it was clear whether it had written: the next call's record could be its own
                assert {reason for _, reason in map(world.ended, world.inbox.logged)} == {"", "uncertain"}
                # whether it had written depends on the step at which its second worker died
                assert len(world.leads()) in {1, 2}
                as_if_nothing_had_been(world, {"created": 1, "failed": 1}, len(world.leads()))
                continue
            expected = dict(late if name == "one person twice" else outcomes)
            missing = expected["created"] - world.outcomes()["created"]
            if missing:
                # parked for its two deaths in a write, an event cannot know whose the record is: it, or a newer one,
                # updates what it made
                assert missing <= len(set(parked))
                expected |= {"created": expected["created"] - missing, "updated": expected.get("updated", 0) + missing}
            as_if_nothing_had_been(world, {word: times for word, times in expected.items() if times}, records)
    assert crashes > 50


def test_an_event_that_kills_its_worker_is_parked_and_the_others_are_not_harmed() -> None:
    """An event at which two workers died is parked with its reason; the others of its batch end, and redrive helps."""
    world = World()
    deadly = world.receive(13)
    others = [world.receive(lead_id) for lead_id in range(1, 6)]
    create = world.salesforce.create

    def kill(object_name: str, rows: object, **options: object) -> object:
        if any(row["Email"] == "person13@example.com" for row in rows):  # type: ignore[attr-defined]  # rows of the call
            raise Crash("the record that kills")
        return create(object_name, rows, **options)  # type: ignore[arg-type]  # handed through

    world.salesforce.create = kill  # type: ignore[method-assign, assignment]  # a record that kills
    deaths = 0
    for _ in range(10):
        try:
            world.run_out()
        except Crash:
            deaths += 1
            world.clock.advance(61)
        else:
            break

    assert deaths == 2
    assert (world.execution(deadly)["state"], world.execution(deadly)["reason"]) == ("parked", "worker_crashed")
    assert [world.ended(execution)[0] for execution in others] == ["created"] * 5
    assert world.keys.held_by(deadly) == []  # whatever else is to be done for the person need not wait
    world.salesforce.create = create  # type: ignore[method-assign]  # the cause was repaired
    assert world.redrive(deadly).done
    world.run_out()
    assert world.ended(deadly) == ("created", "")
    assert len(world.leads()) == 6


def test_an_event_that_kills_before_its_intent_keeps_nobody_waiting() -> None:
    """The guards of an event whose workers died while they looked for its record are free once it is parked."""
    world = World()
    deadly = world.receive(13)
    find = world.salesforce.find

    def kill(*_: object) -> object:
        raise Crash("the search that kills")

    world.salesforce.find = kill  # type: ignore[method-assign, assignment]  # a search that kills
    for _ in range(2):
        with pytest.raises(Crash):
            world.drain()
        world.clock.advance(61)
    world.drain()

    assert (world.execution(deadly)["state"], world.execution(deadly)["reason"]) == ("parked", "worker_crashed")
    assert world.keys.held_by(deadly) == []
    world.salesforce.find = find  # type: ignore[method-assign]  # the cause was repaired


def test_a_frozen_worker_that_wakes_up_writes_nothing() -> None:
    """A worker that slept past its lease, whose successor has done its work, records nothing a second time."""
    world = World()
    world.receive(1)
    lease = world.lanes.take("salesforce-demo", world.clock.now())
    assert lease is not None
    batch = world.inbox.claim(world.inbox.due("salesforce-demo", world.clock.now(), 200), lease.epoch)
    world.clock.advance(61)
    world.run_out()
    calls = len(world.salesforce.trouble.calls)

    world.run_events()(batch, lambda: True)  # it has not noticed

    assert world.salesforce.trouble.made("create", "update") == 1
    assert len(world.salesforce.trouble.calls) >= calls
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.marketo.logged()) == 1
