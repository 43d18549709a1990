"""DynamoDB that says "later" to the functions of the deployed stack, after their calls were acknowledged."""

import json
from collections import Counter

import pytest

from tests.fault.rig import CREATE, Rig, wait_for
from tests.fault.wire import Answer, Refusal

TABLES = "DynamoDB_20120810.*"
LATER = Answer(
    status=400,
    reason="Bad Request",
    headers=(("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-RequestId", "throttled")),
    body=json.dumps(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "message": "The level of configured provisioned throughput for the table was exceeded.",
        }
    ).encode(),
)
#: refusals that the functions hear before it is over; the SDK asks four times before it says so
OUTAGE_REFUSALS = 20


def throttle(rig: Rig, share: float) -> Refusal:
    """Have a share of the requests of all functions refused until the rig is calm again."""
    return rig.wires.aws.refuse(TABLES, LATER, share=share, seed=33)


@pytest.mark.fault("FA01")
def test_a_third_of_all_requests_throttled_loses_and_doubles_nothing(rig: Rig) -> None:
    """I1, I2: every call is accepted and ends once, created, while a third of what the functions ask is refused."""
    persons = rig.persons(6)
    refusal = throttle(rig, 1 / 3)
    ids = rig.send(*persons)
    for person, execution_id in zip(persons, ids, strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"
    assert refusal.refused > 20
    assert refusal.passed > refusal.refused


@pytest.mark.fault("FA01")
def test_tables_that_refuse_everything_for_a_while_lose_and_double_nothing(rig: Rig) -> None:
    """I1, I2: calls made meanwhile are accepted, a worker in mid-batch repeats no write, and all end once."""
    rig.ended(rig.send(rig.person()))  # so that every function knows what it may go by meanwhile
    running, arriving = rig.persons(3), rig.persons(3)
    mark, dead = rig.salesforce.mark(), rig.queued("EventsDeadLetterQueueUrl")
    held = rig.wires.salesforce.hold(CREATE, after=True)
    ids = rig.at_once(*running)
    wait_for("a worker whose create was answered", lambda: held.arrived, every=0.02)
    refusal = throttle(rig, 1.0)
    held.let_go()
    later = rig.send(*arriving)
    wait_for("functions that were refused", lambda: refusal.refused >= OUTAGE_REFUSALS)
    assert refusal.passed == 0
    assert not [each for each in later if rig.execution(each)]
    rig.wires.aws.calm()
    for person, execution_id in zip([*running, *arriving], [*ids, *later], strict=True):
        (item,) = rig.whole(person, execution_id)
        assert item["outcome"] == "created"
    assert rig.queued("EventsDeadLetterQueueUrl") == dead
    repeated = Counter(key for call in rig.salesforce.calls_since(mark, CREATE) for key in call["record_keys"])
    assert set(repeated.values()) == {1}
