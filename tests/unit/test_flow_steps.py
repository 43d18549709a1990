"""The receive side of flow steps: keys, definition, picklists, and chunks that are durable before they are answered."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from leadbridge.domain.flow_step_queue import read_chunk
from leadbridge.domain.flow_step_service import answer_attributes, install_url, openapi
from leadbridge.door import NotDurableError
from leadbridge.flow_steps import DOCUMENT_AGE_SECONDS
from tests.builders.actions import MARKETO, a_marketo_connection, an_action, an_action_document
from tests.builders.flow_steps import a_person, an_invocation, body_of
from tests.fakes.flow_step_door import FlowStepDoor, another_action

OPERATIONS = ["getServiceDefinition", "status", "getPicklist", "submitAsyncAction", "async"]


@pytest.fixture
def door() -> FlowStepDoor:
    """A receiver with one active Action."""
    return FlowStepDoor()


def kinds(door: FlowStepDoor) -> dict[int, tuple[str, str]]:
    """Kind and reason of each person on the queue, by lead id."""
    read = [read_chunk(message)[1] for message in door.queue.messages]
    return {
        int(each.payload["lead"]["id"]): (each.kind, each.reason)
        for arrivals in read
        for each in arrivals
        if each.payload
    }


# -- who may call


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("key", ["", "v1.wrong", FlowStepDoor.key("other")])
def test_without_the_key_of_the_connection_nothing_is_told(door: FlowStepDoor, operation: str, key: str) -> None:
    """A missing key, a wrong one and that of another connection are answered alike, and nothing is stored."""
    is_get = operation in {"getServiceDefinition", "status"}
    assert door.ask(operation, None if is_get else b"{", key=key) == (401, {"status": "unauthorized"})
    assert door.queue.sent == []


def test_the_key_of_an_action_does_not_open_flow_steps(door: FlowStepDoor) -> None:
    """Nor the other way round: what the two kinds of keys are derived for never meets."""
    from leadbridge.domain.webhook import webhook_key

    assert door.ask("status", key=webhook_key("master", MARKETO, 1))[0] == 401


def test_a_rotated_key_works_beside_the_one_before_it(door: FlowStepDoor) -> None:
    """After a rotation both generations are taken, after the next one the first is refused."""
    first = door.key()
    previous = {"generation": 1, "key": "master"}
    door.secrets.value = {"generation": 2, "key": "second", "previous": previous}
    door.seconds += 100
    second = door.key(generation=2, master="second")
    assert [door.ask("status", key=each)[0] for each in (first, second)] == [200, 200]

    door.secrets.value = {"generation": 3, "key": "third", "previous": {"generation": 2, "key": "second"}}
    door.seconds += 100
    assert [door.ask("status", key=each)[0] for each in (first, second)] == [401, 200]


@pytest.mark.parametrize("operation", ["openapi.json", "brandIcon", "serviceIcon", "providerInstructions"])
def test_what_marketo_reads_before_it_has_the_key_needs_none(door: FlowStepDoor, operation: str) -> None:
    """The install document, icons and instructions hold nothing of the connection."""
    known, unknown = door.ask(operation, key=""), door.ask(operation, key="", connection="unknown")
    assert known[0] == 200
    assert known == unknown


@pytest.mark.parametrize(
    ("operation", "body", "mapping"),
    [("status", b"{}", "fields"), ("async", None, "fields"), ("other", None, "fields"), ("status", None, "other")],
)
def test_other_calls_are_not_there(door: FlowStepDoor, operation: str, body: bytes | None, mapping: str) -> None:
    """Unknown operations and mappings, and known ones by another method, are 404."""
    assert door.ask(operation, body, mapping=mapping)[0] == 404


# -- what the service says of itself


def test_the_install_document_names_its_own_address(door: FlowStepDoor) -> None:
    """On AWS with the stage in the path, behind a domain without it; on a local stack relative to itself."""
    context = {"domainName": "x.execute-api.example.com", "path": "/prod/flow-step/m/fields/openapi.json"}
    status, document = door.ask("openapi.json", requestContext=context)
    assert (status, document["servers"]) == (
        200,
        [{"url": "https://x.execute-api.example.com/prod/flow-step/m/fields"}],
    )
    local = FlowStepDoor(is_local=True)
    assert local.ask("openapi.json", requestContext=context)[1]["servers"] == [{"url": "."}]
    assert (
        install_url("https://x.example.com/prod", "m") == "https://x.example.com/prod/flow-step/m/fields/openapi.json"
    )
    assert document == openapi("https://x.execute-api.example.com/prod/flow-step/m/fields")


def test_the_definition_offers_what_the_active_actions_need(door: FlowStepDoor) -> None:
    """Fields read and written, My Tokens, attributes of the activity; inactive and foreign Actions do not count."""
    door.documents.keep(
        another_action(
            "second",
            mappings=[
                {"column": "email", "to": "Email"},
                {"column": "leadScore", "to": "Rating"},
                {"template": "{{city}} {{program.name}} {{token.Gift}}", "to": "Description"},
                {"column": "token.my.Event Date", "to": "Title"},
                {"column": "token.trigger.Name", "to": "Fax"},
            ],
            writeback=[{"field": "Id", "to": "otherId"}],
        )
    )
    door.documents.keep(another_action("off", writeback=[{"field": "Id", "to": "offId"}]), active=False)
    door.documents.keep(another_action("foreign", source={"connection": "elsewhere"}))
    status, definition = door.ask("getServiceDefinition")

    invocation, callback = definition["invocationPayloadDef"], definition["callbackPayloadDef"]
    assert (status, definition["primaryAttribute"]) == (200, "action")
    assert {each["serviceAttribute"]: each["dataType"] for each in invocation["fields"]} == {
        "city": "string",
        "company": "string",
        "email": "email",
        "firstName": "string",
        "lastName": "string",
        "leadScore": "score",
    }
    assert invocation["myTokenContext"] == ["Event Date", "Gift"]
    assert [each["serviceAttribute"] for each in callback["fields"]] == ["leadbridgeStatus", "otherId", "salesforceId"]
    assert [each["apiName"] for each in callback["attributes"]] == ["outcome", "executionId", "salesforceId", "message"]
    contexts = ("programContext", "campaignContext", "triggerContext", "programMemberContext", "subscriptionContext")
    assert all(invocation[name] for name in contexts)


def test_in_free_mode_an_administrator_maps_the_fields(door: FlowStepDoor) -> None:
    """No field is offered, and both directions say that mappings are the user's."""
    _, definition = door.ask("getServiceDefinition", mapping="free")
    for part in ("invocationPayloadDef", "callbackPayloadDef"):
        assert (definition[part]["userDrivenMapping"], definition[part]["fields"]) == (True, [])


