"""The inbox: events between their arrival and their one recorded end."""

from datetime import timedelta

import pytest

from leadbridge.domain.event import INLINE, Event, Intent, Part, Result
from leadbridge.domain.holding import Due
from leadbridge.domain.outcome import Outcome, Reason, State
from tests.contract.ports.builders import LANE, an_ending, an_event, arrival_of
from tests.contract.ports.worlds import DynamoWorld, Kept, Record, World, far, kept_of, record_of, retention_end


def added(world: World, *events: Event) -> None:
    """Store events as they arrive."""
    for event in events:
        assert world.inbox.add(event, arrival_of(event))


def claimed(world: World, *events: Event, epoch: int = 1) -> list[Event]:
    """Store events and mark them as begun."""
    added(world, *events)
    return list(world.inbox.claim(events, epoch))


def waiting(world: World) -> list[Event]:
    """Everything in the lane, due or not."""
    return list(world.inbox.due(LANE, far(world), 1000))


def test_an_added_event_is_due_as_it_was_given(world: World) -> None:
    """`due` returns an event equal to the one that was added, and its execution is shown as waiting."""
    event = an_event()

    assert world.inbox.add(event, arrival_of(event)) is True

    assert world.inbox.due(LANE, world.clock.now(), 200) == [event]
    assert record_of(world, event.execution_id) == Record(state="waiting")
    assert kept_of(world, event.execution_id) is None


def test_everything_an_event_carries_survives_the_store(world: World) -> None:
    """State, intent, result, times and texts come back equal after saving, deferring and reading again."""
    event = an_event(payload={"lead": {"id": 1, "note": 'ünï "quoted"\n\x00 🎈', "blank": "", "n": 1.5, "t": True}})
    (mine,) = claimed(world, event, epoch=3)
    full = mine.evolve(
        state=State.REPORTING,
        attempts=2,
        executed_at=event.received_at + timedelta(seconds=9),
        version=4,
        intent=Intent(
            operation="create",
            at=event.received_at,
            attempt=2,
            record_id=None,
            before=("00Q1", "00Q2"),
            object="Contact",
        ),
        read={"company": "Engines", "score": 7, "phone": None},
        result=Result(outcome=Outcome.FAILED, reason=Reason.AMBIGUOUS_MATCH, message="several", record_id="00Q1"),
        answered=True,
        activity_uncertain=False,
        reason="marketo_606",
        message="Waiting",
        due_at=event.received_at + timedelta(seconds=30),
    )

    assert world.inbox.save([full]) == [full]
    world.inbox.defer([full])

    assert waiting(world) == [full.evolve(epoch=0)]


@pytest.mark.fault("FA07")
def test_an_event_that_waits_is_not_added_again(world: World) -> None:
    """The second delivery of one message answers False and leaves one event with the state it had."""
    event = an_event()
    (mine,) = claimed(world, event)
    world.inbox.save([mine.evolve(state=State.WRITING)])

    assert world.inbox.add(event, arrival_of(event)) is False

    assert [held.state for held in waiting(world)] == [State.WRITING]


@pytest.mark.fault("FA09")
@pytest.mark.parametrize("days", [0, 4, 14])
def test_an_event_that_has_ended_is_not_added_again(world: World, days: int) -> None:
    """A message that comes back days after its event ended answers False; nothing waits and the record stands."""
    event = an_event()
    (mine,) = claimed(world, event)
    world.inbox.finish([an_ending(mine)])
    before = record_of(world, event.execution_id)
    world.clock.advance(days=days)

    assert world.inbox.add(event, arrival_of(event)) is False

    assert waiting(world) == []
    assert record_of(world, event.execution_id) == before


def test_a_call_that_was_set_aside_is_not_set_aside_again(world: World) -> None:
    """The second delivery of a rejected call answers False, and so does adding an event of the same id."""
    event = an_event()
    refused = arrival_of(event, kind="rejected", payload=None, body="eA==")
    assert world.inbox.set_aside(refused, state=State.REJECTED, reason="lead_missing", message="No lead.") is True

    assert world.inbox.set_aside(refused, state=State.REJECTED, reason="other", message="Other.") is False
    assert world.inbox.add(event, arrival_of(event)) is False

    assert record_of(world, event.execution_id) == Record(state="rejected", reason="lead_missing", message="No lead.")
    assert waiting(world) == []


