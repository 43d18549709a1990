"""The admin API's routes, on in-memory ports."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.admin.requests import BODY_LIMIT
from leadbridge.admin.roles import LEAST_ROLES
from leadbridge.domain.action import as_document
from leadbridge.domain.flow_step import ChunkState
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.marketo import ActivityAttribute, ActivityType, Channel, Program, ProgressionStatus
from leadbridge.errors import PermanentError, QuotaExhaustedError, SyncError, TransientError
from leadbridge.usecases.search_executions import EXAMINED
from tests.builders.actions import (
    ACTION,
    MARKETO,
    SALESFORCE,
    a_marketo_connection,
    a_salesforce_connection,
    an_action,
    an_action_document,
)
from tests.builders.admin import PERSON, PRINCIPAL, Admin, a_request, from_console
from tests.builders.connectors import a_connector
from tests.builders.flow_steps import a_chunk
from tests.builders.world import World
from tests.fakes.clock import NOON

SYNC = "contacts-to-people"
CYCLE = "main-cycle"
RECORD = "00Q000000000001EAA"
SLOT = "20260302T120000Z"
ROUTES = (
    ("GET", "/openapi.json"),
    ("GET", "/overview"),
    ("GET", "/connections"),
    ("GET", f"/connections/{SALESFORCE}"),
    ("PUT", f"/connections/{SALESFORCE}"),
    ("DELETE", f"/connections/{SALESFORCE}"),
    ("PUT", f"/connections/{SALESFORCE}/secret"),
    ("GET", f"/connections/{SALESFORCE}/setup"),
    ("POST", f"/connections/{SALESFORCE}/test"),
    ("GET", f"/connections/{SALESFORCE}/objects"),
    ("GET", f"/connections/{SALESFORCE}/objects/Lead/fields"),
    ("GET", f"/connections/{MARKETO}/activity-types"),
    ("GET", f"/connections/{MARKETO}/lists"),
    ("GET", f"/connections/{MARKETO}/campaigns"),
    ("GET", f"/connections/{MARKETO}/logged-types"),
    ("GET", f"/connections/{MARKETO}/programs"),
    ("GET", "/actions"),
    ("GET", f"/actions/{ACTION}"),
    ("PUT", f"/actions/{ACTION}"),
    ("DELETE", f"/actions/{ACTION}"),
    ("GET", f"/actions/{ACTION}/view"),
    ("GET", f"/actions/{ACTION}/webhook"),
    ("GET", f"/actions/{ACTION}/key"),
    ("POST", f"/actions/{ACTION}/try"),
    ("POST", "/documents/validate"),
    ("POST", "/documents/plan"),
    ("POST", "/documents/apply"),
    ("POST", f"/documents/action/{ACTION}/state"),
    ("GET", "/activity"),
    ("GET", "/pause"),
    ("PUT", "/pause"),
    ("GET", f"/documents/action/{ACTION}/history"),
    ("GET", f"/documents/action/{ACTION}/diff"),
    ("POST", f"/documents/action/{ACTION}/rollback"),
    ("GET", "/executions"),
    ("POST", "/executions/search"),
    ("GET", "/executions/1"),
    ("POST", "/executions/redrive"),
    ("GET", "/callbacks"),
    ("POST", "/callbacks/send"),
    ("POST", "/people/forget"),
    ("GET", "/people/forgotten"),
    ("GET", "/syncs"),
    ("GET", f"/syncs/{SYNC}"),
    ("PUT", f"/syncs/{SYNC}"),
    ("DELETE", f"/syncs/{SYNC}"),
    ("GET", f"/syncs/{SYNC}/query"),
    ("POST", f"/syncs/{SYNC}/preview"),
    ("GET", f"/syncs/{SYNC}/executions"),
    ("POST", f"/syncs/{SYNC}/executions"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/failed"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/failed.csv"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/rows"),
    ("GET", f"/syncs/{SYNC}/price"),
    ("GET", f"/syncs/{SYNC}/plan-price"),
    ("POST", f"/syncs/{SYNC}/executions/{SLOT}/ask"),
    ("POST", f"/syncs/{SYNC}/executions/{SLOT}/retry"),
    ("POST", f"/syncs/{SYNC}/plans"),
    ("GET", f"/syncs/{SYNC}/plans/{SLOT}"),
    ("POST", f"/syncs/{SYNC}/plans/{SLOT}/apply"),
    ("GET", "/cycles"),
    ("GET", f"/cycles/{CYCLE}"),
    ("PUT", f"/cycles/{CYCLE}"),
    ("POST", "/cycles/propose"),
    ("POST", "/cycles/provisioning"),
    ("POST", "/cycles/provisioning/make"),
    ("GET", f"/cycles/{CYCLE}/price"),
    ("GET", f"/cycles/{CYCLE}/attribution"),
    ("GET", f"/cycles/{CYCLE}/executions"),
    ("POST", f"/cycles/{CYCLE}/executions"),
    ("GET", f"/cycles/{CYCLE}/executions/{SLOT}"),
    ("POST", f"/cycles/{CYCLE}/executions/{SLOT}/ask"),
    ("GET", f"/cycles/{CYCLE}/executions/{SLOT}/rows"),
    ("GET", f"/cycles/{CYCLE}/records/{RECORD}"),
    ("GET", f"/cycles/{CYCLE}/due"),
    ("POST", f"/cycles/{CYCLE}/plans"),
    ("GET", f"/cycles/{CYCLE}/plans/{SLOT}"),
)


@pytest.fixture
def world() -> World:
    """A world with one active Action."""
    return World(an_action())


@pytest.fixture
def admin(world: World) -> Admin:
    """Its admin API."""
    return Admin(world)


def test_the_routes_of_these_tests_are_all_there_are(admin: Admin) -> None:
    """Every path and method of the published document is in the list above, and nothing else is."""
    document = admin.get("/openapi.json")
    published = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations} | {
        ("GET", "/openapi.json")
    }

    def template(path: str) -> str:
        parts = {
            SALESFORCE: "{connection_id}",
            MARKETO: "{connection_id}",
            "Lead": "{object_name}",
            "action": "{kind}",
            "1": "{execution_id}",
            SYNC: "{sync_id}",
            CYCLE: "{cycle_id}",
            RECORD: "{record_id}",
            SLOT: "{slot}",
        }
        named = [parts.get(each, each) for each in path.split("/")]
        owner = "{document_id}" if "documents" in named else "{action_id}"
        return "/".join(owner if each == ACTION else each for each in named)

    assert {(method, template(path)) for method, path in ROUTES} == published


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "context",
    [
        pytest.param(None, id="no context"),
        pytest.param({}, id="no identity"),
        pytest.param({"identity": {"userArn": None, "sourceIp": "192.0.2.1"}}, id="no principal"),
        pytest.param({"identity": {"userArn": "anonymous"}}, id="no ARN"),
    ],
)
def test_a_request_without_a_principal_is_refused_whatever_it_asks_for(
    admin: Admin, method: str, path: str, context: Any
) -> None:
    """Even if API Gateway let it through, no route answers, and nothing is read or written."""
    reads = admin.world.configurations.reads

    answered = admin.send(a_request(method, path, {"a": 1}) | {"requestContext": context})

    assert (answered.status, answered.json["code"]) == (403, "unauthenticated")
    assert admin.world.configurations.reads == reads


#: what changes what is configured
FOR_ADMINS = {
    ("PUT", f"/actions/{ACTION}"),
    ("DELETE", f"/actions/{ACTION}"),
    ("GET", f"/actions/{ACTION}/key"),
    ("PUT", f"/connections/{SALESFORCE}"),
    ("DELETE", f"/connections/{SALESFORCE}"),
    ("PUT", f"/connections/{SALESFORCE}/secret"),
    ("PUT", f"/syncs/{SYNC}"),
    ("DELETE", f"/syncs/{SYNC}"),
    ("PUT", f"/cycles/{CYCLE}"),
    ("POST", "/cycles/provisioning/make"),
    ("POST", "/people/forget"),
    ("GET", "/people/forgotten"),
    ("POST", "/documents/apply"),
    ("POST", f"/documents/action/{ACTION}/rollback"),
}
#: what only looks, and shows no values of people
FOR_VIEWERS = {
    *(each for each in ROUTES if each[0] == "GET"),
    ("POST", "/executions/search"),
    ("POST", "/documents/validate"),
    ("POST", "/documents/plan"),
} - {
    ("GET", f"/connections/{MARKETO}/logged-types"),
    ("GET", f"/connections/{MARKETO}/programs"),
    ("GET", f"/actions/{ACTION}/key"),
    ("GET", "/people/forgotten"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/failed"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/failed.csv"),
    ("GET", f"/syncs/{SYNC}/executions/{SLOT}/rows"),
    ("GET", f"/syncs/{SYNC}/plans/{SLOT}"),
    ("GET", f"/cycles/{CYCLE}/plans/{SLOT}"),
    ("GET", f"/cycles/{CYCLE}/price"),
    ("GET", f"/cycles/{CYCLE}/attribution"),
    ("GET", f"/cycles/{CYCLE}/executions/{SLOT}/rows"),
    ("GET", f"/cycles/{CYCLE}/records/{RECORD}"),
}


@pytest.mark.parametrize(
    ("groups", "allowed"),
    [
        pytest.param(None, set(), id="no group"),
        pytest.param("[visitor administrators]", set(), id="other groups"),
        pytest.param("viewer", FOR_VIEWERS, id="viewer"),
        pytest.param("[viewer operator]", set(ROUTES) - FOR_ADMINS, id="operator"),
        pytest.param("admin,viewer", set(ROUTES), id="admin"),
    ],
)
def test_each_route_is_for_those_whose_role_is_enough(
    admin: Admin, groups: str | None, allowed: set[tuple[str, str]]
) -> None:
    """Every route of the list with every role of the user pool: the route answers, or none does and nothing is read."""
    found = set()
    for method, path in ROUTES:
        reads = admin.world.configurations.reads
        answered = admin.send(from_console(method, path, {"a": 1} if method != "GET" else None, groups=groups))
        if answered.json is None or answered.json.get("code") != "not_allowed":
            found.add((method, path))
        else:
            assert (answered.status, admin.world.configurations.reads) == (403, reads)

    assert found == allowed


@pytest.mark.parametrize(
    ("claims", "context"),
    [
        pytest.param({"token_use": "access"}, {}, id="another token"),
        pytest.param({"email": None, "cognito:username": None}, {}, id="no name"),
        pytest.param({}, {"authorizer": {"principalId": "x"}}, id="no claims"),
        pytest.param({}, {"authorizer": None, "identity": {"userArn": PRINCIPAL}}, id="the other entrance's identity"),
    ],
)
def test_the_consoles_entrance_takes_id_tokens_of_the_pool_only(
    admin: Admin, claims: dict[str, Any], context: dict[str, Any]
) -> None:
    """Whatever else the gateway says of a caller there is nobody."""
    event = from_console("GET", "/actions", groups="admin", **claims)
    event["requestContext"] |= context

    assert (admin.send(event).status, admin.send(event).json["code"]) == (403, "unauthenticated")


def test_an_id_token_counts_for_nothing_at_the_signed_entrance(admin: Admin) -> None:
    """Claims beside a path that IAM guards do not make a principal; unknown paths are nobody's at the console's."""
    event = from_console("GET", "/actions", groups="admin") | {"path": "/actions", "resource": "/{proxy+}"}

    assert admin.send(event).json["code"] == "unauthenticated"
    assert admin.send(from_console("GET", "/nothing", groups="admin")).json["code"] == "not_allowed"
    assert admin.send(from_console("PATCH", "/actions", groups="admin")).json["code"] == "not_allowed"


def test_a_version_names_the_person_of_the_pool_who_stored_it(admin: Admin) -> None:
    """What an admin changes through the console is a version with the address of its author."""
    document = an_action_document(name="By hand")
    answered = admin.send(from_console("PUT", f"/actions/{ACTION}", {"document": document}, groups="admin"))
    assert answered.status == 200, answered.json

    assert admin.get(f"/documents/action/{ACTION}/history")["versions"][0]["author"] == PERSON


def test_the_document_says_whom_each_route_is_for(admin: Admin) -> None:
    """The console offers what the document says, so it says what the check does."""
    told = {
        (method.upper(), path): operation["x-least-role"]
        for path, operations in admin.get("/openapi.json")["paths"].items()
        for method, operation in operations.items()
    }

    assert told == {key: role.name.lower() for key, role in LEAST_ROLES.items() if key[1] != "/openapi.json"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PATCH", "/actions"), ("OPTIONS", "/actions")])
def test_what_is_not_there_is_a_problem_like_any_other(admin: Admin, method: str, path: str) -> None:
    """An unknown path, an unknown method and a preflight of another origin are answered 404; no header lets it in."""
    answered = admin.ask(method, path)

    assert (answered.status, set(answered.json)) == (404, {"code", "message", "remedy"})
    assert not [name for name in answered.headers if name.lower().startswith("access-control")]
    assert answered.headers["Cache-Control"] == ["no-store"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param("{", 400, "body_not_json", id="cut off"),
        pytest.param("[" * 200_000, 400, "body_not_json", id="nested without end"),
        pytest.param('{"note": "\\ud800"}', 400, "body_not_json", id="half a character"),
        pytest.param('{"a": NaN}', 400, "body_not_json", id="no number"),
        pytest.param(" " * (BODY_LIMIT + 1), 413, "too_large", id="too large"),
        pytest.param("[]", 422, "invalid", id="no object"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(admin: Admin, body: str, status: int, code: str) -> None:
    """Whatever is wrong with a body, the answer is a problem with a code, and never a failure of ours."""
    plain = admin.ask("POST", "/documents/validate", body)
    encoded = admin.send(
        a_request("POST", "/documents/validate", base64.b64encode(body.encode("utf-8", "surrogatepass")).decode())
        | {"isBase64Encoded": True}
    )

    assert [(each.status, each.json["code"]) for each in (plain, encoded)] == [(status, code)] * 2


def test_other_types_and_encodings_than_json_are_refused(admin: Admin) -> None:
    """A form is answered 415, bytes that are no UTF-8 400."""
    form = a_request("POST", "/documents/validate", "a=1") | {"headers": {"content-type": "multipart/form-data"}}
    latin = a_request("POST", "/documents/validate", base64.b64encode(b"\xff").decode()) | {"isBase64Encoded": True}

    assert (admin.send(form).status, admin.send(latin).status) == (415, 400)


# -- connections


def test_connections_tell_whether_an_action_may_name_them(admin: Admin) -> None:
    """Enabled ones with their secret are usable and the only ones that `usable` lists; no secret is told."""
    admin.store(
        a_salesforce_connection(id="secretless", login="client_credentials", username=None),
        a_salesforce_connection(id="off"),
    )
    admin.world.configurations.move("salesforce_connection", "off", Move.DEACTIVATE)

    told = {each["id"]: each for each in admin.get("/connections")["connections"]}
    usable = [each["id"] for each in admin.get("/connections", usable="true")["connections"]]

    assert {name: (each["usable"], each["secret"]) for name, each in told.items()} == {
        MARKETO: (True, "stored"),
        SALESFORCE: (True, "not needed"),
        "off": (False, "not needed"),
        "secretless": (False, "missing"),
    }
    assert usable == [MARKETO, SALESFORCE]
    assert told[SALESFORCE]["actions"] == [ACTION]


def test_objects_are_those_that_can_be_written_and_are_asked_for_now_and_then(admin: Admin) -> None:
    """What is neither createable nor updateable is not offered, and has no fields; the org is asked once in 15 minutes,
    or when somebody wants it."""
    path = f"/connections/{SALESFORCE}/objects"

    names = [each["name"] for each in admin.get(path)["objects"]]
    fields = {each["name"]: each for each in admin.get(f"{path}/Lead/fields")["fields"]}
    hidden = admin.ask("GET", f"{path}/LeadHistory/fields")
    asked = list(admin.described.org.asked)
    admin.world.clock.advance(899)
    admin.get(path)
    assert admin.described.org.asked == asked == ["objects", "Lead"]
    admin.get(path, refresh="true")
    admin.world.clock.advance(900)
    admin.get(path)

    assert names == ["Gift__c", "Lead"]
    assert (fields["Email"]["type"], fields["LastName"]["required_on_create"]) == ("email", True)
    assert (hidden.status, hidden.json["code"]) == (404, "not_found")
    assert admin.described.org.asked[len(asked) :] == ["objects", "objects"]


def test_a_marketo_connection_offers_its_tables(admin: Admin) -> None:
    """The two tables, with the instance's fields; an unknown connection or table is answered 404."""
    offered = [each["name"] for each in admin.get(f"/connections/{MARKETO}/objects")["objects"]]
    assert offered == ["leads", "program_members"]
    assert admin.ask("GET", f"/connections/{MARKETO}/objects/companies/fields").status == 404
    fields = [each["name"] for each in admin.get(f"/connections/{MARKETO}/objects/leads/fields")["fields"]]
    assert {"email", "leadStatus"} <= set(fields)
    assert admin.ask("GET", "/connections/nobody/objects").status == 404
    for what in ("activity-types", "lists", "campaigns", "logged-types", "programs"):
        assert admin.ask("GET", f"/connections/{SALESFORCE}/{what}").status == 404
    [kind] = admin.get(f"/connections/{MARKETO}/activity-types")["activity_types"]
    assert kind == {"api_name": "leadbridgeResult", "name": "leadbridgeResult", "description": None}


