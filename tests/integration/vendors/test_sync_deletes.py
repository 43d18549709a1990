"""Deletions, plans and their application with the product's own clients against both vendor twins."""

from typing import Any

import pytest

from leadbridge.domain.syncing import SyncRun, Totals
from tests.integration.vendors.test_syncs import TO_MARKETO, TO_SALESFORCE, Build, WiredSyncs, build

__all__ = ["build"]

INCREMENTAL: dict[str, Any] = {"extraction": "incremental"}


def in_salesforce(world: WiredSyncs, what: str, **members: Any) -> None:
    """What a person does in the org, and the hour after it."""
    world.salesforce.post(what, {"object": "Contact", **members})
    world.clock.advance(3600)


@pytest.mark.pain("P18")
def test_contacts_that_are_deleted_take_their_leads_along(build: Build) -> None:
    """Deleted ones go, a duplicate of a living one does not, a restored one comes back; an idle run asks twice."""
    world = build(**TO_MARKETO, **INCREMENTAL, deletes="delete")
    world.contacts(5)
    assert world.ran().totals == Totals(created=5)
    world.salesforce.post("load", {"Contact": [{"Email": "person3@example.com", "LastName": "Twice"}]})
    wanted = ids_of(world, "person1@example.com", "person2@example.com")
    [twice] = [each["Id"] for each in world.salesforce.get("records/Contact") if each["LastName"] == "Twice"]
    in_salesforce(world, "delete", ids=[*wanted, twice])
    run = world.again()

    assert run.totals == Totals(deleted=2, skipped=1)
    assert sorted(world.leads()) == [f"person{number}@example.com" for number in (0, 3, 4)]
    in_salesforce(world, "undelete", ids=wanted[:1])
    assert world.again().totals == Totals(created=1)
    assert "person1@example.com" in world.leads()
    before = _asked(world)
    assert world.again().totals == Totals()
    assert [each for each in _asked(world)[len(before) :] if each not in {"describe", "token"}] == [
        "updated",
        "deleted",
    ]


def _asked(world: WiredSyncs) -> list[str]:
    """The last words of the addresses that the org was asked."""
    return [each["path"].rstrip("/").rpartition("/")[2] for each in world.salesforce.get("log?since=0")]


def ids_of(world: WiredSyncs, *emails: str) -> list[str]:
    """The ids of Contacts by address."""
    return [
        each["Id"] for email in emails for each in world.salesforce.get("records/Contact") if each["Email"] == email
    ]


@pytest.mark.pain("P18")
def test_people_that_are_deleted_are_flagged_in_salesforce(build: Build) -> None:
    """Marketo tells the id alone, which a mapping has put into the org; a merged person's Contact is left."""
    plain: Any = TO_SALESFORCE["mappings"]
    mappings = [*plain, {"to": "External_Key__c", "column": "id"}]
    members = {**TO_SALESFORCE, "mappings": mappings, "deletes": {"flag": "HasOptedOutOfEmail"}, **INCREMENTAL}
    world = build(**members)
    world.people(4)
    world.clock.advance(900)
    first = world.ran()
    assert first.totals == Totals(created=4), first.message
    world.wired.marketo("marketing").leads.delete([2])
    world.wired.marketo("marketing").merge_leads(1, [3])
    world.clock.advance(3600)
    run = world.again()

    assert (run.totals.flagged, run.totals.deleted) == (1, 0)
    marked = {email for email, each in world.records().items() if each.get("HasOptedOutOfEmail")}
    assert marked == {"person1@example.com"}
    assert run.totals.failed == 0


def test_a_plan_is_applied_record_by_record_to_both_vendors_twins(build: Build) -> None:
    """Every lead is what it was plus what the plan lists; one that drifted meanwhile is named and left."""
    world = build(**TO_MARKETO)
    world.contacts(5)
    world.ran()
    for number, each in enumerate(world.records().values()):
        if number < 3:
            world.wired.salesforce("crm").update("Contact", [{"Id": each["Id"], "Title": f"Planned {number}"}])
    world.clock.advance(3600)
    plan = ran(world, world.starting().plan(world.sync.id).slot)
    before = world.leads()
    assert plan.totals == Totals(updated=3, unchanged=2)
    listed = {row.record_id: row for row in world.results_of().planned(world.sync.id, plan.slot) if row.fields}
    drifted = min(listed, key=int)
    world.wired.marketo("marketing").sync_leads(
        [{"id": int(drifted), "title": "Meanwhile"}], action="updateOnly", lookup_field="id"
    )
    run = ran(world, world.starting().apply(world.sync.id, plan.slot).slot)

    assert run.totals == Totals(updated=2, failed=1)
    [failed] = world.results_of().failed(world.sync.id, run.slot)
    assert (failed.reason, failed.source_id) == ("drifted", listed[drifted].source_id)
    for email, lead in world.leads().items():
        row = listed.get(str(lead["id"]))
        wanted = dict(before[email])
        if row is not None:
            wanted |= {each.name: each.after for each in row.fields}
        if str(lead["id"]) == drifted:
            wanted["title"] = "Meanwhile"
        assert {name: value for name, value in lead.items() if name != "updatedAt"} == {
            name: value for name, value in wanted.items() if name != "updatedAt"
        }


def ran(world: WiredSyncs, slot: str) -> SyncRun:
    """A run to its end, and the minute after it."""
    run = world.drive(slot)
    world.clock.advance(60)
    return run