def test_due_events_come_in_sequence_order_up_to_the_limit(world: World) -> None:
    """Added in any order, the first events by sequence are returned, as many as asked for."""
    added(world, *(an_event(number) for number in (5, 2, 9, 1)))

    found = world.inbox.due(LANE, world.clock.now(), 3)

    assert [event.lead_id for event in found] == [1, 2, 5]


def test_lanes_do_not_mix(world: World) -> None:
    """A lane returns its own events only; a lane nobody used is empty."""
    added(world, an_event(1), an_event(2, lane="other"))

    assert [event.lead_id for event in world.inbox.due("other", world.clock.now(), 200)] == [2]
    assert [event.lead_id for event in world.inbox.due(LANE, world.clock.now(), 200)] == [1]
    assert list(world.inbox.due("unused", world.clock.now(), 200)) == []


@pytest.mark.parametrize(
    ("seconds", "is_due"),
    [pytest.param(-1, False, id="before"), pytest.param(0, True, id="at"), pytest.param(1, True, id="after")],
)
def test_a_deferred_event_is_due_from_its_due_time_on(world: World, seconds: int, is_due: bool) -> None:
    """Before its due time `due` and `first_due` leave an event out, from that instant on they find it."""
    event = an_event()
    due_at = event.received_at + timedelta(minutes=10)
    (mine,) = claimed(world, event)
    world.inbox.defer([mine.evolve(due_at=due_at, attempts=1, reason="marketo_606", message="Waiting.")])
    now = due_at + timedelta(seconds=seconds)

    assert [held.execution_id for held in world.inbox.due(LANE, now, 200)] == [event.execution_id] * is_due
    first = world.inbox.first_due(LANE, now)
    assert (first and first.received_at) == (event.received_at if is_due else None)


def test_first_due_tells_the_arrival_of_the_first_event_that_is_due(world: World) -> None:
    """An earlier event that is not due yet does not count; an empty lane has none."""
    assert world.inbox.first_due(LANE, far(world)) is None

    first, second, third = an_event(1), an_event(2), an_event(3)
    (mine,) = claimed(world, first)
    world.inbox.defer([mine.evolve(due_at=first.received_at + timedelta(hours=1))])
    added(world, third, second)

    found = world.inbox.first_due(LANE, first.received_at)
    assert found == Due(action_id=second.action_id, begun=False, received_at=second.received_at)
    assert [event.lead_id for event in world.inbox.due(LANE, world.clock.now(), 200)] == [2, 3]


def test_the_first_claim_counts_no_crash(world: World) -> None:
    """Events nobody has held are claimed with the epoch and without a crash, and are stored so."""
    begun = claimed(world, an_event(1), an_event(2), epoch=4)

    assert [(event.epoch, event.crashes) for event in begun] == [(4, 0), (4, 0)]
    assert waiting(world) == begun


def test_a_claim_counts_a_crash_only_where_an_older_epoch_still_held_the_event(world: World) -> None:
    """Of four events, the one left behind by an older lease counts; one claimed twice by its lease does not."""
    left_behind, given_back = claimed(world, an_event(1), an_event(2), epoch=1)
    world.inbox.defer([given_back])
    (own,) = claimed(world, an_event(3), epoch=2)
    added(world, an_event(4))

    begun = world.inbox.claim(waiting(world), 2)

    assert [(event.lead_id, event.crashes) for event in begun] == [(1, 1), (2, 0), (3, 0), (4, 0)]
    assert {event.epoch for event in begun} == {2}
    again = world.inbox.claim(waiting(world), 3)
    assert [event.crashes for event in again] == [2, 1, 1, 1]
    assert own.crashes == left_behind.crashes == 0


