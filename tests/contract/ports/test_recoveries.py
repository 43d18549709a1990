"""What recovery of lost calls remembers, and calls that end without a run."""

from datetime import timedelta

import pytest

from leadbridge.aws.recoveries import DynamoRecoveries
from leadbridge.domain.event import Result
from leadbridge.domain.outcome import Outcome, Reason
from leadbridge.domain.recovery import Meetings
from leadbridge.usecases.late_calls import Endings, Recoveries
from tests.builders.events import a_payload, an_arrival, an_event
from tests.contract.ports.worlds import RETENTION, DynamoWorld, World
from tests.fakes.recoveries import InMemoryRecoveries

KNOWN = Meetings(
    recovered={"rec1": ("2026-03-02T12:00:00.000Z", ""), "rec2": ("2026-03-02T12:01:00.000Z", "a")},
    late={"b": "2026-03-02T12:02:00.000Z"},
)


@pytest.fixture
def recoveries(world: World) -> Recoveries:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoRecoveries(world.dynamodb, table="ExecutionsTable", retention=RETENTION, now=world.clock.now)
    return InMemoryRecoveries()


def test_how_far_an_action_has_come_is_remembered_for_each(recoveries: Recoveries, world: World) -> None:
    """Nothing at first; then what was noted last, also if that is earlier."""
    now = world.clock.now()
    assert recoveries.reached("one") is None

    recoveries.reach("one", now)
    recoveries.reach("two", now + timedelta(hours=1))
    recoveries.reach("one", now - timedelta(hours=1))

    assert recoveries.reached("one") == now - timedelta(hours=1)
    assert recoveries.reached("two") == now + timedelta(hours=1)


def test_what_is_known_is_replaced_by_who_read_it_last_only(recoveries: Recoveries) -> None:
    """Of two who read the same version one is refused; it reads anew and goes on."""
    assert recoveries.meetings("person") == (Meetings(), 0)

    assert recoveries.meet("person", KNOWN, 0)
    assert not recoveries.meet("person", Meetings(), 0)

    known, version = recoveries.meetings("person")
    assert known == KNOWN
    assert recoveries.meet("person", Meetings(late={"c": "2026-03-02T12:03:00.000Z"}), version)
    assert not recoveries.meet("person", KNOWN, version)
    assert recoveries.meetings("another") == (Meetings(), 0)


def test_a_call_that_ends_without_a_run_is_recorded_once_and_waits_nowhere(world: World) -> None:
    """It has its outcome and reason at once, no payload is kept, and what is known already stays as it is."""
    inbox: Endings = world.inbox  # type: ignore[assignment]  # both implementations have it
    result = Result(outcome=Outcome.DUPLICATE, reason=Reason.DUPLICATE_RECOVERED, message="told")
    known = an_arrival(2, payload=a_payload(2))
    world.inbox.add(an_event(2, payload=a_payload(2)), known)

    assert inbox.close(an_arrival(1), result)
    assert not inbox.close(an_arrival(1), result)
    assert not inbox.close(known, result)

    item = world.log.get(an_arrival(1).execution_id)
    assert item is not None
    assert (item["state"], item["outcome"], item["reason"]) == ("ended", "duplicate", "duplicate_recovered")
    assert (item["message"], item["writeback"]["status"], item["lead_id"]) == ("told", "not_attempted", "7")
    assert item["ttl"] == int((world.clock.now() + RETENTION).timestamp())
    assert world.log.kept(an_arrival(1).execution_id) is None
    other = world.log.get(known.execution_id)
    assert other is not None
    assert other["state"] == "waiting"
