"""Signal 9 for a function's process at every step, and what is left of it: nothing.

A wire between the functions and everything they call stops one request before it leaves, or its answer before it
comes back, so that each signal finds its process exactly there.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from devstack.stack import FUNCTIONS
from tests.fault.rig import (
    ACTIVITY,
    ACTIVITY_TYPE,
    CREATE,
    DESCRIBE,
    IDENTITY,
    LOGIN,
    LOOK_UP,
    QUERY,
    UPDATE,
    WORKER,
    WRITE_BACK,
    Person,
    Record,
    Rig,
    wait_for,
)
from tests.fault.wire import Held
from tests.sizes import chosen

#: an Action that makes every kind of vendor call: it claims, creates, updates, reads back, writes back and tells
WHOLE = """\
format: 1
kind: action
id: person-in-full
name: Person to Lead with everything
source: {connection: marketo-demo, table: leads}
destination: {connection: salesforce-demo, object: Lead}
identifier: {column: email, field: Email}
type: upsert
deduplicate: {columns: [email, title]}
conditions:
  match: all
  clauses:
    - {column: leadStatus, operator: not_equals, value: Disqualified}
mappings:
  - {column: email, to: Email}
  - {column: firstName, to: FirstName}
  - {column: lastName, to: LastName}
  - {column: company, to: Company}
  - {column: title, to: Title}
writeback:
  - {field: Id, to: salesforceId}
  - {field: Status, to: leadbridgeStatus}
results:
  activity: leadbridgeResult
  success: Success
  errored: Error
  execution_attribute: executionId
  mappings:
    - {execution: salesforce_id, to: salesforceId}
    - {execution: message, to: message}
"""
#: the function's whole time, when it is to hand over at once: it begins no batch with less than 150 s left
SHORT_RUN = 152
HAND_OVER = 150
LONG_RUN = 900
TRANSACTION = "DynamoDB_*.TransactWriteItems"
CHANGE = "DynamoDB_*.UpdateItem"
RING = "POST /2015-03-31/functions/*/invocations"
ENQUEUE = "AmazonSQS.SendMessage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A moment at which a process dies.

    With "before" its request never arrives, with "late" it is carried out after the death, with "after" it was
    carried out and the answer is on its way.
    """

    name: str
    match: str
    moment: Literal["before", "late", "after"]
    to: Literal["marketo", "salesforce", "aws"] = "aws"
    containing: str = ""
    #: only a fresh process makes this call
    cold: bool = False

    @property
    def label(self) -> str:
        """Moment and name."""
        return f"{self.moment}-{self.name}"

    def hold(self, rig: Rig) -> Held:
        """Stop the next request that fits, or its answer."""
        wire = {"marketo": rig.wires.marketo, "salesforce": rig.wires.salesforce, "aws": rig.wires.aws}[self.to]
        return wire.hold(self.match, containing=self.containing, after=self.moment == "after")


#: the worker's first act
LEASE = Point(
    name="lease", match=CHANGE, containing="if_not_exists(epoch, :zero) + :one, lease_until = :until", moment="before"
)
#: what `store_events` does with a call
ADD = Point(name="inbox", match=TRANSACTION, containing="attribute_not_exists(pk)", moment="before")
ANNOUNCE = Point(name="announcement", match=CHANGE, containing="if_not_exists(arrivals, :zero) + :one", moment="before")
#: asking Marketo for an activity that may have been sent by a dead worker
LOOKING = Point(name="look-up", to="marketo", match=LOOK_UP, moment="before")
WAKE = Point(name="ring", match=RING, moment="before")
QUEUE = Point(name="queue", match=ENQUEUE, moment="before")


def around(point: Point) -> list[Point]:
    """The same request, not sent and answered."""
    return [point, replace(point, moment="after")]


def through(point: Point) -> list[Point]:
    """The same write, not sent, answered, and carried out after the death."""
    return [*around(point), replace(point, moment="late")]