@pytest.mark.fault("FA14")
def test_an_older_epoch_can_no_longer_claim(world: World) -> None:
    """A holder that comes back late gets none of the events a newer lease has begun, but those that nobody held."""
    stale = [an_event(1), an_event(2)]
    added(world, *stale)
    world.inbox.claim(stale[:1], 2)

    begun = world.inbox.claim(stale, 1)

    assert [event.lead_id for event in begun] == [2]
    assert [(event.lead_id, event.epoch) for event in waiting(world)] == [(1, 2), (2, 1)]


@pytest.mark.fault("FA14")
def test_an_older_epoch_does_not_claim_what_a_newer_one_has_given_back(world: World) -> None:
    """A holder that read an event long ago cannot write its old copy over what a newer lease stored and let go of."""
    (old,) = stale = [an_event(1)]
    added(world, *stale)
    (newer,) = world.inbox.claim(stale, 2)
    world.inbox.defer([newer.evolve(state=State.WRITING)])

    assert list(world.inbox.claim(stale, 1)) == []
    world.inbox.defer([old.evolve(epoch=1)])

    (kept,) = waiting(world)
    assert (kept.state, kept.epoch) == (State.WRITING, 0)
    assert [event.epoch for event in world.inbox.claim([kept], 2)] == [2]


@pytest.mark.fault("FA14")
def test_an_older_epoch_does_not_claim_what_a_person_brought_back(world: World) -> None:
    """An event that was parked by a newer lease and redriven is not the older holder's either."""
    stale = [an_event(1)]
    added(world, *stale)
    (newer,) = world.inbox.claim(stale, 2)
    world.inbox.park(newer, reason="worker_crashed", message="Parked.")
    assert world.inbox.readmit(newer.evolve(epoch=0), was=State.PARKED, times=0)

    assert list(world.inbox.claim(stale, 1)) == []


def test_a_victim_of_a_crash_begins_anew(world: World) -> None:
    """Who takes an event over from a dead lease does not keep the time at which that one began it."""
    (mine,) = claimed(world, an_event(1), epoch=1)
    world.inbox.save([mine.evolve(executed_at=world.clock.now())])

    (taken,) = world.inbox.claim(waiting(world), 2)
    world.inbox.save([taken.evolve(executed_at=world.clock.now())])
    (again,) = world.inbox.claim(waiting(world), 2)

    assert (taken.executed_at, again.executed_at) == (None, world.clock.now())


@pytest.mark.fault("FA14")
def test_what_an_older_epoch_saves_is_refused(world: World) -> None:
    """A zombie's save changes nothing and is not among the answers; the newer holder's is."""
    event = an_event()
    (zombie,) = claimed(world, event, epoch=1)
    (owner,) = world.inbox.claim([zombie], 2)

    assert list(world.inbox.save([zombie.evolve(state=State.WRITING)])) == []
    assert waiting(world) == [owner]

    written = owner.evolve(state=State.WRITING)
    assert world.inbox.save([written]) == [written]


def test_saving_tells_which_events_are_still_held(world: World) -> None:
    """Of three saved events, the one that a newer lease took is left out and the others are stored."""
    first, second, third = claimed(world, an_event(1), an_event(2), an_event(3))
    world.inbox.claim([second], 2)

    kept = world.inbox.save([event.evolve(state=State.WRITING) for event in (first, second, third)])

    assert [event.lead_id for event in kept] == [1, 3]
    assert [event.state for event in waiting(world)] == [State.WRITING, State.WAITING, State.WRITING]


@pytest.mark.fault("FA14")
def test_what_an_older_epoch_ends_is_refused(world: World) -> None:
    """A zombie's outcome is not recorded and the event stays with its newer holder."""
    (zombie,) = claimed(world, an_event(), epoch=1)
    (owner,) = world.inbox.claim([zombie], 2)

    recorded = world.inbox.finish([an_ending(zombie, Outcome.FAILED)])

    assert recorded == []  # so that it is not counted either
    assert waiting(world) == [owner]
    assert record_of(world, owner.execution_id) == Record(state="waiting")


