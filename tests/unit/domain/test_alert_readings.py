"""From counts, waiting work, quotas and certificates to what is alerted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.alert_readings import (
    Quota,
    Totals,
    certificates,
    failures,
    lags,
    new_reasons,
    parked,
    quotas,
    same_hours,
    silence,
    told_time,
    totals,
)
from leadbridge.domain.alert_rules import (
    CertificateRule,
    FailedRule,
    LagRule,
    NewReasonRule,
    ParkedRule,
    QuotaRule,
    SilenceRule,
)
from leadbridge.domain.alerts import Alert, Kind, Level, Memory, Reading, Subject
from leadbridge.domain.counted import (
    ARRIVED,
    ENDED,
    FAILED,
    PARKED,
    REJECTED,
    Certificate,
    Counted,
    ParkedWork,
    Waiting,
    bucket,
)

NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)
LOCKED, LONG = "salesforce_UNABLE_TO_LOCK_ROW", "salesforce_STRING_TOO_LONG"


def counted(action: str = "a", *, minutes_ago: int = 0, **numbers: int | Mapping[str, int]) -> Counted:
    """Counts of a piece of time; a mapping holds numbers by reason."""
    found: dict[tuple[str, str], int] = {}
    for what, number in numbers.items():
        by_reason = number if isinstance(number, Mapping) else {"": number}
        found |= {(what, reason): each for reason, each in by_reason.items()}
    return Counted(action=action, at=bucket(NOW - timedelta(minutes=minutes_ago)), numbers=found)


def failing(
    *pieces: Counted, rule: FailedRule | None = None, connections: Mapping[str, str] | None = None
) -> dict[str, Reading]:
    targets = connections or {"a": "sf"}
    found = failures(
        pieces,
        connections=targets,
        action_rules=dict.fromkeys(targets, rule or FailedRule()),
        connection_rules=dict.fromkeys(set(targets.values()), rule or FailedRule()),
        now=NOW,
    )
    return {reading.subject.name: reading for reading in found}


@pytest.mark.parametrize(
    ("ended", "failed", "level"),
    [
        (1000, 25, Level.RAISED),
        (1000, 24, Level.EASED),
        (1000, 12, Level.CLEAR),
        (10, 2, Level.RAISED),
        (10, 1, Level.EASED),
        (100, 9, Level.CLEAR),
        (9, 9, Level.EASED),
        (4, 4, Level.CLEAR),
        (0, 0, Level.CLEAR),
    ],
)
def test_failures_are_told_by_number_or_by_share(ended: int, failed: int, level: Level) -> None:
    """25 failures, or a fifth of at least ten; half of either keeps what is raised."""
    reading = failing(counted(ended=ended, failed={LOCKED: failed}))["a"]

    assert reading.level is level


def test_failures_tell_their_figures_and_their_most_frequent_reason() -> None:
    """Numbers of the window, the share, the reason that is most frequent, and when the first one was counted."""
    pieces = [
        counted(minutes_ago=30, ended=50, failed={LONG: 50}),
        counted(minutes_ago=10, ended=20, failed={LONG: 10}),
        counted(ended=30, failed={LOCKED: 20, LONG: 5}),
    ]

    reading = failing(*pieces)["a"]

    assert reading.since == bucket(NOW - timedelta(minutes=10))
    assert reading.facts == {"failed": 35, "ended": 50, "share": 70, "minutes": 15, "reason": LOCKED, "of_it": 20}
    assert reading.repeat == timedelta(hours=1)


def test_several_failing_actions_of_a_connection_are_told_as_one() -> None:
    """Two Actions of one connection fail: the connection is spoken of, they are covered; another one is not."""
    pieces = [counted(each, ended=30, failed={LOCKED: 20}) for each in ("a", "b", "c")]

    found = failing(*pieces, connections={"a": "sf", "b": "sf", "c": "other"})

    assert {name: (each.level, each.covered) for name, each in found.items()} == {
        "sf": (Level.RAISED, False),
        "a": (Level.RAISED, True),
        "b": (Level.RAISED, True),
        "c": (Level.RAISED, False),
        "other": (Level.RAISED, True),
    }
    assert (found["sf"].facts["failed"], found["sf"].facts["actions"]) == (40, 2)


def test_a_rule_that_is_off_says_nothing() -> None:
    """No reading at all, so what is open ends."""
    assert failing(counted(ended=30, failed={LOCKED: 30}), rule=FailedRule(enabled=False)) == {}


def reasons(memory: Memory, *pieces: Counted, rule: NewReasonRule | None = None) -> list[Reading]:
    return new_reasons(pieces, {"a": rule or NewReasonRule()}, memory, NOW)[0]


@pytest.mark.parametrize("what", [FAILED, PARKED, REJECTED])
def test_a_reason_is_new_once(what: str) -> None:
    """A reason nobody remembers is raised, and remembered; then it is none any more."""
    piece = Counted(action="a", at=bucket(NOW), numbers={(what, LOCKED): 3})

    readings, seen = new_reasons([piece], {"a": NewReasonRule()}, Memory(), NOW)

    (reading,) = readings
    assert (reading.level, reading.subject.detail, reading.facts["number"]) == (Level.RAISED, LOCKED, 3)
    assert reading.repeat is None
    assert seen == {("a", LOCKED): NOW}
    assert reasons(Memory(reasons=seen), piece) == []


def test_a_reason_is_new_again_after_a_month() -> None:
    """Forgotten after `forget_days`, by the day."""
    piece = counted(failed={LOCKED: 1})
    for days, new in ((29, False), (30, True)):
        memory = Memory(reasons={("a", LOCKED): NOW - timedelta(days=days)})
        assert bool(reasons(memory, piece)) is new


def test_a_new_reason_lasts_while_it_comes() -> None:
    """An open alert of a reason is kept open by more of it in the hour, and has no reading after that."""
    subject = Subject(kind=Kind.NEW_REASON, name="a", detail=LOCKED)
    alert = Alert(subject=subject, since=NOW, raised_at=NOW, told_at=NOW, clear_since=None, facts={})
    memory = Memory(alerts={subject: alert}, reasons={("a", LOCKED): NOW - timedelta(minutes=5)})

    assert [each.level for each in reasons(memory, counted(minutes_ago=50, failed={LOCKED: 1}))] == [Level.EASED]
    assert reasons(memory, counted(minutes_ago=70, failed={LOCKED: 1})) == []


def test_ends_and_arrivals_are_no_reasons() -> None:
    """What carries no reason is never new."""
    assert reasons(Memory(), counted(ended=5, arrived=5)) == []


def test_parked_work_is_told_by_action_with_its_most_frequent_reason() -> None:
    """All reasons together, the oldest time, also of an Action that has no rules any more."""
    work = [
        ParkedWork(action="gone", reason="worker_crashed", number=1, since=NOW),
        ParkedWork(action="gone", reason=LOCKED, number=4, since=NOW - timedelta(days=2)),
    ]

    (reading,) = parked(work, {"a": ParkedRule()})

    assert (reading.subject, reading.level) == (Subject(kind=Kind.PARKED, name="gone"), Level.RAISED)
    assert reading.since == NOW - timedelta(days=2)
    assert reading.facts == {"number": 5, "reason": LOCKED, "of_it": 4}


@pytest.mark.parametrize(
    ("minutes", "level"), [(15, Level.RAISED), (14, Level.EASED), (8, Level.EASED), (7, Level.CLEAR)]
)
def test_lag_is_the_age_of_the_oldest_call(minutes: int, level: Level) -> None:
    """From 15 minutes on; half of that ends it."""
    waiting = Waiting(connection="sf", since=NOW - timedelta(minutes=minutes), number=3, reason="marketo_607")

    (reading,) = lags([waiting], {"sf": LagRule()}, NOW)

    assert reading.level is level
    assert reading.facts == {"number": 3, "more": 0, "minutes": minutes, "reason": "marketo_607"}


def quota_levels(used: int, **changes: object) -> dict[str, tuple[Level, bool]]:
    quota = Quota(vendor="marketo", instance="i", used=used, allowed=1000, day_ends=datetime(2026, 3, 3, 6, tzinfo=UTC))
    found = quotas([replace(quota, **changes)], {}, NOW)  # type: ignore[arg-type]  # members by name
    return {reading.subject.detail: (reading.level, reading.covered) for reading in found}


def test_each_level_of_a_quota_is_told_and_only_the_highest() -> None:
    """At 82 %: 50 and 80 are passed, 80 is spoken of; 95 is not passed."""
    assert quota_levels(820) == {
        "050": (Level.RAISED, True),
        "080": (Level.RAISED, False),
        "095": (Level.CLEAR, False),
    }
    assert {detail: level for detail, (level, _) in quota_levels(460).items()} == {
        "050": Level.EASED,
        "080": Level.CLEAR,
        "095": Level.CLEAR,
    }


def test_a_new_day_has_all_its_calls() -> None:
    """What was counted before the end of Marketo's day does not count after it."""
    assert {level for level, _ in quota_levels(990, day_ends=NOW - timedelta(minutes=1)).values()} == {Level.CLEAR}


