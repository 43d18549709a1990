"""Runs of Syncs on in-memory ports: what is read, what is written, how it is counted, what stands in the way."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.carried import Asked
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Step, Totals
from leadbridge.domain.waits import Waiting
from leadbridge.domain.watermarks import OVERLAP
from leadbridge.errors import (
    ConfigurationError,
    PermanentError,
    QuotaExhaustedError,
    TransientError,
    UncertainWriteError,
)
from tests.builders.sync_runs import SLOT, SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON

LATER = "20260302T130000Z"
#: the double of the destination takes a marker as Salesforce would
MARKED = {"connection": "marketing", "object": "leads", "idempotency_field": "marker"}


def world_mark(world: SyncWorld) -> str:
    """What our ids of rows of the run begin with."""
    return f"{hashlib.sha256(world.sync.id.encode()).hexdigest()[:8]}-{SLOT}"


def test_every_row_is_carried_over_and_counted() -> None:
    """Ten rows become ten records with their values; ten are counted as created, and every row has one outcome."""
    world = SyncWorld()
    for number in range(10):
        world.row(number)
    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 10, Totals(created=10))
    assert world.held() == {f"p{number}@example.com": f"Name {number}" for number in range(10)}
    assert {line["outcome"] for line in world.results().values()} == {"created"}
    assert sorted(world.results()) == list(range(1, 11))


def test_a_second_run_without_changes_writes_nothing() -> None:
    """Rows that the destination holds as they are cost no write, and are counted as unchanged."""
    world = SyncWorld()
    for number in range(5):
        world.row(number)
    world.ran()
    world.destination.written.clear()
    run = world.ran(LATER)

    assert run.totals == Totals(unchanged=5)
    assert world.destination.written == []


def test_only_what_changed_is_written() -> None:
    """A record whose value differs is updated, one that is new created, the others are left alone."""
    world = SyncWorld()
    for number in range(3):
        world.row(number)
    world.ran()
    world.source.rows[1] = (dict(world.source.rows[1][0]) | {"LastName": "Other"}, *world.source.rows[1][1:])
    world.row(3)
    run = world.ran(LATER)

    assert run.totals == Totals(created=1, updated=1, unchanged=2)
    assert world.held()["p1@example.com"] == "Other"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("create", Totals(created=1, skipped=1)), ("update", Totals(updated=1, skipped=1))],
)
def test_the_import_rule_decides_between_new_and_known_keys(rule: str, expected: Totals) -> None:
    """One key is there and one is not: the rule's own is written, the other skipped with its reason."""
    world = SyncWorld(a_sync(dedupe="import_everything", import_rule=rule))
    world.destination.records.append({"id": "007", "email": "p1@example.com", "lastName": "Old"})
    world.row(1)
    world.row(2)
    run = world.ran()

    assert run.totals == expected
    (skipped,) = [line for line in world.results().values() if line["outcome"] == "skipped"]
    assert skipped["reason"] == ("already_there" if rule == "create" else "not_there")


@pytest.mark.parametrize(
    ("rule", "expected", "name"),
    [
        ("import_everything", Totals(created=2, updated=2), "Third"),
        ("ignore_duplicates", Totals(created=1, duplicate=3), None),
        ("youngest", Totals(created=2, duplicate=2), "Second"),
        ("oldest", Totals(created=2, duplicate=2), "First"),
    ],
)
def test_the_dedupe_rule_holds_over_pages(rule: str, expected: Totals, name: str | None) -> None:
    """Three rows of one key in pages of two: the rule sees all of them, and the total counts every row."""
    world = SyncWorld(a_sync(dedupe=rule))
    world.source.page_rows = 2
    dates = [("First", 1, 10), ("Second", 2, 30), ("Third", 3, 20)]
    for word, made, changed in dates:
        stamps = {"CreatedDate": f"2026-01-0{made}T00:00:00Z", "LastModifiedDate": f"2026-01-{changed}T00:00:00Z"}
        world.row(len(world.source.rows), Email="Same@example.com", LastName=word, **stamps)
    world.row(7)
    run = world.ran()

    assert (run.pulled, run.totals.rows, run.totals) == (4, 4, expected)
    held = {email.casefold(): value for email, value in world.held().items()}
    assert held.get("same@example.com") == name


