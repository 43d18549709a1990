"""Runs of Syncs, their partitions, leases and watermarks: the double and the adapter say the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.aws.syncs import DynamoSyncRuns
from leadbridge.domain.carried import Asked
from leadbridge.domain.mass_guard import Tally
from leadbridge.domain.syncing import Intent, Part, Standing, Step, SyncRun, Totals, Way
from leadbridge.domain.waits import Waiting
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import OvertakenError
from leadbridge.sync_ports import SyncRuns
from tests.contract.ports.worlds import RETENTION, DynamoWorld, World
from tests.fakes.clock import NOON
from tests.fakes.syncs import InMemorySyncRuns

SLOT, LATER = "20260302T120000Z", "20260302T130000Z"
RUN = SyncRun(sync="one", slot=SLOT, version=3, source="salesforce", destination="marketo", epoch=1, started_at=NOON)
#: every member is another than at the beginning
FULL = replace(
    RUN,
    step=Step.LOAD,
    waiting=Waiting.QUOTA,
    due_at=NOON,
    refused_at=NOON,
    refusals=2,
    asked=Asked.PAUSE,
    execution="another",
    seen_at=NOON,
    ended_at=NOON,
    incremental=True,
    extract=Way.BULK,
    load=Way.BULK,
    since=NOON - timedelta(days=1),
    until=NOON,
    made_since=NOON,
    cursor="003",
    pages=4,
    pulled=5,
    partitions=6,
    placed=7,
    positions=8,
    spills=9,
    newest=NOON,
    size=10,
    counting=True,
    confirmed=True,
    fruitless=1,
    loaded=2,
    planning=True,
    most=11,
    plan="another",
    retry_of="yet another",
    origin="the first",
    gone_since=NOON - timedelta(hours=2),
    gone_until=NOON,
    gone_from=NOON - timedelta(hours=1),
    gone_pages=1,
    gone=12,
    listing=True,
    removing=True,
    totals=Totals(created=1, updated=2, unchanged=3, skipped=4, duplicate=5, failed=6, deleted=7, flagged=8),
    unwritten=3,
    calls=7,
    extracted=13,
    reason="why",
    message="and how",
)


@pytest.fixture
def runs(world: World) -> SyncRuns:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoSyncRuns(
            world.dynamodb, executions="ExecutionsTable", state="StateTable", retention=RETENTION, now=world.clock.now
        )
    return InMemorySyncRuns()


def test_a_lease_is_taken_by_who_saw_how_it_stands(runs: SyncRuns) -> None:
    """Of two who saw the same, one gets the next epoch; only its holder moves the watermark and gives it back."""
    assert runs.standing("one") == Standing()
    assert runs.take("one", SLOT, Standing(), NOON) == Standing(epoch=1, holder=SLOT, taken_at=NOON)
    assert runs.take("one", LATER, Standing(), NOON) is None

    assert runs.commit("one", SLOT, 1, NOON, 70, carried="what")
    assert not runs.commit("one", LATER, 1, NOON + timedelta(hours=1), 8, carried="else")
    assert not runs.commit("one", SLOT, 2, NOON + timedelta(hours=1), 9, carried="else")
    assert runs.commit_gone("one", SLOT, 1, NOON)
    assert not runs.commit_gone("one", LATER, 1, NOON + timedelta(hours=1))
    runs.release("one", LATER, 1)
    held = Standing(epoch=1, holder=SLOT, taken_at=NOON, watermark=NOON, carried="what", records=70, gone_until=NOON)
    assert runs.standing("one") == held

    at = NOON + timedelta(minutes=1)
    taken = Standing(epoch=2, holder=LATER, taken_at=at, watermark=NOON, carried="what", records=70, gone_until=NOON)
    assert runs.take("one", LATER, held, at) == taken
    assert runs.standing("one") == taken
    runs.release("one", SLOT, 1)
    assert runs.standing("one").holder == LATER
    runs.release("one", LATER, 2)
    assert runs.standing("one") == replace(taken, holder="")
    assert runs.standing("two") == Standing()


def test_the_newest_version_that_has_run_once_is_known_for_ever(runs: SyncRuns) -> None:
    """Noted twice, or after a newer one, it stays; who takes, moves and gives back the lease leaves it alone."""
    runs.note_once("one", 3)
    assert runs.standing("one") == Standing()
    runs.take("one", SLOT, Standing(), NOON)
    assert runs.standing("one").once == 0

    for version, known in ((2, 2), (2, 2), (1, 2), (4, 4)):
        runs.note_once("one", version)
        assert runs.standing("one") == Standing(epoch=1, holder=SLOT, taken_at=NOON, once=known)
    assert runs.commit("one", SLOT, 1, NOON, 70, carried="what")
    runs.release("one", SLOT, 1)
    assert runs.take("one", LATER, runs.standing("one"), NOON) == Standing(
        epoch=2, holder=LATER, taken_at=NOON, watermark=NOON, carried="what", records=70, once=4
    )
    assert runs.standing("one").once == 4


def test_what_is_forgotten_of_a_removed_sync_is_how_far_it_came(runs: SyncRuns) -> None:
    """Watermarks are gone, and its run that is still at work moves none; lease and the version that ran once stay."""
    runs.forget("one")
    assert runs.standing("one") == Standing()
    runs.take("one", SLOT, Standing(), NOON)
    assert runs.commit("one", SLOT, 1, NOON, 70, carried="what")
    assert runs.commit_gone("one", SLOT, 1, NOON)
    runs.note_once("one", 2)

    runs.forget("one")
    kept = Standing(epoch=2, holder=SLOT, taken_at=NOON, once=2)
    assert runs.standing("one") == kept
    assert not runs.commit("one", SLOT, 1, NOON, 70, carried="what")
    assert not runs.commit_gone("one", SLOT, 1, NOON)
    assert runs.standing("one") == kept
    assert runs.take("one", LATER, kept, NOON) == Standing(epoch=3, holder=LATER, taken_at=NOON, once=2)


def test_a_watermark_of_before_it_was_noted_what_it_stands_for_is_read(dynamo_world: DynamoWorld) -> None:
    """The item of an earlier version has no such member; it is a watermark all the same."""
    runs = DynamoSyncRuns(
        dynamo_world.dynamodb,
        executions="ExecutionsTable",
        state="StateTable",
        retention=RETENTION,
        now=dynamo_world.clock.now,
    )
    runs.take("one", SLOT, Standing(), NOON)
    runs.commit("one", SLOT, 1, NOON, 70, carried="what")
    dynamo_world.dynamodb.update_item(
        TableName="StateTable",
        Key={"pk": {"S": "sync#one"}, "sk": {"S": "standing"}},
        UpdateExpression="REMOVE carried",
    )
    assert runs.standing("one") == Standing(epoch=1, holder=SLOT, taken_at=NOON, watermark=NOON, records=70)


def test_a_run_is_begun_once_and_replaced_by_who_read_it_last(runs: SyncRuns) -> None:
    """The second beginning gets the first one's run; of two who read one version, one is overtaken."""
    assert runs.get("one", SLOT) is None
    assert runs.begin(RUN) == (RUN, 1)
    assert runs.begin(replace(RUN, version=4)) == (RUN, 1)

    assert runs.save(FULL, 1) == 2
    with pytest.raises(OvertakenError):
        runs.save(RUN, 1)
    assert runs.get("one", SLOT) == (FULL, 2)


