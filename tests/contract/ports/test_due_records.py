"""What is due in a cycle: the double and the adapter say the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from leadbridge.aws.due import DynamoDueRecords
from leadbridge.cycle_ports import DueRecord, DueRecords
from leadbridge.domain.three_way import Side
from tests.contract.ports.worlds import DynamoWorld, World
from tests.fakes.clock import NOON
from tests.fakes.cycle import InMemoryDueRecords
from tests.integration.aws.local_aws import scan

MINUTE = timedelta(minutes=1)
PERSON = DueRecord(side=Side.MARKETO, object="person", id="7", noted_at=NOON)
CONTACT = DueRecord(
    side=Side.SALESFORCE,
    object="Contact",
    id="0035g00000AAAAAAA5",
    reason="validation_rule",
    noted_at=NOON - MINUTE,
    not_before=NOON + MINUTE,
    tries=3,
)


def due_of(world: World, cycle: str) -> DueRecords:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoDueRecords(world.dynamodb, table="StateTable", cycle=cycle)
    return InMemoryDueRecords()


@pytest.fixture
def due(world: World) -> DueRecords:
    """What is due in one cycle."""
    return due_of(world, "main")


def test_what_is_noted_comes_back_whole_and_by_when_it_is_due(due: DueRecords) -> None:
    """A pause puts a record behind those that wait less; every member comes back."""
    early = replace(PERSON, id="8", noted_at=NOON - 2 * MINUTE)
    due.add([CONTACT, PERSON, early])
    assert due.listed(10) == [early, PERSON, CONTACT]
    assert due.listed(2) == [early, PERSON]
    assert due.listed(0) == []


def test_a_later_note_takes_the_place_of_an_earlier_one_and_never_the_other_way(due: DueRecords) -> None:
    """One record is due once; a failure that is noted late does not put off what was announced since."""
    announced = replace(CONTACT, noted_at=NOON, not_before=None, reason="", tries=0)
    due.add([CONTACT])
    due.add([announced])
    assert due.listed(10) == [announced]
    due.add([CONTACT])
    assert due.listed(10) == [announced]
    put_off = replace(announced, not_before=NOON + 5 * MINUTE, tries=1)
    due.add([put_off])
    assert due.listed(10) == [put_off]


def test_of_one_record_noted_twice_at_once_the_later_note_counts(due: DueRecords) -> None:
    """In whatever order they are given."""
    later = replace(PERSON, noted_at=NOON + MINUTE)
    due.add([later, PERSON])
    assert due.listed(10) == [later]


def test_what_is_done_is_forgotten_unless_it_was_noted_again(due: DueRecords) -> None:
    """A change that was announced while the record was written is looked at in the next run."""
    due.add([PERSON, CONTACT])
    seen = due.listed(10)
    again = replace(PERSON, noted_at=NOON + MINUTE)
    due.add([again])
    due.done(seen)
    assert due.listed(10) == [again]
    due.done([again, CONTACT])
    due.done([again])
    assert due.listed(10) == []


def test_the_same_object_and_id_on_both_sides_are_two_records(due: DueRecords) -> None:
    """A name or an id of one system says nothing of the other."""
    mine = replace(CONTACT, side=Side.MARKETO)
    account = replace(CONTACT, object="Account")
    due.add([CONTACT, mine, account])
    due.done([mine])
    assert {(each.side, each.object) for each in due.listed(10)} == {
        (Side.SALESFORCE, "Contact"),
        (Side.SALESFORCE, "Account"),
    }


def test_many_records_are_noted_listed_and_done(due: DueRecords) -> None:
    """More than one call takes or gives: 50 notes are written in one transaction."""
    many = [replace(PERSON, id=str(number), noted_at=NOON + number * MINUTE) for number in range(130)]
    due.add(reversed(many))
    assert due.listed(120) == many[:120]
    due.done(many[:115])
    assert due.listed(1000) == many[115:]


def test_cycles_have_their_own(world: World) -> None:
    """What is due in one cycle is not in another."""
    due_of(world, "main").add([PERSON])
    assert due_of(world, "other").listed(10) == []


def test_a_record_has_one_note_however_often_it_is_noted(dynamo_world: DynamoWorld) -> None:
    """Two items, and none once it is done."""
    due = due_of(dynamo_world, "main")
    notes = [replace(PERSON, noted_at=NOON + number * MINUTE) for number in range(3)]
    for each in [*notes, notes[-1]]:
        due.add([each])
    assert due.listed(10) == notes[-1:]
    assert len(scan(dynamo_world.dynamodb, "StateTable")) == 2
    due.done(notes)
    assert scan(dynamo_world.dynamodb, "StateTable") == []


def test_who_notes_a_record_beside_another_does_it_again(dynamo_world: DynamoWorld) -> None:
    """Another note that comes between the look and the write: the later one stands, whoever was first."""
    due = due_of(dynamo_world, "main")
    other = replace(PERSON, noted_at=NOON + MINUTE)
    dynamodb = dynamo_world.dynamodb

    class Beside:
        """The client; the first write finds that somebody was quicker."""

        def __init__(self) -> None:
            self.beaten = False

        def __getattr__(self, name: str) -> Any:
            return getattr(dynamodb, name)

        def transact_write_items(self, **request: Any) -> Any:
            if not self.beaten:
                self.beaten = True
                due.add([other])
            return dynamodb.transact_write_items(**request)

    for mine, stands in ((PERSON, other), (replace(PERSON, noted_at=NOON + 2 * MINUTE), None)):
        beside = DynamoDueRecords(cast("Any", Beside()), table="StateTable", cycle="main")
        beside.add([mine])
        assert due.listed(10) == [stands or mine]
        assert len(scan(dynamodb, "StateTable")) == 2