def test_rows_without_a_key_and_with_a_bad_value_have_their_reasons() -> None:
    """Two rows with an empty key are no duplicates of each other; a value that does not fit fails its row alone."""
    mappings = [{"to": "email", "column": "Email"}, {"to": "score", "column": "Score"}]
    world = SyncWorld(a_sync(dedupe="ignore_duplicates", mappings=mappings))
    world.row(1, Email="")
    world.row(2, Email="")
    world.row(3, Email="no address")
    world.row(4, Score="dozen")
    world.row(5, Score="10")
    run = world.ran()

    assert run.totals == Totals(created=1, skipped=3, failed=1)
    reasons = {position: line["reason"] for position, line in world.results().items()}
    assert reasons == {
        1: "identifier_missing",
        2: "identifier_missing",
        3: "identifier_invalid",
        4: "value_invalid",
        5: "",
    }
    assert "dozen" not in world.results()[4]["message"]


def test_conditions_leave_rows_out_with_the_clause() -> None:
    """A row that the conditions do not hold for is skipped, before the dedupe rule sees it."""
    conditions = {"clauses": [{"column": "LastName", "operator": "equals", "value": "Name 2"}]}
    world = SyncWorld(a_sync(dedupe="ignore_duplicates", conditions=conditions))
    world.row(1, Email="same@example.com")
    world.row(2, Email="same@example.com")
    run = world.ran()

    assert run.totals == Totals(created=1, skipped=1)
    assert world.results()[1]["reason"] == "condition_not_met"


def test_several_records_of_one_key_are_not_guessed() -> None:
    """The row fails and names the records; with a rule of the Sync the one that it chooses is updated."""
    records = [
        {"id": "1", "email": "p1@example.com", "lastName": "A", "score": 5},
        {"id": "2", "email": "p1@example.com", "lastName": "B", "score": 9},
    ]
    world = SyncWorld()
    world.destination.records += [dict(each) for each in records]
    world.row(1)
    assert world.ran().totals == Totals(failed=1)
    assert "1, 2" in world.results()[1]["message"]

    chosen = SyncWorld(
        a_sync(
            dedupe="import_everything", duplicate_record_rule={"order_by": "score", "choose": "first", "order": ["9"]}
        )
    )
    chosen.destination.records += [dict(each) for each in records]
    chosen.row(1)
    assert chosen.ran().totals == Totals(updated=1)
    assert chosen.results()[1]["id"] == "2"


def test_refused_rows_fail_alone_with_the_vendors_word() -> None:
    """One row is refused for good, another is taken at the second try; the rest is written once."""
    world = SyncWorld()
    for number in range(4):
        world.row(number)
    refusal = RowResult(ok=False, code="1003", message="bad", resolution=Resolution.REJECT)
    world.destination.refusals = {
        "p1@example.com": [refusal],
        "p2@example.com": [replace(refusal, code="1019", resolution=Resolution.RETRY)],
    }
    run = world.ran()

    assert run.totals == Totals(created=3, failed=1)
    assert world.results()[2]["reason"] == "marketo_1003"
    assert world.runs.parts(world.sync.id, SLOT)[0].failed_in == (1,)
    assert len(world.held()) == 3


def test_a_lost_answer_is_looked_for_before_anything_is_created_again() -> None:
    """The call was carried out, its answer lost: after a pause the records are found, and told as created."""
    world = SyncWorld()
    for number in range(3):
        world.row(number)
    lost = UncertainWriteError("no answer", vendor="marketo", code="timeout")
    world.destination.errors = {"create": [(lost, True)]}
    run = world.ran()

    assert run.totals == Totals(created=3)
    assert len(world.held()) == 3
    assert world.clock.now() - NOON >= timedelta(seconds=60)


