"""Syncs that put people into static lists and programs, with the product's own clients against both vendor twins."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.syncing import Step, Totals
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_sync_objects import findings
from tests.integration.vendors.test_syncs import WiredSyncs

type Build = Callable[..., WiredSyncs]
ONE_MORE = 301
LIST, PROGRAM = 1001, 1002


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync from Contacts to members of something, who are found by e-mail."""

    def made(into: dict[str, Any], mappings: list[dict[str, Any]]) -> WiredSyncs:
        document: dict[str, Any] = {
            "destination": {"connection": "marketing"} | into,
            "mappings": mappings,
            "import_rule": "update",
            "dedupe": "import_everything",
            "guard": {"changed_percent": 100, "blanked_percent": 100},
        }
        return WiredSyncs(clients, marketo, salesforce, a_sync(**document))

    return made


def members_of_list(world: WiredSyncs) -> set[str]:
    """The addresses of those in the list."""
    people = {int(lead["id"]): email for email, lead in world.leads().items()}
    return {people[int(each["leadId"])] for each in world.marketo.get("records/listMembers")}


@pytest.mark.cap("M074")
def test_contacts_are_put_into_a_list_and_taken_out_three_hundred_a_call(build: Build) -> None:
    """What is so already costs no write, nobody is made, and what changed in Salesforce changes the list."""
    into = {"object": "list_members", "static_list": "Opted out"}
    world = build(into, [{"to": "member", "column": "HasOptedOutOfEmail"}])
    world.people(ONE_MORE)
    world.marketo.post("load", {"staticLists": [{"id": LIST, "name": "Opted out"}]})
    world.contacts(ONE_MORE + 1, HasOptedOutOfEmail=True)
    assert findings(world) == []

    first = world.ran()

    assert (first.step, first.totals) == (Step.DONE, Totals(updated=ONE_MORE, skipped=1)), first.message
    assert members_of_list(world) == set(world.leads())
    path = f"/rest/v1/lists/{LIST}/leads.json"
    assert len(world.marketo.calls_of("POST", path)) == 2
    record = world.records()["person7@example.com"]
    world.wired.salesforce("crm").update("Contact", [{"Id": record["Id"], "HasOptedOutOfEmail": False}])

    second = world.again()

    assert second.totals == Totals(updated=1, unchanged=ONE_MORE - 1, skipped=1)
    assert members_of_list(world) == set(world.leads()) - {"person7@example.com"}
    assert len(world.marketo.calls_of("POST", path)) == 2


@pytest.mark.cap("M072")
def test_contacts_get_a_status_in_a_program_and_the_fields_of_their_membership(build: Build) -> None:
    """Whoever is no member becomes one, fields follow; who is past the status is left alone, and told."""
    into = {"object": "program_members", "program": "Webinar"}
    world = build(into, [{"to": "statusName", "column": "Department"}, {"to": "registrationCode", "column": "Title"}])
    world.people(3)
    world.marketo.post(
        "load", {"programs": [{"id": PROGRAM, "name": "Webinar", "type": "Event", "channel": "Webinar"}]}
    )
    ids = {email: int(lead["id"]) for email, lead in world.leads().items()}
    past = {"programId": PROGRAM, "leadId": ids["person2@example.com"], "statusName": "Attended"}
    world.marketo.post("load", {"programMembers": [past]})
    world.contacts(3, Department="Registered")
    assert findings(world) == []

    first, second = world.ran(), world.again()

    assert (first.step, first.totals) == (Step.DONE, Totals(updated=3)), first.message
    held = {int(each["leadId"]): each for each in world.marketo.get("records/programMembers")}
    assert {email: held[each]["statusName"] for email, each in ids.items()} == {
        "person0@example.com": "Registered",
        "person1@example.com": "Registered",
        "person2@example.com": "Attended",
    }
    assert second.totals == Totals(unchanged=2, skipped=1)
    assert {line["reason"] for line in world.results(second.slot).values() if line["outcome"] == "skipped"} == {
        "marketo_1037"
    }


@pytest.mark.parametrize(
    ("into", "mappings", "pointers"),
    [
        ({"object": "list_members"}, [{"to": "member", "static": True}], ["/destination/static_list"]),
        (
            {"object": "list_members", "static_list": "Nowhere"},
            [{"to": "member", "static": True}],
            ["/destination/static_list"],
        ),
        (
            {"object": "program_members", "program": 999},
            [{"to": "statusName", "static": "x"}],
            ["/destination/program"],
        ),
        ({"object": "leads", "program": 999}, [{"to": "title", "static": "x"}], ["/destination/program"]),
        ({"object": "list_members", "static_list": LIST}, [{"to": "title", "static": "x"}], ["/mappings/0/to"]),
    ],
)
def test_a_membership_needs_its_list_or_program_and_nothing_of_the_person(
    build: Build, into: dict[str, Any], mappings: list[dict[str, Any]], pointers: list[str]
) -> None:
    """What is missing, not there, or of the person rather than the membership is a finding at its member."""
    world = build(into, mappings)
    world.marketo.post("load", {"staticLists": [{"id": LIST, "name": "Somebody"}]})

    assert [pointer for pointer, _ in findings(world)] == pointers
