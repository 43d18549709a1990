"""What only Adobe's files can show; collected where their folder is named."""

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # the library ships no types

from tests.contract.openapi.description import Description
from tests.contract.openapi.known import KNOWN
from tests.contract.openapi.sources import FLOW_STEP_FILE, adobes_folder
from tests.contract.openapi.traffic import Exchange


def test_every_exception_is_still_needed(traffic: list[Exchange], description: Description) -> None:
    """Each entry of the list picks some departure of the session; one that does not has to go."""
    found = list(description.judge(traffic))
    entries = [entry for known in KNOWN for entry in known.alternatives()]
    idle = [known for known in entries if not any(known.covers(each) for each in found)]
    assert idle == []


def test_the_description_of_flow_steps_can_be_read() -> None:
    """It is a JSON Schema for the OpenAPI document of a service: one without its paths is refused."""
    folder = adobes_folder()
    assert folder is not None
    schema = yaml.safe_load((folder / FLOW_STEP_FILE).read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    errors = {error.message for error in Draft202012Validator(schema).iter_errors({"openapi": "3.0.1", "paths": {}})}
    assert "'/submitAsyncAction' is a required property" in errors