def test_a_spent_quota_parks_the_run_until_the_reset_and_it_goes_on_by_itself() -> None:
    """The run says that it waits for the quota, and until when; afterwards it ends as if nothing had been."""
    world = SyncWorld()
    world.row(1)
    reset = NOON + timedelta(hours=6)
    spent = QuotaExhaustedError("spent", resets_at=reset, vendor="marketo", code="607")
    world.destination.errors = {"find": [(spent, False)]}
    world.start()
    world.drive(until=Step.LOAD)
    world.step(parts=(1,))
    answer = world.step()

    assert (answer["step"], answer["waiting"], answer["parked"]) == ("load", "quota", True)
    assert answer["wait_seconds"] == 6 * 3600
    assert world.run().due_at == reset
    assert world.drive().totals == Totals(created=1)
    assert world.clock.now() >= reset


def test_what_passes_is_tried_again_and_what_does_not_ends_the_run() -> None:
    """A vendor that is away for a while delays the run; a refusal for good ends it with the vendor's code."""
    world = SyncWorld()
    world.row(1)
    world.source.errors = [TransientError("away", vendor="salesforce", code="http_503")] * 3
    assert world.ran().step is Step.DONE

    world.source.errors = [PermanentError("no such field", vendor="salesforce", code="INVALID_FIELD")]
    failed = world.ran(LATER)
    assert (failed.step, failed.reason) == (Step.FAILED, "salesforce_INVALID_FIELD")


@pytest.mark.fault("FT09")
def test_a_run_obeys_the_version_that_it_began_with() -> None:
    """The document is changed between extract and load: the run writes what the old version maps, the next the new."""
    world = SyncWorld()
    world.row(1)
    world.start()
    world.drive(until=Step.LOAD)
    mappings = [{"to": "email", "column": "Email"}, {"to": "lastName", "static": "New"}]
    world.documents.put(a_sync(dedupe="import_everything", mappings=mappings))
    first = world.drive()
    assert (first.version, world.held()) == (1, {"p1@example.com": "Name 1"})

    second = world.ran(LATER)
    assert (second.version, world.held()) == (2, {"p1@example.com": "New"})


@pytest.mark.cap("S40")
def test_counts_advance_while_a_run_is_at_work_and_failed_rows_are_listed_after_it() -> None:
    """People see more rows after each chunk, and fewer than all until the end; then which rows failed, and why."""
    world = SyncWorld()
    for number in range(11):
        world.row(number)
    refusal = RowResult(ok=False, code="1003", message="the name is too long", resolution=Resolution.REJECT)
    world.destination.refusals = {"p5@example.com": [refusal]}
    seen: list[tuple[Step, int, int]] = []

    def look(name: str) -> None:
        if name == "destination.find.done":
            run = world.results_of().run(world.sync.id, SLOT)
            seen.append((run.step, run.totals.rows, run.totals.failed))

    world.steps.on_step = look
    world.ran()

    assert seen == [(Step.LOAD, 0, 0), (Step.LOAD, 4, 0), (Step.LOAD, 8, 1)]
    [run] = world.results_of().runs(world.sync.id)
    assert (run.step, run.totals) == (Step.DONE, Totals(created=10, failed=1))
    [failed] = world.results_of().failed(world.sync.id, SLOT)
    assert (failed.source_id, failed.reason) == ("005", "marketo_1003")
    assert "the name is too long" in failed.message


@pytest.mark.cap("S37")
@pytest.mark.fault("FA12")
def test_a_start_while_a_run_is_at_work_starts_nothing() -> None:
    """The second slot is told who runs; what changed meanwhile is carried over by the run after."""
    world = SyncWorld(a_sync(dedupe="import_everything", extraction="incremental"))
    world.row(1)
    world.start()
    world.drive(until=Step.LOAD)
    coalesced = world.start(LATER)
    assert (coalesced.started, coalesced.because) == (False, f"running: {SLOT}")
    assert len(world.starter.started) == 1

    world.drive()
    world.changed(2, world.clock.now())
    world.clock.advance(60)
    assert world.ran("20260302T140000Z").totals.created == 1


@pytest.mark.fault("FA12")
def test_two_fires_of_one_slot_are_one_run() -> None:
    """The second call starts no other execution; after the end it starts none either."""
    world = SyncWorld()
    world.row(1)
    assert world.start().started
    assert world.start().started
    assert len(world.starter.started) == 1
    world.drive()

    again = world.start()
    assert (again.started, again.because, len(world.starter.started)) == (False, "ended", 1)


