"""Calls Marketo back for chunks of flow steps: one that is complete, or every minute whatever is due."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from leadbridge import wiring
from leadbridge.config import Settings
from leadbridge.observability import worker_logger

logger = worker_logger("call_back", Settings.from_environment().LOG_LEVEL)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """See to the chunk that the event names, or to all that are due."""
    try:
        report: dict[str, Any] = wiring.call_back()(
            event.get("chunk", ""), lambda: context.get_remaining_time_in_millis() / 1000
        ).as_dict()
    finally:
        wiring.meter().flush()
    logger.info("callbacks", extra=report)
    return report
