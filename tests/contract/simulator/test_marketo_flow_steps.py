"""Flow-step services: installing one, invoking it with people, and taking its callback.

The service is a real one, written here; it accepts what it is sent and the test calls back for it. Adobe's schema of
the interface is used where `MARKETO_OPENAPI_DIR` names a folder with `flow-step-service.yaml`, else a small one.
"""

from __future__ import annotations

import copy
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # the library ships no types
import pytest
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

FOLDER_VARIABLE = "MARKETO_OPENAPI_DIR"
CAMPAIGN = 60
KEY = "key-of-the-service"

OPENAPI: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {
        "title": "Lookup",
        "version": "1",
        "x-providerName": "Example",
        "x-schemaVersion": "0.4.0",
        "x-supportContact": "help@example.com",
    },
    "servers": [{"url": "/v1"}],
    "security": [{"apiKey": []}],
    "paths": {
        "/submitAsyncAction": {
            "post": {
                "callbacks": {
                    "selfServiceFlowComplete": {"{$request.body#/flowComplete}": {"post": {"responses": {}}}}
                },
                "responses": {status: {"description": ""} for status in (201, 400, 401, 403, 429, 500)},
            }
        },
        "/getServiceDefinition": {"get": {"responses": {}}},
        "/status": {"get": {"responses": {}}},
        "/getPicklist": {"post": {"responses": {}}},
    },
    "components": {
        "schemas": {},
        "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-lookup-key"}},
    },
}


def attribute(name: str, data_type: str = "string", **more: Any) -> dict[str, Any]:
    return {"apiName": name, "i18n": {"en_US": {"name": name.title()}}, "dataType": data_type, **more}


def mapping(name: str, suggested: str, data_type: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "serviceAttribute": name,
        "suggestedMarketoAttribute": suggested,
        "description": {"en_US": name},
        "dataType": data_type,
        **more,
    }


DEFINITION: dict[str, Any] = {
    "apiName": "lookup",
    "i18n": {"en_US": {"name": "Look Up", "triggerName": "Looks up", "filterName": "Looked up"}},
    "primaryAttribute": "table",
    "invocationPayloadDef": {
        "globalAttributes": [attribute("folder")],
        "flowAttributes": [
            attribute("table", hasPicklist=True, enforcePicklistSelect=True),
            attribute("greeting"),
        ],
        "headers": [{"name": "x-trace"}],
        "fields": [mapping("mail", "email", "email", required=True), mapping("job", "title")],
        "campaignContext": True,
        "programContext": True,
        "programMemberContext": True,
        "triggerContext": True,
        "subscriptionContext": True,
        "myTokenContext": ["Event"],
    },
    "callbackPayloadDef": {
        "attributes": [attribute("found", "boolean")],
        "fields": [
            mapping("job", "title"),
            mapping("points", "leadScore", "score"),
            mapping("customer", "isCustomer", "boolean"),
            mapping("unmapped", "", "string"),
        ],
    },
}


