"""Writes the admin API's published document: `python -m tests.contract.admin.documents`."""

import json
from pathlib import Path
from typing import Any

from tests.builders.actions import an_action
from tests.builders.admin import Admin
from tests.builders.world import World

PUBLISHED = Path(__file__).parents[3] / "docs" / "openapi-admin.json"


def document() -> dict[str, Any]:
    """The document that the API publishes at `/openapi.json`."""
    found: dict[str, Any] = Admin(World(an_action())).get("/openapi.json")
    return found


def as_text() -> str:
    """The document as it stands in docs."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(as_text(), "utf-8")
