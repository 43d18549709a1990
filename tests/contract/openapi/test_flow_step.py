"""The flow-step service as Marketo would judge it: install document, definition, picklist, status and callback.

Adobe's schema of the interface judges where `MARKETO_OPENAPI_DIR` names a folder with it, else a small one of ours.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # the library ships no types
import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from leadbridge.domain.flow_step import callback_body
from leadbridge.domain.flow_step_service import MappingMode, choices, definition, openapi, status
from tests.builders.actions import an_action_document
from tests.builders.flow_steps import a_person, an_invocation, told_of
from tests.contract.openapi.sources import FLOW_STEP_FILE, FOLDER_VARIABLE

_OBJECT = {"type": "object"}
#: what the interface asks for at least, in our words
OUR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["info", "security", "paths", "components"],
    "properties": {
        "info": {"type": "object", "required": ["x-providerName", "x-schemaVersion", "x-supportContact"]},
        "paths": {"type": "object", "required": ["/submitAsyncAction", "/getServiceDefinition", "/status"]},
    },
    "components": {
        "schemas": {
            "serviceDefinition": {
                "type": "object",
                "required": ["apiName", "i18n", "primaryAttribute", "invocationPayloadDef", "callbackPayloadDef"],
            },
            "picklistObject": {"type": "object", "required": ["choices"]},
            "serviceStatus": _OBJECT,
            "flowCallBack": {"type": "object", "required": ["munchkinId"]},
            "async": {"type": "object", "required": ["campaignId", "callbackUrl"]},
        }
    },
}


def with_text_keys(value: Any) -> Any:
    """YAML reads status codes as numbers, where JSON schema and our document have texts."""
    if isinstance(value, Mapping):
        return {str(name): with_text_keys(each) for name, each in value.items()}
    if isinstance(value, list):
        return [
            str(each) if isinstance(each, int) and not isinstance(each, bool) else with_text_keys(each)
            for each in value
        ]
    return value


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Adobe's schema, or ours."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return OUR_SCHEMA
    return dict(with_text_keys(yaml.safe_load((Path(folder) / FLOW_STEP_FILE).read_text("utf-8"))))


def part(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The schema of one message."""
    return {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}


def test_the_install_document_is_openapi_and_keeps_the_interface(schema: dict[str, Any]) -> None:
    """What Marketo installs the service from is valid as OpenAPI and against the schema of the interface."""
    document = openapi("https://x.example.com/prod/flow-step/m/fields")
    OpenAPIV30SpecValidator(document).validate()
    jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("mode", list(MappingMode))
def test_the_definition_keeps_the_interface(schema: dict[str, Any], mode: MappingMode) -> None:
    """In both mapping modes; attributes of the callback share no name with flow parameters or with Marketo's own."""
    made = definition([an_action_document()], mode)
    jsonschema.validate(made, part(schema, "serviceDefinition"))
    flow = {each["apiName"] for each in made["invocationPayloadDef"]["flowAttributes"]}
    answers = {each["apiName"] for each in made["callbackPayloadDef"]["attributes"]}
    assert made["primaryAttribute"] in flow
    assert not answers & (flow | {"success", "reason", "errorCode"})


def test_picklists_status_and_callback_keep_the_interface(schema: dict[str, Any]) -> None:
    """What is answered to Marketo's other calls, and what is called back, is valid."""
    action = an_action_document()
    jsonschema.validate({"choices": choices("action", actions=[action], lists=[])}, part(schema, "picklistObject"))
    jsonschema.validate(status([action]), part(schema, "serviceStatus"))
    told = [told_of(1), told_of(2, success=False, code="no_match", reason="No match.")]
    jsonschema.validate(callback_body("123-ABC-456", told), part(schema, "flowCallBack"))


def test_what_our_tests_send_is_what_marketo_sends(schema: dict[str, Any]) -> None:
    """The invocation of our tests is one of the interface, and our own description of it takes it, too."""
    sent = an_invocation(2, objectData=[a_person(1, programMemberContext={"status": "Registered", "pmcf": {}})])
    jsonschema.validate(sent, part(schema, "async"))
    jsonschema.validate(sent, openapi(".")["components"]["schemas"]["async"])


def test_picklists_end_at_a_thousand_choices() -> None:
    """Marketo takes no more; long names are cut."""
    actions = [{"id": f"a{number}", "name": "n" * 300} for number in range(1_100)]
    found = choices("action", actions=actions, lists=[]) or []
    assert len(found) == 1_000
    assert len(found[0]["displayValue"]["en_US"]) == 255
