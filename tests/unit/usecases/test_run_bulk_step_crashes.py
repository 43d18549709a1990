"""A process that dies at any point of a bulk run is followed by another, and nobody can tell afterwards."""

from collections.abc import Mapping
from typing import Any

import pytest

from leadbridge.domain.jobs import Counts, Run, Step
from tests.builders.bulk import BulkWorld, an_order, rows_of
from tests.fakes.bulk import lost_answer
from tests.fakes.steps import Crash

FILE = b"id,email\r\n" + b"".join(b"%d,a%d@example.com\r\n" % (number, number) for number in range(5))
ROWS = rows_of("a", "bad1", "odd1", "b", "bad2")
CASES = [(vendor, kind) for vendor in ("marketo", "salesforce") for kind in ("extract", "import")]


def a_world(vendor: str, kind: str) -> BulkWorld:
    """A vendor with a file of several pieces, or a file for it."""
    if kind == "extract":
        return BulkWorld(vendor, file=FILE, columns=("id",), piece_bytes=40)
    return BulkWorld(vendor, source=ROWS)


def end(world: BulkWorld, run: Run) -> tuple[Any, ...]:
    """Everything that is left of a run, but when it happened and which job it was."""
    contents: Mapping[str, bytes] = world.objects.contents
    return run.step, run.counts, run.reason, run.output, run.digest, sorted(contents.items()), world.runs.turns


def is_unlisted(vendor: str, kind: str) -> bool:
    """Marketo shows no list of imports."""
    return (vendor, kind) == ("marketo", "import")


@pytest.mark.fault("FB03")
@pytest.mark.parametrize(("vendor", "kind"), CASES)
def test_a_crash_at_any_point_leaves_no_trace(vendor: str, kind: str) -> None:
    """Before and after each I/O of the run a process dies once: outcome, files and counts are those of an undisturbed
    run, and the vendor made one job; only where it lists none, and the crash hid the answer, a second one."""
    order = an_order(kind, vendor)
    calm = a_world(vendor, kind)
    wanted = end(calm, calm.drive(order))
    points = list(calm.steps.taken)

    assert len(points) > 50
    for number, point in enumerate(points, start=1):
        world = a_world(vendor, kind)
        world.steps.arm(number)
        assert end(world, world.drive(order)) == wanted, point
        hidden = is_unlisted(vendor, kind) and point in {"bulk.create.done", "runs.save"}
        assert len(world.vendor.made) in ({1, 2} if hidden else {1}), point


@pytest.mark.parametrize(("vendor", "kind"), CASES)
def test_a_process_that_always_dies_one_step_later_gets_through(vendor: str, kind: str) -> None:
    """Each process dies at the next point it comes to that none died at before: the run ends like a calm one."""
    order = an_order(kind, vendor)
    calm = a_world(vendor, kind)
    wanted = end(calm, calm.drive(order))

    world = a_world(vendor, kind)
    for point in dict.fromkeys(calm.steps.taken):
        world.steps.die_of(point)
        try:
            while not (answer := world.step(order)).run.over:
                world.clock.advance(answer.next.wait_seconds)
        except Crash:
            continue
    world.steps.disarm()

    assert end(world, world.drive(order)) == wanted


@pytest.mark.fault("FB03")
@pytest.mark.parametrize(("vendor", "kind"), [case for case in CASES if not is_unlisted(*case)])
def test_an_orphan_is_adopted_by_the_run_that_made_it(vendor: str, kind: str) -> None:
    """The job's id was never stored; the run finds the job in the list, uses it, and tells that it did."""
    order = an_order(kind, vendor)
    world = a_world(vendor, kind)
    world.steps.die_of("bulk.create.done")
    run = world.drive(order)

    assert run.step is Step.DONE
    assert [job.id for job in world.vendor.made] == ["job-1"]
    assert world.meter.of("BulkJobsAdopted") == 1


