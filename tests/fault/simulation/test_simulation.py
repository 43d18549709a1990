"""Thousands of hostile schedules, each from its seed: nothing lost, nothing doubled, nothing unexplained."""

from dataclasses import replace
from typing import get_protocol_members

import pytest

from leadbridge import ports
from tests.fakes.steps import OPERATIONS
from tests.fault.simulation.playing import told_twice
from tests.fault.simulation.report import Report, plan_of, play, play_all
from tests.fault.simulation.schedule import Plan, schedule

#: seeds of one shard; mutants are found by the first of them
SHARD = 500
SHARDS = 10
#: seeds of the other tests lie beyond those of the shards
ELSEWHERE = 1_000_000

PORTS = {
    "bell": ports.Bell,
    "inbox": ports.Inbox,
    "keys": ports.Keys,
    "lanes": ports.Lanes,
    "marketo": ports.Marketo,
    "salesforce": ports.Salesforce,
}
#: operations of the doubles that no port has: what only `redrive` asks for, the second write inside of `announce`,
#: the calls of configurations that use-cases under simulation make, and those of chunks, which none makes
BESIDES = {"inbox.readmit", "inbox.hurry", "lanes.note_ring", "configurations.get", "configurations.paused"}
BESIDES |= {operation for operation in OPERATIONS if operation.startswith("chunks.")}

#: what only a table that was lost and restored leads to, and what only the check of a document or a Sync asks
UNVISITED = {"lanes.lift", "marketo.describe", "marketo.has_list", "marketo.read_only"}


def nothing_is_wrong(report: Report) -> None:
    """No schedule violates anything; the message holds all that a replay needs."""
    for seed, wrong in report.failures.items():
        replay = f"python -m tests.fault.simulation --seed {seed} --schedules 1 --trace"
        pytest.fail(f"seed {seed}: {'; '.join(wrong)}\nreplay: {replay}")


@pytest.mark.fault("FA05", "FA07", "FS16")
@pytest.mark.pain("P07", "P41", "P42")
@pytest.mark.parametrize("shard", range(SHARDS))
def test_nothing_is_lost_doubled_or_unexplained(shard: int) -> None:
    """At rest each call has one end or is parked with its reason, no vendor holds anything twice, order has held."""
    report = play_all(range(shard * SHARD, (shard + 1) * SHARD), until_found=True)

    nothing_is_wrong(report)
    assert report.schedules == SHARD
    each = {name: count / report.schedules for name, count in report.totals.items()}
    assert each["events"] >= 8
    assert each["workers"] >= 2
    assert each["crashes"] >= 2
    assert each["lost answers"] >= 1
    assert each["redeliveries"] >= 1


def may_show(seed: int, missing: set[str]) -> bool:
    """Whether something of what is missing is to be expected of a seed more than of others."""
    if any(not kind.startswith("crash") for kind in missing):
        return True
    deaths = [point for point, (_, blow) in plan_of(seed).aimed.items() if blow.kind == "crash"]
    return any(f"crash at {point}" in missing or f"crash in flight of {point}" in missing for point in deaths)


@pytest.mark.fault("FA06", "FA08", "FA09")
def test_every_fault_strikes_and_every_io_point_kills() -> None:
    """Within 1,000 schedules processes die before and after each I/O point, and each kind of fault occurs.

    The first hundred are played as they come, of the others those that aim at a point at which nobody has died yet.
    """
    report = Report()
    for start in range(ELSEWHERE, ELSEWHERE + 6000, 100):
        missing = set(report.missing())
        report.add(play_all([seed for seed in range(start, start + 100) if may_show(seed, missing)]))
        if not report.missing():
            break

    nothing_is_wrong(report)
    print("\n".join(report.lines()))
    assert report.missing() == []
    assert report.schedules <= 1000


def test_every_operation_of_a_port_is_a_point_where_processes_die() -> None:
    """The registry of I/O points names each method of each port, so a new one cannot be forgotten."""
    methods = {f"{name}.{method}" for name, port in PORTS.items() for method in get_protocol_members(port)}

    assert set(OPERATIONS) == (methods - UNVISITED) | BESIDES


def test_a_seed_replays_byte_for_byte() -> None:
    """Two processes with different hash seeds print the same steps of the same schedules."""
    texts = told_twice("tests.fault.simulation.report", 40, 52)

    assert texts[0] == texts[1]
    assert texts[0].count(b"\n") > 3000


@pytest.mark.cap("A69")
def test_the_total_is_the_sum_of_the_outcomes() -> None:
    """In each of 100 schedules the accepted calls are those ended one way each, those parked and those set aside."""
    for seed in range(ELSEWHERE + 2000, ELSEWHERE + 2100):
        played = play(seed)
        executions = played.simulation.inbox.logged.values()
        ended = [item["outcome"] for item in executions if item["state"] == "ended"]
        aside = [item for item in executions if item["state"] in {"parked", "rejected", "not_run"}]

        accepted = [call for call in played.simulation.plan.calls if not played.simulation.never_came(call)]
        assert len(ended) + len(aside) == len(accepted)
        assert all("outcome" not in item for item in aside)


def a_pair(seed: int, gap: float) -> Plan:
    """A hostile schedule with two calls of one person and one Action, so many seconds apart."""
    plan = schedule(seed)
    # a first call that fails for good would free the second one
    plan.chance |= dict.fromkeys(("row refused", "row to repeat", "refused as a whole"), 0.0)
    plan.records = dict.fromkeys(plan.records, 0)
    plan.foreigners = ()
    plan.redrive_all = True
    model = plan.calls[0]
    pair = []
    for number, received in ((1, 10.0), (2, 10.0 + gap)):
        lead = {"id": 1, "email": "person1@example.com", "externalId": "X-1"}
        lead |= {"lastName": "Lovelace", "company": "Analytical Engines"}
        written = {"Email": lead["email"], "FirstName": f"e{number}", "External__c": "X-1"}
        call = replace(
            model,
            number=number,
            execution_id=f"{seed:016x}{number:016x}",
            kind="event",
            action="windowed",
            person=1,
            received=received,
            inline=False,
            # what came second may be delivered first
            delay=model.delay if number == 1 else 0.5,
            payload={
                "lead": lead,
                "campaign": {"id": 1001, "name": "Welcome"},
                "token": {"mark": f"e{number}"},
            },
            lead=lead,
            values=dict.fromkeys((1, 2), written),
        )
        pair.append(call)
    plan.calls = pair
    return plan


@pytest.mark.cap("A14")
@pytest.mark.parametrize(("gap", "ends"), [(299.0, ["duplicate", "written"]), (301.0, ["written", "written"])])
def test_the_window_is_five_minutes_whoever_runs_the_calls(gap: float, ends: list[str]) -> None:
    """In 60 hostile schedules the second call is suppressed 4:59 after the first and runs 5:01 after it."""
    workers = 0
    for seed in range(ELSEWHERE + 3000, ELSEWHERE + 3060):
        played = play(a_pair(seed, gap))
        found = [str(item.get("outcome", item["state"])) for item in played.simulation.inbox.logged.values()]

        words = sorted("written" if word in {"created", "updated", "superseded"} else word for word in found)
        assert words == ends, f"seed {seed}: {found}"
        workers += played.simulation.workers
    assert workers > 120
