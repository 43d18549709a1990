"""What is deleted, merged, converted or taken from us after it was looked for and before it is written."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from leadbridge.domain.syncing import Step, Totals
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.events import a_payload
from tests.builders.syncs import a_sync, a_sync_document
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs, person
from tests.integration.vendors.wired import CREATE, UPDATE, Build, WiredWorld

ADDRESS = "person1@example.com"
BOTH = {"connection": SALESFORCE, "object": "Lead", "match_in": ["Contact", "Lead"]}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def before_the_write(clients: Clients, act: Callable[[], object], endpoint: str = UPDATE) -> None:
    """Let something happen when the first write to an endpoint is about to leave."""
    waiting = [act]

    def strike(request: httpx.Request) -> None:
        if waiting and f"{request.method} {request.url.path}" == endpoint:
            waiting.pop()()

    clients.http.event_hooks["request"].append(strike)


def a_lead(salesforce: Twin, **fields: Any) -> str:
    """A Lead of person 1 that the org holds."""
    loaded = salesforce.post("load", {"Lead": [{"Email": ADDRESS, "LastName": "Old", "Company": "Old Ltd"} | fields]})
    return str(loaded["Lead"][0])


@pytest.mark.fault("FS11")
def test_a_lead_that_is_converted_meanwhile_has_its_contact_updated_once(
    build: Build, clients: Clients, salesforce: Twin
) -> None:
    """Refused as converted: one more look, the Contact is updated and told to Marketo, and the Lead stays as it is."""
    lead = a_lead(salesforce)
    world = build(an_action(destination=BOTH))
    made: list[dict[str, Any]] = []
    before_the_write(clients, lambda: made.extend(salesforce.post("convert", {"leads": [{"leadId": lead}]})))
    execution = world.receive(1)

    world.run_out()

    contact = made[0]["contactId"]
    assert world.ended(execution) == ("updated", "")
    assert world.execution(execution)["salesforce_id"] == world.persons()[1]["salesforceId"] == contact
    assert [(each["Id"], each["LastName"]) for each in salesforce.get("records/Contact")] == [(contact, "Lovelace")]
    assert [each["LastName"] for each in world.leads()] == ["Old"]
    assert (world.calls(CREATE), len(world.sent(UPDATE))) == (0, 2)
    assert world.told() == [execution]


@pytest.mark.fault("FS11")
def test_a_converted_lead_of_an_action_that_looks_for_leads_alone_is_failed_by_name(
    build: Build, clients: Clients, salesforce: Twin
) -> None:
    """It is asked for twice and no more; the reason is the vendor's, and nothing new is made."""
    lead = a_lead(salesforce)
    world = build()
    before_the_write(clients, lambda: salesforce.post("convert", {"leads": [{"leadId": lead}]}))
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("failed", "salesforce_CANNOT_UPDATE_CONVERTED_LEAD")
    assert (world.calls(CREATE), len(world.sent(UPDATE))) == (0, 2)
    assert [each["Id"] for each in world.leads()] == [lead]


@pytest.mark.fault("FS12")
def test_a_lead_that_is_merged_meanwhile_is_followed_to_the_one_that_won(
    build: Build, clients: Clients, salesforce: Twin
) -> None:
    """The loser of a merge is gone: the next look finds the master, which is updated; nobody is made anew."""
    lead = a_lead(salesforce)
    master = a_lead(salesforce, Email="other@example.com")
    world = build()

    def merge() -> None:
        salesforce.post("merge", {"object": "Lead", "master": master, "losers": [lead]})
        salesforce.post("set", {"object": "Lead", "ids": [master], "fields": {"Email": ADDRESS}})

    before_the_write(clients, merge)
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("updated", "")
    assert world.execution(execution)["salesforce_id"] == master
    assert [(each["Id"], each["LastName"]) for each in world.leads()] == [(master, "Lovelace")]
    assert world.calls(CREATE) == 0


