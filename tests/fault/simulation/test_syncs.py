"""Hundreds of hostile schedules of Syncs, each from its seed: nothing lost, nothing doubled, nothing unexplained."""

from functools import cache
from typing import get_protocol_members

import pytest

from leadbridge import ports, sync_ports
from tests.fault.simulation.playing import told_twice
from tests.fault.simulation.sync_report import SyncReport, play_all
from tests.fault.simulation.sync_schedule import ALL_DELETING_FROM, POINTS

#: seeds of one shard; mutants are found by the first 750
SHARD = 250
SHARDS = 3
#: schedules in which people delete
DELETING = 60
#: seeds of the other tests lie beyond those of the shards
ELSEWHERE = 1_000_000
PORTS = {
    "syncs": sync_ports.SyncRuns,
    "source": sync_ports.SyncSource,
    "destination": sync_ports.SyncDestination,
    "starter": sync_ports.SyncStarter,
    "keys": ports.RowKeys,
}
#: what only people's questions pass, what runs once pass, and what is no call
UNVISITED = {
    *("syncs.runs", "syncs.note_once", "syncs.forget", "source.shown", "source.sample"),
    *("source.calls", "source.expanded", "destination.calls", "destination.rows"),
}
#: a page of a source, what is asked of it and written back to it, deletions, and files
BESIDES = {
    *("source.page", "source.gone", "origin.find", "origin.update"),
    *("destination.delete", "objects.put", "objects.writing", "objects.read"),
}


def nothing_is_wrong(report: SyncReport) -> None:
    """No schedule violates anything; the message holds all that a replay needs."""
    for seed, wrong in report.failures.items():
        replay = f"python -m tests.fault.simulation --syncs --seed {seed} --schedules 1 --trace"
        pytest.fail(f"seed {seed}: {'; '.join(wrong)}\nreplay: {replay}")


@cache
def deleting() -> SyncReport:
    """What came of the schedules in which people delete."""
    return play_all(range(ALL_DELETING_FROM, ALL_DELETING_FROM + DELETING), until_found=True)


@pytest.mark.fault("FA12", "FA13", "FS11")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_sync_loses_doubles_or_leaves_unexplained(shard: int) -> None:
    """At rest each record that a filter lets through has reached its destination once, with its newest values."""
    report = play_all(range(shard * SHARD, (shard + 1) * SHARD), until_found=True)

    nothing_is_wrong(report)
    assert report.schedules == SHARD
    each = {name: count / report.schedules for name, count in report.totals.items()}
    assert each["runs"] >= 5
    assert each["rows"] >= 30
    assert each["crashes"] >= 1.5


@pytest.mark.pain("P18")
def test_no_deletion_is_lost_and_nobody_who_lives_goes() -> None:
    """Records of the source are deleted, made anew and restored while Syncs run and die: at rest their destination
    records are gone or marked, and those of all who live are there and bear no mark."""
    report = deleting()

    nothing_is_wrong(report)
    ends = report.ends["rows"]
    assert ends["deleted"] >= DELETING / 3
    assert ends["flagged"] >= DELETING / 6


def test_every_fault_of_a_sync_strikes_and_every_io_point_kills() -> None:
    """Within 1,000 schedules processes die before and after each I/O point, and each kind of fault occurs."""
    report = SyncReport()
    report.add(deleting())
    for start in range(ELSEWHERE, ELSEWHERE + 1000, 100):
        report.add(play_all(range(start, start + 100)))
        if not report.missing():
            break

    nothing_is_wrong(report)
    print("\n".join(report.lines()))
    assert report.missing() == []


def test_every_operation_of_a_sync_is_a_point_where_processes_die() -> None:
    """The registry of I/O points names each method of each port, so a new one cannot be forgotten."""
    methods = {f"{name}.{method}" for name, port in PORTS.items() for method in get_protocol_members(port)}

    assert set(POINTS) == (methods - UNVISITED - {"source.pages"}) | BESIDES


def test_a_seed_of_a_sync_replays_byte_for_byte() -> None:
    """Two processes with different hash seeds print the same steps of the same schedules."""
    texts = told_twice("tests.fault.simulation.sync_report", 40, 48)

    assert texts[0] == texts[1]
    assert texts[0].count(b"\n") > 3000
