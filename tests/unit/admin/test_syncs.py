"""The admin API's routes of Syncs, on in-memory ports."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.lifecycle import Move
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.syncing import Step, SyncRun, Totals
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection
from tests.builders.admin import Admin
from tests.builders.descriptions import a_field
from tests.builders.syncs import a_sync, a_sync_document
from tests.builders.world import World
from tests.fakes.clock import NOON

SYNC = "contacts-to-people"
ENDS: dict[str, Any] = {
    "source": {"connection": SALESFORCE, "object": "Lead"},
    "destination": {"connection": MARKETO, "object": "leads"},
}


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment with both connections."""
    admin = Admin(World())
    admin.store(a_marketo_connection(), a_salesforce_connection())
    return admin


def document(**members: Any) -> dict[str, Any]:
    """The Sync's document, from the org's Lead to the instance's leads."""
    return a_sync_document(**ENDS | members)


@pytest.mark.cap("S03")
def test_a_sync_that_was_created_is_in_the_list_which_filters_and_pages(admin: Admin) -> None:
    """With state, both ends and schedule in words; 50 a page, by state or by a part of the name."""
    created = admin.ask("PUT", f"/syncs/{SYNC}", {"document": document(schedule={"every": {"minutes": 15}})})
    admin.store(*(a_sync(id=f"more-{number:02}", name=f"More {number}", **ENDS) for number in range(60)))
    admin.world.configurations.move("sync", "more-07", Move.ACTIVATE)

    first = admin.get("/syncs")
    second = admin.get("/syncs", token=first["next_token"])

    assert created.status == 200
    assert [len(each["syncs"]) for each in (first, second)] == [50, 11]
    assert second["next_token"] is None
    [mine] = [each for each in first["syncs"] if each["id"] == SYNC]
    [crm] = [each for each in admin.get("/connections")["connections"] if each["id"] == SALESFORCE]
    assert crm["syncs"][0] == SYNC
    assert (mine["state"], mine["schedule"]) == ("validated", "every 15 minutes")
    assert (mine["source"], mine["destination"]) == (ENDS["source"], ENDS["destination"])
    assert [each["id"] for each in admin.get("/syncs", state="active")["syncs"]] == ["more-07"]
    assert [each["id"] for each in admin.get("/syncs", name="MORE 5")["syncs"]] == [
        "more-05",
        *(f"more-{number}" for number in range(50, 60)),
    ]


def test_a_sync_is_read_changed_and_removed(admin: Admin) -> None:
    """What is saved comes back; a change is a version; only one that is not active can be removed."""
    admin.ask("PUT", f"/syncs/{SYNC}", {"document": document(description="first")})
    changed = admin.ask("PUT", f"/syncs/{SYNC}", {"document": document(description="second")})

    found = admin.get(f"/syncs/{SYNC}")
    assert (changed.json["version"], found["document"]["description"]) == (2, "second")
    assert found["document"]["import"] == "create_and_update"
    assert admin.get(f"/syncs/{SYNC}", version="1")["document"]["description"] == "first"
    assert admin.post(f"/documents/sync/{SYNC}/state", {"move": "activate"})["state"] == "active"
    assert admin.ask("DELETE", f"/syncs/{SYNC}").json["code"] == "active"
    admin.post(f"/documents/sync/{SYNC}/state", {"move": "deactivate"})
    assert admin.ask("DELETE", f"/syncs/{SYNC}").status == 200
    assert admin.ask("GET", f"/syncs/{SYNC}").status == 404


def test_a_removed_sync_is_forgotten(admin: Admin) -> None:
    """How far it came is not known to one of the same id that is made later."""
    admin.store(a_sync(**ENDS))
    held = admin.runs.take(SYNC, "slot", admin.runs.standing(SYNC), NOON)
    assert held is not None
    assert admin.runs.commit(SYNC, "slot", held.epoch, NOON, 10, carried="")

    assert admin.ask("DELETE", f"/syncs/{SYNC}").status == 200
    assert admin.runs.standing(SYNC).watermark is None


