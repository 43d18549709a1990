"""What passes through the inbox is counted for alerts, and a store that is away harms nothing."""

from leadbridge.domain.counted import ARRIVED, ENDED, FAILED, PARKED, REJECTED, bucket
from leadbridge.domain.event import Ending, Event, Part, Result
from leadbridge.domain.outcome import Outcome, Reason, State
from leadbridge.usecases.counting import CountingInbox, flush
from tests.builders.actions import ACTION, SALESFORCE
from tests.builders.events import an_arrival, an_event
from tests.fakes.alerts import InMemoryTally
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.meter import RecordingMeter


class World:
    """A counting inbox before one in memory."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.tally = InMemoryTally(self.clock.now)
        self.meter = RecordingMeter()
        self.behind = InMemoryInbox(now=self.clock.now)
        self.inbox = CountingInbox(self.behind, tally=self.tally, meter=self.meter)

    def counts(self) -> dict[tuple[str, str], int]:
        """What is stored for the Action now."""
        pieces = self.tally.between(bucket(NOON), NOON.replace(minute=5))
        return {what: number for piece in pieces for what, number in piece.numbers.items() if piece.action == ACTION}

    def begun(self, number: int) -> Event:
        """An event that arrived and is held by the first lease."""
        self.inbox.add(an_event(number), an_arrival(number))
        (event,) = self.inbox.claim(
            [each for each in self.inbox.due(SALESFORCE, NOON, 99) if each == an_event(number)], 1
        )
        return event


def an_ending(event: Event, outcome: Outcome = Outcome.CREATED, reason: str = "") -> Ending:
    nothing = Part(status="not_configured")
    return Ending(
        event=event, result=Result(outcome=outcome, reason=reason, message=""), writeback=nothing, activity=nothing
    )


def test_an_arrival_is_counted_once_and_stored_at_the_end_of_its_batch() -> None:
    """A redelivered message changes no count; nothing is stored before the flush."""
    world = World()

    for number in (1, 2, 2):
        world.inbox.add(an_event(number), an_arrival(number))

    assert world.counts() == {}
    flush(world.tally, world.meter)
    assert world.counts() == {(ARRIVED, ""): 2}


def test_calls_that_do_not_run_are_arrivals_too() -> None:
    """Rejected and parked ones are counted by reason; one for an inactive Action as an arrival alone."""
    world = World()
    for number, state, reason in (
        (1, State.REJECTED, Reason.BODY_NOT_JSON),
        (2, State.PARKED, Reason.ACTION_MISSING),
        (3, State.NOT_RUN, Reason.NOT_ACTIVE),
        (3, State.NOT_RUN, Reason.NOT_ACTIVE),
    ):
        world.inbox.set_aside(an_arrival(number), state=state, reason=reason, message="")
    flush(world.tally, world.meter)

    assert world.counts() == {
        (ARRIVED, ""): 3,
        (REJECTED, "body_not_json"): 1,
        (PARKED, "action_missing"): 1,
    }


def test_ends_are_counted_when_they_are_recorded() -> None:
    """Every end once by its outcome, failures by reason; what is recorded already is not counted again."""
    world = World()
    events = [world.begun(number) for number in (1, 2, 3)]
    endings = [an_ending(events[0]), an_ending(events[1], Outcome.FAILED, "uncertain"), an_ending(events[2])]

    assert world.inbox.finish(endings) == endings
    assert world.inbox.finish(endings[:1]) == []

    assert world.counts() == {(ARRIVED, ""): 3, (ENDED, "created"): 2, (ENDED, "failed"): 1, (FAILED, "uncertain"): 1}


def test_a_failed_chained_object_counts_as_a_failure() -> None:
    """The record was written, but not all that belongs to it: alerts count the call by its reason."""
    world = World()

    world.inbox.finish([an_ending(world.begun(1), Outcome.CREATED, "chained_failed")])

    assert world.counts() == {(ENDED, "created"): 1, (FAILED, "chained_failed"): 1, (ARRIVED, ""): 1}


def test_what_is_parked_is_counted_at_once() -> None:
    """By reason; what is only given back is not."""
    world = World()
    parked, given_back = world.begun(1), world.begun(2)

    world.inbox.park(parked, reason="worker_crashed", message="")
    world.inbox.defer([given_back.evolve(due_at=NOON, reason="marketo_607")], parked=True)

    assert world.counts() == {(ARRIVED, ""): 2, (PARKED, "worker_crashed"): 1}


def test_a_store_that_is_away_costs_counts_and_nothing_else() -> None:
    """The end is recorded, the loss is counted, and the next count is stored."""
    world = World()
    first, second = world.begun(1), world.begun(2)
    world.tally.away = 1

    assert len(world.inbox.finish([an_ending(first)])) == 1
    assert world.counts() == {}
    assert world.meter.of("CountsLost") == 1
    world.inbox.finish([an_ending(second)])
    assert world.counts() == {(ENDED, "created"): 1}


def test_everything_else_is_passed_on() -> None:
    """Reading, saving and letting go are those of the inbox behind."""
    world = World()
    event = world.begun(1)

    assert world.inbox.save([event.evolve(state=State.WRITING)]) == [event.evolve(state=State.WRITING)]
    world.inbox.relinquish([event])
    first = world.inbox.first_due(SALESFORCE, NOON)
    assert first is not None
    assert first.received_at == NOON
    assert [each.epoch for each in world.inbox.due(SALESFORCE, NOON, 9)] == [0]