def test_programs_are_offered_with_the_statuses_of_their_channels(admin: Admin) -> None:
    """Each program with what its members may be, at most 300 of them, which is said; Marketo is asked once in 15
    minutes."""
    marketo = admin.world.marketo
    marketo.programs = {n: Program(id=n, name=f"Fair {n}", type="Event", channel="Tradeshow") for n in range(1, 301)}
    steps = [ProgressionStatus(name=name, step=step) for step, name in enumerate(("Not in Program", "Invited", "Came"))]
    marketo.channels = {"Tradeshow": Channel(id=1, name="Tradeshow", progression_statuses=tuple(steps))}
    path = f"/connections/{MARKETO}/programs"

    offered = admin.get(path)
    marketo.programs[301] = Program(id=301, name="One more", type="Event", channel="Gone")
    kept = admin.get(path)
    asked = admin.get(path, refresh="true")

    assert offered["programs"][0] == {"id": 1, "name": "Fair 1", "statuses": ["Invited", "Came"]}
    assert (len(offered["programs"]), offered["more"], offered["note"]) == (300, False, "")
    assert kept == offered
    assert (len(asked["programs"]), asked["more"]) == (300, True)
    assert "more programs than the 300 shown" in asked["note"]


def test_types_of_the_log_are_offered_with_their_attributes(admin: Admin) -> None:
    """Standard and custom ones by name, the primary attribute first."""
    form = ActivityAttribute(name="Webform ID", is_primary=True)
    admin.world.marketo.activity_kinds = [
        ActivityType(id=2, name="Fill Out Form", primary_attribute=form, attributes=(ActivityAttribute(name="URL"),)),
        ActivityType(
            id=100001, name="Audit", api_name="audit_c", attributes=(ActivityAttribute(name="A", api_name="a"),)
        ),
    ]

    [audit, filled] = admin.get(f"/connections/{MARKETO}/logged-types")["logged_types"]

    assert audit == {"name": "Audit", "api_name": "audit_c", "attributes": [{"name": "A", "api_name": "a"}]}
    assert (filled["api_name"], [each["name"] for each in filled["attributes"]]) == (None, ["Webform ID", "URL"])


