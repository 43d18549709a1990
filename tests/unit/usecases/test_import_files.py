"""Imports by file on in-memory ports: what waits, what goes, and what each call ends with."""

from datetime import timedelta

import pytest

from leadbridge.domain.flow_step import parse_chunk
from leadbridge.domain.flow_step_queue import messages_of
from leadbridge.domain.outcome import State
from leadbridge.errors import AuthenticationError, PermanentError, TransientError
from tests.builders.connectors import LIST, LIST_ID, a_connector
from tests.builders.flow_steps import HOSTS, a_person, an_invocation, body_of
from tests.builders.imports import Imports, an_import


def called(world: Imports, *names: str) -> list[str]:
    """A call for each name, about the person of that address; their execution ids."""
    return [world.call(email=f"{name}@example.com", firstName=name.title()) for name in names]


def test_a_batch_goes_as_one_file_and_each_call_gets_the_end_of_its_row() -> None:
    """Three people make one file of three rows; one row is refused, one is warned of, and each call says which."""
    world = Imports(an_import(batch={"count": 3, "seconds": 60}))
    good, bad, odd = called(world, "ada", "bad", "odd")
    world.run_out()

    assert world.files == [["ada@example.com,Ada", "bad@example.com,Bad", "odd@example.com,Odd"]]
    assert world.ended(good) == ("updated", "imported")
    assert world.ended(bad) == ("failed", "import_refused")
    assert world.ended(odd) == ("updated", "import_warned")
    assert world.execution(good)["decision"]["write"] | {"file": ""} == {
        "operation": "import_leads",
        "attempt": 1,
        "file": "",
        "row": 1,
    }


def test_nothing_is_left_of_a_file_whose_calls_have_ended() -> None:
    """The file, its parts and its results are removed with the last of its calls."""
    world = Imports()
    called(world, "ada", "bad")
    world.run_out()

    assert world.objects.contents == {}


def test_a_call_waits_beside_the_lane_until_the_import_is_complete() -> None:
    """While Marketo works no call of the file has an outcome, and others' calls are run."""
    world = Imports(an_import(), a_connector("add"))
    world.marketo.lists[LIST] = (LIST_ID, set())
    world.marketo.load(7)
    executions = called(world, "ada", "bob")
    world.minute()
    other = world.call("add", id=7)
    world.drain()

    assert [world.execution(each)["state"] for each in executions] == ["writing", "writing"]
    assert {world.execution(each)["reason"] for each in executions} == {"importing"}
    assert world.ended(other) == ("updated", "")
    assert len(world.inbox.due(world.lane, world.clock.now() + timedelta(days=1), 10)) == 1
    world.run_out()
    assert [world.ended(each) for each in executions] == [("updated", "imported")] * 2


def test_the_later_record_of_a_person_goes_in_the_next_file() -> None:
    """Two calls of one person in one flush make two files, one after the other, in their order."""
    world = Imports(an_import(batch={"count": 2, "seconds": 60}))
    first = world.call(email="ada@example.com", firstName="Ada")
    second = world.call(email="Ada@example.com", firstName="Augusta")
    other = world.call(email="bob@example.com", firstName="Bob")
    world.minute()
    assert world.execution(second)["reason"] == "importing"
    world.run_out()

    assert world.files == [["ada@example.com,Ada", "bob@example.com,Bob"], ["Ada@example.com,Augusta"]]
    assert [world.ended(each)[0] for each in (first, second, other)] == ["updated"] * 3
    assert world.inbox.ends == {first: 1, second: 1, other: 1}


def test_a_call_of_another_action_about_a_person_in_a_file_waits_for_its_end() -> None:
    """What came later for the same person is done after the import, not before it."""
    world = Imports(an_import(), an_import("other", batch={"count": 1, "seconds": 60}))
    called(world, "ada", "bob")
    world.drain()
    later = world.call("other", email="ada@example.com", firstName="Augusta")
    world.minute()
    assert len(world.files) == 1
    world.run_out()

    assert world.files[1] == ["ada@example.com,Augusta"]
    assert world.ended(later)[0] == "updated"


