"""Records that a cycle looks at next: the double and the adapter say the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadbridge.aws.due_records import DynamoDueRecords
from leadbridge.cycle_ports import DueRecord, DueRecords
from leadbridge.domain.three_way import Side
from leadbridge.errors import UnknownVersionError
from tests.contract.ports.worlds import DynamoWorld, World
from tests.fakes.clock import NOON
from tests.fakes.systems import InMemoryDue

MINUTE = timedelta(minutes=1)
LEAD = DueRecord(side=Side.SALESFORCE, object="Lead", id="00Q1", noted_at=NOON, reason="failed", tries=2)
PERSON = DueRecord(side=Side.MARKETO, object="leads", id="7", noted_at=NOON - MINUTE, not_before=NOON + MINUTE)


@pytest.fixture
def due(world: World) -> DueRecords:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoDueRecords(world.dynamodb, table="StateTable", cycle="main")
    return InMemoryDue()


def test_records_are_listed_by_when_they_are_due(due: DueRecords) -> None:
    """One that waits comes when its pause is over; as many as are wanted."""
    assert list(due.listed(5)) == []
    due.add([PERSON, LEAD])

    assert list(due.listed(5)) == [LEAD, PERSON]
    assert list(due.listed(1)) == [LEAD]


def test_a_later_note_takes_the_place_of_an_earlier_one(due: DueRecords) -> None:
    """And is not forgotten with it."""
    due.add([LEAD, PERSON])
    again = replace(LEAD, noted_at=NOON + MINUTE, tries=3)
    due.add([again])
    assert list(due.listed(5)) == [again, PERSON] or list(due.listed(5)) == [PERSON, again]

    due.done([LEAD, PERSON])
    assert list(due.listed(5)) == [again]
    due.done([again])
    assert list(due.listed(5)) == []
    due.done([])


def test_cycles_have_records_of_their_own_and_no_newer_version_is_read(dynamo_world: DynamoWorld) -> None:
    """A note of a later format is refused, not misunderstood."""
    table = dynamo_world.dynamodb
    due = DynamoDueRecords(table, table="StateTable", cycle="main")
    due.add([LEAD])
    assert list(DynamoDueRecords(table, table="StateTable", cycle="other").listed(1)) == []

    key = {"pk": {"S": "cycle#main#due"}, "sk": {"S": "salesforce#Lead#00Q1"}}
    table.update_item(
        TableName="StateTable", Key=key, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": {"N": "99"}}
    )
    with pytest.raises(UnknownVersionError):
        due.listed(1)