@pytest.mark.fault("FA14")
def test_what_an_older_epoch_gives_back_or_parks_is_refused(world: World) -> None:
    """A zombie can neither defer nor park an event that a newer lease holds."""
    (zombie,) = claimed(world, an_event(), epoch=1)
    (owner,) = world.inbox.claim([zombie], 2)

    world.inbox.defer([zombie.evolve(due_at=far(world))])
    world.inbox.park(zombie, reason=Reason.WORKER_CRASHED, message="Parked.")

    assert waiting(world) == [owner]
    assert kept_of(world, owner.execution_id) is None
    assert record_of(world, owner.execution_id) == Record(state="waiting")


def test_an_end_is_recorded_and_the_event_is_gone(world: World) -> None:
    """The execution shows outcome, reason, sentence, record id and both parts; nothing is left in the lane."""
    (mine,) = claimed(world, an_event())
    result = Result(outcome=Outcome.UPDATED, reason="", message="Done.", record_id="00Q000000000009AAA")

    world.inbox.finish(
        [an_ending(mine, result=result, writeback=Part(status="failed", reason="marketo_1003", message="No."))]
    )

    assert waiting(world) == []
    assert kept_of(world, mine.execution_id) is None
    assert record_of(world, mine.execution_id) == Record(
        state="ended",
        outcome="updated",
        message="Done.",
        salesforce_id="00Q000000000009AAA",
        writeback="failed",
        activity="added",
    )


def test_an_end_tells_of_a_membership_where_there_is_one(world: World) -> None:
    """What became of a program membership is shown beside the others; of an Action without a program nothing is."""
    (mine,) = claimed(world, an_event(1))
    (other,) = claimed(world, an_event(2))

    world.inbox.finish([an_ending(mine, member=Part(status="failed", reason="marketo_1013", message="No."))])
    world.inbox.finish([an_ending(other)])

    ended = [world.log.get(each.execution_id) or {} for each in (mine, other)]
    assert ended[0]["member"] == {"status": "failed", "reason": "marketo_1013", "message": "No."}
    assert "member" not in ended[1]


def test_ends_are_recorded_for_each_event_by_itself(world: World) -> None:
    """One end that is refused keeps none of the others of the call from being recorded."""
    begun = claimed(world, *(an_event(number) for number in range(1, 5)))
    world.inbox.claim([begun[1]], 2)

    recorded = world.inbox.finish([an_ending(event) for event in begun])

    assert [ending.event.lead_id for ending in recorded] == [1, 3, 4]
    assert [event.lead_id for event in waiting(world)] == [2]
    records = [record_of(world, event.execution_id) for event in begun]
    assert [record.state for record in records if record] == ["ended", "waiting", "ended", "ended"]


def test_an_end_lets_go_of_its_guards_and_leaves_the_sequence(world: World) -> None:
    """After a written end another owner obtains the guards at once and learns the sequence written under each."""
    (mine,) = claimed(world, an_event(1))
    guards = ("guard#lead#1", "guard#match#a")
    now = world.clock.now()
    world.keys.guard({mine.execution_id: guards}, now + timedelta(minutes=5), now)

    world.inbox.finish([an_ending(mine, guards=guards, written=True)])

    obtained = world.keys.guard({"another": guards}, now + timedelta(minutes=5), now)
    assert {guard: dict(found.last) for guard, found in obtained["another"].items()} == {
        guard: {mine.action_id: mine.sequence} for guard in guards
    }


def test_an_end_without_a_write_leaves_no_sequence(world: World) -> None:
    """After an end that wrote nothing the guards are free and tell of no newer write."""
    (mine,) = claimed(world, an_event(1))
    now = world.clock.now()
    world.keys.guard({mine.execution_id: ["guard#a"]}, now + timedelta(minutes=5), now)

    world.inbox.finish([an_ending(mine, Outcome.FAILED, guards=("guard#a",), written=False)])

    obtained = world.keys.guard({"another": ["guard#a"]}, now + timedelta(minutes=5), now)
    assert dict(obtained["another"]["guard#a"].last) == {}


