"""Who is found, and what an Action that only looks tells: the product's clients against both twins."""

from functools import partial
from typing import Any

import pytest

from tests.builders.actions import an_action, an_action_document
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, UPDATE, UPSERT, Build, WiredWorld


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def test_a_decision_reaches_marketo_and_writes_nothing_at_salesforce(build: Build) -> None:
    """Found with the chosen field, and not found, are logged as activities; Salesforce gets no write."""
    results: dict[str, Any] = an_action_document()["results"] | {"mappings": [{"field": "Company", "to": "message"}]}
    world = build(an_action(type="decide", mappings=None, writeback=None, results=results))
    world.salesforce_twin.post(
        "load", {"Lead": [{"LastName": "L", "Company": "Engines", "Email": "person1@example.com"}]}
    )

    found, missing = world.receive(1), world.receive(2)
    world.run_out()

    assert (world.ended(found), world.ended(missing)) == (("decided", "found"), ("decided", "not_found"))
    assert [world.calls(each) for each in (CREATE, UPDATE, UPSERT)] == [0, 0, 0]
    assert sorted(world.told()) == sorted([found, missing])
    assert [lead["Company"] for lead in world.leads()] == ["Engines"]


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