def test_whoever_stores_a_sync_after_somebody_else_is_told(admin: Admin) -> None:
    """A version that is to follow another one than the current is not stored; 0 is for a Sync that is new."""
    stored = [
        admin.ask("PUT", f"/syncs/{SYNC}", {"document": document(description=said), "expected_version": follows})
        for said, follows in (("first", 0), ("second", 1), ("late", 1), ("another", 0))
    ]

    assert [each.status for each in stored] == [200, 200, 409, 409]
    assert stored[2].json["code"] == "changed_meanwhile"
    assert "version 2" in stored[2].json["message"]
    assert admin.get(f"/syncs/{SYNC}")["document"]["description"] == "second"


def test_the_list_tells_of_each_sync_its_last_run_and_its_next(admin: Admin) -> None:
    """The newest run with its counts; the next slot of one that is active, none of one that is paused or started by
    hand only."""
    every: dict[str, Any] = {"schedule": {"every": {"hours": 1}}}
    admin.store(a_sync(**ENDS, **every), a_sync(id="by-hand", **ENDS), a_sync(id="held", **ENDS, **every))
    for identifier in (SYNC, "by-hand", "held"):
        admin.world.configurations.move("sync", identifier, Move.ACTIVATE)
    admin.world.configurations.move("sync", "held", Move.PAUSE)
    for slot, pulled in ((1, 7), (2, 9)):
        admin.runs.begin(
            SyncRun(
                sync=SYNC,
                slot=f"2026030{slot}T110000Z",
                version=1,
                source="salesforce",
                destination="marketo",
                epoch=slot,
                started_at=NOON - timedelta(days=3 - slot),
                ended_at=NOON - timedelta(days=2.5 - slot),
                step=Step.DONE,
                pulled=pulled,
                totals=Totals(created=pulled),
            )
        )

    by_hand, mine, held = admin.get("/syncs")["syncs"]
    one = admin.get(f"/syncs/{SYNC}")
    admin.post(f"/documents/sync/{SYNC}/state", {"move": "deactivate"})

    assert (mine["last_run"]["slot"], mine["last_run"]["created"]) == ("20260302T110000Z", 9)
    assert (by_hand["last_run"], by_hand["next_run"], held["next_run"]) == (None, None, None)
    assert datetime.fromisoformat(mine["next_run"]) == NOON + timedelta(hours=1)
    assert (one["next_run"], one["schedule"]) == (mine["next_run"], "every hour")
    assert admin.get(f"/syncs/{SYNC}")["next_run"] is None


def test_a_sync_that_has_findings_or_another_id_is_refused(admin: Admin) -> None:
    """Findings have pointer and remedy; nothing is stored."""
    wrong = admin.ask("PUT", f"/syncs/{SYNC}", {"document": document(match=[{"column": "Mail", "field": "email"}])})
    other = admin.ask("PUT", "/syncs/other", {"document": document()})

    assert (wrong.status, wrong.json["pointer"]) == (422, "/match/0/column")
    assert (other.status, other.json["pointer"]) == (422, "/document/id")
    assert admin.get("/syncs")["syncs"] == []


def test_the_query_of_a_sync_says_where_each_clause_is_asked(admin: Admin) -> None:
    """The first request, the statement, and the clauses with the reason where we ask them ourselves."""
    asked = {
        "clauses": [
            {"column": "LastName", "operator": "equals", "value": "O'Hara"},
            {"column": "LastName", "operator": "equals", "value": 5},
        ]
    }
    admin.store(a_sync(**ENDS, conditions=asked))

    found = admin.get(f"/syncs/{SYNC}/query")

    assert "WHERE LastName = 'O\\'Hara' ORDER BY Id" in found["soql"]
    assert found["request"].endswith(found["soql"])
    assert [(each["at_source"], each["why"]) for each in found["clauses"]] == [
        (True, ""),
        (False, "a text is compared with what is no text"),
    ]
    assert (found["way"], found["since"]) == ("rest", None)
    assert admin.ask("GET", "/syncs/nobody/query").status == 404


