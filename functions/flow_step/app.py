"""Marketo's flow-step calls in, messages on the queue, answer out. Imports as little as it can: Marketo waits."""

from typing import Any

from leadbridge.flow_steps import from_environment


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one call of `/flow-step/{connection}/{mapping}/{operation}`."""
    return from_environment()(event).as_proxy()
