"""What a Sync costs, told before it runs."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.source_query import Way
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import Cost
from leadbridge.domain.sync_price import (
    MARKETO_MEGABYTES,
    Amount,
    Left,
    Price,
    Shares,
    cold,
    load_price,
    minutes_apart,
    price,
    runs_a_day,
    shares_of,
)
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

NEW, SAME = Shares(created=1, updated=0, looked_for=1), Shares(created=0, updated=0, looked_for=1)


def priced(
    sync: Sync,
    rows: int,
    *,
    ends: tuple[Vendor, Vendor] = ("salesforce", "marketo"),
    ways: tuple[Way, Way] = ("rest", "rest"),
    left: Mapping[Vendor, Left] | None = None,
    windows: int = 1,
    day_megabytes: int = MARKETO_MEGABYTES,
) -> Price:
    """The price of a Sync whose rows are all new."""
    return price(
        sync,
        ends,
        Amount(rows=rows, exact=True),
        ways=ways,
        windows=windows,
        counted=False,
        shares=NEW,
        left=left or {},
        now=NOON,
        day_megabytes=day_megabytes,
    )


@pytest.mark.parametrize(
    ("vendor", "rows", "shares", "calls"),
    [
        ("marketo", 300, NEW, 2),
        ("marketo", 301, NEW, 4),
        ("marketo", 300, SAME, 1),
        ("salesforce", 400, NEW, 4),
        # 200 of each are expected: one call, or two
        ("salesforce", 400, Shares(created=0.5, updated=0.5, looked_for=1), 5),
        ("salesforce", 4_000, Shares(created=0.5, updated=0.5, looked_for=1), 41),
        # a few in each of two chunks of 4,000 rows
        ("salesforce", 6_000, Shares(created=0, updated=0.01, looked_for=1), 32),
        ("salesforce", 400, Shares(created=0, updated=0, looked_for=0), 0),
        ("marketo", 0, NEW, 0),
    ],
)
def test_each_chunk_costs_a_look_and_its_writes(vendor: Vendor, rows: int, shares: Shares, calls: int) -> None:
    """300 people or 200 records a call: of a chunk of twenty calls' rows those that write are full but for the last."""
    assert load_price(vendor, "rest", rows, shares) == Cost(calls=calls)


def test_a_day_has_the_runs_of_its_schedule() -> None:
    """96 quarters of an hour, fewer with quiet hours; by hand, or once now, one; once on another day none."""
    quiet = {"every": {"minutes": 15}, "quiet": [{"from": "22:00", "to": "06:00"}]}

    assert runs_a_day(a_sync(schedule={"every": {"minutes": 15}}), NOON) == 96
    assert runs_a_day(a_sync(schedule=quiet), NOON) == 64
    assert runs_a_day(a_sync(), NOON) == runs_a_day(a_sync(schedule={"once": "now"}), NOON) == 1
    assert runs_a_day(a_sync(schedule={"once": "2026-12-01T08:00"}), NOON) == 0


def test_a_full_sync_costs_the_same_each_time_and_an_incremental_one_hardly_anything_again() -> None:
    """Four runs a day: four times a run, or one run and three that find nothing."""
    schedule = {"every": {"hours": 6}}
    full = priced(a_sync(schedule=schedule, extraction="full"), 600)
    incremental = priced(a_sync(schedule=schedule), 600)

    assert full.day["marketo"].calls == 4 * full.run["marketo"].calls == 4 * (1 + 2 + 4)
    assert full.day["salesforce"].calls == 4 * full.run["salesforce"].calls
    assert incremental.day["marketo"] == incremental.run["marketo"] == full.run["marketo"]
    assert incremental.day["salesforce"].calls == incremental.run["salesforce"].calls + 3


