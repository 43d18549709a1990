"""Calls of the Marketo twin that wait for their results: its response mappings write what the answers carry.

The sheet is pasted into the twin; the door, the run and the clients are the product's, tables are in memory. Where a
vendor is slow, the world's clock tells so and nobody waits; where a call must be cut off, it waits for a second.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no type hints

from leadbridge.domain.messages import read
from leadbridge.domain.webhook_contract import openapi
from leadbridge.domain.webhook_sheets import Instance, Sheet, sheet
from leadbridge.vendors.http.deadline import Deadline
from tests.builders.actions import ACTION, an_action
from tests.fakes.door import Door
from tests.gateway import serving
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import ACTIVITY, CREATE, LEADS, QUERY, UPDATE, WiredWorld

CAMPAIGN = 60
PEOPLE = 40

#: what the published description says of answers that wait
PUBLISHED = Draft202012Validator(
    {"$ref": "#/components/schemas/Answered", "components": openapi()["components"]},
)

type Make = Callable[..., "Waiting"]


class Waiting(WiredWorld):
    """A wired world whose one Action answers inline; it has a door, behind which one call runs at a time."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, **changes: Any) -> None:
        super().__init__(clients, marketo, salesforce, an_action(**({"inline": {}} | changes)))
        self.webhook = Door(inline=self._run)
        #: what each request to Salesforce takes of the world's time
        self.salesforce_seconds = 0.0
        self.answers: list[dict[str, Any]] = []
        self._use_case = self.answer_inline()
        self._one = threading.Lock()
        clients.http.event_hooks["request"].append(self._wait)

    def people(self, number: int, first: int = 1) -> list[int]:
        """So many people in the instance."""
        people = [
            {
                "id": each,
                "email": f"person{each}@example.com",
                "firstName": "Ada",
                "lastName": "L.",
                "company": "Engines",
            }
            for each in range(first, first + number)
        ]
        return list(self.marketo_twin.post("load", {"leads": people})["leads"])

    @contextmanager
    def pasted(self) -> Iterator[Sheet]:
        """The sheet, pasted into the instance as the one step of a campaign, with the door open."""
        client = self.clients.marketo()
        instance = Instance(leads=client.describe_leads(), soap_names=client.leads.soap_names())
        action = self.configurations.get("action", ACTION)
        assert action is not None
        with serving(self._receive) as url:
            made = sheet(action.document, instance, api_url=url, key=Door.key(ACTION))  # type: ignore[arg-type]  # an Action
            assert isinstance(made, Sheet), made
            # they are served one by one, and the small gateway keeps few callers waiting
            self.marketo_twin.post("limits", {"webhook_connections": 4})
            self.marketo_twin.post("load", {"smartCampaigns": [{"id": CAMPAIGN, "name": "Hot"}]})
            self.marketo_twin.post("webhooks", made.document())
            self.marketo_twin.post("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": made.name}]})
            yield made

    def campaign(self, leads: list[int]) -> list[dict[str, Any]]:
        """A trigger campaign runs over people; gives its calls."""
        ran = self.marketo_twin.post("campaigns/run", {"campaign": CAMPAIGN, "leads": leads})
        calls: list[dict[str, Any]] = ran["calls"]
        return calls

    def warm(self) -> None:
        """A process that has logged in and knows its objects: its first call is over."""
        with self.pasted():
            self.campaign(self.people(1, first=900))
        self.run_out()
        self.answers.clear()
        self.before = {each: self.calls(each) for each in (QUERY, CREATE, UPDATE, LEADS, ACTIVITY)}

    def since(self, endpoint: str) -> int:
        """Calls of an endpoint since the process was warm."""
        return self.calls(endpoint) - self.before[endpoint]

    def _receive(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._one:  # a process of Lambda has one call at a time
            now = int(self.clock.now().timestamp() * 1000)
            return self.webhook.receiver({**event, "requestContext": {"requestTimeEpoch": now}}).as_proxy()

    def _run(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        answer = self._use_case(read(json.dumps(message)))
        assert answer is not None
        PUBLISHED.validate(answer)
        self.answers.append(answer)
        return dict(answer)

    def _wait(self, request: httpx.Request) -> None:
        if self.salesforce_seconds and "/services/" in request.url.path:
            self.clock.advance(self.salesforce_seconds)


@pytest.fixture
def waiting(clients: Clients, marketo: Twin, salesforce: Twin) -> Make:
    """Makes a world whose Action answers inline; its members may be changed."""
    return lambda **changes: Waiting(clients, marketo, salesforce, **changes)


@pytest.mark.cap("A38")
@pytest.mark.parametrize("seconds", [0.0, 3.0], ids=["no latency", "Salesforce at 3 s"])
def test_every_answer_carries_what_was_written(waiting: Make, seconds: float) -> None:
    """After a campaign each new person has the id of its Lead by response mapping: no write-back by API, before or
    after; two Salesforce calls a person, one Marketo call for the activities of all."""
    world = waiting()
    world.warm()
    world.salesforce_seconds = seconds
    leads = world.people(PEOPLE)

    with world.pasted():
        calls = world.campaign(leads)

    assert [call["status"] for call in calls] == [200] * PEOPLE
    assert {answer["status"] for answer in world.answers} == {"done"}
    by_email = {lead["Email"]: lead["Id"] for lead in world.leads()}
    wanted = {
        lead: {"salesforceId": by_email[f"person{lead}@example.com"], "leadbridgeStatus": "Synced"} for lead in leads
    }
    assert {call["lead_id"]: call["mapped"] for call in calls} == wanted
    assert all(call["dropped"] == [] for call in calls)
    world.salesforce_seconds = 0.0
    world.run_out()
    world.everybody_once(*leads, 900)
    assert (world.since(QUERY), world.since(CREATE)) == (PEOPLE, PEOPLE)
    assert (world.since(LEADS), world.since(ACTIVITY)) == (0, 1)


@pytest.mark.cap("A39")
def test_an_updated_record_is_answered_with_its_values(waiting: Make) -> None:
    """After an update the value of the record and the constant are on the person, by response mapping."""
    back = [{"field": "Title", "to": "title"}, {"static": "Synced", "to": "leadbridgeStatus"}]
    world = waiting(writeback=back)
    world.salesforce_twin.post(
        "load",
        {"Lead": [{"Email": "person1@example.com", "LastName": "L.", "Company": "E", "Title": "Countess of Ö"}]},
    )

    with world.pasted():
        world.campaign(world.people(1))

    person = world.persons()[1]
    assert (person["title"], person["leadbridgeStatus"]) == ("Countess of Ö", "Synced")
    assert (world.calls(LEADS), world.calls(UPDATE)) == (0, 1)


def test_past_the_budget_the_rest_is_queued_and_written_back_once(waiting: Make) -> None:
    """With Salesforce at 5 s the create is under way when the time is over: the answer says so, the lane finds the
    record, and writes back by API once."""
    world = waiting()
    world.warm()
    world.salesforce_seconds = 5.0
    leads = world.people(3)

    with world.pasted():
        calls = world.campaign(leads)

    assert [json.loads(call["response"])["status"] for call in calls] == ["queued"] * 3
    assert {answer["reason"] for answer in world.answers} == {"late"}
    assert all(call["mapped"] == {} for call in calls)
    world.salesforce_seconds = 0.0
    world.run_out()
    assert [len(rows) for rows in world.sent(CREATE)[1:]] == [1, 1, 1]
    written = [row["id"] for rows in world.sent(LEADS) for row in rows]
    assert sorted(written) == leads
    assert sorted(world.told()) == sorted(world.inbox.logged)
    by_email = {lead["Email"]: lead["Id"] for lead in world.leads()}
    assert len(world.leads()) == 4
    assert all(world.persons()[lead]["salesforceId"] == by_email[f"person{lead}@example.com"] for lead in leads)


@pytest.mark.parametrize(
    ("endpoint", "kind", "members", "reason"),
    [
        pytest.param(CREATE, "row_error", {"code": "UNABLE_TO_LOCK_ROW"}, "salesforce_UNABLE_TO_LOCK_ROW", id="a lock"),
        pytest.param(CREATE, "drop_answer", {"late": True}, "", id="a lost answer"),
    ],
)
def test_what_a_vendor_asks_to_repeat_is_repeated_by_the_lane(
    waiting: Make, endpoint: str, kind: str, members: dict[str, Any], reason: str
) -> None:
    """A refusal that passes is queued with its code and written back by API once; a lost answer is looked for at
    once, so that the answer carries the record that is there."""
    world = waiting()
    is_late = members.pop("late", False)
    world.fault(endpoint, kind, nth=1, times=1, **members)

    with world.pasted():
        world.campaign(world.people(1))

    (answer,) = world.answers
    assert (answer["status"], answer["reason"]) == ("done" if is_late else "queued", reason)
    world.heal()
    world.run_out()
    world.everybody_once(1)
    assert world.calls(LEADS) == (0 if is_late else 1)


def test_a_refusal_for_good_is_answered(waiting: Make) -> None:
    """A record that Salesforce does not take is answered as failed, with its code, and told by activity alone."""
    world = waiting()
    world.fault(CREATE, "row_error", code="STRING_TOO_LONG")

    with world.pasted():
        (call,) = world.campaign(world.people(1))

    answer = json.loads(call["response"])
    assert (answer["status"], answer["outcome"], answer["reason"]) == ("done", "failed", "salesforce_STRING_TOO_LONG")
    assert call["mapped"] == {}
    world.run_out()
    assert (world.calls(LEADS), len(world.told())) == (0, 1)


def test_an_answer_that_gets_lost_loses_its_values_and_nothing_else(waiting: Make) -> None:
    """Marketo never asks again: the record and its activity are there once, the person has not got its values, and
    the execution says that they went with the answer."""
    world = waiting()
    world.marketo_twin.post("faults", [{"match": "CALL /webhooks/*", "kind": "drop_answer"}])

    with world.pasted():
        (call,) = world.campaign(world.people(1))

    assert call["error"] == "Read timed out"
    world.run_out()
    assert (len(world.leads()), len(world.told()), world.calls(LEADS)) == (1, 1, 0)
    assert not world.persons()[1].get("salesforceId")
    (execution,) = world.inbox.logged
    assert world.execution(execution)["writeback"] == {"status": "answered"}


def test_a_slow_vendor_is_cut_off_in_real_time(waiting: Make) -> None:
    """With a budget of a second and a query that takes two, the answer is out after one; the lane does the rest."""
    world = waiting(inline={"budget_seconds": 1})
    world.clients.deadline = Deadline()
    world.deadline = world.clients.deadline
    world.wired = type(world.wired)(world.clients)
    world._use_case = world.answer_inline()
    world.fault(QUERY, "delay", seconds=2.0, nth=1, times=1)

    with world.pasted():
        leads = world.people(1)
        began = time.monotonic()
        world.campaign(leads)
        took = time.monotonic() - began

    (answer,) = world.answers
    assert (answer["status"], answer["reason"]) == ("queued", "late")
    assert took < 1.9
    world.heal()
    world.run_out()
    world.everybody_once(1)
    assert world.calls(LEADS) == 1
