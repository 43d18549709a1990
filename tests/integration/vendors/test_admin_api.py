"""The admin API's function in this process: on an in-process AWS with the template's tables, and both vendor twins."""

import importlib
import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from leadbridge import wiring
from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.marketo import ActivityAttribute
from tests.builders.admin import a_request
from tests.e2e.actions import MARKETO, SALESFORCE, an_action
from tests.integration.aws.local_aws import client
from tests.integration.test_functions import TABLES, resolved
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_cli_documents import CONNECTIONS
from tests.integration.vendors.wired import TwinConnections
from tests.unit.test_template import FUNCTIONS, RESOURCES

#: an object that an administrator of the org has made
CUSTOM = "Event_Registration__c"
#: columns that only leads with their membership have, and what is said of one that they have not
MEMBER = ("token.member.status", "token.member.reachedSuccess", "token.member.registrationCode")
UNKNOWN_MEMBER = (
    "the membership in a program has no field token.member.registratonCode; did you mean token.member.registrationCode?"
)
CREDENTIALS = {"client_id": "the-client-of-ours", "client_secret": "the-secret-of-ours"}
LEAD = {"id": 4711, "email": "zoe.odd@example.com", "firstName": "  zoë ", "lastName": "Odd", "company": "Quirke"}


class GivingBack(TwinConnections):
    """The twins, whose clients keep no places."""

    def give_back(self) -> None:
        """There is nothing to give back."""