def test_an_end_leaves_an_expired_guard_that_is_anothers_by_now(world: World) -> None:
    """The outcome is recorded, the own guard is let go, the one that another took over stays the other's."""
    (mine,) = claimed(world, an_event(1))
    now = world.clock.now()
    world.keys.guard({mine.execution_id: ["guard#a", "guard#b"]}, now + timedelta(minutes=5), now)
    later = world.clock.advance(minutes=6)
    world.keys.guard({"another": ["guard#b"]}, later + timedelta(minutes=5), later)

    world.inbox.finish([an_ending(mine, guards=("guard#a", "guard#b"), written=True)])

    record = record_of(world, mine.execution_id)
    assert record is not None
    assert record.outcome == "created"
    obtained = world.keys.guard(
        {"third": ["guard#a"], "fourth": ["guard#b"]}, later + timedelta(minutes=5), later + timedelta(minutes=1)
    )
    assert set(obtained) == {"third"}
    assert waiting(world) == []


def test_a_refused_end_keeps_its_guards(world: World) -> None:
    """The guards of an event that a newer lease holds are not let go by the older one's end."""
    (zombie,) = claimed(world, an_event(1), epoch=1)
    now = world.clock.now()
    until = now + timedelta(minutes=5)
    world.keys.guard({zombie.execution_id: ["guard#a"]}, until, now)
    world.inbox.claim([zombie], 2)

    world.inbox.finish([an_ending(zombie, guards=("guard#a",), written=True)])

    assert world.keys.guard({"another": ["guard#a"]}, until, now) == {}


def test_a_deferred_event_is_nobodys_and_shows_why_it_waits(world: World) -> None:
    """After giving an event back any lease may claim it without counting a crash; the record shows the reason."""
    (mine,) = claimed(world, an_event(), epoch=1)
    due_at = mine.received_at + timedelta(seconds=5)

    world.inbox.defer([mine.evolve(due_at=due_at, attempts=1, reason="marketo_606", message="Waiting for Marketo.")])

    assert record_of(world, mine.execution_id) == Record(
        state="waiting", reason="marketo_606", message="Waiting for Marketo."
    )
    (again,) = world.inbox.claim(waiting(world), 2)
    assert (again.attempts, again.crashes, again.due_at) == (1, 0, due_at)


def test_relinquished_events_begin_anew(world: World) -> None:
    """What a worker lets go of because the store failed it does not keep the time at which that one began it."""
    (mine,) = claimed(world, an_event(1))
    world.inbox.save([mine.evolve(state=State.REPORTING, executed_at=world.clock.now())])

    world.inbox.relinquish([mine])

    (kept,) = waiting(world)
    assert (kept.state, kept.epoch, kept.executed_at) == (State.REPORTING, 0, None)


def test_relinquished_events_are_free_and_otherwise_as_stored(world: World) -> None:
    """A holder that stops lets go of what it claimed: the next one counts no crash; what was saved since stays."""
    first, second = claimed(world, an_event(1), an_event(2), epoch=1)
    world.inbox.save([first.evolve(state=State.WRITING)])

    world.inbox.relinquish([first, second])

    assert waiting(world) == [first.evolve(state=State.WRITING, epoch=0), second.evolve(epoch=0)]
    assert [event.crashes for event in world.inbox.claim(waiting(world), 2)] == [0, 0]
    assert record_of(world, first.execution_id) == Record(state="waiting")


@pytest.mark.fault("FA14")
def test_a_late_holder_relinquishes_nothing(world: World) -> None:
    """Events that a newer lease holds or has ended are not touched, and none comes back."""
    held, ended = claimed(world, an_event(1), an_event(2), epoch=1)
    (owner, done) = world.inbox.claim([held, ended], 2)
    world.inbox.finish([an_ending(done)])

    world.inbox.relinquish([held, ended])

    assert waiting(world) == [owner]


