"""A buffer is a lane that drains at its threshold: who rings when, what goes together, and what a death leaves."""

from collections import Counter

import pytest

from leadbridge.domain.batching import BatchSettings, Buffer
from leadbridge.domain.event import Batch, Event
from leadbridge.domain.lifecycle import Move
from tests.builders.actions import MARKETO
from tests.builders.buffers import LEASE, BufferedLane, a_list_action
from tests.builders.events import an_arrival
from tests.fakes.steps import Crash


@pytest.mark.parametrize(
    "waiting",
    [
        pytest.param([[1], [2]], id="one by one"),
        pytest.param([[1, 2, 1, 1, 2]], id="often"),
    ],
)
def test_the_call_that_crosses_the_count_sends_the_batch(waiting: list[list[int]]) -> None:
    """Two people wait without a worker, however often they come; the third sends all calls, and each has its end."""
    world = BufferedLane(a_list_action("add"))

    for together in waiting:
        world.receive("add", *together)
    assert world.sent == []
    assert world.counted()["add"].count == 2, "what a look found was not counted anew"
    world.receive("add", 3)

    came = [lead for together in waiting for lead in together]
    assert world.sent == [("add", [*came, 3])]
    assert len(world.inbox.ends) == len(came) + 1
    assert world.counted() == {}
    assert set(world.triggers.values()) == {"count"}


def test_many_at_once_go_in_full_batches() -> None:
    """Of eleven that are stored together nine go in three calls, and two wait for the next."""
    world = BufferedLane(a_list_action("add"))

    world.receive("add", *range(1, 12))

    assert [leads for _, leads in world.sent] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert world.counted()["add"].count == 2


def test_the_oldest_sends_the_batch_when_it_is_old_enough() -> None:
    """At 59.999 seconds the sweep rings for nobody, at 60 it does: both calls go, the younger, too."""
    world = BufferedLane(a_list_action("add"))
    world.receive("add", 1)
    arrived = world.clock.now()
    world.clock.advance(30)
    world.receive("add", 2)

    world.clock.set(arrived)
    world.clock.advance(59.999)
    assert world.minute() == []
    world.clock.advance(0.001)
    assert world.minute() == [MARKETO]

    assert world.sent == [("add", [1, 2])]
    assert set(world.triggers.values()) == {"age"}


def test_a_new_version_sends_what_waits() -> None:
    """The next sweep after a new version was applied has what waits sent; what comes after waits for its own batch."""
    world = BufferedLane(a_list_action("add"))
    world.receive("add", 1)
    assert world.minute() == []

    world.apply(a_list_action("add", description="once more"))
    assert world.minute() == [MARKETO]
    world.receive("add", 2)

    assert world.sent == [("add", [1])]
    assert set(world.triggers.values()) == {"publish"}
    assert world.minute() == []


def test_an_import_waits_on_when_a_new_version_is_applied() -> None:
    """Imports go by count, bytes and age alone, by the settings of the version that is current."""
    document = a_list_action(
        "import",
        destination={"connection": MARKETO, "operation": "import_leads", "lookup_field": "email"},
        person=None,
        mappings=[{"column": "email", "to": "email"}],
        batch=BatchSettings(seconds=600),
    )
    world = BufferedLane(document)
    world.receive("import", 1)

    world.apply(document.model_copy(update={"description": "once more", "batch": BatchSettings(seconds=60)}))
    assert world.minute() == []
    world.clock.advance(60)
    assert world.minute() == [MARKETO]

    assert world.sent == [("import", [1])]


def test_batches_of_several_actions_do_not_mix() -> None:
    """Two of one Action and two of another wait, each for its own third."""
    world = BufferedLane(a_list_action("add"), a_list_action("other", target=1002))

    world.receive("add", 1, 2)
    world.receive("other", 3, 4)
    assert world.sent == []
    world.receive("other", 5)

    assert world.sent == [("other", [3, 4, 5])]


def test_what_is_paused_waits_beyond_its_batch() -> None:
    """A full batch of a paused Action is not sent; when it goes on, it goes whole."""
    world = BufferedLane(a_list_action("add"))
    world.configurations.move("action", "add", Move.PAUSE)

    world.receive("add", 1, 2, 3)
    assert world.sent == []
    world.configurations.move("action", "add", Move.RESUME)
    world.minute()

    assert world.sent == [("add", [1, 2, 3])]


