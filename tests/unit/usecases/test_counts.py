"""Whatever happens, the outcomes of the recorded calls add up."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadbridge.domain.outcome import Outcome
from leadbridge.domain.records import Resolution
from leadbridge.errors import PermanentError, RateLimitedError, TransientError
from tests.builders.actions import an_action
from tests.builders.world import World
from tests.fakes.steps import Crash

CLAUSE = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
ADDRESSES = ("a@example.com", "B@example.com", "b@example.com", "c@example.com", "", "nobody")

people = st.fixed_dictionaries(
    {
        "lead_id": st.integers(1, 6),
        "email": st.sampled_from(ADDRESSES),
        "lastName": st.sampled_from(["Lovelace", "", "x" * 90]),
        "leadStatus": st.sampled_from(["", "Disqualified"]),
        "event_id": st.sampled_from([None, None, None, "e1", "e2"]),
    }
)
faults = st.lists(
    st.sampled_from(["none", "lost", "lost write-back", "lost activity", "lock", "rate", "permanent", "crash"]),
    max_size=3,
)


def cause(world: World, fault: str, choice: random.Random) -> None:
    """Switch one fault on."""
    vendor = world.salesforce.trouble
    if fault == "lost":
        vendor.lose_answer(choice.choice(["create", "update"]), committed=choice.random() < 0.5)
    elif fault == "lost write-back":
        world.marketo.trouble.lose_answer("sync_leads")
    elif fault == "lost activity":
        world.marketo.trouble.lose_answer("add_custom_activities", committed=choice.random() < 0.5)
    elif fault == "lock":
        vendor.refuse_rows("update", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)
    elif fault == "rate":
        world.marketo.trouble.fail("sync_leads", RateLimitedError("606", vendor="marketo", code="606"))
        vendor.fail("find", TransientError("busy", vendor="salesforce", code="SERVER_UNAVAILABLE"))
    elif fault == "permanent":
        vendor.fail("create", PermanentError("refused", vendor="salesforce", code="X"), times=1)
    elif fault == "crash":
        world.steps.arm(choice.randint(1, 60))


def run_to_the_end(world: World) -> None:
    """Run until nothing waits; whoever is parked is redriven once the faults are over."""
    for _ in range(3):
        try:
            world.run_out()
        except Crash:
            world.clock.advance(61)
    world.steps.disarm()
    while parked := [key for key, item in world.inbox.logged.items() if item["state"] == "parked"]:
        for execution in parked:
            assert world.redrive(execution).done
        world.run_out()


@pytest.mark.cap("A69")
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    calls=st.lists(people, min_size=1, max_size=10),
    kind=st.sampled_from(["create", "update", "upsert"]),
    dedupe=st.booleans(),
    known=st.booleans(),
    trouble=faults,
    seed=st.integers(0, 1000),
)
def test_total_equals_the_sum_of_the_outcomes(
    *, calls: list[dict[str, Any]], kind: str, dedupe: bool, known: bool, trouble: list[str], seed: int
) -> None:
    """For any calls, kind of Action and faults: every call has one outcome, and records and activities agree."""
    choice = random.Random(seed)
    rules = {"deduplicate": {"columns": ["email"]}} if dedupe else {}
    world = World(an_action(type=kind, conditions={"match": "all", "clauses": [CLAUSE]}, **rules))
    if known:
        world.salesforce.load("Lead", Email="a@example.com", LastName="Known", Company="Known")
    loaded = len(world.leads())
    for fault in trouble:
        cause(world, fault, choice)

    dying = world.steps.die_at
    world.steps.disarm()
    for call in calls:
        world.receive(**call)
    if dying:
        world.steps.arm(dying)
    run_to_the_end(world)

    outcomes = world.outcomes()
    assert sum(outcomes[one.value] for one in Outcome) == len(calls) == len(world.inbox.logged)
    assert world.states() == {"ended": len(calls)}
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.leads()) - loaded == outcomes["created"]
    reported = outcomes["created"] + outcomes["updated"] + outcomes["failed"]
    sent = [activity.attributes["executionId"] for activity in world.marketo.logged()]
    assert len(sent) == len(set(sent)) == reported
