"""Conditional writes that were carried out and not answered: whoever repeats them must not be in his own way."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest

from leadbridge.domain.batching import Buffer, Growth, Thresholds
from leadbridge.domain.event import Result
from leadbridge.domain.outcome import Outcome, State
from tests.contract.ports.builders import LANE, START, a_claim, an_action, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import DynamoWorld, claim, far, record_of
from tests.integration.aws.local_aws import local_aws, refusal

UNTIL = START + timedelta(minutes=5)
GUARDS = ("guard#lead", "guard#match")
#: a buffer of two persons, of whom one has left
GROWN = Growth(
    arrived=Buffer(count=2, bytes=20, since=START, version=1), limits=Thresholds(count=300, bytes=1000, seconds=60)
)
LEFT = Buffer(count=1, bytes=10, since=START, version=1)


class LossyWire:
    """DynamoDB behind a wire that loses the first answer of every write, as long as `loses` is set.

    The SDK sends the same request once more; DynamoDB answers a transaction whose token it knows with its success.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.loses = ""
        self._done: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def update_item(self, **parameters: Any) -> Any:
        if self.loses == "by the SDK":
            self.client.update_item(**parameters)
        return self.client.update_item(**parameters)

    def transact_write_items(self, *, ClientRequestToken: str = "", **parameters: Any) -> Any:  # noqa: N803 - AWS's name
        answer = self._done.get(ClientRequestToken)
        if answer is None:
            answer = self.client.transact_write_items(**parameters)
            if ClientRequestToken:
                self._done[ClientRequestToken] = answer
            if self.loses == "by us":
                self.loses = ""
                raise refusal("InternalServerError", "TransactWriteItems", status=500)
            if self.loses == "by the SDK":
                return self.transact_write_items(ClientRequestToken=ClientRequestToken, **parameters)
        return answer


class LossyWorld(DynamoWorld):
    """The adapters on such a wire."""

    def __init__(self) -> None:
        super().__init__()
        self.wire = LossyWire(self.raw)
        self.unsteady.client = self.wire

    def lose(self, how: str) -> None:
        """Lose the next answers."""
        self.wire.loses = how


@pytest.fixture
def world() -> Iterator[LossyWorld]:
    """The adapters, behind a wire that can lose answers."""
    with local_aws():
        yield LossyWorld()


def begun(world: LossyWorld, number: int = 1) -> Any:
    """An event that is in hand, with its guards."""
    event = an_event(number)
    world.inbox.add(event, arrival_of(event))
    (mine,) = world.inbox.claim([event], 1)
    world.keys.guard({mine.execution_id: GUARDS}, UNTIL, START)
    return mine


def add(world: LossyWorld, lose: Callable[[], None]) -> Any:
    event = an_event()
    lose()
    answer = world.inbox.add(event, arrival_of(event))
    return answer, world.inbox.due(LANE, START, 9) == [event]


def set_aside(world: LossyWorld, lose: Callable[[], None]) -> Any:
    arrival = arrival_of(an_event(), kind="rejected", payload=None, body="eA==")
    lose()
    answer = world.inbox.set_aside(arrival, state=State.REJECTED, reason="lead_missing", message="No lead.")
    return answer, record_of(world, arrival.execution_id)


def claim_events(world: LossyWorld, lose: Callable[[], None]) -> Any:
    events = [an_event(number) for number in (1, 2)]
    for event in events:
        world.inbox.add(event, arrival_of(event))
    lose()
    return [(event.epoch, event.crashes) for event in world.inbox.claim(events, 3)]


