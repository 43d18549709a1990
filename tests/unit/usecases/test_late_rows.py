"""What became of a cycle's activities, without vendors: from what their Syncs have stored of each row."""

from collections.abc import Sequence

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.evolving import replace
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.usecases.cycle_rows import CycleRow, CycleRows
from leadbridge.usecases.sync_files import write_page, write_results
from tests.builders.whole_cycles import CYCLE, CycleWorld, a_cycle
from tests.fakes.clock import NOON

SLOT, SYNC, TASK = "20260302T120000Z", "main.activities-all", "00T000000000001AAA"
ENDS = (
    RowEnd(position=1, outcome=Outcome.CREATED, record_id=TASK),
    RowEnd(position=3, outcome=Outcome.SKIPPED, reason="conditions", message="left out"),
)


def with_activities() -> CrmCycle:
    """A cycle with a group of them."""
    plain = a_cycle().model_dump(by_alias=True, exclude_none=True)
    activities = {"groups": {"all": {"types": ["Fill Out Form"], "key": "Key__c"}}}
    return CrmCycle.model_validate({**plain, "activities": activities})


def ran(*, unwritten: int = 0) -> tuple[CycleWorld, CycleRows]:
    """A run that has read three activities in two pages, and has written two chunks of them."""
    world = CycleWorld(with_activities())
    world.cycles.begin(CycleRun(cycle=CYCLE, slot=SLOT, version=1, epoch=1, started_at=NOON))
    run = SyncRun(sync=SYNC, slot=SLOT, version=1, source="marketo", destination="salesforce", epoch=1, started_at=NOON)
    run = replace(run, step=Step.DONE, pulled=3, pages=2, unwritten=unwritten)
    world.runs.begin(run)
    for page, guids in enumerate((["a", "b"], ["c"]), start=1):
        write_page(world.objects, run, page, ["marketoGUID"], [{"marketoGUID": guid} for guid in guids])
    part = replace(world.runs.take_part(SYNC, SLOT, 1), chunks=2)
    write_results(world.objects, run, part, 0, ENDS)
    failed = RowEnd(position=2, outcome=Outcome.FAILED, reason="STRING_TOO_LONG", message="too long")
    write_results(world.objects, run, part, 1, [failed])
    world.runs.save_part(replace(part, tellers=(1, 1)))
    rows = CycleRows(
        documents=world.documents,
        runs=world.cycles,
        syncs=world.runs,
        objects=world.objects,
        links=lambda _: world.links,
        due=lambda _: world.due,
    )
    return world, rows


def told(rows: Sequence[CycleRow]) -> list[tuple[str, str, str, str, str]]:
    """Rows by what tells them apart."""
    return [(row.object, row.marketo_id, row.salesforce_id, row.outcome, row.reason) for row in rows]


def test_each_activity_of_a_run_is_a_row_with_its_guid_and_its_record() -> None:
    """Whatever page it was read with, and chunk it was written with; filtered, paged and counted as other kinds."""
    _, rows = ran()
    made, left = ("Task", "a", TASK, "created", ""), ("Task", "c", "", "skipped", "conditions")
    failed = ("Task", "b", "", "failed", "STRING_TOO_LONG")

    assert told([*rows.rows(CYCLE, SLOT)]) == [made, left, failed]
    assert {row.kind for row in rows.rows(CYCLE, SLOT)} == {"activities"}
    assert told([*rows.rows(CYCLE, SLOT, "failed", "activities")]) == [failed]
    assert [*rows.rows(CYCLE, SLOT, kind="persons")] == []
    assert told(rows.page(CYCLE, SLOT, begin=1).rows) == [failed]
    assert rows.counts(CYCLE, SLOT).counts == {"activities": {"created": 1, "skipped": 1, "failed": 1}}


def test_what_a_bulk_import_refused_is_told_as_failed() -> None:
    """Its chunk was stored before the import said so."""
    world, rows = ran(unwritten=1)
    refused = b"row,reason,message\n1,DUPLICATE_VALUE,there already\n"
    world.objects.put(f"{world.runs.runs(SYNC, 1)[0].folder}/results/import.csv", refused)
    [row] = [row for row in rows.rows(CYCLE, SLOT) if row.marketo_id == "a"]
    assert (row.outcome, row.reason, row.message) == ("failed", "DUPLICATE_VALUE", "there already")
    assert rows.counts(CYCLE, SLOT).counts == {"activities": {"failed": 2, "skipped": 1}}


def test_nothing_is_told_of_files_that_have_expired() -> None:
    """As of other kinds of records: the run itself can still be looked at."""
    world, rows = ran(unwritten=1)
    world.objects.contents.clear()
    assert ([*rows.rows(CYCLE, SLOT)], rows.counts(CYCLE, SLOT).counts) == ([], {})
