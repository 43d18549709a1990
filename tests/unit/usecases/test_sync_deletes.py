"""Deleted source records: their destination records are flagged or deleted, and whoever lives on is spared."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.gone import BARE, FATE, MERGED
from leadbridge.domain.records import FieldDescription, Resolution, RowResult
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.errors import ConfigurationError, UncertainWriteError
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.steps import Crash

LATER, LAST = "20260302T130000Z", "20260302T140000Z"
MOST_POINTS = 500


def a_world(rows: int = 3, **members: Any) -> SyncWorld:
    """So many rows that have been carried over, an hour ago."""
    asked = {"dedupe": "import_everything", "extraction": "incremental", "deletes": "delete"} | members
    world = SyncWorld(a_sync(**asked))
    for number in range(rows):
        world.row(number)
    assert world.ran().totals.created == rows
    # the source is asked for living rows through its own destination
    world.origin.records += [dict(row) for row, _, _ in world.source.rows]
    world.clock.advance(3600)
    return world


def gone(world: SyncWorld, number: int, **members: Any) -> None:
    """A row of the source is deleted, a while ago."""
    row = next(dict(row) for row, _, _ in world.source.rows if row["Id"] == f"{number:03}")
    world.source.rows = [each for each in world.source.rows if each[0]["Id"] != row["Id"]]
    world.origin.records = [each for each in world.origin.records if each["Id"] != row["Id"]]
    world.source.deleted.append(({**row, **members}, world.clock.now() - timedelta(minutes=30)))


def held(world: SyncWorld) -> list[str]:
    """The addresses that the destination holds."""
    return sorted(record["email"] for record in world.destination.records)


@pytest.mark.pain("P18")
def test_a_deleted_source_record_takes_its_destination_record_along() -> None:
    """One record goes and is counted as deleted; the next run finds nothing left to do."""
    world = a_world()
    gone(world, 1)
    run = world.ran(LATER)

    assert (run.step, run.rows, run.totals) == (Step.DONE, 1, Totals(deleted=1))
    assert held(world) == ["p0@example.com", "p2@example.com"]
    world.clock.advance(3600)
    assert world.ran(LAST).totals == Totals()


@pytest.mark.pain("P18")
def test_a_flag_marks_the_record_and_a_restored_source_record_takes_it_off() -> None:
    """Flagged once, not again; when the source has the record again the next run clears the flag."""
    world = a_world(deletes={"flag": "vip"})
    gone(world, 1)
    assert world.ran(LATER).totals == Totals(flagged=1)
    marks = {record["email"]: record.get("vip") for record in world.destination.records}
    assert marks == {"p0@example.com": None, "p1@example.com": True, "p2@example.com": None}

    world.clock.advance(3600)
    world.source.deleted.clear()
    world.changed(1, world.clock.now() - timedelta(minutes=5))
    assert world.ran(LAST).totals == Totals(updated=1)
    assert [record["vip"] for record in world.destination.records if "vip" in record] == [False]


def test_deletions_before_the_first_run_that_asks_are_nobodys() -> None:
    """A Sync that is told to delete from now on does not look back; with full reading it asks since its last run."""
    world = SyncWorld(a_sync(dedupe="import_everything", deletes="delete", extraction="full"))
    world.row(1)
    world.source.deleted.append(({"Id": "009", "Email": "p9@example.com"}, NOON - timedelta(minutes=1)))
    world.destination.records.append({"id": "1", "email": "p9@example.com", "lastName": "Kept"})
    world.ran()
    assert world.source.asked_gone == []
    assert len(world.destination.records) == 2
    world.clock.advance(3600)
    world.ran(LATER)
    [(since, until)] = world.source.asked_gone
    assert (since, until) == (NOON - timedelta(minutes=1), NOON + timedelta(hours=1))
    assert world.runs.standing(world.sync.id).watermark is None


def test_a_deletion_that_failed_is_taken_again_by_the_next_run_and_by_no_retry() -> None:
    """The refused one is listed with its source record's id; a retry reads rows, and has none; the next run deletes."""
    world = a_world()
    gone(world, 1)
    locked = RowResult(ok=False, code="1007", message="in use", resolution=Resolution.REJECT)
    [record] = [each for each in world.destination.records if each["email"] == "p1@example.com"]
    world.destination.refusals = {record["id"]: [locked]}
    run = world.ran(LATER)
    assert (run.step, run.totals) == (Step.DONE, Totals(failed=1))
    [failed] = world.results_of().failed(world.sync.id, LATER)
    assert (failed.source_id, failed.reason) == ("001", "marketo_1007")

    world.clock.advance(60)
    retry = world.drive(world.starting().retry(world.sync.id, LATER).slot)
    assert (retry.wanted, retry.totals) == (0, Totals())
    world.clock.advance(3600)
    assert world.ran(LAST).totals == Totals(deleted=1)
    assert held(world) == ["p0@example.com", "p2@example.com"]


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ({"Email": ""}, "gone_unknown"),
        ({"Email": "nobody@example.com"}, "gone_too"),
        ({FATE: MERGED}, "gone_merged"),
        ({"Email": "p2@example.com"}, "gone_lives_on"),
        ({"LastName": "Of another kind"}, "condition_not_met"),
    ],
)
def test_whoever_lives_on_or_is_not_known_is_left_alone(fate: dict[str, str], reason: str) -> None:
    """Gone from the bin, gone there too, merged, the key of a living row, out of the Sync's filter: each says why."""
    conditions = {"clauses": [{"column": "LastName", "operator": "starts_with", "value": "Name"}]}
    world = a_world(conditions=conditions)
    gone(world, 1, **fate)
    run = world.ran(LATER)

    assert run.totals == Totals(skipped=1)
    assert [line["reason"] for line in world.results(LATER).values()] == [reason]
    assert len(held(world)) == 3


