"""When somebody is told: once an hour at most, once at the beginning, once at the end, and not for what wavers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.alerts import BETWEEN, Kind, Level, Memory, Notice, Reading, Step, Subject, step

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
FAILING = Subject(kind=Kind.FAILED, name="person-to-lead")

levels = st.sampled_from([Level.RAISED, Level.EASED, Level.CLEAR, None])
looks = st.lists(
    st.tuples(st.tuples(levels, levels), st.booleans(), st.sampled_from([None, 0, 1, 24]), st.integers(1, 90)),
    max_size=60,
)


def a_reading(
    level: Level, *, subject: Subject = FAILING, repeat: float | None = 1, covered: bool = False, number: int = 1
) -> Reading:
    return Reading(
        subject=subject,
        level=level,
        since=NOW,
        facts={"failed": number},
        repeat=None if repeat is None else timedelta(hours=repeat),
        covered=covered,
    )


def told(course: list[tuple[int, Level | None]], *, repeat: float | None = 1) -> list[tuple[int, Step]]:
    """Minute and kind of each message, for what one subject was at given minutes; five minutes between looks."""
    memory, notices = Memory(), []
    last = max(minute for minute, _ in course)
    for minute in range(0, last + 1, 5):
        level = [each for at, each in course if at <= minute][-1]
        readings = [a_reading(level, repeat=repeat)] if level else []
        memory, found = step(memory, readings, NOW + timedelta(minutes=minute))
        notices += [(minute, notice.step) for notice in found]
    return notices


def test_what_begins_is_told_at_once_and_what_ends_once() -> None:
    """Raised at 12:00, clear from 13:30: told at 12:00, repeated at 13:00, over when the hour since has passed."""
    assert told([(0, Level.RAISED), (90, Level.CLEAR), (300, Level.CLEAR)]) == [
        (0, Step.RAISE),
        (60, Step.REPEAT),
        (120, Step.RESOLVE),
    ]


def test_an_end_is_told_only_when_it_has_lasted() -> None:
    """Clear at one look and raised at the next is the same alert: no message of an end."""
    course: list[tuple[int, Level | None]] = [
        (0, Level.RAISED),
        (70, Level.CLEAR),
        (75, Level.RAISED),
        (85, Level.CLEAR),
    ]

    assert told([*course, (200, Level.CLEAR)], repeat=None) == [(0, Step.RAISE), (95, Step.RESOLVE)]


def test_between_its_thresholds_an_alert_stays_as_it_is() -> None:
    """Eased raises nothing, and does not end what is raised."""
    assert told([(0, Level.EASED), (300, Level.EASED)]) == []
    assert told([(0, Level.RAISED), (5, Level.EASED), (300, Level.EASED)]) == [(0, Step.RAISE)]


def test_what_comes_back_within_the_hour_waits_for_it() -> None:
    """Over at 13:00, raised again at 13:05: told at 14:00, not before."""
    course: list[tuple[int, Level | None]] = [(0, Level.RAISED), (45, Level.CLEAR), (65, Level.RAISED)]

    assert told([*course, (125, Level.RAISED)]) == [(0, Step.RAISE), (60, Step.RESOLVE), (120, Step.RAISE)]


@pytest.mark.parametrize(
    ("repeat", "minutes"),
    [(1, [60, 120, 180, 240]), (2, [120, 240]), (0, [60, 120, 180, 240]), (None, [])],
    ids=["hourly", "every two hours", "never more often than hourly", "never"],
)
def test_what_lasts_is_repeated_as_its_rule_says(repeat: float | None, minutes: list[int]) -> None:
    """An alert that lasts for four hours is told again as often as was asked for, hourly at most."""
    assert told([(0, Level.RAISED), (240, Level.RAISED)], repeat=repeat) == [
        (0, Step.RAISE),
        *((minute, Step.REPEAT) for minute in minutes),
    ]


def test_what_nobody_watches_any_more_ends() -> None:
    """An alert of an Action that was taken away is told to be over."""
    assert told([(0, Level.RAISED), (30, None), (90, None)]) == [(0, Step.RAISE), (60, Step.RESOLVE)]


def test_what_another_message_says_is_kept_back() -> None:
    """A covered reading begins nothing, and is not repeated; told before, it still ends."""
    covered = a_reading(Level.RAISED, covered=True)
    assert step(Memory(), [covered], NOW)[1] == []

    memory, _ = step(Memory(), [a_reading(Level.RAISED)], NOW)
    memory, notices = step(memory, [covered], NOW + 2 * BETWEEN)

    assert notices == []
    memory, _ = step(memory, [], NOW + 3 * BETWEEN)
    assert [notice.step for notice in step(memory, [], NOW + 4 * BETWEEN)[1]] == [Step.RESOLVE]


def test_a_repetition_tells_the_present_figures_and_the_first_time() -> None:
    """The facts are those of now, the beginning is that of the alert."""
    memory, _ = step(Memory(), [a_reading(Level.RAISED, number=1)], NOW)
    later = Reading(
        subject=FAILING, level=Level.RAISED, since=NOW + BETWEEN, facts={"failed": 9}, repeat=timedelta(hours=1)
    )

    _, (notice,) = step(memory, [later], NOW + BETWEEN)

    assert notice == Notice(step=Step.REPEAT, subject=FAILING, since=NOW, facts={"failed": 9})


def test_new_alerts_come_first_and_ends_last() -> None:
    """One look tells what is new, what lasts and what is over, in this order, failures before quotas."""
    lasting, over = Subject(kind=Kind.LAG, name="sf"), Subject(kind=Kind.SILENCE, name="quiet")
    quota = Subject(kind=Kind.QUOTA, name="instance", detail="050")
    memory, _ = step(Memory(), [a_reading(Level.RAISED, subject=each) for each in (lasting, over)], NOW)
    memory, _ = step(memory, [a_reading(Level.RAISED, subject=lasting)], NOW + timedelta(minutes=30))

    _, notices = step(
        memory, [a_reading(Level.RAISED, subject=each) for each in (quota, lasting, FAILING)], NOW + BETWEEN
    )

    assert [(each.step, each.subject) for each in notices] == [
        (Step.RAISE, FAILING),
        (Step.RAISE, quota),
        (Step.REPEAT, lasting),
        (Step.RESOLVE, over),
    ]


@given(looks)
def test_a_subject_is_spoken_of_once_an_hour_at_most_and_every_beginning_has_one_end(
    course: list[tuple[tuple[Level | None, Level | None], bool, float | None, int]],
) -> None:
    """Whatever two subjects do, at whatever distances they are looked at: never two messages of one within an hour;
    beginnings and ends alternate, repetitions stand between them, and three quiet hours end everything."""
    subjects = (FAILING, Subject(kind=Kind.LAG, name="salesforce"))
    memory, now = Memory(), NOW
    heard: dict[Subject, list[tuple[datetime, Step]]] = {subject: [] for subject in subjects}
    quiet: list[tuple[tuple[None, None], bool, None, int]] = [((None, None), False, None, 30)] * 6

    for both, covered, repeat, minutes in [*course, *quiet]:
        now += timedelta(minutes=minutes)
        readings = [
            a_reading(level, subject=subject, repeat=repeat, covered=covered)
            for subject, level in zip(subjects, both, strict=True)
            if level
        ]
        memory, notices = step(memory, readings, now)
        for notice in notices:
            heard[notice.subject].append((now, notice.step))

    for messages in heard.values():
        times = [at for at, _ in messages]
        assert all(after - before >= timedelta(hours=1) for before, after in pairwise(times))
        frame = [each for _, each in messages if each is not Step.REPEAT]
        assert frame == [Step.RAISE, Step.RESOLVE] * (len(frame) // 2)
        opened = False
        for _, each in messages:
            assert (each is Step.RAISE) is not opened
            opened = each is not Step.RESOLVE
    assert memory.alerts == {}
