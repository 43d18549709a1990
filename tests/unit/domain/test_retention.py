"""What Marketo does not keep as long as a cycle begins to read."""

from datetime import UTC, datetime, timedelta

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_progress import standing_members
from leadbridge.domain.cycling import CycleStanding
from leadbridge.domain.retention import PRUNED, days_kept, retention_lines
from tests.builders.whole_cycles import a_cycle

NOW = datetime(2026, 6, 1, tzinfo=UTC)
#: as the white paper lists them, and Adobe's names of two of them in its API
TWELVE = (
    "Add to List",
    "Change Score",
    "Change Data Value",
    "Visit Webpage",
    "Click Link on Webpage",
    "Sync Lead to SFDC",
    "Sync Lead to Microsoft",
    "Sync Lead Updates to SFDC",
    "Update Opportunity",
    "Request Campaign",
    "Email Delivered",
    "Send Email",
)


def a_cycle_of(*types: str | int, low: str | None) -> CrmCycle:
    """A cycle that makes Tasks of these types, from a day on."""
    plain = a_cycle().model_dump(by_alias=True, exclude_none=True) | {"low_watermark": None}
    groups = {"engagement": {"types": list(types), "key": "Key__c"}}
    return CrmCycle.model_validate(plain | {"activities": {"groups": groups, "low_watermark": low}})


@pytest.mark.cap("M055", "M056", "M164")
@pytest.mark.parametrize("low", ["2026-03-02T00:00", None])
def test_each_of_the_twelve_types_is_warned_of_that_is_read_from_more_than_90_days_ago(low: str | None) -> None:
    """By its name, with the day before which it is gone; other types are kept for 25 months."""
    lines = list(retention_lines(a_cycle_of(*TWELVE, "Fill Out Form", low=low), {}, NOW))
    assert len(lines) == len(PRUNED) == len(TWELVE)
    begin = "from 2026-03-02 on" if low else "from the start"
    for name, line in zip(TWELVE, lines, strict=True):
        told = name.removesuffix(" on Webpage")
        assert line == (
            f"{told} is read {begin}, but Marketo keeps it for 90 days: what was done before 2026-03-03 is gone"
        )


def test_what_is_kept_is_not_warned_of() -> None:
    """At 90 days nothing is gone; ids mean the same as names; what was carried over by then is not read again."""
    assert list(retention_lines(a_cycle_of(*TWELVE, low="2026-03-03T00:00"), {}, NOW)) == []
    of_ids = a_cycle_of(6, 2, low="2025-01-01T00:00")
    assert [line.partition(" is ")[0] for line in retention_lines(of_ids, {}, NOW)] == ["Send Email"]
    queue = "activities-engagement"
    assert list(retention_lines(of_ids, {queue: NOW - timedelta(days=89)}, NOW)) == []
    assert len(list(retention_lines(of_ids, {queue: NOW - timedelta(days=91)}, NOW))) == 1
    assert (days_kept(100_001), days_kept("Merge Leads")) == (762, 762)
    assert len(list(retention_lines(a_cycle_of(2, low="2020-01-01T00:00"), {}, NOW))) == 1
    assert list(retention_lines(a_cycle(), {}, NOW)) == []


def test_a_cycle_that_is_shown_tells_of_it_as_long_as_it_is_so() -> None:
    """Before the first run by the low watermark, then by how far the queue has come."""
    cycle = a_cycle_of("Send Email", low="2026-01-01T00:00")
    before = standing_members(cycle, CycleStanding(), NOW)["warnings"]
    assert [line.partition(",")[0] for line in before] == ["Send Email is read from 2026-01-01 on"]
    assert standing_members(cycle, CycleStanding(watermarks={"activities-engagement": NOW}), NOW)["warnings"] == []