def test_a_preview_shows_counts_mappings_and_rows_and_takes_an_edit(admin: Admin) -> None:
    """Rows with what would become of them, without storing anything; an edit with findings is refused with them."""
    for number in range(3):
        row = {"Id": f"00{number}", "Email": f"p{number}@example.com", "LastName": f"Name {number}"}
        admin.source.rows.append((row, NOON - timedelta(days=1), NOON - timedelta(days=1)))
    admin.destination.records.append({"id": "7", "email": "p1@example.com", "lastName": "Name 1"})
    admin.store(a_sync(**ENDS))
    titled = document(mappings=[*document()["mappings"], {"to": "title", "static": "Friend"}])

    found = admin.post(f"/syncs/{SYNC}/preview", {})
    edited = admin.post(f"/syncs/{SYNC}/preview", {"document": titled})
    wrong = admin.ask("POST", f"/syncs/{SYNC}/preview", {"document": document(mappings=[])})
    other = admin.ask("POST", f"/syncs/{SYNC}/preview", {"document": document(id="other")})
    new = admin.post("/syncs/not-stored/preview", {"document": document(id="not-stored")})

    assert (found["total"]["rows"], found["total"]["exact"]) == (3, True)
    assert [row["outcome"] for row in found["rows"]] == ["created", "unchanged", "created"]
    assert found["mappings"] == [{**each, "blank": "skip"} for each in document()["mappings"]]
    assert [row["outcome"] for row in edited["rows"]] == ["created", "updated", "created"]
    assert edited["rows"][1]["fields"] == [{"name": "title", "before": None, "after": "Friend"}]
    assert (wrong.status, wrong.json["pointer"]) == (422, "/mappings")
    assert (other.status, other.json["pointer"]) == (422, "/document/id")
    assert ([row["outcome"] for row in new["rows"]], new["version"]) == (["created", "unchanged", "created"], 0)
    assert admin.ask("POST", "/syncs/not-stored/preview", {}).status == 404
    assert admin.get(f"/syncs/{SYNC}")["version"] == 1
    assert admin.destination.written == []


@pytest.mark.cap("S05", "S17")
def test_objects_of_either_end_come_from_what_the_vendors_describe(admin: Admin) -> None:
    """A source is what can be queried or listed, a destination what can be written; the object fixes its columns."""

    def names(connection: str, **query: str) -> list[str]:
        return [each["name"] for each in admin.get(f"/connections/{connection}/objects", **query)["objects"]]

    admin.world.marketo.objects["car_c"] = ObjectDescription(name="car_c", fields={"vin": a_field("vin")})

    assert names(SALESFORCE, role="sync_destination") == ["Gift__c", "Lead"]
    assert names(SALESFORCE, role="sync_source") == ["Gift__c", "Lead", "LeadHistory"]
    keyed = ["companies", "opportunities", "opportunity_roles", "sales_persons"]
    into = ["leads", "list_members", "program_members"]
    assert names(MARKETO, role="sync_destination") == [*into, *keyed, "car_c"]
    assert names(MARKETO, role="sync_source") == ["leads", "list_members", "activities", "program_members", "car_c"]
    fields = admin.get(f"/connections/{MARKETO}/objects/car_c/fields", role="sync_source")["fields"]
    assert [each["name"] for each in fields] == ["vin"]
    people = f"/connections/{SALESFORCE}/objects/Lead/fields"
    asked = {each["name"]: each["operators"] for each in admin.get(people, role="sync_source")["fields"]}
    assert "starts_with" in asked["Email"]
    assert [each["operators"] for each in admin.get(people)["fields"] if each["operators"]] == []
    assert admin.ask("GET", f"/connections/{MARKETO}/objects/car_c/fields").status == 404
    assert admin.ask("GET", f"/connections/{SALESFORCE}/objects/Feed/fields", role="sync_source").status == 404
