"""Webhook in, message on the queue, answer out. Imports as little as it can: a cold start delays a campaign."""

from typing import Any

from leadbridge.receiving import from_environment


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one `POST` or `GET` of `/actions/{action_id}`."""
    return from_environment()(event).as_proxy()
