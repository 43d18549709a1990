"""Cycles of persons with the product's own clients against both vendor twins: an edit here shows there."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from leadbridge.cycle_ports import CycleVendors, Entity
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.hashing import digests
from leadbridge.ports import Connections
from leadbridge.usecases.cycle_entities import CycleEntities, EntityStores
from leadbridge.usecases.hand_over import looked_at
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.vendors.cycle_news import VendorChanges, VendorNews
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.sync_vendors import VendorSyncs
from tests.builders.events import SECRET
from tests.builders.whole_cycles import CycleWorld, a_cycle
from tests.fakes.bulk import InMemoryBulkRuns
from tests.fakes.clock import NOON
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.extracts import extracted
from tests.integration.vendors.wired import SharedClock, TwinConnections, WorldClients

FIELDS = (
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
    {"marketo": "leadStatus", "salesforce": "Status"},
    {"marketo": "leadScore", "salesforce": "Lead_Score__c", "direction": "to_salesforce"},
    {"marketo": "unsubscribed", "salesforce": "HasOptedOutOfEmail"},
    {"marketo": "isCustomer", "salesforce": "Opt_In__c"},
    {"marketo": "renewalDate", "salesforce": "Score_Date__c"},
)
CONTACT = (
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "firstName", "salesforce": "FirstName"},
    {"marketo": "lastName", "salesforce": "LastName"},
)


class WiredCycles(CycleWorld):
    """Cycles between the twins; their clock is ours."""

    def __init__(
        self,
        clients: Clients,
        marketo: Twin,
        salesforce: Twin,
        low_watermark: str | None = "2026-02-10T00:00",
        **persons: Any,
    ) -> None:
        kept = {"id_field": "salesforceId", "type_field": "leadbridgeStatus"}
        fields = {"leads": {"fields": list(FIELDS)}, "contacts": {"fields": list(CONTACT)}}
        super().__init__(a_cycle(**kept, **fields, **persons).model_copy(update={"low_watermark": low_watermark}))
        self.marketo, self.salesforce = marketo, salesforce
        self.clock = SharedClock(marketo, timedelta(0), NOON)
        self.own = WorldClients(
            announced=clients.announced, key=clients.key, http=clients.http, world_clock=self.clock, deadline=Deadline()
        )
        self.wired = TwinConnections(self.own)
        self.bulk_runs = InMemoryBulkRuns()
        self.digest = digests(lambda: SECRET)

    def entities(self, cycle: CrmCycle) -> Sequence[Entity]:
        """The kinds of records over the twins."""
        stores = EntityStores(
            runs=self.runs,
            objects=self.objects,
            links=lambda _: self.links,
            due=lambda _: self.due,
            news=lambda _: VendorNews(self.wired.marketo("marketing"), self.wired.salesforce("crm")),
            changes=lambda _: VendorChanges(self.wired.marketo("marketing"), self.wired.salesforce("crm")),
            hash_key=lambda: SECRET,
            clock=self.clock,
        )
        return CycleEntities(self.wired, stores)(cycle, 1)

    def vendors(self) -> CycleVendors:
        """The twins."""
        calls = looked_at(self.documents, self.clock)
        return VendorSyncs(self.wired, partial(vendor_of, self.documents), calls)

    def connections(self) -> Connections:
        """The twins."""
        return self.wired

    def bulk(self, order: dict[str, Any]) -> dict[str, Any]:
        """What the bulk machine does, to its end."""
        return extracted(order, runs=self.bulk_runs, objects=self.objects, connections=self.wired, clock=self.clock)

    def lead(self, record_id: str) -> Mapping[str, Any]:
        """A Lead as it stands."""
        return next(each for each in self.salesforce.get("records/Lead") if each["Id"] == record_id)

    def person(self, number: int) -> Mapping[str, Any]:
        """A person as Marketo has it."""
        return next(each for each in self.marketo.get("records/leads") if each["id"] == number)


@pytest.mark.cap("M004")
def test_edits_and_new_ones_go_both_ways(clients: Clients, marketo: Twin, salesforce: Twin) -> None:
    """New ones and edits of both sides, through the real doors; then silence, without a write."""
    world = WiredCycles(clients, marketo, salesforce)
    crm, marketing = world.wired.salesforce("crm"), world.wired.marketo("marketing")
    made = {"Email": "ada@example.com", "LastName": "B", "Company": "Acme", "HasOptedOutOfEmail": True}
    (lead,) = crm.create("Lead", [made])
    (contact,) = crm.create("Contact", [{"Email": "con@example.com", "LastName": "Tact"}])
    (eve,) = marketing.sync_leads(
        [{"email": "eve@example.com", "lastName": "C", "company": "Acme", "leadScore": 7, "renewalDate": "2026-05-01"}],
        action="createOnly",
        lookup_field="email",
    )
    world.clock.advance(900)
    world.done()
    people = {each["email"]: each for each in marketo.get("records/leads")}
    assert {name: each["salesforceId"] for name, each in people.items() if name != "eve@example.com"} == {
        "ada@example.com": lead.id,
        "con@example.com": contact.id,
    }
    assert people["ada@example.com"]["unsubscribed"] is True
    assert people["con@example.com"]["leadbridgeStatus"] == "Contact"
    new = world.lead(people["eve@example.com"]["salesforceId"])
    assert (new["Email"], new["Lead_Score__c"], new["Score_Date__c"]) == ("eve@example.com", 7.0, "2026-05-01")

    crm.update("Lead", [{"Id": new["Id"], "FirstName": "Eve", "Status": "Working - Contacted"}])
    marketing.sync_leads(
        [{"id": people["ada@example.com"]["id"], "firstName": "Ada", "isCustomer": True}],
        action="updateOnly",
        lookup_field="id",
    )
    world.clock.advance(900)
    world.done()
    assert world.person(int(str(eve.id)))["firstName"] == "Eve"
    assert world.person(int(str(eve.id)))["leadStatus"] == "Working - Contacted"
    held = world.lead(str(lead.id))
    assert (held["FirstName"], held["Opt_In__c"]) == ("Ada", True)

    def writes() -> int:
        return sum(
            each["method"] == "PATCH" or (each["path"] == "/rest/v1/leads.json" and each["method"] == "POST")
            for each in marketo.get("log?since=0") + salesforce.get("log?since=0")
        )

    before = writes()
    for _ in range(3):
        world.clock.advance(900)
        world.done()
    assert writes() == before
    assert world.due.records == {}


@pytest.mark.cap("M121", "M122", "M123")
def test_a_new_lead_is_sent_whole_and_its_edits_as_one_write_of_what_changed(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Of a new Lead every mapped field is sent that has a value. Three edits in one cycle are one record in one write
    to Marketo: its id and the two mapped fields that changed, as they were last; what is not mapped is not in it."""
    world = WiredCycles(clients, marketo, salesforce)
    crm = world.wired.salesforce("crm")
    sent: list[list[dict[str, Any]]] = []
    world.own.http.event_hooks["request"].append(
        lambda request: (
            sent.append(json.loads(request.read())["input"])
            if (request.method, request.url.path) == ("POST", "/rest/v1/leads.json")
            else None
        )
    )
    names = {"Email": "email", "FirstName": "firstName", "LastName": "lastName", "Company": "company"}
    values: dict[str, Any] = {"Email": "ada@example.com", "FirstName": "Ada", "LastName": "B", "Company": "Acme"}
    more = {"Status": "Working - Contacted", "HasOptedOutOfEmail": True, "Opt_In__c": True}
    more |= {"Score_Date__c": "2026-05-01", "Title": "Countess"}
    (lead,) = crm.create("Lead", [values | more])
    world.clock.advance(900)
    world.done()
    [[new], *rest] = sent
    whole = {names[name]: value for name, value in values.items()}
    whole |= {"leadStatus": "Working - Contacted", "unsubscribed": True, "isCustomer": True}
    whole |= {"renewalDate": "2026-05-01"}
    assert rest == []
    assert {name: new.get(name) for name in whole} == whole
    assert "title" not in new
    [person] = marketo.get("records/leads")
    assert {name: person[name] for name in whole} == whole

    sent.clear()
    edits = ({"FirstName": "Ida"}, {"FirstName": "Eda", "Title": "Queen"}, {"FirstName": "Oda", "Company": "Emca"})
    for edit in edits:
        crm.update("Lead", [{"Id": str(lead.id), **edit}])
        world.clock.advance(60)
    world.clock.advance(900)
    world.done()
    assert sent == [[{"id": str(person["id"]), "firstName": "Oda", "company": "Emca"}]]
    held = world.person(person["id"])
    assert {name: held[name] for name in whole} == whole | {"firstName": "Oda", "company": "Emca"}


