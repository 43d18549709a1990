"""The console's files behind API Gateway."""

from typing import Any

from leadbridge.serving import from_environment


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one `GET` below `/console`."""
    return from_environment()(event)
