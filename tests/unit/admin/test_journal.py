"""The activity log: what somebody did through the API is kept with its sentence, what somebody looked at is not."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.admin.journal import DEEDS, deeds
from leadbridge.admin.roles import LEAST_ROLES
from leadbridge.domain.action import as_document
from leadbridge.domain.journal import DEEDS as SENTENCES
from leadbridge.domain.journal import KIND_WORDS, Entry, said
from leadbridge.domain.kinds import KINDS
from leadbridge.domain.lifecycle import Move
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.admin import PERSON, PRINCIPAL, Admin, from_console
from tests.builders.cycles import NAME, a_cycle
from tests.builders.syncs import a_sync
from tests.builders.world import World
from tests.fakes.clock import NOON

SLOT = "20260302T120000Z"
PERSONS = {"id_field": "salesforceId", "leads": {"fields": [NAME]}}
#: versions are noted where they are stored
VERSIONS = {
    ("PUT", "/actions/{action_id}"),
    ("PUT", "/syncs/{sync_id}"),
    ("PUT", "/cycles/{cycle_id}"),
    ("PUT", "/connections/{connection_id}"),
    ("POST", "/documents/apply"),
    ("POST", "/documents/{kind}/{document_id}/rollback"),
}
#: nothing is changed by them
LOOKS = {
    ("POST", "/connections/{connection_id}/test"),
    ("POST", "/documents/validate"),
    ("POST", "/documents/plan"),
    ("POST", "/executions/search"),
    ("POST", "/syncs/{sync_id}/preview"),
    ("POST", "/cycles/propose"),
    ("POST", "/cycles/provisioning"),
}


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment with an active Action, a Sync and a cycle."""
    admin = Admin(World(an_action()))
    cycle = a_cycle(marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS, companies=None, sales_persons=None)
    ends: dict[str, Any] = {
        "source": {"connection": SALESFORCE, "object": "Lead"},
        "destination": {"connection": MARKETO, "object": "leads"},
    }
    admin.store(a_marketo_connection(), a_salesforce_connection(), cycle, a_sync(**ends))
    for kind, identifier in (("crm_cycle", "main"), ("sync", "contacts-to-people")):
        admin.world.configurations.move(kind, identifier, Move.ACTIVATE)
    return admin


def told(admin: Admin) -> list[tuple[str | None, str]]:
    """Who did what, the newest first, as a viewer sees it."""
    answered = admin.send(from_console("GET", "/activity", groups="viewer"))
    assert answered.status == 200, answered.json
    return [(each["who"], each["message"]) for each in answered.json["entries"]]


def test_every_route_that_changes_something_is_a_deed_with_a_sentence() -> None:
    """A new one is added here, to the versions or to what only looks; every kind of documents has its words."""
    changing = {each for each in LEAST_ROLES if each[0] != "GET"}
    assert changing == ({each for each in DEEDS if each[0] != "GET"} | VERSIONS | LOOKS)
    assert {each for each in DEEDS if each[0] == "GET"} == {("GET", "/actions/{action_id}/key")}
    assert {each.value for each in Move} - {"store", "store_draft"} <= set(SENTENCES)
    assert set(KINDS) < set(KIND_WORDS)
    everything = [said(Entry(at=NOON, who="", did=did, kind="sync", id="people", detail="7")) for did in SENTENCES]
    assert all(sentence.endswith(".") and "{" not in sentence for sentence in everything)
    assert said(Entry(at=NOON, who="", did="flew", kind="sync", id="people", detail="7")) == "flew: the Sync people 7"


def test_deeds_name_who_did_them_to_what(admin: Admin) -> None:
    """Through either entrance; states, runs, what runs are asked, credentials and removals."""
    changes: tuple[tuple[str, str, Any], ...] = (
        ("POST", f"/documents/action/{ACTION}/state", {"move": "deactivate"}),
        ("PUT", "/pause", {"paused": True}),
        ("PUT", "/pause", {"paused": False}),
        ("PUT", f"/connections/{MARKETO}/secret", {"client_id": "1", "client_secret": "never shown"}),
        ("POST", "/cycles/main/executions", {}),
        ("POST", f"/cycles/main/executions/{SLOT}/ask", {"what": "pause"}),
        ("POST", "/syncs/contacts-to-people/executions", {}),
        ("DELETE", f"/actions/{ACTION}", None),
    )
    for method, path, body in changes:
        answered = admin.send(from_console(method, path, body, groups="admin"))
        assert answered.status == 200, answered.json
    admin.post("/documents/sync/contacts-to-people/state", {"move": "pause"})

    assert told(admin) == [
        (PRINCIPAL, "Paused the Sync contacts-to-people."),
        (PERSON, f"Removed the Action {ACTION}."),
        (PERSON, f"Started run {SLOT} of the Sync contacts-to-people."),
        (PERSON, f"Paused run {SLOT} of the cycle main."),
        (PERSON, f"Started run {SLOT} of the cycle main."),
        (PERSON, f"Stored credentials of the connection {MARKETO}."),
        (PERSON, "Ended the pause of all Actions together."),
        (PERSON, "Paused all Actions together."),
        (PERSON, f"Deactivated the Action {ACTION}."),
    ]
    assert "never shown" not in str(admin.journal.entries)