def test_an_action_at_marketo_is_viewed_on_five_pages(admin: Admin) -> None:
    """Its own five, with each member where it is set."""
    admin.store(a_connector(batch={"count": 5}))

    shown = admin.get("/actions/connector/view")["pages"]

    assert [each["page"] for each in shown] == [1, 2, 3, 4, 5]
    assert shown[1]["members"]["person"]["lead_id"] == "id"
    assert shown[4]["members"] == {"batch": {"count": 5}}


# -- documents


def test_an_action_is_stored_read_changed_and_removed(admin: Admin) -> None:
    """A new Action is not active and reads back equal; putting back what was read changes nothing; the history names
    the principal; an active one cannot be removed."""
    document = an_action_document(id="new", description="ä\n  b ")
    created = admin.ask("PUT", "/actions/new", {"document": document, "note": "why"})
    read = admin.get("/actions/new")
    again = admin.ask("PUT", "/actions/new", {"document": read["document"]})
    admin.ask("PUT", "/actions/new", {"document": document | {"name": "Renamed"}})
    activated = admin.post("/documents/action/new/state", {"move": "activate"})
    refused = admin.ask("DELETE", "/actions/new")
    admin.post("/documents/action/new/state", {"move": "deactivate"})
    removed = admin.ask("DELETE", "/actions/new")

    assert (created.json["version"], created.json["state"], created.json["changed"]) == (1, "validated", True)
    assert {name: read["document"][name] for name in ("description", "identifier", "id")} == {
        name: document[name] for name in ("description", "identifier", "id")
    }
    assert (again.json["version"], again.json["changed"]) == (1, False)
    assert (activated["state"], refused.status, refused.json["code"]) == ("active", 409, "active")
    assert (removed.status, admin.ask("GET", "/actions/new").status) == (200, 404)
    versions = admin.get("/documents/action/new/history")["versions"]
    assert [(each["version"], each["author"], each["note"]) for each in versions] == [
        (2, PRINCIPAL, None),
        (1, PRINCIPAL, "why"),
    ]
    assert [each["pointer"] for each in versions[0]["differences"]] == ["/name"]