def test_names_that_marketo_has_taken_are_no_attributes() -> None:
    """A flow parameter's name, and the three that every activity has, cannot be attributes of the callback too."""
    mapped = [{"static": "x", "to": name} for name in ("action", "list", "reason", "mine")]
    document = an_action_document(results=an_action_document()["results"] | {"mappings": mapped})
    assert list(answer_attributes([document])) == ["outcome", "executionId", "salesforceId", "mine"]


def test_picklists_offer_actions_lists_and_programs(door: FlowStepDoor) -> None:
    """Each parameter has its choices; what is no flow parameter is refused."""
    from leadbridge.domain.clauses import ListDocument

    vip = {"kind": "list", "id": "vip", "name": "Very Important", "values": ["a"]}
    door.documents.keep(ListDocument.model_validate(vip))
    door.documents.keep(another_action("another"))

    def pick(name: str, kind: str = "flow") -> tuple[int, Any]:
        return door.ask("getPicklist", f'{{"name": "{name}", "type": "{kind}"}}'.encode())

    choices = [(each["displayValue"]["en_US"], each["submittedValue"]) for each in pick("action")[1]["choices"]]
    assert choices == [("Another", "another"), ("Person to Lead", "person-to-lead")]
    assert [each["submittedValue"] for each in pick("list")[1]["choices"]] == ["vip"]
    assert pick("program") == (200, {"choices": []})
    assert [pick("other")[0], pick("action", "global")[0], door.ask("getPicklist", b"{")[0]] == [400, 400, 400]


def test_the_status_says_that_nothing_would_run(door: FlowStepDoor) -> None:
    """With an active Action there is nothing to warn of; without one Marketo's service log says so every night."""
    assert door.ask("status") == (200, {"info": ["1 Actions are active."], "warnings": [], "errors": []})
    door.documents.keep(an_action(), active=False)
    assert "not run" in door.ask("status")[1]["warnings"][0]


# -- chunks


def test_a_chunk_is_durable_before_it_is_answered(door: FlowStepDoor) -> None:
    """Everybody is on the queue in a few calls, and the answer is 201 with the id of the chunk."""
    status, answer = door.submit(500)

    assert (status, answer["status"]) == (201, "accepted")
    assert {message["chunk"]["id"] for message in door.queue.messages} == {answer["chunk"]}
    assert kinds(door) == dict.fromkeys(range(1, 501), ("event", ""))
    assert len(door.queue.batches) <= 4
    assert door.documents.reads == 2


