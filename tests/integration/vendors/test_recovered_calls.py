"""Calls that the Marketo twin makes and loses: recovered from its log by the product's own client, each run once.

The receive path stands behind a small server that does what the gateway does; queue and tables are in memory.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leadbridge.domain.messages import read_batch
from leadbridge.domain.webhook_sheets import Instance, Sheet, sheet
from leadbridge.usecases.late_calls import LateCalls
from leadbridge.usecases.recover_calls import RecoverCalls
from simulator.callers.webhook import NO_ANSWER, NO_CONNECTION
from tests.builders.actions import ACTION
from tests.builders.recovery import WEBHOOK, a_recovering_action, late_calls, recover_calls
from tests.fakes.door import Door
from tests.fakes.recoveries import InMemoryRecoveries
from tests.gateway import serving
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

CAMPAIGN = 50
#: activities in one answer (Marketo)
PAGE = 300


class Recovering(WiredWorld):
    """A wired world that recovers calls; its door's queue is what the twin's calls put there."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin) -> None:
        super().__init__(clients, marketo, salesforce, a_recovering_action())
        self.recoveries = InMemoryRecoveries()
        self.webhook = Door()
        self.taken = 0

    def people(self, number: int) -> list[int]:
        """So many people in the instance."""
        people = [
            {"email": f"person{each}@example.com", "firstName": "Ada", "lastName": f"No. {each}", "company": "Engines"}
            for each in range(number)
        ]
        return list(self.marketo_twin.post("load", {"leads": people})["leads"])

    def campaign(self, leads: list[int]) -> list[dict[str, Any]]:
        """A trigger campaign runs over people; gives its calls."""
        calls: list[dict[str, Any]] = self.marketo_twin.post("campaigns/run", {"campaign": CAMPAIGN, "leads": leads})[
            "calls"
        ]
        return calls

    def lose(self, *, dropped: list[int], unacknowledged: list[int]) -> None:
        """The calls of these numbers, from 1, do not arrive; those of the others do, but not their answers."""
        chosen = [(number, "close") for number in dropped] + [(number, "drop_answer") for number in unacknowledged]
        # each rule counts every call
        rules = [{"match": "CALL /webhooks/*", "kind": kind, "nth": number} for number, kind in sorted(chosen)]
        self.marketo_twin.post("faults", rules)

    def take_queue(self) -> None:
        """Everything on the queue is stored, and the lane is drained."""
        bodies = self.webhook.queue.sent[self.taken :]
        self.taken += len(bodies)
        records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
        arrivals, unreadable = read_batch(records)
        assert unreadable == {}
        assert self.late_calls()(arrivals) == []
        self.run_out()

    def late_calls(self) -> LateCalls:
        """The use-case of `store_events`."""
        return late_calls(self, self.recoveries)

    def recover_calls(self) -> RecoverCalls:
        """The use-case of `recover_calls`."""
        return recover_calls(self, self.recoveries, self.wired)


@pytest.fixture
def world(clients: Clients, marketo: Twin, salesforce: Twin) -> Iterator[Recovering]:
    """A world whose webhook is pasted into the instance as the sheet says it, and whose recovery has begun."""
    made = Recovering(clients, marketo, salesforce)
    marketo.post("load", {"smartCampaigns": [{"id": CAMPAIGN, "name": "Hot + new"}]})
    leads = clients.marketo()
    instance = Instance(leads=leads.describe_leads(), soap_names=leads.leads.soap_names())
    with serving(lambda event: made.webhook.receiver(event).as_proxy()) as url:
        pasted = sheet(a_recovering_action(), instance, api_url=url, key=Door.key(ACTION))
        assert isinstance(pasted, Sheet), pasted
        marketo.post("webhooks", pasted.document() | {"name": WEBHOOK})
        marketo.post("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": WEBHOOK}]})
        made.recover_calls()()
        yield made