def test_findings_come_all_at_once_with_pointer_and_remedy(admin: Admin) -> None:
    """Validating tells them; putting is refused with the same ones, stores nothing, and as a draft stores it."""
    broken = an_action_document(id="broken", mappings=[{"column": "emial", "to": "Emali"}], type="update")

    told = admin.post("/documents/validate", {"documents": [broken]})["findings"]
    refused = admin.ask("PUT", "/actions/broken", {"document": broken})
    missing = admin.ask("GET", "/actions/broken")
    draft = admin.ask("PUT", "/actions/broken", {"document": broken, "draft": True})

    assert [each["pointer"] for each in told] == ["/mappings/0/to", "/mappings/0/column"]
    assert all(each["remedy"] for each in told)
    assert (refused.status, refused.json["code"], refused.json["findings"]) == (422, "findings", told)
    assert (missing.status, draft.json["state"]) == (404, "draft")
    assert admin.ask("POST", "/documents/action/broken/state", {"move": "activate"}).status == 409


def test_the_document_must_be_that_of_the_address(admin: Admin) -> None:
    """Another id, or another kind, is refused at its pointer."""
    other = admin.ask("PUT", "/actions/one", {"document": an_action_document(id="two")})
    kind = admin.ask("PUT", "/actions/one", {"document": an_action_document(id="one", kind="list")})

    assert [(each.status, each.json["pointer"]) for each in (other, kind)] == [
        (422, "/document/id"),
        (422, "/document/kind"),
    ]


