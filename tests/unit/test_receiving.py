"""The receive path: authenticate, parse, make durable, answer, in this order."""

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from leadbridge.domain.messages import read
from leadbridge.domain.webhook import BODY_LIMIT_BYTES, Encoding, UnusableBodyError, parse, webhook_key
from leadbridge.receiving import from_environment
from tests.builders.encodings import CONTENT_TYPES, ENCODERS, VALUES
from tests.builders.events import a_payload
from tests.fakes.door import ACTION, AT_MILLISECONDS, Door


@pytest.fixture
def door() -> Door:
    """A receiver with one active Action."""
    return Door()


def test_a_call_is_durable_before_it_is_accepted(door: Door) -> None:
    """An accepted call is answered 200 with its execution id, and is on the queue as `store_events` reads it."""
    status, answer = door.call()

    (body,) = door.queue.sent
    arrival = read(body)
    assert (status, answer) == (200, {"status": "accepted", "execution_id": arrival.execution_id})
    assert (arrival.kind, arrival.action_id, arrival.payload) == ("event", ACTION, a_payload(7))
    assert arrival.sequence == f"0{AT_MILLISECONDS}#{arrival.execution_id}"
    assert arrival.received_at.isoformat() == "2026-03-02T12:00:00.123000+00:00"


def test_execution_ids_are_not_guessable(door: Door) -> None:
    """A hundred calls get a hundred different ids of 32 hexadecimal digits."""
    ids = {door.call()[1]["execution_id"] for _ in range(100)}

    assert len(ids) == 100
    assert all(len(one) == 32 and int(one, 16) >= 0 for one in ids)


def test_a_call_that_cannot_be_made_durable_is_not_accepted(door: Door) -> None:
    """Where the queue does not take the message, no answer claims that it did."""
    door.queue.broken = True

    with pytest.raises(ClientError):
        door.call()


def test_sequences_follow_the_clock_port() -> None:
    """In a local stack the time of arrival follows the simulators' clock."""
    door = Door(clock_offset=lambda: timedelta(days=1))
    door.call()

    assert door.messages[0]["received_at"] == "2026-03-03T12:00:00.123Z"


@pytest.mark.parametrize("key", ["", "v1.wrong", "Schlüssel"])
def test_a_wrong_key_and_an_unknown_action_are_answered_alike(door: Door, key: str) -> None:
    """A wrong key, a key of another Action and an unknown Action get the same 401, and nothing is recorded."""
    wrong = door.call(key=key)
    foreign = door.call(key=webhook_key("master", "other", 1))
    unknown = door.call(action="other")

    assert wrong == foreign == unknown == (401, {"status": "unauthorized"})
    assert door.queue.sent == []


def test_an_unauthorised_body_is_not_even_read(door: Door) -> None:
    """A wrong key with an unusable body is told nothing about the body."""
    assert door.call("{", key="v1.wrong") == (401, {"status": "unauthorized"})


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"multiValueHeaders": {"x-LEADBRIDGE-key": ["KEY"]}}, id="other case"),
        pytest.param({"multiValueHeaders": None, "headers": {"x-leadbridge-key": "KEY"}}, id="single values"),
        pytest.param(
            {"multiValueHeaders": {"X-Leadbridge-Key": ["KEY"]}, "headers": {"X-Leadbridge-Key": "KEY"}},
            id="both forms",
        ),
    ],
)
def test_the_key_is_found_in_any_header_form(door: Door, headers: dict[str, Any]) -> None:
    """The key is found however API Gateway renders headers."""
    written = json.dumps(headers).replace("KEY", webhook_key("master", ACTION, 1))

    assert door.call(**json.loads(written))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Leadbridge-Key": ["KEY", "KEY"]}, id="twice in one header"),
        pytest.param({"X-Leadbridge-Key": ["KEY"], "x-leadbridge-key": ["KEY"]}, id="in two headers"),
        pytest.param({}, id="not at all"),
    ],
)
def test_exactly_one_key_is_taken(door: Door, headers: dict[str, list[str]]) -> None:
    """None or several key headers are refused, even if all of them are right."""
    written = json.dumps(headers).replace("KEY", webhook_key("master", ACTION, 1))

    assert door.call(multiValueHeaders=json.loads(written))[0] == 401