def test_what_is_left_is_compared_with_a_day() -> None:
    """As many calls as are left are no warning, one more is; so are more megabytes than Marketo gives."""
    sync = a_sync()
    calls = priced(sync, 600).day["marketo"].calls
    enough = priced(sync, 600, left={"marketo": Left(calls=calls), "salesforce": Left()})
    short = priced(sync, 600, left={"marketo": Left(calls=calls - 1), "salesforce": Left()})
    back = a_sync(to_salesforce=True)
    many = priced(back, 3_000_000, ends=("marketo", "salesforce"), ways=("bulk", "rest"), windows=4)

    assert enough.warnings == ()
    [warning] = short.warnings
    assert warning == f"Marketo has {calls - 1} calls left and a day takes {calls}; runs will wait for more"
    assert [each.partition(" a day and ")[0] for each in many.warnings] == ["Marketo gives 500 MB of extracts"]
    assert (many.run["marketo"].job_slots, many.run["marketo"].megabytes) == (4, 750.0)


def test_a_subscription_with_more_extracts_is_warned_later() -> None:
    """As many megabytes as the parameter says are no warning, one more is, and the warning names them."""
    enough, short = (
        priced(
            a_sync(to_salesforce=True),
            3_000_000,
            ends=("marketo", "salesforce"),
            ways=("bulk", "rest"),
            windows=4,
            day_megabytes=most,
        ).warnings
        for most in (750, 749)
    )

    assert enough == ()
    assert short == (
        "Marketo gives 749 MB of extracts a day and these take about 750; runs will wait for the next day",
    )


def test_shares_are_those_of_the_previewed_rows() -> None:
    """Rows that are skipped or fail before are looked for nowhere; without rows each is taken for a new one."""
    found = shares_of(["created", "updated", "unchanged", "skipped"])

    assert found == Shares(created=0.25, updated=0.25, looked_for=0.75)
    assert shares_of([]) == NEW


@pytest.mark.cap("M086")
@given(
    calls=st.integers(1, 60_000),
    packs=st.integers(0, 5),
    others=st.integers(1, 20_000),
    org=st.one_of(st.none(), st.integers(1_000, 200_000)),
)
def test_the_interval_that_is_proposed_keeps_every_day_within_the_calls(
    calls: int, packs: int, others: int, org: int | None
) -> None:
    """From 50,000 calls a day, packs of 10,000 and the calls of a run: no day has more, and a shorter one would."""
    left: dict[Vendor, Left] = {"marketo": Left(daily=50_000 + packs * 10_000), "salesforce": Left(daily=org)}
    run: dict[Vendor, Cost] = {"marketo": Cost(calls=calls), "salesforce": Cost(calls=others)}
    budgets = [(left[vendor].daily, cost.calls) for vendor, cost in run.items()]

    def exceeds(minutes: int) -> bool:
        starts = len(range(0, 24 * 60, minutes))
        return any(daily is not None and starts * cost > daily for daily, cost in budgets)

    found = minutes_apart(run, left)

    if found is None:
        assert exceeds(24 * 60)
        return
    assert found >= 5
    assert not exceeds(found)
    assert found == 5 or exceeds(found - 1)


def test_nothing_is_proposed_where_nobody_knows_the_calls_of_a_day() -> None:
    """Neither vendor's day is known, or the run takes none of the calls that are."""
    assert minutes_apart({"marketo": Cost(calls=3), "salesforce": Cost()}, {"salesforce": Left(daily=10)}) is None
    assert minutes_apart({"marketo": Cost(calls=250)}, {"marketo": Left(daily=50_000)}) == 8


def test_workers_that_begin_anew_describe_once_each() -> None:
    """One goes from step to step; at most two others write to Marketo, five to Salesforce, and none without rows."""
    run: dict[Vendor, Cost] = {"marketo": Cost(calls=10), "salesforce": Cost(calls=20)}

    def calls(rows: int, destination: Vendor) -> tuple[int, int]:
        found = cold(run, rows, destination)
        return found["marketo"].calls, found["salesforce"].calls

    assert [calls(rows, "marketo") for rows in (0, 40, 1_000_000)] == [(10, 20), (11, 21), (12, 22)]
    assert calls(1_000_000, "salesforce") == (15, 25)
