"""An array of persons in one call: each is an event of its own, and only what is no JSON is refused as a whole."""

import base64
import json
from typing import Any

import pytest

from leadbridge.domain.messages import read_all
from leadbridge.domain.webhook import BODY_LIMIT_BYTES
from tests.builders.events import a_payload
from tests.fakes.door import ACTION, Door


@pytest.fixture
def door() -> Door:
    """A receiver with one active Action."""
    return Door()


def arrivals(door: Door) -> list[Any]:
    """What was made durable, as `store_events` reads it."""
    return [each for body in door.queue.sent for each in read_all(body)]


def test_each_person_of_an_array_is_a_call_of_its_own(door: Door) -> None:
    """Five hundred persons are answered in order with an id each, which is on the queue with its person; the ids and
    the sequences sort in the order of the array, and no message is larger than the queue takes."""
    people = [a_payload(number) | {"event_id": f"event {number}"} for number in range(1, 501)]

    status, answer = door.call(json.dumps(people))

    found = arrivals(door)
    assert (status, answer["status"], len(answer["calls"])) == (200, "accepted", 500)
    assert [each["execution_id"] for each in answer["calls"]] == [each.execution_id for each in found]
    assert [each.payload for each in found] == people
    assert [each.sequence for each in found] == sorted(each.sequence for each in found)
    assert {(each.kind, each.action_id) for each in found} == {("event", ACTION)}
    assert len(door.queue.sent) == 20


def test_a_person_who_cannot_be_used_is_rejected_alone(door: Door) -> None:
    """Of three persons the second has no lead id: it is kept as rejected with its own text, the others run."""
    status, answer = door.call(json.dumps([a_payload(1), {"lead": {"email": "x@example.com"}}, a_payload(3)]))

    found = arrivals(door)
    assert (status, [each["status"] for each in answer["calls"]]) == (200, ["accepted", "rejected", "accepted"])
    assert answer["calls"][1]["reason"] == "lead_id_invalid"
    assert [each.kind for each in found] == ["event", "rejected", "event"]
    assert json.loads(base64.b64decode(found[1].body)) == {"lead": {"email": "x@example.com"}}


def test_a_person_may_be_as_large_as_alone_and_no_larger(door: Door) -> None:
    """A person beyond the limit of one call is rejected alone, and nothing of it is kept; one just below it is not,
    whatever the alphabet: bytes are those of UTF-8, as of a body."""
    large, wide = a_payload(2, lastName="x" * BODY_LIMIT_BYTES), a_payload(3, lastName="ü" * (BODY_LIMIT_BYTES // 2))
    wide["lead"]["lastName"] = wide["lead"]["lastName"][: -len(json.dumps(a_payload(3)))]

    answer = door.call(json.dumps([a_payload(1), large, wide], ensure_ascii=False))[1]

    assert [each["status"] for each in answer["calls"]] == ["accepted", "rejected", "accepted"]
    assert (answer["calls"][1]["reason"], arrivals(door)[1].body) == ("body_too_large", None)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        pytest.param("[{", 400, "body_not_json", id="no JSON"),
        pytest.param(json.dumps([{"lead": {"id": 1}}] * 501), 400, "body_too_many", id="501 persons"),
        pytest.param(f"[{json.dumps('x' * 2_000_000)}]", 413, "body_too_large", id="two megabytes"),
    ],
)
def test_what_is_no_array_of_persons_is_refused_as_a_whole(door: Door, body: str, status: int, reason: str) -> None:
    """It is answered as one call that is rejected, and kept as such."""
    answered, answer = door.call(body)

    (arrival,) = arrivals(door)
    assert (answered, answer["status"], answer["reason"]) == (status, "rejected", reason)
    assert (arrival.kind, arrival.execution_id) == ("rejected", answer["execution_id"])


def test_the_lead_id_may_be_left_out_only_where_the_action_takes_other_values(door: Door) -> None:
    """A person with an address alone is accepted by a connector action, blank or absent id alike, and by no other."""
    people = [{"lead": {"email": "a@example.com"}}, {"lead": {"id": " ", "email": "b@example.com"}}]
    refused = door.call(json.dumps(people))[1]
    door.table.items["to-list"] = door.table.items[ACTION] | {"lead_optional": {"BOOL": True}}

    taken = door.call(json.dumps(people), action="to-list")[1]
    alone = door.call(json.dumps(people[0]), action="to-list")[1]

    assert [each["status"] for each in refused["calls"]] == ["rejected"] * 2
    assert [each["status"] for each in taken["calls"]] == ["accepted"] * 2
    assert alone["status"] == "accepted"
    assert [each.payload["lead"] for each in arrivals(door)[2:]] == [{"email": f"{x}@example.com"} for x in "aba"]


def test_persons_of_an_action_that_is_not_active_are_kept_without_a_run(door: Door) -> None:
    """Each of them is answered so, and is on the queue as not run."""
    door.table.items[ACTION]["active"] = {"BOOL": False}

    answer = door.call(json.dumps([a_payload(1), a_payload(2)]))[1]

    assert [each["status"] for each in answer["calls"]] == ["not_active"] * 2
    assert [each.kind for each in arrivals(door)] == ["not_run"] * 2
