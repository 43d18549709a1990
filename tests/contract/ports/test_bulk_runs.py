"""Bulk runs, the jobs they made, and the turn to make one: the double and the table agree."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.exceptions import ConnectTimeoutError

from leadbridge.aws.jobs import DynamoBulkRuns
from leadbridge.domain import jobs
from leadbridge.domain.jobs import Counts, Kind, Run, State, Step, Waiting
from leadbridge.errors import TransientError, UnknownVersionError
from leadbridge.ports import BulkRuns, OvertakenError
from tests.fakes.bulk import InMemoryBulkRuns
from tests.fakes.clock import NOON
from tests.integration.aws.local_aws import Unsteady, client, create_table, local_aws, scan

LANE = "one#extract#leads"
#: every member that is stored set to something else than its default
FULL = replace(
    jobs.begin(
        name="sync-1",
        kind=Kind.IMPORT,
        vendor="salesforce",
        connection="one",
        object_name="Lead",
        request={"operation": "upsert", "key": ["Ext__c"], "note": "ü 😀"},
        prefix="runs",
        source="in.csv",
        now=NOON,
    ),
    step=Step.ATTACH,
    waiting=Waiting.QUOTA,
    due_at=NOON + timedelta(hours=1, microseconds=1000),
    refused_at=NOON - timedelta(minutes=1),
    refusals=2,
    unknown=1,
    calls=9,
    part=2,
    parts=3,
    resent=1,
    made=2,
    job="750xx",
    job_at=NOON,
    state=State.FAILED,
    records=10,
    size=11,
    checksum="ab",
    failed=1,
    warned=0,
    pieces=4,
    cursor="99",
    fetches=1,
    counts=Counts(rows=9, done=1, warned=1, failed=2, unprocessed=3, uncertain=1, rejected=2),
    output="runs/x",
    digest="cd",
    reason="job_failed",
    message="because",
)


@pytest.fixture
def table() -> Iterator[Unsteady]:
    """An in-process executions table whose client fails when told to."""
    with local_aws():
        raw = client("dynamodb")
        create_table(raw, "ExecutionsTable")
        yield Unsteady(raw)


def dynamo(table: Unsteady) -> DynamoBulkRuns:
    """The adapter on that table."""
    return DynamoBulkRuns(table, table="ExecutionsTable", retention=timedelta(days=30), now=lambda: NOON)  # type: ignore[arg-type]  # it stands for the client it wraps


@pytest.fixture(params=["memory", "dynamodb"])
def runs(request: pytest.FixtureRequest) -> InMemoryBulkRuns | DynamoBulkRuns:
    """Both implementations."""
    return InMemoryBulkRuns() if request.param == "memory" else dynamo(request.getfixturevalue("table"))


def a_run(name: str = "sync-1", **members: object) -> Run:
    """A run of that name."""
    return replace(FULL, name=name, job="", **members)  # type: ignore[arg-type]  # members of the dataclass


def test_a_run_comes_back_as_it_was_stored(runs: BulkRuns) -> None:
    """Every member, instants and counts included; the first to begin wins, later ones get what is there."""
    assert runs.begin(FULL) == (FULL, 1)
    assert runs.begin(replace(FULL, step=Step.POLL)) == (FULL, 1)
    plain = jobs.begin(
        name="b",
        kind=Kind.EXTRACT,
        vendor="marketo",
        connection="c",
        object_name="o",
        request={},
        prefix="p",
        source="",
        now=NOON,
    )
    runs.begin(plain)
    assert runs.begin(plain) == (plain, 1)


def test_a_run_is_stored_under_its_version(runs: BulkRuns) -> None:
    """Whoever read the run before somebody else stored it is told so, and changes nothing."""
    _, version = runs.begin(FULL)
    later = replace(FULL, step=Step.DONE)

    assert runs.save(later, version) == version + 1
    with pytest.raises(OvertakenError):
        runs.save(FULL, version)
    assert runs.begin(FULL) == (later, version + 1)


def test_a_turn_has_one_holder_and_remembers_when_it_began(runs: BulkRuns) -> None:
    """The first one takes it; everybody after that, the holder too, sees who has had it since when."""
    first = runs.take_turn(LANE, "a", NOON)
    again = runs.take_turn(LANE, "a", NOON + timedelta(seconds=9))
    other = runs.take_turn(LANE, "b", NOON + timedelta(seconds=9))

    assert (first.owner, first.since, first.begun_before) == ("a", NOON, False)
    assert (again.owner, again.since, again.begun_before) == ("a", NOON, True)
    assert other == again
    assert not runs.take_turn("another lane", "b", NOON).begun_before


def test_a_turn_begins_anew_only_as_it_was_seen(runs: BulkRuns) -> None:
    """Of two that find a turn left behind, one gets it."""
    runs.take_turn(LANE, "dead", NOON)
    seen = runs.take_turn(LANE, "a", NOON + timedelta(hours=1))
    now = NOON + timedelta(hours=1)

    assert runs.renew_turn(LANE, seen, "a", now)
    assert not runs.renew_turn(LANE, seen, "b", now)
    held = runs.take_turn(LANE, "b", now)
    assert (held.owner, held.since) == ("a", now)


def test_a_job_becomes_known_and_the_turn_free_in_one_step(runs: BulkRuns) -> None:
    """With the job's id stored, the turn is given back and the id is some run's own, in its lane."""
    run = a_run()
    _, version = runs.begin(run)
    runs.take_turn(LANE, run.name, NOON)
    runs.save(replace(run, job="j1"), version, lane=LANE)

    assert runs.known(LANE, ["j1", "j2", "j1"]) == {"j1"}
    assert runs.known("another lane", ["j1"]) == frozenset()
    assert runs.known(LANE, []) == frozenset()
    assert not runs.take_turn(LANE, "b", NOON).begun_before


def test_a_turn_is_given_back_without_a_job_too(runs: BulkRuns) -> None:
    """A refused try makes no job: only the turn is free."""
    run = a_run()
    _, version = runs.begin(run)
    runs.take_turn(LANE, run.name, NOON)
    runs.save(run, version, lane=LANE)

    assert not runs.take_turn(LANE, "b", NOON).begun_before


def test_the_size_of_a_file_is_stored_once_with_its_run(runs: InMemoryBulkRuns | DynamoBulkRuns) -> None:
    """Of a connection's extracts each counts once, whatever is stored of its run later; whoever was overtaken, not at
    all."""
    run = replace(FULL, kind=Kind.EXTRACT)
    _, version = runs.begin(run)
    with pytest.raises(OvertakenError):
        runs.save(run, version + 7, extracted=True)
    assert runs.files(run.connection) == []
    version = runs.save(run, version, extracted=True)
    runs.save(replace(run, pieces=9), version)

    assert runs.files(run.connection) == [(NOON, FULL.size)]
    assert runs.files("another") == []


def test_whoever_lost_the_turn_stores_nothing(runs: BulkRuns) -> None:
    """All of a step or none of it: without the turn the job does not become known, and the run stays as it was."""
    run = a_run()
    _, version = runs.begin(run)
    runs.take_turn(LANE, "b", NOON)

    with pytest.raises(OvertakenError):
        runs.save(replace(run, job="j1"), version, lane=LANE)
    assert runs.begin(run) == (run, version)
    assert runs.known(LANE, ["j1"]) == frozenset()


def test_more_jobs_than_one_read_holds_are_known(table: Unsteady) -> None:
    """DynamoDB reads 100 items at once."""
    runs = dynamo(table)
    for number in range(0, 120, 40):
        run = a_run(f"r{number}")
        _, version = runs.begin(run)
        runs.take_turn(LANE, run.name, NOON)
        runs.save(replace(run, job=f"j{number}"), version, lane=LANE)

    assert runs.known(LANE, [f"j{number}" for number in range(250)]) == {"j0", "j40", "j80"}


def test_everything_expires_with_the_retention(table: Unsteady) -> None:
    """Runs, jobs and turns carry a time to live."""
    runs = dynamo(table)
    run = a_run()
    _, version = runs.begin(run)
    runs.take_turn(LANE, run.name, NOON)
    runs.save(replace(run, job="j1"), version, lane=LANE)
    runs.take_turn(LANE, "b", NOON)

    ends = {item["ttl"]["N"] for item in scan(table, "ExecutionsTable")}  # type: ignore[arg-type]  # the client it wraps
    assert ends == {str(int((NOON + timedelta(days=30)).timestamp()))}


def test_a_run_of_a_newer_version_is_left_alone(table: Unsteady) -> None:
    """A run stored by a version that comes after this one stops the execution instead of being misread."""
    runs = dynamo(table)
    runs.begin(FULL)
    table.update_item(
        TableName="ExecutionsTable",
        Key={"pk": {"S": "bulk#run#sync-1"}, "sk": {"S": "run"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"N": "99"}},
    )
    with pytest.raises(UnknownVersionError):
        runs.begin(FULL)


@pytest.mark.parametrize("method", ["get_item", "batch_get_item", "transact_write_items"])
def test_a_store_that_is_away_is_no_answer(table: Unsteady, method: str) -> None:
    """What cannot be read or written is told as such, so that the step is tried again."""
    runs = dynamo(table)
    call = {"get_item": lambda: runs.begin(FULL), "batch_get_item": lambda: runs.known(LANE, ["a"])}.get(
        method, lambda: runs.take_turn(LANE, "a", NOON)
    )
    table.before[method].append(ConnectTimeoutError(endpoint_url="nowhere"))
    with pytest.raises(TransientError):
        call()