def test_a_plan_is_what_applying_does(admin: Admin) -> None:
    """The plan names effect and differences and stores nothing; applying the same does it, all or none."""
    documents = [an_action_document(name="Renamed"), an_action_document(id="new")]

    planned = admin.post("/documents/plan", {"documents": documents})
    before = admin.get("/actions")
    applied = admin.post("/documents/apply", {"documents": documents, "note": "both"})
    none = admin.ask("POST", "/documents/apply", {"documents": [an_action_document(id="third"), {"kind": "action"}]})

    assert [(each["id"], each["effect"], each["version"]) for each in planned["documents"]] == [
        (ACTION, "change", 1),
        ("new", "create", None),
    ]
    assert [each["id"] for each in before["actions"]] == [ACTION]
    assert [(each["id"], each["version"], each["changed"]) for each in applied["documents"]] == [
        (ACTION, 2, True),
        ("new", 1, True),
    ]
    assert (none.status, admin.ask("GET", "/actions/third").status) == (422, 404)


def test_the_view_has_five_pages_of_any_version(admin: Admin) -> None:
    """Each page has its members as saved; an older version can be asked for, one that is not there cannot."""
    admin.ask("PUT", f"/actions/{ACTION}", {"document": an_action_document(name="Renamed")})

    now, before = admin.get(f"/actions/{ACTION}/view"), admin.get(f"/actions/{ACTION}/view", version="1")

    assert [each["page"] for each in now["pages"]] == [1, 2, 3, 4, 5]
    assert [each["pages"][0]["members"]["name"] for each in (now, before)] == ["Renamed", "Person to Lead"]
    assert admin.ask("GET", f"/actions/{ACTION}/view", version="9").status == 404


def test_versions_are_compared_and_taken_back(admin: Admin) -> None:
    """The difference of the last two by default; a rollback is a new version, equal to the older one."""
    admin.ask("PUT", f"/actions/{ACTION}", {"document": an_action_document(name="Renamed")})

    diff = admin.get(f"/documents/action/{ACTION}/diff")
    rolled = admin.post(f"/documents/action/{ACTION}/rollback", {"version": 1, "note": "oops"})
    against = admin.get(f"/documents/action/{ACTION}/diff", older="1", newer="3")

    assert [(each["pointer"], each["before"], each["after"]) for each in diff["differences"]] == [
        ("/name", "Person to Lead", "Renamed")
    ]
    assert (rolled["version"], rolled["state"], against["differences"]) == (3, "active", [])
    assert admin.get(f"/documents/action/{ACTION}/history")["versions"][0]["note"] == "Rollback to version 1: oops"
    assert admin.ask("POST", f"/documents/action/{ACTION}/rollback", {"version": 99}).status == 409


