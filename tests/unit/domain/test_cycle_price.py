"""What a first run costs, by what is read, looked up and written."""

import pytest

from leadbridge.domain.cycle_price import Amounts, Reading, Sampled, cycle_price, kind_price
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.sync_price import Left

PEOPLE = Reading(
    name="from-people", vendor="marketo", rows=1_000_000, exact=False, way="bulk", windows=10, row_bytes=1_000, before=5
)
LEADS = Reading(name="from-leads", vendor="salesforce", rows=9_000, exact=True, way="rest", before=2)


def test_a_kind_costs_its_readings_its_looks_and_its_writes() -> None:
    """Ten jobs of seven calls, looks of 300 and 500 values, writes of 300 and 200 records, a description of each leg;
    what is written by key is not looked for."""
    amounts = Amounts(
        looked_up={"marketo": [601], "salesforce": [500]},
        created={"salesforce": [201]},
        updated={"marketo": [300]},
        blind={"marketo": [301]},
        rows=9_000,
    )
    found = kind_price("persons", [PEOPLE, LEADS], amounts, {"marketo": 3, "salesforce": 6})
    assert found.cost["marketo"].calls == 3 + (70 + 5) + 3 + (1 + 1) + 2
    assert found.cost["salesforce"].calls == 6 + (5 + 2) + 1 + (1 + 2)
    assert (found.cost["marketo"].megabytes, found.cost["marketo"].job_slots) == (1_000, 10)


def test_the_days_are_those_of_the_scarcest_limit_and_told_before() -> None:
    """1,000 MB of people at 500 MB a day are two days, however many calls there are; few calls make it more."""
    kind = kind_price("persons", [PEOPLE], Amounts(), {})
    many: dict[Vendor, Left] = {"marketo": Left(calls=40_000, daily=50_000), "salesforce": Left()}
    found = cycle_price([kind], many)
    assert found.days == 2.0
    assert [each.partition(" a day and ")[0] for each in found.warnings] == ["Marketo gives 500 MB of extracts"]
    few = cycle_price([kind], {"marketo": Left(calls=10, daily=20)}, day_megabytes=5_000)
    assert few.days == pytest.approx(75 / 20)
    assert few.warnings == [
        "Marketo has 10 calls left today and the run takes 75; it waits for each next day and goes on by itself"
    ]


def test_what_nobody_can_count_is_said_and_no_day_is_promised() -> None:
    """Nor is it taken for nothing."""
    unknown = Reading(name="from-people", vendor="marketo", rows=None, exact=False, way="bulk", basis="who knows")
    found = cycle_price([kind_price("persons", [unknown], Amounts(), {})], {})
    assert found.days is None
    assert found.warnings == [
        "persons: nobody knows how many rows from-people has (who knows), so its cost is not in the price"
    ]


def test_without_a_sample_every_record_is_a_new_one() -> None:
    """Which costs most."""
    nothing, some = Sampled(), Sampled(records=4, created=1, to_marketo=2)
    assert (nothing.share("created"), nothing.share("to_marketo")) == (1.0, 0.0)
    assert (some.share("created"), some.share("to_marketo"), some.share("to_salesforce")) == (0.25, 0.5, 0.0)
