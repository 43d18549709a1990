"""What alerts are counted from and what they remember: the doubles and the adapters behave alike."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from botocore.exceptions import ConnectTimeoutError

from leadbridge.aws.alerts import DynamoAlertStore
from leadbridge.aws.tally import DynamoTally
from leadbridge.domain.alerts import Alert, Kind, Memory, Subject, Unsent
from leadbridge.errors import TransientError, UnknownVersionError
from leadbridge.ports import AlertStore, Tally
from tests.fakes.alerts import InMemoryAlertStore, InMemoryTally
from tests.integration.aws.local_aws import SettableClock, Unsteady, client, create_table, local_aws, refusal, scan

START = SettableClock().now()
MINUTE = timedelta(minutes=1)
SUBJECT = Subject(kind=Kind.QUOTA, name="123-abc-456.mktorest.com", detail="080")
FULL = Memory(
    alerts={
        SUBJECT: Alert(
            subject=SUBJECT,
            since=START,
            raised_at=START + MINUTE,
            told_at=START + 2 * MINUTE,
            clear_since=START + 3 * MINUTE,
            facts={"used": 5, "vendor": "marketo"},
        )
    },
    told={Subject(kind=Kind.PARKED, name="person-to-lead"): START},
    reasons={("person-to-lead", "salesforce_STRING_TOO_LONG"): START},
    used={"example.my.salesforce.com": ((START, 5), (START + 5 * MINUTE, 7))},
)
UNSENT = [Unsent(channel="slack", subject="1 new", text="ALERT …\nCommand: leadbridge", at=START)]


@dataclass
class World:
    """One implementation, with a clock."""

    clock: SettableClock
    tally: Tally
    store: AlertStore


@pytest.fixture
def tables() -> Iterator[Unsteady]:
    """In-process tables whose client fails when told to."""
    with local_aws():
        raw = client("dynamodb")
        for table in ("StateTable", "ExecutionsTable"):
            create_table(raw, table)
        yield Unsteady(raw)


def dynamo(tables: Unsteady) -> World:
    """The adapters on a client."""
    clock = SettableClock()
    return World(
        clock=clock,
        tally=DynamoTally(tables, table="ExecutionsTable", now=clock.now),  # type: ignore[arg-type]  # passes on what it is asked
        store=DynamoAlertStore(tables, table="StateTable"),  # type: ignore[arg-type]  # the same
    )


@pytest.fixture(params=["memory", "dynamodb"])
def world(request: pytest.FixtureRequest) -> World:
    """Both implementations."""
    if request.param == "memory":
        clock = SettableClock()
        return World(clock=clock, tally=InMemoryTally(clock.now), store=InMemoryAlertStore())
    return dynamo(request.getfixturevalue("tables"))


def test_what_was_noted_is_added_up_in_its_piece_of_time(world: World) -> None:
    """Two flushes in five minutes are one piece, with every action, thing and reason of its own."""
    world.tally.note("a", "arrived", number=2)
    world.tally.note("a", "failed", "salesforce_STRING_TOO_LONG")
    world.tally.note("b-c", "arrived")
    world.tally.flush()
    world.clock.advance(minutes=4)
    world.tally.note("a", "arrived")
    world.tally.note("a", "failed", "odd # reason")
    world.tally.flush()

    found = {each.action: each for each in world.tally.between(START, START + MINUTE)}

    assert {each.at for each in found.values()} == {START}
    assert found["a"].numbers == {
        ("arrived", ""): 3,
        ("failed", "salesforce_STRING_TOO_LONG"): 1,
        ("failed", "odd # reason"): 1,
    }
    assert found["b-c"].numbers == {("arrived", ""): 1}


def test_pieces_are_found_by_their_beginning(world: World) -> None:
    """From the first instant on, before the last one; across hours and midnight."""
    for _ in range(200):
        world.tally.note("a", "arrived")
        world.tally.flush()
        world.clock.advance(minutes=5)

    found = world.tally.between(START + timedelta(minutes=10), START + timedelta(hours=15, minutes=20))

    assert [each.at for each in found] == [START + timedelta(minutes=5 * number) for number in range(2, 184)]


def test_nothing_is_stored_without_a_flush(world: World) -> None:
    """And a flush of nothing stores nothing."""
    world.tally.flush()
    world.tally.note("a", "arrived")

    assert world.tally.between(START, START + timedelta(hours=1)) == []


def test_there_is_nothing_to_remember_at_first(world: World) -> None:
    """The empty memory, nothing unsent, version 0."""
    memory, unsent, version = world.store.load()

    assert (memory, list(unsent), version) == (Memory(), [], 0)


def test_what_is_kept_is_read_again(world: World) -> None:
    """Every member comes back as it was, under the next version."""
    assert world.store.save(FULL, UNSENT, 0) == 1
    memory, unsent, version = world.store.load()
    assert (memory, list(unsent), version) == (FULL, UNSENT, 1)

    assert world.store.save(Memory(), [], 1) == 2
    memory, unsent, version = world.store.load()
    assert (memory, list(unsent), version) == (Memory(), [], 2)


def test_what_was_kept_before_looks_at_quotas_were_is_read(tables: Unsteady) -> None:
    """A memory without them comes back, with none."""
    world = dynamo(tables)
    world.store.save(FULL, UNSENT, 0)
    key = {"pk": {"S": "alerts"}, "sk": {"S": "state"}}
    item = tables.client.get_item(TableName="StateTable", Key=key)["Item"]
    kept = {name: value for name, value in json.loads(item["state"]["S"]).items() if name != "used"}
    tables.client.put_item(TableName="StateTable", Item={**item, "state": {"S": json.dumps(kept)}})

    assert world.store.load()[0] == replace(FULL, used={})


@pytest.mark.parametrize("version", [0, 2])
def test_who_read_another_version_keeps_nothing(world: World, version: int) -> None:
    """Of two that read the same, the second stores nothing."""
    world.store.save(FULL, UNSENT, 0)

    assert world.store.save(Memory(), [], version) is None
    assert world.store.load()[0] == FULL


def test_a_write_whose_answer_was_lost_is_known_again(tables: Unsteady) -> None:
    """The SDK repeats such a write and finds its own in the way: that is no other's."""
    world = dynamo(tables)
    real = tables.client.put_item

    def twice(**parameters: object) -> object:
        real(**parameters)
        return real(**parameters)

    tables.client.put_item = twice

    assert world.store.save(FULL, UNSENT, 0) == 1
    assert world.store.load()[2] == 1


