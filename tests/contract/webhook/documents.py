"""Writes the webhook's published documents: `python -m tests.contract.webhook.documents`."""

import json
from collections.abc import Mapping
from pathlib import Path

from leadbridge.domain.webhook_contract import json_schema, openapi, xml_schema

DOCS = Path(__file__).parents[3] / "docs"


def documents() -> Mapping[str, str]:
    """Every document by its name in docs."""
    return {
        "webhook.schema.json": _json(json_schema()),
        "webhook.xsd": xml_schema(),
        "openapi-webhook.json": _json(openapi()),
    }


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, text in documents().items():
        (DOCS / name).write_text(text, "utf-8")
