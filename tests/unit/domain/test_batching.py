"""When buffers drain, and what goes together."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.batching import (
    BatchSettings,
    Buffer,
    Plan,
    Rules,
    Thresholds,
    Trigger,
    asked_of,
    buffer_of,
    cuts_of,
    first_call,
    misfits,
    plan,
    thresholds,
    together,
    trigger,
)
from leadbridge.domain.connector import ConnectorAction, group_of
from leadbridge.domain.event import Batch, Event
from leadbridge.domain.operations import body_bytes
from leadbridge.domain.outcome import State
from tests.builders.connectors import a_connector, an_upsert

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMITS = Thresholds(count=3, bytes=100, seconds=60, envelope=10)
RULES = {name: Rules(limits=LIMITS, version=1) for name in "abc"}


def event(number: int, *, person: str = "", action: str = "a", size: int = 10, **changes: object) -> Event:
    """Event `number`, received so many seconds after the start."""
    facts: dict[str, object] = {
        "execution_id": f"e{number}",
        "action_id": action,
        "lane": "marketo",
        "sequence": f"{number:06d}",
        "received_at": START + timedelta(seconds=number),
        "payload": {},
        "persons": (person or f"p{number}",),
        "batch": Batch(bytes=size, version=1),
    }
    return Event(**facts | changes)  # type: ignore[arg-type]  # built above as plain values


def at(seconds: float) -> datetime:
    """So long after the start."""
    return START + timedelta(seconds=seconds)


def out(found: Plan) -> list[list[int]]:
    """The batches of a plan by the numbers of their events."""
    batches: dict[tuple[str, str], list[int]] = {}
    for each in found.events:
        assert each.batch is not None
        batches.setdefault((each.action_id, each.batch.cut), []).append(int(each.execution_id[1:]))
    return list(batches.values())


@pytest.mark.parametrize(
    ("buffer", "moment", "version", "why"),
    [
        pytest.param(Buffer(), 999, 2, None, id="nothing waits"),
        pytest.param(Buffer(count=2, bytes=89, since=at(0), version=1), 59.999, 1, None, id="below all"),
        pytest.param(Buffer(count=3, bytes=1, since=at(0), version=1), 0, 1, Trigger.COUNT, id="count"),
        pytest.param(Buffer(count=1, bytes=90, since=at(0), version=1), 0, 1, Trigger.BYTES, id="bytes"),
        pytest.param(Buffer(count=1, bytes=1, since=at(0), version=1), 60, 1, Trigger.AGE, id="age"),
        pytest.param(Buffer(count=1, bytes=1, since=at(0), version=1), 0, 2, Trigger.PUBLISH, id="publish"),
    ],
)
def test_each_threshold_drains_alone(buffer: Buffer, moment: float, version: int, why: Trigger | None) -> None:
    """At its threshold a buffer drains, one below all of them it does not; bytes are those of the whole body."""
    assert trigger(buffer, LIMITS, at(moment), version) == why


def test_a_file_does_not_go_because_of_a_new_version() -> None:
    """Where publishing does not drain, only the three thresholds do."""
    limits = Thresholds(publish=False)

    assert trigger(Buffer(count=1, bytes=1, since=at(0), version=1), limits, at(1), 2) is None
    assert trigger(Buffer(count=1, bytes=1, since=at(0), version=1), limits, at(1800), 2) is Trigger.AGE


def test_what_is_kept_for_batches_no_more_goes_at_once() -> None:
    """An Action whose settings are removed, or that is gone, keeps nothing waiting."""
    found = plan([event(1), event(2)], {"a": Rules(limits=None, version=2)}, at(3))

    assert out(found) == [[1, 2]]
    assert found.batches == [Trigger.PUBLISH]


@pytest.mark.cap("T34")
@given(
    arrivals=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60), st.integers(1, 8)), min_size=1, max_size=25),
    count=st.integers(1, 8),
    size=st.integers(60, 300),
    seconds=st.integers(1, 200),
    published=st.one_of(st.none(), st.integers(0, 400)),
)
def test_a_buffer_drains_at_the_first_of_its_triggers(
    arrivals: list[tuple[int, int, int]], count: int, size: int, seconds: int, published: int | None
) -> None:
    """On a clock that stands at each moment that matters, the first drain comes at the least of the four moments.

    They are told by plain sums over what has arrived: persons, bytes of the body, age of the oldest, a new version.
    """
    limits = Thresholds(count=count, bytes=size, seconds=seconds, envelope=10)
    moments: list[tuple[int, int, int]] = []
    now = 0
    for gap, bytes_, person in arrivals:
        now += gap
        moments.append((now, bytes_, person))
    came = [
        event(number, person=f"p{person}", size=bytes_, received_at=at(moment))
        for number, (moment, bytes_, person) in enumerate(moments)
    ]

    expected: list[int] = [moments[0][0] + seconds]
    expected += [max(published, moments[0][0])] if published is not None else []
    known: dict[int, int] = {}
    for moment, bytes_, who in moments:
        known.setdefault(who, bytes_)
        if len(known) >= count or sum(known.values()) + 10 >= size:
            expected.append(moment)

    drained = None
    for tick in sorted({*(moment for moment, *_ in moments), *expected}):
        there = [each for each in came if each.received_at <= at(tick)]
        rules = Rules(limits=limits, version=2 if published is not None and tick >= published else 1)
        if plan(there, {"a": rules}, at(tick)).events:
            drained = tick
            break

    assert drained == min(expected)


@given(
    arrivals=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 60)), max_size=40),
    count=st.integers(1, 8),
    size=st.integers(80, 300),
    aged=st.booleans(),
)
def test_no_batch_is_too_large_and_none_goes_too_early(
    arrivals: list[tuple[int, int]], count: int, size: int, aged: bool
) -> None:
    """Each batch has at most so many persons and bytes, in order of arrival; what is left crosses no threshold."""
    limits = Thresholds(count=count, bytes=size, seconds=100, envelope=10)
    came = [event(number, person=f"p{who}", size=bytes_) for number, (who, bytes_) in enumerate(arrivals)]
    now = at(1000) if aged else at(40)

    found = plan(came, {"a": Rules(limits=limits, version=1)}, now)

    gone = [number for batch in out(found) for number in batch]
    assert gone == list(range(len(gone)))
    for batch in out(found):
        held = buffer_of(came[number] for number in batch)
        assert held.count <= count
        assert held.bytes + 10 <= size
    assert found.left.get("a", Buffer()) == buffer_of(came[len(gone) :])
    assert trigger(found.left.get("a", Buffer()), limits, now, 1) is None
    assert not aged or len(gone) == len(came)


@pytest.mark.parametrize(
    "action",
    [
        pytest.param(a_connector(batch={}), id="add"),
        pytest.param(a_connector(operation="remove_from_list", batch={}), id="remove"),
        pytest.param(an_upsert(batch={}), id="write"),
    ],
)
def test_a_million_bytes_of_the_body_make_the_batch(action: ConnectorAction) -> None:
    """With what is set where nothing is said a body of exactly a million bytes goes, a byte less waits; whoever would
    make it larger begins the next. For lists this is the rule alone: 300 ids, the most of a call, have 8 kB."""
    limits, group = action.thresholds, group_of(action)
    assert limits is not None
    assert (limits.bytes, limits.envelope) == (1_000_000, body_bytes(group, [{}]) - len("{},"))
    full = (1_000_000 - limits.envelope) // 200
    came = [event(number, size=full) for number in range(200)]
    rest = 1_000_000 - limits.envelope - 200 * full
    came[0] = event(0, size=full + rest)
    short = [event(0, size=full + rest - 1), *came[1:]]

    def goes(events: list[Event]) -> list[int]:
        return [len(batch) for batch in out(plan(events, {"a": Rules(limits=limits, version=1)}, at(250)))]

    assert goes(short) == []
    assert goes(came) == [200]
    assert goes([*short, event(200, size=2)]) == [200]
    assert goes([*short, event(200, size=1)]) == [201]


def test_the_300th_person_makes_the_batch() -> None:
    """Of 650 persons 600 go in two batches and 50 wait; with 299 nothing goes, however often they come."""
    rules = {"a": Rules(limits=Thresholds(), version=1)}
    many = [event(number) for number in range(650)]

    found = plan(many, rules, at(700))

    assert [len(batch) for batch in out(found)] == [300, 300]
    assert found.batches == [Trigger.COUNT, Trigger.COUNT]
    assert found.left["a"].count == 50
    again = [event(number, person=f"p{number % 299}") for number in range(900)]
    assert plan(again, rules, at(901)).events == []


def test_a_person_who_comes_again_takes_no_place() -> None:
    """Of three persons two come twice: all five go with the batch, and the fourth person begins the next."""
    people = ["x", "y", "x", "z", "y", "w"]
    came = [event(number, person=person) for number, person in enumerate(people)]

    assert first_call(came, LIMITS) == 5
    found = plan(came, RULES, at(9))
    assert out(found) == [[0, 1, 2, 3, 4]]
    assert {each.batch.size for each in found.events if each.batch} == {5}


def test_who_would_make_the_body_too_large_begins_the_next() -> None:
    """The call that crosses the bytes is not in the body that it sets off, unless it fills it exactly or is alone."""
    limits = Thresholds(count=99, bytes=100, seconds=60, envelope=10)
    rules = {"a": Rules(limits=limits, version=1)}

    assert out(plan([event(1, size=60), event(2, size=31)], rules, at(3))) == [[1]]
    assert out(plan([event(1, size=60), event(2, size=30)], rules, at(3))) == [[1, 2]]
    assert out(plan([event(1, size=500), event(2)], rules, at(3))) == [[1]]


@pytest.mark.pain("P42")
def test_nobody_is_overtaken_in_another_buffer() -> None:
    """A batch takes along what came before of its people in other buffers, and nothing else of those."""
    waiting = [
        event(1, person="x", action="b"),
        event(2, person="y", action="b"),
        *(event(number, person=person) for number, person in enumerate(["x", "v", "w"], start=3)),
        event(6, person="x", action="b"),
    ]

    found = plan(waiting, RULES, at(9))

    assert [each.execution_id for each in found.events] == ["e1", "e3", "e4", "e5"]
    assert Counter(found.batches) == {Trigger.COUNT: 1, Trigger.ORDER: 1}
    assert found.left["b"].count == 2


@pytest.mark.pain("P42")
def test_nobody_is_overtaken_by_a_call_of_no_batch() -> None:
    """What goes out as it comes has its people's earlier calls go first; those of others, and later ones, stay."""
    alone = event(5, batch=None, action="c", persons=("x", "y"))
    waiting = [event(1, person="x"), event(2, person="y", action="b"), event(3, person="z"), event(6, person="x")]
    begun = event(7, batch=None, action="c", persons=("z",), state=State.WRITING)

    asked = asked_of([alone, begun])
    found = plan(waiting, {}, at(9), before=asked, drains=False)

    assert asked == {"x": "000005", "y": "000005"}
    assert [each.execution_id for each in found.events] == ["e1", "e2"]