def vendor_points() -> list[Point]:
    """Every vendor call of a batch."""

    def point(name: str, to: Literal["marketo", "salesforce"], match: str, containing: str = "", **more: bool) -> Point:
        return Point(name=name, to=to, match=match, containing=containing, moment="before", **more)

    return [
        *around(point("salesforce-login", "salesforce", LOGIN, cold=True)),
        *around(point("describe", "salesforce", DESCRIBE, cold=True)),
        *around(point("marketo-login", "marketo", IDENTITY, cold=True)),
        *around(point("activity-type", "marketo", ACTIVITY_TYPE, cold=True)),
        *around(point("match", "salesforce", QUERY, "WHERE Email")),
        *through(point("create", "salesforce", CREATE)),
        *around(point("update", "salesforce", UPDATE)),
        *around(point("read-back", "salesforce", QUERY, "WHERE Id")),
        *around(point("write-back", "marketo", WRITE_BACK)),
        *through(point("activity", "marketo", ACTIVITY)),
    ]


def worker_points() -> list[Point]:
    """What a worker stores where no vendor call lies between it and the next point."""

    def stored(name: str, match: str, containing: str) -> Point:
        return Point(name=name, match=match, containing=containing, moment="after")

    return [
        replace(LEASE, moment="after"),
        stored("begun", TRANSACTION, "crashes = :crashes"),
        stored("guards", TRANSACTION, "expires_at < :now"),
        stored("outcome", TRANSACTION, '"ended"'),
        stored("idle", CHANGE, "arrivals = :arrivals"),
    ]


#: points beside which `make test` runs others of the same kind
LATER = (
    "before-salesforce-login",
    "after-describe",
    "before-marketo-login",
    "after-marketo-login",
    "before-activity-type",
    "after-activity-type",
    "before-match",
    "before-read-back",
    "late-activity",
)


def as_parameters(points: Sequence[Point], later: Sequence[str] = ()) -> list[Any]:
    """The points as parameters of a test."""
    found = chosen(points, [each.label for each in points], later)
    return [pytest.param(each, id=each.label) for each in found]


@dataclass(slots=True, kw_only=True)
class Batch:
    """Calls of every kind for four persons, in this order."""

    persons: dict[str, Person]
    #: how many records there were before
    before: Counter[str]
    executions: list[str] = field(default_factory=list)

    @classmethod
    def prepare(cls, rig: Rig) -> "Batch":
        """New persons, of whom Salesforce knows one."""
        persons = {
            "existing": rig.person(lastName="Fault", title="Director"),
            "new": rig.person(lastName="Fault", title="Engineer"),
            "unnamed": rig.person(lastName=""),
            "banned": rig.person(lastName="Fault", leadStatus="Disqualified"),
        }
        rig.salesforce.load("Lead", [{"Email": persons["existing"].email, "LastName": "Old", "Company": "Old Ltd"}])
        return cls(persons=persons, before=sizes(rig))

    @property
    def bodies(self) -> list[Record]:
        """The calls: each person once, then the first one again and the second one with a newer title."""
        again, newer = self.persons["existing"].body(), self.persons["new"].body(title="Chief Engineer")
        return [*(person.body() for person in self.persons.values()), again, newer]

    def send(self, rig: Rig, action: str, number: int | None = None) -> None:
        """Make the calls, or the first so many of them that have not been made."""
        for body in self.bodies[len(self.executions) :][:number]:
            self.executions.append(str(rig.post(body, action).json()["execution_id"]))

    def state(self, rig: Rig) -> Record:
        """What became of the calls, with nothing in it that differs from one batch to the next."""
        items = rig.ended(self.executions)
        assert not rig.inbox().keys() & set(self.executions)
        roles = {person.email: name for name, person in self.persons.items()}
        leads: dict[str, list[Record]] = {name: [] for name in self.persons}
        names = {}
        for lead in rig.salesforce.records("Lead"):
            if name := roles.get(lead["Email"]):
                leads[name].append(
                    {each: lead[each] for each in ("FirstName", "LastName", "Company", "Title", "Status")}
                )
                names[lead["Id"]] = name

        def role(salesforce_id: object) -> str:
            return names.get(str(salesforce_id), str(salesforce_id or ""))

        marketo = {lead["id"]: lead for lead in rig.marketo.records("leads")}
        told: dict[str, list[tuple[object, ...]]] = {execution: [] for execution in self.executions}
        for record in rig.marketo.records("activities"):
            attributes = {each["name"]: each["value"] for each in record.get("attributes", [])}
            if attributes.get("Execution Id") in told:
                told[attributes["Execution Id"]].append(
                    (record["primaryAttributeValue"], role(attributes.get("Salesforce Id")), attributes.get("Message"))
                )
        return {
            "executions": [
                (item["outcome"], item["reason"], role(item["salesforce_id"]), item["writeback"], item["activity"])
                if item["outcome"] != "duplicate"
                else (item["outcome"], item["reason"])
                for item in items
            ],
            "leads": leads,
            "persons": {
                name: (role(marketo[who.lead_id].get("salesforceId")), marketo[who.lead_id].get("leadbridgeStatus"))
                for name, who in self.persons.items()
            },
            "activities": [told[execution] for execution in self.executions],
            "made": sizes(rig) - self.before,
        }