class Api:
    """The function behind API Gateway."""

    def __init__(self, log: io.StringIO) -> None:
        self._handler = importlib.import_module("functions.admin_api.app").lambda_handler
        self.log = log

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """Status and body of the answer to a signed request."""
        answer = self._handler(a_request(method, path, body, **query), SimpleNamespace(aws_request_id="1"))
        return answer["statusCode"], json.loads(answer["body"])

    def must(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """What is answered where it goes well."""
        status, found = self.ask(method, path, body, **query)
        assert status == 200, found
        return found


@pytest.fixture
def api(
    dynamodb: Any, clients: Clients, marketo: Twin, salesforce: Twin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Api]:
    """A deployment with one connection to each twin."""
    vault = client("secretsmanager")
    made = {
        "VendorSecret": vault.create_secret(Name="vendors", SecretString=json.dumps({MARKETO: CREDENTIALS}))["ARN"],
        "IndexKeySecret": vault.create_secret(Name="index", SecretString='{"key": "index-key"}')["ARN"],
    }
    known = {name: name for name in (*TABLES, *FUNCTIONS)} | made
    environment = resolved_for("AdminApiFunction", known)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for built in (wiring._client, wiring.meter, wiring.admin_api):
        built.cache_clear()
    monkeypatch.setattr(wiring, "_connections", lambda *_, **__: GivingBack(clients))
    configurations = DynamoConfigurations(dynamodb, table="ConfigTable")
    configurations.put(MarketoConnection.model_validate(CONNECTIONS[0]))
    configurations.put(SalesforceConnection.model_validate(CONNECTIONS[1]))
    marketo.post("load", {"leads": [LEAD]})
    importlib.import_module("functions.admin_api.app")
    log = io.StringIO()
    handlers = [each for each in logging.getLogger("admin_api").handlers if isinstance(each, logging.StreamHandler)]
    before = [(handler, handler.setStream(log)) for handler in handlers]
    yield Api(log)
    for handler, stream in before:
        if stream is not None:
            handler.setStream(stream)
    for built in (wiring._client, wiring.meter, wiring.admin_api):
        built.cache_clear()


def resolved_for(function: str, known: dict[str, str]) -> dict[str, str]:
    """The variables of one function as the template gives them; what it does not use goes by its own name."""
    everything = {name: name for name in RESOURCES} | known
    found = resolved(everything)
    names = FUNCTIONS[function]["Environment"]["Variables"]
    return {name: found[name] for name in (*names, "STAGE", "LOG_LEVEL", "STACK_NAME", "CLOCK_URL")}


def a_document(**changes: Any) -> dict[str, Any]:
    """An Action with rules on a mapping."""
    rules = [{"type": "trim"}, {"type": "case", "to": "title"}]
    mappings = [
        {"column": "email", "to": "Email"},
        {"column": "firstName", "to": "FirstName", "transforms": rules},
        {"column": "lastName", "to": "LastName"},
        {"column": "company", "to": "Company"},
    ]
    return an_action("tried", mappings=mappings, **changes)


def test_an_administrator_chooses_connections_objects_and_fields_from_what_there_is(api: Api) -> None:
    """Only enabled connections with their secret are offered; the objects are those of Describe that can be created or
    updated; the fields are those of both sides, Marketo's with the operators that their types offer."""
    usable = [each["id"] for each in api.must("GET", "/connections", usable="true")["connections"]]
    api.must("POST", f"/documents/marketo_connection/{MARKETO}/state", {"move": "deactivate"})
    without = [each["id"] for each in api.must("GET", "/connections", usable="true")["connections"]]
    api.must("POST", f"/documents/marketo_connection/{MARKETO}/state", {"move": "activate"})
    objects = {each["name"]: each for each in api.must("GET", f"/connections/{SALESFORCE}/objects")["objects"]}
    fields = api.must("GET", f"/connections/{SALESFORCE}/objects/Lead/fields")["fields"]
    columns = api.must("GET", f"/connections/{MARKETO}/objects/leads/fields")["fields"]

    assert (usable, without) == ([MARKETO, SALESFORCE], [SALESFORCE])
    assert {"Lead", "Contact"} <= set(objects)
    assert all(each["createable"] or each["updateable"] for each in objects.values())
    assert {"Email", "LastName"} <= {each["name"] for each in fields}
    assert {"email", "firstName"} <= {each["name"] for each in columns}
    operators = {each["name"]: each["operators"] for each in columns}
    assert operators["isCustomer"] == ["equals", "not_equals", "is_true", "is_false", "is_empty", "is_not_empty"]
    assert {"contains", "in_list"} <= set(operators["firstName"])
    assert "greater_than" in operators["leadScore"]
    assert {tuple(each["operators"]) for each in fields} == {()}


@pytest.mark.cap("T03")
def test_no_route_that_reads_gives_the_credentials_of_a_connection(api: Api) -> None:
    """Asked for connections, what they offer, their documents and versions, the API tells that a secret is stored, and
    neither the client id nor the secret; nor does its log."""
    of_connection = f"/connections/{MARKETO}"
    routes = ["/connections", f"/documents/marketo_connection/{MARKETO}/history", "/actions", "/executions"]
    routes += [f"{of_connection}/{each}" for each in ("objects", "objects/leads/fields", "lists", "activity-types")]
    told = [api.must("GET", each) for each in routes]
    document = {"format": 1, **CONNECTIONS[0], "name": "Renamed"}
    told.append(api.must("POST", "/documents/plan", {"documents": [document]}))

    states = {each["id"]: each["secret"] for each in told[0]["connections"]}
    assert states[MARKETO] == "stored"
    for value in CREDENTIALS.values():
        assert value not in json.dumps(told)
        assert value not in api.log.getvalue()


def test_an_action_lives_through_the_api(api: Api) -> None:
    """It is stored inactive, reads back equal, is viewed on five pages, activated, changed, compared and taken back;
    every version names the principal; no finding, path or value stands in the log."""
    stored = api.must("PUT", "/actions/tried", {"document": a_document(), "note": "first"})
    read = api.must("GET", "/actions/tried")
    again = api.must("PUT", "/actions/tried", {"document": read["document"]})
    pages = api.must("GET", "/actions/tried/view")["pages"]
    api.must("POST", "/documents/action/tried/state", {"move": "activate"})
    api.must("PUT", "/actions/tried", {"document": a_document(name="Renamed")})
    diff = api.must("GET", "/documents/action/tried/diff")
    rolled = api.must("POST", "/documents/action/tried/rollback", {"version": 1})
    versions = api.must("GET", "/documents/action/tried/history")["versions"]

    assert (stored["state"], stored["changed"], again["changed"]) == ("validated", True, False)
    assert {name: value for page in pages for name, value in page["members"].items()} == read["document"]
    assert [each["pointer"] for each in diff["differences"]] == ["/name"]
    assert (rolled["version"], rolled["state"]) == (3, "active")
    assert [each["version"] for each in versions] == [3, 2, 1]
    assert {each["author"] for each in versions} == {"arn:aws:iam::123456789012:user/admin"}
    lines = [json.loads(line) for line in api.log.getvalue().splitlines()]
    assert {line["message"] for line in lines} == {"request answered"}
    assert "user/admin" not in api.log.getvalue()
    assert "tried" not in api.log.getvalue()


@pytest.mark.cap("A05")
def test_a_source_table_is_chosen_from_those_that_marketo_describes(api: Api, marketo: Twin) -> None:
    """Leads, and leads with their membership, are offered as long as Marketo describes them to us; the table chosen
    says which columns are offered and taken, and a table that is not offered is refused with those that are."""
    path = f"/connections/{MARKETO}/objects"

    def tables() -> list[str]:
        return [each["name"] for each in api.must("GET", path, refresh="true")["objects"]]

    def columns(table: str) -> set[str]:
        return {each["name"] for each in api.must("GET", f"{path}/{table}/fields")["fields"]}

    def refused(table: str, column: str) -> list[tuple[str, str]]:
        document = a_document(source={"connection": MARKETO, "table": table})
        document["mappings"] = [*document["mappings"], {"column": column, "to": "Title"}]
        told = api.ask("PUT", "/actions/tried", {"document": document})[1]
        return [(each["pointer"], f"{each['what']}; {each['remedy']}") for each in told.get("findings", [])]

    offered = tables()
    leads, members = columns("leads"), columns("program_members")
    taken = [refused("leads", "title"), *(refused("program_members", each) for each in MEMBER)]
    mistaken = refused("program_members", "token.member.registratonCode")
    of_members = refused("leads", "registrationCode")
    companies = refused("companies", "title")
    refusal = {"match": "GET /rest/v1/programs/members/describe.json", "kind": "vendor_error", "code": "603"}
    marketo.post("faults", [refusal])
    narrow = tables()

    assert offered == ["leads", "program_members"]
    assert {"email", "title", "leadScore"} <= leads
    assert not {each for each in leads if each.startswith("token.member.")}
    assert members - leads >= set(MEMBER)
    assert leads <= members
    assert taken == [[]] * (1 + len(MEMBER))
    assert mistaken == [("/mappings/4/column", UNKNOWN_MEMBER)]
    assert of_members[0][0] == "/mappings/4/column"
    assert companies == [("/source/table", "is not one of what it may be; choose 'leads' or 'program_members'")]
    assert narrow == ["leads"]


@pytest.mark.cap("A07")
def test_a_destination_is_chosen_from_what_describe_says_can_be_written(api: Api, salesforce: Twin) -> None:
    """Of the org's objects, standard and custom, those are listed in which records can be created or updated; what can
    be neither is not listed, and an Action that names it is refused with where it stands. What is listed is taken."""

    def offered() -> dict[str, Any]:
        listed = api.must("GET", f"/connections/{SALESFORCE}/objects", refresh="true")["objects"]
        return {each["name"]: each for each in listed}

    def saved(name: str, **fields: str) -> tuple[int, list[str]]:
        document = a_document()
        document["destination"] = document["destination"] | {"object": name}
        if fields:
            document["identifier"] = {"column": "email", "field": fields["email"]}
            document["mappings"] = [{"column": column, "to": to} for column, to in fields.items()]
        status, told = api.ask("PUT", "/actions/tried", {"document": document})
        return status, [each["pointer"] for each in told.get("findings", [])]

    first = offered()
    taken = [saved("Lead"), saved(CUSTOM, email="Email__c", company="Name")]
    salesforce.post("permissions", {"denied": [f"{CUSTOM}.create"]})
    updated = offered()
    salesforce.post("permissions", {"denied": [f"{CUSTOM}.create", f"{CUSTOM}.update"]})
    closed = offered()
    refused = [saved("User"), saved(CUSTOM, email="Email__c", lastName="Name")]

    assert {"Lead", "Contact", "Account", "Campaign", CUSTOM} <= set(first)
    assert {name: each["custom"] for name, each in first.items()} == {name: name.endswith("__c") for name in first}
    assert all(each["createable"] or each["updateable"] for each in first.values())
    assert "User" not in first
    assert taken == [(200, []), (200, [])]
    assert (updated[CUSTOM]["createable"], updated[CUSTOM]["updateable"]) == (False, True)
    assert CUSTOM not in closed
    assert [(status, "/destination/object" in places) for status, places in refused] == [(422, True), (422, True)]


@pytest.mark.cap("A53")
def test_a_result_activity_is_chosen_from_the_approved_types_of_the_instance(api: Api, clients: Clients) -> None:
    """The twin has an approved type and a draft: the first is offered and can be saved, the other is not."""
    path = f"/connections/{MARKETO}/activity-types"
    first = api.must("GET", path)["activity_types"]
    clients.marketo().custom_activities.create_type(
        "draftedResult",
        name="Drafted",
        trigger_name="Drafts",
        filter_name="Drafts",
        primary=ActivityAttribute(name="Result", api_name="result"),
    )

    again = api.must("GET", path, refresh="true")["activity_types"]
    document = a_document()
    document["results"] = document["results"] | {"activity": "draftedResult"}
    status, told = api.ask("PUT", "/actions/tried", {"document": document})

    assert "leadbridgeResult" in {each["api_name"] for each in first}
    assert again == first
    assert (status, "/results/activity" in {each["pointer"] for each in told["findings"]}) == (422, True)
    assert api.ask("PUT", "/actions/tried", {"document": a_document()})[0] == 200


@pytest.mark.cap("T12")
def test_at_most_300_lists_are_offered_and_it_is_said_that_there_are_more(api: Api, marketo: Twin) -> None:
    """Of 450 lists 300 are shown with a note, asked for 300 or 301 only; of 300 all are, without one."""
    path, some = f"/connections/{MARKETO}/lists", [{"id": 5_000 + each, "name": f"List {each}"} for each in range(450)]
    marketo.post("load", {"staticLists": some[:300]})
    exactly = api.must("GET", path)
    marketo.post("load", {"staticLists": some[300:]})
    offered = api.must("GET", path, refresh="true")

    assert (len(exactly["choices"]), exactly["more"], exactly["note"]) == (300, False, "")
    assert (len(offered["choices"]), offered["more"]) == (300, True)
    assert offered["note"] == "Marketo has more lists than the 300 shown. Name one that is missing by its id."
    assert offered["choices"][0] == {"id": 5_000, "name": "List 0"}


def test_campaigns_that_can_be_requested_are_offered(api: Api, marketo: Twin) -> None:
    """Of an active trigger campaign, one that is not active and a batch campaign the first is offered."""
    marketo.post(
        "load",
        {
            "smartCampaigns": [
                {"id": 2_001, "name": "Welcome mail"},
                {"id": 2_002, "name": "Asleep", "isActive": False, "isRequestable": False},
                {"id": 2_003, "name": "Nightly", "type": "batch", "isRequestable": False},
            ]
        },
    )
    offered = api.must("GET", f"/connections/{MARKETO}/campaigns")
    assert (offered["choices"], offered["more"]) == ([{"id": 2_001, "name": "Welcome mail"}], False)


def test_programs_and_types_of_the_log_are_offered_as_the_instance_has_them(api: Api, marketo: Twin) -> None:
    """A program with the statuses of its channel; a standard type of the log with its attributes, and the custom one
    with the API names of its own."""
    names = ("Not in Program", "Registered", "Attended")
    statuses = [{"name": name, "step": step, "success": step == 2} for step, name in enumerate(names)]
    fair = {"name": "Fair", "type": "Event", "channel": "Tradeshow", "progressionStatuses": statuses}
    [number] = marketo.post("load", {"programs": [fair]})["programs"]

    programs = api.must("GET", f"/connections/{MARKETO}/programs")
    types = {each["name"]: each for each in api.must("GET", f"/connections/{MARKETO}/logged-types")["logged_types"]}

    found = [each for each in programs["programs"] if each["id"] == number]
    assert found == [{"id": number, "name": "Fair", "statuses": ["Registered", "Attended"]}]
    assert (programs["more"], programs["note"]) == (False, "")
    form = types["Fill Out Form"]
    assert (form["api_name"], form["attributes"][0]["name"]) == (None, "Webform ID")
    [result] = [each for each in types.values() if each["api_name"] == "leadbridgeResult"]
    assert "message" in {each["api_name"] for each in result["attributes"]}


@pytest.mark.cap("A41")
def test_chained_objects_are_chosen_from_what_describe_lists(api: Api) -> None:
    """Two of the listed objects are appended and read back in their order; one that is not in the list and one that
    nobody may write are refused with where they stand."""
    offered = {each["name"] for each in api.must("GET", f"/connections/{SALESFORCE}/objects")["objects"]}
    known = {"field": "Id", "to": "WhoId"}
    task = {
        "name": "call",
        "object": "Task",
        "type": "create",
        "mappings": [known, {"static": "Call", "to": "Subject"}],
    }
    account = {"name": "company", "object": "Account", "type": "upsert", "match": [{"column": "company", "to": "Name"}]}
    account["mappings"] = [{"static": "Prospect", "to": "Type"}]
    person = task | {"name": "person", "object": "User", "mappings": [{"column": "lastName", "to": "LastName"}]}
    unknown = task | {"name": "unknown", "object": "NoSuch__c"}

    api.must("PUT", "/actions/tried", {"document": a_document(chained=[account, task])})
    read = api.must("GET", "/actions/tried")["document"]["chained"]
    status, refused = api.ask("PUT", "/actions/tried", {"document": a_document(chained=[task, unknown, person])})

    assert {"Task", "Account"} <= offered
    assert not {"User", "NoSuch__c"} & offered
    assert [(each["name"], each["object"], each["type"]) for each in read] == [
        ("company", "Account", "upsert"),
        ("call", "Task", "create"),
    ]
    assert status == 422
    places = [finding["pointer"] for finding in refused["findings"]]
    assert {"/chained/1/object", "/chained/2/object"} <= set(places)
    assert not any(place.startswith("/chained/0") for place in places)
    assert all(finding["remedy"] for finding in refused["findings"])


def test_findings_of_both_vendors_come_at_once(api: Api) -> None:
    """A wrong column, a wrong field and an activity that is not there are told together, each with pointer and remedy,
    and nothing is stored."""
    document = a_document()
    document["mappings"] += [{"column": "emial", "to": "Emali"}]
    document["results"] = document["results"] | {"activity": "noSuchActivity"}

    told = api.must("POST", "/documents/validate", {"documents": [document]})["findings"]
    status, refused = api.ask("PUT", "/actions/tried", {"document": document})

    assert {"/mappings/4/to", "/mappings/4/column", "/results/activity"} <= {each["pointer"] for each in told}
    assert all(each["remedy"] for each in told)
    assert (status, refused["findings"]) == (422, told)
    assert api.ask("GET", "/actions/tried")[0] == 404


def test_a_try_by_lead_reads_the_person_and_the_record_and_writes_nothing(
    api: Api, marketo: Twin, salesforce: Twin
) -> None:
    """The person is read from Marketo, the record from Salesforce; each rule shows its value before and after; both
    vendors hold what they held, and no value is logged."""
    api.must("PUT", "/actions/tried", {"document": a_document()})
    first = api.must("POST", "/actions/tried/try", {"lead_id": LEAD["id"]})
    salesforce.post("load", {"Lead": [{"Email": LEAD["email"], "LastName": "Old", "Company": "Quirke"}]})
    held = (salesforce.get("records/Lead"), marketo.get("records/leads"), marketo.get("records/activities"))

    told = api.must("POST", "/actions/tried/try", {"lead_id": LEAD["id"]})

    assert (first["outcome"], first["operation"], first["salesforce_id"]) == ("created", "create", None)
    [record] = salesforce.get("records/Lead")
    assert (told["outcome"], told["operation"], told["salesforce_id"]) == ("updated", "update", record["Id"])
    changes = {each["field"]: (each["before"], each["after"]) for each in told["fields"] if each["changes"]}
    assert changes == {"FirstName": (None, "Zoë"), "LastName": ("Old", "Odd")}
    [name] = [each for each in told["mappings"] if each["field"] == "FirstName"]
    assert [(each["rule"], each["value_after"]) for each in name["rules"]] == [("trim", "zoë"), ("case", "Zoë")]
    assert (salesforce.get("records/Lead"), marketo.get("records/leads"), marketo.get("records/activities")) == held
    assert api.must("POST", "/actions/tried/try", {"lead_id": 99})["reason"] == "lead_unknown"
    assert not [value for value in ("zoe.odd", "Quirke", "zoë", "4711") if value in api.log.getvalue()]