def test_an_interrupted_batch_is_completed() -> None:
    """Two of three were moved when a process died: the third follows, although it is not enough of a batch alone."""
    whole = plan([event(number) for number in (1, 2, 3)], RULES, at(4)).events
    left = [event(3), event(4)]

    found = plan(left, RULES, at(5), cuts=cuts_of(whole[:2]))

    assert out(found) == [[3]]
    assert found.left["a"].count == 1


def test_a_batch_runs_whole_and_with_what_came_before_of_its_people() -> None:
    """The first event's batch runs, not as many as fit; of the others only who must go before one of it."""
    batch = plan([event(number) for number in (2, 4, 6)], RULES, at(7)).events
    due = [event(1, batch=None), *batch[:2], event(5, batch=None, persons=("p6",)), batch[2], event(7, batch=None)]
    due = [each for each in due if each.execution_id != "e1"]

    assert [each.execution_id for each in together(due, 1)] == ["e2", "e4", "e5", "e6"]


def test_calls_of_no_batch_run_as_many_as_fit() -> None:
    """Where the first is of no batch, so many of those run, and of a batch only who came before one of them."""
    batch = plan([event(number) for number in (2, 4, 6)], RULES, at(7)).events
    due = [event(1, batch=None), batch[0], event(3, batch=None, persons=("p2",)), *batch[1:], event(7, batch=None)]

    assert [each.execution_id for each in together(due, 2)] == ["e1", "e2", "e3"]
    plain = [event(number, batch=None) for number in range(5)]
    assert list(together(plain, 3)) == plain[:3]


def test_settings_stay_below_what_marketo_takes() -> None:
    """What is set above it is told with its member and the remedy; what is absent is the largest there is."""
    most = Thresholds(count=300, bytes=1_000_000, envelope=12)

    assert thresholds(BatchSettings(count=50, seconds=5), most) == Thresholds(count=50, seconds=5, envelope=12)
    assert thresholds(None, most) == most
    assert list(misfits(BatchSettings(count=300, bytes=1_000_000), most)) == []
    wrong = list(misfits(BatchSettings(count=301, bytes=1_000_001), most))
    assert [line.split(":")[0] for line in wrong] == ["batch.count", "batch.bytes"]
    assert all("or less" in line for line in wrong)