def test_a_run_without_its_state_machine_is_given_a_new_one() -> None:
    """Its execution has died: the next slot starts it again, and nothing beside it; one that waits long is let be."""
    world = SyncWorld()
    world.row(1)
    world.start()
    world.drive(until=Step.EXTRACT)
    world.clock.advance(86_400)
    assert world.start(LATER).because == f"running: {SLOT}"
    assert len(world.starter.started) == 1

    world.starter.dead.add(world.run().name)
    told = world.start(LATER)
    assert told.because == f"running: {SLOT}"
    assert [slot for _, slot, _ in world.starter.started] == [SLOT, SLOT]
    world.start("20260302T140000Z")
    assert len(world.starter.started) == 2
    assert world.drive().step is Step.DONE


@pytest.mark.cap("S38")
def test_what_is_not_active_does_not_run() -> None:
    """A schedule's fire starts nothing; a person who asks for it is told what to do."""
    world = SyncWorld(active=False)
    assert world.start().because == "not_active"
    with pytest.raises(ConfigurationError, match="leadbridge syncs activate"):
        world.start(scheduled=False)
    world.documents.move("sync", world.sync.id, Move.ACTIVATE)
    assert world.start().started
    world.drive()
    world.documents.move("sync", world.sync.id, Move.DEACTIVATE)
    assert world.start(LATER).because == "not_active"
    assert len(world.starter.started) == 1


def test_a_run_is_paused_resumed_and_cancelled() -> None:
    """A paused run writes nothing and waits; resumed it goes on; cancelled it ends and keeps what it has written."""
    world = SyncWorld()
    for number in range(9):
        world.row(number)
    world.start()
    world.drive(until=Step.LOAD)
    starting = world.starting()
    starting.ask(world.sync.id, SLOT, Asked.PAUSE)
    world.step(parts=(1,))
    assert world.step()["waiting"] == Waiting.PAUSED
    assert world.destination.records == []

    starting.ask(world.sync.id, SLOT, Asked.NOTHING)
    world.steps.on_step = lambda name: (
        starting.ask(world.sync.id, SLOT, Asked.CANCEL) if name == "destination.create.done" else None
    )
    run = world.drive()
    assert (run.step, run.reason, run.totals) == (Step.CANCELLED, "cancelled", Totals(created=4))
    assert len(world.held()) == 4
    world.steps.on_step = lambda _: None
    assert world.ran(LATER).totals == Totals(created=5, unchanged=4)


@pytest.mark.parametrize("asked", [Asked.NOTHING, Asked.PAUSE])
def test_who_cancelled_is_heard_whoever_resumes_or_pauses_then(asked: Asked) -> None:
    """Somebody cancels while another's resumption, or pause, is on its way: the run ends, and writes nothing."""
    world = SyncWorld()
    world.row(1)
    world.start()
    world.drive(until=Step.LOAD)
    starting = world.starting()

    def between(name: str) -> None:
        if name == "syncs.save":
            world.steps.on_step = lambda _: None
            starting.ask(world.sync.id, SLOT, Asked.CANCEL)

    world.steps.on_step = between
    assert starting.ask(world.sync.id, SLOT, asked).asked is Asked.CANCEL
    assert (world.drive().step, world.destination.records) == (Step.CANCELLED, [])


def test_a_partition_whose_process_always_dies_ends_the_run() -> None:
    """The run fails after a few rounds in which nothing came any further, and its watermark does not move."""
    world = SyncWorld(a_sync(dedupe="import_everything", extraction="incremental"))
    world.row(1)
    world.start()
    world.drive(until=Step.LOAD)
    for _ in range(5):
        world.step()
    run = world.run()

    assert (run.step, run.reason) == (Step.FAILED, "partition_died")
    assert world.runs.standing(world.sync.id).watermark is None
    assert world.runs.standing(world.sync.id).holder == ""


def test_a_field_that_is_gone_ends_the_run_with_its_name() -> None:
    """The destination lacks a mapped field since the Sync was saved: the run fails and says which."""
    world = SyncWorld()
    world.row(1)
    fields = {name: each for name, each in world.destination.described.fields.items() if name != "lastName"}
    world.destination.described = replace(world.destination.described, fields=fields)
    run = world.ran()

    assert (run.step, run.reason) == (Step.FAILED, "configuration")
    assert "lastName" in run.message