def a_world_by_id(rows: int = 2, **members: Any) -> SyncWorld:
    """So many rows that have been carried over, an hour ago, each with its id."""
    mappings = [{"to": "email", "column": "Email"}, {"to": "origin", "column": "Id"}]
    asked = {"dedupe": "import_everything", "extraction": "incremental", "deletes": "delete", "mappings": mappings}
    world = SyncWorld(a_sync(**asked | members))
    fields = {**world.destination.described.fields, "origin": FieldDescription(name="origin", type="string")}
    fields["origin"] = FieldDescription(name="origin", type="string", id_lookup=True)
    world.destination.described = type(world.destination.described)(name="leads", fields=fields)
    for number in range(rows):
        world.row(number)
    world.ran()
    world.clock.advance(3600)
    return world


def test_a_record_is_found_by_the_id_that_a_mapping_gave_it() -> None:
    """Of a record that is gone from the bin the id is known: that is enough where the destination has it."""
    world = a_world_by_id()
    gone(world, 1)
    world.source.deleted[:] = [({"Id": "001", FATE: BARE}, world.clock.now() - timedelta(minutes=1))]
    assert world.ran(LATER).totals == Totals(deleted=1)
    assert held(world) == ["p0@example.com"]


def made_anew(world: SyncWorld, changed: datetime) -> None:
    """A person whose record was deleted has another one, which no run reads before the source shows it."""
    gone(world, 1)
    world.origin.records.append({"Id": "008", "Email": "p1@example.com", "SystemModstamp": changed})


@pytest.mark.pain("P18")
@pytest.mark.parametrize("kept", [False, True])
def test_a_deletion_waits_for_whoever_lives_and_was_not_read_yet(kept: bool) -> None:
    """Made anew behind the window: it takes the record over; deleted as well before it was read: the record goes."""
    world = a_world_by_id()
    made_anew(world, world.clock.now() + timedelta(seconds=5))
    run = world.ran(LATER)
    assert (run.step, run.totals) == (Step.DONE, Totals(skipped=1))
    [line] = world.results(LATER).values()
    assert (line["reason"], "next run" in line["message"]) == ("gone_waits", True)
    assert held(world) == ["p0@example.com", "p1@example.com"]

    world.clock.advance(3600)
    if kept:
        world.source.rows.append(
            ({"Id": "008", "Email": "p1@example.com"}, *(world.clock.now() - timedelta(minutes=50),) * 2)
        )
    else:
        world.origin.records.pop()
        world.source.deleted.append(({"Id": "008", FATE: BARE}, world.clock.now() - timedelta(minutes=30)))
    # nobody has the id of the one that was never read; of a record that was taken over, that of the first one
    assert world.ran(LAST).totals == (Totals(updated=1, skipped=1) if kept else Totals(deleted=1, skipped=1))
    assert held(world) == ["p0@example.com", *(["p1@example.com"] if kept else [])]
    assert {record["origin"] for record in world.destination.records} == ({"000", "008"} if kept else {"000"})

    world.clock.advance(3600)
    assert world.ran("20260302T150000Z").totals == Totals()


@pytest.mark.parametrize("changed", [-3600, None])
def test_whoever_lives_and_was_read_lets_no_deletion_wait(changed: int | None) -> None:
    """A row that a run has read, and that did not take the record over, never will: the deletion is done with."""
    world = a_world_by_id()
    made_anew(world, world.clock.now())
    world.origin.records[-1]["SystemModstamp"] = changed and world.clock.now() + timedelta(seconds=changed)
    assert world.ran(LATER).totals == Totals(skipped=1)
    assert [line["reason"] for line in world.results(LATER).values()] == ["gone_lives_on"]
    world.clock.advance(3600)
    assert world.ran(LAST).totals == Totals()


def test_a_record_that_is_found_by_its_key_waits_for_nobody() -> None:
    """Where the key finds records, the deletion of whoever lives finds this one as well."""
    world = a_world()
    made_anew(world, world.clock.now() + timedelta(seconds=5))
    world.ran(LATER)
    assert [line["reason"] for line in world.results(LATER).values()] == ["gone_lives_on"]