def sizes(rig: Rig) -> Counter[str]:
    """How many records there are of each kind, whoever made them."""
    return Counter(
        leads=len(rig.salesforce.records("Lead")),
        persons=len(rig.marketo.records("leads")),
        activities=rig.told().total(),
    )


@pytest.fixture(scope="module")
def action(running: Rig) -> str:
    """The Action that makes every call."""
    return running.apply(WHOLE)


@pytest.fixture(scope="module")
def undisturbed(running: Rig, action: str) -> Record:
    """What becomes of a batch when nobody dies."""
    batch = Batch.prepare(running)
    wait_in_lane(running, batch, action)
    running.sweep()
    state = batch.state(running)
    # the table of the calls says so too
    outcomes = [execution[0] for execution in state["executions"]]
    assert outcomes == ["updated", "created", "failed", "skipped", "duplicate", "updated"]
    assert state["made"] == Counter(leads=1, activities=4)
    return state


def wait_in_lane(rig: Rig, batch: Batch, action: str) -> None:
    """Make the calls while nobody drains, so that the next worker finds all of them."""
    with rig.lane_closed():
        batch.send(rig, action)
        rig.stored(batch.executions)


def die(rig: Rig, point: Point, held: Held, function: str = WORKER) -> list[int]:
    """Wait until a process stands at the point, and end it there; gives the ids of the dead."""

    def stands() -> bool:
        return held.arrived

    while True:
        rig.swept_until(f"a process at {point.name}", stands, every=0.02)
        if rig.workers(function):
            break
        # on a busy machine this is what a process had sent that died just before with others; the next one comes by
        held.cut()
        held = point.hold(rig)
    dead = rig.kill(function=function)
    if point.moment == "late":
        held.let_go()
        held.answered()
    held.cut()
    return dead


@pytest.mark.fault("FA05")
@pytest.mark.cap("U03")
@pytest.mark.parametrize("point", as_parameters([*vendor_points(), *worker_points()], LATER))
def test_a_killed_worker_leaves_what_an_undisturbed_one_does(
    rig: Rig, action: str, undisturbed: Record, point: Point
) -> None:
    """I1, I2: wherever it died, the same records, activities, write-backs and outcomes in the end."""
    batch = Batch.prepare(rig)
    wait_in_lane(rig, batch, action)
    if point.cold and rig.workers():
        rig.kill()
    held = point.hold(rig)
    rig.ring()
    dead = die(rig, point, held)
    rig.bury()
    assert batch.state(rig) == undisturbed
    assert not set(dead) & set(rig.workers())


#: the first death, the second, and how many calls are parked then
TWICE: dict[str, tuple[str, Point | None, int]] = {
    # dead before it had anything in hand
    "at-its-lease": ("after-create", LEASE, 0),
    # of a person without a newer call, which would overtake the parked one
    "at-the-same-call": ("before-update", None, 1),
    "at-the-look-up": ("after-activity", LOOKING, 1),
    "after-the-look-up": ("after-activity", replace(LOOKING, moment="after"), 1),
}


@pytest.mark.parametrize(
    ("first", "second", "parked"),
    [pytest.param(*TWICE[name], id=name) for name in chosen(list(TWICE), list(TWICE), ["at-the-look-up"])],
)
def test_a_successor_killed_as_well_leaves_what_an_undisturbed_one_does(
    rig: Rig, action: str, undisturbed: Record, first: str, second: Point | None, parked: int
) -> None:
    """I1, I2: at most the call that two workers died with is parked, and redriven it ends as if nobody had died."""
    point = next(each for each in vendor_points() if each.label == first)
    rig.one_at_a_time()
    batch = Batch.prepare(rig)
    wait_in_lane(rig, batch, action)
    held = point.hold(rig)
    rig.ring()
    die(rig, point, held)
    second = second or point
    held = second.hold(rig)
    rig.bury()
    die(rig, second, held)
    rig.bury()
    if parked:
        rig.swept_until("a parked call", lambda: bool(parked_calls(rig, batch)))
        (victim,) = parked_calls(rig, batch)
        assert victim["reason"] == "worker_crashed"
        assert "1 of 1 run again" in rig.cli("redrive", victim["execution_id"])
    assert batch.state(rig) == undisturbed