@dataclass
class LookupService:
    """A service that accepts everything; a test may change what it says of itself and how it answers."""

    url: str = ""
    openapi: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(OPENAPI))
    definition: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(DEFINITION))
    status: dict[str, Any] = field(default_factory=dict)
    answer: int = 201
    invocations: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    picklist_requests: list[dict[str, Any]] = field(default_factory=list)
    choices: int = 1

    def app(self) -> Starlette:
        routes = [
            Route("/openapi.yaml", self.describe),
            Route("/v1/getServiceDefinition", self.define),
            Route("/v1/submitAsyncAction", self.submit, methods=["POST"]),
            Route("/v1/status", self.tell_status),
            Route("/v1/getPicklist", self.pick, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    async def describe(self, _: Request) -> Response:
        return PlainTextResponse(yaml.safe_dump(self.openapi))

    async def define(self, _: Request) -> Response:
        return JSONResponse(self.definition)

    async def submit(self, request: Request) -> Response:
        self.headers.append(dict(request.headers) | {"query": request.url.query})
        self.invocations.append(await request.json())
        return Response(status_code=self.answer)

    async def tell_status(self, _: Request) -> Response:
        return JSONResponse(self.status)

    async def pick(self, request: Request) -> Response:
        self.picklist_requests.append(await request.json())
        choice = {"displayValue": {"en_US": "Countries"}, "submittedValue": "countries.csv"}
        return JSONResponse({"choices": [choice] * self.choices})


@pytest.fixture(scope="module")
def running_service() -> Iterator[LookupService]:
    made = LookupService()
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(made.app(), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert started.wait(20)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join()


@pytest.fixture
def service(running_service: LookupService) -> LookupService:
    """The service as it is at first."""
    vars(running_service).update(vars(LookupService(url=running_service.url)))
    return running_service


def control(marketo: httpx.Client, path: str, body: object = None) -> Any:
    answer = marketo.get(f"/_sim/{path}") if body is None else marketo.post(f"/_sim/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def install(marketo: httpx.Client, service: LookupService, **more: Any) -> Any:
    """Install the service and make it the flow of a campaign in a program."""
    made = control(marketo, "services", {"openapi_url": service.url + "/openapi.yaml", "key": KEY, **more})
    control(marketo, "load", {"programs": [{"id": 80, "name": "Fair"}]})
    control(
        marketo, "load", {"smartCampaigns": [{"id": CAMPAIGN, "name": "Nightly", "type": "batch", "programId": 80}]}
    )
    steps = [
        {"service": made["name"], "parameters": {"table": "countries.csv", "greeting": "Dear {{lead.First Name}}"}}
    ]
    control(marketo, "campaigns/flow", {"campaign": CAMPAIGN, "steps": steps})
    return made


def people(marketo: httpx.Client, count: int) -> list[int]:
    rows = [{"email": f"p{n}@example.com", "firstName": f"P{n}", "leadScore": 10} for n in range(count)]
    ids: list[int] = control(marketo, "load", {"leads": rows})["leads"]
    return ids


def run(marketo: httpx.Client, leads: list[int], **more: Any) -> list[dict[str, Any]]:
    chunks: list[dict[str, Any]] = control(marketo, "campaigns/run", {"campaign": CAMPAIGN, "leads": leads, **more})[
        "chunks"
    ]
    return chunks


def call_back(
    marketo: httpx.Client, invocation: dict[str, Any], rows: list[dict[str, Any]] | None = None, **more: Any
) -> httpx.Response:
    """Call back as a service does: with the key and the token of the invocation."""
    body = {"munchkinId": invocation["context"]["subscription"]["munchkinId"], "objectData": rows or [], **more}
    headers = {"x-api-key": invocation["apiCallBackKey"], "x-callback-token": invocation["token"], "Authorization": ""}
    return marketo.post(invocation["callbackUrl"], json=body, headers=headers)


def log_codes(marketo: httpx.Client) -> list[str]:
    """Give the codes in the service log."""
    (shown,) = control(marketo, "services")["services"]
    return [each["code"] for each in shown["log"]]


# installing


def test_a_service_is_installed_from_its_own_description(marketo: httpx.Client, service: LookupService) -> None:
    """Suggested fields are mapped, picklists and status are read with the key, the activity type is there."""
    service.status = {"info": ["all well"], "warnings": ["slow"]}
    made = install(marketo, service)
    assert made["mappings"] == {
        "invocation": {"mail": "email", "job": "title"},
        "callback": {"job": "title", "points": "leadScore", "customer": "isCustomer"},
    }
    assert [each["submittedValue"] for each in made["choices"]["table"]] == ["countries.csv"]
    assert service.picklist_requests[0]["name"] == "table"
    assert service.picklist_requests[0]["type"] == "flow"
    assert {"marketoAttribute": "email", "serviceAttribute": "mail"} in service.picklist_requests[0][
        "fieldMappingContext"
    ]["invocation"]
    assert [(each["level"], each["message"]) for each in made["log"]] == [("INFO", "all well"), ("WARN", "slow")]
    types = {each["id"]: each for each in marketo.get("/rest/v1/activities/types.json").json()["result"]}
    shown = types[made["activity_type_id"]]
    assert (shown["name"], shown["primaryAttribute"]["apiName"]) == ("Look Up", "table")
    assert [each["apiName"] for each in shown["attributes"]] == ["greeting", "found", "success", "reason", "errorCode"]
    assert KEY not in marketo.get("/_sim/services").text


def test_another_mapping_and_another_name_may_be_chosen(marketo: httpx.Client, service: LookupService) -> None:
    """The administrator maps otherwise; the same service a second time needs a name of its own."""
    install(marketo, service)
    address = service.url + "/openapi.yaml"
    again = marketo.post("/_sim/services", json={"openapi_url": address, "key": KEY})
    assert again.status_code == 400
    chosen = {"invocation": {"mail": "secondaryEmail"}, "callback": {"unmapped": "notes"}}
    made = control(marketo, "services", {"openapi_url": address, "key": KEY, "name": "other", "mappings": chosen})
    assert made["mappings"]["invocation"] == {"mail": "secondaryEmail", "job": "title"}
    assert made["mappings"]["callback"]["unmapped"] == "notes"


def without(*path: str | int) -> Callable[[LookupService], None]:
    """Take a member out of the OpenAPI document."""

    def change(service: LookupService) -> None:
        document: Any = service.openapi
        for each in path[:-1]:
            document = document[each]
        del document[path[-1]]

    return change


def defined(*path: str, to: Any) -> Callable[[LookupService], None]:
    """Set a member of the service definition."""

    def change(service: LookupService) -> None:
        document: Any = service.definition
        for each in path[:-1]:
            document = document[each]
        document[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (without("info", "x-providerName"), "x-providerName"),
        (without("security"), "apiKey or basic"),
        (without("paths", "/status"), "/status"),
        (without("paths", "/submitAsyncAction"), "submitAsyncAction"),
        (without("paths", "/submitAsyncAction", "post", "callbacks"), "selfServiceFlowComplete"),
        (without("paths", "/submitAsyncAction", "post", "responses", 429), "429"),
        (defined("callbackPayloadDef", "attributes", to=[attribute("reason")]), "reserved"),
        (defined("callbackPayloadDef", "attributes", to=[attribute("greeting")]), "flow attribute"),
        (defined("primaryAttribute", to="found"), "primaryAttribute"),
        (defined("invocationPayloadDef", "flowAttributes", to=[attribute("table", "blob")]), "blob"),
        (defined("callbackPayloadDef", "fields", to=[mapping("id", "title")]), "id is taken"),
        (defined("i18n", to=None), "i18n"),
        (defined("invocationPayloadDef", "fields", to=[mapping("x", "nowhere", required=True)]), "requires a field"),
    ],
)
def test_a_service_that_breaks_the_interface_is_not_installed(
    marketo: httpx.Client, service: LookupService, change: Callable[[LookupService], None], part: str
) -> None:
    """The finding names what is missing or wrong."""
    change(service)
    answer = marketo.post("/_sim/services", json={"openapi_url": service.url + "/openapi.yaml", "key": KEY})
    assert answer.status_code == 400
    assert part in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"openapi_url": "http://192.0.2.1/openapi.json"}, "loopback"),
        ({"openapi_url": "http://127.0.0.1:9/openapi.json"}, "no answer"),
        ({"key": "x"}, "openapi_url"),
        ({"openapi_url": "http://127.0.0.1:9/", "secret": "x"}, "secret"),
    ],
)
def test_a_service_that_is_not_there_is_not_installed(marketo: httpx.Client, body: Any, part: str) -> None:
    """Nothing answers, or the request to install says something else."""
    answer = marketo.post("/_sim/services", json=body)
    assert answer.status_code == 400
    assert part in answer.json()["error"]