def test_the_forecast_says_when_the_calls_are_spent() -> None:
    """600 of 1,000 in the first six hours and seven minutes of the day: the rest lasts a good four hours."""
    ends = datetime(2026, 3, 3, 6, tzinfo=UTC)
    quota = Quota(vendor="marketo", instance="i", used=600, allowed=1000, day_ends=ends)

    facts = next(iter(quotas([quota], {"": QuotaRule()}, NOW))).facts
    slow = next(iter(quotas([replace(quota, used=200)], {}, NOW))).facts

    assert (facts["spent_at"], facts["day_ends"]) == ("2026-03-02 16:11 UTC", "2026-03-03 06:00 UTC")
    assert "spent_at" not in slow
    assert slow["day_ends"] == "2026-03-03 06:00 UTC"


def rolling(used: int, *before: tuple[int, int]) -> dict[str, str | int]:
    """The facts of 1,000 calls of the last 24 hours, with what was used so many minutes ago."""
    looks = [(NOW - timedelta(minutes=minutes), number) for minutes, number in before]
    quota = Quota(vendor="salesforce", instance="i", used=used, allowed=1000, before=looks)
    return dict(next(iter(quotas([quota], {}, NOW))).facts)


@pytest.mark.parametrize(
    ("used", "before", "spent_at"),
    [
        pytest.param(800, [(60, 700), (5, 799)], NOW + timedelta(hours=2), id="at the pace of the whole hour"),
        pytest.param(800, [(90, 0), (30, 700)], NOW + timedelta(hours=1), id="what is older does not count"),
        pytest.param(800, [(-5, 0), (20, 790)], NOW + timedelta(minutes=400), id="nor what is still to come"),
        pytest.param(800, [(60, 799)], None, id="lasts for more than a day"),
        pytest.param(800, [(60, 800)], None, id="nothing is used"),
        pytest.param(800, [(60, 900)], None, id="calls come back"),
        pytest.param(1000, [(60, 900)], None, id="they are spent"),
    ],
)
def test_without_a_day_the_forecast_is_of_the_last_hour(
    used: int, before: list[tuple[int, int]], spent_at: datetime | None
) -> None:
    """The calls that are left, divided by those of the hour; where they last for a day nothing is foretold."""
    facts = rolling(used, *before)

    assert facts.get("spent_at") == (told_time(spent_at) if spent_at else None)
    assert "paced_since" in facts


