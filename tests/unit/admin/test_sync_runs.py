"""The admin API's routes of runs of Syncs, on in-memory ports."""

from dataclasses import replace
from typing import Any

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.planned import Planned
from leadbridge.domain.rows import RowEnd
from leadbridge.domain.syncing import Part, Step, SyncRun, Totals
from leadbridge.usecases import sync_results
from leadbridge.usecases.sync_files import write_page, write_plan, write_results
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection
from tests.builders.admin import Admin
from tests.builders.syncs import a_sync, a_sync_document
from tests.builders.world import World
from tests.fakes.clock import NOON

SYNC = "contacts-to-people"
SLOT = "20260302T110000Z"
RUNS = f"/syncs/{SYNC}/executions"
ENDS: dict[str, Any] = {
    "source": {"connection": SALESFORCE, "object": "Lead"},
    "destination": {"connection": MARKETO, "object": "leads"},
}


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment with an active Sync."""
    admin = Admin(World())
    admin.store(a_marketo_connection(), a_salesforce_connection(), a_sync(**ENDS))
    admin.world.configurations.move("sync", SYNC, Move.ACTIVATE)
    return admin


def ran(admin: Admin) -> SyncRun:
    """A run that is over; two of its three rows failed."""
    run = SyncRun(sync=SYNC, slot=SLOT, version=1, source="salesforce", destination="marketo", epoch=1, started_at=NOON)
    run = replace(run, step=Step.DONE, ended_at=NOON, pulled=3, pages=1, partitions=1, calls=4)
    run = replace(run, totals=Totals(created=1, failed=2))
    admin.runs.begin(run)
    write_page(admin.objects, run, 1, ["Id"], [{"Id": f"00{number}"} for number in range(1, 4)])
    ends = [
        RowEnd(position=1, outcome=Outcome.CREATED),
        RowEnd(position=2, outcome=Outcome.FAILED, reason="marketo_1006", message="=no such value"),
        RowEnd(position=3, outcome=Outcome.FAILED, reason="marketo_1003", message="a, b"),
    ]
    write_results(admin.objects, run, Part(sync=run.sync, slot=run.slot, number=1), 0, ends)
    part = admin.runs.take_part(SYNC, SLOT, 1)
    admin.runs.save_part(replace(part, chunks=1, failed_in=(0,), finished=True))
    return run


def test_runs_are_listed_shown_and_their_failed_rows_named(admin: Admin) -> None:
    """Counts, rate and calls of each run; failed rows with the ids of their records, as JSON and as a file."""
    assert admin.get(RUNS)["runs"] == []
    ran(admin)
    [listed], one = admin.get(RUNS)["runs"], admin.get(f"{RUNS}/{SLOT}")
    failed, file = admin.get(f"{RUNS}/{SLOT}/failed"), admin.ask("GET", f"{RUNS}/{SLOT}/failed.csv")

    assert listed == one
    assert {name: one[name] for name in ("status", "version", "pulled", "created", "failed", "calls")} == {
        "status": "done",
        "version": 1,
        "pulled": 3,
        "created": 1,
        "failed": 2,
        "calls": 4,
    }
    assert [(row["row"], row["source_id"], row["reason"]) for row in failed["rows"]] == [
        (2, "002", "marketo_1006"),
        (3, "003", "marketo_1003"),
    ]
    assert failed["next_token"] is None
    assert file.headers["Content-Type"] == ["text/csv; charset=utf-8"]
    assert file.text.splitlines()[1:] == ["2,002,marketo_1006,'=no such value", '3,003,marketo_1003,"a, b"']
    assert admin.ask("GET", "/syncs/nobody/executions").status == 404
    assert admin.ask("GET", f"{RUNS}/nowhen/failed").status == 404


def test_rows_of_a_run_are_listed_by_outcome(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row that was left out, with the id of its record and the reason, page by page; others are not among them."""
    run = ran(admin)
    run, version = admin.runs.get(SYNC, SLOT) or (run, 0)
    admin.runs.save(replace(run, totals=Totals(created=1, failed=2, skipped=2, handed_over=1), pulled=6), version)
    write_page(admin.objects, run, 1, ["Id"], [{"Id": f"00{number}"} for number in range(1, 7)])
    part = admin.runs.take_part(SYNC, SLOT, 2)
    ends = [
        [RowEnd(position=4, outcome=Outcome.SKIPPED, reason="not_there", message="why")],
        [RowEnd(position=5, outcome=RowOutcome.HANDED_OVER, record_id="execution")],
        [RowEnd(position=6, outcome=Outcome.SKIPPED, reason="condition_not_met", message="no")],
    ]
    for chunk, found in enumerate(ends):
        write_results(admin.objects, run, part, chunk, found)
    admin.runs.save_part(replace(part, chunks=3, tellers=(part.epoch,) * 3, finished=True))
    monkeypatch.setattr(sync_results, "PAGE", 1)
    first = admin.get(f"{RUNS}/{SLOT}/rows", outcome="skipped")
    second = admin.get(f"{RUNS}/{SLOT}/rows", outcome="skipped", token=first["next_token"])
    [handed] = admin.get(f"{RUNS}/{SLOT}/rows", outcome="handed_over")["rows"]

    assert first["rows"] == [{"row": 4, "source_id": "004", "id": "", "reason": "not_there", "message": "why"}]
    assert [(row["row"], row["source_id"], row["reason"]) for row in second["rows"]] == [
        (6, "006", "condition_not_met")
    ]
    assert second["next_token"] is None
    assert (handed["source_id"], handed["id"]) == ("005", "execution")
    assert admin.get(f"{RUNS}/{SLOT}/rows", outcome="duplicate") == {"rows": [], "next_token": None}
    assert admin.ask("GET", f"{RUNS}/{SLOT}/rows", outcome="created").status == 422
    assert admin.ask("GET", f"{RUNS}/nowhen/rows", outcome="skipped").status == 404