def test_a_picklist_has_1000_choices_at_most(marketo: httpx.Client, service: LookupService) -> None:
    """1,001 choices are an error in the service log; the nightly poll takes the next answer."""
    service.choices = 1_001
    install_body = {"openapi_url": service.url + "/openapi.yaml", "key": KEY}
    made = control(marketo, "services", install_body)
    assert (made["choices"], [each["code"] for each in made["log"]]) == ({}, ["picklist"])
    service.choices = 1_000
    (polled,) = control(marketo, "services/poll", {})["services"]
    assert len(polled["choices"]["table"]) == 1_000


def test_an_enforced_picklist_takes_its_choices_only(marketo: httpx.Client, service: LookupService) -> None:
    """A flow step with another value cannot be saved, nor one with an unknown parameter."""
    install(marketo, service)
    for parameters in ({"table": "other.csv"}, {"shoe": "x"}):
        steps = [{"service": "lookup", "parameters": parameters}]
        answer = marketo.post("/_sim/campaigns/flow", json={"campaign": CAMPAIGN, "steps": steps})
        assert answer.status_code == 400


# invoking


OUR_SCHEMA = {
    "type": "object",
    "required": ["token", "batchid", "apiCallBackKey", "campaignId", "callbackUrl", "context", "objectData"],
    "properties": {
        "campaignId": {"type": "integer"},
        "context": {"type": "object", "required": ["subscription"]},
        "objectData": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["objectType", "objectContext"],
                "properties": {
                    "objectType": {"enum": ["lead"]},
                    "objectContext": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
                },
            },
        },
    },
}


