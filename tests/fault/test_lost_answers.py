"""Answers that get lost after the vendor has committed the write."""

import pytest

from tests.fault.rig import ACTIVITY, CREATE, QUERY, UPDATE, WRITE_BACK, Person, Rig


def _existing(rig: Rig) -> Person:
    person = rig.person(title="Director")
    rig.salesforce.load("Lead", [{"Email": person.email, "LastName": "Old", "Company": "Old Ltd"}])
    return person


@pytest.mark.fault("FS16")
@pytest.mark.parametrize("seconds", [0, 1], ids=["visible-at-once", "visible-late"])
def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(rig: Rig, seconds: int) -> None:
    """I2: the record is looked for, also if it shows up only later, and the one create call stays the only one."""
    person = rig.person()
    rig.salesforce.fault(CREATE, "drop_answer", seconds=seconds, times=1)
    mark = rig.salesforce.mark()
    ids = rig.send(person)
    (item,) = rig.whole(person, *ids)
    assert item["outcome"] == "created"
    assert len(rig.salesforce.calls_since(mark, CREATE)) == 1
    assert len(rig.salesforce.calls_since(mark, QUERY)) >= 2


def test_a_create_that_never_arrived_is_repeated_once_it_is_certain(rig: Rig) -> None:
    """I1, I2: where the lost call left no record after the time to settle, a second create makes the only one."""
    person = rig.person()
    rig.salesforce.fault(CREATE, "close", times=1)
    mark = rig.salesforce.mark()
    (item,) = rig.whole(person, *rig.send(person))
    assert item["outcome"] == "created"
    assert len(rig.salesforce.calls_since(mark, CREATE)) == 2


def test_an_update_whose_answer_was_lost_ends_updated_on_the_same_record(rig: Rig) -> None:
    """I2: the record that was updated is updated again by its Id; no second Lead, one outcome."""
    person = _existing(rig)
    rig.salesforce.fault(UPDATE, "drop_answer", times=1)
    (item,) = rig.whole(person, *rig.send(person))
    assert item["outcome"] == "updated"
    assert rig.lead(person.email)["Title"] == "Director"


def test_a_write_back_whose_answer_was_lost_is_written_and_the_record_is_not_touched_again(rig: Rig) -> None:
    """I1, I2: the person carries the Id in the end, and Salesforce saw one create and no update."""
    person = rig.person()
    rig.marketo.fault(WRITE_BACK, "drop_answer", times=1)
    mark = rig.salesforce.mark()
    (item,) = rig.whole(person, *rig.send(person))
    assert item["outcome"] == "created"
    assert len(rig.salesforce.calls_since(mark, CREATE)) == 1
    assert not rig.salesforce.calls_since(mark, UPDATE)


def test_a_custom_activity_whose_answer_was_lost_is_looked_for_and_not_sent_again(rig: Rig) -> None:
    """I2: the activity carries the execution id, is found by it, and stays the only one."""
    person = rig.person()
    rig.marketo.fault(ACTIVITY, "drop_answer", times=1)
    mark = rig.marketo.mark()
    (item,) = rig.whole(person, *rig.send(person))
    assert item["outcome"] == "created"
    assert len(rig.marketo.calls_since(mark, ACTIVITY)) == 1


def test_a_write_that_times_out_at_marketo_after_its_commit_is_not_doubled(rig: Rig) -> None:
    """I2: after code 604 on an activity that was added, it is looked for before anything is repeated."""
    person = rig.person()
    rig.marketo.fault(ACTIVITY, "vendor_error", code="604", after_commit=True, times=1)
    mark = rig.marketo.mark()
    rig.whole(person, *rig.send(person))
    assert len(rig.marketo.calls_since(mark, ACTIVITY)) == 1


def test_a_batch_whose_answer_was_lost_is_told_apart_row_by_row(rig: Rig) -> None:
    """I1, I2: of a create call with many records, all committed and none answered, every record is found."""
    persons = rig.persons(12)
    rig.salesforce.fault(CREATE, "drop_answer", times=1)
    mark = rig.salesforce.mark()
    ids = rig.at_once(*persons)
    for person, execution_id in zip(persons, ids, strict=True):
        rig.whole(person, execution_id)
    assert len(rig.salesforce.calls_since(mark, CREATE)) == 1