@pytest.mark.parametrize("word", ["Failed", "Canceled"])
def test_rows_of_a_job_that_failed_are_uncertain_and_not_sent_again(word: str) -> None:
    """Marketo gave the job up half-way: who is not named by its files may be written or not, and is not repeated."""
    world = Imports()
    world.bulk.faults.ends = [word]
    executions = called(world, "ada", "bob")
    world.run_out()

    assert [world.ended(each) for each in executions] == [("failed", "request_uncertain")] * 2
    assert len(world.files) == 1


def test_a_job_that_marketo_forgot_leaves_its_rows_uncertain() -> None:
    """A job that is unknown to Marketo when it is asked for is no success, and is not made again."""
    world = Imports()
    world.bulk.faults.gone = 1
    executions = called(world, "ada", "bob")
    world.run_out()

    assert [world.ended(each) for each in executions] == [("failed", "request_uncertain")] * 2
    assert len(world.files) == 1


def test_a_file_that_marketo_refuses_parks_its_calls_and_a_redrive_sends_them() -> None:
    """Nothing of it was written: its calls wait for a person with Marketo's code, and go as a new file after that."""
    world = Imports()
    world.bulk.faults.add("create", PermanentError("unknown field", vendor="marketo", code="1006"))
    executions = called(world, "ada", "bob")
    world.run_out()

    assert [(world.execution(each)["state"], world.execution(each)["reason"]) for each in executions] == [
        ("parked", "marketo_1006")
    ] * 2
    for each in executions:
        assert world.redrive(each).done
    world.run_out()
    assert [world.ended(each) for each in executions] == [("updated", "imported")] * 2


def test_a_queue_that_was_full_for_a_day_is_tried_again() -> None:
    """The run gives up after a day; its calls, of which nothing was sent, go in another file."""
    world = Imports()
    full = TransientError("Import queue full", vendor="marketo", code="1016")
    for _ in range(500):
        world.bulk.faults.add("create", full)
    executions = called(world, "ada", "bob")
    while world.bulk.faults.errors["create"]:
        world.minute()
        if len(world.machine.orders) > 1:
            world.bulk.faults.errors["create"].clear()
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "imported")] * 2
    assert len(world.machine.orders) == 2


def test_what_marketo_does_not_take_for_two_weeks_is_parked() -> None:
    """A queue that stays full uses up the patience that every call has."""
    world = Imports()
    full = TransientError("Import queue full", vendor="marketo", code="1016")
    for _ in range(8000):
        world.bulk.faults.add("create", full)
    execution, _ = called(world, "ada", "bob")
    for _ in range(15 * 24 * 6):
        world.drain()
        world.work()
        world.clock.advance(600)
        if world.execution(execution)["state"] == State.PARKED.value:
            break

    assert world.execution(execution)["reason"] == "marketo_queue_full"
    assert not world.inbox.waiting


def test_a_machine_that_stopped_is_started_again_for_the_same_run() -> None:
    """A refused login ends the execution, and the run stays; the next execution goes on with the job that was made."""
    world = Imports()
    world.bulk.faults.add("look", AuthenticationError("refused", vendor="marketo"))
    executions = called(world, "ada", "bob")
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "imported")] * 2
    assert len(world.machine.orders) == 2
    assert len({run for run, _ in world.machine.orders}) == 1
    assert len(world.bulk.made) == 1


def test_a_machine_that_keeps_stopping_is_started_more_and_more_rarely() -> None:
    """After the second stop it is shown as parked, and the next execution begins minutes later."""
    world = Imports()
    for _ in range(3):
        world.bulk.faults.add("look", AuthenticationError("refused", vendor="marketo"))
    executions = called(world, "ada", "bob")
    shown: set[str] = set()
    for _ in range(60):
        world.minute()
        shown.add(str(world.execution(executions[0])["state"]))
        if not world.inbox.waiting:
            break

    assert [world.ended(each) for each in executions] == [("updated", "imported")] * 2
    assert "parked" in shown
    assert len(world.machine.orders) == 4


