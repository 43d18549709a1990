"""The admin API's routes of connections and webhooks, on in-memory ports."""

from typing import Any

import pytest

from leadbridge.domain.preflight import Finding, Level
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, an_action
from tests.builders.admin import Admin, from_console
from tests.builders.connectors import a_connector
from tests.builders.cycles import a_cycle
from tests.builders.world import World

SPARE = {"kind": "marketo_connection", "name": "Spare", "base_url": "https://123-ABC-456.mktorest.com/rest"}
TYPED = {"client_id": " an id\n", "client_secret": "typed once"}


@pytest.fixture
def admin() -> Admin:
    """The admin API of a world with one active Action."""
    return Admin(World(an_action()))


@pytest.mark.cap("T01")
def test_a_connection_is_added_tested_edited_disabled_and_removed(admin: Admin) -> None:
    """Each step by its route; it is listed as it stands after each, and its history stays."""
    admin.looked.findings = [Finding(level=Level.ERROR, what="the log-in is refused", remedy="Store its credentials.")]

    def put(name: str, expected: int) -> Any:
        return admin.ask(
            "PUT", "/connections/spare", {"document": SPARE | {"name": name}, "expected_version": expected}
        )

    def listed() -> dict[str, Any]:
        return {each["id"]: each for each in admin.get("/connections")["connections"]}

    assert put("Spare", 0).status == 200
    assert (listed()["spare"]["enabled"], listed()["spare"]["secret"]) == (True, "missing")
    assert admin.ask("PUT", "/connections/spare/secret", TYPED).status == 200
    assert listed()["spare"]["usable"]
    tested = admin.post("/connections/spare/test", None)
    assert tested["findings"][0] == {
        "level": "error",
        "what": "the log-in is refused",
        "remedy": "Store its credentials.",
    }
    assert (tested["well"], tested["version"]) == (False, 1)
    assert put("Renamed", 1).status == 200
    assert (listed()["spare"]["name"], listed()["spare"]["version"]) == ("Renamed", 2)
    admin.post("/documents/marketo_connection/spare/state", {"move": "deactivate"})
    assert not listed()["spare"]["enabled"]
    assert admin.ask("DELETE", "/connections/spare").status == 200
    assert "spare" not in listed()
    assert list(admin.vault.members) == [MARKETO]
    history = admin.get("/documents/marketo_connection/spare/history")["versions"]
    assert [each["version"] for each in history] == [2, 1]


def test_a_connection_that_is_used_is_not_removed(admin: Admin) -> None:
    """The answer names its users; connection and credentials stay."""
    refused = admin.ask("DELETE", f"/connections/{MARKETO}")

    assert (refused.status, refused.json["message"]) == (409, "Marketo-demo is used by person-to-lead.")
    assert MARKETO in admin.vault.members


def test_a_connection_of_a_cycle_is_not_removed(admin: Admin) -> None:
    """Nor is one of a cycle that nobody has activated yet; the list tells the cycle."""
    admin.store(a_marketo_connection(id="beside"), a_cycle(marketo="beside", salesforce=SALESFORCE))
    refused = admin.ask("DELETE", "/connections/beside")

    assert (refused.status, refused.json["message"]) == (409, "Beside is used by main.")
    [told] = [each for each in admin.get("/connections")["connections"] if each["id"] == "beside"]
    assert told["cycles"] == ["main"]


def test_credentials_are_stored_trimmed_and_never_answered(admin: Admin) -> None:
    """No answer holds what was typed; what the log-in does not take, or lacks, is a finding at its member."""
    stored = admin.ask("PUT", f"/connections/{MARKETO}/secret", TYPED)
    blank = admin.ask("PUT", f"/connections/{MARKETO}/secret", {"client_id": " ", "refresh_token": "surplus value"})
    certified = admin.ask("PUT", f"/connections/{SALESFORCE}/secret", {"client_secret": "surplus value"})

    assert (stored.status, stored.json) == (200, {"id": MARKETO, "secret": "stored"})
    assert admin.vault.members[MARKETO] == {"client_id": "an id", "client_secret": "typed once"}
    assert [(each["pointer"], each["what"]) for each in blank.json["findings"]] == [
        ("/client_id", "is blank"),
        ("/client_secret", "is blank"),
        ("/refresh_token", "is no part of its log-in"),
    ]
    assert [each["pointer"] for each in certified.json["findings"]] == ["/client_secret"]
    said = [blank.text, certified.text, admin.ask("GET", f"/connections/{MARKETO}").text]
    assert not [text for text in said if "surplus" in text or "typed once" in text or "an id" in text]


def test_a_connection_is_told_with_its_document_and_what_it_logs_in_with(admin: Admin) -> None:
    """The document as saved, the share of limits in words, and the names of the members of its credentials."""
    marketo, salesforce = admin.get(f"/connections/{MARKETO}"), admin.get(f"/connections/{SALESFORCE}")

    assert marketo["document"]["kind"] == "marketo_connection"
    assert marketo["credentials"] == ["client_id", "client_secret"]
    assert salesforce["credentials"] == []
    assert "50 calls in 20 seconds" in marketo["limits"]


