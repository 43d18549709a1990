"""Who is found, and what an Action that only looks tells: the product's clients against both twins."""

from functools import partial
from typing import Any

import pytest

from leadbridge.domain.flow_step import parse_chunk
from leadbridge.domain.flow_step_queue import LOOK, messages_of
from tests.builders.actions import an_action, an_action_document
from tests.builders.events import a_payload
from tests.builders.flow_steps import HOSTS, a_person, an_invocation, body_of
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, UPDATE, UPSERT, Build, WiredWorld


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


@pytest.mark.cap("D01")
def test_a_decision_reaches_marketo_by_every_door_and_writes_nothing_at_salesforce(build: Build) -> None:
    """Found, not found, and several of which the rule chooses the oldest: after a webhook the custom activity and the
    person's fields say so, the answer to a call that waits carries them, and so does a flow step's callback, each with
    the chosen field. Salesforce gets no write, and holds what it held."""
    results: dict[str, Any] = an_action_document()["results"] | {"mappings": [{"field": "Company", "to": "message"}]}
    told = [{"execution": "decision", "to": "leadbridgeStatus"}, {"field": "Company", "to": "title", "blank": "skip"}]
    rule = {"order_by": "CreatedDate", "choose": "oldest"}
    changes = {"writeback": told, "results": results, "duplicate_record_rule": rule, "inline": {"budget_seconds": 8}}
    world = build(an_action(type="decide", mappings=None, **changes))
    for number, company in ((1, "Engines"), (3, "Oldest"), (3, "Newest")):
        record = {"LastName": "L", "Company": company, "Email": f"person{number}@example.com"}
        world.salesforce_twin.post("load", {"Lead": [record]})
        world.clock.advance(60)
    held = world.leads()

    executions = [world.receive(number) for number in (1, 2, 3)]
    world.run_out()
    persons = world.persons()
    answers = [world.answer(number) for number in (1, 2, 3)]
    people = [a_person(number) for number in (1, 2, 3)]
    for number, person in enumerate(people, start=1):
        person["objectContext"]["email"] = f"person{number}@example.com"
    chunk = parse_chunk(body_of(an_invocation(objectData=people)), hosts=HOSTS)
    world.receive_chunk(*messages_of(chunk, received_at=world.clock.now(), header_names=[], obstacles={}))
    world.run_out()
    world.clock.advance(LOOK.total_seconds())
    world.call_back()

    decisions = [("found", "Engines"), ("not found", None), ("found", "Oldest")]
    assert [world.ended(each) for each in executions] == [
        ("decided", "found"),
        ("decided", "not_found"),
        ("decided", "found"),
    ]
    assert [(persons[number]["leadbridgeStatus"], persons[number].get("title")) for number in (1, 2, 3)] == decisions
    logged = {
        attributes["executionId"]: attributes.get("message")
        for attributes in (
            {each["apiName"]: each["value"] for each in item["attributes"]}
            for item in world.marketo_twin.get("records/activities")
            if item["activityTypeId"] > 100_000
        )
    }
    assert [logged[each] for each in executions] == ["Engines", None, "Oldest"]
    assert [(each["values"]["leadbridgeStatus"], each["values"].get("title")) for each in answers] == decisions
    (body,) = world.door.taken.values()
    rows = [(row["leadData"], row["activityData"]) for row in body["objectData"]]
    assert [(lead["leadbridgeStatus"], lead.get("title")) for lead, _ in rows] == decisions
    assert [(each["outcome"], each.get("message")) for _, each in rows] == [
        ("decided", company) for _, company in decisions
    ]
    assert [world.calls(each) for each in (CREATE, UPDATE, UPSERT)] == [0, 0, 0]
    assert world.leads() == held


def test_the_lead_id_alone_brings_the_whole_person(build: Build) -> None:
    """A call without any column becomes a Lead with what Marketo has; the read is one call for both persons."""
    world = build()
    for number in (1, 2):
        fields = {"id": number, "email": f"person{number}@example.com", "firstName": "Ada", "lastName": "Lovelace"}
        world.marketo_twin.post("load", {"leads": [fields | {"company": "Engines"}]})
        world.marketo.load(number)

    executions = [world.receive_payload({"lead": {"id": number}}) for number in (1, 2)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("created", "")] * 2
    assert sorted((lead["Email"], lead["LastName"], lead["Company"]) for lead in world.leads()) == [
        (f"person{number}@example.com", "Lovelace", "Engines") for number in (1, 2)
    ]
    assert world.calls("GET /rest/v1/leads.json") == 1