def test_runs_are_listed_the_newest_first(runs: SyncRuns) -> None:
    """As many as asked for, of this Sync alone."""
    for number in range(4):
        slot = f"2026030{number + 1}T120000Z"
        runs.begin(replace(RUN, slot=slot, started_at=NOON + timedelta(days=number)))
    runs.begin(replace(RUN, sync="other"))

    assert [run.slot[:8] for run in runs.runs("one", 2)] == ["20260304", "20260303"]
    assert len(runs.runs("one", 10)) == 4


def test_runs_that_are_named_by_versions_are_listed_by_their_time(runs: SyncRuns) -> None:
    """What ran at once stands where it began, the tenth version's behind the ninth's: an old one hides no newer run."""
    for day, slot in enumerate(
        ["now-v8", "now-v9", "now-v10", "20260305T120000Z", "20260306T120000Z-retry", "now-v11"]
    ):
        runs.begin(replace(RUN, slot=slot, started_at=NOON + timedelta(days=day)))
        assert [run.slot for run in runs.runs("one", 1)] == [slot]

    newest = ["now-v11", "20260306T120000Z-retry", "20260305T120000Z", "now-v10", "now-v9", "now-v8"]
    for limit in range(1, 8):
        assert [run.slot for run in runs.runs("one", limit)] == newest[:limit]


def test_a_partition_belongs_to_who_took_it_last(runs: SyncRuns) -> None:
    """Each taking raises the epoch; what an earlier process stores then is refused, and nothing of it is there."""
    first = runs.take_part("one", SLOT, 7)
    assert first == Part(sync="one", slot=SLOT, number=7, epoch=1)
    kept = replace(
        first,
        looked=3,
        counted=True,
        tally=Tally(changed=2, blanked=1, deletes=4),
        chunks=2,
        totals=Totals(created=3),
        failed_in=(1, 2),
        tellers=(1, 1, 4),
        intent=Intent(at=NOON, creates=(1, 3), updates=(2,), removals=(4,)),
        waiting=Waiting.VENDOR,
        due_at=NOON,
        refused_at=NOON,
        refusals=1,
        reason="why",
        message="how",
        calls=4,
    )
    runs.save_part(kept)

    second = runs.take_part("one", SLOT, 7)
    assert second == replace(kept, epoch=2)
    with pytest.raises(OvertakenError):
        runs.save_part(replace(first, finished=True))
    runs.save_part(replace(second, finished=True))
    runs.take_part("one", SLOT, 12)

    assert [(part.number, part.finished, part.epoch) for part in runs.parts("one", SLOT)] == [
        (7, True, 2),
        (12, False, 1),
    ]
    assert runs.parts("one", LATER) == []


def test_what_a_newer_version_wrote_is_not_read(dynamo_world: DynamoWorld) -> None:
    """A run of a later format is refused, not misunderstood."""
    runs = DynamoSyncRuns(
        dynamo_world.dynamodb,
        executions="ExecutionsTable",
        state="StateTable",
        retention=RETENTION,
        now=dynamo_world.clock.now,
    )
    runs.begin(RUN)
    runs.take_part("one", SLOT, 1)
    for key in (("sync#one", f"run#{SLOT}"), (f"sync#part#one#{SLOT}", "000001")):
        dynamo_world.dynamodb.update_item(
            TableName="ExecutionsTable",
            Key={"pk": {"S": key[0]}, "sk": {"S": key[1]}},
            UpdateExpression="SET v = :v",
            ExpressionAttributeValues={":v": {"N": "99"}},
        )
    with pytest.raises(UnknownVersionError):
        runs.get("one", SLOT)
    with pytest.raises(UnknownVersionError):
        runs.parts("one", SLOT)