def test_what_was_refused_or_only_looked_at_is_no_deed(admin: Admin) -> None:
    """Neither what a role forbids, nor what has findings, nor what is not there, nor a dry run."""
    admin.send(from_console("PUT", "/pause", {"paused": True}, groups="viewer"))
    admin.ask("POST", "/documents/action/never/state", {"move": "pause"})
    admin.ask("POST", "/cycles/never/executions", {})
    admin.post("/documents/plan", {"documents": [as_document(an_action(name="New"))]})
    admin.post("/executions/search", {})
    admin.post("/executions/redrive", {"state": "parked", "dry_run": True})
    admin.get("/cycles/main")

    assert admin.journal.entries == []


def test_calls_that_run_again_are_counted_by_action(admin: Admin) -> None:
    """Their ids are not kept; callbacks of which none could be sent are no deed."""
    answer = {"dry_run": False, "by_action": {ACTION: 2, "other": 1}}
    assert deeds("POST", "/executions/redrive", "{}", a_good(answer)) == [
        ("redrove", "action", ACTION, "2"),
        ("redrove", "action", "other", "1"),
    ]
    sent = {"results": [{"done": True}, {"done": False}]}
    assert deeds("POST", "/callbacks/send", "{}", a_good(sent)) == [("callbacks", "", "", "1")]
    assert deeds("POST", "/callbacks/send", "{}", a_good({"results": [{"done": False}]})) == []


def test_older_deeds_come_with_the_next_page(admin: Admin) -> None:
    """A hundred of a page, all once; a mark that is none is refused."""
    for number in range(150):
        admin.journal.note(Entry(at=NOON, who=PERSON, did="run", kind="sync", id="people", detail=str(number)))

    first = admin.get("/activity")
    second = admin.get("/activity", token=first["next_token"])

    assert [each["detail"] for page in (first, second) for each in page["entries"]] == [
        str(number) for number in reversed(range(150))
    ]
    assert second["next_token"] is None
    assert admin.ask("GET", "/activity", token="elsewhere").status == 422


def test_what_is_looked_for_is_found_however_old_it_is(admin: Admin) -> None:
    """In the sentence and in the author, in any case; further pages are read until there are enough or no more."""
    for number in range(350):
        who = "grace@example.com" if number < 3 else PERSON
        admin.journal.note(Entry(at=NOON, who=who, did="run", kind="sync", id="people", detail=str(number)))

    by_who, by_what = admin.get("/activity", text="GRACE"), admin.get("/activity", text="run 17 of")
    assert [each["detail"] for each in by_who["entries"]] == ["2", "1", "0"]
    assert [each["detail"] for each in by_what["entries"]] == ["17"]
    assert (by_who["next_token"], datetime.fromisoformat(by_who["back_to"])) == (None, NOON)
    assert admin.get("/activity", text="nobody") == {"entries": [], "next_token": None, "back_to": by_who["back_to"]}


def test_a_search_of_a_long_log_stops_and_goes_on_where_it_stopped(admin: Admin) -> None:
    """So that an answer comes in time: it says back to when it looked."""
    for number in range(2_150):
        at = NOON + timedelta(minutes=number)
        admin.journal.note(Entry(at=at, who=PERSON, did="run", kind="sync", id="people", detail=str(number)))

    first = admin.get("/activity", text="run 7 of")
    second = admin.get("/activity", text="run 7 of", token=first["next_token"])
    assert (first["entries"], datetime.fromisoformat(first["back_to"])) == ([], NOON + timedelta(minutes=150))
    assert ([each["detail"] for each in second["entries"]], second["next_token"]) == (["7"], None)


def a_good(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of a route."""
    return {"statusCode": 200, "body": json.dumps(answer)}
