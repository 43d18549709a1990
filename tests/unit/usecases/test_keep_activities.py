"""Activities in a cycle without vendors: what the document may say, the Syncs that it means, and runs of them."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.domain import cycling
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import derived_sync, derived_syncs
from leadbridge.domain.cycle_words import ACTIVITIES_UNPLANNED
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.evolving import replace
from leadbridge.domain.sync import ImportRule, Sync
from leadbridge.domain.syncing import Step, Totals
from leadbridge.usecases.cycle_plans import CyclePlans
from leadbridge.usecases.keep_activities import KeepActivities
from tests.builders.whole_cycles import a_cycle
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.syncs import InMemorySyncRuns

NAME, SYNC = "activities-all", "main.activities-all"
TWELVE = [1, 2, 3, 6, 7, 8, 9, 10, 11, 24, 25, 46]


def of(**group: Any) -> CrmCycle:
    """A cycle with one group of activities."""
    plain = a_cycle().model_dump(by_alias=True, exclude_none=True)
    groups = {"all": {"types": ["Fill Out Form"], "key": "Key__c", **group}}
    return CrmCycle.model_validate({**plain, "activities": {"groups": groups}})


def sync(cycle: CrmCycle, name: str = SYNC) -> Sync:
    """One of its Syncs."""
    found = derived_sync(cycle, name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ({"types": []}, "at least 1"),
        ({"types": [2, "Click Email", 2]}, "2 stands in `types` twice"),
        ({"fields": [{"to": "Key__c", "column": "leadId"}]}, "maps Key__c, which is the key"),
        ({"target": {"object": "Visit__c"}}, "give `person`, or `lead` and `contact`"),
        ({"wait_minutes": 1441}, "less than or equal to 1440"),
    ],
)
def test_a_group_that_cannot_work_is_told_what_to_change(group: dict[str, Any], said: str) -> None:
    """In words that a person can act on."""
    with pytest.raises(ValidationError, match=said):
        of(**group)


def test_activities_need_the_people_whose_they_are() -> None:
    """Nobody else links anybody."""
    plain = of().model_dump(by_alias=True, exclude_none=True) | {"sales_persons": {}}
    del plain["persons"]
    with pytest.raises(ValidationError, match="give `persons`, too"):
        CrmCycle.model_validate(plain)


def test_a_group_is_a_sync_that_only_creates_by_the_guid() -> None:
    """Of linked people alone; what the document says of a field comes in place of what a Task has by itself."""
    made = sync(of(fields=[{"to": "Status", "static": "Done"}, {"to": "Description", "column": "attributes"}]))
    assert (made.source.activity_types, made.destination.object) == (["Fill Out Form"], "Task")
    assert (made.import_rule, made.incremental) == (ImportRule.CREATE, True)
    assert [(pair.column, pair.field) for pair in made.match] == [("marketoGUID", "Key__c")]
    assert {each.to: each.column or each.static or each.template for each in made.mappings} == {
        "Key__c": "marketoGUID",
        "WhoId": "lead.crmId",
        "Subject": "{{ activityType }}: {{ primaryAttributeValue }}",
        "ActivityDate": "activityDate",
        "Status": "Done",
        "Description": "attributes",
    }
    assert made.conditions is not None
    assert [each.told() for each in made.conditions.clauses if not hasattr(each, "clauses")] == [
        "lead.crmId is not empty"
    ]


def test_ten_types_are_a_queue_and_a_leg() -> None:
    """More are others, whose names no group can have."""
    queues, legs = derived_syncs(of(types=TWELVE))
    late = [each for each in queues if each.late]
    assert [each.name for each in late] == [NAME, f"{NAME}_2"]
    assert [each.sync.source.activity_types for each in late] == [TWELVE[:10], TWELVE[10:]]
    assert [each.name for each in legs if each.group == "activities"] == [NAME, f"{NAME}_2"]


class World:
    """A run at its writes, and what runs of Syncs are stored."""

    def __init__(self, **group: Any) -> None:
        self.cycle = of(**group)
        self.syncs, self.clock = InMemorySyncRuns(), SettableClock()
        self.kind = KeepActivities(self.cycle, CyclePlans(runs=self.syncs, objects=InMemoryObjects(), clock=self.clock))
        self.run = CycleRun(
            cycle="main",
            slot="20260302T120000Z",
            version=1,
            epoch=1,
            started_at=NOON,
            step=CycleStep.WRITE,
            ceilings={"marketo": NOON, "salesforce": NOON},
            since={NAME: NOON - timedelta(hours=1)},
        )


def test_a_run_is_stored_once_with_its_window_and_asked_for_until_it_has_ended() -> None:
    """Whoever prepares again after a death finds it; the window begins as much earlier as activities wait."""
    world = World(wait_minutes=30)
    assert world.kind.prepare(world.run, "people") == []
    first, again = (world.kind.prepare(world.run, "activities") for _ in range(2))
    assert [each.sync for each in first] == [each.sync for each in again] == [SYNC]
    found = world.syncs.get(SYNC, world.run.slot)
    assert found is not None
    run, version = found
    assert (run.since, run.until, run.reads_only) == (NOON - timedelta(minutes=90), NOON, False)
    world.syncs.save(replace(run, step=Step.DONE, totals=Totals(created=3)), version)
    assert world.kind.prepare(world.run, "activities") == []
    assert world.kind.remember(world.run, 600.0) is None


def test_rows_that_failed_hold_the_watermark_back_for_an_hour() -> None:
    """So the next run reads them again; it is noted once."""
    world = World()
    world.kind.prepare(world.run, "activities")
    found = world.syncs.get(SYNC, world.run.slot)
    assert found is not None
    world.syncs.save(replace(found[0], step=Step.DONE, totals=Totals(created=3, failed=1)), found[1])
    held = world.kind.remember(world.run, 600.0)
    assert held is not None
    assert held.held == {NAME: NOON - timedelta(hours=1)}
    assert world.kind.remember(held, 600.0) is None


def test_writes_are_entered_for_activities_alone_and_not_while_people_are_parked() -> None:
    """Nothing else was planned; whoever cannot say who is who keeps activities waiting, too."""
    world = World()
    deciding = replace(world.run, step=CycleStep.DECIDE, entity="activities")
    late = world.kind.decide(deciding, 600.0)
    assert late is not None
    assert world.kind.decide(late, 600.0) is None
    names = ["persons", "activities"]
    assert cycling.through(late, names).step is CycleStep.WRITE
    assert cycling.through(deciding, names).step is CycleStep.REMEMBER
    assert cycling.parked(world.run, "persons", "why", names).parked["activities"] == "waits for persons"


def test_a_plan_reads_and_writes_no_activities_and_says_so() -> None:
    """It ends without the step in which they would be."""
    world = World()
    planning = replace(world.run, step=CycleStep.DECIDE, entity="activities", planning=True)
    told = world.kind.decide(planning, 600.0)
    assert told is not None
    assert (told.late, told.warnings) == (False, (ACTIVITIES_UNPLANNED,))
    assert world.kind.decide(told, 600.0) is None
    assert cycling.through(told, ["persons", "activities"]).step is CycleStep.COMMIT
