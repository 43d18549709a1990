"""A Sync with a run of every kind that its pages may have to show."""

from typing import Any

from leadbridge.domain.carried import Asked
from leadbridge.domain.evolving import replace
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.outcome import Outcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.syncing import Part, Step, SyncRun, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.sync_files import write_page, write_plan, write_results
from tests.builders.actions import MARKETO, SALESFORCE
from tests.builders.admin import Admin
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

SYNC = "contacts-to-people"
#: a run that is over with failed rows, a plan that can be applied, a run that its guard holds, and one that is paused
FAILED, PLANNED, HELD, PAUSED = (f"20260302T{hour:02}0000Z" for hour in (8, 9, 10, 11))
ENDS: dict[str, Any] = {
    "source": {"connection": SALESFORCE, "object": "Lead"},
    "destination": {"connection": MARKETO, "object": "leads"},
}


def with_runs(admin: Admin) -> Admin:
    """The same deployment, with the Sync and its runs."""
    admin.store(a_sync(**ENDS))
    admin.world.configurations.move("sync", SYNC, Move.ACTIVATE)
    for number in range(3):
        columns = {"Id": f"00Q00000000000{number}", "Email": f"p{number}@example.com", "LastName": "L"}
        admin.source.rows.append((columns, NOON, NOON))
    failed = _over(admin, _run(FAILED), Totals(created=1, failed=1, skipped=1))
    _rows(
        admin,
        failed,
        RowEnd(position=1, outcome=Outcome.CREATED),
        RowEnd(position=2, outcome=Outcome.FAILED, reason="marketo_1006", message="Field 'x' not found."),
        RowEnd(position=3, outcome=Outcome.SKIPPED, reason="condition_not_met", message="a condition is not met"),
    )
    plan = _over(admin, replace(_run(PLANNED), most=10, planning=True), Totals(updated=1))
    write = Planned(position=1, does="update", columns={}, record_id="7", before={"title": "a"}, after={"title": "b"})
    write_plan(admin.objects, plan, Part(sync=SYNC, slot=PLANNED, number=1), 1, [write])
    _rows(admin, plan, RowEnd(position=1, outcome=Outcome.UPDATED, record_id="7"))
    held = replace(_run(HELD), step=Step.LOAD, pulled=3, pages=1, partitions=1, waiting=Waiting.GUARD, reason="guard")
    admin.runs.begin(replace(held, message="the run would change 3 records; nothing is written yet"))
    paused = replace(_run(PAUSED), step=Step.LOAD, pulled=3, pages=1, partitions=1)
    admin.runs.begin(replace(paused, waiting=Waiting.PAUSED, asked=Asked.PAUSE, due_at=NOON))
    return admin


def _run(slot: str) -> SyncRun:
    return SyncRun(
        sync=SYNC, slot=slot, version=1, source="salesforce", destination="marketo", epoch=1, started_at=NOON
    )


def _over(admin: Admin, run: SyncRun, totals: Totals) -> SyncRun:
    done = replace(run, step=Step.DONE, ended_at=NOON, pulled=3, pages=1, partitions=1, calls=4, totals=totals)
    admin.runs.begin(done)
    return done


def _rows(admin: Admin, run: SyncRun, *ends: RowEnd) -> None:
    write_page(admin.objects, run, 1, ["Id"], [{"Id": f"00Q00000000000{number}"} for number in range(3)])
    part = Part(sync=run.sync, slot=run.slot, number=1)
    # what a plan would write comes behind what it has left out
    for chunk, found in enumerate(([], ends)):
        write_results(admin.objects, run, part, chunk, list(found))
    failed = (1,) if any(each.outcome is Outcome.FAILED for each in ends) else ()
    taken = admin.runs.take_part(run.sync, run.slot, 1)
    admin.runs.save_part(replace(taken, chunks=2, failed_in=failed, finished=True))
