"""Fault cases of our own running: vanished items, killed and slow workers, reordered and parked events."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import QuotaExhaustedError, RateLimitedError, TransientError
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.world import LEASE, World
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.keys import InMemoryKeys
from tests.fakes.lanes import InMemoryLanes
from tests.fakes.steps import Crash


def everybody_once(world: World, *lead_ids: int) -> None:
    """Each person has one record, its id and one activity per execution; each execution ended once."""
    assert sorted(lead["Email"] for lead in world.leads()) == sorted(f"person{one}@example.com" for one in lead_ids)
    by_email = {lead["Email"]: lead["Id"] for lead in world.leads()}
    for lead_id in lead_ids:
        assert world.marketo.leads[lead_id]["salesforceId"] == by_email[f"person{lead_id}@example.com"]
    sent = [str(activity.attributes["executionId"]) for activity in world.marketo.logged()]
    assert sorted(sent) == sorted(world.inbox.logged)
    assert set(world.inbox.ends.values()) == {1}


def die_at(world: World, name: str) -> None:
    """Run until the worker dies at a step of that name."""
    step = world.steps

    def mortal(taken: str) -> None:
        if taken == name:
            raise Crash(taken)

    world.salesforce._step = world.marketo._step = world.inbox._step = mortal
    with pytest.raises(Crash):
        world.drain()
    world.salesforce._step = world.marketo._step = world.inbox._step = step
    world.clock.advance(LEASE.total_seconds() + 1)


def forget_keys(world: World) -> None:
    """Lose the keys table: dedupe claims, guards and the newest sequences."""
    world.keys = InMemoryKeys(step=world.steps)
    world.keys.in_hand = world.inbox._holds
    world.inbox._keys = world.keys


# -- items that vanish


@pytest.mark.fault("FA04", "FA05")
@pytest.mark.pain("P07")
@pytest.mark.parametrize("idempotency", [False, True], ids=["by e-mail", "by idempotency field"])
@pytest.mark.parametrize("lost", ["a worker", "an answer"])
def test_keys_that_vanish_between_write_and_outcome_make_no_second_record(*, idempotency: bool, lost: str) -> None:
    """The create was committed, then the keys table was lost: the record is found at the vendor, "created" once."""
    destination: dict[str, Any] = {"connection": SALESFORCE, "object": "Lead"}
    destination |= {"idempotency_field": "Leadbridge__c"} if idempotency else {}
    world = World(an_action(destination=destination))
    executions = [world.receive(lead_id) for lead_id in (1, 2)]
    if lost == "a worker":
        die_at(world, "salesforce.create.done")
    else:
        world.salesforce.trouble.lose_answer("create", late_seconds=20)
        world.drain(remaining=lambda: 152.0)
    forget_keys(world)

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 2
    assert world.salesforce.trouble.made("create") == 1
    everybody_once(world, 1, 2)


@pytest.mark.fault("FA04")
def test_a_claim_that_vanished_lets_the_next_event_update_and_not_create() -> None:
    """The dedupe claim was removed early: the second event is not called a duplicate, and it finds the record."""
    world = World(an_action(deduplicate={"columns": ["email"], "window_seconds": 300}))
    first = world.receive(1)
    world.drain()
    forget_keys(world)

    second = world.receive(1)
    world.run_out()

    assert (world.ended(first), world.ended(second)) == (("created", ""), ("updated", ""))
    assert len(world.leads()) == 1


@pytest.mark.fault("FA04")
@pytest.mark.parametrize("epoch", [7, 50_000], ids=["restored to an hour ago", "lost"])
def test_a_lane_whose_counter_was_set_back_is_drained_all_the_same(epoch: int) -> None:
    """Events held by epochs that the restored lane does not know are run by the next worker, none stuck or doubled."""
    world = World()
    for _ in range(epoch if epoch < 100 else 1):
        lease = world.lanes.take(SALESFORCE, world.clock.now())
        assert lease is not None
        world.lanes.release(lease)
    executions = [world.receive(1), world.receive(2)]
    world.inbox.claim(world.inbox.due(SALESFORCE, world.clock.now(), 200), epoch)
    world.lanes = InMemoryLanes(lease=LEASE, step=world.steps)
    world.bell.rung.clear()
    calls = len(world.steps.taken)

    first = world.drain()

    assert first["end"] == "handed over", "the next worker is above all epochs that its events know"
    assert world.bell.rung == [SALESFORCE]
    assert len(world.steps.taken) - calls < 30, "nobody turns in a circle"
    world.run_out()
    assert [world.ended(execution) for execution in executions] == [("created", "")] * 2
    everybody_once(world, 1, 2)


@pytest.mark.fault("FA04", "FA09")
def test_a_log_that_vanished_lets_a_redelivery_find_the_record() -> None:
    """The execution is forgotten early and its message comes again: the record is updated, not made a second time."""
    world = World()
    world.receive(1)
    world.drain()
    world.inbox = InMemoryInbox(keys=world.keys, now=world.clock.now, step=world.steps)
    world.serial = 0

    again = world.receive(1)
    world.run_out()

    assert world.ended(again) == ("updated", "")
    assert len(world.leads()) == 1


# -- workers that die or are slow


@pytest.mark.fault("FA05")
@pytest.mark.parametrize(
    "step",
    [
        "salesforce.create",
        "salesforce.create.done",
        "inbox.save",
        "marketo.sync_leads.done",
        "marketo.add_custom_activities",
        "marketo.add_custom_activities.done",
        "inbox.finish",
    ],
)
def test_a_worker_killed_between_write_and_outcome_leaves_one_record_and_one_outcome(step: str) -> None:
    """Whoever comes next finds the record by its key and writes the outcome "created" once; nothing is sent twice."""
    world = World()
    executions = [world.receive(lead_id) for lead_id in (1, 2, 3)]
    die_at(world, step)

    world.run_out()

    assert [world.ended(execution) for execution in executions] == [("created", "")] * 3
    assert world.outcomes() == {"created": 3}
    everybody_once(world, 1, 2, 3)


def slow(world: World, operation: str, seconds: float) -> None:
    """Make every call of an operation take so long."""
    vendor = getattr(world.salesforce, operation)

    def late(*arguments: Any, **named: Any) -> Any:
        world.clock.advance(seconds)
        return vendor(*arguments, **named)

    setattr(world.salesforce, operation, late)


@pytest.mark.fault("FA06")
def test_a_worker_stops_in_time_with_part_of_its_batch_done() -> None:
    """120 of 200 are done when the time runs short: it stops with more than 10 s left and gives 80 back unharmed."""
    world = World()
    people = range(1, 121)
    first = [world.receive(lead_id, firstName="First") for lead_id in people]
    second = [world.receive(lead_id, firstName="Second") for lead_id in range(1, 81)]
    slow(world, "create", 50.0)
    started, left = world.clock.now(), []

    def remaining() -> float:
        left.append(160.0 - (world.clock.now() - started).total_seconds())
        return left[-1]

    # the second wave's look is slow too: there is no time left for its write
    slow(world, "find", 30.0)
    report = world.drain(remaining=remaining)

    assert report["end"] == "handed over"
    assert min(left) > 10
    assert world.outcomes() == {"created": 120}
    assert {world.ended(execution) for execution in first} == {("created", "")}
    assert len(world.inbox.waiting) == 80
    assert {(event.epoch, event.crashes) for event in world.inbox.waiting.values()} == {(0, 0)}
    assert world.salesforce.trouble.made("update") == 0
    assert world.bell.rung[-1] == SALESFORCE
    world.run_out()
    assert Counter(world.ended(execution)[0] for execution in second) == {"updated": 80}
    everybody_once(world, *people)
    assert Counter(lead["FirstName"] for lead in world.leads()) == {"Second": 80, "First": 40}


@pytest.mark.fault("FA08")
def test_of_two_workers_of_one_lane_one_works() -> None:
    """The second worker that was rung for finds the lease taken, in the middle of the first one's create."""
    world = World()
    execution = world.receive(1)
    create = world.salesforce.create
    ends: list[object] = []

    def watched(object_name: str, rows: Any, **options: Any) -> Any:
        ends.append(world.drain()["end"])
        return create(object_name, rows, **options)

    world.salesforce.create = watched  # type: ignore[method-assign]  # the second worker comes in between
    world.drain()

    assert ends == ["held by another"]
    assert world.ended(execution) == ("created", "")
    everybody_once(world, 1)


