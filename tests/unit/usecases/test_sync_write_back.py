"""What a Sync writes back to the source: destination values, once, whatever dies meanwhile."""

from typing import Any

import pytest

from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import choose_load
from leadbridge.domain.syncing import Step, Totals
from leadbridge.errors import UncertainWriteError
from tests.builders.sync_ends import leads
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync

LATER = "20260302T130000Z"
BACK = [{"to": "Score", "field": "id"}]


def a_world(rows: int = 5, **members: Any) -> SyncWorld:
    """Rows that the source holds as records of its own; one has its record, one of those differs."""
    world = SyncWorld(a_sync(dedupe="import_everything", **({"writeback": BACK} | members)))
    for number in range(rows):
        world.row(number, Score="")
        world.origin.records.append({"Id": f"{number:03}", "Score": ""})
    world.destination.records += [
        {"id": "901", "email": "p0@example.com", "lastName": "Name 0"},
        {"id": "902", "email": "p1@example.com", "lastName": "Old"},
    ]
    return world


def read_again(world: SyncWorld) -> None:
    """What the source holds now is what it gives from now on."""
    held = {record["Id"]: record for record in world.origin.records}
    world.source.rows = [
        ({**columns, "Score": held[str(columns["Id"])]["Score"]}, at, shown) for columns, at, shown in world.source.rows
    ]


@pytest.mark.fault("FT08")
def test_the_id_of_every_record_comes_back_and_the_next_run_writes_nothing() -> None:
    """Created, updated and unchanged rows: each source record holds its record's id; a second run tells nothing."""
    world = a_world()
    run = world.ran()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=3, updated=1, unchanged=1))
    ids = {record["email"]: record["id"] for record in world.destination.records}
    assert {each["Id"]: each["Score"] for each in world.origin.records} == {
        f"{number:03}": ids[f"p{number}@example.com"] for number in range(5)
    }
    read_again(world)
    world.origin.written.clear()
    assert world.ran(LATER).totals == Totals(unchanged=5)
    assert world.origin.written == []


def test_other_values_than_the_id_are_looked_for_after_the_write() -> None:
    """A field of the destination record that no mapping writes, a column, and a fixed value come back."""
    back = [{"to": "Score", "field": "score"}, {"to": "LastName", "static": "Synced"}]
    world = a_world(2, writeback=back)
    world.destination.records[0]["score"] = 7
    world.ran()

    assert world.origin.records[0] == {"Id": "000", "Score": "7", "LastName": "Synced"}
    # a blank empties the field, which is empty
    assert world.origin.records[1] == {"Id": "001", "Score": "", "LastName": "Synced"}


@pytest.mark.fault("FA05")
def test_a_process_may_die_at_any_point_of_a_write_back() -> None:
    """Whichever operation is a process's last: all ids are back, each record is there once, outcomes are the same."""
    for point in range(1, 120):
        world = a_world()
        world.start()
        world.drive(until=Step.LOAD)
        world.steps.arm(point)
        run = world.drive()
        died = world.steps.die_at is None
        world.steps.disarm()
        assert run.totals == Totals(created=3, updated=1, unchanged=1), point
        assert len(world.held()) == 5
        assert sorted(each["Score"] for each in world.origin.records) == ["003", "004", "005", "901", "902"], point
        if not died:
            assert point > 25
            return
    pytest.fail("there are more points than are looked at")


def test_a_lost_answer_is_told_again() -> None:
    """The source took the values and its answer was lost: they are sent once more, and the rows are as they were."""
    world = a_world()
    world.origin.errors = {"update": [(UncertainWriteError("lost", vendor="salesforce", code="timeout"), True)]}
    run = world.ran()

    assert run.totals == Totals(created=3, updated=1, unchanged=1)
    assert all(each["Score"] for each in world.origin.records)


def test_a_source_record_that_takes_nothing_is_a_row_that_failed() -> None:
    """The row says that its record is there and what the source said; one that may be sent again is."""
    world = a_world(3)
    world.origin.refusals = {
        "000": [
            RowResult(ok=False, code="ENTITY_IS_DELETED", message="entity is deleted", resolution=Resolution.REJECT)
        ],
        "001": [RowResult(ok=False, code="UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)],
    }
    run = world.ran()

    assert run.totals == Totals(created=1, updated=1, failed=1)
    failed = world.results()[1]
    assert (failed["reason"], failed["id"]) == ("not_written_back", "901")
    assert failed["message"] == (
        "The record is unchanged, but the source record did not take what is written back: Salesforce: "
        "ENTITY_IS_DELETED entity is deleted."
    )
    assert world.origin.records[1]["Score"] == "902"


def test_what_is_skipped_is_not_told_back() -> None:
    """A row whose record was not to be written takes nothing."""
    world = a_world(3, import_rule="create")
    assert world.ran().totals == Totals(created=1, skipped=2)
    assert [each["Score"] for each in world.origin.records] == ["", "", "003"]


def test_many_rows_are_not_imported_by_file_where_ids_are_wanted() -> None:
    """An import tells no ids, so rows go by REST however many they are."""
    sync: Sync = a_sync(writeback=BACK)
    assert choose_load(sync, "marketo", 1_000_000, leads).way == "rest"
    assert choose_load(a_sync(), "marketo", 1_000_000, leads).way == "bulk"