@pytest.mark.parametrize("operation", ["submitAsyncAction", "async"])
def test_both_names_of_the_submission_are_known(door: FlowStepDoor, operation: str) -> None:
    """The vendor's guide and its schema name it differently."""
    assert door.ask(operation, body_of(an_invocation()))[0] == 201


def test_a_chunk_that_the_queue_does_not_take_is_not_accepted(door: FlowStepDoor) -> None:
    """Where the queue is away, no answer claims that the chunk is kept."""
    door.queue.broken = True
    with pytest.raises(ClientError):
        door.submit()


def test_messages_that_were_refused_are_sent_again(door: FlowStepDoor) -> None:
    """SQS takes some of a batch and refuses others: those alone go again, and after three times nothing is accepted."""
    door.queue.refuses = [2, 1]
    assert door.submit(100)[0] == 201
    assert kinds(door) == dict.fromkeys(range(1, 101), ("event", ""))
    assert len(door.queue.sent) == 4

    door.queue.refuses = [1, 1, 1]
    with pytest.raises(NotDurableError):
        door.submit(100)


def test_a_chunk_that_cannot_be_read_is_refused_with_findings(door: FlowStepDoor) -> None:
    """The answer is 400, names what is wrong, and nothing is stored."""
    status, answer = door.submit(callbackUrl="https://example.org/")
    assert (status, answer["status"]) == (400, "rejected")
    assert "CallbackHosts" in answer["findings"][0]
    assert door.queue.sent == []


@pytest.mark.parametrize(
    ("base_url", "status"), [("https://123-ABC-456.mktorest.com", 201), ("https://999-XYZ-999.mktorest.com", 403)]
)
def test_people_of_another_instance_are_refused(door: FlowStepDoor, base_url: str, status: int) -> None:
    """Their lead ids would be those of other people in the connection's instance."""
    door.documents.keep(a_marketo_connection(base_url=base_url))
    assert door.submit()[0] == status
    assert bool(door.queue.sent) is (status == 201)


def test_people_whose_action_does_not_run_are_kept_and_say_why(door: FlowStepDoor) -> None:
    """Choices of a flow step may name several Actions: each person goes by his own."""
    door.documents.keep(another_action("off"), active=False)
    door.documents.keep(another_action("foreign", source={"connection": "elsewhere"}))
    named = ["person-to-lead", "off", "foreign", "unknown", "", "no id of ours"]
    rows = [a_person(lead_id, action=action) for lead_id, action in enumerate(named, 1)]
    assert door.submit(objectData=rows)[0] == 201

    assert kinds(door) == {
        1: ("event", ""),
        2: ("not_run", "not_active"),
        3: ("not_run", "action_missing"),
        4: ("not_run", "action_missing"),
        5: ("not_run", "action_missing"),
        6: ("not_run", "action_missing"),
    }


def test_a_newer_document_is_left_to_the_worker(door: FlowStepDoor) -> None:
    """What this version cannot judge is accepted, and parked by whoever reads it."""
    door.documents.keep(an_action(), active=False, format_=2)
    door.submit(1)
    assert kinds(door) == {1: ("event", "")}


def test_documents_are_read_again_after_half_a_minute(door: FlowStepDoor) -> None:
    """An Action that was deactivated is obeyed then; while the table is away the older copy serves."""
    door.submit(1)
    door.documents.keep(an_action(), active=False)
    door.submit(1, token="second")
    assert kinds(door) == {1: ("event", "")}

    door.seconds += DOCUMENT_AGE_SECONDS + 1
    door.documents.broken = True
    with pytest.raises(ClientError):  # the connection was never found, so there is no copy
        door.submit(1, token="third")
    door.documents.broken = False
    door.submit(1, token="fourth")
    assert kinds(door) == {1: ("not_run", "not_active")}


def test_the_time_of_a_chunk_follows_the_clock_of_a_local_stack() -> None:
    """As for webhooks, the simulators' clock counts there."""
    door = FlowStepDoor(clock_offset=lambda: timedelta(days=1))
    door.submit(1)
    assert door.queue.messages[0]["received_at"] == "2026-03-03T12:00:00.123Z"


def test_the_log_holds_neither_people_nor_secrets(door: FlowStepDoor, caplog: pytest.LogCaptureFixture) -> None:
    """One line for each call: operation, status, and the chunk's id."""
    with caplog.at_level(logging.DEBUG):
        _, answer = door.submit(1)
        door.ask("anything@example.com")

    own = [record.getMessage() for record in caplog.records if record.name == "leadbridge.flow_step"]
    assert own == [f"flow step submitAsyncAction answered 201 {answer['chunk']}", "flow step - answered 404 -"]
    for secret in ("one-time-token", "callback-key", "example.com", door.key()):
        assert secret not in caplog.text