def test_deletions_that_the_vendor_forgot_are_told() -> None:
    """After twenty days the run asks for fifteen, ends, and says from when on deletions are known."""
    world = a_world()
    world.clock.advance(20 * 86_400)
    gone(world, 1)
    slot = world.clock.now().strftime("%Y%m%dT%H%M%SZ")
    run = world.ran(slot)

    assert (run.step, run.reason, run.totals) == (Step.DONE, "deletes_lost", Totals(deleted=1))
    assert "2026-03-07T14:00:00" in run.message
    world.source.told_from = world.clock.now()
    world.clock.advance(7200)
    again = world.ran(world.clock.now().strftime("%Y%m%dT%H%M%SZ"))
    assert again.reason == "deletes_lost"


def test_more_deletions_than_the_guard_allows_wait_for_a_person() -> None:
    """Two deletions, one allowed: nothing is written, neither rows nor deletions, until somebody confirms."""
    world = a_world(guard={"deletes": 1})
    gone(world, 0)
    gone(world, 1)
    world.changed(7, world.clock.now() - timedelta(minutes=5))
    world.start(LATER)
    for _ in range(20):
        answer = world.step(LATER, begin=True)
        if answer["waiting"] == Waiting.GUARD:
            break
        for number in answer["open"]:
            world.step(LATER, parts=(number,))
        world.step(LATER)
    assert "delete 2 records (the limit is 1)" in world.run(LATER).message
    assert len(held(world)) == 3
    world.starting().ask(world.sync.id, LATER, Asked.CONFIRM)
    assert world.drive(LATER).totals == Totals(created=1, deleted=2)
    assert held(world) == ["p2@example.com", "p7@example.com"]


def planned(world: SyncWorld) -> SyncRun:
    """A plan that has ended; the clock is past its second."""
    run = world.drive(world.starting().plan(world.sync.id).slot)
    world.clock.advance(60)
    return run


@pytest.mark.parametrize("policy", ["delete", {"flag": "vip"}])
def test_deletions_are_planned_and_applied_to_records_that_are_as_they_were(policy: Any) -> None:
    """The plan lists them and does nothing; of two records one has changed since, which is left and named."""
    world = a_world(deletes=policy)
    gone(world, 0)
    gone(world, 1)
    plan = planned(world)
    count = plan.totals.deleted + plan.totals.flagged
    listed = list(world.results_of().planned(world.sync.id, plan.slot))
    assert (count, len(held(world))) == (2, 3)
    assert {row.outcome for row in listed} == {"deleted" if policy == "delete" else "flagged"}

    next(each for each in world.destination.records if each["email"] == "p1@example.com").update(
        lastName="Changed", vip=policy != "delete"
    )
    run = world.drive(world.starting().apply(world.sync.id, plan.slot).slot)
    if policy == "delete":
        assert (run.totals, held(world)) == (Totals(deleted=1, failed=1), ["p1@example.com", "p2@example.com"])
        [failed] = world.results_of().failed(world.sync.id, run.slot)
        assert failed.reason == "drifted"
    else:
        assert run.totals == Totals(flagged=1, unchanged=1)


def test_a_lost_answer_to_a_deletion_is_told_as_a_deletion() -> None:
    """The call was carried out, its answer lost: the next look finds the record gone, which is what was wanted."""
    world = a_world()
    gone(world, 1)
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.destination.errors = {"delete": [(lost, True)]}
    assert world.ran(LATER).totals == Totals(deleted=1)


def test_a_sync_that_has_no_way_to_its_records_ends_with_that() -> None:
    """A document of before that finding: the run fails instead of deleting by guess."""
    world = SyncWorld(a_sync(to_salesforce=True, dedupe="youngest", deletes="delete"))
    with pytest.raises(ConfigurationError, match="nothing is known"):
        _link_of(world)


def _link_of(world: SyncWorld) -> None:
    from leadbridge.domain.rows import compile_sync
    from leadbridge.usecases.remove_gone import GonePart

    compiled = compile_sync(world.sync, 1, world.origin.described, to_marketo=False)
    run = SyncRun(sync="x", slot="y", version=1, source="marketo", destination="salesforce", epoch=1, started_at=NOON)
    GonePart(compiled=compiled, run=run, destination=world.destination, origin=world.origin)


def test_a_process_may_die_at_any_point_of_a_run_with_deletions() -> None:
    """Whatever dies, each deleted row has one outcome, and the records that are left are the same."""
    for point in range(1, MOST_POINTS):
        world = a_world(2)
        gone(world, 1)
        world.changed(5, world.clock.now() - timedelta(minutes=5))
        world.start(LATER)
        world.steps.arm(point)
        try:
            run = world.drive(LATER)
        except Crash:  # while the test itself looks
            run = world.drive(LATER)
        died = world.steps.die_at is None
        world.steps.disarm()
        assert (run.step, run.totals) == (Step.DONE, Totals(created=1, deleted=1)), point
        assert held(world) == ["p0@example.com", "p5@example.com"], point
        if not died:
            assert point > 50
            return
    pytest.fail("there are more points than are looked at")
