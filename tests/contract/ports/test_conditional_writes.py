"""What all DynamoDB adapters share: groups of conditional writes, their limits and their repetitions."""

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from leadbridge.aws.items import TRANSACTION_LIMIT, TRIES, Operation, put, write_groups
from leadbridge.errors import TransientError
from tests.contract.ports.builders import START, an_event, arrival_of
from tests.contract.ports.worlds import DynamoWorld
from tests.integration.aws.local_aws import refusal

OPERATION = "transact_write_items"


def a_put(key: str) -> Operation:
    """A put that is refused if the item is there."""
    return put("KeysTable", {"pk": key, "owner": "me"}, "attribute_not_exists(pk)")


def conflict(*codes: str) -> Exception:
    """The refusal of a transaction, with a reason per operation."""
    return refusal("TransactionCanceledException", "TransactWriteItems", reasons=[{"Code": code} for code in codes])


def written(world: DynamoWorld) -> list[str]:
    """Keys of the items that are there."""
    return sorted(item["pk"] for item in world.items("KeysTable"))


def sizes(world: DynamoWorld) -> list[int]:
    """Operations of each transaction that was sent."""
    return [len(call["TransactItems"]) for call in world.unsteady.called(OPERATION)]


def test_many_groups_are_split_into_transactions_that_hold_whole_groups(dynamo_world: DynamoWorld) -> None:
    """70 groups of 3 become calls of at most 100 operations, none of which cuts a group; all items are there."""
    groups = [[a_put(f"{number:02d}-{part}") for part in "abc"] for number in range(70)]

    answers = write_groups(dynamo_world.dynamodb, groups)

    assert answers == [None] * 70
    assert sizes(dynamo_world) == [99, 99, 12]
    assert max(sizes(dynamo_world)) <= TRANSACTION_LIMIT
    assert len(written(dynamo_world)) == 210


def test_large_items_are_split_into_transactions_of_less_than_four_megabytes(dynamo_world: DynamoWorld) -> None:
    """Sixty items of 100,000 bytes, in whatever alphabet, go in calls that DynamoDB takes; and so do groups whose own
    texts are short, if what they change or take away is as large."""
    large = [[put("KeysTable", {"pk": f"{number:02d}", "text": "ü" * 50_000})] for number in range(60)]

    assert write_groups(dynamo_world.dynamodb, large) == [None] * 60
    assert len(written(dynamo_world)) == 60
    assert write_groups(dynamo_world.dynamodb, [[a_put(f"b{n}")] for n in range(60)], touched=[100_000] * 60) == (
        [None] * 60
    )

    assert sizes(dynamo_world) == [34, 26] * 2


def test_nothing_to_write_is_no_call(dynamo_world: DynamoWorld) -> None:
    """An empty list of groups asks DynamoDB nothing."""
    assert write_groups(dynamo_world.dynamodb, []) == []
    assert sizes(dynamo_world) == []


def test_a_refused_group_is_told_with_what_stood_in_its_way(dynamo_world: DynamoWorld) -> None:
    """Of three groups the refused one names the position and the item found; the other two are written whole."""
    client = dynamo_world.dynamodb
    write_groups(client, [[put("KeysTable", {"pk": "b2", "owner": "another"})]])

    answers = write_groups(client, [[a_put("a1"), a_put("a2")], [a_put("b1"), a_put("b2")], [a_put("c1")]])

    assert answers == [None, [(1, {"pk": "b2", "owner": "another"})], None]
    assert written(dynamo_world) == ["a1", "a2", "b2", "c1"]