def test_a_sync_and_a_plan_of_it_are_priced(admin: Admin) -> None:
    """The same numbers as those of the command line; a plan of fewer rows takes fewer calls, and writes nothing."""
    for number in range(5):
        columns = {"Id": f"00{number}", "Email": f"p{number}@example.com", "LastName": "L"}
        admin.source.rows.append((columns, NOON, NOON))
    told = admin.get(f"/syncs/{SYNC}/price")
    plan, few = admin.get(f"/syncs/{SYNC}/plan-price"), admin.get(f"/syncs/{SYNC}/plan-price", rows="1")
    price = admin.services.price_sync(SYNC)

    assert (told["rows"], told["exact"], told["runs"]) == (price.rows, price.exact, price.runs)
    for vendor in ("marketo", "salesforce"):
        assert told[vendor]["run"]["calls"] == price.run[vendor].calls
        assert few[vendor]["calls"] <= plan[vendor]["calls"] <= told[vendor]["run"]["calls"]
    assert plan["marketo"]["calls"] < told["marketo"]["run"]["calls"]
    assert told["marketo"]["calls_left"] is None
    assert admin.destination.written == []
    assert admin.ask("GET", "/syncs/nobody/price").status == 404
    assert admin.ask("GET", f"/syncs/{SYNC}/plan-price", rows="0").status == 422


def test_a_sync_is_run_held_cancelled_and_its_failed_rows_tried_again(admin: Admin) -> None:
    """One run at a time; a wish is noted with the run; a retry names what it tries again."""
    ran(admin)
    again = admin.post(f"{RUNS}/{SLOT}/retry", {})
    admin.world.clock.advance(1)
    beside = admin.ask("POST", RUNS)
    paused = admin.post(f"{RUNS}/{again['slot']}/ask", {"what": "pause"})
    wrong = admin.ask("POST", f"{RUNS}/{again['slot']}/ask", {"what": "faster"})
    stored = admin.runs.get(SYNC, again["slot"])

    assert (again["retry_of"], again["status"]) == (SLOT, "running")
    assert (beside.status, beside.json["code"]) == (409, "not_started")
    assert stored is not None
    assert (stored[0].asked, paused["slot"]) == (Asked.PAUSE, again["slot"])
    assert wrong.status == 422
    assert admin.ask("POST", f"{RUNS}/nowhen/retry").status == 404