def test_a_store_that_is_throttled_or_away_says_so(tables: Unsteady) -> None:
    """Counting, reading and keeping end in the error that callers know; what was noted is gone."""
    world = dynamo(tables)
    world.tally.note("a", "arrived")
    tables.before["update_item"].append(refusal("ThrottlingException", "UpdateItem"))
    with pytest.raises(TransientError):
        world.tally.flush()
    tables.before["put_item"].append(ConnectTimeoutError(endpoint_url="http://127.0.0.1"))
    with pytest.raises(TransientError):
        world.store.save(FULL, UNSENT, 0)
    tables.before["get_item"].append(refusal("InternalServerError", "GetItem", status=500))
    with pytest.raises(TransientError):
        world.store.load()

    world.tally.flush()
    assert world.tally.between(START, START + MINUTE) == []


def test_counts_expire_and_hold_numbers_alone(tables: Unsteady) -> None:
    """Each count is kept for the four weeks that are compared, and some days."""
    world = dynamo(tables)
    world.tally.note("a", "failed", "salesforce_STRING_TOO_LONG")
    world.tally.flush()

    (item,) = scan(tables.client, "ExecutionsTable")

    assert set(item) == {"pk", "sk", "ttl", "v", "n#failed#salesforce_STRING_TOO_LONG"}
    assert 28 < (int(item["ttl"]["N"]) - START.timestamp()) / 86_400 < 35


def test_what_a_newer_version_remembers_is_left_alone(tables: Unsteady) -> None:
    """It is neither read as ours nor replaced."""
    world = dynamo(tables)
    world.store.save(FULL, UNSENT, 0)
    tables.client.update_item(
        TableName="StateTable",
        Key={"pk": {"S": "alerts"}, "sk": {"S": "state"}},
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"N": "2"}},
    )

    with pytest.raises(UnknownVersionError):
        world.store.load()