@pytest.mark.fault("FA01")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(conflict("TransactionConflict", "None"), id="conflict"),
        pytest.param(conflict("None", "ThrottlingError"), id="throttled item"),
        pytest.param(conflict("ProvisionedThroughputExceeded", "None"), id="hot item"),
        pytest.param(refusal("ThrottlingException", "TransactWriteItems"), id="throttled"),
        pytest.param(refusal("ProvisionedThroughputExceededException", "TransactWriteItems"), id="throughput"),
        pytest.param(refusal("RequestLimitExceeded", "TransactWriteItems"), id="account limit"),
        pytest.param(refusal("TransactionInProgressException", "TransactWriteItems"), id="in progress"),
        pytest.param(refusal("InternalServerError", "TransactWriteItems", status=500), id="internal error"),
        pytest.param(refusal("ServiceUnavailable", "TransactWriteItems", status=503), id="unavailable"),
    ],
)
def test_a_passing_refusal_is_waited_out(dynamo_world: DynamoWorld, fault: Exception) -> None:
    """After two refusals of each kind the write succeeds; every wait is short and longer at the most than before."""
    waits: list[float] = []
    dynamo_world.unsteady.before[OPERATION] = [fault, fault]

    answers = write_groups(dynamo_world.dynamodb, [[a_put("a")], [a_put("b")]], sleep=waits.append)

    assert answers == [None, None]
    assert written(dynamo_world) == ["a", "b"]
    assert len(waits) == 2
    assert all(0 <= wait <= 0.05 * 2**number for number, wait in enumerate(waits))


@pytest.mark.fault("FA01")
def test_a_lasting_refusal_becomes_an_error_to_come_back_from(dynamo_world: DynamoWorld) -> None:
    """After the last try the caller hears that nothing moves; what an earlier transaction wrote stays."""
    waits: list[float] = []
    groups = [[a_put(f"{number:03d}")] for number in range(150)]
    throttled = refusal("ThrottlingException", "TransactWriteItems")

    def begin_throttling() -> None:
        dynamo_world.unsteady.before[OPERATION] = [throttled] * 99

    dynamo_world.unsteady.meanwhile[OPERATION] = [lambda: None, begin_throttling]

    with pytest.raises(TransientError, match="no progress") as caught:
        write_groups(dynamo_world.dynamodb, groups, sleep=waits.append)

    assert caught.value.vendor == "aws"
    assert len(sizes(dynamo_world)) == 1 + TRIES
    assert len(written(dynamo_world)) == 100


@pytest.mark.fault("FA01")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(EndpointConnectionError(endpoint_url="https://dynamodb.example.com"), id="unreachable"),
        pytest.param(ReadTimeoutError(endpoint_url="https://dynamodb.example.com"), id="no answer"),
    ],
)
def test_a_database_that_does_not_answer_is_an_error_to_come_back_from(
    dynamo_world: DynamoWorld, fault: Exception
) -> None:
    """The SDK has tried already, so the caller is told at once, and by our own error class."""
    dynamo_world.unsteady.before[OPERATION] = [fault]

    with pytest.raises(TransientError):
        write_groups(dynamo_world.dynamodb, [[a_put("a")]])

    assert len(sizes(dynamo_world)) == 1


def test_a_request_that_can_never_succeed_is_not_repeated(dynamo_world: DynamoWorld) -> None:
    """A missing permission is raised as it is, after one call."""
    dynamo_world.unsteady.before[OPERATION] = [refusal("AccessDeniedException", "TransactWriteItems")]

    with pytest.raises(Exception, match="AccessDeniedException"):
        write_groups(dynamo_world.dynamodb, [[a_put("a")]])

    assert len(sizes(dynamo_world)) == 1


@pytest.mark.fault("FA02")
def test_an_event_whose_first_store_lost_its_answer_is_there_once(dynamo_world: DynamoWorld) -> None:
    """The store is committed, its answer lost and the write repeated: the event waits once, unharmed."""
    event = an_event()
    dynamo_world.unsteady.after[OPERATION] = [refusal("InternalServerError", "TransactWriteItems", status=500)]

    dynamo_world.inbox.add(event, arrival_of(event))

    assert list(dynamo_world.inbox.due(event.lane, START, 200)) == [event]


@pytest.mark.fault("FA02")
def test_guards_whose_first_answer_was_lost_are_ours(dynamo_world: DynamoWorld) -> None:
    """The repeated write finds its own owner in the items and takes them for obtained, not for busy."""
    dynamo_world.unsteady.after[OPERATION] = [refusal("InternalServerError", "TransactWriteItems", status=500)]

    obtained = dynamo_world.keys.guard({"owner": ["a", "b"]}, START.replace(hour=10), START)

    assert set(obtained) == {"owner"}
