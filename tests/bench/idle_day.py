"""Vendor calls of a CRM cycle on a day on which nothing happens: all kinds of records, a look every five minutes.

The use-cases on stores in memory, the product's own clients on real HTTP against both simulators, whose clock is ours.
Everything counts that a simulator counts: logins, usage, descriptions, the hourly looks and the day's run.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.syncing import SyncRun
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge.usecases.start_sync import Started
from leadbridge.vendors.cycle_look import VendorLook
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.bench.report import Figure, listed
from tests.bench.sync_calls import Pair, twins
from tests.builders.cycles import a_cycle
from tests.fakes.syncs import FakeStarter
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

GAP = 300
#: calls of a day to both systems; 576 are what 288 looks cost alone
MOST, TARGET = 1_500, 600
PEOPLE = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
]
PERSONS = {"id_field": "salesforceId", "leads": {"fields": PEOPLE}, "contacts": {"fields": PEOPLE}}
ACTIVITIES = {"groups": {"engagement": {"types": ["Click Email", "Fill Out Form"], "key": "External_Key__c"}}}
COMPANIES = {"fields": [{"marketo": "company", "salesforce": "Name"}]}
OPPORTUNITIES = {"fields": [{"marketo": "name", "salesforce": "Name"}, {"marketo": "amount", "salesforce": "Amount"}]}
#: one for each direction, of which the types are made in Marketo
CUSTOM_OBJECTS = {
    "objects": {
        "visits": {
            "marketo": "visit_c",
            "salesforce": "Event_Registration__c",
            "direction": "to_salesforce",
            "fields": [{"marketo": "registration", "salesforce": "Registration_Key__c"}],
        },
        "courses": {
            "marketo": "course_c",
            "salesforce": "Course__c",
            "direction": "to_marketo",
            "fields": [{"marketo": "course", "salesforce": "Course_Key__c"}],
        },
    }
}
TYPES: Sequence[Mapping[str, Any]] = (
    {
        "apiName": "visit_c",
        "displayName": "Visit",
        "fields": [
            {"name": "registration", "displayName": "Registration", "dataType": "string", "isDedupeField": True},
            {
                "name": "person",
                "displayName": "Person",
                "dataType": "link",
                "relatedTo": {"name": "lead", "field": "id"},
            },
        ],
    },
    {
        "apiName": "course_c",
        "displayName": "Course",
        "fields": [{"name": "course", "displayName": "Course", "dataType": "string", "isDedupeField": True}],
    },
)
#: all kinds of records
KINDS: Mapping[str, Any] = {
    "persons": PERSONS,
    "companies": COMPANIES,
    "sales_persons": {},
    "opportunities": OPPORTUNITIES,
    "opportunity_roles": {},
    "activities": ACTIVITIES,
    "programs": {"campaign_key": "External_Key__c", "groups": {"webinar": {"program": 1001}}},
    "custom_objects": CUSTOM_OBJECTS,
}


class Asking:
    """`cycle_look.LookClients` that asks for Marketo's usage each time it may."""

    def __init__(self, marketo: MarketoClient, salesforce: SalesforceClient) -> None:
        self._marketo, self._salesforce = marketo, salesforce

    def marketo(self, connection: str) -> MarketoClient:
        """The one instance."""
        return self._marketo

    def salesforce(self, connection: str) -> SalesforceClient:
        """The one org."""
        return self._salesforce

    def report_quota(self) -> None:
        """As a process does that has not asked for a quarter of an hour."""
        self._marketo.usage()

    def give_back(self) -> None:
        """No place is kept."""


class Ticking(WiredCycle):
    """A cycle that is started by ticks alone."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, kinds: Mapping[str, Any] = KINDS) -> None:
        cycle: CrmCycle = a_cycle(**{"low_watermark": "2026-03-01T00:00", **kinds})
        marketo.post("load", {"customObjectTypes": list(TYPES)})
        super().__init__(clients, marketo, salesforce, cycle)
        asking = Asking(self.connections.marketo("marketing"), self.connections.salesforce("crm"))
        self.look = VendorLook(asking, self.clock)
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

    def settled(self) -> None:
        """The first run has read a Lead; runs follow until there is nothing more to do."""
        self.salesforce.post("load", {"Lead": [{"Email": "ada@example.com", "LastName": "Vex", "Company": "Acme"}]})
        # the org's first users are as old as the twin, whose clock was put back
        users = [each["Id"] for each in self.salesforce.get("records/User")]
        old = {"SystemModstamp": "2026-03-01T00:00:00Z"}
        self.salesforce.post("set", {"object": "User", "ids": users, "fields": old})
        self.clock.advance(3600)
        begun = self.starting().now(CYCLE)
        assert begun.started
        self.carried(begun.slot)
        for _ in range(6):
            self.clock.advance(1200)
            if self.tick().because == "idle":
                return
        raise AssertionError("there is always something to do")

    def made(self) -> Counter[str]:
        """Calls of both twins so far, by endpoint."""
        found = (twin.get("calls")["by_endpoint"] for twin in (self.marketo, self.salesforce))
        return sum((Counter[str](each) for each in found), Counter[str]())

    def _nobody(self, sync: str, _slot: str, _asked: Asked) -> SyncRun:
        raise AssertionError(sync)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idled:
    """What a span without changes was like."""

    calls: Mapping[str, int]
    ticks: Mapping[str, int]


def idled(world: Ticking, span: timedelta) -> Idled:
    """Let a span pass in which nothing happens; a tick as often as the gap lets a look be made."""
    before, ticks = world.made(), Counter[str]()
    end = world.clock.now() + span
    while world.clock.now() < end:
        world.clock.advance(GAP)
        ticks[world.tick().because or "started"] += 1
    return Idled(calls=world.made() - before, ticks=ticks)


def day(pair: Pair) -> Idled:
    """A whole day."""
    clients, found = pair
    world = Ticking(clients, found["marketo"], found["salesforce"])
    world.settled()
    return idled(world, timedelta(days=1))


def figure(*, seed: int) -> Figure:
    """An idle day, itemised."""
    with twins(seed) as pair:
        result = day(pair)
    total = sum(result.calls.values())
    told = Figure(title="CRM cycle, an idle day", size=f"seed {seed}, all kinds, a look every {GAP} s")
    told.add(f"ticks: {listed(result.ticks)}")
    told.add(f"calls: {listed(result.calls)}")
    told.add(f"above the target of {TARGET}: {max(0, total - TARGET)}")
    told.bound("calls of both systems", total, most=MOST)
    return told
