"""Writes the published documents of the admin API and of kinds: `python -m tests.contract.admin.documents`."""

import json
from pathlib import Path
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.operations import OPERATIONS, WRITABLE_FILTERS
from leadbridge.domain.pages import CONNECTOR_PAGES, CONNECTOR_TITLES, FIRST, PAGES, SECOND, TITLES
from leadbridge.domain.sync import Sync
from tests.builders.actions import an_action
from tests.builders.admin import Admin
from tests.builders.world import World

PUBLISHED = Path(__file__).parents[3] / "docs" / "openapi-admin.json"
ACTIONS = PUBLISHED.with_name("action.schema.json")
CONNECTORS = PUBLISHED.with_name("connector.schema.json")
SYNCS = PUBLISHED.with_name("sync.schema.json")
CYCLES = PUBLISHED.with_name("crm_cycle.schema.json")


def document() -> dict[str, Any]:
    """The document that the API publishes at `/openapi.json`."""
    found: dict[str, Any] = Admin(World(an_action())).get("/openapi.json")
    return found


def as_text() -> str:
    """The document as it stands in docs."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def action_schema() -> str:
    """The JSON schema of an Action, with the page on which each member stands, as it stands in docs."""
    schema = Action.model_json_schema()
    pages = {name: PAGES.get(name, SECOND) for name in schema["properties"]}
    titles = {str(number): title for number, title in TITLES.items()}
    return json.dumps(schema | {"x-pages": pages, "x-titles": titles}, indent=2, ensure_ascii=False) + "\n"


def cycle_schema() -> str:
    """The JSON schema of a CRM cycle, as it stands in docs."""
    return json.dumps(CrmCycle.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def connector_schema() -> str:
    """The JSON schema of an Action whose destination is Marketo, with its pages and what each operation takes."""
    schema = ConnectorAction.model_json_schema()
    told = {
        "x-pages": {name: CONNECTOR_PAGES.get(name, FIRST) for name in schema["properties"]},
        "x-titles": {str(number): title for number, title in CONNECTOR_TITLES.items()},
        "x-operations": {
            name.value: {"needs": sorted(facts.required), "takes": sorted(facts.optional), "most": facts.most}
            for name, facts in OPERATIONS.items()
        },
        "x-writable": sorted(WRITABLE_FILTERS),
    }
    return json.dumps(schema | told, indent=2, ensure_ascii=False) + "\n"


def sync_schema() -> str:
    """The JSON schema of a Sync, as it stands in docs."""
    return json.dumps(Sync.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(as_text(), "utf-8")
    ACTIONS.write_text(action_schema(), "utf-8")
    CONNECTORS.write_text(connector_schema(), "utf-8")
    SYNCS.write_text(sync_schema(), "utf-8")
    CYCLES.write_text(cycle_schema(), "utf-8")