def test_the_first_cycle_reads_all_there_is_by_extract(clients: Clients, marketo: Twin, salesforce: Twin) -> None:
    """People whom no log of changes tells come in a file; those of both sides meet, the others are made."""
    world = WiredCycles(clients, marketo, salesforce, low_watermark=None)
    people = [{"id": number, "email": f"p{number}@example.com", "lastName": "P", "company": "A"} for number in (1, 2)]
    marketo.post("load", {"leads": people})
    rows = [{"Email": f"P{number}@example.com", "LastName": "S", "Company": "Acme"} for number in (2, 3)]
    salesforce.post("load", {"Lead": rows})
    world.clock.advance(3600)
    world.done()
    held = {each["email"].casefold(): each for each in marketo.get("records/leads")}
    leads = {each["Email"].casefold(): each for each in salesforce.get("records/Lead")}
    assert sorted(held) == sorted(leads) == [f"p{number}@example.com" for number in (1, 2, 3)]
    assert {name: each["salesforceId"] for name, each in held.items()} == {
        name: each["Id"] for name, each in leads.items()
    }
    assert [held[f"p{number}@example.com"]["lastName"] for number in (1, 2, 3)] == ["P", "S", "S"]
    assert marketo.calls_of("POST", "/bulk/v1/leads/export/create.json")