@pytest.mark.cap("D03")
@pytest.mark.pain("P03")
def test_of_a_thousand_calls_exactly_the_dropped_are_recovered_and_none_runs_twice(world: Recovering) -> None:
    """37 calls are dropped before arrival and the acknowledgements of 21 are lost: 37 are recovered, once each.

    Each of the 1,000 people has one Lead and one result activity. Marketo is asked once for the place in its log and
    once for each 300 activities; the run then reads the 37 people with one call.
    """
    chosen = random.Random(37).sample(range(1, 1001), 37 + 21)
    dropped, unacknowledged = chosen[:37], chosen[37:]
    leads = world.people(1000)
    world.lose(dropped=dropped, unacknowledged=unacknowledged)

    calls = world.campaign(leads)
    world.take_queue()
    assert Counter(call["error"] for call in calls) == {"": 1000 - 37 - 21, NO_CONNECTION: 37, NO_ANSWER: 21}
    assert len(world.webhook.messages) == 1000 - 37
    world.clock.advance(3600)
    before = calls_to_marketo(world)
    (report,) = world.recover_calls()()
    asked = calls_to_marketo(world) - before
    before = people_read(world)
    world.run_out()
    assert people_read(world) - before == 1
    world.clock.advance(3600)
    (again,) = world.recover_calls()()
    by_hand = world.recover_calls().one(ACTION, since=report.since)
    world.run_out()

    assert {found.call.lead_id for found in report.recovered} == {leads[number - 1] for number in dropped}
    assert (len(report.recovered), again.found, by_hand.found) == (37, (), ())
    assert dict(world.outcomes()) == {"created": 1000}
    assert set(world.inbox.ends.values()) == {1}
    emails = [lead["Email"] for lead in world.leads()]
    assert len(emails) == len(set(emails)) == 1000
    assert sorted(world.told()) == sorted(world.inbox.logged)
    assert asked == 1 + -(-1000 // PAGE)


def calls_to_marketo(world: Recovering) -> int:
    """How often Marketo's API was called; logins do not count there."""
    return sum(each["path"].startswith("/rest/") for each in world.marketo_twin.get("log?since=0"))


def people_read(world: Recovering) -> int:
    """How often people were read."""
    return sum(
        each["path"] == "/rest/v1/leads.json" and (each["method"] == "GET" or "_method=GET" in str(each))
        for each in world.marketo_twin.get("log?since=0")
    )


@pytest.mark.parametrize(
    ("kind", "recovered"),
    [
        pytest.param("close", 1, id="dropped"),
        pytest.param("drop_answer", 0, id="not acknowledged"),
    ],
)
def test_of_two_calls_a_minute_apart_each_counts_for_itself(
    world: Recovering, kind: str, recovered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person runs through the campaign twice within a minute, and the second call is lost or only not answered."""
    (lead,) = world.people(1)
    at = Clock(world, monkeypatch)
    world.campaign([lead])
    world.clock.advance(60)
    at.now()
    world.marketo_twin.post("faults", [{"match": "CALL /webhooks/*", "kind": kind}])
    world.campaign([lead])
    world.take_queue()
    world.heal()
    world.clock.advance(3600)

    (report,) = world.recover_calls()()
    world.run_out()

    assert len(report.recovered) == recovered
    assert dict(world.outcomes()) == {"created": 1, "updated": 1}


class Clock:
    """The gateway's clock, which stamps each call."""

    def __init__(self, world: Recovering, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = world
        self._plain: Callable[..., Any] = world.webhook.receiver
        self._at = 0
        world.webhook.receiver = self._receive  # type: ignore[assignment]  # called like a receiver
        self.now()

    def now(self) -> None:
        """Set it to the world's time."""
        self._at = int(self._world.clock.now().timestamp() * 1000)

    def _receive(self, event: Any) -> Any:
        return self._plain(event | {"requestContext": {"requestTimeEpoch": self._at}})
