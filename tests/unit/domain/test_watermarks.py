"""Watermarks: whatever a vendor shows late, with equal moments or by another clock, is read by some run."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.watermarks import EARLIEST, LAG, OVERLAP, ceiling, tiles, window
from tests.fakes.clock import NOON

SEEDS = 300
#: seconds that the vendors' clocks differ from ours at most; what is left of the lag is for late entries
SKEW = 120


def covered(vendor: Vendor, entries: list[tuple[int, int]], now: int) -> datetime | None:
    """What the vendor says it shows in full at a moment of its clock; Marketo does not say."""
    hidden = [stamp for stamp, shown in entries if stamp <= now < shown]
    return NOON + timedelta(seconds=min([now, *hidden])) if vendor == "salesforce" else None


@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
@pytest.mark.fault("FT02", "FT03")
def test_every_change_is_read_however_late_it_shows(vendor: Vendor) -> None:
    """Changes with equal moments, shown late, and runs at any times by a clock that is wrong: none is missed.

    At Salesforce a transaction may last for hours, as the vendor tells of it; at Marketo entries are late by minutes.
    """
    lag = int(LAG["marketo"].total_seconds()) - SKEW
    for seed in range(SEEDS):
        chance = random.Random(seed)  # a test's own chance
        skew = chance.randint(-SKEW, SKEW)
        entries = []
        for _ in range(chance.randint(1, 12)):
            stamp = chance.choice([chance.randint(0, 4_000), 1_000, 2_000])
            delay = chance.choice([0, chance.randint(0, lag if vendor == "marketo" else 9_000)])
            entries.append((stamp, stamp + delay))
        read: set[int] = set()
        watermark = None
        for now in [*sorted(chance.randint(0, 15_000) for _ in range(chance.randint(1, 9))), 20_000]:
            ours = NOON + timedelta(seconds=now + skew)
            until = ceiling(vendor, ours, covered(vendor, entries, now))
            asked = window(vendor, watermark, until)
            for number, (stamp, shown) in enumerate(entries):
                at = NOON + timedelta(seconds=stamp)
                inside = (asked.since is None or at >= asked.since) and (asked.until is None or at < asked.until)
                if shown <= now and inside:
                    read.add(number)
            assert asked.until is not None
            watermark = asked.until
        assert read == set(range(len(entries))), seed


@pytest.mark.parametrize("vendor", ["marketo", "salesforce"])
def test_a_watermark_never_goes_back(vendor: Vendor) -> None:
    """A vendor that covers less than it said before: the window is empty or overlaps, its end is the watermark."""
    asked = window(vendor, NOON, NOON - timedelta(hours=1))

    assert asked.until == NOON
    assert asked.since == NOON - OVERLAP[vendor]


def test_a_ceiling_has_whole_seconds_and_never_lies_in_the_future() -> None:
    """Vendors compare whole seconds; what the vendor does not tell lies behind the present by its lag."""
    at = datetime(2026, 3, 2, 12, 0, 0, 999_000, tzinfo=UTC)

    assert ceiling("salesforce", at, at) == NOON
    assert ceiling("marketo", at, None) == NOON - LAG["marketo"]


@pytest.mark.cap("M091", "M092")
def test_windows_of_extract_jobs_tile_a_span() -> None:
    """No window is longer than 31 days, each begins where the one before ends, and none before 2007."""
    found = tiles(datetime(1999, 1, 1, tzinfo=UTC), NOON)

    assert found[0].since == EARLIEST
    assert found[-1].until == NOON
    assert all(one.until == other.since for one, other in pairwise(found))
    assert max((each.until or NOON) - (each.since or NOON) for each in found) == timedelta(days=31)
    assert tiles(NOON, NOON) == []
