"""Runs of CRM cycles, leases, watermarks and looks: the double and the adapter say the same."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from leadbridge.aws.cycles import DynamoCycleRuns
from leadbridge.cycle_ports import CycleRuns
from leadbridge.domain.carried import Asked
from leadbridge.domain.cycle_schema import Aside, Schema
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep
from leadbridge.domain.waits import Waiting
from leadbridge.errors import UnknownVersionError
from leadbridge.ports import OvertakenError
from tests.contract.ports.worlds import RETENTION, DynamoWorld, World
from tests.fakes.clock import NOON
from tests.fakes.cycle import InMemoryCycleRuns

SLOT, LATER = "20260302T120000Z", "20260302T130000Z"
HOUR = timedelta(hours=1)
SCHEMA = Schema(
    version=3,
    carried_to=NOON,
    kinds={"title=Title": ("text", "text")},
    aside={"a=A": Aside(why="it is hidden", since=NOON - HOUR), "b=B": Aside(why="it is closed", since=None)},
    compared_at=NOON - HOUR,
)
RUN = CycleRun(cycle="main", slot=SLOT, version=3, epoch=1, started_at=NOON)
#: every member is another than at the beginning
FULL = replace(
    RUN,
    step=CycleStep.WRITE,
    step_at=NOON,
    from_now=True,
    bootstrap=True,
    ceilings={"marketo": NOON, "salesforce": NOON - HOUR},
    since={"people": NOON - HOUR},
    made_since={"others": NOON - HOUR},
    idle=("others",),
    compared=("from-leads",),
    late=True,
    held={"others": NOON - HOUR},
    rows={"people": 3},
    newest={"people": NOON - HOUR},
    writes={"leads": 2},
    latencies={"to_marketo": {"17": 2}},
    planning=True,
    demanded=("programs",),
    changed={"leads": 2},
    blanked={"leads": 1},
    reached=3,
    guarded="persons changes",
    confirmed=("persons deletions",),
    orders=("main.leads", "main.contacts"),
    fruitless=1,
    done=2,
    group="people",
    entity="persons",
    through=3,
    parked={"companies": "why"},
    again=NOON - HOUR,
    schemas={"persons.Lead": SCHEMA},
    warnings=("a field is hidden", "another"),
    waiting=Waiting.QUOTA,
    due_at=NOON,
    refused_at=NOON,
    refusals=2,
    asked=Asked.PAUSE,
    execution="another",
    seen_at=NOON,
    ended_at=NOON,
    reason="why",
    message="and how",
)


@pytest.fixture
def runs(world: World) -> CycleRuns:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoCycleRuns(
            world.dynamodb, executions="ExecutionsTable", state="StateTable", retention=RETENTION, now=world.clock.now
        )
    return InMemoryCycleRuns()


def test_a_lease_is_taken_by_who_saw_how_it_stands(runs: CycleRuns) -> None:
    """Of two who saw the same, one gets the next epoch; only its holder gives it back, and says when it ended."""
    assert runs.standing("main") == CycleStanding()
    assert runs.take("main", SLOT, CycleStanding(), NOON) == CycleStanding(epoch=1, holder=SLOT, taken_at=NOON)
    assert runs.take("main", LATER, CycleStanding(), NOON) is None

    runs.release("main", LATER, 1, NOON)
    runs.release("main", SLOT, 2, NOON)
    assert runs.standing("main").holder == SLOT
    runs.release("main", SLOT, 1, NOON + HOUR)
    free = CycleStanding(epoch=1, taken_at=NOON, ended_at=NOON + HOUR)
    assert runs.standing("main") == free
    assert runs.take("main", LATER, free, NOON) == replace(free, epoch=2, holder=LATER)
    assert runs.standing("other") == CycleStanding()


@pytest.mark.cap("M109")
def test_each_queue_has_a_watermark_of_its_own(runs: CycleRuns) -> None:
    """Those that a run commits move, the others stay; who has no lease moves none."""
    runs.take("main", SLOT, CycleStanding(), NOON)

    assert runs.commit("main", SLOT, 1, {"people": NOON, "leads": NOON}, {"people": NOON - HOUR}, schemas={})
    assert runs.commit("main", SLOT, 1, {"leads": NOON + HOUR}, {}, schemas={"persons.Lead": SCHEMA})
    assert not runs.commit("main", LATER, 1, {"people": NOON + HOUR}, {}, schemas={})
    assert not runs.commit("main", SLOT, 2, {"people": NOON + HOUR}, {}, schemas={})

    standing = runs.standing("main")
    assert standing.watermarks == {"people": NOON, "leads": NOON + HOUR}
    assert standing.newest == {"people": NOON - HOUR}
    assert standing.schemas == {"persons.Lead": SCHEMA}


def test_a_look_is_noted_while_nobody_has_taken_the_lease(runs: CycleRuns) -> None:
    """What a run commits ends the row of idle looks; what they keep is kept on."""
    runs.take("main", SLOT, CycleStanding(), NOON)
    runs.release("main", SLOT, 1, NOON)
    seen = runs.standing("main")
    assert runs.looked("main", seen, 4, NOON + HOUR, "token")
    assert runs.standing("main") == replace(seen, idle=4, looked_at=NOON + HOUR, token="token")

    taken = runs.take("main", LATER, seen, NOON)
    assert taken is not None
    assert not runs.looked("main", seen, 5, NOON, "other")
    assert runs.commit("main", LATER, 2, {}, {}, schemas={})
    assert (runs.standing("main").idle, runs.standing("main").looked_at, runs.standing("main").token) == (
        0,
        None,
        "token",
    )


def test_a_run_is_begun_once_and_replaced_by_who_read_it_last(runs: CycleRuns) -> None:
    """The second beginning gets the first one's run; of two who read one version, one is overtaken."""
    assert all(getattr(FULL, each.name) != each.default and getattr(FULL, each.name) != {} for each in fields(FULL))
    assert runs.get("main", SLOT) is None
    assert runs.begin(RUN) == (RUN, 1)
    assert runs.begin(replace(RUN, version=4)) == (RUN, 1)

    assert runs.save(FULL, 1) == 2
    with pytest.raises(OvertakenError):
        runs.save(RUN, 1)
    assert runs.get("main", SLOT) == (FULL, 2)


def test_runs_are_listed_the_newest_first(runs: CycleRuns) -> None:
    """As many as are wanted, of one cycle."""
    later = replace(RUN, slot=LATER, started_at=NOON + HOUR)
    for run in (RUN, later, replace(RUN, cycle="other")):
        runs.begin(run)

    assert runs.runs("main", 5) == [later, RUN]
    assert runs.runs("main", 1) == [later]


def test_what_a_newer_version_wrote_is_not_read(dynamo_world: DynamoWorld) -> None:
    """A run of a later format is refused, not misunderstood."""
    table = dynamo_world.dynamodb
    runs = DynamoCycleRuns(
        table, executions="ExecutionsTable", state="StateTable", retention=RETENTION, now=dynamo_world.clock.now
    )
    key = {"pk": {"S": "cycle#main"}, "sk": {"S": f"run#{SLOT}"}}
    item = {**key, "v": {"N": "99"}, "run": {"S": "{}"}, "version": {"N": "1"}}
    table.put_item(TableName="ExecutionsTable", Item=item)

    with pytest.raises(UnknownVersionError):
        runs.get("main", SLOT)
