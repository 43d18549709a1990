"""Thousands of schedules of CRM cycles: both sides hold what a plain model of the policies says, then silence."""

import pytest

from tests.fault.simulation.cycle_report import CycleReport, play_all
from tests.fault.simulation.playing import told_twice

SHARD = 1_250
SHARDS = 4


@pytest.mark.pain("P38")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_both_sides_come_to_what_the_policies_say(shard: int) -> None:
    """Three people and more, nine fields of six policies, twelve edits; nothing is lost, doubled or echoed.

    Whatever cycle is missed, whatever process dies, whoever edits behind the read, and whatever an automation makes of
    a write; a field may be hidden and shown again. Who was merged, converted or deleted holds what the model says, too.
    The last two cycles write nothing (I6).
    """
    report = play_all(range(shard * SHARD, (shard + 1) * SHARD), until_found=True)
    for seed, wrong in report.failures.items():
        replay = f"python -m tests.fault.simulation --cycles --seed {seed} --schedules 1 --trace"
        pytest.fail(f"seed {seed}: {'; '.join(wrong)}\nreplay: {replay}")
    assert report.schedules == SHARD
    assert report.missing() == []


def test_a_missing_fault_is_told() -> None:
    """A report of nothing lacks everything."""
    assert "crash" in CycleReport().missing()


def test_a_seed_of_a_cycle_replays_byte_for_byte() -> None:
    """Two processes with different hash seeds print the same steps of the same schedules."""
    texts = told_twice("tests.fault.simulation.cycle_report", 40, 44)
    assert texts[0] == texts[1]
    assert texts[0].count(b"\n") > 80
