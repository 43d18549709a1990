"""Plans of Syncs: what a run would write is stored instead, and applied later as far as records are as they were."""

from typing import Any

import pytest

from leadbridge.domain.alert_rules import SyncRowsRule, SyncRules
from leadbridge.domain.records import Resolution, RowResult
from leadbridge.domain.sync_readings import Watched, sync_readings
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.planned_rows import PlannedRow
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.steps import Crash

MOST_POINTS = 400


def a_world(rows: int = 6, **members: Any) -> SyncWorld:
    """So many rows: of the first three the destination holds another name, of the fourth the same, the rest are new."""
    world = SyncWorld(a_sync(**({"dedupe": "import_everything"} | members)))
    for number in range(rows):
        world.row(number)
        if number < 4:
            name = "Other" if number < 3 else f"Name {number}"
            record = {"id": f"{900 + number}", "email": f"p{number}@example.com", "lastName": name, "score": number}
            world.destination.records.append(record)
    return world


def planned(world: SyncWorld, rows: int = 0) -> SyncRun:
    """A plan that has ended; the clock is past its second."""
    slot = world.starting().plan(world.sync.id, rows).slot
    run = world.drive(slot)
    world.clock.advance(60)
    return run


def applied(world: SyncWorld, plan: SyncRun) -> SyncRun:
    """A plan's application, to its end."""
    run = world.drive(world.starting().apply(world.sync.id, plan.slot).slot)
    world.clock.advance(60)
    return run


def listed(world: SyncWorld, plan: SyncRun) -> dict[int, PlannedRow]:
    """The rows of a plan by number."""
    return {row.row: row for row in world.results_of().planned(world.sync.id, plan.slot)}


def changes(row: PlannedRow) -> dict[str, tuple[Any, Any]]:
    """The fields of a planned write, before and after."""
    return {each.name: (each.before, each.after) for each in row.fields}


def records(world: SyncWorld) -> list[dict[str, Any]]:
    """A copy of the destination."""
    return [dict(record) for record in world.destination.records]


def test_a_plan_lists_every_write_field_by_field_and_writes_nothing() -> None:
    """Creates, updates and unchanged rows are told with before and after; no record and no watermark moves."""
    world = a_world(extraction="incremental")
    before = records(world)
    plan = planned(world)

    assert (plan.step, plan.kind, plan.totals) == (Step.DONE, "plan", Totals(created=2, updated=3, unchanged=1))
    found = listed(world, plan)
    assert changes(found[1]) == {"lastName": ("Other", "Name 0")}
    assert (found[1].outcome, found[1].record_id, found[1].source_id) == ("updated", "900", "000")
    assert (found[4].outcome, changes(found[4])) == ("unchanged", {})
    assert changes(found[5]) == {"email": (None, "p4@example.com"), "lastName": (None, "Name 4")}
    assert (records(world), world.destination.written) == (before, [])
    standing = world.runs.standing(world.sync.id)
    assert (standing.watermark, standing.holder) == (None, "")


@pytest.mark.pain("P47")
def test_a_plan_is_a_difference_and_says_what_it_leaves_out() -> None:
    """Of a sample the rows behind it, and what is written back: each row that was read has its end, with the fields
    before and after or the reason why nothing is done. A plan of all rows leaves nothing out."""
    back = [{"to": "Marketo_Id__c", "field": "id"}]
    world = a_world(writeback=back)
    sample = planned(world, 3)
    assert world.results_of().unplanned(world.sync.id, sample.slot) == [
        "Not planned: rows behind the first 3, which alone were read; `--all` plans every row.",
        "Not planned: what is written back to the source (Marketo_Id__c).",
    ]
    found = listed(world, sample)
    assert sorted(found) == [1, 2, 3]
    assert changes(found[1]) == {"lastName": ("Other", "Name 0")}
    assert all(each.fields or each.message or each.outcome == "unchanged" for each in found.values())

    world = a_world()
    whole = planned(world)
    assert len(listed(world, whole)) == whole.pulled == 6
    assert world.results_of().unplanned(world.sync.id, whole.slot) == []
    assert world.results_of().unplanned(world.sync.id, planned(world, 100).slot) == []


