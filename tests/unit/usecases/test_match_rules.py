"""Decisions, several identifiers and objects, and the org's duplicate rules, on ports."""

from typing import Any

import pytest

from tests.builders.actions import an_action
from tests.builders.descriptions import a_field, a_salesforce_lead
from tests.builders.world import World
from tests.fakes.steps import Crash

BOTH = {"connection": "salesforce-demo", "object": "Lead", "match_in": ["Contact", "Lead"]}
TOLD = [{"execution": "decision", "to": "outcome"}, {"field": "Title", "to": "message"}]


def a_decision(**changes: Any) -> Any:
    """An Action that only looks, and tells what it found."""
    results = an_action().model_dump(exclude_none=True)["results"] | {"mappings": TOLD}
    back = [{"execution": "decision", "to": "leadStatus"}, {"field": "Title", "to": "title"}]
    return an_action(**{"type": "decide", "mappings": None, "writeback": back, "results": results} | changes)


def a_lead_object() -> Any:
    """An org whose Leads can be converted."""
    return a_salesforce_lead(ConvertedContactId=a_field("ConvertedContactId", "reference", createable=False))


def test_a_decision_tells_who_is_there_and_writes_nothing_at_salesforce() -> None:
    """Found and not found reach Marketo with the chosen fields, by one look and no write."""
    world = World(a_decision())
    known = world.salesforce.load("Lead", Email="person7@example.com", Title="Countess")

    found, missing = world.receive(7), world.receive(8)
    world.drain()

    assert (world.ended(found), world.ended(missing)) == (("decided", "found"), ("decided", "not_found"))
    assert world.execution(found)["salesforce_id"] == known
    assert world.salesforce.trouble.made("create", "update", "upsert") == 0
    told = [[(one.primary_attribute_value, one.attributes) for one in world.marketo.logged(lead)] for lead in (7, 8)]
    assert told == [
        [("Success", {"outcome": "found", "message": "Countess", "executionId": found})],
        [("Success", {"outcome": "not found", "executionId": missing})],
    ]
    assert {"leadStatus": "found", "title": "Countess"}.items() <= world.marketo.leads[7].items()
    assert {"leadStatus": "not found", "title": None}.items() <= world.marketo.leads[8].items()


@pytest.mark.parametrize(
    ("rule", "ended"),
    [
        (None, ("failed", "ambiguous_match")),
        ({"choose": "refuse"}, ("failed", "ambiguous_match")),
        ({"order_by": "CreatedDate", "choose": "oldest"}, ("decided", "found")),
    ],
)
def test_a_decision_follows_the_duplicate_record_rule(rule: dict[str, Any] | None, ended: tuple[str, str]) -> None:
    """Several records: the rule says which; without one the decision fails and says so."""
    world = World(a_decision(duplicate_record_rule=rule))
    oldest = world.salesforce.load("Lead", Email="person7@example.com")
    world.clock.advance(3600)
    world.salesforce.load("Lead", Email="person7@example.com")

    execution = world.receive(7)
    world.drain()

    assert world.ended(execution) == ended
    assert world.execution(execution)["salesforce_id"] == (oldest if ended[0] == "decided" else "")


def test_a_decision_that_could_not_be_told_is_made_again() -> None:
    """While Marketo takes nothing, the person is created: what is told then is that there is one."""
    world = World(a_decision())
    world.marketo.trouble.lose_answer("sync_leads", committed=False)

    execution = world.receive(7)
    world.drain()
    world.salesforce.load("Lead", Email="person7@example.com")
    world.run_out()

    assert world.ended(execution) == ("decided", "found")
    assert world.marketo.leads[7]["leadStatus"] == "found"
    assert len(world.marketo.logged(7)) == 1


def test_a_person_is_looked_for_object_by_object() -> None:
    """A Contact is updated as such, a Lead as such, nobody becomes a Lead; two looks for the whole batch."""
    world = World(an_action(destination=BOTH, writeback=[{"field": "Id", "to": "salesforceId"}]))
    contact = world.salesforce.load("Contact", Email="person1@example.com", FirstName="before")
    lead = world.salesforce.load("Lead", Email="person2@example.com", FirstName="before")

    executions = [world.receive(number, firstName=f"new {number}") for number in (1, 2, 3)]
    world.drain()

    assert [world.ended(each)[0] for each in executions] == ["updated", "updated", "created"]
    assert [world.execution(each)["salesforce_id"] for each in executions[:2]] == [contact, lead]
    assert [one["FirstName"] for one in world.salesforce.records("Contact")] == ["new 1"]
    assert [one["FirstName"] for one in world.leads()] == ["new 2", "new 3"]
    assert "Company" not in world.salesforce.records("Contact")[0]
    assert world.salesforce.trouble.made("find") == 2
    assert world.marketo.leads[1]["salesforceId"] == contact