@pytest.fixture
def invocation_schema(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Adobe's schema of an invocation, or ours where its folder is not given; says which."""
    folder = os.environ.get(FOLDER_VARIABLE)
    against = f"the schema in {folder}" if folder else f"our own schema ({FOLDER_VARIABLE} is not set)"
    with capsys.disabled():
        print(f"\nMarketo twin: flow-step invocations checked against {against}")
    if not folder:
        return OUR_SCHEMA
    document = yaml.safe_load((Path(folder) / "flow-step-service.yaml").read_text(encoding="utf-8"))
    return {"$ref": "#/components/schemas/async", "components": document["components"]}


def test_an_invocation_carries_people_and_contexts(
    marketo: httpx.Client, service: LookupService, invocation_schema: dict[str, Any]
) -> None:
    """The key is in the header; mapped fields, parameters with tokens, globals and every context are in the body."""
    install(marketo, service, globals={"folder": "eu"}, headers={"x-trace": "on"})
    form = {"name": "Event", "type": "text", "value": "Fair 31", "folderType": "Program"}
    assert marketo.post("/rest/asset/v1/folder/80/tokens.json", data=form).json()["success"]
    (lead_id,) = people(marketo, 1)
    control(marketo, "load", {"programMembers": [{"programId": 80, "leadId": lead_id, "statusName": "Registered"}]})
    (chunk,) = run(marketo, [lead_id], trigger={"Name": "Form 1", "Trigger Name": "Fills Out Form"})
    assert (chunk["status"], chunk["people"], chunk["error"]) == (201, 1, "")
    (sent,) = service.invocations
    jsonschema.validate(sent, invocation_schema)
    assert service.headers[0]["x-lookup-key"] == KEY
    assert "x-trace" not in service.headers[0]
    assert sent["campaignId"] == CAMPAIGN
    assert sent["context"]["admin"] == {"folder": "eu", "x-trace": "on"}
    assert sent["context"]["campaign"]["name"] == "Nightly"
    assert sent["context"]["program"]["name"] == "Fair"
    assert sent["context"]["subscription"]["crmSyncStatus"] == "none"
    (person,) = sent["objectData"]
    assert person["objectContext"] == {"id": lead_id, "mail": "p0@example.com", "job": None}
    assert person["flowStepContext"] == {"table": "countries.csv", "greeting": "Dear P0"}
    assert person["triggeringContext"] == {"name": "Form 1", "triggerName": "Fills Out Form"}
    assert person["programMemberContext"]["status"] == "Registered"
    assert person["myTokenContext"] == {"Event": "Fair 31"}


def test_people_go_in_chunks_each_with_its_own_token(marketo: httpx.Client, service: LookupService) -> None:
    """Seven people in chunks of three are three invocations of one run, and three tokens."""
    install(marketo, service)
    control(marketo, "limits", {"flow_step_chunk": 3})
    ids = people(marketo, 7)
    assert [each["people"] for each in run(marketo, ids)] == [3, 3, 1]
    sent = [[row["objectContext"]["id"] for row in each["objectData"]] for each in service.invocations]
    assert sent == [ids[:3], ids[3:6], ids[6:]]
    assert len({each["token"] for each in service.invocations}) == 3
    assert len({each["batchid"] for each in service.invocations}) == 1
    assert [len(each["people"]) for each in control(marketo, "services")["waiting"]] == [3, 3, 1]


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_an_answer_other_than_201_is_logged_and_not_awaited(
    marketo: httpx.Client, service: LookupService, status: int
) -> None:
    """Its code is in the service log, no callback is accepted for it, and it is not tried again."""
    install(marketo, service)
    service.answer = status
    (chunk,) = run(marketo, people(marketo, 1))
    assert (chunk["status"], chunk["error"]) == (status, str(status))
    assert log_codes(marketo) == [str(status)]
    assert call_back(marketo, service.invocations[0], []).status_code == 404
    assert len(service.invocations) == 1


# calling back


def test_a_callback_writes_fields_and_logs_an_activity(marketo: httpx.Client, service: LookupService) -> None:
    """Fields land by mapping, a score is added; the activity tells parameters and result; no call is counted."""
    made = install(marketo, service)
    first, second = people(marketo, 2)
    run(marketo, [first, second])
    (sent,) = service.invocations
    before = control(marketo, "calls")
    rows = [
        {
            "leadData": {"id": first, "job": "CTO", "points": "+5", "customer": True},
            "activityData": {"success": True, "found": True},
        },
        {
            "leadData": {"id": second, "points": 3},
            "activityData": {"success": False, "errorCode": "NOT_FOUND", "reason": "no such person"},
        },
    ]
    defaults = {"leadDefaults": {"job": "Unknown"}, "activityDefaults": {"found": False}}
    answer = call_back(marketo, sent, rows, defaultValues=defaults)
    assert (answer.status_code, answer.json()) == (200, {})
    leads = {each["id"]: each for each in control(marketo, "records/leads")}
    shown = [(leads[each]["title"], leads[each]["leadScore"], leads[each]["isCustomer"]) for each in (first, second)]
    assert shown == [("CTO", 15, True), ("Unknown", 3, False)]
    activities = control(marketo, "records/activities")
    results = {
        each["leadId"]: {one["apiName"]: one["value"] for one in each["attributes"]}
        for each in activities
        if each["activityTypeId"] == made["activity_type_id"]
    }
    assert results == {
        first: {"greeting": "Dear P0", "found": True, "success": True},
        second: {
            "greeting": "Dear P1",
            "found": False,
            "success": False,
            "reason": "no such person",
            "errorCode": "NOT_FOUND",
        },
    }
    change = next(each for each in activities if each["activityTypeId"] == 13 and each["leadId"] == first)
    told = {each["name"]: each["value"] for each in change["attributes"]}
    assert told["Source"] == f"lookup ({made['activity_type_id']})"
    assert told["Reason"] == f"Smart Campaign: {CAMPAIGN}, Step Seq ID: 1"
    assert log_codes(marketo) == ["NOT_FOUND"]
    assert control(marketo, "calls")["max_calls_in_20s"] == before["max_calls_in_20s"]


def test_a_callback_is_taken_once(marketo: httpx.Client, service: LookupService) -> None:
    """The second one is 404 and writes nothing, as is one with another token; a wrong key is 403."""
    install(marketo, service)
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id])
    (sent,) = service.invocations
    rows = [{"leadData": {"id": lead_id, "points": "+5"}}]
    assert call_back(marketo, sent | {"token": "other"}, rows).status_code == 404
    assert call_back(marketo, sent | {"apiCallBackKey": "other"}, rows).status_code == 403
    assert [call_back(marketo, sent, rows).status_code for _ in range(2)] == [200, 404]
    (person,) = control(marketo, "records/leads")
    assert person["leadScore"] == 15