def test_a_long_run_goes_on_in_new_executions() -> None:
    """After so many turns the state machine is told to begin a new execution."""
    world = SyncWorld(most_turns=2)
    world.row(1)
    world.start()
    assert world.step(turns=0)["renew"] is False
    assert world.step(turns=1)["renew"] is True


@pytest.mark.parametrize(("rows", "step"), [(5_000, Step.EXTRACT), (5_001, Step.EXTRACT_FILES)])
def test_many_rows_are_read_by_file(rows: int, step: Step) -> None:
    """Up to 5,000 rows a run reads page by page, one more and it is ordered by file; a Sync may say which."""
    world = SyncWorld()
    world.source.rows = [({"Id": f"{number:05}"}, NOON, NOON) for number in range(rows)]
    world.start()
    assert world.drive(until=step).step is step

    named = SyncWorld(a_sync(dedupe="youngest", by={"extract": "rest"}))
    named.source.rows = world.source.rows
    named.start()
    assert named.drive(until=Step.EXTRACT).step is Step.EXTRACT


def test_a_bulk_extract_that_fails_ends_the_run_with_its_reason() -> None:
    """The bulk run's own reason is the run's, and its watermark does not move."""
    world = SyncWorld(a_sync(dedupe="youngest", by={"extract": "bulk"}))
    world.start()
    world.drive(until=Step.EXTRACT_FILES)
    order = world.step(begin=True)["child"]
    assert order["request"]["soql"].startswith("SELECT Id")
    cause = json.dumps({"Error": "job_stuck", "Cause": "for hours"})
    world.step(child={"Error": "States.TaskFailed", "Cause": cause})

    assert (world.run().step, world.run().reason, world.run().message) == (Step.FAILED, "job_stuck", "for hours")


def test_what_a_process_said_when_it_died_is_not_told() -> None:
    """An exception may hold any value of a row, and viewers read why a run failed."""
    world = SyncWorld(a_sync(by={"extract": "bulk"}))
    world.start()
    assert world.drive(until=Step.EXTRACT_FILES).step is Step.EXTRACT_FILES
    died = json.dumps({"errorMessage": "'ann@example.com'", "errorType": "KeyError", "stackTrace": ["/var/task/a.py"]})
    cause = json.dumps({"Error": "KeyError", "Cause": died})
    world.step(child={"Error": "States.TaskFailed", "Cause": cause})
    run = world.run()
    assert (run.step, run.reason, run.message) == (Step.FAILED, "KeyError", "the process that carries its files died")


def test_a_file_is_taken_once() -> None:
    """What another execution says of an earlier file, or of another run, moves nothing."""
    world = SyncWorld(a_sync(dedupe="youngest", by={"extract": "bulk"}))
    world.start()
    world.drive(until=Step.EXTRACT_FILES)
    world.step(child={"run": "another", "counts": {"rows": 3}})
    assert (world.run().step, world.run().pulled) == (Step.EXTRACT_FILES, 0)


def test_outcomes_are_those_of_executions() -> None:
    """Every member of the totals is an outcome of the closed list, or of what else becomes of a row."""
    assert set(Totals.__slots__) <= {outcome.value for outcome in (*Outcome, *RowOutcome)}


def test_a_new_record_that_is_there_already_by_the_id_of_its_row_is_not_made_twice() -> None:
    """Each new record carries our id of its row; where the vendor refuses the second one, the first is told as created.

    A vendor that does not show the first one by its key yet would otherwise hold it twice.
    """
    world = SyncWorld(a_sync(to_salesforce=False, destination=MARKED))
    for number in range(3):
        world.row(number)
    mark = f"{world_mark(world)}-2"
    world.destination.records.append({"id": "777", "email": "hidden", "lastName": "Name 1", "marker": mark})
    refused = RowResult(ok=False, code="DUPLICATE_VALUE", message="duplicate", resolution=Resolution.REJECT)
    world.destination.refusals = {mark: [refused], "p2@example.com": [refused]}
    run = world.ran()

    assert run.totals == Totals(created=2, failed=1)
    assert (world.results()[2]["outcome"], world.results()[2]["id"]) == ("created", "777")
    # another field than ours is there twice: that stays a refusal
    assert world.results()[3]["reason"] == "marketo_DUPLICATE_VALUE"
    assert [record.get("marker") for record in world.destination.records] == [mark, f"{world_mark(world)}-1"]


