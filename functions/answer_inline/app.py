"""Webhook in, run, written values out."""

from typing import Any

from leadbridge import wiring
from leadbridge.answering import from_environment
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("answer_inline", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one `POST` or `GET` of `/actions/{action_id}/inline`."""
    try:
        return from_environment()(event).as_proxy()
    finally:
        wiring.flush_counts()
