"""People who are imported again and again while workers die and Marketo is busy, silent or closed."""

from collections import defaultdict
from random import Random

import pytest

from leadbridge.errors import AuthenticationError, SyncError, TransientError, UncertainWriteError
from tests.builders.imports import Imports, an_import
from tests.fakes.steps import Crash

SEEDS = range(8)
PEOPLE, CALLS, MINUTES = 6, 30, 400


def trouble(random: Random) -> tuple[str, SyncError, bool]:
    """Something that goes wrong at Marketo: the operation, the error, and whether it was carried out nevertheless."""
    return random.choice(
        [
            ("create", TransientError("queue full", vendor="marketo", code="1016"), False),
            ("create", TransientError("list busy", vendor="marketo", code="1019"), False),
            ("create", UncertainWriteError("no answer", vendor="marketo"), False),
            ("create", UncertainWriteError("no answer", vendor="marketo"), True),
            ("look", AuthenticationError("refused", vendor="marketo"), False),
            ("look", TransientError("away", vendor="marketo"), False),
            ("results", TransientError("away", vendor="marketo"), False),
        ]
    )


def told(seed: int) -> tuple[Imports, list[tuple[str, int, str]]]:
    """A world after all that, and its calls: person, number, execution."""
    random = Random(seed)
    world = Imports(an_import(batch={"count": 4, "seconds": 120}))
    calls: list[tuple[str, int, str]] = []
    for minute in range(MINUTES):
        for _ in range(random.choice((0, 0, 1, 3)) if len(calls) < CALLS else 0):
            person, number = f"p{random.randrange(PEOPLE)}@example.com", len(calls)
            calls.append((person, number, world.call(email=person, firstName=f"v{number}")))
        if minute < MINUTES // 4 and random.random() < 0.3:
            operation, error, carried_out = trouble(random)
            world.bulk.faults.add(operation, error, carried_out=carried_out)
        if minute < MINUTES // 4 and random.random() < 0.5:
            world.steps.arm(random.randint(1, 90))
        try:
            world.minute()
        except Crash:
            world.clock.advance(61)
        world.steps.disarm()
        for execution, item in world.inbox.logged.items():
            if item["state"] == "parked" and execution in world.inbox.kept:
                assert item["reason"] == "worker_crashed", item
                assert world.redrive(execution).done
        if len(calls) == CALLS and not world.inbox.waiting:
            break
    return world, calls


@pytest.mark.parametrize("seed", SEEDS)
def test_each_call_ends_once_and_each_person_with_the_last_values(seed: int) -> None:
    """Whoever dies and whatever Marketo says: nothing waits in the end, each call has one end, what the files hold of a
    person comes in the order of its calls, and the last of it is that of the last call. A file is sent twice only where
    Marketo's answer to it was lost."""
    world, calls = told(seed)

    assert not world.inbox.waiting
    assert world.inbox.ends == {execution: 1 for _, _, execution in calls}
    assert {world.ended(execution) for _, _, execution in calls} <= {
        ("updated", "imported"),
        ("superseded", "person_overtaken"),
    }
    wanted: dict[str, list[int]] = defaultdict(list)
    for person, number, execution in calls:
        if world.ended(execution)[0] == "updated":
            wanted[person].append(number)
    found: dict[str, list[int]] = defaultdict(list)
    sent: set[tuple[str, ...]] = set()
    for rows in world.files:
        if tuple(rows) in sent:
            continue  # after a lost answer the same rows go once more, before any others of these people
        sent.add(tuple(rows))
        for row in rows:
            person, value = row.split(",")
            found[person].append(int(value.removeprefix("v")))
    assert found == wanted
    for person, numbers in wanted.items():
        assert numbers[-1] == max(number for each, number, _ in calls if each == person)