@pytest.mark.parametrize("before", [[], [(9, 100)], [(61, 100)]], ids=["first look", "too short", "too old"])
def test_without_earlier_looks_no_pace_is_told(before: list[tuple[int, int]]) -> None:
    """Ten minutes are looked back at least, an hour at most."""
    assert not {"spent_at", "paced_since"} & set(rolling(800, *before))


@pytest.mark.parametrize(("days", "level"), [(31, Level.CLEAR), (30, Level.RAISED), (-1, Level.RAISED)])
def test_a_certificate_is_spoken_of_a_month_before_its_end(days: int, level: Level) -> None:
    """From 30 days on, also after its end; not of a connection that is gone."""
    certificate = Certificate(connection="sf", ends_at=NOW + timedelta(days=days))

    (reading,) = certificates([certificate], {"sf": CertificateRule()}, NOW)

    assert (reading.level, reading.facts["days"]) == (level, max(0, days))
    assert list(certificates([certificate], {}, NOW)) == []


@pytest.mark.parametrize(
    ("arrived", "before", "level"),
    [
        (0, [100, 120, 90, 110], Level.RAISED),
        (10, [100, 120, 90, 110], Level.EASED),
        (9, [100, 120, 90, 110], Level.RAISED),
        (20, [100, 120, 90, 110], Level.CLEAR),
        (0, [100, 120, 90, 0], Level.RAISED),
        (0, [100, 120, 0, 0], Level.EASED),
        (1, [100, 120, 0, 0], Level.CLEAR),
        (0, [19, 19, 19, 19], Level.EASED),
        (0, [20, 20, 20, 20], Level.RAISED),
        (0, [5_000, 0, 0, 0], Level.EASED),
    ],
)
def test_silence_is_measured_by_what_is_usual(arrived: int, before: list[int], level: Level) -> None:
    """Less than a tenth of what three of the last four weeks had; a single large campaign makes nothing usual, and
    quiet hours end nothing as long as nothing arrives."""
    assert silence("a", arrived=arrived, before=before, rule=SilenceRule(), now=NOW).level is level


def test_the_same_hours_are_those_of_the_actions_clocks() -> None:
    """09:00 in Berlin is 08:00 UTC in winter, 07:00 in summer: a week that crosses the change keeps the clock time."""
    berlin = ZoneInfo("Europe/Berlin")

    assert same_hours(datetime(2026, 3, 30, 7, tzinfo=UTC), berlin, 1) == datetime(2026, 3, 23, 8, tzinfo=UTC)
    assert same_hours(datetime(2026, 3, 30, 7, tzinfo=UTC), UTC, 1) == datetime(2026, 3, 23, 7, tzinfo=UTC)


def test_totals_take_whole_pieces_of_time() -> None:
    """A quarter of an hour before 12:07 begins with the piece of 11:50; what begins at the end is not in it."""
    pieces = [counted(minutes_ago=each, arrived=1) for each in (20, 15, 5, 0)]

    found = totals(pieces, NOW - timedelta(minutes=15), bucket(NOW))

    assert found["a"].of(ARRIVED) == 2
    assert found["a"].since(ARRIVED) == datetime(2026, 3, 2, 11, 50, tzinfo=UTC)
    assert (Totals().of(ENDED), Totals().since(ENDED), Totals().top(FAILED)) == (0, None, ("", 0))