def changed_sync(**members: Any) -> Sync:
    """The Sync of these tests that reads changes, or an edit of it."""
    return a_sync(**{"dedupe": "import_everything", "extraction": "incremental", **members})


@pytest.mark.parametrize(
    "edit",
    [
        {"mappings": [{"to": "email", "column": "Email"}, {"to": "lastName", "template": "Dr. {{ LastName }}"}]},
        {"conditions": None},
        {"dedupe": "youngest"},
        {"match": [{"column": "LastName", "field": "lastName"}]},
        {"import_rule": "create_and_update"},
    ],
)
def test_a_sync_that_carries_something_else_reads_everything_once(edit: dict[str, Any]) -> None:
    """A mapping, the conditions, a rule or the key is another: the first run after that reads what nobody has
    touched as well, and says so; the one after that reads changes again."""
    clause = {"column": "LastName", "operator": "not_equals", "value": "Name 2"}
    first = {"conditions": {"clauses": [clause]}, "import_rule": "create"}
    world = SyncWorld(changed_sync(**first))
    world.row(1)
    world.row(2)
    before = world.ran()
    assert (before.totals.created, before.reason) == (1, "")

    world.documents.put(changed_sync(**(first | edit)))
    world.clock.advance(3600)
    told = world.ran(LATER)
    assert (told.since, told.pulled, told.step) == (None, 2, Step.DONE)
    assert told.reason == "read_anew"
    assert "Everything was read" in told.message

    world.clock.advance(3600)
    after = world.ran("20260302T140000Z")
    assert (after.since, after.pulled, after.reason) == (told.until - OVERLAP["salesforce"], 0, "")  # type: ignore[operator]


def test_a_sync_that_carries_the_same_reads_changes_only() -> None:
    """Its words, its guard and how records are written are no reason to read all of them; nor is a watermark that was
    stored before it was noted what it stands for."""
    world = SyncWorld(changed_sync())
    world.row(1)
    first = world.ran()
    destination = {"connection": "marketing", "object": "leads", "partition": "Default"}
    world.documents.put(changed_sync(name="Another", guard={"deletes": 1}, destination=destination))
    world.clock.advance(3600)
    second = world.ran(LATER)
    assert first.until is not None
    assert second.since == first.until - OVERLAP["salesforce"]

    # what an earlier version has stored
    held = world.runs.take(world.sync.id, "old", world.runs.standing(world.sync.id), NOON)
    assert held is not None
    assert world.runs.commit(world.sync.id, "old", held.epoch, NOON, 1, carried="")
    world.runs.release(world.sync.id, "old", held.epoch)
    world.documents.put(changed_sync(mappings=[{"to": "email", "column": "Email"}]))
    assert world.ran("20260302T140000Z").since == NOON - OVERLAP["salesforce"]


def test_a_sync_that_is_removed_and_made_again_reads_everything() -> None:
    """Of the same id and the same words: nothing is known of the one before. A run of that one that is still at work
    writes its rows, is refused to move the watermark, and holds off the new one until it has ended."""
    world = SyncWorld(changed_sync())
    world.row(1)
    world.ran()
    world.clock.advance(3600)
    world.changed(2, world.clock.now())
    world.clock.advance(60)
    world.start(LATER)
    world.drive(LATER, until=Step.LOAD)

    world.starting().forget(world.sync.id)
    world.documents.remove("sync", world.sync.id)
    world.documents.put(changed_sync())
    world.documents.move("sync", world.sync.id, Move.ACTIVATE)
    again = "20260302T140000Z"
    assert world.start(again).because == f"running: {LATER}"
    old = world.drive(LATER)
    assert (old.step, old.reason) == (Step.FAILED, "lease_lost")
    assert world.runs.standing(world.sync.id).watermark is None

    world.clock.advance(3600)
    run = world.ran(again)
    assert (run.since, run.totals) == (None, Totals(unchanged=2))