def save(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    lose()
    return [event.state for event in world.inbox.save([mine.evolve(state=State.WRITING)])]


def defer(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    lose()
    world.inbox.defer([mine.evolve(due_at=far(world), reason="marketo_606", message="Later.")])
    return record_of(world, mine.execution_id), world.inbox.due(LANE, START, 9)


def park(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    lose()
    world.inbox.park(mine, reason="worker_crashed", message="Parked.")
    return record_of(world, mine.execution_id), len(world.items())


def relinquish(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    lose()
    world.inbox.relinquish([mine])
    return [event.epoch for event in world.inbox.due(LANE, START, 9)] == [0]


def hurry(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    world.inbox.defer([mine.evolve(due_at=far(world))])
    lose()
    return world.inbox.hurry({"pk": f"lane#{LANE}", "sk": mine.sequence}), len(world.inbox.due(LANE, START, 9))


def readmit(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    world.inbox.park(mine, reason="worker_crashed", message="Parked.")
    lose()
    return world.inbox.readmit(mine.evolve(epoch=0), was=State.PARKED, times=0)


def finish(world: LossyWorld, lose: Callable[[], None]) -> Any:
    mine = begun(world)
    lose()
    result = Result(outcome=Outcome.CREATED, record_id="00Q000000000001AAA")
    world.inbox.finish([an_ending(mine, result=result, guards=GUARDS, written=True)])
    obtained = world.keys.guard({"next": GUARDS}, UNTIL, START)
    return record_of(world, mine.execution_id), {name: dict(found.last) for name, found in obtained["next"].items()}


def claim_keys(world: LossyWorld, lose: Callable[[], None]) -> Any:
    events = [an_event(1), an_event(2)]
    for event in events:
        world.inbox.add(event, arrival_of(event))
    first, second = world.inbox.claim(events, 1)
    lose()
    return list(world.keys.claim([(first, a_claim("claim#a")), (second, a_claim("claim#b"))]))


def guard_keys(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lose()
    return sorted(world.keys.guard({"mine": GUARDS}, UNTIL, START))


def release_keys(world: LossyWorld, lose: Callable[[], None]) -> Any:
    world.keys.guard({"mine": GUARDS}, UNTIL, START)
    lose()
    world.keys.release("mine", GUARDS)
    return sorted(world.keys.guard({"next": GUARDS}, UNTIL, START))


def put_configuration(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lose()
    stored, changed = world.configurations.put(an_action())
    return stored.version, changed


def announce(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lose()
    return world.lanes.announce(LANE, START)


def take(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lose()
    lease = world.lanes.take(LANE, START)
    return lease is not None and world.lanes.renew(lease, START) is not None


def renew(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    lose()
    return world.lanes.renew(lease, START + timedelta(seconds=9))


def release_lane(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    lose()
    return world.lanes.release(lease), world.lanes.take(LANE, START) is not None


def lift(world: LossyWorld, lose: Callable[[], None]) -> Any:
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    lose()
    return world.lanes.lift(lease, 7)


def settle(world: LossyWorld, lose: Callable[[], None]) -> Any:
    world.lanes.announce(LANE, START, {"b": GROWN})
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    lose()
    world.lanes.settle(lease, {"b": LEFT})
    return _buffers(world)


def settle_beside_an_arrival(world: LossyWorld, lose: Callable[[], None]) -> Any:
    world.lanes.announce(LANE, START, {"b": GROWN})
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    world.lanes.announce(LANE, START, {"b": GROWN})
    lose()
    world.lanes.settle(lease, {"b": LEFT})
    return _buffers(world)


def _buffers(world: LossyWorld) -> Any:
    buffer = world.lanes.idle(START + timedelta(days=1))[LANE]["b"]
    return buffer.count, buffer.bytes


TRANSACTIONS = (
    settle,
    settle_beside_an_arrival,
    add,
    set_aside,
    claim_events,
    save,
    defer,
    park,
    relinquish,
    hurry,
    readmit,
    finish,
    claim_keys,
    guard_keys,
    release_keys,
    put_configuration,
)
SINGLE = (announce, take, renew, release_lane, lift)


@pytest.mark.fault("FA02")
@pytest.mark.parametrize(
    ("operation", "how"),
    [
        *(
            pytest.param(each, how, id=f"{each.__name__} {how}")
            for each in TRANSACTIONS
            for how in ("by us", "by the SDK")
        ),
        *(pytest.param(each, "by the SDK", id=each.__name__) for each in SINGLE),
    ],
)
def test_our_own_write_is_not_in_our_way(operation: Callable[[LossyWorld, Callable[[], None]], Any], how: str) -> None:
    """A write that is committed, loses its answer and is sent again answers as if nothing had been lost."""
    with local_aws():
        expected = operation(LossyWorld(), lambda: None)
    with local_aws():
        world = LossyWorld()
        answer = operation(world, lambda: world.lose(how))

    assert expected
    assert answer == expected


@pytest.mark.fault("FA02")
def test_a_real_duplicate_is_still_one_on_a_lossy_wire(world: LossyWorld) -> None:
    """Where another owner holds the key, the repeated write of a newcomer finds that owner and changes nothing."""
    first, second, third = an_event(1), an_event(2), an_event(3)
    claim(world, [(first, a_claim()), (second, a_claim("claim#other"))])
    (held,) = world.inbox.claim([second], 1)
    world.keys.guard({first.execution_id: GUARDS}, UNTIL, START)
    assert world.lanes.take(LANE, START) is not None
    before = sorted(map(str, world.items("KeysTable")))
    world.lose("by the SDK")

    assert list(world.keys.claim([(held, a_claim())])) == [first.execution_id]
    assert dict(world.keys.guard({second.execution_id: GUARDS}, UNTIL, START)) == {}
    assert world.lanes.take(LANE, START) is None
    assert world.inbox.add(third, arrival_of(third)) is True
    assert world.inbox.add(third, arrival_of(third)) is False

    assert sorted(map(str, world.items("KeysTable"))) == before


@pytest.mark.fault("FA02")
def test_a_transaction_that_was_refused_is_not_repeated_under_its_token(world: LossyWorld) -> None:
    """Only an unknown outcome keeps its token: after a conflict the next try is a new request."""
    conflict = refusal("TransactionCanceledException", "x", reasons=[{"Code": "TransactionConflict"}])
    lost = refusal("InternalServerError", "x", status=500)
    world.inbox.add(an_event(), arrival_of(an_event()))
    (held,) = world.inbox.claim([an_event()], 1)
    before = len(world.unsteady.called("transact_write_items"))
    world.unsteady.before["transact_write_items"] = [lost, conflict]

    world.keys.claim([(held, a_claim())])

    first, again, fresh = [
        call["ClientRequestToken"] for call in world.unsteady.called("transact_write_items")[before:]
    ]
    assert first == again
    assert fresh != first


@pytest.mark.fault("FA03")
def test_guards_and_leases_past_their_end_are_free_although_nothing_was_removed(world: LossyWorld) -> None:
    """With the TTL sweeper frozen for nine days, the items of a dead worker keep nobody from the work."""
    event = begun(world)
    assert world.lanes.take(LANE, START) is not None
    later = START + timedelta(days=9)
    items = [item for item in world.items("KeysTable") if "ttl" in item]
    assert len(items) == len(GUARDS)
    assert all(item["ttl"] < later.timestamp() for item in items)

    assert "next" in world.keys.guard({"next": GUARDS}, later + timedelta(minutes=5), later)
    lease = world.lanes.take(LANE, later)
    assert lease is not None
    (again,) = world.inbox.claim(world.inbox.due(LANE, later, 9), lease.epoch)
    assert (again.execution_id, again.crashes) == (event.execution_id, 1)


@pytest.mark.fault("FA04")
def test_a_lifted_lease_fences_what_came_before_it(world: LossyWorld) -> None:
    """After the lane's item was lost its counter begins at 1; lifted, it and its successors may take old events."""
    event = an_event()
    world.inbox.add(event, arrival_of(event))
    world.inbox.claim([event], 40)
    lease = world.lanes.take(LANE, START)
    assert lease is not None
    assert lease.epoch == 1

    lifted = world.lanes.lift(lease, 40)

    assert lifted is not None
    assert lifted.epoch == 41
    assert world.lanes.renew(lease, START) is None, "the lower epoch is fenced"
    assert world.lanes.release(lifted)
    heir = world.lanes.take(LANE, START)
    assert heir is not None
    assert [each.epoch for each in world.inbox.claim([event], heir.epoch)] == [42]
    assert world.lanes.lift(lease, 99) is None, "a lease that was lost lifts nothing"


@pytest.mark.fault("FA04")
def test_an_execution_whose_log_vanished_is_not_a_reason_to_fail(world: LossyWorld) -> None:
    """The log item of a waiting event is gone: the message is stored again in its place, and waits once."""
    event = an_event()
    world.inbox.add(event, arrival_of(event))
    client = cast("Any", world.raw)
    key = {"pk": {"S": f"execution#{event.execution_id}"}, "sk": {"S": "log"}}
    client.delete_item(TableName="ExecutionsTable", Key=key)

    assert world.inbox.add(event, arrival_of(event)) is True

    assert list(world.inbox.due(LANE, START, 9)) == [event]