def test_a_long_history_comes_page_by_page(admin: Admin) -> None:
    """120 versions come in three pages, each once, the newest first; a token of somebody else is refused."""
    for number in range(2, 121):
        admin.store(an_action(name=f"Name {number}"))

    path, found, token = f"/documents/action/{ACTION}/history", [], None
    for _ in range(3):
        page = admin.get(path, **({"token": token} if token else {}))
        found += [each["version"] for each in page["versions"]]
        token = page["next_token"]

    assert (found, token) == (list(range(120, 0, -1)), None)
    assert [admin.ask("GET", path, token=each).status for each in ("0", "121", "x", "١")] == [422] * 4


# -- executions


def test_executions_are_found_by_whom_and_what_they_are_about(admin: Admin) -> None:
    """By lead, e-mail address, record, Action, reason and state, alone and together; detail by id."""
    world = admin.world
    first = world.receive(1)
    second = world.receive(2, email="")
    world.run_out()
    record = world.leads()[0]["Id"]

    def ids(**wanted: Any) -> list[str]:
        return [each["execution_id"] for each in admin.post("/executions/search", wanted)["executions"]]

    assert ids() == ids(action_id=ACTION) == [first, second]
    assert ids(lead_id=1) == ids(email=" Person1@Example.com") == ids(salesforce_id=record) == [first]
    assert ids(reason="identifier_missing") == ids(outcome="skipped", lead_id=2) == [second]
    assert ids(lead_id=1, outcome="skipped") == ids(state="parked") == ids(action_id="other") == []
    assert [each["execution_id"] for each in admin.get("/executions", lead_id="1")["executions"]] == [first]
    detail = admin.get(f"/executions/{first}")
    assert (detail["outcome"], detail["salesforce_id"], detail["writeback"]["status"]) == ("created", record, "written")
    assert admin.ask("GET", "/executions/nobody").status == 404
    told = [(each["depth"], each["text"]) for each in detail["explanation"]]
    assert told[0] == (0, "Received 2026-03-02 12:00:00+00:00 for Marketo lead 1, campaign Welcome")
    assert (1, f"Salesforce record {record}") in told
    berlin = admin.get(f"/executions/{first}", zone="Europe/Berlin")["explanation"]
    assert berlin[0]["text"] == "Received 2026-03-02 13:00:00+01:00 for Marketo lead 1, campaign Welcome"
    for zone in ("Europe/Nowhere", "/etc/passwd", "Europe", "", "../UTC"):
        assert admin.ask("GET", f"/executions/{first}", zone=zone).status == 422, zone


@pytest.mark.parametrize(
    ("marketo", "salesforce", "person", "record"),
    [
        pytest.param({}, {}, None, None, id="no-host-of-the-org"),
        pytest.param(
            {},
            {"token_host": "https://example.my.salesforce.com"},
            None,
            "https://example.my.salesforce.com/{id}",
            id="my-domain",
        ),
        pytest.param(
            {"record_url": "https://app.example.com/people?leadId={id}"},
            {"record_url": "https://example.lightning.force.com/lightning/r/{id}/view"},
            "https://app.example.com/people?leadId={id}",
            "https://example.lightning.force.com/lightning/r/{id}/view",
            id="as-the-connections-say",
        ),
    ],
)
def test_an_execution_leads_to_its_person_and_record_as_far_as_is_known_where_they_are(
    admin: Admin, marketo: dict[str, str], salesforce: dict[str, str], person: str | None, record: str | None
) -> None:
    """Salesforce's records are at its own host; where people are in Marketo only the connection can say."""
    execution = admin.world.receive(1)
    admin.world.run_out()
    admin.store(a_marketo_connection(**marketo), a_salesforce_connection(**salesforce))
    found = admin.get(f"/executions/{execution}")

    wanted = [("Marketo", "1", person), ("Salesforce", found["salesforce_id"], record)]
    assert [tuple(each.values()) for each in found["links"]] == [
        (system, one, template.format(id=one)) for system, one, template in wanted if template
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.com/{id}",
        "https://app.example.com/",
        "https:///{id}",
        "javascript:{id}",
        "https://[/{id}",
        "https://me@app.example.com/{id}",
        "https://a/{id}{id}",
    ],
)
def test_where_records_are_is_an_https_address_with_one_place_for_the_id(admin: Admin, url: str) -> None:
    """Anything else is a finding at its member, and nothing is stored."""
    document = as_document(a_marketo_connection()) | {"record_url": url}
    [finding] = admin.post("/documents/validate", {"documents": [document]})["findings"]

    assert finding["pointer"] == "/record_url"
    assert "https address with one {id}" in finding["what"]


def test_executions_come_page_by_page(admin: Admin) -> None:
    """Seven in pages of three: each once, in order; the token says nothing of a person; any other is refused."""
    world = admin.world
    wanted = [world.receive(number) for number in range(1, 8)]
    found: list[str] = []
    token = None
    for _ in range(3):
        page = admin.get("/executions", limit="3", **({"token": token} if token else {}))
        found += [each["execution_id"] for each in page["executions"]]
        token = page["next_token"]

    assert (found, token) == (wanted, None)
    for wrong in ("x", "e30", base64.urlsafe_b64encode(json.dumps({"after": 7}).encode()).decode(), "é"):
        assert admin.ask("GET", "/executions", token=wrong).json["pointer"] == "/token"