def test_an_applied_plan_changes_exactly_the_fields_listed() -> None:
    """Record by record: the destination is what it was, plus the plan's fields, and nothing else."""
    world = a_world()
    before = {record["email"]: record for record in records(world)}
    plan = planned(world)
    run = applied(world, plan)

    assert (run.step, run.kind, run.totals) == (Step.DONE, "apply", Totals(created=2, updated=3))
    expected = {email: dict(record) for email, record in before.items()}
    for row in listed(world, plan).values():
        if row.outcome in {"created", "updated"}:
            after = {each.name: each.after for each in row.fields}
            expected.setdefault(f"p{row.row - 1}@example.com", {}).update(after)
    held = {record["email"]: record for record in records(world)}
    made = {email: {name: value for name, value in record.items() if name != "id"} for email, record in held.items()}
    assert made == {email: {n: v for n, v in each.items() if n != "id"} for email, each in expected.items()}
    assert applied(world, plan).totals == Totals(unchanged=5)


def test_rows_that_have_drifted_are_refused_and_named() -> None:
    """Another value, a record that is gone, one that came meanwhile: left as they are; the others are written."""
    world = a_world()
    plan = planned(world)
    world.destination.records[0]["lastName"] = "Somebody's"
    del world.destination.records[1]
    world.destination.records.append({"id": "777", "email": "p4@example.com", "lastName": "New"})
    run = applied(world, plan)

    assert run.totals == Totals(created=1, updated=1, failed=3)
    failed = {row.row: row for row in world.results_of().failed(world.sync.id, run.slot)}
    assert {number: (row.source_id, row.reason) for number, row in failed.items()} == {
        1: ("000", "drifted"),
        2: ("001", "drifted"),
        5: ("004", "drifted"),
    }
    assert "in lastName" in failed[1].message
    assert "Somebody" not in failed[1].message
    held = {record["email"]: record["lastName"] for record in world.destination.records}
    assert held["p0@example.com"] == "Somebody's"
    assert held["p4@example.com"] == "New"
    assert (held["p2@example.com"], held["p5@example.com"]) == ("Name 2", "Name 5")


def test_a_plan_lists_what_the_process_decided_whose_rows_count() -> None:
    """One that was overtaken after it looked stores its older decision last, and takes nothing's place by it."""
    world = a_world()
    slot = world.starting().plan(world.sync.id).slot
    world.drive(slot, until=Step.LOAD)

    def other(name: str) -> None:
        if name == "destination.find.done":
            world.steps.on_step = lambda _: None
            world.destination.records[0]["lastName"] = "Newer"
            world.step(slot, parts=(1,))

    world.steps.on_step = other
    world.step(slot, parts=(1,))
    found = listed(world, world.drive(slot))

    assert changes(found[1]) == {"lastName": ("Newer", "Name 0")}


def test_a_field_that_is_not_listed_may_change_meanwhile_and_stays() -> None:
    """Somebody changes the score of a record whose name is planned: the name is written, the score is let be."""
    world = a_world()
    plan = planned(world)
    world.destination.records[0]["score"] = 99
    applied(world, plan)

    assert world.destination.records[0] == {"id": "900", "email": "p0@example.com", "lastName": "Name 0", "score": 99}


def test_several_rows_of_one_key_are_planned_one_after_the_other() -> None:
    """Of three rows of a new key the first creates, the others update what it will have made; so it is applied."""
    world = SyncWorld(a_sync(dedupe="import_everything"))
    for number, name in enumerate(("First", "Second", "Second")):
        world.row(number, Email="same@example.com", LastName=name)
    plan = planned(world)

    assert plan.totals == Totals(created=1, updated=1, unchanged=1)
    assert changes(listed(world, plan)[2]) == {"lastName": ("First", "Second")}
    assert applied(world, plan).totals == Totals(created=1, updated=1)
    assert world.held() == {"same@example.com": "Second"}


def test_a_plan_may_be_of_some_rows_only() -> None:
    """Two rows of six are read and planned, in one page each; the plan says nothing about the guard."""
    world = a_world(guard={"changed_percent": 0})
    plan = planned(world, 2)

    assert (plan.pulled, plan.totals, plan.reason) == (2, Totals(updated=2), "")
    assert sorted(listed(world, plan)) == [1, 2]
    assert applied(world, plan).totals == Totals(updated=2)