@pytest.mark.fault("FA07", "FA09")
@pytest.mark.parametrize("later", [0, 301, 4 * 86_400], ids=["at once", "after 5 minutes", "after 4 days"])
def test_a_message_delivered_again_is_no_duplicate_of_itself(later: float) -> None:
    """With a dedupe rule and an event id: the redelivery changes nothing, writes nothing, and is not "duplicate"."""
    world = World(an_action(deduplicate={"columns": ["email"], "window_seconds": 300}))
    execution = world.receive(1, event_id="order-1")
    world.drain()
    calls = list(world.salesforce.trouble.calls)
    world.clock.advance(later)
    world.serial = 0

    assert world.receive(1, event_id="order-1", at=world.clock.now() - timedelta(seconds=later)) == execution
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.salesforce.trouble.calls == calls
    everybody_once(world, 1)


# -- order


@pytest.mark.fault("FT06")
@pytest.mark.pain("P42")
def test_an_older_event_that_comes_after_a_newer_one_is_superseded_per_action() -> None:
    """The newer values stay and the late event says so; an event of another Action, as old, still runs."""
    title = an_action(
        id="titles", mappings=[{"column": "email", "to": "Email"}, {"column": "title", "to": "Title"}], type="update"
    )
    world = World(an_action(), title)
    long_ago = world.clock.now()
    world.clock.advance(60)
    newer = world.receive(1, firstName="Newer")
    world.drain()
    older = world.receive(1, firstName="Older", at=long_ago)
    other = world.receive_payload(
        {"lead": {"id": 1, "email": "person1@example.com", "title": "CTO"}}, at=long_ago, action_id="titles"
    )

    world.run_out()

    assert (world.ended(newer), world.ended(older)) == (("created", ""), ("superseded", "overtaken"))
    assert world.ended(other) == ("updated", "")
    (lead,) = world.leads()
    assert (lead["FirstName"], lead["Title"]) == ("Newer", "CTO")