@pytest.mark.parametrize("rule", [True, None])
def test_new_leads_are_routed_by_the_orgs_rule_where_it_is_wanted(
    clients: Clients, marketo: Twin, salesforce: Twin, rule: bool | None
) -> None:
    """The rule gives them their owner; without the wish they stay with the integration user."""
    world = WiredCycles(clients, marketo, salesforce, assignment_rule=rule)
    salesforce.post("limits", {"assignment_rule": True})
    world.wired.marketo("marketing").sync_leads(
        [{"email": "mql@example.com", "lastName": "Q", "company": "Acme"}], action="createOnly", lookup_field="email"
    )
    world.clock.advance(900)
    world.done()
    (lead,) = salesforce.get("records/Lead")
    assert (lead["OwnerId"] != lead["CreatedById"]) is bool(rule)


def test_after_an_outage_that_is_longer_than_marketo_tells_of_changes_all_people_are_read(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """An edit that no log holds any more still reaches Salesforce, whose own records are read by their stamps."""
    world = WiredCycles(clients, marketo, salesforce)
    crm, marketing = world.wired.salesforce("crm"), world.wired.marketo("marketing")
    # the oldest one says where the extracts begin
    marketo.post("load", {"leads": [{"id": 1, "lastName": "First"}]})
    (lead,) = crm.create("Lead", [{"Email": "ada@example.com", "LastName": "B", "Company": "Acme"}])
    world.clock.advance(900)
    world.done()
    person = next(each for each in marketo.get("records/leads") if each.get("email"))
    marketing.sync_leads([{"id": person["id"], "firstName": "Ada"}], action="updateOnly", lookup_field="id")
    # somebody who was there before, and was not kept in step
    old = {"email": "old@example.com", "lastName": "Old", "company": "Acme", "createdAt": "2025-03-02T00:00:00Z"}
    marketo.post("load", {"leads": [{"id": 900, **old}]})
    world.clock.advance(timedelta(days=100).total_seconds())
    new = {"email": "new@example.com", "lastName": "New", "company": "Acme"}
    marketing.sync_leads([new], action="createOnly", lookup_field="email")
    world.clock.advance(900)
    run = world.done()
    assert run.compared == ("from-people",)
    assert "Marketo tells of changed values for 90 days" in run.warnings[-1]
    assert world.lead(str(lead.id))["FirstName"] == "Ada"
    made = {each.get("Email") for each in salesforce.get("records/Lead")}
    assert ("new@example.com" in made, "old@example.com" in made) == (True, False)
