"""The function itself, called as API Gateway calls it: one payload in every encoding, refusals recorded."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration import test_functions as functions
from tests.integration.aws.local_aws import Invocations
from tests.integration.test_functions import PERSON, Cloud, a_call, answer_of, as_records, sample

cloud, invoke, rings = functions.cloud, functions.invoke, functions.rings

type Invoke = Callable[..., Any]


@pytest.mark.parametrize("name", ["xml", "form", "query"])
def test_a_call_in_any_encoding_is_the_same_message(cloud: Cloud, invoke: Invoke, name: str) -> None:
    """XML, form and query string put the very payload on the queue that the JSON sample gives."""
    status, body = answer_of(invoke("receive_action", sample(f"apigateway/{name}.json")))

    (message,) = cloud.messages()
    assert (status, body) == (200, {"status": "accepted", "execution_id": message["execution_id"]})
    assert message["payload"] == PERSON
    assert (message["kind"], message["reason"]) == ("event", "")


@pytest.mark.fault("FA11")
@pytest.mark.parametrize(
    ("call", "status", "reason"),
    [
        pytest.param(
            lambda: a_call('<!DOCTYPE e [<!ENTITY a "b">]><event/>', **{"Content-Type": "text/xml"}),
            400,
            "body_not_xml",
            id="a document type",
        ),
        pytest.param(
            lambda: sample("apigateway/query.json") | {"multiValueQueryStringParameters": {"lead.id": ["1", "2"]}},
            400,
            "body_not_form",
            id="a doubled name",
        ),
        pytest.param(lambda: a_call("x", **{"Content-Type": "image/png"}), 415, "content_type_unknown", id="a type"),
        pytest.param(
            lambda: a_call(b"x" * 1_000_000, **{"Content-Type": "image/png"}), 413, "body_too_large", id="a large file"
        ),
    ],
)
def test_a_refused_call_is_recorded_with_its_reason_in_every_encoding(
    cloud: Cloud, invoke: Invoke, rings: Invocations, call: Callable[[], dict[str, Any]], status: int, reason: str
) -> None:
    """It is answered with its reason and a sentence, stored as rejected, and the call beside it runs unharmed."""
    refused, told = answer_of(invoke("receive_action", call()))
    accepted, _ = answer_of(invoke("receive_action", sample("apigateway/xml.json")))
    messages = cloud.messages()

    assert (refused, told["reason"], accepted) == (status, reason, 200)
    assert told["message"]
    assert invoke("store_events", as_records(*messages)) == {"batchItemFailures": []}
    stored = {item["execution_id"]: item for item in cloud.items() if item["sk"] == "log"}
    rejected = stored[told["execution_id"]]
    assert (rejected["state"], rejected["reason"], rejected["message"]) == ("rejected", reason, told["message"])
    assert sorted(item["state"] for item in stored.values()) == ["rejected", "waiting"]
    assert "umbrella" not in json.dumps(rejected, default=str)
