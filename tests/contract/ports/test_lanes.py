"""The lanes: one drainer each, and no event without an owner."""

from datetime import timedelta

import pytest

from leadbridge.ports import Lease
from tests.contract.ports.builders import LANE
from tests.contract.ports.worlds import LEASE, DynamoWorld, World

MOMENT = timedelta(milliseconds=1)


def taken(world: World, lane: str = LANE) -> Lease:
    """The lease of a lane that is free."""
    lease = world.lanes.take(lane, world.clock.now())
    assert lease is not None
    return lease


def test_one_holder_at_a_time(world: World) -> None:
    """While a lease lives nobody else obtains it; another lane is free."""
    taken(world)

    assert world.lanes.take(LANE, world.clock.now()) is None
    assert world.lanes.take("other", world.clock.now()) is not None


@pytest.mark.parametrize(
    ("past", "is_free"),
    [
        pytest.param(-MOMENT, False, id="before its end"),
        pytest.param(timedelta(), False, id="at its end"),
        pytest.param(MOMENT, True, id="after its end"),
    ],
)
def test_a_lease_that_is_not_renewed_ends(world: World, past: timedelta, is_free: bool) -> None:
    """`take`, `announce` and `idle` agree on the moment from which a dead holder's lane is free."""
    lease = taken(world)
    then = world.clock.now() + LEASE + past

    assert list(world.lanes.idle(then)) == [LANE] * is_free
    assert world.lanes.announce(LANE, then) is is_free
    again = world.lanes.take(LANE, then)
    assert (again.epoch if again else None) == (lease.epoch + 1 if is_free else None)


def test_the_epoch_grows_with_every_lease(world: World) -> None:
    """Three holders in turn, by release and by expiry, have epochs each higher than the one before."""
    first = taken(world)
    assert world.lanes.release(first)
    second = taken(world)
    world.clock.advance(seconds=61)
    third = taken(world)

    assert first.epoch < second.epoch < third.epoch


def test_a_renewed_lease_lives_on(world: World) -> None:
    """A lease renewed in time is held beyond its first end."""
    lease = taken(world)
    world.clock.advance(seconds=50)

    renewed = world.lanes.renew(lease, world.clock.now())

    assert renewed == lease
    world.clock.advance(seconds=50)
    assert world.lanes.take(LANE, world.clock.now()) is None


@pytest.mark.fault("FA14")
def test_a_lease_that_another_took_over_is_lost(world: World) -> None:
    """Its former holder can neither renew nor release it, and the new holder keeps it."""
    zombie = taken(world)
    world.clock.advance(seconds=61)
    owner = taken(world)

    assert world.lanes.renew(zombie, world.clock.now()) is None
    assert world.lanes.release(zombie) is False
    assert world.lanes.release(zombie, even_if_arrived=True) is False

    assert world.lanes.renew(owner, world.clock.now()) == owner


def test_a_released_lease_cannot_be_renewed(world: World) -> None:
    """Whoever gave the lane up does not get it back by renewing."""
    lease = taken(world)
    assert world.lanes.release(lease)

    assert world.lanes.renew(lease, world.clock.now()) is None


def test_renewing_what_was_never_taken_fails(world: World) -> None:
    """A lane that was only announced has no lease to renew, and neither has one nobody ever named."""
    world.lanes.announce(LANE, world.clock.now())

    assert world.lanes.renew(Lease(lane=LANE, epoch=0, arrivals=1), world.clock.now()) is None
    assert world.lanes.renew(Lease(lane="unknown", epoch=1, arrivals=0), world.clock.now()) is None


def test_an_arrival_keeps_the_lease_from_being_released(world: World) -> None:
    """A release with the count from before the arrival is refused; after renewing it is accepted."""
    lease = taken(world)
    assert world.lanes.announce(LANE, world.clock.now()) is False

    assert world.lanes.release(lease) is False
    assert world.lanes.take(LANE, world.clock.now()) is None

    seen = world.lanes.renew(lease, world.clock.now())
    assert seen is not None
    assert world.lanes.release(seen) is True
    assert world.lanes.take(LANE, world.clock.now()) is not None


def test_handing_over_ignores_arrivals(world: World) -> None:
    """A holder whose time is up can release although something arrived."""
    lease = taken(world)
    world.lanes.announce(LANE, world.clock.now())

    assert world.lanes.release(lease, even_if_arrived=True) is True
    assert taken(world).epoch == lease.epoch + 1


def test_the_first_announcement_asks_for_a_ring(world: World) -> None:
    """A lane nobody drains needs one, a lane under a live lease does not."""
    assert world.lanes.announce(LANE, world.clock.now()) is True

    taken(world)
    assert world.lanes.announce(LANE, world.clock.now()) is False


def test_an_announcement_after_a_release_asks_for_a_ring_at_once(world: World) -> None:
    """Each arrival that finds the lane given up asks for a drainer, however shortly after the ring before."""
    for _ in range(3):
        assert world.lanes.announce(LANE, world.clock.now()) is True
        assert world.lanes.release(taken(world)) is True


def test_a_burst_asks_for_one_ring(world: World) -> None:
    """Of the arrivals within ten seconds on a lane nobody has taken, the first asks; a later one asks again."""
    asked = [world.lanes.announce(LANE, world.clock.now()) for _ in range(5)]

    assert asked == [True, False, False, False, False]
    world.clock.advance(seconds=10.001)
    assert world.lanes.announce(LANE, world.clock.now()) is True


def test_idle_lanes_are_those_without_a_live_lease(world: World) -> None:
    """Announced, released and expired lanes are listed; a held one is not."""
    world.lanes.announce("announced", world.clock.now())
    taken(world, "expired")
    world.clock.advance(seconds=61)
    world.lanes.release(taken(world, "released"))
    taken(world, "held")

    assert sorted(world.lanes.idle(world.clock.now())) == ["announced", "expired", "released"]


def test_a_ring_that_overlaps_a_drainer_does_not_silence_the_next(dynamo_world: DynamoWorld) -> None:
    """A drainer takes and gives up the lane while an arrival is being announced; the next arrival still rings."""
    world = dynamo_world
    world.lanes.announce(LANE, world.clock.now())
    leases: list[Lease] = []
    world.unsteady.meanwhile["update_item"] = [lambda: None, lambda: leases.append(taken(world))]
    world.lanes.announce(LANE, world.clock.advance(seconds=20))  # its drainer is faster than its own second step
    (lease,) = leases
    assert world.lanes.release(lease) is True

    assert world.lanes.announce(LANE, world.clock.now()) is True


def test_an_open_lane_is_known_and_otherwise_as_it_was(world: World) -> None:
    """A lane that was only opened is looked at by whoever looks for due work; an opened one that is held stays held."""
    lease = taken(world, "held")

    world.lanes.open("held")
    world.lanes.open("new")

    assert world.lanes.idle(world.clock.now()).keys() == {"new"}
    assert world.lanes.renew(lease, world.clock.now()) == lease
    assert world.lanes.announce("new", world.clock.now()) is True
