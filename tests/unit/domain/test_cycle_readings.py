"""What is alerted about of CRM cycles: runs, kinds of records, fields, and records that fail again and again."""

from dataclasses import replace
from datetime import timedelta

from leadbridge.domain.alert_rules import AlertsDocument, CycleRules
from leadbridge.domain.alerts import Kind, Level, Reading
from leadbridge.domain.cycle_readings import WatchedCycle, cycle_readings
from leadbridge.domain.cycle_schema import Aside, Schema
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep, guarded
from tests.fakes.clock import NOON

DONE, FAILED = CycleStep.DONE, CycleStep.FAILED


def a_run(hours_ago: int, step: CycleStep = DONE, **parked: str) -> CycleRun:
    """A run that ended a minute after its begin, or is at work."""
    at = NOON - timedelta(hours=hours_ago)
    run = CycleRun(cycle="main", slot=f"slot-{hours_ago}", version=1, epoch=1, started_at=at, step=step, parked=parked)
    return replace(run, ended_at=at + timedelta(minutes=1)) if run.over else run


def read(
    *runs: CycleRun,
    standing: CycleStanding | None = None,
    tries: tuple[int, ...] = (),
    rules: CycleRules | None = None,
) -> dict[Kind, Reading]:
    """The readings of a cycle by their kind."""
    watched = WatchedCycle(id="main", runs=runs, standing=standing or CycleStanding(), tries=tries)
    return {each.subject.kind: each for each in cycle_readings([watched], {"main": rules or CycleRules()}, NOON)}


def test_a_failed_run_is_told_with_the_number_of_those_in_a_row_until_one_goes_well() -> None:
    """Cancelled ones say nothing, nor do plans."""
    plan = replace(a_run(0, FAILED), planning=True)
    two = read(plan, a_run(1, CycleStep.CANCELLED), a_run(2, FAILED), a_run(3, FAILED), a_run(4))[Kind.CYCLE_FAILED]
    assert (two.level, two.facts["number"], two.facts["slot"]) == (Level.RAISED, 2, "slot-2")
    assert two.since == NOON - timedelta(hours=3) + timedelta(minutes=1)
    assert read(a_run(1), a_run(2, FAILED))[Kind.CYCLE_FAILED].level is Level.CLEAR
    assert Kind.CYCLE_FAILED not in read()


def test_a_run_that_its_guard_holds_is_told_for_as_long_as_it_waits() -> None:
    """So is one that waits for a quota; one that is at work is not."""
    waiting = guarded(a_run(1, CycleStep.DECIDE), "persons changes", "empty 500 values", NOON)
    told = read(waiting)[Kind.CYCLE_WAITS]
    assert (told.level, told.facts) == (Level.RAISED, {"slot": "slot-1", "waiting": "guard"})
    assert Kind.CYCLE_WAITS not in read(a_run(1, CycleStep.DECIDE))


def test_kinds_that_the_newest_run_left_out_are_named() -> None:
    """Since the first of the runs in a row that did."""
    told = read(a_run(1, persons="hidden", companies="gone"), a_run(2, persons="hidden"), a_run(3))[Kind.CYCLE_PARKED]
    assert (told.level, told.since) == (Level.RAISED, NOON - timedelta(hours=2) + timedelta(minutes=1))
    assert told.facts == {"slot": "slot-1", "number": 2, "kind0": "companies", "kind1": "persons"}
    assert read(a_run(1), a_run(2, persons="hidden"))[Kind.CYCLE_PARKED].level is Level.CLEAR


def test_fields_that_are_aside_and_records_that_fail_again_and_again_are_counted() -> None:
    """Fields by the standing between runs; records from the sixth time on, an end at half of the threshold."""
    schema = Schema(version=1, carried_to=NOON, aside={"a=A": Aside(why="hidden", since=NOON - timedelta(days=1))})
    told = read(standing=CycleStanding(schemas={"persons.Lead": schema}))[Kind.CYCLE_ASIDE]
    assert (told.level, told.facts, told.since) == (Level.RAISED, {"number": 1}, NOON - timedelta(days=1))
    assert read()[Kind.CYCLE_ASIDE].level is Level.CLEAR
    document = AlertsDocument.model_validate(
        {"kind": "alerts", "id": "alerts", "cycle": {"due": {"count": 2}}, "cycles": {"other": {"due": {"count": 9}}}}
    )
    rules = document.for_cycle("main")
    assert [read(tries=tries, rules=rules)[Kind.CYCLE_DUE].level for tries in ((6, 7, 5), (6, 5), (5, 5))] == [
        Level.RAISED,
        Level.EASED,
        Level.CLEAR,
    ]
    assert document.for_cycle("other").due.count == 9
    off = {name: {"enabled": False} for name in ("failed", "waits", "parked", "aside", "due")}
    assert read(a_run(1, FAILED), tries=(9,), rules=CycleRules.model_validate(off)) == {}