def test_an_event_that_waits_for_a_quota_is_shown_as_parked(world: World) -> None:
    """`parked` changes what people see; the event keeps its state and its place in the lane."""
    (mine,) = claimed(world, an_event())
    until = mine.received_at + timedelta(hours=8)

    world.inbox.defer([mine.evolve(due_at=until, reason="marketo_607", message="Parked until.")], parked=True)

    assert record_of(world, mine.execution_id) == Record(state="parked", reason="marketo_607", message="Parked until.")
    assert [(event.state, event.due_at) for event in waiting(world)] == [(State.WAITING, until)]


def test_hurrying_makes_a_deferred_event_due_at_once(world: World) -> None:
    """An event with a due time far off is due after `hurry`; one that is not in its lane answers False."""
    (mine,) = claimed(world, an_event())
    world.inbox.defer([mine.evolve(due_at=far(world))])
    key = {"pk": f"lane#{LANE}", "sk": mine.sequence}

    assert world.inbox.hurry(key) is True
    assert [event.execution_id for event in world.inbox.due(LANE, world.clock.now(), 200)] == [mine.execution_id]
    assert world.inbox.hurry({"pk": f"lane#{LANE}", "sk": "no such sequence"}) is False


def test_a_parked_event_leaves_its_lane_and_keeps_its_payload(world: World) -> None:
    """Nothing of it is due any more, nor shown as if it were, though it had been given back before; reason and sentence
    are shown and the payload is kept without an end date."""
    (mine,) = claimed(world, an_event())
    world.inbox.defer([mine.evolve(due_at=mine.received_at)])
    (mine,) = world.inbox.claim(waiting(world), 2)
    assert (world.log.get(mine.execution_id) or {})["due_at"]

    world.inbox.park(mine, reason=Reason.WORKER_CRASHED, message="Parked: the worker died twice.")

    assert waiting(world) == []
    assert record_of(world, mine.execution_id) == Record(
        state="parked", reason="worker_crashed", message="Parked: the worker died twice."
    )
    assert (world.log.get(mine.execution_id) or {})["due_at"] == ""
    kept = kept_of(world, mine.execution_id)
    assert kept is not None
    assert kept.ends_at is None
    assert "person1@example.com" in str(kept.payload)


@pytest.mark.parametrize("change", ["save", "defer", "relinquish"])
def test_what_was_read_before_its_holder_stored_something_is_not_claimed(world: World, change: str) -> None:
    """Whoever comes then has not seen the intent, or that an activity may have been sent: it has to read once more."""
    (mine,) = claimed(world, an_event())
    read = waiting(world)
    marked = mine.evolve(state=State.REPORTING, reason="x", executed_at=mine.received_at)
    if change == "save":
        world.inbox.save([marked])
    elif change == "defer":
        world.inbox.defer([marked])
    else:
        world.inbox.save([marked])
        read = waiting(world)
        world.inbox.relinquish([marked])

    assert list(world.inbox.claim(read, 2)) == []
    assert [event.epoch for event in waiting(world)] == [1 if change == "save" else 0]
    (again,) = world.inbox.claim(waiting(world), 2)
    assert (again.state, again.reason) == (State.REPORTING, "x")


def test_who_is_hurried_is_due_from_then_on_and_not_since_ever(world: World) -> None:
    """A worker that looked before finds it with what goes on later: nothing newer of its person goes before it."""
    looked_at = world.clock.now()
    (mine,) = claimed(world, an_event().evolve(persons=("p",)))
    world.inbox.defer([mine.evolve(due_at=looked_at + timedelta(hours=1))])
    world.clock.advance(seconds=5)
    assert world.inbox.hurry({"pk": f"lane#{LANE}", "sk": mine.sequence})

    [found] = world.inbox.undue(LANE, looked_at, an_event(5).sequence)
    assert found.due_at == world.clock.now()
    assert [event.execution_id for event in world.inbox.due(LANE, world.clock.now(), 9)] == [mine.execution_id]