@pytest.mark.pain("P10")
@pytest.mark.parametrize(
    ("policy", "ended", "leads"),
    [
        ("block", ("failed", "salesforce_DUPLICATES_DETECTED"), 1),
        ("allow", ("created", ""), 2),
        ("use_match", ("updated", ""), 1),
    ],
)
def test_what_the_orgs_duplicate_rule_finds_is_as_the_action_says(
    build: Build, policy: str, ended: tuple[str, str], leads: int
) -> None:
    """The org's rule finds a Lead by its address while the Action looks by another field."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "duplicate_rules": policy}
    identifier = {"column": "title", "field": "Title"}
    world = build(an_action(destination=destination, identifier=identifier))
    world.salesforce_twin.post("load", {"Lead": [{"LastName": "L", "Company": "C", "Email": "person1@example.com"}]})
    world.salesforce_twin.post("limits", {"duplicate_rule_alert": True})

    execution = world.receive(1, title="Countess", firstName="Augusta")
    world.run_out()

    assert world.ended(execution) == ended
    assert len(world.leads()) == leads
    assert ("Augusta" in {lead["FirstName"] for lead in world.leads()}) is (policy != "block")


@pytest.mark.pain("P35")
def test_whoever_is_a_contact_already_is_not_made_a_lead(build: Build) -> None:
    """Looked for among Contacts first: the Contact takes the fields, somebody unknown becomes a Lead, nobody both."""
    destination = {"connection": "salesforce-demo", "object": "Lead", "match_in": ["Contact", "Lead"]}
    mappings = [{"column": "email", "to": "Email"}, {"column": "firstName", "to": "FirstName"}]
    mappings += [{"column": "lastName", "to": "LastName"}, {"static": "Acme", "to": "Company"}]
    world = build(an_action(destination=destination, mappings=mappings))
    world.salesforce_twin.post("load", {"Contact": [{"LastName": "Before", "Email": "person1@example.com"}]})

    executions = [world.receive(number, firstName=f"Ada {number}") for number in (1, 2)]
    world.run_out()

    assert [world.ended(each)[0] for each in executions] == ["updated", "created"]
    contacts = world.salesforce_twin.get("records/Contact")
    assert [(each["Email"], each["FirstName"]) for each in contacts] == [("person1@example.com", "Ada 1")]
    assert [(each["Email"], each["FirstName"]) for each in world.leads()] == [("person2@example.com", "Ada 2")]


def test_an_action_writes_into_a_custom_object(build: Build) -> None:
    """An object that the org has made takes two people; one comes again and its record is updated. Marketo hears the
    Ids, Leads are not touched."""
    mappings = [
        {"column": "email", "to": "Email__c"},
        {"template": "{{firstName}} at the fair", "to": "Name"},
        {"column": "token.Seats", "to": "Seats__c"},
    ]
    destination = an_action_document()["destination"] | {"object": "Event_Registration__c"}
    identifier = {"column": "email", "field": "Email__c"}
    back = [{"field": "Id", "to": "salesforceId"}]
    world = build(an_action(destination=destination, identifier=identifier, mappings=mappings, writeback=back))

    executions = []
    for number, seats in ((1, "2"), (2, "1"), (1, "3")):
        payload = a_payload(number, firstName=f"Ada {number}") | {"token": {"Seats": seats}}
        executions.append(world.receive_payload(payload))
        world.run_out()

    kept = {each["Email__c"]: each for each in world.salesforce_twin.get("records/Event_Registration__c")}
    assert [world.ended(each)[0] for each in executions] == ["created", "created", "updated"]
    assert {address: (each["Name"], each["Seats__c"]) for address, each in kept.items()} == {
        "person1@example.com": ("Ada 1 at the fair", 3),
        "person2@example.com": ("Ada 2 at the fair", 1),
    }
    persons = world.persons()
    assert [persons[number]["salesforceId"] for number in (1, 2)] == [each["Id"] for each in kept.values()]
    assert world.leads() == []
