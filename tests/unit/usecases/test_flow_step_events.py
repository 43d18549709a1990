"""People of a flow step on their way: run as those of webhooks, told by one callback and no call of the API."""

from collections.abc import Iterator

import pytest

from leadbridge.domain.clauses import Clause, Group
from leadbridge.domain.flow_step import PATIENCE, ChunkState, parse_chunk
from leadbridge.domain.flow_step_queue import messages_of
from leadbridge.domain.outcome import State
from tests.builders.actions import an_action
from tests.builders.flow_steps import HOSTS, NOON, a_person, an_invocation, body_of
from tests.builders.world import World
from tests.fakes.steps import Crash


def messages(people: int = 3, *, actions: dict[int, str] | None = None, **obstacles: str) -> list[str]:
    """The messages of a chunk; `actions` names another Action for some of its people."""
    rows = [a_person(each, action=(actions or {}).get(each, "person-to-lead")) for each in range(1, people + 1)]
    invocation = parse_chunk(body_of(an_invocation(objectData=rows)), hosts=HOSTS)
    given = {name.replace("_", "-"): reason for name, reason in obstacles.items()}
    return list(messages_of(invocation, received_at=NOON, header_names=[], obstacles=given))


def told(world: World) -> dict[int, tuple[bool, str, str]]:
    """What the one callback that was taken says of each person: success, outcome, code."""
    (body,) = world.door.taken.values()
    rows = {row["leadData"]["id"]: row["activityData"] for row in body["objectData"]}
    return {lead: (row["success"], row["outcome"], row.get("errorCode", "")) for lead, row in rows.items()}


def test_a_chunk_runs_and_is_called_back_without_a_call_to_marketo() -> None:
    """Records are written, one callback carries what write-back and activity would have told, and nothing else goes."""
    world = World()
    world.receive_chunk(*messages(60))
    world.run_out()
    assert len(world.chunk_bell.rung) == 1
    assert world.call_back().sent == 0

    assert told(world) == dict.fromkeys(range(1, 61), (True, "created", ""))
    (body,) = world.door.taken.values()
    ids = {record["Email"]: record["Id"] for record in world.leads()}
    assert [row["leadData"] for row in body["objectData"]] == [
        {"id": each, "leadbridgeStatus": "Synced", "salesforceId": ids[f"p{each}@example.com"]} for each in range(1, 61)
    ]
    assert not [name for name in world.steps.taken if name.startswith("marketo.")]
    assert {item["activity"]["status"] for item in world.inbox.logged.values()} == {"callback"}


def test_whoever_is_skipped_not_run_or_parked_is_told_so() -> None:
    """Nobody is waited for who does not end by himself; a condition that is not met is no failure."""
    skip = Group(match="all", clauses=[Clause(column="email", operator="not_equals", value="p2@example.com")])
    world = World(an_action(conditions=skip))
    world.receive_chunk(*messages(4, actions={3: "gone", 4: "off"}, off="not_active"))
    world.run_out()
    world.call_back()

    assert told(world) == {
        1: (True, "created", ""),
        2: (True, "skipped", ""),
        3: (False, "parked", "action_missing"),
        4: (False, "not_run", "not_active"),
    }


def test_a_chunk_that_comes_twice_runs_once() -> None:
    """Messages are redelivered, and Marketo may send a chunk again: one execution and one callback for each person."""
    world = World()
    sent = messages(3)
    world.receive_chunk(*sent, *sent)
    world.run_out()
    world.call_back()
    world.receive_chunk(*sent)
    world.run_out()
    world.call_back()

    assert set(world.inbox.ends.values()) == {1}
    assert (len(world.leads()), len(world.door.posted)) == (3, 1)


def test_what_is_redriven_after_the_callback_is_told_by_api() -> None:
    """The chunk is closed by then: the person's result goes as that of a webhook."""
    world = World()
    world.configurations.remove("action", "person-to-lead")
    world.receive_chunk(*messages(1))
    world.call_back()
    assert told(world) == {1: (False, "parked", "action_missing")}

    world.configurations.put(an_action())
    world.marketo.load(1)
    (execution_id,) = world.inbox.logged
    assert world.redrive(execution_id).done
    world.run_out()
    assert world.execution(execution_id)["activity"]["status"] == "added"
    assert len(world.door.posted) == 1


def steps_of_a_run() -> Iterator[int]:
    """Every step of an undisturbed run."""
    world = World()
    world.receive_chunk(*messages(2))
    world.steps.taken.clear()
    world.drain()
    world.call_back()
    yield from range(1, len(world.steps.taken) + 1)


@pytest.mark.parametrize("step", list(steps_of_a_run()))
def test_wherever_a_worker_dies_everybody_is_told_once(step: int) -> None:
    """Runs and callbacks go on where the dead one stopped: one record, one end and one callback for each person."""
    world = World()
    world.receive_chunk(*messages(2))
    world.steps.arm(step)
    with pytest.raises(Crash):  # noqa: PT012 - either may be the one that dies
        world.drain()
        world.call_back()
    world.steps.disarm()
    for _ in range(5):
        world.clock.advance(601)
        world.run_out()
        world.call_back()

    (chunk,) = world.chunks.chunks.values()
    assert chunk.state is ChunkState.SENT
    assert told(world) == {1: (True, "created", ""), 2: (True, "created", "")}
    assert set(world.inbox.ends.values()) == {1}
    assert len(world.leads()) == 2


def test_at_the_deadline_marketo_learns_who_still_waits() -> None:
    """Salesforce is away for hours: everybody is told as waiting, goes on afterwards, and no second callback comes."""
    world = World()
    world.connections.disabled.add("salesforce-demo")
    world.receive_chunk(*messages(2))
    world.drain()
    world.clock.advance(PATIENCE.total_seconds())
    world.call_back()
    assert {code for _, _, code in told(world).values()} <= {"still_waiting", "connection_disabled"}

    world.connections.disabled.clear()
    world.run_out()
    world.call_back()
    assert world.states() == {State.ENDED.value: 2}
    assert len(world.door.posted) == 1