@pytest.mark.parametrize(
    "change",
    [
        {"munchkinId": "000-AAA-000"},
        {"objectData": {}},
        {"objectData": [{"activityData": {}}]},
        {"objectData": [{"leadData": {"id": "1"}}]},
        {"objectData": [{"leadData": {"id": 1}, "activityData": {"success": "yes"}}]},
        {"defaultValues": {"leadDefaults": []}},
        {"errorCode": 5},
    ],
)
def test_a_callback_outside_the_schema_is_405_and_may_be_mended(
    marketo: httpx.Client, service: LookupService, change: dict[str, Any]
) -> None:
    """Nothing is taken from it, and its token stays good."""
    install(marketo, service)
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id])
    (sent,) = service.invocations
    rows = [{"leadData": {"id": lead_id, "job": "CTO"}}]
    assert call_back(marketo, sent, **({"objectData": rows} | change)).status_code == 405
    (person,) = control(marketo, "records/leads")
    assert person["title"] is None
    assert call_back(marketo, sent, objectData=rows).status_code == 200


def test_nulls_and_long_values_follow_the_guide(marketo: httpx.Client, service: LookupService) -> None:
    """Null leaves text alone and makes a boolean false, the word null empties, a text is cut to its field."""
    install(marketo, service)
    loaded = [{"email": f"n{n}@example.com", "title": "Engineer", "isCustomer": True, "leadScore": 1} for n in range(3)]
    ids = control(marketo, "load", {"leads": loaded})["leads"]
    run(marketo, ids)
    rows = [
        {"leadData": {"id": ids[0], "job": None, "customer": None, "points": -4}},
        {"leadData": {"id": ids[1], "job": "null", "points": "-4"}},
        {"leadData": {"id": ids[2], "job": "x" * 300, "points": "many"}},
    ]
    assert call_back(marketo, service.invocations[0], rows).status_code == 200
    shown = [(each["title"], each["isCustomer"], each["leadScore"]) for each in control(marketo, "records/leads")]
    assert shown == [("Engineer", False, -4), (None, True, -3), ("x" * 255, True, 1)]
    assert log_codes(marketo) == ["INVALID_VALUE"]