@pytest.mark.fault("FB03")
def test_an_orphan_of_a_run_that_never_comes_back_is_cancelled_by_the_next() -> None:
    """Another run of the same kind waits its turn, then cancels what the dead one left and makes its own job."""
    world = a_world("marketo", "extract")
    world.steps.die_of("bulk.create.done")
    with pytest.raises(Crash):
        world.step(an_order(run="dead"))

    run = world.drive(an_order(run="alive"))

    assert (run.step, run.job) == (Step.DONE, "job-2")
    assert [job.word for job in world.vendor.made] == ["Cancelled", "Completed"]
    # if the dead one comes back after all, it makes a job like any other
    assert world.drive(an_order(run="dead")).job == "job-3"


def test_jobs_that_other_runs_have_stored_are_never_adopted() -> None:
    """A job in the list that is some run's own is left alone, also one of the same second."""
    world = a_world("marketo", "extract")
    world.until(an_order(run="other"), Step.POLL)
    world.steps.die_of("bulk.create")

    run = world.drive(an_order(run="mine"))

    assert (run.step, run.job) == (Step.DONE, "job-2")
    assert world.drive(an_order(run="other")).job == "job-1"


def test_two_runs_of_a_kind_take_turns_at_making_their_jobs() -> None:
    """While one is in doubt about its job, another does not make one, whose job could be taken for the first one's."""
    world = a_world("marketo", "extract")
    world.vendor.faults.add("create", lost_answer("create"), carried_out=True)
    world.step(an_order(run="first"))
    waiting = world.step(an_order(run="second"))

    assert (waiting.next.step, waiting.next.waiting.value) == (Step.CREATE, "other_run")
    assert world.drive(an_order(run="first")).job == "job-1"
    assert world.drive(an_order(run="second")).job == "job-2"


@pytest.mark.fault("FB11")
@pytest.mark.parametrize(("vendor", "kind"), CASES)
@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
def test_a_lost_answer_to_making_a_job_is_looked_for(vendor: str, kind: str, *, carried_out: bool) -> None:
    """The vendor's list tells whether there is a job; where there is no list, a second import of the same rows follows
    after a long wait, and finds them by their key."""
    order = an_order(kind, vendor)
    calm = a_world(vendor, kind)
    wanted = end(calm, calm.drive(order))

    world = a_world(vendor, kind)
    world.vendor.faults.add("create", lost_answer("create", vendor), carried_out=carried_out)

    assert end(world, world.drive(order)) == wanted
    assert len(world.vendor.made) == (2 if is_unlisted(vendor, kind) and carried_out else 1)


@pytest.mark.parametrize(("vendor", "kind"), CASES)
def test_a_lost_answer_to_starting_a_job_is_seen_at_the_job(vendor: str, kind: str) -> None:
    """One look tells whether the job was started; it is one job in the end."""
    order = an_order(kind, vendor)
    calm = a_world(vendor, kind)
    wanted = end(calm, calm.drive(order))
    for carried_out in (True, False):
        world = a_world(vendor, kind)
        world.vendor.faults.add("start", lost_answer("start", vendor), carried_out=carried_out)
        assert end(world, world.drive(order)) == wanted
        assert len(world.vendor.made) == 1


def test_two_executions_of_one_run_do_not_disturb_each_other() -> None:
    """A second process takes the same step in the middle of the first one's: the run is stored once."""
    world = a_world("marketo", "extract")
    order = an_order()
    world.until(order, Step.FETCH)
    put, inner = world.objects.put, list[str]()

    def put_and_be_overtaken(key: str, content: bytes) -> None:
        put(key, content)
        if not inner:
            inner.append(key)
            world.drive(order)

    world.objects.put = put_and_be_overtaken  # type: ignore[method-assign]  # the other process begins here
    answer = world.step(order)

    assert (answer.run.step, answer.run.counts) == (Step.DONE, Counts(rows=5, done=5))
    assert len(world.vendor.made) == 1