def test_a_plan_says_that_a_run_would_ask_and_whoever_applies_it_has_seen_that() -> None:
    """The plan ends with the numbers of the guard; applied it does not park."""
    world = a_world(guard={"changed_percent": 0})
    plan = planned(world)

    assert (plan.reason, plan.message) == (
        "guard",
        "a run would ask before it writes, since it would change 3 records (the limit is 0 % of 6 records)",
    )
    assert applied(world, plan).totals == Totals(created=2, updated=3)


def test_a_sync_is_planned_before_it_is_active_and_applied_afterwards() -> None:
    """Nothing runs of a Sync that is not active: a plan writes nothing, so it may be made, but not be applied."""
    world = SyncWorld(active=False)
    world.row(1)
    plan = planned(world)
    assert plan.totals == Totals(created=1)
    with pytest.raises(ConfigurationError, match="leadbridge syncs activate"):
        world.starting().apply(world.sync.id, plan.slot)


def test_only_plans_of_the_sync_as_it_is_can_be_applied() -> None:
    """A run is no plan, an older version's plan is refused, and so is one that was cancelled or is at work."""
    world = a_world()
    plan = planned(world)
    ran = world.ran()
    world.clock.advance(60)
    with pytest.raises(ConfigurationError, match="has no plan"):
        world.starting().apply(world.sync.id, ran.slot)
    with pytest.raises(ConfigurationError, match="nothing was written"):
        world.starting().retry(world.sync.id, plan.slot)
    slot = world.starting().plan(world.sync.id).slot
    with pytest.raises(ConfigurationError, match="is at work"):
        world.starting().apply(world.sync.id, slot)
    world.documents.put(a_sync(dedupe="youngest"))
    with pytest.raises(ConfigurationError, match="plan again"):
        world.starting().apply(world.sync.id, plan.slot)


def test_applying_goes_on_after_lost_answers_and_tells_what_it_has_made() -> None:
    """A row is refused for now, and sent again; what was made under the intent is told as created."""
    world = a_world()
    plan = planned(world)
    again = RowResult(ok=False, code="1019", message="busy", resolution=Resolution.RETRY)
    world.destination.refusals = {"p4@example.com": [again]}
    assert applied(world, plan).totals == Totals(created=2, updated=3)


@pytest.mark.parametrize("kind", ["plan", "apply"])
def test_a_process_may_die_at_any_point_of_a_plan_and_of_its_application(kind: str) -> None:
    """Whatever dies: the plan lists the same writes, and these are made once."""
    for point in range(1, MOST_POINTS):
        world = a_world(5)
        world.row(9, Email="p4@example.com", LastName="Again")
        if kind == "plan":
            slot = world.starting().plan(world.sync.id).slot
            world.steps.arm(point)
        else:
            plan = planned(world)
            slot = world.starting().apply(world.sync.id, plan.slot).slot
            world.steps.arm(point)
        try:
            run = world.drive(slot)
        except Crash:  # while the test itself looks
            run = world.drive(slot)
        died = world.steps.die_at is None
        world.steps.disarm()
        if kind == "plan":
            world.clock.advance(60)
            assert world.destination.written == [], point
            assert run.totals == Totals(created=1, updated=4, unchanged=1), point
            run = applied(world, run)
        assert run.totals == Totals(created=1, updated=4), point
        assert world.held() == {
            **{f"p{number}@example.com": f"Name {number}" for number in range(4)},
            "p4@example.com": "Again",
        }, point
        if not died:
            assert point > 30
            return
    pytest.fail("there are more points than are looked at")


def test_a_plan_says_nothing_of_how_runs_fare() -> None:
    """Rows that fail in a plan are no failed rows of the Sync, and a plan's number of rows is not that of a run."""
    world = a_world(mappings=[{"to": "email", "column": "Email"}, {"to": "score", "column": "LastName"}])
    plan = planned(world)
    assert plan.totals == Totals(failed=6)
    rules = {world.sync.id: SyncRules(rows=SyncRowsRule(count=1, least=1))}
    watched = Watched(sync=world.sync, runs=[plan])
    assert list(sync_readings([watched], rules, world.clock.now())) == []


@pytest.mark.parametrize("second", [0, 1])
def test_a_plan_takes_no_slot_from_a_schedule(second: int) -> None:
    """A plan that was asked for in the very second of a slot is another run than the slot's."""
    world = SyncWorld()
    world.row(1)
    world.clock.advance(second)
    world.drive(world.starting().plan(world.sync.id).slot)
    assert world.ran().totals == Totals(created=1)