def test_a_converted_lead_is_followed_to_its_contact() -> None:
    """The Contact that a Lead became is updated, the Lead is left alone."""
    world = World(an_action(destination=BOTH), described=a_lead_object())
    contact = world.salesforce.load("Contact", Email="new@example.com")
    world.salesforce.load("Lead", Email="person7@example.com", ConvertedContactId=contact)

    execution = world.receive(7)
    world.drain()

    assert world.ended(execution) == ("updated", "")
    assert world.execution(execution)["salesforce_id"] == contact
    assert world.salesforce.records("Contact")[0]["FirstName"] == "Ada"
    assert "FirstName" not in world.leads()[0]


def test_a_field_that_only_one_object_has_is_written_back_of_that_one() -> None:
    """A Contact has no status: the Marketo field of it is left alone, not cleared."""
    back = [{"field": "Status", "to": "leadStatus"}, {"field": "Title", "to": "title"}]
    world = World(an_action(destination=BOTH, writeback=back))
    world.salesforce.load("Contact", Email="person1@example.com", Title="Countess")
    world.salesforce.load("Lead", Email="person2@example.com", Status="Open", Title="Ms")
    for number in (1, 2):
        world.marketo.load(number, leadStatus="before", title="before")

    for number in (1, 2):
        world.receive(number)
    world.drain()

    told = [(world.marketo.leads[number]["leadStatus"], world.marketo.leads[number]["title"]) for number in (1, 2)]
    assert told == [("before", "Countess"), ("Open", "Ms")]


@pytest.mark.parametrize("crash", ["salesforce.create", "salesforce.create.done", "salesforce.find.done"])
def test_a_create_that_was_lost_is_found_among_several_objects(crash: str) -> None:
    """A worker dies around the create: one Lead exists in the end, and the person is told once."""
    key = {"column": "externalId", "field": "External__c"}
    world = World(an_action(destination=BOTH, further_identifiers=[key]))
    execution = world.receive(7, externalId="X-7")
    world.steps.die_of(crash)
    with pytest.raises(Crash):
        world.drain()
    world.clock.advance(61)

    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert len(world.leads()) == 1
    assert len(world.marketo.logged(7)) == 1


@pytest.mark.parametrize(
    ("policy", "ended", "leads", "contact"),
    [
        (None, ("failed", "salesforce_DUPLICATES_DETECTED"), 0, None),
        ("block", ("failed", "salesforce_DUPLICATES_DETECTED"), 0, None),
        ("allow", ("created", ""), 1, None),
        ("use_match", ("updated", ""), 0, "Ada"),
    ],
)
def test_what_the_orgs_duplicate_rule_finds_is_as_the_action_says(
    policy: str | None, ended: tuple[str, str], leads: int, contact: str | None
) -> None:
    """The rule finds a Contact by its phone: the write is refused, made all the same, or goes to that Contact."""
    mappings = [*an_action().model_dump(exclude_none=True)["mappings"], {"column": "phone", "to": "Phone"}]
    world = World(an_action(destination=BOTH | {"duplicate_rules": policy}, mappings=mappings))
    world.salesforce.duplicate_rule = "Phone"
    world.salesforce.load("Contact", Email="else@example.com", Phone="1")

    execution = world.receive(7, phone="1")
    world.drain()

    assert world.ended(execution) == ended
    assert len(world.leads()) == leads
    assert world.salesforce.records("Contact")[0].get("FirstName") == contact


def test_several_records_of_a_duplicate_rule_are_not_guessed_about() -> None:
    """Two records that the org names: nothing is written, the message names both."""
    mappings = [*an_action().model_dump(exclude_none=True)["mappings"], {"column": "phone", "to": "Phone"}]
    world = World(an_action(destination=BOTH | {"duplicate_rules": "use_match"}, mappings=mappings))
    world.salesforce.duplicate_rule = "Phone"
    ids = [world.salesforce.load("Contact", Email=f"{name}@example.com", Phone="1") for name in "ab"]

    execution = world.receive(7, phone="1")
    world.run_out()

    assert world.ended(execution)[0] == "failed"
    assert all(each in world.execution(execution)["message"] for each in ids)
    assert world.leads() == []