@pytest.mark.pain("P42")
def test_a_call_of_no_batch_has_its_person_sent_before() -> None:
    """What goes at once takes along what waits of the same person, before it, and of nobody else."""
    world = BufferedLane(a_list_action("add"), a_list_action("at-once", batch=None))
    world.receive("add", 1, 2)

    last = world.receive("at-once", 1)[0]

    assert world.sent == [("add", [1]), ("at-once", [1])]
    assert world.last[1] == last.execution_id
    assert Counter(world.triggers.values()) == {"order": 1, "": 1}
    world.receive("add", 3, 4)
    assert world.sent[-1] == ("add", [2, 3, 4])


@pytest.mark.pain("P42")
def test_a_batch_has_its_people_sent_before_from_other_buffers() -> None:
    """Who waits in one buffer and fills another is sent from the first one before."""
    world = BufferedLane(a_list_action("add"), a_list_action("other", target=1002))
    world.receive("other", 1, 9)

    world.receive("add", 1, 2, 3)

    assert world.sent == [("other", [1]), ("add", [1, 2, 3])]


def test_a_call_that_nobody_counted_goes_when_it_is_old_enough() -> None:
    """Its process died after it was stored, and its message never came again: the sweep finds it all the same."""
    world = BufferedLane(a_list_action("add"))
    arrival = an_arrival(1, action_id="add", at=world.clock.now(), payload={"lead": {"id": 1}})
    event = Event(
        execution_id=arrival.execution_id,
        action_id="add",
        lane=MARKETO,
        sequence=arrival.sequence,
        received_at=arrival.received_at,
        payload={"lead": {"id": 1}},
        persons=("lead1",),
        batch=Batch(bytes=10, version=1),
    )
    world.lanes.open(MARKETO)
    world.inbox.add(event, arrival)

    assert world.minute() == []
    world.clock.advance(60)
    world.minute()

    assert world.sent == [("add", [1])]


def test_a_count_that_is_too_high_costs_a_look() -> None:
    """A message that comes three times is one person: nobody is sent before the third one comes, or the time."""
    world = BufferedLane(a_list_action("add"))
    arrivals = world.receive("add", 1)
    for _ in range(4):
        world.store(arrivals)
        world.work()

    assert world.sent == []
    assert world.counted()["add"].count <= 2
    world.receive("add", 2, 3)
    assert world.sent == [("add", [1, 2, 3])]


def steps_of_a_batch() -> list[str]:
    """The I/O points of seven calls that arrive, of which six go in two batches."""
    world = BufferedLane(a_list_action("add"))
    world.receive("add", *range(1, 8))
    return list(world.steps.taken)


@pytest.mark.fault("FA06")
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_a_death_at_any_point_loses_nobody_and_leaves_the_counters_right(twice: bool) -> None:
    """Seven calls arrive; a process dies at each I/O point in turn, and the next one at the next of the same name.

    Afterwards everybody was sent, the first six in full batches, also after a worker died with them in hand, and the
    seventh when its time came; nothing is counted in the end, and no execution ended twice.
    """
    points = steps_of_a_batch()
    assert {"inbox.add", "lanes.announce", "inbox.ripen", "inbox.ripen.done", "lanes.settle", "inbox.claim"} <= {
        *points
    }
    for number, point in enumerate(points, start=1):
        world = BufferedLane(a_list_action("add"))
        arrivals = [world.arrival(lead, "add") for lead in range(1, 8)]
        deaths, stored = 0, False
        world.steps.arm(number)
        for _ in range(40):
            try:
                if not stored:
                    world.store(arrivals)  # the queue delivers again what was not taken away
                    stored = True
                world.work()
                world.minute()
            except Crash:
                deaths += 1
                if twice and deaths == 1:
                    world.steps.die_of(point)
            world.bell.rung.clear()  # with the death the ring may be lost
            world.clock.advance(LEASE.total_seconds() + 1)
            if stored and not world.inbox.waiting:
                break
        world.minute()

        assert deaths >= 1, point
        assert not world.inbox.waiting, point
        assert set(world.inbox.ends.values()) == {1}, point
        assert {lead for _, leads in world.sent for lead in leads} == set(range(1, 8)), point
        assert world.counted() in ({}, {"add": Buffer()}), point
        if not twice:
            calls = [leads for _, leads in world.sent]
            assert [calls[0], calls[-1]] == [[1, 2, 3], [7]], point
            assert all(any({*leads} <= batch for batch in ({1, 2, 3}, {4, 5, 6}, {7})) for leads in calls), point
            assert len(calls) <= 4, point