def test_of_headers_only_the_names_are_kept(door: Door) -> None:
    """The message names the headers of the call and holds none of their values."""
    key = webhook_key("master", ACTION, 1)
    door.call(multiValueHeaders={"X-Leadbridge-Key": [key], "Cookie": ["secret=1"]})

    assert door.messages[0]["header_names"] == ["cookie", "x-leadbridge-key"]
    assert key not in door.queue.sent[0]
    assert "secret=1" not in door.queue.sent[0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("{", "body_not_json", id="no JSON"),
        pytest.param(b"\xff\xfe", "body_not_text", id="no text"),
        pytest.param('{"lead": {}}', "lead_id_invalid", id="no id"),
        pytest.param("", "body_not_json", id="empty"),
        pytest.param('{"lead": {"id": 1, "x": "\ud800"}}', "body_not_text", id="a lone surrogate"),
    ],
)
def test_an_unusable_body_is_refused_and_kept(door: Door, body: bytes | str, reason: str) -> None:
    """An unusable body is answered 400 with what is wrong, and recorded as rejected with its bytes."""
    status, answer = door.call(body)

    (message,) = door.messages
    assert (status, answer["status"], answer["reason"]) == (400, "rejected", reason)
    assert answer["message"].endswith(".")
    assert (message["kind"], message["reason"], message["message"]) == ("rejected", reason, answer["message"])
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    assert base64.b64decode(message["body"]) == raw
    assert read(door.queue.sent[0]).execution_id == answer["execution_id"]


@pytest.mark.parametrize("encoding", ENCODERS)
def test_every_encoding_makes_the_same_message(door: Door, encoding: str) -> None:
    """A person sent as JSON, XML or form is one payload on the queue, whatever the values hold."""
    payload = {"lead": {"id": "7", **VALUES}, "campaign": {"name": VALUES["unicode"]}, "token": {"my.x y": "+"}}

    status, answer = door.call(ENCODERS[encoding](payload), content_type=CONTENT_TYPES[encoding])

    assert (status, answer["status"]) == (200, "accepted")
    assert door.messages[0]["payload"] == payload | {"lead": {"id": 7, **VALUES}}
    assert read(door.queue.sent[0]).execution_id == answer["execution_id"]


def a_get(**query: Any) -> dict[str, Any]:
    """What the gateway hands over of a GET: no body, the query string decoded, each name with its values."""
    several = {name.replace("__", "."): value if isinstance(value, list) else [value] for name, value in query.items()}
    return {
        "httpMethod": "GET",
        "body": None,
        "isBase64Encoded": False,
        "multiValueQueryStringParameters": several or None,
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
    }


def test_a_query_string_makes_the_same_message(door: Door) -> None:
    """A GET is a call like any other; its content type, if it has one, says nothing."""
    query = a_get(
        lead__id="7", lead__email="ada+1@example.com", lead__note=VALUES["multi-line"], campaign__name="A & B"
    )

    status, answer = door.call(content_type="application/json", **query)

    assert (status, answer["status"]) == (200, "accepted")
    assert door.messages[0]["payload"] == {
        "lead": {"id": 7, "email": "ada+1@example.com", "note": VALUES["multi-line"]},
        "campaign": {"name": "A & B"},
    }


def test_a_query_string_in_single_values_is_read_too(door: Door) -> None:
    """A gateway of the other kind gives one value for each name."""
    query = a_get(lead__id="7") | {"multiValueQueryStringParameters": None}

    assert door.call(**query)[0] == 200
    assert door.messages[0]["payload"] == {"lead": {"id": 7}}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param({}, "lead_missing", id="no query"),
        pytest.param({"lead__id": ["7", "8"]}, "body_not_form", id="a name twice"),
        pytest.param({"lead__id": "7", "lead__a": "\ud83d"}, "body_not_text", id="half a character"),
        pytest.param({"lead__id": "x y+z"}, "lead_id_invalid", id="no id"),
    ],
)
def test_an_unusable_query_string_is_kept_as_a_form(door: Door, query: dict[str, Any], reason: str) -> None:
    """It is answered 400 and recorded with a body that a redrive can read."""
    status, answer = door.call(**a_get(**query))

    assert (status, answer["reason"]) == (400, reason)
    kept = base64.b64decode(door.messages[0]["body"])
    with pytest.raises(UnusableBodyError):
        parse(kept, Encoding.FORM)