@pytest.mark.parametrize("wanted", [{}, {"lead_id": 1}, {"email": "person1@example.com"}])
def test_the_newest_executions_come_first_where_that_is_asked_for(admin: Admin, wanted: dict[str, Any]) -> None:
    """Five of one person over two days in pages of two, each once; what arrives meanwhile is on no later page, and a
    token of the other order is refused."""
    world, ids = admin.world, []
    for _ in range(5):
        ids.append(world.receive(1))
        world.clock.advance(8 * 3600)
    asked = {**wanted, "order": "newest", "limit": 2, "since": (NOON - timedelta(days=1)).isoformat()}

    first = admin.post("/executions/search", asked)
    world.receive(1)
    second = admin.post("/executions/search", asked | {"token": first["next_token"]})
    third = admin.post("/executions/search", asked | {"token": second["next_token"]})
    other = admin.ask("POST", "/executions/search", asked | {"order": "oldest", "token": first["next_token"]})

    pages = [[each["execution_id"] for each in page["executions"]] for page in (first, second, third)]
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert (third["next_token"], other.status, other.json["pointer"]) == (None, 409, "/token")
    newest = admin.get("/executions", order="newest", limit="1")["executions"]
    assert newest == admin.get("/executions")["executions"][-1:]
    assert admin.ask("GET", "/executions", order="random").status == 422


def test_a_rare_reason_does_not_keep_the_caller_waiting(admin: Admin) -> None:
    """A page looks at so many executions at most, and has a token to go on even if it found none."""
    for number in range(EXAMINED + 1):
        admin.world.receive(number + 1)

    page = admin.get("/executions", reason="ambiguous_match")
    rest = admin.get("/executions", reason="ambiguous_match", token=page["next_token"])

    assert (page["executions"], rest["executions"], rest["next_token"]) == ([], [], None)


def test_times_are_instants_and_bounded(admin: Admin) -> None:
    """A time without an offset is refused, one far away costs nothing."""
    execution = admin.world.receive(1)

    assert admin.ask("GET", "/executions", since="2026-03-02T00:00:00").status == 422
    far = admin.get("/executions", since="0001-01-01T00:00:00Z", until="9999-12-31T00:00:00Z")
    assert [each["execution_id"] for each in far["executions"]] == [execution]
    assert admin.get("/executions", since="2026-03-02T12:00:01Z")["executions"] == []


# -- redrive


def parked(world: World, *leads: int) -> list[str]:
    """Executions that wait for a person, because their Action did not fit."""
    world.configurations.put(an_action(mappings=[{"column": "email", "to": "Gone__c"}]))
    ids = [world.receive(lead) for lead in leads]
    world.drain()
    assert world.states()["parked"] >= len(leads)
    world.configurations.put(an_action())
    return ids


def test_a_redrive_tells_number_and_cost_before_it_does_anything(admin: Admin) -> None:
    """Unless told otherwise nothing runs: the answer has the count by Action and the calls it takes; then all run."""
    ids = parked(admin.world, 1, 2, 3)

    told = admin.post("/executions/redrive", {"reason": "mapping_broken"})
    untouched = admin.world.states()["parked"]
    done = admin.post("/executions/redrive", {"reason": "mapping_broken", "dry_run": False})
    again = admin.post("/executions/redrive", {"execution_ids": ids, "dry_run": False})
    admin.world.run_out()

    assert (told["dry_run"], told["count"], told["by_action"], untouched) == (True, 3, {ACTION: 3}, 3)
    assert told["cost"] == {"salesforce": 2, "marketo": 2}
    assert [each["execution_id"] for each in done["results"]] == ids
    assert (done["count"], again["count"]) == (3, 0)
    assert admin.world.outcomes() == {"created": 3}


def test_a_redrive_runs_on_the_configuration_of_its_time_if_told_so(admin: Admin) -> None:
    """Calls that came in while the Action was inactive run on the version that was current then, or on today's."""
    world = admin.world
    world.clock.advance(60)
    admin.ask("PUT", f"/actions/{ACTION}", {"document": an_action_document(type="update")})
    world.clock.advance(60)
    old, new = (
        world.receive_payload(
            {"lead": {"id": lead, "email": f"person{lead}@example.com", "lastName": "L", "company": "C"}},
            kind="not_run",
            reason="not_active",
        )
        for lead in (1, 2)
    )
    world.clock.advance(60)
    admin.ask("PUT", f"/actions/{ACTION}", {"document": an_action_document()})

    admin.post("/executions/redrive", {"execution_ids": [old], "configuration": "original", "dry_run": False})
    admin.post("/executions/redrive", {"execution_ids": [new], "dry_run": False})
    world.run_out()

    assert (world.ended(old), world.ended(new)) == (("skipped", "no_match"), ("created", ""))
    assert [world.execution(each)["version"] for each in (old, new)] == [2, 3]