def test_a_parked_event_comes_back_once(world: World) -> None:
    """Readmitting puts the event into its lane and forgets the kept payload; a second time answers False."""
    (mine,) = claimed(world, an_event(), epoch=5)
    world.inbox.park(mine, reason=Reason.WORKER_CRASHED, message="Parked.")
    fresh = mine.evolve(epoch=0, crashes=0)

    assert world.inbox.readmit(fresh, was=State.PARKED, times=0) is True
    assert world.inbox.readmit(fresh, was=State.PARKED, times=0) is False

    assert waiting(world) == [fresh]
    assert kept_of(world, mine.execution_id) is None
    assert record_of(world, mine.execution_id) == Record(state="waiting")


def test_an_event_of_an_earlier_end_is_not_readmitted(world: World) -> None:
    """Two people redrive a call; when the slower one's request arrives it has run again, and is parked once more."""
    (mine,) = claimed(world, an_event(), epoch=5)
    world.inbox.park(mine, reason=Reason.WORKER_CRASHED, message="Parked.")
    earlier = mine.evolve(epoch=0)
    assert world.inbox.readmit(earlier, was=State.PARKED, times=0)
    (again,) = world.inbox.claim(waiting(world), 5)
    world.inbox.park(again.evolve(state=State.WRITING), reason=Reason.WORKER_CRASHED, message="Parked.")

    assert world.inbox.readmit(earlier, was=State.PARKED, times=0) is False
    assert (waiting(world), (world.log.get(mine.execution_id) or {})["redriven"]) == ([], 1)

    assert world.inbox.readmit(again.evolve(state=State.WRITING, epoch=0), was=State.PARKED, times=1)
    assert [each.state for each in waiting(world)] == [State.WRITING]


def test_a_call_in_another_state_is_not_readmitted(world: World) -> None:
    """An ended execution does not come back, whatever the caller took it for."""
    (mine,) = claimed(world, an_event())
    world.inbox.finish([an_ending(mine)])

    assert world.inbox.readmit(mine.evolve(epoch=0), was=State.PARKED, times=0) is False

    assert waiting(world) == []
    record = record_of(world, mine.execution_id)
    assert record is not None
    assert record.state == "ended"


@pytest.mark.parametrize(
    ("state", "expires"),
    [
        pytest.param(State.REJECTED, True, id="rejected"),
        pytest.param(State.NOT_RUN, True, id="not run"),
        pytest.param(State.PARKED, False, id="parked"),
    ],
)
def test_a_call_set_aside_keeps_its_body(world: World, state: State, expires: bool) -> None:
    """The body can be redriven later; of calls nobody asked to keep it ends with the retention."""
    event = an_event()
    arrival = arrival_of(event, kind="rejected", payload=None, body="bm90IGpzb24=")

    assert world.inbox.set_aside(arrival, state=state, reason="body_not_json", message="Not JSON.") is True

    ends_at = retention_end(world) if expires else None
    assert kept_of(world, event.execution_id) == Kept(payload=None, body="bm90IGpzb24=", ends_at=ends_at)
    assert record_of(world, event.execution_id) == Record(
        state=state.value, reason="body_not_json", message="Not JSON."
    )
    assert waiting(world) == []


def test_a_repaired_call_runs_under_its_own_id(world: World) -> None:
    """A rejected call comes back as a waiting event of the same execution, then ends like any other."""
    event = an_event()
    arrival = arrival_of(event, kind="rejected", payload=None, body="bm90IGpzb24=")
    world.inbox.set_aside(arrival, state=State.REJECTED, reason="body_not_json", message="Not JSON.")

    assert world.inbox.readmit(event, was=State.REJECTED, times=0) is True

    (mine,) = world.inbox.claim(waiting(world), 1)
    world.inbox.finish([an_ending(mine)])
    record = record_of(world, event.execution_id)
    assert record is not None
    assert (record.state, record.outcome, record.reason, record.message) == ("ended", "created", "", "")
    assert kept_of(world, event.execution_id) is None


