"""Signal 9 at each step of a batch on the deployed stack: append, ripen, settle, claim, send and the end."""

import time
from collections.abc import Sequence
from datetime import datetime
from itertools import count

import pytest

from tests.fault.rig import WORKER, Record, Rig, wait_for
from tests.fault.test_killed_workers import ADD, TRANSACTION, Point, around, die

SYNC = "POST /rest/v1/leads.json"
LANE = "marketo-demo"
#: until when a lone call waits, and how much later it goes at the most: the schedule comes once a minute
AGE, LATEST = 20, 60
#: nobody is made twice who was made before, so that a batch that is sent twice would show in its outcomes
MADE = """\
format: 1
kind: action
id: people-made
name: People made in batches
destination: {connection: marketo-demo, operation: upsert_lead, strategy: createOnly, lookup_field: email}
mappings:
  - {column: email, to: email}
  - {column: firstName, to: firstName}
batch: {count: 3, seconds: 3600}
"""
LIST = 1_888
AGED = f"""\
format: 1
kind: action
id: people-aged
name: People who wait for their time
destination: {{connection: marketo-demo, operation: add_to_list, list: {LIST}}}
person: {{lead_id: id}}
batch: {{seconds: {AGE}}}
"""
ADDITION = f"POST /rest/v1/lists/{LIST}/leads.json"

RIPEN = Point(name="ripening", match=TRANSACTION, containing='"Key": {"pk": {"S": "buffer#', moment="before")
SETTLE = Point(name="settling", match=TRANSACTION, containing="REMOVE #a0", moment="before")
CLAIM = Point(name="claim", match=TRANSACTION, containing="crashes = :crashes", moment="before")
SEND = Point(name="sync", to="marketo", match=SYNC, moment="before")
END = Point(name="outcome", match=TRANSACTION, containing='"ended"', moment="before")
#: who dies where, one after the other; whoever has had a batch in hand three times is parked, therefore three stories
STORIES: dict[str, Sequence[tuple[str, Point]]] = {
    "on-the-way": [
        *(("store_events", point) for point in around(ADD)),
        *((WORKER, point) for point in (*around(RIPEN), *around(SETTLE), *around(CLAIM))),
    ],
    "at-the-vendor": [(WORKER, point) for point in around(SEND)],
    "at-the-end": [(WORKER, point) for point in around(END)],
}
_numbers = count(1)


def people(number: int) -> list[Record]:
    """Bodies about people whom nobody knows."""
    return [{"lead": {"email": f"batch.{next(_numbers)}@example.com", "firstName": "Bee"}} for _ in range(number)]


def waiting(rig: Rig) -> int:
    """How many calls stand in the lane and beside it."""
    found = 0
    for place in ("lane", "buffer"):
        answer = rig.dynamodb.query(
            TableName=rig.stack.outputs["ExecutionsTableName"],
            KeyConditionExpression="pk = :place",
            ExpressionAttributeValues={":place": {"S": f"{place}#{LANE}"}},
            ConsistentRead=True,
        )
        found += answer["Count"]
    return found


def seconds_of(item: Record) -> float:
    """How long a call waited."""
    executed, received = (datetime.fromisoformat(item[name]) for name in ("executed_at", "received_at"))
    return (executed - received).total_seconds()


@pytest.mark.fault("FA05")
@pytest.mark.parametrize("story", STORIES)
def test_whoever_is_killed_with_a_batch_loses_nobody_and_sends_nobody_twice(rig: Rig, story: str) -> None:
    """Processes die one after the other, each step before it is taken and after it: three people are made once, by one
    call that Marketo executed, each call has one end, and nothing is left."""
    action = rig.apply(MADE) if "people-made" not in rig.keys else "people-made"
    rig.one_at_a_time()
    mark, bodies = rig.marketo.mark(), people(3)
    deaths = list(STORIES[story])
    function, point = deaths.pop(0)
    held = point.hold(rig)
    executions = [str(rig.post(body, action).json()["execution_id"]) for body in bodies]
    dead = []
    while True:
        dead += die(rig, point, held, function)
        if not deaths:
            break
        function, point = deaths.pop(0)
        held = point.hold(rig)
        rig.bury()
    rig.bury()

    items = rig.ended(executions)
    assert [(item["outcome"], item["reason"]) for item in items] == [("created", "")] * 3
    mails = [lead.get("email") for lead in rig.marketo.records("leads")]
    assert [mails.count(body["lead"]["email"]) for body in bodies] == [1] * 3
    assert len(rig.marketo.calls_since(mark, SYNC)) == 1
    assert waiting(rig) == 0
    assert len(set(dead)) >= len(STORIES[story])


@pytest.mark.cap("T31")
def test_a_lone_call_goes_within_a_minute_of_its_time(rig: Rig) -> None:
    """With the age set to seconds, a sweep before the time sends nothing, and the first one after it does."""
    rig.marketo.load("staticLists", [{"id": LIST, "name": "Aged"}])
    action = rig.apply(AGED)
    mark, person = rig.marketo.mark(), rig.person()
    (execution,) = rig.send(person, action=action)
    wait_for("the call beside the lane", lambda: waiting(rig) == 1)
    rig.sweep()
    assert "about 1 of 300 people" in rig.cli("show", execution)
    assert rig.marketo.calls_since(mark, ADDITION) == []

    rig.advance(AGE)
    begun = time.monotonic()
    (item,) = rig.ended([execution])

    assert item["outcome"] == "updated"
    assert seconds_of(item) <= AGE + LATEST
    assert time.monotonic() - begun < LATEST
    assert len(rig.marketo.calls_since(mark, ADDITION)) == 1
    assert {"listId": LIST, "leadId": person.lead_id}.items() <= rig.marketo.records("listMembers")[-1].items()
