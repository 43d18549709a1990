"""Connector actions that wait for each other, against the Marketo twin: when it is called, with whom, how long."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.narration import tree
from leadbridge.domain.outcome import State
from tests.builders.actions import MARKETO
from tests.builders.connectors import ToMarketo, a_connector, an_upsert, by_email
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

LIST, OTHER = 1001, 1002
ADD = f"POST /rest/v1/lists/{LIST}/leads.json"
REMOVE = f"DELETE /rest/v1/lists/{LIST}/leads.json"
OTHERS = f"POST /rest/v1/lists/{OTHER}/leads.json"
SYNC, FIND = "POST /rest/v1/leads.json", "GET /rest/v1/leads.json"
HALF_AN_HOUR = 1800


class Batches(ToMarketo, WiredWorld):
    """Batched connector actions on the twin; a worker runs whenever somebody rings."""

    def __init__(self, clients: Clients, *actions: Any, **members: Any) -> None:
        super().__init__(clients, *actions, **members)
        #: bytes of each body that was sent to Marketo, by endpoint
        self.sizes: list[tuple[str, int]] = []
        clients.http.event_hooks["request"].append(self._measure)

    def come(self, *leads: int, action: str = "connector", **more: Any) -> list[str]:
        """Calls about people, one after the other."""
        executions = []
        for lead_id in leads:
            self.clock.set(self.clock.now())
            executions.append(self.call(action, id=lead_id, email=f"person{lead_id}@example.com", **more))
            self.work()
        return executions

    def work(self) -> None:
        """A worker for each ring."""
        while self.bell.rung:
            self.bell.rung.clear()
            self.drain()

    def minute(self) -> None:
        """A sweep, and whoever it rings for."""
        self.sweep()()
        self.work()

    def members(self, list_id: int = LIST) -> set[int]:
        """Who is in a list."""
        return {each["leadId"] for each in self.marketo_twin.get("records/listMembers") if each["listId"] == list_id}

    def people(self, endpoint: str) -> list[list[int]]:
        """Who was sent, call by call."""
        return [[int(row.get("id") or row["email"][6:-12]) for row in rows] for rows in self.sent(endpoint)]

    def _measure(self, request: httpx.Request) -> None:
        self.sizes.append((f"{request.method} {request.url.path}", len(request.read())))


type Connect = Callable[..., Batches]


@pytest.fixture
def connect(clients: Clients, marketo: Twin, salesforce: Twin) -> Connect:
    """Makes a world on the twins, with persons 1 to 400 and two lists."""

    def made(*actions: ConnectorAction, members: bool = False) -> Batches:
        world = Batches(clients, marketo, salesforce, *actions)
        people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 401)]
        lists = [{"id": number, "name": f"List {number}"} for number in (LIST, OTHER)]
        marketo.post("load", {"leads": people, "staticLists": lists})
        if members:
            marketo.post("load", {"listMembers": [{"listId": LIST, "leadId": number} for number in range(1, 401)]})
        return world

    return made


def adding(**changes: Any) -> ConnectorAction:
    """An Action that adds people to the list in batches."""
    members: dict[str, Any] = {"list": LIST, "batch": {}} | changes
    return a_connector(**members)


def removing(**changes: Any) -> ConnectorAction:
    """An Action that removes people from the list in batches."""
    return adding(**{"operation": "remove_from_list"} | changes)


def writing(**changes: Any) -> ConnectorAction:
    """An Action that writes people in batches."""
    return an_upsert(**{"batch": {}} | changes)


type Make = Callable[..., ConnectorAction]


@pytest.mark.parametrize(
    ("make", "endpoint"),
    [
        pytest.param(adding, ADD, id="add", marks=pytest.mark.cap("T30")),
        pytest.param(removing, REMOVE, id="remove", marks=pytest.mark.cap("T38")),
        pytest.param(writing, SYNC, id="write", marks=pytest.mark.cap("T50")),
    ],
)
def test_the_300th_person_sends_one_call_of_300(connect: Connect, make: Make, endpoint: str) -> None:
    """299 persons and five who come again make no call; the 300th has all of them sent at once, the 301st waits."""
    world = connect(make(), members=True)

    world.come(*range(1, 300), *range(1, 6))
    assert world.calls(endpoint) == 0
    world.come(300)

    first = world.people(endpoint)[0]
    assert sorted(first) == list(range(1, 301))
    before = world.calls(endpoint)
    world.come(301)
    assert world.calls(endpoint) == before
    assert world.states() == {"ended": 305, "waiting": 1}
    # a list takes one line for who came twice; of a person who is written the later record goes in the next call
    assert world.people(endpoint)[1:] == ([[1, 2, 3, 4, 5]] if endpoint == SYNC else [])


@pytest.mark.parametrize(
    ("make", "endpoint"),
    [
        pytest.param(adding, ADD, id="add", marks=pytest.mark.cap("T31")),
        pytest.param(removing, REMOVE, id="remove", marks=pytest.mark.cap("T39")),
        pytest.param(writing, SYNC, id="write", marks=pytest.mark.cap("T51")),
    ],
)
def test_half_an_hour_after_the_oldest_all_are_sent(connect: Connect, make: Make, endpoint: str) -> None:
    """A millisecond before the oldest is 30 minutes old nothing is sent, then it is, with those that came since."""
    world = connect(make(), members=True)
    world.come(1)
    world.clock.advance(HALF_AN_HOUR - 1)
    world.come(2)

    world.clock.advance(0.999)
    world.minute()
    assert world.calls(endpoint) == 0
    world.clock.advance(0.001)
    world.minute()

    assert world.people(endpoint) == [[1, 2]]
    shown = [tree(item, moment=str, remedies=lambda _: ()) for item in world.inbox.logged.values()]
    why = "Waited for a batch, one of 2: the oldest had waited long enough"
    assert all(any(line.endswith(why) for line in lines) for lines in shown)


@pytest.mark.parametrize(
    ("make", "endpoint"),
    [
        pytest.param(adding, ADD, id="add", marks=pytest.mark.cap("T33")),
        pytest.param(removing, REMOVE, id="remove", marks=pytest.mark.cap("T41")),
        pytest.param(writing, SYNC, id="write", marks=pytest.mark.cap("T53")),
    ],
)
def test_a_new_version_sends_what_waits(connect: Connect, make: Make, endpoint: str) -> None:
    """Of two who wait nothing is sent until a new version of their Action is applied; then both go, in one call."""
    world = connect(make(), members=True)
    world.come(1, 2)
    world.minute()
    assert world.calls(endpoint) == 0

    world.configurations.put(make(description="once more"))
    world.minute()

    assert world.people(endpoint) == [[1, 2]]


@pytest.mark.parametrize(
    ("make", "endpoint"),
    [
        pytest.param(adding, ADD, id="add", marks=pytest.mark.cap("T32")),
        pytest.param(removing, REMOVE, id="remove", marks=pytest.mark.cap("T40")),
        pytest.param(writing, SYNC, id="write"),
    ],
)
def test_bytes_send_a_batch_before_it_is_too_large(connect: Connect, make: Make, endpoint: str) -> None:
    """With 500 bytes set the call that makes the body as large sends it; no body has more, as it stands on the wire."""
    world = connect(make(batch={"bytes": 500}), members=True)

    world.come(*range(1, 101))

    sizes = [size for known, size in world.sizes if known == endpoint]
    people = world.people(endpoint)
    assert len(sizes) >= 2
    assert max(sizes) <= 500
    assert [each for call in people for each in call] == list(range(1, sum(map(len, people)) + 1))
    # one more would have been too many
    rows = world.sent(endpoint)
    for size, following in zip(sizes, rows[1:], strict=False):
        assert size + len(json.dumps(following[0], separators=(",", ":"))) + 1 > 500


@pytest.mark.cap("T52")
def test_a_megabyte_of_people_is_a_batch(connect: Connect) -> None:
    """Where nothing is set a body of a million bytes is sent, and none has more: 110 people with long notes make it."""
    mappings = [{"column": name, "to": name} for name in ("email", "notes")]
    world = connect(writing(mappings=mappings))

    sent_at = 0
    for number in range(1, 131):
        world.come(number, notes="ü" * 4600)
        sent_at = sent_at or (number if world.calls(SYNC) else 0)

    (size,) = [size for known, size in world.sizes if known == SYNC]
    assert 1_000_000 - 9300 < size <= 1_000_000
    assert sent_at == len(world.people(SYNC)[0]) + 1
    assert world.states()["waiting"] == 130 - len(world.people(SYNC)[0])


@pytest.mark.cap("T54")
def test_batches_are_of_one_kind(connect: Connect) -> None:
    """Two lists, two strategies, two lookup fields and two partitions, mixed: each call has one of each, and nobody is
    missing."""
    by_key = [{"column": "id", "to": "externalKey"}, {"column": "firstName", "to": "firstName"}]
    actions = {
        "one": adding(action_id="one", batch={"count": 10}),
        "two": adding(action_id="two", list=OTHER, batch={"count": 10}),
        "update": writing(action_id="update", strategy="updateOnly", batch={"count": 10}),
        "both": writing(action_id="both", batch={"count": 10}),
        "key": writing(action_id="key", lookup_field="externalKey", mappings=by_key, batch={"count": 10}),
        "east": writing(action_id="east", partition="Partners", batch={"count": 10}),
    }
    world = connect(*actions.values())

    for number in range(1, 61):
        action = list(actions)[number % 6]
        # who is in one partition is not found in another
        world.come(number + 1000 * (action == "east"), action=action, firstName="new")

    assert world.members() == set(range(6, 61, 6))
    assert world.members(OTHER) == set(range(1, 61, 6))
    heads = ("action", "lookupField", "partitionName")
    said = [(*(body.get(name) for name in heads), len(body["input"])) for known, body in world.bodies if known == SYNC]
    assert set(said) == {
        ("updateOnly", "email", None, 10),
        ("createOrUpdate", "email", None, 10),
        ("createOrUpdate", "externalKey", None, 10),
        ("createOrUpdate", "email", "Partners", 10),
    }
    assert len(said) == 4
    assert world.outcomes() == {"updated": 40, "created": 20}


@pytest.mark.cap("T54")
@pytest.mark.pain("P42")
def test_two_records_of_one_person_in_a_batch_keep_their_order(connect: Connect) -> None:
    """The later record of a person goes in the next call of the same flush, and is what Marketo has in the end."""
    world = connect(writing(batch={"count": 3}))

    executions = world.come(1, firstName="first") + world.come(2, firstName="only")
    executions += world.come(1, firstName="second") + world.come(3, firstName="only")

    assert world.people(SYNC) == [[1, 2, 3], [1]]
    assert world.persons()[1]["firstName"] == "second"
    assert [world.ended(each)[0] for each in executions] == ["updated"] * 4


@pytest.mark.cap("T55")
def test_each_of_a_batch_has_its_own_outcome(connect: Connect) -> None:
    """Of 300 persons removed from a list 100 are no members: they are skipped, the others are updated."""
    world = connect(removing())
    world.marketo_twin.post("load", {"listMembers": [{"listId": LIST, "leadId": each} for each in range(1, 201)]})

    executions = world.come(*range(1, 301))

    assert world.calls(REMOVE) == 1
    assert [world.ended(each)[0] for each in executions] == ["updated"] * 200 + ["skipped"] * 100
    assert {world.ended(each)[1] for each in executions[200:]} == {"marketo_1015"}
    assert world.members() == set()


@pytest.mark.cap("T29")
def test_a_batch_is_addressed_as_a_single_call_is(connect: Connect) -> None:
    """By lead id there is no lookup. Looked for by address, chosen by a rule where there are several, and made in a
    partition where they are missing: three persons need a lookup, a create and one addition."""
    rule = {"order_by": "createdAt", "choose": "oldest"}
    looked_for = {"person": by_email(add_if_missing=True), "partition": "Partners", "duplicate_record_rule": rule}
    world = connect(
        adding(batch={"count": 3}), adding(action_id="looked-for", list=OTHER, batch={"count": 3}, **looked_for)
    )
    world.come(1, 2, 3)
    assert (world.members(), world.calls(FIND)) == ({1, 2, 3}, 0)
    world.clock.advance(60)
    world.marketo_twin.post("load", {"leads": [{"id": 700, "email": "person2@example.com"}]})

    world.come(1, 2, 900, action="looked-for")

    (made,) = [number for number, lead in world.persons().items() if lead["email"] == "person900@example.com"]
    assert world.members(OTHER) == {1, 2, made}
    assert [body["partitionName"] for known, body in world.bodies if known == SYNC] == ["Partners"]
    assert (world.calls(FIND), world.calls(SYNC), len(world.sent(OTHERS))) == (1, 1, 1)
    assert world.lanes.idle(world.clock.now())[MARKETO] == {}
    assert set(world.states()) == {State.ENDED.value}