def test_a_large_batch_is_stored_whole(world: World) -> None:
    """Ends of more operations than one transaction takes (26 events of 4) are all recorded, with their guards."""
    count = 26
    begun = claimed(world, *(an_event(number) for number in range(1, count + 1)))
    guards = {event.execution_id: (f"guard#lead#{event.lead_id}", f"guard#match#{event.lead_id}") for event in begun}
    now = world.clock.now()
    obtained = world.keys.guard(guards, now + timedelta(minutes=5), now)

    saved = world.inbox.save([event.evolve(state=State.WRITING) for event in begun])
    world.inbox.finish([an_ending(event, guards=guards[event.execution_id], written=True) for event in saved])

    assert len(begun) == len(obtained) == len(saved) == count
    assert waiting(world) == []
    records = [record_of(world, event.execution_id) for event in begun]
    assert [record.outcome for record in records if record] == ["created"] * count


def test_what_came_before_an_event_is_told(world: World) -> None:
    """Events of the lane with a lower sequence, due or not, are ahead; later ones, those of other lanes and those
    whose values were answered are not."""
    elsewhere = an_event(6, lane="other", sequence=an_event(1).sequence)
    added(world, an_event(1), an_event(2, due_at=far(world)), an_event(4), an_event(5), elsewhere)
    mine = an_event(3, epoch=INLINE, fence=INLINE)
    added(world, mine)
    world.inbox.save([mine.evolve(answered=True)])

    found = world.inbox.ahead(an_event(4))

    assert found is not None
    assert [event.execution_id for event in found] == ["execution-0001", "execution-0002"]


def test_what_goes_on_later_is_told_with_its_persons(world: World) -> None:
    """Of a lane those are told that came before and are not due, if they say whose they are; nothing is told of what is
    due, came later or stands in another lane."""
    until = far(world)
    persons = ("one", "two")
    added(
        world,
        an_event(1, due_at=until, persons=persons),
        an_event(2, due_at=until),
        an_event(3, persons=persons),
        an_event(4, due_at=until, persons=persons, lane="other"),
        an_event(6, due_at=until, persons=persons),
    )

    (found,) = world.inbox.undue(LANE, world.clock.now(), an_event(5).sequence)

    assert (found.persons, found.sequence, found.due_at) == (persons, an_event(1).sequence, until)
    assert world.inbox.undue(LANE, until, an_event(5).sequence) == []


def test_an_event_in_the_hands_of_its_call_is_due_when_that_must_be_dead(world: World) -> None:
    """No lease sees it before; the one that does takes it for a survivor, and the call stores nothing more."""
    until = far(world)
    mine = an_event(1, epoch=INLINE, fence=INLINE, due_at=until)
    world.inbox.add(mine, arrival_of(mine))
    assert [event.epoch for event in world.inbox.save([mine])] == [INLINE]
    assert world.inbox.due(LANE, world.clock.now(), 200) == []

    (taken,) = world.inbox.claim(world.inbox.due(LANE, until, 200), 1)

    assert (taken.epoch, taken.crashes) == (1, 1)
    assert world.inbox.save([mine.evolve(state=State.WRITING)]) == []


def test_an_event_that_its_call_gives_back_is_due_at_once(world: World) -> None:
    """What a call lets go of has survived nothing, and the next lease may take it."""
    mine = an_event(1, epoch=INLINE, fence=INLINE, due_at=far(world))
    world.inbox.add(mine, arrival_of(mine))

    world.inbox.relinquish([mine])

    (taken,) = world.inbox.claim(world.inbox.due(LANE, world.clock.now(), 200), 1)
    assert (taken.crashes, taken.due_at) == (0, None)


def test_too_many_to_tell_are_not_told(dynamo_world: DynamoWorld) -> None:
    """Where one look at the table does not reach the end, the answer is that nobody knows."""
    wide = {"lead": {"id": 1, "notes": "x" * 60_000}}
    added(dynamo_world, *(an_event(number, payload=wide) for number in range(1, 21)))

    assert dynamo_world.inbox.ahead(an_event(30)) is None