def test_a_redrive_names_executions_or_searches_for_them(admin: Admin) -> None:
    """Both at once is refused; an id that is not there says so."""
    both = admin.ask("POST", "/executions/redrive", {"execution_ids": ["a"], "lead_id": 1})
    nobody = admin.post("/executions/redrive", {"execution_ids": ["a"]})

    assert (both.status, both.json["pointer"]) == (422, "/execution_ids")
    assert nobody["results"] == [{"execution_id": "a", "runs": False, "note": "There is no such execution."}]


# -- try, and what goes wrong


def test_a_try_tells_what_would_be_written(admin: Admin) -> None:
    """By lead and by payload alike: the write with each field before and after, the write-back, the activity."""
    world = admin.world
    record = world.salesforce.load("Lead", Email="person7@example.com", FirstName="Before", LastName="L", Company="C")
    world.marketo.load(7, email="person7@example.com", firstName="Ada", lastName="L", company="C", salesforceId="x")

    by_lead = admin.post(f"/actions/{ACTION}/try", {"lead_id": 7})
    payload = {"lead": {"id": 7, "email": "person7@example.com", "firstName": "Ada", "lastName": "L", "company": "C"}}
    by_payload = admin.post(f"/actions/{ACTION}/try", {"payload": payload, "version": 1})

    assert by_lead["steps"][0] == {
        "step": "read",
        "result": "from_marketo",
        "columns": ["company", "email", "firstName", "lastName"],
    }
    assert by_lead | {"steps": by_lead["steps"][1:]} == by_payload
    assert (by_lead["outcome"], by_lead["operation"], by_lead["salesforce_id"]) == ("updated", "update", record)
    changes = {each["field"]: (each["before"], each["after"]) for each in by_lead["fields"] if each["changes"]}
    assert changes == {"FirstName": ("Before", "Ada"), "LeadSource": (None, "Marketo")}
    backs = {each["field"]: (each["before"], each["after"]) for each in by_lead["writeback"]}
    assert backs["salesforceId"] == ("x", record)
    assert by_lead["activity"]["primary"] == "Success"
    assert (world.leads()[0]["FirstName"], world.marketo.logged()) == ("Before", [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"lead_id": 7, "payload": {}}, "invalid"),
        ({"payload": {"lead": {}}}, "lead_id_invalid"),
        ({"payload": {"lead": {"id": 1, "x": "y" * 70_000}}}, "body_too_large"),
        ({"lead_id": 0}, "invalid"),
    ],
)
def test_a_try_without_a_person_is_refused(admin: Admin, body: Any, code: str) -> None:
    """Neither or both, or a payload that the webhook would refuse: 422 with the webhook's own reason."""
    answered = admin.ask("POST", f"/actions/{ACTION}/try", body)

    assert (answered.status, answered.json["code"]) == (422, code)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TransientError("x", vendor="salesforce", code="UNABLE"), 503, "vendor_busy"),
        (QuotaExhaustedError("x", vendor="salesforce", resets_at=NOON), 503, "vendor_quota"),
        (PermanentError("person7@example.com", vendor="salesforce", code="INVALID_FIELD"), 502, "vendor_refused"),
    ],
)
def test_a_vendor_that_fails_is_a_problem_that_says_what_to_do(
    admin: Admin, error: SyncError, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer names the vendor and its code, never its words; what the process holds is given back."""

    def failing(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(admin.world.salesforce, "find", failing)
    payload = {"lead": {"id": 7, "email": "person7@example.com", "firstName": "", "lastName": "", "company": ""}}

    answered = admin.ask("POST", f"/actions/{ACTION}/try", {"payload": payload})

    assert (answered.status, answered.json["code"]) == (status, code)
    assert answered.json["message"].startswith("Salesforce did not serve the request")
    assert "person7" not in json.dumps(answered.json)
    assert (bool(answered.json["remedy"]), admin.finished) == (True, 1)


def test_a_disabled_connection_is_a_conflict(admin: Admin) -> None:
    """The sentence names the connection."""
    admin.world.connections.disabled.add(SALESFORCE)

    answered = admin.ask("POST", f"/actions/{ACTION}/try", {"payload": {"lead": {"id": 7}}})

    assert (answered.status, answered.json["code"]) == (409, "connection_disabled")
    assert SALESFORCE in answered.json["message"]


# -- callbacks


def test_callbacks_that_failed_are_listed_and_sent_again(admin: Admin) -> None:
    """With how many people, since when and why; sent again they are due, and are no longer listed."""
    chunks, clock = admin.world.chunks, admin.world.clock
    chunks.open(a_chunk(3, received_at=clock.now(), due_at=clock.now()))
    taken = chunks.take("c1", clock.now())
    assert taken is not None
    chunks.keep(taken.evolve(state=ChunkState.FAILED, reason="host_refused", attempts=2))

    [listed] = admin.get("/callbacks")["callbacks"]
    done = admin.post("/callbacks/send", {"ids": ["c1", "c2"]})["results"]

    assert (listed["id"], listed["people"], listed["attempts"], listed["reason"]) == ("c1", 3, 2, "host_refused")
    assert "CallbackHosts" in listed["message"]
    assert datetime.fromisoformat(listed["failed_at"]) == clock.now()
    assert [(each["id"], each["done"]) for each in done] == [("c1", True), ("c2", False)]
    assert admin.get("/callbacks") == {"callbacks": []}
    assert chunks.due(clock.now(), 9) == ["c1"]
