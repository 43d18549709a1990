"""Salesforce's outbound messages in, announcements on the queue, acknowledgement out."""

from typing import Any

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("receive_outbound_message", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one call of `/outbound-messages/{connection}/{key}`; the line holds neither the key nor a record."""
    answer = wiring.outbound_messages()(event)
    logger.info("outbound message answered", extra={"status": answer.status, "reason": answer.reason})
    return answer.as_proxy()