def test_a_content_type_that_nobody_reads_is_refused_and_kept(door: Door) -> None:
    """It is answered 415 with the types that are read, and what came is kept so that it can be redriven."""
    status, answer = door.call('{"lead": {"id": 7}}', content_type="image/png")

    assert (status, answer["reason"]) == (415, "content_type_unknown")
    assert "application/xml" in answer["message"]
    assert parse(base64.b64decode(door.messages[0]["body"]))["lead"] == {"id": 7}


@pytest.mark.parametrize(
    "body", ['{"lead": {"id": "4711"}}', "<event><lead><id>4711</id></lead></event>", "lead.id=4711"]
)
def test_a_call_with_nothing_but_the_lead_id_is_accepted(door: Door, body: str) -> None:
    """The lead id alone is a call, in every encoding."""
    assert door.call(body)[1]["status"] == "accepted"
    assert door.messages[0]["payload"] == {"lead": {"id": 4711}}


@pytest.mark.parametrize("content_type", ["", "application/xml", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_that_is_too_large_is_refused_and_not_kept(door: Door, content_type: str) -> None:
    """A body above the limit is answered 413 and recorded without its bytes, whatever its content type."""
    status, answer = door.call(b" " * (BODY_LIMIT_BYTES + 1), content_type=content_type)

    assert (status, answer["reason"]) == (413, "body_too_large")
    assert door.messages[0]["body"] is None


@pytest.mark.parametrize(
    "text",
    ["é" * 30_000, "日" * 20_000, "\U0001f600" * 15_000, "\n" * 60_000],
    ids=["two bytes", "three bytes", "four bytes", "line breaks"],
)
def test_every_accepted_message_fits_the_queue(door: Door, text: str) -> None:
    """Whatever characters fill an accepted body, the message stays below the 256 KB that a queue takes."""
    body = json.dumps({"lead": {"id": 1, "x": "TEXT"}}).replace("TEXT", text).encode()

    assert door.call(body)[0] == 200
    assert len(door.queue.sent[0].encode()) < 262_144


@pytest.mark.parametrize(
    ("item", "status", "kind"),
    [
        pytest.param({"active": {"BOOL": False}, "format": {"N": "1"}}, "not_active", "not_run", id="not active"),
        pytest.param({"active": {"BOOL": True}, "format": {"N": "2"}}, "parked", "event", id="a newer format"),
    ],
)
def test_a_call_that_will_not_run_is_accepted_with_its_status(
    door: Door, item: dict[str, Any], status: str, kind: str
) -> None:
    """A readable call that will not run is 200 with its status and reason, and is recorded."""
    door.table.items[ACTION] = item

    code, answer = door.call()

    assert (code, answer["status"]) == (200, status)
    assert answer["reason"]
    assert (door.messages[0]["kind"], door.messages[0]["reason"]) == (kind, answer["reason"])


def test_the_state_is_read_from_a_copy_of_at_most_thirty_seconds(door: Door) -> None:
    """Within 30 s calls do not ask for the Action again; after that a deactivation is seen."""
    door.call()
    door.table.items[ACTION]["active"]["BOOL"] = False

    door.seconds += 30
    assert door.call()[1]["status"] == "accepted"
    assert door.table.reads == 1
    door.seconds += 0.1
    assert door.call()[1]["status"] == "not_active"


def test_a_new_action_works_at_once(door: Door) -> None:
    """An Action that was not there a second ago is found now."""
    assert door.call(action="new")[0] == 401
    door.table.items["new"] = door.table.items[ACTION]
    door.seconds += 1.1

    assert door.call(action="new")[0] == 200


@pytest.mark.parametrize("known", [True, False], ids=["with an old copy", "without a copy"])
def test_a_state_that_cannot_be_read_loses_no_call(door: Door, *, known: bool) -> None:
    """With the config table throttled a call with the right key is accepted: the worker looks again anyway."""
    if known:
        door.call()
        door.seconds += 31
    door.table.broken = True

    assert door.call()[1]["status"] == "accepted"


def test_a_rotated_key_works_at_once(door: Door) -> None:
    """After a rotation the new key opens although the copy of the secret is older, and the old one still does."""
    door.call()
    door.secrets.value = {"generation": 2, "key": "newer", "previous": {"generation": 1, "key": "master"}}
    door.seconds += 2

    assert door.call(key=webhook_key("newer", ACTION, 2))[0] == 200
    assert door.call(key=webhook_key("master", ACTION, 1))[0] == 200
    assert door.secrets.reads == 2


def test_wrong_keys_do_not_ask_for_the_secret_each_time(door: Door) -> None:
    """A thousand wrong keys within a second cost at most two reads of the secret."""
    for _ in range(1000):
        door.call(key="v1.wrong")

    assert door.secrets.reads <= 2


def test_a_withdrawn_key_is_refused_within_a_minute(door: Door) -> None:
    """A generation that was taken away opens no longer than the copy of the secret lives."""
    door.call()
    door.secrets.value = {"generation": 3, "key": "newest"}
    door.seconds += 61

    assert door.call()[0] == 401


def test_a_secret_that_cannot_be_read_again_stays_in_use(door: Door) -> None:
    """Where the secret cannot be refreshed, the copy stays in use rather than refusing everybody."""
    door.call()
    door.secrets.broken = True
    door.seconds += 61

    assert door.call()[0] == 200


def test_without_any_secret_nobody_is_let_in(door: Door) -> None:
    """Where the secret was never read, a call ends in an error, not in an open door."""
    door.secrets.broken = True

    with pytest.raises(ClientError):
        door.call()
    assert door.queue.sent == []


def test_the_log_holds_no_value_of_the_call(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """One line tells status and execution id; no value of body, key or header is logged."""
    with caplog.at_level(logging.DEBUG, logger="leadbridge.receive"):
        _, answer = door.call(json.dumps(a_payload(7, email="ada@example.com")))
        door.call('{"lead": "ada@example.com"')

    assert answer["execution_id"] in caplog.text
    assert not any(secret in caplog.text for secret in ("ada@", "Lovelace", webhook_key("master", ACTION, 1)))


@pytest.fixture
def fresh_receiver() -> Iterator[None]:
    """Forget the process's receiver before and after."""
    from_environment.cache_clear()
    yield
    from_environment.cache_clear()


@pytest.mark.usefixtures("fresh_receiver")
@pytest.mark.parametrize("missing", ["EVENTS_QUEUE_URL", "CONFIG_TABLE", "WEBHOOK_SECRET_ARN"])
def test_a_missing_setting_stops_the_function(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without one of its settings the receive path does not start, and the setting is named."""
    for name in ("EVENTS_QUEUE_URL", "CONFIG_TABLE", "WEBHOOK_SECRET_ARN"):
        monkeypatch.setenv(name, "x")
    monkeypatch.delenv(missing)

    with pytest.raises(KeyError, match=missing):
        from_environment()


@pytest.mark.usefixtures("fresh_receiver")
def test_one_receiver_serves_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver is built once and kept, with its copies of secret and state."""
    for name in ("EVENTS_QUEUE_URL", "CONFIG_TABLE", "WEBHOOK_SECRET_ARN"):
        monkeypatch.setenv(name, "x")

    assert from_environment() is from_environment()


# -- a door with a worker behind it


def test_an_accepted_call_is_answered_by_who_runs_it() -> None:
    """The worker gets the message that the queue would, and its answer is the call's; nothing is queued."""
    seen: list[dict[str, Any]] = []

    def run(message: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append(dict(message))
        return {"status": "done", "values": {"a": 1}}

    door = Door(inline=run)

    status, answer = door.call()

    (message,) = seen
    assert (status, answer) == (200, {"status": "done", "values": {"a": 1}})
    arrival = read(json.dumps(message))
    assert (arrival.kind, arrival.action_id, arrival.payload) == ("event", ACTION, a_payload(7))
    assert door.messages == []


def test_what_nobody_ran_is_queued_as_it_is() -> None:
    """Where the worker leaves a call, it is on the queue under the id of the answer."""
    door = Door(inline=lambda _: None)

    status, answer = door.call()

    (message,) = door.messages
    assert (status, answer) == (200, {"status": "accepted", "execution_id": message["execution_id"]})


def test_what_is_not_accepted_is_not_run() -> None:
    """Calls without the key, unusable bodies and calls of an Action that is not active never reach the worker."""
    seen: list[object] = []
    door = Door(inline=seen.append)
    door.call(key="wrong")
    door.call(b"{")
    door.table.items[ACTION]["active"] = {"BOOL": False}
    door.seconds += 60

    _, answer = door.call()

    assert answer["status"] == "not_active"
    assert seen == []
    assert [message["kind"] for message in door.messages] == ["rejected", "not_run"]