@pytest.mark.fault("FA06")
def test_a_worker_killed_while_it_hands_over_leaves_what_an_undisturbed_one_does(
    rig: Rig, action: str, undisturbed: Record
) -> None:
    """I1: its time nearly up it let the lane go, and died ringing for the next: what had arrived meanwhile runs."""
    batch = Batch.prepare(rig)
    with rig.lane_closed():
        batch.send(rig, action, 4)
        rig.stored(batch.executions)
    with short_runs(rig):
        slow = rig.wires.salesforce.hold(QUERY)
        rig.ring()
        wait_for("a worker at work", lambda: slow.arrived, every=0.02)
        began = time.monotonic()
        batch.send(rig, action)
        rig.stored(batch.executions[4:])
        held = WAKE.hold(rig)
        wait_for("nearly the end of its time", lambda: time.monotonic() - began > SHORT_RUN - HAND_OVER)
        slow.let_go()
        die(rig, WAKE, held)
    rig.bury()
    assert batch.state(rig) == undisturbed


@pytest.mark.parametrize("point", as_parameters([*around(ADD), replace(ANNOUNCE, moment="after")]))
def test_a_killed_storing_function_leaves_what_an_undisturbed_one_does(
    rig: Rig, action: str, undisturbed: Record, point: Point
) -> None:
    """I1, I2: killed around the inbox and the announcement, each call stands there once and ends once."""
    batch = Batch.prepare(rig)
    with rig.lane_closed():
        held = point.hold(rig)
        batch.send(rig, action)
        die(rig, point, held, "store_events")
        rig.stored(batch.executions)
    rig.ring()
    assert batch.state(rig) == undisturbed


@pytest.mark.parametrize("function", ["store_events", "sweep"])
def test_a_function_killed_before_its_ring_leaves_what_an_undisturbed_one_does(
    rig: Rig, action: str, undisturbed: Record, function: str
) -> None:
    """I1: nobody heard it and the lane is drained nevertheless; what makes `store_events` ring is a redelivery."""
    batch = Batch.prepare(rig)
    wait_in_lane(rig, batch, action)
    message = json.dumps(rig.message(batch.persons["existing"], execution_id=batch.executions[0]))
    held = WAKE.hold(rig)
    with ThreadPoolExecutor(1) as pool:
        if function == "sweep":
            pool.submit(rig.stack.client("lambda").invoke, FunctionName=rig.stack.outputs[FUNCTIONS[function]])
        else:
            rig.enqueue(message)
        wait_for("a ring", lambda: held.arrived, every=0.02)
        die(rig, WAKE, held, function)
    rig.bury()
    assert batch.state(rig) == undisturbed


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_receiving_function_has_stored_the_call_or_not_and_says_that_it_failed(
    rig: Rig, action: str, undisturbed: Record, moment: Literal["before", "after"]
) -> None:
    """I1, I2: its caller gets a 5xx; a call that was queued by then ends once, one that was not can be made again."""
    batch = Batch.prepare(rig)
    point = replace(QUEUE, moment=moment)
    first = batch.persons["existing"]
    with rig.lane_closed():
        held = point.hold(rig)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(rig.post, first.body(), action)
            die(rig, point, held, "receive_action")
            assert answer.result().status_code >= 500
        if moment == "after":
            batch.executions += wait_for("the call in the inbox", lambda: rig.executions_of(first))
        else:
            assert rig.queued() == 0
            assert not rig.executions_of(first)
        batch.send(rig, action)
        rig.stored(batch.executions)
    rig.ring()
    assert batch.state(rig) == undisturbed


def parked_calls(rig: Rig, batch: Batch) -> list[Record]:
    """The executions of a batch that are parked."""
    items = [rig.execution(each) for each in batch.executions]
    return [item for item in items if item and item["state"] == "parked"]


@contextmanager
def short_runs(rig: Rig) -> Iterator[None]:
    """While open, a worker that begins has so little time that it hands over after its first batch."""
    functions, name = rig.stack.client("lambda"), rig.stack.outputs[FUNCTIONS[WORKER]]
    functions.update_function_configuration(FunctionName=name, Timeout=SHORT_RUN)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Timeout=LONG_RUN)