def test_the_sheet_tells_what_to_create_before_anything_lets_us_in(admin: Admin) -> None:
    """Permissions of the API user, and the fields written back to by both their names as far as these are known."""
    admin.ask("PUT", "/connections/spare", {"document": SPARE})
    steps = {each: admin.get(f"/connections/{each}/setup")["steps"] for each in (MARKETO, "spare", SALESFORCE)}

    assert "Read-Write Lead" in steps[MARKETO][0]
    assert [each for each in steps[MARKETO] if "salesforceId" in each and "SalesforceId" in each]
    assert [each for each in steps["spare"] if "(not there yet)" in each]
    assert "setup salesforce salesforce-demo" in steps[SALESFORCE][0]


def test_the_look_through_asks_for_what_is_configured(admin: Admin) -> None:
    """Of an org the objects and fields of its Actions; of an instance with the calls of its day."""
    admin.post(f"/connections/{SALESFORCE}/test", None)
    admin.post(f"/connections/{MARKETO}/test", None)

    (_, needs, _), (_, _, asked) = admin.looked.asked
    assert "Email" in needs["Lead"].read
    assert asked == {"daily_calls": 50_000}


@pytest.mark.parametrize(
    ("kind", "document"),
    [("connections/spare", SPARE), ("actions/person-to-lead", {"name": "Mine"})],
)
def test_who_stores_on_top_of_another_version_is_told_and_shown(
    admin: Admin, kind: str, document: dict[str, Any]
) -> None:
    """Two read the same version; the second to store is refused with who was first, and can see what differs."""
    if kind.startswith("actions"):
        document = admin.get(f"/{kind}")["document"] | document
    first = admin.ask("PUT", f"/{kind}", {"document": document})
    version = first.json["version"]
    path = f"/{kind}"
    changed = document | {"name": "Theirs"}
    theirs = admin.send(from_console("PUT", path, {"document": changed, "expected_version": version}, groups="admin"))
    mine = admin.ask("PUT", path, {"document": document | {"name": "Mine again"}, "expected_version": version})

    assert (theirs.status, mine.status) == (200, 409)
    assert mine.json["code"] == "changed_meanwhile"
    assert "ada@example.com" in mine.json["message"]
    name = f"{document['kind']}/{kind.partition('/')[2]}"
    differs = admin.get(f"/documents/{name}/diff", older=str(version), newer=str(version + 1))["differences"]
    assert [(each["pointer"], each["after"]) for each in differs] == [("/name", "Theirs")]


def test_the_document_of_another_address_is_refused(admin: Admin) -> None:
    """An id or a kind that is not the address's stores nothing."""
    other = admin.ask("PUT", "/connections/spare", {"document": SPARE | {"id": "else"}})
    action = admin.ask("PUT", "/connections/spare", {"document": SPARE | {"kind": "action"}})

    assert [(each.status, each.json["pointer"]) for each in (other, action)] == [
        (422, "/document/id"),
        (422, "/document/kind"),
    ]


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"identity_url": "https://999-ABC-456.mktorest.com/identity"}, "/identity_url"),
        ({"kind": "salesforce_connection", "client_id": "later"}, "/token_host"),
    ],
)
def test_what_is_wrong_with_a_connection_is_told_at_its_member(
    admin: Admin, given: dict[str, str], pointer: str
) -> None:
    """A form shows each finding beside its field."""
    answered = admin.post("/documents/validate", {"documents": [{"id": "spare"} | SPARE | given]})

    assert pointer in [each["pointer"] for each in answered["findings"]]


def test_a_user_that_the_certificate_needs_is_missed_at_its_member(admin: Admin) -> None:
    """The default log-in of an org names its integration user."""
    org = {"kind": "salesforce_connection", "id": "org", "name": "Org", "client_id": "later"}
    answered = admin.post("/documents/validate", {"documents": [org | {"token_host": "https://example.com"}]})

    assert [each["pointer"] for each in answered["findings"]] == ["/username"]


def test_the_webhook_is_told_as_the_dialog_asks_for_it_and_its_key_apart(admin: Admin) -> None:
    """Address, tokens and headers by the encoding, without the key; that is an answer of its own."""
    sheet = admin.get("/actions/person-to-lead/webhook")
    form = admin.get("/actions/person-to-lead/webhook", encoding="form")
    key = admin.get("/actions/person-to-lead/key")

    assert (sheet["method"], sheet["url"]) == ("POST", "https://hooks.example.com/actions/person-to-lead")
    assert '"email": {{lead.' in sheet["template"]
    assert sheet["headers"] == [{"name": "Content-Type", "value": "application/json"}]
    assert form["headers"] == [{"name": "Content-Type", "value": "application/x-www-form-urlencoded"}]
    assert (key["header"], key["key"][:3]) == (sheet["key_header"], "v2.")
    assert key["key"] not in admin.ask("GET", "/actions/person-to-lead/webhook").text


def test_an_action_that_no_webhook_of_marketo_calls_has_no_sheet() -> None:
    """Those whose destination is Marketo are called by other systems."""
    answered = Admin(World(a_connector())).ask("GET", "/actions/connector/webhook")

    assert (answered.status, answered.json["code"]) == (409, "called_otherwise")