def test_the_list_the_partition_and_the_lookup_field_are_in_the_order() -> None:
    """What the Action says of the import stands in the machine's input, the list by its id; no value of a person."""
    world = Imports(an_import(list=LIST, partition="Europe", lookup_field="email"))
    world.marketo.lists[LIST] = (LIST_ID, set())
    called(world, "ada", "bob")
    world.drain()

    (order,) = world.machine.orders.values()
    assert order["request"] == {
        "lookup_field": "email",
        "key": ["email"],
        "clear": "null",
        "list_id": LIST_ID,
        "partition": "Europe",
    }
    assert "ada" not in str(order)


def test_calls_for_a_list_that_is_gone_are_parked() -> None:
    """No file is made; the calls wait for a person."""
    world = Imports(an_import(list="Gone"))
    execution, _ = called(world, "ada", "bob")
    world.drain()

    assert (world.execution(execution)["state"], world.execution(execution)["reason"]) == ("parked", "list_missing")
    assert world.objects.contents == {}


def test_a_vendors_reason_is_masked() -> None:
    """Marketo repeats the row in its reason; the call's text has none of its values."""
    world = Imports()
    world.bulk.reason = "The value bad@example.com of Lovelace is no good"
    execution = world.call(email="bad@example.com", lastName="Lovelace")
    world.call(email="bob@example.com", lastName="B")
    world.run_out()

    text = world.execution(execution)["message"]
    assert "no good" in text
    assert "bad@example.com" not in text
    assert "Lovelace" not in text


def test_the_word_null_is_no_value_of_a_file() -> None:
    """Marketo empties a field at that word: the call fails and names the field, and the others go."""
    world = Imports()
    refused = world.call(email="ada@example.com", lastName="Null")
    world.drain()

    assert world.ended(refused) == ("failed", "value_invalid")
    assert "lastName" in world.execution(refused)["message"]
    assert called(world, "bob")


def test_a_failed_row_does_not_suppress_the_next_call() -> None:
    """The dedupe claim of a call whose row was refused is given back."""
    world = Imports(an_import(batch={"count": 1, "seconds": 60}, deduplicate={"columns": ["email"]}))
    failed = world.call(email="bad@example.com", firstName="B")
    world.run_out()
    again = world.call(email="bad@example.com", firstName="B")
    world.run_out()

    assert [world.ended(each)[0] for each in (failed, again)] == ["failed", "failed"]


def test_people_of_a_flow_step_are_told_when_their_file_is_imported() -> None:
    """Nothing is called back while the file is on its way; then one callback tells of everybody."""
    world = Imports()
    rows = [a_person(each, action="connector") for each in (1, 2)]
    invocation = parse_chunk(body_of(an_invocation(objectData=rows)), hosts=HOSTS)
    world.receive_chunk(*messages_of(invocation, received_at=world.clock.now(), header_names=[], obstacles={}))
    world.minute()
    world.call_back()
    assert not world.door.taken

    world.run_out()
    world.call_back()
    (body,) = world.door.taken.values()
    told = {row["leadData"]["id"]: row["activityData"] for row in body["objectData"]}
    assert {lead: (row["success"], row["outcome"]) for lead, row in told.items()} == {
        1: (True, "updated"),
        2: (True, "updated"),
    }


def test_a_value_that_is_no_id_fails_its_own_call() -> None:
    """By the lookup field id: a call with a word in its place is stored, fails and names the field; others go."""
    mappings = [{"column": "member", "to": "id"}, {"column": "firstName", "to": "firstName"}]
    world = Imports(an_import(lookup_field="id", mappings=mappings))
    wrong = world.call(member="abc", firstName="Ada")
    right = world.call(member="7", firstName="Bob")
    world.run_out()

    assert world.ended(wrong) == ("failed", "value_invalid")
    assert world.ended(right) == ("updated", "imported")
    assert world.files == [["7,Bob"]]