@pytest.mark.fault("FS12")
@pytest.mark.parametrize(("kind", "outcome", "left"), [("upsert", "created", 1), ("update", "skipped", 0)])
def test_a_lead_that_is_deleted_meanwhile_is_made_anew_only_by_an_action_that_creates(
    build: Build, clients: Clients, salesforce: Twin, kind: str, outcome: str, left: int
) -> None:
    """As if the call had come after the deletion: one that creates makes one record, one that updates skips it."""
    lead = a_lead(salesforce)
    world = build(an_action(type=kind))
    before_the_write(clients, lambda: salesforce.post("delete", {"object": "Lead", "ids": [lead]}))
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution)[0] == outcome
    assert len(world.leads()) == left
    assert lead not in {each["Id"] for each in world.leads()}


@pytest.mark.fault("FS12")
@pytest.mark.parametrize(
    ("rule", "totals"),
    [
        ("create_and_update", Totals(created=1, updated=1)),
        ("update", Totals(updated=1, skipped=1)),
    ],
)
def test_a_contact_that_is_deleted_meanwhile_goes_by_the_syncs_import_rule(
    clients: Clients, marketo: Twin, salesforce: Twin, rule: str, totals: Totals
) -> None:
    """One of two Contacts is deleted between look and write: the other is updated, the one as if it never was there."""
    rows = [{"Email": f"person{number}@example.com", "LastName": "Old"} for number in range(2)]
    gone = salesforce.post("load", {"Contact": rows})["Contact"][0]
    world = WiredSyncs(
        clients, marketo, salesforce, a_sync(to_salesforce=True, dedupe="import_everything", import_rule=rule)
    )
    world.people(2)
    before_the_write(clients, lambda: salesforce.post("delete", {"object": "Contact", "ids": [gone]}))

    run = world.ran()

    assert (run.step, run.totals) == (Step.DONE, totals)
    assert world.records()["person1@example.com"]["LastName"] == person(1)["lastName"]
    assert len(world.records()) == totals.created + totals.updated


@pytest.mark.fault("FS18")
def test_a_field_taken_from_us_in_mid_run_ends_that_sync_by_its_name_and_no_other(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Hidden between look and write: the run fails naming the field, its watermark stays, another Sync goes on."""
    mappings = [*a_sync_document(to_salesforce=True)["mappings"], {"to": "Title", "column": "title"}]
    world = WiredSyncs(
        clients, marketo, salesforce, a_sync(to_salesforce=True, extraction="incremental", mappings=mappings)
    )
    world.people(2)
    before_the_write(clients, lambda: salesforce.post("permissions", {"hidden": ["Contact.Title"]}), CREATE)

    run = world.ran()

    assert (run.step, run.reason) == (Step.FAILED, "salesforce_INVALID_FIELD_FOR_INSERT_UPDATE")
    assert "Title" in run.message
    assert world.runs.standing(world.sync.id).watermark is None
    assert world.records() == {}

    other = WiredSyncs(clients, marketo, salesforce, a_sync(to_salesforce=True))
    assert other.ran().totals == Totals(created=2)


@pytest.mark.fault("FS18")
def test_a_field_taken_from_us_fails_what_maps_it_by_name_and_other_actions_go_on(
    build: Build, clients: Clients, salesforce: Twin
) -> None:
    """Hidden between look and write: that Action's event fails with the field's name and an alarm, another's goes on.

    The next one is parked: the description that is read then lacks the field.
    """
    titled = [*an_action().model_dump(exclude_none=True)["mappings"], {"static": "Countess", "to": "Title"}]
    world = build(an_action(mappings=titled), an_action(id="other", name="Other"))
    before_the_write(clients, lambda: salesforce.post("permissions", {"hidden": ["Lead.Title"]}), CREATE)
    broken = world.receive(1)
    world.drain()
    later = world.receive(3)
    sound = world.receive_payload(a_payload(2), action_id="other")

    world.run_out()

    assert world.ended(broken) == ("failed", "salesforce_INVALID_FIELD_FOR_INSERT_UPDATE")
    assert world.meter.of("FatalVendorErrors", vendor="salesforce") == 1
    seen = world.execution(later)
    assert (seen["state"], seen["reason"]) == ("parked", "mapping_broken")
    assert all("Title" in world.execution(each)["message"] for each in (broken, later))
    assert world.ended(sound) == ("created", "")
    assert [each["Email"] for each in world.leads()] == ["person2@example.com"]
