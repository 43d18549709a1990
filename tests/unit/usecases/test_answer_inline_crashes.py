"""A call whose process dies while its caller waits: either it was never stored, or the lane ends it once."""

from collections.abc import Callable

import pytest

from leadbridge.domain.records import Resolution
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.world import World
from tests.fakes.steps import Crash

#: more steps than any scenario below has
MANY = 200
#: longer than an event stays in the hands of a call
AFTER_HOLD = 61


def a_new_person() -> World:
    """A person without a record."""
    return World(an_action(inline={}))


def a_known_person() -> World:
    """A person with a record, and a write-back that reads it."""
    world = World(an_action(inline={}, writeback=[{"field": "Title", "to": "title"}]))
    world.salesforce.load("Lead", Email="person1@example.com", Title="Countess")
    return world


def a_locked_record() -> World:
    """A record that the vendor asks to be sent again."""
    world = World(an_action(inline={}))
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)
    return world


def a_lost_answer() -> World:
    """A create that was committed, but not answered."""
    world = World(an_action(inline={}))
    world.salesforce.trouble.lose_answer("create")
    return world


def an_external_id() -> World:
    """A record that is created without looking."""
    return World(an_action(inline={}, type="create"))


def a_decision() -> World:
    """An Action that only looks."""
    back = [{"execution": "decision", "to": "leadbridgeStatus"}]
    return World(an_action(inline={}, type="decide", mappings=[], writeback=back))


def an_earlier_call() -> World:
    """A person whose earlier call waits."""
    world = World(an_action(inline={}))
    world.receive(1, firstName="Older")
    world.clock.advance(1)
    return world


SCENARIOS: dict[str, tuple[Callable[[], World], dict[str, int], int]] = {
    "a new person": (a_new_person, {"created": 1}, 1),
    "a known person": (a_known_person, {"updated": 1}, 1),
    "a locked record": (a_locked_record, {"created": 1}, 1),
    "a lost answer": (a_lost_answer, {"created": 1}, 1),
    "a create": (an_external_id, {"created": 1}, 1),
    "a decision": (a_decision, {"decided": 1}, 0),
    "an earlier call": (an_earlier_call, {"created": 1, "updated": 1}, 1),
}


def recover(world: World) -> None:
    """What happens without anybody's doing, and a person's redrive of what two processes died of."""
    world.clock.advance(AFTER_HOLD)
    if world.inbox.waiting:
        world.sweep()()
        assert SALESFORCE in world.bell.rung, "nobody knows of the event"
    world.run_out()
    for execution, item in world.inbox.logged.items():
        if item["state"] == "parked":
            assert item["reason"] == "worker_crashed"
            assert world.redrive(execution).done
    world.run_out()


def ended_once(world: World, outcomes: dict[str, int], records: int, *, answered: bool) -> None:
    """One end, one record, one activity; written back by API unless the values may have gone out with an answer."""
    assert dict(world.outcomes()) == outcomes
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.leads()) == records
    assert sorted(str(one.attributes["executionId"]) for one in world.marketo.logged()) == sorted(world.inbox.logged)
    assert not any(world.keys.held_by(execution) for execution in world.inbox.logged)
    newest = max(world.inbox.logged)
    status = world.execution(newest)["writeback"]["status"]
    assert status == ("answered" if answered else "written")
    by_api = [execution for execution, item in world.inbox.logged.items() if item["writeback"]["status"] == "written"]
    assert world.marketo.trouble.made("sync_leads") == len(by_api)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_death_at_any_step_loses_and_doubles_nothing(name: str) -> None:
    """For every step at which the process can die: no answer and nothing stored, or one end by the lane. Values are
    written back by API exactly if it died before it was stored that they go with the answer."""
    build, outcomes, records = SCENARIOS[name]
    deaths = unstored = 0
    for step in range(1, MANY):
        world = build()
        before = set(world.inbox.logged)
        world.steps.arm(step)
        try:
            answer = world.answer(1)
        except Crash:
            deaths += 1
            stored = set(world.inbox.logged) - before
            gone_out = any(event.answered for event in world.inbox.waiting.values())
            if not stored:
                unstored += 1
                continue
            recover(world)
            ended_once(world, outcomes, records, answered=gone_out)
            continue
        world.steps.disarm()
        recover(world)
        assert answer["status"] == ("queued" if name in {"a locked record", "an earlier call"} else "done")
        ended_once(world, outcomes, records, answered=answer["status"] == "done")
        assert deaths >= 14, "the scenario has too few steps to prove anything"
        assert unstored < 8
        return
    pytest.fail(f"more than {MANY} steps")


def test_a_worker_that_dies_of_what_a_call_died_of_parks_it() -> None:
    """A death of the call counts: the second one, of a worker, parks the event, and a person brings it back."""
    world = a_new_person()
    world.steps.die_of("salesforce.create")
    with pytest.raises(Crash):
        world.answer(1)
    world.clock.advance(AFTER_HOLD)
    world.steps.die_of("salesforce.find")
    with pytest.raises(Crash):
        world.drain()

    world.clock.advance(AFTER_HOLD)
    world.drain()

    assert world.states() == {"parked": 1}
    recover(world)
    ended_once(world, {"created": 1}, 1, answered=False)


def test_a_process_that_wakes_up_after_its_time_writes_nothing() -> None:
    """A process that was frozen before its write, and whose event a worker has ended, writes no second record."""
    world = a_new_person()
    thawed: list[str] = []

    def freeze(name: str) -> None:
        if name == "salesforce.find.done" and not thawed:
            thawed.append(name)
            world.clock.advance(AFTER_HOLD)
            world.run_out()

    world.steps.on_step = freeze

    answer = world.answer(1)

    assert thawed
    assert answer["status"] == "queued"
    ended_once(world, {"created": 1}, 1, answered=False)
    assert world.salesforce.trouble.made("create") == 1