@pytest.mark.pain("P42")
@pytest.mark.parametrize("batch", [1, 7, 200])
def test_one_persons_events_keep_their_order_whatever_the_batches(batch: int) -> None:
    """Forty events of four persons, one of whose first write is told to wait: the last word of each is the newest."""
    world = World()
    for lead_id in range(1, 5):
        world.salesforce.load("Lead", Email=f"person{lead_id}@example.com")
    busy = TransientError("busy", vendor="salesforce", operation="update", code="SERVER_BUSY")
    world.salesforce.trouble.fail("update", busy)
    for number in range(10):
        for lead_id in range(1, 5):
            world.receive(lead_id, title=f"Title {number}", firstName=f"Name {number}")

    world.run_out(batch=batch)

    assert {lead["FirstName"] for lead in world.leads()} == {"Name 9"}
    assert sum(world.outcomes().values()) == 40


# -- what people complain about


@pytest.mark.fault("FM07", "FS02")
@pytest.mark.pain("P20", "P21")
@pytest.mark.parametrize(
    ("vendor", "operation", "code"),
    [("marketo", "sync_leads", "607"), ("salesforce", "create", "REQUEST_LIMIT_EXCEEDED")],
)
def test_a_spent_quota_is_a_state_with_an_end_and_no_failure(vendor: str, operation: str, code: str) -> None:
    """Parked with the code and the instant, asked at most once an hour, nothing failed, and it goes on by itself."""
    world = World()
    trouble = getattr(world, vendor).trouble
    resets_at = world.clock.now() + timedelta(hours=9)
    trouble.fail(operation, QuotaExhaustedError("used up", resets_at=resets_at, vendor=vendor, code=code), times=10**6)
    executions = [world.receive(lead_id) for lead_id in range(1, 31)]
    for _ in range(8 * 60):
        world.drain()
        world.clock.advance(60)

    assert trouble.made(operation) <= 9
    assert world.states() == {"parked": 30}
    item = world.execution(executions[0])
    assert item["reason"] == f"{vendor}_{code}"
    assert "21:00" in item["message"]
    trouble.heal()
    world.clock.advance(2 * 3600)
    world.run_out()
    assert world.outcomes() == {"created": 30}
    everybody_once(world, *range(1, 31))


@pytest.mark.pain("P22")
def test_a_full_rate_window_costs_one_refusal_for_a_whole_batch() -> None:
    """200 persons meet a full window: one refused call, no failure, and each is told once afterwards."""
    world = World()
    full = RateLimitedError("606", vendor="marketo", code="606", retry_after_seconds=20)
    world.marketo.trouble.fail("sync_leads", full)
    people = range(1, 201)
    for lead_id in people:
        world.receive(lead_id)

    world.run_out()

    assert world.marketo.trouble.made("sync_leads") == 2
    assert world.outcomes() == {"created": 200}
    everybody_once(world, *people)


@pytest.mark.pain("P03", "P41")
def test_an_outage_of_two_days_loses_nobody() -> None:
    """Salesforce is away for 48 hours: the event is tried again, with pauses of at most 15 minutes, and ends."""
    world = World()
    down = TransientError("not available", vendor="salesforce", operation="find", code="SERVER_UNAVAILABLE")
    world.salesforce.trouble.fail("find", down, times=10**6)
    execution = world.receive(1)
    for _ in range(48 * 4):
        world.drain()
        world.clock.advance(900)
    tried = world.salesforce.trouble.made("find")
    assert 100 < tried <= 220
    assert world.execution(execution)["state"] == "waiting"

    world.salesforce.trouble.heal()
    world.clock.advance(901)
    world.run_out()

    assert world.ended(execution) == ("created", "")
    everybody_once(world, 1)


@pytest.mark.pain("P12", "P43", "P45")
def test_each_row_of_a_batch_has_its_own_outcome_and_reason() -> None:
    """Of 200 rows ten are refused with different codes: those ten fail by code and text, 190 are created."""
    world = World()
    codes = [f"CODE_{number}" for number in range(10)]

    def is_row(number: int) -> Callable[[Any], bool]:
        return lambda row: bool(row["Email"] == f"person{1 + 20 * number}@example.com")

    for number, code in enumerate(codes):
        world.salesforce.trouble.refuse_rows("create", is_row(number), code, message=f"text {number}")
    world.salesforce.trouble.refuse_rows(
        "create", lambda row: row["Email"] == "person2@example.com", "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY
    )
    executions = {lead_id: world.receive(lead_id) for lead_id in range(1, 201)}

    world.run_out()

    assert world.outcomes() == {"created": 190, "failed": 10}
    for number, code in enumerate(codes):
        item = world.execution(executions[1 + 20 * number])
        assert item["reason"] == f"salesforce_{code}"
        assert f"text {number}" in item["message"]
    assert world.ended(executions[2]) == ("created", ""), "what is worth a retry was tried again"
