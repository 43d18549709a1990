"""A day on which nothing happens, and what a look sees: ticks, looks and hourly runs against both simulators."""

from collections import Counter
from datetime import timedelta

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.syncing import Asked, SyncRun
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge.usecases.start_sync import Started
from leadbridge.vendors.cycle_look import VendorLook
from tests.builders.cycles import a_cycle
from tests.fakes.syncs import FakeStarter
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

PERSONS = {
    "id_field": "salesforceId",
    "leads": {
        "fields": [
            {"marketo": "email", "salesforce": "Email"},
            {"marketo": "firstName", "salesforce": "FirstName"},
            {"marketo": "lastName", "salesforce": "LastName"},
        ]
    },
}
GAP = 300


class Ticking(WiredCycle):
    """A cycle that is started by ticks alone."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin) -> None:
        kinds = {"persons": PERSONS, "companies": None, "sales_persons": None}
        cycle: CrmCycle = a_cycle(**kinds, low_watermark="2026-03-01T00:00")
        super().__init__(clients, marketo, salesforce, cycle)
        self.look = VendorLook(self.connections, self.clock)
        self.starter = FakeStarter()

    def starting(self) -> StartCycle:
        """The use-case of the tick."""
        return StartCycle(
            documents=self.documents,
            runs=self.cycles,
            syncs=self.syncs,
            queues=lambda cycle: derived_syncs(cycle)[0],
            due=lambda _: self.due,
            look=self.look,
            starter=self.starter,
            ask_sync=self._nobody,
            clock=self.clock,
        )

    def tick(self) -> Started:
        """A fire; a run that it starts goes to its end."""
        told = self.starting().tick(CYCLE)
        if told.started:
            self.carried(told.slot)
        return told

    def _nobody(self, sync: str, _slot: str, _asked: Asked) -> SyncRun:
        raise AssertionError(sync)


@pytest.fixture
def world(clients: Clients, marketo: Twin, salesforce: Twin) -> Ticking:
    """A cycle that has read a Lead, and has nothing to do any more."""
    world = Ticking(clients, marketo, salesforce)
    salesforce.post("load", {"Lead": [{"Email": "ada@example.com", "LastName": "Vex", "Company": "Acme"}]})
    world.clock.advance(3600)
    assert world.starting().now(CYCLE).started
    world.carried(world.clock.now().strftime("%Y%m%dT%H%M%SZ"))
    for _ in range(2):
        world.clock.advance(3600)
        assert world.tick().started
    return world


def test_an_idle_day_costs_a_few_hundred_calls(world: Ticking, marketo: Twin, salesforce: Twin) -> None:
    """At five minutes: at most 1,500 calls a day to both systems, logins and everything included; no write."""
    before = [(twin, int(twin.get("calls")["total"])) for twin in (marketo, salesforce)]
    told = Counter[str]()
    # a quarter of a day, as its hours are all alike
    end = world.clock.now() + timedelta(hours=6)
    while world.clock.now() < end:
        world.clock.advance(GAP)
        told[world.tick().because or "started"] += 1

    paths = Counter(
        f"{each['method']} {each['path'].split('?')[0]}"
        for twin, mark in before
        for each in twin.get(f"log?since={mark}")
    )
    print(sum(paths.values()), dict(told), dict(paths))
    assert told["idle"] >= 60
    assert told["started"] <= 6
    assert 4 * sum(paths.values()) <= 1500
    assert not [each for each in paths if each.startswith(("POST /rest/v1/leads", "PATCH"))]


def test_a_look_sees_what_is_kept_in_step_and_nothing_else(world: Ticking, marketo: Twin, salesforce: Twin) -> None:
    """A changed field of the document starts a run, another one does not; so does a record of Salesforce."""
    client = world.connections.marketo("marketing")
    [person] = marketo.get("records/leads")
    world.clock.advance(GAP)
    assert world.tick().because == "idle"

    client.sync_leads([{"id": person["id"], "leadScore": 9}], action="updateOnly", lookup_field="id")
    world.clock.advance(GAP)
    assert world.tick().because == "idle"
    client.sync_leads([{"id": person["id"], "firstName": "Grace"}], action="updateOnly", lookup_field="id")
    world.clock.advance(GAP)
    assert world.tick().started
