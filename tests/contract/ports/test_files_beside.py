"""Events that stand beside their lane with the file of an import: the double and the table agree."""

from dataclasses import replace
from datetime import timedelta

from leadbridge.domain.event import Batch, Event, Intent
from leadbridge.domain.outcome import State
from tests.contract.ports.builders import LANE, START, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import World, far, record_of

FILE = "import-0123456789abcdef01234567"
MARK = Batch(bytes=10, version=1, trigger="count", size=3, cut="x")


def in_hand(world: World, number: int, epoch: int = 1) -> Event:
    """An event in its lane whose row a file holds, in the hands of an epoch."""
    event = an_event(number)
    assert world.inbox.add(event, arrival_of(event))
    (mine,) = world.inbox.claim([event], epoch)
    intent = Intent(operation="import_leads", at=START, attempt=1, file=FILE, row=number)
    (stored,) = world.inbox.save([mine.evolve(state=State.WRITING, intent=intent, batch=MARK, reason="importing")])
    return stored


def beside(event: Event, file: str = FILE) -> Event:
    """The event as it is to stand with a file."""
    return event.evolve(batch=replace(MARK, file=file))


def loaded(world: World, number: int) -> Event:
    """An event that stands with the file."""
    (there,) = world.inbox.load([beside(in_hand(world, number))])
    return there


def test_what_goes_into_a_file_is_no_longer_due(world: World) -> None:
    """Nobody's look into the lane meets it, at no time; it is read with its file, as it was, in nobody's hands."""
    event = in_hand(world, 1)

    assert list(world.inbox.load([beside(event)])) == [beside(event).evolve(epoch=0)]

    assert list(world.inbox.due(LANE, far(world), 10)) == []
    assert world.inbox.first_due(LANE, far(world)) is None
    assert list(world.inbox.buffered(LANE)) == []
    assert list(world.inbox.loaded(LANE, FILE, 10)) == [beside(event).evolve(epoch=0)]
    record = record_of(world, event.execution_id)
    assert record is not None
    assert (record.state, record.reason) == ("writing", "importing")


def test_a_file_is_read_in_the_order_of_arrival_and_apart_from_others(world: World) -> None:
    """At most as many as are asked for; those of another file, or of none, are not among them."""
    for number in (3, 1, 2):
        loaded(world, number)
    world.inbox.load([beside(in_hand(world, 4), "import-another")])
    in_hand(world, 5)

    assert [each.execution_id[-1] for each in world.inbox.loaded(LANE, FILE, 2)] == ["1", "2"]
    assert [each.execution_id[-1] for each in world.inbox.loaded(LANE, FILE, 10)] == ["1", "2", "3"]


def test_who_lost_an_event_moves_nothing(world: World) -> None:
    """An event that a newer epoch holds stays in its lane; one that has ended does not come back."""
    event, ended = in_hand(world, 1), in_hand(world, 2)
    world.inbox.claim(world.inbox.due(LANE, far(world), 1), 2)
    world.inbox.finish([an_ending(ended)])

    assert list(world.inbox.load([beside(event), beside(ended)])) == []
    assert list(world.inbox.loaded(LANE, FILE, 10)) == []
    assert [each.execution_id for each in world.inbox.due(LANE, far(world), 10)] == [event.execution_id]


def test_it_ends_where_it_stands_and_once(world: World) -> None:
    """Two workers that read the file end it: one of them does."""
    there = loaded(world, 1)

    assert len(world.inbox.finish([an_ending(there)])) == 1
    assert len(world.inbox.finish([an_ending(there)])) == 0
    assert list(world.inbox.loaded(LANE, FILE, 10)) == []
    record = record_of(world, there.execution_id)
    assert record is not None
    assert record.state == "ended"


def test_it_is_parked_where_it_stands_and_comes_back_into_the_lane(world: World) -> None:
    """A redrive puts it into its lane, under the sequence that it had."""
    there = loaded(world, 1)
    world.inbox.park(there, reason="marketo_1006", message="Parked.")
    assert list(world.inbox.loaded(LANE, FILE, 10)) == []

    kept = world.log.kept(there.execution_id)
    assert kept is not None
    event = world.log.kept_event(kept)
    assert event is not None
    assert (event.lane, event.sequence, event.intent) == (LANE, there.sequence, there.intent)
    assert world.inbox.readmit(event.evolve(batch=None), was=State.PARKED, times=0)
    assert [each.sequence for each in world.inbox.due(LANE, far(world), 10)] == [there.sequence]


def test_it_goes_back_into_its_lane_as_it_is_to_be(world: World) -> None:
    """It is due there at once and shown as it stands now, no longer with the file; who comes second changes nothing."""
    there = loaded(world, 1)
    back = there.evolve(state=State.WAITING, intent=None, batch=MARK, reason="", message="")

    world.inbox.unload([(there, back)])
    (mine,) = world.inbox.claim(world.inbox.due(LANE, far(world), 9), 2)
    world.inbox.unload([(there, back)])

    assert list(world.inbox.loaded(LANE, FILE, 10)) == []
    assert [each.epoch for each in world.inbox.due(LANE, world.clock.now(), 10)] == [mine.epoch]
    record = record_of(world, there.execution_id)
    assert record is not None
    assert (record.state, record.reason) == ("waiting", "")


def test_a_file_that_is_looked_at_now_and_then_makes_no_lane_look_late(world: World) -> None:
    """The one that stays in the lane waits for us since it came due, however long ago its call arrived."""
    event = in_hand(world, 1)
    soon = event.received_at + timedelta(hours=1)
    world.inbox.defer([event.evolve(due_at=soon)])

    due = world.inbox.first_due(LANE, far(world))
    assert due is not None
    assert (due.received_at, due.begun) == (soon, True)