def test_what_was_not_asked_for_is_logged_and_dropped(marketo: httpx.Client, service: LookupService) -> None:
    """A stranger, a field without a mapping, an undeclared attribute and a person left out are lines of the log."""
    install(marketo, service)
    first, second, stranger = people(marketo, 3)
    run(marketo, [first, second])
    rows: list[dict[str, Any]] = [
        {"leadData": {"id": first, "unmapped": "x"}, "activityData": {"colour": "red"}},
        {"leadData": {"id": stranger, "job": "CTO"}},
    ]
    assert call_back(marketo, service.invocations[0], rows).status_code == 200
    assert log_codes(marketo) == ["NOT_MAPPED", "NOT_DECLARED", "UNKNOWN_PERSON", "NO_RESULT"]
    assert {each["title"] for each in control(marketo, "records/leads")} == {None}


def test_an_error_of_the_chunk_writes_nobody(marketo: httpx.Client, service: LookupService) -> None:
    """With errorCode no row is processed."""
    install(marketo, service)
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id])
    rows = [{"leadData": {"id": lead_id, "job": "CTO"}}]
    answer = call_back(marketo, service.invocations[0], rows, errorCode="TABLE_GONE", errorMessage="no table")
    assert answer.status_code == 200
    assert log_codes(marketo) == ["TABLE_GONE"]
    (person,) = control(marketo, "records/leads")
    assert person["title"] is None


def test_a_callback_can_be_lost_after_it_was_taken(marketo: httpx.Client, service: LookupService) -> None:
    """A fault rule drops the answer; the repeated callback is 404 and the fields were written once."""
    install(marketo, service)
    (lead_id,) = people(marketo, 1)
    run(marketo, [lead_id])
    (sent,) = service.invocations
    path = httpx.URL(sent["callbackUrl"]).path
    control(marketo, "faults", [{"match": f"POST {path}", "kind": "drop_answer", "nth": 1}])
    rows = [{"leadData": {"id": lead_id, "points": "+5"}}]
    with pytest.raises(httpx.TransportError):
        call_back(marketo, sent, rows)
    assert call_back(marketo, sent, rows).status_code == 404
    (person,) = control(marketo, "records/leads")
    assert person["leadScore"] == 15


def test_users_may_map_fields_freely(marketo: httpx.Client, service: LookupService) -> None:
    """With user-driven mappings fields go out and come in under Marketo's own names, and only the chosen ones."""
    for part in ("invocationPayloadDef", "callbackPayloadDef"):
        service.definition[part]["userDrivenMapping"] = True
    install(marketo, service, mappings={"invocation": ["country"], "callback": ["state"]})
    (lead_id,) = control(marketo, "load", {"leads": [{"email": "a@example.com", "country": "NZ"}]})["leads"]
    run(marketo, [lead_id])
    (sent,) = service.invocations
    assert sent["objectData"][0]["objectContext"] == {"id": lead_id, "country": "NZ"}
    call_back(marketo, sent, [{"leadData": {"id": lead_id, "state": "Otago", "city": "Dunedin"}}])
    (person,) = control(marketo, "records/leads")
    assert (person["state"], person["city"]) == ("Otago", None)


@pytest.mark.parametrize(
    ("scheme", "sent"),
    [
        ({"type": "apiKey", "in": "query", "name": "k"}, ("query", "k=a%3Ab")),
        ({"type": "http", "scheme": "basic"}, ("authorization", "Basic YTpi")),
    ],
)
def test_a_key_goes_where_the_service_wants_it(
    marketo: httpx.Client, service: LookupService, scheme: dict[str, str], sent: tuple[str, str]
) -> None:
    """The first scheme under security decides: a query parameter, or name and password."""
    service.openapi["security"] = [{"mine": []}]
    service.openapi["components"]["securitySchemes"] = {"mine": scheme}
    install(marketo, service, key="a:b")
    run(marketo, people(marketo, 1))
    assert service.headers[0][sent[0]] == sent[1]