def test_only_an_active_sync_is_run(admin: Admin) -> None:
    """It starts in a slot named by the time; a deactivated one is refused with what to do."""
    started = admin.post(RUNS, {})
    admin.world.configurations.move("sync", SYNC, Move.DEACTIVATE)
    refused = admin.ask("POST", RUNS)

    assert (started["slot"], started["retry_of"]) == ("20260302T120000Z", None)
    assert (refused.status, refused.json["code"]) == (409, "configuration")
    assert "activate" in refused.json["remedy"]


def test_the_schedule_follows_state_and_document_at_once(admin: Admin) -> None:
    """Activated, deactivated, or stored anew while active: each time the schedule is looked after, else never."""
    every = a_sync_document(**ENDS, schedule={"every": {"hours": 1}})
    admin.ask("PUT", f"/syncs/{SYNC}", {"document": every})
    assert admin.kept == [SYNC]
    admin.ask("PUT", f"/syncs/{SYNC}", {"document": every})
    assert admin.kept == [SYNC]
    admin.post(f"/documents/sync/{SYNC}/state", {"move": "deactivate"})
    assert admin.kept == [SYNC, SYNC]
    admin.ask("PUT", f"/syncs/{SYNC}", {"document": every | {"description": "other"}})
    assert admin.kept == [SYNC, SYNC]
    admin.post(f"/documents/sync/{SYNC}/state", {"move": "activate"})
    admin.post(f"/documents/marketo_connection/{MARKETO}/state", {"move": "deactivate"})
    assert admin.kept == [SYNC, SYNC, SYNC]


def test_a_plan_is_made_read_and_applied(admin: Admin) -> None:
    """Also of a Sync that is not active; its rows have their fields before and after; a run is no plan."""
    ran(admin)
    admin.world.configurations.move("sync", SYNC, Move.DEACTIVATE)
    plan = admin.post(f"/syncs/{SYNC}/plans", {"rows": 10})
    slot, stored = plan["slot"], admin.runs.get(SYNC, plan["slot"])
    assert stored is not None
    assert (plan["kind"], plan["plan"], stored[0].most) == ("plan", None, 10)
    done = replace(stored[0], step=Step.DONE, ended_at=NOON, pulled=2, pages=1, partitions=1)
    admin.runs.save(replace(done, totals=Totals(updated=1, skipped=1)), stored[1])
    write_page(admin.objects, done, 1, ["Id"], [{"Id": "001"}, {"Id": "002"}])
    part = Part(sync=SYNC, slot=slot, number=1)
    write_results(admin.objects, done, part, 0, [RowEnd(position=2, outcome=Outcome.SKIPPED, reason="not_there")])
    write_results(admin.objects, done, part, 1, [RowEnd(position=1, outcome=Outcome.UPDATED, record_id="7")])
    write = Planned(position=1, does="update", columns={}, record_id="7", before={"a": 1}, after={"a": 2})
    write_plan(admin.objects, done, part, 1, [write])
    admin.runs.save_part(replace(admin.runs.take_part(SYNC, slot, 1), chunks=2, finished=True))
    admin.runs.release(SYNC, slot, done.epoch)

    found = admin.get(f"/syncs/{SYNC}/plans/{slot}")
    assert [(row["row"], row["source_id"], row["outcome"], row["fields"]) for row in found["rows"]] == [
        (1, "001", "updated", [{"name": "a", "before": 1, "after": 2}]),
        (2, "002", "skipped", []),
    ]
    assert (found["next_token"], found["not_planned"]) == (None, [])
    assert admin.ask("POST", f"/syncs/{SYNC}/plans/{slot}/apply").status == 409
    admin.world.configurations.move("sync", SYNC, Move.ACTIVATE)
    applied = admin.post(f"/syncs/{SYNC}/plans/{slot}/apply", {})
    assert (applied["kind"], applied["plan"]) == ("apply", slot)
    assert admin.ask("GET", f"/syncs/{SYNC}/plans/{SLOT}").status == 404
    assert admin.ask("POST", f"/syncs/{SYNC}/plans/{SLOT}/apply").status == 404
